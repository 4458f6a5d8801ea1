//! Care projects (关爱援助项目库) and their places: the library, what fits a case, booking, and the city's word on it.
//!
//! A booking is written by any office that covers the case, also offline, and asks for a place. Only the city's deciding
//! device gives one, against its own complete replica: with the confirmation it publishes how many places are taken, and
//! tells every claim that no longer fits, so that offices that cannot see each other learn of it. What conflicts is
//! shown to the city as soon as both claims are here; who gets the place is a person's matter.

use super::cases::short;
use super::command::CaseStep;
use super::compare::{heads_text, parse_heads};
use super::model::Person;
use super::outcome::{DeskError, FieldChange, FieldFault};
use super::permit;
use super::steps::refused;
use super::{Desk, LOOKING, Plan, Room};
use crate::store::reader::{self, BookingRow, CaseFile, ProjectRow};
use automerge::{Automerge, ChangeHash, ReadDoc};
use shouwang_protocol::area::{AreaId, Tier};
use shouwang_protocol::projects::{
    Allotment, Claim, Fit, Misfit, Seat, Sums, allot_rows, answers, fit, hindrances, misfits, rows_for,
};
use shouwang_protocol::record::{CaseId, Kind, Lane, Place, RecordId, RecordRef};
use shouwang_protocol::records::case::append;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::event::{EventKind, What};
use shouwang_protocol::records::policy::{Pack, Packs};
use shouwang_protocol::records::project::{self, FIELDS, Project, Row, Share, ShareId};
use shouwang_protocol::records::staff::Role;
use shouwang_protocol::records::{Edit, OpId};
use shouwang_protocol::standing::{Booking, BookingState, Standing, would_count};
use std::collections::{BTreeMap, BTreeSet};

/// Who writes projects at the city.
pub const EDITORS: &[Role] = &[Role::Reviewer, Role::Administrator];
/// Claims in one area that one action tells of a conflict.
const TOLD_MAX: usize = 12;
/// Changes of a project that its page shows.
const HISTORY_MAX: usize = 50;

/// A project with its places as this office knows them.
#[derive(Clone, Debug)]
pub struct ProjectLine {
    /// What it says.
    pub row: ProjectRow,
    /// The kind's name; the code where the pack in force does not know it.
    pub kind: String,
    /// The class's code and name.
    pub class: (String, String),
    /// The provider's name.
    pub provider: String,
    /// The areas it serves, by name; none: the whole city.
    pub areas: Vec<String>,
    /// Who has a place, who waits, what conflicts.
    pub places: Allotment,
    /// The places that households of this office may have: of its areas, and not of a period that is over.
    pub sums: Sums,
    /// The rows that its places are divided into; nothing: they are not.
    pub rows: Vec<ShareLine>,
    /// Up to when the places are known; none: this office knows all of them.
    pub as_of: Option<Day>,
    /// Whether it takes bookings today.
    pub running: bool,
}

impl ProjectLine {
    /// Places that nobody has and nobody waits for.
    pub fn left(&self) -> u32 {
        self.sums.left()
    }
}

/// A row of the division of places.
#[derive(Clone, Debug)]
pub struct ShareLine {
    /// The row.
    pub share: Share,
    /// Where.
    pub place: String,
    /// Its places.
    pub sums: Sums,
    /// Whether households of this office may have them.
    pub own: bool,
}

/// The library.
#[derive(Clone, Debug)]
pub struct Library {
    /// The dictionary in force.
    pub pack: Pack,
    /// Every project.
    pub lines: Vec<ProjectLine>,
    /// The areas this office covers and those above it, without the city: label, tier, name.
    pub areas: Vec<(AreaId, Tier, String)>,
    /// Whether this person may write projects.
    pub may_edit: bool,
    /// Projects with a conflict that this office sees.
    pub conflicts: usize,
}

/// A booking on a project's page.
#[derive(Clone, Debug)]
pub struct BookingLine {
    /// The booking.
    pub row: BookingRow,
    /// What it comes to.
    pub seat: Seat,
    /// Township and village.
    pub place: String,
    /// The row of the division it asks for, in words; empty: the places are not divided.
    pub share: String,
}

/// A project's page.
#[derive(Clone, Debug)]
pub struct ProjectPage {
    /// The project.
    pub line: ProjectLine,
    /// What a form must send back.
    pub heads: Vec<String>,
    /// Bookings of households that this office covers, those that wait first.
    pub bookings: Vec<BookingLine>,
    /// Who changed what, the latest first.
    pub history: Vec<ProjectChange>,
    /// Whether this person may change it.
    pub may_edit: bool,
    /// Whether this person may confirm and decline here.
    pub may_settle: bool,
    /// Whether offices below see other places than there are, or some claim does not know that it does not fit.
    pub untold: bool,
}

/// One change of a project.
#[derive(Clone, Debug)]
pub struct ProjectChange {
    /// Who.
    pub name: String,
    /// Of which office.
    pub office: String,
    /// When, as claimed, milliseconds since 1970.
    pub claimed_ms: i64,
    /// What.
    pub changes: Vec<FieldChange>,
}

