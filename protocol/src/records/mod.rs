//! Typed views of records (档案): what a household, a case volume, a policy pack, a member of staff says.
//!
//! A view never fails: what it cannot read becomes a [`Problem`], what it does not know is kept and can be shown, and
//! where two people wrote the same field at the same time it shows the merged value and a [`Conflict`]. A change is
//! an [`Edit`], which the replica runs inside one Automerge transaction; it writes only what a person changed.
//! Nothing here decides who may write: see `authority`. Strings are scalars; of objects there are maps and lists.

pub mod allotment;
pub mod amount;
pub mod case;
pub(crate) mod cell;
pub mod changed;
pub mod day;
pub mod event;
pub mod field;
pub mod holding;
pub mod household;
pub mod idno;
pub mod import;
pub mod moves;
pub mod policy;
pub mod privacy;
pub mod project;
pub mod screening;
pub mod signoff;
pub mod staff;
pub mod then;
pub mod verification;
pub mod words;

use automerge::transaction::{Transactable, Transaction};
use automerge::{ActorId, Automerge, AutomergeError, ObjId, ObjType, ROOT, ReadDoc, ScalarValue, Value};
use std::collections::BTreeMap;

/// The schema number every record root carries; a greater one was written by a newer version.
pub const SCHEMA: u64 = 1;

/// A change of one record, run by the replica inside one Automerge transaction.
pub type Edit = Box<dyn FnOnce(&mut Transaction<'_>) -> Result<(), EditError> + Send>;

/// Why an edit could not be made; the transaction is to be rolled back.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// Automerge refused.
    #[error("the document refused the change")]
    Document(#[from] AutomergeError),
    /// What the edit names is not in the record (or not yet).
    #[error("the record holds no {0}")]
    Missing(&'static str),
}

/// Something in a record that a view could not read as it should be.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, serde::Serialize)]
pub struct Problem {
    /// The field, by its name in the record; a row of a list is named `members[2].birth`.
    pub field: String,
    /// What is wrong, in Chinese, without the value.
    pub what: String,
}

impl Problem {
    /// A problem of `field`.
    pub fn new(field: impl Into<String>, what: impl Into<String>) -> Problem {
        Problem { field: field.into(), what: what.into() }
    }
}

/// The name of one Automerge operation: of an event, of a row, of one of several concurrent values.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct OpId {
    /// The operation's counter.
    pub counter: u64,
    /// Who made it.
    pub actor: ActorId,
}

impl OpId {
    /// From `counter@actor`, the actor in hexadecimal.
    pub fn parse(text: &str) -> Option<OpId> {
        let (counter, actor) = text.split_once('@')?;
        Some(OpId { counter: counter.parse().ok()?, actor: ActorId::from(crate::hash::unhex(actor)?) })
    }

    /// The operation that made an object or a value; none for the root.
    pub fn of(id: &ObjId) -> Option<OpId> {
        match id {
            ObjId::Root => None,
            ObjId::Id(counter, actor, _) => Some(OpId { counter: *counter, actor: actor.clone() }),
        }
    }
}

impl std::fmt::Display for OpId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}@{}", self.counter, crate::hash::hex(self.actor.to_bytes()))
    }
}

impl serde::Serialize for OpId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Two or more people wrote one field without knowing of each other.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Conflict {
    /// The field's name.
    pub field: String,
    /// The row of a list it belongs to; none for a field of the record itself.
    pub row: Option<OpId>,
    /// Every value written, as text, and by which operation; the merged value, which the view shows, is the last.
    pub values: Vec<(String, OpId)>,
    /// Whether money or identity depends on the field, so that decisions wait until a person settles it.
    pub blocks: bool,
}

