//! A bounded cache of documents: memory does not grow with the number of records.

use crate::admission::KnownRecord;
use crate::record::RecordId;
use std::collections::BTreeMap;

/// Documents kept in memory (about 50 KB each).
const DOCUMENTS: usize = 256;

#[derive(Default)]
pub(super) struct Cache {
    documents: BTreeMap<RecordId, (u64, KnownRecord)>,
    ages: BTreeMap<u64, RecordId>,
    clock: u64,
}

impl Cache {
    pub(super) fn get(&mut self, id: &RecordId) -> Option<KnownRecord> {
        self.clock += 1;
        let (age, record) = self.documents.get_mut(id)?;
        self.ages.remove(age);
        *age = self.clock;
        self.ages.insert(self.clock, *id);
        Some(record.clone())
    }

    pub(super) fn put(&mut self, id: RecordId, record: KnownRecord) {
        self.clock += 1;
        if let Some((age, _)) = self.documents.insert(id, (self.clock, record)) {
            self.ages.remove(&age);
        }
        self.ages.insert(self.clock, id);
        while self.documents.len() > DOCUMENTS {
            let Some((_, oldest)) = self.ages.pop_first() else { break };
            self.documents.remove(&oldest);
        }
    }

    pub(super) fn remove(&mut self, id: &RecordId) {
        if let Some((age, _)) = self.documents.remove(id) {
            self.ages.remove(&age);
        }
    }

    pub(super) fn clear(&mut self) {
        self.documents.clear();
        self.ages.clear();
    }
}
