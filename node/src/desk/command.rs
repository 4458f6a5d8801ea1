//! What a person may ask of the Desk. The JSON API takes these as they are: `{"do": "open_case", …}`.
//!
//! A command says what the person wants and nothing that the Desk knows itself: no office, no day, no number, no
//! computed amount. Its `Debug` names the command only, so that no log line holds what was typed.

use super::allotments::NewAllotment;
use super::wire;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use shouwang_protocol::area::AreaId;
use shouwang_protocol::record::{CaseId, RecordId};
use shouwang_protocol::records::OpId;
use shouwang_protocol::records::amount::Fen;
use shouwang_protocol::records::changed::Reviewed;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::event::{
    Agreed, Answer, Attendance, Change, Channel, Delivery, Dispute, DisputeEnd, Finding, Given, Giver, Opinion, Origin, Ruling,
    TargetKind, Urgency, Verdict,
};
use shouwang_protocol::records::policy::{Article, Pack};
use shouwang_protocol::records::screening::Screened;
use shouwang_protocol::records::staff::Role;
use shouwang_protocol::records::verification::Outcome as Reply;
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;

/// What a person wants done.
#[derive(Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Registers a household in a village. `row` is one of the household file; `id` and `region` may be missing.
    RegisterHousehold {
        /// The village.
        #[serde(with = "wire::area")]
        #[schema(value_type = String)]
        area: AreaId,
        /// Its fields, with `members` and `aid`.
        row: Map<String, Value>,
    },
    /// Changes fields of a household.
    EditHousehold {
        /// The household.
        #[serde(with = "wire::record")]
        #[schema(value_type = String)]
        record: RecordId,
        /// Only what was changed: new values by field name.
        set: Map<String, Value>,
        /// The heads the form showed; empty: not said.
        #[serde(default)]
        seen_heads: Vec<String>,
    },
    /// Adds a member.
    AddMember {
        /// The household.
        #[serde(with = "wire::record")]
        #[schema(value_type = String)]
        record: RecordId,
        /// The member's fields.
        member: Map<String, Value>,
    },
    /// Changes fields of a member; leaving and dying too (`left`, `died`).
    EditMember {
        /// The household.
        #[serde(with = "wire::record")]
        #[schema(value_type = String)]
        record: RecordId,
        /// The member's row.
        #[serde(with = "wire::op")]
        #[schema(value_type = String)]
        member: OpId,
        /// Only what was changed.
        set: Map<String, Value>,
        /// The heads the form showed; empty: not said.
        #[serde(default)]
        seen_heads: Vec<String>,
    },
    /// Notes aid that a household received.
    AddAid {
        /// The household.
        #[serde(with = "wire::record")]
        #[schema(value_type = String)]
        record: RecordId,
        /// The row's fields.
        aid: Map<String, Value>,
    },
    /// Corrects a row of aid.
    EditAid {
        /// The household.
        #[serde(with = "wire::record")]
        #[schema(value_type = String)]
        record: RecordId,
        /// The row.
        #[serde(with = "wire::op")]
        #[schema(value_type = String)]
        aid: OpId,
        /// Only what was changed.
        set: Map<String, Value>,
        /// The heads the form showed; empty: not said.
        #[serde(default)]
        seen_heads: Vec<String>,
    },
    /// Notes a category that a household or a member holds (身份类别).
    AddHolding {
        /// The household.
        #[serde(with = "wire::record")]
        #[schema(value_type = String)]
        record: RecordId,
        /// The row's fields: `person` (a member's row, name or identity number; empty: the whole household), `category`,
        /// `from`, `until`, `basis`, `note`.
        holding: Map<String, Value>,
    },
    /// Corrects a row of a category, or ends it (`until`).
    EditHolding {
        /// The household.
        #[serde(with = "wire::record")]
        #[schema(value_type = String)]
        record: RecordId,
        /// The row.
        #[serde(with = "wire::op")]
        #[schema(value_type = String)]
        holding: OpId,
        /// Only what was changed.
        set: Map<String, Value>,
        /// The heads the form showed; empty: not said.
        #[serde(default)]
        seen_heads: Vec<String>,
    },
    /// Several changes of one household at once, as a form sends them: one entry, all or nothing.
    ChangeHousehold(HouseholdChange),
    /// Moves a household to another village (迁居): a new record there; the old one says 迁出. The office must cover both.
    MoveHousehold(HouseholdMove),
    /// Makes some members of a household a household of their own (分户).
    SplitHousehold(HouseholdSplit),
    /// Settles a field that several people wrote at the same time.
    SettleConflict {
        /// The household.
        #[serde(with = "wire::record")]
        #[schema(value_type = String)]
        record: RecordId,
        /// The field.
        field: String,
        /// The row of `members`, `aid` or `holdings` it stands in; none: the household itself.
        #[serde(default, with = "wire::op::maybe")]
        #[schema(value_type = Option<String>)]
        row: Option<OpId>,
        /// The value that counts.
        value: Value,
        /// The heads the page showed; empty: not said.
        #[serde(default)]
        seen_heads: Vec<String>,
    },
    /// Begins a case.
    OpenCase(OpenCase),
    /// Takes the next step in a case.
    Case {
        /// The case.
        #[serde(with = "wire::case")]
        #[schema(value_type = String)]
        case: CaseId,
        /// The step.
        step: CaseStep,
    },
    /// Writes down what came of a kind of assistance that a household may have missed.
    Screen {
        /// The household.
        #[serde(with = "wire::record")]
        #[schema(value_type = String)]
        record: RecordId,
        /// The kind (code of the policy pack).
        kind: String,
        /// What came of it.
        #[serde(with = "wire::screened")]
        #[schema(value_type = String)]
        outcome: Screened,
        /// Why; must be there when the family does not want it or is not eligible.
        #[serde(default)]
        note: String,
    },
    /// Opens an application for a kind of assistance that a household may have missed, and notes that.
    ApplyForMissed {
        /// The household.
        #[serde(with = "wire::record")]
        #[schema(value_type = String)]
        record: RecordId,
        /// The kind (code of the policy pack).
        kind: String,
    },
    /// Notes that something happened to a household, so that somebody looks at it again.
    NoteChange {
        /// The household.
        #[serde(with = "wire::record")]
        #[schema(value_type = String)]
        record: RecordId,
        /// What happened (code of the policy pack).
        kind: String,
        /// The day it happened; none: today.
        #[serde(default)]
        #[schema(value_type = Option<String>)]
        on: Option<Day>,
        /// The member it concerns, by name; empty: the household.
        #[serde(default)]
        person: String,
        /// In words.
        #[serde(default)]
        note: String,
    },
    /// Writes down what came of looking at a household again, for all that is open. Township and above.
    Review {
        /// The household.
        #[serde(with = "wire::record")]
        #[schema(value_type = String)]
        record: RecordId,
        /// What came of it.
        #[serde(with = "wire::reviewed")]
        #[schema(value_type = String)]
        outcome: Reviewed,
        /// What was found.
        note: String,
        /// The `basis` that was shown; empty: not said.
        #[serde(default)]
        basis: String,
    },
    /// Signs a village's month. The village's own office, after the month is over.
    SignOff {
        /// The village.
        #[serde(with = "wire::area")]
        #[schema(value_type = String)]
        area: AreaId,
        /// The month, `2026-10`.
        month: String,
        /// The digest that was shown.
        digest: String,
        /// In words.
        #[serde(default)]
        note: String,
    },
    /// Adds a care project. City only.
    AddProject {
        /// Its fields, as people type them: name, kind, provider, areas, from, until, capacity, conditions, contact, …
        /// `shares` divides the places, one row a line: `320582100000 2019-07-01 2019-07-31 5`, or 全市 for all areas.
        values: BTreeMap<String, String>,
    },
    /// Changes fields of a care project. City only.
    ChangeProject {
        /// The project.
        #[serde(with = "wire::record")]
        #[schema(value_type = String)]
        record: RecordId,
        /// Only what was changed.
        values: BTreeMap<String, String>,
        /// The heads the form showed; empty: not said.
        #[serde(default)]
        seen_heads: Vec<String>,
    },
    /// Publishes how many places of a project are taken and tells every claim that does not fit. City only.
    TellOfPlaces {
        /// The project.
        #[serde(with = "wire::record")]
        #[schema(value_type = String)]
        project: RecordId,
    },
    /// Tells both cases that they look like one grant made twice, and asks their offices to look into it.
    AskAboutDouble {
        /// The two cases.
        #[serde(with = "wire::case::list")]
        #[schema(value_type = Vec<String>)]
        cases: Vec<CaseId>,
    },
    /// Settles whether two grants are one made twice.
    SettleDouble {
        /// The two cases.
        #[serde(with = "wire::case::list")]
        #[schema(value_type = Vec<String>)]
        cases: Vec<CaseId>,
        /// What was found, as seen from the first of them.
        #[serde(with = "wire::ruling")]
        #[schema(value_type = String)]
        ruling: Ruling,
        /// Why.
        reason: String,
    },
    /// Writes down what sources answered to a check of means. City only; what is there already adds nothing.
    AnswerCheck {
        /// The number of the request.
        number: String,
        /// The answers.
        answers: Vec<CheckAnswer>,
    },
    /// Grants an emergency allotment to one device of a township. City only.
    GrantAllotment(NewAllotment),
    /// Puts more into an emergency allotment. City only.
    RaiseAllotment {
        /// The allotment.
        #[serde(with = "wire::record")]
        #[schema(value_type = String)]
        record: RecordId,
        /// How much, in fen.
        #[schema(value_type = i64)]
        amount: Fen,
        /// In words.
        #[serde(default)]
        note: String,
    },
    /// Closes an emergency allotment. City only.
    CloseAllotment {
        /// The allotment.
        #[serde(with = "wire::record")]
        #[schema(value_type = String)]
        record: RecordId,
        /// Why.
        reason: String,
    },
    /// Adds a member of staff to this office.
    AddStaff(NewStaff),
    /// Changes what a member of staff may do.
    SetRoles {
        /// The staff id.
        staff: String,
        /// The roles from now on.
        #[serde(with = "wire::roles")]
        #[schema(value_type = Vec<String>)]
        roles: BTreeSet<Role>,
    },
    /// Sets from when and until when an account can be used, both days included.
    SetTerm {
        /// The staff id.
        staff: String,
        /// The first day; none: from the beginning.
        #[serde(default)]
        #[schema(value_type = Option<String>)]
        from: Option<Day>,
        /// The last day; none: open.
        #[serde(default)]
        #[schema(value_type = Option<String>)]
        until: Option<Day>,
    },
    /// Gives a new password.
    ResetPassword {
        /// The staff id.
        staff: String,
        /// The password.
        password: String,
    },
    /// Shuts an account and ends its sessions.
    DisableStaff {
        /// The staff id.
        staff: String,
    },
    /// Opens an account again.
    EnableStaff {
        /// The staff id.
        staff: String,
    },
    /// Publishes a policy pack. City only.
    PublishPolicy {
        /// The pack, whole.
        #[schema(value_type = Object)]
        pack: Pack,
    },
    /// Publishes the last pack again with some rows replaced or added. City only.
    RevisePolicy(PolicyRevision),
}

