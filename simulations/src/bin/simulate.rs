//! `simulate`: runs the virtual city, one seed or many, and replays what failed.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use clap::Parser;
use shouwang_simulations::world::{Options, Outcome, Profile, run};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Runs the virtual city.
#[derive(Parser)]
#[command(name = "simulate", version)]
struct Arguments {
    /// One seed
    #[arg(long, conflicts_with_all = ["seeds", "replay"])]
    seed: Option<u64>,
    /// Many seeds, from A up to but not including B
    #[arg(long, value_name = "A..B", conflicts_with = "replay")]
    seeds: Option<String>,
    /// The city: small (9 offices), zhangjiagang (289), month (21 at work for weeks) or year (289 for a year)
    #[arg(long, default_value = "small")]
    profile: String,
    /// Virtual days with faults; as many as the city's profile has, unless given
    #[arg(long)]
    days: Option<u64>,
    /// Write the trace of one seed to this file
    #[arg(long, value_name = "FILE", requires = "seed")]
    trace: Option<PathBuf>,
    /// Run again what a trace file says and compare byte by byte
    #[arg(long, value_name = "FILE")]
    replay: Option<PathBuf>,
    /// Threads for many seeds
    #[arg(long, default_value_t = std::thread::available_parallelism().map_or(1, |n| n.get() as u64))]
    threads: u64,
    /// Fail when something that should happen sometimes never did
    #[arg(long)]
    all_sometimes: bool,
    /// Print JSON lines
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // Panics of Automerge are caught by the fence; they need not be told.
    std::panic::set_hook(Box::new(|_| {}));
    let result = match (&arguments.replay, &arguments.seeds) {
        (Some(file), _) => replay(file),
        (None, Some(range)) => many(&arguments, range),
        (None, None) => one(&arguments),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("simulate: {message}");
            ExitCode::from(2)
        }
    }
}

fn options(arguments: &Arguments, seed: u64) -> Result<Options, String> {
    let profile = Profile::from_word(&arguments.profile).ok_or(format!("there is no profile {:?}", arguments.profile))?;
    let keep_trace = arguments.trace.is_some();
    Ok(Options { days: arguments.days.unwrap_or(profile.days()), keep_trace, ..Options::new(seed, profile) })
}

fn command(options: &Options) -> String {
    let Options { seed, profile, days, .. } = options;
    format!(
        "cargo run --release -p shouwang-simulations --bin simulate -- --seed {seed} --profile {} --days {days}",
        profile.word()
    )
}

fn tell(options: &Options, outcome: &Outcome, json: bool) {
    let failure = outcome.failure.as_ref();
    if json {
        let line = serde_json::json!({
            "seed": options.seed, "profile": options.profile.word(), "days": options.days, "ok": failure.is_none(),
            "events": outcome.events, "actions": outcome.actions, "agreed_after_ms": outcome.agreed_after_ms,
            "hash": outcome.hash, "report": outcome.report, "what": failure.map(|f| f.what), "why": failure.map(|f| f.why.clone()),
            "command": failure.map(|_| command(options)),
        });
        println!("{line}");
    } else if let Some(failure) = failure {
        println!("seed {} FAILED at {} ms: {}: {}", options.seed, failure.at, failure.what, failure.why);
        failure.tail.iter().for_each(|line| println!("  | {line}"));
        println!("  again: {}", command(options));
    }
}

