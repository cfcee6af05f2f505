-- Who vouches for a release (ADR 20). Hosts believe no row here: they verify each signature by their own file of keys.
-- signer is the name that the signing machine found in its file; a second signature of it takes the place of the first.

CREATE TABLE airfleet_release_signature (
    digest text NOT NULL REFERENCES airfleet_release ON DELETE CASCADE,
    purpose text NOT NULL CHECK (purpose IN ('release', 'approval')),
    signer text NOT NULL,
    signature text NOT NULL,
    signed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (digest, purpose, signer)
);

CREATE TABLE airfleet_release_approval (
    digest text NOT NULL REFERENCES airfleet_release ON DELETE CASCADE,
    author text NOT NULL,
    origin text NOT NULL,
    note text NOT NULL DEFAULT '',
    approved_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (digest, author)
);
