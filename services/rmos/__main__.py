from runtime.process import run
from services.rmos.app import start

run("rmos", start)
