//! A small city for tests: real engines over stores in memory, and a wire that can be pulled.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, missing_docs)]
#![allow(dead_code)]

use automerge::transaction::Transactable;
use automerge::{ObjType, ROOT, ReadDoc};
use shouwang_protocol::area::{Area, AreaId, Past, Tier};
use shouwang_protocol::control::{Office, device, divisions};
use shouwang_protocol::device::{
    Certificate, CertificateBody, DeviceKey, Incarnation, OfficeId, SUITE, SigningKey, certify_enrolment,
};
use shouwang_protocol::engine::{Connection, Engine, Output};
use shouwang_protocol::entry::EntryRef;
use shouwang_protocol::record::{ActionId, Kind, Lane, Place, RecordId, RecordRef};
use shouwang_protocol::records::{Edit, edit};
use shouwang_protocol::replica::{Action, CommitError, Done, Draft, Identity, Replica};
use shouwang_protocol::store::memory::MemoryStore;
use shouwang_protocol::sync::message::Message;
use shouwang_protocol::sync::session::Now;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

pub fn area(code: &str) -> AreaId {
    AreaId::parse(code).expect("a code")
}

pub const CITY: &str = "320582000000";

/// (code, tier, parent)
pub const AREAS: &[(&str, Tier, &str)] = &[
    (CITY, Tier::City, ""),
    ("320582100000", Tier::Township, CITY),
    ("320582101000", Tier::Township, CITY),
    ("320582100201", Tier::Village, "320582100000"),
    ("320582100202", Tier::Village, "320582100000"),
    ("320582101201", Tier::Village, "320582101000"),
];

pub const TOWNSHIP: usize = 1;
pub const OTHER_TOWNSHIP: usize = 2;
pub const VILLAGE: usize = 3;
pub const NEIGHBOUR: usize = 4;
pub const FAR_VILLAGE: usize = 5;

pub fn areas() -> Vec<Area> {
    AREAS
        .iter()
        .map(|(code, tier, parent)| Area {
            id: area(code),
            code: (*code).into(),
            name: format!("区划{code}"),
            tier: *tier,
            parent: AreaId::parse(parent),
            past: Past::default(),
        })
        .collect()
}

pub fn offices() -> Vec<Office> {
    AREAS
        .iter()
        .enumerate()
        .map(|(i, (code, tier, _))| Office {
            id: OfficeId(i as u32 + 1),
            name: format!("机构{i}"),
            tier: *tier,
            areas: BTreeMap::from([(area(code), true)]),
            decider: None,
        })
        .collect()
}

pub fn key(n: usize) -> SigningKey {
    SigningKey::from_seed(&[n as u8 + 1; 32])
}

pub fn root() -> SigningKey {
    SigningKey::from_seed(&[200; 32])
}

pub fn certificate(n: usize, serial: u32) -> Certificate {
    let enrolment = SigningKey::from_seed(&[201; 32]);
    let body = CertificateBody {
        suite: SUITE,
        root: root().key(),
        device: key(n).key(),
        recipient: [7; 32],
        office: OfficeId(n as u32 + 1),
        tier: AREAS[n].1,
        areas: vec![area(AREAS[n].0)],
        serial,
        expires: 30_000,
        name: format!("设备{n}"),
    };
    Certificate::issue(&body, &enrolment, certify_enrolment(&root(), &enrolment.key()))
}

pub fn identity(n: usize, life: u8) -> Identity {
    let mut pinned = vec![certificate(n, 1)];
    if n != 0 {
        pinned.push(certificate(0, 1));
    }
    Identity { key: key(n), incarnation: Incarnation([life; 16]), root: root().key(), pinned }
}

pub fn node(n: usize) -> Engine<MemoryStore> {
    node_over(MemoryStore::new(n as u64 + 100), n, 1)
}

pub fn node_over(store: MemoryStore, n: usize, life: u8) -> Engine<MemoryStore> {
    Engine::new(Replica::open(store, identity(n, life)).expect("opens"))
}

pub fn control() -> Place {
    Place { area: area(CITY), lane: Lane::Control, floor: Tier::Village }
}

pub fn registry(n: usize) -> Place {
    Place { area: area(AREAS[n].0), lane: Lane::Registry, floor: Tier::Village }
}

