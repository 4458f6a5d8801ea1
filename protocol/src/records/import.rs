//! From the household file and from forms to edits: checking rows, creating households, changing them.
//!
//! [`check_row`] reads a row once; what it returns fits every form and limit, or it says why not, field by field.
//! An import adds and changes, it never removes: a member or a payment that a file no longer names stays until a
//! person ends it. One change of a record must stay small, so a large row becomes several edits, an entry each.

use super::day::Day;
use super::field::{Field, decode_in, encode_in, json_text};
use super::holding::{self, BACKWARDS, HOLDING, HOLDINGS, Person, find_person, is_backwards};
use super::household::{AID, HOUSEHOLD, Household, MEMBER, derive_head, derive_member, root_key};
use super::idno::IdNo;
use super::{Edit, EditError, OpId, SCHEMA, append_row, child, edit, row, rows, scalar};
use automerge::transaction::{Transactable, Transaction};
use automerge::{Automerge, ObjType, ROOT, ScalarValue};
use serde_json::{Map, Value};

/// Members a row may have.
pub const MEMBERS_MAX: usize = 64;
/// Aid rows a row may have.
pub const AID_MAX: usize = 1_000;
/// Rows of categories a row may have.
pub const HOLDINGS_MAX: usize = 200;
/// The lists of a row.
const LISTS: [&str; 3] = ["members", "aid", HOLDINGS];
/// Bytes (estimated) of one edit, well below the limit of a payload.
const EDIT_BYTES: usize = 5_000;
/// Operations of one edit, below the limit of a change.
const EDIT_OPS: usize = 900;

/// Why a row or a form is refused.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, serde::Serialize)]
pub struct RowFault {
    /// The field; `members[2].id_no` for a member's.
    pub field: String,
    /// Why, in Chinese, without the value.
    pub reason: String,
}

impl RowFault {
    pub(crate) fn new(field: impl Into<String>, reason: impl Into<String>) -> RowFault {
        RowFault { field: field.into(), reason: reason.into() }
    }
}

/// A checked row: everything fits, values are normalised.
#[derive(Clone, PartialEq, Debug)]
pub struct Row {
    root: Map<String, Value>,
    members: Vec<Map<String, Value>>,
    aid: Vec<Map<String, Value>>,
    holdings: Vec<Map<String, Value>>,
}

impl Row {
    /// The importer's own key.
    pub fn id(&self) -> String {
        self.root.get("id").map(json_text).unwrap_or_default()
    }

    /// Leaves out what only calls the place by another of its names (see [`crate::area::Divisions::called`]), so that a
    /// register of before a change of codes or names changes nothing, and one of after neither.
    pub fn leave_place(&mut self, stored: &Automerge, called: &[(&'static str, Vec<&str>); 3]) {
        if called.iter().all(|(_, words)| words.len() < 2) {
            return;
        }
        let old = Household::read(stored).json;
        for (field, words) in called {
            let says =
                |json: &Map<String, Value>| json.get(*field).map(json_text).is_some_and(|said| words.contains(&said.as_str()));
            if says(&old) && says(&self.root) {
                self.root.remove(*field);
            }
        }
    }

    /// Whether some row of categories names a member.
    pub fn names_holders(&self) -> bool {
        self.holdings.iter().any(|holding| !person_of(holding).is_empty())
    }

    /// Rows of categories that name nobody of the household; `stored` is its record, when there is one.
    pub fn holder_faults(&self, stored: Option<&Automerge>) -> Vec<RowFault> {
        let old = stored.map(Household::read).unwrap_or_default();
        let people = self.people(&old, &self.pair_members(&old));
        let unknown = self.holdings.iter().enumerate().filter_map(|(i, holding)| {
            let person = Some(person_of(holding)).filter(|person| !person.is_empty())?;
            find_person(&people, &person).err().map(|why| RowFault::new(format!("{HOLDINGS}[{i}].person"), why))
        });
        unknown.collect()
    }

    /// For each member the row of the record that it continues.
    fn pair_members<'a>(&self, old: &'a Household) -> Vec<Option<OldRow<'a>>> {
        let olds: Vec<_> = old.members.iter().filter_map(|member| Some((member.row.clone()?, &member.json))).collect();
        pair(&self.members, &olds, "id_no", &[&["name", "relation"], &["name"]], false)
    }

