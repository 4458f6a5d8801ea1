//! Staff and policy: accounts of this office, passwords of this machine, packs of the city.

use super::command::{Command, NewStaff};
use super::model::{CONSOLE, Person};
use super::outcome::{DeskError, FieldFault};
use super::{Desk, Plan, Room, permit};
use crate::store::reader::StaffRow;
use shouwang_protocol::area::Tier;
use shouwang_protocol::record::{Kind, Lane, Place, RecordRef};
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::event::TargetKind;
use shouwang_protocol::records::staff::{self, Role, Staff};
use std::collections::BTreeSet;
use zeroize::Zeroizing;

/// Characters of a staff id.
const ID_CHARS_MAX: usize = 32;

/// What is done on this machine alone once the command is written.
pub(super) enum Local {
    /// Nothing.
    None,
    /// The first password of an account.
    First(String, Zeroizing<String>),
    /// A new password.
    Replace(String, Zeroizing<String>),
    /// The end of somebody's sessions.
    End(String),
}

impl Local {
    pub(super) fn of(command: &Command, secret: Option<Zeroizing<String>>) -> Local {
        match (command, secret) {
            (Command::AddStaff(new), Some(phc)) => Local::First(new.id.clone(), phc),
            (Command::ResetPassword { staff, .. }, Some(phc)) => Local::Replace(staff.clone(), phc),
            (Command::DisableStaff { staff }, _) => Local::End(staff.clone()),
            _ => Local::None,
        }
    }
}

impl Desk {
    pub(super) async fn may_see_to_staff(&self, person: &Person) -> Result<(), DeskError> {
        permit::of_this_office(person, &self.here().await?)?;
        permit::role_or_console(person, &[Role::Administrator])
    }

    pub(super) async fn after(&self, local: Local) -> Result<(), DeskError> {
        let now_ms = self.clock().now().wall_ms;
        match local {
            Local::None => Ok(()),
            Local::First(staff, phc) => {
                // Done again later, it must not bring an old password back.
                let id = staff.clone();
                if self.read(move |reader| Ok(reader.password(&id)?)).await?.is_none() {
                    self.local(move |local| local.set_password(&staff, &phc, now_ms)).await?;
                }
                Ok(())
            }
            Local::Replace(staff, phc) => {
                self.forgive(&staff).await?;
                self.local(move |local| {
                    local.set_password(&staff, &phc, now_ms)?;
                    local.end_sessions_of(&staff).map(drop)
                })
                .await
            }
            Local::End(staff) => self.local(move |local| local.end_sessions_of(&staff).map(drop)).await,
        }
    }
}

