-- Version 16: how the places of a project are divided by area and period (rows of a text, as in the record), how many of each
-- row are taken as the city published it, and which row a booking asks for. Views: filled by `rebuild_views`.

ALTER TABLE project ADD COLUMN shares TEXT NOT NULL DEFAULT '';
ALTER TABLE project ADD COLUMN taken_by TEXT NOT NULL DEFAULT '';
-- Empty: the places are not divided.
ALTER TABLE booking ADD COLUMN share TEXT NOT NULL DEFAULT '';
