//! Signing in, the first administrator, and unlocking: the pages for people nobody knows yet.

use crate::desk::{DeskError, PASSWORD_CHARS_MIN};
use crate::web::App;
use crate::web::error::{Answer, show, show_as};
use crate::web::forms::Form;
use crate::web::session::{self, OpenForm, SignedForm, Token};
use crate::web::view::{Field, Frame, Input};
use askama::Template;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Redirect};
use zeroize::Zeroizing;

/// A form in the middle of the page.
#[derive(Template, Default)]
#[template(path = "sign_in.html")]
pub struct SignInPage {
    /// The frame.
    pub frame: Frame,
    /// What this is.
    pub title: String,
    /// For whom.
    pub lead: String,
    /// What went wrong.
    pub fault: String,
    /// Where the form goes.
    pub target: String,
    /// Its fields.
    pub fields: Vec<Field>,
    /// Its button.
    pub button: String,
    /// A word below.
    pub more: String,
    /// A way out.
    pub other: Option<(&'static str, &'static str)>,
}

/// The page of somebody who is not signed in.
async fn page(app: &App, fault: String) -> SignInPage {
    let here = app.here().await.ok();
    let lead = here.map(|here| format!("{} · {}", here.name, here.tier.label())).unwrap_or_default();
    SignInPage {
        frame: app.open_frame("登录").await,
        title: "登录".to_owned(),
        lead,
        fault,
        target: "/sign-in".to_owned(),
        fields: vec![Field::text("id", "账号").needed(), Field::text("password", "密码").typed(Input::Password).needed()],
        button: "登录".to_owned(),
        more: "第一次使用这台机器？".to_owned(),
        other: Some(("/first", "用一次性开通码设置管理员")),
    }
}

/// `GET /sign-in`
pub async fn form(State(app): State<App>) -> Answer {
    show(&page(&app, String::new()).await)
}

/// `POST /sign-in`
pub async fn sign_in(State(app): State<App>, OpenForm(form): OpenForm) -> Answer {
    let password = Zeroizing::new(form.raw("password"));
    match app.desk().sign_in(&form.text("id"), &password).await {
        Ok(begun) => begin(&app, Token::new(begun.token)),
        Err(error @ (DeskError::WrongPassword | DeskError::Locked { .. })) => {
            let fault = format!("{}。{}", error.what(), error.press());
            show_as(crate::web::error::status(&error), &page(&app, fault).await)
        }
        Err(error) => Err(error.into()),
    }
}

/// A new session: a new token each time, so that nobody can plant one.
fn begin(app: &App, token: Token) -> Answer {
    let mut response = Redirect::to("/today").into_response();
    if let Some(cookie) = session::cookie(app.port(), Some(&token)) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// `POST /sign-out`
pub async fn sign_out(State(app): State<App>, sent: SignedForm) -> Answer {
    app.desk().sign_out(sent.signed.token().text()).await?;
    let mut response = Redirect::to("/sign-in").into_response();
    if let Some(cookie) = session::cookie(app.port(), None) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

async fn first_page(app: &App, fault: String, form: &Form) -> SignInPage {
    SignInPage {
        title: "设置第一位管理员".to_owned(),
        lead: "开通码在安装这台机器时显示，只能用一次。".to_owned(),
        fault,
        target: "/first".to_owned(),
        fields: vec![
            Field::text("code", "一次性开通码").with(form.text("code")).needed(),
            Field::text("id", "管理员账号").with(form.text("id")).hinted("登录用，字母或数字").needed(),
            Field::text("name", "管理员姓名").with(form.text("name")).needed(),
            Field::text("password", "密码").typed(Input::Password).hinted(format!("至少 {PASSWORD_CHARS_MIN} 个字符")).needed(),
            Field::text("again", "再输一次密码").typed(Input::Password).needed(),
        ],
        button: "设置并登录".to_owned(),
        more: "已经有账号？".to_owned(),
        other: Some(("/sign-in", "去登录")),
        ..page(app, String::new()).await
    }
}

/// `GET /first`
pub async fn first_form(State(app): State<App>) -> Answer {
    show(&first_page(&app, String::new(), &Form::default()).await)
}

/// `POST /first`
pub async fn first(State(app): State<App>, OpenForm(form): OpenForm) -> Answer {
    let password = Zeroizing::new(form.raw("password"));
    if *password != form.raw("again") {
        return show_as(StatusCode::UNPROCESSABLE_ENTITY, &first_page(&app, "两次输入的密码不一样。".to_owned(), &form).await);
    }
    match begin_office(&app, &form, &password).await {
        Ok(token) => begin(&app, token),
        Err(error) => {
            let fault = format!("{}。{}", error.what(), error.press());
            show_as(crate::web::error::status(&error), &first_page(&app, fault, &form).await)
        }
    }
}

async fn begin_office(app: &App, form: &Form, password: &str) -> Result<Token, DeskError> {
    let begun = app.desk().first_administrator(&form.text("code"), &form.text("id"), &form.text("name"), password).await?;
    Ok(Token::new(begun.token))
}
