//! 单独同意 within a case: a charity is told nothing without it, and nothing any more once it ended; what it did stays.

use super::stories::*;
use super::*;
use crate::records::event::{Agreed, Giver, Shown, What};
use crate::records::policy::{Basis, Provider};

pub(super) fn charity() -> Target {
    Target::provider("慈善总会", "慈善总会")
}

/// The applicant agrees that the charity is told.
pub(super) fn agreed(scope: &[&str], until: Option<&str>) -> What {
    What::Consented {
        to: charity(),
        whose: "唐女士".into(),
        scope: scope.iter().map(|word| (*word).to_owned()).collect(),
        given_by: Giver::Own,
        giver: "唐女士".into(),
        how: Agreed::Signed,
        until: until.and_then(Day::parse),
        note: "纸质同意书存镇档案室".into(),
        after: None,
    }
}

pub(super) fn taken_back(consent: &OpId) -> What {
    What::ConsentWithdrawn { consent: consent.clone(), note: "本人电话提出".into() }
}

fn recalled(transfer: &OpId) -> What {
    What::Recalled { transfer: transfer.clone(), reason: "本人撤回同意".into() }
}

fn session(transfer: &OpId) -> What {
    What::Session { transfer: transfer.clone(), text: "上门一次".into() }
}

fn served(transfer: &OpId) -> What {
    What::Feedback { transfer: transfer.clone(), result: Answer::Served, text: "已送轮椅".into(), amount: Some(Fen(80_000)) }
}

/// A plea that was found true: it may be handed over.
fn play() -> Play {
    let mut play = Play::new("2019-05-20");
    play.act(VILLAGE, "cun", opened(Origin::Plea, Channel::Village, "照料服务", "唐女士"));
    play.act(TOWN, "wang", What::Verified { outcome: Finding::True, note: "上门".into() });
    play
}

fn turns(play: &Play) -> Vec<(Who, &'static str)> {
    play.standing().turns.into_iter().map(|turn| (turn.who, turn.what)).collect()
}

#[test]
fn a_charity_gets_a_case_only_while_the_person_agrees() {
    let mut play = play();
    let without = play.act(TOWN, "wang", transferred(charity(), ""));
    assert_eq!(why(&play, &without), "转给慈善总会须经当事人单独同意，请先登记“同意提供信息”");
    // Who works for the office under a contract needs none.
    let entrusted = play.act(TOWN, "wang", transferred(Target::provider("社工服务中心", "社工服务中心"), "心理服务"));
    assert_eq!(play.effect(&entrusted), Effect::Counts);

    let late = play.act(VILLAGE, "cun", agreed(&["name"], Some("2019-05-19")));
    assert_eq!(why(&play, &late), "同意的截止日期早于今天");
    play.act(VILLAGE, "cun", agreed(&["name", "matter"], Some("2019-05-31")));
    let handed = play.on("2019-05-31").act(TOWN, "wang", transferred(charity(), ""));
    assert_eq!(play.effect(&handed), Effect::Counts);
    let transfer = play.standing().transfers.pop().expect("one");
    assert_eq!((transfer.by_consent, transfer.due), (true, Day::parse("2019-05-31")), "its term ends with the consent");
    play.act(CITY, "cishan", What::SignedFor { transfer: handed.clone() });
    // The day after, no consent holds: nothing more is told, and there is no second transfer.
    let barred = |play: &Play, day: &str| {
        let s = play.standing();
        s.is_barred(&s.transfers[1], Day::parse(day))
    };
    assert_eq!((barred(&play, "2019-05-31"), barred(&play, "2019-06-01")), (false, true));
    let again = play.on("2019-06-01").act(TOWN, "wang", transferred(charity(), ""));
    assert!(why(&play, &again).contains("单独同意"));
    let longer = play.act(VILLAGE, "cun", agreed(&["name"], None));
    assert_eq!((play.effect(&longer), barred(&play, "2019-06-01")), (Effect::Counts, false));
    let scope = play.standing().consent_for(&charity(), None).map(|consent| consent.scope.clone());
    assert_eq!(scope, Some([Shown::Name].into()), "the last one says what may be shown");
}