    /// Everybody there will be: the record's members, as this row calls them, and its new ones.
    fn people(&self, old: &Household, found: &[Option<OldRow<'_>>]) -> Vec<Person> {
        let named = self.members.iter().zip(found);
        let named = named.map(|(json, found)| Person::of(found.as_ref().map(|(op, _)| op.clone()), json));
        let is_named = |row: &Option<OpId>| found.iter().flatten().any(|(op, _)| Some(op) == row.as_ref());
        let others = old.members.iter().filter(|member| !is_named(&member.row));
        named.chain(others.map(|member| Person::of(member.row.clone(), &member.json))).collect()
    }

    /// The area code.
    pub fn region(&self) -> String {
        self.root.get("region").map(json_text).unwrap_or_default()
    }

    /// The members' identity numbers in their 18-character form, to find persons of other households.
    pub fn id_numbers(&self) -> Vec<String> {
        let numbers = self.members.iter().filter_map(|member| IdNo::parse(&json_text(member.get("id_no")?)).ok());
        numbers.map(|id| id.long()).collect()
    }
}

/// Reads and checks a row of the household file.
pub fn check_row(json: &Map<String, Value>, known_area: impl Fn(&str) -> bool) -> Result<Row, Vec<RowFault>> {
    let mut faults = Vec::new();
    let plain = json.iter().filter(|(name, _)| !LISTS.contains(&name.as_str()));
    let root = check_fields(HOUSEHOLD, plain, "", &mut faults);
    let members = check_list(json, "members", MEMBER, MEMBERS_MAX, &mut faults);
    let aid = check_list(json, "aid", AID, AID_MAX, &mut faults);
    let holdings = check_list(json, HOLDINGS, HOLDING, HOLDINGS_MAX, &mut faults);
    for (i, holding) in holdings.iter().enumerate() {
        let found = check_holding(holding).into_iter();
        faults.extend(found.map(|(field, reason)| RowFault::new(format!("{HOLDINGS}[{i}].{field}"), reason)));
    }

    let text = |name: &str| root.get(name).map(json_text).unwrap_or_default();
    for (name, reason) in [("id", "缺少编号"), ("head", "缺少户主姓名"), ("region", "缺少区划代码")] {
        if text(name).trim().is_empty() {
            faults.push(RowFault::new(name, reason));
        }
    }
    if !text("region").is_empty() && !known_area(&text("region")) {
        faults.push(RowFault::new("region", "区划代码不存在"));
    }
    if let Err(error) = check_id(&text("head_id_no")) {
        faults.push(RowFault::new("head_id_no", error));
    }
    let mut seen = std::collections::BTreeSet::new();
    for (i, member) in members.iter().enumerate() {
        let field = |name: &str| format!("members[{i}].{name}");
        let text = |name: &str| member.get(name).map(json_text).unwrap_or_default();
        if text("name").trim().is_empty() {
            faults.push(RowFault::new(field("name"), "缺少姓名"));
        }
        match check_id(&text("id_no")) {
            Ok(Some(id)) if !seen.insert(id.long()) => faults.push(RowFault::new(field("id_no"), "同一户内身份证号重复")),
            Ok(_) => {}
            Err(error) => faults.push(RowFault::new(field("id_no"), error)),
        }
    }
    if faults.is_empty() { Ok(Row { root, members, aid, holdings }) } else { Err(faults) }
}

/// What is wrong with a row of a category: field and reason.
fn check_holding(json: &Map<String, Value>) -> Vec<(&'static str, &'static str)> {
    let day = |name: &str| json.get(name).and_then(|value| Day::parse(&json_text(value)));
    let nameless = json.get("category").map(json_text).is_none_or(|word| word.trim().is_empty());
    let nameless = nameless.then_some(("category", "缺少身份类别"));
    let backwards = is_backwards(day("from"), day("until")).then_some(("until", BACKWARDS));
    nameless.into_iter().chain(backwards).collect()
}

/// Whom a row of a category names.
fn person_of(holding: &Map<String, Value>) -> String {
    holding.get("person").map(json_text).unwrap_or_default().trim().to_owned()
}

/// An empty number is allowed (a newborn, somebody not registered); a wrong one is not.
fn check_id(text: &str) -> Result<Option<IdNo>, String> {
    if text.is_empty() { Ok(None) } else { IdNo::parse(text).map(Some).map_err(|error| error.to_string()) }
}

fn check_fields<'a>(
    table: &[Field],
    fields: impl Iterator<Item = (&'a String, &'a Value)>,
    prefix: &str,
    faults: &mut Vec<RowFault>,
) -> Map<String, Value> {
    let mut out = Map::new();
    let mut bytes = 0;
    for (name, value) in fields {
        match encode_in(table, name, value) {
            Ok(Some(scalar)) => {
                bytes += size(name, &scalar);
                out.insert(name.clone(), decode_in(table, name, &scalar));
            }
            Ok(None) => {}
            Err(reason) => faults.push(RowFault::new(format!("{prefix}{name}"), reason)),
        }
        if name.is_empty() || name.len() > 128 {
            faults.push(RowFault::new(format!("{prefix}{name}"), "字段名无效"));
        }
    }
    // A row of a list is written in one change; the root's own fields can be spread over several.
    if bytes > EDIT_BYTES && !prefix.is_empty() {
        faults.push(RowFault::new(prefix.trim_end_matches('.'), "内容过长"));
    }
    out
}

