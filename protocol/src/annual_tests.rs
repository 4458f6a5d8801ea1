use super::*;
use crate::records::event::Finding;
use crate::records::import::{add_aid, check_row, create};
use crate::records::run;
use crate::standing::{Decision, Payment, Payout, PayoutState, Stage};
use automerge::ActorId;
use automerge::Automerge;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn day(text: &str) -> Day {
    Day::parse(text).expect("a day")
}

fn op(counter: u64) -> OpId {
    OpId { counter, actor: ActorId::from([9; 16]) }
}

fn row(aid: &Value) -> Map<String, Value> {
    let row = json!({
        "id": "a", "region": "320582100201", "head": "张三", "head_id_no": "34052419800101001X", "type": "低保户", "cause": "因病",
        "address": "一组", "income_annual": 12_000,
        "members": [{"name": "张三", "relation": "户主", "id_no": "34052419800101001X"}], "aid": aid,
    });
    row.as_object().expect("an object").clone()
}

/// A record and the days its changes were written on.
struct Kept {
    doc: Automerge,
    written: BTreeMap<ChangeHash, Day>,
}

impl Kept {
    fn begun(on: &str, aid: &Value) -> Kept {
        let mut kept = Kept { doc: Automerge::new().with_actor(ActorId::from([1; 16])), written: BTreeMap::new() };
        let row = check_row(&row(aid), |_| true).expect("fits");
        for edit in create(&row) {
            kept.edit(on, edit);
        }
        kept
    }

    fn edit(&mut self, on: &str, edit: crate::records::Edit) {
        if let Some(hash) = run(&mut self.doc, edit).expect("edits") {
            self.written.insert(hash, day(on));
        }
    }

    fn aid(&mut self, on: &str, row: Value) {
        self.edit(on, add_aid(row.as_object().expect("an object")).expect("fits"));
    }

    fn file(&self, year: i32, today: &str, cases: &[CaseOf<'_>]) -> AnnualFile {
        let then = Then::of(&self.doc, &self.written, last_day(year));
        file(&RecordId(Hash([3; 32])), year, day(today), Household::read(&self.doc), then, cases)
    }
}

fn grant(number: &str, kind: &str, on: &str, fen: i64) -> Standing {
    let decision = Decision {
        id: op(1),
        outcome: Verdict::Approved,
        amount: Fen(fen),
        reason: String::new(),
        formula: String::new(),
        tier: crate::area::Tier::City,
        staff: "chen".into(),
        day: Some(day(on)),
        in_writing: false,
        notice: None,
    };
    let payment = Payment {
        id: op(2),
        amount: Fen(fen),
        method: String::new(),
        account_last4: String::new(),
        batch: String::new(),
        day: Some(day(on)),
    };
    let payout = Payout {
        id: op(2),
        tier: decision.tier,
        batch: String::new(),
        period: on[..7].to_owned(),
        amount: Fen(fen),
        account_last4: String::new(),
        state: PayoutState::Paid,
        day: Some(day(on)),
        reason: String::new(),
    };
    Standing {
        payouts: vec![payout],
        stage: Stage::Granted,
        is_application: true,
        assistance: kind.into(),
        applicant: "张三".into(),
        number: Some(number.into()),
        decision: Some(decision),
        payment: Some(payment),
        ..Standing::default()
    }
}

fn of(number: u8, standing: &Standing) -> CaseOf<'_> {
    CaseOf { case: CaseId([number; 16]), standing }
}

