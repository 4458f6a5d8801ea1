//! A year of work of a real city: 289 offices, 10,000 households, people who work by the calendar.
//!
//! The same nodes, lines, disks and checks as in any run, but time is coarser: offices dial, work and hang up at their
//! hours on working days, so that a year is some millions of events and not billions. People do what `standing` says
//! is their turn, late or wrong as [`rates`] has it. Every evening, at the offices that are quiet, [`judge`] holds what
//! the program says against what it counts itself: grants made twice, deadlines, cases that nobody can move, sums.

mod clock;
mod judge;
mod office;
pub mod rates;
mod report;
mod work;

pub use report::report;

use crate::city::City;
use crate::faults::Strike;
use crate::households;
use crate::people::{Change, place};
use crate::trace::Dice;
use crate::world::{Event, Options, Profile, World};
use clock::Almanac;
use office::Office;
use rates::HOUR_MS;
use shouwang_protocol::area::{AreaId, Tier};
use shouwang_protocol::engine::Connection;
use shouwang_protocol::hash::Hash;
use shouwang_protocol::record::{CaseId, Kind, Lane, Place, RecordId, RecordRef};
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::event::Origin;
use shouwang_protocol::records::import::{self, Row};
use shouwang_protocol::records::policy::{self, Pack, Packs};
use shouwang_protocol::standing::Stage;
use shouwang_protocol::store::memory::MemoryStore;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What must have happened in a whole year, or it tests less than it seems.
pub const SOMETIMES: &[&str] = &[
    "backup restored",
    "laptop lost and replaced",
    "township laptop lost and replaced",
    "offline for weeks",
    "clock wrong",
    "power lost in a write",
    "same form sent twice",
    "form against the rules refused",
    "double settled",
    "decider stopped by an earlier grant",
    "money recovered",
    "paid by two offices",
    "plea routed to a village",
    "household moved",
    "help that came first was not right",
    "benefit changed",
    "benefit stopped",
];

/// What the program says wrongly, to see that the checks of a year notice.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sabotage {
    /// Its calendar has no holidays.
    NoHolidays,
    /// Its overdue list leaves out what departments and providers owe.
    TransfersNeverOverdue,
    /// It takes nothing for granted twice.
    NoDoubles,
    /// It tells nobody of a second payment.
    SecondPaymentsUnseen,
    /// It forgets whose turn a pre-examination is.
    NobodyPreExamines,
    /// Its books lose one payment in eight.
    PaymentsLost,
}

/// Something that a person brings to an office, or that an office has on its desk besides its cases.
#[derive(Clone, Debug)]
enum Errand {
    /// The register of the village is entered.
    Register(Vec<usize>),
    /// A case begins.
    Open { home: Option<usize>, origin: Origin, kind: &'static str, cause: &'static str },
    /// The applicant takes it back.
    GiveUp(CaseId),
    /// A field changes.
    Field(usize),
    /// Somebody dies.
    Death(usize),
    /// A household moves to this village.
    Move(usize, usize),
    /// A member joins.
    Join(usize),
    /// At the city: this machine was lost; a new one is enrolled.
    Lost(usize),
    /// At the city: this node's machine, lost at that time, is revoked, and that node's works in its place.
    Revoke(usize, usize, u64),
}

/// A household of the register.
struct Home {
    record: Option<RecordId>,
    area: AreaId,
    row: Arc<Row>,
}

/// How far a connection is.
#[derive(Default)]
struct Line {
    agreed: [bool; 2],
    last: u64,
    done: bool,
}

/// Counted for the report.
#[derive(Default)]
struct Tally {
    bytes_at_root: u64,
    sessions: u64,
    refused_forms: u64,
    stages: BTreeMap<Stage, u64>,
    overdue: BTreeMap<usize, u64>,
    evenings: u64,
    checked: u64,
    doubles_stopped: u64,
    deeds_without_line: u64,
}

/// A year of work.
pub struct Year {
    /// Whether it is evening, when offices are checked.
    pub(crate) is_evening: bool,
    sabotage: Option<Sabotage>,
    seed: u64,
    dice: Dice,
    homes: Vec<Home>,
    offices: BTreeMap<usize, Office>,
    inbox: BTreeMap<usize, Vec<Errand>>,
    later: BTreeMap<u64, Vec<(usize, Errand)>>,
    spares: BTreeSet<usize>,
    lines: BTreeMap<Connection, Line>,
    pack: Pack,
    product: Packs,
    almanac: Almanac,
    meanings: BTreeMap<Hash, (Hash, usize)>,
    tally: Tally,
}

