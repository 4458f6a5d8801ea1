//! Payments (发放): what is approved and unpaid becomes a list for the bank, and the bank's answers come back to it.
//!
//! A list is a batch of one kind for one month. Every row is an event in its case, written and checked like any other
//! step, so that half a list is a list too and the rest stays in the queue. Nobody is listed or paid twice for one
//! kind and month: the Desk looks at all who live in the household, in this and in any other. What two offices did
//! without seeing each other is shown by [`PaymentsPage::twice`] until the money came back. A full account number is
//! in the exported list only.

use super::command::{CaseStep, Command};
use super::export::{EXPORTERS, Exported, PURPOSE_CHARS, unwritten};
use super::model::Person;
use super::outcome::DeskError;
use super::{Desk, LOOKING, Room, derived, permit};
use crate::store::ExportRow;
use crate::store::reader::{Actor, BatchRow, CaseFilter, CaseRow, Page, PayoutRow};
use crate::tables::write::{self, Out, Table};
use crate::tables::{self, Cell, Format};
use shouwang_protocol::record::{ActionId, CaseId, RecordId};
use shouwang_protocol::records::amount::Fen;
use shouwang_protocol::records::event::What;
use shouwang_protocol::records::staff::Role;
use shouwang_protocol::standing::payout::{is_month, month};
use shouwang_protocol::standing::{Payout, PayoutState, Stage, Standing};
use std::collections::{BTreeMap, BTreeSet};

/// Who pays.
pub const PAYERS: &[Role] = &[Role::Reviewer, Role::Approver];
/// The word for a list in the book of exports.
pub const EXPORT_WORD: &str = "payments";
/// Rows of one list; what is more goes into the next.
pub const BATCH_ROWS_MAX: u32 = 500;
/// Lists that one page shows.
const BATCHES: u32 = 50;
/// Months that are looked through for what was paid twice.
const TWICE_DAYS: i32 = 365;
/// How a list is paid.
const METHOD: &str = "银行代发";

/// Something that can be paid now.
#[derive(Clone, Debug)]
pub struct ToPay {
    /// The case.
    pub row: CaseRow,
    /// How much, for the month.
    pub amount: Fen,
    /// The last four digits of the household's account; empty: none.
    pub account_last4: String,
    /// Why it cannot go on a list; empty: it can.
    pub obstacle: String,
}

/// One person's money of one kind in one month, more than once.
#[derive(Clone, Debug)]
pub struct Twice {
    /// The month.
    pub period: String,
    /// The kind (code).
    pub assistance: String,
    /// The payments.
    pub rows: Vec<PayoutRow>,
}

/// What a payer sees.
#[derive(Clone, Debug, Default)]
pub struct PaymentsPage {
    /// This month.
    pub period: String,
    /// What is approved and unpaid, by month and kind.
    pub queue: BTreeMap<(String, String), Vec<ToPay>>,
    /// Whether there is more of it.
    pub more: bool,
    /// The lists.
    pub batches: Vec<BatchRow>,
    /// What was paid twice, or is about to be.
    pub twice: Vec<Twice>,
}

/// What became of making a list.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// The list; empty: nothing could be listed.
    pub batch: String,
    /// How many rows.
    pub rows: u64,
    /// Their sum.
    pub amount: Fen,
    /// Who was left out, and why.
    pub left: Vec<(String, String)>,
}

/// What the bank says about a row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BankSays {
    /// It arrived.
    Paid,
    /// It did not, and why.
    Failed(String),
}

/// What became of the bank's answers.
#[derive(Clone, Debug, Default)]
pub struct Settled {
    /// Rows that arrived.
    pub paid: u64,
    /// Rows that did not and are in the queue again.
    pub failed: u64,
    /// Rows that could not be written, and why.
    pub left: Vec<(String, String)>,
}

fn named(number: &str, applicant: &str) -> String {
    if number.is_empty() { applicant.to_owned() } else { format!("{applicant}（{number}）") }
}

/// An action's id for one case of a list, so that doing the list again does nothing twice.
fn of_case(action: ActionId, case: &CaseId) -> ActionId {
    derived("shouwang payment of a case 1", &[&action.0, &case.0])
}

impl Desk {
    /// The queue, the lists, and what was paid twice.
    pub async fn payments(&self, person: &Person) -> Result<PaymentsPage, DeskError> {
        permit::role_or_console(person, PAYERS)?;
        self.in_room(person, LOOKING, |room| room.payments()).await
    }

