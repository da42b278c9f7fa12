-- The decision log. Times are microseconds since 1970, UTC. A person key is the person's id, or a random key once the
-- person was erased.

CREATE TABLE decision (
    id bytea PRIMARY KEY,
    person_key bytea NOT NULL,
    is_person boolean NOT NULL,
    time bigint NOT NULL,
    -- Whether this service chose among contenders: what a simulation replays.
    arbitrated boolean NOT NULL,
    request_id text COLLATE "C" UNIQUE,
    body bytea NOT NULL
);
CREATE INDEX decision_person ON decision (person_key);
CREATE INDEX decision_time ON decision (time, id) WHERE arbitrated;

-- One row an offer of a decision: what responses are joined to.
CREATE TABLE receipt (
    person_key bytea NOT NULL,
    offer_id text COLLATE "C" NOT NULL,
    time bigint NOT NULL,
    sequence bigint NOT NULL,
    decision_id bytea NOT NULL,
    channel text NOT NULL,
    learn_from integer NOT NULL,
    trial boolean NOT NULL DEFAULT false,
    positive boolean NOT NULL DEFAULT false,
    PRIMARY KEY (person_key, offer_id, time, sequence, decision_id)
);
CREATE UNIQUE INDEX receipt_decision ON receipt (decision_id, offer_id);

CREATE TABLE response (
    request_id text COLLATE "C" PRIMARY KEY,
    person_key bytea NOT NULL,
    offer_id text COLLATE "C" NOT NULL,
    time bigint NOT NULL,
    sequence bigint NOT NULL,
    -- The decision it was joined to; null when there was none.
    decision_id bytea,
    kind integer NOT NULL,
    value double precision NOT NULL
);
CREATE INDEX response_person ON response (person_key, offer_id, time, sequence);
CREATE INDEX response_decision ON response (decision_id) WHERE decision_id IS NOT NULL;

-- What is learned: each decision and offer counts once.
CREATE TABLE learned (
    offer_id text COLLATE "C" NOT NULL,
    channel text COLLATE "C" NOT NULL,
    trials bigint NOT NULL,
    positives bigint NOT NULL,
    PRIMARY KEY (offer_id, channel)
);

-- One row: rises with every batch that taught something. Written last in its transaction, so it is held briefly.
CREATE TABLE model_version (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    version bigint NOT NULL
);
INSERT INTO model_version (version) VALUES (0);

-- Persons that were merged into others; without a target: erased. Kept flat.
CREATE TABLE person_alias (
    person_id bytea PRIMARY KEY,
    target bytea
);
CREATE INDEX person_alias_target ON person_alias (target);

CREATE TABLE person_change (
    change_offset bigint PRIMARY KEY
);
