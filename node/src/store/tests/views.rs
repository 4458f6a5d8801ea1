//! Views follow records, can be rebuilt, and answer what pages ask.

use super::support::*;
use crate::store::reader::{
    AccountBy, AccountFilter, Actor, BenefitBy, BenefitFilter, CaseFilter, CategoryOn, HouseholdFilter, Page, Stored,
};
use crate::store::{Options, Readers};
use shouwang_protocol::area::Tier;
use shouwang_protocol::record::{CaseId, Kind, Lane, RecordRef};
use shouwang_protocol::records::amount::Fen;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::event::{Opinion, Verdict, What};
use shouwang_protocol::records::import;
use shouwang_protocol::standing::Stage;
use std::path::Path;

fn readers(dir: &Path) -> Readers {
    Readers::open(dir, &KEY, Options::default(), 2).expect("opens")
}

#[test]
fn rebuilt_views_equal_those_that_grew() {
    let mut dice = Dice(99);
    let mut town = Town::new();
    town.connect_all();
    town.publish();
    for _ in 0..150 {
        town.something(&mut dice);
    }
    town.connect_all();
    for n in 0..AREAS.len() {
        let disk = town.disk(n);
        let lists = || {
            readers(&town.dir(n))
                .read(|reader| {
                    let households = reader.households(&HouseholdFilter::default(), Page::first(500))?;
                    let cases = reader.cases(&CaseFilter::default(), Page::first(500))?;
                    let duplicates = reader.duplicates(&[], Page::first(500))?;
                    let conflicts = reader.conflicts(&[], Page::first(500))?;
                    Ok((households, cases, duplicates, conflicts, reader.staff(None)?, reader.offices()?, reader.devices()?))
                })
                .expect("reads")
        };
        let grown = lists();
        disk.rebuild_views().expect("rebuilds");
        assert_eq!(lists(), grown, "node {n}");
        assert_eq!(disk.compare_views().expect("compares"), Vec::<String>::new());
    }
    // Comparing finds what somebody changed behind our back.
    let disk = town.disk(CITY);
    for (sql, many) in [
        ("UPDATE household SET head = 'x' WHERE record = (SELECT min(record) FROM household)", 1),
        ("DELETE FROM member WHERE household = (SELECT max(record) FROM household)", 2),
        ("UPDATE matter SET stage = 'closed' WHERE id = (SELECT min(id) FROM matter WHERE stage <> 'closed')", 3),
        ("DELETE FROM staff", 4),
    ] {
        disk.db.conn.execute(sql, []).expect("changes");
        assert!(disk.compare_views().expect("compares").len() >= many.min(3), "{sql}");
    }
    disk.rebuild_views().expect("rebuilds");
    assert_eq!(disk.compare_views().expect("compares"), Vec::<String>::new());
}