#[test]
fn a_consent_says_who_agreed_to_what_and_how() {
    let mut play = play();
    let with = |by: Giver, name: &str, manner: Agreed, witness: &str| {
        let mut what = agreed(&["name"], None);
        if let What::Consented { given_by, giver, how, note, .. } = &mut what {
            (*given_by, *giver, *how, *note) = (by, name.into(), manner, witness.into());
        }
        what
    };
    let other = "本人同意的，写本人姓名；监护人同意的，写监护人姓名";
    for (what, told) in [
        (agreed(&["income"], None), "须选择同意提供哪些信息"),
        (with(Giver::Own, "女儿", Agreed::Signed, ""), other),
        (with(Giver::Guardian, "唐女士", Agreed::Signed, ""), other),
        (with(Giver::Own, "唐女士", Agreed::Witnessed, " "), "当面口头同意的，须写明见证人"),
    ] {
        let refused = play.act(VILLAGE, "cun", what);
        assert_eq!(why(&play, &refused), told);
    }
    let guardian = play.act(VILLAGE, "cun", with(Giver::Guardian, "祖母", Agreed::Recorded, ""));
    assert_eq!(play.effect(&guardian), Effect::Counts);
    let born = |text: &str| needs_guardian(Day::parse(text).expect("a day"), Day::parse("2019-05-20").expect("a day"));
    assert_eq!((born("2005-05-20"), born("2005-05-21")), (false, true));
}

#[test]
fn after_a_withdrawal_the_office_takes_the_case_back_and_what_was_done_stays() {
    let mut play = play();
    let consent = play.act(VILLAGE, "cun", agreed(&["name", "matter"], None));
    let handed = play.act(TOWN, "wang", transferred(charity(), ""));
    let done = play.act(TOWN, "wang", transferred(charity(), "临时救助"));
    for transfer in [&handed, &done] {
        play.act(CITY, "cishan", What::SignedFor { transfer: transfer.clone() });
    }
    play.act(CITY, "cishan", session(&handed));
    play.act(CITY, "cishan", served(&done));
    let gone = play.act(TOWN, "wang", What::Withdrawn { event: consent.clone(), reason: "误录".into() });
    assert!(why(&play, &gone).contains("登记“撤回同意”后重新登记"), "what was handed over by it stays");
    let early = play.act(VILLAGE, "cun", recalled(&handed));
    assert_eq!(why(&play, &early), "村(社区)不办理这一步");

    let unsaid = play.act(VILLAGE, "cun", What::ConsentWithdrawn { consent: consent.clone(), note: " ".into() });
    assert_eq!(why(&play, &unsaid), "须写明谁提出、怎样提出的");
    let withdrawal = play.act(VILLAGE, "cun", taken_back(&consent));
    let twice = play.act(VILLAGE, "cun", taken_back(&consent));
    assert_eq!(why(&play, &twice), "没有可以撤回的同意");
    let undone = play.act(CITY, "zhang", What::Withdrawn { event: withdrawal, reason: "误录".into() });
    assert!(why(&play, &undone).starts_with("同意和撤回同意的记录不能撤销"));
    assert_eq!(turns(&play), [(Who::Tier(Tier::Township), "收回转办")]);
    assert!(play.standing().transfers.iter().all(|transfer| play.standing().is_barred(transfer, None)));

    play.act(TOWN, "wang", recalled(&handed));
    let standing = play.standing();
    let states: Vec<TransferState> = standing.transfers.iter().map(|transfer| transfer.state).collect();
    assert_eq!(states, [TransferState::Recalled, TransferState::FedBack]);
    assert_eq!((standing.transfers[0].sessions, standing.transfers[1].given), (1, Some(Fen(80_000))));
    assert_eq!(crate::account::services(&standing, 2019).len(), 2, "what it did is in the file of the year");
    play.act(TOWN, "wang", closed());
    assert_eq!(play.stage(), Stage::Closed);
}