    /// Puts everything of a kind that can be paid on a new list.
    pub async fn list_payments(
        &self,
        person: &Person,
        action: ActionId,
        kind: String,
        period: String,
    ) -> Result<Listing, DeskError> {
        permit::role_or_console(person, PAYERS)?;
        if !is_month(&period) {
            return Err(DeskError::invalid("period", "发放月份应写作 2026-07"));
        }
        let (batch, queue) = {
            let period = period.clone();
            self.in_room(person, action, move |room| {
                let digits = u128::from_le_bytes(room.action.0) % 100_000;
                let batch = format!("FF{}-{:03}-{digits:05}", period.replace('-', ""), room.here.office.0);
                Ok((batch, room.queue(&kind, &period)?))
            })
            .await?
        };
        let mut listing = Listing::default();
        for one in queue {
            let who = named(one.row.number.as_deref().unwrap_or_default(), &one.row.applicant);
            if !one.obstacle.is_empty() {
                listing.left.push((who, one.obstacle));
                continue;
            }
            let step = CaseStep::ListPayment { batch: batch.clone(), period: period.clone() };
            let command = Command::Case { case: one.row.case, step };
            match self.perform(person, of_case(action, &one.row.case), command).await {
                Ok(_) => {
                    listing.rows += 1;
                    listing.amount = Fen(listing.amount.0.saturating_add(one.amount.0));
                }
                Err(error @ (DeskError::Invalid { .. } | DeskError::NotNow { .. } | DeskError::NotPermitted { .. })) => {
                    listing.left.push((who, error.what()));
                }
                Err(error) => return Err(error),
            }
        }
        // Asked again with the same id: what was listed before is the list.
        let rows = self.batch(person, batch.clone()).await.unwrap_or_default();
        if !rows.is_empty() {
            listing.batch = batch;
            listing.rows = rows.len() as u64;
            listing.amount = Fen(rows.iter().fold(0, |sum, row| sum.saturating_add(row.amount.0)));
        }
        Ok(listing)
    }

    /// The rows of a list.
    pub async fn batch(&self, person: &Person, batch: String) -> Result<Vec<PayoutRow>, DeskError> {
        permit::role_or_console(person, PAYERS)?;
        self.in_room(person, LOOKING, move |room| {
            let rows = room.reader.batch(&batch)?;
            if rows.is_empty() { Err(DeskError::not_found("发放名册")) } else { Ok(rows) }
        })
        .await
    }

