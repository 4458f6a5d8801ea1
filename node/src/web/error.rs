//! When something goes wrong: a page that says what happened, what is safe and what to press, with a number that is
//! also in the log. The log gets the kind of error and nothing that was typed.

use super::page::error::ErrorPage;
use super::view::Frame;
use crate::desk::DeskError;
use askama::Template as _;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};

/// Why a page cannot be shown.
#[derive(Debug)]
pub enum WebError {
    /// The Desk says no.
    Desk(DeskError),
    /// No such page.
    NoPage,
    /// Nobody is signed in; a reading browser is sent to the sign-in page.
    SignIn {
        /// Whether it is a person who follows a link.
        walking: bool,
    },
    /// A form that none of our pages made, or one made before signing in again.
    Forged,
    /// The body of the request is too large or cannot be read.
    Unreadable,
    /// Too many pages listen.
    Busy,
    /// A fault of the program.
    Fault(String),
}

impl From<DeskError> for WebError {
    fn from(error: DeskError) -> WebError {
        match error {
            DeskError::SignedOut => WebError::SignIn { walking: true },
            other => WebError::Desk(other),
        }
    }
}

impl From<askama::Error> for WebError {
    fn from(error: askama::Error) -> WebError {
        WebError::Fault(format!("a template: {error}"))
    }
}

/// Eight digits that tie a page to a line of the log.
pub fn number() -> String {
    let bytes = crate::entropy::bytes::<4>().unwrap_or_default();
    let text = data_encoding::HEXLOWER.encode(&bytes);
    format!("{}-{}", &text[..4], &text[4..])
}

/// What is wrong, in sentences, for a form that is shown again.
pub fn reasons(error: &DeskError) -> Vec<String> {
    match error {
        DeskError::Invalid { faults } => faults.iter().map(|fault| fault.reason.clone()).collect(),
        other => vec![other.what()],
    }
}

/// The status that says the same as a Desk's error.
pub fn status(error: &DeskError) -> StatusCode {
    match error {
        DeskError::NotPermitted { .. } | DeskError::Closed => StatusCode::FORBIDDEN,
        DeskError::Invalid { .. } | DeskError::Carried { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        DeskError::Conflict { .. } | DeskError::NotNow { .. } => StatusCode::CONFLICT,
        DeskError::NotFound { .. } => StatusCode::NOT_FOUND,
        DeskError::WrongPassword | DeskError::SignedOut => StatusCode::UNAUTHORIZED,
        DeskError::Locked { .. } => StatusCode::TOO_MANY_REQUESTS,
        DeskError::ReadOnly { .. } => StatusCode::SERVICE_UNAVAILABLE,
        DeskError::Store { .. } => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl IntoResponse for WebError {
    fn into_response(self) -> Response {
        let (code, what, safe) = match &self {
            WebError::SignIn { walking: true } => return Redirect::to("/sign-in").into_response(),
            WebError::SignIn { walking: false } => {
                let again = [(header::HeaderName::from_static("hx-redirect"), HeaderValue::from_static("/sign-in"))];
                return (StatusCode::UNAUTHORIZED, again, "登录已结束").into_response();
            }
            WebError::Desk(error) => (status(error), error.what(), format!("{}{}", error.safe(), error.press())),
            WebError::NoPage => (StatusCode::NOT_FOUND, "没有这一页".into(), "地址可能写错了，或页面已改名。".into()),
            WebError::Forged => (
                StatusCode::FORBIDDEN,
                "这张表单已经过期".into(),
                "可能重新登录过。没有写入任何内容；请打开页面重新提交，草稿会自动恢复。".into(),
            ),
            WebError::Unreadable => (
                StatusCode::BAD_REQUEST,
                "提交的内容读不出来".into(),
                "可能文件过大或传输中断。没有写入任何内容，请再试一次。".into(),
            ),
            WebError::Busy => (StatusCode::SERVICE_UNAVAILABLE, "打开的页面太多".into(), "请关掉一些页面再试。".into()),
            WebError::Fault(_) => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "程序出了差错".into(),
                "已保存的内容都在。请再试一次：重复提交不会办两次；仍不行请报修。".into(),
            ),
        };
        let id = number();
        match &self {
            WebError::Fault(why) => tracing::error!(id, why, "a page failed"),
            WebError::Desk(error) => tracing::info!(id, error = error.word(), "the desk refused"),
            _ => tracing::info!(id, status = code.as_u16(), "a page was not shown"),
        }
        let frame = Frame { title: "没有办成".into(), ..Frame::default() };
        let next = vec![("/today".to_owned(), "回到今日待办")];
        let page = ErrorPage { frame, what, safe, next, id }.render();
        (code, page.map(Html).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)).into_response()
    }
}

/// A page, or the page that says why not.
pub type Answer = Result<Response, WebError>;

/// A rendered template.
pub fn show(page: &impl askama::Template) -> Answer {
    Ok(Html(page.render()?).into_response())
}

/// A rendered template with another status.
pub fn show_as(code: StatusCode, page: &impl askama::Template) -> Answer {
    Ok((code, Html(page.render()?)).into_response())
}
