-- One row a counter, with its latest key's hash, voice-detection preset and terms. Its client's name is in `clients`.
CREATE TABLE counters (
    counter_id           text COLLATE "C" PRIMARY KEY,
    code                 text NOT NULL,   -- of the client; the tenant
    name                 text,
    key_sha256           text COLLATE "C",
    threshold_multiplier double precision,
    min_energy           double precision,
    registered_at        timestamptz,
    terms                jsonb           -- as in CounterTermsChanged; null: never set
);
CREATE INDEX ON counters (key_sha256);
CREATE INDEX ON counters (code);
COMMENT ON TABLE counters IS 'Counters, each with its latest key''s hash and its voice-detection preset.';
COMMENT ON COLUMN counters.code IS 'Of its pharmacy: the tenant.';
