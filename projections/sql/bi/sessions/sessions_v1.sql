-- key: session_id
-- time: started_at
CREATE OR REPLACE VIEW bi.sessions_v1 WITH (security_invoker = true) AS
SELECT session_id,
       tenant,
       counter_id,
       started_at,
       ended_at,
       last_at,
       end_reason,
       encoding,
       phrases,
       recommendations,
       bytes,
       samples
  FROM sessions;

COMMENT ON VIEW bi.sessions_v1 IS 'One row a session; counts grow while it lives.';
COMMENT ON COLUMN bi.sessions_v1.session_id IS 'The session, as in `balto sessions`.';
COMMENT ON COLUMN bi.sessions_v1.tenant IS 'Code of the client.';
COMMENT ON COLUMN bi.sessions_v1.counter_id IS 'The counter, as in bi.counters_v1; null where it is not known.';
COMMENT ON COLUMN bi.sessions_v1.started_at IS 'When it began.';
COMMENT ON COLUMN bi.sessions_v1.ended_at IS 'When it ended; null while it lives, or if it was cut off.';
COMMENT ON COLUMN bi.sessions_v1.last_at IS 'Its latest event.';
COMMENT ON COLUMN bi.sessions_v1.end_reason IS 'Why it ended.';
COMMENT ON COLUMN bi.sessions_v1.encoding IS 'Of the audio, as detected; as declared until then.';
COMMENT ON COLUMN bi.sessions_v1.phrases IS 'Phrases captured.';
COMMENT ON COLUMN bi.sessions_v1.recommendations IS 'Recommendations sent.';
COMMENT ON COLUMN bi.sessions_v1.bytes IS 'Bytes of audio received.';
COMMENT ON COLUMN bi.sessions_v1.samples IS 'Samples heard, mono at 16 kHz.';
