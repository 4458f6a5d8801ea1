//! A small city over stores that are twins: one in memory, one on disk; every answer of the two is compared.

use crate::store::{Options, SqliteStore};
use automerge::ChangeHash;
use shouwang_protocol::area::{Area, AreaId, Past, Tier};
use shouwang_protocol::control::{Office, device, divisions};
use shouwang_protocol::device::{
    Certificate, CertificateBody, DeviceKey, Incarnation, OfficeId, SUITE, SigningKey, certify_enrolment,
};
use shouwang_protocol::engine::{Connection, Engine, Output};
use shouwang_protocol::entry::{EntryRef, LogId};
use shouwang_protocol::frontier::LogHead;
use shouwang_protocol::record::{ActionId, CaseId, Kind, Lane, Place, RecordId, RecordRef};
use shouwang_protocol::records::amount::Fen;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::event::{Channel, Event, Finding, Origin, Urgency, Verdict as Outcome, What};
use shouwang_protocol::records::{Edit, case, import, policy, staff};
use shouwang_protocol::replica::{Action, CommitError, Done, Draft, Identity, Replica};
use shouwang_protocol::store::memory::MemoryStore;
use shouwang_protocol::store::*;
use shouwang_protocol::sync::receipt::Receipt;
use shouwang_protocol::sync::session::Now;
use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

pub const KEY: [u8; 32] = [42; 32];

/// A store in memory and one on disk that must answer alike.
pub struct Twin {
    pub memory: MemoryStore,
    pub disk: SqliteStore,
    pub place: TempDir,
}

impl Twin {
    pub fn new() -> Twin {
        let place = tempfile::tempdir().expect("a directory");
        let disk = SqliteStore::create(place.path(), &KEY, Options::default()).expect("creates");
        Twin { memory: MemoryStore::new(disk.epoch()), disk, place }
    }

    pub fn reopen(self) -> Twin {
        let Twin { memory, disk, place } = self;
        drop(disk);
        let disk = SqliteStore::open(place.path(), &KEY, Options::default()).expect("opens");
        Twin { memory, disk, place }
    }

    pub fn compare(&self) {
        for (log, _) in self.heads().expect("reads") {
            for entry in self.entries(&log, 0, usize::MAX).expect("reads") {
                self.entry(&log, entry.sequence).expect("reads");
            }
            self.entry(&log, 1_000_000).expect("reads");
        }
        for entry in self.memory.all_entries() {
            if let Some(header) = shouwang_protocol::entry::Header::from_bytes(&entry.entry.header) {
                self.action(&header.action).expect("reads");
            }
        }
        for (id, _) in self.memory.records() {
            self.record(id).expect("reads");
            for fact in self.changes(id).expect("reads") {
                self.change_entry(id, &ChangeHash(fact.hash)).expect("reads");
            }
        }
        for kind in (0..40).map(Kind) {
            self.records_of(kind).expect("reads");
        }
        let position = self.position().expect("reads");
        for from in [0, 1, position / 3, position / 2, position.saturating_sub(1), position, position + 5] {
            for limit in [0, 1, 3, 1_000] {
                self.gained_since(from, limit).expect("reads");
            }
        }
        self.waiting().expect("reads");
        self.receipts().expect("reads");
        self.forks().expect("reads");
        assert_eq!(self.disk.refused().expect("reads"), self.memory.refused());
        assert_eq!(self.disk.evidence().expect("reads"), self.memory.evidence());
    }
}

macro_rules! both {
    ($self:ident, $name:ident ( $($argument:expr),* )) => {{
        let (disk, memory) = ($self.disk.$name($($argument),*), $self.memory.$name($($argument),*));
        assert_eq!(disk, memory, stringify!($name));
        disk
    }};
}

