//! Care projects and their places: what fits assessed needs, and who has a place.
//!
//! [`allot`] is a pure function of the places of one row and the claims on them: the same answer in any order. A place is
//! taken by a confirmation, in the common order of confirmations, and never beyond what there is; what was confirmed
//! beyond it has no place and is a conflict. What is left goes to the claims in the common order of claims: those that
//! fit wait for the city, those that do not are a conflict (名额冲突). A person settles it; nothing here decides.
//! Where places are divided by area and period (名额分配), [`allot_rows`] does so for each row by itself: a claim names its
//! row for good, and one whose row is no longer there has no place.
//!
//! ```text
//! 3 places: confirmed 赵(1), confirmed 钱(1) | claimed 孙(1) waits | claimed 李(1) conflict
//! ```

use crate::area::{AreaId, Divisions};
use crate::record::{CaseId, Stamp};
use crate::records::OpId;
use crate::records::day::Day;
use crate::records::policy::Pack;
use crate::records::project::{Project, Row, ShareId};
use crate::standing::{Booking, BookingState};
use std::collections::BTreeMap;

/// A booking, as the project sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Claim {
    /// The case it stands in.
    pub case: CaseId,
    /// The booking.
    pub booking: OpId,
    /// The row it asks for; none: the places are not divided.
    pub share: Option<ShareId>,
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
            share: booking.share,
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
        /// Places of its row taken or claimed before it.
        ahead: u32,
    },
    /// It asks for nothing any more.
    Over,
}

/// The places of one row.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sums {
    /// How many there are; none in a row that is no longer there.
    pub places: u32,
    /// Taken.
    pub taken: u32,
    /// Asked for by claims that fit and wait.
    pub waiting: u32,
    /// Asked for and not there.
    pub lacking: u32,
}

impl Sums {
    /// Those that nobody has.
    pub fn free(&self) -> u32 {
        self.places.saturating_sub(self.taken)
    }

    /// Those that nobody has and nobody waits for.
    pub fn left(&self) -> u32 {
        self.free().saturating_sub(self.waiting)
    }
}

impl std::iter::Sum for Sums {
    fn sum<I: Iterator<Item = Sums>>(all: I) -> Sums {
        all.fold(Sums::default(), |sum, row| Sums {
            places: sum.places.saturating_add(row.places),
            taken: sum.taken.saturating_add(row.taken),
            waiting: sum.waiting.saturating_add(row.waiting),
            lacking: sum.lacking.saturating_add(row.lacking),
        })
    }
}

/// Who has a place, who waits, what conflicts.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Allotment {
    /// Each claim's seat.
    pub seats: BTreeMap<Key, Seat>,
    /// The places of each row: of those that there are, and of those that claims name.
    pub rows: BTreeMap<Option<ShareId>, Sums>,
}

impl Allotment {
    /// The places of all rows.
    pub fn all(&self) -> Sums {
        self.rows.values().copied().sum()
    }

    /// The places of one row.
    pub fn row(&self, id: Option<ShareId>) -> Sums {
        self.rows.get(&id).copied().unwrap_or_default()
    }

    /// How many are taken of each row of a division, to be published.
    pub fn taken_by(&self) -> BTreeMap<ShareId, u32> {
        self.rows.iter().filter(|(_, row)| row.places > 0).filter_map(|(id, row)| Some(((*id)?, row.taken))).collect()
    }

    /// Whether that is what the city published last.
    pub fn is_published(&self, project: &Project) -> bool {
        let known = |(id, taken): (ShareId, u32)| project.taken_by.get(&id).copied().unwrap_or_default() == taken;
        project.taken.map_or(0, |(taken, _)| taken) == self.all().taken && self.taken_by().into_iter().all(known)
    }

    /// What a claim comes to.
    pub fn seat(&self, case: &CaseId, booking: &OpId) -> Option<Seat> {
        self.seats.get(&(*case, booking.clone())).copied()
    }

