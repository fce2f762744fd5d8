-- One row a phrase and other engine that heard it too: numbers only, the texts stay in the ledger at `position`.
CREATE TABLE transcripts_compared (
    session_id        text COLLATE "C" NOT NULL,
    phrase            integer NOT NULL,
    provider          text NOT NULL,
    model             text NOT NULL,
    tenant            text NOT NULL,
    counter_id        text,
    at                timestamptz NOT NULL,
    position          bigint NOT NULL,
    chosen_provider   text NOT NULL,
    chosen_model      text NOT NULL,
    failure           text,             -- code where it wrote nothing
    rejected          text,             -- why its text was not believed
    word_errors       integer,
    chosen_words      integer,
    audio_ms          double precision,
    latency_ms        double precision NOT NULL,
    chosen_latency_ms double precision,
    cost_usd          numeric NOT NULL,
    chosen_cost_usd   numeric,
    PRIMARY KEY (session_id, phrase, provider)
);
CREATE INDEX ON transcripts_compared (at);
CREATE INDEX ON transcripts_compared (counter_id, at);
COMMENT ON TABLE transcripts_compared IS 'What other engines heard of a phrase, beside the one that counted: one row a phrase and other engine.';
COMMENT ON COLUMN transcripts_compared.position IS 'Global position of the event that holds the text, sealed.';
COMMENT ON COLUMN transcripts_compared.failure IS 'Code of the failure where it wrote nothing.';
COMMENT ON COLUMN transcripts_compared.rejected IS 'Why its text was not believed.';
COMMENT ON COLUMN transcripts_compared.word_errors IS 'Words by which it differs from the transcript that counted.';
COMMENT ON COLUMN transcripts_compared.chosen_words IS 'Words of the transcript that counted.';
COMMENT ON COLUMN transcripts_compared.audio_ms IS 'Length of the phrase, milliseconds.';
