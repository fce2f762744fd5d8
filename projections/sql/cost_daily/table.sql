-- What a day at a counter cost, by step and engine. A day begins at midnight in America/Sao_Paulo.
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
