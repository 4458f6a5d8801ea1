//! What will change, before anything is written: the very edits of the import, tried on a copy of the record.

use super::super::compare::{changes, text};
use super::super::outcome::{DeskError, FieldChange};
use super::super::{Room, permit, place_name};
use automerge::Automerge;
use serde::Serialize;
use serde_json::{Map, Value};
use shouwang_protocol::area::{Area, AreaId, Tier};
use shouwang_protocol::hash::Hash;
use shouwang_protocol::record::RecordId;
use shouwang_protocol::records::household::Household;
use shouwang_protocol::records::idno::{IdNo, normalise};
use shouwang_protocol::records::{Edit, run};

/// What a row will do.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Shown {
    /// Its line.
    pub line: u64,
    /// The household's id.
    pub id: String,
    /// Whether the household is new.
    pub new: bool,
    /// The head's name.
    pub head: String,
    /// What changes, of a household that is there.
    pub changes: Vec<FieldChange>,
    /// Persons who live in another household already.
    pub elsewhere: Vec<Elsewhere>,
}

/// A person who lives in another household already.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Elsewhere {
    /// The person.
    pub name: String,
    /// The other household's head; empty when it stands further up in the file.
    pub head: String,
    /// Where the other household lives.
    pub place: String,
}

impl std::fmt::Debug for Elsewhere {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Elsewhere")
    }
}

/// What edits would change in a record; nothing of it is kept.
pub(super) fn tried(doc: &Automerge, edits: Vec<Edit>) -> Vec<FieldChange> {
    let before = Household::read(doc);
    let mut copy = doc.clone();
    for edit in edits {
        // One that cannot be done will be told when the file is brought in.
        if run(&mut copy, edit).is_err() {
            break;
        }
    }
    changes(&before, &Household::read(&copy))
}

/// A village's name without the words for what it is.
fn bare(name: &str) -> &str {
    let without = |name: &'_ str, ends: &[&str]| -> usize {
        let rest = ends.iter().find_map(|end| name.strip_suffix(end)).filter(|rest| !rest.is_empty());
        rest.unwrap_or(name).len()
    };
    let name = &name[..without(name, &["村民委员会", "居民委员会", "村委会", "居委会"])];
    &name[..without(name, &["社区", "村"])]
}

impl Room<'_> {
    /// The persons of a row who live in a household other than `this`.
    pub(super) fn who_elsewhere(&self, row: &Map<String, Value>, this: Option<&RecordId>) -> Result<Vec<Elsewhere>, DeskError> {
        let mut found = Vec::new();
        for member in row.get("members").and_then(Value::as_array).into_iter().flatten() {
            let Some(id) = member.get("id_no").and_then(|number| IdNo::parse(&text(number)).ok()) else { continue };
            let records = self.reader.households_of_person(&id.long())?;
            for record in records.iter().filter(|record| Some(*record) != this) {
                let Some(detail) = self.reader.household(record)? else { continue };
                found.push(Elsewhere {
                    name: member.get("name").map(text).unwrap_or_default(),
                    head: detail.row.head,
                    place: place_name(&self.divisions, detail.row.area),
                });
            }
        }
        Ok(found)
    }

    /// A row of a table names its household and its village as people do: finds the id and the code of the area.
    pub(super) fn complete(&self, row: &mut Map<String, Value>) -> Result<Result<(), (&'static str, &'static str)>, DeskError> {
        let given = |row: &Map<String, Value>, field: &str| row.get(field).map(text).filter(|text| !text.trim().is_empty());
        let known = match (given(row, "id"), given(row, "head_id_no").or_else(|| head_number(row))) {
            (Some(id), _) => self.reader.import_key(&id)?.into_iter().next().map(|(record, _)| record),
            (None, None) => return Ok(Err(("id", "既没有户编号，也没有户主身份证号，无法辨认是哪一户"))),
            (None, Some(number)) => {
                let number = IdNo::parse(&number).map_or_else(|_| normalise(&number), |id| id.long());
                let mut heads = Vec::new();
                for record in self.reader.households_of_person(&number)? {
                    let household = self.reader.household(&record)?.map(|detail| detail.household);
                    let own =
                        household.filter(|household| IdNo::parse(&household.head_id_no).is_ok_and(|id| id.long() == number));
                    heads.extend(own.filter(|household| !household.id.is_empty()).map(|household| (record, household.id)));
                }
                match heads.as_slice() {
                    [] => {
                        let hash = Hash::of("shouwang table household 1", &[number.as_bytes()]).hex();
                        let id = format!("T{}", &hash[..16]);
                        row.insert("id".to_owned(), id.clone().into());
                        self.reader.import_key(&id)?.into_iter().next().map(|(record, _)| record)
                    }
                    [(record, id)] => {
                        row.insert("id".to_owned(), id.clone().into());
                        Some(*record)
                    }
                    _ => return Ok(Err(("head_id_no", "这位户主名下有几份档案，请在表中写明户编号"))),
                }
            }
        };
        if let Some(detail) = known.map(|record| self.reader.household(&record)).transpose()?.flatten() {
            for (field, value) in [("head", &detail.household.head), ("region", &detail.household.region)] {
                if given(row, field).is_none() && !(field == "region" && given(row, "village").is_some()) {
                    row.insert(field.to_owned(), value.clone().into());
                }
            }
        }
        if given(row, "region").is_some() {
            return Ok(Ok(()));
        }
        let villages: Vec<&Area> =
            self.divisions.iter().filter(|area| area.tier == Tier::Village && self.covers(area.id)).collect();
        let (village, town) = (given(row, "village"), given(row, "town"));
        let fits = |area: &&&Area| {
            let own = village.as_ref().is_none_or(|name| *name == area.name || bare(name) == bare(&area.name));
            let above = area.parent.and_then(|parent| self.divisions.get(parent));
            own && town.as_ref().is_none_or(|town| above.is_some_and(|above| above.name == *town))
        };
        // A register may still have the names of before; an area that is called so today comes first.
        let fitted = |area: &&&Area| {
            let own = village.as_ref().is_none_or(|name| area.names().any(|was| bare(name) == bare(was)));
            let above = || area.parents().filter_map(|parent| self.divisions.get(parent));
            own && town.as_ref().is_none_or(|town| above().any(|above| above.names().any(|was| was == town)))
        };
        let mut found: Vec<&&Area> = villages.iter().filter(fits).collect();
        if found.is_empty() {
            found = villages.iter().filter(fitted).collect();
        }
        Ok(match (found.as_slice(), village) {
            ([one], _) => {
                row.insert("region".to_owned(), one.code.clone().into());
                Ok(())
            }
            (_, None) => Err(("region", "没有写明是哪个村(社区)：请加一列“村(社区)”或“区划代码”")),
            ([], Some(_)) => Err(("village", "本机构辖区内没有这个村(社区)，请核对名称或加一列“区划代码”")),
            (_, Some(_)) => Err(("village", "有几个同名的村(社区)，请加一列“镇(街道)”或“区划代码”")),
        })
    }

    fn covers(&self, area: AreaId) -> bool {
        permit::covers(&self.here, &self.divisions, area).is_ok()
    }
}

/// The number of the member 户主.
fn head_number(row: &Map<String, Value>) -> Option<String> {
    let members = row.get("members").and_then(Value::as_array)?;
    let head = members
        .iter()
        .find(|member| member.get("relation").map(text).is_some_and(|relation| matches!(relation.as_str(), "户主" | "本人")))?;
    head.get("id_no").map(text).filter(|number| !number.is_empty())
}
