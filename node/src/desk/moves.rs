//! Moves (迁居) and splits (分户) of households: one action that begins the new record and closes, or thins, the old.
//!
//! A record lives in one area for ever. So who moves to another village gets a new record there, and the old one says
//! 迁出; who splits off gets one too, and the rest stays. Both records tell the same change, each naming the other, so
//! that both ends look at the household again. Only an office that covers both villages can write in both: the village
//! within itself, the township between its villages, the city between townships. Cases, monthly benefits and what was
//! received stay with the old record, and the new one shows them where both are held.

use super::command::{HouseholdMove, HouseholdSplit, RelationOf};
use super::compare::{at, changes};
use super::households::{Found, faults, meanwhile, place};
use super::model::Person;
use super::outcome::DeskError;
use super::permit::{self, REGISTRY};
use super::{Desk, LOOKING, Plan, Room, derived};
use crate::store::reader::{CaseFilter, CaseRow, Page};
use automerge::{ChangeHash, ROOT, ReadDoc as _};
use shouwang_protocol::area::{AreaId, Tier};
use shouwang_protocol::hash::hex;
use shouwang_protocol::missed::PERIOD_DAYS;
use shouwang_protocol::record::{Kind, RecordId, RecordRef};
use shouwang_protocol::records::amount::Fen;
use shouwang_protocol::records::changed::{Change, Moved, key};
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::household::{Household, MOVED_AWAY, Member};
use shouwang_protocol::records::import;
use shouwang_protocol::records::moves::{Destination, Seat, had_before, is_head, leave, member, row};
use shouwang_protocol::records::{Edit, OpId};
use std::collections::{BTreeMap, BTreeSet};

/// Characters of a reason: both records carry it.
const REASON_CHARS_MAX: usize = 200;
/// Programs and kinds that the new record names.
const HAD_MAX: usize = 20;
/// Names of people that a change names.
const NAMES_MAX: usize = 6;
/// Cases of the old record that are shown.
const CASES_MAX: u32 = 50;
/// Who moves whom, and what is safe.
const WHO: &str =
    "同一村(社区)内的分户由本村办理，村(社区)之间由镇(街道)办理，镇(街道)之间由市级办理；没有写入任何内容，原档案照旧";

/// What somebody needs to move a household, or to split it.
#[derive(Debug)]
pub struct MovePage {
    /// The household.
    pub household: Household,
    /// Where it lives.
    pub area: AreaId,
    /// The same in words.
    pub place: String,
    /// The heads shown.
    pub heads: Vec<String>,
    /// The villages that this office covers.
    pub villages: Vec<(AreaId, String)>,
    /// What its own village goes on with: cases that are not closed.
    pub open: Vec<CaseRow>,
    /// Why it cannot be done now; none: it can.
    pub not_now: Option<String>,
}

/// The other end of a move, for the page of one of the two.
#[derive(Debug)]
pub struct MoveEnd {
    /// What was written down.
    pub change: Change,
    /// What it says of the other.
    pub moved: Moved,
    /// The other record, when it is held here.
    pub other: Option<RecordId>,
    /// Of those who came: the cases of the old record that are not closed.
    pub open: Vec<CaseRow>,
    /// Of those who came: how often the old record received aid, and how much in all.
    pub aid: (usize, Fen),
    /// What the old record says otherwise since then, by field.
    pub since: Vec<String>,
}

/// A move or a split, checked.
struct Going<'a> {
    seats: Vec<Seat<'a>>,
    rest: Vec<Seat<'a>>,
    to: Destination,
    area: AreaId,
    on: Day,
    reason: String,
}

