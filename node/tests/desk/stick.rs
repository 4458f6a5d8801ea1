//! Offices without a line: a signed file on a stick counts as delivery, and only the receipt says that it arrived.

use super::support::*;
use shouwang_node::desk::carry::{CarriedIn, CarriedOut};
use shouwang_node::desk::{CaseStep, DeskError, Person};
use shouwang_node::store::reader::{Page, Stored};
use shouwang_protocol::device::{DeviceKey, Incarnation, SigningKey};
use shouwang_protocol::hash::Hash;
use shouwang_protocol::record::CaseId;
use shouwang_protocol::records::amount::Fen;
use shouwang_protocol::records::event::{Opinion, Verdict};
use shouwang_protocol::records::staff::Role;
use shouwang_protocol::replica::{Action, Draft};
use shouwang_protocol::standing::{Effect, Stage};
use shouwang_provisioning::city as papers;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A stick, and where its files lie.
struct Stick(TempDir);

impl Stick {
    fn new() -> Stick {
        Stick(tempfile::tempdir().expect("a stick"))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

fn device(machine: &Machine) -> DeviceKey {
    SigningKey::from_seed(&[machine.number as u8 + 1; 32]).key()
}

async fn out(from: &Machine, to: &Machine, file: &Path) -> CarriedOut {
    from.desk.carry_out(&from.clerk(), Some(&device(to).to_string()), false, file).await.expect("carries out")
}

async fn take(at: &Machine, file: &Path) -> CarriedIn {
    at.desk.carry_in(&at.clerk(), file).await.expect("carries in")
}

/// One way on a stick of its own.
async fn carry(from: &Machine, to: &Machine) -> CarriedIn {
    let stick = Stick::new();
    let file = stick.file("a.parcel");
    out(from, to, &file).await;
    take(to, &file).await
}

/// What a machine holds, and what it knows of others' receipts.
async fn state(machine: &Machine) -> (u128, u64, Vec<String>) {
    let ask = machine.desk.writer().with(|engine| {
        let replica = engine.replica();
        let receipts = replica.receipts().map(|(_, receipt)| format!("{:?}", receipt.body)).collect();
        (replica.frontier().digest(|_| true).0, replica.frontier().entries(), receipts)
    });
    ask.await.expect("asks")
}

async fn stored(machine: &Machine, case: CaseId, office: &str) -> Vec<Stored> {
    let page = machine.page(&machine.clerk(), case).await;
    page.entries.iter().filter(|entry| entry.office == office).map(|entry| entry.stored).collect()
}

/// A city, a township and a village that never had a line: control came down on sticks.
async fn apart() -> (Machine, Machine, Machine) {
    let city = city().await;
    let (township, village) = (Machine::new(YANGSHE).await, Machine::new(VILLAGE).await);
    let first = carry(&city, &township).await;
    assert!(first.tally.new > 0 && first.tally.refused.is_empty(), "{first:?}");
    carry(&township, &village).await;
    (city, township, village)
}

async fn refused(at: &Machine, file: &Path) -> String {
    let before = state(at).await;
    let error = at.desk.carry_in(&at.clerk(), file).await.expect_err("refused");
    let DeskError::Carried { why, safe, press } = &error else { panic!("{error:?}") };
    assert!(safe.contains("没有任何改动") && !press.is_empty(), "{error}");
    assert_eq!(state(at).await, before, "nothing changed");
    why.clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_45_a_stick_is_delivery() {
    let (city, township, village) = apart().await;
    let household = village.household("zhang").await;
    let cun = village.clerk();
    let case = village.open_case(&cun, application(household)).await;

    // Carried out: it is under way, and nobody says that it arrived.
    let (stick, back) = (Stick::new(), Stick::new());
    let (file, answer) = (stick.file("jia-cun.parcel"), back.file("yangshe.parcel"));
    let made = village.desk.carry_out(&cun, None, false, &file).await.expect("the nearest superior, when nobody says to whom");
    assert_eq!((made.office.as_str(), made.device), ("杨舍镇", device(&township)));
    assert!(made.entries >= 2 && made.bytes == std::fs::metadata(&file).expect("a file").len());
    assert!(stored(&village, case, "甲村").await.iter().all(|stored| *stored == Stored::Here));
    let confirmed = village.desk.confirmed().await;
    assert_eq!((confirmed.township, confirmed.city), (0, 0));
    let peers = village.desk.carry_peers(&cun).await.expect("reads");
    let lacks = peers.iter().find(|peer| peer.usual).and_then(|peer| peer.lacks);
    assert_eq!(lacks, Some(made.entries), "still not delivered");

    // At the township it is new; the answer brings the receipt back, and only then the village knows.
    let taken = take(&township, &file).await;
    assert_eq!((taken.office.as_str(), taken.tally.missing, taken.waiting), ("甲村", 0, 0));
    assert!(taken.tally.new >= 2 && taken.tally.records >= 2 && taken.tally.refused.is_empty() && taken.answer_due);
    assert!(stored(&village, case, "甲村").await.iter().all(|stored| *stored == Stored::Here), "no line, no word yet");
    let answered = out(&township, &village, &answer).await;
    assert_eq!(answered.entries, 0, "the village lacks nothing: receipts only");
    let heard = take(&village, &answer).await;
    assert!(heard.tally.receipts && !heard.answer_due, "{heard:?}");
    assert!(stored(&village, case, "甲村").await.iter().all(|stored| *stored == Stored::Township), "已到镇");
    assert_eq!(out(&village, &township, &stick.file("again.parcel")).await.entries, 0, "the township said that it holds all");

    // The township works on it, the city decides, each on a stick.
    let zhen = township.clerk();
    township.stepped(&zhen, case, CaseStep::Accept {}).await;
    township.stepped(&zhen, case, CaseStep::PreExamine { opinion: Opinion::For, note: String::new() }).await;
    township.stepped(&zhen, case, CaseStep::Propose { amount: None, reason: String::new() }).await;
    carry(&township, &city).await;
    let director = city.person("chen", &[Role::Approver]);
    let approve = CaseStep::Decide { outcome: Verdict::Approved, amount: None, reason: String::new() };
    city.stepped(&director, case, approve).await;
    carry(&city, &township).await;
    assert!(stored(&township, case, "杨舍镇").await.iter().all(|stored| *stored == Stored::City), "已到市");
    let last = carry(&township, &village).await;
    assert!(last.tally.new > 0 && last.tally.refused.is_empty(), "{last:?}");
    let page = village.page(&cun, case).await;
    assert_eq!((page.standing.stage, page.standing.decided()), (Stage::ToPay, Some(Fen(283_500))));
    assert!(page.standing.timeline.iter().all(|item| item.effect == Effect::Counts));
    assert!(stored(&village, case, "甲村").await.iter().all(|stored| *stored == Stored::City), "the city's receipt came along");

    // All three hold the same of what they share, as over a line.
    carry(&village, &township).await;
    for (lower, upper) in [(&village, &township), (&township, &city)] {
        let digest = async |at: &Machine, peer| {
            let ask = at.desk.writer().with(move |engine| engine.replica().common_digest(&peer));
            ask.await.expect("asks")
        };
        assert_eq!(digest(lower, device(upper)).await, digest(upper, device(lower)).await);
    }
    // And a line that comes up finds nothing to do.
    let before = state(&township).await;
    sync(&village, &township).await;
    sync(&township, &city).await;
    assert_eq!(state(&township).await.1, before.1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_45_the_same_file_twice_and_an_older_one_after_a_newer_do_no_harm_and_a_lost_one_loses_nothing() {
    let (_city, township, village) = apart().await;
    let stick = Stick::new();
    let [monday, tuesday, lost] = ["mon", "tue", "lost"].map(|name| stick.file(name));
    village.household("a").await;
    out(&village, &township, &monday).await;
    village.household("b").await;
    out(&village, &township, &tuesday).await;

    let second = take(&township, &tuesday).await;
    assert!(second.tally.new > 0 && !second.again && !second.older);
    let before = state(&township).await;
    let again = take(&township, &tuesday).await;
    assert_eq!((again.tally.new, again.again, again.older), (0, true, false));
    assert_eq!(again.tally.known, second.tally.new + second.tally.known);
    let first = take(&township, &monday).await;
    assert_eq!((first.tally.new, first.again, first.older), (0, false, true));
    assert_eq!(state(&township).await, before, "nothing is there twice");
    let knows = async |at: &Machine, of: &Machine| {
        let peers = at.desk.carry_peers(&at.clerk()).await.expect("reads");
        peers.iter().find(|peer| peer.device == device(of)).and_then(|peer| peer.lacks).expect("counted")
    };
    assert_eq!(knows(&township, &village).await, 0, "what the newer file said still holds");

    // A stick falls into the canal: the next file has it all again.
    village.household("c").await;
    let sunk = out(&village, &township, &lost).await;
    std::fs::remove_file(&lost).expect("gone");
    village.household("d").await;
    assert!(out(&village, &township, &monday).await.entries > sunk.entries);
    take(&township, &monday).await;
    assert_eq!(township.desk.count_households(&township.clerk()).await.expect("counts"), 4);

    // The township's machine was set up anew: what it had said does not hold any more, and everything goes.
    carry(&township, &village).await;
    let fresh = Machine::new(YANGSHE).await;
    let address = device(&fresh).to_string();
    village.desk.carry_out(&village.clerk(), Some(&address), true, &monday).await.expect("everything");
    assert!(take(&fresh, &monday).await.tally.refused.is_empty());
    assert_eq!(fresh.desk.count_households(&fresh.clerk()).await.expect("counts"), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_45_what_a_file_may_hold_is_what_a_line_may_carry() {
    let (city, township, village) = apart().await;
    let (other, daxin) = (village.household("v").await, Machine::new(DAXIN).await);
    carry(&village, &township).await;
    carry(&township, &city).await;
    carry(&city, &daxin).await;
    let seen = daxin.desk.household(&daxin.clerk(), other, 1).await;
    assert!(matches!(seen, Err(DeskError::NotFound { .. })), "another township's village");
    // Two townships have the city's commons together, and no more: there is nobody to carry files to.
    let sideways =
        township.desk.carry_out(&township.clerk(), Some(&device(&daxin).to_string()), false, &Stick::new().file("x")).await;
    assert!(matches!(sideways, Err(DeskError::Carried { .. })), "{sideways:?}");
    // The village's file is full of names; the finder of the stick reads none of them.
    let stick = Stick::new();
    let file = stick.file("a.parcel");
    out(&village, &township, &file).await;
    let bytes = std::fs::read(&file).expect("reads");
    for word in ["户主v", "确诊重病", "13800000000"] {
        assert!(!bytes.windows(word.len()).any(|window| window == word.as_bytes()), "{word}");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&file).expect("a file").permissions().mode() & 0o777, 0o600);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_45_a_file_that_is_not_for_us_not_whole_altered_foreign_or_from_a_revoked_device_changes_nothing() {
    let (city, township, village) = apart().await;
    village.household("a").await;
    let stick = Stick::new();
    let [file, spoiled] = ["a.parcel", "b.parcel"].map(|name| stick.file(name));
    out(&village, &township, &file).await;
    let bytes = std::fs::read(&file).expect("reads");

    assert!(refused(&city, &file).await.contains("是给杨舍镇的机器"));
    assert!(refused(&village, &file).await.contains("本机自己拷出"));
    assert!(refused(&township, &stick.file("none")).await.contains("找不到"));
    for end in [0, 10, 18, 40, 300, bytes.len() / 2, bytes.len() - 65, bytes.len() - 1] {
        std::fs::write(&spoiled, &bytes[..end]).expect("writes");
        refused(&township, &spoiled).await;
    }
    for at in (0..bytes.len()).step_by(97).chain([bytes.len() - 1]) {
        let mut touched = bytes.clone();
        touched[at] ^= 0x10;
        std::fs::write(&spoiled, &touched).expect("writes");
        refused(&township, &spoiled).await;
    }
    std::fs::write(&spoiled, [bytes.as_slice(), b"more"].concat()).expect("writes");
    assert!(refused(&township, &spoiled).await.contains("被改动"));
    for noise in [b"PK\x03\x04 a workbook".as_slice(), b"shouwang parcel 9\nfrom the future"] {
        std::fs::write(&spoiled, noise).expect("writes");
        refused(&township, &spoiled).await;
    }

    // Another city's device writes to ours: its root is not ours.
    std::fs::write(&spoiled, foreign(&bytes, device(&township))).expect("writes");
    assert!(refused(&township, &spoiled).await.contains("另一个城市"));

    // The village's laptop was stolen. The township hears of it, on a stick, and takes nothing of it any more.
    let stolen = device(&village);
    let (record, lengths) = city
        .desk
        .writer()
        .with(move |engine| {
            let replica = engine.replica();
            let lengths: Vec<(Hash, u64)> = replica
                .frontier()
                .logs()
                .filter(|(log, _)| log.device == stolen)
                .map(|(log, head)| (log.name(), head.length))
                .collect();
            (replica.control().devices[&stolen].record.expect("a record"), lengths)
        })
        .await
        .expect("asks");
    let draft: Draft = papers::revoke(area(CITY), record, "stolen", lengths);
    let action = Action { id: id(), staff: "console".into(), claimed_ms: 0, shown: Vec::new(), drafts: vec![draft] };
    city.desk.writer().commit(vec![action]).await.expect("revokes");
    carry(&city, &township).await;
    assert!(refused(&township, &file).await.contains("停用"));
    let to_it = township.desk.carry_out(&township.clerk(), Some(&stolen.to_string()), false, &spoiled).await;
    assert!(matches!(to_it, Err(DeskError::Carried { .. })), "nothing is made for it either: {to_it:?}");
}

/// The file with the certificate of a device of another city in its head.
fn foreign(bytes: &[u8], to: DeviceKey) -> Vec<u8> {
    use shouwang_node::parcel::{Head, Sealer};
    let keys = papers::CityKeys::from_seeds([110; 32], [111; 32]);
    let signing = SigningKey::from_seed(&[112; 32]);
    let own = shouwang_node::parcel::head(bytes).expect("a head");
    let body = own.from.verify(&papers::CityKeys::from_seeds([100; 32], [101; 32]).root).expect("ours");
    let grantee = papers::Grantee {
        device: signing.key(),
        recipient: [7; 32],
        office: body.office,
        tier: body.tier,
        areas: body.areas,
        name: body.name,
        serial: 1,
        expires: 60_000,
    };
    let head = Head { from: keys.issue(&grantee), to, ..own };
    let recipient = x25519_dalek::PublicKey::from(&x25519_dalek::StaticSecret::from([71; 32])).to_bytes();
    let sealer = Sealer::begin(Vec::new(), head, &recipient, zeroize::Zeroizing::new([9; 32])).expect("begins");
    sealer.end(|statement| signing.sign(statement)).expect("ends").0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_45_clerks_carry_and_auditors_see_who_did() {
    let (_city, township, village) = apart().await;
    village.household("a").await;
    let stick = Stick::new();
    let file = stick.file("a.parcel");
    let auditor = village.person("shen", &[Role::Auditor]);
    let school = Person { department: Some("教育局".into()), ..village.person("jyj", &[Role::Department]) };
    for person in [&auditor, &school] {
        let made = village.desk.carry_out(person, None, false, &file).await;
        assert!(matches!(made, Err(DeskError::NotPermitted { .. })), "{made:?}");
        let taken = village.desk.carry_in(person, &file).await;
        assert!(matches!(taken, Err(DeskError::NotPermitted { .. })), "{taken:?}");
    }
    assert!(!file.exists());
    out(&village, &township, &file).await;
    take(&township, &file).await;
    let rows = village.desk.carried(&auditor).await.expect("reads").rows;
    assert_eq!((rows[0].outward, rows[0].staff.as_str(), rows[0].office.as_str()), (true, "wang", "杨舍镇"));
    assert!(!rows[1].outward, "the file that brought control");
    let exports = village.desk.exports(&auditor, Page::first(9)).await.expect("reads").rows;
    assert_eq!((exports[0].what.as_str(), exports[0].rows), ("parcel", rows[0].entries));
    assert!(matches!(village.desk.carried(&village.clerk()).await, Err(DeskError::NotPermitted { .. })));
    let in_list = township.desk.carried(&township.person("shen", &[Role::Auditor])).await.expect("reads").rows;
    assert_eq!((in_list[0].outward, in_list[0].office.as_str()), (false, "甲村"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_45_entries_written_after_a_restore_come_on_with_those_that_were_lost() {
    let (_city, township, village) = apart().await;
    village.household("a").await;
    carry(&village, &township).await;
    carry(&township, &village).await;
    // A new life of the village's machine, from nothing: what it had sent comes back on the stick.
    let again = Machine::open_as(VILLAGE, Stick::new().0.into(), village.wall.clone(), Incarnation([77; 16])).await;
    carry(&township, &again).await;
    assert_eq!(again.desk.count_households(&again.clerk()).await.expect("counts"), 0, "the township thinks it has them");
    let stick = Stick::new();
    let address = device(&again).to_string();
    let all = township.desk.carry_out(&township.clerk(), Some(&address), true, &stick.file("all")).await.expect("everything");
    assert_eq!(take(&again, &stick.file("all")).await.tally.new, all.entries);
    assert_eq!(again.desk.count_households(&again.clerk()).await.expect("counts"), 1);
    again.household("b").await;
    carry(&again, &township).await;
    assert_eq!(township.desk.count_households(&township.clerk()).await.expect("counts"), 2);
}
