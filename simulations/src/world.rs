//! The virtual city at work: nodes, connections and a heap of events, in virtual milliseconds, from one seed.
//!
//! A run has two phases: faults for some virtual days, then everything is healed and all holders of every place must
//! agree within [`PATIENCE_MS`]. After every event the replicas it touched are checked (`checks`). Nothing here reads a
//! clock or draws chance outside [`Dice`]; there is no hash map. The same options give the same trace, byte for byte.

use crate::checks::Model;
use crate::city::{BEGINNING_MS, City, life};
use crate::disk::{SimStore, Switches};
use crate::faults::{Faults, Strike};
use crate::hostile::Hostile;
use crate::network::{Link, Network};
use crate::people::People;
use crate::trace::{Dice, Trace, short_hash};
use shouwang_protocol::admission::Safeguards;
use shouwang_protocol::control::Control;
use shouwang_protocol::device::{DeviceKey, Incarnation};
use shouwang_protocol::engine::{Connection, Engine, Output};
use shouwang_protocol::replica::Replica;
use shouwang_protocol::store::memory::MemoryStore;
use shouwang_protocol::store::{Store, StoreError};
use shouwang_protocol::sync::message::{Farewell, Message};
use shouwang_protocol::sync::session::Now;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Milliseconds after everything was healed within which all must agree.
pub const PATIENCE_MS: u64 = 30 * 60_000;
/// Milliseconds after which a side notices at the latest that a connection is dead.
const NOTICE_MS: u64 = 20_000;
/// Events after which a run is given up as endless.
const EVENTS_MAX: u64 = 5_000_000;
const DAY_MS: u64 = 86_400_000;

/// Which city.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Profile {
    /// 1 city, 2 townships, 6 villages.
    Small,
    /// 289 offices.
    Zhangjiagang,
    /// A month of work of two townships, 21 offices.
    Month,
    /// A year of work of 289 offices and 10,000 households (see [`crate::year`]).
    Year,
}

impl Profile {
    /// The word on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Profile::Small => "small",
            Profile::Zhangjiagang => "zhangjiagang",
            Profile::Month => "month",
            Profile::Year => "year",
        }
    }

    /// Whether people work by the calendar, as `year` has it, and not at any moment.
    pub fn is_year(self) -> bool {
        matches!(self, Profile::Month | Profile::Year)
    }

    /// Virtual days of a run, unless somebody says otherwise.
    pub fn days(self) -> u64 {
        match self {
            Profile::Small | Profile::Zhangjiagang => 2,
            Profile::Month => 70,
            Profile::Year => crate::year::rates::DAYS,
        }
    }

    /// The inverse of [`Profile::word`].
    pub fn from_word(word: &str) -> Option<Profile> {
        [Profile::Small, Profile::Zhangjiagang, Profile::Month, Profile::Year].into_iter().find(|profile| profile.word() == word)
    }

    /// What must have happened somewhere in a set of runs.
    pub fn sometimes(self) -> &'static [&'static str] {
        match self {
            Profile::Small => SOMETIMES,
            Profile::Zhangjiagang => SOMETIMES_BIG,
            Profile::Month => &[],
            Profile::Year => crate::year::SOMETIMES,
        }
    }

    /// The city of this profile.
    pub fn city(self) -> &'static City {
        match self {
            Profile::Small => City::small(),
            Profile::Zhangjiagang => City::zhangjiagang(),
            Profile::Month => City::two_townships(),
            Profile::Year => City::zhangjiagang_with_spares(),
        }
    }
}

/// What a run is made from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Options {
    /// The seed.
    pub seed: u64,
    /// The city.
    pub profile: Profile,
    /// Virtual days with faults.
    pub days: u64,
    /// What is switched off, to see that the checks notice.
    pub teeth: Teeth,
    /// Whether the lines of the trace are kept.
    pub keep_trace: bool,
}

impl Options {
    /// A run as CI does it.
    pub fn new(seed: u64, profile: Profile) -> Options {
        Options { seed, profile, days: profile.days(), teeth: Teeth::default(), keep_trace: false }
    }
}

