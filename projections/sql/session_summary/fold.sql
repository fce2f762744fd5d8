-- An event at or before its row's last position is in it already.
WITH said AS (
    SELECT e.position, e.type, e.occurred_at, e.elapsed_us, e.sample_start, e.sample_end, e.stream_id, e.data,
           (e.data ->> 'cost_usd')::numeric AS cost_usd, coalesce(e.data ->> 'role', 'chosen') = 'chosen' AS chosen
      FROM events e
     WHERE e.position > $1 AND e.position <= $2
), speakers AS MATERIALIZED (
    SELECT s.id, substr(s.name, 9) AS session_id, s.tenant, coalesce(t.last_position, 0) AS last_position
      FROM (SELECT DISTINCT stream_id FROM said) d
      JOIN streams s ON s.id = d.stream_id AND left(s.name, 8) = 'session-'
      LEFT JOIN session_summary t ON t.session_id = substr(s.name, 9)
)
INSERT INTO session_summary AS t (
    session_id, tenant, counter_id, started_at, ended_at, end_reason, last_at, duration_ms, heard_ms, spoken_ms,
    phrases, discarded, transcribed, rejected, failures, recommendations, withheld, shown, accepted, dismissed, resumed,
    undelivered, erased, events, cost_usd, last_position)
SELECT s.session_id, s.tenant,
       min(e.data ->> 'counter_id') FILTER (WHERE e.type = 'SessionStarted'),
       min(e.occurred_at) FILTER (WHERE e.type = 'SessionStarted'),
       max(e.occurred_at) FILTER (WHERE e.type = 'SessionEnded'),
       min(e.data ->> 'reason') FILTER (WHERE e.type = 'SessionEnded'),
       max(e.occurred_at), max(e.elapsed_us) / 1000.0,
       coalesce(sum((e.sample_end - e.sample_start) * 0.0625) FILTER (WHERE e.type = 'AudioReceived'), 0),
       coalesce(sum((e.sample_end - e.sample_start) * 0.0625) FILTER (WHERE e.type = 'PhraseCaptured'), 0),
       count(*) FILTER (WHERE e.type = 'PhraseCaptured'), count(*) FILTER (WHERE e.type = 'PhraseDiscarded'),
       count(*) FILTER (WHERE e.type = 'TranscriptionReceived' AND chosen),
       count(*) FILTER (WHERE e.type = 'TranscriptionRejected' AND chosen),
       count(*) FILTER (WHERE e.type IN ('TranscriptionFailed', 'NormalisationFailed', 'ClassificationFailed')
                           OR e.type = 'AttemptEnded' AND e.data ->> 'outcome' = 'failed'),
       count(*) FILTER (WHERE e.type = 'RecommendationSent'), count(*) FILTER (WHERE e.type = 'RecommendationWithheld'),
       count(*) FILTER (WHERE e.type = 'RecommendationAnswered' AND e.data ->> 'answer' = 'exibida'),
       count(*) FILTER (WHERE e.type = 'RecommendationAnswered' AND e.data ->> 'answer' = 'aceita'),
       count(*) FILTER (WHERE e.type = 'RecommendationAnswered' AND e.data ->> 'answer' = 'dispensada'),
       count(*) FILTER (WHERE e.type = 'SessionResumed'),
       coalesce(sum((e.data ->> 'count')::bigint) FILTER (WHERE e.type = 'MessageUndelivered'), 0),
       coalesce(bool_or(e.type = 'SubjectErased'), false), count(*), coalesce(sum(e.cost_usd), 0), max(e.position)
  FROM said e
  JOIN speakers s ON s.id = e.stream_id AND e.position > s.last_position
 GROUP BY s.session_id, s.tenant
ON CONFLICT (session_id) DO UPDATE SET
    counter_id      = coalesce(t.counter_id, excluded.counter_id),
    started_at      = coalesce(t.started_at, excluded.started_at),
    ended_at        = coalesce(excluded.ended_at, t.ended_at),
    end_reason      = coalesce(t.end_reason, excluded.end_reason),
    last_at         = greatest(t.last_at, excluded.last_at),
    duration_ms     = greatest(t.duration_ms, excluded.duration_ms),
    heard_ms        = t.heard_ms + excluded.heard_ms,
    spoken_ms       = t.spoken_ms + excluded.spoken_ms,
    phrases         = t.phrases + excluded.phrases,
    discarded       = t.discarded + excluded.discarded,
    transcribed     = t.transcribed + excluded.transcribed,
    rejected        = t.rejected + excluded.rejected,
    failures        = t.failures + excluded.failures,
    recommendations = t.recommendations + excluded.recommendations,
    withheld        = t.withheld + excluded.withheld,
    shown           = t.shown + excluded.shown,
    accepted        = t.accepted + excluded.accepted,
    dismissed       = t.dismissed + excluded.dismissed,
    resumed         = t.resumed + excluded.resumed,
    undelivered     = t.undelivered + excluded.undelivered,
    erased          = t.erased OR excluded.erased,
    events          = t.events + excluded.events,
    cost_usd        = t.cost_usd + excluded.cost_usd,
    last_position   = excluded.last_position
