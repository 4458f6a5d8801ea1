//! The policy list (政策清单): read by everybody, matched with households, revised at the city by new packs.

use super::command::PolicyRevision;
use super::model::{Person, PolicyPage};
use super::outcome::{DeskError, FieldFault};
use super::pack_tables::{Table, closed, code_of, opened};
use super::{Desk, Plan, Room, permit};
use serde_json::{Map, Value};
use shouwang_protocol::area::Tier;
use shouwang_protocol::eligibility::{Facts, Match, matches};
use shouwang_protocol::record::{ActionId, Kind, RecordId, RecordRef};
use shouwang_protocol::records::Problem;
use shouwang_protocol::records::policy::{Pack, Packs};
use std::collections::BTreeMap;

const LOOKING: ActionId = ActionId([0; 16]);
/// New packs of one day.
const VERSIONS_OF_A_DAY_MAX: u32 = 99;

/// The pack that comes last.
fn latest(packs: &Packs) -> Option<&Pack> {
    packs.values().max_by_key(|pack| (pack.from, &pack.version))
}

/// The pack with rows of its tables replaced, added or left out.
fn patched(
    pack: Pack,
    rows: BTreeMap<String, Vec<Map<String, Value>>>,
    gone: BTreeMap<String, Vec<String>>,
) -> Result<Pack, DeskError> {
    if rows.is_empty() && gone.is_empty() {
        return Ok(pack);
    }
    fn list<'w>(whole: &'w mut Value, section: &str) -> Result<(&'static Table, &'w mut Vec<Value>), DeskError> {
        let rows = whole.get_mut(section).and_then(Value::as_array_mut);
        let unknown = || DeskError::invalid(section, "政策包没有这一张表，或不在这里修订");
        Table::of(section).zip(rows).ok_or_else(unknown)
    }
    fn code(row: &Value) -> &str {
        row.get("code").and_then(Value::as_str).unwrap_or_default()
    }
    let mut whole = opened(&pack);
    for (section, new) in rows {
        let (table, list) = list(&mut whole, &section)?;
        for row in new {
            let cells = table.cells(&row);
            let typed =
                |path: &str| cells.iter().find(|(it, _)| it.path == path).map(|(_, text)| text.clone()).unwrap_or_default();
            let row = table.row(&row, typed).map_err(|faults| DeskError::Invalid { faults })?;
            match list.iter_mut().find(|it| code(it) == code_of(&row)) {
                Some(old) => *old = Value::Object(row),
                None => list.push(Value::Object(row)),
            }
        }
    }
    for (section, codes) in gone {
        list(&mut whole, &section)?.1.retain(|row| codes.iter().all(|gone| gone != code(row)));
    }
    closed(&pack, whole).map_err(|fault| DeskError::Invalid { faults: vec![fault] })
}

/// What keeps a pack from being published, each with the row it is about.
fn faults(pack: &Pack) -> Vec<FieldFault> {
    let place = |field: &str| {
        let (section, rest) = field.split_once('[')?;
        let label = Table::of(section).map_or("政策", |table| table.label);
        Some(format!("{label}“{}”：", rest.split_once(']')?.0))
    };
    let fault = |it: Problem| FieldFault::new(&*it.field, place(&it.field).unwrap_or_default() + &it.what);
    pack.faults().into_iter().map(fault).collect()
}

impl Desk {
    /// What keeps a revision from being published; nothing is written.
    pub async fn try_policy(&self, person: &Person, revision: PolicyRevision) -> Result<(), DeskError> {
        self.in_room(person, LOOKING, move |room| {
            let (pack, there) = room.revised(revision)?;
            if there {
                return Err(DeskError::invalid("rows", "没有改动"));
            }
            let faults = faults(&pack);
            if faults.is_empty() { Ok(()) } else { Err(DeskError::Invalid { faults }) }
        })
        .await
    }

