SELECT
    position, stream, version, event_id, type, recorded_at_utc, actor, request_id, command_id, command_index,
    command_sha256, causation_id, writer_epoch, data, leaf
FROM rmos.events
WHERE stream = ANY(%(streams)s) AND position <= %(up_to)s
ORDER BY position
