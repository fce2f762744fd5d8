-- key: session_id, phrase
-- time: captured_at
CREATE OR REPLACE VIEW bi.phrase_timeline_v1 WITH (security_invoker = true) AS
SELECT session_id,
       phrase,
       tenant,
       counter_id,
       captured_at,
       sample_start,
       sample_end,
       speech_ms,
       audio_ms,
       stt_ms,
       ai1_ms,
       ai2_ms,
       ws_ms,
       total_ms,
       stt_provider,
       stt_model,
       ai1_engine,
       ai1_model,
       ai2_engine,
       ai2_model,
       categories,
       basket,
       outcome,
       cost_usd,
       cpu_percent,
       system_cpu_percent,
       rss_bytes,
       system_memory_percent,
       loop_lag_ms,
       (sample_end / 16.0 - captured_us / 1000.0)::float8 AS ahead_ms
  FROM phrase_timeline;

COMMENT ON VIEW bi.phrase_timeline_v1 IS 'One row a phrase: when it was captured, how long each hop took, what came of it and what the machine did meanwhile.';
COMMENT ON COLUMN bi.phrase_timeline_v1.session_id IS 'The session, as in `balto sessions`.';
COMMENT ON COLUMN bi.phrase_timeline_v1.phrase IS 'Number of the phrase in its session, from 1.';
COMMENT ON COLUMN bi.phrase_timeline_v1.tenant IS 'Code of the client.';
COMMENT ON COLUMN bi.phrase_timeline_v1.counter_id IS 'The counter, as in bi.counters_v1; null where it is not known.';
COMMENT ON COLUMN bi.phrase_timeline_v1.captured_at IS 'When the phrase was found to be over; null where it never was.';
COMMENT ON COLUMN bi.phrase_timeline_v1.sample_start IS 'First sample of the phrase, at 16 kHz since the session began.';
COMMENT ON COLUMN bi.phrase_timeline_v1.sample_end IS 'Sample after its last one.';
COMMENT ON COLUMN bi.phrase_timeline_v1.speech_ms IS 'Length of the phrase.';
COMMENT ON COLUMN bi.phrase_timeline_v1.audio_ms IS 'From capture to the request for a transcript; below 0 where that was asked for before the phrase was certain to be over.';
COMMENT ON COLUMN bi.phrase_timeline_v1.stt_ms IS 'Speech-to-text, the transcript that counted.';
COMMENT ON COLUMN bi.phrase_timeline_v1.ai1_ms IS 'First stage of understanding: entities.';
COMMENT ON COLUMN bi.phrase_timeline_v1.ai2_ms IS 'Second stage of understanding: categories.';
COMMENT ON COLUMN bi.phrase_timeline_v1.ws_ms IS 'From the decision to recommend until the socket had taken it.';
COMMENT ON COLUMN bi.phrase_timeline_v1.total_ms IS 'From capture until the socket had taken the recommendation; null where none was sent.';
COMMENT ON COLUMN bi.phrase_timeline_v1.stt_provider IS 'Who wrote the phrase down.';
COMMENT ON COLUMN bi.phrase_timeline_v1.stt_model IS 'With which model.';
COMMENT ON COLUMN bi.phrase_timeline_v1.ai1_engine IS 'Who answered the first stage.';
COMMENT ON COLUMN bi.phrase_timeline_v1.ai1_model IS 'With which model.';
COMMENT ON COLUMN bi.phrase_timeline_v1.ai2_engine IS 'Who answered the second stage.';
COMMENT ON COLUMN bi.phrase_timeline_v1.ai2_model IS 'With which model.';
COMMENT ON COLUMN bi.phrase_timeline_v1.categories IS '`MACRO/MICRO` or `MACRO`, the strongest first; null where the phrase was not classified.';
COMMENT ON COLUMN bi.phrase_timeline_v1.basket IS 'The basket that was resolved.';
COMMENT ON COLUMN bi.phrase_timeline_v1.outcome IS '`recommended`, `withheld:REASON`, `rejected:REASON`, `discarded:REASON` or `gathered` (its words were understood with a later phrase''s); null while it is under way.';
COMMENT ON COLUMN bi.phrase_timeline_v1.cost_usd IS 'What all providers asked for the phrase, in US dollars.';
COMMENT ON COLUMN bi.phrase_timeline_v1.cpu_percent IS 'CPU of the process when the phrase was captured; 100 is one core.';
COMMENT ON COLUMN bi.phrase_timeline_v1.system_cpu_percent IS 'CPU of the machine then, of all cores.';
COMMENT ON COLUMN bi.phrase_timeline_v1.rss_bytes IS 'Resident memory of the process then.';
COMMENT ON COLUMN bi.phrase_timeline_v1.system_memory_percent IS 'Memory of the machine in use then.';
COMMENT ON COLUMN bi.phrase_timeline_v1.loop_lag_ms IS 'How late the event loop woke then.';
COMMENT ON COLUMN bi.phrase_timeline_v1.ahead_ms IS 'How far the phrase''s end lay ahead of the session''s clock when it was captured; above 0 only where audio came faster than it was spoken.';
