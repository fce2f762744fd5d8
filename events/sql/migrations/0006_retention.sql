-- What must be kept for a court or an authority: a stream, or all of a tenant's. Lifted holds stay as a record.
CREATE TABLE legal_holds (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    stream    text COLLATE "C",
    tenant    text,
    reason    text NOT NULL,
    placed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    lifted_at timestamptz,
    CHECK (num_nonnulls(stream, tenant) = 1)
);

CREATE FUNCTION is_held(stream text, tenant text) RETURNS boolean LANGUAGE sql STABLE
RETURN EXISTS (SELECT FROM legal_holds h
                WHERE h.lifted_at IS NULL AND (h.stream = is_held.stream OR h.tenant = is_held.tenant));

-- The append lock orders a hold and what it forbids: one of them is first, and whole.
CREATE FUNCTION place_hold(held_stream text, held_tenant text, why text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    made bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(4712000001);
    INSERT INTO legal_holds (stream, tenant, reason) VALUES (held_stream, held_tenant, why) RETURNING id INTO made;
    RETURN made;
END
$$;

CREATE FUNCTION lift_hold(hold bigint) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    UPDATE legal_holds SET lifted_at = clock_timestamp() WHERE id = hold AND lifted_at IS NULL;
    RETURN FOUND;
END
$$;

-- Whoever deletes them, and by whatever function: keys and recordings that are on hold stay.
CREATE FUNCTION refuse_held() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM (SELECT DISTINCT stream_id FROM gone) g
                 JOIN streams s ON s.id = g.stream_id WHERE is_held(s.name, s.tenant)) THEN
        RAISE EXCEPTION '% refused: the stream is on legal hold', TG_OP USING ERRCODE = 'BL001';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER keys_stay_on_hold AFTER DELETE ON keys REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_held();
CREATE TRIGGER recordings_stay_on_hold AFTER DELETE ON recordings REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_held();

-- Runs of positions whose partition was exported to a file and detached. Rows of a detached table are in both until
-- the table is dropped.
CREATE TABLE cold_partitions (
    first             bigint PRIMARY KEY,
    "end"             bigint NOT NULL CHECK ("end" > first),
    name              text NOT NULL,  -- of the table
    file              text NOT NULL,  -- in the archive's folder
    events            bigint NOT NULL,
    bytes             bigint NOT NULL,
    sha256            bytea NOT NULL,
    first_recorded_at timestamptz NOT NULL,
    last_recorded_at  timestamptz NOT NULL,
    detached_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    dropped_at        timestamptz
);

-- Which streams a cold partition holds, and the link that each leaves it with: where a chain goes on from.
CREATE TABLE cold_streams (
    stream_id             bigint NOT NULL,
    first                 bigint NOT NULL REFERENCES cold_partitions (first) ON DELETE CASCADE,
    first_position        bigint NOT NULL,
    last_position         bigint NOT NULL,
    first_stream_position bigint NOT NULL,
    last_stream_position  bigint NOT NULL,
    last_hash             bytea NOT NULL,
    ended                 boolean NOT NULL,  -- whether a session's end is among them
    PRIMARY KEY (stream_id, first)
);

-- Counts the changes of what is cold: a reader that sees another number than the one it knows looks again.
CREATE TABLE cold_state (
    one        boolean PRIMARY KEY DEFAULT true CHECK (one),
    generation bigint NOT NULL
);
INSERT INTO cold_state (generation) VALUES (0);

-- The link that a stream had before a position, wherever that lies; null before its first event.
CREATE FUNCTION link_before(stream bigint, before bigint, OUT stream_position bigint, OUT hash bytea)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT p.stream_position, p.hash
      FROM ((SELECT e.position, e.stream_position, e.hash FROM events e
              WHERE e.stream_id = link_before.stream AND e.position < before
                AND e.position >= (SELECT s.first_pos FROM streams s WHERE s.id = link_before.stream)
              ORDER BY e.position DESC LIMIT 1)
            UNION ALL
            (SELECT c.last_position, c.last_stream_position, c.last_hash FROM cold_streams c
              WHERE c.stream_id = link_before.stream AND c.last_position < before
              ORDER BY c.last_position DESC LIMIT 1)) p
     ORDER BY p.position DESC
     LIMIT 1;
