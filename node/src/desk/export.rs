//! Taking data out: who may, what goes out, and the note that is kept of it.
//!
//! What leaves the machine is no longer protected by it, so only reviewers and administrators export, each export has
//! a purpose, and it stands in a list that auditors read before a single byte is handed over. One export is one
//! snapshot.

use super::model::Person;
use super::outcome::DeskError;
use super::statistics::{By, Question};
use super::{Desk, Room, permit};
use crate::store::ExportRow;
use crate::store::reader::{CaseFilter, CaseRow, HouseholdFilter, Listed, Page};
use crate::tables::register;
use crate::tables::write::{self, Out, Table};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use shouwang_protocol::area::AreaId;
use shouwang_protocol::record::ActionId;
use shouwang_protocol::records::amount::Fen;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::staff::Role;
use std::collections::BTreeMap;

/// Who exports.
pub const EXPORTERS: &[Role] = &[Role::Reviewer, Role::Administrator];
/// Who reads the list of exports.
pub const READERS_OF_EXPORTS: &[Role] = &[Role::Auditor, Role::Administrator];
/// Households or cases of one export at most.
const ROWS_MAX: usize = 20_000;
/// Rows read at a time.
const STRIDE: u32 = 500;
/// Characters of a purpose.
pub(super) const PURPOSE_CHARS: std::ops::RangeInclusive<usize> = 2..=200;

/// What goes out.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Households, with their members and aid.
    Households,
    /// Cases.
    Cases,
    /// The annual files of a year.
    Years(i32),
    /// The tables of statistics.
    #[serde(skip)]
    Statistics(Question, By),
    /// The lines of aid behind a figure.
    #[serde(skip)]
    Benefits(Question),
    /// The cases behind a figure.
    #[serde(skip)]
    Accounts(Question),
}

/// As which kind of file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileForm {
    /// A workbook.
    Xlsx,
    /// Comma-separated values.
    Csv,
    /// A JSON object a line, the household file.
    Jsonl,
}

impl What {
    /// The word in lists and names of files.
    pub fn word(&self) -> &'static str {
        match self {
            What::Households => "households",
            What::Cases => "cases",
            What::Years(_) => "years",
            What::Statistics(..) => "statistics",
            What::Benefits(_) => "statistics_items",
            What::Accounts(_) => "statistics_cases",
        }
    }

    /// What a word of [`What::word`] is called on screens; none: it is no word of these.
    pub fn label(word: &str) -> Option<&'static str> {
        match word {
            "households" => Some("家庭档案"),
            "cases" => Some("事项"),
            "years" => Some("帮扶清单"),
            "statistics" => Some("综合统计"),
            "statistics_items" => Some("受助明细"),
            "statistics_cases" => Some("事项明细"),
            _ => None,
        }
    }

    /// As what it can go out.
    pub fn forms(&self) -> &'static [FileForm] {
        match self {
            What::Households | What::Cases => &[FileForm::Xlsx, FileForm::Csv, FileForm::Jsonl],
            What::Years(_) | What::Benefits(_) | What::Accounts(_) => &[FileForm::Xlsx, FileForm::Csv],
            // Several tables, none of which says it all.
            What::Statistics(..) => &[FileForm::Xlsx],
        }
    }
}

impl FileForm {
    /// The ending of a file's name.
    pub fn ending(self) -> &'static str {
        match self {
            FileForm::Xlsx => "xlsx",
            FileForm::Csv => "csv",
            FileForm::Jsonl => "jsonl",
        }
    }

    /// By the ending.
    pub fn of(ending: &str) -> Option<FileForm> {
        [FileForm::Xlsx, FileForm::Csv, FileForm::Jsonl].into_iter().find(|form| ending.eq_ignore_ascii_case(form.ending()))
    }
}

/// An export that somebody asks for.
#[derive(Clone, Debug)]
pub struct Export {
    /// What.
    pub what: What,
    /// As what.
    pub form: FileForm,
    /// Of which area (code) and those below it; none: all that the machine holds.
    pub area: Option<String>,
    /// What for.
    pub purpose: String,
}

