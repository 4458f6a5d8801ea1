//! Registers as tables, in and out: `.csv` and `.xlsx` with Chinese headers.
//!
//! Reading goes in three steps: bytes become [`Sheet`]s of [`Cell`]s ([`csv`], [`xlsx`]), a header row says which
//! column is which field ([`headers`]), and rows become rows of the household file ([`rows`]), the same JSON objects
//! that a `.jsonl` line holds. From there on there is one way, the Desk's import. Writing is the inverse ([`mod@write`]).
//!
//! Layouts that are understood: one row a household; one row a member, grouped by household id, by the head's identity
//! number, or by a row 户主 that begins a household (also with merged cells); further sheets of members and of aid that
//! name the household by 户编号 or 户主身份证号. Nothing is guessed where guessing could be wrong: a cell that cannot be
//! read for sure is a fault of its row, with a reason that a clerk can act on.

mod cell;
pub mod csv;
mod headers;
pub mod register;
mod rows;
pub mod write;
pub mod xlsx;

pub use cell::Cell;
pub use rows::{Row, Tables};

/// Bytes of a table file at most.
pub const FILE_BYTES_MAX: u64 = 48 * 1024 * 1024;
/// Rows of all sheets together at most.
pub const ROWS_MAX: usize = 300_000;
/// Columns of a sheet at most.
pub const COLUMNS_MAX: usize = 300;
/// Cells with something in them, of all sheets together, at most.
pub const CELLS_MAX: usize = 4_000_000;

/// What kind of file it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// A JSON object a line.
    JsonLines,
    /// Comma-separated values.
    Csv,
    /// A workbook.
    Xlsx,
    /// A workbook of the old kind, which is not read.
    OldXls,
}

impl Format {
    /// By the first bytes, then by the name's ending, then by how the text begins.
    pub fn of(name: &str, head: &[u8]) -> Format {
        if head.starts_with(b"PK\x03\x04") {
            return Format::Xlsx;
        }
        if head.starts_with(&[0xD0, 0xCF, 0x11, 0xE0]) {
            return Format::OldXls;
        }
        let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()).unwrap_or_default();
        let text = head.strip_prefix(&[0xEF, 0xBB, 0xBF]).unwrap_or(head).trim_ascii_start();
        match ending.as_str() {
            "csv" | "tsv" | "txt" => Format::Csv,
            "xlsx" => Format::Xlsx,
            "jsonl" | "json" | "ndjson" => Format::JsonLines,
            _ if text.is_empty() || text.starts_with(b"{") => Format::JsonLines,
            _ => Format::Csv,
        }
    }
}

/// A sheet: rows with their line, from 1.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Sheet {
    /// Its name; empty for a `.csv`.
    pub name: String,
    /// The rows that are not empty.
    pub rows: Vec<(u64, Vec<Cell>)>,
}

/// Why a whole file can't be read. The words are for the person who chose it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TableError {
    /// More than a machine should be asked to hold.
    #[error("文件太大：{0}。请分成几个文件导入")]
    TooLarge(&'static str),
    /// An old workbook.
    #[error("这是老式 .xls 文件，请在 Excel 或 WPS 中另存为 .xlsx 后再导入")]
    OldXls,
    /// Not what it says it is.
    #[error("读不出这个表格（{0}）：文件可能已损坏或加了密码，请打开后另存一份再导入")]
    Unreadable(String),
    /// No row names fields.
    #[error("找不到表头：表头应在前 20 行内，至少含“户主姓名”或“姓名”以及“身份证号”“户编号”等栏目中的一个")]
    NoHeader,
}

/// Reads a table file into rows of the household file.
pub fn read(format: Format, bytes: &[u8]) -> Result<Tables, TableError> {
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(TableError::TooLarge("超过 48 MB"));
    }
    match format {
        Format::OldXls => Err(TableError::OldXls),
        Format::Xlsx => rows::read(xlsx::read(bytes)?, false),
        Format::Csv | Format::JsonLines => rows::read(vec![csv::read(bytes)?], true),
    }
}

/// Counts what a file holds, against the limits.
#[derive(Default)]
struct Budget {
    rows: usize,
    cells: usize,
}

impl Budget {
    fn row(&mut self) -> Result<(), TableError> {
        self.rows += 1;
        if self.rows > ROWS_MAX { Err(TableError::TooLarge("超过 30 万行")) } else { Ok(()) }
    }

    fn cell(&mut self, column: usize) -> Result<(), TableError> {
        self.cells += 1;
        if column >= COLUMNS_MAX {
            return Err(TableError::TooLarge("超过 300 列"));
        }
        if self.cells > CELLS_MAX { Err(TableError::TooLarge("超过 400 万个单元格")) } else { Ok(()) }
    }
}
