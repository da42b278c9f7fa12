-- Records, reviews and relations are sealed from here on, with a key each. What was stored before stands behind a mark (one
-- byte, 0) until it is written again. Ids of requests: 128 bits of their SHA-256. Every statement rewrites its table.
ALTER TABLE attribute_record
    ALTER COLUMN prepared TYPE bytea USING '\x00'::bytea || prepared,
    ALTER COLUMN record TYPE bytea USING '\x00'::bytea || record;
ALTER TABLE review ALTER COLUMN record TYPE bytea USING '\x00'::bytea || record;
ALTER TABLE relation ALTER COLUMN record TYPE bytea USING '\x00'::bytea || record;
ALTER TABLE matching_request ALTER COLUMN request_id TYPE bytea
    USING substring(sha256(convert_to(request_id, 'UTF8')) FROM 1 FOR 16);
