//! What was transferred to a department or a provider.

use crate::web::view::{Chip, Frame};
use askama::Template;

/// The page.
#[derive(Template, Default)]
#[template(path = "inbox.html")]
pub struct InboxPage {
    /// The frame.
    pub frame: Frame,
    /// What this is.
    pub heading: String,
    /// A word about it.
    pub lead: String,
    /// The transfers.
    pub rows: Vec<InboxRow>,
}

/// One transfer.
#[derive(Default)]
pub struct InboxRow {
    /// Where the case is.
    pub href: String,
    /// For what.
    pub title: String,
    /// What is asked.
    pub note: String,
    /// For whom.
    pub person: String,
    /// From whom.
    pub from: String,
    /// How far it is.
    pub state: Chip,
    /// By when.
    pub due: Chip,
    /// Sessions so far.
    pub sessions: String,
    /// Whether it goes first.
    pub urgent: bool,
}
