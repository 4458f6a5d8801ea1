//! What the pages of one household and one case read.

use super::compare::{at, changes, heads_text, label, text};
use super::model::{CaseEntry, CasePage, ConflictShown, ConflictValue, HistoryItem, HouseholdPage, Person, TurnLine};
use super::outcome::DeskError;
use super::permit::{self, REGISTRY, receives};
use super::{Desk, LOOKING, Room, cases};
use crate::store::reader::{self, CaseFile, CaseFilter, Page, Stored};
use automerge::{Automerge, ChangeHash, ReadDoc};
use shouwang_protocol::area::Tier;
use shouwang_protocol::device::{DeviceKey, OfficeId};
use shouwang_protocol::record::{CaseId, RecordId};
use shouwang_protocol::records::OpId;
use shouwang_protocol::records::event::{EventKind, Shown, TargetKind};
use shouwang_protocol::records::holding::HOLDING;
use shouwang_protocol::records::household::{AID, HOUSEHOLD, Household, MEMBER};
use shouwang_protocol::records::staff::Role;
use shouwang_protocol::standing::{TimelineItem, Turn, Who, can_take_back};
use std::collections::{BTreeMap, BTreeSet};

/// Changes of a household that one page shows at most.
const HISTORY_MAX: usize = 200;
/// Cases of a household that its page shows.
const CASES_MAX: u32 = 50;

/// Names of staff and offices.
struct Names {
    staff: BTreeMap<(OfficeId, String), String>,
    offices: BTreeMap<OfficeId, String>,
}

fn of_tier(tier: Tier) -> Stored {
    match tier {
        Tier::Village => Stored::Here,
        Tier::Township => Stored::Township,
        Tier::City => Stored::City,
    }
}

impl Desk {
    /// A household, with the latest `history` changes.
    pub async fn household(&self, person: &Person, record: RecordId, history: usize) -> Result<HouseholdPage, DeskError> {
        self.in_room(person, LOOKING, move |room| room.household_page(record, history)).await
    }

    /// A case.
    pub async fn case(&self, person: &Person, case: CaseId) -> Result<CasePage, DeskError> {
        self.in_room(person, LOOKING, move |room| room.case_page(case)).await
    }
}

