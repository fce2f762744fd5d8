-- An event at or before its row's last position is in it already.
WITH said AS (
    SELECT e.position, e.type, e.occurred_at, e.sample_start, e.sample_end, e.stream_id, e.data ->> 'answer' AS answer,
           coalesce(e.data ->> 'role', 'chosen') = 'chosen' AS chosen, (e.data ->> 'cost_usd')::numeric AS cost_usd,
           (e.occurred_at AT TIME ZONE INTERVAL '-03:00')::date AS day
      FROM events e
     WHERE e.position > $1 AND e.position <= $2
), speakers AS MATERIALIZED (
    SELECT s.id, s.tenant, b.data ->> 'counter_id' AS counter_id
      FROM (SELECT DISTINCT stream_id FROM said) t
      JOIN streams s ON s.id = t.stream_id AND left(s.name, 8) = 'session-'
      JOIN events b ON b.position = s.first_pos AND b.type = 'SessionStarted'
), fresh AS (
    SELECT e.*, s.tenant, s.counter_id
      FROM said e
      JOIN speakers s ON s.id = e.stream_id
      LEFT JOIN counter_daily t ON t.tenant = s.tenant AND t.counter_id = s.counter_id AND t.day = e.day
     WHERE e.position > coalesce(t.last_position, 0)
)
INSERT INTO counter_daily AS t (
    tenant, counter_id, day, sessions, phrases, discarded, transcribed, rejected, recommendations, withheld, shown,
    accepted, dismissed, heard_ms, spoken_ms, cost_usd, first_at, last_at, last_position)
SELECT tenant, counter_id, day,
       count(*) FILTER (WHERE type = 'SessionStarted'), count(*) FILTER (WHERE type = 'PhraseCaptured'),
       count(*) FILTER (WHERE type = 'PhraseDiscarded'),
       count(*) FILTER (WHERE type = 'TranscriptionReceived' AND chosen),
       count(*) FILTER (WHERE type = 'TranscriptionRejected' AND chosen),
       count(*) FILTER (WHERE type = 'RecommendationSent'), count(*) FILTER (WHERE type = 'RecommendationWithheld'),
       count(*) FILTER (WHERE answer = 'exibida'), count(*) FILTER (WHERE answer = 'aceita'),
       count(*) FILTER (WHERE answer = 'dispensada'),
       coalesce(sum((sample_end - sample_start) * 0.0625) FILTER (WHERE type = 'AudioReceived'), 0),
       coalesce(sum((sample_end - sample_start) * 0.0625) FILTER (WHERE type = 'PhraseCaptured'), 0),
       coalesce(sum(cost_usd), 0), min(occurred_at), max(occurred_at), max(position)
  FROM fresh
 GROUP BY tenant, counter_id, day
ON CONFLICT (tenant, counter_id, day) DO UPDATE SET
    sessions        = t.sessions + excluded.sessions,
    phrases         = t.phrases + excluded.phrases,
    discarded       = t.discarded + excluded.discarded,
    transcribed     = t.transcribed + excluded.transcribed,
    rejected        = t.rejected + excluded.rejected,
    recommendations = t.recommendations + excluded.recommendations,
    withheld        = t.withheld + excluded.withheld,
    shown           = t.shown + excluded.shown,
    accepted        = t.accepted + excluded.accepted,
    dismissed       = t.dismissed + excluded.dismissed,
    heard_ms        = t.heard_ms + excluded.heard_ms,
    spoken_ms       = t.spoken_ms + excluded.spoken_ms,
    cost_usd        = t.cost_usd + excluded.cost_usd,
    first_at        = least(t.first_at, excluded.first_at),
    last_at         = greatest(t.last_at, excluded.last_at),
    last_position   = excluded.last_position
