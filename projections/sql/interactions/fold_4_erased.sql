UPDATE interactions t
   SET text = NULL
  FROM events e
  JOIN streams s ON s.id = e.stream_id AND left(s.name, 8) = 'session-'
 WHERE e.position > $1 AND e.position <= $2 AND e.type = 'SubjectErased' AND t.session_id = substr(s.name, 9)
