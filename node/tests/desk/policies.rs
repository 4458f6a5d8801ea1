//! The policy list across the tiers: one text everywhere, old cases under the pack of their day.

use super::support::{CITY, Machine, VILLAGE, YANGSHE, application, area, city, row, sync};
use shouwang_node::desk::{CaseStep, Command, DeskError, PolicyRevision};
use shouwang_protocol::eligibility::Fit;
use shouwang_protocol::records::amount::Fen;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::event::Opinion;
use shouwang_protocol::records::policy::{Article, Condition, Withdrawal, sample};
use shouwang_protocol::records::staff::Role;

fn day(text: &str) -> Day {
    Day::parse(text).expect("a day")
}

fn revision(from: &str) -> PolicyRevision {
    PolicyRevision::of(day(from))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_15_a_village_without_a_network_reads_the_same_list_and_sees_what_was_withdrawn() {
    let city = city().await;
    let (township, village) = (Machine::new(YANGSHE).await, Machine::new(VILLAGE).await);
    sync(&township, &city).await;
    sync(&village, &township).await;
    let (clerk, mine) = (city.clerk(), village.clerk());
    let there = city.desk.policies(&clerk, None).await.expect("the list");
    let here = village.desk.policies(&mine, None).await.expect("the list");
    assert_eq!((here.pack.articles.len(), &here.pack), (43, &there.pack));

    // The city withdraws one and adds one; the village learns of both at the next sync, and keeps the old list.
    let gao = city.person("gao", &[Role::Administrator]);
    let mut old = sample().article("人社-03").expect("listed").clone();
    old.withdrawn = Some(Withdrawal { on: day("2019-05-20"), why: "并入人社-02".into() });
    let new = Article {
        code: "民政-14".into(),
        name: "百岁老人慰问".into(),
        department: "民政局".into(),
        conditions: vec![Condition { text: "年满 100 周岁".into(), when: "members.exists(m, m.age >= 100)".into() }],
        from: day("2019-05-20"),
        source: "样例".into(),
        text: "全文".repeat(2_000),
        ..Article::default()
    };
    city.on("2019-05-16");
    let publish = Command::RevisePolicy(PolicyRevision { articles: vec![old, new.clone()], ..revision("2019-05-20") });
    assert!(matches!(city.act(&clerk, publish.clone()).await, Err(DeskError::NotPermitted { .. })), "an administrator's matter");
    city.done(&gao, publish).await;
    sync(&township, &city).await;
    sync(&village, &township).await;
    village.on("2019-05-19");
    assert_eq!(village.desk.policies(&mine, None).await.expect("the list").pack, sample(), "not yet");
    village.on("2019-05-20");
    let now = village.desk.policies(&mine, None).await.expect("the list");
    assert_eq!((now.pack.version.as_str(), now.pack.articles.len(), now.versions.len()), ("2019-05-20-01", 44, 2));
    assert_eq!(now.pack.article("民政-14"), Some(&new), "a long text arrives whole");
    assert!(!now.pack.article("人社-03").expect("marked, not gone").holds_on(day("2019-05-20")));
    let old = village.desk.policies(&mine, Some(sample().version)).await.expect("kept");
    assert!(!old.in_force && old.pack == sample());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_16_what_might_fit_a_household_is_told_with_reasons_and_decides_nothing() {
    let city = city().await;
    let clerk = city.clerk();
    let household =
        city.done(&clerk, Command::RegisterHousehold { area: area(VILLAGE), row: row("a", VILLAGE) }).await.records[0];
    let (_, found) = city.desk.policies_for(&clerk, household).await.expect("found");
    let fit = |code: &str| found.iter().find(|it| it.article.code == code).map(|it| it.fit);
    // 12,000 yuan a year for two persons: below 945 a month for each.
    assert_eq!((fit("民政-01"), fit("民政-05")), (Some(Fit::Fits), Some(Fit::No)));
    let reason = &found.iter().find(|it| it.article.code == "民政-01").expect("listed").conditions[0];
    assert_eq!(reason.used, "共同生活人数 2；核算年收入 12000.00元；低保标准 945.00元");
    let department = shouwang_node::desk::Person {
        roles: [Role::Department].into(),
        department: Some("教育局".into()),
        ..city.person("jiao", &[])
    };
    assert!(city.desk.policies(&department, None).await.is_ok());
    assert!(city.desk.policies_for(&department, household).await.is_err(), "a department does not look at families");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_changed_in_the_middle_of_a_case_leaves_the_case_under_the_pack_of_its_day() {
    let city = city().await;
    city.on("2019-05-29");
    let (clerk, gao) = (city.clerk(), city.person("gao", &[Role::Administrator]));
    let household = |key: &str| Command::RegisterHousehold { area: area(VILLAGE), row: row(key, VILLAGE) };
    let before = city.done(&clerk, household("a")).await.records[0];
    let old = city.open_case(&clerk, application(before)).await;
    let mut amount = sample().amounts[0].clone();
    amount.fen = Some(Fen(99_500));
    city.done(&gao, Command::RevisePolicy(PolicyRevision { amounts: vec![amount], ..revision("2019-05-30") })).await;
    city.on("2019-05-30");
    let after = city.done(&clerk, household("c")).await.records[0];
    let new = city.open_case(&clerk, application(after)).await;
    for (case, said) in [
        (old, "2835.00元（3 × 低保标准 = 2835.00元（低保标准 945.00元））"),
        (new, "2985.00元（3 × 低保标准 = 2985.00元（低保标准 995.00元））"),
    ] {
        city.stepped(&clerk, case, CaseStep::Accept {}).await;
        city.stepped(&clerk, case, CaseStep::PreExamine { opinion: Opinion::For, note: String::new() }).await;
        let told = city.stepped(&clerk, case, CaseStep::Propose { amount: None, reason: String::new() }).await.message;
        assert_eq!(told, format!("已拟定金额 {said}"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mistake_in_a_condition_is_told_before_anything_is_published_and_a_double_click_publishes_once() {
    let city = city().await;
    let gao = city.person("gao", &[Role::Administrator]);
    let mut article = sample().articles[0].clone();
    article.conditions[0].when = "household.incme < 1".into();
    let wrong = Command::RevisePolicy(PolicyRevision { articles: vec![article.clone()], ..revision("2019-06-01") });
    let told = city.act(&gao, wrong).await.expect_err("a typing mistake").what();
    assert!(told.contains("没有“incme”这一栏目"), "{told}");
    let past = Command::RevisePolicy(revision("2018-01-01"));
    assert!(city.act(&gao, past).await.expect_err("backdated").what().contains("不能早于"));
    article.conditions[0].when = "household.income_year < 1".into();
    let right = Command::RevisePolicy(PolicyRevision { articles: vec![article], ..revision("2019-06-01") });
    let action = super::support::id();
    let one = city.desk.perform(&gao, action, right.clone()).await.expect("published");
    let two = city.desk.perform(&gao, action, right).await.expect("the same again");
    assert!(!one.again && two.again);
    assert_eq!(city.desk.policies(&gao, None).await.expect("the list").versions.len(), 2);
    let village = city.desk.policies(&city.person("x", &[Role::Auditor]), Some("没有".into())).await;
    assert!(matches!(village, Err(DeskError::NotFound { .. })), "{village:?}");
    assert_eq!(CITY, city.number);
}
