-- key: session_id, recommendation_id, place
-- time: sent_at
CREATE OR REPLACE VIEW bi.advice_v1 WITH (security_invoker = true) AS
SELECT session_id,
       recommendation_id,
       place,
       tenant,
       counter_id,
       sent_at,
       basket,
       rule,
       item,
       shown,
       answer
  FROM advice;

COMMENT ON VIEW bi.advice_v1 IS 'One row an item of a recommendation; an answer is about the whole recommendation, so its items share it.';
COMMENT ON COLUMN bi.advice_v1.session_id IS 'The session, as in `balto sessions`.';
COMMENT ON COLUMN bi.advice_v1.recommendation_id IS 'Of the recommendation.';
COMMENT ON COLUMN bi.advice_v1.place IS 'Of the item, from 1, as clients show it.';
COMMENT ON COLUMN bi.advice_v1.tenant IS 'Code of the client.';
COMMENT ON COLUMN bi.advice_v1.counter_id IS 'The counter, as in bi.counters_v1; null where it is not known.';
COMMENT ON COLUMN bi.advice_v1.sent_at IS 'When it was sent.';
COMMENT ON COLUMN bi.advice_v1.basket IS 'The basket that it comes from.';
COMMENT ON COLUMN bi.advice_v1.rule IS 'By which rule that was found; null before recommendations told it.';
COMMENT ON COLUMN bi.advice_v1.item IS 'What was suggested.';
COMMENT ON COLUMN bi.advice_v1.shown IS 'Whether the attendant''s client said that it was shown.';
COMMENT ON COLUMN bi.advice_v1.answer IS 'aceita or dispensada, the attendant''s last word; null without one.';
