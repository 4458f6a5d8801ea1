//! Supervision of the loop: every case that is not closed and who holds it, what is late, how long receivers take, and
//! how often people had to go.
//!
//! Nothing here writes. An office sees what it covers; each answer says from which day to which and as of when it was.

use super::model::Person;
use super::outcome::DeskError;
use super::{Desk, LOOKING, Room, permit};
use crate::store::reader::{AsOf, CaseFilter, CaseRow, ErrandRow, Page, TransferDays};
use serde::Serialize;
use shouwang_protocol::area::{AreaId, Tier};
use shouwang_protocol::hops::{Errands, Hop, errands, hops};
use shouwang_protocol::record::CaseId;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::policy::Calendar;
use shouwang_protocol::standing::{Stage, Who};
use std::collections::BTreeMap;

/// The most days that a time between two days is counted over.
const WORKING_MAX: i32 = 3_660;

/// What is asked.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LoopsQuestion {
    /// In this area or below; none: all that this office covers.
    pub area: Option<AreaId>,
    /// Handed over or opened from this day on; none: the first of the year.
    pub from: Option<Day>,
    /// Up to this day; none: today.
    pub until: Option<Day>,
    /// Only what is late.
    pub late: bool,
    /// Only in this stage.
    pub stage: Option<Stage>,
}

/// Open loops, and how the closed ones went.
#[derive(Clone, Debug, Serialize)]
pub struct Loops {
    /// The day.
    pub today: Day,
    /// The first day that times are counted from.
    pub from: Day,
    /// The last one.
    pub until: Day,
    /// Cases that are not closed, in all.
    pub open: u64,
    /// How many of them in each stage; they sum to `open`.
    pub stages: Vec<StageCount>,
    /// Those that are not closed, what is due first first.
    pub lines: Vec<CaseRow>,
    /// Whether there are more.
    pub more: bool,
    /// What is late, by who holds it.
    pub late: Vec<LateHolder>,
    /// How long receivers took.
    pub receivers: Vec<ReceiverTimes>,
    /// How often people had to go, by kind.
    pub errands: Vec<ErrandRow>,
    /// The areas that may be picked.
    #[serde(skip)]
    pub areas: Vec<(AreaId, String)>,
    /// What was held when this was counted.
    pub as_of: AsOf,
}

/// Cases in a stage.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct StageCount {
    /// The stage.
    pub stage: Stage,
    /// How many.
    pub count: u64,
}

/// Somebody who is late.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct LateHolder {
    /// The office, department or provider.
    pub name: String,
    /// How many.
    pub count: u64,
    /// The earliest day that was missed.
    pub oldest: Option<Day>,
    /// Working days since then, by the pack in force.
    pub working: Option<u32>,
}

/// How long one receiver takes, from the day of the hand-over to the day of its answer, in working days.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ReceiverTimes {
    /// `office`, `department`, `provider`.
    pub who: String,
    /// The code, or the office's number.
    pub id: String,
    /// The name.
    pub name: String,
    /// Transfers in all.
    pub count: u64,
    /// With a result.
    pub answered: u64,
    /// Given back.
    pub returned: u64,
    /// Without either yet.
    pub open: u64,
    /// The middle time of those with a result; none: there is none.
    pub middle: Option<u32>,
    /// The longest of them.
    pub longest: Option<u32>,
    /// The longest of those that are open, until today.
    pub waiting: Option<u32>,
}

/// The way of one case.
#[derive(Clone, Debug, Serialize)]
pub struct Way {
    /// Its hops, in the order in which they began.
    pub hops: Vec<HopLine>,
    /// How often people had to go.
    pub errands: Errands,
}

/// One hop, for people.
#[derive(Clone, Debug, Serialize)]
pub struct HopLine {
    /// Who held it.
    pub who: String,
    /// The hop.
    pub hop: Hop,
    /// Whether it was, or is, late.
    pub late: bool,
}

/// The working days from one day to another; none where the calendar cannot say.
fn working(calendar: Option<&Calendar>, from: Option<Day>, until: Day) -> Option<u32> {
    let (calendar, from) = calendar.zip(from)?;
    (until.0.saturating_sub(from.0) <= WORKING_MAX).then(|| calendar.between(from, until))
}

/// What each receiver's transfers come to.
fn times(transfers: Vec<TransferDays>, calendar: Option<&Calendar>, today: Day) -> Vec<ReceiverTimes> {
    let mut by: BTreeMap<(String, String), Vec<TransferDays>> = BTreeMap::new();
    for transfer in transfers {
        by.entry((transfer.who.clone(), transfer.id.clone())).or_default().push(transfer);
    }
    let one = |((who, id), all): ((String, String), Vec<TransferDays>)| {
        let span = |transfer: &&TransferDays| working(calendar, transfer.sent, transfer.ended.unwrap_or(today));
        let mut done: Vec<u32> = all.iter().filter(|transfer| transfer.answered).filter_map(|it| span(&it)).collect();
        done.sort_unstable();
        let open = || all.iter().filter(|transfer| transfer.ended.is_none());
        let answered = all.iter().filter(|transfer| transfer.answered).count();
        let running = open().count();
        ReceiverTimes {
            who,
            id,
            name: all.last().map(|transfer| transfer.name.clone()).unwrap_or_default(),
            count: all.len() as u64,
            answered: answered as u64,
            returned: all.len().saturating_sub(answered + running) as u64,
            open: running as u64,
            // Of an even number, the lower one of the two in the middle: a time that somebody really took.
            middle: done.get(done.len().saturating_sub(1) / 2).copied(),
            longest: done.last().copied(),
            waiting: open().filter_map(|it| span(&it)).max(),
        }
    };
    let mut receivers: Vec<ReceiverTimes> = by.into_iter().map(one).collect();
    receivers.sort_by_key(|one| (std::cmp::Reverse(one.open), std::cmp::Reverse(one.count), one.id.clone()));
    receivers
}

