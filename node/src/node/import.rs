//! Household files: rows to records. Each good row is an entry of its own; bad ones go to a file beside the input.
//!
//! The same file again adds nothing: a row is known by the importer's key, and only changed values become edits. A
//! crash in the middle is healed by importing again.

use super::enrol::CONSOLE;
use super::{Node, NodeError, io};
use crate::entropy;
use serde_json::{Map, Value, json};
use shouwang_protocol::area::{AreaId, Tier};
use shouwang_protocol::hash::Hash;
use shouwang_protocol::record::{ActionId, Kind, Lane, Place, RecordId, RecordRef};
use shouwang_protocol::records::import::{Row, RowFault, add_aid, check_row, create, diff, set, together};
use shouwang_protocol::records::{Edit, household::Household};
use shouwang_protocol::replica::{Action, Draft};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};

/// Rows written together.
const BATCH: usize = 64;
/// Bytes of one line.
const LINE_BYTES_MAX: u64 = 1024 * 1024;

/// Where a village's households live.
pub(crate) fn registry(area: AreaId) -> Place {
    Place { area, lane: Lane::Registry, floor: Tier::Village }
}

fn short(hash: Hash) -> ActionId {
    let mut id = [0; 16];
    id.copy_from_slice(&hash.0[..16]);
    ActionId(id)
}

/// The lines of a file, each with its bytes; a line that is too long ends the file.
struct Lines {
    file: BufReader<std::fs::File>,
    number: u64,
    read: u64,
    total: u64,
}

impl Lines {
    fn open(path: &Path) -> Result<Lines, NodeError> {
        let file = std::fs::File::open(path).map_err(io(path.display()))?;
        let total = file.metadata().map_err(io(path.display()))?.len();
        Ok(Lines { file: BufReader::new(file), number: 0, read: 0, total })
    }

    fn next(&mut self) -> Result<Option<(u64, Vec<u8>)>, NodeError> {
        let mut line = Vec::new();
        let read = self.file.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line).map_err(io("the file"))?;
        self.read += read as u64;
        self.number += 1;
        if read as u64 == LINE_BYTES_MAX {
            return Err(NodeError::Told(format!(
                "line {} is longer than {LINE_BYTES_MAX} bytes; nothing after it was read",
                self.number
            )));
        }
        Ok((read > 0).then_some((self.number, line)))
    }
}

/// The file of refused rows, made when the first one comes.
struct Rejects {
    path: PathBuf,
    file: Option<std::fs::File>,
    count: u64,
}

impl Rejects {
    fn beside(input: &Path) -> Rejects {
        let mut name = input.as_os_str().to_owned();
        name.push(".rejects.jsonl");
        Rejects { path: name.into(), file: None, count: 0 }
    }

    fn add(&mut self, line: u64, column: usize, faults: &[RowFault], row: &[u8]) -> Result<(), NodeError> {
        self.count += 1;
        let file = match &mut self.file {
            Some(file) => file,
            None => {
                let mut options = std::fs::OpenOptions::new();
                options.write(true).create(true).truncate(true);
                #[cfg(unix)]
                std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
                self.file.insert(options.open(&self.path).map_err(io(self.path.display()))?)
            }
        };
        for fault in faults {
            let row = String::from_utf8_lossy(row);
            let value =
                json!({ "line": line, "column": column, "field": fault.field, "reason": fault.reason, "row": row.trim_end() });
            writeln!(file, "{value}").map_err(io(self.path.display()))?;
        }
        Ok(())
    }
}

fn fault(field: &str, reason: &str) -> Vec<RowFault> {
    vec![RowFault { field: field.into(), reason: reason.into() }]
}

/// What one row asks for.
enum Wanted {
    Nothing,
    New(AreaId, Vec<Edit>, ActionId),
    Change(RecordId, AreaId, Vec<Edit>),
}