impl Room<'_> {
    fn names(&self) -> Result<Names, DeskError> {
        let staff = self.reader.staff(None)?.into_iter().map(|row| ((row.office, row.id), row.name)).collect();
        let offices = self.reader.offices()?.into_iter().map(|office| (office.id, office.name)).collect();
        Ok(Names { staff, offices })
    }

    fn household_page(&self, record: RecordId, history: usize) -> Result<HouseholdPage, DeskError> {
        if !self.person.is_office_staff() {
            return Err(DeskError::not_permitted("部门、服务机构只能查看转来的事项"));
        }
        let found = self.household(&record)?;
        let detail = self.reader.household(&record)?.ok_or_else(|| DeskError::not_found("家庭档案"))?;
        let items = self.reader.history(&record)?;
        let names = self.names()?;
        let conflicts = conflicts(&found.doc, &detail.household, &items, &names);
        let wanted = history.min(HISTORY_MAX);
        let older = items.len() > wanted;
        let history = items.iter().rev().take(wanted).map(|item| self.history_item(&found.doc, item, &names)).collect();
        let filter = CaseFilter { household: Some(record), ..CaseFilter::default() };
        let cases = self.reader.cases(&filter, Page::first(CASES_MAX))?.rows;
        let mut duplicates = Vec::new();
        for member in detail.household.members.iter().filter(|member| detail.row.duplicate && member.is_present()) {
            let Some(id) = member.id() else { continue };
            let others = self.reader.households_of_person(&id.long())?;
            duplicates.extend(others.into_iter().filter(|other| *other != record).map(|other| (member.name.clone(), other)));
        }
        Ok(HouseholdPage {
            place: self.place_name(detail.place.area),
            heads: heads_text(&detail.heads),
            conflicts,
            history,
            older,
            cases,
            duplicates,
            moves: self.move_ends(&found)?,
            review: self.review_with(&record, &detail.household)?,
            may_edit: self.person.has(REGISTRY),
            may_open_case: self.person.has(&[Role::Intake]) && detail.household.moved_out().is_none(),
            detail,
        })
    }

    fn history_item(&self, doc: &Automerge, item: &reader::HistoryItem, names: &Names) -> HistoryItem {
        let change = doc.get_change_by_hash(&ChangeHash(item.change));
        let deps = change.map(|change| change.deps().to_vec()).unwrap_or_default();
        let created = deps.is_empty();
        let before = if created { None } else { at(doc, &deps) };
        let after = at(doc, &[ChangeHash(item.change)]);
        let changes = before.zip(after).map(|(before, after)| changes(&before, &after)).unwrap_or_default();
        HistoryItem {
            entry: item.entry,
            name: names.of(item.office, &item.staff),
            staff: item.staff.clone(),
            office: item.office_name.clone(),
            claimed_ms: item.claimed_ms,
            created,
            changes,
            stored: item.stored.max(of_tier(item.tier)).max(of_tier(self.here.tier)),
        }
    }

    fn case_page(&self, case: CaseId) -> Result<CasePage, DeskError> {
        let mut file = self.case(&case)?;
        let packs = self.reader.packs()?;
        let sight = permit::sight(&file.standing, &self.person, self.day);
        let names = self.names()?;
        let possible = self.possible(&file, &packs)?;
        let takes_back =
            |item: &&TimelineItem| self.may_take_back(item) && can_take_back(&file.standing, self.here.tier, &item.id);
        let all = file.standing.timeline.iter().filter(|_| possible.contains(&EventKind::Withdrawn));
        let to_take_back: BTreeSet<OpId> = all.filter(takes_back).map(|item| item.id.clone()).collect();
        let blocks = if self.person.is_office_staff() { self.blocks(&case, &file.standing, &packs)? } else { Vec::new() };
        let reserve = possible.contains(&EventKind::Emergency).then(|| self.reserve_left());
        let uses_in_vain =
            if file.standing.emergency.is_some() || file.standing.astray.0 > 0 { self.uses_in_vain(&case)? } else { Vec::new() };
        let proposal = self.proposal(&file.standing, &packs)?;
        let turns = self.turns(&file, &names);
        let projects = self.projects_of_case(&file, &possible)?;
        let reach = self.reach(&case)?;
        let confirmed = match sight.shows(Shown::Status) {
            true => self.confirmed_statuses(file.standing.household, &packs)?,
            false => Vec::new(),
        };
        let consent = self.consent_choices(&file.standing, &packs, &possible)?;
        let standing = permit::minimum(std::mem::take(&mut file.standing), &self.person, self.day);
        let household = match (&standing.household, self.person.is_office_staff()) {
            (Some(record), true) => self.reader.household_row(record)?,
            _ => None,
        };
        let entries = standing.timeline.iter().map(|item| {
            let stored = item.stamp.and_then(|stamp| reach.get(&(stamp.device, stamp.lamport)).copied()).unwrap_or(Stored::Here);
            CaseEntry {
                office: names.offices.get(&item.event.by).cloned().unwrap_or_default(),
                stored: stored.max(of_tier(item.tier)).max(of_tier(self.here.tier)),
                may_take_back: to_take_back.contains(&item.id),
                item: item.clone(),
            }
        });
        let entries = entries.collect();
        let handler = if self.person.is_office_staff() { self.handler(&standing)? } else { None };
        let answerable = standing.transfers.iter().filter(|transfer| receives(transfer, &self.person));
        self.lessen(&mut file.row, self.is_told_by_consent()?);
        Ok(CasePage {
            reserve,
            uses_in_vain,
            place: if sight.shows(Shown::Place) { self.place_name(file.row.area) } else { String::new() },
            barred: sight == permit::Sight::Own,
            consent,
            answerable: answerable.map(|transfer| transfer.id.clone()).collect(),
            routed_from: cases::routed_from(&standing),
            handler,
            notice_phone: self.last_phone()?,
            visit: match possible.contains(&EventKind::Visited) {
                true => self.visit_names(standing.household)?,
                false => super::VisitNames::default(),
            },
            projects,
            confirmed,
            questions: match packs.get(&standing.pack) {
                Some(pack) => pack.questions_of(&standing.assistance).cloned().collect(),
                None => Vec::new(),
            },
            held: if possible.contains(&EventKind::MaterialsAsked) { self.held(standing.household)? } else { Vec::new() },
            entries,
            turns,
            possible,
            blocks,
            proposal,
            household,
            standing,
            row: file.row,
        })
    }

    /// How far the entries of a case got, by device and Lamport number.
    fn reach(&self, case: &CaseId) -> Result<BTreeMap<(DeviceKey, u64), Stored>, DeskError> {
        let mut reach = BTreeMap::new();
        for (_, record) in self.reader.volumes(case)? {
            reach.extend(self.reader.history(&record)?.into_iter().map(|item| ((item.device, item.lamport), item.stored)));
        }
        Ok(reach)
    }

    fn turns(&self, file: &CaseFile, names: &Names) -> Vec<TurnLine> {
        let line = |turn: &Turn| {
            let (who, mine) = match &turn.who {
                Who::Applicant => ("申请人".to_owned(), false),
                Who::Tier(tier) => (self.office_at(file, *tier, names), *tier == self.here.tier && self.person.is_office_staff()),
                Who::Target(to) => (to.name.clone(), self.is_mine(&to.kind, &to.id)),
            };
            let overdue = turn.due.is_some_and(|due| due < self.day);
            TurnLine { who, what: turn.what.to_owned(), due: turn.due, overdue, mine }
        };
        let lines = file.standing.turns.iter().map(line);
        if self.person.is_office_staff() { lines.collect() } else { lines.filter(|line| line.mine).collect() }
    }

    fn is_mine(&self, kind: &TargetKind, id: &str) -> bool {
        match kind {
            TargetKind::Office => id == self.here.office.to_string() && self.person.is_office_staff(),
            TargetKind::Department => self.person.department.as_deref() == Some(id),
            TargetKind::Provider => self.person.provider.as_deref() == Some(id),
        }
    }

    /// The name of the office of a tier that covers a case's area.
    fn office_at(&self, file: &CaseFile, tier: Tier, names: &Names) -> String {
        let word = match tier {
            Tier::Village => "村(社区)",
            Tier::Township => "镇(街道)",
            Tier::City => "市级",
        };
        let above =
            self.divisions.path_up(file.row.area).find(|area| self.divisions.get(*area).is_some_and(|area| area.tier == tier));
        let name =
            above.and_then(|area| self.reader.offices().ok()?.into_iter().find(|office| office.areas.get(&area) == Some(&true)));
        name.and_then(|office| names.offices.get(&office.id).cloned()).unwrap_or_else(|| word.to_owned())
    }
}

