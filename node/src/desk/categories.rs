//! Households by category, and the words that a list may be narrowed to.

use super::model::Person;
use super::outcome::DeskError;
use super::statistics::{Published, Question, publish};
use super::{Desk, LOOKING, Room, permit};
use crate::store::reader::{CategoryCount, Figure};
use serde::Serialize;
use shouwang_protocol::area::AreaId;
use shouwang_protocol::records::day::Day;

/// How many households hold each category on a day.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Categories {
    /// The day.
    pub on: Day,
    /// The area; none: all that the office covers.
    #[serde(skip)]
    pub area: Option<AreaId>,
    /// The households of each category, the most first; those of none, last, under an empty word.
    pub rows: Published<CategoryCount>,
    /// All of the lines: a household counts in each category that it holds.
    pub sum: u64,
    /// The households, each once.
    pub households: Published<u64>,
}

impl Room<'_> {
    /// The categories at the end of a question's period, at the latest today.
    pub(super) fn categories(&self, question: &Question) -> Result<Categories, DeskError> {
        let on = question.period.days().map_or(self.day, |(_, last)| last.min(self.day));
        let within = self.scope(question.area)?;
        let as_of = self.known(&within)?;
        let found: Figure<CategoryCount> = self.reader.households_by_category(&within, on)?;
        Ok(Categories {
            on,
            area: question.area,
            sum: found.rows.iter().map(|row| row.households).sum(),
            rows: publish(found, &as_of, |row| row),
            households: publish(self.reader.households_once(&within)?, &as_of, |count| count),
        })
    }
}

impl Desk {
    /// The categories that a list may be narrowed to: the pack's names, then the other words that stand in records here.
    pub async fn category_words(&self, person: &Person) -> Result<Vec<String>, DeskError> {
        permit::office_staff(person)?;
        self.in_room(person, LOOKING, |room| {
            let packs = room.reader.packs()?;
            let mut words: Vec<String> =
                room.pack(&packs).map(|pack| pack.categories.iter().map(|it| it.name.clone()).collect()).unwrap_or_default();
            for word in room.reader.category_words()? {
                if !words.contains(&word) {
                    words.push(word);
                }
            }
            Ok(words)
        })
        .await
    }
}
