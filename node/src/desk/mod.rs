//! The Desk: the one place where a command is checked and turned into changes.
//!
//! Web pages, the JSON API, the command line, the demo and tests all call [`Desk::perform`]. A command is checked
//! against the person's roles, what the case or the household stands at, and the policy pack; then it becomes one
//! action of the replica, under the id that the page gave it, so that a double click does nothing twice. Pages read
//! through the Desk too, so that nobody sees more than they may. No SQL, no HTTP, no QUIC here.
//!
//! Commands are done one at a time: each is checked on a snapshot that holds everything this machine wrote before.
//! What arrives from other machines in between cannot be helped, and `standing` gives one answer everywhere.

pub mod allotments;
mod amounts;
mod answer;
pub mod batch;
pub mod carry;
mod cases;
pub mod categories;
pub mod checks;
mod command;
mod compare;
mod confirmed;
pub mod consents;
pub mod doubles;
pub mod export;
mod export_figures;
pub mod handover;
mod households;
pub mod import;
mod indicators;
mod lists;
pub mod loops;
mod materials;
pub mod means;
pub mod missed;
mod model;
pub mod months;
pub mod moves;
mod notices;
mod outcome;
pub mod pack_tables;
pub mod packs;
mod pages;
pub mod payments;
mod permit;
mod policies;
pub mod projects;
pub mod reviews;
mod sign_in;
mod staff;
pub mod statistics;
mod steps;
mod visits;
pub mod vouch;
pub mod wire;
pub mod years;

pub use answer::CaseAnswer;
pub use command::{
    CaseStep, CheckAnswer, Command, HouseholdChange, HouseholdMove, HouseholdSplit, NewStaff, OpenCase, Part, PolicyRevision,
    RelationOf, RowChange, To,
};
pub use confirmed::ConfirmedStatus;
pub use materials::Held;
pub use model::*;
pub use outcome::{DeskError, FieldChange, FieldFault, Outcome};
pub use sign_in::{PASSWORD_CHARS_MIN, SESSION_IDLE_MS, Session, SignIn};
pub use visits::VisitNames;

use crate::clock::Clock;
use crate::store::reader::Reader;
use crate::store::{Readers, SqliteStore};
use crate::writer::{Health, Writer};
use shouwang_protocol::area::{AreaId, Divisions};
use shouwang_protocol::control::Office;
use shouwang_protocol::device::DeviceKey;
use shouwang_protocol::entry::{EntryRef, Header};
use shouwang_protocol::hash::Hash;
use shouwang_protocol::record::{ActionId, CaseId, Place, RecordId, RecordRef};
use shouwang_protocol::records::Edit;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::replica::{Action, Draft};
use std::sync::Arc;
use tokio::sync::Mutex;

/// Milliseconds from UTC to the time of day in all of China.
const CHINA_MS: i64 = 8 * 3_600_000;
/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

/// A read carries no action.
const LOOKING: ActionId = ActionId([0; 16]);

/// The day in China at a time.
pub fn day_of(wall_ms: i64) -> Day {
    let days = wall_ms.saturating_add(CHINA_MS).div_euclid(DAY_MS);
    Day(i32::try_from(days).unwrap_or(i32::MAX))
}

/// The day and minute in China at a time, as in lists and files: `2019-05-29 12:42`.
pub fn minute_of(wall_ms: i64) -> String {
    let minutes = wall_ms.saturating_add(CHINA_MS).div_euclid(60_000).rem_euclid(24 * 60);
    format!("{} {:02}:{:02}", day_of(wall_ms), minutes / 60, minutes % 60)
}

/// The Desk of one machine. Cloning it is cheap.
#[derive(Clone, Debug)]
pub struct Desk {
    writer: Writer<SqliteStore>,
    readers: Readers,
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    device: DeviceKey,
    // The office by the certificate, for as long as control has not said anything.
    certified: Office,
    turn: Arc<Mutex<()>>,
    guards: sign_in::Guards,
    // Shown while the writer is too busy to say.
    confirmed: std::sync::Mutex<Confirmed>,
    // Opens the files that are carried here on a stick.
    recipient: carry::Recipient,
    // When somebody asked after a case in vain, by the measuring clock.
    misses: std::sync::Mutex<Vec<u64>>,
}

/// What a command is checked with: one snapshot, who asks, where and when.
pub(crate) struct Room<'a> {
    reader: &'a Reader,
    here: Here,
    divisions: Divisions,
    person: Person,
    action: ActionId,
    day: Day,
}

/// What a command comes to.
#[derive(Default)]
pub(crate) struct Plan {
    /// Records the person was shown besides those changed.
    shown: Vec<RecordId>,
    /// The entry or entries of the action.
    drafts: Vec<Draft>,
    /// Further entries of the record that the action created, each an action of its own.
    rest: Vec<(Place, Edit)>,
    /// What will be answered.
    outcome: Outcome,
}

