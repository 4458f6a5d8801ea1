//! Who may do what, whatever the pages offer.

use super::support::*;
use shouwang_node::desk::{CaseStep, Command, DeskError, NewStaff, OpenCase, Person};
use shouwang_protocol::records::amount::Fen;
use shouwang_protocol::records::event::{EventKind, Opinion, Origin, Verdict};
use shouwang_protocol::records::policy;
use shouwang_protocol::records::staff::Role;
use std::collections::BTreeSet;

fn refused(result: Result<shouwang_node::desk::Outcome, DeskError>) -> bool {
    matches!(result, Err(DeskError::NotPermitted { .. }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_role_does_its_own_work_and_no_other() {
    let city = city().await;
    let township = Machine::new(YANGSHE).await;
    sync(&township, &city).await;
    let clerk = township.clerk();
    let household =
        township.done(&clerk, Command::RegisterHousehold { area: area(VILLAGE), row: row("a", VILLAGE) }).await.records[0];
    let console = township.desk.console().await.expect("a console");
    let as_department = |roles: &[Role]| Person { department: Some("教育局".into()), ..township.person("d", roles) };
    let people: Vec<(&str, Person)> = vec![
        ("intake", township.person("i", &[Role::Intake])),
        ("reviewer", township.person("r", &[Role::Reviewer])),
        ("approver", township.person("a", &[Role::Approver])),
        ("administrator", township.person("g", &[Role::Administrator])),
        ("auditor", township.person("u", &[Role::Auditor])),
        ("department", as_department(&[Role::Department])),
        ("nobody", township.person("n", &[])),
        ("console", console),
    ];
    type Make = Box<dyn Fn(shouwang_protocol::record::CaseId) -> Command>;
    let case_step = |step: fn() -> CaseStep| -> Make { Box::new(move |case| Command::Case { case, step: step() }) };
    let set = |household, field: &str, value: &str| Command::EditHousehold {
        record: household,
        set: [(field.to_owned(), value.into())].into_iter().collect(),
        seen_heads: Vec::new(),
    };
    // What is asked, and who may.
    let table: Vec<(&str, Make, &[&str])> = vec![
        (
            "register",
            Box::new(|_| Command::RegisterHousehold { area: area(VILLAGE), row: row("zz", VILLAGE) }),
            &["intake", "reviewer", "console"],
        ),
        ("edit", Box::new(move |_| set(household, "remark", "某")), &["intake", "reviewer", "console"]),
        ("open", Box::new(move |_| Command::OpenCase(application(household))), &["intake"]),
        ("accept", case_step(|| CaseStep::Accept {}), &["intake"]),
        ("examine", case_step(|| CaseStep::PreExamine { opinion: Opinion::For, note: String::new() }), &["reviewer"]),
        (
            "propose",
            case_step(|| CaseStep::Propose { amount: Some(Fen(90_000)), reason: "小额".into() }),
            &["intake", "reviewer"],
        ),
        (
            "decide",
            case_step(|| CaseStep::Decide { outcome: Verdict::Refused, amount: None, reason: "收入超标".into() }),
            &["approver"],
        ),
        ("note", case_step(|| CaseStep::Note { text: "备注".into() }), &["intake", "reviewer", "approver"]),
        (
            "add staff",
            Box::new(|_| {
                Command::AddStaff(NewStaff {
                    id: "new".into(),
                    name: "新".into(),
                    roles: BTreeSet::from([Role::Intake]),
                    department: None,
                    provider: None,
                    password: PASSWORD.into(),
                })
            }),
            &["administrator", "console"],
        ),
        ("publish", Box::new(|_| Command::PublishPolicy { pack: policy::sample() }), &[]),
    ];
    let case = township.open_case(&clerk, application(household)).await;
    for (what, command, allowed) in &table {
        for (role, person) in &people {
            let result = township.act(person, command(case)).await;
            // A department is told that it does not exist, not that it may not.
            let hidden = *role == "department" && matches!(result, Err(DeskError::NotFound { .. }));
            assert_eq!(!(refused(result.clone()) || hidden), allowed.contains(role), "{what} by {role}: {result:?}");
        }
    }
    let foreign = Person { office: city.office(), ..clerk.clone() };
    assert!(refused(township.act(&foreign, Command::OpenCase(application(household))).await), "an account of another office");
    let auditor = township.person("u", &[Role::Auditor]);
    assert!(township.page(&auditor, case).await.possible.is_empty());
    assert!(township.desk.household(&auditor, household, 5).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_approves_what_they_entered_not_even_under_another_case() {
    let city = city().await;
    let all = &[Role::Intake, Role::Reviewer, Role::Approver];
    let one = city.person("one", all);
    let household = {
        let clerk = city.clerk();
        city.done(&clerk, Command::RegisterHousehold { area: area(VILLAGE), row: row("a", VILLAGE) }).await.records[0]
    };
    let approve = || CaseStep::Decide { outcome: Verdict::Approved, amount: Some(Fen(283_500)), reason: String::new() };
    let other = city.person("other", all);
    let case = city.open_case(&one, application(household)).await;
    city.stepped(&other, case, CaseStep::Accept {}).await;
    city.stepped(&city.clerk(), case, CaseStep::PreExamine { opinion: Opinion::For, note: String::new() }).await;
    for person in [&one, &other, &city.person("wang", all)] {
        let refusal = city.step(person, case, approve()).await.expect_err("their own");
        assert_eq!(refusal.what(), "不能办理：经办人不得审批自己录入的事项");
        assert!(!city.page(person, case).await.possible.contains(&EventKind::Decided));
    }
    city.stepped(&city.person("third", &[Role::Approver]), case, approve()).await;

    // Entered as a plea at the city, routed by somebody else: still their own.
    let plea = OpenCase { applicant: "某".into(), assistance: "临时救助".into(), ..OpenCase::of(Origin::Plea) };
    let plea = city.open_case(&one, plea).await;
    let routed =
        city.stepped(&other, plea, CaseStep::Route { household: None, area: Some(area(DAXIN)) }).await.case.expect("a case");
    let clerk = city.clerk();
    city.stepped(
        &clerk,
        routed,
        CaseStep::Verify { outcome: shouwang_protocol::records::event::Finding::True, note: String::new() },
    )
    .await;
    city.stepped(&clerk, routed, CaseStep::ApplyOnBehalf { assistance: String::new(), reason: "主动发现".into() }).await;
    city.stepped(&clerk, routed, CaseStep::Accept {}).await;
    city.stepped(&clerk, routed, CaseStep::PreExamine { opinion: Opinion::For, note: String::new() }).await;
    assert!(refused(city.step(&one, routed, approve()).await));
    city.stepped(&city.person("third", &[Role::Approver]), routed, approve()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unset_standard_blocks_the_automatic_amount_and_says_so() {
    let city = city().await;
    let mut pack = policy::sample();
    (pack.version, pack.from) = ("样例-2019-2".into(), "2019-05-01".parse_day());
    pack.amounts[0].fen = None;
    let console = city.desk.console().await.expect("a console");
    city.done(&console, Command::PublishPolicy { pack: pack.clone() }).await;
    assert!(
        matches!(city.act(&console, Command::PublishPolicy { pack }).await, Err(DeskError::Invalid { .. })),
        "published once"
    );
    let clerk = city.clerk();
    let household =
        city.done(&clerk, Command::RegisterHousehold { area: area(VILLAGE), row: row("a", VILLAGE) }).await.records[0];
    let case = city.open_case(&clerk, application(household)).await;
    city.stepped(&clerk, case, CaseStep::Accept {}).await;
    let automatic = city.step(&clerk, case, CaseStep::Propose { amount: None, reason: String::new() }).await;
    let why = automatic.expect_err("unset").what();
    assert!(why.contains("尚未由市级设定"), "{why}");
    let wordless = city.step(&clerk, case, CaseStep::Propose { amount: Some(Fen(100_000)), reason: " ".into() }).await;
    assert!(matches!(wordless, Err(DeskError::Invalid { .. })));
    let said =
        city.stepped(&clerk, case, CaseStep::Propose { amount: Some(Fen(100_000)), reason: "参照往年".into() }).await.message;
    assert_eq!(said, "已拟定金额 1000.00元（人工拟定 1000.00元：参照往年）");
}

trait ParseDay {
    fn parse_day(&self) -> shouwang_protocol::records::day::Day;
}

impl ParseDay for str {
    fn parse_day(&self) -> shouwang_protocol::records::day::Day {
        shouwang_protocol::records::day::Day::parse(self).expect("a day")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_people_who_press_at_the_same_moment_decide_once_and_pay_once_even_on_a_machine_with_a_wrong_clock() {
    let city = city().await;
    city.on("1999-01-01");
    let clerk = city.clerk();
    let household =
        city.done(&clerk, Command::RegisterHousehold { area: area(VILLAGE), row: row("a", VILLAGE) }).await.records[0];
    let case = city.open_case(&clerk, application(household)).await;
    city.stepped(&clerk, case, CaseStep::Accept {}).await;
    city.stepped(&clerk, case, CaseStep::PreExamine { opinion: Opinion::For, note: String::new() }).await;
    let (one, other) = (city.person("one", &[Role::Approver]), city.person("other", &[Role::Approver]));
    let decide = || CaseStep::Decide { outcome: Verdict::Approved, amount: None, reason: String::new() };
    let pay = || CaseStep::Pay { amount: None, method: String::new(), account_last4: None, batch: String::new(), period: None };
    for step in [&decide as &dyn Fn() -> CaseStep, &pay] {
        let results = tokio::join!(city.step(&one, case, step()), city.step(&other, case, step()));
        assert_eq!([results.0.is_ok(), results.1.is_ok()].iter().filter(|done| **done).count(), 1, "{results:?}");
    }
    // Whoever goes away in the middle leaves nothing half done, and the next waits for it.
    let case = city.open_case(&clerk, OpenCase { applicant: "某".into(), ..OpenCase::of(Origin::Plea) }).await;
    for _ in 0..20 {
        let gone = city.step(&clerk, case, CaseStep::Note { text: "走开".into() });
        let _ = tokio::time::timeout(std::time::Duration::from_micros(300), gone).await;
    }
    let last = city.stepped(&clerk, case, CaseStep::Note { text: "留下".into() }).await;
    let notes = city.page(&clerk, case).await.standing.timeline.len();
    assert!((2..=22).contains(&notes) && last.entries.len() == 1);
}
