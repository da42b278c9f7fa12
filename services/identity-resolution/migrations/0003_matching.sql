-- What sources say about persons beside identifiers, under the key of the identifier by which the record hangs in the
-- graph. Every key begins with a hash, so that each table can be distributed by its first column.
CREATE TABLE attribute_record (
    record_key bytea PRIMARY KEY,
    -- Which model prepared the comparable form.
    model bigint NOT NULL,
    -- When the source said so.
    event_micros bigint NOT NULL,
    prepared bytea NOT NULL,
    -- The values as the source has them, encoded.
    record bytea NOT NULL
);

-- Records by what candidates are found by.
CREATE TABLE record_block (
    block bigint NOT NULL,
    record_key bytea NOT NULL,
    PRIMARY KEY (block, record_key)
);

-- Records that are alike, once from each side.
CREATE TABLE record_pair (
    record_key bytea NOT NULL,
    other_key bytea NOT NULL,
    weight double precision NOT NULL,
    probability double precision NOT NULL,
    linked boolean NOT NULL,
    PRIMARY KEY (record_key, other_key)
);

-- Pairs for a person to decide, and the decisions.
CREATE TABLE review (
    review_id bytea PRIMARY KEY,
    left_key bytea NOT NULL,
    right_key bytea NOT NULL,
    weight double precision NOT NULL,
    decided boolean NOT NULL,
    record bytea NOT NULL
);
CREATE INDEX review_left ON review (left_key);
CREATE INDEX review_right ON review (right_key);
CREATE INDEX review_open ON review (weight DESC, review_id) WHERE NOT decided;
CREATE INDEX review_all ON review (weight DESC, review_id);

-- Persons who are two and belong together; an end is a person or a record.
CREATE TABLE relation (
    relation_id bytea PRIMARY KEY,
    found boolean NOT NULL,
    record bytea NOT NULL
);
CREATE TABLE relation_end (
    endpoint bytea NOT NULL,
    relation_id bytea NOT NULL,
    PRIMARY KEY (endpoint, relation_id)
);
CREATE INDEX relation_end_relation ON relation_end (relation_id);

-- Publications of the matching model, and the models.
CREATE TABLE matching_publication (
    number bigint PRIMARY KEY,
    version text COLLATE "C" NOT NULL,
    record bytea NOT NULL
);
CREATE INDEX matching_publication_version ON matching_publication (version, number DESC);
CREATE TABLE matching_model (
    version text COLLATE "C" PRIMARY KEY,
    model text NOT NULL
);

-- Fulfilled requests, so that a retry has no second effect.
CREATE TABLE matching_request (
    request_id text COLLATE "C" PRIMARY KEY,
    digest bytea NOT NULL
);
