//! The monthly update: each village signs what came, left, changed and stayed; those above see who has not.

use super::model::Person;
use super::outcome::DeskError;
use super::permit::{self, REGISTRY};
use super::{Desk, LOOKING, Plan, Room, day_of};
use automerge::ChangeHash;
use shouwang_protocol::area::{AreaId, Tier};
use shouwang_protocol::monthly::{Roll, last_day, roll};
use shouwang_protocol::record::{Kind, RecordRef};
use shouwang_protocol::records::signoff::SignOff;
use shouwang_protocol::records::then::Then;
use shouwang_protocol::standing::payout::month;
use std::collections::BTreeMap;

/// Characters of a remark.
const NOTE_CHARS_MAX: usize = 500;
/// Months that may be chosen.
const MONTHS_SHOWN: usize = 24;

/// A village's month.
#[derive(Clone, Debug)]
pub struct VillageMonth {
    /// The village.
    pub area: AreaId,
    /// Its name.
    pub name: String,
    /// What was signed last; none: nothing.
    pub signed: Option<SignOff>,
}

/// A village's month, household by household.
#[derive(Clone, Debug)]
pub struct MonthOpened {
    /// The village.
    pub area: AreaId,
    /// Its name.
    pub name: String,
    /// What the records say now about that month.
    pub roll: Roll,
    /// Whether that is what was signed.
    pub as_signed: bool,
}

/// A month, for the villages of this office.
#[derive(Clone, Debug)]
pub struct MonthPage {
    /// The month.
    pub month: String,
    /// Months to choose from, the latest first.
    pub months: Vec<String>,
    /// The villages with households, those that have not signed first.
    pub villages: Vec<VillageMonth>,
    /// One village, opened.
    pub opened: Option<MonthOpened>,
    /// Whether the month is over.
    pub over: bool,
    /// Whether this person may sign for the opened village.
    pub may_sign: bool,
}

impl Room<'_> {
    fn roll(&self, area: AreaId, month: &str) -> Result<Roll, DeskError> {
        let last = last_day(month).ok_or_else(|| DeskError::invalid("month", "月份应写作 2026-07"))?;
        let start = last_day(&shouwang_protocol::monthly::before(month).unwrap_or_default()).unwrap_or(last);
        let mut all = Vec::new();
        for record in self.reader.households_in(area)? {
            let Some(found) = self.reader.document(&record)? else { continue };
            let written: BTreeMap<ChangeHash, _> =
                self.reader.written(&record)?.into_iter().map(|(change, day)| (ChangeHash(change), day)).collect();
            let then = |on| Then::of(&found.doc, &written, on);
            all.push((record, then(start), then(last)));
        }
        Ok(roll(last, &all))
    }

    /// Whether this office signs for an area: the village's own, or the city's where the village has no node.
    fn signs_for(&self, area: AreaId) -> bool {
        self.here.areas.contains(&area) || self.here.tier == Tier::City
    }

    fn month_page(&self, wanted: Option<String>, area: Option<AreaId>) -> Result<MonthPage, DeskError> {
        let this_month = month(self.day);
        let began = self.reader.began(&self.here.areas)?;
        let first = began.iter().map(|(_, ms)| month(day_of(*ms))).min().unwrap_or_else(|| this_month.clone());
        let mut months = vec![this_month.clone()];
        while let Some(earlier) = months.last().and_then(|last| shouwang_protocol::monthly::before(last)) {
            if earlier < first || months.len() >= MONTHS_SHOWN {
                break;
            }
            months.push(earlier);
        }
        // At the end of a month it is that month's turn; before, the last one's.
        let turn = months.get(1).unwrap_or(&this_month).clone();
        let month = wanted.unwrap_or(turn);
        let last = last_day(&month).ok_or_else(|| DeskError::invalid("month", "月份应写作 2026-07"))?;
        let mut signed: BTreeMap<AreaId, SignOff> = BTreeMap::new();
        signed.extend(self.reader.sign_offs(&month, &self.here.areas)?);
        let begun = |area: &AreaId| began.iter().any(|(known, ms)| known == area && day_of(*ms) <= last);
        let held = self.villages()?.into_iter().filter(|(area, _)| begun(area) || signed.contains_key(area));
        let mut villages: Vec<VillageMonth> =
            held.map(|(area, name)| VillageMonth { area, name, signed: signed.get(&area).cloned() }).collect();
        villages.sort_by_key(|village| (village.signed.is_some(), village.area));
        let only = (villages.len() == 1).then(|| villages[0].area);
        let opened = match area.or(only) {
            None => None,
            Some(area) => {
                permit::covers(&self.here, &self.divisions, area)?;
                let roll = self.roll(area, &month)?;
                let as_signed = signed.get(&area).is_some_and(|signed| signed.digest == roll.digest);
                Some(MonthOpened { area, name: self.place_name(area), roll, as_signed })
            }
        };
        let over = last < self.day;
        let may_sign = over
            && permit::role_or_console(&self.person, REGISTRY).is_ok()
            && opened.as_ref().is_some_and(|opened| self.signs_for(opened.area) && !opened.as_signed);
        Ok(MonthPage { month, months, villages, opened, over, may_sign })
    }

    /// Signs a village's month, as it was shown.
    pub(super) fn sign_off(&self, area: AreaId, month: &str, digest: &str, note: &str) -> Result<Plan, DeskError> {
        permit::role_or_console(&self.person, REGISTRY)?;
        permit::covers(&self.here, &self.divisions, area)?;
        if !self.signs_for(area) {
            return Err(DeskError::not_permitted("由本村（社区）签认；镇（街道）可以催办"));
        }
        let last = last_day(month).ok_or_else(|| DeskError::invalid("month", "月份应写作 2026-07"))?;
        if last >= self.day {
            return Err(DeskError::NotNow { why: format!("{month} 还没有结束，下月 1 日起签认") });
        }
        if note.chars().count() > NOTE_CHARS_MAX {
            return Err(DeskError::invalid("note", format!("不超过 {NOTE_CHARS_MAX} 字")));
        }
        let roll = self.roll(area, month)?;
        if roll.digest != digest {
            let why = "您打开页面之后，这个月的记录又有变化（可能刚同步到迟到的记录）；没有签认，请看过新的名单再签".to_owned();
            return Err(DeskError::NotNow { why });
        }
        if self.reader.sign_offs(month, &[area])?.last().is_some_and(|(_, signed)| signed.digest == digest) {
            return Ok(Plan::saying("已经签认过"));
        }
        let figures = SignOff {
            month: month.to_owned(),
            note: note.trim().to_owned(),
            office: self.here.office.0,
            staff: self.person.id.clone(),
            name: self.person.name.clone(),
            day: Some(self.day),
            ..roll.figures()
        };
        let place = super::households::place(area);
        let mut plan = Plan::saying(format!("{month} 已签认")).draft(place, RecordRef::New(Kind::SIGN_OFF), figures.create());
        // What it stands beside, and comes after.
        plan.shown.extend(self.reader.last_sign_off(month, area)?);
        Ok(plan)
    }
}

impl Desk {
    /// A month of this office's villages; with an area, that one household by household.
    pub async fn month(&self, person: &Person, month: Option<String>, area: Option<AreaId>) -> Result<MonthPage, DeskError> {
        permit::office_staff(person)?;
        self.in_room(person, LOOKING, move |room| room.month_page(month, area)).await
    }
}
