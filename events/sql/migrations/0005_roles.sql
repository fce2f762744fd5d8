-- Who may do what. Nobody but the owner has INSERT, UPDATE, DELETE or TRUNCATE on anything that is a record: what is
-- written goes through the functions, which run as their owner.
CREATE FUNCTION grant_roles() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF to_regrole('balto_reader') IS NOT NULL THEN
        GRANT SELECT ON head, streams, events TO balto_reader;
    END IF;
    IF to_regrole('balto_app') IS NOT NULL THEN
        GRANT SELECT ON head, streams, events, keys, masters, recordings, migrations TO balto_app;
        GRANT INSERT ON masters TO balto_app;
        GRANT SELECT, INSERT, UPDATE, DELETE ON subscriptions, snapshots TO balto_app;
        GRANT EXECUTE ON FUNCTION append_event, append_events, ensure_partitions TO balto_app;
    END IF;
    IF to_regrole('balto_eraser') IS NOT NULL THEN
        GRANT SELECT ON streams, migrations TO balto_eraser;
        GRANT EXECUTE ON FUNCTION erase_stream TO balto_eraser;
    END IF;
END
$$;

DO $$
DECLARE
    role text;
    path text := quote_ident(current_schema()) || ', pg_temp';
BEGIN
    EXECUTE 'ALTER FUNCTION ensure_partitions SECURITY DEFINER SET search_path = ' || path;
    EXECUTE 'ALTER FUNCTION append_event SECURITY DEFINER SET search_path = ' || path;
    EXECUTE 'ALTER FUNCTION append_events SECURITY DEFINER SET search_path = ' || path;
    EXECUTE 'ALTER FUNCTION erase_stream SECURITY DEFINER SET search_path = ' || path;
    REVOKE EXECUTE ON FUNCTION ensure_partitions, append_event, append_events, erase_stream, grant_roles FROM PUBLIC;

    FOREACH role IN ARRAY ARRAY['balto_app', 'balto_eraser', 'balto_reader'] LOOP
        IF to_regrole(role) IS NULL THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', role);
            EXCEPTION
                WHEN duplicate_object OR unique_violation THEN
                    NULL;  -- roles are the server's: another of its databases was first
                WHEN insufficient_privilege THEN
                    RAISE NOTICE 'role % is not there and may not be created: create it, then SELECT grant_roles()', role;
            END;
        END IF;
    END LOOP;
    PERFORM grant_roles();
END
$$;
