//! The annual file of a household, for the screen and for A4; and the list of a year's files.

use super::export;
use super::household::{self, record, shown};
use super::statistics::{AsOfBox, as_of_box};
use crate::desk::DeskError;
use crate::desk::export::EXPORTERS;
use crate::desk::statistics::{Question, STATISTICIANS};
use crate::desk::vouch::Vouched;
use crate::desk::years::{AnnualPage, BASICS, CAUSES, closing_word};
use crate::store::reader::{Page, Period, YearFilter};
use crate::web::App;
use crate::web::error::{self, Answer, WebError};
use crate::web::session::{Signed, SignedForm};
use crate::web::view::{Chip, Choice, Fact, Field, Frame, Stub, Tone};
use crate::web::wording;
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Redirect};
use serde::Deserialize;
use shouwang_protocol::annual::{AidLine, AidSource, AnnualFile, Closing, DecisionLine, Missing, NeedLine};
use shouwang_protocol::annual_seal::Seal;
use shouwang_protocol::area::AreaId;
use shouwang_protocol::records::event::Verdict;
use shouwang_protocol::records::field;
use shouwang_protocol::records::household::{HOUSEHOLD, Household};

/// Rows of one page of the list.
const ROWS: u32 = 50;

/// The file.
#[derive(Template, Default)]
#[template(path = "year.html")]
pub struct YearPage {
    /// The frame.
    pub frame: Frame,
    /// The record.
    pub id: String,
    /// The year.
    pub year: i32,
    /// The year before and the year after, where there is one.
    pub neighbours: (Option<i32>, Option<i32>),
    /// The head's name.
    pub head: String,
    /// Where it lives, and the importer's number.
    pub place: String,
    /// Complete, closed.
    pub chips: Vec<Chip>,
    /// Whether the year is closed, in a sentence.
    pub closing: String,
    /// The digest of a closed file.
    pub digest: String,
    /// What is missing.
    pub missing: Vec<String>,
    /// What was changed since the end of the year.
    pub since: Vec<[String; 3]>,
    /// 基本情况
    pub basics: Vec<Fact>,
    /// Its members.
    pub members: Vec<household::MemberRow>,
    /// 需求评估情况: day, what, text, case.
    pub needs: Vec<[String; 4]>,
    /// 致贫原因
    pub causes: Vec<Fact>,
    /// 受助情况: money.
    pub aid: Vec<AidRow>,
    /// By kind.
    pub by_kind: Vec<(String, String)>,
    /// All of it.
    pub total: String,
    /// Lines of aid, without what came back.
    pub lines: usize,
    /// What came back, which the total is without; empty: nothing.
    pub recovered: String,
    /// The part that was written down afterwards; empty: none.
    pub late: String,
    /// Decisions: day, kind, result, reason, case.
    pub decisions: Vec<[String; 5]>,
    /// Services: day, who, kind, visits, result.
    pub services: Vec<[String; 5]>,
    /// As of when.
    pub as_of: AsOfBox,
    /// The form's own.
    pub stub: Stub,
    /// Whether the reader may let the office sign.
    pub may_vouch: bool,
    /// What is wrong with the form.
    pub fault: String,
    /// The office's statement, line by line, and its signature.
    pub seal: Option<(Vec<String>, String)>,
}

/// A line of aid.
#[derive(Default)]
pub struct AidRow {
    /// The day.
    pub day: String,
    /// The kind.
    pub kind: String,
    /// For whom.
    pub person: String,
    /// The fund.
    pub fund: String,
    /// How much.
    pub amount: String,
    /// Where it stands.
    pub source: String,
    /// The case; empty: none.
    pub case: String,
    /// Whether it was written down after the year was over.
    pub late: bool,
}

fn facts(household: &Household, names: &[&str]) -> Vec<Fact> {
    let row = household.row();
    let fact = |name: &&str| {
        let field = field::find(HOUSEHOLD, name)?;
        let value = row.get(*name).map(|value| shown(field, value)).unwrap_or_default();
        Some(Fact { label: field.label.to_owned(), value, wide: *name == "address" })
    };
    names.iter().filter_map(fact).collect()
}

