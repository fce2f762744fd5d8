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
COMMENT ON TABLE advice IS 'Items of recommendations, and what became of them: one row an item.';
COMMENT ON COLUMN advice.place IS 'Place of the item in its recommendation, from 1, as clients show it.';
COMMENT ON COLUMN advice.rule IS 'How the basket was found; null before recommendations told it.';
COMMENT ON COLUMN advice.shown IS 'Whether the attendant''s client answered anything.';
COMMENT ON COLUMN advice.answer IS 'aceita or dispensada, the attendant''s last word on the whole recommendation.';
