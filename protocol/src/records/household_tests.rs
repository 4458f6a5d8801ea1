//! Households: the file comes back, imports add nothing twice, conflicts show.

use super::super::import::{add_aid, add_member, check_row, create, diff, set, set_aid, set_member, together};
use super::super::{child, run};
use super::*;
use automerge::{ActorId, ObjType};

fn row_json(members: usize, aid: usize) -> Map<String, Value> {
    // Area 519321 was never given, so no number here is anybody's.
    let id = |n: usize, birth: &str| {
        let day = Day::parse(birth).expect("a day");
        IdNo::from_parts(519_321, day, n as u32).expect("a number").as_str().to_owned()
    };
    let member = |n: usize| {
        let birth = format!("{}-0{}-1{}", 1950 + n * 7, n % 9 + 1, n % 9);
        serde_json::json!({
            "name": format!("李洋凯{n}"), "relation": if n == 0 { "户主" } else { "之子" },
            "gender": if n % 2 == 1 { "男" } else { "女" }, "birth": birth, "id_no": id(n + 100 + n % 2, &birth),
            "ethnic": "汉族", "education": "文盲或半文盲", "health": "长期慢性病且残疾", "labor": "弱劳动力或半劳动力",
            "insured": n != 1,
        })
    };
    let aid_row = |n: usize| {
        serde_json::json!({
            "no": format!("A2407216996{n:02}"), "date": "2024-07-21", "program": "耕地地力保护补贴", "amount": 1450.5,
            "officer": "闫杰辉", "note": "家属代领，已核对身份证",
        })
    };
    let mut members: Vec<Value> = (0..members).map(member).collect();
    for member in &mut members {
        // The sex the number says.
        let sex = IdNo::parse(member["id_no"].as_str().expect("text")).expect("right").sex().word();
        member["gender"] = sex.into();
    }
    let json = serde_json::json!({
        "id": "320582001001-00001", "region": "320582001001", "province": "江苏省", "city": "苏州市", "county": "张家港市",
        "town": "金港街道", "village": "中港社区居委会", "group": 5, "address": "张家港市金港街道中港社区居委会5组1号",
        "head": members[0]["name"], "head_id_no": members[0]["id_no"], "phone": "15838914140", "type": "特困供养户",
        "cause": "因残", "risk": "收入下降", "members": members, "income_annual": 28920.5, "income_wage": 23800,
        "income_farm": 3920, "income_transfer": 250, "income_property": 950,
    });
    let rest = serde_json::json!({
        "land_mu": 0.5, "forest_mu": 3.7,
        "house_m2": 41, "house_structure": "砖木", "house_safe": "B级", "water": "分散供水", "bank": "农商银行",
        "bank_account": "6217748875587160239", "officer": "徐长江", "officer_phone": "13667800870", "visits": 1,
        "remark": "子女在县城就读，享受教育资助，需跟踪入学情况。本季度入户走访10次，饮水、住房、医保均有保障。",
        "aid": (0..aid).map(aid_row).collect::<Vec<_>>(), "status": "在档", "created_at": "2020-12-05T01:53:01Z",
        "updated_at": "2022-11-15T10:14:24Z", "schema": "甲", "file:x": "乙", "党员": true,
        "车辆": {"车牌": "苏E00000", "价值": [1, 2.5]}, "空": null,
    });
    [json, rest].into_iter().filter_map(|part| part.as_object().cloned()).flatten().collect()
}

fn checked(json: &Map<String, Value>) -> crate::records::import::Row {
    check_row(json, |area| area == "320582001001").expect("fits")
}

fn doc(json: &Map<String, Value>) -> Automerge {
    let mut doc = Automerge::new().with_actor(ActorId::from([1; 16]));
    for edit in create(&checked(json)) {
        run(&mut doc, edit).expect("creates");
    }
    doc
}

fn branch(doc: &Automerge, actor: u8) -> Automerge {
    doc.fork().with_actor(ActorId::from([actor; 16]))
}

