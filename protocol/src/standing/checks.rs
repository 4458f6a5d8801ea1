//! The check of a family's means (家庭经济状况核对) within a case: who agreed to be asked about, what was asked and
//! answered, what the family objects to, and whether the case may go on without it.
//!
//! Figures are no part of it: they stand in the verification record (see [`crate::records::verification`]), which
//! villages do not hold. Here everybody reads the same: asked, answered on, 一致 or 不一致.

use super::rules::{Refusal, kind_of, unless};
use super::{Standing, Turn, Who};
use crate::area::Tier;
use crate::records::OpId;
use crate::records::day::Day;
use crate::records::event::{Agreement, Event, EventKind, Finding, What};
use crate::records::policy::{Assistance, Packs, Step};
use std::collections::BTreeSet;

/// Days that an authorisation holds at most.
const AUTHORISED_DAYS_MAX: i32 = 2 * 366;

/// Somebody's agreement in writing that their means are asked about.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Authorisation {
    /// The event.
    pub id: OpId,
    /// Who: the name of the member's row, or of a supporter.
    pub person: String,
    /// The name.
    pub name: String,
    /// How a supporter is related; empty: a member.
    pub relation: String,
    /// A supporter's identity number.
    pub id_no: String,
    /// Who signed.
    pub signer: String,
    /// Why somebody else signed.
    pub guardian: String,
    /// The sources (codes).
    pub scope: Vec<String>,
    /// What for.
    pub purpose: String,
    /// From which day it holds.
    pub signed: Day,
    /// The last day it holds.
    pub until: Day,
    /// Where the paper is.
    pub paper: String,
    /// The day it was taken back, and why.
    pub withdrawn: Option<(Option<Day>, String)>,
}

impl Authorisation {
    /// Whether it lets `source` be asked on `day`.
    pub fn covers(&self, source: &str, day: Day) -> bool {
        self.withdrawn.is_none() && (self.signed..=self.until).contains(&day) && self.scope.iter().any(|code| code == source)
    }
}

/// An objection of the family.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct CheckObjection {
    /// What they say.
    pub text: String,
    /// The day.
    pub day: Option<Day>,
    /// What came of it; none: nobody has looked into it.
    pub outcome: Option<Finding>,
    /// How it was found.
    pub note: String,
}

/// One request and what became of it.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Check {
    /// The event.
    pub id: OpId,
    /// Its number.
    pub number: String,
    /// Whom it asks about: key and name.
    pub people: Vec<(String, String)>,
    /// Which sources (codes).
    pub sources: Vec<String>,
    /// The tier that asked.
    pub tier: Tier,
    /// In words.
    pub note: String,
    /// The day it was asked.
    pub asked_on: Option<Day>,
    /// The day the city began.
    pub started_on: Option<Day>,
    /// The day all was answered.
    pub answered_on: Option<Day>,
    /// What it came to.
    pub result: Option<Agreement>,
    /// The number of the check it replaces; empty: the first.
    pub supersedes: String,
    /// Whether a later one replaced it.
    pub superseded: bool,
    /// The family's objection.
    pub objection: Option<CheckObjection>,
    /// The last day for the next step.
    pub due: Option<Day>,
}

impl Check {
    /// Whether the city still owes an answer.
    pub fn is_open(&self) -> bool {
        self.answered_on.is_none() && !self.superseded
    }

    /// Whether nobody has looked into an objection.
    pub fn is_objected(&self) -> bool {
        self.objection.as_ref().is_some_and(|objection| objection.outcome.is_none())
    }

    /// Whether an objection was true, so that it must be made once more.
    pub fn is_upheld(&self) -> bool {
        self.objection.as_ref().is_some_and(|objection| objection.outcome == Some(Finding::True))
    }

    /// Where it is, in a word.
    pub fn label(&self) -> &'static str {
        match self.result {
            _ if self.superseded => "已由复查取代",
            _ if self.is_objected() => "异议待处理",
            _ if self.is_upheld() => "异议属实待复查",
            Some(result) => result.label(),
            None if self.started_on.is_some() => "核对中",
            None => "待开始",
        }
    }

    /// The same for programs and views.
    pub fn state(&self) -> &'static str {
        match self.result {
            _ if self.superseded => "superseded",
            _ if self.is_objected() => "objected",
            _ if self.is_upheld() => "upheld",
            Some(_) => "answered",
            None if self.started_on.is_some() => "to-answer",
            None => "to-start",
        }
    }

    /// The step whose clock runs, and since when.
    pub(super) fn clock(&self) -> Option<(Step, Day)> {
        match (self.is_open(), self.started_on) {
            (false, _) => None,
            (true, Some(day)) => Some((Step::CheckAnswer, day)),
            (true, None) => Some((Step::Check, self.asked_on?)),
        }
    }
}

impl Standing {
    /// The check that counts.
    pub fn check(&self) -> Option<&Check> {
        self.checks.last()
    }

