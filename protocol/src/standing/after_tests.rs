//! What follows a decision, and the states of domain 3.8 beside the straight way: told in writing, made public, looked
//! at again, disputed, phased out, filed.

use super::procedure::{dibao, ended, posted, settled, visited};
use super::stories::*;
use super::tests::examined;
use super::*;
use crate::records::event::{Dispute, DisputeEnd, What};
use crate::records::policy::Step;

fn day(text: &str) -> Day {
    Day::parse(text).expect("a day")
}

pub(super) fn published(from: &str, until: &str) -> What {
    What::Published {
        place: "村务公开栏".into(),
        from: day(from),
        until: day(until),
        text: "获批人员：赵某".into(),
        ruling: None,
    }
}

pub(super) fn looked_again(on: &str, next: Option<&str>) -> What {
    What::FollowedUp { on: day(on), whom: "本人，上门".into(), text: "仍在治疗".into(), next: next.map(day) }
}

pub(super) fn disputed(about: Option<OpId>) -> What {
    let (how, body, number) = (Dispute::Review, "市人民政府".into(), "复议〔2026〕1号".into());
    What::Disputed { how, body, number, on: day("2019-05-20"), about }
}

pub(super) fn dispute_ended(dispute: &OpId, outcome: DisputeEnd) -> What {
    What::DisputeEnded { dispute: dispute.clone(), outcome, text: "复议决定书".into() }
}

pub(super) fn appraised() -> What {
    What::Appraised { attended: 7, in_favour: 6, note: "邻居都说困难".into() }
}

pub(super) fn filed() -> What {
    What::Archived { number: "2026-001".into(), note: "镇档案室".into() }
}

/// A pack that wants everybody's neighbours to be asked, and a case that has come so far.
pub(super) fn strict() -> Play {
    let mut strict = dibao();
    for pack in strict.packs.values_mut() {
        pack.kinds.iter_mut().for_each(|kind| kind.steps.push(Step::Appraise));
    }
    strict.act(TOWN, "wang", visited(&["王敏", "李强"], "赵某"));
    strict
}

pub(super) fn month(month: &str) -> What {
    What::Paid {
        decision: None,
        amount: Fen(94_500),
        method: String::new(),
        account_last4: String::new(),
        batch: String::new(),
        period: month.into(),
    }
}

fn stop(from: &str) -> What {
    What::Adjusted { amount: Fen(0), from: from.into(), reason: "就业".into(), formula: String::new() }
}

/// A benefit whose stop was decided in July 2026 and takes effect in October.
pub(super) fn phased_out() -> Play {
    let mut play = before_the_decision();
    play.act(CITY, "chen", decided(94_500));
    play.act(TOWN, "wang", published("2026-06-10", "2027-06-09"));
    play.on("2026-07-05").act(CITY, "chen", month("2026-07"));
    play.act(TOWN, "wang", What::Heard { who: "本人".into(), text: "找到工作了".into() });
    let late = play.act(CITY, "chen", stop("2027-03"));
    assert_eq!(why(&play, &late), "停发的月份太晚：超过政策规定的渐退期");
    let cut = play.act(CITY, "chen", stop("2026-10"));
    tell(&mut play, &cut, "2026-07-06");
    play
}

fn turns(play: &Play) -> Vec<&'static str> {
    play.standing().turns.iter().map(|turn| turn.what).collect()
}

fn due(play: &Play, what: &str) -> Option<Day> {
    play.standing().turns.iter().find(|turn| turn.what == what).and_then(|turn| turn.due)
}

/// 最低生活保障 up to the decision, on Wednesday 2026-06-10.
fn before_the_decision() -> Play {
    let mut play = dibao();
    play.act(TOWN, "wang", visited(&["王敏", "李强"], "赵某"));
    play.act(TOWN, "wang", examined());
    play.act(TOWN, "wang", posted("2026-06-02", "2026-06-08"));
    play.on("2026-06-10").act(TOWN, "wang", ended());
    play
}

/// Refused, and told so on paper.
fn refused() -> Play {
    let mut play = before_the_decision();
    let decision = play.act(CITY, "chen", decided(0));
    tell(&mut play, &decision, "2026-06-11");
    play
}

fn tell(play: &mut Play, of: &OpId, on: &str) {
    play.on(on).act(CITY, "chen", What::NoticeWritten { adjustment: of.clone(), text: "不予批准".into() });
    let (to, how) = ("赵某".into(), Delivery::Handed);
    play.act(TOWN, "wang", What::NoticeServed { adjustment: of.clone(), to, how, on: day(on), note: String::new() });
}

