//! The rules of the case: what has no effect, what is possible, and that the order of arrival does not matter.

use super::stories::*;
use super::*;
use crate::records::case::Witness;
use crate::records::event::What;
use crate::records::policy::Pack;

pub(super) fn answered(code: &str, text: &str) -> Answered {
    Answered { code: code.into(), name: code.into(), text: text.into() }
}

pub(super) fn examined() -> What {
    What::PreExamined { opinion: Opinion::For, note: String::new() }
}

/// An application for 临时救助, accepted by the township.
fn application() -> Play {
    let mut play = Play::new("2019-05-20");
    play.act(TOWN, "wang", opened(Origin::Application, Channel::TownshipWindow, "临时救助", "赵某"));
    play.act(TOWN, "wang", accepted("SL1"));
    play
}

#[test]
fn money_moves_only_after_a_decision_and_once() {
    let mut play = application();
    let early_pay = play.act(CITY, "chen", paid(100));
    assert_eq!(why(&play, &early_pay), "尚未审批");
    let early_decision = play.act(CITY, "chen", decided(283_500));
    assert_eq!(why(&play, &early_decision), "尚未预审");
    play.act(TOWN, "wang", examined());
    let decision = play.act(CITY, "chen", decided(283_500));
    let second = play.act(CITY, "chen", decided(283_500));
    assert!(why(&play, &second).contains("已经审批过"));
    let too_much = play.act(CITY, "chen", paid(283_501));
    assert_eq!(why(&play, &too_much), "发放金额超过审批金额");
    let below = play.act(TOWN, "wang", paid(283_500));
    assert_eq!(why(&play, &below), "应由审批机构发放");
    play.act(CITY, "chen", paid(283_500));
    let twice = play.act(CITY, "chen", paid(283_500));
    assert_eq!(why(&play, &twice), "这一审批已经发放过");
    let undo = play.act(CITY, "chen", What::Withdrawn { event: decision, reason: "误录".into() });
    assert!(why(&play, &undo).contains("已经发放"));
    let standing = play.standing();
    assert_eq!((standing.stage, standing.decided(), standing.paid()), (Stage::Granted, Some(Fen(283_500)), Some(Fen(283_500))));
    assert_eq!(standing.timeline.len(), 12, "what has no effect is kept");
}

#[test]
fn a_payment_that_came_back_goes_out_again() {
    let mut play = application();
    play.act(TOWN, "wang", examined());
    play.act(CITY, "chen", decided(283_500));
    play.act(CITY, "chen", paid(283_500));
    play.act(CITY, "chen", came_back("账号有误"));
    assert_eq!(play.stage(), Stage::PaymentFailed);
    play.act(CITY, "chen", paid(283_500));
    assert_eq!((play.stage(), play.standing().failed_payments), (Stage::Granted, 1));
}

#[test]
fn only_the_tier_the_pack_names_decides_this_amount() {
    let mut play = application();
    play.act(TOWN, "wang", examined());
    let village = play.act(VILLAGE, "cun", decided(50_000));
    assert_eq!(why(&play, &village), "本级不是审批机构");
    let too_high = play.act(TOWN, "zhen", decided(283_500));
    assert_eq!(why(&play, &too_high), "本级不是这一金额的审批机构");
    play.act(TOWN, "zhen", decided(90_000));
    assert_eq!(play.stage(), Stage::ToPay);
}

#[test]
fn nobody_approves_what_they_entered() {
    let mut play = application();
    play.act(TOWN, "wang", examined());
    let own = play.act(TOWN, "wang", decided(90_000));
    assert_eq!(why(&play, &own), "经办人不得审批自己录入的事项");
    let nobody = play.act(TOWN, "", decided(90_000));
    assert_eq!(why(&play, &nobody), "没有经办人");
    let person = |staff: &str| Person {
        tier: Tier::Township,
        office: OfficeId(TOWN.1),
        staff: staff.into(),
        roles: [Role::Approver].into(),
        department: String::new(),
        provider: String::new(),
    };
    let standing = play.standing();
    assert!(!possible(&standing, &play.packs, &person("wang")).contains(&EventKind::Decided));
    assert!(possible(&standing, &play.packs, &person("zhen")).contains(&EventKind::Decided));
}

