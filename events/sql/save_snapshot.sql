-- Keep the latest: an older one of the same form is replaced, a newer one stays. Nothing is kept of an erased stream.
INSERT INTO snapshots AS n (stream_id, stream_position, position, fingerprint, state)
SELECT s.id, $2, $3, $4, $5 FROM streams s WHERE s.name = $1 AND s.key_id = $6
ON CONFLICT (stream_id, fingerprint) DO UPDATE
   SET stream_position = excluded.stream_position, position = excluded.position, state = excluded.state,
       made_at = clock_timestamp()
 WHERE n.stream_position < excluded.stream_position
