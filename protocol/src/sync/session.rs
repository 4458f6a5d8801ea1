//! A session between two devices: from greeting to agreement, and on while the connection lives.
//!
//! 1. Both say [`Hello`]: digests, and what each has of the other. Equal digests: done, in one round trip.
//! 2. Where control differs, its frontiers are exchanged and the gaps sent, before anything else.
//! 3. Who has a position of the other that still fits is sent what was gained since; who has none sends its frontiers.
//! 4. Frames are sent within a window, urgent lanes first; each is on the receiver's disk before it is acknowledged.
//! 5. When all is sent, digests are compared again. Positions are hints: if digests differ, frontiers decide.
//!
//! The session owns no clock, socket or disk. It reads entries through the replica, which shows only what is written,
//! so no frame can leave before its commit; and it acknowledges only with a [`Committed`] in hand.

use crate::device::{DeviceKey, SUITE};
use crate::entry::{LogId, Run};
use crate::frontier::Digest;
use crate::hash::Hash;
use crate::limits;
use crate::record::{Lane, Place};
use crate::replica::{Committed, Ingested, Replica};
use crate::store::{PeerState, Store, StoreError};
use crate::sync::frame::{FrameReader, FrameWriter};
use crate::sync::message::{Farewell, Frontiers, Hello, Message};
use crate::sync::plan;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Time as a value: a clock that only goes forward, and the one on the wall.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Now {
    /// Milliseconds of a clock that never steps.
    pub mono_ms: u64,
    /// Milliseconds since 1970 on the wall clock. For display and expiry only.
    pub wall_ms: i64,
}

/// Above this many logs, digests by place are exchanged before frontiers.
const NAMED_LOGS_MAX: usize = 64;
/// Logs that a position hint may bring up; beyond, frontiers are cheaper.
const HINTED_LOGS_MAX: usize = 1_000;
/// Milliseconds after which frontiers that differ are compared again though nothing moved; doubled every time.
const COMPARE_PAUSE_MS: u64 = 2_000;
/// Milliseconds beyond which that pause does not grow.
const COMPARE_PAUSE_MAX_MS: u64 = 120_000;
/// Milliseconds between two rounds of receipts while entries keep coming.
const RECEIPT_EVERY_MS: u64 = 2_000;
/// Milliseconds by which the answer to a frame may lag behind the fastest before less is sent at once.
const LAG_MS: u64 = 1_000;

/// What happened in a session that others must know.
#[derive(Debug, Default)]
pub struct Happened {
    /// Logs that grew.
    pub gained: Vec<(LogId, u64)>,
    /// Control changed.
    pub control_changed: bool,
    /// New receipts arrived.
    pub receipts: bool,
    /// The peer refused something of ours.
    pub refused_by_peer: Vec<(LogId, u64, String)>,
    /// Both sides hold the same now.
    pub agreed: bool,
}

struct InFlight {
    number: u64,
    bytes: usize,
    sent_ms: u64,
}

/// One conversation with one device.
pub struct Session {
    peer: DeviceKey,
    dialler: bool,
    out: Vec<Vec<u8>>,
    theirs: Option<Hello>,
    mine: Option<Hello>,
    identified: bool,
    control_settled: bool,
    // The control under which the peer was last judged fit to stay.
    judged: Option<Digest>,
    data_begun: bool,
    their_digests: (Digest, Digest),
    their_position: u64,
    told: (Digest, Digest),
    told_settled: Option<(Digest, Digest)>,
    control_told: bool,
    // The digests of both sides when frontiers were last compared, and when to do so again though nothing moved.
    compared: Option<((Digest, Digest), (Digest, Digest))>,
    compare_again_ms: u64,
    compare_pause_ms: u64,
    queue: BTreeMap<(Lane, LogId), u64>,
    held: BTreeMap<LogId, u64>,
    writer: FrameWriter,
    reader: FrameReader,
    next_number: u64,
    expected: u64,
    in_flight: VecDeque<InFlight>,
    window: usize,
    fastest_ms: Option<u64>,
    ratio: f32,
    receipts_from: u64,
    receipts_sent: BTreeMap<(DeviceKey, Place), u64>,
    to_receipt: BTreeSet<Place>,
    receipts_due_ms: u64,
    noted: (u64, u64),
    note_due_ms: u64,
    probes: BTreeMap<LogId, (u64, u64)>,
    started_ms: u64,
    last_heard_ms: u64,
    // What came from a peer that has not shown its certificate yet.
    early: Vec<Message>,
    early_bytes: usize,
    agreed: bool,
    received_frames: bool,
    farewell: Option<Farewell>,
}

