//! Between departments and tiers: nothing typed twice, nothing checked twice, no step that waits for a line.

use super::loop_split::{accepted, agrees, bureau, part, provider};
use super::support::*;
use shouwang_node::desk::{CaseStep, Command, DeskError, OpenCase, To};
use shouwang_node::store::reader::{CaseFilter, Page};
use shouwang_protocol::records::amount::Fen;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::event::{
    Agreed, Answer, Channel, EventKind, Finding, Giver, Opinion, Origin, TargetKind, Verdict,
};
use shouwang_protocol::records::staff::Role;
use shouwang_protocol::standing::{Effect, Stage};

fn examine() -> CaseStep {
    CaseStep::PreExamine { opinion: Opinion::For, note: String::new() }
}

fn propose() -> CaseStep {
    CaseStep::Propose { amount: None, reason: String::new() }
}

fn approve() -> CaseStep {
    CaseStep::Decide { outcome: Verdict::Approved, amount: None, reason: String::new() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_01_a_consultation_becomes_an_application_in_one_step_with_nothing_typed_twice() {
    let city = city().await;
    let clerk = city.clerk();
    let open = OpenCase {
        applicant: "李先生".into(),
        summary: "女儿上学".into(),
        assistance: "教育救助".into(),
        ..OpenCase::of(Origin::Consultation)
    };
    let case = city.open_case(&clerk, open).await;
    assert_eq!(city.page(&clerk, case).await.standing.stage, Stage::ToFollowUp);
    city.stepped(&clerk, case, CaseStep::Apply { assistance: String::new(), note: String::new() }).await;
    let s = city.page(&clerk, case).await.standing;
    assert_eq!(
        (s.stage, s.applicant.as_str(), s.summary.as_str(), s.assistance.as_str(), s.channel),
        (Stage::ToAccept, "李先生", "女儿上学", "教育救助", Some(Channel::CityWindow))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_02_an_education_application_is_in_the_bureaus_inbox_and_the_sender_sees_it_signed_for() {
    let city = city().await;
    let clerk = city.clerk();
    let case = accepted(&city, &clerk, "a", "教育救助").await;
    let form = [("就读学校".to_owned(), "市一中".to_owned())].into();
    city.stepped(&clerk, case, CaseStep::FillForm { answers: form }).await;
    city.stepped(&clerk, case, CaseStep::Transfer { to: None, assistance: String::new(), note: "请审核".into() }).await;
    let school = bureau(&city, "教育局");
    let inbox = city.desk.inbox(&school).await.expect("an inbox");
    assert_eq!((inbox.len(), inbox[0].case, inbox[0].state.label(), inbox[0].note.as_str()), (1, case, "待签收", "请审核"));
    assert!(city.desk.inbox(&bureau(&city, "医疗保障局")).await.expect("an inbox").is_empty());
    // The minimum: who and what for; no household, no account, no amount.
    let seen = city.page(&school, case).await;
    assert!(seen.household.is_none() && seen.standing.household.is_none() && seen.standing.applicant == "户主a");
    city.stepped(&school, case, CaseStep::SignFor { transfer: None }).await;
    let mine = city.page(&clerk, case).await;
    assert_eq!(mine.standing.transfers[0].state.label(), "已签收");
    assert!(mine.entries.iter().any(|entry| entry.item.event.what.kind() == Some(EventKind::SignedFor)));
    // What its form says is the bureau's to know, and not that of whoever helps with something else.
    assert_eq!(seen.standing.answers.iter().map(|it| it.text.as_str()).collect::<Vec<_>>(), ["市一中"]);
    let to = To { kind: TargetKind::Provider, id: "社工服务中心".into() };
    city.stepped(&clerk, case, CaseStep::Transfer { to: Some(to), assistance: "心理服务".into(), note: "请上门".into() }).await;
    assert!(city.page(&provider(&city, "社工服务中心"), case).await.standing.answers.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_06_what_one_office_confirmed_another_department_sees_with_its_dates() {
    let city = city().await;
    let (clerk, director) = (city.clerk(), city.person("chen", &[Role::Approver]));
    let household = city.household("a").await;
    city.on("2019-05-20");
    let first = city.open_case(&clerk, application(household)).await;
    city.stepped(&clerk, first, CaseStep::Accept {}).await;
    city.stepped(&clerk, first, examine()).await;
    city.stepped(&clerk, first, propose()).await;
    city.stepped(&director, first, approve()).await;
    let to_school = city.open_case(&clerk, OpenCase { assistance: "教育救助".into(), ..application(household) }).await;
    city.stepped(&clerk, to_school, CaseStep::Accept {}).await;
    city.stepped(&clerk, to_school, CaseStep::Transfer { to: None, assistance: String::new(), note: "办".into() }).await;
    let school = bureau(&city, "教育局");
    city.stepped(&school, to_school, CaseStep::SignFor { transfer: None }).await;
    let yes = CaseStep::Feedback { transfer: None, result: Answer::Approved, text: "已核".into(), amount: None };
    city.stepped(&school, to_school, yes).await;

    city.on("2019-05-29");
    let medical = city.open_case(&clerk, OpenCase { assistance: "医疗救助".into(), ..application(household) }).await;
    city.stepped(&clerk, medical, CaseStep::Accept {}).await;
    city.stepped(&clerk, medical, CaseStep::Transfer { to: None, assistance: String::new(), note: "办".into() }).await;
    let insurer = bureau(&city, "医疗保障局");
    let seen = city.page(&insurer, medical).await;
    let mut told: Vec<_> =
        seen.confirmed.iter().map(|one| (one.kind.as_str(), one.by.as_str(), one.from.to_string(), one.until)).collect();
    told.sort();
    assert_eq!(
        told,
        [
            ("临时救助", "市社会救助服务中心", "2019-05-20".to_owned(), None),
            ("教育救助", "教育局", "2019-05-20".to_owned(), None)
        ],
        "without an amount, without the other case"
    );
    assert!(seen.standing.household.is_none());
    assert!(matches!(city.desk.case(&insurer, first).await, Err(DeskError::NotFound { .. })), "the case itself is not theirs");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_07_item_08_item_45_ten_days_offline_no_step_waits_and_all_three_tiers_tell_one_story() {
    let city = city().await;
    let (township, village) = (Machine::new(YANGSHE).await, Machine::new(VILLAGE).await);
    sync(&township, &city).await;
    sync(&village, &township).await;
    let (cun, zhen) = (village.clerk(), township.clerk());

    // No line above: the village registers, the township examines over the office network.
    let household = village.household("t").await;
    let case = village.open_case(&cun, application(household)).await;
    sync(&village, &township).await;
    township.stepped(&zhen, case, CaseStep::Accept {}).await;
    township.stepped(&zhen, case, examine()).await;
    township.stepped(&zhen, case, propose()).await;
    // Ten days without any line: both go on.
    for machine in [&township, &village, &city] {
        machine.on("2019-06-10");
    }
    village.stepped(&cun, case, CaseStep::Note { text: "又去看望".into() }).await;
    township.stepped(&zhen, case, CaseStep::Urge { note: "等市级审批".into() }).await;
    assert!(matches!(city.desk.case(&city.clerk(), case).await, Err(DeskError::NotFound { .. })), "the city knows nothing yet");
    // Only the decision that policy keeps for the city waited for it.
    let approver = township.person("zhen", &[Role::Approver]);
    assert!(township.step(&approver, case, approve()).await.is_err());
    sync(&village, &township).await;
    sync(&township, &city).await;
    let director = city.person("chen", &[Role::Approver]);
    city.stepped(&director, case, approve()).await;
    sync(&township, &city).await;
    sync(&village, &township).await;

    let mut stories = Vec::new();
    for (machine, person) in [(&village, &cun), (&township, &zhen), (&city, &city.clerk())] {
        let s = machine.page(person, case).await.standing;
        assert!(s.timeline.iter().all(|item| item.effect == Effect::Counts));
        stories.push((s.stage, s.since, s.decided(), s.timeline.iter().map(|item| item.id.clone()).collect::<Vec<_>>()));
    }
    assert_eq!(stories[0], stories[1]);
    assert_eq!(stories[1], stories[2]);
    assert_eq!((stories[0].0, stories[0].2), (Stage::ToPay, Some(Fen(283_500))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_09_an_organisation_sees_its_part_only_and_what_it_gave_stands_in_the_households_file() {
    let city = city().await;
    let clerk = city.clerk();
    let household = city.household("a").await;
    let case = city.open_case(&clerk, OpenCase { assistance: "心理服务".into(), ..application(household) }).await;
    city.stepped(&clerk, case, CaseStep::Accept {}).await;
    city.stepped(&clerk, case, CaseStep::Note { text: "家属电话另记".into() }).await;
    let charity = provider(&city, "慈善总会");
    assert!(matches!(city.desk.case(&charity, case).await, Err(DeskError::NotFound { .. })), "not before it is theirs");
    city.stepped(&clerk, case, agrees(&["name", "matter"])).await;
    let to = |id: &str| Some(To { kind: TargetKind::Provider, id: id.into() });
    for id in ["慈善总会", "心理援助站"] {
        city.stepped(&clerk, case, CaseStep::Transfer { to: to(id), assistance: String::new(), note: format!("请{id}") }).await;
    }
    let seen = city.page(&charity, case).await;
    assert_eq!((seen.standing.transfers.len(), seen.standing.household, seen.household.is_none()), (1, None, true));
    assert!(seen.entries.iter().all(|entry| !format!("{:?}", entry.item.event).contains("家属电话")), "no remark of the office");
    assert!(city.desk.household(&charity, household, 1).await.is_err());
    city.stepped(&charity, case, CaseStep::SignFor { transfer: None }).await;
    city.stepped(&charity, case, CaseStep::Session { transfer: None, text: "送去轮椅一辆".into() }).await;
    city.stepped(
        &charity,
        case,
        CaseStep::Feedback { transfer: None, result: Answer::Served, text: "已送达".into(), amount: None },
    )
    .await;
    let file = city.desk.annual(&clerk, household, 2019).await.expect("a file").file;
    let services = serde_json::to_string(&file.services).expect("json");
    assert!(services.contains("慈善总会"), "{services}");
}

fn to_charity(note: &str) -> CaseStep {
    let to = Some(To { kind: TargetKind::Provider, id: "慈善总会".into() });
    CaseStep::Transfer { to, assistance: String::new(), note: note.into() }
}

fn served(amount: i64) -> CaseStep {
    CaseStep::Feedback { transfer: None, result: Answer::Served, text: "轮椅已送达".into(), amount: Some(Fen(amount)) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_09_a_charity_is_told_what_the_person_agreed_to_and_nothing_more() {
    let city = city().await;
    let clerk = city.clerk();
    let household = city.household("a").await;
    let case = city.open_case(&clerk, OpenCase { assistance: "照料服务".into(), ..application(household) }).await;
    city.stepped(&clerk, case, CaseStep::Accept {}).await;

    // Without a consent nothing is written, and the answer says what to do; in a split neither part is.
    let refused = city.step(&clerk, case, to_charity("送轮椅")).await.expect_err("nobody agreed");
    assert_eq!(refused.what(), "不能办理：转给慈善总会须经当事人单独同意，请先登记“同意提供信息”");
    let both = vec![part(TargetKind::Department, "民政局", ""), part(TargetKind::Provider, "慈善总会", "照料服务")];
    let refused = city.step(&clerk, case, CaseStep::Split { parts: both.clone() }).await.expect_err("nobody agreed");
    assert!(refused.what().contains("转给慈善总会须经当事人单独同意"), "{refused}");
    assert!(city.page(&clerk, case).await.standing.transfers.is_empty());
    let listed = city.page(&clerk, case).await.consent.organisations;
    assert_eq!(listed, [("慈善总会".to_owned(), "慈善总会".to_owned(), false)]);
    // Who works for the office needs none, and none is written down.
    let entrusted = CaseStep::Consent {
        to: To { kind: TargetKind::Provider, id: "社工服务中心".into() },
        whose: String::new(),
        scope: vec!["name".into()],
        given_by: Giver::Own,
        giver: String::new(),
        how: Agreed::Signed,
        until: None,
        note: String::new(),
    };
    let refused = city.step(&clerk, case, entrusted).await.expect_err("not needed");
    assert!(refused.what().contains("没有要求向社工服务中心提供信息须单独同意"), "{refused}");

    city.stepped(&clerk, case, agrees(&["name"])).await;
    city.stepped(&clerk, case, CaseStep::Split { parts: both }).await;
    city.stepped(&clerk, case, part_to_social_workers()).await;
    let (charity, workers) = (provider(&city, "慈善总会"), provider(&city, "社工服务中心"));
    let seen = city.page(&charity, case).await;
    let told = format!("{:?}{:?}{:?}", seen.standing, seen.entries, seen.row);
    assert!(seen.standing.applicant == "户主a" && !seen.barred);
    for hidden in ["确诊重病", "因病", "民政局", "社工服务中心"] {
        assert!(!told.contains(hidden), "{hidden}: {told}");
    }
    assert_eq!((seen.place.as_str(), seen.row.household, seen.confirmed.len()), ("", None, 0));
    assert_eq!(seen.standing.transfers[0].note, "请办理");
    let rows = city.desk.cases(&charity, CaseFilter::default(), Page::first(9)).await.expect("lists").rows;
    assert_eq!((rows.len(), rows[0].applicant.as_str(), rows[0].area_name.as_str()), (1, "户主a", "市社会救助服务中心"));
    let workers = city.page(&workers, case).await;
    assert!(workers.standing.summary == "确诊重病" && !workers.place.is_empty(), "the entrusted one sees what it saw");

    // Another consent says more; what the charity gives is in the family's file of the year.
    city.stepped(&clerk, case, agrees(&["place", "matter"])).await;
    let seen = city.page(&charity, case).await;
    assert_eq!((seen.standing.applicant.as_str(), seen.standing.summary.as_str()), ("（未同意提供）", "确诊重病"));
    let inbox = city.desk.inbox(&charity).await.expect("an inbox");
    assert_eq!((inbox.len(), inbox[0].applicant.as_str()), (1, "（未同意提供）"));
    let today = city.desk.today_for(&charity).await.expect("a page");
    assert_eq!(today.cases[0].applicant, "（未同意提供）");
    city.stepped(&charity, case, CaseStep::SignFor { transfer: None }).await;
    city.stepped(&charity, case, served(80_000)).await;
    let file = city.desk.annual(&clerk, household, 2019).await.expect("a file").file;
    assert_eq!(file.total, Fen(94_500 + 80_000));
    assert!(serde_json::to_string(&file.services).expect("json").contains("慈善总会"));
}

fn part_to_social_workers() -> CaseStep {
    let to = Some(To { kind: TargetKind::Provider, id: "社工服务中心".into() });
    CaseStep::Transfer { to, assistance: "心理服务".into(), note: "请上门".into() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_09_a_consent_taken_back_at_the_village_ends_the_charitys_sight_and_its_work_stays() {
    let city = city().await;
    let (township, village) = (Machine::new(YANGSHE).await, Machine::new(VILLAGE).await);
    sync(&township, &city).await;
    sync(&village, &township).await;
    let household = village.household("b").await;
    let (cun, zhen) = (village.clerk(), township.clerk());
    let case = village.open_case(&cun, OpenCase { assistance: "照料服务".into(), ..application(household) }).await;
    village.stepped(&cun, case, agrees(&["name", "place", "matter", "form", "status"])).await;
    sync(&village, &township).await;
    township.stepped(&zhen, case, CaseStep::Accept {}).await;
    township.stepped(&zhen, case, to_charity("送轮椅，家住三楼")).await;
    sync(&township, &city).await;
    let charity = provider(&city, "慈善总会");
    city.stepped(&charity, case, CaseStep::SignFor { transfer: None }).await;
    city.stepped(&charity, case, CaseStep::Session { transfer: None, text: "量了尺寸".into() }).await;

    village.stepped(&cun, case, CaseStep::WithdrawConsent { consent: None, note: "本人到村里说的".into() }).await;
    assert_eq!(city.page(&charity, case).await.standing.applicant, "户主b", "it has not arrived");
    sync(&village, &township).await;
    sync(&township, &city).await;
    let seen = city.page(&charity, case).await;
    assert!(seen.barred);
    let told = format!("{:?}{:?}{:?}{:?}", seen.standing, seen.entries, seen.row, seen.place);
    for hidden in ["户主b", "确诊重病", "家住三楼", "本人到村里说的", "农联村", "SL2019"] {
        assert!(!told.contains(hidden), "{hidden}: {told}");
    }
    let own: Vec<&str> = seen.entries.iter().filter_map(|entry| Some(entry.item.event.what.kind()?.label())).collect();
    assert_eq!(own, ["签收", "服务记录"]);
    let rows = city.desk.cases(&charity, CaseFilter::default(), Page::first(9)).await.expect("lists").rows;
    assert_eq!((rows[0].applicant.as_str(), rows[0].number.as_ref()), ("同意已撤回或到期", None));
    let serving = CaseFilter { stages: vec![Stage::InService], ..CaseFilter::default() };
    assert!(city.desk.cases(&charity, serving, Page::first(9)).await.expect("lists").rows.is_empty(), "nor by its stage");
    let inbox = city.desk.inbox(&charity).await.expect("an inbox");
    assert_eq!((inbox[0].applicant.as_str(), inbox[0].note.as_str()), ("同意已撤回或到期", ""));
    let further = city.step(&charity, case, CaseStep::Session { transfer: None, text: "又去".into() }).await.expect_err("ended");
    assert!(further.what().contains("当事人的同意已撤回或到期，或转办已收回：没有签收的请退回"), "{further}");
    assert!(city.step(&charity, case, CaseStep::Recall { transfer: None, reason: "收".into() }).await.is_err());

    // Whoever handed it over takes it back; the one visit stays in the family's file.
    sync(&township, &city).await;
    let page = township.page(&zhen, case).await;
    assert!(page.turns.iter().any(|turn| turn.what == "收回转办" && turn.mine), "{:?}", page.turns);
    let again = township.step(&zhen, case, to_charity("再送")).await.expect_err("nobody agrees any more");
    assert!(again.what().contains("单独同意"), "{again}");
    let reason = "本人撤回同意".to_owned();
    township.stepped(&zhen, case, CaseStep::Recall { transfer: None, reason }).await;
    // The charity had given something by then, and did not know: it counts.
    city.stepped(&charity, case, served(80_000)).await;
    sync(&township, &city).await;
    township.stepped(&zhen, case, CaseStep::GiveUp { reason: "本人不要了".into() }).await;
    township.stepped(&zhen, case, CaseStep::Close { result: "已办结".into() }).await;
    sync(&township, &city).await;
    let file = township.desk.annual(&zhen, household, 2019).await.expect("a file").file;
    let services = serde_json::to_string(&file.services).expect("json");
    assert!(services.contains("慈善总会") && file.total == Fen(94_500 + 80_000), "{services} {:?}", file.total);
    let page = city.page(&city.clerk(), case).await;
    assert_eq!((page.standing.stage, page.standing.transfers[0].state.label()), (Stage::Closed, "已反馈"));
    assert!(page.standing.timeline.iter().all(|item| item.effect == Effect::Counts));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_09_who_agreed_to_be_named_has_not_agreed_to_say_where_they_live_or_what_was_decided() {
    let city = city().await;
    let (township, village) = (Machine::new(YANGSHE).await, Machine::new(VILLAGE).await);
    sync(&township, &city).await;
    sync(&village, &township).await;
    let household = village.household("b").await;
    let (cun, zhen) = (village.clerk(), township.clerk());
    let case = village.open_case(&cun, OpenCase { assistance: "照料服务".into(), ..application(household) }).await;
    let CaseStep::Consent { to, scope, given_by, giver, how, until, note, .. } = agrees(&["name"]) else { unreachable!() };
    let stranger = CaseStep::Consent { to, whose: "邻居".into(), scope, given_by, giver, how, until, note };
    let refused = village.step(&cun, case, stranger).await.expect_err("it is not theirs to agree to");
    assert!(refused.what().contains("这里写申请人"), "{refused}");
    village.stepped(&cun, case, agrees(&["name"])).await;
    sync(&village, &township).await;
    township.stepped(&zhen, case, CaseStep::Accept {}).await;
    for note in ["送轮椅", "送棉被"] {
        township.stepped(&zhen, case, to_charity(note)).await;
    }
    sync(&township, &city).await;
    let charity = provider(&city, "慈善总会");
    let seen = city.page(&charity, case).await;
    let village_name = city.page(&city.clerk(), case).await.entries[0].office.clone();
    let told = format!("{:?}{:?}{:?}{:?}", seen.standing, seen.entries, seen.row, seen.place);
    let opened = &seen.entries[0];
    assert!(!village_name.is_empty() && !told.contains(&village_name), "{told}");
    assert_eq!((opened.office.as_str(), opened.item.event.name.as_str()), ("", ""), "nor by whose clerk it was taken in");
    assert_eq!((seen.standing.applicant.as_str(), seen.standing.stage), ("户主b", Stage::InTransfer));
    // What was taken back because it took too long is not theirs to look at any more.
    let transfers: Vec<_> = seen.standing.transfers.iter().map(|transfer| transfer.id.clone()).collect();
    for transfer in transfers {
        let recall = CaseStep::Recall { transfer: Some(transfer), reason: "久未签收".into() };
        township.stepped(&zhen, case, recall).await;
    }
    sync(&township, &city).await;
    assert_ne!(city.page(&charity, case).await.standing.applicant, "户主b");
    for filter in [Stage::Accepted, Stage::FedBack, Stage::InTransfer].map(|stage| vec![stage]) {
        let filter = CaseFilter { stages: filter, ..CaseFilter::default() };
        assert_eq!(city.desk.count_cases(&charity, filter).await.expect("counts"), 0, "nor is it counted");
    }
    assert_eq!(city.desk.count_cases(&charity, CaseFilter::default()).await.expect("counts"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_09_a_child_agrees_by_a_guardian_a_consent_ends_on_its_day_and_so_does_a_contract() {
    let city = city().await;
    let clerk = city.clerk();
    city.on("2019-05-20");
    let mut row = row("c", VILLAGE);
    row["members"][1]["id_no"] = id_born("20100601", 11).into();
    let household = city.done(&clerk, Command::RegisterHousehold { area: area(VILLAGE), row }).await.records[0];
    let open = OpenCase { assistance: "照料服务".into(), applicant: "之子c".into(), ..application(household) };
    let case = city.open_case(&clerk, open).await;
    city.stepped(&clerk, case, CaseStep::Accept {}).await;
    let refused = city.step(&clerk, case, agrees(&["name"])).await.expect_err("eight years old");
    assert!(refused.what().contains("之子c不满十四周岁，须由监护人同意"), "{refused}");
    let with = |last: &str| match agrees(&["name"]) {
        CaseStep::Consent { to, whose, scope, how, note, .. } => {
            let (given_by, giver, until) = (Giver::Guardian, "户主c".into(), Day::parse(last));
            CaseStep::Consent { to, whose, scope, given_by, giver, how, until, note }
        }
        other => other,
    };
    city.stepped(&clerk, case, with("2019-05-31")).await;
    city.stepped(&clerk, case, to_charity("书本文具")).await;
    let charity = provider(&city, "慈善总会");
    city.stepped(&charity, case, CaseStep::SignFor { transfer: None }).await;

    city.on("2019-06-01");
    assert!(city.page(&charity, case).await.barred);
    let step = || CaseStep::Session { transfer: None, text: "送书".into() };
    let further = city.step(&charity, case, step()).await.expect_err("its last day is past");
    assert!(further.what().contains("当事人的同意已撤回或到期"), "{further}");
    let again = city.step(&clerk, case, to_charity("再送")).await.expect_err("its last day is past");
    assert!(again.what().contains("单独同意"), "{again}");
    city.stepped(&clerk, case, with("2019-06-30")).await;
    city.stepped(&charity, case, step()).await;
    assert_eq!(city.page(&charity, case).await.standing.applicant, "之子c");

    // The contract of who is entrusted ends: nothing more is handed over until the pack says otherwise.
    let mut pack = shouwang_protocol::records::policy::sample();
    (pack.version, pack.from) = ("2019-06-01".into(), Day::parse("2019-06-01").expect("a day"));
    pack.providers[0].until = Day::parse("2019-06-02");
    let console = city.desk.console().await.expect("a console");
    city.done(&console, Command::PublishPolicy { pack }).await;
    city.on("2019-06-03");
    let ended = city.step(&clerk, case, part_to_social_workers()).await.expect_err("the contract has ended");
    assert_eq!(ended.what(), "不能办理：社工服务中心的委托协议已于 2019-06-02 到期，请先由市级在政策包的“服务机构”里更新协议");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_27_item_28_a_confirmed_warning_is_applied_for_by_staff_and_decided_the_next_day_within_its_clock() {
    let city = city().await;
    let township = Machine::new(YANGSHE).await;
    sync(&township, &city).await;
    let clerk = city.clerk();
    let household = city.household("z").await;
    let open = OpenCase {
        household: Some(household),
        rule: "因病致贫".into(),
        assistance: "临时救助".into(),
        channel: Some(Channel::Feed),
        ..OpenCase::of(Origin::Warning)
    };
    let case = city.open_case(&clerk, open).await;
    sync(&township, &city).await;
    let zhen = township.clerk();
    let early = CaseStep::ApplyOnBehalf { assistance: String::new(), reason: "主动发现".into() };
    assert!(township.step(&zhen, case, early).await.is_err(), "not before it is verified");
    township.stepped(&zhen, case, CaseStep::Verify { outcome: Finding::True, note: "情况无误".into() }).await;
    let wordless = township.step(&zhen, case, CaseStep::ApplyOnBehalf { assistance: String::new(), reason: " ".into() }).await;
    assert!(matches!(wordless, Err(DeskError::Invalid { .. })), "the reason is part of it");
    let apply =
        CaseStep::ApplyOnBehalf { assistance: String::new(), reason: "主动发现，本人住院，家属同意".into() };
    township.stepped(&zhen, case, apply).await;
    township.stepped(&zhen, case, CaseStep::Accept {}).await;
    township.stepped(&zhen, case, examine()).await;
    township.stepped(&zhen, case, propose()).await;
    sync(&township, &city).await;
    city.on("2019-05-30");
    let director = city.person("chen", &[Role::Approver]);
    let page = city.page(&director, case).await;
    assert_eq!(page.standing.on_behalf.as_deref(), Some("主动发现，本人住院，家属同意"));
    assert!(!page.turns[0].overdue && page.turns[0].due.is_some_and(|due| due >= page.standing.since.expect("a day")));
    city.stepped(&director, case, approve()).await;
    let decision = city.page(&director, case).await.standing.decision.expect("decided");
    assert_eq!((decision.amount, decision.staff.as_str()), (Fen(283_500), "chen"));
    assert!(decision.formula.starts_with("3 × 低保标准"), "{}", decision.formula);
}
