//! Payments: the queue, the lists, the rows of one list and what the bank says about them.

use crate::desk::DeskError;
use crate::desk::payments::{BankSays, Listing, PaymentsPage as Found, Settled, ToPay};
use crate::store::reader::PayoutRow;
use crate::web::App;
use crate::web::error::{self, Answer, WebError};
use crate::web::session::{self, Signed, SignedForm, same};
use crate::web::view::{Chip, Field, Frame, Stub, Tone};
use crate::web::wording;
use askama::Template;
use axum::extract::{Multipart, Path, State};
use axum::http::header;
use axum::response::IntoResponse as _;
use shouwang_protocol::record::CaseId;
use shouwang_protocol::records::amount::Fen;
use shouwang_protocol::standing::PayoutState;
use std::collections::{BTreeMap, BTreeSet};

/// Bytes of an answer of the bank at most.
pub const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;
/// What starts the name of a row's field.
const ROW: &str = "row.";

/// The page of all.
#[derive(Template, Default)]
#[template(path = "payments.html")]
pub struct PaymentsPage {
    /// The frame.
    pub frame: Frame,
    /// What was done.
    pub done: String,
    /// Who was left out, and why.
    pub left: Vec<(String, String)>,
    /// What went wrong.
    pub fault: String,
    /// What waits, by kind.
    pub kinds: Vec<KindBox>,
    /// Whether there is more.
    pub more: bool,
    /// The lists.
    pub batches: Vec<BatchLine>,
    /// What was paid twice: month, kind, rows.
    pub twice: Vec<(String, String, Vec<RowLine>)>,
}

/// What waits of one kind.
#[derive(Default)]
pub struct KindBox {
    /// The kind.
    pub kind: String,
    /// An earlier month that was not paid.
    pub late: String,
    /// How many can be listed, and their sum.
    pub ready: u64,
    /// Their sum.
    pub sum: String,
    /// The rows.
    pub rows: Vec<WaitLine>,
    /// The form that makes a list.
    pub stub: Stub,
    /// The month.
    pub month: Field,
}

/// Something that waits.
#[derive(Default)]
pub struct WaitLine {
    /// The case.
    pub href: String,
    /// Who.
    pub who: String,
    /// The acceptance number.
    pub number: String,
    /// The village.
    pub village: String,
    /// How much.
    pub amount: String,
    /// The end of the account.
    pub account: String,
    /// How it stands.
    pub state: Chip,
    /// Why it cannot be listed.
    pub obstacle: String,
    /// By when.
    pub due: Chip,
}

/// A list.
#[derive(Default)]
pub struct BatchLine {
    /// Where it is.
    pub href: String,
    /// Its name.
    pub batch: String,
    /// The month.
    pub period: String,
    /// The kind.
    pub kind: String,
    /// How many rows.
    pub rows: String,
    /// Their sum.
    pub amount: String,
    /// How far it is.
    pub state: Chip,
}

/// One list.
#[derive(Template, Default)]
#[template(path = "payment_batch.html")]
pub struct BatchPage {
    /// The frame.
    pub frame: Frame,
    /// The list.
    pub batch: String,
    /// Month, kind, rows, sum.
    pub lead: String,
    /// What was done.
    pub done: String,
    /// What was left, and why.
    pub left: Vec<(String, String)>,
    /// What went wrong.
    pub fault: String,
    /// The rows.
    pub rows: Vec<RowLine>,
    /// Whether any of them waits for the bank.
    pub open: bool,
    /// The form of results.
    pub stub: Stub,
    /// The form of the bank's table.
    pub upload: Stub,
    /// The form of the export.
    pub export: Stub,
    /// Whether the reader may export.
    pub may_export: bool,
}

/// A row of a list.
#[derive(Default)]
pub struct RowLine {
    /// The case's name.
    pub case: String,
    /// Who.
    pub who: String,
    /// The acceptance number.
    pub number: String,
    /// The village.
    pub village: String,
    /// How much.
    pub amount: String,
    /// The end of the account.
    pub account: String,
    /// What became of it.
    pub state: Chip,
    /// The list it is on.
    pub batch: String,
    /// When, and why not.
    pub note: String,
    /// Whether a result can be written down.
    pub open: bool,
}

fn state(state: PayoutState) -> Chip {
    let tone = match state {
        PayoutState::Listed => Tone::Accent,
        PayoutState::Paid => Tone::Good,
        PayoutState::Beside | PayoutState::Failed => Tone::Warn,
        PayoutState::Again => Tone::Bad,
    };
    Chip::new(tone, state.label())
}

