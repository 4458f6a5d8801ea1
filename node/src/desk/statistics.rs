//! Statistics: what an office may count, from which villages, and the items behind each figure.
//!
//! A [`Question`] is what a page, a link or a program asks; it becomes one filter of the store, for the figure and for
//! its list alike. Every figure is published with its query, with what was held when it was computed, and with a hash
//! over the three, so that anybody can run it again and see whether it still holds.

use super::categories::Categories;
use super::model::Person;
use super::outcome::DeskError;
use super::{Desk, LOOKING, Room, permit};
use crate::store::reader::{
    AccountBy, AccountFilter, AccountRow, AsOf, BenefitBy, BenefitFilter, BenefitRow, Corrected, Figure, Group, Page, Period,
    Tally,
};
use serde::Serialize;
use shouwang_protocol::account::Outcome;
use shouwang_protocol::area::{AreaId, Tier};
use shouwang_protocol::hash::Hash;
use shouwang_protocol::record::RecordId;
use shouwang_protocol::records::policy::Pack;
use shouwang_protocol::records::staff::Role;
use std::collections::BTreeMap;

pub use super::indicators::{Indicator, IndicatorGroup, Link, Measure};

/// Who may look at statistics.
pub const STATISTICIANS: &[Role] = &[Role::Reviewer, Role::Approver, Role::Auditor, Role::Administrator];

/// No kind of assistance has this name: a filter that finds nothing.
const NO_KIND: &str = "\u{2400}";

/// What is asked.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Question {
    /// When.
    pub period: Period,
    /// In this area or below; none: all that this office covers.
    pub area: Option<AreaId>,
    /// In this very area, and not below.
    pub at: Option<AreaId>,
    /// Of this kind.
    pub kind: Option<String>,
    /// Of kinds in this department's charge; empty: of kinds that no department is named for.
    pub department: Option<String>,
    /// From this fund; empty: not written down.
    pub fund: Option<String>,
    /// To this household.
    pub household: Option<RecordId>,
    /// To this person of it, by place in [`Room`]'s list (no name stands in an address).
    pub person: Option<usize>,
    /// Applications, or clues.
    pub application: Option<bool>,
    /// That came in here, by word.
    pub channel: Option<String>,
    /// That ended like this.
    pub outcome: Option<Outcome>,
    /// Of which this was found, by word.
    pub finding: Option<String>,
    /// Begun in this way, by word.
    pub origin: Option<String>,
    /// Pending and overdue today.
    pub overdue: bool,
    /// With money that was put right, or could have been.
    pub corrected: Option<Corrected>,
}

/// What the table of aid is by.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum By {
    /// Kind.
    #[default]
    Kind,
    /// Department in charge.
    Department,
    /// Fund.
    Fund,
    /// Village.
    Village,
    /// Month, or year.
    Period,
    /// Household.
    Household,
    /// Person.
    Person,
}

impl By {
    /// All, in the order of the page.
    pub const ALL: [By; 7] = [By::Kind, By::Department, By::Fund, By::Village, By::Period, By::Household, By::Person];

    /// The word in addresses.
    pub fn word(self) -> &'static str {
        match self {
            By::Kind => "kind",
            By::Department => "department",
            By::Fund => "fund",
            By::Village => "village",
            By::Period => "period",
            By::Household => "household",
            By::Person => "person",
        }
    }

    /// On screens.
    pub fn label(self) -> &'static str {
        match self {
            By::Kind => "救助种类",
            By::Department => "主管部门",
            By::Fund => "资金来源",
            By::Village => "村(社区)",
            By::Period => "月份",
            By::Household => "家庭",
            By::Person => "个人",
        }
    }

    /// The inverse of [`By::word`].
    pub fn from_word(word: &str) -> Option<By> {
        By::ALL.into_iter().find(|by| by.word() == word)
    }
}

/// A figure as it may be quoted: with its query and a hash over query, what was held, and the rows.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Published<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Whether more follow.
    pub more: bool,
    /// The query.
    pub query: String,
    /// The hash.
    pub hash: String,
}

/// The columns of a table of cases: applications, how they ended in the order of [`Outcome::ALL`], clues.
pub const CASE_COLUMNS: [&str; 6] = ["申请", "通过", "不予通过", "撤回", "在办", "线索"];

