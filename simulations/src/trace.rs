//! The trace: what happened in a run, as lines, with a running SHA-256.
//!
//! The same seed, profile and days give the same lines and so the same hash; a file holds both, and replaying it runs
//! the city again and compares byte by byte. Messages are named by length and hash, never by content.
//!
//! [`Dice`] is the only source of chance in the virtual city.

use crate::households::SplitMix64;
use ring::digest::{Context, SHA256};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Everything that chance decides, from one seed.
#[derive(Clone, Debug)]
pub struct Dice(SplitMix64);

impl Dice {
    /// The stream `name` of `seed`: streams of one seed have nothing to do with each other.
    pub fn new(seed: u64, name: u64) -> Dice {
        let mut mixed = SplitMix64::new(seed ^ name.wrapping_mul(0xA076_1D64_78BD_642F));
        mixed.next_u64();
        Dice(mixed)
    }

    /// A number from `first` to `last`, both included.
    pub fn between(&mut self, first: u64, last: u64) -> u64 {
        first + self.0.below(last.saturating_sub(first).saturating_add(1).max(1))
    }

    /// Whether something of so many in a thousand happens.
    pub fn chance(&mut self, in_thousand: u64) -> bool {
        self.0.below(1000) < in_thousand
    }

    /// An index below `length`; none when there is nothing to choose from.
    pub fn index(&mut self, length: usize) -> Option<usize> {
        (length > 0).then(|| self.0.below(length as u64) as usize)
    }

    /// One of `choices`.
    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> Option<&'a T> {
        self.index(choices.len()).map(|i| &choices[i])
    }

    /// The index of one of these weights.
    pub fn weighted(&mut self, weights: &[u64]) -> usize {
        let mut left = self.0.below(weights.iter().sum::<u64>().max(1));
        for (i, weight) in weights.iter().enumerate() {
            if left < *weight {
                return i;
            }
            left -= weight;
        }
        0
    }

    /// Waiting time with this mean, at least 1.
    pub fn wait(&mut self, mean: u64) -> u64 {
        // Eight halvings of chance are near enough to an exponential, and exact everywhere.
        let mut span = mean / 2;
        while self.chance(500) && span < mean.saturating_mul(8) {
            span += mean / 2 + 1;
        }
        self.between(span / 2, span) + 1
    }

    /// Sixteen bytes.
    pub fn bytes16(&mut self) -> [u8; 16] {
        let mut out = [0; 16];
        out[..8].copy_from_slice(&self.0.next_u64().to_le_bytes());
        out[8..].copy_from_slice(&self.0.next_u64().to_le_bytes());
        out
    }

    /// A number.
    pub fn number(&mut self) -> u64 {
        self.0.next_u64()
    }
}

/// The lines of a run and their hash.
pub struct Trace {
    context: Context,
    lines: Option<String>,
    line: String,
    last: std::collections::VecDeque<String>,
    /// How often each thing that should happen sometimes has happened.
    pub seen: BTreeMap<&'static str, u64>,
}

/// Lines shown with a failure.
const LAST: usize = 24;

impl Trace {
    /// A trace; `keep` holds the lines in memory, to be written to a file.
    pub fn new(keep: bool) -> Trace {
        Trace {
            context: Context::new(&SHA256),
            lines: keep.then(String::new),
            line: String::new(),
            last: std::collections::VecDeque::new(),
            seen: BTreeMap::new(),
        }
    }

    /// Adds a line.
    pub fn line(&mut self, at: u64, text: std::fmt::Arguments<'_>) {
        self.line.clear();
        // Writing to a string cannot fail.
        let _ = writeln!(self.line, "{at} {text}");
        self.context.update(self.line.as_bytes());
        if let Some(lines) = &mut self.lines {
            lines.push_str(&self.line);
        }
        if self.last.len() == LAST {
            self.last.pop_front();
        }
        self.last.push_back(self.line.trim_end().to_owned());
    }

    /// Counts something that should happen sometimes.
    pub fn sometimes(&mut self, what: &'static str) {
        *self.seen.entry(what).or_default() += 1;
    }

    /// The hash of all lines so far, in hexadecimal.
    pub fn hash(&self) -> String {
        self.context.clone().finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The lines, when they were kept.
    pub fn lines(&self) -> Option<&str> {
        self.lines.as_deref()
    }

    /// The latest lines.
    pub fn tail(&self) -> Vec<String> {
        self.last.iter().cloned().collect()
    }
}

/// A few bytes that stand for many, in a trace line.
pub fn short_hash(bytes: &[u8]) -> String {
    ring::digest::digest(&SHA256, bytes).as_ref()[..6].iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_is_the_same_for_the_same_seed_and_stream_only() {
        let draw = |seed, name| {
            let mut dice = Dice::new(seed, name);
            (0..20).map(|_| dice.between(0, 1000)).collect::<Vec<_>>()
        };
        assert_eq!(draw(1, 2), draw(1, 2));
        assert_ne!(draw(1, 2), draw(1, 3));
        assert_ne!(draw(2, 2), draw(1, 2));
        let mut dice = Dice::new(3, 3);
        assert!((0..1000).all(|_| (5..=9).contains(&dice.between(5, 9)) && dice.wait(100) > 0));
    }
}
