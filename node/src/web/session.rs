//! Who is asking: the cookie of a page, the bearer token of a program, and the token against forged forms.
//!
//! The cookie is named with the port, because cookies know no ports and two nodes of one machine would throw each
//! other's sessions away. The form token is a hash of the session's: it needs no storage, outlives a restart with the
//! session, and ends with it. Every handler that writes takes a [`SignedForm`], which looks at that token first.

use super::App;
use super::error::WebError;
use super::forms::Form;
use super::view::Stub;
use crate::desk::Person;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use shouwang_protocol::record::ActionId;

/// Bytes of a form at most.
pub const FORM_BYTES_MAX: usize = 512 * 1024;

/// What a page sends along when it asks by itself, without anybody pressing anything.
const LIVE: &str = "x-shouwang-live";

/// Somebody who is signed in.
#[derive(Clone, Debug)]
pub struct Signed {
    /// Who.
    pub person: Person,
    /// What forms must carry.
    pub csrf: String,
    /// The number of the last change before a page was read; what changes while it is made is then news to it. None for
    /// a form: what it changes itself is none.
    pub began: Option<u64>,
    /// The session.
    token: Token,
}

/// A session's secret; its `Debug` says nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token")
    }
}

impl Token {
    /// The text of a new session.
    pub fn new(text: String) -> Token {
        Token(text)
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// What forms must carry.
    pub fn csrf(&self) -> String {
        let mut context = ring::digest::Context::new(&ring::digest::SHA256);
        context.update(b"shouwang form 1");
        context.update(self.0.as_bytes());
        data_encoding::HEXLOWER.encode(&context.finish().as_ref()[..16])
    }
}

impl Signed {
    /// The session's secret.
    pub fn token(&self) -> &Token {
        &self.token
    }

    /// What a form that writes must carry.
    pub fn stub(&self) -> Result<Stub, WebError> {
        self.stub_with(&[])
    }

    /// The same, with the heads the form shows.
    pub fn stub_with(&self, heads: &[String]) -> Result<Stub, WebError> {
        let id = crate::entropy::bytes::<16>().map_err(|error| WebError::Fault(error.to_string()))?;
        Ok(Stub { csrf: self.csrf.clone(), action: data_encoding::HEXLOWER.encode(&id), heads: heads.join(" ") })
    }
}

/// The name of the cookie of a node whose pages are at `port`.
pub fn cookie_name(port: u16) -> String {
    format!("shouwang-{port}")
}

/// The header that begins a session, or ends it.
pub fn cookie(port: u16, token: Option<&Token>) -> Option<HeaderValue> {
    let name = cookie_name(port);
    let text = match token {
        Some(token) => format!("{name}={}; Path=/; HttpOnly; SameSite=Strict", token.0),
        None => format!("{name}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0"),
    };
    HeaderValue::from_str(&text).ok()
}

/// The session of a request's cookie.
pub fn of_cookie(headers: &HeaderMap, port: u16) -> Option<Token> {
    let name = cookie_name(port);
    let mut cookies =
        headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(';'));
    cookies.find_map(|cookie| {
        let (key, value) = cookie.trim().split_once('=')?;
        (key == name && !value.is_empty()).then(|| Token(value.to_owned()))
    })
}

/// The token of a program.
pub fn of_bearer(headers: &HeaderMap) -> Option<Token> {
    let text = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = text.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| Token(token.trim().to_owned()))
}

impl FromRequestParts<App> for Signed {
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Signed, WebError> {
        let wants_page = parts
            .headers
            .get(header::ACCEPT)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|accept| accept.contains("text/html"));
        let walking = wants_page && matches!(parts.method, Method::GET | Method::HEAD | Method::POST);
        let token = of_cookie(&parts.headers, app.port()).ok_or(WebError::SignIn { walking })?;
        let by_itself = parts.headers.contains_key(LIVE) || parts.uri.path() == super::live::PATH;
        let person = if by_itself { app.look(&token).await } else { app.person(&token).await };
        let person = person.map_err(|error| match WebError::from(error) {
            WebError::SignIn { .. } => WebError::SignIn { walking },
            other => other,
        })?;
        let began = (parts.method == Method::GET).then(|| app.change());
        Ok(Signed { person, csrf: token.csrf(), began, token })
    }
}

/// A form that one of our pages made for this very session.
pub struct SignedForm {
    /// Who sent it.
    pub signed: Signed,
    /// What was typed.
    pub form: Form,
}

impl FromRequest<App> for SignedForm {
    type Rejection = WebError;

    async fn from_request(request: Request, app: &App) -> Result<SignedForm, WebError> {
        let (mut parts, body) = request.into_parts();
        let signed = Signed::from_request_parts(&mut parts, app).await?;
        let form = read(Request::from_parts(parts, body), app).await?;
        if !same(&form.text("csrf"), &signed.csrf) {
            return Err(WebError::Forged);
        }
        Ok(SignedForm { signed, form })
    }
}

impl SignedForm {
    /// The action's id, which the page made with the form.
    pub fn action(&self) -> Result<ActionId, WebError> {
        action(&self.form.text("action"))
    }

    /// The heads the form showed.
    pub fn heads(&self) -> Vec<String> {
        self.form.text("heads").split_whitespace().map(str::to_owned).collect()
    }
}

/// The action's id that a form carries.
pub fn action(text: &str) -> Result<ActionId, WebError> {
    let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok();
    bytes.and_then(|bytes| bytes.try_into().ok()).map(ActionId).ok_or(WebError::Forged)
}

/// A form of a person who is not signed in. The layer has seen that it comes from our own pages.
pub struct OpenForm(pub Form);

impl<S: Send + Sync> FromRequest<S> for OpenForm {
    type Rejection = WebError;

    async fn from_request(request: Request, state: &S) -> Result<OpenForm, WebError> {
        read(request, state).await.map(OpenForm)
    }
}

async fn read<S: Send + Sync>(request: Request, state: &S) -> Result<Form, WebError> {
    let pairs = axum::extract::Form::<Vec<(String, String)>>::from_request(request, state).await;
    pairs.map(|axum::extract::Form(pairs)| Form::of(pairs)).map_err(|_| WebError::Unreadable)
}

/// Compares in constant time, so that a token can't be guessed byte by byte.
pub fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_of_another_port_is_another_cookie() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("shouwang-8601=b; x=1"));
        headers.append(header::COOKIE, HeaderValue::from_static("shouwang-8600=a"));
        assert_eq!(of_cookie(&headers, 8600), Some(Token("a".into())));
        assert_eq!(of_cookie(&headers, 8602), None);
        let set = cookie(8600, Some(&Token("a".into()))).expect("a header");
        assert_eq!(set, "shouwang-8600=a; Path=/; HttpOnly; SameSite=Strict");
        assert_eq!(format!("{:?}", Token("secret".into())), "Token");
    }

    #[test]
    fn tokens_compare_whole() {
        assert!(same("abc", "abc") && !same("abc", "abd") && !same("abc", "ab") && !same("", "a"));
        assert_ne!(Token("a".into()).csrf(), Token("b".into()).csrf());
    }
}
