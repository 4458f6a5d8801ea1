//! The pages of notices, payments and handing over.

use super::*;
use serde_json::json;
use shouwang_node::desk::{CaseStep, OpenCase, Person};
use shouwang_protocol::record::CaseId;
use shouwang_protocol::records::amount::Fen;
use shouwang_protocol::records::event::{Opinion, Origin, Verdict};

const NAMES: [&str; 6] = ["王秀英", "陆建国", "欧阳娜娜", "钱某", "孙小明", "周桂芳"];

pub fn id(parts: [u8; 3]) -> ActionId {
    let mut id = [9; 16];
    id[..3].copy_from_slice(&parts);
    ActionId(id)
}

pub fn id_no(sequence: u32) -> String {
    let body = format!("32058219600101{sequence:03}");
    let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 = body.bytes().zip(weights).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    format!("{body}{}", ["1", "0", "X", "9", "8", "7", "6", "5", "4", "3", "2"][(sum % 11) as usize])
}

/// 张婕, who takes in and reviews, and 李, who approves.
pub async fn staff(site: &Site) -> (Person, Person) {
    let console = site.desk.console().await.expect("the console");
    let person = |id: &str, name: &str, roles: &[Role]| Person {
        id: id.into(),
        name: name.into(),
        roles: roles.iter().copied().collect(),
        ..console.clone()
    };
    (person("zhang", "张婕", &[Role::Intake, Role::Reviewer]), person("li", "李审批", &[Role::Approver]))
}

