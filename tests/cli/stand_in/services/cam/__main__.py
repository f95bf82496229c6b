from services.answering import run

run("cam")
