-- Persons are sealed with their keys from here on, entries of the audit trail with that of the first person they are about.
-- What was stored before stands behind a mark (one byte, 0) until it is written again. Ids of requests may say something of
-- a person: 128 bits of their SHA-256 are kept. Every statement rewrites its table, so that no old row stays in the files.
ALTER TABLE person ALTER COLUMN record TYPE bytea USING '\x00'::bytea || record;
ALTER TABLE audit ALTER COLUMN record TYPE bytea USING '\x00'::bytea || record;
ALTER TABLE request ALTER COLUMN request_id TYPE bytea
    USING substring(sha256(convert_to(request_id, 'UTF8')) FROM 1 FOR 16);
