//! The people: what they do at their own node, with or without a network.
//!
//! A person sees what the node shows and does only what is possible there; the generator lists what is possible and
//! chooses, it never tries and discards. When a node says nothing or an error, the person does the same again, with
//! the same action id. What a node acknowledged goes into the model.

use crate::cases;
use crate::households;
use crate::trace::Dice;
use crate::world::{Event, World};
use serde_json::{Map, Value};
use shouwang_protocol::area::{Area, AreaId, Tier};
use shouwang_protocol::control::{Office, device, divisions};
use shouwang_protocol::device::{Certificate, DeviceKey, OfficeId};
use shouwang_protocol::entry::EntryRef;
use shouwang_protocol::hash::Hash;
use shouwang_protocol::record::{ActionId, CaseId, Kind, Lane, Place, RecordId, RecordRef};
use shouwang_protocol::records::event;
use shouwang_protocol::records::import::{self, Row};
use shouwang_protocol::records::staff::{self, Role, Staff};
use shouwang_protocol::records::{Edit, OpId, case};
use shouwang_protocol::replica::{Action, CommitError, Done, Draft};
use shouwang_protocol::store::{Store, StoreError};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

/// A change that can be made again, should it have to be.
#[derive(Clone)]
pub enum Change {
    /// Part of a new household.
    Household(usize, usize),
    /// Part of a new household of this row.
    Row(Arc<Row>, usize),
    /// A field of a member.
    Member(OpId, &'static str, Value),
    /// A new member.
    NewMember(Map<String, Value>),
    /// A machine is enrolled.
    Enrolled(DeviceKey, Certificate),
    /// A field of a household.
    Field(&'static str, Value),
    /// A row of aid.
    Aid(u64),
    /// An event of a case.
    Event(event::Event),
    /// A new member of staff.
    Staff(Staff),
    /// An account shut or opened.
    Disabled(bool),
    /// Areas added or changed.
    Areas(Vec<Area>),
    /// Offices added or changed.
    Offices(Vec<Office>),
    /// A renewed certificate.
    Renewal(u32, Certificate),
    /// A decider's logs, up to where it decided.
    HandOver(Vec<(Hash, u64)>),
    /// Logs closed.
    Closing(Vec<(Hash, u64)>),
    /// A device revoked.
    Revocation(Vec<(Hash, u64)>),
    /// A branch chosen.
    Choice(EntryRef, Hash),
}

impl Change {
    fn edit(&self) -> Edit {
        let nothing = || shouwang_protocol::records::edit(|_| Ok(()));
        match self {
            Change::Household(row, part) => import::create(&rows()[*row]).into_iter().nth(*part).unwrap_or_else(nothing),
            Change::Row(row, part) => import::create(row).into_iter().nth(*part).unwrap_or_else(nothing),
            Change::Member(member, name, value) => import::set_member(member, name, value).unwrap_or_else(|_| nothing()),
            Change::NewMember(member) => import::add_member(member).unwrap_or_else(|_| nothing()),
            Change::Enrolled(key, certificate) => device::create(*key, 1, certificate),
            Change::Field(name, value) => import::set(name, value).unwrap_or_else(|_| nothing()),
            Change::Aid(number) => {
                let mut row = Map::new();
                row.insert("no".into(), format!("A{number}").into());
                row.insert("program".into(), "临时救助".into());
                row.insert("date".into(), "2026-09-14".into());
                row.insert("amount".into(), (number % 900 + 50).into());
                import::add_aid(&row).unwrap_or_else(|_| nothing())
            }
            Change::Event(event) => case::append(event),
            Change::Staff(person) => staff::create(person),
            Change::Disabled(disabled) => staff::set_disabled(*disabled),
            Change::Areas(areas) => divisions::put_areas(areas.clone()),
            Change::Offices(offices) => divisions::put_offices(offices.clone()),
            Change::Renewal(serial, certificate) => device::renew(*serial, certificate),
            Change::HandOver(lengths) => device::hand_over(lengths.clone()),
            Change::Closing(lengths) => device::close(lengths.clone()),
            Change::Revocation(lengths) => device::revoke("遗失".into(), lengths.clone()),
            Change::Choice(at, head) => device::choose(*at, *head),
        }
    }
}

/// An action that can be done again.
#[derive(Clone)]
pub struct Deed {
    /// Its id.
    pub id: ActionId,
    /// Who does it.
    pub staff: &'static str,
    /// What the person saw besides what is changed.
    pub shown: Vec<RecordId>,
    /// The changes.
    pub changes: Vec<(Place, RecordRef, Change)>,
    /// The case it grants something to, as far as it counted when the person decided to do it.
    pub grant: Option<(CaseId, cases::Grant)>,
}

/// The people of a run, and what they know of each other's work.
pub struct People {
    /// Actions that a node acknowledged.
    pub acknowledged: u64,
    /// Cases that were begun, and where.
    pub cases: Vec<(CaseId, Place)>,
    /// Money that went out for a case and did not come back, and decisions made, as counted at the decider.
    pub grants: BTreeMap<CaseId, Vec<(cases::Grant, EntryRef)>>,
    /// Deeds whose outcome is unknown, by node.
    pub doubtful: BTreeMap<usize, Vec<Deed>>,
    pub(crate) dice: Dice,
}

/// Households to import; the same in every run.
fn rows() -> &'static [Row] {
    static ROWS: OnceLock<Vec<Row>> = OnceLock::new();
    ROWS.get_or_init(|| {
        let options = households::Options { n: 64, seed: 7, ..households::Options::default() };
        let lines = households::docs(&options).into_iter().flatten();
        let row = |line: String| import::check_row(&serde_json::from_str(&line).ok()?, |_| true).ok();
        lines.filter_map(row).collect()
    })
}

/// How many edits create each of them.
fn parts(row: usize) -> usize {
    static PARTS: OnceLock<Vec<usize>> = OnceLock::new();
    PARTS.get_or_init(|| rows().iter().map(|row| import::create(row).len()).collect()).get(row).copied().unwrap_or(0)
}

impl People {
    /// Nobody has done anything yet.
    pub fn new(seed: u64) -> People {
        let dice = Dice::new(seed, 2);
        People { acknowledged: 0, cases: Vec::new(), grants: BTreeMap::new(), doubtful: BTreeMap::new(), dice }
    }

