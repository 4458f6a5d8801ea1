//! `measure root`: the city centre with the households of villages of at most ten thousand, that came over real QUIC.
//!
//! Answers are timed over real HTTP, one connection each, as a browser on the same machine would wait for them. Commits
//! are changes of one field, each on the disk before its answer.

use super::pair::{database_bytes, usage};
use super::slow::{add_clerk, sign_in};
use super::{LIMIT, number};
use crate::households::{self, SplitMix64};
use crate::http;
use crate::offices::{Failure, Office, program, write_lines};
use serde::Serialize;
use serde_json::{Value, json};
use shouwang_protocol::area::Tier;
use shouwang_provisioning::divisions;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Households of one village at most.
const VILLAGE_ROWS: u64 = 10_000;
/// How often each action is timed.
const TIMES: usize = 300;

/// Categories that the households hold beside the register's own; a household holds up to three.
pub const CATEGORIES: [&str; 10] = [
    "特困人员",
    "最低生活保障家庭",
    "最低生活保障边缘家庭",
    "刚性支出困难家庭",
    "受灾人员",
    "重度残疾人",
    "重点优抚对象",
    "困境儿童",
    "事实无人抚养儿童",
    "支出型困难家庭",
];
/// Initials that many names have.
const INITIALS: [&str; 8] = ["zw", "lj", "wf", "cy", "hx", "lm", "zj", "yl"];

/// What to measure.
pub struct Options {
    /// Households, in all.
    pub households: u64,
    /// The seed of the households and of what is looked for.
    pub seed: u64,
    /// Where to work; a fresh directory.
    pub dir: PathBuf,
}

/// Milliseconds that half, and 99 in 100, take at most.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Spread {
    /// Half.
    pub p50_ms: f64,
    /// All but one in a hundred.
    pub p99_ms: f64,
}

/// The results.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Root {
    /// Households at the root.
    pub n: u64,
    /// Villages they came from, one after the other.
    pub villages: usize,
    /// Seconds until the root had stored them all, dialling and process starts included.
    pub bootstrap_seconds: f64,
    /// Records stored a second.
    pub records_per_second: f64,
    /// Resident memory of the root when it had stored them.
    pub rss_bytes: u64,
    /// The same after all the pages and commits.
    pub rss_after_bytes: u64,
    /// The peak.
    pub rss_peak_bytes: u64,
    /// Resident memory after each village.
    pub rss_by_village: Vec<u64>,
    /// The root's database.
    pub database_bytes: u64,
    /// A search by two characters of a name, or part of an ID number.
    pub search: Spread,
    /// A search by the initials of a name's pinyin.
    pub search_initials: Spread,
    /// A search by part of an address.
    pub search_address: Spread,
    /// The households of a village.
    pub search_village: Spread,
    /// The households of a category, one after the other of [`CATEGORIES`].
    pub search_category: Spread,
    /// A household's page.
    pub page: Spread,
    /// A change of one field.
    pub commit: Spread,
}

