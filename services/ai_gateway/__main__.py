from runtime.process import run
from services.ai_gateway.app import start

run("ai_gateway", start)
