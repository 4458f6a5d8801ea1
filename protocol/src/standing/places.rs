//! Assessed needs and booked places in one case: who may say what, and what stays.

use super::bookings::BookingState;
use super::stories::*;
use super::*;
use crate::hash::Hash;
use crate::records::event::{Attendance, What};

pub(super) fn booked(places: u32) -> What {
    What::Booked {
        project: RecordId(Hash([3; 32])),
        title: "精神康复陪伴".into(),
        service: "精神康复陪伴".into(),
        provider: "社工服务中心".into(),
        share: None,
        places,
        whom: "儿子".into(),
        note: String::new(),
    }
}

pub(super) fn confirmed(booking: &OpId) -> What {
    What::BookingConfirmed {
        booking: booking.clone(),
        taken: 1,
        capacity: 1,
        until: Day::parse("2019-12-31"),
        note: String::new(),
    }
}

fn play() -> Play {
    let mut play = Play::new("2019-05-29");
    play.act(VILLAGE, "cun", opened(Origin::Plea, Channel::Village, "", "唐女士"));
    play
}

#[test]
fn a_village_assesses_and_books_and_the_city_confirms_and_the_village_says_what_became_of_it() {
    let mut play = play();
    let nothing =
        play.act(VILLAGE, "cun", What::NeedsAssessed { needs: vec![], names: vec![], text: " ".into(), pack: String::new() });
    assert_eq!(why(&play, &nothing), "须写明有什么需求");
    let needs = |code: &str| What::NeedsAssessed {
        needs: vec![code.into()],
        names: vec![code.into()],
        text: "拒绝治疗".into(),
        pack: String::new(),
    };
    play.act(VILLAGE, "cun", needs("社会交往"));
    play.act(VILLAGE, "cun", needs("精神康复"));
    let standing = play.standing();
    assert_eq!(standing.needs.as_ref().map(|needs| needs.codes.as_slice()), Some(&["精神康复".to_owned()][..]));
    let account = crate::account::Account::of(&standing).expect("counted");
    assert_eq!(
        account.needs.iter().map(|need| need.text.as_str()).collect::<Vec<_>>(),
        ["社会交往，拒绝治疗", "精神康复，拒绝治疗"]
    );

    let none = play.act(VILLAGE, "cun", booked(0));
    assert_eq!(why(&play, &none), "名额数无效");
    let booking = play.act(VILLAGE, "cun", booked(1));
    let turns = |play: &Play| play.standing().turns.into_iter().map(|turn| (turn.who, turn.what, turn.due)).collect::<Vec<_>>();
    assert!(turns(&play).contains(&(Who::Tier(Tier::City), "确认预约", None)));
    let early = play.act(TOWN, "wang", confirmed(&booking));
    assert_eq!(why(&play, &early), "预约由市级确认");
    let contested = What::BookingContested { booking: booking.clone(), ahead: 1, capacity: 1 };
    play.act(CITY, "shen", contested);
    assert_eq!(play.standing().bookings[0].contested, Some((1, 1)));
    assert!(turns(&play).contains(&(Who::Tier(Tier::City), "核定名额冲突", None)));
    play.act(CITY, "shen", confirmed(&booking));
    let twice = play.act(CITY, "shen", confirmed(&booking));
    assert_eq!(why(&play, &twice), "没有可以这样办理的预约");
    let standing = play.standing();
    assert_eq!((standing.bookings[0].state, standing.bookings[0].contested), (BookingState::Confirmed, None));
    assert!(turns(&play).contains(&(Who::Tier(Tier::Village), "登记参加情况", Day::parse("2020-01-01"))));
    let outcome = What::BookingEnded { booking, attendance: Attendance::Attended, text: "愿意出门了".into() };
    play.on("2019-11-02").act(VILLAGE, "cun", outcome);
    let standing = play.standing();
    assert_eq!(standing.bookings[0].state, BookingState::Ended);
    let served = crate::account::services(&standing, 2019);
    assert_eq!((served[0].by.as_str(), served[0].result.as_str()), ("社工服务中心", "全程参加，愿意出门了"));
    assert!(crate::account::services(&standing, 2020).is_empty());
}

#[test]
fn a_place_that_was_given_up_does_not_come_back_by_itself() {
    let mut play = play();
    let booking = play.act(VILLAGE, "cun", booked(1));
    play.act(CITY, "shen", confirmed(&booking));
    let wordless = play.act(VILLAGE, "cun", What::BookingCancelled { booking: booking.clone(), reason: " ".into() });
    assert_eq!(why(&play, &wordless), "取消预约须写明理由");
    let cancelled = play.act(VILLAGE, "cun", What::BookingCancelled { booking: booking.clone(), reason: "搬家".into() });
    let back = play.act(CITY, "shen", What::Withdrawn { event: cancelled, reason: "弄错了".into() });
    assert_eq!(why(&play, &back), "取消预约不能撤销，请重新预约");
    let late = play.act(CITY, "shen", What::BookingDeclined { booking, reason: "名额已满".into() });
    assert_eq!(why(&play, &late), "没有可以这样办理的预约");
    let unknown = OpId { counter: 99, actor: automerge::ActorId::from([9; 16]) };
    play.act(VILLAGE, "cun", booked(2));
    let waits = play.act(CITY, "shen", What::BookingDeclined { booking: unknown, reason: "名额已满".into() });
    assert!(matches!(play.effect(&waits), Effect::Waits(_)), "its booking may still arrive");
}

#[test]
fn closing_the_case_and_taking_that_back_moves_no_place() {
    let mut play = play();
    let booking = play.act(VILLAGE, "cun", booked(1));
    play.act(CITY, "zhang", What::Verified { outcome: Finding::False, note: "查无此事".into() });
    let closing = play.act(TOWN, "wang", closed());
    play.act(CITY, "shen", confirmed(&booking));
    assert_eq!((play.stage(), play.standing().bookings[0].state), (Stage::Closed, BookingState::Confirmed));
    play.act(TOWN, "wang", What::Withdrawn { event: closing, reason: "办错了".into() });
    assert_eq!((play.stage(), play.standing().bookings[0].state), (Stage::FoundFalse, BookingState::Confirmed));
}

#[test]
fn only_the_device_that_control_names_gives_places() {
    let mut play = play();
    let booking = play.act(VILLAGE, "cun", booked(1));
    let given = play.act(CITY, "shen", confirmed(&booking));
    let mut records = play.records();
    let volume = records.volumes.get_mut(&Tier::City).expect("a volume");
    volume.events.iter_mut().for_each(|event| event.may_decide = false);
    let item = standing(&records, &play.packs).timeline.into_iter().find(|item| item.id == given).expect("in the timeline");
    assert_eq!(item.effect, Effect::WithoutEffect("不是指定的审批设备".into()));
}
