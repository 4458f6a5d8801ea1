//! Households (家庭): the record of one family, its members, the aid it received, and the categories it holds.
//!
//! The file's scalars stand at the root under the file's names; `members`, `aid` and `holdings` are lists of maps. What follows
//! from something else is not stored: birth and sex follow from a member's identity number, the head's name and
//! number from the member 户主, until somebody writes them down. [`super::import`] makes the edits.
//!
//! A household never decides anything: a conflict with `blocks` set must be settled before a decision, and it is
//! `standing` and the Desk who see to that.

use super::amount::{Fen, Hundredths};
use super::changed::{self, Change, Review};
use super::day::Day;
use super::field::{Field, decode_in, find, form, json_text};
use super::holding::{HOLDING, HOLDINGS, Holding};
use super::idno::IdNo;
use super::screening::{self, Screening};
use super::{Conflict, Fields, OpId, Problem, check_schema, concurrent, lists, rows};
use automerge::{Automerge, ObjId, ROOT, ReadDoc, ScalarValue};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

form! {
    /// A household as a person sees it.
    Household, HOUSEHOLD {
        id: String, Text, "编号";
        region: String, Text, "区划代码";
        province: String, Text, "省";
        city: String, Text, "市";
        county: String, Text, "县(市、区)";
        town: String, Text, "镇(街道)";
        village: String, Text, "村(社区)";
        group: String, Text, "组";
        address: String, Text, "住址";
        head: String, Text, "户主";
        head_id_no: String, IdNo, "户主身份证号", blocks;
        phone: String, Digits, "联系电话";
        category = "type": String, Word(words::CATEGORY), "困难类别", blocks;
        cause: String, Word(words::CAUSE), "主要致贫原因";
        risk: String, Word(words::RISK), "风险";
        income_annual: Option<Fen>, Money, "年收入(元)", blocks;
        income_wage: Option<Fen>, Money, "工资性收入(元)", blocks;
        income_farm: Option<Fen>, Money, "经营净收入(元)", blocks;
        income_transfer: Option<Fen>, Money, "转移净收入(元)", blocks;
        income_property: Option<Fen>, Money, "财产净收入(元)", blocks;
        income_other: Option<Fen>, Money, "其他收入(元)", blocks;
        income_exempt: Option<Fen>, Money, "其中不计入的收入(元)", blocks;
        spend_medical: Option<Fen>, Money, "近12个月医疗自付(元)", blocks;
        spend_care: Option<Fen>, Money, "近12个月残疾康复照护自付(元)", blocks;
        spend_school: Option<Fen>, Money, "近12个月教育自付(元)", blocks;
        deposits: Option<Fen>, Money, "存款和现金(元)", blocks;
        securities: Option<Fen>, Money, "证券、基金、保险等(元)", blocks;
        vehicles: Option<i64>, Whole, "机动车(辆)", blocks;
        houses: Option<i64>, Whole, "住房(套)", blocks;
        land_mu: Option<Hundredths>, Measure, "耕地(亩)";
        forest_mu: Option<Hundredths>, Measure, "林地(亩)";
        house_m2: Option<Hundredths>, Measure, "住房面积(m²)";
        house_structure: String, Word(words::STRUCTURE), "住房结构";
        house_safe: String, Word(words::SAFETY), "住房安全等级";
        water: String, Word(words::WATER), "供水方式";
        bank: String, Word(words::BANK), "开户银行", blocks;
        bank_account: String, Digits, "银行账号", blocks;
        officer: String, Text, "责任人";
        officer_phone: String, Digits, "责任人电话";
        visits: Option<i64>, Whole, "走访次数";
        remark: String, Text, "备注";
        status: String, Word(words::STATUS), "状态";
        created_at: String, Moment, "建档时间";
        updated_at: String, Moment, "更新时间";
    } and {
        /// The members.
        members: Vec<Member>,
        /// The aid received.
        aid: Vec<Aid>,
        /// The categories that it and its members hold, beside its own (see [`super::holding`]).
        holdings: Vec<Holding>,
        /// What could not be read, or does not fit together.
        problems: Vec<Problem>,
        /// What was found about kinds of assistance it may have missed, by kind.
        screened: BTreeMap<String, Screening>,
        /// What happened to it, by name.
        changes: BTreeMap<String, Change>,
        /// What came of looking at it again, by name.
        reviews: BTreeMap<String, Review>,
        /// Fields that several people wrote at the same time.
        conflicts: Vec<Conflict>,
    }
}

