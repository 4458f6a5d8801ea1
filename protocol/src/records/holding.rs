//! Categories that a household and its members hold (身份类别), each with its days, any number of them at a time.
//!
//! The household's own `type` (困难类别) is what the register says: one word without days. Beside it stands the list
//! `holdings`: who (a member, or the whole household), which category, from and until when, on what basis. What counts
//! on a day is both together, each word once: [`Household::categories_on`] is the one answer for searches, figures, the
//! roll of a month and conditions.
//!
//! Rows are evidence: what two offices add offline both stays, and the same row twice is one in what is shown. The list
//! begins with its first row, so records of older versions have none; where two offices begin it at the same time there
//! are two lists under the key, and both are read. A row names a member by the member's row; a file, which knows no
//! rows, by name, or by identity number where two have the name.

use super::day::Day;
use super::field::{decode_in, form, json_text};
use super::household::{Household, MEMBER, Member};
use super::idno::IdNo;
use super::import::HOLDINGS_MAX;
use super::{EditError, Fields, OpId, Problem, append_row, lists, rows, str_value};
use automerge::transaction::{Transactable as _, Transaction};
use automerge::{ObjType, ROOT, ReadDoc, ScalarValue};
use serde_json::{Map, Value};

/// The key of the list.
pub(crate) const HOLDINGS: &str = "holdings";

form! {
    /// A category that somebody of a household holds, or all of it.
    Holding, HOLDING {
        person: String, Text, "人员", blocks;
        category: String, Word(words::CATEGORY), "身份类别", blocks;
        from: Option<Day>, Day, "类别起", blocks;
        until: Option<Day>, Day, "类别止", blocks;
        basis: String, Text, "认定依据";
        note: String, Text, "类别说明";
    } and {
        /// The row's name; none before it is written.
        row: Option<OpId>,
    }
}

/// A stretch of days in which a category is held.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Held {
    /// The category, in the word it was written in.
    pub category: String,
    /// The member's row; empty: the whole household.
    pub person: String,
    /// The first day; none: open.
    pub first: Option<Day>,
    /// The last day; none: open.
    pub last: Option<Day>,
}

impl Held {
    /// Whether it is held on a day.
    pub fn on(&self, day: Day) -> bool {
        self.first.is_none_or(|first| first <= day) && self.last.is_none_or(|last| day <= last)
    }
}

/// The categories that are held on a day, each once, in the order of the rows.
pub fn words<'a>(held: impl IntoIterator<Item = &'a Held>, day: Day) -> Vec<&'a str> {
    let mut found: Vec<&str> = Vec::new();
    for held in held.into_iter().filter(|held| held.on(day)) {
        if !found.contains(&held.category.as_str()) {
            found.push(&held.category);
        }
    }
    found
}

impl Holding {
    /// The days on which the row itself says that it holds.
    pub fn holds_on(&self, day: Day) -> bool {
        self.from.is_none_or(|from| from <= day) && self.until.is_none_or(|until| day <= until)
    }

    /// Whether another row says the same.
    pub fn same(&self, other: &Holding) -> bool {
        let (own, others) = ((self.from, self.until), (other.from, other.until));
        self.person == other.person && self.category == other.category && own == others
    }

    fn overlaps(&self, other: &Holding) -> bool {
        let before = |last: Option<Day>, first: Option<Day>| last.zip(first).is_some_and(|(last, first)| last < first);
        !before(self.until, other.from) && !before(other.until, self.from)
    }
}

impl Household {
    /// Every stretch in which it, or somebody of it, holds a category: the register's own first. A member's ends with
    /// the member's leaving or death. Rows beyond [`HOLDINGS_MAX`] do not count: the record says so as a problem.
    pub fn held(&self) -> Vec<Held> {
        let main = Held { category: self.category.clone(), person: String::new(), first: None, last: None };
        let rows = self.holdings.iter().take(HOLDINGS_MAX).map(|row| {
            let gone = self.holder(row).and_then(|member| member.left.into_iter().chain(member.died).min());
            let last = row.until.into_iter().chain(gone.map(|day| day.plus(-1))).min();
            Held { category: row.category.clone(), person: row.person.clone(), first: row.from, last }
        });
        std::iter::once(main).chain(rows).filter(|held| !held.category.is_empty()).collect()
    }

    /// The categories that it, or somebody of it, holds on a day: each once, the register's own first.
    pub fn categories_on(&self, day: Day) -> Vec<String> {
        words(&self.held(), day).into_iter().map(str::to_owned).collect()
    }

    /// Those that the whole household holds.
    pub fn shared_categories_on(&self, day: Day) -> Vec<String> {
        let held = self.held();
        words(held.iter().filter(|held| held.person.is_empty()), day).into_iter().map(str::to_owned).collect()
    }

    /// Those that a member holds, as a part of the household too.
    pub fn categories_of(&self, member: &Member, day: Day) -> Vec<String> {
        let (held, own) = (self.held(), member.row.as_ref().map(ToString::to_string));
        let theirs = held.iter().filter(|held| held.person.is_empty() || Some(&held.person) == own.as_ref());
        words(theirs, day).into_iter().map(str::to_owned).collect()
    }

