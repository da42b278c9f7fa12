-- Under which id an event was recorded, where that is not the person with whom it lies, and whether others were merged
-- into that id at that time. With these a split gives back what a merge moved.
ALTER TABLE event ADD COLUMN origin text NOT NULL DEFAULT '';
ALTER TABLE event ADD COLUMN shared boolean NOT NULL DEFAULT false;
