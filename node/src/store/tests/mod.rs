//! Tests of the store: it behaves as the store in memory does, and survives what disks and people do to it.

mod conformance;
mod damage;
mod lives;
mod measure;
mod support;
mod views;
