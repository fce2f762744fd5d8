-- Where the ledger ends, and how many events the streams claim, at one moment.
SELECT h.position, (SELECT coalesce(sum(s.version), 0)::bigint FROM streams s) AS versions,
       (SELECT coalesce(max(e.position), 0) FROM events e) AS last
  FROM head h