impl Store for Twin {
    fn epoch(&self) -> u64 {
        both!(self, epoch())
    }
    fn heads(&self) -> Result<Vec<(LogId, LogHead)>, StoreError> {
        both!(self, heads())
    }
    fn position(&self) -> Result<u64, StoreError> {
        both!(self, position())
    }
    fn entries(&self, log: &LogId, from: u64, bytes: usize) -> Result<Vec<StoredEntry>, StoreError> {
        both!(self, entries(log, from, bytes))
    }
    fn entry(&self, log: &LogId, sequence: u64) -> Result<Option<StoredEntry>, StoreError> {
        both!(self, entry(log, sequence))
    }
    fn gained_since(&self, position: u64, limit: usize) -> Result<Option<Vec<(LogId, u64)>>, StoreError> {
        both!(self, gained_since(position, limit))
    }
    fn record(&self, id: &RecordId) -> Result<Option<StoredRecord>, StoreError> {
        let (disk, memory) = (self.disk.record(id)?, self.memory.record(id)?);
        let plain = |record: &Option<StoredRecord>| record.as_ref().map(|r| (r.kind, r.place, r.snapshot.clone()));
        assert_eq!(plain(&disk), plain(&memory));
        Ok(disk)
    }
    fn records_of(&self, kind: Kind) -> Result<Vec<RecordId>, StoreError> {
        both!(self, records_of(kind))
    }
    fn changes(&self, id: &RecordId) -> Result<Vec<ChangeFact>, StoreError> {
        both!(self, changes(id))
    }
    fn change_entry(&self, id: &RecordId, hash: &ChangeHash) -> Result<Option<EntryRef>, StoreError> {
        both!(self, change_entry(id, hash))
    }
    fn action(&self, id: &ActionId) -> Result<Vec<EntryRef>, StoreError> {
        both!(self, action(id))
    }
    fn waiting(&self) -> Result<Vec<(EntryRef, Vec<WaitFor>)>, StoreError> {
        both!(self, waiting())
    }
    fn receipts(&self) -> Result<Vec<(u64, Receipt)>, StoreError> {
        both!(self, receipts())
    }
    fn peer(&self, device: &DeviceKey) -> Result<Option<PeerState>, StoreError> {
        both!(self, peer(device))
    }
    fn forks(&self) -> Result<Vec<ForkProof>, StoreError> {
        both!(self, forks())
    }
    fn write(&mut self, batch: &Batch) -> Result<(), StoreError> {
        self.disk.write(batch)?;
        self.memory.write(batch)
    }
}

/// Numbers that look random and are the same every time.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.roll(from.len())]
    }

    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.roll(256) as u8)
    }
}

pub fn area(code: &str) -> AreaId {
    AreaId::parse(code).expect("a code")
}

pub const AREAS: &[(&str, Tier, &str, &str)] = &[
    ("320582000000", Tier::City, "", "张家港市"),
    ("320582100000", Tier::Township, "320582000000", "塘桥镇"),
    ("320582100201", Tier::Village, "320582100000", "金村村"),
    ("320582100202", Tier::Village, "320582100000", "欧桥社区"),
];
pub const CITY: usize = 0;
pub const TOWNSHIP: usize = 1;
pub const VILLAGE: usize = 2;
pub const NEIGHBOUR: usize = 3;

pub fn seed_of(n: usize) -> SigningKey {
    SigningKey::from_seed(&[n as u8 + 1; 32])
}

pub fn root() -> SigningKey {
    SigningKey::from_seed(&[200; 32])
}

pub fn office(n: usize) -> OfficeId {
    OfficeId(n as u32 + 1)
}

pub fn certificate(n: usize, serial: u32) -> Certificate {
    let enrolment = SigningKey::from_seed(&[201; 32]);
    let body = CertificateBody {
        suite: SUITE,
        root: root().key(),
        device: seed_of(n).key(),
        recipient: [7; 32],
        office: office(n),
        tier: AREAS[n].1,
        areas: vec![area(AREAS[n].0)],
        serial,
        expires: 30_000,
        name: format!("设备{n}"),
    };
    Certificate::issue(&body, &enrolment, certify_enrolment(&root(), &enrolment.key()))
}

pub fn place(n: usize, lane: Lane) -> Place {
    Place { area: area(AREAS[n].0), lane, floor: Tier::Village }
}

/// A right identity number: the same for the same n.
pub fn id_number(n: usize) -> String {
    let digits = format!("320582{:04}{:02}{:02}{:03}", 1950 + n % 60, n % 12 + 1, n % 28 + 1, n % 1000);
    let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 = digits.bytes().zip(weights).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    format!("{digits}{}", char::from(b"10X98765432"[(sum % 11) as usize]))
}

