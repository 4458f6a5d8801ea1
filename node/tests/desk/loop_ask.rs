//! Somebody asks how it stands.

use super::support::*;
use shouwang_node::desk::{CaseStep, DeskError};
use shouwang_protocol::records::staff::Role;

/// The last four of the first member of a household of [`row`].
fn tail(key: &str) -> String {
    let number: u32 = key.bytes().map(u32::from).sum::<u32>() % 400 * 2;
    id_no(number).chars().skip(14).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_43_whoever_has_the_receipt_and_the_last_four_hears_how_it_stands_also_at_an_offline_village() {
    let city = city().await;
    let (township, village) = (Machine::new(YANGSHE).await, Machine::new(VILLAGE).await);
    sync(&township, &city).await;
    sync(&village, &township).await;
    let household = village.household("q").await;
    let case = village.open_case(&village.clerk(), application(household)).await;
    sync(&village, &township).await;
    let zhen = township.clerk();
    township.stepped(&zhen, case, CaseStep::Accept {}).await;
    let number = township.page(&zhen, case).await.standing.number.expect("a number");
    village.on("2019-05-30");
    sync(&village, &township).await;

    // The line is down; the township goes on without the village.
    let pre_examine = CaseStep::PreExamine { opinion: shouwang_protocol::records::event::Opinion::For, note: String::new() };
    township.stepped(&zhen, case, pre_examine).await;
    let clerk = village.clerk();
    village.on("2019-06-05");
    let told = village.desk.answer(&clerk, &number.to_lowercase(), &tail("q")).await.expect("an answer");
    assert_eq!((told.status.as_str(), told.next.as_str()), ("正在审核材料", "由杨舍镇办理"), "as it was known here");
    assert_eq!(told.as_of_ms / 86_400_000, noon("2019-05-30") / 86_400_000, "and it says since when that is known");
    let above = township.desk.answer(&zhen, &number, &tail("q")).await.expect("an answer");
    assert_eq!(above.status, "等待审批");
    let json = serde_json::to_string(&told).expect("json");
    for secret in ["户主q", "之子q", "13800000000", "6217", "确诊重病"] {
        assert!(!json.contains(secret), "{secret} in {json}");
    }
    let outsider =
        shouwang_node::desk::Person { department: Some("教育局".into()), ..village.person("d", &[Role::Department]) };
    assert!(matches!(village.desk.answer(&outsider, &number, &tail("q")).await, Err(DeskError::NotPermitted { .. })));

    // A wrong number, a wrong tail, a tail that is too short: one and the same answer, and then none at all for a while.
    let mut answers = Vec::new();
    for (code, tail) in [(number.as_str(), "0000"), ("SL20190529-999-00000", &tail("q")), (&number, ""), ("", ""), (&number, "X")]
    {
        answers.push(village.desk.answer(&clerk, code, tail).await.expect_err("nothing"));
    }
    assert!(answers.windows(2).all(|two| two[0] == two[1]), "{answers:?}");
    assert!(matches!(answers[0], DeskError::NotFound { .. }));
    let locked = village.desk.answer(&clerk, &number, &tail("q")).await.expect_err("too often");
    assert!(matches!(locked, DeskError::Locked { seconds } if seconds > 60), "{locked:?}");
}
