//! Doubles: what stands in a decision's way, and what a person settles once two offices' grants have met.
//!
//! An office that sees both cases finds them by itself (see `shouwang_protocol::doubles`). Before a decision the
//! decider is stopped, and goes on with a reason in writing where the policy pack lets him. After one it is a conflict
//! that waits for a person of the township or above: what is found is written into both cases at once, in words that
//! name nobody, so that each village learns of it without the other's data.

use super::cases::short;
use super::model::Person;
use super::outcome::DeskError;
use super::permit;
use super::{Desk, LOOKING, Plan, Room};
use crate::store::reader::{CaseFile, DuplicateRow, Page};
use shouwang_protocol::area::{AreaId, Tier};
use shouwang_protocol::doubles::{Double, Grant, State, Why, beside, doubles};
use shouwang_protocol::record::{CaseId, Place, RecordId};
use shouwang_protocol::records::amount::Fen;
use shouwang_protocol::records::case::append;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::event::{EventKind, Ruling, What};
use shouwang_protocol::records::policy::Packs;
use shouwang_protocol::standing::{Doubled, Standing, would_count};

/// Persons in several households that the page shows.
const PERSONS_MAX: u32 = 200;

/// A grant that stands in the way of another.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Known {
    pub other: CaseId,
    pub told: String,
    pub why: Why,
    pub never: bool,
}

impl Known {
    /// For the one who decides.
    pub fn block(&self) -> String {
        let then = if self.never { "不能批准" } else { "批准须写明理由" };
        format!("已有{}：{}，{then}", self.told, self.why.text())
    }
}

/// What an office says to a decision while a double that somebody else found is not settled.
pub(super) fn unsettled(doubled: &Doubled) -> String {
    format!("疑似与{}重复，核定之前不能批准", doubled.told)
}

/// One of two grants, for the page.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Half {
    /// The case.
    pub case: CaseId,
    /// The household.
    pub household: Option<RecordId>,
    /// Its head; empty when it is not known here.
    pub head: String,
    /// Township and village.
    pub place: String,
    /// The kind.
    pub kind: String,
    /// The cause.
    pub cause: String,
    /// The acceptance number.
    pub number: String,
    /// The day it was granted.
    pub day: Option<Day>,
    /// How much.
    pub amount: Fen,
    /// How much was paid.
    pub paid: Fen,
    /// How much has still to come back.
    pub owed: Fen,
    /// Whether it was found not to stand.
    pub void: bool,
}

/// Two grants that look like one, for the page.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DoubleLine {
    /// The half, or both, that this office holds.
    pub halves: Vec<Half>,
    /// What is told of the half that is not held here; empty: both are.
    pub told: String,
    /// The persons they share, by name.
    pub names: Vec<String>,
    /// Why they do not go together.
    pub why: String,
    /// Where it stands.
    pub state: State,
    /// What was found; empty: nothing yet.
    pub found: String,
    /// Whether the offices below were asked.
    pub asked: bool,
    /// Whether this person may settle it.
    pub may_settle: bool,
}

/// The page.
#[derive(Clone, Debug)]
pub struct DoublesPage {
    /// In the state that was asked for.
    pub lines: Vec<DoubleLine>,
    /// How many there are in each state.
    pub counts: Vec<(State, usize)>,
    /// Persons who live in several households at once.
    pub persons: Vec<DuplicateRow>,
}