fn check_list(
    json: &Map<String, Value>,
    key: &str,
    table: &[Field],
    most: usize,
    faults: &mut Vec<RowFault>,
) -> Vec<Map<String, Value>> {
    let list = match json.get(key) {
        None | Some(Value::Null) => return Vec::new(),
        Some(Value::Array(list)) => list,
        Some(_) => {
            faults.push(RowFault::new(key, "类型不对：应为列表"));
            return Vec::new();
        }
    };
    if list.len() > most {
        faults.push(RowFault::new(key, format!("超过{most}行")));
        return Vec::new();
    }
    let mut out = Vec::new();
    for (i, entry) in list.iter().enumerate() {
        match entry {
            Value::Object(fields) => out.push(check_fields(table, fields.iter(), &format!("{key}[{i}]."), faults)),
            _ => faults.push(RowFault::new(format!("{key}[{i}]"), "类型不对：应为对象")),
        }
    }
    out
}

/// One step of an edit.
enum Step {
    Root(String, ScalarValue),
    Row(&'static str, OpId, String, ScalarValue),
    Add(&'static str, Vec<(String, ScalarValue)>),
    /// A category, and whose.
    Hold(String, Vec<(String, ScalarValue)>),
}

impl Step {
    fn bytes(&self) -> usize {
        match self {
            Step::Root(key, value) | Step::Row(_, _, key, value) => size(key, value),
            Step::Add(_, fields) => 8 + fields.iter().map(|(key, value)| size(key, value)).sum::<usize>(),
            Step::Hold(_, fields) => 80 + fields.iter().map(|(key, value)| size(key, value)).sum::<usize>(),
        }
    }

    fn ops(&self) -> usize {
        match self {
            Step::Root(..) | Step::Row(..) => 1,
            Step::Add(_, fields) => 1 + fields.len(),
            Step::Hold(_, fields) => 3 + fields.len(),
        }
    }

    fn run(self, tx: &mut Transaction<'_>) -> Result<(), EditError> {
        match self {
            Step::Root(key, value) => Ok(tx.put(ROOT, key, value)?),
            Step::Row(list, op, key, value) => {
                let map = row(tx, list, &op)?;
                Ok(tx.put(&map, key, value)?)
            }
            Step::Add(list, fields) => append_row(tx, list, fields),
            Step::Hold(person, fields) => holding::append(tx, &person, fields),
        }
    }
}

/// Bytes an operation takes in a change, at most, not counting what every change has.
fn size(key: &str, value: &ScalarValue) -> usize {
    let value = match value {
        ScalarValue::Str(text) => text.len(),
        ScalarValue::Bytes(bytes) => bytes.len(),
        _ => 9,
    };
    12 + key.len() + value
}

/// Cuts steps into edits that stay below the limits of a change.
fn edits(mut first: Option<Edit>, steps: Vec<Step>) -> Vec<Edit> {
    let mut out: Vec<Edit> = Vec::new();
    let mut batch: Vec<Step> = Vec::new();
    let (mut bytes, mut ops) = (0, 0);
    let mut flush = |batch: &mut Vec<Step>| {
        let (begin, steps) = (first.take(), std::mem::take(batch));
        out.push(edit(move |tx| {
            begin.map_or(Ok(()), |begin| begin(tx))?;
            steps.into_iter().try_for_each(|step| step.run(tx))
        }));
    };
    for step in steps {
        if !batch.is_empty() && (bytes + step.bytes() > EDIT_BYTES || ops + step.ops() > EDIT_OPS) {
            flush(&mut batch);
            (bytes, ops) = (0, 0);
        }
        bytes += step.bytes();
        ops += step.ops();
        batch.push(step);
    }
    if !batch.is_empty() {
        flush(&mut batch);
    }
    out
}

/// The scalars of a row, in the order of the table, then what is not in it.
fn scalars(table: &[Field], json: &Map<String, Value>) -> Vec<(String, ScalarValue)> {
    let known = table.iter().filter_map(|field| json.get_key_value(field.name));
    let unknown = json.iter().filter(|(name, _)| super::field::find(table, name).is_none());
    let all = known.chain(unknown);
    all.filter_map(|(name, value)| Some((name.clone(), encode_in(table, name, value).ok().flatten()?))).collect()
}

/// The step that writes a category down.
fn hold(json: &Map<String, Value>) -> Step {
    Step::Hold(person_of(json), scalars(HOLDING, &without_person(json)))
}

/// A row of a category without whom it names: files name people otherwise than records do.
fn without_person(json: &Map<String, Value>) -> Map<String, Value> {
    json.iter().filter(|(name, _)| *name != "person").map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// A row of a list without what follows from the rest of it.
fn bare_member(json: &Map<String, Value>) -> Map<String, Value> {
    bare(json, &["birth", "gender"], derive_member)
}

/// The root without what follows from the members.
fn bare_root(row: &Row) -> Map<String, Value> {
    bare(&row.root, &["head", "head_id_no"], |json| derive_head(json, row.members.iter()))
}

fn bare(json: &Map<String, Value>, fields: &[&str], derive: impl Fn(&mut Map<String, Value>)) -> Map<String, Value> {
    let mut without = json.clone();
    fields.iter().for_each(|field| drop(without.remove(*field)));
    let mut derived = without.clone();
    derive(&mut derived);
    for field in fields {
        if let Some(value) = json.get(*field).filter(|value| derived.get(*field) != Some(value)) {
            without.insert((*field).to_owned(), value.clone());
        }
    }
    without
}

/// The edits that create a household, one entry each; mostly there is one.
pub fn create(row: &Row) -> Vec<Edit> {
    let root = scalars(HOUSEHOLD, &bare_root(row)).into_iter().map(|(name, value)| Step::Root(root_key(&name), value));
    let members = row.members.iter().map(|member| Step::Add("members", scalars(MEMBER, &bare_member(member))));
    let aid = row.aid.iter().map(|aid| Step::Add("aid", scalars(AID, aid)));
    let begin = edit(|tx| {
        tx.put(ROOT, "schema", SCHEMA)?;
        tx.put_object(ROOT, "members", ObjType::List)?;
        tx.put_object(ROOT, "aid", ObjType::List)?;
        Ok(())
    });
    edits(Some(begin), root.chain(members).chain(aid).chain(row.holdings.iter().map(hold)).collect())
}

/// The edits that bring a household to what a row of a later file says; none when nothing changed.
pub fn diff(doc: &Automerge, new: &Row) -> Vec<Edit> {
    let old = Household::read(doc);
    let mut steps = Vec::new();
    let stored = |field: &str| scalar(doc, &ROOT, &root_key(field)).is_some();
    let bare = bare_root(new);
    for (name, value) in &new.root {
        let follows = !bare.contains_key(name) && !stored(name);
        if !same(HOUSEHOLD, name, old.json.get(name), value)
            && !follows
            && let Ok(Some(scalar)) = encode_in(HOUSEHOLD, name, value)
        {
            steps.push(Step::Root(root_key(name), scalar));
        }
    }
    let found = new.pair_members(&old);
    let people = new.people(&old, &found);
    for (member, found) in new.members.iter().zip(found) {
        let bare = bare_member(member);
        match found {
            None => steps.push(Step::Add("members", scalars(MEMBER, &bare))),
            Some((op, json)) => changed(doc, "members", MEMBER, op, json, member, &bare, &mut steps),
        }
    }
    let olds: Vec<_> = old.aid.iter().filter_map(|aid| Some((aid.row.clone()?, &aid.json))).collect();
    let found = pair(&new.aid, &olds, "no", &[&["date", "program", "amount"]], true);
    for (aid, found) in new.aid.iter().zip(found) {
        match found {
            None => steps.push(Step::Add("aid", scalars(AID, aid))),
            Some((op, json)) => changed(doc, "aid", AID, op, json, aid, aid, &mut steps),
        }
    }
    for (holding, found) in new.holdings.iter().zip(pair_holdings(&new.holdings, &old, &people)) {
        let plain = without_person(holding);
        match found {
            None => steps.push(hold(holding)),
            Some((op, json)) => changed(doc, HOLDINGS, HOLDING, op, json, &plain, &plain, &mut steps),
        }
    }
    edits(None, steps)
}

/// For each category of a file the row it continues: the same word of the same person, from the same day where both
/// say one; a row that goes on before one that ended. So an old register does not begin anew what has ended.
fn pair_holdings<'a>(new: &[Map<String, Value>], old: &'a Household, people: &[Person]) -> Vec<Option<OldRow<'a>>> {
    let mut taken = std::collections::BTreeSet::new();
    let mut one = |json: &Map<String, Value>| {
        let person = match person_of(json) {
            text if text.is_empty() => text,
            text => find_person(people, &text).ok()?.row.as_ref()?.to_string(),
        };
        let word = json.get("category").map(json_text)?;
        let from = json.get("from").and_then(|value| Day::parse(&json_text(value)));
        let fits = |row: &&holding::Holding| {
            row.person == person && row.category == word && (row.from == from || row.from.is_none() || from.is_none())
        };
        let mut found: Vec<&holding::Holding> = old.holdings.iter().filter(fits).collect();
        found.sort_by_key(|row| (row.from != from, row.until.is_some()));
        let row = found.into_iter().find(|row| row.row.as_ref().is_some_and(|op| !taken.contains(op)))?;
        let op = row.row.clone()?;
        taken.insert(op.clone());
        Some((op, &row.json))
    };
    new.iter().map(&mut one).collect()
}

/// Whether a value says the same: of a field that takes any scalar the number 5 and the text "5" do, since a table knows
/// texts only.
fn same(table: &[Field], name: &str, old: Option<&Value>, new: &Value) -> bool {
    let any = super::field::find(table, name).is_none_or(|field| field.form == super::field::Form::Text);
    old == Some(new) || any && old.is_some_and(|old| !old.is_null() && !new.is_null() && json_text(old) == json_text(new))
}

type OldRow<'a> = (OpId, &'a Map<String, Value>);

