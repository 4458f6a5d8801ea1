//! The virtual city, and what `measure` needs to measure real nodes: invented households and a bad network.
//!
//! Whatever is random here comes from a seed, so that a run can be had again.

mod administration;
pub mod cases;
pub mod checks;
pub mod city;
pub mod disk;
pub mod faults;
pub mod hostile;
pub mod households;
pub mod http;
pub mod law;
pub mod measure;
pub mod network;
pub mod offices;
pub mod people;
pub mod relay;
pub mod trace;
pub mod world;
pub mod year;
