//! Receipts (回执): a superior's signed statement that it has stored logs up to a length.
//!
//! One receipt speaks of all logs of one place that lower offices write, so that it replaces the superior's earlier
//! one for that place. Superiors pass on their own superiors' receipts. A receipt is evidence, never input: nothing in
//! `effect` or `standing` asks for one.

use crate::control::Control;
use crate::device::{DeviceKey, Signature, SigningKey};
use crate::hash::Hash;
use crate::limits;
use crate::record::Place;
use serde::{Deserialize, Serialize};

/// What a receipt states.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ReceiptBody {
    /// Cipher suite.
    pub suite: u8,
    /// The superior's device.
    pub by: DeviceKey,
    /// The place of all logs named.
    pub place: Place,
    /// The superior's clock, milliseconds since 1970.
    pub at_ms: i64,
    /// Log names and stored lengths.
    pub lengths: Vec<(Hash, u64)>,
}

/// A signed receipt.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Receipt {
    /// The statement.
    pub body: ReceiptBody,
    /// Signature of `by` over it.
    pub signature: Signature,
}

const TAG: &[u8] = b"shouwang receipt 1";

fn message(body: &ReceiptBody) -> Vec<u8> {
    [TAG, &postcard::to_allocvec(body).unwrap_or_default()].concat()
}

impl Receipt {
    /// Signs a statement.
    pub fn sign(body: ReceiptBody, key: &SigningKey) -> Receipt {
        let signature = key.sign(&message(&body));
        Receipt { body, signature }
    }

    /// Whether the statement is its author's, and the author's office covers the place.
    pub fn holds(&self, control: &Control) -> bool {
        let covers = |office: crate::control::Office| office.covers(&control.divisions, self.body.place.area);
        self.body.lengths.len() <= limits::RECEIPT_LENGTHS_MAX
            && control.office_of(&self.body.by).is_some_and(covers)
            && !control.is_revoked(&self.body.by)
            && self.body.by.verify(&message(&self.body), &self.signature)
    }
}
