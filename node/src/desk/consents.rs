//! Consent that an organisation is told of a case: what a step of it becomes, and what its forms offer.
//!
//! What a consent does is `standing`'s matter; what an organisation then sees, `permit`'s. Here is what only the Desk knows:
//! how old somebody is, and whether a contract with an organisation has ended. See decision 0016.

use super::Room;
use super::outcome::DeskError;
use shouwang_protocol::records::OpId;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::event::{Agreed, EventKind, Giver, Target, TargetKind, What};
use shouwang_protocol::records::household::Member;
use shouwang_protocol::records::policy::{Basis, Packs};
use shouwang_protocol::standing::{Standing, Transfer, TransferState, may_recall, needs_consent, needs_guardian, unagreed};

/// What the forms of consent offer.
#[derive(Clone, Debug, Default)]
pub struct ConsentChoices {
    /// The organisations that are told by consent only: code, name, whether a consent holds today.
    pub organisations: Vec<(String, String, bool)>,
    /// The transfers that this office may take back.
    pub recallable: Vec<OpId>,
}

/// A consent as it was typed.
pub(super) struct Asked {
    pub to: Target,
    pub whose: String,
    pub scope: Vec<String>,
    pub given_by: Giver,
    pub giver: String,
    pub how: Agreed,
    pub until: Option<Day>,
    pub note: String,
}

impl Room<'_> {
    /// The organisations that are told of this case by consent only, of the case's pack and the one in force.
    pub(super) fn told_by_consent(&self, s: &Standing, packs: &Packs) -> Vec<Target> {
        let mut all: Vec<Target> = Vec::new();
        for (id, name) in
            packs.get(&s.pack).into_iter().chain(self.pack(packs)).flat_map(|pack| pack.receivers(TargetKind::Provider))
        {
            let to = Target::provider(id, name);
            if all.iter().all(|known| known.id != to.id) && needs_consent(s, packs, &to, self.day) {
                all.push(to);
            }
        }
        all
    }

    pub(super) fn consent_choices(
        &self,
        s: &Standing,
        packs: &Packs,
        possible: &[EventKind],
    ) -> Result<ConsentChoices, DeskError> {
        if !self.person.is_office_staff() {
            return Ok(ConsentChoices::default());
        }
        let holds = |to: &Target| s.consent_for(to, Some(self.day)).is_some();
        let organisations = self.told_by_consent(s, packs).into_iter().map(|to| (holds(&to), to));
        let recallable =
            s.transfers.iter().filter(|it| possible.contains(&EventKind::Recalled) && may_recall(it, self.here.tier));
        Ok(ConsentChoices {
            organisations: organisations.map(|(holds, to)| (to.id, to.name, holds)).collect(),
            recallable: recallable.map(|transfer| transfer.id.clone()).collect(),
        })
    }

    /// A consent; of somebody who is too young to agree, the guardian's.
    pub(super) fn consented(&self, s: &Standing, packs: &Packs, asked: Asked) -> Result<What, DeskError> {
        let Asked { to, whose, scope, given_by, giver, how, until, note } = asked;
        if !needs_consent(s, packs, &to, self.day) {
            return Err(DeskError::invalid("to", format!("政策包没有要求向{}提供信息须单独同意，可以直接转办", to.name)));
        }
        let applicant = s.applicant.trim();
        let whose = if whose.trim().is_empty() { applicant.to_owned() } else { whose.trim().to_owned() };
        let members = self.members(s)?;
        if whose != applicant && !members.iter().any(|member| member.name.trim() == whose) {
            let why = format!("这件事项是{applicant}的；这里写申请人，或者写家庭档案里共同生活的人");
            return Err(DeskError::invalid("whose", why));
        }
        // What is shown of the case is the applicant's too.
        let child = [whose.as_str(), applicant].into_iter().find(|name| self.is_under_age(&members, name));
        if let Some(child) = child.filter(|_| given_by == Giver::Own) {
            let why = format!("{child}不满十四周岁，须由监护人同意，请改选“监护人”并写明监护人姓名");
            return Err(DeskError::invalid("given_by", why));
        }
        let giver = match given_by {
            Giver::Own if giver.trim().is_empty() => whose.clone(),
            _ => giver.trim().to_owned(),
        };
        let after = s.withdrawal_for(&to).map(|last| last.id.clone());
        Ok(What::Consented { to, whose, scope, given_by, giver, how, until, note, after })
    }

    fn members(&self, s: &Standing) -> Result<Vec<Member>, DeskError> {
        let found = s.household.map(|record| self.reader.household(&record)).transpose()?.flatten();
        Ok(found.map(|found| found.household.members).unwrap_or_default())
    }

    /// Whether one of them has that name and is too young to agree.
    fn is_under_age(&self, members: &[Member], name: &str) -> bool {
        members.iter().filter(|member| member.name.trim() == name).any(|member| {
            let born = member.id().map(|id| id.birth()).or(member.birth);
            born.is_some_and(|born| needs_guardian(born, self.day))
        })
    }

    /// The transfer that is taken back: the one named, else the only one.
    pub(super) fn recalled(&self, s: &Standing, named: Option<OpId>, reason: String) -> Result<What, DeskError> {
        let fits =
            |transfer: &&Transfer| named.as_ref().is_none_or(|id| transfer.id == *id) && may_recall(transfer, self.here.tier);
        let mut fitting = s.transfers.iter().filter(fits);
        match (fitting.next(), fitting.next()) {
            (Some(one), None) => Ok(What::Recalled { transfer: one.id.clone(), reason }),
            (None, _) => Err(DeskError::NotNow { why: "没有可以收回的转办".to_owned() }),
            (Some(_), Some(_)) => Err(DeskError::invalid("transfer", "有几次转办，须选择是哪一次")),
        }
    }

    /// A case is handed to an organisation while the person agrees to it, or while the contract with it lasts; the consent
    /// that it rests on.
    pub(super) fn may_be_told(&self, s: &Standing, packs: &Packs, to: &Target) -> Result<Option<OpId>, DeskError> {
        if needs_consent(s, packs, to, self.day) {
            let consent = s.consent_for(to, Some(self.day)).ok_or_else(|| DeskError::NotNow { why: unagreed(to) })?;
            return Ok(Some(consent.id.clone()));
        }
        let provider = self.pack(packs).filter(|_| to.kind == TargetKind::Provider).and_then(|pack| pack.provider(&to.id));
        let Some(provider) = provider.filter(|provider| provider.basis == Basis::Entrusted) else { return Ok(None) };
        match provider.until {
            Some(until) if until < self.day => Err(DeskError::NotNow {
                why: format!("{}的委托协议已于 {until} 到期，请先由市级在政策包的“服务机构”里更新协议", provider.name),
            }),
            _ => Ok(None),
        }
    }
}

