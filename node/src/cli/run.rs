//! Carries out the commands.

use super::{
    AreaCommand, Carry, Cli, Command, Directory, Export, ExportTo, Import, Invite, InviteCommand, Join, OfficeCommand, OneDevice,
    Printer, Run, Verify,
};
use crate::clock::Clock;
use crate::console::{self, Request};
use crate::desk::export::What;
use crate::desk::vouch;
use crate::node::{self, Node, NodeError, ServeOptions};
use crate::store::{self, KeySource, Vault, VaultError};
use crate::web;
use clap::Parser as _;
use serde_json::{Value, json};
use shouwang_protocol::device::DeviceKey;
use shouwang_provisioning::divisions;
use shouwang_provisioning::enrolment::{FILE_BYTES_MAX, Grant, Invitation};
use std::io::IsTerminal as _;
use std::path::Path;
use std::process::ExitCode;
use tokio::net::TcpListener;
use zeroize::Zeroizing;

type Outcome = Result<ExitCode, String>;

/// Parses the command line, does it, and says how it went: 0 done, 1 failed (in one line on stderr), 2 wrong usage.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    logging();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return complain(&error.to_string()),
    };
    let mut printer = Printer::new(cli.json);
    match runtime.block_on(run(cli, &mut printer)) {
        Ok(code) => code,
        Err(error) => complain(&error),
    }
}

fn complain(error: &str) -> ExitCode {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "shouwang: {}", error.replace('\n', " "));
    ExitCode::FAILURE
}

fn logging() {
    use tracing_subscriber::EnvFilter;
    let filter =
        EnvFilter::try_from_env("SHOUWANG_LOG").unwrap_or_else(|_| EnvFilter::new("warn,shouwang=info,shouwang_node=info"));
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        // Where the log lies on the disk that is full, complaining about it would end the thread that logs.
        .log_internal_errors(false)
        .try_init();
}

