//! Rows that could not be taken, and the file they go to.

use super::super::outcome::FieldFault;
use serde::Serialize;
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Which column: of a line of JSON where reading stopped, from 1; of a table its header.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(untagged)]
pub enum Column {
    /// The place in the line.
    Place(u64),
    /// The header.
    Header(String),
}

/// A row that could not be taken.
#[derive(Clone, PartialEq, Serialize)]
pub struct Reject {
    /// Its line, from 1; of a table the line of the first fault.
    pub line: u64,
    /// The sheet, of a workbook.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sheet: Option<String>,
    /// The column of the first fault, when it has one.
    pub column: Option<Column>,
    /// The first fault's field.
    pub field: String,
    /// The first fault's reason.
    pub reason: String,
    /// All of them.
    pub faults: Vec<FieldFault>,
    /// The row as it stood in the file.
    pub row: Value,
}

impl std::fmt::Debug for Reject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reject(line {}, {})", self.line, self.field)
    }
}

impl Reject {
    pub(in crate::desk) fn new(line: u64, column: Option<Column>, faults: Vec<FieldFault>, row: Value) -> Reject {
        let first = faults.first().cloned().unwrap_or_else(|| FieldFault::new("", "无法导入"));
        Reject { line, sheet: None, column, field: first.field, reason: first.reason, faults, row }
    }
}

/// The file that rejected rows go to, made when there is the first.
pub(in crate::desk) struct Rejects {
    path: PathBuf,
    file: Option<std::io::BufWriter<std::fs::File>>,
}

impl Rejects {
    pub fn beside(input: &Path) -> Rejects {
        let mut name = input.file_name().unwrap_or_default().to_owned();
        name.push(".rejects.jsonl");
        Rejects { path: input.with_file_name(name), file: None }
    }

    pub fn put(&mut self, reject: &Reject) -> std::io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            None => {
                // Never through what lies there: an older file may be readable by others.
                match std::fs::remove_file(&self.path) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
                let mut options = std::fs::OpenOptions::new();
                options.write(true).create_new(true);
                #[cfg(unix)]
                std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
                self.file.insert(std::io::BufWriter::new(options.open(&self.path)?))
            }
        };
        writeln!(file, "{}", json!(reject))
    }

    /// Brings it to the disk; its path when there is one. What an earlier run left is not this run's.
    pub fn finish(self) -> std::io::Result<Option<PathBuf>> {
        match self.file {
            Some(file) => {
                file.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
                Ok(Some(self.path))
            }
            None => match std::fs::remove_file(&self.path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
                _ => Ok(None),
            },
        }
    }
}
