//! Quick measurements: `cargo test --release -p shouwang-node --lib store::tests::measure -- --ignored --nocapture`.

use super::support::*;
use crate::store::reader::{HouseholdFilter, Page};
use crate::store::{Options, Readers, SqliteStore};
use shouwang_protocol::engine::Engine;
use shouwang_protocol::record::{ActionId, Kind, Lane, RecordRef};
use shouwang_protocol::records::import;
use shouwang_protocol::replica::{Action, Draft, Identity, Replica};
use shouwang_protocol::sync::session::Now;
use std::time::Instant;

fn rows() -> Vec<import::Row> {
    let file = std::env::var("HOUSEHOLDS").unwrap_or_else(|_| "/tmp/households.jsonl".into());
    let text = std::fs::read_to_string(file).expect("make it with generate_households.py docs --n 10000 --seed 1");
    let check = |line: &str| {
        let json: serde_json::Map<String, serde_json::Value> = serde_json::from_str(line).expect("JSON");
        import::check_row(&json, |_| true).expect("fits")
    };
    text.lines().map(check).collect()
}

fn actions(rows: &[import::Row], from: usize) -> Vec<Action> {
    let action = |(at, row): (usize, &import::Row)| {
        let mut id = [5; 16];
        id[..8].copy_from_slice(&((from + at) as u64).to_le_bytes());
        let edits = import::create(row);
        assert_eq!(edits.len(), 1);
        let drafts = edits.into_iter().map(|edit| Draft {
            place: place(VILLAGE, Lane::Registry),
            record: RecordRef::New(Kind::HOUSEHOLD),
            edit,
        });
        Action { id: ActionId(id), staff: "console".into(), claimed_ms: 0, shown: Vec::new(), drafts: drafts.collect() }
    };
    rows.iter().enumerate().map(action).collect()
}

#[test]
#[ignore = "a measurement"]
fn commits_imports_and_searches() {
    for memory_security in [false, true] {
        run(memory_security);
    }
}

fn run(memory_security: bool) {
    let rows = rows();
    let mut town = Town::new();
    town.connect_all();
    // The village's control, on a store without a twin.
    let dir = tempfile::tempdir_in(std::env::var("MEASURE_DIR").unwrap_or_else(|_| ".".into())).expect("a directory");
    let options = Options { memory_security, ..Options::default() };
    let mut disk = SqliteStore::create(dir.path(), &KEY, options).expect("creates");
    disk.trust(root().key(), &[certificate(CITY, 1), certificate(VILLAGE, 1)]).expect("trusts");
    let me = seed_of(VILLAGE).key();
    let life = disk.open_incarnation(me, shouwang_protocol::device::Incarnation([1; 16])).expect("begins");
    copy_control(&town, &mut disk);
    let pinned = vec![certificate(CITY, 1), certificate(VILLAGE, 1)];
    let identity = Identity { key: seed_of(VILLAGE), incarnation: life.incarnation, root: root().key(), pinned };
    let mut engine = Engine::new(Replica::open(disk, identity).expect("opens"));
    let now = Now { mono_ms: 0, wall_ms: 0 };
    let memory = town.node(VILLAGE).replica().store().memory.clone();
    let pinned = vec![certificate(CITY, 1), certificate(VILLAGE, 1)];
    let identity = Identity { key: seed_of(VILLAGE), incarnation: life.incarnation, root: root().key(), pinned };
    let mut without = Engine::new(Replica::open(memory, identity).expect("opens"));
    let begun = Instant::now();
    for at in (0..2_000).step_by(200) {
        without.commit(actions(&rows[at..at + 200], at), now).expect("commits");
    }
    println!("2000 households without a disk: {:.2} s", begun.elapsed().as_secs_f64());
    println!("memory_security={memory_security}");

    let begun = Instant::now();
    for (at, row) in rows[..100].iter().enumerate() {
        engine.commit(actions(std::slice::from_ref(row), at), now).expect("commits");
    }
    println!("commit of 1 entry: {:.2} ms", begun.elapsed().as_secs_f64() * 10.0);
    let begun = Instant::now();
    for batch in 1..11 {
        engine.commit(actions(&rows[batch * 100..][..100], batch * 100), now).expect("commits");
    }
    println!("commit of 100 rows: {:.1} ms", begun.elapsed().as_secs_f64() * 100.0);
    let begun = Instant::now();
    let mut at = 1_100;
    while at < rows.len() {
        let some = &rows[at..(at + 200).min(rows.len())];
        engine.commit(actions(some, at), now).expect("commits");
        at += some.len();
    }
    println!("{} further households: {:.1} s", rows.len() - 1_100, begun.elapsed().as_secs_f64());
    let store = engine.replica().store();
    store.db.conn.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").expect("checkpoints");
    let bytes = std::fs::metadata(dir.path().join("shouwang.db")).expect("is there").len();
    println!("database: {bytes} bytes, {} a household", bytes / rows.len() as u64);
    let sql = "SELECT name, sum(pgsize) FROM dbstat GROUP BY name ORDER BY 2 DESC LIMIT 24";
    for (name, size) in
        crate::store::rows::all(&store.db.conn, sql, [], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))
            .expect("reads")
    {
        println!("  {name}: {} a household", size / rows.len() as i64);
    }
    for sql in [
        "SELECT avg(length(pairs)), avg(length(header)) FROM entry",
        "SELECT avg(length(snapshot)), 0 FROM record WHERE kind = 16",
    ] {
        let row = store.db.conn.query_row(sql, [], |row| Ok((row.get::<_, f64>(0)?, row.get::<_, f64>(1)?))).expect("reads");
        println!("  {sql}: {row:?}");
    }
    let readers = Readers::open(dir.path(), &KEY, options, 2).expect("opens");
    let heads: Vec<String> = readers
        .read(|reader| {
            Ok(reader.households(&HouseholdFilter::default(), Page::first(500))?.rows.into_iter().map(|row| row.head).collect())
        })
        .expect("reads");
    let time = |what: &str, texts: Vec<String>| {
        let mut times: Vec<f64> = texts
            .into_iter()
            .map(|text| {
                let filter = HouseholdFilter { text, ..HouseholdFilter::default() };
                let begun = Instant::now();
                readers.read(|reader| reader.households(&filter, Page::first(50))).expect("finds");
                begun.elapsed().as_secs_f64() * 1_000.0
            })
            .collect();
        times.sort_by(f64::total_cmp);
        println!("search {what}: p50 {:.2} ms, p99 {:.2} ms", times[times.len() / 2], times[times.len() * 99 / 100]);
    };
    time("whole name", heads.clone());
    time("one character", heads.iter().filter_map(|head| head.chars().next()).map(String::from).collect());
    let initials = |head: &String| -> String {
        use pinyin::ToPinyin as _;
        head.as_str().to_pinyin().flatten().map(|reading| reading.first_letter()).take(2).collect()
    };
    time("two initials", heads.iter().map(initials).collect());
    time("four digits", (0..200).map(|at| format!("{:04}", at * 37)).collect());
    time("whole number", (0..200).map(id_number).collect());
    let begun = Instant::now();
    println!("counts: {:?}", readers.read(|reader| reader.counts()).expect("counts"));
    println!("  in {:.1} ms", begun.elapsed().as_secs_f64() * 1_000.0);
    let begun = Instant::now();
    assert_eq!(engine.replica().store().compare_views().expect("compares"), Vec::<String>::new());
    println!("compare_views: {:.1} s", begun.elapsed().as_secs_f64());
    let begun = Instant::now();
    engine.replica().store().rebuild_views().expect("rebuilds");
    println!("rebuild_views: {:.1} s", begun.elapsed().as_secs_f64());
}

