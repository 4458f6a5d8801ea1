//! Doubles: what is one, what settles it, and that the order of arrival does not matter.

use super::*;
use crate::area::Tier;
use crate::hash::Hash;
use crate::records::policy::{in_force, sample};
use proptest::prelude::*;

fn packs() -> Packs {
    let pack = sample();
    [(pack.version.clone(), pack)].into()
}

fn day(text: &str) -> Option<Day> {
    Day::parse(text)
}

fn grant(number: u8, kind: &str, cause: &str, on: &str, persons: &[&str]) -> Grant {
    Grant {
        case: CaseId([number; 16]),
        area: AreaId::parse("320582100201").expect("a code"),
        household: Some(RecordId(Hash([number; 32]))),
        persons: persons.iter().map(|person| (*person).to_owned()).collect(),
        kind: kind.into(),
        cause: cause.into(),
        pack: sample().version,
        day: day(on),
        monthly: None,
        number: format!("SL{number}"),
        amount: Fen(90_000),
        paid: Fen(0),
        owed: Fen(0),
        doubled: Vec::new(),
    }
}

fn said(other: &Grant, ruling: Option<Ruling>) -> Doubled {
    let (told, reason) = ("乙村".to_owned(), "已核".to_owned());
    Doubled { other: other.case, told, ruling, reason, tier: Tier::City, day: None }
}

#[test]
fn the_same_person_kind_and_cause_within_the_period_is_a_double_and_nothing_else_is() {
    let packs = packs();
    let first = grant(1, "临时救助", "因病", "2019-05-01", &["A", "B"]);
    let of = |other: &Grant| doubles(&[first.clone(), other.clone()], &packs).len();
    assert_eq!(of(&grant(2, "临时救助", "因病", "2019-06-01", &["B"])), 1);
    assert_eq!(of(&grant(2, "临时救助", "", "2019-06-01", &["B"])), 1, "a cause that nobody wrote down may be any");
    assert_eq!(of(&grant(2, "临时救助", "因灾", "2019-06-01", &["B"])), 0, "another cause");
    assert_eq!(of(&grant(2, "临时救助", "因病", "2020-06-01", &["B"])), 0, "another year");
    assert_eq!(of(&grant(2, "临时救助", "因病", "2019-06-01", &["C"])), 0, "another person");
    assert_eq!(of(&grant(2, "教育救助", "因病", "2019-06-01", &["B"])), 0, "another kind");
    let care = grant(3, "照料服务", "因病", "2019-05-01", &["A"]);
    assert_eq!(doubles(&[care.clone(), Grant { case: CaseId([4; 16]), ..care }], &packs), [], "services are no grants");
    let home = Grant { persons: BTreeSet::new(), ..grant(2, "临时救助", "因病", "2019-06-01", &[]) };
    assert_eq!(of(&Grant { household: first.household, ..home }), 1, "one household, whose members have no numbers");
}

#[test]
fn kinds_that_exclude_each_other_are_a_double_that_no_reason_makes_right() {
    let (first, second) =
        (grant(1, "最低生活保障", "因病", "2019-05-01", &["A"]), grant(2, "特困人员供养", "因老", "2019-06-01", &["A"]));
    let granted = [first];
    let packs = packs();
    let found = beside(&second, &granted, &packs);
    assert!(matches!(&found[..], [(_, Why::Exclusive { source }, true)] if source.contains("特困")), "{found:?}");
    assert!(in_force(&packs, Day(18_000)).is_some_and(|pack| pack.exclusions.iter().all(|it| !it.source.is_empty())));
}

