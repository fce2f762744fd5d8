SELECT e.position, s.name, e.stream_position, s.tenant, e.event_id, e.type, e.schema_version, e.data, e.sealed,
       s.key_id, e.occurred_at, e.recorded_at, e.elapsed_us, e.correlation_id, e.causation_id
  FROM streams s
 CROSS JOIN LATERAL (SELECT * FROM events e
                      WHERE e.stream_id = s.id AND e.position BETWEEN greatest(s.first_pos, $5) AND least(s.last_pos, $3::bigint - 1)
                        AND e.stream_position > $2
                      ORDER BY e.position DESC
                      LIMIT $4) e
 WHERE s.name = $1
 ORDER BY e.position DESC
