//! Areas that change: re-coded and renamed while the village works without a line, split, put under another township.
//! Three or more offices as processes; nothing is orphaned, nothing is there twice.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, missing_docs)]

use serde_json::{Value, json};
use shouwang_simulations::offices::Office;
use shouwang_tests::http;
use shouwang_tests::town::{PASSWORD, TOWNSHIP, Town, VILLAGE, household, open_case, perform, rows, staff, step, until_stage};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);
const OLD_NAME: &str = "农联村委会";
const NEW_CODE: &str = "320582100399";
const NEW_NAME: &str = "新联社区";
const SPLIT_CODE: &str = "320582100398";
const SPLIT_NAME: &str = "东联社区";
const OTHER_TOWNSHIP: &str = "320582107000";

fn token(at: SocketAddr, who: &str) -> String {
    let signed = http::post(at, "/api/v1/sign-in", None, &json!({ "id": who, "password": PASSWORD })).expect("answers").json();
    signed["token"].as_str().unwrap_or_else(|| panic!("{signed}")).to_owned()
}

fn get(office: &Office, who: &str, path: &str) -> Value {
    let at = office.web().expect("runs");
    http::get(at, &format!("/api/v1{path}"), Some(&token(at, who))).expect("answers").json()
}

fn digest(office: &Office, area: &str) -> String {
    office.status().expect("status")["areas_digest"][area].as_str().unwrap_or("none").to_owned()
}

fn confirmed(status: &Value) -> bool {
    status["confirmed"]["city"] == status["own_entries"] && status["confirmed"]["township"] == status["own_entries"]
}

