//! A village's sign-off of a month (月度更新签认): somebody there says that its households were gone through.
//!
//! One record for each time somebody signs; it is never changed. It holds the figures and a digest over what the
//! records said at the end of the month, so that everybody can see later whether it was this that was signed.

use super::cell::Cell;
use super::day::Day;
use super::{Edit, Fields, SCHEMA, check_schema, edit, put_all};
use crate::device::OfficeId;
use automerge::transaction::Transactable;
use automerge::{Automerge, ROOT, ScalarValue};

/// What was signed.
#[derive(Clone, PartialEq, Eq, Debug, Default, serde::Serialize)]
pub struct SignOff {
    /// The month, `2026-10`.
    pub month: String,
    /// Households registered at its end.
    pub households: u32,
    /// People who live in them.
    pub people: u32,
    /// Households that came (新增).
    pub came: u32,
    /// Households that left (退出).
    pub left: u32,
    /// Households whose data changed (变更).
    pub changed: u32,
    /// The others (不变).
    pub unchanged: u32,
    /// Over what the records said, in hexadecimal digits.
    pub digest: String,
    /// In words.
    pub note: String,
    /// The office.
    pub office: u32,
    /// The staff id.
    pub staff: String,
    /// The name.
    pub name: String,
    /// The day it was signed.
    pub day: Option<Day>,
}

impl SignOff {
    /// Reads one; what can't be read is empty.
    pub fn read(doc: &Automerge) -> SignOff {
        let mut fields = Fields::of(doc, &ROOT);
        check_schema(&mut fields, &mut Vec::new());
        let mut count = |key: &str| u32::try_from(fields.number(key).unwrap_or_default()).unwrap_or_default();
        let (households, people, came, left) = (count("households"), count("people"), count("came"), count("left"));
        let (changed, unchanged, office) = (count("changed"), count("unchanged"), count("office"));
        SignOff {
            households,
            people,
            came,
            left,
            changed,
            unchanged,
            office,
            month: fields.text("month"),
            digest: fields.text("digest"),
            note: fields.text("note"),
            staff: fields.text("staff"),
            name: fields.text("name"),
            day: Day::parse(&fields.text("day")),
        }
    }

    /// The office that signed.
    pub fn by(&self) -> OfficeId {
        OfficeId(self.office)
    }

    /// Writes a new record.
    pub fn create(&self) -> Edit {
        let mut values: Vec<(String, ScalarValue)> = Vec::new();
        for (key, number) in [
            ("households", self.households),
            ("people", self.people),
            ("came", self.came),
            ("left", self.left),
            ("changed", self.changed),
            ("unchanged", self.unchanged),
            ("office", self.office),
        ] {
            number.give(key, &mut values);
        }
        for (key, text) in
            [("month", &self.month), ("digest", &self.digest), ("note", &self.note), ("staff", &self.staff), ("name", &self.name)]
        {
            text.give(key, &mut values);
        }
        self.day.give("day", &mut values);
        edit(move |tx| {
            tx.put(ROOT, "schema", SCHEMA)?;
            put_all(tx, &ROOT, values)
        })
    }
}
