//! What the sources answered about a family's means (核对结果): one record for each request.
//!
//! It is begun by the office that asks, with whom and what it asks about and what the household had declared that
//! day; the city adds answers. Rows are only ever added: a later answer about the same thing counts instead of an
//! earlier one, and both stay. No village holds it (see `authority`); what villages may know is an event of the case.

use super::amount::Fen;
use super::cell::{Cell, words};
use super::day::Day;
use super::{Edit, Fields, OpId, Problem, SCHEMA, append_row, check_schema, child, edit, put_all, rows};
use crate::device::OfficeId;
use crate::record::CaseId;
use automerge::transaction::Transactable;
use automerge::{Automerge, ObjType, ROOT, ScalarValue};
use std::collections::BTreeMap;

/// What stands before the name of a supporter who is no member.
const SUPPORTER: &str = "s:";

words! {
    /// What a source says.
    Outcome {
        Found "found" "查得",
        Nothing "nothing" "无记录",
        Unavailable "unavailable" "无法提供",
    }
}

/// How a supporter outside the household is named in a request.
pub fn supporter(name: &str, relation: &str) -> String {
    format!("{SUPPORTER}{relation}:{name}")
}

/// Somebody whose means are asked about.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Asked {
    /// Who: the name of the member's row, or [`supporter`].
    pub person: String,
    /// The name.
    pub name: String,
}

impl Asked {
    /// Whether it is a supporter outside the household.
    pub fn is_supporter(&self) -> bool {
        self.person.starts_with(SUPPORTER)
    }
}

/// One answer of one source about one person.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Answer {
    /// Its name; none before it is written.
    pub id: Option<OpId>,
    /// About whom.
    pub person: String,
    /// The source (code).
    pub source: String,
    /// What it says.
    pub outcome: Outcome,
    /// What was looked for: a code of [`crate::difference::MEASURES`].
    pub measure: String,
    /// Which account, car, house; empty: the person's only one.
    pub subject: String,
    /// How much, where it has an amount.
    pub amount: Option<Fen>,
    /// How many, where it counts things.
    pub count: Option<u32>,
    /// In words.
    pub text: String,
    /// The day the source's data are of.
    pub as_of: Day,
    /// The day it was written down.
    pub day: Option<Day>,
    /// By which office.
    pub by: OfficeId,
    /// By whom: the staff id.
    pub staff: String,
    /// By whom: the name.
    pub name: String,
}

impl Answer {
    /// Whether it says the same: then there is nothing to add.
    pub fn says_the_same(&self, other: &Answer) -> bool {
        let said = |it: &Answer| Answer {
            id: None,
            day: None,
            by: OfficeId(0),
            staff: String::new(),
            name: String::new(),
            ..it.clone()
        };
        said(self) == said(other)
    }

    /// What it is about; of two answers about the same thing the later counts.
    fn thing(&self) -> (&str, &str, &str, &str) {
        (&self.person, &self.source, &self.measure, &self.subject)
    }

    fn give(&self) -> Vec<(String, ScalarValue)> {
        let mut out = Vec::new();
        self.person.give("person", &mut out);
        self.source.give("source", &mut out);
        self.outcome.give("outcome", &mut out);
        self.measure.give("measure", &mut out);
        self.subject.give("subject", &mut out);
        self.amount.give("amount", &mut out);
        self.count.give("count", &mut out);
        self.text.give("text", &mut out);
        self.as_of.give("as_of", &mut out);
        self.day.give("day", &mut out);
        self.by.0.give("by", &mut out);
        self.staff.give("staff", &mut out);
        self.name.give("name", &mut out);
        out
    }

    fn take(id: OpId, fields: &mut Fields) -> Option<Answer> {
        Some(Answer {
            id: Some(id),
            person: fields.text("person"),
            source: fields.text("source"),
            outcome: Cell::take("outcome", fields)?,
            measure: fields.text("measure"),
            subject: fields.text("subject"),
            amount: Cell::take("amount", fields)?,
            count: Cell::take("count", fields)?,
            text: fields.text("text"),
            as_of: Cell::take("as_of", fields)?,
            day: Cell::take("day", fields)?,
            by: OfficeId(Cell::take("by", fields)?),
            staff: fields.text("staff"),
            name: fields.text("name"),
        })
    }
}

