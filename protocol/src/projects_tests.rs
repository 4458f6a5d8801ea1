//! Who has a place, whatever came first or late; and what fits assessed needs.

use super::*;
use crate::area::{Area, Past, Tier};
use crate::device::{DeviceKey, OfficeId};
use crate::record::RecordId;
use crate::records::case::{StampedEvent, Volume};
use crate::records::event::{Channel, Event, EventKind, Finding, Origin, Urgency, What};
use crate::records::policy::{Packs, sample};
use crate::records::project::Share;
use crate::standing::{CaseRecords, Standing, standing, would_count};
use automerge::ActorId;
use proptest::prelude::*;

fn stamp(lamport: u64) -> Option<Stamp> {
    Some(Stamp { lamport, tier: Tier::Village, device: DeviceKey([lamport as u8; 32]), sequence: lamport, index: 1 })
}

fn claim(number: u8, places: u32, state: BookingState, claimed: u64, confirmed: u64) -> Claim {
    Claim {
        case: CaseId([number; 16]),
        booking: OpId { counter: u64::from(number), actor: ActorId::from([number; 16]) },
        share: None,
        places,
        state,
        claimed: stamp(claimed),
        confirmed: (confirmed > 0).then(|| stamp(confirmed)).flatten(),
    }
}

fn seats(capacity: u32, elsewhere: u32, claims: &[Claim]) -> Vec<Seat> {
    let found = allot(capacity, elsewhere, claims).0;
    claims.iter().map(|claim| found[&claim.key()]).collect()
}