    /// When people act.
    pub fn plan(world: &mut World, horizon: u64) {
        let nodes = world.nodes.len();
        let (acts, busy) = match nodes {
            0..=50 => (nodes as u64 * 5 * world.options.days, (0..nodes).collect()),
            // In a big city most of what happens in a run happens in one township, so that something does happen there.
            _ => (200, world.busiest()),
        };
        for _ in 0..acts {
            let dice = &mut world.people.dice;
            let upper = dice.index(busy.len().min(3)).map(|at| busy[at]);
            let node = match dice.weighted(&[40, 45, 15]) {
                0 => upper,
                1 => dice.pick(&busy).copied(),
                _ => dice.index(nodes),
            };
            let wait = dice.between(120_000, horizon);
            world.after(wait, Event::Person(node.unwrap_or(0)));
        }
    }

    /// A new action id.
    pub fn action_id(&mut self) -> ActionId {
        ActionId(self.dice.bytes16())
    }
}

/// What a person at a node can do.
enum Possible {
    Import(AreaId),
    EditHousehold(RecordId, Place),
    OpenCase(AreaId),
    WorkOnCase(CaseId, Place),
    Hire(AreaId),
    ShutAccount(RecordId, Place),
    Backup,
}

/// The place of an area's records in a lane.
pub fn place(area: AreaId, lane: Lane) -> Place {
    Place { area, lane, floor: Tier::Village }
}

impl World {
    /// The city, the township with the most villages, and those.
    pub(crate) fn busiest(&self) -> Vec<usize> {
        let below = |node: usize| (0..self.nodes.len()).filter(move |other| self.nodes[*other].superior == Some(node));
        let township = (1..self.nodes.len()).max_by_key(|node| (below(*node).count(), usize::MAX - node)).unwrap_or(0);
        [0, township].into_iter().chain(below(township)).collect()
    }

    /// A person acts at a node, when it is on.
    pub fn person_acts(&mut self, node: usize) {
        if self.healed_at.is_some() || self.replica(node).is_none() || self.nodes[node].retired {
            return;
        }
        self.do_again_what_is_in_doubt(node);
        if self.options.profile.is_year() {
            return self.office_works(node);
        }
        if self.replica(node).is_none() {
            return;
        }
        self.act_by_chance(node);
    }

    /// What may have been done or not is done again.
    pub(crate) fn do_again_what_is_in_doubt(&mut self, node: usize) {
        for deed in self.people.doubtful.remove(&node).unwrap_or_default() {
            // Where nothing came of it, whoever works on a case looks at it again before acting.
            let done = self.replica(node).and_then(|replica| replica.store().action(&deed.id).ok()).unwrap_or_default();
            let on_case = deed.changes.iter().any(|(_, _, change)| matches!(change, Change::Event(_)));
            if !(on_case && done.is_empty()) && self.do_deed(node, deed).is_some() {
                self.trace.sometimes("done again after doubt");
            }
        }
    }

