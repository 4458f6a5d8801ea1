//! The demo: a city centre, two townships and three villages of Zhangjiagang in one process.
//!
//! Each office has its own directory, keys, database and page, and speaks real QUIC on loopback. `--check` plays the
//! three stories of the newspaper with an office cut off at the awkward moment, and reports in JSON.

mod stories;

use crate::cli::{Demo, Printer};
use crate::clock::Clock;
use crate::console::Request;
use crate::desk::{Command, DeskError, NewStaff, Outcome, Person};
use crate::node::{self, Node, NodeError, ServeOptions, Served};
use crate::store::{KeySource, make_key_file};
use crate::web;
use crate::{desk, entropy};
use serde_json::{Value, json};
use shouwang_protocol::area::Area;
use shouwang_protocol::record::{ActionId, CaseId};
use shouwang_protocol::records::policy;
use shouwang_protocol::records::staff::Role;
use shouwang_provisioning::divisions;
use shouwang_provisioning::enrolment::{Grant, Invitation};
use shouwang_simulations::households;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The password of every account of the demo.
const PASSWORD: &str = "shouwang-demo";
/// Invented households of the demo.
const HOUSEHOLDS: u64 = 90;

/// Care projects of the demo: name, kind, places, areas, and for how many months each area has so many places of its own.
const PROJECTS: &[(&str, &str, &str, &str, u32)] = &[
    ("精神康复陪伴", "A5", "3", "320582100000,320582107000", 3),
    ("家庭照护技能班", "B4", "30", "", 0),
    ("邻里助餐点", "D1", "12", "320582100230", 0),
];

/// An office of the demo: its short name, its area, the office above it, its staff.
struct Seat {
    name: &'static str,
    area: &'static str,
    above: Option<&'static str>,
    staff: &'static [(&'static str, &'static str, &'static [Role], Option<&'static str>)],
}

use Role::{Administrator, Approver, Department, Intake, Provider, Reviewer};

const SEATS: &[Seat] = &[
    Seat {
        name: "city",
        area: "320582000000",
        above: None,
        staff: &[
            ("zhangjie", "张婕", &[Intake, Reviewer], None),
            ("taojinghua", "陶静华", &[Administrator, Reviewer], None),
            ("chen", "陈局长", &[Approver], None),
            ("jiaoyuju", "教育局经办", &[Department], Some("教育局")),
            ("shegong", "社工小周", &[Provider], Some("社工服务中心")),
        ],
    },
    Seat {
        name: "yangshe",
        area: "320582100000",
        above: Some("city"),
        staff: &[("wang", "王敏", &[Intake, Reviewer, Administrator], None)],
    },
    Seat {
        name: "daxin",
        area: "320582107000",
        above: Some("city"),
        staff: &[("zhao", "赵强", &[Intake, Reviewer, Administrator], None)],
    },
    Seat {
        name: "nonglian",
        area: "320582100230",
        above: Some("yangshe"),
        staff: &[("liu", "刘秀英", &[Intake, Administrator], None)],
    },
    Seat {
        name: "xieqiao",
        area: "320582100201",
        above: Some("yangshe"),
        staff: &[("sun", "孙建国", &[Intake, Administrator], None)],
    },
    Seat {
        name: "xinzha",
        area: "320582107202",
        above: Some("daxin"),
        staff: &[("qian", "钱玉兰", &[Intake, Administrator], None)],
    },
];

/// An office as it runs.
struct Place {
    dir: PathBuf,
    node: Node,
    served: Option<Served>,
    quic: SocketAddr,
    web: Option<SocketAddr>,
}

/// The six offices.
pub(crate) struct Town {
    places: BTreeMap<&'static str, Place>,
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

fn key(dir: &Path) -> KeySource {
    KeySource::KeyFile(dir.with_extension("key"))
}

fn told(error: impl std::fmt::Display) -> NodeError {
    NodeError::Told(error.to_string())
}

impl Town {
    /// Opens the offices in a directory, or founds them there.
    async fn open(dir: &Path, rows: Option<&Path>) -> Result<Town, NodeError> {
        std::fs::create_dir_all(dir).map_err(told)?;
        let mut town = Town { places: BTreeMap::new() };
        let exists = dir.join("city").join("vault.json").exists();
        let areas = divisions::read(divisions::ZHANGJIAGANG.as_bytes()).map_err(told)?;
        for seat in SEATS {
            let home = dir.join(seat.name);
            let node = if exists {
                Node::open(&home, &key(&home), Clock::real())?
            } else {
                make_key_file(&home.with_extension("key"))?;
                match seat.above {
                    None => found(&home, &areas).await?,
                    Some(_) => town.join(seat, &home).await?,
                }
            };
            town.places.insert(seat.name, Place { dir: home, node, served: None, quic: loopback(0), web: None });
        }
        if !exists {
            town.fill(&areas, rows).await?;
        }
        Ok(town)
    }