#[test]
fn the_last_place_goes_to_the_first_claim_and_the_other_is_a_conflict() {
    use BookingState::*;
    let claims = [claim(1, 1, Claimed, 9, 0), claim(2, 1, Claimed, 4, 0), claim(3, 1, Confirmed, 8, 12)];
    assert_eq!(seats(2, 0, &claims), [Seat::Conflict { ahead: 2 }, Seat::Waits, Seat::Has]);
    let found = allot(2, 0, &claims).1;
    assert_eq!((found, found.left()), (Sums { places: 2, taken: 1, waiting: 1, lacking: 1 }, 0));
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
    assert_eq!(elsewhere(&project, None, &claims), 2);
    assert_eq!(seats(3, 2, &claims), [Seat::Has, Seat::Conflict { ahead: 3 }]);
    // A publication that is older than what is known here takes nothing away.
    let project = Project { taken: Some((0, Day(18_000))), ..project };
    assert_eq!(elsewhere(&project, None, &claims), 0);
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
    let places = |taken, waiting| {
        let sums = Sums { places: 10, taken, waiting, lacking: 0 };
        Allotment { rows: [(None, sums)].into(), ..Allotment::default() }
    };
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

const TOWN: &str = "320582100000";

fn share(area: Option<&str>, from: &str, until: &str, places: u32) -> Share {
    let day = |text: &str| Day::parse(text).expect("a day");
    let area = area.map(|area| AreaId::parse(area).expect("a code"));
    Share { id: ShareId { area, from: day(from) }, until: day(until), places }
}

/// A project with its places divided so.
fn divided(shares: Vec<Share>) -> Project {
    let capacity = shares.iter().map(|share| share.places).sum();
    let (from, until) = (Day::parse("2019-06-01"), Day::parse("2019-12-31"));
    Project { kind: "A5".into(), from, until, capacity, shares, open: true, ..Project::default() }
}

#[test]
fn the_places_of_one_row_are_not_those_of_another() {
    use BookingState::*;
    let july = share(Some(TOWN), "2019-07-01", "2019-07-31", 1);
    let august = share(Some(TOWN), "2019-08-01", "2019-08-31", 1);
    let project = divided(vec![july, august]);
    let of = |share: Share, claim: Claim| Claim { share: Some(share.id), ..claim };
    let claims = [
        of(july, claim(1, 1, Confirmed, 1, 3)),
        of(july, claim(2, 1, Claimed, 2, 0)),
        of(august, claim(3, 1, Claimed, 4, 0)),
        claim(4, 1, Claimed, 5, 0),
    ];
    let found = allot_rows(&project, true, &claims);
    let seat = |at: usize| found.seats[&claims[at].key()];
    assert_eq!([seat(0), seat(1), seat(2)], [Seat::Has, Seat::Conflict { ahead: 1 }, Seat::Waits]);
    assert_eq!(seat(3), Seat::Conflict { ahead: 0 }, "its row is not there");
    assert_eq!((found.row(Some(july.id)).left(), found.row(Some(august.id)).left(), found.row(None).places), (0, 0, 0));
    assert_eq!(found.all(), Sums { places: 2, taken: 1, waiting: 1, lacking: 2 });
    assert_eq!(found.taken_by(), [(july.id, 1), (august.id, 0)].into());
    // An office that holds the second claim only knows of July what the city published of July.
    let told = Project { taken: Some((1, Day(18_000))), taken_by: found.taken_by(), ..project.clone() };
    assert!(found.is_published(&told) && !found.is_published(&project));
    let below = allot_rows(&told, false, &claims[1..2]);
    assert_eq!((below.row(Some(july.id)).free(), below.row(Some(august.id)).free()), (0, 1));
    assert_eq!(below.seats[&claims[1].key()], Seat::Conflict { ahead: 1 });
    // A record of before the division has one lot; what was taken of it is not taken of a row.
    let flat = Project { shares: Vec::new(), ..told };
    assert_eq!(allot_rows(&flat, false, &[]).all(), Sums { places: 2, taken: 1, waiting: 0, lacking: 0 });
}

fn divisions() -> Divisions {
    let one = |(code, tier, parent): (&str, Tier, &str)| Area {
        id: AreaId::parse(code).expect("a code"),
        code: code.into(),
        name: code.into(),
        tier,
        parent: AreaId::parse(parent),
        past: Past::default(),
    };
    let areas = [
        ("320582000000", Tier::City, ""),
        (TOWN, Tier::Township, "320582000000"),
        ("320582100201", Tier::Village, TOWN),
        ("320582107000", Tier::Township, "320582000000"),
    ];
    Divisions::new(areas.map(one))
}

#[test]
fn a_division_says_which_row_does_not_fit_and_why() {
    let divisions = divisions();
    let (village, other) = ("320582100201", "320582107000");
    let july = |area: Option<&str>| share(area, "2019-07-01", "2019-07-31", 1);
    let town = july(Some(TOWN));
    let fits = divided(vec![town, july(Some(other)), share(Some(TOWN), "2019-08-01", "2019-08-31", 1)]);
    assert_eq!(misfits(&fits, &divisions), []);
    for (row, why) in [
        (july(Some("320582999000")), Misfit::Unknown),
        (july(Some(other)), Misfit::NotServed),
        (share(Some(village), "2019-05-31", "2019-06-02", 1), Misfit::OutsidePeriod),
        (share(Some(TOWN), "2019-12-31", "2020-01-01", 1), Misfit::OutsidePeriod),
        (share(Some(TOWN), "2019-07-31", "2019-08-31", 1), Misfit::Overlaps(town.id)),
        (share(Some(village), "2019-07-31", "2019-08-31", 1), Misfit::Overlaps(town.id)),
        (share(None, "2019-06-01", "2019-07-01", 1), Misfit::Overlaps(town.id)),
    ] {
        let served = AreaId::parse(TOWN).into_iter().collect();
        let project = Project { areas: served, ..divided(vec![town, row]) };
        assert_eq!(misfits(&project, &divisions), [(row.id, why)]);
    }
    let open = Project { until: None, ..divided(vec![share(Some(TOWN), "2030-01-01", "2030-12-31", 1)]) };
    assert_eq!(misfits(&open, &divisions), []);
}

#[test]
fn of_divided_places_those_of_the_own_area_that_are_not_over_are_proposed() {
    let (pack, needs) = (sample(), ["精神康复".to_owned()]);
    let july = share(Some(TOWN), "2019-07-01", "2019-07-31", 2);
    let august = share(Some(TOWN), "2019-08-01", "2019-08-31", 3);
    let project = divided(vec![july, august, share(Some("320582107000"), "2019-07-01", "2019-07-31", 9)]);
    let path: Vec<AreaId> = ["320582100201", TOWN, "320582000000"].into_iter().filter_map(AreaId::parse).collect();
    let on = |day: &str, path: &[AreaId]| {
        let places = allot_rows(&project, true, &[]);
        fit(&project, &pack, &needs, path, Day::parse(day).expect("a day"), &places).expect("answers")
    };
    let found = on("2019-07-31", &path);
    assert_eq!((found.fits(), found.left(), found.rows[0].0.id), (true, 5, Some(july.id)));
    assert!(found.reasons.iter().any(|why| why == "还有 5 个名额（分给本地的 2 个时段）"), "{found:?}");
    assert_eq!(on("2019-08-01", &path).left(), 3, "July is over");
    let late = on("2019-09-01", &path);
    assert_eq!(
        (late.against.as_slice(), late.rows.len()),
        (["名额没有分给这一区域，或分给的时段都已过去".to_owned()].as_slice(), 0)
    );
    assert!(!on("2019-07-01", &path[2..]).fits(), "a case of the city has no row");
    let all = divided(vec![share(None, "2019-07-01", "2019-07-31", 1)]);
    assert_eq!(rows_for(&all, &path[2..], Day::parse("2019-07-01").expect("a day")).len(), 1);
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
        let (seats, found) = allot(capacity, elsewhere, &claims);
        let mut turned = claims.clone();
        turned.reverse();
        if !turned.is_empty() {
            let by = turn % turned.len();
            turned.rotate_left(by);
        }
        prop_assert_eq!(allot(capacity, elsewhere, &turned), (seats.clone(), found));
        prop_assert!(found.taken + found.waiting <= capacity);
        let sum = |wanted: fn(Seat) -> bool| -> u32 {
            let seat = |claim: &&Claim| wanted(seats[&claim.key()]);
            claims.iter().filter(seat).map(|claim| claim.places).sum()
        };
        prop_assert_eq!(sum(|seat| seat == Seat::Has) + elsewhere.min(capacity), found.taken);
        prop_assert_eq!(sum(|seat| seat == Seat::Waits), found.waiting);
        prop_assert_eq!(sum(|seat| matches!(seat, Seat::Conflict { .. })), found.lacking);
        prop_assert_eq!(seats.len(), claims.len());
        // A claim that came first never loses its place to one that came later.
        for early in claims.iter().filter(|claim| claim.state == BookingState::Claimed) {
            for late in claims.iter().filter(|claim| claim.state == BookingState::Claimed && claim.places == early.places) {
                if early.claimed < late.claimed {
                    let unfair = matches!((seats[&early.key()], seats[&late.key()]), (Seat::Conflict { .. }, Seat::Waits));
                    prop_assert!(!unfair);
                }
            }
        }
    }

    #[test]
    fn each_row_of_a_division_is_seated_as_if_it_were_alone(
        claims in claims(),
        rows in prop::collection::vec(0_usize..4, 24),
        places in prop::collection::vec(1_u32..6, 3),
        turn in 0_usize..24,
    ) {
        let months = ["2019-07", "2019-08", "2019-09"];
        let row = |(month, places): (&str, &u32)| share(Some(TOWN), &format!("{month}-01"), &format!("{month}-28"), *places);
        let project = divided(months.into_iter().zip(&places).map(row).collect());
        // Of the fourth row that claims name there is nothing in the division.
        let named = |(claim, row): (Claim, &usize)| Claim { share: project.shares.get(*row).map(|share| share.id), ..claim };
        let claims: Vec<Claim> = claims.into_iter().zip(&rows).map(named).collect();
        let found = allot_rows(&project, true, &claims);
        let mut turned = claims.clone();
        turned.reverse();
        turned.rotate_left(turn % claims.len().max(1));
        prop_assert_eq!(&allot_rows(&project, true, &turned), &found);
        for share in &project.shares {
            let own: Vec<Claim> = claims.iter().filter(|claim| claim.share == Some(share.id)).cloned().collect();
            let (seats, sums) = allot(share.places, 0, &own);
            prop_assert_eq!(found.row(Some(share.id)), sums);
            prop_assert!(sums.taken + sums.waiting <= share.places);
            prop_assert!(seats.iter().all(|(key, seat)| found.seats.get(key) == Some(seat)));
        }
        prop_assert!(found.all().taken + found.all().waiting <= project.capacity);
        prop_assert_eq!(found.all().places, project.capacity);
        let stray = |claim: &&Claim| claim.share.is_none();
        prop_assert!(claims.iter().filter(stray).all(|claim| !matches!(found.seats[&claim.key()], Seat::Has | Seat::Waits)));
    }
}