#[test]
fn whoever_is_refused_is_told_in_writing_within_three_working_days() {
    let mut play = before_the_decision();
    let decision = play.act(CITY, "chen", decided(0));
    assert_eq!((play.stage(), turns(&play)), (Stage::Refused, vec!["出具不予批准书面通知"]));
    assert_eq!(due(&play, "出具不予批准书面通知"), Some(day("2026-06-15")), "57号 art. 21: Wednesday and three working days");
    let early = play.act(CITY, "chen", closed());
    assert_eq!(why(&play, &early), "书面通知还没有送达");

    let standing = play.standing();
    let packs = play.packs.clone();
    let untold = standing.untold().expect("a refusal");
    let text = crate::written_notice::compose(&standing, untold, &packs, packs.values().next()).expect("a text");
    for line in ["事项：最低生活保障申请不予批准", "申请人：赵某", "决定日期：2026-06-10", "理由：收入超标"]
    {
        assert!(text.lines().any(|found| found == line), "{line} in {text}");
    }
    assert!(text.contains("不服的：可以自收到本通知之日起60日内申请行政复议"), "{text}");

    play.act(CITY, "chen", What::NoticeWritten { adjustment: decision.clone(), text });
    assert_eq!(turns(&play), ["送达不予批准书面通知"]);
    tell(&mut play, &decision, "2026-06-11");
    assert_eq!(turns(&play), ["办结"]);
    play.act(CITY, "chen", closed());
    assert_eq!(play.stage(), Stage::Closed);
}

#[test]
fn a_refusal_that_was_taken_back_needs_no_paper_and_its_paper_tells_of_nothing_else() {
    let mut play = before_the_decision();
    let first = play.act(CITY, "chen", decided(0));
    play.act(CITY, "chen", What::NoticeWritten { adjustment: first.clone(), text: "不予批准".into() });
    play.act(CITY, "chen", What::Withdrawn { event: first, reason: "看错了".into() });
    assert_eq!((play.stage(), play.standing().untold()), (Stage::ToDecide, None));
    let second = play.act(CITY, "chen", decided(0));
    let standing = play.standing();
    assert_eq!(standing.untold().map(|untold| (untold.id().clone(), untold.notice().cloned())), Some((second, None)));
}

#[test]
fn the_whole_way_from_acceptance_to_decision_has_thirty_working_days() {
    // Accepted on 2026-06-01; 2026-06-19 is 端午节.
    let mut play = dibao();
    let whole = day("2026-07-14");
    assert_eq!(play.standing().whole_due, Some(whole));
    assert_eq!(due(&play, "入户调查"), Some(day("2026-06-04")), "a step's own term comes first");
    play.on("2026-07-10").act(TOWN, "wang", visited(&["王敏", "李强"], "赵某"));
    assert_eq!(due(&play, "预审"), Some(whole), "fifteen working days more would be too late");
    assert!(play.standing().overdue(day("2026-07-15")).any(|turn| turn.what == "预审"));
    // It stands still with the clock, and is made longer with it.
    play.act(TOWN, "li", What::Suspended { reason: "申请人住院".into() });
    assert_eq!((play.standing().whole_due, due(&play, "预审")), (None, None));
    play.on("2026-07-15").act(TOWN, "li", What::Resumed { note: String::new() });
    assert_eq!(play.standing().whole_due, Some(day("2026-07-17")));
    play.act(TOWN, "li", What::Extended { days: 15, reason: "情况复杂".into() });
    assert_eq!(play.standing().whole_due, Some(day("2026-08-07")), "45 working days at most");
    play.act(TOWN, "wang", examined());
    play.act(TOWN, "wang", posted("2026-07-15", "2026-07-21"));
    play.act(TOWN, "wang", What::Objected { text: "有车".into() });
    assert_eq!(due(&play, "核查异议"), Some(day("2026-08-07")), "what has no term of its own has the whole one");
    play.act(TOWN, "wang", settled(Finding::False));
    play.on("2026-07-22").act(TOWN, "wang", ended());
    play.act(CITY, "chen", decided(94_500));
    assert_eq!(play.standing().whole_due, None);
}

