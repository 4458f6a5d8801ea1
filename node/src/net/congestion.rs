//! How much may be under way: a controller that watches the delay and takes single losses for what they are on such
//! lines, noise.
//!
//! Loss-based controllers reached 12 to 43 % of a line that loses 5 % of its packets, and filled the queues of lines
//! that lose none until everybody waited for seconds. This one, after Vegas, compares the round trip with the shortest
//! one seen: the difference is the queue it made. It grows while fewer than two of its packets wait somewhere, shrinks
//! above four, and counts loss only beyond one packet in five. Against greedy neighbours it keeps its least window.

use quinn::congestion::{Controller, ControllerFactory};
use quinn_proto::RttEstimator;
use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Packets under way at the start: what others start with, so that a small sync takes one round trip.
const START_PACKETS: u64 = 10;
/// Packets that may be under way in any case.
const LEAST_PACKETS: u64 = 4;
/// Bytes that may be under way at most.
const MOST_BYTES: u64 = 4 * 1024 * 1024;
/// Packets waiting somewhere below which more is sent.
const FEW: u64 = 2;
/// Packets waiting somewhere above which less is sent.
const MANY: u64 = 4;
/// Growth of the round trip that is no queue: schedulers and radios do that.
const NOISE: Duration = Duration::from_millis(5);
/// Bytes after which the share of the lost ones says something, in packets.
const LOSS_PACKETS: u64 = 30;
/// How long the shortest round trip is believed; it is kept for one to two times as long.
const BASE_FOR: Duration = Duration::from_secs(60);
/// How often the window is halved for one round trip, to see the line without our own queue.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// Makes controllers.
#[derive(Debug, Default)]
pub(super) struct GentleConfig;

impl ControllerFactory for GentleConfig {
    fn build(self: Arc<Self>, now: Instant, mtu: u16) -> Box<dyn Controller> {
        Box::new(Gentle::new(now, mtu))
    }
}

/// The shortest round trip of late.
#[derive(Clone, Copy, Debug)]
struct Base {
    current: Option<Duration>,
    before: Option<Duration>,
    since: Instant,
}

impl Base {
    fn see(&mut self, now: Instant, sample: Duration) {
        if now.saturating_duration_since(self.since) > BASE_FOR {
            self.before = self.current.take();
            self.since = now;
        }
        self.current = Some(self.current.map_or(sample, |least| least.min(sample)));
    }

    fn least(&self) -> Option<Duration> {
        self.current.into_iter().chain(self.before).min()
    }
}

/// What one round trip showed.
#[derive(Clone, Copy, Debug)]
struct Round {
    began: Instant,
    delays: Duration,
    samples: u32,
    limited: bool,
}

/// The controller of one connection.
#[derive(Clone, Debug)]
struct Gentle {
    mtu: u64,
    window: u64,
    starting: bool,
    base: Base,
    round: Round,
    // The delay of the packet acknowledged last in this batch: of all it waited least for its acknowledgement.
    newest: Option<Duration>,
    acked: u64,
    lost: u64,
    look_at: Instant,
    // The window to go back to after a look.
    looking: Option<u64>,
}

impl Gentle {
    fn new(now: Instant, mtu: u16) -> Gentle {
        let mtu = u64::from(mtu);
        Gentle {
            mtu,
            window: START_PACKETS * mtu,
            starting: true,
            base: Base { current: None, before: None, since: now },
            round: Round { began: now, delays: Duration::ZERO, samples: 0, limited: false },
            newest: None,
            acked: 0,
            lost: 0,
            look_at: now + LOOK_EVERY,
            looking: None,
        }
    }

    fn set(&mut self, window: u64) {
        self.window = window.clamp(LEAST_PACKETS * self.mtu, MOST_BYTES);
    }

    fn acked(&mut self, now: Instant, sent: Instant, bytes: u64, limited: bool) {
        let delay = now.saturating_duration_since(sent);
        self.newest = Some(self.newest.map_or(delay, |newest| newest.min(delay)));
        self.round.limited |= limited;
        self.acked += bytes;
        if self.starting && !limited {
            self.set(self.window + bytes);
        }
        if sent >= self.round.began {
            self.end_batch(now);
            self.end_round(now);
        }
    }

    fn end_batch(&mut self, now: Instant) {
        let Some(delay) = self.newest.take() else { return };
        self.base.see(now, delay);
        self.round.delays += delay;
        self.round.samples += 1;
        // The window may double once more before the round ends, and a router's queue is soon full.
        let base = self.base.least().unwrap_or(delay);
        let excess = delay.saturating_sub(base);
        if self.starting && excess > NOISE && scale(self.window, excess, delay) > 2 * MANY * self.mtu {
            self.starting = false;
            self.set(scale(self.window, base, delay) + FEW * self.mtu);
        }
    }

    /// Bytes of ours that wait somewhere, as far as this round trip shows.
    fn queued(&self) -> Option<(u64, Duration, Duration)> {
        let base = self.base.least()?;
        let mean = self.round.delays.checked_div(self.round.samples)?;
        let excess = mean.saturating_sub(base);
        let queued = if excess > NOISE { scale(self.window, excess, mean) } else { 0 };
        Some((queued, base, mean))
    }