form! {
    /// A member of a household.
    Member, MEMBER {
        name: String, Text, "姓名";
        relation: String, Word(words::RELATION), "与户主关系";
        gender: String, Word(words::SEX), "性别";
        birth: Option<Day>, Day, "出生日期";
        id_no: String, IdNo, "身份证号", blocks;
        ethnic: String, Word(words::ETHNIC), "民族";
        education: String, Word(words::EDUCATION), "文化程度";
        health: String, Word(words::HEALTH), "健康状况";
        labor: String, Word(words::LABOR), "劳动能力";
        insured: Option<bool>, Flag, "参加医保";
        disability: String, Word(words::DISABILITY), "残疾类别";
        disability_grade: String, Word(words::GRADE), "残疾等级";
        schooling: String, Word(words::SCHOOLING), "在学情况";
        parents: String, Word(words::PARENTS), "父母情况(未成年人)";
        apart: String, Word(words::APART), "不计入共同生活的原因", blocks;
        joined: Option<Day>, Day, "共同生活起";
        left: Option<Day>, Day, "共同生活止", blocks;
        died: Option<Day>, Day, "死亡日期", blocks;
    } and {
        /// The row's name; none before it is written.
        row: Option<OpId>,
    }
}

form! {
    /// Aid a household received.
    Aid, AID {
        no: String, Text, "编号";
        date: Option<Day>, Day, "日期";
        program: String, Word(words::PROGRAM), "项目";
        amount: Option<Fen>, Money, "金额(元)", blocks;
        officer: String, Text, "经办人";
        note: String, Text, "备注";
    } and {
        /// The row's name; none before it is written.
        row: Option<OpId>,
    }
}

/// The words for the person a household is named after.
pub(crate) const HEAD: [&str; 2] = ["户主", "本人"];
/// The status of a household that moved to another village.
pub const MOVED_AWAY: &str = "迁出";
/// The fields of a member that say when the person ceased to live in the household.
pub(crate) const GONE: [&str; 2] = ["left", "died"];

/// Root keys that are no fields of the file; a file's field of that name, or with the prefix, gets the prefix.
const RESERVED: [&str; 4] = ["schema", "members", "aid", HOLDINGS];
const ESCAPE: &str = "file:";
/// What offices note about a household, each under a key of its own.
const NOTES: [&str; 3] = [screening::PREFIX, changed::CHANGED, changed::REVIEWED];

fn is_note(key: &str) -> bool {
    NOTES.iter().any(|prefix| key.starts_with(prefix))
}

/// The key of the root under which a field of the file is kept.
pub(crate) fn root_key(field: &str) -> String {
    if RESERVED.contains(&field) || field.starts_with(ESCAPE) || is_note(field) {
        format!("{ESCAPE}{field}")
    } else {
        field.to_owned()
    }
}

impl Member {
    /// The identity number, when it is right.
    pub fn id(&self) -> Option<IdNo> {
        IdNo::parse(&self.id_no).ok()
    }

    /// Whether the household is named after this member.
    pub fn is_head(&self) -> bool {
        HEAD.contains(&self.relation.as_str())
    }

    /// Whether the member lives in the household (has neither left nor died).
    pub fn is_present(&self) -> bool {
        self.left.is_none() && self.died.is_none()
    }

    /// Whether the member is one of those who share the household's life (共同生活家庭成员) on a day.
    pub fn shares_life(&self, on: Day) -> bool {
        let began = self.joined.is_none_or(|joined| joined <= on);
        let ended = [self.left, self.died].into_iter().flatten().any(|end| end <= on);
        began && !ended && self.apart.is_empty()
    }
}

