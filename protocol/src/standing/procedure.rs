//! The full procedure of 最低生活保障: visit, opinion, notice, decision; its guards and its clocks.

use super::stories::*;
use super::*;
use crate::records::event::What;
use crate::records::policy::Question;

fn day(text: &str) -> Day {
    Day::parse(text).expect("a day")
}

pub(super) fn visited(who: &[&str], present: &str) -> What {
    let investigators = who.iter().map(|name| (*name).to_owned()).collect();
    What::Visited {
        investigators, present: present.into(), remote: String::new(), findings: "一家三口，住房一间".into()
    }
}

pub(super) fn posted(from: &str, until: &str) -> What {
    What::NoticePosted { place: "村务公开栏".into(), from: day(from), until: day(until), text: String::new() }
}

fn opinion(opinion: Opinion) -> What {
    What::PreExamined { opinion, note: String::new() }
}

pub(super) fn ended() -> What {
    What::NoticeEnded { note: "无异议".into() }
}

pub(super) fn settled(outcome: Finding) -> What {
    What::ObjectionSettled { outcome, note: "邻里走访".into() }
}

/// An application for 最低生活保障, accepted on Monday 2026-06-01.
pub(super) fn dibao() -> Play {
    let mut play = Play::new("2026-06-01");
    play.act(TOWN, "wang", opened(Origin::Application, Channel::TownshipWindow, "最低生活保障", "赵某"));
    play.act(TOWN, "wang", accepted("SL1"));
    play
}

#[test]
fn nobody_enters_without_visit_opinion_and_seven_days_of_notice() {
    let mut play = dibao();
    assert_eq!((play.stage(), play.standing().turns[0].due), (Stage::ToVisit, Some(day("2026-06-04"))));
    let early = play.act(CITY, "chen", decided(94_500));
    assert_eq!(why(&play, &early), "尚未入户调查");
    let early = play.act(TOWN, "wang", opinion(Opinion::For));
    assert_eq!(why(&play, &early), "尚未入户调查");

    // 57号 art. 16: two investigators, and a member of the household signs; from afar only with a reason.
    for (who, present, told) in [
        (&["王敏"][..], "赵某", "入户调查不少于两人"),
        (&["王敏", " 王敏 "][..], "赵某", "入户调查不少于两人"),
        (&["王敏", "李强"][..], "", "须有家庭成员在场签字；远程调查须写明原因"),
    ] {
        let wrong = play.act(TOWN, "wang", visited(who, present));
        assert_eq!(why(&play, &wrong), told);
    }
    play.on("2026-06-02").act(VILLAGE, "cun", visited(&["王敏", "李强"], "赵某"));
    assert_eq!(play.stage(), Stage::ToPreExamine);
    play.act(TOWN, "wang", opinion(Opinion::For));
    assert_eq!(play.stage(), Stage::ToPost);
    let early = play.act(CITY, "chen", decided(94_500));
    assert_eq!(why(&play, &early), "公示尚未期满，或异议尚未处理");
    let short = play.act(TOWN, "wang", posted("2026-06-03", "2026-06-08"));
    assert_eq!(why(&play, &short), "公示天数不足");
    play.act(TOWN, "wang", posted("2026-06-03", "2026-06-09"));
    assert_eq!((play.stage(), play.standing().turns[0].due), (Stage::OnNotice, Some(day("2026-06-10"))));
    let early = play.on("2026-06-09").act(TOWN, "wang", ended());
    assert_eq!(why(&play, &early), "公示尚未期满");
    play.on("2026-06-10").act(TOWN, "wang", ended());
    assert_eq!(play.stage(), Stage::ToDecide);
    play.act(CITY, "chen", decided(94_500));
    assert_eq!(play.stage(), Stage::ToPay);
}

#[test]
fn an_objection_stops_the_decision_and_a_true_one_sends_the_case_back() {
    let mut play = dibao();
    play.act(TOWN, "wang", visited(&["王敏", "李强"], "赵某"));
    play.act(TOWN, "wang", opinion(Opinion::For));
    play.act(TOWN, "wang", posted("2026-06-01", "2026-06-07"));
    play.act(VILLAGE, "cun", What::Objected { text: "家里有新车".into() });
    play.act(VILLAGE, "cun", What::Objected { text: "儿子在外做工".into() });
    assert_eq!(play.stage(), Stage::Objected);
    let early = play.on("2026-06-08").act(TOWN, "wang", ended());
    assert_eq!(why(&play, &early), "还有异议没有处理");
    let unclear = play.act(TOWN, "wang", settled(Finding::Unclear));
    assert_eq!(why(&play, &unclear), "异议须查明属实或不属实");
    play.act(TOWN, "wang", settled(Finding::False));
    assert_eq!(play.stage(), Stage::Objected, "there is a second one");
    play.act(TOWN, "wang", settled(Finding::True));
    let standing = play.standing();
    assert_eq!((standing.stage, standing.notice, standing.opinion), (Stage::ToPreExamine, None, None));
    // Another opinion: against; that is not put up, and is decided.
    play.act(TOWN, "wang", opinion(Opinion::Against));
    assert_eq!(play.stage(), Stage::ToDecide);
    play.act(CITY, "chen", decided(0));
    assert_eq!(play.stage(), Stage::Refused);
}

