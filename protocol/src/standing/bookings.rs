//! Assessed needs and places of care projects within one case.
//!
//! A booking is a claim that any covering office writes, also offline; the city's deciding device confirms or declines
//! it. What the project's capacity makes of all claims is [`crate::projects`]'s to say. Nothing here depends on whether
//! the case is closed: a place must not become taken again because somebody takes a closing back. For the same reason a
//! cancellation is never taken back, so only a confirmation takes a place.

use super::rules::{Refusal, unless};
use super::{Standing, Turn, Who};
use crate::area::Tier;
use crate::device::OfficeId;
use crate::limits::{BOOKING_PLACES_MAX, PROJECT_PLACES_MAX};
use crate::record::{RecordId, Stamp};
use crate::records::OpId;
use crate::records::case::StampedEvent;
use crate::records::day::Day;
use crate::records::event::{Attendance, EventKind, What};
use crate::records::project::ShareId;

/// What a household needs, as it was assessed last.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Needs {
    /// Codes of the policy pack.
    pub codes: Vec<String>,
    /// Their names as they were then.
    pub names: Vec<String>,
    /// In words.
    pub text: String,
    /// When.
    pub day: Option<Day>,
}

/// How far a booking is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize)]
#[serde(into = "&'static str")]
pub enum BookingState {
    /// Asked for.
    Claimed,
    /// The city gave the place.
    Confirmed,
    /// The city did not.
    Declined,
    /// The household does not come.
    Cancelled,
    /// It took place.
    Ended,
}

impl BookingState {
    /// Every state.
    pub const ALL: [BookingState; 5] =
        [BookingState::Claimed, BookingState::Confirmed, BookingState::Declined, BookingState::Cancelled, BookingState::Ended];

    /// The word in views.
    pub fn word(self) -> &'static str {
        match self {
            BookingState::Claimed => "claimed",
            BookingState::Confirmed => "confirmed",
            BookingState::Declined => "declined",
            BookingState::Cancelled => "cancelled",
            BookingState::Ended => "ended",
        }
    }

    /// The Chinese name on screens.
    pub fn label(self) -> &'static str {
        match self {
            BookingState::Claimed => "待市级确认",
            BookingState::Confirmed => "已确认",
            BookingState::Declined => "未予确认",
            BookingState::Cancelled => "已取消",
            BookingState::Ended => "已结束",
        }
    }

    /// The inverse of [`BookingState::word`].
    pub fn from_word(word: &str) -> Option<BookingState> {
        BookingState::ALL.into_iter().find(|state| state.word() == word)
    }

    /// Whether it takes a place of the project's period; one that ended had it.
    pub fn takes_place(self) -> bool {
        matches!(self, BookingState::Confirmed | BookingState::Ended)
    }
}

impl From<BookingState> for &'static str {
    fn from(state: BookingState) -> &'static str {
        state.word()
    }
}

/// A place of a care project that was asked for.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Booking {
    /// The event.
    pub id: OpId,
    /// The project.
    pub project: RecordId,
    /// Its name as it was then.
    pub title: String,
    /// Its kind as it was then.
    pub service: String,
    /// Who provides it, as it was then.
    pub provider: String,
    /// The row of the project's division that it asks for, and stays in; none: the places are not divided.
    pub share: Option<ShareId>,
    /// How many places.
    pub places: u32,
    /// For whom.
    pub whom: String,
    /// What should be known.
    pub note: String,
    /// The office that asked.
    pub by: OfficeId,
    /// Its tier.
    pub tier: Tier,
    /// When.
    pub day: Option<Day>,
    /// The claim's place in the common order.
    pub claimed: Option<Stamp>,
    /// How far it is.
    pub state: BookingState,
    /// That it did not fit, as the city said last: places ahead of it, places of its row.
    pub contested: Option<(u32, u32)>,
    /// The confirmation's place in the common order.
    pub confirmed: Option<Stamp>,
    /// Places taken when it was confirmed, with its own, and places of its row.
    pub seat: Option<(u32, u32)>,
    /// The last day of its row or project.
    pub until: Option<Day>,
    /// Why it was declined or cancelled, or what was said with the confirmation.
    pub reason: String,
    /// What became of it.
    pub outcome: Option<(Attendance, String)>,
    /// The day of that, or of the refusal or the cancellation.
    pub ended_on: Option<Day>,
}

/// Whether the kind is about a booking.
pub(super) fn is_about(kind: EventKind) -> bool {
    use EventKind::*;
    matches!(kind, Booked | BookingContested | BookingConfirmed | BookingDeclined | BookingCancelled | BookingEnded)
}

/// The states that a step about a booking may follow, and whether only the city takes it.
fn follows(kind: EventKind) -> (&'static [BookingState], bool) {
    use BookingState::{Claimed, Confirmed};
    match kind {
        EventKind::BookingContested | EventKind::BookingConfirmed | EventKind::BookingDeclined => (&[Claimed], true),
        EventKind::BookingCancelled => (&[Claimed, Confirmed], false),
        EventKind::BookingEnded => (&[Confirmed], false),
        _ => (&[], false),
    }
}

