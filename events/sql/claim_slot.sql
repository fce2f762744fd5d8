-- Take the slot of subscription $1 that is furthest behind $2, that nobody is working on and that is not in $3.
SELECT slot, position
  FROM subscriptions
 WHERE name = $1 AND position < $2 AND slot <> ALL ($3::integer[])
 ORDER BY position, slot
 LIMIT 1
   FOR UPDATE SKIP LOCKED
