//! The view of a case: where it stands, who must act, and the text that is searched.
//!
//! A case is the volumes with one case id at one place (area and floor). Their events get their places in the common
//! order from the entries that carried them, and the standing follows from the protocol's pure function.

use super::super::db::Db;
use super::super::fault::Fault;
use super::super::rows::{Sql, all, array, blob, first, fixed, int, number, tier};
use super::super::search;
use super::account::AccountView;
use super::award::AwardView;
use super::checks::ChecksView;
use super::hop::HopView;
use super::project::BookingsView;
use super::work::WorkView;
use super::{Context, Docs, execute, load, text_hash};
use automerge::Automerge;
use rusqlite::{Row, params};
use shouwang_protocol::area::{AreaId, Tier};
use shouwang_protocol::device::{DeviceKey, OfficeId};
use shouwang_protocol::hash::Hash;
use shouwang_protocol::record::{CaseId, RecordId, Stamp};
use shouwang_protocol::records::amount::Fen;
use shouwang_protocol::records::case::{Volume, Witness};
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::event::{Origin, Target, Urgency};
use shouwang_protocol::standing::{CaseRecords, Effect, Standing, Turn, Who, standing};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A case at one place.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Key {
    pub case: [u8; 16],
    pub area: i64,
    pub floor: i64,
}

/// A case at one place, as the protocol names these things.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Spot {
    /// The case.
    pub case: CaseId,
    /// The area it lives in.
    pub area: AreaId,
    /// The lowest tier that holds it.
    pub floor: Tier,
}

impl Key {
    /// `case_id, area, floor` from column `at` on.
    pub fn from_row(row: &Row<'_>, at: usize) -> Sql<Key> {
        Ok(Key { case: fixed(row, at)?, area: row.get(at + 1)?, floor: row.get(at + 2)? })
    }

    pub fn of(spot: &Spot) -> Key {
        Key { case: spot.case.0, area: int(spot.area.raw()), floor: i64::from(spot.floor.number()) }
    }

    pub fn spot(&self) -> Sql<Spot> {
        Ok(Spot { case: CaseId(self.case), area: AreaId::from_raw(number(self.area)), floor: tier(self.floor)? })
    }
}

#[derive(PartialEq, Debug)]
struct TurnRow {
    who: String,
    id: String,
    name: String,
    what: String,
    due: Option<i32>,
}

#[derive(PartialEq, Debug)]
struct TransferRow {
    who: String,
    id: String,
    name: String,
    state: String,
    due: Option<i32>,
}

#[derive(PartialEq, Debug)]
struct MatterView {
    stage: String,
    since: Option<i32>,
    origin: Option<String>,
    urgency: i64,
    assistance: String,
    household: Option<[u8; 32]>,
    applicant: String,
    number: Option<String>,
    opened_on: Option<i32>,
    proposed: Option<i64>,
    decided: Option<i64>,
    paid: Option<i64>,
    due: Option<i32>,
    opened: i64,
    updated: i64,
    events: i64,
    idle: i64,
    problems: i64,
    pack: String,
    text_hash: i64,
    turns: Vec<TurnRow>,
    transfers: Vec<TransferRow>,
    text: Option<String>,
}

/// Operations of one actor that one entry carried.
struct Operations {
    from: u64,
    to: u64,
    stamp: Stamp,
    log: [u8; 32],
}

/// Where the operations of a record came from, by actor.
struct Origins(BTreeMap<Vec<u8>, Vec<Operations>>);

impl Origins {
    fn of(db: &Db, record: i64) -> Sql<Origins> {
        let sql = "SELECT author.actor, start_op, max_op, change.lamport, author.tier, author.device, sequence, log.name FROM change \
                   JOIN author ON author.id = change.author JOIN log ON log.id = change.log WHERE record = ?1";
        let mut origins: BTreeMap<Vec<u8>, Vec<Operations>> = BTreeMap::new();
        for (actor, operations) in all(&db.conn, sql, [record], |row| {
            let stamp = Stamp {
                lamport: number(row.get(3)?),
                tier: tier(row.get(4)?)?,
                device: DeviceKey(fixed(row, 5)?),
                sequence: number(row.get(6)?),
                index: 0,
            };
            let operations = Operations { from: number(row.get(1)?), to: number(row.get(2)?), stamp, log: fixed(row, 7)? };
            Ok((blob(row, 0)?.to_vec(), operations))
        })? {
            origins.entry(actor).or_default().push(operations);
        }
        for ranges in origins.values_mut() {
            ranges.sort_unstable_by_key(|operations| operations.from);
        }
        Ok(Origins(origins))
    }

