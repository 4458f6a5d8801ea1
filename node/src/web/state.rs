//! What all handlers share: the Desk, what the node says of itself, and the frame around every page.

use super::error::WebError;
use super::guard::Names;
use super::metrics::Answers;
use super::session::{Signed, Token};
use super::view::{Banner, Frame, NavItem, Tone};
use super::wording;
use crate::desk::{Confirmed, Desk, DeskError, Here, Person};
use crate::writer::{Change, Health};
use serde_json::Value;
use shouwang_protocol::area::Tier;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::staff::Role;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, Semaphore, watch};

/// Milliseconds for which what the node says of itself is kept.
const SUMMARY_MS: u64 = 2_000;
/// Milliseconds to wait for what the node says of itself.
const STATUS_WAIT_MS: u64 = 500;
/// Milliseconds by which this clock may differ from a superior's before people are told.
const CLOCK_OFF_MS: i64 = 10 * 60_000;

/// Asks the node for what `status --json` prints.
pub type StatusFn = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<Value, String>> + Send>> + Send + Sync>;

/// What the pages are made from.
pub struct Parts {
    /// The Desk.
    pub desk: Desk,
    /// What the node says of itself.
    pub status: StatusFn,
}

/// What every frame shows of the node.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Summary {
    /// The node's own words, as in `status --json`.
    pub status: Value,
    /// This device's entries.
    pub own: Confirmed,
    /// Connections now.
    pub connected: u64,
    /// A superior: whether it is connected, and when both last held the same.
    pub above: Option<(bool, i64)>,
    /// How far this clock is at least behind a superior's, when it is too far.
    pub clock_behind_ms: Option<i64>,
    /// What keeps the node from writing.
    pub trouble: Option<String>,
}

impl Summary {
    /// What live pages must know although no record changed.
    pub fn condition(&self) -> (u64, Option<bool>, Option<String>, bool) {
        (self.connected, self.above.map(|(on, _)| on), self.trouble.clone(), self.clock_behind_ms.is_some())
    }
}

struct Inner {
    parts: Parts,
    address: SocketAddr,
    names: Names,
    streams: Arc<Semaphore>,
    answers: Answers,
    summary: Mutex<Option<(u64, Arc<Summary>)>>,
    uploads: super::page::import::Uploads,
}

/// What all handlers share. Cloning it is cheap.
#[derive(Clone)]
pub struct App(Arc<Inner>);

impl App {
    /// For pages at an address.
    pub fn new(parts: Parts, address: SocketAddr) -> App {
        App(Arc::new(Inner {
            parts,
            address,
            names: Names::of(address),
            streams: Arc::new(Semaphore::new(super::live::STREAMS_MAX)),
            answers: Answers::default(),
            summary: Mutex::new(None),
            uploads: super::page::import::Uploads::default(),
        }))
    }

    /// The Desk.
    pub fn desk(&self) -> &Desk {
        &self.0.parts.desk
    }

    /// The names this server answers to.
    pub fn names(&self) -> Names {
        self.0.names.clone()
    }

    /// The port the cookie is named with.
    pub fn port(&self) -> u16 {
        self.0.address.port()
    }

    /// How many requests were answered in which way.
    pub fn answers(&self) -> &Answers {
        &self.0.answers
    }

    /// Files that were looked at and not yet brought in.
    pub fn uploads(&self) -> &super::page::import::Uploads {
        &self.0.uploads
    }

    /// Places for live pages.
    pub fn streams(&self) -> Arc<Semaphore> {
        self.0.streams.clone()
    }

    /// Pages that listen now.
    pub fn live_pages(&self) -> u64 {
        (super::live::STREAMS_MAX - self.0.streams.available_permits()) as u64
    }

    /// Rises with every change.
    pub fn changes(&self) -> watch::Receiver<Change> {
        self.desk().writer().subscribe()
    }

    /// The number of the last change.
    pub fn change(&self) -> u64 {
        self.desk().writer().subscribe().borrow().number
    }

