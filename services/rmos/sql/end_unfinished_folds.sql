-- A predecessor that was paused in the middle of a fold holds locks on the projections as long as it sleeps, and its
-- successor's projector would wait for it. Only a leader's projector writes there, and the new leader's has not begun.
SELECT pid, pg_terminate_backend(pid)
FROM pg_stat_activity
WHERE datname = current_database() AND usename = current_user
    AND application_name = 'rmos-projections' AND backend_xid IS NOT NULL
