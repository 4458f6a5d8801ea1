//! The cities that are simulated: areas, offices, machines, and the control with which they begin.
//!
//! Keys and certificates are the same in every run, whatever the seed, so that a city is founded once for each process.

use shouwang_protocol::area::{Area, AreaId, Past, Tier};
use shouwang_protocol::control::Office;
use shouwang_protocol::device::{Certificate, DeviceKey, Incarnation, SigningKey};
use shouwang_protocol::hash::Hash;
use shouwang_protocol::record::{ActionId, Kind, RecordRef};
use shouwang_protocol::records::policy;
use shouwang_protocol::replica::{Action, CommitError, Draft, Identity, Replica};
use shouwang_protocol::store::memory::MemoryStore;
use shouwang_provisioning::city::{self as founding, CityKeys, Grantee};
use shouwang_provisioning::divisions;
use std::sync::OnceLock;

/// The wall clock when a run begins, milliseconds since 1970: a Monday in September 2026, 08:00 UTC.
pub const BEGINNING_MS: i64 = 1_789_372_800_000 + 8 * 3_600_000;
/// Day (since 1970-01-01) on which the certificates run out, unless somebody gave a shorter one.
pub const EXPIRES: u32 = 30_000;

/// One machine of an office.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Index of its office.
    pub office: usize,
    /// The machine it dials; none for the city's.
    pub superior: Option<usize>,
}

/// A city before anything happens.
pub struct City {
    /// The division table.
    pub areas: Vec<Area>,
    /// Offices, by index; the label is the index plus one.
    pub offices: Vec<Office>,
    /// Machines, by index; 0 is the city's. The last one is in bad hands and never runs our program.
    pub machines: Vec<Machine>,
    /// Machines that are enrolled from the beginning: those below this number, and the one in bad hands. Between them
    /// lie new ones, for when an office's is lost.
    pub founded: usize,
    /// The keys that only the city has.
    pub keys: CityKeys,
    store: MemoryStore,
}

/// The incarnation of a machine's first life.
pub fn first_life(machine: usize) -> Incarnation {
    life(machine, 0)
}

/// The incarnation of a later life.
pub fn life(machine: usize, number: u64) -> Incarnation {
    let hash = Hash::of("simulated life", &[&(machine as u64).to_le_bytes(), &number.to_le_bytes()]);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.0[..16]);
    Incarnation(bytes)
}

fn seed(name: &str, number: usize) -> [u8; 32] {
    Hash::of("simulated key", &[name.as_bytes(), &(number as u64).to_le_bytes()]).0
}

