-- One row a phrase that was understood as words. The words are not here: they are sealed in the ledger.
CREATE TABLE interactions (
    session_id        text COLLATE "C" NOT NULL,
    phrase            integer NOT NULL,
    tenant            text NOT NULL,
    counter_id        text,
    at                timestamptz NOT NULL,
    position          bigint NOT NULL,   -- of the event with the words
    categories        text[],
    items             jsonb,
    recommendation_id text COLLATE "C",
    answer            text,
    PRIMARY KEY (session_id, phrase)
);
CREATE INDEX ON interactions (tenant, at);
CREATE INDEX ON interactions (counter_id, at);
CREATE INDEX ON interactions (recommendation_id);
COMMENT ON TABLE interactions IS 'Phrases understood as words, and the advice on each; the words themselves are not here.';
COMMENT ON COLUMN interactions.position IS 'Global position of the event that holds the words, sealed.';
COMMENT ON COLUMN interactions.categories IS 'MACRO/MICRO or MACRO, the strongest first.';
COMMENT ON COLUMN interactions.answer IS 'The attendant''s last word: exibida, aceita or dispensada.';