fn one_head(seats: &[Seat<'_>], field: &str, whose: &str) -> Result<(), DeskError> {
    match seats.iter().filter(|seat| is_head(&seat.relation)).count() {
        1 => Ok(()),
        0 => Err(DeskError::invalid(field, format!("{whose}没有户主：请把其中一人的关系定为“户主”"))),
        _ => Err(DeskError::invalid(field, format!("{whose}只能有一名户主"))),
    }
}

/// Where a household has gone, for somebody who wants to work on the old record.
pub(super) fn gone(household: &Household) -> Option<String> {
    let change = household.moved_out()?;
    let moved = change.moved.as_ref()?;
    Some(format!("这户已于 {} 迁往{}（编号 {}），请在新的档案上办理", change.on, moved.place, moved.household))
}

/// Why a household can neither move nor be split now.
fn hindered(household: &Household) -> Option<String> {
    if let Some(gone) = gone(household) {
        return Some(gone);
    }
    if !household.conflicts.is_empty() {
        let count = household.conflicts.len();
        return Some(format!("档案有 {count} 项内容存在分歧，须先核定，再办迁居、分户"));
    }
    let nobody = !household.members.iter().any(Member::is_present);
    nobody.then(|| "这户没有共同生活的成员".to_owned())
}

impl Room<'_> {
    /// A household that people leave; one that is not here is another office's to move.
    fn leaving(&self, record: &RecordId) -> Result<Found, DeskError> {
        permit::role_or_console(&self.person, REGISTRY)?;
        match self.household(record) {
            Err(DeskError::NotFound { .. } | DeskError::NotPermitted { .. }) => {
                Err(DeskError::not_permitted(format!("本机没有要迁出的这份档案，或不在本机构的辖区内。{WHO}")))
            }
            found => found,
        }
    }

    fn destination(&self, area: AreaId, from: AreaId, address: &str) -> Result<Destination, DeskError> {
        let village = self.divisions.get(area).filter(|area| area.tier == Tier::Village);
        let village = village.ok_or_else(|| DeskError::invalid("to", "须选择村(社区)"))?;
        if permit::covers(&self.here, &self.divisions, area).is_err() {
            return Err(DeskError::not_permitted(format!("{}不在本机构的辖区内。{WHO}", self.place_name(area))));
        }
        let town = village.parent.and_then(|parent| self.divisions.get(parent)).map(|town| town.name.clone());
        Ok(Destination {
            id: format!("{}-{}", village.code, hex(&derived("shouwang moved household 1", &[&self.action.0]).0[..4])),
            region: village.code.clone(),
            names: [town.unwrap_or_default(), village.name.clone()],
            address: address.trim().to_owned(),
            is_other: area != from,
        })
    }

    fn check_day(&self, on: Option<Day>, going: &[Seat<'_>]) -> Result<Day, DeskError> {
        let on = on.unwrap_or(self.day);
        if on > self.day {
            return Err(DeskError::invalid("on", "日期不能在今天之后"));
        }
        let early = |day: Option<Day>| day.is_some_and(|day| day > on);
        match going.iter().find(|seat| early(seat.member.joined) || early(seat.member.birth)) {
            Some(seat) => Err(DeskError::invalid("on", format!("日期早于 {} 出生或共同生活起的日期", seat.member.name))),
            None => Ok(on),
        }
    }

    pub(super) fn move_household(&self, wanted: HouseholdMove, again: bool) -> Result<Plan, DeskError> {
        let found = self.leaving(&wanted.record)?;
        let to = self.destination(wanted.to, found.place.area, &wanted.address)?;
        let before = self.before(&found, again);
        let household = before.as_ref().unwrap_or(&found.household);
        if wanted.to == found.place.area {
            return Err(DeskError::invalid("to", "仍在本村(社区)：请修改住址；部分成员另立门户的，请用“分户”"));
        }
        if to.address.is_empty() {
            return Err(DeskError::invalid("address", "须写明迁入的住址"));
        }
        let present = household.members.iter().filter(|member| member.is_present());
        let seats: Vec<Seat<'_>> = present.map(|member| Seat { member, relation: member.relation.clone() }).collect();
        let (area, reason) = (wanted.to, wanted.reason);
        let going = Going { on: self.check_day(wanted.on, &seats)?, seats, rest: Vec::new(), to, area, reason };
        self.part(&wanted.record, &found, household, going, &wanted.seen_heads, again)
    }

    pub(super) fn split_household(&self, wanted: HouseholdSplit, again: bool) -> Result<Plan, DeskError> {
        let found = self.leaving(&wanted.record)?;
        let area = wanted.to.unwrap_or(found.place.area);
        let to = self.destination(area, found.place.area, &wanted.address)?;
        let before = self.before(&found, again);
        let household = before.as_ref().unwrap_or(&found.household);
        if to.is_other && to.address.is_empty() {
            return Err(DeskError::invalid("address", "须写明新户的住址"));
        }
        let seats = seats(household, &wanted.members)?;
        let gone: BTreeSet<_> = wanted.members.iter().map(|chosen| &chosen.row).collect();
        if wanted.rest.iter().any(|stays| gone.contains(&stays.row)) {
            return Err(DeskError::invalid("rest", "同一成员不能既分出又留下"));
        }
        let mut rest = self::seats(household, &wanted.rest)?;
        let named: BTreeSet<_> = wanted.rest.iter().map(|stays| &stays.row).collect();
        let others = household.members.iter().filter(|member| member.is_present());
        let others = others.filter(|it| it.row.as_ref().is_some_and(|row| !gone.contains(row) && !named.contains(row)));
        rest.extend(others.map(|member| Seat { member, relation: member.relation.clone() }));
        if seats.is_empty() {
            return Err(DeskError::invalid("members", "请选择分出去的成员"));
        }
        if rest.is_empty() {
            return Err(DeskError::invalid("members", "全部成员都走的，请用“迁居”"));
        }
        one_head(&seats, "members", "分出去的这户")?;
        one_head(&rest, "rest", "留下的这户")?;
        let going = Going { on: self.check_day(wanted.on, &seats)?, seats, rest, to, area, reason: wanted.reason };
        self.part(&wanted.record, &found, household, going, &wanted.seen_heads, again)
    }

    /// The household as this very action found it, when it is done again.
    fn before(&self, found: &Found, again: bool) -> Option<Household> {
        let change = again.then(|| written_by(found, &self.note_name(0)))??;
        let deps = found.doc.get_change_by_hash(&change)?.deps().to_vec();
        at(&found.doc, &deps)
    }

    fn part(
        &self,
        record: &RecordId,
        found: &Found,
        household: &Household,
        going: Going<'_>,
        seen_heads: &[String],
        again: bool,
    ) -> Result<Plan, DeskError> {
        let Going { seats, rest, to, area, on, reason } = going;
        let whole = rest.is_empty();
        if let Some(why) = hindered(household) {
            return Err(DeskError::NotNow { why });
        }
        let reason = reason.trim();
        if reason.is_empty() {
            return Err(DeskError::invalid("reason", "须写明原因"));
        }
        if reason.chars().count() > REASON_CHARS_MAX {
            return Err(DeskError::invalid("reason", format!("不超过 {REASON_CHARS_MAX} 字")));
        }
        if !again {
            // Everything goes along: whatever was changed since the page was shown is looked at first.
            let changed = meanwhile(found, seen_heads)?;
            if !changed.is_empty() {
                return Err(DeskError::Conflict { changed });
            }
            if !self.reader.import_key(&to.id)?.is_empty() {
                return Err(DeskError::invalid("id", "这一编号已登记过，请重新打开页面再试"));
            }
        }
        let begun = import::check_row(&row(household, &seats, whole, on, &to), |code| code == to.region).map_err(faults)?;
        let mut first = import::create(&begun).into_iter();
        let people = if whole { String::new() } else { names(&seats) };
        let moved = |came: bool, household: &str, place: String| Moved {
            came,
            household: household.to_owned(),
            place,
            whole,
            had: if came && whole { self.had(record, &found.household) } else { BTreeMap::new() },
        };
        let told = |moved: Moved| {
            let (kind, note) = match (moved.came, whole) {
                (true, true) => ("迁入", format!("由{}迁来（原编号 {}）：{reason}", moved.place, moved.household)),
                (true, false) => ("迁入", format!("由{}的一户分出（原编号 {}）：{reason}", moved.place, moved.household)),
                (false, true) => ("迁出", format!("迁往{}（新编号 {}）：{reason}", moved.place, moved.household)),
                (false, false) => ("迁出", format!("分户到{}（新编号 {}）：{reason}", moved.place, moved.household)),
            };
            let change = Change { moved: Some(moved), ..self.noted(kind, on, &people, &note) };
            change.write(&self.note_name(0))
        };
        let (here, there) = (self.place_name(found.place.area), self.place_name(area));
        let elsewhere = if again { 0 } else { self.elsewhere(&begun.id_numbers(), Some(record))? };
        let mut plan = Plan::saying(message(whole, &there, elsewhere));
        if let Some(first) = first.next() {
            let first = import::together(vec![first, told(moved(true, &household.id, here))]);
            plan = plan.draft(place(area), RecordRef::New(Kind::HOUSEHOLD), first);
        }
        plan.rest = first.map(|edit| (place(area), edit)).collect();
        let mut left: Vec<Edit> = leave(&seats, &rest, on).map_err(|fault| faults(vec![fault]))?;
        left.push(told(moved(false, &to.id, there)));
        plan.shown.push(*record);
        Ok(plan.draft(found.place, RecordRef::Known(*record), import::together(left)))
    }

    /// What a household had within the time that counts for missed assistance, and when last.
    fn had(&self, record: &RecordId, household: &Household) -> BTreeMap<String, Day> {
        let since = self.day.plus(-PERIOD_DAYS);
        let mut had: Vec<(String, Day)> = self.reader.had_last(record, since).unwrap_or_default();
        let earlier = household.changes.values().filter_map(|change| change.moved.as_ref()).filter(|moved| moved.came);
        let earlier = earlier.flat_map(|moved| moved.had.clone()).filter(|(_, last)| *last >= since);
        had.extend(earlier);
        had.sort_by_key(|(_, last)| *last);
        let skip = had.len().saturating_sub(HAD_MAX);
        had.into_iter().skip(skip).collect()
    }

    /// What a household had since a day, here or where it came from.
    pub(super) fn had_with_before(&self, record: &RecordId, household: &Household) -> Result<BTreeSet<String>, DeskError> {
        let since = self.day.plus(-PERIOD_DAYS);
        let mut had = self.reader.had_since(record, since)?;
        had.extend(had_before(household, since));
        Ok(had)
    }

    /// The record at the other end: it tells the same change.
    fn other_end(&self, name: &str, moved: &Moved) -> Result<Option<(RecordId, Found)>, DeskError> {
        for (record, _) in self.reader.import_key(&moved.household)? {
            let Ok(found) = self.household(&record) else { continue };
            let told = found.household.changes.get(name).and_then(|change| change.moved.as_ref());
            if told.is_some_and(|other| other.came != moved.came) {
                return Ok(Some((record, found)));
            }
        }
        Ok(None)
    }

    /// A household's record and those from which all of it moved here, as far as they are held.
    pub(super) fn with_before(&self, record: RecordId) -> Result<Vec<RecordId>, DeskError> {
        let (mut all, mut next) = (vec![record], 0);
        while let Some(record) = all.get(next) {
            let found = self.reader.household(record)?;
            for (name, change) in found.iter().flat_map(|found| &found.household.changes) {
                let Some(moved) = change.moved.as_ref().filter(|moved| moved.came && moved.whole) else { continue };
                let other = self.other_end(name, moved)?.map(|(record, _)| record);
                all.extend(other.filter(|other| !all.contains(other)));
            }
            next += 1;
        }
        Ok(all)
    }

    /// The cases of a household, of the records before too: the latest of each.
    pub(super) fn cases_with_before(&self, record: RecordId, most: u32) -> Result<Vec<CaseRow>, DeskError> {
        let mut cases = Vec::new();
        for home in self.with_before(record)? {
            let filter = CaseFilter { household: Some(home), ..CaseFilter::default() };
            cases.extend(self.reader.cases(&filter, Page::first(most))?.rows);
        }
        Ok(cases)
    }

    /// Where a household moved to, when all of it did; cheap for one that did not.
    pub(super) fn moved_away(&self, record: &RecordId) -> Result<Option<String>, DeskError> {
        if self.reader.household_row(record)?.is_none_or(|row| row.status != MOVED_AWAY) {
            return Ok(None);
        }
        Ok(self.reader.household(record)?.and_then(|detail| gone(&detail.household)))
    }

    fn open_cases(&self, record: RecordId) -> Result<Vec<CaseRow>, DeskError> {
        let filter = CaseFilter { household: Some(record), ..CaseFilter::default() };
        let mut open = self.reader.cases(&filter, Page::first(CASES_MAX))?.rows;
        open.retain(|case| !case.stage.is_done());
        Ok(open)
    }

    /// From where and to where people of a household moved, the latest first.
    pub(super) fn move_ends(&self, found: &Found) -> Result<Vec<MoveEnd>, DeskError> {
        let mut ends = Vec::new();
        for (name, change) in &found.household.changes {
            let Some(moved) = &change.moved else { continue };
            let other = self.other_end(name, moved)?;
            let old = if moved.came { other.as_ref().map(|(_, other)| other) } else { Some(found) };
            let since = old.filter(|_| moved.whole).map(|old| since(old, name)).unwrap_or_default();
            let (mut open, mut aid) = (Vec::new(), (0, Fen(0)));
            if let Some((record, other)) = other.as_ref().filter(|_| moved.came) {
                open = self.open_cases(*record)?;
                let rows = &other.household.aid;
                aid = (rows.len(), Fen(rows.iter().filter_map(|row| row.amount).map(|amount| amount.0).sum()));
            }
            let other = other.map(|(record, _)| record);
            ends.push(MoveEnd { change: change.clone(), moved: moved.clone(), other, open, aid, since });
        }
        ends.sort_by_key(|end| std::cmp::Reverse((end.change.day, end.change.on)));
        Ok(ends)
    }

    fn move_page(&self, record: RecordId) -> Result<MovePage, DeskError> {
        permit::role_or_console(&self.person, REGISTRY)?;
        let found = self.household(&record)?;
        let heads: Vec<[u8; 32]> = found.doc.get_heads().iter().map(|head| head.0).collect();
        let villages = self.reader.areas()?.into_iter().filter(|area| area.tier == Tier::Village);
        let villages = villages.filter(|area| permit::covers(&self.here, &self.divisions, area.id).is_ok());
        Ok(MovePage {
            area: found.place.area,
            place: self.place_name(found.place.area),
            heads: super::compare::heads_text(&heads),
            villages: villages.map(|area| (area.id, self.place_name(area.id))).collect(),
            open: self.open_cases(record)?,
            not_now: hindered(&found.household),
            household: found.household,
        })
    }
}

/// The members that rows name, each once and each one who lives there.
fn seats<'a>(household: &'a Household, chosen: &[RelationOf]) -> Result<Vec<Seat<'a>>, DeskError> {
    let mut seen = BTreeSet::new();
    let mut seats = Vec::new();
    for RelationOf { row, relation } in chosen {
        let member = member(household, row).ok_or_else(|| DeskError::not_found("家庭成员"))?;
        if !seen.insert(row) {
            return Err(DeskError::invalid("members", format!("{} 选了两次", member.name)));
        }
        if !member.is_present() {
            return Err(DeskError::NotNow { why: format!("{} 已不在这户共同生活", member.name) });
        }
        let relation = relation.trim();
        let relation = if relation.is_empty() { member.relation.clone() } else { relation.to_owned() };
        seats.push(Seat { member, relation });
    }
    Ok(seats)
}

