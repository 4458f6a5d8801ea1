//! The fence: Automerge never sees a remote change unchecked.
//!
//! Automerge trusts its peers. Fed with bytes that a hostile peer made, version 0.12 panics, takes gigabytes, or
//! accepts a change after which the saved record cannot be loaded again. So [`parse`] reads a change's bytes with a
//! reader of our own, which knows no allocation and no loop that the bytes could make long, before Automerge gets
//! them; then [`judge`] holds the change against the record: what it names must exist in its causal past, and a
//! copy of the record as it was there must survive apply, save and load.
//!
//! The verdict of [`judge`] depends on the change and its causal past alone, never on what else has arrived, so that
//! replicas agree whatever the order of arrival. Two faults are the exception, and both say so:
//! [`Fault::SequenceTaken`] and [`Fault::Live`].
//!
//! Panics of Automerge are caught here (never build with `panic = "abort"`), and nothing recurses over a record:
//! nesting is capped where an object is made, so that every record behind the fence is shallow.

use crate::limits::{
    CHANGE_ACTORS_MAX, CHANGE_DEPS_MAX, CHANGE_OPS_MAX, NESTING_MAX, PAYLOAD_BYTES_MAX, RECORD_CHANGES_MAX, START_OP_MAX,
    STRING_BYTES_MAX,
};
use automerge::legacy::{ElementId, Key, ObjectId, Op, OpId, OpType};
use automerge::{ActorId, Automerge, Change, ChangeHash, ChangeMetadata, ExpandedChange, ObjId, ObjType, ReadDoc, ScalarValue};
use ring::digest::{SHA256, digest};
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// First bytes of every Automerge chunk.
const MAGIC: [u8; 4] = [0x85, 0x6f, 0x4a, 0x83];
/// The chunk type of a plain change; 0 is a document, 2 a deflated change, 3 a bundle.
const PLAIN_CHANGE: u8 = 1;
/// Predecessors named by all operations of one change: a few for each, for fields in conflict.
const PREDECESSORS_MAX: u64 = 4 * CHANGE_OPS_MAX;
/// Changes of the past that are looked up one by one before all are taken at once.
const LOOKUPS_MAX: usize = 8;

/// What is wrong with a change. Its text holds nothing of the record.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, thiserror::Error)]
pub enum Fault {
    /// Longer than a payload may be.
    #[error("the change is too long")]
    Size,
    /// No chunk of exactly this length, or a field that cannot be read.
    #[error("the bytes are no change")]
    Malformed,
    /// A document, a bundle or a deflated change.
    #[error("only plain changes are taken")]
    ChunkType,
    /// The checksum does not fit.
    #[error("the checksum does not fit")]
    Checksum,
    /// A column to be inflated.
    #[error("a column is deflated")]
    Deflated,
    /// A column that this version does not know, or that belongs to rich text.
    #[error("a column is unknown")]
    Column,
    /// Too many dependencies, or not in order.
    #[error("the list of dependencies is not right")]
    Dependencies,
    /// Too many actors named.
    #[error("the change names too many actors")]
    Actors,
    /// Too many operations, or too many predecessors of operations.
    #[error("the change has too many operations")]
    Operations,
    /// An operation counter out of range.
    #[error("an operation counter is out of range")]
    Counter,
    /// A key, text or byte string that is too long.
    #[error("a text in the change is too long")]
    Text,
    /// Something other than maps, lists and plain values: text objects, tables, marks, counters, numbers that are none.
    #[error("the change holds a kind of value that is not used here")]
    Kind,
    /// Automerge cannot read it, or panicked while reading.
    #[error("the change cannot be read")]
    Unreadable,
    /// Encoding it again gives other bytes.
    #[error("the change is not in its canonical form")]
    Canonical,
    /// Made by another actor than the log's.
    #[error("the change is by another actor than its log")]
    Actor,
    /// Not the next change of its actor, as seen from its dependencies.
    #[error("the change is not its actor's next")]
    Sequence,
    /// Another change of the actor stands at this sequence already. Which of two such changes came first is not the
    /// same everywhere: judge the changes of one log in the order of the log, and let the log's fork rule decide.
    #[error("another change of the actor holds this sequence")]
    SequenceTaken,
    /// The first operation does not follow its dependencies.
    #[error("the operation counter does not follow the dependencies")]
    StartOp,
    /// It names an actor that its causal past does not know.
    #[error("the change names an actor that its past does not know")]
    Stranger,
    /// An operation names an object, an element or a predecessor that is not where it should be.
    #[error("an operation refers to something that is not there")]
    Reference,
    /// An object too deep in the record.
    #[error("the record would be nested too deeply")]
    Nesting,
    /// The record has as many changes as it may have.
    #[error("the record has too many changes")]
    Full,
    /// A copy of the record at the dependencies did not survive it.
    #[error("the record did not survive a trial of the change")]
    Trial,
    /// Good on a copy at its dependencies, but the record as it is here did not survive it. This is an alarm about
    /// this replica (or a fault of Automerge), not a verdict on the change: others may have applied it.
    #[error("this replica's record does not take a change that is good")]
    Live,
    /// A stored snapshot cannot be loaded.
    #[error("the stored record cannot be loaded")]
    Snapshot,
}

