from services.answering import run

run("ai_gateway")