impl Year {
    /// Before the first day.
    pub fn new(options: Options) -> Year {
        let pack = policy::sample();
        let mut product = pack.clone();
        match options.teeth.sabotage {
            Some(Sabotage::NoHolidays) => product.calendar.off.clear(),
            Some(Sabotage::NoDoubles) => {
                product.exclusions.clear();
                for kind in &mut product.kinds {
                    kind.repeat = Some(policy::Repeat { days: 0, by_cause: false, never: false });
                }
            }
            _ => {}
        }
        Year {
            is_evening: false,
            sabotage: options.teeth.sabotage,
            seed: options.seed,
            dice: Dice::new(options.seed, 5),
            homes: Vec::new(),
            offices: BTreeMap::new(),
            inbox: BTreeMap::new(),
            later: BTreeMap::new(),
            spares: BTreeSet::new(),
            lines: BTreeMap::new(),
            almanac: Almanac::of(&pack),
            product: [(product.version.clone(), product)].into(),
            pack,
            meanings: BTreeMap::new(),
            tally: Tally::default(),
        }
    }

    /// A connection is up.
    pub(crate) fn connected(&mut self, connection: Connection) {
        self.lines.entry(connection).or_default();
    }

    /// A message was sent on a connection (so many bytes of it to or from the city) and arrives then.
    pub(crate) fn sent(&mut self, connection: Connection, bytes: usize, at: u64) {
        if let Some(line) = self.lines.get_mut(&connection) {
            line.last = line.last.max(at);
            self.tally.bytes_at_root += bytes as u64;
        }
    }

    /// Whether a connection was closed because its work is done.
    pub(crate) fn is_done(&self, connection: Connection) -> bool {
        self.lines.get(&connection).is_some_and(|line| line.done)
    }

    /// Whether two offices both pay what was granted, neither knowing of the other.
    fn two_pay(&self, case: &CaseId) -> bool {
        // Who looks for the check of it lets it happen often.
        let rate = if self.sabotage == Some(Sabotage::SecondPaymentsUnseen) { 500 } else { rates::PAID_BY_TWO };
        self.fate(case, "two pay").chance(rate)
    }

    /// What chance has in store for a case: the same whenever it is asked, whoever asks.
    fn fate(&self, case: &CaseId, what: &str) -> Dice {
        let hash = Hash::of("fate", &[&case.0, what.as_bytes(), &self.seed.to_le_bytes()]);
        let mut number = [0; 8];
        number.copy_from_slice(&hash.0[..8]);
        Dice::new(u64::from_le_bytes(number), 7)
    }
}

/// How much of something goes on in this run.
fn scale(profile: Profile, rate: u64) -> u64 {
    match profile {
        // Few households, and many times what they would see in the real city, so that weeks have some of everything.
        Profile::Month => (rate * rates::HOUSEHOLDS_MONTH * rates::MONTH_DENSITY).div_ceil(rates::HOUSEHOLDS),
        _ => rate,
    }
}

/// The register, the first day, and what goes wrong when.
pub fn plan(world: &mut World) {
    let city: &'static City = world.city;
    let n = if world.options.profile == Profile::Month { rates::HOUSEHOLDS_MONTH } else { rates::HOUSEHOLDS };
    let options = households::Options { n, seed: 11, divisions: Some(&city.areas), area: None };
    let villages: Vec<usize> = (0..city.areas.len()).filter(|office| city.areas[*office].tier == Tier::Village).collect();
    for (at, line) in households::docs(&options).into_iter().flatten().enumerate() {
        let row = serde_json::from_str(&line).ok().and_then(|json| import::check_row(&json, |_| true).ok());
        let office = villages[at % villages.len()];
        let Some(row) = row else { continue };
        world.year.homes.push(Home { record: None, area: city.areas[office].id, row: Arc::new(row) });
        match world.year.inbox.entry(office).or_default().first_mut() {
            Some(Errand::Register(all)) => all.push(world.year.homes.len() - 1),
            _ => world.year.inbox.entry(office).or_default().push(Errand::Register(vec![world.year.homes.len() - 1])),
        }
    }
    world.year.spares = (city.founded..city.hostile()).collect();
    world.after(HOUR_MS, Event::Dawn(0));
}

