-- What callers name a contact, its decision and its reservation may say something of a person: it is sealed with the key of the
-- person, and the contact is found by 128 bits of the SHA-256 of its id, in hexadecimal. What was stored before stands behind
-- a mark (one byte, 0). Requests are found by their hash alone. The statements rewrite their tables.
ALTER TABLE contact ADD COLUMN sealed bytea;
UPDATE contact SET sealed = '\x00'::bytea
    || int4send(octet_length(convert_to(contact_id, 'UTF8'))) || convert_to(contact_id, 'UTF8')
    || int4send(octet_length(convert_to(decision_id, 'UTF8'))) || convert_to(decision_id, 'UTF8')
    || int4send(octet_length(convert_to(reservation_id, 'UTF8'))) || convert_to(reservation_id, 'UTF8');
ALTER TABLE contact
    ALTER COLUMN sealed SET NOT NULL,
    ALTER COLUMN contact_id TYPE text COLLATE "C"
        USING encode(substring(sha256(convert_to(contact_id, 'UTF8')) FROM 1 FOR 16), 'hex'),
    DROP COLUMN decision_id,
    DROP COLUMN reservation_id;
ALTER TABLE admission_request ALTER COLUMN request_id TYPE text COLLATE "C"
    USING encode(substring(sha256(convert_to(request_id, 'UTF8')) FROM 1 FOR 16), 'hex');
