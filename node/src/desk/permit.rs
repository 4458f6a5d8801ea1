//! Who may do what: roles, offices, departments, providers. What a case allows is `standing`'s matter.
//!
//! Office staff work on everything their office covers. A department's or a provider's account sees a case only when
//! something in it was transferred to it, and then no more than it needs. An auditor reads and writes nothing.

use super::model::{Here, Person};
use super::outcome::DeskError;
use shouwang_protocol::area::{AreaId, Divisions, Tier};
use shouwang_protocol::device::OfficeId;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::event::{Event, EventKind, Shown, TargetKind, What};
use shouwang_protocol::records::staff::Role;
use shouwang_protocol::standing::{Consent, Stage, Standing, TimelineItem, Transfer, TransferState, role_allows};
use std::collections::BTreeSet;

/// Roles that register and change households.
pub(super) const REGISTRY: &[Role] = &[Role::Intake, Role::Reviewer];

fn label(roles: &[Role]) -> String {
    roles.iter().map(|role| role.label()).collect::<Vec<_>>().join("、")
}

/// Somebody of this machine's office.
pub(super) fn of_this_office(person: &Person, here: &Here) -> Result<(), DeskError> {
    if person.office == here.office && person.tier == here.tier {
        Ok(())
    } else {
        Err(DeskError::not_permitted("账号不属于本机所在的机构"))
    }
}

/// One of these roles, or the machine's administrator.
pub(super) fn role_or_console(person: &Person, roles: &[Role]) -> Result<(), DeskError> {
    if person.is_console() || person.has(roles) {
        return Ok(());
    }
    Err(DeskError::not_permitted(format!("需要{}角色", label(roles))))
}

/// Somebody who works for the office, not only for a department or a provider.
pub(super) fn office_staff(person: &Person) -> Result<(), DeskError> {
    if person.is_office_staff() {
        Ok(())
    } else {
        Err(DeskError::not_permitted("部门、服务机构只能查看转来的事项"))
    }
}

/// Whether the office covers an area.
pub(super) fn covers(here: &Here, divisions: &Divisions, area: AreaId) -> Result<(), DeskError> {
    if here.areas.iter().any(|above| divisions.is_within(area, *above)) {
        Ok(())
    } else {
        Err(DeskError::not_permitted("不在本机构的辖区内"))
    }
}

/// Whether some role of the person is for this kind of event.
pub(super) fn role_for(person: &Person, kind: EventKind) -> Result<(), DeskError> {
    if person.is_console() || !person.roles.iter().any(|role| role_allows(*role, kind)) {
        return Err(DeskError::not_permitted(format!("您的角色不能办理“{}”", kind.label())));
    }
    Ok(())
}

/// Whether a transfer goes to this person's office, department or provider.
pub(super) fn receives(transfer: &Transfer, person: &Person) -> bool {
    let acts = |role: Role, code: &Option<String>| person.roles.contains(&role) && code.as_ref() == Some(&transfer.to.id);
    match transfer.to.kind {
        TargetKind::Office => transfer.to.is_office(person.office) && person.is_office_staff(),
        TargetKind::Department => acts(Role::Department, &person.department),
        TargetKind::Provider => acts(Role::Provider, &person.provider),
    }
}

/// Whether the person may look at the case at all.
pub(super) fn sees(standing: &Standing, person: &Person) -> bool {
    person.is_office_staff() || standing.transfers.iter().any(|transfer| receives(transfer, person))
}

/// Which transfer an event is about.
fn transfer_of(what: &What) -> Option<&shouwang_protocol::records::OpId> {
    match what {
        What::SignedFor { transfer }
        | What::Returned { transfer, .. }
        | What::Recalled { transfer, .. }
        | What::Session { transfer, .. }
        | What::Outcome { transfer, .. }
        | What::Feedback { transfer, .. } => Some(transfer),
        _ => None,
    }
}

/// What a department or a provider is shown of a case that was handed to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Sight {
    /// All that concerns its transfers.
    Whole,
    /// Of that, what the person agreed to.
    Part(BTreeSet<Shown>),
    /// Nothing of the person: what it wrote itself.
    Own,
}

/// Instead of what was not agreed to.
const UNAGREED: &str = "（未同意提供）";
/// Instead of everything, once no consent holds.
pub(super) const ENDED: &str = "同意已撤回或到期";

impl Sight {
    pub(super) fn shows(&self, part: Shown) -> bool {
        match self {
            Sight::Whole => true,
            Sight::Part(scope) => scope.contains(&part),
            Sight::Own => false,
        }
    }

    /// What stands where a name would be.
    pub(super) fn instead(&self) -> &'static str {
        if *self == Sight::Own { ENDED } else { UNAGREED }
    }
}

