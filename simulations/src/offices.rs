//! Real offices on this machine: each its own directory, keys, process and sockets.
//!
//! For measurements and end-to-end tests. It knows the program only as outsiders do: its commands, its JSON and its
//! exit codes. All traffic stays on loopback.

use serde_json::Value;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What went wrong, for a person.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The program beside the running one: `cargo test` and `cargo run` put both in one target directory.
pub fn program() -> Result<PathBuf, Failure> {
    let here = std::env::current_exe()?;
    let found = here.ancestors().skip(1).map(|dir| dir.join("shouwang")).find(|path| path.is_file());
    found.ok_or_else(|| "the program is not built: cargo build --release -p shouwang-node".into())
}

/// One office's directory, and its process when it runs.
pub struct Office {
    program: PathBuf,
    dir: PathBuf,
    key_file: PathBuf,
    running: Option<Running>,
    // Where it listened before: it comes back at the same addresses, as an office does.
    home: [Option<SocketAddr>; 2],
}

struct Running {
    child: Child,
    quic: Option<SocketAddr>,
    web: Option<SocketAddr>,
}

impl Office {
    /// An office that keeps its data in `dir`; its key file lies beside it.
    pub fn at(program: &Path, dir: PathBuf) -> Office {
        let key_file = dir.with_extension("key");
        Office { program: program.to_owned(), dir, key_file, running: None, home: [None; 2] }
    }

    /// Makes a city root of this division table.
    pub fn found(program: &Path, dir: PathBuf, divisions: &Path, name: &str) -> Result<Office, Failure> {
        let office = Office::at(program, dir);
        office.command(&["init", "--divisions", &text(divisions), "--office", name])?;
        Ok(office)
    }

    /// Enrols a new device for `areas` at this city, by files.
    pub fn enrol(&self, dir: PathBuf, areas: &[&str], parents: &[String]) -> Result<Office, Failure> {
        let office = Office::at(&self.program, dir);
        let [invitation, request, grant] = ["invitation", "request", "grant"].map(|kind| office.dir.with_extension(kind));
        let mut invite = vec!["invite".to_owned(), "--out".to_owned(), text(&invitation)];
        areas.iter().for_each(|area| invite.extend(["--area".to_owned(), (*area).to_owned()]));
        parents.iter().for_each(|parent| invite.extend(["--parent".to_owned(), parent.clone()]));
        self.command(&invite)?;
        office.command(&["join", "--invite", &text(&invitation), "--request", &text(&request)])?;
        self.command(&["invite", "grant", "--request", &text(&request), "--out", &text(&grant)])?;
        office.command(&["join", "--grant", &text(&grant)])?;
        Ok(office)
    }

    /// Its directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The file that unlocks it.
    pub fn key_file(&self) -> &Path {
        &self.key_file
    }

    /// Runs one command on its directory, beside its process or alone, and returns what it prints as JSON.
    pub fn command(&self, arguments: &[impl AsRef<str>]) -> Result<Value, Failure> {
        let output = self.raw(arguments)?;
        let printed = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() {
            let complaint = String::from_utf8_lossy(&output.stderr);
            let words: Vec<&str> = arguments.iter().map(AsRef::as_ref).take(2).collect();
            return Err(format!("{}: {}", words.join(" "), complaint.trim()).into());
        }
        Ok(printed.lines().last().map(serde_json::from_str).transpose()?.unwrap_or(Value::Null))
    }

    /// The same, with whatever exit code and output it has.
    pub fn raw(&self, arguments: &[impl AsRef<str>]) -> Result<std::process::Output, Failure> {
        let mut command = Command::new(&self.program);
        command.args(arguments.iter().map(AsRef::as_ref));
        command.args(["--dir", &text(&self.dir), "--key-file", &text(&self.key_file), "--json"]);
        Ok(command.stdin(Stdio::null()).output()?)
    }

    /// Starts its process: serving lower offices, and dialling `parents`.
    pub fn run(&mut self, parents: &[SocketAddr]) -> Result<(), Failure> {
        self.stop()?;
        let mut command = Command::new(&self.program);
        let [quic, web] = self.home.map(|at| at.map_or_else(|| "127.0.0.1:0".to_owned(), |at| at.to_string()));
        command.args(["run", "--quic", &quic, "--web", &web, "--json"]);
        command.args(["--dir", &text(&self.dir), "--key-file", &text(&self.key_file)]);
        for parent in parents {
            command.args(["--parent", &parent.to_string()]);
        }
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.dir.with_extension("log"))?;
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).spawn()?;
        let out = child.stdout.take().ok_or("no standard output")?;
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line)?;
        let ready: Value = serde_json::from_str(&line).map_err(|_| {
            let log = std::fs::read_to_string(self.dir.with_extension("log")).unwrap_or_default();
            format!("the node did not start: {}", log.lines().last().unwrap_or_default())
        })?;
        let address = |key: &str| ready.get(key).and_then(Value::as_str).and_then(|text| text.parse().ok());
        self.home = [address("quic"), address("web")];
        self.running = Some(Running { child, quic: self.home[0], web: self.home[1] });
        Ok(())
    }

    /// Where lower offices reach it.
    pub fn quic(&self) -> Result<SocketAddr, Failure> {
        self.running.as_ref().and_then(|running| running.quic).ok_or_else(|| "the office does not run".into())
    }

    /// Where its pages are.
    pub fn web(&self) -> Result<SocketAddr, Failure> {
        self.running.as_ref().and_then(|running| running.web).ok_or_else(|| "the office does not run".into())
    }

    /// Its process.
    pub fn process(&self) -> Option<u32> {
        self.running.as_ref().map(|running| running.child.id())
    }

    /// Ends its process in good order (SIGTERM).
    pub fn stop(&mut self) -> Result<(), Failure> {
        if let Some(mut running) = self.running.take() {
            Command::new("kill").args(["-TERM", &running.child.id().to_string()]).status()?;
            running.child.wait()?;
        }
        Ok(())
    }

    /// Ends its process at once (SIGKILL).
    pub fn kill(&mut self) -> Result<(), Failure> {
        if let Some(mut running) = self.running.take() {
            running.child.kill()?;
            running.child.wait()?;
        }
        Ok(())
    }

    /// What `status` says.
    pub fn status(&self) -> Result<Value, Failure> {
        self.command(&["status"])
    }

    /// Waits until `status` satisfies `wanted`.
    pub fn wait_until(&self, what: &str, limit: Duration, wanted: impl Fn(&Value) -> bool) -> Result<Value, Failure> {
        let until = Instant::now() + limit;
        loop {
            let status = self.status()?;
            if wanted(&status) {
                return Ok(status);
            }
            if Instant::now() > until {
                return Err(format!("waited {} s in vain for {what}; status: {status}", limit.as_secs()).into());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// Writes lines to a file.
pub fn write_lines(path: &Path, lines: impl IntoIterator<Item = String>) -> Result<(), Failure> {
    let mut out = std::io::BufWriter::new(std::fs::File::create(path)?);
    for line in lines {
        writeln!(out, "{line}")?;
    }
    Ok(out.flush()?)
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