/// Writes what the database packs into files of their own (SAMPLES=directory), to train `pack.dict` on:
/// `zstd --train -r samples --maxdict=16384 -o pack.dict`. A dictionary that was released is never changed; a better
/// one gets a new number in `db.rs`.
#[test]
#[ignore = "makes samples for a dictionary"]
fn samples_for_a_dictionary() {
    let Ok(dir) = std::env::var("SAMPLES") else { return };
    let mut number = 0;
    let mut keep = |bytes: &[u8]| {
        number += 1;
        std::fs::write(format!("{dir}/{number}"), bytes).expect("writes");
    };
    let mut dump = |town: &Town, n: usize| {
        let store = &town.node(n).replica().store().memory;
        store.all_entries().for_each(|entry| keep(&crate::store::rows::encode(&entry.entry.pairs).expect("encodes")));
        store.records().for_each(|(_, record)| keep(&record.snapshot));
    };
    let mut town = Town::new();
    town.connect_all();
    town.cut_all();
    let mut dice = Dice(31);
    let imported: Vec<_> = rows().iter().step_by(12).map(|row| town.import(VILLAGE, VILLAGE, row)).collect();
    for record in &imported {
        let (field, value) = match dice.roll(5) {
            0 => ("income_annual", serde_json::json!(dice.roll(40_000))),
            1 => ("phone", format!("1390000{:04}", dice.roll(9_999)).into()),
            2 => ("remark", "入户走访，情况属实".into()),
            3 => ("status", "在册".into()),
            _ => ("type", "低保".into()),
        };
        let edit = import::set(field, &value).expect("fits");
        town.act(VILLAGE, place(VILLAGE, Lane::Registry), RecordRef::Known(*record), edit);
    }
    dump(&town, VILLAGE);
    for seed in 1..12 {
        let mut town = Town::new();
        town.connect_all();
        town.publish();
        let mut dice = Dice(seed * 104_729);
        for _ in 0..150 {
            town.something(&mut dice);
        }
        town.connect_all();
        dump(&town, CITY);
    }
}

fn copy_control(town: &Town, disk: &mut SqliteStore) {
    use shouwang_protocol::store::Store;
    let from = &town.node(VILLAGE).replica().store().memory;
    let batch = shouwang_protocol::store::Batch {
        entries: from.all_entries().cloned().collect(),
        heads: from.heads().expect("reads"),
        records: from
            .records()
            .map(|(id, record)| shouwang_protocol::store::RecordUpdate {
                id: *id,
                kind: record.kind,
                place: record.place,
                volume: None,
                doc: None,
                snapshot: record.snapshot.clone(),
                changes: from.changes(id).expect("reads"),
                rebuilt: false,
            })
            .collect(),
        ..Default::default()
    };
    disk.write(&batch).expect("writes");
}
