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
