-- Who took what out of this machine, and what for: local to this device, never synchronised, never deleted.
CREATE TABLE export (
  id      INTEGER PRIMARY KEY,
  at_ms   INTEGER NOT NULL,
  staff   TEXT NOT NULL,
  name    TEXT NOT NULL,
  what    TEXT NOT NULL,
  area    TEXT NOT NULL,
  form    TEXT NOT NULL,
  rows    INTEGER NOT NULL,
  purpose TEXT NOT NULL
) STRICT;
