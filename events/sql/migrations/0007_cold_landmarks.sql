-- Events that are looked for long after their partition went cold: each stream's first one, which says what it is
-- about, and the one that says that it was erased. They are copies; the files hold all events.
CREATE TABLE cold_landmarks (LIKE events, PRIMARY KEY (position));
CREATE INDEX cold_landmarks_by_stream ON cold_landmarks (stream_id, position);

-- What folds of read models take for the table `events` while a part of the ledger is cold.
CREATE SCHEMA IF NOT EXISTS folding;
CREATE OR REPLACE VIEW folding.events AS SELECT * FROM events UNION ALL SELECT * FROM cold_landmarks;

-- As before, but that the event of the first time may be cold by now.
CREATE OR REPLACE FUNCTION erase_stream(stream text, subject_erased new_event)
RETURNS TABLE (outcome text, stream_position bigint, "position" bigint)
LANGUAGE plpgsql
SECURITY DEFINER
SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
    erased streams;
BEGIN
    PERFORM pg_advisory_xact_lock(4712000001);
    SELECT s.* INTO erased FROM streams s WHERE s.name = stream;
    IF NOT FOUND THEN
        RETURN QUERY SELECT 'missing', 0::bigint, 0::bigint;
    ELSIF erased.erased THEN
        RETURN QUERY
        SELECT 'duplicate', p.stream_position, p.position
          FROM (SELECT e.stream_position, e.position FROM events e
                 WHERE e.stream_id = erased.id AND e.position BETWEEN erased.first_pos AND erased.last_pos
                   AND e.type = (subject_erased).type
                UNION ALL
                SELECT c.stream_position, c.position FROM cold_landmarks c
                 WHERE c.stream_id = erased.id AND c.type = (subject_erased).type) p
         ORDER BY p.position DESC
         LIMIT 1;
    ELSE
        DELETE FROM keys k WHERE k.stream_id = erased.id;
        DELETE FROM recordings r WHERE r.stream_id = erased.id;
        DELETE FROM snapshots n WHERE n.stream_id = erased.id;
        UPDATE streams s SET key_id = NULL, erased = true WHERE s.id = erased.id;
        RETURN QUERY
        SELECT a.outcomes[1], a.stream_positions[1], a.positions[1]
          FROM append_events(ARRAY[ROW(stream, erased.tenant, -1, 1, NULL, NULL, NULL)::new_append],
                             ARRAY[subject_erased], '{}', true) a;
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION grant_roles() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF to_regrole('balto_reader') IS NOT NULL THEN
        GRANT SELECT ON head, streams, events, legal_holds, cold_partitions, cold_streams, cold_state, cold_landmarks
           TO balto_reader;
    END IF;
    IF to_regrole('balto_app') IS NOT NULL THEN
        GRANT SELECT ON head, streams, events, keys, masters, recordings, migrations TO balto_app;
        GRANT SELECT ON legal_holds, cold_partitions, cold_streams, cold_state, cold_landmarks TO balto_app;
        GRANT INSERT ON masters TO balto_app;
        GRANT SELECT, INSERT, UPDATE, DELETE ON subscriptions, snapshots TO balto_app;
        GRANT USAGE ON SCHEMA folding TO balto_app;
        GRANT SELECT ON folding.events TO balto_app;
        GRANT EXECUTE ON FUNCTION append_event, append_events, ensure_partitions, place_hold TO balto_app;
    END IF;
    IF to_regrole('balto_eraser') IS NOT NULL THEN
        GRANT SELECT ON streams, migrations, legal_holds, cold_partitions, cold_streams, cold_state TO balto_eraser;
        GRANT EXECUTE ON FUNCTION erase_stream, expire_recordings, expirable_recordings, place_hold, lift_hold
           TO balto_eraser;
        -- Who erases may also take what was deleted off the pages. Before 17 only the owner of a table can.
        IF current_setting('server_version_num')::integer >= 170000 THEN
            EXECUTE 'GRANT MAINTAIN ON keys, recordings, snapshots TO balto_eraser';
        END IF;
    END IF;
END
$$;

DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION erase_stream SET search_path = %I, pg_temp', current_schema());
    PERFORM grant_roles();
END
$$;
