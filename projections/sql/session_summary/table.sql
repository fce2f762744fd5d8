-- One row a session: how it went. It grows while the session lives; `ended_at` is null until its end was recorded.
CREATE TABLE session_summary (
    session_id      text COLLATE "C" PRIMARY KEY,
    tenant          text NOT NULL,
    counter_id      text,
    started_at      timestamptz,
    ended_at        timestamptz,
    end_reason      text,
    last_at         timestamptz NOT NULL,
    duration_ms     double precision NOT NULL,
    heard_ms        numeric NOT NULL,
    spoken_ms       numeric NOT NULL,
    phrases         bigint NOT NULL,
    discarded       bigint NOT NULL,
    transcribed     bigint NOT NULL,
    rejected        bigint NOT NULL,
    failures        bigint NOT NULL,
    recommendations bigint NOT NULL,
    withheld        bigint NOT NULL,
    shown           bigint NOT NULL,
    accepted        bigint NOT NULL,
    dismissed       bigint NOT NULL,
    resumed         bigint NOT NULL,
    undelivered     bigint NOT NULL,
    erased          boolean NOT NULL,
    events          bigint NOT NULL,
    cost_usd        numeric NOT NULL,
    last_position   bigint NOT NULL
);
CREATE INDEX ON session_summary (started_at);
CREATE INDEX ON session_summary (tenant, started_at);
COMMENT ON TABLE session_summary IS 'How a session went, up to now or to its end: one row a session.';
COMMENT ON COLUMN session_summary.ended_at IS 'Null while it lives, or if it was cut off without an end.';
COMMENT ON COLUMN session_summary.duration_ms IS 'From its start to its latest event, on the session''s monotonic clock, milliseconds.';
COMMENT ON COLUMN session_summary.heard_ms IS 'Length of the audio received, milliseconds.';
COMMENT ON COLUMN session_summary.spoken_ms IS 'Length of the phrases captured, milliseconds.';
COMMENT ON COLUMN session_summary.transcribed IS 'Phrases understood as words.';
COMMENT ON COLUMN session_summary.rejected IS 'Transcripts taken for noise or invention.';
COMMENT ON COLUMN session_summary.failures IS 'Calls to engines that gave no answer.';
COMMENT ON COLUMN session_summary.withheld IS 'Phrases answered with silence, for a reason.';
COMMENT ON COLUMN session_summary.resumed IS 'How often a connection took it up again.';
COMMENT ON COLUMN session_summary.undelivered IS 'Messages within the session that died.';
COMMENT ON COLUMN session_summary.erased IS 'Whether what it held of a person was destroyed.';
COMMENT ON COLUMN session_summary.cost_usd IS 'Of all calls to engines.';
