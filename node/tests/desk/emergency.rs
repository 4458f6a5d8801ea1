//! Help first, papers after (社会救助法 art. 50), out of what the city allotted to one device of a township.

use super::support::{DAXIN, Machine, VILLAGE, YANGSHE, application, area, city, id, sync};
use shouwang_node::desk::allotments::{AllotmentsPage, NewAllotment};
use shouwang_node::desk::{CaseStep, Command, DeskError, OpenCase, Person};
use shouwang_node::store::{Options, restore};
use shouwang_protocol::allotment::Count;
use shouwang_protocol::device::{Incarnation, SigningKey};
use shouwang_protocol::hash::hex;
use shouwang_protocol::record::{CaseId, RecordId};
use shouwang_protocol::records::amount::Fen;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::event::{EventKind, Given, Origin, Verdict};
use shouwang_protocol::records::staff::Role;
use shouwang_protocol::standing::Stage;
use std::sync::Arc;

fn day(text: &str) -> Day {
    Day::parse(text).expect("a day")
}

fn approver(machine: &Machine) -> Person {
    machine.person("chen", &[Role::Approver])
}

fn allotment(number: usize, yuan: i64) -> NewAllotment {
    NewAllotment {
        device: hex(&SigningKey::from_seed(&[number as u8 + 1; 32]).key().0),
        amount: Fen(yuan * 100),
        fund: "市级临时救助资金".into(),
        from: day("2019-01-01"),
        until: day("2019-12-31"),
        note: "年初核定".into(),
    }
}

async fn grant(city: &Machine, number: usize, yuan: i64) -> RecordId {
    city.done(&approver(city), Command::GrantAllotment(allotment(number, yuan))).await.records[0]
}

fn help(yuan: i64) -> CaseStep {
    CaseStep::Emergency {
        amount: Fen(yuan * 100),
        assistance: "临时救助".into(),
        reason: "夜间失火，无处落脚".into(),
        given: Given::Cash,
        what: "现金".into(),
        receiver: String::new(),
        again: String::new(),
    }
}

fn visit() -> CaseStep {
    CaseStep::Visit {
        investigators: vec!["李强".into()],
        present: "户主".into(),
        remote: String::new(),
        findings: "房屋烧毁一间".into(),
    }
}

async fn plea(machine: &Machine, household: RecordId) -> CaseId {
    let open = OpenCase { household: Some(household), summary: "昨夜失火".into(), ..OpenCase::of(Origin::Plea) };
    machine.open_case(&machine.clerk(), open).await
}

async fn page(machine: &Machine) -> AllotmentsPage {
    machine.desk.allotments(&approver(machine)).await.expect("a page")
}

