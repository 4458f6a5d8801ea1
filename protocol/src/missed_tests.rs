//! Missed: what is found, what answers it, and what makes it come again.

use super::*;
use crate::records::household::Household;
use crate::records::import::{check_row, create, set};
use crate::records::policy::sample;
use crate::records::run;
use crate::records::screening::Screened;
use automerge::{ActorId, Automerge};
use serde_json::json;

fn day(text: &str) -> Day {
    Day::parse(text).expect("a day")
}

/// A household on the edge of 低保 with somebody who is ill and an unsafe house.
fn doc() -> Automerge {
    let row = json!({
        "id": "a", "region": "320582001001", "head": "王某", "type": "低保边缘户", "income_annual": 12_000, "house_safe": "C级",
        "members": [{"name": "王某", "relation": "户主", "birth": "1950-05-01", "health": "患有大病", "labor": "丧失劳动力", "insured": true}],
    });
    let row = check_row(row.as_object().expect("an object"), |_| true).expect("fits");
    let mut doc = Automerge::new().with_actor(ActorId::from([1; 16]));
    for edit in create(&row) {
        run(&mut doc, edit).expect("writes");
    }
    doc
}

fn found(doc: &Automerge, had: &[&str], today: &str) -> Vec<Missed> {
    let had = had.iter().map(|name| (*name).to_owned()).collect();
    missed(&sample(), &Household::read(doc), &had, day(today))
}

fn kinds(found: &[Missed]) -> Vec<&str> {
    found.iter().map(|one| one.kind.as_str()).collect()
}

#[test]
fn what_fits_by_the_data_and_was_not_had_is_found_with_its_reasons() {
    let doc = doc();
    let all = found(&doc, &[], "2019-05-29");
    assert!(kinds(&all).contains(&"住房救助") && kinds(&all).contains(&"医疗救助"), "{:?}", kinds(&all));
    let illness = all.iter().find(|one| one.kind == "医疗救助").expect("found");
    let reason = &illness.reasons[0];
    assert_eq!(reason.name, "门诊慢性病、特殊病救助");
    assert!(
        reason.holds.iter().any(|(text, used)| text == "有人患大病或慢性病" && used.contains("患大病或慢性病 是")),
        "{reason:?}"
    );
    let less = found(&doc, &["危房改造补助", "医疗救助"], "2019-05-29");
    assert!(!kinds(&less).contains(&"住房救助") && !kinds(&less).contains(&"医疗救助"), "{:?}", kinds(&less));
    assert!(kinds(&all).contains(&"最低生活保障"), "below 1.5 times the standard with a member who is ill");
    assert!(!kinds(&found(&doc, &["特困供养金"], "2019-05-29")).contains(&"最低生活保障"), "what excludes it was had");
}

#[test]
fn an_outcome_answers_until_the_data_it_was_based_on_change() {
    let mut doc = doc();
    let before = Household::read(&doc);
    let of = |doc: &Automerge, today: &str| found(doc, &[], today).into_iter().find(|one| one.kind == "住房救助").expect("found");
    let screen = |doc: &mut Automerge, outcome: Screened| {
        let basis = of(doc, "2019-05-29").basis;
        let (outcome, note) = (outcome.word().to_owned(), "另有住房".to_owned());
        let screening =
            Screening { outcome, note, basis, day: day("2019-05-29"), name: "王某".into(), office: "甲村".into() };
        run(doc, screening.note("住房救助")).expect("writes");
    };
    assert!(!of(&doc, "2019-05-29").answered);
    screen(&mut doc, Screened::NotEligible);
    assert!(of(&doc, "2019-05-29").answered && of(&doc, "2021-01-01").answered, "no month opens it again");
    let after = Household::read(&doc);
    assert_eq!((after.row(), after.problems.len()), (before.row(), before.problems.len()), "it is no field of the file");
    run(&mut doc, set("phone", &"13800000000".into()).expect("fits")).expect("writes");
    assert!(of(&doc, "2019-06-01").answered, "a telephone number is not what it was based on");
    run(&mut doc, set("house_safe", &"D级".into()).expect("fits")).expect("writes");
    let again = of(&doc, "2019-06-01");
    assert!(!again.answered && again.screening.is_some(), "the house has changed, and what was said before is shown");
    screen(&mut doc, Screened::Later);
    assert!(of(&doc, "2019-05-31").answered && !of(&doc, "2019-06-01").answered, "what was put off comes again");
}

#[test]
fn of_outcomes_written_at_the_same_time_all_replicas_show_the_same() {
    let doc = doc();
    let note = |actor: u8, note: &str| {
        let mut fork = doc.clone().with_actor(ActorId::from([actor; 16]));
        let basis = "00".to_owned();
        let (outcome, note) = ("later".to_owned(), note.to_owned());
        let screening = Screening { outcome, note, basis, day: day("2019-05-29"), name: String::new(), office: String::new() };
        run(&mut fork, screening.note("住房救助")).expect("writes");
        fork
    };
    let (mut a, mut b) = (note(2, "甲"), note(3, "乙"));
    let (one, two) = (a.clone(), b.clone());
    a.merge(&mut two.clone()).expect("merges");
    b.merge(&mut one.clone()).expect("merges");
    let (a, b) = (Household::read(&a), Household::read(&b));
    assert_eq!((&a.screened, a.conflicts.len()), (&b.screened, 0));
}
