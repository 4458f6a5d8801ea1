//! Areas that are re-coded, renamed, put under another township, added or split off.
//!
//! A label never changes and no record moves: only what is said of the label does. Whoever has an old file or paper with
//! the old code or name still finds the area by it (`Divisions::by_code`, `Area::names`).

use shouwang_protocol::area::{Area, Divisions, Earlier, Past, Tier};
use shouwang_protocol::control::{Control, Office};
use shouwang_protocol::device::OfficeId;
use shouwang_protocol::limits::{AREA_EARLIER_MAX, AREA_NAME_CHARS_MAX, AREAS_MAX};
use shouwang_protocol::records::day::Day;
use std::collections::BTreeMap;

/// What is to be another at an area.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Change {
    /// The new official code.
    pub code: Option<String>,
    /// The new official name.
    pub name: Option<String>,
    /// The code of the area it belongs to from now on.
    pub parent: Option<String>,
}

/// An area that is to be listed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NewArea {
    /// Its official code.
    pub code: String,
    /// Its official name.
    pub name: String,
    /// The code of the area it belongs to.
    pub parent: String,
    /// The code of the area it was part of until now.
    pub split_from: Option<String>,
}

/// What is to be written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Written {
    /// The area as it is from now on.
    pub area: Area,
    /// Its office, when it is new or called otherwise.
    pub office: Option<Office>,
    /// Whether it is so already: then nothing need be written.
    pub already: bool,
}

/// Why an area can't be changed or added. Nothing was changed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AreaError {
    /// Nothing is asked for.
    #[error("nothing to change; give --code, --name or --parent")]
    Nothing,
    /// Not a code.
    #[error("{0:?} is not a code of 12 digits; nothing was changed; take the code from the official list")]
    Code(String),
    /// No such area.
    #[error("no area has or had the code {0}; nothing was changed; compare it with the official list")]
    Unknown(String),
    /// Another area has the code.
    #[error("{code} is the code of {name}; nothing was changed; where codes are exchanged, give {name} its new one first")]
    InUse {
        /// The code.
        code: String,
        /// Who has it.
        name: String,
    },
    /// Not a name.
    #[error("a name has 1 to {AREA_NAME_CHARS_MAX} characters, none of them a line break; nothing was changed")]
    Name,
    /// A sister is called so.
    #[error("{parent} has an area called {name} already; nothing was changed; if it is the same area, change that one")]
    Sister {
        /// The name.
        name: String,
        /// The area above both.
        parent: String,
    },
    /// The area above is not above.
    #[error("{name} ({tier}) can't lie below {parent} ({above}); nothing was changed; name an area of a higher tier")]
    Tier {
        /// What is below.
        name: String,
        /// Its tier.
        tier: &'static str,
        /// What it was to belong to.
        parent: String,
        /// The tier of that.
        above: &'static str,
    },
    /// A village has nothing below it.
    #[error("{0} is a village, and a village has no areas below it; nothing was changed; name a township or the city")]
    Bottom(String),
    /// The top has nothing above it.
    #[error("{0} is the top of the city; nothing was changed; only what lies below it can be put elsewhere")]
    Top(String),
    /// The area it was split from is of another tier.
    #[error("{name} is no {tier}; a new area is split from one of its own tier; nothing was changed")]
    Split {
        /// What it was to be split from.
        name: String,
        /// The tier of the new area.
        tier: &'static str,
    },
    /// Not a date.
    #[error("{0:?} is no date; write it as 2026-10-01; nothing was changed")]
    Date(String),
    /// The date is to come.
    #[error("{0} is still to come, and a change holds as soon as it is written; nothing was changed; do it on that day")]
    Future(Day),
    /// The date lies before another change.
    #[error("{name} was changed on {last} last, after {from}; nothing was changed; give a later date")]
    Before {
        /// The area.
        name: String,
        /// The day of its last change.
        last: String,
        /// The day that was given.
        from: Day,
    },
    /// A limit.
    #[error("{0}; nothing was changed")]
    TooMany(String),
}

