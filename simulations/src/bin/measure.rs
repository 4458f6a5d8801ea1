//! `measure`: the measurements of `interface.md`, and the households and edits they run on.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use clap::{Args, Parser, Subcommand};
use shouwang_protocol::area::Area;
use shouwang_provisioning::divisions;
use shouwang_simulations::offices::Failure;
use shouwang_simulations::{households, measure};
use std::error::Error;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Measures real nodes on invented households.
#[derive(Parser)]
#[command(name = "measure", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

/// One variant, and one arm in `main`, for each measurement.
#[derive(Subcommand)]
enum Command {
    /// Writes invented households, or offline edits of them; the same seed gives the same bytes for ever
    #[command(subcommand)]
    Generate(Generate),
    /// S1 to S6 between a village node and a township node, each its own process, over real QUIC
    Sync(Sync),
    /// The city centre: how fast households come in, what it needs, how long answers take
    Root(Root),
}

#[derive(Args)]
struct Sync {
    /// Households, as written by `generate docs`
    #[arg(long, value_name = "FILE")]
    households: PathBuf,
    /// Directory with the offline edits, as written by `generate edits`; without it S3 and S4 are left out
    #[arg(long, value_name = "DIR")]
    edits: Option<PathBuf>,
    /// Where to work [default: a directory of its own below the temporary directory]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Leave out S6, S6w and S1w, which take two minutes on a line of 64 kbit/s
    #[arg(long)]
    no_slow: bool,
    /// Print JSON lines (there is no other format)
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct Root {
    /// How many households
    #[arg(long, value_name = "N", default_value_t = 1000)]
    households: u64,
    /// The seed of the households
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where to work [default: a directory of its own below the temporary directory]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Print one JSON object (there is no other format)
    #[arg(long)]
    json: bool,
}

#[derive(Subcommand)]
enum Generate {
    /// Invented households, one JSON object a line
    Docs(Docs),
    /// Offline edits of households: edits-client.jsonl and edits-server.jsonl
    Edits(Edits),
}

#[derive(Args)]
struct Docs {
    /// How many
    #[arg(long, default_value_t = 1000)]
    n: u64,
    /// The seed of all of them
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Let each live in a village of this table (`code,name,level,parent`), round robin
    #[arg(long, value_name = "FILE")]
    divisions: Option<PathBuf>,
    /// The same with the built-in table of Zhangjiagang
    #[arg(long, conflicts_with = "divisions")]
    zhangjiagang: bool,
    /// Only villages of this area: a 12-digit code, trailing 000 meaning all below it
    #[arg(long, value_name = "CODE")]
    area: Option<String>,
    /// Where to write [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Args)]
struct Edits {
    /// The households to edit, as written by `docs`
    #[arg(long, value_name = "FILE")]
    docs: PathBuf,
    /// The seed of all edits
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The directory to write to
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// How many on either side
    #[arg(long, default_value_t = 100)]
    edits: usize,
    /// How many of them, at most all, of the same households on both sides
    #[arg(long, default_value_t = 20)]
    both: usize,
}

type Outcome = Result<(), Box<dyn Error>>;

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Generate(Generate::Docs(arguments)) => docs(&arguments),
        Command::Generate(Generate::Edits(arguments)) => edits(&arguments),
        Command::Sync(arguments) => sync(arguments),
        Command::Root(arguments) => root(arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("measure: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Works in `dir`, or in a directory of its own that is removed again.
fn within(dir: Option<PathBuf>, work: impl FnOnce(PathBuf) -> Result<(), Failure>) -> Outcome {
    let own = std::env::temp_dir().join(format!("shouwang-measure-{}", std::process::id()));
    let outcome = work(dir.clone().unwrap_or_else(|| own.clone()));
    if dir.is_none() {
        std::fs::remove_dir_all(&own).unwrap_or_default();
    }
    outcome.map_err(|error| error as Box<dyn Error>)
}

fn sync(arguments: Sync) -> Outcome {
    let Sync { households, edits, dir, no_slow, json: _ } = arguments;
    within(dir, |dir| {
        let options = measure::Options { households, edits, dir, slow: !no_slow };
        measure::sync(&options, |line| println!("{}", serde_json::json!(line)))
    })
}

fn root(arguments: Root) -> Outcome {
    let Root { households, seed, dir, json: _ } = arguments;
    within(dir, |dir| {
        let found = measure::root::root(&measure::root::Options { households, seed, dir })?;
        println!("{}", serde_json::json!(found));
        Ok(())
    })
}

fn docs(arguments: &Docs) -> Outcome {
    let areas = match &arguments.divisions {
        Some(path) => Some(read_divisions(&std::fs::read(path).map_err(|error| about(path, error))?)?),
        None if arguments.zhangjiagang => Some(read_divisions(divisions::ZHANGJIAGANG.as_bytes())?),
        None => None,
    };
    let options =
        households::Options { n: arguments.n, seed: arguments.seed, divisions: areas.as_deref(), area: arguments.area.clone() };
    let lines = households::docs(&options)?;
    match &arguments.out {
        Some(path) => write_file(path, lines),
        None => match write_lines(io::stdout().lock(), lines) {
            // Whoever read has seen enough, as `head` does.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => Ok(written?),
        },
    }
}

fn read_divisions(csv: &[u8]) -> Result<Vec<Area>, Box<dyn Error>> {
    divisions::read(csv).map_err(|error| format!("the division table: {error}").into())
}

fn edits(arguments: &Edits) -> Outcome {
    let path = &arguments.docs;
    let file = File::open(path).map_err(|error| about(path, error))?;
    let docs: Vec<String> = BufReader::new(file).lines().collect::<Result<_, _>>().map_err(|error| about(path, error))?;
    let (client, server) = households::edits(&docs, arguments.seed, arguments.edits, arguments.both)?;
    let dir = &arguments.out;
    std::fs::create_dir_all(dir).map_err(|error| about(dir, error))?;
    write_file(&dir.join("edits-client.jsonl"), client)?;
    write_file(&dir.join("edits-server.jsonl"), server)
}

fn write_file(path: &Path, lines: impl IntoIterator<Item = String>) -> Outcome {
    let file = File::create(path).map_err(|error| about(path, error))?;
    Ok(write_lines(file, lines).map_err(|error| about(path, error))?)
}

fn write_lines(to: impl Write, lines: impl IntoIterator<Item = String>) -> io::Result<()> {
    let mut to = BufWriter::new(to);
    for line in lines {
        to.write_all(line.as_bytes())?;
        to.write_all(b"\n")?;
    }
    to.flush()
}

fn about(path: &Path, error: io::Error) -> String {
    format!("{}: {error}", path.display())
}
