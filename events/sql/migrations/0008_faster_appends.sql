-- Appending with less to do for each event and each call, and refused where a stream is another tenant's: its tenant is
-- part of what a chain is made of.

CREATE FUNCTION chain_link_of_all(link bytea, tip bytea, content bytea) RETURNS bytea LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
BEGIN
    RETURN sha256(coalesce(tip, link) || content);
END
$$;
-- As a window over the new events of one stream after another: the link of each, `tip` being what a stream's first one
-- follows, and null for the others.
CREATE AGGREGATE chain_of_all(tip bytea, content bytea) (sfunc = chain_link_of_all, stype = bytea);

-- Append to many streams in one transaction: appends, each stream at most once, and the events of the first, of the
-- second and so on.
-- Returns by append: 'ok'; 'duplicate' with the positions of the first time; 'conflict' with the stream's version as
-- its stream position; 'key' where the stream has another key; 'erased' where it had one; 'tenant' where the stream is
-- another tenant's.
-- With `together`, one that is neither ok nor duplicate means that nothing is written.
-- Its plans should not depend on how full the tables are, since they are made once: see the settings of the writers'
-- connections. A SET here would be done and undone by every call.
CREATE OR REPLACE FUNCTION append_events(
    appends new_append[], new_events new_event[], new_recordings new_recording[], together boolean,
    OUT outcomes text[], OUT stream_positions bigint[], OUT positions bigint[]
)
LANGUAGE plpgsql
AS $$
#variable_conflict use_column
DECLARE
    head_position bigint;
    next_position bigint;
    partitioned   bigint;
    partition     bigint;
    border        bigint;     -- first position of the partition that is written to
    stamp         timestamptz;
    names         text[];
    tenants       text[];
    expected      bigint[];
    counts        integer[];
    offsets       integer[];  -- number of events in the appends before this one
    key_ids       uuid[];
    stream_ids    bigint[];
    fresh         boolean[];
    versions      bigint[];
    first_pos     bigint[];
    stream_keys   uuid[];
    erasures      boolean[];
    own           boolean[];  -- the stream is the append's tenant's, or new
    tips          bytea[];
    seen_version  bigint[];   -- where the append's first event is already, in its stream
    seen_position bigint[];
    bases         bigint[];   -- the position before that of the append's first event
    plain         boolean;    -- every append is ok at the first look
    newly_keyed   boolean;
    refused       boolean := false;
    written       boolean := false;
