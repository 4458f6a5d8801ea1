//! Who asks, and what pages get to read: values, without a word of how they are found.
//!
//! A page gets the store's rows and the protocol's values with what only the Desk knows beside them: what this person
//! may do, what waits for whom, how far an entry is stored. Nothing here is kept or sent anywhere.

use super::confirmed::ConfirmedStatus;
use super::materials::Held;
use super::moves::MoveEnd;
use super::outcome::FieldChange;
use super::reviews::ChangeChoices;
use crate::store::reader::{CaseRow, ConflictRow, Counts, DuplicateRow, HouseholdDetail, HouseholdRow, StaffRow, Stored};
use shouwang_protocol::allotment::Count;
use shouwang_protocol::area::{Area, AreaId, Tier};
use shouwang_protocol::device::{DeviceKey, OfficeId};
use shouwang_protocol::entry::EntryRef;
use shouwang_protocol::record::{CaseId, RecordId};
use shouwang_protocol::records::OpId;
use shouwang_protocol::records::amount::Fen;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::event::{EventKind, TargetKind, Urgency};
use shouwang_protocol::records::policy::{Pack, Question};
use shouwang_protocol::records::staff::{Role, Staff};
use shouwang_protocol::review::Due;
use shouwang_protocol::standing::{Handler, Standing, TimelineItem, TransferState};
use std::collections::BTreeSet;

/// The staff id of the machine's administrator, whom no password lets in.
pub const CONSOLE: &str = "console";

/// Somebody who asks something of the Desk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Person {
    /// The staff id.
    pub id: String,
    /// The name.
    pub name: String,
    /// The office.
    pub office: OfficeId,
    /// Its tier.
    pub tier: Tier,
    /// What the person may do.
    pub roles: BTreeSet<Role>,
    /// The department the person acts for.
    pub department: Option<String>,
    /// The provider the person acts for.
    pub provider: Option<String>,
}

impl Person {
    /// Whoever can read this machine's directory: may bring in files, see to staff and publish policy, and takes no
    /// step in a case.
    pub fn console(office: OfficeId, tier: Tier) -> Person {
        Person {
            id: CONSOLE.to_owned(),
            name: "本机管理".to_owned(),
            office,
            tier,
            roles: BTreeSet::from([Role::Administrator]),
            department: None,
            provider: None,
        }
    }

    /// The person of a staff record, at an office of `tier`.
    pub fn of(staff: &Staff, tier: Tier) -> Person {
        let some = |code: &str| (!code.is_empty()).then(|| code.to_owned());
        Person {
            id: staff.id.clone(),
            name: staff.name.clone(),
            office: staff.office,
            tier,
            roles: staff.roles.clone(),
            department: some(&staff.department),
            provider: some(&staff.provider),
        }
    }

    /// Whether this is the machine's administrator.
    pub fn is_console(&self) -> bool {
        self.id == CONSOLE
    }

    /// Whether the person has one of these roles.
    pub fn has(&self, roles: &[Role]) -> bool {
        roles.iter().any(|role| self.roles.contains(role))
    }

    /// Whether the person works for an office and not only for a department or a provider.
    pub fn is_office_staff(&self) -> bool {
        self.is_console() || self.roles.iter().any(|role| !matches!(role, Role::Department | Role::Provider))
    }

    /// What `standing` asks of a person.
    pub fn for_standing(&self) -> shouwang_protocol::standing::Person {
        shouwang_protocol::standing::Person {
            tier: self.tier,
            office: self.office,
            staff: self.id.clone(),
            roles: self.roles.clone(),
            department: self.department.clone().unwrap_or_default(),
            provider: self.provider.clone().unwrap_or_default(),
        }
    }
}

/// This machine's office.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Here {
    /// The office.
    pub office: OfficeId,
    /// Its name.
    pub name: String,
    /// Its tier.
    pub tier: Tier,
    /// The areas it covers.
    pub areas: Vec<AreaId>,
    /// This device.
    pub device: DeviceKey,
    /// Whether this device writes the office's decisions.
    pub decides: bool,
}

/// A household for its page.
#[derive(Debug)]
pub struct HouseholdPage {
    /// What is known.
    pub detail: HouseholdDetail,
    /// Township and village, for people.
    pub place: String,
    /// What a form must send back as `seen_heads`.
    pub heads: Vec<String>,
    /// Fields with several values, each value with its author.
    pub conflicts: Vec<ConflictShown>,
    /// Who changed what, the latest first.
    pub history: Vec<HistoryItem>,
    /// Whether there is more of it.
    pub older: bool,
    /// Its cases, the latest first.
    pub cases: Vec<CaseRow>,
    /// Whether and why it is to be looked at again, and what may be written down about it.
    pub review: (Option<Due>, ChangeChoices),
    /// Where it, or some of it, moved to or came from, the latest first.
    pub moves: Vec<MoveEnd>,
    /// Members who live in another household too: the name, and that household.
    pub duplicates: Vec<(String, RecordId)>,
    /// Whether this person may change it.
    pub may_edit: bool,
    /// Whether this person may open a case for it.
    pub may_open_case: bool,
}

