//! The four groups of indicators: 全面, 及时, 精准, 公平 (how many are reached, how fast, how rightly, how evenly).
//!
//! Each is computed from the same filters as the tables, or it says why it cannot be: there is no constant here. A
//! share names its part and its whole, so that nobody has to believe a percentage.

use super::Room;
use super::outcome::DeskError;
use super::statistics::{Question, publish};
use crate::store::reader::{AccountBy, AsOf, BenefitBy, Corrected, Figure, Page};
use serde::Serialize;
use shouwang_protocol::account::Outcome;
use shouwang_protocol::records::amount::Fen;
use shouwang_protocol::records::event::{Finding, Origin};
use shouwang_protocol::records::policy::Pack;
use std::collections::BTreeMap;

/// Applications with a result that a village must have before its share of approvals is compared.
const RESULTS_MIN: u64 = 5;

/// A value.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// A part of a whole.
    Share {
        /// The part.
        part: u64,
        /// The whole, more than nothing.
        whole: u64,
    },
    /// Days.
    Days(i64),
    /// A number.
    Count(u64),
    /// The lowest, the middle and the highest of several villages.
    Amounts {
        /// The lowest.
        low: Fen,
        /// The middle one.
        middle: Fen,
        /// The highest.
        high: Fen,
    },
    /// The lowest and the highest share of several villages, in thousandths.
    Shares {
        /// The lowest.
        low: u64,
        /// The highest.
        high: u64,
    },
}

/// Where the items behind a value are listed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Link {
    /// In the list of cases.
    Cases(Question),
    /// In the table of aid by household.
    Households(Question),
    /// In the table of aid by village.
    Villages(Question),
}

/// An indicator.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Indicator {
    /// What it is.
    pub label: &'static str,
    /// Its value; none: there is none yet.
    pub value: Option<Measure>,
    /// How it is computed, or why it cannot be.
    pub note: &'static str,
    /// The items behind it.
    #[serde(skip)]
    pub link: Option<Link>,
    /// The queries it follows from.
    pub queries: Vec<String>,
    /// Over the queries, what was held, and the value.
    pub hash: String,
}

/// A group of indicators.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct IndicatorGroup {
    /// 全面, 及时, 精准, 公平
    pub name: &'static str,
    /// Its indicators.
    pub lines: Vec<Indicator>,
}

struct Maker<'a>(&'a AsOf);

impl Maker<'_> {
    fn one(&self, label: &'static str, note: &'static str, value: Measure, queries: &[&str], link: Link) -> Indicator {
        let figure = Figure { rows: vec![value], more: false, query: queries.join(";\n") };
        let published = publish(figure, self.0, |value| value);
        let queries = queries.iter().map(|query| (*query).to_owned()).collect();
        Indicator { label, value: Some(value), note, link: Some(link), queries, hash: published.hash }
    }

    fn none(label: &'static str, why: &'static str) -> Indicator {
        Indicator { label, value: None, note: why, link: None, queries: Vec::new(), hash: String::new() }
    }
}

fn middle<T: Copy>(sorted: &[T]) -> Option<T> {
    sorted.get(sorted.len().checked_sub(1)? / 2).copied()
}