/// A line of a table of aid.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct AidGroup {
    /// What people read.
    pub label: String,
    /// The numbers.
    #[serde(flatten)]
    pub group: Group,
    /// The list behind it.
    #[serde(skip)]
    pub question: Question,
}

/// Cases with something in common, by how they ended.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct CaseGroup {
    /// What people read.
    pub label: String,
    /// Applications by outcome, in the order of [`Outcome::ALL`].
    pub outcomes: [u64; 4],
    /// Clues that are no applications.
    pub clues: u64,
    /// The list behind it.
    #[serde(skip)]
    pub question: Question,
}

impl CaseGroup {
    /// All applications of the group.
    pub fn applications(&self) -> u64 {
        self.outcomes.iter().sum()
    }
}

/// Everything the page shows.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Statistics {
    /// When it was computed (milliseconds since 1970).
    pub at_ms: i64,
    /// What was held.
    pub as_of: AsOf,
    /// All aid.
    pub total: Published<AidGroup>,
    /// Households that received it.
    pub households: Published<u64>,
    /// By month or year.
    pub by_period: Published<AidGroup>,
    /// By kind.
    pub by_kind: Published<AidGroup>,
    /// By what was picked.
    pub by_picked: Published<AidGroup>,
    /// All cases.
    pub cases: Published<CaseGroup>,
    /// By channel.
    pub by_channel: Published<CaseGroup>,
    /// By kind.
    pub cases_by_kind: Published<CaseGroup>,
    /// By village.
    pub cases_by_village: Published<CaseGroup>,
    /// Households by category.
    pub categories: Categories,
    /// 全面、及时、精准、公平
    pub indicators: Vec<IndicatorGroup>,
    /// Years of which anything is known, the latest first.
    #[serde(skip)]
    pub years: Vec<i32>,
    /// Areas to choose from.
    #[serde(skip)]
    pub areas: Vec<(AreaId, String)>,
}

/// Lines of aid, and what all of them come to.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct BenefitList {
    /// The lines of one page.
    pub lines: Published<BenefitRow>,
    /// All lines.
    pub total: Published<AidGroup>,
    /// What was held.
    pub as_of: AsOf,
}

/// Cases, and how many there are.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct AccountList {
    /// The cases of one page.
    pub lines: Published<AccountRow>,
    /// All cases by outcome.
    pub total: Published<CaseGroup>,
    /// What was held.
    pub as_of: AsOf,
}

/// Publishes an answer.
pub(super) fn publish<T, U: Serialize>(figure: Figure<T>, as_of: &AsOf, row: impl FnMut(T) -> U) -> Published<U> {
    let rows: Vec<U> = figure.rows.into_iter().map(row).collect();
    // Rows that are the same numbers serialise the same; nothing of this machine stands in them.
    let text = serde_json::to_string(&rows).unwrap_or_default();
    let hash = Hash::of("shouwang figure 1", &[figure.query.as_bytes(), as_of.digest.as_bytes(), text.as_bytes()]);
    Published { rows, more: figure.more, query: figure.query, hash: hash.hex() }
}

