SELECT version FROM streams WHERE name = $1
