//! Help first, papers after: each state reached and left, and what was given in vain comes back.

use super::stories::*;
use super::*;
use crate::account::{Account, Outcome, RESERVE};
use crate::records::event::What;

pub(super) fn helped(amount: i64) -> What {
    What::Emergency {
        amount: Fen(amount),
        assistance: "临时救助".into(),
        reason: "夜间失火，无处落脚".into(),
        given: Given::Cash,
        what: "现金".into(),
        receiver: "赵某".into(),
        use_id: CaseId([4; 16]).to_string(),
        number: "SL1".into(),
    }
}

pub(super) fn said(outcome: Verdict, reason: &str) -> What {
    What::Acknowledged { outcome, reason: reason.into() }
}

/// A village's plea, and 500 yuan from the township the same evening (Monday 2026-06-01).
fn evening() -> Play {
    let mut play = Play::new("2026-06-01");
    play.act(VILLAGE, "cun", opened(Origin::Plea, Channel::Village, "", "赵某"));
    play.act(TOWN, "wang", helped(50_000));
    play
}

fn with_papers() -> Play {
    let mut play = evening();
    play.on("2026-06-04").act(VILLAGE, "cun", super::procedure::visited(&["王敏", "李强"], "赵某"));
    play.act(TOWN, "wang", What::MaterialsGiven { note: "身份证、户口簿".into() });
    play
}

#[test]
fn help_comes_before_the_papers_which_follow_in_their_time() {
    let mut play = evening();
    let s = play.standing();
    assert_eq!((s.stage, s.decided(), s.paid(), s.is_application), (Stage::ToPaper, Some(Fen(50_000)), Some(Fen(50_000)), true));
    // Ten working days from Monday, the Dragon Boat Festival (19 June) not among them.
    assert_eq!(s.turns, [Turn { who: Who::Tier(Tier::Township), what: "补办手续：入户调查", due: Day::parse("2026-06-15") }]);
    assert_eq!(
        (s.overdue(s.turns[0].due.expect("due")).count(), s.overdue(Day::parse("2026-06-16").expect("a day")).count()),
        (0, 1)
    );
    let account = Account::of(&s).expect("counts");
    assert_eq!((account.outcome, account.payments[0].fund.as_str()), (Outcome::Approved, RESERVE));

    for (who, staff, what, told) in [
        (TOWN, "wang", closed(), "先行救助的手续还没有补齐、确认"),
        (CITY, "chen", decided(50_000), "已经审批过，一个事项只审批一次"),
        (CITY, "chen", said(Verdict::Approved, ""), "尚未入户调查"),
    ] {
        let early = play.act(who, staff, what);
        assert_eq!(why(&play, &early), told);
    }
    play.on("2026-06-04").act(VILLAGE, "cun", super::procedure::visited(&["王敏", "李强"], "赵某"));
    assert_eq!(play.standing().turns[0].what, "补办手续：补齐材料");
    let early = play.act(CITY, "chen", said(Verdict::Approved, ""));
    assert_eq!(why(&play, &early), "材料尚未补齐");
    play.act(TOWN, "wang", What::MaterialsGiven { note: "身份证".into() });
    assert_eq!(
        play.standing().turns[0],
        Turn { who: Who::Tier(Tier::City), what: "确认先行救助", due: Day::parse("2026-06-15") }
    );
    let below = play.act(TOWN, "zhou", said(Verdict::Approved, ""));
    assert_eq!(why(&play, &below), "本级不是确认先行救助的机构");
    play.act(CITY, "chen", said(Verdict::Approved, ""));
    assert_eq!(play.stage(), Stage::Granted);
    play.act(TOWN, "wang", closed());
    assert_eq!(play.stage(), Stage::Closed);
}

#[test]
fn what_is_not_confirmed_comes_back_or_is_written_off_with_a_reason() {
    let mut play = with_papers();
    let wordless = play.act(CITY, "chen", said(Verdict::Refused, " "));
    assert_eq!(why(&play, &wordless), "不予确认须写明理由");
    play.act(CITY, "chen", said(Verdict::Refused, "收入不实"));
    let s = play.standing();
    assert_eq!((s.stage, s.owed(), Account::of(&s).expect("counts").outcome), (Stage::ToRecover, Fen(50_000), Outcome::Refused));
    let early = play.act(TOWN, "wang", closed());
    assert_eq!(why(&play, &early), "重复发放的金额尚未追回");
    play.act(TOWN, "wang", What::Recovered { amount: Fen(20_000), note: "退回".into() });
    let off = |amount, reason: &str| What::WrittenOff { amount: Fen(amount), reason: reason.into() };
    for (who, what, told) in [
        (TOWN, off(30_000, "本人去世"), "应由确认先行救助的机构核销"),
        (CITY, off(30_000, ""), "核销须写明理由"),
        (CITY, off(30_001, "本人去世"), "金额无效"),
    ] {
        let wrong = play.act(who, "chen", what);
        assert_eq!(why(&play, &wrong), told);
    }
    play.act(CITY, "chen", off(30_000, "本人去世"));
    assert_eq!((play.stage(), play.standing().owed()), (Stage::Unconfirmed, Fen(0)));
    play.act(TOWN, "wang", closed());
    assert_eq!(play.stage(), Stage::Closed);
}

