-- An event at or before its row's last position is in it already.
WITH calls AS (
    SELECT e.position, e.type, e.occurred_at, s.tenant, e.latency_ms, (e.data ->> 'cost_usd')::numeric AS cost_usd,
           (e.data ->> 'latency_ms')::numeric AS exact_ms, e.data ->> 'code' AS code,
           -- A stream that was lost was open in a process that is gone: nobody's answer came second.
           CASE e.type WHEN 'TranscriptionStreamClosed' THEN nullif(e.data ->> 'outcome', 'lost')
                       ELSE e.data ->> 'outcome' END AS outcome,
           e.data ->> 'rejected' IS NOT NULL AS refused,
           -- Stage 2 that came with stage 1 is nobody's call.
           coalesce((e.data ->> 'with_stage_1')::boolean, false) AS along,
           date_trunc('hour', e.occurred_at, 'UTC') AS hour,
           CASE WHEN e.type IN ('AttemptStarted', 'AttemptEnded') THEN e.data ->> 'step'
                WHEN e.type IN ('ComparisonRequested', 'TranscriptCompared', 'ComparisonFailed') THEN 'comparison'
                WHEN e.type LIKE 'Normalisation%' THEN 'normalisation'
                WHEN e.type LIKE 'Classification%' THEN 'classification'
                ELSE 'transcription' END AS step,
           coalesce(e.data ->> 'provider', e.data ->> 'engine', '') AS provider, coalesce(e.data ->> 'model', '') AS model
      FROM events e
      JOIN streams s ON s.id = e.stream_id AND left(s.name, 8) = 'session-'
     WHERE e.position > $1 AND e.position <= $2
       AND e.type IN ('PhraseOffered', 'OfferTranscribed', 'PhraseOfferWithdrawn', 'TranscriptionRequested',
                      'TranscriptionReceived', 'TranscriptionRejected', 'TranscriptionFailed',
                      'TranscriptionStreamOpened', 'TranscriptionStreamClosed', 'ComparisonRequested',
                      'TranscriptCompared', 'ComparisonFailed', 'NormalisationRequested', 'NormalisationCompleted',
                      'NormalisationFailed', 'ClassificationRequested', 'ClassificationCompleted',
                      'ClassificationFailed', 'AttemptStarted', 'AttemptEnded')
), fresh AS (
    SELECT c.*,
           c.type IN ('TranscriptionReceived', 'TranscriptionRejected', 'NormalisationCompleted',
                      'ClassificationCompleted', 'TranscriptCompared') AND NOT c.along AS answered,
           -- Where nobody was asked, nobody failed.
           c.type IN ('TranscriptionFailed', 'NormalisationFailed', 'ClassificationFailed', 'ComparisonFailed')
                   AND c.code IS DISTINCT FROM 'budget_reached' AND c.code IS DISTINCT FROM 'unavailable'
               OR c.type IN ('AttemptEnded', 'TranscriptionStreamClosed') AND c.outcome = 'failed' AS failed
      FROM calls c
      LEFT JOIN provider_health t ON t.tenant = c.tenant AND t.hour = c.hour AND t.step = c.step
                                 AND t.provider = c.provider AND t.model = c.model
     WHERE c.position > coalesce(t.last_position, 0)
)
INSERT INTO provider_health AS t (
    tenant, hour, step, provider, model, asked, answered, rejected, failed, cancelled, lost, passed_over,
    latency_ms_sum, latency_ms_max, within_300_ms, within_600_ms, within_1000_ms, within_2000_ms, cost_usd,
    last_failure, last_failure_at, last_position)
SELECT tenant, hour, step, provider, model,
       count(*) FILTER (WHERE type IN ('PhraseOffered', 'TranscriptionRequested', 'NormalisationRequested',
                                       'ClassificationRequested', 'AttemptStarted', 'ComparisonRequested',
                                       'TranscriptionStreamOpened'))
           - count(*) FILTER (WHERE along),
       count(*) FILTER (WHERE answered),
       count(*) FILTER (WHERE type = 'TranscriptionRejected' OR type = 'TranscriptCompared' AND refused),
       count(*) FILTER (WHERE failed), count(*) FILTER (WHERE outcome = 'cancelled'),
       count(*) FILTER (WHERE outcome = 'lost'), count(*) FILTER (WHERE outcome = 'passed_over'),
       coalesce(sum(exact_ms) FILTER (WHERE answered), 0), max(latency_ms) FILTER (WHERE answered),
       count(*) FILTER (WHERE answered AND latency_ms <= 300), count(*) FILTER (WHERE answered AND latency_ms <= 600),
       count(*) FILTER (WHERE answered AND latency_ms <= 1000), count(*) FILTER (WHERE answered AND latency_ms <= 2000),
       coalesce(sum(cost_usd), 0),
       (array_agg(code ORDER BY position DESC) FILTER (WHERE failed))[1],
       (array_agg(occurred_at ORDER BY position DESC) FILTER (WHERE failed))[1], max(position)
  FROM fresh
 GROUP BY tenant, hour, step, provider, model
ON CONFLICT (tenant, hour, step, provider, model) DO UPDATE SET
    asked           = t.asked + excluded.asked,
    answered        = t.answered + excluded.answered,
    rejected        = t.rejected + excluded.rejected,
    failed          = t.failed + excluded.failed,
    cancelled       = t.cancelled + excluded.cancelled,
    lost            = t.lost + excluded.lost,
    passed_over     = t.passed_over + excluded.passed_over,
    latency_ms_sum  = t.latency_ms_sum + excluded.latency_ms_sum,
    latency_ms_max  = greatest(t.latency_ms_max, excluded.latency_ms_max),
    within_300_ms   = t.within_300_ms + excluded.within_300_ms,
    within_600_ms   = t.within_600_ms + excluded.within_600_ms,
    within_1000_ms  = t.within_1000_ms + excluded.within_1000_ms,
    within_2000_ms  = t.within_2000_ms + excluded.within_2000_ms,
    cost_usd        = t.cost_usd + excluded.cost_usd,
    last_failure    = coalesce(excluded.last_failure, t.last_failure),
    last_failure_at = coalesce(excluded.last_failure_at, t.last_failure_at),
    last_position   = excluded.last_position
