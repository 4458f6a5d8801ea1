//! The JSON API: the same commands as the pages, for programs.
//!
//! A program signs in and carries a bearer token; cookies are not looked at here, so no page can be made to call it.
//! Errors are `application/problem+json` whose `type` never changes. The description is made from the handlers.

use super::App;
use super::api_statistics as books;
use super::error::{number, status};
use super::session::{Token, of_bearer};
use crate::desk::checks::OPEN;
use crate::desk::import::Reject;
use crate::desk::{CheckAnswer, Command, DeskError, FieldChange, FieldFault, Outcome, Person};
use crate::store::reader::{CaseFilter, CategoryOn, HouseholdFilter, Page};
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequestParts, Path, Query, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shouwang_protocol::area::AreaId;
use shouwang_protocol::eligibility::Facts;
use shouwang_protocol::record::{ActionId, CaseId, RecordId};
use shouwang_protocol::records::day::Day;
use shouwang_protocol::standing::Stage;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{IntoParams, Modify, OpenApi, ToSchema};

/// Rows of a list at most.
const ROWS_MAX: u32 = 200;
/// Rows of a list, when not said.
const ROWS: u32 = 50;

/// The addresses under `/api/v1`.
pub fn router() -> Router<App> {
    Router::new()
        .route("/sign-in", post(sign_in))
        .route("/sign-out", post(sign_out))
        .route("/commands", post(commands))
        .route("/households/search", post(households))
        .route("/households/{id}", get(household))
        .route("/households/{id}/means", get(means))
        .route("/households/{id}/years/{year}", get(books::annual_file))
        .route("/years/{year}", get(books::annual_files))
        .route("/statistics", get(books::statistics))
        .route("/statistics/items", get(books::statistics_items))
        .route("/statistics/cases", get(books::statistics_cases))
        .route("/loops", get(books::loops))
        .route("/query", post(query))
        .route("/cases", get(cases))
        .route("/cases/{id}", get(case))
        .route("/checks", get(checks))
        .route("/checks/answers", post(check_answers))
        .route("/tasks", get(tasks))
        .route("/policies", get(policies))
        .route("/policies/match", post(policies_match))
        .route("/status", get(node_status))
        .route("/openapi.json", get(openapi))
        .fallback(no_page)
}

/// A refusal that programs can read (RFC 9457).
#[derive(Serialize, ToSchema)]
pub struct Problem {
    /// What kind, for ever the same: `urn:shouwang:not_permitted`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What is wrong, in Chinese.
    pub title: String,
    /// The status.
    pub status: u16,
    /// What is safe and what to do, in Chinese.
    pub detail: String,
    /// The number that is also in the log.
    pub instance: String,
    /// Fields that can't be taken.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<FieldFault>,
    /// Fields that others changed meanwhile.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<FieldChange>,
}

/// Why a call was refused.
pub enum ApiError {
    /// The Desk says no.
    Desk(DeskError),
    /// The body or an address can't be read.
    Malformed(String),
    /// No such address.
    NoPage,
}

impl From<DeskError> for ApiError {
    fn from(error: DeskError) -> ApiError {
        ApiError::Desk(error)
    }
}