fn row(row: &PayoutRow) -> RowLine {
    let day = if row.state == PayoutState::Listed { String::new() } else { wording::day(row.day) };
    RowLine {
        case: row.case.to_string(),
        who: row.applicant.clone(),
        number: row.number.clone(),
        village: row.area_name.clone(),
        amount: wording::money(row.amount),
        account: row.account_last4.clone(),
        state: state(row.state),
        batch: row.batch.clone(),
        note: format!("{day} {}", row.reason).trim().to_owned(),
        open: matches!(row.state, PayoutState::Listed | PayoutState::Beside),
    }
}

fn waits(one: &ToPay, today: shouwang_protocol::records::day::Day) -> WaitLine {
    WaitLine {
        href: format!("/cases/{}", one.row.case),
        who: one.row.applicant.clone(),
        number: one.row.number.clone().unwrap_or_default(),
        village: one.row.area_name.clone(),
        amount: wording::money(one.amount),
        account: one.account_last4.clone(),
        state: wording::stage(one.row.stage),
        obstacle: one.obstacle.clone(),
        due: wording::due(one.row.due, today),
    }
}

/// What was just done.
#[derive(Default)]
struct Done {
    told: String,
    left: Vec<(String, String)>,
    fault: String,
}

async fn page(app: &App, signed: &Signed, done: Done) -> Result<PaymentsPage, WebError> {
    let Found { period: now, queue, more, batches, twice } = app.desk().payments(&signed.person).await?;
    let today = app.today();
    let mut kinds = Vec::new();
    for ((period, kind), rows) in &queue {
        let ready = rows.iter().filter(|one| one.obstacle.is_empty());
        let sum = ready.clone().fold(0_i64, |sum, one| sum.saturating_add(one.amount.0));
        kinds.push(KindBox {
            kind: kind.clone(),
            late: if *period == now { String::new() } else { format!("{period} 月未发") },
            ready: ready.count() as u64,
            sum: wording::money(Fen(sum)),
            rows: rows.iter().map(|one| waits(one, today)).collect(),
            stub: signed.stub()?,
            month: Field {
                scope: format!("-{kind}-{period}"),
                ..Field::text("period", "发放月份").with(period.clone()).needed()
            },
        });
    }
    let batch = |row: &crate::store::reader::BatchRow| BatchLine {
        href: format!("/payments/{}", row.batch),
        batch: row.batch.clone(),
        period: row.period.clone(),
        kind: row.assistance.clone(),
        rows: wording::count(row.rows),
        amount: wording::money(row.amount),
        state: match (row.open, row.failed) {
            (0, 0) => Chip::new(Tone::Good, "已全部登记"),
            (0, failed) => Chip::new(Tone::Warn, format!("{failed} 笔未到账")),
            (open, _) => Chip::new(Tone::Accent, format!("{open} 笔待登记")),
        },
    };
    Ok(PaymentsPage {
        frame: app.frame(signed, "发放", "/payments").await?,
        done: done.told,
        left: done.left,
        fault: done.fault,
        kinds,
        more,
        batches: batches.iter().map(batch).collect(),
        twice: twice.iter().map(|one| (one.period.clone(), one.assistance.clone(), one.rows.iter().map(row).collect())).collect(),
    })
}

/// `GET /payments`
pub async fn list(State(app): State<App>, signed: Signed) -> Answer {
    error::show(&page(&app, &signed, Done::default()).await?)
}

/// `POST /payments`: a new list.
pub async fn make(State(app): State<App>, sent: SignedForm) -> Answer {
    let (kind, period) = (sent.form.text("kind"), sent.form.text("period"));
    match app.desk().list_payments(&sent.signed.person, sent.action()?, kind, period).await {
        Ok(Listing { batch, left, .. }) if batch.is_empty() => {
            let done = Done { fault: "没有可以列入名册的".to_owned(), left, ..Done::default() };
            error::show(&page(&app, &sent.signed, done).await?)
        }
        Ok(Listing { batch, rows, amount, left }) => {
            let told = format!("已列入 {rows} 笔，共 {} 元。", wording::money(amount));
            error::show(&batch_page(&app, &sent.signed, &batch, Done { told, left, ..Done::default() }).await?)
        }
        Err(error @ (DeskError::Invalid { .. } | DeskError::NotNow { .. })) => {
            let done = Done { fault: error.what(), ..Done::default() };
            error::show_as(error::status(&error), &page(&app, &sent.signed, done).await?)
        }
        Err(error) => Err(error.into()),
    }
}

