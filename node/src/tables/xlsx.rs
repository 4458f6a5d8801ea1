//! `.xlsx` workbooks: every sheet that is shown, cell by cell.
//!
//! A workbook is a foreign archive of foreign XML. It is inflated once without being kept, to see that it stays below
//! the limit; cells are read one at a time, so that a sheet that claims a billion of them costs nothing; and whatever
//! the reader makes of a broken file ends here as an error of the file.

use super::{Budget, Cell, Sheet, TableError};
use calamine::{DataRef, Reader as _, SheetType, SheetVisible, Xlsx};
use std::io::{Cursor, Read as _};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Bytes of a workbook at most, inflated.
const INFLATED_BYTES_MAX: u64 = 400 * 1024 * 1024;
/// Parts of a workbook at most.
const PARTS_MAX: usize = 2_000;
/// Sheets that are read at most.
const SHEETS_MAX: usize = 32;
/// The first number that is no date any more: 10000-01-01.
const DATE_MAX: f64 = 2_958_466.0;

fn unreadable(error: impl std::fmt::Display) -> TableError {
    TableError::Unreadable(error.to_string().chars().take(120).collect())
}

/// Whether it stays below the limit when it is inflated.
fn weigh(bytes: &[u8]) -> Result<(), TableError> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(unreadable)?;
    if archive.len() > PARTS_MAX {
        return Err(TableError::TooLarge("工作簿的部件太多"));
    }
    let mut left = INFLATED_BYTES_MAX;
    for part in 0..archive.len() {
        let file = archive.by_index(part).map_err(unreadable)?;
        let read = std::io::copy(&mut file.take(left + 1), &mut std::io::sink()).map_err(unreadable)?;
        left = left.checked_sub(read).ok_or(TableError::TooLarge("解开后超过 400 MB"))?;
    }
    Ok(())
}

/// Reads the sheets.
pub fn read(bytes: &[u8]) -> Result<Vec<Sheet>, TableError> {
    catch_unwind(AssertUnwindSafe(|| {
        weigh(bytes)?;
        sheets(bytes)
    }))
    .unwrap_or_else(|_| Err(TableError::Unreadable("工作簿内部有错".to_owned())))
}

fn sheets(bytes: &[u8]) -> Result<Vec<Sheet>, TableError> {
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(unreadable)?;
    let shown = book.sheets_metadata().iter();
    let shown = shown.filter(|sheet| sheet.typ == SheetType::WorkSheet && sheet.visible == SheetVisible::Visible);
    let names: Vec<String> = shown.map(|sheet| sheet.name.clone()).collect();
    if names.len() > SHEETS_MAX {
        return Err(TableError::TooLarge("超过 32 个工作表"));
    }
    let (mut budget, mut sheets) = (Budget::default(), Vec::new());
    for name in names {
        let mut reader = book.worksheet_cells_reader(&name).map_err(unreadable)?;
        let mut sheet = Sheet { name, rows: Vec::new() };
        while let Some(found) = reader.next_cell().map_err(unreadable)? {
            let (row, column) = found.get_position();
            let cell = cell(found.get_value());
            if cell == Cell::Empty {
                continue;
            }
            let (line, column) = (u64::from(row) + 1, column as usize);
            budget.cell(column)?;
            let fits = match sheet.rows.last() {
                Some((last, _)) => *last <= line,
                None => true,
            };
            if !fits {
                return Err(TableError::Unreadable("行的次序不对".to_owned()));
            }
            if sheet.rows.last().is_none_or(|(last, _)| *last != line) {
                budget.row()?;
                sheet.rows.push((line, Vec::new()));
            }
            if let Some((_, cells)) = sheet.rows.last_mut() {
                if cells.len() <= column {
                    cells.resize(column + 1, Cell::Empty);
                }
                cells[column] = cell;
            }
        }
        sheets.push(sheet);
    }
    Ok(sheets)
}

fn cell(value: &DataRef<'_>) -> Cell {
    let text = |text: &str| if text.trim().is_empty() { Cell::Empty } else { Cell::Text(text.to_owned()) };
    match value {
        DataRef::Empty => Cell::Empty,
        DataRef::String(value) => text(value),
        DataRef::SharedString(value) => text(value),
        DataRef::Int(number) => Cell::Number(*number as f64),
        DataRef::Float(number) => Cell::Number(*number),
        DataRef::Bool(flag) => Cell::Flag(*flag),
        DataRef::DateTime(date) if date.is_datetime() && (0.0..DATE_MAX).contains(&date.as_f64()) => {
            let (year, month, day, hour, minute, second, _) = date.to_ymd_hms_milli();
            let day = format!("{year:04}-{month:02}-{day:02}");
            let clock = (hour, minute, second) != (0, 0, 0);
            Cell::Date(day, clock.then(|| format!("{hour:02}:{minute:02}:{second:02}")))
        }
        DataRef::DateTime(date) => Cell::Number(date.as_f64()),
        DataRef::DateTimeIso(value) => match value.split_once('T') {
            Some((day, "00:00:00")) => Cell::Date(day.to_owned(), None),
            Some((day, clock)) => Cell::Date(day.to_owned(), Some(clock.to_owned())),
            None => Cell::Date(value.clone(), None),
        },
        DataRef::DurationIso(value) => text(value),
        DataRef::Error(error) => Cell::Error(error.to_string()),
    }
}
