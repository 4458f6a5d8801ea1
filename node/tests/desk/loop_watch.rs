//! Who has it, how long it took, what is late, what is open, and how often people had to go.

use super::loop_split::{accepted, bureau, part, provider};
use super::support::*;
use shouwang_node::desk::loops::{Loops, LoopsQuestion};
use shouwang_node::desk::{CaseStep, DeskError, OpenCase};
use shouwang_node::store::reader::Page;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::event::{Answer, Channel, Origin, TargetKind};
use shouwang_protocol::standing::Stage;

async fn loops(machine: &Machine, asked: LoopsQuestion) -> Loops {
    machine.desk.loops(&machine.clerk(), asked, Page::first(100)).await.expect("counts")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_40_every_hop_has_its_days_its_holder_and_a_place_on_the_overdue_board() {
    let city = city().await;
    let clerk = city.clerk();
    city.on("2019-05-20");
    let case = accepted(&city, &clerk, "a", "教育救助").await;
    city.on("2019-05-22");
    let parts = vec![part(TargetKind::Department, "教育局", ""), part(TargetKind::Provider, "心理援助站", "心理服务")];
    city.stepped(&clerk, case, CaseStep::Split { parts }).await;
    city.on("2019-05-24");
    let school = bureau(&city, "教育局");
    city.stepped(&school, case, CaseStep::SignFor { transfer: None }).await;
    city.on("2019-06-03");

    let way = city.desk.way(&clerk, case).await.expect("a way");
    let told: Vec<(&str, &str, Option<u32>, bool)> =
        way.hops.iter().map(|line| (line.who.as_str(), line.hop.what, line.hop.working, line.late)).collect();
    // 22 May to 24 May are two working days; from 24 May to 3 June six; the station is two days late by then.
    assert_eq!(
        told[told.len() - 3..],
        [("教育局", "签收", Some(2), false), ("心理援助站", "签收", Some(8), true), ("教育局", "办理并反馈", Some(6), false)],
        "{told:?}"
    );
    assert!(way.hops.iter().filter(|line| line.hop.until.is_none()).count() == 2, "both have it now");
    let found = loops(&city, LoopsQuestion::default()).await;
    let late: Vec<_> = found.late.iter().map(|one| (one.name.as_str(), one.count, one.oldest)).collect();
    assert_eq!(late, [("心理援助站", 1, Day::parse("2019-05-24"))]);
    let only_late = loops(&city, LoopsQuestion { late: true, ..LoopsQuestion::default() }).await;
    assert_eq!(only_late.lines.iter().map(|row| row.case).collect::<Vec<_>>(), [case]);
    assert!(city.desk.loops(&school, LoopsQuestion::default(), Page::first(1)).await.is_err(), "not a department's to see");
    assert!(city.desk.way(&school, case).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_42_the_time_from_hand_over_to_feedback_is_known_for_each_department() {
    let city = city().await;
    let clerk = city.clerk();
    let school = bureau(&city, "教育局");
    let transfer = || CaseStep::Transfer { to: None, assistance: String::new(), note: "请办理".into() };
    // Handed over on Monday 20 May; answered after 1, 3 and 8 working days, one given back, one still open.
    let mut cases = Vec::new();
    for key in ["a", "b", "c", "d", "e"] {
        city.on("2019-05-20");
        let case = accepted(&city, &clerk, key, "教育救助").await;
        city.stepped(&clerk, case, transfer()).await;
        city.stepped(&school, case, CaseStep::SignFor { transfer: None }).await;
        cases.push(case);
    }
    for (case, day) in cases.iter().zip(["2019-05-21", "2019-05-23", "2019-05-30"]) {
        city.on(day);
        let answer = CaseStep::Feedback { transfer: None, result: Answer::Approved, text: "已办".into(), amount: None };
        city.stepped(&school, *case, answer).await;
    }
    city.stepped(&school, cases[3], CaseStep::Return { transfer: None, reason: "不属本局".into() }).await;
    city.on("2019-06-03");
    let found = loops(&city, LoopsQuestion::default()).await;
    assert_eq!(found.receivers.len(), 1);
    let one = &found.receivers[0];
    assert_eq!((one.name.as_str(), one.count, one.answered, one.returned, one.open), ("教育局", 5, 3, 1, 1));
    assert_eq!((one.middle, one.longest, one.waiting), (Some(3), Some(8), Some(10)));
    let before = LoopsQuestion { until: Day::parse("2019-05-19"), ..LoopsQuestion::default() };
    assert!(loops(&city, before).await.receivers.is_empty(), "of the days that were asked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_46_the_citizens_errands_are_counted_and_nothing_that_is_held_is_asked_for_again() {
    let city = city().await;
    let clerk = city.clerk();
    let household = city.household("a").await;
    let ask = |materials: &[&str], again: &str| CaseStep::AskMaterials {
        materials: materials.iter().map(|it| (*it).to_owned()).collect(),
        again: again.into(),
    };
    city.on("2019-05-20");
    let first = city.open_case(&clerk, application(household)).await;
    city.stepped(&clerk, first, ask(&["户口簿", "病历"], "")).await;
    city.on("2019-05-21");
    city.stepped(&clerk, first, CaseStep::GiveMaterials { note: "都补来了".into() }).await;
    city.stepped(&clerk, first, CaseStep::Accept {}).await;
    assert_eq!(city.desk.way(&clerk, first).await.expect("a way").errands.window, 2, "to ask, and with the papers");

    // Another case of the same household, by the web: nobody came, and the papers are there.
    city.on("2019-05-22");
    let open = OpenCase { channel: Some(Channel::Web), assistance: "医疗救助".into(), ..application(household) };
    let second = city.open_case(&clerk, open).await;
    let page = city.page(&clerk, second).await;
    assert_eq!(page.held.iter().map(|held| held.material.as_str()).collect::<Vec<_>>(), ["户口簿", "病历"]);
    let refused = city.step(&clerk, second, ask(&["发票", "户 口 簿"], "")).await.expect_err("held");
    assert!(matches!(&refused, DeskError::Invalid { faults } if faults[0].field == "again"), "{refused:?}");
    let number = city.page(&clerk, first).await.standing.number.expect("a number");
    assert!(matches!(&refused, DeskError::Invalid { faults } if faults[0].reason.contains(&number)), "it says where");
    assert!(!city.page(&clerk, second).await.standing.told_once, "nothing was written");
    city.stepped(&clerk, second, ask(&["发票", "户口簿"], "户口簿已换发")).await;
    let way = city.desk.way(&clerk, second).await.expect("a way");
    assert_eq!((way.errands.window, way.errands.home), (0, 0));
    // Of another household nothing is held.
    let other = city.open_case(&clerk, application(city.household("b").await)).await;
    city.stepped(&clerk, other, ask(&["户口簿"], "")).await;

    let found = loops(&city, LoopsQuestion::default()).await;
    let told: Vec<_> = found.errands.iter().map(|row| (row.assistance.as_str(), row.cases, row.window, row.most)).collect();
    assert_eq!(told, [("临时救助", 2, 3, 2), ("医疗救助", 1, 0, 0)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_44_every_open_loop_is_listed_in_a_named_state_with_who_holds_it() {
    let city = city().await;
    let clerk = city.clerk();
    city.on("2019-05-20");
    let mut open = vec![
        city.open_case(&clerk, OpenCase { applicant: "某".into(), ..OpenCase::of(Origin::Plea) }).await,
        city.open_case(&clerk, OpenCase { applicant: "某".into(), ..OpenCase::of(Origin::Consultation) }).await,
        city.open_case(&clerk, OpenCase { applicant: "某".into(), ..OpenCase::of(Origin::Warning) }).await,
        city.open_case(&clerk, application(city.household("a").await)).await,
        accepted(&city, &clerk, "b", "教育救助").await,
        accepted(&city, &clerk, "c", "最低生活保障").await,
    ];
    let handed = accepted(&city, &clerk, "d", "心理服务").await;
    let to = Some(shouwang_node::desk::To { kind: TargetKind::Provider, id: "社工服务中心".into() });
    city.stepped(&clerk, handed, CaseStep::Transfer { to, assistance: String::new(), note: "办".into() }).await;
    city.stepped(&provider(&city, "社工服务中心"), handed, CaseStep::SignFor { transfer: None }).await;
    open.push(handed);
    // Given up is not closed yet: somebody must still close it.
    city.stepped(&clerk, open[3], CaseStep::GiveUp { reason: "本人撤回".into() }).await;
    let closed = city.open_case(&clerk, OpenCase { applicant: "某".into(), ..OpenCase::of(Origin::Consultation) }).await;
    city.stepped(&clerk, closed, CaseStep::Close { result: "已答复".into() }).await;

    let found = loops(&city, LoopsQuestion::default()).await;
    let mut listed: Vec<_> = found.lines.iter().map(|row| row.case).collect();
    listed.sort();
    open.sort();
    assert_eq!((found.open, listed), (open.len() as u64, open), "every one, and the closed one not");
    assert_eq!(found.stages.iter().map(|one| one.count).sum::<u64>(), found.open);
    for row in &found.lines {
        assert!(row.stage != Stage::Unknown && !row.stage.label().is_empty());
        assert!(!row.turns.is_empty(), "{}: somebody holds it", row.stage.label());
        assert_eq!(row.since, Day::parse("2019-05-20"), "{}", row.stage.label());
    }
    let serving = LoopsQuestion { stage: Some(Stage::InService), ..LoopsQuestion::default() };
    assert_eq!(loops(&city, serving).await.lines.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_cases_are_examined_at_once_each_its_own_entry_and_one_refusal_stops_none() {
    let city = city().await;
    let clerk = city.clerk();
    let mut cases = Vec::new();
    for key in ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"] {
        cases.push(accepted(&city, &clerk, key, "临时救助").await);
    }
    // One was withdrawn meanwhile.
    city.stepped(&clerk, cases[4], CaseStep::GiveUp { reason: "撤回".into() }).await;
    let action = id();
    let step = || CaseStep::PreExamine { opinion: shouwang_protocol::records::event::Opinion::For, note: "材料齐全".into() };
    let done = city.desk.step_in_each(&clerk, action, &cases, step()).await.expect("done");
    let refused: Vec<_> = done.iter().filter(|(_, result)| result.is_err()).map(|(case, _)| *case).collect();
    assert_eq!((done.len(), refused), (10, vec![cases[4]]));
    let mut entries: Vec<_> =
        done.iter().filter_map(|(_, result)| result.as_ref().ok()).flat_map(|it| it.entries.clone()).collect();
    entries.sort();
    entries.dedup();
    assert_eq!(entries.len(), 9, "an entry each");
    // Sent twice, done once.
    let again = city.desk.step_in_each(&clerk, action, &cases, step()).await.expect("again");
    assert!(again.iter().filter_map(|(_, result)| result.as_ref().ok()).all(|done| done.again));
    for case in cases.iter().filter(|case| **case != cases[4]) {
        assert_eq!(city.page(&clerk, *case).await.standing.stage, Stage::ToDecide);
    }
    let one_by_one = CaseStep::Close { result: "一起".into() };
    assert!(matches!(city.desk.step_in_each(&clerk, id(), &cases, one_by_one).await, Err(DeskError::NotPermitted { .. })));
}
