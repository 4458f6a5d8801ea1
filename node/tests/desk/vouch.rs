//! A signed annual file in the hands of somebody who has no system, only the city's key.

use super::books::{accepted, decision, pay};
use super::support::*;
use shouwang_node::desk::DeskError;
use shouwang_node::desk::vouch::{Vouched, Worth, check};
use shouwang_node::store::reader::Page;
use shouwang_protocol::annual_seal::{SealFault, Statement};
use shouwang_protocol::device::{DeviceKey, SigningKey};
use shouwang_protocol::record::RecordId;
use shouwang_protocol::records::amount::Fen;
use shouwang_protocol::records::event::{Channel, Verdict};
use shouwang_protocol::records::staff::Role;
use shouwang_protocol::replica::Action;
use shouwang_provisioning::city;

async fn root(machine: &Machine) -> DeviceKey {
    machine.desk.writer().with(|engine| engine.replica().control().root).await.expect("asks")
}

async fn vouched(machine: &Machine, household: RecordId) -> Vouched {
    let reviewer = machine.person("r", &[Role::Reviewer]);
    machine.desk.vouch(&reviewer, household, 2019, "交本人留存").await.expect("signs")
}

/// What a machine of the city says of a file.
async fn worth(machine: &Machine, file: &[u8]) -> Worth {
    let file = file.to_vec();
    let ask = machine.desk.writer().with(move |engine| {
        let control = engine.replica().control();
        check(&file, &control.root, Some(control))
    });
    ask.await.expect("asks")
}

fn nothing(worth: &Worth) -> SealFault {
    match worth {
        Worth::Nothing(fault) => *fault,
        other => panic!("worth something: {other:?}"),
    }
}

fn spoiled(file: &[u8], from: &str, to: &str) -> Vec<u8> {
    let text = String::from_utf8(file.to_vec()).expect("text");
    assert!(text.contains(from), "{from} stands in {text}");
    text.replacen(from, to, 1).into_bytes()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_17_an_office_signs_a_years_file_and_every_alteration_is_told_without_the_system() {
    let city = city().await;
    let (township, village) = (Machine::new(YANGSHE).await, Machine::new(VILLAGE).await);
    sync(&township, &city).await;
    sync(&village, &township).await;
    let household = township.household("zhang").await;
    let case = accepted(&township, &township.clerk(), household, Channel::TownshipWindow).await;
    sync(&township, &city).await;
    let director = city.person("chen", &[Role::Approver]);
    city.stepped(&director, case, decision(Verdict::Approved, "")).await;
    city.stepped(&director, case, pay()).await;
    for machine in [&city, &township, &village] {
        machine.on("2020-01-06");
    }
    sync(&township, &city).await;
    sync(&village, &township).await;

    let signed = vouched(&township, household).await;
    let (file, root) = (signed.bytes, root(&city).await);
    let Worth::Good(statement, body) = check(&file, &root, None) else { panic!("everything fits") };
    assert_eq!((statement.total, statement.lines, statement.year), (Fen(94_500 + 283_500), 2, 2019));
    assert_eq!((statement.day.to_string().as_str(), body.name.as_str()), ("2020-01-06", statement.office_name.as_str()));
    assert!(statement.digest.is_some() && statement.number == "zhang");
    let text = String::from_utf8(file.clone()).expect("text");
    assert!(!text.contains(&id_no(0)[..14]) && !text.contains("6217000011112222"), "no numbers of persons and accounts");
    // The village vouches for the same year: the same digest and content, another office; signed again, the same.
    let lower = vouched(&village, household).await;
    let below = Statement::parse(&lower.seal.statement).expect("reads");
    assert_eq!((below.digest, below.content), (statement.digest, statement.content));
    assert_ne!(below.office, statement.office);
    assert_eq!(vouched(&village, household).await.bytes, lower.bytes);

    let dearer = spoiled(&file, "\"amount\":283500", "\"amount\":983500");
    assert_eq!(nothing(&check(&dearer, &root, None)), SealFault::Content, "an altered figure");
    let sum = spoiled(&file, "total 3780.00", "total 9780.00");
    assert_eq!(nothing(&check(&sum, &root, None)), SealFault::Signature, "an altered statement");
    let (signature, _) = signed.seal.to_hex();
    let flipped = if signature.starts_with('0') { "1" } else { "0" };
    let touched = spoiled(&file, &signature, &format!("{flipped}{}", &signature[1..]));
    assert_eq!(nothing(&check(&touched, &root, None)), SealFault::Signature, "an altered signature");
    let swapped = spoiled(&file, &signature, &lower.seal.to_hex().0);
    assert_eq!(nothing(&check(&swapped, &root, None)), SealFault::Signature, "the village's signature on the township's");
    let abroad = SigningKey::from_seed(&[110; 32]).key();
    assert_eq!(nothing(&check(&file, &abroad, None)), SealFault::Foreign, "another city's key");
    for noise in [b"".as_slice(), b"{}", b"PK\x03\x04", &file[..file.len() / 2]] {
        assert_eq!(nothing(&check(noise, &root, None)), SealFault::Unreadable);
    }
    assert!(matches!(worth(&village, &file).await, Worth::Good(..)), "an office says the same");

    // The township's machine is stolen: who has it could sign on any day.
    let stolen = township.desk.here().await.expect("here").device;
    let record = move |engine: &mut shouwang_protocol::engine::Engine<_>| engine.replica().control().devices[&stolen].record;
    let record = city.desk.writer().with(record).await.expect("asks").expect("a record");
    let draft = city::revoke(area(CITY), record, "stolen", Vec::new());
    let action = Action { id: id(), staff: "console".into(), claimed_ms: 0, shown: Vec::new(), drafts: vec![draft] };
    city.desk.writer().commit(vec![action]).await.expect("revokes");
    assert!(matches!(worth(&city, &file).await, Worth::Revoked(..)));
    assert!(matches!(worth(&city, &lower.bytes).await, Worth::Good(..)), "the village's stays");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_17_who_lets_the_office_sign_says_what_for_and_it_stands_in_the_list() {
    let city = city().await;
    let village = Machine::new(VILLAGE).await;
    sync(&village, &city).await;
    let household = village.household("zhang").await;
    let (clerk, reviewer) = (village.person("c", &[Role::Intake]), village.person("r", &[Role::Reviewer]));
    let refused = village.desk.vouch(&clerk, household, 2019, "留存").await.expect_err("not a clerk's");
    assert!(matches!(refused, DeskError::NotPermitted { .. }));
    let silent = village.desk.vouch(&reviewer, household, 2019, " ").await.expect_err("no purpose");
    assert!(matches!(silent, DeskError::Invalid { .. }));
    assert!(village.desk.vouch(&reviewer, household, 2030, "留存").await.is_err(), "a year that has not come");
    let auditor = village.person("a", &[Role::Auditor]);
    assert!(village.desk.exports(&auditor, Page::first(9)).await.expect("reads").rows.is_empty(), "nothing was signed yet");
    let open = vouched(&village, household).await;
    let statement = Statement::parse(&open.seal.statement).expect("reads");
    assert_eq!((statement.digest, statement.missing), (None, open.page.file.missing.len() as u64), "said to be open");
    let listed = village.desk.exports(&auditor, Page::first(9)).await.expect("reads").rows;
    assert_eq!((listed[0].what.as_str(), listed[0].purpose.as_str()), ("signed_year", "交本人留存"));
}
