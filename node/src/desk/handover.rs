//! Handing over what somebody who leaves has in hand.
//!
//! Whose turn it is in a case is an office's matter, so a case never stops when a person leaves; but each office has
//! somebody who has it in hand (the first who worked on it there), and with nobody a case is easily forgotten. An
//! account that is shut leaves its cases in nobody's hands, and they say so, until one step gives them all to a
//! colleague with a role in common: an event in each case, and the unsent forms with them.

use super::command::{CaseStep, Command};
use super::model::Person;
use super::outcome::DeskError;
use super::{Desk, LOOKING, Room, derived, permit};
use crate::store::reader::{CaseRow, StaffRow};
use shouwang_protocol::record::{ActionId, CaseId};
use shouwang_protocol::records::event::What;
use shouwang_protocol::records::staff::Role;
use shouwang_protocol::standing::{Handler, Standing};

/// What somebody has in hand.
#[derive(Clone, Debug)]
pub struct InHand {
    /// The account.
    pub staff: StaffRow,
    /// The cases.
    pub cases: Vec<CaseRow>,
    /// Unsent forms on this machine.
    pub drafts: usize,
    /// Colleagues who could take them.
    pub colleagues: Vec<StaffRow>,
}

/// What was handed over.
#[derive(Clone, Debug, Default)]
pub struct HandedOver {
    /// How many cases.
    pub cases: u64,
    /// Cases that could not be, and why.
    pub left: Vec<(String, String)>,
}

impl Desk {
    /// What somebody of this office has in hand.
    pub async fn in_hand(&self, person: &Person, staff: String) -> Result<InHand, DeskError> {
        permit::role_or_console(person, &[Role::Administrator])?;
        self.in_room(person, LOOKING, move |room| room.in_hand(&staff)).await
    }

    /// Gives all of it to a colleague.
    pub async fn hand_over(
        &self,
        person: &Person,
        action: ActionId,
        from: String,
        to: String,
        reason: String,
    ) -> Result<HandedOver, DeskError> {
        let hand = self.in_hand(person, from.clone()).await?;
        if !hand.colleagues.iter().any(|colleague| colleague.id == to) {
            return Err(DeskError::invalid("to", "须移交给本机构在用的、有同样职责的账号"));
        }
        let mut done = HandedOver::default();
        for row in &hand.cases {
            let step = CaseStep::HandOver { to: to.clone(), reason: reason.clone() };
            let id = derived("shouwang hand over 1", &[&action.0, &row.case.0]);
            match self.perform(person, id, Command::Case { case: row.case, step }).await {
                Ok(_) => done.cases += 1,
                Err(error @ (DeskError::Invalid { .. } | DeskError::NotNow { .. } | DeskError::NotPermitted { .. })) => {
                    done.left.push((row.applicant.clone(), error.what()));
                }
                Err(error) => return Err(error),
            }
        }
        self.local(move |local| local.move_drafts(&from, &to).map(drop)).await?;
        Ok(done)
    }

    /// How many open cases are in nobody's hands here.
    pub async fn in_nobodys_hands(&self, person: &Person) -> Result<u64, DeskError> {
        permit::office_staff(person)?;
        self.in_room(person, LOOKING, |room| Ok(room.reader.in_nobodys_hands(room.here.office)?)).await
    }
}

impl Room<'_> {
    fn in_hand(&self, staff: &str) -> Result<InHand, DeskError> {
        let all = self.reader.staff(Some(self.here.office))?;
        let found = all.iter().find(|row| row.id == staff).cloned().ok_or_else(|| DeskError::not_found("账号"))?;
        let cases: Vec<CaseId> = self.reader.handled_by(self.here.office, staff)?;
        let mut rows = Vec::with_capacity(cases.len());
        for case in &cases {
            rows.extend(self.case(case).ok().map(|file| file.row));
        }
        let fits = |row: &&StaffRow| {
            row.id != staff
                && !row.disabled
                && row.roles.iter().any(|role| *role != Role::Administrator && found.roles.contains(role))
                && (&row.department, &row.provider) == (&found.department, &found.provider)
        };
        let colleagues = all.iter().filter(fits).cloned().collect();
        Ok(InHand { cases: rows, drafts: self.reader.drafts(staff)?.len(), colleagues, staff: found })
    }

    /// The event by which a case gets into other hands.
    pub(super) fn handed_over(&self, to: &str, reason: &str) -> Result<What, DeskError> {
        let row = self.reader.staff_by_id(self.here.office, to)?.filter(|row| !row.disabled);
        let row = row.ok_or_else(|| DeskError::invalid("to", "本机构没有这一在用的账号"))?;
        Ok(What::HandedOver { to: row.id, to_name: row.name, reason: reason.to_owned() })
    }

    /// Who has a case in hand at this office, and whether the account is shut.
    pub(super) fn handler(&self, standing: &Standing) -> Result<Option<(Handler, bool)>, DeskError> {
        let Some(handler) = standing.handlers.get(&self.here.office) else { return Ok(None) };
        let row = self.reader.staff_by_id(self.here.office, &handler.staff)?;
        Ok(Some((handler.clone(), row.is_some_and(|row| row.disabled))))
    }
}
