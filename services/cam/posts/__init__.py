"""From a toolpath to a controller's text: one writer, one table per controller."""

from services.cam.posts.tables import TABLES as TABLES
from services.cam.posts.tables import PostTable as PostTable
from services.cam.posts.writer import Program as Program
from services.cam.posts.writer import write as write
