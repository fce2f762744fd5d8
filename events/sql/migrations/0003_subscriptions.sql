-- How far each named subscription has come, by slot: a stream belongs to the slot that its id hashes to. Whoever works
-- on a slot holds the lock on its row, so there is one at a time, and none once its connection is gone.
CREATE TABLE subscriptions (
    name       text COLLATE "C" NOT NULL,
    slot       integer NOT NULL CHECK (slot >= 0),
    slots      integer NOT NULL CHECK (slots > slot),
    position   bigint NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (name, slot)
) WITH (fillfactor = 50);

-- The state of a stream's fold at a position of the stream, to fold the rest from. Never needed: it may be dropped.
CREATE TABLE snapshots (
    stream_id       bigint NOT NULL REFERENCES streams (id),
    stream_position bigint NOT NULL,
    position        bigint NOT NULL,
    fingerprint     bytea NOT NULL,  -- of the fold's code and the state's form: another one's state is not read
    state           bytea NOT NULL,  -- sealed with the stream's key
    made_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (stream_id, fingerprint)
);

-- All that was said of one phrase; most events of a session are about one.
CREATE INDEX events_by_correlation ON events (correlation_id) WHERE correlation_id IS NOT NULL;
