//! S2o and S2r: two offices that agree and are connected, and two that meet again while both processes live.
//!
//! S2o is what it costs to go on knowing: nothing is asked, since whoever gains something says so at once; a sign of
//! life and its acknowledgement every 25 s tell both that the other is there and has said all. Its bytes are those of
//! one such exchange, and nobody waits for it: it has no round trips. S2r begins where the line was cut until the lower
//! office gave the connection up: it dials the same process again, with a ticket. What the upper office still sends to
//! the dead connection is counted too.

use super::pair::Pair;
use super::{LIMIT, Line};
use crate::offices::Failure;
use serde_json::Value;
use std::time::Duration;

/// Quiet time after which nothing more comes on the far line.
const QUIET: Duration = Duration::from_millis(3_500);

/// Measures both on a pair that is connected by the far line.
pub(super) fn scenarios(pair: &Pair, n: usize) -> Result<[Line; 2], Failure> {
    pair.agree()?;
    pair.hush(QUIET)?;
    pair.reset();
    let first = pair.first_datagram()?;
    let took = pair.hush(QUIET)? - first;
    let statuses = [pair.upper.status()?, pair.lower.status()?];
    let seconds = took as f64 / 1000.0;
    let open = Line { seconds, ..pair.line("S2o", n, first, &statuses) };

    pair.relay()?.cut();
    let up = |status: &Value, what: &str| {
        let peers = status.get("peers").and_then(Value::as_array);
        peers.is_some_and(|peers| peers.iter().any(|peer| peer.get(what).and_then(Value::as_bool) == Some(true)))
    };
    pair.lower.wait_until("the end of the dead connection", LIMIT, |status| !up(status, "connected"))?;
    pair.reset();
    pair.relay()?.heal();
    let first = pair.first_datagram()?;
    let round_trips = pair.round_trips(first)?;
    let lower = pair.lower.wait_until("the resumed connection", LIMIT, |status| up(status, "connected"))?;
    if !up(&lower, "resumed") {
        return Err(format!("the session was not resumed: {lower}").into());
    }
    pair.hush(QUIET)?;
    let resumed = Line { round_trips: Some(round_trips), ..pair.line("S2r", n, first, &[pair.upper.status()?, lower]) };
    Ok([open, resumed])
}