fn code_of(text: &str) -> Result<u64, AreaError> {
    let digits = text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| digits).ok_or_else(|| AreaError::Code(text.to_owned()))
}

fn name_of(text: &str) -> Result<String, AreaError> {
    let name = text.trim();
    let fits = (1..=AREA_NAME_CHARS_MAX).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    fits.then(|| name.to_owned()).ok_or(AreaError::Name)
}

fn known<'a>(divisions: &'a Divisions, code: &str) -> Result<&'a Area, AreaError> {
    divisions.by_code(code).ok_or_else(|| AreaError::Unknown(code.to_owned()))
}

fn day(text: &str, today: Day) -> Result<Day, AreaError> {
    let day = Day::parse(text.trim()).ok_or_else(|| AreaError::Date(text.to_owned()))?;
    if day > today { Err(AreaError::Future(day)) } else { Ok(day) }
}

/// That nothing else is called or numbered like this.
fn check_apart(divisions: &Divisions, area: &Area) -> Result<(), AreaError> {
    let others = || divisions.iter().filter(|other| other.id != area.id);
    if let Some(other) = others().find(|other| other.code == area.code) {
        return Err(AreaError::InUse { code: area.code.clone(), name: other.name.clone() });
    }
    let parent = area.parent.and_then(|parent| divisions.get(parent));
    match parent.filter(|parent| others().any(|other| other.parent == Some(parent.id) && other.name == area.name)) {
        Some(parent) => Err(AreaError::Sister { name: area.name.clone(), parent: parent.name.clone() }),
        None => Ok(()),
    }
}

/// Gives an area another code, name or place in the tree from a day on. The office that is called like the area goes with
/// its name.
pub fn change(control: &Control, code: &str, change: &Change, from: &str, today: Day) -> Result<Written, AreaError> {
    let divisions = &control.divisions;
    if *change == Change::default() {
        return Err(AreaError::Nothing);
    }
    let old = known(divisions, code)?;
    let mut area = old.clone();
    if let Some(code) = &change.code {
        code_of(code)?;
        area.code.clone_from(code);
    }
    if let Some(name) = &change.name {
        area.name = name_of(name)?;
    }
    if let Some(parent) = &change.parent {
        let parent = known(divisions, parent)?;
        if old.parent.is_none() {
            return Err(AreaError::Top(old.name.clone()));
        }
        // Every ring has a step that leads to no higher tier.
        if parent.tier <= old.tier {
            let (tier, above) = (old.tier.word(), parent.tier.word());
            return Err(AreaError::Tier { name: old.name.clone(), tier, parent: parent.name.clone(), above });
        }
        area.parent = Some(parent.id);
    }
    let from = day(from, today)?;
    if area == *old {
        return Ok(Written { area, office: None, already: true });
    }
    check_apart(divisions, &area)?;
    let last = old.past.earlier.last().map_or(&old.past.since, |was| &was.until);
    if Day::parse(last).is_some_and(|last| from < last) {
        return Err(AreaError::Before { name: old.name.clone(), last: last.clone(), from });
    }
    if old.past.earlier.len() >= AREA_EARLIER_MAX {
        return Err(AreaError::TooMany(format!("{} was changed {AREA_EARLIER_MAX} times", old.name)));
    }
    area.past.earlier.push(Earlier {
        until: from.to_string(),
        code: old.code.clone(),
        name: old.name.clone(),
        parent: old.parent,
    });
    let office = control.office_at(old.id).and_then(|office| {
        // An office over several areas is called by all of them.
        let names = office.name.split('、').map(|name| if name == old.name { area.name.as_str() } else { name });
        let name = names.collect::<Vec<_>>().join("、");
        (name != office.name).then(|| Office { name, ..office.clone() })
    });
    Ok(Written { area, office, already: false })
}

