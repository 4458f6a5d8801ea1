//! Benefits that are paid every month: from the month after the decision, each month once, heard before they are cut.

use super::procedure::{ended, posted, visited};
use super::stories::*;
use super::tests::examined;
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

/// The city makes out the notice of the first cut that nobody was told of, and the township serves it.
fn told(play: &mut Play, on: &str) {
    let (packs, standing) = (play.packs.clone(), play.standing());
    let untold = standing.untold().expect("a cut");
    let text = crate::written_notice::compose(&standing, untold, &packs, packs.values().next()).expect("a text");
    let adjustment = untold.id().clone();
    play.act(CITY, "chen", What::NoticeWritten { adjustment: adjustment.clone(), text });
    play.act(TOWN, "wang", served(&adjustment, on));
    assert_eq!(play.standing().untold(), None);
}

fn served(adjustment: &OpId, on: &str) -> What {
    let on = Day::parse(on).expect("a day");
    let how = Delivery::Handed;
    What::NoticeServed { adjustment: adjustment.clone(), to: "赵某".into(), how, on, note: String::new() }
}

/// 低保 granted on 2026-06-10: 945 yuan a month from July on.
fn granted() -> Play {
    let mut play = granted_as("最低生活保障");
    play.act(TOWN, "wang", super::after_tests::published("2026-06-10", "2027-06-09"));
    play
}

