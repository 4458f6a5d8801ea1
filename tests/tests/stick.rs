//! Three offices whose line is down for good: real processes, and files on a stick between them.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, missing_docs)]

use serde_json::Value;
use shouwang_simulations::offices::Office;
use shouwang_tests::town::Town;
use std::path::Path;

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn count(value: &Value, key: &str) -> u64 {
    value[key].as_u64().unwrap_or(u64::MAX)
}

fn confirmed(office: &Office) -> (u64, u64, u64) {
    let status = office.status().expect("status");
    (count(&status, "own_entries"), count(&status["confirmed"], "township"), count(&status["confirmed"], "city"))
}

#[test]
fn item_45_three_processes_without_a_line_agree_by_files_on_a_stick() {
    let mut town = Town::found().expect("three offices");
    let stick = town.path("stick");
    std::fs::create_dir_all(&stick).expect("a stick");
    let [up, back, further, receipt, down] = ["1", "2", "3", "4", "5"].map(|name| stick.join(format!("{name}.parcel")));
    let rows = town.households(300, 7).expect("rows");
    let file = town.file("rows.jsonl", &rows).expect("writes");
    town.village.command(&["import", "households", &text(&file)]).expect("imports");

    let made = town.village.command(&["carry", "out", "--out", &text(&up)]).expect("carries out");
    assert!(count(&made["carried"], "entries") >= 300, "{made}");
    let (own, township, _) = confirmed(&town.village);
    assert!(own >= 300 && township == 0, "carried out is not delivered");

    // The wrong office, and a file that lost its end: one line that says what to do, and nothing is taken.
    let wrong = town.city.raw(&["carry", "in", &text(&up)]).expect("starts");
    assert_eq!(wrong.status.code(), Some(1));
    let said = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(said.contains("这个文件是给") && said.contains("没有任何改动"), "{said}");
    let bytes = std::fs::read(&up).expect("reads");
    std::fs::write(&down, &bytes[..bytes.len() - 1_000]).expect("writes");
    assert_eq!(town.township.raw(&["carry", "in", &text(&down)]).expect("starts").status.code(), Some(1));
    assert_eq!(count(&town.township.status().expect("status"), "households"), 0);

    // The township's node serves meanwhile; the command asks it.
    town.township.run(&[]).expect("runs");
    let taken = town.township.command(&["carry", "in", &text(&up), "--answer", &text(&back)]).expect("carries in");
    assert_eq!((count(&taken, "missing"), taken["refused"].as_object().map(|all| all.len())), (0, Some(0)), "{taken}");
    assert_eq!(count(&town.township.status().expect("status"), "households"), 300);
    assert_eq!(confirmed(&town.village).1, 0, "the receipt is still on the stick");
    let heard = town.village.command(&["carry", "in", &text(&back)]).expect("carries in");
    assert_eq!(heard["receipts"], true, "{heard}");
    let (own, township, city) = confirmed(&town.village);
    assert_eq!((township, city), (own, 0), "已到镇");

    // On to the city, and its receipt all the way down.
    town.township.command(&["carry", "out", "--out", &text(&further)]).expect("carries out");
    town.city.command(&["carry", "in", &text(&further), "--answer", &text(&receipt)]).expect("carries in");
    town.township.command(&["carry", "in", &text(&receipt)]).expect("carries in");
    let village = town.village.status().expect("status")["device"].as_str().expect("a key").to_owned();
    town.township.command(&["carry", "out", "--to", &village[..10], "--out", &text(&down)]).expect("carries out");
    town.village.command(&["carry", "in", &text(&down)]).expect("carries in");
    let (own, _, city) = confirmed(&town.village);
    assert_eq!(city, own, "已到市");
    for office in [&town.city, &town.township, &town.village] {
        let report = office.command(&["verify"]).expect("verifies");
        assert_eq!(report["differences"].as_array().map(Vec::len), Some(0), "{report}");
    }
}
