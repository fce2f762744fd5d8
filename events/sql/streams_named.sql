-- The streams of a name that begins with $1, in order.
SELECT name FROM streams WHERE starts_with(name, $1) ORDER BY name
