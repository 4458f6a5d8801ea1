//! The page that a clerk uses where the line is down: a file out, a file in, the answer back.

use super::*;
use serde_json::Value;
use shouwang_node::console::Request;
use shouwang_provisioning::enrolment::{Grant, Invitation};

/// A village's machine that joined by files, and never had a line.
async fn village(site: &Site, dir: &std::path::Path) -> Node {
    let key = dir.join("key");
    make_key_file(&key).expect("a key");
    let (source, at) = (KeySource::KeyFile(key), dir.join("village"));
    let ask = async |request| site.node.execute(request, |_, _| {}).await.expect("answers");
    let invite = Request::Invite { areas: vec![VILLAGE.into()], name: None, expires_ms: i64::MAX, parents: Vec::new() };
    let bytes = |value: &Value| serde_json::to_vec(value).expect("JSON");
    let invitation = Invitation::read(&bytes(&ask(invite).await)).expect("an invitation");
    let request = node::request_to_join(&at, &source, &invitation).expect("a request");
    let request = serde_json::to_string(&request).expect("JSON");
    let grant = Grant::read(&bytes(&ask(Request::Grant { request }).await)).expect("a grant");
    node::finish_join(&at, &source, &grant, Clock::real()).await.expect("joins")
}

fn upload(at: &Browser, csrf: &str, file: &[u8]) -> Answer {
    let part = |name: &str, more: &str| format!("--xx\r\nContent-Disposition: form-data; name=\"{name}\"{more}\r\n\r\n");
    let mut body = part("csrf", "").into_bytes();
    body.extend_from_slice(format!("{csrf}\r\n{}00112233445566778899aabbccddeeff\r\n", part("action", "")).as_bytes());
    body.extend_from_slice(part("file", "; filename=\"a.parcel\"").as_bytes());
    body.extend_from_slice(file);
    body.extend_from_slice(b"\r\n--xx--\r\n");
    let origin = format!("http://{}", at.at);
    let headers = [("Origin", origin.as_str()), ("Content-Type", "multipart/form-data; boundary=xx")];
    at.ask("POST", "/sync/carry/in", &headers, &body)
}

#[tokio::test(flavor = "multi_thread")]
async fn item_45_a_clerk_takes_a_file_in_at_the_page_and_hands_the_answer_back() {
    let site = Site::open().await;
    let dir = tempfile::tempdir().expect("a directory");
    let village = village(&site, dir.path()).await;
    let desk = village.desk().await.expect("a desk");
    let console = desk.console().await.expect("a console");
    let row = serde_json::json!({ "id": "a", "head": "王秀英" }).as_object().expect("an object").clone();
    let area = AreaId::parse(VILLAGE).expect("a code");
    desk.perform(&console, action(77), Command::RegisterHousehold { area, row }).await.expect("registers");
    let file = dir.path().join("up.parcel");
    let made = desk.carry_out(&console, None, false, &file).await.expect("carries out");
    assert_eq!(made.office, "市社会救助服务中心", "no township has a machine: the nearest superior that has one");
    let bytes = std::fs::read(&file).expect("reads");
    let device = village.device().to_string();

    let to = device.clone();
    let answer = site
        .browse(move |browser| {
            let zhang = browser.sign_in("zhang", PASSWORD);
            let page = zhang.get("/sync");
            let csrf = page.hidden("csrf");
            for word in ["拷出", "带去", "带回", "没有网络：用 U 盘传递", &to] {
                assert!(page.body.contains(word), "{word}");
            }
            assert_eq!(upload(&zhang, "00000000000000000000000000000000", &bytes).status, 403);
            let cut = upload(&zhang, &csrf, &bytes[..bytes.len() - 9]);
            assert_eq!(cut.status, 422);
            for word in ["文件没有收下", "不完整", "没有任何改动", "请重新从对方的机器拷出"] {
                assert!(cut.body.contains(word), "{word}: {}", cut.body);
            }
            let taken = upload(&zhang, &csrf, &bytes);
            assert_eq!(taken.status, 200, "{}", taken.body);
            for word in ["已收下", "拷出的文件", "的回执文件"] {
                assert!(taken.body.contains(word), "{word}: {}", taken.body);
            }
            let again = upload(&zhang, &csrf, &bytes);
            assert!(again.body.contains("以前收过") && again.body.contains("新收 0 条"), "{}", again.body);
            assert!(zhang.post("/households/search", &[("csrf", &csrf), ("term", "秀英")]).body.contains("王秀英"));

            let nobody = [("csrf", csrf.as_str()), ("action", "00112233445566778899aabbccddeeff"), ("to", "ffffffff")];
            let refused = zhang.post("/sync/carry/out", &nobody);
            assert!(refused.status == 422 && refused.body.contains("没有这台机器"), "{}", refused.body);
            let fields = [("csrf", csrf.as_str()), ("action", "00112233445566778899aabbccddeeff"), ("to", to.as_str())];
            assert_eq!(zhang.post("/sync/carry/out", &fields[1..]).status, 403, "a forged form");
            let answer = zhang.post("/sync/carry/out", &fields);
            assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"));
            assert!(answer.header("content-disposition").contains(".parcel"), "{:?}", answer.headers);
            assert!(answer.bytes.starts_with(b"shouwang parcel 1\n"));
            let gao = browser.sign_in("gao", PASSWORD);
            let list = gao.get("/sync").body;
            assert!(list.contains("传递记录") && list.contains("张婕（zhang）"), "an administrator sees who did");
            assert!(gao.get("/households/export").body.contains("传递文件"), "and in the book of exports");
            answer.bytes
        })
        .await;
    let leftovers = std::fs::read_dir(site.node.dir()).expect("a directory").flatten();
    let leftovers: Vec<_> = leftovers.filter(|entry| entry.file_name().to_string_lossy().starts_with("carry-")).collect();
    assert!(leftovers.is_empty(), "{leftovers:?}");

    // Back in the village, the receipt counts.
    assert_eq!(desk.confirmed().await.city, 0);
    std::fs::write(&file, &answer).expect("writes");
    let heard = desk.carry_in(&console, &file).await.expect("carries in");
    assert!(heard.tally.receipts && !heard.answer_due, "{heard:?}");
    let confirmed = desk.confirmed().await;
    assert!(confirmed.city == confirmed.entries && confirmed.entries > 0);
    village.close().await;
    site.close().await;
}
