//! Staff records (工作人员): who works where and may do what, as control knows it.
//!
//! Passwords and sessions are local to a node and never here. Roles are one scalar, so that two administrators who
//! change them at the same time make a conflict instead of a person with roles that neither of them gave.

use super::cell::{Cell, words};
use super::day::Day;
use super::{Conflict, Edit, Fields, OpId, Problem, SCHEMA, check_schema, concurrent, edit, put_all, str_value, text_of};
use crate::device::OfficeId;
use automerge::transaction::Transactable;
use automerge::{Automerge, ROOT, ScalarValue};
use std::collections::{BTreeMap, BTreeSet};

words! {
    /// What a person may do; a person may have several.
    Role {
        Intake "intake" "受理员",
        Reviewer "reviewer" "审核员",
        Approver "approver" "审批员",
        Administrator "administrator" "管理员",
        Auditor "auditor" "审计员",
        Department "department" "部门经办",
        Provider "provider" "服务机构",
    }
}

/// A member of staff.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Staff {
    /// The id people sign in with; unique in the office.
    pub id: String,
    /// The name.
    pub name: String,
    /// The office.
    pub office: OfficeId,
    /// What the person may do.
    pub roles: BTreeSet<Role>,
    /// The department the person acts for (code of the policy pack); empty: none.
    pub department: String,
    /// The provider the person acts for; empty: none.
    pub provider: String,
    /// First day.
    pub from: Option<Day>,
    /// Last day; none: open.
    pub until: Option<Day>,
    /// Whether an administrator has shut the account.
    pub disabled: bool,
    /// Fields of a newer version.
    pub other: BTreeMap<String, String>,
    /// What could not be read.
    pub problems: Vec<Problem>,
    /// Fields that several administrators wrote at the same time.
    pub conflicts: Vec<Conflict>,
}

impl Staff {
    /// A new member of staff.
    pub fn new(id: impl Into<String>, name: impl Into<String>, office: OfficeId, roles: impl IntoIterator<Item = Role>) -> Staff {
        Staff {
            id: id.into(),
            name: name.into(),
            office,
            roles: roles.into_iter().collect(),
            department: String::new(),
            provider: String::new(),
            from: None,
            until: None,
            disabled: false,
            other: BTreeMap::new(),
            problems: Vec::new(),
            conflicts: Vec::new(),
        }
    }

    /// Reads a staff record.
    pub fn read(doc: &Automerge) -> Staff {
        let mut fields = Fields::of(doc, &ROOT);
        let mut problems = Vec::new();
        check_schema(&mut fields, &mut problems);
        let conflicts = conflicts(doc, &fields);
        let office = fields.number("office").and_then(|office| u32::try_from(office).ok());
        if office.is_none() {
            problems.push(Problem::new("office", "缺少所属机构"));
        }
        let words = fields.text("roles");
        let roles: BTreeSet<Role> = words.split(',').filter_map(Role::from_word).collect();
        if words.split(',').any(|word| !word.is_empty() && Role::from_word(word).is_none()) {
            problems.push(Problem::new("roles", "有本版本不认识的角色"));
        }
        let mut day = |key: &str| {
            let text = fields.text(key);
            let day = Day::parse(&text);
            if day.is_none() && !text.is_empty() {
                problems.push(Problem::new(key, "日期无效"));
            }
            day
        };
        let (from, until) = (day("from"), day("until"));
        Staff {
            id: fields.text("id"),
            name: fields.text("name"),
            office: OfficeId(office.unwrap_or_default()),
            roles,
            department: fields.text("department"),
            provider: fields.text("provider"),
            from,
            until,
            // Anything but a plain "no" shuts the account: a field that can't be read must not open it.
            disabled: !matches!(fields.0.remove("disabled"), None | Some(ScalarValue::Boolean(false))),
            other: fields.rest(),
            problems,
            conflicts,
        }
    }

    /// Whether the person may work on `day`.
    pub fn works_on(&self, day: Day) -> bool {
        !self.disabled && self.from.is_none_or(|from| from <= day) && self.until.is_none_or(|until| day <= until)
    }

