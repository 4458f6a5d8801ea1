//! The three volumes (卷) of a case, one for each tier: append-only lists of events.
//!
//! A volume begins with [`skeleton`], the same bytes on every replica, so that two devices that begin it merge
//! instead of hiding each other. [`append`] is the only edit: it adds one flat map at the end of `events`. Nothing
//! is ever changed; a correction is a new event that names the old one. An event whose fields were overwritten
//! afterwards (no honest device does that) reads as [`What::Unknown`]: its scalars must bear the operation numbers
//! that follow the map's own without a gap, up to the kind word, which is written last.

use super::event::{Event, What};
use super::{Edit, Fields, OpId, Problem, SCHEMA, append_row, check_schema, child, edit, rows};
use crate::area::Tier;
use crate::device::OfficeId;
use crate::record::Stamp;
use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, Automerge, ObjId, ObjType, ROOT, ReadDoc, Value};

/// The actor of every volume's first change.
pub const SKELETON_ACTOR: &[u8; 16] = b"shouwang volume1";

/// A volume with nothing in it but its constant first change.
pub fn skeleton() -> Automerge {
    let mut doc = Automerge::new().with_actor(ActorId::from(SKELETON_ACTOR));
    let made = doc.transact_with::<_, _, automerge::AutomergeError, _>(
        |_| CommitOptions::default().with_time(0),
        |tx| {
            tx.put(ROOT, "schema", SCHEMA)?;
            tx.put_object(ROOT, "events", ObjType::List)
        },
    );
    match made {
        Ok(_) => doc,
        Err(_) => unreachable!("an empty document takes a number and a list"),
    }
}

/// Adds an event at the end of a volume.
pub fn append(event: &Event) -> Edit {
    let fields = event.give();
    edit(move |tx| append_row(tx, "events", fields))
}

/// An event and where it stands.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct StampedEvent {
    /// Its name: the operation that inserted it.
    pub id: OpId,
    /// Its place in the common order; none until the replica gave it.
    pub stamp: Option<Stamp>,
    /// The office of its device; none until the replica said so.
    pub office: Option<OfficeId>,
    /// Whether its device may decide for its office (control says so).
    pub may_decide: bool,
    /// What it says.
    pub event: Event,
}

/// What logs and control say about the device that wrote an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Witness {
    /// The event's place in the common order.
    pub stamp: Stamp,
    /// The office of the device's certificate.
    pub office: OfficeId,
    /// Whether control names the device as its office's decider.
    pub may_decide: bool,
}

/// One tier's volume.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Volume {
    /// Whose it is.
    pub tier: Tier,
    /// Its events, in list order (which is not the order of the case: see `standing`).
    pub events: Vec<StampedEvent>,
    /// What could not be read.
    pub problems: Vec<Problem>,
}

impl Volume {
    /// Reads a volume.
    pub fn read(tier: Tier, doc: &Automerge) -> Volume {
        let mut problems = Vec::new();
        check_schema(&mut Fields::of(doc, &ROOT), &mut problems);
        let mut events = Vec::new();
        match child(doc, &ROOT, "events", ObjType::List) {
            None => problems.push(Problem::new("events", "卷内没有记录列表")),
            Some(list) => {
                for (map, id) in rows(doc, &list) {
                    let (written, later, whole) = fields_of(doc, &map, &id);
                    let mut event = Event::take(written);
                    event.other.extend(later.rest());
                    if !whole {
                        event.what = What::Unknown { kind: "changed".to_owned(), fields: Fields::of(doc, &map).rest() };
                        problems.push(Problem::new(id.to_string(), "记录写入后被改动，不生效"));
                    } else if let What::Unknown { kind, .. } = &event.what {
                        problems.push(Problem::new(id.to_string(), format!("本版本不认识的记录“{kind}”，已保留")));
                    }
                    events.push(StampedEvent { id, stamp: None, office: None, may_decide: true, event });
                }
            }
        }
        Volume { tier, events, problems }
    }

    /// Gives every event its place in the common order, and nothing else: what it says of itself is believed.
    pub fn stamp(&mut self, stamp: impl Fn(&ActorId, u64) -> Option<Stamp>) {
        for event in &mut self.events {
            event.stamp = stamp(&event.id.actor, event.id.counter);
        }
    }

    /// Gives every event its place, its device's office and whether that device may decide. An event without a
    /// witness comes last in the order and may not decide.
    pub fn witness(&mut self, witness: impl Fn(&ActorId, u64) -> Option<Witness>) {
        for event in &mut self.events {
            let seen = witness(&event.id.actor, event.id.counter);
            event.stamp = seen.map(|seen| seen.stamp);
            event.office = seen.map(|seen| seen.office);
            event.may_decide = seen.is_some_and(|seen| seen.may_decide);
        }
    }
}

