//! The tables of a policy pack that are edited row by row, and what their columns hold.
//!
//! One [`Table`] says everything: a form asks its columns, [`Table::row`] puts what was typed into a copy of the row (what
//! has no column stays as it is), [`Table::cells`] shows a row. Amounts are typed in yuan and kept in fen; conditions, steps
//! and days in lines. The calendar is a row a year: [`opened`] and [`closed`] make a pack rows and a pack again. Whether
//! the pack as a whole is sound is the pack's own check: nothing is tried here twice.

use super::outcome::FieldFault;
use serde_json::{Map, Number, Value, json};
use shouwang_protocol::area::Tier;
use shouwang_protocol::difference::MEASURES;
use shouwang_protocol::records::amount::Fen;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::policy::{Basis, CalendarYear, Decides, Holds, Limit, Pack, Step};
use std::collections::{BTreeMap, BTreeSet};

/// What stands between words, months and expressions of a line.
const BAR: char = '|';
/// What stands between the first and the last of several days.
const TO: char = '至';
/// Days of one range at most.
const RANGE_DAYS_MAX: i32 = 60;
/// Who decides when it isn't a tier of ours.
const DEPARTMENT: &str = "主管部门";
const NOBODY: &str = "无";
/// The section that is an object in the pack, and a row a year here.
const CALENDAR: &str = "calendar";

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
    /// One of these: word, on screens.
    Word(&'static [(&'static str, &'static str)]),
    /// Conditions: words, and after a bar an expression.
    Conditions,
    /// Terms: words, months and, for some only, an expression.
    Terms,
    /// Who decides: a tier and its limit a line, or one word.
    Deciders,
    /// Steps and their working days: two fields of the row, `steps` and `days`.
    Steps,
    /// A day; empty: none.
    Day,
    /// Days, or first and last days.
    Days,
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
        about: "由谁受理、审批，经过哪些环节、几个工作日，怎样计算、公示、发放和停发。旧事项仍按当时的规定办理。",
        columns: &[
            CODE,
            NAME,
            column("department", "主管部门", Type::One("departments")),
            hinted(
                must("decides", "由谁审批", Type::Deciders),
                "一行一级，由低到高，“|”后面写限额(元)，最高一级不写，如：镇级 | 1000，下一行写市级。由部门办理的写“主管部门”，不审批的写“无”。",
            ),
            hinted(column("accepts", "最低由哪一级受理", Type::Tier), "不选：镇级"),
            hinted(
                column("steps", "环节和期限", Type::Steps),
                "一行一个环节，“|”后面写几个工作日，没有期限的不写，如：公示 | 2。可写：入户调查、经济核对、民主评议、预审、公示、审批、书面告知、公布、发放、回访；核实、受理、答复核对、全程（受理到审批）、转办签收、转办反馈只写期限。",
            ),
            column("notice_days", "公示天数", Type::Count),
            column("notice_amount", "公示金额", Type::Yes),
            column("extend_days", "可延长的工作日", Type::Count),
            column("valid_days", "认定有效的天数", Type::Count),
            column("monthly", "按月发放", Type::Yes),
            hinted(must("pay_by/day", "每月几日前发放", Type::Count), "没有期限的，连同依据都不填"),
            must("pay_by/source", "发放期限的依据", Type::Text),
            hinted(must("repeat/days", "几天内再批算重复", Type::Count), "重复一组都不填：365 天内，不论原因"),
            column("repeat/by_cause", "只有同一原因才算重复", Type::Yes),
            column("repeat/never", "重复的一律不批", Type::Yes),
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
            hinted(must("grace/months", "渐退期(月)", Type::Count), "停发可以晚几个月；没有渐退的，连同依据都不填"),
            must("grace/source", "渐退的依据", Type::Text),
            column("sources", "核对哪些信息来源", Type::Many("sources")),
            hinted(column("programs", "受助记录里的其他名称", Type::Lines), "一行一个"),
            SOURCE,
        ],
    },
    Table {
        section: "exclusions",
        label: "互斥的救助种类",
        about: "同一人不能同时享受的救助种类，核对重复救助时用。",
        columns: &[
            hinted(must("code", "名称", Type::Text), "如 低保和特困；发布后不再改变"),
            must("kinds", "哪些种类互斥，至少两种", Type::Many("kinds")),
            hinted(must("days", "几天内算互斥", Type::Count), "两次审批相隔的天数，如 365"),
            column("never", "一律不批", Type::Yes),
            SOURCE,
        ],
    },
    Table {
        section: CALENDAR,
        label: "工作日历",
        about: "放假和调休上班的日子，一年一行；办理期限按它计算。周六、周日不写也不上班。",
        columns: &[
            hinted(must("code", "年份", Type::Text), "如 2027；发布后不再改变"),
            hinted(must("off", "放假的日子", Type::Days), "一行一天或一段，如 2027-01-01，或 2027-02-05 至 2027-02-12"),
            hinted(column("worked", "调休上班的周六、周日", Type::Days), "写法同上；没有的不填"),
            SOURCE,
        ],
    },
    Table {
        section: "statuses",
        label: "困难身份",
        about: "家庭经济状况符合哪一类，多久复核一次；排在前面的更困难。",
        columns: &[
            hinted(must("code", "代码", Type::One("categories")), "困难类别之一"),
            hinted(column("words", "档案里的其他叫法", Type::Lines), "一行一个"),
            hinted(
                must("conditions", "条件", Type::Conditions),
                "一行一条；文字后面用“|”接表达式，如：没有机动车 | household.vehicles == 0。只有文字的由人工核实。",
            ),
            hinted(
                column("reviews", "多久复核一次", Type::Terms),
                "一行一种：文字 | 月数 | 表达式，如：情况稳定的每年复核 | 12。先符合哪一行用哪一行，没有表达式的适用其余家庭。",
            ),
            SOURCE,
        ],
    },
    Table {
        section: "exempt", label: "不计入的收入", about: "核算家庭收入时不计的项目。", columns: &[CODE, NAME, SOURCE]
    },
    Table {
        section: "deductions",
        label: "可扣减的支出",
        about: "核算家庭收入时扣减的支出。",
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
        columns: &[CODE, NAME, hinted(column("days", "几个工作日内复核", Type::Count), "不填：未设定"), SOURCE],
    },
    Table {
        section: "questions",
        label: "申请表",
        about: "各救助种类的申请表另外要填什么；排在前面的先填。",
        columns: &[
            CODE,
            NAME,
            must("kinds", "哪些救助种类要填", Type::Many("kinds")),
            must("holds", "填什么", Type::Word(Holds::WORDS)),
            hinted(column("choices", "选项，一行一个", Type::Lines), "只有“选一项”的才有"),
            hinted(column("needed", "预审前必须填写", Type::Yes), "没有填的，预审不能提出“符合条件”"),
            column("hint", "填写说明", Type::Text),
            SOURCE,
        ],
    },
    Table {
        section: "sources",
        label: "核对信息来源",
        about: "经济核对向哪里查询，通常答复什么。",
        columns: &[CODE, NAME, column("measure", "通常答复的项目", Type::Measure), SOURCE],
    },
    Table {
        section: "remedies",
        label: "救济途径",
        about: "减发、停发的书面通知怎样告知复议和诉讼。",
        columns: &[CODE, NAME, must("text", "通知里怎样写", Type::Long), SOURCE],
    },
    Table {
        section: "amounts",
        label: "标准和参数",
        about: "没有设定的标准不参与自动计算。",
        columns: &[
            CODE,
            NAME,
            hinted(column("fen", "金额(元)", Type::Yuan), "不填：未设定"),
            column("unit", "单位", Type::Text),
            SOURCE,
        ],
    },
    Table { section: "categories", label: "困难类别", about: "家庭档案的类别。", columns: &[CODE, NAME, SOURCE] },
    Table {
        section: "causes", label: "致贫原因", about: "家庭档案和事项的原因。", columns: &[CODE, NAME, SOURCE]
    },
    Table { section: "needs", label: "需求", about: "需求评估的项目。", columns: &[CODE, NAME, SOURCE] },
    Table {
        section: "departments",
        label: "部门",
        about: "主管救助种类和政策、接收转办的部门。",
        columns: &[CODE, NAME, SOURCE],
    },
    Table {
        section: "providers",
        label: "服务机构",
        about: "接收转办、承办项目的机构，各凭什么得到个人信息：受委托为本机构工作，或者当事人单独同意。",
        columns: &[
            CODE,
            NAME,
            hinted(
                column("basis", "凭什么得到个人信息", Type::Word(Basis::WORDS)),
                "“须当事人单独同意”的，没有登记同意不能转办，只能看到同意提供的内容；一个机构一行，同意书要写明提供给谁",
            ),
            hinted(column("agreement", "委托协议", Type::Text), "受托处理的写名称和编号"),
            hinted(column("until", "委托协议的最后一天", Type::Day), "过了这一天不能再转办；不填：没有期限"),
            SOURCE,
        ],
    },
    Table {
        section: "project_classes", label: "项目大类", about: "关爱援助项目的第一级。", columns: &[CODE, NAME, SOURCE]
    },
    Table {
        section: "project_kinds",
        label: "项目小类",
        about: "关爱援助项目的第二级，和它满足的需求。",
        columns: &[
            CODE,
            NAME,
            must("class", "大类", Type::One("project_classes")),
            column("needs", "满足哪些需求", Type::Many("needs")),
            SOURCE,
        ],
    },
];