/// A draft for control, made when the record that the city's first action created is known.
pub struct City {
    pub nodes: Vec<Engine<MemoryStore>>,
    pub wires: BTreeMap<Connection, (usize, usize)>,
    pub inbox: VecDeque<(Connection, usize, Vec<u8>)>,
    pub now: Now,
    pub next_connection: Connection,
    pub next_action: u64,
    pub bytes: usize,
    pub messages: Vec<(usize, usize, Message)>,
    pub closed: Vec<(usize, Connection, String)>,
}

impl City {
    /// The city's node alone knows everything; the others only have their certificates.
    pub fn new() -> City {
        let mut city = City {
            nodes: (0..AREAS.len()).map(node).collect(),
            wires: BTreeMap::new(),
            inbox: VecDeque::new(),
            now: Now { mono_ms: 1_000, wall_ms: 1_790_000_000_000 },
            next_connection: 0,
            next_action: 0,
            bytes: 0,
            messages: Vec::new(),
            closed: Vec::new(),
        };
        city.act(0, control(), RecordRef::New(Kind::DIVISIONS), divisions::create());
        let record = city.divisions();
        city.act(0, control(), RecordRef::Known(record), divisions::put_areas(areas()));
        city.act(0, control(), RecordRef::Known(record), divisions::put_offices(offices()));
        for n in 0..AREAS.len() {
            let made = device::create(key(n).key(), 1, &certificate(n, 1));
            city.act(0, control(), RecordRef::New(Kind::DEVICE), made);
        }
        city
    }

    pub fn divisions(&self) -> RecordId {
        self.nodes[0].replica().control().divisions_record.expect("the tree")
    }

    pub fn device_record(&self, n: usize) -> RecordId {
        self.nodes[0].replica().control().devices[&key(n).key()].record.expect("a record")
    }

    pub fn action(&mut self, place: Place, record: RecordRef, edit: Edit) -> Action {
        self.next_action += 1;
        let mut id = [0; 16];
        id[..8].copy_from_slice(&self.next_action.to_le_bytes());
        Action {
            id: ActionId(id),
            staff: "s1".into(),
            claimed_ms: self.now.wall_ms,
            shown: Vec::new(),
            drafts: vec![Draft { place, record, edit }],
        }
    }

    pub fn try_act(&mut self, n: usize, place: Place, record: RecordRef, edit: Edit) -> Result<Done, CommitError> {
        let action = self.action(place, record, edit);
        let (_, mut done) = self.nodes[n].commit(vec![action], self.now)?;
        self.collect(n);
        Ok(done.pop().expect("one"))
    }

    pub fn act(&mut self, n: usize, place: Place, record: RecordRef, edit: Edit) -> Done {
        self.try_act(n, place, record, edit).expect("commits")
    }

    /// A household with a name and a list of aid.
    pub fn household(&mut self, n: usize, of: usize, head: &str) -> RecordId {
        self.try_household(n, of, head).expect("commits").records[0]
    }

    pub fn try_household(&mut self, n: usize, of: usize, head: &str) -> Result<Done, CommitError> {
        let head = head.to_owned();
        self.try_act(
            n,
            registry(of),
            RecordRef::New(Kind::HOUSEHOLD),
            edit(move |tx| {
                tx.put(ROOT, "schema", 1_i64)?;
                tx.put(ROOT, "head", head)?;
                tx.put_object(ROOT, "aid", ObjType::List)?;
                Ok(())
            }),
        )
    }

    pub fn put(&mut self, n: usize, of: usize, record: RecordId, field: &str, value: &str) -> EntryRef {
        let (field, value) = (field.to_owned(), value.to_owned());
        self.act(n, registry(of), RecordRef::Known(record), edit(move |tx| Ok(tx.put(ROOT, field, value)?))).entries[0]
    }

    pub fn add_aid(&mut self, n: usize, of: usize, record: RecordId, what: &str) -> EntryRef {
        let what = what.to_owned();
        let change = edit(move |tx| {
            let (_, list) = tx.get(ROOT, "aid")?.expect("the list");
            Ok(tx.insert(&list, tx.length(&list), what)?)
        });
        self.act(n, registry(of), RecordRef::Known(record), change).entries[0]
    }

    pub fn field(&self, n: usize, record: RecordId, field: &str) -> Option<String> {
        let known = self.nodes[n].replica().record(&record).expect("reads")?;
        let (value, _) = known.doc.get(ROOT, field).expect("reads")?;
        value.into_string().ok()
    }

