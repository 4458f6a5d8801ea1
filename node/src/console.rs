//! The console: how a command of the same machine asks a running node.
//!
//! The node listens on loopback and writes the port and a random token to `console.json` (mode 0600) in its directory;
//! whoever can read that file may act as staff `console`. One line of JSON asks; progress lines and one result line
//! answer. The same [`Request`]s are carried out without a running node too: there is one way, [`crate::node::Node::execute`].

use crate::node::Node;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Bytes of one request line at most.
const LINE_BYTES_MAX: u64 = 1024 * 1024;

/// What can be asked of a node. The fields are the options of the command line.
#[allow(missing_docs)]
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "ask")]
pub enum Request {
    /// What it holds and whom it talks to.
    Status,
    /// Check everything.
    Verify,
    /// Check a signed annual file.
    VerifyAnnual { file: PathBuf },
    /// Bring households in.
    ImportHouseholds { file: PathBuf },
    /// Say what bringing them in would change; of so many rows each.
    PreviewHouseholds { file: PathBuf, limit: usize },
    /// Bring in what sources answered to checks.
    ImportAnswers { file: PathBuf },
    /// Write households or cases to a file.
    Export { what: crate::desk::export::What, out: PathBuf, area: Option<String>, purpose: String },
    /// Write a file for another office's device: the nearest superior's when missing.
    CarryOut { to: Option<String>, everything: bool, out: PathBuf },
    /// Take in such a file, and write the answer to it.
    CarryIn { file: PathBuf, answer: Option<PathBuf> },
    /// Apply a list of edits (`{"id":…,"set":{…},"aid":{…}}` a line).
    /// With `check`, only count the edits that cannot be found any more.
    ImportEdits { file: PathBuf, check: bool },
    /// Add a member of staff.
    StaffAdd {
        id: String,
        name: String,
        roles: Vec<String>,
        department: Option<String>,
        provider: Option<String>,
        password: String,
    },
    /// Give a new password.
    StaffReset { id: String, password: String },
    /// Disable an account.
    StaffDisable { id: String },
    /// Write an invitation.
    Invite { areas: Vec<String>, name: Option<String>, expires_ms: i64, parents: Vec<String> },
    /// Answer a request.
    Grant { request: String },
    /// Join two areas in one office.
    Merge { areas: Vec<String> },
    /// Give an area another code, name or place in the tree.
    AreaChange { area: String, code: Option<String>, name: Option<String>, parent: Option<String>, from: String },
    /// List a new area.
    AreaAdd { code: String, name: String, parent: String, split_from: Option<String>, from: Option<String> },
    /// Name the device that writes its office's decisions.
    Decider { device: String },
    /// Give a device a new certificate.
    Renew { device: String },
    /// Close a device's logs.
    Revoke { device: String, reason: String },
    /// Write a backup.
    Backup { out: PathBuf },
}

/// Where a running node's console is.
#[derive(Serialize, Deserialize)]
struct Address {
    port: u16,
    token: String,
}

#[derive(Serialize, Deserialize)]
struct Asked {
    token: String,
    request: Request,
}

/// A line of an answer.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Progress { done: u64, total: u64 },
    Ok(Value),
    Error(String),
}

fn file(dir: &Path) -> PathBuf {
    dir.join("console.json")
}

/// Serves the console of a running node until the returned guard is dropped.
pub async fn serve(node: Node) -> std::io::Result<Guard> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let token = crate::entropy::hex_token()?;
    let address = Address { port: listener.local_addr()?.port(), token: token.clone() };
    let path = file(node.dir());
    write_private(&path, json!(address).to_string().as_bytes())?;
    let task = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (node, token) = (node.clone(), token.clone());
            tokio::spawn(async move {
                if let Err(error) = answer(stream, &node, &token).await {
                    tracing::debug!(%error, "console connection ended");
                }
            });
        }
    });
    Ok(Guard { path, task })
}

/// Keeps the console open.
pub struct Guard {
    path: PathBuf,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.task.abort();
        let _ = std::fs::remove_file(&self.path);
    }
}

async fn answer(stream: TcpStream, node: &Node, token: &str) -> std::io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut line = String::new();
    BufReader::new(reader.take(LINE_BYTES_MAX)).read_line(&mut line).await?;
    let request = match serde_json::from_str::<Asked>(&line) {
        Ok(asked) if ring_equal(asked.token.as_bytes(), token.as_bytes()) => asked.request,
        _ => return Ok(()),
    };
    let (progress, mut steps) = tokio::sync::watch::channel((0, 0));
    let work = node.execute(request, move |done, total| {
        progress.send_replace((done, total));
    });
    tokio::pin!(work);
    let result = loop {
        tokio::select! {
            result = &mut work => break result,
            Ok(()) = steps.changed() => {
                let (done, total) = *steps.borrow_and_update();
                write_line(&mut writer, &Line::Progress { done, total }).await?;
            }
        }
    };
    write_line(&mut writer, &result.map_or_else(Line::Error, Line::Ok)).await
}

async fn write_line(writer: &mut (impl tokio::io::AsyncWrite + Unpin), line: &Line) -> std::io::Result<()> {
    writer.write_all(format!("{}\n", json!(line)).as_bytes()).await
}

/// Compares in constant time, so that a token can't be guessed byte by byte.
fn ring_equal(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

/// Asks the node that runs on a directory. `None`: none runs there.
pub async fn ask(dir: &Path, request: &Request, mut progress: impl FnMut(u64, u64)) -> Option<Result<Value, String>> {
    let address: Address = serde_json::from_slice(&std::fs::read(file(dir)).ok()?).ok()?;
    let stream = TcpStream::connect(("127.0.0.1", address.port)).await.ok()?;
    let (reader, mut writer) = stream.into_split();
    let asked = Asked { token: address.token, request: request.clone() };
    writer.write_all(format!("{}\n", json!(asked)).as_bytes()).await.ok()?;
    let mut lines = BufReader::new(reader).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        match serde_json::from_str(&line) {
            Ok(Line::Progress { done, total }) => progress(done, total),
            Ok(Line::Ok(value)) => return Some(Ok(value)),
            Ok(Line::Error(error)) => return Some(Err(error)),
            Err(_) => break,
        }
    }
    Some(Err(
        "the running node stopped before it answered; whether it was done is unknown: do it again, nothing is done twice".into()
    ))
}

/// Writes a file that only its owner may read, whole or not at all.
pub fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let temporary = path.with_extension("tmp");
    // Never into what lies there: it may be readable by others.
    match std::fs::remove_file(&temporary) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&temporary, path)
}
