//! 家庭经济状况核对 within a case: nobody is asked about without an authorisation that holds that day, and nobody
//! decides before the check is done.

use super::procedure::visited;
use super::stories::*;
use super::*;
use crate::records::event::{Agreement, What};
use crate::records::policy::sample;
use crate::records::verification::supporter;

fn day(text: &str) -> Day {
    Day::parse(text).expect("a day")
}

fn authorised(name: &str, scope: &[&str], signed: &str, until: &str) -> What {
    What::CheckAuthorised {
        person: format!("1@{name}"),
        whose: name.into(),
        relation: String::new(),
        id_no: String::new(),
        signer: name.into(),
        guardian: String::new(),
        scope: scope.iter().map(|code| (*code).to_owned()).collect(),
        purpose: "申请刚性支出困难救助".into(),
        signed: day(signed),
        until: day(until),
        paper: "镇档案室 A-12".into(),
    }
}

fn asked(number: &str, names: &[&str], sources: &[&str], supersedes: &str) -> What {
    What::CheckAsked {
        number: number.into(),
        people: names.iter().map(|name| format!("1@{name}")).collect(),
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        sources: sources.iter().map(|code| (*code).to_owned()).collect(),
        supersedes: supersedes.into(),
        note: String::new(),
    }
}

fn answered(number: &str, result: Agreement) -> What {
    What::CheckAnswered { number: number.into(), result }
}

fn started(number: &str) -> What {
    What::CheckStarted { number: number.into() }
}

fn objected(number: &str) -> What {
    What::CheckObjected { number: number.into(), text: "那是代管的钱".into() }
}

fn settled(number: &str, outcome: Finding) -> What {
    What::CheckObjectionSettled { number: number.into(), outcome, note: "已核对单据".into() }
}

/// One of each, for the play of all kinds of events.
pub(super) fn every_step() -> Vec<What> {
    let (first, second) = (OpId::parse("1@01010101010101010101010101010101"), OpId::parse("13@02020202020202020202020202020202"));
    let taken_back = [first, second].into_iter().flatten();
    let mut all: Vec<What> =
        taken_back.map(|authorisation| What::CheckUnauthorised { authorisation, reason: "本人要求".into() }).collect();
    all.extend([
        authorised("某", &["银行"], "2019-05-01", "2019-12-01"),
        asked("HD1", &["某"], &["银行"], ""),
        asked("HD2", &["某"], &["银行"], "HD1"),
        started("HD1"),
        answered("HD1", Agreement::Differs),
        answered("HD2", Agreement::Same),
        What::CheckImpossible { reason: "本人失联".into() },
        objected("HD1"),
        settled("HD1", Finding::True),
    ]);
    all
}

/// An application for 刚性支出困难救助, accepted on Monday 2026-06-01 and visited.
fn rigid() -> Play {
    let mut play = Play::new("2026-06-01");
    play.act(TOWN, "wang", opened(Origin::Application, Channel::TownshipWindow, "刚性支出困难救助", "赵某"));
    play.act(TOWN, "wang", accepted("SL1"));
    play.act(TOWN, "wang", visited(&["王敏", "李强"], "赵某"));
    play
}

fn turn(play: &Play) -> (Who, &'static str, Option<Day>) {
    let turn = play.standing().turns.remove(0);
    (turn.who, turn.what, turn.due)
}

