-- One row a sample of the process and its machine, taken at the moment of a phrase.
CREATE TABLE resources (
    position              bigint PRIMARY KEY,
    session_id            text COLLATE "C" NOT NULL,
    phrase                integer NOT NULL,
    tenant                text NOT NULL,
    counter_id            text,
    sampled_at            timestamptz NOT NULL,
    cpu_percent           double precision NOT NULL,
    system_cpu_percent    double precision NOT NULL,
    rss_bytes             bigint NOT NULL,
    system_memory_percent double precision NOT NULL,
    loop_lag_ms           double precision NOT NULL
);
CREATE INDEX ON resources (sampled_at);
CREATE INDEX ON resources (tenant, sampled_at);
COMMENT ON TABLE resources IS 'State of the process and its machine at the moment of each phrase; one row a sample.';
COMMENT ON COLUMN resources.position IS 'Global position of the event ResourcesSampled.';
COMMENT ON COLUMN resources.cpu_percent IS 'Of one core, by the process, since its previous sample.';
COMMENT ON COLUMN resources.system_cpu_percent IS 'Of all cores, by everything on the machine.';
COMMENT ON COLUMN resources.rss_bytes IS 'Memory of the process, bytes resident.';
COMMENT ON COLUMN resources.system_memory_percent IS 'Memory of the machine in use.';
COMMENT ON COLUMN resources.loop_lag_ms IS 'How late the process''s event loop was, milliseconds.';