    fn scalars(&self) -> Vec<(String, ScalarValue)> {
        let mut out = Vec::new();
        self.id.give("id", &mut out);
        self.name.give("name", &mut out);
        self.office.0.give("office", &mut out);
        roles_text(&self.roles).give("roles", &mut out);
        self.department.give("department", &mut out);
        self.provider.give("provider", &mut out);
        self.from.give("from", &mut out);
        self.until.give("until", &mut out);
        out
    }
}

fn roles_text(roles: &BTreeSet<Role>) -> String {
    roles.iter().map(|role| role.word()).collect::<Vec<_>>().join(",")
}

fn conflicts(doc: &Automerge, fields: &Fields) -> Vec<Conflict> {
    let all = fields.0.keys().map(|key| (key, concurrent(doc, &ROOT, key))).filter(|(_, values)| values.len() > 1);
    let texts = |values: Vec<(ScalarValue, OpId)>| values.into_iter().map(|(value, op)| (text_of(&value), op)).collect();
    all.map(|(key, values)| Conflict { field: key.clone(), row: None, values: texts(values), blocks: false }).collect()
}

/// Begins a staff record.
pub fn create(staff: &Staff) -> Edit {
    let mut scalars = vec![("schema".to_owned(), ScalarValue::Uint(SCHEMA))];
    scalars.extend(staff.scalars());
    edit(move |tx| put_all(tx, &ROOT, scalars))
}

/// Changes the name.
pub fn rename(name: &str) -> Edit {
    set("name", str_value(name))
}

/// Sets the roles.
pub fn set_roles(roles: &BTreeSet<Role>) -> Edit {
    set("roles", str_value(roles_text(roles)))
}

/// Sets the first day.
pub fn set_from(from: Option<Day>) -> Edit {
    set("from", str_value(from.map(|day| day.to_string()).unwrap_or_default()))
}

/// Sets the last day.
pub fn set_until(until: Option<Day>) -> Edit {
    set("until", str_value(until.map(|day| day.to_string()).unwrap_or_default()))
}

/// Shuts or opens the account.
pub fn set_disabled(disabled: bool) -> Edit {
    set("disabled", ScalarValue::Boolean(disabled))
}

fn set(key: &'static str, value: ScalarValue) -> Edit {
    edit(move |tx| Ok(tx.put(ROOT, key, value)?))
}

#[cfg(test)]
mod tests {
    use super::super::run;
    use super::*;
    use automerge::ActorId;

    fn doc(staff: &Staff) -> Automerge {
        let mut doc = Automerge::new().with_actor(ActorId::from([1; 16]));
        run(&mut doc, create(staff)).expect("creates");
        doc
    }

    #[test]
    fn a_member_of_staff_reads_back_and_changes_field_by_field() {
        let mut staff = Staff::new("zhang", "张婕", OfficeId(1), [Role::Intake, Role::Reviewer]);
        (staff.department, staff.from) = ("民政局".into(), Day::parse("2019-05-01"));
        let mut doc = doc(&staff);
        assert_eq!(Staff::read(&doc), staff);
        run(&mut doc, set_roles(&BTreeSet::from([Role::Approver]))).expect("sets");
        run(&mut doc, set_disabled(true)).expect("sets");
        assert!(run(&mut doc, set_disabled(true)).expect("sets").is_none(), "the same value makes no change");
        let read = Staff::read(&doc);
        assert_eq!((read.roles, read.disabled), (BTreeSet::from([Role::Approver]), true));
        assert!(!Staff::read(&doc).works_on(Day(18_100)));
    }

    #[test]
    fn a_role_of_a_newer_version_is_told_and_kept() {
        let mut doc = doc(&Staff::new("a", "甲", OfficeId(1), [Role::Intake]));
        run(&mut doc, set("roles", str_value("intake,wizard"))).expect("sets");
        run(&mut doc, set("badge", str_value("17"))).expect("sets");
        let read = Staff::read(&doc);
        assert_eq!((read.roles.len(), read.problems.len(), read.other["badge"].as_str()), (1, 1, "17"));
    }
}
