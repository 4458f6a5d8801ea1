//! What must hold, checked by code that shares nothing with what it checks.
//!
//! - *Nothing acknowledged is lost*: a model remembers every entry that a node said was written, by log, number and
//!   hash. It is in the author's store after every event; at the end every holder has it. Excused is only what a control
//!   entry cut (then it is among the evidence) and what a restored backup lost before any other disk had it.
//! - *Nothing is sent outside its scope*: an observer reads every message that leaves, with decompressors of its own,
//!   and asks [`law`] with the *sender's* control as it is when the message leaves. The sender decides by what it
//!   knows; the receiver's full control may know of changes the sender could not.
//! - *No effect without authority*: every entry on a disk, and every entry that has effect, is held against [`law`].
//! - *Equal frontiers, equal views*: a view is a function of the digests of a place and the places above it and of
//!   control. All nodes of a run, at all times, fill one table of that function; no entry of it is ever changed.

use crate::law;
use crate::world::World;
use shouwang_protocol::area::AreaId;
use shouwang_protocol::device::DeviceKey;
use shouwang_protocol::engine::Connection;
use shouwang_protocol::entry::{EntryRef, LogId, Run};
use shouwang_protocol::frontier::Digest;
use shouwang_protocol::hash::Hash;
use shouwang_protocol::record::{Place, RecordId};
use shouwang_protocol::replica::Replica;
use shouwang_protocol::store::{Store, StoredEntry, Verdict};
use shouwang_protocol::sync::message::Message;
use std::collections::{BTreeMap, BTreeSet};

/// An entry that a node acknowledged to a person.
#[derive(Clone, Debug)]
pub struct Acknowledged {
    /// Who said so.
    pub node: usize,
    /// Its log.
    pub log: LogId,
    /// Its number.
    pub sequence: u64,
    /// Its hash.
    pub hash: Hash,
    /// Lost with a disk before anybody else had it.
    pub lost: bool,
}

/// What the world must remember to judge the nodes.
#[derive(Default)]
pub struct Model {
    /// Everything acknowledged.
    pub acknowledged: Vec<Acknowledged>,
    /// Devices of which two copies may write.
    pub copied: BTreeSet<DeviceKey>,
    required: BTreeMap<(usize, LogId), (u64, Hash)>,
    seen: BTreeMap<usize, u64>,
    digests: BTreeMap<(usize, Place), Digest>,
    views: BTreeMap<Hash, (Hash, usize, String)>,
    waiting: BTreeMap<usize, usize>,
    cuts: BTreeMap<usize, usize>,
}

impl Model {
    /// A node acknowledged an entry.
    pub fn acknowledge(&mut self, node: usize, log: LogId, sequence: u64, hash: Hash) {
        self.required.insert((node, log), (sequence + 1, hash));
        self.acknowledged.push(Acknowledged { node, log, sequence, hash, lost: false });
    }

    /// A node was switched on.
    pub fn opened(&mut self, node: usize) {
        self.waiting.remove(&node);
    }

    /// A node's disk was exchanged: what is required of it is what the new one has.
    pub fn disk_exchanged(&mut self, node: usize, has: impl Fn(&LogId, u64) -> Option<Hash>) {
        self.seen.remove(&node);
        self.digests.retain(|(of, _), _| *of != node);
        let mut required = std::mem::take(&mut self.required);
        required.retain(|(of, log), (length, hash)| {
            if *of != node {
                return true;
            }
            while *length > 0 {
                if let Some(found) = has(log, *length - 1) {
                    *hash = found;
                    return true;
                }
                *length -= 1;
            }
            false
        });
        self.required = required;
    }
}

impl World {
    /// Checks a node after an event that touched it.
    pub fn check_node(&mut self, node: usize) {
        if self.failure.is_some() {
            return;
        }
        if let Err((what, why)) = self.judge_node(node) {
            self.fail(what, why);
        }
    }