async fn run(cli: Cli, printer: &mut Printer) -> Outcome {
    match cli.command {
        Command::Demo(demo) => crate::demo::run(demo, printer).await,
        Command::Init(init) => {
            let csv = read(&init.divisions)?;
            let areas = divisions::read(&csv).map_err(|error| format!("{}: {error}", init.divisions.display()))?;
            let source = init.at.key_source(true)?;
            let node = node::found(&init.at.dir, &source, &areas, &init.office, Clock::real()).await.map_err(said)?;
            joined(node, printer).await
        }
        Command::Office(OfficeCommand::Merge { at, area }) => ask(&at, Request::Merge { areas: area }, printer, merged).await,
        Command::Office(OfficeCommand::Decider(OneDevice { at, device })) => {
            ask(&at, Request::Decider { device }, printer, Value::to_string).await
        }
        Command::Area(AreaCommand::Change { at, area, code, name, parent, from }) => {
            ask(&at, Request::AreaChange { area, code, name, parent, from }, printer, area_text).await
        }
        Command::Area(AreaCommand::Add { at, code, name, parent, split_from, from }) => {
            ask(&at, Request::AreaAdd { code, name, parent, split_from, from }, printer, area_text).await
        }
        Command::Renew(OneDevice { at, device }) => ask(&at, Request::Renew { device }, printer, Value::to_string).await,
        Command::Invite(Invite { grant: Some(InviteCommand::Grant { at, request, out }), .. }) => {
            let request = String::from_utf8(read(&request)?).map_err(|_| "the request is not a text file".to_owned())?;
            let grant = answer(&at, Request::Grant { request }, printer).await?;
            write_result(&out, &grant, printer)
        }
        Command::Invite(invite) => invite_new(invite, printer).await,
        Command::Join(join) => join_city(join, printer).await,
        Command::Run(run) => serve(run, printer).await,
        Command::Import(Import::Households { at, file, preview, limit }) => {
            let file = absolute(&file)?;
            match preview {
                true => ask(&at, Request::PreviewHouseholds { file, limit }, printer, previewed).await,
                false => ask(&at, Request::ImportHouseholds { file }, printer, imported).await,
            }
        }
        Command::Export(Export::Households(to)) => export(What::Households, to, printer).await,
        Command::Export(Export::Cases(to)) => export(What::Cases, to, printer).await,
        Command::Export(Export::Years { year, to }) => export(What::Years(year), to, printer).await,
        Command::Import(Import::Answers { at, file }) => {
            let file = absolute(&file)?;
            ask(&at, Request::ImportAnswers { file }, printer, Value::to_string).await
        }
        Command::Import(Import::Edits { at, file, check }) => {
            let file = absolute(&file)?;
            ask(&at, Request::ImportEdits { file, check }, printer, Value::to_string).await
        }
        Command::Carry(Carry::Out { at, out, to, everything }) => {
            let out = absolute(&out)?;
            ask(&at, Request::CarryOut { to, everything, out }, printer, carried_out).await
        }
        Command::Carry(Carry::In { at, file, answer }) => {
            let (file, answer) = (absolute(&file)?, answer.as_deref().map(absolute).transpose()?);
            ask(&at, Request::CarryIn { file, answer }, printer, carried_in).await
        }
        Command::Status(at) => ask(&at, Request::Status, printer, status_text).await,
        Command::Verify(wanted) => verify(wanted, printer).await,
        Command::Staff(staff) => {
            let (at, request) = staff.split()?;
            ask(&at, request, printer, |value| value.get("message").and_then(Value::as_str).unwrap_or("done").to_owned()).await
        }
        Command::Revoke(revoke) => {
            ask(&revoke.at, Request::Revoke { device: revoke.device, reason: revoke.reason }, printer, Value::to_string).await
        }
        Command::Backup(backup) => {
            let out = absolute(&backup.out)?;
            ask(&backup.at, Request::Backup { out }, printer, |value| format!("written: {}", value["backup"])).await
        }
        Command::Restore(restore) => {
            let source = restore.at.key_source(false)?;
            node::restore(&restore.at.dir, &restore.from, &source).map_err(said)?;
            // Opening it here begins the new incarnation.
            let node = Node::open(&restore.at.dir, &source, Clock::real()).map_err(said)?;
            node.close().await;
            printer.result(&json!({ "restored": true }), "restored; what was sent before the loss comes back with the next sync");
            Ok(ExitCode::SUCCESS)
        }
        Command::Doctor(at) => doctor(&at, printer).await,
    }
}

