//! Bringing in a file of households: a preview first, then the good rows.

use crate::web::view::{Frame, Stub, Tone};
use askama::Template;

/// The page.
#[derive(Template, Default)]
#[template(path = "import.html")]
pub struct ImportPage {
    /// The frame.
    pub frame: Frame,
    /// A word about it.
    pub lead: String,
    /// What went wrong.
    pub fault: String,
    /// The greatest file.
    pub limit: String,
    /// What the file holds, or what was done.
    pub preview: Option<Preview>,
}

/// What a file holds.
#[derive(Default)]
pub struct Preview {
    /// Whether it is a preview or done.
    pub title: String,
    /// The file's name.
    pub file: String,
    /// Counts.
    pub counts: Vec<(&'static str, String, Tone)>,
    /// The first rows that can't be taken.
    pub rejects: Vec<RejectRow>,
    /// How many there are.
    pub reject_total: u64,
    /// Where all of them are.
    pub download: String,
    /// Whether it can be confirmed.
    pub can_go: bool,
    /// Where to confirm.
    pub target: String,
    /// The form's own.
    pub stub: Stub,
    /// How many can be taken.
    pub good: u64,
    /// A word.
    pub note: String,
}

/// A fault of a row.
#[derive(Default)]
pub struct RejectRow {
    /// Its line.
    pub line: u64,
    /// The field.
    pub field: String,
    /// Why.
    pub reason: String,
}
