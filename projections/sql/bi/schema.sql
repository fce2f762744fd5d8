-- Schema `bi`, for analysts: views that keep their shape, and who may see which client's rows in them. Whoever logs in
-- is told by `session_user`, which neither SET nor SET ROLE changes; only the owner writes whom it stands for.
CREATE SCHEMA IF NOT EXISTS bi;

CREATE TABLE IF NOT EXISTS bi.analysts (
    login      name NOT NULL,
    tenant     text NOT NULL,
    granted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (login, tenant)
);

-- What the views were made of, so that a program of another version notices.
CREATE TABLE IF NOT EXISTS bi.views (
    name       text PRIMARY KEY,
    definition bytea NOT NULL    -- SHA-256 of the view's SQL and of this file
);

CREATE OR REPLACE FUNCTION bi.tenants() RETURNS text[]
    LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'SELECT coalesce(array_agg(a.tenant), ARRAY[]::text[]) FROM bi.analysts a WHERE a.login = session_user';
COMMENT ON FUNCTION bi.tenants() IS 'Codes of the clients whose rows this login sees.';
REVOKE EXECUTE ON FUNCTION bi.tenants() FROM PUBLIC;

DO $$
BEGIN
    IF to_regrole('balto_analyst') IS NULL THEN
        BEGIN
            CREATE ROLE balto_analyst NOLOGIN;
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN
                NULL;  -- roles are the server's: another of its databases was first
            WHEN insufficient_privilege THEN
                RAISE NOTICE 'role balto_analyst is not there and may not be created';
        END;
    END IF;
END
$$;
