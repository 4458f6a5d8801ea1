//! Machines come and go: a new certificate, another decider, a lost laptop, and every decision stays one.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, missing_docs)]

use serde_json::{Value, json};
use shouwang_simulations::offices::Office;
use shouwang_tests::http;
use shouwang_tests::town::{PASSWORD, Town, perform, staff};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);
const CITY: &str = "320582000000";

fn stage(office: &Office, who: &str, case: &str) -> String {
    let at = office.web().expect("runs");
    let signed = http::post(at, "/api/v1/sign-in", None, &json!({ "id": who, "password": PASSWORD })).expect("answers").json();
    let seen = http::get(at, &format!("/api/v1/cases/{case}"), signed["token"].as_str()).expect("answers").json();
    seen["standing"]["stage"].as_str().unwrap_or("unknown").to_owned()
}

fn sees(office: &Office, who: &str, case: &str, wanted: &str) {
    let until = Instant::now() + PATIENCE;
    while stage(office, who, case) != wanted {
        assert!(Instant::now() < until, "{who} waits for {wanted}, sees {}", stage(office, who, case));
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// A case of the village that waits for the city's decision.
fn to_decide(town: &Town, name: &str) -> String {
    let village = town.village.web().expect("runs");
    let row = json!({ "id": name, "head": name });
    let area = shouwang_tests::town::VILLAGE;
    let household = perform(village, "liu", &json!({ "do": "register_household", "area": area, "row": row })).expect("registers")
        ["records"][0]
        .clone();
    let open = json!({ "do": "open_case", "origin": "application", "household": household, "assistance": "临时救助", "summary": "住院" });
    let case = perform(village, "liu", &open).expect("opens")["case"].as_str().expect("a case").to_owned();
    sees(&town.township, "wang", &case, "to-accept");
    for step in [json!({ "step": "accept" }), json!({ "step": "pre_examine", "opinion": "for" }), json!({ "step": "propose" })] {
        perform(town.township.web().expect("runs"), "wang", &json!({ "do": "case", "case": case, "step": step }))
            .expect("a step");
    }
    case
}

fn decide(office: &Office, who: &str, case: &str) -> Result<Value, shouwang_simulations::offices::Failure> {
    let step = json!({ "step": "decide", "outcome": "approved" });
    perform(office.web().expect("runs"), who, &json!({ "do": "case", "case": case, "step": step }))
}

#[test]
fn another_machine_of_the_city_takes_over_and_what_the_first_one_decided_stays_decided() {
    let mut town = Town::found().expect("three offices");
    town.run().expect("run");
    let first = to_decide(&town, "王秀英");
    sees(&town.city, "chen", &first, "to-decide");
    decide(&town.city, "chen", &first).expect("decides");

    let mut second = town.city.enrol(town.path("second"), &[CITY], &[]).expect("enrols");
    staff(&second, "li", "李副局长", &["approver"], &[]).expect("added");
    second.run(&[town.city.quic().expect("listens")]).expect("runs");
    let later = to_decide(&town, "李招娣");
    sees(&second, "li", &later, "to-decide");
    let refused = decide(&second, "li", &later).expect_err("it is not the decider").to_string();
    assert!(refused.contains("审批设备"), "{refused}");

    let device = second.status().expect("status")["device"].as_str().expect("a key").to_owned();
    let named = town.city.command(&["office", "decider", "--device", &device]).expect("names it");
    assert!(named["before"].is_string(), "{named}");
    let until = Instant::now() + PATIENCE;
    while let Err(error) = decide(&second, "li", &later) {
        assert!(Instant::now() < until, "{error}");
        std::thread::sleep(Duration::from_millis(200));
    }
    for case in [&first, &later] {
        sees(&town.township, "wang", case, "to-pay");
        sees(&town.village, "liu", case, "to-pay");
        sees(&town.city, "chen", case, "to-pay");
    }
    let third = to_decide(&town, "周建国");
    sees(&town.city, "chen", &third, "to-decide");
    assert!(decide(&town.city, "chen", &third).is_err(), "who handed over decides no more");

    // A certificate is renewed without a word from the device, which learns of it with the next sync.
    let renewed = town.city.command(&["renew", "--device", &device]).expect("renews");
    assert_eq!(renewed["serial"], 2);
    let digest = |office: &Office| office.status().expect("status")["areas_digest"][CITY].clone();
    second.wait_until("the certificate", PATIENCE, |status| status["areas_digest"][CITY] == digest(&town.city)).expect("there");

    // It is lost: what it decided stays, and the next machine decides.
    let lost = town.city.command(&["revoke", "--device", &device, "--reason", "lost"]).expect("revokes");
    assert!(lost["next"].is_string() && lost["records_it_could_hold"]["household"] == 3, "{lost}");
    let called = lost["offices_near_called_last_ms"].as_object().expect("offices");
    assert!(!called.is_empty() && called.values().all(|at| at.as_i64().is_some_and(|at| at > 0)), "{lost}");
    second.stop().expect("is gone");
    let back = town.city.status().expect("status")["device"].as_str().expect("a key").to_owned();
    town.city.command(&["office", "decider", "--device", &back]).expect("names the first one again");
    decide(&town.city, "chen", &third).expect("decides again");
    for case in [&first, &later, &third] {
        sees(&town.village, "liu", case, "to-pay");
    }
    for office in [&town.city, &town.township, &town.village] {
        let report = office.raw(&["verify"]).expect("starts");
        assert!(report.status.success(), "{}", String::from_utf8_lossy(&report.stdout));
    }
}
