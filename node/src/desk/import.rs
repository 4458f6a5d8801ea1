//! Bringing in households: a row of a file is a row, a good row is an entry of its own.
//!
//! Lines of JSON are read one by one and never held whole; a table ([`crate::tables`]) becomes the same rows. Fifty
//! rows make one write. A row that cannot be taken is told with line, column, field and reason, and stops nothing.
//! Every action's id follows from the device, the row's key and what it says (for a change, also from what it found),
//! so that a crash in the middle and a second run add nothing: what is there already is compared, and only what
//! differs is written. Looking first does all of this but the writing, and shows what would change.

mod preview;
mod rejects;
mod source;

use super::households::place;
use super::model::Person;
use super::outcome::{DeskError, FieldFault};
use super::{Desk, Room, derived, further, permit};
use crate::tables::{self, Format, TableError};
pub use preview::{Elsewhere, Shown};
pub(super) use rejects::Rejects;
pub use rejects::{Column, Reject};
use serde::Serialize;
use serde_json::Value;
use shouwang_protocol::area::Tier;
use shouwang_protocol::hash::Hash;
use shouwang_protocol::record::{ActionId, Kind, Place, RecordId, RecordRef};
use shouwang_protocol::records::Edit;
use shouwang_protocol::records::import::{Row, check_row, create, diff};
use shouwang_protocol::records::staff::Role;
use shouwang_protocol::replica::{Action, CommitError, Done, Draft};
use shouwang_protocol::store::StoreError;
use source::Line;
pub use source::Source;
use std::collections::HashSet;
use std::io::{BufRead, BufReader, Read as _, Seek as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Rows of one write.
const BATCH_ROWS: usize = 50;
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
    /// What of a table was not read, or read in a way that a person should know.
    pub notes: Vec<String>,
}

/// Something to tell while a file is gone through.
#[derive(Clone, PartialEq, Debug)]
pub enum Told {
    /// A row cannot be taken.
    Rejected(Reject),
    /// A row will do something; told when looking only.
    Shown(Shown),
}

/// Hashes of the keys and of the persons of new households that came before in the file.
#[derive(Default)]
struct Keys {
    rows: HashSet<[u8; 16]>,
    persons: HashSet<[u8; 16]>,
}

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
    /// When looking only.
    shown: Option<Shown>,
}

/// Something found out about a line.
enum Found {
    Ready(Box<Ready>),
    Rejected(Reject),
}