#[test]
fn the_check_runs_from_the_authorisation_to_the_answer_with_its_clocks() {
    let mut play = rigid();
    // It has no term of its own: the whole way to the decision has.
    assert_eq!((play.stage(), turn(&play)), (Stage::ToCheck, (Who::Tier(Tier::Township), "提请核对", Some(day("2026-07-14")))));
    let early = play.act(TOWN, "wang", What::PreExamined { opinion: Opinion::For, note: String::new() });
    assert_eq!(why(&play, &early), "尚未完成家庭经济状况核对");
    let early = play.act(CITY, "chen", decided(94_500));
    assert_eq!(why(&play, &early), "尚未完成家庭经济状况核对");

    play.act(VILLAGE, "cun", authorised("赵某", &["银行", "税务"], "2026-06-01", "2026-12-01"));
    play.act(TOWN, "wang", asked("HD1", &["赵某"], &["银行", "税务"], ""));
    // Three working days from Monday; then ten, the Dragon Boat Festival (19 June) off.
    assert_eq!(turn(&play), (Who::Tier(Tier::City), "开始核对", Some(day("2026-06-04"))));
    let twice = play.act(TOWN, "li", asked("HD2", &["赵某"], &["银行"], "HD1"));
    assert_eq!(why(&play, &twice), "已经提请核对，市级尚未答复");
    let other = play.act(CITY, "he", started("HD9"));
    assert_eq!(why(&play, &other), "不是现在的核对");
    play.on("2026-06-02").act(CITY, "he", started("HD1"));
    assert_eq!(turn(&play), (Who::Tier(Tier::City), "答复核对", Some(day("2026-06-16"))));
    let below = play.act(TOWN, "wang", answered("HD1", Agreement::Same));
    assert_eq!(why(&play, &below), "核对由市级办理");
    play.on("2026-06-05").act(CITY, "he", answered("HD1", Agreement::Same));
    let standing = play.standing();
    assert_eq!((standing.stage, standing.is_checked()), (Stage::ToPreExamine, true));
    let check = standing.check().expect("one");
    assert_eq!((check.answered_on, check.result, check.due), (Some(day("2026-06-05")), Some(Agreement::Same), None));
    assert!(standing.entered_by.contains(&(OfficeId(CITY.1), "he".to_owned())), "who answered does not decide");
}

#[test]
fn nobody_is_asked_about_who_has_not_agreed_to_it_on_that_day() {
    let mut play = rigid();
    let none = play.act(TOWN, "wang", asked("HD1", &["赵某"], &["银行"], ""));
    assert_eq!(why(&play, &none), "赵某没有授权核对“银行”，或授权已过期、已撤回");
    play.act(VILLAGE, "cun", authorised("赵某", &["银行"], "2026-06-01", "2026-06-02"));
    let beyond = play.act(TOWN, "wang", asked("HD1", &["赵某"], &["银行", "税务"], ""));
    assert_eq!(why(&play, &beyond), "赵某没有授权核对“税务”，或授权已过期、已撤回");
    let other = play.act(TOWN, "wang", asked("HD1", &["赵某", "钱某"], &["银行"], ""));
    assert_eq!(why(&play, &other), "钱某没有授权核对“银行”，或授权已过期、已撤回");
    // A day too late; then renewed, and taken back.
    let late = play.on("2026-06-03").act(TOWN, "wang", asked("HD1", &["赵某"], &["银行"], ""));
    assert_eq!(why(&play, &late), "赵某没有授权核对“银行”，或授权已过期、已撤回");
    let renewed = play.act(VILLAGE, "cun", authorised("赵某", &["银行"], "2026-06-03", "2026-07-03"));
    play.act(VILLAGE, "cun", What::CheckUnauthorised { authorisation: renewed, reason: "本人改变主意".into() });
    let back = play.act(TOWN, "wang", asked("HD1", &["赵某"], &["银行"], ""));
    assert_eq!(why(&play, &back), "赵某没有授权核对“银行”，或授权已过期、已撤回");
    // Then only a reason in writing lets the case go on.
    let wordless = play.act(TOWN, "wang", What::CheckImpossible { reason: " ".into() });
    assert_eq!(why(&play, &wordless), "无法核对须写明原因");
    let below = play.act(VILLAGE, "cun", What::CheckImpossible { reason: "本人不同意".into() });
    assert_eq!(why(&play, &below), "村(社区)不办理这一步");
    play.act(TOWN, "wang", What::CheckImpossible { reason: "本人撤回授权".into() });
    assert_eq!(play.stage(), Stage::ToPreExamine);
}