/// What a source answered about a person.
#[derive(Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckAnswer {
    /// About whom: as the request names them, or an identity number, or a name that only one of them has.
    pub person: String,
    /// The source (code of the policy pack).
    pub source: String,
    /// `found`, `nothing`, `unavailable`.
    #[serde(with = "wire::reply")]
    #[schema(value_type = String)]
    pub outcome: Reply,
    /// What was looked for; empty: what this source usually tells.
    #[serde(default)]
    pub measure: String,
    /// Which account, car, house; empty: the person's only one.
    #[serde(default)]
    pub subject: String,
    /// How much, in fen.
    #[serde(default)]
    #[schema(value_type = Option<i64>)]
    pub amount: Option<Fen>,
    /// How many.
    #[serde(default)]
    pub count: Option<u32>,
    /// In words.
    #[serde(default)]
    pub text: String,
    /// The day the source's data are of.
    #[schema(value_type = String)]
    pub as_of: Day,
}

/// What changes from one policy pack to the next.
#[derive(Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyRevision {
    /// The first day of the new pack.
    #[schema(value_type = String)]
    pub from: Day,
    /// Policies, by code.
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    pub articles: Vec<Article>,
    /// Rows of any table that [`crate::desk::pack_tables`] knows, by code; what such a row does not say stays unsaid.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub rows: BTreeMap<String, Vec<Map<String, Value>>>,
    /// Codes of rows of such tables that the new pack leaves out.
    #[serde(default)]
    pub gone: BTreeMap<String, Vec<String>>,
}