impl Session {
    /// A session with the device whose key the connection proved. `settled`: whether the last session with it ended in
    /// agreement, so that positions are worth something.
    pub fn start<S: Store>(
        replica: &Replica<S>,
        peer: DeviceKey,
        dialler: bool,
        settled: bool,
        now: Now,
    ) -> Result<Session, StoreError> {
        let state = replica.store().peer(&peer)?.filter(|_| settled);
        let hello = Hello {
            suites: vec![SUITE],
            epoch: replica.store().epoch(),
            position: replica.position(),
            yours: state.as_ref().map(|state| (state.epoch, state.received)),
            control: replica.control_digest(),
            common: replica.common_digest(&peer),
        };
        let mut session = Session {
            peer,
            dialler,
            out: Vec::new(),
            theirs: None,
            told: (hello.control, hello.common),
            mine: None,
            identified: false,
            control_settled: false,
            judged: None,
            data_begun: false,
            their_digests: Default::default(),
            their_position: 0,
            told_settled: None,
            control_told: false,
            compared: None,
            compare_again_ms: 0,
            compare_pause_ms: 0,
            queue: BTreeMap::new(),
            held: BTreeMap::new(),
            writer: FrameWriter::default(),
            reader: FrameReader::default(),
            next_number: 0,
            expected: 0,
            in_flight: VecDeque::new(),
            window: limits::WINDOW_START_BYTES,
            fastest_ms: None,
            ratio: plan::RATIO_START,
            receipts_from: state.as_ref().map_or(0, |state| state.sent),
            receipts_sent: BTreeMap::new(),
            to_receipt: BTreeSet::new(),
            receipts_due_ms: 0,
            noted: (0, 0),
            note_due_ms: 0,
            probes: BTreeMap::new(),
            started_ms: now.mono_ms,
            last_heard_ms: now.mono_ms,
            early: Vec::new(),
            early_bytes: 0,
            agreed: false,
            received_frames: false,
            farewell: None,
        };
        session.send(Message::Hello(hello.clone()));
        session.mine = Some(hello);
        // What was gained since we last agreed is sent at once, before the answer.
        if dialler
            && let Some(state) = state
            && let Some(gained) = replica.store().gained_since(state.sent, HINTED_LOGS_MAX)?
        {
            session.gained(replica, &gained);
            session.pump(replica, now)?;
        }
        Ok(session)
    }

    /// The other device.
    pub fn peer(&self) -> DeviceKey {
        self.peer
    }

    /// Whether both sides held the same when last compared, and nothing came since.
    pub fn is_agreed(&self) -> bool {
        self.agreed
    }

    /// Whether positions known of this peer are worth something in the next session.
    pub fn ended_settled(&self) -> bool {
        self.agreed || !self.received_frames
    }

    /// Why the session is over, when it is.
    pub fn farewell(&self) -> Option<Farewell> {
        self.farewell
    }

    /// Entries that the peer still lacks, as far as is known.
    pub fn entries_to_send<S: Store>(&self, replica: &Replica<S>) -> u64 {
        self.queue.iter().map(|((_, log), next)| replica.frontier().get(log).length.saturating_sub(*next)).sum()
    }

