//! Care projects across the tiers: needs assessed and places booked offline, more claims than places, the city's word.

use super::policies::of_row;
use super::support::*;
use shouwang_node::desk::projects::ProjectPage;
use shouwang_node::desk::{CaseStep, Command, DeskError, OpenCase, Outcome, Person};
use shouwang_protocol::area::Tier;
use shouwang_protocol::projects::Seat;
use shouwang_protocol::record::{CaseId, Lane, Place, RecordId, RecordRef};
use shouwang_protocol::records::OpId;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::event::{Attendance, EventKind, Origin};
use shouwang_protocol::records::policy::{Code, ProjectKind, sample};
use shouwang_protocol::records::staff::Role;
use shouwang_protocol::replica::{Action, Draft};
use shouwang_protocol::standing::{BookingState, Effect};
use std::collections::BTreeMap;

const ELSEWHERE: usize = 4;

fn values(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(field, text)| ((*field).to_owned(), (*text).to_owned())).collect()
}

/// A project of the city with so many places.
async fn project(city: &Machine, name: &str, kind: &str, places: &str, areas: &str) -> RecordId {
    let values = values(&[
        ("name", name),
        ("kind", kind),
        ("provider", "社工服务中心"),
        ("from", "2019-06-01"),
        ("until", "2019-12-31"),
        ("capacity", places),
        ("areas", areas),
    ]);
    city.done(&reviewer(city), Command::AddProject { values }).await.records[0]
}

fn reviewer(city: &Machine) -> Person {
    city.person("shen", &[Role::Reviewer])
}

/// A plea in the village of this machine, or one below, with its needs assessed.
async fn plea(machine: &Machine, of: usize, who: &str) -> CaseId {
    let clerk = machine.clerk();
    let open =
        OpenCase { area: Some(area(of)), applicant: who.into(), summary: "儿子患病".into(), ..OpenCase::of(Origin::Plea) };
    let case = machine.open_case(&clerk, open).await;
    let needs = CaseStep::AssessNeeds { needs: vec!["精神康复".into()], text: "拒绝治疗".into() };
    machine.stepped(&clerk, case, needs).await;
    case
}

fn book(project: RecordId) -> CaseStep {
    CaseStep::Book { project, from: None, places: 1, whom: String::new(), note: String::new() }
}

async fn booked(machine: &Machine, case: CaseId, project: RecordId) -> OpId {
    machine.stepped(&machine.clerk(), case, book(project)).await;
    let page = machine.page(&machine.clerk(), case).await;
    page.standing.bookings.last().expect("a booking").id.clone()
}

async fn seen(machine: &Machine, project: RecordId) -> ProjectPage {
    machine.desk.project(&machine.clerk(), project).await.expect("a page")
}

