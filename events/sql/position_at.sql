-- The position of the last event recorded at $1 or before, $2 if there is none after that, $3 at most: positions are
-- dense and in the order of their times, so that halving finds it.
WITH RECURSIVE search (low, high) AS (
    SELECT $2::bigint, least(h.position, $3::bigint) FROM head h
    UNION ALL
    SELECT CASE WHEN coalesce(p.recorded_at <= $1, false) THEN m.middle ELSE s.low END,
           CASE WHEN coalesce(p.recorded_at <= $1, false) THEN s.high ELSE m.middle - 1 END
      FROM search s
     CROSS JOIN LATERAL (SELECT (s.low + s.high + 1) / 2 AS middle) m
      LEFT JOIN LATERAL (SELECT e.recorded_at FROM events e WHERE e.position >= m.middle ORDER BY e.position LIMIT 1) p
             ON true
     WHERE s.low < s.high
)
SELECT low AS position FROM search WHERE low = high
