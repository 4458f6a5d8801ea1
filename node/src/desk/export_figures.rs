//! The books as files: the annual files of a year, the tables of statistics, and the lists behind a figure.
//!
//! The same rows as on the pages. A workbook also says of itself what the pages say: as of when, with which villages,
//! and by which query each table was computed, with its hash. A `.csv` is the first table of the workbook.

use super::Room;
use super::categories::Categories;
use super::export::{Exported, FileForm, all, day, unwritten, yuan};
use super::indicators::{IndicatorGroup, Measure};
use super::minute_of;
use super::outcome::DeskError;
use super::statistics::{AidGroup, By, CASE_COLUMNS, CaseGroup, Published, Question, channel_label, period_label, source_of};
use super::years::{BASICS, CAUSES, closing_word};
use crate::store::reader::{AccountRow, AsOf, BenefitRow, HouseholdRow, Listed, Page, YearFilter};
use crate::tables::register;
use crate::tables::write::{self, Out, Table};
use shouwang_protocol::annual::{AidLine, AnnualFile, Closing, last_day};
use shouwang_protocol::area::AreaId;
use shouwang_protocol::records::amount::Fen;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::event::Origin;
use shouwang_protocol::records::field::{self, Form};
use shouwang_protocol::records::household::HOUSEHOLD;

/// Characters that a workbook takes in a cell.
const CELL_CHARS_MAX: usize = 32_000;

fn table(name: &'static str, headers: &[&str], rows: Vec<Vec<Out>>) -> Table {
    Table { name, headers: headers.iter().map(|word| (*word).to_owned()).collect(), rows }
}

fn words(text: impl Into<String>) -> Out {
    text.into().into()
}

fn count(number: u64) -> Out {
    // Far below what a spreadsheet's numbers hold.
    Out::Number(number as f64)
}

/// What a file says of itself, and the figures it was made of: name, hash, query.
struct Sources<'a> {
    as_of: &'a AsOf,
    at_ms: i64,
    period: String,
    area: String,
    figures: Vec<(String, String, String)>,
}

impl Sources<'_> {
    fn figure<T>(&mut self, name: impl Into<String>, figure: &Published<T>) {
        self.figures.push((name.into(), figure.hash.clone(), figure.query.clone()));
    }

    fn tables(self, said: Vec<(&str, Out)>) -> [Table; 2] {
        let villages = &self.as_of.villages;
        let with_content = villages.iter().filter(|village| village.entries > 0).count();
        let mut lines = vec![
            ("期间", words(self.period)),
            ("区划", words(self.area)),
            ("截至", words(minute_of(self.at_ms))),
            ("辖区村(社区)", count(villages.len() as u64)),
            ("其中有内容的", count(with_content as u64)),
            ("其中机器联系过的", count(self.as_of.heard() as u64)),
            ("所存记录条数", count(self.as_of.entries)),
            ("所存内容的校验码", words(self.as_of.digest.clone())),
        ];
        lines.extend(said);
        let mut rows: Vec<Vec<Out>> = lines.into_iter().map(|(name, value)| vec![words(name), value]).collect();
        for (name, hash, query) in self.figures {
            rows.push(vec![words(name), words("查询与校验码"), words(hash), words(query)]);
        }
        let heard = |village: &crate::store::reader::Heard| match (village.here, village.at_ms) {
            (true, _) => "本机".to_owned(),
            (_, Some(ms)) => minute_of(ms),
            (_, None) => "从未".to_owned(),
        };
        let village = |village: &crate::store::reader::Heard| {
            vec![words(&*village.name), words(heard(village)), count(village.entries), words(&*village.digest)]
        };
        let about = table("说明", &["项目", "内容", "校验码", "查询"], rows);
        let included =
            table("含哪些村(社区)", &["村(社区)", "最近一次联系", "记录条数", "校验码"], villages.iter().map(village).collect());
        [about, included]
    }
}

fn file(form: FileForm, tables: Vec<Table>, rows: usize) -> Result<Exported, DeskError> {
    let bytes = match (form, tables.first()) {
        (FileForm::Csv, Some(first)) => write::csv(first).map_err(unwritten)?,
        _ => write::xlsx(tables).map_err(unwritten)?,
    };
    Ok(Exported { bytes, rows: rows as u64 })
}

