-- Version 17: by which policy pack a case is judged; it may not be here. Views: filled by `rebuild_views`.

ALTER TABLE matter ADD COLUMN pack TEXT NOT NULL DEFAULT '';
CREATE INDEX matter_pack ON matter (pack, origin, problems);