async fn verify(wanted: Verify, printer: &mut Printer) -> Outcome {
    let Some(file) = wanted.annual else {
        let at = wanted.at.ok_or("name a directory: --dir")?;
        let value = answer(&at, Request::Verify, printer).await?;
        let differences = value.get("differences").and_then(Value::as_array).map_or(0, Vec::len);
        let text = if differences == 0 { "everything fits".to_owned() } else { format!("{differences} differences: {value}") };
        printer.result(&value, &text);
        return Ok(if differences == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    };
    let value = match (wanted.at, wanted.city) {
        (Some(at), _) => answer(&at, Request::VerifyAnnual { file: absolute(&file)? }, printer).await?,
        (None, Some(city)) => {
            let root = DeviceKey::parse(&city).ok_or("--city is no key: 64 hexadecimal digits")?;
            node::annual_value(vouch::check(&read(&file)?, &root, None), false)
        }
        (None, None) => return Err("name a directory (--dir) or the city's key (--city)".into()),
    };
    let good = value.get("good") == Some(&json!(true));
    let told = value.get("told").and_then(Value::as_str).unwrap_or_default().to_owned();
    if !good && !printer.is_json() {
        return Err(told);
    }
    printer.result(&value, &told);
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn said(error: NodeError) -> String {
    error.to_string()
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let about = |error: std::io::Error| format!("{}: {error}", path.display());
    let length = std::fs::metadata(path).map_err(about)?.len();
    if length > FILE_BYTES_MAX as u64 {
        return Err(format!("{}: larger than {} MB", path.display(), FILE_BYTES_MAX / 1024 / 1024));
    }
    std::fs::read(path).map_err(about)
}

fn absolute(path: &Path) -> Result<std::path::PathBuf, String> {
    std::path::absolute(path).map_err(|error| format!("{}: {error}", path.display()))
}

impl Directory {
    /// What unlocks the directory; `make`: a key file that is missing is made, and a passphrase is asked twice.
    fn key_source(&self, make: bool) -> Result<KeySource, String> {
        match self.given_key_source(make)? {
            Some(source) => Ok(source),
            None => Err("no passphrase: give --passphrase-file, --key-file or SHOUWANG_PASSPHRASE".into()),
        }
    }

    /// The same; none when nothing was given and there is no terminal to ask on.
    fn given_key_source(&self, make: bool) -> Result<Option<KeySource>, String> {
        if let Some(path) = &self.key_file {
            if make && !path.exists() {
                store::make_key_file(path).map_err(|error| format!("{}: {error}", path.display()))?;
            }
            return Ok(Some(KeySource::KeyFile(path.clone())));
        }
        if let Some(path) = &self.passphrase_file {
            let text = Zeroizing::new(std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?);
            let first = text.lines().next().unwrap_or_default();
            return Ok(Some(KeySource::typed(Zeroizing::new(first.to_owned()))));
        }
        if let Ok(passphrase) = std::env::var("SHOUWANG_PASSPHRASE") {
            return Ok(Some(KeySource::typed(Zeroizing::new(passphrase))));
        }
        if !std::io::stdin().is_terminal() {
            return Ok(None);
        }
        let prompt = |text: &str| rpassword::prompt_password(text).map(Zeroizing::new).map_err(|error| error.to_string());
        let passphrase = prompt("passphrase: ")?;
        if make && *prompt("again: ")? != *passphrase {
            return Err("the two do not match; nothing was made".into());
        }
        Ok(Some(KeySource::typed(passphrase)))
    }
}

/// Asks the node that runs on the directory, else opens it alone.
async fn answer(at: &Directory, request: Request, printer: &mut Printer) -> Result<Value, String> {
    if let Some(answer) = console::ask(&at.dir, &request, |done, total| printer.progress(done, total)).await {
        return answer;
    }
    let source = at.key_source(false)?;
    let node = Node::open(&at.dir, &source, Clock::real()).map_err(said)?;
    let (steps, mut watched) = tokio::sync::watch::channel((0, 0));
    let worker = node.clone();
    let work = async move {
        let tell = move |done, total| {
            steps.send_replace((done, total));
        };
        worker.execute(request, tell).await
    };
    tokio::pin!(work);
    let result = loop {
        tokio::select! {
            result = &mut work => break result,
            Ok(()) = watched.changed() => {
                let (done, total) = *watched.borrow_and_update();
                printer.progress(done, total);
            }
        }
    };
    node.close().await;
    result
}

async fn ask(at: &Directory, request: Request, printer: &mut Printer, text: impl Fn(&Value) -> String) -> Outcome {
    let value = answer(at, request, printer).await?;
    printer.result(&value, &text(&value));
    Ok(ExitCode::SUCCESS)
}

fn number(value: &Value, key: &str) -> u64 {
    value.get(key).and_then(Value::as_u64).unwrap_or(0)
}

fn merged(value: &Value) -> String {
    with_next(format!("one office now: {}", value.get("office").and_then(Value::as_str).unwrap_or_default()), value)
}

fn area_text(value: &Value) -> String {
    let word = |path: &str| value.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let now = format!("{} {} ({}) below {}", word("/code"), word("/name"), word("/tier"), word("/parent"));
    if value.get("already") == Some(&json!(true)) {
        return format!("it is so already: {now}");
    }
    let before = match word("/before/code") {
        "" => String::new(),
        code => format!(", before {code} {}", word("/before/name")),
    };
    with_next(format!("{now}{before}"), value)
}

/// A result, what was closed by it, and what is to be done next.
fn with_next(mut text: String, value: &Value) -> String {
    if let Some(logs) = value.get("logs_closed").and_then(Value::as_u64).filter(|logs| *logs > 0) {
        text.push_str(&format!("; {logs} logs closed"));
    }
    if let Some(next) = value.get("next").and_then(Value::as_str) {
        text.push_str(&format!("; {next}"));
    }
    text
}

fn imported(value: &Value) -> String {
    let rejects = value.get("rejects_file").and_then(Value::as_str).map(|file| format!("; see {file}")).unwrap_or_default();
    format!(
        "{} imported, {} changed, {} unchanged, {} rejected{rejects}",
        number(value, "imported"),
        number(value, "changed"),
        number(value, "unchanged"),
        number(value, "rejected")
    )
}

fn previewed(value: &Value) -> String {
    let rows = |key: &str| value.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let text = |value: &Value, key: &str| match value.get(key) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    };
    let mut lines = vec![format!(
        "nothing was written: {} would be new, {} changed, {} unchanged, {} rejected; {} with persons of other households",
        number(value, "imported"),
        number(value, "changed"),
        number(value, "unchanged"),
        number(value, "rejected"),
        number(value, "persons_elsewhere")
    )];
    lines.extend(rows("notes").iter().filter_map(Value::as_str).map(str::to_owned));
    for row in rows("changed_rows") {
        let changes = row.get("changes").and_then(Value::as_array).cloned().unwrap_or_default();
        let changes: Vec<String> = changes
            .iter()
            .map(|change| format!("{}: {} → {}", text(change, "label"), text(change, "was"), text(change, "now")))
            .collect();
        lines.push(format!("line {} {}: {}", text(&row, "line"), text(&row, "id"), changes.join("; ")));
    }
    for row in rows("persons_elsewhere_rows") {
        lines.push(format!("line {} {}: a person is in another household", text(&row, "line"), text(&row, "id")));
    }
    for row in rows("rejected_rows") {
        lines.push(format!("line {} {}: {}", text(&row, "line"), text(&row, "column"), text(&row, "reason")));
    }
    lines.join("\n")
}

async fn export(what: What, to: ExportTo, printer: &mut Printer) -> Outcome {
    let out = absolute(&to.out)?;
    let request = Request::Export { what, out, area: to.area, purpose: to.purpose };
    ask(&to.at, request, printer, |value| {
        format!("written: {} ({} rows)", value.get("written").and_then(Value::as_str).unwrap_or_default(), number(value, "rows"))
    })
    .await
}

fn carried_out(value: &Value) -> String {
    let word = |path: &str| value.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let entries = value.pointer("/carried/entries").and_then(Value::as_u64).unwrap_or(0);
    format!("written: {} ({entries} entries, for {} only)", word("/written"), word("/carried/office"))
}

fn carried_in(value: &Value) -> String {
    let word = |path: &str| value.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let mut lines = vec![format!(
        "from {}: {} new entries of {} records, {} known, {} waiting, {} with a gap before them",
        word("/office"),
        number(value, "new"),
        number(value, "records"),
        number(value, "known"),
        number(value, "waiting"),
        number(value, "missing")
    )];
    for (reason, entries) in value.get("refused").and_then(Value::as_object).into_iter().flatten() {
        lines.push(format!("{entries} refused: {reason}"));
    }
    match (value.get("answer"), value.get("answer_due") == Some(&json!(true))) {
        (Some(answer), _) => lines.push(format!("the answer: {}", carried_out(answer))),
        (None, true) => lines.push("carry an answer back (`carry out --to …`): only then does the sender know".to_owned()),
        (None, false) => {}
    }
    lines.join("\n")
}

fn status_text(value: &Value) -> String {
    let word = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or("-").to_owned();
    let confirmed = |tier: &str| value.pointer(&format!("/confirmed/{tier}")).and_then(Value::as_u64).unwrap_or(0);
    let mut lines = vec![
        format!("{} ({}), device {}", word("office"), word("tier"), word("device").chars().take(10).collect::<String>()),
        format!(
            "{} households, {} cases, {} entries, {} waiting",
            number(value, "households"),
            number(value, "cases"),
            number(value, "entries"),
            number(value, "quarantined")
        ),
        format!(
            "own entries {}: {} known at the township, {} at the city",
            number(value, "own_entries"),
            confirmed("township"),
            confirmed("city")
        ),
    ];
    for trouble in value.get("policy_packs").and_then(Value::as_array).into_iter().flatten() {
        lines.push(trouble.get("told").and_then(Value::as_str).unwrap_or_default().to_owned());
    }
    for peer in value.get("peers").and_then(Value::as_array).into_iter().flatten() {
        let text = |key: &str| {
            peer.get(key).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)).unwrap_or_default()
        };
        lines.push(format!(
            "peer {} {}: connected {}, to send {}",
            text("office"),
            text("address"),
            text("connected"),
            text("entries_to_send")
        ));
    }
    lines.join("\n")
}