#[test]
fn a_payment_that_is_also_a_row_of_the_record_counts_once() {
    let rows = json!([
        {"no": "SL-1", "date": "2019-06-03", "program": "临时救助", "amount": 2835},
        {"no": "x", "date": "2019-07-01", "program": "临时救助", "amount": 900},
        {"no": "y", "date": "2019-01-10", "program": "低保金", "amount": 945},
    ]);
    let kept = Kept::begun("2019-01-01", &rows);
    let by_number = grant("SL-1", "临时救助", "2019-05-30", 283_500);
    let (same, again) = (grant("SL-2", "临时救助", "2019-07-01", 90_000), grant("SL-3", "临时救助", "2019-07-01", 90_000));
    let file = kept.file(2019, "2019-12-01", &[of(1, &by_number), of(2, &same), of(3, &again)]);
    let payments: Vec<_> = file.aid.iter().filter(|line| matches!(line.source, AidSource::Payment { .. })).collect();
    assert_eq!(payments.len(), 1, "one row stands for one payment, not for two");
    assert_eq!(file.total, Fen(283_500 + 90_000 + 94_500 + 90_000));
    assert_eq!(file.by_kind.values().map(|fen| fen.0).sum::<i64>(), file.total.0);
    assert_eq!(file.decisions.len(), 3);
}

/// A monthly benefit, with the months that were paid and the day of each.
fn running(number: &str, months: &[(&str, &str)]) -> Standing {
    let mut standing = grant(number, "最低生活保障", "2019-05-30", 89_000);
    let first = standing.payouts[0].clone();
    let one = |(month, on): &(&str, &str)| Payout { period: (*month).into(), day: Some(day(on)), ..first.clone() };
    standing.payouts = months.iter().map(one).collect();
    let (from, reason) = ("2019-06".into(), String::new());
    standing.terms = vec![crate::standing::Term { id: op(1), from, amount: Fen(89_000), reason, day: None, notice: None }];
    standing
}

#[test]
fn a_numbered_row_of_a_monthly_benefit_is_the_payment_of_its_month_and_of_no_other() {
    let months = [("2019-06", "2019-06-05"), ("2019-07", "2019-07-05"), ("2019-08", "2019-08-05"), ("2019-09", "2019-10-02")];
    let dibao = running("SL-1", &months);
    let row = |no: &str, on: &str, program: &str| json!({"no": no, "date": on, "program": program, "amount": 890});
    let count = |rows: Value| {
        let aid = aid(&Household::read(&Kept::begun("2019-01-01", &rows).doc), &[of(1, &dibao)]);
        (aid.len(), aid.iter().filter(|line| matches!(line.source, AidSource::Payment { .. })).count())
    };
    assert_eq!(count(json!([])), (4, 4));
    assert_eq!(count(json!([row("SL-1", "2019-07-20", "低保金")])), (4, 3), "July, whatever the day and the name");
    assert_eq!(count(json!([row("SL-1", "2019-05-20", "低保金")])), (5, 4), "nothing was paid in May");
    assert_eq!(count(json!([{"no": "SL-1", "program": "低保金", "amount": 890}])), (5, 4), "without a day it is no month's");
    // September was paid in October: the row of October is that payment by its kind, day and amount.
    assert_eq!(count(json!([row("SL-1", "2019-10-02", "最低生活保障")])), (4, 3));
    let two = json!([row("SL-1", "2019-08-05", "低保金"), row("SL-1", "2019-08-06", "低保金")]);
    assert_eq!(count(two), (5, 3), "two rows of a month are one payment and another row");
}

