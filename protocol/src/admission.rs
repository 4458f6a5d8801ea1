//! The two pure questions asked of every entry, in this order.
//!
//! [`admit`]: is it an entry at all? It looks at chain, signature, certificate, scope, size and closings. What passes is
//! stored, counted and passed on; what fails is refused with a reason. [`effect`]: does it count? It looks at authority,
//! dependencies and the fence, and depends on the entry's causal past only, so that every replica answers alike in any
//! order of arrival. What has no effect stays in the log and never reaches a record's view.

use crate::authority::{Denied, may_log, may_write};
use crate::control::Control;
use crate::device::actor;
use crate::entry::{Content, Entry, EntryRef, Header, LogId, Run, verify_head};
use crate::fence;
use crate::hash::Hash;
use crate::limits;
use crate::record::{CaseId, Kind, Place, RecordId, RecordRef};
use crate::store::{StoreError, Verdict, WaitFor};
use automerge::{Automerge, ReadDoc};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Why a run of entries was refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    /// The device may not write here, as far as control knows.
    #[error("{0}")]
    Denied(Denied),
    /// Nothing in it.
    #[error("the run is empty")]
    Empty,
    /// Entries in between are missing.
    #[error("entries before it are missing")]
    Gap,
    /// A header or payload breaks a limit or cannot be read.
    #[error("entry {0} cannot be read or is too large")]
    Malformed(u64),
    /// A sequence or Lamport number is out of order.
    #[error("entry {0} is out of order")]
    OutOfOrder(u64),
    /// The signature does not fit the chain.
    #[error("the signature does not fit")]
    BadSignature,
    /// The log was closed before this place.
    #[error("the log was closed at length {0}")]
    Closed(u64),
    /// Two entries at one place: the log waits for the city.
    #[error("the log has forked; the city must say which branch counts")]
    Forked,
}

/// What the safeguards are. All are on; the simulator's tests of its own teeth switch one off.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Safeguards {
    /// [`admit`] asks [`may_log`].
    pub scope_on_admission: bool,
    /// [`effect`] asks [`may_write`].
    pub authority_on_effect: bool,
    /// A sender asks whether the receiver may hold a log.
    pub scope_on_sending: bool,
}

impl Default for Safeguards {
    fn default() -> Safeguards {
        Safeguards { scope_on_admission: true, authority_on_effect: true, scope_on_sending: true }
    }
}

/// What is known where a run is to be appended.
pub struct Known<'a> {
    /// Control as it is.
    pub control: &'a Control,
    /// The switches.
    pub safeguards: Safeguards,
    /// Hash of the entry before the run.
    pub previous: Hash,
    /// Lamport number of that entry.
    pub lamport: u64,
}

/// An entry that passed.
#[derive(Clone, Debug)]
pub struct Admitted {
    /// Its header.
    pub header: Header,
    /// Its hash in the chain.
    pub hash: Hash,
}

/// Whether a run may be stored after what is known.
pub fn admit(run: &Run, known: &Known<'_>) -> Result<Vec<Admitted>, Refusal> {
    if run.entries.is_empty() {
        return Err(Refusal::Empty);
    }
    let allowed = may_log(known.control, &run.log);
    if known.safeguards.scope_on_admission {
        allowed.map_err(Refusal::Denied)?;
    }
    let after_last = run.first + run.entries.len() as u64;
    let name = run.log.name();
    if let Some(length) = known.control.closed_at(&run.log.device, &name).filter(|length| after_last > *length) {
        return Err(Refusal::Closed(length));
    }
    let mut lamport = known.lamport;
    let mut admitted = Vec::with_capacity(run.entries.len());
    let heads = run.heads(known.previous);
    for (index, (entry, hash)) in run.entries.iter().zip(heads).enumerate() {
        let sequence = run.first + index as u64;
        let header =
            Header::from_bytes(&entry.header).filter(|_| entry.is_within_limits()).ok_or(Refusal::Malformed(sequence))?;
        if header.sequence != sequence || header.lamport <= lamport || header.lamport > limits::LAMPORT_MAX {
            return Err(Refusal::OutOfOrder(sequence));
        }
        lamport = header.lamport;
        if let Some(choice) = known.control.choice(&run.log.device, &EntryRef { log: name, sequence })
            && choice != hash
        {
            return Err(Refusal::Forked);
        }
        admitted.push(Admitted { header, hash });
    }
    let signed = admitted.last().is_some_and(|last| verify_head(&run.log.device, &last.hash, &run.signature));
    if signed { Ok(admitted) } else { Err(Refusal::BadSignature) }
}

/// A record as a replica knows it.
#[derive(Clone)]
pub struct KnownRecord {
    /// Its kind.
    pub kind: Kind,
    /// Where it lives.
    pub place: Place,
    /// The document.
    pub doc: Arc<Automerge>,
}

