//! Where there is no line: a file out, a file in, the answer back. A panel of the page about agreeing.

use crate::desk::DeskError;
use crate::desk::carry::{CARRIERS, CarriedIn, CarryPeer, READERS_OF_CARRIED};
use crate::store::CarriedRow;
use crate::web::App;
use crate::web::error::{self, Answer, WebError};
use crate::web::page::sync;
use crate::web::session::{Signed, SignedForm, same};
use crate::web::view::{Chip, Choice, Stub, Tone};
use crate::web::wording;
use axum::body::{Body, Bytes};
use axum::extract::multipart::Field;
use axum::extract::{Multipart, State};
use axum::http::header;
use axum::response::IntoResponse as _;
use shouwang_protocol::area::Tier;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio_stream::wrappers::ReceiverStream;

/// Bytes of a request that brings a file.
pub const UPLOAD_BYTES_MAX: usize = crate::parcel::FILE_BYTES_MAX as usize + 64 * 1024;
/// Bytes read from the disk at a time.
const STRIDE_BYTES: usize = 64 * 1024;
/// Strides that wait for the browser.
const STRIDES_WAITING: usize = 4;
/// What the page waits for a busy writer.
const WRITER_WAIT: Duration = Duration::from_secs(2);

/// What came of a file.
#[derive(Default)]
pub struct Carried {
    fault: Option<CarryFault>,
    taken: Option<CarriedIn>,
}

/// Why a file was not made, or not taken.
pub struct CarryFault {
    /// What was not done.
    pub verb: &'static str,
    /// What is wrong.
    pub what: String,
    /// What is safe.
    pub safe: &'static str,
    /// What to press.
    pub press: &'static str,
}

/// The panel.
#[derive(Default)]
pub struct CarryPanel {
    /// Whether the reader may carry.
    pub may: bool,
    /// Whether the reader may see who did.
    pub may_read: bool,
    /// The forms' own.
    pub stub: Stub,
    /// What is still to be delivered.
    pub pending: Vec<(String, Tone)>,
    /// What went wrong.
    pub fault: Option<CarryFault>,
    /// What was taken.
    pub told: Vec<String>,
    /// Whether all of it was.
    pub well: bool,
    /// The answer that should go back.
    pub answer: Option<CarryAnswer>,
    /// To which devices.
    pub choices: Vec<Choice>,
    /// Those above, and those that files went to or came from.
    pub peers: Vec<CarryPeerRow>,
    /// Files, the latest first.
    pub rows: Vec<CarryLine>,
}

/// The answer that should go back.
pub struct CarryAnswer {
    /// The form's own.
    pub stub: Stub,
    /// To which device.
    pub device: String,
    /// Of which office.
    pub office: String,
}

/// Another device.
#[derive(Default)]
pub struct CarryPeerRow {
    /// Its office.
    pub office: String,
    /// Its key, short.
    pub device: String,
    /// Entries that it has not said it holds.
    pub lacks: Chip,
    /// When a file was last made for it.
    pub last_out: String,
    /// When one of it was last taken in.
    pub last_in: String,
}

/// A file.
#[derive(Default)]
pub struct CarryLine {
    /// When.
    pub at: String,
    /// Out or in.
    pub way: &'static str,
    /// The other office.
    pub office: String,
    /// Who.
    pub who: String,
    /// How many entries.
    pub entries: String,
    /// How many were not taken.
    pub refused: String,
    /// How large.
    pub bytes: String,
}

fn peer_row(peer: &CarryPeer, now_ms: i64) -> CarryPeerRow {
    let at = |row: &Option<CarriedRow>| row.as_ref().map_or_else(|| "从未".to_owned(), |row| wording::moment(row.at_ms, now_ms));
    CarryPeerRow {
        office: peer.office.clone(),
        device: peer.device.short(),
        lacks: match peer.lacks {
            Some(0) => Chip::new(Tone::Good, "没有"),
            Some(entries) => Chip::new(Tone::Plain, format!("{} 条", wording::count(entries))),
            None => Chip::default(),
        },
        last_out: at(&peer.last_out),
        last_in: at(&peer.last_in),
    }
}

fn line(row: &CarriedRow, now_ms: i64) -> CarryLine {
    CarryLine {
        at: wording::moment(row.at_ms, now_ms),
        way: if row.outward { "拷出" } else { "收下" },
        office: row.office.clone(),
        who: format!("{}（{}）", row.name, row.staff),
        entries: wording::count(row.entries),
        refused: wording::count(row.refused),
        bytes: wording::bytes(row.bytes),
    }
}