/// Lists a new area, with an office of its own. What is below the city is a township, what is below a township a village.
pub fn add(control: &Control, new: &NewArea, from: &str, today: Day) -> Result<Written, AreaError> {
    let divisions = &control.divisions;
    let (number, name) = (code_of(&new.code)?, name_of(&new.name)?);
    let parent = known(divisions, &new.parent)?;
    let tier = match parent.tier {
        Tier::City => Tier::Township,
        Tier::Township => Tier::Village,
        Tier::Village => return Err(AreaError::Bottom(parent.name.clone())),
    };
    let split_from = new.split_from.as_ref().map(|code| known(divisions, code)).transpose()?;
    if let Some(other) = split_from.filter(|other| other.tier != tier) {
        return Err(AreaError::Split { name: other.name.clone(), tier: tier.word() });
    }
    let split_from = split_from.map(|other| other.id);
    let since = day(from, today)?;
    let same = |area: &&Area| area.code == new.code && area.name == name && area.parent == Some(parent.id);
    if let Some(area) = divisions.iter().find(same).filter(|area| area.past.split_from == split_from) {
        return Ok(Written { area: area.clone(), office: None, already: true });
    }
    if divisions.len() >= AREAS_MAX {
        return Err(AreaError::TooMany(format!("the city lists {AREAS_MAX} areas")));
    }
    let id = divisions.free_label(number).ok_or_else(|| AreaError::TooMany(format!("{} was used too often", new.code)))?;
    let past = Past { split_from, since: since.to_string(), earlier: Vec::new() };
    let area = Area { id, code: new.code.clone(), name, tier, parent: Some(parent.id), past };
    check_apart(divisions, &area)?;
    let last = control.offices.keys().next_back().map_or(0, |office| office.0);
    let office =
        Office { id: OfficeId(last + 1), name: area.name.clone(), tier, areas: BTreeMap::from([(id, true)]), decider: None };
    Ok(Written { area, office: Some(office), already: false })
}

#[cfg(test)]
mod tests {
    use super::*;
    use shouwang_protocol::area::AreaId;
    use shouwang_protocol::device::DeviceKey;

    const TODAY: Day = Day(20_000);

    fn control() -> Control {
        let table = "code,name,level,parent\n320582000000,市,county,\n320582100000,甲镇,township,320582000000\n\
                     320582101000,乙镇,township,320582000000\n320582100201,东村,village,320582100000\n\
                     320582100202,西村,village,320582100000\n";
        let areas = crate::divisions::read(table.as_bytes()).expect("a table");
        let offices = crate::city::offices(&areas, "市中心").into_iter().map(|office| (office.id, office)).collect();
        Control { divisions: Divisions::new(areas), offices, ..Control::new(DeviceKey([0; 32])) }
    }

    fn with(mut control: Control, written: Written) -> Control {
        let others = control.divisions.iter().filter(|area| area.id != written.area.id).cloned().collect::<Vec<_>>();
        control.divisions = Divisions::new(others.into_iter().chain([written.area]));
        control.offices.extend(written.office.map(|office| (office.id, office)));
        control
    }

    fn code(code: &str) -> Change {
        Change { code: Some(code.into()), ..Change::default() }
    }

    fn name(name: &str) -> Change {
        Change { name: Some(name.into()), ..Change::default() }
    }

    fn under(parent: &str) -> Change {
        Change { parent: Some(parent.into()), ..Change::default() }
    }

    fn village(code: &str, name: &str) -> NewArea {
        NewArea { code: code.into(), name: name.into(), parent: "320582100000".into(), split_from: None }
    }