#[test]
fn what_came_back_is_a_line_of_its_own_in_the_year_it_came() {
    let mut dibao = running("SL-1", &[("2019-11", "2019-11-05"), ("2019-12", "2019-12-05")]);
    for (number, on, fen) in [(7, "2019-12-20", 40_000), (8, "2020-01-10", 49_000)] {
        let what = crate::records::event::What::Recovered { amount: Fen(fen), note: "退回".into() };
        let event = crate::records::event::Event::new(crate::device::OfficeId(1), "zhang", "张", day(on), what);
        dibao.timeline.push(crate::standing::TimelineItem {
            id: op(number),
            stamp: None,
            tier: crate::area::Tier::City,
            event,
            day: Some(day(on)),
            effect: crate::standing::Effect::Counts,
        });
    }
    let kept = Kept::begun("2019-01-01", &json!([]));
    let sums = |standing: &Standing| {
        [2019, 2020].map(|year| {
            let file = kept.file(year, "2020-02-01", &[of(1, standing)]);
            assert_eq!(file.by_kind.values().map(|fen| fen.0).sum::<i64>(), file.total.0);
            (file.total.0, file.recovered.0, file.aid.len())
        })
    };
    assert_eq!(sums(&dibao), [(178_000 - 40_000, 40_000, 3), (-49_000, 49_000, 1)]);
    // What was given without effect by an office that was second is in no sum, and comes back first.
    dibao.astray = Fen(50_000);
    assert_eq!(sums(&dibao), [(178_000, 0, 2), (-39_000, 39_000, 1)]);
    // Nothing comes back beyond what was paid, also when a payment bounced after it came back.
    (dibao.astray, dibao.payouts) = (Fen(0), Vec::new());
    assert_eq!(sums(&dibao), [(0, 0, 0), (0, 0, 0)]);
}

#[test]
fn a_file_says_in_sentences_what_it_lacks_and_is_complete_when_it_lacks_nothing() {
    let mut kept = Kept::begun("2019-01-01", &json!([{"no": "1", "program": "低保金"}]));
    let lacking = kept.file(2019, "2019-12-01", &[]);
    assert_eq!(lacking.missing, [Missing::Needs, Missing::Days]);
    assert!(lacking.missing[0].sentence().starts_with("需求评估情况：未做需求评估，请在事项里"));
    kept = Kept::begun("2019-01-01", &json!([{"no": "1", "program": "低保金", "date": "2019-02-01"}]));
    assert_eq!(kept.file(2019, "2019-12-01", &[]).missing, [Missing::Needs, Missing::Amounts]);
    let mut visited = Standing { stage: Stage::ToFollowUp, finding: Some(Finding::True), ..Standing::default() };
    let what = crate::records::event::What::Verified { outcome: Finding::True, note: "入户".into() };
    let event = crate::records::event::Event::new(crate::device::OfficeId(1), "wang", "王", day("2019-05-29"), what);
    visited.timeline.push(crate::standing::TimelineItem {
        id: op(5),
        stamp: None,
        tier: crate::area::Tier::Township,
        event,
        day: Some(day("2019-05-29")),
        effect: crate::standing::Effect::Counts,
    });
    let kept = Kept::begun("2019-01-01", &json!([]));
    let whole = kept.file(2019, "2019-12-01", &[of(1, &visited)]);
    assert!(whole.is_complete(), "{:?}", whole.missing);
    assert_eq!((whole.needs[0].need.what, whole.needs[0].need.text.as_str()), ("核实", "属实，入户"));
    assert_eq!(kept.file(2018, "2019-12-01", &[of(1, &visited)]).missing, [Missing::Needs], "the visit is of another year");
}

#[test]
fn a_sealed_file_keeps_its_digest_whatever_is_written_afterwards() {
    let mut kept = Kept::begun("2019-01-01", &json!([{"no": "1", "date": "2019-02-01", "program": "低保金", "amount": 945}]));
    assert_eq!(kept.file(2019, "2019-12-31", &[]).closing, Closing::Open, "the last day still belongs to the year");
    let sealed = kept.file(2019, "2020-01-01", &[]);
    let Closing::Sealed { on, .. } = sealed.closing else { panic!("sealed: {:?}", sealed.closing) };
    assert_eq!((on, sealed.late), (day("2019-12-31"), Fen(0)));
    kept.aid("2020-01-05", json!({"no": "2", "date": "2019-12-20", "program": "节日慰问", "amount": 300}));
    let added = kept.file(2019, "2020-03-01", &[]);
    assert_eq!((added.closing.clone(), added.late, added.total), (sealed.closing.clone(), Fen(30_000), Fen(124_500)));
    assert_eq!(added.aid.iter().filter(|line| line.late).count(), 1);
    // A laptop whose clock went back writes "in 2019" on top of what was written in 2020: it was not written by then.
    kept.aid("2019-06-01", json!({"no": "3", "date": "2019-06-01", "program": "节日慰问", "amount": 100}));
    assert_eq!(kept.file(2019, "2020-03-01", &[]).closing, sealed.closing);
    assert_eq!(kept.file(2018, "2020-03-01", &[]).closing, Closing::Afterwards, "nothing was known in 2018");
}

