//! Annual files and statistics, between offices that are not always connected.

use super::support::*;
use proptest::prelude::*;
use serde_json::{Value, json};
use shouwang_node::desk::statistics::{By, Question, Statistics};
use shouwang_node::desk::{CaseStep, Command, DeskError, HouseholdChange, OpenCase, Person, To};
use shouwang_node::store::reader::{Page, Period, YearFilter};
use shouwang_protocol::account::Outcome;
use shouwang_protocol::annual::{Closing, Missing};
use shouwang_protocol::record::{CaseId, RecordId};
use shouwang_protocol::records::amount::Fen;
use shouwang_protocol::records::event::{Answer, Channel, Opinion, Origin, TargetKind, Verdict};
use shouwang_protocol::records::staff::Role;

pub fn of_year(year: i32) -> Question {
    Question { period: Period::Year(year), ..Question::default() }
}

fn cases(outcome: Outcome) -> Question {
    Question { application: Some(true), outcome: Some(outcome), ..of_year(2019) }
}

pub async fn statistics(machine: &Machine, question: &Question, by: By) -> Statistics {
    let reader = machine.person("auditor", &[Role::Auditor]);
    machine.desk.statistics(&reader, question.clone(), by, Page::first(500)).await.expect("computes")
}

pub async fn accepted(machine: &Machine, clerk: &Person, household: RecordId, channel: Channel) -> CaseId {
    let open = OpenCase { channel: Some(channel), ..application(household) };
    let case = machine.open_case(clerk, open).await;
    machine.stepped(clerk, case, CaseStep::Accept {}).await;
    machine.stepped(clerk, case, CaseStep::PreExamine { opinion: Opinion::For, note: "家庭困难".into() }).await;
    machine.stepped(clerk, case, CaseStep::Propose { amount: Some(Fen(283_500)), reason: "按标准".into() }).await;
    case
}

pub fn decision(outcome: Verdict, reason: &str) -> CaseStep {
    CaseStep::Decide { outcome, amount: None, reason: reason.into() }
}

pub fn pay() -> CaseStep {
    CaseStep::Pay { amount: None, method: String::new(), account_last4: None, batch: "1".into(), period: None }
}

