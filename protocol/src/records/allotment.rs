//! Emergency allotments (急难备用金) and their uses, as records.
//!
//! The city grants an amount to one device of a township; it may add to it or close it, and never takes from it, so
//! that what was given while it stood stays right. A use is a record of its own in the log of that device, in the
//! township's area and above the village's floor. What counts is [`crate::allotment`]'s to say.

use super::amount::Fen;
use super::cell::Cell;
use super::day::Day;
use super::{Edit, Fields, Problem, SCHEMA, append_row, check_schema, child, edit, put_all, rows};
use crate::device::DeviceKey;
use crate::record::{CaseId, RecordId};
use automerge::transaction::Transactable;
use automerge::{Automerge, ObjType, ROOT, ScalarValue};

/// Amounts added to one allotment that are read.
pub const RAISES_MAX: usize = 1_000;

/// An amount the city put into an allotment.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Raise {
    /// How much.
    pub amount: Fen,
    /// Why.
    pub note: String,
    /// The day.
    pub day: Option<Day>,
    /// Who.
    pub name: String,
}

impl Raise {
    fn scalars(&self) -> Vec<(String, ScalarValue)> {
        let mut out = Vec::new();
        self.amount.give("amount", &mut out);
        self.note.give("note", &mut out);
        self.day.give("day", &mut out);
        self.name.give("name", &mut out);
        out
    }
}

/// An allotment as the city wrote it.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Allotment {
    /// The device that may use it.
    pub device: DeviceKey,
    /// The fund it comes from.
    pub fund: String,
    /// The first day.
    pub from: Day,
    /// The last day.
    pub until: Day,
    /// What was put in, in the order it is written.
    pub raises: Vec<Raise>,
    /// Why it was closed; empty: it is open.
    pub closed: String,
    /// What could not be read.
    pub problems: Vec<Problem>,
}

impl Allotment {
    /// Reads an allotment; none when its device or days cannot be read.
    pub fn read(doc: &Automerge) -> Option<Allotment> {
        let mut fields = Fields::of(doc, &ROOT);
        let mut problems = Vec::new();
        check_schema(&mut fields, &mut problems);
        let list = child(doc, &ROOT, "raises", ObjType::List);
        let raise = |(row, _)| {
            let mut fields = Fields::of(doc, &row);
            Some(Raise {
                amount: Cell::take("amount", &mut fields)?,
                note: fields.text("note"),
                day: Day::parse(&fields.text("day")),
                name: fields.text("name"),
            })
        };
        let raises = list.map(|list| rows(doc, &list).into_iter().take(RAISES_MAX).filter_map(raise).collect());
        let device: [u8; 32] = crate::hash::unhex(&fields.text("device"))?.try_into().ok()?;
        Some(Allotment {
            device: DeviceKey(device),
            fund: fields.text("fund"),
            from: Day::parse(&fields.text("from"))?,
            until: Day::parse(&fields.text("until"))?,
            raises: raises.unwrap_or_default(),
            closed: fields.text("closed"),
            problems,
        })
    }

    /// All that was put in.
    pub fn amount(&self) -> Fen {
        let added = self.raises.iter().filter(|raise| raise.amount > Fen(0));
        added.fold(Fen(0), |sum, raise| Fen(sum.0.saturating_add(raise.amount.0)))
    }

    /// Whether it may be used on `day`.
    pub fn is_open(&self, day: Day) -> bool {
        self.closed.is_empty() && self.from <= day && day <= self.until
    }
}

/// Grants an allotment.
pub fn grant(allotment: &Allotment) -> Edit {
    let mut scalars = vec![("schema".to_owned(), ScalarValue::Uint(SCHEMA))];
    crate::hash::hex(&allotment.device.0).give("device", &mut scalars);
    allotment.fund.give("fund", &mut scalars);
    Some(allotment.from).give("from", &mut scalars);
    Some(allotment.until).give("until", &mut scalars);
    let raises: Vec<_> = allotment.raises.iter().map(Raise::scalars).collect();
    edit(move |tx| {
        put_all(tx, &ROOT, scalars)?;
        tx.put_object(ROOT, "raises", ObjType::List)?;
        raises.into_iter().try_for_each(|raise| append_row(tx, "raises", raise))
    })
}

/// Puts more into it.
pub fn raise(raise: &Raise) -> Edit {
    let scalars = raise.scalars();
    edit(move |tx| append_row(tx, "raises", scalars))
}

