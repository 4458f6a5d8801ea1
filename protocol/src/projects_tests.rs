//! Who has a place, whatever came first; and what fits assessed needs.

use super::*;
use crate::area::Tier;
use crate::device::DeviceKey;
use crate::records::policy::sample;
use automerge::ActorId;
use proptest::prelude::*;

fn stamp(lamport: u64) -> Option<Stamp> {
    Some(Stamp { lamport, tier: Tier::Village, device: DeviceKey([lamport as u8; 32]), sequence: lamport, index: 1 })
}

fn claim(number: u8, places: u32, state: BookingState, claimed: u64, confirmed: u64) -> Claim {
    Claim {
        case: CaseId([number; 16]),
        booking: OpId { counter: u64::from(number), actor: ActorId::from([number; 16]) },
        places,
        state,
        claimed: stamp(claimed),
        confirmed: (confirmed > 0).then(|| stamp(confirmed)).flatten(),
    }
}

fn seats(capacity: u32, elsewhere: u32, claims: &[Claim]) -> Vec<Seat> {
    let found = allot(capacity, elsewhere, claims);
    claims.iter().map(|claim| found.seat(&claim.case, &claim.booking).expect("a seat")).collect()
}

#[test]
fn the_last_place_goes_to_the_first_claim_and_the_other_is_a_conflict() {
    use BookingState::*;
    let claims = [claim(1, 1, Claimed, 9, 0), claim(2, 1, Claimed, 4, 0), claim(3, 1, Confirmed, 8, 12)];
    assert_eq!(seats(2, 0, &claims), [Seat::Conflict { ahead: 2 }, Seat::Waits, Seat::Has]);
    let found = allot(2, 0, &claims);
    assert_eq!((found.taken, found.waiting, found.lacking, found.left(2)), (1, 1, 1, 0));
    // What was declined or cancelled asks for nothing; what ended had its place.
    let claims =
        [claim(1, 1, Claimed, 9, 0), claim(2, 1, Cancelled, 4, 6), claim(3, 1, Ended, 8, 12), claim(4, 1, Declined, 1, 0)];
    assert_eq!(seats(2, 0, &claims), [Seat::Waits, Seat::Over, Seat::Has, Seat::Over]);
}

#[test]
fn what_needs_more_places_than_are_left_lets_a_smaller_one_by() {
    use BookingState::*;
    let claims = [claim(1, 2, Claimed, 1, 0), claim(2, 2, Claimed, 2, 0), claim(3, 1, Claimed, 3, 0)];
    assert_eq!(seats(3, 0, &claims), [Seat::Waits, Seat::Conflict { ahead: 2 }, Seat::Waits]);
}

#[test]
fn an_office_that_sees_its_own_only_counts_what_the_city_published() {
    use BookingState::*;
    let claims = [claim(1, 1, Confirmed, 1, 5), claim(2, 1, Claimed, 2, 0)];
    let project = Project { capacity: 3, taken: Some((3, Day(18_000))), ..Project::default() };
    assert_eq!(elsewhere(&project, &claims), 2);
    assert_eq!(seats(3, 2, &claims), [Seat::Has, Seat::Conflict { ahead: 3 }]);
    // A publication that is older than what is known here takes nothing away.
    let project = Project { taken: Some((0, Day(18_000))), ..project };
    assert_eq!(elsewhere(&project, &claims), 0);
}