impl Desk {
    /// The Desk over an open store.
    pub async fn open(writer: Writer<SqliteStore>, readers: Readers) -> Result<Desk, DeskError> {
        let (device, office) = writer
            .with(|engine| {
                let device = engine.replica().device();
                (device, engine.replica().control().office_of(&device))
            })
            .await?;
        let certified = office.ok_or(DeskError::Closed)?;
        let inner = Inner {
            device,
            certified,
            turn: Arc::default(),
            guards: sign_in::Guards::new(),
            confirmed: Default::default(),
            recipient: Default::default(),
            misses: Default::default(),
        };
        Ok(Desk { writer, readers, inner: Arc::new(inner) })
    }

    /// The one who may write to this machine's database.
    pub fn writer(&self) -> &Writer<SqliteStore> {
        &self.writer
    }

    /// Those who read it.
    pub fn readers(&self) -> &Readers {
        &self.readers
    }

    /// The clock.
    pub fn clock(&self) -> &Clock {
        self.writer.clock()
    }

    /// The day in China.
    pub fn today(&self) -> Day {
        day_of(self.clock().now().wall_ms)
    }

    /// Whose machine this is.
    pub async fn here(&self) -> Result<Here, DeskError> {
        let inner = self.inner.clone();
        self.read(move |reader| here(reader, &inner)).await
    }

    /// The machine's administrator.
    pub async fn console(&self) -> Result<Person, DeskError> {
        let here = self.here().await?;
        Ok(Person::console(here.office, here.tier))
    }

    /// Reads from one snapshot, on a thread where waiting for the disk holds nobody up.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Reader) -> Result<T, DeskError> + Send + 'static,
    ) -> Result<T, DeskError> {
        let readers = self.readers.clone();
        let answer = tokio::task::spawn_blocking(move || readers.read(|reader| Ok(ask(reader)))).await;
        answer.map_err(|_| DeskError::Store { why: "读取中断".to_owned() })??
    }

    /// The same, with everything that a check needs.
    pub(crate) async fn in_room<T: Send + 'static>(
        &self,
        person: &Person,
        action: ActionId,
        ask: impl FnOnce(&Room<'_>) -> Result<T, DeskError> + Send + 'static,
    ) -> Result<T, DeskError> {
        let (inner, person, day) = (self.inner.clone(), person.clone(), self.today());
        self.read(move |reader| {
            let here = here(reader, &inner)?;
            permit::of_this_office(&person, &here)?;
            ask(&Room { reader, here, divisions: reader.divisions()?, person, action, day })
        })
        .await
    }

    /// Writes something that belongs to this machine alone.
    pub(crate) async fn local<T: Send + 'static>(
        &self,
        write: impl FnOnce(&crate::store::Local<'_>) -> Result<T, shouwang_protocol::store::StoreError> + Send + 'static,
    ) -> Result<T, DeskError> {
        Ok(self.writer.with(move |engine| write(&engine.replica().store().local())).await??)
    }

    /// Does what a person asks, or says why not. Asked twice with the same id, it is done once.
    pub async fn perform(&self, person: &Person, action: ActionId, command: Command) -> Result<Outcome, DeskError> {
        // A task of its own: when the browser goes away in the middle, the next command must still wait until this
        // one is on the disk, or it would be checked against a past that is no longer true.
        let (desk, person) = (self.clone(), person.clone());
        let done = tokio::spawn(async move { desk.perform_here(&person, action, command).await }).await;
        done.unwrap_or_else(|_| Err(DeskError::Store { why: "办理中断".to_owned() }))
    }

    async fn perform_here(&self, person: &Person, action: ActionId, command: Command) -> Result<Outcome, DeskError> {
        if let Health::Damaged(why) = &*self.writer.health().borrow() {
            return Err(DeskError::ReadOnly { why: format!("数据库损坏：{why}") });
        }
        // The slow part of a new password comes before anybody has to wait for us.
        let secret = match &command {
            Command::AddStaff(NewStaff { password, .. }) | Command::ResetPassword { password, .. } => {
                self.may_see_to_staff(person).await?;
                Some(self.new_password(password).await?)
            }
            _ => None,
        };
        let _turn = self.inner.turn.lock().await;
        let before = self.done_before(person, action).await?;
        let word = command.word();
        let local = staff::Local::of(&command, secret);
        let again = before.is_some();
        let mut plan = self.in_room(person, action, move |room| room.plan(command, again)).await?;
        let outcome = match before {
            Some((entries, records)) => {
                let case = plan.outcome.case;
                let first = records.first().copied();
                self.write_rest(person, action, first, std::mem::take(&mut plan.rest)).await?;
                Outcome { records, case, entries, again: true, changed_meanwhile: Vec::new(), message: plan.outcome.message }
            }
            None => self.write(person, action, plan).await?,
        };
        self.after(local).await?;
        tracing::debug!(command = word, again = outcome.again, entries = outcome.entries.len(), "command done");
        Ok(outcome)
    }

    /// What an action did, when it was done before, by this very person.
    async fn done_before(&self, person: &Person, action: ActionId) -> Result<Option<(Vec<EntryRef>, Vec<RecordId>)>, DeskError> {
        let staff = person.id.clone();
        self.read(move |reader| {
            let (mut entries, mut records) = (Vec::new(), Vec::new());
            for (entry, _) in reader.action(&action)? {
                let Some(stored) = reader.entry(&entry)? else { continue };
                let by = Header::from_bytes(&stored.entry.header).map(|header| header.staff);
                if by.as_ref() != Some(&staff) {
                    return Err(DeskError::not_permitted("这一操作编号已由他人使用"));
                }
                for record in stored.entry.records(&stored.log, stored.sequence) {
                    if !records.contains(&record) {
                        records.push(record);
                    }
                }
                entries.push(entry);
            }
            Ok((!entries.is_empty()).then_some((entries, records)))
        })
        .await
    }

    async fn write(&self, person: &Person, action: ActionId, plan: Plan) -> Result<Outcome, DeskError> {
        let Plan { shown, drafts, rest, mut outcome } = plan;
        if drafts.is_empty() {
            return Ok(outcome);
        }
        let first = Action { id: action, staff: person.id.clone(), claimed_ms: self.clock().now().wall_ms, shown, drafts };
        let done = self.writer.commit(vec![first]).await?.pop();
        if let Some(done) = done {
            outcome.entries = done.entries;
            for record in done.records {
                if !outcome.records.contains(&record) {
                    outcome.records.push(record);
                }
            }
        }
        let created = outcome.records.first().copied();
        self.write_rest(person, action, created, rest).await?;
        Ok(outcome)
    }

    /// Further entries of a record, under ids of their own that follow from the action's.
    async fn write_rest(
        &self,
        person: &Person,
        action: ActionId,
        record: Option<RecordId>,
        rest: Vec<(Place, Edit)>,
    ) -> Result<(), DeskError> {
        let Some(record) = record.filter(|_| !rest.is_empty()) else { return Ok(()) };
        let claimed_ms = self.clock().now().wall_ms;
        let further = |(number, (place, edit)): (usize, (Place, Edit))| Action {
            id: further(action, number),
            staff: person.id.clone(),
            claimed_ms,
            shown: Vec::new(),
            drafts: vec![Draft { place, record: RecordRef::Known(record), edit }],
        };
        self.writer.commit(rest.into_iter().enumerate().map(further).collect()).await?;
        Ok(())
    }
}

