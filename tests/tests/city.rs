//! Ten thousand households of one city, brought in where their files lie, while every line is up.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, missing_docs)]

use serde_json::{Value, json};
use shouwang_protocol::area::Area;
use shouwang_provisioning::divisions;
use shouwang_simulations::households::{Options, docs};
use shouwang_simulations::offices::{Office, program, write_lines};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

const HOUSEHOLDS: u64 = 10_000;
const PATIENCE: Duration = Duration::from_secs(300);
const CITY: &str = "320582000000";
/// The townships, their villages with a machine, and those whose files the township brings in.
const TOWNSHIPS: [(&str, &[&str], &str); 2] =
    [("320582100000", &["320582100230", "320582100201"], "320582100202"), ("320582107000", &["320582107202"], "320582107204")];

/// The invented households of these villages, by village.
fn households() -> BTreeMap<String, Vec<String>> {
    let villages: Vec<&str> = TOWNSHIPS.iter().flat_map(|(_, with, without)| with.iter().copied().chain([*without])).collect();
    let wanted = |area: &Area| {
        [CITY, TOWNSHIPS[0].0, TOWNSHIPS[1].0].contains(&area.code.as_str()) || villages.contains(&area.code.as_str())
    };
    let table = divisions::read(divisions::ZHANGJIAGANG.as_bytes()).expect("the table");
    let areas: Vec<Area> = table.into_iter().filter(wanted).collect();
    let options = Options { n: HOUSEHOLDS, seed: 20_190_719, divisions: Some(&areas), area: None };
    let mut rows: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in docs(&options).expect("households") {
        let row: Value = serde_json::from_str(&line).expect("JSON");
        rows.entry(row["region"].as_str().expect("a region").to_owned()).or_default().push(line);
    }
    assert_eq!(rows.len(), villages.len());
    rows
}

/// An office and the file it brings in.
struct Seat {
    office: Office,
    file: Option<(PathBuf, u64)>,
}

impl Seat {
    fn import(&self) -> Value {
        let Some((file, _)) = &self.file else { return Value::Null };
        self.office.command(&["import", "households", &file.to_string_lossy()]).expect("imports")
    }

    /// Checks what it reports of each row of its file.
    fn reports(&self, report: &Value, word: &str) {
        let rows = self.file.as_ref().map(|(_, rows)| json!(rows));
        assert_eq!((rows.as_ref(), &report["rejected"]), (Some(&report[word]), &json!(0)), "{report}");
    }

    fn entries(&self) -> Value {
        self.office.status().expect("status")["entries"].clone()
    }
}

/// Does something at all seats at once.
fn everywhere<T: Send>(seats: &[Seat], work: impl Fn(&Seat) -> T + Sync) -> Vec<T> {
    std::thread::scope(|scope| {
        let running: Vec<_> = seats.iter().map(|seat| scope.spawn(|| work(seat))).collect();
        running.into_iter().map(|thread| thread.join().expect("works")).collect()
    })
}

#[test]
fn ten_thousand_households_imported_where_they_live_appear_at_the_root_and_nothing_is_added_twice() {
    let dir = tempfile::tempdir().expect("a directory");
    let table = dir.path().join("divisions.csv");
    std::fs::write(&table, divisions::ZHANGJIAGANG).expect("writes");
    let mut rows = households();
    let mut file = |village: &str| {
        let (lines, path) = (rows.remove(village).expect("rows"), dir.path().join(format!("{village}.jsonl")));
        let count = lines.len() as u64;
        write_lines(&path, lines).expect("writes");
        Some((path, count))
    };
    let mut city = Office::found(&program().expect("built"), dir.path().join("city"), &table, "市中心").expect("founds");
    city.run(&[]).expect("runs");
    let mut seats = Vec::new();
    for (township, with, without) in TOWNSHIPS {
        let enrol = |area: &str| city.enrol(dir.path().join(area), &[area], &[]).expect("enrols");
        let mut office = enrol(township);
        office.run(&[city.quic().expect("listens")]).expect("runs");
        let above = office.quic().expect("listens");
        seats.push(Seat { office, file: file(without) });
        for village in with {
            let mut office = enrol(village);
            office.run(&[above]).expect("runs");
            seats.push(Seat { office, file: file(village) });
        }
    }

    let reports = everywhere(&seats, Seat::import);
    seats.iter().zip(&reports).for_each(|(seat, report)| seat.reports(report, "imported"));
    seats.insert(0, Seat { office: city, file: None });
    let arrived = |status: &Value| status["households"] == HOUSEHOLDS;
    seats[0].office.wait_until("all households", PATIENCE, arrived).expect("arrive");
    let confirmed = |status: &Value| status["confirmed"]["city"] == status["own_entries"];
    everywhere(&seats[1..], |seat| seat.office.wait_until("receipts", PATIENCE, confirmed).expect("confirmed"));

    // Whoever holds an area holds the same of it.
    let statuses = everywhere(&seats, |seat| seat.office.status().expect("status"));
    let mut compared = 0;
    for (at, one) in statuses.iter().enumerate() {
        for other in &statuses[at + 1..] {
            for (area, digest) in one["areas_digest"].as_object().expect("digests") {
                if let Some(theirs) = other["areas_digest"].get(area) {
                    assert_eq!(digest, theirs, "{area} at {} and {}", one["office"], other["office"]);
                    compared += 1;
                }
            }
        }
    }
    // Each pair holds the city's control; the city each township's villages, a township those with a machine.
    assert!(compared > 15 + 5 + 3, "{compared}");
    for report in everywhere(&seats, |seat| seat.office.command(&["verify"]).expect("nothing differs")) {
        assert_eq!(report["differences"], json!([]));
    }

    let before = everywhere(&seats, Seat::entries);
    let reports = everywhere(&seats[1..], Seat::import);
    seats[1..].iter().zip(&reports).for_each(|(seat, report)| seat.reports(report, "unchanged"));
    assert_eq!(everywhere(&seats, Seat::entries), before, "importing again adds nothing");
}
