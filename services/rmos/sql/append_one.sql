-- A batch of one event: as append.sql, without the arrays, which cost more than the row.
INSERT INTO rmos.events (
    position, writer_epoch, version, command_index, stream, event_id, type, recorded_at_utc, actor, request_id,
    command_id, causation_id, command_sha256, leaf, data
)
VALUES (
    %(position)b, %(writer_epoch)b, %(version)b, %(command_index)b, %(stream)b, %(event_id)b, %(type)b,
    %(recorded_at_utc)b, %(actor)b, %(request_id)b, %(command_id)b, %(causation_id)b, %(command_sha256)b, %(leaf)b,
    %(data)b
)