fn aid(line: &AidLine) -> AidRow {
    let case = match &line.source {
        AidSource::Row { .. } => String::new(),
        AidSource::Payment { case, .. } | AidSource::Recovery { case, .. } => format!("/cases/{case}"),
    };
    AidRow {
        day: wording::day(line.day),
        kind: line.kind.clone(),
        person: if line.person.is_empty() { "全户".to_owned() } else { line.person.clone() },
        fund: line.fund.clone(),
        amount: line.amount.map(wording::money).unwrap_or_default(),
        source: line.source.words(),
        case,
        late: line.late,
    }
}

fn need(line: &NeedLine) -> [String; 4] {
    [wording::day(line.need.day), line.need.what.to_owned(), line.need.text.clone(), format!("/cases/{}", line.case)]
}

fn decision(line: &DecisionLine) -> [String; 5] {
    let result = match line.outcome {
        Verdict::Approved if line.amount.0 > 0 => format!("{} {} 元", line.outcome.label(), wording::money(line.amount)),
        _ => line.outcome.label().to_owned(),
    };
    [wording::day(line.day), line.kind.clone(), result, line.reason.clone(), format!("/cases/{}", line.case)]
}

fn closing(file: &AnnualFile) -> (Chip, String, String) {
    let word = closing_word(&file.closing);
    match &file.closing {
        Closing::Open => {
            let text = format!("{} 年还没有结束，本清单随记录更新，年末自动封存。", file.year);
            (Chip::new(Tone::Accent, word), text, String::new())
        }
        Closing::Sealed { on, digest } => {
            let text = format!("已封存：截至 {on} 写下的内容；此后写下的只列为补记，不改变校验码。");
            (Chip::new(Tone::Good, word), text, digest.to_string())
        }
        Closing::Afterwards => {
            let text = format!("本户的电子档案在 {} 年之后才建立，本清单按补录的内容整理，没有年末封存。", file.year);
            (Chip::new(Tone::Plain, word), text, String::new())
        }
    }
}

/// `GET /households/{id}/year/{year}`
pub async fn file(State(app): State<App>, signed: Signed, Path((id, year)): Path<(String, String)>) -> Answer {
    let year: i32 = year.parse().map_err(|_| WebError::NoPage)?;
    let page = app.desk().annual(&signed.person, record(&id)?, year).await?;
    error::show(&paper(&app, &signed, id, page, None).await?)
}

/// `POST /households/{id}/year/{year}`: with the office's signature, as paper or as a file.
pub async fn vouch(State(app): State<App>, Path((id, year)): Path<(String, String)>, sent: SignedForm) -> Answer {
    let (record, year) = (record(&id)?, year.parse::<i32>().map_err(|_| WebError::NoPage)?);
    let signed = &sent.signed;
    match app.desk().vouch(&signed.person, record, year, &sent.form.text("purpose")).await {
        Ok(Vouched { bytes, .. }) if sent.form.text("way") == "file" => {
            let headers = [
                (header::CONTENT_TYPE, "application/json".to_owned()),
                (header::CONTENT_DISPOSITION, format!("attachment; filename=\"signed-{year}-{}.json\"", &id[..8])),
                (header::CACHE_CONTROL, "no-store".to_owned()),
            ];
            Ok((headers, bytes).into_response())
        }
        Ok(Vouched { page, seal, .. }) => error::show(&paper(&app, signed, id, page, Some(seal)).await?),
        Err(error @ DeskError::Invalid { .. }) => {
            let page = app.desk().annual(&signed.person, record, year).await?;
            let page = YearPage { fault: error.what(), ..paper(&app, signed, id, page, None).await? };
            error::show_as(error::status(&error), &page)
        }
        Err(error) => Err(error.into()),
    }
}

