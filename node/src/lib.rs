//! The program every office runs: the protocol's engine over SQLite and QUIC, with pages for people.
//!
//! One [`writer`] thread owns the engine and the disk; [`net`] carries its messages; everything else asks it.

pub mod cli;
pub mod clock;
pub mod console;
pub mod demo;
pub mod desk;
pub mod entropy;
pub mod net;
pub mod node;
pub mod parcel;
pub mod store;
pub mod tables;
pub mod web;
pub mod writer;
