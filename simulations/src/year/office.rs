//! What an office knows: the meaning of each case it holds, read again when something of it arrived.
//!
//! What the program says passes through [`told`] and [`books`], where a test may spoil it.

use super::clock::Ledger;
use super::{Sabotage, Year};
use crate::cases;
use crate::disk::SimStore;
use crate::world::{State, World};
use shouwang_protocol::account::{Account, Outcome};
use shouwang_protocol::area::{AreaId, Tier};
use shouwang_protocol::doubles::Grant;
use shouwang_protocol::entry::EntryRef;
use shouwang_protocol::frontier::Digest;
use shouwang_protocol::hash::Hash;
use shouwang_protocol::record::{CaseId, Kind, Lane, Place, RecordId, RecordRef};
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::event::EventKind;
use shouwang_protocol::records::household::Household;
use shouwang_protocol::records::policy::Decides;
use shouwang_protocol::records::staff::Role;
use shouwang_protocol::replica::Replica;
use shouwang_protocol::standing::{Person, Stage, Standing, Turn, Who, possible};
use shouwang_protocol::store::Store;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What an office knows.
#[derive(Default)]
pub(super) struct Office {
    /// Whether it has everything that it may have had before: a new laptop waits for its first call.
    pub(super) is_ready: bool,
    /// When it last agreed with its superior.
    pub(super) agreed_at: u64,
    /// The cases, by id.
    pub(super) cases: BTreeMap<CaseId, Seen>,
    /// Those that are not closed.
    pub(super) open: BTreeSet<CaseId>,
    /// The persons of households that were asked for.
    pub(super) persons: BTreeMap<RecordId, BTreeSet<String>>,
    /// Whether something came since it was checked.
    pub(super) is_fresh: bool,
    at: Option<Known>,
    waiting: BTreeSet<EntryRef>,
}

/// Up to where a replica was read.
#[derive(Clone, Copy, PartialEq)]
struct Known {
    epoch: u64,
    position: u64,
    control: Digest,
    evidence: usize,
}

/// A case as an office sees it.
pub(super) struct Seen {
    pub(super) place: Place,
    pub(super) standing: Arc<Standing>,
    /// Of the meaning, to compare with other offices'.
    pub(super) hash: Hash,
    /// The same case, counted by the checks.
    pub(super) ledger: Ledger,
    /// When somebody must act, as the checks count.
    pub(super) dues: Vec<Day>,
    /// Who should act and cannot; none: somebody can.
    pub(super) stuck: Option<String>,
    /// What the books say: grants and payments.
    pub(super) books: Books,
}

/// Kind, day and fen of what was granted and paid.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Books {
    pub(super) granted: Vec<(String, Option<Day>, i64)>,
    pub(super) paid: Vec<(String, Option<Day>, i64)>,
}

/// What the program says a case means.
fn told(mut standing: Standing, sabotage: Option<Sabotage>) -> Standing {
    match sabotage {
        Some(Sabotage::NobodyPreExamines) if standing.stage == Stage::ToPreExamine => standing.turns.clear(),
        Some(Sabotage::SecondPaymentsUnseen) => {
            standing.payouts.retain(|payout| payout.state != shouwang_protocol::standing::PayoutState::Again);
        }
        _ => {}
    }
    standing
}

/// What the program's books say of a case.
fn books(case: &CaseId, standing: &Standing, sabotage: Option<Sabotage>) -> Books {
    let mut books = Books::default();
    let Some(account) = Account::of(standing) else { return books };
    if let Some(decision) = standing.decision.as_ref().filter(|_| account.outcome == Outcome::Approved) {
        books.granted.push((standing.assistance.clone(), decision.day, decision.amount.0));
    }
    books.paid.extend(account.payments.iter().map(|paid| (paid.kind.clone(), paid.day, paid.amount.0)));
    if sabotage == Some(Sabotage::PaymentsLost) && case.0[0].is_multiple_of(8) {
        books.paid.clear();
    }
    books
}

/// What the program lists as overdue.
pub(super) fn overdue(standing: &Standing, today: Day, sabotage: Option<Sabotage>) -> Vec<Day> {
    let hidden = |turn: &&Turn| !(sabotage == Some(Sabotage::TransfersNeverOverdue) && matches!(turn.who, Who::Target(_)));
    let mut dues: Vec<Day> = standing.overdue(today).filter(hidden).filter_map(|turn| turn.due).collect();
    dues.sort_unstable();
    dues
}