/// Wraps a closure as an [`Edit`].
pub fn edit(change: impl FnOnce(&mut Transaction<'_>) -> Result<(), EditError> + Send + 'static) -> Edit {
    Box::new(change)
}

/// Writes scalars into `map`. A value that is already there makes no operation.
pub(crate) fn put_all(
    tx: &mut Transaction<'_>,
    map: &ObjId,
    values: impl IntoIterator<Item = (String, ScalarValue)>,
) -> Result<(), EditError> {
    for (key, value) in values {
        tx.put(map, key, value)?;
    }
    Ok(())
}

/// Appends a map of scalars to the list `key` of the root.
pub(crate) fn append_row(
    tx: &mut Transaction<'_>,
    key: &'static str,
    values: Vec<(String, ScalarValue)>,
) -> Result<(), EditError> {
    let list = lists(tx, key).pop().ok_or(EditError::Missing(key))?;
    let row = tx.insert_object(&list, tx.length(&list), ObjType::Map)?;
    put_all(tx, &row, values)
}

/// The object of type `wanted` under `key`, when there is one.
pub(crate) fn child(doc: &impl ReadDoc, map: &ObjId, key: &str, wanted: ObjType) -> Option<ObjId> {
    match doc.get(map, key) {
        Ok(Some((Value::Object(found), id))) if found == wanted => Some(id),
        _ => None,
    }
}

/// The lists under `key` of the root, the one that plain reading gives last: more than one when several people began it
/// at the same time, and then all of them count.
pub(crate) fn lists(doc: &impl ReadDoc, key: &str) -> Vec<ObjId> {
    let all = doc.get_all(&ROOT, key).unwrap_or_default();
    let lists = all.into_iter().filter_map(|(value, id)| match value {
        Value::Object(ObjType::List) => Some(id),
        _ => None,
    });
    lists.collect()
}

/// The scalar under `key`, when there is one.
pub(crate) fn scalar(doc: &impl ReadDoc, map: &ObjId, key: &str) -> Option<ScalarValue> {
    match doc.get(map, key) {
        Ok(Some((Value::Scalar(value), _))) => Some(value.into_owned()),
        _ => None,
    }
}

/// The maps of a list, in order, each with the operation that inserted it.
pub(crate) fn rows(doc: &impl ReadDoc, list: &ObjId) -> Vec<(ObjId, OpId)> {
    let maps = doc.list_range(list, ..).filter(|item| item.value == automerge::ValueRef::Object(ObjType::Map));
    maps.filter_map(|item| OpId::of(&item.id()).map(|op| (item.id(), op))).collect()
}

/// The row of the list `key` that `op` inserted.
pub(crate) fn row(doc: &impl ReadDoc, key: &'static str, op: &OpId) -> Result<ObjId, EditError> {
    let mut all = lists(doc, key).into_iter().flat_map(|list| rows(doc, &list));
    all.find(|(_, id)| id == op).map(|(row, _)| row).ok_or(EditError::Missing(key))
}

/// Every value written concurrently under `key`, with its operation; the shown one last. One value: no conflict.
pub fn concurrent(doc: &impl ReadDoc, map: &ObjId, key: &str) -> Vec<(ScalarValue, OpId)> {
    let all = doc.get_all(map, key).unwrap_or_default();
    let scalars = all.into_iter().filter_map(|(value, id)| match value {
        Value::Scalar(value) => Some((value.into_owned(), OpId::of(&id)?)),
        Value::Object(_) => None,
    });
    scalars.collect()
}

/// A scalar as people read it; used for conflicts and for fields this version does not know.
pub fn text_of(value: &ScalarValue) -> String {
    match value {
        ScalarValue::Str(text) => text.to_string(),
        ScalarValue::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => crate::hash::hex(bytes),
        },
        ScalarValue::Boolean(true) => "是".to_owned(),
        ScalarValue::Boolean(false) => "否".to_owned(),
        ScalarValue::Null => String::new(),
        other => other.to_string(),
    }
}

/// The scalars of a map by key, taken out one after the other; what is left is what this version does not know.
#[derive(Clone, Default, Debug)]
pub(crate) struct Fields(pub BTreeMap<String, ScalarValue>);

impl Fields {
    /// The scalars directly in `map`.
    pub fn of(doc: &impl ReadDoc, map: &ObjId) -> Fields {
        let scalars = doc.map_range(map, ..).filter_map(|item| match item.value.into_value() {
            Value::Scalar(value) => Some((item.key.into_owned(), value.into_owned())),
            Value::Object(_) => None,
        });
        Fields(scalars.collect())
    }

    /// The text under `key`, taken out; empty when there is none.
    pub fn text(&mut self, key: &str) -> String {
        self.0.remove(key).map(|value| text_of(&value)).unwrap_or_default()
    }

    /// The whole number under `key`, taken out.
    pub fn number(&mut self, key: &str) -> Option<i64> {
        self.0.remove(key).and_then(|value| number_of(&value))
    }

    /// What was not taken, as text.
    pub fn rest(self) -> BTreeMap<String, String> {
        self.0.into_iter().map(|(key, value)| (key, text_of(&value))).collect()
    }
}

/// The whole number a scalar holds.
pub(crate) fn number_of(value: &ScalarValue) -> Option<i64> {
    match value {
        ScalarValue::Int(number) => Some(*number),
        ScalarValue::Uint(number) => i64::try_from(*number).ok(),
        _ => None,
    }
}

/// Takes the schema number out of a root's fields and says when a newer version wrote it.
pub(crate) fn check_schema(root: &mut Fields, problems: &mut Vec<Problem>) {
    match root.number("schema") {
        Some(1) => {}
        Some(_) => problems.push(Problem::new("schema", "由更新版本的程序写入，部分内容可能无法显示")),
        None => problems.push(Problem::new("schema", "缺少版本号")),
    }
}

/// The scalar a text is stored as.
pub(crate) fn str_value(text: impl AsRef<str>) -> ScalarValue {
    ScalarValue::Str(text.as_ref().into())
}

/// Runs an edit on a document as the replica does; for tests, tools and the building of sample data.
pub fn run(doc: &mut Automerge, change: Edit) -> Result<Option<automerge::ChangeHash>, EditError> {
    let mut tx = doc.transaction();
    match change(&mut tx) {
        Ok(()) => Ok(tx.commit().0),
        Err(error) => {
            tx.rollback();
            Err(error)
        }
    }
}
