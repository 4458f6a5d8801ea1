-- Version 1. What is never changed once released: a column's meaning. Add migrations, do not edit.
-- Numbers that may exceed 2^63 (area labels, epochs) are kept as the same 64 bits, signed.

-- 1. What the protocol stores ------------------------------------------------------------------------------------

CREATE TABLE meta (
  key   TEXT PRIMARY KEY,
  value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Logs by number; `length` is missing until a head was written.
CREATE TABLE log (
  id          INTEGER PRIMARY KEY,
  name        BLOB NOT NULL UNIQUE CHECK (length(name) = 32),
  area        INTEGER NOT NULL,
  lane        INTEGER NOT NULL,
  floor       INTEGER NOT NULL,
  device      BLOB NOT NULL CHECK (length(device) = 32),
  incarnation BLOB NOT NULL CHECK (length(incarnation) = 16),
  length      INTEGER,
  head        BLOB,
  lamport     INTEGER,
  -- Arrival number of its last entry, so that what was gained since is found without looking at every entry.
  last        INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX log_last ON log (last);
CREATE INDEX log_device ON log (device, incarnation);

-- Entries by arrival number; the index by place also holds that number.
CREATE TABLE entry (
  position  INTEGER PRIMARY KEY,
  log       INTEGER NOT NULL REFERENCES log (id),
  sequence  INTEGER NOT NULL,
  lamport   INTEGER NOT NULL,
  -- 0 applied, 1 waiting, 2 without effect; what for or why in `detail`.
  verdict   INTEGER NOT NULL CHECK (verdict BETWEEN 0 AND 2),
  detail    BLOB,
  action    BLOB,
  hash      BLOB NOT NULL,
  signature BLOB,
  header    BLOB NOT NULL,
  pairs     BLOB NOT NULL,
  UNIQUE (log, sequence)
) STRICT;
CREATE INDEX entry_action ON entry (action) WHERE action IS NOT NULL;
CREATE INDEX entry_verdict ON entry (verdict) WHERE verdict <> 0;

-- Entries that were cut off, whole.
CREATE TABLE evidence (
  id       INTEGER PRIMARY KEY,
  log      INTEGER NOT NULL REFERENCES log (id),
  sequence INTEGER NOT NULL,
  position INTEGER NOT NULL,
  hash     BLOB NOT NULL,
  stored   BLOB NOT NULL
) STRICT;
CREATE INDEX evidence_position ON evidence (position);

CREATE TABLE record (
  id       INTEGER PRIMARY KEY,
  name     BLOB NOT NULL UNIQUE CHECK (length(name) = 32),
  kind     INTEGER NOT NULL,
  area     INTEGER NOT NULL,
  lane     INTEGER NOT NULL,
  floor    INTEGER NOT NULL,
  -- Of a volume.
  case_id  BLOB,
  tier     INTEGER,
  changes  INTEGER NOT NULL,
  snapshot BLOB NOT NULL
) STRICT;
CREATE INDEX record_kind ON record (kind, name);
CREATE INDEX record_case ON record (case_id, area, floor) WHERE case_id IS NOT NULL;

-- Who wrote changes, by number.
CREATE TABLE author (
  id     INTEGER PRIMARY KEY,
  actor  BLOB NOT NULL,
  device BLOB NOT NULL,
  tier   INTEGER NOT NULL,
  staff  TEXT NOT NULL,
  UNIQUE (actor, device, tier, staff)
) STRICT;

CREATE TABLE change (
  record     INTEGER NOT NULL REFERENCES record (id) ON DELETE CASCADE,
  hash       BLOB NOT NULL,
  ordinal    INTEGER NOT NULL,
  author     INTEGER NOT NULL REFERENCES author (id),
  start_op   INTEGER NOT NULL,
  max_op     INTEGER NOT NULL,
  log        INTEGER NOT NULL REFERENCES log (id),
  sequence   INTEGER NOT NULL,
  lamport    INTEGER NOT NULL,
  claimed_ms INTEGER NOT NULL,
  PRIMARY KEY (record, hash)
) STRICT, WITHOUT ROWID;

CREATE TABLE receipt (
  device   BLOB NOT NULL,
  area     INTEGER NOT NULL,
  lane     INTEGER NOT NULL,
  floor    INTEGER NOT NULL,
  position INTEGER NOT NULL,
  receipt  BLOB NOT NULL,
  PRIMARY KEY (area, lane, floor, device)
) STRICT, WITHOUT ROWID;

CREATE TABLE peer (
  device BLOB PRIMARY KEY,
  state  BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE fork (
  log      BLOB NOT NULL,
  sequence INTEGER NOT NULL,
  proof    BLOB NOT NULL,
  PRIMARY KEY (log, sequence)
) STRICT, WITHOUT ROWID;

CREATE TABLE refused (
  id      INTEGER PRIMARY KEY,
  refused BLOB NOT NULL
) STRICT;

-- 2. Views, derived from records in the same transaction and rebuilt by `rebuild_views` -----------------------------

CREATE TABLE area (
  id     INTEGER PRIMARY KEY,
  code   TEXT NOT NULL,
  name   TEXT NOT NULL,
  tier   INTEGER NOT NULL,
  parent INTEGER
) STRICT;
CREATE INDEX area_parent ON area (parent);

CREATE TABLE office (
  id      INTEGER PRIMARY KEY,
  name    TEXT NOT NULL,
  tier    INTEGER NOT NULL,
  decider BLOB
) STRICT;

CREATE TABLE office_area (
  office INTEGER NOT NULL REFERENCES office (id) ON DELETE CASCADE,
  area   INTEGER NOT NULL,
  now    INTEGER NOT NULL,
  PRIMARY KEY (office, area)
) STRICT, WITHOUT ROWID;

-- Devices as their newest certificate that verified says.
CREATE TABLE device (
  record  INTEGER PRIMARY KEY REFERENCES record (id) ON DELETE CASCADE,
  key     BLOB NOT NULL,
  office  INTEGER NOT NULL,
  tier    INTEGER NOT NULL,
  serial  INTEGER NOT NULL,
  expires INTEGER NOT NULL,
  name    TEXT NOT NULL,
  revoked INTEGER NOT NULL
) STRICT;
CREATE INDEX device_key ON device (key, serial);

CREATE TABLE household (
  record    INTEGER PRIMARY KEY REFERENCES record (id) ON DELETE CASCADE,
  area      INTEGER NOT NULL,
  import_id TEXT NOT NULL,
  head      TEXT NOT NULL,
  -- In the 18-character form where it is right, else as it was written.
  head_id   TEXT NOT NULL,
  category  TEXT NOT NULL,
  cause     TEXT NOT NULL,
  risk      TEXT NOT NULL,
  grp       TEXT NOT NULL,
  address   TEXT NOT NULL,
  phone     TEXT NOT NULL,
  status    TEXT NOT NULL,
  members   INTEGER NOT NULL,
  income    INTEGER,
  conflicts INTEGER NOT NULL,
  blocking  INTEGER NOT NULL,
  problems  INTEGER NOT NULL,
  -- Of the text that is searched, to tell whether it changed.
  text_hash INTEGER NOT NULL
) STRICT;
CREATE INDEX household_area ON household (area, head, record);
CREATE INDEX household_import ON household (import_id);
CREATE INDEX household_conflicts ON household (record) WHERE conflicts > 0;

CREATE TABLE member (
  household INTEGER NOT NULL REFERENCES household (record) ON DELETE CASCADE,
  ordinal   INTEGER NOT NULL,
  name      TEXT NOT NULL,
  relation  TEXT NOT NULL,
  -- In the 18-character form; empty unless it is right.
  id_no     TEXT NOT NULL,
  birth     INTEGER,
  present   INTEGER NOT NULL,
  PRIMARY KEY (household, ordinal)
) STRICT, WITHOUT ROWID;
CREATE INDEX member_id_no ON member (id_no, household) WHERE present AND id_no <> '';

CREATE TABLE aid (
  household INTEGER NOT NULL REFERENCES household (record) ON DELETE CASCADE,
  ordinal   INTEGER NOT NULL,
  no        TEXT NOT NULL,
  day       INTEGER,
  program   TEXT NOT NULL,
  amount    INTEGER,
  PRIMARY KEY (household, ordinal)
) STRICT, WITHOUT ROWID;

-- Persons who live in more than one household.
CREATE TABLE duplicate (
  id_no     TEXT NOT NULL,
  household INTEGER NOT NULL REFERENCES household (record) ON DELETE CASCADE,
  PRIMARY KEY (id_no, household)
) STRICT, WITHOUT ROWID;
CREATE INDEX duplicate_household ON duplicate (household);

-- Fields that several people wrote at the same time.
CREATE TABLE conflict (
  record  INTEGER NOT NULL REFERENCES record (id) ON DELETE CASCADE,
  ordinal INTEGER NOT NULL,
  field   TEXT NOT NULL,
  -- The row of a list it belongs to, as counter@actor.
  row     TEXT,
  blocks  INTEGER NOT NULL,
  PRIMARY KEY (record, ordinal)
) STRICT, WITHOUT ROWID;

CREATE TABLE matter (
  id         INTEGER PRIMARY KEY,
  case_id    BLOB NOT NULL CHECK (length(case_id) = 16),
  area       INTEGER NOT NULL,
  floor      INTEGER NOT NULL,
  stage      TEXT NOT NULL,
  since      INTEGER,
  origin     TEXT,
  urgency    INTEGER NOT NULL,
  assistance TEXT NOT NULL,
  -- Name of the household's record; it may not be here.
  household  BLOB,
  applicant  TEXT NOT NULL,
  number     TEXT,
  opened_on  INTEGER,
  proposed   INTEGER,
  decided    INTEGER,
  paid       INTEGER,
  -- The first day something is due.
  due        INTEGER,
  -- Lamport numbers of its first and last event.
  opened     INTEGER NOT NULL,
  updated    INTEGER NOT NULL,
  events     INTEGER NOT NULL,
  -- Events that wait or have no effect.
  idle       INTEGER NOT NULL,
  problems   INTEGER NOT NULL,
  text_hash  INTEGER NOT NULL,
  UNIQUE (case_id, area, floor)
) STRICT;
CREATE INDEX matter_area ON matter (area, updated);
CREATE INDEX matter_stage ON matter (stage, updated);
CREATE INDEX matter_updated ON matter (updated);
CREATE INDEX matter_household ON matter (household) WHERE household IS NOT NULL;
CREATE INDEX matter_number ON matter (number) WHERE number IS NOT NULL;

-- Who must do what in a case. `who`: tier, office, department, provider, applicant.
CREATE TABLE turn (
  matter  INTEGER NOT NULL REFERENCES matter (id) ON DELETE CASCADE,
  ordinal INTEGER NOT NULL,
  who     TEXT NOT NULL,
  who_id  TEXT NOT NULL,
  name    TEXT NOT NULL,
  what    TEXT NOT NULL,
  due     INTEGER,
  PRIMARY KEY (matter, ordinal)
) STRICT, WITHOUT ROWID;
CREATE INDEX turn_who ON turn (who, who_id, matter);

CREATE TABLE transfer (
  matter  INTEGER NOT NULL REFERENCES matter (id) ON DELETE CASCADE,
  ordinal INTEGER NOT NULL,
  who     TEXT NOT NULL,
  who_id  TEXT NOT NULL,
  name    TEXT NOT NULL,
  state   TEXT NOT NULL,
  due     INTEGER,
  PRIMARY KEY (matter, ordinal)
) STRICT, WITHOUT ROWID;
CREATE INDEX transfer_who ON transfer (who, who_id, matter);

CREATE TABLE staff (
  record     INTEGER PRIMARY KEY REFERENCES record (id) ON DELETE CASCADE,
  office     INTEGER NOT NULL,
  id         TEXT NOT NULL,
  name       TEXT NOT NULL,
  roles      TEXT NOT NULL,
  department TEXT NOT NULL,
  provider   TEXT NOT NULL,
  from_day   INTEGER,
  until_day  INTEGER,
  disabled   INTEGER NOT NULL,
  conflicts  INTEGER NOT NULL
) STRICT;
CREATE INDEX staff_id ON staff (id, office);

CREATE TABLE policy (
  record   INTEGER PRIMARY KEY REFERENCES record (id) ON DELETE CASCADE,
  version  TEXT NOT NULL,
  from_day INTEGER NOT NULL,
  title    TEXT NOT NULL,
  sample   INTEGER NOT NULL,
  -- Whether every row of it arrived.
  whole    INTEGER NOT NULL,
  pack     TEXT NOT NULL
) STRICT;

-- Overlapping pieces of text (see search.rs), so that a phrase finds any part of a name or number.
CREATE VIRTUAL TABLE household_text USING fts5 (text, content = '', contentless_delete = 1, tokenize = 'ascii');
CREATE VIRTUAL TABLE matter_text USING fts5 (text, content = '', contentless_delete = 1, tokenize = 'ascii');

-- 3. Local to this device, never synchronised -----------------------------------------------------------------------

CREATE TABLE password (
  staff      TEXT PRIMARY KEY,
  phc        TEXT NOT NULL,
  changed_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE session (
  token      BLOB PRIMARY KEY,
  staff      TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  seen_ms    INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL,
  data       BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE lockout (
  subject  TEXT PRIMARY KEY,
  failures INTEGER NOT NULL,
  until_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE draft (
  staff      TEXT NOT NULL,
  form       TEXT NOT NULL,
  changed_ms INTEGER NOT NULL,
  data       BLOB NOT NULL,
  PRIMARY KEY (staff, form)
) STRICT, WITHOUT ROWID;

CREATE TABLE invitation (
  id         BLOB PRIMARY KEY,
  created_ms INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL,
  used_ms    INTEGER,
  data       BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE action_result (
  action BLOB PRIMARY KEY,
  at_ms  INTEGER NOT NULL,
  result BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE setting (
  key   TEXT PRIMARY KEY,
  value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
