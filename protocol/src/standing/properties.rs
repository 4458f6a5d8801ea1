//! What holds of every case, whatever was written and in whatever order it came: the answer is one, money moves once,
//! and no open case is left without somebody to act.

use super::stories::*;
use super::tests::{answered, examined};
use super::*;
use crate::records::event::{Attendance, DisputeEnd, What};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use std::collections::BTreeSet;

/// Something of every kind that may be written into a case as it stands, sense or not.
fn events(s: &Standing) -> Vec<What> {
    let day = |text: &str| Day::parse(text).expect("a day");
    let word = || "某".to_owned();
    let other = || "cd".repeat(16);
    let office = || Target::office(OfficeId(VILLAGE.1), "甲村");
    let school = || Target::department("教育局", "教育局");
    let mut all = vec![
        opened(Origin::Application, Channel::Village, "临时救助", "某"),
        opened(Origin::Application, Channel::Village, "最低生活保障", "某"),
        opened(Origin::Application, Channel::Village, "特困人员供养", "某"),
        opened(Origin::Application, Channel::Village, "刚性支出困难救助", "某"),
        opened(Origin::Plea, Channel::Web, "心理服务", "某"),
        What::VerifyAsked { to: office(), note: String::new() },
        What::Verified { outcome: Finding::True, note: String::new() },
        What::Verified { outcome: Finding::False, note: String::new() },
        What::Applied { assistance: "临时救助".into(), note: String::new() },
        What::AppliedOnBehalf { assistance: String::new(), reason: "主动发现".into() },
        What::FormFilled { answers: vec![answered("困难类型", "急难型")] },
        What::MaterialsAsked { materials: vec!["病历".into()], again: String::new() },
        What::MaterialsGiven { note: "身份证".into() },
        accepted("1"),
        What::NotAccepted { reason: "非本市".into() },
        What::Declared { of: "主任".into(), relation: "兄弟".into() },
        super::procedure::visited(&["甲", "乙"], "某"),
        examined(),
        What::PreExamined { opinion: Opinion::Against, note: String::new() },
        super::after_tests::appraised(),
        super::after_tests::published("2019-05-01", "2019-05-07"),
        super::after_tests::looked_again("2019-05-20", None),
        super::after_tests::looked_again("2019-05-19", Some("2019-06-19")),
        super::after_tests::filed(),
        super::procedure::posted("2019-05-01", "2019-05-07"),
        What::Objected { text: "不实".into() },
        super::procedure::settled(Finding::True),
        super::procedure::settled(Finding::False),
        super::procedure::ended(),
        What::Proposed { amount: Fen(90_000), formula: String::new() },
        super::payments::listed("A", 90_000),
        super::payments::listed("B", 283_500),
        paid(90_000),
        paid(283_500),
        What::PaymentFailed { reason: "退汇".into(), batch: String::new() },
        What::PaymentFailed { reason: "退汇".into(), batch: "A".into() },
        What::Heard { who: "本人".into(), text: "同意".into() },
        super::emergencies::helped(50_000),
        super::emergencies::helped(90_000),
        super::emergencies::said(Verdict::Approved, "收入属实"),
        super::emergencies::said(Verdict::Refused, "收入不实"),
        transferred(school(), ""),
        transferred(Target::provider("社工服务中心", "社工"), "心理服务"),
        transferred(super::consent_tests::charity(), "照料服务"),
        What::GaveUp { reason: String::new() },
        closed(),
        What::Routed { to: other(), area: "大新镇".into() },
        What::Satisfaction { score: 5, text: String::new() },
        What::Suspended { reason: "住院".into() },
        What::Resumed { note: String::new() },
        What::Extended { days: 5, reason: "外调".into() },
        What::HandedOver { to: "li".into(), to_name: "李".into(), reason: "休假".into() },
        What::Urged { note: String::new() },
        What::DoubleFound { other: other(), told: "乙村".into() },
        What::Recovered { amount: Fen(90_000), note: String::new() },
        What::WrittenOff { amount: Fen(50_000), reason: "本人去世".into() },
        What::NeedsAssessed { needs: vec![word()], names: vec![word()], text: "拒绝治疗".into(), pack: String::new() },
        super::places::booked(1),
        What::Note { text: word() },
    ];
    for amount in [0, 90_000, 283_500] {
        all.push(decided(amount));
        all.push(with_sight(amount, s.saw()));
        all.push(with_sight(amount, s.saw().into_iter().step_by(2).collect()));
    }
    for (fen, from) in [(0, "2019-07"), (50_000, "2019-06"), (283_500, "2019-08")] {
        all.push(What::Adjusted { amount: Fen(fen), from: from.into(), reason: "变化".into(), formula: String::new() });
    }
    for (month, batch) in [("2019-06", ""), ("2019-07", ""), ("2019-06", "A")] {
        let (method, account_last4) = (String::new(), String::new());
        let (amount, batch, period) = (s.amount_for(month).max(Fen(50_000)), batch.into(), month.into());
        all.push(What::Paid { decision: None, amount, method, account_last4, batch, period });
    }
    for ruling in [Ruling::Both, Ruling::This, Ruling::Other] {
        all.push(What::DoubleSettled { other: other(), ruling, told: "乙村".into(), reason: "同一人".into() });
    }
    all.extend(super::checks_tests::every_step());
    let nothing = OpId { counter: 1, actor: automerge::ActorId::from([9; 16]) };
    let authorisations = s.authorisations.iter().map(|authorisation| authorisation.id.clone());
    all.extend(authorisations.map(|authorisation| What::CheckUnauthorised { authorisation, reason: "本人要求".into() }));
    all.extend([None, Some("2019-05-10")].map(|until| super::consent_tests::agreed(&["name", "matter"], until)));
    let consents = s.consents.iter().map(|consent| &consent.id).chain([&nothing]);
    all.extend(consents.map(super::consent_tests::taken_back));
    for transfer in s.transfers.iter().map(|transfer| &transfer.id).chain([&nothing]) {
        let transfer = || transfer.clone();
        let (change, follow_up) = (Change::Better, Some(day("2019-07-01")));
        all.extend([
            What::SignedFor { transfer: transfer() },
            What::Returned { transfer: transfer(), reason: "材料不清".into() },
            What::Recalled { transfer: transfer(), reason: "本人撤回同意".into() },
            What::Session { transfer: transfer(), text: word() },
            What::Outcome { transfer: transfer(), change, text: word(), follow_up },
            What::Feedback { transfer: transfer(), result: Answer::Approved, text: String::new(), amount: None },
            What::Feedback { transfer: transfer(), result: Answer::Impossible, text: String::new(), amount: None },
        ]);
    }
    for booking in s.bookings.iter().map(|booking| &booking.id).chain([&nothing]) {
        let booking = || booking.clone();
        all.extend([
            super::places::confirmed(&booking()),
            What::BookingContested { booking: booking(), ahead: 1, capacity: 1 },
            What::BookingDeclined { booking: booking(), reason: "已满".into() },
            What::BookingCancelled { booking: booking(), reason: "搬家".into() },
            What::BookingEnded { booking: booking(), attendance: Attendance::Attended, text: word() },
        ]);
    }
    let refused = s.decision.as_ref().filter(|decision| decision.in_writing).map(|decision| &decision.id);
    for adjustment in s.cuts().map(|(_, term)| &term.id).chain(refused).chain([&nothing]) {
        let (to, how, on, note) = (word(), Delivery::Handed, day("2019-05-20"), String::new());
        all.push(What::NoticeWritten { adjustment: adjustment.clone(), text: "停发".into() });
        all.push(What::NoticeServed { adjustment: adjustment.clone(), to, how, on, note });
    }
    for dispute in s.disputes.iter().map(|dispute| &dispute.id).chain([&nothing]) {
        all.extend([DisputeEnd::Stands, DisputeEnd::SetAside].map(|end| super::after_tests::dispute_ended(dispute, end)));
    }
    all.push(super::after_tests::disputed(s.ruling().cloned()));
    let latest = s.timeline.iter().rev().take(12).map(|item| &item.id);
    all.extend(latest.chain([&nothing]).map(|event| What::Withdrawn { event: event.clone(), reason: "误录".into() }));
    all
}

