//! Benefits that are paid every month: a list for each month, a re-check, a hearing, a smaller amount, a stop.

use super::books::{of_year, statistics, sums_equal_their_lists};
use super::support::*;
use shouwang_node::desk::payments::{BankSays, Listing};
use shouwang_node::desk::statistics::{By, Link, Measure, Question};
use shouwang_node::desk::{CaseStep, Command, DeskError, HouseholdChange, OpenCase, Person};
use shouwang_node::store::reader::{Corrected, Page, Period};
use shouwang_protocol::record::CaseId;
use shouwang_protocol::records::amount::Fen;
use shouwang_protocol::records::changed::Reviewed;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::event::{Delivery, Opinion, Verdict};
use shouwang_protocol::records::staff::Role;
use shouwang_protocol::standing::Stage;

const KIND: &str = "最低生活保障";

/// 低保 granted by the city in May: by the formula 945 × 2 − 12,000 ÷ 12 = 890 yuan a month.
async fn granted(city: &Machine, township: &Machine, key: &str) -> CaseId {
    granted_as(city, township, key, KIND, None).await
}

async fn granted_as(city: &Machine, township: &Machine, key: &str, kind: &str, amount: Option<Fen>) -> CaseId {
    let home = township.household(key).await;
    let clerk = township.clerk();
    let open = OpenCase { assistance: kind.into(), ..application(home) };
    let case = township.open_case(&clerk, open).await;
    let visit = CaseStep::Visit {
        investigators: vec!["李强".into()],
        present: "户主".into(),
        remote: String::new(),
        findings: "一间平房".into(),
    };
    for step in [CaseStep::Accept {}, visit, CaseStep::PreExamine { opinion: Opinion::For, note: String::new() }] {
        township.stepped(&clerk, case, step).await;
    }
    let post = CaseStep::PostNotice { place: "村务公开栏".into(), phone: "0512-56729800".into(), from: None, until: None };
    township.stepped(&clerk, case, post).await;
    township.on("2019-05-17");
    township.stepped(&clerk, case, CaseStep::EndNotice { note: "无异议".into() }).await;
    sync(township, city).await;
    let decide = CaseStep::Decide { outcome: Verdict::Approved, amount, reason: "按标准".into() };
    city.stepped(&approver(city), case, decide).await;
    township.on("2019-05-09");
    case
}

fn approver(city: &Machine) -> Person {
    city.person("chen", &[Role::Approver])
}

async fn list(city: &Machine, period: &str) -> Listing {
    city.desk.list_payments(&approver(city), id(), KIND.into(), period.into()).await.expect("lists")
}

