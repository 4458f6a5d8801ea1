-- Version 8: care projects, and the places of them that cases ask for.
-- Views like those of version 1: derived in the same transaction, rebuilt by `rebuild_views`.

CREATE TABLE project (
  record      INTEGER PRIMARY KEY REFERENCES record (id) ON DELETE CASCADE,
  name        TEXT NOT NULL,
  kind        TEXT NOT NULL,
  provider    TEXT NOT NULL,
  -- Labels of areas, with commas between them; empty: the whole city.
  areas       TEXT NOT NULL,
  from_day    INTEGER,
  until_day   INTEGER,
  capacity    INTEGER NOT NULL,
  conditions  TEXT NOT NULL,
  contact     TEXT NOT NULL,
  description TEXT NOT NULL,
  open        INTEGER NOT NULL,
  -- As the city published it, and when.
  taken       INTEGER,
  taken_on    INTEGER,
  conflicts   INTEGER NOT NULL,
  problems    INTEGER NOT NULL
) STRICT;

CREATE TABLE booking (
  matter    INTEGER NOT NULL REFERENCES matter (id) ON DELETE CASCADE,
  ordinal   INTEGER NOT NULL,
  -- The event, as counter@actor.
  op        TEXT NOT NULL,
  -- Name of the project's record; it may not be here.
  project   BLOB NOT NULL CHECK (length(project) = 32),
  places    INTEGER NOT NULL,
  whom      TEXT NOT NULL,
  note      TEXT NOT NULL,
  -- claimed, confirmed, declined, cancelled, ended
  state     TEXT NOT NULL,
  -- Places in the common order of the claim and of the confirmation, encoded.
  claimed   BLOB,
  confirmed BLOB,
  day       INTEGER,
  -- The day it ended, was declined or cancelled.
  ended     INTEGER,
  reason    TEXT NOT NULL,
  -- What the city said last of a claim that does not fit: places ahead of it, places of the project.
  ahead     INTEGER,
  capacity  INTEGER,
  PRIMARY KEY (matter, ordinal)
) STRICT, WITHOUT ROWID;
CREATE INDEX booking_project ON booking (project, state);
