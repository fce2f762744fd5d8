-- Whatever says what it cost counts, once: a text taken over from an offer (offer > 0) was a call of that offer, and an
-- engine that was passed over was not called. A withdrawn offer is a call where it may be billed; a stream is one with
-- the text that it answered.
WITH told AS (
    SELECT e.position, s.tenant, substr(s.name, 9) AS session_id,
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
           CASE e.type WHEN 'OfferTranscribed' THEN true
                       WHEN 'PhraseOfferWithdrawn' THEN (e.data ->> 'cost_usd')::numeric > 0
                       WHEN 'TranscriptionStreamClosed' THEN e.data ->> 'outcome' <> 'answered'
                       WHEN 'AttemptEnded' THEN e.data ->> 'outcome' <> 'passed_over'
                       ELSE coalesce((e.data ->> 'offer')::bigint, 0) = 0 END AS called
      FROM events e
      JOIN streams s ON s.id = e.stream_id AND left(s.name, 8) = 'session-'
     WHERE e.position > $1 AND e.position <= $2 AND e.data ? 'cost_usd'
)
