-- The position of the last event. One row: whoever writes holds the append lock, so positions are dense and
-- appear in commit order, and a reader that has seen one has missed none before it.
CREATE TABLE head (
    one            boolean PRIMARY KEY DEFAULT true CHECK (one),
    position       bigint NOT NULL,
    partitioned_to bigint NOT NULL,  -- positions below this one have their partition
    partition_size bigint NOT NULL CHECK (partition_size > 0)
) WITH (fillfactor = 10);
INSERT INTO head (position, partitioned_to, partition_size) VALUES (0, 0, 1000000);

-- A stream's version is the position of its last event in it; comparing and setting it is the only version check.
CREATE TABLE streams (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name      text COLLATE "C" NOT NULL UNIQUE,
    tenant    text NOT NULL,
    version   bigint NOT NULL,
    first_pos bigint NOT NULL,
    last_pos  bigint NOT NULL,
    last_hash bytea NOT NULL,         -- tip of its chain
    key_id    uuid,                   -- what its personal fields and recordings are sealed with
    erased    boolean NOT NULL DEFAULT false
) WITH (fillfactor = 70);
CREATE INDEX streams_by_tenant ON streams (tenant);

-- The data keys of streams, wrapped by a master key that is not here. Deleting a row erases, everywhere and for
-- good, what is sealed with it: keep this table out of backups that outlive an erasure.
CREATE TABLE keys (
    id         uuid PRIMARY KEY,
    stream_id  bigint NOT NULL UNIQUE,
    master     integer NOT NULL,  -- version of the master key
    wrapped    bytea NOT NULL,
    created_at timestamptz NOT NULL
);

-- What tells one master key from another without telling it, so that a node with the wrong one notices at its start.
CREATE TABLE masters (
    version     integer PRIMARY KEY,
    fingerprint bytea NOT NULL
);

-- The numbers that reports group by are typed columns beside the data, which with `sealed` is complete by itself.
CREATE TABLE events (
    position        bigint NOT NULL,
    stream_id       bigint NOT NULL,
    stream_position bigint NOT NULL,
    event_id        uuid NOT NULL,
    correlation_id  uuid,
    causation_id    uuid,
    occurred_at     timestamptz NOT NULL,
    recorded_at     timestamptz NOT NULL,
    elapsed_us      bigint NOT NULL,
    sample_start    bigint,
    sample_end      bigint,
    latency_ms      double precision,
    phrase          integer,
    schema_version  smallint NOT NULL,
    type            text COLLATE "C" NOT NULL,
    data            jsonb NOT NULL,  -- without the personal fields
    sealed          bytea,           -- the personal fields, encrypted
    hash            bytea NOT NULL,  -- link of the stream's chain
    PRIMARY KEY (position)
) PARTITION BY RANGE (position);
CREATE INDEX events_by_stream ON events (stream_id, position);
CREATE INDEX events_by_time ON events USING brin (recorded_at);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'events are append-only: % refused', TG_OP USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER events_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A client's bytes as received, sealed, inserted in the transaction of their event.
CREATE TABLE recordings (
    stream_id   bigint NOT NULL,
    byte_start  bigint NOT NULL,
    byte_end    bigint NOT NULL,
    recorded_at timestamptz NOT NULL,
    sealed      bytea NOT NULL,
    PRIMARY KEY (stream_id, byte_start)
);
-- What is encrypted does not compress; trying costs CPU in every flush.
ALTER TABLE recordings ALTER COLUMN sealed SET STORAGE EXTERNAL;

-- Make partitions until `upto` and one more half of a partition has its place. Attaching, unlike CREATE … PARTITION OF,
-- waits for no reader and makes none wait.
CREATE FUNCTION ensure_partitions(upto bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    size  bigint;
    start bigint;
    part  text;
BEGIN
    PERFORM pg_advisory_xact_lock(4712000001);
    SELECT h.partition_size, h.partitioned_to INTO size, start FROM head h;
    WHILE start - size / 2 <= upto LOOP
        part := format('events_from_%s', start);
        EXECUTE format('CREATE TABLE %I (LIKE events INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE)', part);
        -- A statement's trigger on the parent does not see what is done to a partition by its own name.
        EXECUTE format('CREATE TRIGGER events_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %I'
                       ' FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', part);
        -- Finds a repeated append, and refuses one that repeats only in part.
        EXECUTE format('CREATE UNIQUE INDEX %I ON %I (event_id)', part || '_by_id', part);
        EXECUTE format('ALTER TABLE events ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)', part, start, start + size);
        start := start + size;
        UPDATE head SET partitioned_to = start;
    END LOOP;
    RETURN start;
END
$$;
SELECT ensure_partitions(0);
