//! The household file: good rows, bad rows, the same file again, a changed file.

use super::support::*;
use serde_json::{Value, json};
use shouwang_node::desk::Command;
use shouwang_node::desk::import::{Mode, Report};
use shouwang_node::store::reader::Page;
use shouwang_protocol::area::Tier;
use shouwang_protocol::record::{Kind, Lane, Place, RecordRef};
use shouwang_protocol::records::import::{check_row, create};
use shouwang_protocol::records::staff::Role;
use shouwang_protocol::replica::{Action, Draft};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

fn file(machine: &Machine, rows: &[Vec<u8>]) -> PathBuf {
    let path = machine.dir.path().join("households.jsonl");
    std::fs::write(&path, rows.join(&b'\n')).expect("writes");
    path
}

fn line(key: &str, change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut row = Value::from(row(key, VILLAGE));
    change(&mut row);
    row.to_string().into_bytes()
}

async fn bring(machine: &Machine, path: &Path) -> Report {
    let person = machine.desk.console().await.expect("a console");
    let mut last = (0, 0);
    let report = machine.desk.import_file(&person, path, |done, total| last = (done, total)).await.expect("imports");
    assert_eq!(last.0, last.1, "told to the end");
    report
}

async fn entries(machine: &Machine) -> u64 {
    machine.desk.writer().with(|engine| engine.replica().own_entries()).await.expect("counts")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn good_rows_are_taken_bad_ones_are_told_and_a_second_run_adds_nothing() {
    let city = city().await;
    let village = Machine::new(VILLAGE).await;
    sync(&village, &city).await;
    // 你 in GB18030.
    let gb = [b"{\"id\":\"".as_slice(), &[0xC4, 0xE3], b"\"}"].concat();
    let good: Vec<Vec<u8>> = (0..120)
        .map(|n| {
            line(&format!("g{n:03}"), |row| {
                row["members"] = json!([{"name": format!("甲{n}"), "relation": "户主", "id_no": id_no(n)}])
            })
        })
        .collect();
    let mut rows = vec![[[0xEF, 0xBB, 0xBF].as_slice(), &good[0]].concat()];
    rows.extend_from_slice(&good[1..]);
    rows.push(line("g000", |_| {}));
    rows.push(b"{\"id\": \"x1\", ".to_vec());
    rows.push(gb);
    rows.push(Vec::new());
    rows.push(line("x2", |row| row["region"] = json!("320582107201")));
    rows.push(line("x3", |row| row["region"] = json!("999999999999")));
    rows.push(line("x4", |row| row["members"][1]["id_no"] = row["members"][0]["id_no"].clone()));
    rows.push(line("x5", |row| row["income_annual"] = json!("很多")));
    rows.push(line("d1", |row| row["members"] = json!([{"name": "重复", "relation": "户主", "id_no": id_no(5)}])));
    let path = file(&village, &rows);

    let clerk = village.person("c", &[Role::Intake]);
    let (preview, shown) =
        village.desk.import_bytes(&clerk, &std::fs::read(&path).expect("reads"), Mode::Check).await.expect("looks");
    assert_eq!((preview.created, preview.rejected, shown.len()), (121, 7, 7));
    assert_eq!(village.desk.count_households(&clerk).await.expect("counts"), 0, "looking writes nothing");

    let report = bring(&village, &path).await;
    assert_eq!((report.rows, report.created, report.rejected, report.duplicates), (128, 121, 7, 1));
    assert_eq!(report.duplicate_rows, [(129, "d1".to_owned())]);
    assert_eq!(village.desk.count_households(&clerk).await.expect("counts"), 121);
    let rejects = report.rejects_file.expect("a file");
    assert_eq!(std::fs::metadata(&rejects).expect("a file").permissions().mode() & 0o777, 0o600);
    let rejects: Vec<Value> =
        std::fs::read_to_string(&rejects).expect("reads").lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let told: Vec<(u64, &str)> =
        rejects.iter().map(|row| (row["line"].as_u64().expect("a line"), row["field"].as_str().expect("a field"))).collect();
    let expected =
        [(121, "id"), (122, ""), (123, ""), (125, "region"), (126, "region"), (127, "members[1].id_no"), (128, "income_annual")];
    assert_eq!(told, expected);
    assert!(rejects[2]["reason"].as_str().expect("a reason").contains("UTF-8") && rejects[2]["column"] == 8);
    assert_eq!(rejects[5]["row"]["id"], "x4");

    let before = entries(&village).await;
    let again = bring(&village, &path).await;
    assert_eq!((again.created, again.changed, again.unchanged, again.rejected), (0, 0, 121, 7));
    assert_eq!(entries(&village).await, before, "not one entry more");

    let mut changed = good.clone();
    changed[3] = line("g003", |row| {
        row["members"] = json!([{"name": "甲3", "relation": "户主", "id_no": id_no(3)}]);
        row["phone"] = json!("13911112222");
    });
    let path = file(&village, &changed);
    let report = bring(&village, &path).await;
    assert_eq!((report.created, report.changed, report.unchanged, report.rejects_file), (0, 1, 119, None));
    assert_eq!(entries(&village).await, before + 1);
    assert!(!path.with_file_name("households.jsonl.rejects.jsonl").exists(), "what an earlier run rejected is not this run's");
    // Back to the old value: an old action's id must not stand in the way.
    let back = bring(&village, &file(&village, &good)).await;
    assert_eq!((back.changed, back.unchanged), (1, 119));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_row_becomes_several_entries_and_survives_being_cut_in_the_middle() {
    let city = city().await;
    let village = Machine::new(VILLAGE).await;
    sync(&village, &city).await;
    let big = line("big", |row| {
        row["aid"] = (0..300).map(|n| json!({"no": format!("n{n}"), "date": "2019-01-10", "program": "低保金", "amount": n, "note": "说明".repeat(20)})).collect();
    });
    // What a crash leaves: the first entry of several.
    let json: Value = serde_json::from_slice(&big).expect("JSON");
    let checked = check_row(json.as_object().expect("an object"), |_| true).expect("a good row");
    let mut edits = create(&checked);
    assert!(edits.len() > 2);
    let place = Place { area: area(VILLAGE), lane: Lane::Registry, floor: Tier::Village };
    let drafts = vec![Draft { place, record: RecordRef::New(Kind::HOUSEHOLD), edit: edits.remove(0) }];
    let action = Action { id: id(), staff: "console".into(), claimed_ms: 0, shown: Vec::new(), drafts };
    village.desk.writer().commit(vec![action]).await.expect("commits");

    let path = file(&village, std::slice::from_ref(&big));
    assert_eq!(bring(&village, &path).await.changed, 1);
    let clerk = village.clerk();
    let listed = village.desk.households(&clerk, Default::default(), Page::first(5)).await.expect("reads").rows;
    assert_eq!(listed.len(), 1);
    let page = village.desk.household(&clerk, listed[0].record, 1).await.expect("a page");
    assert_eq!(page.detail.household.aid.len(), 300, "each once");
    let before = entries(&village).await;
    assert_eq!(bring(&village, &path).await.unchanged, 1);
    assert_eq!(entries(&village).await, before);

    // By the form, twice: the same.
    let mut other = json.as_object().expect("an object").clone();
    other["id"] = json!("by-form");
    let action = id();
    let register = || Command::RegisterHousehold { area: area(VILLAGE), row: other.clone() };
    let made = village.desk.perform(&clerk, action, register()).await.expect("registers");
    let after = entries(&village).await;
    assert!(village.desk.perform(&clerk, action, register()).await.expect("once").again);
    assert_eq!(entries(&village).await, after);
    let page = village.desk.household(&clerk, made.records[0], 1).await.expect("a page");
    assert_eq!(page.detail.household.aid.len(), 300);
}

#[ignore = "a measurement"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn measure_ten_thousand_rows() {
    let city = city().await;
    let path = std::env::var("SHOUWANG_HOUSEHOLDS").expect("a file");
    let person = city.desk.console().await.expect("a console");
    for _ in 0..2 {
        let start = std::time::Instant::now();
        let report = city.desk.import_file(&person, Path::new(&path), |_, _| {}).await.expect("imports");
        println!("{:?} {report:?}", start.elapsed());
    }
}
