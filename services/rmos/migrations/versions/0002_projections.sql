-- Projections: folds of the event log. They can be dropped and folded again at any time (services/rmos/projections).
-- Names are unqualified: the same script makes the tables in schema `projections` and in one beside it for a rebuild.

CREATE TABLE projection_cursor (
    name text PRIMARY KEY,
    position bigint NOT NULL CHECK (position >= 0),
    fold_version integer NOT NULL
);
COMMENT ON TABLE projection_cursor IS 'Up to which log position the tables beside it are folded; moved in the same transaction.';
INSERT INTO projection_cursor (name, position, fold_version) VALUES ('rmos', 0, 1);

CREATE TABLE runs (
    run_id text PRIMARY KEY,
    position bigint NOT NULL UNIQUE,
    created_at_utc text NOT NULL,
    updated_at_utc text NOT NULL,
    mode text NOT NULL,
    label text,
    workflow_session_id text,
    context jsonb NOT NULL,
    tool_id text,
    request_id text NOT NULL,
    opened_by text NOT NULL,
    status text NOT NULL,
    risk_level text,
    score numeric,
    block_reason text,
    artifact_count integer NOT NULL,
    attachment_count integer NOT NULL,
    last_artifact_id text,
    last_kind text,
    deleted_at_utc text,
    purged_at_utc text
);
COMMENT ON COLUMN runs.tool_id IS 'Of the latest decision that names one, else of the opening; filtered by prefix (C collation).';
-- Lists are newest first: each filter alone finds its page by walking one index backwards.
CREATE INDEX runs_mode ON runs (mode, position);
CREATE INDEX runs_status ON runs (status, position);
CREATE INDEX runs_risk_level ON runs (risk_level, position);
CREATE INDEX runs_session ON runs (workflow_session_id, position);
CREATE INDEX runs_tool ON runs (tool_id, position);
CREATE INDEX runs_created ON runs (created_at_utc, position);
CREATE INDEX runs_day ON runs ("left"(created_at_utc, 10), position);
-- Retention looks for what nothing has happened to for long.
CREATE INDEX runs_updated ON runs (updated_at_utc, run_id);

CREATE TABLE artifacts (
    artifact_id text PRIMARY KEY,
    run_id text NOT NULL,
    position bigint NOT NULL UNIQUE,
    kind text NOT NULL,
    status text NOT NULL,
    risk_level text NOT NULL,
    score numeric,
    block_reason text,
    created_at_utc text NOT NULL,
    hashes jsonb NOT NULL,
    document jsonb NOT NULL
);
CREATE INDEX artifacts_run ON artifacts (run_id, position);
CREATE INDEX artifacts_kind ON artifacts (kind, run_id);

CREATE TABLE attachments (
    run_id text NOT NULL,
    kind text NOT NULL,
    attachment_id text NOT NULL,
    position bigint NOT NULL UNIQUE,
    filename text NOT NULL,
    content_type text NOT NULL,
    size bigint NOT NULL,
    metadata jsonb NOT NULL,
    created_at_utc text NOT NULL,
    PRIMARY KEY (run_id, attachment_id, kind)
);
CREATE INDEX attachments_kind ON attachments (run_id, kind, position);
CREATE INDEX attachments_content ON attachments (attachment_id);

CREATE TABLE sessions (
    session_id text PRIMARY KEY,
    position bigint NOT NULL UNIQUE,
    state text NOT NULL,
    mode text NOT NULL,
    label text,
    context jsonb NOT NULL,
    created_at_utc text NOT NULL,
    updated_at_utc text NOT NULL,
    opened_by text NOT NULL,
    run_id text,
    design_sha256 text,
    feasibility_sha256 text,
    risk_level text,
    score numeric,
    approval_artifact_id text,
    approved_by text,
    toolpaths_artifact_id text,
    deleted_at_utc text,
    version integer NOT NULL
);
CREATE INDEX sessions_state ON sessions (state, position);

CREATE TABLE run_events (
    run_id text NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (run_id, position)
);
COMMENT ON TABLE run_events IS 'Which events of the log speak of a run, those of its session included.';

-- Fresh tables have no statistics until autovacuum comes by, and plans made without any scan everything. The projector
-- calls this as the tables grow; only their owner may ANALYZE them, hence the definer's rights.
CREATE FUNCTION refresh_statistics() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    ANALYZE runs, artifacts, attachments, sessions, run_events, rmos.events;
END $$;