    /// Messages to put on the wire, in order.
    pub fn take_output(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.out)
    }

    /// Whether something was sent that should have been answered long ago: time to dial anew.
    pub fn is_silent(&self, now: Now) -> bool {
        let waiting = self.theirs.is_none() || !self.in_flight.is_empty();
        let patience = limits::SILENCE_MS.max(4 * self.fastest_ms.unwrap_or(0));
        waiting && now.mono_ms.saturating_sub(self.last_heard_ms) > patience
    }

    /// Ends the session and tells the peer why.
    pub fn end(&mut self, why: Farewell) {
        if self.farewell.is_none() {
            self.send(Message::Bye(why));
            self.farewell = Some(why);
        }
    }

    fn send(&mut self, message: Message) {
        self.out.push(message.to_bytes());
    }

    /// Logs of ours that grew, here or from another peer.
    pub fn gained<S: Store>(&mut self, replica: &Replica<S>, logs: &[(LogId, u64)]) {
        for (log, first) in logs {
            let held = self.held.get(log).copied().unwrap_or(*first).max(*first);
            let head = replica.frontier().get(log).length;
            if held < head && !replica.forked().contains(log) && replica.in_common(&self.peer, &log.place) {
                let next = self.queue.entry((log.lane(), *log)).or_insert(held);
                *next = (*next).min(held);
                self.agreed = false;
            }
        }
    }

    /// Takes one message. On an error of the disk nothing was acknowledged, and the session must end.
    pub fn receive<S: Store>(&mut self, replica: &mut Replica<S>, bytes: &[u8], now: Now) -> Result<Happened, StoreError> {
        let mut happened = Happened::default();
        self.last_heard_ms = now.mono_ms;
        if self.farewell.is_some() {
            return Ok(happened);
        }
        match Message::from_bytes(bytes) {
            Ok(message) if self.identified || is_introduction(&message) => {
                self.take(replica, message, now, &mut happened)?;
                // The peer knew us before we knew it, and began at once.
                let early = if self.identified { std::mem::take(&mut self.early) } else { Vec::new() };
                for message in early {
                    self.take(replica, message, now, &mut happened)?;
                }
            }
            Ok(message) => {
                self.early_bytes += bytes.len();
                if self.early_bytes > limits::EARLY_BYTES_MAX {
                    self.end(Farewell::Malformed);
                }
                self.early.push(message);
            }
            Err(crate::sync::message::MessageError::Version) => self.end(Farewell::Version),
            Err(_) => self.end(Farewell::Malformed),
        }
        self.advance(replica, now, &mut happened)?;
        Ok(happened)
    }

    /// Time passed.
    pub fn tick<S: Store>(&mut self, replica: &mut Replica<S>, now: Now) -> Result<Happened, StoreError> {
        let mut happened = Happened::default();
        let late = now.mono_ms.saturating_sub(self.started_ms) > limits::STRANGER_MS;
        if self.theirs.is_some() && !self.identified && late {
            self.end(Farewell::Foreign);
        }
        self.advance(replica, now, &mut happened)?;
        Ok(happened)
    }

    fn take<S: Store>(
        &mut self,
        replica: &mut Replica<S>,
        message: Message,
        now: Now,
        happened: &mut Happened,
    ) -> Result<(), StoreError> {
        match message {
            Message::Hello(hello) => {
                if self.theirs.is_some() || !hello.suites.contains(&SUITE) {
                    self.end(if self.theirs.is_some() { Farewell::Malformed } else { Farewell::Version });
                    return Ok(());
                }
                self.their_digests = (hello.control, hello.common);
                self.their_position = hello.position;
                self.theirs = Some(hello);
                if replica.control().certificate(&self.peer).is_none() {
                    self.send(Message::WhoAreYou);
                } else {
                    self.identify(replica);
                }
            }
            Message::WhoAreYou => match replica.own_certificate() {
                Some(certificate) => self.send(Message::ThisIsMe(certificate.clone())),
                None => self.end(Farewell::Foreign),
            },
            Message::ThisIsMe(certificate) => match replica.pin(&certificate) {
                Some(body) if body.device == self.peer => self.identify(replica),
                _ => self.end(Farewell::Foreign),
            },
            Message::Places(places) => self.answer_places(replica, &places),
            Message::Frontiers(frontiers) => self.plan(replica, &frontiers)?,
            Message::Frame { number, lane, inflated, bytes } => {
                if number != self.expected {
                    self.end(Farewell::Malformed);
                    return Ok(());
                }
                let Ok(runs) = self.reader.read(lane, inflated, &bytes) else {
                    self.end(Farewell::Malformed);
                    return Ok(());
                };
                self.expected += 1;
                self.received_frames = true;
                self.agreed = false;
                let (committed, report) = replica.ingest(self.peer, &runs)?;
                self.took(replica, &runs, &report, happened);
                self.acknowledge(committed, number);
            }
            Message::Receipts { number, receipts } => {
                if number != self.expected {
                    self.end(Farewell::Malformed);
                    return Ok(());
                }
                self.expected += 1;
                happened.receipts |= replica.take_receipts(receipts)?;
                self.send(Message::Ack(number));
            }
            Message::Ack(number) => self.acked(number, now),
            Message::Status { control, common, position } => {
                self.their_digests = (control, common);
                self.their_position = position;
            }
            Message::Refused(refused) => happened.refused_by_peer.extend(refused),
            Message::Probe(log, sequence) => {
                let visible = replica.in_common(&self.peer, &log.place);
                let hash = if visible { replica.store().entry(&log, sequence)?.map(|entry| entry.hash) } else { None };
                self.send(Message::Probed(log, sequence, hash));
            }
            Message::Probed(log, sequence, hash) => self.probed(replica, log, sequence, hash)?,
            Message::Show(log, sequence) => {
                if replica.in_common(&self.peer, &log.place)
                    && let Some(run) = plan::run_from(replica, &log, sequence, limits::FRAME_TARGET_BYTES)?
                {
                    self.send(Message::Shown(run));
                }
            }
            Message::Shown(run) => {
                let runs = [run];
                let (_, report) = replica.ingest(self.peer, &runs)?;
                self.took(replica, &runs, &report, happened);
            }
            Message::Bye(why) => self.farewell = Some(why),
        }
        Ok(())
    }

    fn identify<S: Store>(&mut self, replica: &Replica<S>) {
        if replica.control().certificate(&self.peer).is_none() {
            return;
        }
        self.identified = true;
        // Before we knew the peer we could not compute what is in common.
        self.told.1 = if self.mine.as_ref().is_some_and(|mine| mine.common == replica.common_digest(&self.peer)) {
            self.told.1
        } else {
            Digest::default()
        };
    }

    fn took<S: Store>(&mut self, replica: &Replica<S>, runs: &[Run], report: &Ingested, happened: &mut Happened) {
        for run in runs {
            let end = run.first + run.entries.len() as u64;
            let held = self.held.entry(run.log).or_default();
            *held = (*held).max(end);
        }
        for (log, _) in &report.gained {
            self.to_receipt.insert(log.place);
        }
        let mut told = Vec::new();
        for refused in &report.refused {
            if refused.reason == crate::admission::Refusal::BadSignature {
                self.probe(replica, refused.log, replica.frontier().get(&refused.log).length);
            }
            told.push((refused.log, refused.first, refused.reason.to_string()));
        }
        if !told.is_empty() {
            self.send(Message::Refused(told));
        }
        happened.gained.extend(report.gained.iter().copied());
        happened.control_changed |= report.control_changed;
    }

    fn acknowledge(&mut self, _on_disk: Committed, number: u64) {
        self.send(Message::Ack(number));
    }

    fn acked(&mut self, number: u64, now: Now) {
        while let Some(frame) = self.in_flight.front().filter(|frame| frame.number <= number) {
            let took = now.mono_ms.saturating_sub(frame.sent_ms);
            let fastest = self.fastest_ms.map_or(took, |fastest| fastest.min(took));
            self.fastest_ms = Some(fastest);
            self.window = if took > fastest + LAG_MS {
                (self.window * 3 / 4).max(limits::WINDOW_START_BYTES)
            } else {
                (self.window + frame.bytes).min(limits::WINDOW_MAX_BYTES)
            };
            self.in_flight.pop_front();
        }
    }

    fn send_frontiers<S: Store>(&mut self, replica: &Replica<S>, control: bool, places: Option<Vec<Place>>, reply: bool) {
        let all = places.is_none();
        let frontiers = plan::frontiers(replica, &self.peer, control, places, reply);
        if all && !control && frontiers.logs.len() > NAMED_LOGS_MAX {
            self.send(Message::Places(plan::common_places(replica, &self.peer, control)));
        } else {
            self.send(Message::Frontiers(frontiers));
        }
    }

    fn answer_places<S: Store>(&mut self, replica: &Replica<S>, theirs: &[(Place, Digest)]) {
        let theirs: BTreeMap<Place, Digest> = theirs.iter().copied().collect();
        let mine: BTreeMap<Place, Digest> = plan::common_places(replica, &self.peer, false).into_iter().collect();
        let all: BTreeSet<Place> = theirs.keys().chain(mine.keys()).copied().collect();
        let differ = all.into_iter().filter(|place| theirs.get(place) != mine.get(place)).collect();
        self.send_frontiers(replica, false, Some(differ), true);
    }

    /// Compares frontiers and queues what the peer lacks.
    fn plan<S: Store>(&mut self, replica: &Replica<S>, theirs: &Frontiers) -> Result<(), StoreError> {
        let lacks = plan::lacks(replica, &self.peer, theirs)?;
        self.held.extend(lacks.held);
        self.queue.extend(lacks.queue);
        for (log, shared) in lacks.unfit {
            self.probe(replica, log, shared);
        }
        if theirs.reply {
            self.send_frontiers(replica, theirs.control, theirs.places.clone(), false);
        }
        Ok(())
    }

    fn probe<S: Store>(&mut self, replica: &Replica<S>, log: LogId, length: u64) {
        if length == 0 || replica.forked().contains(&log) || self.probes.contains_key(&log) {
            return;
        }
        self.probes.insert(log, (0, length));
        self.send(Message::Probe(log, length / 2));
    }

    fn probed<S: Store>(
        &mut self,
        replica: &Replica<S>,
        log: LogId,
        sequence: u64,
        hash: Option<Hash>,
    ) -> Result<(), StoreError> {
        let Some((low, high)) = self.probes.remove(&log) else { return Ok(()) };
        let mine = replica.store().entry(&log, sequence)?.map(|entry| entry.hash);
        let (low, high) = if mine.is_some() && mine == hash { (sequence + 1, high) } else { (low, sequence) };
        if low < high {
            self.probes.insert(log, (low, high));
            self.send(Message::Probe(log, low + (high - low) / 2));
        } else {
            self.send(Message::Show(log, low));
        }
        Ok(())
    }

    fn may_send(&self, lane: Lane) -> bool {
        // The dialler's first frames go out before the answer; after it, control comes first.
        self.theirs.is_none() || (self.identified && (self.control_settled || lane == Lane::Control))
    }

    /// Sends frames while the window has room.
    fn pump<S: Store>(&mut self, replica: &Replica<S>, now: Now) -> Result<(), StoreError> {
        loop {
            let in_flight: usize = self.in_flight.iter().map(|frame| frame.bytes).sum();
            let Some(lane) = self.queue.keys().map(|(lane, _)| *lane).next().filter(|lane| self.may_send(*lane)) else { break };
            if in_flight + limits::FRAME_TARGET_BYTES > self.window {
                break;
            }
            let runs = plan::next_runs(replica, &self.peer, &mut self.queue, lane, plan::raw_target(self.ratio))?;
            self.held.extend(runs.iter().map(|run| (run.log, run.first + run.entries.len() as u64)));
            if runs.is_empty() {
                continue;
            }
            let Ok((bytes, inflated)) = self.writer.write(lane, &runs) else {
                self.end(Farewell::Malformed);
                break;
            };
            self.ratio = plan::ratio(self.ratio, bytes.len(), inflated);
            let number = self.number(bytes.len(), now);
            self.send(Message::Frame { number, lane, inflated, bytes });
        }
        Ok(())
    }

    fn number(&mut self, bytes: usize, now: Now) -> u64 {
        if self.in_flight.is_empty() {
            self.last_heard_ms = now.mono_ms;
        }
        let number = self.next_number;
        self.next_number += 1;
        self.in_flight.push_back(InFlight { number, bytes, sent_ms: now.mono_ms });
        number
    }

    fn is_quiet(&self) -> bool {
        self.queue.is_empty() && self.in_flight.is_empty()
    }

    /// Whatever the state now asks for.
    fn advance<S: Store>(&mut self, replica: &mut Replica<S>, now: Now, happened: &mut Happened) -> Result<(), StoreError> {
        if self.farewell.is_some() || !self.identified {
            return Ok(());
        }
        let Some(theirs) = self.theirs.clone() else { return Ok(()) };
        let mut mine = (replica.control_digest(), replica.common_digest(&self.peer));
        if !self.control_settled {
            if mine.0 == self.their_digests.0 {
                self.control_settled = true;
            } else if !self.control_told {
                self.control_told = true;
                self.send_frontiers(replica, true, None, false);
            }
        }
        if mine.0 == self.their_digests.0 && self.judged != Some(mine.0) {
            self.judged = Some(mine.0);
            if let Some(why) = plan::away(replica, &self.peer, now) {
                self.end(why);
                return Ok(());
            }
        }
        if self.control_settled && !self.data_begun {
            self.data_begun = true;
            if mine.1 != self.their_digests.1 {
                self.begin_data(replica, &theirs)?;
            }
        }
        self.issue_receipts(replica, now, mine)?;
        self.pump(replica, now)?;
        self.pass_receipts(replica, now);
        if !self.is_quiet() {
            return Ok(());
        }
        mine = (replica.control_digest(), replica.common_digest(&self.peer));
        let equal = mine == self.their_digests;
        if self.told != mine || (!equal && self.told_settled != Some(mine)) {
            self.told = mine;
            self.told_settled = Some(mine);
            self.send(Message::Status { control: mine.0, common: mine.1, position: replica.position() });
        }
        if equal {
            // Receipts move positions after the agreement; they are noted too, but not one by one.
            let moved = self.noted != (self.their_position, replica.position()) && now.mono_ms >= self.note_due_ms;
            if !self.agreed || moved {
                self.note(replica, &theirs, now)?;
            }
            happened.agreed |= !self.agreed;
            self.agreed = true;
        } else if self.dialler {
            let control = mine.0 != self.their_digests.0;
            if (control || self.data_begun) && self.may_compare(mine, now) {
                self.send_frontiers(replica, control, None, true);
            }
        }
        Ok(())
    }

    /// Whether to compare frontiers now: at once when either side moved, else again after a pause that doubles. What was
    /// refused for a gap, or passed each other on the way, must not leave two offices apart for good.
    fn may_compare(&mut self, mine: (Digest, Digest), now: Now) -> bool {
        let pair = (mine, self.their_digests);
        if self.compared != Some(pair) {
            self.compared = Some(pair);
            self.compare_pause_ms = COMPARE_PAUSE_MS;
        } else if now.mono_ms < self.compare_again_ms {
            return false;
        } else {
            self.compare_pause_ms = (self.compare_pause_ms * 2).min(COMPARE_PAUSE_MAX_MS);
        }
        self.compare_again_ms = now.mono_ms + self.compare_pause_ms;
        true
    }

    fn begin_data<S: Store>(&mut self, replica: &Replica<S>, theirs: &Hello) -> Result<(), StoreError> {
        if let Some((_, position)) = theirs.yours.filter(|(epoch, _)| *epoch == replica.store().epoch())
            && let Some(gained) = replica.store().gained_since(position, HINTED_LOGS_MAX)?
        {
            let gained: Vec<(LogId, u64)> = gained.into_iter().filter(|(log, _)| !self.held.contains_key(log)).collect();
            self.gained(replica, &gained);
        }
        let fits = self.mine.as_ref().and_then(|mine| mine.yours).is_some_and(|(epoch, _)| epoch == theirs.epoch);
        if !fits {
            self.send_frontiers(replica, false, None, false);
        }
        Ok(())
    }

    fn note<S: Store>(&mut self, replica: &mut Replica<S>, theirs: &Hello, now: Now) -> Result<(), StoreError> {
        let state = PeerState {
            device: self.peer,
            epoch: theirs.epoch,
            received: self.their_position,
            sent: replica.position(),
            agreed_ms: now.wall_ms,
        };
        let known = replica.store().peer(&self.peer)?;
        self.noted = (state.received, state.sent);
        self.note_due_ms = now.mono_ms + RECEIPT_EVERY_MS;
        let same =
            known.is_some_and(|known| (known.epoch, known.received, known.sent) == (state.epoch, state.received, state.sent));
        if same { Ok(()) } else { replica.note_peer(state) }
    }

    fn issue_receipts<S: Store>(&mut self, replica: &mut Replica<S>, now: Now, mine: (Digest, Digest)) -> Result<(), StoreError> {
        let settled = mine == self.their_digests;
        if self.to_receipt.is_empty() || !(settled || now.mono_ms >= self.receipts_due_ms) {
            return Ok(());
        }
        self.receipts_due_ms = now.mono_ms + RECEIPT_EVERY_MS;
        let places = std::mem::take(&mut self.to_receipt);
        replica.issue_receipts(&places, now.wall_ms)?;
        Ok(())
    }

    /// Passes down what superiors of the peer have stated and it may not have heard.
    fn pass_receipts<S: Store>(&mut self, replica: &Replica<S>, now: Now) {
        if !self.data_begun {
            return;
        }
        let mut receipts = plan::receipts_for(replica, &self.peer, self.receipts_from);
        receipts.retain(|(key, position, _)| self.receipts_sent.get(key) != Some(position));
        for chunk in receipts.chunks(plan::RECEIPTS_PER_MESSAGE) {
            let number = self.number(chunk.len() * 200, now);
            for (key, position, _) in chunk {
                self.receipts_sent.insert(*key, *position);
            }
            self.send(Message::Receipts { number, receipts: chunk.iter().map(|(_, _, receipt)| receipt.clone()).collect() });
        }
    }
}

/// What may be said before the peer is known.
fn is_introduction(message: &Message) -> bool {
    matches!(message, Message::Hello(_) | Message::WhoAreYou | Message::ThisIsMe(_) | Message::Bye(_))
}