END;

CREATE FUNCTION session_ended(stream bigint) RETURNS boolean LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT EXISTS (SELECT FROM streams s JOIN events e ON e.stream_id = s.id AND e.position BETWEEN s.first_pos AND s.last_pos
                    WHERE s.id = session_ended.stream AND e.type = 'SessionEnded')
        OR EXISTS (SELECT FROM cold_streams c WHERE c.stream_id = session_ended.stream AND c.ended);
END;

-- Delete the recordings of a stream whose session has ended, all of them older than a moment; tell of it by an event.
-- Returns 'ok' and where the event landed, or why nothing was done: 'missing', 'none', 'live', 'young' or 'held'.
CREATE FUNCTION expire_recordings(stream text, before timestamptz, expired new_event)
RETURNS TABLE (outcome text, stream_position bigint, "position" bigint)
LANGUAGE plpgsql
SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
    of_stream streams;
    youngest  timestamptz;
    verdict   text;
BEGIN
    PERFORM pg_advisory_xact_lock(4712000001);
    SELECT s.* INTO of_stream FROM streams s WHERE s.name = stream;
    SELECT max(r.recorded_at) INTO youngest FROM recordings r WHERE r.stream_id = of_stream.id;
    verdict := CASE
        WHEN of_stream.id IS NULL THEN 'missing'
        WHEN youngest IS NULL THEN 'none'
        WHEN youngest >= before THEN 'young'
        WHEN is_held(of_stream.name, of_stream.tenant) THEN 'held'
        WHEN NOT session_ended(of_stream.id) THEN 'live'
    END;
    IF verdict IS NOT NULL THEN
        RETURN QUERY SELECT verdict, 0::bigint, 0::bigint;
    ELSE
        DELETE FROM recordings r WHERE r.stream_id = of_stream.id;
        RETURN QUERY
        SELECT a.outcomes[1], a.stream_positions[1], a.positions[1]
          FROM append_events(ARRAY[ROW(stream, of_stream.tenant, -1, 1, NULL, NULL, NULL)::new_append],
                             ARRAY[expired], '{}', true) a;
    END IF;
END
$$;

-- Sessions with recordings all older than a moment, and how much they hold.
CREATE FUNCTION expirable_recordings(before timestamptz)
RETURNS TABLE (stream text, bytes bigint, chunks bigint) LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT s.name, r.bytes::bigint, r.chunks
      FROM (SELECT r.stream_id, sum(r.byte_end - r.byte_start) AS bytes, count(*) AS chunks
              FROM recordings r GROUP BY r.stream_id HAVING max(r.recorded_at) < before) r
      JOIN streams s ON s.id = r.stream_id
     WHERE NOT is_held(s.name, s.tenant) AND session_ended(s.id)
     ORDER BY s.first_pos;
END;

-- Bring events from another ledger in as they were: with their places in their streams, their seals, times and links.
-- Per stream: its name, tenant and key. Per event: the number of its stream in `append`, its place in it, when it was
-- recorded and its link, which must hold here; null where it cannot, since the seals were left out. What is there
-- already is skipped if it is the same. Returns how many events were new.
CREATE FUNCTION import_events(
    names text[], tenants text[], key_ids uuid[], masters integer[], wrapped_keys bytea[],
    new_events new_event[], places bigint[], stamps timestamptz[], links bytea[]
) RETURNS bigint LANGUAGE plpgsql
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    last_position bigint;
    partitioned   bigint;
    partition     bigint;
    least_stamp   timestamptz;
    stream_ids    bigint[];
    versions      bigint[];
    tips          bytea[];
    added         bigint;
    wrong         text;