#[test]
fn every_field_of_a_row_comes_back() {
    let json = row_json(4, 3);
    let doc = Automerge::load(&doc(&json).save()).expect("loads");
    let household = Household::read(&doc);
    let mut row = household.row();
    row.insert("空".into(), Value::Null);
    assert_eq!(row, json);
    assert_eq!((&household.problems[..], &household.conflicts[..]), (&[][..], &[][..]));
    assert_eq!(household.income_annual, Some(Fen(2_892_050)));
    assert_eq!(household.group, "5");
    assert_eq!(household.members[1].insured, Some(false));
    assert_eq!(household.members[0].birth, Day::parse("1950-01-10"));
    assert_eq!(household.aid[0].amount, Some(Fen(145_050)));
    assert_eq!(household.other["党员"], "是");
    assert_eq!(household.other["车辆"], "{\"价值\":[1,2.5],\"车牌\":\"苏E00000\"}");
    assert_eq!(household.other["schema"], "甲");
    assert_eq!(household.other["file:x"], "乙");
}

#[test]
fn a_household_of_six_with_six_payments_is_one_small_change() {
    let doc = doc(&row_json(6, 6));
    assert_eq!(doc.get_changes(&[]).len(), 1);
    let change = doc.get_last_local_change().expect("one");
    assert!(change.raw_bytes().len() < 4 * 1024, "{}", change.raw_bytes().len());
    assert!((change.len() as u64) < crate::limits::CHANGE_OPS_MAX);
}

#[test]
fn a_huge_household_becomes_several_changes_within_the_limits() {
    let mut json = row_json(30, 300);
    json.insert("remark".into(), "长".repeat(1_300).into());
    json.insert("历史".into(), "久".repeat(1_300).into());
    let doc = doc(&json);
    let changes = doc.get_changes(&[]);
    assert!(changes.len() > 5);
    for change in &changes {
        assert!(change.raw_bytes().len() < crate::limits::PAYLOAD_BYTES_MAX, "{}", change.raw_bytes().len());
        assert!((change.len() as u64) < crate::limits::CHANGE_OPS_MAX);
    }
    assert_eq!(Household::read(&doc).row()["aid"], json["aid"]);
}

#[test]
fn importing_again_adds_nothing_and_a_changed_value_is_one_edit() {
    let mut json = row_json(4, 3);
    let mut doc = doc(&json);
    assert!(diff(&doc, &checked(&json)).is_empty());
    json.insert("phone".into(), "13900000000".into());
    json["members"][2]["health"] = "健康".into();
    json["aid"][1]["amount"] = 99.into();
    let edits = diff(&doc, &checked(&json));
    assert_eq!(edits.len(), 1);
    for edit in edits {
        run(&mut doc, edit).expect("changes");
    }
    assert_eq!(doc.get_last_local_change().expect("one").len(), 3);
    assert!(diff(&doc, &checked(&json)).is_empty());
    let household = Household::read(&doc);
    assert_eq!((household.phone.as_str(), household.members[2].health.as_str()), ("13900000000", "健康"));
}

#[test]
fn a_later_file_adds_people_and_payments_and_removes_none() {
    let mut doc = doc(&row_json(2, 1));
    let mut later = row_json(3, 2);
    later.remove("remark");
    if let Some(Value::Array(members)) = later.get_mut("members") {
        members.rotate_left(1);
        members.pop();
    }
    for edit in diff(&doc, &checked(&later)) {
        run(&mut doc, edit).expect("changes");
    }
    let household = Household::read(&doc);
    assert_eq!((household.members.len(), household.aid.len()), (3, 2));
    assert!(!household.remark.is_empty());
    assert_eq!(household.problems, []);
}

#[test]
fn a_corrected_number_moves_birth_and_head_with_it() {
    let mut json = row_json(2, 0);
    let mut doc = doc(&json);
    let right = IdNo::from_parts(519_321, Day::parse("1961-02-03").expect("day"), 101).expect("number");
    json["members"][0]["id_no"] = right.as_str().into();
    json["members"][0]["birth"] = "1961-02-03".into();
    json["members"][0]["gender"] = "男".into();
    json.insert("head_id_no".into(), right.as_str().into());
    for edit in diff(&doc, &checked(&json)) {
        run(&mut doc, edit).expect("changes");
    }
    assert_eq!(doc.get_last_local_change().expect("one").len(), 1, "the number alone is written");
    assert_eq!(Household::read(&doc).row()["members"][0], json["members"][0]);
    // And from a form, through the head's own field.
    run(&mut doc, set("head", &"李新名".into()).expect("fits")).expect("sets");
    let household = Household::read(&doc);
    assert_eq!((household.head.as_str(), household.members[0].name.as_str()), ("李新名", "李新名"));
    assert_eq!(household.problems, []);
}

