//! The three stories as separate processes: each with an office cut off at the awkward moment and one `kill -9`.
//!
//! What counts as acknowledged is a 200 that was received here, outside of the killed process. Whatever was sent and
//! not answered is sent again with the same action id, as a browser does: so at the end the story has exactly one
//! entry for each step, wherever it is read.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, missing_docs)]

use serde_json::{Value, json};
use shouwang_simulations::offices::Office;
use shouwang_tests::http::{self, Answer};
use shouwang_tests::town::{PASSWORD, Town, VILLAGE, staff};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);
/// 大新镇, and the village that 唐女士 lives in.
const DAXIN: &str = "320582107000";
const XINZHA: &str = "320582107202";

fn token(at: SocketAddr, who: &str) -> std::io::Result<String> {
    let signed = http::post(at, "/api/v1/sign-in", None, &json!({ "id": who, "password": PASSWORD }))?.json();
    Ok(signed["token"].as_str().expect("signs in").to_owned())
}

fn say(at: SocketAddr, who: &str, action: u128, command: &Value) -> std::io::Result<Answer> {
    let body = json!({ "action": format!("{action:032x}"), "command": command });
    http::post(at, "/api/v1/commands", Some(&token(at, who)?), &body)
}

/// A case, and how many of its steps were acknowledged.
struct Matter {
    case: String,
    acknowledged: usize,
    actions: u128,
}

impl Matter {
    /// Opens it.
    fn open(office: &Office, who: &str, story: u128, mut command: Value) -> Matter {
        command["do"] = "open_case".into();
        let actions = story << 64;
        let answer = say(office.web().expect("runs"), who, actions, &command).expect("answers");
        assert_eq!(answer.status, 200, "{}", answer.text());
        let case = answer.json()["case"].as_str().expect("a case").to_owned();
        Matter { case, acknowledged: 1, actions }
    }

    fn next(&mut self, step: Value) -> (u128, Value) {
        self.actions += 1;
        (self.actions, json!({ "do": "case", "case": self.case, "step": step }))
    }

    /// Somebody takes a step at their own office.
    fn step(&mut self, office: &Office, who: &str, step: Value) {
        let (action, command) = self.next(step);
        let answer = say(office.web().expect("runs"), who, action, &command).expect("answers");
        assert_eq!(answer.status, 200, "{command}: {}", answer.text());
        self.acknowledged += 1;
    }

    /// The same, while the node is killed; then it is said again, and counts once.
    fn step_through_a_kill(&mut self, office: &mut Office, above: &[SocketAddr], who: &str, step: Value, after_ms: u64) {
        let (action, command) = self.next(step);
        let at = office.web().expect("runs");
        let token = token(at, who).expect("signs in");
        let body = json!({ "action": format!("{action:032x}"), "command": command });
        let said =
            std::thread::spawn(move || http::post(at, "/api/v1/commands", Some(&token), &body).map(|answer| answer.status));
        std::thread::sleep(Duration::from_millis(after_ms));
        office.kill().expect("kills");
        let before = said.join().expect("ends");
        office.run(above).expect("runs again");
        let answer = say(office.web().expect("runs"), who, action, &command).expect("answers");
        assert_eq!(answer.status, 200, "{command}, before the kill {before:?}: {}", answer.text());
        self.acknowledged += 1;
    }

    fn read(&self, office: &Office, who: &str) -> Value {
        let at = office.web().expect("runs");
        http::get(at, &format!("/api/v1/cases/{}", self.case), Some(&token(at, who).expect("signs in"))).expect("answers").json()
    }

