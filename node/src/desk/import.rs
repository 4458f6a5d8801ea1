//! Bringing in the household file: a line is a row, a good row is an entry of its own.
//!
//! The file is read line by line and never held whole. Fifty rows make one write. A row that cannot be taken is told
//! with line, column, field and reason, and stops nothing. Every action's id follows from the device, the row's key
//! and what it says (for a change, also from what it found), so that a crash in the middle and a second run add
//! nothing: what is there already is compared, and only what differs is written.

use super::households::place;
use super::model::Person;
use super::outcome::{DeskError, FieldFault};
use super::{Desk, Room, derived, further, permit};
use serde::Serialize;
use serde_json::{Map, Value, json};
use shouwang_protocol::area::Tier;
use shouwang_protocol::hash::Hash;
use shouwang_protocol::record::{ActionId, Kind, Place, RecordId, RecordRef};
use shouwang_protocol::records::Edit;
use shouwang_protocol::records::import::{Row, check_row, create, diff};
use shouwang_protocol::records::staff::Role;
use shouwang_protocol::replica::{Action, CommitError, Done, Draft};
use shouwang_protocol::store::StoreError;
use std::collections::{BTreeSet, HashSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Rows of one write.
const BATCH_ROWS: usize = 50;
/// Bytes of one line at most.
const LINE_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of the lines of one batch at most.
const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Rejected rows that an answer carries; the file of rejects has all of them.
const REJECTS_SHOWN_MAX: usize = 200;
/// Rows with a person who lives elsewhere too that an answer names.
const DUPLICATES_SHOWN_MAX: usize = 200;
/// Roles that bring in files.
const IMPORTERS: &[Role] = &[Role::Intake, Role::Reviewer, Role::Administrator];

/// Whether to write or only to look.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// Says what would be done.
    Check,
    /// Does it.
    Write,
}

/// What became of a file.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Report {
    /// Rows in it.
    pub rows: u64,
    /// Households registered.
    pub created: u64,
    /// Households changed.
    pub changed: u64,
    /// Rows that say nothing new.
    pub unchanged: u64,
    /// Rows that could not be taken.
    pub rejected: u64,
    /// Rows taken of which a person lives in another household too: work for somebody.
    pub duplicates: u64,
    /// Those rows: line and key, the first of them.
    pub duplicate_rows: Vec<(u64, String)>,
    /// Where the rejected rows are.
    pub rejects_file: Option<PathBuf>,
}

