-- What a session cost, by step and engine.
CREATE TABLE cost_sessions (
    session_id    text COLLATE "C" NOT NULL,
    tenant        text NOT NULL,
    counter_id    text COLLATE "C" NOT NULL,
    step          text NOT NULL,    -- transcription, comparison, normalisation, classification
    provider      text NOT NULL,    -- empty where the event does not tell
    model         text NOT NULL,
    calls         bigint NOT NULL,  -- made, whatever came of them
    usd           numeric NOT NULL,
    last_position bigint NOT NULL,
    PRIMARY KEY (session_id, step, provider, model)
);
COMMENT ON TABLE cost_sessions IS 'What a session cost: one row a session, step, engine and model.';
COMMENT ON COLUMN cost_sessions.step IS 'transcription, comparison, normalisation or classification.';
COMMENT ON COLUMN cost_sessions.provider IS 'Empty where the event does not tell.';
COMMENT ON COLUMN cost_sessions.calls IS 'Calls made, whatever came of them.';
COMMENT ON COLUMN cost_sessions.usd IS 'US dollars, by the price list.';
