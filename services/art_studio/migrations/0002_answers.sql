-- What was answered to commands that their callers named (Idempotency-Key): a repeated one gets the same answer.

CREATE TABLE art.answers (
    command_id text PRIMARY KEY,
    command_sha256 text NOT NULL CHECK (command_sha256 ~ '^[0-9a-f]{64}$'),
    reply bytea NOT NULL,
    answered_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN art.answers.reply IS 'canonical JSON';

GRANT SELECT, INSERT ON art.answers TO art_studio;
GRANT SELECT ON art.answers TO rmos_reader;