#[test]
fn neighbours_are_asked_where_the_pack_wants_it_or_somebody_objected() {
    let mut play = dibao();
    let early = play.act(TOWN, "wang", appraised());
    assert_eq!(why(&play, &early), "尚未入户调查");
    play.act(TOWN, "wang", visited(&["王敏", "李强"], "赵某"));
    assert_eq!(play.stage(), Stage::ToPreExamine, "the sample does not want it of everybody");
    play.act(TOWN, "wang", examined());
    let late = play.act(VILLAGE, "cun", appraised());
    assert_eq!(why(&play, &late), "已经预审，没有异议的不再评议");
    play.act(TOWN, "wang", posted("2026-06-02", "2026-06-08"));
    play.act(TOWN, "wang", What::Objected { text: "有车".into() });
    play.act(VILLAGE, "cun", appraised());
    assert_eq!(play.standing().appraisal.map(|said| (said.attended, said.in_favour)), Some((7, 6)));

    let mut strict = strict();
    assert_eq!((strict.stage(), turns(&strict)), (Stage::ToAppraise, vec!["民主评议"]));
    let early = strict.act(TOWN, "wang", examined());
    assert_eq!(why(&strict, &early), "尚未民主评议");
    for (attended, in_favour, told) in [(0, 0, "须写明有几人参加评议"), (5, 6, "同意的人数多于参加的人数")]
    {
        let wrong = strict.act(VILLAGE, "cun", What::Appraised { attended, in_favour, note: "困难".into() });
        assert_eq!(why(&strict, &wrong), told);
    }
    strict.act(VILLAGE, "cun", appraised());
    strict.act(TOWN, "wang", examined());
    assert_eq!(strict.stage(), Stage::ToPost);
}

#[test]
fn what_is_approved_is_made_public_and_comes_down_with_the_grant() {
    let mut play = before_the_decision();
    let early = play.act(TOWN, "wang", published("2026-06-10", "2027-06-09"));
    assert_eq!(why(&play, &early), "尚未审批");
    play.act(CITY, "chen", decided(94_500));
    assert_eq!(turns(&play), ["发放", "公布审批结果"], "it does not hold up the money");
    for (from, until, told) in [
        ("2026-06-10", "2026-06-09", "公布的结束日期早于开始日期"),
        ("2026-06-10", "2027-06-11", "一次公布最长一年，期满可以再公布"),
    ] {
        let wrong = play.act(TOWN, "wang", published(from, until));
        assert_eq!(why(&play, &wrong), told);
    }
    let up = play.act(TOWN, "wang", published("2026-06-10", "2027-06-09"));
    assert_eq!(turns(&play), ["发放"]);
    let twice = play.act(TOWN, "wang", published("2026-06-11", "2027-06-09"));
    assert_eq!(why(&play, &twice), "这一审批结果正在公布");
    let stands = |play: &Play| {
        let posted = crate::notice::posted(&play.standing());
        posted.into_iter().find(|one| one.id == up).map(|one| one.stands)
    };
    assert_eq!(stands(&play), Some(true));
    // A wrong amount does not stay up; the new one may be put up at once.
    play.act(CITY, "chen", more(100_000, "2026-07"));
    assert_eq!((stands(&play), turns(&play)), (Some(false), vec!["发放", "公布审批结果"]));
    let again = play.act(TOWN, "wang", published("2026-06-11", "2027-06-09"));
    assert_eq!((play.effect(&again), turns(&play)), (Effect::Counts, vec!["发放"]));
    play.act(TOWN, "wang", What::Heard { who: "本人".into(), text: "同意".into() });
    play.act(CITY, "chen", stop("2026-07"));
    assert!(
        crate::notice::posted(&play.standing()).iter().all(|one| !one.stands),
        "nobody is on the board for what they do not get"
    );
    // A grant that is taken back before it was paid comes down too.
    let mut again = before_the_decision();
    let decision = again.act(CITY, "chen", decided(94_500));
    again.act(TOWN, "wang", published("2026-06-10", "2027-06-09"));
    again.act(CITY, "chen", What::Withdrawn { event: decision, reason: "算错了".into() });
    assert!(crate::notice::posted(&again.standing()).iter().all(|one| !one.stands));
}