/// Safeguards that a test may switch off.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Teeth {
    /// The protocol's own.
    pub safeguards: Safeguards,
    /// Writes are acknowledged and sent without being on the disk.
    pub unsynced: bool,
    /// A restored backup goes on in its old life.
    pub old_life_after_restore: bool,
    /// What the program says wrongly in a year of work.
    pub sabotage: Option<crate::year::Sabotage>,
}

/// Whether a node runs.
pub enum State {
    /// It runs.
    Up(Box<Engine<SimStore>>),
    /// It is off; this is its disk.
    Down(Box<MemoryStore>),
}

/// One machine with our program on it.
pub struct Node {
    /// Index of its machine in the city; two nodes share one when a disk was copied.
    pub machine: usize,
    /// Its device.
    pub device: DeviceKey,
    /// The life of its database.
    pub incarnation: Incarnation,
    /// Running or not.
    pub state: State,
    /// Its disk's switches.
    pub switches: Rc<RefCell<Switches>>,
    /// Last week's backup.
    pub backup: Option<Box<MemoryStore>>,
    /// Milliseconds by which its clock is wrong.
    pub skew_ms: i64,
    /// Thrown away, or stolen and never seen again.
    pub retired: bool,
    /// The node it dials.
    pub superior: Option<usize>,
    /// Its line upwards.
    pub link: Link,
    pub(crate) dial_tries: u32,
    dial_turn: u64,
    tick_at: u64,
    tick_gap: u64,
}

/// Something that happens at a virtual time.
pub enum Event {
    /// Time passes at a node, which asked for it.
    Tick(usize, u64),
    /// A node tries to reach its superior.
    Dial(usize, u64),
    /// A handshake is done.
    Connected(Connection),
    /// A message arrives at an end of a connection.
    Deliver(Connection, usize, Vec<u8>),
    /// The other end closed the connection.
    Finished(Connection, usize),
    /// A connection dies; nobody notices yet.
    Cut(Connection),
    /// An end notices.
    Noticed(Connection, usize),
    /// A node's line upwards works again.
    LinkUp(usize),
    /// A node is switched on.
    Boot(usize),
    /// A person acts at a node.
    Person(usize),
    /// Something goes wrong, or the world changes.
    Strike(Strike),
    /// The city looks after what machines cannot settle: forks, expired certificates.
    Administer,
    /// All is healed: do all agree?
    Look,
    /// A day of work begins, by its number.
    Dawn(u64),
    /// The people of an office work through what lies there.
    Work(usize),
    /// A connection that has done its work is closed.
    HangUp(Connection),
    /// A day is over: what must hold is checked at the offices that are quiet.
    Dusk(u64),
}

/// Why a run failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// Virtual milliseconds.
    pub at: u64,
    /// Which promise was broken, in one word.
    pub what: &'static str,
    /// Details.
    pub why: String,
    /// The latest lines of the trace.
    pub tail: Vec<String>,
}

/// How a run went.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// What failed, when something did.
    pub failure: Option<Failure>,
    /// Events handled.
    pub events: u64,
    /// Actions acknowledged.
    pub actions: u64,
    /// Virtual milliseconds after healing until all agreed.
    pub agreed_after_ms: u64,
    /// How often each thing that should happen sometimes did.
    pub seen: BTreeMap<&'static str, u64>,
    /// SHA-256 of the trace.
    pub hash: String,
    /// The trace, when it was kept.
    pub trace: Option<String>,
    /// What a person would like to read, of a year of work.
    pub report: Option<String>,
}

/// A run.
pub struct World {
    /// What it is made from.
    pub options: Options,
    /// The city as it was founded.
    pub city: &'static City,
    /// The nodes.
    pub nodes: Vec<Node>,
    /// The connections.
    pub network: Network,
    /// Virtual milliseconds.
    pub now: u64,
    /// What happened.
    pub trace: Trace,
    /// What must hold.
    pub model: Model,
    /// Who acts.
    pub people: People,
    /// What goes wrong.
    pub faults: Faults,
    /// The machine in bad hands.
    pub hostile: Hostile,
    /// A year of work, when that is what runs.
    pub year: crate::year::Year,
    /// The wall clock when the run begins, milliseconds since 1970.
    pub beginning_ms: i64,
    /// Whether everything was healed.
    pub healed_at: Option<u64>,
    /// The first promise that was broken.
    pub failure: Option<Failure>,
    pub(crate) dice: Dice,
    heap: BTreeMap<(u64, u64), Event>,
    counter: u64,
    lives: u64,
}

