//! A case that is split: three kinds of receivers in one state machine, each with its own clock and its own result.

use super::support::*;
use shouwang_node::desk::{CaseStep, DeskError, OpenCase, Part, Person, To};
use shouwang_protocol::record::CaseId;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::event::{Agreed, Answer, Channel, Giver, Origin, TargetKind};
use shouwang_protocol::records::policy;
use shouwang_protocol::records::staff::Role;
use shouwang_protocol::standing::{Effect, Stage, TransferState};

pub fn bureau(city: &Machine, code: &str) -> Person {
    Person { department: Some(code.into()), ..city.person("jyj", &[Role::Department]) }
}

pub fn provider(city: &Machine, code: &str) -> Person {
    Person { provider: Some(code.into()), ..city.person("shegong", &[Role::Provider]) }
}

pub fn part(kind: TargetKind, id: impl Into<String>, assistance: &str) -> Part {
    Part { to: Some(To { kind, id: id.into() }), assistance: assistance.into(), note: "请办理".into() }
}

/// The applicant agrees in writing that the charity is told.
pub fn agrees(scope: &[&str]) -> CaseStep {
    CaseStep::Consent {
        to: To { kind: TargetKind::Provider, id: "慈善总会".into() },
        whose: String::new(),
        scope: scope.iter().map(|part| (*part).to_owned()).collect(),
        given_by: Giver::Own,
        giver: String::new(),
        how: Agreed::Signed,
        until: None,
        note: "同意书存镇档案室".into(),
    }
}

/// An accepted application that a department decides.
pub async fn accepted(machine: &Machine, clerk: &Person, key: &str, assistance: &str) -> CaseId {
    let household = machine.household(key).await;
    let open = OpenCase { assistance: assistance.into(), ..application(household) };
    let case = machine.open_case(clerk, open).await;
    machine.stepped(clerk, case, CaseStep::Accept {}).await;
    case
}

fn day(text: &str) -> Option<Day> {
    Day::parse(text)
}