BEGIN
    PERFORM pg_advisory_xact_lock(4712000001);
    SELECT h.position, h.partitioned_to, h.partition_size INTO last_position, partitioned, partition FROM head h;
    SELECT e.recorded_at INTO least_stamp FROM events e WHERE e.position = last_position;

    SELECT array_agg(coalesce(s.id, nextval('streams_id_seq')) ORDER BY n.i), array_agg(coalesce(s.version, 0) ORDER BY n.i),
           array_agg(coalesce(s.last_hash, decode(repeat('00', 32), 'hex')) ORDER BY n.i)
      INTO stream_ids, versions, tips
      FROM unnest(names) WITH ORDINALITY AS n (name, i) LEFT JOIN streams s ON s.name = n.name;

    SELECT names[n.append] INTO wrong
      FROM unnest(new_events) WITH ORDINALITY AS n (append, event_id, type, schema_version, occurred_at, elapsed_us,
               correlation_id, causation_id, phrase, sample_start, sample_end, latency_ms, data, sealed, i)
      JOIN streams s ON s.id = stream_ids[n.append]
      LEFT JOIN LATERAL (SELECT e.event_id FROM events e
                          WHERE e.stream_id = s.id AND e.stream_position = places[n.i]
                            AND e.position BETWEEN s.first_pos AND s.last_pos) e ON true
     WHERE places[n.i] <= versions[n.append] AND e.event_id IS DISTINCT FROM n.event_id
       AND NOT EXISTS (SELECT FROM cold_streams c WHERE c.stream_id = s.id
                          AND places[n.i] BETWEEN c.first_stream_position AND c.last_stream_position)
     LIMIT 1;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'stream % holds other events', wrong USING ERRCODE = 'BL002';
    END IF;

    PERFORM ensure_partitions(last_position + cardinality(new_events))
      WHERE last_position + cardinality(new_events) >= partitioned - partition / 2;

    CREATE TEMP TABLE IF NOT EXISTS importing (
        position bigint, stream bigint, place bigint, given bytea, hash bytea, stamp timestamptz, i bigint, event new_event
    ) ON COMMIT DROP;
    TRUNCATE importing;
    INSERT INTO importing
    SELECT last_position + row_number() OVER (ORDER BY n.i), (n.e).append, places[n.i], links[n.i],
           chain(tips[(n.e).append], canonical_event(
               names[(n.e).append], tenants[(n.e).append], places[n.i], (n.e).event_id, (n.e).type, (n.e).schema_version,
               (n.e).occurred_at, (n.e).elapsed_us, (n.e).correlation_id, (n.e).causation_id, (n.e).phrase,
               (n.e).sample_start, (n.e).sample_end, (n.e).latency_ms, (n.e).data, (n.e).sealed)
           ) OVER (PARTITION BY (n.e).append ORDER BY n.i ROWS UNBOUNDED PRECEDING),
           greatest(stamps[n.i], least_stamp, max(stamps[n.i]) OVER (ORDER BY n.i ROWS UNBOUNDED PRECEDING)),
           n.i, n.e
      FROM (SELECT i, new_events[i] AS e FROM generate_subscripts(new_events, 1) i) n
     WHERE places[n.i] > versions[(n.e).append];
    GET DIAGNOSTICS added = ROW_COUNT;

    SELECT names[p.stream] INTO wrong
      FROM (SELECT m.*, row_number() OVER (PARTITION BY m.stream ORDER BY m.i) AS nth FROM importing m) p
     WHERE p.place <> versions[p.stream] + p.nth
     LIMIT 1;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'events of stream % are missing in between', wrong USING ERRCODE = 'BL003';
    END IF;
    SELECT names[m.stream] INTO wrong FROM importing m WHERE m.given <> m.hash LIMIT 1;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'a link of stream % does not hold', wrong USING ERRCODE = 'BL004';
    END IF;

    INSERT INTO events (position, stream_id, stream_position, event_id, correlation_id, causation_id, occurred_at,
                        recorded_at, elapsed_us, sample_start, sample_end, latency_ms, phrase, schema_version, type,
                        data, sealed, hash)
    SELECT m.position, stream_ids[m.stream], m.place, (m.event).event_id, (m.event).correlation_id,
           (m.event).causation_id, (m.event).occurred_at, m.stamp, (m.event).elapsed_us, (m.event).sample_start,
           (m.event).sample_end, (m.event).latency_ms, (m.event).phrase, (m.event).schema_version, (m.event).type,
           (m.event).data, (m.event).sealed, m.hash
      FROM importing m;
    INSERT INTO streams AS s (id, name, tenant, version, first_pos, last_pos, last_hash, key_id)
    OVERRIDING SYSTEM VALUE
    SELECT stream_ids[m.stream], names[m.stream], tenants[m.stream], max(m.place), min(m.position), max(m.position),
           (array_agg(m.hash ORDER BY m.i DESC))[1], key_ids[m.stream]
      FROM importing m GROUP BY m.stream
    ON CONFLICT (name) DO UPDATE SET version = excluded.version, last_pos = excluded.last_pos,
           last_hash = excluded.last_hash,
           key_id = CASE WHEN s.erased THEN NULL ELSE coalesce(s.key_id, excluded.key_id) END;
    INSERT INTO keys (id, stream_id, master, wrapped, created_at)
    SELECT s.key_id, s.id, masters[n.i], wrapped_keys[n.i], clock_timestamp()
      FROM unnest(names) WITH ORDINALITY AS n (name, i)
      JOIN streams s ON s.name = n.name AND s.key_id = key_ids[n.i]
    ON CONFLICT (stream_id) DO NOTHING;

    -- What was erased there is erased here.
    UPDATE streams s SET erased = true, key_id = NULL
      FROM importing m WHERE (m.event).type = 'SubjectErased' AND s.id = stream_ids[m.stream] AND NOT s.erased;
    DELETE FROM keys k USING importing m WHERE (m.event).type = 'SubjectErased' AND k.stream_id = stream_ids[m.stream];
    DELETE FROM recordings r USING importing m
     WHERE (m.event).type = 'SubjectErased' AND r.stream_id = stream_ids[m.stream];

    IF added > 0 THEN
        UPDATE head SET position = last_position + added;
        PERFORM pg_notify('balto_events', (last_position + added)::text);
    END IF;
    RETURN added;
