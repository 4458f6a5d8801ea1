//! The month's end: each village signs what came, left, changed and stayed; those above see who has not.

use super::support::*;
use serde_json::json;
use shouwang_node::desk::{Command, DeskError, HouseholdChange};
use shouwang_protocol::records::signoff::SignOff;
use shouwang_protocol::records::staff::Role;

fn sign(machine: &Machine, digest: &str) -> Command {
    Command::SignOff {
        area: area(machine.number.max(VILLAGE)),
        month: "2019-06".into(),
        digest: digest.into(),
        note: "逐户核对".into(),
    }
}

/// What a machine says about June of the village: the digest, the figures, whether it is signed as it stands.
async fn june(machine: &Machine) -> (String, [u32; 6], bool) {
    let page = machine.desk.month(&machine.clerk(), Some("2019-06".into()), Some(area(VILLAGE))).await.expect("reads");
    let opened = page.opened.expect("opened");
    let it = opened.roll.figures();
    (opened.roll.digest, [it.households, it.people, it.came, it.left, it.changed, it.unchanged], opened.as_signed)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_12_each_village_signs_its_month_the_missing_ones_are_listed_and_the_month_is_frozen() {
    let city = city().await;
    let (township, village) = (Machine::new(YANGSHE).await, Machine::new(VILLAGE).await);
    sync(&township, &city).await;
    sync(&village, &township).await;
    let clerk = village.clerk();
    let mut homes = Vec::new();
    for key in ["a1", "b2", "c3"] {
        homes.push(village.household(key).await);
    }
    let change = |home, set: serde_json::Value| {
        Command::ChangeHousehold(HouseholdChange {
            set: set.as_object().expect("an object").clone(),
            ..HouseholdChange::of(home)
        })
    };
    village.on("2019-06-12");
    village.done(&clerk, change(homes[0], json!({"status": "停保"}))).await;
    village.done(&clerk, change(homes[1], json!({"income_annual": 9_000}))).await;
    homes.push(village.household("d4").await);
    let (digest, figures, _) = june(&village).await;
    assert_eq!(figures, [3, 6, 1, 1, 1, 1]);
    assert!(matches!(village.act(&clerk, sign(&village, &digest)).await, Err(DeskError::NotNow { .. })), "June is not over");

    // July: the village is offline, and signs; a second time adds nothing. Nobody signs for it.
    for machine in [&village, &township, &city] {
        machine.on("2019-07-02");
    }
    let (digest, ..) = june(&village).await;
    assert!(matches!(village.act(&clerk, sign(&village, "0")).await, Err(DeskError::NotNow { .. })), "another list was shown");
    let auditor = village.person("shen", &[Role::Auditor]);
    assert!(village.act(&auditor, sign(&village, &digest)).await.is_err());
    village.done(&clerk, sign(&village, &digest)).await;
    assert!(village.done(&clerk, sign(&village, &digest)).await.entries.is_empty());
    let wrong = township.act(&township.clerk(), sign(&township, &digest)).await;
    assert!(matches!(wrong, Err(DeskError::NotPermitted { .. })), "{wrong:?}");

    // The city knows the village's households, not yet the signature: it is listed as missing.
    let page = city.desk.month(&city.clerk(), Some("2019-06".into()), None).await.expect("reads");
    assert_eq!(page.villages.len(), 0, "nothing has come up");
    sync(&village, &township).await;
    let at_township = township.desk.month(&township.clerk(), None, None).await.expect("reads");
    assert_eq!((at_township.month.as_str(), at_township.villages.len()), ("2019-06", 1), "in July it is June's turn");
    let other = Machine::new(DAXIN).await;
    sync(&other, &city).await;
    sync(&township, &city).await;
    let daxin = {
        let mut row = row("e5", DAXIN);
        row.insert("region".into(), "320582107201".into());
        Command::RegisterHousehold { area: shouwang_protocol::area::AreaId::parse("320582107201").expect("a code"), row }
    };
    other.on("2019-06-20");
    other.done(&other.clerk(), daxin).await;
    sync(&other, &city).await;
    let page = city.desk.month(&city.clerk(), Some("2019-06".into()), None).await.expect("reads");
    let states: Vec<bool> = page.villages.iter().map(|village| village.signed.is_some()).collect();
    assert_eq!(states, [false, true], "the one that has not signed comes first");
    let signed = page.villages[1].signed.as_ref().expect("signed");
    assert_eq!((signed.households, signed.came, signed.left, signed.name.as_str()), (3, 1, 1, "wang某"));

    // Frozen: what July brings changes nothing in June; the same everywhere.
    village.done(&clerk, change(homes[2], json!({"status": "停保"}))).await;
    sync(&village, &township).await;
    sync(&township, &city).await;
    for machine in [&village, &township, &city] {
        assert_eq!(june(machine).await, (digest.clone(), [3, 6, 1, 1, 1, 1], true));
    }

    // What somebody else wrote in June and only now arrives shows, and is signed again; the first signature stays.
    township.on("2019-06-30");
    township.done(&township.clerk(), change(homes[2], json!({"phone": "13911112222"}))).await;
    township.on("2019-07-02");
    sync(&village, &township).await;
    let (late, _, as_signed) = june(&village).await;
    assert!(late == digest && as_signed, "written after an entry of July: it belongs to July");
    assert_eq!(
        village.desk.writer().with(|engine| engine.replica().store().compare_views()).await.expect("asks").expect("reads"),
        [] as [String; 0]
    );
}

/// How many times June was signed, and the latest, at a machine.
async fn signed(machine: &Machine) -> (usize, Option<SignOff>) {
    let all = machine.desk.readers().read(|reader| reader.sign_offs("2019-06", &[area(VILLAGE)])).expect("reads");
    let page = machine.desk.month(&machine.clerk(), Some("2019-06".into()), Some(area(VILLAGE))).await.expect("reads");
    (all.len(), page.villages.into_iter().next().and_then(|village| village.signed))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_12_a_month_that_changed_after_it_was_signed_is_signed_again_beside_the_first_and_the_latest_counts_everywhere() {
    let city = city().await;
    let (township, village) = (Machine::new(YANGSHE).await, Machine::new(VILLAGE).await);
    sync(&township, &city).await;
    sync(&village, &township).await;
    let clerk = village.clerk();
    let (first, second) = (village.household("a1").await, village.household("b2").await);
    sync(&village, &township).await;
    sync(&township, &city).await;
    let set = |home, set: serde_json::Value| {
        let set = set.as_object().expect("an object").clone();
        Command::ChangeHousehold(HouseholdChange { set, ..HouseholdChange::of(home) })
    };
    // June's last days: the township writes of the village's households, and its line is down until July.
    township.on("2019-06-28");
    township.done(&township.clerk(), set(first, json!({"income_annual": 9_000}))).await;
    city.on("2019-06-29");
    city.done(&city.clerk(), set(second, json!({"status": "停保"}))).await;
    for machine in [&village, &township, &city] {
        machine.on("2019-07-02");
    }
    let (alone, figures, _) = june(&village).await;
    assert_eq!(figures, [2, 4, 0, 0, 0, 2]);
    village.done(&clerk, sign(&village, &alone)).await;
    assert_eq!(signed(&village).await.0, 1);

    // What was written in time arrives: the month reads otherwise, and says so. The old list can't be signed any more.
    sync(&village, &township).await;
    let (late, figures, as_signed) = june(&village).await;
    assert!(late != alone && !as_signed && figures == [2, 4, 0, 0, 1, 1], "{figures:?}");
    let stale = village.act(&clerk, sign(&village, &alone)).await.expect_err("another list now");
    assert!(matches!(&stale, DeskError::NotNow { why } if why.contains("又有变化")), "{stale:?}");
    let page = village.desk.month(&clerk, Some("2019-06".into()), Some(area(VILLAGE))).await.expect("reads");
    assert!(page.may_sign, "it may be signed again");
    // Twice more on the same day, each time after something arrived: the latest counts, whatever the records are called.
    village.done(&clerk, sign(&village, &late)).await;
    sync(&township, &city).await;
    sync(&village, &township).await;
    let (last, figures, as_signed) = june(&village).await;
    assert!(last != late && !as_signed && figures == [1, 2, 0, 1, 1, 0], "{figures:?}");
    village.done(&clerk, sign(&village, &last)).await;
    sync(&village, &township).await;
    sync(&township, &city).await;
    for machine in [&village, &township, &city] {
        let (times, latest) = signed(machine).await;
        let latest = latest.expect("signed");
        assert_eq!((times, latest.digest.as_str(), latest.left), (3, last.as_str(), 1), "and the first two stay");
        assert!(june(machine).await.2);
    }
    // Frozen: what July writes moves nothing, and a further signature adds nothing.
    village.done(&clerk, set(first, json!({"phone": "13911112222"}))).await;
    assert_eq!(june(&village).await.0, last);
    assert!(village.done(&clerk, sign(&village, &last)).await.entries.is_empty());
    assert_eq!(signed(&village).await.0, 3);
    // A clock that stands in June signs nothing of it.
    village.on("2019-06-30");
    assert!(matches!(village.act(&clerk, sign(&village, &last)).await, Err(DeskError::NotNow { .. })));
}
