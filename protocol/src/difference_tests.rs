//! The difference: what is found is compared with what was declared that day, and the order of answers does not matter.

use super::*;
use crate::device::OfficeId;
use crate::record::CaseId;
use crate::records::OpId;
use crate::records::import::{check_row, create};
use crate::records::run;
use crate::records::verification::{Asked, supporter};
use automerge::{ActorId, Automerge};
use proptest::prelude::*;

fn day(text: &str) -> Day {
    Day::parse(text).expect("a day")
}

fn found(person: &str, source: &str, measure: &str, value: i64) -> Answer {
    let count = matches!(super::measure(measure), Some(Measure { unit: Unit::Count, .. }));
    Answer {
        id: Some(OpId { counter: 1, actor: ActorId::from([1; 16]) }),
        person: person.into(),
        source: source.into(),
        outcome: Outcome::Found,
        measure: measure.into(),
        subject: String::new(),
        amount: (!count).then_some(Fen(value)),
        count: count.then(|| u32::try_from(value).expect("small")),
        text: String::new(),
        as_of: day("2026-06-01"),
        day: None,
        by: OfficeId(1),
        staff: "z".into(),
        name: "张某".into(),
    }
}

fn nothing(person: &str, source: &str, measure: &str) -> Answer {
    Answer { outcome: Outcome::Nothing, amount: None, count: None, ..found(person, source, measure, 0) }
}

fn check(declared: &[(&str, i64)], answers: Vec<Answer>) -> Verification {
    let people = ["父", "子"].map(|name| Asked { person: name.into(), name: name.into() }).to_vec();
    let people = [people, vec![Asked { person: supporter("丁", "姑母"), name: "丁".into() }]].concat();
    let sources = ["银行", "税务", "车船"].map(str::to_owned).to_vec();
    let declared = declared.iter().map(|(measure, value)| ((*measure).to_owned(), *value)).collect();
    Verification { answers, ..Verification::begin(&CaseId([1; 16]), "HD1", people, sources, declared) }
}

fn of<'a>(report: &'a Report, measure: &str) -> &'a Line {
    report.lines.iter().find(|line| line.measure == measure).expect("a line")
}

#[test]
fn the_accounts_of_all_members_are_added_and_set_against_what_was_declared() {
    let second = Answer { subject: "农商行".into(), as_of: day("2026-05-20"), ..found("父", "银行", "存款", 30_000) };
    let answers = vec![
        found("父", "银行", "存款", 500_000),
        second,
        found("子", "银行", "存款", 70_000),
        found("父", "税务", "工资性收入", 1_100_000),
        nothing("子", "税务", "工资性收入"),
        found("父", "车船", "车船", 1),
        nothing("子", "车船", "车船"),
        // Not this family's.
        found(&supporter("丁", "姑母"), "银行", "存款", 9_000_000),
        found("路人", "银行", "存款", 9_000_000),
    ];
    let report = report(&check(&[("存款", 100_000), ("工资性收入", 1_200_000), ("经营净收入", 5)], answers), Fen(0));
    let deposits = of(&report, "存款");
    assert_eq!((deposits.found, deposits.difference, deposits.compared), (Some(600_000), Some(500_000), Compared::More));
    assert_eq!(deposits.as_of, Some((day("2026-05-20"), day("2026-06-01"))));
    let wage = of(&report, "工资性收入");
    assert_eq!((wage.difference, wage.compared), (Some(-100_000), Compared::Less));
    assert_eq!((of(&report, "车船").declared, of(&report, "车船").compared), (None, Compared::More), "never declared");
    assert_eq!(of(&report, "经营净收入").compared, Compared::NotTold);
    assert_eq!((report.supporters.len(), report.waiting, report.agreement()), (1, 2, Agreement::Differs));
}

