//! Table files that a disk, a mail program or an enemy spoiled: read or refused, never a panic, never without end.

use super::tables::{GOOD, sheet, strings};
use rust_xlsxwriter::Workbook;
use shouwang_node::tables;

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
