//! Whom the form of a home visit offers: nobody types a name that the node knows, and nobody is ticked beforehand, for
//! who went and who signed is for the person to say who was there.

use super::Room;
use super::outcome::DeskError;
use crate::store::reader::{CaseFilter, Page};
use shouwang_protocol::record::RecordId;
use shouwang_protocol::records::staff::Role;

/// Cases whose visits are looked through for names, the latest changed first.
const RECENT: u32 = 20;
/// Names that are offered at most.
const NAMES_MAX: usize = 12;

/// Names for the form of a visit.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct VisitNames {
    /// Whom this person may have gone with: those of the office's latest visits first, then its staff.
    pub colleagues: Vec<String>,
    /// Who lives in the household, its head first.
    pub members: Vec<String>,
}

impl Room<'_> {
    /// The names for a visit of this household.
    pub(super) fn visit_names(&self, household: Option<RecordId>) -> Result<VisitNames, DeskError> {
        let staff = self.reader.staff(Some(self.here.office))?;
        let (working, gone): (Vec<_>, Vec<_>) = staff.into_iter().partition(|row| row.works_on(self.day));
        let mut names = Vec::new();
        for row in self.reader.cases(&CaseFilter::default(), Page::first(RECENT))?.rows {
            for file in self.reader.case(&row.case)? {
                let ours = file.standing.visits.into_iter().rev().filter(|visit| visit.tier == self.here.tier);
                names.extend(ours.flat_map(|visit| visit.investigators));
            }
        }
        let goes =
            |row: &&crate::store::reader::StaffRow| row.roles.contains(&Role::Intake) || row.roles.contains(&Role::Reviewer);
        names.extend(working.iter().filter(goes).map(|row| row.name.clone()));
        let mut colleagues: Vec<String> = Vec::new();
        for name in names {
            let left = gone.iter().any(|row| row.name == name) && working.iter().all(|row| row.name != name);
            if name != self.person.name && !left && !colleagues.contains(&name) {
                colleagues.push(name);
            }
        }
        colleagues.truncate(NAMES_MAX);
        let mut members = Vec::new();
        if let Some(found) = household.map(|record| self.reader.household(&record)).transpose()?.flatten() {
            let present = found.household.members.iter().filter(|member| member.is_present());
            members.extend(present.map(|member| member.name.clone()).filter(|name| !name.is_empty()));
            members.sort_by_key(|name| *name != found.household.head);
        }
        Ok(VisitNames { colleagues, members })
    }
}
