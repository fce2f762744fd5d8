INSERT INTO masters (version, fingerprint) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING fingerprint