    fn end_round(&mut self, now: Instant) {
        let seen = self.queued();
        let limited = self.round.limited;
        self.round = Round { began: now, delays: Duration::ZERO, samples: 0, limited: false };
        if let Some(window) = self.looking.take() {
            self.set(window);
            return;
        }
        let Some((queued, base, mean)) = seen.filter(|_| !limited) else { return };
        if self.starting {
            if queued > FEW * self.mtu {
                self.starting = false;
                self.set(scale(self.window, base, mean) + FEW * self.mtu);
            }
        } else if queued < FEW * self.mtu {
            self.set(self.window + self.mtu.max(self.window / 16));
        } else if queued > MANY * self.mtu {
            self.set(self.window - (queued - FEW * self.mtu) / 2);
        }
        if now >= self.look_at && !self.starting {
            self.look_at = now + LOOK_EVERY;
            self.looking = Some(self.window);
            self.set(self.window / 2);
        }
    }

    fn lost(&mut self, now: Instant, bytes: u64, persistent: bool) {
        self.lost += bytes;
        if persistent {
            self.set(0);
            self.starting = true;
            self.looking = None;
            self.look_at = now + LOOK_EVERY;
        }
        if self.acked + self.lost >= LOSS_PACKETS * self.mtu {
            if self.lost * 5 > self.acked + self.lost {
                self.starting = false;
                self.set(self.window * 7 / 10);
            }
            (self.acked, self.lost) = (0, 0);
        }
    }
}

/// `bytes` × `part` / `whole`.
fn scale(bytes: u64, part: Duration, whole: Duration) -> u64 {
    let (part, whole) = (part.as_micros(), whole.as_micros().max(1));
    u64::try_from(u128::from(bytes) * part / whole).unwrap_or(bytes)
}

impl Controller for Gentle {
    fn on_ack(&mut self, now: Instant, sent: Instant, bytes: u64, app_limited: bool, _rtt: &RttEstimator) {
        self.acked(now, sent, bytes, app_limited);
    }

    fn on_end_acks(&mut self, now: Instant, _in_flight: u64, _app_limited: bool, _largest: Option<u64>) {
        self.end_batch(now);
    }

    fn on_congestion_event(&mut self, now: Instant, _sent: Instant, persistent: bool, lost: u64) {
        self.lost(now, lost, persistent);
    }

    fn on_mtu_update(&mut self, mtu: u16) {
        self.mtu = u64::from(mtu);
        self.set(self.window);
    }

    fn window(&self) -> u64 {
        self.window
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(self.clone())
    }

    fn initial_window(&self) -> u64 {
        START_PACKETS * self.mtu
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;

    /// A line of so many bytes a millisecond with a queue, and a loss of every n-th packet. Returns the bytes delivered
    /// and the longest queue (milliseconds) in the second half of `seconds`.
    fn line(rate: u64, round_trip_ms: u64, lose_every: u64, seconds: u64) -> (u64, u64) {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let mut gentle = Gentle::new(start, 1_200);
        let mut flight: VecDeque<(u64, u64, bool)> = VecDeque::new();
        let (mut free_at, mut count, mut delivered, mut longest) = (0, 0, 0, 0);
        for ms in 0..seconds * 1_000 {
            while flight.front().is_some_and(|(_, back, _)| *back <= ms) {
                let Some((sent, _, lost)) = flight.pop_front() else { break };
                if lost {
                    gentle.lost(at(ms), 1_200, false);
                } else {
                    gentle.acked(at(ms), at(sent), 1_200, false);
                    gentle.end_batch(at(ms));
                    delivered += if ms * 2 > seconds * 1_000 { 1_200 } else { 0 };
                }
            }
            while u64::try_from(flight.len()).expect("few") * 1_200 + 1_200 <= gentle.window {
                count += 1;
                free_at = ms.max(free_at) + 1_200 / rate;
                flight.push_back((ms, free_at + round_trip_ms, count % lose_every == 0));
                longest = if ms * 2 > seconds * 1_000 { longest.max(free_at - ms) } else { 0 };
            }
        }
        (delivered, longest)
    }

    #[test]
    fn lines_are_filled_and_their_queues_are_not() {
        // Bytes a millisecond, round trip, one packet in so many lost.
        for (rate, round_trip_ms, lose_every) in
            [(8, 600, u64::MAX), (8, 600, 20), (32, 300, 20), (120, 100, 10), (1_200, 40, 20)]
        {
            let (delivered, longest) = line(rate, round_trip_ms, lose_every, 60);
            let share = delivered * 100 / (rate * 30_000);
            let kept = if lose_every == u64::MAX { 100 } else { 100 - 100 / lose_every };
            println!("{rate} bytes/ms, {round_trip_ms} ms: {share} % of {kept} %, queue {longest} ms");
            assert!(share * 100 >= kept * 85, "{share} % of a line of {rate} bytes/ms");
            let packets = 1_200 / rate.min(1_200);
            assert!(longest <= 8 * packets + 30, "{longest} ms of queue at {rate} bytes/ms");
        }
    }

    #[test]
    fn a_line_that_loses_a_third_is_left_alone() {
        let start = Instant::now();
        let mut gentle = Gentle::new(start, 1_200);
        for n in 1..1_000 {
            let now = start + Duration::from_millis(n * 10);
            gentle.acked(now, now - Duration::from_millis(50), 2_400, true);
            gentle.lost(now, 1_200, false);
        }
        assert_eq!(gentle.window, LEAST_PACKETS * 1_200);
    }
}