impl Fault {
    /// A stable name, for storage, metrics and the wire.
    pub fn word(&self) -> &'static str {
        match self {
            Fault::Size => "size",
            Fault::Malformed => "malformed",
            Fault::ChunkType => "chunk-type",
            Fault::Checksum => "checksum",
            Fault::Deflated => "deflated",
            Fault::Column => "column",
            Fault::Dependencies => "dependencies",
            Fault::Actors => "actors",
            Fault::Operations => "operations",
            Fault::Counter => "counter",
            Fault::Text => "text",
            Fault::Kind => "kind",
            Fault::Unreadable => "unreadable",
            Fault::Canonical => "canonical",
            Fault::Actor => "actor",
            Fault::Sequence => "sequence",
            Fault::SequenceTaken => "sequence-taken",
            Fault::StartOp => "start-op",
            Fault::Stranger => "stranger",
            Fault::Reference => "reference",
            Fault::Nesting => "nesting",
            Fault::Full => "full",
            Fault::Trial => "trial",
            Fault::Live => "live",
            Fault::Snapshot => "snapshot",
        }
    }
}

/// A change that passed everything that can be checked from its bytes alone.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// The change.
    pub change: Change,
    /// Its hash.
    pub hash: ChangeHash,
    /// Who made it.
    pub actor: ActorId,
    /// Its number among its actor's changes of this record, from 1.
    pub seq: u64,
    /// Counter of its first operation.
    pub start_op: u64,
    /// Counter of its last operation (`start_op - 1` when it has none).
    pub max_op: u64,
    /// The changes it follows, in order.
    pub deps: Vec<ChangeHash>,
    /// Its operations, decoded.
    operations: Vec<Op>,
}

impl Parsed {
    /// Whether the change only adds: no value is overwritten, nothing is deleted. All that an append-only record takes.
    pub fn only_adds(&self) -> bool {
        self.operations.iter().all(|op| op.pred.is_empty())
    }
}

/// What becomes of a change in the record it is for.
#[derive(Debug)]
pub enum Verdict {
    /// The record with the change, and its `save_nocompress` bytes. It was loaded from those very bytes: what is read
    /// now is what will be read after a restart. Its actor is a random one: set your own before writing.
    Applied(Box<Automerge>, Vec<u8>),
    /// The record has it.
    AlreadyThere,
    /// These dependencies are not here.
    Waiting(Vec<ChangeHash>),
    /// It has no effect; the record goes on without it.
    Refused(Fault),
}