END
$$;

CREATE OR REPLACE FUNCTION grant_roles() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF to_regrole('balto_reader') IS NOT NULL THEN
        GRANT SELECT ON head, streams, events, legal_holds, cold_partitions, cold_streams, cold_state TO balto_reader;
    END IF;
    IF to_regrole('balto_app') IS NOT NULL THEN
        GRANT SELECT ON head, streams, events, keys, masters, recordings, migrations TO balto_app;
        GRANT SELECT ON legal_holds, cold_partitions, cold_streams, cold_state TO balto_app;
        GRANT INSERT ON masters TO balto_app;
        GRANT SELECT, INSERT, UPDATE, DELETE ON subscriptions, snapshots TO balto_app;
        GRANT EXECUTE ON FUNCTION append_event, append_events, ensure_partitions, place_hold TO balto_app;
    END IF;
    IF to_regrole('balto_eraser') IS NOT NULL THEN
        GRANT SELECT ON streams, migrations, legal_holds, cold_partitions, cold_streams, cold_state TO balto_eraser;
        GRANT EXECUTE ON FUNCTION erase_stream, expire_recordings, expirable_recordings, place_hold, lift_hold
           TO balto_eraser;
    END IF;
END
$$;

DO $$
DECLARE
    path text := quote_ident(current_schema()) || ', pg_temp';
    routine text;
BEGIN
    FOREACH routine IN ARRAY ARRAY['place_hold', 'lift_hold', 'refuse_held', 'expire_recordings', 'expirable_recordings'] LOOP
        EXECUTE format('ALTER FUNCTION %I SECURITY DEFINER SET search_path = ', routine) || path;
    END LOOP;
    REVOKE EXECUTE ON FUNCTION place_hold, lift_hold, expire_recordings, expirable_recordings, import_events, grant_roles
      FROM PUBLIC;
    PERFORM grant_roles();
END
$$;
