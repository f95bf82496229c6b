from runtime.process import run
from services.art_studio.app import start

run("art_studio", start)