const FAMILY: [&str; 8] = ["张", "王", "李", "赵", "钱", "欧阳", "陆", "𠮷"];
const GIVEN: [&str; 8] = ["伟", "秀英", "建国", "芳", "小明", "𫍽", "桂兰", "志强"];

pub fn person(dice: &mut Dice) -> String {
    format!("{}{}", dice.pick(&FAMILY), dice.pick(&GIVEN))
}

/// A row of the household file.
pub fn household(dice: &mut Dice, id: &str, n: usize) -> import::Row {
    let head = person(dice);
    let members: Vec<serde_json::Value> = (0..1 + dice.roll(3))
        .map(|at| {
            let (name, relation) = if at == 0 { (head.clone(), "户主") } else { (person(dice), "子女") };
            serde_json::json!({"name": name, "relation": relation, "id_no": id_number(dice.roll(60))})
        })
        .collect();
    let mut seen = std::collections::BTreeSet::new();
    let members: Vec<_> = members.into_iter().filter(|member| seen.insert(member["id_no"].to_string())).collect();
    let json = serde_json::json!({
        "id": id, "region": AREAS[n].0, "town": "塘桥镇", "village": AREAS[n].3, "address": format!("{}{}号", AREAS[n].3, dice.roll(300)),
        "head": head, "phone": format!("1380000{:04}", dice.roll(10_000)), "type": dice.pick(&["低保", "低保边缘", "特困"]),
        "income_annual": dice.roll(40_000), "status": "在册", "members": members,
        "aid": [{"no": "1", "date": "2026-01-05", "program": "临时救助", "amount": dice.roll(5_000)}],
    });
    import::check_row(json.as_object().expect("an object"), |_| true).expect("fits")
}

pub struct Town {
    pub nodes: Vec<Option<Engine<Twin>>>,
    pub lives: Vec<u8>,
    wires: BTreeMap<Connection, (usize, usize)>,
    inbox: VecDeque<(Connection, usize, Vec<u8>)>,
    pub now: Now,
    next_connection: Connection,
    pub next_action: u64,
    pub households: Vec<(usize, RecordId)>,
    pub cases: Vec<(usize, CaseId)>,
    pub staff: Vec<RecordId>,
    packs: u32,
}

fn identity(n: usize, life: u8) -> Identity {
    let pinned = vec![certificate(CITY, 1), certificate(n, 1)];
    Identity { key: seed_of(n), incarnation: Incarnation([life; 16]), root: root().key(), pinned }
}

fn engine(twin: Twin, n: usize, life: u8) -> Engine<Twin> {
    twin.disk.trust(root().key(), &[certificate(CITY, 1), certificate(n, 1)]).expect("trusts");
    Engine::new(Replica::open(twin, identity(n, life)).expect("opens"))
}

impl Town {
    pub fn new() -> Town {
        let mut town = Town {
            nodes: (0..AREAS.len()).map(|n| Some(engine(Twin::new(), n, 1))).collect(),
            lives: vec![1; AREAS.len()],
            wires: BTreeMap::new(),
            inbox: VecDeque::new(),
            now: Now { mono_ms: 1_000, wall_ms: 1_790_000_000_000 },
            next_connection: 0,
            next_action: 0,
            households: Vec::new(),
            cases: Vec::new(),
            staff: Vec::new(),
            packs: 0,
        };
        let control = place(CITY, Lane::Control);
        let done = town.act(CITY, control, RecordRef::New(Kind::DIVISIONS), divisions::create());
        let tree = RecordRef::Known(done.records[0]);
        let areas = AREAS.iter().map(|(code, tier, parent, name)| Area {
            id: area(code),
            code: (*code).into(),
            name: (*name).into(),
            tier: *tier,
            parent: AreaId::parse(parent),
            past: Past::default(),
        });
        town.act(CITY, control, tree, divisions::put_areas(areas.collect()));
        town.offices(None);
        for n in 0..AREAS.len() {
            town.act(CITY, control, RecordRef::New(Kind::DEVICE), device::create(seed_of(n).key(), 1, &certificate(n, 1)));
        }
        town
    }

    pub fn node(&self, n: usize) -> &Engine<Twin> {
        self.nodes[n].as_ref().expect("is on")
    }

    pub fn node_mut(&mut self, n: usize) -> &mut Engine<Twin> {
        self.nodes[n].as_mut().expect("is on")
    }