    /// Whether the case may go on: a check was completed and nothing is said against it, or why none is possible was
    /// written down.
    pub fn is_checked(&self) -> bool {
        let done = |check: &Check| check.result.is_some() && !check.is_objected() && !check.is_upheld();
        self.unchecked.is_some() || self.check().is_some_and(done)
    }

    /// Whether a valid authorisation covers this person and source on that day.
    pub fn may_ask(&self, person: &str, source: &str, day: Day) -> bool {
        self.authorisations.iter().any(|known| known.person == person && known.covers(source, day))
    }

    fn check_numbered(&mut self, number: &str) -> Option<&mut Check> {
        self.checks.iter_mut().find(|check| check.number == number)
    }
}

/// Whether events of this kind are about a check.
pub fn is_about(kind: EventKind) -> bool {
    use EventKind::*;
    matches!(
        kind,
        CheckAuthorised
            | CheckUnauthorised
            | CheckAsked
            | CheckStarted
            | CheckAnswered
            | CheckImpossible
            | CheckObjected
            | CheckObjectionSettled
    )
}

/// Whether an event of this kind may be written at `tier` now.
pub(super) fn may(s: &Standing, kind: EventKind, tier: Tier) -> Result<(), Refusal> {
    unless(s.decision.is_none(), "已经审批")?;
    unless(s.is_application, "还不是申请")?;
    let last = s.check();
    let accepted = || unless(s.number.is_some(), "尚未受理");
    let above_village = || unless(tier >= Tier::Township, "村(社区)不办理这一步");
    let city = || unless(tier >= Tier::City, "核对由市级办理");
    let answered = |check: &Check| check.result.is_some();
    match kind {
        EventKind::CheckAuthorised => Ok(()),
        EventKind::CheckUnauthorised => {
            unless(s.authorisations.iter().any(|known| known.withdrawn.is_none()), "没有可以撤回的核对授权")
        }
        EventKind::CheckAsked => {
            above_village()?;
            accepted()?;
            unless(!last.is_some_and(Check::is_open), "已经提请核对，市级尚未答复")
        }
        EventKind::CheckStarted => {
            city()?;
            unless(last.is_some_and(|check| check.is_open() && check.started_on.is_none()), "没有待开始的核对")
        }
        EventKind::CheckAnswered => {
            city()?;
            unless(last.is_some_and(Check::is_open), "没有待答复的核对")
        }
        EventKind::CheckImpossible => {
            above_village()?;
            accepted()?;
            unless(!last.is_some_and(answered), "已有核对结果，不能改为无法核对")
        }
        EventKind::CheckObjected => {
            unless(last.is_some_and(answered), "还没有核对结果")?;
            unless(!last.is_some_and(|check| check.is_objected() || check.is_upheld()), "已有异议，尚未处理完")
        }
        EventKind::CheckObjectionSettled => {
            above_village()?;
            unless(last.is_some_and(Check::is_objected), "没有待处理的核对异议")
        }
        _ => Ok(()),
    }
}

/// Whether this very event has effect.
pub(super) fn judge(s: &Standing, event: &Event, day: Option<Day>) -> Result<(), Refusal> {
    let named = |text: &str, why: &str| unless(!text.trim().is_empty(), why);
    let is_last = |number: &str| unless(s.check().is_some_and(|check| check.number == number), "不是现在的核对");
    match &event.what {
        What::CheckAuthorised { person, whose, relation, signer, guardian, scope, purpose, signed, until, .. } => {
            named(person, "须写明被核对人")?;
            named(whose, "须写明被核对人")?;
            named(signer, "须写明签字人")?;
            unless(signer.trim() == whose.trim() || !guardian.trim().is_empty(), "他人代签的，须写明监护关系")?;
            let supporter = person == &crate::records::verification::supporter(whose, relation);
            unless(relation.is_empty() || supporter, "须写明被核对人")?;
            unless(!scope.is_empty(), "须选择授权核对的信息来源")?;
            named(purpose, "须写明核对用途")?;
            unless(until >= signed, "授权截止日期早于签字日期")?;
            unless(until.0.saturating_sub(signed.0) <= AUTHORISED_DAYS_MAX, "授权期限过长，最多两年")?;
            unless(day.is_some_and(|day| *signed <= day), "签字日期在今天之后")
        }
        What::CheckUnauthorised { authorisation, reason } => {
            let known = s.authorisations.iter().find(|known| known.id == *authorisation);
            let known = known.ok_or_else(|| Refusal("没有这一授权，或尚未到达".to_owned(), true))?;
            unless(known.withdrawn.is_none(), "授权已经撤回")?;
            named(reason, "撤回授权须写明原因")
        }
        What::CheckAsked { number, people, names, sources, supersedes, .. } => {
            named(number, "没有核对编号")?;
            unless(s.checks.iter().all(|check| check.number != *number), "核对编号重复")?;
            unless(!people.is_empty() && people.len() == names.len(), "须写明核对谁")?;
            unless(!sources.is_empty(), "须写明核对哪些信息来源")?;
            unless(people.iter().collect::<BTreeSet<_>>().len() == people.len(), "同一人写了两次")?;
            unless(*supersedes == s.check().map(|check| check.number.clone()).unwrap_or_default(), "没有写明所复查的核对")?;
            let Some(day) = day else { return Err("日期无效".into()) };
            for (person, name) in people.iter().zip(names) {
                if let Some(source) = sources.iter().find(|source| !s.may_ask(person, source, day)) {
                    let why = format!("{name}没有授权核对“{source}”，或授权已过期、已撤回");
                    return Err(Refusal(why, false));
                }
            }
            Ok(())
        }
        What::CheckStarted { number } | What::CheckAnswered { number, .. } => is_last(number),
        What::CheckImpossible { reason } => named(reason, "无法核对须写明原因"),
        What::CheckObjected { number, text } => {
            is_last(number)?;
            named(text, "须写明异议内容")
        }
        What::CheckObjectionSettled { number, outcome, note } => {
            is_last(number)?;
            unless(*outcome != Finding::Unclear, "异议须查明属实或不属实")?;
            named(note, "须写明核查情况")
        }
        _ => Ok(()),
    }
}

