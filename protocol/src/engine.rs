//! A device at work: its replica, and a session for each connection.
//!
//! The node's one writer thread and the simulator drive the same engine: events in, [`Output`] out. The engine asks
//! nothing of the world; connections are numbers given by the driver.

use crate::device::{DeviceKey, Incarnation};
use crate::entry::LogId;
use crate::replica::{Action, CommitError, Committed, Done, Replica};
use crate::store::{Store, StoreError};
use crate::sync::message::Farewell;
use crate::sync::parcel::{Known, ParcelError, Tally, Unpacking};
use crate::sync::session::{Happened, Now, Session};
use std::collections::{BTreeMap, BTreeSet};

/// A connection, as the driver counts them.
pub type Connection = u64;

/// What the driver must do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Output {
    /// Send a message.
    Send(Connection, Vec<u8>),
    /// Close the connection once what was sent is out. Without a reason: nobody answers, dial anew.
    Close(Connection, Option<Farewell>),
    /// Both sides of a connection hold the same.
    Agreed(Connection, DeviceKey),
    /// Records, receipts or control changed.
    Changed,
}

/// A device at work.
pub struct Engine<S> {
    replica: Replica<S>,
    sessions: BTreeMap<Connection, Session>,
    unsettled: BTreeSet<DeviceKey>,
    refused_by_peers: Vec<(DeviceKey, LogId, u64, String)>,
    out: Vec<Output>,
}

impl<S: Store> Engine<S> {
    /// An engine over a replica.
    pub fn new(replica: Replica<S>) -> Engine<S> {
        Engine { replica, sessions: BTreeMap::new(), unsettled: BTreeSet::new(), refused_by_peers: Vec::new(), out: Vec::new() }
    }

    /// The replica.
    pub fn replica(&self) -> &Replica<S> {
        &self.replica
    }

    /// The replica, for what is not synchronised.
    pub fn replica_mut(&mut self) -> &mut Replica<S> {
        &mut self.replica
    }

    /// Gives the replica back.
    pub fn into_replica(self) -> Replica<S> {
        self.replica
    }

    /// The sessions, by connection.
    pub fn sessions(&self) -> impl Iterator<Item = (Connection, &Session)> {
        self.sessions.iter().map(|(connection, session)| (*connection, session))
    }

    /// Entries of ours that peers refused, for the administrator; at most the latest thousand.
    pub fn refused_by_peers(&self) -> &[(DeviceKey, LogId, u64, String)] {
        &self.refused_by_peers
    }