async fn paper(app: &App, signed: &Signed, id: String, page: AnnualPage, seal: Option<Seal>) -> Result<YearPage, WebError> {
    let file = &page.file;
    let year = file.year;
    let (sealed, words, digest) = closing(file);
    let complete = match file.is_complete() {
        true => Chip::new(Tone::Good, "完整"),
        false => Chip::new(Tone::Warn, format!("不完整，缺 {} 项", file.missing.len())),
    };
    let household = &file.household;
    let number = if household.id.is_empty() { String::new() } else { format!("　编号 {}", household.id) };
    let late = file.late.0 != 0 || file.aid.iter().any(|line| line.late);
    let mut basics = facts(household, &BASICS);
    basics.push(Fact::wide("身份类别", household.categories_on(page.on).join("、")));
    Ok(YearPage {
        frame: app.frame(signed, "帮扶清单", "/households").await?,
        stub: signed.stub()?,
        may_vouch: signed.person.has(EXPORTERS),
        fault: String::new(),
        seal: seal.map(|seal| (seal.statement.lines().map(str::to_owned).collect(), seal.to_hex().0)),
        year,
        neighbours: (Some(year - 1), (year < page.this_year).then_some(year + 1)),
        head: if household.head.is_empty() { page.row.head.clone() } else { household.head.clone() },
        place: format!("{}{number}", page.place),
        chips: vec![complete, sealed],
        closing: words,
        digest,
        missing: file.missing.iter().map(|missing| missing.sentence()).collect(),
        since: file.since.iter().map(|since| [since.label.to_owned(), since.then.clone(), since.now.clone()]).collect(),
        basics,
        members: household.members.iter().map(household::member_row).collect(),
        needs: file.needs.iter().map(need).collect(),
        causes: facts(household, &CAUSES),
        aid: file.aid.iter().map(aid).collect(),
        by_kind: file.by_kind.iter().map(|(kind, sum)| (kind.clone(), wording::money(*sum))).collect(),
        total: wording::money(file.total),
        lines: file.aid.iter().filter(|line| !line.is_recovery()).count(),
        recovered: if file.recovered.0 == 0 { String::new() } else { wording::money(file.recovered) },
        late: if late { wording::money(file.late) } else { String::new() },
        decisions: file.decisions.iter().map(decision).collect(),
        services: file
            .services
            .iter()
            .map(|one| {
                // A place in a project has no sessions of its own.
                let times = if one.sessions == 0 { String::new() } else { one.sessions.to_string() };
                [wording::day(one.day), one.by.clone(), one.kind.clone(), times, one.result.clone()]
            })
            .collect(),
        as_of: as_of_box(&page.as_of, page.at_ms),
        id,
    })
}

/// The list.
#[derive(Template, Default)]
#[template(path = "years.html")]
pub struct YearsPage {
    /// The frame.
    pub frame: Frame,
    /// The year.
    pub year: i32,
    /// As of when.
    pub lead: String,
    /// What may be picked.
    pub fields: Vec<Field>,
    /// Sent along by the form.
    pub at: String,
    /// Complete or not: where, label with number, whether the reader is there.
    pub filters: Vec<(String, String, bool)>,
    /// What is missing most: where, label with section, number.
    pub missing: Vec<(String, String, String)>,
    /// The files.
    pub rows: Vec<YearRow>,
    /// How many are shown.
    pub shown: String,
    /// The next page.
    pub more: Option<(String, &'static str)>,
    /// As of when.
    pub as_of: AsOfBox,
    /// Whether the reader may look at statistics.
    pub statistics: bool,
    /// Where the files are taken out; empty: the reader may not.
    pub export: String,
}

/// A file in the list.
#[derive(Default)]
pub struct YearRow {
    /// Where it is.
    pub href: String,
    /// The head's name.
    pub head: String,
    /// The village.
    pub village: String,
    /// The category.
    pub category: String,
    /// Lines of aid.
    pub lines: String,
    /// Their sum.
    pub amount: String,
    /// Complete or not.
    pub state: Chip,
    /// What it lacks.
    pub missing: String,
}

/// Which files.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Asked {
    area: Option<String>,
    at: Option<String>,
    lacking: Option<String>,
    from: Option<u64>,
}

/// `GET /years`
pub async fn this_year(State(app): State<App>, _signed: Signed) -> Answer {
    Ok(Redirect::to(&format!("/years/{}", app.today().ymd().0)).into_response())
}