/// A project that answers a need of the case.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// The project.
    pub line: ProjectLine,
    /// Why, and what stands against it.
    pub fit: Fit,
}

/// What a case has to do with projects.
#[derive(Clone, Debug, Default)]
pub struct OfCase {
    /// Those that answer its needs, what can be booked first.
    pub proposals: Vec<Proposal>,
    /// Its bookings with what they come to, as this office knows it (none: the project is not here yet), and the row of
    /// the division they ask for, in words.
    pub bookings: Vec<(Booking, Option<Seat>, String)>,
    /// Needs that can be assessed: code, name.
    pub needs: Vec<(String, String)>,
    /// Whether this person may book.
    pub may_book: bool,
    /// Whether this person may confirm and decline here.
    pub may_settle: bool,
}

/// Whether the step is about needs or places.
pub(super) fn is_about(step: &CaseStep) -> bool {
    matches!(
        step,
        CaseStep::AssessNeeds { .. }
            | CaseStep::Book { .. }
            | CaseStep::ConfirmBooking { .. }
            | CaseStep::DeclineBooking { .. }
            | CaseStep::CancelBooking { .. }
            | CaseStep::EndBooking { .. }
    )
}

/// Whether a case is past booking.
pub(super) fn is_over(standing: &Standing) -> bool {
    standing.result.is_some() || standing.given_up.is_some() || standing.not_accepted.is_some()
}

fn names(codes: &[(String, String)], code: &str) -> String {
    codes.iter().find(|(known, _)| known == code).map_or_else(|| code.to_owned(), |(_, name)| name.clone())
}

fn read_at(doc: &Automerge, heads: &[ChangeHash]) -> Option<Project> {
    if heads.is_empty() || heads == doc.get_heads() {
        return Some(Project::read(doc));
    }
    doc.fork_at(heads).ok().map(|old| Project::read(&old))
}

/// What differs between two states, field by field.
fn changes(old: &Project, new: &Project) -> Vec<FieldChange> {
    let field = |(name, label): &(&str, &str)| {
        let (was, now) = (old.text(name), new.text(name));
        (was != now).then(|| FieldChange { field: (*name).to_owned(), label: (*label).to_owned(), row: None, was, now })
    };
    let mut all: Vec<FieldChange> = FIELDS.iter().filter_map(field).collect();
    let taken = |project: &Project| project.taken.map(|(taken, on)| format!("{taken}（{on}）")).unwrap_or_default();
    if old.taken != new.taken {
        let (was, now) = (taken(old), taken(new));
        all.push(FieldChange { field: "taken".to_owned(), label: "已确认名额".to_owned(), row: None, was, now });
    }
    all
}

/// A project's document and where it lives.
struct Found {
    place: Place,
    doc: Automerge,
    project: Project,
}

