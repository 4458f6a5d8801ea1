-- Version 7: what waits to be looked at in households, villages' sign-offs of months, benefits that are paid monthly.
-- Views like those of version 1: derived in the same transaction, rebuilt by `rebuild_views`.

-- Changes that no review has looked at.
ALTER TABLE household ADD COLUMN open_changes INTEGER NOT NULL DEFAULT 0;
CREATE INDEX household_changes ON household (area) WHERE open_changes > 0;

-- Whether what was granted is paid every month, and from which day on it is not any more.
ALTER TABLE award ADD COLUMN monthly INTEGER NOT NULL DEFAULT 0;
ALTER TABLE award ADD COLUMN stopped_on INTEGER;

CREATE TABLE sign_off (
  record     INTEGER PRIMARY KEY REFERENCES record (id) ON DELETE CASCADE,
  area       INTEGER NOT NULL,
  month      TEXT NOT NULL,
  households INTEGER NOT NULL,
  people     INTEGER NOT NULL,
  came       INTEGER NOT NULL,
  gone       INTEGER NOT NULL,
  changed    INTEGER NOT NULL,
  unchanged  INTEGER NOT NULL,
  digest     TEXT NOT NULL,
  note       TEXT NOT NULL,
  office     INTEGER NOT NULL,
  staff      TEXT NOT NULL,
  name       TEXT NOT NULL,
  day        INTEGER
) STRICT;
CREATE INDEX sign_off_month ON sign_off (month, area);
