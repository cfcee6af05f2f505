-- Releases (ADR 18): records, the row that says which is live, objects where the database is the store, hosts, the log.

CREATE TABLE airfleet_release (
    digest text PRIMARY KEY,
    manifest bytea NOT NULL,
    size bigint NOT NULL,
    files int NOT NULL,
    author text NOT NULL,
    origin text NOT NULL,
    note text NOT NULL DEFAULT '',
    git_commit text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- generation counts the moves: a push names the one that it has seen, and is refused when another came first.
CREATE TABLE airfleet_release_live (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    digest text NOT NULL REFERENCES airfleet_release,
    generation bigint NOT NULL,
    moved_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE airfleet_release_object (
    digest text NOT NULL,
    number int NOT NULL,
    content bytea NOT NULL,
    PRIMARY KEY (digest, number)
);
ALTER TABLE airfleet_release_object ALTER COLUMN content SET STORAGE EXTERNAL;

-- Releases whose objects are being uploaded. A collection leaves those objects alone, for a day at most.
CREATE TABLE airfleet_release_upload (
    digest text PRIMARY KEY,
    manifest bytea NOT NULL,
    began_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE airfleet_release_host (
    host text NOT NULL,
    digest text NOT NULL REFERENCES airfleet_release ON DELETE CASCADE,
    state text NOT NULL CHECK (state IN ('fetching', 'ready', 'failed')),
    sentence text NOT NULL DEFAULT '',
    reported_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (host, digest)
);

CREATE TABLE airfleet_release_lock (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    token uuid NOT NULL,
    owner text NOT NULL,
    origin text NOT NULL,
    since timestamptz NOT NULL DEFAULT clock_timestamp(),
    renewed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE airfleet_release_log (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    action text NOT NULL,
    digest text NOT NULL,
    before text,
    author text NOT NULL,
    origin text NOT NULL,
    note text NOT NULL DEFAULT ''
);
