//! Beginning a case, finding it again, and what keeps it from being decided.
//!
//! A case lives in the village of its household (casework, floor village). Without a village it lives at the township
//! or the city, out of sight of everything below, until it is routed: then a new case begins in the right area, and
//! the old one ends with its name.

use super::command::OpenCase;
use super::consents;
use super::doubles::unsettled;
use super::moves::gone;
use super::outcome::{DeskError, FieldFault};
use super::permit::{self, receives, sees};
use super::{Plan, Room};
use crate::store::reader::CaseFile;
use serde_json::Value;
use shouwang_protocol::area::{AreaId, Tier};
use shouwang_protocol::control::Office;
use shouwang_protocol::limits::STRING_BYTES_MAX;
use shouwang_protocol::record::{CaseId, Lane, Place, RecordId, RecordRef};
use shouwang_protocol::records::case::append;
use shouwang_protocol::records::event::{Answered, Channel, Event, EventKind, Origin, What};
use shouwang_protocol::records::policy::{Decides, Pack, Packs, in_force};
use shouwang_protocol::records::staff::Role;
use shouwang_protocol::standing::{Standing, Transfer};
use std::collections::BTreeMap;

/// Bytes of all texts of one event.
const EVENT_BYTES_MAX: usize = 6 * 1024;
/// What stands before the name of the case that a routed case goes on from.
const ROUTED_FROM: &str = "分派自";

/// The rule of a case that goes on from another.
pub(super) fn routed_rule(rule: &str, from: &CaseId) -> String {
    format!("{rule} {ROUTED_FROM}{from}").trim().to_owned()
}

/// The case that a case goes on from.
pub(super) fn routed_from(standing: &Standing) -> Option<CaseId> {
    let (_, name) = standing.rule.split_once(ROUTED_FROM)?;
    CaseId::parse(name.get(..32)?)
}

/// What was typed into a kind's application form, as it is kept; without what says the same as before.
pub(super) fn answered(
    pack: &Pack,
    kind: &str,
    typed: &BTreeMap<String, String>,
    before: &[Answered],
) -> Result<Vec<Answered>, DeskError> {
    if let Some(code) = typed.keys().find(|code| pack.questions.iter().all(|question| question.code != **code)) {
        return Err(DeskError::invalid("answers", format!("申请表没有“{code}”这一项")));
    }
    let (mut answers, mut faults) = (Vec::new(), Vec::new());
    for question in pack.questions_of(kind) {
        let Some(text) = typed.get(&question.code) else { continue };
        match question.read(text) {
            Ok(text) => {
                let was = before.iter().find(|answer| answer.code == question.code);
                if was.map_or("", |answer| answer.text.as_str()) != text {
                    answers.push(Answered { code: question.code.clone(), name: question.name.clone(), text });
                }
            }
            Err(why) => faults.push(FieldFault::new(format!("answers.{}", question.code), why)),
        }
    }
    if faults.is_empty() { Ok(answers) } else { Err(DeskError::Invalid { faults }) }
}

/// What is short enough for one entry: no text beyond a string's limit, and all of it well below a payload's.
pub(super) fn short(what: What) -> Result<What, DeskError> {
    let json = serde_json::to_value(&what).unwrap_or_default();
    let mut all = 0;
    for (field, value) in json.as_object().into_iter().flatten() {
        let bytes = match value {
            Value::String(text) => text.len(),
            // A list is one string in the record, a line each.
            Value::Array(lines) => {
                lines.iter().map(|line| line.as_str().map_or_else(|| line.to_string().len(), str::len) + 1).sum()
            }
            _ => 0,
        };
        all += bytes;
        if bytes > STRING_BYTES_MAX || all > EVENT_BYTES_MAX {
            return Err(DeskError::invalid(field, "内容过长，请写得简短些"));
        }
    }
    Ok(what)
}

