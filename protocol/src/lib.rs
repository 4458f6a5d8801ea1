//! What every node must agree on.
//!
//! Pure code: no clock, no socket, no disk, no randomness. Time, random bytes and actors are always given. The node
//! drives it with SQLite and QUIC; the simulator drives the same code with a virtual city.
//!
//! Order of calls: a person acts → [`replica`] `commit`; bytes arrive → [`sync`] `Session` → [`replica`] `ingest`.
//! Both end in one [`store`] write; only what that write confirmed may leave (`Committed`).

pub mod account;
pub mod admission;
pub mod allotment;
pub mod annual;
pub mod annual_seal;
pub mod area;
pub mod authority;
pub mod control;
pub mod device;
pub mod difference;
pub mod doubles;
pub mod eligibility;
pub mod engine;
pub mod entry;
pub mod fence;
pub mod frontier;
pub mod hash;
pub mod hops;
pub mod limits;
pub mod means;
pub mod missed;
pub mod monthly;
pub mod notice;
pub mod projects;
pub mod record;
pub mod records;
pub mod replica;
pub mod review;
pub mod standing;
pub mod store;
pub mod sync;
pub mod written_notice;
