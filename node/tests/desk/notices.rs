//! Public notices: composed from the records, refused when they would say too much, gone after the last day.

use super::support::{Machine, VILLAGE, YANGSHE, application, city, sync};
use shouwang_node::desk::{CaseStep, DeskError, OpenCase};
use shouwang_node::store::reader::Page;
use shouwang_protocol::record::CaseId;
use shouwang_protocol::records::event::{Finding, Opinion};
use shouwang_protocol::standing::Stage;

fn post(place: &str, phone: &str) -> CaseStep {
    CaseStep::PostNotice { place: place.into(), phone: phone.into(), from: None, until: None }
}

async fn to_post(machine: &Machine, key: &str, kind: &str) -> CaseId {
    let (clerk, household) = (machine.clerk(), machine.household(key).await);
    let case = machine.open_case(&clerk, OpenCase { assistance: kind.into(), ..application(household) }).await;
    machine.stepped(&clerk, case, CaseStep::Accept {}).await;
    let visit = CaseStep::Visit {
        investigators: vec!["李强".into()],
        present: format!("户主{key}"),
        remote: String::new(),
        findings: "属实".into(),
    };
    machine.stepped(&clerk, case, visit).await;
    machine.stepped(&clerk, case, CaseStep::PreExamine { opinion: Opinion::For, note: String::new() }).await;
    machine.stepped(&clerk, case, CaseStep::Propose { amount: None, reason: String::new() }).await;
    assert_eq!(machine.page(&clerk, case).await.standing.stage, Stage::ToPost);
    case
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_posted_is_kept_word_for_word_and_taken_down_by_itself() {
    let city = city().await;
    let (township, village) = (Machine::new(YANGSHE).await, Machine::new(VILLAGE).await);
    for machine in [&city, &township, &village] {
        machine.on("2019-05-20");
    }
    sync(&township, &city).await;
    let zhen = township.clerk();
    let case = to_post(&township, "c", "最低生活保障").await;
    // The form says which field is wrong, and nothing is written.
    for (place, phone, field) in [
        ("公开栏，户主电话13800000000", "0512-56729800", "place"),
        ("重病户门口", "0512-56729800", "place"),
        ("公开栏", "13800000000", "phone"),
        ("公开栏", "", "phone"),
    ] {
        let refused = township.step(&zhen, case, post(place, phone)).await.expect_err("refused");
        assert!(matches!(&refused, DeskError::Invalid { faults } if faults[0].field == field), "{place}: {refused:?}");
    }
    township.stepped(&zhen, case, post("甲村公开栏", "0512-56729800")).await;
    sync(&township, &city).await;
    sync(&village, &township).await;

    // The village prints what the township posted: every line of it, and no more.
    let cun = village.clerk();
    let up = village.desk.notices(&cun, None, true, Page::first(10)).await.expect("up").rows;
    assert_eq!(
        up[0].text,
        "申请人：户*c\n村(社区)：甲村\n救助种类：最低生活保障\n共同生活人数：2人\n拟救助金额：890.00元\n\
         公示期：2019-05-20 至 2019-05-26\n公示地点：甲村公开栏\n受理异议：杨舍镇\n异议电话：0512-56729800"
    );
    assert_eq!(township.page(&zhen, case).await.notice_phone, "0512-56729800", "typed once");

    // The last day is still public; the day after, nobody did anything, and nothing of the person is left.
    village.on("2019-05-26");
    assert_eq!(village.desk.notices(&cun, None, true, Page::first(10)).await.expect("up").rows.len(), 1);
    village.on("2019-05-27");
    assert_eq!(village.desk.notices(&cun, None, true, Page::first(10)).await.expect("up").rows, []);
    let down = village.desk.notices(&cun, None, false, Page::first(10)).await.expect("down").rows;
    assert_eq!((down[0].from.to_string().as_str(), down[0].until.to_string().as_str()), ("2019-05-20", "2019-05-26"));
    assert_eq!(down[0].text, "");
    // What was posted can be proven from the case.
    let posted = shouwang_protocol::notice::posted(&village.page(&cun, case).await.standing);
    assert_eq!(posted[0].text, up[0].text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_objection_found_true_takes_the_notice_down_at_once_and_kinds_without_one_are_never_put_up() {
    let city = city().await;
    city.on("2019-05-20");
    let clerk = city.clerk();
    let case = to_post(&city, "a", "最低生活保障").await;
    city.stepped(&clerk, case, post("甲村公开栏", "0512-56729800")).await;
    city.stepped(&clerk, case, CaseStep::Object { text: "家有新车".into() }).await;
    let up = async || city.desk.notices(&clerk, None, true, Page::first(10)).await.expect("up").rows.len();
    assert_eq!(up().await, 1, "an objection alone does not");
    city.stepped(&clerk, case, CaseStep::SettleObjection { outcome: Finding::True, note: "车辆登记属实".into() }).await;
    assert_eq!(up().await, 0);

    let other = city.open_case(&clerk, application(city.household("b").await)).await;
    city.stepped(&clerk, other, CaseStep::Accept {}).await;
    city.stepped(&clerk, other, CaseStep::PreExamine { opinion: Opinion::For, note: String::new() }).await;
    let never = city.step(&clerk, other, post("甲村公开栏", "0512-56729800")).await.expect_err("never");
    assert!(never.what().contains("这一种类不公示"), "{never:?}");
}
