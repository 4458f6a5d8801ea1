//! What lists and the small pages read: today's work, the inbox, search, staff, sync, choices, drafts.

use super::model::{Choices, Confirmed, InboxLine, PeerLine, Person, Receiver, StaffLine, SyncPage, ToSettle, Today};
use super::outcome::DeskError;
use super::permit::{self, receives};
use super::{Desk, LOOKING, Room};
use crate::store::DraftRow;
use crate::store::reader::{Actor, CaseFilter, CaseRow, HouseholdFilter, HouseholdRow, Listed, Page};
use crate::writer::Health;
use shouwang_protocol::area::Tier;
use shouwang_protocol::device::DeviceKey;
use shouwang_protocol::records::event::{Origin, Shown, TargetKind, Urgency};
use shouwang_protocol::records::policy::Basis;
use shouwang_protocol::records::staff::Role;
use shouwang_protocol::standing::{Stage, Transfer};
use std::collections::BTreeMap;
use std::time::Duration;

/// Cases that today's page shows.
const TODAY_MAX: u32 = 100;
/// Cases of a department that its inbox looks through.
const INBOX_MAX: u32 = 200;
/// Cases that were handed to a provider that is told by consent, the latest changed first, that its lists look at.
const HANDED_MAX: u32 = 500;
/// How long a page waits for the writer's own numbers.
const WRITER_WAIT: Duration = Duration::from_secs(2);
/// Refused entries that the sync page shows.
const REFUSED_MAX: usize = 100;

impl Room<'_> {
    /// Those whose turn this person can take.
    fn actors(&self) -> Vec<Actor> {
        let mut actors = Vec::new();
        if self.person.is_office_staff() {
            actors.push(Actor::Tier(self.here.tier));
            actors.push(Actor::Office(self.here.office));
        }
        actors.extend(self.person.department.clone().map(Actor::Department));
        actors.extend(self.person.provider.clone().map(Actor::Provider));
        actors
    }

    /// A filter that finds nothing this person may not see.
    fn allowed(&self, filter: CaseFilter) -> CaseFilter {
        if self.person.is_office_staff() {
            return filter;
        }
        let department = self.person.department.clone().map(Actor::Department);
        let mine = department.or_else(|| self.person.provider.clone().map(Actor::Provider));
        // Nobody's department is nobody's: an account without either sees nothing.
        let mine = mine.unwrap_or_else(|| Actor::Department(String::new()));
        // Nor where a case lives: that may be what nobody agreed to tell.
        CaseFilter { handed_to: Some(mine), household: None, text: String::new(), within: Vec::new(), ..filter }
    }

    /// Whether this is the account of a provider that some pack has told by consent only.
    pub(super) fn is_told_by_consent(&self) -> Result<bool, DeskError> {
        let Some(code) = &self.person.provider else { return Ok(false) };
        let packs = self.reader.packs()?;
        let mut known = packs.values().filter_map(|pack| pack.provider(code));
        Ok(known.any(|provider| provider.basis == Basis::Consent))
    }

    /// What a provider that is told by consent is shown of the cases that were handed to it. Looked for and counted by
    /// what is shown: what is hidden is not found either.
    fn shown_of(&self, filter: &CaseFilter) -> Result<Shortened, DeskError> {
        let all = CaseFilter { stages: Vec::new(), origin: None, due_before: None, ..self.allowed(filter.clone()) };
        let mut rows = self.reader.cases(&all, Page::first(HANDED_MAX))?.rows;
        rows.iter_mut().for_each(|row| self.lessen(row, true));
        rows.retain(|row| filter.stages.is_empty() || filter.stages.contains(&row.stage));
        rows.retain(|row| filter.origin.is_none() || filter.origin == row.origin);
        rows.retain(|row| filter.due_before.is_none_or(|day| row.due.is_some_and(|due| due < day)));
        Ok(Shortened(rows))
    }

    /// How many cases a filter finds for this person.
    fn count(&self, filter: &CaseFilter) -> Result<u64, DeskError> {
        match self.is_told_by_consent()? {
            true => Ok(self.shown_of(filter)?.0.len() as u64),
            false => Ok(self.reader.count_cases(&self.allowed(filter.clone()))?),
        }
    }

    fn page(&self, filter: &CaseFilter, page: Page) -> Result<Listed<CaseRow>, DeskError> {
        if self.is_told_by_consent()? {
            return Ok(self.shown_of(filter)?.page(page));
        }
        let mut listed = self.reader.cases(&self.allowed(filter.clone()), page)?;
        listed.rows.iter_mut().for_each(|row| self.lessen(row, false));
        Ok(listed)
    }

    /// A case in the list of a department or a provider: without what is none of their business.
    pub(super) fn lessen(&self, row: &mut CaseRow, by_consent: bool) {
        if self.person.is_office_staff() {
            return;
        }
        (row.household, row.proposed, row.decided, row.paid) = (None, None, None, None);
        let own = [("department", &self.person.department), ("provider", &self.person.provider)];
        row.turns.retain(|turn| own.iter().any(|(who, code)| turn.who == *who && code.as_ref() == Some(&turn.id)));
        if !by_consent {
            return;
        }
        let standing = self.case(&row.case).map(|file| file.standing).unwrap_or_default();
        // When others must act says where it stands with them.
        row.due = row.turns.iter().filter_map(|turn| turn.due).min();
        let sight = permit::sight(&standing, &self.person, self.day);
        if !sight.shows(Shown::Matter) {
            let handed: Vec<Transfer> = standing.transfers.into_iter().filter(|it| receives(it, &self.person)).collect();
            (row.stage, row.since) = (permit::stage_of(&handed), None);
            row.stage_name = row.stage.label();
        }
        if !sight.shows(Shown::Name) {
            row.applicant = sight.instead().to_owned();
        }
        if !sight.shows(Shown::Place) {
            (row.area, row.area_name) = (self.here.areas.first().copied().unwrap_or(row.area), self.here.name.clone());
        }
        if sight == permit::Sight::Own {
            (row.stage, row.stage_name) = (Stage::Unknown, permit::ENDED);
            (row.since, row.origin, row.number, row.opened_on, row.due) = (None, None, None, None, None);
            (row.urgency, row.events, row.idle, row.problems) = (Urgency::Normal, 0, 0, 0);
            (row.opened, row.updated) = (0, 0);
            row.assistance.clear();
        }
    }

    fn receivers(&self) -> Result<Vec<Receiver>, DeskError> {
        let packs = self.reader.packs()?;
        let mut receivers = Vec::new();
        if let Some(pack) = self.pack(&packs) {
            for kind in [TargetKind::Department, TargetKind::Provider] {
                let listed = pack.receivers(kind).into_iter();
                receivers.extend(listed.map(|(id, name)| Receiver { kind, id: id.to_owned(), name: name.to_owned() }));
            }
        }
        for office in self.reader.offices()? {
            let below = office.areas_now().any(|area| permit::covers(&self.here, &self.divisions, area).is_ok());
            // A city has too many villages to choose from; what goes there goes by its township.
            let near = office.tier > Tier::Village || self.here.tier == Tier::Township;
            if below && near && office.id != self.here.office && office.tier < self.here.tier {
                receivers.push(Receiver { kind: TargetKind::Office, id: office.id.to_string(), name: office.name });
            }
        }
        Ok(receivers)
    }
}

