-- The event log. Append-only for every role: what may be done to it is INSERT and SELECT, and an INSERT must continue
-- the log without a gap, in the current term of the one writer.

CREATE TABLE rmos.writer_epochs (
    epoch bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    holder text NOT NULL,
    backend_pid integer NOT NULL,
    began_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE rmos.writer_epochs IS 'One row a term of leadership; the highest epoch is the one that may append.';

CREATE TABLE rmos.events (
    position bigint NOT NULL,
    writer_epoch bigint NOT NULL,
    version integer NOT NULL,
    command_index integer NOT NULL,
    stream text NOT NULL,
    event_id text NOT NULL,
    type text NOT NULL,
    recorded_at_utc text NOT NULL,
    actor text NOT NULL,
    request_id text NOT NULL,
    command_id text NOT NULL,
    causation_id text,
    command_sha256 bytea NOT NULL,
    leaf bytea NOT NULL,
    data bytea NOT NULL,
    CONSTRAINT events_position PRIMARY KEY (position),
    CONSTRAINT events_stream_version UNIQUE (stream, version),
    CONSTRAINT events_event_id UNIQUE (event_id),
    CONSTRAINT events_command UNIQUE (command_id, command_index),
    CONSTRAINT events_values CHECK (
        position >= 1 AND version >= 1 AND command_index >= 0
        AND length(recorded_at_utc) = 27 AND octet_length(command_sha256) = 32 AND octet_length(leaf) = 32
    )
);
COMMENT ON COLUMN rmos.events.position IS 'Commit order, contiguous from 1; equals the sequence in the bus stream LOG.';
COMMENT ON COLUMN rmos.events.recorded_at_utc IS 'RFC 3339 UTC with microseconds: text, because its bytes are hashed.';
COMMENT ON COLUMN rmos.events.actor IS 'Canonical JSON: text, because its bytes are hashed.';
COMMENT ON COLUMN rmos.events.command_sha256 IS 'Digest of the command: a repeated command id with another digest is refused.';
COMMENT ON COLUMN rmos.events.data IS 'Canonical JSON (RFC 8785): the authority; its digest is in the leaf.';
COMMENT ON COLUMN rmos.events.leaf IS 'RFC 6962 leaf hash over all other columns (services/rmos/domain/leaf.py).';

CREATE FUNCTION rmos.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on %.% refused: the record is append-only', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;

-- A statement trigger also refuses what would touch no row, and ON CONFLICT DO UPDATE; ALWAYS: also in replica mode.
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON rmos.events
    FOR EACH STATEMENT EXECUTE FUNCTION rmos.refuse_change();
ALTER TABLE rmos.events ENABLE ALWAYS TRIGGER append_only;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON rmos.writer_epochs
    FOR EACH STATEMENT EXECUTE FUNCTION rmos.refuse_change();
ALTER TABLE rmos.writer_epochs ENABLE ALWAYS TRIGGER append_only;

-- The fence that does not trust the service: a gap, or a writer whose term is over, is refused by the database itself.
CREATE FUNCTION rmos.continue_the_log() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    first bigint;
    last bigint;
    rows bigint;
    lowest_epoch bigint;
    highest_epoch bigint;
BEGIN
    SELECT min(position), max(position), count(*), min(writer_epoch), max(writer_epoch)
    INTO first, last, rows, lowest_epoch, highest_epoch FROM inserted;
    IF rows = 0 THEN
        RETURN NULL;
    END IF;
    IF last - first + 1 <> rows
        OR (first > 1 AND NOT EXISTS (SELECT FROM rmos.events WHERE position = first - 1)) THEN
        RAISE EXCEPTION 'positions % to % do not continue the log', first, last USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF lowest_epoch <> highest_epoch
        OR highest_epoch <> (SELECT epoch FROM rmos.writer_epochs ORDER BY epoch DESC LIMIT 1) THEN
        RAISE EXCEPTION 'the term % of this writer is over', lowest_epoch USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER continue_the_log AFTER INSERT ON rmos.events
    REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT EXECUTE FUNCTION rmos.continue_the_log();
ALTER TABLE rmos.events ENABLE ALWAYS TRIGGER continue_the_log;

GRANT SELECT, INSERT ON rmos.events TO rmos_writer;
GRANT SELECT, INSERT (holder, backend_pid) ON rmos.writer_epochs TO rmos_writer;
