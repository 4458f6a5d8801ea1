//! The same step in several cases at once: each its own entry under an id of its own, each with its own answer.
//!
//! One that is refused stops none of the others, and sending the batch again does nothing twice: the id of each part
//! follows from the batch's and from the case.

use super::command::{CaseStep, Command};
use super::model::Person;
use super::outcome::{DeskError, Outcome};
use super::{Desk, derived};
use shouwang_protocol::record::{ActionId, CaseId};

/// Cases in one batch at most.
pub const BATCH_MAX: usize = 100;

impl Desk {
    /// Takes one step in each of these cases.
    pub async fn step_in_each(
        &self,
        person: &Person,
        action: ActionId,
        cases: &[CaseId],
        step: CaseStep,
    ) -> Result<Vec<(CaseId, Result<Outcome, DeskError>)>, DeskError> {
        if cases.is_empty() {
            return Err(DeskError::invalid("cases", "没有选择事项"));
        }
        if cases.len() > BATCH_MAX {
            return Err(DeskError::invalid("cases", format!("一次最多 {BATCH_MAX} 件")));
        }
        use CaseStep::{Accept, Archive, PreExamine, Publish, SignFor, Urge};
        let alike =
            matches!(step, PreExamine { .. } | Accept {} | SignFor { .. } | Urge { .. } | Publish { .. } | Archive { .. });
        if !alike {
            return Err(DeskError::not_permitted("这一步须逐件办理"));
        }
        let mut done: Vec<(CaseId, Result<Outcome, DeskError>)> = Vec::new();
        for case in cases {
            if done.iter().any(|(known, _)| known == case) {
                continue;
            }
            let part = derived("shouwang batch 1", &[&action.0, &case.0]);
            let command = Command::Case { case: *case, step: step.clone() };
            done.push((*case, self.perform(person, part, command).await));
        }
        Ok(done)
    }
}
