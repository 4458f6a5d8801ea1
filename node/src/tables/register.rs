//! Households as tables, the inverse of [`super::rows`]: for a workbook a sheet each of households, members, aid, and
//! categories where there are any; for a `.csv` one row a member with the household's columns before it. Payments have
//! no place there, and of categories only the words of those that go on.
//!
//! Headers are the labels of the forms. A field that no form knows stands under its own name; where that is a label
//! too, with `其他:` before it, and a household's in a row of a member with `户:`.

use super::headers::{OF_HOUSEHOLD, OF_MEMBER, OTHER, SHARED, is_known};
use super::write::{Out, Table};
use serde_json::{Map, Value};
use shouwang_protocol::records::field::{Field, Form, find};
use shouwang_protocol::records::holding::HOLDING;
use shouwang_protocol::records::household::{AID, HOUSEHOLD, MEMBER};
use std::collections::BTreeSet;

/// Columns of fields that no form knows, of a sheet, at most; the rest stands together in one.
const OTHERS_MAX: usize = 100;

type Row = Map<String, Value>;

/// The lists of a household.
const LISTS: [&str; 3] = ["members", "aid", "holdings"];

/// The columns of one kind of row.
struct Columns {
    table: &'static [Field],
    others: Vec<String>,
    more: bool,
}

impl Columns {
    fn of<'a>(table: &'static [Field], rows: impl Iterator<Item = &'a Row>) -> Columns {
        let mut others = BTreeSet::new();
        for name in rows.flat_map(Row::keys) {
            if find(table, name).is_none() && !LISTS.contains(&name.as_str()) {
                others.insert(name.clone());
            }
        }
        let more = others.len() > OTHERS_MAX;
        Columns { table, others: others.into_iter().take(OTHERS_MAX).collect(), more }
    }

    fn headers(&self) -> Vec<String> {
        let known = self.table.iter().map(|field| field.label.to_owned());
        let others = self.others.iter().map(|name| if is_known(name) { format!("{OTHER}{name}") } else { name.clone() });
        known.chain(others).chain(self.more.then(|| "其他（其余）".to_owned())).collect()
    }

    fn values(&self, row: &Row) -> Vec<Out> {
        let known = self.table.iter().map(|field| cell(Some(field.form), row.get(field.name)));
        let others = self.others.iter().map(|name| cell(None, row.get(name)));
        let rest = self.more.then(|| {
            let rest = row.iter().filter(|(name, _)| {
                find(self.table, name).is_none() && !LISTS.contains(&name.as_str()) && !self.others.contains(name)
            });
            let rest: Row = rest.map(|(name, value)| (name.clone(), value.clone())).collect();
            if rest.is_empty() { Out::Empty } else { Out::Text(Value::from(rest).to_string()) }
        });
        known.chain(others).chain(rest).collect()
    }

    fn width(&self) -> usize {
        self.table.len() + self.others.len() + usize::from(self.more)
    }
}

/// A value of a record in a cell.
pub fn cell(form: Option<Form>, value: Option<&Value>) -> Out {
    match (form, value) {
        (_, None | Some(Value::Null)) => Out::Empty,
        (_, Some(Value::String(text))) => text.clone().into(),
        (_, Some(Value::Bool(flag))) => Out::Text(if *flag { "是" } else { "否" }.to_owned()),
        (Some(Form::Money | Form::Measure | Form::Whole), Some(Value::Number(number))) => {
            number.as_f64().map_or_else(|| Out::Text(number.to_string()), Out::Number)
        }
        (_, Some(other)) => Out::Text(other.to_string()),
    }
}

fn list<'a>(row: &'a Row, name: &str) -> impl Iterator<Item = &'a Row> + use<'a> {
    row.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object)
}

fn apart(name: &'static str, list_name: &str, table: &'static [Field], households: &[Row]) -> Table {
    let columns = Columns::of(table, households.iter().flat_map(|row| list(row, list_name)));
    let mut headers = vec!["户编号".to_owned(), "户主".to_owned()];
    headers.extend(columns.headers());
    let rows = households.iter().flat_map(|household| {
        let key = [cell(None, household.get("id")), cell(None, household.get("head"))];
        let columns = &columns;
        list(household, list_name).map(move |row| key.iter().cloned().chain(columns.values(row)).collect())
    });
    Table { name, headers, rows: rows.collect() }
}

/// The categories that go on of one who is named like this, as the words of one cell.
fn words(household: &Row, names: &[String]) -> Out {
    let text = |row: &Row, name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let of = |row: &&Row| names.contains(&text(row, "person")) && text(row, "until").is_empty();
    let words: Vec<String> = list(household, "holdings").filter(of).map(|row| text(row, "category")).collect();
    words.join("、").into()
}

/// A sheet each of households, members and aid, and of categories where there are any.
pub fn sheets(households: &[Row]) -> Vec<Table> {
    let columns = Columns::of(HOUSEHOLD, households.iter());
    let rows = households.iter().map(|row| columns.values(row)).collect();
    let mut sheets = vec![
        Table { name: "家庭", headers: columns.headers(), rows },
        apart("成员", "members", MEMBER, households),
        apart("受助记录", "aid", AID, households),
    ];
    if households.iter().any(|row| row.contains_key("holdings")) {
        sheets.push(apart("身份类别", "holdings", HOLDING, households));
    }
    sheets
}

/// One row a member; a household without members has one row.
pub fn flat(households: &[Row]) -> Table {
    let own = Columns::of(HOUSEHOLD, households.iter());
    let members = Columns::of(MEMBER, households.iter().flat_map(|row| list(row, "members")));
    let known = HOUSEHOLD.iter().map(|field| field.label.to_owned());
    let others = own
        .headers()
        .split_off(HOUSEHOLD.len())
        .into_iter()
        .map(|name| format!("{OF_HOUSEHOLD}{}", name.strip_prefix(OTHER).unwrap_or(&name)));
    let held = households.iter().any(|row| row.contains_key("holdings"));
    let more = held.then_some([SHARED, OF_MEMBER]).into_iter().flatten().map(str::to_owned);
    let headers = known.chain(others).chain(members.headers()).chain(more).collect();
    let mut rows = Vec::new();
    for household in households {
        let before = own.values(household);
        let mut any = false;
        for member in list(household, "members") {
            any = true;
            let names = ["name", "id_no"].map(|name| member.get(name).and_then(Value::as_str).unwrap_or_default().to_owned());
            let names = names.into_iter().filter(|name| !name.is_empty()).collect::<Vec<_>>();
            let more = held.then(|| [words(household, &[String::new()]), words(household, &names)]);
            rows.push(before.iter().cloned().chain(members.values(member)).chain(more.into_iter().flatten()).collect());
        }
        if !any {
            let more = held.then(|| [words(household, &[String::new()]), Out::Empty]);
            let none = vec![Out::Empty; members.width()];
            rows.push(before.into_iter().chain(none).chain(more.into_iter().flatten()).collect());
        }
    }
    Table { name: "家庭", headers, rows }
}
