//! The measurements S1 to S5: a village and a township, two processes, real QUIC through the relay, real databases.
//!
//! Bytes are UDP payload counted by the relay, both ways, handshake included; they are exact. Seconds are of this
//! machine. A round trip is measured on a link of 500 ms each way, from the first datagram to agreement.

use crate::offices::{Failure, Office, program, write_lines};
use crate::relay::{Link, Relay};
use serde::Serialize;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

/// The village that all rows are put into, and its township.
const VILLAGE: &str = "320582100201";
const TOWNSHIP: &str = "320582100000";
/// How long anything may take.
const LIMIT: Duration = Duration::from_secs(900);
/// Quiet time after which a scenario's bytes are final: longer than any acknowledgement is delayed.
const QUIET: Duration = Duration::from_millis(600);

/// One line of results.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Line {
    /// Which.
    pub scenario: String,
    /// Records.
    pub n: usize,
    /// UDP payload from the lower to the upper office.
    pub bytes_up: u64,
    /// UDP payload the other way.
    pub bytes_down: u64,
    /// Datagrams up.
    pub datagrams_up: u64,
    /// Datagrams down.
    pub datagrams_down: u64,
    /// Round trips, where the scenario measures them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub round_trips: Option<u64>,
    /// From the first datagram to agreement.
    pub seconds: f64,
    /// CPU seconds of both processes since their start.
    pub cpu_s: f64,
    /// The larger peak of resident memory.
    pub rss_peak_bytes: u64,
    /// The upper office's database.
    pub disk_bytes: u64,
    /// zstd -19 of the same JSON lines together.
    pub floor_bytes: u64,
    /// Edits that no reader can find any more.
    pub lost: u64,
}

/// What to measure.
pub struct Options {
    /// Households, one JSON object a line.
    pub households: PathBuf,
    /// `edits-client.jsonl` and `edits-server.jsonl`, for S3 and S4.
    pub edits: Option<PathBuf>,
    /// Where to work; a fresh directory.
    pub dir: PathBuf,
}

struct Pair {
    city: Office,
    upper: Office,
    lower: Office,
    relay: Option<Relay>,
}

fn number(status: &Value, key: &str) -> u64 {
    status.get(key).and_then(Value::as_u64).unwrap_or(0)
}

fn village_digest(status: &Value) -> Option<&str> {
    status.get("areas_digest")?.get(VILLAGE)?.as_str()
}

fn wall_ms() -> i64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

impl Pair {
    fn make(program: &Path, dir: &Path) -> Result<Pair, Failure> {
        std::fs::create_dir_all(dir)?;
        let table = dir.join("divisions.csv");
        std::fs::write(&table, shouwang_provisioning::divisions::ZHANGJIAGANG)?;
        let city = Office::found(program, dir.join("city"), &table, "测量市中心")?;
        let upper = city.enrol(dir.join("upper"), &[TOWNSHIP], &[])?;
        let lower = city.enrol(dir.join("lower"), &[VILLAGE], &[])?;
        Ok(Pair { city, upper, lower, relay: None })
    }

    /// Starts both ends with a fresh relay between them; the upper one first.
    fn connect(&mut self, link: Link) -> Result<(), Failure> {
        if self.upper.process().is_none() {
            self.upper.run(&[])?;
        }
        let relay = Relay::start(self.upper.quic()?, link, link, 1)?;
        self.lower.run(&[relay.address()])?;
        self.relay = Some(relay);
        Ok(())
    }

    fn bytes(&self) -> [u64; 4] {
        let Some(relay) = &self.relay else { return [0; 4] };
        let (up, down) = (relay.up().read(), relay.down().read());
        [up.bytes, down.bytes, up.datagrams, down.datagrams]
    }

