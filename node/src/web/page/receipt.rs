//! The receipt for an accepted application, for paper.

use crate::web::view::{Fact, Frame};
use askama::Template;

/// The page.
#[derive(Template, Default)]
#[template(path = "receipt.html")]
pub struct ReceiptPage {
    /// The frame.
    pub frame: Frame,
    /// The case.
    pub id: String,
    /// The office that accepted.
    pub office: String,
    /// What it says.
    pub facts: Vec<Fact>,
    /// The acceptance number.
    pub number: String,
    /// The short code.
    pub short: String,
    /// Who accepted.
    pub clerk: String,
    /// When.
    pub date: String,
}
