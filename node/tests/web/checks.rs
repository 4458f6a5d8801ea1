//! The pages and the interface of checks of a family's means.

use super::*;
use serde_json::{Value, json};
use shouwang_node::desk::{CaseStep, OpenCase, Person};
use shouwang_protocol::record::CaseId;
use shouwang_protocol::records::event::Origin;

/// An application for 刚性支出困难救助 of a family of one, visited.
async fn visited(site: &Site) -> CaseId {
    let console = site.desk.console().await.expect("the console");
    let roles = [Role::Intake, Role::Reviewer].into();
    let zhang = Person { id: "zhang".into(), name: "张婕".into(), roles, ..console };
    let row = json!({
        "id": "K1", "head": "王秀英", "type": "低保边缘户", "income_wage": 12_000, "address": "三组",
        "members": [{"name": "王秀英", "relation": "户主", "id_no": "34052419800101001X"}],
    });
    let row = row.as_object().expect("an object").clone();
    let command = Command::RegisterHousehold { area: AreaId::parse(VILLAGE).expect("a code"), row };
    let household = site.desk.perform(&zhang, action(40), command).await.expect("registers").records[0];
    let kind = "刚性支出困难救助".to_owned();
    let open = OpenCase { household: Some(household), assistance: kind, ..OpenCase::of(Origin::Application) };
    let case = site.desk.perform(&zhang, action(41), Command::OpenCase(open)).await.expect("opens").case.expect("a case");
    let visit = CaseStep::Visit {
        investigators: vec!["李强".into()],
        present: "王秀英".into(),
        remote: String::new(),
        findings: "属实".into(),
    };
    for (number, step) in [(42, CaseStep::Accept {}), (43, visit)] {
        site.desk.perform(&zhang, action(number), Command::Case { case, step }).await.expect("steps");
    }
    case
}

