-- The signed checkpoints of the log. Append-only like the log itself: a checkpoint that was signed was signed.

CREATE TABLE rmos.checkpoints (
    tree_size bigint NOT NULL,
    root bytea NOT NULL,
    note bytea NOT NULL,
    writer_epoch bigint NOT NULL,
    made_at_utc text NOT NULL,
    CONSTRAINT checkpoints_tree_size PRIMARY KEY (tree_size),
    CONSTRAINT checkpoints_values CHECK (tree_size >= 1 AND octet_length(root) = 32 AND length(made_at_utc) = 27)
);
COMMENT ON TABLE rmos.checkpoints IS 'Every checkpoint ever signed; the newest also lies in the object store, for everybody.';
COMMENT ON COLUMN rmos.checkpoints.tree_size IS 'Events that it covers: the positions 1 to tree_size.';
COMMENT ON COLUMN rmos.checkpoints.note IS 'C2SP tlog-checkpoint, as published.';

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON rmos.checkpoints
    FOR EACH STATEMENT EXECUTE FUNCTION rmos.refuse_change();
ALTER TABLE rmos.checkpoints ENABLE ALWAYS TRIGGER append_only;

-- Only the writer of the current term signs, only what is in the log, and only ever more of it. The lock makes two
-- signers wait for each other, so that neither can miss the other's row.
CREATE FUNCTION rmos.continue_the_checkpoints() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(7266811002);
    IF NEW.tree_size <= (SELECT coalesce(max(tree_size), 0) FROM rmos.checkpoints) THEN
        RAISE EXCEPTION 'a checkpoint of % events or more exists', NEW.tree_size USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.writer_epoch <> (SELECT coalesce(max(epoch), 0) FROM rmos.writer_epochs) THEN
        RAISE EXCEPTION 'the term % of this writer is over', NEW.writer_epoch USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.tree_size > (SELECT coalesce(max(position), 0) FROM rmos.events) THEN
        RAISE EXCEPTION 'the log has fewer than % events', NEW.tree_size USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER continue_the_checkpoints BEFORE INSERT ON rmos.checkpoints
    FOR EACH ROW EXECUTE FUNCTION rmos.continue_the_checkpoints();
ALTER TABLE rmos.checkpoints ENABLE ALWAYS TRIGGER continue_the_checkpoints;

GRANT SELECT, INSERT ON rmos.checkpoints TO rmos_writer;
