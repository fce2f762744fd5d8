-- key: position
-- time: sampled_at
CREATE OR REPLACE VIEW bi.resources_v1 WITH (security_invoker = true) AS
SELECT position,
       session_id,
       phrase,
       tenant,
       counter_id,
       sampled_at,
       cpu_percent,
       system_cpu_percent,
       rss_bytes,
       system_memory_percent,
       loop_lag_ms
  FROM resources;

COMMENT ON VIEW bi.resources_v1 IS 'One row a sample of the process and its machine, taken at the moment of a phrase.';
COMMENT ON COLUMN bi.resources_v1.position IS 'Global position of the sample''s event.';
COMMENT ON COLUMN bi.resources_v1.session_id IS 'The session, as in `balto sessions`.';
COMMENT ON COLUMN bi.resources_v1.phrase IS 'Number of the phrase in its session, from 1.';
COMMENT ON COLUMN bi.resources_v1.tenant IS 'Code of the client.';
COMMENT ON COLUMN bi.resources_v1.counter_id IS 'The counter, as in bi.counters_v1; null where it is not known.';
COMMENT ON COLUMN bi.resources_v1.sampled_at IS 'When it was taken.';
COMMENT ON COLUMN bi.resources_v1.cpu_percent IS 'Of one core, by the process, since its previous sample.';
COMMENT ON COLUMN bi.resources_v1.system_cpu_percent IS 'Of all cores, by everything on the machine.';
COMMENT ON COLUMN bi.resources_v1.rss_bytes IS 'Memory of the process, resident.';
COMMENT ON COLUMN bi.resources_v1.system_memory_percent IS 'Memory of the machine in use.';
COMMENT ON COLUMN bi.resources_v1.loop_lag_ms IS 'How late the process''s event loop was.';
