//! Looking again at households (动态复核): what happened to them, whose time is up, and what came of it.

use super::command::HouseholdChange;
use super::model::Person;
use super::outcome::DeskError;
use super::permit::{self, REGISTRY};
use super::{Desk, LOOKING, Plan, Room, day_of, derived};
use crate::store::reader::HouseholdRow;
use shouwang_protocol::area::{AreaId, Tier};
use shouwang_protocol::hash::hex;
use shouwang_protocol::record::{RecordId, RecordRef};
use shouwang_protocol::records::Edit;
use shouwang_protocol::records::changed::{Change, Review, Reviewed};
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::household::Household;
use shouwang_protocol::records::policy::ChangeKind;
use shouwang_protocol::records::staff::Role;
use shouwang_protocol::review::{Due, Known, due, open_changes};
use std::collections::BTreeSet;

/// Characters of what was found.
const NOTE_CHARS_MAX: usize = 500;

/// A household to be looked at again.
#[derive(Clone, Debug)]
pub struct ReviewLine {
    /// The household as in lists.
    pub row: HouseholdRow,
    /// Why and by when.
    pub due: Due,
}

/// What of a village is to be looked at again.
#[derive(Clone, Debug, Default)]
pub struct ReviewsPage {
    /// Villages to choose from, and how many of their households have changes that wait.
    pub areas: Vec<(AreaId, String, u64)>,
    /// The village.
    pub area: Option<AreaId>,
    /// Its households, the first due first.
    pub lines: Vec<ReviewLine>,
    /// Today.
    pub today: Day,
    /// Whether the reader may write down what came of it.
    pub may_review: bool,
    /// Whether the reader may open a case.
    pub may_open: bool,
}

/// What a person needs to write down a change.
#[derive(Clone, Debug, Default)]
pub struct ChangeChoices {
    /// Kinds of changes.
    pub kinds: Vec<ChangeKind>,
    /// Who lives in the household.
    pub people: Vec<String>,
}

/// Which kind of change the change of a field is.
fn kind_of_field(field: &str) -> Option<&'static str> {
    Some(match field {
        _ if field.starts_with("income_") => "收入",
        _ if field.starts_with("spend_") => "支出",
        "deposits" | "securities" | "vehicles" | "houses" => "财产",
        "died" => "死亡",
        "left" | "apart" => "迁出",
        "joined" => "迁入",
        "health" => "健康",
        "disability" | "disability_grade" => "残疾",
        "labor" => "就业",
        "schooling" => "就学",
        _ => return None,
    })
}

