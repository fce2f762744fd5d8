-- key: tenant, hour, step, provider, model
-- time: hour
CREATE OR REPLACE VIEW bi.provider_health_v1 WITH (security_invoker = true) AS
SELECT tenant,
       hour,
       step,
       provider,
       model,
       asked,
       answered,
       rejected,
       failed,
       cancelled,
       lost,
       passed_over,
       latency_ms_sum,
       latency_ms_max,
       within_300_ms,
       within_600_ms,
       within_1000_ms,
       within_2000_ms,
       cost_usd,
       last_failure,
       last_failure_at
  FROM provider_health;

COMMENT ON VIEW bi.provider_health_v1 IS 'One row an hour, client, step, engine and model: how often it was asked, and how it fared.';
COMMENT ON COLUMN bi.provider_health_v1.tenant IS 'Code of the client.';
COMMENT ON COLUMN bi.provider_health_v1.hour IS 'Beginning of the hour, UTC.';
COMMENT ON COLUMN bi.provider_health_v1.step IS 'transcription, normalisation or classification.';
COMMENT ON COLUMN bi.provider_health_v1.provider IS 'The engine.';
COMMENT ON COLUMN bi.provider_health_v1.model IS 'Its model.';
COMMENT ON COLUMN bi.provider_health_v1.asked IS 'Requests, offers of phrases not yet over, and backups beside them. Stage 2 that came along with stage 1 is taken off in the hour in which it came, which may be the one after.';
COMMENT ON COLUMN bi.provider_health_v1.answered IS 'Answers that were taken, good or rejected.';
COMMENT ON COLUMN bi.provider_health_v1.rejected IS 'Answers taken for noise or invention; they are among the answered.';
COMMENT ON COLUMN bi.provider_health_v1.failed IS 'Calls that gave no answer.';
COMMENT ON COLUMN bi.provider_health_v1.cancelled IS 'Calls stopped since another engine had answered.';
COMMENT ON COLUMN bi.provider_health_v1.lost IS 'Answers that came second.';
COMMENT ON COLUMN bi.provider_health_v1.passed_over IS 'Times it was not asked, being left alone for a while.';
COMMENT ON COLUMN bi.provider_health_v1.latency_ms_sum IS 'Over the answered; divided by them, the mean latency.';
COMMENT ON COLUMN bi.provider_health_v1.latency_ms_max IS 'The longest of them.';
COMMENT ON COLUMN bi.provider_health_v1.within_300_ms IS 'Answers within 300 ms.';
COMMENT ON COLUMN bi.provider_health_v1.within_600_ms IS 'Answers within 600 ms, the ones before included.';
COMMENT ON COLUMN bi.provider_health_v1.within_1000_ms IS 'Answers within a second, the ones before included.';
COMMENT ON COLUMN bi.provider_health_v1.within_2000_ms IS 'Answers within two seconds, the ones before included.';
COMMENT ON COLUMN bi.provider_health_v1.cost_usd IS 'Of answers and calls for nothing, in US dollars.';
COMMENT ON COLUMN bi.provider_health_v1.last_failure IS 'Code of the latest failure.';
COMMENT ON COLUMN bi.provider_health_v1.last_failure_at IS 'When that was.';