/// For each new row the old one it continues: that with the same `identity`, else one alike in the first of `then`
/// that fits. With `strict`, rows that both have an identity are never the same when it differs.
fn pair<'a>(
    new: &[Map<String, Value>],
    old: &[OldRow<'a>],
    identity: &str,
    then: &[&[&str]],
    strict: bool,
) -> Vec<Option<OldRow<'a>>> {
    let key = |json: &Map<String, Value>, names: &[&str]| -> Option<Vec<String>> {
        let parts: Vec<String> = names.iter().map(|name| json.get(*name).map(json_text).unwrap_or_default()).collect();
        parts.iter().all(|part| !part.is_empty()).then_some(parts)
    };
    let mut found: Vec<Option<usize>> = vec![None; new.len()];
    let identity = [identity];
    for (rank, names) in std::iter::once(identity.as_slice()).chain(then.iter().copied()).enumerate() {
        for (i, json) in new.iter().enumerate() {
            let Some(wanted) = key(json, names) else { continue };
            if found[i].is_some() {
                continue;
            }
            let other_person =
                |at: usize| strict && rank > 0 && key(json, &identity).is_some() && key(old[at].1, &identity).is_some();
            let fits = |at: &usize| key(old[*at].1, names).as_ref() == Some(&wanted) && !other_person(*at);
            found[i] = (0..old.len()).filter(|at| !found.contains(&Some(*at))).find(fits);
        }
    }
    found.into_iter().map(|at| at.map(|at| old[at].clone())).collect()
}

