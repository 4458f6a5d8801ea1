use super::*;
use crate::hash::Hash;
use crate::records::{Edit, run};
use automerge::{ActorId, Automerge, ChangeHash};
use serde_json::json;
use std::collections::BTreeMap;

fn day(text: &str) -> Day {
    Day::parse(text).expect("a day")
}

/// A household's document and on which day each change was written.
struct Kept {
    id: RecordId,
    doc: Automerge,
    written: BTreeMap<ChangeHash, Day>,
}

impl Kept {
    fn new(number: u8, on: &str) -> Kept {
        let row = json!({
            "id": format!("k{number}"), "region": "320582100001", "head": format!("户主{number}"), "head_id_no": "", "type": "低保户",
            "status": "在保", "aid": [], "members": [{"name": "甲", "relation": "户主"}, {"name": "乙", "relation": "配偶"}]
        });
        let row = crate::records::import::check_row(row.as_object().expect("a row"), |_| true).expect("fits");
        let doc = Automerge::new().with_actor(ActorId::from([number; 16]));
        let mut kept = Kept { id: RecordId(Hash([number; 32])), doc, written: BTreeMap::new() };
        for edit in crate::records::import::create(&row) {
            kept.write(on, edit);
        }
        kept
    }

    fn write(&mut self, on: &str, edit: Edit) {
        if let Some(change) = run(&mut self.doc, edit).expect("writes") {
            self.written.insert(change, day(on));
        }
    }

    fn set(&mut self, on: &str, field: &str, value: &str) {
        self.write(on, crate::records::import::set(field, &json!(value)).expect("fits"));
    }
}

fn of(month: &str, all: &[Kept]) -> Roll {
    let last = last_day(month).expect("a month");
    let start = last_day(&before(month).expect("a month")).expect("a month");
    let then = |kept: &Kept, on| Then::of(&kept.doc, &kept.written, on);
    roll(last, &all.iter().map(|kept| (kept.id, then(kept, start), then(kept, last))).collect::<Vec<_>>())
}

fn figures(roll: &Roll) -> [u32; 6] {
    let it = roll.figures();
    [it.households, it.people, it.came, it.left, it.changed, it.unchanged]
}

#[test]
fn a_month_says_who_came_left_changed_and_stayed() {
    let mut all = vec![Kept::new(1, "2026-09-03"), Kept::new(2, "2026-09-03"), Kept::new(3, "2026-09-03")];
    assert_eq!(figures(&of("2026-08", &all)), [0; 6]);
    assert_eq!(figures(&of("2026-09", &all)), [3, 6, 3, 0, 0, 0]);
    all.push(Kept::new(4, "2026-10-31"));
    all[0].set("2026-10-05", "phone", "13800000000");
    all[1].set("2026-10-06", "status", "停保");
    let october = of("2026-10", &all);
    assert_eq!(figures(&october), [3, 6, 1, 1, 1, 1]);
    let moved: Vec<(&str, Moved)> = october.lines.iter().map(|line| (line.head.as_str(), line.moved)).collect();
    assert_eq!(moved, [("户主4", Moved::Came), ("户主2", Moved::Left), ("户主1", Moved::Changed), ("户主3", Moved::Stayed)]);
}

#[test]
fn what_is_written_later_changes_a_month_that_was_frozen_in_nothing() {
    let mut all = vec![Kept::new(1, "2026-09-03"), Kept::new(2, "2026-09-03")];
    let frozen = of("2026-10", &all);
    all[0].set("2026-11-01", "status", "停保");
    all.push(Kept::new(3, "2026-11-02"));
    assert_eq!(of("2026-10", &all), frozen);
    assert_eq!(figures(&of("2026-11", &all)), [2, 4, 1, 1, 0, 1]);
    // What was written in time and arrives late shows as another digest.
    all[1].set("2026-10-30", "phone", "1");
    assert_ne!(of("2026-10", &all).digest, frozen.digest);
    all.reverse();
    let other_way_round = of("2026-10", &all);
    all.reverse();
    assert_eq!(other_way_round, of("2026-10", &all));
}

#[test]
fn a_sign_off_reads_back_and_a_month_has_an_end() {
    let mut doc = Automerge::new().with_actor(ActorId::from([1; 16]));
    let all = vec![Kept::new(1, "2026-09-03")];
    let signed = SignOff {
        month: "2026-09".into(),
        note: "逐户核对".into(),
        office: 7,
        staff: "wang".into(),
        name: "王某".into(),
        day: Some(day("2026-10-01")),
        ..of("2026-09", &all).figures()
    };
    run(&mut doc, signed.create()).expect("writes");
    assert_eq!(SignOff::read(&doc), signed);
    assert_eq!((last_day("2024-02"), last_day("2026-13"), last_day("x")), (Some(day("2024-02-29")), None, None));
    assert_eq!(before("2026-01").as_deref(), Some("2025-12"));
}

#[test]
fn item_10_a_category_that_begins_or_ends_by_its_own_days_counts_in_that_month() {
    let mut kept = Kept::new(1, "2026-07-03");
    kept.set("2026-07-03", "type", "");
    let holding = json!({"person": "乙", "category": "重度残疾人", "from": "2026-08-10", "until": "2026-10-05"});
    kept.write("2026-07-20", crate::records::import::add_holding(holding.as_object().expect("a row")).expect("fits"));
    let all = [kept];
    let moved = |month: &str| {
        let roll = of(month, &all);
        roll.lines.first().map(|line| (line.moved, line.category.clone()))
    };
    assert_eq!(moved("2026-07"), None, "nothing held yet");
    let word = || "重度残疾人".to_owned();
    assert_eq!(moved("2026-08"), Some((Moved::Came, word())));
    assert_eq!(moved("2026-09"), Some((Moved::Stayed, word())));
    assert_eq!(moved("2026-10"), Some((Moved::Left, word())), "what it held before");

    let mut other = Kept::new(2, "2026-07-03");
    let holding = json!({"category": "受灾人员", "from": "2026-08-10"});
    other.write("2026-07-20", crate::records::import::add_holding(holding.as_object().expect("a row")).expect("fits"));
    let line = of("2026-08", &[other]).lines.remove(0);
    assert_eq!((line.moved, line.category.as_str()), (Moved::Changed, "低保户、受灾人员"));
}
