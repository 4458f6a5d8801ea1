//! Bringing in a file of households: a preview first, then the good rows.

use super::household;
use crate::desk::import::{Column, Mode, Reject, Report, Shown, Told};
use crate::desk::{DeskError, FieldChange};
use crate::web::App;
use crate::web::error::{self, Answer, WebError};
use crate::web::session::{self, Signed, SignedForm};
use crate::web::view::{Chip, Frame, Stub, Tone};
use crate::web::wording;
use askama::Template;
use axum::body::Bytes;
use axum::extract::{Multipart, Query, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse as _;
use serde::Deserialize;
use shouwang_protocol::records::staff::Role;
use std::sync::{Arc, Mutex, PoisonError};

/// Who brings in files.
pub const IMPORTERS: &[Role] = &[Role::Intake, Role::Reviewer, Role::Administrator];

/// The page.
#[derive(Template, Default)]
#[template(path = "import.html")]
pub struct ImportPage {
    /// The frame.
    pub frame: Frame,
    /// A word about it.
    pub lead: String,
    /// What went wrong.
    pub fault: String,
    /// The greatest file.
    pub limit: String,
    /// What the file holds, or what was done.
    pub preview: Option<Preview>,
}

/// What a file holds.
#[derive(Default)]
pub struct Preview {
    /// Whether it is a preview or done.
    pub title: String,
    /// The file's name.
    pub file: String,
    /// Counts.
    pub counts: Vec<(&'static str, String, Tone)>,
    /// The first rows that can't be taken.
    pub rejects: Vec<RejectRow>,
    /// How many there are.
    pub reject_total: u64,
    /// Where all of them are.
    pub download: String,
    /// What of the file was read in a way that a person should know.
    pub notes: Vec<String>,
    /// Households that change or that share a person with another, a part of them.
    pub shown: Vec<ShownRow>,
    /// Which part.
    pub shown_part: String,
    /// The part before.
    pub before: Option<String>,
    /// The part after.
    pub after: Option<String>,
    /// Whether it can be confirmed.
    pub can_go: bool,
    /// Where to confirm.
    pub target: String,
    /// The form's own.
    pub stub: Stub,
    /// How many can be taken.
    pub good: u64,
    /// A word.
    pub note: String,
}

/// What a row will do.
#[derive(Default)]
pub struct ShownRow {
    /// Its line.
    pub line: u64,
    /// The household.
    pub head: String,
    /// New, or changed.
    pub state: Chip,
    /// What changes: field, from, to.
    pub changes: Vec<(String, String, String)>,
    /// Who lives in another household too.
    pub elsewhere: Vec<String>,
}

/// A fault of a row.
#[derive(Default)]
pub struct RejectRow {
    /// Its line; of a workbook with its sheet.
    pub line: String,
    /// The field.
    pub field: String,
    /// Why.
    pub reason: String,
}

/// Bytes of a file at most.
pub const FILE_BYTES_MAX: usize = 48 * 1024 * 1024;
/// The same, for people.
const FILE_LIMIT: &str = "48 MB";
/// Bytes of the rest of an upload: boundaries, the form's token.
const ENVELOPE_BYTES: usize = 64 * 1024;
/// Files that wait to be confirmed at most; the oldest goes first.
const UPLOADS_MAX: usize = 4;
/// Rejected rows that a page shows.
const REJECTS_SHOWN: usize = 200;
/// Rejected rows that can be downloaded.
const REJECTS_MAX: usize = 20_000;
/// Rows that will do something, of which a preview is kept.
const SHOWN_MAX: usize = 20_000;
/// Those of them on one page.
const SHOWN_ROWS: usize = 50;

/// Bytes of a request that brings a file.
pub const UPLOAD_BYTES_MAX: usize = FILE_BYTES_MAX + ENVELOPE_BYTES;

/// A file that was looked at. It stays in memory: what it holds is nobody's business on an unencrypted disk.
#[derive(Clone, Default)]
struct Upload {
    staff: String,
    name: String,
    // None once it was brought in.
    bytes: Option<Bytes>,
    report: Report,
    rejects: Arc<Vec<Reject>>,
    // Those that change, and those new ones of which a person lives elsewhere.
    shown: Arc<Vec<Shown>>,
}

/// Files that were looked at, one a person.
#[derive(Default)]
pub struct Uploads(Mutex<Vec<Upload>>);

impl Uploads {
    fn with<T>(&self, look: impl FnOnce(&mut Vec<Upload>) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn put(&self, upload: Upload) {
        self.with(|uploads| {
            uploads.retain(|other| other.staff != upload.staff);
            if uploads.len() >= UPLOADS_MAX {
                uploads.remove(0);
            }
            uploads.push(upload);
        });
    }

    fn of(&self, staff: &str) -> Option<Upload> {
        self.with(|uploads| uploads.iter().find(|upload| upload.staff == staff).cloned())
    }
}

async fn page(app: &App, signed: &Signed, fault: String, preview: Option<Preview>) -> Result<ImportPage, WebError> {
    if !signed.person.has(IMPORTERS) {
        return Err(DeskError::NotPermitted { why: "您的角色不导入名册".to_owned() }.into());
    }
    Ok(ImportPage {
        frame: app.frame(signed, "导入", "/import").await?,
        lead: "先看清文件里有什么，确认后才写入。".to_owned(),
        fault,
        limit: FILE_LIMIT.to_owned(),
        preview,
    })
}

/// `GET /import`
pub async fn form(State(app): State<App>, signed: Signed) -> Answer {
    error::show(&page(&app, &signed, String::new(), None).await?)
}

fn shown_row(shown: &Shown) -> ShownRow {
    let word = |text: &str| if text.is_empty() { "（空）".to_owned() } else { text.to_owned() };
    let member = |change: &FieldChange| match change.row {
        Some(_) if !matches!(change.field.as_str(), "members" | "aid" | "holdings") => {
            format!("{}（成员、受助或身份类别）", change.label)
        }
        _ => change.label.clone(),
    };
    ShownRow {
        line: shown.line,
        head: if shown.head.is_empty() { shown.id.clone() } else { shown.head.clone() },
        state: if shown.new { Chip::new(Tone::Good, "新家庭") } else { Chip::new(Tone::Accent, "有修改") },
        changes: shown.changes.iter().map(|change| (member(change), word(&change.was), word(&change.now))).collect(),
        elsewhere: shown
            .elsewhere
            .iter()
            .map(|person| match person.head.is_empty() {
                true => format!("{}也在{}", word(&person.name), person.place),
                false => format!("{}也在{} {} 户", word(&person.name), person.place, person.head),
            })
            .collect(),
    }
}

fn preview(signed: &Signed, upload: &Upload, from: usize, done: bool) -> Result<Preview, WebError> {
    let report = &upload.report;
    let loud = |number: u64, tone| if number > 0 { tone } else { Tone::Plain };
    let (new, changed) = if done { ("已新建", "已修改") } else { ("新家庭", "有修改") };
    let mut counts = vec![
        (new, wording::count(report.created), loud(report.created, Tone::Good)),
        (changed, wording::count(report.changed), loud(report.changed, Tone::Accent)),
        ("没有变化", wording::count(report.unchanged), Tone::Plain),
        ("不能导入", wording::count(report.rejected), loud(report.rejected, Tone::Bad)),
    ];
    if report.duplicates > 0 {
        counts.push(("有人在别户", wording::count(report.duplicates), Tone::Warn));
    }
    let row = |reject: &Reject| RejectRow {
        line: match &reject.sheet {
            Some(sheet) => format!("{sheet} {}", reject.line),
            None => reject.line.to_string(),
        },
        field: match &reject.column {
            Some(Column::Header(header)) => header.clone(),
            _ => household::field_label(None, &reject.field),
        },
        reason: match &reject.column {
            Some(Column::Place(column)) => format!("{}（第 {column} 列）", reject.reason),
            _ => reject.reason.clone(),
        },
    };
    let from = from.min(upload.shown.len());
    let part = upload.shown.iter().skip(from).take(SHOWN_ROWS);
    let until = from + part.len();
    let address = |from: usize| format!("/import/preview?from={from}");
    let good = report.created + report.changed;
    let note = match (done, report.duplicates > 0, good) {
        (false, _, 0) => "没有可以写入的内容。",
        (_, true, _) => "有人同时在别的家庭里：照样导入，并列入“重复登记”等待核对。",
        (true, ..) => "已存本机，联网后自动上传。",
        _ => "同一名册再导一次不会重复。",
    };
    Ok(Preview {
        title: if done { "导入完成" } else { "预览，还没有写入" }.to_owned(),
        file: upload.name.clone(),
        counts,
        rejects: upload.rejects.iter().take(REJECTS_SHOWN).map(row).collect(),
        reject_total: report.rejected,
        download: "/import/rejects".to_owned(),
        notes: report.notes.clone(),
        shown: part.map(shown_row).collect(),
        shown_part: format!("第 {} 到 {until} 户，共 {} 户", from + usize::from(until > from), upload.shown.len()),
        before: (from > 0).then(|| address(from.saturating_sub(SHOWN_ROWS))),
        after: (until < upload.shown.len()).then(|| address(until)),
        can_go: !done && good > 0,
        target: "/import/go".to_owned(),
        stub: signed.stub()?,
        good,
        note: note.to_owned(),
    })
}

/// Looks at a file, or brings it in.
async fn take(app: &App, signed: &Signed, name: &str, bytes: Bytes, mode: Mode) -> Result<Upload, DeskError> {
    let (mut rejects, mut shown) = (Vec::new(), Vec::new());
    let keep = |told: Told| match told {
        Told::Rejected(reject) if rejects.len() < REJECTS_MAX => rejects.push(reject),
        Told::Shown(row) if shown.len() < SHOWN_MAX && !(row.new && row.elsewhere.is_empty()) => shown.push(row),
        _ => {}
    };
    let report = app.desk().import_upload(&signed.person, name, bytes.clone(), mode, keep).await?;
    Ok(Upload {
        staff: signed.person.id.clone(),
        name: name.to_owned(),
        bytes: (mode == Mode::Check).then_some(bytes),
        report,
        rejects: Arc::new(rejects),
        shown: Arc::new(shown),
    })
}

/// `POST /import`: the form's token comes first, then the file.
pub async fn upload(State(app): State<App>, signed: Signed, mut parts: Multipart) -> Answer {
    let unreadable = |_| WebError::Unreadable;
    let token = parts.next_field().await.map_err(unreadable)?.filter(|part| part.name() == Some("csrf"));
    let token = match token {
        Some(part) => part.text().await.map_err(unreadable)?,
        None => String::new(),
    };
    if !session::same(&token, &signed.csrf) {
        return Err(WebError::Forged);
    }
    let part =
        parts.next_field().await.map_err(unreadable)?.filter(|part| part.name() == Some("file")).ok_or(WebError::Unreadable)?;
    let name: String = part.file_name().unwrap_or_default().chars().take(120).collect();
    let Ok(bytes) = part.bytes().await else {
        let fault =
            format!("文件读不完整，或超过 {FILE_LIMIT}。大的名册请分成几个文件，或用命令 shouwang import households 导入。");
        return error::show_as(StatusCode::PAYLOAD_TOO_LARGE, &page(&app, &signed, fault, None).await?);
    };
    let upload = match take(&app, &signed, &name, bytes, Mode::Check).await {
        Ok(upload) => upload,
        // The whole file can't be read; the page says why, and is ready for another.
        Err(error @ DeskError::Invalid { .. }) => {
            return error::show_as(error::status(&error), &page(&app, &signed, error.what(), None).await?);
        }
        Err(error) => return Err(error.into()),
    };
    let preview = preview(&signed, &upload, 0, false)?;
    app.uploads().put(upload);
    error::show(&page(&app, &signed, String::new(), Some(preview)).await?)
}

/// Which part of a preview.
#[derive(Deserialize)]
pub struct Part {
    from: usize,
}

/// `GET /import/preview`: a further part of what will change.
pub async fn part(State(app): State<App>, signed: Signed, Query(asked): Query<Part>) -> Answer {
    let upload = app.uploads().of(&signed.person.id).filter(|upload| upload.bytes.is_some()).ok_or(WebError::NoPage)?;
    let preview = preview(&signed, &upload, asked.from, false)?;
    error::show(&page(&app, &signed, String::new(), Some(preview)).await?)
}

/// `POST /import/go`. Pressed twice, or again after a crash, it adds nothing: rows are known by their keys.
pub async fn go(State(app): State<App>, sent: SignedForm) -> Answer {
    let signed = &sent.signed;
    let upload = app.uploads().of(&signed.person.id);
    let Some((upload, bytes)) = upload.and_then(|upload| upload.bytes.clone().map(|bytes| (upload, bytes))) else {
        let fault = "这个文件已经导入，或预览已经过期，请重新选择文件。已经写入的不会重复。".to_owned();
        return error::show_as(StatusCode::CONFLICT, &page(&app, signed, fault, None).await?);
    };
    let upload = take(&app, signed, &upload.name, bytes, Mode::Write).await?;
    let preview = preview(signed, &upload, 0, true)?;
    app.uploads().put(upload);
    error::show(&page(&app, signed, String::new(), Some(preview)).await?)
}

/// `GET /import/rejects`: line, column, field, reason and the row, a line each.
pub async fn rejects(State(app): State<App>, signed: Signed) -> Answer {
    let upload = app.uploads().of(&signed.person.id).ok_or(WebError::NoPage)?;
    let mut text = String::new();
    for reject in upload.rejects.iter() {
        let line = serde_json::to_string(reject).map_err(|error| WebError::Fault(error.to_string()))?;
        text.push_str(&line);
        text.push('\n');
    }
    let headers = [
        (header::CONTENT_TYPE, "application/x-ndjson; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"rejects.jsonl\""),
    ];
    Ok((headers, text).into_response())
}