impl From<JsonRejection> for ApiError {
    fn from(rejection: JsonRejection) -> ApiError {
        // The rejection's own text may quote what was sent.
        ApiError::Malformed(match rejection {
            JsonRejection::MissingJsonContentType(_) => "Content-Type 应为 application/json".to_owned(),
            JsonRejection::JsonDataError(_) | JsonRejection::JsonSyntaxError(_) => "内容不是这一接口的 JSON".to_owned(),
            _ => "内容读不出来，或过大".to_owned(),
        })
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let id = number();
        let (word, code, title, detail) = match &self {
            ApiError::Desk(error) => (error.word(), status(error), error.what(), format!("{}{}", error.safe(), error.press())),
            ApiError::Malformed(why) => ("malformed", StatusCode::BAD_REQUEST, why.clone(), "没有写入任何内容。".to_owned()),
            ApiError::NoPage => ("no_such_address", StatusCode::NOT_FOUND, "没有这一地址".to_owned(), String::new()),
        };
        tracing::info!(id, problem = word, "the interface refused");
        let (faults, changed, wait) = match self {
            ApiError::Desk(DeskError::Invalid { faults }) => (faults, Vec::new(), None),
            ApiError::Desk(DeskError::Conflict { changed }) => (Vec::new(), changed, None),
            ApiError::Desk(DeskError::Locked { seconds }) => (Vec::new(), Vec::new(), Some(seconds)),
            _ => (Vec::new(), Vec::new(), None),
        };
        let kind = format!("urn:shouwang:{word}");
        let problem = Problem { kind, title, status: code.as_u16(), detail, instance: id, faults, changed };
        let mut response = (code, Json(problem)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = wait {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

async fn no_page() -> ApiError {
    ApiError::NoPage
}

/// A program that signed in.
pub struct Caller {
    pub(super) person: Person,
    token: Token,
}

impl FromRequestParts<App> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Caller, ApiError> {
        let token = of_bearer(&parts.headers).ok_or(DeskError::SignedOut)?;
        let person = app.person(&token).await?;
        Ok(Caller { person, token })
    }
}

pub(super) type Api<T> = Result<Json<T>, ApiError>;
type Body<T> = Result<Json<T>, JsonRejection>;

/// Who signs in.
#[derive(Deserialize, ToSchema)]
pub struct SignInBody {
    /// The staff id.
    id: String,
    /// The password.
    password: String,
}

/// A session.
#[derive(Serialize, ToSchema)]
pub struct SignedIn {
    /// To send as `Authorization: Bearer …`.
    token: String,
    /// The name of the person.
    name: String,
    /// The roles.
    roles: Vec<String>,
}

/// Begins a session.
#[utoipa::path(post, path = "/api/v1/sign-in", request_body = SignInBody, responses(
    (status = 200, body = SignedIn), (status = 401, body = Problem), (status = 429, body = Problem)))]
async fn sign_in(State(app): State<App>, body: Body<SignInBody>) -> Api<SignedIn> {
    let Json(body) = body?;
    let password = zeroize::Zeroizing::new(body.password);
    let begun = app.desk().sign_in(&body.id, &password).await?;
    let roles = begun.person.roles.iter().map(|role| role.word().to_owned()).collect();
    Ok(Json(SignedIn { token: begun.token, name: begun.person.name, roles }))
}

/// Ends the session.
#[utoipa::path(post, path = "/api/v1/sign-out", responses((status = 204), (status = 401, body = Problem)), security(("bearer" = [])))]
async fn sign_out(State(app): State<App>, caller: Caller) -> Result<StatusCode, ApiError> {
    app.desk().sign_out(caller.token.text()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A command and the id that makes doing it twice harmless.
#[derive(Deserialize, ToSchema)]
pub struct CommandBody {
    /// 32 hexadecimal digits, chosen by the caller; the same id again does nothing twice.
    action: String,
    /// What is to be done.
    command: Command,
}

/// Does what a person may do on the pages.
#[utoipa::path(post, path = "/api/v1/commands", request_body = CommandBody, responses(
    (status = 200, body = Outcome), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem),
    (status = 409, body = Problem), (status = 422, body = Problem), (status = 503, body = Problem)), security(("bearer" = [])))]
async fn commands(State(app): State<App>, caller: Caller, body: Body<CommandBody>) -> Api<Outcome> {
    let Json(body) = body?;
    let id = data_encoding::HEXLOWER_PERMISSIVE.decode(body.action.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
    let action = id.map(ActionId).ok_or_else(|| ApiError::Malformed("action 应为 32 位十六进制数".to_owned()))?;
    Ok(Json(app.desk().perform(&caller.person, action, body.command).await?))
}

/// What to look for.
#[derive(Deserialize, ToSchema)]
pub struct SearchBody {
    /// Any part of a name, a number, an address; several parts separated by spaces must all occur.
    #[serde(default)]
    term: String,
    /// Only households that hold, or somebody of whom holds, this category; an empty text: none at all.
    category: Option<String>,
    /// The day on which the category is held; missing: today.
    #[schema(value_type = Option<String>)]
    on: Option<Day>,
    /// Only in this area or below: its 12 digits.
    area: Option<String>,
    /// Rows to pass over.
    #[serde(default)]
    offset: u64,
    /// Rows at most.
    limit: Option<u32>,
}

pub(super) fn page(offset: u64, limit: Option<u32>) -> Page {
    Page { offset, limit: limit.unwrap_or(ROWS).min(ROWS_MAX) }
}

/// Finds households.
#[utoipa::path(post, path = "/api/v1/households/search", request_body = SearchBody,
    responses((status = 200, body = Value), (status = 401, body = Problem)), security(("bearer" = [])))]
