//! Registers as tables: what village offices really have on their disks, in and out.

use super::support::*;
use rust_xlsxwriter::{ExcelDateTime, Format, Workbook, Worksheet};
use serde_json::Value;
use shouwang_node::desk::DeskError;
use shouwang_node::desk::import::{Mode, Reject, Report, Shown, Told};
use shouwang_node::store::reader::Page;
use shouwang_protocol::records::household::Household;
use shouwang_protocol::records::staff::Role;
use std::os::unix::fs::PermissionsExt as _;

pub const GOOD: &str = "34052419800101001X";

pub async fn village() -> Machine {
    let city = city().await;
    let village = Machine::new(VILLAGE).await;
    sync(&village, &city).await;
    village
}

pub struct Taken {
    pub report: Report,
    pub rejects: Vec<Reject>,
    pub shown: Vec<Shown>,
}

pub async fn take(machine: &Machine, name: &str, bytes: &[u8], mode: Mode) -> Taken {
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

pub fn counts(report: &Report) -> (u64, u64, u64, u64) {
    (report.created, report.changed, report.unchanged, report.rejected)
}

pub fn sheet<'a>(book: &'a mut Workbook, name: &str, rows: &[Vec<String>]) -> &'a mut Worksheet {
    let sheet = book.add_worksheet();
    sheet.set_name(name).expect("a name");
    for (at, row) in (0..).zip(rows) {
        for (column, text) in (0..).zip(row).filter(|(_, text)| !text.is_empty()) {
            sheet.write_string(at, column, text).expect("writes");
        }
    }
    sheet
}

pub fn strings(rows: &[&[&str]]) -> Vec<Vec<String>> {
    rows.iter().map(|row| row.iter().map(|text| (*text).to_owned()).collect()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gb18030_register_with_a_title_page_headers_and_totals_becomes_households() {
    let village = village().await;
    let text = "杨舍镇甲村困难群众名册,,,,,,,,\r\n\
        序号,\"户主\r\n姓 名\",姓名,与户主关系,身份证号码,民族,\"家庭\n住址\",联系电话,年收入（元）,低保证号\r\n";
    let text = text.to_owned()
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