impl Room<'_> {
    pub(super) fn noted(&self, kind: &str, on: Day, person: &str, note: &str) -> Change {
        Change {
            kind: kind.to_owned(),
            on,
            person: person.trim().to_owned(),
            note: note.trim().to_owned(),
            day: self.day,
            name: self.person.name.clone(),
            office: self.here.name.clone(),
            moved: None,
        }
    }

    /// A name for a note of this action, whatever programs outside count up in their ids.
    pub(super) fn note_name(&self, number: usize) -> String {
        format!("{}-{number}", hex(&derived("shouwang note 1", &[&self.action.0]).0[..8]))
    }

    /// The changes that a change of fields is: written down beside it, so that somebody looks at the household again.
    /// A household without a category has nothing to look at again.
    pub(super) fn noted_changes(&self, household: &Household, change: &HouseholdChange) -> Vec<Edit> {
        if household.categories_on(self.day).is_empty() {
            return Vec::new();
        }
        let mut seen: BTreeSet<(&'static str, String)> = BTreeSet::new();
        seen.extend(change.set.keys().filter_map(|field| Some((kind_of_field(field)?, String::new()))));
        for row in &change.members {
            let name = household.members.iter().find(|member| member.row.as_ref() == Some(&row.row)).map(|member| &member.name);
            let name = name.cloned().unwrap_or_default();
            seen.extend(row.set.keys().filter_map(|field| Some((kind_of_field(field)?, name.clone()))));
        }
        for member in &change.new_members {
            let name = member.get("name").map(super::compare::text).unwrap_or_default();
            let born = member.get("birth").map(super::compare::text).and_then(|text| Day::parse(&text));
            let new = born.is_some_and(|born| born.months_later(12) > self.day);
            seen.insert((if new { "出生" } else { "迁入" }, name));
        }
        let one = |(number, (kind, person)): (usize, (&'static str, String))| {
            self.noted(kind, self.day, &person, "").write(&self.note_name(number))
        };
        seen.into_iter().enumerate().map(one).collect()
    }

    pub(super) fn note_change(
        &self,
        record: RecordId,
        kind: &str,
        on: Option<Day>,
        person: &str,
        note: &str,
    ) -> Result<Plan, DeskError> {
        permit::role_or_console(&self.person, REGISTRY)?;
        let found = self.household(&record)?;
        let packs = self.reader.packs()?;
        let pack = self.pack(&packs).ok_or_else(|| DeskError::not_found("政策包"))?;
        if !pack.changes.iter().any(|known| known.code == kind) {
            return Err(DeskError::invalid("kind", "请选择发生了什么"));
        }
        let on = on.unwrap_or(self.day);
        if on > self.day {
            return Err(DeskError::invalid("on", "发生的日期不能在今天之后"));
        }
        if !person.is_empty() && !found.household.members.iter().any(|member| member.name == person) {
            return Err(DeskError::invalid("person", "这户没有这一成员"));
        }
        if note.chars().count() > NOTE_CHARS_MAX {
            return Err(DeskError::invalid("note", format!("不超过 {NOTE_CHARS_MAX} 字")));
        }
        let change = self.noted(kind, on, person, note);
        let mut plan =
            Plan::saying("已登记，列入待复核").draft(found.place, RecordRef::Known(record), change.write(&self.note_name(0)));
        plan.outcome.records.push(record);
        Ok(plan)
    }

    /// Writes down what came of looking at a household, for everything that is open now and was shown.
    pub(super) fn review(&self, record: RecordId, outcome: Reviewed, note: &str, basis: &str) -> Result<Plan, DeskError> {
        permit::role_or_console(&self.person, REGISTRY)?;
        if self.here.tier < Tier::Township {
            return Err(DeskError::not_permitted("复核由镇（街道）以上办理；村（社区）登记变化即可"));
        }
        let note = note.trim();
        if note.is_empty() {
            return Err(DeskError::invalid("note", "须写明核实情况"));
        }
        if note.chars().count() > NOTE_CHARS_MAX {
            return Err(DeskError::invalid("note", format!("不超过 {NOTE_CHARS_MAX} 字")));
        }
        let found = self.household(&record)?;
        let due = self.due(&record, &found.household)?;
        let due =
            due.ok_or_else(|| DeskError::NotNow { why: "这一户没有要复核的事，可能别处已经办了".to_owned() })?;
        if !basis.is_empty() && basis != due.basis {
            let why = "这一户的情况在您打开页面之后有变化，请看过再登记".to_owned();
            return Err(DeskError::NotNow { why });
        }
        let review = Review {
            outcome: outcome.word().to_owned(),
            note: note.to_owned(),
            of: open_changes(&found.household).into_iter().map(|(name, _)| name.clone()).collect(),
            basis: due.basis,
            category: found.household.shared_categories_on(self.day).join("、"),
            day: self.day,
            name: self.person.name.clone(),
            office: self.here.name.clone(),
            tier: self.here.tier,
        };
        let plan = Plan::saying("复核结果已登记");
        let mut plan = plan.draft(found.place, RecordRef::Known(record), review.write(&self.note_name(0)));
        plan.outcome.records.push(record);
        Ok(plan)
    }

    fn known_of(&self, record: &RecordId) -> Result<Known, DeskError> {
        let written = self.reader.first_written(record)?.map(day_of);
        Ok(Known { approved: self.reader.approved_on(record)?, written })
    }

    fn due(&self, record: &RecordId, household: &Household) -> Result<Option<Due>, DeskError> {
        let packs = self.reader.packs()?;
        let pack = self.pack(&packs).ok_or_else(|| DeskError::not_found("政策包"))?;
        Ok(due(pack, household, self.known_of(record)?, self.day))
    }

    /// Whether and why a household is to be looked at again, and what may be written down about it.
    pub(super) fn review_with(
        &self,
        record: &RecordId,
        household: &Household,
    ) -> Result<(Option<Due>, ChangeChoices), DeskError> {
        let packs = self.reader.packs()?;
        let Some(pack) = self.pack(&packs) else { return Ok(Default::default()) };
        let people = household.members.iter().filter(|member| member.is_present());
        let people = people.map(|member| member.name.clone()).collect();
        let due = due(pack, household, self.known_of(record)?, self.day);
        Ok((due, ChangeChoices { kinds: pack.changes.clone(), people }))
    }

    fn reviews_page(&self, area: Option<AreaId>) -> Result<ReviewsPage, DeskError> {
        let mut areas = Vec::new();
        for (area, name) in self.villages()? {
            areas.push((area, name, self.reader.count_changed(&[area])?));
        }
        let area = match area {
            Some(area) => permit::covers(&self.here, &self.divisions, area).map(|()| Some(area))?,
            None => areas.iter().max_by_key(|(_, _, waiting)| *waiting).map(|(area, ..)| *area),
        };
        let packs = self.reader.packs()?;
        let pack = self.pack(&packs).ok_or_else(|| DeskError::not_found("政策包"))?;
        let mut lines = Vec::new();
        self.each_household(area, |row, household| {
            let due = due(pack, household, self.known_of(&row.record)?, self.day);
            lines.extend(due.map(|due| ReviewLine { row, due }));
            Ok(())
        })?;
        lines.sort_by_key(|line| (line.due.by.unwrap_or(Day(i32::MAX)), line.row.record));
        Ok(ReviewsPage {
            areas,
            area,
            lines,
            today: self.day,
            may_review: self.here.tier >= Tier::Township && permit::role_or_console(&self.person, REGISTRY).is_ok(),
            may_open: self.person.has(&[Role::Intake]),
        })
    }
}

impl Desk {
    /// The households of a village that are to be looked at again.
    pub async fn reviews(&self, person: &Person, area: Option<AreaId>) -> Result<ReviewsPage, DeskError> {
        permit::office_staff(person)?;
        self.in_room(person, LOOKING, move |room| room.reviews_page(area)).await
    }

    /// Whether and why a household is to be looked at again, and what may be written down about it.
    pub async fn review_of(&self, person: &Person, record: RecordId) -> Result<(Option<Due>, ChangeChoices), DeskError> {
        permit::office_staff(person)?;
        self.in_room(person, LOOKING, move |room| {
            let found = room.household(&record)?;
            room.review_with(&record, &found.household)
        })
        .await
    }

    /// Households of this office with changes that nobody has looked at.
    pub async fn changes_waiting(&self, person: &Person) -> Result<u64, DeskError> {
        permit::office_staff(person)?;
        self.in_room(person, LOOKING, |room| Ok(room.reader.count_changed(&room.here.areas)?)).await
    }
}
