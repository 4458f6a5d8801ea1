//! Three offices as three processes: real keys, real QUIC, real databases, real `kill -9`.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, missing_docs)]

use serde_json::Value;
use shouwang_simulations::households::{Options, SplitMix64, docs};
use shouwang_simulations::offices::{Office, program, write_lines};
use std::path::{Path, PathBuf};
use std::time::Duration;

const TOWNSHIP: &str = "320582100000";
const VILLAGE: &str = "320582100201";
const NEIGHBOUR: &str = "320582100202";
const OTHER_TOWNSHIP: &str = "320582107000";
const PATIENCE: Duration = Duration::from_secs(60);

struct City {
    dir: tempfile::TempDir,
    city: Office,
}

impl City {
    fn found() -> City {
        let dir = tempfile::tempdir().expect("a directory");
        let table = dir.path().join("divisions.csv");
        std::fs::write(&table, shouwang_provisioning::divisions::ZHANGJIAGANG).expect("writes");
        let program = program().expect("the program is built");
        let city = Office::found(&program, dir.path().join("city"), &table, "市社会救助服务中心").expect("founds");
        City { dir, city }
    }

    fn enrol(&self, name: &str, areas: &[&str]) -> Office {
        self.city.enrol(self.dir.path().join(name), areas, &[]).expect("enrols")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Invented households of one village.
    fn rows(&self, name: &str, village: &str, n: u64, seed: u64) -> PathBuf {
        let lines = docs(&Options { n, seed, divisions: None, area: None }).expect("rows").enumerate().map(|(index, line)| {
            let mut row: Value = serde_json::from_str(&line).expect("JSON");
            row["region"] = village.into();
            row["id"] = format!("{village}-{seed}-{index}").into();
            row.to_string()
        });
        let path = self.path(name);
        write_lines(&path, lines).expect("writes");
        path
    }
}

fn import(office: &Office, file: &Path) -> Value {
    office.command(&["import", "households", &file.to_string_lossy()]).expect("imports")
}

fn count(value: &Value, key: &str) -> u64 {
    value[key].as_u64().unwrap_or(u64::MAX)
}

fn digest(office: &Office, area: &str) -> String {
    office.status().expect("status")["areas_digest"][area].as_str().unwrap_or("none").to_owned()
}

fn all_confirmed(status: &Value) -> bool {
    status["confirmed"]["city"] == status["own_entries"] && status["confirmed"]["township"] == status["own_entries"]
}

fn verify(office: &Office) {
    let report = office.command(&["verify"]).expect("nothing differs");
    assert_eq!(report["differences"].as_array().map(Vec::len), Some(0), "{report}");
}

#[test]
fn a_village_works_offline_and_three_processes_agree() {
    let mut city = City::found();
    let mut township = city.enrol("yangshe", &[TOWNSHIP]);
    let mut village = city.enrol("village", &[VILLAGE]);
    let mut other = city.enrol("daxin", &[OTHER_TOWNSHIP]);

    // Nobody is on line: the village imports and sees its households at once.
    let rows = city.rows("rows.jsonl", VILLAGE, 300, 1);
    assert_eq!(count(&import(&village, &rows), "imported"), 300);
    assert_eq!(count(&village.status().expect("status"), "households"), 300);

    city.city.run(&[]).expect("runs");
    let at_city = city.city.quic().expect("listens");
    township.run(&[at_city]).expect("runs");
    other.run(&[at_city]).expect("runs");
    village.run(&[township.quic().expect("listens")]).expect("runs");
    village.wait_until("receipts of township and city", PATIENCE, all_confirmed).expect("confirmed");
    assert_eq!(count(&city.city.status().expect("status"), "households"), 300);
    for office in [&township, &city.city] {
        assert_eq!(digest(office, VILLAGE), digest(&village, VILLAGE));
        verify(office);
    }
    // The other township holds nothing of it.
    assert_eq!(count(&other.status().expect("status"), "households"), 0);
    assert_eq!(digest(&other, VILLAGE), "none");

    // Importing again adds nothing; a second `run` of the same directory is refused at once.
    let before = count(&village.status().expect("status"), "entries");
    assert_eq!(count(&import(&village, &rows), "unchanged"), 300);
    assert_eq!(count(&village.status().expect("status"), "entries"), before);
    let second = village.raw(&["run", "--web", "127.0.0.1:0"]).expect("starts");
    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&second.stderr).contains("another process"), "{second:?}");

    // The township is killed; the village goes on; the township comes back and hears of it.
    township.kill().expect("kills");
    let more = city.rows("more.jsonl", VILLAGE, 40, 2);
    assert_eq!(count(&import(&village, &more), "imported"), 40);
    village.stop().expect("stops");
    township.run(&[at_city]).expect("runs again");
    village.run(&[township.quic().expect("listens")]).expect("runs again");
    village.wait_until("receipts again", PATIENCE, all_confirmed).expect("confirmed");
    assert_eq!(count(&city.city.status().expect("status"), "households"), 340);
    verify(&village);
}