fn changed(
    doc: &Automerge,
    list: &'static str,
    table: &[Field],
    op: OpId,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
    bare: &Map<String, Value>,
    steps: &mut Vec<Step>,
) {
    let map = row(doc, list, &op).ok();
    for (name, value) in new {
        let stored = map.as_ref().is_some_and(|map| scalar(doc, map, name).is_some());
        let follows = !bare.contains_key(name) && !stored;
        if !same(table, name, old.get(name), value)
            && !follows
            && let Ok(Some(scalar)) = encode_in(table, name, value)
        {
            steps.push(Step::Row(list, op.clone(), name.clone(), scalar));
        }
    }
}

fn one(table: &[Field], field: &str, value: &Value) -> Result<ScalarValue, RowFault> {
    let scalar = encode_in(table, field, value).map_err(|reason| RowFault::new(field, reason))?;
    let form = super::field::find(table, field).map(|field| field.form);
    if form == Some(super::field::Form::IdNo) {
        check_id(&json_text(value)).map_err(|reason| RowFault::new(field, reason))?;
    }
    Ok(scalar.unwrap_or(ScalarValue::Null))
}

/// Sets one field of the household. The head's name and number go to the member 户主 where they follow from there.
pub fn set(field: &str, value: &Value) -> Result<Edit, RowFault> {
    if LISTS.contains(&field) || field.is_empty() {
        return Err(RowFault::new(field, "不能直接修改"));
    }
    let scalar_value = one(HOUSEHOLD, field, value)?;
    let source = match field {
        "head" => Some("name"),
        "head_id_no" => Some("id_no"),
        _ => None,
    };
    let key = root_key(field);
    Ok(edit(move |tx| {
        if let Some(source) = source.filter(|_| scalar(tx, &ROOT, &key).is_none()) {
            let list = child(tx, &ROOT, "members", ObjType::List).ok_or(EditError::Missing("members"))?;
            let is_head = |map: &automerge::ObjId| {
                let relation = scalar(tx, map, "relation").map(|word| json_text(&decode_in(MEMBER, "relation", &word)));
                relation.is_some_and(|word| super::household::HEAD.contains(&word.as_str()))
            };
            let is_present = |map: &automerge::ObjId| {
                let of = |field: &&str| scalar(tx, map, field).is_none_or(|value| value == ScalarValue::Null);
                super::household::GONE.iter().all(of)
            };
            let mut heads: Vec<_> = rows(tx, &list).into_iter().map(|(map, _)| map).filter(is_head).collect();
            // Who left and was the head before is the head no more.
            heads.sort_by_key(|map| !is_present(map));
            if let Some(head) = heads.first() {
                return Ok(tx.put(head, source, scalar_value)?);
            }
        }
        Ok(tx.put(ROOT, key, scalar_value)?)
    }))
}

