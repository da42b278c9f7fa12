-- Decisions are sealed with the keys of their persons from here on. What was stored before, and what is about nobody, stands
-- behind a mark (one byte, 0). Ids of requests may say something of a person: 128 bits of their SHA-256 are kept, in
-- hexadecimal. Every statement rewrites its table, so that no old row stays in the files.
ALTER TABLE decision
    ALTER COLUMN body TYPE bytea USING '\x00'::bytea || body,
    ALTER COLUMN request_id TYPE text COLLATE "C"
        USING encode(substring(sha256(convert_to(request_id, 'UTF8')) FROM 1 FOR 16), 'hex');
ALTER TABLE response ALTER COLUMN request_id TYPE text COLLATE "C"
    USING encode(substring(sha256(convert_to(request_id, 'UTF8')) FROM 1 FOR 16), 'hex');
