//! Kinds of assistance (救助种类), who decides them, what they are computed from, and the code tables of a pack.

use crate::area::Tier;
use crate::records::amount::Fen;
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
    /// How an amount is computed.
    #[serde(default)]
    pub formula: Option<Formula>,
    /// When a second grant to one person is a duplicate; none: within a year, whatever the cause.
    #[serde(default)]
    pub repeat: Option<Repeat>,
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

/// Kinds of assistance that one person may not have beside each other.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Exclusion {
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
    /// 预审
    PreExamine,
    /// 公示
    Notice,
    /// 审批
    Decide,
    /// 发放
    Pay,
    /// 转办签收
    SignFor,
    /// 转办反馈
    Feedback,
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

impl Assistance {
    /// The tier that decides `amount`; none when no tier of ours does.
    pub fn decider(&self, amount: Fen) -> Option<Tier> {
        let Decides::Tiers(limits) = &self.decides else { return None };
        limits.iter().find(|limit| limit.up_to.is_none_or(|most| amount <= most)).map(|limit| limit.tier)
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
