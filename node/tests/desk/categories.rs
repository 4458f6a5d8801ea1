//! Several categories for a household and each of its members (item 10 of the checklist): written by several offices, found by
//! their days, counted, brought in and taken out as tables.

use super::support::*;
use super::tables::{counts, sheet, strings, take, village};
use rust_xlsxwriter::Workbook;
use serde_json::{Map, Value, json};
use shouwang_node::desk::export::{Export, FileForm, What};
use shouwang_node::desk::import::Mode;
use shouwang_node::desk::statistics::{By, Question};
use shouwang_node::desk::{Command, DeskError, HouseholdChange, HouseholdSplit, PolicyRevision, RelationOf};
use shouwang_node::store::reader::{CategoryOn, HouseholdFilter, Page, Period};
use shouwang_protocol::record::RecordId;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::household::Household;
use shouwang_protocol::records::staff::Role;

fn object(json: Value) -> Map<String, Value> {
    json.as_object().expect("an object").clone()
}

fn day(text: &str) -> Day {
    Day::parse(text).expect("a day")
}

fn add(record: RecordId, holding: Value) -> Command {
    Command::AddHolding { record, holding: object(holding) }
}

async fn household(machine: &Machine, record: RecordId) -> Household {
    machine.desk.household(&machine.clerk(), record, 1).await.expect("a page").detail.household
}