    /// The policies of the pack in force, or of `version`.
    pub async fn policies(&self, person: &Person, version: Option<String>) -> Result<PolicyPage, DeskError> {
        self.in_room(person, LOOKING, move |room| {
            let packs = room.reader.packs()?;
            let in_force = room.pack(&packs);
            let wanted = match &version {
                Some(version) => packs.get(version),
                None => in_force,
            };
            let pack = wanted.cloned().ok_or_else(|| DeskError::not_found("政策包"))?;
            let mut versions: Vec<_> = packs.values().map(|pack| (pack.version.clone(), pack.from)).collect();
            versions.sort_by(|a, b| (b.1, &b.0).cmp(&(a.1, &a.0)));
            Ok(PolicyPage { in_force: in_force.is_some_and(|now| now.version == pack.version), pack, versions })
        })
        .await
    }

    /// What might fit a household, with the reasons. Not a decision.
    pub async fn policies_for(&self, person: &Person, record: RecordId) -> Result<(String, Vec<Match>), DeskError> {
        permit::office_staff(person)?;
        self.in_room(person, LOOKING, move |room| {
            let found = room.household(&record)?;
            room.matching(&Facts::of(&found.household, room.day))
        })
        .await
    }

    /// What might fit somebody who answers a few questions; nothing of it is kept.
    pub async fn policies_fitting(&self, person: &Person, facts: Facts) -> Result<(String, Vec<Match>), DeskError> {
        self.in_room(person, LOOKING, move |room| room.matching(&facts)).await
    }
}

impl Room<'_> {
    fn matching(&self, facts: &Facts) -> Result<(String, Vec<Match>), DeskError> {
        let packs = self.reader.packs()?;
        let pack = self.pack(&packs).ok_or_else(|| DeskError::not_found("政策包"))?;
        Ok((pack.version.clone(), matches(pack, facts, self.day)))
    }

    /// A new pack: the one that comes last, with some rows replaced, added or left out.
    pub(super) fn revise_policy(&self, revision: PolicyRevision, again: bool) -> Result<Plan, DeskError> {
        match self.revised(revision)? {
            (_, true) if again => Ok(Plan::saying("已发布")),
            (pack, _) => self.publish_policy(&pack, again),
        }
    }

    /// That pack, and whether it says nothing new.
    fn revised(&self, revision: PolicyRevision) -> Result<(Pack, bool), DeskError> {
        self.may_publish()?;
        let PolicyRevision { from, articles, rows, gone } = revision;
        let packs = self.reader.packs()?;
        let base =
            latest(&packs).ok_or_else(|| DeskError::NotNow { why: "还没有政策包，请先发布一个".to_owned() })?;
        if from < base.from {
            let why = format!("不能早于现有政策包的施行日期 {}", base.from);
            return Err(DeskError::invalid("from", why));
        }
        let version = (1..=VERSIONS_OF_A_DAY_MAX).map(|n| format!("{from}-{n:02}")).find(|name| !packs.contains_key(name));
        let version = version.ok_or_else(|| DeskError::NotNow { why: "同一天的政策包太多".to_owned() })?;
        let mut pack = Pack { version, from, ..base.clone() };
        for article in articles {
            match pack.articles.iter_mut().find(|old| old.code == article.code) {
                Some(old) => *old = article,
                None => pack.articles.push(article),
            }
        }
        let pack = patched(pack, rows, gone)?;
        let old = base.clone();
        let there = pack == Pack { version: pack.version.clone(), from, ..old };
        Ok((pack, there))
    }

    fn may_publish(&self) -> Result<(), DeskError> {
        self.administrator()?;
        if self.here.tier == Tier::City { Ok(()) } else { Err(DeskError::not_permitted("政策包由市级发布")) }
    }

    pub(super) fn publish_policy(&self, pack: &Pack, again: bool) -> Result<Plan, DeskError> {
        self.may_publish()?;
        let mut faults = faults(pack);
        if !again && self.reader.packs()?.contains_key(&pack.version) {
            faults.push(FieldFault::new("version", "这一版本已发布过；已发布的政策包不能改，请用新的版本"));
        }
        if !faults.is_empty() {
            return Err(DeskError::Invalid { faults });
        }
        let place = self.staff_place()?;
        let mut edits = pack.publish().into_iter();
        let mut plan = Plan::saying(format!("政策包“{}”已发布，自 {} 起施行", pack.version, pack.from));
        if let Some(first) = edits.next() {
            plan = plan.draft(place, RecordRef::New(Kind::POLICY), first);
        }
        plan.rest = edits.map(|edit| (place, edit)).collect();
        Ok(plan)
    }
}
