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
    /// What it was before.
    pub past: Past,
}

/// Where an area comes from, for people and for files that name it as it was. No right follows from it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Past {
    /// The area it was split from.
    pub split_from: Option<AreaId>,
    /// The day from which it exists, `YYYY-MM-DD`; empty for one that was listed when the city was founded.
    pub since: String,
    /// What it was before, oldest first.
    pub earlier: Vec<Earlier>,
}

/// What an area was until a day.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Earlier {
    /// The first day on which it was so no longer, `YYYY-MM-DD`.
    pub until: String,
    /// The official code then.
    pub code: String,
    /// The official name then.
    pub name: String,
    /// The area it belonged to then.
    pub parent: Option<AreaId>,
}

impl Area {
    /// What it is called today, and what it was called before.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.name.as_str()).chain(self.past.earlier.iter().map(|was| was.name.as_str()))
    }

    /// What it belongs to today, and what it belonged to before.
    pub fn parents(&self) -> impl Iterator<Item = AreaId> + '_ {
        self.parent.into_iter().chain(self.past.earlier.iter().filter_map(|was| was.parent))
    }
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

    /// The area whose official code today is `code`, else the one that had it last, else the area first listed under it.
    pub fn by_code(&self, code: &str) -> Option<&Area> {
        let last = |area: &&Area| area.past.earlier.iter().rev().find(|was| was.code == code).map(|was| was.until.clone());
        let today = self.areas.values().find(|area| area.code == code);
        let before = || self.areas.values().filter(|area| last(area).is_some()).max_by_key(last);
        today.or_else(before).or_else(|| self.get(AreaId::parse(code)?))
    }

    /// What a household file may call a village and what is above it, by the file's field: first as it is called today.
    pub fn called(&self, village: AreaId) -> [(&'static str, Vec<&str>); 3] {
        let area = self.get(village);
        let codes = area
            .iter()
            .flat_map(|area| std::iter::once(area.code.as_str()).chain(area.past.earlier.iter().map(|was| was.code.as_str())));
        let above = area.iter().flat_map(|area| area.parents()).filter_map(|parent| self.get(parent));
        let towns = above.filter(|above| above.tier == Tier::Township).flat_map(Area::names);
        let villages = area.iter().flat_map(|area| area.names());
        [("region", codes.collect()), ("town", towns.collect()), ("village", villages.collect())]
    }

    /// A label that no area has, for one that is listed under `code`; none when all 256 are taken.
    pub fn free_label(&self, code: u64) -> Option<AreaId> {
        (0..=u8::MAX).filter_map(|suffix| AreaId::new(code, suffix)).find(|label| self.get(*label).is_none())
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
    fn a_code_names_who_has_it_then_who_had_it_last() {
        let id = |text: &str| AreaId::parse(text).expect("a label");
        let area = |label: &str, code: &str, earlier: &[(&str, &str)]| Area {
            id: id(label),
            code: code.into(),
            name: String::new(),
            tier: Tier::Village,
            parent: None,
            past: Past {
                earlier: earlier
                    .iter()
                    .map(|(until, code)| Earlier {
                        until: (*until).into(),
                        code: (*code).into(),
                        name: String::new(),
                        parent: None,
                    })
                    .collect(),
                ..Past::default()
            },
        };
        let first = area("320582100201", "320582100203", &[("2020-01-01", "320582100201"), ("2021-01-01", "320582100202")]);
        let again = area("320582100201-1", "320582100204", &[("2023-01-01", "320582100201")]);
        let tree = Divisions::new([first.clone()]);
        let found = |tree: &Divisions, code| tree.by_code(code).map(|area| area.id.to_string());
        for code in ["320582100201", "320582100202", "320582100203"] {
            assert_eq!(found(&tree, code).as_deref(), Some("320582100201"), "{code}");
        }
        assert_eq!(tree.free_label(320_582_100_201), Some(id("320582100201-1")));
        let tree = Divisions::new([first, again]);
        assert_eq!(found(&tree, "320582100201").as_deref(), Some("320582100201-1"));
        assert_eq!(found(&tree, "320582100209"), None);
        assert_eq!(tree.free_label(320_582_100_201), Some(id("320582100201-2")));
    }

    #[test]
    fn a_ring_of_parents_ends() {
        let area = |id, parent| Area {
            id: AreaId(id),
            code: String::new(),
            name: String::new(),
            tier: Tier::Village,
            parent: Some(AreaId(parent)),
            past: Past::default(),
        };
        let ring = Divisions::new([area(1, 2), area(2, 1)]);
        assert!(!ring.is_within(AreaId(1), AreaId(3)));
    }
}