/// Reads one change from bytes that anybody may have made.
///
/// Memory and time are bounded by [`PAYLOAD_BYTES_MAX`] and [`CHANGE_OPS_MAX`], whatever the bytes claim.
pub fn parse(bytes: &[u8]) -> Result<Parsed, Fault> {
    let hash = scan(bytes)?;
    guarded(Fault::Unreadable, || {
        let change = Change::try_from(bytes).map_err(|_| Fault::Unreadable)?;
        let expanded = change.decode();
        let operations = expanded.operations.clone();
        // NaN is not even equal to itself, and JSON has no word for an infinity.
        if operations.iter().any(|op| matches!(op.action, OpType::Put(ScalarValue::F64(number)) if !number.is_finite())) {
            return Err(Fault::Kind);
        }
        if change.hash() != hash || Change::from(expanded).raw_bytes() != bytes {
            return Err(Fault::Canonical);
        }
        Ok(Parsed {
            hash,
            actor: change.actor_id().clone(),
            seq: change.seq(),
            start_op: change.start_op().get(),
            max_op: change.start_op().get() + operations.len() as u64 - 1,
            deps: change.deps().to_vec(),
            operations,
            change,
        })
    })
}

/// Judges a change against the record it is for.
///
/// `doc` is the record as known here, and nothing when it is not: only a change without dependencies can begin one.
/// `expected_actor` is the actor of the log that the change came in. Judge the changes that one log has for one record
/// in the order of the log: one that waits holds back the later ones.
pub fn judge(doc: Option<&Automerge>, expected_actor: &ActorId, parsed: &Parsed) -> Verdict {
    let verdict = guarded(Fault::Trial, || match doc {
        Some(doc) => decide(doc, expected_actor, parsed),
        None => decide(&Automerge::new(), expected_actor, parsed),
    });
    verdict.unwrap_or_else(Verdict::Refused)
}

/// Loads a record from a snapshot that [`judge`] gave and that our own disk kept authenticated.
pub fn load(snapshot: &[u8]) -> Result<Automerge, Fault> {
    guarded(Fault::Snapshot, || {
        let doc = Automerge::load(snapshot).map_err(|_| Fault::Snapshot)?;
        // Automerge takes no bytes at all for an empty document; no record is empty.
        if doc.get_heads().is_empty() { Err(Fault::Snapshot) } else { Ok(doc) }
    })
}

/// Runs `work`; a panic in it is `fault`.
fn guarded<T>(fault: Fault, work: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(fault))
}

fn decide(doc: &Automerge, expected_actor: &ActorId, parsed: &Parsed) -> Result<Verdict, Fault> {
    if parsed.actor != *expected_actor {
        return Err(Fault::Actor);
    }
    let is_here = |hash: &ChangeHash| doc.get_change_meta_by_hash(hash).is_some();
    if is_here(&parsed.hash) {
        return Ok(Verdict::AlreadyThere);
    }
    let missing: Vec<ChangeHash> = parsed.deps.iter().filter(|dep| !is_here(dep)).copied().collect();
    if !missing.is_empty() {
        return Ok(Verdict::Waiting(missing));
    }

    let heads = doc.get_heads();
    let known = doc.get_changes_meta(&[]);
    // Automerge also names an actor's last change, when that is no head: so the dependencies may be more than the heads.
    let at_heads = heads.iter().all(|head| parsed.deps.contains(head));
    let past = if at_heads { known.iter().collect() } else { ancestors(&known, &parsed.deps) };
    check_place(&past, parsed)?;

    let mut trial = match (at_heads, parsed.deps.is_empty()) {
        (true, _) => doc.clone(),
        (false, true) => Automerge::new(),
        (false, false) => doc.fork_at(&parsed.deps).map_err(|_| Fault::Trial)?,
    };
    check_operations(&trial, parsed)?;
    trial.apply_changes([parsed.change.clone()]).map_err(|_| Fault::Trial)?;
    let (tried, snapshot) = settled(&trial, &[parsed.hash]).ok_or(Fault::Trial)?;
    if at_heads {
        return Ok(Verdict::Applied(Box::new(tried), snapshot));
    }

    // The change is good. From here on only this replica's own state can stand against it.
    if known.iter().any(|c| *c.actor == parsed.actor && c.seq >= parsed.seq) {
        return Err(Fault::SequenceTaken);
    }
    guarded(Fault::Live, || {
        let mut live = doc.clone();
        live.apply_changes([parsed.change.clone()]).map_err(|_| Fault::Live)?;
        let mut expected: Vec<ChangeHash> = heads.into_iter().filter(|head| !parsed.deps.contains(head)).collect();
        expected.push(parsed.hash);
        expected.sort_unstable();
        let (live, snapshot) = settled(&live, &expected).ok_or(Fault::Live)?;
        Ok(Verdict::Applied(Box::new(live), snapshot))
    })
}

