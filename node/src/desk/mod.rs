//! The Desk: the one place where a command is checked and turned into changes. (Types; the rest follows.)

mod command;
mod model;
mod outcome;
pub mod wire;

pub use command::{CaseStep, Command, HouseholdChange, NewStaff, OpenCase, RowChange, To};
pub use model::*;
pub use outcome::{DeskError, FieldChange, FieldFault, Outcome};