impl Room<'_> {
    fn project(&self, record: &RecordId) -> Result<Found, DeskError> {
        let found = self.reader.document(record)?.filter(|found| found.kind == Kind::PROJECT);
        let found = found.ok_or_else(|| DeskError::not_found("项目"))?;
        let project = Project::read(&found.doc);
        Ok(Found { place: found.place, doc: found.doc, project })
    }

    fn edits_projects(&self) -> Result<(), DeskError> {
        permit::role_or_console(&self.person, EDITORS)?;
        if self.here.tier == Tier::City { Ok(()) } else { Err(DeskError::not_permitted("项目库由市级维护")) }
    }

    fn settles_bookings(&self) -> Result<(), DeskError> {
        if self.here.tier != Tier::City {
            return Err(DeskError::not_permitted("预约由市级确认"));
        }
        if !self.here.decides {
            return Err(DeskError::not_permitted("本机不是本机构指定的审批设备"));
        }
        Ok(())
    }

    /// Names that stand for codes of the pack in force, and of areas.
    fn project_faults(&self, values: &BTreeMap<String, String>) -> Result<Vec<FieldFault>, DeskError> {
        let packs = self.reader.packs()?;
        let pack = self.pack(&packs).ok_or_else(|| DeskError::not_found("政策包"))?;
        let mut faults = Vec::new();
        let given = |field: &str| values.get(field).map(|text| text.trim()).filter(|text| !text.is_empty());
        if given("kind").is_some_and(|code| pack.project_kind(code).is_none()) {
            faults.push(FieldFault::new("kind", "项目字典中没有这一小类"));
        }
        if given("provider").is_some_and(|code| pack.provider(code).is_none()) {
            faults.push(FieldFault::new("provider", "政策包中没有这一服务机构"));
        }
        let labels = given("areas").unwrap_or_default().split([',', '，', ' ', '\n']).filter_map(AreaId::parse);
        if labels.into_iter().any(|area| self.divisions.get(area).is_none()) {
            faults.push(FieldFault::new("areas", "没有这一区划"));
        }
        Ok(faults)
    }

    pub(super) fn add_project(&self, values: &BTreeMap<String, String>) -> Result<Plan, DeskError> {
        self.edits_projects()?;
        let mut faults = self.project_faults(values)?;
        let edit = match project::create(values) {
            Ok(edit) => Some(edit),
            Err(wrong) => {
                faults.extend(wrong.into_iter().map(|problem| FieldFault::new(problem.field, problem.what)));
                None
            }
        };
        faults.extend(self.period_faults(&Project::default().with(values)));
        let (Some(edit), true) = (edit, faults.is_empty()) else { return Err(DeskError::Invalid { faults }) };
        let root = self.divisions.root().ok_or_else(|| DeskError::not_found("区划"))?;
        let place = Place { area: root.id, lane: Lane::Registry, floor: Tier::Village };
        Ok(Plan::saying("项目已登记").draft(place, RecordRef::New(Kind::PROJECT), edit))
    }

    pub(super) fn change_project(
        &self,
        record: RecordId,
        values: &BTreeMap<String, String>,
        seen_heads: &[String],
    ) -> Result<Plan, DeskError> {
        self.edits_projects()?;
        let found = self.project(&record)?;
        let now = &found.project;
        let mut values: BTreeMap<String, String> = values
            .iter()
            .filter(|(field, text)| now.text(field) != text.trim() || FIELDS.iter().all(|(known, _)| known != field))
            .map(|(field, text)| (field.clone(), text.clone()))
            .collect();
        let new = now.with(&values);
        if new.shares.is_empty() && !now.shares.is_empty() {
            // One lot again, of as many as there were.
            values.entry("capacity".to_owned()).or_insert_with(|| now.capacity.to_string());
        }
        let mut faults = self.project_faults(&values)?;
        let edit = match project::change(&values) {
            Ok(edit) => Some(edit),
            Err(wrong) => {
                faults.extend(wrong.into_iter().map(|problem| FieldFault::new(problem.field, problem.what)));
                None
            }
        };
        if ["from", "until", "areas", "shares"].iter().any(|field| values.contains_key(*field)) {
            faults.extend(self.period_faults(&new));
        }
        if ["capacity", "shares"].iter().any(|field| values.contains_key(*field)) {
            // Whoever gives places must know how many there are.
            if !self.here.decides {
                return Err(DeskError::not_permitted("名额由市级指定的审批设备修改"));
            }
            if values.contains_key("capacity") && !new.shares.is_empty() && !values.contains_key("shares") {
                faults.push(FieldFault::new("capacity", "名额已经分配，总数是各行之和；请修改名额分配"));
            }
            faults.extend(self.given_faults(&self.places(&record, now)?.1, now, &new));
        }
        let (Some(edit), true) = (edit, faults.is_empty()) else { return Err(DeskError::Invalid { faults }) };
        if !seen_heads.is_empty() {
            let wrong = || DeskError::invalid("seen_heads", "表单的版本无法识别，请重新打开表单");
            let heads = parse_heads(seen_heads).ok_or_else(wrong)?;
            let shown = read_at(&found.doc, &heads).ok_or_else(wrong)?;
            let meanwhile = changes(&shown, now);
            let again = |change: &FieldChange| values.get(&change.field).is_some_and(|text| *text != change.now);
            let changed: Vec<FieldChange> = meanwhile.into_iter().filter(again).collect();
            if !changed.is_empty() {
                let packs = self.reader.packs()?;
                let worded = |change: FieldChange| self.in_words(self.pack(&packs), change);
                return Err(DeskError::Conflict { changed: changed.into_iter().map(worded).collect() });
            }
        }
        if values.is_empty() {
            return Ok(Plan::saying("没有改动"));
        }
        let mut plan = Plan::saying("已保存").draft(found.place, RecordRef::Known(record), edit);
        plan.outcome.records.push(record);
        Ok(plan)
    }

    /// The bookings of a project that are here, and what they come to.
    fn places(&self, record: &RecordId, project: &Project) -> Result<(Vec<BookingRow>, Allotment), DeskError> {
        let rows = self.reader.bookings_of(record)?;
        let claims: Vec<Claim> = rows.iter().map(|row| row.claim.clone()).collect();
        Ok((rows, self.allot(project, &claims)))
    }

    /// The city holds every case; an office below adds what the city published.
    fn allot(&self, project: &Project, claims: &[Claim]) -> Allotment {
        allot_rows(project, self.here.tier == Tier::City, claims)
    }

    /// Whether households of this office may have places of such a row.
    fn is_near(&self, area: Option<AreaId>) -> bool {
        let meets = |area: AreaId, mine: AreaId| self.divisions.is_within(area, mine) || self.divisions.is_within(mine, area);
        area.is_none_or(|area| self.here.areas.iter().any(|mine| meets(area, *mine)))
    }

    fn served(&self, project: &Project, id: ShareId) -> String {
        match id.area {
            Some(area) => self.place_name(area),
            None if project.areas.is_empty() => project::EVERYWHERE.to_owned(),
            None => "全部服务区域".to_owned(),
        }
    }

    /// A row in words, also one that is no longer there.
    fn share_words(&self, project: &Project, id: Option<ShareId>) -> String {
        let Some(id) = id else { return String::new() };
        match project.shares.iter().find(|share| share.id == id) {
            Some(share) => format!("{} {} 至 {}", self.served(project, id), id.from, share.until),
            None => format!("{} {} 开始的时段（分配已改，没有这一行）", self.served(project, id), id.from),
        }
    }

    /// What does not fit in when, where and in the division of places.
    fn period_faults(&self, project: &Project) -> Vec<FieldFault> {
        let mut faults = Vec::new();
        if project.from.zip(project.until).is_some_and(|(from, until)| until < from) {
            faults.push(FieldFault::new("until", "结束日期早于开始日期"));
        }
        let misfit = |(id, why): (ShareId, Misfit)| {
            let why = match why {
                Misfit::Unknown => "没有这一区划".to_owned(),
                Misfit::NotServed => "不在项目的服务区域内".to_owned(),
                Misfit::OutsidePeriod => "早于项目的开始日期或晚于它的结束日期".to_owned(),
                Misfit::Overlaps(other) => {
                    format!("与“{}”的时间重叠，一户会有两处名额", self.share_words(project, Some(other)))
                }
            };
            FieldFault::new("shares", format!("名额分配“{}”：{why}", self.share_words(project, Some(id))))
        };
        faults.extend(misfits(project, &self.divisions).into_iter().map(misfit));
        faults
    }

    /// Rows that would have fewer places than were given.
    fn given_faults(&self, given: &Allotment, now: &Project, new: &Project) -> Vec<FieldFault> {
        let rows = new.rows();
        let places = |id: Option<ShareId>| rows.iter().find(|row| row.id == id).map_or(0, |row| row.places);
        let short = given.rows.iter().filter(|(id, sums)| places(**id) < sums.taken);
        let fault = |(id, sums): (&Option<ShareId>, &Sums)| {
            let taken = sums.taken;
            match id {
                Some(_) => {
                    let row = self.share_words(now, *id);
                    let why = format!("名额分配“{row}”：已确认 {taken} 个名额，不能少于它，也不能删去；请先取消预约");
                    FieldFault::new("shares", why)
                }
                None if new.shares.is_empty() => {
                    FieldFault::new("capacity", format!("已确认 {taken} 个名额，不能少于它；请先取消预约"))
                }
                None => {
                    let why = format!("名额分配：未分配时已确认 {taken} 个名额，不属于任何一行；请先取消预约，或另设项目");
                    FieldFault::new("shares", why)
                }
            }
        };
        short.map(fault).collect()
    }

    fn project_line(&self, pack: Option<&Pack>, row: ProjectRow, claims: &[Claim]) -> ProjectLine {
        let project = &row.project;
        let kind = pack.and_then(|pack| pack.project_kind(&project.kind));
        let class = kind.map(|kind| kind.class.clone()).unwrap_or_default();
        let known = pack.and_then(|pack| pack.project_classes.iter().find(|known| known.code == class));
        let provider = pack.and_then(|pack| pack.provider(&project.provider));
        let places = self.allot(project, claims);
        let over = |id: ShareId| project.shares.iter().any(|share| share.id == id && share.until < self.day);
        let near = places.rows.iter().filter(|(id, _)| id.is_none_or(|id| self.is_near(id.area) && !over(id)));
        let share = |share: &Share| ShareLine {
            share: *share,
            place: self.served(project, share.id),
            sums: places.row(Some(share.id)),
            own: self.is_near(share.id.area),
        };
        ProjectLine {
            kind: kind.map_or_else(|| project.kind.clone(), |kind| kind.name.clone()),
            class: (class.clone(), known.map_or(class, |known| known.name.clone())),
            provider: provider.map_or_else(|| project.provider.clone(), |known| known.name.clone()),
            areas: project.areas.iter().map(|area| self.place_name(*area)).collect(),
            sums: near.map(|(_, sums)| *sums).sum(),
            rows: project.shares.iter().map(share).collect(),
            places,
            as_of: if self.here.tier == Tier::City { None } else { project.taken.map(|(_, on)| on) },
            running: project.open && project.lasts(self.day),
            row,
        }
    }

    fn library(&self, serving: Option<AreaId>) -> Result<Library, DeskError> {
        let packs = self.reader.packs()?;
        let pack = self.pack(&packs);
        let claims = self.reader.claims()?;
        let rows = self.reader.projects()?.into_iter();
        let line = |row: ProjectRow| {
            let claims = claims.get(&row.record).map(Vec::as_slice).unwrap_or_default();
            self.project_line(pack, row, claims)
        };
        let path: Vec<AreaId> = serving.map(|area| self.divisions.path_up(area).collect()).unwrap_or_default();
        let serves = |project: &Project| {
            serving.is_none() || project.areas.is_empty() || path.iter().any(|area| project.areas.contains(area))
        };
        let lines: Vec<ProjectLine> = rows.filter(|row| serves(&row.project)).map(line).collect();
        let conflicts = lines.iter().filter(|line| line.places.has_conflict()).count();
        let near = |area: &shouwang_protocol::area::Area| {
            let beneath = |mine: &AreaId| self.divisions.is_within(*mine, area.id);
            permit::covers(&self.here, &self.divisions, area.id).is_ok() || self.here.areas.iter().any(beneath)
        };
        let areas = self.divisions.iter().filter(|area| area.parent.is_some() && near(area));
        Ok(Library {
            areas: areas.map(|area| (area.id, area.tier, self.place_name(area.id))).collect(),
            pack: pack.cloned().unwrap_or_default(),
            may_edit: self.edits_projects().is_ok(),
            lines,
            conflicts,
        })
    }

    /// How many projects have a conflict that this office must settle.
    pub(super) fn contested_projects(&self) -> Result<u64, DeskError> {
        if self.here.tier != Tier::City || !self.reader.claims_wait()? {
            return Ok(0);
        }
        Ok(self.library(None)?.conflicts as u64)
    }

    fn project_page(&self, record: &RecordId) -> Result<ProjectPage, DeskError> {
        let found = self.project(record)?;
        let packs = self.reader.packs()?;
        let (rows, places) = self.places(record, &found.project)?;
        let claims: Vec<Claim> = rows.iter().map(|row| row.claim.clone()).collect();
        let conflicts = found.project.conflicts.len() as u32;
        let mut row = ProjectRow { record: *record, project: found.project.clone(), conflicts };
        for conflict in &mut row.project.conflicts {
            let field = conflict.field.clone();
            conflict.values.iter_mut().for_each(|(text, _)| *text = self.word(self.pack(&packs), &field, text));
        }
        let untold = !places.is_published(&found.project) || !untold(&rows, &places).is_empty();
        let bookings = match self.person.is_office_staff() {
            true => self.booking_lines(&found.project, rows, &places),
            false => Vec::new(),
        };
        let heads: Vec<[u8; 32]> = found.doc.get_heads().into_iter().map(|head| head.0).collect();
        let reviews = self.person.has(&[Role::Reviewer, Role::Approver]);
        Ok(ProjectPage {
            line: self.project_line(self.pack(&packs), row, &claims),
            heads: heads_text(&heads),
            bookings,
            history: self.project_history(record, &found.doc)?,
            may_edit: self.edits_projects().is_ok(),
            may_settle: reviews && self.settles_bookings().is_ok(),
            untold,
        })
    }

    /// Those this office covers: what waits first, by the order of claims.
    fn booking_lines(&self, project: &Project, rows: Vec<BookingRow>, places: &Allotment) -> Vec<BookingLine> {
        let covered = rows.into_iter().filter(|row| permit::covers(&self.here, &self.divisions, row.area).is_ok());
        let line = |row: BookingRow| {
            let seat = places.seat(&row.claim.case, &row.claim.booking)?;
            let share = self.share_words(project, row.claim.share);
            Some(BookingLine { place: self.place_name(row.area), seat, share, row })
        };
        let mut lines: Vec<BookingLine> = covered.filter_map(line).collect();
        let rank = |line: &BookingLine| match (line.seat, line.row.claim.state) {
            (Seat::Conflict { .. }, _) | (Seat::Waits, _) => 0,
            (Seat::Has, BookingState::Confirmed) => 1,
            _ => 2,
        };
        lines.sort_by_key(|line| (rank(line), line.row.claim.claimed.is_none(), line.row.claim.claimed));
        lines
    }

    fn project_history(&self, record: &RecordId, doc: &Automerge) -> Result<Vec<ProjectChange>, DeskError> {
        let staff: BTreeMap<_, _> = self.reader.staff(None)?.into_iter().map(|row| ((row.office, row.id), row.name)).collect();
        let items = self.reader.history(record)?;
        let packs = self.reader.packs()?;
        let pack = self.pack(&packs);
        let shown = |item: &reader::HistoryItem| {
            let change = doc.get_change_by_hash(&ChangeHash(item.change));
            let deps = change.map(|change| change.deps().to_vec()).unwrap_or_default();
            let before = if deps.is_empty() { Some(Project::default()) } else { read_at(doc, &deps) };
            let after = read_at(doc, &[ChangeHash(item.change)]);
            let changes = before.zip(after).map(|(before, after)| changes(&before, &after)).unwrap_or_default();
            let mut changes: Vec<FieldChange> = changes.into_iter().map(|change| self.in_words(pack, change)).collect();
            if deps.is_empty() {
                // Before the first word there was nothing, not even a no.
                changes.iter_mut().for_each(|change| change.was.clear());
            }
            let name = item.office.and_then(|office| staff.get(&(office, item.staff.clone())).cloned());
            let office = item.office_name.clone();
            ProjectChange { name: name.unwrap_or_else(|| item.staff.clone()), office, claimed_ms: item.claimed_ms, changes }
        };
        Ok(items.iter().rev().take(HISTORY_MAX).map(shown).collect())
    }

    /// Codes and labels as people read them.
    fn in_words(&self, pack: Option<&Pack>, mut change: FieldChange) -> FieldChange {
        let word = |text: &str| self.word(pack, &change.field, text);
        (change.was, change.now) = (word(&change.was), word(&change.now));
        change
    }

    fn word(&self, pack: Option<&Pack>, field: &str, text: &str) -> String {
        match field {
            "kind" => pack.and_then(|pack| pack.project_kind(text)).map_or_else(|| text.to_owned(), |kind| kind.name.clone()),
            "areas" => {
                let places = text.split(',').filter_map(AreaId::parse).map(|area| self.place_name(area));
                let all = places.collect::<Vec<_>>().join("、");
                if all.is_empty() { project::EVERYWHERE.to_owned() } else { all }
            }
            "shares" => {
                let share = |share: &Share| {
                    let place = share.id.area.map_or_else(|| project::EVERYWHERE.to_owned(), |area| self.place_name(area));
                    format!("{place} {} 至 {} {} 个", share.id.from, share.until, share.places)
                };
                project::shares(text).0.iter().map(share).collect::<Vec<_>>().join("；")
            }
            _ => text.to_owned(),
        }
    }

    /// What a case has to do with projects, for its page.
    pub(super) fn projects_of_case(&self, file: &CaseFile, possible: &[EventKind]) -> Result<OfCase, DeskError> {
        if !self.person.is_office_staff() {
            return Ok(OfCase::default());
        }
        let standing = &file.standing;
        let packs = self.reader.packs()?;
        let pack = self.pack(&packs);
        let projects: BTreeMap<RecordId, ProjectRow> = self.reader.projects()?.into_iter().map(|row| (row.record, row)).collect();
        let claims = |record: &RecordId| -> Result<Vec<Claim>, DeskError> {
            Ok(self.reader.bookings_of(record)?.into_iter().map(|row| row.claim).collect())
        };
        let path: Vec<AreaId> = self.divisions.path_up(file.row.area).collect();
        let mut proposals = Vec::new();
        if let (Some(pack), Some(needs)) = (pack, &standing.needs) {
            let fitting = |row: &&ProjectRow| row.project.lasts(self.day) && answers(&row.project, pack, &needs.codes);
            for row in projects.values().filter(fitting) {
                let line = self.project_line(Some(pack), row.clone(), &claims(&row.record)?);
                if let Some(fit) = fit(&row.project, pack, &needs.codes, &path, self.day, &line.places) {
                    proposals.push(Proposal { line, fit });
                }
            }
        }
        proposals.sort_by(|a, b| {
            let key = |it: &Proposal| (!it.fit.fits(), std::cmp::Reverse(it.fit.needs.len()), std::cmp::Reverse(it.fit.left()));
            key(a).cmp(&key(b)).then_with(|| a.line.row.project.name.cmp(&b.line.row.project.name))
        });
        let one = |booking: &Booking| -> Result<_, DeskError> {
            let Some(row) = projects.get(&booking.project) else { return Ok((booking.clone(), None, String::new())) };
            let seat = self.allot(&row.project, &claims(&booking.project)?).seat(&file.row.case, &booking.id);
            Ok((booking.clone(), seat, self.share_words(&row.project, booking.share)))
        };
        let bookings = standing.bookings.iter().map(one);
        let bookings = bookings.collect::<Result<_, DeskError>>()?;
        Ok(OfCase {
            proposals,
            bookings,
            needs: pack
                .map(|pack| pack.needs.iter().map(|need| (need.code.clone(), need.name.clone())).collect())
                .unwrap_or_default(),
            may_book: possible.contains(&EventKind::Booked),
            may_settle: possible.contains(&EventKind::BookingConfirmed),
        })
    }

    /// A step about needs or places.
    pub(super) fn place_step(
        &self,
        case: CaseId,
        file: &CaseFile,
        packs: &Packs,
        place: Place,
        step: CaseStep,
    ) -> Result<Plan, DeskError> {
        let kind = step.kind();
        let standing = &file.standing;
        let mut plan = Plan::saying(format!("“{}”已登记", kind.label())).about(case);
        plan.shown = self.shown(&case, standing)?;
        let what = match step {
            CaseStep::AssessNeeds { needs, text } => self.assessed(packs, needs, text)?,
            CaseStep::Book { project, from, places, whom, note } => {
                plan.shown.push(project);
                plan.outcome.message = "已预约，等市级确认".to_owned();
                self.booked(packs, file, project, Asked { from, places, whom: whom.trim().to_owned(), note })?
            }
            CaseStep::ConfirmBooking { booking, note } => return self.confirm(plan, file, packs, place, &booking, note),
            CaseStep::DeclineBooking { booking, reason } => {
                self.settles_bookings()?;
                What::BookingDeclined { booking, reason }
            }
            CaseStep::CancelBooking { booking, reason } => {
                let known = standing.bookings.iter().find(|known| known.id == booking);
                if let Some(freed) = known.filter(|known| known.state == BookingState::Confirmed)
                    && self.settles_bookings().is_ok()
                    && let Ok(found) = self.project(&freed.project)
                {
                    // The place is free for all to see.
                    let (mut rows, _) = self.places(&freed.project, &found.project)?;
                    let after = self.after(&found.project, &mut rows, (case, &booking), BookingState::Cancelled);
                    plan = plan.draft(found.place, RecordRef::Known(freed.project), published(&after, self.day));
                }
                What::BookingCancelled { booking, reason }
            }
            CaseStep::EndBooking { booking, attendance, text } => What::BookingEnded { booking, attendance, text },
            _ => return Err(DeskError::not_found("步骤")),
        };
        let event = self.event(short(what)?);
        would_count(standing, packs, self.here.tier, &event).map_err(refused)?;
        Ok(plan.draft(place, self.volume(case), append(&event)))
    }

    fn assessed(&self, packs: &Packs, needs: Vec<String>, text: String) -> Result<What, DeskError> {
        let pack = self.pack(packs);
        let known: Vec<(String, String)> =
            pack.map(|pack| pack.needs.iter().map(|need| (need.code.clone(), need.name.clone())).collect()).unwrap_or_default();
        let mut seen = BTreeSet::new();
        let codes: Vec<String> = needs.into_iter().filter(|code| !code.is_empty() && seen.insert(code.clone())).collect();
        if codes.iter().any(|code| known.iter().all(|(listed, _)| listed != code)) {
            return Err(DeskError::invalid("needs", "政策包中没有这一需求"));
        }
        let names = codes.iter().map(|code| names(&known, code)).collect();
        Ok(What::NeedsAssessed { needs: codes, names, text, pack: pack.map(|pack| pack.version.clone()).unwrap_or_default() })
    }

    fn booked(&self, packs: &Packs, file: &CaseFile, record: RecordId, asked: Asked) -> Result<What, DeskError> {
        if is_over(&file.standing) {
            return Err(DeskError::NotNow { why: "事项已经结束，不再预约".to_owned() });
        }
        let found = self.project(&record)?;
        let project = &found.project;
        let (claims, places) = self.places(&record, project)?;
        let path: Vec<AreaId> = self.divisions.path_up(file.row.area).collect();
        if let Some(why) = hindrances(project, &path, self.day, &places).into_iter().next() {
            return Err(DeskError::NotNow { why: format!("“{}”{why}", project.name) });
        }
        let share = period(&rows_for(project, &path, self.day), asked.from)?;
        let twice = |row: &BookingRow| {
            let open = matches!(row.claim.state, BookingState::Claimed | BookingState::Confirmed);
            open && row.claim.case == file.row.case && row.claim.share == share && row.whom == asked.whom
        };
        if claims.iter().any(twice) {
            return Err(DeskError::NotNow { why: "这一事项已经预约了这个项目".to_owned() });
        }
        let free = places.row(share).free();
        if free == 0 {
            let row = self.share_words(project, share);
            return Err(DeskError::NotNow { why: format!("“{}”{row}名额已满", project.name) });
        }
        if asked.places > free {
            return Err(DeskError::invalid("places", format!("只剩 {free} 个名额")));
        }
        let line = self.project_line(self.pack(packs), ProjectRow { record, project: project.clone(), conflicts: 0 }, &[]);
        let (title, Asked { places, whom, note, .. }) = (project.name.clone(), asked);
        Ok(What::Booked { project: record, title, service: line.kind, provider: line.provider, share, places, whom, note })
    }

    /// What the places come to when a booking has got this far.
    fn after(
        &self,
        project: &Project,
        rows: &mut [BookingRow],
        (case, booking): (CaseId, &OpId),
        state: BookingState,
    ) -> Allotment {
        for row in rows.iter_mut().filter(|row| row.claim.case == case && row.claim.booking == *booking) {
            row.claim.state = state;
        }
        let claims: Vec<Claim> = rows.iter().map(|row| row.claim.clone()).collect();
        self.allot(project, &claims)
    }

    /// Gives the place, publishes how many are taken, and tells those that no longer fit.
    fn confirm(
        &self,
        mut plan: Plan,
        file: &CaseFile,
        packs: &Packs,
        place: Place,
        booking: &OpId,
        note: String,
    ) -> Result<Plan, DeskError> {
        self.settles_bookings()?;
        let case = file.row.case;
        let known = file.standing.bookings.iter().find(|known| known.id == *booking);
        let known = known.ok_or_else(|| DeskError::not_found("预约"))?;
        let found = self.project(&known.project)?;
        let (mut rows, before) = self.places(&known.project, &found.project)?;
        let row = found.project.rows().into_iter().find(|row| row.id == known.share);
        let words = self.share_words(&found.project, known.share);
        let Some(Row { until, places: capacity, .. }) = row else {
            let which = if words.is_empty() { "预约时名额还没有分配" } else { &words };
            let why =
                format!("“{}”的名额分配里没有这一预约的一行：{which}；请不予确认并写明理由，或改名额分配", found.project.name);
            return Err(DeskError::NotNow { why });
        };
        let given = before.row(known.share).taken;
        let taken = given.saturating_add(known.places);
        if taken > capacity {
            let of = if words.is_empty() { String::new() } else { format!("{words}，") };
            let why = format!("名额已满：{of}{capacity} 个名额已确认 {given} 个，这一预约要 {} 个", known.places);
            return Err(DeskError::NotNow { why });
        }
        if !found.project.lasts(self.day) || until.is_some_and(|until| until < self.day) {
            return Err(DeskError::NotNow { why: format!("“{}”{words}已经结束", found.project.name) });
        }
        if matches!(before.seat(&case, booking), Some(Seat::Conflict { .. })) && note.trim().is_empty() {
            return Err(DeskError::invalid("note", "前面还有先提出的预约，不按先后确认的须写明理由"));
        }
        let confirmed = What::BookingConfirmed { booking: booking.clone(), taken, capacity, until, note };
        let event = self.event(short(confirmed)?);
        would_count(&file.standing, packs, self.here.tier, &event).map_err(refused)?;
        plan.outcome.message = format!("已确认，{capacity} 个名额已用 {taken} 个");
        plan.shown.push(known.project);
        plan = plan.draft(place, self.volume(case), append(&event));
        let after = self.after(&found.project, &mut rows, (case, booking), BookingState::Confirmed);
        let plan = self.tell(plan, packs, &rows, &after)?;
        Ok(plan.draft(found.place, RecordRef::Known(known.project), published(&after, self.day)))
    }

    /// An event in the case of every claim that does not fit and does not know it yet.
    fn tell(&self, mut plan: Plan, packs: &Packs, rows: &[BookingRow], places: &Allotment) -> Result<Plan, DeskError> {
        let mut told: BTreeMap<AreaId, usize> = BTreeMap::new();
        for (row, ahead, capacity) in untold(rows, places) {
            let Ok((file, place)) = self.case_to_work_on(&row.claim.case) else { continue };
            let count = told.entry(row.area).or_default();
            let contested = What::BookingContested { booking: row.claim.booking.clone(), ahead, capacity };
            let event = self.event(contested);
            if *count < TOLD_MAX && would_count(&file.standing, packs, self.here.tier, &event).is_ok() {
                *count += 1;
                plan.shown.extend(self.shown(&row.claim.case, &file.standing)?);
                plan = plan.draft(place, self.volume(row.claim.case), append(&event));
            }
        }
        Ok(plan)
    }

    /// Publishes how many places are taken and tells every claim that does not fit.
    pub(super) fn tell_of_places(&self, record: RecordId) -> Result<Plan, DeskError> {
        permit::role_for(&self.person, EventKind::BookingContested)?;
        self.settles_bookings()?;
        let found = self.project(&record)?;
        let packs = self.reader.packs()?;
        let (rows, places) = self.places(&record, &found.project)?;
        let mut plan = self.tell(Plan::saying("已告知各地"), &packs, &rows, &places)?;
        if !places.is_published(&found.project) {
            plan = plan.draft(found.place, RecordRef::Known(record), published(&places, self.day));
        }
        if plan.drafts.is_empty() {
            plan.outcome.message = "各地都已知道".to_owned();
        }
        plan.shown.push(record);
        Ok(plan)
    }
}

