//! Making two devices agree: messages, frames, receipts, and the session that speaks them.
//!
//! Everything here is sans-IO: bytes in, bytes out, time given. A session may run over QUIC, over a file, or between
//! two replicas in a test.

pub mod frame;
pub mod message;
pub mod parcel;
mod plan;
pub mod receipt;
pub mod session;