#[test]
fn a_sheet_with_the_amount_of_before_does_not_pass_for_the_new_one() {
    let mut play = before_the_decision();
    let decision = play.act(CITY, "chen", decided(94_500));
    play.act(CITY, "chen", more(100_000, "2026-07"));
    // The township had not heard of the second one when it put up the first.
    let mut old = published("2026-06-10", "2027-06-09");
    if let What::Published { ruling, .. } = &mut old {
        *ruling = Some(decision);
    }
    let up = play.act(TOWN, "wang", old);
    assert_eq!(why(&play, &up), "审批结果已经变动，这一公布写的是变动以前的，请重新公布");
    assert_eq!(turns(&play), ["发放", "公布审批结果"]);
    let mut new = published("2026-06-11", "2027-06-09");
    if let What::Published { ruling, .. } = &mut new {
        *ruling = play.standing().ruling().cloned();
    }
    let up = play.act(TOWN, "wang", new);
    assert_eq!((play.effect(&up), turns(&play)), (Effect::Counts, vec!["发放"]));
}

#[test]
fn somebody_looks_again_when_a_service_has_ended_also_after_the_case_was_closed() {
    let mut play = Play::new("2019-05-20");
    play.act(TOWN, "wang", opened(Origin::Application, Channel::Web, "心理服务", "唐女士"));
    play.act(TOWN, "wang", accepted("1"));
    let early = play.act(TOWN, "wang", looked_again("2019-05-20", None));
    assert_eq!(why(&play, &early), "还没有办理结果，不回访");
    let transfer = play.act(TOWN, "wang", transferred(Target::provider("社工服务中心", "社工"), ""));
    play.act(TOWN, "she", What::SignedFor { transfer: transfer.clone() });
    let (change, follow_up) = (Change::Better, Some(day("2019-07-01")));
    play.act(TOWN, "she", What::Outcome { transfer: transfer.clone(), change, text: "愿意治疗".into(), follow_up });
    play.act(TOWN, "she", What::Feedback { transfer, result: Answer::Served, text: "好".into(), amount: None });
    play.act(TOWN, "wang", closed());
    assert_eq!((play.stage(), turns(&play), due(&play, "回访")), (Stage::Closed, vec!["回访"], follow_up));
    assert!(play.standing().overdue(day("2019-07-02")).any(|turn| turn.what == "回访"));
    let early = play.act(TOWN, "wang", filed());
    assert_eq!(why(&play, &early), "还不能归档：还没有回访");
    let future = play.act(VILLAGE, "cun", looked_again("2019-05-21", None));
    assert_eq!(why(&play, &future), "日期在今天之后");
    play.on("2019-07-01").act(VILLAGE, "cun", looked_again("2019-06-30", Some("2019-12-30")));
    assert_eq!(due(&play, "回访"), Some(day("2019-12-30")));
    play.on("2019-12-30").act(TOWN, "wang", looked_again("2019-12-30", None));
    play.act(TOWN, "wang", filed());
    assert_eq!((play.stage(), turns(&play), play.standing().follow_ups.len()), (Stage::Archived, vec![], 2));
}

#[test]
fn a_kind_may_want_a_look_some_days_after_the_first_money() {
    let mut play = Play::new("2019-05-20");
    for kind in play.packs.values_mut().flat_map(|pack| &mut pack.kinds) {
        kind.steps.push(Step::FollowUp);
        kind.days.insert(Step::FollowUp, 10);
    }
    play.act(TOWN, "wang", opened(Origin::Application, Channel::TownshipWindow, "临时救助", "张某"));
    play.act(TOWN, "wang", accepted("SL1"));
    play.act(TOWN, "wang", examined());
    play.act(TOWN, "chen", decided(90_000));
    assert_eq!(turns(&play), ["发放"]);
    play.act(TOWN, "chen", paid(90_000));
    assert_eq!((turns(&play), due(&play, "回访")), (vec!["办结", "回访"], Some(day("2019-06-03"))));
}

#[test]
fn a_refusal_that_was_set_aside_is_decided_anew_also_when_the_case_was_closed() {
    let mut play = refused();
    play.act(CITY, "chen", closed());
    let about = play.standing().ruling().cloned();
    let dispute = play.on("2026-07-01").act(TOWN, "wang", disputed(about));
    assert_eq!((play.stage(), turns(&play)), (Stage::Closed, vec!["登记复议、诉讼结果"]));
    let early = play.act(TOWN, "wang", filed());
    assert_eq!(why(&play, &early), "还不能归档：复议、诉讼还没有结果");
    let twice = play.act(TOWN, "wang", disputed(None));
    assert_eq!(why(&play, &twice), "已有复议、诉讼没有结果");
    play.on("2026-08-03").act(CITY, "li", dispute_ended(&dispute, DisputeEnd::SetAside));
    assert_eq!((play.stage(), turns(&play)), (Stage::Refused, vec!["按复议、诉讼结果重新办理"]));
    let decision = play.standing().decision.expect("refused").id;
    play.act(CITY, "chen", What::Withdrawn { event: decision, reason: "复议决定撤销".into() });
    assert_eq!((play.stage(), turns(&play)), (Stage::ToDecide, vec!["审批"]));
    play.act(CITY, "chen", decided(94_500));
    let standing = play.standing();
    assert_eq!((standing.stage, standing.set_aside(), standing.untold()), (Stage::ToPay, None, None));
    assert_eq!(standing.disputes.len(), 1, "what was disputed stays in the case");
}