    /// Milliseconds since 1970, for display.
    pub fn wall_ms(&self) -> i64 {
        self.desk().clock().now().wall_ms
    }

    /// The day.
    pub fn today(&self) -> Day {
        wording::today(self.wall_ms())
    }

    /// What keeps the node from writing, in Chinese.
    pub fn trouble(&self) -> Option<String> {
        match &*self.desk().writer().health().borrow() {
            Health::Working => None,
            Health::ReadOnly(_) => Some("磁盘写不进去，暂时只能查看".to_owned()),
            Health::Damaged(_) => Some("数据库有损坏，暂时只能查看".to_owned()),
            Health::Failed(_) | Health::Stopped => Some("程序正在停止，请稍后重新打开".to_owned()),
        }
    }

    /// Whose session it is.
    pub async fn person(&self, token: &Token) -> Result<Person, DeskError> {
        self.desk().session(token.text()).await
    }

    /// The same for a page that asks by itself: it does not keep the session alive.
    pub async fn look(&self, token: &Token) -> Result<Person, DeskError> {
        Ok(self.desk().peek_session(token.text()).await?.person)
    }

    /// Whether a session still goes on.
    pub async fn is_signed_in(&self, signed: &Signed) -> bool {
        self.look(signed.token()).await.is_ok_and(|person| person == signed.person)
    }

    /// What the node says of itself, at most two seconds old; older while the writer is busy, for no page waits for it.
    pub async fn summary(&self) -> Arc<Summary> {
        let now = self.desk().clock().now();
        let mut kept = self.0.summary.lock().await;
        let fresh = kept.as_ref().filter(|(at, _)| now.mono_ms.saturating_sub(*at) < SUMMARY_MS);
        if let Some((_, summary)) = fresh {
            return summary.clone();
        }
        let asked = tokio::time::timeout(Duration::from_millis(STATUS_WAIT_MS), (self.0.parts.status)()).await;
        let summary = match (asked, kept.as_ref()) {
            (Ok(Ok(status)), _) => Arc::new(self.read_status(status, self.superior_clock().await, now.wall_ms)),
            (_, Some((_, last))) => last.clone(),
            (_, None) => Arc::new(self.read_status(Value::Null, None, now.wall_ms)),
        };
        *kept = Some((now.mono_ms, summary.clone()));
        summary
    }

    /// The latest time that a superior signed on a receipt.
    async fn superior_clock(&self) -> Option<i64> {
        let (readers, here) = (self.desk().readers().clone(), self.here().await.ok()?.device);
        let look = move || readers.read(|reader| reader.receipts());
        let receipts = tokio::task::spawn_blocking(look).await.ok()?.ok()?;
        receipts.iter().map(|(_, receipt)| &receipt.body).filter(|body| body.by != here).map(|body| body.at_ms).max()
    }

    fn read_status(&self, status: Value, superior_ms: Option<i64>, wall_ms: i64) -> Summary {
        let number = |value: &Value| value.as_u64().unwrap_or_default();
        let peers = status["peers"].as_array().map(Vec::as_slice).unwrap_or_default();
        let above = peers.iter().filter(|peer| peer["dialled"] == true).map(|peer| {
            let on = peer["connected"] == true;
            (on, peer["last_sync"].as_i64().unwrap_or_default())
        });
        // A receipt was signed in the past: when it lies ahead of us, it is we who are behind.
        let behind = superior_ms.map(|theirs| theirs - wall_ms).filter(|behind| *behind > CLOCK_OFF_MS);
        Summary {
            own: Confirmed {
                entries: number(&status["own_entries"]),
                township: number(&status["confirmed"]["township"]),
                city: number(&status["confirmed"]["city"]),
            },
            connected: peers.iter().filter(|peer| peer["connected"] == true).count() as u64,
            above: above.max(),
            clock_behind_ms: behind,
            trouble: self.trouble(),
            status,
        }
    }

