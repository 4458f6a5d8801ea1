//! Care projects and their places: what fits assessed needs, and who has a place.
//!
//! [`allot`] is a pure function of a project's places and the claims on them: the same answer in any order. A place is
//! taken by a confirmation, in the common order of confirmations, and never beyond what there is; what was confirmed
//! beyond it has no place and is a conflict. What is left goes to the claims in the common order of claims: those that
//! fit wait for the city, those that do not are a conflict (名额冲突). A person settles it; nothing here decides.
//!
//! ```text
//! 3 places: confirmed 赵(1), confirmed 钱(1) | claimed 孙(1) waits | claimed 李(1) conflict
//! ```

use crate::area::AreaId;
use crate::record::{CaseId, Stamp};
use crate::records::OpId;
use crate::records::day::Day;
use crate::records::policy::Pack;
use crate::records::project::Project;
use crate::standing::{Booking, BookingState};
use std::collections::BTreeMap;

/// A booking, as the project sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Claim {
    /// The case it stands in.
    pub case: CaseId,
    /// The booking.
    pub booking: OpId,
    /// How many places.
    pub places: u32,
    /// How far it is.
    pub state: BookingState,
    /// The claim's place in the common order; none comes last.
    pub claimed: Option<Stamp>,
    /// The confirmation's.
    pub confirmed: Option<Stamp>,
}

impl Claim {
    /// Of a booking.
    pub fn of(case: CaseId, booking: &Booking) -> Claim {
        Claim {
            case,
            booking: booking.id.clone(),
            places: booking.places,
            state: booking.state,
            claimed: booking.claimed,
            confirmed: booking.confirmed,
        }
    }

    fn key(&self) -> Key {
        (self.case, self.booking.clone())
    }
}

/// Names a booking: its case and its event.
pub type Key = (CaseId, OpId);

/// What a claim comes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Seat {
    /// It has its places.
    Has,
    /// It fits and waits for the city.
    Waits,
    /// It does not fit.
    Conflict {
        /// Places taken or claimed before it.
        ahead: u32,
    },
    /// It asks for nothing any more.
    Over,
}

/// Who has a place, who waits, what conflicts.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Allotment {
    /// Each claim's seat.
    pub seats: BTreeMap<Key, Seat>,
    /// Places taken, here and elsewhere; never more than there are.
    pub taken: u32,
    /// Places that waiting claims ask for; with those taken never more than there are.
    pub waiting: u32,
    /// Places that are asked for and are not there.
    pub lacking: u32,
}

impl Allotment {
    /// Places that nobody has and nobody waits for.
    pub fn left(&self, capacity: u32) -> u32 {
        capacity.saturating_sub(self.taken).saturating_sub(self.waiting)
    }

    /// What a claim comes to.
    pub fn seat(&self, case: &CaseId, booking: &OpId) -> Option<Seat> {
        self.seats.get(&(*case, booking.clone())).copied()
    }

    /// Whether something does not fit.
    pub fn has_conflict(&self) -> bool {
        self.lacking > 0
    }
}

/// Who has a place. `elsewhere`: places that are taken by bookings this replica does not hold.
pub fn allot(capacity: u32, elsewhere: u32, claims: &[Claim]) -> Allotment {
    let claims: BTreeMap<Key, &Claim> = claims.iter().map(|claim| (claim.key(), claim)).collect();
    let elsewhere = elsewhere.min(capacity);
    let mut found = Allotment { taken: elsewhere, ..Allotment::default() };
    let mut confirmed: Vec<(&Key, &&Claim)> = claims.iter().filter(|(_, claim)| claim.state.takes_place()).collect();
    confirmed.sort_by_key(|(key, claim)| (claim.confirmed.is_none(), claim.confirmed, (*key).clone()));
    let mut asked: Vec<(&Key, &&Claim)> = claims.iter().filter(|(_, claim)| claim.state == BookingState::Claimed).collect();
    asked.sort_by_key(|(key, claim)| (claim.claimed.is_none(), claim.claimed, (*key).clone()));
    let mut ahead = elsewhere;
    // Nothing waits yet while those that are confirmed take their places.
    for (key, claim) in confirmed.into_iter().chain(asked) {
        let used = found.taken.saturating_add(found.waiting);
        let fits = used.checked_add(claim.places).is_some_and(|used| used <= capacity);
        let (sum, seat) = match (fits, claim.state.takes_place()) {
            (true, true) => (&mut found.taken, Seat::Has),
            (true, false) => (&mut found.waiting, Seat::Waits),
            (false, _) => (&mut found.lacking, Seat::Conflict { ahead }),
        };
        *sum = sum.saturating_add(claim.places);
        ahead = ahead.saturating_add(claim.places);
        found.seats.insert(key.clone(), seat);
    }
    for (key, claim) in claims {
        if matches!(claim.state, BookingState::Declined | BookingState::Cancelled) {
            found.seats.insert(key, Seat::Over);
        }
    }
    found
}