    fn act_by_chance(&mut self, node: usize) {
        let possible = self.possible(node);
        let weight = |choice: &Possible| match choice {
            Possible::Import(_) => 6,
            Possible::EditHousehold(..) => 14,
            Possible::OpenCase(_) => 3,
            Possible::WorkOnCase(..) => 60,
            Possible::Hire(_) => 2,
            Possible::ShutAccount(..) => 1,
            Possible::Backup => 3,
        };
        let weights: Vec<u64> = possible.iter().map(weight).collect();
        let chosen = self.people.dice.weighted(&weights);
        if let Some(choice) = possible.into_iter().nth(chosen) {
            self.perform(node, choice);
        }
    }

    fn possible(&mut self, node: usize) -> Vec<Possible> {
        let mut out = vec![Possible::Backup];
        let World { nodes, people, .. } = self;
        let crate::world::State::Up(engine) = &nodes[node].state else { return out };
        let (replica, dice) = (engine.replica(), &mut people.dice);
        let control = replica.control();
        let Some(office) = control.office_of(&replica.device()).filter(|_| !control.is_revoked(&replica.device())) else {
            return out;
        };
        let covered = |area: AreaId| office.covers(&control.divisions, area);
        let villages: Vec<AreaId> =
            control.divisions.iter().filter(|area| area.tier == Tier::Village && covered(area.id)).map(|area| area.id).collect();
        if let Some(village) = dice.pick(&villages) {
            out.push(Possible::Import(*village));
            out.push(Possible::OpenCase(*village));
        }
        let mut some = |kind: Kind| {
            let all = replica.store().records_of(kind).unwrap_or_default();
            let id = *dice.pick(&all)?;
            let place = replica.store().record(&id).ok()??.place;
            covered(place.area).then_some((id, place))
        };
        out.extend(some(Kind::HOUSEHOLD).map(|(id, place)| Possible::EditHousehold(id, place)));
        let staff =
            some(Kind::STAFF).filter(|(_, place)| office.tier == Tier::City || office.areas.get(&place.area) == Some(&true));
        out.extend(staff.map(|(id, place)| Possible::ShutAccount(id, place)));
        // What lies on top of the pile.
        let covered_cases = people.cases.iter().rev().filter(|(_, place)| covered(place.area));
        let known: Vec<(CaseId, Place)> = covered_cases.take(3).copied().collect();
        out.extend(people.dice.pick(&known).map(|(case, place)| Possible::WorkOnCase(*case, *place)));
        out.extend(office.areas_now().next().filter(|area| control.divisions.get(*area).is_some()).map(Possible::Hire));
        out
    }

    fn perform(&mut self, node: usize, choice: Possible) {
        let dice = &mut self.people.dice;
        let number = dice.number();
        match choice {
            Possible::Import(area) => {
                for _ in 0..dice.between(1, 2) {
                    self.import(node, area);
                }
            }
            Possible::EditHousehold(id, place) => {
                let change = match number % 5 {
                    0 => Change::Field("phone", format!("138{:08}", number % 100_000_000).into()),
                    1 => Change::Field("income_annual", (number % 40_000).into()),
                    2 => Change::Field("risk", ["大病支出", "无", "住房安全"][(number >> 8) as usize % 3].into()),
                    _ => Change::Aid(number % 1_000_000),
                };
                let deed = self.deed("s1", Vec::new(), vec![(place, RecordRef::Known(id), change)]);
                self.do_deed(node, deed);
            }
            Possible::OpenCase(area) => cases::open(self, node, area),
            Possible::WorkOnCase(case, place) => cases::work_on(self, node, case, place),
            Possible::Hire(area) => {
                let office = self.office_label(node);
                let person = Staff::new(format!("u{}", number % 1000), "陈某", office, [Role::Intake]);
                let deed = self.deed(
                    "s2",
                    Vec::new(),
                    vec![(place(area, Lane::Control), RecordRef::New(Kind::STAFF), Change::Staff(person))],
                );
                self.do_deed(node, deed);
            }
            Possible::ShutAccount(id, place) => {
                let deed =
                    self.deed("s2", Vec::new(), vec![(place, RecordRef::Known(id), Change::Disabled(!number.is_multiple_of(3)))]);
                self.do_deed(node, deed);
            }
            Possible::Backup => self.back_up(node),
        }
    }

    /// The label of a node's office.
    pub fn office_label(&self, node: usize) -> OfficeId {
        self.city.offices[self.city.machines[self.nodes[node].machine].office].id
    }

