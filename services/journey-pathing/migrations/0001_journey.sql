-- What is remembered of a person: detector states, stages, and when the next timer is due. Times are microseconds since
-- 1970, UTC. A row stands for the lock of its person, so it is made before the first event is written.
CREATE TABLE person (
    person_id text COLLATE "C" PRIMARY KEY,
    state bytea NOT NULL DEFAULT '',
    due bigint,
    -- The first event observed live; history before it may be fetched. NULL when there is none to fetch.
    fill_before bigint
);
CREATE INDEX person_due ON person (due) WHERE due IS NOT NULL;
CREATE INDEX person_fill ON person (person_id) WHERE fill_before IS NOT NULL;

-- Ids that are no person of their own any more: merged into `survivor_id`, or erased when that is NULL.
CREATE TABLE alias (
    person_id text COLLATE "C" PRIMARY KEY,
    survivor_id text COLLATE "C"
);
CREATE INDEX alias_survivor ON alias (survivor_id);

-- The event log. Every access names the person or walks in the order of persons and times.
CREATE TABLE event (
    person_id text COLLATE "C" NOT NULL,
    event_id text COLLATE "C" NOT NULL,
    time bigint NOT NULL,
    sequence bigint NOT NULL,
    name text NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (person_id, event_id)
) PARTITION BY HASH (person_id);
CREATE TABLE event_0 PARTITION OF event FOR VALUES WITH (MODULUS 8, REMAINDER 0);
CREATE TABLE event_1 PARTITION OF event FOR VALUES WITH (MODULUS 8, REMAINDER 1);
CREATE TABLE event_2 PARTITION OF event FOR VALUES WITH (MODULUS 8, REMAINDER 2);
CREATE TABLE event_3 PARTITION OF event FOR VALUES WITH (MODULUS 8, REMAINDER 3);
CREATE TABLE event_4 PARTITION OF event FOR VALUES WITH (MODULUS 8, REMAINDER 4);
CREATE TABLE event_5 PARTITION OF event FOR VALUES WITH (MODULUS 8, REMAINDER 5);
CREATE TABLE event_6 PARTITION OF event FOR VALUES WITH (MODULUS 8, REMAINDER 6);
CREATE TABLE event_7 PARTITION OF event FOR VALUES WITH (MODULUS 8, REMAINDER 7);
CREATE INDEX event_place ON event (person_id, time, sequence, event_id);

-- How far each consumer of the feed has come.
CREATE TABLE consumer (
    consumer text COLLATE "C" PRIMARY KEY,
    acknowledged bigint NOT NULL
);

-- How far the changes of who is who are applied; one row.
CREATE TABLE applied (
    feed text COLLATE "C" PRIMARY KEY,
    "offset" bigint NOT NULL
);
