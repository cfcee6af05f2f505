-- The tables of a fleet before migrations had numbers. A database of such a fleet has some of them, or all, and no
-- record of migrations; so each is made only where it is missing. Later migrations need no IF NOT EXISTS.

CREATE TABLE IF NOT EXISTS airfleet_host (
    host text PRIMARY KEY,
    boot text NOT NULL,
    hostname text NOT NULL,
    pid int NOT NULL,
    address text NOT NULL,
    port int NOT NULL,
    state text NOT NULL DEFAULT 'up',
    components jsonb NOT NULL DEFAULT '[]',
    orders jsonb NOT NULL DEFAULT '{}',
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    renewed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    steady_since timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz,
    ended_by text
);

CREATE TABLE IF NOT EXISTS airfleet_lost (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    ti_id uuid NOT NULL,
    celery_id text NOT NULL,
    dag_id text NOT NULL, run_id text NOT NULL, task_id text NOT NULL, map_index int NOT NULL,
    try_number int NOT NULL,
    hostname text NOT NULL,
    reported_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    handled_at timestamptz,
    outcome text,
    UNIQUE (ti_id, celery_id)
);
CREATE INDEX IF NOT EXISTS airfleet_lost_of_task ON airfleet_lost (dag_id, run_id, task_id, map_index);
CREATE INDEX IF NOT EXISTS airfleet_lost_waiting ON airfleet_lost (number) WHERE handled_at IS NULL;

CREATE TABLE IF NOT EXISTS airfleet_outcome (
    key text PRIMARY KEY,
    value text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE IF NOT EXISTS airfleet_api (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    since timestamptz NOT NULL,
    beat timestamptz NOT NULL
);

CREATE TABLE IF NOT EXISTS airfleet_callback (callback_id uuid PRIMARY KEY, job_id integer NOT NULL);

-- Only a fleet whose fleet.yaml had connections, variables or pools has this one.
CREATE TABLE IF NOT EXISTS airfleet_objects (kind text, name text, PRIMARY KEY (kind, name));