/// How far one source is about one person.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, serde::Serialize)]
pub enum Reply {
    /// It has not answered.
    Waiting,
    /// It has nothing, and its data are of this day.
    Nothing(Day),
    /// It has something, and its data are of this day.
    Found(Day),
    /// It can't answer.
    Unavailable,
}

impl Reply {
    /// The Chinese name on screens; no figures.
    pub fn label(self) -> &'static str {
        match self {
            Reply::Waiting => "待答复",
            Reply::Nothing(_) => "无记录",
            Reply::Found(_) => "有记录",
            Reply::Unavailable => "无法提供",
        }
    }
}

/// A request and what was answered.
#[derive(Clone, PartialEq, Eq, Debug, Default, serde::Serialize)]
pub struct Verification {
    /// The case, 32 hexadecimal digits.
    pub case: String,
    /// The number of the request.
    pub number: String,
    /// Whom it asks about.
    pub people: Vec<Asked>,
    /// Which sources it asks (codes).
    pub sources: Vec<String>,
    /// What the household had declared that day, by measure: fen, or how many.
    pub declared: BTreeMap<String, i64>,
    /// The answers, in list order.
    pub answers: Vec<Answer>,
    /// What could not be read.
    pub problems: Vec<Problem>,
}

impl Verification {
    /// The record that a request begins.
    pub fn begin(
        case: &CaseId,
        number: &str,
        people: Vec<Asked>,
        sources: Vec<String>,
        declared: BTreeMap<String, i64>,
    ) -> Verification {
        Verification { case: case.to_string(), number: number.to_owned(), people, sources, declared, ..Verification::default() }
    }

    /// Begins it.
    pub fn create(&self) -> Edit {
        let mut scalars = vec![("schema".to_owned(), ScalarValue::Uint(SCHEMA))];
        self.case.give("case", &mut scalars);
        self.number.give("number", &mut scalars);
        self.sources.give("sources", &mut scalars);
        let (people, declared) = (self.people.clone(), self.declared.clone());
        edit(move |tx| {
            put_all(tx, &ROOT, scalars)?;
            for list in ["people", "declared", "answers"] {
                tx.put_object(ROOT, list, ObjType::List)?;
            }
            for asked in people {
                let mut row = Vec::new();
                asked.person.give("person", &mut row);
                asked.name.give("name", &mut row);
                append_row(tx, "people", row)?;
            }
            for (measure, value) in declared {
                let mut row = Vec::new();
                measure.give("measure", &mut row);
                Fen(value).give("value", &mut row);
                append_row(tx, "declared", row)?;
            }
            Ok(())
        })
    }

    /// Reads it.
    pub fn read(doc: &Automerge) -> Verification {
        let mut problems = Vec::new();
        let mut root = Fields::of(doc, &ROOT);
        check_schema(&mut root, &mut problems);
        let list = |key: &'static str| -> Vec<(OpId, Fields)> {
            let list = child(doc, &ROOT, key, ObjType::List);
            list.map(|list| rows(doc, &list))
                .unwrap_or_default()
                .into_iter()
                .map(|(map, id)| (id, Fields::of(doc, &map)))
                .collect()
        };
        let people = list("people").into_iter();
        let people = people.map(|(_, mut row)| Asked { person: row.text("person"), name: row.text("name") }).collect();
        let declared = list("declared").into_iter();
        let declared = declared.filter_map(|(_, mut row)| Some((row.text("measure"), row.number("value")?))).collect();
        let mut answers = Vec::new();
        for (number, (id, mut row)) in list("answers").into_iter().enumerate() {
            match Answer::take(id, &mut row) {
                Some(answer) => answers.push(answer),
                None => problems.push(Problem::new(format!("answers[{number}]"), "这一答复无法读取")),
            }
        }
        let sources = Cell::take("sources", &mut root).unwrap_or_default();
        Verification { case: root.text("case"), number: root.text("number"), people, sources, declared, answers, problems }
    }

    /// Whether it asks this source about this person.
    pub fn asks(&self, person: &str, source: &str) -> bool {
        self.people.iter().any(|asked| asked.person == person) && self.sources.iter().any(|code| code == source)
    }

    /// The answers that count, whatever came first: of each thing the one with the latest data, then the last written.
    pub fn live(&self) -> Vec<&Answer> {
        let mut live: BTreeMap<_, &Answer> = BTreeMap::new();
        for answer in &self.answers {
            let later = |known: &&Answer| (known.as_of, &known.id) < (answer.as_of, &answer.id);
            if live.get(&answer.thing()).is_none_or(later) {
                live.insert(answer.thing(), answer);
            }
        }
        live.into_values().collect()
    }

    /// How far a source is about a person.
    pub fn reply(&self, person: &str, source: &str) -> Reply {
        let about = self.live().into_iter().filter(|answer| answer.person == person && answer.source == source);
        let one = |answer: &Answer| match answer.outcome {
            Outcome::Found => Reply::Found(answer.as_of),
            Outcome::Nothing => Reply::Nothing(answer.as_of),
            Outcome::Unavailable => Reply::Unavailable,
        };
        let rank = |reply: &Reply| match reply {
            Reply::Waiting => (0, None),
            Reply::Unavailable => (1, None),
            Reply::Nothing(day) => (2, Some(*day)),
            Reply::Found(day) => (3, Some(*day)),
        };
        about.map(one).max_by_key(rank).unwrap_or(Reply::Waiting)
    }

    /// The pairs of person and source without an answer.
    pub fn waiting(&self) -> impl Iterator<Item = (&Asked, &str)> {
        let pairs = self.people.iter().flat_map(|asked| self.sources.iter().map(move |source| (asked, source.as_str())));
        pairs.filter(|(asked, source)| self.reply(&asked.person, source) == Reply::Waiting)
    }
}