/// What stands in the option of a select that shows this text.
fn option(body: &str, label: &str) -> String {
    let at = body.find(&format!(">{label}")).unwrap_or_else(|| panic!("{label} in {body}"));
    let start = body[..at].rfind("value=\"").expect("a value") + "value=\"".len();
    body[start..at].split('"').next().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn item_32_on_the_pages_from_the_authorisation_to_the_figures_and_the_list_of_who_looked() {
    let site = Site::open().await;
    let case = visited(&site).await;
    site.browse(move |browser| {
        let zhang = browser.sign_in("zhang", PASSWORD);
        let page = format!("/cases/{case}/check");
        let matter = zhang.get(&format!("/cases/{case}")).body;
        assert!(matter.contains("待经济核对") && matter.contains(&page) && matter.contains("提请核对"), "{matter}");
        let shown = zhang.get(&page).body;
        let (member, person) = (option(&shown, "王秀英（户主）"), option(&shown, "王秀英（户主）"));
        let ask = |sources: &[&str]| {
            let mut fields = vec![("kind", "check-asked"), ("people", person.as_str()), ("note", "")];
            fields.extend(sources.iter().map(|source| ("sources", *source)));
            zhang.submit(&page, &page, &fields)
        };
        let refused = ask(&["银行", "税务"]);
        assert!(refused.status == 422 && refused.body.contains("王秀英没有有效的核对授权"), "{}", refused.body);
        assert!(refused.body.contains("value=\"银行\" checked") && !refused.body.contains("value=\"车船\" checked></label>"));
        let nothing = ask(&[]);
        assert!(nothing.status == 422 && nothing.body.contains("须选择核对哪些信息来源"), "{}", nothing.body);
        let agree = [
            ("kind", "check-authorised"),
            ("member", member.as_str()),
            ("until", "2027-06-01"),
            ("paper", "村档案柜 3-2"),
            ("sources", "银行"),
            ("sources", "税务"),
        ];
        let agreed = zhang.submit(&page, &page, &agree);
        assert_eq!(agreed.status, 303, "{}", agreed.body);
        assert!(zhang.get(&page).body.contains("村档案柜 3-2"));
        assert_eq!(ask(&["银行", "税务"]).status, 303);
        let queue = zhang.get("/checks").body;
        assert!(queue.contains("王秀英") && queue.contains("待开始") && queue.contains("刚性支出困难救助"), "{queue}");

        // One by form, one of a table, with a row that nobody asked for.
        let answer = [
            ("kind", "answer"),
            ("person", person.as_str()),
            ("source", "银行"),
            ("outcome", "found"),
            ("amount", "52,345.67"),
            ("text", "农商行定期存单"),
            ("as_of", "2026-11-01"),
        ];
        let answered = zhang.submit(&page, &page, &answer);
        assert!(answered.status == 200 && answered.body.contains("已登记 1 项答复"), "{}", answered.body);
        assert!(!answered.body.contains("52,345.67"), "figures are on the sheet only");
        let wrong = zhang.submit(&page, &page, &[&answer[..4], &[("amount", "多"), ("as_of", "2026-11-01")]].concat());
        assert!(wrong.status == 422 && wrong.body.contains("金额应为数字"), "{}", wrong.body);
        let number = answered.hidden("number");
        let csv = format!(
            "核对编号,姓名,信息来源,结果,金额(元),数据截至\n{number},王秀英,税务,查得,12000,2026-11-01\n{number},王秀英,车船,无记录,,2026-11-01\n"
        );
        let listed = zhang.get("/checks");
        let (csrf, action) = (listed.hidden("csrf"), listed.hidden("action"));
        let part = |name: &str, file: &str, text: &str| {
            format!("--xx\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n{text}\r\n")
        };
        let parts = [part("csrf", "", &csrf), part("action", "", &action), part("file", "; filename=\"d.csv\"", &csv)];
        let body = format!("{}--xx--\r\n", parts.concat());
        let origin = format!("http://{}", zhang.at);
        let headers = [("Origin", origin.as_str()), ("Content-Type", "multipart/form-data; boundary=xx")];
        let told = zhang.ask("POST", "/checks/answers", &headers, body.as_bytes());
        assert!(told.status == 200 && told.body.contains("2 行：新登记 1 项，已有 0 项，不能登记 1 行。"), "{}", told.body);
        assert!(told.body.contains("这一核对没有请求核对这一来源"), "{}", told.body);
        let done = zhang.submit(&page, &page, &[("kind", "check-answered")]);
        assert_eq!(done.status, 303, "{}", done.body);
        assert!(zhang.get(&page).body.contains("<span class=\"chip bad\">不一致</span>"));

        // Figures for a purpose only; the auditor reads who looked.
        let look = |who: &Browser, purpose: &str| {
            let csrf = who.get(&page).hidden("csrf");
            who.post(&format!("{page}/sheet"), &[("csrf", &csrf), ("number", &number), ("purpose", purpose)])
        };
        let aimless = look(&zhang, " ");
        assert!(aimless.status == 422 && !aimless.body.contains("52,345.67"), "{}", aimless.body);
        let sheet = look(&zhang, "审核本事项");
        assert_eq!((sheet.status, sheet.header("cache-control")), (200, "no-store"));
        for words in ["52,345.67", "未申报", "查得多于申报", "12,000.00", "农商行定期存单", "用途：审核本事项", "data-print"] {
            assert!(sheet.body.contains(words), "{words}: {}", sheet.body);
        }
        let gao = browser.sign_in("gao", PASSWORD);
        let looks = gao.get("/checks/looks").body;
        assert!(looks.contains("张婕（zhang）") && looks.contains(&number) && looks.matches("审核本事项").count() == 1, "{looks}");
        assert_eq!((look(&gao, "审核本事项").status, zhang.get("/checks/looks").status), (403, 403));
    })
    .await;
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn item_32_a_program_answers_and_may_repeat_itself() {
    let site = Site::open().await;
    let case = visited(&site).await;
    let console = site.desk.console().await.expect("the console");
    let roles = [Role::Intake, Role::Reviewer].into();
    let zhang = Person { id: "zhang".into(), name: "张婕".into(), roles, ..console };
    let member = site.desk.check(&zhang, case).await.expect("a page").people[0].row.clone();
    let agree =
        json!({ "step": "authorise_check", "member": member.map(|row| row.to_string()), "until": "2027-06-01", "paper": "柜" });
    for (number, step) in [(50, agree), (51, json!({ "step": "ask_check", "sources": ["银行", "税务"] }))] {
        let step: CaseStep = serde_json::from_value(step).expect("a step");
        site.desk.perform(&zhang, action(number), Command::Case { case, step }).await.expect("steps");
    }
    site.browse(move |browser| {
        let json = ("Content-Type", "application/json");
        let who = json!({ "id": "zhang", "password": PASSWORD }).to_string();
        let signed = browser.ask("POST", "/api/v1/sign-in", &[json], who.as_bytes());
        let signed: Value = serde_json::from_str(&signed.body).expect("JSON");
        let bearer = format!("Bearer {}", signed["token"].as_str().expect("a token"));
        let headers = [("Authorization", bearer.as_str()), json];
        let queue: Value = serde_json::from_str(&browser.ask("GET", "/api/v1/checks", &headers, b"").body).expect("JSON");
        let number = queue["rows"][0]["number"].as_str().expect("a check").to_owned();
        assert_eq!((queue["rows"].as_array().map(Vec::len), queue["rows"][0]["state"].as_str()), (Some(1), Some("to-start")));
        let of = |source: &str| json!({ "person": "34052419800101001X", "source": source, "outcome": "found", "amount": 100, "as_of": "2026-11-01" });
        let call = json!({ "checks": [
            { "number": number, "answers": [of("银行"), of("税务"), of("车船")] },
            { "number": "HD0", "answers": [of("银行")] },
        ] });
        let send = || {
            let answer = browser.ask("POST", "/api/v1/checks/answers", &headers, call.to_string().as_bytes());
            assert_eq!(answer.status, 200, "{}", answer.body);
            serde_json::from_str::<Value>(&answer.body).expect("JSON")
        };
        let told = send();
        assert_eq!((&told["rows"], &told["added"], &told["same"]), (&json!(4), &json!(2), &json!(0)), "{told}");
        let why: Vec<&str> = told["rejected"].as_array().expect("a list").iter().filter_map(|row| row["reason"].as_str()).collect();
        assert_eq!(why, ["这一核对没有请求核对这一来源", "没有这一核对编号"]);
        let again = send();
        assert_eq!((&again["added"], &again["same"]), (&json!(0), &json!(2)), "{again}");
        let misspelt = json!({ "checks": [{ "number": number, "answers": [{ "who": "某" }] }] }).to_string();
        assert_eq!(browser.ask("POST", "/api/v1/checks/answers", &headers, misspelt.as_bytes()).status, 400);
        let description: Value = serde_json::from_str(&browser.get("/api/v1/openapi.json").body).expect("JSON");
        assert!(description["paths"]["/api/v1/checks/answers"]["post"].is_object());
        assert!(description["components"]["schemas"]["CheckAnswer"]["properties"]["as_of"].is_object());
    })
    .await;
    site.close().await;
}