#[test]
fn a_device_that_control_does_not_name_decides_nothing_and_speaks_for_no_other_office() {
    let mut play = application();
    play.act(TOWN, "wang", examined());
    let id = play.act(CITY, "chen", decided(283_500));
    let effect = |office: u32, may_decide: bool| {
        let mut records = play.records();
        let volume = records.volumes.get_mut(&Tier::City).expect("city");
        let stamp = volume.events[0].stamp.expect("stamped");
        volume.witness(|_, _| Some(Witness { stamp, office: OfficeId(office), may_decide }));
        let standing = standing(&records, &play.packs);
        (standing.stage, standing.timeline.into_iter().find(|item| item.id == id).expect("kept").effect)
    };
    assert_eq!(effect(CITY.1, true), (Stage::ToPay, Effect::Counts));
    let without = |why: &str| (Stage::ToDecide, Effect::WithoutEffect(why.into()));
    assert_eq!(effect(CITY.1, false), without("不是指定的审批设备"));
    assert_eq!(effect(TOWN.1, true), without("所写机构与写入设备不符"));
}

#[test]
fn what_is_refused_says_why_and_can_be_closed() {
    let mut play = application();
    play.act(TOWN, "wang", examined());
    let mut wordless = decided(0);
    if let What::Decided { reason, .. } = &mut wordless {
        reason.clear();
    }
    let wordless = play.act(CITY, "chen", wordless);
    assert_eq!(why(&play, &wordless), "不予批准须写明理由");
    play.act(CITY, "chen", decided(0));
    assert_eq!(play.stage(), Stage::Refused);
    play.act(CITY, "chen", closed());
    assert_eq!(play.stage(), Stage::Closed);
    let late = play.act(CITY, "chen", decided(283_500));
    assert_eq!(why(&play, &late), "事项已办结");
}

#[test]
fn a_case_closes_only_when_every_transfer_has_its_result() {
    let mut play = Play::new("2019-06-10");
    play.act(CITY, "zhang", opened(Origin::Application, Channel::CityWindow, "教育救助", "李某"));
    play.act(CITY, "zhang", accepted("SL2"));
    let first = play.act(CITY, "zhang", transferred(Target::department("教育局", "教育局"), ""));
    let second = play.act(CITY, "zhang", transferred(Target::office(OfficeId(TOWN.1), "杨舍镇"), "临时救助"));
    play.act(CITY, "jyj", What::SignedFor { transfer: first.clone() });
    play.act(CITY, "jyj", What::Feedback { transfer: first, result: Answer::Approved, text: "好".into(), amount: None });
    let early = play.act(CITY, "zhang", closed());
    assert_eq!(why(&play, &early), "还有转办没有反馈");
    let stranger = play.act((Tier::Township, 999), "x", What::SignedFor { transfer: second.clone() });
    assert!(matches!(play.effect(&stranger), Effect::WithoutEffect(_)));
    play.act(TOWN, "wang", What::Returned { transfer: second, reason: "不属本镇".into() });
    assert_eq!(play.stage(), Stage::FedBack);
    // What came back must go to somebody else, or be taken back.
    let early = play.act(CITY, "zhang", closed());
    assert!(why(&play, &early).starts_with("有转办被退回，尚未改派"));
    play.act(CITY, "zhang", super::consent_tests::agreed(&["name"], None));
    let instead = play.act(CITY, "zhang", transferred(super::consent_tests::charity(), "临时救助"));
    assert_eq!(play.standing().returned_transfers().count(), 0);
    play.act(CITY, "cishan", What::SignedFor { transfer: instead.clone() });
    play.act(CITY, "cishan", What::Feedback { transfer: instead, result: Answer::Served, text: "好".into(), amount: None });
    play.act(CITY, "zhang", closed());
    assert_eq!(play.stage(), Stage::Closed);
}

#[test]
fn a_mistaken_entry_is_taken_back_and_what_hung_on_it_falls() {
    let mut play = application();
    let examination = play.act(TOWN, "wang", examined());
    let decision = play.act(CITY, "chen", decided(283_500));
    let from_below = play.act(TOWN, "wang", What::Withdrawn { event: decision.clone(), reason: "误录".into() });
    assert_eq!(why(&play, &from_below), "不能撤销上级的记录");
    play.act(CITY, "chen", What::Withdrawn { event: decision.clone(), reason: "误录".into() });
    let standing = play.standing();
    assert_eq!((standing.stage, standing.decided()), (Stage::ToDecide, None));
    assert!(matches!(play.effect(&decision), Effect::TakenBack(_)));
    play.act(TOWN, "wang", What::Withdrawn { event: examination, reason: "误录".into() });
    assert_eq!(play.stage(), Stage::ToPreExamine);
    let missing = OpId { counter: 1, actor: automerge::ActorId::from([9; 16]) };
    let waits = play.act(TOWN, "wang", What::Withdrawn { event: missing, reason: "误录".into() });
    assert!(matches!(play.effect(&waits), Effect::Waits(_)));
}

