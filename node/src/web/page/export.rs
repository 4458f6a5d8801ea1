//! Taking data out, with a purpose; and for auditors, who took what.

use super::{statistics, statistics_lists};
use crate::desk::export::{EXPORTERS, Export, FileForm, READERS_OF_EXPORTS, What};
use crate::desk::payments::EXPORT_WORD;
use crate::desk::statistics::{By, Question};
use crate::desk::{DeskError, carry, minute_of, vouch};
use crate::store::ExportRow;
use crate::store::reader::{Page, Period};
use crate::web::App;
use crate::web::error::{self, Answer, WebError};
use crate::web::forms::Form;
use crate::web::session::{Signed, SignedForm};
use crate::web::view::{Choice, Field, Frame, Stub};
use crate::web::wording;
use askama::Template;
use axum::extract::{Query, State};
use axum::http::{Uri, header};
use axum::response::IntoResponse as _;
use serde::Deserialize;
use shouwang_protocol::records::day::Day;

/// Exports that one page lists.
const ROWS: u32 = 50;

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
    /// What goes out, where it is not picked here.
    pub about: String,
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

/// Which part of the list, and what the form is about.
#[derive(Deserialize, Default)]
pub struct Asked {
    from: Option<u64>,
    what: Option<String>,
}

/// Where figures are taken out: this page, asked like the page that showed them.
pub fn address(word: &str, question: &Question, by: Option<By>) -> String {
    let by = by.map(|by| ("by", by.word().to_owned()));
    let more: Vec<_> = [("what", word.to_owned())].into_iter().chain(by).collect();
    statistics::address("/households/export", question, &more)
}

/// Figures that were picked on their own page.
struct Figures {
    what: What,
    /// The area's label.
    area: Option<String>,
    /// In words.
    about: String,
    /// The question, as in an address.
    of: String,
}

impl Figures {
    /// By a word and a question; none when the word is none of figures.
    fn asked(word: &str, figure: &statistics::Asked, today: Day) -> Result<Figures, WebError> {
        let question = figure.question(today).ok_or(WebError::NoPage)?;
        let by = figure.by();
        let what = match (word, question.period) {
            ("years", Period::Year(year)) => What::Years(year),
            ("statistics", _) => What::Statistics(question.clone(), by),
            ("statistics_items", _) => What::Benefits(question.clone()),
            ("statistics_cases", _) => What::Accounts(question.clone()),
            _ => return Err(WebError::NoPage),
        };
        let address = address(word, &question, Some(by));
        Ok(Figures {
            area: question.area.map(|area| area.to_string()),
            about: format!("{}　{}", What::label(word).unwrap_or_default(), statistics_lists::words(&question)),
            of: address.split_once('?').map(|(_, query)| query.to_owned()).unwrap_or_default(),
            what,
        })
    }

    fn fields(&self, form: &Form) -> Vec<Field> {
        let label = |form: &FileForm| match form {
            FileForm::Xlsx => "Excel 工作簿（.xlsx，各表及说明）",
            FileForm::Csv => ".csv，只有第一张表",
            FileForm::Jsonl => ".jsonl",
        };
        let forms = self.what.forms().iter().map(|form| (form.ending(), label(form)));
        vec![
            Field::hidden("what", self.what.word()),
            Field::hidden("of", self.of.clone()),
            Field::select("form", "文件种类", Choice::list(forms, &form.text("form"))),
        ]
    }
}

fn line(row: &ExportRow) -> ExportLine {
    let or = |text: &str, open: &str| if text.is_empty() { open.to_owned() } else { text.to_owned() };
    ExportLine {
        at: minute_of(row.at_ms),
        who: format!("{}（{}）", row.name, row.staff),
        what: match row.what.as_str() {
            EXPORT_WORD => "发放名册",
            carry::EXPORT_WORD => "传递文件",
            vouch::EXPORT_WORD => "签章的帮扶清单",
            word => What::label(word).unwrap_or("其他"),
        }
        .to_owned(),
        area: or(&row.area, "全部"),
        form: row.form.clone(),
        rows: wording::count(row.rows),
        purpose: or(&row.purpose, "（没有写）"),
    }
}

