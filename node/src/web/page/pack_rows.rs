//! The tables of the policy pack: read by everybody, each row revised at the city by a new pack, after a look at what changes.

use super::policies::{encoded, may_edit};
use super::policy_edit::{PolicyEditPage, allowed, from_field, latest, names, needed_day, publish, refused};
use crate::desk::pack_tables::{Column, TABLES, Table, Type, code_of, name_of, opened, rows};
use crate::desk::{DeskError, PolicyRevision};
use crate::web::App;
use crate::web::error::{self, Answer, WebError};
use crate::web::forms::Form;
use crate::web::session::{Signed, SignedForm};
use crate::web::view::{Choice, Field, Frame, Input};
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse as _, Redirect};
use serde::Deserialize;
use serde_json::{Map, Value};
use shouwang_protocol::area::Tier;
use shouwang_protocol::difference::MEASURES;
use shouwang_protocol::hash::Hash;

/// A table.
#[derive(Template, Default)]
#[template(path = "pack_table.html")]
pub struct TablePage {
    /// The frame.
    pub frame: Frame,
    /// What it is called.
    pub label: &'static str,
    /// What it is for, and of which pack.
    pub lead: String,
    /// All tables: where, label, whether the reader is there.
    pub tables: Vec<(String, &'static str, bool)>,
    /// Its rows.
    pub rows: Vec<RowLine>,
    /// Where a row is added; none: not here, or not by the reader.
    pub add: Option<String>,
}

/// A row.
#[derive(Default)]
pub struct RowLine {
    /// Where it is revised; empty: not by the reader.
    pub href: String,
    /// The name.
    pub name: String,
    /// What else it says.
    pub cells: Vec<(&'static str, String)>,
    /// The rule it comes from.
    pub source: String,
}

/// Which row.
#[derive(Deserialize, Default)]
pub struct Asked {
    code: Option<String>,
}

fn table(section: &str) -> Result<&'static Table, WebError> {
    Table::of(section).ok_or(WebError::NoPage)
}

fn href(table: &Table) -> String {
    format!("/policies/tables/{}", table.section)
}

/// A cell for reading: names instead of codes, on one line.
fn shown(whole: &Value, column: &Column, text: &str) -> String {
    match column.holds {
        Type::Yes => if text.is_empty() { "" } else { "是" }.to_owned(),
        Type::Tier => Tier::from_word(text).map(|tier| tier.label().to_owned()).unwrap_or_default(),
        Type::Word(words) => words.iter().find(|(word, _)| *word == text).map_or(text, |(_, label)| *label).to_owned(),
        Type::One(of) | Type::Many(of) => {
            let name = |code: &str| rows(whole, of).find(|row| code_of(row) == code).map_or(code, name_of).to_owned();
            text.lines().map(name).collect::<Vec<_>>().join("、")
        }
        _ => text.lines().collect::<Vec<_>>().join("；"),
    }
}

/// `GET /policies/tables`
pub async fn first(_: Signed) -> Redirect {
    Redirect::to(&href(&TABLES[0]))
}

/// `GET /policies/tables/{section}`
pub async fn list(State(app): State<App>, signed: Signed, Path(section): Path<String>) -> Answer {
    let table = table(&section)?;
    let found = app.desk().policies(&signed.person, None).await?;
    let pack = &found.pack;
    let whole = opened(pack);
    let edits = may_edit(&signed);
    let line = |row: &Map<String, Value>| {
        let new = |(it, text): &(&Column, String)| {
            !matches!(it.path, "name" | "source") && !text.is_empty() && (it.path != "code" || text != name_of(row))
        };
        let cells = table.cells(row).into_iter().filter(new);
        RowLine {
            href: if edits { format!("{}/row?code={}", href(table), encoded(code_of(row))) } else { String::new() },
            name: name_of(row).to_owned(),
            cells: cells.map(|(column, text)| (column.label, shown(&whole, column, &text))).collect(),
            source: row.get("source").and_then(Value::as_str).unwrap_or_default().to_owned(),
        }
    };
    let sample = if pack.sample { "（样例）" } else { "" };
    error::show(&TablePage {
        frame: app.frame(&signed, "政策包", "/policies").await?,
        label: table.label,
        lead: format!("{}政策包 {}{sample}，自 {} 起施行", table.about, pack.version, pack.from),
        tables: TABLES.iter().map(|it| (href(it), it.label, it.section == table.section)).collect(),
        rows: rows(&whole, table.section).map(line).collect(),
        add: edits.then(|| format!("{}/row", href(table))),
    })
}

/// The field of a column.
fn field(whole: &Value, column: &Column, text: String) -> Field {
    let name = column.path;
    let codes = |of: &str| {
        rows(whole, of).map(|row| (code_of(row).to_owned(), name_of(row).to_owned())).collect::<Vec<(String, String)>>()
    };
    let or_none = |list: Vec<(String, String)>| std::iter::once((String::new(), "（不选）".to_owned())).chain(list);
    let select = |list: Vec<(String, String)>| Field::select(name, column.label, Choice::list(or_none(list), &text));
    let field = match column.holds {
        Type::Text | Type::Rule => Field::text(name, column.label).with(&text).widely(),
        Type::Long | Type::Lines | Type::Conditions | Type::Terms | Type::Deciders | Type::Steps | Type::Days => {
            Field::area(name, column.label).with(&text)
        }
        Type::Yuan | Type::Count => Field::text(name, column.label).typed(Input::Number).with(&text),
        Type::Day => Field::text(name, column.label).typed(Input::Date).with(&text),
        Type::Yes => Field::select(name, column.label, Choice::list([("", "否"), ("yes", "是")], &text)),
        Type::Tier => select(Tier::ALL.map(|tier| (tier.word().to_owned(), tier.label().to_owned())).to_vec()),
        Type::One(of) => select(codes(of)),
        Type::Word(words) => Field::select(name, column.label, Choice::list(words.iter().copied(), &text)),
        Type::Measure => select(MEASURES.iter().map(|it| (it.code.to_owned(), it.code.to_owned())).collect()),
        Type::Many(of) => {
            let mut field = Field::many(name, column.label, Choice::list(codes(of), ""));
            field.choices.iter_mut().for_each(|choice| choice.picked = text.lines().any(|code| code == choice.value));
            field
        }
    };
    // Of a group only the desk knows whether it must be there.
    Field { need: column.needed && !name.contains('/'), hint: column.hint.to_owned(), ..field }
}

/// The form of a row, the pack it is of ([`opened`]), and the row as it is; an empty code: a new one.
async fn page(
    app: &App,
    signed: &Signed,
    table: &'static Table,
    code: &str,
) -> Result<(PolicyEditPage, Value, Map<String, Value>), WebError> {
    allowed(signed)?;
    let pack = latest(app, signed).await?;
    let whole = opened(&pack);
    let known = rows(&whole, table.section).find(|row| code_of(row) == code && !code.is_empty()).cloned();
    if known.is_none() && !code.is_empty() {
        return Err(WebError::NoPage);
    }
    let row = known.clone().unwrap_or_default();
    let mut fields: Vec<Field> = table.cells(&row).into_iter().map(|(column, text)| field(&whole, column, text)).collect();
    if known.is_some() {
        fields.iter_mut().filter(|field| field.name == "code").for_each(|field| *field = Field::hidden("code", code));
        fields.push(Field::hidden("row", code));
        let keeps = [("", "保留"), ("yes", "新政策包不再列入")];
        fields.push(Field::select("gone", "这一行", Choice::list(keeps, "")));
    }
    fields.push(from_field(&pack, app.today()));
    let rules = table.columns.iter().any(|it| matches!(it.holds, Type::Rule | Type::Conditions | Type::Terms));
    let page = PolicyEditPage {
        frame: app.frame(signed, "修订政策包", "/policies").await?,
        heading: match &known {
            Some(row) => format!("修订{}：{}", table.label, name_of(row)),
            None => format!("新增{}", table.label),
        },
        lead: "先预览改动，再发布一个新的政策包；旧的政策包保留，旧事项仍按当时的规定查看和办理。".to_owned(),
        target: format!("{}/row", href(table)),
        stub: signed.stub()?,
        draft: format!("pack-{}-{}", table.section, if code.is_empty() { "new" } else { code }),
        fields,
        previews: true,
        names: if rules { names(&pack) } else { Vec::new() },
        back: href(table),
        ..PolicyEditPage::default()
    };
    Ok((page, whole, row))
}

/// `GET /policies/tables/{section}/row?code=…`
pub async fn form(State(app): State<App>, signed: Signed, Path(section): Path<String>, Query(asked): Query<Asked>) -> Answer {
    error::show(&page(&app, &signed, table(&section)?, &asked.code.unwrap_or_default()).await?.0)
}

/// What was typed, as a revision.
fn revision(table: &Table, whole: &Value, old: &Map<String, Value>, form: &Form) -> Result<PolicyRevision, DeskError> {
    let mut revision = PolicyRevision::of(needed_day(form, "pack_from", "施行日期")?);
    if form.text("gone") == "yes" {
        revision.gone.insert(table.section.to_owned(), vec![code_of(old).to_owned()]);
        return Ok(revision);
    }
    let many = |path: &str| table.columns.iter().any(|it| it.path == path && matches!(it.holds, Type::Many(_)));
    let typed = |path: &str| if many(path) { form.all(path).join("\n") } else { form.text(path) };
    let row = table.row(old, typed).map_err(|faults| DeskError::Invalid { faults })?;
    if old.is_empty() && rows(whole, table.section).any(|it| code_of(it) == code_of(&row)) {
        return Err(DeskError::invalid("code", "这一代码已经有了，请修订那一行"));
    }
    revision.rows.insert(table.section.to_owned(), vec![row]);
    Ok(revision)
}

/// What a revision changes in the row.
fn changes(table: &Table, whole: &Value, old: &Map<String, Value>, revision: &PolicyRevision) -> Vec<[String; 3]> {
    let empty = Map::new();
    let new = revision.rows.get(table.section).and_then(|rows| rows.first()).unwrap_or(&empty);
    let pairs = table.cells(old).into_iter().zip(table.cells(new));
    let changed = pairs.filter(|((_, was), (_, now))| was != now);
    let line = |((column, was), (_, now)): ((&Column, String), (&Column, String))| {
        [column.label.to_owned(), shown(whole, column, &was), shown(whole, column, &now)]
    };
    changed.map(line).collect()
}

/// `POST /policies/tables/{section}/row`
pub async fn save(State(app): State<App>, Path(section): Path<String>, sent: SignedForm) -> Answer {
    let (table, form) = (table(&section)?, &sent.form);
    let (mut page, whole, old) = page(&app, &sent.signed, table, &form.text("row")).await?;
    let revision = match revision(table, &whole, &old, form) {
        Ok(revision) => revision,
        Err(error) => return refused(&error, page, form),
    };
    let text = serde_json::to_string(&revision).unwrap_or_default();
    let version = whole.get("version").and_then(Value::as_str).unwrap_or_default();
    let seen = Hash::of("shouwang pack row 1", &[version.as_bytes(), text.as_bytes()]).hex();
    if form.text("do") == "publish" && form.text("seen") == seen {
        let then = page.back.clone();
        return publish(&app, &sent, Ok(revision), page, then).await;
    }
    page.changes = changes(table, &whole, &old, &revision);
    match app.desk().try_policy(&sent.signed.person, revision).await {
        Ok(()) => {
            page.seen = seen;
            page.fields.iter_mut().for_each(|field| field.refill_from(form));
            Ok(error::show(&page)?.into_response())
        }
        Err(error @ (DeskError::Invalid { .. } | DeskError::NotNow { .. })) => refused(&error, page, form),
        Err(error) => Err(error.into()),
    }
}
