//! Whether the other side is still there, for the dialler: it is the one who can dial anew.
//!
//! The session's own watchdog sees that something sent was not answered. It cannot see that nothing comes any more
//! while the peer is the one sending, nor that an idle connection died. QUIC's timers take five minutes for that. So
//! the dialler looks at what arrives at all: it knocks when a conversation stops half-way, and gives up when neither
//! a knock nor the keep-alive is acknowledged.

use super::transport::KEEP_ALIVE_MS;
use super::trouble::Trouble;
use crate::clock::{Clock, Nap};
use shouwang_protocol::limits::SILENCE_MS;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

/// Milliseconds between two looks.
const LOOK_MS: u64 = 500;
/// Milliseconds without anything from the peer before the first knock; doubled with each.
const QUIET_MS: u64 = 3_000;

/// What a link knows of the conversation, for its pulse.
#[derive(Debug, Default)]
pub(super) struct Activity {
    /// Messages sent and received.
    pub messages: AtomicU64,
    /// Whether both sides hold the same and nothing was said since.
    pub settled: AtomicBool,
    /// Rung when the link should knock.
    pub knock: Notify,
}

impl Activity {
    /// A message went by.
    pub fn message(&self) {
        self.messages.fetch_add(1, Ordering::Relaxed);
        self.settled.store(false, Ordering::Relaxed);
    }
}

/// The state between two looks.
struct Pulse {
    datagrams: u64,
    messages: u64,
    heard_ms: u64,
    knocked_ms: Option<u64>,
    patience_ms: u64,
}

/// What to do after a look.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Next {
    Wait,
    Knock,
    GiveUp,
}

impl Pulse {
    fn new(now_ms: u64) -> Pulse {
        Pulse { datagrams: 0, messages: 0, heard_ms: now_ms, knocked_ms: None, patience_ms: QUIET_MS }
    }

    fn look(&mut self, now_ms: u64, datagrams: u64, messages: u64, settled: bool, round_trip_ms: u64) -> Next {
        if std::mem::replace(&mut self.datagrams, datagrams) != datagrams {
            self.heard_ms = now_ms;
            self.knocked_ms = None;
        }
        if std::mem::replace(&mut self.messages, messages) != messages {
            self.patience_ms = QUIET_MS;
        }
        let silence = SILENCE_MS.max(4 * round_trip_ms);
        let quiet = now_ms.saturating_sub(self.heard_ms);
        let unanswered = self.knocked_ms.is_some_and(|at| now_ms.saturating_sub(at) > silence);
        if unanswered || quiet > KEEP_ALIVE_MS + silence {
            return Next::GiveUp;
        }
        // Where keep-alives come as often, knocking adds nothing.
        if !settled && self.knocked_ms.is_none() && quiet >= self.patience_ms && self.patience_ms < KEEP_ALIVE_MS {
            self.knocked_ms = Some(now_ms);
            self.patience_ms *= 2;
            return Next::Knock;
        }
        Next::Wait
    }
}

/// Watches a connection until the peer is gone or the machine slept.
pub(super) async fn watch(connection: &quinn::Connection, clock: &Clock, activity: &Activity) -> Trouble {
    let mut pulse = Pulse::new(clock.now().mono_ms);
    let mut nap = Nap::new(clock.now());
    loop {
        tokio::time::sleep(Duration::from_millis(LOOK_MS)).await;
        let now = clock.now();
        let round_trip_ms = u64::try_from(connection.rtt().as_millis()).unwrap_or(u64::MAX / 4);
        let datagrams = connection.stats().udp_rx.datagrams;
        let (messages, settled) = (activity.messages.load(Ordering::Relaxed), activity.settled.load(Ordering::Relaxed));
        match pulse.look(now.mono_ms, datagrams, messages, settled, round_trip_ms) {
            _ if nap.slept(now) => return Trouble::Silent,
            Next::GiveUp => return Trouble::Silent,
            Next::Knock => activity.knock.notify_one(),
            Next::Wait => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks every half second for two minutes: (second, what to do) where that is not to wait. `alive`: the peer
    /// acknowledges knocks.
    fn watched(datagrams: impl Fn(u64) -> u64, messages: impl Fn(u64) -> u64, settled: bool, alive: bool) -> Vec<(u64, Next)> {
        let mut pulse = Pulse::new(0);
        let (mut out, mut acknowledged) = (Vec::new(), 0);
        for half in 1..240_u64 {
            let second = half / 2;
            let next = pulse.look(half * 500, datagrams(second) + acknowledged, messages(second), settled, 600);
            if next != Next::Wait {
                out.push((second, next));
            }
            if next == Next::GiveUp {
                break;
            }
            acknowledged += u64::from(alive && next == Next::Knock);
        }
        out
    }

    #[test]
    fn a_transfer_that_stops_is_given_up_within_ten_seconds() {
        let stops = |second: u64| second.min(20);
        assert_eq!(watched(stops, stops, false, false), [(23, Next::Knock), (29, Next::GiveUp)]);
    }

    #[test]
    fn a_settled_connection_lives_on_keep_alives() {
        assert_eq!(watched(|second| second / 25, |_| 3, true, true), []);
        assert_eq!(watched(|_| 1, |_| 3, true, true), [(32, Next::GiveUp)]);
    }

    #[test]
    fn one_that_never_agrees_is_knocked_at_ever_less_often() {
        let knocks = watched(|second| second / 25, |_| 0, false, true);
        assert_eq!(knocks.iter().map(|(second, _)| *second).collect::<Vec<_>>(), [3, 9, 22, 49], "{knocks:?}");
        assert!(knocks.iter().all(|(_, next)| *next == Next::Knock), "{knocks:?}");
    }
}
