-- A phrase is measured once; should it be twice, the first counts.
INSERT INTO phrase_biometrics (
    session_id, phrase, tenant, counter_id, measured_at, sample_start, sample_end, pitch_mean_hz, pitch_std_hz, snr_db,
    spectral_centroid_hz, zero_crossing_rate, rms_mean, rms_max, peak_dbfs, clipping_ratio, dc_offset, band_low,
    band_mid, band_high, duration_ms)
SELECT substr(s.name, 9), e.phrase, s.tenant,
       (SELECT b.data ->> 'counter_id' FROM events b WHERE b.position = s.first_pos AND b.type = 'SessionStarted'),
       e.occurred_at, e.sample_start, e.sample_end, m.pitch_mean_hz, m.pitch_std_hz, m.snr_db, m.spectral_centroid_hz,
       m.zero_crossing_rate, m.rms_mean, m.rms_max, m.peak_dbfs, m.clipping_ratio, m.dc_offset,
       (e.data #>> '{bands,low}')::float8, (e.data #>> '{bands,mid}')::float8, (e.data #>> '{bands,high}')::float8,
       m.duration_ms
  FROM events e
  JOIN streams s ON s.id = e.stream_id AND left(s.name, 8) = 'session-'
 CROSS JOIN LATERAL jsonb_to_record(e.data) AS m (
       pitch_mean_hz float8, pitch_std_hz float8, snr_db float8, spectral_centroid_hz float8, zero_crossing_rate float8,
       rms_mean float8, rms_max float8, peak_dbfs float8, clipping_ratio float8, dc_offset float8, duration_ms float8)
 WHERE e.position > $1 AND e.position <= $2 AND e.type = 'PhraseMeasured'
 ORDER BY e.position
ON CONFLICT (session_id, phrase) DO NOTHING
