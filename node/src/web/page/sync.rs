//! How this machine and the others agree.

use crate::desk::packs::PackTrouble;
use crate::desk::{DeskError, PeerLine};
use crate::store::reader::{IdleEntry, Page};
use crate::web::App;
use crate::web::error::{self, Answer, WebError};
use crate::web::page::carry::{self, Carried, CarryPanel};
use crate::web::session::Signed;
use crate::web::view::{Chip, Fact, Frame, Tone};
use crate::web::wording;
use askama::Template;
use axum::extract::State;
use serde_json::Value;
use shouwang_protocol::area::Tier;
use shouwang_protocol::store::Verdict;
use std::collections::BTreeMap;

/// The page.
#[derive(Template, Default)]
#[template(path = "sync.html")]
pub struct SyncPage {
    /// The frame.
    pub frame: Frame,
    /// A word about it.
    pub lead: String,
    /// Counts.
    pub tiles: Vec<(&'static str, String, Tone)>,
    /// The others.
    pub peers: Vec<PeerRow>,
    /// By file, where there is no line.
    pub carry: CarryPanel,
    /// What the policy packs lack: what is wrong, what is safe, what to press.
    pub packs: Vec<[String; 3]>,
    /// What did not go through.
    pub lists: Vec<TroubleList>,
    /// This machine.
    pub facts: Vec<Fact>,
}

/// One machine we talk to.
#[derive(Default)]
pub struct PeerRow {
    /// Its office.
    pub office: String,
    /// Its address.
    pub address: String,
    /// Whether it is connected.
    pub state: Chip,
    /// Why not.
    pub note: String,
    /// When both last held the same.
    pub last: String,
    /// Entries to send.
    pub to_send: String,
    /// Entries to receive.
    pub to_receive: String,
    /// Bytes sent.
    pub sent: String,
    /// Bytes received.
    pub received: String,
}

/// Entries that did not go through.
#[derive(Default)]
pub struct TroubleList {
    /// What they are.
    pub title: &'static str,
    /// When there are none.
    pub none: &'static str,
    /// Whether somebody must look.
    pub loud: bool,
    /// Column headers.
    pub heads: Vec<&'static str>,
    /// Rows.
    pub rows: Vec<Vec<String>>,
}

/// Entries without effect, and entries that wait, that are listed at most.
const IDLE_ROWS: u32 = 100;

fn peer(value: &Value, now_ms: i64) -> PeerRow {
    let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let number = |name: &str| value[name].as_u64().unwrap_or_default();
    let state = match (value["connected"] == true, value["agreed"] == true) {
        (true, true) => Chip::new(Tone::Good, "已连接，一致"),
        (true, false) => Chip::new(Tone::Accent, "正在同步"),
        (false, _) => Chip::new(Tone::Plain, "未连接"),
    };
    let office = text("office");
    PeerRow {
        office: if office.is_empty() { text("device") } else { office },
        address: text("address"),
        note: if value["connected"] == true { String::new() } else { text("last_error_zh") },
        state,
        last: wording::moment(value["last_sync"].as_i64().unwrap_or_default(), now_ms),
        to_send: wording::count(number("entries_to_send")),
        to_receive: wording::count(number("entries_to_receive")),
        sent: wording::bytes(number("bytes_sent")),
        received: wording::bytes(number("bytes_received")),
    }
}

fn met(line: &PeerLine, now_ms: i64) -> PeerRow {
    PeerRow {
        office: line.office.clone(),
        address: line.device.clone(),
        state: Chip::new(Tone::Plain, if line.connected { "已连接" } else { "未连接" }),
        last: wording::moment(line.agreed_ms, now_ms),
        ..PeerRow::default()
    }
}

fn pairs(rows: &[(String, String)]) -> Vec<Vec<String>> {
    rows.iter().map(|(who, why)| vec![who.clone(), why.clone()]).collect()
}

/// Entries that wait or have no effect; which and why, not what they say.
async fn idle(app: &App) -> Result<Vec<Vec<String>>, WebError> {
    let (readers, now_ms) = (app.desk().readers().clone(), app.wall_ms());
    let look = move || {
        readers.read(|reader| {
            let mut all = reader.without_effect(Page::first(IDLE_ROWS))?;
            all.extend(reader.waiting(Page::first(IDLE_ROWS))?);
            let offices: BTreeMap<_, _> = reader.offices()?.into_iter().map(|office| (office.id, office.name)).collect();
            let devices: BTreeMap<_, _> = reader.devices()?.into_iter().map(|device| (device.key, device.office)).collect();
            let row = |entry: &IdleEntry| {
                let office = devices.get(&entry.log.device).and_then(|office| offices.get(office)).cloned().unwrap_or_default();
                let why = match &entry.verdict {
                    Verdict::Applied => String::new(),
                    Verdict::Waiting(_) => "等待：它依据的内容还没有到达本机".to_owned(),
                    Verdict::WithoutEffect(why) => format!("没有生效：{why}"),
                };
                vec![wording::moment(entry.claimed_ms, now_ms), office, entry.staff.clone(), why]
            };
            Ok(all.iter().map(row).collect())
        })
    };
    let found = tokio::task::spawn_blocking(look).await.map_err(|error| WebError::Fault(error.to_string()))?;
    Ok(found.map_err(DeskError::from)?)
}

/// `GET /sync`
pub async fn show(State(app): State<App>, signed: Signed) -> Answer {
    error::show(&page(&app, &signed, Carried::default()).await?)
}

/// The page, with what came of a file.
pub(super) async fn page(app: &App, signed: &Signed, carried: Carried) -> Result<SyncPage, WebError> {
    let carry = carry::panel(app, signed, carried).await?;
    let found = app.desk().sync(&signed.person).await?;
    let summary = app.summary().await;
    let now_ms = app.wall_ms();
    let status = &summary.status;
    let connected = status["peers"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut peers: Vec<PeerRow> = connected.iter().map(|value| peer(value, now_ms)).collect();
    // Those met before and not talked to now.
    peers.extend(
        found
            .peers
            .iter()
            .filter(|line| {
                !connected.iter().any(|value| value["device"].as_str().is_some_and(|key| key.starts_with(&line.device)))
            })
            .map(|line| met(line, now_ms)),
    );
    let own = found.own;
    let tone = |number: u64| if number < own.entries { Tone::Warn } else { Tone::Good };
    let mut tiles = vec![("本机写下", wording::count(own.entries), Tone::Plain)];
    if signed.person.tier == Tier::Village {
        tiles.push(("已到镇", wording::count(own.township), tone(own.township.max(own.city))));
    }
    if signed.person.tier != Tier::City {
        tiles.push(("已到市", wording::count(own.city), tone(own.city)));
    }
    let loud = |number: u64| if number > 0 { Tone::Warn } else { Tone::Plain };
    let counts = &found.counts;
    tiles.push(("在等待", wording::count(counts.waiting), loud(counts.waiting)));
    tiles.push(("没有生效", wording::count(counts.without_effect), loud(counts.without_effect)));
    tiles.push(("分叉", wording::count(counts.forks), loud(counts.forks)));
    let idle = idle(app).await?;
    let packs = app.desk().pack_troubles(&signed.person).await?;
    let pack = |trouble: &PackTrouble| [trouble.what(), trouble.safe().to_owned(), trouble.press(signed.person.tier).to_owned()];
    let text = |name: &str| status[name].as_str().unwrap_or("—").to_owned();
    let facts = vec![
        Fact::wide("设备", text("device")),
        Fact::wide("本次写入编号", text("incarnation")),
        Fact::wide("本机全部日志的摘要", text("frontier_digest")),
        Fact::new("版本", text("version")),
        Fact::new("数据库", wording::bytes(counts.bytes)),
        Fact::new("记录条目", wording::count(counts.entries)),
    ];
    Ok(SyncPage {
        frame: app.frame(signed, "同步", "/sync").await?,
        lead: "本机写下的每一条各到了哪里；没有生效的，一条不漏列在这里。".to_owned(),
        tiles,
        peers,
        carry,
        packs: packs.iter().map(pack).collect(),
        lists: vec![
            TroubleList {
                title: "在等待或没有生效的记录",
                none: "没有。",
                loud: true,
                heads: vec!["写下时间", "机构", "谁写的", "为什么"],
                rows: idle,
            },
            TroubleList {
                title: "本机拒收的记录",
                none: "没有。收到的每一条都通过了检查。",
                loud: true,
                heads: vec!["谁送来的", "为什么"],
                rows: pairs(&found.refused_here),
            },
            TroubleList {
                title: "被对方拒收的本机记录",
                none: "没有。",
                loud: true,
                heads: vec!["哪个机构", "为什么"],
                rows: pairs(&found.refused_there),
            },
        ],
        facts,
    })
}
