//! The Desk over real databases: a city, two townships, two villages, people with roles, and links that can be pulled.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, missing_docs)]

#[path = "desk/support.rs"]
mod support;

#[path = "desk/after.rs"]
mod after;
#[path = "desk/books.rs"]
mod books;
#[path = "desk/categories.rs"]
mod categories;
#[path = "desk/checks.rs"]
mod checks;
#[path = "desk/doubles.rs"]
mod doubles;
#[path = "desk/emergency.rs"]
mod emergency;
#[path = "desk/exports.rs"]
mod exports;
#[path = "desk/handover.rs"]
mod handover;
#[path = "desk/households.rs"]
mod households;
#[path = "desk/import.rs"]
mod import;
#[path = "desk/loop_ask.rs"]
mod loop_ask;
#[path = "desk/loop_share.rs"]
mod loop_share;
#[path = "desk/loop_split.rs"]
mod loop_split;
#[path = "desk/loop_watch.rs"]
mod loop_watch;
#[path = "desk/means.rs"]
mod means;
#[path = "desk/missed.rs"]
mod missed;
#[path = "desk/monthly.rs"]
mod monthly;
#[path = "desk/months.rs"]
mod months;
#[path = "desk/moves.rs"]
mod moves;
#[path = "desk/notices.rs"]
mod notices;
#[path = "desk/packs.rs"]
mod packs;
#[path = "desk/payments.rs"]
mod payments;
#[path = "desk/policies.rs"]
mod policies;
#[path = "desk/procedure.rs"]
mod procedure;
#[path = "desk/projects.rs"]
mod projects;
#[path = "desk/report.rs"]
mod report;
#[path = "desk/reviews.rs"]
mod reviews;
#[path = "desk/roles.rs"]
mod roles;
#[path = "desk/sign_in.rs"]
mod sign_in;
#[path = "desk/spoiled.rs"]
mod spoiled;
#[path = "desk/stick.rs"]
mod stick;
#[path = "desk/stories.rs"]
mod stories;
#[path = "desk/tables.rs"]
mod tables;
#[path = "desk/village_pages.rs"]
mod village_pages;
#[path = "desk/vouch.rs"]
mod vouch;
#[path = "desk/windows.rs"]
mod windows;
