//! Every limit of the protocol, with its unit. A number here is law; a number in any other page is history.

/// Bytes of an encoded payload (the list of record changes of one entry).
pub const PAYLOAD_BYTES_MAX: usize = 7 * 1024;
/// Bytes of an encoded entry header.
pub const HEADER_BYTES_MAX: usize = 1024;
/// Heads named by `after` in one header.
pub const AFTER_MAX: usize = 16;
/// Record changes in one entry.
pub const PAIRS_MAX: usize = 16;
/// Bytes of a compressed frame that a sender aims for.
pub const FRAME_TARGET_BYTES: usize = 8 * 1024;
/// Bytes of a compressed frame that a receiver takes at most. More than a sender puts in before compression, because
/// what does not compress must arrive too.
pub const FRAME_BYTES_MAX: usize = 192 * 1024;
/// Bytes of an inflated frame.
pub const FRAME_INFLATED_MAX: usize = 256 * 1024;
/// Bytes of entries that a sender puts into one frame before compression, at most.
pub const FRAME_RAW_MAX: usize = 128 * 1024;
/// Bytes of entries between two signatures, before compression, at most. A relay must keep an author's cuts, and its
/// context may compress them less well.
pub const RUN_RAW_MAX: usize = 32 * 1024;
/// Bytes of one message of a session on the wire.
pub const MESSAGE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Operations of one Automerge change.
pub const CHANGE_OPS_MAX: u64 = 1_000;
/// Depth of nesting of a record.
pub const NESTING_MAX: usize = 16;
/// Bytes of one string in a record.
pub const STRING_BYTES_MAX: usize = 4 * 1024;
/// Greatest operation counter of a change.
pub const START_OP_MAX: u64 = 1 << 31;
/// Dependencies of one change.
pub const CHANGE_DEPS_MAX: usize = 64;
/// Actors named by one change besides its own.
pub const CHANGE_ACTORS_MAX: usize = 256;
/// Changes a single record may hold.
pub const RECORD_CHANGES_MAX: u64 = 100_000;
/// Greatest Lamport number.
pub const LAMPORT_MAX: u64 = 1 << 48;
/// How far an entry's number may lie beyond what it names, when some of that was cut away.
pub const LAMPORT_BEYOND_CUT_MAX: u64 = 1 << 24;
/// Entries waiting for something, for each device.
pub const WAITING_PER_DEVICE_MAX: usize = 100_000;
/// Refused entries kept for an administrator, in all.
pub const REFUSED_KEPT_MAX: usize = 1_000;
/// Bytes set aside for one device whose entries are not admitted.
pub const QUARANTINE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Logs named in one frontier message.
pub const FRONTIER_LOGS_MAX: usize = 20_000;
/// Areas named in one message.
pub const AREAS_MAX: usize = 20_000;
/// Bytes held back from a device whose certificate has not been shown yet.
pub const EARLY_BYTES_MAX: usize = 1024 * 1024;
/// Receipts in one message.
pub const RECEIPTS_MAX: usize = 4_096;
/// Lengths in one receipt.
pub const RECEIPT_LENGTHS_MAX: usize = 4_096;
/// Steps from an area to the top of the division tree.
pub const AREA_DEPTH_MAX: usize = 16;
/// Characters of an area's name.
pub const AREA_NAME_CHARS_MAX: usize = 40;
/// Times that an area is re-coded, renamed or put elsewhere.
pub const AREA_EARLIER_MAX: usize = 64;
/// Areas one office covers.
pub const OFFICE_AREAS_MAX: usize = 64;
/// Milliseconds without an answer to something sent after which a session dials anew.
pub const SILENCE_MS: u64 = 6_000;
/// Milliseconds that an unknown device may take to show its certificate.
pub const STRANGER_MS: u64 = 30_000;
/// Bytes in flight a session starts with.
pub const WINDOW_START_BYTES: usize = 16 * 1024;
/// Bytes in flight a session never exceeds.
pub const WINDOW_MAX_BYTES: usize = 1024 * 1024;
/// Bytes of a condition or formula of a policy pack.
pub const EXPRESSION_BYTES_MAX: usize = 1_000;
/// Depth of its nesting.
pub const EXPRESSION_DEPTH_MAX: u16 = 40;
/// Loops over members in it; each multiplies the work by the number of members.
pub const EXPRESSION_LOOPS_MAX: usize = 3;
/// Places of a care project in its period.
pub const PROJECT_PLACES_MAX: u32 = 10_000;
/// Rows that the places of a project are divided into; so many fit one text.
pub const PROJECT_SHARES_MAX: usize = 90;
/// Places that one booking asks for.
pub const BOOKING_PLACES_MAX: u32 = 20;
