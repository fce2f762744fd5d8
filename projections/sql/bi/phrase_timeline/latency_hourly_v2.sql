-- key: tenant, hour, hop
-- time: hour
CREATE OR REPLACE VIEW bi.latency_hourly_v2 WITH (security_invoker = true) AS
-- As in projections/pace.py.
WITH hurried AS (
    SELECT session_id FROM phrase_timeline WHERE captured_us IS NOT NULL
     GROUP BY session_id
    HAVING max(sample_end) / 16.0 - max(captured_us) / 1000.0 > greatest(1000, 0.1 * max(sample_end) / 16.0)
)
SELECT t.tenant,
       date_trunc('hour', t.captured_at, 'UTC') AS hour,
       v.hop,
       count(v.ms) FILTER (WHERE f.session_id IS NULL) AS phrases,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY v.ms) FILTER (WHERE f.session_id IS NULL) AS p50_ms,
       percentile_cont(0.95) WITHIN GROUP (ORDER BY v.ms) FILTER (WHERE f.session_id IS NULL) AS p95_ms,
       percentile_cont(0.99) WITHIN GROUP (ORDER BY v.ms) FILTER (WHERE f.session_id IS NULL) AS p99_ms,
       count(v.ms) FILTER (WHERE f.session_id IS NOT NULL) AS left_out
  FROM phrase_timeline t
  LEFT JOIN hurried f ON f.session_id = t.session_id
 CROSS JOIN LATERAL (VALUES ('audio', t.audio_ms), ('stt', t.stt_ms), ('ai1', t.ai1_ms), ('ai2', t.ai2_ms),
                            ('ws', t.ws_ms), ('total', t.total_ms)) AS v (hop, ms)
 WHERE t.captured_at IS NOT NULL AND v.ms IS NOT NULL
 GROUP BY t.tenant, date_trunc('hour', t.captured_at, 'UTC'), v.hop;

COMMENT ON VIEW bi.latency_hourly_v2 IS 'One row a client, hour and hop: percentiles over the phrases captured in that hour, but for sessions that were sent faster than speech.';
COMMENT ON COLUMN bi.latency_hourly_v2.tenant IS 'Code of the client.';
COMMENT ON COLUMN bi.latency_hourly_v2.hour IS 'Beginning of the hour, in UTC.';
COMMENT ON COLUMN bi.latency_hourly_v2.hop IS 'audio, stt, ai1, ai2, ws or total; see bi.phrase_timeline_v1.';
COMMENT ON COLUMN bi.latency_hourly_v2.phrases IS 'Phrases that took this hop and are counted.';
COMMENT ON COLUMN bi.latency_hourly_v2.p50_ms IS 'Median, interpolated between neighbours; null where none is counted.';
COMMENT ON COLUMN bi.latency_hourly_v2.p95_ms IS '95th percentile.';
COMMENT ON COLUMN bi.latency_hourly_v2.p99_ms IS '99th percentile.';
COMMENT ON COLUMN bi.latency_hourly_v2.left_out IS 'Phrases that took this hop in sessions sent faster than speech, where they waited for one another.';
