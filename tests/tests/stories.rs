//! The three stories as separate processes: each with an office cut off at the awkward moment and one `kill -9`.
//!
//! What counts as acknowledged is a 200 that was received here, outside of the killed process. Whatever was sent and
//! not answered is sent again with the same action id, as a browser does: so at the end the story has exactly one
//! event for each step, and means the same, wherever it is read.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, missing_docs)]

use serde_json::{Value, json};
use shouwang_simulations::offices::Office;
use shouwang_simulations::relay::{Link, Relay};
use shouwang_tests::http::{self, Answer};
use shouwang_tests::town::{PASSWORD, Town, VILLAGE, staff};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);
/// 大新镇, and the village that 唐女士 lives in.
const DAXIN: &str = "320582107000";
const XINZHA: &str = "320582107202";

/// Who signed in where. A session outlives a restart, so everybody does it once.
#[derive(Default)]
struct People(BTreeMap<(PathBuf, String), String>);

impl People {
    fn token(&mut self, office: &Office, who: &str) -> String {
        let key = (office.dir().to_owned(), who.to_owned());
        let sign_in = || {
            let named = json!({ "id": who, "password": PASSWORD });
            let signed = http::post(office.web().expect("runs"), "/api/v1/sign-in", None, &named).expect("answers");
            signed.json()["token"].as_str().unwrap_or_else(|| panic!("{}", signed.text())).to_owned()
        };
        self.0.entry(key).or_insert_with(sign_in).clone()
    }
}

/// A case, and the steps of it that were acknowledged.
struct Matter {
    case: String,
    people: People,
    acknowledged: Vec<String>,
    actions: u128,
}

impl Matter {
    /// Opens it. `story` numbers its actions.
    fn open(office: &Office, who: &str, story: u128, command: &Value) -> Matter {
        let mut matter =
            Matter { case: String::new(), people: People::default(), acknowledged: Vec::new(), actions: story << 64 };
        let mut command = command.clone();
        command["do"] = "open_case".into();
        let opened = matter.say(office, who, matter.actions, &command);
        matter.took(&opened, "open");
        matter.case = opened.json()["case"].as_str().expect("a case").to_owned();
        matter
    }

    fn say(&mut self, office: &Office, who: &str, action: u128, command: &Value) -> Answer {
        let token = self.people.token(office, who);
        let body = json!({ "action": format!("{action:032x}"), "command": command });
        http::post(office.web().expect("runs"), "/api/v1/commands", Some(&token), &body).expect("answers")
    }

    fn took(&mut self, answer: &Answer, step: &str) {
        assert_eq!(answer.status, 200, "{step}: {}", answer.text());
        self.acknowledged.push(step.to_owned());
    }

    fn next(&mut self, step: &Value) -> (u128, Value) {
        self.actions += 1;
        (self.actions, json!({ "do": "case", "case": self.case, "step": step }))
    }

    /// Somebody takes a step at their own office.
    fn step(&mut self, office: &Office, who: &str, step: Value) {
        let (action, command) = self.next(&step);
        let answer = self.say(office, who, action, &command);
        self.took(&answer, &step.to_string());
    }

    /// The same, and the node is killed before the answer or soon after; it is started again by `again`. What was asked
    /// is asked once more, and counts once.
    fn step_through_a_kill(&mut self, office: &mut Office, above: &[&Relay], who: &str, step: Value, after: Duration) {
        let (action, command) = self.next(&step);
        let (at, token) = (office.web().expect("runs"), self.people.token(office, who));
        let body = json!({ "action": format!("{action:032x}"), "command": command });
        let said =
            std::thread::spawn(move || http::post(at, "/api/v1/commands", Some(&token), &body).map(|answer| answer.status));
        std::thread::sleep(after);
        office.kill().expect("kills");
        let before = said.join().expect("ends").ok();
        office.run(&above.iter().map(|line| line.address()).collect::<Vec<_>>()).expect("runs again");
        let answer = self.say(office, who, action, &command);
        self.took(&answer, &step.to_string());
        if before == Some(200) {
            assert_eq!(answer.json()["again"], true, "what was acknowledged before the kill was done before it");
        }
    }

