-- Version 2: what cases come to (statistics, annual files) and for whom and from which fund aid came.
-- Views like those of version 1: derived in the same transaction, rebuilt by `rebuild_views`.

CREATE TABLE account (
  matter      INTEGER PRIMARY KEY REFERENCES matter (id) ON DELETE CASCADE,
  -- 1 an application, 0 a clue.
  application INTEGER NOT NULL,
  channel     TEXT NOT NULL,
  -- approved, refused, withdrawn, pending
  outcome     TEXT NOT NULL,
  ended_on    INTEGER,
  -- Why it was not approved, or whom it waits for.
  reason      TEXT NOT NULL,
  verified_on INTEGER,
  finding     TEXT NOT NULL,
  failed      INTEGER NOT NULL
) STRICT;

CREATE TABLE payment (
  matter  INTEGER NOT NULL REFERENCES matter (id) ON DELETE CASCADE,
  ordinal INTEGER NOT NULL,
  day     INTEGER,
  amount  INTEGER NOT NULL,
  fund    TEXT NOT NULL,
  PRIMARY KEY (matter, ordinal)
) STRICT, WITHOUT ROWID;

-- Days on which somebody assessed what a household needs.
CREATE TABLE need (
  matter  INTEGER NOT NULL REFERENCES matter (id) ON DELETE CASCADE,
  ordinal INTEGER NOT NULL,
  day     INTEGER,
  PRIMARY KEY (matter, ordinal)
) STRICT, WITHOUT ROWID;

ALTER TABLE aid ADD COLUMN person TEXT NOT NULL DEFAULT '';
ALTER TABLE aid ADD COLUMN fund TEXT NOT NULL DEFAULT '';

-- All aid, each once: the rows of households' records, and the payments of cases that are not also such a row. A row
-- is a payment's when it bears the case's acceptance number; or, taken one for one, when kind, day and amount are the
-- same. `protocol/src/annual.rs` says the same for one household.
CREATE VIEW benefit (source, household, area, kind, person, fund, day, amount, number, case_id) AS
  WITH held AS (
    SELECT payment.matter, payment.ordinal, payment.day, payment.amount, payment.fund, matter.case_id, matter.household,
      record.id AS local, matter.area, matter.assistance AS kind, matter.applicant, coalesce(matter.number, '') AS number
    FROM payment JOIN matter ON matter.id = payment.matter LEFT JOIN record ON record.name = matter.household
  ),
  unbooked AS (
    SELECT * FROM held WHERE NOT EXISTS (SELECT 1 FROM aid WHERE aid.household = held.local AND aid.no <> '' AND aid.no = held.number)
  ),
  placed AS (
    SELECT *,
      row_number() OVER (PARTITION BY local, kind, day, amount ORDER BY case_id, ordinal) AS place,
      (SELECT count(*) FROM aid WHERE aid.household = unbooked.local AND program = kind AND aid.day = unbooked.day
        AND aid.amount = unbooked.amount
        AND aid.no NOT IN (SELECT matter.number FROM matter WHERE matter.household = unbooked.household AND matter.number IS NOT NULL)
      ) AS twins
    FROM unbooked
  )
  SELECT 'aid', record.name, household.area, program, person, fund, day, amount, no, NULL
  FROM aid JOIN household ON household.record = aid.household JOIN record ON record.id = aid.household
  UNION ALL
  SELECT 'payment', household, area, kind, applicant, fund, day, amount, number, case_id FROM placed WHERE place > twins;
