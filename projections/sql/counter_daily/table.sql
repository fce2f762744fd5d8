-- One row a counter and day. Days are by Brasília time, at a fixed three hours behind UTC: a rebuild after the next
-- change of a time zone's rules must give the same rows.
CREATE TABLE counter_daily (
    tenant          text NOT NULL,
    counter_id      text COLLATE "C" NOT NULL,
    day             date NOT NULL,
    sessions        bigint NOT NULL,
    phrases         bigint NOT NULL,
    discarded       bigint NOT NULL,
    transcribed     bigint NOT NULL,
    rejected        bigint NOT NULL,
    recommendations bigint NOT NULL,
    withheld        bigint NOT NULL,
    shown           bigint NOT NULL,
    accepted        bigint NOT NULL,
    dismissed       bigint NOT NULL,
    heard_ms        numeric NOT NULL,
    spoken_ms       numeric NOT NULL,
    cost_usd        numeric NOT NULL,
    first_at        timestamptz NOT NULL,
    last_at         timestamptz NOT NULL,
    last_position   bigint NOT NULL,
    PRIMARY KEY (tenant, counter_id, day)
);
CREATE INDEX ON counter_daily (day);
COMMENT ON TABLE counter_daily IS 'What a counter heard, understood and advised: one row a counter and day.';
COMMENT ON COLUMN counter_daily.day IS 'Day by Brasília time (UTC-3), of when the event happened by the session''s clock.';
COMMENT ON COLUMN counter_daily.sessions IS 'Sessions that began.';
COMMENT ON COLUMN counter_daily.phrases IS 'Phrases captured.';
COMMENT ON COLUMN counter_daily.discarded IS 'Stretches of sound given up before transcription.';
COMMENT ON COLUMN counter_daily.transcribed IS 'Phrases understood as words.';
COMMENT ON COLUMN counter_daily.rejected IS 'Transcripts taken for noise or invention.';
COMMENT ON COLUMN counter_daily.recommendations IS 'Recommendations sent.';
COMMENT ON COLUMN counter_daily.withheld IS 'Phrases answered with silence, for a reason.';
COMMENT ON COLUMN counter_daily.shown IS 'Answers `exibida` of attendants'' clients.';
COMMENT ON COLUMN counter_daily.accepted IS 'Answers `aceita`.';
COMMENT ON COLUMN counter_daily.dismissed IS 'Answers `dispensada`.';
COMMENT ON COLUMN counter_daily.heard_ms IS 'Length of the audio received, milliseconds.';
COMMENT ON COLUMN counter_daily.spoken_ms IS 'Length of the phrases captured, milliseconds.';
COMMENT ON COLUMN counter_daily.cost_usd IS 'Of all calls to engines.';
