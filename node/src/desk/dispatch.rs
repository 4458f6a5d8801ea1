//! The dispatch desk (调度): every case that is not closed by its state, who is late, and how fast each receiver answers.

use super::model::Person;
use super::outcome::DeskError;
use super::{Desk, LOOKING, permit};
use crate::store::reader::LoopRow;
use serde::Serialize;
use shouwang_protocol::records::day::Day;
use std::collections::BTreeMap;

/// How fast a department, an office or a provider answers what was handed to it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct FeedbackTime {
    /// Who: `department`, `office`, `provider`.
    pub who: String,
    /// Its name.
    pub to: String,
    /// Transfers with a result, or given back.
    pub answered: u64,
    /// Working days from the hand-over to the result: the middle one; none: nothing was answered.
    pub median: Option<u32>,
    /// The longest.
    pub longest: Option<u32>,
    /// Transfers that wait.
    pub open: u64,
    /// Those of them whose time is up.
    pub overdue: u64,
}

/// Who is late, and with how much.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Late {
    /// The office of this tier, or the receiver.
    pub who: String,
    /// What is owed.
    pub what: String,
    /// How many.
    pub cases: u64,
    /// Since when the first of them.
    pub since: Day,
}

impl Desk {
    /// Every case that is not closed, by its state.
    pub async fn open_loops(&self, person: &Person) -> Result<Vec<LoopRow>, DeskError> {
        permit::office_staff(person)?;
        self.in_room(person, LOOKING, |room| Ok(room.reader.open_loops(&room.here.areas, room.day)?)).await
    }

    /// How long each receiver takes, in working days of the calendar in force.
    pub async fn feedback_times(&self, person: &Person) -> Result<Vec<FeedbackTime>, DeskError> {
        permit::office_staff(person)?;
        self.in_room(person, LOOKING, |room| {
            let packs = room.reader.packs()?;
            let calendar = room.pack(&packs).map(|pack| pack.calendar.clone()).unwrap_or_default();
            let mut all: BTreeMap<(String, String), (FeedbackTime, Vec<u32>)> = BTreeMap::new();
            for row in room.reader.transfer_times(&room.here.areas)? {
                let entry = all.entry((row.who.clone(), row.to.clone())).or_default();
                let (time, taken) = (&mut entry.0, &mut entry.1);
                (time.who, time.to) = (row.who, row.to);
                match (row.ended_on, row.is_open) {
                    (_, true) => {
                        time.open += 1;
                        time.overdue += u64::from(row.due.is_some_and(|due| due < room.day));
                    }
                    (ended, false) => {
                        time.answered += 1;
                        taken.extend(row.sent_on.zip(ended).map(|(sent, ended)| calendar.between(sent, ended)));
                    }
                }
            }
            let mut rows: Vec<FeedbackTime> = all
                .into_values()
                .map(|(time, mut taken)| {
                    taken.sort_unstable();
                    FeedbackTime { median: taken.get(taken.len() / 2).copied(), longest: taken.last().copied(), ..time }
                })
                .collect();
            rows.sort_by(|a, b| (b.overdue, b.open, &a.to).cmp(&(a.overdue, a.open, &b.to)));
            Ok(rows)
        })
        .await
    }

    /// Who is late, the longest wait first.
    pub async fn late(&self, person: &Person) -> Result<Vec<Late>, DeskError> {
        permit::office_staff(person)?;
        self.in_room(person, LOOKING, |room| {
            let rows = room.reader.late(&room.here.areas, room.day)?;
            let late = |(who, what, cases, since): (String, String, u64, Day)| Late { who, what, cases, since };
            Ok(rows.into_iter().map(late).collect())
        })
        .await
    }
}