    #[test]
    fn a_label_stays_whatever_is_said_of_it() {
        let both = Change { name: Some("新东村".into()), ..code("320582100203") };
        let written = change(&control(), "320582100201", &both, "2024-01-01", TODAY).expect("changes");
        assert_eq!(written.area.id, AreaId::parse("320582100201").expect("a label"));
        assert_eq!(written.office.as_ref().map(|office| office.name.as_str()), Some("新东村"));
        let now = with(control(), written);
        let again = change(&now, "320582100201", &both, "2024-01-01", TODAY).expect("asked again by the old code");
        assert!(again.already && again.office.is_none());
        // The old code may be given to another; its label is another one too.
        let reused = add(&now, &village("320582100201", "东村"), "2024-02-01", TODAY).expect("adds");
        assert_eq!(reused.area.id.to_string(), "320582100201-1");
        assert_eq!(reused.office.as_ref().map(|office| office.id), Some(OfficeId(6)));
        let then = with(now, reused);
        assert_eq!(then.divisions.by_code("320582100201").map(|area| area.name.as_str()), Some("东村"));
        assert_eq!(then.divisions.by_code("320582100203").map(|area| area.name.as_str()), Some("新东村"));
        assert!(add(&then, &village("320582100201", "东村"), "2024-02-01", TODAY).expect("again").already);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let refused =
            |area: &str, what: &Change, from: &str| change(&control(), area, what, from, TODAY).expect_err("refused").to_string();
        let east = "320582100201";
        for (what, from, says) in [
            (Change::default(), "2024-01-01", "nothing to change"),
            (code("32058210020"), "2024-01-01", "not a code of 12 digits"),
            (code("320582100202"), "2024-01-01", "the code of 西村"),
            (name("西村"), "2024-01-01", "甲镇 has an area called 西村 already"),
            (name(" \n"), "2024-01-01", "1 to 40 characters"),
            (under("320582100202"), "2024-01-01", "东村 (village) can't lie below 西村 (village)"),
            (under(east), "2024-01-01", "can't lie below 东村"),
            (under("320582109000"), "2024-01-01", "no area has or had the code 320582109000"),
            (name("新东村"), "2024-02-30", "is no date"),
            (name("新东村"), "2024-10-06", "still to come"),
        ] {
            let error = refused(east, &what, from);
            assert!(error.contains(says), "{error}");
            assert!(what == Change::default() || error.contains("nothing was changed"), "{error}");
        }
        assert!(refused("320582000000", &under("320582100000"), "2024-01-01").contains("top of the city"));
        assert!(refused("320582100000", &under(east), "2024-01-01").contains("can't lie below 东村"), "no ring");
        assert!(refused("320582100209", &name("新东村"), "2024-01-01").contains("no area has or had"));
        let now = with(control(), change(&control(), east, &name("新东村"), "2024-05-01", TODAY).expect("changes"));
        let early = change(&now, east, &name("老东村"), "2024-04-30", TODAY).expect_err("too early").to_string();
        assert!(early.contains("2024-05-01"), "{early}");
        change(&now, east, &under("320582101000"), "2024-05-01", TODAY).expect("the same day is fine");
    }

    #[test]
    fn a_new_area_needs_a_free_code_and_a_parent_above_it() {
        let refused = |new: &NewArea| add(&control(), new, "2024-01-01", TODAY).expect_err("refused").to_string();
        assert!(refused(&village("320582100202", "南村")).contains("the code of 西村"));
        assert!(refused(&village("320582100203", "西村")).contains("called 西村 already"));
        assert!(
            refused(&NewArea { parent: "320582100201".into(), ..village("320582100203", "南村") }).contains("no areas below it")
        );
        let split = |from: &str| NewArea { split_from: Some(from.into()), ..village("320582100203", "南村") };
        assert!(refused(&split("320582101000")).contains("乙镇 is no village"));
        assert!(refused(&split("320582109201")).contains("no area has or had"));
        let south = add(&control(), &split("320582100201"), "2024-01-01", TODAY).expect("adds").area;
        assert_eq!((south.tier, south.past.split_from), (Tier::Village, AreaId::parse("320582100201")));
        let street = NewArea { parent: "320582000000".into(), ..village("320582001000", "新街道") };
        assert_eq!(add(&control(), &street, "2024-01-01", TODAY).expect("adds").area.tier, Tier::Township);
    }
}
