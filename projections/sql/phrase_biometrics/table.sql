-- One row a measured phrase: its coarse acoustic statistics, units as in the event PhraseMeasured.
CREATE TABLE phrase_biometrics (
    session_id           text COLLATE "C" NOT NULL,
    phrase               integer NOT NULL,
    tenant               text NOT NULL,
    counter_id           text,
    measured_at          timestamptz NOT NULL,
    sample_start         bigint NOT NULL,
    sample_end           bigint NOT NULL,
    pitch_mean_hz        double precision,
    pitch_std_hz         double precision,
    snr_db               double precision,
    spectral_centroid_hz double precision,
    zero_crossing_rate   double precision,
    rms_mean             double precision,
    rms_max              double precision,
    peak_dbfs            double precision,
    clipping_ratio       double precision,
    dc_offset            double precision,
    band_low             double precision,
    band_mid             double precision,
    band_high            double precision,
    duration_ms          double precision,
    words_per_minute     double precision, -- of the transcript, where its engine times words
    PRIMARY KEY (session_id, phrase)
);
CREATE INDEX ON phrase_biometrics (measured_at);
CREATE INDEX ON phrase_biometrics (counter_id, measured_at);
COMMENT ON TABLE phrase_biometrics IS 'Coarse acoustic statistics of each measured phrase.';
COMMENT ON COLUMN phrase_biometrics.pitch_mean_hz IS 'Mean F0 over voiced frames, Hz.';
COMMENT ON COLUMN phrase_biometrics.pitch_std_hz IS 'Standard deviation of F0, Hz.';
COMMENT ON COLUMN phrase_biometrics.snr_db IS 'Against the tracked noise floor, dB.';
COMMENT ON COLUMN phrase_biometrics.spectral_centroid_hz IS 'Hz.';
COMMENT ON COLUMN phrase_biometrics.zero_crossing_rate IS 'Sign changes per sample, 0 to 1, mean over frames.';
COMMENT ON COLUMN phrase_biometrics.rms_mean IS 'Mean of the frames'' RMS, of full scale 1.0.';
COMMENT ON COLUMN phrase_biometrics.rms_max IS 'Of full scale 1.0.';
COMMENT ON COLUMN phrase_biometrics.peak_dbfs IS 'dB below full scale.';
COMMENT ON COLUMN phrase_biometrics.clipping_ratio IS 'Share of samples at full scale.';
COMMENT ON COLUMN phrase_biometrics.band_low IS 'Share of the spectral energy below 500 Hz.';
COMMENT ON COLUMN phrase_biometrics.band_mid IS 'Share from 500 to 2000 Hz.';
COMMENT ON COLUMN phrase_biometrics.band_high IS 'Share above 2000 Hz.';
COMMENT ON COLUMN phrase_biometrics.duration_ms IS 'How long measuring took, milliseconds.';
COMMENT ON COLUMN phrase_biometrics.words_per_minute IS 'Of the transcript, where its engine times words.';