    pub fn disk(&self, n: usize) -> &SqliteStore {
        &self.node(n).replica().store().disk
    }

    pub fn dir(&self, n: usize) -> PathBuf {
        self.node(n).replica().store().place.path().to_owned()
    }

    /// Writes the offices; with deciders or without.
    pub fn offices(&mut self, decider: Option<usize>) {
        let tree = self.node(CITY).replica().control().divisions_record;
        let tree = tree.unwrap_or_else(|| self.node(CITY).replica().store().records_of(Kind::DIVISIONS).expect("reads")[0]);
        let offices = AREAS.iter().enumerate().map(|(n, (code, tier, _, name))| Office {
            id: office(n),
            name: format!("{name}办事处"),
            tier: *tier,
            areas: BTreeMap::from([(area(code), true)]),
            decider: (decider == Some(n)).then(|| seed_of(n).key()),
        });
        let edit = divisions::put_offices(offices.collect());
        self.act(CITY, place(CITY, Lane::Control), RecordRef::Known(tree), edit);
    }

    /// Names a device that nobody has as the city's decider.
    pub fn replace_decider(&mut self) {
        let control = self.node(CITY).replica().control();
        let tree = control.divisions_record.expect("a tree");
        let city = Office { decider: Some(seed_of(77).key()), ..control.offices[&office(CITY)].clone() };
        self.act(CITY, place(CITY, Lane::Control), RecordRef::Known(tree), divisions::put_offices(vec![city]));
    }

    /// What the city's device decided until now stays decided.
    pub fn keep_decisions(&mut self) {
        let replica = self.node(CITY).replica();
        let key = seed_of(CITY).key();
        let record = replica.control().devices[&key].record.expect("a record");
        let logs = replica.frontier().logs().filter(|(log, _)| log.device == key);
        let lengths = logs.map(|(log, head)| (log.name(), head.length)).collect();
        self.act(CITY, place(CITY, Lane::Control), RecordRef::Known(record), device::hand_over(lengths));
    }

    pub fn action(&mut self, place: Place, record: RecordRef, edit: Edit) -> Action {
        self.next_action += 1;
        let mut id = [0; 16];
        id[..8].copy_from_slice(&self.next_action.to_le_bytes());
        let drafts = vec![Draft { place, record, edit }];
        Action { id: ActionId(id), staff: "s1".into(), claimed_ms: self.now.wall_ms, shown: Vec::new(), drafts }
    }

    pub fn try_act(&mut self, n: usize, place: Place, record: RecordRef, edit: Edit) -> Result<Done, CommitError> {
        let action = self.action(place, record, edit);
        let now = self.now;
        let (_, mut done) = self.node_mut(n).commit(vec![action], now)?;
        self.collect(n);
        Ok(done.pop().expect("one"))
    }

    pub fn act(&mut self, n: usize, place: Place, record: RecordRef, edit: Edit) -> Done {
        self.try_act(n, place, record, edit).expect("commits")
    }

    pub fn dial(&mut self, lower: usize, upper: usize) {
        self.next_connection += 1;
        let (connection, now) = (self.next_connection, self.now);
        self.wires.insert(connection, (lower, upper));
        let (low, up) = (seed_of(lower).key(), seed_of(upper).key());
        self.node_mut(lower).connected(connection, up, true, now).expect("connects");
        self.node_mut(upper).connected(connection, low, false, now).expect("connects");
        self.collect(lower);
        self.collect(upper);
    }

    pub fn cut_all(&mut self) {
        for (connection, (lower, upper)) in std::mem::take(&mut self.wires) {
            self.node_mut(lower).closed(connection);
            self.node_mut(upper).closed(connection);
        }
        self.inbox.clear();
    }

    fn collect(&mut self, n: usize) {
        for output in self.node_mut(n).take_output() {
            match output {
                Output::Send(connection, bytes) => {
                    if let Some((lower, upper)) = self.wires.get(&connection).copied() {
                        self.inbox.push_back((connection, if lower == n { upper } else { lower }, bytes));
                    }
                }
                Output::Close(connection, _) => drop(self.wires.remove(&connection)),
                Output::Agreed(..) | Output::Changed => {}
            }
        }
    }