#[test]
fn bad_rows_go_to_a_file_and_the_good_ones_are_in() {
    let city = City::found();
    let village = city.enrol("village", &[VILLAGE]);
    let good = std::fs::read_to_string(city.rows("good.jsonl", VILLAGE, 5, 3)).expect("reads");
    let good: Vec<Value> = good.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let changed = |index: usize, change: &dyn Fn(&mut Value)| {
        let mut row = good[index].clone();
        change(&mut row);
        row.to_string()
    };
    let lines = [
        good[0].to_string(),
        changed(1, &|row| row["members"][0]["id_no"] = "519321198001010010".into()),
        changed(2, &|row| row["region"] = NEIGHBOUR.into()),
        changed(3, &|row| row["head"] = "".into()),
        good[0].to_string(),
        "{\"id\": \"broken".to_owned(),
        good[4].to_string(),
    ];
    let path = city.path("mixed.jsonl");
    write_lines(&path, lines).expect("writes");
    let mut bytes = std::fs::read(&path).expect("reads");
    bytes.extend_from_slice(b"{\"id\":\"\xd5\xc5\xc8\xfd\"}\n");
    std::fs::write(&path, bytes).expect("writes");

    let report = import(&village, &path);
    assert_eq!((count(&report, "imported"), count(&report, "rejected")), (2, 6), "{report}");
    let rejects = std::fs::read_to_string(city.path("mixed.jsonl.rejects.jsonl")).expect("a rejects file");
    let mut lines: Vec<u64> = rejects
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON")["line"].as_u64().expect("a line"))
        .collect();
    lines.dedup();
    assert_eq!(lines, [2, 3, 4, 5, 6, 8]);
    for line in rejects.lines() {
        assert!(!serde_json::from_str::<Value>(line).expect("JSON")["reason"].as_str().unwrap_or_default().is_empty(), "{line}");
    }
    // What was acknowledged is there, also after `verify` rebuilt everything.
    assert_eq!(count(&village.status().expect("status"), "households"), 2);
    verify(&village);
}

#[test]
fn a_wrong_passphrase_touches_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let table = dir.path().join("divisions.csv");
    std::fs::write(&table, shouwang_provisioning::divisions::ZHANGJIAGANG).expect("writes");
    let program = program().expect("the program is built");
    let run = |words: &[&str], passphrase: &str| {
        let mut command = std::process::Command::new(&program);
        command.args(words).arg("--dir").arg(dir.path().join("city")).env("SHOUWANG_PASSPHRASE", passphrase);
        command.stdin(std::process::Stdio::null()).output().expect("starts")
    };
    let made = run(&["init", "--divisions", &table.to_string_lossy(), "--office", "市中心"], "正确的口令 8");
    assert!(made.status.success(), "{made:?}");
    let before = std::fs::read(dir.path().join("city/shouwang.db")).expect("reads");
    let refused = run(&["status"], "错误的口令");
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("passphrase"), "{refused:?}");
    assert_eq!(std::fs::read(dir.path().join("city/shouwang.db")).expect("reads"), before);
    assert!(run(&["status"], "正确的口令 8").status.success());
}