    fn judge_node(&mut self, node: usize) -> Result<(), (&'static str, String)> {
        let mut required = std::mem::take(&mut self.model.required);
        let mut result = Ok(());
        // In a year of work what a node keeps is looked at every evening, and not after every message.
        let look = !self.works_by_day() || self.year.is_evening;
        if let Some(replica) = self.replica(node).filter(|_| look) {
            for ((_, log), (length, hash)) in required.range_mut((node, FIRST)..).take_while(|((of, _), _)| *of == node) {
                if let Err(why) = keeps(replica, log, length, hash) {
                    result = Err(("lost", format!("node {node}: {why}")));
                    break;
                }
            }
        }
        self.model.required = required;
        result?;
        let Some(replica) = self.replica(node) else { return Ok(()) };
        let seen = self.model.seen.get(&node).copied().unwrap_or(0);
        let position = replica.position();
        let grown = replica.store().gained_since(seen, usize::MAX).ok().flatten().unwrap_or_default();
        for (log, first) in grown {
            let entries = replica.store().entries(&log, first, usize::MAX).unwrap_or_default();
            for entry in entries.iter().filter(|entry| entry.position > seen) {
                lawful(replica, entry).map_err(|why| ("authority", format!("node {node}: {why}")))?;
            }
        }
        let waiting = replica.waiting();
        let forked: Vec<LogId> = replica.forked().iter().copied().collect();
        self.model.seen.insert(node, position);
        let before = self.model.waiting.insert(node, waiting).unwrap_or(0);
        if before > 0 && waiting == 0 {
            self.trace.sometimes("waiting entries came to effect");
        }
        for log in forked {
            if !self.model.copied.contains(&log.device) {
                return Err(("fork", format!("node {node}: the log {:?} of an honest device forked", log)));
            }
            self.trace.sometimes("fork seen");
        }
        let evidence = self.disk(node).evidence().len();
        if self.model.cuts.insert(node, evidence).unwrap_or(0) < evidence {
            self.trace.sometimes("log cut, entries kept as evidence");
        }
        Ok(())
    }

    /// An observer reads what a node sends.
    pub fn observe(&mut self, node: usize, connection: Connection, end: usize, receiver: DeviceKey, message: &Message) {
        let mut places: Vec<Place> = Vec::new();
        let of_runs = |runs: &[Run]| runs.iter().map(|run| run.log.place).collect::<Vec<_>>();
        match message {
            Message::Frame { lane, inflated, bytes, .. } => {
                let Some(wire) = self.network.wires.get_mut(&connection) else { return };
                match wire.reader(end).read(*lane, *inflated, bytes) {
                    Ok(runs) => places = of_runs(&runs),
                    Err(error) => self.fail("frame", format!("node {node} sends a frame that cannot be read: {error}")),
                }
            }
            Message::Frontiers(frontiers) => {
                places = frontiers.logs.iter().map(|(log, _, _)| log.place).collect();
                self.trace.sometimes(if frontiers.control { "control frontiers compared" } else { "frontiers compared" });
            }
            Message::Places(digests) => {
                places = digests.iter().map(|(place, _)| *place).collect();
                self.trace.sometimes("digests by place compared");
            }
            Message::Receipts { receipts, .. } => {
                places = receipts.iter().map(|receipt| receipt.body.place).collect();
                self.trace.sometimes("receipts passed on");
            }
            Message::Shown(run) => {
                places = of_runs(std::slice::from_ref(run));
                self.trace.sometimes("branch shown");
            }
            Message::Probed(log, _, Some(_)) => places.push(log.place),
            Message::WhoAreYou => self.trace.sometimes("certificate asked for"),
            Message::Refused(_) => self.trace.sometimes("run refused"),
            _ => {}
        }
        let Some(replica) = self.replica(node) else { return };
        let control = replica.control();
        let outside = places.into_iter().find(|place| !law::may_hold(control, &receiver, place));
        if let Some(place) = outside {
            let word = format!("{message:?}");
            let word = word.split(['(', ' ']).next().unwrap_or_default().to_owned();
            self.fail("scope", format!("node {node} sends {place:?} to {receiver:?} in a {word}"));
        }
    }

