-- What follows the log inside the database: how far each has come, where the log ends, and when the first event that it
-- has not got to was recorded (NULL when there is none).
SELECT
    follower.name, follower.position, head.position,
    (SELECT recorded_at_utc FROM rmos.events WHERE events.position = follower.position + 1)
FROM (SELECT coalesce(max(position), 0) AS position FROM rmos.events) AS head
CROSS JOIN (
    SELECT 'projections' AS name, position FROM projections.projection_cursor WHERE name = 'rmos'
    UNION ALL
    SELECT 'checkpoints', coalesce(max(tree_size), 0) FROM rmos.checkpoints
) AS follower
ORDER BY follower.name