    fn import(&mut self, node: usize, area: AreaId) {
        let Some(row) = self.people.dice.index(rows().len()) else { return };
        let mut record = RecordRef::New(Kind::HOUSEHOLD);
        for part in 0..parts(row) {
            let change = (place(area, Lane::Registry), record, Change::Household(row, part));
            let deed = self.deed("s1", Vec::new(), vec![change]);
            // An import that was interrupted is begun again by the next one; here it stays as it is.
            let Some(made) = self.do_deed(node, deed).and_then(|done| done.records.first().copied()) else { break };
            record = RecordRef::Known(made);
        }
    }

    /// A new deed.
    pub fn deed(&mut self, staff: &'static str, shown: Vec<RecordId>, changes: Vec<(Place, RecordRef, Change)>) -> Deed {
        Deed { id: self.people.action_id(), staff, shown, changes, grant: None }
    }

    /// A person does something at a node. What the node answered, when it said that it is done.
    pub fn do_deed(&mut self, node: usize, deed: Deed) -> Option<Done> {
        self.do_deeds(node, vec![deed])?.pop()
    }

    /// Several deeds in one write.
    pub fn do_deeds(&mut self, node: usize, deeds: Vec<Deed>) -> Option<Vec<Done>> {
        let now = self.clocks(node);
        let actions = deeds.iter().map(|deed| Action {
            id: deed.id,
            staff: deed.staff.into(),
            claimed_ms: now.wall_ms,
            shown: deed.shown.clone(),
            drafts: deed
                .changes
                .iter()
                .map(|(place, record, change)| Draft { place: *place, record: *record, edit: change.edit() })
                .collect(),
        });
        let actions = actions.collect();
        let result = self.engine(node)?.commit(actions, now);
        self.trace.line(self.now, format_args!("deed {node} {:?} {}", deeds[0].id, result.is_ok()));
        let done = match result {
            Ok((_, done)) => {
                self.acknowledge(node, &done);
                for (deed, done) in deeds.iter().zip(&done) {
                    if let (Some((case, grant)), Some(entry)) = (deed.grant, done.entries.first()) {
                        cases::granted(self, case, grant, *entry);
                    }
                }
                Some(done)
            }
            Err(error) => {
                self.refused_deed(node, deeds, error);
                None
            }
        };
        self.settle(node);
        done
    }

    fn acknowledge(&mut self, node: usize, done: &[Done]) {
        for done in done {
            self.people.acknowledged += 1;
            if done.again {
                self.trace.sometimes("found done already");
            }
            for at in &done.entries {
                let Some(replica) = self.replica(node) else { return };
                let Some(log) = replica.frontier().log_named(&at.log) else {
                    return self.fail("lost", format!("node {node} acknowledges an entry of a log it does not have"));
                };
                match replica.store().entry(&log, at.sequence) {
                    Ok(Some(entry)) => self.model.acknowledge(node, log, at.sequence, entry.hash),
                    _ => return self.fail("lost", format!("node {node} acknowledges an entry it does not have")),
                }
            }
        }
    }

    fn refused_deed(&mut self, node: usize, deeds: Vec<Deed>, error: CommitError) {
        match error {
            CommitError::Store(StoreError::Damaged(why)) => self.fail("damaged", why),
            CommitError::Store(error) => {
                let full = error == StoreError::Full;
                self.trace.sometimes(if full { "deed refused, disk full" } else { "deed in doubt" });
                self.people.doubtful.entry(node).or_default().extend(deeds);
            }
            CommitError::Closed => {
                self.trace.sometimes("own log closed");
                let device = self.nodes[node].device;
                let revoked = self.replica(node).is_some_and(|replica| replica.control().is_revoked(&device));
                if !revoked && !self.nodes[node].retired {
                    self.begin_life(node);
                }
            }
            // A second laptop may have shut what a person was about to change; nothing else is refused to honest people.
            CommitError::UnknownRecord | CommitError::Edit(_) => self.trace.sometimes("edit could not be made"),
            other => self.fail("refused", format!("node {node} refuses an honest deed: {other}")),
        }
    }

    /// A node begins a new life of its logs.
    pub fn begin_life(&mut self, node: usize) {
        let number = self.new_life();
        let incarnation = crate::city::life(self.nodes[node].machine, number);
        self.nodes[node].incarnation = incarnation;
        if let Some(engine) = self.engine(node) {
            engine.begin_incarnation(incarnation);
        }
        self.trace.line(self.now, format_args!("life {node} {number}"));
    }
}