/// Waits until an office calls a case's village so.
fn until_called(office: &Office, who: &str, name: &str) {
    let until = Instant::now() + PATIENCE;
    loop {
        let cases = get(office, who, "/cases");
        let listed = cases["rows"].as_array().cloned().unwrap_or_default();
        if !listed.is_empty() && listed.iter().all(|case| case["area_name"] == name) {
            return;
        }
        assert!(Instant::now() < until, "{who} waits for {name} in vain, sees {cases}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn import(office: &Office, town: &Town, name: &str, rows: &[Value]) -> Value {
    let file = town.file(name, rows).expect("a file");
    office.command(&["import", "households", &file.to_string_lossy()]).expect("imports")
}

fn counts(report: &Value) -> [u64; 4] {
    ["imported", "changed", "unchanged", "rejected"].map(|key| report[key].as_u64().unwrap_or(u64::MAX))
}

/// Villages of which something is known, with what statistics say of them.
fn lines(office: &Office, who: &str) -> Vec<(String, u64)> {
    let all = get(office, who, "/statistics?when=all&by=village");
    let lines = all["by_picked"]["rows"].as_array().unwrap_or_else(|| panic!("{all}")).iter();
    lines.map(|line| (line["label"].as_str().unwrap_or_default().to_owned(), line["count"].as_u64().unwrap_or(0))).collect()
}

fn refused(office: &Office, words: &[&str], says: &str) {
    let answer = office.raw(words).expect("starts");
    let said = String::from_utf8_lossy(&answer.stderr).into_owned();
    assert_eq!(answer.status.code(), Some(1), "{said}");
    assert!(said.contains(says) && said.lines().count() == 1, "{said}");
}

fn verify(offices: &[&Office]) {
    for office in offices {
        let report = office.command(&["verify"]).expect("nothing differs");
        assert_eq!(report["differences"], json!([]), "{report}");
    }
}

/// Six households of the village with their aid, an application that the township accepted, its number, and the file.
fn town() -> (Town, Vec<Value>, String, String) {
    let mut town = Town::found().expect("three offices");
    let mut rows = town.households(6, 41).expect("rows");
    for row in &mut rows {
        row["village"] = OLD_NAME.into();
    }
    import(&town.village, &town, "before.jsonl", &rows);
    town.run().expect("run");
    town.city.wait_until("the households", PATIENCE, |status| status["households"] == 6).expect("there");
    let at = town.village.web().expect("pages");
    let home = household(at, "liu", rows[0]["head_id_no"].as_str().expect("a number")).expect("a household");
    let asked = json!({ "origin": "application", "household": home, "assistance": "临时救助", "summary": "住院花费大" });
    let case = open_case(at, "liu", asked).expect("opened");
    let above = town.township.web().expect("pages");
    until_stage(above, "wang", &case, "to-accept").expect("comes up");
    step(above, "wang", &case, json!({ "step": "accept" })).expect("accepted");
    let number = until_stage(at, "liu", &case, "to-pre-examine").expect("comes down")["number"].as_str().expect("one").to_owned();
    (town, rows, case, number)
}

#[test]
fn a_village_that_is_away_is_recoded_renamed_and_split_and_nothing_is_orphaned_or_double() {
    let (mut town, rows_before, case, number) = town();
    let line = town.township.quic().expect("a line");

    // Without a line: two households and a case that nobody else has. Meanwhile the list is another.
    town.village.stop().expect("stops");
    town.village.run(&[]).expect("runs");
    let mut alone = rows(VILLAGE, 2, 42).expect("rows");
    alone.iter_mut().for_each(|row| row["village"] = OLD_NAME.into());
    assert_eq!(counts(&import(&town.village, &town, "alone.jsonl", &alone)), [2, 0, 0, 0]);
    let at = town.village.web().expect("pages");
    let home = household(at, "liu", alone[0]["head_id_no"].as_str().expect("a number")).expect("a household");
    let asked = json!({ "origin": "application", "household": home, "assistance": "教育救助", "summary": "女儿上大学" });
    let unsent = open_case(at, "liu", asked).expect("opened");

    let change = ["area", "change", "--area", VILLAGE, "--code", NEW_CODE, "--name", NEW_NAME, "--from", "2026-01-01"];
    for (words, says) in [
        (["--area", VILLAGE, "--code", "32058210039", "--from", "2026-01-01"], "not a code of 12 digits"),
        (["--area", VILLAGE, "--code", TOWNSHIP, "--from", "2026-01-01"], "is the code of"),
        (["--area", VILLAGE, "--parent", VILLAGE, "--from", "2026-01-01"], "can't lie below"),
        (["--area", VILLAGE, "--name", NEW_NAME, "--from", "2099-01-01"], "still to come"),
        (["--area", "320582999999", "--name", NEW_NAME, "--from", "2026-01-01"], "no area has or had"),
    ] {
        refused(&town.city, &[&["area", "change"], words.as_slice()].concat(), says);
    }
    refused(&town.township, &change, "ask the city centre");
    let done = town.city.command(&change).expect("changes");
    assert_eq!((done["area"].as_str(), done["code"].as_str()), (Some(VILLAGE), Some(NEW_CODE)), "{done}");
    assert_eq!(town.city.command(&change).expect("again")["already"], true, "nothing is done twice");
    let split = ["area", "add", "--code", SPLIT_CODE, "--name", SPLIT_NAME, "--parent", TOWNSHIP, "--split-from", VILLAGE];
    assert_eq!(town.city.command(&split).expect("adds")["area"], SPLIT_CODE);
    assert_eq!(town.city.command(&split).expect("again")["already"], true);
    until_called(&town.city, "zhangjie", NEW_NAME);
    assert_eq!(get(&town.village, "liu", "/cases")["rows"][0]["area_name"], OLD_NAME, "nobody told it yet");

    // The line is back: the village hears it, and what it did alone arrives under the same label.
    town.village.stop().expect("stops");
    town.village.run(&[line]).expect("runs");
    town.village.wait_until("receipts", PATIENCE, confirmed).expect("confirmed");
    for (office, who) in [(&town.village, "liu"), (&town.township, "wang"), (&town.city, "zhangjie")] {
        until_called(office, who, NEW_NAME);
        assert_eq!(office.status().expect("status")["households"], 8);
        assert_eq!(digest(office, VILLAGE), digest(&town.village, VILLAGE));
        assert_eq!(digest(office, NEW_CODE), "none", "no second place for the same records");
        for one in [&case, &unsent] {
            assert!(get(office, who, &format!("/cases/{one}"))["standing"]["stage"].is_string(), "{one}");
        }
    }
    assert_eq!(town.village.status().expect("status")["office"], NEW_NAME);

    // A paper of before still says how it stands.
    let tail: String = rows_before[0]["head_id_no"].as_str().expect("a number").chars().skip(14).collect();
    let at = town.village.web().expect("pages");
    let answer = http::post(at, "/api/v1/query", Some(&token(at, "liu")), &json!({ "code": number, "tail": tail }));
    assert_eq!(answer.expect("answers").status, 200);

    // Registers with the code and name of before and of now: the same households, and no change in either.
    let mut rows_now = rows_before.clone();
    for row in &mut rows_now {
        row["region"] = NEW_CODE.into();
        row["village"] = NEW_NAME.into();
    }
    assert_eq!(counts(&import(&town.township, &town, "old.jsonl", &rows_before)), [0, 0, 6, 0]);
    assert_eq!(counts(&import(&town.township, &town, "new.jsonl", &rows_now)), [0, 0, 6, 0]);
    let out = town.path("out.jsonl");
    town.township.command(&["export", "households", "--out", &out.to_string_lossy(), "--area", VILLAGE]).expect("exports");
    let written = std::fs::read_to_string(&out).expect("reads");
    assert_eq!(written.lines().count(), 8);
    assert!(written.lines().all(|line| line.contains(NEW_CODE) && line.contains(NEW_NAME) && !line.contains(OLD_NAME)));
    let back = town.township.command(&["import", "households", &out.to_string_lossy()]).expect("imports");
    assert_eq!(counts(&back), [0, 0, 8, 0], "what went out comes back unchanged");
    let mut fresh = rows(VILLAGE, 2, 43).expect("rows");
    fresh[1]["region"] = NEW_CODE.into();
    assert_eq!(counts(&import(&town.village, &town, "fresh.jsonl", &fresh)), [2, 0, 0, 0]);
    let table = town.path("table.csv");
    let text = format!("户编号,户主姓名,村(社区)\nB-1,钱某,{OLD_NAME}\nB-2,孙某,{NEW_NAME}\n");
    std::fs::write(&table, text).expect("writes");
    let report = town.township.command(&["import", "households", &table.to_string_lossy()]).expect("imports");
    assert_eq!(counts(&report), [2, 0, 0, 0], "{report}");
    town.city.wait_until("twelve households", PATIENCE, |status| status["households"] == 12).expect("there");

    // The split village joins and has what is its own.
    let mut east = town.city.enrol(town.path("east"), &[SPLIT_CODE], &[line.to_string()]).expect("enrols");
    staff(&east, "qian", "钱进", &["intake"], &[]).expect("added");
    import(
        &east,
        &town,
        "east.jsonl",
        &rows(SPLIT_CODE, 3, 44)
            .expect("rows")
            .into_iter()
            .enumerate()
            .map(|(n, mut row)| {
                row["id"] = format!("DL-{n}").into();
                row
            })
            .collect::<Vec<_>>(),
    );
    east.run(&[line]).expect("runs");
    east.wait_until("receipts", PATIENCE, confirmed).expect("confirmed");
    assert_eq!(east.status().expect("status")["households"], 3, "and nothing of the village it came from");
    assert_eq!(digest(&town.city, SPLIT_CODE), digest(&east, SPLIT_CODE));
    assert_eq!(digest(&town.village, SPLIT_CODE), "none");
    let (city, township) = (lines(&town.city, "zhangjie"), lines(&town.township, "wang"));
    let named = |name: &str| city.iter().filter(|(label, _)| label.contains(name)).count();
    assert_eq!((named(NEW_NAME), named(SPLIT_NAME), named(OLD_NAME)), (1, 1, 0), "{city:?}");
    assert_eq!(city, township);
    let page = http::get(
        town.township.web().expect("pages"),
        "/api/v1/statistics",
        Some(&token(town.township.web().expect("pages"), "wang")),
    );
    let villages = page.expect("answers").json()["as_of"]["villages"].as_array().cloned().unwrap_or_default();
    let of = |name: &str| villages.iter().find(|village| village["name"] == name).cloned().unwrap_or_default();
    assert_eq!(of(NEW_NAME)["earlier"][0]["name"], OLD_NAME);
    assert_eq!(of(SPLIT_NAME)["split_from"], NEW_NAME);
    verify(&[&town.village, &town.township, &town.city, &east]);
}

#[test]
fn a_village_comes_under_another_township_with_all_it_has() {
    let (mut town, _, case, _) = town();
    let mut daxin = town.city.enrol(town.path("daxin"), &[OTHER_TOWNSHIP], &[]).expect("enrols");
    staff(&daxin, "zhou", "周平", &["intake", "reviewer"], &[]).expect("added");
    daxin.run(&[town.city.quic().expect("a line")]).expect("runs");
    assert_eq!(daxin.status().expect("status")["households"], 0);
    town.village.stop().expect("stops");
    town.village.run(&[]).expect("runs");
    let alone = rows(VILLAGE, 2, 45).expect("rows");
    import(&town.village, &town, "alone.jsonl", &alone);
    town.township.wait_until("receipts", PATIENCE, |status| status["confirmed"]["city"] == status["own_entries"]).expect("there");

    let words = ["area", "change", "--area", VILLAGE, "--parent", OTHER_TOWNSHIP, "--from", "2026-01-01"];
    let moved = town.city.command(&words).expect("moves");
    assert!(moved["logs_closed"].as_u64() > Some(0) && moved["next"].is_string(), "{moved}");
    assert!(moved["offices_that_lost_it_called_last_ms"].as_object().is_some_and(|offices| !offices.is_empty()), "{moved}");

    // What is there goes to the new township at once; what the village did alone, when it dials it.
    daxin.wait_until("six households", PATIENCE, |status| status["households"] == 6).expect("there");
    town.village.stop().expect("stops");
    town.village.run(&[daxin.quic().expect("a line")]).expect("runs");
    town.village.wait_until("receipts", PATIENCE, confirmed).expect("confirmed");
    for office in [&daxin, &town.city] {
        office.wait_until("eight households", PATIENCE, |status| status["households"] == 8).expect("there");
        assert_eq!(digest(office, VILLAGE), digest(&town.village, VILLAGE));
    }
    let at = daxin.web().expect("pages");
    step(at, "zhou", &case, json!({ "step": "pre_examine", "opinion": "for" })).expect("goes on where it stood");
    until_stage(town.village.web().expect("pages"), "liu", &case, "to-decide").expect("comes down");
    let late = json!({ "do": "case", "case": case, "step": { "step": "note", "text": "再看看" } });
    assert!(perform(town.township.web().expect("pages"), "wang", &late).is_err(), "the former township writes there no more");
    verify(&[&town.village, &daxin, &town.city, &town.township]);

    // One office over both towns from now on; what the other wrote is good, and it writes no more.
    let joined = ["office", "merge", "--area", OTHER_TOWNSHIP, "--area", TOWNSHIP];
    let merged = town.city.command(&joined).expect("joins what has logs already");
    assert!(merged["logs_closed"].as_u64() > Some(0) && merged["next"].is_string(), "{merged}");
    daxin
        .wait_until("both towns", PATIENCE, |status| status["areas"].as_array().is_some_and(|areas| areas.len() == 2))
        .expect("covers both");
    let control = |office: &Office| digest(office, "320582000000");
    town.township.wait_until("the news", PATIENCE, |_| control(&town.township) == control(&town.city)).expect("hears it");
    verify(&[&town.village, &daxin, &town.city, &town.township]);
}
