use super::*;
use crate::area::Tier;
use crate::records::changed::{Review, Reviewed};
use crate::records::policy::sample;
use crate::records::run;
use automerge::{ActorId, Automerge};
use serde_json::{Value, json};

fn day(text: &str) -> Day {
    Day::parse(text).expect("a day")
}

fn family(set: Value) -> Automerge {
    let mut row = json!({
        "id": "320582100001-1", "region": "320582100001", "head": "钱某", "head_id_no": "", "type": "低保户",
        "created_at": "2026-01-31T08:00:00Z", "income_annual": 10_000, "deposits": 0, "securities": 0, "vehicles": 0, "houses": 1,
        "aid": [], "members": [{"name": "钱某", "relation": "户主", "labor": "丧失劳动力"}]
    });
    for (field, value) in set.as_object().expect("fields") {
        row[field] = value.clone();
    }
    let row = row.as_object().expect("a row").clone();
    let row = crate::records::import::check_row(&row, |_| true).expect("fits");
    let mut doc = Automerge::new().with_actor(ActorId::from([1; 16]));
    for edit in crate::records::import::create(&row) {
        run(&mut doc, edit).expect("writes");
    }
    doc
}

fn change(kind: &str, written: &str) -> Change {
    Change {
        kind: kind.into(),
        on: day(written),
        person: String::new(),
        note: String::new(),
        day: day(written),
        name: "王某".into(),
        office: "甲村".into(),
        moved: None,
    }
}

fn review(of: &[&str], basis: &str, on: &str) -> Review {
    Review {
        outcome: Reviewed::Kept.word().into(),
        note: "入户看过".into(),
        of: of.iter().map(|name| (*name).to_owned()).collect(),
        basis: basis.into(),
        category: "低保户".into(),
        day: day(on),
        name: "张某".into(),
        office: "杨舍镇".into(),
        tier: Tier::Township,
    }
}

fn at(doc: &Automerge, approved: Option<&str>, today: &str) -> Option<Due> {
    let known = Known { approved: approved.map(day), written: None };
    due(&sample(), &Household::read(doc), known, day(today))
}

#[test]
fn a_change_waits_until_a_review_names_it() {
    let mut doc = family(json!({}));
    assert_eq!(at(&doc, None, "2026-03-02"), None);
    run(&mut doc, change("收入", "2026-03-02").write("a")).expect("writes");
    run(&mut doc, change("死亡", "2026-03-03").write("b")).expect("writes");
    let found = at(&doc, None, "2026-03-04").expect("to be looked at");
    assert_eq!(found.why.len(), 2);
    let Why::Changed { kind, by, .. } = &found.why[0] else { panic!("{found:?}") };
    assert_eq!((kind.as_str(), *by), ("收入变化", Some(sample().calendar.deadline(day("2026-03-02"), 10))));
    assert_eq!(found.by, *by);
    run(&mut doc, review(&["a"], "", "2026-03-05").write("r")).expect("writes");
    let left = at(&doc, None, "2026-03-06").expect("one is left");
    assert!(matches!(&left.why[..], [Why::Changed { name, .. }] if name == "b"));
    run(&mut doc, review(&["b"], "", "2026-03-06").write("s")).expect("writes");
    assert_eq!(at(&doc, None, "2026-03-07"), None);
}

#[test]
fn two_offices_that_write_at_the_same_time_keep_both() {
    let mut here = family(json!({}));
    let mut there = here.fork().with_actor(ActorId::from([2; 16]));
    run(&mut here, change("收入", "2026-03-02").write("a")).expect("writes");
    run(&mut there, change("残疾", "2026-03-02").write("b")).expect("writes");
    here.merge(&mut there).expect("merges");
    let household = Household::read(&here);
    assert_eq!((household.changes.len(), household.conflicts.len()), (2, 0));
}

#[test]
fn the_term_begins_with_the_record_the_approval_or_the_last_review() {
    let mut doc = family(json!({}));
    assert_eq!(at(&doc, None, "2026-12-01"), None, "a year for somebody who can't work");
    let found = at(&doc, None, "2027-01-01").expect("thirty days before its end");
    assert!(
        matches!(&found.why[..], [Why::Term { last, by, .. }] if *last == Some(day("2026-01-31")) && *by == day("2027-01-31"))
    );
    assert_eq!(at(&doc, Some("2026-06-01"), "2027-01-31"), None, "approved since");
    run(&mut doc, review(&[], "", "2027-01-02").write("r")).expect("writes");
    assert_eq!(at(&doc, None, "2027-06-01"), None);
    let worker = json!([{"name": "钱某", "relation": "户主", "labor": "普通劳动力"}]);
    assert!(at(&family(json!({"members": worker})), None, "2026-07-31").is_some(), "half a year for somebody who can");
    let unknown = at(&family(json!({"created_at": ""})), None, "2026-03-01").expect("nobody knows when");
    assert!(matches!(&unknown.why[..], [Why::Term { last: None, .. }]));
    let known = Known { written: Some(day("2026-02-28")), ..Known::default() };
    let fresh = due(&sample(), &Household::read(&family(json!({"created_at": ""}))), known, day("2026-03-01"));
    assert_eq!(fresh, None, "written yesterday");
    assert_eq!(day("2026-01-31").months_later(1), day("2026-02-28"));
    assert_eq!(day("2023-11-30").months_later(15), day("2025-02-28"));
}

#[test]
fn data_that_say_another_category_are_looked_at_once_for_each_state_of_the_data() {
    let mut doc = family(json!({"income_annual": 90_000}));
    let found = at(&doc, None, "2026-03-02");
    // The rigid-spending row asks for a figure that the sample leaves open, so nothing is sure.
    assert_eq!(found, None);
    let mut pack = sample();
    pack.statuses.pop();
    let differs = |doc: &Automerge| due(&pack, &Household::read(doc), Known::default(), day("2026-03-02"));
    let found = differs(&doc).expect("too much income");
    assert!(matches!(&found.why[..], [Why::Differs { proposed: None }]));
    run(&mut doc, review(&[], &found.basis, "2026-03-02").write("r")).expect("writes");
    assert_eq!(differs(&doc), None, "answered");
    run(&mut doc, crate::records::import::set("income_annual", &json!(95_000)).expect("fits")).expect("writes");
    assert!(differs(&doc).is_some(), "other data");
}
