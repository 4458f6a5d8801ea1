//! Kinds of assistance (救助种类), who decides them, what they are computed from, and the code tables of a pack.

use super::article::Condition;
use crate::area::Tier;
use crate::records::amount::Fen;
use crate::records::day::Day;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A kind of assistance.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Assistance {
    /// The code, which for our packs is its Chinese name.
    pub code: String,
    /// The name on screens.
    pub name: String,
    /// The department in charge (code).
    #[serde(default)]
    pub department: String,
    /// Who decides.
    #[serde(default)]
    pub decides: Decides,
    /// The lowest tier that accepts; none: township.
    #[serde(default)]
    pub accepts: Option<Tier>,
    /// The steps it must go through, besides acceptance.
    #[serde(default)]
    pub steps: Vec<Step>,
    /// Working days for a step; a step that is missing has no clock.
    #[serde(default)]
    pub days: BTreeMap<Step, u32>,
    /// Days (of the calendar, not working days) for which the opinion is put up; none: seven.
    #[serde(default)]
    pub notice_days: Option<u32>,
    /// Whether the amount is put up with the opinion.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub notice_amount: bool,
    /// Working days by which a term may be made longer, in all; none: not at all.
    #[serde(default)]
    pub extend_days: Option<u32>,
    /// What a check of means asks (codes of `sources`); empty: all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
    /// How an amount is computed.
    #[serde(default)]
    pub formula: Option<Formula>,
    /// Whether it is paid every month, from the month after the decision until it is stopped.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub monthly: bool,
    /// Of what is paid every month: the day of the month by which it is; none: no term is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pay_by: Option<PayBy>,
    /// What must come before a monthly benefit is stopped, besides hearing the person; none: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop: Option<StopRule>,
    /// Months for which a monthly benefit may go on after it was decided to stop it (渐退); none: the pack does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace: Option<Grace>,
    /// When a second grant to one person is a duplicate; none: within a year, whatever the cause.
    #[serde(default)]
    pub repeat: Option<Repeat>,
    /// Whether help may come before the papers, and how much; none: it may not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emergency: Option<EmergencyRule>,
    /// Days for which a confirmed status of this kind holds, from the day of the decision; none: no term is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_days: Option<u32>,
    /// Other names under which aid of this kind stands in households' records: 低保金.
    #[serde(default)]
    pub programs: Vec<String>,
    /// The rule it comes from.
    #[serde(default)]
    pub source: String,
}

/// How a monthly benefit of a kind is stopped.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct StopRule {
    /// Days (of the calendar) for which the stop is put up before it is decided.
    pub notice_days: u32,
    /// Whether it is stopped from the month after the decision, and not from an earlier one.
    #[serde(default)]
    pub next_month: bool,
    /// The rule it comes from.
    pub source: String,
}

/// How long a benefit may go on after its stop was decided, so that work pays (渐退期).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Grace {
    /// Months at most.
    pub months: u32,
    /// The rule it comes from.
    pub source: String,
}

/// How the family may object to a decision (救济途径).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Remedy {
    /// The code.
    pub code: String,
    /// The name on screens.
    pub name: String,
    /// What a written notice tells about it.
    pub text: String,
    /// The rule it comes from.
    #[serde(default)]
    pub source: String,
}

/// The day of the month by which a monthly benefit is paid.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PayBy {
    /// The day, 1 to 31; a shorter month's last day counts for it.
    pub day: u32,
    /// The rule it comes from.
    pub source: String,
}

/// When a second grant of a kind to one person is a duplicate.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Repeat {
    /// Days between the two decisions below which it is one.
    pub days: u32,
    /// Whether only for the same cause.
    #[serde(default)]
    pub by_cause: bool,
    /// Whether no reason in writing makes it right.
    #[serde(default)]
    pub never: bool,
}

/// How much may be given before the papers (先行救助). Each of these is set by the city; what is unset blocks.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct EmergencyRule {
    /// The greatest amount for one case, in fen.
    #[serde(default)]
    pub per_case: Option<Fen>,
    /// The greatest amount for one household within the period, in fen.
    #[serde(default)]
    pub per_household: Option<Fen>,
    /// The period, in days of the calendar.
    #[serde(default)]
    pub period_days: Option<u32>,
    /// Working days after the help by which the papers must be there.
    #[serde(default)]
    pub papers_days: Option<u32>,
    /// The tier that confirms it; none: the one that decides the amount.
    #[serde(default)]
    pub confirms: Option<Tier>,
    /// The rule it comes from.
    #[serde(default)]
    pub source: String,
}

impl EmergencyRule {
    /// What the city has not set, in Chinese; none: all is set.
    pub fn unset(&self) -> Option<&'static str> {
        match self {
            EmergencyRule { per_case: None, .. } => Some("先行救助每次限额"),
            EmergencyRule { per_household: None, .. } => Some("先行救助每户限额"),
            EmergencyRule { period_days: None, .. } => Some("先行救助每户限额的期间"),
            EmergencyRule { papers_days: None, .. } => Some("先行救助补办手续的期限"),
            _ => None,
        }
    }
}

