//! The tables of the policy pack, typed by the city row by row; a kind that was added so, and the notice of its cut.

use super::work::{id, id_no, staff};
use super::*;
use serde_json::json;
use shouwang_node::desk::{CaseStep, OpenCase};
use shouwang_protocol::records::amount::Fen;
use shouwang_protocol::records::event::{Opinion, Origin, Verdict};

/// Looks at what changes, then publishes it; the page of the preview.
fn publish(gao: &Browser, section: &str, code: &str, fields: &[(&str, &str)]) -> String {
    let row = format!("/policies/tables/{section}/row");
    let page = if code.is_empty() { row.clone() } else { format!("{row}?code={}", percent(code)) };
    let own = [("row", code), ("pack_from", "2026-01-01")];
    let fields = [&own, fields].concat();
    let preview = gao.submit(&page, &row, &fields);
    assert!(preview.status == 200 && preview.body.contains("发布新的政策包"), "{section} {code}: {}", preview.body);
    let seen = preview.hidden("seen");
    let done = gao.submit(&page, &row, &[&fields[..], &[("do", "publish"), ("seen", &seen)]].concat());
    assert_eq!((done.status, done.header("location")), (303, &*format!("/policies/tables/{section}")), "{}", done.body);
    preview.body
}

#[tokio::test(flavor = "multi_thread")]
async fn the_city_types_kinds_departments_providers_exclusions_and_the_calendar_on_their_pages() {
    let site = Site::open().await;
    site.browse(|browser| {
        let gao = browser.sign_in("gao", PASSWORD);
        let table = |section: &str| gao.get(&format!("/policies/tables/{section}")).body;
        let form = |section: &str, code: &str| gao.get(&format!("/policies/tables/{section}/row?code={}", percent(code))).body;

        // A kind: who decides, its steps and their days, when it is paid, what is a double.
        let kinds = table("kinds");
        assert!(kinds.contains("镇级 | 1000.00；市级") && kinds.contains("新增一行"), "{kinds}");
        let shown = form("kinds", "临时救助");
        for text in ["镇级 | 1000.00\n市级", "核实 | 1\n受理 | 1\n预审 | 3\n审批 | 3\n发放 | 3", "新政策包不再列入"]
        {
            assert!(shown.contains(text), "{text}: {shown}");
        }
        let kind = [
            ("code", "困难残疾人生活补贴"),
            ("name", "困难残疾人生活补贴"),
            ("department", "民政局"),
            ("decides", "镇级 | 300\r\n市级"),
            ("steps", "受理 | 1\r\n预审 | 3\r\n审批 | 3\r\n发放"),
            ("monthly", "yes"),
            ("repeat/days", "365"),
            ("source", "样例"),
        ];
        let late = [&kind[..], &[("pay_by/day", "10"), ("pack_from", "2026-01-01")]].concat();
        let late = gao.submit("/policies/tables/kinds/row", "/policies/tables/kinds/row", &late);
        assert!(late.status == 422 && late.body.contains("没有填写“发放期限的依据”"), "{}", late.body);
        let wrong = [&[("decides", "镇级 | 300"), ("pack_from", "2026-01-01")], &kind[..3], &kind[4..]].concat();
        let wrong = gao.submit("/policies/tables/kinds/row", "/policies/tables/kinds/row", &wrong);
        assert!(wrong.status == 422 && wrong.body.contains("300.00 元以上没有人审批"), "{}", wrong.body);
        let paid = [("pay_by/day", "10"), ("pay_by/source", "样例参数")];
        let preview = publish(&gao, "kinds", "", &[&kind[..], &paid].concat());
        assert!(preview.contains("镇级 | 300.00；市级") && preview.contains("受理 | 1；预审 | 3；审批 | 3；发放"), "{preview}");
        let shown = form("kinds", "困难残疾人生活补贴");
        assert!(shown.contains("受理 | 1\n预审 | 3\n审批 | 3\n发放<") && shown.contains("样例参数"), "{shown}");

        // Departments and providers; one that a kind names stays.
        publish(&gao, "departments", "", &[("code", "残联"), ("name", "残疾人联合会"), ("source", "样例")]);
        assert!(form("kinds", "困难残疾人生活补贴").contains("残疾人联合会"), "to be chosen");
        let charity = [("code", "慈善总会"), ("name", "市慈善总会"), ("basis", "consent"), ("source", "样例")];
        let page = format!("/policies/tables/providers/row?code={}", percent("慈善总会"));
        let both = [&charity[..], &[("row", "慈善总会"), ("agreement", "协议"), ("pack_from", "2026-01-01")]].concat();
        let both = gao.submit(&page, "/policies/tables/providers/row", &both);
        assert!(both.status == 422 && both.body.contains("委托协议只有受托处理的机构才写"), "{}", both.body);
        publish(&gao, "providers", "慈善总会", &charity);
        let shown = table("providers");
        assert!(shown.contains("市慈善总会") && shown.contains("须当事人单独同意") && shown.contains("受托处理"), "{shown}");
        let used = [("row", "教育局"), ("gone", "yes"), ("pack_from", "2026-01-01")];
        let page = format!("/policies/tables/departments/row?code={}", percent("教育局"));
        let used = gao.submit(&page, "/policies/tables/departments/row", &used);
        assert!(used.status == 422 && used.body.contains("救助种类“教育救助”：没有“教育局”这一部门"), "{}", used.body);
        publish(&gao, "departments", "残联", &[("gone", "yes")]);

        // Exclusions.
        let code = "最低生活保障、特困人员供养";
        assert!(table("exclusions").contains(code));
        let both = [("kinds", "最低生活保障"), ("kinds", "特困人员供养"), ("source", "样例")];
        publish(&gao, "exclusions", code, &[&both[..], &[("code", code), ("days", "730"), ("never", "yes")]].concat());
        assert!(form("exclusions", code).contains("730"));
        let mixed = [
            ("code", "补贴和供养"),
            ("kinds", "困难残疾人生活补贴"),
            ("kinds", "特困人员供养"),
            ("days", "30"),
            ("source", "样例"),
        ];
        publish(&gao, "exclusions", "", &mixed);
        let shown = table("exclusions");
        assert!(shown.contains("补贴和供养") && shown.contains("困难残疾人生活补贴、特困人员供养"), "{shown}");

        // The calendar, a row a year.
        let shown = form("calendar", "2019");
        assert!(shown.contains("2019-02-04 至 2019-02-10\n") && shown.contains("2019-04-28"), "{shown}");
        let year = |off: &'static str, worked: &'static str| {
            [("code", "2027"), ("off", off), ("worked", worked), ("source", "放假通知"), ("pack_from", "2026-01-01")]
        };
        let row = "/policies/tables/calendar/row";
        for (off, worked, why) in [
            ("2027-02-29", "", "没有“2027-02-29”这一天"),
            ("2027-02-05 至 2027-02-11", "2027-02-16", "2027-02-16 是星期二，本来就上班"),
            ("2026-12-31 至 2027-01-01", "", "2026-12-31 不在 2027 年"),
            ("", "", "没有填写“放假的日子”"),
        ] {
            let refused = gao.submit(row, row, &year(off, worked));
            assert!(refused.status == 422 && refused.body.contains(why), "{why}: {}", refused.body);
            assert!(refused.body.contains(off), "what was typed is still there");
        }
        publish(&gao, "calendar", "", &year("2027-01-01\r\n2027-02-05 至 2027-02-11", "2027-02-14")[..4]);
        assert!(table("calendar").contains("2027-01-01；2027-02-05 至 2027-02-11"));
        publish(&gao, "calendar", "2018", &[("gone", "yes")]);
        assert!(!table("calendar").contains("2018-12-30"));
    })
    .await;
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_notice_of_a_cut_is_printed_from_the_case() {
    let site = Site::open().await;
    let console = site.desk.console().await.expect("the console");
    let (zhang, li) = staff(&site).await;
    let kind = json!({
        "code": "困难残疾人生活补贴", "name": "困难残疾人生活补贴", "monthly": true, "source": "样例",
        "decides": {"tiers": [{"tier": "city"}]}, "steps": ["pre_examine", "decide", "pay"],
    });
    let revision = json!({"from": "2026-01-01", "rows": {"kinds": [kind]}});
    let revision = Command::RevisePolicy(serde_json::from_value(revision).expect("reads"));
    site.desk.perform(&console, id([1, 1, 1]), revision).await.expect("a pack");
    let row = json!({
        "id": "S1", "head": "王秀英", "type": "低保户", "cause": "因残", "income_annual": 9_600, "phone": "13800000000",
        "members": [{"name": "王秀英", "relation": "户主", "id_no": id_no(10)}],
    });
    let row = row.as_object().expect("an object").clone();
    let register = Command::RegisterHousehold { area: AreaId::parse(VILLAGE).expect("a code"), row };
    let home = site.desk.perform(&zhang, id([1, 1, 2]), register).await.expect("registers").records[0];
    let open =
        OpenCase { household: Some(home), assistance: "困难残疾人生活补贴".into(), ..OpenCase::of(Origin::Application) };
    let case = site.desk.perform(&zhang, id([1, 1, 3]), Command::OpenCase(open)).await.expect("opens").case.expect("a case");
    let steps = [
        (&zhang, CaseStep::Accept {}),
        (&zhang, CaseStep::PreExamine { opinion: Opinion::For, note: String::new() }),
        (&li, CaseStep::Decide { outcome: Verdict::Approved, amount: Some(Fen(48_000)), reason: "一级".into() }),
        (&zhang, CaseStep::Hear { who: "本人，当面".into(), text: "无异议".into() }),
        (&li, CaseStep::Adjust { amount: Some(Fen(36_000)), from: None, reason: "改评为二级".into() }),
        (&li, CaseStep::WriteNotice {}),
    ];
    for (at, (who, step)) in (0..).zip(steps) {
        site.desk.perform(who, id([1, 2, at]), Command::Case { case, step }).await.expect("steps");
    }
    let term = site.desk.case(&zhang, case).await.expect("reads").standing.terms.pop().expect("the cut").id;
    site.browse(move |browser| {
        let zhang = browser.sign_in("zhang", PASSWORD);
        let sheet = format!("/cases/{case}/letters/{term}");
        assert!(zhang.get(&format!("/cases/{case}")).body.contains(&sheet), "the case leads there");
        let page = zhang.get(&sheet).body;
        for text in ["困难残疾人生活补贴", "改评为二级", "本人，当面", "360.00", "行政复议", "（盖章）", "尚未送达", "data-print"]
        {
            assert!(page.contains(text), "{text}: {page}");
        }
        assert!(!page.contains("13800000000"));
        assert_eq!(zhang.get(&format!("/cases/{case}/letters/1@00")).status, 404);
    })
    .await;
    site.close().await;
}