impl Room<'_> {
    /// A case that this person may see, with what it means.
    pub(super) fn case(&self, case: &CaseId) -> Result<CaseFile, DeskError> {
        let mut files = self.reader.case(case)?;
        // Volumes of one case at two places are nobody's honest work: the one that was opened counts.
        files.sort_by_key(|file| (file.standing.origin.is_none(), file.row.opened));
        let file = files.into_iter().next().filter(|file| sees(&file.standing, &self.person));
        file.ok_or_else(|| DeskError::not_found("事项"))
    }

    /// The case this person works on with others, and what it means; the office covers its area.
    pub(super) fn case_to_work_on(&self, case: &CaseId) -> Result<(CaseFile, Place), DeskError> {
        let file = self.case(case)?;
        permit::covers(&self.here, &self.divisions, file.row.area)?;
        let place = Place { area: file.row.area, lane: Lane::Casework, floor: file.row.floor };
        Ok((file, place))
    }

    /// The event that this person writes today.
    pub(super) fn event(&self, what: What) -> Event {
        Event::new(self.here.office, &self.person.id, &self.person.name, self.day, what)
    }

    /// The volume this office writes.
    pub(super) fn volume(&self, case: CaseId) -> RecordRef {
        RecordRef::Volume(case, self.here.tier)
    }

    /// The pack in force; with a wrong clock, the first there is.
    pub(super) fn pack<'p>(&self, packs: &'p Packs) -> Option<&'p Pack> {
        in_force(packs, self.day).or_else(|| packs.values().min_by_key(|pack| (pack.from, &pack.version)))
    }

    /// Where a case of this area lives.
    pub(super) fn casework(&self, area: AreaId) -> Result<Place, DeskError> {
        permit::covers(&self.here, &self.divisions, area)?;
        let known = self.divisions.get(area).ok_or_else(|| DeskError::invalid("area", "没有这一区划"))?;
        if known.tier > self.here.tier {
            return Err(DeskError::not_permitted("不在本机构的辖区内"));
        }
        Ok(Place { area, lane: Lane::Casework, floor: known.tier })
    }

    pub(super) fn open_case(&self, open: OpenCase) -> Result<Plan, DeskError> {
        let roles: &[Role] = if open.origin == Origin::Warning { &[Role::Intake, Role::Reviewer] } else { &[Role::Intake] };
        if self.person.is_console() && open.channel != Some(Channel::Feed) {
            return Err(DeskError::not_permitted("本机管理不登记事项"));
        }
        permit::role_or_console(&self.person, roles)?;
        let household = open.household.map(|record| self.household(&record)).transpose()?;
        if let Some(why) = household.as_ref().and_then(|found| gone(&found.household)) {
            return Err(DeskError::NotNow { why });
        }
        let area = match (&household, open.area) {
            (Some(found), _) => found.place.area,
            (None, Some(area)) => area,
            (None, None) => *self.here.areas.first().ok_or_else(|| DeskError::not_permitted("本机构没有辖区"))?,
        };
        let place = self.casework(area)?;
        let packs = self.reader.packs()?;
        let pack = self.pack(&packs);
        if open.origin == Origin::Application {
            let Some(pack) = pack else {
                return Err(DeskError::NotNow {
                    why: "本机还没有政策包，不能登记申请；可先登记为求助，等政策包到达后转为申请".to_owned(),
                });
            };
            if pack.kind(&open.assistance).is_none() {
                return Err(DeskError::invalid("assistance", "须从政策包中选择救助种类"));
            }
        } else if !open.assistance.is_empty() && pack.is_some_and(|pack| pack.kind(&open.assistance).is_none()) {
            return Err(DeskError::invalid("assistance", "政策包中没有这一救助种类"));
        }
        let head = household.as_ref().map(|found| found.household.head.clone()).unwrap_or_default();
        let main = household.as_ref().map(|found| found.household.cause.clone()).unwrap_or_default();
        let listed = |cause: &str| pack.is_some_and(|pack| pack.causes.iter().any(|code| code.code == cause));
        if !open.cause.is_empty() && open.cause != main && !listed(&open.cause) {
            return Err(DeskError::invalid("cause", "政策包中没有这一原因"));
        }
        let applicant = if open.applicant.trim().is_empty() { head } else { open.applicant.trim().to_owned() };
        if applicant.is_empty() {
            return Err(DeskError::invalid("applicant", "须写明申请人或当事人"));
        }
        let channel = open.channel.unwrap_or(match self.here.tier {
            Tier::Village => Channel::Village,
            Tier::Township => Channel::TownshipWindow,
            Tier::City => Channel::CityWindow,
        });
        let case = CaseId(self.action.0);
        let label = open.origin.label();
        let form = match pack {
            Some(pack) => answered(pack, &open.assistance, &open.answers, &[])?,
            None => Vec::new(),
        };
        let opened = What::Opened {
            origin: open.origin,
            channel,
            assistance: open.assistance,
            household: open.household,
            applicant,
            summary: open.summary,
            urgency: open.urgency,
            rule: open.rule,
            cause: if open.cause.is_empty() { main } else { open.cause },
            pack: pack.map(|pack| pack.version.clone()).unwrap_or_default(),
        };
        let mut plan = Plan::saying(format!("{label}已登记")).about(case);
        plan.shown.extend(open.household);
        if !form.is_empty() {
            let filled = What::FormFilled { answers: form };
            plan.rest.push((place, append(&self.event(short(filled)?))));
        }
        Ok(plan.draft(place, self.volume(case), append(&self.event(short(opened)?))))
    }

    /// The records that somebody who looks at the case is shown.
    pub(super) fn shown(&self, case: &CaseId, standing: &Standing) -> Result<Vec<RecordId>, DeskError> {
        let mut shown: Vec<RecordId> = self.reader.volumes(case)?.into_iter().map(|(_, record)| record).collect();
        shown.extend(standing.household);
        Ok(shown)
    }

    /// The offices that can see a case at a place, below this one or its own.
    pub(super) fn holders(&self, place: &Place) -> Result<Vec<Office>, DeskError> {
        let mut offices = self.reader.offices()?;
        offices.retain(|office| office.tier >= place.floor && office.covers(&self.divisions, place.area));
        Ok(offices)
    }

    /// What keeps money from being decided in this case, in Chinese.
    pub(super) fn blocks(&self, case: &CaseId, standing: &Standing, packs: &Packs) -> Result<Vec<String>, DeskError> {
        let mut blocks = Vec::new();
        let kind = packs.get(&standing.pack).and_then(|pack| pack.kind(&standing.assistance));
        let decided_here = kind.is_some_and(|kind| matches!(kind.decides, Decides::Tiers(_)));
        if standing.decision.is_some() || standing.result.is_some() || !decided_here {
            return Ok(blocks);
        }
        if let Some(record) = &standing.household {
            match self.reader.household_row(record)? {
                None => blocks.push("家庭档案尚未到达本机".to_owned()),
                Some(row) => {
                    if row.blocking > 0 {
                        blocks.push(format!("家庭档案有 {} 项关键内容存在分歧，须先核定", row.blocking));
                    }
                    if row.duplicate {
                        blocks.push("家庭成员同时登记在另一户，须先核实".to_owned());
                    }
                }
            }
        }
        blocks.extend(standing.doubled.iter().filter(|doubled| doubled.ruling.is_none()).map(unsettled));
        blocks.extend(self.granted_before(case, standing, packs)?.iter().map(|known| known.block()));
        Ok(blocks)
    }

    /// What this person may do in a case now, in the order of the work.
    pub(super) fn possible(&self, file: &CaseFile, packs: &Packs) -> Result<Vec<EventKind>, DeskError> {
        if permit::covers(&self.here, &self.divisions, file.row.area).is_err() {
            return Ok(Vec::new());
        }
        let mut possible = shouwang_protocol::standing::possible(&file.standing, packs, &self.person.for_standing());
        if !self.here.decides || self.entered_before(&file.standing)? {
            possible.retain(|kind| !matches!(kind, EventKind::Decided | EventKind::Acknowledged));
        }
        if possible.contains(&EventKind::Decided) {
            // A second grant is decided with a reason; what is not settled is not decided at all.
            let blocked = file.standing.household.map(|record| self.reader.blocked_by(&record)).transpose()?;
            if blocked.is_some_and(|count| count > 0) {
                possible.retain(|kind| *kind != EventKind::Decided);
            }
        }
        // Doubles are settled in both cases at once, on a page of their own.
        possible.retain(|kind| !matches!(kind, EventKind::DoubleFound | EventKind::DoubleSettled));
        // The city tells of a conflict for a whole project at once, and gives places on the one device that decides.
        let settles = |kind: &EventKind| matches!(kind, EventKind::BookingConfirmed | EventKind::BookingDeclined);
        possible.retain(|kind| *kind != EventKind::BookingContested && (self.here.decides || !settles(kind)));
        if super::projects::is_over(&file.standing) {
            possible.retain(|kind| *kind != EventKind::Booked);
        }
        if possible.contains(&EventKind::Emergency) {
            let own = self.books()?.iter().any(|book| book.open && book.allotment.device == self.here.device);
            possible.retain(|kind| own || *kind != EventKind::Emergency);
        }
        let goes_on = |it: &Transfer| receives(it, &self.person) && consents::may_go_on(&file.standing, it, self.day);
        if !file.standing.transfers.iter().any(goes_on) {
            possible.retain(|kind| !matches!(kind, EventKind::SignedFor | EventKind::Session | EventKind::Outcome));
        }
        if self.told_by_consent(&file.standing, packs).is_empty() {
            possible.retain(|kind| *kind != EventKind::Consented);
        }
        if file.standing.is_void() {
            possible.retain(|kind| *kind != EventKind::Paid);
        }
        if !self.may_route(file) {
            possible.retain(|kind| *kind != EventKind::Routed);
        }
        if !file.standing.timeline.iter().any(|item| self.may_take_back(item)) {
            possible.retain(|kind| *kind != EventKind::Withdrawn);
        }
        Ok(possible)
    }

    /// Whether the case still lacks a village and somebody below could have it.
    pub(super) fn may_route(&self, file: &CaseFile) -> bool {
        file.row.floor > Tier::Village && self.divisions.children(file.row.area).next().is_some()
    }

    /// Whether this person entered what the case goes on from.
    pub(super) fn entered_before(&self, standing: &Standing) -> Result<bool, DeskError> {
        let me = (self.here.office, self.person.id.clone());
        let Some(old) = routed_from(standing) else { return Ok(false) };
        Ok(self.reader.case(&old)?.iter().any(|file| file.standing.entered_by.contains(&me)))
    }
}
