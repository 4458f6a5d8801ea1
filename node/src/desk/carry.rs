//! Between two offices without a line: a file on a stick. Who may, to whom, what came of it, and the note that is kept.
//!
//! What is in a file and what it may hold is `protocol`'s matter ([`parcel`]), how it is protected [`crate::parcel`]'s.
//! A file is checked to its end before anything of it is taken; it is packed and taken in strides, so that the work at
//! the counter goes on.

use super::model::Person;
use super::outcome::DeskError;
use super::{Desk, LOOKING, permit};
use crate::entropy;
use crate::parcel::{self as file, FileError, Head, Opener, Sealer};
use crate::store::reader::{Listed, Page};
use crate::store::{CarriedRow, ExportRow, SqliteStore};
use crate::writer::{Health, Writer};
use serde::Serialize;
use shouwang_protocol::area::Tier;
use shouwang_protocol::control::Control;
use shouwang_protocol::device::{DeviceKey, SUITE};
use shouwang_protocol::records::staff::Role;
use shouwang_protocol::sync::message::Farewell;
use shouwang_protocol::sync::parcel::{self, Known, Packing, ParcelError, Tally, Unpacking};
use std::fs::File;
use std::io::{BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use tokio::runtime::Handle;
use zeroize::Zeroizing;

/// Who carries files.
pub const CARRIERS: &[Role] = &[Role::Intake, Role::Reviewer, Role::Approver, Role::Administrator];
/// Who reads the list of files.
pub const READERS_OF_CARRIED: &[Role] = &[Role::Auditor, Role::Administrator];
/// The word for a file in the book of exports.
pub const EXPORT_WORD: &str = "parcel";
/// Bytes of messages packed before others get their turn.
const STRIDE_BYTES: usize = 256 * 1024;
/// Bytes of messages taken before others get their turn: judging and writing them is the slow part.
const TAKEN_BYTES: usize = 16 * 1024;
/// Files that the page lists.
const ROWS: u32 = 20;

const UNTOUCHED: &str = "本机的数据没有任何改动。";
const PART_TAKEN: &str = "已经收下的条目都有效，再收一次不会重复。";
const COPY_AGAIN: &str = "请重新从对方的机器拷出文件，再收一次。";

/// The secret that opens files for this device.
#[derive(Default)]
pub(super) struct Recipient(OnceLock<Zeroizing<[u8; 32]>>);

impl std::fmt::Debug for Recipient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Recipient")
    }
}

/// Another device that files go to and come from.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct CarryPeer {
    /// The device.
    #[serde(serialize_with = "as_text")]
    pub device: DeviceKey,
    /// Its office.
    pub office: String,
    /// The office's tier.
    #[serde(skip)]
    pub tier: Tier,
    /// Whether it is above ours.
    pub above: bool,
    /// Whether files go to it when nobody says to whom.
    pub usual: bool,
    /// Entries here that it has not said it holds; not counted for an office below that never had a file.
    pub lacks: Option<u64>,
    /// The latest file made for it.
    pub last_out: Option<CarriedRow>,
    /// The latest file of it that was taken in.
    pub last_in: Option<CarriedRow>,
}

fn as_text<S: serde::Serializer>(device: &DeviceKey, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(device)
}

/// A file that was made.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct CarriedOut {
    /// For which office.
    pub office: String,
    /// For which device.
    #[serde(serialize_with = "as_text")]
    pub device: DeviceKey,
    /// Entries in it.
    pub entries: u64,
    /// Its bytes.
    pub bytes: u64,
}

/// A file that was taken in.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct CarriedIn {
    /// Of which office.
    pub office: String,
    /// Of which device.
    #[serde(serialize_with = "as_text")]
    pub device: DeviceKey,
    /// When it was made, by its maker's clock.
    pub made_ms: i64,
    /// What became of the entries.
    #[serde(flatten)]
    pub tally: Tally,
    /// Entries more than before that wait for something that has not come.
    pub waiting: u64,
    /// Whether this very file was taken in before.
    pub again: bool,
    /// Whether a later file of the same device was taken in before.
    pub older: bool,
    /// Entries here that the sender lacks.
    pub lacks: u64,
    /// Whether a file should go back: with receipts, or with what the sender lacks.
    pub answer_due: bool,
}

fn refused(why: impl Into<String>, press: &'static str) -> DeskError {
    DeskError::Carried { why: why.into(), safe: UNTOUCHED, press }
}

