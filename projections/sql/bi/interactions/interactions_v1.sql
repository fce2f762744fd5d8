-- key: session_id, phrase
-- time: at
CREATE OR REPLACE VIEW bi.interactions_v1 WITH (security_invoker = true) AS
SELECT session_id,
       phrase,
       tenant,
       counter_id,
       at,
       categories,
       items,
       recommendation_id,
       answer
  FROM interactions;

COMMENT ON VIEW bi.interactions_v1 IS 'One row a phrase that was understood as words, and the advice on it. The words themselves are not here.';
COMMENT ON COLUMN bi.interactions_v1.session_id IS 'The session, as in `balto sessions`.';
COMMENT ON COLUMN bi.interactions_v1.phrase IS 'Number of the phrase in its session, from 1.';
COMMENT ON COLUMN bi.interactions_v1.tenant IS 'Code of the client.';
COMMENT ON COLUMN bi.interactions_v1.counter_id IS 'The counter, as in bi.counters_v1; null where it is not known.';
COMMENT ON COLUMN bi.interactions_v1.at IS 'When the words were known.';
COMMENT ON COLUMN bi.interactions_v1.categories IS '`MACRO/MICRO` or `MACRO`, the strongest first.';
COMMENT ON COLUMN bi.interactions_v1.items IS 'What was recommended: a list of objects with sugestao, explicacao and tag; null where nothing was.';
COMMENT ON COLUMN bi.interactions_v1.recommendation_id IS 'Of the recommendation; null where there is none.';
COMMENT ON COLUMN bi.interactions_v1.answer IS 'The attendant''s latest answer: exibida, aceita or dispensada.';
