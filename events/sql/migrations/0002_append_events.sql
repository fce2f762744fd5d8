-- Append to many streams in one transaction. Per append (arrays of one length, each stream at most once): stream,
-- tenant, expected version (-1 any) and number of events. Per event: the number of its append, from 1, and its
-- columns. Per recording: the number of its append, first byte and bytes.
-- Returns a row per append: 'ok'; 'duplicate' with the positions of the first time; 'conflict' with the
-- stream's version as its stream position. With `together`, one conflict means that nothing is written.
CREATE FUNCTION append_events(
    names text[], tenants text[], expected bigint[], counts integer[],
    of_append integer[], event_ids uuid[], types text[], schema_versions smallint[], occurred timestamptz[],
    elapsed bigint[], correlations uuid[], causations uuid[],
    phrases integer[], sample_starts bigint[], sample_ends bigint[], latencies double precision[], datas jsonb[],
    recording_of integer[], byte_starts bigint[], chunks bytea[],
    together boolean
) RETURNS TABLE (append integer, outcome text, stream_position bigint, "position" bigint)
LANGUAGE plpgsql
-- Plans are made once, perhaps while the tables are still empty, so they must not depend on how full these are.
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_bitmapscan = off
AS $$
#variable_conflict use_column
DECLARE
    head_position bigint;
    next_position bigint;
    stamp         timestamptz;
    offsets       integer[];  -- number of events in the appends before this one
    stream_ids    bigint[];
    versions      bigint[];
    seen_version  bigint[];   -- where the append's first event is already, in its stream
    seen_position bigint[];
    outcomes      text[] := array_fill(NULL::text, ARRAY[cardinality(names)]);
    bases         bigint[] := array_fill(NULL::bigint, ARRAY[cardinality(names)]);
    new_id        bigint;
    conflicts     boolean := false;
    written       boolean := false;
BEGIN
    PERFORM pg_advisory_xact_lock(4712000001);
    SELECT h.position INTO head_position FROM head h;
    stamp := clock_timestamp();
    next_position := head_position;

    SELECT array_agg(a.before ORDER BY a.n), array_agg(s.id ORDER BY a.n), array_agg(coalesce(s.version, 0) ORDER BY a.n),
           array_agg(f.stream_position ORDER BY a.n), array_agg(f.position ORDER BY a.n)
      INTO offsets, stream_ids, versions, seen_version, seen_position
      FROM (SELECT u.n, u.name, sum(u.count) OVER (ORDER BY u.n) - u.count AS before
              FROM unnest(names, counts) WITH ORDINALITY AS u (name, count, n)) a
      LEFT JOIN streams s ON s.name = a.name
      LEFT JOIN LATERAL (SELECT e.stream_id, e.stream_position, e.position FROM events e
                          WHERE e.event_id = event_ids[a.before + 1]
                         OFFSET 0) f  -- by id alone: a long stream's index entries are many, an id's is one
             ON f.stream_id = s.id;

    FOR i IN 1 .. cardinality(names) LOOP
        IF seen_version[i] IS NOT NULL THEN
            IF EXISTS (SELECT FROM events e WHERE e.event_id = event_ids[offsets[i] + counts[i]]
                          AND e.stream_id = stream_ids[i] AND e.stream_position = seen_version[i] + counts[i] - 1) THEN
                outcomes[i] := 'duplicate';
            ELSE
                outcomes[i] := 'conflict';
                conflicts := true;
            END IF;
        ELSIF expected[i] = -1 OR expected[i] = versions[i] THEN
            outcomes[i] := 'ok';
            bases[i] := next_position;
            next_position := next_position + counts[i];
            written := true;
        ELSE
            outcomes[i] := 'conflict';
            conflicts := true;
        END IF;
    END LOOP;

    IF written AND NOT (together AND conflicts) THEN
        UPDATE streams s
           SET version = s.version + counts[n], last_pos = bases[n] + counts[n]
          FROM generate_series(1, cardinality(names)) n
         WHERE s.id = stream_ids[n] AND outcomes[n] = 'ok';

        FOR i IN 1 .. cardinality(names) LOOP
            IF outcomes[i] = 'ok' AND stream_ids[i] IS NULL THEN
                INSERT INTO streams (name, tenant, version, first_pos, last_pos)
                VALUES (names[i], tenants[i], counts[i], bases[i] + 1, bases[i] + counts[i])
                RETURNING id INTO new_id;
                stream_ids[i] := new_id;
            END IF;
        END LOOP;

        INSERT INTO events (position, stream_id, stream_position, event_id, correlation_id, causation_id,
                            occurred_at, recorded_at, elapsed_us, sample_start, sample_end, latency_ms, phrase,
                            schema_version, type, data)
        SELECT bases[e.a] + e.n - offsets[e.a], stream_ids[e.a], versions[e.a] + e.n - offsets[e.a], e.event_id,
               e.correlation_id, e.causation_id, e.occurred_at, stamp, e.elapsed_us, e.sample_start, e.sample_end,
               e.latency_ms, e.phrase, e.schema_version, e.type, e.data
          FROM unnest(of_append, event_ids, correlations, causations, occurred, elapsed, sample_starts, sample_ends,
                      latencies, phrases, schema_versions, types, datas)
               WITH ORDINALITY AS e (a, event_id, correlation_id, causation_id, occurred_at, elapsed_us, sample_start,
                                     sample_end, latency_ms, phrase, schema_version, type, data, n)
         WHERE outcomes[e.a] = 'ok';

        IF cardinality(chunks) > 0 THEN
            -- Bytes that are there already stay as they first came: nothing recorded is ever replaced.
            INSERT INTO recordings (stream_id, byte_start, data)
            SELECT stream_ids[r.a], r.byte_start, r.data
              FROM unnest(recording_of, byte_starts, chunks) AS r (a, byte_start, data)
             WHERE outcomes[r.a] = 'ok'
            ON CONFLICT DO NOTHING;
        END IF;

        UPDATE head SET position = next_position;
    END IF;

    RETURN QUERY
    SELECT n::integer, outcomes[n],
           CASE outcomes[n] WHEN 'ok' THEN versions[n] + counts[n]
                            WHEN 'duplicate' THEN seen_version[n] + counts[n] - 1 ELSE versions[n] END,
           CASE outcomes[n] WHEN 'ok' THEN bases[n] + counts[n]
                            WHEN 'duplicate' THEN seen_position[n] + counts[n] - 1 ELSE 0 END
      FROM generate_series(1, cardinality(names)) n
     ORDER BY n;
END
$$;
