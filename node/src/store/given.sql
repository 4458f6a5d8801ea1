-- Version 13: what departments and providers gave is aid too, of the kind that was handed to them.
-- Views like those of version 1: derived in the same transaction, rebuilt by `rebuild_views`.

-- The kind of assistance (code) that a payment is for.
ALTER TABLE payment ADD COLUMN kind TEXT NOT NULL DEFAULT '';
UPDATE payment SET kind = (SELECT assistance FROM matter WHERE matter.id = payment.matter);

-- All aid, each once: the rows of households' records, the payments of cases that are not also such a row, and what
-- came back of them (less than nothing). A row is a payment's when it bears the case's acceptance number, and of what is
-- paid monthly when its day is in the payment's month: the first row of that month; any other row is taken one for one
-- when kind, day and amount are the same. `protocol/src/annual.rs` says the same for one household.
DROP VIEW benefit;
CREATE VIEW benefit (source, household, area, kind, person, fund, day, amount, number, case_id) AS
  WITH held AS (
    SELECT payment.matter, payment.ordinal, payment.day, payment.amount, payment.fund, payment.month, matter.case_id,
      matter.household, record.id AS local, matter.area, payment.kind, matter.applicant,
      coalesce(matter.number, '') AS number
    FROM payment JOIN matter ON matter.id = payment.matter LEFT JOIN record ON record.name = matter.household
  ),
  unbooked AS (
    SELECT * FROM held WHERE NOT EXISTS (SELECT 1 FROM aid WHERE aid.household = held.local AND aid.no <> ''
      AND aid.no = held.number AND (held.month = '' OR strftime('%Y-%m', aid.day * 86400, 'unixepoch') = held.month))
  ),
  placed AS (
    SELECT *,
      row_number() OVER (PARTITION BY local, kind, day, amount ORDER BY case_id, ordinal) AS place,
      (SELECT count(*) FROM aid WHERE aid.household = unbooked.local AND program = kind AND aid.day = unbooked.day
        AND aid.amount = unbooked.amount
        AND NOT EXISTS (
          SELECT 1 FROM matter WHERE matter.household = unbooked.household AND matter.number = aid.no
          AND NOT EXISTS (SELECT 1 FROM payment WHERE payment.matter = matter.id AND payment.month <> ''))
        AND NOT EXISTS (
          SELECT 1 FROM matter JOIN payment ON payment.matter = matter.id
          WHERE matter.household = unbooked.household AND matter.number = aid.no
          AND payment.month = strftime('%Y-%m', aid.day * 86400, 'unixepoch')
          AND NOT EXISTS (SELECT 1 FROM aid AS earlier WHERE earlier.household = aid.household AND earlier.no = aid.no
            AND earlier.ordinal < aid.ordinal
            AND strftime('%Y-%m', earlier.day * 86400, 'unixepoch') = strftime('%Y-%m', aid.day * 86400, 'unixepoch')))
      ) AS twins
    FROM unbooked
  )
  SELECT 'aid', record.name, household.area, program, person, fund, day, amount, no, NULL
  FROM aid JOIN household ON household.record = aid.household JOIN record ON record.id = aid.household
  UNION ALL
  SELECT 'payment', household, area, kind, applicant, fund, day, amount, number, case_id FROM placed WHERE place > twins
  UNION ALL
  SELECT 'recovery', matter.household, matter.area, matter.assistance, matter.applicant, recovery.fund, recovery.day,
    -recovery.amount, coalesce(matter.number, ''), matter.case_id
  FROM recovery JOIN matter ON matter.id = recovery.matter;