/// A township and the city work on three cases; what either writes reaches the other late, or in another order than
/// the other cases.
struct Offices {
    /// Two rows with as many places each.
    project: Project,
    packs: Packs,
    /// For each case: what the township wrote, what the city wrote.
    written: [(Vec<StampedEvent>, Vec<StampedEvent>); 3],
    /// For each case: how much of the township's is at the city, how much of the city's at the township.
    arrived: [(usize, usize); 3],
}

const PROJECT: RecordId = RecordId(crate::hash::Hash([3; 32]));

impl Offices {
    fn new(capacity: u32) -> Offices {
        let pack = sample();
        let packs = [(pack.version.clone(), pack)].into();
        let rows = ["2019-07-01", "2019-08-01"].map(|first| share(None, first, first, capacity));
        let project = divided(rows.to_vec());
        let mut offices = Offices { project, packs, written: Default::default(), arrived: Default::default() };
        for case in 0..3 {
            let opened = What::Opened {
                origin: Origin::Plea,
                channel: Channel::TownshipWindow,
                assistance: String::new(),
                household: None,
                applicant: "某".into(),
                summary: String::new(),
                urgency: Urgency::Normal,
                rule: String::new(),
                cause: String::new(),
                pack: sample().version,
            };
            assert!(offices.write(case, Tier::Township, opened));
            assert!(offices.write(case, Tier::Township, What::Verified { outcome: Finding::False, note: String::new() }));
        }
        offices
    }

