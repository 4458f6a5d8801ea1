//! The tables of a policy pack that are edited row by row, and what their columns hold.
//!
//! One [`Table`] says everything: a form asks its columns, [`Table::row`] puts what was typed into a copy of the row (what
//! has no column stays as it is), [`Table::cells`] shows a row. Amounts are typed in yuan and kept in fen, conditions in
//! lines of words and CEL. Whether the pack as a whole is sound is the pack's own check: nothing is tried here twice.

use super::outcome::FieldFault;
use serde_json::{Map, Number, Value, json};
use shouwang_protocol::difference::MEASURES;
use shouwang_protocol::records::amount::Fen;
use shouwang_protocol::records::policy::Pack;

/// What stands between words, months and expressions of a line.
const BAR: char = '|';

/// What a column holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Type {
    /// A line.
    Text,
    /// Several lines of one text.
    Long,
    /// Money; empty: unset.
    Yuan,
    /// A whole number; empty: unset.
    Count,
    /// Yes or no.
    Yes,
    /// Village, township or city; empty: none.
    Tier,
    /// An expression (CEL).
    Rule,
    /// One text a line.
    Lines,
    /// A code of another table of the pack.
    One(&'static str),
    /// Any codes of another table.
    Many(&'static str),
    /// What a source of a check usually tells.
    Measure,
    /// Conditions: words, and after a bar an expression.
    Conditions,
    /// Terms: words, months and, for some only, an expression.
    Terms,
}

/// A column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its place in the row: `emergency/per_case`.
    pub path: &'static str,
    /// On screens.
    pub label: &'static str,
    /// What it holds.
    pub holds: Type,
    /// Whether it must be there; of a group (`emergency/…`), when anything of the group is.
    pub needed: bool,
    /// A word of help.
    pub hint: &'static str,
}

/// A table.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// The section of the pack.
    pub section: &'static str,
    /// On screens.
    pub label: &'static str,
    /// What its rows do.
    pub about: &'static str,
    /// Whether rows are added and taken out here.
    pub grows: bool,
    /// The columns; the first two are the code and the name.
    pub columns: &'static [Column],
}

const fn column(path: &'static str, label: &'static str, holds: Type) -> Column {
    Column { path, label, holds, needed: false, hint: "" }
}

const fn must(path: &'static str, label: &'static str, holds: Type) -> Column {
    Column { needed: true, ..column(path, label, holds) }
}

const fn hinted(of: Column, hint: &'static str) -> Column {
    Column { hint, ..of }
}

const CODE: Column = hinted(must("code", "代码", Type::Text), "发布后不再改变");
const NAME: Column = must("name", "名称", Type::Text);
const SOURCE: Column = hinted(must("source", "依据", Type::Text), "文件名、文号、条款");