#[test]
fn a_project_is_proposed_for_a_need_with_reasons_and_says_what_stands_against_it() {
    let pack = sample();
    let (town, village, other) = ("320582100000", "320582100201", "320582107000");
    let path: Vec<AreaId> = [village, town].into_iter().filter_map(AreaId::parse).collect();
    let project = Project {
        name: "陪伴".into(),
        kind: "A5".into(),
        areas: AreaId::parse(town).into_iter().collect(),
        from: Day::parse("2019-06-01"),
        until: Day::parse("2019-12-31"),
        capacity: 10,
        open: true,
        ..Project::default()
    };
    let day = Day::parse("2019-05-29").expect("a day");
    let needs = ["精神康复".to_owned(), "就业".to_owned()];
    let places = |taken, waiting| Allotment { taken, waiting, ..Allotment::default() };
    let found = fit(&project, &pack, &needs, &path, day, &places(5, 2)).expect("answers");
    assert_eq!(found.needs, ["精神康复"]);
    let wanted = ["对应需求：精神康复", "服务本地", "2019-06-01 开始，现在可以预约", "到 2019-12-31 为止", "还有 3 个名额"];
    assert_eq!((found.reasons.as_slice(), found.fits()), (wanted.map(String::from).as_slice(), true));
    assert_eq!(fit(&project, &pack, &needs[1..], &path, day, &places(5, 2)), None, "another need");
    let queued = fit(&project, &pack, &needs, &path, day, &places(5, 5)).expect("answers");
    assert!(queued.fits() && queued.reasons[4].contains("排在后面"), "{queued:?}");
    let elsewhere = Project { areas: AreaId::parse(other).into_iter().collect(), open: false, ..project.clone() };
    let found = fit(&elsewhere, &pack, &needs, &path, Day::parse("2020-01-01").expect("a day"), &places(10, 0)).expect("answers");
    assert_eq!(found.against, ["不服务这一区域", "不再接受预约", "已于 2019-12-31 结束", "名额已满"]);
    assert!(!found.fits() && found.reasons.iter().all(|reason| !reason.contains("个名额") && reason != "服务本地"));
}

fn claims() -> impl Strategy<Value = Vec<Claim>> {
    let one = (1_u32..4, 0_usize..5, 0_u64..12, 1_u64..12);
    prop::collection::vec(one, 0..24).prop_map(|all| {
        let make = |(number, (places, state, claimed, confirmed)): (usize, (u32, usize, u64, u64))| {
            claim(number as u8, places, BookingState::ALL[state], claimed, confirmed)
        };
        all.into_iter().enumerate().map(make).collect()
    })
}

proptest! {
    #[test]
    fn the_same_claims_in_any_order_have_the_same_seats_and_never_more_than_there_are(
        claims in claims(),
        capacity in 0_u32..20,
        elsewhere in 0_u32..6,
        turn in 0_usize..24,
    ) {
        let found = allot(capacity, elsewhere, &claims);
        let mut turned = claims.clone();
        turned.reverse();
        if !turned.is_empty() {
            let by = turn % turned.len();
            turned.rotate_left(by);
        }
        prop_assert_eq!(&allot(capacity, elsewhere, &turned), &found);
        prop_assert!(found.taken + found.waiting <= capacity);
        let sum = |wanted: fn(Seat) -> bool| -> u32 {
            let seat = |claim: &&Claim| found.seat(&claim.case, &claim.booking).is_some_and(wanted);
            claims.iter().filter(seat).map(|claim| claim.places).sum()
        };
        prop_assert_eq!(sum(|seat| seat == Seat::Has) + elsewhere.min(capacity), found.taken);
        prop_assert_eq!(sum(|seat| seat == Seat::Waits), found.waiting);
        prop_assert_eq!(sum(|seat| matches!(seat, Seat::Conflict { .. })), found.lacking);
        prop_assert_eq!(found.seats.len(), claims.len());
        // A claim that came first never loses its place to one that came later.
        for early in claims.iter().filter(|claim| claim.state == BookingState::Claimed) {
            for late in claims.iter().filter(|claim| claim.state == BookingState::Claimed && claim.places == early.places) {
                let seats = (found.seat(&early.case, &early.booking), found.seat(&late.case, &late.booking));
                if early.claimed < late.claimed {
                    let unfair = matches!(seats, (Some(Seat::Conflict { .. }), Some(Seat::Waits)));
                    prop_assert!(!unfair);
                }
            }
        }
    }
}
