-- What is known of persons. Keys begin with the person id, so that the tables can be distributed by it.

-- Which event ids are known, as 128 bits of their SHA-256: an id may hold personal data, and it outlives an erasure so that
-- a late repeat brings nothing back. Apart from the events, because a partitioned table cannot hold a unique key without
-- its partition's column; partitioned itself, because it grows with the events and is looked up by the whole key only.
CREATE TABLE event_id (
    id bytea PRIMARY KEY
) PARTITION BY HASH (id);

DO $$
BEGIN
    FOR part IN 0..7 LOOP
        EXECUTE format('CREATE TABLE event_id_%s PARTITION OF event_id FOR VALUES WITH (MODULUS 8, REMAINDER %s)', part, part);
    END LOOP;
END $$;

-- Times are microseconds since the epoch. A partition a month is made when its first event comes; what lies outside the
-- months that get one is rare and stays in the default partition.
CREATE TABLE event (
    person_id text        NOT NULL,
    time      bigint      NOT NULL,
    sequence  bigint      NOT NULL,
    event_id  text        NOT NULL,
    name      text        NOT NULL,
    channel   text        NOT NULL,
    body      bytea       NOT NULL,
    PRIMARY KEY (person_id, time, sequence, event_id)
) PARTITION BY RANGE (time);
CREATE TABLE event_other PARTITION OF event DEFAULT;

-- A row with an empty body holds a person's lock while their first document is under way.
CREATE TABLE document (
    person_id text   PRIMARY KEY,
    body      bytea  NOT NULL
);

CREATE TABLE alias (
    person_id text PRIMARY KEY,
    surviving text NOT NULL
);
CREATE INDEX alias_surviving ON alias (surviving);

CREATE TABLE member (
    segment_id text NOT NULL,
    person_id  text NOT NULL,
    PRIMARY KEY (segment_id, person_id)
);
CREATE INDEX member_person ON member (person_id);

-- Requests that were done, by 128 bits of the SHA-256 of their id, with what they were answered.
CREATE TABLE request (
    id     bytea  PRIMARY KEY,
    time   bigint NOT NULL,
    answer bytea  NOT NULL
);
CREATE INDEX request_time ON request (time);

CREATE TABLE mark (
    name  text PRIMARY KEY,
    value text NOT NULL
);
