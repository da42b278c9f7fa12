-- A person, or an id that was merged into one. Every key begins with a person id or with a hash, so that each table can
-- be distributed by its first column.
CREATE TABLE person (
    person_id bytea PRIMARY KEY,
    -- The person that this id resolves to, in one hop; null when it is the surviving id.
    survivor_id bytea,
    -- What is known, encoded; null for a merged id.
    record bytea,
    CHECK ((survivor_id IS NULL) <> (record IS NULL))
);

-- Who holds an identifier, by the hash of namespace and value. The id may be a merged one: a merge rewrites no row here.
CREATE TABLE identifier (
    hash bytea PRIMARY KEY,
    person_id bytea NOT NULL
);

-- Why identifiers belong together. Bounded per person.
CREATE TABLE evidence (
    person_id bytea NOT NULL,
    key bigint NOT NULL,
    record bytea NOT NULL,
    PRIMARY KEY (person_id, key)
);

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
