//! For those who run the machine: is it alive, can it work, and numbers for Prometheus. No number names a person.

use super::App;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::{EncodeLabelSet, text::encode};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// What is told apart when requests are counted.
#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
pub struct Answered {
    method: &'static str,
    class: &'static str,
}

/// Why connections are told apart when they are counted.
#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct Ended {
    reason: String,
}

/// How many requests were answered in which way.
pub type Answers = Family<Answered, Counter>;

/// Counts what was answered.
pub async fn count(State(app): State<App>, request: Request, next: Next) -> Response {
    let method = match request.method().as_str() {
        "GET" | "HEAD" => "read",
        _ => "write",
    };
    let response = next.run(request).await;
    let class = match response.status().as_u16() {
        ..300 => "ok",
        300..400 => "elsewhere",
        400..500 => "refused",
        _ => "failed",
    };
    app.answers().get_or_create(&Answered { method, class }).inc();
    response
}

/// `GET /healthz`: the process answers.
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: and it can write.
pub async fn readyz(State(app): State<App>) -> Response {
    match app.trouble() {
        None => "ready\n".into_response(),
        Some(_) => (StatusCode::SERVICE_UNAVAILABLE, "not ready\n").into_response(),
    }
}

/// `GET /metrics`. The pages are served on loopback only, and so is this.
pub async fn metrics(State(app): State<App>) -> Response {
    let mut registry = Registry::with_prefix("shouwang");
    registry.register("requests_answered", "Requests answered", app.answers().clone());
    let mut gauge = |name: &str, help: &str, value: u64| {
        let gauge = Gauge::<i64>::default();
        gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        registry.register(name, help, gauge);
    };
    let summary = app.summary().await;
    gauge("writable", "1 when the node can write", u64::from(app.trouble().is_none()));
    gauge("changes", "Changes since the start", app.change());
    gauge("own_entries", "Entries this device wrote", summary.own.entries);
    gauge("own_entries_at_township", "Of these, known to be stored at a township", summary.own.township);
    gauge("own_entries_at_city", "Of these, known to be stored at the city", summary.own.city);
    let number = |name: &str| summary.status[name].as_u64().unwrap_or_default();
    gauge("entries_waiting", "Entries that wait for what they name", number("waiting"));
    gauge("entries_without_effect", "Entries without effect", number("without_effect"));
    gauge("entries_refused", "Refused entries that are kept for an administrator", number("refused"));
    gauge("forks", "Forks found and not decided", number("forks"));
    gauge("peers_connected", "Peers connected now", summary.connected);
    gauge("live_pages", "Pages that listen for changes", app.live_pages());
    let ended = Family::<Ended, Counter>::default();
    for (reason, times) in summary.status["connections_ended"].as_object().into_iter().flatten() {
        ended.get_or_create(&Ended { reason: reason.clone() }).inc_by(times.as_u64().unwrap_or_default());
    }
    registry.register("connections_ended", "Connections that ended or never came about, by reason", ended);
    let mut text = String::new();
    match encode(&mut text, &registry) {
        Ok(()) => ([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
