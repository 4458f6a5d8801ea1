//! What follows a decision, between a village, its township and the city: the written refusal, the publication, the look
//! some time later, a dispute before another authority, and the filing of the papers.

use super::support::*;
use shouwang_node::desk::{CaseStep, DeskError, OpenCase, Person};
use shouwang_node::store::reader::{CaseFilter, Page};
use shouwang_protocol::record::{ActionId, CaseId};
use shouwang_protocol::records::amount::Fen;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::event::{Delivery, Dispute, DisputeEnd, Opinion, Verdict};
use shouwang_protocol::records::staff::Role;
use shouwang_protocol::standing::{Stage, TO_PUBLISH};
use std::collections::BTreeSet;

fn approver(city: &Machine) -> Person {
    city.person("chen", &[Role::Approver])
}

fn day(text: &str) -> Option<Day> {
    Day::parse(text)
}

fn why<T: std::fmt::Debug>(refused: Result<T, DeskError>) -> String {
    match refused {
        Err(DeskError::NotNow { why } | DeskError::NotPermitted { why }) => why,
        Err(DeskError::Invalid { faults }) => format!("{}: {}", faults[0].field, faults[0].reason),
        other => panic!("{other:?}"),
    }
}

/// An application for 低保 whose notice has ended, on Friday 2019-05-17.
async fn to_decide(city: &Machine, township: &Machine, key: &str) -> CaseId {
    township.on("2019-05-09");
    let (clerk, home) = (township.clerk(), township.household(key).await);
    let case = township.open_case(&clerk, OpenCase { assistance: "最低生活保障".into(), ..application(home) }).await;
    let visit = CaseStep::Visit {
        investigators: vec!["李强".into()],
        present: "户主".into(),
        remote: String::new(),
        findings: "一间平房".into(),
    };
    let post = CaseStep::PostNotice { place: "村务公开栏".into(), phone: "0512-56729800".into(), from: None, until: None };
    for step in [CaseStep::Accept {}, visit, CaseStep::PreExamine { opinion: Opinion::For, note: String::new() }, post] {
        township.stepped(&clerk, case, step).await;
    }
    township.on("2019-05-17");
    city.on("2019-05-17");
    township.stepped(&clerk, case, CaseStep::EndNotice { note: "无异议".into() }).await;
    sync(township, city).await;
    case
}

fn decide(outcome: Verdict) -> CaseStep {
    CaseStep::Decide { outcome, amount: None, reason: "按标准；存款超过限额".into() }
}

