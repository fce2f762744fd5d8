-- As `select_events`, of the streams with the ids in $4 alone: each gives its first events after the position.
SELECT {columns}
  FROM (SELECT e.*
          FROM unnest($4::bigint[]) AS i (id)
         CROSS JOIN LATERAL (SELECT * FROM events e
                              WHERE e.stream_id = i.id AND e.position > $1 AND e.position <= $2{conditions}
                              ORDER BY e.position {direction}
                              LIMIT $3) e
         ORDER BY e.position {direction}
         LIMIT $3) e
 CROSS JOIN LATERAL (SELECT * FROM streams s WHERE s.id = e.stream_id OFFSET 0) s
 ORDER BY e.position {direction}
