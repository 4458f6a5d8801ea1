//! What differs between two states of a household, field by field: for histories, for forms, for what came meanwhile.

use super::outcome::FieldChange;
use automerge::{Automerge, ChangeHash};
use serde_json::{Map, Value};
use shouwang_protocol::hash::{hex, unhex};
use shouwang_protocol::records::OpId;
use shouwang_protocol::records::field::{Field, find};
use shouwang_protocol::records::holding::HOLDING;
use shouwang_protocol::records::household::{AID, HOUSEHOLD, Household, MEMBER};
use std::collections::{BTreeMap, BTreeSet};

/// A JSON value as people read it.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Bool(flag) => if *flag { "是" } else { "否" }.to_owned(),
        other => other.to_string(),
    }
}

/// The Chinese name of a field.
pub(super) fn label(table: &[Field], name: &str) -> String {
    find(table, name).map_or_else(|| name.to_owned(), |field| field.label.to_owned())
}

/// The household as it was at some heads; none when they are not of this record.
pub(super) fn at(doc: &Automerge, heads: &[ChangeHash]) -> Option<Household> {
    if heads.is_empty() || heads == doc.get_heads() {
        return Some(Household::read(doc));
    }
    doc.fork_at(heads).ok().map(|old| Household::read(&old))
}

/// Heads as a form carries them.
pub(super) fn heads_text(heads: &[[u8; 32]]) -> Vec<String> {
    heads.iter().map(|head| hex(head)).collect()
}

/// The inverse of [`heads_text`].
pub(super) fn parse_heads(heads: &[String]) -> Option<Vec<ChangeHash>> {
    heads.iter().map(|head| Some(ChangeHash(unhex(head)?.try_into().ok()?))).collect()
}

type Rows = BTreeMap<OpId, Map<String, Value>>;

fn list(row: &Map<String, Value>, key: &str, ops: impl Iterator<Item = Option<OpId>>) -> Rows {
    let values = row.get(key).and_then(Value::as_array).into_iter().flatten();
    let rows = ops.zip(values).filter_map(|(op, value)| Some((op?, value.as_object()?.clone())));
    rows.collect()
}

/// The household's own fields, its members, its aid and its categories.
fn parts(household: &Household) -> (Map<String, Value>, Rows, Rows, Rows) {
    let mut row = household.row();
    let members = list(&row, "members", household.members.iter().map(|member| member.row.clone()));
    let aid = list(&row, "aid", household.aid.iter().map(|aid| aid.row.clone()));
    let holdings = list(&row, "holdings", household.holdings.iter().map(|holding| holding.row.clone()));
    for name in ["members", "aid", "holdings"] {
        row.remove(name);
    }
    (row, members, aid, holdings)
}

fn fields(table: &[Field], row: Option<&OpId>, old: &Map<String, Value>, new: &Map<String, Value>, out: &mut Vec<FieldChange>) {
    let known = table.iter().map(|field| field.name);
    let unknown = old.keys().chain(new.keys()).map(String::as_str).filter(|name| find(table, name).is_none());
    let unknown: BTreeSet<&str> = unknown.collect();
    for name in known.chain(unknown) {
        let (was, now) = (old.get(name).map(text).unwrap_or_default(), new.get(name).map(text).unwrap_or_default());
        if was != now {
            out.push(FieldChange { field: name.to_owned(), label: label(table, name), row: row.cloned(), was, now });
        }
    }
}

fn rows(name: &'static str, table: &[Field], title: &str, old: &Rows, new: &Rows, out: &mut Vec<FieldChange>) {
    for (op, row) in new {
        match old.get(op) {
            Some(before) => fields(table, Some(op), before, row, out),
            None => {
                let head = table.iter().take(4).filter_map(|field| row.get(field.name)).map(text);
                let now = head.filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" ");
                out.push(FieldChange {
                    field: name.to_owned(),
                    label: title.to_owned(),
                    row: Some(op.clone()),
                    was: String::new(),
                    now,
                });
            }
        }
    }
}

/// What is different in `new`.
pub(super) fn changes(old: &Household, new: &Household) -> Vec<FieldChange> {
    let (old_root, old_members, old_aid, old_holdings) = parts(old);
    let (new_root, new_members, new_aid, new_holdings) = parts(new);
    let mut out = Vec::new();
    fields(HOUSEHOLD, None, &old_root, &new_root, &mut out);
    let said = |household: &Household, kind: &String| {
        let known = household.screened.get(kind).map(|known| {
            let label = known.outcome().map_or("", |outcome| outcome.label());
            if known.note.is_empty() { label.to_owned() } else { format!("{label}：{}", known.note) }
        });
        known.unwrap_or_default()
    };
    for kind in new.screened.keys().filter(|kind| old.screened.get(*kind) != new.screened.get(*kind)) {
        let (was, now) = (said(old, kind), said(new, kind));
        let (field, label) = ("screened".to_owned(), format!("遗漏排查（{kind}）"));
        out.push(FieldChange { field, label, row: None, was, now });
    }
    let mut note = |field: &str, label: String, now: String| {
        out.push(FieldChange { field: field.to_owned(), label, row: None, was: String::new(), now });
    };
    for (_, change) in new.changes.iter().filter(|(name, _)| !old.changes.contains_key(*name)) {
        let whom = [change.person.as_str(), change.note.as_str()].into_iter().filter(|text| !text.is_empty());
        note("changed", format!("登记变化（{}）", change.kind), whom.collect::<Vec<_>>().join("："));
    }
    for (_, review) in new.reviews.iter().filter(|(name, _)| !old.reviews.contains_key(*name)) {
        let outcome = review.outcome().map_or(review.outcome.as_str(), |outcome| outcome.label());
        note("reviewed", "复核".to_owned(), format!("{outcome}：{}", review.note));
    }
    rows("members", MEMBER, "新增成员", &old_members, &new_members, &mut out);
    rows("aid", AID, "新增受助记录", &old_aid, &new_aid, &mut out);
    rows("holdings", HOLDING, "新增身份类别", &old_holdings, &new_holdings, &mut out);
    out
}
