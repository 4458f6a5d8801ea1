//! Two offices that did not see each other: one decides and pays, the other takes something back, or writes down that
//! the family does not want it or that somebody objects. Nothing that was paid vanishes, and nobody is passed over.

use super::payments::listed;
use super::procedure::{dibao, ended, posted, settled, visited};
use super::stories::*;
use super::tests::examined;
use super::*;
use crate::records::event::What;

fn gave_up() -> What {
    What::GaveUp { reason: "不需要了".into() }
}

fn take_back(event: &OpId) -> What {
    What::Withdrawn { event: event.clone(), reason: "误录".into() }
}

fn seeing(saw: &[OpId], amount: i64) -> What {
    let What::Decided { outcome, amount, reason, formula, pack, .. } = decided(amount) else { unreachable!() };
    What::Decided { outcome, amount, reason, formula, pack, saw: saw.iter().map(ToString::to_string).collect() }
}

/// 临时救助 up to the decision, and what its decider saw.
fn examined_case() -> (Play, Vec<OpId>) {
    let mut play = Play::new("2019-05-29");
    let saw = vec![
        play.act(VILLAGE, "cun", opened(Origin::Application, Channel::TownshipWindow, "临时救助", "张某")),
        play.act(TOWN, "wang", accepted("SL1")),
        play.act(TOWN, "wang", examined()),
    ];
    (play, saw)
}

#[test]
fn what_was_decided_and_paid_before_anybody_knew_that_the_family_had_taken_it_back_is_owed() {
    let story = || {
        let (mut play, saw) = examined_case();
        // The village writes it down without a line, earlier in the common order than the decision.
        let gave_up = play.act(VILLAGE, "cun", gave_up());
        play.act(TOWN, "chen", seeing(&saw, 90_000));
        play.act(TOWN, "chen", listed("A", 90_000));
        (play, gave_up)
    };
    let (mut play, _) = story();
    let standing = play.standing();
    assert_eq!((standing.stage, standing.turns[0].what), (Stage::GivenUp, "登记发放结果"), "it is at the bank");
    let early = play.act(TOWN, "wang", closed());
    assert_eq!(why(&play, &early), "已列入发放名册，尚未登记结果");
    play.act(TOWN, "chen", paid_by_list());
    let standing = play.standing();
    assert_eq!((standing.decided(), standing.paid(), standing.owed()), (Some(Fen(90_000)), Some(Fen(90_000)), Fen(90_000)));
    assert_eq!((standing.stage, standing.turns[0].what), (Stage::ToRecover, "追缴"));
    assert_eq!(standing.given_up.as_deref(), Some("不需要了"), "and that is not forgotten");
    play.act(TOWN, "chen", What::Recovered { amount: Fen(90_000), note: "退回".into() });
    play.act(TOWN, "wang", closed());
    assert_eq!(play.stage(), Stage::Closed);

    // The family wants it after all: then the payment stands.
    let (mut kept, gave_up) = story();
    kept.act(TOWN, "chen", paid_by_list());
    kept.act(VILLAGE, "cun", take_back(&gave_up));
    assert_eq!((kept.stage(), kept.standing().owed()), (Stage::Granted, Fen(0)));

    // The bank had not paid: it comes off the list, and the case is over.
    let (mut stopped, _) = story();
    stopped.act(TOWN, "chen", What::PaymentFailed { reason: "已撤回".into(), batch: "A".into() });
    stopped.act(TOWN, "wang", closed());
    assert_eq!((stopped.stage(), stopped.standing().owed()), (Stage::Closed, Fen(0)));
}

fn paid_by_list() -> What {
    What::Paid {
        decision: None,
        amount: Fen(90_000),
        method: "银行代发".into(),
        account_last4: String::new(),
        batch: "A".into(),
        period: String::new(),
    }
}

#[test]
fn who_saw_that_the_family_had_taken_it_back_does_not_decide() {
    let (mut play, mut saw) = examined_case();
    saw.push(play.act(VILLAGE, "cun", gave_up()));
    let decision = play.act(TOWN, "chen", seeing(&saw, 90_000));
    assert_eq!((why(&play, &decision).as_str(), play.stage()), ("申请人已撤回", Stage::GivenUp));
    // Approved, and taken back before anything was paid: there is nothing to pay, and it can be closed.
    let (mut play, saw) = examined_case();
    play.act(TOWN, "chen", seeing(&saw, 90_000));
    play.act(VILLAGE, "cun", gave_up());
    play.act(TOWN, "wang", closed());
    assert_eq!(play.stage(), Stage::Closed);
}