impl Household {
    /// Reads a household.
    pub fn read(doc: &Automerge) -> Household {
        let mut problems = Vec::new();
        let mut conflicts = Vec::new();
        let mut root = Fields::of(doc, &ROOT);
        check_schema(&mut root, &mut problems);
        let notes: BTreeMap<String, ScalarValue> = root.0.extract_if(.., |key, _| is_note(key)).collect();
        let screened = notes_of(&notes, screening::PREFIX, Screening::read);
        let changes = notes_of(&notes, changed::CHANGED, changed::read);
        let reviews = notes_of(&notes, changed::REVIEWED, changed::read);
        let root = root.0.into_iter().map(|(key, value)| {
            let name = key.strip_prefix(ESCAPE).unwrap_or(&key).to_owned();
            let value = decode_in(HOUSEHOLD, &key, &value);
            (name, value)
        });
        let mut json: Map<String, Value> = root.collect();
        find_conflicts(doc, &ROOT, None, HOUSEHOLD, &mut conflicts);

        let mut list = |key: &'static str, table: &'static [Field]| -> Vec<(OpId, Map<String, Value>)> {
            let read = lists(doc, key).into_iter().flat_map(|list| rows(doc, &list)).map(|(map, op)| {
                find_conflicts(doc, &map, Some(&op), table, &mut conflicts);
                let fields = Fields::of(doc, &map).0;
                (op, fields.into_iter().map(|(key, value)| (key.clone(), decode_in(table, &key, &value))).collect())
            });
            read.collect()
        };
        let members = list("members", MEMBER);
        let aid = list("aid", AID);
        let mut holdings = list(HOLDINGS, HOLDING);
        // Of two lists that were begun at the same time, in the order in which the rows were written.
        holdings.sort_by(|(a, _), (b, _)| a.cmp(b));
        let members: Vec<Member> = members
            .into_iter()
            .enumerate()
            .map(|(i, (op, mut json))| {
                derive_member(&mut json);
                Member { row: Some(op), ..Member::of(json, &format!("members[{i}]."), &mut problems) }
            })
            .collect();
        let aid = aid
            .into_iter()
            .enumerate()
            .map(|(i, (op, json))| Aid { row: Some(op), ..Aid::of(json, &format!("aid[{i}]."), &mut problems) })
            .collect();
        let holdings = holdings
            .into_iter()
            .enumerate()
            .map(|(i, (op, json))| Holding { row: Some(op), ..Holding::of(json, &format!("{HOLDINGS}[{i}]."), &mut problems) })
            .collect();

        derive_head(&mut json, members.iter().map(|member| &member.json));
        let mut household =
            Household { members, aid, holdings, conflicts, screened, changes, reviews, ..Household::of(json, "", &mut problems) };
        household.check(&mut problems);
        household.problems = problems;
        household
    }

    /// The row as the household file writes it, every field of it and what this version does not know.
    pub fn row(&self) -> Map<String, Value> {
        let mut row = self.json.clone();
        row.insert("members".to_owned(), self.members.iter().map(|member| Value::from(member.json.clone())).collect());
        row.insert("aid".to_owned(), self.aid.iter().map(|aid| Value::from(aid.json.clone())).collect());
        if !self.holdings.is_empty() {
            let holdings = self.holdings.iter().map(|holding| Value::from(self.holding_row(holding)));
            row.insert(HOLDINGS.to_owned(), holdings.collect());
        }
        row
    }

    /// What was written down when all of it moved to another village; none: it did not. The last move counts.
    pub fn moved_out(&self) -> Option<&Change> {
        let whole = |change: &&Change| change.moved.as_ref().is_some_and(|moved| moved.whole && !moved.came);
        self.changes.values().filter(whole).max_by_key(|change| change.day)
    }

