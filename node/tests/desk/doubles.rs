//! The same granted twice: by offices that could not know of each other, and by one that could.

use super::support::*;
use serde_json::json;
use shouwang_node::desk::{CaseStep, Command, DeskError, OpenCase};
use shouwang_protocol::doubles::State;
use shouwang_protocol::record::{CaseId, RecordId};
use shouwang_protocol::records::amount::Fen;
use shouwang_protocol::records::event::{EventKind, Opinion, Origin, Ruling, Verdict};
use shouwang_protocol::records::staff::Role;
use shouwang_protocol::standing::{Effect, Stage};

fn approve(reason: &str) -> CaseStep {
    CaseStep::Decide { outcome: Verdict::Approved, amount: None, reason: reason.into() }
}

/// A household in this machine's village or one below, with one member of that number besides the head.
async fn household(machine: &Machine, of: usize, key: &str, shared: u32) -> RecordId {
    let mut household = row(key, of);
    household["members"]
        .as_array_mut()
        .expect("members")
        .push(json!({"name": "李小妹", "relation": "之女", "id_no": id_no(shared)}));
    let command = Command::RegisterHousehold { area: area(of), row: household };
    machine.done(&machine.clerk(), command).await.records[0]
}

/// From the application to the day before the decision.
async fn ready(machine: &Machine, household: RecordId, kind: &str, amount: i64) -> CaseId {
    let clerk = machine.clerk();
    let open = OpenCase {
        household: Some(household),
        assistance: kind.into(),
        summary: "住院".into(),
        ..OpenCase::of(Origin::Application)
    };
    let case = machine.open_case(&clerk, open).await;
    machine.stepped(&clerk, case, CaseStep::Accept {}).await;
    machine.stepped(&clerk, case, CaseStep::PreExamine { opinion: Opinion::For, note: String::new() }).await;
    let proposed = CaseStep::Propose { amount: Some(Fen(amount)), reason: "小额".into() };
    machine.stepped(&clerk, case, proposed).await;
    case
}