/// How much of the case this person may see: a provider that is told by consent, what is agreed to on `day`.
pub(super) fn sight(standing: &Standing, person: &Person, day: Day) -> Sight {
    // What was taken back gives no sight any more.
    let theirs = |transfer: &&Transfer| receives(transfer, person) && transfer.state != TransferState::Recalled;
    let mine = || standing.transfers.iter().filter(theirs);
    if person.is_office_staff() || mine().any(|transfer| !transfer.by_consent) {
        return Sight::Whole;
    }
    let consent = mine().find_map(|transfer| standing.consent_for(&transfer.to, Some(day)));
    consent.map_or(Sight::Own, |consent| Sight::Part(consent.scope.clone()))
}

/// How far a case is for whom it was handed to: what became of it elsewhere is not said.
pub(super) fn stage_of(transfers: &[Transfer]) -> Stage {
    if transfers.iter().any(|transfer| transfer.state.is_open()) { Stage::InTransfer } else { Stage::FedBack }
}

/// How a case began, without what was not agreed to.
fn lessened(what: What, sight: &Sight) -> What {
    match what {
        What::Opened { origin, channel, assistance, applicant, summary, urgency, pack, .. } if *sight != Sight::Whole => {
            let told = |part: Shown, text: String| if sight.shows(part) { text } else { String::new() };
            let (applicant, summary) = (told(Shown::Name, applicant), told(Shown::Matter, summary));
            let (household, rule, cause) = Default::default();
            What::Opened { origin, channel, assistance, household, applicant, summary, urgency, rule, cause, pack }
        }
        other => other,
    }
}

/// A case as a department or a provider may see it on `day`: how it began, and what concerns their own transfers; of that,
/// where the person must agree, what they agreed to.
pub(super) fn minimum(standing: Standing, person: &Person, day: Day) -> Standing {
    if person.is_office_staff() {
        return standing;
    }
    let sight = sight(&standing, person, day);
    let mut all = standing;
    let mut transfers: Vec<Transfer> = all.transfers.drain(..).filter(|transfer| receives(transfer, person)).collect();
    let mine = |id: &shouwang_protocol::records::OpId| transfers.iter().any(|transfer| transfer.id == *id);
    let wanted = |id: &shouwang_protocol::records::OpId, event: &Event| match &event.what {
        What::Opened { .. } => sight != Sight::Own,
        What::Transferred { .. } | What::Recalled { .. } if sight == Sight::Own => false,
        What::Transferred { .. } => mine(id),
        What::Note { .. } | What::Withdrawn { .. } => event.staff == person.id && event.by == person.office,
        what => transfer_of(what).is_some_and(mine),
    };
    let shown = all.timeline.drain(..).filter(|item| wanted(&item.id, &item.event));
    let told = |item: TimelineItem| {
        let event = Event { what: lessened(item.event.what, &sight), ..item.event };
        // The village's clerk would say which village it is.
        let hidden = item.tier == Tier::Village && !sight.shows(Shown::Place);
        let nobody = |event: Event| Event { by: OfficeId::default(), staff: String::new(), name: String::new(), ..event };
        match hidden {
            true => TimelineItem { event: nobody(event), stamp: None, ..item },
            false => TimelineItem { event, ..item },
        }
    };
    let timeline = shown.map(told).collect();
    let consent = transfers.iter().find_map(|transfer| all.consent_for(&transfer.to, Some(day))).cloned();
    // What the form of the case's kind says is for whom the case was handed to for that kind.
    let own = |transfer: &Transfer| transfer.assistance.is_empty() || transfer.assistance == all.assistance;
    let answers = if transfers.iter().any(own) && sight.shows(Shown::Form) { all.answers } else { Vec::new() };
    let applicant = if sight.shows(Shown::Name) { all.applicant } else { sight.instead().to_owned() };
    if sight == Sight::Own {
        for transfer in &mut transfers {
            transfer.note.clear();
            if transfer.state == TransferState::Recalled {
                transfer.text.clear();
            }
        }
        let assistance = transfers.first().map(|transfer| transfer.assistance.clone()).unwrap_or_default();
        return Standing { applicant, assistance, pack: all.pack, transfers, timeline, ..Standing::default() };
    }
    let (stage, since, summary, result) = match sight.shows(Shown::Matter) {
        true => (all.stage, all.since, all.summary, all.result),
        false => (stage_of(&transfers), None, String::new(), None),
    };
    let nameless = |it: Consent| Consent { whose: String::new(), giver: String::new(), note: String::new(), ..it };
    Standing {
        consents: consent.map(nameless).into_iter().collect(),
        answers,
        stage,
        since,
        origin: all.origin,
        urgency: all.urgency,
        assistance: all.assistance,
        applicant,
        summary,
        opened_on: all.opened_on,
        number: all.number,
        is_application: all.is_application,
        pack: all.pack,
        result,
        transfers,
        timeline,
        ..Standing::default()
    }
}