    /// Enrols an office at the city, as by files.
    async fn join(&self, seat: &Seat, home: &Path) -> Result<Node, NodeError> {
        let city = &self.place("city")?.node;
        let invite = Request::Invite { areas: vec![seat.area.into()], name: None, expires_ms: i64::MAX, parents: Vec::new() };
        let invitation = city.execute(invite, |_, _| {}).await.map_err(told)?;
        let invitation = Invitation::read(invitation.to_string().as_bytes())?;
        let request = node::request_to_join(home, &key(home), &invitation)?;
        let grant = Request::Grant { request: json!(request).to_string() };
        let grant = city.execute(grant, |_, _| {}).await.map_err(told)?;
        node::finish_join(home, &key(home), &Grant::read(grant.to_string().as_bytes())?, Clock::real()).await
    }

    fn place(&self, name: &str) -> Result<&Place, NodeError> {
        self.places.get(name).ok_or_else(|| told(format!("no office {name}")))
    }

    /// Accounts, the sample policy pack, sample households.
    async fn fill(&self, areas: &[Area], rows: Option<&Path>) -> Result<(), NodeError> {
        for seat in SEATS {
            let desk = self.place(seat.name)?.node.desk().await?;
            let console = desk.console().await?;
            for (id, name, roles, acts_for) in seat.staff {
                let of = |role: Role| acts_for.filter(|_| roles.contains(&role)).map(str::to_owned);
                let staff = NewStaff {
                    id: (*id).into(),
                    name: (*name).into(),
                    roles: roles.iter().copied().collect(),
                    department: of(Department),
                    provider: of(Provider),
                    password: PASSWORD.into(),
                };
                desk.perform(&console, action()?, Command::AddStaff(staff)).await?;
            }
            if seat.above.is_none() {
                desk.perform(&console, action()?, Command::PublishPolicy { pack: policy::sample() }).await?;
                for &(name, kind, places, areas, months) in PROJECTS {
                    let fields =
                        [("name", name), ("kind", kind), ("capacity", places), ("areas", areas), ("provider", "社工服务中心")];
                    let mut values: BTreeMap<String, String> =
                        fields.map(|(field, text)| (field.to_owned(), text.to_owned())).into();
                    let today = desk.today();
                    values.insert("from".to_owned(), today.to_string());
                    let row = |area: &str, month: u32| {
                        let (from, next) = (today.months_later(month), today.months_later(month + 1));
                        format!("{area} {from} {} {places}", next.plus(-1))
                    };
                    let rows: Vec<String> =
                        areas.split(',').flat_map(|area| (0..months).map(move |month| row(area, month))).collect();
                    values.insert("shares".to_owned(), rows.join("\n"));
                    desk.perform(&console, action()?, Command::AddProject { values }).await?;
                }
            }
        }
        let lines: Vec<String> = match rows {
            Some(file) => std::fs::read_to_string(file).map_err(told)?.lines().map(str::to_owned).collect(),
            None => {
                let own = |area: &&Area| area.parent.is_none() || SEATS.iter().any(|seat| seat.area == area.code);
                let areas: Vec<Area> = areas.iter().filter(own).cloned().collect();
                let options = households::Options { n: HOUSEHOLDS, seed: 1, divisions: Some(&areas), area: None };
                households::docs(&options).map_err(told)?.collect()
            }
        };
        for seat in SEATS.iter().filter(|seat| seat.above.is_some_and(|above| above != "city")) {
            let place = self.place(seat.name)?;
            let marked = format!("\"region\":\"{}\"", seat.area);
            let own: Vec<&str> = lines.iter().filter(|line| line.contains(&marked)).map(String::as_str).collect();
            if own.is_empty() {
                continue;
            }
            let file = place.dir.with_extension("jsonl");
            std::fs::write(&file, own.join("\n")).map_err(told)?;
            place.node.execute(Request::ImportHouseholds { file }, |_, _| {}).await.map_err(told)?;
        }
        Ok(())
    }

    /// Puts an office on the network, at the address it had before.
    pub(crate) async fn online(&mut self, name: &'static str, web: Option<SocketAddr>) -> Result<(), NodeError> {
        let seat = SEATS.iter().find(|seat| seat.name == name).ok_or_else(|| told("no office"))?;
        let above = seat.above.map(|above| self.place(above)).transpose()?.map(|place| place.quic.to_string());
        let place = self.places.get_mut(name).ok_or_else(|| told("no office"))?;
        let web = match web.or(place.web) {
            Some(address) => Some(web::bind(address).await.map_err(told)?),
            None => None,
        };
        let served = place.node.serve(ServeOptions { quic: Some(place.quic), web, parents: above.into_iter().collect() }).await?;
        place.quic = served.quic.unwrap_or(place.quic);
        place.web = served.web.or(place.web);
        place.served = Some(served);
        Ok(())
    }