const ELSEWHERE: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_20_two_townships_grant_the_same_offline_and_a_person_settles_it_with_a_recovery() {
    let city = city().await;
    let (yangshe, daxin) = (Machine::new(YANGSHE).await, Machine::new(DAXIN).await);
    sync(&yangshe, &city).await;
    sync(&daxin, &city).await;

    // One girl, registered in a household of each township while both are offline; both grant for the same cause.
    let (here, there) = (household(&yangshe, VILLAGE, "zhao", 801).await, household(&daxin, ELSEWHERE, "qian", 801).await);
    let (first, second) = (ready(&yangshe, here, "临时救助", 90_000).await, ready(&daxin, there, "临时救助", 80_000).await);
    for (machine, case) in [(&yangshe, first), (&daxin, second)] {
        let approver = machine.person("zhen", &[Role::Approver]);
        assert_eq!(machine.page(&approver, case).await.blocks, [] as [&str; 0], "neither can know of the other");
        machine.stepped(&approver, case, approve("")).await;
        let pay = CaseStep::Pay { amount: None, method: String::new(), account_last4: None, batch: "1".into(), period: None };
        machine.stepped(&approver, case, pay).await;
    }
    sync(&yangshe, &city).await;
    sync(&daxin, &city).await;

    // Raised once at the first office that sees both, with the reason; no township sees the other's half.
    let reviewer = city.person("shen", &[Role::Reviewer]);
    let page = city.desk.doubles(&reviewer, State::ToSettle).await.expect("reads");
    assert_eq!((page.lines.len(), page.persons.len()), (1, 1));
    let line = &page.lines[0];
    assert_eq!((line.halves.len(), line.names.as_slice(), line.may_settle), (2, &["李小妹".to_owned()][..], true));
    assert!(line.why.contains("同一种类、同一原因"), "{}", line.why);
    assert_eq!(city.desk.today_for(&reviewer).await.expect("reads").doubles, 1);
    let clerk = yangshe.clerk();
    assert!(yangshe.desk.doubles(&clerk, State::ToSettle).await.expect("reads").lines.is_empty());

    // Both are asked, and told no name.
    city.done(&reviewer, Command::AskAboutDouble { cases: vec![first, second] }).await;
    assert_eq!(city.desk.doubles(&reviewer, State::ToSettle).await.expect("reads").lines.len(), 1, "still once");
    sync(&yangshe, &city).await;
    let told = yangshe.desk.doubles(&clerk, State::ToSettle).await.expect("reads").lines;
    assert_eq!((told.len(), told[0].halves.len(), told[0].may_settle), (1, 1, false));
    assert_eq!(told[0].told, "大新镇乙村 2019-05-29 批准的“临时救助”");
    let story = format!("{:?}", yangshe.page(&clerk, first).await.standing);
    for secret in ["qian", "李小妹", &id_no(801), &there.to_string()] {
        assert!(!story.contains(secret), "{secret}");
    }

    // A clerk may not settle it, nobody without a reason; then it is settled in both cases at once.
    let settle = |reason: &str| Command::SettleDouble { cases: vec![first, second], ruling: Ruling::This, reason: reason.into() };
    let intake = city.person("zhang", &[Role::Intake]);
    assert!(matches!(city.act(&intake, settle("同一人")).await, Err(DeskError::NotPermitted { .. })));
    assert!(matches!(city.act(&reviewer, settle(" ")).await, Err(DeskError::Invalid { .. })));
    city.done(&reviewer, settle("实际住在甲村，乙村一户重复申报")).await;
    let page = city.desk.doubles(&reviewer, State::ToRecover).await.expect("reads");
    assert_eq!((page.lines.len(), page.lines[0].halves.iter().map(|half| half.owed.0).sum::<i64>()), (1, 80_000));
    sync(&yangshe, &city).await;
    sync(&daxin, &city).await;
    assert_eq!(yangshe.page(&clerk, first).await.standing.stage, Stage::Granted);
    let wrong = daxin.page(&daxin.clerk(), second).await;
    assert_eq!((wrong.standing.stage, wrong.turns[0].what.as_str(), wrong.turns[0].mine), (Stage::ToRecover, "追缴", true));
    assert!(wrong.possible.contains(&EventKind::Recovered) && !wrong.possible.contains(&EventKind::Paid));
    let too_much = daxin.step(&daxin.clerk(), second, CaseStep::Recover { amount: Some(Fen(90_000)), note: String::new() }).await;
    assert!(matches!(too_much, Err(DeskError::Invalid { .. })));
    daxin.stepped(&daxin.clerk(), second, CaseStep::Recover { amount: Some(Fen(30_000)), note: "现金".into() }).await;
    assert_eq!(daxin.page(&daxin.clerk(), second).await.standing.owed(), Fen(50_000));
    daxin.stepped(&daxin.clerk(), second, CaseStep::Recover { amount: None, note: "退回专户".into() }).await;
    assert_eq!(daxin.page(&daxin.clerk(), second).await.standing.stage, Stage::Voided);
    daxin.stepped(&daxin.clerk(), second, CaseStep::Close { result: "重复发放的已退回".into() }).await;
    sync(&daxin, &city).await;
    let page = city.desk.doubles(&reviewer, State::Settled).await.expect("reads");
    assert_eq!((page.lines.len(), page.counts[0].1, page.counts[1].1), (1, 0, 0));
    let story = city.page(&reviewer, second).await.standing;
    assert!(story.timeline.iter().all(|item| item.effect == Effect::Counts));
    assert_eq!(city.desk.readers().read(|reader| reader.compare_views()).expect("reads"), [] as [&str; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_20_an_office_that_sees_both_is_stopped_before_it_decides_and_goes_on_only_with_a_reason() {
    let city = city().await;
    let clerk = city.clerk();
    let (here, there) = (household(&city, VILLAGE, "zhao", 801).await, household(&city, ELSEWHERE, "qian", 801).await);
    let first = ready(&city, here, "临时救助", 283_500).await;
    let director = city.person("chen", &[Role::Approver]);
    let blocked = city.step(&director, first, approve("")).await.expect_err("a member of two households");
    assert_eq!(blocked.what(), "不能办理：家庭成员同时登记在另一户，须先核实");
    let page = city.desk.household(&clerk, here, 1).await.expect("reads");
    let girl = page.detail.household.members[2].row.clone().expect("a row");
    let refill = |day: &str| json!({ "left": day }).as_object().expect("an object").clone();
    let left = Command::EditMember { record: here, member: girl, set: refill("2019-05-30"), seen_heads: Vec::new() };
    city.done(&clerk, left).await;
    city.stepped(&director, first, approve("")).await;

    // She lived there on the day of the grant, so it is hers too, though she has left.
    city.on("2019-06-03");
    let second = ready(&city, there, "临时救助", 283_500).await;
    let wordless = city.step(&director, second, approve("")).await.expect_err("granted before");
    assert!(matches!(&wordless, DeskError::Invalid { faults } if faults[0].field == "reason"), "{wordless}");
    assert!(city.page(&director, second).await.blocks[0].contains("杨舍镇甲村 2019-05-29 批准的“临时救助”"));
    city.stepped(&director, second, approve("二次手术，确有必要")).await;
    let open = city.desk.doubles(&clerk, State::ToSettle).await.expect("reads");
    assert_eq!((open.lines.len(), open.counts[2].1), (0, 1), "what was decided knowingly, with a reason, is settled");
    let story = city.page(&clerk, second).await.standing;
    assert!(story.timeline.iter().all(|item| item.effect == Effect::Counts));

    // A later word of the reviewers stands all the same, and what is void is not paid.
    let settle = Command::SettleDouble { cases: vec![second, first], ruling: Ruling::Other, reason: "系伪造病历".into() };
    city.done(&city.person("shen", &[Role::Reviewer]), settle).await;
    let pay = CaseStep::Pay { amount: None, method: String::new(), account_last4: None, batch: "1".into(), period: None };
    assert!(matches!(city.step(&director, second, pay).await, Err(DeskError::NotNow { .. })));
    assert_eq!(city.page(&clerk, second).await.standing.stage, Stage::Voided);
}
