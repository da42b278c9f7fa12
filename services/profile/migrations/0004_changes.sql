-- Whose documents were written or removed, so that every process can follow with what it keeps in memory. A row a statement,
-- written by triggers: no way of writing a document can be forgotten. A reader asks for the transactions from the oldest
-- one that was open at its last look; rows are kept for minutes, and who missed them reads everybody again.
CREATE TABLE document_change (
    id      bigserial   PRIMARY KEY,
    xid     bigint      NOT NULL DEFAULT (pg_current_xact_id()::text::bigint),
    time    timestamptz NOT NULL DEFAULT clock_timestamp(),
    persons text[]      NOT NULL,
    -- Who was erased, as 128 bits of the SHA-256 of their id: the id itself is to be nowhere.
    gone    bytea[]     NOT NULL DEFAULT '{}'
);
CREATE INDEX document_change_xid ON document_change (xid);

-- Rows with an empty body only hold a lock, and nobody is told of them.
CREATE FUNCTION document_written() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO document_change (persons)
    SELECT found.persons FROM (SELECT array_agg(person_id) AS persons FROM changed WHERE body <> '') AS found
    WHERE found.persons IS NOT NULL;
    RETURN NULL;
END $$;

-- Whoever goes without an alias was erased: then the rows that name them, or an id that was merged into them, name them no more.
CREATE FUNCTION document_removed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    merged text[];
    erased text[];
    names  text[];
BEGIN
    SELECT array_agg(person_id) INTO merged FROM changed
    WHERE body <> '' AND EXISTS (SELECT 1 FROM alias WHERE alias.person_id = changed.person_id);
    SELECT array_agg(person_id) INTO erased FROM changed
    WHERE body <> '' AND NOT EXISTS (SELECT 1 FROM alias WHERE alias.person_id = changed.person_id);
    IF erased IS NOT NULL THEN
        names := erased || ARRAY(SELECT person_id FROM alias WHERE surviving = ANY (erased));
        UPDATE document_change
        SET persons = ARRAY(SELECT one FROM unnest(persons) AS one WHERE one <> ALL (names))
        WHERE persons && names;
    END IF;
    IF merged IS NOT NULL OR erased IS NOT NULL THEN
        INSERT INTO document_change (persons, gone)
        VALUES (coalesce(merged, '{}'),
                ARRAY(SELECT substring(sha256(convert_to(one, 'UTF8')) FOR 16) FROM unnest(coalesce(erased, '{}')) AS one));
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER document_inserted AFTER INSERT ON document
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION document_written();
CREATE TRIGGER document_updated AFTER UPDATE ON document
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION document_written();
CREATE TRIGGER document_deleted AFTER DELETE ON document
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION document_removed();
