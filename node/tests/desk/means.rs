//! The means test at the Desk: what a clerk sees of it, and what it does to the amount.

use super::support::*;
use serde_json::json;
use shouwang_node::desk::{CaseStep, Command, HouseholdChange, OpenCase};
use shouwang_protocol::records::amount::Fen;
use shouwang_protocol::records::event::Opinion;
use shouwang_protocol::records::staff::Role;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_10_what_a_family_has_is_written_down_once_and_judged_with_its_working_everywhere() {
    let city = city().await;
    let township = Machine::new(YANGSHE).await;
    sync(&township, &city).await;
    let clerk = township.clerk();
    let home = township.household("qian").await;
    let before = township.desk.means(&clerk, home).await.expect("reads");
    assert_eq!((before.means.proposed.clone(), before.means.agrees), (None, None), "nobody asked about savings yet");

    let set = json!({
        "income_annual": "12000", "income_exempt": "2400", "deposits": "8000", "securities": "0", "vehicles": "0", "houses": "1"
    });
    let change = HouseholdChange { set: set.as_object().expect("an object").clone(), ..HouseholdChange::of(home) };
    township.done(&clerk, Command::ChangeHousehold(change)).await;
    sync(&township, &city).await;
    for machine in [&township, &city] {
        let found = machine.desk.means(&machine.clerk(), home).await.expect("reads");
        assert_eq!(found.means.income.year, Some(Fen(960_000)));
        assert_eq!((found.means.proposed.as_deref(), found.means.agrees), (Some("最低生活保障家庭"), Some(true)));
        assert!(!found.means.income.lines[1].source.is_empty(), "it says which income does not count");
    }
    let auditor = township.person("shen", &[Role::Department]);
    assert!(township.desk.means(&auditor, home).await.is_err(), "a department sees what was transferred to it, nothing else");

    // The amount of 低保 is the gap, by the same figure: (945 × 12 × 2 − 9600) ÷ 12.
    let open = OpenCase { assistance: "最低生活保障".into(), ..application(home) };
    let case = township.open_case(&clerk, open).await;
    township.stepped(&clerk, case, CaseStep::Accept {}).await;
    let visit = CaseStep::Visit {
        investigators: vec!["王某".into(), "李某".into()],
        present: "户主qian".into(),
        remote: String::new(),
        findings: "住一间平房".into(),
    };
    township.stepped(&clerk, case, visit).await;
    township.stepped(&clerk, case, CaseStep::PreExamine { opinion: Opinion::For, note: String::new() }).await;
    let said = township.stepped(&clerk, case, CaseStep::Propose { amount: None, reason: String::new() }).await.message;
    assert!(said.contains("1090.00"), "{said}");
}
