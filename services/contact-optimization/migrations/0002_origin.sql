-- The id under which a contact was recorded, where that is another than the person's: a split gives it back by that.
ALTER TABLE contact ADD COLUMN origin text NOT NULL DEFAULT '';