#[test]
fn a_cut_that_was_set_aside_is_put_right_and_one_that_stands_is_left() {
    for (outcome, turn) in [(DisputeEnd::Stands, false), (DisputeEnd::Dropped, false), (DisputeEnd::SetAside, true)] {
        let mut play = before_the_decision();
        play.act(CITY, "chen", decided(94_500));
        play.act(TOWN, "wang", What::Heard { who: "本人".into(), text: "不同意".into() });
        let less = |fen: i64| {
            let (from, reason) = ("2026-08".into(), "收入变化".into());
            What::Adjusted { amount: Fen(fen), from, reason, formula: String::new() }
        };
        let cut = play.act(CITY, "chen", less(50_000));
        tell(&mut play, &cut, "2026-06-11");
        let dispute = play.act(CITY, "li", disputed(Some(cut.clone())));
        play.act(CITY, "li", dispute_ended(&dispute, outcome));
        assert_eq!(turns(&play).contains(&"按复议、诉讼结果重新办理"), turn, "{outcome:?}");
        if turn {
            play.act(CITY, "chen", less(94_500));
            assert_eq!((play.standing().set_aside(), play.standing().amount_for("2026-08")), (None, Fen(94_500)));
        }
    }
}

#[test]
fn a_benefit_is_phased_out_for_no_longer_than_the_pack_says() {
    let mut play = phased_out();
    let standing = play.standing();
    assert_eq!((standing.stage, standing.turns[0].what), (Stage::PhasingOut, "按月发放"));
    assert_eq!(standing.turns[0].due, Some(day("2026-08-10")));
    assert_eq!(standing.unpaid_months().collect::<Vec<_>>(), ["2026-08", "2026-09"]);
    play.on("2026-08-05").act(CITY, "chen", month("2026-08"));
    play.on("2026-09-05").act(CITY, "chen", month("2026-09"));
    assert_eq!((play.stage(), turns(&play)), (Stage::Stopped, vec!["办结"]));
    let more = play.act(CITY, "chen", month("2026-10"));
    assert_eq!(why(&play, &more), "这个月没有应发的待遇");
    // A pack that says nothing of it, as those before it, judges as it did.
    let mut older = before_the_decision();
    older.packs.values_mut().flat_map(|pack| &mut pack.kinds).for_each(|kind| kind.grace = None);
    older.act(CITY, "chen", decided(94_500));
    older.act(TOWN, "wang", What::Heard { who: "本人".into(), text: "同意".into() });
    let far = older.act(CITY, "chen", stop("2027-06"));
    assert_eq!((older.effect(&far), older.stage()), (Effect::Counts, Stage::PhasingOut));
}

fn more(fen: i64, from: &str) -> What {
    What::Adjusted { amount: Fen(fen), from: from.into(), reason: "标准提高".into(), formula: String::new() }
}

#[test]
fn what_is_phased_out_is_not_raised_past_its_stop_and_may_have_to_end_sooner() {
    let mut play = phased_out();
    let raised = play.on("2026-08-05").act(CITY, "chen", more(100_000, "2026-09"));
    assert_eq!(why(&play, &raised), "已决定停发；不再停发的，从原定停发的月份起调整");
    assert_eq!(play.standing().stopped_from(), Some("2026-10"), "the stop that the family was told of stands");
    // A death in August: heard, stopped from September on, and told so anew.
    let unheard = play.act(CITY, "chen", stop("2026-09"));
    assert_eq!(why(&play, &unheard), "减发、停发之前须先听取本人意见");
    play.act(TOWN, "wang", What::Heard { who: "之子".into(), text: "知道".into() });
    let sooner = play.act(CITY, "chen", stop("2026-09"));
    let standing = play.standing();
    assert_eq!(
        (standing.stopped_from(), standing.unpaid_months().collect::<Vec<_>>()),
        (Some("2026-09"), vec!["2026-08".into()])
    );
    let Some(Untold::Cut(before, term)) = standing.untold() else { panic!("{:?}", standing.untold()) };
    assert_eq!((before, &term.id), (Fen(94_500), &sooner));
    tell(&mut play, &sooner, "2026-08-06");
    // Whoever is to go on getting it does from the month on in which it would have stopped.
    play.act(CITY, "chen", more(94_500, "2026-09"));
    assert_eq!((play.standing().stopped_from(), play.standing().amount_for("2026-10")), (None, Fen(94_500)));
}

