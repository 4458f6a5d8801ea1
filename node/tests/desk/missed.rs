//! What a household may have missed: found from the data, answered by a person, seen by all tiers.

use super::support::*;
use serde_json::json;
use shouwang_node::desk::{Command, DeskError, HouseholdChange};
use shouwang_protocol::record::RecordId;
use shouwang_protocol::records::event::Origin;
use shouwang_protocol::records::screening::Screened;
use shouwang_protocol::records::staff::Role;

/// A household on the edge of 低保, with somebody who is ill and a house that is not safe.
async fn household(machine: &Machine) -> RecordId {
    let mut household = row("sun", VILLAGE);
    household.insert("type".into(), "低保边缘户".into());
    household.insert("income_annual".into(), 30_000.into());
    household.insert("house_safe".into(), "C级".into());
    household["members"][1]["health"] = "患有大病".into();
    let command = Command::RegisterHousehold { area: area(VILLAGE), row: household };
    machine.done(&machine.clerk(), command).await.records[0]
}

async fn open(machine: &Machine, kind: &str) -> bool {
    let page = machine.desk.missed(&machine.clerk(), None, false).await.expect("reads");
    assert_eq!(page.lines.len(), page.open);
    page.lines.iter().any(|line| line.missed.kind == kind)
}

fn screen(record: RecordId, kind: &str, outcome: Screened, note: &str) -> Command {
    Command::Screen { record, kind: kind.into(), outcome, note: note.into() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_21_a_village_lists_what_may_be_missed_and_every_row_gets_an_outcome_that_all_tiers_see() {
    let city = city().await;
    let (township, village) = (Machine::new(YANGSHE).await, Machine::new(VILLAGE).await);
    sync(&township, &city).await;
    sync(&village, &township).await;
    let home = household(&village).await;
    let clerk = village.clerk();

    // The village is offline: the list follows from its own data.
    let page = village.desk.missed(&clerk, None, false).await.expect("reads");
    let line = page.lines.iter().find(|line| line.missed.kind == "医疗救助").expect("边缘 and ill");
    assert_eq!((line.row.record, page.areas.len(), page.may_open), (home, 1, true));
    let reasons = line.missed.reasons.iter().flat_map(|reason| &reason.holds);
    let reasons: Vec<&str> = reasons.map(|(text, _)| text.as_str()).collect();
    assert!(reasons.contains(&"有人患大病或慢性病"), "{reasons:?}");
    assert!(open(&village, "住房救助").await && open(&village, "临时救助").await);

    // An outcome needs its reason; it is not for those who only look.
    let wordless = village.act(&clerk, screen(home, "住房救助", Screened::NotEligible, " ")).await;
    assert!(matches!(wordless, Err(DeskError::Invalid { .. })));
    let auditor = village.person("shen", &[Role::Auditor]);
    assert!(village.act(&auditor, screen(home, "住房救助", Screened::Later, "")).await.is_err());
    let unknown = village.act(&clerk, screen(home, "流浪乞讨人员救助", Screened::Later, "")).await;
    assert!(matches!(unknown, Err(DeskError::NotNow { .. })), "nothing that is on no list");
    village.done(&clerk, screen(home, "住房救助", Screened::NotEligible, "县城另有一套房")).await;
    village.done(&clerk, screen(home, "临时救助", Screened::Later, "")).await;

    // One click opens the case, with everything that is known, and is the outcome.
    let action = id();
    let apply = || Command::ApplyForMissed { record: home, kind: "医疗救助".into() };
    let done = village.desk.perform(&clerk, action, apply()).await.expect("opens");
    let twice = village.desk.perform(&clerk, action, apply()).await.expect("opens once");
    assert_eq!((twice.again, twice.case), (true, done.case));
    let standing = village.page(&clerk, done.case.expect("a case")).await.standing;
    assert_eq!(
        (standing.origin, standing.assistance.as_str(), standing.applicant.as_str(), standing.cause.as_str()),
        (Some(Origin::Application), "医疗救助", "户主sun", "因病")
    );
    assert!(standing.summary.contains("有人患大病或慢性病") && standing.rule == "遗漏排查");

    // All tiers have the outcomes.
    sync(&village, &township).await;
    sync(&township, &city).await;
    for machine in [&village, &township, &city] {
        for kind in ["住房救助", "临时救助", "医疗救助"] {
            assert!(!open(machine, kind).await, "{kind} at {}", machine.number);
        }
        let page = machine.desk.missed(&machine.clerk(), Some(area(VILLAGE)), true).await.expect("reads");
        let house = page.lines.iter().find(|line| line.missed.kind == "住房救助").expect("answered");
        assert_eq!(
            house.missed.screening.as_ref().map(|known| (known.note.as_str(), known.office.as_str())),
            Some(("县城另有一套房", "甲村"))
        );
        let history = machine.desk.household(&machine.clerk(), home, 9).await.expect("reads").history;
        let told = history.iter().flat_map(|item| &item.changes).find(|change| change.label == "遗漏排查（住房救助）");
        assert_eq!(told.map(|change| change.now.as_str()), Some("不符合条件：县城另有一套房"));
    }

    // What was put off comes again the next month; what was answered stays until the data it followed from change.
    for machine in [&village, &city] {
        machine.on("2019-06-01");
        assert!(open(machine, "临时救助").await && !open(machine, "住房救助").await);
    }
    let set = json!({ "house_safe": "D级" }).as_object().expect("an object").clone();
    city.done(&city.clerk(), Command::ChangeHousehold(HouseholdChange { set, ..HouseholdChange::of(home) })).await;
    assert!(open(&city, "住房救助").await);
    assert!(!open(&city, "医疗救助").await, "asked for");
    assert!(
        matches!(township.desk.missed(&clerk, None, false).await, Err(DeskError::NotPermitted { .. })),
        "another office's person"
    );
    let elsewhere = village.desk.missed(&clerk, Some(area(DAXIN)), false).await;
    assert!(matches!(elsewhere, Err(DeskError::NotPermitted { .. })));
}