#[test]
fn a_phone_written_twice_shows_and_an_account_written_twice_blocks() {
    let base = doc(&row_json(2, 0));
    let (mut one, mut two) = (branch(&base, 2), branch(&base, 3));
    run(&mut one, set("phone", &"13911111111".into()).expect("fits")).expect("sets");
    run(&mut two, set("phone", &"13922222222".into()).expect("fits")).expect("sets");
    one.merge(&mut two).expect("merges");
    let household = Household::read(&one);
    assert_eq!(household.conflicts.len(), 1);
    let conflict = &household.conflicts[0];
    assert_eq!((conflict.field.as_str(), conflict.blocks, conflict.row.is_some()), ("phone", false, false));
    let mut texts: Vec<&str> = conflict.values.iter().map(|(text, _)| text.as_str()).collect();
    assert_eq!(texts.last(), Some(&household.phone.as_str()), "the shown value is the last");
    texts.sort_unstable();
    assert_eq!(texts, ["13911111111", "13922222222"]);
    assert!(!household.is_blocked());

    let mut two = branch(&one, 3);
    run(&mut one, set("bank_account", &"6217000000000000001".into()).expect("fits")).expect("sets");
    run(&mut two, set("bank_account", &"6217000000000000002".into()).expect("fits")).expect("sets");
    let member = household.members[1].row.clone().expect("a row");
    run(&mut one, set_member(&member, "died", &"2026-01-02".into()).expect("fits")).expect("sets");
    run(&mut two, set_member(&member, "died", &"2026-01-03".into()).expect("fits")).expect("sets");
    one.merge(&mut two).expect("merges");
    let household = Household::read(&one);
    assert!(household.is_blocked());
    assert_eq!(household.conflicts.iter().filter(|conflict| conflict.blocks).count(), 2);
    assert!(household.conflicts.iter().any(|conflict| conflict.row.as_ref() == Some(&member)));

    // A person settles both by choosing, also when they choose what is shown already.
    let shown = household.bank_account.clone();
    run(&mut one, set("bank_account", &shown.into()).expect("fits")).expect("sets");
    run(&mut one, set_member(&member, "died", &"2026-01-02".into()).expect("fits")).expect("sets");
    assert!(!Household::read(&one).is_blocked());
}

#[test]
fn the_same_value_from_two_people_is_no_conflict_and_no_change_twice() {
    let base = doc(&row_json(2, 0));
    let (mut one, mut two) = (branch(&base, 2), branch(&base, 3));
    for doc in [&mut one, &mut two] {
        run(doc, set("phone", &"13911111111".into()).expect("fits")).expect("sets");
    }
    assert!(run(&mut one, set("phone", &"１３９１１１１１１１１".into()).expect("fits")).expect("sets").is_none());
    one.merge(&mut two).expect("merges");
    assert_eq!(Household::read(&one).conflicts, []);
}

#[test]
fn aid_and_members_added_in_two_places_all_stay() {
    let base = doc(&row_json(2, 1));
    let (mut one, mut two) = (branch(&base, 2), branch(&base, 3));
    let aid =
        |no: &str| serde_json::json!({"no": no, "date": "2026-02-01", "program": "临时救助", "amount": 2835, "来源": "市级"});
    let map = |value: Value| value.as_object().cloned().unwrap_or_default();
    let both = vec![add_aid(&map(aid("A1"))).expect("fits"), set("visits", &2.into()).expect("fits")];
    run(&mut one, together(both)).expect("adds");
    run(&mut two, add_aid(&map(aid("A2"))).expect("fits")).expect("adds");
    run(&mut two, add_member(&map(serde_json::json!({"name": "新生儿", "relation": "之孙女"}))).expect("fits")).expect("adds");
    one.merge(&mut two).expect("merges");
    let household = Household::read(&one);
    assert_eq!((household.aid.len(), household.members.len(), household.visits), (3, 3, Some(2)));
    assert_eq!(household.aid[1].other["来源"], "市级");
    assert_eq!(household.problems, [Problem::new("members[2].id_no", "缺少身份证号")]);
    let row = household.aid[1].row.clone().expect("a row");
    run(&mut one, set_aid(&row, "note", &"已签收".into()).expect("fits")).expect("sets");
    assert_eq!(Household::read(&one).aid[1].note, "已签收");
}

