-- As `select_events`, where an index finds the few events that are meant: the offset makes the planner use it, rather
-- than read by position and hope to meet them soon.
SELECT {columns}
  FROM (SELECT * FROM events e WHERE e.position > $1 AND e.position <= $2{conditions} OFFSET 0) e
 CROSS JOIN LATERAL (SELECT * FROM streams s WHERE s.id = e.stream_id OFFSET 0) s
 ORDER BY e.position {direction}
 LIMIT $3
