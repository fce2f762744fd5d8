-- The position of the last event. One row: whoever writes holds the append lock, so positions are dense and
-- appear in commit order, and a reader that has seen one has missed none before it.
CREATE TABLE head (
    one      boolean PRIMARY KEY DEFAULT true CHECK (one),
    position bigint NOT NULL
) WITH (fillfactor = 10);
INSERT INTO head (position) VALUES (0);

-- A stream's version is the position of its last event in it; comparing and setting it is the only version check.
CREATE TABLE streams (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name      text COLLATE "C" NOT NULL UNIQUE,
    tenant    text NOT NULL,
    version   bigint NOT NULL,
    first_pos bigint NOT NULL,
    last_pos  bigint NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX streams_by_tenant ON streams (tenant);

-- The numbers that reports group by are typed columns beside the data, which is complete by itself.
CREATE TABLE events (
    position        bigint PRIMARY KEY,
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
    data            jsonb NOT NULL
);
CREATE INDEX events_by_stream ON events (stream_id, position);
-- Finds a repeated append, and refuses one that repeats only in part.
CREATE UNIQUE INDEX events_by_id ON events (event_id);
CREATE INDEX events_by_time ON events USING brin (recorded_at);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'events are append-only: % refused', TG_OP USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER events_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A client's bytes exactly as received, from `byte_start` on, inserted in the transaction of their event.
CREATE TABLE recordings (
    stream_id  bigint NOT NULL,
    byte_start bigint NOT NULL,
    data       bytea NOT NULL,
    PRIMARY KEY (stream_id, byte_start)
);
-- Audio hardly compresses; trying costs CPU in every flush.
ALTER TABLE recordings ALTER COLUMN data SET STORAGE EXTERNAL;