    /// Waits until somebody sees the case at this stage.
    fn sees(&self, office: &Office, who: &str, stage: &str) -> Value {
        let until = Instant::now() + PATIENCE;
        loop {
            let seen = self.read(office, who);
            if seen["standing"]["stage"] == stage {
                return seen;
            }
            assert!(Instant::now() < until, "{who} waits for {stage}, sees {seen}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Everything acknowledged is there, once, and every office that holds the village finds nothing wrong.
    fn is_whole(&self, area: &str, offices: &[(&Office, &str)]) {
        let digest = |office: &Office| office.status().expect("status")["areas_digest"][area].clone();
        let (first, _) = offices[0];
        for (office, who) in offices {
            office
                .wait_until("the same as the others", PATIENCE, |status| status["areas_digest"][area] == digest(first))
                .expect("agrees");
            let entries = self.read(office, who)["stored"].as_object().map(serde_json::Map::len);
            assert_eq!(entries, Some(self.acknowledged), "{who} reads every step once");
            let report = office.command(&["verify"]).expect("nothing differs");
            assert_eq!(report["differences"], json!([]));
        }
    }
}

/// The three offices, and one household that the village brought in.
fn town() -> (Town, String) {
    let mut town = Town::found().expect("three offices");
    town.run().expect("run");
    let rows = town.households(3, 5).expect("rows");
    let file = town.file("rows.jsonl", &rows).expect("a file");
    town.village.command(&["import", "households", &file.to_string_lossy()]).expect("imports");
    town.city.wait_until("the households", PATIENCE, |status| status["households"] == 3).expect("there");
    let at = town.village.web().expect("runs");
    let token = token(at, "liu").expect("signs in");
    let head = json!({ "term": rows[0]["head_id_no"] });
    let found = http::post(at, "/api/v1/households/search", Some(&token), &head).expect("answers").json();
    let household = found["rows"][0]["record"].as_str().expect("a household").to_owned();
    (town, household)
}

#[test]
fn li_asks_at_the_city_the_education_bureau_answers_and_the_village_that_was_away_reads_all_of_it() {
    let (mut town, household) = town();
    town.village.stop().expect("the village is cut off");
    let consultation = json!({ "origin": "consultation", "household": household, "assistance": "教育救助",
        "summary": "女儿上学有困难，咨询教育救助" });
    let mut matter = Matter::open(&town.city, "zhangjie", 1, consultation);
    matter.step(&town.city, "zhangjie", json!({ "step": "apply", "note": "女儿上学" }));
    matter.step(&town.city, "zhangjie", json!({ "step": "accept" }));
    matter.step_through_a_kill(&mut town.city, &[], "zhangjie", json!({ "step": "transfer" }), 8);
    matter.step(&town.city, "jiaoyuju", json!({ "step": "sign_for" }));
    matter.step(&town.city, "jiaoyuju", json!({ "step": "feedback", "result": "approved", "text": "符合教育救助条件" }));
    matter.step(&town.city, "zhangjie", json!({ "step": "close", "result": "教育救助已批准" }));
    town.village.run(&[town.township.quic().expect("listens")]).expect("is back");
    matter.sees(&town.village, "liu", "closed");
    matter.is_whole(VILLAGE, &[(&town.city, "zhangjie"), (&town.township, "wang"), (&town.village, "liu")]);
}

#[test]
fn zhangs_warning_waits_for_the_township_and_2835_yuan_are_paid_once() {
    let (mut town, household) = town();
    let city = town.city.quic().expect("listens");
    town.township.stop().expect("the township is cut off");
    let clue = json!({ "origin": "warning", "household": household, "assistance": "临时救助", "summary": "确诊结肠恶性肿瘤",
        "urgency": "urgent", "rule": "因病致贫" });
    let mut matter = Matter::open(&town.city, "zhangjie", 2, clue);
    matter.step(&town.city, "zhangjie", json!({ "step": "ask_verification", "note": "请尽快核实" }));
    town.township.run(&[city]).expect("is back");
    matter.sees(&town.township, "wang", "to-verify");
    let found = json!({ "step": "verify", "outcome": "true", "note": "入户核实，情况无误" });
    matter.step_through_a_kill(&mut town.township, &[city], "wang", found, 5);
    let behalf = json!({ "step": "apply_on_behalf", "assistance": "临时救助", "reason": "主动发现，本人住院不便" });
    matter.step(&town.township, "wang", behalf);
    matter.step(&town.township, "wang", json!({ "step": "accept" }));
    matter.step(&town.township, "wang", json!({ "step": "pre_examine", "opinion": "for" }));
    matter.step(&town.township, "wang", json!({ "step": "propose" }));
    matter.sees(&town.city, "chen", "to-decide");
    matter.step(&town.city, "chen", json!({ "step": "decide", "outcome": "approved" }));
    let pay = json!({ "step": "pay", "method": "一卡通", "account_last4": "0017", "batch": "20190530" });
    matter.step_through_a_kill(&mut town.city, &[], "chen", pay, 12);
    let seen = matter.sees(&town.village, "liu", "granted");
    assert_eq!(seen["standing"]["payment"]["amount"], 283_500, "2,835.00 yuan");
    matter.is_whole(VILLAGE, &[(&town.city, "chen"), (&town.township, "wang"), (&town.village, "liu")]);
}

#[test]
fn tangs_plea_becomes_sessions_although_her_township_answers_while_it_is_cut_off() {
    let (mut town, _) = town();
    let city = town.city.quic().expect("listens");
    let mut daxin = town.city.enrol(town.path("daxin"), &[DAXIN], &[]).expect("enrols");
    let mut xinzha = town.city.enrol(town.path("xinzha"), &[XINZHA], &[]).expect("enrols");
    staff(&daxin, "zhao", "赵科员", &["intake", "reviewer"], &[]).expect("added");
    staff(&xinzha, "qian", "钱主任", &["intake"], &[]).expect("added");
    daxin.run(&[city]).expect("runs");
    xinzha.run(&[daxin.quic().expect("listens")]).expect("runs");

    let plea = json!({ "origin": "plea", "area": XINZHA, "assistance": "心理服务", "applicant": "唐女士",
        "summary": "儿子患病拒绝治疗，家庭困难" });
    let mut matter = Matter::open(&town.city, "zhangjie", 3, plea);
    matter.step(&town.city, "zhangjie", json!({ "step": "ask_verification" }));
    matter.sees(&daxin, "zhao", "to-verify");
    // The city is gone; the township answers all the same, and its machine dies while it does.
    town.city.stop().expect("the city is cut off");
    let found = json!({ "step": "verify", "outcome": "true", "note": "情况属实" });
    matter.step_through_a_kill(&mut daxin, &[city], "zhao", found, 5);
    town.city.run(&[]).expect("is back");
    matter.sees(&town.city, "zhangjie", "to-follow-up");
    let to = json!({ "kind": "provider", "id": "社工服务中心" });
    matter.step(&town.city, "zhangjie", json!({ "step": "transfer", "to": to, "note": "请链接心理专家" }));
    matter.step(&town.city, "shegong", json!({ "step": "sign_for" }));
    matter.step(&town.city, "shegong", json!({ "step": "session", "text": "首次面谈" }));
    matter.step(&town.city, "shegong", json!({ "step": "session", "text": "心理专家个案服务" }));
    matter.step(&town.city, "shegong", json!({ "step": "outcome", "change": "better", "text": "愿意回归治疗" }));
    matter.step(&town.city, "shegong", json!({ "step": "feedback", "result": "served", "text": "愿意回归医疗系统接受治疗" }));
    matter.step(&town.city, "zhangjie", json!({ "step": "close", "result": "已提供心理服务，愿意接受治疗" }));
    matter.sees(&xinzha, "qian", "closed");
    matter.is_whole(XINZHA, &[(&town.city, "zhangjie"), (&daxin, "zhao"), (&xinzha, "qian")]);
}