/// Runs a city.
pub fn run(options: Options) -> Outcome {
    let mut world = World::new(options);
    let mut events = 0;
    while world.failure.is_none()
        && let Some(((at, _), event)) = world.heap.pop_first()
    {
        world.now = at;
        events += 1;
        if events > if options.profile.is_year() { crate::year::rates::EVENTS_MAX } else { EVENTS_MAX } {
            world.fail("endless", "the run does not come to an end".into());
        }
        if matches!(event, Event::Look) && world.looks_done() {
            break;
        }
        world.handle(event);
    }
    let agreed_after_ms = world.healed_at.map_or(0, |healed| world.now - healed);
    if world.failure.is_none() {
        world.check_end();
    }
    let report = options.profile.is_year().then(|| crate::year::report(&world, events));
    let World { trace, failure, people, .. } = world;
    Outcome {
        report,
        failure,
        events,
        actions: people.acknowledged,
        agreed_after_ms,
        hash: trace.hash(),
        seen: trace.seen.clone(),
        trace: trace.lines().map(str::to_owned),
    }
}

impl World {
    fn new(options: Options) -> World {
        let city = options.profile.city();
        let mut dice = Dice::new(options.seed, 1);
        let faults = Faults::draw(&mut dice, options);
        let mut world = World {
            options,
            city,
            nodes: Vec::new(),
            network: Network::default(),
            now: 0,
            trace: Trace::new(options.keep_trace),
            model: Model::default(),
            people: People::new(options.seed),
            hostile: Hostile::new(city, options.seed),
            year: crate::year::Year::new(options),
            beginning_ms: if options.profile.is_year() { crate::year::rates::BEGINNING_MS } else { BEGINNING_MS },
            healed_at: None,
            failure: None,
            dice,
            heap: BTreeMap::new(),
            counter: 0,
            lives: 0,
            faults,
        };
        world.trace.line(0, format_args!("seed {} profile {} days {}", options.seed, options.profile.word(), options.days));
        for machine in 0..city.founded {
            // In a big city most machines joined long ago; a few join now.
            let joined = options.profile.is_year() || (options.profile == Profile::Zhangjiagang && machine > 4);
            let disk = city.disk(machine, world.dice.number(), joined);
            let node = world.add_node(machine, disk, city.machines[machine].superior);
            let wait = world.dice.between(0, 60_000);
            world.after(wait, Event::Boot(node));
        }
        let horizon = options.days * DAY_MS;
        if options.profile.is_year() {
            crate::year::plan(&mut world);
        } else {
            People::plan(&mut world, horizon);
            Faults::plan(&mut world, horizon);
        }
        world.after(horizon, Event::Strike(Strike::HealAll));
        world
    }

    /// A new node, switched off.
    pub fn add_node(&mut self, machine: usize, disk: MemoryStore, superior: Option<usize>) -> usize {
        let link = Link::draw(&mut self.dice, self.faults.cuts);
        let skew_ms =
            if self.dice.chance(self.faults.skew) { self.dice.between(0, 6 * DAY_MS) as i64 - 3 * DAY_MS as i64 } else { 0 };
        self.nodes.push(Node {
            machine,
            device: self.city.device(machine),
            incarnation: life(machine, 0),
            state: State::Down(Box::new(disk)),
            switches: Rc::default(),
            backup: None,
            skew_ms,
            retired: false,
            superior,
            link,
            dial_tries: 0,
            dial_turn: 0,
            tick_at: u64::MAX,
            tick_gap: 1_000,
        });
        self.nodes.len() - 1
    }