/// Sets one field of a member.
pub fn set_member(member: &OpId, field: &str, value: &Value) -> Result<Edit, RowFault> {
    set_row("members", MEMBER, member, field, value)
}

/// Sets one field of an aid row.
pub fn set_aid(aid: &OpId, field: &str, value: &Value) -> Result<Edit, RowFault> {
    set_row("aid", AID, aid, field, value)
}

/// Sets one field of a row of a category; `person` by row, identity number or name.
pub fn set_holding(holding: &OpId, field: &str, value: &Value) -> Result<Edit, RowFault> {
    if field != "person" {
        return set_row(HOLDINGS, HOLDING, holding, field, value);
    }
    let (op, text) = (holding.clone(), json_text(value));
    Ok(edit(move |tx| {
        let person = holding::person_value(tx, &text)?.unwrap_or(ScalarValue::Null);
        let map = row(tx, HOLDINGS, &op)?;
        Ok(tx.put(&map, "person", person)?)
    }))
}

fn set_row(list: &'static str, table: &[Field], op: &OpId, field: &str, value: &Value) -> Result<Edit, RowFault> {
    let (scalar, op, key) = (one(table, field, value)?, op.clone(), field.to_owned());
    Ok(edit(move |tx| {
        let map = row(tx, list, &op)?;
        Ok(tx.put(&map, key, scalar)?)
    }))
}

