//! An office with an old policy pack, or half of one, says so: what is wrong, what is safe, and what to press.
//!
//! A city publishes packs; an office that was away works by the one it has. It can't know what it has not heard of, but
//! it knows three things that show it: a case names a pack that is not here, a later pack is here in part, or the
//! calendar of the pack in force says nothing of this year, so that every deadline of the year is a guess.

use super::model::Person;
use super::outcome::DeskError;
use super::{Desk, LOOKING, Room, permit};
use crate::store::reader::{CasesOfPack, HeldPack};
use serde::Serialize;
use shouwang_protocol::area::Tier;
use shouwang_protocol::records::day::Day;

/// What an office's packs lack.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "trouble", rename_all = "snake_case")]
pub enum PackTrouble {
    /// There is none.
    NoPack,
    /// Cases name a pack that is not here.
    Missing {
        /// Its version.
        version: String,
        /// How many cases.
        cases: u64,
    },
    /// A pack that would be in force is here in part.
    NotWhole {
        /// Its version.
        version: String,
        /// The day from which it is in force.
        from: Day,
        /// What is worked by instead; empty: nothing.
        instead: String,
    },
    /// The calendar of the pack in force says nothing of this year.
    NoCalendar {
        /// The pack.
        version: String,
        /// The year.
        year: i32,
    },
}

impl PackTrouble {
    /// What is wrong, in Chinese.
    pub fn what(&self) -> String {
        match self {
            PackTrouble::NoPack => "本机还没有政策包".to_owned(),
            PackTrouble::Missing { version, cases } => format!("{cases} 件事项依据的政策包“{version}”还没有到达本机"),
            PackTrouble::NotWhole { version, from, instead } if instead.is_empty() => {
                format!("政策包“{version}”（自 {from} 起施行）还没有到齐，本机没有可用的政策包")
            }
            PackTrouble::NotWhole { version, from, instead } => {
                format!("政策包“{version}”（自 {from} 起施行）还没有到齐，本机仍按“{instead}”办理")
            }
            PackTrouble::NoCalendar { version, year } => {
                format!("政策包“{version}”没有 {year} 年的工作日历，本年的期限只按周一至周五推算，可能有误")
            }
        }
    }

    /// What is safe, in Chinese.
    pub fn safe(&self) -> &'static str {
        match self {
            PackTrouble::NoPack => "家庭档案照常登记、修改；已写下的都在，不会丢失。",
            PackTrouble::Missing { .. } => "这些事项的内容都在；到达之前不显示期限和下一步，别的事项照常办理。",
            PackTrouble::NotWhole { .. } => "照常登记、核实；已办的事项各按登记时的政策包，不受影响。",
            PackTrouble::NoCalendar { .. } => "登记、核实和审批都有效；日历到达后，期限自动按新日历重算。",
        }
    }

    /// What to press, in Chinese, at an office of this tier.
    pub fn press(&self, tier: Tier) -> &'static str {
        match (self, tier) {
            (PackTrouble::NoCalendar { .. }, Tier::City) => "请在“政策”的“政策包各表”里补上本年的工作日历，发布新的政策包。",
            (PackTrouble::NoPack, Tier::City) => "请发布政策包。",
            (_, Tier::City) => "请在“同步”页查看在等待的记录；需要时重新发布政策包。",
            _ => "请接通网络，在“同步”页与上级一致；没有网络，请上级拷出传递文件带来收下。仍不行，请市中心补发政策包。",
        }
    }

    /// In a line, for a terminal.
    pub fn english(&self) -> String {
        match self {
            PackTrouble::NoPack => "no policy pack is here yet".to_owned(),
            PackTrouble::Missing { version, cases } => format!("{cases} cases name the policy pack {version}, which is not here"),
            PackTrouble::NotWhole { version, from, .. } => {
                format!("the policy pack {version}, in force from {from}, is here in part")
            }
            PackTrouble::NoCalendar { version, year } => {
                format!("the policy pack {version} has no working days of {year}: deadlines of the year are guesses")
            }
        }
    }
}

impl Room<'_> {
    fn pack_troubles(&self) -> Result<Vec<PackTrouble>, DeskError> {
        let packs = self.reader.packs()?;
        let in_force = self.pack(&packs);
        let mut troubles = Vec::new();
        let held = self.reader.packs_held()?;
        let replaces = |pack: &&HeldPack| {
            let later = in_force.is_none_or(|now| (now.from, &now.version) < (pack.from, &pack.version));
            !pack.whole && !packs.contains_key(&pack.version) && pack.from <= self.day && later
        };
        let not_whole =
            held.into_iter().filter(|pack| replaces(&pack)).max_by(|a, b| (a.from, &a.version).cmp(&(b.from, &b.version)));
        let instead = in_force.map(|pack| pack.version.clone()).unwrap_or_default();
        match (not_whole, in_force) {
            (Some(pack), _) => troubles.push(PackTrouble::NotWhole { version: pack.version, from: pack.from, instead }),
            (None, None) => troubles.push(PackTrouble::NoPack),
            (None, Some(_)) => {}
        }
        for CasesOfPack { version, cases } in self.reader.cases_without_pack()? {
            troubles.push(PackTrouble::Missing { version, cases });
        }
        let year = self.day.ymd().0;
        if let Some(pack) = in_force.filter(|pack| !pack.calendar.covers(year)) {
            troubles.push(PackTrouble::NoCalendar { version: pack.version.clone(), year });
        }
        Ok(troubles)
    }
}

impl Desk {
    /// What this office's policy packs lack.
    pub async fn pack_troubles(&self, person: &Person) -> Result<Vec<PackTrouble>, DeskError> {
        permit::office_staff(person)?;
        self.in_room(person, LOOKING, |room| room.pack_troubles()).await
    }
}