/// The tables, in the order of the page.
pub const TABLES: &[Table] = &[
    Table {
        section: "kinds",
        label: "救助种类",
        about: "计算公式、公示、按月发放、先行救助限额、停发前的公示。环节和审批层级由市级发布整个政策包时设定。",
        grows: false,
        columns: &[
            CODE,
            NAME,
            column("department", "主管部门", Type::One("departments")),
            column("notice_days", "公示天数", Type::Count),
            column("notice_amount", "公示金额", Type::Yes),
            column("extend_days", "可延长的工作日", Type::Count),
            column("valid_days", "认定有效的天数", Type::Count),
            column("monthly", "按月发放", Type::Yes),
            hinted(must("formula/text", "公式，文字", Type::Text), "如 3 × 低保标准"),
            hinted(must("formula/amount", "公式，表达式", Type::Rule), "得出分，如 3 * standard[\"低保标准\"]"),
            hinted(must("stop/notice_days", "停发前公示天数", Type::Count), "不公示的，停发一组都不填"),
            column("stop/next_month", "从下月起停发", Type::Yes),
            must("stop/source", "停发前公示的依据", Type::Text),
            hinted(column("emergency/per_case", "先行救助每次限额(元)", Type::Yuan), "不能先行救助的，先行救助一组都不填"),
            column("emergency/per_household", "先行救助每户限额(元)", Type::Yuan),
            column("emergency/period_days", "每户限额的期间(天)", Type::Count),
            column("emergency/papers_days", "补办手续(工作日)", Type::Count),
            hinted(column("emergency/confirms", "由哪一级确认", Type::Tier), "不选：审批这一金额的一级"),
            must("emergency/source", "先行救助的依据", Type::Text),
            column("sources", "核对哪些信息来源", Type::Many("sources")),
            column("programs", "受助记录里的其他名称，一行一个", Type::Lines),
            SOURCE,
        ],
    },
    Table {
        section: "statuses",
        label: "困难身份",
        about: "家庭经济状况符合哪一类，多久复核一次；排在前面的更困难。",
        grows: true,
        columns: &[
            hinted(must("code", "代码", Type::One("categories")), "困难类别之一"),
            column("words", "档案里的其他叫法，一行一个", Type::Lines),
            hinted(
                must("conditions", "条件，一行一条", Type::Conditions),
                "文字后面用“|”接表达式，如：没有机动车 | household.vehicles == 0。只有文字的由人工核实。",
            ),
            hinted(
                column("reviews", "多久复核一次，一行一种", Type::Terms),
                "文字 | 月数 | 表达式，如：情况稳定的每年复核 | 12。先符合哪一行用哪一行，没有表达式的适用其余家庭。",
            ),
            SOURCE,
        ],
    },
    Table {
        section: "exempt",
        label: "不计入的收入",
        about: "核算家庭收入时不计的项目。",
        grows: true,
        columns: &[CODE, NAME, SOURCE],
    },
    Table {
        section: "deductions",
        label: "可扣减的支出",
        about: "核算家庭收入时扣减的支出。",
        grows: true,
        columns: &[
            CODE,
            NAME,
            hinted(must("amount", "一年扣多少，表达式", Type::Rule), "得出分，如 household.medical_year"),
            SOURCE,
        ],
    },
    Table {
        section: "changes",
        label: "动态变化",
        about: "家庭发生哪些变化要复核，多少个工作日内。",
        grows: true,
        columns: &[CODE, NAME, hinted(column("days", "几个工作日内复核", Type::Count), "不填：未设定"), SOURCE],
    },
    Table {
        section: "sources",
        label: "核对信息来源",
        about: "经济核对向哪里查询，通常答复什么。",
        grows: true,
        columns: &[CODE, NAME, column("measure", "通常答复的项目", Type::Measure), SOURCE],
    },
    Table {
        section: "remedies",
        label: "救济途径",
        about: "减发、停发的书面通知怎样告知复议和诉讼。",
        grows: true,
        columns: &[CODE, NAME, must("text", "通知里怎样写", Type::Long), SOURCE],
    },
    Table {
        section: "amounts",
        label: "标准和参数",
        about: "没有设定的标准不参与自动计算。",
        grows: true,
        columns: &[
            CODE,
            NAME,
            hinted(column("fen", "金额(元)", Type::Yuan), "不填：未设定"),
            column("unit", "单位", Type::Text),
            SOURCE,
        ],
    },
    Table {
        section: "categories", label: "困难类别", about: "家庭档案的类别。", grows: true, columns: &[CODE, NAME, SOURCE]
    },
    Table {
        section: "causes", label: "致贫原因", about: "家庭档案和事项的原因。", grows: true, columns: &[CODE, NAME, SOURCE]
    },
    Table { section: "needs", label: "需求", about: "需求评估的项目。", grows: true, columns: &[CODE, NAME, SOURCE] },
    Table {
        section: "project_classes",
        label: "项目大类",
        about: "关爱援助项目的第一级。",
        grows: true,
        columns: &[CODE, NAME, SOURCE],
    },
    Table {
        section: "project_kinds",
        label: "项目小类",
        about: "关爱援助项目的第二级，和它满足的需求。",
        grows: true,
        columns: &[
            CODE,
            NAME,
            must("class", "大类", Type::One("project_classes")),
            column("needs", "满足哪些需求", Type::Many("needs")),
            SOURCE,
        ],
    },
];

/// A pack as rows of values.
pub fn rows(pack: &Pack, section: &str) -> Vec<Map<String, Value>> {
    let mut whole = serde_json::to_value(pack).unwrap_or_default();
    let rows = whole.get_mut(section).and_then(Value::as_array_mut).map(std::mem::take).unwrap_or_default();
    rows.into_iter().filter_map(|row| if let Value::Object(row) = row { Some(row) } else { None }).collect()
}

/// A row's code.
pub fn code_of(row: &Map<String, Value>) -> &str {
    row.get("code").and_then(Value::as_str).unwrap_or_default()
}

/// A row's name; its code when it has none.
pub fn name_of(row: &Map<String, Value>) -> &str {
    row.get("name").and_then(Value::as_str).unwrap_or_else(|| code_of(row))
}

