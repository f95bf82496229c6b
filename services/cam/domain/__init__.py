"""From a job to a toolpath: pure geometry, no controller's language in it."""

from services.cam.domain.program import program_for as program_for
from services.cam.domain.toolpath import Toolpath as Toolpath
