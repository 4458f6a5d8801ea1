-- Version 9: checks of a family's means, and who looked at the answers.
-- `checked` and `verification` are views like those of version 1: derived in the same transaction, rebuilt by `rebuild_views`.

CREATE TABLE checked (
  matter      INTEGER NOT NULL REFERENCES matter (id) ON DELETE CASCADE,
  ordinal     INTEGER NOT NULL,
  number      TEXT NOT NULL,
  asked_on    INTEGER,
  started_on  INTEGER,
  answered_on INTEGER,
  -- same, differs, unclear
  result      TEXT,
  -- to-start, to-answer, answered, objected, upheld, superseded
  state       TEXT NOT NULL,
  due         INTEGER,
  PRIMARY KEY (matter, ordinal)
) STRICT, WITHOUT ROWID;
CREATE INDEX checked_number ON checked (number);
CREATE INDEX checked_state ON checked (state, due);

-- Which record holds the answers to a request; no village has a row here.
CREATE TABLE verification (
  record INTEGER PRIMARY KEY REFERENCES record (id) ON DELETE CASCADE,
  number TEXT NOT NULL
) STRICT;
CREATE INDEX verification_number ON verification (number);

-- Who looked at answers, and what for: local to this device, never synchronised, never deleted.
CREATE TABLE look (
  id      INTEGER PRIMARY KEY,
  at_ms   INTEGER NOT NULL,
  staff   TEXT NOT NULL,
  name    TEXT NOT NULL,
  number  TEXT NOT NULL,
  purpose TEXT NOT NULL
) STRICT;
