//! What goes wrong: power, disks, lines, clocks, copies, theft. Each seed draws how much of it (swarm).
//!
//! At the end of the faulty days everything is healed: lines are perfect, disks have room, nodes run, copies and stolen
//! machines are gone. What only people can settle, `administration` settles then.

use crate::disk::Mishap;
use crate::trace::Dice;
use crate::world::{Event, Options, World};
use shouwang_protocol::area::Tier;
use shouwang_protocol::entry::LogId;
use shouwang_protocol::store::Store;
use std::collections::BTreeMap;

/// How much goes wrong in a run, in thousandths or as a number for the whole run.
#[derive(Clone, Debug)]
pub struct Faults {
    /// Lines that are cut at all, in a thousand.
    pub cuts: u64,
    /// Nodes whose clock is wrong, in a thousand.
    pub skew: u64,
    strikes: Vec<(Strike, u64)>,
    /// What own logs must come back before a restored decider decides again, by node.
    pub(crate) missing: BTreeMap<usize, Vec<(LogId, u64)>>,
}

/// Something that goes wrong, or a change in the world. A node that cannot be struck is passed over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Strike {
    /// A node loses power between two writes.
    PowerCut,
    /// A node loses power in a write, or a write fails.
    BadWrite,
    /// A disk is full for a while.
    FullDisk,
    /// There is room again at this node.
    Room(usize),
    /// Everything really goes to an unsynced disk.
    Flush,
    /// A disk is lost and last week's backup restored.
    Restore,
    /// This node's disk is backed up.
    Backup(usize),
    /// This node's disk is lost and its backup restored.
    RestoreAt(usize),
    /// A village's disk is copied to a second machine.
    Copy,
    /// A clock jumps.
    ClockJump,
    /// A village's machine is stolen; the city revokes it later.
    Theft,
    /// The city revokes this node's machine.
    Revoke(usize),
    /// A device's certificate runs out; it is renewed later.
    Expiry,
    /// A village comes under another township.
    NewTownship,
    /// A township's office covers another village besides.
    Gain,
    /// It no longer does.
    Lose,
    /// The machine in bad hands does something.
    Attack,
    /// The end of all faults.
    HealAll,
}

impl Faults {
    /// How bad this run is.
    pub fn draw(dice: &mut Dice, options: Options) -> Faults {
        if options.profile.is_year() {
            return Faults { cuts: crate::year::rates::LINES_CUT, skew: 0, strikes: Vec::new(), missing: BTreeMap::new() };
        }
        let days = options.days;
        let mut some = |most: u64| if dice.chance(600) { dice.between(0, most) } else { 0 };
        let strikes = vec![
            (Strike::PowerCut, some(4 * days)),
            (Strike::BadWrite, some(6 * days)),
            (Strike::FullDisk, some(2 * days)),
            (Strike::Flush, if options.teeth.unsynced { 2 * days } else { 0 }),
            (Strike::Restore, some(2)),
            (Strike::Copy, some(1)),
            (Strike::ClockJump, some(2)),
            (Strike::Theft, some(1)),
            (Strike::Expiry, some(1)),
            (Strike::NewTownship, some(1)),
            (Strike::Gain, some(1)),
            (Strike::Attack, some(6)),
        ];
        Faults { cuts: some(1000), skew: some(300), strikes, missing: BTreeMap::new() }
    }

    /// When it goes wrong.
    pub fn plan(world: &mut World, horizon: u64) {
        if world.nodes.len() > 50 {
            // Where there are many logs, a superior that was restored compares them by place first.
            let township = world.busiest().get(1).copied().unwrap_or_default();
            world.after(horizon / 2, Event::Strike(Strike::Backup(township)));
            world.after(horizon / 10 * 9, Event::Strike(Strike::RestoreAt(township)));
        }
        for (strike, times) in world.faults.strikes.clone() {
            for _ in 0..times {
                let wait = world.dice.between(horizon / 20, horizon);
                world.after(wait, Event::Strike(strike));
            }
        }
    }
}

