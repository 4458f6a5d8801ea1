//! Categories on the pages: added and ended on a household, the list narrowed to one, each figure leading to its list.

use super::work::{id, id_no, staff};
use super::*;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn item_10_a_category_is_added_ended_found_and_counted_on_the_pages() {
    let site = Site::open().await;
    let (zhang, _) = staff(&site).await;
    let row = |key: &str, n: u32| {
        let row = json!({
            "id": key, "head": format!("王{key}"), "type": "低保户", "address": "三组",
            "members": [
                {"name": format!("王{key}"), "relation": "户主", "id_no": id_no(n)}, {"name": "周小明", "relation": "之子"},
            ],
        });
        row.as_object().expect("an object").clone()
    };
    let mut homes = Vec::new();
    for (at, key) in (0..).zip(["A1", "A2"]) {
        let register =
            Command::RegisterHousehold { area: AreaId::parse(VILLAGE).expect("a code"), row: row(key, 20 + u32::from(at)) };
        homes.push(site.desk.perform(&zhang, id([8, at, 0]), register).await.expect("registers").records[0]);
    }
    let page = site.desk.household(&zhang, homes[0], 1).await.expect("a page");
    let son = page.detail.household.members[1].row.clone().expect("a row").to_string();
    site.browse(move |browser| {
        let zhang = browser.sign_in("zhang", PASSWORD);
        let own = format!("/households/{}", homes[0]);
        let edit = format!("{own}/edit");
        let form = zhang.get(&edit);
        for told in ["添加身份类别", "全户", "周小明", "类别止"] {
            assert!(form.body.contains(told), "{told}: {}", form.body);
        }
        let fields = |until| {
            vec![
                ("k0.person", son.as_str()),
                ("k0.category", "重度残疾人"),
                ("k0.from", "2018-06-01"),
                ("k0.until", until),
                ("k0.basis", "残联 3 号"),
            ]
        };
        let refused = zhang.submit(&edit, &edit, &fields("2018-05-01"));
        assert!(refused.status == 422 && refused.body.contains("止日早于起日"), "{}", refused.body);
        assert!(refused.body.contains("残联 3 号"), "what was typed stays");
        let done = zhang.submit(&edit, &edit, &fields(""));
        assert_eq!(done.status, 303, "{}", done.body);
        let shown = zhang.get(&own).body;
        assert!(shown.contains("残联 3 号") && shown.contains("现有") && shown.contains("新增身份类别"), "{shown}");

        // The list by category; a member's counts for the household.
        let list = zhang.get("/households?category=%E9%87%8D%E5%BA%A6%E6%AE%8B%E7%96%BE%E4%BA%BA");
        assert!(list.body.contains("王A1") && !list.body.contains("王A2"), "{}", list.body);
        assert!(list.body.contains("低保户、重度残疾人") && list.body.contains("selected"), "{}", list.body);
        let find = |term: &str, category: &str| {
            let csrf = zhang.get("/households").hidden("csrf");
            let fields = [("csrf", csrf.as_str()), ("term", term), ("category", category), ("on", ""), ("area", "")];
            zhang.post("/households", &fields).body
        };
        assert!(find("王", "低保户").contains("找到 2 户") && find("王", "重度残疾人").contains("找到 1 户"));
        assert!(find("wa", "none").contains("没有找到相符的家庭") && find("A2", "低保户").contains("王A2"));
        assert_eq!(zhang.get("/households?on=2018-02-30").status, 404);

        // Each figure leads to a list of as many.
        let page = zhang.get("/statistics?when=all").body;
        assert!(page.contains("各类相加") && page.contains("户数（每户只计一次）"), "{page}");
        let links = page.split("href=\"/households?").skip(1).filter_map(|rest| {
            let (href, rest) = rest.split_once("\">")?;
            Some((href.replace("&amp;", "&").replace("&#38;", "&"), rest.split('<').next()?.to_owned()))
        });
        let links: Vec<(String, String)> = links.collect();
        assert_eq!(links.iter().map(|(_, count)| count.as_str()).collect::<Vec<_>>(), ["2", "1", "2"], "{links:?}");
        for (href, count) in links {
            let list = zhang.get(&format!("/households?{href}")).body;
            assert_eq!(list.matches("class=\"rowlink\"").count().to_string(), count, "{href}");
        }

        // Ended on the same page; what a program reads says it by the day.
        let form = zhang.get(&edit);
        let row = form.hidden("h0.row");
        let ended = [("h0.row", row.as_str()), ("was.h0.until", ""), ("h0.until", "2020-12-31")];
        let done = zhang.submit(&edit, &edit, &ended);
        assert_eq!(done.status, 303, "{}", done.body);
        assert!(zhang.get(&own).body.contains("已止"));
        assert!(!find("王", "重度残疾人").contains("王A1"));
        let json = [("Content-Type", "application/json")];
        let body = format!("{{\"id\":\"zhang\",\"password\":\"{PASSWORD}\"}}");
        let signed: Value =
            serde_json::from_str(&browser.ask("POST", "/api/v1/sign-in", &json, body.as_bytes()).body).expect("JSON");
        let bearer = format!("Bearer {}", signed["token"].as_str().unwrap_or_default());
        let headers = [("Content-Type", "application/json"), ("Authorization", bearer.as_str())];
        let ask = |on: &str| -> usize {
            let body = json!({"category": "重度残疾人", "on": on, "area": VILLAGE}).to_string();
            let answer = browser.ask("POST", "/api/v1/households/search", &headers, body.as_bytes());
            let found: Value = serde_json::from_str(&answer.body).expect("JSON");
            found["rows"].as_array().map_or(9, Vec::len)
        };
        assert_eq!((ask("2018-05-31"), ask("2020-12-31"), ask("2021-01-01")), (0, 1, 0));
        let read = browser.ask("GET", &format!("/api/v1{own}"), &headers, b"");
        let read: Value = serde_json::from_str(&read.body).expect("JSON");
        assert_eq!(read["household"]["holdings"][0]["person"], "周小明");
        assert_eq!((read["holding_rows"][0].as_str(), &read["categories"]), (Some(row.as_str()), &json!(["低保户"])));
    })
    .await;
    site.close().await;
}
