//! What an office wrote a month ago: the node's own code on its directory, with the clock of that day.

use shouwang_node::clock::Clock;
use shouwang_node::console::Request;
use shouwang_node::node::Node;
use shouwang_node::store::KeySource;
use shouwang_simulations::offices::Office;
use std::path::Path;

/// So many days ago it was another month, whatever day it is.
const DAYS: i64 = 31;
const DAY_MS: i64 = 86_400_000;

/// Brings households in at an office that does not run, with a clock that shows last month.
pub fn import_last_month(office: &Office, file: &Path) {
    let real = Clock::real();
    let clock = Clock::of(move || {
        let mut now = real.now();
        now.wall_ms -= DAYS * DAY_MS;
        now
    });
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let source = KeySource::KeyFile(office.key_file().to_owned());
        let node = Node::open(office.dir(), &source, clock).expect("opens");
        let done = node.execute(Request::ImportHouseholds { file: file.to_owned() }, |_, _| {}).await.expect("imports");
        assert_eq!(done["rejected"], 0, "{done}");
        node.close().await;
    });
}
