//! The command line: what outsiders and scripts rely on.
//!
//! `main` is thin: parse, run, print, exit code. Every command works beside a running node of the same directory (it
//! asks that node through its console, with the same checks) as well as alone (it takes the lock itself).

mod output;
mod run;

use crate::console::Request;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

pub use output::Printer;
pub use run::main;
pub(crate) use run::until_stopped;

/// 守望: the social-assistance node that every office runs.
#[derive(Parser, Debug)]
#[command(name = "shouwang", version, about, max_term_width = 110)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Print one JSON object, or JSON lines, on standard output and nothing else there.
    #[arg(long, global = true)]
    pub json: bool,
}

/// Where the data are and how they are unlocked.
#[derive(Args, Debug, Clone)]
pub struct Directory {
    /// Data directory.
    #[arg(long, env = "SHOUWANG_DIR")]
    pub dir: PathBuf,
    /// File that holds the passphrase (its first line); else SHOUWANG_PASSPHRASE, else asked on a terminal.
    #[arg(long)]
    pub passphrase_file: Option<PathBuf>,
    /// File of 32 random bytes that unlocks the database instead of a passphrase (made on `init` and `join` if missing).
    #[arg(long)]
    pub key_file: Option<PathBuf>,
}

/// The commands.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Start a city centre, two townships and three villages on this machine, with sample data.
    Demo(Demo),
    /// Make a city root: keys, database, division tree, one office for each area.
    Init(Init),
    /// Change offices.
    #[command(subcommand)]
    Office(OfficeCommand),
    /// Change what an area is called, numbered and belongs to, or list a new one.
    #[command(subcommand)]
    Area(AreaCommand),
    /// Write a one-time invitation for a device of the office covering an area; or grant a request.
    #[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
    Invite(Invite),
    /// Make keys here and enrol, online or by two files on a stick.
    Join(Join),
    /// Serve until stopped.
    Run(Run),
    /// Bring data in.
    #[command(subcommand)]
    Import(Import),
    /// Take data out.
    #[command(subcommand)]
    Export(Export),
    /// Exchange records with another office by a signed, encrypted file on a stick, where there is no line.
    #[command(subcommand)]
    Carry(Carry),
    /// Show what this node holds and whom it talks to.
    Status(Directory),
    /// Check every chain, signature, certificate and right to write; rebuild the views and compare. With `--annual`,
    /// check a signed annual file instead.
    Verify(Verify),
    /// Members of staff.
    #[command(subcommand)]
    Staff(Staff),
    /// Give a device a new certificate for the same keys; it learns of it with the next sync.
    Renew(OneDevice),
    /// Close a lost or stolen device's logs, and list what it held.
    Revoke(Revoke),
    /// Write an encrypted copy of everything to a directory.
    Backup(Backup),
    /// Begin again from a backup, as a new incarnation.
    Restore(Restore),
    /// Say what is wrong with a directory, and what to do.
    Doctor(Directory),
}

/// `demo`
#[derive(Args, Debug)]
pub struct Demo {
    /// Where the six offices keep their data (a temporary directory if missing).
    #[arg(long)]
    pub dir: Option<PathBuf>,
    /// Households to import (`.jsonl`); invented ones if missing.
    #[arg(long)]
    pub households: Option<PathBuf>,
    /// Port of the first office's page; the others follow.
    #[arg(long, default_value_t = 8600)]
    pub web_base: u16,
    /// Play the three stories without waiting for a person, print one JSON report, exit 0 or 1.
    #[arg(long)]
    pub check: bool,
}

/// `init`
#[derive(Args, Debug)]
pub struct Init {
    /// The directory.
    #[command(flatten)]
    pub at: Directory,
    /// The division table: `code,name,level,parent`.
    #[arg(long)]
    pub divisions: PathBuf,
    /// Name of the city's office.
    #[arg(long)]
    pub office: String,
}

/// `office …`
#[derive(Subcommand, Debug)]
pub enum OfficeCommand {
    /// Join two areas in one office (区镇合一).
    Merge {
        /// The directory.
        #[command(flatten)]
        at: Directory,
        /// The area whose office stays.
        #[arg(long)]
        area: Vec<String>,
    },
    /// Name the device that writes its office's decisions from now on; what was decided before stays decided.
    Decider(OneDevice),
}

/// `area …`
#[derive(Subcommand, Debug)]
pub enum AreaCommand {
    /// Give an area another code, name or township; its records stay, and old codes and names still find it.
    Change {
        /// The directory.
        #[command(flatten)]
        at: Directory,
        /// Its code, of today or before (12 digits).
        #[arg(long)]
        area: String,
        /// Its new code.
        #[arg(long)]
        code: Option<String>,
        /// Its new name.
        #[arg(long)]
        name: Option<String>,
        /// The code of the area it belongs to from now on. What covers it is then another office: let the one that loses it
        /// sync first.
        #[arg(long)]
        parent: Option<String>,
        /// The first day on which it is so, `2026-10-01`; today or before. It holds as soon as it is written.
        #[arg(long)]
        from: String,
    },
    /// List a new area, with an office of its own that can be invited.
    Add {
        /// The directory.
        #[command(flatten)]
        at: Directory,
        /// Its code (12 digits).
        #[arg(long)]
        code: String,
        /// Its name.
        #[arg(long)]
        name: String,
        /// The code of the area it belongs to: below the city it is a township, below a township a village.
        #[arg(long)]
        parent: String,
        /// The code of the area it was part of until now.
        #[arg(long)]
        split_from: Option<String>,
        /// The first day on which it exists, `2026-10-01`; today if missing.
        #[arg(long)]
        from: Option<String>,
    },
}

