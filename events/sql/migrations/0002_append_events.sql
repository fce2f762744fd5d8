-- An event as a client sends it: `append` is the number of its append in the call, from 1.
CREATE TYPE new_event AS (
    append         integer,
    event_id       uuid,
    type           text,
    schema_version smallint,
    occurred_at    timestamptz,
    elapsed_us     bigint,
    correlation_id uuid,
    causation_id   uuid,
    phrase         integer,
    sample_start   bigint,
    sample_end     bigint,
    latency_ms     double precision,
    data           jsonb,
    sealed         bytea
);

-- The bytes that a chain is made of: the binary form of a row, as the wire protocol has it, of all that was written
-- but where and when it was recorded, so that a copy on another server has the same chain.
CREATE FUNCTION canonical_event(
    stream text, tenant text, stream_position bigint, event_id uuid, type text, schema_version smallint,
    occurred_at timestamptz, elapsed_us bigint, correlation_id uuid, causation_id uuid, phrase integer,
    sample_start bigint, sample_end bigint, latency_ms double precision, data jsonb, sealed bytea
) RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE
RETURN record_send(ROW(stream, tenant, stream_position, event_id, type, schema_version, occurred_at, elapsed_us,
                       correlation_id, causation_id, phrase, sample_start, sample_end, latency_ms, data, sealed));

CREATE FUNCTION chain_link(link bytea, seed bytea, content bytea) RETURNS bytea LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
BEGIN
    RETURN sha256(coalesce(link, seed) || content);
END
$$;
-- As a window over a stream's new events in order: the link of each, `seed` being the tip that they follow.
CREATE AGGREGATE chain(seed bytea, content bytea) (sfunc = chain_link, stype = bytea);

-- Append to many streams in one transaction. Per append (arrays of one length, each stream at most once): stream,
-- tenant, expected version (-1 any), number of events and, where any of it is sealed, the key: its id, the version of
-- its master key and the wrapped key, for a stream that has none yet. Per recording: the number of its append, its
-- range of bytes and the sealed bytes.
-- Returns a row per append: 'ok'; 'duplicate' with the positions of the first time; 'conflict' with the stream's
-- version as its stream position; 'key' where the stream has another key; 'erased' where it had one.
-- With `together`, one that is neither ok nor duplicate means that nothing is written.
CREATE FUNCTION append_events(
    names text[], tenants text[], expected bigint[], counts integer[],
    key_ids uuid[], masters integer[], wrapped_keys bytea[],
    new_events new_event[],
    recording_of integer[], byte_starts bigint[], byte_ends bigint[], chunks bytea[],
    together boolean
) RETURNS TABLE (append integer, outcome text, stream_position bigint, "position" bigint)
LANGUAGE plpgsql
-- Plans are made once, perhaps while the tables are still empty, so they must not depend on how full these are.
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_bitmapscan = off
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    appends       integer := cardinality(names);
    head_position bigint;
    next_position bigint;
    partitioned   bigint;
    partition     bigint;
    border        bigint;     -- first position of the partition that is written to
    stamp         timestamptz;
    offsets       integer[];  -- number of events in the appends before this one
    stream_ids    bigint[];
    versions      bigint[];
    first_pos     bigint[];
    stream_keys   uuid[];
    erasures      boolean[];
    tips          bytea[];
    seen_version  bigint[];   -- where the append's first event is already, in its stream
    seen_position bigint[];
    outcomes      text[] := array_fill(NULL::text, ARRAY[appends]);
    bases         bigint[] := array_fill(NULL::bigint, ARRAY[appends]);
    fresh         boolean[] := array_fill(false, ARRAY[appends]);
    newly_keyed   boolean := false;
    refused       boolean := false;
    written       boolean := false;
