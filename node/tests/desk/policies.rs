//! The policy list across the tiers: one text everywhere, old cases under the pack of their day.

use super::support::{CITY, Machine, VILLAGE, YANGSHE, application, area, city, row, sync};
use serde_json::json;
use shouwang_node::desk::{CaseStep, Command, DeskError, OpenCase, PolicyRevision};
use shouwang_protocol::area::Tier;
use shouwang_protocol::eligibility::Fit;
use shouwang_protocol::record::{CaseId, RecordId};
use shouwang_protocol::records::amount::Fen;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::event::{Opinion, Verdict};
use shouwang_protocol::records::policy::{Article, Condition, Step, Withdrawal, sample};
use shouwang_protocol::records::staff::Role;

fn day(text: &str) -> Day {
    Day::parse(text).expect("a day")
}

fn revision(from: &str) -> PolicyRevision {
    PolicyRevision::of(day(from))
}

/// A revision of one row of a table.
pub fn of_row(from: &str, section: &str, row: impl serde::Serialize) -> PolicyRevision {
    let row = serde_json::to_value(row).expect("values").as_object().expect("a row").clone();
    PolicyRevision { rows: [(section.to_owned(), vec![row])].into(), ..revision(from) }
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
    city.done(&gao, Command::RevisePolicy(of_row("2019-05-30", "amounts", amount))).await;
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

/// A grant's case from the application to the day before the decision.
async fn ready(city: &Machine, household: RecordId, kind: &str, amount: i64) -> CaseId {
    let clerk = city.clerk();
    let case = city.open_case(&clerk, OpenCase { assistance: kind.into(), ..application(household) }).await;
    city.stepped(&clerk, case, CaseStep::Accept {}).await;
    city.stepped(&clerk, case, CaseStep::PreExamine { opinion: Opinion::For, note: String::new() }).await;
    city.stepped(&clerk, case, CaseStep::Propose { amount: Some(Fen(amount)), reason: "按额度".into() }).await;
    case
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_city_adds_a_kind_by_rows_and_old_cases_stay_under_their_own_pack() {
    let city = city().await;
    city.on("2019-05-29");
    let (clerk, gao) = (city.clerk(), city.person("gao", &[Role::Administrator]));
    let (first, second) = (city.household("a").await, city.household("c").await);
    let old = city.open_case(&clerk, application(first)).await;
    city.stepped(&clerk, old, CaseStep::Accept {}).await;
    assert_eq!(city.page(&clerk, old).await.turns[0].due, Some(day("2019-06-03")), "three working days");

    // A new kind with its steps and its deciders, and one more day for an old one.
    let care = json!({
        "code": "百日关怀", "name": "百日关怀", "department": "民政局", "source": "样例",
        "decides": {"tiers": [{"tier": "township", "up_to": 50_000}, {"tier": "city"}]},
        "steps": ["pre_examine", "decide"], "days": {"accept": 1, "pre_examine": 2, "decide": 2},
    });
    let mut longer = sample().kind("临时救助").expect("listed").clone();
    longer.days.insert(Step::PreExamine, 4);
    let mut both = of_row("2019-05-30", "kinds", care.clone());
    both.rows.get_mut("kinds").expect("a table").extend(of_row("2019-05-30", "kinds", longer).rows.remove("kinds").expect("it"));
    city.done(&gao, Command::RevisePolicy(both)).await;
    let asked = |household| OpenCase { assistance: "百日关怀".into(), ..application(household) };
    let early = city.act(&clerk, Command::OpenCase(asked(second))).await;
    assert!(early.is_err(), "not before its day: {early:?}");
    city.on("2019-05-30");
    let new = city.open_case(&clerk, asked(second)).await;
    city.stepped(&clerk, new, CaseStep::Accept {}).await;
    assert_eq!(city.page(&clerk, new).await.turns[0].due, Some(day("2019-06-03")), "two working days");
    city.stepped(&clerk, new, CaseStep::PreExamine { opinion: Opinion::For, note: String::new() }).await;
    city.stepped(&clerk, new, CaseStep::Propose { amount: Some(Fen(60_000)), reason: "按额度".into() }).await;
    let director = city.person("chen", &[Role::Approver]);
    let decide = CaseStep::Decide { outcome: Verdict::Approved, amount: None, reason: String::new() };
    city.stepped(&director, new, decide).await;
    let standing = city.page(&clerk, new).await.standing;
    assert_eq!((standing.pack.as_str(), standing.decision.map(|it| it.tier)), ("2019-05-30-01", Some(Tier::City)));
    let page = city.page(&clerk, old).await;
    assert_eq!((page.standing.pack, page.turns[0].due), (sample().version, Some(day("2019-06-03"))), "as it was promised");
    let later = city.open_case(&clerk, application(first)).await;
    city.stepped(&clerk, later, CaseStep::Accept {}).await;
    assert_eq!(city.page(&clerk, later).await.turns[0].due, Some(day("2019-06-05")), "four working days");

    // What the policy list names stays; what nobody names goes, and its cases stay under the pack of their day.
    let gone = |section: &str, code: &str| {
        let gone = [(section.to_owned(), vec![code.to_owned()])].into();
        Command::RevisePolicy(PolicyRevision { gone, ..revision("2019-06-03") })
    };
    let used = city.act(&gao, gone("kinds", "临时救助")).await.expect_err("the list names it").what();
    assert!(used.contains("没有“临时救助”这一救助种类") && used.contains("政策“"), "{used}");
    let used = city.act(&gao, gone("kinds", "特困人员供养")).await.expect_err("an exclusion names it").what();
    assert!(used.contains("互斥的救助种类“最低生活保障、特困人员供养”"), "{used}");
    let used = city.act(&gao, gone("departments", "教育局")).await.expect_err("a kind names it").what();
    assert!(used.contains("救助种类“教育救助”：没有“教育局”这一部门"), "{used}");
    city.done(&gao, gone("kinds", "百日关怀")).await;
    city.done(&gao, gone("providers", "慈善总会")).await;
    city.on("2019-06-03");
    assert!(city.act(&clerk, Command::OpenCase(asked(first))).await.is_err(), "no new ones");
    let pay = CaseStep::Pay { amount: None, method: String::new(), account_last4: None, batch: "1".into(), period: None };
    city.stepped(&director, new, pay).await;
    city.stepped(&clerk, new, CaseStep::Close { result: "已办结".into() }).await;

    // What would make a broken pack is refused with words.
    for (field, value, why) in [
        ("decides", json!({"tiers": [{"tier": "township", "up_to": 50_000}]}), "500.00 元以上没有人审批"),
        ("decides", json!({"tiers": [{"tier": "township"}, {"tier": "city"}]}), "审批限额应逐级升高"),
        ("decides", json!({"tiers": [{"tier": "city", "up_to": 50_000}, {"tier": "township"}]}), "审批层级应由低到高"),
        ("decides", json!("nobody"), "有审批环节，却没有写明由哪一级审批"),
        ("steps", json!(["notice", "decide"]), "有公示就要有预审"),
        ("pay_by", json!({"day": 32, "source": "样例"}), "每月几日前发放应为 1 到 31"),
        ("department", json!("没有的局"), "没有“没有的局”这一部门"),
    ] {
        let mut broken = care.clone();
        broken[field] = value;
        let told = city.act(&gao, Command::RevisePolicy(of_row("2019-06-04", "kinds", broken))).await.expect_err(why).what();
        assert!(told.contains(why), "{why}: {told}");
    }
    let idle = city.desk.policies(&gao, None).await.expect("the list");
    assert_eq!(
        (idle.pack.kinds.len(), idle.pack.providers.len(), idle.versions.len()),
        (shouwang_protocol::records::policy::sample().kinds.len(), 2, 4)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_off_moves_a_deadline_and_an_exclusion_raises_a_double() {
    let city = city().await;
    city.on("2019-05-29");
    let (clerk, gao) = (city.clerk(), city.person("gao", &[Role::Administrator]));
    let year = |code: &str, off: &[&str], worked: &[&str]| {
        let row = json!({"code": code, "off": off, "worked": worked, "source": "放假通知"});
        Command::RevisePolicy(of_row("2019-05-30", "calendar", row))
    };
    let told = async |command| city.act(&gao, command).await.expect_err("no such calendar").what();
    assert!(told(year("2020", &["2020-01-01"], &["2020-01-02"])).await.contains("2020-01-02 是星期四，本来就上班"));
    assert!(told(year("2020", &["2019-12-31"], &[])).await.contains("2019-12-31 不在 2020 年，请写在 2019 年的一行"));
    assert!(told(year("2020", &["2020-01-19"], &["2020-01-19"])).await.contains("2020-01-19 既放假又上班"));
    let old = city.open_case(&clerk, application(city.household("a").await)).await;
    city.stepped(&clerk, old, CaseStep::Accept {}).await;
    city.done(&gao, year("2020", &["2020-01-01"], &["2020-01-19"])).await;
    city.done(&gao, year("2019", &["2019-05-31", "2019-06-07"], &[])).await;
    let pack = city.desk.policies(&gao, Some("2019-05-30-02".into())).await.expect("published").pack;
    let years = pack.calendar.years();
    let sources: Vec<(&str, &str)> = years.iter().map(|it| (it.code.as_str(), it.source.as_str())).collect();
    let before = sample().calendar.source;
    assert_eq!(sources, [("2018", before.as_str()), ("2019", "放假通知"), ("2020", "放假通知"), ("2026", &before)]);
    city.on("2019-05-30");
    let home = city.household("c").await;
    let new = city.open_case(&clerk, application(home)).await;
    city.stepped(&clerk, new, CaseStep::Accept {}).await;
    let due = async |case| city.page(&clerk, case).await.turns[0].due.expect("a clock").to_string();
    assert_eq!((due(old).await, due(new).await), ("2019-06-03".into(), "2019-06-05".into()), "Friday is off now");

    // Two kinds that nobody may have beside each other, from the next day on.
    let row = json!({"code": "临时和刚性", "kinds": ["临时救助", "医疗小额"], "days": 365, "source": "样例"});
    let wrong = city.act(&gao, Command::RevisePolicy(of_row("2019-05-31", "exclusions", row.clone()))).await;
    assert!(wrong.expect_err("no such kind").what().contains("没有“医疗小额”这一救助种类"));
    let small = json!({
        "code": "医疗小额", "name": "医疗小额", "source": "样例", "decides": {"tiers": [{"tier": "city"}]},
        "steps": ["pre_examine", "decide"],
    });
    let mut both = of_row("2019-05-31", "exclusions", row);
    both.rows.extend(of_row("2019-05-31", "kinds", small).rows);
    city.done(&gao, Command::RevisePolicy(both)).await;
    city.on("2019-05-31");
    let director = city.person("chen", &[Role::Approver]);
    let decide = |reason: &str| CaseStep::Decide { outcome: Verdict::Approved, amount: None, reason: reason.into() };
    let other = city.household("e").await;
    let first = ready(&city, other, "医疗小额", 30_000).await;
    city.stepped(&director, first, decide("")).await;
    let second = ready(&city, other, "临时救助", 283_500).await;
    assert!(city.step(&director, second, decide("")).await.is_err(), "beside what they have");
    let blocks = city.page(&director, second).await.blocks;
    assert!(blocks.iter().any(|why| why.contains("医疗小额")), "{blocks:?}");
    city.stepped(&director, second, decide("火灾，另有急难")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kind_asks_what_its_form_says_and_the_opinion_waits_for_what_must_be_there() {
    let city = city().await;
    let (township, village) = (Machine::new(YANGSHE).await, Machine::new(VILLAGE).await);
    let gao = city.person("gao", &[Role::Administrator]);
    let asks = |code: &str, holds: &str, needed: bool| {
        let choices = if holds == "choice" { json!(["急难型", "支出型"]) } else { json!([]) };
        json!({"code": code, "name": code, "kinds": ["临时救助"], "holds": holds, "choices": choices, "needed": needed, "source": "样例"})
    };
    // The city asks three things from the 30th on, and one of them must be answered.
    let mut form = of_row("2019-05-30", "questions", asks("困难类型", "choice", true));
    let more = [asks("事发日期", "day", false), asks("损失", "yuan", false)];
    let more = more.into_iter().flat_map(|row| of_row("2019-05-30", "questions", row).rows.remove("questions").expect("it"));
    form.rows.get_mut("questions").expect("a table").extend(more);
    city.done(&gao, Command::RevisePolicy(form)).await;
    for (question, why) in [
        (json!({"code": "甲", "name": "甲", "kinds": ["没有的"], "holds": "text", "source": "样例"}), "没有“没有的”这一救助种类"),
        (json!({"code": "甲", "name": "甲", "kinds": ["临时救助"], "holds": "choice", "source": "样例"}), "至少有两个选项"),
        (json!({"code": "甲", "name": "甲", "kinds": ["临时救助"], "holds": "图片", "source": "样例"}), "须从所列的选项中选择"),
    ] {
        let told =
            city.act(&gao, Command::RevisePolicy(of_row("2019-05-31", "questions", question))).await.expect_err(why).what();
        assert!(told.contains(why), "{why}: {told}");
    }
    sync(&township, &city).await;
    sync(&village, &township).await;
    let (mine, wang) = (village.clerk(), township.clerk());
    let home = village.household("a").await;

    // Under the pack of its day an old case asks nothing of the new.
    let old = village.open_case(&mine, application(home)).await;
    let asked: Vec<String> = village.page(&mine, old).await.questions.into_iter().map(|it| it.code).collect();
    assert_eq!(asked, ["困难类型"], "the sample's own");

    // The village, without a line, answers what it knows; what cannot be is told, and nothing is opened.
    village.on("2019-05-30");
    let open = |answers: &[(&str, &str)]| OpenCase {
        answers: answers.iter().map(|(code, text)| ((*code).to_owned(), (*text).to_owned())).collect(),
        ..application(home)
    };
    for (answer, why) in [
        (("事发日期", "2019-02-30"), "“事发日期”应为 2026-01-31 这样的日期"),
        (("损失", "-5"), "“损失”应为不小于零的金额"),
        (("困难类型", "别的"), "“困难类型”须从所列的选项中选择"),
        (("没有的", "1"), "申请表没有“没有的”这一项"),
    ] {
        let told = village.act(&mine, Command::OpenCase(open(&[answer]))).await.expect_err(why).what();
        assert!(told.contains(why), "{why}: {told}");
    }
    let known = [("事发日期", "2019-05-28"), ("损失", "1500"), ("困难类型", ""), ("就读学校", "别的种类的")];
    let case = village.open_case(&mine, open(&known)).await;
    let says = |page: shouwang_node::desk::CasePage| -> Vec<(String, String)> {
        page.standing.answers.into_iter().map(|answer| (answer.code, answer.text)).collect()
    };
    let both = [("事发日期", "2019-05-28"), ("损失", "1500.00")].map(|(code, text)| (code.to_owned(), text.to_owned()));
    assert_eq!(says(village.page(&mine, case).await), both);

    // The township is told what is missing, fills it in, and goes on.
    sync(&village, &township).await;
    township.on("2019-05-30");
    township.stepped(&wang, case, CaseStep::Accept {}).await;
    let examine = || CaseStep::PreExamine { opinion: Opinion::For, note: String::new() };
    let early = township.step(&wang, case, examine()).await;
    assert!(matches!(&early, Err(DeskError::NotNow { why }) if why == "申请表还没有填写：困难类型"), "{early:?}");
    let fill = |answers: &[(&str, &str)]| CaseStep::FillForm {
        answers: answers.iter().map(|(code, text)| ((*code).to_owned(), (*text).to_owned())).collect(),
    };
    let same = township.step(&wang, case, fill(&[("损失", "1500.00")])).await;
    assert!(matches!(same, Err(DeskError::Invalid { .. })), "{same:?}");
    township.stepped(&wang, case, fill(&[("困难类型", "急难型"), ("损失", "1500")])).await;
    // The village, meanwhile and without a line, puts the sum right: both stand, for they are about different things.
    village.stepped(&mine, case, fill(&[("损失", "1800")])).await;
    sync(&village, &township).await;
    sync(&village, &township).await;
    township.stepped(&wang, case, examine()).await;
    sync(&village, &township).await;
    let mut all = [says(township.page(&wang, case).await), says(village.page(&mine, case).await)];
    all.iter_mut().for_each(|answers| answers.sort());
    assert_eq!(all[0], all[1]);
    let text = |code: &str| all[0].iter().find(|(it, _)| it == code).map(|(_, text)| text.as_str());
    assert_eq!([text("困难类型"), text("损失"), text("事发日期")], [Some("急难型"), Some("1800.00"), Some("2019-05-28")]);
    let emptied = township.step(&wang, case, fill(&[("困难类型", "")])).await;
    assert!(matches!(&emptied, Err(DeskError::NotNow { why }) if why.contains("不能清空")), "{emptied:?}");
}
