//! Household files in and out, and lists of edits, through the Desk.

use super::{Node, NodeError, io};
use crate::console;
use crate::desk::export::{Export, FileForm, What};
use crate::desk::import::{Report, Told};
use crate::desk::{Command, DeskError, HouseholdChange};
use serde_json::{Map, Value, json};
use shouwang_protocol::hash::Hash;
use shouwang_protocol::record::ActionId;
use shouwang_protocol::records::household::Household;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

/// The id of an edit: the same line on the same machine is the same action.
fn edit_id(device: &[u8; 32], line: &str) -> ActionId {
    let mut id = [0; 16];
    id.copy_from_slice(&Hash::of("shouwang import edit 1", &[device, line.as_bytes()]).0[..16]);
    ActionId(id)
}

impl Node {
    /// Imports a household file.
    pub(crate) async fn import_households(&self, file: &Path, progress: impl FnMut(u64, u64) + Send) -> Result<Value, NodeError> {
        let desk = self.desk().await?;
        let console = desk.console().await?;
        let report = desk.import_file(&console, file, progress).await.map_err(told)?;
        if report.rows > 0 && report.rejected == report.rows {
            let rejects = report.rejects_file.unwrap_or_default();
            return Err(NodeError::Told(format!("no row could be imported; see {}", rejects.display())));
        }
        Ok(counts(&report))
    }

    /// Brings in what sources answered to checks.
    pub(crate) async fn import_answers(&self, file: &Path) -> Result<Value, NodeError> {
        let desk = self.desk().await?;
        let console = desk.console().await?;
        let report = desk.import_answers(&console, file).await.map_err(told)?;
        let rejected = report.rejected.len() as u64;
        if report.rows > 0 && rejected == report.rows {
            let rejects = report.rejects_file.unwrap_or_default();
            return Err(NodeError::Told(format!("no row could be imported; see {}", rejects.display())));
        }
        Ok(json!({
            "rows": report.rows,
            "added": report.added,
            "same": report.same,
            "rejected": rejected,
            "rejects_file": report.rejects_file,
        }))
    }

    /// Says what importing a household file would change: counts, and the first `limit` rows of each kind.
    pub(crate) async fn preview_households(
        &self,
        file: &Path,
        limit: usize,
        progress: impl FnMut(u64, u64) + Send,
    ) -> Result<Value, NodeError> {
        let desk = self.desk().await?;
        let console = desk.console().await?;
        let (mut changed, mut elsewhere, mut rejects) = (Vec::new(), Vec::new(), Vec::new());
        let put = |list: &mut Vec<Value>, value: Value| {
            if list.len() < limit {
                list.push(value);
            }
        };
        let tell = |told: Told| match told {
            Told::Rejected(reject) => put(&mut rejects, json!(reject)),
            Told::Shown(shown) => {
                if !shown.elsewhere.is_empty() {
                    put(&mut elsewhere, json!({ "line": shown.line, "id": shown.id, "persons": shown.elsewhere }));
                }
                if !shown.new {
                    put(
                        &mut changed,
                        json!({ "line": shown.line, "id": shown.id, "head": shown.head, "changes": shown.changes }),
                    );
                }
            }
        };
        let report = desk.preview_file(&console, file, tell, progress).await.map_err(told)?;
        let mut value = counts(&report);
        if let Some(object) = value.as_object_mut() {
            object.remove("rejects_file");
            object.insert("preview".into(), true.into());
            object.insert("changed_rows".into(), changed.into());
            object.insert("persons_elsewhere_rows".into(), elsewhere.into());
            object.insert("rejected_rows".into(), rejects.into());
        }
        Ok(value)
    }

    /// Writes households or cases to a file that only its owner may read; what kind of file follows from its name.
    pub(crate) async fn export(&self, what: What, out: &Path, area: Option<String>, purpose: String) -> Result<Value, NodeError> {
        let ending = out.extension().unwrap_or_default().to_string_lossy();
        let form = FileForm::of(&ending).ok_or_else(|| NodeError::Told("--out must end in .xlsx, .csv or .jsonl".into()))?;
        let desk = self.desk().await?;
        let console = desk.console().await?;
        let exported = desk.export(&console, Export { what, form, area, purpose }).await.map_err(told)?;
        let (path, bytes) = (out.to_owned(), exported.bytes);
        let written = tokio::task::spawn_blocking(move || console::write_private(&path, &bytes)).await;
        written.map_err(|error| NodeError::Told(error.to_string()))?.map_err(io(out.display()))?;
        Ok(json!({ "written": out, "rows": exported.rows }))
    }

    /// Applies a list of edits; with `check`, only counts those of which nothing can be found.
    pub(crate) async fn import_edits(
        &self,
        file: &Path,
        check: bool,
        mut progress: impl FnMut(u64, u64) + Send,
    ) -> Result<Value, NodeError> {
        let desk = self.desk().await?;
        let console = desk.console().await?;
        let input = std::fs::File::open(file).map_err(io(file.display()))?;
        let total = input.metadata().map_err(io(file.display()))?.len();
        let [mut applied, mut missing, mut read] = [0_u64; 3];
        for (number, line) in BufReader::new(input).lines().enumerate() {
            let line = line.map_err(io(file.display()))?;
            read += line.len() as u64 + 1;
            let wrong = |why: String| NodeError::Told(format!("line {}: {why}", number + 1));
            let edit: Value = serde_json::from_str(&line).map_err(|_| wrong("not JSON".into()))?;
            let key = edit.get("id").and_then(Value::as_str).ok_or_else(|| wrong("no id".into()))?.to_owned();
            let found = self.readers().read(|reader| reader.import_key(&key))?;
            let (record, _) = found.into_iter().next().ok_or_else(|| wrong("no such household".into()))?;
            let set = edit.get("set").and_then(Value::as_object).cloned().unwrap_or_default();
            let aid = edit.get("aid").and_then(Value::as_object).cloned();
            if check {
                let household = self.readers().read(|reader| reader.household(&record))?;
                let household = household.ok_or_else(|| wrong("no such household".into()))?;
                missing += unfound(&household.household, &set, aid.as_ref());
            } else {
                let change = HouseholdChange { set, new_aid: aid.into_iter().collect(), ..HouseholdChange::of(record) };
                let id = edit_id(&self.device().0, &line);
                desk.perform(&console, id, Command::ChangeHousehold(change)).await.map_err(|error| wrong(error.to_string()))?;
                applied += 1;
            }
            progress(read, total);
        }
        Ok(json!({ "applied": applied, "missing": missing }))
    }
}

/// What is wrong, without the advice for those who sit before a form.
fn told(error: DeskError) -> NodeError {
    match error {
        DeskError::Invalid { .. } => NodeError::Told(error.what()),
        error => error.into(),
    }
}

/// What became of a file, or would.
fn counts(report: &Report) -> Value {
    json!({
        "imported": report.created,
        "changed": report.changed,
        "unchanged": report.unchanged,
        "rejected": report.rejected,
        "persons_elsewhere": report.duplicates,
        "rejects_file": report.rejects_file,
        "notes": report.notes,
    })
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
