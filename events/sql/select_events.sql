-- Events after position $1 up to and including $2, $3 at most. The offset keeps the planner from starting at the
-- streams, which would read all of the store for each page.
SELECT {columns}
  FROM events e
 CROSS JOIN LATERAL (SELECT * FROM streams s WHERE s.id = e.stream_id OFFSET 0) s
 WHERE e.position > $1 AND e.position <= $2{conditions}
 ORDER BY e.position {direction}
 LIMIT $3
