//! The first door: a person acted on this device.

use super::work::Work;
use super::{Committed, Replica};
use crate::admission::{Past, is_shared};
use crate::entry::{Entry, EntryRef, Header, LogId, Pair, sign_head};
use crate::frontier::LogHead;
use crate::limits;
use crate::record::{ActionId, Place, RecordId, RecordRef};
use crate::records::{Edit, EditError};
use crate::store::{Store, StoreError, Verdict};
use automerge::transaction::CommitOptions;
use automerge::{Automerge, ReadDoc};
use std::collections::BTreeMap;

/// One edit of one record.
pub struct Draft {
    /// Where the record lives.
    pub place: Place,
    /// The record.
    pub record: RecordRef,
    /// What to do with it.
    pub edit: Edit,
}

/// What a person did: one entry in each log it touches.
pub struct Action {
    /// Its id: doing it again changes nothing.
    pub id: ActionId,
    /// Who did it.
    pub staff: String,
    /// The clock on the wall, milliseconds since 1970. Kept as a claim.
    pub claimed_ms: i64,
    /// Records that the person was shown besides those changed.
    pub shown: Vec<RecordId>,
    /// The edits.
    pub drafts: Vec<Draft>,
}

/// What became of an action.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Done {
    /// Its entries; none when the edits changed nothing.
    pub entries: Vec<EntryRef>,
    /// The records it changed.
    pub records: Vec<RecordId>,
    /// Whether it had been done before.
    pub again: bool,
}

