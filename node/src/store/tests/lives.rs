//! Incarnations: crashes leave one; a database older than what was released begins a new one.

use super::support::*;
use crate::store::open::{MIGRATIONS, Migration, migrate};
use crate::store::{Begun, OpenError, Options, Readers, SqliteStore, restore};
use shouwang_protocol::device::Incarnation;
use shouwang_protocol::hash::Hash;
use shouwang_protocol::record::{Kind, Lane, RecordRef};
use shouwang_protocol::replica::{Action, Draft, Identity, Replica};
use shouwang_protocol::store::Store;
use std::path::Path;

fn identity(n: usize, incarnation: Incarnation) -> Identity {
    Identity { key: seed_of(n), incarnation, root: root().key(), pinned: vec![certificate(CITY, 1), certificate(n, 1)] }
}

fn open(dir: &Path) -> SqliteStore {
    SqliteStore::open_or_create(dir, &KEY, Options::default()).expect("opens")
}

/// The city's device writes a member of staff.
fn write(replica: &mut Replica<SqliteStore>, at: u64) {
    let mut id = [7; 16];
    id[..8].copy_from_slice(&at.to_le_bytes());
    let edit = if at == 0 {
        shouwang_protocol::control::divisions::create()
    } else {
        let person = shouwang_protocol::records::staff::Staff::new(format!("p{at}"), "某", office(CITY), []);
        shouwang_protocol::records::staff::create(&person)
    };
    let kind = if at == 0 { Kind::DIVISIONS } else { Kind::STAFF };
    let drafts = vec![Draft { place: place(CITY, Lane::Control), record: RecordRef::New(kind), edit }];
    let action =
        Action { id: shouwang_protocol::record::ActionId(id), staff: "console".into(), claimed_ms: 0, shown: Vec::new(), drafts };
    replica.commit(action).expect("commits");
}

#[test]
fn fifty_crashes_leave_one_incarnation() {
    let dir = tempfile::tempdir().expect("a directory");
    let me = seed_of(CITY).key();
    let first = open(dir.path()).open_incarnation(me, Incarnation([1; 16])).expect("begins");
    assert_eq!(first.begun, Some(Begun::First));
    for at in 0..50_u64 {
        let store = open(dir.path());
        let life = store.open_incarnation(me, Incarnation([99; 16])).expect("opens");
        assert_eq!((life.incarnation, life.begun), (Incarnation([1; 16]), None), "crash {at}");
        let mut replica = Replica::open(store, identity(CITY, life.incarnation)).expect("opens");
        write(&mut replica, at);
        // A crash: files as they are at this moment, nothing is closed or flushed.
        let elsewhere = tempfile::tempdir().expect("a directory");
        copy_files(dir.path(), elsewhere.path(), &["shouwang.db", "shouwang.db-wal", "released"]);
        drop(replica);
        copy_files(elsewhere.path(), dir.path(), &["shouwang.db", "shouwang.db-wal", "shouwang.db-shm", "released"]);
    }
    let store = open(dir.path());
    assert_eq!(store.heads().expect("reads").len(), 1);
    assert_eq!(store.heads().expect("reads")[0].1.length, 50);
}

#[test]
fn a_crash_between_commit_and_mark_goes_on_but_what_follows_is_marked() {
    let dir = tempfile::tempdir().expect("a directory");
    let me = seed_of(CITY).key();
    let store = open(dir.path());
    let life = store.open_incarnation(me, Incarnation([1; 16])).expect("begins");
    let before = std::fs::read(dir.path().join("released")).expect("reads");
    let mut replica = Replica::open(store, identity(CITY, life.incarnation)).expect("opens");
    write(&mut replica, 0);
    drop(replica);
    // The commit was on the disk, the mark was not.
    std::fs::write(dir.path().join("released"), before).expect("writes");
    let empty = tempfile::tempdir().expect("a directory");
    copy_files(dir.path(), empty.path(), &["shouwang.db"]);
    assert_eq!(open(dir.path()).open_incarnation(me, Incarnation([2; 16])).expect("opens").begun, None);
    // From now on that entry may be released: an older file is found out.
    let store = open(dir.path());
    let mut replica = Replica::open(store, identity(CITY, life.incarnation)).expect("opens");
    write(&mut replica, 1);
    drop(replica);
    copy_files(empty.path(), dir.path(), &DATABASE);
    let life = open(dir.path()).open_incarnation(me, Incarnation([2; 16])).expect("opens");
    assert_eq!((life.incarnation, life.begun), (Incarnation([2; 16]), Some(Begun::Shorter)));
}

