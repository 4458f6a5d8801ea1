//! The list of cases by where they stand.

use crate::web::view::{Chip, Frame};
use askama::Template;

/// The list.
#[derive(Template, Default)]
#[template(path = "cases.html")]
pub struct CasesPage {
    /// The frame.
    pub frame: Frame,
    /// What this is.
    pub heading: String,
    /// A word about it.
    pub lead: String,
    /// Where, label, whether the reader is there.
    pub filters: Vec<(String, &'static str, bool)>,
    /// The cases.
    pub rows: Vec<CaseRow>,
    /// How many are shown.
    pub shown: String,
    /// The next page.
    pub more: Option<(String, &'static str)>,
}

/// One case.
#[derive(Default)]
pub struct CaseRow {
    /// Where it is.
    pub href: String,
    /// What it is about.
    pub title: String,
    /// The acceptance number.
    pub number: String,
    /// Who asks.
    pub applicant: String,
    /// The area.
    pub area: String,
    /// Where it stands.
    pub stage: Chip,
    /// Who must act.
    pub turn: String,
    /// By when.
    pub due: Chip,
    /// When it began.
    pub opened: String,
    /// Whether it goes first.
    pub urgent: bool,
}
