//! Links between offices, and the connections over them.
//!
//! The transport is reliable and ordered, so a connection is two ordered streams with a rate, a delay, and an end: a
//! cut in the middle loses everything in flight, and neither side knows until it has waited long enough. Loss,
//! duplication and reordering of datagrams don't exist at this level; they belong to the tests over real QUIC.

use crate::trace::Dice;
use shouwang_protocol::device::DeviceKey;
use shouwang_protocol::engine::Connection;
use shouwang_protocol::sync::frame::FrameReader;
use std::collections::BTreeMap;

/// The line between a lower office and the one above it.
#[derive(Clone, Debug)]
pub struct Link {
    /// Bits a second, each way.
    pub rate: u64,
    /// Milliseconds one way.
    pub delay: u64,
    /// Mean milliseconds between two cuts of a connection; 0: none.
    pub cut_every: u64,
    /// Mean milliseconds that an outage lasts.
    pub outage: u64,
    /// Whether it works now.
    pub up: bool,
    // When the sending side of each direction is free again.
    free_at: [u64; 2],
}

impl Link {
    /// A perfect line, for the end of a run.
    pub fn healed(&self) -> Link {
        Link { rate: 20_000_000, delay: 10, cut_every: 0, outage: 0, up: true, free_at: [0; 2] }
    }

    /// A line as chance makes it: from fibre to a mountain village's mobile link.
    pub fn draw(dice: &mut Dice, trouble: u64) -> Link {
        let (rate, delay) = match dice.weighted(&[4, 3, 2, 1]) {
            0 => (10_000_000, 15),
            1 => (1_000_000, 60),
            2 => (256_000, 150),
            _ => (64_000, 300),
        };
        let cut_every = if dice.chance(trouble) { dice.between(20_000, 4 * 3_600_000) } else { 0 };
        Link { rate, delay, cut_every, outage: dice.between(1_000, 3 * 3_600_000), up: true, free_at: [0; 2] }
    }

    /// When a message that is sent now arrives.
    pub fn arrival(&mut self, now: u64, upwards: bool, bytes: usize) -> u64 {
        let free = &mut self.free_at[usize::from(upwards)];
        let start = now.max(*free);
        *free = start + (bytes as u64 + 60) * 8_000 / self.rate.max(1);
        *free + self.delay
    }
}

/// One connection: who dialled whom, and what each end believes.
pub struct Wire {
    /// The node that dialled, the one that answered.
    pub ends: [usize; 2],
    /// Their devices.
    pub devices: [DeviceKey; 2],
    /// When it was dialled.
    pub since: u64,
    /// Whether messages still pass.
    pub alive: bool,
    /// Whether each end has it open.
    pub open: [bool; 2],
    // An observer's decompressors, one for what each end sends: frames can only be read in order.
    readers: [FrameReader; 2],
}

impl Wire {
    /// A connection.
    pub fn new(ends: [usize; 2], devices: [DeviceKey; 2], since: u64) -> Wire {
        Wire { ends, devices, since, alive: true, open: [true; 2], readers: Default::default() }
    }

    /// Which end a node is: 0 the dialler, 1 the one dialled.
    pub fn end_of(&self, node: usize) -> usize {
        usize::from(self.ends[1] == node)
    }

    /// The observer's reader of what this end sends.
    pub fn reader(&mut self, end: usize) -> &mut FrameReader {
        &mut self.readers[end]
    }
}

/// All connections of a run.
#[derive(Default)]
pub struct Network {
    /// Connections by number.
    pub wires: BTreeMap<Connection, Wire>,
    next: Connection,
}

impl Network {
    /// A new connection.
    pub fn connect(&mut self, ends: [usize; 2], devices: [DeviceKey; 2], now: u64) -> Connection {
        self.next += 1;
        self.wires.insert(self.next, Wire::new(ends, devices, now));
        self.next
    }

    /// The connections that a node has open.
    pub fn of(&self, node: usize) -> Vec<Connection> {
        let open = |wire: &Wire| wire.ends.contains(&node) && wire.open[wire.end_of(node)];
        self.wires.iter().filter(|(_, wire)| open(wire)).map(|(connection, _)| *connection).collect()
    }

    /// Forgets connections that no end has open.
    pub fn sweep(&mut self) {
        self.wires.retain(|_, wire| wire.open[0] || wire.open[1]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_queue_behind_each_other_one_way_only() {
        let mut link = Link { rate: 64_000, delay: 300, cut_every: 0, outage: 0, up: true, free_at: [0; 2] };
        let first = link.arrival(0, true, 8_000);
        assert_eq!(first, 8_060 * 8 / 64 + 300);
        assert!(link.arrival(0, true, 100) > first, "the second waits for the first");
        assert!(link.arrival(0, false, 100) < first, "the other way is free");
    }
}