fn write_result(out: &Path, value: &Value, printer: &mut Printer) -> Outcome {
    let text = serde_json::to_string_pretty(value).map_err(|error| error.to_string())?;
    console::write_private(out, text.as_bytes()).map_err(|error| format!("{}: {error}", out.display()))?;
    printer.result(&json!({ "written": out.display().to_string() }), &format!("written: {}", out.display()));
    Ok(ExitCode::SUCCESS)
}

async fn invite_new(invite: Invite, printer: &mut Printer) -> Outcome {
    let Invite { dir: Some(dir), out: Some(out), passphrase_file, key_file, area, name, expires, parent, .. } = invite else {
        return Err("give --dir and --out".into());
    };
    let expires_ms = Clock::real().now().wall_ms + span_ms(&expires)?;
    let request = Request::Invite { areas: area, name, expires_ms, parents: parent };
    let invitation = answer(&Directory { dir, passphrase_file, key_file }, request, printer).await?;
    write_result(&out, &invitation, printer)
}

/// Milliseconds of `7d`, `12h`, `30m`.
fn span_ms(text: &str) -> Result<i64, String> {
    let wrong = || format!("{text} is no span of time; write 7d, 12h or 30m");
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)?;
    let number: i64 = number.parse().ok().filter(|number| (1..=10_000).contains(number)).ok_or_else(wrong)?;
    let minutes = match unit {
        "d" => 24 * 60,
        "h" => 60,
        "m" => 1,
        _ => return Err(wrong()),
    };
    Ok(number * minutes * 60_000)
}