/// The id of a further part of an action.
pub(crate) fn further(action: ActionId, number: usize) -> ActionId {
    derived("shouwang further entry 1", &[&action.0, &(number as u64).to_le_bytes()])
}

/// An id that follows from something, so that doing it again makes the same.
pub(crate) fn derived(tag: &str, parts: &[&[u8]]) -> ActionId {
    let mut id = [0; 16];
    id.copy_from_slice(&Hash::of(tag, parts).0[..16]);
    ActionId(id)
}

fn here(reader: &Reader, inner: &Inner) -> Result<Here, DeskError> {
    let device = reader.devices()?.into_iter().find(|row| row.key == inner.device);
    let id = device.map_or(inner.certified.id, |row| row.office);
    let office = reader.offices()?.into_iter().find(|office| office.id == id).unwrap_or_else(|| inner.certified.clone());
    Ok(Here {
        office: office.id,
        areas: office.areas_now().collect(),
        decides: office.decider == Some(inner.device),
        name: office.name,
        tier: office.tier,
        device: inner.device,
    })
}

impl Room<'_> {
    fn plan(&self, command: Command, again: bool) -> Result<Plan, DeskError> {
        if self.person.has(&[shouwang_protocol::records::staff::Role::Auditor]) && self.person.roles.len() == 1 {
            return Err(DeskError::not_permitted("审计员只能查看"));
        }
        let begun = CaseId(self.action.0);
        match command {
            Command::RegisterHousehold { area, row } => self.register_household(area, row, again),
            Command::PublishPolicy { pack } => self.publish_policy(&pack, again),
            Command::RevisePolicy(revision) => self.revise_policy(revision, again),
            Command::MoveHousehold(wanted) => self.move_household(wanted, again),
            Command::SplitHousehold(wanted) => self.split_household(wanted, again),
            // What was done stays done, whatever the record has come to since.
            Command::OpenCase(_) | Command::ApplyForMissed { .. } if again => Ok(Plan::saying("已登记").about(begun)),
            Command::Case { step: CaseStep::Route { .. }, .. } if again => Ok(Plan::saying("已分派").about(begun)),
            Command::Case { case, .. } if again => Ok(Plan::saying("已办理").about(case)),
            _ if again => Ok(Plan::saying("已保存")),
            Command::EditHousehold { record, set, seen_heads } => {
                self.change_household(HouseholdChange { set, seen_heads, ..HouseholdChange::of(record) })
            }
            Command::AddMember { record, member } => {
                self.change_household(HouseholdChange { new_members: vec![member], ..HouseholdChange::of(record) })
            }
            Command::EditMember { record, member, set, seen_heads } => {
                let members = vec![RowChange { row: member, set }];
                self.change_household(HouseholdChange { members, seen_heads, ..HouseholdChange::of(record) })
            }
            Command::AddAid { record, aid } => {
                self.change_household(HouseholdChange { new_aid: vec![aid], ..HouseholdChange::of(record) })
            }
            Command::EditAid { record, aid, set, seen_heads } => {
                let aid = vec![RowChange { row: aid, set }];
                self.change_household(HouseholdChange { aid, seen_heads, ..HouseholdChange::of(record) })
            }
            Command::AddHolding { record, holding } => {
                self.change_household(HouseholdChange { new_holdings: vec![holding], ..HouseholdChange::of(record) })
            }
            Command::EditHolding { record, holding, set, seen_heads } => {
                let holdings = vec![RowChange { row: holding, set }];
                self.change_household(HouseholdChange { holdings, seen_heads, ..HouseholdChange::of(record) })
            }
            Command::ChangeHousehold(change) => self.change_household(change),
            Command::SettleConflict { record, field, row, value, seen_heads } => {
                self.settle_conflict(record, &field, row, &value, &seen_heads)
            }
            Command::OpenCase(open) => self.open_case(open),
            Command::Case { case, step } => self.take_step(case, step),
            Command::Screen { record, kind, outcome, note } => self.screen(record, &kind, outcome, &note),
            Command::NoteChange { record, kind, on, person, note } => self.note_change(record, &kind, on, &person, &note),
            Command::Review { record, outcome, note, basis } => self.review(record, outcome, &note, &basis),
            Command::SignOff { area, month, digest, note } => self.sign_off(area, &month, &digest, &note),
            Command::ApplyForMissed { record, kind } => self.apply_for_missed(record, kind),
            Command::AddProject { values } => self.add_project(&values),
            Command::ChangeProject { record, values, seen_heads } => self.change_project(record, &values, &seen_heads),
            Command::TellOfPlaces { project } => self.tell_of_places(project),
            Command::AskAboutDouble { cases } => self.ask_about_double(&cases),
            Command::SettleDouble { cases, ruling, reason } => self.settle_double(&cases, ruling, &reason),
            Command::AnswerCheck { number, answers } => self.answer_check(&number, &answers),
            Command::GrantAllotment(new) => self.grant_allotment(&new),
            Command::RaiseAllotment { record, amount, note } => self.raise_allotment(record, amount, &note),
            Command::CloseAllotment { record, reason } => self.close_allotment(record, &reason),
            Command::AddStaff(new) => self.add_staff(&new),
            Command::SetRoles { staff, roles } => self.set_roles(&staff, &roles),
            Command::SetTerm { staff, from, until } => self.set_term(&staff, from, until),
            Command::ResetPassword { staff, .. } => self.reset_password(&staff),
            Command::DisableStaff { staff } => self.set_disabled(&staff, true),
            Command::EnableStaff { staff } => self.set_disabled(&staff, false),
        }
    }

    /// Township and village, for people.
    fn place_name(&self, area: AreaId) -> String {
        place_name(&self.divisions, area)
    }
}

/// An area's name with those above it, without the city's.
fn place_name(divisions: &Divisions, area: AreaId) -> String {
    let names = divisions.path_up(area).filter_map(|step| divisions.get(step));
    let mut names: Vec<&str> = names.filter(|area| area.parent.is_some()).map(|area| area.name.as_str()).collect();
    if names.is_empty() {
        names.extend(divisions.get(area).map(|area| area.name.as_str()));
    }
    names.reverse();
    names.concat()
}

impl Plan {
    fn saying(message: impl Into<String>) -> Plan {
        Plan { outcome: Outcome { message: message.into(), ..Outcome::default() }, ..Plan::default() }
    }

    fn about(mut self, case: CaseId) -> Plan {
        self.outcome.case = Some(case);
        self
    }

    fn draft(mut self, place: Place, record: RecordRef, edit: Edit) -> Plan {
        self.drafts.push(Draft { place, record, edit });
        self
    }
}