/// Measures, and hands back what was found.
pub fn root(options: &Options) -> Result<Root, Failure> {
    let program = program()?;
    let dir = &options.dir;
    std::fs::create_dir_all(dir)?;
    let table = dir.join("divisions.csv");
    std::fs::write(&table, divisions::ZHANGJIAGANG)?;
    let mut city = Office::found(&program, dir.join("city"), &table, "测量市中心")?;
    add_clerk(&city, dir)?;

    let rows = households::docs(&households::Options { n: options.households, seed: options.seed, divisions: None, area: None })?;
    let rows: Vec<String> = rows.collect();
    let areas = divisions::read(divisions::ZHANGJIAGANG.as_bytes())?;
    let codes: Vec<String> = areas.into_iter().filter(|area| area.tier == Tier::Village).map(|area| area.code).collect();
    let mut villages = Vec::new();
    for (index, part) in rows.chunks(VILLAGE_ROWS as usize).enumerate() {
        let code = codes.get(index).ok_or("there are not so many villages")?;
        let village = city.enrol(dir.join(format!("village-{index}")), &[code.as_str()], &[])?;
        let file = dir.join("rows.jsonl");
        let here = |(at, row): (usize, &String)| -> Result<String, Failure> {
            let mut value: serde_json::Map<String, Value> = serde_json::from_str(row)?;
            value.insert("region".into(), code.clone().into());
            let holdings = holdings(at, &value);
            value.insert("holdings".into(), holdings.into());
            Ok(Value::Object(value).to_string())
        };
        write_lines(&file, part.iter().enumerate().map(here).collect::<Result<Vec<_>, _>>()?)?;
        village.command(&["import", "households", &file.to_string_lossy()])?;
        villages.push((village, part.len() as u64));
    }

    city.run(&[])?;
    let process = city.process().ok_or("the root does not run")?;
    let (mut done, mut seconds, mut rss_by_village) = (0, 0.0, Vec::new());
    for (village, count) in &mut villages {
        let begun = Instant::now();
        village.run(&[city.quic()?])?;
        done += *count;
        city.wait_until("all households", LIMIT, |status| number(status, "households") >= done)?;
        seconds += begun.elapsed().as_secs_f64();
        village.stop()?;
        rss_by_village.push(resident(process));
    }
    let rss_bytes = resident(process);

    let (web, token) = (city.web()?, sign_in(&city)?);
    let mut random = SplitMix64::new(options.seed);
    let mut pick = || -> Result<Value, Failure> {
        let row = &rows[(random.next_u64() % rows.len() as u64) as usize];
        Ok(serde_json::from_str(row)?)
    };
    let mut records = Vec::new();
    let mut index = 0;
    let search = timed(|| {
        let row = pick()?;
        let text = |key: &str| row.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        index += 1;
        let term = match index % 3 {
            0 => text("head"),
            1 => text("head").chars().take(2).collect(),
            _ => text("head_id_no").chars().skip(6).take(8).collect::<String>(),
        };
        let asked = Instant::now();
        let answer = http::post(web, "/api/v1/households/search", Some(&token), &json!({ "term": term }))?;
        let took = asked.elapsed();
        let found = answer.json();
        let first = found.get("rows").and_then(|rows| rows.get(0)).ok_or_else(|| format!("nothing found: {}", answer.text()))?;
        records.push(first.get("record").and_then(Value::as_str).ok_or("a row without a record")?.to_owned());
        Ok(took)
    })?;
    let by = |asked: &mut dyn FnMut(usize) -> Result<Value, Failure>| {
        let mut index = 0;
        timed(|| {
            index += 1;
            let body = asked(index)?;
            let asked = Instant::now();
            let answer = http::post(web, "/api/v1/households/search", Some(&token), &body)?;
            let took = asked.elapsed();
            let found = answer.json().get("rows").and_then(Value::as_array).map_or(0, Vec::len);
            if found > 0 { Ok(took) } else { Err(format!("nothing found: {}", answer.text()).into()) }
        })
    };
    let search_initials = by(&mut |index| Ok(json!({ "term": INITIALS[index % INITIALS.len()] })))?;
    let search_address = by(&mut |_| {
        let row = pick()?;
        let address: String = row.get("address").and_then(Value::as_str).unwrap_or_default().chars().skip(6).collect();
        Ok(json!({ "term": address }))
    })?;
    let search_village = by(&mut |index| Ok(json!({ "area": codes[index % villages.len()] })))?;
    let search_category = by(&mut |index| Ok(json!({ "category": CATEGORIES[index % CATEGORIES.len()], "on": "2026-06-01" })))?;
    let cookie = cookie(web)?;
    let mut each = records.iter().cycle();
    let page = timed(|| {
        let path = format!("/households/{}", each.next().ok_or("no household")?);
        let asked = Instant::now();
        let answer = http::request(web, "GET", &path, &[("Cookie", &cookie), ("Accept", "text/html")], &[])?;
        let took = asked.elapsed();
        if answer.status == 200 { Ok(took) } else { Err(format!("{path}: {}", answer.status).into()) }
    })?;
    let mut action = 0_u64;
    let commit = timed(|| {
        action += 1;
        let record = each.next().ok_or("no household")?;
        let command = json!({ "do": "edit_household", "record": record, "set": { "remark": format!("已电话回访 {action}") } });
        let body = json!({ "action": format!("{action:032x}"), "command": command });
        let asked = Instant::now();
        let answer = http::post(web, "/api/v1/commands", Some(&token), &body)?;
        let took = asked.elapsed();
        if answer.status == 200 { Ok(took) } else { Err(format!("a commit: {}", answer.text()).into()) }
    })?;

    let found = Root {
        n: options.households,
        villages: villages.len(),
        bootstrap_seconds: seconds,
        records_per_second: options.households as f64 / seconds,
        rss_bytes,
        rss_after_bytes: resident(process),
        rss_peak_bytes: usage(process).1,
        rss_by_village,
        database_bytes: database_bytes(&city),
        search,
        search_initials,
        search_address,
        search_village,
        search_category,
        page,
        commit,
    };
    city.stop()?;
    Ok(found)
}

/// Up to three categories of the household at a place: of the whole of it, or of a member; one in four has ended.
fn holdings(at: usize, row: &serde_json::Map<String, Value>) -> Vec<Value> {
    let members = row.get("members").and_then(Value::as_array);
    let numbers: Vec<&str> = members.into_iter().flatten().filter_map(|member| member.get("id_no")?.as_str()).collect();
    let one = |k: usize| {
        let person = if (at + k).is_multiple_of(3) { None } else { numbers.get((at + k) % numbers.len().max(1)) };
        let until = if (at + k).is_multiple_of(4) { "2025-12-31" } else { "" };
        json!({
            "person": person.copied().unwrap_or_default(), "category": CATEGORIES[(at * 7 + k * 3) % CATEGORIES.len()],
            "from": format!("20{:02}-01-01", 18 + (at + k) % 7), "until": until, "basis": format!("证 {}", at % 900),
        })
    };
    (0..at % 4).map(one).collect()
}

fn timed(mut once: impl FnMut() -> Result<Duration, Failure>) -> Result<Spread, Failure> {
    let mut all = (0..TIMES).map(|_| once()).collect::<Result<Vec<_>, _>>()?;
    all.sort();
    let at = |part: usize| all.get(TIMES * part / 100).map_or(0.0, |took| (took.as_secs_f64() * 100_000.0).round() / 100.0);
    Ok(Spread { p50_ms: at(50), p99_ms: at(99) })
}

/// Signs the clerk in as a browser does.
fn cookie(web: SocketAddr) -> Result<String, Failure> {
    let origin = format!("http://{web}");
    let headers = [("Origin", origin.as_str()), ("Content-Type", "application/x-www-form-urlencoded"), ("Accept", "text/html")];
    let body = format!("id=clerk&password={}", super::slow::PASSWORD);
    let answer = http::request(web, "POST", "/sign-in", &headers, body.as_bytes())?;
    let cookie = answer.header("set-cookie").and_then(|cookie| cookie.split(';').next()).map(str::to_owned);
    cookie.ok_or_else(|| format!("the clerk cannot sign in: {}", answer.status).into())
}

/// Resident bytes of a process now (Linux).
fn resident(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}
