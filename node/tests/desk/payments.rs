//! Item 29: what is approved is paid once, by lists; what did not arrive returns; what went out twice is seen.

use super::support::{Machine, VILLAGE, YANGSHE, application, city, id, sync};
use shouwang_node::desk::export::Exported;
use shouwang_node::desk::payments::BankSays;
use shouwang_node::desk::{CaseStep, Command, DeskError, OpenCase};
use shouwang_node::tables;
use shouwang_protocol::record::{CaseId, RecordId};
use shouwang_protocol::records::amount::Fen;
use shouwang_protocol::records::event::{Opinion, Verdict, What};
use shouwang_protocol::records::staff::Role;
use shouwang_protocol::standing::{PayoutState, Stage};
use std::collections::BTreeMap;

/// 临时救助 of a household, granted by the machine's office: 900 yuan.
async fn granted(machine: &Machine, household: RecordId) -> CaseId {
    let clerk = machine.clerk();
    let case = machine.open_case(&clerk, application(household)).await;
    machine.stepped(&clerk, case, CaseStep::Accept {}).await;
    machine.stepped(&clerk, case, CaseStep::PreExamine { opinion: Opinion::For, note: String::new() }).await;
    let approve = CaseStep::Decide { outcome: Verdict::Approved, amount: Some(Fen(90_000)), reason: "小额".into() };
    machine.stepped(&machine.person("chen", &[Role::Approver]), case, approve).await;
    case
}

async fn list(machine: &Machine, period: &str) -> shouwang_node::desk::payments::Listing {
    machine.desk.list_payments(&machine.clerk(), id(), "临时救助".into(), period.into()).await.expect("lists")
}

async fn answer(machine: &Machine, batch: &str, says: &[(CaseId, BankSays)]) -> shouwang_node::desk::payments::Settled {
    let says: BTreeMap<CaseId, BankSays> = says.iter().cloned().collect();
    machine.desk.settle_payments(&machine.clerk(), id(), batch.into(), says).await.expect("settles")
}

