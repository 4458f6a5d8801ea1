//! Helpers for the end-to-end tests: real offices from `simulations::offices`, a small HTTP client, a real browser.
//!
//! | test | story |
//! |---|---|
//! | `tests/offices.rs` | three processes agree, through kills, restored backups and bad files |
//! | `tests/unlock.rs` | a machine with nobody at its terminal is unlocked from its page |
//! | `tests/devices.rs` | machines that are replaced, renewed, lost: every decision stays one |
//! | `tests/areas.rs` | an area is re-coded, renamed, split, put under another township; its records stay its own |
//! | `tests/stick.rs` | offices without a line agree by files on a stick |
//! | `tests/stories.rs` | the three stories of the newspaper, with lines that are cut and machines that are killed |
//! | `tests/city.rs` | ten thousand households appear at the root, and are not added twice |
//! | `tests/faults.rs` | machines and invitations that do not count, a full disk, a damaged database |
//! | `tests/hostile/` | what comes from a machine in bad hands is refused or has no effect |
//! | `tests/browser.rs` | people work at the pages of three offices, from import to payment, in Chromium |
//! | `tests/days.rs` | each role's day at the pages, from 今日 to what is there in the evening; hands are counted |
//! | `tests/screens.rs` | every page, long, empty and in error, fits a laptop and a phone; its pictures in `screens/` |
//! | `tests/budgets.rs` | bytes and round trips stay within budget |
//! | `tests/tidy.rs` | the workspace keeps its own rules |
//!
//! Browser tests need Debian's `chromium` and `chromium-driver`; without them they say "skipped", or fail when
//! `SHOUWANG_REQUIRE_BROWSER` is set. `SHOUWANG_SCREENS=1` writes the pictures anew.

pub mod browser;
pub mod disk;
pub mod town;

pub use shouwang_simulations::http;
