//! The loop as a browser sees it: splitting a case, the board, asking by receipt, several at once.

use super::books::household;
use super::*;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn item_05_item_40_item_43_item_44_a_case_is_split_watched_and_asked_after_on_its_pages() {
    let site = Site::open().await;
    let record = household(&site, "三", json!([])).await;
    let school = NewStaff {
        id: "jyj".into(),
        name: "周教育".into(),
        roles: [Role::Department].into(),
        department: Some("教育局".into()),
        provider: None,
        password: PASSWORD.into(),
    };
    let console = site.desk.console().await.expect("the console");
    site.desk.perform(&console, action(90), Command::AddStaff(school)).await.expect("staff");
    site.browse(move |browser| {
        let zhang = browser.sign_in("zhang", PASSWORD);
        let new = format!("/cases/new?household={record}");
        let fields = [
            ("household", record.as_str()),
            ("origin", "application"),
            ("assistance", "教育救助"),
            ("urgency", "normal"),
            ("summary", "学费"),
        ];
        let opened = zhang.submit(&new, "/cases/new", &fields);
        let case = opened.header("location").to_owned();
        assert!(opened.status == 303 && case.starts_with("/cases/"), "{}", opened.body);
        let act = format!("{case}/act");
        let id = case.trim_start_matches("/cases/").to_owned();

        // Accepted in the queue, with others.
        let queue = zhang.get("/queue?step=accepted").body;
        assert!(queue.contains("待受理 1") && queue.contains(&id), "{queue}");
        let done = zhang.submit("/queue?step=accepted", "/queue", &[("step", "accepted"), ("case", &id)]);
        assert!(done.status == 200 && done.body.contains("刚才办理的") && done.body.contains("已受理"), "{}", done.body);
        let none = zhang.submit("/queue?step=accepted", "/queue", &[("step", "accepted")]);
        assert!(none.status == 422 && none.body.contains("没有选择事项"), "{}", none.body);

        let page = zhang.get(&case).body;
        assert!(page.contains("value=\"split\"") && page.contains("一次转给几处") && page.contains("谁办了多久"), "{page}");
        let alone = zhang.submit(&case, &act, &[("kind", "split"), ("to-1", "department:教育局"), ("note-1", "请办")]);
        assert!(alone.status == 422 && alone.body.contains("分办须选 2 到"), "{}", alone.body);
        let both = [
            ("kind", "split"),
            ("to-1", "department:教育局"),
            ("note-1", "请办"),
            ("to-2", "provider:社工服务中心"),
            ("assistance-2", "心理服务"),
        ];
        assert_eq!(zhang.submit(&case, &act, &both).status, 303);
        let page = zhang.get(&case).body;
        assert!(page.contains("转给社工服务中心") && page.contains("群众到窗口 1 次"), "{page}");

        let board = zhang.get("/loops").body;
        assert!(board.contains("没有办结的 1 件") && board.contains("转办中 1") && board.contains("没有逾期"), "{board}");
        assert!(board.contains("转办到反馈的时间") && board.contains("教育局"), "{board}");
        assert_eq!((zhang.get("/loops?stage=x").status, zhang.get("/loops?area=1").status), (404, 404));

        // The bureau signs for what it picked.
        let bureau = Browser { cookie: String::new(), ..browser.clone() };
        let answer = bureau.post("/sign-in", &[("id", "jyj"), ("password", PASSWORD)]);
        let cookie = answer.header("set-cookie").split(';').next().unwrap_or_default().to_owned();
        let bureau = Browser { cookie, ..bureau };
        assert!(bureau.get("/inbox").body.contains("签收选中的"));
        let signed = bureau.submit("/inbox", "/inbox", &[("case", &id)]);
        assert!(signed.status == 200 && signed.body.contains("刚才签收的"), "{}", signed.body);
        assert!(!bureau.get("/inbox").body.contains("签收选中的"), "nothing is left to sign for");
        assert_eq!((bureau.get("/loops").status, bureau.get("/query").status), (403, 403));

        // At the window: nothing typed stands in the address, and a wrong tail tells nothing.
        let page = zhang.get(&case).body;
        let at = page.find("SL20").expect("a number");
        let number: String = page[at..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
        let wrong = zhang.submit("/query", "/query", &[("code", &number), ("tail", "0000")]);
        assert!(wrong.status == 404 && wrong.body.contains("没有查到不等于没有受理"), "{}", wrong.body);
        assert!(!wrong.body.contains("王三"));
    })
    .await;
    site.close().await;
}