#[test]
fn any_part_of_a_name_number_or_address_finds_the_household() {
    let mut town = Town::new();
    town.connect_all();
    let row = |id: &str, head: &str, n: usize, address: &str| {
        let json = serde_json::json!({"id": id, "region": AREAS[VILLAGE].0, "village": "金村村", "head": head, "address": address,
            "phone": "13862201234", "members": [{"name": head, "relation": "户主", "id_no": id_number(n)}, {"name": "买买提·艾山", "relation": "配偶"}]});
        import::check_row(json.as_object().expect("object"), |_| true).expect("fits")
    };
    let a = town.import(VILLAGE, VILLAGE, &row("H1", "张伟国", 7, "金村村三组12号"));
    let b = town.import(VILLAGE, VILLAGE, &row("H2", "欧阳小明", 19, "金村村五组３号"));
    let c = town.import(VILLAGE, VILLAGE, &row("H3", "𠮷田芳", 33, "金村村'; DROP TABLE household; --"));
    let readers = readers(&town.dir(VILLAGE));
    let find = |text: &str| {
        let filter = HouseholdFilter { text: text.into(), ..HouseholdFilter::default() };
        let listed = readers.read(|reader| reader.households(&filter, Page::first(50))).expect("finds");
        let count = readers.read(|reader| reader.count_households(&filter)).expect("counts");
        assert_eq!(count as usize, listed.rows.len());
        listed.rows.into_iter().map(|row| row.record).collect::<Vec<_>>()
    };
    let number = id_number(19);
    for (text, wanted) in [
        ("张", vec![a]),
        ("伟国", vec![a]),
        ("张伟国", vec![a]),
        ("阳小", vec![b]),
        ("明", vec![b]),
        ("𠮷", vec![c]),
        ("𠮷田", vec![c]),
        ("金村", vec![a, b, c]),
        ("村五", vec![b]),
        ("3号", vec![b]),
        ("1234", vec![a, b, c]),
        ("提艾", vec![a, b, c]),
        ("买买提·艾山", vec![a, b, c]),
        (number.as_str(), vec![b]),
        (&number[6..14], vec![b]),
        (&number[10..12], vec![]),
        ("H3", vec![c]),
        ("张 金村", vec![a]),
        ("张 五组", vec![]),
        ("王", vec![]),
        ("国金", vec![]),
        ("'; DROP TABLE", vec![c]),
        ("\" OR 1", vec![]),
        ("*", vec![]),
        ("NEAR(张)", vec![]),
    ] {
        if text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit()) {
            assert!(find(text).contains(&b), "{text}");
        } else {
            assert_eq!(find(text), wanted, "{text}");
        }
    }
    // What is searched follows an edit.
    town.act(VILLAGE, place(VILLAGE, Lane::Registry), RecordRef::Known(a), import::set("head", &"陆建军".into()).expect("fits"));
    assert_eq!(find("建军"), [a]);
    assert_eq!(find("伟国"), [], "the head among the members is renamed with it");
}

#[test]
fn item_10_every_way_to_look_for_a_household_is_answered_by_an_index() {
    let mut dice = Dice(5);
    let mut town = Town::new();
    town.connect_all();
    for at in 0..40 {
        let row = household(&mut dice, &format!("H{at}"), VILLAGE);
        town.import(VILLAGE, VILLAGE, &row);
    }
    let readers = readers(&town.dir(VILLAGE));
    let text = |text: &str| HouseholdFilter { text: text.into(), ..HouseholdFilter::default() };
    let held = |category: &str| Some(CategoryOn { category: category.into(), on: Day(18_000) });
    let of = |category: &str| HouseholdFilter { category: held(category), ..HouseholdFilter::default() };
    let village = HouseholdFilter { within: vec![area(AREAS[VILLAGE].0)], ..HouseholdFilter::default() };
    let (by_text, by_key) = ("SCAN household_text VIRTUAL TABLE INDEX", "SEARCH household USING INTEGER PRIMARY KEY");
    let by_category = "SEARCH holding USING COVERING INDEX holding_category (category=?)";
    let number = id_number(3);
    for (what, filter, steps) in [
        ("part of a name", text("伟"), [by_text, by_key]),
        ("part of a number", text(&number[6..14]), [by_text, by_key]),
        ("initials", text("zw"), [by_text, by_key]),
        ("an address", text("三组12号"), [by_text, by_key]),
        ("a name of a category", HouseholdFilter { category: held("低保"), ..text("伟") }, [by_text, by_key]),
        ("a village", village.clone(), ["SEARCH household USING INDEX household_area (area=?)", ""]),
        ("a category", of("低保"), [by_category, by_key]),
        (
            "a category of a village",
            HouseholdFilter { category: held("低保"), ..village },
            [by_category, "SEARCH household USING"],
        ),
    ] {
        let plan = readers.read(|reader| reader.households_plan(&filter)).expect("plans");
        for step in steps {
            assert!(plan.iter().any(|line| line.starts_with(step) || line.contains(step)), "{what}: {step}: {plan:#?}");
        }
        let whole = ["SCAN household", "SCAN member", "SCAN holding", "SCAN record"];
        let scans = |line: &String| whole.iter().any(|table| line == table || line.starts_with(&format!("{table} ")));
        assert!(!plan.iter().any(scans), "{what}: {plan:#?}");
    }
}