fn granted_as(kind: &str) -> Play {
    let mut play = Play::new("2026-06-01");
    play.act(TOWN, "wang", opened(Origin::Application, Channel::TownshipWindow, kind, "赵某"));
    play.act(TOWN, "wang", accepted("SL1"));
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
    let untold = play.act(CITY, "zhang", closed());
    assert_eq!(why(&play, &untold), "书面通知还没有送达");
    told(&mut play, "2026-09-05");
    // Gone on after all, before it is closed: the benefit begins anew from a month on.
    play.act(CITY, "chen", adjusted(94_500, "2026-11"));
    assert_eq!(play.stage(), Stage::Running);
    play.act(TOWN, "wang", heard());
    play.act(CITY, "chen", adjusted(0, "2026-11"));
    told(&mut play, "2026-09-05");
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
fn a_month_that_is_due_is_paid_before_a_stop_ends_the_benefit() {
    let mut play = granted();
    play.on("2026-07-05").act(CITY, "zhang", went_out("A", "2026-07", 94_500));
    play.on("2026-08-03").act(TOWN, "wang", heard());
    play.act(CITY, "chen", adjusted(0, "2026-09"));
    told(&mut play, "2026-08-03");
    let standing = play.standing();
    assert_eq!((standing.stage, standing.turns[0].what), (Stage::ToPay, "发放"), "August is still due");
    assert_eq!(standing.unpaid_months().collect::<Vec<_>>(), ["2026-08"]);
    assert_eq!(standing.overdue(Day::parse("2026-08-11").expect("a day")).count(), 1);
    let early = play.act(CITY, "zhang", closed());
    assert_eq!(why(&play, &early), "停发以前还有月份没有发放");
    play.act(CITY, "zhang", listed("B", "2026-08", 94_500));
    play.act(CITY, "zhang", What::PaymentFailed { reason: "账号已销户".into(), batch: "B".into() });
    assert_eq!(play.stage(), Stage::PaymentFailed);
    let beyond = play.act(CITY, "zhang", went_out("C", "2026-09", 94_500));
    assert_eq!(why(&play, &beyond), "这个月没有应发的待遇");
    play.act(CITY, "zhang", went_out("C", "2026-08", 94_500));
    assert_eq!(play.stage(), Stage::Stopped);
    play.act(CITY, "zhang", closed());
    assert_eq!(play.stage(), Stage::Closed);
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
    assert_eq!(play.stage(), Stage::Stopped);
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

#[test]
fn whoever_s_benefit_is_cut_is_told_in_writing_what_why_and_how_to_object() {
    let mut play = granted();
    play.on("2026-07-05").act(CITY, "zhang", went_out("A", "2026-07", 94_500));
    play.act(CITY, "chen", adjusted(100_000, "2026-08"));
    let nothing =
        play.act(CITY, "chen", What::NoticeWritten { adjustment: OpId::parse("1@00").expect("an id"), text: "x".into() });
    assert_eq!(why(&play, &nothing), "没有要书面告知的决定", "more is no cut");
    play.act(VILLAGE, "cun", heard());
    let cut = play.act(CITY, "chen", adjusted(50_000, "2026-08"));
    let turns = |play: &Play| {
        let all = play.standing().turns.into_iter().filter(|turn| turn.what != TO_PUBLISH);
        all.map(|turn| (turn.who, turn.what)).collect::<Vec<_>>()
    };
    let city = |what| (Who::Tier(Tier::City), what);
    assert_eq!(turns(&play), [city("按月发放"), city("出具减发、停发书面通知")]);
    let early = play.act(TOWN, "wang", served(&cut, "2026-07-05"));
    assert_eq!(why(&play, &early), "还没有出具书面通知，或已经送达");
    let standing = play.standing();
    let untold = standing.untold().expect("a cut");
    let mut packs = play.packs.clone();
    let pack = packs.values().next().cloned().expect("the sample");
    let text = crate::written_notice::compose(&standing, untold, &packs, Some(&pack)).expect("a text");
    for line in [
        "事项：最低生活保障减少发放",
        "原来：每月1000.00元",
        "现在：每月500.00元",
        "从何时起：2026年08月",
        "理由：收入变化",
        "听取意见：2026-07-05，赵某本人，当面：没有异议",
        "依据：社会救助法 第48条；最低生活保障审核确认办法 民发〔2021〕57号 第15、20、21、22、24条",
        "不服的：可以自收到本通知之日起60日内申请行政复议（行政复议法（2023年修订） 第20条）",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in {text}");
    }
    // A city that has not set how to object gives out no half notice.
    packs.values_mut().for_each(|pack| pack.remedies.clear());
    let unset = crate::written_notice::compose(&standing, untold, &packs, packs.values().next());
    assert_eq!(unset.expect_err("unset blocks"), "政策包没有写明怎样提出异议（救济途径），请市级先设定");
    play.on("2026-07-06").act(CITY, "chen", What::NoticeWritten { adjustment: cut.clone(), text: text.clone() });
    assert_eq!(turns(&play), [city("按月发放"), city("送达减发、停发书面通知")]);
    for (on, told) in [("2026-07-05", "送达日期早于出具日期"), ("2026-07-08", "送达日期在今天之后")] {
        let wrong = play.act(VILLAGE, "cun", served(&cut, on));
        assert_eq!(why(&play, &wrong), told);
    }
    play.on("2026-07-08").act(VILLAGE, "cun", served(&cut, "2026-07-07"));
    let again = play.act(TOWN, "wang", served(&cut, "2026-07-08"));
    assert_eq!(why(&play, &again), "还没有出具书面通知，或已经送达");
    let standing = play.standing();
    let notice = standing.terms[2].notice.as_ref().expect("told");
    assert_eq!((notice.text.as_str(), notice.served.as_ref().map(|(to, ..)| to.as_str())), (text.as_str(), Some("赵某")));
    assert_eq!(turns(&play), [city("按月发放")]);
}

#[test]
fn 特困_is_stopped_after_seven_days_of_notice_and_from_the_next_month() {
    let mut play = granted_as("特困人员供养");
    play.on("2026-07-05").act(CITY, "zhang", went_out("A", "2026-07", 94_500));
    play.act(TOWN, "wang", heard());
    let unposted = play.act(CITY, "chen", adjusted(0, "2026-08"));
    assert_eq!(why(&play, &unposted), "停发之前须先公示，期满无异议");
    let short = play.act(TOWN, "wang", posted("2026-07-06", "2026-07-11"));
    assert_eq!(why(&play, &short), "公示天数不足");
    play.act(TOWN, "wang", posted("2026-07-06", "2026-07-12"));
    let due = play.standing().turns.iter().find(|turn| turn.what == "停发公示期满后登记结果").and_then(|turn| turn.due);
    assert_eq!(due.map(|day| day.to_string()).as_deref(), Some("2026-07-13"));
    assert_eq!(play.stage(), Stage::Running, "it is paid as long as nobody stopped it");
    // Somebody says that he cannot work after all, and is right: it is not stopped by this notice.
    play.act(VILLAGE, "cun", What::Objected { text: "仍不能劳动".into() });
    let early = play.on("2026-07-13").act(TOWN, "wang", ended());
    assert_eq!(why(&play, &early), "还有异议没有处理");
    play.act(TOWN, "wang", What::ObjectionSettled { outcome: Finding::True, note: "医院证明".into() });
    let gone = play.act(CITY, "chen", adjusted(0, "2026-08"));
    assert_eq!(why(&play, &gone), "停发之前须先公示，期满无异议");
    // Posted again later, without objections.
    play.act(TOWN, "wang", posted("2026-07-14", "2026-07-20"));
    play.on("2026-07-21").act(TOWN, "wang", ended());
    let back = play.act(CITY, "chen", adjusted(0, "2026-07"));
    assert_eq!(why(&play, &back), "应从下月起停发");
    play.act(CITY, "chen", adjusted(0, "2026-08"));
    let standing = play.standing();
    assert_eq!((standing.stage, standing.stop_notice.is_none(), standing.notice.is_some()), (Stage::Stopped, true, true));
    // A smaller benefit needs no notice, and 低保 none at all.
    let mut dibao = granted();
    dibao.on("2026-07-05").act(CITY, "zhang", went_out("A", "2026-07", 94_500));
    let none = dibao.act(TOWN, "wang", posted("2026-07-06", "2026-07-12"));
    assert_eq!(why(&dibao, &none), "这一种类停发之前不公示");
}
