-- key: session_id, phrase, provider
-- time: at
CREATE OR REPLACE VIEW bi.transcripts_compared_v1 WITH (security_invoker = true) AS
SELECT session_id,
       phrase,
       tenant,
       counter_id,
       at,
       provider,
       model,
       chosen_provider,
       chosen_model,
       failure,
       rejected,
       word_errors,
       chosen_words,
       audio_ms,
       latency_ms,
       chosen_latency_ms,
       cost_usd,
       chosen_cost_usd
  FROM transcripts_compared;

COMMENT ON VIEW bi.transcripts_compared_v1 IS 'One row a phrase and engine that heard it for comparison: numbers only, no words.';
COMMENT ON COLUMN bi.transcripts_compared_v1.session_id IS 'The session, as in `balto sessions`.';
COMMENT ON COLUMN bi.transcripts_compared_v1.phrase IS 'Number of the phrase in its session, from 1.';
COMMENT ON COLUMN bi.transcripts_compared_v1.tenant IS 'Code of the client.';
COMMENT ON COLUMN bi.transcripts_compared_v1.counter_id IS 'The counter, as in bi.counters_v1; null where it is not known.';
COMMENT ON COLUMN bi.transcripts_compared_v1.at IS 'When it was compared.';
COMMENT ON COLUMN bi.transcripts_compared_v1.provider IS 'The engine that was compared.';
COMMENT ON COLUMN bi.transcripts_compared_v1.model IS 'Its model.';
COMMENT ON COLUMN bi.transcripts_compared_v1.chosen_provider IS 'The engine whose transcript was used.';
COMMENT ON COLUMN bi.transcripts_compared_v1.chosen_model IS 'Its model.';
COMMENT ON COLUMN bi.transcripts_compared_v1.failure IS 'Code of the failure where it wrote nothing.';
COMMENT ON COLUMN bi.transcripts_compared_v1.rejected IS 'Why its text was not believed; null where it was.';
COMMENT ON COLUMN bi.transcripts_compared_v1.word_errors IS 'Words that differ from the chosen transcript: substituted, left out or put in.';
COMMENT ON COLUMN bi.transcripts_compared_v1.chosen_words IS 'Words of the chosen transcript.';
COMMENT ON COLUMN bi.transcripts_compared_v1.audio_ms IS 'Length of the phrase.';
COMMENT ON COLUMN bi.transcripts_compared_v1.latency_ms IS 'Of the compared engine.';
COMMENT ON COLUMN bi.transcripts_compared_v1.chosen_latency_ms IS 'Of the chosen one.';
COMMENT ON COLUMN bi.transcripts_compared_v1.cost_usd IS 'Of the compared engine, in US dollars.';
COMMENT ON COLUMN bi.transcripts_compared_v1.chosen_cost_usd IS 'Of the chosen one.';
