-- How long a transfer took, and how often people had to go.
-- Views like those of version 1: derived in the same transaction, rebuilt by `rebuild_views`.

CREATE TABLE hop (
  matter     INTEGER NOT NULL REFERENCES matter (id) ON DELETE CASCADE,
  ordinal    INTEGER NOT NULL,
  who        TEXT NOT NULL,
  who_id     TEXT NOT NULL,
  name       TEXT NOT NULL,
  assistance TEXT NOT NULL,
  -- The days it was handed over, signed for, and answered or given back.
  sent       INTEGER,
  signed     INTEGER,
  ended      INTEGER,
  -- Whether it ended with a result.
  answered   INTEGER NOT NULL,
  PRIMARY KEY (matter, ordinal)
) STRICT, WITHOUT ROWID;
CREATE INDEX hop_sent ON hop (sent);

CREATE TABLE errand (
  matter INTEGER PRIMARY KEY REFERENCES matter (id) ON DELETE CASCADE,
  -- Days on which the citizen came to a window; days on which staff went to the home.
  window INTEGER NOT NULL,
  home   INTEGER NOT NULL
) STRICT;