#[test]
fn a_ruling_must_be_the_same_in_both_cases_and_money_paid_for_nothing_is_to_come_back() {
    let packs = packs();
    let (mut a, mut b) = (grant(1, "临时救助", "因病", "2019-05-01", &["A"]), grant(2, "临时救助", "因病", "2019-06-01", &["A"]));
    let state = |a: &Grant, b: &Grant| doubles(&[a.clone(), b.clone()], &packs).iter().map(|it| it.state).collect::<Vec<_>>();
    a.doubled = vec![said(&b, None)];
    assert_eq!(state(&a, &b), [State::ToSettle], "told, and not settled");
    a.doubled = vec![said(&b, Some(Ruling::This))];
    assert_eq!(state(&a, &b), [State::ToSettle], "only half of it is here");
    b.doubled = vec![said(&a, Some(Ruling::This))];
    assert_eq!(state(&a, &b), [State::ToSettle], "two offices that disagree");
    (b.doubled, b.owed) = (vec![said(&a, Some(Ruling::Other))], Fen(90_000));
    assert_eq!(state(&a, &b), [State::ToRecover]);
    b.owed = Fen(0);
    assert_eq!(state(&a, &b), [State::Settled]);
    b.persons.clear();
    assert_eq!(state(&a, &b), [State::Settled], "what was settled stays in the list");
    let alone = [b];
    let told = doubles(&alone, &packs);
    assert_eq!((told.len(), told[0].grants.1, told[0].state), (1, None, State::Settled), "the other half is not held here");
    let third = grant(3, "临时救助", "因病", "2019-06-02", &["A"]);
    assert_eq!(beside(&third, &alone, &packs), [], "what is void stands in nobody's way");
}

fn any_grant() -> impl Strategy<Value = Grant> {
    let kind = prop::sample::select(vec!["临时救助", "最低生活保障", "特困人员供养", "照料服务", "无"]);
    let cause = prop::sample::select(vec!["", "因病", "因灾"]);
    let on = prop::sample::select(vec!["2019-05-01", "2019-06-01", "2020-08-01", "无"]);
    let persons = prop::collection::btree_set(prop::sample::select(vec!["A", "B", "C"]), 0..3);
    let ruling = prop::option::of((0_u8..5, prop::sample::select(vec![None, Some(Ruling::Both), Some(Ruling::Other)])));
    (0_u8..5, kind, cause, on, persons, 0_u8..3, ruling).prop_map(|(number, kind, cause, on, persons, home, ruling)| {
        let persons: Vec<&str> = persons.into_iter().collect();
        let other = |(other, ruling)| said(&grant(other, "", "", "", &[]), ruling);
        Grant {
            household: (home > 0).then_some(RecordId(Hash([home; 32]))),
            doubled: ruling.map(other).into_iter().collect(),
            ..grant(number, kind, cause, on, &persons)
        }
    })
}

proptest! {
    #[test]
    fn the_order_in_which_grants_arrive_changes_nothing(
        grants in prop::collection::btree_map(0_u8..5, any_grant(), 0..5),
        by in 0_usize..5,
        backwards in any::<bool>(),
    ) {
        let packs = packs();
        let grants: Vec<Grant> = grants.into_iter().map(|(n, grant)| Grant { case: CaseId([n; 16]), ..grant }).collect();
        let mut other = grants.clone();
        if !other.is_empty() {
            let by = by % other.len();
            other.rotate_left(by);
        }
        if backwards {
            other.reverse();
        }
        let found = doubles(&grants, &packs);
        prop_assert_eq!(&doubles(&other, &packs), &found);
        let cases: BTreeSet<_> = found.iter().map(|it| (it.grants.0.case, it.grants.1.map(|grant| grant.case))).collect();
        prop_assert_eq!(cases.len(), found.len(), "each is raised once");
        for a in &grants {
            for b in &grants {
                prop_assert_eq!(why(a, b, &packs), why(b, a, &packs));
            }
        }
    }
}

#[test]
fn what_is_paid_every_month_is_had_for_as_long_as_it_runs() {
    let packs = packs();
    let first = |monthly| Grant { monthly, ..grant(1, "最低生活保障", "", "2022-03-01", &["a"]) };
    let later = Grant { monthly: Some(None), ..grant(2, "最低生活保障", "", "2026-06-01", &["a"]) };
    assert!(why(&first(Some(None)), &later, &packs).is_some(), "four years later, and still running");
    assert!(why(&later, &first(Some(day("2026-07-01"))), &packs).is_some(), "stopped, but later");
    assert!(why(&first(Some(day("2026-06-01"))), &later, &packs).is_none(), "stopped before");
    let other = Grant { monthly: Some(None), ..grant(3, "特困人员供养", "", "2026-06-01", &["a"]) };
    assert!(why(&first(Some(None)), &other, &packs).is_some() && why(&first(Some(day("2024-01-01"))), &other, &packs).is_none());
}
