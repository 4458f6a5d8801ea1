//! What the other device lacks, as a value. Sending is a separate, dumb step: over a line ([`super::session`]) or in a
//! file on a stick ([`super::parcel`]). What may go to whom is decided here and nowhere else.

use crate::area::AreaId;
use crate::authority;
use crate::device::DeviceKey;
use crate::entry::{Entry, LogId, Run};
use crate::frontier::{Digest, LogHead, is_root_control};
use crate::hash::Hash;
use crate::limits;
use crate::record::{Lane, Place};
use crate::replica::Replica;
use crate::store::{Store, StoreError};
use crate::sync::message::{Farewell, Frontiers};
use crate::sync::receipt::Receipt;
use crate::sync::session::Now;
use std::collections::{BTreeMap, BTreeSet};

/// Receipts in one message.
pub(crate) const RECEIPTS_PER_MESSAGE: usize = 64;
/// What compression makes of a frame, before the first was seen.
pub(crate) const RATIO_START: f32 = 0.35;
/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

/// Logs to send, urgent lanes first, each from a sequence.
pub(crate) type Queue = BTreeMap<(Lane, LogId), u64>;

/// What a peer lacks.
#[derive(Default)]
pub(crate) struct Lacks {
    /// How much of each log it holds.
    pub held: Vec<(LogId, u64)>,
    /// What to send.
    pub queue: Queue,
    /// Logs of which it holds another branch, with the length both have.
    pub unfit: Vec<(LogId, u64)>,
}

/// The places of which both hold logs: of the city's control, or of the rest.
pub(crate) fn common_places<S: Store>(replica: &Replica<S>, peer: &DeviceKey, control: bool) -> Vec<(Place, Digest)> {
    let root = replica.control().root_area();
    let wanted = |place: &Place| is_root_control(place, root) == control && replica.in_common(peer, place);
    replica.frontier().places().filter(|(place, _)| wanted(place)).collect()
}

/// Our frontiers at these places; at all in common when missing.
pub(crate) fn frontiers<S: Store>(
    replica: &Replica<S>,
    peer: &DeviceKey,
    control: bool,
    places: Option<Vec<Place>>,
    reply: bool,
) -> Frontiers {
    let chosen = match &places {
        Some(places) => places.iter().copied().filter(|place| replica.in_common(peer, place)).collect(),
        None => common_places(replica, peer, control).into_iter().map(|(place, _)| place).collect::<Vec<_>>(),
    };
    let logs = chosen.iter().flat_map(|place| replica.frontier().logs_at(*place)).filter(|(_, head)| head.length > 0);
    let logs: Vec<(LogId, u64, Hash)> =
        logs.map(|(log, head)| (*log, head.length, head.head)).take(limits::FRONTIER_LOGS_MAX).collect();
    Frontiers { control, places, logs, reply }
}

/// Compares frontiers.
pub(crate) fn lacks<S: Store>(replica: &Replica<S>, peer: &DeviceKey, theirs: &Frontiers) -> Result<Lacks, StoreError> {
    let spoken: Option<BTreeSet<Place>> = theirs.places.as_ref().map(|places| places.iter().copied().collect());
    let lengths: BTreeMap<LogId, (u64, Hash)> = theirs.logs.iter().map(|(log, length, head)| (*log, (*length, *head))).collect();
    let places: Vec<Place> = common_places(replica, peer, theirs.control).into_iter().map(|(place, _)| place).collect();
    let mut lacks = Lacks::default();
    for place in places.into_iter().filter(|place| spoken.as_ref().is_none_or(|spoken| spoken.contains(place))) {
        let logs: Vec<(LogId, LogHead)> = replica.frontier().logs_at(place).map(|(log, head)| (*log, *head)).collect();
        for (log, mine) in logs {
            let (length, head) = lengths.get(&log).copied().unwrap_or_default();
            let shared = length.min(mine.length);
            // Whoever is longer can see whether the shorter one is a part of it.
            let fits = shared == 0 || length > mine.length || {
                let last = replica.store().entry(&log, shared - 1)?;
                last.is_some_and(|entry| entry.hash == head)
            };
            if !fits {
                lacks.unfit.push((log, shared));
                continue;
            }
            lacks.held.push((log, length));
            if mine.length > length && !replica.forked().contains(&log) {
                lacks.queue.insert((log.lane(), log), length);
            }
        }
    }
    Ok(lacks)
}