/// Rows as somebody is shown them.
struct Shortened(Vec<CaseRow>);

impl Shortened {
    fn page(self, page: Page) -> Listed<CaseRow> {
        let skipped = usize::try_from(page.offset).unwrap_or(usize::MAX);
        let limit = page.limit as usize;
        let more = self.0.len() > skipped.saturating_add(limit);
        Listed { rows: self.0.into_iter().skip(skipped).take(limit).collect(), more }
    }
}

impl Desk {
    /// Households that this office holds.
    pub async fn households(
        &self,
        person: &Person,
        filter: HouseholdFilter,
        page: Page,
    ) -> Result<Listed<HouseholdRow>, DeskError> {
        permit::office_staff(person)?;
        self.in_room(person, LOOKING, move |room| Ok(room.reader.households(&filter, page)?)).await
    }

    /// How many households this office holds.
    pub async fn count_households(&self, person: &Person) -> Result<u64, DeskError> {
        permit::office_staff(person)?;
        self.in_room(person, LOOKING, |room| Ok(room.reader.count_households(&HouseholdFilter::default())?)).await
    }

    /// Cases that this person may see.
    pub async fn cases(&self, person: &Person, filter: CaseFilter, page: Page) -> Result<Listed<CaseRow>, DeskError> {
        self.in_room(person, LOOKING, move |room| room.page(&filter, page)).await
    }

    /// How many such cases there are.
    pub async fn count_cases(&self, person: &Person, filter: CaseFilter) -> Result<u64, DeskError> {
        self.in_room(person, LOOKING, move |room| room.count(&filter)).await
    }

