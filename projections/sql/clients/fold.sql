-- reads: ClientRegistered
INSERT INTO clients (code, legal_name, registered_at)
SELECT e.data ->> 'code', e.data ->> 'legal_name', e.occurred_at
  FROM events e
 WHERE e.position > $1 AND e.position <= $2 AND e.type = 'ClientRegistered'
 ORDER BY e.position
ON CONFLICT (code) DO NOTHING
