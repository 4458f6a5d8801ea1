-- Version 5: up to where the decisions of a device count that was its office's decider before.

CREATE TABLE decided (
  record INTEGER NOT NULL REFERENCES record (id) ON DELETE CASCADE,
  log    BLOB NOT NULL CHECK (length(log) = 32),
  length INTEGER NOT NULL,
  PRIMARY KEY (record, log)
) STRICT, WITHOUT ROWID;