/// Three families whose notice is to be posted, three who are to be paid (the last has no account).
pub async fn seed(site: &Site) -> Vec<CaseId> {
    let (zhang, li) = staff(site).await;
    let mut cases = Vec::new();
    for (n, name) in (0_u8..).zip(NAMES) {
        let row = json!({
            "id": format!("S{n}"), "head": name, "type": "低保户", "cause": "因病", "income_annual": 9_600, "phone": "13800000000",
            "bank": "农商银行", "bank_account": if n == 5 { "" } else { "6217000011112222" }, "address": "三组",
            "members": [{"name": name, "relation": "户主", "id_no": id_no(u32::from(n) + 10)}],
        });
        let row = row.as_object().expect("an object").clone();
        let area = AreaId::parse(VILLAGE).expect("a code");
        let registered = site.desk.perform(&zhang, id([n, 0, 0]), Command::RegisterHousehold { area, row }).await;
        let household = registered.expect("registers").records[0];
        let assistance = if n < 3 { "最低生活保障" } else { "临时救助" };
        let open = OpenCase { household: Some(household), assistance: assistance.into(), ..OpenCase::of(Origin::Application) };
        let case = site.desk.perform(&zhang, id([n, 1, 0]), Command::OpenCase(open)).await.expect("opens").case.expect("a case");
        let visit = CaseStep::Visit {
            investigators: vec!["李强".into()],
            present: name.into(),
            remote: String::new(),
            findings: "属实".into(),
        };
        let mut steps = vec![(&zhang, CaseStep::Accept {})];
        steps.extend((n < 3).then_some((&zhang, visit)));
        steps.push((&zhang, CaseStep::PreExamine { opinion: Opinion::For, note: String::new() }));
        steps.push((&zhang, CaseStep::Propose { amount: None, reason: String::new() }));
        let decide = CaseStep::Decide { outcome: Verdict::Approved, amount: Some(Fen(283_500)), reason: String::new() };
        steps.extend((n >= 3).then_some((&li, decide)));
        for (at, (who, step)) in (0..).zip(steps) {
            site.desk.perform(who, id([n, 2, at]), Command::Case { case, step }).await.expect("steps");
        }
        cases.push(case);
    }
    cases
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_is_posted_from_the_case_printed_for_the_village_and_says_nothing_it_must_not() {
    let site = Site::open().await;
    let cases = seed(&site).await;
    site.browse(move |browser| {
        let zhang = browser.sign_in("zhang", PASSWORD);
        let post = |case: &CaseId, place: &str, phone: &str| {
            let page = format!("/cases/{case}");
            let fields = [("kind", "notice-posted"), ("place", place), ("phone", phone), ("from", ""), ("until", "")];
            zhang.submit(&page, &format!("{page}/act"), &fields)
        };
        let refused = post(&cases[0], "公开栏，户主13800000000", "0512-56729800");
        assert!(refused.status == 422 && refused.body.contains("公示地点不得写电话号码"), "{}", refused.body);
        assert!(zhang.get("/notices").body.contains("现在没有公示"));
        for case in &cases[..3] {
            assert_eq!(post(case, "村务公开栏", "0512-56729800").status, 303);
        }
        assert!(zhang.get(&format!("/cases/{}", cases[0])).body.contains("公示原文：申请人：王*英；"));
        let list = zhang.get("/notices").body;
        let sheet = zhang.get(&format!("/notices/sheet?area={VILLAGE}")).body;
        for page in [&list, &sheet] {
            assert!(page.contains("王*英") && page.contains("欧**娜") && page.contains("145.00元"), "{page}");
            for secret in ["王秀英", "13800000000", "6217000011112222", "2222", "19600101", "低保户", "因病"] {
                assert!(!page.contains(secret), "{secret}: {page}");
            }
        }
        assert!(sheet.contains("0512-56729800") && sheet.contains("data-print"));
        assert!(zhang.get("/notices?at=gone").body.contains("还没有撤下的公示"));
        assert_eq!(zhang.get("/notices/sheet").status, 404);
    })
    .await;
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_charity_is_told_on_its_page_what_was_agreed_to_and_nothing_after_that_was_taken_back() {
    let site = Site::open().await;
    let (zhang, _) = staff(&site).await;
    let console = site.desk.console().await.expect("the console");
    let charity = NewStaff {
        id: "cishan".into(),
        name: "慈善专员".into(),
        roles: [Role::Provider].into(),
        department: None,
        provider: Some("慈善总会".into()),
        password: PASSWORD.into(),
    };
    site.desk.perform(&console, id([8, 0, 0]), Command::AddStaff(charity)).await.expect("an account");
    let open = OpenCase {
        area: AreaId::parse(VILLAGE),
        applicant: "欧阳娜娜".into(),
        summary: "行动不便，需要轮椅".into(),
        assistance: "照料服务".into(),
        ..OpenCase::of(Origin::Application)
    };
    let case = site.desk.perform(&zhang, id([8, 1, 0]), Command::OpenCase(open)).await.expect("opens").case.expect("a case");
    site.desk.perform(&zhang, id([8, 2, 0]), Command::Case { case, step: CaseStep::Accept {} }).await.expect("accepts");
    site.browse(move |browser| {
        let (zhang, charity) = (browser.sign_in("zhang", PASSWORD), browser.sign_in("cishan", PASSWORD));
        let page = format!("/cases/{case}");
        let act = |who: &Browser, fields: &[(&str, &str)]| who.submit(&page, &format!("{page}/act"), fields);
        let transfer = [("kind", "transferred"), ("to", "provider:慈善总会"), ("assistance", ""), ("note", "请送轮椅")];

        // The form says so beforehand; refused all the same, the page opens the form that comes first.
        assert!(zhang.get(&page).body.contains("慈善总会（服务机构，须先登记同意）"));
        let refused = act(&zhang, &transfer);
        assert!(refused.status != 303 && refused.body.contains("转给慈善总会须经当事人单独同意"), "{}", refused.status);
        assert!(refused.body.contains("<details class=\"do\" open><summary>同意提供信息"), "{}", refused.body);
        let paper = zhang.get(&format!("{page}/consents/{}", percent("慈善总会")));
        for says in ["信息提供同意书", "欧阳娜娜", "慈善总会", "☐ 姓名", "可以随时撤回", "不满十四周岁"]
        {
            assert!(paper.body.contains(says), "{says}: {}", paper.body);
        }
        assert_eq!(zhang.get(&format!("{page}/consents/x")).status, 404);

        let consent = [
            ("kind", "consented"),
            ("to", "provider:慈善总会"),
            ("whose", "欧阳娜娜"),
            ("given_by", "own"),
            ("giver", ""),
            ("how", "witnessed"),
            ("until", ""),
        ];
        let empty = act(&zhang, &[&consent[..], &[("note", "见证人李某")]].concat());
        assert!(empty.status == 422 && empty.body.contains("须选择同意提供哪些信息"), "{}", empty.body);
        let unseen = act(&zhang, &[&consent[..], &[("scope", "name"), ("note", "")]].concat());
        assert!(unseen.status == 422 && unseen.body.contains("当面口头同意的，须写明见证人"), "{}", unseen.body);
        assert_eq!(act(&zhang, &[&consent[..], &[("scope", "name"), ("note", "见证人李某")]].concat()).status, 303);
        let shown = zhang.get(&page).body;
        assert!(shown.contains("本人欧阳娜娜，当面口头，有人见证") && shown.contains("可提供：姓名"), "{shown}");
        assert!(!shown.contains("须先登记同意"));
        assert_eq!(act(&zhang, &transfer).status, 303);

        let seen = charity.get(&page).body;
        assert!(seen.contains("欧阳娜娜") && seen.contains("请送轮椅") && !seen.contains("行动不便"), "{seen}");
        assert!(charity.get("/inbox").body.contains("欧阳娜娜"));
        assert_eq!(act(&charity, &[("kind", "signed-for")]).status, 303);
        assert_eq!(charity.get(&format!("{page}/consents/{}", percent("慈善总会"))).status, 403);

        assert_eq!(act(&zhang, &[("kind", "consent-withdrawn"), ("note", "本人电话")]).status, 303);
        let shown = zhang.get(&page).body;
        assert!(shown.contains("撤回：本人电话") && shown.contains("收回转办"), "{shown}");
        for path in [page.as_str(), "/inbox"] {
            let seen = charity.get(path).body;
            assert!(seen.contains("同意已撤回或到期"), "{path}: {seen}");
            for gone in ["欧阳娜娜", "请送轮椅", "本人电话"] {
                assert!(!seen.contains(gone), "{path}, {gone}: {seen}");
            }
        }
        assert_eq!(act(&zhang, &[("kind", "recalled"), ("reason", "本人撤回同意")]).status, 303);
        assert!(zhang.get(&page).body.contains("已收回"));
    })
    .await;
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_told_on_paper_disputed_and_filed_on_its_pages() {
    let site = Site::open().await;
    let cases = seed(&site).await;
    let (zhang, li) = staff(&site).await;
    let against = CaseStep::PreExamine { opinion: Opinion::Against, note: "存款超过限额".into() };
    let refuse = CaseStep::Decide { outcome: Verdict::Refused, amount: None, reason: "存款超过限额".into() };
    for (at, (who, step)) in (0..).zip([(&zhang, against), (&li, refuse)]) {
        site.desk.perform(who, id([7, 2, at]), Command::Case { case: cases[0], step }).await.expect("steps");
    }
    site.browse(move |browser| {
        let zhang = browser.sign_in("zhang", PASSWORD);
        let page = format!("/cases/{}", cases[0]);
        let act = |fields: &[(&str, &str)]| zhang.submit(&page, &format!("{page}/act"), fields);
        assert!(zhang.get(&page).body.contains("未出具书面通知"));
        let early = act(&[("kind", "closed"), ("result", "不予批准")]);
        assert!(early.status != 303 && early.body.contains("书面通知还没有送达"), "{}", early.status);
        assert_eq!(act(&[("kind", "cut-noticed")]).status, 303);
        let body = zhang.get(&page).body;
        let at = body.find("/letters/").expect("the letter");
        let letter = zhang.get(&format!("{page}{}", body[at..].split('"').next().expect("a link"))).body;
        for says in ["最低生活保障申请不予批准通知书", "王秀英", "存款超过限额", "申请行政复议"] {
            assert!(letter.contains(says), "{says}: {letter}");
        }
        assert!(zhang.get("/queue?step=archived").body.contains("没有等待这一步的事项"));
        let served = [("kind", "cut-served"), ("to", "王秀英"), ("how", "handed"), ("on", ""), ("note", "")];
        assert_eq!(act(&served).status, 303);
        assert_eq!(act(&[("kind", "closed"), ("result", "不予批准，已书面告知")]).status, 303);
        // Disputed before its papers were filed: they wait.
        let number = [("how", "lawsuit"), ("body", "市人民法院"), ("number", ""), ("on", "")];
        assert_eq!(act(&[&[("kind", "disputed")], &number[..]].concat()).status, 303);
        let case = cases[0].to_string();
        let file = || zhang.submit("/queue?step=archived", "/queue", &[("step", "archived"), ("case", &case), ("note", "3 柜")]);
        assert!(file().body.contains("复议、诉讼还没有结果"));
        assert_eq!(act(&[("kind", "dispute-ended"), ("outcome", "stands"), ("text", "（2019）1 号：驳回")]).status, 303);
        assert!(file().body.contains("已归档，档案编号"));
        let done = zhang.get(&page).body;
        assert!(done.contains("已归档") && done.contains("已办结，没有人需要办理。") && done.contains("维持原决定"));
    })
    .await;
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn making_public_for_several_at_once_asks_for_a_place_and_tells_of_each() {
    let site = Site::open().await;
    let cases = seed(&site).await;
    site.browse(move |browser| {
        let zhang = browser.sign_in("zhang", PASSWORD);
        let page = "/queue?step=published";
        let shown = zhang.get(page).body;
        assert!(shown.contains("待公布 0") && shown.contains("没有等待这一步的事项"), "{shown}");
        let case = cases[0].to_string();
        let fields = |from: &'static str| {
            [
                ("step", "published"),
                ("case", case.as_str()),
                ("place", "公开栏"),
                ("phone", "0512-56729800"),
                ("from", from),
                ("until", ""),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
        };
        let act = |from: &'static str| {
            let fields = fields(from);
            let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            zhang.submit(page, "/queue", &fields)
        };
        let told = act("").body;
        assert!(told.contains("王秀英") && told.contains("没有办成") && told.contains("尚未审批"), "{told}");
        assert_eq!(act("明天").status, 422);
    })
    .await;
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn item_29_a_list_is_made_sent_and_answered_on_its_pages() {
    let site = Site::open().await;
    let cases = seed(&site).await;
    site.browse(move |browser| {
        let zhang = browser.sign_in("zhang", PASSWORD);
        let reserve = zhang.get("/allotments").body;
        assert!(reserve.contains("还没有备用金") && !reserve.contains("核定一笔备用金"), "only an approver grants: {reserve}");
        let queue = zhang.get("/payments").body;
        assert!(queue.contains("可列入 2 笔，共 5,670.00 元") && queue.contains("没有登记银行账号"), "{queue}");
        let made = zhang.submit("/payments", "/payments", &[("kind", "临时救助"), ("period", "2026-07")]);
        assert!(made.status == 200 && made.body.contains("已列入 2 笔，共 5,670.00 元"), "{}", made.body);
        let batch =
            made.body.split("action=\"/payments/").nth(1).and_then(|rest| rest.split('"').next()).expect("a list").to_owned();
        let page = format!("/payments/{batch}");
        assert!(made.body.contains("尾号 2222") && !made.body.contains("6217000011112222"));
        let file = zhang.submit(&page, &format!("{page}/export"), &[("purpose", "送银行代发")]);
        assert!(file.status == 200 && file.header("content-disposition").starts_with("attachment"), "{}", file.body);
        assert_eq!(zhang.submit(&page, &format!("{page}/export"), &[("purpose", "")]).status, 422);
        assert!(browser.sign_in("gao", PASSWORD).get("/households/export").body.contains("发放名册"));

        let failed = [(format!("row.{}", cases[3]), "failed"), (format!("why.{}", cases[3]), "")];
        let fields: Vec<(&str, &str)> = failed.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        let wordless = zhang.submit(&page, &page, &fields);
        assert!(wordless.body.contains("须写明发放失败的原因"), "{}", wordless.body);
        let csv = format!("事项编号,结果,原因\n{},失败,账号已注销\n{},成功,\n", cases[3], cases[4]);
        let shown = zhang.get(&page);
        let part = |name: &str, more: &str, text: &str| {
            format!("--xx\r\nContent-Disposition: form-data; name=\"{name}\"{more}\r\n\r\n{text}\r\n")
        };
        let origin = format!("http://{}", zhang.at);
        let headers = [("Origin", origin.as_str()), ("Content-Type", "multipart/form-data; boundary=xx")];
        let upload = |csrf: &str| {
            let body = part("csrf", "", csrf)
                + &part("action", "", &shown.hidden("action"))
                + &part("file", "; filename=\"jieguo.csv\"", &csv)
                + "--xx--\r\n";
            zhang.ask("POST", &format!("{page}/answers"), &headers, body.as_bytes())
        };
        assert_eq!(upload("00000000000000000000000000000000").status, 403);
        let answered = upload(&shown.hidden("csrf"));
        assert!(answered.body.contains("1 笔到账，1 笔未到账"), "{}", answered.body);
        let queue = zhang.get("/payments").body;
        assert!(queue.contains("可列入 1 笔") && queue.contains("1 笔未到账") && queue.contains("发放失败"), "{queue}");
        assert_eq!(browser.sign_in("gao", PASSWORD).get("/payments").status, 403);
        assert_eq!(zhang.get("/payments/FF0").status, 404);
    })
    .await;
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_shut_and_its_cases_go_to_a_colleague() {
    let site = Site::open().await;
    let cases = seed(&site).await;
    let console = site.desk.console().await.expect("the console");
    let new = NewStaff {
        id: "qian".into(),
        name: "钱接手".into(),
        roles: [Role::Intake].into(),
        department: None,
        provider: None,
        password: PASSWORD.into(),
    };
    site.desk.perform(&console, action(90), Command::AddStaff(new)).await.expect("staff");
    site.browse(move |browser| {
        let gao = browser.sign_in("gao", PASSWORD);
        assert!(gao.get("/staff").body.contains("承办 6 件"));
        let shut = gao.submit("/staff", "/staff/disable", &[("id", "zhang")]);
        assert!(shut.status == 200 && shut.body.contains("请在下面移交"), "{}", shut.body);
        let qian = browser.sign_in("qian", PASSWORD);
        let page = format!("/cases/{}", cases[0]);
        assert!(qian.get(&page).body.contains("无人承办"));
        assert!(qian.get("/today").body.contains("6 件事项无人承办"));
        assert_eq!(qian.get("/staff/hand/zhang").status, 403);
        let done = gao.submit("/staff/hand/zhang", "/staff/hand/zhang", &[("to", "qian"), ("reason", "调离")]);
        assert!(done.status == 200 && done.body.contains("已把 6 件事项和草稿移交给 qian"), "{}", done.body);
        let body = qian.get(&page).body;
        assert!(!body.contains("无人承办") && body.contains("移交给钱接手，调离"), "{body}");
    })
    .await;
    site.close().await;
}
