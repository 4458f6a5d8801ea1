//! Annual files and statistics for programs: the same answers as the pages, with their queries and hashes.

use super::App;
use super::api::{Api, ApiError, Caller, Problem, page};
use super::page::statistics::Asked;
use crate::store::reader::YearFilter;
use axum::Json;
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use serde_json::{Value, json};
use shouwang_protocol::area::AreaId;
use shouwang_protocol::record::RecordId;
use utoipa::IntoParams;

/// Which annual files.
#[derive(Deserialize, IntoParams)]
pub struct FilesQuery {
    /// In this area or below: its 12 digits.
    area: Option<String>,
    /// Only complete (`true`), or only incomplete ones.
    complete: Option<bool>,
    /// Rows to pass over.
    #[serde(default)]
    offset: u64,
    /// Rows at most.
    limit: Option<u32>,
}

/// A household's annual file: its four sections, totals in fen, what is missing, and whether the year is closed.
#[utoipa::path(get, path = "/api/v1/households/{id}/years/{year}",
    params(("id" = String, Path, description = "the record, 64 hexadecimal digits"), ("year" = i32, Path, description = "the year")),
    responses((status = 200, body = Value), (status = 401, body = Problem), (status = 404, body = Problem)), security(("bearer" = [])))]
pub async fn annual_file(State(app): State<App>, caller: Caller, Path((id, year)): Path<(String, i32)>) -> Api<Value> {
    let record = RecordId::parse(&id).ok_or(ApiError::NoPage)?;
    let found = app.desk().annual(&caller.person, record, year).await?;
    let complete = found.file.is_complete();
    let missing: Vec<String> = found.file.missing.iter().map(|missing| missing.sentence()).collect();
    Ok(Json(json!({
        "record": id, "place": found.place, "complete": complete, "missing": missing, "at_ms": found.at_ms, "as_of": found.as_of,
        "file": found.file,
    })))
}

/// The annual files of a year: complete or not, and what is missing most.
#[utoipa::path(get, path = "/api/v1/years/{year}", params(("year" = i32, Path, description = "the year"), FilesQuery),
    responses((status = 200, body = Value), (status = 401, body = Problem)), security(("bearer" = [])))]
pub async fn annual_files(
    State(app): State<App>,
    caller: Caller,
    Path(year): Path<i32>,
    Query(asked): Query<FilesQuery>,
) -> Api<Value> {
    let area = asked.area.as_deref().map(|code| AreaId::parse(code).ok_or_else(|| unreadable("area"))).transpose()?;
    let filter = YearFilter { year, within: area.into_iter().collect(), complete: asked.complete, lacking: None };
    Ok(Json(json!(app.desk().year_list(&caller.person, filter, page(asked.offset, asked.limit)).await?)))
}

/// Aid and cases in groups, with the query, the villages included and a hash for each figure. Asked with the same
/// parameters as the page `/statistics`.
#[utoipa::path(get, path = "/api/v1/statistics", params(Asked),
    responses((status = 200, body = Value), (status = 401, body = Problem), (status = 403, body = Problem)), security(("bearer" = [])))]
pub async fn statistics(State(app): State<App>, caller: Caller, Query(asked): Query<Asked>) -> Api<Value> {
    let question = asked.question(app.today()).ok_or_else(|| unreadable("when"))?;
    Ok(Json(json!(app.desk().statistics(&caller.person, question, asked.by(), page(asked.from(), None)).await?)))
}

/// The lines of aid behind a figure.
#[utoipa::path(get, path = "/api/v1/statistics/items", params(Asked),
    responses((status = 200, body = Value), (status = 401, body = Problem), (status = 403, body = Problem)), security(("bearer" = [])))]
pub async fn statistics_items(State(app): State<App>, caller: Caller, Query(asked): Query<Asked>) -> Api<Value> {
    let question = asked.question(app.today()).ok_or_else(|| unreadable("when"))?;
    Ok(Json(json!(app.desk().benefit_list(&caller.person, question, page(asked.from(), None)).await?)))
}

/// The cases behind a figure.
#[utoipa::path(get, path = "/api/v1/statistics/cases", params(Asked),
    responses((status = 200, body = Value), (status = 401, body = Problem), (status = 403, body = Problem)), security(("bearer" = [])))]
pub async fn statistics_cases(State(app): State<App>, caller: Caller, Query(asked): Query<Asked>) -> Api<Value> {
    let question = asked.question(app.today()).ok_or_else(|| unreadable("when"))?;
    Ok(Json(json!(app.desk().account_list(&caller.person, question, page(asked.from(), None)).await?)))
}

/// Open loops by stage and holder, what is late, the time of each receiver from hand-over to feedback (middle, longest,
/// open), and how often people had to go.
#[utoipa::path(get, path = "/api/v1/loops", params(super::page::loops::Asked),
    responses((status = 200, body = Value), (status = 401, body = Problem), (status = 403, body = Problem)), security(("bearer" = [])))]
pub async fn loops(State(app): State<App>, caller: Caller, Query(asked): Query<super::page::loops::Asked>) -> Api<Value> {
    let question = asked.question().ok_or_else(|| unreadable("area、from、until 或 stage"))?;
    Ok(Json(json!(app.desk().loops(&caller.person, question, page(asked.offset(), None)).await?)))
}

fn unreadable(name: &str) -> ApiError {
    ApiError::Malformed(format!("{name} 读不出来"))
}
