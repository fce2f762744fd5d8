-- key: session_id
-- time: started_at
CREATE OR REPLACE VIEW bi.session_summary_v1 WITH (security_invoker = true) AS
SELECT session_id,
       tenant,
       counter_id,
       started_at,
       ended_at,
       end_reason,
       last_at,
       duration_ms,
       heard_ms,
       spoken_ms,
       phrases,
       discarded,
       transcribed,
       rejected,
       failures,
       recommendations,
       withheld,
       shown,
       accepted,
       dismissed,
       resumed,
       undelivered,
       erased,
       events,
       cost_usd
  FROM session_summary;

COMMENT ON VIEW bi.session_summary_v1 IS 'One row a session: how it went, up to now or to its end.';
COMMENT ON COLUMN bi.session_summary_v1.session_id IS 'The session, as in `balto sessions`.';
COMMENT ON COLUMN bi.session_summary_v1.tenant IS 'Code of the client.';
COMMENT ON COLUMN bi.session_summary_v1.counter_id IS 'The counter, as in bi.counters_v1; null where it is not known.';
COMMENT ON COLUMN bi.session_summary_v1.started_at IS 'When it began.';
COMMENT ON COLUMN bi.session_summary_v1.ended_at IS 'When it ended; null while it lives, or if it was cut off.';
COMMENT ON COLUMN bi.session_summary_v1.end_reason IS 'Why it ended.';
COMMENT ON COLUMN bi.session_summary_v1.last_at IS 'Its latest event.';
COMMENT ON COLUMN bi.session_summary_v1.duration_ms IS 'From its start to its latest event, on the session''s monotonic clock.';
COMMENT ON COLUMN bi.session_summary_v1.heard_ms IS 'Length of the audio received.';
COMMENT ON COLUMN bi.session_summary_v1.spoken_ms IS 'Length of the phrases captured.';
COMMENT ON COLUMN bi.session_summary_v1.phrases IS 'Phrases captured.';
COMMENT ON COLUMN bi.session_summary_v1.discarded IS 'Stretches of sound given up before transcription.';
COMMENT ON COLUMN bi.session_summary_v1.transcribed IS 'Phrases understood as words.';
COMMENT ON COLUMN bi.session_summary_v1.rejected IS 'Transcripts taken for noise or invention.';
COMMENT ON COLUMN bi.session_summary_v1.failures IS 'Calls to engines that gave no answer.';
COMMENT ON COLUMN bi.session_summary_v1.recommendations IS 'Recommendations sent.';
COMMENT ON COLUMN bi.session_summary_v1.withheld IS 'Phrases answered with silence, for a reason.';
COMMENT ON COLUMN bi.session_summary_v1.shown IS 'Answers `exibida` of attendants'' clients.';
COMMENT ON COLUMN bi.session_summary_v1.accepted IS 'Answers `aceita`.';
COMMENT ON COLUMN bi.session_summary_v1.dismissed IS 'Answers `dispensada`.';
COMMENT ON COLUMN bi.session_summary_v1.resumed IS 'How often a connection took it up again.';
COMMENT ON COLUMN bi.session_summary_v1.undelivered IS 'Messages within the session that died.';
COMMENT ON COLUMN bi.session_summary_v1.erased IS 'Whether what it held of a person was destroyed.';
COMMENT ON COLUMN bi.session_summary_v1.events IS 'Events of the session.';
COMMENT ON COLUMN bi.session_summary_v1.cost_usd IS 'Of all calls to engines, in US dollars.';
