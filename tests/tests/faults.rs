//! What goes wrong in the field, with real processes: machines that do not belong, invitations that do not count,
//! a full disk, a damaged database. Each is told to those concerned, touches nothing, and ends by itself or by what
//! people are told to do.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, missing_docs)]

use serde_json::{Value, json};
use shouwang_node::store::{KeySource, Vault};
use shouwang_protocol::area::{AreaId, Tier};
use shouwang_protocol::device::DeviceKey;
use shouwang_protocol::device::OfficeId;
use shouwang_provisioning::city::{CityKeys, Grantee};
use shouwang_provisioning::divisions::ZHANGJIAGANG;
use shouwang_provisioning::enrolment::{Grant, Invitation, Request, day_after};
use shouwang_simulations::offices::{Office, program, write_lines};
use shouwang_tests::disk::SmallDisk;
use shouwang_tests::http;
use shouwang_tests::town::{PASSWORD, staff};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const PATIENCE: Duration = Duration::from_secs(60);
const TOWNSHIP: &str = "320582100000";
const VILLAGE: &str = "320582100201";
const ELSEWHERE: &str = "320582107202";

/// A city in a directory of its own.
struct City {
    dir: tempfile::TempDir,
    office: Office,
}

impl City {
    fn found() -> City {
        let dir = tempfile::tempdir().expect("a directory");
        let table = dir.path().join("divisions.csv");
        std::fs::write(&table, ZHANGJIAGANG).expect("writes");
        let office = Office::found(&program().expect("built"), dir.path().join("city"), &table, "市中心").expect("founds");
        City { dir, office }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn enrol(&self, name: &str, area: &str) -> Office {
        self.office.enrol(self.path(name), &[area], &[]).expect("enrols")
    }

    /// A new machine that has not joined yet.
    fn machine(&self, name: &str) -> Office {
        Office::at(&program().expect("built"), self.path(name))
    }

    fn invite(&self, name: &str, area: &str) -> PathBuf {
        let path = self.path(name);
        self.office.command(&["invite", "--area", area, "--out", &path.to_string_lossy()]).expect("invites");
        path
    }

    /// What the city keeps in its vault, while it is stopped.
    fn vault(&self) -> Vault {
        Vault::open(self.office.dir(), &KeySource::KeyFile(self.office.key_file().to_owned())).expect("opens")
    }
}

fn import(office: &Office, village: &str, n: u64, seed: u64) {
    let path = office.dir().with_extension(format!("{seed}.jsonl"));
    write_lines(&path, shouwang_tests::town::rows(village, n, seed).expect("rows").iter().map(Value::to_string)).expect("writes");
    let report = office.command(&["import", "households", &path.to_string_lossy()]).expect("imports");
    assert_eq!(report["imported"], n, "{report}");
}

fn log(office: &Office) -> String {
    std::fs::read_to_string(office.dir().with_extension("log")).expect("a log")
}

/// The office below dials the one above, is sent away for this reason, and both say so; nothing passed between them.
fn is_sent_away(below: &mut Office, above: &mut Office, word: &str, reason: &str) {
    above.run(&[]).expect("runs");
    below.run(&[above.quic().expect("listens")]).expect("runs");
    let told = |status: &Value| {
        let peers = status["peers"].as_array().expect("peers");
        peers.iter().any(|peer| peer["last_error"].as_str().is_some_and(|why| why.contains(reason)))
            && status["connections_ended"][word].as_u64() > Some(0)
    };
    for office in [&*below, &*above] {
        office.wait_until(reason, PATIENCE, told).expect("says why");
        assert!(log(office).contains(word), "{}", log(office));
        let metrics = http::request(office.web().expect("runs"), "GET", "/metrics", &[], b"").expect("answers").text();
        assert!(metrics.contains(&format!("shouwang_connections_ended_total{{reason=\"{word}\"}}")), "{metrics}");
    }
}

#[test]
fn a_machine_of_another_city_is_sent_away_and_both_sides_say_why() {
    let (mut city, other) = (City::found(), City::found());
    let mut stranger = other.enrol("village", VILLAGE);
    import(&stranger, VILLAGE, 3, 1);
    staff(&stranger, "liu", "刘秀英", &["intake"], &[]).expect("added");
    is_sent_away(&mut stranger, &mut city.office, "foreign", "not of this city");
    assert_eq!(city.office.status().expect("status")["households"], 0);
    // The page says it to people in their own words.
    let page = page(&stranger, &sign_in(&stranger, "liu"), "/sync");
    assert!(page.contains("设备证书不属于本市"), "{page}");
}

#[test]
fn a_machine_of_another_township_is_sent_away_and_both_sides_say_why() {
    let city = City::found();
    let (mut township, mut village) = (city.enrol("yangshe", TOWNSHIP), city.enrol("xinzha", ELSEWHERE));
    import(&village, ELSEWHERE, 3, 1);
    is_sent_away(&mut village, &mut township, "wrong-area", "no area in common");
    assert_eq!(township.status().expect("status")["households"], 0);
}

#[test]
fn a_machine_whose_certificate_has_run_out_is_sent_away_and_both_sides_say_why() {
    let mut city = City::found();
    let village = city.machine("village");
    let (invitation, request, grant) = (city.invite("invitation", VILLAGE), city.path("request"), city.path("grant"));
    let words = |path: &Path| path.to_string_lossy().into_owned();
    village.command(&["join", "--invite", &words(&invitation), "--request", &words(&request)]).expect("asks");
    // The city's keys sign what they would have signed more than a year ago.
    let asked = Request::read(&std::fs::read(&request).expect("reads")).expect("a request");
    let secrets = city.vault().secrets().clone();
    let kept: Value = serde_json::from_slice(&secrets.extra).expect("JSON");
    let keys: CityKeys = serde_json::from_value(kept["city"].clone()).expect("the city's keys");
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_millis()).expect("fits");
    let old = keys.issue(&Grantee {
        device: DeviceKey(asked.device),
        recipient: asked.recipient,
        office: office_of(VILLAGE),
        tier: Tier::Village,
        areas: vec![AreaId::parse(VILLAGE).expect("a code")],
        name: "斜桥村委会".into(),
        serial: 1,
        expires: day_after(now, -2),
    });
    let certificates = [vec![old], secrets.node.pinned.clone()].concat();
    std::fs::write(&grant, json!(Grant::new(&certificates, Vec::new())).to_string()).expect("writes");
    village.command(&["join", "--grant", &words(&grant)]).expect("joins");
    let mut village = village;
    is_sent_away(&mut village, &mut city.office, "expired", "has expired");
}