async fn join_city(join: Join, printer: &mut Printer) -> Outcome {
    let dir = join.at.dir.clone();
    match (join.invite, join.request, join.grant) {
        (Some(invite), Some(request), None) => {
            let invitation = Invitation::read(&read(&invite)?).map_err(|error| error.to_string())?;
            let source = join.at.key_source(true)?;
            let made = node::request_to_join(&dir, &source, &invitation).map_err(said)?;
            write_result(&request, &json!(made), printer)
        }
        (Some(invite), None, None) => {
            let invitation = Invitation::read(&read(&invite)?).map_err(|error| error.to_string())?;
            let source = join.at.key_source(true)?;
            let node = node::join_online(&dir, &source, &invitation, &join.parent, Clock::real()).await.map_err(said)?;
            joined(node, printer).await
        }
        (None, None, Some(grant)) => {
            let grant = Grant::read(&read(&grant)?).map_err(|error| error.to_string())?;
            let source = join.at.key_source(false)?;
            let node = node::finish_join(&dir, &source, &grant, Clock::real()).await.map_err(said)?;
            joined(node, printer).await
        }
        _ => Err("give --invite FILE (online, or with --request FILE for a stick), or --grant FILE".into()),
    }
}

/// What is told once, after a directory became a node: the recovery key and the first administrator's code.
async fn joined(node: Node, printer: &mut Printer) -> Outcome {
    let once = node.told_once().await.map_err(said)?;
    let office = node.office_name().await.map_err(said)?;
    node.close().await;
    let value = json!({ "office": office, "recovery_key": once.recovery_key, "administrator_code": once.administrator_code });
    let text = format!(
        "{office}\nrecovery key (write it down, keep it apart from the machine): {}\none-time code of the first administrator: {}",
        once.recovery_key, once.administrator_code
    );
    printer.result(&value, &text);
    Ok(ExitCode::SUCCESS)
}

