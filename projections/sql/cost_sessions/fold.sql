-- with: told_costs
-- An event at or before the row's last position is in it already.
INSERT INTO cost_sessions AS t (session_id, tenant, counter_id, step, provider, model, calls, usd, last_position)
SELECT f.session_id, f.tenant, f.counter_id, f.step, f.provider, f.model, count(*) FILTER (WHERE f.called), sum(f.usd), max(f.position)
  FROM told f
  LEFT JOIN cost_sessions k USING (session_id, tenant, counter_id, step, provider, model)
 WHERE f.position > coalesce(k.last_position, 0)
 GROUP BY f.session_id, f.tenant, f.counter_id, f.step, f.provider, f.model
ON CONFLICT (session_id, step, provider, model) DO UPDATE SET
    calls         = t.calls + excluded.calls,
    usd           = t.usd + excluded.usd,
    last_position = excluded.last_position