    /// The case as an office sees it.
    fn seen(&self, case: usize, by: Tier) -> Standing {
        let ((below, above), (up, down)) = (&self.written[case], self.arrived[case]);
        let (below, above) = match by {
            Tier::City => (&below[..up], &above[..]),
            _ => (&below[..], &above[..down]),
        };
        let volume = |tier, events: &[StampedEvent]| Volume { tier, events: events.to_vec(), problems: Vec::new() };
        let records: CaseRecords = [volume(Tier::Township, below), volume(Tier::City, above)].into_iter().collect();
        standing(&records, &self.packs)
    }

    /// An office writes what would count as it sees the case.
    fn write(&mut self, case: usize, tier: Tier, what: What) -> bool {
        let seen = self.seen(case, tier);
        let event = Event::new(OfficeId(u32::from(tier.number())), "x", "x", Day(18_000), what);
        if would_count(&seen, &self.packs, tier, &event).is_err() {
            return false;
        }
        let lamport = 1 + seen.timeline.iter().filter_map(|item| Some(item.stamp?.lamport)).max().unwrap_or(0);
        let own = if tier == Tier::City { &mut self.written[case].1 } else { &mut self.written[case].0 };
        let actor = ActorId::from([case as u8 * 2 + tier.number(); 16]);
        let id = OpId { counter: own.len() as u64 + 1, actor };
        let device = DeviceKey([tier.number(); 32]);
        let stamp = Some(Stamp { lamport, tier, device, sequence: own.len() as u64, index: id.counter });
        own.push(StampedEvent { id, stamp, office: Some(event.by), may_decide: tier == Tier::City, event });
        true
    }

