//! One connection at work: its stream carries the session's messages between the peer and the writer, both ways,
//! until one side says farewell, the network breaks, or the watchdog gives up.

use super::peers::RowKey;
use super::pulse::{self, Activity};
use super::trouble::Trouble;
use super::{Common, wire};
use crate::writer::{ConnectError, Notice, Outgoing, Term};
use quinn::{RecvStream, SendStream, WriteError};
use shouwang_protocol::device::DeviceKey;
use shouwang_protocol::engine::Connection;
use shouwang_protocol::store::Store;
use shouwang_protocol::sync::message::Farewell;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

/// Milliseconds that a farewell may take to arrive before the connection is closed over it.
const FLUSH_MS: u64 = 2_000;
/// Milliseconds that a dialler may take to open its stream.
const OPEN_MS: u64 = super::transport::DIAL_MS;
/// Bytes of waiting messages handed to QUIC at once, so that small ones share a datagram.
const BATCH_BYTES: usize = 32 * 1024;

/// What the end of the handshake says. Where a session was resumed, talk begins before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Handshake {
    /// The peer has proven its key.
    Whole,
    /// The peer is the one whose session was resumed.
    Resumed,
    /// The acceptor has forgotten the session and heard nothing of what was said: say it again.
    Rejected,
    /// There is no connection.
    Failed(Trouble),
}

/// How a connection ended.
pub(super) struct Ended {
    /// Why.
    pub trouble: Trouble,
    /// Whether both sides ever held the same.
    pub agreed: bool,
    /// Whether the connection lives on, and only what was said before the handshake is void.
    pub rejected: bool,
}

/// Runs a connection to its end and closes it. Until the `handshake` is over a dialler talks and takes nothing in.
pub(super) async fn run<S: Store + Send + 'static>(
    common: &Common<S>,
    connection: &quinn::Connection,
    peer: DeviceKey,
    row: RowKey,
    dialler: bool,
    handshake: impl Future<Output = Handshake>,
) -> Ended {
    let streams = async {
        let opened = if dialler { connection.open_bi().await } else { connection.accept_bi().await };
        opened.map_err(|error| Trouble::of(&error))
    };
    let streams = tokio::time::timeout(Duration::from_millis(OPEN_MS), streams).await.unwrap_or(Err(Trouble::Silent));
    let (mut send, mut receive) = match streams {
        Ok(streams) => streams,
        Err(trouble) => return end(connection, trouble),
    };
    // Whoever accepts waits for the proof before an older connection of the same device gives way: a stranger who
    // repeats early data must not push the device out.
    let taken = if dialler { common.writer.connected(peer, true).await } else { common.writer.resumed(peer).await };
    let (seat, mut outgoing) = match taken {
        Ok(taken) => taken,
        Err(ConnectError::Stopped(_)) => return end(connection, Trouble::Ended(Farewell::Stopping)),
        Err(ConnectError::Store(_)) => {
            end(connection, Trouble::Ended(Farewell::Disk));
            return Ended { trouble: Trouble::OwnDisk, agreed: false, rejected: false };
        }
    };
    let number = seat.connection();
    let proven = AtomicBool::new(false);
    let may_read = Notify::new();
    let over = async {
        let said = handshake.await;
        match said {
            Handshake::Whole | Handshake::Resumed => {
                if common.writer.proven(number).await.is_err() {
                    return (Trouble::Ended(Farewell::Stopping), false);
                }
                proven.store(true, Ordering::Relaxed);
                common.table.up(row, peer, number, connection, said == Handshake::Resumed);
                may_read.notify_one();
                std::future::pending().await
            }
            Handshake::Rejected => (Trouble::Lost, true),
            Handshake::Failed(trouble) => (trouble, false),
        }
    };
    let agreed = AtomicBool::new(false);
    let activity = Activity::default();
    let mut term = outgoing.term();
    let is_agreed = || {
        agreed.store(true, Ordering::Relaxed);
        activity.settled.store(true, Ordering::Relaxed);
        common.table.agreed(row, common.writer.clock().now().wall_ms);
    };
    let pulse = async {
        if dialler { pulse::watch(connection, common.writer.clock(), &activity).await } else { std::future::pending().await }
    };
    let reading = async {
        if dialler {
            may_read.notified().await;
        }
        read(common, number, &mut receive, &activity).await
    };
    let (trouble, rejected) = tokio::select! {
        trouble = reading => (trouble, false),
        over = over => over,
        trouble = write(connection, &mut send, &mut outgoing, &activity, is_agreed) => (trouble, false),
        trouble = expire(&mut term) => (trouble, false),
        trouble = pulse => (trouble, false),
    };
    // A reader that stops with the connection may be faster than the farewell it carried.
    let trouble = match *term.borrow() {
        Term::Farewell(why) if trouble == Trouble::Lost && !rejected => Trouble::Ended(why),
        _ if trouble == Trouble::Silent && !proven.into_inner() => Trouble::NoAnswer,
        _ => trouble,
    };
    drop(seat);
    if !rejected {
        trouble.close(connection);
    }
    Ended { trouble, agreed: agreed.into_inner(), rejected }
}