#[test]
fn what_was_written_in_time_and_arrives_late_changes_the_digest_the_same_way_everywhere() {
    let mut here = Kept::begun("2019-01-01", &json!([]));
    let mut there = Kept { doc: here.doc.fork().with_actor(ActorId::from([2; 16])), written: here.written.clone() };
    let before = here.file(2019, "2020-01-02", &[]).closing;
    there.aid("2019-12-30", json!({"no": "1", "date": "2019-12-30", "program": "临时救助", "amount": 500}));
    here.aid("2020-01-02", json!({"no": "2", "date": "2020-01-02", "program": "低保金", "amount": 945}));
    here.doc.merge(&mut there.doc.clone()).expect("merges");
    here.written.extend(there.written.clone());
    there.doc.merge(&mut here.doc.clone()).expect("merges");
    there.written.extend(here.written.clone());
    let (a, b) = (here.file(2019, "2020-01-03", &[]), there.file(2019, "2020-01-03", &[]));
    assert_eq!(a.closing, b.closing);
    assert_ne!(a.closing, before);
    assert_eq!((a.total, a.late), (Fen(50_000), Fen(0)));
}

proptest! {
    #[test]
    fn the_files_of_all_years_hold_every_dated_line_once(
        rows in prop::collection::vec((2017..2022i32, 1..13u32, 0..3usize, prop::option::of(1..5i64)), 0..12),
        paid in prop::collection::vec((2017..2022i32, 1..13u32, 0..3usize, 1..5i64, any::<bool>()), 0..6),
    ) {
        let kinds = ["低保金", "临时救助", "医疗救助"];
        let mut list: Vec<Value> = Vec::new();
        for (n, (year, month, kind, yuan)) in rows.iter().enumerate() {
            let mut one = json!({"no": format!("r{n}"), "date": format!("{year}-{month:02}-01"), "program": kinds[*kind]});
            if let (Some(yuan), Some(map)) = (yuan, one.as_object_mut()) {
                map.insert("amount".into(), (*yuan).into());
            }
            list.push(one);
        }
        let standings: Vec<Standing> = paid.iter().enumerate().map(|(n, (year, month, kind, yuan, booked))| {
            let (number, on) = (format!("SL{n}"), format!("{year}-{month:02}-01"));
            if *booked {
                list.push(json!({"no": number, "date": on, "program": kinds[*kind], "amount": yuan}));
            }
            grant(&number, kinds[*kind], &on, yuan * 100)
        }).collect();
        let kept = Kept::begun("2017-01-01", &Value::Array(list));
        let cases: Vec<CaseOf<'_>> = standings.iter().enumerate().map(|(n, s)| of(n as u8, s)).collect();
        let all = aid(&Household::read(&kept.doc), &cases);
        let sum = |lines: &[AidLine]| lines.iter().filter_map(|line| line.amount).map(|fen| fen.0).sum::<i64>();
        let files: Vec<AnnualFile> = (2017..2022).map(|year| kept.file(year, "2022-06-01", &cases)).collect();
        prop_assert_eq!(files.iter().map(|file| file.total.0).sum::<i64>(), sum(&all));
        prop_assert_eq!(files.iter().map(|file| file.aid.len()).sum::<usize>(), all.len());
        for file in &files {
            prop_assert_eq!(file.by_kind.values().map(|fen| fen.0).sum::<i64>(), file.total.0);
            prop_assert_eq!(sum(&file.aid), file.total.0);
        }
    }
}