/// Why an action was not done. Nothing of it was written.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// A record named is not here.
    #[error("the record is not on this device")]
    UnknownRecord,
    /// An edit could not be made.
    #[error("the edit could not be made: {0}")]
    Edit(#[from] EditError),
    /// Too much at once.
    #[error("the action is too large: {0} bytes of at most {max}", max = limits::PAYLOAD_BYTES_MAX)]
    TooLarge(usize),
    /// This device may not do it, or a safeguard refused it.
    #[error("not permitted here: {0}")]
    Refused(String),
    /// This device's log was closed (revoked, replaced) or has forked.
    #[error("this device's log is closed; nothing can be written until it is enrolled again")]
    Closed,
    /// The disk.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl<S: Store> Replica<S> {
    /// Does one action.
    pub fn commit(&mut self, action: Action) -> Result<(Committed, Done), CommitError> {
        let (committed, mut done) = self.commit_all(vec![action])?;
        let done = done.pop().unwrap_or(Done { entries: Vec::new(), records: Vec::new(), again: false });
        Ok((committed, done))
    }

    /// Does several actions in one write: all or none.
    pub fn commit_all(&mut self, actions: Vec<Action>) -> Result<(Committed, Vec<Done>), CommitError> {
        self.refresh()?;
        let mut work = Work::new(self);
        let mut done = Vec::with_capacity(actions.len());
        for action in actions {
            done.push(self.stage_action(&mut work, action)?);
        }
        let staged = work.finish(Vec::new());
        let control_changed = staged.control_changed;
        if control_changed && let Some(device) = self.orphaned(staged.control()) {
            let device = device.short();
            return Err(CommitError::Refused(format!("device {device} would lose an area where its logs are not closed")));
        }
        let committed = self.write(staged)?;
        let committed = if control_changed { self.settle_control()?.unwrap_or(committed) } else { committed };
        Ok((committed, done))
    }

    fn stage_action(&self, work: &mut Work<'_, S>, action: Action) -> Result<Done, CommitError> {
        let before = self.store.action(&action.id)?;
        if !before.is_empty() {
            return Ok(Done { records: self.records_of_entries(&before)?, entries: before, again: true });
        }
        let mut places: Vec<Place> = Vec::new();
        let mut by_place: BTreeMap<Place, Vec<(RecordRef, Edit)>> = BTreeMap::new();
        for Draft { place, record, edit } in action.drafts {
            if !by_place.contains_key(&place) {
                places.push(place);
            }
            by_place.entry(place).or_default().push((record, edit));
        }
        let mut done = Done { entries: Vec::new(), records: Vec::new(), again: false };
        for place in places {
            let edits = by_place.remove(&place).unwrap_or_default();
            let log = LogId { place, device: self.device(), incarnation: self.incarnation };
            let (pairs, records) = self.edit_records(work, &log, edits)?;
            if pairs.is_empty() {
                continue;
            }
            let shown = action.shown.iter().chain(&records);
            let head = work.head(&log);
            let (after, lamport) = self.after(work, &log, head, shown)?;
            let header = Header {
                version: crate::entry::ENTRY_VERSION,
                suite: crate::device::SUITE,
                sequence: head.length,
                lamport,
                after,
                claimed_ms: action.claimed_ms,
                staff: action.staff.clone(),
                action: action.id,
            };
            let entry = Entry { header: header.to_bytes(), pairs };
            if !entry.is_within_limits() {
                return Err(CommitError::TooLarge(entry.payload_size()));
            }
            let name = log.name();
            // Where the city chose another branch, its entries must come before this device goes on; it need not wait.
            let elsewhere = EntryRef { log: name, sequence: head.length };
            if self.forked.contains(&log)
                || work.control.choice(&log.device, &elsewhere).is_some()
                || work.control.closed_at(&log.device, &name).is_some_and(|length| head.length >= length)
            {
                return Err(CommitError::Closed);
            }
            if self.safeguards.scope_on_admission
                && let Err(denied) = crate::authority::may_log(&work.control, &log)
            {
                return Err(CommitError::Refused(denied.to_string()));
            }
            let hash = entry.chain(&name, &head.head);
            let signature = sign_head(self.key(), &hash);
            match work.append(log, header, entry, hash, Some(signature))? {
                Verdict::Applied => {}
                Verdict::Waiting(wait) => return Err(CommitError::Refused(format!("something is missing here: {wait:?}"))),
                Verdict::WithoutEffect(why) => return Err(CommitError::Refused(why)),
            }
            done.entries.push(EntryRef { log: name, sequence: head.length });
            done.records.extend(records);
        }
        Ok(done)
    }

    fn edit_records(
        &self,
        work: &Work<'_, S>,
        log: &LogId,
        edits: Vec<(RecordRef, Edit)>,
    ) -> Result<(Vec<Pair>, Vec<RecordId>), CommitError> {
        let sequence = work.head(log).length;
        let mut docs: BTreeMap<RecordId, Automerge> = BTreeMap::new();
        let mut pairs = Vec::new();
        let mut records = Vec::new();
        for (reference, edit) in edits {
            let index = u8::try_from(pairs.len()).map_err(|_| CommitError::TooLarge(usize::MAX))?;
            let (id, fresh) = match reference {
                RecordRef::New(kind) => (RecordId::created(kind, &log.name(), sequence, index), Some(Automerge::new())),
                RecordRef::Known(id) => (id, None),
                RecordRef::Volume(case, tier) => {
                    (RecordId::volume(&log.place, &case, tier), Some(crate::records::case::skeleton()))
                }
            };
            let mut doc = match docs.remove(&id) {
                Some(doc) => doc,
                None => match (work.record(&id)?, fresh) {
                    (Some(record), _) => record.doc.as_ref().clone(),
                    (None, Some(fresh)) => fresh,
                    (None, None) => return Err(CommitError::UnknownRecord),
                },
            };
            doc.set_actor(self.actor());
            let mut transaction = doc.transaction();
            edit(&mut transaction)?;
            let (hash, _) = transaction.commit_with(CommitOptions::default().with_time(0));
            if let Some(change) = hash.and_then(|hash| doc.get_change_by_hash(&hash)) {
                pairs.push(Pair::new(&reference, change.raw_bytes().to_vec()));
                records.push(id);
            }
            docs.insert(id, doc);
        }
        Ok((pairs, records))
    }

    /// What the entry comes after, and its Lamport number: heads of the records shown, from logs that every holder of
    /// this log holds too, at most sixteen, the latest first.
    fn after<'r>(
        &self,
        work: &Work<'_, S>,
        log: &LogId,
        head: LogHead,
        shown: impl Iterator<Item = &'r RecordId>,
    ) -> Result<(Vec<EntryRef>, u64), StoreError> {
        let mut latest: BTreeMap<LogId, EntryRef> = BTreeMap::new();
        for id in shown {
            for entry in work.head_entries(id)? {
                let Some(other) = work.log_named(&entry.log) else { continue };
                if other == *log || !is_shared(&work.control, &log.place, &other.place) {
                    continue;
                }
                let newest = latest.entry(other).or_insert(entry);
                newest.sequence = newest.sequence.max(entry.sequence);
            }
        }
        let mut after = Vec::with_capacity(latest.len());
        for entry in latest.into_values() {
            after.push((work.lamport_of(&entry)?.unwrap_or(0), entry));
        }
        after.sort_by(|a, b| b.cmp(a));
        after.truncate(limits::AFTER_MAX);
        let greatest = after.first().map_or(0, |(lamport, _)| *lamport).max(head.lamport);
        Ok((after.into_iter().map(|(_, entry)| entry).collect(), greatest + 1))
    }

    /// The records that stored entries changed.
    pub fn records_of_entries(&self, entries: &[EntryRef]) -> Result<Vec<RecordId>, StoreError> {
        let mut out = Vec::new();
        for reference in entries {
            let Some(log) = self.frontier.log_named(&reference.log) else { continue };
            let Some(stored) = self.store.entry(&log, reference.sequence)? else { continue };
            out.extend(stored.entry.records(&log, reference.sequence));
        }
        Ok(out)
    }
}