    pub fn run(&mut self) {
        for _ in 0..4 {
            let mut steps = 0;
            while let Some((connection, to, bytes)) = self.inbox.pop_front() {
                self.now.mono_ms += 1;
                self.now.wall_ms += 1;
                let now = self.now;
                self.node_mut(to).received(connection, &bytes, now).expect("takes it");
                self.collect(to);
                steps += 1;
                assert!(steps < 100_000, "it never ends");
            }
            self.now.mono_ms += 1_500;
            self.now.wall_ms += 1_500;
            for n in 0..self.nodes.len() {
                let now = self.now;
                self.node_mut(n).tick(now).expect("ticks");
                self.collect(n);
            }
        }
    }

    pub fn connect_all(&mut self) {
        for (lower, upper) in [(TOWNSHIP, CITY), (VILLAGE, TOWNSHIP), (NEIGHBOUR, TOWNSHIP)] {
            self.dial(lower, upper);
        }
        self.run();
    }

    /// The node crashes and comes up again from its disk.
    pub fn restart(&mut self, n: usize) {
        self.cut_all();
        let twin = self.nodes[n].take().expect("is on").into_replica().into_store().reopen();
        self.nodes[n] = Some(engine(twin, n, self.lives[n]));
    }

    pub fn import(&mut self, n: usize, of: usize, row: &import::Row) -> RecordId {
        let mut edits = import::create(row).into_iter();
        let first = edits.next().expect("one");
        let record = self.act(n, place(of, Lane::Registry), RecordRef::New(Kind::HOUSEHOLD), first).records[0];
        for edit in edits {
            self.act(n, place(of, Lane::Registry), RecordRef::Known(record), edit);
        }
        self.households.push((of, record));
        record
    }

    pub fn event(&mut self, n: usize, of: usize, case: CaseId, what: What) -> Result<Done, CommitError> {
        let event = Event::new(office(n), format!("s{n}"), "经办人", Day(20_700), what);
        let at = place(of, Lane::Casework);
        let mut action = self.action(at, RecordRef::Volume(case, AREAS[n].1), case::append(&event));
        // The person saw all volumes that are here.
        let volumes = Tier::ALL.map(|tier| RecordId::volume(&at, &case, tier));
        action.shown = volumes.into_iter().filter(|id| matches!(self.node(n).replica().record(id), Ok(Some(_)))).collect();
        let now = self.now;
        let (_, mut done) = self.node_mut(n).commit(vec![action], now)?;
        self.collect(n);
        Ok(done.pop().expect("one"))
    }

    pub fn open_case(&mut self, n: usize, of: usize, case: CaseId, applicant: &str, household: Option<RecordId>) {
        let opened = What::Opened {
            origin: Origin::Application,
            channel: Channel::Village,
            assistance: "临时救助".into(),
            household,
            applicant: applicant.into(),
            summary: "住院".into(),
            urgency: Urgency::Urgent,
            rule: String::new(),
            cause: String::new(),
            pack: policy::sample().version,
        };
        self.event(n, of, case, opened).expect("opens");
        self.cases.push((of, case));
    }

    pub fn publish(&mut self) {
        self.packs += 1;
        let mut pack = policy::sample();
        if self.packs > 1 {
            pack.version = format!("{}-{}", pack.version, self.packs);
        }
        let mut edits = pack.publish().into_iter();
        let control = place(CITY, Lane::Control);
        let record = self.act(CITY, control, RecordRef::New(Kind::POLICY), edits.next().expect("one")).records[0];
        for edit in edits {
            self.act(CITY, control, RecordRef::Known(record), edit);
        }
    }

    pub fn hire(&mut self, n: usize, id: &str) -> RecordId {
        let person = staff::Staff::new(id, "张婕", office(n), [staff::Role::Intake]);
        let record = self.act(n, place(n, Lane::Control), RecordRef::New(Kind::STAFF), staff::create(&person)).records[0];
        self.staff.push(record);
        record
    }

