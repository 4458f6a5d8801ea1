//! The pages that staff work with, and the JSON API: the only place, with the portal, that names axum.
//!
//! A request passes the guard (is it for us, from us?), the session (who is it?), and then one handler, which reads
//! or performs through the [`Desk`](crate::desk::Desk) and answers with a page. Nothing here decides who may do what,
//! and nothing but the Desk reads records. Server-rendered pages, one style sheet, no build step, no foreign resource.

pub mod api;
mod api_statistics;
mod assets;
mod error;
mod forms;
mod guard;
mod live;
mod metrics;
mod page;
#[cfg(test)]
mod samples;
mod session;
mod state;
pub mod unlock;
mod view;
mod wording;

pub use state::{App, Parts, StatusFn};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use page::{
    allotments, carry, case, case_new, cases, check_queue, checks, consent_paper, doubles, export, household, household_edit,
    household_move, households, import, inbox, loops, means, missed, months, notices, pack_rows, payments, policies, policy_edit,
    project, project_edit, projects, query, queue, receipt, reviews, sign_in, staff, staff_hand, statistics, statistics_lists,
    sync, today, written_notice, year,
};
use std::future::Future;
use std::net::SocketAddr;

/// Every address there is.
fn router(app: App) -> Router {
    let answers_limit = DefaultBodyLimit::max(payments::ANSWER_BYTES_MAX);
    let checks_limit = DefaultBodyLimit::max(check_queue::ANSWERS_BYTES_MAX);
    let carry_limit = DefaultBodyLimit::max(carry::UPLOAD_BYTES_MAX);
    let import_limit = DefaultBodyLimit::max(import::UPLOAD_BYTES_MAX);
    Router::new()
        .route("/", get(today::home))
        .route("/sign-in", get(sign_in::form).post(sign_in::sign_in))
        .route("/first", get(sign_in::first_form).post(sign_in::first))
        .route("/sign-out", post(sign_in::sign_out))
        .route("/today", get(today::today))
        .route("/households", get(households::list).post(households::find))
        .route("/households/search", post(households::search))
        .route("/households/new", get(household_edit::new).post(household_edit::register))
        .route("/households/export", get(export::form).post(export::take))
        .route("/households/{id}", get(household::show))
        .route("/households/{id}/edit", get(household_edit::edit).post(household_edit::save))
        .route("/households/{id}/move", get(household_move::move_form).post(household_move::move_it))
        .route("/households/{id}/split", get(household_move::split_form).post(household_move::split_it))
        .route("/households/{id}/settle", post(household::settle))
        .route("/households/{id}/changes", post(reviews::note))
        .route("/households/{id}/means", get(means::show))
        .route("/households/{id}/year/{year}", get(year::file).post(year::vouch))
        .route("/years", get(year::this_year))
        .route("/years/{year}", get(year::list))
        .route("/statistics", get(statistics::show))
        .route("/statistics/items", get(statistics_lists::items))
        .route("/statistics/cases", get(statistics_lists::cases))
        .route("/cases", get(cases::list))
        .route("/cases/new", get(case_new::form).post(case_new::open))
        .route("/cases/{id}", get(case::show))
        .route("/cases/{id}/act", post(case::act))
        .route("/cases/{id}/receipt", get(receipt::show))
        .route("/cases/{id}/check", get(checks::show).post(checks::act))
        .route("/cases/{id}/check/sheet", post(checks::look))
        .route("/checks", get(check_queue::list))
        .route("/checks/answers", post(check_queue::upload).layer(checks_limit))
        .route("/checks/looks", get(check_queue::looks))
        .route("/allotments", get(allotments::list).post(allotments::grant))
        .route("/allotments/raise", post(allotments::raise))
        .route("/allotments/close", post(allotments::close))
        .route("/doubles", get(doubles::list))
        .route("/doubles/ask", post(doubles::ask))
        .route("/doubles/settle", post(doubles::settle))
        .route("/missed", get(missed::list))
        .route("/missed/outcome", post(missed::screen))
        .route("/missed/apply", post(missed::apply))
        .route("/months", get(months::list).post(months::sign))
        .route("/reviews", get(reviews::list).post(reviews::review))
        .route("/notices", get(notices::list))
        .route("/cases/{id}/letters/{of}", get(written_notice::sheet))
        .route("/cases/{id}/consents/{organisation}", get(consent_paper::sheet))
        .route("/notices/sheet", get(notices::sheet))
        .route("/payments", get(payments::list).post(payments::make))
        .route("/payments/{batch}", get(payments::show).post(payments::settle))
        .route("/payments/{batch}/answers", post(payments::answers).layer(answers_limit))
        .route("/payments/{batch}/export", post(payments::export))
        .route("/clues/new", get(case_new::clue_form).post(case_new::open_clue))
        .route("/import", get(import::form).post(import::upload).layer(import_limit))
        .route("/import/go", post(import::go))
        .route("/import/preview", get(import::part))
        .route("/import/rejects", get(import::rejects))
        .route("/inbox", get(inbox::list).post(inbox::sign))
        .route("/loops", get(loops::show))
        .route("/query", get(query::form).post(query::ask))
        .route("/queue", get(queue::show).post(queue::act))
        .route("/households/{id}/policies", get(policies::for_household))
        .route("/policies", get(policies::list))
        .route("/policies/match", get(policies::match_form).post(policies::find))
        .route("/policies/revise", get(policy_edit::form).post(policy_edit::save))
        .route("/policies/tables", get(pack_rows::first))
        .route("/policies/tables/{section}", get(pack_rows::list))
        .route("/policies/tables/{section}/row", get(pack_rows::form).post(pack_rows::save))
        .route("/policies/{code}", get(policies::show))
        .route("/projects", get(projects::list))
        .route("/projects/conflicts", get(projects::conflicts))
        .route("/projects/new", get(project_edit::new).post(project_edit::add))
        .route("/projects/kinds", get(projects::kinds))
        .route("/projects/{id}", get(project::show))
        .route("/projects/{id}/edit", get(project_edit::edit).post(project_edit::save))
        .route("/projects/{id}/settle", post(project::settle))
        .route("/projects/{id}/tell", post(project::tell))
        .route("/staff", get(staff::list).post(staff::add))
        .route("/staff/reset", post(staff::reset))
        .route("/staff/disable", post(staff::disable))
        .route("/staff/enable", post(staff::enable))
        .route("/staff/roles", post(staff::roles))
        .route("/staff/term", post(staff::term))
        .route("/staff/hand/{id}", get(staff_hand::show).post(staff_hand::hand))
        .route("/sync", get(sync::show))
        .route("/sync/carry/out", post(carry::out))
        .route("/sync/carry/in", post(carry::take).layer(carry_limit))
        .route("/drafts", post(page::drafts::keep))
        .route("/drafts/read", post(page::drafts::read))
        .route(live::PATH, get(live::events))
        .route("/static/{name}", get(assets::file))
        .route("/healthz", get(metrics::healthz))
        .route("/readyz", get(metrics::readyz))
        .route("/metrics", get(metrics::metrics))
        .nest("/api/v1", api::router())
        .fallback(page::error::no_page)
        .layer(DefaultBodyLimit::max(session::FORM_BYTES_MAX))
        .layer(from_fn_with_state(app.names(), guard::guard))
        .layer(from_fn_with_state(app.clone(), metrics::count))
        .with_state(app)
}

/// Why pages cannot be served at an address.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Beyond this machine, without TLS.
    #[error(
        "pages at {0} would be readable on the network: only 127.0.0.1 and ::1 are served for now, put a TLS proxy or an SSH tunnel before them"
    )]
    NotLoopback(SocketAddr),
    /// The socket.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// Binds the address of the pages; one that others could listen at is refused.
pub async fn bind(address: SocketAddr) -> Result<tokio::net::TcpListener, ServeError> {
    if !address.ip().is_loopback() {
        return Err(ServeError::NotLoopback(address));
    }
    Ok(tokio::net::TcpListener::bind(address).await?)
}

/// Serves the pages until `stop` ends.
pub async fn serve(
    listener: tokio::net::TcpListener,
    parts: Parts,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    let address = listener.local_addr()?;
    if !address.ip().is_loopback() {
        return Err(ServeError::NotLoopback(address));
    }
    let app = App::new(parts, address);
    // Streams of live pages never end by themselves, so there is no waiting for connections to finish: whatever was
    // answered was on the disk before, and whatever was not is done again safely.
    tokio::select! {
        served = axum::serve(listener, router(app)).into_future() => Ok(served?),
        () = stop => Ok(()),
    }
}