#[test]
fn a_relative_of_those_who_handle_cases_is_visited_by_the_city() {
    let mut play = dibao();
    let nameless = play.act(TOWN, "wang", What::Declared { of: " ".into(), relation: "兄弟".into() });
    assert_eq!(why(&play, &nameless), "须写明近亲属是谁");
    play.act(VILLAGE, "cun", What::Declared { of: "村会计".into(), relation: "兄弟".into() });
    play.act(TOWN, "wang", visited(&["王敏", "李强"], "赵某"));
    play.act(TOWN, "wang", opinion(Opinion::Against));
    let early = play.act(CITY, "chen", decided(0));
    assert_eq!(why(&play, &early), "近亲属备案的事项，须先由市级入户核查");
    play.act(CITY, "zhang", visited(&["张婕", "陶静华"], "赵某"));
    play.act(CITY, "chen", decided(0));
    assert_eq!(play.stage(), Stage::Refused);
}

#[test]
fn the_clock_stands_still_and_goes_on_and_is_made_longer_only_so_far() {
    let mut play = dibao();
    play.act(TOWN, "wang", visited(&["王敏", "李强"], "赵某"));
    let due = |play: &Play| play.standing().turns[0].due;
    // Fifteen working days from Monday 2026-06-01, the Dragon Boat Festival (19 June) off.
    assert_eq!(due(&play), Some(day("2026-06-23")));
    play.on("2026-06-03").act(TOWN, "li", What::Suspended { reason: "本人住院".into() });
    assert_eq!(due(&play), None);
    let twice = play.act(TOWN, "li", What::Suspended { reason: "又一次".into() });
    assert_eq!(why(&play, &twice), "已经中止计时");
    play.on("2026-06-05").act(TOWN, "li", What::Resumed { note: "已出院".into() });
    assert_eq!(due(&play), Some(day("2026-06-25")), "two working days stood still");
    let too_far = play.act(TOWN, "li", What::Extended { days: 16, reason: "情况复杂".into() });
    assert_eq!(why(&play, &too_far), "超过可延长的天数");
    play.act(TOWN, "li", What::Extended { days: 10, reason: "情况复杂".into() });
    assert_eq!(due(&play), Some(day("2026-07-09")));
    let more = play.act(TOWN, "li", What::Extended { days: 6, reason: "仍复杂".into() });
    assert_eq!(why(&play, &more), "超过可延长的天数");
    play.act(CITY, "zhang", What::Urged { note: "请抓紧".into() });
    assert_eq!(play.standing().urged, Some((1, Some(day("2026-06-05")))));
    let standing = play.standing();
    assert_eq!(standing.overdue(day("2026-07-09")).count(), 0);
    assert_eq!(standing.overdue(day("2026-07-10")).count(), 1);
}

#[test]
fn a_laptop_with_its_clock_in_2019_cannot_cut_the_notice_short() {
    let mut play = dibao();
    play.act(TOWN, "wang", visited(&["王敏", "李强"], "赵某"));
    play.act(TOWN, "wang", opinion(Opinion::For));
    // It claims 2019; the day that counts is never before what came earlier, nor does it come before its time.
    play.on("2019-01-01").act(TOWN, "wang", posted("2026-06-01", "2026-06-07"));
    let early = play.act(TOWN, "wang", ended());
    assert_eq!(why(&play, &early), "公示尚未期满");
    play.on("2026-06-08").act(VILLAGE, "cun", What::Note { text: "公示栏完好".into() });
    play.on("2019-01-01").act(TOWN, "wang", ended());
    assert_eq!(play.stage(), Stage::ToDecide);
}

#[test]
fn what_the_form_must_say_is_there_before_somebody_finds_for_the_family() {
    let mut play = dibao();
    let question = |code: &str, needed| Question {
        code: code.into(),
        name: code.into(),
        kinds: vec!["最低生活保障".into()],
        needed,
        source: "样例".into(),
        ..Question::default()
    };
    let filled = |answers: &[(&str, &str)]| What::FormFilled {
        answers: answers.iter().map(|(code, text)| super::tests::answered(code, text)).collect(),
    };
    let mut without = dibao();
    let idle = without.act(TOWN, "wang", filled(&[("住房", "自有")]));
    assert_eq!(why(&without, &idle), "这一种类的申请表没有另外要填的");
    play.packs.values_mut().for_each(|pack| pack.questions = vec![question("住房", true), question("电话", false)]);
    play.act(VILLAGE, "cun", visited(&["王敏", "李强"], "赵某"));
    let open = play.act(TOWN, "wang", opinion(Opinion::For));
    assert_eq!(why(&play, &open), "申请表还没有填写：住房");
    // Two clerks answer; the later answer stands, and both are in the story.
    play.act(VILLAGE, "cun", filled(&[("住房", "租住"), ("电话", "有")]));
    play.act(TOWN, "wang", filled(&[("住房", "自有"), ("电话", "")]));
    let says: Vec<(String, String)> = play.standing().answers.into_iter().map(|it| (it.code, it.text)).collect();
    assert_eq!(says, [(String::from("住房"), String::from("自有"))]);
    play.act(TOWN, "wang", opinion(Opinion::For));
    assert_eq!(play.stage(), Stage::ToPost);
    let empty = play.act(TOWN, "wang", filled(&[]));
    assert_eq!(why(&play, &empty), "申请表没有填写内容");
}
