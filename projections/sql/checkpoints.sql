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
