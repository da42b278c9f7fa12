-- When time alone may change what rules say of a person; null when nothing is known to.
ALTER TABLE document ADD COLUMN due bigint;
CREATE INDEX document_due ON document (due) WHERE due IS NOT NULL;