/// The columns of a household's record that the annual file has; its numbers of persons stay in the record.
fn of_record(names: &'static [&'static str]) -> impl Iterator<Item = &'static field::Field> {
    names.iter().filter_map(|name| field::find(HOUSEHOLD, name)).filter(|field| field.form != Form::IdNo)
}

fn aid_table(name: &'static str, by: By, groups: &[AidGroup], total: &[AidGroup]) -> Table {
    let row = |group: &AidGroup| {
        let sums = &group.group;
        let recovered = if sums.returns == 0 { Out::Empty } else { yuan(Some(sums.recovered)) };
        let unpriced = if sums.unpriced == 0 { Out::Empty } else { count(sums.unpriced) };
        vec![words(&*group.label), count(sums.count), recovered, yuan(Some(sums.amount)), unpriced]
    };
    table(name, &[by.label(), "笔数", "追回(元)", "净额(元)", "未写金额的笔数"], groups.iter().chain(total).map(row).collect())
}

fn case_table(name: &'static str, head: &str, groups: &[CaseGroup], total: &[CaseGroup]) -> Table {
    let row = |group: &CaseGroup| {
        let numbers = [group.applications()].into_iter().chain(group.outcomes).chain([group.clues]);
        [words(&*group.label)].into_iter().chain(numbers.map(count)).collect()
    };
    let mut headers = vec![head];
    headers.extend(CASE_COLUMNS);
    table(name, &headers, groups.iter().chain(total).map(row).collect())
}

/// Households in each category they hold; then all lines together, and each household once.
fn category_table(found: &Categories) -> Table {
    let named = |word: &str| if word.is_empty() { "未登记类别" } else { word }.to_owned();
    let mut rows: Vec<Vec<Out>> =
        found.rows.rows.iter().map(|row| vec![words(named(&row.category)), count(row.households)]).collect();
    let once = found.households.rows.first().copied().unwrap_or_default();
    rows.push(vec![words("各类相加"), count(found.sum)]);
    rows.push(vec![words("户数（每户只计一次）"), count(once)]);
    table("家庭按身份类别", &["身份类别", "户"], rows)
}

fn indicator_table(groups: &[IndicatorGroup]) -> Table {
    let mut rows = Vec::new();
    for group in groups {
        for line in &group.lines {
            let percent = |thousandths: u64| Out::Number(thousandths as f64 / 10.0);
            let [value, unit, part, whole, low, high] = match line.value {
                None => [words("尚无数据"), Out::Empty, Out::Empty, Out::Empty, Out::Empty, Out::Empty],
                Some(Measure::Share { part, whole }) => {
                    let share = percent(part.saturating_mul(1_000) / whole.max(1));
                    [share, words("%"), count(part), count(whole), Out::Empty, Out::Empty]
                }
                Some(Measure::Days(days)) => {
                    [Out::Number(days as f64), words("天"), Out::Empty, Out::Empty, Out::Empty, Out::Empty]
                }
                Some(Measure::Count(number)) => [count(number), words("个"), Out::Empty, Out::Empty, Out::Empty, Out::Empty],
                Some(Measure::Amounts { low, middle, high }) => {
                    [yuan(Some(middle)), words("元"), Out::Empty, Out::Empty, yuan(Some(low)), yuan(Some(high))]
                }
                Some(Measure::Shares { low, high }) => {
                    [Out::Empty, words("%"), Out::Empty, Out::Empty, percent(low), percent(high)]
                }
            };
            rows.push(vec![words(group.name), words(line.label), value, unit, part, whole, low, high, words(line.note)]);
        }
    }
    table("指标", &["组", "指标", "数值", "单位", "部分", "全部", "最低", "最高", "怎么算的"], rows)
}

/// A household's file as rows of the three sheets.
struct YearRows {
    file: Vec<Out>,
    aid: Vec<Vec<Out>>,
    missing: Vec<Vec<Out>>,
}

