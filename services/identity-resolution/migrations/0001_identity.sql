-- A person, or an id that was merged into one. Every key begins with a person id or with a hash, so that each table can
-- be distributed by its first column; the audit trail is the exception.
CREATE TABLE person (
    person_id bytea PRIMARY KEY,
    -- The person that this id resolves to, in one hop; null when it is the surviving id.
    survivor_id bytea,
    -- What is known, encoded; null for a merged id.
    record bytea,
    -- Counts changes, so that a writer sees whether somebody was faster.
    version bigint NOT NULL DEFAULT 0,
    -- When the first edge outlives its time to live.
    expire_micros bigint,
    CHECK ((survivor_id IS NULL) <> (record IS NULL))
);
CREATE INDEX person_expire ON person (expire_micros) WHERE expire_micros IS NOT NULL;

-- Who holds an identifier, by the hash of namespace and value: always a surviving id.
CREATE TABLE identifier (
    hash bytea PRIMARY KEY,
    person_id bytea NOT NULL
);

-- Who held an identifier before.
CREATE TABLE holding (
    hash bytea NOT NULL,
    since_micros bigint NOT NULL,
    person_id bytea NOT NULL,
    PRIMARY KEY (hash, since_micros)
);

-- What happened, oldest first, and the identifiers and persons by which it is found.
CREATE TABLE audit (
    audit_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    time_micros bigint NOT NULL,
    record bytea NOT NULL
);
CREATE TABLE audit_subject (
    subject bytea NOT NULL,
    audit_id bigint NOT NULL,
    PRIMARY KEY (subject, audit_id)
);
CREATE INDEX audit_subject_audit ON audit_subject (audit_id);

-- Erased identifiers, by a keyed hash.
CREATE TABLE tombstone (
    hash bytea PRIMARY KEY,
    erase_micros bigint NOT NULL
);

-- Outcomes of operators' requests, so that a retry has no second effect.
CREATE TABLE request (
    request_id text COLLATE "C" PRIMARY KEY,
    record bytea NOT NULL
);
