-- What entries say is sealed from here on. What was appended before stands behind a mark (one byte, 0). The statement
-- rewrites the table.
ALTER TABLE attune_feed_entry ALTER COLUMN body TYPE bytea USING '\x00'::bytea || body;