/// A pack as values, each section a list of rows that have a code.
pub fn opened(pack: &Pack) -> Value {
    let mut whole = serde_json::to_value(pack).unwrap_or_default();
    let all = whole.get_mut("exclusions").and_then(Value::as_array_mut).into_iter().flatten();
    for (row, exclusion) in all.zip(&pack.exclusions) {
        row["code"] = Value::from(exclusion.code());
    }
    whole[CALENDAR] = serde_json::to_value(pack.calendar.years()).unwrap_or_default();
    whole
}

/// The pack that `whole` is, when `base` is the one it was made of; the error names the section.
pub fn closed(base: &Pack, mut whole: Value) -> Result<Pack, FieldFault> {
    let unreadable = |section: &str| FieldFault::new(section, "有一行写得不完整，或不是这张表的内容");
    let years: Vec<CalendarYear> = serde_json::from_value(whole[CALENDAR].take()).map_err(|_| unreadable(CALENDAR))?;
    let calendar = base.calendar.with_years(years).map_err(|why| FieldFault::new(CALENDAR, why))?;
    whole[CALENDAR] = serde_json::to_value(calendar).map_err(|_| unreadable(CALENDAR))?;
    let mut pack: Pack = serde_json::from_value(whole).map_err(|_| unreadable("rows"))?;
    // A code that only says the kinds isn't kept.
    pack.exclusions.iter_mut().filter(|it| it.code == it.kinds.join("、")).for_each(|it| it.code.clear());
    Ok(pack)
}

