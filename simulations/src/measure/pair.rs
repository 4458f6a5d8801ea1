//! A village and its township: two processes, a relay between them, and what is read off them.

use super::{LIMIT, Line, TOWNSHIP, VILLAGE};
use crate::offices::{Failure, Office};
use crate::relay::{Link, Relay};
use serde_json::Value;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

/// Quiet time after which a scenario's bytes are final: longer than any acknowledgement is delayed, on a near line.
const QUIET: Duration = Duration::from_millis(600);

/// The two, the city that founded them, and the line between them.
pub(super) struct Pair {
    pub city: Office,
    pub upper: Office,
    pub lower: Office,
    pub relay: Option<Relay>,
}

pub(super) fn village_digest(status: &Value) -> Option<&str> {
    status.get("areas_digest")?.get(VILLAGE)?.as_str()
}

/// When an office last agreed with a peer.
fn last_sync(status: &Value) -> Option<i64> {
    let peers = status.get("peers").and_then(Value::as_array)?;
    peers.iter().filter_map(|peer| peer.get("last_sync").and_then(Value::as_i64)).max()
}

/// Round trips of the far line, a second each, in so many milliseconds. A tenth of a second is the machine's.
pub(super) fn round_trips(ms: i64) -> u64 {
    ((ms - 100).max(0) as u64).div_ceil(1000)
}

pub(super) fn wall_ms() -> i64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

impl Pair {
    pub fn make(program: &Path, dir: &Path) -> Result<Pair, Failure> {
        std::fs::create_dir_all(dir)?;
        let table = dir.join("divisions.csv");
        std::fs::write(&table, shouwang_provisioning::divisions::ZHANGJIAGANG)?;
        let city = Office::found(program, dir.join("city"), &table, "测量市中心")?;
        let upper = city.enrol(dir.join("upper"), &[TOWNSHIP], &[])?;
        let lower = city.enrol(dir.join("lower"), &[VILLAGE], &[])?;
        Ok(Pair { city, upper, lower, relay: None })
    }

    /// Starts both ends with a fresh relay between them; the upper one first.
    pub fn connect(&mut self, link: Link) -> Result<(), Failure> {
        if self.upper.process().is_none() {
            self.upper.run(&[])?;
        }
        let relay = Relay::start(self.upper.quic()?, link, link, 1)?;
        self.lower.run(&[relay.address()])?;
        self.relay = Some(relay);
        Ok(())
    }

    pub fn bytes(&self) -> [u64; 4] {
        let Some(relay) = &self.relay else { return [0; 4] };
        let (up, down) = (relay.up().read(), relay.down().read());
        [up.bytes, down.bytes, up.datagrams, down.datagrams]
    }

    /// The line.
    pub fn relay(&self) -> Result<&Relay, Failure> {
        self.relay.as_ref().ok_or_else(|| "the two are not connected".into())
    }

    /// Forgets what was counted.
    pub fn reset(&self) {
        if let Some(relay) = &self.relay {
            relay.up().reset();
            relay.down().reset();
        }
    }

    /// Waits for the first datagram of the lower office, and says when it came.
    pub fn first_datagram(&self) -> Result<i64, Failure> {
        let until = Instant::now() + LIMIT;
        while self.relay()?.up().read().datagrams == 0 {
            if Instant::now() > until {
                return Err("the lower office does not dial".into());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(wall_ms())
    }

    /// Waits until nothing went over the line for so long, and says when the last datagram left it.
    pub fn hush(&self, quiet: Duration) -> Result<i64, Failure> {
        let until = Instant::now() + LIMIT;
        let relay = self.relay()?;
        let seen = || [relay.up().read(), relay.down().read()].map(|way| (way.bytes, way.delivered));
        let (mut before, mut since, mut last) = (seen(), Instant::now(), wall_ms());
        while since.elapsed() < quiet {
            if Instant::now() > until {
                return Err("the line is never quiet".into());
            }
            std::thread::sleep(Duration::from_millis(10));
            let now = seen();
            if now != before {
                (before, since, last) = (now, Instant::now(), wall_ms());
            }
        }
        Ok(last)
    }

    /// Waits until both have known since `first` that they agree, and says how many round trips of the far line, a
    /// second each, that took.
    pub fn round_trips(&self, first: i64) -> Result<u64, Failure> {
        let known = |office: &Office| -> Result<i64, Failure> {
            let fresh = |status: &Value| last_sync(status).filter(|at| *at >= first);
            let status = office.wait_until("agreement", LIMIT, |status| fresh(status).is_some())?;
            Ok(last_sync(&status).unwrap_or(0))
        };
        Ok(round_trips(known(&self.upper)?.max(known(&self.lower)?) - first))
    }

    /// Waits until both hold the same of the village, and the line is quiet.
    pub fn agree(&self) -> Result<[Value; 2], Failure> {
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

    pub fn line(&self, scenario: &str, n: usize, started_ms: i64, statuses: &[Value; 2]) -> Line {
        let [bytes_up, bytes_down, datagrams_up, datagrams_down] = self.bytes();
        let agreed_ms = statuses.iter().filter_map(last_sync).max().unwrap_or(started_ms);
        let processes = [self.upper.process(), self.lower.process()];
        let usage: Vec<(f64, u64)> = processes.into_iter().flatten().map(usage).collect();
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
            disk_bytes: database_bytes(&self.upper),
            ..Line::default()
        }
    }
}

/// The size of an office's database.
pub(super) fn database_bytes(office: &Office) -> u64 {
    let size = |name| std::fs::metadata(office.dir().join(name)).map_or(0, |meta| meta.len());
    ["shouwang.db", "shouwang.db-wal"].map(size).iter().sum()
}

/// CPU seconds and peak resident bytes of a process (Linux).
pub(super) fn usage(process: u32) -> (f64, u64) {
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

/// Edits that no reader of the upper office finds: a field set that is neither the value nor one of its conflicting
/// values, an aid row that is missing.
pub(super) fn lost(pair: &Pair, client: &Path, server: Option<&Path>) -> Result<u64, Failure> {
    let mut missing = 0;
    for office in [&pair.upper, &pair.lower] {
        for file in [Some(client), server].into_iter().flatten() {
            let found = office.command(&["import", "edits", &file.to_string_lossy(), "--check"])?;
            missing += super::number(&found, "missing");
        }
    }
    Ok(missing)
}
