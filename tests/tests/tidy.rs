//! The shape of the project, checked by machine: what may name what (design invariants I1 to I3).
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, missing_docs)]

use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

fn sources(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).expect("a directory").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
    found
}

/// Files below `dir`, but not below `allowed`, in which a line of code contains one of `words`.
fn who_names(dir: &str, words: &[&str], allowed: &[&str]) -> Vec<String> {
    let root = root();
    let mut found = Vec::new();
    for path in sources(&root.join(dir)) {
        let name = path.strip_prefix(&root).expect("below").to_string_lossy().into_owned();
        if allowed.iter().any(|allowed| name.starts_with(allowed)) {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("reads");
        for (number, line) in text.lines().enumerate() {
            let code = line.trim_start();
            if !code.starts_with("//") && words.iter().any(|word| code.contains(word)) {
                found.push(format!("{name}:{}", number + 1));
            }
        }
    }
    found
}

fn dependencies(package: &str) -> Vec<String> {
    let arguments = ["tree", "--locked", "--offline", "-e", "normal", "--prefix", "none", "--format", "{p}", "-p", package];
    let output = Command::new(env!("CARGO")).args(arguments).current_dir(root()).output().expect("cargo tree");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

#[test]
fn protocol_is_pure() {
    let tree = dependencies("shouwang-protocol");
    assert!(tree.iter().any(|name| name == "automerge"), "{tree:?}");
    for banned in ["tokio", "rusqlite", "quinn", "axum", "async-std", "shouwang-node", "shouwang-simulations"] {
        assert!(!tree.iter().any(|name| name == banned), "protocol depends on {banned}");
    }
    let named = who_names(
        "protocol/src",
        &["SystemTime", "Instant::now", "std::fs", "std::net", "std::thread", "SystemRandom", "async fn"],
        &[],
    );
    assert_eq!(named, Vec::<String>::new());
}

#[test]
fn simulations_and_provisioning_need_the_protocol_only() {
    for package in ["shouwang-simulations", "shouwang-provisioning"] {
        let tree = dependencies(package);
        for banned in ["shouwang-node", "rusqlite", "quinn", "axum"] {
            assert!(!tree.iter().any(|name| name == banned), "{package} depends on {banned}");
        }
    }
}

#[test]
fn only_the_store_contains_sql_and_only_the_net_names_quinn_and_only_the_pages_name_axum() {
    assert_eq!(
        who_names("node/src", &["rusqlite", "SELECT ", "INSERT INTO", "PRAGMA"], &["node/src/store"]),
        Vec::<String>::new()
    );
    assert_eq!(who_names("node/src", &["quinn::", "rustls::"], &["node/src/net"]), Vec::<String>::new());
    assert_eq!(who_names("node/src", &["axum::"], &["node/src/web", "node/src/portal"]), Vec::<String>::new());
}

#[test]
fn the_project_stands_alone() {
    for dir in ["protocol", "provisioning", "simulations", "node", "tests/src"] {
        assert_eq!(who_names(dir, &["../shared", "/work/"], &[]), Vec::<String>::new());
    }
}
