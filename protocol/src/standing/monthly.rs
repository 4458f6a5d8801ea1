//! Benefits that are paid every month: from the month after the decision, each month once, heard before they are cut.

use super::procedure::{dibao, ended, posted, visited};
use super::stories::*;
use super::tests::{examined, why};
use super::*;
use crate::records::event::What;

fn listed(batch: &str, month: &str, fen: i64) -> What {
    What::PayListed { batch: batch.into(), period: month.into(), amount: Fen(fen), account_last4: "2222".into() }
}

fn went_out(batch: &str, month: &str, fen: i64) -> What {
    What::Paid {
        decision: None,
        amount: Fen(fen),
        method: "银行代发".into(),
        account_last4: String::new(),
        batch: batch.into(),
        period: month.into(),
    }
}

fn adjusted(fen: i64, from: &str) -> What {
    What::Adjusted { amount: Fen(fen), from: from.into(), reason: "收入变化".into(), formula: String::new() }
}

fn heard() -> What {
    What::Heard { who: "赵某本人，当面".into(), text: "没有异议".into() }
}

/// 低保 granted on 2026-06-10: 945 yuan a month from July on.
fn granted() -> Play {
    let mut play = dibao();
    play.act(TOWN, "wang", visited(&["甲", "乙"], "赵某"));
    play.act(TOWN, "wang", examined());
    play.act(TOWN, "wang", posted("2026-06-02", "2026-06-08"));
    play.on("2026-06-10").act(TOWN, "wang", ended());
    play.act(CITY, "chen", decided(94_500));
    assert_eq!(play.stage(), Stage::ToPay);
    play
}

#[test]
fn it_is_paid_once_for_each_month_from_the_month_after_the_decision() {
    let mut play = granted();
    let early = play.act(CITY, "zhang", listed("A", "2026-06", 94_500));
    assert_eq!(why(&play, &early), "这个月没有应发的待遇");
    play.on("2026-07-05").act(CITY, "zhang", listed("A", "2026-07", 94_500));
    assert_eq!(play.standing().turns[0].what, "登记发放结果");
    let twice = play.act(CITY, "zhang", listed("B", "2026-07", 94_500));
    assert_eq!(why(&play, &twice), "已列入发放名册，尚未登记结果");
    // The next month does not wait for this one's answer.
    play.on("2026-08-05").act(CITY, "zhang", listed("C", "2026-08", 94_500));
    play.act(CITY, "zhang", went_out("A", "", 94_500));
    play.act(CITY, "zhang", went_out("C", "", 94_500));
    let standing = play.standing();
    let months: Vec<(&str, PayoutState)> = standing.payouts.iter().map(|it| (it.period.as_str(), it.state)).collect();
    let paid = PayoutState::Paid;
    assert_eq!(months, [("2026-07", paid), ("2026-07", PayoutState::Beside), ("2026-08", paid)]);
    assert_eq!((standing.stage, standing.turns[0].what, standing.paid()), (Stage::Running, "按月发放", Some(Fen(189_000))));
    // Another office that pays July again, unseen: a fact, to be brought back; August is untouched.
    let again = play.act(CITY, "zhang", went_out("", "2026-07", 94_500));
    assert_eq!(why(&play, &again), "这个月已经发放过");
    assert_eq!(play.standing().paid_again().map(|it| it.period.clone()).collect::<Vec<_>>(), ["2026-07"]);
    let early = play.act(CITY, "zhang", closed());
    assert_eq!(why(&play, &early), "重复发放的钱还没有追回");
}

#[test]
fn a_month_that_came_back_is_paid_again_and_the_others_stand() {
    let mut play = granted();
    play.on("2026-07-05").act(CITY, "zhang", went_out("A", "2026-07", 94_500));
    play.on("2026-08-05").act(CITY, "zhang", went_out("B", "2026-08", 94_500));
    let failed = |batch: &str| What::PaymentFailed { reason: "账号有误".into(), batch: batch.into() };
    play.act(CITY, "zhang", failed("A"));
    let standing = play.standing();
    assert_eq!((standing.stage, standing.paid()), (Stage::PaymentFailed, Some(Fen(94_500))));
    play.act(CITY, "zhang", went_out("C", "2026-07", 94_500));
    assert_eq!((play.stage(), play.standing().paid()), (Stage::Running, Some(Fen(189_000))));
}

#[test]
fn nobody_s_benefit_is_cut_before_they_were_heard() {
    let mut play = granted();
    play.on("2026-07-05").act(CITY, "zhang", went_out("A", "2026-07", 94_500));
    let unheard = play.act(CITY, "chen", adjusted(50_000, "2026-09"));
    assert_eq!(why(&play, &unheard), "减发、停发之前须先听取本人意见");
    let by_township = play.act(TOWN, "wang", adjusted(100_000, "2026-09"));
    assert_eq!(why(&play, &by_township), "应由审批机构调整");
    // More needs no hearing.
    play.act(CITY, "chen", adjusted(100_000, "2026-08"));
    play.act(VILLAGE, "cun", heard());
    play.act(CITY, "chen", adjusted(50_000, "2026-09"));
    let again = play.act(CITY, "chen", adjusted(0, "2026-10"));
    assert_eq!(why(&play, &again), "减发、停发之前须先听取本人意见", "each cut has its own hearing");
    let standing = play.standing();
    let amounts = ["2026-06", "2026-07", "2026-08", "2026-09", "2027-01"].map(|month| standing.amount_for(month).0);
    assert_eq!(amounts, [0, 94_500, 100_000, 50_000, 50_000]);
    let too_much = play.on("2026-09-05").act(CITY, "zhang", listed("B", "2026-09", 94_500));
    assert_eq!(why(&play, &too_much), "列入名册的金额须是审批金额");
    play.act(CITY, "zhang", listed("B", "2026-09", 50_000));
    assert_eq!(play.standing().listed().map(|it| it.amount), Some(Fen(50_000)));
}

