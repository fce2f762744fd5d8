-- Whatever says what it cost counts, once: a text taken over from an offer (offer > 0) was a call of that offer, and an
-- engine that was passed over was not called. A withdrawn offer is a call where it may be billed.
INSERT INTO cost_daily AS t (tenant, counter_id, day, step, provider, model, calls, usd)
SELECT s.tenant,
       coalesce((SELECT b.data ->> 'counter_id' FROM events b
                  WHERE b.position = s.first_pos AND b.type = 'SessionStarted'), ''),
       (e.occurred_at AT TIME ZONE 'America/Sao_Paulo')::date,
       coalesce(e.data ->> 'step',
                CASE WHEN e.type IN ('TranscriptCompared', 'ComparisonFailed') THEN 'comparison'
                     WHEN e.type = 'NormalisationCompleted' THEN 'normalisation'
                     WHEN e.type = 'ClassificationCompleted' THEN 'classification'
                     ELSE 'transcription' END) AS step,
       coalesce(e.data ->> 'provider', e.data ->> 'engine', '') AS provider,
       coalesce(e.data ->> 'model', '') AS model,
       count(*) FILTER (WHERE coalesce((e.data ->> 'offer')::bigint, 0) = 0 AND e.data ->> 'outcome' IS DISTINCT FROM 'passed_over'
                           OR e.type = 'OfferTranscribed'
                           OR e.type = 'PhraseOfferWithdrawn' AND (e.data ->> 'cost_usd')::numeric > 0),
       sum((e.data ->> 'cost_usd')::numeric)
  FROM events e
  JOIN streams s ON s.id = e.stream_id AND left(s.name, 8) = 'session-'
 WHERE e.position > $1 AND e.position <= $2 AND e.data ? 'cost_usd'
 GROUP BY 1, 2, 3, 4, 5, 6
ON CONFLICT (tenant, counter_id, day, step, provider, model) DO UPDATE SET
    calls = t.calls + excluded.calls,
    usd   = t.usd + excluded.usd
