//! What an office wrote a month ago: the node's own code on its directory, with the clock of that day.

use shouwang_node::clock::Clock;
use shouwang_node::console::Request;
use shouwang_node::desk::{Command, OpenCase, Person};
use shouwang_node::node::Node;
use shouwang_node::store::KeySource;
use shouwang_protocol::record::ActionId;
use shouwang_protocol::records::event::Origin;
use shouwang_protocol::records::staff::Role;
use shouwang_simulations::offices::Office;
use std::path::Path;

/// So many days ago it was another month, whatever day it is.
const DAYS: i64 = 31;
const DAY_MS: i64 = 86_400_000;

/// Brings households in at an office that does not run, with a clock that shows last month.
pub fn import_last_month(office: &Office, file: &Path) {
    let file = file.to_owned();
    last_month(office, async |node| {
        let done = node.execute(Request::ImportHouseholds { file }, |_, _| {}).await.expect("imports");
        assert_eq!(done["rejected"], 0, "{done}");
    });
}

/// A plea that a clerk of an office that does not run wrote down last month; its case.
#[allow(dead_code)]
pub fn plea_last_month(office: &Office, clerk: &str, who: &str) -> String {
    last_month(office, async |node| {
        let desk = node.desk().await.expect("a desk");
        let here = desk.here().await.expect("an office");
        let person = Person { id: clerk.to_owned(), roles: [Role::Intake].into(), ..Person::console(here.office, here.tier) };
        let plea = OpenCase {
            applicant: who.to_owned(),
            assistance: "临时救助".to_owned(),
            summary: "老人独居，屋顶漏雨".to_owned(),
            ..OpenCase::of(Origin::Plea)
        };
        let done = desk.perform(&person, ActionId([7; 16]), Command::OpenCase(plea)).await.expect("opens");
        done.case.expect("a case").to_string()
    })
}

/// Works at an office that does not run, with a clock that shows last month.
fn last_month<T>(office: &Office, work: impl AsyncFnOnce(&Node) -> T) -> T {
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
        let done = work(&node).await;
        node.close().await;
        done
    })
}