fn of_file(error: FileError) -> DeskError {
    match error {
        FileError::NotAParcel => refused("这不是守望的传递文件", "请选择对方机器“拷出”的 .parcel 文件。"),
        FileError::Version => refused("这个文件是较新版本的程序拷出的", "请先升级本机的程序，再收一次。"),
        FileError::Cut => refused("文件不完整，后面缺了一段", COPY_AGAIN),
        FileError::Altered => refused("文件被改动过，或在盘上损坏了", COPY_AGAIN),
        FileError::TooLarge => refused("文件超过 512 MB", "请联系技术人员。"),
        FileError::Io(error) => refused(
            match error.kind() {
                std::io::ErrorKind::NotFound => "找不到文件".to_owned(),
                std::io::ErrorKind::PermissionDenied => "没有权限读写这个位置".to_owned(),
                std::io::ErrorKind::StorageFull => "盘已满，写不下".to_owned(),
                kind => format!("读写文件出错（{kind}）"),
            },
            "请检查 U 盘是否插好、是否已满，再试一次。",
        ),
    }
}

fn of_parcel(error: ParcelError) -> DeskError {
    match error {
        ParcelError::Own => refused("这是本机自己拷出的文件", "请把它带到对方的机器上收下；本机要收的是对方拷出的文件。"),
        ParcelError::Away(Farewell::Foreign) => {
            refused("文件来自另一个城市，或出自没有登记的机器", "请核对文件是哪台机器拷出的；需要时请市中心登记那台机器。")
        }
        ParcelError::Away(Farewell::Revoked) => {
            refused("那台机器（或本机）已被市中心停用", "请联系市社会救助服务中心；不要使用已停用的机器。")
        }
        ParcelError::Away(Farewell::Expired) => refused("那台机器的登记已经到期", "请市中心续期，把续期带给那台机器后重新拷出。"),
        ParcelError::Away(Farewell::WrongArea) => refused("两个机构没有共同的区划", "请核对文件是哪个机构的。"),
        ParcelError::Away(Farewell::Version) => refused("这个文件是较新版本的程序拷出的", "请先升级本机的程序，再收一次。"),
        ParcelError::Away(_) | ParcelError::Malformed => DeskError::Carried {
            why: "文件里有读不懂的内容，可能是较新版本的程序拷出的".to_owned(),
            safe: PART_TAKEN,
            press: "请先升级本机的程序，再收一次。",
        },
        ParcelError::Store(error) => error.into(),
    }
}

fn office_of(control: &Control, device: &DeviceKey) -> Option<String> {
    control.office_of(device).map(|office| office.name)
}

/// A file that only its owner may read, under another name until it is whole.
struct Draft {
    part: PathBuf,
    out: PathBuf,
}

impl Draft {
    fn create(out: &Path) -> std::io::Result<(Draft, File)> {
        let mut name = out.file_name().unwrap_or_default().to_owned();
        name.push(".part");
        let part = out.with_file_name(name);
        // Never into what lies there: it may be readable by others.
        match std::fs::remove_file(&part) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut options = File::options();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&part)?;
        Ok((Draft { part, out: out.to_owned() }, file))
    }

    fn keep(self) -> std::io::Result<()> {
        std::fs::rename(&self.part, &self.out)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Nothing is there any more when it was kept.
        let _ = std::fs::remove_file(&self.part);
    }
}

/// Packs a parcel into a file. On a thread where waiting for the stick holds nobody up.
fn pack(
    writer: &Writer<SqliteStore>,
    runtime: &Handle,
    out: File,
    (head, recipient): (Head, [u8; 32]),
    (known, everything): (Option<Known>, bool),
) -> Result<(u64, u64), DeskError> {
    let to = head.to;
    let begun = writer.with(move |engine| Packing::begin(engine.replica(), to, known.as_ref(), everything));
    let mut packing = runtime.block_on(begun)?.map_err(of_parcel)?;
    let secret = Zeroizing::new(entropy::bytes().map_err(|error| of_file(FileError::Io(error)))?);
    let mut sealer = Sealer::begin(BufWriter::new(out), head, &recipient, secret).map_err(of_file)?;
    loop {
        let stride = writer.with(move |engine| {
            let (mut messages, mut bytes) = (Vec::new(), 0);
            while bytes < STRIDE_BYTES {
                let Some(message) = packing.next_message(engine.replica())? else { break };
                bytes += message.len();
                messages.push(message);
            }
            Ok((packing, messages))
        });
        let (further, messages) = runtime.block_on(stride)?.map_err(of_parcel)?;
        packing = further;
        if messages.is_empty() {
            break;
        }
        for message in messages {
            sealer.seal(message).map_err(of_file)?;
        }
    }
    let mut signature = None;
    let end = |statement: &[u8]| {
        let statement = statement.to_vec();
        let signed = runtime.block_on(writer.with(move |engine| engine.replica().sign_statement(&statement)));
        // Without a signature the file is no good; that is said below.
        *signature.insert(signed).as_ref().unwrap_or(&shouwang_protocol::device::Signature([0; 64]))
    };
    let (mut file, bytes) = sealer.end(end).map_err(of_file)?;
    signature.transpose()?;
    file.flush().and_then(|()| file.get_ref().sync_all()).map_err(|error| of_file(FileError::Io(error)))?;
    Ok((packing.entries(), bytes))
}

