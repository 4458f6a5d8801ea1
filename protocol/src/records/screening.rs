//! What an office found about a household that may have been missed (遗漏排查): one outcome for each kind of assistance.
//!
//! It stands in the household's record, as one text for each kind, so that every office that holds the household has
//! it. The outcome names what it was based on; when the data it follows from change, it no longer answers.

use super::cell::words;
use super::day::Day;
use super::{Edit, EditError, edit, text_of};
use automerge::transaction::Transactable;
use automerge::{ROOT, ScalarValue};
use serde::{Deserialize, Serialize};

words! {
    /// What came of a household that may have been missed.
    Screened {
        Applied "applied" "已申请",
        Declined "declined" "家庭不申请",
        NotEligible "not-eligible" "不符合条件",
        Later "later" "下月再看",
    }
}

/// The keys of the root under which outcomes stand: this and the kind's code.
pub(crate) const PREFIX: &str = "screened:";

/// An outcome.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Screening {
    /// What came of it, as a word of [`Screened`].
    pub outcome: String,
    /// Why.
    #[serde(default)]
    pub note: String,
    /// What it was based on.
    pub basis: String,
    /// The day.
    pub day: Day,
    /// Who.
    pub name: String,
    /// Of which office.
    pub office: String,
}

impl Screening {
    /// What came of it; none when a newer version wrote it.
    pub fn outcome(&self) -> Option<Screened> {
        Screened::from_word(&self.outcome)
    }

    /// Whether it still answers on `today` what follows from `basis`. What was put off comes again the next month.
    pub fn answers(&self, basis: &str, today: Day) -> bool {
        let month = |day: Day| (day.ymd().0, day.ymd().1);
        self.basis == basis && (self.outcome() != Some(Screened::Later) || month(self.day) == month(today))
    }

    pub(crate) fn read(value: &ScalarValue) -> Option<Screening> {
        serde_json::from_str(&text_of(value)).ok()
    }

    /// Writes it down.
    pub fn note(self, kind: &str) -> Edit {
        let key = format!("{PREFIX}{kind}");
        edit(move |tx| {
            let text = serde_json::to_string(&self).map_err(|_| EditError::Missing("outcome"))?;
            Ok(tx.put(ROOT, key, text)?)
        })
    }
}