/// Entries of one log from a sequence on, to a signature.
pub(crate) fn run_from<S: Store>(replica: &Replica<S>, log: &LogId, from: u64, bytes: usize) -> Result<Option<Run>, StoreError> {
    let bytes = bytes.min(limits::RUN_RAW_MAX);
    for (wanted, budget) in [(true, bytes), (false, limits::FRAME_INFLATED_MAX * 3 / 4)] {
        let mut entries = replica.store().entries(log, from, budget)?;
        // As much as was asked for; where nothing that short is signed, no more than up to the next signature.
        let mut signed = (0..entries.len()).filter(|at| entries[*at].signature.is_some());
        let Some(last) = (if wanted { signed.next_back() } else { signed.next() }) else { continue };
        entries.truncate(last + 1);
        let Some(signature) = entries.last().and_then(|entry| entry.signature) else { continue };
        return Ok(Some(Run {
            log: *log,
            first: from,
            entries: entries.into_iter().map(|entry| entry.entry).collect(),
            signature,
        }));
    }
    Ok(None)
}

/// Bytes before compression that fill a frame, when compression makes `ratio` of them.
pub(crate) fn raw_target(ratio: f32) -> usize {
    let target = (limits::FRAME_TARGET_BYTES as f32 * 0.9 / ratio) as usize;
    target.clamp(limits::FRAME_TARGET_BYTES, limits::FRAME_RAW_MAX)
}

/// The ratio after a further frame.
pub(crate) fn ratio(before: f32, bytes: usize, inflated: u32) -> f32 {
    let seen = bytes as f32 / inflated.max(1) as f32;
    (before * 0.7 + seen * 0.3).clamp(0.05, 1.0)
}

/// The next runs of a lane, about `target` bytes, taken off the queue. What the peer may not have (any more) is left out.
pub(crate) fn next_runs<S: Store>(
    replica: &Replica<S>,
    peer: &DeviceKey,
    queue: &mut Queue,
    lane: Lane,
    target: usize,
) -> Result<Vec<Run>, StoreError> {
    let (mut runs, mut raw) = (Vec::new(), 0);
    while raw < target
        && let Some(((_, log), next)) =
            queue.range((lane, FIRST_LOG)..).next().filter(|((of, _), _)| *of == lane).map(|(key, next)| (*key, *next))
    {
        let allowed = replica.in_common(peer, &log.place);
        let head = replica.frontier().get(&log).length;
        let run = if allowed && next < head { run_from(replica, &log, next, target - raw)? } else { None };
        let Some(run) = run else {
            queue.remove(&(lane, log));
            continue;
        };
        let size = run.entries.iter().map(Entry::size).sum::<usize>() + 150;
        if !runs.is_empty() && raw + size > limits::FRAME_RAW_MAX {
            break;
        }
        raw += size;
        let end = run.first + run.entries.len() as u64;
        if end < head {
            queue.insert((lane, log), end);
        } else {
            queue.remove(&(lane, log));
        }
        runs.push(run);
    }
    Ok(runs)
}

/// What superiors of a peer have stated after an arrival number, for it to know: each with its name and arrival number.
pub(crate) fn receipts_for<S: Store>(
    replica: &Replica<S>,
    peer: &DeviceKey,
    from: u64,
) -> Vec<((DeviceKey, Place), u64, Receipt)> {
    let control = replica.control();
    let tier_of = |device: &DeviceKey| control.office_of(device).map(|office| office.tier);
    // Downwards and sideways only: a superior hears from its own superiors.
    let Some(tier) = tier_of(peer).filter(|tier| Some(*tier) <= tier_of(&replica.device())) else { return Vec::new() };
    let wanted = replica.receipts().filter(|(position, receipt)| {
        *position > from
            && receipt.body.by != *peer
            && control.certificate(&receipt.body.by).is_some_and(|body| body.tier > tier)
            && authority::may_receive(control, peer, &receipt.body.place)
    });
    wanted.map(|(position, receipt)| ((receipt.body.by, receipt.body.place), *position, receipt.clone())).collect()
}

/// Why a superior sends a peer away, when it does. Not before the peer has heard what control says of it.
pub(crate) fn away<S: Store>(replica: &Replica<S>, peer: &DeviceKey, now: Now) -> Option<Farewell> {
    let control = replica.control();
    let body = control.certificate(peer)?;
    let own = control.office_of(&replica.device()).filter(|own| own.tier > body.tier)?;
    if i64::from(body.expires) < now.wall_ms / DAY_MS {
        return Some(Farewell::Expired);
    }
    let theirs: Vec<AreaId> = control.office_of(peer)?.areas_now().collect();
    // An area that our tree does not show yet cannot be judged: the control that names it is still on its way.
    let astray = |area: &AreaId| control.divisions.get(*area).is_some() && !own.covers(&control.divisions, *area);
    (theirs.iter().all(astray) && !control.is_revoked(peer)).then_some(Farewell::WrongArea)
}

/// The least log there is, for ranges.
const FIRST_LOG: LogId = LogId {
    place: Place { area: AreaId::FIRST, lane: Lane::Control, floor: crate::area::Tier::Village },
    device: DeviceKey([0; 32]),
    incarnation: crate::device::Incarnation([0; 16]),
};