#[test]
fn a_decision_under_a_pack_that_has_not_come_waits() {
    let mut play = application();
    play.act(TOWN, "wang", examined());
    let id = play.act(CITY, "chen", decided(283_500));
    let packs = std::mem::take(&mut play.packs);
    let standing = play.standing();
    assert_eq!(standing.decided(), None);
    assert!(matches!(play.effect(&id), Effect::Waits(_)));
    assert_eq!(standing.problems.len(), 1);
    play.packs = packs;
    assert_eq!(play.stage(), Stage::ToPay);
}

#[test]
fn an_event_of_a_newer_version_is_kept_without_effect() {
    let mut play = application();
    play.act(TOWN, "wang", examined());
    let mut records = play.records();
    let volume = records.volumes.get_mut(&Tier::Township).expect("township");
    let mut newer = volume.events[0].clone();
    newer.id.counter = 900;
    newer.event.what = What::Unknown { kind: "reviewed-by-board".into(), fields: BTreeMap::new() };
    volume.events.push(newer);
    let standing = standing(&records, &play.packs);
    assert_eq!((standing.stage, standing.timeline.len()), (Stage::ToDecide, 4));
    assert_eq!(standing.timeline.iter().filter(|item| item.effect == Effect::Counts).count(), 3);
}

#[test]
fn days_never_run_backwards() {
    let mut play = application();
    play.on("2019-01-01").act(TOWN, "wang", examined());
    let standing = play.standing();
    assert_eq!(standing.since, Day::parse("2019-05-20"));
    assert_eq!(standing.overdue(Day::parse("2019-05-23").expect("day")).count(), 0);
    assert_eq!(standing.overdue(Day::parse("2019-05-24").expect("day")).count(), 1);
}