#[test]
fn what_the_pack_lets_pass_is_no_difference_and_silence_is_no_agreement() {
    let all = |amount| {
        let mut answers = vec![found("父", "银行", "存款", amount)];
        for person in ["父", "子", &supporter("丁", "姑母")] {
            for (source, measure) in [("银行", "存款"), ("税务", "工资性收入"), ("车船", "车船")] {
                if (person, source) != ("父", "银行") {
                    answers.push(nothing(person, source, measure));
                }
            }
        }
        answers
    };
    let said = |answers, allowed| report(&check(&[("存款", 100_000)], answers), Fen(allowed)).agreement();
    assert_eq!(said(all(100_000), 0), Agreement::Same);
    assert_eq!(said(all(100_001), 0), Agreement::Differs);
    assert_eq!(said(all(100_001), 1), Agreement::Same);
    assert_eq!(said(all(50_000), 0), Agreement::Same, "less than declared is not against the family");
    let mut missing = all(100_000);
    missing.pop();
    assert_eq!(said(missing, 0), Agreement::Unclear);
    let mut shut = all(100_000);
    shut[1].outcome = Outcome::Unavailable;
    assert_eq!(said(shut, 0), Agreement::Unclear);
    let mut wordy = all(100_000);
    (wordy[0].amount, wordy[0].text) = (None, "有一笔定期".into());
    assert_eq!(said(wordy, 0), Agreement::Unclear);
}

#[test]
fn a_household_declares_by_field_and_what_it_lacks_it_does_not_declare() {
    let mut doc = Automerge::new().with_actor(ActorId::from([1; 16]));
    let row = serde_json::json!({
        "id": "a", "region": "320582100201", "head": "某", "income_wage": 12_000, "deposits": 800.5, "vehicles": 2, "members": [], "aid": [],
    });
    let row = check_row(row.as_object().expect("an object"), |_| true).expect("a row");
    for change in create(&row) {
        run(&mut doc, change).expect("writes");
    }
    let declared = declared(&Household::read(&doc));
    let expected = [("工资性收入", 1_200_000), ("存款", 80_050), ("车船", 2)];
    assert_eq!(declared, expected.map(|(measure, value)| (measure.to_owned(), value)).into());
}

fn any_answer() -> impl Strategy<Value = Answer> {
    let person = prop::sample::select(vec!["父".to_owned(), "子".to_owned(), supporter("丁", "姑母"), "路人".to_owned()]);
    let pair = prop::sample::select(vec![("银行", "存款"), ("税务", "工资性收入"), ("车船", "车船"), ("保险", "商业保险")]);
    let outcome = prop::sample::select(vec![Outcome::Found, Outcome::Nothing, Outcome::Unavailable]);
    let subject = prop::sample::select(vec!["", "甲", "乙"]);
    (person, pair, outcome, subject, 0..1_000_i64, 20_000..20_004_i32).prop_map(
        |(person, (source, measure), outcome, subject, value, as_of)| Answer {
            outcome,
            subject: subject.into(),
            as_of: Day(as_of),
            ..found(&person, source, measure, value)
        },
    )
}

proptest! {
    #[test]
    fn answers_in_any_order_give_the_same_report(
        (answers, shuffled) in prop::collection::vec(any_answer(), 0..24).prop_flat_map(|mut answers| {
            for (counter, answer) in answers.iter_mut().enumerate() {
                answer.id = Some(OpId { counter: counter as u64 + 1, actor: ActorId::from([1; 16]) });
            }
            (Just(answers.clone()), Just(answers).prop_shuffle())
        }),
        deposits in prop::option::of(0..1_000_i64),
    ) {
        let declared: Vec<(&str, i64)> = deposits.map(|value| ("存款", value)).into_iter().collect();
        let (one, two) = (check(&declared, answers.clone()), check(&declared, shuffled));
        let told = report(&one, Fen(10));
        prop_assert_eq!(&told, &report(&two, Fen(10)));
        // Told twice is told once.
        let again = check(&declared, [answers.clone(), answers].concat());
        prop_assert_eq!(told, report(&again, Fen(10)));
    }
}
