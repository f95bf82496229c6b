from services.http_front import run

run()
