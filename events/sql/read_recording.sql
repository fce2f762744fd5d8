SELECT r.byte_start, r.data
  FROM streams s
  JOIN recordings r ON r.stream_id = s.id
 WHERE s.name = $1
   AND r.byte_start >= coalesce((SELECT max(b.byte_start) FROM recordings b
                                  WHERE b.stream_id = s.id AND b.byte_start <= $2), 0)
   AND r.byte_start + octet_length(r.data) > $2
 ORDER BY r.byte_start
 LIMIT $3