    /// What the driver must do, in order.
    pub fn take_output(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.out)
    }

    /// A connection to the device with this (proven) key is up. An older one of the same device is replaced.
    pub fn connected(&mut self, connection: Connection, peer: DeviceKey, dialler: bool, now: Now) -> Result<(), StoreError> {
        self.resumed(connection, peer, dialler, now)?;
        self.proven(connection);
        Ok(())
    }

    /// A connection resumes a conversation with this device, which has not proven its key again yet: somebody else may
    /// repeat its words. It may talk, but replaces no other before [`Engine::proven`].
    pub fn resumed(&mut self, connection: Connection, peer: DeviceKey, dialler: bool, now: Now) -> Result<(), StoreError> {
        let mut older = self.sessions.values().filter(|session| session.peer() == peer);
        let settled = !self.unsettled.contains(&peer) && older.all(Session::ended_settled);
        let session = Session::start(&self.replica, peer, dialler, settled, now)?;
        self.sessions.insert(connection, session);
        self.drain(connection);
        Ok(())
    }

    /// The device at the other end of a connection has proven its key: older connections of the same device end.
    pub fn proven(&mut self, connection: Connection) {
        let Some(peer) = self.sessions.get(&connection).map(Session::peer) else { return };
        let older: Vec<Connection> =
            self.sessions.range(..connection).filter(|(_, session)| session.peer() == peer).map(|(old, _)| *old).collect();
        for old in older {
            self.end(old, Farewell::Replaced);
        }
    }

    /// A connection is gone.
    pub fn closed(&mut self, connection: Connection) {
        if let Some(session) = self.sessions.remove(&connection) {
            let settled = session.ended_settled();
            if settled && session.is_agreed() {
                self.unsettled.remove(&session.peer());
            } else if !settled {
                self.unsettled.insert(session.peer());
            }
        }
    }

    /// Ends a session and tells the peer why.
    pub fn end(&mut self, connection: Connection, why: Farewell) {
        if let Some(session) = self.sessions.get_mut(&connection) {
            session.end(why);
            self.drain(connection);
        }
    }

    /// A message arrived.
    pub fn received(&mut self, connection: Connection, bytes: &[u8], now: Now) -> Result<(), StoreError> {
        let Some(session) = self.sessions.get_mut(&connection) else { return Ok(()) };
        let peer = session.peer();
        let result = session.receive(&mut self.replica, bytes, now);
        self.settle(connection, peer, result, now)
    }

    /// Time passed: resend what is due, give up on the silent.
    pub fn tick(&mut self, now: Now) -> Result<(), StoreError> {
        self.replica.refresh()?;
        let connections: Vec<Connection> = self.sessions.keys().copied().collect();
        for connection in connections {
            let Some(session) = self.sessions.get_mut(&connection) else { continue };
            if session.is_silent(now) {
                self.out.push(Output::Close(connection, None));
                self.closed(connection);
                continue;
            }
            let peer = session.peer();
            let result = session.tick(&mut self.replica, now);
            self.settle(connection, peer, result, now)?;
        }
        Ok(())
    }

    /// A person acted. When this returns, it is on the disk; it is on its way to the peers.
    pub fn commit(&mut self, actions: Vec<Action>, now: Now) -> Result<(Committed, Vec<Done>), CommitError> {
        let (committed, done) = self.replica.commit_all(actions)?;
        let mut gained: BTreeMap<LogId, u64> = BTreeMap::new();
        for entry in done.iter().filter(|done| !done.again).flat_map(|done| &done.entries) {
            if let Some(log) = self.replica.frontier().log_named(&entry.log) {
                let first = gained.entry(log).or_insert(entry.sequence);
                *first = (*first).min(entry.sequence);
            }
        }
        let gained: Vec<(LogId, u64)> = gained.into_iter().collect();
        // The action is on the disk: a session that the disk fails now has ended, and says nothing about the action.
        let _ = self.tell_others(None, &gained, now);
        self.out.push(Output::Changed);
        Ok((committed, done))
    }

    /// Takes one message of a parcel that somebody carried here, and tells the devices that are connected.
    pub fn carried(&mut self, parcel: &mut Unpacking, message: &[u8], now: Now) -> Result<(), ParcelError> {
        let happened = parcel.take(&mut self.replica, message)?;
        if happened.control_changed || happened.receipts || !happened.gained.is_empty() {
            self.out.push(Output::Changed);
            // What came is on the disk: a session that the disk fails now has ended, and says nothing about the parcel.
            let _ = self.tell_others(None, &happened.gained, now);
        }
        Ok(())
    }

    /// Ends a parcel: receipts are written for what it brought.
    pub fn carried_all(&mut self, parcel: Unpacking, now: Now) -> Result<(Tally, Known), ParcelError> {
        let ended = parcel.finish(&mut self.replica, now)?;
        self.out.push(Output::Changed);
        Ok(ended)
    }

    /// Begins a new life of this device's logs.
    pub fn begin_incarnation(&mut self, incarnation: Incarnation) {
        self.replica.begin_incarnation(incarnation);
    }

    fn settle(
        &mut self,
        connection: Connection,
        peer: DeviceKey,
        result: Result<Happened, StoreError>,
        now: Now,
    ) -> Result<(), StoreError> {
        let happened = match result {
            Ok(happened) => happened,
            Err(error) => {
                self.end(connection, Farewell::Disk);
                return Err(error);
            }
        };
        if happened.agreed {
            self.unsettled.remove(&peer);
            self.out.push(Output::Agreed(connection, peer));
        }
        let changed = happened.control_changed || happened.receipts || !happened.gained.is_empty();
        for (log, sequence, reason) in happened.refused_by_peer {
            self.refused_by_peers.push((peer, log, sequence, reason));
        }
        let surplus = self.refused_by_peers.len().saturating_sub(crate::limits::REFUSED_KEPT_MAX);
        self.refused_by_peers.drain(..surplus);
        self.drain(connection);
        if changed {
            self.out.push(Output::Changed);
            self.tell_others(Some(connection), &happened.gained, now)?;
        }
        Ok(())
    }

    fn tell_others(&mut self, except: Option<Connection>, gained: &[(LogId, u64)], now: Now) -> Result<(), StoreError> {
        let others: Vec<Connection> = self.sessions.keys().copied().filter(|other| Some(*other) != except).collect();
        let mut result = Ok(());
        for other in others {
            let Some(session) = self.sessions.get_mut(&other) else { continue };
            session.gained(&self.replica, gained);
            let peer = session.peer();
            match session.tick(&mut self.replica, now) {
                Ok(happened) if happened.agreed => self.out.push(Output::Agreed(other, peer)),
                Ok(_) => {}
                Err(error) => {
                    self.end(other, Farewell::Disk);
                    result = Err(error);
                }
            }
            self.drain(other);
        }
        result
    }

    fn drain(&mut self, connection: Connection) {
        let Some(session) = self.sessions.get_mut(&connection) else { return };
        self.out.extend(session.take_output().into_iter().map(|bytes| Output::Send(connection, bytes)));
        if let Some(why) = session.farewell() {
            self.out.push(Output::Close(connection, Some(why)));
            self.closed(connection);
        }
    }
}
