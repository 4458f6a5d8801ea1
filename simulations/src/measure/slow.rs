//! S6, S6w and S1w: the line of a bad day, 64 kbit/s, 600 ms a round trip, one packet in twenty lost.
//!
//! Seconds count from the first datagram to the moment when the upper office has stored everything, or the warning.

use super::pair::{Pair, village_digest, wall_ms};
use super::{LIMIT, Line, VILLAGE, number};
use crate::http;
use crate::offices::{Failure, Office, write_lines};
use crate::relay::Link;
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};

/// The line.
const SLOW: Link = Link { rate: 64_000, queue_bytes: 0, delay_ms: 300, loss: 50, duplication: 0, reordering: 0 };
/// Rows behind which warnings are sent: 2 MB of JSON.
pub(super) const BULK_ROWS: usize = 1_000;
/// Warnings sent behind the bulk, one after the other.
const WARNINGS: u64 = 5;
/// Between two of them, while the bulk flows.
const BETWEEN: Duration = Duration::from_secs(4);
/// The password of the clerk who sends them.
pub(super) const PASSWORD: &str = "long-and-easy-to-keep";

/// Connects over the slow line, and waits until the upper office has stored what the lower one has: how long.
pub(super) fn edits(pair: &mut Pair, n: usize) -> Result<Line, Failure> {
    let wanted = pair.lower.status()?;
    pair.connect(SLOW)?;
    let first = pair.first_datagram()?;
    let stored = |status: &Value| village_digest(status) == village_digest(&wanted);
    pair.upper.wait_until("everything", LIMIT, stored)?;
    let seconds = (wall_ms() - first) as f64 / 1000.0;
    let statuses = pair.agree()?;
    Ok(Line { seconds, ..pair.line("S6", n, first, &statuses) })
}

/// A new village sends its rows over the slow line, and warnings while it does.
pub(super) fn bulk(program: &Path, dir: &Path, rows: &[String]) -> Result<[Line; 2], Failure> {
    let mut pair = Pair::make(program, &dir.join("slow"))?;
    let file = dir.join("bulk.jsonl");
    write_lines(&file, rows.iter().cloned())?;
    pair.lower.command(&["import", "households", &file.to_string_lossy()])?;
    add_clerk(&pair.lower, dir)?;
    let floor_bytes = zstd::bulk::compress(rows.join("\n").as_bytes(), 19)?.len() as u64;
    pair.connect(SLOW)?;
    let token = sign_in(&pair.lower)?;
    let first = pair.first_datagram()?;
    let mut worst = Duration::ZERO;
    for warning in 1..=WARNINGS {
        std::thread::sleep(BETWEEN);
        if number(&pair.upper.status()?, "households") >= rows.len() as u64 {
            return Err("the bulk was over before the last warning: give more rows".into());
        }
        let command = json!({ "do": "open_case", "origin": "warning", "area": VILLAGE, "applicant": "王五",
            "summary": "住院费用骤增", "urgency": "urgent", "rule": "医疗费用" });
        let body = json!({ "action": format!("{warning:032x}"), "command": command });
        let begun = Instant::now();
        let answer = http::post(pair.lower.web()?, "/api/v1/commands", Some(&token), &body)?;
        if answer.status != 200 {
            return Err(format!("the warning was refused: {}", answer.text()).into());
        }
        pair.upper.wait_until("the warning", LIMIT, |status| number(status, "cases") >= warning)?;
        worst = worst.max(begun.elapsed());
    }
    let n = rows.len();
    let statuses = [pair.upper.status()?, pair.lower.status()?];
    let warned = Line { seconds: worst.as_secs_f64(), floor_bytes, ..pair.line("S6w", n, first, &statuses) };
    pair.upper.wait_until("everything", LIMIT, |status| number(status, "households") >= n as u64)?;
    let seconds = (wall_ms() - first) as f64 / 1000.0;
    let statuses = pair.agree()?;
    Ok([warned, Line { seconds, floor_bytes, ..pair.line("S1w", n, first, &statuses) }])
}

/// Adds a clerk to an office.
pub(super) fn add_clerk(office: &Office, dir: &Path) -> Result<(), Failure> {
    let password = dir.join("password");
    std::fs::write(&password, PASSWORD)?;
    let file = password.to_string_lossy().into_owned();
    office.command(&["staff", "add", "--id", "clerk", "--name", "李敏", "--role", "intake", "--password-file", &file])?;
    Ok(())
}

/// Signs the clerk in at an office that runs: the token.
pub(super) fn sign_in(office: &Office) -> Result<String, Failure> {
    let answer = http::post(office.web()?, "/api/v1/sign-in", None, &json!({ "id": "clerk", "password": PASSWORD }))?;
    let token = answer.json().get("token").and_then(Value::as_str).map(str::to_owned);
    token.ok_or_else(|| format!("the clerk cannot sign in: {}", answer.text()).into())
}
