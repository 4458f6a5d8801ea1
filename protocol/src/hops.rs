//! Where a case was, and for how long: who held it from which day to which, and how often the citizen had to come.
//!
//! Both are pure functions of a case's volumes, so that every office counts the same. A hop begins when somebody's turn
//! begins and ends when it is over; several may run at the same time, as in a case that was split. Days are those that
//! count in the timeline, never anybody's clock.

use crate::records::case::StampedEvent;
use crate::records::day::Day;
use crate::records::event::{Channel, Origin, What};
use crate::records::policy::Packs;
use crate::standing::{CaseRecords, Effect, Standing, Who, standing};
use std::collections::BTreeSet;

/// Events of one case that are looked at; a longer case shows its latest hops only roughly.
const EVENTS_MAX: usize = 400;

/// Somebody's turn, from its first day to its last.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Hop {
    /// Who held the case.
    pub who: Who,
    /// For what, in Chinese.
    pub what: &'static str,
    /// The first day.
    pub from: Option<Day>,
    /// The day it was over; none: it goes on.
    pub until: Option<Day>,
    /// The last day allowed, as it stood at the end.
    pub due: Option<Day>,
    /// Working days so far, by the calendar of the case's pack; none: the pack is not here, or a day is not known.
    pub working: Option<u32>,
}

impl Hop {
    /// Whether it ended, or is on `today`, after its last day.
    pub fn is_late(&self, today: Day) -> bool {
        self.due.is_some_and(|due| self.until.unwrap_or(today) > due)
    }

    /// Days as they come, until `today` when it goes on.
    pub fn days(&self, today: Day) -> Option<i32> {
        Some(self.until.unwrap_or(today).0.saturating_sub(self.from?.0).max(0))
    }
}

/// The hops of a case up to `today`, in the order in which they began.
pub fn hops(records: &CaseRecords, packs: &Packs, today: Day) -> Vec<Hop> {
    let key = |event: &StampedEvent| (event.stamp.is_none(), event.stamp, event.id.clone());
    let mut order: Vec<_> = records.volumes.values().flat_map(|volume| &volume.events).map(key).collect();
    order.sort();
    let keep = order.len().saturating_sub(EVENTS_MAX);
    let mut hops: Vec<Hop> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    for last in order.iter().skip(keep) {
        let mut so_far = records.clone();
        for volume in so_far.volumes.values_mut() {
            volume.events.retain(|event| key(event) <= *last);
        }
        let s = standing(&so_far, packs);
        let Some(item) = s.timeline.last().filter(|item| item.effect == Effect::Counts) else { continue };
        let day = item.day;
        let mut turns = s.turns;
        open.retain(|at| {
            let Some(hop) = hops.get_mut(*at) else { return false };
            match turns.iter().position(|turn| turn.who == hop.who && turn.what == hop.what) {
                Some(same) => {
                    hop.due = turns.remove(same).due;
                    true
                }
                None => {
                    hop.until = day;
                    false
                }
            }
        });
        for turn in turns {
            open.push(hops.len());
            hops.push(Hop { who: turn.who, what: turn.what, from: day, until: None, due: turn.due, working: None });
        }
    }
    let whole = standing(records, packs);
    let calendar = packs.get(&whole.pack).map(|pack| &pack.calendar);
    for hop in &mut hops {
        let span = hop.from.zip(Some(hop.until.unwrap_or(today)));
        hop.working = calendar.zip(span).map(|(calendar, (from, until))| calendar.between(from, until));
    }
    hops
}

/// Who ran: the citizen to a window, or staff to the citizen's home.
#[derive(Clone, PartialEq, Eq, Debug, Default, serde::Serialize)]
pub struct Errands {
    /// Days on which the citizen came to a window.
    pub window: u32,
    /// Days on which staff went to the home.
    pub home: u32,
}

/// How often somebody had to go for this case. Several things done on one day are one errand; what came in by the
/// web, by data, or was found by staff cost the citizen none.
pub fn errands(s: &Standing) -> Errands {
    let (mut window, mut home) = (BTreeSet::new(), BTreeSet::new());
    for item in s.timeline.iter().filter(|item| item.effect == Effect::Counts) {
        match &item.event.what {
            What::Opened { origin, channel, .. } => {
                let at_window = matches!(channel, Channel::CityWindow | Channel::TownshipWindow | Channel::Village);
                if at_window && *origin != Origin::Warning {
                    window.insert(item.day);
                }
            }
            What::Applied { .. } | What::MaterialsGiven { .. } | What::GaveUp { .. } => {
                window.insert(item.day);
            }
            What::Visited { remote, .. } if remote.trim().is_empty() => {
                home.insert(item.day);
            }
            _ => {}
        }
    }
    let count = |days: BTreeSet<Option<Day>>| u32::try_from(days.len()).unwrap_or(u32::MAX);
    Errands { window: count(window), home: count(home) }
}
