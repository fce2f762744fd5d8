-- reads: TranscriptionReceived
INSERT INTO interactions (session_id, phrase, tenant, counter_id, at, position)
SELECT substr(s.name, 9), e.phrase, s.tenant,
       (SELECT b.data ->> 'counter_id' FROM events b WHERE b.position = s.first_pos AND b.type = 'SessionStarted'),
       e.occurred_at, e.position
  FROM events e
  JOIN streams s ON s.id = e.stream_id AND left(s.name, 8) = 'session-'
 WHERE e.position > $1 AND e.position <= $2
   AND e.type = 'TranscriptionReceived' AND coalesce(e.data ->> 'role', 'chosen') = 'chosen'
 ORDER BY e.position
ON CONFLICT (session_id, phrase) DO NOTHING
