//! From sheets to rows of the household file: which rows are one household, and what each cell says.
//!
//! A household is known by its id (户编号), else by the head's identity number, else by a row 户主 with which it begins;
//! a row that names none of them belongs to the household above it, as under merged cells. Where the rows of one
//! household disagree about something that money or identity depends on, the household is refused; about anything
//! else, the further value is kept with the row that said it. Nothing of a table is dropped in silence: what is not
//! read is told in [`Tables::notes`].

use super::headers::{self, Head, Kind, Target};
use super::{Cell, Sheet, TableError};
use serde_json::{Map, Value};
use shouwang_protocol::records::field::Field;
use shouwang_protocol::records::idno::{IdNo, normalise};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Notes about a file at most.
const NOTES_MAX: usize = 40;
/// How registers write the word for the head.
const HEAD_WORDS: &[&str] =
    &["户主", "本人", "户主本人", "本人（户主）", "本人(户主)", "户主（本人）", "户主(本人)", "申请人", "申请人本人"];

/// Where something stood: which sheet, which line.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
struct Origin {
    sheet: usize,
    line: u64,
}

/// A household as the table has it: a row of the household file, and what could not be read.
#[derive(Clone, PartialEq, Debug)]
pub struct Row {
    heads: Arc<Vec<Head>>,
    root: Origin,
    members: Vec<Origin>,
    aid: Vec<Origin>,
    holdings: Vec<Origin>,
    /// The row.
    pub json: Map<String, Value>,
    /// Fields that could not be read, and why.
    pub faults: Vec<(String, String)>,
}

/// Where a field of a row stands in the file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Spot {
    /// The line, from 1.
    pub line: u64,
    /// The sheet; none in a `.csv`.
    pub sheet: Option<String>,
    /// The column's header, when it has one.
    pub header: Option<String>,
}

/// What a table file holds.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Tables {
    /// The households.
    pub rows: Vec<Row>,
    /// What was not read, or was read in a way that a person should know.
    pub notes: Vec<String>,
}

impl Row {
    /// The line it begins at.
    pub fn line(&self) -> u64 {
        self.root.line
    }

    /// Where a field stands: `head`, `members[2].id_no`.
    pub fn locate(&self, field: &str) -> Spot {
        let (list, rest) = field.split_once('[').unwrap_or(("", field));
        let (at, name) = rest.split_once(']').unwrap_or(("", rest));
        let at = at.parse::<usize>().ok();
        let origins = match list {
            "members" => Some(&self.members),
            "aid" => Some(&self.aid),
            "holdings" => Some(&self.holdings),
            _ => None,
        };
        let origin = origins.and_then(|origins| origins.get(at?)).copied().unwrap_or(self.root);
        let head = self.heads.get(origin.sheet);
        let name = name.trim_start_matches('.');
        let of_list = |target: &Target| match target {
            Target::Household(field) => list.is_empty() && field.name == name,
            Target::Member(field) => !matches!(list, "aid" | "holdings") && field.name == name,
            Target::Aid(field) => list == "aid" && field.name == name,
            Target::Holding(field) => list == "holdings" && field.name == name,
            Target::Shared => list == "holdings" && name == "category",
            Target::Other(other) | Target::OtherOfHousehold(other) => other == name,
            Target::Nothing => false,
        };
        // The head's row of a table of households: its name and number stand in the household's columns. Whoever holds a
        // category is named by the columns of the member.
        let of_head = |target: &Target| match target {
            Target::Member(field) => (list, name) == ("holdings", "person") && matches!(field.name, "id_no" | "name"),
            Target::Household(field) => matches!((field.name, name), ("head", "name") | ("head_id_no", "id_no")),
            _ => false,
        };
        let columns = head.map(|head| head.columns.as_slice()).unwrap_or_default();
        let found = columns.iter().find(|(_, target)| of_list(target));
        let found = found.or_else(|| columns.iter().find(|(_, target)| of_head(target)));
        Spot {
            line: origin.line,
            sheet: head.map(|head| head.sheet.clone()).filter(|sheet| !sheet.is_empty()),
            header: found.map(|(header, _)| header.clone()),
        }
    }
}

