-- reads: TranscriptCompared, ComparisonFailed
INSERT INTO transcripts_compared (
    session_id, phrase, provider, model, tenant, counter_id, at, position, chosen_provider, chosen_model, failure, rejected,
    word_errors, chosen_words, audio_ms, latency_ms, chosen_latency_ms, cost_usd, chosen_cost_usd)
SELECT substr(s.name, 9), e.phrase, e.data ->> 'provider', e.data ->> 'model', s.tenant,
       (SELECT b.data ->> 'counter_id' FROM events b WHERE b.position = s.first_pos AND b.type = 'SessionStarted'),
       e.occurred_at, e.position, e.data ->> 'chosen_provider', e.data ->> 'chosen_model',
       CASE WHEN e.type = 'ComparisonFailed' THEN e.data ->> 'code' END, e.data ->> 'rejected',
       (e.data ->> 'word_errors')::integer, (e.data ->> 'chosen_words')::integer, (e.data ->> 'audio_ms')::float8,
       e.latency_ms, (e.data ->> 'chosen_latency_ms')::float8, (e.data ->> 'cost_usd')::numeric,
       (e.data ->> 'chosen_cost_usd')::numeric
  FROM events e
  JOIN streams s ON s.id = e.stream_id AND left(s.name, 8) = 'session-'
 WHERE e.position > $1 AND e.position <= $2 AND e.type IN ('TranscriptCompared', 'ComparisonFailed')
 ORDER BY e.position
ON CONFLICT (session_id, phrase, provider) DO NOTHING
