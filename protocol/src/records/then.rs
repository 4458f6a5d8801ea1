//! A household's record as it stood after a day, by when its changes claim to have been written.

use super::day::Day;
use super::household::Household;
use automerge::{Automerge, ChangeHash};
use std::collections::{BTreeMap, BTreeSet};

/// A household's record as it stood after a day.
#[derive(Debug)]
pub struct Then {
    /// What it said; none when it had not begun.
    pub household: Option<Household>,
    /// The changes it consists of.
    pub changes: BTreeSet<ChangeHash>,
}

impl Then {
    /// Reads a record as it stood after `last`; `written` says on which day each change claims to have been written.
    pub fn of(doc: &Automerge, written: &BTreeMap<ChangeHash, Day>, last: Day) -> Then {
        let mut days: BTreeMap<ChangeHash, Day> = BTreeMap::new();
        let (mut changes, mut heads) = (BTreeSet::new(), BTreeSet::new());
        // In causal order, so that the days of what a change builds on are known.
        for change in doc.get_changes(&[]) {
            let past = change.deps().iter().filter_map(|dep| days.get(dep)).max().copied();
            let day = written.get(&change.hash()).copied().max(past).unwrap_or_default();
            days.insert(change.hash(), day);
            if day <= last {
                for dep in change.deps() {
                    heads.remove(dep);
                }
                heads.insert(change.hash());
                changes.insert(change.hash());
            }
        }
        let heads: Vec<ChangeHash> = heads.into_iter().collect();
        let household = match heads.is_empty() {
            true => None,
            false if heads == doc.get_heads() => Some(Household::read(doc)),
            false => doc.fork_at(&heads).ok().map(|then| Household::read(&then)),
        };
        Then { household, changes }
    }
}