impl World {
    /// Something goes wrong.
    pub fn strike(&mut self, strike: Strike) {
        if self.healed_at.is_some() {
            return;
        }
        self.trace.line(self.now, format_args!("strike {strike:?}"));
        match strike {
            Strike::PowerCut => {
                if let Some(node) = self.some_node(|_, _| true) {
                    self.trace.sometimes("power lost between writes");
                    self.crash(node);
                }
            }
            Strike::BadWrite => {
                if let Some(node) = self.some_node(|_, _| true) {
                    let mishap = match self.dice.between(0, 5) {
                        0 | 1 => Mishap::PowerCut(true),
                        2 | 3 => Mishap::PowerCut(false),
                        4 => Mishap::Error(true),
                        _ => Mishap::Error(false),
                    };
                    let writes = self.dice.between(0, 12) as u32;
                    self.nodes[node].switches.borrow_mut().armed = Some((writes, mishap));
                }
            }
            Strike::FullDisk => {
                if let Some(node) = self.some_node(|_, _| true) {
                    self.trace.sometimes("disk full");
                    self.nodes[node].switches.borrow_mut().full = true;
                    let wait = self.dice.wait(3_600_000);
                    self.after(wait, Event::Strike(Strike::Room(node)));
                }
            }
            Strike::Room(node) => self.nodes[node].switches.borrow_mut().full = false,
            Strike::Flush => {
                for node in &self.nodes {
                    node.switches.borrow_mut().flush = true;
                }
            }
            Strike::Restore => {
                if let Some(node) = self.some_node(|world, node| world.nodes[node].backup.is_some()) {
                    self.restore(node);
                }
            }
            Strike::Backup(node) => self.back_up(node),
            Strike::RestoreAt(node) => self.restore(node),
            Strike::Copy => self.copy(),
            Strike::ClockJump => {
                if let Some(node) = self.some_node(|_, _| true) {
                    let days = self.dice.between(0, 60) as i64 - 30;
                    self.nodes[node].skew_ms = days * 86_400_000;
                }
            }
            Strike::Theft => {
                if let Some(node) = self.some_node(World::is_single_village) {
                    self.trace.sometimes("machine stolen");
                    let wait = self.dice.wait(4 * 3_600_000);
                    self.after(wait, Event::Strike(Strike::Revoke(node)));
                }
            }
            Strike::Revoke(node) => self.revoke(node),
            Strike::Expiry => self.expire(),
            Strike::NewTownship => self.new_township(),
            Strike::Gain => self.gain(),
            Strike::Lose => self.lose(),
            Strike::Attack => self.attack(),
            Strike::HealAll => self.heal(),
        }
    }

    /// A node that runs and fits.
    pub(crate) fn some_node(&mut self, fits: impl Fn(&World, usize) -> bool) -> Option<usize> {
        let all: Vec<usize> = (0..self.nodes.len())
            .filter(|node| self.replica(*node).is_some() && !self.nodes[*node].retired && fits(self, *node))
            .collect();
        self.dice.pick(&all).copied()
    }

    /// Whether a node is a village's, and the only one with its key.
    pub(crate) fn is_single_village(&self, node: usize) -> bool {
        let device = self.nodes[node].device;
        let machine = self.nodes[node].machine;
        let village = self.city.offices[self.city.machines[machine].office].tier == Tier::Village;
        let known = self.truth().is_some_and(|control| !control.is_revoked(&device));
        village && known && self.nodes.iter().filter(|other| other.device == device).count() == 1
    }

    /// A backup is taken.
    pub(crate) fn back_up(&mut self, node: usize) {
        self.nodes[node].backup = Some(Box::new(self.disk(node).clone()));
    }