/// Every figure of a page equals what its list holds, line by line.
pub async fn sums_equal_their_lists(machine: &Machine, question: &Question) {
    let reader = machine.person("auditor", &[Role::Auditor]);
    for by in By::ALL {
        let found = statistics(machine, question, by).await;
        let total = found.total.rows[0].group.clone();
        let of = |value: fn(&shouwang_node::store::reader::Group) -> i64| {
            found.by_picked.rows.iter().map(|row| value(&row.group)).sum::<i64>()
        };
        assert_eq!(of(|group| group.amount.0), total.amount.0, "{by:?}");
        assert_eq!(of(|group| group.count as i64), total.count as i64, "{by:?}");
        for row in &found.by_picked.rows {
            let list = machine.desk.benefit_list(&reader, row.question.clone(), Page::first(500)).await.expect("lists");
            let sum: i64 = list.lines.rows.iter().filter_map(|line| line.amount).map(|fen| fen.0).sum();
            let (lines, back) = (row.group.count + row.group.returns, list.lines.rows.iter().filter(|line| line.recovered));
            assert_eq!((sum, list.lines.rows.len() as u64), (row.group.amount.0, lines), "{by:?} {}", row.label);
            assert_eq!(back.filter_map(|line| line.amount).map(|fen| -fen.0).sum::<i64>(), row.group.recovered.0);
            assert_eq!(list.total.rows[0].group.amount, row.group.amount);
        }
        for table in [&found.cases, &found.by_channel, &found.cases_by_kind, &found.cases_by_village] {
            let all: u64 = table.rows.iter().map(|row| row.applications()).sum();
            assert_eq!(all, found.cases.rows[0].applications());
            for row in &table.rows {
                for (place, outcome) in Outcome::ALL.into_iter().enumerate() {
                    let asked = Question { application: Some(true), outcome: Some(outcome), ..row.question.clone() };
                    let list = machine.desk.account_list(&reader, asked, Page::first(500)).await.expect("lists");
                    assert_eq!(list.lines.rows.len() as u64, row.outcomes[place], "{} {outcome:?}", row.label);
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_03_item_04_six_applications_by_channel_sum_to_their_outcomes_and_every_other_one_has_its_reason() {
    let city = city().await;
    let township = Machine::new(YANGSHE).await;
    sync(&township, &city).await;
    let (clerk, director) = (township.clerk(), city.person("chen", &[Role::Approver]));
    let household = township.household("zhang").await;
    let (second, third) = (township.household("li").await, township.household("zhao").await);
    let paid = accepted(&township, &clerk, household, Channel::TownshipWindow).await;
    let refused = accepted(&township, &clerk, second, Channel::TownshipWindow).await;
    let pending = accepted(&township, &clerk, third, Channel::Kiosk).await;
    let withdrawn = township.open_case(&clerk, OpenCase { channel: Some(Channel::Wechat), ..application(third) }).await;
    township.stepped(&clerk, withdrawn, CaseStep::GiveUp { reason: "已找到工作".into() }).await;
    let turned_down = township.open_case(&clerk, OpenCase { channel: Some(Channel::Web), ..application(second) }).await;
    township.stepped(&clerk, turned_down, CaseStep::DoNotAccept { reason: "不属于救助事项".into() }).await;
    let school = OpenCase { assistance: "教育救助".into(), channel: Some(Channel::CityWindow), ..application(household) };
    let school = township.open_case(&clerk, school).await;
    township.stepped(&clerk, school, CaseStep::Accept {}).await;
    sync(&township, &city).await;

    city.stepped(&director, paid, decision(Verdict::Approved, "")).await;
    city.stepped(&director, paid, pay()).await;
    city.stepped(&director, refused, decision(Verdict::Refused, "收入高于标准")).await;
    let centre = city.person("zhangjie", &[Role::Intake, Role::Reviewer]);
    city.stepped(&centre, school, CaseStep::Transfer { to: None, assistance: String::new(), note: "请审核".into() }).await;
    let bureau = Person { department: Some("教育局".into()), ..city.person("jyj", &[Role::Department]) };
    city.stepped(&bureau, school, CaseStep::SignFor { transfer: None }).await;
    let answer = CaseStep::Feedback { transfer: None, result: Answer::Approved, text: "符合条件".into(), amount: None };
    city.stepped(&bureau, school, answer).await;
    // A plea is a clue, and one that was routed on is counted once, where it went.
    let plea = OpenCase { summary: "儿子拒绝治疗".into(), applicant: "唐女士".into(), ..OpenCase::of(Origin::Plea) };
    let plea = city.open_case(&centre, plea).await;
    city.stepped(&centre, plea, CaseStep::Route { household: None, area: Some(area(YANGSHE)) }).await;

    let found = statistics(&city, &of_year(2019), By::Kind).await;
    let all = &found.cases.rows[0];
    assert_eq!((all.applications(), all.outcomes, all.clues), (6, [2, 2, 1, 1], 1));
    let by_channel: Vec<(&str, u64)> = found.by_channel.rows.iter().map(|row| (row.label.as_str(), row.applications())).collect();
    assert!(by_channel.contains(&("镇级窗口", 2)) && by_channel.contains(&("救助一体机", 1)), "{by_channel:?}");
    let auditor = city.person("auditor", &[Role::Auditor]);
    let mut reasons = Vec::new();
    for outcome in [Outcome::Refused, Outcome::Withdrawn, Outcome::Pending] {
        let list = city.desk.account_list(&auditor, cases(outcome), Page::first(100)).await.expect("lists");
        reasons.extend(list.lines.rows.into_iter().map(|line| (line.case, line.reason)));
    }
    reasons.sort();
    let mut wanted: Vec<(CaseId, String)> = vec![
        (refused, "收入高于标准".into()),
        (turned_down, "不属于救助事项".into()),
        (withdrawn, "已找到工作".into()),
        (pending, "待审批：市级审批".into()),
    ];
    wanted.sort();
    assert_eq!(reasons, wanted);
    sums_equal_their_lists(&city, &of_year(2019)).await;
    let department = Question { department: Some("教育局".into()), ..of_year(2019) };
    assert_eq!(city.desk.account_list(&auditor, department, Page::first(9)).await.expect("lists").lines.rows.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_09_item_19_what_a_department_or_an_organisation_gives_is_in_every_total_once() {
    let city = city().await;
    let (township, village) = (Machine::new(YANGSHE).await, Machine::new(VILLAGE).await);
    sync(&township, &city).await;
    let household = township.household("zhang").await;
    let clerk = township.clerk();
    let open = OpenCase { assistance: "教育救助".into(), ..application(household) };
    let case = township.open_case(&clerk, open).await;
    township.stepped(&clerk, case, CaseStep::Accept {}).await;
    let to = |kind, id: &str, assistance: &str| CaseStep::Transfer {
        to: Some(To { kind, id: id.into() }),
        assistance: assistance.into(),
        note: "请办理".into(),
    };
    township.stepped(&clerk, case, to(TargetKind::Department, "教育局", "教育救助")).await;
    township.stepped(&clerk, case, super::loop_split::agrees(&["name", "matter"])).await;
    township.stepped(&clerk, case, to(TargetKind::Provider, "慈善总会", "照料服务")).await;
    sync(&township, &city).await;
    let bureau = Person { department: Some("教育局".into()), ..city.person("jyj", &[Role::Department]) };
    let charity = Person { provider: Some("慈善总会".into()), ..city.person("cishan", &[Role::Provider]) };
    let answer = |result, amount| CaseStep::Feedback { transfer: None, result, text: "已办".into(), amount };
    for (person, result, amount) in [(&bureau, Answer::Approved, 300_000), (&charity, Answer::Served, 45_000)] {
        city.stepped(person, case, CaseStep::SignFor { transfer: None }).await;
        let refused = city.step(person, case, answer(Answer::Refused, Some(Fen(amount)))).await.expect_err("refused");
        assert!(refused.what().contains("没有给予救助的，不写金额"), "{refused:?}");
        city.stepped(person, case, answer(result, Some(Fen(amount)))).await;
    }
    sync(&township, &city).await;
    sync(&village, &township).await;
    for machine in [&city, &township, &village] {
        let funds = statistics(machine, &of_year(2019), By::Fund).await;
        let by: Vec<(&str, Fen)> = funds.by_picked.rows.iter().map(|row| (row.label.as_str(), row.group.amount)).collect();
        assert!(by.contains(&("教育局", Fen(300_000))) && by.contains(&("慈善总会", Fen(45_000))), "{by:?}");
        assert_eq!(funds.total.rows[0].group.amount, Fen(94_500 + 300_000 + 45_000));
        let kinds = statistics(machine, &of_year(2019), By::Kind).await.by_picked;
        let by: Vec<(&str, Fen)> = kinds.rows.iter().map(|row| (row.label.as_str(), row.group.amount)).collect();
        assert!(by.contains(&("照料服务", Fen(45_000))), "each as what was handed to it: {by:?}");
        sums_equal_their_lists(machine, &of_year(2019)).await;
        let file = machine.desk.annual(&machine.clerk(), household, 2019).await.expect("a file").file;
        assert_eq!(file.total, Fen(94_500 + 300_000 + 45_000));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_17_item_18_the_file_of_a_year_says_what_it_lacks_and_is_sealed_alike_on_every_device() {
    let city = city().await;
    let (township, village) = (Machine::new(YANGSHE).await, Machine::new(VILLAGE).await);
    sync(&township, &city).await;
    sync(&village, &township).await;
    let household = village.household("zhang").await;
    let clerk = village.clerk();
    let lacking = village.desk.annual(&clerk, household, 2019).await.expect("a file").file;
    assert_eq!((lacking.closing.clone(), lacking.total), (Closing::Open, Fen(94_500)));
    assert!(lacking.missing.contains(&Missing::Needs) && !lacking.is_complete());
    assert!(lacking.missing.iter().all(|missing| missing.sentence().contains("请在")), "each is something to do");
    assert_eq!(
        village.desk.annual(&clerk, household, 2030).await.expect_err("not yet"),
        DeskError::NotFound { what: "这一年度的帮扶清单".into() }
    );
    sync(&village, &township).await;
    let case = accepted(&township, &township.clerk(), household, Channel::TownshipWindow).await;
    sync(&township, &city).await;
    let director = city.person("chen", &[Role::Approver]);
    city.stepped(&director, case, decision(Verdict::Approved, "")).await;
    city.stepped(&director, case, pay()).await;
    sync(&township, &city).await;
    sync(&village, &township).await;
    let whole = village.desk.annual(&clerk, household, 2019).await.expect("a file").file;
    assert!(whole.is_complete(), "{:?}", whole.missing);
    assert_eq!((whole.total, whole.needs.len(), whole.decisions.len()), (Fen(94_500 + 283_500), 1, 1));

    // A clerk books the payment in the record, too: it is the same money.
    let number = village.page(&clerk, case).await.standing.number.expect("a number");
    let row = json!({"no": number, "date": "2019-05-29", "program": "临时救助", "amount": 2835});
    let booked = HouseholdChange { new_aid: vec![row.as_object().expect("an object").clone()], ..HouseholdChange::of(household) };
    village.done(&clerk, Command::ChangeHousehold(booked)).await;
    assert_eq!(village.desk.annual(&clerk, household, 2019).await.expect("a file").file.total, whole.total);
    assert_eq!(statistics(&village, &of_year(2019), By::Kind).await.total.rows[0].group.amount, whole.total);

    for machine in [&city, &township, &village] {
        machine.on("2020-01-02");
    }
    sync(&village, &township).await;
    sync(&township, &city).await;
    let mut sealed = Vec::new();
    for machine in [&city, &township, &village] {
        let page = machine.desk.annual(&machine.clerk(), household, 2019).await.expect("a file");
        assert_eq!(page.place, "杨舍镇甲村");
        assert!(matches!(page.file.closing, Closing::Sealed { .. }), "{:?}", page.file.closing);
        sealed.push(page.file);
    }
    assert!(sealed[0] == sealed[1] && sealed[1] == sealed[2], "the same on every device");
    // The family changes in the new year; the old year's file keeps its face and its digest.
    let set = json!({"type": "特困人员"}).as_object().expect("an object").clone();
    let moved = HouseholdChange { set, ..HouseholdChange::of(household) };
    village.done(&clerk, Command::ChangeHousehold(moved)).await;
    let after = village.desk.annual(&clerk, household, 2019).await.expect("a file").file;
    assert_eq!((&after.closing, after.household.category.as_str()), (&sealed[0].closing, "低保户"));
    assert_eq!(after.since.len(), 1);
    let next = village.desk.annual(&clerk, household, 2020).await.expect("a file").file;
    assert_eq!((next.household.category.as_str(), next.total, next.missing), ("特困人员", Fen(0), vec![Missing::Needs]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_18_the_list_of_a_year_says_the_same_of_every_household_as_its_file() {
    let city = city().await;
    let village = Machine::new(VILLAGE).await;
    sync(&village, &city).await;
    let clerk = village.clerk();
    let gaps: [Value; 6] = [
        json!({}),
        json!({"type": ""}),
        json!({"cause": "", "address": ""}),
        json!({"income_annual": null}),
        json!({"members": []}),
        json!({"aid": [{"no": "1", "program": "低保金"}, {"no": "2", "date": "2018-03-01", "program": "低保金"}]}),
    ];
    for (number, gap) in gaps.iter().enumerate() {
        let mut new = row(&format!("k{number}"), VILLAGE);
        for (name, value) in gap.as_object().expect("an object") {
            if value.is_null() { drop(new.remove(name)) } else { drop(new.insert(name.clone(), value.clone())) }
        }
        village.done(&clerk, Command::RegisterHousehold { area: area(VILLAGE), row: new }).await;
    }
    for year in [2018, 2019] {
        let filter = YearFilter { year, ..YearFilter::default() };
        let list = village.desk.year_list(&clerk, filter.clone(), Page::first(100)).await.expect("lists");
        assert_eq!(list.files, list.listed.rows.len() as u64);
        let mut complete = 0;
        for line in &list.listed.rows {
            let file = village.desk.annual(&clerk, line.row.household, year).await.expect("a file").file;
            assert_eq!(line.row.missing, file.missing, "{}", line.row.head);
            assert_eq!((line.amount, line.lines), (file.total, file.aid.len() as u64));
            complete += u64::from(file.is_complete());
        }
        assert_eq!(list.complete, complete);
        for (missing, files) in &list.missing {
            let only = YearFilter { lacking: Some(*missing), ..filter.clone() };
            let found = village.desk.year_list(&clerk, only, Page::first(100)).await.expect("lists");
            assert_eq!(found.listed.rows.len() as u64, *files, "{missing:?}");
        }
        assert_eq!(list.missing[0].0, Missing::Needs, "missing most");
        assert_eq!(list.files, if year == 2019 { 6 } else { 1 }, "in 2018 only one is known to have received aid");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_19_totals_by_household_person_kind_fund_department_village_and_month_add_up_to_their_items() {
    let city = city().await;
    let township = Machine::new(YANGSHE).await;
    sync(&township, &city).await;
    let clerk = township.clerk();
    let first = township.household("zhang").await;
    township.household("li").await;
    let rows = [
        json!({"no": "a", "date": "2019-02-10", "program": "临时救助", "amount": 800.5, "person": "之子zhang", "fund": "慈善会"}),
        json!({"no": "b", "date": "2019-02-11", "program": "节日慰问"}),
        json!({"no": "c", "program": "节日慰问", "amount": 200}),
    ];
    let new_aid = rows.iter().map(|row| row.as_object().expect("an object").clone()).collect();
    township.done(&clerk, Command::ChangeHousehold(HouseholdChange { new_aid, ..HouseholdChange::of(first) })).await;
    let case = accepted(&township, &clerk, first, Channel::TownshipWindow).await;
    sync(&township, &city).await;
    let director = city.person("chen", &[Role::Approver]);
    city.stepped(&director, case, decision(Verdict::Approved, "")).await;
    city.stepped(&director, case, pay()).await;

    let found = statistics(&city, &of_year(2019), By::Fund).await;
    let total = &found.total.rows[0].group;
    assert_eq!((total.amount, total.count, total.unpriced), (Fen(2 * 94_500 + 80_050 + 283_500), 5, 1));
    let funds: Vec<(&str, Fen)> = found.by_picked.rows.iter().map(|row| (row.label.as_str(), row.group.amount)).collect();
    assert_eq!(funds, [("市级审批", Fen(283_500)), ("未写明", Fen(189_000)), ("慈善会", Fen(80_050))]);
    let persons = statistics(&city, &of_year(2019), By::Person).await.by_picked;
    assert!(persons.rows.iter().any(|row| row.label == "之子zhang（户主zhang户）" && row.group.amount == Fen(80_050)));
    let departments = statistics(&city, &of_year(2019), By::Department).await.by_picked;
    assert!(
        departments.rows.iter().any(|row| row.label == "民政局" && row.group.amount == Fen(80_050 + 283_500)),
        "{departments:?}"
    );
    let any = Question::default();
    let undated = statistics(&city, &any, By::Period).await.by_picked;
    assert!(undated.rows.iter().any(|row| row.label == "没有日期" && row.group.amount == Fen(20_000)), "{undated:?}");
    for question in [of_year(2019), any, Question { area: Some(area(YANGSHE)), ..of_year(2019) }] {
        sums_equal_their_lists(&city, &question).await;
    }
    let intake = city.person("zhangjie", &[Role::Intake]);
    let refused = city.desk.statistics(&intake, of_year(2019), By::Kind, Page::first(9)).await;
    assert!(matches!(refused, Err(DeskError::NotPermitted { .. })));
    let elsewhere = Question { area: Some(area(DAXIN)), ..of_year(2019) };
    let auditor = township.person("auditor", &[Role::Auditor]);
    let refused = township.desk.benefit_list(&auditor, elsewhere, Page::first(9)).await;
    assert!(matches!(refused, Err(DeskError::NotPermitted { .. })), "not ours to count");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_52_item_53_a_figure_carries_query_villages_and_hash_and_two_offices_that_hold_the_same_get_the_same() {
    let city = city().await;
    let (township, village) = (Machine::new(YANGSHE).await, Machine::new(VILLAGE).await);
    sync(&township, &city).await;
    let before = statistics(&township, &of_year(2019), By::Kind).await;
    assert_eq!((before.as_of.villages.len(), before.as_of.heard()), (2, 0), "neither village has ever called");
    sync(&village, &township).await;
    village.household("zhang").await;
    let unheard = statistics(&township, &of_year(2019), By::Kind).await;
    assert_eq!((unheard.total.rows[0].group.count, unheard.as_of.heard()), (0, 1), "heard from, but not yet of this");
    township.on("2019-06-03");
    sync(&village, &township).await;
    let heard = statistics(&township, &of_year(2019), By::Kind).await;
    let one = &heard.as_of.villages[0];
    assert_eq!((one.name.as_str(), one.at_ms.map(|ms| ms >= noon("2019-06-03"))), ("甲村", Some(true)));
    assert!(one.own_entries > 0 && heard.total.rows[0].group.amount == Fen(94_500));
    assert_ne!(heard.as_of.digest, unheard.as_of.digest);
    assert_ne!(heard.total.hash, unheard.total.hash);
    // Run again later, with nothing new: the same hash. At the city, of the same villages: the same again.
    township.on("2019-06-09");
    let again = statistics(&township, &of_year(2019), By::Kind).await;
    assert!(again.at_ms > heard.at_ms && again.total == heard.total && again.by_kind == heard.by_kind);
    city.on("2019-06-09");
    sync(&township, &city).await;
    let above = statistics(&city, &Question { area: Some(area(YANGSHE)), ..of_year(2019) }, By::Kind).await;
    assert_eq!(above.as_of.villages[0].at_ms.map(|ms| ms >= noon("2019-06-09")), Some(true), "when it arrived here");
    assert_eq!((above.total.query.as_str(), &above.total.hash), (again.total.query.as_str(), &again.total.hash));
    assert!(above.total.query.contains("FROM benefit WHERE benefit.day BETWEEN 17897 AND 18261"), "{}", above.total.query);
    // Four groups; what cannot be computed says why.
    let names: Vec<&str> = above.indicators.iter().map(|group| group.name).collect();
    assert_eq!(names, ["全面", "及时", "精准", "公平"]);
    for line in above.indicators.iter().flat_map(|group| &group.lines) {
        assert!(
            !line.note.is_empty() && line.value.is_some() == line.link.is_some() && line.value.is_some() != line.hash.is_empty()
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]

    #[test]
    fn item_19_whatever_aid_and_cases_there_are_sums_equal_their_lists_and_files(
        rows in prop::collection::vec((0..3usize, 2018..2021i32, 1..13u32, 0..4usize, prop::option::of(0..5i64), 0..2usize), 0..14),
        paid in prop::collection::vec((0..3usize, any::<bool>(), any::<bool>()), 0..3),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let city = city().await;
            let (centre, director) = (city.clerk(), city.person("chen", &[Role::Approver]));
            let kinds = ["低保金", "临时救助", "医疗救助", ""];
            let mut households = Vec::new();
            for key in ["a", "b", "c"] {
                households.push(city.household(key).await);
            }
            for (number, (whose, year, month, kind, yuan, who)) in rows.iter().enumerate() {
                let mut aid = json!({"no": format!("r{number}"), "program": kinds[*kind], "date": format!("{year}-{month:02}-09")});
                let map = aid.as_object_mut().expect("an object");
                map.insert("person".into(), ["", "之子"][*who].into());
                if let Some(yuan) = yuan {
                    map.insert("amount".into(), (*yuan).into());
                }
                let change = HouseholdChange { new_aid: vec![map.clone()], ..HouseholdChange::of(households[*whose]) };
                city.done(&centre, Command::ChangeHousehold(change)).await;
            }
            for (whose, approve, booked) in &paid {
                let case = accepted(&city, &centre, households[*whose], Channel::CityWindow).await;
                let verdict = if *approve { Verdict::Approved } else { Verdict::Refused };
                city.stepped(&director, case, decision(verdict, "情况特殊")).await;
                if *approve {
                    city.stepped(&director, case, pay()).await;
                }
                if *approve && *booked {
                    let row = json!({"no": "", "program": "临时救助", "date": "2019-05-29", "amount": 2835});
                    let new_aid = vec![row.as_object().expect("an object").clone()];
                    city.done(&centre, Command::ChangeHousehold(HouseholdChange { new_aid, ..HouseholdChange::of(households[*whose]) })).await;
                }
            }
            sums_equal_their_lists(&city, &of_year(2019)).await;
            // The files of all households of a year come to what the statistics say of it.
            for year in 2018..2020 {
                let mut sum = 0;
                for household in &households {
                    sum += city.desk.annual(&centre, *household, year).await.expect("a file").file.total.0;
                }
                let found = statistics(&city, &of_year(year), By::Household).await;
                assert_eq!(sum, found.total.rows[0].group.amount.0, "{year}");
            }
        });
    }
}
