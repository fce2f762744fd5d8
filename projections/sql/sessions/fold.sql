WITH fresh AS (
    SELECT e.position, e.type, e.occurred_at, e.sample_end, e.data, substr(s.name, 9) AS session_id, s.tenant
      FROM events e
      JOIN streams s ON s.id = e.stream_id AND left(s.name, 8) = 'session-'
      LEFT JOIN sessions t ON t.session_id = substr(s.name, 9)
     WHERE e.position > $1 AND e.position <= $2 AND e.position > coalesce(t.last_position, 0)
)
INSERT INTO sessions AS t (session_id, tenant, counter_id, started_at, ended_at, last_at, end_reason, encoding, phrases,
                           recommendations, bytes, samples, last_position)
SELECT session_id, tenant,
       min(data ->> 'counter_id') FILTER (WHERE type = 'SessionStarted'),
       min(occurred_at) FILTER (WHERE type = 'SessionStarted'),
       max(occurred_at) FILTER (WHERE type = 'SessionEnded'),
       max(occurred_at),
       min(data ->> 'reason') FILTER (WHERE type = 'SessionEnded'),
       (array_agg(data ->> 'encoding' ORDER BY position DESC)
           FILTER (WHERE type IN ('SessionStarted', 'AudioFormatDetected')))[1],
       count(*) FILTER (WHERE type = 'PhraseCaptured'),
       count(*) FILTER (WHERE type = 'RecommendationSent'),
       coalesce(max((data ->> 'byte_end')::bigint) FILTER (WHERE type = 'AudioReceived'), 0),
       coalesce(max(sample_end) FILTER (WHERE type = 'AudioReceived'), 0),
       max(position)
  FROM fresh
 GROUP BY session_id, tenant
ON CONFLICT (session_id) DO UPDATE SET
    counter_id      = coalesce(t.counter_id, excluded.counter_id),
    started_at      = coalesce(t.started_at, excluded.started_at),
    ended_at        = coalesce(excluded.ended_at, t.ended_at),
    last_at         = greatest(t.last_at, excluded.last_at),
    end_reason      = coalesce(t.end_reason, excluded.end_reason),
    encoding        = coalesce(excluded.encoding, t.encoding),
    phrases         = t.phrases + excluded.phrases,
    recommendations = t.recommendations + excluded.recommendations,
    bytes           = greatest(t.bytes, excluded.bytes),
    samples         = greatest(t.samples, excluded.samples),
    last_position   = excluded.last_position
