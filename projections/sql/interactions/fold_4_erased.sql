UPDATE interactions t
   SET text = NULL
  FROM events e
  JOIN streams s ON s.id = e.stream_id
 WHERE e.position > $1 AND e.position <= $2 AND e.type = 'SubjectErased' AND s.name = 'session-' || t.session_id