/// Offices are numbered in the order of the table.
fn office_of(code: &str) -> OfficeId {
    let line = ZHANGJIAGANG.lines().skip(1).position(|line| line.starts_with(code)).expect("in the table");
    OfficeId(u32::try_from(line).expect("few") + 1)
}

/// Tries to join online, and gives what it is told when it may not.
fn refused(machine: &Office, invitation: &Path, city: &Office) -> String {
    let parent = city.quic().expect("listens").to_string();
    let tried = machine.raw(&["join", "--invite", &invitation.to_string_lossy(), "--parent", &parent]).expect("starts");
    assert_eq!(tried.status.code(), Some(1), "{tried:?}");
    assert!(machine.status().is_err(), "it has become no node");
    String::from_utf8_lossy(&tried.stderr).into_owned()
}

#[test]
fn an_invitation_is_taken_once_in_time_and_as_it_was_written() {
    let mut city = City::found();
    let invitation = city.invite("invitation", VILLAGE);
    let late = city.invite("late", VILLAGE);
    // As if its days had passed: the city keeps when it ends, whatever the file says.
    let mut vault = city.vault();
    let mut secrets = vault.secrets().clone();
    let mut kept: Value = serde_json::from_slice(&secrets.extra).expect("JSON");
    kept["invitations"][1]["expires_ms"] = json!(1);
    secrets.extra = kept.to_string().into_bytes();
    vault.save(secrets).expect("saves");
    drop(vault);
    city.office.run(&[]).expect("runs");
    let told = refused(&city.machine("too-late"), &late, &city.office);
    assert!(told.contains("has expired; ask the city for a new one"), "{told}");

    let altered = |name: &str, alter: &dyn Fn(&mut Value)| {
        let mut file: Value = serde_json::from_slice(&std::fs::read(&invitation).expect("reads")).expect("JSON");
        alter(&mut file);
        let path = city.path(name);
        std::fs::write(&path, file.to_string()).expect("writes");
        path
    };
    let guessed = altered("guessed", &|file| file["secret"] = "00".repeat(16).into());
    assert!(refused(&city.machine("guesser"), &guessed, &city.office).contains("is not known here"));
    let root = altered("root", &|file| file["root"] = file["city_device"].clone());
    assert!(refused(&city.machine("misled"), &root, &city.office).contains("another city"));
    let torn = city.path("torn");
    std::fs::write(&torn, &std::fs::read(&invitation).expect("reads")[..200]).expect("writes");
    assert!(refused(&city.machine("torn-machine"), &torn, &city.office).contains("not a readable invitation"));

    // More areas and more days in the file give neither: the city goes by what it remembers.
    let greedy = altered("greedy", &|file| {
        file["areas"] = json!([TOWNSHIP]);
        file["expires_ms"] = json!(i64::MAX);
    });
    let first = city.machine("first");
    let parent = city.office.quic().expect("listens").to_string();
    first.command(&["join", "--invite", &greedy.to_string_lossy(), "--parent", &parent]).expect("joins");
    let mut first = first;
    first.run(&[city.office.quic().expect("listens")]).expect("runs");
    let village = |status: &Value| status["areas"] == json!([VILLAGE]) && status["tier"] == "village";
    first.wait_until("its office", PATIENCE, village).expect("is what the city said");

    // Used: online, and by files.
    let told = refused(&city.machine("second"), &invitation, &city.office);
    assert!(told.contains("was used by another device; ask the city for a new one"), "{told}");
    let (third, request, grant) = (city.machine("third"), city.path("request"), city.path("grant"));
    let [asks, request, grants] = [&invitation, &request, &grant].map(|path| path.to_string_lossy().into_owned());
    third.command(&["join", "--invite", &asks, "--request", &request]).expect("asks");
    let told = city.office.command(&["invite", "grant", "--request", &request, "--out", &grants]).expect_err("used").to_string();
    assert!(told.contains("was used by another device") && !grant.exists(), "{told}");
    let devices = Invitation::read(&std::fs::read(&invitation).expect("reads")).expect("reads").areas;
    assert_eq!(devices, [VILLAGE]);
}