#[test]
fn it_ends_by_a_stop_and_what_was_paid_beyond_it_comes_back() {
    let mut play = granted();
    for (batch, month) in [("A", "2026-07"), ("B", "2026-08"), ("C", "2026-09")] {
        play.on(&format!("{month}-05")).act(CITY, "zhang", went_out(batch, month, 94_500));
    }
    let running = play.act(CITY, "zhang", closed());
    assert_eq!(why(&play, &running), "按月发放的待遇还没有停止");
    // The head died in July; nobody said so until September.
    play.act(TOWN, "wang", heard());
    play.act(CITY, "chen", adjusted(0, "2026-08"));
    let standing = play.standing();
    assert_eq!((standing.stage, standing.owed(), standing.stopped_from()), (Stage::ToRecover, Fen(189_000), Some("2026-08")));
    let paid = play.act(CITY, "zhang", went_out("D", "2026-10", 94_500));
    assert_eq!(why(&play, &paid), "这个月没有应发的待遇");
    let owing = play.act(CITY, "zhang", closed());
    assert_eq!(why(&play, &owing), "重复发放的金额尚未追回");
    play.act(CITY, "zhang", What::Recovered { amount: Fen(189_000), note: "退回专户".into() });
    assert_eq!((play.stage(), play.standing().turns[0].what), (Stage::Stopped, "办结"));
    // Gone on after all, before it is closed: the benefit begins anew from a month on.
    play.act(CITY, "chen", adjusted(94_500, "2026-11"));
    assert_eq!(play.stage(), Stage::Running);
    play.act(TOWN, "wang", heard());
    play.act(CITY, "chen", adjusted(0, "2026-11"));
    play.act(CITY, "zhang", closed());
    assert_eq!(play.stage(), Stage::Closed);
}

#[test]
fn a_month_that_is_not_paid_by_its_day_is_overdue() {
    let mut play = granted();
    let day = |text: &str| Day::parse(text).expect("a day");
    let late = |play: &Play, on: &str| play.standing().overdue(day(on)).filter_map(|turn| turn.due).collect::<Vec<_>>();
    assert_eq!(late(&play, "2026-07-10"), [], "the sample's term is the tenth");
    assert_eq!(late(&play, "2026-07-11"), [day("2026-07-10")]);
    play.on("2026-07-12").act(CITY, "zhang", went_out("A", "2026-07", 94_500));
    assert_eq!((play.stage(), late(&play, "2026-08-10")), (Stage::Running, vec![]));
    assert_eq!(late(&play, "2026-08-11"), [day("2026-08-10")], "August is nobody's yet");
    play.on("2026-08-12").act(CITY, "zhang", went_out("B", "2026-08", 94_500));
    play.act(TOWN, "wang", heard());
    play.act(CITY, "chen", adjusted(0, "2026-09"));
    assert_eq!(late(&play, "2027-01-01"), [], "what was stopped is not late");
}

#[test]
fn what_the_bank_paid_after_a_stop_is_a_payment_and_comes_back() {
    let mut play = granted();
    play.on("2026-07-05").act(CITY, "zhang", went_out("A", "2026-07", 94_500));
    play.on("2026-08-05").act(CITY, "zhang", listed("B", "2026-08", 94_500));
    // While the list is at the bank the benefit is stopped from that month on.
    play.act(TOWN, "wang", heard());
    play.act(CITY, "chen", adjusted(0, "2026-08"));
    let standing = play.standing();
    assert_eq!((standing.stage, standing.turns[0].what), (Stage::Stopped, "登记发放结果"), "the bank has not answered");
    let paid = play.act(CITY, "zhang", went_out("B", "", 94_500));
    assert_eq!(play.effect(&paid), Effect::Counts, "it went out");
    assert_eq!((play.stage(), play.standing().owed()), (Stage::ToRecover, Fen(94_500)));
    // What is on no list is not paid any more.
    let beside = play.act(CITY, "zhang", went_out("", "2026-09", 94_500));
    assert_eq!(why(&play, &beside), "这个月没有应发的待遇");
    play.act(CITY, "zhang", What::Recovered { amount: Fen(94_500), note: "退回专户".into() });
    play.act(CITY, "zhang", closed());
    assert_eq!(play.stage(), Stage::Closed);
}

#[test]
fn what_is_paid_once_is_not_adjusted() {
    let mut play = Play::new("2019-05-29");
    play.act(TOWN, "wang", opened(Origin::Application, Channel::TownshipWindow, "临时救助", "张某"));
    play.act(TOWN, "wang", accepted("SL1"));
    play.act(TOWN, "wang", examined());
    play.act(TOWN, "chen", decided(90_000));
    for what in [heard(), adjusted(0, "2019-07")] {
        let wrong = play.act(TOWN, "chen", what);
        assert_eq!(why(&play, &wrong), "没有按月发放的待遇");
    }
}