    /// Writes down what the bank says about rows of a list.
    pub async fn settle_payments(
        &self,
        person: &Person,
        action: ActionId,
        batch: String,
        says: BTreeMap<CaseId, BankSays>,
    ) -> Result<Settled, DeskError> {
        let mut settled = Settled::default();
        for row in self.batch(person, batch.clone()).await? {
            let Some(said) = says.get(&row.case) else { continue };
            let (step, paid) = match said {
                BankSays::Paid => {
                    let pay = CaseStep::Pay {
                        amount: Some(row.amount),
                        method: METHOD.to_owned(),
                        account_last4: Some(row.account_last4.clone()),
                        batch: batch.clone(),
                        period: Some(row.period.clone()),
                    };
                    (pay, true)
                }
                BankSays::Failed(reason) => {
                    (CaseStep::ReportFailedPayment { reason: reason.clone(), batch: batch.clone() }, false)
                }
            };
            match self.perform(person, of_case(action, &row.case), Command::Case { case: row.case, step }).await {
                Ok(_) if paid => settled.paid += 1,
                Ok(_) => settled.failed += 1,
                Err(error @ (DeskError::Invalid { .. } | DeskError::NotNow { .. } | DeskError::NotPermitted { .. })) => {
                    settled.left.push((named(&row.number, &row.applicant), error.what()));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(settled)
    }

    /// Reads the bank's answers from a table: 受理编号 (or 事项编号), 结果, 原因. Rows that name nobody of the list are told.
    pub async fn read_bank_answers(
        &self,
        person: &Person,
        batch: String,
        name: String,
        bytes: Vec<u8>,
    ) -> Result<(BTreeMap<CaseId, BankSays>, Vec<(String, String)>), DeskError> {
        let rows = self.batch(person, batch).await?;
        let read = move || answers(&rows, &name, &bytes);
        let read = tokio::task::spawn_blocking(read).await;
        read.unwrap_or_else(|_| Err(DeskError::Store { why: "读取中断".to_owned() }))
    }

    /// The list for the bank, with full account numbers: noted like every export.
    pub async fn export_batch(&self, person: &Person, batch: String, purpose: String) -> Result<Exported, DeskError> {
        permit::role_or_console(person, EXPORTERS)?;
        let purpose = purpose.trim().to_owned();
        if !PURPOSE_CHARS.contains(&purpose.chars().count()) {
            return Err(DeskError::invalid("purpose", "请写明导出的用途（2 到 200 字）"));
        }
        let mut note = ExportRow {
            at_ms: self.clock().now().wall_ms,
            staff: person.id.clone(),
            name: person.name.clone(),
            what: EXPORT_WORD.to_owned(),
            area: batch.clone(),
            form: "xlsx".to_owned(),
            rows: 0,
            purpose,
        };
        let exported = self.in_room(person, LOOKING, move |room| room.export_batch(&batch)).await?;
        note.rows = exported.rows;
        self.local(move |local| local.note_export(&note)).await?;
        Ok(exported)
    }
}

impl Room<'_> {
    /// What this office may have to pay.
    fn unpaid(&self) -> CaseFilter {
        CaseFilter {
            within: self.here.areas.clone(),
            stages: vec![Stage::ToPay, Stage::PaymentFailed, Stage::Running, Stage::PhasingOut],
            turns: vec![Actor::Tier(self.here.tier)],
            by_urgency: true,
            ..CaseFilter::default()
        }
    }

    /// What this office pays of a kind for a month.
    fn queue(&self, kind: &str, period: &str) -> Result<Vec<ToPay>, DeskError> {
        let filter = CaseFilter { unlisted_for: Some(period.to_owned()), assistance: Some(kind.to_owned()), ..self.unpaid() };
        let mut queue = Vec::new();
        for row in self.reader.cases(&filter, Page::first(BATCH_ROWS_MAX))?.rows {
            let Ok(standing) = self.case(&row.case).map(|file| file.standing) else { continue };
            queue.extend(self.to_pay(&row, &standing, period)?);
        }
        Ok(queue)
    }

    /// What is paid of a case for a month; none: nothing is due, or it is on a list and waits for the bank.
    fn to_pay(&self, row: &CaseRow, standing: &Standing, period: &str) -> Result<Option<ToPay>, DeskError> {
        let waits = |payout: &Payout| matches!(payout.state, PayoutState::Listed | PayoutState::Paid);
        let amount = match standing.is_monthly() {
            false if standing.listed().is_some() => Fen(0),
            false => standing.decided().unwrap_or_default(),
            true if standing.payouts.iter().any(|payout| payout.period == period && waits(payout)) => Fen(0),
            true => standing.amount_for(period),
        };
        if amount <= Fen(0) {
            return Ok(None);
        }
        let (account_last4, obstacle) = match &row.household {
            None => (String::new(), "没有家庭档案，请在事项中单独发放".to_owned()),
            Some(record) => self.account(record)?,
        };
        Ok(Some(ToPay { row: row.clone(), amount, account_last4, obstacle }))
    }

    /// Everything this office pays, by month and kind, and whether there is more: this month, and the months before
    /// that were not paid.
    fn waiting(&self) -> Result<(BTreeMap<(String, String), Vec<ToPay>>, bool), DeskError> {
        let now = month(self.day);
        let this_month = CaseFilter { unlisted_for: Some(now.clone()), ..self.unpaid() };
        let late = CaseFilter { due_before: Some(self.day), ..self.unpaid() };
        let (this_month, late) = (
            self.reader.cases(&this_month, Page::first(BATCH_ROWS_MAX))?,
            self.reader.cases(&late, Page::first(BATCH_ROWS_MAX))?,
        );
        let more = this_month.more || late.more;
        let mut seen = BTreeSet::new();
        let mut queue: BTreeMap<(String, String), Vec<ToPay>> = BTreeMap::new();
        for row in this_month.rows.into_iter().chain(late.rows).filter(|row| seen.insert(row.case)) {
            let Ok(standing) = self.case(&row.case).map(|file| file.standing) else { continue };
            let months: Vec<String> = match standing.is_monthly() {
                true => standing.unpaid_months().take_while(|month| *month <= now).collect(),
                false => vec![now.clone()],
            };
            for month in months {
                if let Some(one) = self.to_pay(&row, &standing, &month)? {
                    queue.entry((month, row.assistance.clone())).or_default().push(one);
                }
            }
        }
        Ok((queue, more))
    }

    /// The end of a household's account, and what stands in the way of paying to it.
    fn account(&self, record: &RecordId) -> Result<(String, String), DeskError> {
        let Some(found) = self.reader.household(record)? else {
            return Ok((String::new(), "家庭档案尚未到达本机".to_owned()));
        };
        let last4 = last4(&found.household.bank_account);
        let why = if last4.is_empty() {
            "没有登记银行账号"
        } else if self.reader.blocked_by(record)? > 0 {
            "家庭档案有待核定的内容"
        } else {
            ""
        };
        Ok((last4, why.to_owned()))
    }

    fn payments(&self) -> Result<PaymentsPage, DeskError> {
        let (queue, more) = self.waiting()?;
        let mut twice = Vec::new();
        for found in self.reader.paid_twice(&month(self.day.plus(-TWICE_DAYS)))? {
            let mut rows = Vec::new();
            for case in found.cases.iter().collect::<BTreeSet<_>>() {
                let Ok(file) = self.case(case) else { continue };
                let live = |state| matches!(state, PayoutState::Listed | PayoutState::Paid | PayoutState::Again);
                let payouts = file.standing.payouts.iter().filter(|payout| live(payout.state));
                rows.extend(payouts.map(|payout| PayoutRow {
                    case: *case,
                    number: file.row.number.clone().unwrap_or_default(),
                    applicant: file.row.applicant.clone(),
                    household: file.row.household,
                    area_name: file.row.area_name.clone(),
                    assistance: file.row.assistance.clone(),
                    batch: payout.batch.clone(),
                    period: payout.period.clone(),
                    amount: payout.amount,
                    account_last4: payout.account_last4.clone(),
                    state: payout.state,
                    day: payout.day,
                    reason: payout.reason.clone(),
                }));
            }
            twice.push(Twice { period: found.period, assistance: found.assistance, rows });
        }
        let batches = self.reader.batches(&self.here.areas, Page::first(BATCHES))?.rows;
        Ok(PaymentsPage { period: month(self.day), queue, more, batches, twice })
    }

    /// Somebody of this household, here or in another one, who was paid or listed for this kind and month.
    fn paid_before(&self, case: &CaseId, household: Option<RecordId>, assistance: &str, period: &str) -> Result<(), DeskError> {
        let Some(household) = household else { return Ok(()) };
        let Some(found) = self.reader.paid_beside(case, &household, assistance, period)?.into_iter().next() else {
            return Ok(());
        };
        let state = if found.state == PayoutState::Listed { "已列入名册" } else { "已发放" };
        let who = named(&found.number, &found.applicant);
        Err(DeskError::NotNow {
            why: format!("{who}的“{assistance}”{period} 月{state}，同一人同一种类同一月不发两次")
        })
    }

    fn export_batch(&self, batch: &str) -> Result<Exported, DeskError> {
        let mut rows = Vec::new();
        for row in self.reader.batch(batch)? {
            if row.state != PayoutState::Listed {
                continue;
            }
            let who = named(&row.number, &row.applicant);
            let found = row.household.map(|record| self.reader.household(&record)).transpose()?.flatten();
            let found = found.ok_or_else(|| DeskError::NotNow { why: format!("{who}的家庭档案不在本机") })?;
            let household = found.household;
            if last4(&household.bank_account) != row.account_last4 {
                let why = format!("{who}的账号在列入名册后改过，请先撤销这一行再重新列入");
                return Err(DeskError::NotNow { why });
            }
            rows.push(vec![
                Out::Number((rows.len() + 1) as f64),
                row.number.into(),
                row.case.to_string().into(),
                row.area_name.into(),
                household.head.into(),
                household.bank.into(),
                household.bank_account.into(),
                Out::Number(row.amount.0 as f64 / 100.0),
                row.period.into(),
                Out::Empty,
                Out::Empty,
            ]);
        }
        if rows.is_empty() {
            return Err(DeskError::NotNow { why: "名册中没有待发放的行".to_owned() });
        }
        let headers =
            ["序号", "受理编号", "事项编号", "村(社区)", "户名", "开户银行", "银行账号", "金额(元)", "发放月份", "结果", "原因"];
        let count = rows.len() as u64;
        let table = Table { name: "发放名册", headers: headers.map(str::to_owned).to_vec(), rows };
        Ok(Exported { bytes: write::xlsx(vec![table]).map_err(unwritten)?, rows: count })
    }

    /// Whether an event says that money of a list went out, or that it did not: a fact, whatever else happened. A
    /// listing or a payment of one's own is refused when somebody of the household has the same already.
    pub(super) fn went_out_by_a_list(&self, case: &CaseId, standing: &Standing, what: &What) -> Result<bool, DeskError> {
        let waits = |payout: &Payout| matches!(payout.state, PayoutState::Listed | PayoutState::Beside);
        let listed = |batch: &str| standing.payouts.iter().any(|payout| waits(payout) && payout.batch == batch);
        match what {
            What::Paid { batch, .. } if !batch.is_empty() && listed(batch) => Ok(true),
            What::Paid { period, .. } | What::PayListed { period, .. } => {
                self.paid_before(case, standing.household, &standing.assistance, period)?;
                Ok(false)
            }
            _ => Ok(false),
        }
    }
}

/// The last four digits of an account.
pub(super) fn last4(account: &str) -> String {
    let letters: Vec<char> = account.chars().filter(|c| !c.is_whitespace()).collect();
    letters[letters.len().saturating_sub(4)..].iter().collect()
}

/// The bank's words for yes and no.
fn says(word: &str, reason: &str) -> Option<BankSays> {
    match word {
        "成功" | "已发放" | "到账" | "发放成功" | "是" => Some(BankSays::Paid),
        "失败" | "未到账" | "发放失败" | "退回" | "退汇" | "否" => {
            Some(BankSays::Failed(if reason.is_empty() { "银行没有写明原因".to_owned() } else { reason.to_owned() }))
        }
        _ => None,
    }
}

type Answers = (BTreeMap<CaseId, BankSays>, Vec<(String, String)>);

fn answers(rows: &[PayoutRow], name: &str, bytes: &[u8]) -> Result<Answers, DeskError> {
    let unreadable = |error: tables::TableError| DeskError::invalid("file", error.to_string());
    let sheet = match Format::of(name, bytes) {
        Format::Xlsx => tables::xlsx::read(bytes).map_err(unreadable)?.into_iter().find(|sheet| !sheet.rows.is_empty()),
        Format::OldXls => return Err(unreadable(tables::TableError::OldXls)),
        Format::Csv | Format::JsonLines => Some(tables::csv::read(bytes).map_err(unreadable)?),
    };
    let sheet = sheet.unwrap_or_default();
    let column = |cells: &[Cell], wanted: &[&str]| cells.iter().position(|cell| wanted.contains(&cell.plain().trim()));
    let head = sheet.rows.iter().position(|(_, cells)| column(cells, &["结果", "发放结果"]).is_some());
    let head = head.ok_or_else(|| DeskError::invalid("file", "找不到表头：须有“受理编号”和“结果”两栏"))?;
    let header = &sheet.rows[head].1;
    let (number, case) = (column(header, &["受理编号"]), column(header, &["事项编号"]));
    let (result, reason) = (column(header, &["结果", "发放结果"]), column(header, &["原因", "失败原因"]));
    let (mut found, mut left): Answers = Default::default();
    let mut unclear = BTreeSet::new();
    for (line, cells) in &sheet.rows[head + 1..] {
        let at = |column: Option<usize>| {
            column.and_then(|column| cells.get(column)).map(|cell| cell.plain().trim().to_owned()).unwrap_or_default()
        };
        let (number, case, word) = (at(number), at(case), at(result));
        if word.is_empty() {
            continue;
        }
        let row = rows
            .iter()
            .find(|row| (!number.is_empty() && row.number == number) || (!case.is_empty() && row.case.to_string() == case));
        match (row, says(&word, &at(reason))) {
            (None, _) => left.push((format!("第 {line} 行"), "名册中没有这一编号".to_owned())),
            (Some(_), None) => left.push((format!("第 {line} 行"), format!("结果“{word}”看不懂，须写成功或失败"))),
            (Some(row), Some(says)) => {
                if found.insert(row.case, says.clone()).is_some_and(|before| before != says) {
                    unclear.insert(row.case);
                    left.push((format!("第 {line} 行"), "同一编号有两种结果".to_owned()));
                }
            }
        }
    }
    found.retain(|case, _| !unclear.contains(case));
    Ok((found, left))
}