impl Room<'_> {
    pub(super) fn statistician(&self) -> Result<(), DeskError> {
        permit::role_or_console(&self.person, STATISTICIANS)
    }

    /// The areas a question is about; only what this office covers.
    pub(super) fn scope(&self, area: Option<AreaId>) -> Result<Vec<AreaId>, DeskError> {
        match area {
            Some(area) => permit::covers(&self.here, &self.divisions, area).map(|()| vec![area]),
            None => Ok(self.here.areas.clone()),
        }
    }

    pub(super) fn known(&self, within: &[AreaId]) -> Result<AsOf, DeskError> {
        Ok(self.reader.as_of(within, &self.divisions, &self.here.device)?)
    }

    pub(super) fn benefit_filter(&self, question: &Question, pack: Option<&Pack>) -> Result<BenefitFilter, DeskError> {
        let mut filter = BenefitFilter {
            within: self.scope(question.area)?,
            at: question.at,
            period: question.period,
            kinds: question.kind.iter().cloned().collect(),
            fund: question.fund.clone(),
            household: question.household,
            person: None,
        };
        if let Some(department) = &question.department {
            let all = self.reader.benefits_by(&filter, BenefitBy::Kind, Page::first(0))?;
            filter.kinds = in_charge(pack, department, all.rows.into_iter().map(|group| group.key));
        }
        if let (Some(place), Some(household)) = (question.person, &question.household) {
            let person = self.reader.persons_of(household)?.into_iter().nth(place);
            filter.person = Some(person.ok_or_else(|| DeskError::not_found("受助人"))?);
        }
        Ok(filter)
    }

    pub(super) fn account_filter(&self, question: &Question, pack: Option<&Pack>) -> Result<AccountFilter, DeskError> {
        let mut filter = AccountFilter {
            within: self.scope(question.area)?,
            at: question.at,
            period: question.period,
            kinds: question.kind.iter().cloned().collect(),
            application: question.application,
            channel: question.channel.clone(),
            outcome: question.outcome,
            finding: question.finding.clone(),
            origin: question.origin.clone(),
            overdue: question.overdue.then_some(self.day),
            corrected: question.corrected,
        };
        if let Some(department) = &question.department {
            let all = self.reader.accounts_by(&filter, AccountBy::Kind)?;
            filter.kinds = in_charge(pack, department, all.rows.into_iter().map(|group| group.key));
        }
        Ok(filter)
    }

    pub(super) fn aid_table(
        &self,
        question: &Question,
        by: By,
        page: Page,
        as_of: &AsOf,
    ) -> Result<Published<AidGroup>, DeskError> {
        let packs = self.reader.packs()?;
        let pack = self.pack(&packs);
        let filter = self.benefit_filter(question, pack)?;
        let store_by = match by {
            By::Kind | By::Department => BenefitBy::Kind,
            By::Fund => BenefitBy::Fund,
            By::Village => BenefitBy::Village,
            By::Period => BenefitBy::Period,
            By::Household => BenefitBy::Household,
            By::Person => BenefitBy::Person,
        };
        let mut figure = self.reader.benefits_by(&filter, store_by, page)?;
        if by == By::Department {
            figure.rows = by_department(pack, figure.rows);
        }
        let labelled = figure.rows.into_iter().map(|group| self.aid_group(question, by, group));
        let rows = labelled.collect::<Result<Vec<_>, _>>()?;
        Ok(publish(Figure { rows, more: figure.more, query: figure.query }, as_of, |row| row))
    }

    fn aid_group(&self, question: &Question, by: By, group: Group) -> Result<AidGroup, DeskError> {
        let mut of = question.clone();
        let unsaid = |text: &str, otherwise: &str| if text.is_empty() { otherwise.to_owned() } else { text.to_owned() };
        let label = match by {
            By::Kind => {
                of.kind = Some(group.key.clone());
                unsaid(&group.key, "未写明种类")
            }
            By::Department => {
                of.department = Some(group.key.clone());
                unsaid(&group.key, "政策包未列的种类")
            }
            By::Fund => {
                of.fund = Some(group.key.clone());
                unsaid(&group.key, "未写明")
            }
            By::Village => {
                of.at = AreaId::parse(&group.key);
                self.very_place(of.at)
            }
            By::Period => {
                of.period = period_of(&group.key);
                period_label(of.period)
            }
            By::Household | By::Person => {
                of.household = RecordId::parse(&group.key);
                let row = of.household.map(|household| self.reader.household_row(&household)).transpose()?.flatten();
                let head = row.map_or_else(|| "（没有对应的家庭）".to_owned(), |row| row.head);
                if by == By::Person {
                    let persons = of.household.map(|household| self.reader.persons_of(&household)).transpose()?;
                    of.person = persons.unwrap_or_default().iter().position(|person| *person == group.person);
                    if group.person.is_empty() {
                        format!("{head}（全户）")
                    } else {
                        format!("{}（{head}户）", group.person)
                    }
                } else {
                    head
                }
            }
        };
        Ok(AidGroup { label, group, question: of })
    }

    /// An area's name; one above the villages stands for what is not in one of them.
    fn very_place(&self, area: Option<AreaId>) -> String {
        let Some(area) = area else { return String::new() };
        let above = self.divisions.get(area).is_some_and(|known| known.tier > Tier::Village);
        let name = self.place_name(area);
        if above { format!("{name}（本级）") } else { name }
    }

    pub(super) fn aid_total(
        &self,
        question: &Question,
        pack: Option<&Pack>,
        as_of: &AsOf,
    ) -> Result<Published<AidGroup>, DeskError> {
        let filter = self.benefit_filter(question, pack)?;
        let figure = self.reader.benefits_by(&filter, BenefitBy::Nothing, Page::first(0))?;
        let all = |group| AidGroup { label: "合计".to_owned(), group, question: question.clone() };
        Ok(publish(figure, as_of, all))
    }

    pub(super) fn case_table(
        &self,
        question: &Question,
        by: AccountBy,
        pack: Option<&Pack>,
        as_of: &AsOf,
    ) -> Result<Published<CaseGroup>, DeskError> {
        let figure = self.reader.accounts_by(&self.account_filter(question, pack)?, by)?;
        let mut groups: BTreeMap<String, ([u64; 4], u64)> = BTreeMap::new();
        if by == AccountBy::Nothing {
            groups.insert(String::new(), Default::default());
        }
        for Tally { key, application, outcome, count } in figure.rows {
            let slot = groups.entry(key).or_default();
            match (application, Outcome::ALL.iter().position(|one| *one == outcome)) {
                (true, Some(place)) => slot.0[place] += count,
                _ => slot.1 += count,
            }
        }
        let rows = groups.into_iter().map(|(key, (outcomes, clues))| {
            let mut of = question.clone();
            let label = match by {
                AccountBy::Nothing => "合计".to_owned(),
                AccountBy::Channel => {
                    of.channel = Some(key.clone());
                    channel_label(&key)
                }
                AccountBy::Kind => {
                    of.kind = Some(key.clone());
                    if key.is_empty() { "未定种类".to_owned() } else { key }
                }
                AccountBy::Village => {
                    of.at = AreaId::parse(&key);
                    self.very_place(of.at)
                }
                AccountBy::Period => {
                    of.period = period_of(&key);
                    period_label(of.period)
                }
            };
            CaseGroup { label, outcomes, clues, question: of }
        });
        let rows = rows.collect();
        Ok(publish(Figure { rows, more: false, query: figure.query }, as_of, |row| row))
    }

    pub(super) fn choices_of_areas(&self) -> Result<Vec<(AreaId, String)>, DeskError> {
        // A city has too many villages for one list: its townships; everybody else's villages.
        let wanted = if self.here.tier == Tier::City { Tier::Township } else { Tier::Village };
        let areas = self.reader.areas()?.into_iter().filter(|area| area.tier == wanted);
        let inside = areas.filter(|area| permit::covers(&self.here, &self.divisions, area.id).is_ok());
        Ok(inside.map(|area| (area.id, area.name)).collect())
    }
}