    /// Compares what a node makes of places that changed with what others made of the same frontiers.
    pub fn check_views(&mut self, node: usize) {
        // After a failed write memory and disk may differ until the node has read its disk again.
        let Some(replica) = self.replica(node).filter(|replica| !replica.is_in_doubt()) else { return };
        let root = replica.control().root_area();
        let mut fresh = Vec::new();
        for (place, digest) in replica.frontier().places() {
            if self.model.digests.get(&(node, place)) == Some(&digest) {
                continue;
            }
            fresh.push((place, digest, context(replica, &place, root), view(replica, &place)));
        }
        for (place, digest, context, (hash, text)) in fresh {
            self.model.digests.insert((node, place), digest);
            match self.model.views.get(&context) {
                Some((other, first, theirs)) if *other != hash => {
                    let why =
                        format!("nodes {first} and {node} have equal frontiers of {place:?} but\n{}", differ(theirs, &text));
                    return self.fail("views", why);
                }
                Some(_) => {}
                None => drop(self.model.views.insert(context, (hash, node, text))),
            }
        }
    }

    /// What is not yet equal at two holders, when all should be.
    pub fn disagreement(&self) -> Option<String> {
        let Some(control) = self.truth() else { return Some("the city is off".into()) };
        let living: Vec<usize> = (0..self.nodes.len()).filter(|node| !self.nodes[*node].retired).collect();
        if let Some(node) = living.iter().find(|node| self.replica(**node).is_none()) {
            return Some(format!("node {node} is off"));
        }
        let replicas: Vec<(usize, &Replica<_>)> = living.iter().filter_map(|node| Some((*node, self.replica(*node)?))).collect();
        let mut digests: BTreeMap<Place, (usize, Digest)> = BTreeMap::new();
        let places: BTreeSet<Place> = replicas.iter().flat_map(|(_, r)| r.frontier().places().map(|(place, _)| place)).collect();
        for (node, replica) in &replicas {
            if let Some(log) = replica.forked().first() {
                return Some(format!("node {node}: {log:?} has forked and nobody decided"));
            }
            for place in places.iter().filter(|place| law::may_hold(control, &replica.device(), place)) {
                let digest = replica.frontier().digest_at(place);
                match digests.get(place) {
                    Some((first, other)) if *other != digest => {
                        return Some(self.tell_disagreement(*place, *first, *node));
                    }
                    Some(_) => {}
                    None => drop(digests.insert(*place, (*node, digest))),
                }
            }
        }
        None
    }

    fn tell_disagreement(&self, place: Place, one: usize, two: usize) -> String {
        let mut out = format!("nodes {one} and {two} disagree about {place:?}:");
        for node in [one, two] {
            let Some(replica) = self.replica(node) else { continue };
            let logs = replica.frontier().logs_at(place).map(|(log, head)| {
                let writer = self.nodes.iter().position(|other| other.device == log.device);
                let closed = replica.control().closed_at(&log.device, &log.name());
                let last = head.length.checked_sub(1).and_then(|last| replica.store().entry(log, last).ok()?);
                let signed = last.is_some_and(|entry| entry.signature.is_some());
                format!(
                    "\n    by {writer:?}/{:?}: {} signed {signed} closed {closed:?} {:?}",
                    log.incarnation, head.length, head.head
                )
            });
            out.push_str(&format!("\n  node {node}:"));
            out.extend(logs);
            let refused = self.disk(node).refused().iter().rev().filter(|refused| refused.log.place == place).take(3);
            out.extend(refused.map(|refused| format!("\n    refused {}: {}", refused.sequence, refused.reason)));
        }
        out
    }