/// A device, at the city.
#[derive(Args, Debug)]
pub struct OneDevice {
    /// The directory.
    #[command(flatten)]
    pub at: Directory,
    /// The device (its key or the short form that `status` shows).
    #[arg(long)]
    pub device: String,
}

/// `invite`
#[derive(Args, Debug)]
pub struct Invite {
    /// Answer a request instead.
    #[command(subcommand)]
    pub grant: Option<InviteCommand>,
    /// Data directory.
    #[arg(long, env = "SHOUWANG_DIR", required = true)]
    pub dir: Option<PathBuf>,
    /// File that holds the passphrase.
    #[arg(long)]
    pub passphrase_file: Option<PathBuf>,
    /// Key file.
    #[arg(long)]
    pub key_file: Option<PathBuf>,
    /// An area the office covers (12 digits); repeat for an office over several.
    #[arg(long, required = true)]
    pub area: Vec<String>,
    /// Name of the device, for people.
    #[arg(long)]
    pub name: Option<String>,
    /// How long it is good for: `7d`, `12h`, `30m`.
    #[arg(long, default_value = "7d")]
    pub expires: String,
    /// Addresses (HOST:PORT) where the new device joins and syncs.
    #[arg(long)]
    pub parent: Vec<String>,
    /// The file to write.
    #[arg(long, required = true)]
    pub out: Option<PathBuf>,
}

/// `invite grant`
#[derive(Subcommand, Debug)]
pub enum InviteCommand {
    /// Answer a request that came on a stick.
    Grant {
        /// The directory.
        #[command(flatten)]
        at: Directory,
        /// The request.
        #[arg(long)]
        request: PathBuf,
        /// The file to write.
        #[arg(long)]
        out: PathBuf,
    },
}

/// `join`
#[derive(Args, Debug)]
pub struct Join {
    /// The directory.
    #[command(flatten)]
    pub at: Directory,
    /// The invitation.
    #[arg(long)]
    pub invite: Option<PathBuf>,
    /// Where to join (HOST:PORT), instead of the addresses in the invitation.
    #[arg(long)]
    pub parent: Vec<String>,
    /// Write a request for a stick instead of going online.
    #[arg(long, requires = "invite", conflicts_with = "grant")]
    pub request: Option<PathBuf>,
    /// Finish with the grant that came back.
    #[arg(long, conflicts_with = "invite")]
    pub grant: Option<PathBuf>,
}

/// `run`
#[derive(Args, Debug)]
pub struct Run {
    /// The directory.
    #[command(flatten)]
    pub at: Directory,
    /// Address to take connections of lower offices on (UDP).
    #[arg(long)]
    pub quic: Option<std::net::SocketAddr>,
    /// Address of the staff pages.
    #[arg(long, default_value = "127.0.0.1:8600")]
    pub web: std::net::SocketAddr,
    /// Superior's address (HOST:PORT); repeat for several. Those given at `join` if missing.
    #[arg(long)]
    pub parent: Vec<String>,
}

/// `import …`
#[derive(Subcommand, Debug)]
pub enum Import {
    /// Households from a `.jsonl`, `.csv` or `.xlsx` file; bad rows go to FILE.rejects.jsonl.
    Households {
        /// The directory.
        #[command(flatten)]
        at: Directory,
        /// The file.
        file: PathBuf,
        /// Write nothing: say what would be new, changed, unchanged, rejected, and which fields would change.
        #[arg(long)]
        preview: bool,
        /// Rows of each kind that a preview lists.
        #[arg(long, default_value_t = 50, requires = "preview")]
        limit: usize,
    },
    /// What sources answered to checks of means, from a `.csv` or `.xlsx` file; bad rows go to FILE.rejects.jsonl. City only.
    Answers {
        /// The directory.
        #[command(flatten)]
        at: Directory,
        /// The file.
        file: PathBuf,
    },
    /// Edits of households, `{"id":…,"set":{…},"aid":{…}}` a line: sets scalars, adds an aid row.
    Edits {
        /// The directory.
        #[command(flatten)]
        at: Directory,
        /// The file.
        file: PathBuf,
        /// Change nothing: count the edits of which nothing can be found.
        #[arg(long)]
        check: bool,
    },
}