    /// Something to happen in so many milliseconds.
    pub fn after(&mut self, wait: u64, event: Event) {
        self.counter += 1;
        self.heap.insert((self.now + wait, self.counter), event);
    }

    /// A promise was broken.
    pub fn fail(&mut self, what: &'static str, why: String) {
        self.trace.line(self.now, format_args!("FAILED {what}: {why}"));
        if self.failure.is_none() {
            self.failure = Some(Failure { at: self.now, what, why, tail: self.trace.tail() });
        }
    }

    /// A node's clocks.
    pub fn clocks(&self, node: usize) -> Now {
        let wall_ms = self.beginning_ms + self.now as i64 + self.nodes[node].skew_ms;
        Now { mono_ms: self.now, wall_ms }
    }

    /// A running node's engine.
    pub fn engine(&mut self, node: usize) -> Option<&mut Engine<SimStore>> {
        match &mut self.nodes[node].state {
            State::Up(engine) => Some(engine),
            State::Down(_) => None,
        }
    }

    /// A running node's replica.
    pub fn replica(&self, node: usize) -> Option<&Replica<SimStore>> {
        match &self.nodes[node].state {
            State::Up(engine) => Some(engine.replica()),
            State::Down(_) => None,
        }
    }

    /// What is on a node's disk, running or not.
    pub fn disk(&self, node: usize) -> &MemoryStore {
        match &self.nodes[node].state {
            State::Up(engine) => engine.replica().store().content(),
            State::Down(disk) => disk,
        }
    }

    /// The city's control, while the city's node runs.
    pub fn truth(&self) -> Option<&Control> {
        self.replica(0).map(Replica::control)
    }