#[test]
fn an_older_database_another_device_or_no_watermark_begins_a_new_life() {
    let dir = tempfile::tempdir().expect("a directory");
    let me = seed_of(CITY).key();
    let life = open(dir.path()).open_incarnation(me, Incarnation([1; 16])).expect("begins");
    let mut replica = Replica::open(open(dir.path()), identity(CITY, life.incarnation)).expect("opens");
    write(&mut replica, 0);
    drop(replica);
    let old = tempfile::tempdir().expect("a directory");
    copy_files(dir.path(), old.path(), &["shouwang.db"]);
    let mut replica = Replica::open(open(dir.path()), identity(CITY, life.incarnation)).expect("opens");
    write(&mut replica, 1);
    drop(replica);

    copy_files(old.path(), dir.path(), &DATABASE);
    let store = open(dir.path());
    let epoch = store.epoch();
    let second = store.open_incarnation(me, Incarnation([2; 16])).expect("opens");
    assert_eq!(second.begun, Some(Begun::Shorter));
    let renewed = store.epoch();
    assert_ne!(renewed, epoch, "peers must compare anew");
    drop(store);
    assert_eq!(open(dir.path()).epoch(), renewed);
    assert_eq!(
        open(dir.path()).open_incarnation(me, Incarnation([3; 16])).expect("opens").incarnation,
        Incarnation([2; 16]),
        "once"
    );

    let asked = open(dir.path()).begin_incarnation(me, Incarnation([4; 16])).expect("begins");
    assert_eq!(asked.begun, Some(Begun::Asked));
    assert_eq!(open(dir.path()).open_incarnation(me, Incarnation([5; 16])).expect("opens").incarnation, Incarnation([4; 16]));

    let other = open(dir.path()).open_incarnation(seed_of(TOWNSHIP).key(), Incarnation([6; 16])).expect("opens");
    assert_eq!(other.begun, Some(Begun::OtherStore));
    std::fs::remove_file(dir.path().join("released")).expect("removes");
    assert_eq!(open(dir.path()).open_incarnation(me, Incarnation([7; 16])).expect("opens").begun, Some(Begun::NoWatermark));
}

#[test]
fn a_restored_backup_has_a_new_epoch_no_peers_and_begins_a_new_life() {
    let mut dice = Dice(6);
    let mut town = Town::new();
    town.connect_all();
    let row = household(&mut dice, "H1", VILLAGE);
    town.import(VILLAGE, VILLAGE, &row);
    town.run();
    let backups = tempfile::tempdir().expect("a directory");
    let backup = backups.path().join("backup.db");
    let readers = Readers::open(&town.dir(VILLAGE), &KEY, Options::default(), 1).expect("opens");
    readers.backup_to(&backup).expect("backs up");
    assert!(readers.backup_to(&backup).is_err(), "never over an older one");
    let bytes = std::fs::read(&backup).expect("reads");
    assert!(!bytes.windows(6).any(|window| window == "塘桥".as_bytes()), "encrypted");

    let fresh = tempfile::tempdir().expect("a directory");
    assert!(matches!(restore(&backup, fresh.path(), &[1; 32], Options::default()), Err(OpenError::WrongKey)));
    restore(&backup, fresh.path(), &KEY, Options::default()).expect("restores");
    assert!(matches!(restore(&backup, fresh.path(), &KEY, Options::default()), Err(OpenError::Exists)));
    let restored = open(fresh.path());
    let original = town.disk(VILLAGE);
    assert_ne!(restored.epoch(), original.epoch());
    assert_eq!(restored.heads().expect("reads"), original.heads().expect("reads"));
    assert!(original.peer(&seed_of(TOWNSHIP).key()).expect("reads").is_some());
    assert_eq!(restored.peer(&seed_of(TOWNSHIP).key()).expect("reads"), None);
    assert_eq!(restored.compare_views().expect("compares"), Vec::<String>::new());
    let life = restored.open_incarnation(seed_of(VILLAGE).key(), Incarnation([44; 16])).expect("opens");
    assert_eq!((life.incarnation, life.begun), (Incarnation([44; 16]), Some(Begun::Restored)));
}

/// A database of an office has taken the first of them long ago: what changes goes into a new one.
#[test]
fn steps_of_the_schema_that_offices_have_taken_are_not_changed() {
    let taken = [
        "236965ba", "e3d9a0e2", "e91f5104", "3db33db6", "dad41894", "f06cbcc4", "c0565fbb", "9a42de25", "578f926b", "2234941b",
        "1ef755fe", "dfa25920", "b81ec0f8", "2a93e8d3", "e4ea6210",
    ];
    let texts = MIGRATIONS.iter().map(|Migration::Sql(text)| Hash::of("step", &[text.as_bytes()]).hex()[..8].to_owned());
    assert_eq!(texts.take(taken.len()).collect::<Vec<_>>(), taken);
}

#[test]
fn an_upgraded_schema_is_the_same_as_a_fresh_one_and_a_newer_one_is_refused() {
    const NEXT: &str = "CREATE TABLE extra (id INTEGER PRIMARY KEY) STRICT;";
    let steps = || -> Vec<Migration> { MIGRATIONS.iter().copied().chain([Migration::Sql(NEXT)]).collect() };
    let schema = |store: &SqliteStore| {
        let sql = "SELECT type || ' ' || name || ' ' || coalesce(sql, '') FROM sqlite_schema ORDER BY 1";
        crate::store::rows::all(&store.db.conn, sql, [], |row| Ok(row.get::<_, String>(0)?)).expect("reads")
    };
    let (old, new) = (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
    let upgraded = SqliteStore::create(old.path(), &KEY, Options::default()).expect("creates");
    migrate(&upgraded.db, &steps()).expect("upgrades");
    migrate(&upgraded.db, &steps()).expect("is there already");
    let fresh = SqliteStore::create(new.path(), &KEY, Options::default()).expect("creates");
    fresh.db.conn.execute_batch(NEXT).expect("makes");
    assert_eq!(schema(&upgraded), schema(&fresh));
    drop(upgraded);
    let refused = SqliteStore::open(old.path(), &KEY, Options::default()).expect_err("is newer");
    let known = MIGRATIONS.len() as i64;
    assert!(
        matches!(refused, OpenError::NewerVersion { found, known: ours } if found == known + 1 && ours == known),
        "{refused}"
    );
    assert!(matches!(Readers::open(old.path(), &KEY, Options::default(), 1), Err(OpenError::NewerVersion { .. })));
}
