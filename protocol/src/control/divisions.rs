//! The divisions record: areas, offices and what they cover. One for the city, written at the city only.

use super::Office;
use crate::area::{Area, AreaId, Divisions, Earlier, Past, Tier};
use crate::device::{DeviceKey, OfficeId};
use crate::records::Edit;
use automerge::transaction::Transactable;
use automerge::{Automerge, ObjId, ObjType, ROOT, ReadDoc, ScalarValue, Value};
use std::collections::BTreeMap;

/// The first change: an empty tree.
pub fn create() -> Edit {
    Box::new(|tx| {
        tx.put(ROOT, "schema", 1_i64)?;
        tx.put_object(ROOT, "areas", ObjType::Map)?;
        tx.put_object(ROOT, "offices", ObjType::Map)?;
        Ok(())
    })
}

fn child(doc: &impl ReadDoc, parent: &ObjId, key: &str) -> Option<ObjId> {
    match doc.get(parent, key) {
        Ok(Some((Value::Object(ObjType::Map), id))) => Some(id),
        _ => None,
    }
}

/// Adds areas or changes their name, code or parent. What they were before is added to, never rewritten.
pub fn put_areas(areas: Vec<Area>) -> Edit {
    Box::new(move |tx| {
        let Some(map) = child(tx, &ROOT, "areas") else { return Ok(()) };
        for area in areas {
            let key = area.id.to_string();
            let entry = match child(tx, &map, &key) {
                Some(entry) => entry,
                None => tx.put_object(&map, key.as_str(), ObjType::Map)?,
            };
            tx.put(&entry, "code", area.code)?;
            tx.put(&entry, "name", area.name)?;
            tx.put(&entry, "tier", area.tier.word())?;
            if let Some(parent) = area.parent {
                tx.put(&entry, "parent", parent.to_string())?;
            }
            if let Some(from) = area.past.split_from {
                tx.put(&entry, "split_from", from.to_string())?;
            }
            if !area.past.since.is_empty() {
                tx.put(&entry, "since", area.past.since)?;
            }
            let earlier = match (child(tx, &entry, "earlier"), area.past.earlier.is_empty()) {
                (Some(earlier), _) => earlier,
                (None, true) => continue,
                (None, false) => tx.put_object(&entry, "earlier", ObjType::Map)?,
            };
            for (number, was) in area.past.earlier.into_iter().enumerate() {
                let number = number.to_string();
                if child(tx, &earlier, &number).is_some() {
                    continue;
                }
                let old = tx.put_object(&earlier, number.as_str(), ObjType::Map)?;
                tx.put(&old, "until", was.until)?;
                tx.put(&old, "code", was.code)?;
                tx.put(&old, "name", was.name)?;
                if let Some(parent) = was.parent {
                    tx.put(&old, "parent", parent.to_string())?;
                }
            }
        }
        Ok(())
    })
}

/// Adds offices or changes their name, tier, coverage or decider. An area that is no longer covered stays, as `false`.
pub fn put_offices(offices: Vec<Office>) -> Edit {
    Box::new(move |tx| {
        let Some(map) = child(tx, &ROOT, "offices") else { return Ok(()) };
        for office in offices {
            let key = office.id.to_string();
            let entry = match child(tx, &map, &key) {
                Some(entry) => entry,
                None => tx.put_object(&map, key.as_str(), ObjType::Map)?,
            };
            tx.put(&entry, "name", office.name)?;
            tx.put(&entry, "tier", office.tier.word())?;
            if let Some(decider) = office.decider {
                tx.put(&entry, "decider", decider.to_string())?;
            }
            let areas = match child(tx, &entry, "areas") {
                Some(areas) => areas,
                None => tx.put_object(&entry, "areas", ObjType::Map)?,
            };
            for (area, now) in office.areas {
                tx.put(&areas, area.to_string(), now)?;
            }
        }
        Ok(())
    })
}

fn text(doc: &Automerge, object: &ObjId, key: &str) -> Option<String> {
    match doc.get(object, key) {
        Ok(Some((Value::Scalar(scalar), _))) => match scalar.as_ref() {
            ScalarValue::Str(text) => Some(text.to_string()),
            _ => None,
        },
        _ => None,
    }
}

fn past(doc: &Automerge, area: &ObjId) -> Past {
    let label = |object: &ObjId, key| text(doc, object, key).and_then(|label| AreaId::parse(&label));
    let map = child(doc, area, "earlier");
    let mut earlier: Vec<(u32, Earlier)> = Vec::new();
    for key in map.iter().flat_map(|map| doc.keys(map)) {
        let Some(old) = map.as_ref().and_then(|map| child(doc, map, &key)) else { continue };
        let word = |key| text(doc, &old, key);
        if let (Ok(number), Some(until), Some(code), Some(name)) = (key.parse(), word("until"), word("code"), word("name")) {
            earlier.push((number, Earlier { until, code, name, parent: label(&old, "parent") }));
        }
    }
    earlier.sort();
    Past {
        split_from: label(area, "split_from"),
        since: text(doc, area, "since").unwrap_or_default(),
        earlier: earlier.into_iter().map(|(_, was)| was).collect(),
    }
}

fn maps<'a>(doc: &'a Automerge, key: &str) -> impl Iterator<Item = (String, ObjId)> + 'a {
    let object = child(doc, &ROOT, key);
    let keys: Vec<String> = object.iter().flat_map(|object| doc.keys(object)).collect();
    keys.into_iter().filter_map(move |key| {
        let id = child(doc, object.as_ref()?, &key)?;
        Some((key, id))
    })
}

/// The tree and the offices. What cannot be read is left out.
pub fn read(doc: &Automerge) -> (Divisions, BTreeMap<OfficeId, Office>) {
    let area = |(key, id): (String, ObjId)| {
        Some(Area {
            id: AreaId::parse(&key)?,
            code: text(doc, &id, "code")?,
            name: text(doc, &id, "name")?,
            tier: Tier::from_word(&text(doc, &id, "tier")?)?,
            parent: text(doc, &id, "parent").and_then(|parent| AreaId::parse(&parent)),
            past: past(doc, &id),
        })
    };
    let office = |(key, id): (String, ObjId)| {
        let covered = child(doc, &id, "areas");
        let areas = covered.iter().flat_map(|areas| doc.keys(areas)).filter_map(|key| {
            let now = matches!(doc.get(covered.as_ref()?, key.as_str()), Ok(Some((Value::Scalar(s), _))) if *s == ScalarValue::Boolean(true));
            Some((AreaId::parse(&key)?, now))
        });
        let label = OfficeId(key.parse().ok()?);
        let office = Office {
            id: label,
            name: text(doc, &id, "name")?,
            tier: Tier::from_word(&text(doc, &id, "tier")?)?,
            areas: areas.collect(),
            decider: text(doc, &id, "decider").and_then(|key| DeviceKey::parse(&key)),
        };
        Some((label, office))
    };
    (Divisions::new(maps(doc, "areas").filter_map(area)), maps(doc, "offices").filter_map(office).collect())
}
