from services.answering import run

run("rmos")
