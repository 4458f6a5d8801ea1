//! The pages of annual files and statistics, as a browser and a program see them.

use super::*;
use serde_json::{Value, json};

/// The addresses a page links to under a path.
fn links(body: &str, path: &str) -> Vec<String> {
    let found = body.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let found = found.map(|href| href.replace("&amp;", "&").replace("&#38;", "&")).filter(|href| href.starts_with(path));
    let mut found: Vec<String> = found.map(|href| href.split('#').next().unwrap_or_default().to_owned()).collect();
    found.sort();
    found.dedup();
    found
}

pub async fn household(site: &Site, key: &str, aid: Value) -> String {
    let console = site.desk.console().await.expect("the console");
    let clerk = shouwang_node::desk::Person { id: "zhang".into(), roles: [Role::Intake].into(), ..console };
    let row = json!({
        "id": key, "head": format!("王{key}"), "type": "低保户", "cause": "因病", "address": "一组", "income_annual": 12_000,
        "members": [{"name": format!("王{key}"), "relation": "户主", "id_no": "34052419800101001X"}], "aid": aid,
    });
    let row = row.as_object().expect("an object").clone();
    let command = Command::RegisterHousehold { area: AreaId::parse(VILLAGE).expect("a code"), row };
    let mut id = [7; 16];
    id[..key.len()].copy_from_slice(key.as_bytes());
    site.desk.perform(&clerk, ActionId(id), command).await.expect("registers").records[0].to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn item_18_item_19_item_53_every_number_of_the_pages_leads_to_a_list_that_adds_up_and_can_be_run_again() {
    let site = Site::open().await;
    let aid = json!([
        {"no": "1", "date": "2024-02-10", "program": "临时救助", "amount": 2835, "fund": "慈善 & 会"},
        {"no": "2", "date": "2024-05-10", "program": "节日<慰问>", "amount": 300.5},
        {"no": "3", "date": "2023-05-10", "program": "低保金", "amount": 945},
    ]);
    let record = household(&site, "a", aid).await;
    site.browse(move |browser| {
        let zhang = browser.sign_in("zhang", PASSWORD);
        let page = zhang.get("/statistics?when=2024");
        assert_eq!(page.status, 200, "{}", page.body);
        assert!(page.body.contains(">3,135.50<") && page.body.contains("节日&#60;慰问&#62;"), "{}", page.body);
        assert!(page.body.contains("<title id=\"chart-time-t\">") && page.body.contains("<desc id=\"chart-kind-d\">"));
        assert!(page.body.contains("尚无数据") && page.body.contains("FROM benefit WHERE"));
        for by in ["kind", "department", "fund", "village", "period", "household", "person"] {
            let page = zhang.get(&format!("/statistics?when=all&by={by}"));
            assert_eq!(page.status, 200, "{by}");
            assert!(!page.body.contains("href=\"/statistics/items?when=all&#38;person=王"), "no name in an address");
            for list in links(&page.body, "/statistics/") {
                let answer = zhang.get(&list);
                assert_eq!(answer.status, 200, "{list}");
            }
        }
        let items = zhang.get("/statistics/items?when=2024&fund=%E6%85%88%E5%96%84%20%26%20%E4%BC%9A");
        assert!(items.body.contains("共 1 笔，合计 2,835.00 元"), "{}", items.body);
        let hash = |body: &str| body.split("<p class=\"code small digest\">").nth(1).map(|rest| rest[..64].to_owned());
        let once = hash(&zhang.get("/statistics?when=2024").body);
        assert!(once.is_some() && once == hash(&zhang.get("/statistics?when=2024").body), "run again, the same");
        assert_eq!(zhang.get("/statistics?when=2024-13").status, 404);
        assert_eq!(zhang.get("/statistics?area=zz").status, 404);

        let file = zhang.get(&format!("/households/{record}/year/2024"));
        assert_eq!(file.status, 200, "{}", file.body);
        for words in [
            "一、基本情况",
            "二、需求评估情况",
            "三、致贫原因",
            "四、受助情况",
            "未做需求评估",
            "事后补录",
            "3,135.50",
            "不完整，缺 1 项",
        ] {
            assert!(file.body.contains(words), "{words}: {}", file.body);
        }
        assert!(!file.body.contains("34052419800101001X"), "numbers are masked");
        assert_eq!(zhang.get(&format!("/households/{record}/year/3000")).status, 404);
        // The office signs, on the paper and as a file, and the program checks the file with the city's key alone.
        let year = format!("/households/{record}/year/2024");
        let vouch = |purpose: &str, way: &str| zhang.submit(&year, &year, &[("purpose", purpose), ("way", way)]);
        assert_eq!(vouch("", "file").status, 422, "what for?");
        let paper = vouch("交本人留存", "paper");
        assert!(paper.body.contains("机构签章") && paper.body.contains("shouwang annual file 1"), "{}", paper.body);
        assert!(paper.body.contains("total 3135.50"), "{}", paper.body);
        let signed = vouch("交本人留存", "file");
        assert!(signed.status == 200 && signed.header("content-type") == "application/json", "{}", signed.body);
        let statement: Value = serde_json::from_str(&signed.body).expect("JSON");
        let statement = statement["statement"].as_str().unwrap_or_default().to_owned();
        let city = statement.lines().find_map(|line| line.strip_prefix("city ")).expect("a city").to_owned();
        let dir = tempfile::tempdir().expect("a directory");
        let (good, bad) = (dir.path().join("good.json"), dir.path().join("bad.json"));
        std::fs::write(&good, &signed.body).expect("writes");
        std::fs::write(&bad, signed.body.replace("\"amount\":283500", "\"amount\":983500")).expect("writes");
        let verify = |file: &std::path::Path, city: &str| {
            let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_shouwang"));
            let ran = command.env_remove("SHOUWANG_DIR").args(["verify", "--city", city, "--annual"]).arg(file).output();
            let ran = ran.expect("runs");
            (ran.status.code(), String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr))
        };
        let (code, told) = verify(&good, &city);
        assert!(code == Some(0) && told.contains("市社会救助服务中心") && told.contains("3135.50 yuan"), "{told}");
        let (code, told) = verify(&bad, &city);
        assert!(code == Some(1) && told.contains("altered"), "{told}");
        let (code, told) = verify(&good, &"0".repeat(64));
        assert!(code == Some(1) && told.contains("another city"), "{told}");
        let list = zhang.get("/years/2024");
        assert!(list.body.contains("王a") && list.body.contains("不完整 1") && list.body.contains("需求评估情况：未做需求评估"));
        for href in links(&list.body, "/years/2024") {
            assert_eq!(zhang.get(&href).status, 200, "{href}");
        }
        assert!(zhang.get(&format!("/households/{record}")).body.contains("帮扶清单"));

        // The same for programs; and nothing of it for those whom it does not concern.
        let json = [("Content-Type", "application/json")];
        let body = format!("{{\"id\":\"zhang\",\"password\":\"{PASSWORD}\"}}");
        let signed: Value =
            serde_json::from_str(&browser.ask("POST", "/api/v1/sign-in", &json, body.as_bytes()).body).expect("JSON");
        let bearer = format!("Bearer {}", signed["token"].as_str().unwrap_or_default());
        let ask = |path: &str| -> Value {
            let answer = browser.ask("GET", &format!("/api/v1{path}"), &[("Authorization", &bearer)], b"");
            assert_eq!(answer.status, 200, "{path}: {}", answer.body);
            serde_json::from_str(&answer.body).expect("JSON")
        };
        let found = ask("/statistics?when=2024&by=fund");
        assert_eq!(
            (&found["total"]["rows"][0]["amount"], Some(found["total"]["hash"].as_str().unwrap_or_default().to_owned())),
            (&json!(313_550), once)
        );
        assert_eq!(ask(&format!("/households/{record}/years/2024"))["file"]["total"], 313_550);
        assert_eq!(ask("/years/2024")["missing"][0], json!(["needs", 1]));
        assert_eq!(ask("/statistics/items?when=2024")["lines"]["rows"].as_array().map(Vec::len), Some(2));
        assert_eq!(ask("/statistics/cases?when=2024")["total"]["rows"][0]["clues"], 0);
        assert_eq!(browser.sign_in("li", PASSWORD).get("/statistics").status, 200);
    })
    .await;
    site.close().await;
}