impl Room<'_> {
    fn wanted(&self, line: &Line, keys: &mut Keys) -> Result<Result<(Wanted, Value), Reject>, DeskError> {
        let mut json = match line.parse() {
            Ok(json) => json,
            Err(rejected) => return Ok(Err(rejected)),
        };
        let wrong = |field: &str, reason: &str, json| Ok(Err(line.reject(vec![FieldFault::new(field, reason)], json)));
        if line.is_of_table()
            && let Err((field, reason)) = self.complete(&mut json)?
        {
            return wrong(field, reason, json.into());
        }
        let row = match check_row(&json, |code| self.divisions.by_code(code).is_some()) {
            Ok(row) => row,
            Err(faults) => {
                let faults = faults.into_iter().map(FieldFault::from).collect();
                return Ok(Err(line.reject(faults, json.into())));
            }
        };
        let key = row.id();
        if !keys.rows.insert(derived("shouwang import key 1", &[key.as_bytes()]).0) {
            return wrong("id", "文件中前面已有同一编号", json.into());
        }
        let Some(area) = self.divisions.by_code(&row.region()).filter(|area| area.tier == Tier::Village) else {
            return wrong("region", "区划须为村(社区)", json.into());
        };
        if permit::covers(&self.here, &self.divisions, area.id).is_err() {
            return wrong("region", "不在本机构的辖区内", json.into());
        }
        let known = self.reader.import_key(&key)?;
        for (record, _) in &known {
            // An old register does not bring back who moved away.
            if let Some(why) = self.moved_away(record)? {
                return wrong("id", &why, json.into());
            }
        }
        let here = known.iter().find(|(_, at)| *at == area.id);
        if row.names_holders() {
            let stored = here.map(|(record, _)| self.reader.document(record)).transpose()?.flatten();
            let unknown = row.holder_faults(stored.as_ref().map(|stored| &stored.doc));
            if !unknown.is_empty() {
                let faults = unknown.into_iter().map(FieldFault::from).collect();
                return Ok(Err(line.reject(faults, json.into())));
            }
        }
        let wanted = match (here, known.is_empty()) {
            (Some((record, _)), _) => Wanted::Change { key, row, record: *record },
            (None, true) => Wanted::Create { key, row, area: area.id },
            (None, false) => return wrong("region", "这一编号已登记在另一区划", json.into()),
        };
        Ok(Ok((wanted, json.into())))
    }

    /// What a batch of lines comes to.
    fn look(&self, lines: &[Line], keys: &mut Keys, claimed_ms: i64, mode: Mode) -> Result<Vec<Found>, DeskError> {
        let mut found = Vec::with_capacity(lines.len());
        for line in lines {
            found.push(match self.wanted(line, keys)? {
                Ok((wanted, text)) => Found::Ready(Box::new(self.ready(line.number, wanted, text, keys, claimed_ms, mode)?)),
                Err(rejected) => Found::Rejected(rejected),
            });
        }
        Ok(found)
    }

    fn ready(
        &self,
        line: u64,
        wanted: Wanted,
        text: Value,
        keys: &mut Keys,
        claimed_ms: i64,
        mode: Mode,
    ) -> Result<Ready, DeskError> {
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
        let shown = |key: &str, new: bool, changes, in_file: bool, this| -> Result<Option<Shown>, DeskError> {
            if mode == Mode::Write {
                return Ok(None);
            }
            let row = text.as_object().cloned().unwrap_or_default();
            let mut elsewhere = self.who_elsewhere(&row, this)?;
            if in_file && elsewhere.is_empty() {
                elsewhere
                    .push(Elsewhere { name: String::new(), head: String::new(), place: "本文件中的另一户".to_owned() });
            }
            let head = row.get("head").and_then(Value::as_str).unwrap_or_default().to_owned();
            Ok(Some(Shown { line, id: key.to_owned(), new, head, changes, elsewhere }))
        };
        Ok(match wanted {
            Wanted::Create { key, row, area } => {
                let id = id(&key, &[]);
                let numbers = row.id_numbers();
                // `|` and not `||`: every person of this row is noted, whatever was found before.
                let person = |number: &String| derived("shouwang import person 1", &[number.as_bytes()]).0;
                let in_file = numbers.iter().fold(false, |seen, number| seen | !keys.persons.insert(person(number)));
                let mut edits = create(&row).into_iter();
                let first = edits.next().map(|edit| action(id, place(area), RecordRef::New(Kind::HOUSEHOLD), edit));
                Ready {
                    line,
                    elsewhere: in_file || self.elsewhere(&numbers, None)? > 0,
                    new: true,
                    record: None,
                    rest: edits.enumerate().map(|(number, edit)| (further(id, number), place(area), edit)).collect(),
                    first,
                    shown: shown(&key, true, Vec::new(), in_file, None)?,
                    key,
                    text,
                }
            }
            Wanted::Change { key, mut row, record } => {
                let document = self.reader.document(&record)?.ok_or_else(|| DeskError::not_found("家庭档案"))?;
                row.leave_place(&document.doc, &self.divisions.called(document.place.area));
                let heads: Vec<u8> = document.doc.get_heads().iter().flat_map(|head| head.0).collect();
                let id = id(&key, &heads);
                let numbers = row.id_numbers();
                let changes = match mode {
                    Mode::Check => preview::tried(&document.doc, diff(&document.doc, &row)),
                    Mode::Write => Vec::new(),
                };
                let mut edits = diff(&document.doc, &row).into_iter();
                let first = edits.next().map(|edit| action(id, document.place, RecordRef::Known(record), edit));
                Ready {
                    line,
                    elsewhere: first.is_some() && self.elsewhere(&numbers, Some(&record))? > 0,
                    new: false,
                    record: Some(record),
                    rest: edits.enumerate().map(|(number, edit)| (further(id, number), document.place, edit)).collect(),
                    shown: if first.is_some() { shown(&key, false, changes, false, Some(&record))? } else { None },
                    first,
                    key,
                    text,
                }
            }
        })
    }
}

fn disk(error: std::io::Error) -> DeskError {
    DeskError::Store { why: format!("文件读写失败：{}", error.kind()) }
}

fn unread(error: TableError) -> DeskError {
    DeskError::invalid("file", error.to_string())
}

/// What is read from a file.
fn file_source(file: &Path) -> Result<(Source<BufReader<std::fs::File>>, Vec<String>), DeskError> {
    let mut input = std::fs::File::open(file).map_err(|_| DeskError::not_found("文件"))?;
    let total = input.metadata().map_err(disk)?.len();
    let mut head = Vec::new();
    (&mut input).take(4 * 1024).read_to_end(&mut head).map_err(disk)?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    input.rewind().map_err(disk)?;
    let format = Format::of(&name, &head);
    if format == Format::JsonLines {
        return Ok((Source::lines(BufReader::new(input), total), Vec::new()));
    }
    let mut bytes = Vec::new();
    input.take(tables::FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(disk)?;
    let mut tables = tables::read(format, &bytes).map_err(unread)?;
    let notes = std::mem::take(&mut tables.notes);
    Ok((Source::table(tables), notes))
}

/// Where waiting for the disk holds nobody up.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, DeskError> + Send + 'static) -> Result<T, DeskError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(DeskError::invalid("file", "这个文件读不出来")))
}