async fn serve(run: Run, printer: &mut Printer) -> Outcome {
    let source = run.at.given_key_source(false)?;
    let pages = web::bind(run.web).await.map_err(|error| format!("{}: {error}", run.web))?;
    let (pages, node) = match source {
        Some(source) => (pages, Node::open(&run.at.dir, &source, Clock::real()).map_err(said)?),
        None => unlocked(&run.at.dir, pages, printer).await?,
    };
    let options = ServeOptions { quic: run.quic, web: Some(pages), parents: run.parent };
    let served = node.serve(options).await.map_err(said)?;
    let address = |address: Option<std::net::SocketAddr>| address.map(|address| address.to_string());
    let ready = json!({ "ready": true, "quic": address(served.quic), "web": address(served.web) });
    let text = format!("http://{}/", address(served.web).unwrap_or_default());
    printer.result(&ready, &text);
    until_stopped().await.map_err(|error| error.to_string())?;
    served.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// After a reboot nobody may be there to type the passphrase: the pages ask for it.
async fn unlocked(dir: &Path, pages: TcpListener, printer: &mut Printer) -> Result<(TcpListener, Node), String> {
    if !Vault::exists(dir) {
        return Err(said(VaultError::Missing.into()));
    }
    let address = pages.local_addr().map_err(|error| error.to_string())?.to_string();
    printer
        .result(&json!({ "locked": true, "web": address }), &format!("locked; open http://{address}/ and type the passphrase"));
    let dir = dir.to_owned();
    let open = move |passphrase| {
        let dir = dir.clone();
        let open = move || Node::open(&dir, &KeySource::typed(passphrase), Clock::real());
        async move {
            match tokio::task::spawn_blocking(open).await.map_err(|error| error.to_string())? {
                Ok(node) => Ok(node),
                Err(NodeError::Vault(VaultError::WrongKey(_))) => Err("口令不对，没有改动任何数据。请重新输入。".to_owned()),
                Err(error) => {
                    tracing::error!(%error, "the node could not be opened");
                    Err(format!("数据打不开，没有改动任何数据。请把这句话告诉维护人员：{error}"))
                }
            }
        }
    };
    tokio::select! {
        unlocked = web::unlock::until_unlocked(pages, open) => unlocked.map_err(|error| error.to_string()),
        stopped = until_stopped() => Err(stopped.map_or_else(|error| error.to_string(), |()| "stopped before it was unlocked".into())),
    }
}

/// Returns on Ctrl-C or SIGTERM.
pub(crate) async fn until_stopped() -> std::io::Result<()> {
    #[cfg(unix)]
    {
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            result = tokio::signal::ctrl_c() => result,
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}

async fn doctor(at: &Directory, printer: &mut Printer) -> Outcome {
    let (word, advice) = if console::ask(&at.dir, &Request::Status, |_, _| {}).await.is_some_and(|answer| answer.is_ok()) {
        ("running", "a node runs on this directory and answers".to_owned())
    } else {
        let source = at.key_source(false)?;
        match Node::open(&at.dir, &source, Clock::real()) {
            Ok(node) => {
                node.close().await;
                ("sound", "the directory opens; `shouwang verify` checks every entry".to_owned())
            }
            Err(NodeError::Open(store::OpenError::Damaged(_))) => {
                let aside = store::set_aside(&at.dir).map_err(|error| error.to_string())?;
                ("set-aside", aside.advice)
            }
            Err(error) => ("unusable", error.to_string()),
        }
    };
    printer.result(&json!({ "state": word, "advice": advice }), &format!("{word}: {advice}"));
    Ok(if word == "unusable" { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
