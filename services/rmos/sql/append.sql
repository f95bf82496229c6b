-- One batch of the group commit. unnest keeps the order; the position is the last one plus the row's number.
INSERT INTO rmos.events (
    position, writer_epoch, version, command_index, stream, event_id, type, recorded_at_utc, actor, request_id,
    command_id, causation_id, command_sha256, leaf, data
)
SELECT
    %(last_position)b::bigint + batch.number, %(writer_epoch)b::bigint, batch.version, batch.command_index,
    batch.stream, batch.event_id, batch.type, %(recorded_at_utc)b::text, batch.actor, batch.request_id,
    batch.command_id, batch.causation_id, batch.command_sha256, batch.leaf, batch.data
FROM unnest(
    %(version)b::int4[], %(command_index)b::int4[], %(stream)b::text[], %(event_id)b::text[], %(type)b::text[],
    %(actor)b::text[], %(request_id)b::text[], %(command_id)b::text[], %(causation_id)b::text[],
    %(command_sha256)b::bytea[], %(leaf)b::bytea[], %(data)b::bytea[]
) WITH ORDINALITY AS batch (
    version, command_index, stream, event_id, type, actor, request_id, command_id, causation_id, command_sha256, leaf,
    data, number
)
