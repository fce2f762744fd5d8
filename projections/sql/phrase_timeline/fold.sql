-- The first outcome of a phrase is its outcome, and so with all that can come twice. Only costs add up: where a run is
-- folded again, events at or before the row's last position are in its cost already.
WITH told AS (
    -- One sort serves all that is taken in order; what an event holds is taken apart once a phrase, below.
    SELECT e.stream_id, e.phrase,
           min(e.sample_start) FILTER (WHERE e.type IN ('SpeechStarted', 'PhraseCaptured', 'PhraseDiscarded')) AS sample_start,
           max(e.sample_end) FILTER (WHERE e.type IN ('PhraseCaptured', 'PhraseDiscarded')) AS sample_end,
           min(e.occurred_at) FILTER (WHERE e.type = 'PhraseCaptured') AS captured_at,
           min(e.elapsed_us) FILTER (WHERE e.type = 'PhraseCaptured') AS captured_us,
           min(e.elapsed_us) FILTER (WHERE e.type = 'TranscriptionRequested') AS requested_us,
           min(e.elapsed_us) FILTER (WHERE e.type = 'RecommendationSent') AS sent_us,
           min(e.elapsed_us) FILTER (WHERE e.type = 'RecommendationDelivered') AS delivered_us,
           (array_agg(e.data ORDER BY e.position) FILTER (
               WHERE e.type IN ('TranscriptionReceived', 'TranscriptionRejected')
                 AND coalesce(e.data ->> 'role', 'chosen') = 'chosen'))[1] AS heard,
           (array_agg(e.data ORDER BY e.position) FILTER (WHERE e.type = 'NormalisationCompleted'))[1] AS named,
           (array_agg(e.data ORDER BY e.position) FILTER (WHERE e.type = 'ClassificationCompleted'))[1] AS placed,
           (array_agg(e.data ORDER BY e.position) FILTER (WHERE e.type = 'ResourcesSampled'))[1] AS machine,
           (array_agg(e.data ->> 'basket' ORDER BY e.position) FILTER (WHERE e.type = 'BasketResolved'))[1] AS basket,
           (array_agg(CASE e.type WHEN 'RecommendationSent' THEN 'recommended'
                                  WHEN 'RecommendationWithheld' THEN 'withheld:' || (e.data ->> 'reason')
                                  WHEN 'TranscriptionRejected' THEN 'rejected:' || (e.data ->> 'reason')
                                   WHEN 'PhraseGathered' THEN 'gathered'
                                  ELSE 'discarded:' || (e.data ->> 'reason') END ORDER BY e.position) FILTER (
               WHERE e.type IN ('RecommendationSent', 'RecommendationWithheld', 'TranscriptionRejected',
                                'PhraseGathered', 'PhraseDiscarded')))[1] AS outcome,
           coalesce(sum((e.data ->> 'cost_usd')::numeric), 0) AS cost_usd,
           min(e.position) AS first_position, max(e.position) AS last_position
      FROM events e
     WHERE e.position > $1 AND e.position <= $2 AND e.phrase IS NOT NULL
     GROUP BY e.stream_id, e.phrase
), speakers AS MATERIALIZED (
    SELECT s.id, substr(s.name, 9) AS session_id, s.tenant, b.data ->> 'counter_id' AS counter_id
      FROM (SELECT DISTINCT stream_id FROM told) t
      JOIN streams s ON s.id = t.stream_id AND left(s.name, 8) = 'session-'
      LEFT JOIN events b ON b.position = s.first_pos AND b.type = 'SessionStarted'
)
INSERT INTO phrase_timeline AS t (
    session_id, phrase, tenant, counter_id, sample_start, sample_end, captured_at, captured_us, requested_us, sent_us,
    delivered_us, stt_provider, stt_model, stt_ms, ai1_engine, ai1_model, ai1_ms, ai2_engine, ai2_model, ai2_ms,
    categories, basket, outcome, cost_usd, cpu_percent, system_cpu_percent, rss_bytes, system_memory_percent,
    loop_lag_ms, last_position, first_position)
SELECT s.session_id, f.phrase, s.tenant, s.counter_id, f.sample_start, f.sample_end, f.captured_at, f.captured_us,
       f.requested_us, f.sent_us, f.delivered_us, f.heard ->> 'provider', f.heard ->> 'model',
       (f.heard ->> 'latency_ms')::float8, f.named ->> 'engine', f.named ->> 'model', (f.named ->> 'latency_ms')::float8,
       f.placed ->> 'engine', f.placed ->> 'model', (f.placed ->> 'latency_ms')::float8,
       CASE WHEN f.placed IS NOT NULL THEN
           ARRAY(SELECT concat_ws('/', g ->> 'macro', g ->> 'micro')
                   FROM jsonb_array_elements(f.placed -> 'categories') AS g) END,
       f.basket, f.outcome, f.cost_usd, (f.machine ->> 'cpu_percent')::float8,
       (f.machine ->> 'system_cpu_percent')::float8, (f.machine ->> 'rss_bytes')::bigint,
       (f.machine ->> 'system_memory_percent')::float8, (f.machine ->> 'loop_lag_ms')::float8, f.last_position,
       f.first_position
  FROM told f
  JOIN speakers s ON s.id = f.stream_id
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
    cost_usd              = t.cost_usd + CASE
        WHEN excluded.first_position > t.last_position THEN excluded.cost_usd
        WHEN excluded.last_position <= t.last_position THEN 0
        ELSE (SELECT coalesce(sum((e.data ->> 'cost_usd')::numeric), 0)
                FROM streams s
                JOIN events e ON e.stream_id = s.id AND e.phrase = t.phrase
                             AND e.position > t.last_position AND e.position <= excluded.last_position
               WHERE s.name = 'session-' || t.session_id) END,
    cpu_percent           = coalesce(t.cpu_percent, excluded.cpu_percent),
    system_cpu_percent    = coalesce(t.system_cpu_percent, excluded.system_cpu_percent),
    rss_bytes             = coalesce(t.rss_bytes, excluded.rss_bytes),
    system_memory_percent = coalesce(t.system_memory_percent, excluded.system_memory_percent),
    loop_lag_ms           = coalesce(t.loop_lag_ms, excluded.loop_lag_ms),
    last_position         = greatest(t.last_position, excluded.last_position),
    first_position        = least(t.first_position, excluded.first_position)