/// An event's scalars: those written with it, those added later, and whether none of the first was changed.
fn fields_of(doc: &Automerge, map: &ObjId, id: &OpId) -> (Fields, Fields, bool) {
    let scalars: Vec<_> = doc.map_range(map, ..).filter_map(|item| Some((OpId::of(&item.id())?, item))).collect();
    let last = scalars.iter().find(|(_, item)| item.key == "k").map(|(op, _)| op.clone());
    let last = last.filter(|last| last.actor == id.actor).map(|last| last.counter);
    let with_it = |op: &OpId| op.actor == id.actor && last.is_some_and(|last| op.counter <= last);
    let mut counters: Vec<u64> = scalars.iter().filter(|(op, _)| with_it(op)).map(|(op, _)| op.counter).collect();
    counters.sort_unstable();
    let whole = counters.iter().copied().eq(id.counter + 1..=last.unwrap_or(id.counter));
    let conflict = scalars.iter().any(|(_, item)| item.conflict);
    let (mut written, mut later) = (Fields::default(), Fields::default());
    for (op, item) in scalars {
        if let Value::Scalar(value) = item.value.into_value() {
            let side = if with_it(&op) { &mut written } else { &mut later };
            side.0.insert(item.key.into_owned(), value.into_owned());
        }
    }
    (written, later, whole && !conflict)
}

#[cfg(test)]
mod tests {
    use super::super::day::Day;
    use super::super::run;
    use super::*;

    fn note(text: &str) -> Event {
        Event::new(OfficeId(3), "s1", "王某", Day(18_000), What::Note { text: text.into() })
    }

    fn device(number: u8, from: &Automerge) -> Automerge {
        from.fork().with_actor(ActorId::from([number; 16]))
    }

    #[test]
    fn two_devices_begin_the_same_volume_with_the_same_bytes() {
        let change = skeleton().get_last_local_change().expect("one");
        assert_eq!(skeleton().save(), skeleton().save());
        assert_eq!(change.hash().to_string(), "0706f98602b535337663ae7df3c97950dbc39bf76e722c7d0f9ef69fad35e1b9");
    }

    #[test]
    fn both_devices_events_stay() {
        let (mut one, mut two) = (device(1, &skeleton()), device(2, &skeleton()));
        run(&mut one, append(&note("一"))).expect("appends");
        run(&mut two, append(&note("二"))).expect("appends");
        one.merge(&mut two).expect("merges");
        let volume = Volume::read(Tier::Village, &one);
        assert_eq!(volume.events.len(), 2);
        assert_eq!(volume.problems, []);
    }

    #[test]
    fn an_event_of_a_newer_version_survives() {
        let mut doc = device(1, &skeleton());
        let fields = vec![("by".to_owned(), 3_u64.into()), ("blood".to_owned(), "A".into()), ("k".to_owned(), "cloned".into())];
        run(&mut doc, edit(move |tx| append_row(tx, "events", fields))).expect("appends");
        run(&mut doc, append(&note("后"))).expect("appends");
        let loaded = Automerge::load(&doc.save()).expect("loads");
        let volume = Volume::read(Tier::City, &loaded);
        let What::Unknown { kind, fields } = &volume.events[0].event.what else { panic!("unknown") };
        assert_eq!((kind.as_str(), fields["blood"].as_str()), ("cloned", "A"));
        assert_eq!(volume.problems.len(), 1);
        assert_eq!(volume.events.len(), 2);
    }

    #[test]
    fn a_field_overwritten_afterwards_spoils_its_event_only() {
        for attack in ["text", "name", "k"] {
            let mut doc = device(1, &skeleton());
            run(&mut doc, append(&note("原文"))).expect("appends");
            run(&mut doc, append(&note("另一条"))).expect("appends");
            for (writer, added) in [(1, false), (1, true), (2, false)] {
                let mut touched = device(writer, &doc);
                let list = child(&touched, &ROOT, "events", ObjType::List).expect("list");
                let (map, _) = rows(&touched, &list).remove(0);
                run(
                    &mut touched,
                    edit(move |tx| {
                        tx.put(&map, attack, "note2")?;
                        if added {
                            tx.put(&map, "zz", 1)?;
                        }
                        Ok(())
                    }),
                )
                .expect("writes");
                let volume = Volume::read(Tier::Village, &touched);
                assert!(matches!(volume.events[0].event.what, What::Unknown { .. }), "{attack} {writer} {added}");
                assert!(matches!(volume.events[1].event.what, What::Note { .. }));
            }
        }
    }

    #[test]
    fn a_new_key_of_a_newer_version_does_not_spoil_an_event() {
        let mut doc = device(1, &skeleton());
        run(&mut doc, append(&note("原文"))).expect("appends");
        let list = child(&doc, &ROOT, "events", ObjType::List).expect("list");
        let (map, _) = rows(&doc, &list).remove(0);
        for writer in [1, 2] {
            let mut later = device(writer, &doc);
            let map = map.clone();
            run(&mut later, edit(move |tx| Ok(tx.put(&map, "seen", true)?))).expect("writes");
            let volume = Volume::read(Tier::Village, &later);
            assert!(matches!(volume.events[0].event.what, What::Note { .. }));
            assert_eq!(volume.events[0].event.other["seen"], "是");
        }
    }
}
