-- An event at or before the row's last position is in it already. The first outcome of a phrase is its outcome.
WITH fresh AS (
    SELECT e.position, e.type, e.occurred_at, e.elapsed_us, e.sample_start, e.sample_end, e.latency_ms, e.phrase, e.data,
           substr(s.name, 9) AS session_id, s.tenant, s.first_pos
      FROM events e
      JOIN streams s ON s.id = e.stream_id AND left(s.name, 8) = 'session-'
      LEFT JOIN phrase_timeline t ON t.session_id = substr(s.name, 9) AND t.phrase = e.phrase
     WHERE e.position > $1 AND e.position <= $2 AND e.phrase IS NOT NULL
       AND e.position > coalesce(t.last_position, 0)
), told AS (
    SELECT f.*,
           f.type IN ('TranscriptionReceived', 'TranscriptionRejected')
               AND coalesce(f.data ->> 'role', 'chosen') = 'chosen' AS chosen,
           CASE f.type WHEN 'RecommendationSent' THEN 'recommended'
                       WHEN 'RecommendationWithheld' THEN 'withheld:' || (f.data ->> 'reason')
                       WHEN 'TranscriptionRejected' THEN 'rejected:' || (f.data ->> 'reason')
                       WHEN 'PhraseGathered' THEN 'gathered'
                       WHEN 'PhraseDiscarded' THEN 'discarded:' || (f.data ->> 'reason') END AS outcome
      FROM fresh f
)
INSERT INTO phrase_timeline AS t (
    session_id, phrase, tenant, counter_id, sample_start, sample_end, captured_at, captured_us, requested_us, sent_us,
    delivered_us, stt_provider, stt_model, stt_ms, ai1_engine, ai1_model, ai1_ms, ai2_engine, ai2_model, ai2_ms,
    categories, basket, outcome, cost_usd, cpu_percent, system_cpu_percent, rss_bytes, system_memory_percent,
    loop_lag_ms, last_position)
SELECT session_id, phrase, tenant,
       (SELECT b.data ->> 'counter_id' FROM events b WHERE b.position = first_pos AND b.type = 'SessionStarted'),
       min(sample_start) FILTER (WHERE type IN ('SpeechStarted', 'PhraseCaptured', 'PhraseDiscarded')),
       max(sample_end) FILTER (WHERE type IN ('PhraseCaptured', 'PhraseDiscarded')),
       min(occurred_at) FILTER (WHERE type = 'PhraseCaptured'),
       min(elapsed_us) FILTER (WHERE type = 'PhraseCaptured'),
       min(elapsed_us) FILTER (WHERE type = 'TranscriptionRequested'),
       min(elapsed_us) FILTER (WHERE type = 'RecommendationSent'),
       min(elapsed_us) FILTER (WHERE type = 'RecommendationDelivered'),
       (array_agg(data ->> 'provider' ORDER BY position) FILTER (WHERE chosen))[1],
       (array_agg(data ->> 'model' ORDER BY position) FILTER (WHERE chosen))[1],
       (array_agg(latency_ms ORDER BY position) FILTER (WHERE chosen))[1],
       (array_agg(data ->> 'engine' ORDER BY position) FILTER (WHERE type = 'NormalisationCompleted'))[1],
       (array_agg(data ->> 'model' ORDER BY position) FILTER (WHERE type = 'NormalisationCompleted'))[1],
       (array_agg(latency_ms ORDER BY position) FILTER (WHERE type = 'NormalisationCompleted'))[1],
       (array_agg(data ->> 'engine' ORDER BY position) FILTER (WHERE type = 'ClassificationCompleted'))[1],
       (array_agg(data ->> 'model' ORDER BY position) FILTER (WHERE type = 'ClassificationCompleted'))[1],
       (array_agg(latency_ms ORDER BY position) FILTER (WHERE type = 'ClassificationCompleted'))[1],
       CASE WHEN bool_or(type = 'ClassificationCompleted') THEN
           ARRAY(SELECT concat_ws('/', c ->> 'macro', c ->> 'micro')
                   FROM jsonb_array_elements((array_agg(data -> 'categories' ORDER BY position)
                                              FILTER (WHERE type = 'ClassificationCompleted'))[1]) AS c) END,
       (array_agg(data ->> 'basket' ORDER BY position) FILTER (WHERE type = 'BasketResolved'))[1],
       (array_agg(outcome ORDER BY position) FILTER (WHERE outcome IS NOT NULL))[1],
       coalesce(sum((data ->> 'cost_usd')::numeric), 0),
       (array_agg((data ->> 'cpu_percent')::float8 ORDER BY position) FILTER (WHERE type = 'ResourcesSampled'))[1],
       (array_agg((data ->> 'system_cpu_percent')::float8 ORDER BY position) FILTER (WHERE type = 'ResourcesSampled'))[1],
       (array_agg((data ->> 'rss_bytes')::bigint ORDER BY position) FILTER (WHERE type = 'ResourcesSampled'))[1],
       (array_agg((data ->> 'system_memory_percent')::float8 ORDER BY position)
           FILTER (WHERE type = 'ResourcesSampled'))[1],
       (array_agg((data ->> 'loop_lag_ms')::float8 ORDER BY position) FILTER (WHERE type = 'ResourcesSampled'))[1],
       max(position)
  FROM told
 GROUP BY session_id, phrase, tenant, first_pos
ON CONFLICT (session_id, phrase) DO UPDATE SET
    sample_start          = least(t.sample_start, excluded.sample_start),
    sample_end            = greatest(t.sample_end, excluded.sample_end),
    captured_at           = coalesce(t.captured_at, excluded.captured_at),
    captured_us           = coalesce(t.captured_us, excluded.captured_us),
    requested_us          = coalesce(t.requested_us, excluded.requested_us),
    sent_us               = coalesce(t.sent_us, excluded.sent_us),
    delivered_us          = coalesce(t.delivered_us, excluded.delivered_us),
    stt_provider          = coalesce(t.stt_provider, excluded.stt_provider),
    stt_model             = coalesce(t.stt_model, excluded.stt_model),
    stt_ms                = coalesce(t.stt_ms, excluded.stt_ms),
    ai1_engine            = coalesce(t.ai1_engine, excluded.ai1_engine),
    ai1_model             = coalesce(t.ai1_model, excluded.ai1_model),
    ai1_ms                = coalesce(t.ai1_ms, excluded.ai1_ms),
    ai2_engine            = coalesce(t.ai2_engine, excluded.ai2_engine),
    ai2_model             = coalesce(t.ai2_model, excluded.ai2_model),
    ai2_ms                = coalesce(t.ai2_ms, excluded.ai2_ms),
    categories            = coalesce(t.categories, excluded.categories),
    basket                = coalesce(t.basket, excluded.basket),
    outcome               = coalesce(t.outcome, excluded.outcome),
    cost_usd              = t.cost_usd + excluded.cost_usd,
    cpu_percent           = coalesce(t.cpu_percent, excluded.cpu_percent),
    system_cpu_percent    = coalesce(t.system_cpu_percent, excluded.system_cpu_percent),
    rss_bytes             = coalesce(t.rss_bytes, excluded.rss_bytes),
    system_memory_percent = coalesce(t.system_memory_percent, excluded.system_memory_percent),
    loop_lag_ms           = coalesce(t.loop_lag_ms, excluded.loop_lag_ms),
    last_position         = excluded.last_position