impl Room<'_> {
    /// Where, when and what was granted, without anybody's name.
    fn told(&self, grant: &Grant) -> String {
        let day = grant.day.map(|day| day.to_string()).unwrap_or_default();
        format!("{} {day} 批准的“{}”", self.place_name(grant.area), grant.kind)
    }

    /// The grants that stand in the way of this case.
    pub(super) fn granted_before(&self, case: &CaseId, standing: &Standing, packs: &Packs) -> Result<Vec<Known>, DeskError> {
        let Some(household) = standing.household else { return Ok(Vec::new()) };
        let granted = self.reader.grants_of_household(&household)?;
        let area = self.here.areas.first().copied().unwrap_or(AreaId::from_raw(0));
        let persons = self.reader.persons_of_household(&household)?;
        let asked = Grant { persons, day: Some(self.day), ..Grant::of(*case, area, standing, self.day) };
        let known = |(grant, why, never): (&Grant, Why, bool)| {
            let number = if grant.number.is_empty() { String::new() } else { format!("（{}）", grant.number) };
            Known { other: grant.case, told: format!("{}{number}", self.told(grant)), why, never }
        };
        Ok(beside(&asked, &granted, packs).into_iter().map(known).collect())
    }

    fn half(&self, grant: &Grant) -> Result<Half, DeskError> {
        let row = grant.household.map(|record| self.reader.household_row(&record)).transpose()?.flatten();
        Ok(Half {
            case: grant.case,
            household: row.as_ref().map(|row| row.record),
            head: row.map(|row| row.head).unwrap_or_default(),
            place: self.place_name(grant.area),
            kind: grant.kind.clone(),
            cause: grant.cause.clone(),
            number: grant.number.clone(),
            day: grant.day,
            amount: grant.amount,
            paid: grant.paid,
            owed: grant.owed,
            void: grant.is_void(),
        })
    }

    fn double_line(&self, double: &Double<'_>) -> Result<DoubleLine, DeskError> {
        let (first, second) = double.grants;
        let mut halves = vec![self.half(first)?];
        halves.extend(second.map(|grant| self.half(grant)).transpose()?);
        let told = if second.is_none() { double.said.map(|said| said.told.clone()).unwrap_or_default() } else { String::new() };
        let found = double.said.and_then(|said| said.ruling.map(|ruling| format!("{}：{}", ruling.label(), said.reason)));
        let mut names = Vec::new();
        if let Some(household) = first.household.map(|record| self.reader.household(&record)).transpose()?.flatten() {
            let members = household.household.members.iter();
            let shared = members.filter(|member| member.id().is_some_and(|id| double.persons.contains(&id.long())));
            names = shared.map(|member| member.name.clone()).collect();
        }
        Ok(DoubleLine {
            told,
            names,
            why: double.why.as_ref().map(Why::text).unwrap_or_default(),
            state: double.state,
            found: found.filter(|_| double.state != State::ToSettle).unwrap_or_default(),
            asked: double.said.is_some(),
            may_settle: second.is_some()
                && double.state == State::ToSettle
                && self.here.tier > Tier::Village
                && permit::role_for(&self.person, EventKind::DoubleSettled).is_ok(),
            halves,
        })
    }

    /// Doubles that wait for somebody.
    pub(super) fn open_doubles(&self) -> Result<u64, DeskError> {
        let grants = self.reader.grants_in_common()?;
        if grants.is_empty() {
            return Ok(0);
        }
        let packs = self.reader.packs()?;
        Ok(doubles(&grants, &packs).iter().filter(|double| double.state != State::Settled).count() as u64)
    }

    fn doubles_page(&self, wanted: State) -> Result<DoublesPage, DeskError> {
        let packs = self.reader.packs()?;
        let grants = self.reader.grants_in_common()?;
        let found = doubles(&grants, &packs);
        let states = [State::ToSettle, State::ToRecover, State::Settled];
        let lines = found.iter().filter(|double| double.state == wanted).map(|double| self.double_line(double));
        Ok(DoublesPage {
            lines: lines.collect::<Result<_, _>>()?,
            counts: states.map(|state| (state, found.iter().filter(|double| double.state == state).count())).to_vec(),
            persons: self.reader.duplicates(&self.here.areas, Page::first(PERSONS_MAX))?.rows,
        })
    }

    /// Both cases of a double, and what each is told of the other.
    fn both(&self, cases: &[CaseId]) -> Result<[(CaseFile, Place, String); 2], DeskError> {
        let [first, second] = cases else { return Err(DeskError::invalid("cases", "须是两个事项")) };
        if self.here.tier == Tier::Village {
            return Err(DeskError::not_permitted("重复救助由镇(街道)以上核定"));
        }
        if first == second {
            return Err(DeskError::invalid("cases", "须是两个不同的事项"));
        }
        let (one, two) = (self.case_to_work_on(first)?, self.case_to_work_on(second)?);
        let told = |(file, _): &(CaseFile, Place)| self.told(&Grant::of(file.row.case, file.row.area, &file.standing, self.day));
        let (of_one, of_two) = (told(&one), told(&two));
        Ok([(one.0, one.1, of_two), (two.0, two.1, of_one)])
    }

    fn say_in_both(
        &self,
        message: &str,
        cases: &[CaseId],
        kind: EventKind,
        what: impl Fn(usize, String, String) -> What,
    ) -> Result<Plan, DeskError> {
        permit::role_for(&self.person, kind)?;
        let both = self.both(cases)?;
        let packs = self.reader.packs()?;
        let mut plan = Plan::saying(message);
        for (at, (file, place, told)) in both.iter().enumerate() {
            let case = file.row.case;
            let event = self.event(short(what(at, both[1 - at].0.row.case.to_string(), told.clone()))?);
            would_count(&file.standing, &packs, self.here.tier, &event).map_err(super::steps::refused)?;
            plan.shown.extend(self.shown(&case, &file.standing)?);
            plan = plan.draft(*place, self.volume(case), append(&event));
        }
        Ok(plan)
    }

    pub(super) fn ask_about_double(&self, cases: &[CaseId]) -> Result<Plan, DeskError> {
        let what = |_, other, told| What::DoubleFound { other, told };
        self.say_in_both("已请两地核实", cases, EventKind::DoubleFound, what)
    }

    pub(super) fn settle_double(&self, cases: &[CaseId], ruling: Ruling, reason: &str) -> Result<Plan, DeskError> {
        let mirrored = match ruling {
            Ruling::Both => Ruling::Both,
            Ruling::This => Ruling::Other,
            Ruling::Other => Ruling::This,
        };
        let what = |at, other, told| {
            let ruling = if at == 0 { ruling } else { mirrored };
            What::DoubleSettled { other, ruling, told, reason: reason.trim().to_owned() }
        };
        self.say_in_both("已核定", cases, EventKind::DoubleSettled, what)
    }
}

impl Desk {
    /// Doubles in a state, and persons who live in several households.
    pub async fn doubles(&self, person: &Person, state: State) -> Result<DoublesPage, DeskError> {
        permit::office_staff(person)?;
        self.in_room(person, LOOKING, move |room| room.doubles_page(state)).await
    }
}
