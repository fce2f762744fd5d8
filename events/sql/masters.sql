SELECT version, fingerprint FROM masters