#[test]
fn what_a_decision_rests_on_is_not_taken_back_from_under_it() {
    let (mut play, saw) = examined_case();
    // The township's laptop takes its opinion back, and the city pays before it hears of it.
    let take_back_opinion = play.act(TOWN, "wang", take_back(&saw[2]));
    let decision = play.act(CITY, "chen", seeing(&saw, 283_500));
    play.act(CITY, "chen", paid(283_500));
    assert_eq!(why(&play, &take_back_opinion), "已经审批，此前的记录不能撤销；确有错误的，先由审批机构撤销审批");
    assert_eq!((play.stage(), play.standing().paid()), (Stage::Granted, Some(Fen(283_500))));
    assert!(matches!(play.effect(&decision), Effect::Counts));
    // What nothing rests on may be taken back.
    let (mut play, saw) = examined_case();
    let transfer = play.act(TOWN, "wang", transferred(Target::department("教育局", "市教育局"), "教育救助"));
    play.act(TOWN, "chen", seeing(&saw, 90_000));
    play.act(TOWN, "chen", paid(90_000));
    play.act(TOWN, "wang", take_back(&transfer));
    play.act(TOWN, "wang", closed());
    assert_eq!(play.stage(), Stage::Closed);
}

#[test]
fn what_was_paid_on_a_decision_that_was_taken_back_meanwhile_is_owed_until_it_is_decided_again() {
    let (mut play, saw) = examined_case();
    let decision = play.act(TOWN, "chen", seeing(&saw, 90_000));
    play.act(TOWN, "chen", take_back(&decision));
    // The city's cashier, offline, saw the decision only.
    play.act(CITY, "cashier", paid(90_000));
    let standing = play.standing();
    assert_eq!((standing.stage, standing.paid(), standing.owed()), (Stage::ToRecover, Some(Fen(90_000)), Fen(90_000)));
    play.act(TOWN, "chen", seeing(&saw, 90_000));
    assert_eq!((play.stage(), play.standing().owed()), (Stage::Granted, Fen(0)));
}

/// 低保 that was put up; the village writes an objection down on the last day, and the decider does not see it.
fn objected(monthly: bool) -> Play {
    let mut play = dibao();
    for pack in play.packs.values_mut() {
        pack.kinds.iter_mut().for_each(|kind| kind.monthly &= monthly);
    }
    let before = play.standing().timeline.into_iter().map(|item| item.id);
    let mut saw: Vec<OpId> = before.collect();
    saw.push(play.act(TOWN, "wang", visited(&["王", "李"], "赵某")));
    saw.push(play.act(TOWN, "wang", examined()));
    saw.push(play.act(TOWN, "wang", posted("2026-06-02", "2026-06-08")));
    let objection = play.on("2026-06-08").act(VILLAGE, "cun", What::Objected { text: "他家有车".into() });
    saw.push(play.on("2026-06-09").act(TOWN, "wang", ended()));
    let decision = play.act(CITY, "chen", seeing(&saw, 90_000));
    assert_eq!((play.effect(&decision), play.effect(&objection)), (Effect::Counts, Effect::Counts));
    play
}

fn whose(play: &Play) -> Vec<&'static str> {
    play.standing().turns.iter().map(|turn| turn.what).collect()
}

#[test]
fn an_objection_that_the_decider_did_not_see_is_looked_into_before_anything_is_paid() {
    let mut play = objected(false);
    assert_eq!((play.stage(), whose(&play)), (Stage::ToPay, vec!["核查对审批的异议"]));
    let list = Event::new(OfficeId(CITY.1), "chen", "chen", Day::default(), listed("A", 90_000));
    let told = would_count(&play.standing(), &play.packs, Tier::City, &list);
    assert_eq!(told, Err("对审批的异议正在核查，查清以前不发放".into()));
    play.act(TOWN, "wang", settled(Finding::False));
    assert_eq!((play.stage(), whose(&play)), (Stage::ToPay, vec!["发放", "公布审批结果"]));

    let mut play = objected(false);
    play.act(TOWN, "wang", settled(Finding::True));
    assert_eq!(whose(&play), ["异议属实，撤销审批"]);
    let pays = play.act(CITY, "chen", paid(90_000));
    assert_eq!(why(&play, &pays), "对审批的异议属实，须先撤销审批");
    assert_eq!((play.stage(), play.standing().owed()), (Stage::ToRecover, Fen(90_000)), "paid all the same: it must come back");

    let mut play = objected(false);
    play.act(TOWN, "wang", settled(Finding::True));
    let decision = play.standing().decision.expect("one").id;
    play.act(CITY, "chen", take_back(&decision));
    assert_eq!((play.stage(), whose(&play)), (Stage::ToPreExamine, vec!["预审"]), "as if it had been seen");
}

#[test]
fn a_benefit_that_runs_goes_on_until_an_objection_was_found_true() {
    let mut play = objected(true);
    assert_eq!(whose(&play), ["发放", "核查对审批的异议"]);
    let early = play.act(TOWN, "wang", closed());
    assert_eq!(why(&play, &early), "对审批的异议还没有核查");
    play.act(TOWN, "wang", settled(Finding::True));
    assert_eq!(whose(&play), ["发放", "异议属实，调整或停发"]);
    play.act(CITY, "chen", What::Heard { who: "户主".into(), text: "车是儿子的".into() });
    let (amount, from, reason, formula) = (Fen(0), "2026-07".into(), "有机动车".into(), String::new());
    play.act(CITY, "chen", What::Adjusted { amount, from, reason, formula });
    assert_eq!((play.stage(), play.standing().upheld), (Stage::Stopped, false));
}