    /// Cuts an office off: its network stops, its people go on working.
    pub(crate) async fn offline(&mut self, name: &'static str) -> Result<(), NodeError> {
        let place = self.places.get_mut(name).ok_or_else(|| told("no office"))?;
        if let Some(served) = place.served.take() {
            served.stop().await;
            place.node = Node::open(&place.dir, &key(&place.dir), Clock::real())?;
        }
        Ok(())
    }

    /// The account of a member of staff, signed in with the demo's password.
    pub(crate) async fn person(&self, office: &str, staff: &str) -> Result<Person, NodeError> {
        Ok(self.place(office)?.node.desk().await?.sign_in(staff, PASSWORD).await?.person)
    }

    /// Does a command, written as the JSON API takes it, as a member of staff of an office.
    pub(crate) async fn perform(&self, office: &str, staff: &str, command: Value) -> Result<Outcome, NodeError> {
        let command: Command = serde_json::from_value(command).map_err(told)?;
        let person = self.person(office, staff).await?;
        Ok(self.place(office)?.node.desk().await?.perform(&person, action()?, command).await?)
    }

    /// A case as a member of staff sees it there.
    pub(crate) async fn case(&self, office: &str, staff: &str, case: CaseId) -> Result<desk::CasePage, DeskError> {
        let missing = |error: NodeError| DeskError::Store { why: error.to_string() };
        let person = self.person(office, staff).await.map_err(missing)?;
        self.place(office).map_err(missing)?.node.desk().await.map_err(missing)?.case(&person, case).await
    }

    /// Waits until the city holds every household of the villages.
    pub(crate) async fn settled(&self) -> Result<(), NodeError> {
        let count = |place: &Place| -> Result<u64, NodeError> {
            Ok(place.node.counts()?.get("households").and_then(Value::as_u64).unwrap_or(0))
        };
        let villages = SEATS.iter().filter(|seat| seat.above.is_some_and(|above| above != "city"));
        let mut wanted = 0;
        for seat in villages {
            wanted += count(self.place(seat.name)?)?;
        }
        for _ in 0..600 {
            if count(self.place("city")?)? >= wanted {
                return Ok(());
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        Err(told("the villages' households did not arrive at the city"))
    }

    async fn stop(mut self) {
        while let Some((_, place)) = self.places.pop_last() {
            match place.served {
                Some(served) => served.stop().await,
                None => place.node.close().await,
            }
        }
    }
}

async fn found(home: &Path, areas: &[Area]) -> Result<Node, NodeError> {
    let node = node::found(home, &key(home), areas, "市社会救助服务中心", Clock::real()).await?;
    // 区镇合一: the economic zone and the town are one office.
    let areas = vec!["320582100000".into(), "320582401000".into()];
    node.execute(Request::Merge { areas }, |_, _| {}).await.map_err(told)?;
    Ok(node)
}

fn action() -> Result<ActionId, NodeError> {
    Ok(ActionId(entropy::bytes().map_err(told)?))
}

/// Runs the demo until Ctrl-C, or plays the stories.
pub async fn run(demo: Demo, printer: &mut Printer) -> Result<ExitCode, String> {
    let own = std::env::temp_dir().join(format!("shouwang-demo-{}", std::process::id()));
    let dir = demo.dir.clone().unwrap_or_else(|| own.clone());
    let result = play(&demo, &dir, printer).await.map_err(|error| error.to_string());
    if demo.dir.is_none() {
        std::fs::remove_dir_all(&own).unwrap_or_default();
    }
    result
}

async fn play(demo: &Demo, dir: &Path, printer: &mut Printer) -> Result<ExitCode, NodeError> {
    let mut town = Town::open(dir, demo.households.as_deref()).await?;
    for (index, seat) in SEATS.iter().enumerate() {
        let port = demo.web_base.checked_add(index as u16).ok_or_else(|| told("--web-base is too large"))?;
        town.online(seat.name, Some(loopback(if demo.check { 0 } else { port }))).await?;
    }
    if demo.check {
        town.settled().await?;
        let report = stories::check(&mut town).await;
        town.stop().await;
        let passed = report.get("passed").and_then(Value::as_bool) == Some(true);
        printer.result(&report, &report.to_string());
        return Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let mut offices = Vec::new();
    let mut text = vec![format!("六个演示机构已启动，数据在 {}；所有账号密码：{PASSWORD}", dir.display())];
    for seat in SEATS {
        let place = town.place(seat.name)?;
        let name = place.node.office_name().await?;
        let url = format!("http://{}/", place.web.map(|web| web.to_string()).unwrap_or_default());
        let accounts: Vec<&str> = seat.staff.iter().map(|(id, ..)| *id).collect();
        text.push(format!("{name}\t{url}\t账号 {}", accounts.join("、")));
        offices.push(json!({ "office": name, "url": url, "accounts": accounts, "password": PASSWORD }));
    }
    text.push("按 Ctrl-C 结束".into());
    printer.result(&json!({ "dir": dir.display().to_string(), "offices": offices }), &text.join("\n"));
    crate::cli::until_stopped().await.map_err(told)?;
    town.stop().await;
    Ok(ExitCode::SUCCESS)
}