    /// The frame of a page for nobody in particular.
    pub async fn open_frame(&self, title: &str) -> Frame {
        let office = self.here().await.map(|here| here.name).unwrap_or_default();
        Frame { title: title.to_owned(), office, ..Frame::default() }
    }

    /// This machine's office.
    pub async fn here(&self) -> Result<Here, DeskError> {
        self.desk().here().await
    }

    /// The frame of a page; `here` is the place of the navigation.
    pub async fn frame(&self, signed: &Signed, title: &str, place: &'static str) -> Result<Frame, WebError> {
        let here = self.here().await?;
        let summary = self.summary().await;
        let person = &signed.person;
        let item = |href: &'static str, label: &'static str| NavItem { href, label, count: 0, here: href == place };
        let mut nav = Vec::new();
        if person.is_office_staff() {
            nav.extend([item("/today", "今日"), item("/households", "家庭"), item("/cases", "事项")]);
            if person.has(&[Role::Intake, Role::Reviewer]) {
                nav.push(item("/clues/new", "线索求助"));
            }
        }
        nav.push(item("/inbox", "转来"));
        if person.is_office_staff() {
            nav.push(item("/notices", "公示"));
        }
        if person.tier > Tier::Village && person.has(crate::desk::payments::PAYERS) {
            nav.push(item("/payments", "发放"));
        }
        if person.tier > Tier::Village && person.is_office_staff() {
            nav.push(item("/checks", "核对"));
        }
        nav.extend([item("/policies", "政策"), item("/projects", "项目")]);
        if person.has(crate::desk::statistics::STATISTICIANS) {
            nav.push(item("/statistics", "统计"));
        }
        if person.has(super::page::import::IMPORTERS) {
            nav.push(item("/import", "导入"));
        }
        if person.has(&[Role::Administrator]) {
            nav.push(item("/staff", "人员"));
        }
        if person.is_office_staff() {
            nav.push(item("/sync", "同步"));
        }
        Ok(Frame {
            title: title.to_owned(),
            office: here.name.clone(),
            person: person.name.clone(),
            nav,
            csrf: signed.csrf.clone(),
            banners: self.banners(&summary),
            link: link(&here, &summary),
            change: signed.began.unwrap_or_else(|| self.change()),
        })
    }

    fn banners(&self, summary: &Summary) -> Vec<Banner> {
        let mut banners = Vec::new();
        if let Some(trouble) = self.trouble() {
            let text = "已保存的内容都在，可以照常查看。请检查磁盘空间；能写入时会自动恢复，不用重启。".to_owned();
            banners.push(Banner { tone: Tone::Bad, title: trouble, text });
        }
        if let Some(behind) = summary.clock_behind_ms {
            let minutes = behind / 60_000;
            let span = match minutes {
                ..120 => format!("{minutes} 分钟"),
                120..2_880 => format!("{} 小时", minutes / 60),
                _ => format!("{} 天", minutes / 1_440),
            };
            let text = format!("比上级至少慢了 {span}。先后次序不受影响，但办理日期会写错，请先校准系统时间。");
            banners.push(Banner { tone: Tone::Warn, title: "这台电脑的时间不对".to_owned(), text });
        }
        if let Some((false, last)) = summary.above {
            let last = wording::moment(last, self.wall_ms());
            let text = format!("最近一次与上级一致：{last}。照常办理，内容都存在本机，联网后自动上传。");
            banners.push(Banner { tone: Tone::Accent, title: "与上级断开".to_owned(), text });
        }
        banners
    }
}

/// The word in the bar about the superior.
fn link(here: &Here, summary: &Summary) -> Option<(bool, String)> {
    let (on, _) = summary.above?;
    let stored = if here.tier == Tier::Village { summary.own.township.max(summary.own.city) } else { summary.own.city };
    let waiting = summary.own.entries.saturating_sub(stored);
    let state = if on { "已连上级" } else { "离线" };
    let text = if waiting == 0 { state.to_owned() } else { format!("{state} · {} 条待上传", wording::count(waiting)) };
    Some((on, text))
}
