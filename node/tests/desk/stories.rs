//! The three stories of the newspaper, between offices that are not always connected.

use super::support::*;
use shouwang_node::desk::{CaseStep, Command, DeskError, OpenCase, To};
use shouwang_node::store::reader::Stored;
use shouwang_protocol::records::amount::Fen;
use shouwang_protocol::records::event::{
    Answer, Change, Channel, EventKind, Finding, Opinion, Origin, TargetKind, Urgency, Verdict,
};
use shouwang_protocol::records::staff::Role;
use shouwang_protocol::standing::{Effect, Stage, TransferState};

fn decide(amount: Option<i64>, reason: &str) -> CaseStep {
    CaseStep::Decide { outcome: Verdict::Approved, amount: amount.map(Fen), reason: reason.into() }
}

fn pay() -> CaseStep {
    CaseStep::Pay { amount: None, method: String::new(), account_last4: None, batch: "20190530".into(), period: None }
}

fn propose() -> CaseStep {
    CaseStep::Propose { amount: None, reason: String::new() }
}

fn examine() -> CaseStep {
    CaseStep::PreExamine { opinion: Opinion::For, note: String::new() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_01_item_02_story_a_a_consultation_becomes_an_application_and_goes_to_the_education_bureau() {
    let city = city().await;
    let clerk = city.person("zhangjie", &[Role::Intake, Role::Reviewer]);
    let open = OpenCase { applicant: "李先生".into(), summary: "女儿上学".into(), ..OpenCase::of(Origin::Consultation) };
    let case = city.open_case(&clerk, open).await;
    city.stepped(&clerk, case, CaseStep::Apply { assistance: "教育救助".into(), note: String::new() }).await;
    let said = city.stepped(&clerk, case, CaseStep::Accept {}).await.message;
    assert!(said.starts_with("已受理，受理编号 SL20190529-001-"), "{said}");
    city.stepped(&clerk, case, CaseStep::Transfer { to: None, assistance: String::new(), note: "请审核".into() }).await;
    let page = city.page(&clerk, case).await;
    assert_eq!((page.standing.stage, page.standing.transfers[0].to.id.as_str()), (Stage::InTransfer, "教育局"));
    assert!(
        page.answerable.is_empty() && !page.possible.contains(&EventKind::SignedFor),
        "the centre does not answer for others"
    );

    let school = shouwang_node::desk::Person { department: Some("教育局".into()), ..city.person("jyj", &[Role::Department]) };
    let health = shouwang_node::desk::Person {
        department: Some("卫生健康委员会".into()),
        ..city.person("wjw", &[Role::Department])
    };
    assert_eq!(city.desk.case(&health, case).await.expect_err("not theirs"), DeskError::NotFound { what: "事项".into() });
    assert!(city.desk.inbox(&health).await.expect("reads").is_empty());
    assert!(matches!(city.step(&health, case, CaseStep::SignFor { transfer: None }).await, Err(DeskError::NotFound { .. })));
    let inbox = city.desk.inbox(&school).await.expect("reads");
    assert_eq!((inbox.len(), inbox[0].state, inbox[0].from.as_str()), (1, TransferState::ToSign, "市社会救助服务中心"));
    assert!(matches!(city.desk.count_households(&school).await, Err(DeskError::NotPermitted { .. })));
    city.stepped(&school, case, CaseStep::SignFor { transfer: None }).await;
    assert!(matches!(
        city.step(&school, case, CaseStep::Close { result: "好".into() }).await,
        Err(DeskError::NotPermitted { .. })
    ));
    let feedback = CaseStep::Feedback { transfer: None, result: Answer::Approved, text: "符合条件".into(), amount: None };
    city.stepped(&school, case, feedback).await;
    let seen = city.page(&school, case).await;
    assert_eq!(seen.entries.len(), 4, "opened, transferred, signed for, fed back: not how it was accepted");
    assert!(seen.household.is_none() && seen.turns.is_empty());
    city.stepped(&clerk, case, CaseStep::Close { result: "已获教育救助".into() }).await;
    let page = city.page(&clerk, case).await;
    assert_eq!(page.standing.stage, Stage::Closed);
    assert!(page.standing.timeline.iter().all(|item| item.effect == Effect::Counts));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_27_item_28_story_b_from_the_warning_to_2835_yuan_with_offices_offline_at_the_awkward_moment() {
    let city = city().await;
    let (township, village) = (Machine::new(YANGSHE).await, Machine::new(VILLAGE).await);
    sync(&township, &city).await;
    sync(&village, &township).await;
    let household = village.household("zhang").await;
    sync(&village, &township).await;
    sync(&township, &city).await;

    let centre = city.person("zhangjie", &[Role::Intake, Role::Reviewer]);
    let warning = OpenCase {
        household: Some(household),
        channel: Some(Channel::Feed),
        assistance: "临时救助".into(),
        urgency: Urgency::Urgent,
        rule: "因病致贫".into(),
        ..OpenCase::of(Origin::Warning)
    };
    let case = city.open_case(&centre, warning).await;
    city.stepped(&centre, case, CaseStep::AskVerification { to: None, note: "请核实".into() }).await;
    let page = city.page(&centre, case).await;
    assert_eq!((page.place.as_str(), page.turns[0].who.as_str(), page.turns[0].mine), ("杨舍镇甲村", "杨舍镇", false));
    assert!(page.entries.iter().all(|entry| entry.stored == Stored::City));

    // The township hears of it, loses its line, and works on.
    sync(&township, &city).await;
    let clerk = township.clerk();
    let today = township.desk.today_for(&clerk).await.expect("reads");
    assert_eq!((today.waiting, today.warnings, today.cases[0].case), (1, 1, case));
    township.stepped(&clerk, case, CaseStep::Verify { outcome: Finding::True, note: "入户".into() }).await;
    township.stepped(&clerk, case, CaseStep::ApplyOnBehalf { assistance: String::new(), reason: "主动发现".into() }).await;
    township.stepped(&clerk, case, CaseStep::Accept {}).await;
    assert!(matches!(township.step(&clerk, case, CaseStep::Accept {}).await, Err(DeskError::NotNow { .. })));
    township.stepped(&clerk, case, examine()).await;
    let said = township.stepped(&clerk, case, propose()).await.message;
    assert_eq!(said, "已拟定金额 2835.00元（3 × 低保标准 = 2835.00元（低保标准 945.00元））");
    let approver = township.person("zhen", &[Role::Approver]);
    let long = township.step(&clerk, case, CaseStep::Note { text: "长".repeat(2_000) }).await;
    assert!(matches!(long, Err(DeskError::Invalid { .. })), "{long:?}");
    let too_much = township.step(&approver, case, decide(None, "")).await.expect_err("the city's to decide");
    assert_eq!(too_much.what(), "不能办理：本级不是这一金额的审批机构");
    let page = township.page(&clerk, case).await;
    assert!(page.entries.iter().filter(|entry| entry.office == "杨舍镇").all(|entry| entry.stored == Stored::Township));

    sync(&township, &city).await;
    let page = township.page(&clerk, case).await;
    assert!(page.entries.iter().all(|entry| entry.stored == Stored::City), "已到市");
    city.on("2019-05-30");
    let director = city.person("chen", &[Role::Approver]);
    assert!(city.page(&director, case).await.possible.contains(&EventKind::Decided));
    let approve = id();
    let command = || Command::Case { case, step: decide(None, "") };
    let once = city.desk.perform(&director, approve, command()).await.expect("decides");
    let twice = city.desk.perform(&director, approve, command()).await.expect("decides once");
    assert_eq!((once.again, twice.again, &once.entries), (false, true, &twice.entries));
    assert!(matches!(city.act(&director, command()).await, Err(DeskError::NotNow { .. })));
    city.stepped(&director, case, pay()).await;
    assert!(matches!(city.step(&director, case, pay()).await, Err(DeskError::NotNow { .. })), "never twice");
    sync(&township, &city).await;
    assert!(matches!(
        township.step(&approver, case, pay()).await,
        Err(DeskError::NotNow { .. } | DeskError::NotPermitted { .. })
    ));

    sync(&village, &township).await;
    let page = village.page(&village.clerk(), case).await;
    let payment = page.standing.payment.as_ref().expect("paid");
    assert_eq!((payment.amount, payment.account_last4.as_str()), (Fen(283_500), "2222"));
    assert_eq!(page.standing.stage, Stage::Granted);
    assert!(page.standing.timeline.iter().all(|item| item.effect == Effect::Counts));

    // The same household asks the township for a small sum of the same kind: not without a reason.
    let again = township.open_case(&clerk, application(household)).await;
    township.stepped(&clerk, again, CaseStep::Accept {}).await;
    township.stepped(&clerk, again, examine()).await;
    let small = CaseStep::Propose { amount: Some(Fen(90_000)), reason: "小额".into() };
    township.stepped(&clerk, again, small).await;
    let wordless = township.step(&approver, again, decide(None, "")).await.expect_err("a second grant");
    assert!(matches!(&wordless, DeskError::Invalid { faults } if faults[0].field == "reason"), "{wordless}");
    assert_eq!(township.page(&approver, again).await.blocks.len(), 1);
    township.stepped(&approver, again, decide(None, "病情反复，确有必要")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn story_c_a_plea_without_a_village_is_routed_verified_and_becomes_a_service() {
    let city = city().await;
    let daxin = Machine::new(DAXIN).await;
    city.on("2019-03-27");
    daxin.on("2019-03-27");
    sync(&daxin, &city).await;
    let centre = city.person("zhangjie", &[Role::Intake, Role::Reviewer]);
    let plea = OpenCase {
        channel: Some(Channel::Web),
        applicant: "唐女士".into(),
        assistance: "心理服务".into(),
        summary: "儿子拒绝治疗".into(),
        ..OpenCase::of(Origin::Plea)
    };
    let at_city = city.open_case(&centre, plea).await;
    sync(&daxin, &city).await;
    let clerk = daxin.clerk();
    assert!(matches!(daxin.desk.case(&clerk, at_city).await, Err(DeskError::NotFound { .. })), "out of sight below the city");
    let nobody = city.step(&centre, at_city, CaseStep::AskVerification { to: None, note: String::new() }).await;
    assert!(matches!(nobody, Err(DeskError::Invalid { .. })));

    let route = || CaseStep::Route { household: None, area: Some(area(DAXIN)) };
    let action = id();
    let command = || Command::Case { case: at_city, step: route() };
    let routed = city.desk.perform(&centre, action, command()).await.expect("routes");
    let case = routed.case.expect("a new case");
    let twice = city.desk.perform(&centre, action, command()).await.expect("routes once");
    assert!(twice.again && twice.case == Some(case) && case != at_city);
    let old = city.page(&centre, at_city).await;
    assert_eq!((old.standing.stage, old.standing.routed_to), (Stage::Closed, Some(case)));
    assert_eq!(city.page(&centre, case).await.routed_from, Some(at_city));
    city.stepped(&centre, case, CaseStep::AskVerification { to: None, note: "请核实".into() }).await;

    sync(&daxin, &city).await;
    daxin.stepped(&clerk, case, CaseStep::Verify { outcome: Finding::True, note: "情况属实".into() }).await;
    sync(&daxin, &city).await;
    let to = Some(To { kind: TargetKind::Provider, id: "社工服务中心".into() });
    city.stepped(&centre, case, CaseStep::Transfer { to, assistance: String::new(), note: "个案服务".into() }).await;
    let worker =
        shouwang_node::desk::Person { provider: Some("社工服务中心".into()), ..city.person("shegong", &[Role::Provider]) };
    city.stepped(&worker, case, CaseStep::SignFor { transfer: None }).await;
    for day in ["2019-04-02", "2019-04-16"] {
        city.on(day);
        city.stepped(&worker, case, CaseStep::Session { transfer: None, text: "个案服务".into() }).await;
    }
    let change = CaseStep::Outcome { transfer: None, change: Change::Better, text: "愿意治疗".into(), follow_up: None };
    city.stepped(&worker, case, change).await;
    city.stepped(
        &worker,
        case,
        CaseStep::Feedback { transfer: None, result: Answer::Served, text: "愿意治疗".into(), amount: None },
    )
    .await;
    city.stepped(&centre, case, CaseStep::Close { result: "已接受治疗".into() }).await;
    city.stepped(&centre, case, CaseStep::Rate { score: 5, text: String::new() }).await;
    sync(&daxin, &city).await;
    let page = daxin.page(&clerk, case).await;
    assert_eq!(
        (page.standing.stage, page.standing.satisfaction, page.standing.transfers[0].sessions),
        (Stage::Closed, Some(5), 2)
    );
    assert!(page.standing.timeline.iter().all(|item| item.effect == Effect::Counts));
}
