//! An office with an old policy pack, or half of one, says so.

use super::support::*;
use shouwang_node::desk::packs::PackTrouble;
use shouwang_node::desk::{CaseStep, Command};
use shouwang_protocol::area::Tier;
use shouwang_protocol::record::{CaseId, Kind, Lane, Place, RecordRef};
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::event::{Channel, Event, Origin, Urgency, What};
use shouwang_protocol::records::policy::{self, Pack};
use shouwang_protocol::records::{Edit, case};
use shouwang_protocol::replica::{Action, Draft};
use std::collections::BTreeSet;

async fn troubles(machine: &Machine) -> Vec<PackTrouble> {
    machine.desk.pack_troubles(&machine.clerk()).await.expect("reads")
}

/// A pack of the city for a year, with its holidays.
fn pack(version: &str, from: &str, year: i32) -> Pack {
    let mut pack = Pack { version: version.into(), from: Day::parse(from).expect("a day"), ..policy::sample() };
    pack.calendar.off.extend(Day::new(year, 10, 1));
    pack
}

async fn commit(machine: &Machine, place: Place, record: RecordRef, edit: Edit) {
    let action = Action {
        id: id(),
        staff: "console".into(),
        claimed_ms: 0,
        shown: Vec::new(),
        drafts: vec![Draft { place, record, edit }],
    };
    machine.desk.writer().commit(vec![action]).await.expect("commits");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_15_a_township_that_was_away_while_the_city_published_a_pack_says_that_its_calendar_ends() {
    let city = city().await;
    let township = Machine::new(YANGSHE).await;
    let none = troubles(&township).await;
    assert_eq!(none, [PackTrouble::NoPack], "a new office before its first sync");
    sync(&township, &city).await;
    assert_eq!(troubles(&township).await, [], "the sample knows 2019");

    // December: the line is down, and the city publishes next year's pack.
    let console = city.desk.console().await.expect("a console");
    city.on("2019-12-20");
    city.done(&console, Command::PublishPolicy { pack: pack("2020-1", "2020-01-01", 2020) }).await;
    for machine in [&city, &township] {
        machine.on("2020-01-06");
    }
    assert_eq!(troubles(&city).await, []);
    let told = troubles(&township).await;
    assert_eq!(told, [PackTrouble::NoCalendar { version: policy::sample().version, year: 2020 }]);
    assert!(told[0].what().contains("2020 年的工作日历") && told[0].safe().contains("重算"), "{told:?}");
    assert!(told[0].press(Tier::Township).contains("同步") && told[0].press(Tier::City).contains("政策包各表"));
    // It works on meanwhile; with the next sync the line is gone.
    let household = township.household("zhang").await;
    let open = township.open_case(&township.clerk(), application(household)).await;
    township.stepped(&township.clerk(), open, CaseStep::Accept {}).await;
    sync(&township, &city).await;
    assert_eq!(troubles(&township).await, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_15_a_pack_that_is_here_in_part_and_a_case_under_a_pack_that_is_not_here_are_told() {
    let city = city().await;
    let township = Machine::new(YANGSHE).await;
    // Only the first part of a larger pack was written when the city's machine stopped.
    let control = Place { area: area(CITY), lane: Lane::Control, floor: Tier::Village };
    let next = pack("2019-2", "2019-05-01", 2019);
    let first = next.publish().into_iter().next().expect("a first part");
    commit(&city, control, RecordRef::New(Kind::POLICY), first).await;
    // A case that a newer office opened under a pack of its own.
    let place = Place { area: area(YANGSHE), lane: Lane::Casework, floor: Tier::Township };
    let opened = What::Opened {
        origin: Origin::Plea,
        channel: Channel::CityWindow,
        assistance: String::new(),
        household: None,
        applicant: "唐女士".into(),
        summary: "求助".into(),
        urgency: Urgency::Normal,
        rule: String::new(),
        cause: String::new(),
        pack: "2031-7".into(),
    };
    let event = Event::new(city.office(), "zhangjie", "张婕", Day::parse("2019-05-29").expect("a day"), opened);
    commit(&city, place, RecordRef::Volume(CaseId([9; 16]), Tier::City), case::append(&event)).await;
    sync(&township, &city).await;
    for machine in [&city, &township] {
        let told = troubles(machine).await;
        let instead = policy::sample().version;
        let from = Day::parse("2019-05-01").expect("a day");
        assert_eq!(
            told,
            [
                PackTrouble::NotWhole { version: "2019-2".into(), from, instead },
                PackTrouble::Missing { version: "2031-7".into(), cases: 1 },
            ]
        );
        let words: BTreeSet<String> = told.iter().map(|trouble| trouble.what()).collect();
        assert!(words.iter().all(|words| words.contains("政策包“")) && told.iter().all(|trouble| !trouble.safe().is_empty()));
    }
    // The rest comes: a pack that is whole is in force, and nothing more is told of it.
    let record = city.desk.readers().read(|reader| Ok(reader.packs()?.len())).expect("reads");
    assert_eq!(record, 1, "half a pack is not in force");
    let console = city.desk.console().await.expect("a console");
    city.done(&console, Command::PublishPolicy { pack: pack("2019-2", "2019-05-01", 2019) }).await;
    sync(&township, &city).await;
    assert_eq!(troubles(&township).await, [PackTrouble::Missing { version: "2031-7".into(), cases: 1 }]);
}