/// Headers of the first sheet before and behind the columns of the record.
const KEY: [&str; 3] = ["户编号", "户主", "村(社区)"];
const SECTIONS: [&str; 14] = [
    "身份类别",
    "需求评估次数",
    "需求评估情况",
    "受助笔数",
    "受助净额(元)",
    "其中追回(元)",
    "其中年末后补记(元)",
    "分种类",
    "审批",
    "服务与转办",
    "清单",
    "缺什么",
    "年度",
    "校验码",
];

fn year_headers() -> Vec<String> {
    let labels = |names| of_record(names).map(|field: &field::Field| field.label.to_owned());
    let key = KEY.into_iter().map(str::to_owned);
    let sections = SECTIONS.into_iter().map(str::to_owned);
    let people = ["共同生活人数".to_owned()];
    // The head stands in the key.
    key.chain(labels(&BASICS).skip(1)).chain(people).chain(labels(&CAUSES)).chain(sections).collect()
}

fn year_rows(listed: &HouseholdRow, place: &str, file: &AnnualFile, day_of: Day) -> YearRows {
    let household = &file.household;
    let head = if household.head.is_empty() { &listed.head } else { &household.head };
    let key = [words(&*household.id), words(&**head), words(place)];
    let joined = |parts: Vec<String>| words(parts.join("；").chars().take(CELL_CHARS_MAX).collect::<String>());
    let on = |day: Option<shouwang_protocol::records::day::Day>| day.map(|day| day.to_string()).unwrap_or_default();
    let row = household.row();
    let cells = |names| of_record(names).map(|field: &field::Field| register::cell(Some(field.form), row.get(field.name)));
    let people = household.members.iter().filter(|member| member.is_present()).count();
    let needs = file.needs.iter().map(|line| format!("{} {} {}", on(line.need.day), line.need.what, line.need.text));
    let kinds = file.by_kind.iter().map(|(kind, sum)| format!("{} {sum} 元", if kind.is_empty() { "未写明" } else { kind }));
    let decisions = file.decisions.iter().map(|line| {
        let said = format!("{} {} {} {} 元 {}", on(line.day), line.kind, line.outcome.label(), line.amount, line.reason);
        said.trim_end().to_owned()
    });
    let services = file.services.iter().map(|one| format!("{} {} {} {}", on(one.day), one.by, one.kind, one.result));
    let or_none = |fen: Fen| if fen.0 == 0 { Out::Empty } else { yuan(Some(fen)) };
    let given = file.aid.iter().filter(|line| !line.is_recovery()).count();
    let digest = match &file.closing {
        Closing::Sealed { digest, .. } => digest.to_string(),
        Closing::Open | Closing::Afterwards => String::new(),
    };
    let sections = [
        words(household.categories_on(day_of).join("、")),
        count(file.needs.len() as u64),
        joined(needs.collect()),
        count(given as u64),
        yuan(Some(file.total)),
        or_none(file.recovered),
        or_none(file.late),
        joined(kinds.collect()),
        joined(decisions.collect()),
        joined(services.collect()),
        words(if file.is_complete() { "完整" } else { "不完整" }),
        words(file.missing.iter().map(|missing| missing.label()).collect::<Vec<_>>().join("、")),
        words(closing_word(&file.closing)),
        words(digest),
    ];
    let aid = |line: &AidLine| {
        let person = if line.person.is_empty() { "全户" } else { &line.person };
        let late = if line.late { "年末后补记" } else { "" };
        let of_line = [
            day(line.day),
            words(&*line.kind),
            words(person),
            words(&*line.fund),
            yuan(line.amount),
            words(line.source.words()),
            words(late),
        ];
        key.iter().cloned().chain(of_line).collect()
    };
    let missing = |missing: &shouwang_protocol::annual::Missing| {
        key.iter().cloned().chain([words(missing.section()), words(missing.label()), words(missing.advice())]).collect()
    };
    YearRows {
        aid: file.aid.iter().map(aid).collect(),
        missing: file.missing.iter().map(missing).collect(),
        file: key
            .iter()
            .cloned()
            .chain(cells(&BASICS).skip(1))
            .chain([count(people as u64)])
            .chain(cells(&CAUSES))
            .chain(sections)
            .collect(),
    }
}

