-- The asset index: generated designs by content, and every request that generated one.
-- The service may add and read; nothing in it changes or disappears.

CREATE TABLE art.assets (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    asset_id text NOT NULL UNIQUE CHECK (asset_id ~ '^asset_[0-9a-f]{12,64}$'),
    digest text NOT NULL UNIQUE CHECK (digest ~ '^[0-9a-f]{64}$'),
    svg jsonb NOT NULL,
    spec jsonb NOT NULL,
    preview jsonb NOT NULL
);
COMMENT ON COLUMN art.assets.digest IS 'of the SVG''s and the spec''s digests: the same design is one asset';

CREATE TABLE art.asset_origins (
    asset_id text NOT NULL REFERENCES art.assets (asset_id),
    request_id text NOT NULL,
    variant_seed bigint NOT NULL,
    request_seed bigint NOT NULL,
    created_at_utc text NOT NULL,
    provenance jsonb NOT NULL,
    prompt_sha256 text NOT NULL CHECK (prompt_sha256 ~ '^[0-9a-f]{64}$'),
    meta jsonb NOT NULL,
    PRIMARY KEY (asset_id, request_id, variant_seed)
);
COMMENT ON COLUMN art.asset_origins.request_seed IS 'the seed of the whole request, from which variant_seed is derived';

CREATE INDEX asset_origins_by_request ON art.asset_origins (request_id);
CREATE INDEX asset_origins_by_variant_seed ON art.asset_origins (variant_seed);
CREATE INDEX asset_origins_by_request_seed ON art.asset_origins (request_seed);

GRANT SELECT, INSERT ON art.assets, art.asset_origins TO art_studio;
GRANT SELECT ON art.assets, art.asset_origins TO rmos_reader;