/// Takes the messages of a checked file.
fn unpack(
    writer: &Writer<SqliteStore>,
    runtime: &Handle,
    head: &Head,
    mut opener: Opener<BufReader<File>>,
) -> Result<(Tally, Known, u64), DeskError> {
    let (certificate, made_ms, now) = (head.from.clone(), head.made_ms, writer.clock().now());
    let begun = writer.with(move |engine| {
        let waiting = engine.replica().waiting();
        Ok((Unpacking::begin(engine.replica_mut(), &certificate, made_ms, now)?, waiting))
    });
    let (mut unpacking, waiting) = runtime.block_on(begun)?.map_err(of_parcel)?;
    loop {
        let (mut messages, mut bytes) = (Vec::new(), 0);
        while bytes < TAKEN_BYTES {
            // The whole file was checked; what cannot be opened now was changed since, or never meant for us.
            let next = opener.open_next().map_err(|error| match of_file(error) {
                DeskError::Carried { why, press, .. } => DeskError::Carried { why, safe: PART_TAKEN, press },
                other => other,
            })?;
            let Some(message) = next else { break };
            bytes += message.len();
            messages.push(message);
        }
        if messages.is_empty() {
            break;
        }
        let now = writer.clock().now();
        let stride = writer.with(move |engine| {
            for message in messages {
                engine.carried(&mut unpacking, &message, now)?;
            }
            Ok(unpacking)
        });
        unpacking = runtime.block_on(stride)?.map_err(of_parcel)?;
    }
    let now = writer.clock().now();
    let ended = writer.with(move |engine| {
        let (tally, known) = engine.carried_all(unpacking, now)?;
        Ok((tally, known, engine.replica().waiting().saturating_sub(waiting) as u64))
    });
    runtime.block_on(ended)?.map_err(of_parcel)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, DeskError> + Send + 'static) -> Result<T, DeskError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(DeskError::Store { why: "办理中断".to_owned() }))
}

impl Desk {
    /// Gives the secret whose public half stands in this device's certificate. Without it no file can be taken in.
    #[must_use]
    pub fn with_recipient(self, secret: [u8; 32]) -> Desk {
        let _ = self.inner.recipient.0.set(Zeroizing::new(secret));
        self
    }

    async fn may_carry(&self, person: &Person) -> Result<(), DeskError> {
        permit::role_or_console(person, CARRIERS)?;
        if let Health::Damaged(why) = &*self.writer.health().borrow() {
            return Err(DeskError::ReadOnly { why: format!("数据库损坏：{why}") });
        }
        self.in_room(person, LOOKING, |_| Ok(())).await
    }

