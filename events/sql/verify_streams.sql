-- Checks $2 streams after the id $1: that their rows say where their first and last events are, and the tip's link.
SELECT max(c.id) AS last_id, count(*) AS streams, (array_agg(c.name ORDER BY c.id) FILTER (WHERE NOT c.holds))[1] AS wrong
  FROM (SELECT s.id, s.name,
               coalesce(l.stream_id = s.id AND l.stream_position = s.version AND l.hash = s.last_hash,
                        EXISTS (SELECT FROM cold_streams c
                                 WHERE c.stream_id = s.id AND c.last_position = s.last_pos
                                   AND c.last_stream_position = s.version AND c.last_hash = s.last_hash))
               AND coalesce(f.stream_id = s.id AND f.stream_position = 1,
                            EXISTS (SELECT FROM cold_streams c
                                     WHERE c.stream_id = s.id AND c.first_position = s.first_pos
                                       AND c.first_stream_position = 1)) AS holds
          FROM (SELECT * FROM streams s WHERE s.id > $1 ORDER BY s.id LIMIT $2) s
          LEFT JOIN LATERAL (SELECT * FROM events e WHERE e.position = s.last_pos OFFSET 0) l ON true
          LEFT JOIN LATERAL (SELECT * FROM events e WHERE e.position = s.first_pos OFFSET 0) f ON true) c
