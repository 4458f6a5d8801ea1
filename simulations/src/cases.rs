//! Case work: people open cases and take the next step in their own tier's volume.
//!
//! What is possible is what `standing` says at their node, offline or not. Decisions and payments are made on the one
//! device that control names, against its own replica. What counted there when it was made is remembered: money that
//! went out twice is a broken promise, whatever the volumes say afterwards.

use crate::disk::SimStore;
use crate::people::{Change, place};
use crate::world::World;
use shouwang_protocol::area::{AreaId, Tier};
use shouwang_protocol::entry::EntryRef;
use shouwang_protocol::record::{CaseId, Kind, Lane, Place, RecordId, RecordRef, Stamp};
use shouwang_protocol::records::amount::Fen;
use shouwang_protocol::records::case::{Volume, Witness};
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::event::{
    Answer, Channel, Delivery, Dispute, DisputeEnd, Event, EventKind, Finding, Opinion, Origin, Target, Urgency, Verdict, What,
};
use shouwang_protocol::records::policy::{Pack, Packs};
use shouwang_protocol::records::staff::Role;
use shouwang_protocol::replica::Replica;
use shouwang_protocol::standing::payout::month;
use shouwang_protocol::standing::{CaseRecords, Effect, Person, Standing, TransferState, possible, standing, would_count};
use shouwang_protocol::store::Store;
use std::collections::{BTreeMap, BTreeSet};

/// What a case was granted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Grant {
    /// A decision.
    Decided,
    /// The decision was taken back.
    Undone,
    /// Money went out.
    Paid,
    /// Money came back.
    Failed,
}

/// The packs that have arrived whole.
fn packs(replica: &Replica<SimStore>) -> Packs {
    let mut out = Packs::new();
    for id in replica.store().records_of(Kind::POLICY).unwrap_or_default() {
        let Ok(Some(record)) = replica.record(&id) else { continue };
        let (pack, problems) = Pack::read(&record.doc);
        if problems.iter().all(|problem| problem.field != "rows") {
            out.insert(pack.version.clone(), pack);
        }
    }
    out
}

/// What a case means at a replica, and the volumes it has.
pub(crate) fn read(replica: &Replica<SimStore>, packs: &Packs, case: CaseId, place: &Place) -> (Standing, Vec<RecordId>) {
    let mut volumes = BTreeMap::new();
    let mut shown = Vec::new();
    for tier in Tier::ALL {
        let id = RecordId::volume(place, &case, tier);
        let Ok(Some(record)) = replica.record(&id) else { continue };
        let facts = replica.store().changes(&id).unwrap_or_default();
        let mut volume = Volume::read(tier, &record.doc);
        let control = replica.control();
        volume.witness(|actor, counter| {
            let wrote = |fact: &&shouwang_protocol::store::ChangeFact| {
                fact.actor == actor.to_bytes() && fact.start_op <= counter && counter <= fact.max_op
            };
            let fact = facts.iter().find(wrote)?;
            let office = control.office_of(&fact.device)?;
            let (lamport, tier, device) = (fact.lamport, fact.tier, fact.device);
            let stamp = Stamp { lamport, tier, device, sequence: fact.entry.sequence, index: counter };
            Some(Witness { stamp, office: office.id, may_decide: control.may_decide(&office, &device, &fact.entry) })
        });
        volumes.insert(tier, volume);
        shown.push(id);
    }
    (standing(&CaseRecords { volumes }, packs), shown)
}

pub(crate) fn day(world: &World, node: usize) -> Day {
    Day(i32::try_from(world.clocks(node).wall_ms.div_euclid(86_400_000)).unwrap_or_default())
}

pub(crate) fn tier_of(world: &World, node: usize) -> Option<Tier> {
    let replica = world.replica(node)?;
    Some(replica.control().office_of(&replica.device())?.tier)
}

