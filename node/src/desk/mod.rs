//! The Desk: the one place where a command is checked and turned into changes.
//!
//! Web pages, the JSON API, the command line, the demo and tests all call [`Desk::perform`]. A command is checked
//! against the person's roles, what the case or the household stands at, and the policy pack; then it becomes one
//! action of the replica, under the id that the page gave it, so that a double click does nothing twice. Pages read
//! through the Desk too, so that nobody sees more than they may. No SQL, no HTTP, no QUIC here.

mod command;
mod model;
mod outcome;
pub mod wire;

pub use command::{CaseStep, Command, HouseholdChange, NewStaff, OpenCase, RowChange, To};
pub use model::*;
pub use outcome::{DeskError, FieldChange, FieldFault, Outcome};
