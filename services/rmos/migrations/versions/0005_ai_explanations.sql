-- A part of the projections' layout, as 0002_projections.sql is: names are unqualified.

CREATE TABLE ai_explanations (
    artifact_id text PRIMARY KEY,
    run_id text NOT NULL,
    position bigint NOT NULL UNIQUE,
    status text NOT NULL,
    explanation_id text NOT NULL,
    provider text,
    model text,
    ai_call_id text,
    summary text,
    text_sha256 text,
    text_size bigint,
    text_content_type text,
    error_code text,
    error_message text,
    asked_at_utc text NOT NULL,
    asked_by jsonb NOT NULL,
    answered_at_utc text
);
COMMENT ON TABLE ai_explanations IS 'What a model was asked about an artifact, and said: the latest request, of those that were made.';
CREATE INDEX ai_explanations_run ON ai_explanations (run_id);
CREATE INDEX ai_explanations_status ON ai_explanations (status, position);
CREATE INDEX ai_explanations_text ON ai_explanations (text_sha256);

CREATE OR REPLACE FUNCTION refresh_statistics() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    ANALYZE runs, artifacts, attachments, sessions, run_events, ai_explanations, rmos.events;
END $$;
