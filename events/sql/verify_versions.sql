-- Where the ledger ends, and how many events the streams claim, at one moment.
SELECT h.position, (SELECT coalesce(sum(s.version), 0)::bigint FROM streams s) AS versions,
       greatest((SELECT max(e.position) FROM events e), (SELECT max(c."end") - 1 FROM cold_partitions c), 0) AS last
  FROM head h
