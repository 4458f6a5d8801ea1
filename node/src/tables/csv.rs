//! `.csv` text: which encoding, which delimiter, then cells.
//!
//! UTF-8 with or without a byte order mark, UTF-16 with one (what Excel calls Unicode text), else GB18030, which old
//! registers are written in. What is spoiled shows as replacement characters, which no field takes: so a UTF-8 file
//! with a few bad bytes must not be taken for GB18030, where nearly every pair of bytes means something.

use super::{Budget, Cell, Sheet, TableError};
use encoding_rs::{Encoding, GB18030};

/// The text of a file, whatever it is written in.
pub fn decode(bytes: &[u8]) -> String {
    match Encoding::for_bom(bytes) {
        Some((encoding, mark)) => encoding.decode_without_bom_handling(bytes.get(mark..).unwrap_or_default()).0.into_owned(),
        None => match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) if is_spoiled_utf8(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Err(_) => GB18030.decode_without_bom_handling(bytes).0.into_owned(),
        },
    }
}

/// Whether most of what is no ASCII is UTF-8: of the pairs of bytes of a GB18030 text, one in five at most is.
fn is_spoiled_utf8(bytes: &[u8]) -> bool {
    let (mut wide, mut bad) = (0_usize, 0_usize);
    for chunk in bytes.utf8_chunks() {
        wide += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        bad += usize::from(!chunk.invalid().is_empty());
    }
    wide > 2 * bad
}

/// The delimiter that the first lines have most of.
fn delimiter(text: &str) -> u8 {
    let first: Vec<&str> = text.lines().take(20).collect();
    let count = |sign: char| first.iter().map(|line| line.matches(sign).count()).max().unwrap_or(0);
    let (comma, tab, semicolon) = (count(','), count('\t'), count(';'));
    if tab > comma {
        b'\t'
    } else if semicolon > comma {
        b';'
    } else {
        b','
    }
}

/// Reads the one sheet.
pub fn read(bytes: &[u8]) -> Result<Sheet, TableError> {
    let text = decode(bytes);
    let mut builder = csv::ReaderBuilder::new();
    builder.has_headers(false).flexible(true).delimiter(delimiter(&text));
    let mut reader = builder.from_reader(text.as_bytes());
    let (mut budget, mut sheet) = (Budget::default(), Sheet::default());
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(|error| TableError::Unreadable(error.to_string()))? {
        budget.row()?;
        let line = record.position().map_or(0, csv::Position::line);
        let mut cells = Vec::with_capacity(record.len());
        for (column, text) in record.iter().enumerate() {
            if text.trim().is_empty() {
                cells.push(Cell::Empty);
                continue;
            }
            budget.cell(column)?;
            cells.push(Cell::Text(text.to_owned()));
        }
        if cells.iter().any(|cell| *cell != Cell::Empty) {
            sheet.rows.push((line, cells));
        }
    }
    Ok(sheet)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_encoding_reads_the_same_and_a_spoiled_utf8_file_is_not_taken_for_gb18030() {
        let text = "户编号,户主姓名\n甲1,𠮷·买买提\n";
        let utf16: Vec<u8> = std::iter::once(0xFEFF).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        let marked = [[0xEF, 0xBB, 0xBF].as_slice(), text.as_bytes()].concat();
        for bytes in [text.as_bytes(), &marked, &GB18030.encode(text).0, &utf16] {
            assert_eq!(decode(bytes), text);
        }
        let mut spoiled = text.as_bytes().to_vec();
        let last = spoiled.len() - 3;
        spoiled[last] = 0xFF;
        assert!(decode(&spoiled).starts_with("户编号") && decode(&spoiled).contains('\u{fffd}'));
    }
}