    /// Waits until both hold the same of the village, and the line is quiet.
    fn agree(&self) -> Result<[Value; 2], Failure> {
        let until = Instant::now() + LIMIT;
        loop {
            let (upper, lower) = (self.upper.status()?, self.lower.status()?);
            let same = village_digest(&upper).is_some() && village_digest(&upper) == village_digest(&lower);
            let agreed = |status: &Value| {
                let peers = status.get("peers").and_then(Value::as_array);
                peers.is_some_and(|peers| peers.iter().any(|peer| peer.get("agreed").and_then(Value::as_bool) == Some(true)))
            };
            if same && agreed(&upper) && agreed(&lower) {
                let before = self.bytes();
                std::thread::sleep(QUIET);
                if before == self.bytes() {
                    return Ok([upper, lower]);
                }
            }
            if Instant::now() > until {
                return Err(format!("the two offices did not agree in time: {upper} {lower}").into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn line(&self, scenario: &str, n: usize, started_ms: i64, statuses: &[Value; 2]) -> Line {
        let [bytes_up, bytes_down, datagrams_up, datagrams_down] = self.bytes();
        let last_sync = |status: &Value| {
            let peers = status.get("peers").and_then(Value::as_array).cloned().unwrap_or_default();
            peers.iter().filter_map(|peer| peer.get("last_sync").and_then(Value::as_i64)).max()
        };
        let agreed_ms = statuses.iter().filter_map(last_sync).max().unwrap_or(started_ms);
        let processes = [self.upper.process(), self.lower.process()];
        let usage: Vec<(f64, u64)> = processes.into_iter().flatten().map(usage).collect();
        let database = |office: &Office| {
            let sizes = ["shouwang.db", "shouwang.db-wal"]
                .map(|name| std::fs::metadata(office.dir().join(name)).map_or(0, |meta| meta.len()));
            sizes.iter().sum()
        };
        Line {
            scenario: scenario.into(),
            n,
            bytes_up,
            bytes_down,
            datagrams_up,
            datagrams_down,
            seconds: (agreed_ms - started_ms).max(0) as f64 / 1000.0,
            cpu_s: usage.iter().map(|(cpu, _)| cpu).sum(),
            rss_peak_bytes: usage.iter().map(|(_, rss)| *rss).max().unwrap_or(0),
            disk_bytes: database(&self.upper),
            ..Line::default()
        }
    }
}

/// CPU seconds and peak resident bytes of a process (Linux).
fn usage(process: u32) -> (f64, u64) {
    let read = |name: &str| std::fs::read_to_string(format!("/proc/{process}/{name}")).unwrap_or_default();
    let stat = read("stat");
    // Behind the name in brackets, fields 12 and 13 are user and system time in hundredths of a second.
    let fields: Vec<u64> =
        stat.rsplit(") ").next().unwrap_or_default().split(' ').map(|field| field.parse().unwrap_or(0)).collect();
    let ticks = fields.get(11).unwrap_or(&0) + fields.get(12).unwrap_or(&0);
    let peak =
        read("status").lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse::<u64>().ok());
    (ticks as f64 / 100.0, peak.unwrap_or(0) * 1024)
}

/// Runs the scenarios and hands over each line as it is known.
pub fn sync(options: &Options, mut report: impl FnMut(&Line)) -> Result<(), Failure> {
    let program = program()?;
    let rows = std::fs::read_to_string(&options.households)?;
    let mut lines = Vec::new();
    for row in rows.lines() {
        let mut value: serde_json::Map<String, Value> = serde_json::from_str(row)?;
        value.insert("region".into(), VILLAGE.into());
        lines.push(Value::Object(value).to_string());
    }
    let n = lines.len();
    let floor = zstd::bulk::compress(rows.as_bytes(), 19)?.len() as u64;
    std::fs::create_dir_all(&options.dir)?;
    let file = options.dir.join("rows.jsonl");
    write_lines(&file, lines)?;
    let file = file.to_string_lossy().into_owned();

    let mut pair = Pair::make(&program, &options.dir.join("main"))?;
    let imported = pair.lower.command(&["import", "households", &file])?;
    if number(&imported, "imported") != n as u64 {
        return Err(format!("only some rows were imported: {imported}").into());
    }

    let scenario = |pair: &mut Pair, name: &str, link: Link| -> Result<Line, Failure> {
        pair.lower.stop()?;
        let started = wall_ms();
        pair.connect(link)?;
        let statuses = pair.agree()?;
        let mut line = pair.line(name, n, started, &statuses);
        line.floor_bytes = floor;
        Ok(line)
    };

    let s1 = scenario(&mut pair, "S1", Link::default())?;
    report(&s1);
    let mut s2 = scenario(&mut pair, "S2", Link::default())?;
    let far = Link { delay_ms: 500, ..Link::default() };
    s2.round_trips = Some(round_trips(&mut pair, far)?);
    report(&s2);

    if let Some(edits) = &options.edits {
        let edit = |office: &Office, name: &str| office.command(&["import", "edits", &edits.join(name).to_string_lossy()]);
        pair.lower.stop()?;
        edit(&pair.lower, "edits-client.jsonl")?;
        let mut s3 = scenario(&mut pair, "S3", Link::default())?;
        s3.lost = lost(&pair, &edits.join("edits-client.jsonl"), None)?;
        report(&s3);

        let dir = options.dir.join("both");
        let mut both = Pair::make(&program, &dir)?;
        both.lower.command(&["import", "households", &file])?;
        scenario(&mut both, "S4 bootstrap", Link::default())?;
        both.lower.stop()?;
        edit(&both.lower, "edits-client.jsonl")?;
        edit(&both.upper, "edits-server.jsonl")?;
        let mut s4 = scenario(&mut both, "S4", Link::default())?;
        s4.lost = lost(&both, &edits.join("edits-client.jsonl"), Some(&edits.join("edits-server.jsonl")))?;
        report(&s4);
        both.city.stop()?;
    }

    let mut cut = Pair::make(&program, &options.dir.join("cut"))?;
    cut.lower.command(&["import", "households", &file])?;
    cut.upper.run(&[])?;
    let started = wall_ms();
    let relay = Relay::start(cut.upper.quic()?, Link::default(), Link::default(), 1)?;
    relay.cut_after((s1.bytes_up + s1.bytes_down) / 2);
    cut.lower.run(&[relay.address()])?;
    let until = Instant::now() + LIMIT;
    while !relay.is_cut() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(20));
    }
    // Long enough for both sides to notice and give up.
    std::thread::sleep(Duration::from_secs(2));
    relay.heal();
    cut.relay = Some(relay);
    let statuses = cut.agree()?;
    let mut s5 = cut.line("S5", n, started, &statuses);
    s5.floor_bytes = floor;
    report(&s5);
    Ok(())
}

/// Connects two offices that agree already over a far link, and counts the round trips until both know it.
fn round_trips(pair: &mut Pair, far: Link) -> Result<u64, Failure> {
    pair.lower.stop()?;
    let relay = Relay::start(pair.upper.quic()?, far, far, 1)?;
    pair.lower.run(&[relay.address()])?;
    let until = Instant::now() + LIMIT;
    while relay.up().read().datagrams == 0 && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(1));
    }
    let first = wall_ms();
    pair.relay = Some(relay);
    let known = |office: &Office| -> Result<i64, Failure> {
        let status = office.wait_until("agreement", LIMIT, |status| {
            let peers = status.get("peers").and_then(Value::as_array);
            let fresh = |peer: &Value| peer.get("last_sync").and_then(Value::as_i64).is_some_and(|at| at >= first);
            peers.is_some_and(|peers| peers.iter().any(fresh))
        })?;
        let peers = status.get("peers").and_then(Value::as_array).cloned().unwrap_or_default();
        Ok(peers.iter().filter_map(|peer| peer.get("last_sync").and_then(Value::as_i64)).max().unwrap_or(0))
    };
    let last = known(&pair.upper)?.max(known(&pair.lower)?);
    // A tenth of a second is the machine's, not the protocol's.
    Ok(((last - first - 100).max(0) as u64).div_ceil(1000))
}

/// Edits that no reader of the upper office finds: a field set that is neither the value nor one of its conflicting
/// values, an aid row that is missing.
fn lost(pair: &Pair, client: &Path, server: Option<&Path>) -> Result<u64, Failure> {
    let mut missing = 0;
    for office in [&pair.upper, &pair.lower] {
        for file in [Some(client), server].into_iter().flatten() {
            let found = office.command(&["import", "edits", &file.to_string_lossy(), "--check"])?;
            missing += number(&found, "missing");
        }
    }
    Ok(missing)
}
