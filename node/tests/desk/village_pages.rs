//! How long a village's pages take that look at each of its households.
//!
//! `cargo test --release -p shouwang-node --test desk -- --ignored village_pages --nocapture` prints it, for the numbers
//! of households in `SHOUWANG_HOUSEHOLDS` (300,10000 when it isn't set).

use super::support::*;
use shouwang_simulations::households::{self, Options};
use std::io::Write as _;
use std::time::Instant;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it takes a minute; for README"]
async fn village_pages_of_a_large_village() {
    let sizes = std::env::var("SHOUWANG_HOUSEHOLDS").unwrap_or_else(|_| "300,10000".to_owned());
    for n in sizes.split(',').map(|size| size.trim().parse().expect("a number")) {
        let city = city().await;
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("rows.jsonl");
        let mut file = std::fs::File::create(&path).expect("a file");
        for row in households::docs(&Options { n, seed: 1, divisions: None, area: None }).expect("rows") {
            let mut row: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&row).expect("a row");
            row.insert("region".into(), area(VILLAGE).to_string().into());
            writeln!(file, "{}", serde_json::Value::Object(row)).expect("writes");
        }
        let console = city.desk.console().await.expect("a console");
        city.desk.import_file(&console, &path, |_, _| {}).await.expect("imports");
        let clerk = city.clerk();
        for turn in ["first", "again"] {
            let begun = Instant::now();
            let missed = city.desk.missed(&clerk, Some(area(VILLAGE)), false).await.expect("a page");
            let (missed_ms, begun) = (begun.elapsed().as_millis(), Instant::now());
            let reviews = city.desk.reviews(&clerk, Some(area(VILLAGE))).await.expect("a page");
            let reviews_ms = begun.elapsed().as_millis();
            let lines = (missed.lines.len(), reviews.lines.len());
            println!("{n} households, {turn}: /missed {missed_ms} ms, /reviews {reviews_ms} ms, {lines:?} lines");
        }
    }
}