/// Kinds of assistance that one person may not have beside each other.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Exclusion {
    /// The code; empty in older packs: see [`Exclusion::code`].
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub code: String,
    /// The kinds (codes): any two of them exclude each other.
    pub kinds: Vec<String>,
    /// Days between the two decisions below which they do.
    pub days: u32,
    /// Whether no reason in writing makes it right.
    #[serde(default)]
    pub never: bool,
    /// The rule it comes from.
    #[serde(default)]
    pub source: String,
}

impl Exclusion {
    /// The code; its kinds when it has none.
    pub fn code(&self) -> String {
        if self.code.is_empty() { self.kinds.join("、") } else { self.code.clone() }
    }
}

/// Who decides a kind of assistance.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decides {
    /// An office of the first tier in the list whose limit is not below the amount.
    Tiers(Vec<Limit>),
    /// The department, by its feedback on a transfer.
    Department,
    /// Nobody: a service, no grant.
    #[default]
    Nobody,
}

/// Up to which amount a tier decides.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Limit {
    /// The tier.
    pub tier: Tier,
    /// The greatest amount in fen; none: any.
    #[serde(default)]
    pub up_to: Option<Fen>,
}

/// A step with a clock of its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// 核实
    Verify,
    /// 受理
    Accept,
    /// 入户调查
    Visit,
    /// 家庭经济状况核对: its clock is for the city to begin
    Check,
    /// 答复核对: the clock for all answers
    CheckAnswer,
    /// 民主评议
    Appraise,
    /// 预审
    PreExamine,
    /// 公示
    Notice,
    /// 审批
    Decide,
    /// 全程: the clock from acceptance to the decision
    Whole,
    /// 书面告知不予批准
    Tell,
    /// 公布审批结果
    Publish,
    /// 发放
    Pay,
    /// 回访: its clock begins with the first payment
    FollowUp,
    /// 转办签收
    SignFor,
    /// 转办反馈
    Feedback,
}

impl Step {
    /// All steps, in the order of a case.
    pub const ALL: [Step; 16] = [
        Step::Verify,
        Step::Accept,
        Step::Visit,
        Step::Check,
        Step::CheckAnswer,
        Step::Appraise,
        Step::PreExamine,
        Step::Notice,
        Step::Decide,
        Step::Whole,
        Step::Tell,
        Step::Publish,
        Step::Pay,
        Step::FollowUp,
        Step::SignFor,
        Step::Feedback,
    ];

    /// On screens.
    pub fn label(self) -> &'static str {
        match self {
            Step::Verify => "核实",
            Step::Accept => "受理",
            Step::Visit => "入户调查",
            Step::Check => "经济核对",
            Step::CheckAnswer => "答复核对",
            Step::Appraise => "民主评议",
            Step::PreExamine => "预审",
            Step::Notice => "公示",
            Step::Decide => "审批",
            Step::Whole => "全程",
            Step::Tell => "书面告知",
            Step::Publish => "公布",
            Step::Pay => "发放",
            Step::FollowUp => "回访",
            Step::SignFor => "转办签收",
            Step::Feedback => "转办反馈",
        }
    }

    /// The inverse of [`Step::label`].
    pub fn from_label(label: &str) -> Option<Step> {
        Step::ALL.into_iter().find(|step| step.label() == label)
    }

    /// Whether a kind may go without it; the others come when something calls for them, and a kind has only their clocks.
    pub fn is_optional(self) -> bool {
        !matches!(self, Step::Verify | Step::Accept | Step::CheckAnswer | Step::Whole | Step::SignFor | Step::Feedback)
    }
}

/// How an amount is computed.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Formula {
    /// In words: `3 × 低保标准`.
    pub text: String,
    /// In CEL, in fen: `3 * standard["低保标准"]`; see [`crate::eligibility`].
    pub amount: String,
}

/// A standard amount or parameter.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Standard {
    /// The code.
    pub code: String,
    /// The name on screens.
    pub name: String,
    /// The amount in fen; none: unset.
    #[serde(default)]
    pub fen: Option<Fen>,
    /// What it is for: 元/人·月.
    #[serde(default)]
    pub unit: String,
    /// The rule it comes from.
    #[serde(default)]
    pub source: String,
}

/// What is taken off the income before it is compared with a standard (可扣减的支出).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Deduction {
    /// The code.
    pub code: String,
    /// The name on screens.
    pub name: String,
    /// How much a year, in CEL and fen: `household.medical_year`.
    pub amount: String,
    /// The rule it comes from.
    #[serde(default)]
    pub source: String,
}

