//! The page for when something went wrong: what happened, what is safe, what to press.

use crate::web::view::Frame;
use askama::Template;

/// The page.
#[derive(Template, Default)]
#[template(path = "error.html")]
pub struct ErrorPage {
    /// The frame.
    pub frame: Frame,
    /// What happened.
    pub what: String,
    /// What is safe.
    pub safe: String,
    /// What to press.
    pub next: Vec<(String, &'static str)>,
    /// The number that is in the log.
    pub id: String,
}

/// Whatever has no address.
pub async fn no_page() -> crate::web::error::WebError {
    crate::web::error::WebError::NoPage
}