/// A file that may go out now.
pub struct Exported {
    /// Its content.
    pub bytes: Vec<u8>,
    /// How many households or cases.
    pub rows: u64,
}

impl Desk {
    /// Writes down who exports what, and gives the file.
    pub async fn export(&self, person: &Person, export: Export) -> Result<Exported, DeskError> {
        permit::role_or_console(person, EXPORTERS)?;
        let purpose = export.purpose.trim().to_owned();
        if !person.is_console() && !PURPOSE_CHARS.contains(&purpose.chars().count()) {
            return Err(DeskError::invalid("purpose", "请写明导出的用途（2 到 200 字）"));
        }
        if !export.what.forms().contains(&export.form) {
            let forms: Vec<&str> = export.what.forms().iter().map(|form| form.ending()).collect();
            return Err(DeskError::invalid("form", format!("这一内容只能导出 .{}", forms.join("、."))));
        }
        let at_ms = self.clock().now().wall_ms;
        let mut note = ExportRow {
            at_ms,
            staff: person.id.clone(),
            name: person.name.clone(),
            what: export.what.word().to_owned(),
            area: export.area.clone().unwrap_or_default(),
            form: export.form.ending().to_owned(),
            rows: 0,
            purpose: purpose.chars().take(*PURPOSE_CHARS.end()).collect(),
        };
        let exported = self.in_room(person, ActionId([0; 16]), move |room| room.export(&export, at_ms)).await?;
        note.rows = exported.rows;
        self.local(move |local| local.note_export(&note)).await?;
        Ok(exported)
    }

    /// What was exported from this machine, the latest first.
    pub async fn exports(&self, person: &Person, page: Page) -> Result<Listed<ExportRow>, DeskError> {
        permit::role_or_console(person, READERS_OF_EXPORTS)?;
        self.in_room(person, ActionId([0; 16]), move |room| Ok(room.reader.exports(page)?)).await
    }
}

pub(super) fn unwritten(error: impl std::fmt::Display) -> DeskError {
    DeskError::Store { why: format!("文件生成失败：{error}") }
}

fn json_lines(rows: impl Iterator<Item = Value>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for row in rows {
        bytes.extend_from_slice(row.to_string().as_bytes());
        bytes.push(b'\n');
    }
    bytes
}

/// All pages of a list, up to the limit of an export.
pub(super) fn all<T>(mut read: impl FnMut(Page) -> Result<Listed<T>, DeskError>) -> Result<Vec<T>, DeskError> {
    let mut rows = Vec::new();
    loop {
        let listed = read(Page { offset: rows.len() as u64, limit: STRIDE })?;
        rows.extend(listed.rows);
        if rows.len() > ROWS_MAX {
            return Err(DeskError::invalid("area", format!("一次最多导出 {ROWS_MAX} 条，请按镇(街道)或村(社区)分次导出")));
        }
        if !listed.more {
            return Ok(rows);
        }
    }
}

/// A day in a cell.
pub(super) fn day(day: Option<Day>) -> Out {
    day.map(|day| day.to_string()).unwrap_or_default().into()
}

/// Yuan in a cell, to calculate with.
pub(super) fn yuan(fen: Option<Fen>) -> Out {
    fen.map_or(Out::Empty, |fen| Out::Number(fen.0 as f64 / 100.0))
}

