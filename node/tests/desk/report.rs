//! The report's month: 196 applications, 191 of them approved, over channels, kinds and departments.

use super::books::{of_year, statistics, sums_equal_their_lists};
use super::support::*;
use serde_json::json;
use shouwang_node::desk::statistics::{By, Question};
use shouwang_node::desk::{CaseStep, Command, OpenCase, Person};
use shouwang_node::store::reader::{Page, Period};
use shouwang_protocol::account::Outcome;
use shouwang_protocol::record::{CaseId, RecordId};
use shouwang_protocol::records::amount::Fen;
use shouwang_protocol::records::event::{Answer, Channel, Opinion, Verdict};
use shouwang_protocol::records::staff::Role;
use std::collections::BTreeMap;

const CHANNELS: [Channel; 5] = [Channel::CityWindow, Channel::TownshipWindow, Channel::Kiosk, Channel::Web, Channel::Wechat];
/// Kinds and who answers: 民政 decides, a department gives its result.
const KINDS: [(&str, Option<&str>); 4] = [
    ("临时救助", None),
    ("教育救助", Some("教育局")),
    ("就业救助", Some("人力资源和社会保障局")),
    ("医疗救助", Some("医疗保障局")),
];
const APPLICATIONS: usize = 196;

/// A household of one person, with an invented number of its own.
async fn home(machine: &Machine, n: usize) -> RecordId {
    let row = json!({
        "id": format!("h{n}"), "region": "320582100201", "head": format!("户主{n}"), "type": "低保户", "cause": "因病",
        "members": [{"name": format!("户主{n}"), "relation": "户主", "id_no": id_no(n as u32)}],
    });
    let row = row.as_object().expect("an object").clone();
    machine.done(&machine.clerk(), Command::RegisterHousehold { area: area(VILLAGE), row }).await.records[0]
}