    fn claims(&self, by: Tier) -> Vec<Claim> {
        let of = |case: usize| {
            let name = CaseId([case as u8; 16]);
            self.seen(case, by).bookings.iter().map(move |booking| Claim::of(name, booking)).collect::<Vec<_>>()
        };
        (0..3).flat_map(of).collect()
    }

    /// The deciding device gives a place as the Desk does: only what it sees to be free.
    fn confirm(&mut self, case: usize) {
        let seen = self.seen(case, Tier::City);
        let Some(asked) = seen.bookings.iter().find(|booking| booking.state == BookingState::Claimed) else { return };
        let row = allot_rows(&self.project, true, &self.claims(Tier::City)).row(asked.share);
        let taken = row.taken + asked.places;
        if taken <= row.places {
            let (booking, note) = (asked.id.clone(), String::new());
            let given = What::BookingConfirmed { booking, taken, capacity: row.places, until: None, note };
            assert!(self.write(case, Tier::City, given), "what the city sees to be free it may give");
        }
    }

    fn act(&mut self, case: usize, deed: u8) {
        let (seen, reason) = (self.seen(case, Tier::Township), "因故".to_owned());
        let last = |wanted: EventKind, seen: &Standing| {
            seen.timeline.iter().rfind(|item| item.event.what.kind() == Some(wanted)).map(|item| item.id.clone())
        };
        match deed {
            0..2 => drop(self.write(
                case,
                Tier::Township,
                What::Booked {
                    project: PROJECT,
                    title: "陪伴".into(),
                    service: String::new(),
                    provider: String::new(),
                    share: Some(self.project.shares[seen.bookings.len() % 2].id),
                    places: u32::from(deed) + 1,
                    whom: String::new(),
                    note: String::new(),
                },
            )),
            2 => {
                for booking in seen.bookings.iter().map(|booking| booking.id.clone()) {
                    self.write(case, Tier::Township, What::BookingCancelled { booking, reason: reason.clone() });
                }
            }
            3 => drop(self.write(case, Tier::Township, What::Closed { result: reason })),
            4..7 => {
                let kind = [EventKind::Closed, EventKind::Booked, EventKind::BookingCancelled][usize::from(deed - 4)];
                if let Some(event) = last(kind, &seen) {
                    self.write(case, Tier::Township, What::Withdrawn { event, reason });
                }
            }
            7 => {
                let above = self.seen(case, Tier::City);
                if let Some(event) = last(EventKind::BookingConfirmed, &above) {
                    self.write(case, Tier::City, What::Withdrawn { event, reason });
                }
            }
            8..12 => self.arrived[case].0 = self.written[case].0.len(),
            12..15 => self.arrived[case].1 = self.written[case].1.len(),
            _ => self.confirm(case),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_decider_that_looks_at_all_it_holds_never_gives_more_than_there_are_whatever_comes_late(
        capacity in 1_u32..4,
        deeds in prop::collection::vec((0_usize..3, 0_u8..20), 0..200),
    ) {
        let mut offices = Offices::new(capacity);
        // Of the row of which most were given.
        let sold = |offices: &Offices, by: Tier| -> u32 {
            let claims = offices.claims(by);
            let taken = |share: &Share| -> u32 {
                let own = claims.iter().filter(|claim| claim.share == Some(share.id) && claim.state.takes_place());
                own.map(|claim| claim.places).sum()
            };
            offices.project.shares.iter().map(taken).max().unwrap_or_default()
        };
        for (case, deed) in deeds {
            offices.act(case, deed);
            prop_assert!(sold(&offices, Tier::City) <= capacity);
        }
        for case in 0..3 {
            offices.act(case, 8);
            offices.act(case, 12);
        }
        prop_assert!(sold(&offices, Tier::City) <= capacity);
        prop_assert_eq!(offices.claims(Tier::City), offices.claims(Tier::Township), "and both see the same in the end");
    }
}
