//! The means test of a household, on what its record says today and the policy pack in force.

use super::model::Person;
use super::outcome::DeskError;
use super::{Desk, LOOKING, permit};
use shouwang_protocol::means::{Means, assess};
use shouwang_protocol::record::RecordId;
use shouwang_protocol::records::day::Day;

/// What a person sees of a household's means.
#[derive(Clone, Debug)]
pub struct MeansPage {
    /// The head's name.
    pub head: String,
    /// Where it lives.
    pub place: String,
    /// The categories it is registered under, with 、 between.
    pub category: String,
    /// The policy pack.
    pub pack: String,
    /// The day it was assessed for.
    pub on: Day,
    /// The assessment.
    pub means: Means,
}

impl Desk {
    /// Assesses the means of a household. Not a decision.
    pub async fn means(&self, person: &Person, record: RecordId) -> Result<MeansPage, DeskError> {
        permit::office_staff(person)?;
        self.in_room(person, LOOKING, move |room| {
            let found = room.household(&record)?;
            let packs = room.reader.packs()?;
            let pack = room.pack(&packs).ok_or_else(|| DeskError::not_found("政策包"))?;
            let household = &found.household;
            Ok(MeansPage {
                head: household.head.clone(),
                place: room.place_name(found.place.area),
                category: household.shared_categories_on(room.day).join("、"),
                pack: pack.version.clone(),
                on: room.day,
                means: assess(pack, household, room.day),
            })
        })
        .await
    }
}