impl PolicyRevision {
    /// Nothing changed yet.
    pub fn of(from: Day) -> PolicyRevision {
        PolicyRevision { from, articles: Vec::new(), rows: BTreeMap::new(), gone: BTreeMap::new() }
    }
}

/// Several changes of one household.
#[derive(Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HouseholdChange {
    /// The household.
    #[serde(with = "wire::record")]
    #[schema(value_type = String)]
    pub record: RecordId,
    /// Fields of the household.
    #[serde(default)]
    pub set: Map<String, Value>,
    /// Fields of members, by row.
    #[serde(default)]
    pub members: Vec<RowChange>,
    /// New members.
    #[serde(default)]
    pub new_members: Vec<Map<String, Value>>,
    /// Fields of aid rows.
    #[serde(default)]
    pub aid: Vec<RowChange>,
    /// New aid rows.
    #[serde(default)]
    pub new_aid: Vec<Map<String, Value>>,
    /// Fields of rows of categories.
    #[serde(default)]
    pub holdings: Vec<RowChange>,
    /// New rows of categories.
    #[serde(default)]
    pub new_holdings: Vec<Map<String, Value>>,
    /// The heads the form showed; empty: not said.
    #[serde(default)]
    pub seen_heads: Vec<String>,
}

impl HouseholdChange {
    /// No change yet.
    pub fn of(record: RecordId) -> HouseholdChange {
        HouseholdChange {
            record,
            set: Map::new(),
            members: Vec::new(),
            new_members: Vec::new(),
            aid: Vec::new(),
            new_aid: Vec::new(),
            holdings: Vec::new(),
            new_holdings: Vec::new(),
            seen_heads: Vec::new(),
        }
    }
}

impl HouseholdChange {
    /// The rows of categories that it changes, with their new values.
    pub fn holdings(&self) -> Vec<(&OpId, &Map<String, Value>)> {
        self.holdings.iter().map(|change| (&change.row, &change.set)).collect()
    }
}

/// Changed fields of one row.
#[derive(Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RowChange {
    /// The row.
    #[serde(with = "wire::op")]
    #[schema(value_type = String)]
    pub row: OpId,
    /// New values by field name.
    pub set: Map<String, Value>,
}

/// A household that moves to another village.
#[derive(Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HouseholdMove {
    /// The household.
    #[serde(with = "wire::record")]
    #[schema(value_type = String)]
    pub record: RecordId,
    /// The village it moves to.
    #[serde(with = "wire::area")]
    #[schema(value_type = String)]
    pub to: AreaId,
    /// The address there.
    pub address: String,
    /// The day; none: today.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub on: Option<Day>,
    /// Why.
    pub reason: String,
    /// The heads the form showed; empty: not said.
    #[serde(default)]
    pub seen_heads: Vec<String>,
}

/// Members of a household who become one of their own.
#[derive(Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HouseholdSplit {
    /// The household.
    #[serde(with = "wire::record")]
    #[schema(value_type = String)]
    pub record: RecordId,
    /// Who goes, each with the relation to the new head; one of them is 户主.
    pub members: Vec<RelationOf>,
    /// Who of those that stay is related to the head otherwise than before; one is 户主 when the head goes.
    #[serde(default)]
    pub rest: Vec<RelationOf>,
    /// The village they go to; none: the same.
    #[serde(default, with = "wire::area::maybe")]
    #[schema(value_type = Option<String>)]
    pub to: Option<AreaId>,
    /// The address; empty in the same village: the same.
    #[serde(default)]
    pub address: String,
    /// The day; none: today.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub on: Option<Day>,
    /// Why.
    pub reason: String,
    /// The heads the form showed; empty: not said.
    #[serde(default)]
    pub seen_heads: Vec<String>,
}

/// A member and the relation to the head.
#[derive(Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RelationOf {
    /// The member's row.
    #[serde(with = "wire::op")]
    #[schema(value_type = String)]
    pub row: OpId,
    /// The relation; empty: as before.
    #[serde(default)]
    pub relation: String,
}

