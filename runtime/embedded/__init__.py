"""Real NATS, Postgres and S3 servers from Python wheels, and the supervisor behind `rmos up`.

The same servers and code paths as in production, on loopback, as child processes, with their data under one folder.
"""