/// What a replica can tell of an entry's past.
pub trait Past {
    /// The log of this name, when it is held.
    fn log_named(&self, name: &Hash) -> Option<LogId>;
    /// The Lamport number of an entry, when it is held.
    fn lamport_of(&self, entry: &EntryRef) -> Result<Option<u64>, StoreError>;
    /// A record, when it exists here.
    fn record(&self, id: &RecordId) -> Result<Option<KnownRecord>, StoreError>;
    /// The latest entry before this one in its log that waits and changes the record, if any. A log's changes to a record
    /// are judged in the log's order, or a device that leaves out its own earlier change would split the replicas.
    fn waits_before(&self, log: &LogId, sequence: u64, id: &RecordId) -> Result<Option<EntryRef>, StoreError>;
    /// The entry that brought a change of a record, when it is in it.
    fn carrier(&self, id: &RecordId, change: &automerge::ChangeHash) -> Result<Option<EntryRef>, StoreError>;
}

/// A record as an applied entry leaves it.
pub struct Effect {
    /// Its name.
    pub id: RecordId,
    /// Its kind.
    pub kind: Kind,
    /// The case and tier, when it is a volume.
    pub volume: Option<(CaseId, crate::area::Tier)>,
    /// The new document.
    pub doc: Arc<Automerge>,
    /// The same, saved.
    pub snapshot: Vec<u8>,
    /// The change.
    pub change: fence::Parsed,
}

fn without(word: &str, why: impl std::fmt::Display) -> Verdict {
    Verdict::WithoutEffect(format!("{word}: {why}"))
}

enum Target {
    Record { id: RecordId, kind: Kind, volume: Option<(CaseId, crate::area::Tier)>, doc: Option<Arc<Automerge>> },
    Stop(Verdict),
}

fn target(
    reference: &RecordRef,
    log: &LogId,
    at: (u64, u8),
    past: &impl Past,
    staged: &BTreeMap<RecordId, KnownRecord>,
) -> Result<Target, StoreError> {
    let known = |id: &RecordId| match staged.get(id) {
        Some(record) => Ok(Some(record.clone())),
        None => past.record(id),
    };
    Ok(match *reference {
        RecordRef::New(kind) => {
            let id = RecordId::created(kind, &log.name(), at.0, at.1);
            if kind.volume_tier().is_some() {
                return Ok(Target::Stop(without("misnamed", "a volume is named by its case")));
            }
            Target::Record { id, kind, volume: None, doc: known(&id)?.map(|record| record.doc) }
        }
        RecordRef::Known(id) => match known(&id)? {
            None => Target::Stop(Verdict::Waiting(vec![WaitFor::Record(id)])),
            Some(record) if record.place != log.place => Target::Stop(without("misplaced", "the record lives in another place")),
            Some(record) => Target::Record { id, kind: record.kind, volume: None, doc: Some(record.doc) },
        },
        RecordRef::Volume(case, tier) => {
            let id = RecordId::volume(&log.place, &case, tier);
            let doc = match known(&id)? {
                Some(record) => record.doc,
                None => Arc::new(crate::records::case::skeleton()),
            };
            Target::Record { id, kind: Kind::volume(tier), volume: Some((case, tier)), doc: Some(doc) }
        }
    })
}

/// Whether whoever holds logs of `place` always holds those of `other` too: logs of the same area or of the city, with
/// no higher floor. (Not of the areas between: a village that comes under a new township keeps its logs, and the new
/// township does not get the old one's.)
pub fn is_shared(control: &Control, place: &Place, other: &Place) -> bool {
    other.floor <= place.floor && (other.area == place.area || Some(other.area) == control.root_area())
}

/// Of an entry that names what was cut away: why what its change builds on does not hold, so that every replica says the
/// same whether or not it ever held what was cut. Sound is what the log itself brought, and what lies up to a named entry.
fn off_firm_ground(
    log: &LogId,
    header: &Header,
    id: &RecordId,
    dep: &automerge::ChangeHash,
    past: &impl Past,
) -> Result<Option<Verdict>, StoreError> {
    let named = |at: &EntryRef| header.after.iter().any(|named| named.log == at.log && at.sequence <= named.sequence);
    match past.carrier(id, dep)? {
        Some(at) if at.log == log.name() || named(&at) => return Ok(None),
        Some(_) => {}
        None => {
            for named in &header.after {
                let Some(other) = past.log_named(&named.log) else { continue };
                if let Some(earlier) = past.waits_before(&other, named.sequence.saturating_add(1), id)? {
                    return Ok(Some(Verdict::Waiting(vec![WaitFor::Entry(earlier)])));
                }
            }
        }
    }
    Ok(Some(without("cut", "it builds on what was cut away with a lost or replaced device's log")))
}

