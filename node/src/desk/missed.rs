//! The monthly list of what households may have missed (可能遗漏): found from the data, each row needs an outcome.
//!
//! The list is computed for one village when it is asked for, so that it works offline and is never older than the
//! data. An outcome is an edit of the household's record; a case opened from the list carries everything that is known.

use super::command::OpenCase;
use super::model::Person;
use super::outcome::DeskError;
use super::permit::{self, REGISTRY};
use super::{Desk, LOOKING, Plan, Room};
use crate::store::reader::HouseholdRow;
use shouwang_protocol::area::AreaId;
use shouwang_protocol::missed::{Missed, missed};
use shouwang_protocol::record::{RecordId, RecordRef};
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::event::Origin;
use shouwang_protocol::records::household::Household;
use shouwang_protocol::records::policy::Pack;
use shouwang_protocol::records::screening::{Screened, Screening};
use shouwang_protocol::records::staff::Role;

/// What stands in a case that began here.
const RULE: &str = "遗漏排查";
/// Characters of the reasons that a new case carries.
const SUMMARY_CHARS_MAX: usize = 300;

/// A kind that a household may have missed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MissedLine {
    /// The household.
    pub row: HouseholdRow,
    /// What, and why.
    pub missed: Missed,
}

/// The list of a village.
#[derive(Clone, Debug)]
pub struct MissedPage {
    /// The villages this office covers: label, name with the township's.
    pub areas: Vec<(AreaId, String)>,
    /// The village; none: there is none.
    pub area: Option<AreaId>,
    /// The month.
    pub month: Day,
    /// Rows without an outcome, or all of them.
    pub lines: Vec<MissedLine>,
    /// How many still need an outcome.
    pub open: usize,
    /// How many have one.
    pub answered: usize,
    /// Whether this person may write outcomes down.
    pub may_screen: bool,
    /// Whether this person may open cases.
    pub may_open: bool,
}

impl Room<'_> {
    fn missed_of(&self, pack: &Pack, record: &RecordId, household: &Household) -> Result<Vec<Missed>, DeskError> {
        let had = self.had_with_before(record, household)?;
        Ok(missed(pack, household, &had, self.day))
    }

    fn missed_page(&self, area: Option<AreaId>, answered: bool) -> Result<MissedPage, DeskError> {
        let areas = self.villages()?;
        let area = match area {
            Some(area) => permit::covers(&self.here, &self.divisions, area).map(|()| Some(area))?,
            None => areas.first().map(|(area, _)| *area),
        };
        let packs = self.reader.packs()?;
        let pack = self.pack(&packs).ok_or_else(|| DeskError::not_found("政策包"))?;
        let mut all = Vec::new();
        self.each_household(area, |row, household| {
            let found = self.missed_of(pack, &row.record, household)?;
            all.extend(found.into_iter().map(|missed| MissedLine { row: row.clone(), missed }));
            Ok(())
        })?;
        let open = all.iter().filter(|line| !line.missed.answered).count();
        let total = all.len();
        all.retain(|line| line.missed.answered == answered);
        Ok(MissedPage {
            areas,
            area,
            month: self.day,
            lines: all,
            open,
            answered: total - open,
            may_screen: permit::role_or_console(&self.person, REGISTRY).is_ok(),
            may_open: self.person.has(&[Role::Intake]),
        })
    }

    /// What the household may have missed of this kind, and where it lives.
    fn missed_kind(&self, record: &RecordId, kind: &str) -> Result<(super::households::Found, Missed), DeskError> {
        let found = self.household(record)?;
        let packs = self.reader.packs()?;
        let pack = self.pack(&packs).ok_or_else(|| DeskError::not_found("政策包"))?;
        let all = self.missed_of(pack, record, &found.household)?;
        let one = all.into_iter().find(|missed| missed.kind == kind);
        let one = one.ok_or_else(|| DeskError::NotNow { why: "这一户已不在可能遗漏的名单上".to_owned() })?;
        Ok((found, one))
    }

    fn outcome_of(&self, missed: &Missed, outcome: Screened, note: &str) -> Screening {
        Screening {
            outcome: outcome.word().to_owned(),
            note: note.trim().to_owned(),
            basis: missed.basis.clone(),
            day: self.day,
            name: self.person.name.clone(),
            office: self.here.name.clone(),
        }
    }

    pub(super) fn screen(&self, record: RecordId, kind: &str, outcome: Screened, note: &str) -> Result<Plan, DeskError> {
        permit::role_or_console(&self.person, REGISTRY)?;
        if matches!(outcome, Screened::Declined | Screened::NotEligible) && note.trim().is_empty() {
            return Err(DeskError::invalid("note", "须写明原因"));
        }
        let (found, missed) = self.missed_kind(&record, kind)?;
        let screening = self.outcome_of(&missed, outcome, note);
        let mut plan = Plan::saying("已登记").draft(found.place, RecordRef::Known(record), screening.note(kind));
        plan.outcome.records.push(record);
        Ok(plan)
    }

    /// An application with everything that is known, and the outcome beside it: one action.
    pub(super) fn apply_for_missed(&self, record: RecordId, kind: String) -> Result<Plan, DeskError> {
        let (found, missed) = self.missed_kind(&record, &kind)?;
        let texts = missed.reasons.iter().map(|reason| {
            let holds: Vec<&str> = reason.holds.iter().map(|(text, _)| text.as_str()).collect();
            format!("{}（{}）", reason.name, holds.join("；"))
        });
        let summary = format!("{RULE}：可能符合{}", texts.collect::<Vec<_>>().join("、"));
        let open = OpenCase {
            household: Some(record),
            summary: summary.chars().take(SUMMARY_CHARS_MAX).collect(),
            rule: RULE.to_owned(),
            assistance: kind.clone(),
            ..OpenCase::of(Origin::Application)
        };
        let plan = self.open_case(open)?;
        let screening = self.outcome_of(&missed, Screened::Applied, "");
        Ok(plan.draft(found.place, RecordRef::Known(record), screening.note(&kind)))
    }
}

impl Desk {
    /// What the households of a village may have missed: what still needs an outcome, or what has one.
    pub async fn missed(&self, person: &Person, area: Option<AreaId>, answered: bool) -> Result<MissedPage, DeskError> {
        permit::office_staff(person)?;
        self.in_room(person, LOOKING, move |room| room.missed_page(area, answered)).await
    }
}
