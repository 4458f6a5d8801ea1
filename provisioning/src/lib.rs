//! Who may join: the city root, invitations, enrolment, the division table and policy packs.
//!
//! Like `protocol`, this crate reads no clock, disk or socket by itself: files and random bytes are given to it.

pub mod areas;
pub mod city;
pub mod divisions;
pub mod enrolment;