    /// Everything, once all agree.
    pub fn check_end(&mut self) {
        for node in 0..self.nodes.len() {
            self.model.digests.retain(|(of, _), _| *of != node);
            self.model.seen.remove(&node);
            self.check_views(node);
            self.check_node(node);
        }
        if self.failure.is_some() {
            return;
        }
        if let Err((what, why)) = self.judge_end() {
            self.fail(what, why);
        }
    }

    fn judge_end(&mut self) -> Result<(), (&'static str, String)> {
        let Some(control) = self.truth() else { return Ok(()) };
        // Where nothing was cut and nothing lost, everything that people did has effect.
        let untouched = (0..self.nodes.len()).all(|node| self.disk(node).evidence().is_empty())
            && !self.model.acknowledged.iter().any(|entry| entry.lost);
        for acknowledged in &self.model.acknowledged {
            let Acknowledged { node: author, log, sequence, hash, lost } = acknowledged;
            let at = EntryRef { log: log.name(), sequence: *sequence };
            let cut = law::is_cut(control, log, *sequence);
            let mut kept = false;
            for node in 0..self.nodes.len() {
                let disk = self.disk(node);
                let here = disk.entry(log, *sequence).ok().flatten().is_some_and(|entry| entry.hash == *hash);
                if here
                    && untouched
                    && self.disk(node).entry(log, *sequence).ok().flatten().is_some_and(|e| e.verdict != Verdict::Applied)
                {
                    return Err((
                        "effect",
                        format!("entry {sequence} of {log:?}, by node {author}, has no effect at node {node}"),
                    ));
                }
                kept |= here || disk.evidence().iter().any(|entry| entry.reference() == at && entry.hash == *hash);
                let holder = !self.nodes[node].retired && law::may_hold(control, &self.nodes[node].device, &log.place);
                if holder && !here && !lost && !cut {
                    let why = format!("node {node} lacks entry {sequence} of {log:?}, acknowledged by node {author}");
                    return Err(("lost", why));
                }
            }
            if !kept && !lost {
                return Err(("lost", format!("entry {sequence} of {log:?}, acknowledged by node {author}, is nowhere")));
            }
        }
        let some = if self.nodes.len() > 50 { 12 } else { 1 };
        for node in (0..self.nodes.len()).step_by(some) {
            let Some(replica) = self.replica(node) else { continue };
            let found = replica.verify(|_, _| {}).map_err(|error| ("verify", error.to_string()))?;
            if !found.is_empty() {
                return Err(("verify", format!("node {node}: {found:?}")));
            }
        }
        if self.options.profile.is_year() {
            return self.check_year();
        }
        self.check_cases()
    }
}

/// The least log there is, for ranges.
const FIRST: LogId = LogId {
    place: Place {
        area: AreaId::FIRST,
        lane: shouwang_protocol::record::Lane::Control,
        floor: shouwang_protocol::area::Tier::Village,
    },
    device: DeviceKey([0; 32]),
    incarnation: shouwang_protocol::device::Incarnation([0; 16]),
};

/// Whether a replica still has what it acknowledged in one of its logs; what was cut must be among the evidence.
fn keeps<S: Store + AsMemory>(replica: &Replica<S>, log: &LogId, length: &mut u64, hash: &mut Hash) -> Result<(), String> {
    let at = |sequence: u64| replica.store().entry(log, sequence).ok().flatten().map(|entry| entry.hash);
    while *length > 0 && at(*length - 1) != Some(*hash) {
        if !law::is_cut(replica.control(), log, *length - 1) {
            return Err(format!("acknowledged entry {} of {log:?} is gone", *length - 1));
        }
        let name = log.name();
        let kept = replica
            .store()
            .memory()
            .evidence()
            .iter()
            .any(|entry| entry.log.name() == name && entry.sequence == *length - 1 && entry.hash == *hash);
        if !kept {
            return Err(format!("entry {} of {log:?} was cut and is not among the evidence", *length - 1));
        }
        *length -= 1;
        // Further down the chain the hash is what the store or the evidence says.
        let below = |sequence: u64| {
            let evidence = replica.store().memory().evidence().iter();
            at(sequence).or_else(|| {
                let mut found = evidence.filter(|entry| entry.log.name() == name && entry.sequence == sequence);
                found.next().map(|entry| entry.hash)
            })
        };
        if let Some(sequence) = length.checked_sub(1) {
            *hash = below(sequence).unwrap_or_default();
        }
    }
    Ok(())
}

