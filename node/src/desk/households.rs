//! Registering and changing households.
//!
//! A form sends what the person changed and the heads it showed. What others changed meanwhile is told; where it is
//! the same field, nothing is written until the person has seen it. Only the fields named are written.

use super::command::{HouseholdChange, RowChange};
use super::compare::{at, changes, label, parse_heads, text};
use super::outcome::{DeskError, FieldChange, FieldFault};
use super::permit::{self, REGISTRY};
use super::{Plan, Room};
use crate::store::reader::{HouseholdFilter, HouseholdRow, Page};
use serde_json::{Map, Value};
use shouwang_protocol::area::{AreaId, Tier};
use shouwang_protocol::hash::hex;
use shouwang_protocol::record::{Kind, Lane, Place, RecordId, RecordRef};
use shouwang_protocol::records::OpId;
use shouwang_protocol::records::holding::HOLDING;
use shouwang_protocol::records::household::{AID, HOUSEHOLD, Household, MEMBER};
use shouwang_protocol::records::idno::IdNo;
use shouwang_protocol::records::import::{self, RowFault};
use std::collections::BTreeSet;

/// Where the households of a village live.
pub(super) fn place(area: AreaId) -> Place {
    Place { area, lane: Lane::Registry, floor: Tier::Village }
}

pub(super) fn faults(found: Vec<RowFault>) -> DeskError {
    DeskError::Invalid { faults: found.into_iter().map(FieldFault::from).collect() }
}

/// A household's document and where it lives.
pub(super) struct Found {
    pub place: Place,
    pub doc: automerge::Automerge,
    pub household: Household,
}

/// Households of a village that a list looks through.
const HOUSEHOLDS_MAX: u64 = 20_000;
/// Households that are read at once.
const PAGE: u32 = 200;