#[test]
fn what_a_charity_gave_back_after_the_withdrawal_goes_to_nobody_else() {
    let mut play = play();
    let consent = play.act(TOWN, "wang", agreed(&["name"], None));
    let handed = play.act(TOWN, "wang", transferred(charity(), ""));
    play.act(TOWN, "wang", taken_back(&consent));
    play.act(CITY, "cishan", What::Returned { transfer: handed, reason: "同意已撤回".into() });
    assert_eq!(turns(&play), [(Who::Tier(Tier::Township), "代为申请、转办或办结")]);
    play.act(TOWN, "wang", closed());
    assert_eq!(play.stage(), Stage::Closed);
    // It may be taken back after the case, too: the charity keeps no sight of it.
    let mut late = self::play();
    let consent = late.act(TOWN, "wang", agreed(&["name"], None));
    let handed = late.act(TOWN, "wang", transferred(charity(), ""));
    late.act(CITY, "cishan", What::SignedFor { transfer: handed.clone() });
    late.act(CITY, "cishan", served(&handed));
    late.act(TOWN, "wang", closed());
    let withdrawal = late.act(TOWN, "wang", taken_back(&consent));
    let standing = late.standing();
    assert_eq!((late.effect(&withdrawal), standing.stage), (Effect::Counts, Stage::Closed));
    assert!(standing.is_barred(&standing.transfers[0], None));
}

#[test]
fn what_was_handed_over_and_done_before_the_withdrawal_was_known_counts() {
    let mut play = play();
    let consent = play.act(VILLAGE, "cun", agreed(&["name"], None));
    let handed = play.act(TOWN, "wang", transferred(charity(), ""));
    play.act(CITY, "cishan", What::SignedFor { transfer: handed.clone() });
    let visit = play.act(CITY, "cishan", session(&handed));
    // The village had no line: in the common order its word comes before all of that.
    play.behind(3).act(VILLAGE, "cun", taken_back(&consent));
    let standing = play.standing();
    let kinds: Vec<_> = standing.timeline.iter().rev().take(4).filter_map(|item| item.event.what.kind()).collect();
    use EventKind::{ConsentWithdrawn, Session, SignedFor, Transferred};
    assert_eq!(kinds, [Session, SignedFor, Transferred, ConsentWithdrawn]);
    assert_eq!((play.effect(&handed), play.effect(&visit)), (Effect::Counts, Effect::Counts));
    assert!(standing.is_barred(&standing.transfers[0], None), "and it is told nothing more");
    assert_eq!(turns(&play), [(Who::Tier(Tier::Township), "收回转办")]);
    // Nor did the charity know of that when it reported what it had given.
    play.act(TOWN, "wang", recalled(&handed));
    let reported = play.behind(1).act(CITY, "cishan", served(&handed));
    assert_eq!((play.effect(&reported), play.standing().transfers[0].given), (Effect::Counts, Some(Fen(80_000))));
}

#[test]
fn no_to_one_consent_is_no_to_one_that_was_written_down_unseen() {
    let mut play = play();
    let first = play.act(VILLAGE, "cun", agreed(&["name"], None));
    play.act(TOWN, "wang", agreed(&["name", "matter"], None));
    play.act(VILLAGE, "cun", taken_back(&first));
    assert!(play.standing().consent_for(&charity(), None).is_none());
}

#[test]
fn no_is_not_undone_by_a_yes_from_before_that_the_office_had_not_heard_of() {
    let mut play = play();
    let first = play.act(VILLAGE, "cun", agreed(&["name"], None));
    let handed = play.act(TOWN, "wang", transferred(charity(), ""));
    // On Monday the township writes down more, on Tuesday the village without a line that they want no more of it.
    let wider = play.act(TOWN, "wang", agreed(&["name", "matter", "form"], None));
    let no = play.behind(1).act(VILLAGE, "cun", taken_back(&first));
    let standing = play.standing();
    let place = |id: &OpId| standing.timeline.iter().position(|item| item.id == *id);
    assert!(place(&no) < place(&wider), "in the common order the yes comes last");
    assert!(standing.consent_for(&charity(), None).is_none() && standing.is_barred(&standing.transfers[0], None));
    assert_eq!(turns(&play), [(Who::Tier(Tier::Township), "收回转办")]);
    // Whoever knows of the no may write down a new yes.
    let mut again = agreed(&["name"], None);
    if let What::Consented { after, .. } = &mut again {
        *after = standing.withdrawal_for(&charity()).map(|last| last.id.clone());
    }
    play.behind(0).act(TOWN, "wang", again);
    let standing = play.standing();
    assert!(standing.consent_for(&charity(), None).is_some() && !standing.is_barred(&standing.transfers[0], None));
    assert_eq!(standing.transfers[0].id, handed);
}

