//! Wrong keys, flipped bits, full disks, two processes.

use super::support::*;
use crate::store::{OpenError, Options, SqliteStore, set_aside};
use shouwang_protocol::device::Incarnation;
use shouwang_protocol::record::{Kind, Lane, RecordRef};
use shouwang_protocol::records::import;
use shouwang_protocol::replica::CommitError;
use shouwang_protocol::store::{Store, StoreError};
use std::path::Path;

fn open(dir: &Path) -> Result<SqliteStore, OpenError> {
    SqliteStore::open(dir, &KEY, Options::default())
}

#[test]
fn what_is_missing_locked_or_another_key_is_told() {
    let dir = tempfile::tempdir().expect("a directory");
    assert!(matches!(open(dir.path()), Err(OpenError::Missing)));
    let store = SqliteStore::create(dir.path(), &KEY, Options::default()).expect("creates");
    assert!(matches!(open(dir.path()), Err(OpenError::Locked)));
    assert!(crate::store::is_locked(dir.path()));
    assert!(matches!(set_aside(dir.path()), Err(OpenError::Locked)));
    drop(store);
    let before = std::fs::read(dir.path().join("shouwang.db")).expect("reads");
    assert!(matches!(SqliteStore::open(dir.path(), &[1; 32], Options::default()), Err(OpenError::WrongKey)));
    assert!(matches!(SqliteStore::create(dir.path(), &KEY, Options::default()), Err(OpenError::Exists)));
    assert_eq!(std::fs::read(dir.path().join("shouwang.db")).expect("reads"), before, "untouched");
    std::fs::remove_file(dir.path().join("released")).expect("removes");
    assert!(matches!(SqliteStore::open(dir.path(), &[1; 32], Options::default()), Err(OpenError::WrongKey)));
    assert!(open(dir.path()).is_ok());
}

/// Reads everything as a start of the program and `verify` do.
fn read_everything(dir: &Path) -> Result<Vec<String>, String> {
    let store = open(dir).map_err(|error| format!("{error:?}"))?;
    let say = |error: StoreError| format!("{error:?}");
    for (log, _) in store.heads().map_err(say)? {
        store.entries(&log, 0, usize::MAX).map_err(say)?;
    }
    store.waiting().map_err(say)?;
    let views = store.compare_views().map_err(say)?;
    let pages = store.check_pages().map_err(say)?;
    if pages.is_empty() { Ok(views) } else { Err(format!("Damaged: {}", pages[0])) }
}

#[test]
fn every_flipped_bit_is_found_and_the_file_is_set_aside() {
    let mut dice = Dice(77);
    let mut town = Town::new();
    town.connect_all();
    for at in 0..12 {
        let row = household(&mut dice, &format!("H{at}"), VILLAGE);
        town.import(VILLAGE, VILLAGE, &row);
    }
    town.disk(VILLAGE).db.conn.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").expect("checkpoints");
    let place = tempfile::tempdir().expect("a directory");
    copy_files(&town.dir(VILLAGE), place.path(), &["shouwang.db", "released"]);
    let path = place.path().join("shouwang.db");
    let whole = std::fs::read(&path).expect("reads");
    assert_eq!(read_everything(place.path()), Ok(Vec::new()));
    for _ in 0..120 {
        let mut bytes = whole.clone();
        let at = dice.roll(bytes.len());
        bytes[at] ^= 1 << dice.roll(8);
        std::fs::write(&path, &bytes).expect("writes");
        let found = read_everything(place.path()).expect_err("is found");
        assert!(found.contains("Damaged"), "byte {at}: {found}");
    }
    // The first page tells a damaged file from a wrong key.
    let mut bytes = whole.clone();
    bytes[100] ^= 1;
    std::fs::write(&path, &bytes).expect("writes");
    let refused = open(place.path()).expect_err("is damaged");
    assert!(matches!(refused, OpenError::Damaged(_)), "{refused:?}");
    let kept = set_aside(place.path()).expect("sets aside");
    assert_eq!(std::fs::read(kept.kept_in.join("shouwang.db")).expect("is kept"), bytes);
    assert!(kept.kept_in.ends_with("damaged-1") && kept.advice.contains("damaged-1"));
    assert!(matches!(open(place.path()), Err(OpenError::Missing)));
    let fresh = SqliteStore::create(place.path(), &KEY, Options::default()).expect("creates");
    assert!(fresh.open_incarnation(seed_of(VILLAGE).key(), Incarnation([8; 16])).expect("begins").begun.is_some());
    drop(fresh);
    assert!(set_aside(place.path()).expect("sets aside").kept_in.ends_with("damaged-2"));
}

#[test]
fn a_full_disk_writes_nothing_and_goes_on_by_itself() {
    let mut dice = Dice(13);
    let mut town = Town::new();
    town.connect_all();
    let limit = |town: &Town, pages: i64| {
        town.disk(VILLAGE).db.conn.query_row("SELECT 1", [], |_| Ok(())).expect("works");
        town.disk(VILLAGE).db.conn.pragma_update(None, "max_page_count", pages).expect("limits");
    };
    let pages: i64 = town.disk(VILLAGE).db.conn.query_row("PRAGMA page_count", [], |row| row.get(0)).expect("counts");
    limit(&town, pages + 4);
    let mut full = 0;
    for at in 0..200 {
        let row = household(&mut dice, &format!("H{at}"), VILLAGE);
        let edit = import::create(&row).remove(0);
        match town.try_act(VILLAGE, place(VILLAGE, Lane::Registry), RecordRef::New(Kind::HOUSEHOLD), edit) {
            // A smaller one may still fit.
            Ok(_) => {}
            Err(CommitError::Store(StoreError::Full)) => full += 1,
            Err(other) => panic!("{other}"),
        }
        if full > 3 {
            break;
        }
    }
    assert!(full > 3);
    town.compare();
    limit(&town, 1_000_000_000);
    let row = household(&mut dice, "later", VILLAGE);
    town.import(VILLAGE, VILLAGE, &row);
    town.connect_all();
    town.compare();
}

#[test]
fn secrets_and_names_are_not_in_the_files() {
    let mut town = Town::new();
    town.connect_all();
    let mut dice = Dice(2);
    let row = household(&mut dice, "H-canary", VILLAGE);
    town.import(VILLAGE, VILLAGE, &row);
    for name in ["shouwang.db", "shouwang.db-wal", "released"] {
        let Ok(bytes) = std::fs::read(town.dir(VILLAGE).join(name)) else { continue };
        for canary in ["H-canary".as_bytes(), "塘桥".as_bytes(), b"CREATE TABLE", &KEY] {
            assert!(!bytes.windows(canary.len()).any(|window| window == canary), "{name}");
        }
    }
}
