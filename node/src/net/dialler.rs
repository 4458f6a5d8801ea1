//! Dialling the parents: one after the other until one answers, and again when the connection ends.
//!
//! QUIC's own recovery from an outage takes minutes (105 s measured after 150 s); a fresh connection takes two round
//! trips. So the engine's watchdog gives a silent connection up and this task dials anew: every two seconds at first,
//! less often later, slowly from the start where somebody has to do something first. Jitter keeps a whole city from
//! dialling in step after its centre was restarted.

use super::link::{Ended, Handshake};
use super::peers::RowKey;
use super::tls::{Proof, Tickets};
use super::transport::Dialled;
use super::trouble::Trouble;
use super::{Common, Parent, link, tls, transport};
use crate::writer::Health;
use quinn::crypto::rustls::QuicClientConfig;
use ring::rand::{SecureRandom, SystemRandom};
use shouwang_protocol::device::DeviceKey;
use shouwang_protocol::store::Store;
use shouwang_protocol::sync::message::Farewell;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Milliseconds between dials in the first minutes of an outage.
const SOON_MS: u64 = 2_000;
/// Milliseconds of an outage after which dials are less frequent.
const SOON_FOR_MS: u64 = 180_000;
/// Milliseconds between dials after that.
const LATER_MS: u64 = 15_000;
/// Milliseconds of an outage after which dials are least frequent.
const LATER_FOR_MS: u64 = 900_000;
/// Milliseconds between dials of a long outage, or where trying again is of little use.
const SLOW_MS: u64 = 60_000;
/// Milliseconds before the first dial after a connection that had worked.
const AT_ONCE_MS: u64 = 200;

/// A parent, how to dial it, and what is left of the last conversation.
pub(super) struct Target {
    address: String,
    proof: Arc<Proof>,
    tickets: Tickets,
    crypto: Arc<QuicClientConfig>,
    // The device whose tickets these are.
    answered: Option<DeviceKey>,
    // Where it answered, unless early data found nobody there.
    place: Option<SocketAddr>,
}

impl Target {
    /// A parent that was not dialled yet, for the device with this seed.
    pub fn new(seed: &[u8; 32], parent: Parent) -> Result<Target, rustls::Error> {
        let (proof, tickets) = (Proof::new(parent.key), Tickets::default());
        let crypto = Arc::new(tls::client(seed, tls::SESSION, proof.clone(), Some(&tickets))?);
        Ok(Target { address: parent.address, proof, tickets, crypto, answered: None, place: None })
    }

    /// A handshake is over: the device that proved its key, if it is one.
    fn proven(&mut self, connection: &quinn::Connection) -> Option<DeviceKey> {
        let peer = tls::peer_key(connection)?;
        if self.answered.replace(peer).is_some_and(|before| before != peer) {
            self.tickets.forget();
        }
        self.place = Some(connection.remote_address());
        Some(peer)
    }
}

/// Milliseconds to wait before the next dial: `outage_ms` since the last connection that worked, `random` for jitter.
fn pause_ms(trouble: Trouble, worked: bool, outage_ms: u64, random: u32) -> u64 {
    let base = match trouble {
        fatal if fatal.is_fatal() => SLOW_MS,
        Trouble::Ended(Farewell::Disk) | Trouble::OwnDisk | Trouble::Garbage => LATER_MS,
        Trouble::Silent | Trouble::Lost if worked => AT_ONCE_MS,
        _ if outage_ms < SOON_FOR_MS => SOON_MS,
        _ if outage_ms < LATER_FOR_MS => LATER_MS,
        _ => SLOW_MS,
    };
    // From three quarters to five quarters.
    base * 3 / 4 + base * u64::from(random % 1_000) / 2_000
}

fn random() -> u32 {
    let mut bytes = [0; 4];
    // Without randomness devices only dial in step.
    let _ = SystemRandom::new().fill(&mut bytes);
    u32::from_le_bytes(bytes)
}

/// Keeps one connection up to one of the parents until the network stops.
pub(super) async fn run<S: Store + Send + 'static>(common: Arc<Common<S>>, mut targets: Vec<Target>) {
    let mut turn = 0;
    let mut outage = common.writer.clock().now().mono_ms;
    let mut health = common.writer.health();
    let mut stopping = common.stopping.subscribe();
    while let Some(target) = targets.get_mut(turn)
        && !*stopping.borrow()
    {
        let row = RowKey::Parent(turn);
        let (trouble, worked) = attempt(&common, target, row).await;
        let now = common.writer.clock().now().mono_ms;
        tracing::debug!(parent = %target.address, trouble = trouble.word(), "will dial again");
        if worked {
            outage = now;
        } else {
            turn = (turn + 1) % targets.len();
        }
        // All parents are tried before any is tried again.
        let round = worked || turn == 0;
        let pause = if round { pause_ms(trouble, worked, now.saturating_sub(outage), random()) } else { AT_ONCE_MS };
        let well = health.wait_for(|health| matches!(health, Health::Working));
        let well_again = async { if trouble == Trouble::OwnDisk { drop(well.await) } else { std::future::pending().await } };
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(pause)) => {}
            () = common.dial_now.notified() => {}
            () = well_again => {}
            _ = stopping.wait_for(|stopping| *stopping) => {}
        }
    }
}