/// The keys of the households that hold a category on a day.
async fn found(machine: &Machine, category: &str, on: &str) -> Vec<String> {
    let category = Some(CategoryOn { category: category.into(), on: day(on) });
    let filter = HouseholdFilter { category, ..HouseholdFilter::default() };
    let listed = machine.desk.households(&machine.clerk(), filter, Page::first(50)).await.expect("lists");
    let mut keys: Vec<String> = listed.rows.into_iter().map(|row| row.import_id).collect();
    keys.sort();
    keys
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_10_what_two_offices_add_offline_stays_and_all_three_tiers_find_it_on_its_days_only() {
    let city = city().await;
    let (township, village) = (Machine::new(YANGSHE).await, Machine::new(VILLAGE).await);
    sync(&township, &city).await;
    sync(&village, &township).await;
    let record = village.household("a").await;
    village.household("b").await;
    sync(&village, &township).await;
    // Both offline, and neither has the list yet: the son holds three categories beside the family's own.
    let son = "之子a";
    let (here, there) = (village.clerk(), township.clerk());
    let disabled = json!({"person": son, "category": "重度残疾人", "from": "2018-06-01", "basis": "残联 3 号"});
    village.done(&here, add(record, disabled.clone())).await;
    village.done(&here, add(record, json!({"category": "受灾人员", "from": "2019-01-01", "until": "2019-03-31"}))).await;
    township.done(&there, add(record, json!({"person": son, "category": "特困人员", "from": "2019-05-01"}))).await;
    township.done(&there, add(record, json!({"person": son, "category": "重点优抚对象"}))).await;
    township.done(&there, add(record, disabled)).await;
    sync(&village, &township).await;
    sync(&township, &city).await;
    for machine in [&village, &township, &city] {
        let held = household(machine, record).await;
        assert_eq!((held.holdings.len(), held.conflicts.len(), held.problems.len()), (5, 0, 0));
        assert_eq!(held.categories_on(day("2019-05-29")), ["低保户", "重度残疾人", "特困人员", "重点优抚对象"]);
        assert_eq!(found(machine, "低保户", "2019-05-29").await, ["a", "b"]);
        assert_eq!(found(machine, "重点优抚对象", "2019-05-29").await, ["a"], "a member's, too");
        for (on, wanted) in [("2018-12-31", 0), ("2019-01-01", 1), ("2019-03-31", 1), ("2019-04-01", 0)] {
            assert_eq!(found(machine, "受灾人员", on).await.len(), wanted, "{on}");
        }
    }

    // Ended and corrected at the city; the village reads it, and the history says so without an identity number.
    let rows = household(&city, record).await.holdings;
    let row = |category: &str| rows.iter().find(|row| row.category == category).and_then(|row| row.row.clone()).expect("a row");
    let edit = |category: &str, set: Value| Command::EditHolding {
        record,
        holding: row(category),
        set: object(set),
        seen_heads: Vec::new(),
    };
    city.done(&city.clerk(), edit("特困人员", json!({"until": "2019-05-10"}))).await;
    city.done(&city.clerk(), edit("重点优抚对象", json!({"person": "", "note": "全家"}))).await;
    sync(&township, &city).await;
    sync(&village, &township).await;
    assert_eq!(found(&village, "特困人员", "2019-05-29").await, [] as [String; 0]);
    assert_eq!(found(&village, "特困人员", "2019-05-10").await, ["a"]);
    let page = village.desk.household(&here, record, 9).await.expect("a page");
    let told: Vec<(&str, &str)> =
        page.history.iter().flat_map(|item| &item.changes).map(|change| (change.label.as_str(), change.now.as_str())).collect();
    assert!(
        told.contains(&("类别止", "2019-05-10")) && told.contains(&("新增身份类别", "之子a 特困人员 2019-05-01")),
        "{told:?}"
    );

    // What cannot be is refused and nothing is written.
    for (holding, field) in [
        (json!({"person": "路人", "category": "孤儿"}), "holdings.person"),
        (json!({"category": "孤儿", "from": "2019-02-01", "until": "2019-01-01"}), "holdings.until"),
        (json!({"person": son}), "holdings.category"),
    ] {
        let refused = village.act(&here, add(record, holding)).await.expect_err("refused");
        assert!(matches!(&refused, DeskError::Invalid { faults } if faults[0].field == field), "{refused:?}");
    }
    let refused = village.act(&here, edit("重度残疾人", json!({"until": "2018-05-31"}))).await.expect_err("refused");
    assert!(matches!(&refused, DeskError::Invalid { faults } if faults[0].field.ends_with(".until")));
    // A child that is written down in the same form may hold one at once.
    let change = HouseholdChange {
        new_members: vec![object(json!({"name": "新儿", "relation": "之孙子"}))],
        new_holdings: vec![object(json!({"person": "新儿", "category": "困境儿童", "from": "2019-05-20"}))],
        ..HouseholdChange::of(record)
    };
    village.done(&here, Command::ChangeHousehold(change)).await;
    assert_eq!(found(&village, "困境儿童", "2019-05-29").await, ["a"]);

    // Who splits off takes along what is the member's own.
    let members = household(&village, record).await.members;
    let member = |name: &str| members.iter().find(|member| member.name == name).and_then(|member| member.row.clone());
    let split = HouseholdSplit {
        record,
        members: vec![RelationOf { row: member(son).expect("a row"), relation: "户主".into() }],
        rest: Vec::new(),
        to: None,
        address: String::new(),
        on: Some(day("2019-05-29")),
        reason: "成家".into(),
        seen_heads: Vec::new(),
    };
    let new = village.done(&here, Command::SplitHousehold(split)).await.records;
    let new = new.into_iter().find(|made| *made != record).expect("a new record");
    assert_eq!(household(&village, new).await.categories_on(day("2019-05-29")), ["重度残疾人"]);
    assert_eq!(household(&village, record).await.categories_on(day("2019-05-29")), ["低保户", "重点优抚对象", "困境儿童"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_10_figures_by_category_equal_their_lists_and_say_both_sums_and_a_renamed_category_keeps_old_words() {
    let city = city().await;
    let clerk = city.clerk();
    let mut records = Vec::new();
    for (n, office) in [VILLAGE, OTHER_VILLAGE, 4, VILLAGE].into_iter().enumerate() {
        let mut row = row(&format!("h{n}"), office);
        if n == 3 {
            row.remove("type");
        }
        records.push(city.done(&clerk, Command::RegisterHousehold { area: area(office), row }).await.records[0]);
    }
    for (record, holding) in [
        (0, json!({"person": "之子h0", "category": "重度残疾人", "from": "2018-01-01"})),
        (0, json!({"category": "重度残疾人", "from": "2019-01-01"})),
        (0, json!({"category": "受灾人员", "from": "2019-05-01"})),
        (1, json!({"person": "户主h1", "category": "重度残疾人", "from": "2018-07-01", "until": "2019-02-28"})),
        (2, json!({"category": "低保户", "from": "2019-01-01"})),
    ] {
        city.done(&clerk, add(records[record], holding)).await;
    }
    let statistics = async |question: Question| {
        city.desk.statistics(&clerk, question, By::Kind, Page::first(50)).await.expect("counts").categories
    };
    let all = Question { period: Period::Any, ..Question::default() };
    let now = statistics(all.clone()).await;
    let rows: Vec<(&str, u64)> = now.rows.rows.iter().map(|row| (row.category.as_str(), row.households)).collect();
    assert_eq!(rows, [("低保户", 3), ("受灾人员", 1), ("重度残疾人", 1), ("", 1)], "each household once in each, the rest last");
    assert_eq!((now.on, now.sum, now.households.rows.as_slice()), (day("2019-05-29"), 6, &[4][..]));
    assert_eq!((now.rows.hash.len(), now.rows.query.contains("'2019")), (64, false));
    let then = statistics(Question { period: Period::Year(2018), ..all.clone() }).await;
    assert_eq!(then.on, day("2018-12-31"));
    let in_town = statistics(Question { area: Some(area(YANGSHE)), ..all }).await;
    assert_eq!((in_town.households.rows[0], in_town.rows.rows[0].households), (3, 2));
    for (counted, within) in [(&now, vec![]), (&then, vec![]), (&in_town, vec![area(YANGSHE)])] {
        for row in &counted.rows.rows {
            let category = Some(CategoryOn { category: row.category.clone(), on: counted.on });
            let filter = HouseholdFilter { category, within: within.clone(), ..HouseholdFilter::default() };
            let listed = city.desk.households(&clerk, filter, Page::first(50)).await.expect("lists").rows;
            assert_eq!(listed.len() as u64, row.households, "{}", row.category);
        }
    }
    assert_eq!(found(&city, "重度残疾人", "2018-12-31").await, ["h0", "h1"]);

    // The pack calls it otherwise from now on: the old rows keep their word, and both may be picked.
    let console = city.desk.console().await.expect("a console");
    let revised = PolicyRevision {
        rows: [("categories".to_owned(), vec![object(json!({"code": "受灾人员", "name": "因灾困难人员", "source": "试行"}))])]
            .into(),
        ..PolicyRevision::of(day("2019-05-29"))
    };
    city.done(&console, Command::RevisePolicy(revised)).await;
    let words = city.desk.category_words(&clerk).await.expect("words");
    assert!(["因灾困难人员", "受灾人员"].iter().all(|word| words.iter().any(|known| known == word)), "{words:?}");
    city.done(&clerk, add(records[1], json!({"category": "因灾困难人员"}))).await;
    assert_eq!(found(&city, "受灾人员", "2019-05-29").await, ["h0"]);
    assert_eq!(found(&city, "因灾困难人员", "2019-05-29").await, ["h1"]);

    // Conditions of a policy may ask for any of them, of the household or of each person.
    let facts = shouwang_protocol::eligibility::Facts::of(&household(&city, records[0]).await, day("2019-05-29"));
    assert_eq!(facts.household.categories.map(|all| all.len()), Some(3));
    assert_eq!(facts.members.iter().map(|member| member.categories.as_ref().map_or(0, Vec::len)).collect::<Vec<_>>(), [3, 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_10_a_cell_may_name_several_categories_and_they_come_in_and_go_out_as_tables() {
    let village = village().await;
    let text = format!(
        "户编号,户主姓名,姓名,与户主关系,身份证号,困难类别,人员类别,认定日期,全户身份类别\n\
         c1,甲,甲,户主,{},低保户,低保、重残,2019-01-01,受灾人员\n\
         c1,甲,乙,之子,{},低保户,重点优抚对象（烈属、军属）；孤儿,,受灾人员\n\
         c2,丙,丙,户主,{},低保户/刚性支出困难家庭,,2018-01-01,\n",
        id_no(1),
        id_no(2),
        id_no(3)
    );
    let looked = take(&village, "a.csv", text.as_bytes(), Mode::Check).await;
    assert_eq!(counts(&looked.report), (2, 0, 0, 0), "{:?}", looked.rejects);
    assert_eq!(counts(&take(&village, "a.csv", text.as_bytes(), Mode::Write).await.report), (2, 0, 0, 0));
    assert_eq!(counts(&take(&village, "a.csv", text.as_bytes(), Mode::Write).await.report), (0, 0, 2, 0), "the same again");
    let list = async || {
        let listed = village.desk.households(&village.clerk(), Default::default(), Page::first(9)).await.expect("lists").rows;
        let mut found = Vec::new();
        for row in listed {
            found.push(household(&village, row.record).await);
        }
        found.sort_by(|a, b| a.id.cmp(&b.id));
        found
    };
    let both = list().await;
    let [first, second] = both.as_slice() else { panic!("two households") };
    let rows = |household: &Household| -> Vec<(String, String, Option<Day>)> {
        let name = |row| household.holder(row).map(|member| member.name.clone()).unwrap_or_default();
        let mut rows: Vec<_> = household.holdings.iter().map(|row| (name(row), row.category.clone(), row.from)).collect();
        rows.sort();
        rows
    };
    let from = Some(day("2019-01-01"));
    let wanted = [
        ("", "受灾人员", None),
        ("乙", "孤儿", None),
        ("乙", "重点优抚对象（烈属、军属）", None),
        ("甲", "低保", from),
        ("甲", "重残", from),
    ];
    assert_eq!(rows(first), wanted.map(|(name, word, from)| (name.to_owned(), word.to_owned(), from)));
    assert_eq!((second.category.as_str(), rows(second)), ("低保户", vec![(String::new(), "刚性支出困难家庭".into(), None)]));
    assert_eq!(second.members[0].other["认定日期"], "2018-01-01", "the day of no category is kept as it stands");

    // A sheet of its own: one row ends, one is new, one names somebody who does not live there.
    let mut book = Workbook::new();
    let header = ["户编号", "人员", "身份类别", "类别起", "类别止", "认定依据"];
    sheet(
        &mut book,
        "类别",
        &strings(&[
            &header,
            &["c1", "甲", "重残", "2019-01-01", "2019-04-30", ""],
            &["c1", &id_no(2), "困境儿童", "2019.5.1", "", "村证 1 号"],
        ]),
    );
    let bytes = book.save_to_buffer().expect("saves");
    let looked = take(&village, "b.xlsx", &bytes, Mode::Check).await;
    assert_eq!(counts(&looked.report), (0, 1, 0, 0), "{:?}", looked.rejects);
    let change: Vec<(&str, &str)> =
        looked.shown[0].changes.iter().map(|change| (change.label.as_str(), change.now.as_str())).collect();
    assert_eq!(change, [("类别止", "2019-04-30"), ("新增身份类别", "乙 困境儿童 2019-05-01")]);
    assert_eq!(counts(&take(&village, "b.xlsx", &bytes, Mode::Write).await.report), (0, 1, 0, 0));
    assert_eq!(counts(&take(&village, "b.xlsx", &bytes, Mode::Write).await.report), (0, 0, 1, 0));
    let mut book = Workbook::new();
    let wrong = strings(&[
        &header,
        &["c1", "路人", "孤儿", "", "", ""],
        &["c2", "丙", "孤儿", "2019-05-01", "2019-04-01", ""],
        &["c2", "丙", "孤儿", "2019-02-30", "", ""],
    ]);
    sheet(&mut book, "类别", &wrong);
    let taken = take(&village, "c.xlsx", &book.save_to_buffer().expect("saves"), Mode::Write).await;
    let told: Vec<(u64, &str, &str)> =
        taken.rejects.iter().map(|reject| (reject.line, reject.field.as_str(), reject.reason.as_str())).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(told[0], (2, "holdings[0].person", "不是本户成员"));
    assert!(told[1].2.contains("没有这一天"), "{told:?}");
    assert_eq!(
        counts(&take(&village, "a.csv", text.as_bytes(), Mode::Write).await.report),
        (0, 0, 2, 0),
        "what ended stays ended"
    );

    // Out, and into another office's books: everything of the workbook, of the other table the words that go on.
    let console = village.desk.console().await.expect("a console");
    let before = list().await;
    for (form, name) in [(FileForm::Xlsx, "a.xlsx"), (FileForm::Csv, "a.csv"), (FileForm::Jsonl, "a.jsonl")] {
        let export = Export { what: What::Households, form, area: None, purpose: "核对".into() };
        let bytes = village.desk.export(&console, export).await.expect("exports").bytes;
        assert_eq!(counts(&take(&village, name, &bytes, Mode::Write).await.report), (0, 0, 2, 0), "{name}");
        let other = super::tables::village().await;
        assert_eq!(counts(&take(&other, name, &bytes, Mode::Write).await.report), (2, 0, 0, 0), "{name}");
        let listed = other.desk.households(&other.clerk(), Default::default(), Page::first(9)).await.expect("lists").rows;
        for row in listed {
            let new = household(&other, row.record).await;
            let old = before.iter().find(|old| old.id == new.id).expect("the same");
            if form == FileForm::Csv {
                assert_eq!(new.categories_on(day("2019-05-29")).len(), old.categories_on(day("2019-05-29")).len());
            } else {
                assert_eq!(new.row().get("holdings"), old.row().get("holdings"), "{name}");
            }
        }
    }
    let auditor = village.person("shen", &[Role::Auditor]);
    let record =
        village.desk.households(&village.clerk(), Default::default(), Page::first(1)).await.expect("lists").rows[0].record;
    let refused = village.act(&auditor, add(record, json!({"category": "孤儿"}))).await;
    assert!(matches!(refused, Err(DeskError::NotPermitted { .. })));
}
