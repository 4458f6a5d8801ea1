//! Forms that were not sent yet: kept by the node, encrypted with the rest, so that a power cut costs a second of
//! typing. They belong to one person on one machine and are never synchronised.

use crate::web::App;
use crate::web::error::WebError;
use crate::web::session::SignedForm;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use std::collections::BTreeMap;

/// Bytes of a draft at most.
const DRAFT_BYTES_MAX: usize = 64 * 1024;
/// Characters of a form's name at most.
const NAME_MAX: usize = 128;
/// Forms of one page at most.
const FORMS_MAX: usize = 32;

/// `POST /drafts`: keeps a form as it is now; an empty one is forgotten.
pub async fn keep(State(app): State<App>, sent: SignedForm) -> Result<StatusCode, WebError> {
    let (name, data) = (sent.form.text("form"), sent.form.text("data"));
    if name.is_empty() || name.len() > NAME_MAX || data.len() > DRAFT_BYTES_MAX {
        return Err(WebError::Unreadable);
    }
    app.desk().keep_draft(&sent.signed.person, &name, data.into_bytes()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /drafts/read`: the drafts of a page's forms.
pub async fn read(State(app): State<App>, sent: SignedForm) -> Result<Json<BTreeMap<String, String>>, WebError> {
    let mut found = BTreeMap::new();
    for name in sent.form.all("form").iter().take(FORMS_MAX) {
        if let Some(data) = app.desk().draft(&sent.signed.person, name).await? {
            found.insert(name.clone(), String::from_utf8(data).unwrap_or_default());
        }
    }
    Ok(Json(found))
}
