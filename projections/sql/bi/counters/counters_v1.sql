-- key: counter_id
-- time: registered_at
CREATE OR REPLACE VIEW bi.counters_v1 WITH (security_invoker = true) AS
SELECT counter_id,
       code AS tenant,
       name,
       threshold_multiplier,
       min_energy,
       registered_at
  FROM counters;

COMMENT ON VIEW bi.counters_v1 IS 'One row a counter.';
COMMENT ON COLUMN bi.counters_v1.counter_id IS 'The counter.';
COMMENT ON COLUMN bi.counters_v1.tenant IS 'Code of the client.';
COMMENT ON COLUMN bi.counters_v1.name IS 'Its name.';
COMMENT ON COLUMN bi.counters_v1.threshold_multiplier IS 'Its preset: how far above the noise a voice must be; null for the default.';
COMMENT ON COLUMN bi.counters_v1.min_energy IS 'Its preset: the least RMS level of a voice, in 16-bit units; null for the default.';
COMMENT ON COLUMN bi.counters_v1.registered_at IS 'When it was registered.';
