-- Version 15: which categories households and their members hold, and when. A view like those of version 1: derived in the
-- same transaction, rebuilt by `rebuild_views`.

CREATE TABLE holding (
  household INTEGER NOT NULL REFERENCES household (record) ON DELETE CASCADE,
  ordinal   INTEGER NOT NULL,
  category  TEXT NOT NULL,
  -- The member's row, as counter@actor; empty: the whole household.
  person    TEXT NOT NULL,
  -- First and last day; where it is open, the least and the greatest number of 32 bits.
  first     INTEGER NOT NULL,
  last      INTEGER NOT NULL,
  PRIMARY KEY (household, ordinal)
) STRICT, WITHOUT ROWID;
CREATE INDEX holding_category ON holding (category, household, first, last);