    /// The place of an operation in the common order, and the log it came in.
    fn of_operation(&self, actor: &[u8], counter: u64) -> Option<(Stamp, &[u8; 32])> {
        let ranges = self.0.get(actor)?;
        let at = ranges.partition_point(|operations| operations.from <= counter).checked_sub(1)?;
        let operations = ranges.get(at)?;
        (counter <= operations.to).then_some((Stamp { index: counter, ..operations.stamp }, &operations.log))
    }
}

/// The volumes of a case, with the place of every event in the common order; none when there are none.
pub(crate) fn case_records(db: &Db, context: &Context, key: &Key, docs: &Docs) -> Sql<Option<CaseRecords>> {
    let sql = "SELECT id, name, tier, snapshot FROM record WHERE case_id = ?1 AND area = ?2 AND floor = ?3 ORDER BY tier";
    let volumes: Vec<(i64, Tier, Arc<Automerge>)> = all(&db.conn, sql, params![key.case, key.area, key.floor], |row| {
        let doc = match docs.get(&RecordId(Hash(fixed(row, 1)?))) {
            Some(doc) => doc.clone(),
            None => Arc::new(load(&db.unpack(blob(row, 3)?)?)?),
        };
        Ok((row.get(0)?, tier(row.get(2)?)?, doc))
    })?;
    if volumes.is_empty() {
        return Ok(None);
    }
    let mut offices: BTreeMap<DeviceKey, Option<OfficeId>> = BTreeMap::new();
    let mut records = Vec::with_capacity(volumes.len());
    for (record, tier, doc) in volumes {
        let origins = Origins::of(db, record)?;
        let devices = origins.0.values().flatten().map(|operations| operations.stamp.device);
        for device in devices {
            if let std::collections::btree_map::Entry::Vacant(entry) = offices.entry(device) {
                entry.insert(context.office_of(db, &device)?);
            }
        }
        let mut volume = Volume::read(tier, &doc);
        volume.witness(|actor, counter| {
            let (stamp, log) = origins.of_operation(actor.to_bytes(), counter)?;
            let office = offices.get(&stamp.device).copied().flatten()?;
            let may_decide = context.may_decide(&office, &stamp.device, log, stamp.sequence);
            Some(Witness { stamp, office, may_decide })
        });
        records.push(volume);
    }
    Ok(Some(records.into_iter().collect()))
}

fn target(target: &Target) -> (String, String, String) {
    (target.kind.word().to_owned(), target.id.clone(), target.name.clone())
}

fn turn(turn: &Turn) -> TurnRow {
    let (who, id, name) = match &turn.who {
        Who::Tier(tier) => ("tier".to_owned(), tier.word().to_owned(), String::new()),
        Who::Target(to) => target(to),
        Who::Applicant => ("applicant".to_owned(), String::new(), String::new()),
    };
    TurnRow { who, id, name, what: turn.what.to_owned(), due: turn.due.map(|day| day.0) }
}

impl MatterView {
    fn derive(standing: &Standing) -> MatterView {
        let days = |day: Option<Day>| day.map(|day| day.0);
        let fen = |amount: Option<Fen>| amount.map(|fen| fen.0);
        let number = standing.number.clone();
        let fields = [standing.applicant.as_str(), number.as_deref().unwrap_or_default()];
        let text = search::indexed(fields, [standing.applicant.as_str()]);
        let lamports = || standing.timeline.iter().filter_map(|item| Some(int(item.stamp?.lamport)));
        let idle = |effect: &Effect| matches!(effect, Effect::Waits(_) | Effect::WithoutEffect(_));
        let transfers = standing.transfers.iter().map(|transfer| {
            let (who, id, name) = target(&transfer.to);
            TransferRow { who, id, name, state: transfer.state.label().to_owned(), due: days(transfer.due) }
        });
        MatterView {
            stage: standing.stage.word().to_owned(),
            since: days(standing.since),
            origin: standing.origin.map(|origin: Origin| origin.word().to_owned()),
            urgency: match standing.urgency {
                None | Some(Urgency::Normal) => 0,
                Some(Urgency::Urgent) => 1,
                Some(Urgency::Critical) => 2,
            },
            assistance: standing.assistance.clone(),
            household: standing.household.map(|record| record.0.0),
            applicant: standing.applicant.clone(),
            number,
            opened_on: days(standing.opened_on),
            proposed: fen(standing.proposed),
            decided: fen(standing.decided()),
            paid: fen(standing.paid()),
            due: standing.turns.iter().filter_map(|turn| turn.due).min().map(|day| day.0),
            opened: lamports().min().unwrap_or(0),
            updated: lamports().max().unwrap_or(0),
            events: standing.timeline.len() as i64,
            idle: standing.timeline.iter().filter(|item| idle(&item.effect)).count() as i64,
            problems: standing.problems.len() as i64,
            pack: standing.pack.clone(),
            text_hash: text_hash(&text),
            turns: standing.turns.iter().map(turn).collect(),
            transfers: transfers.collect(),
            text: Some(text),
        }
    }