async fn all_arrive(city: &Machine, listing: &Listing) {
    let rows = city.desk.batch(&approver(city), listing.batch.clone()).await.expect("a batch");
    let says = rows.iter().map(|row| (row.case, BankSays::Paid)).collect();
    city.desk.settle_payments(&approver(city), id(), listing.batch.clone(), says).await.expect("settles");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_29_a_monthly_benefit_is_listed_once_a_month_until_the_person_was_heard_and_it_is_stopped() {
    let city = city().await;
    let township = Machine::new(YANGSHE).await;
    sync(&township, &city).await;
    city.on("2019-05-20");
    township.on("2019-05-09");
    let (a, b) = (granted(&city, &township, "a1").await, granted(&city, &township, "b2").await);

    // Not for the month of the decision; then once for each month, also when somebody asks twice.
    assert_eq!(list(&city, "2019-05").await.rows, 0);
    city.on("2019-06-05");
    let june = list(&city, "2019-06").await;
    assert_eq!((june.rows, june.amount), (2, Fen(178_000)));
    assert_eq!(list(&city, "2019-06").await.rows, 0, "all are on the list");
    all_arrive(&city, &june).await;
    city.on("2019-07-05");
    let today = city.desk.today_for(&approver(&city)).await.expect("reads");
    assert!(today.cases.iter().all(|row| row.stage != Stage::Running), "families that are paid every month are no tasks");
    assert_eq!(today.unpaid, 0, "July's term is the tenth");
    city.on("2019-07-11");
    assert_eq!(city.desk.today_for(&approver(&city)).await.expect("reads").unpaid, 2, "one line for all of them");
    city.on("2019-07-05");
    let july = list(&city, "2019-07").await;
    assert_eq!(july.rows, 2, "June's are paid, and July's are due");
    let page = city.desk.payments(&approver(&city)).await.expect("reads");
    assert!(page.queue.is_empty() && page.twice.is_empty());

    // The income rises: the township is told by a village's change, re-checks, and hears the family.
    sync(&township, &city).await;
    township.on("2019-07-08");
    let home = township.page(&township.clerk(), a).await.standing.household.expect("known");
    let set = serde_json::json!({"income_annual": 18_000}).as_object().expect("an object").clone();
    township.done(&township.clerk(), Command::EditHousehold { record: home, set, seen_heads: Vec::new() }).await;
    let due = township.desk.review_of(&township.clerk(), home).await.expect("reads").0.expect("to be looked at");
    let review = Command::Review { record: home, outcome: Reviewed::Adjust, note: "已就业".into(), basis: due.basis };
    township.done(&township.clerk(), review).await;
    sync(&township, &city).await;
    let less = || CaseStep::Adjust { amount: None, from: None, reason: "收入增加，按新收入重算".into() };
    let unheard = city.step(&approver(&city), a, less()).await;
    let Err(DeskError::NotNow { why }) = unheard else { panic!("{unheard:?}") };
    assert_eq!(why, "减发、停发之前须先听取本人意见");
    let by_township = township.step(&township.person("chen", &[Role::Approver]), a, less()).await;
    assert!(matches!(by_township, Err(DeskError::NotPermitted { .. })), "{by_township:?}");
    let hear = CaseStep::Hear { who: "本人，当面".into(), text: "没有异议".into() };
    township.stepped(&township.clerk(), a, hear).await;
    sync(&township, &city).await;
    city.stepped(&approver(&city), a, less()).await;
    let standing = city.page(&approver(&city), a).await.standing;
    // 945 × 2 − 18,000 ÷ 12, from the next month on.
    assert_eq!((standing.amount_for("2019-07"), standing.amount_for("2019-08")), (Fen(89_000), Fen(39_000)));

    // August, with one of July's that came back: it is listed again, beside August's own.
    let july_says = [(a, BankSays::Paid), (b, BankSays::Failed("账号有误".into()))].into();
    city.desk.settle_payments(&approver(&city), id(), july.batch.clone(), july_says).await.expect("settles");
    city.on("2019-08-05");
    let page = city.desk.payments(&approver(&city)).await.expect("reads");
    let waits: Vec<(&str, usize)> = page.queue.iter().map(|((month, _), rows)| (month.as_str(), rows.len())).collect();
    assert_eq!(waits, [("2019-07", 1), ("2019-08", 2)], "an earlier month that did not arrive is in the queue too");
    let again = list(&city, "2019-07").await;
    assert_eq!((again.rows, again.amount), (1, Fen(89_000)));
    all_arrive(&city, &again).await;
    let august = list(&city, "2019-08").await;
    assert_eq!((august.rows, august.amount), (2, Fen(128_000)));
    all_arrive(&city, &august).await;

    // A death in July that nobody told until August: stopped from August on, and August's money comes back.
    township.on("2019-08-20");
    city.on("2019-08-20");
    sync(&township, &city).await;
    township.stepped(&township.clerk(), b, CaseStep::Hear { who: "之子，电话".into(), text: "知道".into() }).await;
    sync(&township, &city).await;
    let stop = CaseStep::Adjust { amount: Some(Fen(0)), from: Some("2019-08".into()), reason: "死亡".into() };
    city.stepped(&approver(&city), b, stop).await;
    assert_eq!(city.page(&approver(&city), b).await.standing.owed(), Fen(89_000));
    city.stepped(&approver(&city), b, CaseStep::Recover { amount: None, note: "退回专户".into() }).await;
    city.on("2019-09-05");
    let september = list(&city, "2019-09").await;
    assert_eq!((september.rows, september.amount), (1, Fen(39_000)));
    // The family is told in writing, by the office that decided; it is a task until it was served.
    let close = || CaseStep::Close { result: "死亡停保，多发的已退回".into() };
    let untold = city.step(&city.clerk(), b, close()).await;
    let Err(DeskError::NotNow { why }) = untold else { panic!("{untold:?}") };
    assert_eq!(why, "书面通知还没有送达");
    let tasks = async |machine: &Machine, person: &Person| {
        let today = machine.desk.today_for(person).await.expect("reads");
        let what =
            |row: &shouwang_node::store::reader::CaseRow| row.turns.iter().map(|turn| turn.what.clone()).collect::<Vec<_>>();
        today.cases.iter().map(|row| (row.case, what(row))).collect::<std::collections::BTreeMap<_, _>>()
    };
    let waiting = tasks(&city, &approver(&city)).await;
    assert!(waiting[&a].contains(&"出具减发、停发书面通知".to_owned()), "a's cut of July, though it runs: {waiting:?}");
    assert!(waiting[&b].contains(&"出具减发、停发书面通知".to_owned()), "{waiting:?}");
    city.stepped(&approver(&city), b, CaseStep::WriteNotice {}).await;
    sync(&township, &city).await;
    township.on("2019-09-06");
    let serve = |on: Option<&str>| CaseStep::ServeNotice {
        to: "之子".into(),
        how: Delivery::Kin,
        on: on.map(|on| Day::parse(on).expect("a day")),
        note: String::new(),
    };
    let tomorrow = township.step(&township.clerk(), b, serve(Some("2019-09-07"))).await;
    assert!(matches!(&tomorrow, Err(DeskError::NotNow { why }) if why == "送达日期在今天之后"), "{tomorrow:?}");
    township.stepped(&township.clerk(), b, serve(None)).await;
    sync(&township, &city).await;
    city.on("2019-09-06");
    let term = city.page(&approver(&city), b).await.standing.terms[1].clone();
    let notice = term.notice.expect("made out");
    assert!(notice.text.contains("事项：最低生活保障停止发放") && notice.text.contains("理由：死亡"), "{}", notice.text);
    assert!(notice.text.contains("听取意见：2019-08-20，之子，电话：知道"), "{}", notice.text);
    assert_eq!(
        notice.served.map(|(to, how, on)| (to, how, on.to_string())),
        Some(("之子".into(), Delivery::Kin, "2019-09-06".into()))
    );
    city.stepped(&city.clerk(), b, close()).await;

    // The same at the township, and the sums of the books are the sums of the lists.
    sync(&township, &city).await;
    for machine in [&township, &city] {
        let page = machine.page(&machine.clerk(), a).await.standing;
        assert_eq!((page.stage, page.paid()), (Stage::Running, Some(Fen(89_000 + 89_000 + 39_000))));
        assert_eq!(machine.page(&machine.clerk(), b).await.standing.stage, Stage::Closed);
    }
    let views = city.desk.writer().with(|engine| engine.replica().store().compare_views()).await;
    assert_eq!(views.expect("asks").expect("reads"), [] as [String; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_19_a_row_of_the_register_is_one_month_of_a_benefit_and_what_came_back_is_in_no_total() {
    let city = city().await;
    let township = Machine::new(YANGSHE).await;
    sync(&township, &city).await;
    city.on("2019-05-20");
    township.on("2019-05-09");
    let (a, b) = (granted(&city, &township, "a1").await, granted(&city, &township, "b2").await);
    for month in ["2019-06", "2019-07", "2019-08"] {
        city.on(&format!("{month}-05"));
        let listing = list(&city, month).await;
        all_arrive(&city, &listing).await;
    }
    // The bank's register of July comes in as a row that bears the acceptance number: July's payment, and no other.
    let standing = city.page(&approver(&city), a).await.standing;
    let (home, number) = (standing.household.expect("known"), standing.number.expect("accepted"));
    let row = serde_json::json!({"no": number, "date": "2019-07-06", "program": "低保金", "amount": 890});
    let new_aid = vec![row.as_object().expect("an object").clone()];
    city.done(&city.clerk(), Command::ChangeHousehold(HouseholdChange { new_aid, ..HouseholdChange::of(home) })).await;
    let file = city.desk.annual(&city.clerk(), home, 2019).await.expect("a file").file;
    // January's row of the old register, June, July, August.
    assert_eq!((file.aid.len(), file.total), (4, Fen(94_500 + 3 * 89_000)));

    // The other family's head died in July: August is paid for nothing, and comes back in September in two parts.
    city.on("2019-09-02");
    city.stepped(&city.clerk(), b, CaseStep::Hear { who: "之子，电话".into(), text: "知道".into() }).await;
    let stop = CaseStep::Adjust { amount: Some(Fen(0)), from: Some("2019-08".into()), reason: "死亡".into() };
    city.stepped(&approver(&city), b, stop).await;
    for part in [Some(Fen(50_000)), None] {
        city.stepped(&approver(&city), b, CaseStep::Recover { amount: part, note: "退回专户".into() }).await;
    }
    let home = city.page(&approver(&city), b).await.standing.household.expect("known");
    let file = city.desk.annual(&city.clerk(), home, 2019).await.expect("a file").file;
    assert_eq!((file.total, file.recovered, file.aid.len()), (Fen(94_500 + 2 * 89_000), Fen(89_000), 1 + 3 + 2));
    let found = statistics(&city, &of_year(2019), By::Fund).await;
    let total = &found.total.rows[0].group;
    assert_eq!((total.amount, total.recovered, total.returns), (Fen(2 * 94_500 + 5 * 89_000), Fen(89_000), 2));
    assert_eq!(total.count, 2 + 6, "what came back is no aid");
    let september = Question { period: Period::Month(2019, 9), ..Question::default() };
    let alone = statistics(&city, &september, By::Kind).await;
    assert_eq!((alone.total.rows[0].group.amount, alone.households.rows[0]), (Fen(-89_000), 0));
    for question in [of_year(2019), september, Question::default()] {
        sums_equal_their_lists(&city, &question).await;
    }

    // One of two benefits was stopped, of one of two families money had to come back; each with its list.
    for (label, corrected) in [("减发、停发", Corrected::Cut), ("追缴", Corrected::Undue)] {
        let line = found.indicators.iter().flat_map(|group| &group.lines).find(|line| line.label == label).expect("there");
        assert_eq!(line.value, Some(Measure::Share { part: 1, whole: 2 }), "{label}");
        let Some(Link::Cases(question)) = &line.link else { panic!("{line:?}") };
        assert_eq!(question.corrected, Some(corrected));
        let auditor = city.person("auditor", &[Role::Auditor]);
        let list = city.desk.account_list(&auditor, question.clone(), Page::first(9)).await.expect("lists");
        assert_eq!(list.lines.rows.iter().map(|row| row.case).collect::<Vec<_>>(), [b]);
    }
    let views = city.desk.writer().with(|engine| engine.replica().store().compare_views()).await;
    assert_eq!(views.expect("asks").expect("reads"), [] as [String; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_29_特困_is_stopped_only_after_the_stop_was_put_up_and_the_sheet_says_so() {
    let city = city().await;
    let township = Machine::new(YANGSHE).await;
    sync(&township, &city).await;
    city.on("2019-05-20");
    township.on("2019-05-09");
    let case = granted_as(&city, &township, "a1", "特困人员供养", Some(Fen(120_000))).await;
    sync(&township, &city).await;
    township.on("2019-06-10");
    township.stepped(&township.clerk(), case, CaseStep::Hear { who: "本人，当面".into(), text: "已找到工作".into() }).await;
    let stop = || CaseStep::Adjust { amount: Some(Fen(0)), from: None, reason: "恢复劳动能力".into() };
    sync(&township, &city).await;
    city.on("2019-06-10");
    let early = city.step(&approver(&city), case, stop()).await;
    assert!(matches!(&early, Err(DeskError::NotNow { why }) if why == "停发之前须先公示，期满无异议"), "{early:?}");
    let post = CaseStep::PostNotice { place: "村务公开栏".into(), phone: "0512-56729800".into(), from: None, until: None };
    township.stepped(&township.clerk(), case, post).await;
    let up = township.desk.notices(&township.clerk(), None, true, Page::first(9)).await.expect("lists").rows;
    assert_eq!((up.len(), up[0].until.to_string().as_str()), (1, "2019-06-16"), "seven days");
    assert_eq!(shouwang_protocol::notice::line(&up[0].text, "拟停发人员"), Some("户**1"));
    assert_eq!(shouwang_protocol::notice::line(&up[0].text, "申请人"), None);
    township.on("2019-06-17");
    township.stepped(&township.clerk(), case, CaseStep::EndNotice { note: "无异议".into() }).await;
    sync(&township, &city).await;
    city.on("2019-06-17");
    city.stepped(&approver(&city), case, stop()).await;
    let standing = city.page(&approver(&city), case).await.standing;
    // June is still due: it is paid before the benefit has ended.
    assert_eq!((standing.stage, standing.stopped_from()), (Stage::ToPay, Some("2019-07")));
    let june = city.desk.list_payments(&approver(&city), id(), "特困人员供养".into(), "2019-06".into()).await.expect("lists");
    assert_eq!((june.rows, june.amount), (1, Fen(120_000)));
    all_arrive(&city, &june).await;
    assert_eq!(city.page(&approver(&city), case).await.standing.stage, Stage::Stopped);
}
