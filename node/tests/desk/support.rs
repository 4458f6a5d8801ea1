//! Offices in temporary directories, and wires between their writers.

use serde_json::{Map, Value, json};
use shouwang_node::clock::Clock;
use shouwang_node::desk::{CasePage, CaseStep, Command, Desk, DeskError, NewStaff, OpenCase, Outcome, Person};
use shouwang_node::store::{Options, Readers, SqliteStore};
use shouwang_node::writer::{Notice, Writer};
use shouwang_protocol::area::{Area, AreaId, Past, Tier};
use shouwang_protocol::control::Office;
use shouwang_protocol::device::{Certificate, Incarnation, OfficeId, SigningKey};
use shouwang_protocol::engine::Engine;
use shouwang_protocol::record::{ActionId, CaseId, RecordId};
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::event::Origin;
use shouwang_protocol::records::policy;
use shouwang_protocol::records::staff::Role;
use shouwang_protocol::replica::{Action, Draft, Identity, Replica};
use shouwang_protocol::sync::session::Now;
use shouwang_provisioning::city::{self, CityKeys, Grantee};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::task::JoinHandle;

pub const CITY: usize = 0;
pub const YANGSHE: usize = 1;
pub const VILLAGE: usize = 2;
pub const DAXIN: usize = 3;
/// The other village of 杨舍镇.
pub const OTHER_VILLAGE: usize = 5;
pub const PASSWORD: &str = "correct horse";

const AREAS: [(&str, &str, Tier, &str); 6] = [
    ("320582000000", "张家港市", Tier::City, ""),
    ("320582100000", "杨舍镇", Tier::Township, "320582000000"),
    ("320582100201", "甲村", Tier::Village, "320582100000"),
    ("320582107000", "大新镇", Tier::Township, "320582000000"),
    ("320582107201", "乙村", Tier::Village, "320582107000"),
    ("320582100202", "丙村", Tier::Village, "320582100000"),
];

pub fn area(office: usize) -> AreaId {
    AreaId::parse(AREAS[office].0).expect("a code")
}

fn areas() -> Vec<Area> {
    let one = |(code, name, tier, parent): &(&str, &str, Tier, &str)| Area {
        id: AreaId::parse(code).expect("a code"),
        code: (*code).into(),
        name: (*name).into(),
        tier: *tier,
        parent: AreaId::parse(parent),
        past: Past::default(),
    };
    AREAS.iter().map(one).collect()
}

fn offices() -> Vec<Office> {
    let mut offices = city::offices(&areas(), "市社会救助服务中心");
    for (number, office) in offices.iter_mut().enumerate().filter(|(_, office)| office.tier > Tier::Village) {
        office.decider = Some(SigningKey::from_seed(&[number as u8 + 1; 32]).key());
    }
    offices
}

fn keys() -> CityKeys {
    CityKeys::from_seeds([100; 32], [101; 32])
}

fn grantee(number: usize) -> Grantee {
    let office = &offices()[number];
    Grantee {
        device: SigningKey::from_seed(&[number as u8 + 1; 32]).key(),
        recipient: x25519_dalek::PublicKey::from(&recipient_secret(number)).to_bytes(),
        office: office.id,
        tier: office.tier,
        areas: vec![area(number)],
        name: office.name.clone(),
        serial: 1,
        expires: 60_000,
    }
}

/// What opens the files that are carried to an office.
fn recipient_secret(number: usize) -> x25519_dalek::StaticSecret {
    x25519_dalek::StaticSecret::from([number as u8 + 70; 32])
}

fn certificate(number: usize) -> Certificate {
    keys().issue(&grantee(number))
}