impl Room<'_> {
    pub(super) fn indicators(
        &self,
        question: &Question,
        pack: Option<&Pack>,
        as_of: &AsOf,
    ) -> Result<Vec<IndicatorGroup>, DeskError> {
        let make = Maker(as_of);
        Ok(vec![
            IndicatorGroup { name: "全面", lines: self.coverage(question, pack, &make)? },
            IndicatorGroup { name: "及时", lines: self.timeliness(question, pack, &make)? },
            IndicatorGroup { name: "精准", lines: self.accuracy(question, pack, &make)? },
            IndicatorGroup { name: "公平", lines: self.equality(question, pack, &make)? },
        ])
    }

    fn coverage(&self, question: &Question, pack: Option<&Pack>, make: &Maker<'_>) -> Result<Vec<Indicator>, DeskError> {
        let held = self.reader.households_by_area(&self.scope(question.area)?)?;
        let aided = self.reader.households_with_aid(&self.benefit_filter(question, pack)?)?;
        let whole: u64 = held.rows.iter().map(|(_, count)| count).sum();
        let part = aided.rows.first().copied().unwrap_or_default();
        let (label, note) = ("在册家庭的受助面", "本期有受助的家庭 ÷ 本机所存的家庭");
        let link = Link::Households(question.clone());
        Ok(vec![
            match whole {
                0 => Maker::none(label, "本机没有家庭档案"),
                whole => make.one(label, note, Measure::Share { part, whole }, &[&aided.query, &held.query], link),
            },
            Maker::none("可能遗漏的家庭", "还没有每月遗漏排查的结果"),
            Maker::none("每月更新的村(社区)", "还没有村(社区)的每月签报"),
        ])
    }

    fn timeliness(&self, question: &Question, pack: Option<&Pack>, make: &Maker<'_>) -> Result<Vec<Indicator>, DeskError> {
        let applications = Question { application: Some(true), ..question.clone() };
        let ended = self.reader.spans(&self.account_filter(&applications, pack)?, false)?;
        let warnings = Question { origin: Some(Origin::Warning.word().to_owned()), ..question.clone() };
        let verified = self.reader.spans(&self.account_filter(&warnings, pack)?, true)?;
        let overdue = Question { overdue: true, ..question.clone() };
        let late = self.reader.accounts_by(&self.account_filter(&overdue, pack)?, AccountBy::Nothing)?;
        let count = late.rows.iter().map(|tally| tally.count).sum();
        let label = "申请从登记到有结果";
        let first = match middle(&ended.rows) {
            None => Maker::none(label, "本期登记的申请还没有有结果的"),
            Some(days) => make.one(label, "中位天数，含休息日", Measure::Days(days), &[&ended.query], Link::Cases(applications)),
        };
        let label = "预警从发出到核实";
        let second = match middle(&verified.rows) {
            None => Maker::none(label, "本期没有已核实的预警"),
            Some(days) => make.one(label, "中位天数，含休息日", Measure::Days(days), &[&verified.query], Link::Cases(warnings)),
        };
        let note = "在办事项中，期限早于今天的";
        Ok(vec![first, second, make.one("现已超期", note, Measure::Count(count), &[&late.query], Link::Cases(overdue))])
    }

    fn accuracy(&self, question: &Question, pack: Option<&Pack>, make: &Maker<'_>) -> Result<Vec<Indicator>, DeskError> {
        let of = |outcome| Question { application: Some(true), outcome: Some(outcome), ..question.clone() };
        let count = |question: &Question| -> Result<(u64, String), DeskError> {
            let figure = self.reader.accounts_by(&self.account_filter(question, pack)?, AccountBy::Nothing)?;
            Ok((figure.rows.iter().map(|tally| tally.count).sum(), figure.query))
        };
        let refused = of(Outcome::Refused);
        let ((no, no_query), (yes, yes_query)) = (count(&refused)?, count(&of(Outcome::Approved))?);
        let label = "申请不予通过";
        let first = match no + yes {
            0 => Maker::none(label, "本期登记的申请还没有有结果的"),
            whole => {
                let value = Measure::Share { part: no, whole };
                make.one(label, "不予通过 ÷（通过＋不予通过）", value, &[&no_query, &yes_query], Link::Cases(refused))
            }
        };
        let found = |finding: Finding| Question { finding: Some(finding.word().to_owned()), ..question.clone() };
        let untrue = found(Finding::False);
        let ((bad, bad_query), (good, good_query)) = (count(&untrue)?, count(&found(Finding::True))?);
        let label = "线索核实不属实";
        let second = match bad + good {
            0 => Maker::none(label, "本期没有核实过的线索"),
            whole => {
                let value = Measure::Share { part: bad, whole };
                make.one(label, "不属实 ÷（属实＋不属实）", value, &[&bad_query, &good_query], Link::Cases(untrue))
            }
        };
        let failed = self.reader.failed_payments(&self.account_filter(question, pack)?)?;
        let value = Measure::Count(failed.rows.first().copied().unwrap_or_default());
        let third = make.one("发放失败", "被银行退回的发放次数", value, &[&failed.query], Link::Cases(question.clone()));
        let put_right = |label, note, whole: (Corrected, &'static str), part: Corrected| -> Result<Indicator, DeskError> {
            let of = |corrected| Question { corrected: Some(corrected), ..question.clone() };
            let (some, all) = (count(&of(part))?, count(&of(whole.0))?);
            Ok(match all.0 {
                0 => Maker::none(label, whole.1),
                whole => {
                    let value = Measure::Share { part: some.0, whole };
                    make.one(label, note, value, &[&some.1, &all.1], Link::Cases(of(part)))
                }
            })
        };
        let monthly = (Corrected::Monthly, "本期登记的事项还没有按月发放的待遇");
        let cut = put_right("减发、停发", "减发或停发过的 ÷ 按月发放的", monthly, Corrected::Cut)?;
        let paid = (Corrected::Paid, "本期登记的事项还没有发放");
        let undue = put_right("追缴", "有须追缴金额的（含已追回）÷ 发放过的", paid, Corrected::Undue)?;
        Ok(vec![first, second, third, cut, undue])
    }

    fn equality(&self, question: &Question, pack: Option<&Pack>, make: &Maker<'_>) -> Result<Vec<Indicator>, DeskError> {
        let held = self.reader.households_by_area(&self.scope(question.area)?)?;
        let aid = self.reader.benefits_by(&self.benefit_filter(question, pack)?, BenefitBy::Village, Page::first(0))?;
        let sums: BTreeMap<&str, Fen> = aid.rows.iter().map(|group| (group.key.as_str(), group.amount)).collect();
        let mean = |(area, households): &(shouwang_protocol::area::AreaId, u64)| {
            let sum = sums.get(area.to_string().as_str()).copied().unwrap_or_default();
            Fen(sum.0 / i64::try_from(*households).unwrap_or(i64::MAX).max(1))
        };
        let mut means: Vec<Fen> = held.rows.iter().map(mean).collect();
        means.sort_unstable();
        let label = "各村(社区)户均受助";
        let first = match (means.len(), middle(&means)) {
            (2.., Some(half)) => {
                let value = Measure::Amounts { low: means[0], middle: half, high: means[means.len() - 1] };
                let note = "最低、中位、最高的村(社区)，元";
                make.one(label, note, value, &[&aid.query, &held.query], Link::Villages(question.clone()))
            }
            _ => Maker::none(label, "有家庭档案的村(社区)不足两个，无从比较"),
        };
        let applications = Question { application: Some(true), ..question.clone() };
        let tallies = self.reader.accounts_by(&self.account_filter(&applications, pack)?, AccountBy::Village)?;
        let mut villages: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for tally in &tallies.rows {
            let slot = villages.entry(&tally.key).or_default();
            match tally.outcome {
                Outcome::Approved => *slot = (slot.0 + tally.count, slot.1 + tally.count),
                Outcome::Refused => slot.1 += tally.count,
                Outcome::Withdrawn | Outcome::Pending => {}
            }
        }
        let shares = villages.values().filter(|(_, ended)| *ended >= RESULTS_MIN).map(|(yes, ended)| yes * 1_000 / ended);
        let mut shares: Vec<u64> = shares.collect();
        shares.sort_unstable();
        let label = "各村(社区)申请通过率";
        let second = match shares.as_slice() {
            [low, .., high] => {
                let value = Measure::Shares { low: *low, high: *high };
                make.one(label, "最低与最高，只比有 5 件以上结果的", value, &[&tallies.query], Link::Cases(applications))
            }
            _ => Maker::none(label, "有 5 件以上结果的村(社区)不足两个，无从比较"),
        };
        Ok(vec![first, second])
    }
}