/// The fields for households and cases, which are picked here.
async fn picked(app: &App, signed: &Signed, form: &Form) -> Result<Vec<Field>, WebError> {
    let choices = app.desk().choices(&signed.person).await?;
    let areas = std::iter::once((String::new(), "本机全部".to_owned()));
    let areas = areas.chain(choices.areas.iter().map(|area| (area.code.clone(), area.name.clone())));
    let forms = [
        ("xlsx", "Excel 工作簿（.xlsx，家庭、成员、受助记录各一表）"),
        ("csv", ".csv，一行一人"),
        ("jsonl", ".jsonl，可原样再导入"),
    ];
    Ok(vec![
        Field::select("what", "内容", Choice::list([("households", "家庭档案"), ("cases", "事项")], &form.text("what"))),
        Field::select("form", "文件种类", Choice::list(forms, &form.text("form"))),
        Field::select("area", "区划", Choice::list(areas, &form.text("area"))),
    ])
}

async fn page(
    app: &App,
    signed: &Signed,
    fault: String,
    form: &Form,
    (from, figures): (u64, Option<Figures>),
) -> Result<ExportPage, WebError> {
    let (may_export, may_read) = (signed.person.has(EXPORTERS), signed.person.has(READERS_OF_EXPORTS));
    if !may_export && !may_read {
        return Err(DeskError::NotPermitted { why: "您的角色不导出数据".to_owned() }.into());
    }
    let mut fields = match &figures {
        None => picked(app, signed, form).await?,
        Some(figures) => figures.fields(form),
    };
    let purpose = Field::text("purpose", "用途").with(form.text("purpose"));
    fields.push(purpose.hinted("写明给谁、做什么用；审计员可查").needed());
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
        about: figures.map(|figures| figures.about).unwrap_or_default(),
        fields,
        may_export,
        may_read,
        rows,
        more,
    })
}

/// `GET /households/export`
pub async fn form(
    State(app): State<App>,
    signed: Signed,
    Query(asked): Query<Asked>,
    Query(figure): Query<statistics::Asked>,
) -> Answer {
    let figures = asked.what.map(|word| Figures::asked(&word, &figure, app.today())).transpose()?;
    error::show(&page(&app, &signed, String::new(), &Form::default(), (asked.from.unwrap_or_default(), figures)).await?)
}

/// `POST /households/export`: the file, never kept by the browser.
pub async fn take(State(app): State<App>, sent: SignedForm) -> Answer {
    let form = FileForm::of(&sent.form.text("form")).unwrap_or(FileForm::Xlsx);
    let (what, area, figures) = match (sent.form.text("what").as_str(), sent.form.some("of")) {
        (word, Some(of)) => {
            let uri: Uri = format!("/?{of}").parse().map_err(|_| WebError::NoPage)?;
            let Query(figure) = Query::<statistics::Asked>::try_from_uri(&uri).map_err(|_| WebError::NoPage)?;
            let figures = Figures::asked(word, &figure, app.today())?;
            (figures.what.clone(), figures.area.clone(), Some(figures))
        }
        ("cases", None) => (What::Cases, sent.form.some("area"), None),
        _ => (What::Households, sent.form.some("area"), None),
    };
    let name = what.word();
    let export = Export { what, form, area, purpose: sent.form.text("purpose") };
    let exported = match app.desk().export(&sent.signed.person, export).await {
        Ok(exported) => exported,
        Err(error @ DeskError::Invalid { .. }) => {
            return error::show_as(
                error::status(&error),
                &page(&app, &sent.signed, error.what(), &sent.form, (0, figures)).await?,
            );
        }
        Err(error) => return Err(error.into()),
    };
    let kind = match form {
        FileForm::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        FileForm::Csv => "text/csv; charset=utf-8",
        FileForm::Jsonl => "application/x-ndjson; charset=utf-8",
    };
    let name = format!("attachment; filename=\"{name}-{}.{}\"", app.desk().today(), form.ending());
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CONTENT_DISPOSITION, name),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((headers, exported.bytes).into_response())
}
