//! Registering and changing households, at one office and at two that do not see each other.

use super::support::*;
use serde_json::{Map, Value, json};
use shouwang_node::desk::{CaseStep, Command, DeskError, HouseholdChange, RowChange};
use shouwang_node::store::reader::{HouseholdFilter, Page};
use shouwang_protocol::record::RecordId;
use shouwang_protocol::records::event::{Opinion, Verdict};
use shouwang_protocol::records::staff::Role;

fn set(record: RecordId, field: &str, value: Value, seen_heads: &[String]) -> Command {
    let set: Map<String, Value> = [(field.to_owned(), value)].into_iter().collect();
    Command::EditHousehold { record, set, seen_heads: seen_heads.to_vec() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_double_click_registers_one_household_and_a_form_changes_only_what_it_names() {
    let city = city().await;
    let village = Machine::new(VILLAGE).await;
    sync(&village, &city).await;
    let clerk = village.clerk();
    let register = || Command::RegisterHousehold { area: area(VILLAGE), row: row("a", VILLAGE) };
    let action = id();
    let once = village.desk.perform(&clerk, action, register()).await.expect("registers");
    let twice = village.desk.perform(&clerk, action, register()).await.expect("registers once");
    assert_eq!((&once.records, &once.entries, twice.again), (&twice.records, &twice.entries, true));
    assert_eq!(village.desk.count_households(&clerk).await.expect("counts"), 1);
    let stranger = village.person("other", &[Role::Intake]);
    assert!(matches!(village.desk.perform(&stranger, action, register()).await, Err(DeskError::NotPermitted { .. })));
    assert!(matches!(village.act(&clerk, register()).await, Err(DeskError::Invalid { .. })), "the same key again");
    assert!(matches!(
        village.act(&clerk, Command::RegisterHousehold { area: area(4), row: row("b", 4) }).await,
        Err(DeskError::NotPermitted { .. })
    ));

    let record = once.records[0];
    let page = village.desk.household(&clerk, record, 10).await.expect("a page");
    let (heads, child) = (page.heads.clone(), page.detail.household.members[1].row.clone().expect("a row"));
    let change = HouseholdChange {
        set: [("phone".to_owned(), json!("13900000000"))].into_iter().collect(),
        members: vec![RowChange { row: child, set: [("education".to_owned(), json!("本科"))].into_iter().collect() }],
        new_members: vec![json!({"name": "新生儿", "relation": "之孙子"}).as_object().expect("an object").clone()],
        seen_heads: heads.clone(),
        ..HouseholdChange::of(record)
    };
    let done = village.done(&clerk, Command::ChangeHousehold(change)).await;
    assert_eq!((done.entries.len(), done.message.as_str()), (1, "已保存"));
    let page = village.desk.household(&clerk, record, 10).await.expect("a page");
    assert_eq!((page.history.len(), page.history[1].created), (2, true));
    let mut changed: Vec<&str> = page.history[0].changes.iter().map(|change| change.field.as_str()).collect();
    changed.sort_unstable();
    assert_eq!(changed, ["changed", "education", "members", "phone"]);

    // A form that was opened before: another field is told, the same field is not overwritten.
    let other = village.done(&clerk, set(record, "remark", json!("某"), &heads)).await;
    assert_eq!(other.changed_meanwhile.len(), 4);
    let same = village.act(&clerk, set(record, "phone", json!("13700000000"), &heads)).await.expect_err("changed meanwhile");
    let DeskError::Conflict { changed } = &same else { panic!("{same:?}") };
    assert_eq!((changed[0].field.as_str(), changed[0].now.as_str()), ("phone", "13900000000"));
    assert!(!format!("{same:?} {same}").contains("1390000"), "no personal data in an error's text");
    let wrong =
        village.act(&clerk, set(record, "head_id_no", json!("320582196001010001"), &[])).await.expect_err("a wrong number");
    assert!(matches!(&wrong, DeskError::Invalid { faults } if faults[0].field == "head_id_no"));
    let nothing = village.done(&clerk, set(record, "remark", json!("某"), &[])).await;
    assert!(nothing.entries.is_empty(), "the same value makes no entry");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_offices_write_one_field_and_money_waits_until_a_person_settles_it() {
    let city = city().await;
    let (township, village) = (Machine::new(YANGSHE).await, Machine::new(VILLAGE).await);
    sync(&township, &city).await;
    sync(&village, &township).await;
    let record = village.household("a").await;
    sync(&village, &township).await;
    // Both offline.
    village.done(&village.clerk(), set(record, "income_annual", json!(15_000), &[])).await;
    township.done(&township.clerk(), set(record, "income_annual", json!(18_000), &[])).await;
    sync(&village, &township).await;
    sync(&township, &city).await;

    let clerk = city.clerk();
    let case = city.open_case(&clerk, application(record)).await;
    city.stepped(&clerk, case, CaseStep::Accept {}).await;
    city.stepped(&clerk, case, CaseStep::PreExamine { opinion: Opinion::For, note: String::new() }).await;
    let director = city.person("chen", &[Role::Approver]);
    let decide = || CaseStep::Decide { outcome: Verdict::Approved, amount: None, reason: String::new() };
    let blocked = city.step(&director, case, decide()).await.expect_err("unsettled");
    assert_eq!(blocked.what(), "不能办理：家庭档案有 1 项关键内容存在分歧，须先核定");

    let page = township.desk.household(&township.clerk(), record, 10).await.expect("a page");
    let shown = &page.conflicts[0];
    assert_eq!((shown.label.as_str(), shown.blocks, shown.values.len()), ("年收入(元)", true, 2));
    let mut offices: Vec<&str> = shown.values.iter().map(|value| value.office.as_str()).collect();
    offices.sort_unstable();
    assert_eq!(offices, ["杨舍镇", "甲村"]);
    assert_eq!(shown.values.iter().filter(|value| value.shown).count(), 1);
    let settle = |value: i64| Command::SettleConflict {
        record,
        field: "income_annual".into(),
        row: None,
        value: json!(value),
        seen_heads: page.heads.clone(),
    };
    // Even where the merged value is the right one, saying so settles it.
    let merged: i64 = shown.values.iter().find(|value| value.shown).expect("one").value.parse().expect("a number");
    let done = township.done(&township.clerk(), settle(merged)).await;
    assert_eq!(done.entries.len(), 1);
    assert!(matches!(township.act(&township.clerk(), settle(1)).await, Err(DeskError::NotNow { .. })));
    sync(&township, &city).await;
    city.stepped(&director, case, decide()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_in_two_households_is_work_and_blocks_decisions() {
    let city = city().await;
    let clerk = city.clerk();
    let register = |key: &str, office| Command::RegisterHousehold { area: area(office), row: row(key, office) };
    let first = city.done(&clerk, register("a", VILLAGE)).await.records[0];
    let mut other = row("b", 4);
    let persons = other["members"].as_array_mut().expect("members");
    persons[1]["id_no"] = row("a", VILLAGE)["members"][1]["id_no"].clone();
    let said = city.done(&clerk, Command::RegisterHousehold { area: area(4), row: other }).await;
    assert!(said.message.contains("1 名成员也在另一户中"), "{}", said.message);
    let page = city.desk.household(&clerk, first, 1).await.expect("a page");
    assert_eq!(page.duplicates, [("之子a".to_owned(), said.records[0])]);
    let case = city.open_case(&clerk, application(first)).await;
    city.stepped(&clerk, case, CaseStep::Accept {}).await;
    city.stepped(&clerk, case, CaseStep::PreExamine { opinion: Opinion::For, note: String::new() }).await;
    let director = city.person("chen", &[Role::Approver]);
    let decide = || CaseStep::Decide { outcome: Verdict::Approved, amount: None, reason: String::new() };
    assert!(matches!(city.step(&director, case, decide()).await, Err(DeskError::NotNow { .. })));
    let settle = city.desk.to_settle(&clerk, shouwang_node::store::reader::Page::first(10)).await.expect("reads");
    assert_eq!((settle.conflicts.len(), settle.duplicates.len()), (0, 1));
    let child = page.detail.household.members[1].row.clone().expect("a row");
    let left = Command::EditMember {
        record: first,
        member: child,
        set: [("left".to_owned(), json!("2019-05-01"))].into_iter().collect(),
        seen_heads: Vec::new(),
    };
    city.done(&clerk, left).await;
    city.stepped(&director, case, decide()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_10_a_household_is_found_by_the_initials_of_anybody_in_it_in_every_reading() {
    let city = city().await;
    let village = Machine::new(VILLAGE).await;
    sync(&village, &city).await;
    let clerk = village.clerk();
    for (key, head, member) in [("a", "张三", "解珍"), ("b", "单小英", "曾国"), ("c", "买买提·艾山", "欧阳春")]
    {
        let mut row = row(key, VILLAGE);
        row.insert("head".into(), head.into());
        row["members"][0]["name"] = head.into();
        row["members"][1]["name"] = member.into();
        village.done(&clerk, Command::RegisterHousehold { area: area(VILLAGE), row }).await;
    }
    let find = async |term: &str| {
        let filter = HouseholdFilter { text: term.into(), ..HouseholdFilter::default() };
        let found = village.desk.households(&clerk, filter, Page::first(9)).await.expect("reads");
        found.rows.into_iter().map(|row| row.import_id).collect::<Vec<_>>()
    };
    for (term, wanted) in [
        ("zs", "a"),
        ("ZS", "a"),
        ("xz", "a"),
        ("jz", "a"),
        ("sxy", "b"),
        ("dxy", "b"),
        ("zg", "b"),
        ("mmt", "c"),
        ("oyc", "c"),
        ("张 xz", "a"),
    ] {
        assert_eq!(find(term).await, [wanted], "{term}");
    }
    assert_eq!(find("zsx").await, [] as [String; 0], "initials of two people are no name");
    let household =
        village.desk.households(&clerk, HouseholdFilter { text: "zs".into(), ..HouseholdFilter::default() }, Page::first(1));
    let record = household.await.expect("reads").rows[0].record;
    village.done(&clerk, set(record, "head", json!("李四"), &[])).await;
    assert_eq!((find("zs").await.len(), find("ls").await), (0, vec!["a".to_owned()]), "the index follows the record");
}