#[test]
fn what_was_given_back_after_the_last_day_can_be_closed_and_a_late_gift_is_not_lost() {
    let mut play = play();
    play.act(VILLAGE, "cun", agreed(&["name"], Some("2019-05-31")));
    let back = play.act(TOWN, "wang", transferred(charity(), ""));
    let given = play.act(TOWN, "wang", transferred(charity(), "临时救助"));
    let unsigned = play.act(TOWN, "wang", transferred(charity(), "教育救助"));
    play.act(CITY, "cishan", What::SignedFor { transfer: back.clone() });
    play.act(CITY, "cishan", session(&back));
    play.act(CITY, "cishan", What::SignedFor { transfer: given.clone() });
    play.on("2019-06-03").act(CITY, "cishan", What::Returned { transfer: back.clone(), reason: "同意已到期".into() });
    for transfer in [&back, &given, &unsigned] {
        let taken = play.act(TOWN, "wang", recalled(transfer));
        assert_eq!(play.effect(&taken), Effect::Counts, "also one that came back: it goes to nobody else");
    }
    play.act(TOWN, "wang", closed());
    assert_eq!((play.stage(), play.standing().transfers[0].sessions), (Stage::Closed, 1));
    // The charity at the city had not heard of any of it.
    let late = play.act(CITY, "cishan", served(&given));
    assert_eq!((play.effect(&late), play.stage()), (Effect::Counts, Stage::Closed));
    assert_eq!(play.standing().transfers[1].given, Some(Fen(80_000)));
    let never = play.act(CITY, "cishan", served(&unsigned));
    assert_eq!(why(&play, &never), "转办的状态不允许", "it was never theirs");
}

#[test]
fn an_old_pack_asks_for_no_consent_and_a_new_one_undoes_nothing() {
    let mut play = play();
    for pack in play.packs.values_mut() {
        pack.providers.iter_mut().for_each(|provider| provider.basis = Basis::Unsaid);
    }
    let handed = play.act(TOWN, "wang", transferred(charity(), ""));
    assert_eq!(play.effect(&handed), Effect::Counts);
    let mut newer = play.packs.values().next().expect("one").clone();
    (newer.version, newer.from) = ("newer".into(), Day::parse("2019-05-20").expect("a day"));
    newer.providers.push(Provider { code: "某基金会".into(), ..Provider::default() });
    newer.providers.iter_mut().for_each(|provider| provider.basis = Basis::Consent);
    play.packs.insert(newer.version.clone(), newer);
    assert_eq!(play.effect(&handed), Effect::Counts, "a case is judged by its own pack");
    // Who hands it over now is asked by the pack in force; the fold goes by the case's own, and by what was named.
    let standing = play.standing();
    let asked = |to: &Target| needs_consent(&standing, &play.packs, to, Day::parse("2019-05-20").expect("a day"));
    assert!(asked(&charity()) && asked(&Target::provider("某基金会", "某基金会")));
    let consent = play.act(TOWN, "wang", agreed(&["name"], None));
    let mut named = transferred(charity(), "临时救助");
    if let What::Transferred { consent: rests_on, .. } = &mut named {
        *rests_on = Some(consent);
    }
    play.act(TOWN, "wang", named);
    let by: Vec<bool> = play.standing().transfers.iter().map(|transfer| transfer.by_consent).collect();
    assert_eq!(by, [false, true]);
}