async fn households(State(app): State<App>, caller: Caller, body: Body<SearchBody>) -> Api<Value> {
    let Json(body) = body?;
    let on = body.on.unwrap_or_else(|| app.today());
    let area =
        body.area.map(|code| AreaId::parse(&code).ok_or_else(|| ApiError::Malformed("area 读不出来".to_owned()))).transpose()?;
    let filter = HouseholdFilter {
        text: body.term,
        within: area.into_iter().collect(),
        category: body.category.map(|category| CategoryOn { category, on }),
        ..HouseholdFilter::default()
    };
    let found = app.desk().households(&caller.person, filter, page(body.offset, body.limit)).await?;
    Ok(Json(json!({ "rows": found.rows, "more": found.more })))
}

/// One household: its row as the household file writes it, what is in conflict, and the heads for a change.
#[utoipa::path(get, path = "/api/v1/households/{id}", params(("id" = String, Path, description = "the record, 64 hexadecimal digits")),
    responses((status = 200, body = Value), (status = 401, body = Problem), (status = 404, body = Problem)), security(("bearer" = [])))]
async fn household(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Api<Value> {
    let record = RecordId::parse(&id).ok_or(ApiError::NoPage)?;
    let found = app.desk().household(&caller.person, record, 1).await?;
    let household = &found.detail.household;
    let rows = |rows: Vec<Option<String>>| Value::from(rows);
    let name = |row: &Option<shouwang_protocol::records::OpId>| row.as_ref().map(ToString::to_string);
    Ok(Json(json!({
        "record": id,
        "household": household.row(),
        "member_rows": rows(household.members.iter().map(|member| name(&member.row)).collect()),
        "aid_rows": rows(household.aid.iter().map(|aid| name(&aid.row)).collect()),
        "holding_rows": rows(household.holdings.iter().map(|holding| name(&holding.row)).collect()),
        "categories": household.categories_on(app.today()),
        "heads": found.heads,
        "conflicts": household.conflicts,
        "problems": household.problems,
        "cases": found.cases,
    })))
}

/// A household's means with their working, in fen, and the status they come to by the pack in force. Not a decision.
#[utoipa::path(get, path = "/api/v1/households/{id}/means", params(("id" = String, Path, description = "the record, 64 hexadecimal digits")),
    responses((status = 200, body = Value), (status = 401, body = Problem), (status = 404, body = Problem)), security(("bearer" = [])))]
async fn means(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Api<Value> {
    let record = RecordId::parse(&id).ok_or(ApiError::NoPage)?;
    let found = app.desk().means(&caller.person, record).await?;
    Ok(Json(json!({
        "record": id, "category": found.category, "pack": found.pack, "on": found.on,
        "review": found.means.review.as_ref().map(|(months, why)| json!({ "months": months, "why": why })),
        "means": found.means,
    })))
}

/// Which cases.
#[derive(Deserialize, IntoParams)]
pub struct CasesQuery {
    /// At this stage, by its word: `to-decide`.
    stage: Option<String>,
    /// Rows to pass over.
    #[serde(default)]
    offset: u64,
    /// Rows at most.
    limit: Option<u32>,
}

/// Lists cases, the most urgent first.
#[utoipa::path(get, path = "/api/v1/cases", params(CasesQuery),
    responses((status = 200, body = Value), (status = 401, body = Problem)), security(("bearer" = [])))]