/// A row that could not be taken.
#[derive(Clone, PartialEq, Serialize)]
pub struct Reject {
    /// Its line, from 1.
    pub line: u64,
    /// The column where reading stopped, when it did.
    pub column: Option<u64>,
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

/// A line of the file.
#[derive(Clone)]
struct Line {
    number: u64,
    bytes: Vec<u8>,
    too_long: bool,
}

/// Hashes of the keys that came before.
type Keys = HashSet<[u8; 16]>;

/// The Desk's turn, held by everybody who works on one batch.
type Turn = Arc<tokio::sync::OwnedMutexGuard<()>>;

/// What a row comes to.
enum Wanted {
    Create { key: String, row: Row, area: shouwang_protocol::area::AreaId },
    Change { key: String, row: Row, record: RecordId },
}

/// A row on its way: its line, and the actions it needs.
struct Ready {
    line: u64,
    text: Value,
    key: String,
    elsewhere: bool,
    new: bool,
    first: Option<Action>,
    /// The household, when it exists.
    record: Option<RecordId>,
    rest: Vec<(ActionId, Place, Edit)>,
}

/// Something found out about a line.
enum Found {
    Ready(Box<Ready>),
    Rejected(Reject),
}

/// Reads a file line by line, without its byte order mark, bounded.
struct Lines<R> {
    input: R,
    number: u64,
    read: u64,
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
            if too_long || !bytes.iter().all(u8::is_ascii_whitespace) {
                return Ok(Some(Line { number: self.number, bytes, too_long }));
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

impl Reject {
    fn new(line: u64, column: Option<u64>, faults: Vec<FieldFault>, row: Value) -> Reject {
        let first = faults.first().cloned().unwrap_or_else(|| FieldFault::new("", "无法导入"));
        Reject { line, column, field: first.field, reason: first.reason, faults, row }
    }
}

fn reject(line: u64, column: Option<u64>, faults: Vec<FieldFault>, row: Value) -> Found {
    Found::Rejected(Reject::new(line, column, faults, row))
}

/// Reads a line as an object.
fn parse(line: &Line) -> Result<Map<String, Value>, Found> {
    let wrong = |column, reason: &str, row| Err(reject(line.number, column, vec![FieldFault::new("", reason)], row));
    if line.too_long {
        return wrong(None, "这一行超过 1 MB", Value::Null);
    }
    let text = match std::str::from_utf8(&line.bytes) {
        Ok(text) => text,
        Err(error) => {
            let column = error.valid_up_to() as u64 + 1;
            let row = String::from_utf8_lossy(&line.bytes).into_owned().into();
            return wrong(Some(column), "编码不对：应为 UTF-8（可能是 GB18030），请另存为 UTF-8 后再导入", row);
        }
    };
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(row)) => Ok(row),
        Ok(_) => wrong(Some(1), "这一行不是一个 JSON 对象", text.into()),
        Err(error) => wrong(Some(error.column() as u64), "这一行不是完整的 JSON", text.into()),
    }
}

impl Room<'_> {
    fn wanted(&self, line: &Line, keys: &mut Keys) -> Result<Result<(Wanted, Value), Found>, DeskError> {
        let json = match parse(line) {
            Ok(json) => json,
            Err(found) => return Ok(Err(found)),
        };
        let row = match check_row(&json, |code| self.divisions.by_code(code).is_some()) {
            Ok(row) => row,
            Err(faults) => {
                let faults = faults.into_iter().map(FieldFault::from).collect();
                return Ok(Err(reject(line.number, None, faults, json.into())));
            }
        };
        let wrong =
            |field: &str, reason: &str, json| Ok(Err(reject(line.number, None, vec![FieldFault::new(field, reason)], json)));
        let key = row.id();
        if !keys.insert(derived("shouwang import key 1", &[key.as_bytes()]).0) {
            return wrong("id", "文件中前面已有同一编号", json.into());
        }
        let Some(area) = self.divisions.by_code(&row.region()).filter(|area| area.tier == Tier::Village) else {
            return wrong("region", "区划须为村(社区)", json.into());
        };
        if permit::covers(&self.here, &self.divisions, area.id).is_err() {
            return wrong("region", "不在本机构的辖区内", json.into());
        }
        let known = self.reader.import_key(&key)?;
        let here = known.iter().find(|(_, at)| *at == area.id);
        let wanted = match (here, known.is_empty()) {
            (Some((record, _)), _) => Wanted::Change { key, row, record: *record },
            (None, true) => Wanted::Create { key, row, area: area.id },
            (None, false) => return wrong("region", "这一编号已登记在另一区划", json.into()),
        };
        Ok(Ok((wanted, json.into())))
    }

    /// What a batch of lines comes to.
    fn look(&self, lines: &[Line], keys: &mut Keys, claimed_ms: i64) -> Result<Vec<Found>, DeskError> {
        let mut found = Vec::with_capacity(lines.len());
        let mut persons: BTreeSet<String> = BTreeSet::new();
        for line in lines {
            let (wanted, text) = match self.wanted(line, keys)? {
                Ok(wanted) => wanted,
                Err(rejected) => {
                    found.push(rejected);
                    continue;
                }
            };
            let content = Hash::of("shouwang import row 1", &[text.to_string().as_bytes()]);
            let id =
                |key: &str, heads: &[u8]| derived("shouwang import 1", &[&self.here.device.0, key.as_bytes(), &content.0, heads]);
            let action = |id, place, record, edit| Action {
                id,
                staff: self.person.id.clone(),
                claimed_ms,
                shown: Vec::new(),
                drafts: vec![Draft { place, record, edit }],
            };
            let ready = match wanted {
                Wanted::Create { key, row, area } => {
                    let id = id(&key, &[]);
                    let numbers = row.id_numbers();
                    // `|` and not `||`: every person of this row is noted, whatever was found before.
                    let in_batch = numbers.iter().fold(false, |seen, number| seen | !persons.insert(number.clone()));
                    let mut edits = create(&row).into_iter();
                    let first = edits.next().map(|edit| action(id, place(area), RecordRef::New(Kind::HOUSEHOLD), edit));
                    Ready {
                        line: line.number,
                        elsewhere: in_batch || self.elsewhere(&numbers, None)? > 0,
                        new: true,
                        record: None,
                        rest: edits.enumerate().map(|(number, edit)| (further(id, number), place(area), edit)).collect(),
                        first,
                        key,
                        text,
                    }
                }
                Wanted::Change { key, row, record } => {
                    let document = self.reader.document(&record)?.ok_or_else(|| DeskError::not_found("家庭档案"))?;
                    let heads: Vec<u8> = document.doc.get_heads().iter().flat_map(|head| head.0).collect();
                    let id = id(&key, &heads);
                    let numbers = row.id_numbers();
                    let mut edits = diff(&document.doc, &row).into_iter();
                    let first = edits.next().map(|edit| action(id, document.place, RecordRef::Known(record), edit));
                    Ready {
                        line: line.number,
                        elsewhere: first.is_some() && self.elsewhere(&numbers, Some(&record))? > 0,
                        new: false,
                        record: Some(record),
                        rest: edits.enumerate().map(|(number, edit)| (further(id, number), document.place, edit)).collect(),
                        first,
                        key,
                        text,
                    }
                }
            };
            found.push(Found::Ready(Box::new(ready)));
        }
        Ok(found)
    }
}