    /// What a person should see first.
    pub async fn today_for(&self, person: &Person) -> Result<Today, DeskError> {
        let own = self.confirmed().await;
        self.in_room(person, LOOKING, move |room| {
            let turns =
                CaseFilter { turns: room.actors(), within: room.here.areas.clone(), by_urgency: true, ..CaseFilter::default() };
            // What is paid every month is the payment lists' work, not one task for each family.
            let late =
                CaseFilter { stages: vec![Stage::Running, Stage::PhasingOut], due_before: Some(room.day), ..turns.clone() };
            let filter = CaseFilter { but_running: true, ..turns };
            let count = |filter: CaseFilter| room.count(&filter);
            let office = room.person.is_office_staff();
            let cases = room.page(&filter, Page::first(TODAY_MAX))?.rows;
            Ok(Today {
                day: room.day,
                cases,
                waiting: count(filter.clone())?,
                overdue: count(CaseFilter { due_before: Some(room.day), ..filter.clone() })?,
                warnings: count(CaseFilter { origin: Some(Origin::Warning), ..filter })?,
                doubles: if office { room.open_doubles()? } else { 0 },
                contested: if office { room.contested_projects()? } else { 0 },
                unpaid: count(late)?,
                counts: if office { room.reader.counts()? } else { Default::default() },
                own,
            })
        })
        .await
    }

    /// What was transferred to this person's department or provider (for office staff: to the office).
    pub async fn inbox(&self, person: &Person) -> Result<Vec<InboxLine>, DeskError> {
        self.in_room(person, LOOKING, |room| {
            let office = room.person.is_office_staff().then_some(Actor::Office(room.here.office));
            let mine = office.or_else(|| room.actors().into_iter().next());
            let Some(mine) = mine else { return Ok(Vec::new()) };
            let filter = CaseFilter { handed_to: Some(mine), by_urgency: true, ..CaseFilter::default() };
            let offices: BTreeMap<_, _> = room.reader.offices()?.into_iter().map(|office| (office.id, office.name)).collect();
            let mut lines = Vec::new();
            for row in room.reader.cases(&filter, Page::first(INBOX_MAX))?.rows {
                let Ok(file) = room.case(&row.case) else { continue };
                let senders: BTreeMap<_, _> =
                    file.standing.timeline.iter().map(|item| (item.id.clone(), item.event.by)).collect();
                let standing = permit::minimum(file.standing, &room.person, room.day);
                for transfer in standing.transfers.iter().filter(|transfer| receives(transfer, &room.person)) {
                    let sender = senders.get(&transfer.id);
                    lines.push(InboxLine {
                        case: row.case,
                        transfer: transfer.id.clone(),
                        assistance: transfer.assistance.clone(),
                        applicant: standing.applicant.clone(),
                        note: transfer.note.clone(),
                        from: sender.and_then(|by| offices.get(by).cloned()).unwrap_or_default(),
                        state: transfer.state,
                        due: transfer.due,
                        sent_on: transfer.sent_on,
                        sessions: transfer.sessions,
                        urgency: row.urgency,
                    });
                }
            }
            lines.sort_by_key(|line| (!line.state.is_open(), line.due.is_none(), line.due, line.sent_on));
            Ok(lines)
        })
        .await
    }

    /// What waits to be settled by a person.
    pub async fn to_settle(&self, person: &Person, page: Page) -> Result<ToSettle, DeskError> {
        permit::office_staff(person)?;
        self.in_room(person, LOOKING, move |room| {
            let (conflicts, duplicates) =
                (room.reader.conflicts(&room.here.areas, page)?, room.reader.duplicates(&room.here.areas, page)?);
            Ok(ToSettle { more: conflicts.more || duplicates.more, conflicts: conflicts.rows, duplicates: duplicates.rows })
        })
        .await
    }

    /// The accounts of this office.
    pub async fn staff(&self, person: &Person) -> Result<Vec<StaffLine>, DeskError> {
        permit::role_or_console(person, &[Role::Administrator, Role::Auditor])?;
        self.in_room(person, LOOKING, |room| {
            let rows = room.reader.staff(Some(room.here.office))?;
            let line = |row: crate::store::reader::StaffRow| {
                let in_hand = room.reader.handled_by(room.here.office, &row.id)?.len();
                Ok(StaffLine { has_password: room.reader.password(&row.id)?.is_some(), in_hand, row })
            };
            rows.into_iter().map(line).collect()
        })
        .await
    }

    /// The choices of forms.
    pub async fn choices(&self, person: &Person) -> Result<Choices, DeskError> {
        self.in_room(person, LOOKING, |room| {
            let packs = room.reader.packs()?;
            let mut choices = Choices { receivers: room.receivers()?, ..Choices::default() };
            choices.areas = room.reader.areas()?;
            choices.areas.retain(|area| permit::covers(&room.here, &room.divisions, area.id).is_ok());
            if let Some(pack) = room.pack(&packs) {
                let names = |codes: &[shouwang_protocol::records::policy::Code]| -> Vec<(String, String)> {
                    codes.iter().map(|code| (code.code.clone(), code.name.clone())).collect()
                };
                (choices.pack, choices.sample) = (pack.version.clone(), pack.sample);
                choices.kinds = pack.kinds.iter().map(|kind| (kind.code.clone(), kind.name.clone())).collect();
                choices.questions = pack.questions.clone();
                (choices.categories, choices.causes) = (names(&pack.categories), names(&pack.causes));
            }
            Ok(choices)
        })
        .await
    }