BEGIN
    PERFORM pg_advisory_xact_lock(4712000001);
    SELECT h.position, h.partitioned_to, h.partition_size INTO head_position, partitioned, partition FROM head h;
    stamp := clock_timestamp();
    next_position := head_position;
    border := partitioned - partition * CASE WHEN head_position + 1 < partitioned - partition THEN 2 ELSE 1 END;

    -- An append that expects the very version of its stream cannot be there already: it would have moved it.
    SELECT array_agg(a.stream ORDER BY a.n), array_agg(a.tenant ORDER BY a.n), array_agg(a.expected ORDER BY a.n),
           array_agg(a.events ORDER BY a.n), array_agg(a.before ORDER BY a.n), array_agg(a.key_id ORDER BY a.n),
           array_agg(coalesce(s.id, nextval('streams_id_seq')) ORDER BY a.n),
           array_agg(s.id IS NULL ORDER BY a.n), array_agg(coalesce(s.version, 0) ORDER BY a.n),
           array_agg(s.first_pos ORDER BY a.n), array_agg(s.key_id ORDER BY a.n),
           array_agg(coalesce(s.erased, false) ORDER BY a.n), array_agg(coalesce(s.tenant = a.tenant, true) ORDER BY a.n),
           array_agg(coalesce(s.last_hash, decode(repeat('00', 32), 'hex')) ORDER BY a.n),
           array_agg(f.stream_position ORDER BY a.n), array_agg(f.position ORDER BY a.n),
           array_agg(head_position + a.before ORDER BY a.n), array_agg('ok'::text),
           array_agg(coalesce(s.version, 0) + a.events ORDER BY a.n),
           array_agg(head_position + a.before + a.events ORDER BY a.n),
           bool_and(a.expected IN (coalesce(s.version, 0), -1) AND f.stream_id IS NULL
                    AND (s.id IS NULL OR s.tenant = a.tenant AND s.first_pos >= border
                         AND (a.key_id IS NULL OR coalesce(s.key_id = a.key_id, NOT s.erased)))),
           bool_or(a.key_id IS NOT NULL AND s.key_id IS NULL)
      INTO names, tenants, expected, counts, offsets, key_ids, stream_ids, fresh, versions, first_pos, stream_keys,
           erasures, own, tips, seen_version, seen_position, bases, outcomes, stream_positions, positions, plain, newly_keyed
      FROM (SELECT u.*, sum(u.events) OVER (ORDER BY u.n) - u.events AS before
              FROM unnest(appends) WITH ORDINALITY
                AS u (stream, tenant, expected, events, key_id, master, wrapped, n)) a
      LEFT JOIN streams s ON s.name = a.stream
      LEFT JOIN LATERAL (SELECT e.stream_id, e.stream_position, e.position FROM events e
                          WHERE e.event_id = (new_events[a.before + 1]).event_id
                            AND e.position BETWEEN s.first_pos AND s.last_pos
                            AND a.expected IS DISTINCT FROM s.version
                         OFFSET 0) f  -- by id alone: a long stream's index entries are many, an id's is one
             ON f.stream_id = s.id;

    IF plain THEN
        next_position := positions[cardinality(appends)];
        written := true;
    ELSE
        FOR i IN 1 .. cardinality(appends) LOOP
            IF seen_version[i] IS NOT NULL THEN
                IF EXISTS (SELECT FROM events e
                            WHERE e.position = seen_position[i] + counts[i] - 1
                              AND e.event_id = (new_events[offsets[i] + counts[i]]).event_id
                              AND e.stream_id = stream_ids[i]
                              AND e.stream_position = seen_version[i] + counts[i] - 1) THEN
                    outcomes[i] := 'duplicate';
                ELSE
                    outcomes[i] := 'conflict';
                END IF;
            ELSIF expected[i] <> -1 AND expected[i] <> versions[i] THEN
                outcomes[i] := 'conflict';
            ELSIF NOT own[i] THEN
                outcomes[i] := 'tenant';
            ELSIF key_ids[i] IS NOT NULL AND erasures[i] THEN
                outcomes[i] := 'erased';
            ELSIF key_ids[i] IS NOT NULL AND stream_keys[i] <> key_ids[i] THEN
                outcomes[i] := 'key';
            END IF;
            -- By itself, since a condition with a query in it costs as much as one whether it comes to that or not.
            IF outcomes[i] = 'ok' AND first_pos[i] < border THEN
                IF EXISTS (SELECT FROM unnest(new_events[offsets[i] + 1 : offsets[i] + counts[i]]) n
                             JOIN events e ON e.event_id = n.event_id
                                          AND e.position BETWEEN first_pos[i] AND border - 1) THEN
                    -- Repeats in part what is in an older partition, which the index of this one does not know.
                    outcomes[i] := 'conflict';
                END IF;
            END IF;
            IF outcomes[i] = 'ok' THEN
                bases[i] := next_position;
                next_position := next_position + counts[i];
                positions[i] := next_position;
                written := true;
            ELSIF outcomes[i] = 'duplicate' THEN
                stream_positions[i] := seen_version[i] + counts[i] - 1;
                positions[i] := seen_position[i] + counts[i] - 1;
            ELSE
                stream_positions[i] := versions[i];
                positions[i] := 0;
                refused := true;
            END IF;
        END LOOP;
    END IF;
    IF NOT written OR together AND refused THEN
        RETURN;
    END IF;

    IF next_position >= partitioned - partition / 2 THEN
        PERFORM ensure_partitions(next_position);
    END IF;

    WITH linked AS MATERIALIZED (
        SELECT e.*, bases[e.append] + e.n - offsets[e.append] AS position, c.stream_position,
               chain_of_all(CASE WHEN e.n = offsets[e.append] + 1 THEN tips[e.append] END, canonical_event(
                   names[e.append], tenants[e.append], c.stream_position, e.event_id, e.type, e.schema_version,
                   e.occurred_at, e.elapsed_us, e.correlation_id, e.causation_id, e.phrase, e.sample_start,
                   e.sample_end, e.latency_ms, e.data, e.sealed)
               ) OVER (ROWS UNBOUNDED PRECEDING) AS hash  -- in the order of the array, as it is unnested
          FROM unnest(new_events) WITH ORDINALITY AS e (append, event_id, type, schema_version, occurred_at,
                   elapsed_us, correlation_id, causation_id, phrase, sample_start, sample_end, latency_ms, data,
                   sealed, n)
         CROSS JOIN LATERAL (SELECT versions[e.append] + e.n - offsets[e.append] AS stream_position) c
         WHERE plain OR outcomes[e.append] = 'ok'
    ), inserted AS (
        INSERT INTO events (position, stream_id, stream_position, event_id, correlation_id, causation_id,
                            occurred_at, recorded_at, elapsed_us, sample_start, sample_end, latency_ms, phrase,
                            schema_version, type, data, sealed, hash)
        SELECT position, stream_ids[append], stream_position, event_id, correlation_id, causation_id, occurred_at,
               stamp, elapsed_us, sample_start, sample_end, latency_ms, phrase, schema_version, type, data, sealed,
               hash
          FROM linked
    ), opened AS (
        INSERT INTO streams (id, name, tenant, version, first_pos, last_pos, last_hash, key_id)
        OVERRIDING SYSTEM VALUE
        SELECT stream_ids[append], names[append], tenants[append], counts[append], bases[append] + 1, position, hash,
               key_ids[append]
          FROM linked
         WHERE fresh[append] AND n = offsets[append] + counts[append]
    )
    UPDATE streams s
       SET version = l.stream_position, last_pos = l.position, last_hash = l.hash,
           key_id = coalesce(s.key_id, key_ids[l.append])
      FROM linked l
     WHERE NOT fresh[l.append] AND l.n = offsets[l.append] + counts[l.append] AND s.id = stream_ids[l.append];

    IF newly_keyed THEN
        INSERT INTO keys (id, stream_id, master, wrapped, created_at)
        SELECT k.key_id, stream_ids[k.n], k.master, k.wrapped, stamp
          FROM unnest(appends) WITH ORDINALITY AS k (stream, tenant, expected, events, key_id, master, wrapped, n)
         WHERE outcomes[k.n] = 'ok' AND k.key_id IS NOT NULL AND stream_keys[k.n] IS NULL;
    END IF;

    IF cardinality(new_recordings) > 0 THEN
        -- Bytes that are there already stay as they first came: nothing recorded is ever replaced.
        INSERT INTO recordings (stream_id, byte_start, byte_end, recorded_at, sealed)
        SELECT stream_ids[r.append], r.byte_start, r.byte_end, stamp, r.sealed
          FROM unnest(new_recordings) r
         WHERE outcomes[r.append] = 'ok'
        ON CONFLICT DO NOTHING;
    END IF;

    UPDATE head SET position = next_position;
    PERFORM pg_notify('balto_events', next_position::text);
