//! One file for each page: the struct is the template's input, the functions beside it make it and answer for it.

pub mod case;
pub mod case_new;
pub mod cases;
pub mod chart;
pub mod drafts;
pub mod error;
pub mod export;
pub mod household;
pub mod household_edit;
pub mod households;
pub mod import;
pub mod inbox;
pub mod notices;
pub mod payments;
pub mod policies;
pub mod policy_edit;
pub mod receipt;
pub mod sign_in;
pub mod staff;
pub mod staff_hand;
pub mod statistics;
pub mod statistics_lists;
pub mod sync;
pub mod today;
pub mod year;