#[test]
fn bad_rows_are_refused_field_by_field() {
    let reject = |change: &dyn Fn(&mut Map<String, Value>)| {
        let mut json = row_json(3, 1);
        change(&mut json);
        let faults = check_row(&json, |area| area == "320582001001").expect_err("refused");
        faults.into_iter().map(|fault| fault.field).collect::<Vec<_>>()
    };
    assert_eq!(reject(&|row| drop(row.remove("head"))), ["head"]);
    assert_eq!(reject(&|row| drop(row.insert("region".into(), "320582999999".into()))), ["region"]);
    assert_eq!(reject(&|row| drop(row.insert("income_wage".into(), (-5).into()))), ["income_wage"]);
    assert_eq!(reject(&|row| drop(row.insert("income_wage".into(), "九百万".into()))), ["income_wage"]);
    assert_eq!(reject(&|row| drop(row.insert("phone".into(), serde_json::json!([1])))), ["phone"]);
    assert_eq!(reject(&|row| drop(row.insert("members".into(), "三人".into()))), ["members"]);
    assert_eq!(reject(&|row| row["members"][1]["id_no"] = "519321195301161554".into()), ["members[1].id_no"]);
    assert_eq!(reject(&|row| row["members"][1]["id_no"] = row["members"][0]["id_no"].clone()), ["members[1].id_no"]);
    assert_eq!(reject(&|row| row["aid"][0]["amount"] = 1e15.into()), ["aid[0].amount"]);
    assert_eq!(reject(&|row| drop(row.insert("remark".into(), "长".repeat(2_000).into()))), ["remark"]);
    assert_eq!(reject(&|row| row["members"][0] = 5.into()), ["members[0]"]);
}

#[test]
fn numbers_are_taken_as_people_write_them() {
    let mut json = row_json(1, 0);
    json["members"][0]["id_no"] = "１１０１０５１９４９１２３１００２ｘ".into();
    json["members"][0]["birth"] = "1949-12-31".into();
    json.insert("head_id_no".into(), "110105 19491231 002x".into());
    json.insert("income_annual".into(), "28920.50".into());
    let household = Household::read(&doc(&json));
    assert_eq!(
        (household.head_id_no.as_str(), household.members[0].id_no.as_str()),
        ("11010519491231002X", "11010519491231002X")
    );
    assert_eq!(household.income_annual, Some(Fen(2_892_050)));
    assert_eq!(household.id_numbers(), ["11010519491231002X"]);
    assert_eq!(household.problems, []);
}

#[test]
fn what_a_newer_version_wrote_is_shown_and_kept() {
    let mut doc = doc(&row_json(1, 0));
    let newer = crate::records::edit(|tx| {
        use automerge::transaction::Transactable;
        tx.put(ROOT, "schema", 2)?;
        tx.put(ROOT, "income_annual", "约三万")?;
        tx.put_object(ROOT, "photos", ObjType::List)?;
        Ok(())
    });
    run(&mut doc, newer).expect("writes");
    let household = Household::read(&doc);
    let fields: Vec<&str> = household.problems.iter().map(|problem| problem.field.as_str()).collect();
    assert_eq!(fields, ["schema", "income_annual"]);
    assert_eq!(household.row()["income_annual"], "约三万");
    run(&mut doc, set("phone", &"13911111111".into()).expect("fits")).expect("sets");
    assert!(child(&doc, &ROOT, "photos", ObjType::List).is_some());
}
