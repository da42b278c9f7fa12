-- Versioned records of every kind. Ids compare by bytes, as in the embedded engine.
CREATE TABLE attune_resource (
    kind text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    body bytea NOT NULL,
    -- Microseconds since 1970, UTC.
    created bigint NOT NULL,
    updated bigint NOT NULL,
    PRIMARY KEY (kind, id)
);

-- Rises with every write of a kind.
CREATE TABLE attune_resource_version (
    kind text COLLATE "C" PRIMARY KEY,
    version bigint NOT NULL
);

-- The first answer to each create request that carried an id.
CREATE TABLE attune_resource_request (
    kind text COLLATE "C" NOT NULL,
    request_id text COLLATE "C" NOT NULL,
    fingerprint bytea NOT NULL,
    id text COLLATE "C" NOT NULL,
    body bytea NOT NULL,
    created bigint NOT NULL,
    updated bigint NOT NULL,
    PRIMARY KEY (kind, request_id)
);
CREATE INDEX attune_resource_request_created ON attune_resource_request (created);
