-- Checks the events after position $1 up to $2: how many there are, the first position whose link does not hold, and
-- the first whose stream position does not follow. A stream's first event of the run is checked against the one before,
-- which may lie before the position $3, where what is cold ends.
WITH run AS (
    SELECT e.*, lag(e.hash) OVER w AS before_hash, lag(e.stream_position) OVER w AS before_position
      FROM events e
     WHERE e.position > $1 AND e.position <= $2
    WINDOW w AS (PARTITION BY e.stream_id ORDER BY e.position)
), joined AS (
    SELECT r.*, s.name, s.tenant, s.first_pos
      FROM run r
      LEFT JOIN streams s ON s.id = r.stream_id
), checked AS (
    SELECT j.position,
           j.stream_position = 1 + CASE WHEN j.before_position IS NOT NULL THEN j.before_position ELSE coalesce(
               (SELECT p.stream_position FROM events p
                 WHERE p.stream_id = j.stream_id AND p.position >= greatest(j.first_pos, $3::bigint) AND p.position < j.position
                 ORDER BY p.position DESC LIMIT 1),
               CASE WHEN j.first_pos < $3::bigint THEN (SELECT b.stream_position FROM link_before(j.stream_id, $3::bigint) b) END,
               0) END AS follows,
           j.hash = sha256(CASE WHEN j.before_hash IS NOT NULL THEN j.before_hash ELSE coalesce(
               (SELECT p.hash FROM events p
                 WHERE p.stream_id = j.stream_id AND p.position >= greatest(j.first_pos, $3::bigint) AND p.position < j.position
                 ORDER BY p.position DESC LIMIT 1),
               CASE WHEN j.first_pos < $3::bigint THEN (SELECT b.hash FROM link_before(j.stream_id, $3::bigint) b) END,
               decode(repeat('00', 32), 'hex')) END
               || canonical_event(j.name, j.tenant, j.stream_position, j.event_id, j.type, j.schema_version,
                                  j.occurred_at, j.elapsed_us, j.correlation_id, j.causation_id, j.phrase,
                                  j.sample_start, j.sample_end, j.latency_ms, j.data, j.sealed)) AS holds
      FROM joined j
)
SELECT count(*) AS events,
       min(position) FILTER (WHERE holds IS NOT TRUE) AS broken,
       min(position) FILTER (WHERE follows IS NOT TRUE) AS misplaced
  FROM checked