impl World {
    /// The virtual day that it is in truth.
    fn today(&self) -> Day {
        let days = (self.beginning_ms + self.now as i64).div_euclid(86_400_000);
        Day(i32::try_from(days).unwrap_or_default())
    }

    /// The first day of the run.
    fn first_day(&self) -> Day {
        Day(i32::try_from(self.beginning_ms.div_euclid(86_400_000)).unwrap_or_default())
    }

    /// The office that a node belongs to, by its index in the city.
    fn office_index(&self, node: usize) -> usize {
        self.city.machines[self.nodes[node].machine].office
    }

    fn office_tier(&self, office: usize) -> Tier {
        self.city.areas[office].tier
    }

    /// The node with which an office works now.
    fn node_at(&self, office: usize) -> Option<usize> {
        (0..self.nodes.len()).rev().find(|node| !self.nodes[*node].retired && self.office_index(*node) == office)
    }

    fn office_of_area(&self, area: AreaId) -> Option<usize> {
        self.city.areas.iter().position(|other| other.id == area)
    }

    /// How many of something that happens `rate` times in `days` happen today.
    fn happens(&mut self, rate: u64, days: u64) -> u64 {
        let dice = &mut self.year.dice;
        let whole = rate / days;
        whole + u64::from(dice.between(0, days - 1) < rate % days)
    }

    /// A day begins: citizens bring what they bring, lines fail, offices plan their hours.
    pub(crate) fn dawn(&mut self, number: u64) {
        if self.healed_at.is_some() {
            return;
        }
        self.after(86_400_000, Event::Dawn(number + 1));
        self.after(21 * HOUR_MS, Event::Dusk(number));
        let today = self.today();
        for (office, errand) in self.year.later.remove(&number).unwrap_or_default() {
            self.year.inbox.entry(office).or_default().push(errand);
        }
        self.troubles(number);
        let working = self.year.almanac.works(today);
        if number >= rates::REGISTER_DAYS {
            self.arrivals(number, working);
        }
        if !working {
            return;
        }
        for node in 0..self.nodes.len() {
            self.nodes[node].dial_tries = 0;
            let minutes = |world: &mut World, from: u64, to: u64| world.year.dice.between(from * 60_000, to * 60_000);
            // Dawn is at one o'clock.
            match self.office_tier(self.office_index(node)) {
                Tier::Village => {
                    let hours = [minutes(self, 7 * 60, 8 * 60), minutes(self, 8 * 60 + 5, 11 * 60)];
                    self.after(hours[0], Event::Dial(node, u64::MAX));
                    self.after(hours[1], Event::Work(node));
                }
                Tier::Township => {
                    for (from, to) in [(390, 419), (1_000, 1_060)] {
                        let wait = minutes(self, from, to);
                        self.after(wait, Event::Dial(node, u64::MAX));
                    }
                    let wait = minutes(self, 12 * 60, 13 * 60);
                    self.after(wait, Event::Work(node));
                }
                Tier::City => {
                    let wait = minutes(self, 14 * 60, 16 * 60);
                    self.after(wait, Event::Work(node));
                }
            }
        }
    }

    /// What citizens bring today.
    fn arrivals(&mut self, number: u64, working: bool) {
        let profile = self.options.profile;
        // 21 working days in a month; feeds and the web know no Sunday.
        let of_day = |world: &mut World, rate: u64, days: u64| world.happens(scale(profile, rate), days);
        if working {
            for _ in 0..of_day(self, rates::APPLICATIONS, 21) {
                self.application(number);
            }
            for _ in 0..of_day(self, rates::CONSULTATIONS, 21) {
                let office = self.some_office(&[0, 70, 30]);
                self.brings(office, Origin::Consultation, true);
            }
            for (rate, what) in [(rates::FIELD_CHANGES, 0), (rates::DEATHS, 1), (rates::MOVES, 2), (rates::MEMBERS, 3)] {
                for _ in 0..of_day(self, rate, 21) {
                    self.household_changes(what);
                }
            }
        }
        for _ in 0..of_day(self, rates::WARNINGS, 30) {
            self.brings(0, Origin::Warning, true);
        }
        for _ in 0..of_day(self, rates::PLEAS, 30) {
            let known = self.year.dice.chance(600);
            let office = if known { self.some_office(&[60, 20, 20]) } else { 0 };
            self.brings(office, Origin::Plea, known);
        }
    }

