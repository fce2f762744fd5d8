UPDATE subscriptions
   SET position = greatest(position, $3), updated_at = clock_timestamp()
 WHERE name = $1 AND slot = $2