fn close() -> CaseStep {
    CaseStep::Close { result: "三项都有结果".into() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_05_one_household_with_three_needs_is_split_in_one_step_and_closed_when_each_has_its_result() {
    let city = city().await;
    let township = Machine::new(YANGSHE).await;
    sync(&township, &city).await;
    let clerk = city.clerk();
    let case = accepted(&city, &clerk, "a", "教育救助").await;

    let one = CaseStep::Split { parts: vec![part(TargetKind::Department, "教育局", "")] };
    assert!(matches!(city.step(&clerk, case, one).await, Err(DeskError::Invalid { .. })), "one receiver is a transfer");
    let twice = vec![part(TargetKind::Department, "教育局", ""), part(TargetKind::Department, "教育局", "")];
    let twice = city.step(&clerk, case, CaseStep::Split { parts: twice }).await.expect_err("the same one twice");
    assert!(twice.to_string().contains("invalid") || matches!(twice, DeskError::Invalid { .. }), "{twice}");
    let wrong = vec![part(TargetKind::Department, "教育局", ""), part(TargetKind::Department, "气象局", "")];
    assert!(city.step(&clerk, case, CaseStep::Split { parts: wrong }).await.is_err());
    assert!(city.page(&clerk, case).await.standing.transfers.is_empty(), "all or nothing");

    let parts = vec![
        part(TargetKind::Department, "教育局", "教育救助"),
        part(TargetKind::Office, township.office().to_string(), "照料服务"),
        part(TargetKind::Provider, "社工服务中心", "心理服务"),
    ];
    let done = city.stepped(&clerk, case, CaseStep::Split { parts }).await;
    assert_eq!((done.entries.len(), done.message.starts_with("已分办 3 处：教育局、杨舍镇")), (1, true), "{}", done.message);
    let page = city.page(&clerk, case).await;
    let numbers: Vec<u32> = page.standing.transfers.iter().map(|transfer| transfer.n).collect();
    assert_eq!((numbers, page.standing.stage, page.turns.len()), (vec![1, 2, 3], Stage::InTransfer, 3));

    // Each has its own clock: two working days to sign for, from the pack of its own kind.
    city.on("2019-05-30");
    let school = bureau(&city, "教育局");
    city.stepped(&school, case, CaseStep::SignFor { transfer: None }).await;
    let dues = |page: &shouwang_node::desk::CasePage| -> Vec<Option<Day>> {
        page.standing.transfers.iter().map(|transfer| transfer.due).collect()
    };
    let page = city.page(&clerk, case).await;
    assert_eq!(dues(&page)[1..], [day("2019-05-31"), day("2019-05-31")]);
    assert!(dues(&page)[0] > day("2019-06-15"), "15 working days to answer: {:?}", dues(&page));

    // The township signs for its own part and says that it cannot; the provider serves.
    sync(&township, &city).await;
    let there = township.clerk();
    township.stepped(&there, case, CaseStep::SignFor { transfer: None }).await;
    let wordless = township.step(&there, case, CaseStep::Return { transfer: None, reason: " ".into() }).await;
    assert!(matches!(wordless, Err(DeskError::Invalid { .. })));
    township.stepped(&there, case, CaseStep::Return { transfer: None, reason: "本镇没有照料员".into() }).await;
    sync(&township, &city).await;
    let answer = |result| CaseStep::Feedback { transfer: None, result, text: "已办".into(), amount: None };
    city.stepped(&school, case, answer(Answer::Approved)).await;
    let worker = provider(&city, "社工服务中心");
    city.stepped(&worker, case, CaseStep::SignFor { transfer: None }).await;
    let early = city.step(&clerk, case, close()).await.expect_err("the provider is still at work");
    assert!(early.what().contains("还有转办没有反馈"), "{early}");
    city.stepped(&worker, case, answer(Answer::Served)).await;

    // What came back must go to somebody else first; then every need has its result.
    let early = city.step(&clerk, case, close()).await.expect_err("one was given back");
    assert!(early.what().contains("有转办被退回，尚未改派"), "{early}");
    let page = city.page(&clerk, case).await;
    assert!(page.turns.iter().any(|turn| turn.what == "改派被退回的转办" && turn.mine), "{:?}", page.turns);
    city.stepped(&clerk, case, agrees(&["name", "matter"])).await;
    let to = Some(To { kind: TargetKind::Provider, id: "慈善总会".into() });
    let again = CaseStep::Transfer { to, assistance: "照料服务".into(), note: "改派".into() };
    city.stepped(&clerk, case, again).await;
    let charity = provider(&city, "慈善总会");
    city.stepped(&charity, case, CaseStep::SignFor { transfer: None }).await;
    city.stepped(&charity, case, answer(Answer::Served)).await;
    city.stepped(&clerk, case, close()).await;
    sync(&township, &city).await;
    let page = township.page(&there, case).await;
    let states: Vec<TransferState> = page.standing.transfers.iter().map(|transfer| transfer.state).collect();
    use TransferState::{FedBack, Returned};
    assert_eq!((page.standing.stage, states), (Stage::Closed, vec![FedBack, Returned, FedBack, FedBack]));
    assert!(page.standing.timeline.iter().all(|item| item.effect == Effect::Counts));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_39_departments_offices_and_organisations_sign_for_return_and_answer_in_one_way() {
    let city = city().await;
    let township = Machine::new(YANGSHE).await;
    sync(&township, &city).await;
    let clerk = city.clerk();
    let case = accepted(&city, &clerk, "b", "就业救助").await;
    let office = township.office().to_string();
    let targets = [
        (TargetKind::Department, "人力资源和社会保障局".to_owned()),
        (TargetKind::Office, office),
        (TargetKind::Provider, "社工服务中心".to_owned()),
    ];
    for (kind, id) in targets {
        let to = Some(To { kind, id: id.clone() });
        city.stepped(&clerk, case, CaseStep::Transfer { to, assistance: String::new(), note: "请办理".into() }).await;
        sync(&township, &city).await;
        let (at, who) = match kind {
            TargetKind::Department => (&city, bureau(&city, &id)),
            TargetKind::Office => (&township, township.clerk()),
            TargetKind::Provider => (&city, provider(&city, &id)),
        };
        // Nobody else's hand counts, not even the sender's.
        let foreign = city.step(&clerk, case, CaseStep::SignFor { transfer: None }).await;
        assert!(kind == TargetKind::Office || foreign.is_err(), "{kind:?}");
        at.stepped(&who, case, CaseStep::SignFor { transfer: None }).await;
        let wordless = at.step(&who, case, CaseStep::Return { transfer: None, reason: String::new() }).await;
        assert!(matches!(wordless, Err(DeskError::Invalid { .. })), "{kind:?}");
        at.stepped(&who, case, CaseStep::Return { transfer: None, reason: "不属本单位".into() }).await;
        sync(&township, &city).await;
        let transfer = city.page(&clerk, case).await.standing.transfers.pop().expect("a transfer");
        assert_eq!((transfer.state, transfer.text.as_str()), (TransferState::Returned, "不属本单位"), "{kind:?}");
    }
    // The next one in the row got what the one before gave back; only the last return is open.
    assert_eq!(city.page(&clerk, case).await.standing.returned_transfers().count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_33_any_window_takes_any_kind_and_no_page_knows_a_wrong_window() {
    let city = city().await;
    let (township, village) = (Machine::new(YANGSHE).await, Machine::new(VILLAGE).await);
    sync(&township, &city).await;
    sync(&village, &township).await;
    let household = village.household("w").await;
    sync(&village, &township).await;
    sync(&township, &city).await;
    for machine in [&village, &township, &city] {
        let clerk = machine.clerk();
        let choices = machine.desk.choices(&clerk).await.expect("choices");
        assert_eq!(choices.kinds.len(), policy::sample().kinds.len(), "every kind is offered at every window");
        for (code, _) in &choices.kinds {
            let open = OpenCase { assistance: code.clone(), ..application(household) };
            let case = machine.open_case(&clerk, open).await;
            let page = machine.page(&clerk, case).await;
            assert_eq!(page.standing.stage, Stage::ToAccept, "{code}");
            assert!(!page.turns.is_empty(), "{code}: somebody has it");
        }
    }
    // Routed: what the village took stands at the township for acceptance, what a department decides goes there by itself.
    sync(&village, &township).await;
    sync(&township, &city).await;
    let clerk = township.clerk();
    let waiting = township.desk.today_for(&clerk).await.expect("today").waiting;
    assert!(waiting >= 2 * policy::sample().kinds.len() as u64, "the village's and the township's own: {waiting}");
    let page = shouwang_node::store::reader::Page::first(100);
    let filter = shouwang_node::store::reader::CaseFilter { assistance: Some("医疗救助".into()), ..Default::default() };
    let case = township.desk.cases(&clerk, filter, page).await.expect("lists").rows[0].case;
    township.stepped(&clerk, case, CaseStep::Accept {}).await;
    let done =
        township.stepped(&clerk, case, CaseStep::Transfer { to: None, assistance: String::new(), note: "办".into() }).await;
    assert_eq!(done.message, "已转办医疗保障局");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_38_every_channel_gives_an_acceptance_number_that_is_known_at_the_village_too() {
    let city = city().await;
    let (township, village) = (Machine::new(YANGSHE).await, Machine::new(VILLAGE).await);
    sync(&township, &city).await;
    sync(&village, &township).await;
    let household = village.household("n").await;
    let clerk = village.clerk();
    let mut cases = Vec::new();
    for channel in [Channel::Village, Channel::Kiosk, Channel::Web, Channel::Wechat] {
        let open = OpenCase { channel: Some(channel), ..application(household) };
        cases.push((channel, village.open_case(&clerk, open).await));
    }
    sync(&village, &township).await;
    let zhen = township.clerk();
    let mut numbers = std::collections::BTreeSet::new();
    for (_, case) in &cases {
        township.stepped(&zhen, *case, CaseStep::Accept {}).await;
    }
    sync(&village, &township).await;
    // The line is down from here on: the village prints the receipt from its own copy.
    for (channel, case) in &cases {
        let page = village.page(&clerk, *case).await;
        let s = &page.standing;
        let accepted = s.timeline.iter().find(|item| item.event.what.kind().is_some_and(|kind| kind.word() == "accepted"));
        let accepted = accepted.expect("accepted");
        assert_eq!((s.channel, accepted.event.name.as_str(), accepted.day), (Some(*channel), "wang某", day("2019-05-29")));
        assert!(s.number.as_ref().is_some_and(|number| number.starts_with("SL20190529-")), "{:?}", s.number);
        assert!(numbers.insert(s.number.clone()), "no number twice");
    }
    let plea = OpenCase { applicant: "某".into(), ..OpenCase::of(Origin::Plea) };
    let plea = village.open_case(&clerk, plea).await;
    assert_eq!(village.page(&clerk, plea).await.standing.stage, Stage::ToVerify, "also without a form");
}