    /// An office of a tier drawn by these weights.
    fn some_office(&mut self, weights: &[u64]) -> usize {
        let tier = Tier::ALL[self.year.dice.weighted(weights)];
        let all: Vec<usize> = (0..self.city.areas.len()).filter(|office| self.office_tier(*office) == tier).collect();
        self.year.dice.pick(&all).copied().unwrap_or(0)
    }

    fn some_home(&mut self) -> Option<usize> {
        self.year.dice.index(self.year.homes.len())
    }

    /// The office of a tier that a household of an area goes to.
    fn window(&self, area: AreaId, tier: Tier) -> usize {
        let at = self.office_of_area(area);
        let parent = at.and_then(|at| self.city.areas[at].parent).and_then(|parent| self.office_of_area(parent));
        match tier {
            Tier::Village => at,
            Tier::Township => parent,
            Tier::City => Some(0),
        }
        .unwrap_or(0)
    }

    fn some_kind(&mut self) -> (&'static str, &'static str) {
        let weights: Vec<u64> = rates::KINDS.iter().map(|(_, weight)| *weight).collect();
        let kind = rates::KINDS[self.year.dice.weighted(&weights)].0;
        let causes = ["因病", "因病", "因残", "因学", "因灾", "失业/无业", "因老"];
        (kind, self.year.dice.pick(&causes).copied().unwrap_or("因病"))
    }

    fn application(&mut self, number: u64) {
        let Some(home) = self.some_home() else { return };
        let area = self.year.homes[home].area;
        let tier = Tier::ALL[self.year.dice.weighted(&rates::CHANNELS)];
        let (kind, cause) = self.some_kind();
        let errand = Errand::Open { home: Some(home), origin: Origin::Application, kind, cause };
        let office = self.window(area, tier);
        self.year.inbox.entry(office).or_default().push(errand.clone());
        if self.year.dice.chance(rates::ASKED_TWICE) {
            // The same family asks for the same at another window.
            let other = if tier == Tier::Village { Tier::Township } else { Tier::Village };
            let other = if self.year.dice.chance(300) { Tier::City } else { other };
            let (day, office) = (number + self.year.dice.between(0, 20), self.window(area, other));
            self.year.later.entry(day.max(number + 1)).or_default().push((office, errand));
        }
    }

    fn brings(&mut self, office: usize, origin: Origin, known: bool) {
        let Some(home) = self.some_home() else { return };
        let (kind, cause) = self.some_kind();
        let area = self.year.homes[home].area;
        // Each office has to do with its own people.
        let office = if office == 0 { 0 } else { self.window(area, self.office_tier(office)) };
        let errand = Errand::Open { home: known.then_some(home), origin, kind, cause };
        self.year.inbox.entry(office).or_default().push(errand);
    }

    fn household_changes(&mut self, what: u64) {
        let Some(home) = self.some_home() else { return };
        let area = self.year.homes[home].area;
        let errand = match what {
            0 => Errand::Field(home),
            1 => Errand::Death(home),
            2 => Errand::Move(home, self.some_office(&[1, 0, 0])),
            _ => Errand::Join(home),
        };
        let tier = if self.year.dice.chance(750) { Tier::Village } else { Tier::Township };
        let office = match &errand {
            // Whoever moves is entered at the new village.
            Errand::Move(_, to) => *to,
            _ => self.window(area, tier),
        };
        self.year.inbox.entry(office).or_default().push(errand);
    }