    /// Whether something does not fit.
    pub fn has_conflict(&self) -> bool {
        self.rows.values().any(|row| row.lacking > 0)
    }
}

/// Who has a place of one row, and its sums: those taken and those waited for are together never more than there are.
/// `elsewhere`: places that are taken by bookings this replica does not hold.
pub fn allot(places: u32, elsewhere: u32, claims: &[Claim]) -> (BTreeMap<Key, Seat>, Sums) {
    let claims: BTreeMap<Key, &Claim> = claims.iter().map(|claim| (claim.key(), claim)).collect();
    let elsewhere = elsewhere.min(places);
    let (mut seats, mut found) = (BTreeMap::new(), Sums { places, taken: elsewhere, ..Sums::default() });
    let mut confirmed: Vec<(&Key, &&Claim)> = claims.iter().filter(|(_, claim)| claim.state.takes_place()).collect();
    confirmed.sort_by_key(|(key, claim)| (claim.confirmed.is_none(), claim.confirmed, (*key).clone()));
    let mut asked: Vec<(&Key, &&Claim)> = claims.iter().filter(|(_, claim)| claim.state == BookingState::Claimed).collect();
    asked.sort_by_key(|(key, claim)| (claim.claimed.is_none(), claim.claimed, (*key).clone()));
    let mut ahead = elsewhere;
    // Nothing waits yet while those that are confirmed take their places.
    for (key, claim) in confirmed.into_iter().chain(asked) {
        let used = found.taken.saturating_add(found.waiting);
        let fits = used.checked_add(claim.places).is_some_and(|used| used <= places);
        let (sum, seat) = match (fits, claim.state.takes_place()) {
            (true, true) => (&mut found.taken, Seat::Has),
            (true, false) => (&mut found.waiting, Seat::Waits),
            (false, _) => (&mut found.lacking, Seat::Conflict { ahead }),
        };
        *sum = sum.saturating_add(claim.places);
        ahead = ahead.saturating_add(claim.places);
        seats.insert(key.clone(), seat);
    }
    for (key, claim) in claims {
        if matches!(claim.state, BookingState::Declined | BookingState::Cancelled) {
            seats.insert(key, Seat::Over);
        }
    }
    (seats, found)
}

/// Who has a place in each row of a project. `whole`: this replica holds every claim; otherwise what the city published
/// counts too.
pub fn allot_rows(project: &Project, whole: bool, claims: &[Claim]) -> Allotment {
    let mut named: BTreeMap<Option<ShareId>, (u32, Vec<Claim>)> = BTreeMap::new();
    for row in project.rows() {
        named.insert(row.id, (row.places, Vec::new()));
    }
    for claim in claims {
        named.entry(claim.share).or_default().1.push(claim.clone());
    }
    let mut found = Allotment::default();
    for (id, (places, claims)) in named {
        let others = if whole { 0 } else { elsewhere(project, id, &claims) };
        let (seats, sums) = allot(places, others, &claims);
        found.seats.extend(seats);
        found.rows.insert(id, sums);
    }
    found
}

/// Places of a row taken by bookings that a replica does not hold: what the city published, less what is confirmed here.
pub fn elsewhere(project: &Project, row: Option<ShareId>, claims: &[Claim]) -> u32 {
    let here = claims.iter().filter(|claim| claim.state.takes_place()).fold(0_u32, |sum, claim| sum.saturating_add(claim.places));
    let published = match row {
        Some(id) => project.taken_by.get(&id).copied(),
        None => project.taken.map(|(taken, _)| taken),
    };
    published.unwrap_or_default().saturating_sub(here)
}

/// What is wrong with a row of a division.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Misfit {
    /// There is no such area.
    Unknown,
    /// The project does not serve it.
    NotServed,
    /// It begins before the project or ends after it.
    OutsidePeriod,
    /// Some household would have two rows on one day.
    Overlaps(ShareId),
}

