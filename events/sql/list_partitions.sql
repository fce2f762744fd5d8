SELECT c.relname::text AS name, b.first, b."end",
       greatest(least(h.position + 1, b."end") - greatest(b.first, 1), 0) AS events,
       pg_total_relation_size(c.oid) AS bytes
  FROM pg_inherits i
  JOIN pg_class c ON c.oid = i.inhrelid
 CROSS JOIN LATERAL regexp_match(pg_get_expr(c.relpartbound, c.oid), $$FROM \('(\d+)'\) TO \('(\d+)'\)$$) AS bound
 CROSS JOIN LATERAL (SELECT bound[1]::bigint AS first, bound[2]::bigint AS "end") b
 CROSS JOIN head h
 WHERE i.inhparent = 'events'::regclass AND NOT i.inhdetachpending
 ORDER BY b.first
