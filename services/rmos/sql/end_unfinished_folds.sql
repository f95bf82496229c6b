-- A predecessor that was paused in the middle of a fold or a swap holds locks on the projections as long as it sleeps,
-- and its successor's projector would wait for it. Only a leader's projector writes there, and the new leader's has not
-- begun; a rebuild that somebody ordered begins again.
SELECT pid, pg_terminate_backend(pid)
FROM pg_stat_activity
WHERE datname = current_database() AND usename = current_user
    AND application_name IN ('rmos-projections', 'rmos-rebuild') AND backend_xid IS NOT NULL
