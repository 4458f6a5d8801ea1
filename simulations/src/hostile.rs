//! A machine in bad hands: enrolled, with a key of its own, and never running our program.
//!
//! It makes runs by hand and brings them to somebody's node, as on a stick: importing is the same path as receiving. It
//! writes outside its area and above its tier, forges, forks, names entries nobody else has, and sends rubbish. Some
//! of it may be stored; none of it may have an effect it has no authority for.

use crate::city::{City, first_life};
use crate::people::place;
use crate::trace::Dice;
use crate::world::World;
use automerge::transaction::{CommitOptions, Transactable};
use automerge::{Automerge, ROOT, ReadDoc};
use shouwang_protocol::area::{AreaId, Tier};
use shouwang_protocol::device::{DeviceKey, Signature, SigningKey, actor};
use shouwang_protocol::entry::{Content, ENTRY_VERSION, Entry, EntryRef, Header, LogId, Pair, Run, sign_head};
use shouwang_protocol::hash::Hash;
use shouwang_protocol::record::{ActionId, CaseId, Kind, Lane, Place, RecordRef};
use shouwang_protocol::records::case;
use shouwang_protocol::store::Store;
use std::collections::BTreeMap;

/// The machine and what it has written.
pub struct Hostile {
    key: SigningKey,
    device: DeviceKey,
    own: AreaId,
    heads: BTreeMap<LogId, (u64, Hash, u64)>,
    dice: Dice,
}

impl Hostile {
    /// It has done nothing yet.
    pub fn new(city: &City, seed: u64) -> Hostile {
        let machine = city.hostile();
        let key = city.key(machine);
        let own = city.areas[city.machines[machine].office].id;
        Hostile { device: key.key(), key, own, heads: BTreeMap::new(), dice: Dice::new(seed, 3) }
    }

    fn run(&mut self, at: Place, pairs: Vec<Pair>, after: Vec<EntryRef>, advance: bool) -> Run {
        let log = LogId { place: at, device: self.device, incarnation: first_life(usize::MAX) };
        let (length, head, lamport) = self.heads.get(&log).copied().unwrap_or_default();
        let header = Header {
            version: ENTRY_VERSION,
            suite: 1,
            sequence: length,
            lamport: lamport + 1,
            after,
            claimed_ms: 0,
            staff: "x".into(),
            action: ActionId(self.dice.bytes16()),
        };
        let entry = Entry { header: header.to_bytes(), pairs };
        let hash = entry.chain(&log.name(), &head);
        let signature = sign_head(&self.key, &hash);
        if advance {
            self.heads.insert(log, (length + 1, hash, lamport + 1));
        }
        Run { log, first: length, entries: vec![entry], signature }
    }

    fn change(&self, doc: Automerge, field: &str) -> Vec<u8> {
        let mut doc = doc.with_actor(actor(&self.device, &first_life(usize::MAX)));
        let mut tx = doc.transaction();
        let put = tx.put(ROOT, field, "坏").is_ok();
        let (hash, _) = tx.commit_with(CommitOptions::default().with_time(0));
        let change = hash.filter(|_| put).and_then(|hash| doc.get_change_by_hash(&hash));
        change.map(|change| change.raw_bytes().to_vec()).unwrap_or_default()
    }
}