    fn load(db: &Db, key: &Key) -> Sql<Option<(i64, MatterView)>> {
        let sql = "SELECT id, stage, since, origin, urgency, assistance, household, applicant, number, opened_on, proposed, decided, \
                   paid, due, opened, updated, events, idle, problems, text_hash, pack FROM matter WHERE case_id = ?1 AND area = ?2 AND floor = ?3";
        let loaded = first(&db.conn, sql, params![key.case, key.area, key.floor], |row| {
            let household = row.get_ref(6)?.as_blob_or_null().map_err(|_| Fault::Damaged("a column is no blob"))?;
            let view = MatterView {
                stage: row.get(1)?,
                since: row.get(2)?,
                origin: row.get(3)?,
                urgency: row.get(4)?,
                assistance: row.get(5)?,
                household: household.map(array).transpose()?,
                applicant: row.get(7)?,
                number: row.get(8)?,
                opened_on: row.get(9)?,
                proposed: row.get(10)?,
                decided: row.get(11)?,
                paid: row.get(12)?,
                due: row.get(13)?,
                opened: row.get(14)?,
                updated: row.get(15)?,
                events: row.get(16)?,
                idle: row.get(17)?,
                problems: row.get(18)?,
                text_hash: row.get(19)?,
                pack: row.get(20)?,
                turns: Vec::new(),
                transfers: Vec::new(),
                text: None,
            };
            Ok((row.get::<_, i64>(0)?, view))
        })?;
        let Some((id, mut view)) = loaded else { return Ok(None) };
        let sql = "SELECT who, who_id, name, what, due FROM turn WHERE matter = ?1 ORDER BY ordinal";
        view.turns = all(&db.conn, sql, [id], |row| {
            Ok(TurnRow { who: row.get(0)?, id: row.get(1)?, name: row.get(2)?, what: row.get(3)?, due: row.get(4)? })
        })?;
        let sql = "SELECT who, who_id, name, state, due FROM transfer WHERE matter = ?1 ORDER BY ordinal";
        view.transfers = all(&db.conn, sql, [id], |row| {
            Ok(TransferRow { who: row.get(0)?, id: row.get(1)?, name: row.get(2)?, state: row.get(3)?, due: row.get(4)? })
        })?;
        Ok(Some((id, view)))
    }

