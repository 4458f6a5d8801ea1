//! Money on lists and on its way: what two offices did without seeing each other is kept, and one payment stands.

use super::payout::month;
use super::stories::*;
use super::tests::examined;
use super::*;
use crate::records::event::What;

pub(super) fn listed(batch: &str, amount: i64) -> What {
    What::PayListed { batch: batch.into(), period: "2019-06".into(), amount: Fen(amount), account_last4: "2222".into() }
}

fn from_batch(batch: &str, amount: i64) -> What {
    What::Paid {
        decision: None,
        amount: Fen(amount),
        method: "银行代发".into(),
        account_last4: String::new(),
        batch: batch.into(),
        period: String::new(),
    }
}

fn came_back(batch: &str) -> What {
    What::PaymentFailed { reason: "账号有误".into(), batch: batch.into() }
}

fn states(play: &Play) -> Vec<(String, PayoutState)> {
    play.standing().payouts.into_iter().map(|payout| (payout.batch, payout.state)).collect()
}

/// 临时救助 that the township granted: 900 yuan.
fn granted() -> Play {
    let mut play = Play::new("2019-05-29");
    play.act(TOWN, "wang", opened(Origin::Application, Channel::TownshipWindow, "临时救助", "张某"));
    play.act(TOWN, "wang", accepted("SL1"));
    play.act(TOWN, "wang", examined());
    play.act(TOWN, "chen", decided(90_000));
    assert_eq!(play.stage(), Stage::ToPay);
    play
}

#[test]
fn what_is_listed_waits_for_its_result_and_what_did_not_arrive_returns_to_the_queue() {
    let mut play = granted();
    let wrong = play.act(TOWN, "wang", listed("A", 80_000));
    assert_eq!(play.effect(&wrong), Effect::WithoutEffect("列入名册的金额须是审批金额".into()));
    play.act(TOWN, "wang", listed("A", 90_000));
    let standing = play.standing();
    assert_eq!((standing.stage, standing.turns[0].what), (Stage::ToPay, "登记发放结果"));
    assert_eq!(standing.listed().map(|payout| payout.period.as_str()), Some("2019-06"));
    let twice = play.act(TOWN, "wang", listed("B", 90_000));
    assert_eq!(play.effect(&twice), Effect::WithoutEffect("已列入发放名册，尚未登记结果".into()));
    play.act(TOWN, "wang", came_back("B"));
    play.act(TOWN, "wang", came_back("A"));
    let standing = play.standing();
    assert_eq!((standing.stage, standing.turns[0].what, standing.failed_payments), (Stage::PaymentFailed, "重新发放", 2));
    play.act(TOWN, "wang", listed("C", 90_000));
    play.act(TOWN, "wang", from_batch("C", 90_000));
    assert_eq!(play.stage(), Stage::Granted);
    let all = [("A", PayoutState::Failed), ("B", PayoutState::Failed), ("C", PayoutState::Paid)];
    assert_eq!(states(&play), all.map(|(batch, state)| (batch.to_owned(), state)));
    let paid = play.standing().payouts.pop().expect("one");
    assert_eq!((paid.period.as_str(), paid.account_last4.as_str()), ("2019-06", "2222"), "as it was listed");
}

#[test]
fn what_two_offices_paid_without_seeing_each_other_is_shown_until_it_came_back() {
    let mut play = granted();
    play.act(TOWN, "wang", listed("A", 90_000));
    play.act(TOWN, "wang", from_batch("A", 90_000));
    // The city paid the same, offline; in the common order it comes later.
    let again = play.act(CITY, "zhang", from_batch("", 90_000));
    assert_eq!(play.effect(&again), Effect::WithoutEffect("这一审批已经发放过".into()), "kept, and no second payment");
    let standing = play.standing();
    assert_eq!((standing.paid(), standing.paid_again().count()), (Some(Fen(90_000)), 1));
    assert!(standing.turns.iter().any(|turn| turn.what == "追回重复发放"));
    let early = play.act(TOWN, "wang", closed());
    assert_eq!(play.effect(&early), Effect::WithoutEffect("重复发放的钱还没有追回".into()));
    play.act(TOWN, "wang", came_back(""));
    let standing = play.standing();
    assert_eq!((standing.paid(), standing.paid_again().count(), standing.stage), (Some(Fen(90_000)), 0, Stage::Granted));
    play.act(TOWN, "wang", closed());
    assert_eq!(play.stage(), Stage::Closed);
}

#[test]
fn what_another_office_paid_while_the_case_was_closed_is_seen_and_comes_back() {
    let mut play = granted();
    play.act(TOWN, "wang", from_batch("", 90_000));
    play.act(TOWN, "wang", closed());
    assert_eq!(play.stage(), Stage::Closed);
    // The city, offline, saw neither.
    let again = play.act(CITY, "zhang", from_batch("", 90_000));
    assert_eq!(play.effect(&again), Effect::WithoutEffect("事项已办结".into()));
    let standing = play.standing();
    assert_eq!((standing.paid(), standing.paid_again().count()), (Some(Fen(90_000)), 1));
    assert!(standing.turns.iter().any(|turn| turn.what == "追回重复发放"), "{:?}", standing.turns);
    play.act(CITY, "zhang", came_back(""));
    let standing = play.standing();
    assert_eq!((standing.stage, standing.paid_again().count(), standing.turns.len()), (Stage::Closed, 0, 0));
}

#[test]
fn when_the_first_of_two_payments_comes_back_the_other_stands() {
    let mut play = granted();
    play.act(TOWN, "wang", listed("A", 90_000));
    play.act(CITY, "zhang", from_batch("", 90_000));
    let pairs = |list: [(&str, PayoutState); 2]| list.map(|(batch, state)| (batch.to_owned(), state)).to_vec();
    assert_eq!(states(&play), pairs([("A", PayoutState::Beside), ("", PayoutState::Paid)]), "the list must not be paid");
    let again = play.act(TOWN, "wang", from_batch("A", 90_000));
    assert_eq!(states(&play), pairs([("A", PayoutState::Again), ("", PayoutState::Paid)]));
    // Nobody recovers it, but then the city's transfer bounces twice over: nothing is left, the case is to be paid.
    play.act(CITY, "zhang", came_back("A"));
    play.act(CITY, "zhang", came_back(""));
    assert_eq!((play.stage(), play.standing().payment), (Stage::PaymentFailed, None));
    // The same with the other order: what went out second takes the place of the first.
    let mut play = granted();
    let first = play.act(TOWN, "wang", listed("A", 90_000));
    play.act(TOWN, "wang", from_batch("A", 90_000));
    let second = play.act(CITY, "zhang", listed("B", 90_000));
    play.act(CITY, "zhang", from_batch("B", 90_000));
    play.act(TOWN, "wang", came_back("A"));
    let standing = play.standing();
    assert_eq!(standing.payment.map(|payment| payment.batch), Some("B".to_owned()));
    assert!(first != second && again != second);
    assert_eq!(month(Day::parse("2019-06-30").expect("a day")), "2019-06");
}