/// `doc` saved and loaded again, when its heads are `expected` before and after.
fn settled(doc: &Automerge, expected: &[ChangeHash]) -> Option<(Automerge, Vec<u8>)> {
    if doc.get_heads() != expected {
        return None;
    }
    let snapshot = doc.save_nocompress();
    let loaded = Automerge::load(&snapshot).ok()?;
    (loaded.get_heads() == expected).then_some((loaded, snapshot))
}

/// The changes among `known` that `deps` follow, with `deps` themselves.
fn ancestors<'a>(known: &'a [ChangeMetadata<'a>], deps: &[ChangeHash]) -> Vec<&'a ChangeMetadata<'a>> {
    let by_hash: BTreeMap<ChangeHash, &ChangeMetadata> = known.iter().map(|c| (c.hash, c)).collect();
    let mut past = BTreeMap::new();
    let mut next = deps.to_vec();
    while let Some(hash) = next.pop() {
        if let Some(change) = by_hash.get(&hash)
            && past.insert(hash, *change).is_none()
        {
            next.extend(&change.deps);
        }
    }
    past.into_values().collect()
}

/// Whether the change stands where it claims to stand after its causal past.
fn check_place(past: &[&ChangeMetadata], parsed: &Parsed) -> Result<(), Fault> {
    if past.len() as u64 >= RECORD_CHANGES_MAX {
        return Err(Fault::Full);
    }
    let own = past.iter().filter(|c| *c.actor == parsed.actor).map(|c| c.seq).max();
    if parsed.seq != own.unwrap_or(0) + 1 {
        return Err(Fault::Sequence);
    }
    // Every change of the past follows this rule, so the greatest counter of the past is that of a dependency.
    let max_op = past.iter().map(|c| c.max_op).max();
    if parsed.start_op != max_op.unwrap_or(0) + 1 {
        return Err(Fault::StartOp);
    }
    let actors: BTreeSet<&ActorId> = past.iter().map(|c| c.actor.as_ref()).collect();
    if parsed.change.other_actor_ids().iter().any(|actor| !actors.contains(actor)) {
        return Err(Fault::Stranger);
    }
    Ok(())
}

/// Whether what each operation refers to is there, in `doc` (the record at the dependencies) or earlier in the change,
/// and no object gets too deep.
///
/// Automerge would panic for most of what is refused here. The rest is worse: a predecessor at another place than its
/// successor is taken, and read differently depending on what else comes in the same batch.
fn check_operations(doc: &Automerge, parsed: &Parsed) -> Result<(), Fault> {
    let mut past = Past { doc, parsed, changes: BTreeMap::new(), objects: BTreeMap::new() };
    for (index, op) in parsed.operations.iter().enumerate() {
        let (kind, depth) = past.object(index, &op.obj)?;
        let place_fits = match (kind, &op.key) {
            (ObjType::Map, Key::Map(_)) => !op.insert,
            (ObjType::List, Key::Seq(ElementId::Head)) => op.insert,
            (ObjType::List, Key::Seq(ElementId::Id(element))) => {
                past.operation(index, element).is_some_and(|made| made.insert && made.obj == op.obj)
            }
            _ => false,
        };
        let predecessors_fit = match op.action {
            OpType::Delete => !op.insert && !op.pred.is_empty(),
            _ => !op.insert || op.pred.is_empty(),
        };
        if !place_fits || !predecessors_fit {
            return Err(Fault::Reference);
        }
        let mut last = None;
        for id in op.pred.iter() {
            let replaced = past.operation(index, id).ok_or(Fault::Reference)?;
            let same_place = replaced.obj == op.obj
                && match (&op.key, replaced.insert) {
                    (Key::Seq(ElementId::Id(element)), true) => element == id,
                    (key, _) => *key == replaced.key,
                };
            if !same_place || replaced.action == OpType::Delete || last == Some(id) {
                return Err(Fault::Reference);
            }
            last = Some(id);
        }
        if let OpType::Make(made) = op.action {
            if depth == NESTING_MAX {
                return Err(Fault::Nesting);
            }
            past.objects.insert(past.id(index), (made, depth + 1));
        }
    }
    Ok(())
}