/// Where an application ends; the five that are not approved have a reason each.
enum End {
    Approved,
    Refused(&'static str),
    Withdrawn(&'static str),
    NotAccepted(&'static str),
    Pending,
}

fn end(n: usize) -> End {
    match n {
        7 => End::Refused("家庭人均收入高于标准"),
        60 => End::Withdrawn("已找到工作，不再需要"),
        101 => End::NotAccepted("所申请的事项由法院办理"),
        150 => End::Refused("本学年已享受同类资助"),
        195 => End::Pending,
        _ => End::Approved,
    }
}

async fn application(city: &Machine, household: RecordId, n: usize) -> CaseId {
    let (kind, department) = KINDS[n % KINDS.len()];
    let clerk = city.clerk();
    let channel = Some(CHANNELS[n % CHANNELS.len()]);
    let open = OpenCase { assistance: kind.into(), channel, ..super::support::application(household) };
    let case = city.open_case(&clerk, open).await;
    match end(n) {
        End::Withdrawn(reason) => drop(city.stepped(&clerk, case, CaseStep::GiveUp { reason: reason.into() }).await),
        End::NotAccepted(reason) => drop(city.stepped(&clerk, case, CaseStep::DoNotAccept { reason: reason.into() }).await),
        End::Pending => drop(city.stepped(&clerk, case, CaseStep::Accept {}).await),
        result => {
            city.stepped(&clerk, case, CaseStep::Accept {}).await;
            let reason = if let End::Refused(reason) = result { reason } else { "" };
            match department {
                None => {
                    city.stepped(&clerk, case, CaseStep::PreExamine { opinion: Opinion::For, note: "困难".into() }).await;
                    city.stepped(&clerk, case, CaseStep::Propose { amount: Some(Fen(283_500)), reason: "按标准".into() }).await;
                    let outcome = if reason.is_empty() { Verdict::Approved } else { Verdict::Refused };
                    let director = city.person("chen", &[Role::Approver]);
                    city.stepped(&director, case, CaseStep::Decide { outcome, amount: None, reason: reason.into() }).await;
                }
                Some(name) => {
                    let transfer = CaseStep::Transfer { to: None, assistance: String::new(), note: "请审核".into() };
                    city.stepped(&clerk, case, transfer).await;
                    let bureau = Person { department: Some(name.into()), ..city.person("ju", &[Role::Department]) };
                    city.stepped(&bureau, case, CaseStep::SignFor { transfer: None }).await;
                    let (result, text) = match reason {
                        "" => (Answer::Approved, "符合条件"),
                        reason => (Answer::Refused, reason),
                    };
                    let answer = CaseStep::Feedback { transfer: None, result, text: text.into(), amount: None };
                    city.stepped(&bureau, case, answer).await;
                }
            }
        }
    }
    case
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_03_item_04_a_month_of_196_applications_of_which_191_are_approved_and_each_of_the_others_says_why() {
    let city = described(Machine::in_memory(CITY).await).await;
    let mut households = Vec::new();
    for n in 0..APPLICATIONS / KINDS.len() {
        households.push(home(&city, n).await);
    }
    for n in 0..APPLICATIONS {
        application(&city, households[n / KINDS.len()], n).await;
    }
    let month = Question { period: Period::Month(2019, 5), ..Question::default() };
    let found = statistics(&city, &month, By::Kind).await;
    let all = &found.cases.rows[0];
    assert_eq!((all.applications(), all.outcomes.iter().sum::<u64>(), all.clues), (196, 196, 0));
    let of = |outcome: Outcome| all.outcomes[Outcome::ALL.iter().position(|one| *one == outcome).expect("one")];
    assert_eq!(
        (of(Outcome::Approved), of(Outcome::Refused), of(Outcome::Withdrawn), of(Outcome::Pending)),
        (191, 3, 1, 1),
        "what was not accepted counts as refused"
    );
    // By channel and by kind: as many as were opened, and the same sums.
    let expected = |of: &dyn Fn(usize) -> bool| (0..APPLICATIONS).filter(|n| of(*n)).count() as u64;
    for (at, channel) in CHANNELS.into_iter().enumerate() {
        let row = found.by_channel.rows.iter().find(|row| row.label == channel.label()).expect("a channel");
        assert_eq!(row.applications(), expected(&|n| n % CHANNELS.len() == at), "{}", row.label);
    }
    for (at, (kind, department)) in KINDS.into_iter().enumerate() {
        let row = found.cases_by_kind.rows.iter().find(|row| row.label == kind).expect("a kind");
        assert_eq!(row.applications(), expected(&|n| n % KINDS.len() == at), "{kind}");
        let auditor = city.person("shen", &[Role::Auditor]);
        if let Some(department) = department {
            let asked = Question { department: Some(department.into()), ..month.clone() };
            let list = city.desk.account_list(&auditor, asked, Page::first(500)).await.expect("lists");
            assert_eq!(list.lines.rows.len() as u64, row.applications(), "{department}");
        }
    }
    // The five others, each with its reason.
    let auditor = city.person("shen", &[Role::Auditor]);
    let mut reasons: BTreeMap<String, u64> = BTreeMap::new();
    for outcome in [Outcome::Refused, Outcome::Withdrawn, Outcome::Pending] {
        let asked = Question { application: Some(true), outcome: Some(outcome), ..month.clone() };
        for line in city.desk.account_list(&auditor, asked, Page::first(500)).await.expect("lists").lines.rows {
            *reasons.entry(line.reason).or_default() += 1;
        }
    }
    assert_eq!(reasons.values().sum::<u64>(), 5);
    for wanted in ["家庭人均收入高于标准", "已找到工作，不再需要", "所申请的事项由法院办理", "本学年已享受同类资助"]
    {
        assert_eq!(reasons.get(wanted), Some(&1), "{reasons:?}");
    }
    assert!(reasons.keys().all(|reason| !reason.trim().is_empty()), "the pending one says whom it waits for: {reasons:?}");
    sums_equal_their_lists(&city, &month).await;
    assert_eq!(statistics(&city, &of_year(2019), By::Kind).await.cases.rows[0].applications(), 196);
}