/// How a case begins. Warnings are opened by staff or by a feed.
#[derive(Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenCase {
    /// Application, plea, warning or consultation.
    #[serde(with = "wire::origin")]
    #[schema(value_type = String)]
    pub origin: Origin,
    /// Where it came in; none: the window of this office.
    #[serde(default, deserialize_with = "channel_maybe", serialize_with = "channel_word")]
    #[schema(value_type = Option<String>)]
    pub channel: Option<Channel>,
    /// The household, when it is known.
    #[serde(default, with = "wire::record::maybe")]
    #[schema(value_type = Option<String>)]
    pub household: Option<RecordId>,
    /// The village, when it is known and the household is not; none: the case lives at this office for now.
    #[serde(default, with = "wire::area::maybe")]
    #[schema(value_type = Option<String>)]
    pub area: Option<AreaId>,
    /// The kind of assistance (code of the policy pack); may be empty for a plea, a warning, a consultation.
    #[serde(default)]
    pub assistance: String,
    /// Who asks or is concerned; empty with a household: its head.
    #[serde(default)]
    pub applicant: String,
    /// What it is about, without more than needed.
    #[serde(default)]
    pub summary: String,
    /// The cause of hardship it is for (code); empty: the household's main one.
    #[serde(default)]
    pub cause: String,
    /// How fast it must go.
    #[serde(default = "normal", with = "wire::urgency")]
    #[schema(value_type = String)]
    pub urgency: Urgency,
    /// The rule of a warning, or why staff opened it.
    #[serde(default)]
    pub rule: String,
    /// What the kind's application form asks, by the code of the question; those of other kinds are passed over.
    #[serde(default)]
    pub answers: BTreeMap<String, String>,
}

fn one() -> u32 {
    1
}

fn normal() -> Urgency {
    Urgency::Normal
}

fn channel_maybe<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Channel>, D::Error> {
    let Some(word) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    Channel::from_word(&word).map(Some).ok_or_else(|| serde::de::Error::custom("no channel"))
}

fn channel_word<S: serde::Serializer>(channel: &Option<Channel>, serializer: S) -> Result<S::Ok, S::Error> {
    channel.map(Channel::word).serialize(serializer)
}

impl OpenCase {
    /// A case that begins so; the rest is open.
    pub fn of(origin: Origin) -> OpenCase {
        OpenCase {
            origin,
            channel: None,
            household: None,
            area: None,
            assistance: String::new(),
            applicant: String::new(),
            summary: String::new(),
            cause: String::new(),
            urgency: Urgency::Normal,
            rule: String::new(),
            answers: BTreeMap::new(),
        }
    }
}

/// Whom something goes to; the Desk looks up the name.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct To {
    /// Department, office or provider.
    #[serde(with = "wire::target_kind")]
    #[schema(value_type = String)]
    pub kind: TargetKind,
    /// The code in the policy pack; for an office, its number.
    pub id: String,
}