BEGIN
    PERFORM pg_advisory_xact_lock(4712000001);
    SELECT h.position, h.partitioned_to, h.partition_size INTO head_position, partitioned, partition FROM head h;
    stamp := clock_timestamp();
    next_position := head_position;
    border := partitioned - partition * CASE WHEN head_position + 1 < partitioned - partition THEN 2 ELSE 1 END;

    -- An append that expects the very version of its stream cannot be there already: it would have moved it.
    SELECT array_agg(a.before ORDER BY a.n), array_agg(s.id ORDER BY a.n),
           array_agg(coalesce(s.version, 0) ORDER BY a.n), array_agg(s.first_pos ORDER BY a.n),
           array_agg(s.key_id ORDER BY a.n), array_agg(coalesce(s.erased, false) ORDER BY a.n),
           array_agg(coalesce(s.last_hash, decode(repeat('00', 32), 'hex')) ORDER BY a.n),
           array_agg(f.stream_position ORDER BY a.n), array_agg(f.position ORDER BY a.n)
      INTO offsets, stream_ids, versions, first_pos, stream_keys, erasures, tips, seen_version, seen_position
      FROM (SELECT u.n, u.name, u.expected, sum(u.count) OVER (ORDER BY u.n) - u.count AS before
              FROM unnest(names, expected, counts) WITH ORDINALITY AS u (name, expected, count, n)) a
      LEFT JOIN streams s ON s.name = a.name
      LEFT JOIN LATERAL (SELECT e.stream_id, e.stream_position, e.position FROM events e
                          WHERE e.event_id = (new_events[a.before + 1]).event_id
                            AND e.position BETWEEN s.first_pos AND s.last_pos
                            AND a.expected IS DISTINCT FROM s.version
                         OFFSET 0) f  -- by id alone: a long stream's index entries are many, an id's is one
             ON f.stream_id = s.id;

    FOR i IN 1 .. appends LOOP
        IF seen_version[i] IS NOT NULL THEN
            IF EXISTS (SELECT FROM events e
                        WHERE e.position = seen_position[i] + counts[i] - 1
                          AND e.event_id = (new_events[offsets[i] + counts[i]]).event_id
                          AND e.stream_id = stream_ids[i] AND e.stream_position = seen_version[i] + counts[i] - 1) THEN
                outcomes[i] := 'duplicate';
            ELSE
                outcomes[i] := 'conflict';
            END IF;
        ELSIF expected[i] <> -1 AND expected[i] <> versions[i] THEN
            outcomes[i] := 'conflict';
        ELSIF key_ids[i] IS NOT NULL AND erasures[i] THEN
            outcomes[i] := 'erased';
        ELSIF key_ids[i] IS NOT NULL AND stream_keys[i] <> key_ids[i] THEN
            outcomes[i] := 'key';
        ELSE
            outcomes[i] := 'ok';
        END IF;
        -- By itself, since a condition with a query in it costs as much as one whether it comes to that or not.
        IF outcomes[i] = 'ok' AND first_pos[i] < border THEN
            IF EXISTS (SELECT FROM unnest(new_events[offsets[i] + 1 : offsets[i] + counts[i]]) n
                         JOIN events e ON e.event_id = n.event_id AND e.position BETWEEN first_pos[i] AND border - 1) THEN
                -- Repeats in part what is in an older partition, which the index of this one does not know.
                outcomes[i] := 'conflict';
            END IF;
        END IF;
        IF outcomes[i] = 'ok' THEN
            bases[i] := next_position;
            next_position := next_position + counts[i];
            written := true;
            newly_keyed := newly_keyed OR key_ids[i] IS NOT NULL AND stream_keys[i] IS NULL;
            IF stream_ids[i] IS NULL THEN
                fresh[i] := true;
                stream_ids[i] := nextval('streams_id_seq');
            END IF;
        ELSE
            refused := refused OR outcomes[i] <> 'duplicate';
        END IF;
    END LOOP;

    IF written AND NOT (together AND refused) THEN
        IF next_position >= partitioned - partition / 2 THEN
            PERFORM ensure_partitions(next_position);
        END IF;

        WITH linked AS MATERIALIZED (
            SELECT e.*, bases[e.append] + e.n - offsets[e.append] AS position, c.stream_position,
                   chain(tips[e.append], canonical_event(
                       names[e.append], tenants[e.append], c.stream_position, e.event_id, e.type, e.schema_version,
                       e.occurred_at, e.elapsed_us, e.correlation_id, e.causation_id, e.phrase, e.sample_start,
                       e.sample_end, e.latency_ms, e.data, e.sealed)
                   ) OVER (PARTITION BY e.append ORDER BY e.n ROWS UNBOUNDED PRECEDING) AS hash
              FROM unnest(new_events) WITH ORDINALITY AS e (append, event_id, type, schema_version, occurred_at,
                       elapsed_us, correlation_id, causation_id, phrase, sample_start, sample_end, latency_ms, data,
                       sealed, n)
             CROSS JOIN LATERAL (SELECT versions[e.append] + e.n - offsets[e.append] AS stream_position) c
             WHERE outcomes[e.append] = 'ok'
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
            SELECT k.id, stream_ids[k.n], k.master, k.wrapped, stamp
              FROM unnest(key_ids, masters, wrapped_keys) WITH ORDINALITY AS k (id, master, wrapped, n)
             WHERE outcomes[k.n] = 'ok' AND k.id IS NOT NULL AND stream_keys[k.n] IS NULL;
        END IF;

        IF cardinality(chunks) > 0 THEN
            -- Bytes that are there already stay as they first came: nothing recorded is ever replaced.
            INSERT INTO recordings (stream_id, byte_start, byte_end, recorded_at, sealed)
            SELECT stream_ids[r.a], r.byte_start, r.byte_end, stamp, r.sealed
              FROM unnest(recording_of, byte_starts, byte_ends, chunks) AS r (a, byte_start, byte_end, sealed)
             WHERE outcomes[r.a] = 'ok'
            ON CONFLICT DO NOTHING;
        END IF;

        UPDATE head SET position = next_position;
        PERFORM pg_notify('balto_events', next_position::text);
    END IF;

    RETURN QUERY
    SELECT n::integer, outcomes[n],
           CASE outcomes[n] WHEN 'ok' THEN versions[n] + counts[n]
                            WHEN 'duplicate' THEN seen_version[n] + counts[n] - 1 ELSE versions[n] END,
           CASE outcomes[n] WHEN 'ok' THEN bases[n] + counts[n]
                            WHEN 'duplicate' THEN seen_position[n] + counts[n] - 1 ELSE 0 END
      FROM generate_series(1, appends) n
     ORDER BY n;
END
$$;