/// A case begins.
pub fn open(world: &mut World, node: usize, area: AreaId) {
    let Some(tier) = tier_of(world, node) else { return };
    let Some(replica) = world.replica(node) else { return };
    let known = packs(replica);
    let Some(pack) = known.keys().next().cloned() else { return };
    let households = replica.store().records_of(Kind::HOUSEHOLD).unwrap_or_default();
    let (office, day) = (world.office_label(node), day(world, node));
    let dice = &mut world.people.dice;
    let case = CaseId(dice.bytes16());
    let origin = [Origin::Application, Origin::Application, Origin::Plea, Origin::Consultation][dice.index(4).unwrap_or(0)];
    let assistance = ["临时救助", "临时救助", "最低生活保障", "照料服务"][dice.index(4).unwrap_or(0)];
    let what = What::Opened {
        origin,
        channel: Channel::Village,
        assistance: assistance.into(),
        household: dice.pick(&households).copied(),
        applicant: "某人".into(),
        summary: "生活困难".into(),
        urgency: Urgency::Normal,
        rule: String::new(),
        cause: String::new(),
        pack,
    };
    let at = place(area, Lane::Casework);
    let event = Event::new(office, "s1", "陈某", day, what);
    let deed = world.deed("s1", Vec::new(), vec![(at, RecordRef::Volume(case, tier), Change::Event(event))]);
    if world.do_deed(node, deed).is_some() {
        world.people.cases.push((case, at));
    }
}

/// A person takes the next step in a case, as far as the node knows it.
pub fn work_on(world: &mut World, node: usize, case: CaseId, at: Place) {
    let Some(tier) = tier_of(world, node) else { return };
    let Some(replica) = world.replica(node) else { return };
    let known = packs(replica);
    let (now, shown) = read(replica, &known, case, &at);
    if now.origin.is_none() {
        return;
    }
    let control = replica.control();
    let own = control.office_of(&replica.device());
    let decides = own.is_some_and(|office| office.decider == Some(replica.device())) && world.own_logs_came_back(node);
    let (office, today) = (world.office_label(node), day(world, node));
    let staff = if world.people.dice.chance(500) { "s1" } else { "s2" };
    let roles = match staff {
        "s1" => BTreeSet::from([Role::Intake, Role::Reviewer]),
        _ => BTreeSet::from([Role::Approver, Role::Reviewer]),
    };
    let person = Person { tier, office, staff: staff.into(), roles, department: String::new(), provider: String::new() };
    let only_decider =
        |kind: &EventKind| matches!(kind, EventKind::Decided | EventKind::PayListed | EventKind::Paid | EventKind::PaymentFailed);
    let kinds: Vec<EventKind> =
        possible(&now, &known, &person).into_iter().filter(|kind| decides || !only_decider(kind)).collect();
    let weights: Vec<u64> = kinds.iter().map(|kind| weight(*kind)).collect();
    let chosen = world.people.dice.weighted(&weights);
    let Some(what) = kinds.get(chosen).and_then(|kind| make(world, node, *kind, &now, &at)) else { return };
    let event = Event::new(office, staff, "陈某", today, what);
    let counts = would_count(&now, &known, tier, &event).is_ok();
    let grant = match &event.what {
        What::Decided { .. } => Some(Grant::Decided),
        What::Paid { .. } => Some(Grant::Paid),
        What::PaymentFailed { .. } => Some(Grant::Failed),
        _ => None,
    };
    let mut deed = world.deed(staff, shown, vec![(at, RecordRef::Volume(case, tier), Change::Event(event))]);
    deed.grant = grant.filter(|_| counts).map(|grant| (case, grant));
    world.do_deed(node, deed);
}