/// The file that rejected rows go to, made when there is the first.
struct Rejects {
    path: PathBuf,
    file: Option<std::io::BufWriter<std::fs::File>>,
}

impl Rejects {
    fn beside(input: &Path) -> Rejects {
        let mut name = input.file_name().unwrap_or_default().to_owned();
        name.push(".rejects.jsonl");
        Rejects { path: input.with_file_name(name), file: None }
    }

    fn put(&mut self, reject: &Reject) -> std::io::Result<()> {
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
    fn finish(self) -> std::io::Result<Option<PathBuf>> {
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

fn disk(error: std::io::Error) -> DeskError {
    DeskError::Store { why: format!("文件读写失败：{}", error.kind()) }
}

impl Desk {
    /// Brings in a file; rows that cannot be taken go to `FILE.rejects.jsonl` beside it. `progress` is told the bytes
    /// done, of how many.
    pub async fn import_file(
        &self,
        person: &Person,
        file: &Path,
        progress: impl FnMut(u64, u64) + Send,
    ) -> Result<Report, DeskError> {
        let input = std::fs::File::open(file).map_err(|_| DeskError::not_found("文件"))?;
        let total = input.metadata().map_err(disk)?.len();
        let mut rejects = Rejects::beside(file);
        let mut failed = None;
        let take = |reject: &Reject| {
            if failed.is_none() {
                failed = rejects.put(reject).err();
            }
        };
        let mut report = self.import_lines(person, BufReader::new(input), total, Mode::Write, take, progress).await?;
        if let Some(error) = failed {
            return Err(disk(error));
        }
        report.rejects_file = rejects.finish().map_err(disk)?;
        Ok(report)
    }

    /// Brings in what was uploaded, or says what would become of it; with the first rows that cannot be taken.
    pub async fn import_bytes(&self, person: &Person, bytes: &[u8], mode: Mode) -> Result<(Report, Vec<Reject>), DeskError> {
        let mut shown = Vec::new();
        let take = |reject: &Reject| {
            if shown.len() < REJECTS_SHOWN_MAX {
                shown.push(reject.clone());
            }
        };
        let report = self.import_lines(person, bytes, bytes.len() as u64, mode, take, |_, _| {}).await?;
        Ok((report, shown))
    }

    /// The same for any input; every rejected row is handed to `rejected`.
    pub async fn import_lines(
        &self,
        person: &Person,
        input: impl BufRead + Send,
        total: u64,
        mode: Mode,
        mut rejected: impl FnMut(&Reject) + Send,
        mut progress: impl FnMut(u64, u64) + Send,
    ) -> Result<Report, DeskError> {
        permit::role_or_console(person, IMPORTERS)?;
        let mut lines = Lines { input, number: 0, read: 0 };
        let mut keys = HashSet::new();
        let mut report = Report::default();
        loop {
            let mut batch = Vec::with_capacity(BATCH_ROWS);
            let mut bytes = 0;
            while batch.len() < BATCH_ROWS && bytes < BATCH_BYTES_MAX {
                let Some(line) = lines.next().map_err(disk)? else { break };
                bytes += line.bytes.len();
                batch.push(line);
            }
            if batch.is_empty() {
                return Ok(report);
            }
            report.rows += batch.len() as u64;
            // Others may act between two batches.
            let turn = Arc::new(self.inner.turn.clone().lock_owned().await);
            let batch = Arc::new(batch);
            let (found, known) = self.look(person, batch.clone(), keys).await?;
            keys = known;
            let rejects = match self.take(person, found, mode, &mut report, &turn).await {
                Ok(rejects) => rejects,
                Err(CommitError::Store(error)) => return Err(error.into()),
                // Nothing of the batch was written: find the row that cannot be, one by one.
                Err(_) => self.one_by_one(person, &batch, &mut report, &turn).await?,
            };
            report.rejected += rejects.len() as u64;
            rejects.iter().for_each(&mut rejected);
            progress(lines.read, total);
        }
    }

    /// Writes, and keeps the turn until that is done, even when the caller goes away.
    async fn commit_in_turn(&self, actions: Vec<Action>, turn: &Turn) -> Result<Vec<Done>, CommitError> {
        let (writer, turn) = (self.writer.clone(), turn.clone());
        let task = tokio::spawn(async move {
            let _turn = turn;
            writer.commit(actions).await
        });
        task.await.unwrap_or_else(|_| Err(CommitError::Store(StoreError::Failed("the write was interrupted".to_owned()))))
    }

    async fn look(&self, person: &Person, batch: Arc<Vec<Line>>, keys: Keys) -> Result<(Vec<Found>, Keys), DeskError> {
        let (claimed_ms, mut keys) = (self.clock().now().wall_ms, keys);
        self.in_room(person, ActionId([0; 16]), move |room| Ok((room.look(&batch, &mut keys, claimed_ms)?, keys))).await
    }

    async fn one_by_one(
        &self,
        person: &Person,
        batch: &[Line],
        report: &mut Report,
        turn: &Turn,
    ) -> Result<Vec<Reject>, DeskError> {
        let mut rejects = Vec::new();
        for line in batch {
            let (found, _) = self.look(person, Arc::new(vec![line.clone()]), Keys::new()).await?;
            match self.take(person, found, Mode::Write, report, turn).await {
                Ok(more) => rejects.extend(more),
                Err(CommitError::Store(error)) => return Err(error.into()),
                Err(error) => {
                    let row = String::from_utf8_lossy(&line.bytes).into_owned().into();
                    rejects.push(Reject::new(line.number, None, vec![FieldFault::new("", DeskError::from(error).what())], row));
                }
            }
        }
        Ok(rejects)
    }

    /// Writes what a batch comes to, and counts it. On an error nothing of it was written or counted.
    async fn take(
        &self,
        person: &Person,
        found: Vec<Found>,
        mode: Mode,
        report: &mut Report,
        turn: &Turn,
    ) -> Result<Vec<Reject>, CommitError> {
        let (mut rows, mut rejects) = (Vec::new(), Vec::new());
        for found in found {
            match found {
                Found::Ready(row) => rows.push(*row),
                Found::Rejected(reject) => rejects.push(reject),
            }
        }
        let (mut work, idle): (Vec<Ready>, Vec<Ready>) = rows.into_iter().partition(|row| row.first.is_some());
        let firsts = work.iter_mut().filter_map(|row| row.first.take());
        let done = match mode {
            Mode::Write => self.commit_in_turn(firsts.collect(), turn).await?,
            Mode::Check => Vec::new(),
        };
        report.unchanged += idle.len() as u64;
        let mut records = done.into_iter().map(|done| done.records.first().copied());
        for row in work {
            let made = records.next().flatten();
            let record = row.record.or(made);
            *(if row.new { &mut report.created } else { &mut report.changed }) += 1;
            if row.elsewhere {
                report.duplicates += 1;
                if report.duplicate_rows.len() < DUPLICATES_SHOWN_MAX {
                    report.duplicate_rows.push((row.line, row.key));
                }
            }
            let (Some(record), Mode::Write, false) = (record, mode, row.rest.is_empty()) else { continue };
            let claimed_ms = self.clock().now().wall_ms;
            let action = |(id, place, edit)| Action {
                id,
                staff: person.id.clone(),
                claimed_ms,
                shown: Vec::new(),
                drafts: vec![Draft { place, record: RecordRef::Known(record), edit }],
            };
            match self.commit_in_turn(row.rest.into_iter().map(action).collect(), turn).await {
                Ok(_) => {}
                Err(CommitError::Store(error)) => return Err(CommitError::Store(error)),
                Err(_) => {
                    let faults = vec![FieldFault::new("", "这一行内容太多，只写入了一部分；可再导入一次")];
                    rejects.push(Reject::new(row.line, None, faults, row.text));
                }
            }
        }
        Ok(rejects)
    }
}
