-- One row an item of a recommendation. An answer is about the whole recommendation, so its items share it.
CREATE TABLE advice (
    session_id        text COLLATE "C" NOT NULL,
    recommendation_id text COLLATE "C" NOT NULL,
    place             integer NOT NULL,      -- from 1, as clients show it
    tenant            text NOT NULL,
    counter_id        text,
    sent_at           timestamptz NOT NULL,
    basket            text NOT NULL,
    rule              text,                  -- null before recommendations told it
    item              text NOT NULL,
    shown             boolean NOT NULL DEFAULT false,
    answer            text,                  -- aceita or dispensada, the attendant's last word
    PRIMARY KEY (session_id, recommendation_id, place)
);
CREATE INDEX ON advice (tenant, sent_at);
CREATE INDEX ON advice (counter_id, sent_at);