/// A household that rows are gathered into.
#[derive(Default)]
struct Group {
    root: Origin,
    json: Map<String, Value>,
    // What a row of a household says about the head.
    head: Map<String, Value>,
    members: Vec<(Origin, Map<String, Value>)>,
    aid: Vec<(Origin, Map<String, Value>)>,
    holdings: Vec<(Origin, Map<String, Value>)>,
    // Whether a row was about the household or a member of it.
    listed: bool,
    faults: Vec<(String, String)>,
}

/// One line, read.
#[derive(Default)]
struct Line {
    household: Vec<(&'static Field, String, Value)>,
    member: Map<String, Value>,
    aid: Map<String, Value>,
    // Fields of a category as they stand in the cells, with their headers; and the whole household's words.
    holding: Vec<(&'static Field, String, Value)>,
    shared: String,
    other: Map<String, Value>,
    other_of_household: Map<String, Value>,
    faults: Vec<(u8, String, String)>,
}

struct Reading {
    loose: bool,
    groups: Vec<Group>,
    // By id, and by the head's number.
    by_id: BTreeMap<String, usize>,
    by_number: BTreeMap<String, usize>,
    unknown: BTreeSet<String>,
}

fn text_of(value: Option<&Value>) -> String {
    value.and_then(Value::as_str).unwrap_or_default().trim().to_owned()
}

fn comparable(number: &str) -> String {
    IdNo::parse(number).map_or_else(|_| normalise(number), |id| id.long())
}

fn is_head(member: &Map<String, Value>) -> bool {
    HEAD_WORDS.contains(&text_of(member.get("relation")).as_str())
}

/// Reads sheets into households. `loose`: the file has no types.
pub(super) fn read(sheets: Vec<Sheet>, loose: bool) -> Result<Tables, TableError> {
    let mut notes = Vec::new();
    let (mut heads, mut bodies) = (Vec::new(), Vec::new());
    for sheet in sheets {
        match headers::find_head(&sheet.name, &sheet.rows) {
            Some(head) => {
                heads.push(head);
                bodies.push(sheet.rows);
            }
            None if sheet.rows.is_empty() => {}
            None => notes.push(format!("工作表“{}”没有认得的表头，没有读入", sheet.name)),
        }
    }
    if heads.is_empty() {
        return Err(TableError::NoHeader);
    }
    let mut reading =
        Reading { loose, groups: Vec::new(), by_id: BTreeMap::new(), by_number: BTreeMap::new(), unknown: BTreeSet::new() };
    // Households first, then their members, then payments and categories.
    for kind in [Kind::Household, Kind::Member, Kind::Aid, Kind::Holding] {
        for (number, (head, rows)) in heads.iter().zip(&bodies).enumerate().filter(|(_, (head, _))| head.kind == kind) {
            reading.sheet(number, head, rows);
        }
    }
    let apart = [Kind::Household, Kind::Member].iter().all(|kind| heads.iter().any(|head| head.kind == *kind));
    let unknown: Vec<&str> = reading.unknown.iter().map(String::as_str).take(NOTES_MAX).collect();
    if !unknown.is_empty() {
        notes.push(format!("不认得的栏目按原样存入“其他”：{}", unknown.join("、")));
    }
    notes.truncate(NOTES_MAX);
    let heads = Arc::new(heads);
    let rows = reading.groups.into_iter().map(|group| group.finish(heads.clone(), apart)).collect();
    Ok(Tables { rows, notes })
}

impl Reading {
    fn sheet(&mut self, number: usize, head: &Head, rows: &[(u64, Vec<Cell>)]) {
        let has = |wanted: &str| {
            head.columns.iter().any(|(_, target)| match target {
                Target::Household(field) => field.name == wanted,
                Target::Member(field) => field.name == "relation" && wanted == "relation",
                _ => false,
            })
        };
        let keyed = ["id", "head", "head_id_no", "relation"].iter().any(|name| has(name));
        let mut above = None;
        for (line, cells) in rows.iter().skip(head.below) {
            if repeats(head, cells) || is_total(cells) {
                continue;
            }
            let read = self.line(head, cells);
            let origin = Origin { sheet: number, line: *line };
            let at = self.group(head.kind, &read, keyed, above, origin);
            above = Some(at);
            self.groups[at].take(origin, head.kind, read);
        }
    }

    fn line(&mut self, head: &Head, cells: &[Cell]) -> Line {
        let mut line = Line::default();
        for (column, cell) in cells.iter().enumerate().filter(|(_, cell)| **cell != Cell::Empty) {
            let nameless = || (format!("第 {} 列", column + 1), Target::Other(format!("第 {} 列", column + 1)));
            let (header, target) = head.columns.get(column).cloned().unwrap_or_else(nameless);
            let (list, field) = match target {
                Target::Nothing => continue,
                Target::Other(name) => {
                    if let Some(text) = cell.other() {
                        self.unknown.insert(name.clone());
                        line.other.insert(name, text.into());
                    }
                    continue;
                }
                Target::OtherOfHousehold(name) => {
                    line.other_of_household.extend(cell.other().map(|text| (name, Value::from(text))));
                    continue;
                }
                Target::Household(field) => (0, field),
                Target::Member(field) => (1, field),
                Target::Aid(field) => (2, field),
                Target::Holding(field) => (3, field),
                Target::Shared => {
                    line.shared = cell.plain();
                    continue;
                }
            };
            match (cell.value(field.form, field.name, self.loose), list) {
                (Ok(None), _) => {}
                (Ok(Some(value)), 0) => line.household.push((field, header, value)),
                (Ok(Some(value)), 1) => drop(line.member.insert(field.name.to_owned(), value)),
                (Ok(Some(value)), 2) => drop(line.aid.insert(field.name.to_owned(), value)),
                (Ok(Some(value)), _) => line.holding.push((field, header, value)),
                (Err(reason), _) => line.faults.push((list, field.name.to_owned(), reason)),
            }
        }
        if is_head(&line.member) && line.member.contains_key("relation") {
            let word = text_of(line.member.get("relation"));
            let word = if word == "本人" { "本人" } else { "户主" };
            line.member.insert("relation".to_owned(), word.into());
        }
        line
    }

    /// The household a line belongs to.
    fn group(&mut self, kind: Kind, line: &Line, keyed: bool, above: Option<usize>, origin: Origin) -> usize {
        let given = |name: &str| {
            let found = line.household.iter().find(|(field, ..)| field.name == name);
            found.map(|(_, _, value)| text_of(Some(value))).filter(|text| !text.is_empty())
        };
        let (id, mut number) = (given("id"), given("head_id_no").map(|number| comparable(&number)));
        let names_none = id.is_none() && number.is_none();
        // A row that has no fault in the very cell that would tell.
        let unreadable = line.faults.iter().any(|(list, name, _)| *list == 0 && matches!(name.as_str(), "id" | "head_id_no"));
        let named = given("head");
        let other_head = above.is_some_and(|at| named.is_some() && named != Some(text_of(self.groups[at].json.get("head"))));
        let begins = kind == Kind::Household || !keyed || is_head(&line.member) || other_head;
        if names_none
            && !unreadable
            && !begins
            && let Some(above) = above
        {
            return above;
        }
        let known = match (&id, &number) {
            (Some(id), _) => self.by_id.get(id).copied(),
            (None, Some(number)) => self.by_number.get(number).copied(),
            (None, None) => None,
        };
        // A second row of the same household in a list of households is a second household, which the import refuses.
        let again = |at: &usize| kind == Kind::Household && self.groups[*at].root.sheet == origin.sheet;
        if let Some(at) = known.filter(|at| !again(at)) {
            return at;
        }
        let own = || line.member.get("id_no").map(|value| comparable(&text_of(Some(value))));
        if number.is_none() && (is_head(&line.member) || kind == Kind::Household || !keyed) {
            number = own();
        }
        let at = self.groups.len();
        self.groups.push(Group { root: origin, ..Group::default() });
        if let Some(id) = id {
            self.by_id.entry(id).or_insert(at);
        }
        if let Some(number) = number.filter(|number| !number.is_empty()) {
            self.by_number.entry(number).or_insert(at);
        }
        at
    }
}

/// The words of a cell that names several: `低保、重残`. What stands in brackets stays together.
fn several(text: &str) -> Vec<String> {
    let (mut words, mut word, mut depth) = (Vec::new(), String::new(), 0_usize);
    for c in text.chars() {
        match c {
            '（' | '(' => depth += 1,
            '）' | ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 && matches!(c, '、' | '，' | ',' | '；' | ';' | '/' | '／') {
            words.push(std::mem::take(&mut word));
        } else {
            word.push(c);
        }
    }
    words.push(word);
    let mut out: Vec<String> = Vec::new();
    for word in words.iter().map(|word| word.trim()).filter(|word| !word.is_empty()) {
        if !out.iter().any(|known| known == word) {
            out.push(word.to_owned());
        }
    }
    out
}

impl Line {
    /// The categories that it names, a row each: the member's whose row it is, those of the person it names, the
    /// household's. Of several words for the household's own type the first is the type.
    fn holdings(&mut self, kind: Kind) -> Vec<Map<String, Value>> {
        let mut found = Vec::new();
        let mut add = |words: Vec<String>, fields: &Map<String, Value>| {
            for word in words {
                let mut json = fields.clone();
                json.insert("category".to_owned(), word.into());
                found.push(json);
            }
        };
        if let Some((.., value)) = self.household.iter_mut().find(|(field, ..)| field.name == "type") {
            let mut words = several(value.as_str().unwrap_or_default()).into_iter();
            if let Some(first) = words.next() {
                *value = first.into();
            }
            add(words.collect(), &Map::new());
        }
        add(several(&self.shared), &Map::new());
        let mut fields = Map::new();
        if kind == Kind::Member {
            let person = self.member.get("id_no").or_else(|| self.member.get("name"));
            fields.extend(person.map(|person| ("person".to_owned(), person.clone())));
        }
        let category = self.holding.iter().find(|(field, ..)| field.name == "category");
        let words = category.map(|(.., value)| several(value.as_str().unwrap_or_default())).unwrap_or_default();
        for (field, header, value) in std::mem::take(&mut self.holding).into_iter().filter(|(field, ..)| field.name != "category")
        {
            if words.is_empty() {
                // Days and the like of nothing: kept as they stand.
                self.other.insert(header, value);
            } else {
                fields.insert(field.name.to_owned(), value);
            }
        }
        add(words, &fields);
        found
    }
}

/// A header that is printed again on the next page.
fn repeats(head: &Head, cells: &[Cell]) -> bool {
    let mut filled = cells.iter().enumerate().filter(|(_, cell)| **cell != Cell::Empty).peekable();
    filled.peek().is_some()
        && filled.all(|(column, cell)| head.columns.get(column).is_some_and(|(header, _)| *header == cell.plain()))
}

/// A line of sums.
fn is_total(cells: &[Cell]) -> bool {
    let first = cells.iter().find(|cell| **cell != Cell::Empty).map(Cell::plain).unwrap_or_default();
    matches!(first.as_str(), "合计" | "小计" | "总计" | "共计") && cells.iter().filter(|cell| **cell != Cell::Empty).count() <= 12
}

impl Group {
    fn take(&mut self, origin: Origin, kind: Kind, mut line: Line) {
        let mut holdings = line.holdings(kind);
        let Line { household, mut member, mut aid, other, other_of_household, faults, .. } = line;
        self.listed |= matches!(kind, Kind::Household | Kind::Member);
        let mut further = Map::new();
        for (name, value) in other_of_household {
            if *self.json.entry(&name).or_insert_with(|| value.clone()) != value {
                further.insert(name, value);
            }
        }
        for (field, header, value) in household {
            match self.json.get(field.name) {
                None => drop(self.json.insert(field.name.to_owned(), value)),
                Some(known) if *known == value => {}
                Some(_) if field.blocks || matches!(field.name, "id" | "head" | "region") => {
                    let reason = format!("同一户的各行“{header}”不一致（第 {} 行）", origin.line);
                    self.faults.push((field.name.to_owned(), reason));
                }
                Some(_) => drop(further.insert(header, value)),
            }
        }
        let (of_members, of_aid, of_holdings) = (self.members.len(), self.aid.len(), self.holdings.len());
        for (list, name, reason) in faults {
            let field = match (list, kind) {
                (1, Kind::Member) => format!("members[{of_members}].{name}"),
                (2, _) => format!("aid[{of_aid}].{name}"),
                (3, _) => format!("holdings[{of_holdings}].{name}"),
                (1, _) => format!("members[0].{name}"),
                _ => name,
            };
            self.faults.push((field, reason));
        }
        match kind {
            Kind::Household => {
                self.json.extend(other.into_iter().chain(further));
                self.head.append(&mut member);
            }
            Kind::Member => member.extend(other.into_iter().chain(further)),
            Kind::Aid => aid.extend(other.into_iter().chain(further)),
            Kind::Holding => holdings.iter_mut().for_each(|one| one.extend(other.clone().into_iter().chain(further.clone()))),
        }
        // What is the household's stands in each row of a member.
        for holding in holdings {
            if !self.holdings.iter().any(|(_, known)| *known == holding) {
                self.holdings.push((origin, holding));
            }
        }
        if !member.is_empty() {
            self.members.push((origin, member));
        }
        if !aid.is_empty() {
            self.aid.push((origin, aid));
        }
    }

    /// Sees that the head stands among the members, as far as the table says who it is.
    fn seat_head(&mut self, apart: bool) {
        let (name, number) = (text_of(self.json.get("head")), text_of(self.json.get("head_id_no")));
        if let Some((_, head)) = self.members.iter_mut().find(|(_, member)| is_head(member)) {
            for (field, value) in std::mem::take(&mut self.head) {
                head.entry(field).or_insert(value);
            }
            if name.is_empty()
                && let Some(name) = head.get("name").cloned()
            {
                self.json.insert("head".to_owned(), name);
            }
            return;
        }
        if name.is_empty() {
            // One person without a word about the relation: the household is this person's.
            if let [(_, only)] = self.members.as_mut_slice()
                && !only.contains_key("relation")
                && let Some(name) = only.get("name").cloned()
            {
                only.insert("relation".to_owned(), "户主".into());
                self.json.insert("head".to_owned(), name);
            }
            return;
        }
        let same = |member: &Map<String, Value>| {
            let own = text_of(member.get("id_no"));
            let by_number = !number.is_empty() && !own.is_empty();
            if by_number { comparable(&own) == comparable(&number) } else { text_of(member.get("name")) == name }
        };
        if let Some((_, member)) = self.members.iter_mut().find(|(_, member)| same(member)) {
            member.entry("relation").or_insert_with(|| "户主".into());
            return;
        }
        if apart && self.head.is_empty() || self.members.is_empty() && self.root_only_names() {
            return;
        }
        let mut head = Map::new();
        head.insert("name".to_owned(), name.into());
        head.insert("relation".to_owned(), "户主".into());
        if !number.is_empty() {
            head.insert("id_no".to_owned(), number.into());
        }
        head.append(&mut self.head);
        // At the end: faults name the members above by their place.
        self.members.push((self.root, head));
    }

    /// Whether there are payments only: such a table says nothing about who lives there.
    fn root_only_names(&self) -> bool {
        (!self.aid.is_empty() || !self.listed)
            && self.head.is_empty()
            && self.json.keys().all(|key| matches!(key.as_str(), "id" | "head" | "head_id_no" | "region"))
    }

    fn finish(mut self, heads: Arc<Vec<Head>>, apart: bool) -> Row {
        self.seat_head(apart);
        let (mut json, mut members, mut aid, mut holdings) = (self.json, Vec::new(), Vec::new(), Vec::new());
        let list = |rows: Vec<(Origin, Map<String, Value>)>, origins: &mut Vec<Origin>| -> Vec<Value> {
            let split = rows.into_iter().map(|(origin, row)| {
                origins.push(origin);
                Value::Object(row)
            });
            split.collect()
        };
        if !self.members.is_empty() {
            json.insert("members".to_owned(), list(self.members, &mut members).into());
        }
        if !self.aid.is_empty() {
            json.insert("aid".to_owned(), list(self.aid, &mut aid).into());
        }
        if !self.holdings.is_empty() {
            json.insert("holdings".to_owned(), list(self.holdings, &mut holdings).into());
        }
        Row { heads, root: self.root, members, aid, holdings, json, faults: self.faults }
    }
}
