-- One row a phrase that was understood as words. `text` is personal and goes when its session is erased.
CREATE TABLE interactions (
    session_id        text COLLATE "C" NOT NULL,
    phrase            integer NOT NULL,
    tenant            text NOT NULL,
    counter_id        text,
    at                timestamptz NOT NULL,
    text              text,
    categories        text[],
    items             jsonb,
    recommendation_id text COLLATE "C",
    answer            text,
    PRIMARY KEY (session_id, phrase)
);
CREATE INDEX ON interactions (tenant, at);
CREATE INDEX ON interactions (counter_id, at);
CREATE INDEX ON interactions (recommendation_id);