async fn states(machine: &Machine, batch: &str) -> Vec<PayoutState> {
    let rows = machine.desk.batch(&machine.clerk(), batch.into()).await.expect("a batch");
    rows.into_iter().map(|row| row.state).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_29_a_list_goes_to_the_bank_and_what_did_not_arrive_returns_to_the_queue() {
    let city = city().await;
    let (township, village) = (Machine::new(YANGSHE).await, Machine::new(VILLAGE).await);
    sync(&township, &city).await;
    let (a, b) = (township.household("a").await, township.household("b").await);
    let (first, second) = (granted(&township, a).await, granted(&township, b).await);
    let zhen = township.clerk();
    // One without an account stays in the queue, with the reason.
    let c = township.household("c").await;
    let none = serde_json::json!({"bank_account": ""}).as_object().expect("an object").clone();
    township.done(&zhen, Command::EditHousehold { record: c, set: none, seen_heads: Vec::new() }).await;
    granted(&township, c).await;
    let queue = township.desk.payments(&zhen).await.expect("a page").queue;
    let queue = queue.into_iter().find(|((_, kind), _)| kind == "临时救助").expect("a queue").1;
    let obstacles: Vec<&str> = queue.iter().map(|one| one.obstacle.as_str()).filter(|why| !why.is_empty()).collect();
    assert_eq!((queue.len(), obstacles), (3, vec!["没有登记银行账号"]));

    let action = id();
    let wrong = township.desk.list_payments(&zhen, action, "临时救助".into(), "2019-13".into()).await;
    assert!(matches!(wrong, Err(DeskError::Invalid { .. })));
    let listing = township.desk.list_payments(&zhen, action, "临时救助".into(), "2019-06".into()).await.expect("lists");
    assert_eq!((listing.rows, listing.amount, listing.left.len()), (2, Fen(180_000), 1));
    let again = township.desk.list_payments(&zhen, action, "临时救助".into(), "2019-06".into()).await.expect("lists");
    assert_eq!((again.batch.as_str(), again.rows), (listing.batch.as_str(), 2), "a double click makes no second list");
    assert_eq!(list(&township, "2019-06").await.batch, "", "nothing is left to list");

    // Screens show the end of an account; the list for the bank has all of it, with a purpose, and is noted.
    let rows = township.desk.batch(&zhen, listing.batch.clone()).await.expect("a batch");
    assert!(rows.iter().all(|row| row.account_last4 == "2222" && row.state == PayoutState::Listed));
    let idle = township.desk.export_batch(&zhen, listing.batch.clone(), " ".into()).await;
    assert!(matches!(idle, Err(DeskError::Invalid { .. })));
    let Exported { bytes, rows: count } =
        township.desk.export_batch(&zhen, listing.batch.clone(), "送银行代发".into()).await.expect("exports");
    let sheet = &tables::xlsx::read(&bytes).expect("a workbook")[0];
    let text: Vec<String> = sheet.rows.iter().flat_map(|(_, cells)| cells.iter().map(tables::Cell::plain)).collect();
    assert_eq!((count, text.iter().filter(|cell| *cell == "6217000011112222").count()), (2, 2));
    let noted =
        township.desk.exports(&township.person("j", &[Role::Auditor]), shouwang_node::store::reader::Page::first(5)).await;
    assert_eq!(noted.expect("a list").rows[0].purpose, "送银行代发");

    // The bank's answers as a table: one arrived, one did not.
    let number = township.page(&zhen, first).await.standing.number.expect("a number");
    let csv = format!("受理编号,事项编号,结果,原因\n{number},,成功,\n,{second},失败,账号已注销\nSL0,,成功,\n");
    let read = township.desk.read_bank_answers(&zhen, listing.batch.clone(), "jieguo.csv".into(), csv.into_bytes()).await;
    let (says, left) = read.expect("reads");
    assert_eq!(left, [("第 4 行".to_owned(), "名册中没有这一编号".to_owned())]);
    let settled = township.desk.settle_payments(&zhen, id(), listing.batch.clone(), says).await.expect("settles");
    assert_eq!((settled.paid, settled.failed, settled.left.len()), (1, 1, 0));
    let mut all = states(&township, &listing.batch).await;
    all.sort_unstable();
    assert_eq!(all, [PayoutState::Paid, PayoutState::Failed]);

    // It is in the queue again, goes on the next list, and arrives; every tier sees the same.
    sync(&township, &city).await;
    sync(&village, &township).await;
    assert_eq!(village.page(&village.clerk(), second).await.standing.stage, Stage::PaymentFailed);
    let next = list(&township, "2019-06").await;
    assert_eq!(next.rows, 1);
    answer(&township, &next.batch, &[(second, BankSays::Paid)]).await;
    sync(&township, &city).await;
    sync(&village, &township).await;
    for (machine, case) in [(&city, first), (&city, second), (&village, first), (&village, second)] {
        let standing = machine.page(&machine.clerk(), case).await.standing;
        let paid = standing.payment.expect("paid");
        assert_eq!((standing.stage, paid.amount, paid.account_last4.as_str()), (Stage::Granted, Fen(90_000), "2222"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_29_nobody_is_paid_twice_for_one_kind_and_month() {
    let city = city().await;
    let township = Machine::new(YANGSHE).await;
    sync(&township, &city).await;
    let household = township.household("a").await;
    let (first, second) = (granted(&township, household).await, granted(&township, household).await);
    let listing = list(&township, "2019-06").await;
    assert_eq!((listing.rows, listing.left.len()), (1, 1));
    assert!(listing.left[0].1.contains("同一人同一种类同一月不发两次"), "{:?}", listing.left);
    let listed = if township.page(&township.clerk(), first).await.standing.listed().is_some() { first } else { second };
    let other = if listed == first { second } else { first };
    answer(&township, &listing.batch, &[(listed, BankSays::Paid)]).await;
    let pay = |period: &str| CaseStep::Pay {
        amount: None,
        method: "现金".into(),
        account_last4: None,
        batch: String::new(),
        period: Some(period.into()),
    };
    let refused = township.step(&township.clerk(), other, pay("2019-06")).await.expect_err("refused");
    assert!(refused.what().contains("已发放"), "{refused:?}");
    township.stepped(&township.clerk(), other, pay("2019-07")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_29_what_two_offices_paid_offline_is_shown_until_it_came_back() {
    let city = city().await;
    let township = Machine::new(YANGSHE).await;
    sync(&township, &city).await;
    let household = township.household("a").await;
    let case = granted(&township, household).await;
    sync(&township, &city).await;
    // Both offline: the township by a list, the city in cash, for the same grant; and the city grants another one.
    let listing = list(&township, "2019-06").await;
    answer(&township, &listing.batch, &[(case, BankSays::Paid)]).await;
    let cash = || CaseStep::Pay {
        amount: None,
        method: "现金".into(),
        account_last4: None,
        batch: String::new(),
        period: Some("2019-06".into()),
    };
    city.stepped(&city.clerk(), case, cash()).await;
    sync(&township, &city).await;
    for machine in [&city, &township] {
        let standing = machine.page(&machine.clerk(), case).await.standing;
        assert_eq!((standing.paid(), standing.paid_again().count()), (Some(Fen(90_000)), 1), "one stands, one is too many");
        let twice = machine.desk.payments(&machine.clerk()).await.expect("a page").twice;
        assert_eq!((twice.len(), twice[0].rows.len()), (1, 2));
    }
    let clerk = township.clerk();
    let closed = township.step(&clerk, case, CaseStep::Close { result: "已发放".into() }).await.expect_err("not yet");
    assert!(closed.what().contains("重复发放的钱还没有追回"), "{closed:?}");
    let back = CaseStep::ReportFailedPayment { reason: "重复发放，现金已追回".into(), batch: String::new() };
    township.stepped(&clerk, case, back).await;
    sync(&township, &city).await;
    assert!(city.desk.payments(&city.clerk()).await.expect("a page").twice.is_empty());
    assert_eq!(city.page(&city.clerk(), case).await.standing.stage, Stage::Granted);

    // Two cases of one household, each paid by another office offline.
    let next = township.household("b").await;
    let here = granted(&township, next).await;
    sync(&township, &city).await;
    let open = OpenCase { assistance: "临时救助".into(), ..application(next) };
    let there = city.open_case(&city.clerk(), open).await;
    city.stepped(&city.clerk(), there, CaseStep::Accept {}).await;
    city.stepped(&city.clerk(), there, CaseStep::PreExamine { opinion: Opinion::For, note: String::new() }).await;
    let approve = CaseStep::Decide { outcome: Verdict::Approved, amount: Some(Fen(283_500)), reason: "另有原因".into() };
    city.stepped(&city.person("chen", &[Role::Approver]), there, approve).await;
    township.stepped(&clerk, here, cash()).await;
    city.stepped(&city.clerk(), there, cash()).await;
    sync(&township, &city).await;
    let twice = city.desk.payments(&city.clerk()).await.expect("a page").twice;
    assert_eq!(twice.len(), 1);
    let cases: Vec<CaseId> = twice[0].rows.iter().map(|row| row.case).collect();
    assert!(cases.contains(&here) && cases.contains(&there));
}

/// 临时救助 of a village's household, up to the decision; the village has it too.
async fn undecided(village: &Machine, township: &Machine, city: &Machine) -> CaseId {
    sync(township, city).await;
    let household = township.household("a").await;
    let clerk = township.clerk();
    let case = township.open_case(&clerk, application(household)).await;
    township.stepped(&clerk, case, CaseStep::Accept {}).await;
    township.stepped(&clerk, case, CaseStep::PreExamine { opinion: Opinion::For, note: String::new() }).await;
    sync(village, township).await;
    case
}

async fn decide(township: &Machine, case: CaseId) {
    // Somebody worked on it there meanwhile, so what the village writes comes earlier in the common order.
    township.stepped(&township.clerk(), case, CaseStep::Note { text: "电话联系过".into() }).await;
    let approve = CaseStep::Decide { outcome: Verdict::Approved, amount: Some(Fen(90_000)), reason: "小额".into() };
    township.stepped(&township.person("chen", &[Role::Approver]), case, approve).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_approval_and_a_withdrawal_at_the_same_time_lose_no_money() {
    let city = city().await;
    let (township, village) = (Machine::new(YANGSHE).await, Machine::new(VILLAGE).await);
    let case = undecided(&village, &township, &city).await;
    // The village has no line when the family says it does not want it; the township approves and lists it.
    village.stepped(&village.clerk(), case, CaseStep::GiveUp { reason: "已有亲属帮助".into() }).await;
    decide(&township, case).await;
    let listing = list(&township, "2019-06").await;
    assert_eq!(listing.rows, 1);
    sync(&village, &township).await;
    let page = township.page(&township.clerk(), case).await;
    assert_eq!((page.standing.stage, page.standing.turns[0].what), (Stage::GivenUp, "登记发放结果"));
    assert_eq!(page.standing.given_up.as_deref(), Some("已有亲属帮助"));
    // The bank had paid it already: it is paid, everywhere, and must come back.
    let settled = answer(&township, &listing.batch, &[(case, BankSays::Paid)]).await;
    assert_eq!((settled.paid, settled.left.len()), (1, 0));
    sync(&village, &township).await;
    sync(&township, &city).await;
    for machine in [&village, &township, &city] {
        let standing = machine.page(&machine.clerk(), case).await.standing;
        assert_eq!((standing.stage, standing.paid(), standing.owed()), (Stage::ToRecover, Some(Fen(90_000)), Fen(90_000)));
    }
    let recovered = CaseStep::Recover { amount: Some(Fen(90_000)), note: "本人退回".into() };
    township.stepped(&township.clerk(), case, recovered).await;
    township.stepped(&township.clerk(), case, CaseStep::Close { result: "申请人撤回，款已退回".into() }).await;
    assert_eq!(township.page(&township.clerk(), case).await.standing.stage, Stage::Closed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_approval_and_a_withdrawal_at_the_same_time_end_before_the_money_goes_out() {
    let city = city().await;
    let (township, village) = (Machine::new(YANGSHE).await, Machine::new(VILLAGE).await);
    let case = undecided(&village, &township, &city).await;
    village.stepped(&village.clerk(), case, CaseStep::GiveUp { reason: "已有亲属帮助".into() }).await;
    decide(&township, case).await;
    sync(&village, &township).await;
    let standing = township.page(&township.clerk(), case).await.standing;
    assert_eq!((standing.stage, standing.decided()), (Stage::GivenUp, Some(Fen(90_000))), "both are there");
    let listing = list(&township, "2019-06").await;
    assert_eq!(listing.rows, 0, "nothing is paid any more");
    let cash = CaseStep::Pay { amount: None, method: "现金".into(), account_last4: None, batch: String::new(), period: None };
    let refused = township.step(&township.clerk(), case, cash).await.expect_err("refused");
    assert!(refused.what().contains("申请人已撤回"), "{refused:?}");
    // The family changes its mind: the village takes its entry back, and the approval stands.
    let gave_up = standing.timeline.iter().find(|item| matches!(item.event.what, What::GaveUp { .. })).expect("there").id.clone();
    let back = CaseStep::TakeBack { event: gave_up, reason: "本人仍要".into() };
    village.stepped(&village.clerk(), case, back).await;
    sync(&village, &township).await;
    assert_eq!(list(&township, "2019-06").await.rows, 1);
}
