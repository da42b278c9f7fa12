-- What is known of persons. Keys begin with the person id, so that the tables can be distributed by it.

-- Which event ids are known. Kept apart from the events, because a partitioned table cannot hold a unique key without
-- its partition's column.
CREATE TABLE event_id (
    event_id text PRIMARY KEY
);

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

-- Times are microseconds since the epoch. One partition a year from 2015 to 2039; what lies outside is rare.
DO $$
DECLARE
    year integer;
    low  bigint;
    high bigint;
BEGIN
    FOR year IN 2015..2039 LOOP
        low := (extract(epoch FROM make_date(year, 1, 1)) * 1000000)::bigint;
        high := (extract(epoch FROM make_date(year + 1, 1, 1)) * 1000000)::bigint;
        EXECUTE format('CREATE TABLE event_%s PARTITION OF event FOR VALUES FROM (%s) TO (%s)', year, low, high);
    END LOOP;
END $$;
CREATE TABLE event_other PARTITION OF event DEFAULT;

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

CREATE TABLE request (
    request_id text   PRIMARY KEY,
    time       bigint NOT NULL
);

CREATE TABLE mark (
    name  text PRIMARY KEY,
    value text NOT NULL
);