/// Closes it: no honest device that knows of this uses it any more.
pub fn close(reason: String) -> Edit {
    edit(move |tx| Ok(tx.put(ROOT, "closed", reason)?))
}

/// A use of an allotment as it was written.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Use {
    /// The allotment.
    pub allotment: RecordId,
    /// Its number among the uses that the device knew of, from 1 on.
    pub number: u64,
    /// Its name, which the case's event carries.
    pub use_id: String,
    /// The case.
    pub case: CaseId,
    /// How much.
    pub amount: Fen,
    /// The day.
    pub day: Day,
    /// Who.
    pub name: String,
}

impl Use {
    /// Reads a use as it was when it was created: what anybody wrote into it afterwards says nothing.
    pub fn read(doc: &Automerge) -> Option<Use> {
        let first = doc.get_changes(&[]).into_iter().find(|change| change.deps().is_empty())?;
        let doc = doc.fork_at(&[first.hash()]).ok()?;
        let mut fields = Fields::of(&doc, &ROOT);
        Some(Use {
            allotment: RecordId::parse(&fields.text("allotment"))?,
            number: fields.number("number").and_then(|number| u64::try_from(number).ok())?,
            use_id: fields.text("use_id"),
            case: CaseId::parse(&fields.text("case"))?,
            amount: Cell::take("amount", &mut fields)?,
            day: Day::parse(&fields.text("day"))?,
            name: fields.text("name"),
        })
    }
}

/// Writes a use.
pub fn take(used: &Use) -> Edit {
    let mut scalars = vec![("schema".to_owned(), ScalarValue::Uint(SCHEMA))];
    used.allotment.to_string().give("allotment", &mut scalars);
    scalars.push(("number".to_owned(), ScalarValue::Uint(used.number)));
    used.use_id.give("use_id", &mut scalars);
    used.case.to_string().give("case", &mut scalars);
    used.amount.give("amount", &mut scalars);
    Some(used.day).give("day", &mut scalars);
    used.name.give("name", &mut scalars);
    edit(move |tx| put_all(tx, &ROOT, scalars))
}

#[cfg(test)]
mod tests {
    use super::super::run;
    use super::*;
    use crate::hash::Hash;
    use automerge::ActorId;

    fn day(text: &str) -> Day {
        Day::parse(text).expect("a day")
    }

    #[test]
    fn an_allotment_is_added_to_and_closed_and_never_made_smaller() {
        let put =
            |amount| Raise { amount: Fen(amount), note: "年初".into(), day: Some(day("2026-01-05")), name: "陶某".into() };
        let allotment = Allotment {
            device: DeviceKey([3; 32]),
            fund: "市级临时救助资金".into(),
            from: day("2026-01-01"),
            until: day("2026-12-31"),
            raises: vec![put(500_000)],
            closed: String::new(),
            problems: Vec::new(),
        };
        let mut doc = Automerge::new().with_actor(ActorId::from([1; 16]));
        run(&mut doc, grant(&allotment)).expect("grants");
        assert_eq!(Allotment::read(&doc), Some(allotment));
        run(&mut doc, raise(&put(200_000))).expect("adds");
        run(&mut doc, raise(&put(-600_000))).expect("writes");
        let read = Allotment::read(&doc).expect("reads");
        assert_eq!((read.amount(), read.raises.len()), (Fen(700_000), 3), "a negative amount takes nothing away");
        assert!(read.is_open(day("2026-12-31")) && !read.is_open(day("2027-01-01")));
        run(&mut doc, close("年度结束".into())).expect("closes");
        assert!(!Allotment::read(&doc).expect("reads").is_open(day("2026-06-01")));
    }

    #[test]
    fn a_use_says_for_ever_what_it_said_first() {
        let used = Use {
            allotment: RecordId(Hash([5; 32])),
            number: 1,
            use_id: CaseId([9; 16]).to_string(),
            case: CaseId([7; 16]),
            amount: Fen(50_000),
            day: day("2026-06-01"),
            name: "王某".into(),
        };
        let mut doc = Automerge::new().with_actor(ActorId::from([1; 16]));
        run(&mut doc, take(&used)).expect("takes");
        assert_eq!(Use::read(&doc), Some(used.clone()));
        let mut other = doc.fork().with_actor(ActorId::from([2; 16]));
        run(&mut other, edit(|tx| Ok(tx.put(ROOT, "amount", 1)?))).expect("writes");
        assert_eq!(Use::read(&other), Some(used));
    }
}