/// A field that several people wrote at the same time.
#[derive(Clone, Debug)]
pub struct ConflictShown {
    /// The field.
    pub field: String,
    /// Its Chinese name.
    pub label: String,
    /// `members` or `aid`; none: the household itself.
    pub list: Option<&'static str>,
    /// The row.
    pub row: Option<OpId>,
    /// Whether decisions wait for it.
    pub blocks: bool,
    /// The values, the shown one last.
    pub values: Vec<ConflictValue>,
}

/// One of the values of such a field.
#[derive(Clone, Debug)]
pub struct ConflictValue {
    /// The value, as the file writes it.
    pub value: String,
    /// Who wrote it (staff id).
    pub staff: String,
    /// That person's name, where it is known here.
    pub name: String,
    /// At which office.
    pub office: String,
    /// When, as claimed, milliseconds since 1970.
    pub claimed_ms: i64,
    /// Whether pages show it.
    pub shown: bool,
}

/// One change in a household's history.
#[derive(Clone, Debug)]
pub struct HistoryItem {
    /// The entry.
    pub entry: EntryRef,
    /// Who (staff id).
    pub staff: String,
    /// That person's name, where it is known here.
    pub name: String,
    /// At which office.
    pub office: String,
    /// When, as claimed, milliseconds since 1970.
    pub claimed_ms: i64,
    /// Whether it made the record; then `changes` is empty.
    pub created: bool,
    /// What it changed.
    pub changes: Vec<FieldChange>,
    /// How far it got.
    pub stored: Stored,
}

/// A case for its page.
#[derive(Debug)]
pub struct CasePage {
    /// As in lists.
    pub row: CaseRow,
    /// Township and village, for people.
    pub place: String,
    /// What it means now. For a department or a provider, only what concerns their transfers.
    pub standing: Standing,
    /// Its story, in the common order.
    pub entries: Vec<CaseEntry>,
    /// Who must act.
    pub turns: Vec<TurnLine>,
    /// What this person may do now, in the order of the work. `Routed` means that it can be routed.
    pub possible: Vec<EventKind>,
    /// Transfers that this person may answer now.
    pub answerable: Vec<OpId>,
    /// What keeps it from being decided, in Chinese.
    pub blocks: Vec<String>,
    /// The amount by the pack's formula and its working; the error says why there is none.
    pub proposal: Result<(Fen, String), String>,
    /// The household, when it is known, is here and this person may see it.
    pub household: Option<HouseholdRow>,
    /// The case it was routed from.
    pub routed_from: Option<CaseId>,
    /// Who has it in hand at this office, and whether that account is shut.
    pub handler: Option<(Handler, bool)>,
    /// The telephone number for objections that this office gave last.
    pub notice_phone: String,
    /// Its needs and places of care projects.
    pub projects: super::projects::OfCase,
    /// What is left of this device's emergency allotment, where it may be used in the case; or why it may not.
    pub reserve: Option<Result<Fen, String>>,
    /// What the case's uses of allotments came to, where they do not count.
    pub uses_in_vain: Vec<Count>,
    /// Papers that the household gave in this case or another; not asked for again.
    pub held: Vec<Held>,
    /// What the kind's application form asks, by the case's own pack.
    pub questions: Vec<Question>,
    /// What is confirmed about the household, and need not be checked again.
    pub confirmed: Vec<ConfirmedStatus>,
    /// Whom the form of a visit offers.
    pub visit: super::VisitNames,
    /// What the forms of consent offer.
    pub consent: super::consents::ConsentChoices,
    /// Whether the reader is a provider that no consent lets see anything of the person any more.
    pub barred: bool,
}

/// One line of a case's story.
#[derive(Clone, Debug)]
pub struct CaseEntry {
    /// What happened, and what it does.
    pub item: TimelineItem,
    /// The office, for people.
    pub office: String,
    /// How far it is known to be stored.
    pub stored: Stored,
    /// Whether this person may take it back.
    pub may_take_back: bool,
}

/// Somebody's turn.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TurnLine {
    /// Who, for people.
    pub who: String,
    /// What.
    pub what: String,
    /// The last day for it.
    pub due: Option<Day>,
    /// Whether that day is past.
    pub overdue: bool,
    /// Whether it is the reader's office, department or provider.
    pub mine: bool,
}