impl Desk {
    /// Brings in a file; rows that cannot be taken go to `FILE.rejects.jsonl` beside it. `progress` is told how much is
    /// done, of how much.
    pub async fn import_file(
        &self,
        person: &Person,
        file: &Path,
        progress: impl FnMut(u64, u64) + Send,
    ) -> Result<Report, DeskError> {
        let path = file.to_owned();
        let (source, notes) = blocking(move || file_source(&path)).await?;
        let mut rejects = Rejects::beside(file);
        let mut failed = None;
        let tell = |told: Told| {
            if let (Told::Rejected(reject), None) = (told, &failed) {
                failed = rejects.put(&reject).err();
            }
        };
        let mut report = self.import_rows(person, source, Mode::Write, tell, progress).await?;
        if let Some(error) = failed {
            return Err(disk(error));
        }
        report.rejects_file = rejects.finish().map_err(disk)?;
        report.notes = notes;
        Ok(report)
    }

    /// Says what would become of a file, and tells each row that cannot be taken or would do something. Nothing is
    /// written, no file either.
    pub async fn preview_file(
        &self,
        person: &Person,
        file: &Path,
        tell: impl FnMut(Told) + Send,
        progress: impl FnMut(u64, u64) + Send,
    ) -> Result<Report, DeskError> {
        let path = file.to_owned();
        let (source, notes) = blocking(move || file_source(&path)).await?;
        Ok(Report { notes, ..self.import_rows(person, source, Mode::Check, tell, progress).await? })
    }

    /// Brings in what was uploaded under a name, or says what would become of it.
    pub async fn import_upload<B: AsRef<[u8]> + Clone + Send + Sync + 'static>(
        &self,
        person: &Person,
        name: &str,
        bytes: B,
        mode: Mode,
        tell: impl FnMut(Told) + Send,
    ) -> Result<Report, DeskError> {
        permit::role_or_console(person, IMPORTERS)?;
        let format = Format::of(name, bytes.as_ref());
        if format == Format::JsonLines {
            let source = Source::lines(bytes.as_ref(), bytes.as_ref().len() as u64);
            return self.import_rows(person, source, mode, tell, |_, _| {}).await;
        }
        let copy = bytes.clone();
        let mut tables = blocking(move || tables::read(format, copy.as_ref()).map_err(unread)).await?;
        let notes = std::mem::take(&mut tables.notes);
        let source: Source<&[u8]> = Source::table(tables);
        Ok(Report { notes, ..self.import_rows(person, source, mode, tell, |_, _| {}).await? })
    }

    /// The same, with the first rows that cannot be taken.
    pub async fn import_bytes(&self, person: &Person, bytes: &[u8], mode: Mode) -> Result<(Report, Vec<Reject>), DeskError> {
        let mut shown = Vec::new();
        let tell = |told: Told| match told {
            Told::Rejected(reject) if shown.len() < REJECTS_SHOWN_MAX => shown.push(reject),
            _ => {}
        };
        let report = self.import_upload(person, "", bytes.to_vec(), mode, tell).await?;
        Ok((report, shown))
    }

    async fn import_rows(
        &self,
        person: &Person,
        mut source: Source<impl BufRead + Send>,
        mode: Mode,
        mut tell: impl FnMut(Told) + Send,
        mut progress: impl FnMut(u64, u64) + Send,
    ) -> Result<Report, DeskError> {
        permit::role_or_console(person, IMPORTERS)?;
        let mut keys = Keys::default();
        let mut report = Report::default();
        loop {
            let batch = source.batch().map_err(disk)?;
            if batch.is_empty() {
                return Ok(report);
            }
            report.rows += batch.len() as u64;
            // Others may act between two batches.
            let turn = Arc::new(self.inner.turn.clone().lock_owned().await);
            let batch = Arc::new(batch);
            let (mut found, known) = self.look(person, batch.clone(), keys, mode).await?;
            keys = known;
            for found in &mut found {
                if let Found::Ready(ready) = found
                    && let Some(shown) = ready.shown.take()
                {
                    tell(Told::Shown(shown));
                }
            }
            let rejects = match self.take(person, found, mode, &mut report, &turn).await {
                Ok(rejects) => rejects,
                Err(CommitError::Store(error)) => return Err(error.into()),
                // Nothing of the batch was written: find the row that cannot be, one by one.
                Err(_) => self.one_by_one(person, &batch, &mut report, &turn).await?,
            };
            report.rejected += rejects.len() as u64;
            rejects.into_iter().for_each(|reject| tell(Told::Rejected(reject)));
            let (done, total) = source.progress();
            progress(done, total);
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

    async fn look(
        &self,
        person: &Person,
        batch: Arc<Vec<Line>>,
        keys: Keys,
        mode: Mode,
    ) -> Result<(Vec<Found>, Keys), DeskError> {
        let (claimed_ms, mut keys) = (self.clock().now().wall_ms, keys);
        let ask = move |room: &Room<'_>| Ok((room.look(&batch, &mut keys, claimed_ms, mode)?, keys));
        self.in_room(person, ActionId([0; 16]), ask).await
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
            let (found, _) = self.look(person, Arc::new(vec![line.clone()]), Keys::default(), Mode::Write).await?;
            match self.take(person, found, Mode::Write, report, turn).await {
                Ok(more) => rejects.extend(more),
                Err(CommitError::Store(error)) => return Err(error.into()),
                Err(error) => {
                    rejects.push(line.reject(vec![FieldFault::new("", DeskError::from(error).what())], line.row()));
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
