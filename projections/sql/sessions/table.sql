-- One row a session. Counts grow while it lives; `ended_at` is null until its end was recorded.
CREATE TABLE sessions (
    session_id      text COLLATE "C" PRIMARY KEY,
    tenant          text NOT NULL,
    counter_id      text,
    started_at      timestamptz,
    ended_at        timestamptz,
    last_at         timestamptz NOT NULL,
    end_reason      text,
    encoding        text,   -- as declared, then as detected
    phrases         bigint NOT NULL,
    recommendations bigint NOT NULL,
    bytes           bigint NOT NULL,
    samples         bigint NOT NULL,
    last_position   bigint NOT NULL
);
CREATE INDEX ON sessions (started_at);
CREATE INDEX ON sessions (tenant, started_at);
COMMENT ON TABLE sessions IS 'Sessions, living and ended, with what they heard and said so far.';
COMMENT ON COLUMN sessions.samples IS 'Samples heard, mono at 16 kHz.';
