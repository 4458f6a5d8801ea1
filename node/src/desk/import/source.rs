//! Where rows come from: lines of JSON, read one by one and never held whole, or a table that was read before.

use super::rejects::{Column, Reject};
use super::{BATCH_BYTES_MAX, BATCH_ROWS};
use crate::desk::outcome::FieldFault;
use crate::tables::{Row, Tables};
use serde_json::{Map, Value};
use std::io::{BufRead, Read as _};

/// Bytes of one line at most.
const LINE_BYTES_MAX: usize = 1024 * 1024;

/// A row of the file.
#[derive(Clone)]
pub(super) struct Line {
    pub number: u64,
    content: Content,
}

#[derive(Clone)]
enum Content {
    Bytes(Vec<u8>),
    TooLong,
    Row(Box<Row>),
}

/// What rows are read from.
pub enum Source<R> {
    /// A JSON object a line.
    Lines(Lines<R>),
    /// A table.
    Table {
        /// Its rows, those not taken yet.
        rows: std::vec::IntoIter<Row>,
        /// How many there were.
        total: u64,
    },
}

/// Reads a file line by line, without its byte order mark, bounded.
pub struct Lines<R> {
    input: R,
    number: u64,
    read: u64,
    total: u64,
}

impl<R: BufRead> Source<R> {
    /// Lines of an input that has so many bytes.
    pub fn lines(input: R, total: u64) -> Source<R> {
        Source::Lines(Lines { input, number: 0, read: 0, total })
    }

    /// The rows of a table.
    pub fn table(tables: Tables) -> Source<R> {
        Source::Table { total: tables.rows.len() as u64, rows: tables.rows.into_iter() }
    }

    /// Some of the rows that come next; none at the end.
    pub(super) fn batch(&mut self) -> std::io::Result<Vec<Line>> {
        let mut batch = Vec::with_capacity(BATCH_ROWS);
        let mut bytes = 0;
        while batch.len() < BATCH_ROWS && bytes < BATCH_BYTES_MAX {
            let line = match self {
                Source::Lines(lines) => lines.next()?,
                Source::Table { rows, .. } => {
                    rows.next().map(|row| Line { number: row.line(), content: Content::Row(Box::new(row)) })
                }
            };
            let Some(line) = line else { break };
            if let Content::Bytes(content) = &line.content {
                bytes += content.len();
            }
            batch.push(line);
        }
        Ok(batch)
    }

    /// How much is done, of how much.
    pub(super) fn progress(&self) -> (u64, u64) {
        match self {
            Source::Lines(lines) => (lines.read, lines.total),
            Source::Table { rows, total } => (total - rows.len() as u64, *total),
        }
    }
}

impl<R: BufRead> Lines<R> {
    fn next(&mut self) -> std::io::Result<Option<Line>> {
        loop {
            let mut bytes = Vec::new();
            let limit = LINE_BYTES_MAX as u64 + 1;
            let mut got = (&mut self.input).take(limit).read_until(b'\n', &mut bytes)? as u64;
            if got == 0 {
                return Ok(None);
            }
            let too_long = bytes.len() > LINE_BYTES_MAX && bytes.last() != Some(&b'\n');
            if too_long {
                got += skip_line(&mut self.input)?;
                bytes = Vec::new();
            }
            self.read += got;
            self.number += 1;
            if self.number == 1 && bytes.starts_with(&[0xEF, 0xBB, 0xBF]) {
                bytes.drain(..3);
            }
            while matches!(bytes.last(), Some(b'\n' | b'\r')) {
                bytes.pop();
            }
            if too_long {
                return Ok(Some(Line { number: self.number, content: Content::TooLong }));
            }
            if !bytes.iter().all(u8::is_ascii_whitespace) {
                return Ok(Some(Line { number: self.number, content: Content::Bytes(bytes) }));
            }
        }
    }
}

/// Passes over the rest of a line; how long it was.
fn skip_line(input: &mut impl BufRead) -> std::io::Result<u64> {
    let mut skipped = 0;
    loop {
        let buffer = input.fill_buf()?;
        if buffer.is_empty() {
            return Ok(skipped);
        }
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let used = end.map_or(buffer.len(), |end| end + 1);
        input.consume(used);
        skipped += used as u64;
        if end.is_some() {
            return Ok(skipped);
        }
    }
}

impl Line {
    /// Whether it comes from a table, whose rows need not name an area by code or a household by id.
    pub fn is_of_table(&self) -> bool {
        matches!(self.content, Content::Row(_))
    }

    /// The row as it stands in the file, for people.
    pub fn row(&self) -> Value {
        match &self.content {
            Content::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned().into(),
            Content::TooLong => Value::Null,
            Content::Row(row) => row.json.clone().into(),
        }
    }

    /// Why it cannot be taken: of a table, with the place of the first fault.
    pub fn reject(&self, faults: Vec<FieldFault>, row: Value) -> Reject {
        let mut reject = Reject::new(self.number, None, faults, row);
        if let Content::Row(row) = &self.content {
            let spot = row.locate(&reject.field);
            (reject.line, reject.sheet, reject.column) = (spot.line, spot.sheet, spot.header.map(Column::Header));
        }
        reject
    }

    /// The line as an object.
    pub fn parse(&self) -> Result<Map<String, Value>, Reject> {
        let wrong = |column: Option<u64>, reason: &str| {
            let faults = vec![FieldFault::new("", reason)];
            Err(Reject::new(self.number, column.map(Column::Place), faults, self.row()))
        };
        let bytes = match &self.content {
            Content::Row(row) if row.faults.is_empty() => return Ok(row.json.clone()),
            Content::Row(row) => {
                let faults = row.faults.iter().map(|(field, reason)| FieldFault::new(field, reason)).collect();
                return Err(self.reject(faults, self.row()));
            }
            Content::TooLong => return wrong(None, "这一行超过 1 MB"),
            Content::Bytes(bytes) => bytes,
        };
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let column = error.valid_up_to() as u64 + 1;
                return wrong(Some(column), "编码不对：应为 UTF-8（可能是 GB18030），请另存为 UTF-8 后再导入");
            }
        };
        match serde_json::from_str::<Value>(text) {
            Ok(Value::Object(row)) => Ok(row),
            Ok(_) => wrong(Some(1), "这一行不是一个 JSON 对象"),
            Err(error) => wrong(Some(error.column() as u64), "这一行不是完整的 JSON"),
        }
    }
}