/// Adds answers; those it holds already are the caller's to leave out.
pub fn answer(answers: &[Answer]) -> Edit {
    let rows: Vec<_> = answers.iter().map(Answer::give).collect();
    edit(move |tx| rows.into_iter().try_for_each(|row| append_row(tx, "answers", row)))
}

#[cfg(test)]
mod tests {
    use super::super::run;
    use super::*;
    use automerge::ActorId;

    pub(crate) fn found(person: &str, source: &str, measure: &str, amount: i64, as_of: &str) -> Answer {
        Answer {
            id: None,
            person: person.into(),
            source: source.into(),
            outcome: Outcome::Found,
            measure: measure.into(),
            subject: String::new(),
            amount: Some(Fen(amount)),
            count: None,
            text: String::new(),
            as_of: Day::parse(as_of).expect("a day"),
            day: None,
            by: OfficeId(1),
            staff: "z".into(),
            name: "张某".into(),
        }
    }

    #[test]
    fn what_was_asked_and_answered_reads_back_and_a_correction_keeps_the_old_answer() {
        let asked = |person: &str| Asked { person: person.into(), name: format!("{person}某") };
        let declared = [("存款".to_owned(), 10_000)].into();
        let people = vec![asked("1@aa"), asked(&supporter("丁", "姐姐"))];
        let begun = Verification::begin(&CaseId([7; 16]), "HD1", people, vec!["银行".into()], declared);
        assert!(begun.people[1].is_supporter() && !begun.people[0].is_supporter());
        let mut doc = Automerge::new().with_actor(ActorId::from([1; 16]));
        run(&mut doc, begun.create()).expect("begins");
        assert_eq!(Verification::read(&doc), begun);
        assert_eq!(begun.waiting().count(), 2);

        run(&mut doc, answer(&[found("1@aa", "银行", "存款", 500, "2026-06-01")])).expect("answers");
        run(&mut doc, answer(&[found("1@aa", "银行", "存款", 700, "2026-06-01")])).expect("answers");
        let read = Verification::read(&doc);
        assert_eq!((read.answers.len(), read.live().len(), read.live()[0].amount), (2, 1, Some(Fen(700))));
        assert!(read.answers[0].says_the_same(&found("1@aa", "银行", "存款", 500, "2026-06-01")));
        assert_eq!(read.waiting().count(), 1);
        let nothing = Answer { outcome: Outcome::Nothing, amount: None, ..found("1@aa", "银行", "存款", 0, "2026-06-02") };
        run(&mut doc, answer(&[nothing])).expect("answers");
        let day = Day::parse("2026-06-02").expect("a day");
        assert_eq!(Verification::read(&doc).reply("1@aa", "银行"), Reply::Nothing(day));
    }
}