#[test]
fn papers_are_filed_when_nothing_is_left_and_then_nothing_is_added() {
    let mut play = refused();
    let early = play.act(TOWN, "wang", filed());
    assert_eq!(why(&play, &early), "办结以后才归档");
    play.act(CITY, "chen", closed());
    let by_village = play.act(VILLAGE, "cun", filed());
    assert_eq!(why(&play, &by_village), "村(社区)不办理这一步");
    let nameless = play.act(TOWN, "wang", What::Archived { number: " ".into(), note: String::new() });
    assert_eq!(why(&play, &nameless), "须写明档案编号");
    let filed = play.act(TOWN, "wang", filed());
    assert_eq!((play.stage(), play.stage().is_done(), turns(&play)), (Stage::Archived, true, vec![]));
    let late = play.act(TOWN, "wang", looked_again("2026-06-11", None));
    assert_eq!(why(&play, &late), "已归档；确需补记的，先撤销归档");
    play.act(TOWN, "wang", What::Withdrawn { event: filed, reason: "补记回访".into() });
    play.act(TOWN, "wang", looked_again("2026-06-11", None));
    play.act(TOWN, "wang", self::filed());
    assert_eq!(play.stage(), Stage::Archived);
    // Whoever disputes does not wait for the cabinet, also where another office filed the case unseen.
    play.act(TOWN, "wang", disputed(None));
    assert_eq!((play.stage(), turns(&play)), (Stage::Closed, vec!["登记复议、诉讼结果"]));
}

#[test]
fn who_was_not_accepted_disputes_that_and_it_stays_in_the_case() {
    let mut play = Play::new("2026-06-01");
    play.act(TOWN, "wang", opened(Origin::Application, Channel::TownshipWindow, "最低生活保障", "赵某"));
    let refusal = play.act(TOWN, "wang", What::NotAccepted { reason: "非本市".into() });
    let dispute = play.act(TOWN, "wang", disputed(None));
    play.act(TOWN, "li", dispute_ended(&dispute, DisputeEnd::SetAside));
    play.act(TOWN, "wang", What::Withdrawn { event: refusal, reason: "复议撤销".into() });
    play.act(TOWN, "wang", accepted("SL1"));
    assert_eq!((play.stage(), play.standing().disputes.len()), (Stage::ToVisit, 1));
    assert_eq!(play.effect(&dispute), Effect::Counts);
}

#[test]
fn only_who_decides_says_that_a_decision_was_set_aside() {
    let mut play = refused();
    play.act(CITY, "chen", closed());
    let about = play.standing().ruling().cloned();
    let dispute = play.act(TOWN, "wang", disputed(about));
    let below = play.act(TOWN, "li", dispute_ended(&dispute, DisputeEnd::SetAside));
    assert_eq!((why(&play, &below), play.stage()), ("应由审批机构登记复议、诉讼结果".into(), Stage::Closed));
}

#[test]
fn of_two_days_to_look_again_the_earlier_one_comes_first() {
    let mut play = Play::new("2019-05-20");
    play.act(TOWN, "wang", opened(Origin::Application, Channel::Web, "心理服务", "唐女士"));
    play.act(TOWN, "wang", accepted("1"));
    for next in ["2019-08-01", "2019-12-01"] {
        let transfer = play.act(TOWN, "wang", transferred(Target::provider("社工服务中心", "社工"), ""));
        play.act(TOWN, "she", What::SignedFor { transfer: transfer.clone() });
        let (change, follow_up) = (Change::Better, Some(day(next)));
        play.act(TOWN, "she", What::Outcome { transfer, change, text: "好转".into(), follow_up });
    }
    assert_eq!(play.standing().follow_up, Some(day("2019-08-01")));
}