    pub fn aid(&self, n: usize, record: RecordId) -> BTreeSet<String> {
        let known = self.nodes[n].replica().record(&record).expect("reads").expect("here");
        let (_, list) = known.doc.get(ROOT, "aid").expect("reads").expect("the list");
        (0..known.doc.length(&list)).map(|i| known.doc.get(&list, i).unwrap().unwrap().0.into_string().unwrap()).collect()
    }

    /// `lower` dials `upper`.
    pub fn dial(&mut self, lower: usize, upper: usize) -> Connection {
        self.next_connection += 1;
        let connection = self.next_connection;
        self.wires.insert(connection, (lower, upper));
        let device = |n: usize| -> DeviceKey { self.nodes[n].replica().device() };
        let (low, up) = (device(lower), device(upper));
        self.nodes[lower].connected(connection, up, true, self.now).expect("connects");
        self.nodes[upper].connected(connection, low, false, self.now).expect("connects");
        self.collect(lower);
        self.collect(upper);
        connection
    }

    /// Pulls the wire: what is on it is lost.
    pub fn cut(&mut self, connection: Connection) {
        if let Some((lower, upper)) = self.wires.remove(&connection) {
            self.inbox.retain(|(at, _, _)| *at != connection);
            self.nodes[lower].closed(connection);
            self.nodes[upper].closed(connection);
        }
    }

    pub fn collect(&mut self, n: usize) {
        for output in self.nodes[n].take_output() {
            match output {
                Output::Send(connection, bytes) => {
                    let Some((lower, upper)) = self.wires.get(&connection).copied() else { continue };
                    let to = if lower == n { upper } else { lower };
                    self.bytes += bytes.len();
                    self.messages.push((n, to, Message::from_bytes(&bytes).expect("a message")));
                    self.inbox.push_back((connection, to, bytes));
                }
                Output::Close(connection, why) => {
                    self.closed.push((n, connection, format!("{why:?}")));
                    if let Some((lower, upper)) = self.wires.get(&connection).copied() {
                        // What was sent before the closing still arrives.
                        let other = if lower == n { upper } else { lower };
                        self.wires.remove(&connection);
                        let _ = other;
                    }
                }
                Output::Agreed(..) | Output::Changed => {}
            }
        }
    }

    /// Delivers one message. Whether there was one.
    pub fn step(&mut self) -> bool {
        let Some((connection, to, bytes)) = self.inbox.pop_front() else { return false };
        self.now.mono_ms += 1;
        self.now.wall_ms += 1;
        self.nodes[to].received(connection, &bytes, self.now).expect("takes it");
        self.collect(to);
        true
    }

    /// Delivers the next message of one connection. Whether there was one.
    pub fn step_on(&mut self, connection: Connection) -> bool {
        let Some(at) = self.inbox.iter().position(|(on, _, _)| *on == connection) else { return false };
        if let Some(message) = self.inbox.remove(at) {
            self.inbox.push_front(message);
        }
        self.step()
    }

    /// Delivers everything, and lets time pass until nothing more happens.
    pub fn run(&mut self) {
        let mut idle = 0;
        let mut steps = 0;
        while idle < 4 {
            while self.step() {
                steps += 1;
                idle = 0;
                assert!(steps < 100_000, "it never ends");
            }
            idle += 1;
            self.now.mono_ms += 1_500;
            self.now.wall_ms += 1_500;
            for n in 0..self.nodes.len() {
                self.nodes[n].tick(self.now).expect("ticks");
                self.collect(n);
            }
        }
    }

    /// Every lower office dials its superior, and everything is delivered.
    pub fn connect_all(&mut self) -> Vec<Connection> {
        let wires = [(1, 0), (2, 0), (3, 1), (4, 1), (5, 2)];
        let made = wires.map(|(lower, upper)| self.dial(lower, upper)).to_vec();
        self.run();
        made
    }

    pub fn agreed(&self, n: usize, connection: Connection) -> bool {
        self.nodes[n].sessions().any(|(at, session)| at == connection && session.is_agreed())
    }

    /// Both hold the same of a place.
    pub fn same(&self, a: usize, b: usize, place: Place) -> bool {
        self.nodes[a].replica().frontier().digest_at(&place) == self.nodes[b].replica().frontier().digest_at(&place)
    }

    pub fn verify_all(&self) {
        for (n, node) in self.nodes.iter().enumerate() {
            assert_eq!(node.replica().verify(|_, _| {}).expect("verifies"), [], "node {n}");
        }
    }
}
