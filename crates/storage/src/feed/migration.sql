-- One row a feed: the last offset given and the last one trimmed.
CREATE TABLE attune_feed (
    feed text COLLATE "C" PRIMARY KEY,
    head bigint NOT NULL DEFAULT 0,
    trimmed bigint NOT NULL DEFAULT 0
);

-- Entries in the order of their offsets, which have no gaps.
CREATE TABLE attune_feed_entry (
    feed text COLLATE "C" NOT NULL,
    "offset" bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    body bytea NOT NULL,
    dedupe text COLLATE "C",
    PRIMARY KEY (feed, "offset")
);
CREATE UNIQUE INDEX attune_feed_entry_dedupe ON attune_feed_entry (feed, dedupe) WHERE dedupe IS NOT NULL;