impl Room<'_> {
    /// The villages with households that this office covers.
    pub(super) fn villages(&self) -> Result<Vec<(AreaId, String)>, DeskError> {
        let held = self.reader.area_counts()?.into_iter().filter(|(_, households, _)| *households > 0);
        let covered = held.filter(|(area, ..)| permit::covers(&self.here, &self.divisions, *area).is_ok());
        Ok(covered.map(|(area, ..)| (area, self.place_name(area))).collect())
    }

    /// Looks at every household of a village, each as in lists and whole; without a village, at none.
    pub(super) fn each_household(
        &self,
        area: Option<AreaId>,
        mut look: impl FnMut(HouseholdRow, &Household) -> Result<(), DeskError>,
    ) -> Result<(), DeskError> {
        let filter = HouseholdFilter { within: area.into_iter().collect(), ..HouseholdFilter::default() };
        for offset in (0..HOUSEHOLDS_MAX).step_by(PAGE as usize).take_while(|_| area.is_some()) {
            let found = self.reader.households(&filter, Page { offset, limit: PAGE })?;
            for row in found.rows {
                let Some(detail) = self.reader.household(&row.record)? else { continue };
                look(row, &detail.household)?;
            }
            if !found.more {
                break;
            }
        }
        Ok(())
    }

    /// A household that this office covers.
    pub(super) fn household(&self, record: &RecordId) -> Result<Found, DeskError> {
        let found = self.reader.document(record)?.filter(|found| found.kind == Kind::HOUSEHOLD);
        let found = found.ok_or_else(|| DeskError::not_found("家庭档案"))?;
        permit::covers(&self.here, &self.divisions, found.place.area)?;
        let household = Household::read(&found.doc);
        Ok(Found { place: found.place, doc: found.doc, household })
    }

    pub(super) fn register_household(&self, area: AreaId, row: Map<String, Value>, again: bool) -> Result<Plan, DeskError> {
        permit::role_or_console(&self.person, REGISTRY)?;
        permit::covers(&self.here, &self.divisions, area)?;
        let known = self.divisions.get(area).filter(|area| area.tier == Tier::Village);
        let code = known.map(|area| area.code.clone()).ok_or_else(|| DeskError::invalid("region", "须选择村(社区)"))?;
        let mut row = row;
        let given = |row: &Map<String, Value>, field: &str| row.get(field).is_some_and(|value| !text(value).trim().is_empty());
        row.insert("region".to_owned(), code.clone().into());
        if !given(&row, "id") {
            row.insert("id".to_owned(), format!("{code}-{}", hex(&self.action.0[..4])).into());
        }
        if !given(&row, "head") {
            // The head is the member 户主, whom the record itself names; the check wants the name beside it.
            let members = row.get("members").and_then(Value::as_array);
            let head = members.into_iter().flatten().find(|member| {
                member.get("relation").map(text).is_some_and(|relation| matches!(relation.as_str(), "户主" | "本人"))
            });
            if let Some(name) = head.and_then(|member| member.get("name")).cloned() {
                row.insert("head".to_owned(), name);
            }
        }
        let row = import::check_row(&row, |region| region == code).map_err(faults)?;
        let unknown = row.holder_faults(None);
        if !unknown.is_empty() {
            return Err(faults(unknown));
        }
        if !again && !self.reader.import_key(&row.id())?.is_empty() {
            return Err(DeskError::invalid("id", "这一编号已登记过"));
        }
        let elsewhere = self.elsewhere(&row.id_numbers(), None)?;
        let mut edits = import::create(&row).into_iter();
        let mut plan = Plan::saying(match elsewhere {
            0 => "家庭档案已登记".to_owned(),
            count => format!("家庭档案已登记；其中 {count} 名成员也在另一户中，已列为待核实，核实前不能审批"),
        });
        if let Some(first) = edits.next() {
            plan = plan.draft(place(area), RecordRef::New(Kind::HOUSEHOLD), first);
        }
        plan.rest = edits.map(|edit| (place(area), edit)).collect();
        Ok(plan)
    }

    /// How many of these persons live in another household.
    pub(super) fn elsewhere(&self, numbers: &[String], this: Option<&RecordId>) -> Result<usize, DeskError> {
        let mut count = 0;
        for number in numbers {
            let households = self.reader.households_of_person(number)?;
            count += usize::from(households.iter().any(|record| Some(record) != this));
        }
        Ok(count)
    }

    pub(super) fn change_household(&self, change: HouseholdChange) -> Result<Plan, DeskError> {
        permit::role_or_console(&self.person, REGISTRY)?;
        let found = self.household(&change.record)?;
        let mut wanted = Vec::new();
        let mut wrong = Vec::new();
        let mut edits = Vec::new();
        for (field, value) in &change.set {
            wanted.push((None, field.clone(), text(value)));
            if matches!(field.as_str(), "id" | "region") {
                wrong.push(RowFault {
                    field: field.clone(), reason: "编号和区划不能改；迁到别的村(社区)请用“迁居”".to_owned()
                });
                continue;
            }
            match import::set(field, value) {
                Ok(edit) => edits.push(edit),
                Err(fault) => wrong.push(fault),
            }
        }
        for RowChange { row, set } in &change.members {
            let at = found.household.members.iter().position(|member| member.row.as_ref() == Some(row));
            let at = at.ok_or_else(|| DeskError::not_found("家庭成员"))?;
            for (field, value) in set {
                wanted.push((Some(row.clone()), field.clone(), text(value)));
                match import::set_member(row, field, value) {
                    Ok(edit) => edits.push(edit),
                    Err(fault) => wrong.push(RowFault { field: format!("members[{at}].{}", fault.field), ..fault }),
                }
            }
        }
        for RowChange { row, set } in &change.aid {
            let at = found.household.aid.iter().position(|aid| aid.row.as_ref() == Some(row));
            let at = at.ok_or_else(|| DeskError::not_found("受助记录"))?;
            for (field, value) in set {
                wanted.push((Some(row.clone()), field.clone(), text(value)));
                match import::set_aid(row, field, value) {
                    Ok(edit) => edits.push(edit),
                    Err(fault) => wrong.push(RowFault { field: format!("aid[{at}].{}", fault.field), ..fault }),
                }
            }
        }
        for member in &change.new_members {
            if member.get("name").is_none_or(|name| text(name).trim().is_empty()) {
                wrong.push(RowFault { field: "members.name".to_owned(), reason: "缺少姓名".to_owned() });
            }
            match import::add_member(member) {
                Ok(edit) => edits.push(edit),
                Err(faults) => wrong.extend(faults),
            }
        }
        for aid in &change.new_aid {
            match import::add_aid(aid) {
                Ok(edit) => edits.push(edit),
                Err(faults) => wrong.extend(faults),
            }
        }
        for RowChange { row, set } in &change.holdings {
            let at = found.household.holdings.iter().position(|holding| holding.row.as_ref() == Some(row));
            let at = at.ok_or_else(|| DeskError::not_found("身份类别"))?;
            for (field, value) in set {
                wanted.push((Some(row.clone()), field.clone(), text(value)));
                match import::set_holding(row, field, value) {
                    Ok(edit) => edits.push(edit),
                    Err(fault) => wrong.push(RowFault { field: format!("holdings[{at}].{}", fault.field), ..fault }),
                }
            }
        }
        for holding in &change.new_holdings {
            match import::add_holding(holding) {
                Ok(edit) => edits.push(edit),
                Err(faults) => wrong.extend(faults),
            }
        }
        wrong.extend(import::holding_faults(&found.household, &change.new_members, &change.holdings(), &change.new_holdings));
        let numbers = self.new_numbers(&found.household, &change, &mut wrong);
        if !wrong.is_empty() {
            return Err(faults(wrong));
        }
        let meanwhile = meanwhile(&found, &change.seen_heads)?;
        let again = |change: &FieldChange| {
            wanted.iter().any(|(row, field, value)| *row == change.row && *field == change.field && *value != change.now)
        };
        let changed: Vec<FieldChange> = meanwhile.iter().filter(|change| again(change)).cloned().collect();
        if !changed.is_empty() {
            return Err(DeskError::Conflict { changed });
        }
        if edits.is_empty() {
            return Ok(Plan::saying("没有改动"));
        }
        edits.extend(self.noted_changes(&found.household, &change));
        let elsewhere = self.elsewhere(&numbers, Some(&change.record))?;
        let mut message = "已保存".to_owned();
        if elsewhere > 0 {
            message.push_str(&format!("；其中 {elsewhere} 名成员也在另一户中，已列为待核实，核实前不能审批"));
        }
        if !meanwhile.is_empty() {
            message.push_str("；打开表单之后他人改动了其他内容，请查看");
        }
        let mut plan = Plan::saying(message).draft(found.place, RecordRef::Known(change.record), import::together(edits));
        plan.outcome.records.push(change.record);
        plan.outcome.changed_meanwhile = meanwhile;
        Ok(plan)
    }

    /// The identity numbers that a change brings in; one that another member has is a fault.
    fn new_numbers(&self, household: &Household, change: &HouseholdChange, wrong: &mut Vec<RowFault>) -> Vec<String> {
        let number =
            |row: &Map<String, Value>| row.get("id_no").and_then(|value| IdNo::parse(&text(value)).ok()).map(|id| id.long());
        let changed = |op: &Option<OpId>| {
            change.members.iter().find(|change| Some(&change.row) == op.as_ref()).and_then(|change| number(&change.set))
        };
        let (mut seen, mut new) = (BTreeSet::new(), Vec::new());
        let mut take = |field: String, id: String, wrong: &mut Vec<RowFault>| {
            if !seen.insert(id) {
                wrong.push(RowFault { field, reason: "同一户内身份证号重复".to_owned() });
            }
        };
        for (at, member) in household.members.iter().enumerate() {
            match (changed(&member.row), member.id()) {
                (Some(id), _) => {
                    new.push(id.clone());
                    take(format!("members[{at}].id_no"), id, wrong);
                }
                // What is already wrong in the record is no fault of this change.
                (None, Some(id)) if member.is_present() => seen_once(&mut take, id.long()),
                _ => {}
            }
        }
        for member in &change.new_members {
            if let Some(id) = number(member) {
                new.push(id.clone());
                take("members.id_no".to_owned(), id, wrong);
            }
        }
        new
    }

    pub(super) fn settle_conflict(
        &self,
        record: RecordId,
        field: &str,
        row: Option<OpId>,
        value: &Value,
        seen_heads: &[String],
    ) -> Result<Plan, DeskError> {
        permit::role_or_console(&self.person, REGISTRY)?;
        let found = self.household(&record)?;
        let open = found.household.conflicts.iter().find(|conflict| conflict.field == field && conflict.row == row);
        if open.is_none() {
            return Err(DeskError::NotNow { why: "这一项已经没有分歧".to_owned() });
        }
        let meanwhile = meanwhile(&found, seen_heads)?;
        let changed: Vec<FieldChange> =
            meanwhile.iter().filter(|change| change.field == field && change.row == row).cloned().collect();
        if !changed.is_empty() {
            return Err(DeskError::Conflict { changed });
        }
        let (edit, title) = match &row {
            None => (import::set(field, value), label(HOUSEHOLD, field)),
            Some(op) if found.household.members.iter().any(|member| member.row.as_ref() == Some(op)) => {
                (import::set_member(op, field, value), label(MEMBER, field))
            }
            Some(op) if found.household.holdings.iter().any(|holding| holding.row.as_ref() == Some(op)) => {
                (import::set_holding(op, field, value), label(HOLDING, field))
            }
            Some(op) => (import::set_aid(op, field, value), label(AID, field)),
        };
        let edit = edit.map_err(|fault| faults(vec![fault]))?;
        let mut plan = Plan::saying(format!("“{title}”已核定")).draft(found.place, RecordRef::Known(record), edit);
        plan.outcome.records.push(record);
        plan.outcome.changed_meanwhile = meanwhile;
        Ok(plan)
    }
}

/// Notes a number without a complaint.
fn seen_once(take: &mut impl FnMut(String, String, &mut Vec<RowFault>), id: String) {
    take(String::new(), id, &mut Vec::new());
}

/// What was changed since a form was shown; nothing when the form does not say.
pub(super) fn meanwhile(found: &Found, seen_heads: &[String]) -> Result<Vec<FieldChange>, DeskError> {
    if seen_heads.is_empty() {
        return Ok(Vec::new());
    }
    let wrong = || DeskError::invalid("seen_heads", "表单的版本无法识别，请重新打开表单");
    let heads = parse_heads(seen_heads).ok_or_else(wrong)?;
    let shown = at(&found.doc, &heads).ok_or_else(wrong)?;
    Ok(changes(&shown, &found.household))
}