/// Granted, used, left of the only allotment, in yuan.
async fn sums(machine: &Machine) -> [i64; 3] {
    let page = page(machine).await;
    assert_eq!(page.books.len(), 1);
    let ledger = &page.books[0].ledger;
    [ledger.granted, ledger.used, ledger.left()].map(|fen| fen.0 / 100)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn help_is_given_offline_in_the_evening_and_the_papers_follow_in_a_week() {
    let city = city().await;
    let (township, village) = (Machine::new(YANGSHE).await, Machine::new(VILLAGE).await);
    sync(&township, &city).await;
    sync(&village, &township).await;
    grant(&city, YANGSHE, 2_000).await;
    sync(&township, &city).await;
    let household = village.household("a").await;
    let case = plea(&village, household).await;
    sync(&village, &township).await;

    // Nobody above can be reached any more; the family gets 500 yuan all the same, in the evening.
    let clerk = township.clerk();
    assert!(township.page(&clerk, case).await.possible.contains(&EventKind::Emergency));
    township.stepped(&clerk, case, help(500)).await;
    let seen = township.page(&clerk, case).await;
    assert_eq!((seen.standing.stage, seen.standing.paid()), (Stage::ToPaper, Some(Fen(50_000))));
    assert_eq!((seen.turns[0].what.as_str(), seen.turns[0].mine), ("补办手续：入户调查", true));
    assert_eq!(seen.turns[0].due, Some(day("2019-06-13")), "ten working days, the Dragon Boat Festival off");
    assert_eq!(sums(&township).await, [2_000, 500, 1_500]);
    let today = township.desk.today_for(&clerk).await.expect("today");
    assert_eq!((today.waiting, today.overdue), (1, 0));

    // The village sees what was done for its family, and nothing of the allotment.
    sync(&village, &township).await;
    assert_eq!(village.page(&village.clerk(), case).await.standing.stage, Stage::ToPaper);
    let none = village.desk.allotments(&village.clerk()).await.expect_err("refused");
    assert!(none.what().contains("村(社区)不掌握备用金"), "{none:?}");
    let held = village.desk.readers().read(|reader| Ok((reader.allotments()?, reader.allotment_uses()?)));
    assert!(matches!(held, Ok((grants, uses)) if grants.is_empty() && uses.is_empty()));

    // Two weeks later nothing has come: it shows.
    township.on("2019-06-14");
    assert_eq!(township.desk.today_for(&clerk).await.expect("today").overdue, 1);
    village.on("2019-06-14");
    village.stepped(&village.clerk(), case, visit()).await;
    sync(&village, &township).await;
    assert_eq!(township.page(&clerk, case).await.turns[0].what, "补办手续：补齐材料");
    township.stepped(&clerk, case, CaseStep::GiveMaterials { note: "身份证、户口簿".into() }).await;
    let early = township.step(&clerk, case, CaseStep::Close { result: "已救助".into() }).await.expect_err("refused");
    assert!(early.what().contains("先行救助的手续还没有补齐、确认"), "{early:?}");
    assert_eq!(township.desk.today_for(&clerk).await.expect("today").waiting, 0, "now it is the city's turn");
    sync(&township, &city).await;
    assert_eq!(sums(&city).await, [2_000, 500, 1_500]);

    city.on("2019-06-17");
    let chen = approver(&city);
    assert!(city.page(&chen, case).await.possible.contains(&EventKind::Acknowledged));
    city.stepped(&chen, case, CaseStep::Acknowledge { outcome: Verdict::Approved, reason: String::new() }).await;
    sync(&township, &city).await;
    assert_eq!(township.page(&clerk, case).await.standing.stage, Stage::Granted);
    township.stepped(&clerk, case, CaseStep::Close { result: "已救助".into() }).await;
    assert_eq!(township.page(&clerk, case).await.standing.stage, Stage::Closed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_goes_beyond_the_allotment_and_a_double_click_is_one_use() {
    let city = city().await;
    let township = Machine::new(YANGSHE).await;
    sync(&township, &city).await;
    let clerk = township.clerk();
    let (a, b) = (township.household("a").await, township.household("b").await);
    let (first, second) = (plea(&township, a).await, plea(&township, b).await);
    assert!(!township.page(&clerk, first).await.possible.contains(&EventKind::Emergency), "there is no allotment yet");
    let none = township.step(&clerk, first, help(500)).await.expect_err("refused");
    assert!(none.what().contains("本机没有可用的备用金"), "{none:?}");
    let record = grant(&city, YANGSHE, 800).await;
    sync(&township, &city).await;

    // Two clerks press at the same moment, each twice.
    let li = township.person("li", &[Role::Reviewer]);
    let (one, two) = (id(), id());
    let command = |case| Command::Case { case, step: help(500) };
    let (w, x, y, z) = tokio::join!(
        township.desk.perform(&clerk, one, command(first)),
        township.desk.perform(&li, two, command(second)),
        township.desk.perform(&clerk, one, command(first)),
        township.desk.perform(&li, two, command(second)),
    );
    assert_eq!([&w, &y].iter().filter(|done| done.is_ok()).count() + [&x, &z].iter().filter(|done| done.is_ok()).count(), 2);
    let refused = [w, x, y, z].into_iter().find_map(Result::err).expect("one of the two is refused");
    assert!(refused.what().contains("超出备用金额度，还剩 300.00元"), "{refused:?}");
    assert!(matches!(refused, DeskError::Invalid { .. }), "it stands beside the amount");
    assert_eq!(sums(&township).await, [800, 500, 300]);
    let uses = page(&township).await.books[0].ledger.lines.len();
    assert_eq!(uses, 1, "of what was refused nothing is written");

    // The city puts more in, and it goes on.
    let other = if township.page(&clerk, first).await.standing.emergency.is_some() { second } else { first };
    let raise = |amount| Command::RaiseAllotment { record, amount: Fen(amount), note: "汛期".into() };
    let less = city.act(&approver(&city), raise(-50_000)).await.expect_err("refused");
    assert!(less.what().contains("只追加、不减少"), "{less:?}");
    city.done(&approver(&city), raise(50_000)).await;
    sync(&township, &city).await;
    township.stepped(&clerk, other, help(500)).await;
    assert_eq!(sums(&township).await, [1_300, 1_000, 300]);
    // Closed: what was given stays, nothing more is given.
    city.done(&approver(&city), Command::CloseAllotment { record, reason: "年度结束".into() }).await;
    sync(&township, &city).await;
    let c = township.household("c").await;
    let third = plea(&township, c).await;
    assert!(township.step(&clerk, third, help(100)).await.is_err());
    assert_eq!(sums(&city).await, [1_300, 1_000, 300]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_township_a_village_and_a_clerk_of_the_city_cannot_use_it() {
    let city = city().await;
    let (township, village, daxin) = (Machine::new(YANGSHE).await, Machine::new(VILLAGE).await, Machine::new(DAXIN).await);
    sync(&township, &city).await;
    sync(&daxin, &city).await;
    sync(&village, &township).await;
    grant(&city, YANGSHE, 2_000).await;
    for (machine, person) in [(&township, approver(&township)), (&city, city.clerk())] {
        let refused = machine.act(&person, Command::GrantAllotment(allotment(YANGSHE, 1))).await.expect_err("refused");
        assert_eq!(refused.word(), "not_permitted", "{refused:?}");
    }
    let wrong = city.act(&approver(&city), Command::GrantAllotment(allotment(VILLAGE, 1))).await.expect_err("refused");
    assert!(wrong.what().contains("须选择一台镇(街道)的设备"), "{wrong:?}");
    sync(&township, &city).await;
    sync(&daxin, &city).await;
    sync(&village, &township).await;

    let household = village.household("a").await;
    let case = plea(&village, household).await;
    let reviewer = village.person("cun", &[Role::Reviewer]);
    let low = village.step(&reviewer, case, help(100)).await.expect_err("refused");
    assert!(low.what().contains("先行救助由镇(街道)动用备用金办理"), "{low:?}");
    assert_eq!(page(&daxin).await.books.len(), 0, "another township does not even hold it");
    let open = OpenCase { area: Some(area(DAXIN + 1)), applicant: "某".into(), ..OpenCase::of(Origin::Plea) };
    let theirs = daxin.open_case(&daxin.clerk(), open).await;
    assert!(daxin.step(&daxin.clerk(), theirs, help(100)).await.is_err());
    sync(&village, &township).await;
    sync(&township, &city).await;
    let high = city.step(&city.clerk(), case, help(100)).await.expect_err("refused");
    assert!(high.what().contains("先行救助由镇(街道)动用备用金办理"), "{high:?}");
    assert_eq!(sums(&city).await, [2_000, 0, 2_000]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_cause_twice_needs_a_reason_and_a_household_has_its_limit() {
    let city = city().await;
    let township = Machine::new(YANGSHE).await;
    sync(&township, &city).await;
    grant(&city, YANGSHE, 10_000).await;
    sync(&township, &city).await;
    let clerk = township.clerk();
    let household = township.household("a").await;
    let first = plea(&township, household).await;
    let much = township.step(&clerk, first, help(2_001)).await.expect_err("refused");
    assert!(much.what().contains("超过先行救助每次限额"), "{much:?}");
    township.stepped(&clerk, first, help(2_000)).await;

    let second = township.open_case(&clerk, application(household)).await;
    let again = township.step(&clerk, second, help(500)).await.expect_err("refused");
    assert!(again.what().contains("批准须写明理由"), "{again:?}");
    let with_reason = |yuan| match help(yuan) {
        CaseStep::Emergency { amount, assistance, reason, given, what, receiver, .. } => {
            let again = "住院费用又增加".to_owned();
            CaseStep::Emergency { amount, assistance, reason, given, what, receiver, again }
        }
        other => other,
    };
    let limit = township.step(&clerk, second, with_reason(1_001)).await.expect_err("refused");
    assert!(limit.what().contains("超过先行救助每户限额"), "{limit:?}");
    township.stepped(&clerk, second, with_reason(1_000)).await;
    let standing = township.page(&clerk, second).await.standing;
    assert_eq!((standing.stage, standing.doubled.len()), (Stage::ToPaper, 1), "the reason settles that it is no double");
    assert_eq!(sums(&township).await, [10_000, 3_000, 7_000]);

    // A family nobody has registered cannot be checked: register it first.
    let open = OpenCase { area: Some(area(VILLAGE)), applicant: "某".into(), ..OpenCase::of(Origin::Plea) };
    let unknown = township.open_case(&clerk, open).await;
    let refused = township.step(&clerk, unknown, help(100)).await.expect_err("refused");
    assert!(refused.what().contains("须先登记家庭"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_restored_from_a_backup_gives_nothing_before_it_has_synced() {
    let city = city().await;
    let township = Machine::new(YANGSHE).await;
    sync(&township, &city).await;
    grant(&city, YANGSHE, 1_000).await;
    sync(&township, &city).await;
    let clerk = township.clerk();
    let (a, b) = (township.household("a").await, township.household("b").await);
    let (first, second) = (plea(&township, a).await, plea(&township, b).await);
    let copy = township.dir.path().join("copy.db");
    township.desk.readers().backup_to(&copy).expect("copies");
    // After the copy was made, 600 yuan went out, and the city learned of it.
    township.stepped(&clerk, first, help(600)).await;
    sync(&township, &city).await;
    township.desk.writer().stop().await;
    let Machine { number, desk, wall, dir } = township;
    drop(desk);

    let restored = Arc::new(tempfile::tempdir().expect("a directory"));
    let key = [number as u8 + 50; 32];
    restore(&copy, restored.path(), &key, Options::default()).expect("restores");
    drop(dir);
    let township = Machine::open_as(number, restored, wall, Incarnation([77; 16])).await;
    let clerk = township.clerk();
    assert_eq!(sums(&township).await, [1_000, 0, 1_000], "the copy does not know");
    let early = township.step(&clerk, second, help(600)).await.expect_err("refused");
    assert!(early.what().contains("本机刚从备份恢复，须先与上级同步，才能动用备用金"), "{early:?}");
    assert!(matches!(township.page(&clerk, second).await.reserve, Some(Err(_))));

    sync(&township, &city).await;
    assert_eq!(sums(&township).await, [1_000, 600, 400]);
    let beyond = township.step(&clerk, second, help(600)).await.expect_err("refused");
    assert!(beyond.what().contains("还剩 400.00元"), "{beyond:?}");
    township.stepped(&clerk, second, help(400)).await;
    sync(&township, &city).await;
    assert_eq!(sums(&city).await, [1_000, 1_000, 0]);
    let lines = &page(&city).await.books[0].ledger.lines;
    assert!(lines.iter().all(|(_, count)| *count == Count::Counts));
}