async fn confirm(city: &Machine, case: CaseId, booking: &OpId, note: &str) -> Result<Outcome, DeskError> {
    let step = CaseStep::ConfirmBooking { booking: booking.clone(), note: note.into() };
    city.step(&reviewer(city), case, step).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_13_two_offices_book_the_last_place_offline_and_the_city_settles_it_before_everybodys_eyes() {
    let city = city().await;
    let (yangshe, village, daxin) = (Machine::new(YANGSHE).await, Machine::new(VILLAGE).await, Machine::new(DAXIN).await);
    let last = project(&city, "精神康复陪伴", "A5", "1", "").await;
    sync(&yangshe, &city).await;
    sync(&village, &yangshe).await;
    sync(&daxin, &city).await;

    // Without a network: the village assesses, is offered what fits with the reasons, and books with one step.
    let first = plea(&village, VILLAGE, "唐女士").await;
    let page = village.page(&village.clerk(), first).await;
    assert_eq!((page.projects.proposals.len(), page.projects.may_book), (1, true));
    let offered = &page.projects.proposals[0];
    assert!(offered.fit.fits() && offered.line.row.record == last);
    assert_eq!(offered.fit.reasons[0], "对应需求：精神康复");
    let mine = booked(&village, first, last).await;
    let twice = village.step(&village.clerk(), first, book(last)).await;
    assert!(matches!(twice, Err(DeskError::NotNow { .. })), "one place for one person");
    // Another village, by its township, cannot know.
    let second = plea(&daxin, ELSEWHERE, "钱先生").await;
    let theirs = booked(&daxin, second, last).await;
    for machine in [&village, &daxin] {
        assert!(!seen(machine, last).await.line.places.has_conflict(), "nobody sees it yet");
    }

    sync(&village, &yangshe).await;
    sync(&yangshe, &city).await;
    sync(&daxin, &city).await;
    // The city sees both at once: a work item, with the first claim first.
    let shen = reviewer(&city);
    let today = city.desk.today_for(&shen).await.expect("reads");
    assert_eq!((today.contested, today.cases.len()), (1, 2));
    let conflicts = city.desk.contested(&shen).await.expect("reads");
    let lines = &conflicts[0].bookings;
    assert_eq!((conflicts.len(), lines.len(), conflicts[0].untold), (1, 2, true));
    let seats: Vec<Seat> = lines.iter().map(|line| line.seat).collect();
    assert_eq!(seats, [Seat::Waits, Seat::Conflict { ahead: 1 }]);
    assert!(lines[0].row.claim.claimed < lines[1].row.claim.claimed);
    let (winner, loser) =
        if lines[0].row.claim.case == first { ((first, mine), (second, theirs)) } else { ((second, theirs), (first, mine)) };
    let page = city.page(&shen, loser.0).await;
    assert_eq!(page.projects.bookings[0].1, Some(Seat::Conflict { ahead: 1 }), "on the case, too");

    // Told to all, it shows everywhere, and nobody learns who the other one is.
    assert!(matches!(
        yangshe.act(&yangshe.clerk(), Command::TellOfPlaces { project: last }).await,
        Err(DeskError::NotPermitted { .. })
    ));
    city.done(&shen, Command::TellOfPlaces { project: last }).await;
    assert!(!seen(&city, last).await.untold);
    sync(&yangshe, &city).await;
    sync(&village, &yangshe).await;
    sync(&daxin, &city).await;
    let (of_loser, of_winner) = if loser.0 == first { (&village, &daxin) } else { (&daxin, &village) };
    let told = of_loser.page(&of_loser.clerk(), loser.0).await;
    assert_eq!(told.standing.bookings[0].contested, Some((1, 1)));
    assert!(told.turns.iter().any(|turn| turn.what == "核定名额冲突"));
    assert_eq!(seen(of_winner, last).await.bookings.len(), 1, "its own only");
    let story = format!("{:?}", told.standing);
    for secret in [winner.0.to_string(), if loser.0 == first { "钱先生".into() } else { "唐女士".into() }] {
        assert!(!story.contains(&secret), "{secret}");
    }

    // The city gives the place once. Out of turn only with a reason; then it is full, for whoever asks.
    assert!(matches!(confirm(&city, loser.0, &loser.1, "").await, Err(DeskError::Invalid { .. })), "the other came first");
    let done = confirm(&city, winner.0, &winner.1, "").await.expect("confirms");
    assert_eq!(done.message, "已确认，1 个名额已用 1 个");
    let full = confirm(&city, loser.0, &loser.1, "家中更急").await.expect_err("full");
    assert!(full.what().contains("名额已满"), "{full}");
    sync(&yangshe, &city).await;
    sync(&village, &yangshe).await;
    sync(&daxin, &city).await;
    let here = seen(of_loser, last).await;
    assert_eq!((here.line.places.all().taken, here.line.as_of.is_some()), (1, true), "as the city published it");
    let third = plea(of_loser, if loser.0 == first { VILLAGE } else { ELSEWHERE }, "孙某").await;
    let late = of_loser.step(&of_loser.clerk(), third, book(last)).await.expect_err("known to be full");
    assert!(late.what().contains("名额已满"), "{late}");

    // The family that has the place moves away; the place goes to the one that waited.
    let cancel = |reason: &str| CaseStep::CancelBooking { booking: winner.1.clone(), reason: reason.into() };
    assert!(matches!(of_winner.step(&of_winner.clerk(), winner.0, cancel(" ")).await, Err(DeskError::Invalid { .. })));
    of_winner.stepped(&of_winner.clerk(), winner.0, cancel("搬到外地")).await;
    sync(&village, &yangshe).await;
    sync(&yangshe, &city).await;
    sync(&daxin, &city).await;
    assert_eq!(seen(&city, last).await.line.places.all().taken, 0);
    assert!(city.desk.contested(&shen).await.expect("reads").is_empty());
    confirm(&city, loser.0, &loser.1, "").await.expect("confirms");
    sync(&yangshe, &city).await;
    sync(&village, &yangshe).await;
    sync(&daxin, &city).await;
    let page = of_loser.page(&of_loser.clerk(), loser.0).await;
    assert_eq!(page.standing.bookings[0].state, BookingState::Confirmed);
    assert!(page.turns.iter().any(|turn| turn.what == "登记参加情况" && turn.mine));
    let ended =
        CaseStep::EndBooking { booking: loser.1.clone(), attendance: Attendance::Attended, text: "愿意出门了".into() };
    of_loser.stepped(&of_loser.clerk(), loser.0, ended).await;
    for machine in [&yangshe, &village, &daxin] {
        sync(machine, if machine.number == VILLAGE { &yangshe } else { &city }).await;
    }
    sync(&yangshe, &city).await;
    let story = city.page(&shen, loser.0).await.standing;
    assert_eq!(story.bookings[0].state, BookingState::Ended);
    assert!(story.timeline.iter().all(|item| item.effect == Effect::Counts));
    for machine in [&city, &yangshe, &village, &daxin] {
        assert_eq!(machine.desk.readers().read(|reader| reader.compare_views()).expect("reads"), [] as [&str; 0]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_13_the_city_declines_with_a_reason_and_what_does_not_serve_the_village_is_not_booked() {
    let city = city().await;
    let clerk = city.clerk();
    let two = project(&city, "陪伴", "A5", "2", "320582100000").await;
    let (first, second, third) =
        (plea(&city, VILLAGE, "甲某").await, plea(&city, VILLAGE, "乙某").await, plea(&city, ELSEWHERE, "丙某").await);
    let refused = city.step(&clerk, third, book(two)).await.expect_err("another township");
    assert!(refused.what().contains("不服务这一区域"), "{refused}");
    assert!(!city.page(&clerk, third).await.projects.proposals[0].fit.fits(), "listed with the reason, not proposed");
    let too_many = CaseStep::Book { project: two, from: None, places: 3, whom: String::new(), note: String::new() };
    assert!(matches!(city.step(&clerk, first, too_many).await, Err(DeskError::Invalid { .. })));
    let pair = CaseStep::Book { project: two, from: None, places: 2, whom: "母子二人".into(), note: "行动不便".into() };
    city.stepped(&clerk, first, pair).await;
    let other = booked(&city, second, two).await;
    let booking = city.page(&clerk, first).await.standing.bookings[0].id.clone();

    // A clerk gives no places; what was confirmed told the one that no longer fits, in the same step.
    let by_clerk = CaseStep::ConfirmBooking { booking: booking.clone(), note: String::new() };
    let intake = city.person("zhang", &[Role::Intake]);
    assert!(matches!(city.step(&intake, first, by_clerk).await, Err(DeskError::NotPermitted { .. })));
    confirm(&city, first, &booking, "").await.expect("confirms");
    assert_eq!(city.page(&clerk, second).await.standing.bookings[0].contested, Some((2, 2)));
    let decline = |reason: &str| CaseStep::DeclineBooking { booking: other.clone(), reason: reason.into() };
    assert!(matches!(city.step(&reviewer(&city), second, decline("")).await, Err(DeskError::Invalid { .. })));
    let close = CaseStep::Close { result: "已答复".into() };
    assert!(matches!(city.step(&clerk, second, close).await, Err(DeskError::NotNow { .. })), "a claim is open");
    city.stepped(&reviewer(&city), second, decline("本期名额已满，请约下一期")).await;
    let page = city.page(&clerk, second).await;
    assert_eq!(page.standing.bookings[0].reason, "本期名额已满，请约下一期");
    assert!(city.desk.contested(&clerk).await.expect("reads").is_empty());

    // What is left in the period cannot be cut below what was given; more of it is more for everybody.
    let change = |pairs: &[(&str, &str)]| Command::ChangeProject { record: two, values: values(pairs), seen_heads: Vec::new() };
    let cut = city.act(&reviewer(&city), change(&[("capacity", "1")])).await;
    assert!(matches!(&cut, Err(DeskError::Invalid { faults }) if faults[0].field == "capacity"), "{cut:?}");
    city.done(&reviewer(&city), change(&[("capacity", "4"), ("open", "否")])).await;
    let page = seen(&city, two).await;
    assert_eq!((page.line.left(), page.line.running, page.history[0].changes.len()), (2, false, 2));
    assert_eq!((page.history[0].changes[0].was.as_str(), page.history[0].changes[0].now.as_str()), ("2", "4"));
    let closed = city.step(&clerk, second, book(two)).await.expect_err("closed");
    assert!(closed.what().contains("不再接受预约"), "{closed}");

    // The annual file has the assessment.
    let household = city.household("zhao").await;
    let case = city.open_case(&clerk, application(household)).await;
    city.stepped(&clerk, case, CaseStep::AssessNeeds { needs: vec!["就业".into()], text: String::new() }).await;
    let file = city.desk.annual(&clerk, household, 2019).await.expect("a file").file;
    assert_eq!((file.needs[0].need.what, file.needs[0].need.text.as_str()), ("需求评估", "就业"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_13_a_machine_that_does_not_decide_and_a_form_that_is_old_change_nothing() {
    let city = city().await;
    let yangshe = Machine::new(YANGSHE).await;
    let one = project(&city, "陪伴", "A5", "1", "").await;
    sync(&yangshe, &city).await;
    let console = yangshe.desk.console().await.expect("a console");
    for command in [
        Command::AddProject { values: values(&[("name", "私设")]) },
        Command::ChangeProject { record: one, values: values(&[("capacity", "9")]), seen_heads: Vec::new() },
    ] {
        assert!(matches!(yangshe.act(&console, command).await, Err(DeskError::NotPermitted { .. })), "the city's matter");
    }
    let wrong =
        city.act(&reviewer(&city), Command::AddProject { values: values(&[("kind", "Z9"), ("until", "2019-01-01")]) }).await;
    let Err(DeskError::Invalid { faults }) = wrong else { panic!("refused") };
    let fields: Vec<&str> = faults.iter().map(|fault| fault.field.as_str()).collect();
    assert_eq!(fields, ["kind", "capacity", "from", "name", "provider"]);

    let heads = seen(&city, one).await.heads;
    let by = |heads: &[String], text: &str| Command::ChangeProject {
        record: one,
        values: values(&[("contact", text)]),
        seen_heads: heads.to_vec(),
    };
    city.done(&reviewer(&city), by(&heads, "王某 0512")).await;
    let old = city.act(&reviewer(&city), by(&heads, "李某 0513")).await;
    assert!(matches!(&old, Err(DeskError::Conflict { changed }) if changed[0].now == "王某 0512"), "{old:?}");
    let now = seen(&city, one).await.heads;
    city.done(&reviewer(&city), by(&now, "李某 0513")).await;
    let case = plea(&yangshe, VILLAGE, "甲某").await;
    booked(&yangshe, case, one).await;
    assert!(!yangshe.page(&yangshe.clerk(), case).await.possible.contains(&EventKind::BookingConfirmed));
    // Nor does the log take it past the Desk.
    let place = Place { area: area(CITY), lane: Lane::Registry, floor: Tier::Village };
    let edit = shouwang_protocol::records::project::publish(1, &BTreeMap::new(), Day(18_000));
    let drafts = vec![Draft { place, record: RecordRef::Known(one), edit }];
    let forged = Action { id: id(), staff: "wang".into(), claimed_ms: 0, shown: Vec::new(), drafts };
    assert!(yangshe.desk.writer().commit(vec![forged]).await.is_err());
}

const JULY: &str = "2019-07-01";
const AUGUST: &str = "2019-08-01";
const DIVISION: &str = "320582100000 2019-07-01 2019-07-31 1
320582100000 2019-08-01 2019-08-31 2
320582107000 2019-07-01 2019-07-31 1";

/// A project whose places are divided so.
async fn divided(city: &Machine, shares: &str) -> Result<RecordId, DeskError> {
    let values = values(&[
        ("name", "精神康复陪伴"),
        ("kind", "A5"),
        ("provider", "社工服务中心"),
        ("from", "2019-06-01"),
        ("until", "2019-12-31"),
        ("shares", shares),
    ]);
    Ok(city.act(&reviewer(city), Command::AddProject { values }).await?.records[0])
}

fn book_in(project: RecordId, from: Option<&str>) -> CaseStep {
    let from = from.map(|day| Day::parse(day).expect("a day"));
    CaseStep::Book { project, from, places: 1, whom: String::new(), note: String::new() }
}

/// Of each row that a page shows: places, taken, waiting, lacking.
fn rows(page: &ProjectPage) -> Vec<[u32; 4]> {
    page.line.rows.iter().map(|row| [row.sums.places, row.sums.taken, row.sums.waiting, row.sums.lacking]).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_13_places_are_given_by_area_and_period_and_a_conflict_in_one_row_leaves_the_others_alone() {
    let city = city().await;
    let (yangshe, village, daxin) = (Machine::new(YANGSHE).await, Machine::new(VILLAGE).await, Machine::new(DAXIN).await);
    let shared = divided(&city, DIVISION).await.expect("a project");
    sync(&yangshe, &city).await;
    sync(&village, &yangshe).await;
    sync(&daxin, &city).await;

    // Offline, the village is offered the two months of its township, and says which; 大新 has one and need not.
    let first = plea(&village, VILLAGE, "唐女士").await;
    let clerk = village.clerk();
    let page = village.page(&clerk, first).await;
    let offered = &page.projects.proposals[0];
    let months: Vec<String> = offered.fit.rows.iter().filter_map(|(row, _)| Some(row.id?.from.to_string())).collect();
    assert_eq!((months, offered.fit.left(), offered.line.left()), (vec![JULY.into(), AUGUST.into()], 3, 3));
    for (from, why) in [(None, "须选择时段"), (Some("2019-09-01"), "不在分配的区域或时段内")] {
        let refused = village.step(&clerk, first, book_in(shared, from)).await.expect_err("no such period");
        assert!(matches!(&refused, DeskError::Invalid { faults } if faults[0].field == "from"), "{refused:?}");
        assert!(refused.what().contains(why), "{refused}");
    }
    village.stepped(&clerk, first, book_in(shared, Some(JULY))).await;
    let again = village.step(&clerk, first, book_in(shared, Some(JULY))).await.expect_err("twice");
    assert!(again.what().contains("已经预约"), "{again}");
    // So do the township, for its other village, and 大新.
    let second = plea(&yangshe, 5, "钱先生").await;
    yangshe.stepped(&yangshe.clerk(), second, book_in(shared, Some(JULY))).await;
    let third = plea(&daxin, ELSEWHERE, "孙某").await;
    daxin.stepped(&daxin.clerk(), third, book_in(shared, None)).await;
    for machine in [&village, &yangshe, &daxin] {
        assert!(!seen(machine, shared).await.line.places.has_conflict(), "nobody sees it yet");
    }

    // The city sees the last place of one July asked for twice; the other July and August are untouched.
    sync(&village, &yangshe).await;
    sync(&yangshe, &city).await;
    sync(&daxin, &city).await;
    let shen = reviewer(&city);
    let page = &city.desk.contested(&shen).await.expect("reads")[0];
    assert_eq!(rows(page), [[1, 0, 1, 1], [2, 0, 0, 0], [1, 0, 1, 0]]);
    assert_eq!(page.line.rows[0].place, "杨舍镇");
    let lines: Vec<_> = page.bookings.iter().map(|line| (line.row.claim.case, line.seat, line.share.as_str())).collect();
    let (_, loser_seat, row) = *lines.iter().find(|(_, seat, _)| matches!(seat, Seat::Conflict { .. })).expect("one");
    assert_eq!((loser_seat, row), (Seat::Conflict { ahead: 1 }, "杨舍镇 2019-07-01 至 2019-07-31"));
    assert!(lines.contains(&(third, Seat::Waits, "大新镇 2019-07-01 至 2019-07-31")));
    let of_loser = |(case, seat, _): &&(CaseId, Seat, &str)| *case != third && *seat != Seat::Waits;
    let loser = lines.iter().find(of_loser).expect("one").0;
    let winner = if loser == first { second } else { first };
    let booking = async |case: CaseId| city.page(&shen, case).await.standing.bookings[0].id.clone();
    city.done(&shen, Command::TellOfPlaces { project: shared }).await;
    assert_eq!(city.page(&shen, loser).await.standing.bookings[0].contested, Some((1, 1)));

    // The city gives each row's place once.
    let given = confirm(&city, winner, &booking(winner).await, "").await.expect("confirms");
    assert_eq!(given.message, "已确认，1 个名额已用 1 个");
    let full = confirm(&city, loser, &booking(loser).await, "更急").await.expect_err("full");
    assert!(full.what().contains("名额已满：杨舍镇 2019-07-01 至 2019-07-31"), "{full}");
    confirm(&city, third, &booking(third).await, "").await.expect("confirms");
    let story = city.page(&shen, winner).await.standing;
    assert_eq!((story.bookings[0].seat, story.bookings[0].until), (Some((1, 1)), Day::parse("2019-07-31")));

    // Without a network the village knows what is left in its rows, of the others what the city published, as of a day.
    sync(&yangshe, &city).await;
    sync(&village, &yangshe).await;
    let page = seen(&village, shared).await;
    let taken: Vec<u32> = page.line.rows.iter().map(|row| row.sums.taken).collect();
    assert_eq!((taken, page.line.left(), page.line.as_of.is_some()), (vec![1, 0, 1], 2, true));
    assert_eq!(page.line.rows.iter().map(|row| row.own).collect::<Vec<_>>(), [true, true, false]);
    let late = plea(&village, VILLAGE, "李某").await;
    let refused = village.step(&clerk, late, book_in(shared, Some(JULY))).await.expect_err("known to be full");
    assert!(refused.what().contains("2019-07-31名额已满"), "{refused}");
    village.stepped(&clerk, late, book_in(shared, Some(AUGUST))).await;
    sync(&village, &yangshe).await;
    sync(&yangshe, &city).await;
    confirm(&city, late, &booking(late).await, "").await.expect("August is free");
    assert_eq!(rows(&seen(&city, shared).await), [[1, 1, 0, 1], [2, 1, 0, 0], [1, 1, 0, 0]]);
    // What July has left, nobody can have in August.
    village.on("2019-08-01");
    let sums = seen(&village, shared).await.line.sums;
    assert_eq!((sums.places, sums.left()), (2, 1));
    for machine in [&city, &yangshe, &village, &daxin] {
        assert_eq!(machine.desk.readers().read(|reader| reader.compare_views()).expect("reads"), [] as [&str; 0]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_13_a_division_that_does_not_fit_or_takes_back_given_places_is_refused_with_its_row() {
    let city = city().await;
    let shen = reviewer(&city);
    for (shares, why) in [
        ("320582999000 2019-07-01 2019-07-31 1", "没有这一区划"),
        ("320582100000 2019-07-01 2019-07-31 0", "第 1 行：名额应为"),
        ("320582100000 2019-05-01 2019-07-31 1", "早于项目的开始日期"),
        (
            "320582100000 2019-07-01 2019-07-31 1\n320582100201 2019-07-31 2019-08-31 1",
            "与“杨舍镇 2019-07-01 至 2019-07-31”的时间重叠",
        ),
        ("全市 2019-07-01 2019-12-31 1\n320582100000 2019-07-01 2019-07-31 1", "与“全市 2019-07-01 至 2019-12-31”的时间重叠"),
    ] {
        let refused = divided(&city, shares).await.expect_err(why);
        assert!(matches!(&refused, DeskError::Invalid { faults } if faults[0].field == "shares"), "{refused:?}");
        assert!(refused.what().contains(why), "{refused}");
    }
    let shared = divided(&city, DIVISION).await.expect("a project");
    let case = plea(&city, VILLAGE, "甲某").await;
    city.stepped(&city.clerk(), case, book_in(shared, Some(JULY))).await;
    let booking = city.page(&shen, case).await.standing.bookings[0].id.clone();
    confirm(&city, case, &booking, "").await.expect("confirms");

    let heads = seen(&city, shared).await.heads;
    let change = |pairs: &[(&str, &str)], heads: &[String]| Command::ChangeProject {
        record: shared,
        values: values(pairs),
        seen_heads: heads.to_vec(),
    };
    let without_july = DIVISION.lines().skip(1).collect::<Vec<_>>().join("\n");
    for (pairs, field, why) in [
        ([("shares", without_july.as_str()), ("open", "是")], "shares", "“杨舍镇 2019-07-01 至 2019-07-31”：已确认 1 个名额"),
        ([("shares", ""), ("capacity", "9")], "shares", "已确认 1 个名额"),
        ([("capacity", "9"), ("open", "是")], "capacity", "总数是各行之和"),
        ([("areas", "320582107000"), ("open", "是")], "shares", "不在项目的服务区域内"),
        ([("until", "2019-08-15"), ("open", "是")], "shares", "晚于它的结束日期"),
    ] {
        let refused = city.act(&shen, change(&pairs, &[])).await.expect_err(why);
        assert!(matches!(&refused, DeskError::Invalid { faults } if faults[0].field == field), "{refused:?}");
        assert!(refused.what().contains(why), "{refused}");
    }
    // More is more, and what others divided meanwhile is shown in words before it is written over.
    let more = DIVISION.replacen("2019-07-31 1", "2019-07-31 4", 1);
    city.done(&shen, change(&[("shares", &more)], &heads)).await;
    let page = seen(&city, shared).await;
    assert_eq!((page.line.row.project.capacity, page.line.left()), (7, 6));
    let now = "杨舍镇 2019-07-01 至 2019-07-31 4 个；杨舍镇 2019-08-01 至 2019-08-31 2 个；大新镇 2019-07-01 至 2019-07-31 1 个";
    assert!(page.history[0].changes.iter().any(|change| change.field == "shares" && change.now == now), "{:?}", page.history[0]);
    let old = city.act(&shen, change(&[("shares", &format!("{more}\n全市 2019-12-01 2019-12-31 1"))], &heads)).await;
    assert!(matches!(&old, Err(DeskError::Conflict { changed }) if changed.iter().any(|field| field.now == now)), "{old:?}");
    // A project that gave places as one lot is not divided any more; one that gave none is, and back again.
    let flat = project(&city, "陪伴", "A5", "2", "").await;
    let all = |text: &str| Command::ChangeProject { record: flat, values: values(&[("shares", text)]), seen_heads: Vec::new() };
    let given = booked(&city, case, flat).await;
    city.done(&shen, all("全市 2019-07-01 2019-07-31 5")).await;
    assert!(matches!(seen(&city, flat).await.bookings[0].seat, Seat::Conflict { .. }), "asked for before it was divided");
    let rowless = confirm(&city, case, &given, "家中更急").await.expect_err("of no row");
    assert!(rowless.what().contains("没有这一预约的一行"), "{rowless}");
    city.done(&shen, all("")).await;
    assert_eq!(seen(&city, flat).await.line.row.project.capacity, 5);
    confirm(&city, case, &given, "").await.expect("confirms");
    let refused = city.act(&shen, all("全市 2019-07-01 2019-07-31 5")).await.expect_err("given as one lot");
    assert!(refused.what().contains("未分配时已确认 1 个名额"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_13_five_confirmations_at_once_give_two_places_and_no_more() {
    let city = city().await;
    let two = project(&city, "陪伴", "A5", "2", "").await;
    let mut asked = Vec::new();
    for who in ["甲某", "乙某", "丙某", "丁某", "戊某"] {
        let case = plea(&city, VILLAGE, who).await;
        asked.push((case, booked(&city, case, two).await));
    }
    let shen = reviewer(&city);
    let at_once = asked.iter().cloned().map(|(case, booking)| {
        let (desk, shen) = (city.desk.clone(), shen.clone());
        let step = CaseStep::ConfirmBooking { booking, note: "家中更急".into() };
        tokio::spawn(async move { desk.perform(&shen, id(), Command::Case { case, step }).await })
    });
    let mut given = 0;
    for done in at_once.collect::<Vec<_>>() {
        match done.await.expect("answers") {
            Ok(_) => given += 1,
            Err(error) => assert!(error.what().contains("名额已满"), "{error}"),
        }
    }
    let page = seen(&city, two).await;
    assert_eq!((given, page.line.places.all().taken, page.line.row.project.taken.map(|(taken, _)| taken)), (2, 2, Some(2)));
    let conflicts = page.bookings.iter().filter(|line| matches!(line.seat, Seat::Conflict { .. }));
    assert_eq!((conflicts.count(), page.untold), (3, false), "the rest was told in the same steps");
    // A confirmation taken back frees the place; the offices below see so once it is published.
    let first = page.bookings.iter().find(|line| line.seat == Seat::Has).expect("one").row.claim.case;
    let story = city.page(&shen, first).await.standing;
    let given = story.timeline.iter().find(|item| item.event.what.kind() == Some(EventKind::BookingConfirmed)).expect("one");
    city.stepped(&shen, first, CaseStep::TakeBack { event: given.id.clone(), reason: "点错了".into() }).await;
    let page = seen(&city, two).await;
    assert_eq!(
        (page.line.places.all().taken, page.line.row.project.taken.map(|(taken, _)| taken), page.untold),
        (1, Some(2), true)
    );
    city.done(&shen, Command::TellOfPlaces { project: two }).await;
    assert_eq!(seen(&city, two).await.line.row.project.taken.map(|(taken, _)| taken), Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_14_the_dictionary_is_edited_by_the_city_only_and_old_cases_keep_their_words() {
    let pack = sample();
    assert_eq!((pack.project_classes.len(), pack.project_kinds.len(), pack.sample), (4, 24, true));
    for class in &pack.project_classes {
        assert_eq!(pack.project_kinds.iter().filter(|kind| kind.class == class.code).count(), 6, "{}", class.name);
    }
    let city = city().await;
    let (yangshe, village) = (Machine::new(YANGSHE).await, Machine::new(VILLAGE).await);
    let one = project(&city, "陪伴", "A5", "3", "").await;
    sync(&yangshe, &city).await;
    sync(&village, &yangshe).await;
    let case = plea(&village, VILLAGE, "唐女士").await;
    booked(&village, case, one).await;

    // Another name for the kind, another need that it answers, a twenty-fifth kind: a new pack, by the city alone.
    let kind = ProjectKind { name: "康复同行".into(), ..pack.project_kind("A5").expect("listed").clone() };
    let new = ProjectKind {
        class: "D".into(),
        code: "D7".into(),
        name: "夜间看护".into(),
        needs: vec!["日常照料".into()],
        source: "样例".into(),
    };
    let need = Code { code: "精神康复".into(), name: "精神障碍康复".into(), source: "样例".into() };
    let mut revision = of_row("2019-06-01", "needs", need);
    for kind in [kind, new] {
        let rows = of_row("2019-06-01", "project_kinds", kind).rows;
        rows.into_iter().for_each(|(section, rows)| revision.rows.entry(section).or_default().extend(rows));
    }
    let below = yangshe.desk.console().await.expect("a console");
    let refused = yangshe.act(&below, Command::RevisePolicy(revision.clone())).await;
    assert!(matches!(refused, Err(DeskError::NotPermitted { .. })));
    let gao = city.person("gao", &[Role::Administrator]);
    let stray = ProjectKind {
        class: "Z".into(),
        code: "Z1".into(),
        name: "无处可归".into(),
        needs: vec!["没有".into()],
        source: "样例".into(),
    };
    let wrong = of_row("2019-06-01", "project_kinds", stray);
    let Err(DeskError::Invalid { faults }) = city.act(&gao, Command::RevisePolicy(wrong)).await else { panic!("refused") };
    assert_eq!(faults.len(), 2, "neither its class nor its need is listed");
    city.done(&gao, Command::RevisePolicy(revision)).await;
    sync(&yangshe, &city).await;
    sync(&village, &yangshe).await;

    let clerk = village.clerk();
    let library = village.desk.projects(&clerk, None).await.expect("the library");
    assert_eq!((library.pack.project_kinds.len(), library.lines[0].kind.as_str()), (24, "精神康复陪伴"), "not yet");
    village.on("2019-06-01");
    let library = village.desk.projects(&clerk, None).await.expect("the library");
    assert_eq!((library.pack.project_kinds.len(), library.lines[0].kind.as_str()), (25, "康复同行"));
    assert!(!library.may_edit);
    let page = village.page(&clerk, case).await;
    assert_eq!(page.standing.bookings[0].service, "精神康复陪伴", "the booking keeps its words");
    assert_eq!(page.standing.needs.as_ref().map(|needs| needs.names.as_slice()), Some(&["精神康复".to_owned()][..]));
    assert_eq!(page.projects.proposals[0].fit.needs, ["精神障碍康复"], "what is proposed today speaks today's words");
    let old = village.desk.policies(&clerk, Some(pack.version.clone())).await.expect("kept");
    assert_eq!(old.pack.project_kind("A5").map(|kind| kind.name.as_str()), Some("精神康复陪伴"));
    village.stepped(&clerk, case, CaseStep::AssessNeeds { needs: vec!["精神康复".into()], text: String::new() }).await;
    let again = village.page(&clerk, case).await.standing.needs.expect("assessed");
    assert_eq!(again.names, ["精神障碍康复"]);
    let unknown = CaseStep::AssessNeeds { needs: vec!["没有".into()], text: String::new() };
    assert!(matches!(village.step(&clerk, case, unknown).await, Err(DeskError::Invalid { .. })));
}