/// What a file came to, in a few sentences.
fn told(taken: &CarriedIn, now_ms: i64) -> (Vec<String>, bool) {
    let tally = &taken.tally;
    let refused: u64 = tally.refused.values().sum();
    let made = wording::moment(taken.made_ms, now_ms);
    let mut lines = vec![format!("已收下{}{made}拷出的文件。", taken.office)];
    if taken.again {
        lines.push("这个文件以前收过。".to_owned());
    }
    if taken.older {
        lines.push("它比已经收过的旧，没有妨碍。".to_owned());
    }
    if tally.new + tally.known + tally.missing + refused == 0 {
        lines.push("文件里没有别的条目。".to_owned());
    } else {
        lines.push(format!("新收 {} 条（涉及 {} 份档案），", wording::count(tally.new), wording::count(tally.records)));
        lines.push(format!("本来就有 {} 条。", wording::count(tally.known)));
    }
    if tally.receipts {
        lines.push("有新的回执：本机写下的到了哪里，看上面的数。".to_owned());
    }
    if taken.waiting > 0 {
        lines.push(format!("{} 条在等待：它们依据的内容还没有到达本机。", wording::count(taken.waiting)));
    }
    if tally.missing > 0 {
        lines.push(format!("{} 条接不上：中间缺了一段。请把回执文件带回，对方会补上。", wording::count(tally.missing)));
    }
    if refused > 0 {
        lines.push(format!("{} 条没有通过检查，原因列在下面“本机拒收的记录”里。", wording::count(refused)));
    }
    (lines, refused == 0 && tally.missing == 0 && taken.waiting == 0)
}

/// The panel, with what came of a file.
pub(super) async fn panel(app: &App, signed: &Signed, carried: Carried) -> Result<CarryPanel, WebError> {
    let (may, may_read) = (signed.person.has(CARRIERS), signed.person.has(READERS_OF_CARRIED));
    if !may && !may_read {
        return Ok(CarryPanel::default());
    }
    let now_ms = app.wall_ms();
    let found = match tokio::time::timeout(WRITER_WAIT, app.desk().carry_peers(&signed.person)).await {
        Ok(found) => found?,
        Err(_) => Vec::new(),
    };
    let rows = if may_read { app.desk().carried(&signed.person).await?.rows } else { Vec::new() };
    let usual = found.iter().find(|peer| peer.usual).map(|peer| peer.device.to_string()).unwrap_or_default();
    let choices = found.iter().map(|peer| (peer.device.to_string(), format!("{} · {}", peer.office, peer.device.short())));
    let picked = carried.taken.as_ref().map_or(usual, |taken| taken.device.to_string());
    // Undelivered is what no superior has confirmed, whichever way it went.
    let own = app.desk().confirmed().await;
    let delivered = match signed.person.tier {
        Tier::Village => own.township.max(own.city),
        Tier::Township => own.city,
        Tier::City => own.entries,
    };
    let open = own.entries.saturating_sub(delivered);
    let pending = match open {
        0 => Vec::new(),
        open => vec![(format!("本机写下的 {} 条还没有上级回执", wording::count(open)), Tone::Warn)],
    };
    let (told, well) = carried.taken.as_ref().map(|taken| told(taken, now_ms)).unwrap_or_default();
    let answer = match carried.taken.filter(|taken| taken.answer_due) {
        Some(taken) => Some(CarryAnswer { stub: signed.stub()?, device: taken.device.to_string(), office: taken.office }),
        None => None,
    };
    Ok(CarryPanel {
        may,
        may_read,
        stub: signed.stub()?,
        pending,
        fault: carried.fault,
        told,
        well,
        answer,
        choices: Choice::list(choices, &picked),
        peers: found.iter().filter(|peer| peer.lacks.is_some()).map(|peer| peer_row(peer, now_ms)).collect(),
        rows: rows.iter().map(|row| line(row, now_ms)).collect(),
    })
}

/// A file in the data directory that is gone with this. What is in it is sealed.
struct Scratch(PathBuf);

