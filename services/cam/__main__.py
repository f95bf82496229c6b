from runtime.process import run
from services.cam.app import start

run("cam", start)