/// Whether the receiver of a transfer may still do something about it.
pub(super) fn may_go_on(s: &Standing, transfer: &Transfer, day: Day) -> bool {
    transfer.state != TransferState::Recalled && !s.is_barred(transfer, Some(day))
}

/// An organisation that no consent lets go on gives back or reports, and does nothing else.
pub(super) fn goes_on(s: &Standing, what: &What, day: Day) -> Result<(), DeskError> {
    let transfer = match what {
        What::SignedFor { transfer } | What::Session { transfer, .. } | What::Outcome { transfer, .. } => transfer,
        _ => return Ok(()),
    };
    match s.transfers.iter().find(|known| known.id == *transfer) {
        Some(known) if !may_go_on(s, known, day) => Err(DeskError::NotNow {
            why: "当事人的同意已撤回或到期，或转办已收回：没有签收的请退回，已经办了的请反馈".to_owned(),
        }),
        _ => Ok(()),
    }
}

/// The consent that is taken back: the one named, else the only one that holds.
pub(super) fn withdrawn(s: &Standing, named: Option<OpId>, note: String) -> Result<What, DeskError> {
    let mut holding = s.standing_consents();
    let consent = match (named, holding.next(), holding.next()) {
        (Some(id), ..) => id,
        (None, Some(one), None) => one.id.clone(),
        (None, None, _) => return Err(DeskError::NotNow { why: "没有可以撤回的同意".to_owned() }),
        (None, Some(_), Some(_)) => return Err(DeskError::invalid("consent", "有几份同意，须选择是哪一份")),
    };
    Ok(What::ConsentWithdrawn { consent, note })
}
