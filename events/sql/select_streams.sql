-- The streams that hold events after position $1 up to $2, of a name that begins with $3 (null: any), exactly
-- the name $4 (null: any) or a tenant $5 (null: any), $6 at most.
SELECT s.id, s.first_pos, s.last_pos, s.version
  FROM streams s
 WHERE s.last_pos > $1 AND s.first_pos <= $2
   AND ($3::text IS NULL OR starts_with(s.name, $3))
   AND ($4::text IS NULL OR s.name = $4)
   AND ($5::text IS NULL OR s.tenant = $5)
 LIMIT $6