    /// A disk is lost; the backup comes back, in a new life and with a new epoch.
    fn restore(&mut self, node: usize) {
        let Some(backup) = self.nodes[node].backup.clone() else { return };
        self.trace.sometimes("backup restored");
        self.crash(node);
        self.trace.line(self.now, format_args!("restore {node}"));
        let epoch = self.dice.number();
        let disk = backup.restored(epoch);
        self.nodes[node].state = crate::world::State::Down(Box::new(disk));
        self.people.doubtful.remove(&node);
        if !self.options.teeth.old_life_after_restore {
            self.begin_life(node);
        }
        let World { model, nodes, .. } = self;
        let crate::world::State::Down(disk) = &nodes[node].state else { return };
        model.disk_exchanged(node, |log, sequence| disk.entry(log, sequence).ok().flatten().map(|entry| entry.hash));
        self.forget_the_lost();
        // People do again what they miss, often before the line is plugged in again.
        if self.dice.chance(600) {
            self.nodes[node].link.up = false;
            let wait = self.dice.wait(3 * 3_600_000);
            self.after(wait, Event::LinkUp(node));
        }
        for _ in 0..3 {
            let wait = self.dice.between(0, 3 * 3_600_000);
            self.after(wait, Event::Person(node));
        }
        // What its own logs were elsewhere must come back before it may decide again.
        let device = self.nodes[node].device;
        let mut missing: BTreeMap<LogId, u64> = BTreeMap::new();
        for other in 0..self.nodes.len() {
            for (log, head) in self.disk(other).heads().unwrap_or_default() {
                if log.device == device {
                    let most = missing.entry(log).or_default();
                    *most = (*most).max(head.length);
                }
            }
        }
        self.faults.missing.insert(node, missing.into_iter().collect());
    }

    /// Whether a restored node has its own earlier logs again, as far as anybody has them.
    pub(crate) fn own_logs_came_back(&self, node: usize) -> bool {
        let has = |log: &LogId| self.replica(node).map_or(0, |replica| replica.frontier().get(log).length);
        self.faults.missing.get(&node).is_none_or(|logs| logs.iter().all(|(log, length)| has(log) >= *length))
    }

    /// What no disk has any more is lost; nobody is to blame when it never left a disk that was lost.
    pub(crate) fn forget_the_lost(&mut self) {
        let mut acknowledged = std::mem::take(&mut self.model.acknowledged);
        for entry in acknowledged.iter_mut().filter(|entry| !entry.lost) {
            let has = |node: usize| {
                let disk = self.disk(node);
                let here = disk.entry(&entry.log, entry.sequence).ok().flatten().is_some_and(|found| found.hash == entry.hash);
                here || disk.evidence().iter().any(|found| found.hash == entry.hash)
            };
            let living = |node: &usize| !self.nodes[*node].retired;
            entry.lost = !(0..self.nodes.len()).filter(living).any(has);
            if entry.lost {
                self.trace.sometimes("unsent work lost with a disk");
                let (log, sequence) = (entry.log.name(), entry.sequence);
                for grants in self.people.grants.values_mut() {
                    grants.retain(|(_, at)| (at.log, at.sequence) != (log, sequence));
                }
            }
        }
        self.model.acknowledged = acknowledged;
    }

    /// A village's disk is copied: two machines go on in the same life.
    fn copy(&mut self) {
        let Some(node) = self.some_node(World::is_single_village) else { return };
        self.trace.sometimes("disk copied");
        let disk = self.disk(node).clone();
        let superior = self.nodes[node].superior;
        let copy = self.add_node(self.nodes[node].machine, disk, superior);
        self.nodes[copy].incarnation = self.nodes[node].incarnation;
        let device = self.nodes[node].device;
        self.model.copied.insert(device);
        for _ in 0..4 {
            for at in [node, copy] {
                let wait = self.dice.between(0, 6 * 3_600_000);
                self.after(wait, Event::Person(at));
            }
        }
        self.boot(copy);
    }

    /// The end of all faults.
    fn heal(&mut self) {
        self.healed_at = Some(self.now);
        self.hostile_ends();
        for node in 0..self.nodes.len() {
            *self.nodes[node].switches.borrow_mut() = Default::default();
            self.nodes[node].link = self.nodes[node].link.healed();
            // Of two copies one is found and put away.
            let device = self.nodes[node].device;
            if (0..node).any(|other| self.nodes[other].device == device) {
                self.crash(node);
                self.nodes[node].retired = true;
            }
        }
        self.forget_the_lost();
        for node in 0..self.nodes.len() {
            let wait = self.dice.between(0, 2_000);
            self.after(wait, Event::Boot(node));
            self.dial_soon(node, wait + 200);
        }
        self.after(1_000, Event::Administer);
        self.after(5_000, Event::Look);
    }
}