    /// A number no life has had.
    pub fn new_life(&mut self) -> u64 {
        self.lives += 1;
        self.lives
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Tick(node, at) => {
                if self.nodes[node].tick_at == at {
                    self.tick(node);
                }
            }
            Event::Dial(node, turn) => {
                let planned = turn == u64::MAX && self.works_by_day() && self.has_reason_to_dial(node);
                if planned || self.nodes[node].dial_turn == turn {
                    self.dial(node);
                }
            }
            Event::Connected(connection) => self.connected(connection),
            Event::Deliver(connection, end, bytes) => self.deliver(connection, end, &bytes),
            Event::Finished(connection, end) => self.end_closed(connection, end, true),
            Event::Cut(connection) => self.cut(connection),
            Event::Noticed(connection, end) => self.end_closed(connection, end, true),
            Event::LinkUp(node) => {
                self.nodes[node].link.up = true;
                self.dial_soon(node, 0);
            }
            Event::Boot(node) => self.boot(node),
            Event::Person(node) => self.person_acts(node),
            Event::Strike(strike) => self.strike(strike),
            Event::Administer => self.administer(),
            Event::Look => self.after(5_000, Event::Look),
            Event::Dawn(day) => self.dawn(day),
            Event::Work(node) => self.office_works(node),
            Event::HangUp(connection) => self.hang_up(connection),
            Event::Dusk(day) => self.dusk(day),
        }
    }

    fn tick(&mut self, node: usize) {
        let now = self.clocks(node);
        self.nodes[node].tick_at = u64::MAX;
        let Some(engine) = self.engine(node) else { return };
        let result = engine.tick(now);
        self.trace.line(self.now, format_args!("tick {node} {}", result.is_ok()));
        self.settle(node);
        // Where people hang up when they are done, time matters only while there is a line.
        if self.works_by_day() && self.network.of(node).is_empty() {
            return;
        }
        let gap = (self.nodes[node].tick_gap * 2).min(600_000);
        self.nodes[node].tick_gap = gap;
        self.tick_in(node, gap);
    }

    /// Whether people work by the calendar now.
    pub(crate) fn works_by_day(&self) -> bool {
        self.healed_at.is_none() && self.options.profile.is_year()
    }

    fn tick_in(&mut self, node: usize, gap: u64) {
        let at = self.now + gap;
        if self.nodes[node].tick_at > at {
            self.nodes[node].tick_at = at;
            self.after(gap, Event::Tick(node, at));
        }
    }

    /// Something happened at a node: time matters to it for a while.
    fn wake(&mut self, node: usize) {
        self.nodes[node].tick_gap = 1_000;
        self.tick_in(node, 1_000);
    }

    /// A node dials its superior in so many milliseconds, and forgets when it meant to before.
    pub fn dial_soon(&mut self, node: usize, wait: u64) {
        self.nodes[node].dial_turn += 1;
        let turn = self.nodes[node].dial_turn;
        self.after(wait, Event::Dial(node, turn));
    }

    fn dial_again(&mut self, node: usize) {
        let tries = self.nodes[node].dial_tries;
        self.nodes[node].dial_tries = tries.saturating_add(1);
        if self.works_by_day() {
            return self.dials_again_today(node, tries);
        }
        let most = if self.healed_at.is_some() { 10_000 } else { 600_000 };
        let wait = (2_000u64 << (tries / 4).min(9)).min(most);
        let wait = wait + self.dice.between(0, 500);
        self.dial_soon(node, wait);
    }

    fn dial(&mut self, node: usize) {
        let Some(superior) = self.nodes[node].superior else { return };
        if self.replica(node).is_none() || self.nodes[node].retired {
            return;
        }
        let dialled = |wire: &crate::network::Wire| wire.ends[0] == node && wire.open[0];
        if self.network.wires.values().any(dialled) {
            return;
        }
        if !self.nodes[node].link.up || self.replica(superior).is_none() {
            return self.dial_again(node);
        }
        let devices = [self.nodes[node].device, self.nodes[superior].device];
        let connection = self.network.connect([node, superior], devices, self.now);
        let handshake = 2 * self.nodes[node].link.delay;
        self.after(handshake, Event::Connected(connection));
    }

    fn connected(&mut self, connection: Connection) {
        let Some(wire) = self.network.wires.get(&connection) else { return };
        let (ends, devices) = (wire.ends, wire.devices);
        if self.replica(ends[0]).is_none() || self.replica(ends[1]).is_none() || !self.nodes[ends[0]].link.up {
            self.network.wires.remove(&connection);
            return self.dial_again(ends[0]);
        }
        self.trace.line(self.now, format_args!("connect {connection} {} {}", ends[0], ends[1]));
        let every = self.nodes[ends[0]].link.cut_every;
        if every > 0 {
            let wait = self.dice.wait(every);
            self.after(wait, Event::Cut(connection));
        }
        if self.works_by_day() {
            self.year.connected(connection);
            self.after(crate::year::rates::HANG_UP_MS, Event::HangUp(connection));
        }
        for end in [1, 0] {
            let now = self.clocks(ends[end]);
            if let Some(engine) = self.engine(ends[end])
                && let Err(error) = engine.connected(connection, devices[1 - end], end == 0, now)
            {
                self.fail("disk", format!("reading failed: {error}"));
            }
            self.settle(ends[end]);
        }
    }

    fn deliver(&mut self, connection: Connection, end: usize, bytes: &[u8]) {
        let Some(wire) = self.network.wires.get(&connection).filter(|wire| wire.alive && wire.open[end]) else { return };
        let node = wire.ends[end];
        let now = self.clocks(node);
        let Some(engine) = self.engine(node) else { return };
        let result = engine.received(connection, bytes, now);
        self.trace.line(self.now, format_args!("take {connection} {node} {} {}", bytes.len(), result.is_ok()));
        match result {
            Err(StoreError::Full) => self.trace.sometimes("frame refused, disk full"),
            Err(StoreError::Damaged(why)) => self.fail("damaged", why),
            _ => {}
        }
        self.settle(node);
        self.wake(node);
    }

    fn cut(&mut self, connection: Connection) {
        let Some(wire) = self.network.wires.get_mut(&connection).filter(|wire| wire.alive) else { return };
        wire.alive = false;
        let ends = wire.ends;
        self.trace.line(self.now, format_args!("cut {connection}"));
        self.trace.sometimes("connection cut");
        for end in 0..2 {
            let wait = self.dice.between(0, NOTICE_MS);
            self.after(wait, Event::Noticed(connection, end));
        }
        if self.dice.chance(500) && self.healed_at.is_none() {
            self.nodes[ends[0]].link.up = false;
            let wait = self.dice.wait(self.nodes[ends[0]].link.outage);
            self.after(wait, Event::LinkUp(ends[0]));
        }
    }

    /// An end learns that its connection is over.
    pub(crate) fn end_closed(&mut self, connection: Connection, end: usize, tell_engine: bool) {
        let Some(wire) = self.network.wires.get_mut(&connection).filter(|wire| wire.open[end]) else { return };
        wire.open[end] = false;
        let node = wire.ends[end];
        if !wire.open[1 - end] {
            wire.alive = false;
        }
        // A line that held for a while is a good one; one that is refused at once is not dialled at once again.
        let held = self.now - wire.since > 30_000;
        self.network.sweep();
        if tell_engine && let Some(engine) = self.engine(node) {
            engine.closed(connection);
        }
        if end == 0 {
            if held {
                self.nodes[node].dial_tries = 0;
            }
            if self.works_by_day() && self.year.is_done(connection) {
                return;
            }
            self.dial_again(node);
        }
    }

    /// A node's engine closed a connection.
    fn close(&mut self, node: usize, connection: Connection, why: Option<Farewell>) {
        let Some(wire) = self.network.wires.get(&connection) else { return };
        let (end, alive, lower) = (wire.end_of(node), wire.alive, wire.ends[0]);
        self.trace.line(self.now, format_args!("close {connection} {node} {why:?}"));
        match why {
            None => self.trace.sometimes("silence noticed"),
            Some(Farewell::Replaced) => self.trace.sometimes("connection replaced"),
            Some(Farewell::Expired) => self.trace.sometimes("expired device turned away"),
            Some(Farewell::WrongArea) => {
                self.trace.sometimes("wrong superior");
                self.ask_whom_to_dial(lower);
            }
            Some(Farewell::Disk) => self.trace.sometimes("session ended, disk"),
            Some(Farewell::Malformed | Farewell::Version | Farewell::Foreign) => {
                self.fail("farewell", format!("an honest node says {why:?} to another"));
            }
            _ => {}
        }
        if alive {
            let at = self.nodes[lower].link.arrival(self.now, end == 0, 20);
            self.after(at - self.now, Event::Finished(connection, 1 - end));
        }
        self.end_closed(connection, end, false);
    }

    fn send(&mut self, node: usize, connection: Connection, bytes: Vec<u8>) {
        let Some(wire) = self.network.wires.get_mut(&connection) else { return };
        let end = wire.end_of(node);
        let (receiver, lower, alive) = (wire.devices[1 - end], wire.ends[0], wire.alive && wire.open[1 - end]);
        let at_root = wire.ends[1] == 0;
        match Message::from_bytes(&bytes) {
            Ok(message) => self.observe(node, connection, end, receiver, &message),
            Err(error) => self.fail("message", format!("node {node} sends what cannot be read: {error}")),
        }
        self.trace.line(self.now, format_args!("send {connection} {node} {} {}", bytes.len(), short_hash(&bytes)));
        if alive {
            let at = self.nodes[lower].link.arrival(self.now, end == 0, bytes.len());
            self.year.sent(connection, if at_root { bytes.len() } else { 0 }, at);
            self.after(at - self.now, Event::Deliver(connection, 1 - end, bytes));
        }
    }

    /// Does what a node's engine asks for, and checks the node. A node whose power was lost does nothing more.
    pub fn settle(&mut self, node: usize) {
        if self.nodes[node].switches.borrow().dead {
            self.trace.sometimes("power lost in a write");
            return self.crash(node);
        }
        let Some(engine) = self.engine(node) else { return };
        let outputs = engine.take_output();
        for output in outputs {
            match output {
                Output::Send(connection, bytes) => self.send(node, connection, bytes),
                Output::Close(connection, why) => self.close(node, connection, why),
                Output::Agreed(connection, _) if self.works_by_day() => self.agreed(node, connection),
                Output::Agreed(..) => self.check_views(node),
                Output::Changed => self.wake(node),
            }
        }
        self.check_node(node);
    }

    /// A node loses power: what it knew is gone, what was on its disk stays.
    pub fn crash(&mut self, node: usize) {
        self.trace.line(self.now, format_args!("crash {node}"));
        let empty = State::Down(Box::default());
        match std::mem::replace(&mut self.nodes[node].state, empty) {
            State::Down(disk) => self.nodes[node].state = State::Down(disk),
            State::Up(engine) => {
                let disk = engine.into_replica().into_store().after_power_cut();
                self.nodes[node].state = State::Down(Box::new(disk));
            }
        }
        *self.nodes[node].switches.borrow_mut() = Switches::default();
        for connection in self.network.of(node) {
            let Some(wire) = self.network.wires.get_mut(&connection) else { continue };
            wire.alive = false;
            let end = wire.end_of(node);
            wire.open[end] = false;
            let wait = self.dice.between(0, NOTICE_MS);
            self.after(wait, Event::Noticed(connection, 1 - end));
        }
        self.network.sweep();
        let wait = self.dice.wait(600_000);
        self.after(wait, Event::Boot(node));
    }

    /// A node is switched on: memory is built from the disk.
    pub fn boot(&mut self, node: usize) {
        if self.nodes[node].retired {
            return;
        }
        let empty = State::Down(Box::default());
        let disk = match std::mem::replace(&mut self.nodes[node].state, empty) {
            State::Down(disk) => disk,
            up => {
                self.nodes[node].state = up;
                return;
            }
        };
        let Node { machine, incarnation, switches, .. } = &self.nodes[node];
        let store = SimStore::new(*disk, switches.clone(), self.options.teeth.unsynced);
        match Replica::open(store, self.city.identity(*machine, *incarnation)) {
            Err(error) => self.fail("open", format!("node {node} cannot open its disk: {error}")),
            Ok(mut replica) => {
                replica.set_safeguards(self.options.teeth.safeguards);
                self.nodes[node].state = State::Up(Box::new(Engine::new(replica)));
                self.trace.line(self.now, format_args!("boot {node}"));
                self.nodes[node].dial_tries = 0;
                self.nodes[node].tick_at = u64::MAX;
                self.model.opened(node);
                self.settle(node);
                self.wake(node);
                self.dial_soon(node, 100);
            }
        }
    }

    /// Whether the run may end: all is healed and all agree.
    fn looks_done(&mut self) -> bool {
        let Some(healed) = self.healed_at else { return false };
        match self.disagreement() {
            None => true,
            Some(why) if self.now > healed + PATIENCE_MS => {
                self.fail("liveness", why);
                true
            }
            Some(_) => false,
        }
    }

    /// The arrival number up to which a node's disk has something.
    pub fn position(&self, node: usize) -> u64 {
        self.disk(node).position().unwrap_or_default()
    }
}

/// What must have happened somewhere in a set of runs, or the set tests less than it seems.
pub const SOMETIMES: &[&str] = &[
    "fork seen",
    "fork decided",
    "branch shown",
    "backup restored",
    "unsent work lost with a disk",
    "disk copied",
    "frontiers compared",
    "control frontiers compared",
    "receipts passed on",
    "certificate asked for",
    "run refused",
    "waiting entries came to effect",
    "log cut, entries kept as evidence",
    "own log closed",
    "connection cut",
    "connection replaced",
    "silence noticed",
    "power lost in a write",
    "power lost between writes",
    "deed in doubt",
    "done again after doubt",
    "found done already",
    "disk full",
    "frame refused, disk full",
    "machine stolen",
    "machine revoked",
    "certificate ran out",
    "certificate renewed",
    "expired device turned away",
    "village came under another township",
    "office gained an area",
    "office lost an area",
    "case decided",
    "case paid",
    "attack stored",
    "attack refused",
    "attack without effect",
];

/// The same for a big city, where less goes on at each office.
pub const SOMETIMES_BIG: &[&str] = &[
    "digests by place compared",
    "frontiers compared",
    "control frontiers compared",
    "backup restored",
    "certificate asked for",
    "connection cut",
    "receipts passed on",
];
