//! Emergency allotments (急难备用金): the city grants, the one device of a township uses, help comes before the papers.
//!
//! A use is written with the case's event in one action: both or neither, and a double click is one. The use lies in
//! the log of this very device, which the Desk serves one command at a time, so two uses at one moment cannot overspend.
//! A machine whose life is new (a backup was put back) does not know what it gave before. Opening a new life forgets
//! every peer, so until this database has agreed with a superior again nothing is given from here.

use super::model::Person;
use super::outcome::DeskError;
use super::permit;
use super::{Desk, LOOKING, Plan, Room};
use crate::store::reader::{CaseFilter, Page};
use shouwang_protocol::allotment::{Count, Ledger, ledger};
use shouwang_protocol::area::{AreaId, Tier};
use shouwang_protocol::device::DeviceKey;
use shouwang_protocol::record::{CaseId, Kind, Lane, Place, RecordId, RecordRef};
use shouwang_protocol::records::allotment::{self, Allotment, Raise, Use};
use shouwang_protocol::records::amount::Fen;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::policy::EmergencyRule;
use shouwang_protocol::records::staff::Role;
use shouwang_protocol::standing::Standing;
use std::collections::BTreeSet;

/// Who grants allotments at the city.
const GRANTERS: &[Role] = &[Role::Approver];
/// Cases of one household that are looked through.
const CASES_MAX: u32 = 200;
/// Characters of the fund's name and of a reason.
const TEXT_CHARS_MAX: usize = 200;

const RESTORED: &str = "本机刚从备份恢复，须先与上级同步，才能动用备用金";

/// An allotment and what it comes to.
#[derive(Clone, Debug)]
pub struct Book {
    /// Its record.
    pub record: RecordId,
    /// The township's area.
    pub area: AreaId,
    /// The area's name.
    pub place: String,
    /// The device's name.
    pub device: String,
    /// What the city wrote.
    pub allotment: Allotment,
    /// What was used.
    pub ledger: Ledger,
    /// Whether it may be used today.
    pub open: bool,
}

/// The page.
#[derive(Clone, Debug)]
pub struct AllotmentsPage {
    /// The allotments of this office's area: the open ones first.
    pub books: Vec<Book>,
    /// The devices of townships, for a new one: key, name with the office's.
    pub devices: Vec<(DeviceKey, String)>,
    /// Whether this person grants.
    pub may_grant: bool,
    /// The day.
    pub day: Day,
}

/// What the day's page says of allotments.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Reserve {
    /// What is left for this device; none: it has no open allotment.
    pub left: Option<Fen>,
    /// Uses that have no effect.
    pub without_effect: usize,
}

/// A new allotment.
#[derive(Clone, PartialEq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAllotment {
    /// The device, 64 hexadecimal digits.
    pub device: String,
    /// How much, in fen.
    #[schema(value_type = i64)]
    pub amount: Fen,
    /// The fund it comes from.
    pub fund: String,
    /// The first day.
    #[schema(value_type = String)]
    pub from: Day,
    /// The last day.
    #[schema(value_type = String)]
    pub until: Day,
    /// In words.
    #[serde(default)]
    pub note: String,
}

fn text(field: &str, text: &str, why: &str) -> Result<String, DeskError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(DeskError::invalid(field, why));
    }
    if text.chars().count() > TEXT_CHARS_MAX {
        return Err(DeskError::invalid(field, "内容过长，请写得简短些"));
    }
    Ok(text.to_owned())
}

fn key(text: &str) -> Option<DeviceKey> {
    let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(text.trim().as_bytes()).ok()?;
    Some(DeviceKey(bytes.try_into().ok()?))
}

impl Desk {
    /// The allotments that this office may see.
    pub async fn allotments(&self, person: &Person) -> Result<AllotmentsPage, DeskError> {
        self.in_room(person, LOOKING, |room| {
            room.holds_allotments()?;
            let may_grant = room.here.tier == Tier::City && room.person.has(GRANTERS);
            let offices = room.reader.offices()?;
            let name = |id| offices.iter().find(|office| office.id == id).map(|office| office.name.as_str()).unwrap_or_default();
            let mut devices = room.reader.devices()?;
            devices.retain(|device| may_grant && device.tier == Tier::Township && !device.revoked);
            let devices = devices.iter().map(|device| (device.key, format!("{} {}", name(device.office), device.name)));
            Ok(AllotmentsPage { books: room.books()?, devices: devices.collect(), may_grant, day: room.day })
        })
        .await
    }

    /// What the day's page says of allotments; nothing at a village.
    pub async fn reserve(&self, person: &Person) -> Result<Reserve, DeskError> {
        self.in_room(person, LOOKING, |room| {
            if room.holds_allotments().is_err() {
                return Ok(Reserve::default());
            }
            let books = room.books()?;
            let own = books.iter().filter(|book| book.open && book.allotment.device == room.here.device);
            let left = own.map(|book| book.ledger.left()).reduce(|sum, left| Fen(sum.0.saturating_add(left.0)));
            let without_effect = books.iter().map(|book| book.ledger.without_effect().count()).sum();
            Ok(Reserve { left, without_effect })
        })
        .await
    }
}

