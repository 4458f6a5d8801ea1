//! The one writer: a thread that owns the [`Engine`], and with it the only write connection to the disk.
//!
//! Everybody else holds a [`Writer`] and waits in one bounded queue, first come first served. What the engine has to
//! say to a connection goes to its [`Outgoing`]; what pages must know goes to two watches: [`Change`] rises with every
//! change of records, receipts or control, [`Health`] says whether anything can be written.
//!
//! A full disk makes the node read-only and nothing else: the thread tries a small write at every tick and goes on by
//! itself. A damaged database takes nothing more until a person looks. A panic ends the thread, loudly.

use crate::clock::Clock;
use shouwang_protocol::device::DeviceKey;
use shouwang_protocol::engine::{Connection, Engine, Output};
use shouwang_protocol::replica::{Action, CommitError, Done};
use shouwang_protocol::store::{PeerState, Store, StoreError};
use shouwang_protocol::sync::message::Farewell;
use shouwang_protocol::sync::session::Now;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc as channel, oneshot, watch};

/// Commands that wait for the thread at most; further callers wait outside.
pub const QUEUE_MAX: usize = 256;
/// Milliseconds between two ticks of the engine.
pub const TICK_MS: u64 = 500;
/// Bytes that may wait for one connection. A session's window keeps far below; beyond, the connection is given up.
pub const OUTGOING_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Rises whenever something changed that a page may show.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Change {
    /// Changes so far.
    pub number: u64,
    /// The store's greatest arrival number.
    pub position: u64,
}

/// Whether the node can write.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Health {
    /// All is well.
    Working,
    /// The disk is full or does not answer. Everything can be read; writing goes on by itself when the disk can.
    ReadOnly(String),
    /// What was read is not what was written. Nothing is taken until a person looks.
    Damaged(String),
    /// The thread died of a fault in the program. The process should end and be started again.
    Failed(String),
    /// Stopped in good order.
    Stopped,
}

/// The writer has stopped, or died.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the node is stopping")]
pub struct Stopped;

/// Why a connection was not taken.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ConnectError {
    /// The writer is gone.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// The disk.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a connection must do.
#[derive(Debug)]
pub enum Notice {
    /// Send a message.
    Send(Vec<u8>),
    /// Both sides hold the same now.
    Agreed,
    /// The last notice: say nothing more and close.
    Close(Farewell),
}

/// How long a connection may still live.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Term {
    /// Open end.
    Open,
    /// Send what waits, then close, for this reason.
    Farewell(Farewell),
    /// Nobody answers, or too much waits: close at once.
    Abandoned,
}

/// The engine's side of one connection.
struct Outbox {
    notices: channel::UnboundedSender<Notice>,
    waiting: Arc<AtomicUsize>,
    term: watch::Sender<Term>,
}

/// The connection's side: what the engine wants sent, in order.
#[derive(Debug)]
pub struct Outgoing {
    notices: channel::UnboundedReceiver<Notice>,
    waiting: Arc<AtomicUsize>,
    term: watch::Receiver<Term>,
}

impl Outgoing {
    /// The next notice; nothing when the writer is gone.
    pub async fn next(&mut self) -> Option<Notice> {
        let notice = self.notices.recv().await;
        self.took(notice)
    }

    /// The next notice, if one waits already.
    pub fn next_waiting(&mut self) -> Option<Notice> {
        let notice = self.notices.try_recv().ok();
        self.took(notice)
    }

    fn took(&self, notice: Option<Notice>) -> Option<Notice> {
        if let Some(Notice::Send(bytes)) = &notice {
            self.waiting.fetch_sub(bytes.len(), Ordering::Relaxed);
        }
        notice
    }

    /// Watches the connection's term, also while a send is stuck.
    pub fn term(&self) -> watch::Receiver<Term> {
        self.term.clone()
    }
}

type Job<S> = Box<dyn FnOnce(&mut Engine<S>) + Send>;

enum Command<S> {
    Do(Job<S>),
    Commit(Vec<Action>, oneshot::Sender<Result<Vec<Done>, CommitError>>),
    Connected(Connection, Meeting, oneshot::Sender<Result<Outgoing, StoreError>>),
    Proven(Connection),
    Received(Connection, Vec<u8>),
    Closed(Connection),
    Stop,
}

/// Whom a connection is with, who dialled, and whether the key was proven already.
struct Meeting {
    peer: DeviceKey,
    dialler: bool,
    proven: bool,
}

