-- How far each read model has come. Its rows live in the schema `NAME_gGENERATION`; the view `projections.NAME`
-- shows them. Whoever folds holds the lock on the row, so there is one at a time in the whole cluster.
CREATE SCHEMA IF NOT EXISTS projections;
CREATE TABLE IF NOT EXISTS projections.checkpoints (
    name       text PRIMARY KEY,
    definition bytea NOT NULL,     -- SHA-256 of the read model's SQL
    generation integer NOT NULL,
    position   bigint NOT NULL,    -- the last event folded
    stopped_at bigint,             -- the event that could not be folded
    reason     text,
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
-- Generations that are being built beside the ones that are shown, and how far they are: where a rebuild goes on.
CREATE TABLE IF NOT EXISTS projections.shadows (
    name       text PRIMARY KEY REFERENCES projections.checkpoints ON DELETE CASCADE,
    definition bytea NOT NULL,
    generation integer NOT NULL,
    position   bigint NOT NULL,
    indexed    boolean NOT NULL DEFAULT false,  -- whether it has the indexes that only readers need
    stopped_at bigint,
    reason     text,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
-- Events that a read model leaves out on purpose, now and in every rebuild.
CREATE TABLE IF NOT EXISTS projections.skips (
    name       text NOT NULL REFERENCES projections.checkpoints ON DELETE CASCADE,
    position   bigint NOT NULL,
    reason     text NOT NULL,      -- why it could not be folded
    skipped_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (name, position)
);
