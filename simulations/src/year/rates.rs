//! How often things happen in a year of work. One table, each number with where it comes from.
//!
//! Only two sources have numbers: the newspaper report (196 applications in less than a month, 191 approved) and one
//! documented township (611 households, 865 people, 393 of them 低保, 144 特困, five hours for a home visit). All else is
//! **invented**, so that a year has some of everything, and says nothing about any real city.

/// The wall clock when a run begins, milliseconds since 1970: Friday 2025-12-26, 00:00. The register is entered then; the
/// year of work is 2026, whose national holidays the sample pack knows.
pub const BEGINNING_MS: i64 = 1_766_707_200_000;
/// Virtual days: the last days of December in which the register is entered, and 2026.
pub const DAYS: u64 = 6 + 365;
/// Days (of the run) before the first application.
pub const REGISTER_DAYS: u64 = 6;
/// Households of the whole city. Source: 基础信息库 "近1万多条" (domain.md, item 10).
pub const HOUSEHOLDS: u64 = 10_000;
/// Households of the two townships of the short run.
pub const HOUSEHOLDS_MONTH: u64 = 300;
/// How much more than in the real city happens in the short run.
pub const MONTH_DENSITY: u64 = 20;
/// Events after which a run is given up as endless.
pub const EVENTS_MAX: u64 = 40_000_000;

// --- what comes to the offices, a month, for 10,000 households

/// Applications at the windows. Source: the report, 196 in less than a month.
pub const APPLICATIONS: u64 = 196;
/// Warnings of feeds. Invented.
pub const WARNINGS: u64 = 30;
/// Pleas, of which some reach the city without a village. Invented.
pub const PLEAS: u64 = 24;
/// Consultations. Invented.
pub const CONSULTATIONS: u64 = 40;
/// Income, telephone, health: fields of households that change. Invented: each household once in two years.
pub const FIELD_CHANGES: u64 = 400;
/// Deaths. Invented, near 7 in 1,000 people a year.
pub const DEATHS: u64 = 9;
/// Households that move to another village. Invented.
pub const MOVES: u64 = 4;
/// Members who join a household (birth, return). Invented.
pub const MEMBERS: u64 = 8;

/// Kinds asked for and how often. Invented; 低保 and 特困 are mostly there already (611 households: 393 and 144).
pub const KINDS: &[(&str, u64)] = &[
    ("临时救助", 42),
    ("最低生活保障", 16),
    ("特困人员供养", 4),
    ("刚性支出困难救助", 5),
    ("医疗救助", 10),
    ("教育救助", 8),
    ("住房救助", 3),
    ("就业救助", 3),
    ("照料服务", 6),
    ("心理服务", 3),
];
/// Where an application comes in: village, township window, city window. Invented.
pub const CHANNELS: [u64; 3] = [45, 42, 13];

// --- how people work, in a thousand. All invented.

/// Applications that are made again within weeks at another office, for the same kind and cause.
pub const ASKED_TWICE: u64 = 40;
/// Moved households that stay in the old village's register too.
pub const MOVED_AND_LEFT_BEHIND: u64 = 400;
/// Of these, those that ask for the same help at both places within days.
pub const ASKED_AT_BOTH_PLACES: u64 = 600;
/// Double clicks: the same form sent twice.
pub const DOUBLE_CLICK: u64 = 20;
/// Forms against the rules that somebody tries before the right one.
pub const WRONG_FORM: u64 = 25;
/// Applications whose applicant takes them back.
pub const GIVEN_UP: u64 = 18;
/// Applications not accepted.
pub const NOT_ACCEPTED: u64 = 8;
/// Applications with something missing.
pub const INCOMPLETE: u64 = 120;
/// Clues that are found untrue; unclear.
pub const UNTRUE: u64 = 160;
/// Clues of which it is not clear at first.
pub const UNCLEAR: u64 = 50;
/// Opinions against. Source: the report, 191 of 196 approved, so about 25 in a thousand are not.
pub const AGAINST: u64 = 20;
/// Approvals refused by the decider in spite of an opinion in favour.
pub const REFUSED: u64 = 6;
/// Near relatives of those who handle cases.
pub const RELATIVES: u64 = 15;
/// Objections to a notice.
pub const OBJECTIONS: u64 = 50;
/// Of these, true.
pub const OBJECTIONS_TRUE: u64 = 300;
/// Clocks that are stopped for a while.
pub const SUSPENDED: u64 = 15;
/// Terms made longer.
pub const EXTENDED: u64 = 20;
/// Entries taken back by the one who made them.
pub const TAKEN_BACK: u64 = 10;
/// Payments that come back.
pub const PAYMENT_FAILS: u64 = 25;
/// Payments a second office makes because it does not know better.
pub const PAID_BY_TWO: u64 = 6;
/// Applications for what may be given at once that cannot wait for their papers.
pub const EMERGENCIES: u64 = 30;
/// Families whose means cannot be checked.
pub const UNCHECKED: u64 = 60;
/// Monthly benefits that end within the year.
pub const BENEFIT_ENDS: u64 = 150;
/// Of those that end, phased out over some months.
pub const PHASED_OUT: u64 = 400;
/// Refusals that are disputed before another authority.
pub const DISPUTED: u64 = 250;
/// Of those, set aside there.
pub const SET_ASIDE: u64 = 400;
/// Monthly benefits that are made more or less.
pub const BENEFIT_CHANGES: u64 = 120;
/// Transfers that are given back.
pub const RETURNED: u64 = 60;
/// Transfers that bring nothing.
pub const IMPOSSIBLE: u64 = 50;
/// Of doubles that are settled: both stand.
pub const BOTH_STAND: u64 = 400;
/// Deciders who approve a second grant with a reason in writing.
pub const APPROVED_ALL_THE_SAME: u64 = 300;

/// Working days until somebody does what it is their turn to do, with weights: most at once, some late.
pub const DELAYS: &[(u32, u64)] = &[(0, 50), (1, 25), (2, 12), (3, 5), (5, 4), (9, 2), (16, 1), (30, 1)];
/// The day of the month from which monthly grants go to the bank. Source: the township's monthly settle day, invented date.
pub const PAY_DAY: u32 = 4;

// --- what goes wrong, a year, for 289 offices. All invented.

/// Lines that are cut at all, in a thousand.
pub const LINES_CUT: u64 = 300;
/// Offices without a line for hours.
pub const OUTAGES_HOURS: u64 = 1_500;
/// Offices without a line for days.
pub const OUTAGES_DAYS: u64 = 250;
/// Offices without a line for weeks.
pub const OUTAGES_WEEKS: u64 = 40;
/// Power cuts between two writes.
pub const POWER_CUTS: u64 = 200;
/// Writes that fail, or during which power is lost.
pub const BAD_WRITES: u64 = 60;
/// Disks that run full.
pub const FULL_DISKS: u64 = 12;
/// Disks that are lost and restored from a backup that is some days old.
pub const RESTORES: u64 = 10;
/// Clocks that jump: an empty battery (2019), or some days ahead.
pub const CLOCKS: u64 = 40;
/// Attacks of the machine in bad hands.
pub const ATTACKS: u64 = 8;

// --- the virtual day, in milliseconds since midnight

/// The hour in milliseconds.
pub const HOUR_MS: u64 = 3_600_000;
/// A connection is looked at after so long, and closed when both ends agreed.
pub const HANG_UP_MS: u64 = 60_000;
/// A connection is closed at the latest after so long.
pub const HANG_UP_AT_LAST_MS: u64 = 45 * 60_000;
/// How often an office dials again on one day.
pub const TRIES_A_DAY: u32 = 3;
