from runtime.process import run
from services.gateway.app import start

run("gateway", start)