    /// What goes wrong today.
    fn troubles(&mut self, number: u64) {
        let profile = self.options.profile;
        let of_day = |world: &mut World, rate: u64| world.happens(scale(profile, rate), 365);
        for (rate, from, to) in [
            (rates::OUTAGES_HOURS, HOUR_MS, 12 * HOUR_MS),
            (rates::OUTAGES_DAYS, 24 * HOUR_MS, 96 * HOUR_MS),
            (rates::OUTAGES_WEEKS, 7 * 24 * HOUR_MS, 24 * 24 * HOUR_MS),
        ] {
            for _ in 0..of_day(self, rate) {
                let Some(node) = self.year.dice.index(self.nodes.len()) else { continue };
                if node == 0 || self.nodes[node].retired {
                    continue;
                }
                let wait = self.year.dice.between(from, to);
                self.nodes[node].link.up = false;
                self.after(wait, Event::LinkUp(node));
                if from > 5 * 24 * HOUR_MS {
                    self.trace.sometimes("offline for weeks");
                }
            }
        }
        let strikes = [
            (rates::POWER_CUTS, Strike::PowerCut),
            (rates::BAD_WRITES, Strike::BadWrite),
            (rates::FULL_DISKS, Strike::FullDisk),
            (rates::ATTACKS, Strike::Attack),
        ];
        for (rate, strike) in strikes {
            for _ in 0..of_day(self, rate) {
                let wait = self.year.dice.between(6 * HOUR_MS, 16 * HOUR_MS);
                self.after(wait, Event::Strike(strike));
            }
        }
        if number < rates::REGISTER_DAYS {
            return;
        }
        for _ in 0..of_day(self, rates::RESTORES) {
            let Some(node) = self.year.dice.index(self.nodes.len()).filter(|node| !self.nodes[*node].retired) else { continue };
            self.after(HOUR_MS, Event::Strike(Strike::Backup(node)));
            let wait = self.year.dice.between(24 * HOUR_MS, 12 * 24 * HOUR_MS);
            self.after(wait, Event::Strike(Strike::RestoreAt(node)));
        }
        for _ in 0..of_day(self, rates::CLOCKS) {
            let Some(node) = self.year.dice.index(self.nodes.len()) else { continue };
            let days = if self.year.dice.chance(600) { -2_600 } else { self.year.dice.between(0, 12) as i64 - 6 };
            self.nodes[node].skew_ms = days * 86_400_000;
            self.trace.sometimes("clock wrong");
        }
        for node in 0..self.nodes.len() {
            // Somebody looks at the clock and puts it right.
            if self.nodes[node].skew_ms != 0 && self.year.dice.chance(120) {
                self.nodes[node].skew_ms = 0;
            }
        }
        let lost = self.city.hostile() - self.city.founded;
        if self.happens(lost as u64, self.options.days - rates::REGISTER_DAYS) > 0
            && let Some(machine) = self.year.spares.pop_first()
        {
            self.laptop_is_lost(machine);
        }
    }

    /// An office's laptop is stolen, with what it had not sent; there is a new one in the cupboard.
    fn laptop_is_lost(&mut self, spare: usize) {
        let office = self.city.machines[spare].office;
        let Some(node) = self.node_at(office) else { return };
        self.trace.line(self.now, format_args!("lost {node}"));
        self.crash(node);
        self.nodes[node].retired = true;
        self.people.doubtful.remove(&node);
        self.forget_the_lost();
        self.year.inbox.entry(0).or_default().push(Errand::Lost(spare));
    }

    /// The city enrols a new laptop, which begins empty, in the place of one that was lost.
    fn replace(&mut self, spare: usize) {
        let office = self.city.machines[spare].office;
        let Some(old) = (0..self.nodes.len()).rev().find(|node| self.office_index(*node) == office) else { return };
        let superior = self.nodes[old].superior;
        let device = self.city.device(spare);
        let certificate = self.city.certificate(spare, 1, crate::city::EXPIRES);
        if !self.city_writes(RecordRef::New(Kind::DEVICE), Change::Enrolled(device, certificate)) {
            return self.year.inbox.entry(0).or_default().push(Errand::Lost(spare));
        }
        let epoch = self.dice.number();
        let node = self.add_node(spare, MemoryStore::new(epoch), superior);
        for lower in 0..self.nodes.len() {
            if self.nodes[lower].superior == Some(old) {
                self.nodes[lower].superior = Some(node);
            }
        }
        self.after(20 * HOUR_MS, Event::Boot(node));
        self.look_again_tomorrow(Errand::Revoke(old, node, self.now));
    }

    fn look_again_tomorrow(&mut self, errand: Errand) {
        let day = self.now / 86_400_000 + 1;
        self.year.later.entry(day).or_default().push((0, errand));
    }

    /// Offices that may hold what a lost laptop wrote last, and have not agreed with anybody since: its township or its
    /// villages. What they built on it would fall with a log that is closed before they call.
    fn not_heard_since(&self, old: usize, lost: u64) -> bool {
        let township = |node: usize| match self.office_tier(self.office_index(node)) {
            Tier::Village => self.city.areas[self.office_index(node)].parent,
            _ => Some(self.city.areas[self.office_index(node)].id),
        };
        let near = (1..self.nodes.len()).filter(|node| !self.nodes[*node].retired && township(*node) == township(old));
        let heard = |node: usize| self.year.offices.get(&node).is_some_and(|office| office.agreed_at > lost);
        near.into_iter().any(|node| !heard(node))
    }

