//! A case begins with what is known in place; who was at a visit is ticked, not typed.

use super::books::household;
use super::*;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn item_02_item_27_a_case_begins_from_a_found_row_is_accepted_in_the_same_step_once_and_visited_by_ticks() {
    let site = Site::open().await;
    let record = household(&site, "三", json!([])).await;
    let console = site.desk.console().await.expect("the console");
    let colleague = NewStaff {
        id: "sun".into(),
        name: "孙立".into(),
        roles: [Role::Reviewer].into(),
        department: None,
        provider: None,
        password: PASSWORD.into(),
    };
    site.desk.perform(&console, action(90), Command::AddStaff(colleague)).await.expect("staff");
    site.browse(move |browser| {
        let zhang = browser.sign_in("zhang", PASSWORD);

        // 今日 finds while somebody types, and lists nothing before.
        let csrf = zhang.get("/today").hidden("csrf");
        let find = |term: &str| zhang.post("/households/search", &[("csrf", &csrf), ("brief", "1"), ("term", term)]).body;
        assert_eq!(find(""), "");
        let new = format!("/cases/new?household={record}");
        assert!(find("三").contains(&new), "each row begins a case");

        // Nothing is ticked, but for what was picked on the page before.
        assert!(!zhang.get(&new).body.contains(" checked"));
        let policies = zhang.get(&format!("/households/{record}/policies")).body;
        assert!(policies.contains(&format!("{new}&#38;kind=")) || policies.contains(&format!("{new}&amp;kind=")), "{policies}");
        let picked = zhang.get(&format!("{new}&kind={}", percent("临时救助"))).body;
        assert!(picked.contains("value=\"临时救助\" checked"), "{picked}");

        // Only an application can be accepted at once; a refusal writes nothing.
        let page = zhang.get(&new);
        let (csrf, token) = (page.hidden("csrf"), page.hidden("action"));
        let send = |origin: &str| {
            let fields = [
                ("csrf", csrf.as_str()),
                ("action", token.as_str()),
                ("household", record.as_str()),
                ("origin", origin),
                ("assistance", "最低生活保障"),
                ("urgency", "normal"),
                ("summary", "年老没有收入"),
                ("then", "accept"),
            ];
            zhang.post("/cases/new", &fields)
        };
        let refused = send("consultation");
        assert!(refused.status == 422 && refused.body.contains("只有申请可以当场受理"), "{}", refused.body);
        assert!(refused.body.contains("年老没有收入"), "what was typed is still there");
        assert!(zhang.get("/cases").body.contains("这里没有事项"));

        // Sent twice: one case, accepted once, the same receipt.
        let (first, second) = (send("application"), send("application"));
        let receipt = first.header("location").to_owned();
        assert!(first.status == 303 && receipt.ends_with("/receipt"), "{} {receipt} {}", first.status, first.body);
        assert_eq!((second.status, second.header("location")), (303, receipt.as_str()));
        assert!(zhang.get(&receipt).body.contains("社会救助受理回执"));
        let case = receipt.trim_end_matches("/receipt").to_owned();
        let page = zhang.get(&case).body;
        assert_eq!(page.matches("class=\"rail").count(), 2, "登记 and 受理: {page}");

        // A visit: a colleague and a member of the household are there to be ticked, and nobody is.
        for name in ["孙立", "王三"] {
            assert!(page.contains(&format!("value=\"{name}\">{name}")), "{name} in {page}");
        }
        let act = format!("{case}/act");
        let alone = [("kind", "visited"), ("present", "王三"), ("findings", "房屋漏雨")];
        let alone = zhang.submit(&case, &act, &alone);
        assert!(alone.status == 422 && alone.body.contains("入户调查不少于两人"), "{}", alone.body);
        assert!(alone.body.contains("value=\"王三\" checked"), "the tick is still there");
        let both = [
            ("kind", "visited"),
            ("investigators", "孙立"),
            ("investigators-more", "老赵、孙立"),
            ("present", "王三"),
            ("present-more", "邻居老周"),
            ("findings", "房屋漏雨"),
        ];
        assert_eq!(zhang.submit(&case, &act, &both).status, 303);
        let page = zhang.get(&case).body;
        assert!(page.contains("调查人 张婕、孙立、老赵") && page.contains("王三、邻居老周"), "{page}");

        // The next visit offers who went last.
        assert!(page.contains("value=\"老赵\">老赵"), "{page}");
    })
    .await;
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_form_asks_what_the_kind_asks_and_the_case_says_what_was_answered() {
    let site = Site::open().await;
    let record = household(&site, "三", json!([])).await;
    site.browse(move |browser| {
        let zhang = browser.sign_in("zhang", PASSWORD);
        let new = format!("/cases/new?household={record}");
        let page = zhang.get(&new).body;
        assert!(page.contains("data-only=\"临时救助\"") && page.contains("name=\"q-困难类型\""), "{page}");
        assert!(page.contains("data-only=\"医疗救助|刚性支出困难救助\""), "one question of two kinds: {page}");
        let with = |kind: &'static str, school: &'static str| {
            [
                ("household", record.clone()),
                ("origin", "application".into()),
                ("assistance", "临时救助".into()),
                ("urgency", "normal".into()),
                ("summary", "住院费用过高".into()),
                ("q-困难类型", kind.into()),
                ("q-就读学校", school.into()),
            ]
        };
        let send = |fields: &[(&str, String)]| {
            let fields: Vec<(&str, &str)> = fields.iter().map(|(name, text)| (*name, text.as_str())).collect();
            zhang.submit(&new, "/cases/new", &fields)
        };
        let wrong = send(&with("别的", ""));
        assert!(wrong.status == 422 && wrong.body.contains("“困难类型”须从所列的选项中选择"), "{}", wrong.body);
        let opened = send(&with("急难型", "市一中"));
        assert_eq!(opened.status, 303, "{}", opened.body);
        let case = opened.header("location").to_owned();
        let page = zhang.get(&case).body;
        assert!(page.contains("困难类型：急难型") && !page.contains("市一中"), "another kind's answer is not kept: {page}");
        let act = format!("{case}/act");
        let same = zhang.submit(&case, &act, &[("kind", "form-filled"), ("q-困难类型", "急难型")]);
        assert!(same.status == 422 && same.body.contains("申请表没有改动"), "{}", same.body);
        assert_eq!(zhang.submit(&case, &act, &[("kind", "form-filled"), ("q-困难类型", "支出型")]).status, 303);
        let page = zhang.get(&case).body;
        assert!(page.contains("<dt>困难类型</dt><dd>支出型</dd>"), "{page}");
    })
    .await;
    site.close().await;
}
