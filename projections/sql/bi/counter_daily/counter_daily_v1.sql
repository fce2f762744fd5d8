-- key: tenant, counter_id, day
-- time: day
CREATE OR REPLACE VIEW bi.counter_daily_v1 WITH (security_invoker = true) AS
SELECT tenant,
       counter_id,
       day,
       sessions,
       phrases,
       discarded,
       transcribed,
       rejected,
       recommendations,
       withheld,
       shown,
       accepted,
       dismissed,
       heard_ms,
       spoken_ms,
       cost_usd,
       first_at,
       last_at
  FROM counter_daily;

COMMENT ON VIEW bi.counter_daily_v1 IS 'One row a counter and day: what it heard, understood and advised.';
COMMENT ON COLUMN bi.counter_daily_v1.tenant IS 'Code of the client.';
COMMENT ON COLUMN bi.counter_daily_v1.counter_id IS 'The counter, as in bi.counters_v1; null where it is not known.';
COMMENT ON COLUMN bi.counter_daily_v1.day IS 'Day by Brasília time (UTC-3), of when the event happened.';
COMMENT ON COLUMN bi.counter_daily_v1.sessions IS 'Sessions that began.';
COMMENT ON COLUMN bi.counter_daily_v1.phrases IS 'Phrases captured.';
COMMENT ON COLUMN bi.counter_daily_v1.discarded IS 'Stretches of sound given up before transcription.';
COMMENT ON COLUMN bi.counter_daily_v1.transcribed IS 'Phrases understood as words.';
COMMENT ON COLUMN bi.counter_daily_v1.rejected IS 'Transcripts taken for noise or invention.';
COMMENT ON COLUMN bi.counter_daily_v1.recommendations IS 'Recommendations sent.';
COMMENT ON COLUMN bi.counter_daily_v1.withheld IS 'Phrases answered with silence, for a reason.';
COMMENT ON COLUMN bi.counter_daily_v1.shown IS 'Answers `exibida` of attendants'' clients.';
COMMENT ON COLUMN bi.counter_daily_v1.accepted IS 'Answers `aceita`.';
COMMENT ON COLUMN bi.counter_daily_v1.dismissed IS 'Answers `dispensada`.';
COMMENT ON COLUMN bi.counter_daily_v1.heard_ms IS 'Length of the audio received.';
COMMENT ON COLUMN bi.counter_daily_v1.spoken_ms IS 'Length of the phrases captured.';
COMMENT ON COLUMN bi.counter_daily_v1.cost_usd IS 'Of all calls to engines, in US dollars.';
COMMENT ON COLUMN bi.counter_daily_v1.first_at IS 'The first event of the day.';
COMMENT ON COLUMN bi.counter_daily_v1.last_at IS 'The last one.';
