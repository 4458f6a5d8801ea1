//! The virtual city keeps its promises, says the same twice, and notices when a safeguard is missing.

use shouwang_protocol::admission::Safeguards;
use shouwang_simulations::world::{Options, Profile, Teeth, run};

const SEEDS: u64 = 60;

/// The promises that are broken in small cities, with how many seeds broke each.
fn broken(teeth: Teeth) -> std::collections::BTreeMap<&'static str, u64> {
    let mut found = std::collections::BTreeMap::new();
    for seed in 0..SEEDS {
        let outcome = run(Options { teeth, ..Options::new(seed, Profile::Small) });
        if let Some(failure) = outcome.failure {
            *found.entry(failure.what).or_default() += 1;
        }
    }
    found
}

#[test]
fn a_sound_city_keeps_its_promises() {
    for seed in 0..SEEDS {
        let outcome = run(Options::new(seed, Profile::Small));
        assert_eq!(outcome.failure, None, "seed {seed}");
        assert!(outcome.actions > 0 && outcome.events > 100);
    }
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    for seed in [3, 7, 24] {
        let options = Options { keep_trace: true, ..Options::new(seed, Profile::Small) };
        let (one, two) = (run(options), run(options));
        assert_eq!(one.hash, two.hash);
        assert!(one.trace == two.trace && one.trace.is_some_and(|trace| trace.lines().count() > 100));
    }
    let hash = |seed| run(Options::new(seed, Profile::Small)).hash;
    assert_ne!(hash(3), hash(4));
}

#[test]
fn a_written_trace_is_played_again_by_one_command_and_a_changed_one_is_noticed() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("trace");
    let simulate = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_simulate"));
        let output = command.args(arguments).arg(&file).output().expect("runs");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    assert_eq!(simulate(&["--seed", "3", "--profile", "small", "--days", "1", "--trace"]).0, Some(0));
    let (code, said) = simulate(&["--replay"]);
    assert!(code == Some(0) && said.starts_with("the same, "), "{said}");
    let trace = std::fs::read_to_string(&file).expect("a trace");
    let changed: Vec<&str> = trace.lines().enumerate().filter(|(at, _)| *at != 50).map(|(_, line)| line).collect();
    std::fs::write(&file, changed.join("\n") + "\n").expect("writes");
    let (code, said) = simulate(&["--replay"]);
    assert!(code == Some(1) && said.contains("line 46 differs"), "{said}");
}

#[test]
fn without_scope_on_admission_foreign_logs_are_stored() {
    let safeguards = Safeguards { scope_on_admission: false, ..Safeguards::default() };
    let found = broken(Teeth { safeguards, ..Teeth::default() });
    assert!(found.contains_key("authority"), "{found:?}");
}

#[test]
fn without_authority_on_effect_a_village_decides_for_the_city() {
    let safeguards = Safeguards { authority_on_effect: false, ..Safeguards::default() };
    let found = broken(Teeth { safeguards, ..Teeth::default() });
    assert!(found.contains_key("authority"), "{found:?}");
}

#[test]
fn without_scope_on_sending_villages_get_each_others_files() {
    let safeguards = Safeguards { scope_on_sending: false, ..Safeguards::default() };
    let found = broken(Teeth { safeguards, ..Teeth::default() });
    assert_eq!(found.get("scope"), Some(&SEEDS), "{found:?}");
}

#[test]
fn without_a_synced_disk_acknowledged_work_is_lost() {
    let found = broken(Teeth { unsynced: true, ..Teeth::default() });
    assert!(found.contains_key("lost"), "{found:?}");
}

#[test]
fn without_a_new_life_after_a_restore_honest_logs_fork() {
    let found = broken(Teeth { old_life_after_restore: true, ..Teeth::default() });
    assert!(found.contains_key("fork"), "{found:?}");
}
