//! Areas (区划), tiers (层级) and the division tree.
//!
//! An [`AreaId`] is the 12-digit code an area had when it was first listed. It is an opaque label kept for ever;
//! the official code, the name and the parent are dated facts in [`Area`], because codes change. Nothing here
//! decides who may do what: see `scope` and `authority`.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The label of an area: its first 12-digit code, and a suffix where a code was used again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct AreaId(u64);

const CODES: u64 = 1_000_000_000_000;

impl AreaId {
    /// The area first listed under `code` (12 digits); `suffix` 0 unless the code was used before.
    pub fn new(code: u64, suffix: u8) -> Option<AreaId> {
        (code < CODES).then_some(AreaId(code + u64::from(suffix) * CODES))
    }

    /// From `320582100000` or, for a code used again, `320582100000-1`.
    pub fn parse(text: &str) -> Option<AreaId> {
        let (code, suffix) = match text.split_once('-') {
            Some((code, suffix)) => (code, suffix.parse().ok()?),
            None => (text, 0),
        };
        if code.len() != 12 || !code.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        AreaId::new(code.parse().ok()?, suffix)
    }

    /// The least label, for ranges.
    pub const FIRST: AreaId = AreaId(0);

    /// The number behind the label, for storage.
    pub fn raw(self) -> u64 {
        self.0
    }

    /// The inverse of [`AreaId::raw`].
    pub fn from_raw(raw: u64) -> AreaId {
        AreaId(raw)
    }
}

impl std::fmt::Display for AreaId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 / CODES {
            0 => write!(f, "{:012}", self.0),
            suffix => write!(f, "{:012}-{suffix}", self.0 % CODES),
        }
    }
}

impl std::fmt::Debug for AreaId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

/// The tier (层级) of an office, an area or a floor. Ordered: a higher tier can be added without new code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// 村(社区)
    Village,
    /// 镇(街道)
    Township,
    /// 市
    City,
}

impl Tier {
    /// All tiers, lowest first.
    pub const ALL: [Tier; 3] = [Tier::Village, Tier::Township, Tier::City];

    /// A stable number for storage and hashing.
    pub fn number(self) -> u8 {
        match self {
            Tier::Village => 0,
            Tier::Township => 1,
            Tier::City => 2,
        }
    }

    /// The inverse of [`Tier::number`].
    pub fn from_number(number: u8) -> Option<Tier> {
        Tier::ALL.get(usize::from(number)).copied()
    }

    /// The English word used in files and interfaces.
    pub fn word(self) -> &'static str {
        match self {
            Tier::Village => "village",
            Tier::Township => "township",
            Tier::City => "city",
        }
    }

    /// On screens.
    pub fn label(self) -> &'static str {
        match self {
            Tier::Village => "村级",
            Tier::Township => "镇级",
            Tier::City => "市级",
        }
    }

    /// The inverse of [`Tier::word`]; the statistics bureau's `county` is our city.
    pub fn from_word(word: &str) -> Option<Tier> {
        match word {
            "village" => Some(Tier::Village),
            "township" => Some(Tier::Township),
            "city" | "county" => Some(Tier::City),
            _ => None,
        }
    }
}

/// One area as it is now.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Area {
    /// The label.
    pub id: AreaId,
    /// The official code today (12 digits).
    pub code: String,
    /// The official name today.
    pub name: String,
    /// Its tier.
    pub tier: Tier,
    /// The area it belongs to; none for the city.
    pub parent: Option<AreaId>,
}

/// The division tree as control knows it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Divisions {
    areas: BTreeMap<AreaId, Area>,
}

impl Divisions {
    /// A tree of `areas`; an area whose parents form a ring counts as being without a parent.
    pub fn new(areas: impl IntoIterator<Item = Area>) -> Divisions {
        Divisions { areas: areas.into_iter().map(|area| (area.id, area)).collect() }
    }

    /// The area with this label.
    pub fn get(&self, id: AreaId) -> Option<&Area> {
        self.areas.get(&id)
    }

    /// All areas, by label.
    pub fn iter(&self) -> impl Iterator<Item = &Area> {
        self.areas.values()
    }

    /// How many areas there are.
    pub fn len(&self) -> usize {
        self.areas.len()
    }

    /// Whether there is no area.
    pub fn is_empty(&self) -> bool {
        self.areas.is_empty()
    }

    /// The area whose official code today is `code`, else the area first listed under it.
    pub fn by_code(&self, code: &str) -> Option<&Area> {
        self.areas.values().find(|area| area.code == code).or_else(|| self.get(AreaId::parse(code)?))
    }

    /// The top of the tree.
    pub fn root(&self) -> Option<&Area> {
        self.areas.values().find(|area| area.parent.is_none())
    }

    /// `id` and everything above it, nearest first.
    pub fn path_up(&self, id: AreaId) -> impl Iterator<Item = AreaId> + '_ {
        let next = move |id: &AreaId| self.areas.get(id).and_then(|area| area.parent);
        std::iter::successors(Some(id), next).take(crate::limits::AREA_DEPTH_MAX)
    }

    /// Whether `above` is `id` or lies above it.
    pub fn is_within(&self, id: AreaId, above: AreaId) -> bool {
        self.path_up(id).any(|step| step == above)
    }

    /// The direct children of `id`, by label.
    pub fn children(&self, id: AreaId) -> impl Iterator<Item = &Area> + '_ {
        self.areas.values().filter(move |area| area.parent == Some(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_read_back_and_refuse_what_is_no_code() {
        for text in ["320582100000", "000000000001", "320582100000-3"] {
            assert_eq!(AreaId::parse(text).expect("a label").to_string(), text);
        }
        for text in ["", "32058210000", "3205821000000", "32058210000x", "３20582100000", "320582100000-", "-1"] {
            assert_eq!(AreaId::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_ring_of_parents_ends() {
        let area = |id, parent| Area {
            id: AreaId(id),
            code: String::new(),
            name: String::new(),
            tier: Tier::Village,
            parent: Some(AreaId(parent)),
        };
        let ring = Divisions::new([area(1, 2), area(2, 1)]);
        assert!(!ring.is_within(AreaId(1), AreaId(3)));
    }
}
