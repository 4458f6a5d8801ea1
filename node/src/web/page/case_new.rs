//! Beginning a case: from a household, with nothing typed twice; or from a clue or a plea.

use crate::web::view::{CaseLine, Fact, Field, Frame, Stub};
use askama::Template;

/// The form.
#[derive(Template, Default)]
#[template(path = "case_new.html")]
pub struct CaseNewPage {
    /// The frame.
    pub frame: Frame,
    /// What this is.
    pub heading: String,
    /// A word about it.
    pub lead: String,
    /// What must be put right.
    pub faults: Vec<String>,
    /// What need not be typed.
    pub known: Vec<Fact>,
    /// What already runs for this household.
    pub running: Vec<CaseLine>,
    /// Where the form goes.
    pub target: String,
    /// The name its draft is kept under.
    pub draft: String,
    /// The form's own.
    pub stub: Stub,
    /// The fields.
    pub fields: Vec<Field>,
    /// The button.
    pub button: &'static str,
    /// The way back.
    pub back: String,
}
