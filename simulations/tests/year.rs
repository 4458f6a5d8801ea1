//! Weeks of work of two townships keep their promises, and each check of a year notices what it is there for.

use shouwang_simulations::world::{Failure, Options, Outcome, Profile, Teeth, run};
use shouwang_simulations::year::Sabotage;

fn weeks(seed: u64, days: u64) -> Outcome {
    run(Options { days, ..Options::new(seed, Profile::Month) })
}

/// What the first of some runs that fails is told to have broken.
fn broken(sabotage: Sabotage, days: u64) -> Option<Failure> {
    let teeth = Teeth { sabotage: Some(sabotage), ..Teeth::default() };
    (1..5).find_map(|seed| run(Options { teeth, days, ..Options::new(seed, Profile::Month) }).failure)
}

fn what(failure: Option<Failure>) -> &'static str {
    failure.map_or("nothing was noticed", |failure| failure.what)
}

#[test]
fn weeks_of_work_keep_their_promises_and_are_told_in_a_report() {
    let outcome = weeks(1, 40);
    assert_eq!(outcome.failure, None);
    let report = outcome.report.expect("a report");
    for line in ["cases at the city: ", "decided: ", "overdue, ", "doubles raised: ", "granted: ", "stages never seen"] {
        assert!(report.contains(line), "{line} in {report}");
    }
    assert!(outcome.seen.get("case decided").is_some_and(|times| *times > 20), "{:?}", outcome.seen);
}

#[test]
fn the_same_seed_gives_the_same_weeks() {
    let (one, two) = (weeks(5, 16), weeks(5, 16));
    assert_eq!((one.hash, one.report), (two.hash, two.report));
    assert_ne!(weeks(6, 16).hash, weeks(7, 16).hash);
}

#[test]
fn a_calendar_without_holidays_is_noticed() {
    assert_eq!(what(broken(Sabotage::NoHolidays, 70)), "overdue");
}

#[test]
fn an_overdue_list_without_departments_is_noticed() {
    assert_eq!(what(broken(Sabotage::TransfersNeverOverdue, 70)), "overdue");
}

#[test]
fn a_double_that_nobody_raises_is_noticed() {
    assert_eq!(what(broken(Sabotage::NoDoubles, 70)), "double grant");
}

#[test]
fn a_second_payment_that_nobody_sees_is_noticed() {
    assert_eq!(what(broken(Sabotage::SecondPaymentsUnseen, 70)), "paid twice");
}

#[test]
fn a_case_that_is_nobodys_turn_is_noticed() {
    assert_eq!(what(broken(Sabotage::NobodyPreExamines, 40)), "stage");
}

#[test]
fn books_that_lose_a_payment_are_noticed() {
    assert_eq!(what(broken(Sabotage::PaymentsLost, 70)), "sums");
}
