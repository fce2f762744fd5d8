SELECT current_setting('server_version') AS server,
       (SELECT h.position FROM head h) AS last_position,
       (SELECT count(*) FROM streams) AS streams,
       (SELECT count(*) FROM streams s WHERE s.erased) AS erased_streams,
       (SELECT count(*) FROM keys) AS keys,
       (SELECT coalesce(array_agg(DISTINCT k.master ORDER BY k.master), '{}') FROM keys k) AS masters,
       (SELECT count(*) FROM recordings) AS recordings,
       (SELECT coalesce(sum(r.byte_end - r.byte_start), 0)::bigint FROM recordings r) AS recording_bytes,
       pg_database_size(current_database()) AS database_bytes