impl Names {
    fn of(&self, office: Option<OfficeId>, staff: &str) -> String {
        office.and_then(|office| self.staff.get(&(office, staff.to_owned())).cloned()).unwrap_or_default()
    }
}

/// Fields with several values, each with the change that wrote it.
fn conflicts(doc: &Automerge, household: &Household, items: &[reader::HistoryItem], names: &Names) -> Vec<ConflictShown> {
    if household.conflicts.is_empty() {
        return Vec::new();
    }
    let written = doc.get_changes(&[]);
    let author = |op: &OpId| {
        let change = written
            .iter()
            .find(|change| *change.actor_id() == op.actor && (change.start_op().get()..=change.max_op()).contains(&op.counter))?;
        items.iter().find(|item| item.change == change.hash().0)
    };
    let shown = household.conflicts.iter().map(|conflict| {
        let in_list = |row: &OpId| household.members.iter().any(|member| member.row.as_ref() == Some(row));
        let holds = |row: &OpId| household.holdings.iter().any(|holding| holding.row.as_ref() == Some(row));
        let (list, table) = match &conflict.row {
            None => (None, HOUSEHOLD),
            Some(row) if in_list(row) => (Some("members"), MEMBER),
            Some(row) if holds(row) => (Some("holdings"), HOLDING),
            Some(_) => (Some("aid"), AID),
        };
        let row = household.row();
        let now = match &conflict.row {
            None => row.get(&conflict.field).map(text),
            Some(_) => None,
        };
        let last = conflict.values.len().saturating_sub(1);
        let values = conflict.values.iter().enumerate().map(|(number, (value, op))| {
            let item = author(op);
            let holder =
                || household.members.iter().find(|member| member.row.as_ref().is_some_and(|row| row.to_string() == *value));
            let named = (list, conflict.field.as_str()) == (Some("holdings"), "person");
            ConflictValue {
                value: if named { holder().map(|member| member.name.clone()) } else { None }.unwrap_or_else(|| value.clone()),
                staff: item.map(|item| item.staff.clone()).unwrap_or_default(),
                name: item.map(|item| names.of(item.office, &item.staff)).unwrap_or_default(),
                office: item.map(|item| item.office_name.clone()).unwrap_or_default(),
                claimed_ms: item.map(|item| item.claimed_ms).unwrap_or_default(),
                shown: now.as_ref().map_or(number == last, |now| now == value),
            }
        });
        ConflictShown {
            label: label(table, &conflict.field),
            field: conflict.field.clone(),
            list,
            row: conflict.row.clone(),
            blocks: conflict.blocks,
            values: values.collect(),
        }
    });
    shown.collect()
}
