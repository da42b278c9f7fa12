-- Contacts, ledgers and counters. Times are microseconds since 1970-01-01T00:00:00Z; ids compare by bytes.

-- One row a person: the recent contacts and open reservations. Its lock orders everything that happens to the person.
CREATE TABLE person_ledger (
    person_id   text COLLATE "C" PRIMARY KEY,
    -- Set when the id is an alias since a merge; the body is empty then.
    merged_into text COLLATE "C",
    body        bytea NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX person_ledger_merged_into ON person_ledger (merged_into) WHERE merged_into IS NOT NULL;

-- The history.
CREATE TABLE contact (
    person_id      text COLLATE "C" NOT NULL,
    contact_id     text COLLATE "C" NOT NULL,
    time           bigint NOT NULL,
    channel        text NOT NULL,
    offer_id       text NOT NULL,
    campaign_id    text NOT NULL,
    decision_id    text NOT NULL,
    reservation_id text NOT NULL,
    PRIMARY KEY (person_id, contact_id)
) PARTITION BY HASH (person_id);
CREATE TABLE contact_0 PARTITION OF contact FOR VALUES WITH (MODULUS 8, REMAINDER 0);
CREATE TABLE contact_1 PARTITION OF contact FOR VALUES WITH (MODULUS 8, REMAINDER 1);
CREATE TABLE contact_2 PARTITION OF contact FOR VALUES WITH (MODULUS 8, REMAINDER 2);
CREATE TABLE contact_3 PARTITION OF contact FOR VALUES WITH (MODULUS 8, REMAINDER 3);
CREATE TABLE contact_4 PARTITION OF contact FOR VALUES WITH (MODULUS 8, REMAINDER 4);
CREATE TABLE contact_5 PARTITION OF contact FOR VALUES WITH (MODULUS 8, REMAINDER 5);
CREATE TABLE contact_6 PARTITION OF contact FOR VALUES WITH (MODULUS 8, REMAINDER 6);
CREATE TABLE contact_7 PARTITION OF contact FOR VALUES WITH (MODULUS 8, REMAINDER 7);
CREATE INDEX contact_by_time ON contact (person_id, time DESC, contact_id DESC);

-- Uses of each capacity in each period.
CREATE TABLE capacity_counter (
    policy_id    text COLLATE "C" NOT NULL,
    period       bigint NOT NULL,
    period_index bigint NOT NULL,
    used         bigint NOT NULL,
    PRIMARY KEY (policy_id, period, period_index)
) WITH (fillfactor = 50);

-- Reservations that hold capacity and give it back when they expire.
CREATE TABLE capacity_hold (
    reservation_id text COLLATE "C" PRIMARY KEY,
    person_id      text COLLATE "C" NOT NULL,
    expire_time    bigint NOT NULL
);
CREATE INDEX capacity_hold_expire_time ON capacity_hold (expire_time);
CREATE INDEX capacity_hold_person_id ON capacity_hold (person_id);

-- Answers to requests that reserved, for retries.
CREATE TABLE admission_request (
    person_id   text COLLATE "C" NOT NULL,
    request_id  text COLLATE "C" NOT NULL,
    created     bigint NOT NULL,
    fingerprint bytea NOT NULL,
    body        bytea NOT NULL,
    PRIMARY KEY (person_id, request_id)
);
CREATE INDEX admission_request_created ON admission_request (created);

-- Changes of who is who that were applied.
CREATE TABLE applied_change (
    change_offset bigint PRIMARY KEY
);
