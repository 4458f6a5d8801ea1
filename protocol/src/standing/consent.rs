//! Consent (单独同意) that a provider is told of a case: who agreed to what, until when, and what follows when it ends.
//!
//! A provider that works for the office under a contract needs none; one that decides itself what it does with the
//! information (个人信息保护法 art. 23) gets a transfer only when the person agreed. When that ends it is barred: the Desk shows
//! it nothing more and lets it take no further step. What it did counts, also what it did before it could know.
//! One consent counts for each provider: the last one. See decision 0016.

use super::rules::{Refusal, unless};
use super::{Standing, Transfer, TransferState};
use crate::area::Tier;
use crate::records::OpId;
use crate::records::day::Day;
use crate::records::event::{Agreed, EventKind, Giver, Shown, Target, TargetKind, What};
use crate::records::policy::{Basis, Pack, Packs, in_force};
use std::collections::BTreeSet;

/// Years of age from which somebody agrees themselves (个人信息保护法 art. 31).
const MINOR_YEARS: u32 = 14;

/// Somebody's agreement that a provider is told of the case.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Consent {
    /// The event.
    pub id: OpId,
    /// The provider.
    pub to: Target,
    /// Whose information.
    pub whose: String,
    /// What may be shown.
    pub scope: BTreeSet<Shown>,
    /// Who agreed.
    pub given_by: Giver,
    /// The name of who agreed.
    pub giver: String,
    /// How.
    pub how: Agreed,
    /// The day it was given.
    pub day: Option<Day>,
    /// The last day it holds; none: until it is taken back.
    pub until: Option<Day>,
    /// Who witnessed it, where the paper is.
    pub note: String,
    /// How it ended.
    pub withdrawn: Option<Withdrawal>,
}

/// The person took it back.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Withdrawal {
    /// The event.
    pub id: OpId,
    /// The day.
    pub day: Option<Day>,
    /// Who said so, and how.
    pub note: String,
}

impl Consent {
    /// Whether it names this provider.
    pub fn is_for(&self, to: &Target) -> bool {
        (self.to.kind, &self.to.id) == (to.kind, &to.id)
    }

    /// Whether it holds on that day; without a day, whether it was not taken back.
    pub fn holds(&self, day: Option<Day>) -> bool {
        self.withdrawn.is_none() && self.lasts(day)
    }

    fn lasts(&self, day: Option<Day>) -> bool {
        self.until.zip(day).is_none_or(|(until, day)| day <= until)
    }
}

impl Standing {
    /// The consent for a provider that holds on that day.
    pub fn consent_for(&self, to: &Target, day: Option<Day>) -> Option<&Consent> {
        self.consents.iter().rfind(|consent| consent.is_for(to)).filter(|consent| consent.holds(day))
    }

    /// The last withdrawal for this provider.
    pub fn withdrawal_for(&self, to: &Target) -> Option<&Withdrawal> {
        self.consents.iter().filter(|known| known.is_for(to)).filter_map(|known| known.withdrawn.as_ref()).next_back()
    }

    /// The consents that were not taken back: of each provider, the last.
    pub fn standing_consents(&self) -> impl Iterator<Item = &Consent> {
        self.consents.iter().filter(|known| self.consent_for(&known.to, None).is_some_and(|last| last.id == known.id))
    }

    /// Whether the receiver must not be told anything more: it is told by consent, and none holds. It may give back or report.
    pub fn is_barred(&self, transfer: &Transfer, day: Option<Day>) -> bool {
        transfer.by_consent && self.consent_for(&transfer.to, day).is_none()
    }
}

/// Whether somebody born on that day is too young to agree themselves.
pub fn needs_guardian(born: Day, day: Day) -> bool {
    born.months_later(MINOR_YEARS * 12) > day
}

/// Whether this pack says that the receiver is told by the person's consent only.
fn asks(pack: Option<&Pack>, to: &Target) -> bool {
    let known = pack.filter(|_| to.kind == TargetKind::Provider).and_then(|pack| pack.provider(&to.id));
    known.is_some_and(|provider| provider.basis == Basis::Consent)
}

/// Whether somebody who hands a case over on that day asks the person first: the case's own pack says so, or the one in
/// force. The fold goes by the first alone, so that no later pack undoes what was handed over.
pub fn is_needed(s: &Standing, packs: &Packs, to: &Target, day: Day) -> bool {
    asks(packs.get(&s.pack), to) || asks(in_force(packs, day), to)
}

/// Whether a transfer rests on consent.
pub(super) fn rests_on_it(s: &Standing, packs: &Packs, to: &Target, named: Option<&OpId>) -> bool {
    named.is_some() || asks(packs.get(&s.pack), to)
}

/// Why a case is not handed over, and what to do.
pub fn unagreed(to: &Target) -> String {
    format!("转给{}须经当事人单独同意，请先登记“{}”", to.name, EventKind::Consented.label())
}