impl Node {
    /// Imports a household file.
    pub(crate) async fn import_households(
        &self,
        file: &Path,
        mut progress: impl FnMut(u64, u64) + Send + 'static,
    ) -> Result<Value, NodeError> {
        let areas = self.covered_villages().await?;
        let mut lines = Lines::open(file)?;
        let mut rejects = Rejects::beside(file);
        let mut seen = BTreeSet::new();
        let [mut imported, mut changed, mut unchanged, mut elsewhere] = [0_u64; 4];
        let mut batch: Vec<Action> = Vec::new();
        while let Some((number, line)) = lines.next()? {
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let row = match self.read_row(&line, &areas, &mut seen) {
                Ok(row) => row,
                Err((column, faults)) => {
                    rejects.add(number, column, &faults, &line)?;
                    continue;
                }
            };
            let (wanted, known_person) = self.wanted(&row, &areas, &line)?;
            elsewhere += u64::from(known_person);
            match wanted {
                Wanted::Nothing => unchanged += 1,
                Wanted::Change(record, area, edits) => {
                    changed += 1;
                    for edit in edits {
                        batch.push(self.row_action(
                            area,
                            RecordRef::Known(record),
                            edit,
                            ActionId(entropy::bytes().map_err(io("random numbers"))?),
                        ));
                    }
                }
                Wanted::New(area, edits, id) => {
                    imported += 1;
                    let mut edits = edits.into_iter();
                    let Some(first) = edits.next() else { continue };
                    let rest: Vec<Edit> = edits.collect();
                    batch.push(self.row_action(area, RecordRef::New(Kind::HOUSEHOLD), first, id));
                    if !rest.is_empty() {
                        let record =
                            self.flush(&mut batch).await?.ok_or_else(|| NodeError::Told("the household was not made".into()))?;
                        for edit in rest {
                            batch.push(self.row_action(
                                area,
                                RecordRef::Known(record),
                                edit,
                                ActionId(entropy::bytes().map_err(io("random numbers"))?),
                            ));
                        }
                    }
                }
            }
            if batch.len() >= BATCH {
                self.flush(&mut batch).await?;
                progress(lines.read, lines.total);
            }
        }
        self.flush(&mut batch).await?;
        progress(lines.total, lines.total);
        if imported + changed + unchanged == 0 && rejects.count > 0 {
            return Err(NodeError::Told(format!("no row could be imported; see {}", rejects.path.display())));
        }
        Ok(json!({
            "imported": imported,
            "changed": changed,
            "unchanged": unchanged,
            "rejected": rejects.count,
            "persons_elsewhere": elsewhere,
            "rejects_file": rejects.file.as_ref().map(|_| rejects.path.display().to_string()),
        }))
    }

    fn row_action(&self, area: AreaId, record: RecordRef, edit: Edit, id: ActionId) -> Action {
        let drafts = vec![Draft { place: registry(area), record, edit }];
        Action { id, staff: CONSOLE.into(), claimed_ms: self.clock().now().wall_ms, shown: Vec::new(), drafts }
    }

    async fn flush(&self, batch: &mut Vec<Action>) -> Result<Option<RecordId>, NodeError> {
        let actions = std::mem::take(batch);
        let done = self.writer().commit(actions).await.map_err(|error| NodeError::Told(error.to_string()))?;
        Ok(done.last().and_then(|done| done.records.last().copied()))
    }

    async fn covered_villages(&self) -> Result<BTreeMap<String, AreaId>, NodeError> {
        let me = self.device();
        let covered = self.writer().with(move |engine| {
            let control = engine.replica().control();
            let office = control.office_of(&me);
            let villages = control.divisions.iter().filter(|area| area.tier == Tier::Village);
            let covered =
                villages.filter(|area| office.as_ref().is_some_and(|office| office.covers(&control.divisions, area.id)));
            covered.map(|area| (area.code.clone(), area.id)).collect()
        });
        Ok(covered.await?)
    }

    fn read_row(
        &self,
        line: &[u8],
        areas: &BTreeMap<String, AreaId>,
        seen: &mut BTreeSet<String>,
    ) -> Result<Row, (usize, Vec<RowFault>)> {
        let text = std::str::from_utf8(line).map_err(|error| (error.valid_up_to() + 1, fault("", "不是 UTF-8 编码")))?;
        let text = text.trim_start_matches('\u{feff}');
        let json: Map<String, Value> =
            serde_json::from_str(text).map_err(|error| (error.column(), fault("", "不是一行完整的 JSON 对象")))?;
        let row = check_row(&json, |code| areas.contains_key(code)).map_err(|faults| (1, faults))?;
        if !row.id().is_empty() && !seen.insert(row.id()) {
            return Err((1, fault("id", "同一文件中编号重复")));
        }
        Ok(row)
    }