    /// A lost laptop is revoked once everybody near it has called, a day later: so that what they brought to the township
    /// is at the city too.
    fn revoke_lost(&mut self, old: usize, new: usize, lost: u64) {
        if self.healed_at.is_none() && self.not_heard_since(old, lost) {
            return self.look_again_tomorrow(Errand::Revoke(old, new, lost));
        }
        if self.healed_at.is_none() && lost > 0 {
            return self.look_again_tomorrow(Errand::Revoke(old, new, 0));
        }
        match self.office_tier(self.office_index(old)) {
            Tier::Village => {
                self.trace.sometimes("laptop lost and replaced");
                self.revoke(old);
            }
            _ => self.revoke_decider(old, new),
        }
    }

    /// A township's lost laptop is revoked. What it decided, as far as the city holds it, stays decided, and the new one
    /// decides from now on.
    fn revoke_decider(&mut self, old: usize, new: usize) {
        let before = self.nodes[old].device;
        let label = self.city.offices[self.office_index(old)].id;
        let Some(control) = self.truth() else { return };
        let (known, tables) = (control.offices.get(&label).cloned(), control.divisions_record);
        let (Some(mut office), Some(tables), Some(record)) = (known, tables, self.device_record(&before)) else { return };
        let lengths = self.lengths(&before);
        office.decider = Some(self.nodes[new].device);
        if self.city_writes(RecordRef::Known(record), Change::HandOver(lengths))
            && self.city_writes(RecordRef::Known(tables), Change::Offices(vec![office]))
        {
            self.trace.sometimes("township laptop lost and replaced");
            self.revoke(old);
        } else {
            self.look_again_tomorrow(Errand::Revoke(old, new, 0));
        }
    }

    fn city_writes(&mut self, record: RecordRef, change: Change) -> bool {
        let root = shouwang_provisioning::city::control_place(self.city.root());
        let deed = self.deed("console", Vec::new(), vec![(root, record, change)]);
        self.do_deed(0, deed).is_some()
    }

    /// Whether it is worth while to dial: somebody has what the other lacks. An idle call is measured elsewhere.
    pub(crate) fn has_reason_to_dial(&self, node: usize) -> bool {
        let Some(superior) = self.nodes[node].superior else { return false };
        let (Some(mine), Some(theirs)) = (self.replica(node), self.replica(superior)) else { return true };
        if self.office_tier(self.office_index(node)) > Tier::Village {
            return true;
        }
        let digests = |one: &shouwang_protocol::replica::Replica<_>, other| (one.control_digest(), one.common_digest(other));
        digests(mine, &theirs.device()) != digests(theirs, &mine.device())
    }

    /// A call did not go through; somebody tries again, a few times a day.
    pub(crate) fn dials_again_today(&mut self, node: usize, tries: u32) {
        let hour = self.now / HOUR_MS % 24;
        if tries < rates::TRIES_A_DAY && (7..19).contains(&hour) {
            let wait = self.year.dice.between(20 * 60_000, 50 * 60_000);
            self.dial_soon(node, wait);
        }
    }

    /// An end of a connection says that both hold the same.
    pub(crate) fn agreed(&mut self, node: usize, connection: Connection) {
        let Some(wire) = self.network.wires.get(&connection) else { return };
        let end = wire.end_of(node);
        let dialler = wire.ends[0];
        let line = self.year.lines.entry(connection).or_default();
        line.agreed[end] = true;
        if line.agreed == [true, true] {
            let office = self.year.offices.entry(dialler).or_default();
            (office.is_ready, office.agreed_at) = (true, self.now);
            self.after(3_000, Event::HangUp(connection));
        }
    }

    /// Whoever has nothing more to say hangs up.
    pub(crate) fn hang_up(&mut self, connection: Connection) {
        if !self.works_by_day() {
            return;
        }
        let Some(wire) = self.network.wires.get(&connection).filter(|wire| wire.alive) else { return };
        let since = wire.since;
        let line = self.year.lines.entry(connection).or_default();
        let quiet = line.agreed == [true, true] && line.last + 2_000 < self.now;
        if !quiet && self.now < since + rates::HANG_UP_AT_LAST_MS {
            return self.after(30_000, Event::HangUp(connection));
        }
        line.done = true;
        self.year.tally.sessions += 1;
        for end in 0..2 {
            self.end_closed(connection, end, true);
        }
        let World { year, network, .. } = self;
        year.lines.retain(|connection, _| network.wires.contains_key(connection));
    }

    /// The casework of an area.
    fn casework(area: AreaId) -> Place {
        place(area, Lane::Casework)
    }
}