/// What a person should see first.
#[derive(Clone, Debug, Default)]
pub struct Today {
    /// The day.
    pub day: Day,
    /// Cases whose turn is this person's office, department or provider: the most urgent first.
    pub cases: Vec<CaseRow>,
    /// How many there are in all.
    pub waiting: u64,
    /// How many of them are overdue.
    pub overdue: u64,
    /// Warnings among them.
    pub warnings: u64,
    /// Doubles that wait for somebody to settle them or for money to come back.
    pub doubles: u64,
    /// Care projects that are asked for by more than they have places.
    pub contested: u64,
    /// Monthly benefits of which a month is overdue that this office pays.
    pub unpaid: u64,
    /// The numbers of this machine.
    pub counts: Counts,
    /// This device's own entries, and how many of them are known to be stored above.
    pub own: Confirmed,
}

/// How many of this device's entries are stored where.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Confirmed {
    /// All of them.
    pub entries: u64,
    /// At a township.
    pub township: u64,
    /// At the city.
    pub city: u64,
}

/// A transfer for the one who must answer it: the minimum of the case.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InboxLine {
    /// The case.
    pub case: CaseId,
    /// The transfer.
    pub transfer: OpId,
    /// For what.
    pub assistance: String,
    /// For whom.
    pub applicant: String,
    /// What is asked.
    pub note: String,
    /// From which office.
    pub from: String,
    /// How far it is.
    pub state: TransferState,
    /// By when.
    pub due: Option<Day>,
    /// When it was sent.
    pub sent_on: Option<Day>,
    /// Sessions so far.
    pub sessions: u32,
    /// How fast it must go.
    pub urgency: Urgency,
}

/// Whom a transfer can go to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Receiver {
    /// Department, office, provider.
    pub kind: TargetKind,
    /// Code or number.
    pub id: String,
    /// Name.
    pub name: String,
}

/// What the sync page shows.
#[derive(Clone, Debug, Default)]
pub struct SyncPage {
    /// Other devices that this one has met.
    pub peers: Vec<PeerLine>,
    /// This device's entries.
    pub own: Confirmed,
    /// The numbers of this machine: waiting, without effect, refused, forks.
    pub counts: Counts,
    /// Entries refused here: which office brought them, why.
    pub refused_here: Vec<(String, String)>,
    /// Entries of ours that peers refused: which office, why.
    pub refused_there: Vec<(String, String)>,
    /// What is wrong with the disk, in Chinese; none: all is well.
    pub trouble: Option<String>,
}

/// One peer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PeerLine {
    /// Its office.
    pub office: String,
    /// Its tier.
    pub tier: Option<Tier>,
    /// The device, short.
    pub device: String,
    /// Whether it is connected.
    pub connected: bool,
    /// Whether both hold the same now.
    pub agreed: bool,
    /// When both last held the same, milliseconds since 1970; 0: never.
    pub agreed_ms: i64,
}

/// What waits to be settled.
#[derive(Clone, Debug, Default)]
pub struct ToSettle {
    /// Fields that several people wrote at the same time.
    pub conflicts: Vec<ConflictRow>,
    /// Persons who live in several households.
    pub duplicates: Vec<DuplicateRow>,
    /// Whether there is more of either.
    pub more: bool,
}

/// The choices of a form: what the policy pack in force and control offer.
#[derive(Clone, Debug, Default)]
pub struct Choices {
    /// The pack's version; empty: there is none.
    pub pack: String,
    /// Whether the pack is a sample that nobody may work with in earnest.
    pub sample: bool,
    /// Kinds of assistance: code, name.
    pub kinds: Vec<(String, String)>,
    /// Categories of households.
    pub categories: Vec<(String, String)>,
    /// Causes of hardship.
    pub causes: Vec<(String, String)>,
    /// What the application forms ask.
    pub questions: Vec<Question>,
    /// Departments, providers, and offices that something can be transferred to.
    pub receivers: Vec<Receiver>,
    /// The areas this office covers, itself and all below it.
    pub areas: Vec<Area>,
}

/// The policy list.
#[derive(Clone, Debug)]
pub struct PolicyPage {
    /// The pack it is of.
    pub pack: Pack,
    /// Whether that is the pack in force.
    pub in_force: bool,
    /// All packs that are here, the newest first: version, first day.
    pub versions: Vec<(String, Day)>,
}

/// A member of staff for the list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StaffLine {
    /// The account.
    pub row: StaffRow,
    /// Whether the person has a password on this machine.
    pub has_password: bool,
    /// Open cases that the person has in hand.
    pub in_hand: usize,
}