async fn cases(State(app): State<App>, caller: Caller, Query(asked): Query<CasesQuery>) -> Api<Value> {
    let stages = match asked.stage.as_deref() {
        None => Vec::new(),
        Some(word) => vec![Stage::from_word(word).ok_or_else(|| ApiError::Malformed("没有这一办理状态".to_owned()))?],
    };
    let filter = CaseFilter { stages, by_urgency: true, ..CaseFilter::default() };
    let found = app.desk().cases(&caller.person, filter, page(asked.offset, asked.limit)).await?;
    Ok(Json(json!({ "rows": found.rows, "more": found.more })))
}

/// One case: what it means now, with its whole story, and what the caller may do.
#[utoipa::path(get, path = "/api/v1/cases/{id}", params(("id" = String, Path, description = "the case, 32 hexadecimal digits")),
    responses((status = 200, body = Value), (status = 401, body = Problem), (status = 404, body = Problem)), security(("bearer" = [])))]
async fn case(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Api<Value> {
    let case = CaseId::parse(&id).ok_or(ApiError::NoPage)?;
    let found = app.desk().case(&caller.person, case).await?;
    Ok(Json(json!({
        "case": id,
        "row": found.row,
        "standing": found.standing,
        "stored": found.entries.iter().map(|entry| (entry.item.id.to_string(), json!(entry.stored))).collect::<serde_json::Map<_, _>>(),
        "possible": found.possible,
        "blocks": found.blocks,
    })))
}

/// Which checks.
#[derive(Deserialize, IntoParams)]
pub struct ChecksQuery {
    /// Those that are done, objected to or replaced as well.
    #[serde(default)]
    all: bool,
    /// Rows to pass over.
    #[serde(default)]
    offset: u64,
    /// Rows at most.
    limit: Option<u32>,
}

/// Checks of means, the first due first; no figures.
#[utoipa::path(get, path = "/api/v1/checks", params(ChecksQuery),
    responses((status = 200, body = Value), (status = 401, body = Problem), (status = 403, body = Problem)), security(("bearer" = [])))]
async fn checks(State(app): State<App>, caller: Caller, Query(asked): Query<ChecksQuery>) -> Api<Value> {
    let states = if asked.all { &[] } else { OPEN };
    let found = app.desk().checks(&caller.person, states, page(asked.offset, asked.limit)).await?;
    Ok(Json(json!({ "rows": found.rows, "more": found.more })))
}

/// Answers to one request.
#[derive(Deserialize, ToSchema)]
pub struct AnswersOfCheck {
    /// The number of the request.
    number: String,
    /// The answers.
    answers: Vec<CheckAnswer>,
}

/// Answers to requests.
#[derive(Deserialize, ToSchema)]
pub struct AnswersBody {
    /// By request.
    checks: Vec<AnswersOfCheck>,
}

/// What became of them.
#[derive(Serialize, ToSchema)]
pub struct AnswersTold {
    /// Answers in all.
    rows: u64,
    /// Written down.
    added: u64,
    /// There already: nothing was added.
    same: u64,
    /// Refused, each with its place in the call (from 1), field and reason.
    #[schema(value_type = Vec<Object>)]
    rejected: Vec<Reject>,
}

/// Writes down what sources answered. City only; the same answer again adds nothing, so a call may be repeated.
#[utoipa::path(post, path = "/api/v1/checks/answers", request_body = AnswersBody, responses(
    (status = 200, body = AnswersTold), (status = 401, body = Problem), (status = 403, body = Problem), (status = 422, body = Problem)),
    security(("bearer" = [])))]
async fn check_answers(State(app): State<App>, caller: Caller, body: Body<AnswersBody>) -> Api<AnswersTold> {
    let Json(body) = body?;
    let checks = body.checks.into_iter().map(|check| (check.number, check.answers)).collect();
    let told = app.desk().take_answers(&caller.person, checks).await?;
    Ok(Json(AnswersTold { rows: told.rows, added: told.added, same: told.same, rejected: told.rejected }))
}

/// What the caller's office, department or provider has to do, the most urgent first.
#[utoipa::path(get, path = "/api/v1/tasks", responses((status = 200, body = Value), (status = 401, body = Problem)), security(("bearer" = [])))]
async fn tasks(State(app): State<App>, caller: Caller) -> Api<Value> {
    let today = app.desk().today_for(&caller.person).await?;
    Ok(Json(json!({
        "day": today.day, "waiting": today.waiting, "overdue": today.overdue, "warnings": today.warnings, "cases": today.cases,
    })))
}