impl World {
    /// The machine in bad hands does something.
    pub(crate) fn attack(&mut self) {
        let Some(victim) = self.some_node(|world, node| world.truth().is_some() && node < world.city.areas.len()) else { return };
        let villages: Vec<AreaId> =
            self.city.areas.iter().filter(|area| area.tier == Tier::Village).map(|area| area.id).collect();
        let hostile = &mut self.hostile;
        let own = hostile.own;
        let other = *hostile.dice.pick(&villages).unwrap_or(&own);
        let new = |bytes: Vec<u8>| vec![Pair::new(&RecordRef::New(Kind::HOUSEHOLD), bytes)];
        let household = |hostile: &Hostile| new(hostile.change(Automerge::new(), "head"));
        let kind = hostile.dice.between(0, 9);
        let mut runs = Vec::new();
        match kind {
            // Outside its area.
            0 | 1 => runs.push(hostile.run(place(other, Lane::Registry), household(hostile), Vec::new(), true)),
            // Above its tier, in its own area.
            2 | 3 => {
                let case = CaseId(hostile.dice.bytes16());
                let change = hostile.change(case::skeleton(), "approved");
                let pairs = vec![Pair::new(&RecordRef::Volume(case, Tier::City), change)];
                runs.push(hostile.run(place(own, Lane::Casework), pairs, Vec::new(), true));
            }
            // Control of the city.
            4 => {
                let change = hostile.change(Automerge::new(), "areas");
                let pairs = vec![Pair::new(&RecordRef::New(Kind::DIVISIONS), change)];
                runs.push(hostile.run(place(self.city.root(), Lane::Control), pairs, Vec::new(), true));
            }
            // A signature that does not fit.
            5 => {
                let mut run = hostile.run(place(own, Lane::Registry), household(hostile), Vec::new(), false);
                run.signature = Signature([7; 64]);
                runs.push(run);
            }
            // Two entries at one place.
            6 => {
                runs.push(hostile.run(place(own, Lane::Registry), household(hostile), Vec::new(), false));
                runs.push(hostile.run(place(own, Lane::Registry), household(hostile), Vec::new(), true));
                let device = hostile.device;
                self.model.copied.insert(device);
            }
            // It names an entry of another area, which the holders of its own do not have.
            7 => {
                let far = self.replica(0).and_then(|city| {
                    let mut logs = city.frontier().logs().filter(|(log, _)| log.place.area == other && other != own);
                    logs.next().map(|(log, head)| (log.name(), head.length, head.lamport))
                });
                if let Some((log, length, lamport)) = far.filter(|(_, length, _)| *length > 0) {
                    let at = place(own, Lane::Registry);
                    let hostile = &mut self.hostile;
                    let id = LogId { place: at, device: hostile.device, incarnation: first_life(usize::MAX) };
                    let head = hostile.heads.entry(id).or_default();
                    head.2 = head.2.max(lamport);
                    let pairs = household(hostile);
                    runs.push(hostile.run(at, pairs, vec![EntryRef { log, sequence: length - 1 }], true));
                }
            }
            // Rubbish, and content that only the city may leave out.
            8 => {
                let rubbish: Vec<u8> = (0..200).map(|_| hostile.dice.between(0, 255) as u8).collect();
                runs.push(hostile.run(place(own, Lane::Registry), new(rubbish), Vec::new(), true));
            }
            _ => {
                let mut pairs = household(hostile);
                pairs.iter_mut().for_each(|pair| pair.content = Content::Redacted(pair.hash()));
                runs.push(hostile.run(place(own, Lane::Registry), pairs, Vec::new(), true));
            }
        }
        let device = self.hostile.device;
        self.trace.line(self.now, format_args!("attack {kind} {victim}"));
        // Two branches of a fork go to two nodes: the village's own and whoever is the victim.
        let own_node = self.nodes.iter().position(|node| self.city.areas[self.city.machines[node.machine].office].id == own);
        for (index, run) in runs.into_iter().enumerate() {
            let at_home = if kind == 6 { index == 0 } else { kind >= 2 && self.dice.chance(500) };
            let at = own_node.filter(|_| at_home).unwrap_or(victim);
            let Some(engine) = self.engine(at) else { continue };
            let before = engine.replica().frontier().get(&run.log).length;
            if let Ok((_, report)) = engine.replica_mut().ingest(device, std::slice::from_ref(&run)) {
                let stored = engine.replica().frontier().get(&run.log).length > before;
                let words = if stored { "attack stored" } else { "attack refused" };
                let without = stored
                    && matches!(
                        engine.replica().store().entry(&run.log, before),
                        Ok(Some(entry)) if entry.verdict.word() == "without-effect"
                    );
                drop(report);
                self.trace.sometimes(words);
                if without {
                    self.trace.sometimes("attack without effect");
                }
            }
            self.settle(at);
        }
    }
}
