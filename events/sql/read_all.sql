-- The offset keeps the planner from starting at the streams, which would read all of the store for each page.
SELECT e.position, s.name, e.stream_position, s.tenant, e.event_id, e.type, e.schema_version, e.data, e.sealed,
       s.key_id, e.occurred_at, e.recorded_at, e.elapsed_us, e.correlation_id, e.causation_id
  FROM events e
 CROSS JOIN LATERAL (SELECT * FROM streams s WHERE s.id = e.stream_id OFFSET 0) s
 WHERE e.position > $1 AND e.position <= $6
   AND (cardinality($3::text[]) = 0 OR e.type = ANY ($3))
   AND ($4::text IS NULL OR starts_with(s.name, $4))
   AND ($5::text IS NULL OR s.tenant = $5)
 ORDER BY e.position
 LIMIT $2