    /// Something that people or wires do.
    pub fn something(&mut self, dice: &mut Dice) {
        let n = dice.roll(AREAS.len());
        let of = if n == NEIGHBOUR { NEIGHBOUR } else { VILLAGE };
        let here: Vec<RecordId> = self.households.iter().filter(|(at, _)| *at == of).map(|(_, record)| *record).collect();
        let cases: Vec<CaseId> = self.cases.iter().filter(|(at, _)| *at == of).map(|(_, case)| *case).collect();
        match dice.roll(16) {
            0..3 => {
                let id = format!("H{}", dice.roll(30));
                let row = household(dice, &id, of);
                if self.node(n).replica().control().divisions.get(area(AREAS[0].0)).is_some() {
                    self.import(n, of, &row);
                }
            }
            3..6 if !here.is_empty() => {
                let record = *dice.pick(&here);
                let (field, value) = match dice.roll(4) {
                    0 => ("type", serde_json::json!(dice.pick(&["低保", "特困"]))),
                    1 => ("income_annual", dice.roll(9_999).into()),
                    2 => ("phone", format!("1390000{:04}", dice.roll(9_999)).into()),
                    _ => ("head", person(dice).into()),
                };
                let edit = import::set(field, &value).expect("fits");
                let _ = self.try_act(n, place(of, Lane::Registry), RecordRef::Known(record), edit);
            }
            6 if !here.is_empty() => {
                let record = *dice.pick(&here);
                let known = self.node(n).replica().record(&record).expect("reads");
                let Some(known) = known else { return };
                let read = shouwang_protocol::records::household::Household::read(&known.doc);
                if let Some(member) = read.members.first().and_then(|member| member.row.clone()) {
                    let edit = import::set_member(&member, "left", &"2026-02-01".into()).expect("fits");
                    let _ = self.try_act(n, place(of, Lane::Registry), RecordRef::Known(record), edit);
                }
            }
            7 => {
                let name = person(dice);
                let household = (!here.is_empty()).then(|| *dice.pick(&here));
                if self.node(n).replica().control().divisions.get(area(AREAS[0].0)).is_some() {
                    self.open_case(n, of, CaseId(dice.bytes()), &name, household);
                }
            }
            8..12 if !cases.is_empty() => {
                let case = *dice.pick(&cases);
                let what = match dice.roll(6) {
                    0 => What::Accepted { number: format!("Z{}", dice.roll(100)) },
                    1 => What::Verified { outcome: Finding::True, note: "上门".into() },
                    2 => What::Proposed { amount: Fen(283_500), formula: String::new() },
                    3 => What::Decided {
                        outcome: Outcome::Approved,
                        amount: Fen(283_500),
                        reason: String::new(),
                        formula: String::new(),
                        pack: String::new(),
                        saw: Vec::new(),
                    },
                    4 => What::Paid {
                        decision: None,
                        amount: Fen(1),
                        method: "转账".into(),
                        account_last4: "1234".into(),
                        batch: String::new(),
                        period: String::new(),
                    },
                    _ => What::Note { text: "记".into() },
                };
                let _ = self.event(n, of, case, what);
            }
            12 => match dice.roll(4) {
                0 => self.publish(),
                1 => drop(self.hire(CITY, &format!("p{}", dice.roll(5)))),
                2 => {
                    let decider = *dice.pick(&[None, Some(CITY), Some(TOWNSHIP)]);
                    self.offices(decider);
                }
                _ if !self.staff.is_empty() => {
                    let record = *dice.pick(&self.staff.clone());
                    let edit = staff::set_disabled(dice.roll(2) == 0);
                    let _ = self.try_act(CITY, place(CITY, Lane::Control), RecordRef::Known(record), edit);
                }
                _ => {}
            },
            13 => self.connect_all(),
            14 => self.cut_all(),
            _ if dice.roll(4) == 0 => self.restart(n),
            _ => self.run(),
        }
    }

    pub fn compare(&self) {
        for n in 0..self.nodes.len() {
            self.node(n).replica().store().compare();
            assert_eq!(self.disk(n).compare_views().expect("compares"), Vec::<String>::new(), "node {n}");
        }
    }
}

/// A copy of a database as a crash or a backup tool would leave it.
pub fn copy_files(from: &Path, to: &Path, names: &[&str]) {
    for name in names {
        if from.join(name).exists() {
            std::fs::copy(from.join(name), to.join(name)).expect("copies");
        } else {
            let _ = std::fs::remove_file(to.join(name));
        }
    }
}

pub const DATABASE: [&str; 3] = ["shouwang.db", "shouwang.db-wal", "shouwang.db-shm"];
