//! What must hold on every evening of the year, and at its end, counted by the checks themselves.
//!
//! 1. Nothing is granted twice unseen: two grants of one person that the pack forbids are among the program's doubles,
//!    and a second payment of one grant is listed to be recovered.
//! 2. No missed deadline without an overdue entry: each day that [`super::clock`] counts as missed, and no other, is
//!    among what the program lists as overdue.
//! 3. Every case has a named stage and, when it is open, a turn of somebody who can act.
//! 4. Sums: grants and payments by village, kind and month, counted from events, equal those of the books; the city's
//!    of a village equal the village's own; annual files hold neither more nor less.
//! 5. Offices with the same entries of an area and the same control give its cases the same meaning.

use super::office::{Books, Seen, is_granted, overdue};
use crate::world::World;
use shouwang_protocol::annual::{self, AidSource, CaseOf};
use shouwang_protocol::area::{AreaId, Tier};
use shouwang_protocol::doubles::doubles;
use shouwang_protocol::hash::Hash;
use shouwang_protocol::record::{CaseId, Kind, RecordId};
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::household::Household;
use shouwang_protocol::records::then::Then;
use shouwang_protocol::standing::Stage;
use shouwang_protocol::store::Store;
use std::collections::{BTreeMap, BTreeSet};

type Found = Result<(), (&'static str, String)>;
/// Grants and payments by village, kind, month and whether it is a payment: how many, and fen.
type Sums = BTreeMap<(AreaId, String, String, bool), (u64, i64)>;

/// One grant as the checks count it.
struct Counted {
    case: CaseId,
    kind: String,
    cause: String,
    day: Option<Day>,
    runs_until: Option<Option<Day>>,
    void: bool,
}

impl World {
    /// A day is over.
    pub(crate) fn dusk(&mut self, _number: u64) {
        if !self.works_by_day() {
            return;
        }
        self.year.tally.evenings += 1;
        self.year.is_evening = true;
        for node in 0..self.nodes.len() {
            let quiet = !self.nodes[node].retired
                && self.network.of(node).is_empty()
                && self.replica(node).is_some_and(|replica| !replica.is_in_doubt());
            if !quiet {
                continue;
            }
            self.refresh(node);
            let Some(office) = self.year.offices.get_mut(&node) else { continue };
            if std::mem::take(&mut office.is_fresh) {
                self.check_node(node);
                self.judge(node);
            }
            if self.failure.is_none()
                && let Err((what, why)) = self.deadlines(node)
            {
                self.fail(what, why);
            }
        }
        self.year.is_evening = false;
        if self.failure.is_none()
            && let Err((what, why)) = self.compare_sums()
        {
            self.fail(what, why);
        }
    }

    fn judge(&mut self, node: usize) {
        self.year.tally.checked += 1;
        let found = self.stages(node).and_then(|()| self.meanings(node)).and_then(|()| self.granted_twice(node));
        if let Err((what, why)) = found {
            self.fail(what, why);
        }
    }

    /// The end of the year, everywhere.
    pub(crate) fn check_year(&mut self) -> Found {
        for node in (0..self.nodes.len()).filter(|node| !self.nodes[*node].retired).collect::<Vec<_>>() {
            self.refresh(node);
            self.deadlines(node)?;
            self.stages(node)?;
            self.meanings(node)?;
            self.granted_twice(node)?;
            let unknown = self.year.offices.get(&node).into_iter().flat_map(|office| office.cases.iter());
            if let Some((case, seen)) = unknown.into_iter().find(|(_, seen)| seen.standing.stage == Stage::Unknown) {
                let items = seen.standing.timeline.iter();
                let there: Vec<_> = items.map(|item| (item.tier, item.event.what.kind(), item.event.by, &item.effect)).collect();
                return Err(("stage", format!("node {node}: the first word of case {case:?} is nowhere; there is {there:?}")));
            }
            if self.office_tier(self.office_index(node)) > Tier::Village {
                self.annual_files(node)?;
            }
        }
        self.compare_sums()
    }

    /// What is missed and what is listed as overdue, day by day.
    fn deadlines(&mut self, node: usize) -> Found {
        let (today, sabotage) = (self.today(), self.year.sabotage);
        let index = self.office_index(node);
        let Some(office) = self.year.offices.get(&node) else { return Ok(()) };
        let mut late = 0;
        for case in &office.open {
            let Some(seen) = office.cases.get(case) else { continue };
            let missed: Vec<Day> = seen.dues.iter().copied().filter(|due| *due < today).collect();
            let listed = overdue(&seen.standing, today, sabotage);
            if missed != listed {
                let stage = seen.standing.stage.word();
                let why = format!("node {node}, {today}, case {case:?} ({stage}): missed {missed:?}, listed {listed:?}");
                return Err(("overdue", why));
            }
            late += missed.len() as u64;
        }
        *self.year.tally.overdue.entry(index).or_default() += late;
        Ok(())
    }

    /// Every case has a named stage and, when it is open, somebody who can act.
    fn stages(&mut self, node: usize) -> Found {
        let Some(office) = self.year.offices.get(&node) else { return Ok(()) };
        for (case, seen) in &office.cases {
            if let Some(why) = &seen.stuck {
                return Err(("stage", format!("node {node}: case {case:?}: {why}")));
            }
            if Stage::from_word(seen.standing.stage.word()) != Some(seen.standing.stage) {
                return Err(("stage", format!("node {node}: case {case:?} is in no named stage")));
            }
        }
        Ok(())
    }

    /// The same entries and the same control, the same meaning.
    fn meanings(&mut self, node: usize) -> Found {
        let Some(office) = self.year.offices.get(&node) else { return Ok(()) };
        let Some(replica) = self.replica(node) else { return Ok(()) };
        let control = replica.control_digest().0.to_le_bytes();
        let mut places: BTreeMap<_, Vec<u8>> = BTreeMap::new();
        for (case, seen) in &office.cases {
            let text = places.entry(seen.place).or_default();
            text.extend(case.0);
            text.extend(seen.hash.0);
        }
        let mut fresh = Vec::new();
        for (place, text) in places {
            let digest = replica.frontier().digest_at(&place).0.to_le_bytes();
            let area = place.area.raw().to_le_bytes();
            let key = Hash::of("place", &[&area, &[place.floor.number()], &digest, &control]);
            fresh.push((key, Hash::of("cases", &[&text]), place));
        }
        for (key, hash, place) in fresh {
            let (other, first) = self.year.meanings.entry(key).or_insert((hash, node));
            if *other != hash {
                return Err(("views", format!("nodes {first} and {node} give the cases of {place:?} different meanings")));
            }
        }
        Ok(())
    }

    /// Grants that the pack forbids, counted here, against the program's doubles.
    fn granted_twice(&mut self, node: usize) -> Found {
        let Some(office) = self.year.offices.get(&node) else { return Ok(()) };
        let mut by_person: BTreeMap<String, Vec<Counted>> = BTreeMap::new();
        let mut wanted: Vec<(CaseId, RecordId)> = Vec::new();
        for (case, seen) in &office.cases {
            let (again, listed) = (seen.ledger.times_again(), seen.standing.paid_again().count());
            if again != listed {
                return Err(("paid twice", format!("node {node}: case {case:?}: {again} times too often, {listed} to recover")));
            }
            if granted_on(seen).is_some() {
                wanted.extend(seen.standing.household.map(|household| (*case, household)));
            }
        }
        for (case, household) in wanted {
            let mut names = self.persons(node, household);
            names.insert(household.to_string());
            let Some(seen) = self.year.offices.get(&node).and_then(|office| office.cases.get(&case)) else { continue };
            let Some(day) = granted_on(seen) else { continue };
            let (kind, cause) = (seen.ledger.kind().to_owned(), seen.ledger.cause.clone());
            let (void, runs_until) = (seen.ledger.is_void(), seen.ledger.runs_until());
            for name in names {
                let counted = Counted { case, kind: kind.clone(), cause: cause.clone(), day, runs_until, void };
                by_person.entry(name).or_default().push(counted);
            }
        }
        let grants = self.grants(node);
        let raised: BTreeSet<(CaseId, CaseId)> = doubles(&grants, &self.year.product)
            .iter()
            .filter_map(|double| Some((double.grants.0.case, double.grants.1?.case)))
            .map(|(a, b)| (a.min(b), a.max(b)))
            .collect();
        for all in by_person.values() {
            for (at, a) in all.iter().enumerate() {
                for b in &all[at + 1..] {
                    let pair = (a.case.min(b.case), a.case.max(b.case));
                    if self.forbidden(a, b) && !raised.contains(&pair) {
                        let (a, b) = ((a.case, a.day), (b.case, b.day));
                        return Err(("double grant", format!("node {node}: {a:?} and {b:?}, and nobody was told")));
                    }
                }
            }
        }
        Ok(())
    }

    fn forbidden(&self, a: &Counted, b: &Counted) -> bool {
        if a.void || b.void || a.case == b.case {
            return false;
        }
        let (first, second) = if (a.day, a.case) < (b.day, b.case) { (a, b) } else { (b, a) };
        let apart = match first.runs_until {
            // A benefit that is paid every month is had for as long as it runs.
            Some(Some(end)) if second.day.is_some_and(|day| day >= end) => return false,
            Some(_) => 0,
            None => a.day.zip(b.day).map_or(0, |(a, b)| (a.0 - b.0).unsigned_abs()),
        };
        let known = |kind: &str| self.year.pack.kind(kind).filter(|kind| is_granted(&kind.decides));
        let (Some(kind), Some(_)) = (known(&a.kind), known(&b.kind)) else { return false };
        if a.kind == b.kind {
            let (days, by_cause) = kind.repeat.map_or((365, false), |repeat| (repeat.days, repeat.by_cause));
            return apart < days && (!by_cause || a.cause == b.cause || a.cause.is_empty() || b.cause.is_empty());
        }
        let both = |kinds: &[String]| kinds.contains(&a.kind) && kinds.contains(&b.kind);
        self.year.pack.exclusions.iter().any(|exclusion| both(&exclusion.kinds) && apart < exclusion.days)
    }

    /// Sums of the events and of the books at each office; a village's at the city and at the village.
    fn compare_sums(&mut self) -> Found {
        let mut at_city: Sums = Sums::new();
        for node in 0..self.nodes.len() {
            let Some(office) = self.year.offices.get(&node).filter(|_| !self.nodes[node].retired) else { continue };
            let (mut counted, mut books) = (Sums::new(), Sums::new());
            for seen in office.cases.values() {
                add(&mut counted, seen, &from_events(seen));
                add(&mut books, seen, &seen.books);
            }
            if counted != books {
                let lost =
                    counted.iter().find(|(key, sum)| books.get(key) != Some(sum)).map(|(key, sum)| format!("{key:?} {sum:?}"));
                return Err(("sums", format!("node {node}: events and books differ: {lost:?}")));
            }
            if node == 0 {
                at_city = counted;
                continue;
            }
            if self.office_tier(self.office_index(node)) > Tier::Village {
                continue;
            }
            let area = self.city.areas[self.office_index(node)].id;
            let digest = |node: usize| {
                self.replica(node).map(|replica| (replica.control_digest(), replica.frontier().digest_at(&World::casework(area))))
            };
            if digest(node).is_none() || digest(node) != digest(0) {
                continue;
            }
            let of_village = |sums: &Sums| {
                sums.iter().filter(|((of, ..), _)| *of == area).map(|(key, sum)| (key.clone(), *sum)).collect::<Sums>()
            };
            let (there, here) = (of_village(&at_city), of_village(&counted));
            if there != here {
                return Err((
                    "sums",
                    format!("the city's sums of the village of node {node} are not the village's: {there:?} {here:?}"),
                ));
            }
        }
        Ok(())
    }

    /// Annual files of all households against the events of their cases.
    fn annual_files(&mut self, node: usize) -> Found {
        let today = self.today();
        let Some(office) = self.year.offices.get(&node) else { return Ok(()) };
        let Some(replica) = self.replica(node) else { return Ok(()) };
        let mut of_household: BTreeMap<RecordId, Vec<(CaseId, &Seen)>> = BTreeMap::new();
        for (case, seen) in &office.cases {
            if let Some(household) = seen.standing.household {
                of_household.entry(household).or_default().push((*case, seen));
            }
        }
        for year in [2025, 2026, 2027] {
            for (record, cases) in &of_household {
                let Some(known) = replica.record(record).ok().flatten().filter(|known| known.kind == Kind::HOUSEHOLD) else {
                    continue;
                };
                let facts = replica.store().changes(record).unwrap_or_default();
                let written = facts.iter().filter_map(|fact| {
                    let day = Day(i32::try_from(fact.claimed_ms.div_euclid(86_400_000)).ok()?);
                    Some((automerge::ChangeHash(fact.hash), day))
                });
                let then = Then::of(&known.doc, &written.collect(), annual::last_day(year));
                let all: Vec<CaseOf<'_>> =
                    cases.iter().map(|(case, seen)| CaseOf { case: *case, standing: &seen.standing }).collect();
                let file = annual::file(record, year, today, Household::read(&known.doc), then, &all);
                let payments = file.aid.iter().filter(|line| matches!(line.source, AidSource::Payment { .. }));
                let listed: i64 = payments.filter_map(|line| line.amount).map(|fen| fen.0).sum();
                let counted: i64 = cases
                    .iter()
                    .flat_map(|(_, seen)| from_events(seen).paid)
                    .filter(|(_, day, _)| day.is_some_and(|day| day.ymd().0 == year))
                    .map(|(.., fen)| fen)
                    .sum();
                let total: i64 = file.aid.iter().filter_map(|line| line.amount).map(|fen| fen.0).sum();
                if listed != counted || total != file.total.0 || file.by_kind.values().map(|fen| fen.0).sum::<i64>() != total {
                    let why =
                        format!("node {node}: the file {year} of {record:?} has {listed} fen of payments, events {counted}");
                    return Err(("sums", why));
                }
            }
        }
        Ok(())
    }
}

/// The day on which a case was granted, as the events have it; the outer none: it was not.
fn granted_on(seen: &Seen) -> Option<Option<Day>> {
    if seen.ledger.is_given_up() || seen.ledger.is_unconfirmed() {
        return None;
    }
    match seen.ledger.decision {
        Some((approved, _, day)) => approved.then_some(day),
        None => seen.ledger.approved_by_department,
    }
}

/// What was granted and paid, from the events.
fn from_events(seen: &Seen) -> Books {
    let stands = !seen.ledger.is_given_up() && !seen.ledger.is_unconfirmed();
    let decided = seen.ledger.decision.filter(|(approved, ..)| *approved && stands);
    Books {
        granted: decided.map(|(_, amount, day)| (seen.ledger.kind().to_owned(), day, amount)).into_iter().collect(),
        paid: seen.ledger.paid().collect(),
    }
}

fn add(sums: &mut Sums, seen: &Seen, books: &Books) {
    for (paid, all) in [(false, &books.granted), (true, &books.paid)] {
        for (kind, day, fen) in all {
            let month = day.map(|day| day.to_string()[..7].to_owned()).unwrap_or_default();
            let sum = sums.entry((seen.place.area, kind.clone(), month, paid)).or_default();
            *sum = (sum.0 + 1, sum.1 + fen);
        }
    }
}