#[test]
fn every_stage_is_reached_and_left_and_every_open_stage_has_somebody_to_act() {
    let mut seen = BTreeSet::from([standing(&CaseRecords::default(), &Packs::new()).stage]);
    let mut left = BTreeSet::from([Stage::Unknown]);
    let mut walk = |start: What, steps: Vec<((Tier, u32), &str, What)>| {
        let mut play = Play::new("2019-05-20");
        play.act(TOWN, "wang", start);
        let mut before = play.stage();
        seen.insert(before);
        for (place, staff, what) in steps {
            let id = play.act(place, staff, what);
            let standing = play.standing();
            assert_eq!(play.effect(&id), Effect::Counts, "{:?}", standing.timeline.last().map(|item| &item.event.what));
            assert!(!standing.turns.is_empty() || standing.stage == Stage::Closed, "{:?}", standing.stage);
            seen.insert(standing.stage);
            if standing.stage != before {
                left.insert(std::mem::replace(&mut before, standing.stage));
            }
        }
        play
    };
    let plea = || opened(Origin::Plea, Channel::Wechat, "临时救助", "某");
    let asked = || opened(Origin::Application, Channel::Village, "临时救助", "某");
    let found = |outcome| What::Verified { outcome, note: String::new() };
    walk(plea(), vec![(TOWN, "wang", found(Finding::Unclear)), (TOWN, "wang", found(Finding::False)), (TOWN, "wang", closed())]);
    let on_behalf = What::AppliedOnBehalf { assistance: String::new(), reason: "主动发现".into() };
    walk(plea(), vec![(VILLAGE, "cun", found(Finding::True)), (TOWN, "wang", on_behalf)]);
    let materials = What::MaterialsAsked { materials: vec!["病历".into(), "收入证明".into()], again: String::new() };
    walk(
        asked(),
        vec![
            (TOWN, "wang", materials),
            (VILLAGE, "cun", What::MaterialsGiven { note: String::new() }),
            (TOWN, "wang", accepted("1")),
            (TOWN, "wang", examined()),
            (CITY, "chen", decided(200_000)),
            (CITY, "chen", paid(200_000)),
            (CITY, "chen", came_back("退汇")),
            (CITY, "chen", paid(200_000)),
            (TOWN, "wang", closed()),
        ],
    );
    let refused = (CITY, "chen", decided(0));
    walk(asked(), vec![(TOWN, "wang", accepted("1")), (TOWN, "wang", examined()), refused, (CITY, "li", closed())]);
    walk(asked(), vec![(TOWN, "wang", What::NotAccepted { reason: "非本市".into() }), (TOWN, "wang", closed())]);
    walk(asked(), vec![(VILLAGE, "cun", What::GaveUp { reason: "已自行解决".into() }), (TOWN, "wang", closed())]);
    let settled =
        |ruling| What::DoubleSettled { other: "cd".repeat(16), ruling, told: "乙村".into(), reason: "同一人".into() };
    walk(
        asked(),
        vec![
            (TOWN, "wang", accepted("1")),
            (TOWN, "wang", examined()),
            (CITY, "chen", decided(200_000)),
            (CITY, "li", What::DoubleFound { other: "cd".repeat(16), told: "乙村".into() }),
            (CITY, "li", settled(Ruling::Other)),
            (CITY, "li", settled(Ruling::Both)),
            (CITY, "chen", paid(200_000)),
            (CITY, "li", closed()),
            (CITY, "li", settled(Ruling::Other)),
            (CITY, "li", What::Recovered { amount: Fen(200_000), note: "退回专户".into() }),
        ],
    );
    use super::emergencies::{helped, said};
    walk(
        plea(),
        vec![
            (TOWN, "wang", helped(50_000)),
            (VILLAGE, "cun", super::procedure::visited(&["甲", "乙"], "某")),
            (TOWN, "wang", What::MaterialsGiven { note: "身份证".into() }),
            (CITY, "chen", said(Verdict::Refused, "收入不实")),
            (CITY, "chen", What::WrittenOff { amount: Fen(50_000), reason: "本人去世".into() }),
            (TOWN, "wang", closed()),
        ],
    );
    let school = opened(Origin::Application, Channel::Kiosk, "教育救助", "某");
    walk(school, vec![(TOWN, "wang", accepted("1")), (TOWN, "wang", transferred(Target::department("教育局", "教育局"), ""))]);
    use super::procedure::{ended, posted, visited};
    let dibao = opened(Origin::Application, Channel::Kiosk, "最低生活保障", "某");
    let mut stopped = walk(
        dibao,
        vec![
            (TOWN, "wang", accepted("1")),
            (TOWN, "wang", visited(&["甲", "乙"], "某")),
            (TOWN, "wang", examined()),
            (TOWN, "wang", posted("2019-05-01", "2019-05-07")),
            (TOWN, "wang", What::Objected { text: "不实".into() }),
            (TOWN, "wang", What::ObjectionSettled { outcome: Finding::False, note: "已核".into() }),
            (TOWN, "wang", ended()),
            (CITY, "chen", decided(94_500)),
            (
                CITY,
                "chen",
                What::Paid {
                    decision: None,
                    amount: Fen(94_500),
                    method: String::new(),
                    account_last4: String::new(),
                    batch: String::new(),
                    period: "2019-06".into(),
                },
            ),
            (TOWN, "wang", What::Heard { who: "本人".into(), text: "同意".into() }),
            (
                CITY,
                "chen",
                What::Adjusted { amount: Fen(0), from: "2019-07".into(), reason: "收入超标".into(), formula: String::new() },
            ),
        ],
    );
    let rigid = opened(Origin::Application, Channel::Kiosk, "刚性支出困难救助", "某");
    let unchecked = What::CheckImpossible { reason: "本人在外地，无法签字".into() };
    let visit = visited(&["甲", "乙"], "某");
    walk(rigid, vec![(TOWN, "wang", accepted("1")), (TOWN, "wang", visit), (TOWN, "wang", unchecked)]);
    // What depends on the name of an event: a benefit that was stopped, a service.
    let adjustment = stopped.standing().untold().expect("a cut").id().clone();
    let (to, how, on) = ("某".to_owned(), Delivery::Handed, Day::parse("2019-05-20").expect("a day"));
    stopped.act(CITY, "chen", What::NoticeWritten { adjustment: adjustment.clone(), text: "停发".into() });
    stopped.act(TOWN, "wang", What::NoticeServed { adjustment, to, how, on, note: String::new() });
    assert_eq!(stopped.stage(), Stage::Stopped);
    stopped.act(CITY, "li", closed());
    assert_eq!(stopped.stage(), Stage::Closed);
    left.insert(Stage::Stopped);
    let mut play = Play::new("2019-05-20");
    play.act(TOWN, "wang", opened(Origin::Application, Channel::Web, "心理服务", "某"));
    play.act(TOWN, "wang", accepted("1"));
    let transfer = play.act(TOWN, "wang", transferred(Target::provider("社工服务中心", "社工"), ""));
    let signed_for = What::SignedFor { transfer: transfer.clone() };
    let fed_back = What::Feedback { transfer, result: Answer::Served, text: "好".into(), amount: None };
    for what in [signed_for, fed_back, closed()] {
        left.insert(play.stage());
        play.act(TOWN, "shegong", what);
        seen.insert(play.stage());
    }
    use super::after_tests::{appraised, filed, month, phased_out, strict};
    let filed = stopped.act(TOWN, "wang", filed());
    let filed = What::Withdrawn { event: filed, reason: "补记".into() };
    for (mut play, steps) in [
        (stopped, vec![(TOWN, filed)]),
        (strict(), vec![(VILLAGE, appraised())]),
        (phased_out(), vec![(CITY, month("2026-08")), (CITY, month("2026-09"))]),
    ] {
        let stage = play.stage();
        seen.insert(stage);
        steps.into_iter().for_each(|(place, what)| drop(play.act(place, "li", what)));
        assert_ne!(play.stage(), stage);
        left.insert(stage);
    }
    let missing: Vec<Stage> = Stage::ALL.into_iter().filter(|stage| !seen.contains(stage)).collect();
    assert_eq!(missing, []);
    let stuck: Vec<Stage> = Stage::ALL.into_iter().filter(|stage| !left.contains(stage)).collect();
    assert_eq!(stuck, []);
    for stage in Stage::ALL {
        assert_eq!(Stage::from_word(stage.word()), Some(stage));
    }
}

