-- Whatever says what it cost counts, once: a text taken over from an offer (offer > 0) was a call of that offer, and an
-- engine that was passed over was not called. A withdrawn offer is a call where it may be billed; a stream is one with
-- the text that it answered. An event at or before the row's last position is in it already.
WITH told AS (
    SELECT e.position, e.type, e.data, s.tenant, substr(s.name, 9) AS session_id,
           coalesce((SELECT b.data ->> 'counter_id' FROM events b
                      WHERE b.position = s.first_pos AND b.type = 'SessionStarted'), '') AS counter_id,
           (e.occurred_at AT TIME ZONE INTERVAL '-03:00')::date AS day,
           coalesce(e.data ->> 'step',
                    CASE WHEN e.type IN ('TranscriptCompared', 'ComparisonFailed') THEN 'comparison'
                         WHEN e.type = 'NormalisationCompleted' THEN 'normalisation'
                         WHEN e.type = 'ClassificationCompleted' THEN 'classification'
                         ELSE 'transcription' END) AS step,
           coalesce(e.data ->> 'provider', e.data ->> 'engine', '') AS provider,
           coalesce(e.data ->> 'model', '') AS model,
           (e.data ->> 'cost_usd')::numeric AS usd,
           coalesce((e.data ->> 'offer')::bigint, 0) AS offer
      FROM events e
      JOIN streams s ON s.id = e.stream_id AND left(s.name, 8) = 'session-'
     WHERE e.position > $1 AND e.position <= $2 AND e.data ? 'cost_usd'
)
INSERT INTO cost_daily AS t (tenant, counter_id, day, step, provider, model, calls, usd, last_position)
SELECT f.tenant, f.counter_id, f.day, f.step, f.provider, f.model,
       count(*) FILTER (WHERE CASE f.type WHEN 'OfferTranscribed' THEN true
                                          WHEN 'PhraseOfferWithdrawn' THEN f.usd > 0
                                          WHEN 'TranscriptionStreamClosed' THEN f.data ->> 'outcome' <> 'answered'
                                          WHEN 'AttemptEnded' THEN f.data ->> 'outcome' <> 'passed_over'
                                          ELSE f.offer = 0 END),
       sum(f.usd), max(f.position)
  FROM told f
  LEFT JOIN cost_daily k USING (tenant, counter_id, day, step, provider, model)
 WHERE f.position > coalesce(k.last_position, 0)
 GROUP BY f.tenant, f.counter_id, f.day, f.step, f.provider, f.model
ON CONFLICT (tenant, counter_id, day, step, provider, model) DO UPDATE SET
    calls         = t.calls + excluded.calls,
    usd           = t.usd + excluded.usd,
    last_position = excluded.last_position
