//! Emergency allotments: what each township got, gave and has left; at the city, the form to grant one.

use super::household::record;
use crate::desk::Command;
use crate::desk::allotments::{Book, NewAllotment};
use crate::web::App;
use crate::web::error::{self, Answer, WebError};
use crate::web::session::{Signed, SignedForm};
use crate::web::view::{Chip, Choice, Field, Frame, Input, Stub, Tone};
use crate::web::wording;
use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect};
use shouwang_protocol::allotment::Count;
use shouwang_protocol::records::amount::Fen;
use shouwang_protocol::records::day::Day;

/// Uses of one allotment that the page shows, the latest.
const USES: usize = 100;

/// The page.
#[derive(Template, Default)]
#[template(path = "allotments.html")]
pub struct AllotmentsPage {
    /// The frame.
    pub frame: Frame,
    /// The allotments.
    pub books: Vec<BookPanel>,
    /// The form to grant one, where the reader may.
    pub grant: Option<(Stub, Vec<Field>)>,
}

/// One allotment.
#[derive(Default)]
pub struct BookPanel {
    /// Its record.
    pub id: String,
    /// The township, the device.
    pub name: String,
    /// Fund and period.
    pub note: String,
    /// Whether it may be used.
    pub state: Chip,
    /// In yuan: granted, used, left.
    pub sums: [String; 3],
    /// In fen, for the bar: used, granted.
    pub bar: (i64, i64),
    /// Its uses, the latest first.
    pub uses: Vec<UseRow>,
    /// Forms to add and to close, where the reader may.
    pub forms: Option<(Stub, Vec<Field>, Stub, Vec<Field>)>,
}

/// One use.
#[derive(Default)]
pub struct UseRow {
    /// The case.
    pub href: String,
    /// When.
    pub day: String,
    /// How much.
    pub amount: String,
    /// Who gave it.
    pub name: String,
    /// Whether it counts.
    pub state: Chip,
}

fn panel(book: &Book, signed: &Signed, may_grant: bool) -> Result<BookPanel, WebError> {
    let ledger = &book.ledger;
    let money = |fen: Fen| wording::money(fen);
    let state = match (book.open, book.allotment.closed.is_empty()) {
        (true, _) => Chip::new(Tone::Good, "可用"),
        (false, false) => Chip::new(Tone::Plain, "已停用"),
        (false, true) => Chip::new(Tone::Plain, "不在使用期内"),
    };
    let row = |(used, count): &(shouwang_protocol::allotment::Used, Count)| {
        let tone = match count {
            Count::Counts => Tone::Good,
            Count::Waits => Tone::Warn,
            _ => Tone::Bad,
        };
        UseRow {
            href: format!("/cases/{}", used.what.case),
            day: used.what.day.to_string(),
            amount: money(used.what.amount),
            name: used.what.name.clone(),
            state: Chip::new(tone, count.label()),
        }
    };
    let scoped = |mut field: Field, word: &str| {
        field.scope = format!("-{word}-{}", book.record);
        field
    };
    let forms = if may_grant && book.allotment.closed.is_empty() {
        let add = vec![
            scoped(Field::text("amount", "追加金额(元)").typed(Input::Number).needed(), "add"),
            scoped(Field::text("note", "说明"), "add"),
        ];
        let close = vec![scoped(Field::text("reason", "停用理由").needed(), "close")];
        Some((signed.stub()?, add, signed.stub()?, close))
    } else {
        None
    };
    let reason = if book.allotment.closed.is_empty() { String::new() } else { format!("　停用：{}", book.allotment.closed) };
    Ok(BookPanel {
        id: book.record.to_string(),
        name: if book.place == book.device { book.place.clone() } else { format!("{} {}", book.place, book.device) },
        note: format!("{}　{} 至 {}{reason}", book.allotment.fund, book.allotment.from, book.allotment.until),
        state,
        sums: [money(ledger.granted), money(ledger.used), money(ledger.left())],
        bar: (ledger.used.0, ledger.granted.0.max(1)),
        uses: ledger.lines.iter().rev().take(USES).map(row).collect(),
        forms,
    })
}

/// `GET /allotments`
pub async fn list(State(app): State<App>, signed: Signed) -> Answer {
    let found = app.desk().allotments(&signed.person).await?;
    let (year, ..) = found.day.ymd();
    let devices = found.devices.iter().map(|(key, name)| (data_encoding::HEXLOWER.encode(&key.0), name.clone()));
    let devices = std::iter::once((String::new(), "请选择".to_owned())).chain(devices);
    let fields = vec![
        Field::select("device", "哪台设备", Choice::list(devices, "")).hinted("只有这台设备能动用；断网也能用").needed(),
        Field::text("amount", "金额(元)").typed(Input::Number).needed(),
        Field::text("fund", "资金来源").needed(),
        Field::text("from", "起").typed(Input::Date).with(found.day.to_string()).needed(),
        Field::text("until", "止").typed(Input::Date).with(format!("{year:04}-12-31")).needed(),
        Field::text("note", "说明"),
    ];
    let grant = if found.may_grant { Some((signed.stub()?, fields)) } else { None };
    error::show(&AllotmentsPage {
        frame: app.frame(&signed, "备用金", "/payments").await?,
        books: found.books.iter().map(|book| panel(book, &signed, found.may_grant)).collect::<Result<_, _>>()?,
        grant,
    })
}

fn fen(sent: &SignedForm) -> Fen {
    // Zero is refused by the Desk, with words for the person.
    Fen::parse_yuan(&sent.form.text("amount")).unwrap_or_default()
}

async fn done(app: &App, sent: &SignedForm, command: Command) -> Answer {
    app.desk().perform(&sent.signed.person, sent.action()?, command).await?;
    Ok(Redirect::to("/allotments").into_response())
}

/// `POST /allotments`
pub async fn grant(State(app): State<App>, sent: SignedForm) -> Answer {
    let day = |name: &str| Day::parse(&sent.form.text(name)).ok_or(WebError::Unreadable);
    let new = NewAllotment {
        device: sent.form.text("device"),
        amount: fen(&sent),
        fund: sent.form.text("fund"),
        from: day("from")?,
        until: day("until")?,
        note: sent.form.text("note"),
    };
    done(&app, &sent, Command::GrantAllotment(new)).await
}

/// `POST /allotments/raise`
pub async fn raise(State(app): State<App>, sent: SignedForm) -> Answer {
    let record = record(&sent.form.text("record"))?;
    let command = Command::RaiseAllotment { record, amount: fen(&sent), note: sent.form.text("note") };
    done(&app, &sent, command).await
}

/// `POST /allotments/close`
pub async fn close(State(app): State<App>, sent: SignedForm) -> Answer {
    let command = Command::CloseAllotment { record: record(&sent.form.text("record"))?, reason: sent.form.text("reason") };
    done(&app, &sent, command).await
}