/// What an admitted entry does to the records, or why it does nothing (yet).
pub fn effect(
    log: &LogId,
    header: &Header,
    entry: &Entry,
    control: &Control,
    safeguards: Safeguards,
    past: &impl Past,
    previous_lamport: u64,
) -> Result<(Verdict, Vec<Effect>), StoreError> {
    let stop = |verdict| Ok((verdict, Vec::new()));
    if header.version != crate::entry::ENTRY_VERSION || header.suite != crate::device::SUITE {
        return stop(Verdict::Waiting(vec![WaitFor::Upgrade]));
    }
    let mut greatest = previous_lamport;
    let mut missing = Vec::new();
    let mut beyond_cut = false;
    for reference in &header.after {
        // What some holder of this log may not hold, no holder takes as known: else they would answer differently.
        let shared = past.log_named(&reference.log).is_some_and(|other| is_shared(control, &log.place, &other.place));
        match if shared { past.lamport_of(reference)? } else { None } {
            Some(lamport) => greatest = greatest.max(lamport),
            // The person was shown it, and it never comes: what they wrote stands on the rest.
            None if control.is_cut_away(reference) => beyond_cut = true,
            None => missing.push(WaitFor::Entry(*reference)),
        }
    }
    if !missing.is_empty() {
        return stop(Verdict::Waiting(missing));
    }
    let most = if beyond_cut { limits::LAMPORT_BEYOND_CUT_MAX } else { 1 };
    if !(greatest + 1..=greatest + most).contains(&header.lamport) {
        return stop(without("lamport", "the entry's number does not follow from what it names"));
    }
    let expected_actor = actor(&log.device, &log.incarnation);
    let mut staged: BTreeMap<RecordId, KnownRecord> = BTreeMap::new();
    let mut effects = Vec::new();
    for (index, pair) in entry.pairs.iter().enumerate() {
        let Content::Raw(change) = &pair.content else {
            return stop(without("redacted", "the content was removed by the city"));
        };
        let Some(reference) = pair.record_ref() else {
            return stop(Verdict::Waiting(vec![WaitFor::Upgrade]));
        };
        let at = (header.sequence, u8::try_from(index).unwrap_or(u8::MAX));
        let (id, kind, volume, doc) = match target(&reference, log, at, past, &staged)? {
            Target::Record { id, kind, volume, doc } => (id, kind, volume, doc),
            Target::Stop(verdict) => return stop(verdict),
        };
        if safeguards.authority_on_effect {
            match may_write(control, log, kind) {
                Ok(()) => {}
                Err(Denied::UnknownKind) => return stop(Verdict::Waiting(vec![WaitFor::Upgrade])),
                Err(denied) if denied.may_change() => return stop(Verdict::Waiting(vec![WaitFor::Control])),
                Err(denied) => return stop(without("authority", denied)),
            }
        }
        let parsed = match fence::parse(change) {
            Ok(parsed) => parsed,
            Err(fault) => return stop(without("fence", fault)),
        };
        if let Some(earlier) = past.waits_before(log, header.sequence, &id)? {
            return stop(Verdict::Waiting(vec![WaitFor::Entry(earlier)]));
        }
        if beyond_cut {
            let own = |dep: &_| {
                let skeleton = volume.is_some() && crate::records::case::skeleton().get_change_by_hash(dep).is_some();
                skeleton || effects.iter().any(|effect: &Effect| effect.change.hash == *dep)
            };
            for dep in parsed.deps.iter().filter(|dep| !own(dep)) {
                if let Some(verdict) = off_firm_ground(log, header, &id, dep, past)? {
                    return stop(verdict);
                }
            }
        }
        if matches!(reference, RecordRef::New(_)) && !parsed.deps.is_empty() {
            return stop(without("misnamed", "a new record has no past"));
        }
        if kind.volume_tier().is_some() && !parsed.only_adds() {
            return stop(without("append-only", "a case volume is only added to; a correction is a new event"));
        }
        match fence::judge(doc.as_deref(), &expected_actor, &parsed) {
            fence::Verdict::Applied(doc, snapshot) => {
                let doc = Arc::new(*doc);
                staged.insert(id, KnownRecord { kind, place: log.place, doc: doc.clone() });
                effects.push(Effect { id, kind, volume, doc, snapshot, change: parsed });
            }
            fence::Verdict::AlreadyThere => {}
            fence::Verdict::Waiting(missing) => {
                return stop(Verdict::Waiting(missing.iter().map(|hash| WaitFor::Change(hash.0)).collect()));
            }
            // The change is sound, this replica's copy is not: others may have applied it, so it is judged again later.
            fence::Verdict::Refused(fence::Fault::Live) => return stop(Verdict::Waiting(vec![WaitFor::Upgrade])),
            fence::Verdict::Refused(fault) => return stop(without("fence", fault)),
        }
    }
    Ok((Verdict::Applied, effects))
}