    fn read(&mut self, office: &Office, who: &str) -> Value {
        let token = self.people.token(office, who);
        http::get(office.web().expect("runs"), &format!("/api/v1/cases/{}", self.case), Some(&token)).expect("answers").json()
    }

    /// Waits until somebody sees the case at this stage.
    fn sees(&mut self, office: &Office, who: &str, stage: &str) -> Value {
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

    /// Everything acknowledged is there, once, and means the same at every office that holds the village.
    fn is_whole(&mut self, area: &str, offices: &[(&Office, &str)]) {
        let (top, reader) = offices[0];
        let digest = top.status().expect("status")["areas_digest"][area].clone();
        assert!(digest.is_string());
        let standing = self.read(top, reader)["standing"].clone();
        for (office, who) in offices {
            let same = |status: &Value| status["areas_digest"][area] == digest;
            office.wait_until("the same as the others", PATIENCE, same).expect("agrees");
            let seen = self.read(office, who);
            let events = seen["stored"].as_object().map(serde_json::Map::len);
            assert_eq!(events, Some(self.acknowledged.len()), "{who} reads {:?} in {seen}", self.acknowledged);
            assert_eq!(seen["standing"], standing, "{who}");
            let report = office.command(&["verify"]).expect("nothing differs");
            assert_eq!(report["differences"], json!([]));
        }
    }
}

/// Puts a line that can be cut between an office and its superior.
fn line(below: &mut Office, above: &Office) -> Relay {
    let relay = Relay::start(above.quic().expect("listens"), Link::default(), Link::default(), 1).expect("a relay");
    below.run(&[relay.address()]).expect("runs");
    relay
}

/// The three offices, and one household that the village brought in.
fn town() -> (Town, String) {
    let mut town = Town::found().expect("three offices");
    town.run().expect("run");
    let file = town.file("rows.jsonl", &town.households(3, 5).expect("rows")).expect("a file");
    town.village.command(&["import", "households", &file.to_string_lossy()]).expect("imports");
    town.city.wait_until("the households", PATIENCE, |status| status["households"] == 3).expect("there");
    let token = People::default().token(&town.village, "liu");
    let found = http::post(town.village.web().expect("runs"), "/api/v1/households/search", Some(&token), &json!({}));
    let household = found.expect("answers").json()["rows"][0]["record"].as_str().expect("a household").to_owned();
    (town, household)
}

#[test]
fn li_asks_at_the_city_the_education_bureau_answers_and_the_village_that_was_away_reads_all_of_it() {
    let (mut town, household) = town();
    let line = line(&mut town.village, &town.township);
    town.village.wait_until("its line", PATIENCE, |status| status["peers"][0]["agreed"] == true).expect("connects");
    line.cut();
    let consultation = json!({ "origin": "consultation", "household": household, "assistance": "教育救助",
        "summary": "女儿上学有困难，咨询教育救助" });
    let mut matter = Matter::open(&town.city, "zhangjie", 1, &consultation);
    matter.step(&town.city, "zhangjie", json!({ "step": "apply", "note": "女儿上学" }));
    matter.step(&town.city, "zhangjie", json!({ "step": "accept" }));
    let transfer = json!({ "step": "transfer" });
    matter.step_through_a_kill(&mut town.city, &[], "zhangjie", transfer, Duration::from_millis(8));
    matter.step(&town.city, "jiaoyuju", json!({ "step": "sign_for" }));
    matter.step(&town.city, "jiaoyuju", json!({ "step": "feedback", "result": "approved", "text": "符合教育救助条件" }));
    matter.step(&town.city, "zhangjie", json!({ "step": "close", "result": "教育救助已批准" }));
    let away = matter.read(&town.village, "liu");
    assert_eq!(away["status"], 404, "the village is cut off and works: {away}");
    line.heal();
    matter.sees(&town.village, "liu", "closed");
    matter.is_whole(VILLAGE, &[(&town.city, "zhangjie"), (&town.township, "wang"), (&town.village, "liu")]);
}

#[test]
fn zhangs_warning_waits_for_the_township_and_2835_yuan_are_paid_once() {
    let (mut town, household) = town();
    town.township.stop().expect("the township's machine is off");
    let clue = json!({ "origin": "warning", "household": household, "assistance": "临时救助", "summary": "确诊结肠恶性肿瘤",
        "urgency": "urgent", "rule": "因病致贫" });
    let mut matter = Matter::open(&town.city, "zhangjie", 2, &clue);
    matter.step(&town.city, "zhangjie", json!({ "step": "ask_verification", "note": "请尽快核实" }));
    let line = line(&mut town.township, &town.city);
    matter.sees(&town.township, "wang", "to-verify");

    // Its line breaks, it works on, and its machine dies with what nobody else has.
    line.cut();
    matter.step(&town.township, "wang", json!({ "step": "verify", "outcome": "true", "note": "入户核实，情况无误" }));
    town.township.kill().expect("kills");
    town.township.run(&[line.address()]).expect("runs again");
    let behalf = json!({ "step": "apply_on_behalf", "assistance": "临时救助", "reason": "主动发现，本人住院不便" });
    matter.step(&town.township, "wang", behalf);
    matter.step(&town.township, "wang", json!({ "step": "accept" }));
    matter.step(&town.township, "wang", json!({ "step": "pre_examine", "opinion": "for" }));
    matter.step(&town.township, "wang", json!({ "step": "propose" }));
    assert_eq!(matter.read(&town.city, "chen")["standing"]["stage"], "to-verify", "nothing of it left the township");
    line.heal();

    matter.sees(&town.city, "chen", "to-decide");
    matter.step(&town.city, "chen", json!({ "step": "decide", "outcome": "approved" }));
    let pay = json!({ "step": "pay", "method": "一卡通", "account_last4": "0017", "batch": "20190530" });
    matter.step_through_a_kill(&mut town.city, &[], "chen", pay, Duration::from_millis(12));
    let seen = matter.sees(&town.village, "liu", "granted");
    assert_eq!(seen["standing"]["payment"]["amount"], 283_500, "2,835.00 yuan: {}", seen["standing"]["payment"]);
    matter.is_whole(VILLAGE, &[(&town.city, "chen"), (&town.township, "wang"), (&town.village, "liu")]);
}

#[test]
fn tangs_plea_becomes_sessions_although_her_township_answers_while_it_is_cut_off() {
    let (town, _) = town();
    let mut daxin = town.city.enrol(town.path("daxin"), &[DAXIN], &[]).expect("enrols");
    let mut xinzha = town.city.enrol(town.path("xinzha"), &[XINZHA], &[]).expect("enrols");
    staff(&daxin, "zhao", "赵科员", &["intake", "reviewer"], &[]).expect("added");
    staff(&xinzha, "qian", "钱主任", &["intake"], &[]).expect("added");
    let line = line(&mut daxin, &town.city);
    xinzha.run(&[daxin.quic().expect("listens")]).expect("runs");

    let plea = json!({ "origin": "plea", "area": XINZHA, "assistance": "心理服务", "applicant": "唐女士",
        "summary": "儿子患病拒绝治疗，家庭困难" });
    let mut matter = Matter::open(&town.city, "zhangjie", 3, &plea);
    matter.step(&town.city, "zhangjie", json!({ "step": "ask_verification" }));
    matter.sees(&daxin, "zhao", "to-verify");

    // The line to the city is cut; the township answers all the same, and its machine dies while it does.
    line.cut();
    let found = json!({ "step": "verify", "outcome": "true", "note": "情况属实" });
    matter.step_through_a_kill(&mut daxin, &[&line], "zhao", found, Duration::from_millis(5));
    matter.sees(&xinzha, "qian", "to-follow-up");
    assert_eq!(matter.read(&town.city, "zhangjie")["standing"]["stage"], "to-verify");
    line.heal();
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
