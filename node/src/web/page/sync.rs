//! How this machine and the others agree.

use crate::web::view::{Chip, Fact, Frame, Tone};
use askama::Template;

/// The page.
#[derive(Template, Default)]
#[template(path = "sync.html")]
pub struct SyncPage {
    /// The frame.
    pub frame: Frame,
    /// A word about it.
    pub lead: String,
    /// Counts.
    pub tiles: Vec<(&'static str, String, Tone)>,
    /// The others.
    pub peers: Vec<PeerRow>,
    /// What did not go through.
    pub lists: Vec<TroubleList>,
    /// This machine.
    pub facts: Vec<Fact>,
}

/// One machine we talk to.
#[derive(Default)]
pub struct PeerRow {
    /// Its office.
    pub office: String,
    /// Its address.
    pub address: String,
    /// Whether it is connected.
    pub state: Chip,
    /// Why not.
    pub note: String,
    /// When both last held the same.
    pub last: String,
    /// Entries to send.
    pub to_send: String,
    /// Entries to receive.
    pub to_receive: String,
    /// Bytes sent.
    pub sent: String,
    /// Bytes received.
    pub received: String,
}

/// Entries that did not go through.
#[derive(Default)]
pub struct TroubleList {
    /// What they are.
    pub title: &'static str,
    /// When there are none.
    pub none: &'static str,
    /// Whether somebody must look.
    pub loud: bool,
    /// Column headers.
    pub heads: Vec<&'static str>,
    /// Rows.
    pub rows: Vec<Vec<String>>,
}