/// A step in a case: `{"step": "accept"}`. Every step becomes one event in the volume of this office's tier.
#[derive(Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "step", rename_all = "snake_case", deny_unknown_fields)]
pub enum CaseStep {
    /// 请求核实: asks an office to find out whether it is so.
    AskVerification {
        /// The office; none: the one that covers the case's area at the tier below this office.
        #[serde(default)]
        to: Option<To>,
        /// What to look at.
        #[serde(default)]
        note: String,
    },
    /// 核实
    Verify {
        /// True, false or unclear.
        #[serde(with = "wire::finding")]
        #[schema(value_type = String)]
        outcome: Finding,
        /// How it was found.
        #[serde(default)]
        note: String,
    },
    /// 转为申请
    Apply {
        /// The kind of assistance; empty: as before.
        #[serde(default)]
        assistance: String,
        /// What the person says.
        #[serde(default)]
        note: String,
    },
    /// 代为申请
    ApplyOnBehalf {
        /// The kind of assistance; empty: as before.
        #[serde(default)]
        assistance: String,
        /// Why.
        reason: String,
    },
    /// 填写申请表: what the kind's form asks, by the code of the question; what is not named stays as it was.
    FillForm {
        /// The answers; an empty one is taken out.
        answers: BTreeMap<String, String>,
    },
    /// 一次性告知补正
    AskMaterials {
        /// Everything that is missing.
        materials: Vec<String>,
        /// Why something is asked for that the household gave before; empty: nothing is.
        #[serde(default)]
        again: String,
    },
    /// 已补正
    GiveMaterials {
        /// Which and how.
        #[serde(default)]
        note: String,
    },
    /// 受理: the Desk gives the number.
    Accept {},
    /// 不予受理
    DoNotAccept {
        /// Why.
        reason: String,
    },
    /// 近亲属备案
    Declare {
        /// Who, among those who handle cases and the village committee.
        of: String,
        /// How they are related.
        relation: String,
    },
    /// 入户调查
    Visit {
        /// Who went: at least two; the person who writes it need not be named.
        investigators: Vec<String>,
        /// The member of the household who signed.
        #[serde(default)]
        present: String,
        /// Why it was done from afar.
        #[serde(default)]
        remote: String,
        /// What was found.
        findings: String,
    },
    /// 公示
    PostNotice {
        /// Where.
        place: String,
        /// The office's telephone number for objections; empty: as in its last notice.
        #[serde(default)]
        phone: String,
        /// The first day; none: today.
        #[serde(default)]
        #[schema(value_type = Option<String>)]
        from: Option<Day>,
        /// The last day; none: as the policy pack says.
        #[serde(default)]
        #[schema(value_type = Option<String>)]
        until: Option<Day>,
    },
    /// 提出异议
    Object {
        /// What is said, without the name of who says it.
        text: String,
    },
    /// 异议处理
    SettleObjection {
        /// True or false.
        #[serde(with = "wire::finding")]
        #[schema(value_type = String)]
        outcome: Finding,
        /// How it was found.
        note: String,
    },
    /// 公示期满
    EndNotice {
        /// In words.
        #[serde(default)]
        note: String,
    },
    /// 中止计时
    Suspend {
        /// Why.
        reason: String,
    },
    /// 恢复计时
    Resume {
        /// Why.
        #[serde(default)]
        note: String,
    },
    /// 延长期限
    Extend {
        /// Working days.
        days: u32,
        /// Why.
        reason: String,
    },
    /// 移交承办
    HandOver {
        /// The colleague's staff id.
        to: String,
        /// Why.
        #[serde(default)]
        reason: String,
    },
    /// 催办
    Urge {
        /// In words.
        #[serde(default)]
        note: String,
    },
    /// 预审
    PreExamine {
        /// For or against.
        #[serde(with = "wire::opinion")]
        #[schema(value_type = String)]
        opinion: Opinion,
        /// In words.
        #[serde(default)]
        note: String,
    },
    /// 拟定金额
    Propose {
        /// The amount in fen; none: by the policy pack's formula.
        #[serde(default)]
        #[schema(value_type = Option<i64>)]
        amount: Option<Fen>,
        /// Why another amount than the formula's.
        #[serde(default)]
        reason: String,
    },
    /// 审批
    Decide {
        /// Approved or refused.
        #[serde(with = "wire::verdict")]
        #[schema(value_type = String)]
        outcome: Verdict,
        /// The amount in fen; none: what was proposed, else by the formula.
        #[serde(default)]
        #[schema(value_type = Option<i64>)]
        amount: Option<Fen>,
        /// Why; must be there for a refusal and for another amount than the formula's.
        #[serde(default)]
        reason: String,
    },
    /// 先行救助: help first, out of this device's emergency allotment; the papers follow.
    Emergency {
        /// How much it is worth, in fen.
        #[schema(value_type = i64)]
        amount: Fen,
        /// The kind of assistance; empty: as before.
        #[serde(default)]
        assistance: String,
        /// Why it could not wait.
        reason: String,
        /// Cash, goods or a service.
        #[serde(with = "wire::given")]
        #[schema(value_type = String)]
        given: Given,
        /// What was given.
        what: String,
        /// Who received it; empty: the applicant.
        #[serde(default)]
        receiver: String,
        /// Why again, when the family was helped for the same before.
        #[serde(default)]
        again: String,
    },
    /// 先行救助确认
    Acknowledge {
        /// Confirmed or not.
        #[serde(with = "wire::verdict")]
        #[schema(value_type = String)]
        outcome: Verdict,
        /// Why; must be there when it is not confirmed.
        #[serde(default)]
        reason: String,
    },
    /// 核销: what was given and cannot come back.
    WriteOff {
        /// The amount in fen; none: all that is owed.
        #[serde(default)]
        #[schema(value_type = Option<i64>)]
        amount: Option<Fen>,
        /// Why.
        reason: String,
    },
    /// 列入发放名册
    ListPayment {
        /// The batch.
        batch: String,
        /// The month, `2019-06`.
        period: String,
    },
    /// 发放
    Pay {
        /// The amount in fen; none: what was decided.
        #[serde(default)]
        #[schema(value_type = Option<i64>)]
        amount: Option<Fen>,
        /// How.
        #[serde(default)]
        method: String,
        /// The last four characters of the account; none: the household's.
        #[serde(default)]
        account_last4: Option<String>,
        /// The batch at the bank; empty: the list it is on.
        #[serde(default)]
        batch: String,
        /// The month it is for, `2019-06`; none: that of the list, or this month.
        #[serde(default)]
        period: Option<String>,
    },
    /// 发放失败
    ReportFailedPayment {
        /// Why.
        reason: String,
        /// The batch it was in; empty: what was paid twice, else what was paid.
        #[serde(default)]
        batch: String,
    },
    /// 追缴到账: money that was paid for nothing came back.
    Recover {
        /// The amount in fen; none: all that is owed.
        #[serde(default)]
        #[schema(value_type = Option<i64>)]
        amount: Option<Fen>,
        /// How.
        #[serde(default)]
        note: String,
    },
    /// 听取意见: before a monthly benefit is made less or stopped.
    Hear {
        /// Who was heard, and how.
        who: String,
        /// What they said.
        text: String,
    },
    /// 调整待遇: a monthly benefit is made more or less, or stopped.
    Adjust {
        /// The amount a month in fen, 0: stopped; none: by the formula.
        #[serde(default)]
        #[schema(value_type = Option<i64>)]
        amount: Option<Fen>,
        /// From this month on, `2019-06`; none: the next one.
        #[serde(default)]
        from: Option<String>,
        /// Why.
        reason: String,
    },
    /// 民主评议
    Appraise {
        /// How many were there.
        attended: u32,
        /// How many of them were in favour.
        in_favour: u32,
        /// What was said, without names.
        note: String,
    },
    /// 公布: what was approved is made public.
    Publish {
        /// Where.
        place: String,
        /// The office's telephone number for objections; empty: as in its last notice.
        #[serde(default)]
        phone: String,
        /// The first day; none: today.
        #[serde(default)]
        #[schema(value_type = Option<String>)]
        from: Option<Day>,
        /// The last day; none: a year later.
        #[serde(default)]
        #[schema(value_type = Option<String>)]
        until: Option<Day>,
    },
    /// 回访
    FollowUp {
        /// The day; none: today.
        #[serde(default)]
        #[schema(value_type = Option<String>)]
        on: Option<Day>,
        /// Who was spoken to, and how.
        whom: String,
        /// How they are.
        text: String,
        /// When somebody shall look once more; none: no more.
        #[serde(default)]
        #[schema(value_type = Option<String>)]
        next: Option<Day>,
    },
    /// 登记复议、诉讼: what holds now is disputed before another authority.
    Dispute {
        /// How.
        #[serde(with = "wire::dispute")]
        #[schema(value_type = String)]
        how: Dispute,
        /// Before which authority.
        body: String,
        /// Its number there.
        #[serde(default)]
        number: String,
        /// The day; none: today.
        #[serde(default)]
        #[schema(value_type = Option<String>)]
        on: Option<Day>,
    },
    /// 复议、诉讼结果
    EndDispute {
        /// What was said of the decision.
        #[serde(with = "wire::dispute_end")]
        #[schema(value_type = String)]
        outcome: DisputeEnd,
        /// In words, with the number of the paper.
        text: String,
    },
    /// 归档
    Archive {
        /// The number of the file; empty: the acceptance number.
        #[serde(default)]
        number: String,
        /// Where the papers are.
        #[serde(default)]
        note: String,
    },
    /// 出具书面通知: the family is told in writing that it was refused, or that its benefit was made less or stopped.
    WriteNotice {},
    /// 送达书面通知
    ServeNotice {
        /// To whom.
        to: String,
        /// How.
        #[serde(with = "wire::delivery")]
        #[schema(value_type = String)]
        how: Delivery,
        /// The day; none: today.
        #[serde(default)]
        #[schema(value_type = Option<String>)]
        on: Option<Day>,
        /// What there is to say about it.
        #[serde(default)]
        note: String,
    },
    /// 同意提供信息: the person agrees that a provider is told of the case.
    Consent {
        /// The provider.
        to: To,
        /// Whose information; empty: the applicant's.
        #[serde(default)]
        whose: String,
        /// What may be shown: `name`, `place`, `matter`, `form`, `status`.
        scope: Vec<String>,
        /// Who agreed.
        #[serde(with = "wire::giver")]
        #[schema(value_type = String)]
        given_by: Giver,
        /// The guardian's name; empty: the person themselves.
        #[serde(default)]
        giver: String,
        /// How.
        #[serde(with = "wire::agreed")]
        #[schema(value_type = String)]
        how: Agreed,
        /// The last day it holds; none: until it is taken back.
        #[serde(default)]
        #[schema(value_type = Option<String>)]
        until: Option<Day>,
        /// Who witnessed it, where the paper is.
        #[serde(default)]
        note: String,
    },
    /// 撤回同意
    WithdrawConsent {
        /// The consent; none: the only one that holds.
        #[serde(default, with = "wire::op::maybe")]
        #[schema(value_type = Option<String>)]
        consent: Option<OpId>,
        /// Who said so, and how. No reason is asked for.
        note: String,
    },
    /// 收回转办: from a provider that was told by consent.
    Recall {
        /// The transfer; none: the only one.
        #[serde(default, with = "wire::op::maybe")]
        #[schema(value_type = Option<String>)]
        transfer: Option<OpId>,
        /// Why.
        reason: String,
    },
    /// 转办、分办
    Transfer {
        /// To whom; none: the department in charge of the kind.
        #[serde(default)]
        to: Option<To>,
        /// The kind of assistance or service it is for; empty: the case's.
        #[serde(default)]
        assistance: String,
        /// What is asked.
        #[serde(default)]
        note: String,
    },
    /// 分办: several transfers in one step, each with its own receiver and clock.
    Split {
        /// The parts, at least two.
        parts: Vec<Part>,
    },
    /// 签收
    SignFor {
        /// The transfer; none: the only one that waits for this person.
        #[serde(default, with = "wire::op::maybe")]
        #[schema(value_type = Option<String>)]
        transfer: Option<OpId>,
    },
    /// 退回
    Return {
        /// The transfer; none: the only one.
        #[serde(default, with = "wire::op::maybe")]
        #[schema(value_type = Option<String>)]
        transfer: Option<OpId>,
        /// Why.
        reason: String,
    },
    /// 服务记录
    Session {
        /// The transfer; none: the only one.
        #[serde(default, with = "wire::op::maybe")]
        #[schema(value_type = Option<String>)]
        transfer: Option<OpId>,
        /// What was done.
        text: String,
    },
    /// 服务成效
    Outcome {
        /// The transfer; none: the only one.
        #[serde(default, with = "wire::op::maybe")]
        #[schema(value_type = Option<String>)]
        transfer: Option<OpId>,
        /// The change for the person.
        #[serde(with = "wire::change")]
        #[schema(value_type = String)]
        change: Change,
        /// In plain words.
        #[serde(default)]
        text: String,
        /// When somebody shall look again.
        #[serde(default)]
        #[schema(value_type = Option<String>)]
        follow_up: Option<Day>,
    },
    /// 反馈
    Feedback {
        /// The transfer; none: the only one.
        #[serde(default, with = "wire::op::maybe")]
        #[schema(value_type = Option<String>)]
        transfer: Option<OpId>,
        /// The result.
        #[serde(with = "wire::answer")]
        #[schema(value_type = String)]
        result: Answer,
        /// In words.
        #[serde(default)]
        text: String,
        /// What was given, or what goods and services are worth, in fen; none: nothing, or not said.
        #[serde(default)]
        #[schema(value_type = Option<i64>)]
        amount: Option<Fen>,
    },
    /// 核对授权
    AuthoriseCheck {
        /// The member's row; none: a supporter outside the household.
        #[serde(default, with = "wire::op::maybe")]
        #[schema(value_type = Option<String>)]
        member: Option<OpId>,
        /// A supporter's name.
        #[serde(default)]
        name: String,
        /// How the supporter is related.
        #[serde(default)]
        relation: String,
        /// The supporter's identity number.
        #[serde(default)]
        id_no: String,
        /// Who signed; empty: they themselves.
        #[serde(default)]
        signer: String,
        /// Why somebody else signed.
        #[serde(default)]
        guardian: String,
        /// The sources that may be asked; empty: all that the kind needs.
        #[serde(default)]
        scope: Vec<String>,
        /// What for; empty: the application.
        #[serde(default)]
        purpose: String,
        /// The day it was signed; none: today.
        #[serde(default)]
        #[schema(value_type = Option<String>)]
        signed: Option<Day>,
        /// The last day it holds.
        #[schema(value_type = String)]
        until: Day,
        /// Where the paper is.
        paper: String,
    },
    /// 撤回核对授权
    WithdrawAuthorisation {
        /// The authorisation.
        #[serde(with = "wire::op")]
        #[schema(value_type = String)]
        authorisation: OpId,
        /// Why.
        reason: String,
    },
    /// 提请核对; when there was one before, 复查.
    AskCheck {
        /// Whom, as the page names them; empty: every member who lives there, and every supporter who agreed.
        #[serde(default)]
        people: Vec<String>,
        /// Which sources; empty: all that the kind needs.
        #[serde(default)]
        sources: Vec<String>,
        /// In words, without figures.
        #[serde(default)]
        note: String,
    },
    /// 开始核对
    StartCheck {},
    /// 核对完成: what it came to follows from the answers.
    ConcludeCheck {},
    /// 无法核对说明
    CannotCheck {
        /// Why, without figures.
        reason: String,
    },
    /// 核对异议
    ObjectToCheck {
        /// What the family says.
        text: String,
    },
    /// 核对异议处理
    SettleCheckObjection {
        /// True or false.
        #[serde(with = "wire::finding")]
        #[schema(value_type = String)]
        outcome: Finding,
        /// How it was found, without figures.
        note: String,
    },
    /// 申请人撤回
    GiveUp {
        /// Why.
        #[serde(default)]
        reason: String,
    },
    /// 办结
    Close {
        /// The result in words for the person.
        result: String,
    },
    /// 评价
    Rate {
        /// 1 to 5.
        score: u32,
        /// In words.
        #[serde(default)]
        text: String,
    },
    /// 撤销记录
    TakeBack {
        /// The mistaken event.
        #[serde(with = "wire::op")]
        #[schema(value_type = String)]
        event: OpId,
        /// Why.
        reason: String,
    },
    /// 需求评估
    AssessNeeds {
        /// The needs: codes of the policy pack.
        #[serde(default)]
        needs: Vec<String>,
        /// In words.
        #[serde(default)]
        text: String,
    },
    /// 预约
    Book {
        /// The project.
        #[serde(with = "wire::record")]
        #[schema(value_type = String)]
        project: RecordId,
        /// The first day of the period, where places are divided; none: the only one that is left.
        #[serde(default)]
        #[schema(value_type = Option<String>)]
        from: Option<Day>,
        /// How many places.
        #[serde(default = "one")]
        places: u32,
        /// For whom of the household; empty: the applicant.
        #[serde(default)]
        whom: String,
        /// What should be known.
        #[serde(default)]
        note: String,
    },
    /// 确认预约
    ConfirmBooking {
        /// The booking.
        #[serde(with = "wire::op")]
        #[schema(value_type = String)]
        booking: OpId,
        /// In words; must be there when another claim came first.
        #[serde(default)]
        note: String,
    },
    /// 不予确认预约
    DeclineBooking {
        /// The booking.
        #[serde(with = "wire::op")]
        #[schema(value_type = String)]
        booking: OpId,
        /// Why.
        reason: String,
    },
    /// 取消预约
    CancelBooking {
        /// The booking.
        #[serde(with = "wire::op")]
        #[schema(value_type = String)]
        booking: OpId,
        /// Why.
        reason: String,
    },
    /// 登记参加情况
    EndBooking {
        /// The booking.
        #[serde(with = "wire::op")]
        #[schema(value_type = String)]
        booking: OpId,
        /// Whether somebody came.
        #[serde(with = "wire::attendance")]
        #[schema(value_type = String)]
        attendance: Attendance,
        /// In plain words.
        #[serde(default)]
        text: String,
    },
    /// 备注
    Note {
        /// The remark.
        text: String,
    },
    /// 分派到村: a case without a village is begun anew in the household's or the named village; the old one is closed.
    Route {
        /// The household, when it is known.
        #[serde(default, with = "wire::record::maybe")]
        #[schema(value_type = Option<String>)]
        household: Option<RecordId>,
        /// The village, when the household is not known.
        #[serde(default, with = "wire::area::maybe")]
        #[schema(value_type = Option<String>)]
        area: Option<AreaId>,
    },
}