    /// The member that a row names; none: the whole household, or nobody who is in the record.
    pub fn holder(&self, holding: &Holding) -> Option<&Member> {
        let named = |member: &&Member| member.row.as_ref().is_some_and(|row| row.to_string() == holding.person);
        self.members.iter().find(named).filter(|_| !holding.person.is_empty())
    }

    /// A row as the household file writes it.
    pub fn holding_row(&self, holding: &Holding) -> Map<String, Value> {
        let mut json = holding.json.clone();
        if let Some(member) = self.holder(holding) {
            let unique = self.members.iter().filter(|other| other.name == member.name).count() == 1;
            let text = match member.id() {
                _ if unique && !member.name.is_empty() => member.name.clone(),
                Some(id) => id.long(),
                None => holding.person.clone(),
            };
            json.insert("person".to_owned(), text.into());
        }
        json
    }

    /// What does not fit together among the rows.
    pub(crate) fn check_holdings(&self, problems: &mut Vec<Problem>) {
        if self.holdings.len() > HOLDINGS_MAX {
            problems.push(Problem::new(HOLDINGS, format!("身份类别超过 {HOLDINGS_MAX} 行，后面的不计")));
        }
        for (i, row) in self.holdings.iter().take(HOLDINGS_MAX).enumerate() {
            let mut say = |field: &str, what: &str| problems.push(Problem::new(format!("{HOLDINGS}[{i}].{field}"), what));
            if row.category.is_empty() {
                say("category", "缺少身份类别");
            }
            if !row.person.is_empty() && self.holder(row).is_none() {
                say("person", NO_MEMBER);
            }
            if is_backwards(row.from, row.until) {
                say("until", BACKWARDS);
            }
            let like = |other: &&Holding| other.person == row.person && other.category == row.category;
            let mut before = self.holdings[..i].iter().filter(like);
            if before.any(|other| !other.same(row) && other.overlaps(row)) {
                say("from", "与本户另一行的日期重叠");
            }
        }
    }
}

/// Why a row's person is refused.
pub(crate) const NO_MEMBER: &str = "不是本户成员";
/// Why a row's days are refused.
pub(crate) const BACKWARDS: &str = "止日早于起日";

/// Whether the last day lies before the first.
pub(crate) fn is_backwards(from: Option<Day>, until: Option<Day>) -> bool {
    from.zip(until).is_some_and(|(from, until)| until < from)
}

/// A member as rows and files name them.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    /// The member's row; none: not written yet.
    pub row: Option<OpId>,
    name: String,
    id: Option<String>,
}

impl Person {
    /// From a member's fields, as the household file writes them.
    pub fn of(row: Option<OpId>, json: &Map<String, Value>) -> Person {
        let text = |name: &str| json.get(name).map(json_text).unwrap_or_default();
        Person { row, name: text("name"), id: IdNo::parse(&text("id_no")).ok().map(|id| id.long()) }
    }
}

/// The member that a text names: by row, by identity number, by name when one only has it.
pub(crate) fn find_person<'a>(people: &'a [Person], text: &str) -> Result<&'a Person, &'static str> {
    let text = text.trim();
    if let Some(found) = people.iter().find(|person| person.row.as_ref().is_some_and(|row| row.to_string() == text)) {
        return Ok(found);
    }
    let number = IdNo::parse(text).ok().map(|id| id.long());
    if let Some(found) = people.iter().find(|person| number.is_some() && person.id == number) {
        return Ok(found);
    }
    let mut named = people.iter().filter(|person| !text.is_empty() && person.name == text);
    match (named.next(), named.next()) {
        (Some(one), None) => Ok(one),
        (Some(_), Some(_)) => Err("有几名同名的成员，请写身份证号"),
        (None, _) => Err(NO_MEMBER),
    }
}

/// What a row keeps for a text that names a member: the member's row; nothing for an empty text.
pub(crate) fn person_value(doc: &impl ReadDoc, text: &str) -> Result<Option<ScalarValue>, EditError> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let members = lists(doc, "members").into_iter().flat_map(|list| rows(doc, &list));
    let people: Vec<Person> = members
        .map(|(map, op)| {
            let fields = Fields::of(doc, &map).0;
            let json = fields.into_iter().map(|(key, value)| (key.clone(), decode_in(MEMBER, &key, &value))).collect();
            Person::of(Some(op), &json)
        })
        .collect();
    let found = find_person(&people, text).ok().and_then(|person| person.row.as_ref());
    found.map(|row| Some(str_value(row.to_string()))).ok_or(EditError::Missing("members"))
}

/// Appends a row, beginning the list where there is none.
pub(crate) fn append(tx: &mut Transaction<'_>, person: &str, mut fields: Vec<(String, ScalarValue)>) -> Result<(), EditError> {
    if let Some(person) = person_value(tx, person)? {
        fields.insert(0, ("person".to_owned(), person));
    }
    if lists(tx, HOLDINGS).is_empty() {
        tx.put_object(ROOT, HOLDINGS, ObjType::List)?;
    }
    append_row(tx, HOLDINGS, fields)
}

#[cfg(test)]
#[path = "holding_tests.rs"]
mod tests;