impl Room<'_> {
    pub(super) fn staff_place(&self) -> Result<Place, DeskError> {
        let area = self.here.areas.first().ok_or_else(|| DeskError::not_permitted("本机构没有辖区"))?;
        Ok(Place { area: *area, lane: Lane::Control, floor: Tier::Village })
    }

    pub(super) fn administrator(&self) -> Result<(), DeskError> {
        permit::role_or_console(&self.person, &[Role::Administrator])
    }

    fn member_of_staff(&self, id: &str) -> Result<(StaffRow, Place), DeskError> {
        self.administrator()?;
        let row = self.reader.staff_by_id(self.here.office, id)?.ok_or_else(|| DeskError::not_found("账号"))?;
        let place = self.reader.document(&row.record)?.map(|found| found.place);
        Ok((row, place.ok_or_else(|| DeskError::not_found("账号"))?))
    }

    pub(super) fn add_staff(&self, new: &NewStaff) -> Result<Plan, DeskError> {
        self.administrator()?;
        let mut faults = Vec::new();
        let id = new.id.trim();
        let fits = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '@');
        if id.is_empty() || id.chars().count() > ID_CHARS_MAX || !id.chars().all(fits) {
            faults.push(FieldFault::new("id", format!("账号为 1 到 {ID_CHARS_MAX} 个字母、数字或汉字")));
        }
        if id == CONSOLE || self.reader.staff_by_id(self.here.office, id)?.is_some() {
            faults.push(FieldFault::new("id", "这一账号已被使用"));
        }
        if new.name.trim().is_empty() {
            faults.push(FieldFault::new("name", "缺少姓名"));
        }
        faults.extend(self.role_faults(&new.roles, new.department.as_deref(), new.provider.as_deref())?);
        if !faults.is_empty() {
            return Err(DeskError::Invalid { faults });
        }
        let mut staff = Staff::new(id, new.name.trim(), self.here.office, new.roles.iter().copied());
        staff.department = new.department.clone().unwrap_or_default();
        staff.provider = new.provider.clone().unwrap_or_default();
        let plan = Plan::saying(format!("账号 {id} 已建立"));
        Ok(plan.draft(self.staff_place()?, RecordRef::New(Kind::STAFF), staff::create(&staff)))
    }

    fn role_faults(
        &self,
        roles: &BTreeSet<Role>,
        department: Option<&str>,
        provider: Option<&str>,
    ) -> Result<Vec<FieldFault>, DeskError> {
        let mut faults = Vec::new();
        if roles.is_empty() {
            faults.push(FieldFault::new("roles", "至少选一个角色"));
        }
        let packs = self.reader.packs()?;
        let pack = self.pack(&packs);
        for (role, field, code) in [(Role::Department, "department", department), (Role::Provider, "provider", provider)] {
            let code = code.unwrap_or_default();
            let kind = if role == Role::Department { TargetKind::Department } else { TargetKind::Provider };
            let codes = pack.map(|pack| pack.receivers(kind));
            match (roles.contains(&role), code.is_empty()) {
                (true, true) => faults.push(FieldFault::new(field, "须写明代表哪个部门或服务机构")),
                (false, false) => faults.push(FieldFault::new(field, "没有相应的角色")),
                (true, false) if self.here.tier == Tier::Village => {
                    faults.push(FieldFault::new("roles", "部门、服务机构的账号设在镇或市"))
                }
                (true, false) if codes.is_some_and(|codes| codes.iter().all(|(known, _)| *known != code)) => {
                    faults.push(FieldFault::new(field, "政策包中没有这一部门或服务机构"));
                }
                _ => {}
            }
        }
        let outside = roles.iter().any(|role| matches!(role, Role::Department | Role::Provider));
        if outside && roles.len() > 1 {
            faults.push(FieldFault::new("roles", "部门、服务机构的账号不兼任本机构的角色"));
        }
        if roles.contains(&Role::Auditor) && roles.len() > 1 {
            faults.push(FieldFault::new("roles", "审计员不兼任其他角色"));
        }
        Ok(faults)
    }

    pub(super) fn set_roles(&self, id: &str, roles: &BTreeSet<Role>) -> Result<Plan, DeskError> {
        let (row, place) = self.member_of_staff(id)?;
        let some = |code: &'_ String| (!code.is_empty()).then(|| code.clone());
        let (department, provider) = (some(&row.department), some(&row.provider));
        let faults = self.role_faults(roles, department.as_deref(), provider.as_deref())?;
        if !faults.is_empty() {
            return Err(DeskError::Invalid { faults });
        }
        if id == self.person.id && !roles.contains(&Role::Administrator) {
            return Err(DeskError::not_permitted("不能取消自己的管理员角色"));
        }
        Ok(Plan::saying("角色已更改").draft(place, RecordRef::Known(row.record), staff::set_roles(roles)))
    }

    pub(super) fn set_term(&self, id: &str, from: Option<Day>, until: Option<Day>) -> Result<Plan, DeskError> {
        let (row, place) = self.member_of_staff(id)?;
        if from.zip(until).is_some_and(|(from, until)| until < from) {
            return Err(DeskError::invalid("until", "最后一天不能早于第一天"));
        }
        let term = StaffRow { from, until, ..row };
        if id == self.person.id && !term.works_on(self.day) {
            return Err(DeskError::not_permitted("不能使自己的账号今天就不能用"));
        }
        let about = |plan: Plan, edit| plan.draft(place, RecordRef::Known(term.record), edit);
        let plan = about(Plan::saying(format!("账号 {id} 的起止日期已更改")), staff::set_from(from));
        Ok(about(plan, staff::set_until(until)))
    }

    pub(super) fn reset_password(&self, id: &str) -> Result<Plan, DeskError> {
        self.member_of_staff(id)?;
        Ok(Plan::saying(format!("账号 {id} 的密码已重设")))
    }

    pub(super) fn set_disabled(&self, id: &str, disabled: bool) -> Result<Plan, DeskError> {
        let (row, place) = self.member_of_staff(id)?;
        if disabled && id == self.person.id {
            return Err(DeskError::not_permitted("不能停用自己的账号"));
        }
        let said = if disabled { "已停用" } else { "已恢复" };
        Ok(Plan::saying(format!("账号 {id} {said}")).draft(place, RecordRef::Known(row.record), staff::set_disabled(disabled)))
    }
}
