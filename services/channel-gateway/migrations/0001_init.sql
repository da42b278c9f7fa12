-- Every event that was ever accepted: the key under which a repeat is harmless.
CREATE TABLE known_event (
    event_id text COLLATE "C" PRIMARY KEY,
    received_micros bigint NOT NULL
);

-- Events that wait for the conductor, in order of arrival. Rows that were worked through are deleted.
CREATE TABLE inbox (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id text NOT NULL,
    received_micros bigint NOT NULL,
    failures integer NOT NULL DEFAULT 0,
    body bytea NOT NULL
);

-- Events that failed for good and wait for people.
CREATE TABLE quarantine (
    position bigint PRIMARY KEY,
    event_id text NOT NULL,
    received_micros bigint NOT NULL,
    failures integer NOT NULL,
    reason text NOT NULL,
    body bytea NOT NULL
);

-- Who works on the inbox, and until when: one row at most.
CREATE TABLE inbox_lease (
    one boolean PRIMARY KEY CHECK (one),
    owner text NOT NULL,
    deadline_micros bigint NOT NULL
);

-- Where each feed was read up to.
CREATE TABLE feed_cursor (
    feed text PRIMARY KEY,
    position bigint NOT NULL
);

-- Sums, each spread over some rows so that writers seldom wait for one another.
CREATE TABLE counter (
    kind text NOT NULL,
    name text NOT NULL,
    shard smallint NOT NULL,
    value bigint NOT NULL,
    PRIMARY KEY (kind, name, shard)
);

-- Messages to deliver. The record holds everything; the other columns are what is searched by.
CREATE TABLE delivery (
    delivery_id text COLLATE "C" PRIMARY KEY,
    request_id text COLLATE "C" NOT NULL UNIQUE,
    person_id text NOT NULL,
    state text NOT NULL,
    due_micros bigint NOT NULL,
    owner text,
    deadline_micros bigint,
    record bytea NOT NULL
);
CREATE INDEX delivery_due ON delivery (due_micros, delivery_id) WHERE state IN ('QUEUED', 'ATTEMPTING');
CREATE INDEX delivery_person ON delivery (person_id) WHERE state IN ('QUEUED', 'ATTEMPTING');
CREATE INDEX delivery_state ON delivery (state, delivery_id);

-- Tasks for people.
CREATE TABLE lead (
    lead_id text COLLATE "C" PRIMARY KEY,
    channel text NOT NULL,
    revision bigint NOT NULL,
    record bytea NOT NULL
);
CREATE INDEX lead_channel ON lead (channel, lead_id);