/// What the operations of a change may refer to.
struct Past<'a> {
    doc: &'a Automerge,
    parsed: &'a Parsed,
    /// Changes of `doc` that were looked up.
    changes: BTreeMap<ChangeHash, ExpandedChange>,
    /// Objects that were looked up or made: type and depth (an object in the root has depth 1).
    objects: BTreeMap<OpId, (ObjType, usize)>,
}

impl Past<'_> {
    /// The id of the change's own operation number `index`.
    fn id(&self, index: usize) -> OpId {
        OpId::new(self.parsed.start_op + index as u64, &self.parsed.actor)
    }

    /// Type and depth of an object that operation number `index` writes into.
    fn object(&mut self, index: usize, id: &ObjectId) -> Result<(ObjType, usize), Fault> {
        let ObjectId::Id(id) = id else { return Ok((ObjType::Map, 0)) };
        if let Some(found) = self.objects.get(id) {
            return Ok(*found);
        }
        if self.own(index, id).is_some() {
            return Err(Fault::Reference);
        }
        let object = external(id);
        let kind = self.doc.object_type(&object).map_err(|_| Fault::Reference)?;
        let depth = self.doc.parents(&object).map_err(|_| Fault::Reference)?.take(NESTING_MAX + 1).count();
        self.objects.insert(id.clone(), (kind, depth));
        Ok((kind, depth))
    }

    /// The operation of that id, when operation number `index` may refer to it.
    fn operation(&mut self, index: usize, id: &OpId) -> Option<Op> {
        if let Some(own) = self.own(index, id) {
            return own.cloned();
        }
        let hash = self.doc.hash_for_opid(&external(id))?;
        if !self.changes.contains_key(&hash) {
            if self.changes.len() < LOOKUPS_MAX {
                let change = self.doc.get_change_by_hash(&hash)?;
                self.changes.insert(hash, change.decode());
            } else {
                self.changes.extend(self.doc.get_changes(&[]).iter().map(|c| (c.hash(), c.decode())));
            }
        }
        let change = self.changes.get(&hash)?;
        let position = id.counter().checked_sub(change.start_op.get())?;
        change.operations.get(usize::try_from(position).ok()?).cloned()
    }

    /// Whether `id` would be the change's own, and then the operation, when it stands before number `index`.
    fn own(&self, index: usize, id: &OpId) -> Option<Option<&Op>> {
        if *id.actor() != self.parsed.actor {
            return None;
        }
        let position = usize::try_from(id.counter().checked_sub(self.parsed.start_op)?).ok()?;
        Some(self.parsed.operations[..index].get(position))
    }
}

/// The id as readers of a document take it; the number is a hint that Automerge checks.
fn external(id: &OpId) -> ObjId {
    ObjId::Id(id.counter(), id.actor().clone(), 0)
}

// Columns of a change: number of the field times 16, plus the way it is encoded.
const OBJECT_ACTOR: u64 = 1;
const OBJECT_COUNTER: u64 = 2;
const KEY_ACTOR: u64 = 0x11;
const KEY_COUNTER: u64 = 0x13;
const KEY_TEXT: u64 = 0x15;
const INSERT: u64 = 0x34;
const ACTION: u64 = 0x42;
const VALUE_META: u64 = 0x56;
const VALUE: u64 = 0x57;
const PREDECESSOR_COUNT: u64 = 0x70;
const PREDECESSOR_ACTOR: u64 = 0x71;
const PREDECESSOR_COUNTER: u64 = 0x73;
/// Set in the number of a column that is deflated.
const DEFLATED: u64 = 8;

