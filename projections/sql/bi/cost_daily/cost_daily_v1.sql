-- key: tenant, counter_id, day, step, provider, model
-- time: day
CREATE OR REPLACE VIEW bi.cost_daily_v1 WITH (security_invoker = true) AS
SELECT tenant,
       counter_id,
       day,
       step,
       provider,
       model,
       calls,
       usd
  FROM cost_daily;

COMMENT ON VIEW bi.cost_daily_v1 IS 'One row a counter, day, step and engine: what it cost.';
COMMENT ON COLUMN bi.cost_daily_v1.tenant IS 'Code of the client.';
COMMENT ON COLUMN bi.cost_daily_v1.counter_id IS 'The counter, as in bi.counters_v1; null where it is not known.';
COMMENT ON COLUMN bi.cost_daily_v1.day IS 'Day by Brasília time, UTC-3 all year.';
COMMENT ON COLUMN bi.cost_daily_v1.step IS 'transcription, comparison, normalisation or classification.';
COMMENT ON COLUMN bi.cost_daily_v1.provider IS 'The engine; empty where the event does not tell.';
COMMENT ON COLUMN bi.cost_daily_v1.model IS 'Its model.';
COMMENT ON COLUMN bi.cost_daily_v1.calls IS 'Calls made, whatever came of them.';
COMMENT ON COLUMN bi.cost_daily_v1.usd IS 'What they cost, in US dollars.';