impl Room<'_> {
    fn export(&self, export: &Export, at_ms: i64) -> Result<Exported, DeskError> {
        let within = match &export.area {
            None => Vec::new(),
            Some(code) => {
                let area = self.divisions.by_code(code).ok_or_else(|| DeskError::invalid("area", "没有这个区划代码"))?;
                permit::covers(&self.here, &self.divisions, area.id)?;
                vec![area.id]
            }
        };
        match &export.what {
            What::Households => self.export_households(export.form, within),
            What::Cases => self.export_cases(export.form, within),
            What::Years(year) => self.export_years(*year, export.form, within, at_ms),
            What::Statistics(question, by) => self.export_statistics(question, *by, at_ms),
            What::Benefits(question) => self.export_benefits(question, export.form, at_ms),
            What::Accounts(question) => self.export_accounts(question, export.form, at_ms),
        }
    }

    fn export_households(&self, form: FileForm, within: Vec<AreaId>) -> Result<Exported, DeskError> {
        let filter = HouseholdFilter { within, ..HouseholdFilter::default() };
        let mut households: Vec<Map<String, Value>> = Vec::new();
        for row in all(|page| Ok(self.reader.households(&filter, page)?))? {
            let Some(detail) = self.reader.household(&row.record)? else { continue };
            households.push(detail.household.row());
        }
        let rows = households.len() as u64;
        let bytes = match form {
            FileForm::Jsonl => json_lines(households.into_iter().map(Value::Object)),
            FileForm::Csv => write::csv(&register::flat(&households)).map_err(unwritten)?,
            FileForm::Xlsx => {
                let sheets = register::sheets(&households);
                // Not twice in memory longer than need be.
                drop(households);
                write::xlsx(sheets).map_err(unwritten)?
            }
        };
        Ok(Exported { bytes, rows })
    }

    fn export_cases(&self, form: FileForm, within: Vec<AreaId>) -> Result<Exported, DeskError> {
        let filter = CaseFilter { within, ..CaseFilter::default() };
        let cases = all(|page| Ok(self.reader.cases(&filter, page)?))?;
        let rows = cases.len() as u64;
        if form == FileForm::Jsonl {
            let rows: Result<Vec<Value>, _> = cases.iter().map(serde_json::to_value).collect();
            return Ok(Exported { bytes: json_lines(rows.map_err(unwritten)?.into_iter()), rows: cases.len() as u64 });
        }
        let packs = self.reader.packs()?;
        let kinds: BTreeMap<&str, &str> = self
            .pack(&packs)
            .map(|pack| pack.kinds.iter().map(|kind| (kind.code.as_str(), kind.name.as_str())).collect())
            .unwrap_or_default();
        let mut keys = BTreeMap::new();
        for record in cases.iter().filter_map(|case| case.household) {
            if let std::collections::btree_map::Entry::Vacant(place) = keys.entry(record) {
                let household = self.reader.household(&record)?;
                place.insert(household.map(|detail| detail.row.import_id).unwrap_or_default());
            }
        }
        let line = |case: &CaseRow| -> Vec<Out> {
            let turns: Vec<String> =
                case.turns.iter().map(|turn| format!("{} {}", turn.name, turn.what).trim().to_owned()).collect();
            let kind = kinds.get(case.assistance.as_str()).copied().unwrap_or(&case.assistance);
            let household = case.household.and_then(|record| keys.get(&record).cloned()).unwrap_or_default();
            vec![
                case.number.clone().unwrap_or_default().into(),
                case.case.to_string().into(),
                case.area_name.clone().into(),
                case.applicant.clone().into(),
                household.into(),
                case.origin.map(|origin| origin.label().to_owned()).unwrap_or_default().into(),
                case.urgency.label().to_owned().into(),
                kind.to_owned().into(),
                case.stage_name.to_owned().into(),
                day(case.since),
                day(case.opened_on),
                yuan(case.proposed),
                yuan(case.decided),
                yuan(case.paid),
                day(case.due),
                turns.join("；").into(),
            ]
        };
        let headers = [
            "受理编号",
            "事项编号",
            "村(社区)",
            "申请人",
            "户编号",
            "来源",
            "紧急程度",
            "救助种类",
            "办理状态",
            "状态起",
            "登记日期",
            "拟救助金额(元)",
            "审批金额(元)",
            "发放金额(元)",
            "期限",
            "待办",
        ];
        let table =
            Table { name: "事项", headers: headers.map(str::to_owned).to_vec(), rows: cases.iter().map(line).collect() };
        let bytes = match form {
            FileForm::Csv => write::csv(&table).map_err(unwritten)?,
            _ => write::xlsx(vec![table]).map_err(unwritten)?,
        };
        Ok(Exported { bytes, rows })
    }
}
