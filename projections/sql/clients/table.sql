-- One row a client. Its e-mail and telephone stay in the ledger.
CREATE TABLE clients (
    code          text PRIMARY KEY,
    legal_name    text NOT NULL,
    registered_at timestamptz NOT NULL
);
COMMENT ON TABLE clients IS 'Pharmacies, by their code, which is their tenant.';