type Queued<S> = (Command<S>, Option<OwnedSemaphorePermit>);

struct Shared {
    room: Arc<Semaphore>,
    connections: AtomicU64,
    changes: watch::Receiver<Change>,
    health: watch::Receiver<Health>,
    // Closed when the thread has ended and the engine is gone.
    gone: watch::Receiver<()>,
    clock: Clock,
}

/// A handle on the writer. Cloning it is cheap.
pub struct Writer<S> {
    queue: mpsc::Sender<Queued<S>>,
    shared: Arc<Shared>,
}

impl<S> Clone for Writer<S> {
    fn clone(&self) -> Writer<S> {
        Writer { queue: self.queue.clone(), shared: self.shared.clone() }
    }
}

impl<S> std::fmt::Debug for Writer<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("health", &*self.shared.health.borrow()).finish_non_exhaustive()
    }
}

impl<S: Store + Send + 'static> Writer<S> {
    /// Starts the thread.
    pub fn start(engine: Engine<S>, clock: Clock) -> std::io::Result<Writer<S>> {
        let (queue, commands) = mpsc::channel();
        let position = engine.replica().position();
        let (change, changes) = watch::channel(Change { number: 0, position });
        let (condition, health) = watch::channel(Health::Working);
        let (present, gone) = watch::channel(());
        let thread = Thread { engine, clock: clock.clone(), outboxes: BTreeMap::new(), change, condition: condition.clone() };
        std::thread::Builder::new().name("writer".into()).spawn(move || {
            // The engine is moved in and dropped here, so that the disk is closed when `gone` says so.
            let ended = catch_unwind(AssertUnwindSafe(move || thread.run(commands)));
            let last = match ended {
                Ok(()) => Health::Stopped,
                Err(_) => {
                    tracing::error!("the writer thread died of a fault in the program; the node must be started again");
                    Health::Failed("the writer thread died".into())
                }
            };
            condition.send_replace(last);
            drop(present);
        })?;
        let room = Arc::new(Semaphore::new(QUEUE_MAX));
        let shared = Shared { room, connections: AtomicU64::new(1), changes, health, gone, clock };
        Ok(Writer { queue, shared: Arc::new(shared) })
    }

    async fn send(&self, command: Command<S>) -> Result<(), Stopped> {
        let permit = self.shared.room.clone().acquire_owned().await.map_err(|_| Stopped)?;
        self.queue.send((command, Some(permit))).map_err(|_| Stopped)
    }

    /// Does actions, all or none. When this returns they are on the disk. If the caller goes away meanwhile they may
    /// be done all the same: their ids make doing them again safe.
    pub async fn commit(&self, actions: Vec<Action>) -> Result<Vec<Done>, CommitError> {
        let gone = |_| CommitError::Store(StoreError::Failed("the node is stopping".into()));
        let (reply, answer) = oneshot::channel();
        self.send(Command::Commit(actions, reply)).await.map_err(gone)?;
        answer.await.unwrap_or_else(|_| Err(gone(Stopped)))
    }

    /// Runs `job` on the writer's thread, between two commands.
    pub async fn with<T, F>(&self, job: F) -> Result<T, Stopped>
    where
        T: Send + 'static,
        F: FnOnce(&mut Engine<S>) -> T + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = move |engine: &mut Engine<S>| drop(reply.send(job(engine)));
        self.send(Command::Do(Box::new(job))).await?;
        answer.await.map_err(|_| Stopped)
    }

    /// A connection with a device whose key was proven: what to send, and a [`Seat`] that ends the session when it is
    /// dropped.
    pub async fn connected(&self, peer: DeviceKey, dialler: bool) -> Result<(Seat<S>, Outgoing), ConnectError> {
        self.meet(Meeting { peer, dialler, proven: true }).await
    }

    /// The same, accepted from a device that has yet to prove its key again: [`Writer::proven`].
    pub async fn resumed(&self, peer: DeviceKey) -> Result<(Seat<S>, Outgoing), ConnectError> {
        self.meet(Meeting { peer, dialler: false, proven: false }).await
    }

    async fn meet(&self, meeting: Meeting) -> Result<(Seat<S>, Outgoing), ConnectError> {
        let connection = self.shared.connections.fetch_add(1, Ordering::Relaxed);
        let seat = Seat { writer: self.clone(), connection };
        let (reply, answer) = oneshot::channel();
        self.send(Command::Connected(connection, meeting, reply)).await?;
        let outgoing = answer.await.map_err(|_| Stopped)??;
        Ok((seat, outgoing))
    }

    /// The device of a resumed connection has proven its key: older connections of the same device end.
    pub async fn proven(&self, connection: Connection) -> Result<(), Stopped> {
        self.send(Command::Proven(connection)).await
    }

    /// A message arrived. Waits while the writer is busy, which holds the sender back.
    pub async fn received(&self, connection: Connection, message: Vec<u8>) -> Result<(), Stopped> {
        self.send(Command::Received(connection, message)).await
    }

    /// Rises with every change.
    pub fn subscribe(&self) -> watch::Receiver<Change> {
        self.shared.changes.clone()
    }

    /// Whether anything can be written, now and from now on.
    pub fn health(&self) -> watch::Receiver<Health> {
        self.shared.health.clone()
    }

    /// The clock it was given.
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// Says farewell to all peers, closes the disk, and returns when both is done. What was queued before is done
    /// first.
    pub async fn stop(&self) {
        let _ = self.queue.send((Command::Stop, None));
        self.ended().await;
    }

    /// Waits until the thread has ended: [`Health::Stopped`] or [`Health::Failed`].
    pub async fn ended(&self) -> Health {
        let mut gone = self.shared.gone.clone();
        while gone.changed().await.is_ok() {}
        self.shared.health.borrow().clone()
    }
}

