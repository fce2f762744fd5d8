SELECT r.byte_start, r.sealed, s.name, s.key_id
  FROM streams s
 CROSS JOIN LATERAL (SELECT * FROM recordings r
                      WHERE r.stream_id = s.id
                        AND r.byte_start >= coalesce((SELECT max(b.byte_start) FROM recordings b
                                                       WHERE b.stream_id = s.id AND b.byte_start <= $2), 0)
                        AND r.byte_end > $2
                      ORDER BY r.byte_start
                      LIMIT $3) r
 WHERE s.name = $1
 ORDER BY r.byte_start
