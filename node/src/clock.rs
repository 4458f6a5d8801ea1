//! The clock: the one file of the program that asks the machine what time it is.
//!
//! Everything else is given a [`Now`], so that the demo and the tests may give their own. The clock that measures
//! spans never steps; the one on the wall may be wrong by years and is used for display and expiry only. [`Nap`] sees
//! from the difference of the two that the machine slept.

use shouwang_protocol::sync::session::Now;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Milliseconds by which the wall may run ahead of the other clock before the machine counts as having slept.
const NAP_MS: i64 = 20_000;

/// Where the time comes from.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Now + Send + Sync>);

impl Clock {
    /// The machine's.
    pub fn real() -> Clock {
        let start = Instant::now();
        Clock::of(move || {
            let mono_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
            let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            Now { mono_ms, wall_ms: i64::try_from(wall.as_millis()).unwrap_or(i64::MAX) }
        })
    }

    /// Any other.
    pub fn of(now: impl Fn() -> Now + Send + Sync + 'static) -> Clock {
        Clock(Arc::new(now))
    }

    /// What time it is.
    pub fn now(&self) -> Now {
        (self.0)()
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Clock({:?})", self.now())
    }
}

/// Tells whether the machine slept (a laptop's lid): its connections are then gone, whatever the timers say.
#[derive(Clone, Copy, Debug)]
pub struct Nap(Now);

impl Nap {
    /// Begins to watch.
    pub fn new(now: Now) -> Nap {
        Nap(now)
    }

    /// Whether the machine slept since the last call.
    pub fn slept(&mut self, now: Now) -> bool {
        let wall = now.wall_ms.saturating_sub(self.0.wall_ms);
        let awake = i64::try_from(now.mono_ms.saturating_sub(self.0.mono_ms)).unwrap_or(i64::MAX);
        self.0 = now;
        wall.saturating_sub(awake) > NAP_MS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sleep_is_seen_once_and_a_busy_hour_is_none() {
        let mut nap = Nap::new(Now { mono_ms: 1_000, wall_ms: 50_000 });
        assert!(!nap.slept(Now { mono_ms: 3_601_000, wall_ms: 3_650_500 }));
        assert!(nap.slept(Now { mono_ms: 3_602_000, wall_ms: 9_000_000 }));
        assert!(!nap.slept(Now { mono_ms: 3_603_000, wall_ms: 9_001_000 }));
        assert!(!nap.slept(Now { mono_ms: 3_604_000, wall_ms: 0 }), "a clock set back is no sleep");
    }

    #[test]
    fn the_real_clock_goes_forward() {
        let clock = Clock::real();
        let before = clock.now();
        assert!(clock.now().mono_ms >= before.mono_ms && before.wall_ms > 1_600_000_000_000);
    }
}
