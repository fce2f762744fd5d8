SELECT n.stream_position, n.position, n.state, k.id, k.master, k.wrapped
  FROM streams s
  JOIN keys k ON k.id = s.key_id
  JOIN snapshots n ON n.stream_id = s.id AND n.fingerprint = $2
 WHERE s.name = $1