#[test]
fn each_role_is_offered_its_own_work() {
    let mut play = Play::new("2019-05-20");
    play.act(CITY, "zhang", opened(Origin::Application, Channel::CityWindow, "教育救助", "某"));
    let person = |tier, office, role, department: &str| Person {
        tier,
        office: OfficeId(office),
        staff: "x".into(),
        roles: [role].into(),
        department: department.into(),
        provider: String::new(),
    };
    let offered = |play: &Play, person: &Person| possible(&play.standing(), &play.packs, person);
    let clerk = person(Tier::City, 1, Role::Intake, "");
    assert!(offered(&play, &clerk).contains(&EventKind::Accepted));
    assert!(!offered(&play, &person(Tier::Village, 201, Role::Intake, "")).contains(&EventKind::Accepted));
    assert_eq!(offered(&play, &person(Tier::City, 1, Role::Auditor, "")), []);
    play.act(CITY, "zhang", accepted("1"));
    play.act(CITY, "zhang", transferred(Target::department("教育局", "教育局"), ""));
    let school = person(Tier::City, 1, Role::Department, "教育局");
    assert!(offered(&play, &school).contains(&EventKind::SignedFor));
    let health = person(Tier::City, 1, Role::Department, "卫生健康委员会");
    assert!(!offered(&play, &health).contains(&EventKind::SignedFor));
    assert!(!offered(&play, &clerk).contains(&EventKind::Closed));
}

fn came_back(reason: &str) -> What {
    What::PaymentFailed { reason: reason.into(), batch: String::new() }
}

#[test]
fn what_the_desk_is_told_beforehand_is_what_the_fold_says_afterwards() {
    let mut play = application();
    play.act(TOWN, "wang", examined());
    let event = |what| Event::new(OfficeId(CITY.1), "chen", "陈某", Day(18_040), what);
    let standing = play.standing();
    assert_eq!(would_count(&standing, &play.packs, Tier::City, &event(decided(283_500))), Ok(()));
    assert!(would_count(&standing, &play.packs, Tier::City, &event(paid(283_500))).is_err());
    assert_eq!(play.packs.values().next().map(|pack: &Pack| pack.sample), Some(true));
}

#[test]
fn a_case_that_was_routed_is_done_here_and_names_the_new_one() {
    let mut play = Play::new("2019-03-27");
    play.act(CITY, "web", opened(Origin::Plea, Channel::Web, "心理服务", "某"));
    let to = crate::record::CaseId([7; 16]);
    let routed = || What::Routed { to: to.to_string(), area: "大新镇".into() };
    let by_village = play.act(VILLAGE, "cun", routed());
    assert_eq!(why(&play, &by_village), "村(社区)不办理这一步");
    play.act(CITY, "zhang", routed());
    let standing = play.standing();
    assert_eq!((standing.stage, standing.routed_to, standing.turns.len()), (Stage::Closed, Some(to), 0));
}