#[test]
fn a_damaged_database_is_set_aside_whole_and_everything_confirmed_comes_back() {
    let mut city = City::found();
    let mut village = city.enrol("village", VILLAGE);
    city.office.run(&[]).expect("runs");
    let above = city.office.quic().expect("listens");
    import(&village, VILLAGE, 20, 1);
    village.run(&[above]).expect("runs");
    let confirmed = |status: &Value| status["confirmed"]["city"] == status["own_entries"];
    let old = village.wait_until("receipts", PATIENCE, confirmed).expect("confirmed");
    village.stop().expect("stops");

    let database = village.dir().join("shouwang.db");
    let mut bytes = std::fs::read(&database).expect("reads");
    bytes[100] ^= 1;
    std::fs::write(&database, &bytes).expect("writes");
    let refused = village.run(&[above]).expect_err("is damaged").to_string();
    assert!(refused.contains("damaged") && refused.contains("shouwang doctor"), "{refused}");
    for command in ["status", "verify"] {
        let told = village.command(&[command]).expect_err("is damaged").to_string();
        assert!(told.contains("shouwang doctor"), "{told}");
    }
    assert_eq!(std::fs::read(&database).expect("reads"), bytes, "nobody touched it");

    let told = village.command(&["doctor"]).expect("sets it aside");
    assert_eq!(told["state"], "set-aside");
    let advice = told["advice"].as_str().expect("advice");
    assert!(advice.contains("damaged-1") && advice.contains("fetches everything again"), "{advice}");
    assert_eq!(std::fs::read(village.dir().join("damaged-1/shouwang.db")).expect("is kept"), bytes);

    village.run(&[above]).expect("runs anew");
    let back = |status: &Value| status["households"] == 20;
    let new = village.wait_until("everything back", PATIENCE, back).expect("comes back");
    assert_ne!(new["incarnation"], old["incarnation"], "what it may have said before is not said again otherwise");
    import(&village, VILLAGE, 2, 2);
    city.office.wait_until("what is new", PATIENCE, |status| status["households"] == 22).expect("arrives");
    assert_eq!(village.command(&["verify"]).expect("nothing differs")["differences"], json!([]));
    assert_eq!(std::fs::read(village.dir().join("damaged-1/shouwang.db")).expect("is kept"), bytes);
}