/// A store whose content can be looked at.
pub trait AsMemory {
    /// The content.
    fn memory(&self) -> &shouwang_protocol::store::memory::MemoryStore;
}

impl AsMemory for crate::disk::SimStore {
    fn memory(&self) -> &shouwang_protocol::store::memory::MemoryStore {
        self.content()
    }
}

/// Whether an entry may be on a disk, and what has effect may have it.
fn lawful<S: Store>(replica: &Replica<S>, entry: &StoredEntry) -> Result<(), String> {
    let control = replica.control();
    let kind = |id: &RecordId| replica.store().record(id).ok().flatten().map(|record| record.kind);
    let name = || format!("entry {} of {:?}", entry.sequence, entry.log);
    if !law::may_write_log(control, &entry.log) {
        return Err(format!("{} is stored, but its device may not write there", name()));
    }
    if entry.verdict == Verdict::Applied {
        for pair in &entry.entry.pairs {
            let Some(record) = pair.record_ref() else { return Err(format!("{} has effect and cannot be read", name())) };
            if !law::may_change(control, &entry.log, &record, kind) {
                return Err(format!("{} has effect on {record:?} without authority", name()));
            }
        }
    }
    Ok(())
}

/// What a view depends on: the place, all it may name (the same area and above), and control.
fn context<S: Store>(replica: &Replica<S>, place: &Place, root: Option<AreaId>) -> Hash {
    let divisions = &replica.control().divisions;
    let above: Vec<AreaId> = divisions.path_up(place.area).collect();
    let mut parts = vec![place.area.raw().to_le_bytes().to_vec(), vec![place.lane.number(), place.floor.number()]];
    for (other, digest) in replica.frontier().places() {
        let control = shouwang_protocol::frontier::is_root_control(&other, root);
        if digest != Digest::default() && (control || (above.contains(&other.area) && other.floor <= place.floor)) {
            parts.push(other.area.raw().to_le_bytes().to_vec());
            parts.push(vec![other.lane.number(), other.floor.number()]);
            parts.push(digest.0.to_le_bytes().to_vec());
        }
    }
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    Hash::of("context", &parts)
}

/// What a replica makes of a place: the verdict of every entry and the heads of every record.
fn view(replica: &Replica<crate::disk::SimStore>, place: &Place) -> (Hash, String) {
    use std::fmt::Write;
    let mut text = String::new();
    for (log, _) in replica.frontier().logs_at(*place) {
        for entry in replica.store().entries(log, 0, usize::MAX).unwrap_or_default() {
            let verdict = match &entry.verdict {
                Verdict::Waiting(_) => "waiting".to_owned(),
                other => format!("{other:?}"),
            };
            let _ = writeln!(text, "{}/{} {verdict}", log.device.short(), entry.sequence);
        }
    }
    for id in replica.store().records_at(place) {
        if let Ok(Some(record)) = replica.record(&id) {
            let mut heads = record.doc.get_heads();
            heads.sort();
            let heads: Vec<String> = heads.iter().map(ToString::to_string).collect();
            let _ = writeln!(text, "{id} {}", heads.join(","));
        }
    }
    (Hash::of("view", &[text.as_bytes()]), text)
}

fn differ(one: &str, two: &str) -> String {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<BTreeSet<_>>();
    let (one, two) = (lines(one), lines(two));
    let only = |a: &BTreeSet<String>, b: &BTreeSet<String>| a.difference(b).take(6).cloned().collect::<Vec<_>>();
    format!("  only there: {:?}\n  only here: {:?}", only(&one, &two), only(&two, &one))
}