#[test]
fn a_restored_backup_begins_a_new_incarnation_and_gets_its_own_entries_back() {
    let mut city = City::found();
    let mut township = city.enrol("yangshe", &[TOWNSHIP]);
    let mut village = city.enrol("village", &[VILLAGE]);
    city.city.run(&[]).expect("runs");
    township.run(&[city.city.quic().expect("listens")]).expect("runs");
    let above = township.quic().expect("listens");

    import(&village, &city.rows("one.jsonl", VILLAGE, 10, 4));
    let backup = city.path("backup");
    village.command(&["backup", "--out", &backup.to_string_lossy()]).expect("backs up");
    import(&village, &city.rows("two.jsonl", VILLAGE, 7, 5));
    village.run(&[above]).expect("runs");
    village.wait_until("receipts", PATIENCE, all_confirmed).expect("confirmed");
    let old = village.status().expect("status");
    village.stop().expect("stops");

    village.command(&["restore", "--from", &backup.to_string_lossy()]).expect("restores");
    let restored = village.status().expect("status");
    assert_eq!(count(&restored, "households"), 10);
    assert_ne!(restored["incarnation"], old["incarnation"]);
    // It works before it ever had contact, and nothing collides when it has.
    import(&village, &city.rows("three.jsonl", VILLAGE, 3, 6));
    village.run(&[above]).expect("runs");
    village
        .wait_until("everything back", PATIENCE, |status| count(status, "households") == 20 && all_confirmed(status))
        .expect("back");
    assert_eq!(digest(&township, VILLAGE), digest(&village, VILLAGE));
    verify(&village);
    verify(&township);
}

#[test]
fn two_hundred_kills_lose_no_acknowledged_action() {
    const KILLS: u64 = 200;
    let mut city = City::found();
    let mut township = city.enrol("yangshe", &[TOWNSHIP]);
    let mut village = city.enrol("village", &[VILLAGE]);
    township.run(&[]).expect("runs");
    let mut above = township.quic().expect("listens");
    let mut random = SplitMix64::new(20_260_701);
    let mut acknowledged = 0;
    for kill in 0..KILLS {
        village.run(&[above]).expect("runs");
        let rows = city.rows("few.jsonl", VILLAGE, 3, 1_000 + kill);
        let process = village.process().expect("runs");
        // The killer is another thread, so that the kill hits commits and syncs at any moment.
        let delay = Duration::from_micros(random.below(60_000));
        let killer = std::thread::spawn(move || {
            std::thread::sleep(delay);
            std::process::Command::new("kill").args(["-9", &process.to_string()]).status()
        });
        let report = village.raw(&["import", "households", &rows.to_string_lossy()]).expect("starts");
        // Exit 0 was recorded outside the killed process: these rows must never be lost.
        if report.status.success() {
            acknowledged += 1;
        }
        killer.join().expect("joins").expect("kills");
        village.kill().expect("reaps");
        let again = import(&village, &rows);
        assert_eq!(count(&again, "imported") + count(&again, "unchanged"), 3, "{again}");
        if report.status.success() {
            assert_eq!(count(&again, "unchanged"), 3, "kill {kill} lost an acknowledged import: {again}");
        }
        if kill % 20 == 19 {
            verify(&village);
            // The township dies now and then, too.
            township.kill().expect("kills");
            township.run(&[]).expect("runs");
            above = township.quic().expect("listens");
        }
    }
    let status = village.status().expect("status");
    assert_eq!(count(&status, "households"), KILLS * 3);
    // One life: the watermark never fell behind, so no incarnation had to begin anew.
    assert_eq!(count(&status, "own_logs"), 1, "{status}");
    village.run(&[above]).expect("runs");
    township.wait_until("all rows", PATIENCE, |status| count(status, "households") == KILLS * 3).expect("arrive");
    city.city.stop().expect("stops");
    assert!(acknowledged > 0, "the kills came too early to prove anything");
    verify(&township);
}