    fn write(&self, db: &Db, key: &Key, old: Option<(i64, MatterView)>) -> Sql<i64> {
        let conn = &db.conn;
        let sql = "INSERT INTO matter (case_id, area, floor, stage, since, origin, urgency, assistance, household, applicant, number, \
                   opened_on, proposed, decided, paid, due, opened, updated, events, idle, problems, text_hash, pack) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23) \
                   ON CONFLICT (case_id, area, floor) DO UPDATE SET stage = ?4, since = ?5, origin = ?6, urgency = ?7, assistance = ?8, \
                   household = ?9, applicant = ?10, number = ?11, opened_on = ?12, proposed = ?13, decided = ?14, paid = ?15, due = ?16, \
                   opened = ?17, updated = ?18, events = ?19, idle = ?20, problems = ?21, text_hash = ?22, pack = ?23 RETURNING id";
        let values = params![
            key.case,
            key.area,
            key.floor,
            self.stage,
            self.since,
            self.origin,
            self.urgency,
            self.assistance,
            self.household,
            self.applicant,
            self.number,
            self.opened_on,
            self.proposed,
            self.decided,
            self.paid,
            self.due,
            self.opened,
            self.updated,
            self.events,
            self.idle,
            self.problems,
            self.text_hash,
            self.pack
        ];
        let id: i64 = first(conn, sql, values, |row| Ok(row.get(0)?))?.ok_or(Fault::Damaged("a case cannot be written"))?;
        let (old_turns, old_transfers, old_hash) = match old {
            Some((_, old)) => (old.turns, old.transfers, Some(old.text_hash)),
            None => Default::default(),
        };
        if old_turns != self.turns {
            execute(conn, "DELETE FROM turn WHERE matter = ?1", [id])?;
            for (ordinal, turn) in self.turns.iter().enumerate() {
                let sql = "INSERT INTO turn (matter, ordinal, who, who_id, name, what, due) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
                execute(conn, sql, params![id, ordinal as i64, turn.who, turn.id, turn.name, turn.what, turn.due])?;
            }
        }
        if old_transfers != self.transfers {
            execute(conn, "DELETE FROM transfer WHERE matter = ?1", [id])?;
            for (ordinal, to) in self.transfers.iter().enumerate() {
                let sql =
                    "INSERT INTO transfer (matter, ordinal, who, who_id, name, state, due) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
                execute(conn, sql, params![id, ordinal as i64, to.who, to.id, to.name, to.state, to.due])?;
            }
        }
        if old_hash != Some(self.text_hash) {
            if old_hash.is_some() {
                execute(conn, "DELETE FROM matter_text WHERE rowid = ?1", [id])?;
            }
            execute(conn, "INSERT INTO matter_text (rowid, text) VALUES (?1, ?2)", params![id, self.text])?;
        }
        Ok(id)
    }
}

/// Every case that has a volume here or a view.
pub(super) fn all_keys(db: &Db) -> Sql<std::collections::BTreeSet<Key>> {
    let sql = "SELECT case_id, area, floor FROM record WHERE case_id IS NOT NULL UNION SELECT case_id, area, floor FROM matter";
    Ok(all(&db.conn, sql, [], |row| Key::from_row(row, 0))?.into_iter().collect())
}

/// Derives a case again; one that has no volume any more leaves the views.
pub(super) fn refresh(db: &Db, context: &Context, key: &Key, docs: &Docs) -> Sql<()> {
    let old = MatterView::load(db, key)?;
    match (case_records(db, context, key, docs)?, old) {
        (Some(records), old) => {
            let standing = standing(&records, &context.packs);
            let id = MatterView::derive(&standing).write(db, key, old)?;
            AccountView::derive(&standing).write(db, id)?;
            AwardView::derive(&standing).write(db, id)?;
            ChecksView::derive(&standing).write(db, id)?;
            HopView::derive(&standing).write(db, id)?;
            WorkView::derive(&standing).write(db, id)?;
            BookingsView::derive(&standing).write(db, id)
        }
        (None, Some((id, _))) => {
            execute(&db.conn, "DELETE FROM matter_text WHERE rowid = ?1", [id])?;
            execute(&db.conn, "DELETE FROM matter WHERE id = ?1", [id])?;
            Ok(())
        }
        (None, None) => Ok(()),
    }
}

/// Says which cases' views are not what their volumes say.
pub(super) fn compare(db: &Db, context: &Context) -> Sql<Vec<String>> {
    let mut found = Vec::new();
    for key in all_keys(db)? {
        let standing = case_records(db, context, &key, &Docs::new())?.map(|records| standing(&records, &context.packs));
        let derived = standing.map(|standing| {
            let (account, award) = (AccountView::derive(&standing), AwardView::derive(&standing));
            let work = (WorkView::derive(&standing), BookingsView::derive(&standing), HopView::derive(&standing));
            (MatterView::derive(&standing), account, award, work, ChecksView::derive(&standing))
        });
        let same = match (MatterView::load(db, &key)?, derived) {
            (Some((id, stored)), Some((derived, account, award, work, checks))) => {
                MatterView { text: derived.text.clone(), ..stored } == derived
                    && AccountView::load(db, id)? == account
                    && AwardView::load(db, id)? == award
                    && (WorkView::load(db, id)?, BookingsView::load(db, id)?, HopView::load(db, id)?) == work
                    && ChecksView::load(db, id)? == checks
            }
            (None, None) => true,
            _ => false,
        };
        if !same {
            found.push(format!("case {}: the view is not what the volumes say", CaseId(key.case)));
        }
    }
    Ok(found)
}