/// Whether the case may be handed to that receiver: somebody agreed, for that day. A withdrawal that was written down
/// before does not undo it, for whoever handed it over may not have known; it bars the receiver (see
/// [`Standing::is_barred`]), and whoever knows is stopped by the Desk.
pub(super) fn allows(s: &Standing, packs: &Packs, to: &Target, day: Option<Day>) -> Result<(), Refusal> {
    let agreed = s.consents.iter().any(|known| known.is_for(to) && known.lasts(day));
    if agreed || !asks(packs.get(&s.pack), to) {
        return Ok(());
    }
    Err(Refusal(unagreed(to), false))
}

/// Whether an office of `tier` may take a transfer back from its receiver: also one that the receiver gave back, which
/// goes to nobody else.
pub fn may_recall(transfer: &Transfer, tier: Tier) -> bool {
    let may = transfer.state.is_open() || transfer.state == TransferState::Returned;
    transfer.by_consent && may && tier >= transfer.from
}

/// Whether events of this kind are about consent.
pub(super) fn is_about(kind: EventKind) -> bool {
    matches!(kind, EventKind::Consented | EventKind::ConsentWithdrawn | EventKind::Recalled)
}

/// Whether an event of this kind may be written at `tier` now. It can be taken back at any time, also after the case.
pub(super) fn may(s: &Standing, kind: EventKind, tier: Tier) -> Result<(), Refusal> {
    match kind {
        EventKind::ConsentWithdrawn => unless(s.consents.iter().any(|known| known.holds(None)), "没有可以撤回的同意"),
        EventKind::Recalled => {
            unless(tier >= Tier::Township, "村(社区)不办理这一步")?;
            unless(s.transfers.iter().any(|transfer| may_recall(transfer, tier)), "没有可以收回的转办")
        }
        _ => unless(s.result.is_none(), "事项已办结"),
    }
}

/// Whether this very event has effect.
pub(super) fn judge(s: &Standing, tier: Tier, what: &What, day: Option<Day>) -> Result<(), Refusal> {
    let named = |text: &str, why: &str| unless(!text.trim().is_empty(), why);
    match what {
        What::Consented { to, whose, scope, given_by, giver, how, until, note, .. } => {
            unless(to.kind == TargetKind::Provider && !to.id.is_empty(), "须写明同意提供给哪个服务机构")?;
            named(whose, "须写明是谁的信息")?;
            unless(scope.iter().any(|word| Shown::from_word(word).is_some()), "须选择同意提供哪些信息")?;
            named(giver, "须写明监护人的姓名")?;
            let own = giver.trim() == whose.trim();
            unless(own == (*given_by == Giver::Own), "本人同意的，写本人姓名；监护人同意的，写监护人姓名")?;
            unless(*how != Agreed::Witnessed || !note.trim().is_empty(), "当面口头同意的，须写明见证人")?;
            unless(until.is_none_or(|until| day.is_some_and(|day| day <= until)), "同意的截止日期早于今天")
        }
        What::ConsentWithdrawn { consent, note } => {
            let known = s.consents.iter().find(|known| known.id == *consent);
            let known = known.ok_or_else(|| Refusal("没有这一同意，或尚未到达".to_owned(), true))?;
            unless(s.consent_for(&known.to, None).is_some(), "同意已经撤回")?;
            named(note, "须写明谁提出、怎样提出的")
        }
        What::Recalled { transfer, reason } => {
            let known = s.transfers.iter().find(|known| known.id == *transfer);
            let known = known.ok_or_else(|| Refusal("没有这一转办，或尚未到达".to_owned(), true))?;
            unless(may_recall(known, tier), "没有可以收回的转办")?;
            named(reason, "收回转办须写明理由")
        }
        _ => Ok(()),
    }
}

/// What an event that counts changes.
pub(super) fn apply(s: &mut Standing, id: &OpId, what: &What, day: Option<Day>) {
    match what.clone() {
        What::Consented { to, whose, scope, given_by, giver, how, until, note, after } => {
            let scope = scope.iter().filter_map(|word| Shown::from_word(word)).collect();
            let id = id.clone();
            // Whoever wrote it down did not know that the person had said no since.
            let withdrawn = s.withdrawal_for(&to).filter(|last| Some(&last.id) != after.as_ref()).cloned();
            s.consents.push(Consent { id, to, whose, scope, given_by, giver, how, day, until, note, withdrawn });
        }
        What::ConsentWithdrawn { consent, note } => {
            // Whoever says no to one says no to all for this provider, also to one that was written down unseen.
            let Some(to) = s.consents.iter().find(|known| known.id == consent).map(|known| known.to.clone()) else { return };
            let ended = s.consents.iter_mut().filter(|known| known.is_for(&to) && known.withdrawn.is_none());
            ended.for_each(|known| known.withdrawn = Some(Withdrawal { id: id.clone(), day, note: note.clone() }));
        }
        What::Recalled { transfer, reason } => {
            let known = s.transfers.iter_mut().find(|known| known.id == transfer);
            if let Some(known) = known {
                (known.state, known.ended_on, known.text) = (TransferState::Recalled, day, reason);
            }
        }
        _ => {}
    }
}
