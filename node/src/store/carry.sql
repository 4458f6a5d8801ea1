-- Files that went out and came in on a stick: local to this device, never synchronised, never deleted.
CREATE TABLE carried (
  id      INTEGER PRIMARY KEY,
  at_ms   INTEGER NOT NULL,
  -- 1: made here for the other office; 0: taken in.
  outward INTEGER NOT NULL CHECK (outward IN (0, 1)),
  -- The file's own random number.
  file    BLOB NOT NULL,
  made_ms INTEGER NOT NULL,
  device  BLOB NOT NULL,
  office  TEXT NOT NULL,
  staff   TEXT NOT NULL,
  name    TEXT NOT NULL,
  bytes   INTEGER NOT NULL,
  -- Entries put in, or new here; entries that could not be taken.
  entries INTEGER NOT NULL,
  refused INTEGER NOT NULL
) STRICT;
CREATE INDEX carried_with ON carried (device, outward, id);

-- What the other device said it holds, in its latest file, and the certificate it showed there: control may not have
-- told of it yet.
CREATE TABLE carried_known (
  device      BLOB NOT NULL PRIMARY KEY,
  known       BLOB NOT NULL,
  certificate BLOB NOT NULL
) STRICT;
