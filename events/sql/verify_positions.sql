-- The first position after $1 up to $2 that no event has, here or in a file.
SELECT min(n) AS missing
  FROM generate_series($1::bigint + 1, $2::bigint) n
 WHERE NOT EXISTS (SELECT FROM events e WHERE e.position = n)
   AND NOT EXISTS (SELECT FROM cold_partitions c WHERE n >= c.first AND n < c."end")
