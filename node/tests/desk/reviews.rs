//! What happens to a household is written down anywhere and looked at by somebody; its history stays.

use super::support::*;
use serde_json::json;
use shouwang_node::desk::{Command, DeskError, HouseholdChange, RowChange};
use shouwang_protocol::record::RecordId;
use shouwang_protocol::records::changed::Reviewed;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::review::Why;

fn note(record: RecordId, kind: &str, on: &str, person: &str) -> Command {
    let on = Day::parse(on);
    Command::NoteChange { record, kind: kind.into(), on, person: person.into(), note: "六月起在镇上做保洁".into() }
}

fn review(record: RecordId, basis: &str) -> Command {
    Command::Review { record, outcome: Reviewed::Kept, note: "入户看过，收入未超标准".into(), basis: basis.into() }
}

/// The kinds of changes that wait at a machine.
async fn waiting(machine: &Machine) -> Vec<String> {
    let page = machine.desk.reviews(&machine.clerk(), None).await.expect("reads");
    let all = page.lines.iter().flat_map(|line| &line.due.why);
    let mut kinds: Vec<String> = all
        .filter_map(|why| match why {
            Why::Changed { change, .. } => Some(change.kind.clone()),
            _ => None,
        })
        .collect();
    kinds.sort();
    kinds
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_11_a_change_noted_offline_anywhere_makes_a_recheck_that_all_tiers_see_and_one_settles() {
    let city = city().await;
    let (township, village) = (Machine::new(YANGSHE).await, Machine::new(VILLAGE).await);
    sync(&township, &city).await;
    sync(&village, &township).await;
    let home = village.household("zhou").await;
    let clerk = village.clerk();
    assert_eq!(waiting(&village).await, [] as [&str; 0], "registered today: nothing to look at again");

    // Offline: a death by the form for members, work by a note, and what can't be.
    let detail = village.desk.household(&clerk, home, 1).await.expect("reads").detail;
    let row = detail.household.members[1].row.clone().expect("written");
    let died = RowChange { row, set: json!({"died": "2019-05-20"}).as_object().expect("an object").clone() };
    village.done(&clerk, Command::ChangeHousehold(HouseholdChange { members: vec![died], ..HouseholdChange::of(home) })).await;
    let action = id();
    let work = || note(home, "就业", "2019-05-28", "户主zhou");
    village.desk.perform(&clerk, action, work()).await.expect("noted");
    assert!(village.desk.perform(&clerk, action, work()).await.expect("once").again);
    for wrong in
        [note(home, "飞升", "2019-05-28", ""), note(home, "就业", "2019-06-30", ""), note(home, "就业", "2019-05-28", "路人")]
    {
        assert!(matches!(village.act(&clerk, wrong).await, Err(DeskError::Invalid { .. })));
    }
    // Meanwhile the township learns of an income; neither knows of the other.
    sync(&township, &city).await;
    assert_eq!(waiting(&village).await, ["就业", "死亡"]);
    assert!(matches!(village.act(&clerk, review(home, "")).await, Err(DeskError::NotPermitted { .. })), "not a village's");

    sync(&village, &township).await;
    let set = json!({"income_wage": 3_000, "phone": "13900000000"}).as_object().expect("an object").clone();
    let reviewer = township.clerk();
    township.done(&reviewer, Command::ChangeHousehold(HouseholdChange { set, ..HouseholdChange::of(home) })).await;
    assert_eq!(waiting(&township).await, ["就业", "收入", "死亡"], "a telephone number is nothing to look at");
    assert_eq!(township.desk.changes_waiting(&reviewer).await.expect("counts"), 1);

    // The deadline is the pack's: sixty working days for a death, ten for an income.
    let page = township.desk.reviews(&reviewer, None).await.expect("reads");
    let due = &page.lines[0].due;
    let pack = shouwang_protocol::records::policy::sample();
    assert_eq!(due.by, Some(pack.calendar.deadline(Day::parse("2019-05-29").expect("a day"), 10)));

    // Somebody who looked at an older state is told; who says nothing of what was found, too.
    let stale = township.act(&reviewer, review(home, "0000000000000000")).await;
    assert!(matches!(stale, Err(DeskError::NotNow { .. })), "{stale:?}");
    let wordless = Command::Review { record: home, outcome: Reviewed::Kept, note: " ".into(), basis: String::new() };
    assert!(matches!(township.act(&reviewer, wordless).await, Err(DeskError::Invalid { .. })));
    township.done(&reviewer, review(home, &due.basis)).await;
    assert!(matches!(township.act(&reviewer, review(home, "")).await, Err(DeskError::NotNow { .. })), "nothing is open");

    // What a village noted meanwhile, offline, is not answered by a review that never saw it.
    village.done(&clerk, note(home, "健康", "2019-05-29", "")).await;
    sync(&village, &township).await;
    sync(&township, &city).await;
    for machine in [&village, &township, &city] {
        assert_eq!(waiting(machine).await, ["健康"]);
        let history = machine.desk.household(&machine.clerk(), home, 20).await.expect("reads").history;
        let told: Vec<&str> = history.iter().flat_map(|item| &item.changes).map(|change| change.label.as_str()).collect();
        assert!(told.contains(&"登记变化（就业）") && told.contains(&"复核") && told.contains(&"死亡日期"), "{told:?}");
    }
    assert_eq!(
        village.desk.writer().with(|engine| engine.replica().store().compare_views()).await.expect("asks").expect("reads"),
        [] as [String; 0]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_household_is_looked_at_again_when_its_time_is_up() {
    let city = city().await;
    let village = Machine::new(VILLAGE).await;
    let township = Machine::new(YANGSHE).await;
    sync(&township, &city).await;
    sync(&village, &township).await;
    let home = village.household("wu").await;
    sync(&village, &township).await;
    let reviewer = township.clerk();
    township.on("2020-05-15");
    let page = township.desk.reviews(&reviewer, None).await.expect("reads");
    assert!(matches!(&page.lines[0].due.why[..], [Why::Term { last: Some(last), .. }] if last.to_string() == "2019-05-29"));
    township.done(&reviewer, review(home, "")).await;
    assert!(township.desk.reviews(&reviewer, None).await.expect("reads").lines.is_empty());
    // A clock that is wrong changes what is due today, and loses nothing.
    township.on("2019-01-01");
    assert!(township.desk.reviews(&reviewer, None).await.expect("reads").lines.is_empty());
}