/// Places taken by bookings that a replica does not hold: what the city published, less what is confirmed here.
pub fn elsewhere(project: &Project, claims: &[Claim]) -> u32 {
    let here = claims.iter().filter(|claim| claim.state.takes_place()).fold(0_u32, |sum, claim| sum.saturating_add(claim.places));
    project.taken.map_or(0, |(taken, _)| taken.saturating_sub(here))
}

/// Why a project answers what was assessed, and what stands against it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fit {
    /// The needs it answers, by name.
    pub needs: Vec<String>,
    /// What speaks for it.
    pub reasons: Vec<String>,
    /// What keeps it from being booked; nothing: it is proposed.
    pub against: Vec<String>,
}

impl Fit {
    /// Whether it is proposed.
    pub fn fits(&self) -> bool {
        self.against.is_empty()
    }
}

/// What keeps a project from being booked on `day` for somebody who lives at `path` (an area and all above it), with so
/// many places not taken.
pub fn hindrances(project: &Project, path: &[AreaId], day: Day, free: u32) -> Vec<String> {
    let mut against = Vec::new();
    if !project.areas.is_empty() && !path.iter().any(|area| project.areas.contains(area)) {
        against.push("不服务这一区域".to_owned());
    }
    if !project.open {
        against.push("不再接受预约".to_owned());
    }
    if let Some(until) = project.until.filter(|until| *until < day) {
        against.push(format!("已于 {until} 结束"));
    }
    if free == 0 {
        against.push("名额已满".to_owned());
    }
    against
}

/// Whether a project answers one of these needs.
pub fn answers(project: &Project, pack: &Pack, needs: &[String]) -> bool {
    pack.project_kind(&project.kind).is_some_and(|kind| needs.iter().any(|need| kind.needs.contains(need)))
}

/// How a project with these places fits assessed needs; none when it answers none of them.
pub fn fit(project: &Project, pack: &Pack, needs: &[String], path: &[AreaId], day: Day, places: &Allotment) -> Option<Fit> {
    let (left, free) = (places.left(project.capacity), project.capacity.saturating_sub(places.taken));
    let kind = pack.project_kind(&project.kind)?;
    let name = |code: &String| pack.needs.iter().find(|need| need.code == *code).map_or(code, |need| &need.name).clone();
    let answers: Vec<String> = needs.iter().filter(|need| kind.needs.contains(need)).map(name).collect();
    if answers.is_empty() {
        return None;
    }
    let mut reasons = vec![format!("对应需求：{}", answers.join("、"))];
    reasons.push(if project.areas.is_empty() { "面向全市" } else { "服务本地" }.to_owned());
    if let Some(from) = project.from.filter(|from| *from > day) {
        reasons.push(format!("{from} 开始，现在可以预约"));
    }
    if let Some(until) = project.until {
        reasons.push(format!("到 {until} 为止"));
    }
    match (left, free) {
        (0, 0) => {}
        (0, _) => reasons.push("名额都有人预约了，排在后面，等市级确认".to_owned()),
        _ => reasons.push(format!("还有 {left} 个名额")),
    }
    let against = hindrances(project, path, day, free);
    if against.iter().any(|why| why.contains("区域")) {
        reasons.retain(|reason| reason != "服务本地");
    }
    Some(Fit { needs: answers, reasons, against })
}

#[cfg(test)]
#[path = "projects_tests.rs"]
mod tests;