/// The kinds among these in a department's charge; for an empty name, those in nobody's.
fn in_charge(pack: Option<&Pack>, department: &str, kinds: impl Iterator<Item = String>) -> Vec<String> {
    let mut found: Vec<String> = kinds.filter(|kind| department_of(pack, kind) == department).collect();
    if found.is_empty() {
        found.push(NO_KIND.to_owned());
    }
    found
}

fn department_of(pack: Option<&Pack>, kind: &str) -> String {
    pack.and_then(|pack| pack.kind(kind)).map(|kind| kind.department.clone()).unwrap_or_default()
}

fn by_department(pack: Option<&Pack>, kinds: Vec<Group>) -> Vec<Group> {
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    for kind in kinds {
        let key = department_of(pack, &kind.key);
        let slot = groups.entry(key.clone()).or_insert_with(|| Group { key, ..Group::default() });
        slot.count += kind.count;
        slot.amount.0 += kind.amount.0;
        slot.unpriced += kind.unpriced;
        slot.returns += kind.returns;
        slot.recovered.0 += kind.recovered.0;
    }
    let mut groups: Vec<Group> = groups.into_values().collect();
    groups.sort_by(|a, b| (b.amount, &a.key).cmp(&(a.amount, &b.key)));
    groups
}

/// `2019`, `2019-05`, or nothing for what has no day.
pub fn period_of(key: &str) -> Period {
    let (year, month) = key.split_once('-').map_or((key, None), |(year, month)| (year, Some(month)));
    match (year.parse(), month.map(str::parse)) {
        (Ok(year), Some(Ok(month))) => Period::Month(year, month),
        (Ok(year), None) => Period::Year(year),
        _ => Period::Undated,
    }
}