/// `verify …`
#[derive(Args, Debug)]
pub struct Verify {
    /// The directory.
    #[command(flatten)]
    pub at: Option<Directory>,
    /// A signed annual file: whether an office of the city vouches for it, and nothing was altered.
    #[arg(long)]
    pub annual: Option<PathBuf>,
    /// The city's root key (64 hexadecimal digits, `city` in `status`), where there is no directory. Ask the city for it:
    /// the key that stands in the file proves nothing.
    #[arg(long, requires = "annual", conflicts_with = "dir")]
    pub city: Option<String>,
}

/// `export …`
#[derive(Subcommand, Debug)]
pub enum Export {
    /// Households with members and aid: a workbook of three sheets, or `.jsonl`; in a `.csv` one row a member.
    Households(ExportTo),
    /// Cases, and where they stand.
    Cases(ExportTo),
    /// The annual files of a year: a row a household; in a workbook also the aid, and what is missing.
    Years {
        /// The year.
        #[arg(long)]
        year: i32,
        /// Where to.
        #[command(flatten)]
        to: ExportTo,
    },
}

/// Where an export goes, and what for.
#[derive(Args, Debug)]
pub struct ExportTo {
    /// The directory.
    #[command(flatten)]
    pub at: Directory,
    /// The file to write, `.xlsx`, `.csv` or `.jsonl`; only its owner may read it.
    #[arg(long)]
    pub out: PathBuf,
    /// Only this area and those below it (12 digits).
    #[arg(long)]
    pub area: Option<String>,
    /// What for; stands in the list of exports that auditors read.
    #[arg(long, default_value = "")]
    pub purpose: String,
}

/// `carry …`
#[derive(Subcommand, Debug)]
pub enum Carry {
    /// Write everything the other office's device has not said it holds to a file that only it can open.
    Out {
        /// The directory.
        #[command(flatten)]
        at: Directory,
        /// The file to write.
        #[arg(long)]
        out: PathBuf,
        /// The other device (its key or how it begins); the nearest superior's if missing.
        #[arg(long)]
        to: Option<String>,
        /// Everything it may hold, whatever it said: for a machine that was set up anew.
        #[arg(long)]
        everything: bool,
    },
    /// Take in a file that another office's device made for this one. Again, it adds nothing.
    In {
        /// The directory.
        #[command(flatten)]
        at: Directory,
        /// The file.
        file: PathBuf,
        /// Write the answer here: receipts, and what the sender lacks.
        #[arg(long)]
        answer: Option<PathBuf>,
    },
}

/// `staff …`
#[derive(Subcommand, Debug)]
pub enum Staff {
    /// Add a member of staff.
    Add {
        /// The directory.
        #[command(flatten)]
        at: Directory,
        /// Sign-in name.
        #[arg(long)]
        id: String,
        /// Name.
        #[arg(long)]
        name: String,
        /// Role: intake, reviewer, approver, administrator, auditor, department, provider; repeat for several.
        #[arg(long, required = true)]
        role: Vec<String>,
        /// Department, for role department.
        #[arg(long)]
        department: Option<String>,
        /// Provider, for role provider.
        #[arg(long)]
        provider: Option<String>,
        /// File whose first line is the password.
        #[arg(long)]
        password_file: PathBuf,
    },
    /// Give a new password.
    Reset {
        /// The directory.
        #[command(flatten)]
        at: Directory,
        /// Sign-in name.
        #[arg(long)]
        id: String,
        /// File whose first line is the password.
        #[arg(long)]
        password_file: PathBuf,
    },
    /// Disable an account.
    Disable {
        /// The directory.
        #[command(flatten)]
        at: Directory,
        /// Sign-in name.
        #[arg(long)]
        id: String,
    },
}

/// `revoke`
#[derive(Args, Debug)]
pub struct Revoke {
    /// The directory.
    #[command(flatten)]
    pub at: Directory,
    /// The device (its key or the short form that `status` shows).
    #[arg(long)]
    pub device: String,
    /// Why: `lost`, `stolen`, `replaced`, …
    #[arg(long)]
    pub reason: String,
}

/// `backup`
#[derive(Args, Debug)]
pub struct Backup {
    /// The directory.
    #[command(flatten)]
    pub at: Directory,
    /// The directory to write (must not exist).
    #[arg(long)]
    pub out: PathBuf,
}

/// `restore`
#[derive(Args, Debug)]
pub struct Restore {
    /// The directory.
    #[command(flatten)]
    pub at: Directory,
    /// A directory that `backup` wrote.
    #[arg(long)]
    pub from: PathBuf,
}

impl Staff {
    fn split(self) -> Result<(Directory, Request), String> {
        let password = |file: &PathBuf| -> Result<String, String> {
            let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
            text.lines().next().map(str::to_owned).ok_or_else(|| format!("{}: the file is empty", file.display()))
        };
        Ok(match self {
            Staff::Add { at, id, name, role, department, provider, password_file } => {
                let password = password(&password_file)?;
                (at, Request::StaffAdd { id, name, roles: role, department, provider, password })
            }
            Staff::Reset { at, id, password_file } => (at, Request::StaffReset { id, password: password(&password_file)? }),
            Staff::Disable { at, id } => (at, Request::StaffDisable { id }),
        })
    }
}