    /// Calls its place as it is called today (see [`crate::area::Divisions::called`]), where it says what was true before.
    pub fn call_place(&mut self, called: &[(&'static str, Vec<&str>); 3]) {
        for (field, words) in called {
            let Some(today) = words.first() else { continue };
            if self.json.get(*field).and_then(Value::as_str).is_some_and(|said| said != *today && words.contains(&said)) {
                self.json.insert((*field).to_owned(), (*today).into());
                match *field {
                    "region" => self.region = (*today).to_owned(),
                    "town" => self.town = (*today).to_owned(),
                    _ => self.village = (*today).to_owned(),
                }
            }
        }
    }

    /// Whether it belongs to the register of people in hardship (在册) on a day: it has a category, somebody lives in
    /// it, and it was not taken out.
    pub fn is_registered(&self, on: Day) -> bool {
        let out = ["已注销", "停保", MOVED_AWAY, "死亡"].contains(&self.status.as_str());
        !out && !self.categories_on(on).is_empty() && self.members.iter().any(|member| member.shares_life(on))
    }

    /// Whether a conflict blocks decisions on this household.
    pub fn is_blocked(&self) -> bool {
        self.conflicts.iter().any(|conflict| conflict.blocks)
    }

    /// The head among the members: the one who lives in it, else the one who did.
    pub fn head_member(&self) -> Option<&Member> {
        let mut heads = self.members.iter().filter(|member| member.is_head());
        heads.clone().find(|member| member.is_present()).or_else(|| heads.next())
    }

    /// The identity numbers of the members that have a right one, each in its 18-character form.
    pub fn id_numbers(&self) -> Vec<String> {
        self.members.iter().filter_map(Member::id).map(|id| id.long()).collect()
    }

    /// What does not fit together.
    fn check(&self, problems: &mut Vec<Problem>) {
        if self.head.is_empty() {
            problems.push(Problem::new("head", "缺少户主姓名"));
        }
        let mut seen = std::collections::BTreeSet::new();
        for (i, member) in self.members.iter().enumerate() {
            let mut say = |field: &str, what: &str| problems.push(Problem::new(format!("members[{i}].{field}"), what));
            match IdNo::parse(&member.id_no) {
                Err(_) if member.id_no.is_empty() => say("id_no", "缺少身份证号"),
                Err(error) => say("id_no", &error.to_string()),
                Ok(id) => {
                    if member.birth.is_some_and(|birth| birth != id.birth()) {
                        say("birth", "出生日期与身份证号不一致");
                    }
                    if !member.gender.is_empty() && member.gender != id.sex().word() {
                        say("gender", "性别与身份证号不一致");
                    }
                    if !seen.insert(id.long()) {
                        say("id_no", "与本户另一成员的身份证号相同");
                    }
                }
            }
        }
        if self.members.iter().filter(|member| member.is_head() && member.is_present()).count() > 1 {
            problems.push(Problem::new("members", "有两名户主"));
        }
        self.check_holdings(problems);
        match (self.head_member(), IdNo::parse(&self.head_id_no)) {
            (_, Err(_)) if self.head_id_no.is_empty() => problems.push(Problem::new("head_id_no", "缺少户主身份证号")),
            (_, Err(error)) => problems.push(Problem::new("head_id_no", error.to_string())),
            (Some(head), Ok(id)) if head.id().is_some_and(|other| other.long() != id.long()) => {
                problems.push(Problem::new("head_id_no", "户主身份证号与成员表不一致"));
            }
            _ => {}
        }
    }
}

/// The notes under one prefix, by the rest of their keys; one that a newer version wrote otherwise is passed over.
fn notes_of<T>(
    notes: &BTreeMap<String, ScalarValue>,
    prefix: &str,
    read: impl Fn(&ScalarValue) -> Option<T>,
) -> BTreeMap<String, T> {
    let one = |(key, value): (&String, &ScalarValue)| Some((key.strip_prefix(prefix)?.to_owned(), read(value)?));
    notes.iter().filter_map(one).collect()
}

/// Birth and sex follow from the identity number, unless somebody wrote them down.
pub(crate) fn derive_member(json: &mut Map<String, Value>) {
    let id = json.get("id_no").map(json_text).and_then(|text| IdNo::parse(&text).ok());
    if let Some(id) = id {
        json.entry("birth").or_insert_with(|| id.birth().to_string().into());
        json.entry("gender").or_insert_with(|| id.sex().word().into());
    }
}

/// The head's name and number follow from the member 户主, unless somebody wrote them down.
pub(crate) fn derive_head<'a>(json: &mut Map<String, Value>, members: impl Iterator<Item = &'a Map<String, Value>>) {
    let is_head =
        |member: &&Map<String, Value>| member.get("relation").is_some_and(|word| HEAD.contains(&json_text(word).as_str()));
    let is_present = |member: &&Map<String, Value>| GONE.iter().all(|field| member.get(*field).is_none_or(Value::is_null));
    let heads: Vec<&Map<String, Value>> = members.filter(is_head).collect();
    if let Some(head) = heads.iter().copied().find(is_present).or_else(|| heads.first().copied()) {
        for (field, source) in [("head", "name"), ("head_id_no", "id_no")] {
            if let Some(value) = head.get(source) {
                json.entry(field).or_insert_with(|| value.clone());
            }
        }
    }
}

/// The fields of a map that several people wrote at the same time and not alike.
fn find_conflicts(doc: &Automerge, map: &ObjId, row: Option<&OpId>, table: &[Field], out: &mut Vec<Conflict>) {
    for item in doc.map_range(map, ..).filter(|item| item.conflict) {
        let key = item.key.as_ref();
        // Of outcomes written at the same time the merged one counts; both stand in the history.
        if row.is_none() && is_note(key) {
            continue;
        }
        let all = concurrent(doc, map, key);
        let mut values: Vec<(String, OpId)> =
            all.iter().map(|(value, op)| (json_text(&decode_in(table, key, value)), op.clone())).collect();
        values.sort_by(|(_, a), (_, b)| a.cmp(b));
        if values.iter().any(|(text, _)| *text != values[0].0) {
            let blocks = find(table, key).is_some_and(|field| field.blocks);
            out.push(Conflict { field: key.to_owned(), row: row.cloned(), values, blocks });
        }
    }
}

#[cfg(test)]
#[path = "household_tests.rs"]
mod tests;
