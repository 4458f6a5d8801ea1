-- Version 6: notices that stand or stood, money on its way, and who has a case in hand.
-- Views like those of version 1: derived in the same transaction, rebuilt by `rebuild_views`.

CREATE TABLE posted (
  matter    INTEGER NOT NULL REFERENCES matter (id) ON DELETE CASCADE,
  ordinal   INTEGER NOT NULL,
  from_day  INTEGER NOT NULL,
  until_day INTEGER NOT NULL,
  -- Whether it stands until its last day is over.
  stands    INTEGER NOT NULL,
  -- The office that posted it.
  office    INTEGER NOT NULL,
  -- What it says, word for word.
  text      TEXT NOT NULL,
  PRIMARY KEY (matter, ordinal)
) STRICT, WITHOUT ROWID;
CREATE INDEX posted_until ON posted (until_day);

CREATE TABLE payout (
  matter  INTEGER NOT NULL REFERENCES matter (id) ON DELETE CASCADE,
  ordinal INTEGER NOT NULL,
  batch   TEXT NOT NULL,
  period  TEXT NOT NULL,
  amount  INTEGER NOT NULL,
  last4   TEXT NOT NULL,
  -- listed, beside, paid, again, failed
  state   TEXT NOT NULL,
  day     INTEGER,
  reason  TEXT NOT NULL,
  PRIMARY KEY (matter, ordinal)
) STRICT, WITHOUT ROWID;
CREATE INDEX payout_batch ON payout (batch) WHERE batch <> '';
CREATE INDEX payout_period ON payout (period, state);

CREATE TABLE handler (
  matter INTEGER NOT NULL REFERENCES matter (id) ON DELETE CASCADE,
  office INTEGER NOT NULL,
  staff  TEXT NOT NULL,
  name   TEXT NOT NULL,
  PRIMARY KEY (matter, office)
) STRICT, WITHOUT ROWID;
CREATE INDEX handler_staff ON handler (office, staff);
