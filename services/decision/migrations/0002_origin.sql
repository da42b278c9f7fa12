-- The person for whom a decision was recorded before a merge, where that is another than today's: a split gives it back
-- by that. Null for today's person and for who was erased.
ALTER TABLE decision ADD COLUMN origin bytea;
ALTER TABLE receipt ADD COLUMN origin bytea;
ALTER TABLE response ADD COLUMN origin bytea;
