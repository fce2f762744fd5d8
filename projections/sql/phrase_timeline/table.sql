-- One row a phrase: when, how long each hop took, what came of it. Holds no words that were said.
-- Offsets in microseconds are on the session's monotonic clock.
CREATE TABLE phrase_timeline (
    session_id           text COLLATE "C" NOT NULL,
    phrase               integer NOT NULL,
    tenant               text NOT NULL,
    counter_id           text,
    sample_start         bigint,
    sample_end           bigint,
    captured_at          timestamptz,
    captured_us          bigint,
    requested_us         bigint,   -- first request for a transcript
    sent_us              bigint,
    delivered_us         bigint,
    stt_provider         text,
    stt_model            text,
    stt_ms               double precision,
    ai1_engine           text,
    ai1_model            text,
    ai1_ms               double precision,
    ai2_engine           text,
    ai2_model            text,
    ai2_ms               double precision,
    categories           text[],
    basket               text,
    outcome              text,     -- null while the phrase is under way
    cost_usd             numeric NOT NULL DEFAULT 0,
    cpu_percent          double precision,
    system_cpu_percent   double precision,
    rss_bytes            bigint,
    system_memory_percent double precision,
    loop_lag_ms          double precision,
    last_position        bigint NOT NULL,
    speech_ms double precision GENERATED ALWAYS AS ((sample_end - sample_start) / 16.0) STORED,
    audio_ms  double precision GENERATED ALWAYS AS ((requested_us - captured_us) / 1000.0) STORED,
    ws_ms     double precision GENERATED ALWAYS AS ((delivered_us - sent_us) / 1000.0) STORED,
    total_ms  double precision GENERATED ALWAYS AS ((delivered_us - captured_us) / 1000.0) STORED,
    first_position        bigint NOT NULL,
    PRIMARY KEY (session_id, phrase)
);
CREATE INDEX ON phrase_timeline (captured_at);
CREATE INDEX ON phrase_timeline (counter_id, captured_at);
COMMENT ON TABLE phrase_timeline IS 'When each phrase was, how long each hop took (Audio, STT, AI 1, AI 2, WS), what came of it.';
COMMENT ON COLUMN phrase_timeline.captured_at IS 'When the phrase was found to be over, by the session''s clock.';
COMMENT ON COLUMN phrase_timeline.captured_us IS 'The same on the session''s monotonic clock, microseconds since its start.';
COMMENT ON COLUMN phrase_timeline.stt_ms IS 'Latency of the transcript that counted, be it accepted or rejected.';
COMMENT ON COLUMN phrase_timeline.ai1_ms IS 'Latency of normalisation.';
COMMENT ON COLUMN phrase_timeline.ai2_ms IS 'Latency of classification.';
COMMENT ON COLUMN phrase_timeline.outcome IS 'recommended, withheld:REASON, rejected:REASON, discarded:REASON or gathered; null while under way.';
COMMENT ON COLUMN phrase_timeline.cost_usd IS 'Of all calls to engines for the phrase.';
COMMENT ON COLUMN phrase_timeline.speech_ms IS 'Length of the phrase''s audio.';
COMMENT ON COLUMN phrase_timeline.audio_ms IS 'From the capture to the first request for a transcript.';
COMMENT ON COLUMN phrase_timeline.ws_ms IS 'From the recommendation''s decision until the socket had taken it.';
COMMENT ON COLUMN phrase_timeline.total_ms IS 'From the capture until the socket had taken the recommendation.';
COMMENT ON COLUMN phrase_timeline.first_position IS 'Global position of the phrase''s first event.';
COMMENT ON COLUMN phrase_timeline.last_position IS 'Global position of the last event that is in the row.';
