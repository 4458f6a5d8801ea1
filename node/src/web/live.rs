//! Live pages: one stream a page says that something changed, and the page fetches its parts anew.
//!
//! At most one notice a second, so that an import does not make every page fetch a thousand times; a stream ends
//! after a while, so that a session that ended is noticed.

use super::App;
use super::error::WebError;
use super::session::Signed;
use axum::extract::{Query, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;

/// Where the stream is.
pub const PATH: &str = "/events";
/// Streams at the same time.
pub const STREAMS_MAX: usize = 256;
/// Seconds after which a stream ends and the page asks again.
const STREAM_SECONDS: u64 = 600;
/// Milliseconds between two notices.
const PAUSE_MS: u64 = 1_000;
/// The number that is news to every page.
const LOOK_AGAIN: u64 = u64::MAX >> 12;
/// Seconds between two looks at what does not count as a change: links to others, the disk.
const LOOK_SECONDS: u64 = 5;

/// What the page says that listens.
#[derive(serde::Deserialize)]
pub struct Says {
    /// Whether a superior is connected: `true` or `false`; empty where that is not shown.
    #[serde(default)]
    above: String,
}

/// `GET /events`
pub async fn events(
    State(app): State<App>,
    signed: Signed,
    Query(says): Query<Says>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, WebError> {
    let permit = app.streams().try_acquire_owned().map_err(|_| WebError::Busy)?;
    let (sender, receiver) = mpsc::channel(4);
    tokio::spawn(async move {
        let _permit = permit;
        let follow = follow(&app, &signed, &says, &sender);
        let _ = tokio::time::timeout(Duration::from_secs(STREAM_SECONDS), follow).await;
    });
    Ok(Sse::new(ReceiverStream::new(receiver)).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))))
}

async fn follow(app: &App, signed: &Signed, says: &Says, sender: &mpsc::Sender<Result<Event, Infallible>>) {
    let mut changes = app.changes();
    let mut look = tokio::time::interval(Duration::from_secs(LOOK_SECONDS));
    let summary = app.summary().await;
    let mut condition = summary.condition();
    let above = summary.above.map(|(on, _)| on.to_string()).unwrap_or_default();
    let stale = !says.above.is_empty() && says.above != above;
    // What changed between the page's answer and its listening, it would never hear of.
    let mut begins = true;
    loop {
        let number = tokio::select! {
            biased;
            () = std::future::ready(()), if std::mem::take(&mut begins) => {
                let number = changes.borrow_and_update().number;
                if stale { LOOK_AGAIN } else { number }
            }
            changed = changes.changed() => match changed {
                Ok(()) => changes.borrow_and_update().number,
                Err(_) => return,
            },
            _ = look.tick() => {
                if !app.is_signed_in(signed).await {
                    return;
                }
                let now = app.summary().await.condition();
                if now == condition {
                    continue;
                }
                condition = now;
                LOOK_AGAIN
            }
        };
        let event = Event::default().event("change").data(number.to_string());
        if !app.is_signed_in(signed).await || sender.send(Ok(event)).await.is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(PAUSE_MS)).await;
    }
}
