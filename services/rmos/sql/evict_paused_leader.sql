-- A living leader's session is never idle for longer than its heartbeat; one that Postgres itself keeps busy (a slow
-- disk, a lock) is `active` and stays. What is idle for so long is paused or unreachable: its session is ended, and
-- with it its lock and its only way to write.
SELECT activity.pid, pg_terminate_backend(activity.pid)
FROM pg_locks AS held
JOIN pg_stat_activity AS activity ON activity.pid = held.pid
WHERE held.locktype = 'advisory' AND held.granted AND held.objsubid = 1
    AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND held.classid = ((%(lock)s::bigint >> 32) & 4294967295)::oid
    AND held.objid = (%(lock)s::bigint & 4294967295)::oid
    AND activity.state <> 'active'
    AND clock_timestamp() - activity.state_change > make_interval(secs => %(paused_after_s)s)
