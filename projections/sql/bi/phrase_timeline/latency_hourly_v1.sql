-- key: tenant, hour, hop
-- time: hour
CREATE OR REPLACE VIEW bi.latency_hourly_v1 WITH (security_invoker = true) AS
SELECT t.tenant,
       date_trunc('hour', t.captured_at, 'UTC') AS hour,
       v.hop,
       count(v.ms) AS phrases,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY v.ms) AS p50_ms,
       percentile_cont(0.95) WITHIN GROUP (ORDER BY v.ms) AS p95_ms,
       percentile_cont(0.99) WITHIN GROUP (ORDER BY v.ms) AS p99_ms
  FROM phrase_timeline t
 CROSS JOIN LATERAL (VALUES ('audio', t.audio_ms), ('stt', t.stt_ms), ('ai1', t.ai1_ms), ('ai2', t.ai2_ms),
                            ('ws', t.ws_ms), ('total', t.total_ms)) AS v (hop, ms)
 WHERE t.captured_at IS NOT NULL AND v.ms IS NOT NULL
 GROUP BY t.tenant, date_trunc('hour', t.captured_at, 'UTC'), v.hop;

COMMENT ON VIEW bi.latency_hourly_v1 IS 'One row a client, hour and hop: percentiles over the phrases captured in that hour.';
COMMENT ON COLUMN bi.latency_hourly_v1.tenant IS 'Code of the client.';
COMMENT ON COLUMN bi.latency_hourly_v1.hour IS 'Beginning of the hour, in UTC.';
COMMENT ON COLUMN bi.latency_hourly_v1.hop IS 'audio, stt, ai1, ai2, ws or total; see bi.phrase_timeline_v1.';
COMMENT ON COLUMN bi.latency_hourly_v1.phrases IS 'Phrases that took this hop.';
COMMENT ON COLUMN bi.latency_hourly_v1.p50_ms IS 'Median, interpolated between neighbours.';
COMMENT ON COLUMN bi.latency_hourly_v1.p95_ms IS '95th percentile.';
COMMENT ON COLUMN bi.latency_hourly_v1.p99_ms IS '99th percentile.';
