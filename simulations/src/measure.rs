//! The measurements S1 to S6: a village and a township, two processes, real QUIC through the relay, real databases.
//! [`root`] is the one of the city.
//!
//! Bytes are UDP payload counted by the relay, both ways, handshake included; they are exact. Seconds are of this
//! machine. A round trip is measured on a link of 500 ms each way, from the first datagram to agreement.

mod open;
mod pair;
pub mod root;
mod slow;

use crate::offices::{Failure, Office, program, write_lines};
use crate::relay::{Link, Relay};
use pair::{Pair, lost, wall_ms};
use serde::Serialize;
use serde_json::Value;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The village that all rows are put into, and its township.
const VILLAGE: &str = "320582100201";
const TOWNSHIP: &str = "320582100000";
/// How long anything may take.
const LIMIT: Duration = Duration::from_secs(900);
/// A line of one second a round trip.
const FAR: Link = Link { rate: 0, queue_bytes: 0, delay_ms: 500, loss: 0, duplication: 0, reordering: 0 };

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
    /// Also the scenarios on a slow line, which are about seconds.
    pub slow: bool,
}

fn number(status: &Value, key: &str) -> u64 {
    status.get(key).and_then(Value::as_u64).unwrap_or(0)
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
    write_lines(&file, lines.iter().cloned())?;
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
    pair.lower.stop()?;
    pair.connect(FAR)?;
    s2.round_trips = Some(pair.round_trips(pair.first_datagram()?)?);
    report(&s2);
    for line in open::scenarios(&pair, n)? {
        report(&Line { floor_bytes: floor, ..line });
    }

    if let Some(edits) = &options.edits {
        let edit = |office: &Office, name: &str| office.command(&["import", "edits", &edits.join(name).to_string_lossy()]);
        pair.lower.stop()?;
        edit(&pair.lower, "edits-client.jsonl")?;
        let mut s3 = scenario(&mut pair, "S3", Link::default())?;
        s3.lost = lost(&pair, &edits.join("edits-client.jsonl"), None)?;
        report(&s3);
        if options.slow {
            pair.lower.stop()?;
            edit(&pair.lower, "edits-server.jsonl")?;
            report(&Line { floor_bytes: floor, ..slow::edits(&mut pair, n)? });
        }
        pair.city.stop()?;
        pair.upper.stop()?;
        pair.lower.stop()?;

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

    if options.slow {
        lines.truncate(slow::BULK_ROWS);
        slow::bulk(&program, &options.dir, &lines)?.iter().for_each(report);
    }
    Ok(())
}
