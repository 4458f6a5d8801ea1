//! A machine that was switched on again with nobody at its terminal: the pages ask for the passphrase.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, missing_docs)]

use serde_json::Value;
use shouwang_simulations::offices::program;
use shouwang_tests::http::{self, Answer};
use std::io::{BufRead as _, BufReader, Lines};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

const PASSPHRASE: &str = "春风 又绿 江南";

/// Makes a city in `dir` and gives what was told once.
fn found(dir: &Path) -> Value {
    let table = dir.with_extension("csv");
    std::fs::write(&table, shouwang_provisioning::divisions::ZHANGJIAGANG).expect("writes");
    let mut command = Command::new(program().expect("the program"));
    command.args(["init", "--json", "--office", "市中心", "--divisions"]).arg(&table).arg("--dir").arg(dir);
    let made = command.env("SHOUWANG_PASSPHRASE", PASSPHRASE).output().expect("starts");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    serde_json::from_slice(&made.stdout).expect("JSON")
}

/// A node that was started with no passphrase, no key file and no terminal.
struct Started(Child, Lines<BufReader<ChildStdout>>);

impl Started {
    fn on(dir: &Path) -> Started {
        let mut command = Command::new(program().expect("the program"));
        command.args(["run", "--json", "--quic", "127.0.0.1:0", "--web", "127.0.0.1:0", "--dir"]).arg(dir);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("starts");
        let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        Started(child, lines)
    }

    fn line(&mut self) -> Value {
        let line = self.1.next().expect("a line").expect("text");
        serde_json::from_str(&line).expect("JSON")
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn unlock(at: SocketAddr, passphrase: &str) -> Answer {
    let origin = format!("http://{at}");
    let headers = [("Origin", origin.as_str()), ("Content-Type", "application/x-www-form-urlencoded")];
    let percent: String = passphrase.bytes().map(|byte| format!("%{byte:02X}")).collect();
    http::request(at, "POST", "/unlock", &headers, format!("passphrase={percent}").as_bytes()).expect("answers")
}

fn get(at: SocketAddr, path: &str) -> Answer {
    http::request(at, "GET", path, &[], b"").expect("answers")
}

#[test]
fn a_node_with_nobody_at_its_terminal_is_unlocked_from_its_page() {
    let dir = tempfile::tempdir().expect("a directory");
    let city = dir.path().join("city");
    let told = found(&city);
    let vault = std::fs::read(city.join("vault.json")).expect("reads");
    let recovery = told["recovery_key"].as_str().expect("a recovery key").to_owned();
    for key in [PASSPHRASE.to_owned(), recovery.to_uppercase()] {
        let mut node = Started::on(&city);
        let locked = node.line();
        assert_eq!(locked["locked"], true);
        let at: SocketAddr = locked["web"].as_str().expect("an address").parse().expect("an address");
        assert_eq!((get(at, "/healthz").status, get(at, "/readyz").status), (200, 503));
        assert!(get(at, "/unlock").text().contains("解锁"));
        let refused = unlock(at, "春风");
        assert!(refused.status == 401 && refused.text().contains("没有改动任何数据"), "{}", refused.text());
        assert_eq!(std::fs::read(city.join("vault.json")).expect("reads"), vault, "untouched");

        assert_eq!(unlock(at, &key).status, 303);
        let ready = node.line();
        assert_eq!((&ready["ready"], &ready["web"]), (&Value::Bool(true), &locked["web"]), "the same address");
        assert_eq!(get(at, "/readyz").status, 200);
        assert!(get(at, "/sign-in").text().contains("登录"));
    }
}

#[test]
fn a_directory_without_a_vault_is_told_at_once_and_asks_nobody() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut command = Command::new(program().expect("the program"));
    command.args(["run", "--web", "127.0.0.1:0", "--dir"]).arg(dir.path()).stdin(Stdio::null());
    let refused = command.output().expect("starts");
    assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("no vault"), "{refused:?}");
}
