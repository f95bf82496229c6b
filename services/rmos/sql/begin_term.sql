INSERT INTO rmos.writer_epochs (holder, backend_pid) VALUES (%(holder)s, pg_backend_pid()) RETURNING epoch
