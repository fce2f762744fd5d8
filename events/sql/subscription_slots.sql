SELECT s.name, s.slot, s.slots, s.position, greatest(h.position - s.position, 0) AS lag, s.updated_at
  FROM subscriptions s CROSS JOIN head h
 WHERE $1::text IS NULL OR s.name = $1
 ORDER BY s.name, s.slot