END
$$;

-- The same for the next event of one stream, which is what a quiet house writes. What is not plainly ok is left to
-- `append_events`.
CREATE OR REPLACE FUNCTION append_event(
    append new_append, event new_event,
    OUT outcomes text[], OUT stream_positions bigint[], OUT positions bigint[]
)
LANGUAGE plpgsql
AS $$
#variable_conflict use_column
DECLARE
    waited    boolean;
    landed    bigint;
    number    bigint;
    border    bigint;  -- first position of the partition that is written to
    half_full boolean;
    stream_id bigint;
    link      bytea;
    stamp     timestamptz;
BEGIN
    -- An expression, here and below, is evaluated at once; PERFORM would run a query.
    waited := pg_advisory_xact_lock(4712000001) IS NULL;
    UPDATE head h SET position = h.position + 1
    RETURNING h.position, h.position >= h.partitioned_to - h.partition_size / 2,
              h.partitioned_to - h.partition_size * CASE WHEN h.position < h.partitioned_to - h.partition_size THEN 2 ELSE 1 END
         INTO landed, half_full, border;
    number := append.expected + 1;
    IF half_full THEN
        NULL;
    ELSIF append.expected > 0 THEN
        UPDATE streams s
           SET version = number, last_pos = landed,
               last_hash = sha256(s.last_hash || canonical_event(
                   append.stream, append.tenant, number, event.event_id, event.type, event.schema_version,
                   event.occurred_at, event.elapsed_us, event.correlation_id, event.causation_id, event.phrase,
                   event.sample_start, event.sample_end, event.latency_ms, event.data, event.sealed))
         WHERE s.name = append.stream AND s.version = append.expected AND s.tenant = append.tenant
           AND s.first_pos >= border AND (append.key_id IS NULL OR s.key_id = append.key_id)
        RETURNING s.id, s.last_hash INTO stream_id, link;
    END IF;
    IF stream_id IS NULL THEN
        UPDATE head h SET position = h.position - 1;
        SELECT a.* INTO outcomes, stream_positions, positions
          FROM append_events(ARRAY[append], ARRAY[event], '{}', true) a;
        RETURN;
    END IF;
    stamp := clock_timestamp();
    INSERT INTO events (position, stream_id, stream_position, event_id, correlation_id, causation_id, occurred_at,
                        recorded_at, elapsed_us, sample_start, sample_end, latency_ms, phrase, schema_version, type,
                        data, sealed, hash)
    VALUES (landed, stream_id, number, event.event_id, event.correlation_id, event.causation_id, event.occurred_at,
            stamp, event.elapsed_us, event.sample_start, event.sample_end, event.latency_ms, event.phrase,
            event.schema_version, event.type, event.data, event.sealed, link);
    waited := pg_notify('balto_events', landed::text) IS NULL;
    outcomes := ARRAY['ok'];
    stream_positions := ARRAY[number];
    positions := ARRAY[landed];
END
$$;

DO $$
DECLARE
    path text := quote_ident(current_schema()) || ', pg_temp';
BEGIN
    EXECUTE 'ALTER FUNCTION append_event SECURITY DEFINER SET search_path = ' || path;
    EXECUTE 'ALTER FUNCTION append_events SECURITY DEFINER SET search_path = ' || path;
END
$$;
