-- Keys of persons, wrapped by a master key that is not in the database. A destroyed key is overwritten and deleted and its
-- partition is rewritten, so that the partitions are many and small.
CREATE SEQUENCE vault_slot;
CREATE TABLE vault_subject (
    subject bytea PRIMARY KEY,
    slot bigint NOT NULL
);
CREATE TABLE vault_key (
    slot bigint PRIMARY KEY,
    -- Which master key wrapped it.
    master bytea NOT NULL,
    wrapped bytea NOT NULL
) PARTITION BY HASH (slot);

DO $$
BEGIN
    FOR part IN 0..31 LOOP
        EXECUTE format('CREATE TABLE vault_key_%s PARTITION OF vault_key FOR VALUES WITH (MODULUS 32, REMAINDER %s)', part, part);
    END LOOP;
END $$;
