//! Taking data out, with a purpose; and for auditors, who took what.

use crate::desk::export::{EXPORTERS, Export, FileForm, READERS_OF_EXPORTS, What};
use crate::desk::payments::EXPORT_WORD;
use crate::desk::{DeskError, carry, day_of};
use crate::store::ExportRow;
use crate::store::reader::Page;
use crate::web::App;
use crate::web::error::{self, Answer, WebError};
use crate::web::forms::Form;
use crate::web::session::{Signed, SignedForm};
use crate::web::view::{Choice, Field, Frame, Stub};
use crate::web::wording;
use askama::Template;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::IntoResponse as _;
use serde::Deserialize;

/// Exports that one page lists.
const ROWS: u32 = 50;
/// Milliseconds from UTC to the time of day in all of China.
const CHINA_MS: i64 = 8 * 3_600_000;

/// The page.
#[derive(Template, Default)]
#[template(path = "export.html")]
pub struct ExportPage {
    /// The frame.
    pub frame: Frame,
    /// What went wrong.
    pub fault: String,
    /// The form's own.
    pub stub: Stub,
    /// Its fields.
    pub fields: Vec<Field>,
    /// Whether the reader may export.
    pub may_export: bool,
    /// Whether the reader may see who exported.
    pub may_read: bool,
    /// Who did, the latest first.
    pub rows: Vec<ExportLine>,
    /// The next page.
    pub more: Option<String>,
}

/// One export.
#[derive(Default)]
pub struct ExportLine {
    /// When.
    pub at: String,
    /// Who.
    pub who: String,
    /// What.
    pub what: String,
    /// Of which area.
    pub area: String,
    /// As what.
    pub form: String,
    /// How many.
    pub rows: String,
    /// What for.
    pub purpose: String,
}

/// Which part of the list.
#[derive(Deserialize, Default)]
pub struct Asked {
    from: Option<u64>,
}

fn line(row: &ExportRow) -> ExportLine {
    let minutes = row.at_ms.saturating_add(CHINA_MS).div_euclid(60_000).rem_euclid(24 * 60);
    let or = |text: &str, open: &str| if text.is_empty() { open.to_owned() } else { text.to_owned() };
    ExportLine {
        at: format!("{} {:02}:{:02}", day_of(row.at_ms), minutes / 60, minutes % 60),
        who: format!("{}（{}）", row.name, row.staff),
        what: match row.what.as_str() {
            word if word == What::Cases.word() => "事项",
            EXPORT_WORD => "发放名册",
            carry::EXPORT_WORD => "传递文件",
            _ => "家庭档案",
        }
        .to_owned(),
        area: or(&row.area, "全部"),
        form: row.form.clone(),
        rows: wording::count(row.rows),
        purpose: or(&row.purpose, "（没有写）"),
    }
}

async fn page(app: &App, signed: &Signed, fault: String, form: &Form, from: u64) -> Result<ExportPage, WebError> {
    let (may_export, may_read) = (signed.person.has(EXPORTERS), signed.person.has(READERS_OF_EXPORTS));
    if !may_export && !may_read {
        return Err(DeskError::NotPermitted { why: "您的角色不导出数据".to_owned() }.into());
    }
    let choices = app.desk().choices(&signed.person).await?;
    let areas = std::iter::once((String::new(), "本机全部".to_owned()));
    let areas = areas.chain(choices.areas.iter().map(|area| (area.code.clone(), area.name.clone())));
    let forms = [
        ("xlsx", "Excel 工作簿（.xlsx，家庭、成员、受助记录各一表）"),
        ("csv", ".csv，一行一人"),
        ("jsonl", ".jsonl，可原样再导入"),
    ];
    let fields = vec![
        Field::select("what", "内容", Choice::list([("households", "家庭档案"), ("cases", "事项")], &form.text("what"))),
        Field::select("form", "文件种类", Choice::list(forms, &form.text("form"))),
        Field::select("area", "区划", Choice::list(areas, &form.text("area"))),
        Field::text("purpose", "用途").with(form.text("purpose")).hinted("写明给谁、做什么用；审计员可查").needed(),
    ];
    let (mut rows, mut more) = (Vec::new(), None);
    if may_read {
        let listed = app.desk().exports(&signed.person, Page { offset: from, limit: ROWS }).await?;
        rows = listed.rows.iter().map(line).collect();
        more = listed.more.then(|| format!("/households/export?from={}", from + u64::from(ROWS)));
    }
    Ok(ExportPage {
        frame: app.frame(signed, "导出", "/households").await?,
        fault,
        stub: signed.stub()?,
        fields,
        may_export,
        may_read,
        rows,
        more,
    })
}

/// `GET /households/export`
pub async fn form(State(app): State<App>, signed: Signed, Query(asked): Query<Asked>) -> Answer {
    error::show(&page(&app, &signed, String::new(), &Form::default(), asked.from.unwrap_or_default()).await?)
}

/// `POST /households/export`: the file, never kept by the browser.
pub async fn take(State(app): State<App>, sent: SignedForm) -> Answer {
    let form = FileForm::of(&sent.form.text("form")).unwrap_or(FileForm::Xlsx);
    let what = if sent.form.text("what") == What::Cases.word() { What::Cases } else { What::Households };
    let export = Export { what, form, area: sent.form.some("area"), purpose: sent.form.text("purpose") };
    let exported = match app.desk().export(&sent.signed.person, export).await {
        Ok(exported) => exported,
        Err(error @ DeskError::Invalid { .. }) => {
            return error::show_as(error::status(&error), &page(&app, &sent.signed, error.what(), &sent.form, 0).await?);
        }
        Err(error) => return Err(error.into()),
    };
    let kind = match form {
        FileForm::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        FileForm::Csv => "text/csv; charset=utf-8",
        FileForm::Jsonl => "application/x-ndjson; charset=utf-8",
    };
    let name = format!("attachment; filename=\"{}-{}.{}\"", what.word(), app.desk().today(), form.ending());
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CONTENT_DISPOSITION, name),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((headers, exported.bytes).into_response())
}