#[test]
fn lists_filter_page_and_say_who_lives_twice() {
    let mut dice = Dice(3);
    let mut town = Town::new();
    town.connect_all();
    for at in 0..25 {
        let of = if at % 2 == 0 { VILLAGE } else { NEIGHBOUR };
        let row = household(&mut dice, &format!("H{at}"), of);
        town.import(of, of, &row);
    }
    town.run();
    let readers = readers(&town.dir(TOWNSHIP));
    readers
        .read(|reader| {
            let all = reader.households(&HouseholdFilter::default(), Page::first(500))?;
            assert_eq!((all.rows.len(), all.more), (25, false));
            let mut paged = Vec::new();
            for offset in (0..25).step_by(10) {
                let page = reader.households(&HouseholdFilter::default(), Page { offset, limit: 10 })?;
                assert_eq!(page.more, offset < 20);
                paged.extend(page.rows);
            }
            assert_eq!(paged, all.rows);
            let of = |word: &str| CategoryOn { category: word.into(), on: Day(18_000) };
            let within = |n: usize| HouseholdFilter { within: vec![area(AREAS[n].0)], ..HouseholdFilter::default() };
            assert_eq!(reader.count_households(&within(VILLAGE))?, 13);
            assert_eq!(reader.count_households(&within(CITY))?, 25);
            assert_eq!(
                reader.count_households(&HouseholdFilter { category: Some(of("低保")), ..within(TOWNSHIP) })?,
                all.rows.iter().filter(|row| row.category == "低保").count() as u64
            );
            let duplicates = reader.duplicates(&[], Page::first(500))?.rows;
            assert!(!duplicates.is_empty());
            for duplicate in &duplicates {
                let found = reader.households_of_person(&duplicate.id_no)?;
                assert_eq!(found, duplicate.households.iter().map(|row| row.record).collect::<Vec<_>>());
                assert!(found.len() > 1 && duplicate.households.iter().all(|row| row.duplicate));
                assert!(reader.blocked_by(&found[0])? > 0);
            }
            let counts = reader.counts()?;
            assert_eq!((counts.households, counts.duplicates), (25, duplicates.len() as u64));
            assert_eq!(reader.area_counts()?.len(), 2);
            let key = reader.import_key("H4")?;
            assert_eq!((key.len(), key[0].1), (1, area(AREAS[VILLAGE].0)));
            let detail = reader.household(&key[0].0)?.expect("is there");
            assert_eq!(detail.json()["id"], "H4");
            let mut cursor = 0;
            let mut exported = 0;
            loop {
                let some = reader.households_after(cursor, 10)?;
                let Some((last, _)) = some.last() else { break };
                (cursor, exported) = (*last, exported + some.len());
            }
            assert_eq!(exported, 25);
            Ok(())
        })
        .expect("reads");
}