/// The staff of every office: who enters, who examines, who decides.
pub(super) const STAFF: [(&str, Role); 3] = [("s1", Role::Intake), ("s2", Role::Reviewer), ("s3", Role::Approver)];

impl World {
    /// Reads what came to a node since it was read last.
    pub(super) fn refresh(&mut self, node: usize) {
        let World { nodes, year, city, .. } = self;
        let State::Up(engine) = &nodes[node].state else { return };
        let replica = engine.replica();
        if replica.is_in_doubt() {
            return;
        }
        let evidence = replica.store().content().evidence().len();
        let known =
            Known { epoch: replica.store().epoch(), position: replica.position(), control: replica.control_digest(), evidence };
        let mut office = year.offices.remove(&node).unwrap_or_default();
        if office.at == Some(known) && office.waiting.len() == replica.waiting() {
            year.offices.insert(node, office);
            return;
        }
        let before = office.at.replace(known);
        office.is_ready |= node < city.founded;
        let same = |before: &Known| {
            let Known { epoch, control, evidence, .. } = *before;
            (epoch, control, evidence) == (known.epoch, known.control, known.evidence)
        };
        let seamless = before.filter(|before| same(before) && before.position <= known.position);
        let mut touched: BTreeMap<CaseId, Place> = BTreeMap::new();
        let since = seamless.map_or(0, |before| before.position);
        if seamless.is_none() {
            office = Office { is_ready: office.is_ready, agreed_at: office.agreed_at, at: office.at, ..Office::default() };
        }
        for (log, first) in replica.store().gained_since(since, usize::MAX).ok().flatten().unwrap_or_default() {
            if log.place.lane == Lane::Control {
                continue;
            }
            for entry in replica.store().entries(&log, first, usize::MAX).unwrap_or_default() {
                if entry.position <= since {
                    continue;
                }
                for pair in &entry.entry.pairs {
                    match pair.record_ref() {
                        Some(RecordRef::Volume(case, _)) => drop(touched.insert(case, log.place)),
                        Some(RecordRef::Known(record)) => drop(office.persons.remove(&record)),
                        _ => {}
                    }
                }
            }
        }
        // What waited and waits no more has come to effect, however long ago it arrived.
        let waiting: BTreeSet<EntryRef> =
            replica.store().waiting().unwrap_or_default().into_iter().map(|(entry, _)| entry).collect();
        for at in office.waiting.difference(&waiting) {
            let Some(log) = replica.frontier().log_named(&at.log) else { continue };
            let entry = replica.store().entry(&log, at.sequence).ok().flatten();
            for pair in entry.iter().flat_map(|entry| &entry.entry.pairs) {
                match pair.record_ref() {
                    Some(RecordRef::Volume(case, _)) => drop(touched.insert(case, log.place)),
                    Some(RecordRef::Known(record)) => drop(office.persons.remove(&record)),
                    _ => {}
                }
            }
        }
        office.waiting = waiting;
        for (case, place) in touched {
            let seen = read(year, replica, case, place);
            // A hostile machine wrote of a case, and nothing of it counts.
            if seen.standing.timeline.is_empty() {
                office.cases.remove(&case);
                office.open.remove(&case);
                continue;
            }
            *year.tally.stages.entry(seen.standing.stage).or_default() += 1;
            if seen.standing.stage.is_done() && seen.standing.turns.is_empty() {
                office.open.remove(&case);
            } else {
                office.open.insert(case);
            }
            office.cases.insert(case, seen);
        }
        office.is_fresh = true;
        year.offices.insert(node, office);
    }

    /// The persons of a household, as a node knows them.
    pub(super) fn persons(&mut self, node: usize, record: RecordId) -> BTreeSet<String> {
        let World { nodes, year, .. } = self;
        let State::Up(engine) = &nodes[node].state else { return BTreeSet::new() };
        let office = year.offices.entry(node).or_default();
        if let Some(persons) = office.persons.get(&record) {
            return persons.clone();
        }
        let doc = engine.replica().record(&record).ok().flatten().filter(|known| known.kind == Kind::HOUSEHOLD);
        let persons: BTreeSet<String> = doc.map_or_else(BTreeSet::new, |known| {
            let household = Household::read(&known.doc);
            let present = household.members.iter().filter(|member| member.is_present());
            present.filter_map(|member| member.id()).map(|id| id.long()).collect()
        });
        office.persons.insert(record, persons.clone());
        persons
    }