/// Dials a parent and stays until the connection ends. Whether it worked: both sides agreed at least once.
async fn attempt<S: Store + Send + 'static>(common: &Common<S>, target: &mut Target, row: RowKey) -> (Trouble, bool) {
    let mut stopping = common.stopping.subscribe();
    let dial = transport::dial(&target.address, target.crypto.clone(), target.answered.is_some(), target.place, || {
        target.proof.saw_other()
    });
    let dialled = tokio::select! {
        dialled = dial => dialled,
        _ = stopping.wait_for(|stopping| *stopping) => return (Trouble::Ended(Farewell::Stopping), false),
    };
    let Dialled { connection, early } = match dialled {
        Ok(dialled) => dialled,
        Err(trouble) => {
            common.table.down(row, None, trouble);
            return (trouble, false);
        }
    };
    if let Some((early, peer)) = early.zip(target.answered) {
        let handshake = handshake(&connection, early, peer);
        let ended = link::run(common, &connection, peer, row, true, handshake).await;
        if !ended.rejected {
            if ended.trouble == Trouble::NoAnswer {
                target.place = None;
            }
            return finish(common, target, row, &connection, ended);
        }
        // The parent was restarted: the handshake was a whole one, and all is said again.
    }
    let Some(peer) = target.proven(&connection) else {
        Trouble::Handshake.close(&connection);
        common.table.down(row, Some(&connection), Trouble::Handshake);
        return (Trouble::Handshake, false);
    };
    tracing::info!(parent = %target.address, device = %peer.short(), "connected");
    let ended = link::run(common, &connection, peer, row, true, async { Handshake::Whole }).await;
    finish(common, target, row, &connection, ended)
}

fn finish<S>(common: &Common<S>, target: &Target, row: RowKey, connection: &quinn::Connection, ended: Ended) -> (Trouble, bool) {
    common.table.down(row, Some(connection), ended.trouble);
    tracing::info!(parent = %target.address, trouble = ended.trouble.word(), "disconnected");
    (ended.trouble, ended.agreed)
}

/// Waits for the handshake of a resumed session, and looks who it was with: TLS verifies nobody when it resumes.
async fn handshake(connection: &quinn::Connection, early: quinn::ZeroRttAccepted, peer: DeviceKey) -> Handshake {
    let Ok(accepted) = tokio::time::timeout(Duration::from_millis(transport::DIAL_MS), early).await else {
        return Handshake::Failed(Trouble::NoAnswer);
    };
    match connection.close_reason() {
        Some(error) => Handshake::Failed(Trouble::of_handshake(&error)),
        None if !accepted => Handshake::Rejected,
        None if tls::peer_key(connection) == Some(peer) => {
            tracing::info!(device = %peer.short(), "resumed");
            Handshake::Resumed
        }
        None => Handshake::Failed(Trouble::OtherDevice),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dials_are_quick_at_first_and_stretched_later() {
        let dialled = |trouble, worked, outage| {
            let pauses = [0, 250, 999].map(|random| pause_ms(trouble, worked, outage, random));
            assert!(pauses[0] < pauses[1] && pauses[1] < pauses[2] && pauses[2] * 3 < pauses[0] * 6);
            pauses[0] * 4 / 3
        };
        assert_eq!(dialled(Trouble::Silent, true, 0), AT_ONCE_MS);
        assert_eq!(dialled(Trouble::NoAnswer, false, 1_000), SOON_MS);
        assert_eq!(dialled(Trouble::NoAnswer, false, SOON_FOR_MS), LATER_MS);
        assert_eq!(dialled(Trouble::Silent, false, LATER_FOR_MS), SLOW_MS);
        assert_eq!(dialled(Trouble::Ended(Farewell::Stopping), true, 0), SOON_MS);
        assert_eq!(dialled(Trouble::Ended(Farewell::Revoked), true, 0), SLOW_MS);
        assert_eq!(dialled(Trouble::Ended(Farewell::Disk), false, 0), LATER_MS);
    }
}