/// `GET /years/{year}`
pub async fn list(State(app): State<App>, signed: Signed, Path(year): Path<String>, Query(asked): Query<Asked>) -> Answer {
    let year: i32 = year.parse().map_err(|_| WebError::NoPage)?;
    let code = asked.area.clone().filter(|code| !code.is_empty());
    let area = code.map(|code| AreaId::parse(&code).ok_or(WebError::NoPage)).transpose()?;
    let lacking = asked.lacking.as_deref().and_then(Missing::from_word);
    let complete = match asked.at.as_deref() {
        Some("complete") => Some(true),
        Some("incomplete") => Some(false),
        _ => None,
    };
    let from = asked.from.unwrap_or_default();
    let filter = YearFilter { year, within: area.into_iter().collect(), complete, lacking };
    let found = app.desk().year_list(&signed.person, filter, Page { offset: from, limit: ROWS }).await?;
    let area_text = area.map(|area| area.to_string()).unwrap_or_default();
    let address = |year: i32, at: &str, lacking: Option<Missing>, from: u64| {
        let mut pairs = Vec::new();
        let mut put = |name: &str, value: &str| {
            if !value.is_empty() {
                pairs.push(format!("{name}={value}"))
            }
        };
        put("area", &area_text);
        put("at", at);
        put("lacking", lacking.map(Missing::word).unwrap_or_default());
        put("from", &if from == 0 { String::new() } else { from.to_string() });
        let query = if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) };
        format!("/years/{year}{query}")
    };
    let at = asked.at.clone().unwrap_or_default();
    let filters = vec![
        (address(year, "", None, 0), format!("全部 {}", wording::count(found.files)), complete.is_none() && lacking.is_none()),
        (
            address(year, "incomplete", None, 0),
            format!("不完整 {}", wording::count(found.files - found.complete)),
            complete == Some(false),
        ),
        (address(year, "complete", None, 0), format!("完整 {}", wording::count(found.complete)), complete == Some(true)),
    ];
    let missing = found.missing.iter().map(|(missing, files)| {
        let label = format!("{}：{}", missing.section(), missing.label());
        (address(year, "", Some(*missing), 0), label, wording::count(*files))
    });
    let row = |line: &crate::desk::years::YearLine| YearRow {
        href: format!("/households/{}/year/{year}", line.row.household),
        head: if line.row.head.is_empty() { "（没有户主姓名）".to_owned() } else { line.row.head.clone() },
        village: line.row.area_name.clone(),
        category: line.row.category.clone(),
        lines: wording::count(line.lines),
        amount: wording::money(line.amount),
        state: if line.row.missing.is_empty() { Chip::new(Tone::Good, "完整") } else { Chip::new(Tone::Warn, "不完整") },
        missing: line.row.missing.iter().map(|missing| missing.label()).collect::<Vec<_>>().join("、"),
    };
    let all = std::iter::once((String::new(), "全部".to_owned()));
    let areas = all.chain(found.areas.iter().map(|(id, name)| (id.to_string(), name.clone())));
    let as_of = as_of_box(&found.as_of, found.at_ms);
    let state = if year < found.this_year { "年度已结束，清单已封存" } else { "年度进行中" };
    let count = found.listed.rows.len() as u64;
    error::show(&YearsPage {
        frame: app.frame(&signed, "帮扶清单", "/households").await?,
        year,
        lead: format!("一户一年一份；{state}；截至 {}", as_of.at),
        fields: vec![Field::select("area", "区划", Choice::list(areas, &area_text))],
        at,
        filters,
        missing: missing.collect(),
        rows: found.listed.rows.iter().map(row).collect(),
        shown: format!("列出第 {} 到 {} 份", from + u64::from(count > 0), from + count),
        more: found
            .listed
            .more
            .then(|| (address(year, asked.at.as_deref().unwrap_or_default(), lacking, from + u64::from(ROWS)), "再往下")),
        as_of,
        statistics: signed.person.has(STATISTICIANS),
        export: match signed.person.has(EXPORTERS) {
            true => export::address("years", &Question { period: Period::Year(year), area, ..Question::default() }, None),
            false => String::new(),
        },
    })
}