/// The rows of a section of an [`opened`] pack.
pub fn rows<'w>(whole: &'w Value, section: &str) -> impl Iterator<Item = &'w Map<String, Value>> {
    whole.get(section).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object)
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

fn deciders(value: &Value) -> String {
    match serde_json::from_value(value.clone()) {
        Ok(Decides::Tiers(limits)) => {
            let most = |limit: &Limit| limit.up_to.map(|most| most.to_string()).unwrap_or_default();
            limits.iter().map(|limit| joined(&[limit.tier.label(), &most(limit)])).collect::<Vec<_>>().join("\n")
        }
        Ok(Decides::Department) => DEPARTMENT.to_owned(),
        Ok(Decides::Nobody) => NOBODY.to_owned(),
        Err(_) => String::new(),
    }
}

fn read_deciders(text: &str) -> Result<Value, String> {
    let limit = |line: &str| {
        let (tier, most) = line.split_once(BAR).unwrap_or((line, ""));
        let (tier, most) = (tier.trim(), most.trim());
        let known = Tier::ALL.into_iter().find(|it| it.label() == tier || it.label().trim_end_matches('级') == tier);
        let tier = known.ok_or_else(|| format!("“{line}”应写作：镇级 {BAR} 1000，或 市级；部门办理的只写“{DEPARTMENT}”"))?;
        let up_to = match most {
            "" => None,
            most => Some(Fen::parse_yuan(most).filter(|fen| fen.0 > 0).ok_or_else(|| format!("“{most}”应为金额(元)"))?),
        };
        Ok::<Limit, String>(Limit { tier, up_to })
    };
    let decides = match text {
        "" => return Ok(Value::Null),
        DEPARTMENT => Decides::Department,
        NOBODY => Decides::Nobody,
        _ => Decides::Tiers(lines(text).map(limit).collect::<Result<_, _>>()?),
    };
    serde_json::to_value(decides).map_err(|why| why.to_string())
}

