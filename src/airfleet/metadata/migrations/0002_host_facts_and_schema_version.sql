-- Two tables that came later, before migrations had numbers: facts that hosts compare when one joins, and the version
-- by which an older airfleet knows to leave the database alone.

CREATE TABLE IF NOT EXISTS airfleet_host_facts (
    host text PRIMARY KEY,
    boot text NOT NULL,
    digest text NOT NULL,
    facts jsonb NOT NULL,
    refusal text NOT NULL,
    told_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE IF NOT EXISTS airfleet_schema (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    version int NOT NULL,
    airfleet text NOT NULL
);
