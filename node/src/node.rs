//! A node: one office's directory, opened, and what runs on it.
//!
//! It puts the parts together (vault, store, replica, writer, network, console) and carries out what the
//! console is asked, whether a process serves the directory or a single command opened it alone.

mod areas;
mod devices;
mod enrol;
mod execute;
mod import;
mod local;
mod serve;
mod work;

pub use enrol::{finish_join, found, join_online, request_to_join};
pub(crate) use execute::annual_value;
pub use local::{ToldOnce, restore};
pub use serve::{ServeOptions, Served};

use crate::clock::Clock;
use crate::desk::{Desk, DeskError};
use crate::entropy;
use crate::net::Net;
use crate::store::{KeySource, OpenError, Options, Readers, Secrets, SqliteStore, Vault, VaultError};
use crate::writer::{Stopped, Writer};
use serde::{Deserialize, Serialize};
use shouwang_protocol::device::{Certificate, DeviceKey, Incarnation};
use shouwang_protocol::engine::Engine;
use shouwang_protocol::replica::{Identity, Replica};
use shouwang_protocol::store::StoreError;
use shouwang_provisioning::city::CityKeys;
use shouwang_provisioning::enrolment::{EnrolmentError, Invitation, Remembered};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// What a node keeps in its vault besides its keys.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Kept {
    /// Where to sync.
    pub parents: Vec<String>,
    /// The city's keys, at the city.
    pub city: Option<CityKeys>,
    /// Invitations given out, at the city.
    pub invitations: Vec<Remembered>,
    /// The invitation that a grant is awaited for.
    pub invited: Option<Invitation>,
}

impl Kept {
    pub fn of(secrets: &Secrets) -> Kept {
        serde_json::from_slice(&secrets.extra).unwrap_or_default()
    }

    pub fn into(self, secrets: &mut Secrets) {
        secrets.extra = serde_json::to_vec(&self).unwrap_or_default();
    }
}

/// Why a node cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The keys.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The database.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The database, later.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The Desk says no.
    #[error(transparent)]
    Desk(#[from] DeskError),
    /// Joining.
    #[error(transparent)]
    Enrolment(#[from] EnrolmentError),
    /// A file or socket.
    #[error("{0}: {1}")]
    Io(String, std::io::Error),
    /// The directory has not joined a city yet.
    #[error("this directory has not joined a city yet; finish with `shouwang join`")]
    NotJoined,
    /// A sentence.
    #[error("{0}")]
    Told(String),
}

impl From<Stopped> for NodeError {
    fn from(stopped: Stopped) -> NodeError {
        NodeError::Told(stopped.to_string())
    }
}

pub(crate) fn io(what: impl std::fmt::Display) -> impl FnOnce(std::io::Error) -> NodeError {
    let what = what.to_string();
    move |error| NodeError::Io(what, error)
}

/// Read connections kept open.
const READERS_KEPT: usize = 4;

struct Inner {
    dir: PathBuf,
    vault: Mutex<Vault>,
    writer: Writer<SqliteStore>,
    readers: Readers,
    clock: Clock,
    device: DeviceKey,
    net: tokio::sync::RwLock<Option<Net<SqliteStore>>>,
    /// Superiors that are dialled while it serves.
    parents: Mutex<Vec<String>>,
    desk: tokio::sync::OnceCell<Desk>,
}

/// An open node. Cloning it is cheap.
#[derive(Clone)]
pub struct Node(Arc<Inner>);

impl Node {
    /// Opens a directory that has joined a city.
    pub fn open(dir: &Path, source: &KeySource, clock: Clock) -> Result<Node, NodeError> {
        let vault = Vault::open(dir, source)?;
        Node::start(dir, vault, clock)
    }

    fn start(dir: &Path, vault: Vault, clock: Clock) -> Result<Node, NodeError> {
        let secrets = vault.secrets().clone();
        let root = secrets.node.root.ok_or(NodeError::NotJoined)?;
        let store = SqliteStore::open_or_create(dir, &secrets.database_key, Options::default())?;
        store.trust(root, &secrets.node.pinned)?;
        let device = secrets.signing_key().key();
        let fresh = Incarnation(entropy::bytes().map_err(io("random numbers"))?);
        let life = store.open_incarnation(device, fresh)?;
        let identity =
            Identity { key: secrets.signing_key(), incarnation: life.incarnation, root, pinned: secrets.node.pinned.clone() };
        let readers = Readers::open(dir, &secrets.database_key, Options::default(), READERS_KEPT)?;
        let engine = Engine::new(Replica::open(store, identity)?);
        let writer = Writer::start(engine, clock.clone()).map_err(io("the writer thread"))?;
        Ok(Node(Arc::new(Inner {
            dir: dir.to_owned(),
            vault: Mutex::new(vault),
            writer,
            readers,
            clock,
            device,
            net: tokio::sync::RwLock::new(None),
            parents: Mutex::default(),
            desk: tokio::sync::OnceCell::new(),
        })))
    }

    /// Its directory.
    pub fn dir(&self) -> &Path {
        &self.0.dir
    }

    /// The one writer.
    pub fn writer(&self) -> &Writer<SqliteStore> {
        &self.0.writer
    }

    /// The Desk.
    pub async fn desk(&self) -> Result<&Desk, NodeError> {
        let open = async || -> Result<Desk, DeskError> {
            let desk = Desk::open(self.writer().clone(), self.readers().clone()).await?;
            Ok(desk.with_recipient(self.vault(|vault| vault.secrets().recipient_secret)))
        };
        Ok(self.0.desk.get_or_try_init(open).await?)
    }

    /// Read connections.
    pub fn readers(&self) -> &Readers {
        &self.0.readers
    }

    /// The clock.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// This device.
    pub fn device(&self) -> DeviceKey {
        self.0.device
    }

    /// Superiors: those dialled now, else those kept since joining.
    fn parents(&self) -> Vec<String> {
        let now = self.0.parents.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if now.is_empty() { self.kept().parents } else { now }
    }

    fn vault<T>(&self, look: impl FnOnce(&Vault) -> T) -> T {
        look(&self.0.vault.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn kept(&self) -> Kept {
        self.vault(|vault| Kept::of(vault.secrets()))
    }

    pub(crate) fn keep(&self, change: impl FnOnce(&mut Kept)) -> Result<(), NodeError> {
        let mut vault = self.0.vault.lock().unwrap_or_else(PoisonError::into_inner);
        let mut secrets = vault.secrets().clone();
        let mut kept = Kept::of(&secrets);
        change(&mut kept);
        kept.into(&mut secrets);
        Ok(vault.save(secrets)?)
    }

    /// Closes it in good order: farewells, then the disk.
    pub async fn close(self) {
        if let Some(net) = self.0.net.write().await.take() {
            net.stop().await;
        }
        self.0.writer.stop().await;
    }
}

/// The certificates of a device that can be told to others: its own first.
pub(crate) fn own_first(mut certificates: Vec<Certificate>, root: &DeviceKey, device: &DeviceKey) -> Vec<Certificate> {
    certificates.sort_by_key(|certificate| certificate.verify(root).map_or(true, |body| body.device != *device));
    certificates
}
