-- What a day at a counter cost, by step and engine. Days as those of counter_daily: three hours behind UTC.
CREATE TABLE cost_daily (
    tenant        text NOT NULL,
    counter_id    text COLLATE "C" NOT NULL,
    day           date NOT NULL,
    step          text NOT NULL,    -- transcription, comparison, normalisation, classification
    provider      text NOT NULL,    -- empty where the event does not tell
    model         text NOT NULL,
    calls         bigint NOT NULL,  -- made, whatever came of them
    usd           numeric NOT NULL,
    last_position bigint NOT NULL,
    PRIMARY KEY (tenant, counter_id, day, step, provider, model)
);
CREATE INDEX ON cost_daily (day);
CREATE INDEX ON cost_daily (counter_id, day);
COMMENT ON TABLE cost_daily IS 'What a day at a counter cost: one row a counter, day, step, engine and model.';
COMMENT ON COLUMN cost_daily.day IS 'Day by Brasília time, UTC-3 all year.';
COMMENT ON COLUMN cost_daily.step IS 'transcription, comparison, normalisation or classification.';
COMMENT ON COLUMN cost_daily.provider IS 'Empty where the event does not tell.';
COMMENT ON COLUMN cost_daily.calls IS 'Calls made, whatever came of them.';
COMMENT ON COLUMN cost_daily.usd IS 'US dollars, by the price list.';