    /// The devices that files go to, those above first.
    pub async fn carry_peers(&self, person: &Person) -> Result<Vec<CarryPeer>, DeskError> {
        permit::office_staff(person)?;
        let here = self.here().await?;
        let (own_tier, own_areas) = (here.tier, here.areas.clone());
        let shown = self.in_room(person, LOOKING, |room| Ok(room.reader.carried_certificates()?)).await?;
        let found = self
            .writer
            .with(move |engine| {
                // Who was met on a stick is known again after a restart, though control has not told of it yet.
                for certificate in &shown {
                    engine.replica_mut().pin(certificate);
                }
                let control = engine.replica().control();
                let peer = |device: DeviceKey| {
                    let office = control.office_of(&device)?;
                    let covers = own_areas.iter().any(|area| office.covers(&control.divisions, *area));
                    let decides = office.decider == Some(device);
                    Some((device, office.name, office.tier, office.tier > own_tier && covers, decides))
                };
                parcel::destinations(engine.replica()).into_iter().filter_map(peer).collect::<Vec<_>>()
            })
            .await?;
        let mut peers = self
            .in_room(person, LOOKING, move |room| {
                let mut peers = Vec::new();
                for (device, office, tier, above, decides) in found {
                    let last_out = room.reader.last_carried(&device, true)?;
                    let last_in = room.reader.last_carried(&device, false)?;
                    let peer = CarryPeer { device, office, tier, above, usual: false, lacks: None, last_out, last_in };
                    let known = if peer.counts() { room.reader.carried_known(&device)? } else { None };
                    peers.push((peer, decides, known));
                }
                Ok(peers)
            })
            .await?;
        // The nearest office above: the machine that writes its decisions, else the only one it has.
        let nearest = peers.iter().filter(|(peer, ..)| peer.above).map(|(peer, ..)| peer.tier).min();
        let near: Vec<usize> = (0..peers.len()).filter(|at| peers[*at].0.above && Some(peers[*at].0.tier) == nearest).collect();
        let usual = near.iter().copied().find(|at| peers[*at].1).or(if near.len() == 1 { near.first().copied() } else { None });
        if let Some(at) = usual {
            peers[at].0.usual = true;
        }
        let asked: Vec<(usize, DeviceKey, Option<Known>)> = peers
            .iter_mut()
            .enumerate()
            .filter(|(_, (peer, ..))| peer.counts())
            .map(|(at, (peer, _, known))| (at, peer.device, known.take()))
            .collect();
        for (at, device, known) in asked {
            let lacks =
                self.writer.with(move |engine| parcel::entries_lacking(engine.replica(), &device, known.as_ref())).await??;
            peers[at].0.lacks = Some(lacks);
        }
        let mut peers: Vec<CarryPeer> = peers.into_iter().map(|(peer, ..)| peer).collect();
        peers.sort_by_key(|peer| (!peer.above, !peer.usual, peer.last_in.is_none() && peer.last_out.is_none(), peer.tier));
        Ok(peers)
    }

    /// Files that went out and came in, the latest first: all of them for auditors and administrators.
    pub async fn carried(&self, person: &Person) -> Result<Listed<CarriedRow>, DeskError> {
        permit::role_or_console(person, READERS_OF_CARRIED)?;
        self.in_room(person, LOOKING, |room| Ok(room.reader.carried(Page::first(ROWS))?)).await
    }