/// When a status is to be looked at again (复核).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Review {
    /// In words.
    pub text: String,
    /// For whom, in CEL; empty: everybody else.
    #[serde(default)]
    pub when: String,
    /// Months after the last time.
    pub months: u32,
}

/// A status that a household's means may give it (低收入人口认定).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Status {
    /// The category (code).
    pub code: String,
    /// Other words under which households of this status are registered: 低保户.
    #[serde(default)]
    pub words: Vec<String>,
    /// What must hold.
    pub conditions: Vec<Condition>,
    /// When it is looked at again: the first row that fits.
    #[serde(default)]
    pub reviews: Vec<Review>,
    /// The rule it comes from.
    #[serde(default)]
    pub source: String,
}

impl Status {
    /// Whether a household under this category has the status.
    pub fn is_called(&self, category: &str) -> bool {
        self.code == category || self.words.iter().any(|word| word == category)
    }
}

/// A kind of change of a household (动态) that is to be looked at.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ChangeKind {
    /// The code.
    pub code: String,
    /// The name on screens.
    pub name: String,
    /// Working days after it was written down within which it is looked at; none: not set.
    #[serde(default)]
    pub days: Option<u32>,
    /// The rule it comes from.
    #[serde(default)]
    pub source: String,
}

/// A row of a code table.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Code {
    /// The code.
    pub code: String,
    /// The name on screens.
    pub name: String,
    /// The rule it comes from.
    #[serde(default)]
    pub source: String,
}

/// On what ground a provider is given personal information.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The pack does not say: nothing is asked for.
    #[default]
    #[serde(rename = "")]
    Unsaid,
    /// It works for the office under a contract (受托处理, 个人信息保护法 art. 21).
    Entrusted,
    /// It decides itself what it does with it: the person must have agreed separately (单独同意, art. 23).
    Consent,
}

impl Basis {
    /// All of them: word, on screens.
    pub const WORDS: &[(&str, &str)] = &[("", "未写明"), ("entrusted", "受托处理"), ("consent", "须当事人单独同意")];

    fn is_unsaid(&self) -> bool {
        *self == Basis::Unsaid
    }
}

/// A provider (服务机构).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Provider {
    /// The code.
    pub code: String,
    /// The name on screens.
    pub name: String,
    /// On what ground it is given personal information.
    #[serde(default, skip_serializing_if = "Basis::is_unsaid")]
    pub basis: Basis,
    /// The contract it is entrusted by; empty: not said.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub agreement: String,
    /// The last day of that contract; none: open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Day>,
    /// The rule it comes from.
    #[serde(default)]
    pub source: String,
}

/// A kind of care project (小类): the second level of the dictionary.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ProjectKind {
    /// The class (code).
    pub class: String,
    /// The code.
    pub code: String,
    /// The name on screens.
    pub name: String,
    /// The needs it answers (codes).
    #[serde(default)]
    pub needs: Vec<String>,
    /// The rule it comes from.
    #[serde(default)]
    pub source: String,
}

/// Where a family's means are asked about (核对信息来源).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Source {
    /// The code.
    pub code: String,
    /// The name on screens.
    pub name: String,
    /// What it usually tells: a code of [`crate::difference::MEASURES`].
    #[serde(default)]
    pub measure: String,
    /// The rule it comes from.
    #[serde(default)]
    pub source: String,
}

impl Assistance {
    /// The tier that decides `amount`; none when no tier of ours does.
    pub fn decider(&self, amount: Fen) -> Option<Tier> {
        let Decides::Tiers(limits) = &self.decides else { return None };
        limits.iter().find(|limit| limit.up_to.is_none_or(|most| amount <= most)).map(|limit| limit.tier)
    }

    /// The tier that confirms an emergency of this amount; none: help may not come first, or nobody of ours confirms.
    pub fn confirms(&self, amount: Fen) -> Option<Tier> {
        self.emergency.as_ref()?.confirms.or_else(|| self.decider(amount))
    }

    /// The tiers that decide some amount.
    pub fn deciders(&self) -> Vec<Tier> {
        match &self.decides {
            Decides::Tiers(limits) => limits.iter().map(|limit| limit.tier).collect(),
            Decides::Department | Decides::Nobody => Vec::new(),
        }
    }

    /// Days for which the opinion is put up (民发〔2021〕57号 第19条: seven).
    pub fn notice_days(&self) -> u32 {
        self.notice_days.unwrap_or(7).clamp(1, 365)
    }

    /// When a second grant to one person is a duplicate.
    pub fn repeat(&self) -> Repeat {
        self.repeat.unwrap_or(Repeat { days: 365, by_cause: false, never: false })
    }

    /// Whether aid that stands under this name is of this kind.
    pub fn is_called(&self, program: &str) -> bool {
        self.code == program || self.name == program || self.programs.iter().any(|name| name == program)
    }

    /// Whether the kind goes through this step.
    pub fn has(&self, step: Step) -> bool {
        self.steps.contains(&step)
    }
}
