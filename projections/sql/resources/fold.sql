-- reads: ResourcesSampled
INSERT INTO resources (position, session_id, phrase, tenant, counter_id, sampled_at, cpu_percent, system_cpu_percent,
                       rss_bytes, system_memory_percent, loop_lag_ms)
SELECT e.position, substr(s.name, 9), e.phrase, s.tenant,
       (SELECT b.data ->> 'counter_id' FROM events b WHERE b.position = s.first_pos AND b.type = 'SessionStarted'),
       e.occurred_at, m.cpu_percent, m.system_cpu_percent, m.rss_bytes, m.system_memory_percent, m.loop_lag_ms
  FROM events e
  JOIN streams s ON s.id = e.stream_id AND left(s.name, 8) = 'session-'
 CROSS JOIN LATERAL jsonb_to_record(e.data) AS m (
       cpu_percent float8, system_cpu_percent float8, rss_bytes bigint, system_memory_percent float8, loop_lag_ms float8)
 WHERE e.position > $1 AND e.position <= $2 AND e.type = 'ResourcesSampled'
 ORDER BY e.position
ON CONFLICT (position) DO NOTHING