/// What an event that counts changes.
pub(super) fn apply(s: &mut Standing, tier: Tier, id: &OpId, event: &Event, day: Option<Day>) {
    let who = (event.by, event.staff.clone());
    match event.what.clone() {
        What::CheckAuthorised { person, whose, relation, id_no, signer, guardian, scope, purpose, signed, until, paper } => {
            s.authorisations.push(Authorisation {
                id: id.clone(),
                person,
                name: whose,
                relation,
                id_no,
                signer,
                guardian,
                scope,
                purpose,
                signed,
                until,
                paper,
                withdrawn: None,
            })
        }
        What::CheckUnauthorised { authorisation, reason } => {
            let known = s.authorisations.iter_mut().find(|known| known.id == authorisation);
            if let Some(known) = known {
                known.withdrawn = Some((day, reason));
            }
        }
        What::CheckAsked { number, people, names, sources, supersedes, note } => {
            s.entered_by.insert(who);
            s.unchecked = None;
            s.checks.iter_mut().for_each(|check| check.superseded = true);
            s.checks.push(Check {
                id: id.clone(),
                number,
                people: people.into_iter().zip(names).collect(),
                sources,
                tier,
                note,
                asked_on: day,
                started_on: None,
                answered_on: None,
                result: None,
                supersedes,
                superseded: false,
                objection: None,
                due: None,
            });
        }
        What::CheckStarted { number } => {
            if let Some(check) = s.check_numbered(&number) {
                check.started_on = day;
            }
        }
        What::CheckAnswered { number, result } => {
            s.entered_by.insert(who);
            if let Some(check) = s.check_numbered(&number) {
                check.started_on = check.started_on.or(day);
                (check.answered_on, check.result) = (day, Some(result));
            }
        }
        What::CheckImpossible { reason } => {
            s.entered_by.insert(who);
            s.unchecked = Some(reason);
        }
        What::CheckObjected { number, text } => {
            if let Some(check) = s.check_numbered(&number) {
                check.objection = Some(CheckObjection { text, day, outcome: None, note: String::new() });
            }
        }
        What::CheckObjectionSettled { number, outcome, note } => {
            let objection = s.check_numbered(&number).and_then(|check| check.objection.as_mut());
            if let Some(objection) = objection {
                (objection.outcome, objection.note) = (Some(outcome), note);
            }
        }
        _ => {}
    }
}

/// Whether a check stands between the case and its decision.
pub(super) fn is_due(s: &Standing, kind: &Assistance) -> bool {
    kind.has(Step::Check) && !s.is_checked()
}

/// Who must do what about it now; it runs beside the visit.
pub(super) fn turns(s: &Standing, packs: &Packs) -> Option<Turn> {
    let over = s.result.is_some() || s.given_up.is_some() || s.not_accepted.is_some() || s.decision.is_some();
    if over || s.number.is_none() {
        return None;
    }
    let required = kind_of(s, packs, "").is_some_and(|kind| is_due(s, kind));
    let turn = |tier: Tier, what: &'static str, due: Option<Day>| Some(Turn { who: Who::Tier(tier), what, due });
    match s.check() {
        Some(check) if check.is_objected() => turn(Tier::Township, "处理核对异议", None),
        Some(check) if check.is_upheld() => turn(Tier::Township, "提请复查", None),
        // Why it can't be done was written down meanwhile.
        Some(check) if check.is_open() && s.unchecked.is_none() => {
            let what = if check.started_on.is_some() { "答复核对" } else { "开始核对" };
            turn(Tier::City, what, check.due)
        }
        None if required => turn(Tier::Township, "提请核对", None),
        _ => None,
    }
}
