-- The events after position $1 up to $2 as they are stored, $3 at most: of the stream $4, of streams that begin with
-- $5, of the tenant $6, recorded from $7 until before $8; each null for any.
SELECT e.position, e.stream_id, s.name AS stream, s.tenant, e.stream_position, e.event_id, e.type, e.schema_version,
       e.occurred_at, e.recorded_at, e.elapsed_us, e.correlation_id, e.causation_id, e.phrase, e.sample_start,
       e.sample_end, e.latency_ms, e.data::text AS data, e.sealed, e.hash
  FROM events e
 CROSS JOIN LATERAL (SELECT * FROM streams s WHERE s.id = e.stream_id OFFSET 0) s
 WHERE e.position > $1 AND e.position <= $2
   AND ($4::text IS NULL OR s.name = $4)
   AND ($5::text IS NULL OR starts_with(s.name, $5))
   AND ($6::text IS NULL OR s.tenant = $6)
   AND ($7::timestamptz IS NULL OR e.recorded_at >= $7)
   AND ($8::timestamptz IS NULL OR e.recorded_at < $8)
 ORDER BY e.position
 LIMIT $3