/// Adds a member.
pub fn add_member(member: &Map<String, Value>) -> Result<Edit, Vec<RowFault>> {
    let mut faults = Vec::new();
    let json = check_fields(MEMBER, member.iter(), "members.", &mut faults);
    if let Err(reason) = check_id(&json.get("id_no").map(json_text).unwrap_or_default()) {
        faults.push(RowFault::new("members.id_no", reason));
    }
    let fields = scalars(MEMBER, &bare_member(&json));
    if faults.is_empty() { Ok(edit(move |tx| append_row(tx, "members", fields))) } else { Err(faults) }
}

/// Adds aid that was received.
pub fn add_aid(aid: &Map<String, Value>) -> Result<Edit, Vec<RowFault>> {
    let mut faults = Vec::new();
    let json = check_fields(AID, aid.iter(), "aid.", &mut faults);
    let fields = scalars(AID, &json);
    if faults.is_empty() { Ok(edit(move |tx| append_row(tx, "aid", fields))) } else { Err(faults) }
}

/// What is wrong with changed and new rows of categories, beside what their own fields say: somebody who is no member
/// (neither of the record nor among `new_members`), a last day before the first.
pub fn holding_faults(
    household: &Household,
    new_members: &[Map<String, Value>],
    changed: &[(&OpId, &Map<String, Value>)],
    new: &[Map<String, Value>],
) -> Vec<RowFault> {
    let known = household.members.iter().map(|member| Person::of(member.row.clone(), &member.json));
    let people: Vec<Person> = known.chain(new_members.iter().map(|member| Person::of(None, member))).collect();
    let stranger = |json: &Map<String, Value>, at: &str| {
        let person = Some(person_of(json)).filter(|person| !person.is_empty())?;
        find_person(&people, &person).err().map(|why| RowFault::new(format!("{at}.person"), why))
    };
    let mut faults: Vec<RowFault> = new.iter().filter_map(|json| stranger(json, HOLDINGS)).collect();
    for (op, set) in changed {
        let Some(at) = household.holdings.iter().position(|row| row.row.as_ref() == Some(*op)) else { continue };
        let name = format!("{HOLDINGS}[{at}]");
        faults.extend(stranger(set, &name));
        let mut after = household.holdings[at].json.clone();
        after.extend(set.iter().map(|(field, value)| (field.clone(), value.clone())));
        faults.extend(check_holding(&after).into_iter().map(|(field, why)| RowFault::new(format!("{name}.{field}"), why)));
    }
    faults
}

/// Adds a category that somebody of the household holds, or all of it.
pub fn add_holding(holding: &Map<String, Value>) -> Result<Edit, Vec<RowFault>> {
    let mut faults = Vec::new();
    let json = check_fields(HOLDING, holding.iter(), "holdings.", &mut faults);
    faults.extend(check_holding(&json).into_iter().map(|(field, reason)| RowFault::new(format!("holdings.{field}"), reason)));
    let step = hold(&json);
    if faults.is_empty() { Ok(edit(move |tx| step.run(tx))) } else { Err(faults) }
}

/// Several edits as one: one entry, all or nothing.
pub fn together(edits: Vec<Edit>) -> Edit {
    edit(move |tx| edits.into_iter().try_for_each(|edit| edit(tx)))
}
