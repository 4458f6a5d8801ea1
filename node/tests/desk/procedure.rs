//! 最低生活保障 across the tiers: a visit written down in the field, the notice, the objection, the clocks.

use super::support::{Machine, VILLAGE, YANGSHE, application, city, noon, sync};
use shouwang_node::desk::{CaseStep, DeskError, OpenCase};
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::event::{EventKind, Finding, Opinion, Verdict};
use shouwang_protocol::records::staff::Role;
use shouwang_protocol::standing::{Effect, Stage};
use std::sync::atomic::Ordering;

fn examine() -> CaseStep {
    CaseStep::PreExamine { opinion: Opinion::For, note: String::new() }
}

fn visit(with: &[&str], present: &str) -> CaseStep {
    CaseStep::Visit {
        investigators: with.iter().map(|name| (*name).to_owned()).collect(),
        present: present.into(),
        remote: String::new(),
        findings: "住房一间，无其他收入".into(),
    }
}

fn end_notice() -> CaseStep {
    CaseStep::EndNotice { note: "无异议".into() }
}

fn on(machines: &[&Machine], day: &str) {
    machines.iter().for_each(|machine| machine.wall.store(noon(day), Ordering::Relaxed));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_whole_procedure_with_a_visit_written_down_offline_and_an_objection() {
    let city = city().await;
    let (township, village) = (Machine::new(YANGSHE).await, Machine::new(VILLAGE).await);
    let all = [&city, &township, &village];
    let everybody = async || {
        sync(&township, &city).await;
        sync(&village, &township).await;
        sync(&township, &city).await;
    };
    on(&all, "2019-05-20");
    everybody().await;
    let household = village.household("c").await;
    let (cun, zhen) = (village.clerk(), township.clerk());
    let asked = OpenCase { assistance: "最低生活保障".into(), ..application(household) };
    let case = village.open_case(&cun, asked).await;
    everybody().await;
    township.stepped(&zhen, case, CaseStep::Accept {}).await;
    let page = township.page(&zhen, case).await;
    assert_eq!((page.standing.stage, page.turns[0].due), (Stage::ToVisit, Day::parse("2019-05-23")));
    assert!(!page.possible.contains(&EventKind::PreExamined), "no button for what would not count");
    everybody().await;

    // In the field, with no network: one person alone is not a visit, and the form says which field is wrong.
    on(&all, "2019-05-21");
    let alone = village.step(&cun, case, visit(&[], "户主c")).await.expect_err("alone");
    assert!(matches!(&alone, DeskError::Invalid { faults } if faults[0].field == "investigators"), "{alone:?}");
    let unsigned = village.step(&cun, case, visit(&["李强"], "")).await.expect_err("unsigned");
    assert!(matches!(&unsigned, DeskError::Invalid { faults } if faults[0].field == "present"), "{unsigned:?}");
    village.stepped(&cun, case, visit(&["李强", "wang某"], "户主c")).await;
    assert_eq!(village.page(&cun, case).await.standing.visits[0].investigators, ["wang某", "李强"]);
    everybody().await;

    township.stepped(&zhen, case, examine()).await;
    let said = township.stepped(&zhen, case, CaseStep::Propose { amount: None, reason: String::new() }).await.message;
    // 945 × 2 − 12,000 ÷ 12
    assert!(said.starts_with("已拟定金额 890.00元（低保标准 × 共同生活人数 − 核算年收入 ÷ 12 = 890.00元"), "{said}");
    let post =
        || CaseStep::PostNotice { place: "村务公开栏".into(), phone: "0512-56729800".into(), from: None, until: None };
    township.stepped(&zhen, case, post()).await;
    assert_eq!(township.page(&zhen, case).await.turns[0].due, Day::parse("2019-05-28"));
    everybody().await;

    // Two offices at once, both offline: an objection in the village, the end of the notice in the township.
    on(&all, "2019-05-28");
    village.stepped(&cun, case, CaseStep::Object { text: "家里另有住房".into() }).await;
    township.stepped(&zhen, case, end_notice()).await;
    everybody().await;
    let (here, there) = (village.page(&cun, case).await.standing, city.page(&city.clerk(), case).await.standing);
    assert_eq!(here.stage, there.stage);
    assert_eq!(
        here.timeline.iter().map(|item| &item.effect).collect::<Vec<_>>(),
        there.timeline.iter().map(|item| &item.effect).collect::<Vec<_>>()
    );
    assert_eq!(here.notice.as_ref().map(|notice| notice.open), Some(1), "what was objected is not lost");
    let approver = city.person("chen", &[Role::Approver]);
    let approve = || CaseStep::Decide { outcome: Verdict::Approved, amount: None, reason: String::new() };
    assert!(city.step(&approver, case, approve()).await.is_err(), "not before the objection is settled");
    township.stepped(&zhen, case, CaseStep::SettleObjection { outcome: Finding::False, note: "查无登记".into() }).await;
    if township.page(&zhen, case).await.standing.notice.is_some_and(|notice| !notice.ended) {
        township.stepped(&zhen, case, end_notice()).await;
    }
    everybody().await;
    city.stepped(&approver, case, approve()).await;
    everybody().await;
    let done = village.page(&cun, case).await.standing;
    assert_eq!((done.stage, done.decided().map(|fen| fen.0)), (Stage::ToPay, Some(89_000)));
    assert!(
        done.timeline.iter().all(|item| item.effect == Effect::Counts || item.event.what.kind() == Some(EventKind::NoticeEnded))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_case_is_urged_stopped_and_made_longer_with_reasons() {
    let city = city().await;
    city.on("2019-05-20");
    let (clerk, household) = (city.clerk(), city.household("a").await);
    let case = city.open_case(&clerk, OpenCase { assistance: "最低生活保障".into(), ..application(household) }).await;
    city.stepped(&clerk, case, CaseStep::Accept {}).await;
    city.stepped(&clerk, case, visit(&["李强"], "户主a")).await;
    city.on("2019-07-01");
    assert!(city.page(&clerk, case).await.turns[0].overdue);
    city.stepped(&clerk, case, CaseStep::Urge { note: "已超期".into() }).await;
    let wordless = city.step(&clerk, case, CaseStep::Extend { days: 5, reason: " ".into() }).await;
    assert!(matches!(wordless, Err(DeskError::Invalid { .. })), "{wordless:?}");
    let much = city.step(&clerk, case, CaseStep::Extend { days: 16, reason: "复杂".into() }).await;
    assert!(matches!(much, Err(DeskError::Invalid { .. })), "{much:?}");
    city.stepped(&clerk, case, CaseStep::Extend { days: 15, reason: "情况复杂".into() }).await;
    city.stepped(&clerk, case, CaseStep::Suspend { reason: "本人住院".into() }).await;
    let page = city.page(&clerk, case).await;
    assert!(page.turns[0].due.is_none() && page.standing.clock.is_stopped());
    assert_eq!(page.standing.urged.map(|(times, _)| times), Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clerks_relative_is_declared_and_not_decided_before_the_city_went() {
    let city = city().await;
    let (township, village) = (Machine::new(YANGSHE).await, Machine::new(VILLAGE).await);
    on(&[&city, &township, &village], "2019-05-20");
    let everybody = async || {
        sync(&township, &city).await;
        sync(&village, &township).await;
        sync(&township, &city).await;
    };
    everybody().await;
    let (cun, zhen, shi) = (village.clerk(), township.clerk(), city.clerk());
    let household = village.household("d").await;
    let asked = OpenCase { assistance: "最低生活保障".into(), ..application(household) };
    let case = village.open_case(&cun, asked).await;
    let declare = |of: &str, relation: &str| CaseStep::Declare { of: of.into(), relation: relation.into() };
    for (step, field) in [(declare(" ", "兄弟"), "of"), (declare("村会计", ""), "relation")] {
        let refused = village.step(&cun, case, step).await.expect_err("incomplete");
        assert!(matches!(&refused, DeskError::Invalid { faults } if faults[0].field == field), "{refused:?}");
    }
    // Whoever knows says so, offline too; a decider and an auditor are not asked.
    let approver = city.person("chen", &[Role::Approver]);
    village.stepped(&cun, case, declare("村会计", "兄弟")).await;
    everybody().await;
    assert!(matches!(city.step(&approver, case, declare("村会计", "兄弟")).await, Err(DeskError::NotPermitted { .. })));
    let seen = township.page(&zhen, case).await;
    assert_eq!(seen.standing.relative, Some(("村会计".into(), "兄弟".into())));
    township.stepped(&zhen, case, CaseStep::Accept {}).await;
    township.stepped(&zhen, case, visit(&["李强"], "户主d")).await;
    township.stepped(&zhen, case, CaseStep::PreExamine { opinion: Opinion::Against, note: "收入超过标准".into() }).await;
    everybody().await;

    // The township's visit is not the one the law asks for.
    let refuse = || CaseStep::Decide { outcome: Verdict::Refused, amount: None, reason: "收入超过标准".into() };
    let early = city.step(&approver, case, refuse()).await.expect_err("not yet visited by the city");
    assert!(early.what().contains("须先由市级入户核查"), "{early:?}");
    city.stepped(&shi, case, visit(&["陶静华"], "户主d")).await;
    city.stepped(&approver, case, refuse()).await;
    everybody().await;
    for (machine, person) in [(&village, &cun), (&township, &zhen), (&city, &shi)] {
        assert_eq!(machine.page(person, case).await.standing.stage, Stage::Refused);
    }
    let late = village.step(&cun, case, declare("镇长", "父子")).await;
    assert!(matches!(late, Err(DeskError::NotNow { .. })), "{late:?}");
}