    fn only<'a>(peers: &'a [CarryPeer], to: Option<&str>) -> Result<&'a CarryPeer, DeskError> {
        let Some(to) = to.filter(|to| !to.is_empty()) else {
            return peers
                .iter()
                .find(|peer| peer.usual)
                .ok_or_else(|| refused("没有说明文件给哪台机器", "请选择要带去的机构和机器。"));
        };
        let mut fitting = peers.iter().filter(|peer| peer.device.to_string().starts_with(to));
        match (fitting.next(), fitting.next()) {
            (Some(peer), None) => Ok(peer),
            (Some(_), Some(_)) => Err(refused("有几台机器的编号这样开头", "请多写几位。")),
            (None, _) => Err(refused("没有这台机器，或两个机构没有共同的区划", "请在列表里选择；新机器请先在市中心登记。")),
        }
    }

    /// Writes down who makes a file for whom, and gives the file: everything the other device has not said it holds.
    /// `to`: a device (its key or how it begins); the nearest superior's when missing. `everything`: whatever it said,
    /// for a machine that begins anew.
    pub async fn carry_out(
        &self,
        person: &Person,
        to: Option<&str>,
        everything: bool,
        out: &Path,
    ) -> Result<CarriedOut, DeskError> {
        self.may_carry(person).await?;
        let peers = self.carry_peers(person).await?;
        let peer = Desk::only(&peers, to)?.clone();
        let device = peer.device;
        let known = self.in_room(person, LOOKING, move |room| Ok(room.reader.carried_known(&device)?)).await?;
        let (own, recipient) = self
            .writer
            .with(move |engine| {
                let replica = engine.replica();
                (replica.own_certificate().cloned(), replica.control().certificate(&device).map(|body| body.recipient))
            })
            .await?;
        let (Some(from), Some(recipient)) = (own, recipient) else { return Err(DeskError::Closed) };
        let number = entropy::bytes().map_err(|error| of_file(FileError::Io(error)))?;
        let made_ms = self.clock().now().wall_ms;
        let head = Head { suite: SUITE, from, to: device, ephemeral: [0; 32], number, made_ms };
        let (writer, runtime, out) = (self.writer.clone(), Handle::current(), out.to_owned());
        let (draft, entries, bytes) = blocking(move || {
            let (draft, file) = Draft::create(&out).map_err(|error| of_file(FileError::Io(error)))?;
            let (entries, bytes) = pack(&writer, &runtime, file, (head, recipient), (known, everything))?;
            Ok((draft, entries, bytes))
        })
        .await?;
        let row = CarriedRow {
            at_ms: made_ms,
            outward: true,
            file: number,
            made_ms,
            device,
            office: peer.office.clone(),
            staff: person.id.clone(),
            name: person.name.clone(),
            bytes,
            entries,
            refused: 0,
        };
        let note = ExportRow {
            at_ms: made_ms,
            staff: person.id.clone(),
            name: person.name.clone(),
            what: EXPORT_WORD.to_owned(),
            area: String::new(),
            form: EXPORT_WORD.to_owned(),
            rows: entries,
            purpose: format!("带给{}（只有对方的机器能打开）", peer.office),
        };
        self.local(move |local| local.note_export(&note).and_then(|()| local.note_carried(&row, None))).await?;
        blocking(move || draft.keep().map_err(|error| of_file(FileError::Io(error)))).await?;
        tracing::info!(to.id = %device.short(), entries, bytes, "a file for another office was made");
        Ok(CarriedOut { office: peer.office, device, entries, bytes })
    }

    /// Takes in a file that another device made for this one. A second time it adds nothing.
    pub async fn carry_in(&self, person: &Person, path: &Path) -> Result<CarriedIn, DeskError> {
        self.may_carry(person).await?;
        let secret = self.inner.recipient.0.get().cloned().ok_or(DeskError::Closed)?;
        let me = self.inner.device;
        let now = self.clock().now();
        let file = path.to_owned();
        let open = move || File::open(&file).map(BufReader::new).map_err(|error| of_file(FileError::Io(error)));
        let again = open.clone();
        let head = blocking(move || file::head(open()?).map_err(of_file)).await?;
        let (certificate, to) = (head.from.clone(), head.to);
        let (sender, office, receiver) = self
            .writer
            .with(move |engine| {
                let control = engine.replica().control();
                let sender = parcel::may_take(engine.replica(), &certificate, now);
                let named = certificate.verify(&control.root).map(|body| body.name).unwrap_or_default();
                let office = sender.as_ref().ok().and_then(|sender| office_of(control, sender)).unwrap_or(named);
                (sender, office, office_of(control, &to))
            })
            .await?;
        let sender = sender.map_err(of_parcel)?;
        if to != me {
            let whose = receiver.unwrap_or_else(|| "别的机构".to_owned());
            let why = format!("这个文件是给{whose}的机器（{}）的，本机打不开，也不该打开", to.short());
            return Err(refused(why, "请把它带到那台机器上收下；要给本机的，请对方拷出时选择本机。"));
        }
        let number = head.number;
        let (runtime, writer) = (Handle::current(), self.writer.clone());
        let whole = again.clone();
        let bytes = blocking(move || file::check(whole()?, &sender).map_err(of_file)).await?;
        let (before, known_before) = self
            .in_room(person, LOOKING, move |room| {
                Ok((room.reader.was_carried_in(&sender, &number)?, room.reader.carried_known(&sender)?))
            })
            .await?;
        let (made_ms, certificate, taken) = (head.made_ms, head.from.clone(), head);
        let (tally, known, waiting) = blocking(move || {
            let opener = Opener::begin(again()?, &secret).map_err(of_file)?;
            unpack(&writer, &runtime, &taken, opener)
        })
        .await?;
        let older = known_before.as_ref().is_some_and(|before| !known.is_after(before));
        let row = CarriedRow {
            at_ms: self.clock().now().wall_ms,
            outward: false,
            file: number,
            made_ms,
            device: sender,
            office: office.clone(),
            staff: person.id.clone(),
            name: person.name.clone(),
            bytes,
            entries: tally.new,
            refused: tally.missing + tally.refused.values().sum::<u64>(),
        };
        let (latest, said) = match known_before {
            Some(before) if older => (before, None),
            _ => (known.clone(), Some((known, certificate))),
        };
        self.local(move |local| local.note_carried(&row, said.as_ref())).await?;
        let lacks = self.writer.with(move |engine| parcel::entries_lacking(engine.replica(), &sender, Some(&latest))).await??;
        let answer_due = lacks > 0 || tally.new > 0 || tally.missing > 0;
        tracing::info!(from.id = %sender.short(), new = tally.new, known = tally.known, "a file of another office was taken in");
        Ok(CarriedIn { office, device: sender, made_ms, tally, waiting, again: before, older, lacks, answer_due })
    }
}

impl CarryPeer {
    /// Whether what it lacks is worth counting: an office above, or one that files went to or came from.
    fn counts(&self) -> bool {
        self.above || self.last_in.is_some() || self.last_out.is_some()
    }
}