#[test]
fn who_signs_for_another_says_why_and_a_supporter_agrees_for_themselves() {
    let mut play = rigid();
    let sign = |signer: &str, guardian: &str| {
        let mut what = authorised("赵小某", &["银行"], "2026-06-01", "2026-07-01");
        if let What::CheckAuthorised { signer: who, guardian: why, .. } = &mut what {
            (*who, *why) = (signer.into(), guardian.into());
        }
        what
    };
    let unsaid = play.act(VILLAGE, "cun", sign("赵某", ""));
    assert_eq!(why(&play, &unsaid), "他人代签的，须写明监护关系");
    play.act(VILLAGE, "cun", sign("赵某", "父亲"));
    let future = play.act(VILLAGE, "cun", authorised("赵某", &["银行"], "2026-06-02", "2026-07-01"));
    assert_eq!(why(&play, &future), "签字日期在今天之后");
    let long = play.act(VILLAGE, "cun", authorised("赵某", &["银行"], "2026-06-01", "2029-06-01"));
    assert_eq!(why(&play, &long), "授权期限过长，最多两年");
    let mut aunt = authorised("孙某", &["银行"], "2026-06-01", "2026-07-01");
    if let What::CheckAuthorised { person, relation, .. } = &mut aunt {
        (*person, *relation) = (supporter("孙某", "姑母"), "姑母".into());
    }
    play.act(VILLAGE, "cun", aunt);
    let standing = play.standing();
    assert_eq!(standing.authorisations.len(), 2);
    assert!(standing.may_ask(&supporter("孙某", "姑母"), "银行", day("2026-06-01")));
    assert!(!standing.may_ask(&supporter("孙某", "舅母"), "银行", day("2026-06-01")));
}

#[test]
fn a_true_objection_asks_for_another_check_and_the_old_one_is_kept() {
    let mut play = rigid();
    play.act(VILLAGE, "cun", authorised("赵某", &["银行"], "2026-06-01", "2026-12-01"));
    play.act(TOWN, "wang", asked("HD1", &["赵某"], &["银行"], ""));
    let early = play.act(VILLAGE, "cun", objected("HD1"));
    assert_eq!(why(&play, &early), "还没有核对结果");
    play.act(CITY, "he", answered("HD1", Agreement::Differs));
    play.act(VILLAGE, "cun", objected("HD1"));
    assert_eq!((play.stage(), turn(&play).1), (Stage::ToCheck, "处理核对异议"));
    let instead = play.act(TOWN, "wang", What::CheckImpossible { reason: "算了".into() });
    assert_eq!(why(&play, &instead), "已有核对结果，不能改为无法核对");
    play.act(TOWN, "wang", settled("HD1", Finding::True));
    assert_eq!((play.stage(), turn(&play).1), (Stage::ToCheck, "提请复查"));
    let nameless = play.act(TOWN, "wang", asked("HD2", &["赵某"], &["银行"], ""));
    assert_eq!(why(&play, &nameless), "没有写明所复查的核对");
    play.act(TOWN, "wang", asked("HD2", &["赵某"], &["银行"], "HD1"));
    play.act(CITY, "he", answered("HD2", Agreement::Same));
    let standing = play.standing();
    let told: Vec<_> = standing.checks.iter().map(|check| (check.label(), check.superseded, check.result)).collect();
    assert_eq!(told, [("已由复查取代", true, Some(Agreement::Differs)), ("一致", false, Some(Agreement::Same))]);
    assert_eq!(standing.stage, Stage::ToPreExamine);
    // One that is not true changes nothing.
    play.act(VILLAGE, "cun", objected("HD2"));
    play.act(TOWN, "wang", settled("HD2", Finding::False));
    assert_eq!(play.stage(), Stage::ToPreExamine);
}

#[test]
fn a_kind_that_asks_for_no_check_is_decided_without_one_and_may_have_one() {
    let mut play = Play::new("2026-06-01");
    play.act(TOWN, "wang", opened(Origin::Application, Channel::TownshipWindow, "临时救助", "赵某"));
    play.act(TOWN, "wang", accepted("SL1"));
    assert_eq!(play.stage(), Stage::ToPreExamine);
    play.act(VILLAGE, "cun", authorised("赵某", &["银行"], "2026-06-01", "2026-12-01"));
    play.act(TOWN, "wang", asked("HD1", &["赵某"], &["银行"], ""));
    let turns = play.standing().turns;
    assert_eq!(turns.iter().map(|turn| turn.what).collect::<Vec<_>>(), ["预审", "开始核对"]);
    assert_eq!(turns[1].due, None, "the pack names no clock for this kind");
    let source = sample().sources_of("刚性支出困难救助").len();
    assert_eq!((source, sample().sources_of("临时救助").len()), (11, 11));
}