/// Which pack.
#[derive(Deserialize, IntoParams)]
pub struct PolicyQuery {
    /// Its version; none: the pack in force.
    version: Option<String>,
}

/// A policy pack, whole: kinds, standards, code tables, calendar, and the policy list.
#[utoipa::path(get, path = "/api/v1/policies", params(PolicyQuery),
    responses((status = 200, body = Value), (status = 401, body = Problem), (status = 404, body = Problem)), security(("bearer" = [])))]
async fn policies(State(app): State<App>, caller: Caller, Query(query): Query<PolicyQuery>) -> Api<Value> {
    let found = app.desk().policies(&caller.person, query.version).await?;
    Ok(Json(json!({ "in_force": found.in_force, "versions": found.versions, "pack": found.pack })))
}

/// Whom policies are looked for.
#[derive(Deserialize, ToSchema)]
pub struct MatchBody {
    /// A household's record, 64 hexadecimal digits; none: by `facts`.
    #[serde(default)]
    household: Option<String>,
    /// `household` and `members` with the names that conditions use; what is missing is not known.
    #[serde(default)]
    #[schema(value_type = Object)]
    facts: Facts,
}

/// The policies that might fit, with the reasons. Not a decision; nothing is kept.
#[utoipa::path(post, path = "/api/v1/policies/match", request_body = MatchBody,
    responses((status = 200, body = Value), (status = 401, body = Problem), (status = 404, body = Problem)), security(("bearer" = [])))]
async fn policies_match(State(app): State<App>, caller: Caller, body: Body<MatchBody>) -> Api<Value> {
    let Json(body) = body?;
    let (pack, matches) = match body.household {
        Some(id) => {
            let record = RecordId::parse(&id).ok_or(ApiError::NoPage)?;
            app.desk().policies_for(&caller.person, record).await?
        }
        None => app.desk().policies_fitting(&caller.person, body.facts).await?,
    };
    Ok(Json(json!({ "pack": pack, "decision": false, "matches": matches })))
}

/// What somebody at the window knows.
#[derive(Deserialize, ToSchema)]
pub struct QueryBody {
    /// The acceptance number on the receipt.
    code: String,
    /// The last four characters of an identity number of the household.
    tail: String,
}

/// How a case stands, in plain words and as of when. A wrong number and a wrong tail get the same answer.
#[utoipa::path(post, path = "/api/v1/query", request_body = QueryBody, responses(
    (status = 200, body = crate::desk::CaseAnswer), (status = 404, body = Problem), (status = 429, body = Problem)), security(("bearer" = [])))]
async fn query(State(app): State<App>, caller: Caller, body: Body<QueryBody>) -> Api<crate::desk::CaseAnswer> {
    let Json(body) = body?;
    Ok(Json(app.desk().answer(&caller.person, &body.code, &body.tail).await?))
}

/// What this node holds and whom it talks to, as `shouwang status --json`.
#[utoipa::path(get, path = "/api/v1/status", responses((status = 200, body = Value), (status = 401, body = Problem)), security(("bearer" = [])))]
async fn node_status(State(app): State<App>, _caller: Caller) -> Api<Value> {
    Ok(Json(app.summary().await.status.clone()))
}

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scheme = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
        openapi.components.get_or_insert_default().add_security_scheme("bearer", scheme);
    }
}

/// The description.
#[derive(OpenApi)]
#[openapi(
    info(title = "shouwang", description = "The staff interface of one node."),
    modifiers(&Bearer),
    paths(
        sign_in, sign_out, commands, households, household, means, cases, case, checks, check_answers, tasks, policies, policies_match, node_status, books::annual_file, books::annual_files,
        books::statistics, books::statistics_items, books::statistics_cases, books::loops, query
    )
)]
pub struct Description;

async fn openapi() -> Json<utoipa::openapi::OpenApi> {
    Json(Description::openapi())
}