    /// What an office's books hold as granted, with the persons it was granted to.
    pub(super) fn grants(&mut self, node: usize) -> Vec<Grant> {
        let today = self.today();
        let Some(office) = self.year.offices.get(&node) else { return Vec::new() };
        let granted = |seen: &&Seen| {
            let outcome = Account::of(&seen.standing).map(|account| account.outcome);
            seen.standing.is_application && outcome == Some(Outcome::Approved)
        };
        let mut grants: Vec<Grant> = Vec::new();
        for (case, seen) in &office.cases {
            if granted(&seen) {
                grants.push(Grant::of(*case, seen.place.area, &seen.standing, today));
            }
        }
        for grant in &mut grants {
            grant.persons = grant.household.map(|household| self.persons(node, household)).unwrap_or_default();
        }
        grants
    }
}

fn read(year: &Year, replica: &Replica<SimStore>, case: CaseId, place: Place) -> Seen {
    let (standing, _) = cases::read(replica, &year.product, case, &place);
    let ledger = Ledger::of(&standing, &year.pack);
    let standing = told(standing, year.sabotage);
    let hash = Hash::of("meaning", &[format!("{standing:?}").as_bytes()]);
    let dues = ledger.dues(&year.pack, &year.almanac);
    let stuck = stuck(year, replica, &standing, place.area);
    let books = books(&case, &standing, year.sabotage);
    Seen { place, standing: Arc::new(standing), hash, ledger, dues, stuck, books }
}

/// Why nobody can move an open case; none: somebody can, or it is closed.
fn stuck(year: &Year, replica: &Replica<SimStore>, standing: &Standing, area: AreaId) -> Option<String> {
    if standing.stage.is_done() || standing.stage == Stage::Unknown {
        return None;
    }
    if standing.turns.is_empty() {
        return Some(format!("{} is nobody's turn", standing.stage.word()));
    }
    let control = replica.control();
    // A plea without a village has no office below the city's.
    let lowest = control.divisions.get(area).map_or(Tier::Village, |area| area.tier);
    let office_of = |tier: Tier| {
        let tier = tier.max(lowest);
        let mut up = control.divisions.path_up(area);
        up.find(|area| control.divisions.get(*area).is_some_and(|area| area.tier == tier))
            .and_then(|area| control.office_at(area))
            .map(|office| office.id)
    };
    let office_staff = |tier: Tier| -> Vec<Person> {
        let tier = tier.max(lowest);
        let Some(office) = office_of(tier) else { return Vec::new() };
        let person = |(staff, role): &(&str, Role)| Person {
            tier,
            office,
            staff: (*staff).to_owned(),
            roles: [*role].into(),
            department: String::new(),
            provider: String::new(),
        };
        STAFF.iter().map(person).collect()
    };
    let persons = |turn: &Turn| match &turn.who {
        Who::Tier(tier) => office_staff(*tier),
        // Whoever takes the applicant's papers.
        Who::Applicant => office_staff(Tier::Township),
        Who::Target(target) => {
            use shouwang_protocol::records::event::TargetKind;
            let (role, department, provider) = match target.kind {
                TargetKind::Office => return Tier::ALL.into_iter().flat_map(office_staff).collect(),
                TargetKind::Department => (Role::Department, target.id.clone(), String::new()),
                TargetKind::Provider => (Role::Provider, String::new(), target.id.clone()),
            };
            let office = office_of(Tier::City).unwrap_or_default();
            vec![Person { tier: Tier::City, office, staff: "d1".into(), roles: [role].into(), department, provider }]
        }
    };
    let moves = |person: &Person| {
        // What may be written at any time moves nothing.
        use EventKind::*;
        let idle = [
            Note,
            FormFilled,
            Satisfaction,
            Withdrawn,
            Urged,
            DoubleFound,
            NeedsAssessed,
            Booked,
            CheckAuthorised,
            CheckUnauthorised,
            Consented,
            ConsentWithdrawn,
        ];
        possible(standing, &year.product, person).into_iter().any(|kind| !idle.contains(&kind))
    };
    let can = standing.turns.iter().any(|turn| persons(turn).iter().any(moves));
    (!can).then(|| format!("{}: {:?} cannot act", standing.stage.word(), standing.turns[0]))
}

/// Whether a kind is granted at all.
pub(super) fn is_granted(decides: &Decides) -> bool {
    *decides != Decides::Nobody
}