/// A node acknowledged a decision or a payment that counted when it was made.
pub(crate) fn granted(world: &mut World, case: CaseId, grant: Grant, entry: EntryRef) {
    match grant {
        Grant::Decided => world.trace.sometimes("case decided"),
        Grant::Undone => world.trace.sometimes("decision taken back"),
        Grant::Paid => world.trace.sometimes("case paid"),
        Grant::Failed => world.trace.sometimes("payment came back"),
    }
    let mut all = world.people.grants.remove(&case).unwrap_or_default();
    all.push((grant, entry));
    let too_many = |all: &[(Grant, EntryRef)]| {
        let count = |wanted: Grant| all.iter().filter(|(grant, _)| *grant == wanted).count();
        let (decided, paid, failed) = (count(Grant::Decided), count(Grant::Paid), count(Grant::Failed));
        (decided > count(Grant::Undone) + 1 || paid > failed + 1).then_some((decided, paid, failed))
    };
    if too_many(&all).is_some() {
        // What lay beyond the length at which a lost laptop's log was closed does not stand, whoever had seen it.
        let before = all.len();
        let entry = |at: &EntryRef| world.model.acknowledged.iter().find(|a| a.log.name() == at.log && a.sequence == at.sequence);
        let control = world.truth();
        all.retain(|(_, at)| {
            !entry(at).zip(control).is_some_and(|(entry, control)| crate::law::is_cut(control, &entry.log, at.sequence))
        });
        if all.len() < before {
            world.trace.sometimes("a lost laptop's decision fell with its log");
        }
    }
    world.people.grants.insert(case, all.clone());
    if let Some((decided, paid, failed)) = too_many(&all) {
        let writer = |at: &EntryRef| world.model.acknowledged.iter().find(|a| a.log.name() == at.log).map(|a| a.node);
        let all: Vec<_> = all.iter().map(|(grant, at)| (*grant, writer(at))).collect();
        world.fail("double grant", format!("case {case:?}: {decided} decisions, {paid} payments, {failed} came back: {all:?}"));
    }
}

fn weight(kind: EventKind) -> u64 {
    use EventKind::*;
    match kind {
        Decided | Paid => 20,
        Accepted | PreExamined | Verified | Applied | AppliedOnBehalf => 8,
        MaterialsGiven | Proposed | SignedFor | Feedback => 4,
        Transferred | Closed | PayListed => 2,
        VerifyAsked | MaterialsAsked | NotAccepted | Returned | GaveUp | PaymentFailed | Satisfaction | Note => 1,
        _ => 0,
    }
}

