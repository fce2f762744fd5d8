-- key: tenant
-- time: registered_at
CREATE OR REPLACE VIEW bi.clients_v1 WITH (security_invoker = true) AS
SELECT code AS tenant,
       legal_name,
       registered_at
  FROM clients;

COMMENT ON VIEW bi.clients_v1 IS 'One row a client (a pharmacy). E-mail and telephone stay in the ledger.';
COMMENT ON COLUMN bi.clients_v1.tenant IS 'Code of the client.';
COMMENT ON COLUMN bi.clients_v1.legal_name IS 'Its name.';
COMMENT ON COLUMN bi.clients_v1.registered_at IS 'When it registered.';
