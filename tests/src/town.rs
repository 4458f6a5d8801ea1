//! Three offices as three processes, with staff, the sample policy pack and invented households.
//!
//! What outsiders do with commands and the JSON API before anybody opens a page. The village dials the township, the
//! township the city; each is started by the test when its story wants it.

use crate::http;
use serde_json::{Value, json};
use shouwang_protocol::records::policy;
use shouwang_simulations::households::{Options, docs};
use shouwang_simulations::offices::{Failure, Office, program, write_lines};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// 张家港市.
const CITY: &str = "320582000000";
/// 经开区（杨舍镇）.
pub const TOWNSHIP: &str = "320582100000";
/// 农联村.
pub const VILLAGE: &str = "320582100230";
/// The password of every account.
pub const PASSWORD: &str = "shouwang-test-7";

/// The three offices.
pub struct Town {
    dir: tempfile::TempDir,
    /// The city centre.
    pub city: Office,
    /// The township office.
    pub township: Office,
    /// The village committee.
    pub village: Office,
}

impl Town {
    /// Founds them, with accounts: `liu` (village), `wang` (township), `zhangjie`, `tao`, `chen`, `jiaoyuju` and
    /// `shegong` (city).
    pub fn found() -> Result<Town, Failure> {
        let dir = tempfile::tempdir()?;
        let table = dir.path().join("divisions.csv");
        std::fs::write(&table, shouwang_provisioning::divisions::ZHANGJIAGANG)?;
        let city = Office::found(&program()?, dir.path().join("city"), &table, "市社会救助服务中心")?;
        let township = city.enrol(dir.path().join("township"), &[TOWNSHIP], &[])?;
        let village = city.enrol(dir.path().join("village"), &[VILLAGE], &[])?;
        let town = Town { dir, city, township, village };
        staff(&town.village, "liu", "刘秀英", &["intake", "administrator"], &[])?;
        staff(&town.township, "wang", "王敏", &["intake", "reviewer", "administrator"], &[])?;
        staff(&town.city, "zhangjie", "张婕", &["intake", "reviewer"], &[])?;
        staff(&town.city, "tao", "陶静华", &["administrator", "reviewer"], &[])?;
        staff(&town.city, "chen", "陈局长", &["approver"], &[])?;
        staff(&town.city, "jiaoyuju", "教育局经办", &["department"], &["--department", "教育局"])?;
        staff(&town.city, "shegong", "社工小周", &["provider"], &["--provider", "社工服务中心"])?;
        Ok(town)
    }

    /// Starts all three; the city publishes the sample policy pack, and the village waits until it has arrived.
    pub fn run(&mut self) -> Result<(), Failure> {
        self.city.run(&[])?;
        perform(self.city.web()?, "tao", &json!({ "do": "publish_policy", "pack": policy::sample() }))?;
        self.township.run(&[self.city.quic()?])?;
        self.village.run(&[self.township.quic()?])?;
        let control = |status: &Value| status["areas_digest"][CITY].clone();
        let above = control(&self.city.status()?);
        self.village.wait_until("the policy pack", Duration::from_secs(60), |status| control(status) == above)?;
        Ok(())
    }

    /// A path for a file or a browser's profile.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Invented households of the village.
    pub fn households(&self, n: u64, seed: u64) -> Result<Vec<Value>, Failure> {
        rows(VILLAGE, n, seed)
    }

    /// Rows as a household file.
    pub fn file(&self, name: &str, rows: &[Value]) -> Result<PathBuf, Failure> {
        let path = self.path(name);
        write_lines(&path, rows.iter().map(Value::to_string))?;
        Ok(path)
    }
}

/// Invented households of a village, with keys of their own for each seed.
pub fn rows(village: &str, n: u64, seed: u64) -> Result<Vec<Value>, Failure> {
    let lines = docs(&Options { n, seed, divisions: None, area: None })?.enumerate();
    lines
        .map(|(index, line)| {
            let mut row: Value = serde_json::from_str(&line)?;
            row["region"] = village.into();
            row["id"] = format!("NL-{seed}-{index:04}").into();
            Ok(row)
        })
        .collect()
}

/// Adds an account at an office.
pub fn staff(office: &Office, id: &str, name: &str, roles: &[&str], more: &[&str]) -> Result<(), Failure> {
    let password = office.dir().with_extension("password");
    std::fs::write(&password, PASSWORD)?;
    let file = password.to_string_lossy().into_owned();
    let mut words = vec!["staff", "add", "--id", id, "--name", name, "--password-file", &file];
    roles.iter().for_each(|role| words.extend(["--role", role]));
    words.extend(more);
    office.command(&words)?;
    Ok(())
}

/// Does a command through the JSON API, as a program that signed in.
pub fn perform(at: SocketAddr, id: &str, command: &Value) -> Result<Value, Failure> {
    let signed = http::post(at, "/api/v1/sign-in", None, &json!({ "id": id, "password": PASSWORD }))?.json();
    let token = signed["token"].as_str().ok_or_else(|| format!("not signed in: {signed}"))?;
    let action = format!("{:032x}", std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_nanos());
    let answer = http::post(at, "/api/v1/commands", Some(token), &json!({ "action": action, "command": command }))?;
    if answer.status == 200 { Ok(answer.json()) } else { Err(format!("{}: {}", answer.status, answer.text()).into()) }
}

/// Opens a case through the API; its name.
pub fn open_case(at: SocketAddr, staff: &str, mut command: Value) -> Result<String, Failure> {
    command["do"] = "open_case".into();
    let case = perform(at, staff, &command)?["case"].as_str().map(str::to_owned);
    Ok(case.ok_or("no case")?)
}

/// Takes a step in a case through the API.
pub fn step(at: SocketAddr, staff: &str, case: &str, step: Value) -> Result<Value, Failure> {
    perform(at, staff, &json!({ "do": "case", "case": case, "step": step }))
}

/// The record of the household that a search finds first.
pub fn household(at: SocketAddr, staff: &str, term: &str) -> Result<String, Failure> {
    let signed = http::post(at, "/api/v1/sign-in", None, &json!({ "id": staff, "password": PASSWORD }))?.json();
    let found = http::post(at, "/api/v1/households/search", signed["token"].as_str(), &json!({ "term": term }))?.json();
    Ok(found["rows"][0]["record"].as_str().ok_or_else(|| format!("no household {term}"))?.to_owned())
}

/// Waits until an office sees a case at a stage; what it means there.
pub fn until_stage(at: SocketAddr, staff: &str, case: &str, stage: &str) -> Result<Value, Failure> {
    let signed = http::post(at, "/api/v1/sign-in", None, &json!({ "id": staff, "password": PASSWORD }))?.json();
    let end = std::time::Instant::now() + Duration::from_secs(60);
    loop {
        let seen = http::get(at, &format!("/api/v1/cases/{case}"), signed["token"].as_str())?.json();
        if seen["standing"]["stage"] == stage {
            return Ok(seen["standing"].clone());
        }
        if std::time::Instant::now() > end {
            return Err(format!("{staff} waits for {stage} in vain, sees {seen}").into());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}