#[test]
fn a_case_goes_its_way_and_every_list_follows() {
    let mut town = Town::new();
    town.connect_all();
    town.publish();
    town.offices(Some(CITY));
    let mut dice = Dice(8);
    let row = household(&mut dice, "H1", VILLAGE);
    let home = town.import(VILLAGE, VILLAGE, &row);
    let case = CaseId([9; 16]);
    town.open_case(VILLAGE, VILLAGE, case, "钱秀英", Some(home));
    town.run();
    let readers = readers(&town.dir(CITY));
    let stage = |wanted: Stage| {
        let filter = CaseFilter { stages: vec![wanted], ..CaseFilter::default() };
        readers.read(|reader| reader.cases(&filter, Page::first(9))).expect("reads").rows.len()
    };
    assert_eq!(stage(Stage::ToAccept), 1);
    let turns = |actor: Actor| {
        let filter = CaseFilter { turns: vec![actor], within: vec![area(AREAS[TOWNSHIP].0)], ..CaseFilter::default() };
        readers.read(|reader| reader.cases(&filter, Page::first(9))).expect("reads").rows
    };
    assert_eq!(turns(Actor::Tier(Tier::Township)).len(), 1);
    town.event(TOWNSHIP, VILLAGE, case, What::Accepted { number: "苏0582-7".into() }).expect("accepts");
    town.event(TOWNSHIP, VILLAGE, case, What::PreExamined { opinion: Opinion::For, note: String::new() }).expect("examines");
    town.event(TOWNSHIP, VILLAGE, case, What::Proposed { amount: Fen(283_500), formula: String::new() }).expect("proposes");
    town.run();
    assert_eq!(turns(Actor::Tier(Tier::City)).len(), 1, "{:?}", turns(Actor::Tier(Tier::City)));
    let decided = |outcome| What::Decided {
        outcome,
        amount: Fen(283_500),
        reason: String::new(),
        formula: String::new(),
        pack: String::new(),
        saw: Vec::new(),
    };
    town.event(CITY, VILLAGE, case, decided(Verdict::Approved)).expect("decides");
    let row = readers
        .read(|reader| {
            let filter = CaseFilter { text: "秀英".into(), ..CaseFilter::default() };
            let row = reader.cases(&filter, Page::first(9))?.rows.pop().expect("found");
            assert_eq!(reader.case_numbered("苏0582-7")?, [case]);
            let file = reader.case(&case)?.pop().expect("is there");
            assert_eq!(file.row, row);
            assert_eq!(file.records.volumes.len(), 3);
            assert!(file.standing.timeline.iter().all(|item| item.stamp.is_some()));
            assert_eq!(file.standing.timeline.len(), 5);
            Ok(row)
        })
        .expect("reads");
    assert_eq!(
        (row.stage, row.decided, row.household, row.number.as_deref()),
        (Stage::ToPay, Some(Fen(283_500)), Some(home), Some("苏0582-7"))
    );

    // Without a decider nobody has decided: the view follows control.
    town.offices(None);
    let none = readers.read(|reader| reader.cases(&CaseFilter::default(), Page::first(9))).expect("reads").rows;
    assert_eq!(none[0].decided, Some(Fen(283_500)), "an office keeps its decider until another is named");
    let decided = |readers: &Readers| {
        readers.read(|reader| reader.cases(&CaseFilter::default(), Page::first(9))).expect("reads").rows[0].decided
    };
    town.replace_decider();
    assert_eq!(decided(&readers), None, "who is no decider and never was one decides nothing");
    town.keep_decisions();
    assert_eq!(decided(&readers), Some(Fen(283_500)), "what a decider decided before it was replaced stays decided");
    town.compare();

    town.run();
    let village = Readers::open(&town.dir(VILLAGE), &KEY, Options::default(), 1).expect("opens");
    village
        .read(|reader| {
            let volume = reader.volumes(&case)?.into_iter().find(|(tier, _)| *tier == Tier::Village).expect("there").1;
            let history = reader.history(&volume)?;
            assert_eq!((history.len(), history[0].stored), (1, Stored::City), "{history:?}");
            assert_eq!((history[0].office, history[0].office_name.as_str()), (Some(office(VILLAGE)), "金村村办事处"));
            assert_eq!(reader.case(&case)?[0].standing.stage, Stage::ToPay);
            assert_eq!(reader.document(&volume)?.expect("there").kind, Kind::CASE_VILLAGE);
            Ok(())
        })
        .expect("reads");
    assert_eq!(Stored::City.label(), "已到市");
}

#[test]
fn a_reader_sees_one_moment_and_never_waits() {
    let mut dice = Dice(4);
    let mut town = Town::new();
    town.connect_all();
    let readers = readers(&town.dir(VILLAGE));
    let all = HouseholdFilter::default();
    readers
        .read(|reader| {
            assert_eq!(reader.count_households(&all)?, 0);
            let row = household(&mut dice, "H1", VILLAGE);
            town.import(VILLAGE, VILLAGE, &row);
            assert_eq!(reader.count_households(&all)?, 0, "the same moment");
            readers.read(|other| {
                assert_eq!(other.count_households(&all)?, 1, "a later one");
                Ok(())
            })
        })
        .expect("reads");
    assert!(readers.read(|reader| Ok(reader.db.conn.execute("DELETE FROM household", []).is_err())).expect("reads"));
}