impl Room<'_> {
    /// The office of a tier that covers an area, by name; the tier's word where none is known.
    pub(super) fn holder(&self, area: AreaId, tier: Tier) -> Result<String, DeskError> {
        let at = self.divisions.path_up(area).find(|up| self.divisions.get(*up).is_some_and(|known| known.tier == tier));
        let offices = self.reader.offices()?;
        let office = at.and_then(|at| offices.into_iter().find(|office| office.areas.get(&at) == Some(&true)));
        Ok(office.map_or_else(|| word(tier).to_owned(), |office| office.name))
    }
}

fn word(tier: Tier) -> &'static str {
    match tier {
        Tier::Village => "村(社区)",
        Tier::Township => "镇(街道)",
        Tier::City => "市级",
    }
}

impl Desk {
    /// Every loop that is open, and how the others went.
    pub async fn loops(&self, person: &Person, asked: LoopsQuestion, page: Page) -> Result<Loops, DeskError> {
        permit::office_staff(person)?;
        self.in_room(person, LOOKING, move |room| {
            let within = room.scope(asked.area)?;
            let packs = room.reader.packs()?;
            let calendar = room.pack(&packs).map(|pack| &pack.calendar);
            let today = room.day;
            let from = asked.from.or_else(|| Day::new(today.ymd().0, 1, 1)).unwrap_or(today);
            let until = asked.until.unwrap_or(today);
            let mut stages = room.reader.cases_by_stage(&within)?;
            stages.retain(|(stage, _)| !stage.is_done());
            let wanted = match asked.stage {
                Some(stage) => vec![stage],
                // What is late of a closed case (回访, 公布) is listed with the rest.
                None => Stage::ALL.into_iter().filter(|stage| asked.late || !stage.is_done()).collect(),
            };
            let filter = CaseFilter {
                within: within.clone(),
                stages: wanted,
                due_before: asked.late.then_some(today),
                by_urgency: true,
                ..CaseFilter::default()
            };
            let listed = room.reader.cases(&filter, page)?;
            let mut late: BTreeMap<String, LateHolder> = BTreeMap::new();
            for row in room.reader.late(&within, today)? {
                let name = match (row.who.as_str(), Tier::from_word(&row.id)) {
                    ("tier", Some(tier)) => room.holder(row.area, tier)?,
                    ("applicant", _) => "申请人".to_owned(),
                    _ => row.name.clone(),
                };
                let known = late.entry(name.clone()).or_insert(LateHolder { name, count: 0, oldest: None, working: None });
                known.count += row.count;
                known.oldest = known.oldest.into_iter().chain(row.oldest).min();
                known.working = working(calendar, known.oldest, today);
            }
            let mut late: Vec<LateHolder> = late.into_values().collect();
            late.sort_by_key(|holder| (std::cmp::Reverse(holder.count), holder.oldest));
            Ok(Loops {
                today,
                from,
                until,
                open: stages.iter().map(|(_, count)| count).sum(),
                stages: stages.into_iter().map(|(stage, count)| StageCount { stage, count }).collect(),
                lines: listed.rows,
                more: listed.more,
                late,
                receivers: times(room.reader.transfer_days(&within, from, until)?, calendar, today),
                errands: room.reader.errands(&within, from, until)?,
                areas: room.choices_of_areas()?,
                as_of: room.known(&within)?,
            })
        })
        .await
    }

    /// The way of a case: each hop with its days, and how often people had to go.
    pub async fn way(&self, person: &Person, case: CaseId) -> Result<Way, DeskError> {
        permit::office_staff(person)?;
        self.in_room(person, LOOKING, move |room| {
            let file = room.case(&case)?;
            let packs = room.reader.packs()?;
            let line = |hop: Hop| {
                let who = match &hop.who {
                    Who::Tier(tier) => room.holder(file.row.area, *tier)?,
                    Who::Target(to) => to.name.clone(),
                    Who::Applicant => "申请人".to_owned(),
                };
                Ok(HopLine { who, late: hop.is_late(room.day), hop })
            };
            let lines: Result<Vec<HopLine>, DeskError> = hops(&file.records, &packs, room.day).into_iter().map(line).collect();
            Ok(Way { hops: lines?, errands: errands(&file.standing) })
        })
        .await
    }
}