    /// What a row asks for, and whether one of its persons lives in another household already.
    fn wanted(&self, row: &Row, areas: &BTreeMap<String, AreaId>, line: &[u8]) -> Result<(Wanted, bool), NodeError> {
        let area = areas.get(&row.region()).copied().ok_or_else(|| NodeError::Told("the area is not covered".into()))?;
        let (known, elsewhere) = self.readers().read(|reader| {
            let known = if row.id().is_empty() { None } else { reader.import_key(&row.id())?.into_iter().next() };
            let mut elsewhere = false;
            for number in row.id_numbers() {
                let others = reader.households_of_person(&number)?;
                elsewhere |= others.iter().any(|other| Some(*other) != known.map(|(record, _)| record));
            }
            let known = match known {
                Some((record, area)) => reader.document(&record)?.map(|document| (record, area, document)),
                None => None,
            };
            Ok((known, elsewhere))
        })?;
        let wanted = match known {
            Some((record, area, document)) => {
                let edits = diff(&document.doc, row);
                if edits.is_empty() { Wanted::Nothing } else { Wanted::Change(record, area, edits) }
            }
            None => {
                let id = short(Hash::of("shouwang import row 1", &[&self.device().0, row.id().as_bytes(), line]));
                Wanted::New(area, create(row), id)
            }
        };
        Ok((wanted, elsewhere))
    }

    /// Applies a list of edits; with `check`, only counts those of which nothing can be found.
    pub(crate) async fn import_edits(
        &self,
        file: &Path,
        check: bool,
        mut progress: impl FnMut(u64, u64) + Send + 'static,
    ) -> Result<Value, NodeError> {
        let mut lines = Lines::open(file)?;
        let [mut applied, mut missing] = [0_u64; 2];
        while let Some((number, line)) = lines.next()? {
            let wrong = |why: &str| NodeError::Told(format!("line {number}: {why}"));
            let edit: Value = serde_json::from_slice(&line).map_err(|_| wrong("not JSON"))?;
            let key = edit.get("id").and_then(Value::as_str).ok_or_else(|| wrong("no id"))?.to_owned();
            let (record, area) = self
                .readers()
                .read(|reader| reader.import_key(&key))?
                .into_iter()
                .next()
                .ok_or_else(|| wrong("no such household"))?;
            let fields = edit.get("set").and_then(Value::as_object).cloned().unwrap_or_default();
            let aid = edit.get("aid").and_then(Value::as_object).cloned();
            if check {
                let household =
                    self.readers().read(|reader| reader.household(&record))?.ok_or_else(|| wrong("no such household"))?;
                missing += unfound(&household.household, &fields, aid.as_ref());
            } else {
                let mut edits = Vec::new();
                for (field, value) in &fields {
                    edits.push(set(field, value).map_err(|fault| wrong(&format!("{}: {}", fault.field, fault.reason)))?);
                }
                if let Some(aid) = &aid {
                    edits.push(add_aid(aid).map_err(|_| wrong("the aid row does not fit"))?);
                }
                let id = short(Hash::of("shouwang import edit 1", &[&self.device().0, &line]));
                let action = self.row_action(area, RecordRef::Known(record), together(edits), id);
                self.writer().commit(vec![action]).await.map_err(|error| NodeError::Told(error.to_string()))?;
                applied += 1;
            }
            progress(lines.read, lines.total);
        }
        Ok(json!({ "applied": applied, "missing": missing }))
    }
}

/// Edits of which a reader of the household finds nothing: neither as the value nor as a conflicting one.
fn unfound(household: &Household, fields: &Map<String, Value>, aid: Option<&Map<String, Value>>) -> u64 {
    let row = household.row();
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let conflicting = |field: &str, wanted: &str| {
        let of_field = household.conflicts.iter().filter(|conflict| conflict.field == field);
        of_field
            .flat_map(|conflict| &conflict.values)
            .any(|(value, _)| value == wanted || value.trim_end_matches(".00") == wanted)
    };
    let lost = fields
        .iter()
        .filter(|(field, value)| row.get(*field).map(plain) != Some(plain(value)) && !conflicting(field, &plain(value)))
        .count();
    let number = aid.and_then(|aid| aid.get("no")).map(plain);
    let listed = row.get("aid").and_then(Value::as_array).into_iter().flatten().any(|aid| aid.get("no").map(plain) == number);
    lost as u64 + u64::from(aid.is_some() && !listed)
}