/// What is wrong with the division of a project's places, row by row.
pub fn misfits(project: &Project, divisions: &Divisions) -> Vec<(ShareId, Misfit)> {
    let within = |area: Option<AreaId>, above: Option<AreaId>| match (area, above) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(area), Some(above)) => divisions.is_within(area, above),
    };
    let mut wrong = Vec::new();
    for (at, share) in project.shares.iter().enumerate() {
        let (area, served) = (share.id.area, &project.areas);
        if area.is_some_and(|area| divisions.get(area).is_none()) {
            wrong.push((share.id, Misfit::Unknown));
        } else if area.is_some() && !served.is_empty() && !served.iter().any(|above| within(area, Some(*above))) {
            wrong.push((share.id, Misfit::NotServed));
        }
        if project.from.is_some_and(|from| share.id.from < from) || project.until.is_some_and(|until| share.until > until) {
            wrong.push((share.id, Misfit::OutsidePeriod));
        }
        let one_place = |other: Option<AreaId>| within(area, other) || within(other, area);
        let other = project.shares.iter().take(at).find(|other| one_place(other.id.area) && share.meets(other));
        wrong.extend(other.map(|other| (share.id, Misfit::Overlaps(other.id))));
    }
    wrong
}

/// The rows that somebody who lives at `path` (an area and all above it) may still ask for on `day`, by first day; those of
/// the nearest area first, where areas were put under others since.
pub fn rows_for(project: &Project, path: &[AreaId], day: Day) -> Vec<Row> {
    let distance = |row: &Row| match row.id.and_then(|id| id.area) {
        Some(area) => path.iter().position(|step| *step == area),
        None => Some(path.len()),
    };
    let fits = |row: &Row| row.id.is_none() || row.until.is_none_or(|until| day <= until);
    let mut rows: Vec<(Row, usize)> =
        project.rows().into_iter().filter(fits).filter_map(|row| Some((row, distance(&row)?))).collect();
    rows.sort_by_key(|(row, distance)| (row.id.map(|id| id.from), *distance));
    rows.into_iter().map(|(row, _)| row).collect()
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
    /// The rows that can be asked for, with their places.
    pub rows: Vec<(Row, Sums)>,
}

impl Fit {
    /// Whether it is proposed.
    pub fn fits(&self) -> bool {
        self.against.is_empty()
    }

    /// Places that nobody has and nobody waits for.
    pub fn left(&self) -> u32 {
        self.rows.iter().map(|(_, sums)| *sums).sum::<Sums>().left()
    }
}

/// What keeps a project with these places from being booked on `day` for somebody who lives at `path` (an area and all
/// above it).
pub fn hindrances(project: &Project, path: &[AreaId], day: Day, places: &Allotment) -> Vec<String> {
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
    let rows = rows_for(project, path, day);
    if rows.is_empty() {
        against.push("名额没有分给这一区域，或分给的时段都已过去".to_owned());
    } else if rows.iter().all(|row| places.row(row.id).free() == 0) {
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
    let rows: Vec<(Row, Sums)> = rows_for(project, path, day).into_iter().map(|row| (row, places.row(row.id))).collect();
    let sums: Sums = rows.iter().map(|(_, sums)| *sums).sum();
    let of = if project.shares.is_empty() { String::new() } else { format!("（分给本地的 {} 个时段）", rows.len()) };
    match (sums.left(), sums.free()) {
        (0, 0) => {}
        (0, _) => reasons.push("名额都有人预约了，排在后面，等市级确认".to_owned()),
        (left, _) => reasons.push(format!("还有 {left} 个名额{of}")),
    }
    let against = hindrances(project, path, day, places);
    if against.iter().any(|why| why.contains("区域")) {
        reasons.retain(|reason| reason != "服务本地");
    }
    Some(Fit { needs: answers, reasons, against, rows })
}

#[cfg(test)]
#[path = "projects_tests.rs"]
mod tests;