fn serve() -> CaseStep {
    CaseStep::ServeNotice { to: "本人".into(), how: Delivery::Handed, on: None, note: String::new() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_40_a_refusal_is_served_on_paper_disputed_set_aside_and_decided_anew_after_it_was_closed() {
    let city = city().await;
    let township = Machine::new(YANGSHE).await;
    sync(&township, &city).await;
    let (clerk, case) = (township.clerk(), to_decide(&city, &township, "a1").await);
    city.stepped(&approver(&city), case, decide(Verdict::Refused)).await;
    assert_eq!(why(city.step(&city.clerk(), case, CaseStep::Close { result: "不予批准".into() }).await), "书面通知还没有送达");
    sync(&township, &city).await;
    // The office that decided makes the letter out; the township hands it over. Three working days are gone on the 23rd.
    township.on("2019-05-23");
    let late = township.desk.today_for(&clerk).await.expect("reads");
    assert!(late.cases.iter().all(|row| row.case != case), "nothing for the township to do yet");
    city.on("2019-05-23");
    assert_eq!(city.desk.today_for(&approver(&city)).await.expect("reads").overdue, 1, "57号 art. 21: told by the 22nd");
    city.stepped(&approver(&city), case, CaseStep::WriteNotice {}).await;
    sync(&township, &city).await;
    let letter = township.page(&clerk, case).await.standing;
    let letter = letter.decision.as_ref().and_then(|decision| decision.notice.as_ref()).expect("made out");
    for line in ["事项：最低生活保障申请不予批准", "理由：按标准；存款超过限额", "决定日期：2019-05-17"]
    {
        assert!(letter.text.lines().any(|found| found == line), "{line} in {}", letter.text);
    }
    township.stepped(&clerk, case, serve()).await;
    sync(&township, &city).await;
    city.stepped(&city.clerk(), case, CaseStep::Close { result: "不予批准，已书面告知".into() }).await;
    sync(&township, &city).await;

    // In July the family goes to the 市人民政府; the township hears of it first, with no line to the city.
    township.on("2019-07-01");
    city.on("2019-07-01");
    let dispute =
        CaseStep::Dispute { how: Dispute::Review, body: "市人民政府".into(), number: String::new(), on: day("2019-07-02") };
    assert_eq!(why(township.step(&clerk, case, dispute).await), "on: 日期在今天之后");
    let dispute =
        CaseStep::Dispute {
            how: Dispute::Review, body: "市人民政府".into(), number: "复议〔2019〕7号".into(), on: None
        };
    township.stepped(&clerk, case, dispute).await;
    let file = CaseStep::Archive { number: String::new(), note: "镇档案室".into() };
    assert_eq!(why(township.step(&clerk, case, file.clone()).await), "还不能归档：复议、诉讼还没有结果");
    sync(&township, &city).await;
    let ended =
        CaseStep::EndDispute { outcome: DisputeEnd::SetAside, text: "复议〔2019〕7号：撤销，重新审批".into() };
    city.stepped(&approver(&city), case, ended).await;
    let standing = city.page(&approver(&city), case).await.standing;
    assert_eq!((standing.stage, standing.turns[0].what), (Stage::Refused, "按复议、诉讼结果重新办理"));
    let event = standing.decision.expect("refused").id;
    city.stepped(&approver(&city), case, CaseStep::TakeBack { event, reason: "复议撤销".into() }).await;
    city.stepped(&approver(&city), case, decide(Verdict::Approved)).await;
    sync(&township, &city).await;
    let standing = township.page(&clerk, case).await.standing;
    assert_eq!((standing.stage, standing.disputes.len(), standing.untold()), (Stage::ToPay, 1, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_approved_is_made_public_word_for_word_without_a_number_and_comes_down_with_the_benefit() {
    let city = city().await;
    let (township, village) = (Machine::new(YANGSHE).await, Machine::new(VILLAGE).await);
    sync(&township, &city).await;
    let (clerk, case) = (township.clerk(), to_decide(&city, &township, "b").await);
    city.stepped(&approver(&city), case, decide(Verdict::Approved)).await;
    sync(&township, &city).await;
    let publish =
        |place: &str, phone: &str| CaseStep::Publish { place: place.into(), phone: phone.into(), from: None, until: None };
    let told = why(township.step(&clerk, case, publish("公开栏，户主电话13800000000", "")).await);
    assert!(told.starts_with("place: "), "{told}");
    let told = why(township.step(&clerk, case, publish("公开栏", "13800000000")).await);
    assert!(told.starts_with("phone: "), "{told}");
    let tasks = async || {
        let today = township.desk.today_for(&clerk).await.expect("reads");
        today
            .cases
            .iter()
            .filter(|row| row.case == case)
            .flat_map(|row| &row.turns)
            .map(|turn| turn.what.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(tasks().await, ["发放", "公布审批结果"]);
    township.stepped(&clerk, case, publish("甲村公开栏", "")).await;
    assert!(tasks().await.is_empty());
    village.on("2019-05-17");
    sync(&village, &township).await;
    let up = async |machine: &Machine| {
        let found = machine.desk.notices(&machine.clerk(), None, true, Page::first(10)).await.expect("up");
        found.rows.into_iter().map(|row| row.text).collect::<Vec<_>>()
    };
    assert_eq!(
        up(&village).await,
        ["获批人员：户*b\n村(社区)：甲村\n救助种类：最低生活保障\n共同生活人数：2人\n救助金额：890.00元/月\n\
公布期：2019-05-17 至 2020-05-15\n公布地点：甲村公开栏\n受理异议：杨舍镇\n异议电话：0512-56729800"]
    );
    // Stopped: nobody stays on the board for what they do not get any more.
    township.stepped(&clerk, case, CaseStep::Hear { who: "本人".into(), text: "同意".into() }).await;
    sync(&township, &city).await;
    let stop = CaseStep::Adjust { amount: Some(Fen(0)), from: None, reason: "就业".into() };
    city.stepped(&approver(&city), case, stop).await;
    sync(&township, &city).await;
    sync(&village, &township).await;
    assert!(up(&village).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_village_looks_again_with_no_line_and_the_papers_are_filed_several_at_once_when_nothing_is_left() {
    let city = city().await;
    let (township, village) = (Machine::new(YANGSHE).await, Machine::new(VILLAGE).await);
    sync(&township, &city).await;
    township.account("she", &[Role::Provider], None, Some("社工服务中心")).await;
    for machine in [&city, &township, &village] {
        machine.on("2019-05-20");
    }
    let clerk = township.clerk();
    let mut cases = Vec::new();
    for key in ["c3", "d4"] {
        let home = township.household(key).await;
        let case = township.open_case(&clerk, OpenCase { assistance: "心理服务".into(), ..application(home) }).await;
        township.stepped(&clerk, case, CaseStep::Accept {}).await;
        cases.push(case);
    }
    let served = cases[0];
    let to = shouwang_node::desk::To {
        kind: shouwang_protocol::records::event::TargetKind::Provider, id: "社工服务中心".into()
    };
    let hand = CaseStep::Transfer { to: Some(to), assistance: String::new(), note: "上门辅导".into() };
    township.stepped(&clerk, served, hand).await;
    let she = Person { provider: Some("社工服务中心".into()), ..township.person("she", &[Role::Provider]) };
    township.stepped(&she, served, CaseStep::SignFor { transfer: None }).await;
    let outcome = CaseStep::Outcome {
        transfer: None,
        change: shouwang_protocol::records::event::Change::Better,
        text: "愿意出门".into(),
        follow_up: day("2019-06-20"),
    };
    township.stepped(&she, served, outcome).await;
    let answer = shouwang_protocol::records::event::Answer::Served;
    let back = CaseStep::Feedback { transfer: None, result: answer, text: "已服务".into(), amount: None };
    township.stepped(&she, served, back).await;
    township.stepped(&clerk, served, CaseStep::Close { result: "已服务".into() }).await;
    township.stepped(&clerk, cases[1], CaseStep::GiveUp { reason: "已自行解决".into() }).await;
    township.stepped(&clerk, cases[1], CaseStep::Close { result: "本人撤回".into() }).await;

    // Filed at once: one of them still waits for somebody to look again, and says so.
    let file = CaseStep::Archive { number: String::new(), note: "镇档案室 3 柜".into() };
    let told = township.desk.step_in_each(&clerk, id(), &cases, file.clone()).await.expect("tried");
    let told: Vec<Result<String, String>> =
        told.into_iter().map(|(_, done)| done.map(|done| done.message).map_err(|error| error.what())).collect();
    let number = township.page(&clerk, cases[1]).await.standing.number.expect("accepted");
    assert!(matches!(&told[0], Err(why) if why.contains("还没有回访")), "{told:?}");
    assert_eq!(told[1], Ok(format!("已归档，档案编号 {number}")));

    // June: it is a task of the township, on time or late; the village does it in the field, with no line.
    sync(&village, &township).await;
    township.on("2019-06-21");
    assert_eq!(township.desk.today_for(&clerk).await.expect("reads").overdue, 1);
    village.on("2019-06-21");
    let look =
        |on: Option<Day>| CaseStep::FollowUp { on, whom: "本人，上门".into(), text: "每天出门".into(), next: None };
    let told = why(village.step(&village.clerk(), served, look(day("2019-06-22"))).await);
    assert_eq!(told, "on: 日期在今天之后");
    village.stepped(&village.clerk(), served, look(None)).await;
    sync(&village, &township).await;
    assert_eq!(township.desk.today_for(&clerk).await.expect("reads").overdue, 0);
    township.stepped(&clerk, served, file).await;
    sync(&township, &city).await;
    let standing = city.page(&city.clerk(), served).await.standing;
    assert_eq!((standing.stage, standing.follow_ups.len(), standing.turns.len()), (Stage::Archived, 1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_grants_are_made_public_at_once_and_one_that_was_adjusted_once_more() {
    let city = city().await;
    let township = Machine::new(YANGSHE).await;
    sync(&township, &city).await;
    let mut cases = Vec::new();
    for key in ["b", "c"] {
        cases.push(to_decide(&city, &township, key).await);
    }
    for case in &cases {
        city.stepped(&approver(&city), *case, decide(Verdict::Approved)).await;
    }
    sync(&township, &city).await;
    let clerk = township.clerk();
    let waiting = async || {
        let filter = CaseFilter { to_do: Some(TO_PUBLISH), ..CaseFilter::default() };
        township.desk.cases(&clerk, filter, Page::first(10)).await.expect("reads").rows.into_iter().map(|row| row.case).collect()
    };
    let together = async |action: u8, cases: &[CaseId]| {
        let step = CaseStep::Publish { place: "甲村公开栏".into(), phone: "0512-56729800".into(), from: None, until: None };
        let done = township.desk.step_in_each(&clerk, ActionId([action; 16]), cases, step).await.expect("a batch");
        done.into_iter().map(|(_, done)| done.is_ok()).collect::<Vec<_>>()
    };
    let listed: BTreeSet<CaseId> = waiting().await;
    assert_eq!(listed, cases.iter().copied().collect());
    assert_eq!(together(71, &cases).await, [true, true]);
    assert!(waiting().await.is_empty());
    // Pressed again: the same entries; a second sheet of the same grant is refused.
    assert_eq!(together(71, &cases).await, [true, true]);
    assert_eq!(together(72, &cases).await, [false, false]);
    let up = township.desk.notices(&clerk, None, true, Page::first(10)).await.expect("up");
    assert_eq!(up.rows.len(), 2);
    // Another amount is another sheet.
    sync(&township, &city).await;
    let more = CaseStep::Adjust { amount: Some(Fen(95_000)), from: None, reason: "家庭成员增加".into() };
    city.stepped(&approver(&city), cases[0], more).await;
    sync(&township, &city).await;
    assert_eq!(waiting().await, [cases[0]].into());
    assert_eq!(together(73, &cases).await, [true, false]);
    let up = township.desk.notices(&clerk, None, true, Page::first(10)).await.expect("up");
    assert_eq!(up.rows.iter().filter(|row| row.text.contains("950.00元/月")).count(), 1);
    assert_eq!(up.rows.len(), 2, "the old amount came down");
}
