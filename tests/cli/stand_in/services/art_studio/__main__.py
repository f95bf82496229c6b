from services.answering import run

run("art_studio")