fn with_sight(amount: i64, saw: Vec<String>) -> What {
    let What::Decided { outcome, amount, reason, formula, pack, .. } = decided(amount) else { unreachable!() };
    What::Decided { outcome, amount, reason, formula, pack, saw }
}

/// Kinds that end a case, undo something, or change nothing; the rest bring it further.
fn brings_further(kind: EventKind) -> bool {
    use EventKind::*;
    let ends = matches!(kind, NotAccepted | GaveUp | Routed | Closed | Withdrawn | Emergency | Returned);
    let ends = ends || matches!(kind, BookingCancelled | BookingDeclined | ConsentWithdrawn | Recalled);
    let beside = matches!(kind, Note | Satisfaction | Urged | HandedOver | Declared | Proposed | DoubleFound | DoubleSettled);
    !ends && !beside
}

/// One step: who, which of the events, how sensible it is, and how far behind the others it is written.
type Step = ((Tier, u32), &'static str, prop::sample::Index, u8, u64);

fn step() -> impl Strategy<Value = Step> {
    let place = prop::sample::select(vec![VILLAGE, TOWN, TOWN, CITY]);
    let staff = prop::sample::select(vec!["wang", "chen", "zhang"]);
    let behind = prop_oneof![4 => Just(0_u64), 1 => 1_u64..6];
    (place, staff, any::<prop::sample::Index>(), 0_u8..10, behind)
}

/// A play and how far it is before chance takes over.
fn steps() -> impl Strategy<Value = (u8, Vec<Step>)> {
    (0_u8..8, prop::collection::vec(step(), 0..40))
}

/// Nothing; an application for what is paid once, examined or approved; a benefit that is paid every month, approved or
/// refused; a kind whose families are checked; help that came first and was not confirmed.
fn begun(far: u8) -> Play {
    let visit = || (TOWN, super::procedure::visited(&["甲", "乙"], "某"));
    let opened = |kind: &str| (VILLAGE, opened(Origin::Application, Channel::Village, kind, "某"));
    let steps = match far {
        0 => vec![],
        1 => vec![opened("临时救助"), (TOWN, accepted("1")), (TOWN, examined())],
        2 => vec![opened("临时救助"), (TOWN, accepted("1")), (TOWN, examined()), (CITY, decided(283_500))],
        6 => vec![opened("刚性支出困难救助"), (TOWN, accepted("1")), visit()],
        3..6 => vec![
            opened(if far == 3 { "特困人员供养" } else { "最低生活保障" }),
            (TOWN, accepted("1")),
            visit(),
            (TOWN, examined()),
            (TOWN, super::procedure::posted("2019-05-01", "2019-05-07")),
            (TOWN, super::procedure::ended()),
            (CITY, decided(if far == 5 { 0 } else { 283_500 })),
        ],
        _ => vec![
            opened("临时救助"),
            (TOWN, super::emergencies::helped(90_000)),
            visit(),
            (TOWN, What::MaterialsGiven { note: "身份证".into() }),
            (CITY, super::emergencies::said(Verdict::Refused, "收入不实")),
        ],
    };
    let mut play = Play::new("2019-05-20");
    for (place, what) in steps {
        play.act(place, "zhao", what);
    }
    play
}

fn played((far, steps): &(u8, Vec<Step>)) -> Play {
    let mut play = begun(*far);
    for (place, staff, which, sense, behind) in steps {
        let now = play.standing();
        let mut all = events(&now);
        let event = |what: &What| Event::new(OfficeId(place.1), *staff, *staff, Day(18_036), what.clone());
        let counts = |what: &What| would_count(&now, &play.packs, place.0, &event(what)).is_ok();
        let further = |what: &What| what.kind().is_some_and(brings_further) && counts(what);
        let good: Vec<What> = all.iter().filter(|what| if *sense > 2 { further(what) } else { counts(what) }).cloned().collect();
        if *sense > 0 && !good.is_empty() {
            all = good;
        }
        // What the case has least of is written next, so that short plays come far.
        let times = |kind: EventKind| now.timeline.iter().filter(|item| item.event.what.kind() == Some(kind)).count();
        let kinds: BTreeMap<EventKind, usize> = all.iter().filter_map(What::kind).map(|kind| (kind, times(kind))).collect();
        let least = kinds.values().min().copied().filter(|_| *sense > 2).unwrap_or(usize::MAX);
        let kinds: Vec<EventKind> = kinds.iter().filter(|(_, times)| **times <= least).map(|(kind, _)| *kind).collect();
        let kind = *which.get(&kinds);
        let of_kind: Vec<&What> = all.iter().filter(|what| what.kind() == Some(kind)).collect();
        let what = (*which.get(&of_kind)).clone();
        play.behind(*behind).act(*place, staff, what);
    }
    play
}

#[test]
fn the_play_knows_every_kind_of_event() {
    let kinds: BTreeSet<EventKind> = events(&Standing::default()).iter().filter_map(What::kind).collect();
    let missing: Vec<&EventKind> = EventKind::ALL.iter().filter(|kind| !kinds.contains(kind)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn plays_come_to_every_kind_of_event_that_counts() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut counted = BTreeSet::new();
    for _ in 0..300 {
        let s = played(&steps().new_tree(&mut runner).expect("a play").current()).standing();
        let counts = s.timeline.iter().filter(|item| item.effect == Effect::Counts);
        counted.extend(counts.filter_map(|item| item.event.what.kind()));
    }
    let missing: Vec<&EventKind> = EventKind::ALL.iter().filter(|kind| !counted.contains(kind)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_order_of_arrival_gives_the_same_answer_and_money_moves_once(
        steps in steps(),
        shuffles in prop::collection::vec(any::<prop::sample::Index>(), 40),
    ) {
        let play = played(&steps);
        let records = play.records();
        let s = standing(&records, &play.packs);
        let mut shuffled = records.clone();
        for volume in shuffled.volumes.values_mut() {
            for (i, index) in shuffles.iter().enumerate().take(volume.events.len()) {
                let other = index.index(volume.events.len());
                volume.events.swap(i, other);
            }
        }
        prop_assert_eq!(&standing(&shuffled, &play.packs), &s);
        // Of an open case somebody has something to do.
        let over = s.stage == Stage::Unknown || s.stage.is_done();
        prop_assert!(over || !s.turns.is_empty(), "nobody in {:?}", s.stage);
        let counted = |kind: EventKind| {
            let counts = |item: &&TimelineItem| item.effect == Effect::Counts && item.event.what.kind() == Some(kind);
            s.timeline.iter().filter(counts).count()
        };
        prop_assert!(counted(EventKind::Decided) <= 1 && counted(EventKind::Opened) <= 1);
        for item in s.timeline.iter().filter(|item| item.effect == Effect::Counts) {
            let decides = matches!(item.event.what, What::Decided { .. } | What::Adjusted { .. });
            prop_assert!(!decides || item.tier != Tier::Village);
        }
        // What the family has and may keep is no more than what was decided.
        let has = s.paid().unwrap_or_default().0 + s.astray.0;
        let due = match s.is_monthly() {
            true => s.paid_out().map(|payout| s.amount_for(&payout.period).0).sum(),
            false => s.decided().unwrap_or_default().0,
        };
        prop_assert!(has - s.undue().0 <= due, "has {has}, undue {:?}, due {due}", s.undue());
        // In each place, the case's one or each month's, one payment stands or is on its way.
        prop_assert_eq!(s.paid_out().count() > 0, s.payment.is_some());
        let months: BTreeSet<&str> = s.payouts.iter().map(|payout| payout.period.as_str()).collect();
        let places: Vec<Option<&str>> = if s.is_monthly() { months.into_iter().map(Some).collect() } else { vec![None] };
        for place in places {
            let payouts = |state| {
                let here = |payout: &&Payout| payout.state == state && place.is_none_or(|month| payout.period == month);
                s.payouts.iter().filter(here).count()
            };
            prop_assert!(payouts(PayoutState::Paid) + payouts(PayoutState::Listed) <= 1);
            prop_assert!(payouts(PayoutState::Again) == 0 || payouts(PayoutState::Paid) == 1);
        }
    }
}
