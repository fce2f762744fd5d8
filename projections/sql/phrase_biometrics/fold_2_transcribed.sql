-- A phrase is measured before it is transcribed, so its row is there; the first rate counts.
UPDATE phrase_biometrics p
   SET words_per_minute = t.words_per_minute
  FROM (SELECT DISTINCT ON (s.name, e.phrase) substr(s.name, 9) AS session_id, e.phrase,
               (e.data ->> 'words_per_minute')::float8 AS words_per_minute
          FROM events e
          JOIN streams s ON s.id = e.stream_id AND left(s.name, 8) = 'session-'
         WHERE e.position > $1 AND e.position <= $2
           AND e.type = 'TranscriptionReceived' AND coalesce(e.data ->> 'role', 'chosen') = 'chosen'
           AND e.data ->> 'words_per_minute' IS NOT NULL
         ORDER BY s.name, e.phrase, e.position) t
 WHERE p.session_id = t.session_id AND p.phrase = t.phrase AND p.words_per_minute IS NULL