/// A fresh action id.
pub fn id() -> ActionId {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let mut id = [0; 16];
    id[..8].copy_from_slice(&NEXT.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
    ActionId(id)
}

/// One office's machine.
pub struct Machine {
    pub number: usize,
    pub desk: Desk,
    pub wall: Arc<AtomicI64>,
    pub dir: Arc<TempDir>,
}

fn clock(wall: Arc<AtomicI64>) -> Clock {
    let start = Instant::now();
    Clock::of(move || Now {
        mono_ms: u64::try_from(start.elapsed().as_millis()).expect("short"),
        wall_ms: wall.load(Ordering::Relaxed),
    })
}

pub fn noon(day: &str) -> i64 {
    i64::from(Day::parse(day).expect("a day").0) * 86_400_000 + 4 * 3_600_000
}

impl Machine {
    pub async fn open(number: usize, dir: Arc<TempDir>, wall: Arc<AtomicI64>) -> Machine {
        Machine::open_as(number, dir, wall, Incarnation([number as u8 + 9; 16])).await
    }

    /// The same, with the life that begins when a new one must.
    pub async fn open_as(number: usize, dir: Arc<TempDir>, wall: Arc<AtomicI64>, fresh: Incarnation) -> Machine {
        let key = [number as u8 + 50; 32];
        let store = SqliteStore::open_or_create(dir.path(), &key, Options::default()).expect("opens");
        let signing = SigningKey::from_seed(&[number as u8 + 1; 32]);
        let pinned = vec![certificate(CITY), certificate(number)];
        store.trust(keys().root, &pinned).expect("trusts");
        let life = store.open_incarnation(signing.key(), fresh).expect("lives");
        let identity = Identity { key: signing, incarnation: life.incarnation, root: keys().root, pinned };
        let readers = Readers::open(dir.path(), &key, Options::default(), 2).expect("reads");
        let engine = Engine::new(Replica::open(store, identity).expect("opens"));
        let writer = Writer::start(engine, clock(wall.clone())).expect("a thread");
        let desk = Desk::open(writer, readers).await.expect("a desk").with_recipient(recipient_secret(number).to_bytes());
        Machine { number, desk, wall, dir }
    }

    pub async fn new(number: usize) -> Machine {
        let dir = Arc::new(tempfile::tempdir().expect("a directory"));
        Machine::open(number, dir, Arc::new(AtomicI64::new(noon("2019-05-29")))).await
    }

    /// The same where the system keeps files in memory: for what takes a thousand actions, and is not about the disk.
    pub async fn in_memory(number: usize) -> Machine {
        let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a directory");
        Machine::open(number, Arc::new(dir), Arc::new(AtomicI64::new(noon("2019-05-29")))).await
    }

    /// Stops and opens again: a restart.
    pub async fn restart(self) -> Machine {
        self.desk.writer().stop().await;
        let Machine { number, desk, wall, dir } = self;
        drop(desk);
        Machine::open(number, dir, wall).await
    }

    pub fn on(&self, day: &str) {
        self.wall.store(noon(day), Ordering::Relaxed);
    }

    /// A person of this office, as signing in would give it.
    pub fn person(&self, staff: &str, roles: &[Role]) -> Person {
        let office = &offices()[self.number];
        Person {
            id: staff.into(),
            name: format!("{staff}某"),
            office: office.id,
            tier: office.tier,
            roles: roles.iter().copied().collect(),
            department: None,
            provider: None,
        }
    }

    pub fn clerk(&self) -> Person {
        self.person("wang", &[Role::Intake, Role::Reviewer])
    }

    pub async fn act(&self, person: &Person, command: Command) -> Result<Outcome, DeskError> {
        self.desk.perform(person, id(), command).await
    }

    pub async fn done(&self, person: &Person, command: Command) -> Outcome {
        self.act(person, command).await.expect("done")
    }

    pub async fn step(&self, person: &Person, case: CaseId, step: CaseStep) -> Result<Outcome, DeskError> {
        self.act(person, Command::Case { case, step }).await
    }

    pub async fn stepped(&self, person: &Person, case: CaseId, step: CaseStep) -> Outcome {
        self.step(person, case, step).await.expect("stepped")
    }

    pub async fn page(&self, person: &Person, case: CaseId) -> CasePage {
        self.desk.case(person, case).await.expect("a page")
    }

    pub async fn open_case(&self, person: &Person, open: OpenCase) -> CaseId {
        self.done(person, Command::OpenCase(open)).await.case.expect("a case")
    }

    pub async fn household(&self, key: &str) -> RecordId {
        let clerk = self.clerk();
        let command =
            Command::RegisterHousehold { area: area(self.number.max(VILLAGE)), row: row(key, self.number.max(VILLAGE)) };
        self.done(&clerk, command).await.records[0]
    }

    /// An account with a password.
    pub async fn account(&self, staff: &str, roles: &[Role], department: Option<&str>, provider: Option<&str>) {
        let console = self.desk.console().await.expect("a console");
        let new = NewStaff {
            id: staff.into(),
            name: format!("{staff}某"),
            roles: roles.iter().copied().collect::<BTreeSet<_>>(),
            department: department.map(Into::into),
            provider: provider.map(Into::into),
            password: PASSWORD.into(),
        };
        self.done(&console, Command::AddStaff(new)).await;
    }

    pub fn office(&self) -> OfficeId {
        offices()[self.number].id
    }
}

/// The city's machine with its control written down, and the sample pack.
pub async fn city() -> Machine {
    described(Machine::new(CITY).await).await
}

/// The same for a machine that is there.
pub async fn described(city: Machine) -> Machine {
    let commit = |draft: Draft| {
        let action = Action { id: id(), staff: "console".into(), claimed_ms: 0, shown: Vec::new(), drafts: vec![draft] };
        city.desk.writer().commit(vec![action])
    };
    let root = area(CITY);
    let record = commit(city::begin(root)).await.expect("begins")[0].records[0];
    for draft in city::describe(root, record, &areas(), &offices()) {
        commit(draft).await.expect("describes");
    }
    for number in [CITY, YANGSHE, VILLAGE, DAXIN, OTHER_VILLAGE] {
        commit(city::enrol(root, &grantee(number), &certificate(number))).await.expect("enrols");
    }
    let console = city.desk.console().await.expect("a console");
    city.done(&console, Command::PublishPolicy { pack: policy::sample() }).await;
    city
}

/// Two machines that talk, until this is dropped.
pub struct Link(Vec<JoinHandle<()>>);

impl Drop for Link {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

pub async fn link(lower: &Machine, upper: &Machine) -> Link {
    let (low, up) = (lower.desk.writer().clone(), upper.desk.writer().clone());
    let device = |machine: &Machine| SigningKey::from_seed(&[machine.number as u8 + 1; 32]).key();
    let (low_seat, mut low_out) = low.connected(device(upper), true).await.expect("connects");
    let (up_seat, mut up_out) = up.connected(device(lower), false).await.expect("connects");
    let (to_low, to_up) = (low_seat.connection(), up_seat.connection());
    let upwards = tokio::spawn(async move {
        let _seat = low_seat;
        while let Some(notice) = low_out.next().await {
            if let Notice::Send(bytes) = notice {
                up.received(to_up, bytes).await.expect("received");
            }
        }
    });
    let downwards = tokio::spawn(async move {
        let _seat = up_seat;
        while let Some(notice) = up_out.next().await {
            if let Notice::Send(bytes) = notice {
                low.received(to_low, bytes).await.expect("received");
            }
        }
    });
    Link(vec![upwards, downwards])
}

/// Lets two machines talk until both hold the same, then pulls the wire.
pub async fn sync(lower: &Machine, upper: &Machine) {
    let link = link(lower, upper).await;
    let device = |machine: &Machine| SigningKey::from_seed(&[machine.number as u8 + 1; 32]).key();
    let digests = async |machine: &Machine, peer| {
        let ask = machine.desk.writer().with(move |engine| {
            let agreed = engine.sessions().any(|(_, session)| session.peer() == peer && session.is_agreed());
            (agreed, engine.replica().control_digest(), engine.replica().common_digest(&peer))
        });
        ask.await.expect("asks")
    };
    let start = Instant::now();
    loop {
        let (a, b) = (digests(lower, device(upper)).await, digests(upper, device(lower)).await);
        if a == b && a.0 {
            break;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "in vain: both agree");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // Receipts are the last to come down.
    tokio::time::sleep(Duration::from_millis(60)).await;
    drop(link);
}

/// An invented identity number, with this sequence.
pub fn id_no(sequence: u32) -> String {
    id_born("19600101", sequence)
}

/// The same, born on that day.
pub fn id_born(birth: &str, sequence: u32) -> String {
    let body = format!("320582{birth}{sequence:03}");
    let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 = body.bytes().zip(weights).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    format!("{body}{}", ["1", "0", "X", "9", "8", "7", "6", "5", "4", "3", "2"][(sum % 11) as usize])
}

/// A row of the household file: two invented persons.
pub fn row(key: &str, office: usize) -> Map<String, Value> {
    let number: u32 = key.bytes().map(u32::from).sum::<u32>() % 400 * 2;
    let row = json!({
        "id": key, "region": AREAS[office].0, "head": format!("户主{key}"), "type": "低保户", "cause": "因病",
        "income_annual": 12_000, "bank_account": "6217000011112222", "address": "一组", "phone": "13800000000",
        "members": [
            {"name": format!("户主{key}"), "relation": "户主", "id_no": id_no(number)},
            {"name": format!("之子{key}"), "relation": "之子", "id_no": id_no(number + 1)},
        ],
        "aid": [{"no": format!("{key}-1"), "date": "2019-01-10", "program": "低保金", "amount": 945}],
    });
    row.as_object().expect("an object").clone()
}

pub fn application(household: RecordId) -> OpenCase {
    OpenCase {
        household: Some(household),
        assistance: "临时救助".into(),
        summary: "确诊重病".into(),
        ..OpenCase::of(Origin::Application)
    }
}