fn texts(value: &Value) -> impl Iterator<Item = &str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str)
}

fn said<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}

fn joined(parts: &[&str]) -> String {
    parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join(&format!(" {BAR} "))
}

impl Column {
    /// The group it belongs to: `emergency`.
    fn group(&self) -> Option<&'static str> {
        self.path.split_once('/').map(|(group, _)| group)
    }

    fn of<'r>(&self, row: &'r Map<String, Value>) -> &'r Value {
        const NOTHING: Value = Value::Null;
        let found = match self.path.split_once('/') {
            Some((group, name)) => row.get(group).and_then(|group| group.get(name)),
            None => row.get(self.path),
        };
        found.unwrap_or(&NOTHING)
    }

    /// What stands in the row, as it is typed; codes of [`Type::Many`] one a line.
    pub fn cell(&self, row: &Map<String, Value>) -> String {
        let value = self.of(row);
        match self.holds {
            Type::Yuan => value.as_i64().map(|fen| Fen(fen).to_string()).unwrap_or_default(),
            Type::Count => value.as_u64().map(|count| count.to_string()).unwrap_or_default(),
            Type::Yes => if value.as_bool() == Some(true) { "yes" } else { "" }.to_owned(),
            Type::Lines | Type::Many(_) => texts(value).collect::<Vec<_>>().join("\n"),
            Type::Conditions => {
                let all = value.as_array().into_iter().flatten();
                all.map(|it| joined(&[said(it, "text"), said(it, "when")])).collect::<Vec<_>>().join("\n")
            }
            Type::Terms => {
                let term = |it: &Value| {
                    let months = it.get("months").and_then(Value::as_u64).unwrap_or_default().to_string();
                    joined(&[said(it, "text"), &months, said(it, "when")])
                };
                value.as_array().into_iter().flatten().map(term).collect::<Vec<_>>().join("\n")
            }
            Type::Text | Type::Long | Type::Tier | Type::Rule | Type::One(_) | Type::Measure => {
                value.as_str().unwrap_or_default().to_owned()
            }
        }
    }

    /// What was typed, as it is kept; the error is for the person who typed.
    fn read(&self, typed: &str) -> Result<Value, String> {
        let text = typed.trim();
        Ok(match self.holds {
            Type::Yuan if text.is_empty() => Value::Null,
            Type::Yuan => {
                let fen = Fen::parse_yuan(text).filter(|fen| fen.0 >= 0);
                json!(fen.ok_or("应为金额，最多两位小数")?.0)
            }
            Type::Count if text.is_empty() => Value::Null,
            Type::Count => Value::Number(Number::from(text.parse::<u32>().map_err(|_| "应为整数")?)),
            Type::Yes => Value::Bool(text == "yes"),
            Type::Tier if text.is_empty() => Value::Null,
            Type::Lines | Type::Many(_) => lines(text).map(Value::from).collect(),
            Type::Conditions => {
                let condition = |line: &str| {
                    let (words, when) = line.split_once(BAR).unwrap_or((line, ""));
                    json!({"text": words.trim(), "when": when.trim()})
                };
                lines(text).map(condition).collect()
            }
            Type::Terms => {
                let term = |line: &str| {
                    let mut parts = line.splitn(3, BAR).map(str::trim);
                    let (words, months) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
                    let months: u32 = months.parse().map_err(|_| format!("“{line}”应写作：文字 {BAR} 月数"))?;
                    Ok::<Value, String>(json!({"text": words, "months": months, "when": parts.next().unwrap_or_default()}))
                };
                Value::Array(lines(text).map(term).collect::<Result<_, _>>()?)
            }
            Type::Long => Value::from(lines(text).collect::<Vec<_>>().join(" ")),
            Type::Measure if !text.is_empty() && MEASURES.iter().all(|measure| measure.code != text) => {
                return Err("没有这一核对项目".to_owned());
            }
            Type::Text | Type::Tier | Type::Rule | Type::One(_) | Type::Measure => Value::from(text),
        })
    }
}

fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(all) => all.is_empty(),
        Value::Object(all) => all.values().all(is_blank),
        Value::Bool(true) | Value::Number(_) => false,
    }
}

