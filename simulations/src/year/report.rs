//! The report of a year: what a person would like to read.

use crate::world::World;
use shouwang_protocol::area::Tier;
use shouwang_protocol::doubles::{State, doubles};
use shouwang_protocol::standing::Stage;
use shouwang_protocol::store::Store;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// What happened, as the city sees it, and what it cost.
pub fn report(world: &World, events: u64) -> String {
    let mut out = String::new();
    let year = &world.year;
    let Some(city) = year.offices.get(&0) else { return out };
    let mut kinds: BTreeMap<&str, BTreeMap<Stage, u64>> = BTreeMap::new();
    let mut stages: BTreeMap<Stage, u64> = BTreeMap::new();
    let mut waits: Vec<u32> = Vec::new();
    let (mut granted, mut paid) = ((0, 0), (0, 0));
    let (mut decided, mut refused) = (0, 0);
    for seen in city.cases.values() {
        let stage = seen.standing.stage;
        *kinds.entry(seen.ledger.kind()).or_default().entry(stage).or_default() += 1;
        *stages.entry(stage).or_default() += 1;
        if let Some((approved, _, day)) = seen.ledger.decision {
            // A laptop with its clock in 2019 says that it was applied for in 2019; that tells nothing of the work.
            let applied = seen.ledger.applied_on.filter(|applied| *applied >= world.first_day());
            waits.extend(applied.zip(day).map(|(applied, day)| year.almanac.count(applied, day)));
            decided += 1;
            refused += u64::from(!approved);
        }
        for (.., fen) in &seen.books.granted {
            granted = (granted.0 + 1, granted.1 + fen);
        }
        for (.., fen) in &seen.books.paid {
            paid = (paid.0 + 1, paid.1 + fen);
        }
    }
    waits.sort_unstable();
    // Writing to a string cannot fail.
    let _ = writeln!(out, "cases at the city: {}; households: {}", city.cases.len(), year.homes.len());
    for (kind, stages) in &kinds {
        let list: Vec<String> = stages.iter().map(|(stage, n)| format!("{} {n}", stage.label())).collect();
        let _ = writeln!(out, "  {kind}: {} ({})", stages.values().sum::<u64>(), list.join(", "));
    }
    let list: Vec<String> = stages.iter().map(|(stage, n)| format!("{} {n}", stage.label())).collect();
    let _ = writeln!(out, "  all, by stage: {}", list.join(", "));
    if let (Some(worst), median) = (waits.last(), waits.get(waits.len() / 2).copied().unwrap_or(0)) {
        let _ = writeln!(
            out,
            "decided: {decided} ({refused} refused); from application to decision, working days: median {median}, worst {worst} ({} written by a clock that was years behind are left out)",
            decided - waits.len()
        );
    }
    let mut late: Vec<(&usize, &u64)> = year.tally.overdue.iter().filter(|(_, days)| **days > 0).collect();
    late.sort_by_key(|(office, days)| (std::cmp::Reverse(**days), **office));
    let by_tier =
        |tier: Tier| late.iter().filter(|(office, _)| world.office_tier(**office) == tier).map(|(_, days)| **days).sum::<u64>();
    let [village, township, at_city] = Tier::ALL.map(by_tier);
    let _ = writeln!(out, "overdue, entries times evenings: villages {village}, townships {township}, city {at_city}; most:");
    for (office, days) in late.iter().filter(|(office, _)| world.office_tier(**office) == Tier::Township).take(5) {
        let _ = writeln!(out, "  {}: {days}", world.city.offices[**office].name);
    }
    let grants = city.cases.iter().filter(|(_, seen)| seen.standing.decided().is_some() || !seen.standing.doubled.is_empty());
    let today = world.today();
    let grants: Vec<_> = grants
        .map(|(case, seen)| {
            let mut grant = shouwang_protocol::doubles::Grant::of(*case, seen.place.area, &seen.standing, today);
            grant.persons = grant.household.and_then(|home| city.persons.get(&home)).cloned().unwrap_or_default();
            grant
        })
        .collect();
    let all = doubles(&grants, &year.product);
    let of = |state: State| all.iter().filter(|double| double.state == state).count();
    let _ = writeln!(
        out,
        "doubles raised: {} (settled {}, money to come back {}, to settle {}); deciders stopped {} times",
        all.len(),
        of(State::Settled),
        of(State::ToRecover),
        of(State::ToSettle),
        year.tally.doubles_stopped
    );
    let yuan = |fen: i64| format!("{}.{:02}", fen / 100, fen % 100);
    let _ = writeln!(
        out,
        "granted: {} for {} yuan; paid and not come back: {} for {} yuan",
        granted.0,
        yuan(granted.1),
        paid.0,
        yuan(paid.1)
    );
    let never: Vec<&str> =
        Stage::ALL.into_iter().filter(|stage| !year.tally.stages.contains_key(stage)).map(Stage::label).collect();
    let _ =
        writeln!(out, "stages never seen at any office: {}", if never.is_empty() { "none".to_owned() } else { never.join(", ") });
    let longest = world.disk(0).heads().unwrap_or_default().iter().map(|(_, head)| head.length).max().unwrap_or(0);
    let nodes = world.nodes.iter().filter(|node| !node.retired).count();
    let _ = writeln!(
        out,
        "offices {nodes}, evenings {}, offices checked {}, sessions {}, events {events}, entries at the city {}, longest log {longest}, bytes to and from the city {}, forms refused {}, working days without a line {}",
        year.tally.evenings,
        year.tally.checked,
        year.tally.sessions,
        world.disk(0).all_entries().count(),
        year.tally.bytes_at_root,
        year.tally.refused_forms,
        year.tally.deeds_without_line,
    );
    out
}