/// A connection's place in the engine. Dropping it says that the connection is gone.
#[derive(Debug)]
pub struct Seat<S> {
    writer: Writer<S>,
    connection: Connection,
}

impl<S> Seat<S> {
    /// The connection's number.
    pub fn connection(&self) -> Connection {
        self.connection
    }
}

impl<S> Drop for Seat<S> {
    fn drop(&mut self) {
        // Past the queue's limit: there are no more of these than connections, and dropping cannot wait.
        let _ = self.writer.queue.send((Command::Closed(self.connection), None));
    }
}

/// The thread's own state.
struct Thread<S> {
    engine: Engine<S>,
    clock: Clock,
    outboxes: BTreeMap<Connection, Outbox>,
    change: watch::Sender<Change>,
    condition: watch::Sender<Health>,
}

impl<S: Store + Send + 'static> Thread<S> {
    fn run(mut self, commands: mpsc::Receiver<Queued<S>>) {
        let mut due = self.clock.now().mono_ms + TICK_MS;
        loop {
            let now = self.clock.now();
            if now.mono_ms >= due {
                due = now.mono_ms + TICK_MS;
                self.tick(now);
            }
            let wait = due.saturating_sub(now.mono_ms).min(TICK_MS);
            match commands.recv_timeout(Duration::from_millis(wait)) {
                Ok((Command::Stop, _)) | Err(mpsc::RecvTimeoutError::Disconnected) => break,
                Ok((command, _permit)) => self.obey(command),
                Err(mpsc::RecvTimeoutError::Timeout) => {}
            }
            self.deliver();
        }
        self.end_all(Farewell::Stopping);
    }

    fn is_damaged(&self) -> bool {
        matches!(&*self.condition.borrow(), Health::Damaged(_))
    }

    fn is_read_only(&self) -> bool {
        matches!(&*self.condition.borrow(), Health::ReadOnly(_))
    }

    fn obey(&mut self, command: Command<S>) {
        let now = self.clock.now();
        match command {
            Command::Do(job) => job(&mut self.engine),
            Command::Commit(actions, reply) => {
                let result = self.commit(actions, now);
                // Who is told that it is done finds the change announced.
                self.deliver();
                let _ = reply.send(result);
            }
            Command::Connected(connection, meeting, reply) => {
                let result = self.connect(connection, &meeting, now);
                let _ = reply.send(result);
            }
            Command::Proven(connection) => self.engine.proven(connection),
            Command::Received(connection, message) => {
                if !self.is_damaged() {
                    let result = self.engine.received(connection, &message, now);
                    self.judge(result);
                }
            }
            Command::Closed(connection) => {
                self.outboxes.remove(&connection);
                self.engine.closed(connection);
            }
            Command::Stop => {}
        }
    }

    fn commit(&mut self, actions: Vec<Action>, now: Now) -> Result<Vec<Done>, CommitError> {
        if let Health::Damaged(reason) = &*self.condition.borrow() {
            return Err(CommitError::Store(StoreError::Damaged(reason.clone())));
        }
        match self.engine.commit(actions, now) {
            Ok((_, done)) => {
                if self.is_read_only() && done.iter().any(|done| !done.again && !done.entries.is_empty()) {
                    self.recovered();
                }
                Ok(done)
            }
            Err(error) => {
                if let CommitError::Store(error) = &error {
                    self.judge(Err(error.clone()));
                }
                Err(error)
            }
        }
    }

    fn connect(&mut self, connection: Connection, meeting: &Meeting, now: Now) -> Result<Outgoing, StoreError> {
        if let Health::Damaged(reason) = &*self.condition.borrow() {
            return Err(StoreError::Damaged(reason.clone()));
        }
        let (sender, notices) = channel::unbounded_channel();
        let (term, watched) = watch::channel(Term::Open);
        let waiting = Arc::new(AtomicUsize::new(0));
        self.outboxes.insert(connection, Outbox { notices: sender, waiting: waiting.clone(), term });
        let Meeting { peer, dialler, proven } = *meeting;
        let met = match proven {
            true => self.engine.connected(connection, peer, dialler, now),
            false => self.engine.resumed(connection, peer, dialler, now),
        };
        if let Err(error) = met {
            self.outboxes.remove(&connection);
            self.engine.closed(connection);
            self.judge(Err(error.clone()));
            return Err(error);
        }
        Ok(Outgoing { notices, waiting, term: watched })
    }

    fn tick(&mut self, now: Now) {
        if self.is_damaged() {
            return;
        }
        if self.is_read_only() {
            self.probe(now);
        }
        let result = self.engine.tick(now);
        self.judge(result);
        self.deliver();
    }

    /// Tries a small write, a row about ourselves, to see whether the disk takes something again.
    fn probe(&mut self, now: Now) {
        let me = self.engine.replica().device();
        let row = PeerState { device: me, epoch: 0, received: 0, sent: now.mono_ms, agreed_ms: now.wall_ms };
        match self.engine.replica_mut().note_peer(row) {
            Ok(()) => self.recovered(),
            Err(error) => self.judge(Err(error)),
        }
    }

    fn recovered(&self) {
        tracing::info!("the disk takes data again");
        self.condition.send_replace(Health::Working);
    }

    fn judge(&mut self, result: Result<(), StoreError>) {
        let Err(error) = result else { return };
        let health = match &error {
            StoreError::Full | StoreError::Failed(_) => Health::ReadOnly(error.to_string()),
            StoreError::Damaged(reason) => Health::Damaged(reason.clone()),
        };
        let news = self.condition.send_if_modified(|known| {
            let news = std::mem::discriminant(known) != std::mem::discriminant(&health);
            known.clone_from(&health);
            news
        });
        if news {
            tracing::error!(%error, "nothing can be written");
        }
        if matches!(health, Health::Damaged(_)) {
            self.end_all(Farewell::Disk);
        }
    }

    fn end_all(&mut self, why: Farewell) {
        let all: Vec<Connection> = self.engine.sessions().map(|(connection, _)| connection).collect();
        all.into_iter().for_each(|connection| self.engine.end(connection, why));
        self.deliver();
    }

    /// Hands out what the engine has to say.
    fn deliver(&mut self) {
        let mut changed = false;
        for output in self.engine.take_output() {
            match output {
                Output::Send(connection, message) => {
                    let Some(outbox) = self.outboxes.get(&connection) else { continue };
                    let waiting = outbox.waiting.fetch_add(message.len(), Ordering::Relaxed) + message.len();
                    if waiting > OUTGOING_BYTES_MAX {
                        self.abandon(connection);
                        self.engine.closed(connection);
                    } else {
                        let _ = outbox.notices.send(Notice::Send(message));
                    }
                }
                Output::Agreed(connection, _) => {
                    if let Some(outbox) = self.outboxes.get(&connection) {
                        let _ = outbox.notices.send(Notice::Agreed);
                    }
                }
                Output::Close(connection, Some(why)) => {
                    if let Some(outbox) = self.outboxes.remove(&connection) {
                        let _ = outbox.notices.send(Notice::Close(why));
                        outbox.term.send_replace(Term::Farewell(why));
                    }
                }
                Output::Close(connection, None) => self.abandon(connection),
                Output::Changed => changed = true,
            }
        }
        if changed {
            let position = self.engine.replica().position();
            self.change.send_modify(|change| *change = Change { number: change.number + 1, position });
        }
    }

    fn abandon(&mut self, connection: Connection) {
        if let Some(outbox) = self.outboxes.remove(&connection) {
            outbox.term.send_replace(Term::Abandoned);
        }
    }
}