async fn batch_page(app: &App, signed: &Signed, batch: &str, done: Done) -> Result<BatchPage, WebError> {
    let rows = app.desk().batch(&signed.person, batch.to_owned()).await?;
    let sum = rows.iter().fold(0_i64, |sum, row| sum.saturating_add(row.amount.0));
    let kinds: BTreeSet<&str> = rows.iter().map(|row| row.assistance.as_str()).collect();
    let period = rows.first().map(|row| row.period.clone()).unwrap_or_default();
    let kinds = kinds.into_iter().collect::<Vec<_>>().join("、");
    Ok(BatchPage {
        frame: app.frame(signed, "发放名册", "/payments").await?,
        batch: batch.to_owned(),
        lead: format!("{kinds}　{period} 月　{} 笔　共 {} 元", rows.len(), wording::money(Fen(sum))),
        done: done.told,
        left: done.left,
        fault: done.fault,
        open: rows.iter().any(|row| row.state == PayoutState::Listed),
        rows: rows.iter().map(row).collect(),
        stub: signed.stub()?,
        upload: signed.stub()?,
        export: signed.stub()?,
        may_export: signed.person.has(crate::desk::export::EXPORTERS),
    })
}

/// `GET /payments/{batch}`
pub async fn show(State(app): State<App>, signed: Signed, Path(batch): Path<String>) -> Answer {
    error::show(&batch_page(&app, &signed, &batch, Done::default()).await?)
}

async fn settled(
    app: &App,
    signed: &Signed,
    batch: &str,
    done: Result<Settled, DeskError>,
    unread: Vec<(String, String)>,
) -> Answer {
    match done {
        Ok(Settled { paid, failed, left }) => {
            let told = format!("已登记：{paid} 笔到账，{failed} 笔未到账（已回到待发放）。");
            let left = unread.into_iter().chain(left).collect();
            error::show(&batch_page(app, signed, batch, Done { told, left, ..Done::default() }).await?)
        }
        Err(error @ (DeskError::Invalid { .. } | DeskError::NotNow { .. })) => {
            let done = Done { fault: error.what(), ..Done::default() };
            error::show_as(error::status(&error), &batch_page(app, signed, batch, done).await?)
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /payments/{batch}`: results that were typed.
pub async fn settle(State(app): State<App>, Path(batch): Path<String>, sent: SignedForm) -> Answer {
    let mut says: BTreeMap<CaseId, BankSays> = BTreeMap::new();
    for name in sent.form.0.keys() {
        let Some(case) = name.strip_prefix(ROW).and_then(CaseId::parse) else { continue };
        match sent.form.text(name).as_str() {
            "paid" => drop(says.insert(case, BankSays::Paid)),
            "failed" => drop(says.insert(case, BankSays::Failed(sent.form.text(&format!("why.{case}"))))),
            _ => {}
        }
    }
    let done = app.desk().settle_payments(&sent.signed.person, sent.action()?, batch.clone(), says).await;
    settled(&app, &sent.signed, &batch, done, Vec::new()).await
}

/// `POST /payments/{batch}/answers`: the bank's table.
pub async fn answers(State(app): State<App>, signed: Signed, Path(batch): Path<String>, mut parts: Multipart) -> Answer {
    let unreadable = |_| WebError::Unreadable;
    let mut fields = Vec::new();
    for name in ["csrf", "action"] {
        let part = parts.next_field().await.map_err(unreadable)?.filter(|part| part.name() == Some(name));
        fields.push(part.ok_or(WebError::Forged)?.text().await.map_err(unreadable)?);
    }
    if !same(&fields[0], &signed.csrf) {
        return Err(WebError::Forged);
    }
    let action = session::action(&fields[1])?;
    let part = parts.next_field().await.map_err(unreadable)?.filter(|part| part.name() == Some("file"));
    let part = part.ok_or(WebError::Unreadable)?;
    let name: String = part.file_name().unwrap_or_default().chars().take(120).collect();
    let bytes = part.bytes().await.map_err(unreadable)?;
    match app.desk().read_bank_answers(&signed.person, batch.clone(), name, bytes.to_vec()).await {
        Ok((says, unread)) => {
            let done = app.desk().settle_payments(&signed.person, action, batch.clone(), says).await;
            settled(&app, &signed, &batch, done, unread).await
        }
        Err(error) => settled(&app, &signed, &batch, Err(error), Vec::new()).await,
    }
}

/// `POST /payments/{batch}/export`: the list for the bank, never kept by the browser.
pub async fn export(State(app): State<App>, Path(batch): Path<String>, sent: SignedForm) -> Answer {
    let purpose = sent.form.text("purpose");
    match app.desk().export_batch(&sent.signed.person, batch.clone(), purpose).await {
        Ok(exported) => {
            let headers = [
                (header::CONTENT_TYPE, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet".to_owned()),
                (header::CONTENT_DISPOSITION, format!("attachment; filename=\"payments-{}.xlsx\"", app.today())),
                (header::CACHE_CONTROL, "no-store".to_owned()),
            ];
            Ok((headers, exported.bytes).into_response())
        }
        Err(error) => settled(&app, &sent.signed, &batch, Err(error), Vec::new()).await,
    }
}
