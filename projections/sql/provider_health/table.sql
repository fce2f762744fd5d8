-- One row an hour, pharmacy, step and engine: how often it was asked, and how it fared. Sums are exact numbers, since
-- those of floating point depend on where a run of events was cut.
CREATE TABLE provider_health (
    tenant          text NOT NULL,
    hour            timestamptz NOT NULL,
    step            text COLLATE "C" NOT NULL,
    provider        text COLLATE "C" NOT NULL,
    model           text COLLATE "C" NOT NULL,
    asked           bigint NOT NULL,
    answered        bigint NOT NULL,
    rejected        bigint NOT NULL,
    failed          bigint NOT NULL,
    cancelled       bigint NOT NULL,
    lost            bigint NOT NULL,
    passed_over     bigint NOT NULL,
    latency_ms_sum  numeric NOT NULL,
    latency_ms_max  double precision,
    within_300_ms   bigint NOT NULL,
    within_600_ms   bigint NOT NULL,
    within_1000_ms  bigint NOT NULL,
    within_2000_ms  bigint NOT NULL,
    cost_usd        numeric NOT NULL,
    last_failure    text,
    last_failure_at timestamptz,
    last_position   bigint NOT NULL,
    PRIMARY KEY (tenant, hour, step, provider, model)
);
CREATE INDEX ON provider_health (hour);
COMMENT ON TABLE provider_health IS 'How speech-to-text and language engines fared: one row an hour, pharmacy, step, engine and model.';
COMMENT ON COLUMN provider_health.hour IS 'Beginning of the hour, UTC, by the session''s clock.';
COMMENT ON COLUMN provider_health.step IS 'transcription, comparison, normalisation or classification.';
COMMENT ON COLUMN provider_health.provider IS 'Empty where the event does not tell, as withdrawn offers once did not.';
COMMENT ON COLUMN provider_health.asked IS 'Requests, offers of phrases not yet over, streams of phrases being said, and backups beside them.';
COMMENT ON COLUMN provider_health.answered IS 'Answers that were taken, good or rejected; one of an offer counts when its phrase takes it.';
COMMENT ON COLUMN provider_health.rejected IS 'Answers taken for noise or invention; they are among the answered.';
COMMENT ON COLUMN provider_health.failed IS 'Calls that gave no answer.';
COMMENT ON COLUMN provider_health.cancelled IS 'Calls stopped since another engine had answered.';
COMMENT ON COLUMN provider_health.lost IS 'Answers that came second.';
COMMENT ON COLUMN provider_health.passed_over IS 'Times it was not asked, being left alone for a while.';
COMMENT ON COLUMN provider_health.latency_ms_sum IS 'Over the answered; divided by them, the mean latency in milliseconds.';
COMMENT ON COLUMN provider_health.within_300_ms IS 'Answers within so many milliseconds; each such column counts the ones before as well.';
COMMENT ON COLUMN provider_health.cost_usd IS 'US dollars, of answers and of calls for nothing.';
COMMENT ON COLUMN provider_health.last_failure IS 'Code of the latest failure. Ours, never the provider''s words.';