fn message(whole: bool, to: &str, elsewhere: usize) -> String {
    let mut message = match whole {
        true => format!("已迁往{to}；原档案标为迁出，两处都列入待复核"),
        false => format!("已在{to}另立一户；两处都列入待复核，新户的收入、财产和类别须重新登记"),
    };
    if elsewhere > 0 {
        message.push_str(&format!("；其中 {elsewhere} 名成员还在另一户中，已列为待核实，核实前不能审批"));
    }
    message
}

fn names(seats: &[Seat<'_>]) -> String {
    let first: Vec<&str> = seats.iter().take(NAMES_MAX).map(|seat| seat.member.name.as_str()).collect();
    let more = if seats.len() > NAMES_MAX { format!("等 {} 人", seats.len()) } else { String::new() };
    format!("{}{more}", first.join("、"))
}

/// The change of the document that wrote a note.
fn written_by(found: &Found, name: &str) -> Option<ChangeHash> {
    let (_, id) = found.doc.get(ROOT, key(name)).ok()??;
    let op = OpId::of(&id)?;
    let wrote = |change: &automerge::Change| {
        *change.actor_id() == op.actor && (change.start_op().get()..=change.max_op()).contains(&op.counter)
    };
    found.doc.get_changes(&[]).into_iter().find(wrote).map(|change| change.hash())
}

/// What a record says otherwise than right after a note was written, by field; what came of looking again is left out.
fn since(found: &Found, name: &str) -> Vec<String> {
    let then = written_by(found, name).and_then(|change| at(&found.doc, &[change]));
    let changed = then.map(|then| changes(&then, &found.household)).unwrap_or_default();
    let told = changed.into_iter().filter(|change| !matches!(change.field.as_str(), "reviewed" | "screened" | "changed"));
    let mut labels: Vec<String> = Vec::new();
    for change in told {
        if !labels.contains(&change.label) {
            labels.push(change.label);
        }
    }
    labels
}

impl Desk {
    /// What somebody needs to move a household, or to split it.
    pub async fn move_page(&self, person: &Person, record: RecordId) -> Result<MovePage, DeskError> {
        permit::office_staff(person)?;
        self.in_room(person, LOOKING, move |room| room.move_page(record)).await
    }
}
