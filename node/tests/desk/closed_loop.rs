//! The closed loop (受理、预审、转办、反馈、办结、查询、追踪) point by point, between offices that are not always connected.

use super::support::*;
use shouwang_node::desk::{CaseStep, Command, DeskError, OpenCase, Person, To};
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::event::{Answer, Channel, Finding, Opinion, Origin, TargetKind, Verdict};
use shouwang_protocol::records::policy;
use shouwang_protocol::records::staff::Role;
use shouwang_protocol::standing::{Stage, TransferState};

fn to(kind: TargetKind, id: impl Into<String>) -> Option<To> {
    Some(To { kind, id: id.into() })
}

fn transfer(to: Option<To>, assistance: &str, note: &str) -> CaseStep {
    CaseStep::Transfer { to, assistance: assistance.into(), note: note.into() }
}

fn feedback(result: Answer) -> CaseStep {
    CaseStep::Feedback { transfer: None, result, text: "已办".into() }
}

fn department(city: &Machine, code: &str) -> Person {
    Person { department: Some(code.into()), ..city.person("jyj", &[Role::Department]) }
}

fn provider(city: &Machine) -> Person {
    Person { provider: Some("社工服务中心".into()), ..city.person("shegong", &[Role::Provider]) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_05_item_39_one_household_with_three_needs_goes_to_a_department_an_office_and_a_provider_and_closes_after_all() {
    let city = city().await;
    let township = Machine::new(YANGSHE).await;
    sync(&township, &city).await;
    let home = township.household("he").await;
    sync(&township, &city).await;
    let centre = city.person("zhangjie", &[Role::Intake, Role::Reviewer]);
    let open = OpenCase { assistance: "教育救助".into(), ..application(home) };
    let case = city.open_case(&centre, open).await;
    city.stepped(&centre, case, CaseStep::Accept {}).await;
    city.stepped(&centre, case, transfer(None, "教育救助", "女儿学费")).await;
    city.stepped(&centre, case, transfer(to(TargetKind::Office, township.office().to_string()), "临时救助", "住院自付")).await;
    city.stepped(&centre, case, transfer(to(TargetKind::Provider, "社工服务中心"), "心理服务", "情绪疏导")).await;

    // Each has its own clock, by its own kind, and its own state.
    let pack = policy::sample();
    let due = |kind: &str| {
        let days = pack.kind(kind)?.days.get(&policy::Step::SignFor)?;
        Some(pack.calendar.deadline(Day::parse("2019-05-29")?, *days))
    };
    let transfers = city.page(&centre, case).await.standing.transfers;
    let clocks: Vec<Option<Day>> = transfers.iter().map(|transfer| transfer.due).collect();
    assert_eq!(clocks, [due("教育救助"), None, due("心理服务")], "none is set for an office's own procedure");
    let early = city.step(&centre, case, CaseStep::Close { result: "已转".into() }).await;
    assert!(matches!(early, Err(DeskError::NotNow { .. })), "three are open: {early:?}");

    // The school's bureau gives it back with the reason, and the centre sends it on to another one.
    let school = department(&city, "教育局");
    city.stepped(&school, case, CaseStep::SignFor { transfer: None }).await;
    let wordless = city.step(&school, case, CaseStep::Return { transfer: None, reason: " ".into() }).await;
    assert!(matches!(wordless, Err(DeskError::Invalid { .. })));
    city.stepped(&school, case, CaseStep::Return { transfer: None, reason: "不在本局职责内".into() }).await;
    city.stepped(&centre, case, transfer(to(TargetKind::Department, "人力资源和社会保障局"), "就业救助", "技能培训")).await;
    let labour = department(&city, "人力资源和社会保障局");
    city.stepped(&labour, case, CaseStep::SignFor { transfer: None }).await;
    city.stepped(&labour, case, feedback(Answer::Approved)).await;

    // The township answers from its own machine, offline in between; the provider at the centre.
    sync(&township, &city).await;
    let clerk = township.clerk();
    township.stepped(&clerk, case, CaseStep::SignFor { transfer: None }).await;
    township.stepped(&clerk, case, feedback(Answer::Answered)).await;
    let worker = provider(&city);
    city.stepped(&worker, case, CaseStep::SignFor { transfer: None }).await;
    let still = city.step(&centre, case, CaseStep::Close { result: "已转".into() }).await;
    assert!(matches!(still, Err(DeskError::NotNow { .. })), "the provider is at work: {still:?}");
    city.stepped(&worker, case, feedback(Answer::Served)).await;
    let still = city.step(&centre, case, CaseStep::Close { result: "已转".into() }).await;
    assert!(matches!(still, Err(DeskError::NotNow { .. })), "the township's answer has not arrived: {still:?}");
    sync(&township, &city).await;
    city.stepped(&centre, case, CaseStep::Close { result: "三项都有结果".into() }).await;
    sync(&township, &city).await;
    for machine in [&city, &township] {
        let standing = machine.page(&machine.clerk(), case).await.standing;
        let states: Vec<TransferState> = standing.transfers.iter().map(|transfer| transfer.state).collect();
        use TransferState::{FedBack, Returned};
        assert_eq!((standing.stage, states), (Stage::Closed, vec![Returned, FedBack, FedBack, FedBack]));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_07_item_08_a_village_alone_for_ten_days_and_a_township_without_the_city_work_on_and_all_three_agree() {
    let city = city().await;
    let (township, village) = (Machine::new(YANGSHE).await, Machine::new(VILLAGE).await);
    sync(&township, &city).await;
    sync(&village, &township).await;
    // The village is cut off: it registers a family, opens an application, and visits it.
    let home = village.household("lin").await;
    let clerk = village.clerk();
    let open = OpenCase { assistance: "最低生活保障".into(), ..application(home) };
    let case = village.open_case(&clerk, open).await;
    village.on("2019-06-03");
    village.stepped(&clerk, case, CaseStep::Note { text: "本人住院，家中只有孩子".into() }).await;
    village.on("2019-06-08");
    township.on("2019-06-08");
    // Ten days later it reaches its township over the local network; the line to the city is down.
    sync(&village, &township).await;
    let zhen = township.clerk();
    township.stepped(&zhen, case, CaseStep::Accept {}).await;
    sync(&village, &township).await;
    let visit = CaseStep::Visit {
        investigators: vec!["李强".into()],
        present: "户主lin".into(),
        remote: String::new(),
        findings: "情况属实".into(),
    };
    village.stepped(&clerk, case, visit).await;
    sync(&village, &township).await;
    township.stepped(&zhen, case, CaseStep::PreExamine { opinion: Opinion::For, note: String::new() }).await;
    let too_far = township.step(&zhen, case, CaseStep::Propose { amount: None, reason: String::new() }).await;
    assert!(too_far.is_ok(), "no step waits for a higher tier but what policy reserves to it");
    let decide = CaseStep::Decide { outcome: Verdict::Approved, amount: None, reason: String::new() };
    let reserved = township.step(&township.person("chen", &[Role::Approver]), case, decide).await;
    assert!(matches!(reserved, Err(DeskError::NotPermitted { .. } | DeskError::NotNow { .. })), "{reserved:?}");
    // The city joins later.
    sync(&township, &city).await;
    sync(&village, &township).await;
    let of = async |machine: &Machine| {
        let standing = machine.page(&machine.clerk(), case).await.standing;
        let order: Vec<String> = standing.timeline.iter().map(|item| format!("{} {:?}", item.id, item.effect)).collect();
        (standing.stage, standing.turns, order)
    };
    let everywhere = of(&city).await;
    assert_eq!((everywhere.0, everywhere.2.len()), (Stage::ToPost, 6));
    assert!(of(&township).await == everywhere && of(&village).await == everywhere);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_33_item_38_any_window_takes_any_kind_also_from_elsewhere_and_gives_a_number_offline() {
    let city = city().await;
    let (township, daxin) = (Machine::new(YANGSHE).await, Machine::new(DAXIN).await);
    for machine in [&township, &daxin] {
        sync(machine, &city).await;
    }
    let home = township.household("wan").await;
    let clerk = township.clerk();
    let mut numbers = std::collections::BTreeSet::new();
    for kind in policy::sample().kinds {
        let open = OpenCase { assistance: kind.code.clone(), ..application(home) };
        let case = township.open_case(&clerk, open).await;
        let said = township.stepped(&clerk, case, CaseStep::Accept {}).await.message;
        let page = township.page(&clerk, case).await;
        let number = page.standing.number.clone().expect("accepted");
        assert!(said.contains(&number) && number.starts_with("SL20190529-"), "{said}");
        let accepted = page.entries.iter().find(|entry| entry.item.event.what.kind().map(|kind| kind.word()) == Some("accepted"));
        let accepted = accepted.expect("in the story");
        assert_eq!((accepted.item.event.name.as_str(), accepted.office.as_str()), ("wang某", "杨舍镇"));
        assert!(numbers.insert(number), "a number of its own, given without the network");
        assert_eq!(page.standing.channel, Some(Channel::TownshipWindow));
    }

    // Somebody from the other side of the city: written down here, sent on by the city, nothing typed twice.
    let stranger = OpenCase {
        applicant: "大新镇唐女士".into(),
        assistance: "医疗救助".into(),
        summary: "住院费用".into(),
        ..OpenCase::of(Origin::Application)
    };
    let here = township.open_case(&clerk, stranger).await;
    township.stepped(&clerk, here, CaseStep::Note { text: "本人住大新镇".into() }).await;
    sync(&township, &city).await;
    let centre = city.clerk();
    let action = id();
    let route = Command::Case { case: here, step: CaseStep::Route { household: None, area: Some(area(DAXIN)) } };
    let there = city.desk.perform(&centre, action, route).await.expect("routes").case.expect("goes on");
    sync(&daxin, &city).await;
    sync(&township, &city).await;
    let page = daxin.page(&daxin.clerk(), there).await;
    assert_eq!((page.standing.applicant.as_str(), page.standing.assistance.as_str()), ("大新镇唐女士", "医疗救助"));
    daxin.stepped(&daxin.clerk(), there, CaseStep::Accept {}).await;
    assert_eq!(township.page(&clerk, here).await.standing.routed_to, Some(there), "the window that took it knows where it went");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_42_a_result_overtakes_what_was_written_before_it() {
    let city = city().await;
    let township = Machine::new(YANGSHE).await;
    sync(&township, &city).await;
    let home = township.household("kuai").await;
    let clerk = township.clerk();
    let open = OpenCase { assistance: "教育救助".into(), ..application(home) };
    let case = township.open_case(&clerk, open).await;
    township.stepped(&clerk, case, CaseStep::Accept {}).await;
    township.stepped(&clerk, case, transfer(None, "", "请审核")).await;
    sync(&township, &city).await;
    city.on("2019-06-03");
    let school = department(&city, "教育局");
    city.stepped(&school, case, CaseStep::SignFor { transfer: None }).await;
    city.on("2019-06-10");
    city.stepped(&school, case, feedback(Answer::Approved)).await;
    sync(&township, &city).await;
    let transfer = township.page(&clerk, case).await.standing.transfers.remove(0);
    let days = [transfer.sent_on, transfer.signed_on, transfer.ended_on].map(|day| day.map(|day| day.to_string()));
    assert_eq!(days, ["2019-05-29", "2019-06-03", "2019-06-10"].map(|day| Some(day.to_owned())));
    // The time of each department, as the dispatch desk reads it.
    let times = city.desk.feedback_times(&city.clerk()).await.expect("reads");
    let school = times.iter().find(|row| row.to == "教育局").expect("listed");
    assert_eq!(
        (school.answered, school.open, school.median, school.longest),
        (1, 0, Some(7), Some(7)),
        "working days, 7 June off"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_44_every_open_case_is_in_a_named_state_with_somebody_who_must_act() {
    let city = city().await;
    let township = Machine::new(YANGSHE).await;
    sync(&township, &city).await;
    let clerk = township.clerk();
    let home = township.household("kai").await;
    let first = township.open_case(&clerk, application(home)).await;
    township.stepped(&clerk, first, CaseStep::Accept {}).await;
    let plea = OpenCase { applicant: "某".into(), household: Some(home), ..OpenCase::of(Origin::Plea) };
    let second = township.open_case(&clerk, plea).await;
    let third = township.open_case(&clerk, OpenCase { assistance: "医疗救助".into(), ..application(home) }).await;
    township.stepped(&clerk, third, CaseStep::Accept {}).await;
    township.stepped(&clerk, third, transfer(None, "", "请审核")).await;
    township.stepped(&clerk, second, CaseStep::Verify { outcome: Finding::False, note: "查无此事".into() }).await;
    township.on("2019-07-29");
    let report = township.desk.open_loops(&clerk).await.expect("reads");
    let rows: Vec<(Stage, u64, u64)> = report.iter().map(|row| (row.stage, row.cases, row.overdue)).collect();
    assert_eq!(rows, [(Stage::FoundFalse, 1, 0), (Stage::ToPreExamine, 1, 1), (Stage::InTransfer, 1, 1)]);
    assert_eq!(
        report.iter().map(|row| row.oldest.map(|day| day.to_string())).collect::<Vec<_>>(),
        vec![Some("2019-05-29".to_owned()); 3]
    );
    assert_eq!(report.iter().map(|row| row.without_turn).sum::<u64>(), 0, "nobody's case");
    township.stepped(&clerk, second, CaseStep::Close { result: "不属实".into() }).await;
    let left: u64 = township.desk.open_loops(&clerk).await.expect("reads").iter().map(|row| row.cases).sum();
    assert_eq!(left, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_43_who_shows_the_receipt_is_told_in_plain_words_also_at_a_village_without_a_line() {
    let city = city().await;
    let (township, village) = (Machine::new(YANGSHE).await, Machine::new(VILLAGE).await);
    sync(&township, &city).await;
    sync(&village, &township).await;
    let home = village.household("xun").await;
    let case = village.open_case(&village.clerk(), application(home)).await;
    sync(&village, &township).await;
    let clerk = township.clerk();
    township.stepped(&clerk, case, CaseStep::Accept {}).await;
    township.stepped(&clerk, case, CaseStep::PreExamine { opinion: Opinion::For, note: "内部意见".into() }).await;
    sync(&village, &township).await;
    let number = township.page(&clerk, case).await.standing.number.expect("accepted");
    let member =
        village.desk.household(&village.clerk(), home, 1).await.expect("reads").detail.household.members[1].id_no.clone();
    let tail = member[14..].to_owned();
    let ask = async |machine: &Machine, number: &str, tail: &str| {
        machine.desk.progress(&machine.clerk(), number.into(), tail.into()).await
    };
    // The village has no line; it answers from what it has, and says as of when.
    let told = ask(&village, &format!(" {} ", number.to_lowercase()), &tail).await.expect("told");
    assert_eq!((told.told.as_str(), told.assistance.as_str()), ("正在办理：待审批", "临时救助"));
    assert!(told.with.contains("审批") && told.as_of.villages.len() == 1, "{}", told.with);
    assert!(!format!("{told:?}").contains("内部意见"), "what offices write among themselves is not told");

    // A wrong tail and a wrong number have one answer; so has a number that is not held here.
    let wrong = format!("{:?}", ask(&village, &number, "0000").await.expect_err("the tail"));
    for (number, tail) in [("SL20190529-999-00000", tail.as_str()), (&number, ""), (&number, &member)] {
        assert_eq!(format!("{:?}", ask(&village, number, tail).await.expect_err("nothing is told")), wrong);
    }
    let elsewhere = Machine::new(DAXIN).await;
    sync(&elsewhere, &city).await;
    assert_eq!(format!("{:?}", ask(&elsewhere, &number, &tail).await.expect_err("not held here")), wrong);

    // Decided and paid: the amount, in words.
    let approve = CaseStep::Decide {
        outcome: Verdict::Approved,
        amount: Some(shouwang_protocol::records::amount::Fen(90_000)),
        reason: "小额".into(),
    };
    township.stepped(&township.person("chen", &[Role::Approver]), case, approve).await;
    let told = ask(&township, &number, &tail).await.expect("told");
    assert_eq!(told.told, "已批准，等待发放，900.00 元");
    let provider = provider(&city);
    assert!(city.desk.progress(&provider, number, tail).await.is_err(), "a provider asks nothing about others");
}