impl City {
    /// 1 city, 2 townships, 6 villages, of which the first has two laptops.
    pub fn small() -> &'static City {
        static CITY: OnceLock<City> = OnceLock::new();
        CITY.get_or_init(|| {
            let area = |code: u64, tier, parent: Option<u64>| Area {
                id: AreaId::new(code, 0).unwrap_or_default(),
                code: format!("{code:012}"),
                name: format!("区划{code}"),
                tier,
                parent: parent.and_then(|parent| AreaId::new(parent, 0)),
                past: Past::default(),
            };
            let city = 320_582_000_000;
            let mut areas = vec![area(city, Tier::City, None)];
            for town in [100_u64, 101] {
                areas.push(area(city + town * 1_000, Tier::Township, Some(city)));
            }
            for town in [100_u64, 101] {
                for village in 201..204 {
                    areas.push(area(city + town * 1_000 + village, Tier::Village, Some(city + town * 1_000)));
                }
            }
            City::found(areas, &[3], 3, &[])
        })
    }

    /// The 289 offices of Zhangjiagang.
    pub fn zhangjiagang() -> &'static City {
        static CITY: OnceLock<City> = OnceLock::new();
        CITY.get_or_init(|| {
            let areas = divisions::read(divisions::ZHANGJIAGANG.as_bytes()).unwrap_or_default();
            let city = areas.iter().position(|area| area.tier == Tier::City).unwrap_or_default();
            let mut areas = areas;
            areas.swap(0, city);
            let bad = areas.iter().position(|area| area.tier == Tier::Village).unwrap_or_default();
            City::found(areas, &[], bad, &[])
        })
    }

    /// The 289 offices of Zhangjiagang, with new laptops in the cupboard for every fifteenth village and one township.
    pub fn zhangjiagang_with_spares() -> &'static City {
        static CITY: OnceLock<City> = OnceLock::new();
        CITY.get_or_init(|| City::some_of_zhangjiagang(usize::MAX, usize::MAX, 15))
    }

    /// Two townships of Zhangjiagang with nine villages each, 21 offices.
    pub fn two_townships() -> &'static City {
        static CITY: OnceLock<City> = OnceLock::new();
        CITY.get_or_init(|| City::some_of_zhangjiagang(2, 9, 6))
    }

    fn some_of_zhangjiagang(townships: usize, villages: usize, spare_every: usize) -> City {
        let all = divisions::read(divisions::ZHANGJIAGANG.as_bytes()).unwrap_or_default();
        let of = |tier: Tier, parent: Option<AreaId>| {
            all.iter().filter(move |area| area.tier == tier && (parent.is_none() || area.parent == parent)).cloned()
        };
        let below = |township: &Area| of(Tier::Village, Some(township.id)).count();
        let towns: Vec<Area> = of(Tier::Township, None).filter(|town| below(town) > 0).take(townships).collect();
        let mut areas: Vec<Area> = of(Tier::City, None).take(1).collect();
        areas.extend(towns.iter().cloned());
        // A township without a village is an office all the same.
        if townships == usize::MAX {
            areas.extend(of(Tier::Township, None).filter(|town| below(town) == 0));
        }
        for town in &towns {
            areas.extend(of(Tier::Village, Some(town.id)).take(villages));
        }
        let is = |office: usize, tier: Tier| areas[office].tier == tier;
        let bad = (0..areas.len()).find(|office| is(*office, Tier::Village)).unwrap_or_default();
        let mut spares: Vec<usize> =
            (0..areas.len()).filter(|office| is(*office, Tier::Village)).skip(1).step_by(spare_every).collect();
        spares.extend((0..areas.len()).filter(|office| is(*office, Tier::Township)).nth(1));
        City::found(areas, &[], bad, &spares)
    }

    /// One office for each area and one machine for each office; `twice` get a second one, `bad` one in bad hands, and
    /// `spares` one that is not enrolled yet.
    fn found(areas: Vec<Area>, twice: &[usize], bad: usize, spares: &[usize]) -> City {
        let offices = founding::offices(&areas, "市社会救助中心");
        let index_of = |id: AreaId| areas.iter().position(|area| area.id == id);
        let machine = |office: usize| Machine { office, superior: areas[office].parent.and_then(index_of) };
        let all = (0..areas.len()).chain(twice.iter().copied()).chain(spares.iter().copied()).chain([bad]);
        let mut city = City {
            machines: all.map(machine).collect(),
            founded: areas.len() + twice.len(),
            keys: CityKeys::from_seeds(seed("root", 0), seed("enrolment", 0)),
            store: MemoryStore::default(),
            areas,
            offices,
        };
        for office in 0..city.offices.len() {
            city.offices[office].decider = (city.offices[office].tier > Tier::Village).then(|| city.device(office));
        }
        // A city that cannot be founded has no control; the first check of a run says so.
        if let Ok(store) = city.write_control() {
            city.store = store;
        }
        city
    }

    fn write_control(&self) -> Result<MemoryStore, CommitError> {
        let mut replica = Replica::open(MemoryStore::new(1), self.identity(0, first_life(0)))?;
        let root = self.root();
        let mut number = 0;
        let mut act = |replica: &mut Replica<MemoryStore>, draft: Draft| {
            number += 1;
            let id = Hash::of("founding", &[&u64::to_le_bytes(number)]);
            let mut action = [0; 16];
            action.copy_from_slice(&id.0[..16]);
            let claimed_ms = BEGINNING_MS - 86_400_000;
            let (_, done) = replica.commit(Action {
                id: ActionId(action),
                staff: "console".into(),
                claimed_ms,
                shown: Vec::new(),
                drafts: vec![draft],
            })?;
            Ok::<_, CommitError>(done.records.first().copied())
        };
        let divisions = act(&mut replica, founding::begin(root))?.ok_or(CommitError::UnknownRecord)?;
        for draft in founding::describe(root, divisions, &self.areas, &self.offices) {
            act(&mut replica, draft)?;
        }
        for machine in (0..self.founded).chain([self.hostile()]) {
            let grantee = self.grantee(machine, 1, EXPIRES);
            act(&mut replica, founding::enrol(root, &grantee, &self.keys.issue(&grantee)))?;
        }
        let mut pack = RecordRef::New(Kind::POLICY);
        for edit in policy::sample().publish() {
            let draft = Draft { place: founding::control_place(root), record: pack, edit };
            if let Some(made) = act(&mut replica, draft)? {
                pack = RecordRef::Known(made);
            }
        }
        Ok(replica.into_store())
    }

    /// The area of the city.
    pub fn root(&self) -> AreaId {
        self.areas[0].id
    }

    /// A machine's key.
    pub fn key(&self, machine: usize) -> SigningKey {
        SigningKey::from_seed(&seed("machine", machine))
    }

    /// A machine's name.
    pub fn device(&self, machine: usize) -> DeviceKey {
        self.key(machine).key()
    }

    /// The machine in bad hands.
    pub fn hostile(&self) -> usize {
        self.machines.len() - 1
    }

    /// What a certificate of a machine says.
    pub fn grantee(&self, machine: usize, serial: u32, expires: u32) -> Grantee {
        let office = &self.offices[self.machines[machine].office];
        Grantee {
            device: self.device(machine),
            recipient: [7; 32],
            office: office.id,
            tier: office.tier,
            areas: office.areas_now().collect(),
            name: office.name.clone(),
            serial,
            expires,
        }
    }

    /// A certificate.
    pub fn certificate(&self, machine: usize, serial: u32, expires: u32) -> Certificate {
        self.keys.issue(&self.grantee(machine, serial, expires))
    }

    /// What a machine is given when it joins.
    pub fn identity(&self, machine: usize, incarnation: Incarnation) -> Identity {
        let mut pinned = vec![self.certificate(machine, 1, EXPIRES)];
        if machine != 0 {
            pinned.push(self.certificate(0, 1, EXPIRES));
        }
        Identity { key: self.key(machine), incarnation, root: self.keys.root, pinned }
    }

    /// The disk with which a machine begins: the city's has its control, most others only what they are given, and in
    /// a big city those who joined long ago have control too.
    pub fn disk(&self, machine: usize, epoch: u64, joined: bool) -> MemoryStore {
        if machine == 0 || joined { self.store.restored(epoch) } else { MemoryStore::new(epoch) }
    }
}