fn make(world: &mut World, node: usize, kind: EventKind, now: &Standing, at: &Place) -> Option<What> {
    use EventKind::*;
    let village = world.truth().and_then(|control| Some(control.office_at(at.area)?.id));
    let office = world.office_label(node);
    let today = day(world, node);
    let dice = &mut world.people.dice;
    let text = || "核对无误".to_owned();
    let receives = |state: fn(TransferState) -> bool| {
        now.transfers.iter().find(|transfer| state(transfer.state) && transfer.to.is_office(office)).map(|t| t.id.clone())
    };
    Some(match kind {
        VerifyAsked => What::VerifyAsked { to: Target::office(village?, "村"), note: text() },
        Verified => {
            let outcome = if dice.chance(800) { Finding::True } else { Finding::False };
            What::Verified { outcome, note: text() }
        }
        Applied => What::Applied { assistance: String::new(), note: text() },
        AppliedOnBehalf => What::AppliedOnBehalf { assistance: String::new(), reason: text() },
        MaterialsAsked => What::MaterialsAsked { materials: vec!["户口簿".into()], again: String::new() },
        MaterialsGiven => What::MaterialsGiven { note: text() },
        Accepted => What::Accepted { number: format!("S{}", dice.number() % 10_000) },
        NotAccepted => What::NotAccepted { reason: text() },
        Visited => What::Visited {
            investigators: vec!["甲".into(), "乙".into()],
            present: "户主".into(),
            remote: String::new(),
            findings: text(),
        },
        PreExamined => What::PreExamined { opinion: Opinion::For, note: text() },
        Proposed => What::Proposed { amount: Fen(50_000 + dice.between(0, 9) as i64 * 10_000), formula: String::new() },
        Decided => What::Decided {
            outcome: Verdict::Approved,
            amount: now.proposed.unwrap_or(Fen(50_000 + dice.between(0, 9) as i64 * 10_000)),
            reason: text(),
            formula: String::new(),
            pack: String::new(),
            saw: now.saw(),
        },
        Paid => What::Paid {
            decision: now.decision.as_ref().map(|decision| decision.id.clone()),
            amount: now.decision.as_ref()?.amount,
            method: "一卡通".into(),
            account_last4: "0000".into(),
            batch: "1".into(),
            period: String::new(),
        },
        PayListed => What::PayListed {
            batch: "1".into(),
            period: month(today),
            amount: now.decision.as_ref()?.amount,
            account_last4: "0000".into(),
        },
        PaymentFailed => What::PaymentFailed { reason: text(), batch: String::new() },
        Transferred => What::Transferred {
            to: Target::office(village?, "村"),
            n: now.transfers.len() as u32 + 1,
            assistance: String::new(),
            note: text(),
            consent: None,
        },
        SignedFor => What::SignedFor { transfer: receives(|state| state == TransferState::ToSign)? },
        Returned => What::Returned { transfer: receives(TransferState::is_open)?, reason: text() },
        Feedback => What::Feedback {
            transfer: receives(|state| state == TransferState::Signed)?,
            result: Answer::Served,
            text: text(),
            amount: None,
        },
        GaveUp => What::GaveUp { reason: text() },
        Closed => What::Closed { result: text() },
        Satisfaction => What::Satisfaction { score: 5, text: String::new() },
        Note => What::Note { text: text() },
        Appraised => What::Appraised { attended: 7, in_favour: 6, note: text() },
        NoticeWritten => What::NoticeWritten { adjustment: now.untold()?.id().clone(), text: "通知书".to_owned() },
        NoticeServed => {
            let (adjustment, how) = (now.untold()?.id().clone(), Delivery::Handed);
            What::NoticeServed { adjustment, to: "本人".to_owned(), how, on: today, note: String::new() }
        }
        Published => {
            let (place, until) = ("村务公开栏".to_owned(), today.plus(364));
            What::Published { place, from: today, until, text: "公布".to_owned(), ruling: now.ruling().cloned() }
        }
        FollowedUp => What::FollowedUp { on: today, whom: "本人".to_owned(), text: text(), next: None },
        Disputed => {
            let (how, body, about) = (Dispute::Review, "市人民政府".to_owned(), now.ruling().cloned());
            What::Disputed { how, body, number: String::new(), on: today, about }
        }
        DisputeEnded => {
            let (dispute, outcome) = (now.open_dispute()?.id.clone(), DisputeEnd::Stands);
            What::DisputeEnded { dispute, outcome, text: text() }
        }
        Archived => What::Archived { number: "1".to_owned(), note: String::new() },
        _ => return None,
    })
}

impl World {
    /// At the end all holders give every case the same meaning, with at most one decision and one payment that counts.
    pub(crate) fn check_cases(&mut self) -> Result<(), (&'static str, String)> {
        let Some(control) = self.truth() else { return Ok(()) };
        let mut undone = 0;
        for (case, at) in &self.people.cases {
            let mut first: Option<(usize, Standing)> = None;
            for node in 0..self.nodes.len() {
                if self.nodes[node].retired || !crate::law::may_hold(control, &self.nodes[node].device, at) {
                    continue;
                }
                let Some(replica) = self.replica(node) else { continue };
                let (meaning, _) = read(replica, &packs(replica), *case, at);
                let counted = |kind: EventKind| {
                    let items = meaning.timeline.iter().filter(|item| item.effect == Effect::Counts);
                    items.filter(|item| item.event.what.kind() == Some(kind)).count()
                };
                if counted(EventKind::Decided) > 1 || counted(EventKind::Paid) > counted(EventKind::PaymentFailed) + 1 {
                    return Err(("double grant", format!("node {node}: case {case:?}")));
                }
                match &first {
                    None => {
                        let granted = self.people.grants.get(case).map_or(0, Vec::len);
                        let counted = [EventKind::Decided, EventKind::Paid, EventKind::PaymentFailed].map(counted);
                        undone += u64::from(granted > counted.iter().sum());
                        first = Some((node, meaning));
                    }
                    Some((other, theirs)) if *theirs != meaning => {
                        return Err(("views", format!("nodes {other} and {node} give case {case:?} different meanings")));
                    }
                    Some(_) => {}
                }
            }
        }
        if undone > 0 {
            self.trace.sometimes("a decision that counted was undone by an earlier event");
        }
        Ok(())
    }
}
