//! Moves (迁居) and splits (分户): what of a household goes along into a new record, and what the old one says then.
//!
//! A record lives in one area for ever, so who moves gets a new record there. A move is everybody who lives in the
//! household: the family's own data go along. A split is some of them: income, property and category were those of
//! the whole family and stay; the new household's are to be found out. Categories go with the member who holds them. Aid that was received stays where it was
//! written down, so that no figure counts it twice; the new record only names it (see [`Moved`](super::changed::Moved)).

use super::day::Day;
use super::field::encode_in;
use super::holding::{HOLDINGS, Holding};
use super::household::{HEAD, HOUSEHOLD, Household, MOVED_AWAY, Member};
use super::import::{RowFault, set, set_member};
use super::{Edit, OpId, edit, scalar};
use automerge::transaction::Transactable;
use automerge::{ROOT, ScalarValue};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Where those who move live from now on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Destination {
    /// The new record's own number (编号).
    pub id: String,
    /// The village's code.
    pub region: String,
    /// The township's and the village's names.
    pub names: [String; 2],
    /// The address; empty: as before.
    pub address: String,
    /// Whether it is another village than before.
    pub is_other: bool,
}

/// A member and the relation to the head from now on.
#[derive(Clone, PartialEq, Debug)]
pub struct Seat<'a> {
    /// The member.
    pub member: &'a Member,
    /// The relation.
    pub relation: String,
}

/// Fields that only make sense where the record was.
const LEFT_BEHIND: [&str; 6] = ["group", "officer", "officer_phone", "visits", "created_at", "updated_at"];
/// Fields that people who split off take along: where they live.
const SHARED: [&str; 6] = ["province", "city", "county", "town", "village", "address"];

/// The row of the household file with which the new record begins.
pub fn row(old: &Household, going: &[Seat<'_>], whole: bool, on: Day, to: &Destination) -> Map<String, Value> {
    let mut row = old.row();
    row.remove("aid");
    if whole {
        row.retain(|field, _| !LEFT_BEHIND.contains(&field.as_str()));
    } else {
        row.retain(|field, _| SHARED.contains(&field.as_str()) || field == "group" && !to.is_other);
    }
    row.insert("id".to_owned(), to.id.clone().into());
    row.insert("region".to_owned(), to.region.clone().into());
    if to.is_other {
        for (field, name) in ["town", "village"].into_iter().zip(&to.names) {
            if row.get(field).is_some_and(|value| !value.is_null()) {
                row.insert(field.to_owned(), name.clone().into());
            }
        }
        row.remove("address");
    }
    if !to.address.is_empty() {
        row.insert("address".to_owned(), to.address.clone().into());
    }
    let members = going.iter().map(|Seat { member, relation }| {
        let mut json = member.json.clone();
        json.insert("relation".to_owned(), relation.clone().into());
        json.insert("joined".to_owned(), on.to_string().into());
        Value::from(json)
    });
    row.insert("members".to_owned(), members.collect());
    // What is a member's goes with the member; what is the whole household's, with all of it.
    let is_going = |holding: &&Holding| match old.holder(holding) {
        Some(member) => going.iter().any(|seat| seat.member.row == member.row),
        None => whole && holding.person.is_empty(),
    };
    let holdings: Vec<Value> = old.holdings.iter().filter(is_going).map(|row| Value::from(old.holding_row(row))).collect();
    row.remove(HOLDINGS);
    if !holdings.is_empty() {
        row.insert(HOLDINGS.to_owned(), holdings.into());
    }
    if let Some(Seat { member, .. }) = going.iter().find(|seat| is_head(&seat.relation)).filter(|_| !whole) {
        row.insert("head".to_owned(), member.name.clone().into());
        row.insert("head_id_no".to_owned(), member.id_no.clone().into());
    }
    row
}

/// Whether a relation is that of the head.
pub fn is_head(relation: &str) -> bool {
    HEAD.contains(&relation)
}

/// The edits of the old record: who goes has left, who stays is related to the head of the rest.
pub fn leave(going: &[Seat<'_>], rest: &[Seat<'_>], on: Day) -> Result<Vec<Edit>, RowFault> {
    let mut edits = Vec::new();
    let row = |member: &Member| member.row.clone().ok_or_else(|| RowFault::new("members", "成员无法识别"));
    for Seat { member, .. } in going {
        edits.push(set_member(&row(member)?, "left", &on.to_string().into())?);
    }
    for Seat { member, relation } in rest.iter().filter(|seat| seat.relation != seat.member.relation) {
        edits.push(set_member(&row(member)?, "relation", &relation.clone().into())?);
    }
    if rest.is_empty() {
        edits.push(set("status", &MOVED_AWAY.into())?);
    } else if let Some(head) = rest.iter().find(|seat| is_head(&seat.relation) && !is_head(&seat.member.relation)) {
        edits.push(head_is(head.member));
    }
    Ok(edits)
}

/// Where the record itself names its head, it names this member.
fn head_is(member: &Member) -> Edit {
    let values = [("head", member.name.clone()), ("head_id_no", member.id_no.clone())];
    edit(move |tx| {
        for (field, value) in values {
            if scalar(tx, &ROOT, field).is_some() {
                let value = encode_in(HOUSEHOLD, field, &value.into()).ok().flatten();
                tx.put(ROOT, field, value.unwrap_or(ScalarValue::Null))?;
            }
        }
        Ok(())
    })
}

/// What a household that moved here had before, since a day: programs and kinds.
pub fn had_before(household: &Household, since: Day) -> BTreeSet<String> {
    let moved = household.changes.values().filter_map(|change| change.moved.as_ref()).filter(|moved| moved.came);
    let had = moved.flat_map(|moved| &moved.had).filter(|(_, last)| **last >= since);
    had.map(|(name, _)| name.clone()).collect()
}

/// The member that a row names.
pub fn member<'a>(household: &'a Household, row: &OpId) -> Option<&'a Member> {
    household.members.iter().find(|member| member.row.as_ref() == Some(row))
}

#[cfg(test)]
#[path = "moves_tests.rs"]
mod tests;