impl Table {
    /// The table of a section.
    pub fn of(section: &str) -> Option<&'static Table> {
        TABLES.iter().find(|table| table.section == section)
    }

    /// What a row says: the label of each column, and what is typed there.
    pub fn cells(&self, row: &Map<String, Value>) -> Vec<(&'static Column, String)> {
        self.columns.iter().map(|column| (column, column.cell(row))).collect()
    }

    /// The row with what was typed in it; `typed` gives a column's text by its path.
    pub fn row(&self, old: &Map<String, Value>, typed: impl Fn(&str) -> String) -> Result<Map<String, Value>, Vec<FieldFault>> {
        let mut row = old.clone();
        let mut faults = Vec::new();
        for column in self.columns {
            let value = match column.read(&typed(column.path)) {
                Ok(value) => value,
                Err(why) => {
                    faults.push(FieldFault::new(column.path, format!("{}：{why}", column.label)));
                    continue;
                }
            };
            match column.path.split_once('/') {
                Some((group, name)) => {
                    let group = row.entry(group).or_insert(Value::Null);
                    if !group.is_object() {
                        *group = Value::Object(Map::new());
                    }
                    if let Value::Object(group) = group {
                        group.insert(name.to_owned(), value);
                    }
                }
                None => {
                    row.insert(column.path.to_owned(), value);
                }
            }
        }
        // A group of which nothing is filled in isn't there.
        for group in self.columns.iter().filter_map(Column::group) {
            if row.get(group).is_some_and(is_blank) {
                row.remove(group);
            }
        }
        for column in self.columns.iter().filter(|column| column.needed) {
            let asked = column.group().is_none_or(|group| row.contains_key(group));
            let unread = faults.iter().any(|fault| fault.field == column.path);
            if asked && !unread && is_blank(column.of(&row)) {
                faults.push(FieldFault::new(column.path, format!("没有填写“{}”", column.label)));
            }
        }
        if faults.is_empty() { Ok(row) } else { Err(faults) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shouwang_protocol::records::policy::sample;

    #[test]
    fn every_row_of_the_sample_is_shown_and_typed_back_as_it_was() {
        let pack = sample();
        for table in TABLES {
            let all = rows(&pack, table.section);
            assert!(!all.is_empty(), "{}", table.section);
            let back: Vec<Value> = all
                .iter()
                .map(|row| {
                    let cells = table.cells(row);
                    let typed = |path: &str| {
                        cells.iter().find(|(column, _)| column.path == path).map(|(_, text)| text.clone()).unwrap_or_default()
                    };
                    Value::Object(table.row(row, typed).unwrap_or_else(|faults| panic!("{row:?}: {faults:?}")))
                })
                .collect();
            let mut whole = serde_json::to_value(&pack).expect("values");
            whole[table.section] = Value::Array(back);
            assert_eq!(serde_json::from_value::<Pack>(whole).expect("reads"), pack, "{}", table.section);
        }
    }

    #[test]
    fn a_group_is_whole_or_not_there_and_money_is_typed_in_yuan() {
        let table = Table::of("kinds").expect("a table");
        let pack = sample();
        let row = rows(&pack, "kinds").into_iter().find(|row| code_of(row) == "临时救助").expect("a row");
        let with = |changes: &[(&str, &str)]| {
            let cells = table.cells(&row);
            let typed = |path: &str| {
                let changed = changes.iter().find(|(of, _)| *of == path).map(|(_, text)| (*text).to_owned());
                let cell = || cells.iter().find(|(column, _)| column.path == path).map(|(_, text)| text.clone());
                changed.or_else(cell).unwrap_or_default()
            };
            table.row(&row, typed).map_err(|faults| faults.into_iter().map(|fault| fault.reason).collect::<Vec<_>>())
        };
        let more = with(&[("emergency/per_case", "3000.5")]).expect("reads");
        assert_eq!((&more["emergency"]["per_case"], &more["decides"]), (&json!(300_050), &row["decides"]));
        let sourceless = with(&[("emergency/source", " ")]).expect_err("a rule has a source");
        assert_eq!(sourceless, ["没有填写“先行救助的依据”"]);
        let fields = ["per_case", "per_household", "period_days", "papers_days", "confirms", "source"];
        let none: Vec<(String, &str)> = fields.iter().map(|name| (format!("emergency/{name}"), "")).collect();
        let none: Vec<(&str, &str)> = none.iter().map(|(path, text)| (path.as_str(), *text)).collect();
        assert_eq!(with(&none).expect("reads").get("emergency"), None);
        let wrong = with(&[("notice_days", "七天"), ("emergency/per_case", "-1")]).expect_err("no numbers");
        assert_eq!(wrong, ["公示天数：应为整数", "先行救助每次限额(元)：应为金额，最多两位小数"]);
    }
}