/// Whether some booking may take a step of this kind at `tier` now.
pub(super) fn may(s: &Standing, kind: EventKind, tier: Tier) -> Result<(), Refusal> {
    if kind == EventKind::Booked {
        return Ok(());
    }
    let (states, city) = follows(kind);
    unless(!city || tier == Tier::City, "预约由市级确认")?;
    unless(s.bookings.iter().any(|booking| states.contains(&booking.state)), "没有可以这样办理的预约")
}

/// Whether this very step has effect.
pub(super) fn judge(s: &Standing, what: &What, may_decide: bool) -> Result<(), Refusal> {
    let named = |text: &str, why: &str| unless(!text.trim().is_empty(), why);
    let of = |id: &OpId| match s.bookings.iter().find(|booking| booking.id == *id) {
        None => Err(Refusal("没有这一预约，或尚未到达".to_owned(), true)),
        Some(booking) => {
            let states = what.kind().map(follows).unwrap_or_default().0;
            unless(states.contains(&booking.state), &format!("这一预约{}", booking.state.label()))
        }
    };
    match what {
        What::NeedsAssessed { needs, text, .. } => unless(!needs.is_empty() || !text.trim().is_empty(), "须写明有什么需求"),
        What::Booked { title, places, .. } => {
            named(title, "没有写明项目")?;
            unless((1..=BOOKING_PLACES_MAX).contains(places), "名额数无效")
        }
        What::BookingContested { booking, .. } => of(booking),
        What::BookingConfirmed { booking, taken, capacity, .. } => {
            unless(may_decide, "不是指定的审批设备")?;
            unless(*taken <= *capacity && *capacity <= PROJECT_PLACES_MAX, "名额已满")?;
            of(booking)
        }
        What::BookingDeclined { booking, reason } => {
            unless(may_decide, "不是指定的审批设备")?;
            named(reason, "不予确认须写明理由")?;
            of(booking)
        }
        What::BookingCancelled { booking, reason } => {
            named(reason, "取消预约须写明理由")?;
            of(booking)
        }
        What::BookingEnded { booking, .. } => of(booking),
        _ => Ok(()),
    }
}

fn change(s: &mut Standing, id: &OpId, change: impl FnOnce(&mut Booking)) {
    if let Some(booking) = s.bookings.iter_mut().find(|booking| booking.id == *id) {
        change(booking);
    }
}

/// What an event that counts changes.
pub(super) fn apply(s: &mut Standing, tier: Tier, stamped: &StampedEvent, day: Option<Day>) {
    match stamped.event.what.clone() {
        What::NeedsAssessed { needs: codes, names, text, .. } => s.needs = Some(Needs { codes, names, text, day }),
        What::Booked { project, title, service, provider, share, places, whom, note } => s.bookings.push(Booking {
            id: stamped.id.clone(),
            project,
            title,
            service,
            provider,
            share,
            places,
            whom,
            note,
            by: stamped.event.by,
            tier,
            day,
            claimed: stamped.stamp,
            state: BookingState::Claimed,
            contested: None,
            confirmed: None,
            seat: None,
            until: None,
            reason: String::new(),
            outcome: None,
            ended_on: None,
        }),
        What::BookingContested { booking, ahead, capacity } => change(s, &booking, |b| b.contested = Some((ahead, capacity))),
        What::BookingConfirmed { booking, taken, capacity, until, note } => change(s, &booking, |b| {
            (b.state, b.confirmed, b.contested) = (BookingState::Confirmed, stamped.stamp, None);
            (b.seat, b.until, b.reason) = (Some((taken, capacity)), until, note);
        }),
        What::BookingDeclined { booking, reason } => change(s, &booking, |b| {
            (b.state, b.contested, b.reason, b.ended_on) = (BookingState::Declined, None, reason, day);
        }),
        What::BookingCancelled { booking, reason } => change(s, &booking, |b| {
            (b.state, b.contested, b.reason, b.ended_on) = (BookingState::Cancelled, None, reason, day);
        }),
        What::BookingEnded { booking, attendance, text } => change(s, &booking, |b| {
            (b.state, b.outcome, b.ended_on) = (BookingState::Ended, Some((attendance, text)), day);
        }),
        _ => {}
    }
}

/// Who must act because of bookings: the city while one waits, then the office that asked.
pub(super) fn turns(s: &Standing) -> impl Iterator<Item = Turn> + '_ {
    s.bookings.iter().filter_map(|booking| match booking.state {
        BookingState::Claimed if booking.contested.is_some() => {
            Some(Turn { who: Who::Tier(Tier::City), what: "核定名额冲突", due: None })
        }
        BookingState::Claimed => Some(Turn { who: Who::Tier(Tier::City), what: "确认预约", due: None }),
        BookingState::Confirmed => {
            Some(Turn { who: Who::Tier(booking.tier), what: "登记参加情况", due: booking.until.map(|until| until.plus(1)) })
        }
        BookingState::Declined | BookingState::Cancelled | BookingState::Ended => None,
    })
}