#[test]
fn only_a_township_within_what_the_pack_allows_and_with_every_amount_set() {
    let mut play = Play::new("2026-06-01");
    play.act(VILLAGE, "cun", opened(Origin::Plea, Channel::Village, "", "赵某"));
    let with = |change: &dyn Fn(&mut What)| {
        let mut what = helped(50_000);
        change(&mut what);
        what
    };
    let dibao = with(&|what| {
        if let What::Emergency { assistance, .. } = what {
            *assistance = "最低生活保障".into()
        }
    });
    let wordless = with(&|what| {
        if let What::Emergency { reason, .. } = what {
            reason.clear()
        }
    });
    let nobody = with(&|what| {
        if let What::Emergency { receiver, .. } = what {
            receiver.clear()
        }
    });
    for (who, what, told) in [
        (VILLAGE, helped(50_000), "先行救助由镇(街道)动用备用金办理"),
        (CITY, helped(50_000), "先行救助由镇(街道)动用备用金办理"),
        (TOWN, helped(200_001), "超过先行救助每次限额"),
        (TOWN, helped(0), "金额无效"),
        (TOWN, dibao, "政策包没有规定这一种类可以先行救助"),
        (TOWN, wordless, "须写明情况紧急的理由"),
        (TOWN, nobody, "须写明由谁领取"),
    ] {
        let wrong = play.act(who, "wang", what);
        assert_eq!(why(&play, &wrong), told);
    }
    for pack in play.packs.values_mut() {
        for kind in &mut pack.kinds {
            if let Some(rule) = &mut kind.emergency {
                rule.papers_days = None;
            }
        }
    }
    let unset = play.act(TOWN, "wang", helped(50_000));
    assert_eq!(why(&play, &unset), "“先行救助补办手续的期限”尚未由市级设定");
    assert_eq!(play.standing().owed(), Fen(0), "what nobody had a right to give is not owed by the family");
}

#[test]
fn what_was_given_while_another_office_unseen_was_first_has_to_come_back() {
    let mut play = Play::new("2026-06-01");
    play.act(TOWN, "wang", opened(Origin::Application, Channel::TownshipWindow, "临时救助", "赵某"));
    play.act(CITY, "zhang", What::NotAccepted { reason: "已由他处救助".into() });
    // The township had not seen that.
    let late = play.act(TOWN, "wang", helped(50_000));
    assert_eq!(why(&play, &late), "已不予受理");
    let s = play.standing();
    assert_eq!((s.stage, s.owed(), s.paid()), (Stage::ToRecover, Fen(50_000), None));
    play.act(TOWN, "wang", What::Recovered { amount: Fen(50_000), note: "退回".into() });
    assert_eq!(play.stage(), Stage::NotAccepted);

    // Twice in one case: the second one has no effect, but what was given was given.
    let mut play = evening();
    let again = play.act(TOWN, "li", helped(10_000));
    assert_eq!(why(&play, &again), "已经先行救助过");
    assert_eq!((play.stage(), play.standing().owed()), (Stage::ToRecover, Fen(10_000)));
    play.act(TOWN, "wang", What::Recovered { amount: Fen(10_000), note: "退回".into() });
    assert_eq!(play.stage(), Stage::ToPaper);
}

#[test]
fn an_emergency_once_given_is_not_taken_back_and_whoever_gave_it_does_not_confirm_it() {
    let mut play = with_papers();
    let given = play.standing().emergency.expect("given").id;
    let back = play.act(TOWN, "wang", What::Withdrawn { event: given, reason: "写错".into() });
    assert_eq!(why(&play, &back), "已经发放，此前的记录不能再撤销");
    for pack in play.packs.values_mut() {
        for kind in &mut pack.kinds {
            if let Some(rule) = &mut kind.emergency {
                rule.confirms = None;
            }
        }
    }
    // Without a word in the pack, the tier that decides the amount confirms it: for 500 yuan, the township.
    let own = play.act(TOWN, "wang", said(Verdict::Approved, ""));
    assert_eq!(why(&play, &own), "经办人不得审批自己录入的事项");
    play.act(TOWN, "chen", said(Verdict::Approved, ""));
    assert_eq!(play.stage(), Stage::Granted);
}
