-- reads: PhraseMeasured, TranscriptionReceived
-- A phrase is measured once; should it be twice, the first counts, and so with the rate of its transcript. It is
-- measured before it is transcribed, so its row is there: from this run, or from one before.
WITH told AS (
    SELECT e.stream_id, e.phrase,
           (array_agg(e.data ORDER BY e.position) FILTER (WHERE e.type = 'PhraseMeasured'))[1] AS measured,
           (array_agg(e.occurred_at ORDER BY e.position) FILTER (WHERE e.type = 'PhraseMeasured'))[1] AS measured_at,
           (array_agg((e.data ->> 'words_per_minute')::float8 ORDER BY e.position) FILTER (
               WHERE e.type = 'TranscriptionReceived' AND coalesce(e.data ->> 'role', 'chosen') = 'chosen'
                 AND e.data ->> 'words_per_minute' IS NOT NULL))[1] AS words_per_minute
      FROM events e
     WHERE e.position > $1 AND e.position <= $2 AND e.type IN ('PhraseMeasured', 'TranscriptionReceived')
     GROUP BY e.stream_id, e.phrase
), speakers AS MATERIALIZED (
    SELECT s.id, substr(s.name, 9) AS session_id, s.tenant, b.data ->> 'counter_id' AS counter_id
      FROM (SELECT DISTINCT stream_id FROM told) t
      JOIN streams s ON s.id = t.stream_id AND left(s.name, 8) = 'session-'
      LEFT JOIN events b ON b.position = s.first_pos AND b.type = 'SessionStarted'
), late AS MATERIALIZED (  -- few: the others' are not gone through once a stream
    SELECT t.stream_id, t.phrase, t.words_per_minute FROM told t
     WHERE t.measured IS NULL AND t.words_per_minute IS NOT NULL
), rated AS (
    UPDATE phrase_biometrics p
       SET words_per_minute = t.words_per_minute
      FROM late t
      JOIN speakers s ON s.id = t.stream_id
     WHERE p.session_id = s.session_id AND p.phrase = t.phrase AND p.words_per_minute IS NULL
)
INSERT INTO phrase_biometrics AS p (
    session_id, phrase, tenant, counter_id, measured_at, sample_start, sample_end, pitch_mean_hz, pitch_std_hz, snr_db,
    spectral_centroid_hz, zero_crossing_rate, rms_mean, rms_max, peak_dbfs, clipping_ratio, dc_offset, band_low,
    band_mid, band_high, duration_ms, words_per_minute)
SELECT s.session_id, t.phrase, s.tenant, s.counter_id, t.measured_at, (t.measured ->> 'sample_start')::bigint,
       (t.measured ->> 'sample_end')::bigint, (t.measured ->> 'pitch_mean_hz')::float8,
       (t.measured ->> 'pitch_std_hz')::float8, (t.measured ->> 'snr_db')::float8,
       (t.measured ->> 'spectral_centroid_hz')::float8, (t.measured ->> 'zero_crossing_rate')::float8,
       (t.measured ->> 'rms_mean')::float8, (t.measured ->> 'rms_max')::float8,
       (t.measured ->> 'peak_dbfs')::float8, (t.measured ->> 'clipping_ratio')::float8,
       (t.measured ->> 'dc_offset')::float8, (t.measured -> 'bands' ->> 'low')::float8,
       (t.measured -> 'bands' ->> 'mid')::float8, (t.measured -> 'bands' ->> 'high')::float8,
       (t.measured ->> 'duration_ms')::float8, t.words_per_minute
  FROM told t
  JOIN speakers s ON s.id = t.stream_id
 WHERE t.measured IS NOT NULL
ON CONFLICT (session_id, phrase) DO UPDATE SET words_per_minute = excluded.words_per_minute
 WHERE p.words_per_minute IS NULL AND excluded.words_per_minute IS NOT NULL
