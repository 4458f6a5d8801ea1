//! Papers that a household already gave: known from its cases, and not asked for again without a reason.
//!
//! What was named in 一次性告知 and then given is held, under the case it was given in. Whether a paper is still good is
//! for the person to say: asking again is possible, with the reason in the case.

use super::Room;
use super::outcome::DeskError;
use shouwang_protocol::record::{CaseId, RecordId};
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::event::What;
use shouwang_protocol::standing::{Effect, Standing};

/// Cases of a household that are looked through: the latest.
const CASES_MAX: u32 = 100;

/// A paper that is held.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Held {
    /// What it is.
    pub material: String,
    /// The case it was given in.
    pub case: CaseId,
    /// That case, for people: its number, else its kind.
    pub told: String,
    /// The day.
    pub day: Option<Day>,
}

/// What was named and then given in a case.
fn given(case: CaseId, s: &Standing) -> Vec<Held> {
    let (mut asked, mut held): (Vec<String>, Vec<Held>) = (Vec::new(), Vec::new());
    for item in s.timeline.iter().filter(|item| item.effect == Effect::Counts) {
        match &item.event.what {
            What::MaterialsAsked { materials, .. } => asked.clone_from(materials),
            What::MaterialsGiven { .. } => {
                let told = s.number.clone().unwrap_or_else(|| s.assistance.clone());
                held.extend(asked.drain(..).map(|material| Held { material, case, told: told.clone(), day: item.day }));
            }
            _ => {}
        }
    }
    held
}

/// Whether two words name the same paper.
fn same(one: &str, other: &str) -> bool {
    let bare = |text: &str| -> String { text.chars().filter(|c| !c.is_whitespace()).collect() };
    bare(one) == bare(other)
}

impl Room<'_> {
    /// The papers that a household gave, the latest of each kind.
    pub(super) fn held(&self, household: Option<RecordId>) -> Result<Vec<Held>, DeskError> {
        let Some(household) = household else { return Ok(Vec::new()) };
        let mut all = Vec::new();
        for row in self.cases_with_before(household, CASES_MAX)? {
            for file in self.reader.case(&row.case)? {
                all.extend(given(row.case, &file.standing));
            }
        }
        all.sort_by_key(|held| (std::cmp::Reverse(held.day), held.material.clone()));
        let mut held: Vec<Held> = Vec::new();
        for one in all {
            if held.iter().all(|known| !same(&known.material, &one.material)) {
                held.push(one);
            }
        }
        Ok(held)
    }

    /// Refuses to ask for what is held, unless it is said why.
    pub(super) fn not_asked_again(&self, s: &Standing, materials: &[String], again: &str) -> Result<(), DeskError> {
        if !again.trim().is_empty() {
            return Ok(());
        }
        let held = self.held(s.household)?;
        let known = materials.iter().filter_map(|asked| held.iter().find(|held| same(&held.material, asked)));
        let told: Vec<String> = known.map(|held| format!("“{}”已在 {} 收存", held.material, held.told)).collect();
        if told.is_empty() {
            return Ok(());
        }
        Err(DeskError::invalid("again", format!("{}，不再向群众要；确需再要的，写明理由", told.join("；"))))
    }
}