fn one(arguments: &Arguments) -> Result<bool, String> {
    let options = options(arguments, arguments.seed.unwrap_or(1))?;
    let outcome = run(options);
    tell(&options, &outcome, arguments.json);
    if !arguments.json {
        println!(
            "seed {}: {} events, {} actions, all agreed {} ms after healing, trace {}",
            options.seed, outcome.events, outcome.actions, outcome.agreed_after_ms, outcome.hash
        );
        println!("{:#?}", outcome.seen);
        outcome.report.iter().for_each(|report| println!("{report}"));
    }
    if let Some(file) = &arguments.trace {
        let text = format!(
            "shouwang trace 1\nseed {}\nprofile {}\ndays {}\nhash {}\n{}",
            options.seed,
            options.profile.word(),
            options.days,
            outcome.hash,
            outcome.trace.as_deref().unwrap_or_default()
        );
        std::fs::write(file, text).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    Ok(outcome.failure.is_none())
}

fn replay(file: &Path) -> Result<bool, String> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let mut rest = text.as_str();
    let mut head: BTreeMap<&str, &str> = BTreeMap::new();
    for _ in 0..5 {
        let (line, after) = rest.split_once('\n').ok_or("this is no trace")?;
        rest = after;
        head.extend(line.split_once(' '));
    }
    let field = |name: &str| head.get(name).copied().ok_or(format!("the trace has no {name}"));
    let number = |name: &str| field(name)?.parse::<u64>().map_err(|error| format!("{name}: {error}"));
    let profile = Profile::from_word(field("profile")?).ok_or("the trace has an unknown profile")?;
    let options = Options { days: number("days")?, keep_trace: true, ..Options::new(number("seed")?, profile) };
    let outcome = run(options);
    tell(&options, &outcome, false);
    let again = outcome.trace.as_deref().unwrap_or_default();
    if again == rest && outcome.hash == field("hash")? {
        println!("the same, {} bytes, {}", again.len(), outcome.hash);
        return Ok(outcome.failure.is_none());
    }
    let line =
        again.lines().zip(rest.lines()).position(|(a, b)| a != b).unwrap_or(again.lines().count().min(rest.lines().count()));
    println!("line {} differs:\n  then {:?}\n  now  {:?}", line + 1, rest.lines().nth(line), again.lines().nth(line));
    Ok(false)
}

fn many(arguments: &Arguments, range: &str) -> Result<bool, String> {
    let (first, end) = range.split_once("..").ok_or("seeds are written A..B")?;
    let number = |text: &str| text.parse::<u64>().map_err(|error| format!("{text:?}: {error}"));
    let (first, end) = (number(first)?, number(end)?);
    let base = options(arguments, 0)?;
    base.profile.city();
    let next = AtomicU64::new(first);
    let results: Mutex<(BTreeMap<&'static str, u64>, u64, u64, u64, u64)> = Mutex::default();
    // Time is told to people only; nothing in a run knows it.
    let begun = std::time::Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..arguments.threads.max(1) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        break;
                    }
                    let options = Options { seed, ..base };
                    let outcome = run(options);
                    let Ok(mut results) = results.lock() else { break };
                    tell(&options, &outcome, arguments.json);
                    for (what, times) in &outcome.seen {
                        *results.0.entry(what).or_default() += times;
                    }
                    results.1 += u64::from(outcome.failure.is_some());
                    results.2 += outcome.events;
                    results.3 += outcome.actions;
                    results.4 = results.4.max(outcome.agreed_after_ms);
                }
            });
        }
    });
    let (seen, failed, events, actions, slowest) = results.into_inner().map_err(|_| "a thread died")?;
    let seconds = begun.elapsed().as_secs_f64();
    let never: Vec<&str> = base.profile.sometimes().iter().copied().filter(|what| !seen.contains_key(what)).collect();
    if arguments.json {
        let summary = serde_json::json!({
            "seeds": end - first, "failed": failed, "events": events, "actions": actions, "seconds": seconds,
            "slowest_agreement_ms": slowest, "seen": seen, "never": never,
        });
        println!("{summary}");
    } else {
        seen.iter().for_each(|(what, times)| println!("{times:>9}  {what}"));
        println!(
            "{} seeds, {failed} failed, {events} events, {actions} actions, slowest agreement {slowest} ms, {:.1} seeds/s",
            end - first,
            (end - first) as f64 / seconds
        );
        if !never.is_empty() {
            println!("never seen: {never:?}");
        }
    }
    Ok(failed == 0 && (never.is_empty() || !arguments.all_sometimes))
}