impl Room<'_> {
    fn area_words(&self, within: &[AreaId]) -> String {
        match within {
            [] => "本机构全部".to_owned(),
            areas => areas.iter().map(|area| self.place_name(*area)).collect::<Vec<_>>().join("、"),
        }
    }

    fn sources<'a>(&self, question: &Question, as_of: &'a AsOf, at_ms: i64) -> Sources<'a> {
        let area = self.area_words(question.area.as_slice());
        Sources { as_of, at_ms, period: period_label(question.period), area, figures: Vec::new() }
    }

    /// The annual files of a year: a row a household, a row a line of aid, a row a thing that is missing.
    pub(super) fn export_years(&self, year: i32, form: FileForm, within: Vec<AreaId>, at_ms: i64) -> Result<Exported, DeskError> {
        self.year(year)?;
        let area = self.area_words(&within);
        let within = if within.is_empty() { self.here.areas.clone() } else { within };
        let as_of = self.known(&within)?;
        let filter = YearFilter { year, within, ..YearFilter::default() };
        let (mut files, mut aid, mut missing) = (Vec::new(), Vec::new(), Vec::new());
        let (mut complete, mut lines, mut total) = (0, 0, Fen(0));
        for listed in all(|page| Ok(self.reader.years_of(&filter, page)?))? {
            let (row, file) = self.annual_file(listed.household, year)?;
            let rows = year_rows(&row, &self.place_name(row.area), &file, last_day(year).min(self.day));
            complete += u64::from(file.is_complete());
            lines += file.aid.iter().filter(|line| !line.is_recovery()).count() as u64;
            total.0 = total.0.saturating_add(file.total.0);
            files.push(rows.file);
            aid.extend(rows.aid);
            missing.extend(rows.missing);
        }
        let households = files.len();
        let sources = Sources { as_of: &as_of, at_ms, period: format!("{year}年"), area, figures: Vec::new() };
        let said = vec![
            ("清单份数", count(households as u64)),
            ("其中完整的", count(complete)),
            ("受助笔数合计", count(lines)),
            ("受助净额合计(元)", yuan(Some(total))),
        ];
        let [about, villages] = sources.tables(said);
        let of_aid = [&KEY[..], &["日期", "种类", "受助人", "资金来源", "金额(元)", "依据", "备注"]].concat();
        let of_missing = [&KEY[..], &["部分", "缺什么", "怎么补"]].concat();
        let tables = vec![
            Table { name: "帮扶清单", headers: year_headers(), rows: files },
            table("受助明细", &of_aid, aid),
            table("缺项", &of_missing, missing),
            about,
            villages,
        ];
        file(form, tables, households)
    }

    /// The tables of the page of statistics. Names of people go out only when the page's own table was by them.
    pub(super) fn export_statistics(&self, question: &Question, by: By, at_ms: i64) -> Result<Exported, DeskError> {
        let found = self.statistics(question, By::Kind, Page::first(0), at_ms)?;
        let mut sources = self.sources(question, &found.as_of, at_ms);
        sources.figure("受助合计", &found.total);
        sources.figure("受助家庭", &found.households);
        let total = &found.total.rows;
        let mut tables = Vec::new();
        for one in By::ALL {
            let by_name = matches!(one, By::Household | By::Person);
            if by_name && by != one {
                continue;
            }
            let mut pages = Vec::new();
            let groups = all(|page| {
                let figure = self.aid_table(question, one, page, &found.as_of)?;
                pages.push((figure.hash, figure.query));
                Ok(Listed { rows: figure.rows, more: by_name && figure.more })
            })?;
            sources.figures.extend(pages.into_iter().map(|(hash, query)| (sheet_of(one).to_owned(), hash, query)));
            tables.push(aid_table(sheet_of(one), one, &groups, total));
        }
        let cases = &found.cases.rows;
        sources.figure("事项合计", &found.cases);
        for (name, head, groups) in [
            ("事项按登记渠道", "登记渠道", &found.by_channel),
            ("事项按救助种类", "救助种类", &found.cases_by_kind),
            ("事项按村(社区)", "村(社区)", &found.cases_by_village),
        ] {
            sources.figure(name, groups);
            tables.push(case_table(name, head, &groups.rows, cases));
        }
        let by_category = format!("家庭按身份类别（{}）", found.categories.on);
        sources.figure(&by_category, &found.categories.rows);
        sources.figure("户数（每户只计一次）", &found.categories.households);
        tables.push(category_table(&found.categories));
        tables.push(indicator_table(&found.indicators));
        for line in found.indicators.iter().flat_map(|group| &group.lines).filter(|line| line.value.is_some()) {
            sources.figures.push((line.label.to_owned(), line.hash.clone(), line.queries.join(";\n")));
        }
        let households = found.households.rows.first().copied().unwrap_or_default();
        tables.extend(sources.tables(vec![("受助家庭", count(households))]));
        let rows = tables.iter().map(|table| table.rows.len()).sum();
        file(FileForm::Xlsx, tables, rows)
    }

    /// The lines of aid behind a figure.
    pub(super) fn export_benefits(&self, question: &Question, form: FileForm, at_ms: i64) -> Result<Exported, DeskError> {
        let first = self.benefit_list(question, Page::first(0))?;
        let mut sources = self.sources(question, &first.as_of, at_ms);
        sources.figure("合计", &first.total);
        let lines = all(|page| {
            let found = self.benefit_list(question, page)?.lines;
            sources.figure("明细", &found);
            Ok(Listed { rows: found.rows, more: found.more })
        })?;
        let row = |line: &BenefitRow| {
            vec![
                day(line.day),
                words(&*line.head),
                words(if line.person.is_empty() { "全户" } else { &line.person }),
                words(&*line.area_name),
                words(&*line.kind),
                words(&*line.fund),
                yuan(line.amount),
                words(source_of(line)),
            ]
        };
        let headers = ["日期", "户主", "受助人", "村(社区)", "种类", "资金来源", "金额(元)", "依据"];
        let sums = first.total.rows.first().map(|all| (all.group.count, all.group.amount)).unwrap_or_default();
        let said = vec![("受助笔数合计", count(sums.0)), ("受助净额合计(元)", yuan(Some(sums.1)))];
        let [about, villages] = sources.tables(said);
        let rows = lines.len();
        file(form, vec![table("受助明细", &headers, lines.iter().map(row).collect()), about, villages], rows)
    }

    /// The cases behind a figure.
    pub(super) fn export_accounts(&self, question: &Question, form: FileForm, at_ms: i64) -> Result<Exported, DeskError> {
        let first = self.account_list(question, Page::first(0))?;
        let mut sources = self.sources(question, &first.as_of, at_ms);
        sources.figure("合计", &first.total);
        let lines = all(|page| {
            let found = self.account_list(question, page)?.lines;
            sources.figure("明细", &found);
            Ok(Listed { rows: found.rows, more: found.more })
        })?;
        let row = |line: &AccountRow| {
            vec![
                words(line.case.to_string()),
                words(&*line.applicant),
                words(&*line.area_name),
                words(&*line.kind),
                words(channel_label(&line.channel)),
                words(Origin::from_word(&line.origin).map(Origin::label).unwrap_or_default()),
                words(if line.application { "申请" } else { "线索" }),
                words(line.outcome.label()),
                words(&*line.reason),
                day(line.opened_on),
                day(line.ended_on),
            ]
        };
        let headers =
            ["事项编号", "申请人", "村(社区)", "种类", "登记渠道", "来源", "申请或线索", "结果", "原因", "登记日期", "结果日期"];
        let [about, villages] = sources.tables(vec![("事项合计", count(lines.len() as u64))]);
        let rows = lines.len();
        file(form, vec![table("事项明细", &headers, lines.iter().map(row).collect()), about, villages], rows)
    }
}

fn sheet_of(by: By) -> &'static str {
    match by {
        By::Kind => "受助按救助种类",
        By::Department => "受助按主管部门",
        By::Fund => "受助按资金来源",
        By::Village => "受助按村(社区)",
        By::Period => "受助按月份",
        By::Household => "受助按家庭",
        By::Person => "受助按个人",
    }
}