fn steps(row: &Map<String, Value>) -> String {
    let of = |name: &str| row.get(name).cloned().unwrap_or_default();
    let through: Vec<Step> = serde_json::from_value(of("steps")).unwrap_or_default();
    let days: BTreeMap<Step, u32> = serde_json::from_value(of("days")).unwrap_or_default();
    // A clock of a step that it doesn't go through means nothing.
    let clocked = |step: &Step| !step.is_optional() && days.contains_key(step);
    let shown = Step::ALL.into_iter().filter(|step| through.contains(step) || clocked(step));
    let line = |step: Step| joined(&[step.label(), &days.get(&step).map(u32::to_string).unwrap_or_default()]);
    shown.map(line).collect::<Vec<_>>().join("\n")
}

/// `steps` and `days`.
fn read_steps(text: &str) -> Result<Value, String> {
    let (mut through, mut days) = (Vec::new(), BTreeMap::new());
    for line in lines(text) {
        let (name, count) = line.split_once(BAR).unwrap_or((line, ""));
        let (name, count) = (name.trim(), count.trim());
        let step = Step::from_label(name).ok_or_else(|| {
            let known: Vec<&str> = Step::ALL.into_iter().map(Step::label).collect();
            format!("没有“{name}”这一环节，可写的有：{}", known.join("、"))
        })?;
        if through.contains(&step) || days.contains_key(&step) {
            return Err(format!("“{name}”写了两次"));
        }
        if step.is_optional() {
            through.push(step);
        }
        match count {
            "" if step.is_optional() => {}
            "" => return Err(format!("“{name}”后面要写几个工作日，如：{name} {BAR} 3；没有期限的，去掉这一行")),
            count => {
                let count: u32 = count.parse().map_err(|_| format!("“{line}”应写作：{name} {BAR} 工作日数"))?;
                days.insert(step, count);
            }
        }
    }
    through.sort_unstable();
    Ok(json!({"steps": through, "days": days}))
}

fn days(value: &Value) -> String {
    let all: BTreeSet<Day> = serde_json::from_value(value.clone()).unwrap_or_default();
    let mut ranges: Vec<(Day, Day)> = Vec::new();
    for day in all {
        match ranges.last_mut() {
            Some((_, last)) if last.plus(1) == day => *last = day,
            _ => ranges.push((day, day)),
        }
    }
    let line = |(first, last): (Day, Day)| if first == last { first.to_string() } else { format!("{first} {TO} {last}") };
    ranges.into_iter().map(line).collect::<Vec<_>>().join("\n")
}

