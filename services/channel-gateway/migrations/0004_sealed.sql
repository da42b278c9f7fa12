-- What is said of persons is sealed from here on: deliveries and leads with the keys of their persons, events that wait with a
-- key of all that wait. What was stored before stands behind a mark (one byte, 0) until it is written again. Ids of callers
-- may say something of a person and outlive an erasure: 128 bits of their SHA-256 are kept. Every statement rewrites its
-- table, so that no old row stays in the files.
ALTER TABLE known_event ALTER COLUMN event_id TYPE bytea
    USING substring(sha256(convert_to(event_id, 'UTF8')) FROM 1 FOR 16);

-- The body holds the id as well: its length, the id, the event.
ALTER TABLE inbox
    ALTER COLUMN event_id TYPE bytea USING substring(sha256(convert_to(event_id, 'UTF8')) FROM 1 FOR 16),
    ALTER COLUMN body TYPE bytea
        USING '\x00'::bytea || int4send(octet_length(convert_to(event_id, 'UTF8'))) || convert_to(event_id, 'UTF8') || body;
ALTER TABLE quarantine
    ALTER COLUMN event_id TYPE bytea USING substring(sha256(convert_to(event_id, 'UTF8')) FROM 1 FOR 16),
    ALTER COLUMN body TYPE bytea
        USING '\x00'::bytea || int4send(octet_length(convert_to(event_id, 'UTF8'))) || convert_to(event_id, 'UTF8') || body;

-- An erasure leaves deliveries of nobody: their person is empty.
ALTER TABLE delivery
    ALTER COLUMN request_id TYPE bytea USING substring(sha256(convert_to(request_id, 'UTF8')) FROM 1 FOR 16),
    ALTER COLUMN record TYPE bytea USING '\x00'::bytea || record;
DROP INDEX delivery_person;
CREATE INDEX delivery_person ON delivery (person_id, delivery_id) WHERE person_id <> '';

ALTER TABLE lead ADD COLUMN person_id text NOT NULL DEFAULT '';
UPDATE lead SET person_id = convert_from(record, 'UTF8')::jsonb ->> 'person_id';
ALTER TABLE lead
    ALTER COLUMN person_id DROP DEFAULT,
    ALTER COLUMN record TYPE bytea USING '\x00'::bytea || record;
CREATE INDEX lead_person ON lead (person_id, lead_id);
