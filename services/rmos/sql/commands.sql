SELECT
    position, stream, version, event_id, type, recorded_at_utc, actor, request_id, command_id, command_index,
    command_sha256, causation_id, writer_epoch, data, leaf
FROM rmos.events
WHERE command_id = ANY (%(command_ids)s::text[])
ORDER BY command_id, command_index
