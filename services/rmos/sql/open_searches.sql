-- Starts of searches without an end, among the newest events: an older one was ended by a leader long ago.
SELECT
    position, stream, version, event_id, type, recorded_at_utc, actor, request_id, command_id, command_index,
    command_sha256, causation_id, writer_epoch, data, leaf
FROM rmos.events AS started
WHERE started.position > (SELECT coalesce(max(position), 0) FROM rmos.events) - %(window)s::bigint
    AND started.type = 'rmos.search_started.v1'
    AND NOT EXISTS (
        SELECT FROM rmos.events AS ended
        WHERE ended.stream = started.stream AND ended.type = 'rmos.search_ended.v1'
    )
ORDER BY started.position