impl Room<'_> {
    fn holds_allotments(&self) -> Result<(), DeskError> {
        permit::office_staff(&self.person)?;
        if self.here.tier < Tier::Township {
            return Err(DeskError::not_permitted("村(社区)不掌握备用金；先行救助请报镇(街道)办理"));
        }
        Ok(())
    }

    /// The allotments of this office's area, the open ones first.
    pub(super) fn books(&self) -> Result<Vec<Book>, DeskError> {
        let uses = self.reader.allotment_uses()?;
        let devices = self.reader.devices()?;
        let mut books = Vec::new();
        for (record, area, allotment) in self.reader.allotments()? {
            if permit::covers(&self.here, &self.divisions, area).is_err() {
                continue;
            }
            let ledger = ledger(&record, &allotment, &uses);
            let device = devices.iter().find(|device| device.key == allotment.device);
            let device = device.map(|device| device.name.clone()).unwrap_or_default();
            let open = allotment.is_open(self.day);
            books.push(Book { record, area, place: self.place_name(area), device, allotment, ledger, open });
        }
        books.sort_by_key(|book| (!book.open, book.area, book.allotment.until, book.record));
        Ok(books)
    }

    /// What this case's uses of allotments came to, where they do not count.
    pub(super) fn uses_in_vain(&self, case: &CaseId) -> Result<Vec<Count>, DeskError> {
        if self.holds_allotments().is_err() {
            return Ok(Vec::new());
        }
        let books = self.books()?;
        let lines = books.iter().flat_map(|book| &book.ledger.lines).filter(|(used, _)| used.what.case == *case);
        Ok(lines.map(|(_, count)| *count).filter(|count| *count != Count::Counts).collect())
    }

    /// What is left for this device, or why it may not give anything.
    pub(super) fn reserve_left(&self) -> Result<Fen, String> {
        let book = self.own_book(Fen(0)).map_err(|error| error.what())?;
        Ok(book.ledger.left())
    }

    /// The allotment that this device may take `amount` from: of several, the one that has enough and ends first.
    fn own_book(&self, amount: Fen) -> Result<Book, DeskError> {
        self.holds_allotments()?;
        let mut own = self.books()?;
        own.retain(|book| book.open && book.allotment.device == self.here.device);
        if own.is_empty() {
            let why = "本机没有可用的备用金；请市级核定备用金，或由本机构有备用金的设备办理";
            return Err(DeskError::NotNow { why: why.to_owned() });
        }
        self.knows_what_it_gave()?;
        let most = own.iter().map(|book| book.ledger.left()).max().unwrap_or_default();
        own.retain(|book| book.ledger.left() >= amount);
        own.into_iter().next().ok_or_else(|| {
            let why = format!("超出备用金额度，还剩 {most}元；请改小金额，或请市级追加备用金后再办");
            DeskError::invalid("amount", why)
        })
    }

    /// Whether this database has agreed with a superior since its life began.
    fn knows_what_it_gave(&self) -> Result<(), DeskError> {
        let devices = self.reader.devices()?;
        let above: BTreeSet<DeviceKey> =
            devices.iter().filter(|device| device.tier > self.here.tier && !device.revoked).map(|device| device.key).collect();
        let agreed = self.reader.peers()?.iter().any(|peer| peer.agreed_ms > 0 && above.contains(&peer.device));
        if agreed { Ok(()) } else { Err(DeskError::NotNow { why: RESTORED.to_owned() }) }
    }

    /// Whether the household had too much in the period.
    pub(super) fn within_household_limit(&self, standing: &Standing, rule: &EmergencyRule, amount: Fen) -> Result<(), DeskError> {
        let Some(household) = standing.household else {
            let why = "须先登记家庭，才能核对这一户已经得到的先行救助";
            return Err(DeskError::NotNow { why: why.to_owned() });
        };
        let (Some(most), Some(days)) = (rule.per_household, rule.period_days) else {
            let unset = rule.unset().unwrap_or("先行救助每户限额");
            return Err(DeskError::NotNow { why: format!("“{unset}”尚未由市级设定") });
        };
        let since = self.day.plus(-i32::try_from(days).unwrap_or(i32::MAX));
        let filter = CaseFilter { household: Some(household), ..CaseFilter::default() };
        let mut had = amount;
        for row in self.reader.cases(&filter, Page::first(CASES_MAX))?.rows {
            for file in self.reader.case(&row.case)? {
                let given = file.standing.emergency.iter().filter(|given| given.day.is_none_or(|day| day > since));
                had = given.fold(had, |sum, given| Fen(sum.0.saturating_add(given.amount.0)));
            }
        }
        if had > most {
            let why = format!("超过先行救助每户限额：这一户 {days} 天内连本次共 {had}元，限额 {most}元");
            return Err(DeskError::invalid("amount", why));
        }
        Ok(())
    }

    /// Adds the use of an allotment to the plan of an emergency. Nothing is written when it would go beyond the amount.
    pub(super) fn take_from_reserve(&self, plan: Plan, case: CaseId, amount: Fen) -> Result<Plan, DeskError> {
        let book = self.own_book(amount)?;
        let used = Use {
            allotment: book.record,
            number: book.ledger.next_number(self.here.device),
            use_id: CaseId(self.action.0).to_string(),
            case,
            amount,
            day: self.day,
            name: self.person.name.clone(),
        };
        let mut plan = plan;
        // What came before it, so that its place is after them all.
        plan.shown.push(book.record);
        plan.shown.extend(book.ledger.lines.last().map(|(last, _)| last.record));
        let place = Place { area: book.area, lane: Lane::Casework, floor: Tier::Township };
        Ok(plan.draft(place, RecordRef::New(Kind::ALLOTMENT_USE), allotment::take(&used)))
    }

    fn grants(&self) -> Result<(), DeskError> {
        if self.here.tier != Tier::City {
            return Err(DeskError::not_permitted("备用金由市级核定"));
        }
        permit::role_or_console(&self.person, GRANTERS)
    }

    fn put(&self, amount: Fen, note: &str) -> Result<Raise, DeskError> {
        if amount <= Fen(0) {
            return Err(DeskError::invalid("amount", "金额须大于零；备用金只追加、不减少，不再使用的请停用"));
        }
        if note.chars().count() > TEXT_CHARS_MAX {
            return Err(DeskError::invalid("note", "内容过长，请写得简短些"));
        }
        Ok(Raise { amount, note: note.trim().to_owned(), day: Some(self.day), name: self.person.name.clone() })
    }

    pub(super) fn grant_allotment(&self, new: &NewAllotment) -> Result<Plan, DeskError> {
        self.grants()?;
        let devices = self.reader.devices()?;
        let device = key(&new.device).and_then(|key| devices.into_iter().find(|device| device.key == key));
        let device = device.filter(|device| device.tier == Tier::Township && !device.revoked);
        let device = device.ok_or_else(|| DeskError::invalid("device", "须选择一台镇(街道)的设备"))?;
        let fund = text("fund", &new.fund, "须写明资金来源")?;
        if new.until < new.from {
            return Err(DeskError::invalid("until", "截止日期早于起始日期"));
        }
        let office = self.reader.offices()?.into_iter().find(|office| office.id == device.office);
        let mut areas = office.iter().flat_map(|office| office.areas_now());
        let township = areas.find(|area| self.divisions.get(*area).is_some_and(|area| area.tier == Tier::Township));
        let area = township.ok_or_else(|| DeskError::invalid("device", "这台设备的机构没有镇(街道)辖区"))?;
        let raises = vec![self.put(new.amount, &new.note)?];
        let (from, until, closed, problems) = (new.from, new.until, String::new(), Vec::new());
        let granted = Allotment { device: device.key, fund, from, until, raises, closed, problems };
        let place = Place { area, lane: Lane::Casework, floor: Tier::Township };
        let said = format!("已核定备用金 {}元", new.amount);
        Ok(Plan::saying(said).draft(place, RecordRef::New(Kind::ALLOTMENT), allotment::grant(&granted)))
    }

    fn granted(&self, record: &RecordId) -> Result<Book, DeskError> {
        self.grants()?;
        let book = self.books()?.into_iter().find(|book| book.record == *record);
        let book = book.ok_or_else(|| DeskError::not_found("备用金"))?;
        if !book.allotment.closed.is_empty() {
            return Err(DeskError::NotNow { why: "这一笔备用金已停用".to_owned() });
        }
        Ok(book)
    }

    pub(super) fn raise_allotment(&self, record: RecordId, amount: Fen, note: &str) -> Result<Plan, DeskError> {
        let book = self.granted(&record)?;
        let raise = self.put(amount, note)?;
        Ok(self.on_allotment(format!("已追加 {amount}元"), &book, allotment::raise(&raise)))
    }

    pub(super) fn close_allotment(&self, record: RecordId, reason: &str) -> Result<Plan, DeskError> {
        let book = self.granted(&record)?;
        let reason = text("reason", reason, "停用须写明理由")?;
        Ok(self.on_allotment("已停用".to_owned(), &book, allotment::close(reason)))
    }

    fn on_allotment(&self, said: String, book: &Book, edit: shouwang_protocol::records::Edit) -> Plan {
        let place = Place { area: book.area, lane: Lane::Casework, floor: Tier::Township };
        let mut plan = Plan::saying(said);
        plan.shown.push(book.record);
        plan.draft(place, RecordRef::Known(book.record), edit)
    }
}
