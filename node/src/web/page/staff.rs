//! The office's staff: add, give a new password, shut an account.

use crate::web::view::{Chip, Choice, Field, Frame, Stub};
use askama::Template;

/// The page.
#[derive(Template, Default)]
#[template(path = "staff.html")]
pub struct StaffPage {
    /// The frame.
    pub frame: Frame,
    /// A word about it.
    pub lead: String,
    /// What was done.
    pub done: String,
    /// A new password, shown once.
    pub password: String,
    /// What went wrong.
    pub fault: String,
    /// The people.
    pub rows: Vec<StaffRow>,
    /// The form's own.
    pub stub: Stub,
    /// Its fields.
    pub fields: Vec<Field>,
    /// Its roles.
    pub roles: Vec<Choice>,
}

/// One person.
#[derive(Default)]
pub struct StaffRow {
    /// Sign-in name.
    pub id: String,
    /// Name.
    pub name: String,
    /// Roles.
    pub roles: String,
    /// Department or provider.
    pub acts_for: String,
    /// State.
    pub state: Chip,
    /// Whether the account is shut.
    pub off: bool,
    /// Whether it is the reader.
    pub me: bool,
    /// A form's own.
    pub reset: Stub,
    /// A form's own.
    pub disable: Stub,
}
