//! Categories: several at a time, each with its days, from two offices, in and out of files.

use super::super::import::{add_holding, add_member, check_row, create, diff, set, set_holding, set_member};
use super::super::run;
use super::*;
use automerge::{ActorId, Automerge};
use proptest::prelude::*;
use serde_json::json;

fn day(text: &str) -> Day {
    Day::parse(text).expect("a day")
}

fn object(json: Value) -> Map<String, Value> {
    json.as_object().expect("an object").clone()
}

fn write(json: &Map<String, Value>) -> Automerge {
    let row = check_row(json, |_| true).expect("fits");
    assert_eq!(row.holder_faults(None), []);
    let mut doc = Automerge::new().with_actor(ActorId::from([1; 16]));
    for edit in create(&row) {
        run(&mut doc, edit).expect("writes");
    }
    doc
}

fn family() -> Map<String, Value> {
    object(json!({
        "id": "K1", "region": "320582100201", "head": "钱某", "type": "低保户", "members": [
            {"name": "钱某", "relation": "户主"}, {"name": "孙某", "relation": "配偶"}, {"name": "钱小", "relation": "之子"},
        ], "aid": [],
    }))
}

fn add(doc: &mut Automerge, holding: Value) {
    run(doc, add_holding(&object(holding)).expect("fits")).expect("adds");
}

fn on(doc: &Automerge, at: &str) -> Vec<String> {
    Household::read(doc).categories_on(day(at))
}

#[test]
fn item_10_a_person_holds_three_categories_each_on_its_days() {
    let mut doc = write(&family());
    assert_eq!(on(&doc, "2020-01-01"), ["低保户"], "the register's own word has no days");
    for (category, from, until) in
        [("特困人员", "2020-01-01", ""), ("重度残疾人", "2018-06-01", "2021-05-31"), ("重点优抚对象", "2019-01-01", "")]
    {
        add(&mut doc, json!({"person": "孙某", "category": category, "from": from, "until": until, "basis": "残联 3 号"}));
    }
    assert_eq!(on(&doc, "2018-05-31"), ["低保户"]);
    assert_eq!(on(&doc, "2018-06-01"), ["低保户", "重度残疾人"]);
    assert_eq!(on(&doc, "2020-01-01"), ["低保户", "特困人员", "重度残疾人", "重点优抚对象"]);
    assert_eq!(on(&doc, "2021-06-01"), ["低保户", "特困人员", "重点优抚对象"], "ended on the day before");
    let household = Household::read(&doc);
    assert_eq!(household.problems.iter().filter(|problem| problem.field.starts_with(HOLDINGS)).count(), 0);
    assert_eq!(household.categories_of(&household.members[1], day("2020-01-01")).len(), 4);
    assert_eq!(household.categories_of(&household.members[2], day("2020-01-01")), ["低保户"]);
    assert_eq!(household.shared_categories_on(day("2020-01-01")), ["低保户"]);

    // Who left or died holds nothing from that day on; the row stays.
    let row = household.members[1].row.clone().expect("a row");
    run(&mut doc, set_member(&row, "died", &"2020-03-01".into()).expect("fits")).expect("sets");
    assert_eq!(on(&doc, "2020-02-29").len(), 4);
    assert_eq!(on(&doc, "2020-03-01"), ["低保户"]);
    assert_eq!(Household::read(&doc).holdings.len(), 3);
}

#[test]
fn item_10_two_offices_begin_the_list_offline_and_all_of_it_stays() {
    let doc = write(&family());
    let mut village = doc.fork().with_actor(ActorId::from([2; 16]));
    let mut township = doc.fork().with_actor(ActorId::from([3; 16]));
    add(&mut village, json!({"person": "孙某", "category": "重度残疾人", "from": "2020-01-01"}));
    add(&mut village, json!({"category": "受灾人员", "from": "2020-07-01", "until": "2020-12-31"}));
    add(&mut township, json!({"person": "孙某", "category": "重点优抚对象"}));
    add(&mut township, json!({"person": "孙某", "category": "重度残疾人", "from": "2020-01-01"}));
    village.merge(&mut township).expect("merges");
    township.merge(&mut village).expect("merges");
    let (a, b) = (Household::read(&village), Household::read(&township));
    assert_eq!(a, b);
    assert_eq!((a.holdings.len(), &a.conflicts[..], &a.problems.len()), (4, &[][..], &Household::read(&doc).problems.len()));
    assert_eq!(on(&village, "2020-08-01"), ["低保户", "重度残疾人", "重点优抚对象", "受灾人员"], "the same one is one");

    // A row of either list can be ended, and what is added afterwards is seen by both.
    for (at, row) in a.holdings.iter().enumerate() {
        let edit = set_holding(row.row.as_ref().expect("a row"), "until", &"2020-08-31".into()).expect("fits");
        run(if at % 2 == 0 { &mut village } else { &mut township }, edit).expect("ends");
    }
    add(&mut village, json!({"category": "刚性支出困难家庭", "from": "2020-09-01"}));
    village.merge(&mut township).expect("merges");
    assert_eq!(on(&village, "2020-09-01"), ["低保户", "刚性支出困难家庭"]);
}

