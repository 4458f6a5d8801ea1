//! Benefits that are paid every month: a list for each month, a re-check, a hearing, a smaller amount, a stop.

use super::support::*;
use shouwang_node::desk::payments::{BankSays, Listing};
use shouwang_node::desk::{CaseStep, Command, DeskError, OpenCase, Person};
use shouwang_protocol::record::CaseId;
use shouwang_protocol::records::amount::Fen;
use shouwang_protocol::records::changed::Reviewed;
use shouwang_protocol::records::event::{Opinion, Verdict};
use shouwang_protocol::records::staff::Role;
use shouwang_protocol::standing::Stage;

const KIND: &str = "最低生活保障";

/// 低保 granted by the city in May: by the formula 945 × 2 − 12,000 ÷ 12 = 890 yuan a month.
async fn granted(city: &Machine, township: &Machine, key: &str) -> CaseId {
    let home = township.household(key).await;
    let clerk = township.clerk();
    let open = OpenCase { assistance: KIND.into(), ..application(home) };
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
    let decide = CaseStep::Decide { outcome: Verdict::Approved, amount: None, reason: String::new() };
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
    let close = CaseStep::Close { result: "死亡停保，多发的已退回".into() };
    city.stepped(&city.clerk(), b, close).await;

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
