//! The virtual city, and what `measure` needs to measure real nodes: invented households and a bad network.
//!
//! Whatever is random here comes from a seed, so that a run can be had again.

pub mod households;
pub mod measure;
pub mod offices;
pub mod relay;