fn read_days(text: &str) -> Result<Value, String> {
    let mut all = BTreeSet::new();
    for line in lines(text) {
        let day = |text: &str| {
            let wrong = || format!("没有“{}”这一天，应写作 2027-02-05，或 2027-02-05 {TO} 2027-02-12", text.trim());
            Day::parse(text.trim()).ok_or_else(wrong)
        };
        let (first, last) = match line.split_once(TO) {
            Some((first, last)) => (day(first)?, day(last)?),
            None => (day(line)?, day(line)?),
        };
        let days = last.0.saturating_sub(first.0);
        if !(0..RANGE_DAYS_MAX).contains(&days) {
            return Err(format!("“{line}”：后一个日期应在前一个之后，相隔不超过 {RANGE_DAYS_MAX} 天"));
        }
        all.extend((0..=days).map(|more| first.plus(more)));
    }
    serde_json::to_value(all).map_err(|why| why.to_string())
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
            Type::Deciders => deciders(value),
            Type::Steps => steps(row),
            Type::Days => days(value),
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
            Type::Text | Type::Long | Type::Tier | Type::Rule | Type::One(_) | Type::Measure | Type::Word(_) | Type::Day => {
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
            Type::Deciders => read_deciders(text)?,
            Type::Steps => read_steps(text)?,
            Type::Days => read_days(text)?,
            Type::Tier | Type::Day if text.is_empty() => Value::Null,
            Type::Day => Value::from(Day::parse(text).ok_or("应为日期，如 2027-12-31")?.to_string()),
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
            Type::Word(words) if words.iter().all(|(word, _)| *word != text) => return Err("须从所列的选项中选择".to_owned()),
            Type::Text | Type::Tier | Type::Rule | Type::One(_) | Type::Measure | Type::Word(_) => Value::from(text),
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
                None if column.holds == Type::Steps => row.extend(value.as_object().cloned().unwrap_or_default()),
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
            let mut whole = opened(&pack);
            assert!(rows(&whole, table.section).next().is_some(), "{}", table.section);
            let back: Vec<Value> = rows(&whole, table.section)
                .map(|row| {
                    let cells = table.cells(row);
                    let typed = |path: &str| {
                        cells.iter().find(|(column, _)| column.path == path).map(|(_, text)| text.clone()).unwrap_or_default()
                    };
                    Value::Object(table.row(row, typed).unwrap_or_else(|faults| panic!("{row:?}: {faults:?}")))
                })
                .collect();
            whole[table.section] = Value::Array(back);
            assert_eq!(closed(&pack, whole).expect("reads"), pack, "{}", table.section);
        }
    }

    #[test]
    fn a_group_is_whole_or_not_there_and_money_is_typed_in_yuan() {
        let table = Table::of("kinds").expect("a table");
        let pack = sample();
        let whole = opened(&pack);
        let row = rows(&whole, "kinds").find(|row| code_of(row) == "临时救助").expect("a row");
        let with = |changes: &[(&str, &str)]| {
            let cells = table.cells(row);
            let typed = |path: &str| {
                let changed = changes.iter().find(|(of, _)| *of == path).map(|(_, text)| (*text).to_owned());
                let cell = || cells.iter().find(|(column, _)| column.path == path).map(|(_, text)| text.clone());
                changed.or_else(cell).unwrap_or_default()
            };
            table.row(row, typed).map_err(|faults| faults.into_iter().map(|fault| fault.reason).collect::<Vec<_>>())
        };
        let more = with(&[("emergency/per_case", "3000.5")]).expect("reads");
        assert_eq!((&more["emergency"]["per_case"], &more["decides"]), (&json!(300_050), &row["decides"]));
        let sourceless = with(&[("emergency/source", " ")]).expect_err("a rule has a source");
        assert_eq!(sourceless, ["没有填写“先行救助的依据”"]);
        let fields = ["per_case", "per_household", "period_days", "papers_days", "confirms", "source"];
        let none: Vec<(String, &str)> = fields.iter().map(|name| (format!("emergency/{name}"), "")).collect();
        let none: Vec<(&str, &str)> = none.iter().map(|(path, text)| (path.as_str(), *text)).collect();
        assert_eq!(with(&none).expect("reads").get("emergency"), None);
        let deciders = with(&[("decides", "镇 | 2000\n市级"), ("steps", "发放 | 3\n预审\n审批 | 5")]).expect("reads");
        assert_eq!(
            deciders["decides"],
            json!({"tiers": [{"tier": "township", "up_to": 200_000}, {"tier": "city", "up_to": null}]})
        );
        assert_eq!(
            (&deciders["steps"], &deciders["days"]),
            (&json!(["pre_examine", "decide", "pay"]), &json!({"decide": 5, "pay": 3}))
        );
        let wrong = with(&[("decides", "镇长 | 1000"), ("steps", "受理")]).expect_err("no tier, no days");
        assert_eq!(
            wrong,
            [
                "由谁审批：“镇长 | 1000”应写作：镇级 | 1000，或 市级；部门办理的只写“主管部门”",
                "环节和期限：“受理”后面要写几个工作日，如：受理 | 3；没有期限的，去掉这一行",
            ]
        );
        let wrong = with(&[("notice_days", "七天"), ("emergency/per_case", "-1")]).expect_err("no numbers");
        assert_eq!(wrong, ["公示天数：应为整数", "先行救助每次限额(元)：应为金额，最多两位小数"]);
    }
    #[test]
    fn days_are_typed_one_by_one_or_from_the_first_to_the_last() {
        let read = |text: &str| read_days(text).map(|value| days(&value));
        assert_eq!(read("2027-02-05 至 2027-02-07\n2027-02-08\n2027-01-01"), Ok("2027-01-01\n2027-02-05 至 2027-02-08".into()));
        let wrong = "没有“2027-02-30”这一天，应写作 2027-02-05，或 2027-02-05 至 2027-02-12";
        assert_eq!(read("2027-02-28 至 2027-02-30"), Err(wrong.into()));
        assert!(read("2027-02-07 至 2027-02-05").is_err() && read("2027-02-07 至 2029-02-05").is_err());
    }
}
