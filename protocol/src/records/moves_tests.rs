//! Moves and splits: what goes along, what stays, who is the head.

use super::super::changed::{Change, Moved};
use super::super::import::{check_row, create, together};
use super::super::run;
use super::*;
use automerge::{ActorId, Automerge};
use serde_json::json;

fn day(text: &str) -> Day {
    Day::parse(text).expect("a day")
}

fn write(row: &Map<String, Value>, actor: u8) -> Automerge {
    let row = check_row(row, |_| true).expect("fits");
    let mut doc = Automerge::new().with_actor(ActorId::from([actor; 16]));
    for edit in create(&row) {
        run(&mut doc, edit).expect("writes");
    }
    doc
}

/// A couple and a grown son; the head stands at the root in words of its own.
fn family() -> Automerge {
    let row = json!({
        "id": "A1", "region": "320582100201", "town": "杨舍镇", "village": "甲村", "group": 3, "address": "三组", "head": "周老大",
        "type": "低保户", "status": "在保", "income_annual": 12_000, "officer": "王某", "visits": 4, "党员": true,
        "members": [
            {"name": "周大", "relation": "户主", "joined": "2000-01-01"}, {"name": "吴二", "relation": "配偶"},
            {"name": "周三", "relation": "之子", "health": "健康"}, {"name": "周老", "relation": "之父", "died": "2018-01-01"},
        ],
        "aid": [{"no": "1", "date": "2019-01-10", "program": "低保金", "amount": 945}],
    });
    write(row.as_object().expect("an object"), 1)
}

fn to(is_other: bool) -> Destination {
    Destination {
        id: "B1".into(),
        region: if is_other { "320582100202" } else { "320582100201" }.into(),
        names: ["杨舍镇".into(), "乙村".into()],
        address: if is_other { "八组" } else { "" }.into(),
        is_other,
    }
}

fn seats<'a>(household: &'a Household, wanted: &[(usize, &str)]) -> Vec<Seat<'a>> {
    wanted.iter().map(|(at, relation)| Seat { member: &household.members[*at], relation: (*relation).into() }).collect()
}

#[test]
fn who_moves_takes_the_data_of_the_family_along_and_leaves_the_aid_where_it_was_written() {
    let mut old = family();
    let before = Household::read(&old);
    let going = seats(&before, &[(0, "户主"), (1, "配偶"), (2, "之子")]);
    let new = Household::read(&write(&row(&before, &going, true, day("2019-06-01"), &to(true)), 2));
    assert_eq!((new.id.as_str(), new.village.as_str(), new.address.as_str()), ("B1", "乙村", "八组"));
    assert_eq!((new.category.as_str(), new.status.as_str(), new.income_annual), ("低保户", "在保", before.income_annual));
    assert_eq!((new.group.as_str(), new.officer.as_str(), new.visits), ("", "", None));
    assert_eq!((new.head.as_str(), new.other["党员"].as_str(), new.aid.len()), ("周老大", "是", 0));
    let members: Vec<(&str, Option<Day>)> = new.members.iter().map(|member| (member.name.as_str(), member.joined)).collect();
    let on = Some(day("2019-06-01"));
    assert_eq!(members, [("周大", on), ("吴二", on), ("周三", on)], "not who died before");

    run(&mut old, together(leave(&going, &[], day("2019-06-01")).expect("edits"))).expect("writes");
    let old = Household::read(&old);
    assert_eq!((old.status.as_str(), old.aid.len(), old.head.as_str()), ("迁出", 1, "周老大"));
    assert!(old.members.iter().all(|member| !member.is_present()));
    // Nobody is in both on any day, and nobody in neither.
    for (on, here, there) in [("2019-05-31", true, false), ("2019-06-01", false, true)] {
        assert_eq!((old.members[0].shares_life(day(on)), new.members[0].shares_life(day(on))), (here, there), "{on}");
        assert_eq!(new.is_registered(day(on)), there);
    }
    assert!(!old.is_registered(day("2019-06-01")));
}

#[test]
fn who_splits_off_takes_no_income_along_and_the_rest_may_get_another_head() {
    let mut old = family();
    let before = Household::read(&old);
    let going = seats(&before, &[(0, "之父"), (2, "户主")]);
    let new = Household::read(&write(&row(&before, &going, false, day("2019-06-01"), &to(false)), 2));
    assert_eq!((new.address.as_str(), new.group.as_str(), new.village.as_str()), ("三组", "3", "甲村"));
    assert_eq!((new.category.as_str(), new.status.as_str(), new.income_annual), ("", "", None), "to be found out");
    assert_eq!((new.head.as_str(), new.members[1].health.as_str()), ("周三", "健康"));

    let rest = seats(&before, &[(1, "户主")]);
    run(&mut old, together(leave(&going, &rest, day("2019-06-01")).expect("edits"))).expect("writes");
    let old = Household::read(&old);
    assert_eq!((old.head.as_str(), old.status.as_str(), old.income_annual), ("吴二", "在保", before.income_annual));
    assert_eq!(old.head_member().map(|head| head.name.as_str()), Some("吴二"), "who left is the head no more");
    assert!(!old.problems.iter().any(|problem| problem.what.contains("户主") && problem.field == "members"));
    assert!(old.is_registered(day("2019-06-01")));
}

#[test]
fn both_records_name_each_other_and_the_new_one_what_was_had() {
    let mut doc = family();
    let change = |moved: Option<Moved>| Change {
        kind: "迁入".into(),
        on: day("2019-06-01"),
        person: String::new(),
        note: String::new(),
        day: day("2019-06-01"),
        name: "王某".into(),
        office: "杨舍镇".into(),
        moved,
    };
    let had = [("低保金".to_owned(), day("2019-01-10"))].into_iter().collect();
    let came = Moved { came: true, household: "A0".into(), place: "大新镇丙村".into(), whole: true, had };
    run(&mut doc, change(Some(came.clone())).write("a-0")).expect("writes");
    let household = Household::read(&doc);
    assert_eq!(household.changes["a-0"].moved, Some(came.clone()));
    assert_eq!(had_before(&household, day("2018-06-01")), BTreeSet::from(["低保金".to_owned()]));
    assert!(had_before(&household, day("2019-02-01")).is_empty() && household.moved_out().is_none());
    let went = Moved { came: false, ..came };
    run(&mut doc, change(Some(went)).write("b-0")).expect("writes");
    assert!(Household::read(&doc).moved_out().is_some());
    // What an older version wrote says nothing of moves.
    run(&mut doc, change(None).write("c-0")).expect("writes");
    assert_eq!(Household::read(&doc).changes["c-0"].moved, None);
}