#[test]
fn what_is_local_is_kept_and_read_back() {
    use crate::store::{DraftRow, InvitationRow, Lockout, SessionRow};
    let town = Town::new();
    let local = town.disk(VILLAGE).local();
    let readers = readers(&town.dir(VILLAGE));
    local.set_password("zhang", "$argon2id$…", 5).expect("sets");
    let session = SessionRow { token: [1; 32], staff: "zhang".into(), created_ms: 1, seen_ms: 2, expires_ms: 9, data: vec![7] };
    local.put_session(&session).expect("puts");
    let draft = DraftRow { staff: "zhang".into(), form: "household/1".into(), changed_ms: 3, data: vec![1, 2] };
    local.put_draft(&draft).expect("puts");
    let invitation = InvitationRow { id: [4; 16], created_ms: 1, expires_ms: 100, used_ms: None, data: vec![] };
    local.put_invitation(&invitation).expect("puts");
    local.put_setting("feed", b"x").expect("puts");
    let failed = |lockout: Lockout| Lockout { failures: lockout.failures + 1, until_ms: 60 };
    local.lockout("zhang", failed).expect("counts");
    assert_eq!(local.lockout("zhang", failed).expect("counts").failures, 2);
    readers
        .read(|reader| {
            assert_eq!(reader.password("zhang")?.as_deref(), Some("$argon2id$…"));
            assert!(reader.has_passwords()?);
            assert_eq!(reader.session(&[1; 32])?, Some(session.clone()));
            assert_eq!(reader.drafts("zhang")?, std::slice::from_ref(&draft));
            assert_eq!(reader.lockout("zhang")?.failures, 2);
            assert_eq!(reader.invitations()?, std::slice::from_ref(&invitation));
            assert_eq!(reader.setting("feed")?.as_deref(), Some(&b"x"[..]));
            Ok(())
        })
        .expect("reads");
    assert_eq!(local.use_invitation(&[4; 16], 100).expect("asks"), None, "ended");
    assert!(local.use_invitation(&[4; 16], 50).expect("asks").is_some());
    assert_eq!(local.use_invitation(&[4; 16], 51).expect("asks"), None, "once only");
    assert_eq!(local.lockout("zhang", |_| Lockout::default()).expect("forgets").failures, 0);
    assert!(local.end_session(&[1; 32]).expect("ends") && local.remove_draft("zhang", "household/1").expect("removes"));
}

#[test]
fn a_store_that_was_told_no_root_key_believes_what_the_city_wrote() {
    let mut town = Town::new();
    town.connect_all();
    let disk = town.disk(VILLAGE);
    let devices = || readers(&town.dir(VILLAGE)).read(|reader| reader.devices()).expect("reads");
    let told = devices();
    assert_eq!(told.len(), AREAS.len());
    disk.db.conn.execute("DELETE FROM meta WHERE key = 'trust'", []).expect("forgets");
    disk.rebuild_views().expect("rebuilds");
    assert_eq!(devices(), told);
    disk.trust(seed_of(9).key(), &[]).expect("trusts");
    assert_eq!(devices(), [], "another city's root");
}

#[test]
fn the_text_of_a_figures_query_runs_as_it_stands_and_gives_the_same_rows() {
    let mut dice = Dice(7);
    let mut town = Town::new();
    town.connect_all();
    town.publish();
    for _ in 0..80 {
        town.something(&mut dice);
    }
    town.connect_all();
    let aid =
        BenefitFilter { kinds: vec!["低保金".into(), "it's?".into()], fund: Some(String::new()), ..BenefitFilter::default() };
    let all = readers(&town.dir(CITY)).read(|reader| {
        let page = Page::first(500);
        for filter in [BenefitFilter::default(), aid.clone()] {
            for by in [BenefitBy::Kind, BenefitBy::Period, BenefitBy::Village, BenefitBy::Household, BenefitBy::Person] {
                let figure = reader.benefits_by(&filter, by, page)?;
                assert_eq!(reader.run_text(&figure.query)?, figure.rows.len(), "{}", figure.query);
            }
        }
        let figure =
            reader.accounts_by(&AccountFilter { channel: Some("it's?".into()), ..AccountFilter::default() }, AccountBy::Kind)?;
        assert_eq!((reader.run_text(&figure.query)?, figure.rows.len()), (0, 0), "{}", figure.query);
        let figure = reader.accounts_by(&AccountFilter::default(), AccountBy::Kind)?;
        assert_eq!(reader.run_text(&figure.query)?, figure.rows.len());
        Ok(reader.benefits(&BenefitFilter::default(), page)?.rows.len() + figure.rows.len())
    });
    assert!(all.expect("reads") > 0);
}