fn end(connection: &quinn::Connection, trouble: Trouble) -> Ended {
    trouble.close(connection);
    Ended { trouble, agreed: false, rejected: false }
}

/// Messages from the peer to the writer, who holds the peer back while it is busy.
async fn read<S: Store + Send + 'static>(
    common: &Common<S>,
    number: Connection,
    stream: &mut RecvStream,
    activity: &Activity,
) -> Trouble {
    loop {
        match wire::read(stream).await {
            Ok(Some(message)) => {
                activity.message();
                if common.writer.received(number, message).await.is_err() {
                    return Trouble::Ended(Farewell::Stopping);
                }
            }
            // The peer has said all. What it said makes the writer close, or the peer does.
            Ok(None) => std::future::pending().await,
            Err(trouble) => return trouble,
        }
    }
}

/// Notices from the writer to the peer.
async fn write(
    connection: &quinn::Connection,
    stream: &mut SendStream,
    outgoing: &mut Outgoing,
    activity: &Activity,
    agreed: impl Fn(),
) -> Trouble {
    let lost = async |error| match error {
        // What the handshake says counts.
        WriteError::ZeroRttRejected => std::future::pending().await,
        _ => connection.close_reason().map_or(Trouble::Lost, |error| Trouble::of(&error)),
    };
    loop {
        let next = tokio::select! {
            next = outgoing.next() => next,
            () = activity.knock.notified() => {
                match stream.write_all(&wire::KNOCK).await {
                    Ok(()) => continue,
                    Err(error) => return lost(error).await,
                }
            }
        };
        let Some(mut notice) = next else {
            return match *outgoing.term().borrow() {
                Term::Abandoned => Trouble::Silent,
                Term::Farewell(why) => Trouble::Ended(why),
                Term::Open => Trouble::Ended(Farewell::Stopping),
            };
        };
        let mut batch = Vec::new();
        let farewell = loop {
            match notice {
                Notice::Send(message) => {
                    activity.message();
                    wire::frame(&message, &mut batch);
                }
                Notice::Agreed => agreed(),
                Notice::Close(why) => break Some(why),
            }
            let more = if batch.len() < BATCH_BYTES { outgoing.next_waiting() } else { None };
            match more {
                Some(next) => notice = next,
                None => break None,
            }
        };
        if !batch.is_empty()
            && let Err(error) = stream.write_all(&batch).await
        {
            return lost(error).await;
        }
        if let Some(why) = farewell {
            // Returns when the peer has acknowledged everything, or closed.
            if stream.finish().is_ok() {
                let _ = stream.stopped().await;
            }
            return Trouble::Ended(why);
        }
    }
}

/// Ends when the writer gave the connection up, or its farewell takes too long.
async fn expire(term: &mut tokio::sync::watch::Receiver<Term>) -> Trouble {
    let last = term.wait_for(|term| *term != Term::Open).await.map(|term| *term);
    match last {
        Ok(Term::Farewell(why)) => {
            tokio::time::sleep(Duration::from_millis(FLUSH_MS)).await;
            Trouble::Ended(why)
        }
        Ok(Term::Open | Term::Abandoned) => Trouble::Silent,
        Err(_) => std::future::pending().await,
    }
}
