-- key: session_id, phrase
-- time: measured_at
CREATE OR REPLACE VIEW bi.phrase_biometrics_v1 WITH (security_invoker = true) AS
SELECT session_id,
       phrase,
       tenant,
       counter_id,
       measured_at,
       sample_start,
       sample_end,
       duration_ms,
       pitch_mean_hz,
       pitch_std_hz,
       snr_db,
       spectral_centroid_hz,
       zero_crossing_rate,
       rms_mean,
       rms_max,
       peak_dbfs,
       clipping_ratio,
       dc_offset,
       band_low,
       band_mid,
       band_high,
       words_per_minute
  FROM phrase_biometrics;

COMMENT ON VIEW bi.phrase_biometrics_v1 IS 'One row a measured phrase: coarse acoustic statistics, no voiceprint.';
COMMENT ON COLUMN bi.phrase_biometrics_v1.session_id IS 'The session, as in `balto sessions`.';
COMMENT ON COLUMN bi.phrase_biometrics_v1.phrase IS 'Number of the phrase in its session, from 1.';
COMMENT ON COLUMN bi.phrase_biometrics_v1.tenant IS 'Code of the client.';
COMMENT ON COLUMN bi.phrase_biometrics_v1.counter_id IS 'The counter, as in bi.counters_v1; null where it is not known.';
COMMENT ON COLUMN bi.phrase_biometrics_v1.measured_at IS 'When it was measured.';
COMMENT ON COLUMN bi.phrase_biometrics_v1.sample_start IS 'First sample of the phrase, at 16 kHz since the session began.';
COMMENT ON COLUMN bi.phrase_biometrics_v1.sample_end IS 'Sample after its last one.';
COMMENT ON COLUMN bi.phrase_biometrics_v1.duration_ms IS 'How long measuring took.';
COMMENT ON COLUMN bi.phrase_biometrics_v1.pitch_mean_hz IS 'Mean pitch of its voiced parts; null where none was found.';
COMMENT ON COLUMN bi.phrase_biometrics_v1.pitch_std_hz IS 'Standard deviation of the pitch.';
COMMENT ON COLUMN bi.phrase_biometrics_v1.snr_db IS 'Signal-to-noise ratio, against the tracked noise floor.';
COMMENT ON COLUMN bi.phrase_biometrics_v1.spectral_centroid_hz IS 'Spectral centroid.';
COMMENT ON COLUMN bi.phrase_biometrics_v1.zero_crossing_rate IS 'Share of neighbouring samples between which the sign changes, 0 to 1.';
COMMENT ON COLUMN bi.phrase_biometrics_v1.rms_mean IS 'Mean of the frames'' RMS, of full scale 1.0.';
COMMENT ON COLUMN bi.phrase_biometrics_v1.rms_max IS 'Highest RMS of a frame, of full scale 1.0.';
COMMENT ON COLUMN bi.phrase_biometrics_v1.peak_dbfs IS 'Peak, in dB of full scale.';
COMMENT ON COLUMN bi.phrase_biometrics_v1.clipping_ratio IS 'Share of samples at full scale, 0 to 1.';
COMMENT ON COLUMN bi.phrase_biometrics_v1.dc_offset IS 'Mean sample, of full scale 1.0.';
COMMENT ON COLUMN bi.phrase_biometrics_v1.band_low IS 'Share of energy below 500 Hz, 0 to 1.';
COMMENT ON COLUMN bi.phrase_biometrics_v1.band_mid IS 'Share of energy from 500 to 2000 Hz.';
COMMENT ON COLUMN bi.phrase_biometrics_v1.band_high IS 'Share of energy above 2000 Hz.';
COMMENT ON COLUMN bi.phrase_biometrics_v1.words_per_minute IS 'Speech rate, where the engine times words.';