/// The cookie of somebody who signed in on the page.
fn sign_in(office: &Office, id: &str) -> String {
    let at = office.web().expect("runs");
    let origin = format!("http://{at}");
    let headers = [("Origin", origin.as_str()), ("Content-Type", "application/x-www-form-urlencoded")];
    let form = format!("id={id}&password={PASSWORD}");
    let answer = http::request(at, "POST", "/sign-in", &headers, form.as_bytes()).expect("answers");
    let cookie = answer.header("set-cookie").unwrap_or_else(|| panic!("{}", answer.text()));
    cookie.split(';').next().unwrap_or_default().to_owned()
}

fn page(office: &Office, cookie: &str, path: &str) -> String {
    let answer = http::request(office.web().expect("runs"), "GET", path, &[("Cookie", cookie)], b"").expect("answers");
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.text()
}

#[test]
fn a_full_disk_makes_a_node_read_only_and_it_goes_on_by_itself_when_there_is_room_again() {
    let mut city = City::found();
    let Some(disk) = SmallDisk::mount(city.path("small"), 32) else {
        println!("skipped: a small disk cannot be mounted here (it takes root)");
        return;
    };
    let mut village = city.office.enrol(disk.path().join("village"), &[VILLAGE], &[]).expect("enrols");
    staff(&village, "liu", "刘秀英", &["intake"], &[]).expect("added");
    city.office.run(&[]).expect("runs");
    village.run(&[city.office.quic().expect("listens")]).expect("runs");
    let (at, process) = (village.web().expect("runs"), village.process());
    let signed = http::post(at, "/api/v1/sign-in", None, &json!({ "id": "liu", "password": PASSWORD })).expect("answers").json();
    let (token, cookie) = (signed["token"].as_str().expect("a token"), sign_in(&village, "liu"));
    let plea = |number: u32| {
        let summary = "房屋漏雨".repeat(100);
        let open = json!({ "do": "open_case", "origin": "plea", "area": VILLAGE, "applicant": format!("第{number}户"), "summary": summary });
        let body = json!({ "action": format!("{number:032x}"), "command": open });
        http::post(at, "/api/v1/commands", Some(token), &body).expect("answers")
    };
    let ready = || http::request(at, "GET", "/readyz", &[], b"").expect("answers").status;

    disk.fill().expect("fills");
    let mut acknowledged = 0;
    let refused = loop {
        let answer = plea(acknowledged);
        if answer.status != 200 {
            break answer;
        }
        acknowledged += 1;
        assert!(acknowledged < 5_000, "the disk is not full");
    };
    assert_eq!((refused.status, &refused.json()["type"]), (503, &json!("urn:shouwang:read_only")), "{}", refused.text());
    assert!(refused.json()["detail"].as_str().expect("advice").contains("清理磁盘空间"));
    assert_eq!(ready(), 503);
    // Everything can still be read; people are told on every page; the log cannot be written either, and nobody minds.
    for _ in 0..100 {
        assert_eq!(plea(acknowledged).status, 503);
    }
    for path in ["/today", "/households", "/cases", "/sync"] {
        let page = page(&village, &cookie, path);
        assert!(page.contains("磁盘写不进去") && page.contains("能写入时会自动恢复"), "{path}");
    }
    // What a superior sends meanwhile is not taken, and the superior is told why.
    import(&city.office, VILLAGE, 20, 9);
    let told = |status: &Value| status["peers"][0]["last_error"].as_str().is_some_and(|why| why.contains("disk"));
    city.office.wait_until("the reason", PATIENCE, told).expect("is told");
    let entries = village.status().expect("status")["own_entries"].clone();

    disk.empty().expect("makes room");
    let until = Instant::now() + PATIENCE;
    while ready() != 200 {
        assert!(Instant::now() < until, "does not recover: {}", log(&village));
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(!page(&village, &cookie, "/today").contains("磁盘写不进去"));
    let done = plea(acknowledged);
    assert_eq!((done.status, &done.json()["again"]), (200, &json!(false)), "{}", done.text());
    assert_eq!(village.process(), process, "it was never started again");
    let status = village.status().expect("status");
    assert_eq!(status["cases"], acknowledged + 1);
    assert!(status["own_entries"].as_u64() > entries.as_u64());
    city.office.wait_until("all pleas", PATIENCE, |status| status["cases"] == acknowledged + 1).expect("arrive");
    village.wait_until("what was sent", PATIENCE, |status| status["households"] == 20).expect("arrives");
    assert_eq!(village.command(&["verify"]).expect("nothing differs")["differences"], json!([]));
}