/// What is asked for with a booking.
struct Asked {
    from: Option<Day>,
    places: u32,
    whom: String,
    note: String,
}

/// The row that a booking asks for, of those that it may.
fn period(rows: &[Row], from: Option<Day>) -> Result<Option<ShareId>, DeskError> {
    let begins = |row: &&Row| row.id.map(|id| id.from) == from;
    match (rows, from) {
        ([one], None) => Ok(one.id),
        (_, None) => Err(DeskError::invalid("from", "名额分几个时段，须选择时段")),
        _ => rows.iter().find(begins).map(|row| row.id).ok_or_else(|| DeskError::invalid("from", "不在分配的区域或时段内")),
    }
}

fn published(places: &Allotment, on: Day) -> Edit {
    project::publish(places.all().taken, &places.taken_by(), on)
}

/// The claims that do not fit and were told otherwise, or nothing; with what is ahead of them and the places of their row.
fn untold<'a>(rows: &'a [BookingRow], places: &Allotment) -> Vec<(&'a BookingRow, u32, u32)> {
    let waiting = rows.iter().filter(|row| row.claim.state == BookingState::Claimed);
    let found = waiting.filter_map(|row| match places.seat(&row.claim.case, &row.claim.booking) {
        Some(Seat::Conflict { ahead }) => Some((row, ahead, places.row(row.claim.share).places)),
        _ => None,
    });
    let found = found.filter(|(row, ahead, capacity)| row.contested != Some((*ahead, *capacity)));
    found.collect()
}

impl Desk {
    /// The library: what serves an area, or all of it. Departments and providers read it too.
    pub async fn projects(&self, person: &Person, serving: Option<AreaId>) -> Result<Library, DeskError> {
        self.in_room(person, LOOKING, move |room| room.library(serving)).await
    }

    /// A project with its bookings, as far as this person may see them.
    pub async fn project(&self, person: &Person, record: RecordId) -> Result<ProjectPage, DeskError> {
        self.in_room(person, LOOKING, move |room| room.project_page(&record)).await
    }

    /// The projects that are asked for by more than they have places.
    pub async fn contested(&self, person: &Person) -> Result<Vec<ProjectPage>, DeskError> {
        permit::office_staff(person)?;
        self.in_room(person, LOOKING, |room| {
            let lines = room.library(None)?.lines.into_iter().filter(|line| line.places.has_conflict());
            lines.map(|line| room.project_page(&line.row.record)).collect()
        })
        .await
    }
}
