-- with: told_costs
-- An event at or before the row's last position is in it already.
INSERT INTO cost_daily AS t (tenant, counter_id, day, step, provider, model, calls, usd, last_position)
SELECT f.tenant, f.counter_id, f.day, f.step, f.provider, f.model, count(*) FILTER (WHERE f.called), sum(f.usd), max(f.position)
  FROM told f
  LEFT JOIN cost_daily k USING (tenant, counter_id, day, step, provider, model)
 WHERE f.position > coalesce(k.last_position, 0)
 GROUP BY f.tenant, f.counter_id, f.day, f.step, f.provider, f.model
ON CONFLICT (tenant, counter_id, day, step, provider, model) DO UPDATE SET
    calls         = t.calls + excluded.calls,
    usd           = t.usd + excluded.usd,
    last_position = excluded.last_position