    /// How many of this device's entries are stored where; what was last known while the writer is busy.
    pub async fn confirmed(&self) -> Confirmed {
        let count = self.writer.with(|engine| {
            let replica = engine.replica();
            Confirmed {
                entries: replica.own_entries(),
                township: replica.confirmed(Tier::Township),
                city: replica.confirmed(Tier::City),
            }
        });
        let mut last = self.inner.confirmed.lock().unwrap_or_else(std::sync::PoisonError::into_inner).to_owned();
        if let Ok(Ok(now)) = tokio::time::timeout(WRITER_WAIT, count).await {
            last = now;
            *self.inner.confirmed.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = now;
        }
        last
    }

    /// How this machine stands with the others.
    pub async fn sync(&self, person: &Person) -> Result<SyncPage, DeskError> {
        permit::office_staff(person)?;
        let own = self.confirmed().await;
        let asked = self.writer.with(|engine| {
            let sessions: BTreeMap<DeviceKey, bool> =
                engine.sessions().map(|(_, session)| (session.peer(), session.is_agreed())).collect();
            let refused = engine.refused_by_peers().iter().rev().take(REFUSED_MAX);
            let refused: Vec<(DeviceKey, String)> = refused.map(|(peer, _, _, why)| (*peer, why.clone())).collect();
            (sessions, refused)
        });
        let (sessions, refused) = match tokio::time::timeout(WRITER_WAIT, asked).await {
            Ok(answer) => answer?,
            Err(_) => Default::default(),
        };
        let trouble = match &*self.writer.health().borrow() {
            Health::Working => None,
            Health::ReadOnly(_) => Some("磁盘写不进去，暂时只能查看".to_owned()),
            Health::Damaged(_) => Some("数据库有损坏，暂时只能查看".to_owned()),
            Health::Failed(_) | Health::Stopped => Some("程序正在停止".to_owned()),
        };
        self.in_room(person, LOOKING, move |room| {
            let offices: BTreeMap<_, _> =
                room.reader.offices()?.into_iter().map(|office| (office.id, (office.name, office.tier))).collect();
            let devices: BTreeMap<_, _> = room.reader.devices()?.into_iter().map(|row| (row.key, row)).collect();
            let office = |device: &DeviceKey| {
                let row = devices.get(device)?;
                offices.get(&row.office).cloned().or_else(|| Some((row.name.clone(), row.tier)))
            };
            let name = |device: &DeviceKey| office(device).map_or_else(|| device.short(), |(name, _)| name);
            let known = room.reader.peers()?;
            let mut met: BTreeMap<DeviceKey, i64> = known.into_iter().map(|peer| (peer.device, peer.agreed_ms)).collect();
            met.remove(&room.here.device);
            for device in sessions.keys() {
                met.entry(*device).or_default();
            }
            let peers = met.iter().map(|(device, agreed_ms)| PeerLine {
                office: name(device),
                tier: office(device).map(|(_, tier)| tier),
                device: device.short(),
                connected: sessions.contains_key(device),
                agreed: sessions.get(device) == Some(&true),
                agreed_ms: *agreed_ms,
            });
            let here = room.reader.refused()?;
            Ok(SyncPage {
                peers: peers.collect(),
                own,
                counts: room.reader.counts()?,
                refused_here: here.iter().rev().take(REFUSED_MAX).map(|row| (name(&row.from), row.reason.clone())).collect(),
                refused_there: refused.iter().map(|(device, why)| (name(device), why.clone())).collect(),
                trouble,
            })
        })
        .await
    }

    /// A form that the person has not sent yet.
    pub async fn draft(&self, person: &Person, form: &str) -> Result<Option<Vec<u8>>, DeskError> {
        let (staff, form) = (person.id.clone(), form.to_owned());
        self.read(move |reader| Ok(reader.draft(&staff, &form)?.map(|draft| draft.data))).await
    }

    /// Keeps such a form; an empty one is forgotten.
    pub async fn keep_draft(&self, person: &Person, form: &str, data: Vec<u8>) -> Result<(), DeskError> {
        let (staff, form, changed_ms) = (person.id.clone(), form.to_owned(), self.clock().now().wall_ms);
        self.local(move |local| {
            if data.is_empty() {
                return local.remove_draft(&staff, &form).map(drop);
            }
            local.put_draft(&DraftRow { staff, form, changed_ms, data })
        })
        .await
    }
}
