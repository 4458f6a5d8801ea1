//! The files pages need, in the binary: one style sheet, one script, htmx, one picture. Each has an ETag of its bytes,
//! so that a browser asks again after an upgrade and otherwise gets an empty answer.

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

const FILES: [(&str, &str, &[u8]); 5] = [
    ("app.css", "text/css; charset=utf-8", include_bytes!("static/app.css")),
    ("app.js", "text/javascript; charset=utf-8", include_bytes!("static/app.js")),
    ("htmx.min.js", "text/javascript; charset=utf-8", include_bytes!("static/htmx.min.js")),
    ("htmx.LICENSE", "text/plain; charset=utf-8", include_bytes!("static/htmx.LICENSE")),
    ("icon.svg", "image/svg+xml", include_bytes!("static/icon.svg")),
];

/// `GET /static/{name}`
pub async fn file(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let Some((_, kind, bytes)) = FILES.iter().find(|(known, ..)| *known == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    let tag = format!("\"{}\"", data_encoding::HEXLOWER.encode(&digest.as_ref()[..16]));
    let same = headers.get(header::IF_NONE_MATCH).is_some_and(|held| held.as_bytes() == tag.as_bytes());
    let about = [(header::ETAG, tag), (header::CACHE_CONTROL, "no-cache".to_owned()), (header::CONTENT_TYPE, (*kind).to_owned())];
    if same { (StatusCode::NOT_MODIFIED, about).into_response() } else { (about, *bytes).into_response() }
}
