//! Somebody leaves: what they had in hand is handed over in one step, and until then says that nobody has it.

use super::support::{PASSWORD, application, city, id};
use shouwang_node::desk::{Command, DeskError};
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::staff::Role;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clerk_who_leaves_hands_everything_over_in_one_step() {
    let city = city().await;
    for (staff, roles) in [
        ("wang", &[Role::Intake, Role::Reviewer][..]),
        ("li", &[Role::Intake]),
        ("chen", &[Role::Approver]),
        ("gao", &[Role::Administrator]),
    ] {
        city.account(staff, roles, None, None).await;
    }
    let (wang, gao) = (city.clerk(), city.person("gao", &[Role::Administrator]));
    let mut cases = Vec::new();
    for key in ["a", "b", "c"] {
        cases.push(city.open_case(&wang, application(city.household(key).await)).await);
    }
    city.desk.keep_draft(&wang, "case-x-note", b"{}".to_vec()).await.expect("kept");
    city.done(&gao, Command::DisableStaff { staff: "wang".into() }).await;
    // Orphaned, and said so.
    assert_eq!(city.desk.in_nobodys_hands(&gao).await.expect("counts"), 3);
    let li = city.person("li", &[Role::Intake]);
    let (handler, gone) = city.page(&li, cases[0]).await.handler.expect("somebody");
    assert_eq!((handler.staff.as_str(), gone), ("wang", true));

    let hand = city.desk.in_hand(&gao, "wang".into()).await.expect("a list");
    let colleagues: Vec<&str> = hand.colleagues.iter().map(|row| row.id.as_str()).collect();
    assert_eq!((hand.cases.len(), hand.drafts, colleagues), (3, 1, vec!["li"]), "an approver shares no role");
    let to = |to: &str| city.desk.hand_over(&gao, id(), "wang".into(), to.into(), "调离".into());
    assert!(matches!(to("chen").await, Err(DeskError::Invalid { .. })));
    let by_clerk = city.desk.hand_over(&li, id(), "wang".into(), "li".into(), String::new()).await;
    assert!(matches!(by_clerk, Err(DeskError::NotPermitted { .. })), "not by oneself");
    let done = to("li").await.expect("hands over");
    assert_eq!((done.cases, done.left.len()), (3, 0));
    assert_eq!(city.desk.in_nobodys_hands(&gao).await.expect("counts"), 0);
    for case in &cases {
        let page = city.page(&li, *case).await;
        let (handler, gone) = page.handler.expect("somebody");
        assert_eq!((handler.staff.as_str(), gone), ("li", false));
        assert!(page.entries.last().is_some_and(|entry| entry.item.event.name == "gao某"), "it stands in the case");
    }
    assert!(city.desk.draft(&li, "case-x-note").await.expect("reads").is_some());
    // Nothing is left of it, and doing it again does nothing.
    assert_eq!(to("li").await.expect("nothing").cases, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_is_good_from_its_first_day_to_its_last() {
    let city = city().await;
    city.on("2019-05-20");
    city.account("gao", &[Role::Administrator], None, None).await;
    city.account("wang", &[Role::Intake], None, None).await;
    let gao = city.person("gao", &[Role::Administrator]);
    let term =
        |staff: &str, from, until| Command::SetTerm { staff: staff.into(), from: Day::parse(from), until: Day::parse(until) };
    let signs_in = async || city.desk.sign_in("wang", PASSWORD).await.is_ok();
    city.done(&gao, term("wang", "2019-05-21", "2019-05-22")).await;
    for (day, good) in [("2019-05-20", false), ("2019-05-21", true), ("2019-05-22", true), ("2019-05-23", false)] {
        city.on(day);
        assert_eq!(signs_in().await, good, "{day}");
    }
    city.done(&gao, term("wang", "", "")).await;
    assert!(signs_in().await, "open again");
    let backwards = city.act(&gao, term("wang", "2019-06-02", "2019-06-01")).await;
    assert!(matches!(&backwards, Err(DeskError::Invalid { faults }) if faults[0].field == "until"), "{backwards:?}");
    let own = city.act(&gao, term("gao", "", "2019-05-22")).await;
    assert!(matches!(own, Err(DeskError::NotPermitted { .. })), "not oneself out: {own:?}");
    let clerk = city.act(&city.clerk(), term("wang", "", "")).await;
    assert!(matches!(clerk, Err(DeskError::NotPermitted { .. })), "{clerk:?}");
}
