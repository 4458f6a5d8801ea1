//! Who may do what: roles, offices, departments, providers. What a case allows is `standing`'s matter.
//!
//! Office staff work on everything their office covers. A department's or a provider's account sees a case only when
//! something in it was transferred to it, and then no more than it needs. An auditor reads and writes nothing.

use super::model::{Here, Person};
use super::outcome::DeskError;
use shouwang_protocol::area::{AreaId, Divisions};
use shouwang_protocol::records::event::{Event, EventKind, TargetKind, What};
use shouwang_protocol::records::staff::Role;
use shouwang_protocol::standing::{Standing, Transfer, role_allows};

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
        | What::Session { transfer, .. }
        | What::Outcome { transfer, .. }
        | What::Feedback { transfer, .. } => Some(transfer),
        _ => None,
    }
}

/// A case as a department or a provider may see it: how it began, and what concerns their own transfers.
pub(super) fn minimum(standing: Standing, person: &Person) -> Standing {
    if person.is_office_staff() {
        return standing;
    }
    let mut all = standing;
    let transfers: Vec<Transfer> = all.transfers.drain(..).filter(|transfer| receives(transfer, person)).collect();
    let mine = |id: &shouwang_protocol::records::OpId| transfers.iter().any(|transfer| transfer.id == *id);
    let wanted = |id: &shouwang_protocol::records::OpId, event: &Event| match &event.what {
        What::Opened { .. } => true,
        What::Transferred { .. } => mine(id),
        What::Note { .. } | What::Withdrawn { .. } => event.staff == person.id && event.by == person.office,
        what => transfer_of(what).is_some_and(mine),
    };
    let timeline = all.timeline.drain(..).filter(|item| wanted(&item.id, &item.event)).collect();
    // What the form of the case's kind says is for whom the case was handed to for that kind.
    let own = |transfer: &Transfer| transfer.assistance.is_empty() || transfer.assistance == all.assistance;
    let answers = if transfers.iter().any(own) { all.answers } else { Vec::new() };
    Standing {
        answers,
        stage: all.stage,
        since: all.since,
        origin: all.origin,
        urgency: all.urgency,
        assistance: all.assistance,
        applicant: all.applicant,
        summary: all.summary,
        opened_on: all.opened_on,
        number: all.number,
        is_application: all.is_application,
        pack: all.pack,
        result: all.result,
        transfers,
        timeline,
        ..Standing::default()
    }
}