/// A period on screens.
pub fn period_label(period: Period) -> String {
    match period {
        Period::Any => "全部年份".to_owned(),
        Period::Year(year) => format!("{year}年"),
        Period::Month(year, month) => format!("{year}年{month}月"),
        Period::Undated => "没有日期".to_owned(),
    }
}

/// Where a line of aid stands: a row of the record, a payment of a case, money that came back.
pub fn source_of(line: &BenefitRow) -> String {
    let word = match (line.recovered, line.case) {
        (true, _) => "追回",
        (false, Some(_)) => "发放",
        (false, None) => "受助记录",
    };
    format!("{word} {}", line.number).trim_end().to_owned()
}

/// A channel on screens.
pub fn channel_label(word: &str) -> String {
    let channel = shouwang_protocol::records::event::Channel::from_word(word);
    channel.map_or_else(|| "未写明".to_owned(), |channel| channel.label().to_owned())
}

impl Room<'_> {
    pub(super) fn statistics(&self, question: &Question, by: By, page: Page, at_ms: i64) -> Result<Statistics, DeskError> {
        self.statistician()?;
        let packs = self.reader.packs()?;
        let pack = self.pack(&packs);
        let as_of = self.known(&self.scope(question.area)?)?;
        let filter = self.benefit_filter(question, pack)?;
        let by_kind = self.aid_table(question, By::Kind, page, &as_of)?;
        let by_period = self.aid_table(question, By::Period, page, &as_of)?;
        let by_picked = match by {
            By::Kind => by_kind.clone(),
            By::Period => by_period.clone(),
            other => self.aid_table(question, other, page, &as_of)?,
        };
        Ok(Statistics {
            at_ms,
            total: self.aid_total(question, pack, &as_of)?,
            households: publish(self.reader.households_with_aid(&filter)?, &as_of, |count| count),
            categories: self.categories(question)?,
            indicators: self.indicators(question, pack, &as_of)?,
            by_channel: self.case_table(question, AccountBy::Channel, pack, &as_of)?,
            cases_by_kind: self.case_table(question, AccountBy::Kind, pack, &as_of)?,
            cases: self.case_table(question, AccountBy::Nothing, pack, &as_of)?,
            cases_by_village: self.case_table(question, AccountBy::Village, pack, &as_of)?,
            by_kind,
            by_period,
            by_picked,
            years: self.reader.years()?,
            areas: self.choices_of_areas()?,
            as_of,
        })
    }

    pub(super) fn benefit_list(&self, question: &Question, page: Page) -> Result<BenefitList, DeskError> {
        self.statistician()?;
        let packs = self.reader.packs()?;
        let pack = self.pack(&packs);
        let as_of = self.known(&self.scope(question.area)?)?;
        let lines = self.reader.benefits(&self.benefit_filter(question, pack)?, page)?;
        let lines = publish(lines, &as_of, |row| row);
        Ok(BenefitList { lines, total: self.aid_total(question, pack, &as_of)?, as_of })
    }

    pub(super) fn account_list(&self, question: &Question, page: Page) -> Result<AccountList, DeskError> {
        self.statistician()?;
        let packs = self.reader.packs()?;
        let pack = self.pack(&packs);
        let as_of = self.known(&self.scope(question.area)?)?;
        let lines = self.reader.accounts(&self.account_filter(question, pack)?, page)?;
        let lines = publish(lines, &as_of, |row| row);
        Ok(AccountList { lines, total: self.case_table(question, AccountBy::Nothing, pack, &as_of)?, as_of })
    }
}

impl Desk {
    /// The page of statistics; `page` is of the table that was picked.
    pub async fn statistics(&self, person: &Person, question: Question, by: By, page: Page) -> Result<Statistics, DeskError> {
        let at_ms = self.clock().now().wall_ms;
        self.in_room(person, LOOKING, move |room| room.statistics(&question, by, page, at_ms)).await
    }

    /// The lines of aid behind a figure.
    pub async fn benefit_list(&self, person: &Person, question: Question, page: Page) -> Result<BenefitList, DeskError> {
        self.in_room(person, LOOKING, move |room| room.benefit_list(&question, page)).await
    }

    /// The cases behind a figure.
    pub async fn account_list(&self, person: &Person, question: Question, page: Page) -> Result<AccountList, DeskError> {
        self.in_room(person, LOOKING, move |room| room.account_list(&question, page)).await
    }
}