impl Scratch {
    fn new(app: &App) -> Result<Scratch, WebError> {
        let token = crate::entropy::hex_token().map_err(|error| WebError::Fault(error.to_string()))?;
        Ok(Scratch(app.desk().readers().dir().join(format!("carry-{}.parcel", &token[..16]))))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

async fn refused(app: &App, signed: &Signed, verb: &'static str, error: DeskError) -> Answer {
    let fault = match &error {
        DeskError::Carried { .. } | DeskError::NotPermitted { .. } | DeskError::ReadOnly { .. } => {
            CarryFault { verb, what: error.what(), safe: error.safe(), press: error.press() }
        }
        _ => return Err(error.into()),
    };
    let status = error::status(&error);
    error::show_as(status, &sync::page(app, signed, Carried { fault: Some(fault), taken: None }).await?)
}

/// `POST /sync/carry/out`: the file, read from the disk as the browser takes it.
pub async fn out(State(app): State<App>, sent: SignedForm) -> Answer {
    let scratch = Scratch::new(&app)?;
    let to = sent.form.some("to");
    let everything = sent.form.some("everything").is_some();
    let made = match app.desk().carry_out(&sent.signed.person, to.as_deref(), everything, &scratch.0).await {
        Ok(made) => made,
        Err(error) => return refused(&app, &sent.signed, "拷出", error).await,
    };
    let (strides, waiting) = tokio::sync::mpsc::channel::<Result<Bytes, std::io::Error>>(STRIDES_WAITING);
    tokio::task::spawn_blocking(move || {
        let read = || -> std::io::Result<()> {
            let mut file = std::fs::File::open(&scratch.0)?;
            loop {
                let mut bytes = vec![0; STRIDE_BYTES];
                let length = file.read(&mut bytes)?;
                bytes.truncate(length);
                // Nothing is left, or the browser went away.
                if length == 0 || strides.blocking_send(Ok(bytes.into())).is_err() {
                    return Ok(());
                }
            }
        };
        if let Err(error) = read() {
            let _ = strides.blocking_send(Err(error));
        }
        drop(scratch);
    });
    let name = format!("attachment; filename=\"shouwang-{}-{}.parcel\"", app.today(), made.device.short());
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_DISPOSITION, name),
        (header::CONTENT_LENGTH, made.bytes.to_string()),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((headers, Body::from_stream(ReceiverStream::new(waiting))).into_response())
}

/// Puts an upload on the disk, without ever holding it. Whether all of it came.
async fn keep(part: &mut Field<'_>, path: &Path) -> std::io::Result<bool> {
    let mut options = tokio::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    options.mode(0o600);
    let mut file = options.open(path).await?;
    loop {
        match part.chunk().await {
            Ok(Some(bytes)) => file.write_all(&bytes).await?,
            Ok(None) => break,
            Err(_) => return Ok(false),
        }
    }
    file.flush().await?;
    Ok(true)
}

/// `POST /sync/carry/in`: the form's token comes first, then the file.
pub async fn take(State(app): State<App>, signed: Signed, mut parts: Multipart) -> Answer {
    let unreadable = |_| WebError::Unreadable;
    for name in ["csrf", "action"] {
        let part = parts.next_field().await.map_err(unreadable)?.filter(|part| part.name() == Some(name));
        let text = part.ok_or(WebError::Forged)?.text().await.map_err(unreadable)?;
        if name == "csrf" && !same(&text, &signed.csrf) {
            return Err(WebError::Forged);
        }
    }
    if !signed.person.has(CARRIERS) {
        let error = DeskError::NotPermitted { why: "您的角色不收传递文件".to_owned() };
        return refused(&app, &signed, "收下", error).await;
    }
    let part = parts.next_field().await.map_err(unreadable)?.filter(|part| part.name() == Some("file"));
    let mut part = part.ok_or(WebError::Unreadable)?;
    let scratch = Scratch::new(&app)?;
    match keep(&mut part, &scratch.0).await {
        Ok(true) => {}
        Ok(false) => return Err(WebError::Unreadable),
        Err(error) => {
            let why =
                if error.kind() == std::io::ErrorKind::StorageFull { "磁盘已满" } else { "文件写不进本机的磁盘" };
            return refused(&app, &signed, "收下", DeskError::ReadOnly { why: why.to_owned() }).await;
        }
    }
    match app.desk().carry_in(&signed.person, &scratch.0).await {
        Ok(taken) => error::show(&sync::page(&app, &signed, Carried { fault: None, taken: Some(taken) }).await?),
        Err(error) => refused(&app, &signed, "收下", error).await,
    }
}