/// Reads a change's bytes without unpacking a run: only what is counted and in range may go to Automerge.
fn scan(bytes: &[u8]) -> Result<ChangeHash, Fault> {
    if bytes.len() > PAYLOAD_BYTES_MAX {
        return Err(Fault::Size);
    }
    let mut reader = Reader(bytes);
    if reader.take(4)? != MAGIC {
        return Err(Fault::Malformed);
    }
    let checksum = reader.take(4)?;
    // The hash is over type, length and data: all that follows the checksum.
    let digest = digest(&SHA256, reader.0);
    if reader.take(1)? != [PLAIN_CHANGE] {
        return Err(Fault::ChunkType);
    }
    if reader.unsigned()? != reader.0.len() as u64 {
        return Err(Fault::Malformed);
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(digest.as_ref());
    if checksum != &hash[..4] {
        return Err(Fault::Checksum);
    }

    let deps = reader.unsigned()?;
    if deps > CHANGE_DEPS_MAX as u64 {
        return Err(Fault::Dependencies);
    }
    let deps = reader.take(deps * 32)?;
    if !deps.chunks(32).is_sorted_by(|a, b| a < b) {
        return Err(Fault::Dependencies);
    }
    reader.prefixed()?; // actor
    reader.unsigned()?; // seq
    let start_op = reader.unsigned()?;
    if start_op == 0 || start_op > START_OP_MAX {
        return Err(Fault::Counter);
    }
    reader.signed()?; // time
    reader.prefixed()?; // message
    let other_actors = reader.unsigned()?;
    if other_actors > CHANGE_ACTORS_MAX as u64 {
        return Err(Fault::Actors);
    }
    for _ in 0..other_actors {
        reader.prefixed()?;
    }
    let operations = scan_columns(reader, other_actors + 1)?;
    if start_op + operations > START_OP_MAX + 1 {
        return Err(Fault::Counter);
    }
    Ok(ChangeHash(hash))
}

/// Reads the columns, which end the change; `actors` is how many there are to refer to. Gives the number of operations.
fn scan_columns(mut reader: Reader, actors: u64) -> Result<u64, Fault> {
    let mut layout = Vec::new();
    let mut last = None;
    for _ in 0..reader.unsigned()? {
        let (column, length) = (reader.unsigned()?, reader.unsigned()?);
        if column & DEFLATED != 0 {
            return Err(Fault::Deflated);
        }
        if last >= Some(column) {
            return Err(Fault::Malformed);
        }
        last = Some(column);
        layout.push((column, length));
    }

    let mut operations = 0;
    let mut value_bytes = 0;
    for (column, length) in layout {
        let data = Reader(reader.take(length)?);
        match column {
            OBJECT_ACTOR | KEY_ACTOR => data.runs(CHANGE_OPS_MAX, |r, _| r.below(actors, Fault::Stranger)).map(drop)?,
            PREDECESSOR_ACTOR => data.runs(PREDECESSORS_MAX, |r, _| r.below(actors, Fault::Stranger)).map(drop)?,
            OBJECT_COUNTER => data.runs(CHANGE_OPS_MAX, |r, _| r.below(START_OP_MAX + 1, Fault::Counter)).map(drop)?,
            KEY_COUNTER => data.counters(CHANGE_OPS_MAX)?,
            PREDECESSOR_COUNTER => data.counters(PREDECESSORS_MAX)?,
            KEY_TEXT => data.runs(CHANGE_OPS_MAX, |r, _| r.prefixed().map(drop)).map(drop)?,
            INSERT => data.flags()?,
            // 0 makes a map, 2 a list; 1 sets, 3 deletes. Text, counters, tables and marks are not used.
            ACTION => operations = data.runs(CHANGE_OPS_MAX, |r, _| r.below(4, Fault::Kind))?,
            VALUE_META => {
                data.runs(CHANGE_OPS_MAX, |r, times| {
                    let meta = r.unsigned()?;
                    let (kind, length) = (meta & 15, meta >> 4);
                    // 8 is a counter, 10 and up nobody knows.
                    if kind == 8 || kind > 9 {
                        return Err(Fault::Kind);
                    }
                    if length > STRING_BYTES_MAX as u64 {
                        return Err(Fault::Text);
                    }
                    value_bytes += length * times;
                    Ok(())
                })?;
            }
            VALUE => value_bytes = value_bytes.checked_sub(length).ok_or(Fault::Malformed)?,
            PREDECESSOR_COUNT => {
                let mut named = 0;
                data.runs(CHANGE_OPS_MAX, |r, times| {
                    named += r.unsigned()?.min(PREDECESSORS_MAX + 1) * times;
                    if named > PREDECESSORS_MAX { Err(Fault::Operations) } else { Ok(()) }
                })?;
            }
            _ => return Err(Fault::Column),
        }
    }
    // Values take exactly their column, and nothing follows the columns.
    if value_bytes != 0 || !reader.0.is_empty() {
        return Err(Fault::Malformed);
    }
    Ok(operations)
}

/// The bytes that are not read yet.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: u64) -> Result<&'a [u8], Fault> {
        let length = usize::try_from(length).map_err(|_| Fault::Malformed)?;
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Fault::Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    /// A number in LEB128, in its shortest form.
    fn unsigned(&mut self) -> Result<u64, Fault> {
        let (bits, last, length) = self.groups()?;
        if length == 10 && last > 1 || length > 1 && last == 0 {
            return Err(Fault::Malformed);
        }
        Ok(bits)
    }

    /// A signed number in LEB128.
    fn signed(&mut self) -> Result<i64, Fault> {
        let (bits, last, length) = self.groups()?;
        if length == 10 && last != 0 && last != 0x7f {
            return Err(Fault::Malformed);
        }
        let negative = last & 0x40 != 0 && length < 10;
        Ok((if negative { bits | u64::MAX << (7 * length) } else { bits }) as i64)
    }

    /// The groups of seven bits up to the one that ends a number, the last of them, and how many there are (at most 10).
    fn groups(&mut self) -> Result<(u64, u8, u32), Fault> {
        let mut bits = 0;
        for length in 1..=10 {
            let byte = self.take(1)?[0];
            bits |= u64::from(byte & 0x7f) << (7 * (length - 1));
            if byte & 0x80 == 0 {
                return Ok((bits, byte, length));
            }
        }
        Err(Fault::Malformed)
    }

    /// Bytes preceded by their length.
    fn prefixed(&mut self) -> Result<&'a [u8], Fault> {
        let length = self.unsigned()?;
        if length > STRING_BYTES_MAX as u64 {
            return Err(Fault::Text);
        }
        self.take(length)
    }

    fn below(&mut self, limit: u64, fault: Fault) -> Result<(), Fault> {
        if self.unsigned()? < limit { Ok(()) } else { Err(fault) }
    }

    /// Reads a run-length column of at most `max` rows: `value` takes each stored value and how often it stands. Gives
    /// the number of rows.
    fn runs(mut self, max: u64, mut value: impl FnMut(&mut Reader<'a>, u64) -> Result<(), Fault>) -> Result<u64, Fault> {
        let mut rows = 0;
        while !self.0.is_empty() {
            // Positive: one value so many times. Negative: so many values. Zero: the number of empty rows follows.
            let count = self.signed()?;
            let added = if count == 0 { self.unsigned()? } else { count.unsigned_abs() };
            if added > max - rows {
                return Err(Fault::Operations);
            }
            rows += added;
            match count {
                1.. => value(&mut self, added)?,
                0 => {}
                _ => (0..added).try_for_each(|_| value(&mut self, 1))?,
            }
        }
        Ok(rows)
    }

    /// Reads a run-length column of differences between operation counters.
    fn counters(self, max: u64) -> Result<(), Fault> {
        let mut counter: i64 = 0;
        let rows = self.runs(max, |reader, times| {
            // Within a run the counter goes one way, so that its ends tell the whole.
            let step = reader.signed()?.checked_mul(times as i64).ok_or(Fault::Counter)?;
            counter = counter.checked_add(step).ok_or(Fault::Counter)?;
            if (0..=START_OP_MAX as i64).contains(&counter) { Ok(()) } else { Err(Fault::Counter) }
        });
        rows.map(drop)
    }

    /// Reads a column of flags: lengths of runs that are in turn unset and set.
    fn flags(mut self) -> Result<(), Fault> {
        let mut rows = 0;
        while !self.0.is_empty() {
            rows += self.unsigned()?.min(CHANGE_OPS_MAX + 1);
            if rows > CHANGE_OPS_MAX {
                return Err(Fault::Operations);
            }
        }
        Ok(())
    }
}
