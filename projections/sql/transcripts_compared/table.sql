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