/// One part of a case that is split.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// To whom; none: the department in charge of the kind.
    #[serde(default)]
    pub to: Option<To>,
    /// The kind of assistance or service it is for; empty: the case's.
    #[serde(default)]
    pub assistance: String,
    /// What is asked.
    #[serde(default)]
    pub note: String,
}

/// A new member of staff.
#[derive(Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewStaff {
    /// The id to sign in with.
    pub id: String,
    /// The name.
    pub name: String,
    /// What the person may do.
    #[serde(with = "wire::roles")]
    #[schema(value_type = Vec<String>)]
    pub roles: BTreeSet<Role>,
    /// The department the person acts for.
    #[serde(default)]
    pub department: Option<String>,
    /// The provider the person acts for.
    #[serde(default)]
    pub provider: Option<String>,
    /// The first password.
    pub password: String,
}

impl Command {
    /// The command's word, for logs and messages.
    pub fn word(&self) -> &'static str {
        match self {
            Command::RegisterHousehold { .. } => "register_household",
            Command::EditHousehold { .. } => "edit_household",
            Command::AddMember { .. } => "add_member",
            Command::EditMember { .. } => "edit_member",
            Command::AddAid { .. } => "add_aid",
            Command::EditAid { .. } => "edit_aid",
            Command::AddHolding { .. } => "add_holding",
            Command::EditHolding { .. } => "edit_holding",
            Command::ChangeHousehold(_) => "change_household",
            Command::MoveHousehold(_) => "move_household",
            Command::SplitHousehold(_) => "split_household",
            Command::SettleConflict { .. } => "settle_conflict",
            Command::OpenCase(_) => "open_case",
            Command::Case { .. } => "case",
            Command::GrantAllotment(_) => "grant_allotment",
            Command::RaiseAllotment { .. } => "raise_allotment",
            Command::CloseAllotment { .. } => "close_allotment",
            Command::Screen { .. } => "screen",
            Command::ApplyForMissed { .. } => "apply_for_missed",
            Command::NoteChange { .. } => "note_change",
            Command::Review { .. } => "review",
            Command::SignOff { .. } => "sign_off",
            Command::AddProject { .. } => "add_project",
            Command::ChangeProject { .. } => "change_project",
            Command::TellOfPlaces { .. } => "tell_of_places",
            Command::AskAboutDouble { .. } => "ask_about_double",
            Command::SettleDouble { .. } => "settle_double",
            Command::AnswerCheck { .. } => "answer_check",
            Command::AddStaff(_) => "add_staff",
            Command::SetRoles { .. } => "set_roles",
            Command::SetTerm { .. } => "set_term",
            Command::ResetPassword { .. } => "reset_password",
            Command::DisableStaff { .. } => "disable_staff",
            Command::EnableStaff { .. } => "enable_staff",
            Command::PublishPolicy { .. } => "publish_policy",
            Command::RevisePolicy(_) => "revise_policy",
        }
    }
}

impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(value: Value) -> Result<Command, String> {
        serde_json::from_value(value).map_err(|error| error.to_string())
    }

    #[test]
    fn commands_read_from_json_as_programs_write_them_and_back() {
        let (record, case) = ("ab".repeat(32), "cd".repeat(16));
        for value in [
            json!({"do": "register_household", "area": "320582100201", "row": {"head": "某", "members": []}}),
            json!({"do": "change_household", "record": record, "set": {"phone": "1"}, "seen_heads": ["00"]}),
            json!({"do": "add_holding", "record": record, "holding": {"person": "某", "category": "孤儿", "from": "2020-01-01"}}),
            json!({"do": "edit_holding", "record": record, "holding": "12@00ff", "set": {"until": "2020-12-31"}}),
            json!({"do": "move_household", "record": record, "to": "320582100201", "address": "八组", "reason": "婚嫁"}),
            json!({"do": "split_household", "record": record, "members": [{"row": "12@00ff", "relation": "户主"}], "reason": "成家"}),
            json!({"do": "open_case", "origin": "plea", "applicant": "某"}),
            json!({"do": "case", "case": case, "step": {"step": "accept"}}),
            json!({"do": "case", "case": case, "step": {"step": "decide", "outcome": "approved", "amount": 283500}}),
            json!({"do": "screen", "record": record, "kind": "医疗救助", "outcome": "not-eligible", "note": "另有保险"}),
            json!({"do": "apply_for_missed", "record": record, "kind": "医疗救助"}),
            json!({"do": "settle_double", "cases": [case, "ef".repeat(16)], "ruling": "this", "reason": "同一人"}),
            json!({"do": "case", "case": case, "step": {"step": "sign_for", "transfer": "12@00ff"}}),
            json!({"do": "case", "case": case, "step": {"step": "book", "project": record}}),
            json!({"do": "case", "case": case, "step": {"step": "book", "project": record, "from": "2019-07-01"}}),
            json!({"do": "case", "case": case, "step": {"step": "end_booking", "booking": "12@00ff", "attendance": "partly"}}),
            json!({"do": "change_project", "record": record, "values": {"capacity": "3"}}),
            json!({"do": "case", "case": case, "step": {"step": "route", "area": "320582100201"}}),
            json!({"do": "answer_check", "number": "HD1", "answers": [
                {"person": "某", "source": "银行", "outcome": "found", "amount": 100, "as_of": "2026-06-01"},
            ]}),
            json!({"do": "case", "case": case, "step": {"step": "ask_check", "sources": ["银行"]}}),
            json!({"do": "add_staff", "id": "a", "name": "甲", "roles": ["intake", "reviewer"], "password": "12345678"}),
        ] {
            let command = read(value.clone()).expect("reads");
            assert_eq!(command.word(), value["do"].as_str().expect("a word"));
            let back = read(serde_json::to_value(&command).expect("writes")).expect("reads");
            assert!(back == command, "{value}");
            assert_eq!(format!("{command:?}"), command.word(), "nothing that was typed");
        }
    }

    #[test]
    fn what_is_misspelt_is_refused_and_not_left_aside() {
        for value in [
            json!({"do": "open_case", "origin": "plea", "aplicant": "某"}),
            json!({"do": "open_case", "origin": "wish"}),
            json!({"do": "case", "case": "cd", "step": {"step": "accept"}}),
            json!({"do": "case", "case": "cd".repeat(16), "step": {"step": "accept", "number": "1"}}),
            json!({"do": "sudo"}),
        ] {
            assert!(read(value.clone()).is_err(), "{value}");
        }
    }
}
