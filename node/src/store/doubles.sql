-- Version 4: what was granted and what was said about its doubles; until when a member lived in a household.
-- Views like those of version 1: derived in the same transaction, rebuilt by `rebuild_views`.

ALTER TABLE member ADD COLUMN until INTEGER;

-- One for each case in which something was granted.
CREATE TABLE award (
  matter INTEGER PRIMARY KEY REFERENCES matter (id) ON DELETE CASCADE,
  cause  TEXT NOT NULL,
  pack   TEXT NOT NULL,
  day    INTEGER,
  -- What was paid for nothing and has not come back.
  owed   INTEGER NOT NULL
) STRICT;

-- Other grants that look like a case's own, and what a person found; `ruling` is empty until then.
CREATE TABLE doubled (
  matter  INTEGER NOT NULL REFERENCES matter (id) ON DELETE CASCADE,
  ordinal INTEGER NOT NULL,
  other   BLOB NOT NULL CHECK (length(other) = 16),
  told    TEXT NOT NULL,
  ruling  TEXT NOT NULL,
  reason  TEXT NOT NULL,
  tier    INTEGER NOT NULL,
  day     INTEGER,
  PRIMARY KEY (matter, ordinal)
) STRICT, WITHOUT ROWID;