#[test]
fn item_10_a_record_without_the_list_reads_and_a_file_comes_back_as_it_was() {
    let plain = family();
    assert_eq!(Household::read(&write(&plain)).row(), plain, "no list where there is none");
    let mut json = plain.clone();
    json.insert(
        HOLDINGS.into(),
        json!([
            {"person": "孙某", "category": "重度残疾人", "from": "2020-01-01", "until": "2020-12-31", "basis": "证 1"},
            {"category": "本地自定的类别", "note": "全户", "来源": "名册"},
        ]),
    );
    let mut doc = write(&json);
    assert_eq!(Household::read(&doc).row(), json);
    let checked = |json: &Map<String, Value>| check_row(json, |_| true).expect("fits");
    assert!(diff(&doc, &checked(&json)).is_empty(), "importing again adds nothing");
    assert!(diff(&doc, &checked(&plain)).is_empty(), "what a file no longer names stays");
    // Another spell of the same category is another row; a change of the same spell an edit; a new member's a new row.
    json[HOLDINGS][0]["until"] = "2021-01-31".into();
    json["members"].as_array_mut().expect("members").push(json!({"name": "钱孙", "relation": "之孙子"}));
    let rows = json[HOLDINGS].as_array_mut().expect("rows");
    rows.push(json!({"person": "孙某", "category": "重度残疾人", "from": "2022-01-01"}));
    rows.push(json!({"person": "钱孙", "category": "孤儿"}));
    let row = checked(&json);
    assert_eq!(row.holder_faults(Some(&doc)), []);
    diff(&doc, &row).into_iter().for_each(|edit| assert!(run(&mut doc, edit).expect("applies").is_some()));
    assert_eq!(Household::read(&doc).row(), json);
    // A register of today's words only, without days, ends and begins nothing.
    let mut words = plain;
    words.insert(HOLDINGS.into(), json!([{"person": "孙某", "category": "重度残疾人"}]));
    assert!(diff(&doc, &checked(&words)).is_empty());
    words.insert(HOLDINGS.into(), json!([{"person": "李某", "category": "孤儿"}]));
    assert_eq!(checked(&words).holder_faults(Some(&doc))[0].field, "holdings[0].person");
}

#[test]
fn what_does_not_fit_together_is_told_and_two_values_wait_for_a_person() {
    for (holding, field) in [
        (json!({"category": "孤儿", "from": "2020-02-01", "until": "2020-01-01"}), "holdings[0].until"),
        (json!({"person": "孙某"}), "holdings[0].category"),
    ] {
        let mut json = family();
        json.insert(HOLDINGS.into(), json!([holding]));
        assert_eq!(check_row(&json, |_| true).expect_err("refused")[0].field, field);
    }
    let mut doc = write(&family());
    for (from, until) in [("2020-01-01", "2020-12-31"), ("2020-06-01", ""), ("2020-01-01", "2020-12-31")] {
        add(&mut doc, json!({"category": "受灾人员", "from": from, "until": until}));
    }
    let told = |doc: &Automerge| {
        let household = Household::read(doc);
        let fields = household.problems.into_iter().map(|problem| problem.field);
        fields.filter(|field| field.starts_with(HOLDINGS)).collect::<Vec<_>>()
    };
    assert_eq!(told(&doc), ["holdings[1].from", "holdings[2].from"], "an overlap; the same row twice is none");
    let row = Household::read(&doc).holdings[0].row.clone().expect("a row");
    let mut other = doc.fork().with_actor(ActorId::from([7; 16]));
    run(&mut doc, set_holding(&row, "category", &"孤儿".into()).expect("fits")).expect("sets");
    run(&mut other, set_holding(&row, "category", &"困境儿童".into()).expect("fits")).expect("sets");
    doc.merge(&mut other).expect("merges");
    let conflicts = Household::read(&doc).conflicts;
    assert_eq!((conflicts.len(), conflicts[0].field.as_str(), conflicts[0].blocks), (1, "category", true));

    // Two of one name are told apart by their numbers, or not at all.
    run(&mut doc, add_member(&object(json!({"name": "孙某", "relation": "之女"}))).expect("fits")).expect("adds");
    let holding = add_holding(&object(json!({"person": "孙某", "category": "孤儿"}))).expect("fits");
    assert!(matches!(run(&mut doc, holding), Err(EditError::Missing(_))));
    run(&mut doc, set("remark", &"仍可修改".into()).expect("fits")).expect("sets");
}

proptest! {
    #[test]
    fn item_10_whatever_two_offices_add_offline_both_hold_all_of_it(
        rows in prop::collection::vec((0..2_u8, 0..3_usize, 0..4_usize, 0..40_i32, 0..40_i32), 0..12),
        at in 0..40_i32,
    ) {
        let doc = write(&family());
        let mut offices = [2, 3].map(|actor| doc.fork().with_actor(ActorId::from([actor; 16])));
        let words = ["孤儿", "受灾人员", "重度残疾人", "自定"];
        let mut wanted = std::collections::BTreeSet::from(["低保户"]);
        for (office, person, word, from, length) in rows {
            let (first, last) = (Day(18_000 + from), Day(18_000 + from + length));
            let person = ["", "孙某", "钱小"][person];
            add(&mut offices[usize::from(office)], json!({
                "person": person, "category": words[word], "from": first.to_string(), "until": last.to_string(),
            }));
            if (first..=last).contains(&Day(18_000 + at)) {
                wanted.insert(words[word]);
            }
        }
        let [mut a, mut b] = offices;
        a.merge(&mut b).expect("merges");
        b.merge(&mut a).expect("merges");
        prop_assert_eq!(Household::read(&a).row(), Household::read(&b).row());
        let held: std::collections::BTreeSet<String> = Household::read(&a).categories_on(Day(18_000 + at)).into_iter().collect();
        prop_assert_eq!(held, wanted.into_iter().map(str::to_owned).collect());
    }
}
