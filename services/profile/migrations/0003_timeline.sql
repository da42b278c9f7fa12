-- The source's session of an event, by which it is replayed; events from before this column have none.
ALTER TABLE event ADD COLUMN session text NOT NULL DEFAULT '';

-- Who may not be written to, by the hash of the address. It holds no address and outlives an erasure.
CREATE TABLE suppression (
    address bytea PRIMARY KEY,
    body    bytea NOT NULL
);
