//! One case: its three volumes as one story, who must act, and what the reader may do.

use crate::web::view::{Chip, Fact, Field, Frame, Stub, Ticks};
use askama::Template;

/// The page.
#[derive(Template, Default)]
#[template(path = "case.html")]
pub struct CasePage {
    /// The frame.
    pub frame: Frame,
    /// The case.
    pub id: String,
    /// What it is about.
    pub heading: String,
    /// Where.
    pub place: String,
    /// States.
    pub chips: Vec<Chip>,
    /// The acceptance number.
    pub number: String,
    /// The household, when it is known.
    pub household: Option<String>,
    /// What keeps it from being decided.
    pub blocks: Vec<String>,
    /// The story.
    pub entries: Vec<StoryEntry>,
    /// Who must act.
    pub turns: Vec<TurnLine>,
    /// When nobody must.
    pub idle: String,
    /// What the reader may do.
    pub actions: Vec<ActionForm>,
    /// The amount that counts now.
    pub sum: String,
    /// What kind of amount.
    pub sum_label: &'static str,
    /// The rest.
    pub facts: Vec<Fact>,
    /// To departments, offices, providers.
    pub transfers: Vec<TransferLine>,
}

/// One line of the story.
#[derive(Default)]
pub struct StoryEntry {
    /// Its name.
    pub id: String,
    /// The volume it stands in: 1 village, 2 township, 3 city.
    pub lane: u8,
    /// What happened.
    pub what: String,
    /// Who, where.
    pub by: String,
    /// When.
    pub when: String,
    /// What it says.
    pub lines: Vec<String>,
    /// Whether it has no effect.
    pub void: bool,
    /// Why not.
    pub reason: String,
    /// How far it got.
    pub ticks: Ticks,
    /// The form to take it back, when the reader may.
    pub withdraw: Option<Stub>,
}

/// Somebody's turn.
#[derive(Default)]
pub struct TurnLine {
    /// Who.
    pub who: String,
    /// What.
    pub what: String,
    /// By when.
    pub due: Chip,
    /// Whether it is the reader's office.
    pub mine: bool,
}

/// Something the reader may do.
#[derive(Default)]
pub struct ActionForm {
    /// The event's word.
    pub kind: &'static str,
    /// What it is called.
    pub label: String,
    /// A word beside it.
    pub note: String,
    /// Whether it is the next step.
    pub next: bool,
    /// Whether it is opened.
    pub open: bool,
    /// What went wrong.
    pub fault: String,
    /// The form's own.
    pub stub: Stub,
    /// Its fields.
    pub fields: Vec<Field>,
}

/// One transfer.
#[derive(Default)]
pub struct TransferLine {
    /// To whom.
    pub to: String,
    /// For what.
    pub what: String,
    /// What was asked, what came of it.
    pub lines: Vec<String>,
    /// How far it is.
    pub state: Chip,
}
