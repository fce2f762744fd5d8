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
