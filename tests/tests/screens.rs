//! Every page as people meet it: long, empty, in error. Nothing may stick out of a laptop's or a phone's screen; with
//! `SHOUWANG_SCREENS=1` the pictures in `tests/screens` are taken anew.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::print_stderr, missing_docs)]

use serde_json::{Value, json};
use shouwang_tests::browser::{Browser, Driver};
use shouwang_tests::http;
use shouwang_tests::town::{self, PASSWORD, Town, perform};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

mod past;

/// 花园浜社区, whose households the township brought in.
const OTHER_VILLAGE: &str = "320582100004";
const LONG: &str = "买买提江·阿卜杜热合曼·吐尔逊尼亚孜·艾合买提江";

/// Households of the village, with one that is long in every way.
fn rows(town: &Town) -> Vec<Value> {
    let mut rows = town.households(60, 3).expect("rows");
    let long = &mut rows[1];
    long["head"] = LONG.into();
    long["address"] =
        "张家港经济技术开发区（杨舍镇）农联村第十二村民小组 永安路 118 弄 6 号 302 室（原农联化工厂宿舍后排）".into();
    long["remark"] = "入户走访，情况属实。".repeat(20).into();
    long["wifi"] = "有".into();
    long["hukou_type"] = "农业".into();
    let head = long["members"][0].clone();
    long["members"][0]["name"] = LONG.into();
    for (index, row) in town.households(16, 4).expect("rows").into_iter().enumerate() {
        let mut member = row["members"][0].clone();
        member["relation"] = ["之子", "之女", "之孙"][index % 3].into();
        long["members"].as_array_mut().expect("members").push(member);
    }
    assert_ne!(head["name"], LONG);
    rows[5]["holdings"] = json!([
        { "person": rows[5]["head"], "category": "重度残疾人", "from": "2018-06-01", "basis": "残联 2018 第 3 号" },
        { "person": rows[5]["head"], "category": "重点优抚对象" },
        { "category": "受灾人员", "from": "2024-07-01", "until": "2024-12-31", "note": "7 月大水" },
    ]);
    let long = &mut rows[1];
    let aid = |n: u64| json!({ "no": format!("A{n}"), "date": format!("2025-{:02}-15", n % 12 + 1), "program": "临时救助", "amount": 2_835, "officer": "张婕", "note": "因病住院，三倍低保标准一次性发放" });
    long["aid"] = (0..24).map(aid).collect();
    rows
}

/// What the file of somebody who typed it by hand looks like.
fn faulty(rows: &[Value]) -> String {
    let changed = |at: usize, field: &str, value: Value| {
        let mut row = rows[at].clone();
        row["id"] = format!("手工-{at}").into();
        row[field] = value;
        row.to_string()
    };
    let mut lines = vec![
        changed(30, "remark", "新的".into()),
        changed(31, "head", "".into()),
        changed(32, "head_id_no", "320582196204180018".into()),
        changed(33, "region", "320582107202".into()),
        changed(34, "income_annual", "一万八".into()),
        "{\"id\": \"没写完".to_owned(),
    ];
    let mut member = rows[35].clone();
    member["id"] = "手工-35".into();
    member["members"][0]["birth"] = "2999-13-40".into();
    lines.push(member.to_string());
    lines.push(lines[0].clone());
    lines.join("\n")
}

fn open(at: SocketAddr, staff: &str, command: Value) -> String {
    town::open_case(at, staff, command).expect("opened")
}

fn step(at: SocketAddr, staff: &str, case: &str, step: Value) {
    town::step(at, staff, case, step).expect("a step");
}

fn household(at: SocketAddr, staff: &str, term: &str) -> String {
    town::household(at, staff, term).expect("a household")
}

/// A node whose data are locked: no key file lies beside it.
struct Locked(Child, SocketAddr);

impl Locked {
    fn start(town: &Town) -> Locked {
        let program = shouwang_simulations::offices::program().expect("the program");
        let table = town.path("table.csv");
        std::fs::write(&table, shouwang_provisioning::divisions::ZHANGJIAGANG).expect("writes");
        let dir = town.path("locked");
        let made = Command::new(&program)
            .args(["init", "--office", "市中心", "--divisions"])
            .arg(&table)
            .arg("--dir")
            .arg(&dir)
            .env("SHOUWANG_PASSPHRASE", "口令口令 8")
            .output();
        assert!(made.expect("starts").status.success());
        let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port");
        let mut command = Command::new(&program);
        command.args(["run", "--quic", "127.0.0.1:0", "--web", &port.to_string(), "--dir"]).arg(&dir);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("starts");
        let up = || http::request(port, "GET", "/healthz", &[], b"").is_ok();
        while !up() {
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        Locked(child, port)
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A monthly benefit of a kind that the city adds by a row is made less, and the written notice made out: its case.
fn cut(at: SocketAddr, town: &Town) -> String {
    let kind = json!({
        "code": "困难残疾人生活补贴", "name": "困难残疾人生活补贴", "department": "民政局", "source": "样例",
        "decides": { "tiers": [{ "tier": "city" }] }, "steps": ["pre_examine", "decide", "publish", "pay"], "monthly": true,
    });
    let revision = json!({ "do": "revise_policy", "from": "2026-01-01", "rows": { "kinds": [kind] } });
    perform(at, "tao", &revision).expect("published");
    let rows = town.households(60, 3).expect("rows");
    let family = household(at, "zhangjie", rows[20]["head_id_no"].as_str().expect("a number"));
    let asked =
        json!({ "origin": "application", "household": family, "assistance": "困难残疾人生活补贴", "summary": "一级肢体残疾" });
    let case = open(at, "zhangjie", asked);
    for (staff, what) in [
        ("zhangjie", json!({ "step": "accept" })),
        ("zhangjie", json!({ "step": "pre_examine", "opinion": "for" })),
        ("zhangjie", json!({ "step": "propose", "amount": 48_000, "reason": "一级残疾" })),
        ("chen", json!({ "step": "decide", "outcome": "approved" })),
        ("zhangjie", json!({ "step": "publish", "place": "村务公开栏", "phone": "0512-56729800" })),
        ("zhangjie", json!({ "step": "hear", "who": "本人，入户当面", "text": "残疾等级重新评定为二级，本人无异议" })),
        ("chen", json!({ "step": "adjust", "amount": 36_000, "reason": "残疾等级由一级改评为二级，按二级标准发放" })),
        ("chen", json!({ "step": "write_notice" })),
    ] {
        step(at, staff, &case, what);
    }
    case
}

/// An application that is refused, and the letter that tells of it: its case.
fn refused(at: SocketAddr, town: &Town) -> String {
    let rows = town.households(60, 3).expect("rows");
    let family = household(at, "zhangjie", rows[25]["head_id_no"].as_str().expect("a number"));
    let asked =
        json!({ "origin": "application", "household": family, "assistance": "最低生活保障", "summary": "失业，收入不稳" });
    let case = open(at, "zhangjie", asked);
    let visit = json!({
        "step": "visit", "investigators": ["李强"], "present": rows[25]["head"], "findings": "名下有小轿车一辆，存款超过限额",
    });
    for (staff, what) in [
        ("zhangjie", json!({ "step": "accept" })),
        ("zhangjie", visit),
        ("zhangjie", json!({ "step": "pre_examine", "opinion": "against", "note": "财产超过限额" })),
        ("chen", json!({ "step": "decide", "outcome": "refused", "reason": "家庭财产超过规定限额：机动车一辆，存款 86,000 元" })),
        ("chen", json!({ "step": "write_notice" })),
    ] {
        step(at, staff, &case, what);
    }
    case
}

fn look_at(browser: &Browser, name: &str, path: &str, says: &str) {
    browser.go(path);
    browser.sees(says);
    browser.look(name);
}

#[test]
fn no_page_sticks_out_of_a_laptop_or_a_phone() {
    let Some(driver) = Driver::start() else {
        eprintln!("skipped: no chromium and chromedriver here");
        return;
    };
    let mut town = Town::found().expect("three offices");
    let elsewhere = town::rows(OTHER_VILLAGE, 9, 5).expect("rows");
    past::import_last_month(&town.township, &town.file("elsewhere.jsonl", &elsewhere).expect("a file"));
    town::staff(&town.township, "sunli", "孙立", &["reviewer"], &[]).expect("added");
    town.run().expect("run");
    let (at_city, at_township, at_village) =
        (town.city.web().expect("pages"), town.township.web().expect("pages"), town.village.web().expect("pages"));
    let above = town.township.quic().expect("listens");
    let mut liu = driver.open(&town.path("liu"), at_village);
    liu.expect("the server responded with a status of");

    // Before anything is there.
    look_at(&liu, "sign-in", "/sign-in", "登录");
    look_at(&liu, "first", "/first", "开通码");
    liu.go("/sign-in");
    liu.fill("#f-id", "liu");
    liu.fill("#f-password", "不对的密码");
    liu.press("登录");
    liu.sees("不对");
    liu.look("sign-in-wrong");
    let locked = Locked::start(&town);
    let mut gate = driver.open(&town.path("gate"), locked.1);
    gate.expect("the server responded with a status of");
    look_at(&gate, "unlock", "/", "解锁");
    gate.fill("#f-passphrase", "猜的");
    gate.press("解锁");
    gate.sees("口令不对");
    gate.look("unlock-wrong");
    gate.close();
    liu.sign_in("liu", PASSWORD);
    look_at(&liu, "today-empty", "/today", "今天没有要办的事");
    look_at(&liu, "households-empty", "/households", "本机还没有家庭档案");
    look_at(&liu, "cases-empty", "/cases", "这里没有事项");
    look_at(&liu, "import", "/import", "名册文件");
    look_at(&liu, "household-new", "/households/new", "登记新家庭");

    // The import, with rows that can't be taken.
    let rows = rows(&town);
    let mixed = town.path("低保名册（手工整理）.jsonl");
    std::fs::write(&mixed, faulty(&rows)).expect("writes");
    liu.go("/import");
    liu.put("#file", &mixed.to_string_lossy());
    liu.press("上传并预览");
    liu.sees("预览，还没有写入");
    liu.look("import-preview");
    liu.click("form[action='/import/go'] button");
    liu.sees("导入完成");
    liu.look("import-done");
    let file = town.file("rows.jsonl", &rows).expect("a file");
    liu.expect("ERR_");
    town.village.stop().expect("stops");
    past::import_last_month(&town.village, &file);
    town.village.run(&[above]).expect("is back");
    town.city
        .wait_until("the households", std::time::Duration::from_secs(60), |s| s["households"].as_u64() >= Some(69))
        .expect("there");

    // Households.
    look_at(&liu, "households", "/households", "本机共");
    liu.go("/today");
    liu.keys("买买");
    liu.until("the household", |page| page.count("#rows tbody tr") >= 1);
    liu.look("today-find");
    liu.go("/households");
    liu.fill("#q", "没有这个人");
    liu.sees("没有找到相符的家庭");
    liu.look("households-none");
    let long = household(at_village, "liu", LONG);
    let short = household(at_village, "liu", rows[5]["head_id_no"].as_str().unwrap_or_default());
    look_at(&liu, "household", &format!("/households/{short}"), "共同生活成员");
    look_at(&liu, "household-long", &format!("/households/{long}"), "共同生活成员");
    look_at(&liu, "household-edit", &format!("/households/{short}/edit"), "保存");
    liu.fill("[name=head_id_no]", "320582196204180018");
    liu.fill("[name=income_annual]", "一万八");
    liu.press("保存");
    liu.sees("还没有保存");
    liu.look("household-edit-faults");
    look_at(&liu, "household-move-village", &format!("/households/{short}/move"), "由镇(街道)办理");
    look_at(&liu, "household-split", &format!("/households/{long}/split"), "谁分出去");

    // What follows from them: policies, annual files, statistics.
    look_at(&liu, "policies", "/policies", "43 条");
    look_at(&liu, "policy", "/policies/民政-01", "最低生活保障");
    look_at(&liu, "policy-match", "/policies/match", "不是审批结论");
    liu.fill("[name=income_year]", "12000");
    liu.fill("[name=age1]", "66");
    liu.click("[name=disabled1]");
    liu.click("main form button.main");
    liu.sees("可能符合");
    liu.look("policy-match-found");
    look_at(&liu, "means", &format!("/households/{long}/means"), "收入核算");
    look_at(&liu, "household-policies", &format!("/households/{long}/policies"), "不是审批结论");
    look_at(&liu, "year", &format!("/households/{long}/year/2025"), "受助情况");
    liu.fill("[name=purpose]", "交本人留存");
    liu.click("button[value=paper]");
    liu.sees("机构签章");
    liu.look("year-signed");
    look_at(&liu, "years", "/years/2025", "帮扶清单");
    look_at(&liu, "statistics", "/statistics?when=2025", "2025年各月受助金额");
    liu.click("#picked tbody a");
    liu.sees("受助明细");
    liu.look("statistics-items");
    look_at(&liu, "statistics-cases", "/statistics/cases", "返回统计");

    // A month is signed as it was shown, or not at all.
    look_at(&liu, "month", "/months", "已逐户核对");
    liu.js("document.querySelector('[name=digest]').value = 'x'.repeat(32)");
    liu.click("//button[contains(., '签认')]");
    liu.sees("没有写入任何内容");
    liu.look("month-refused");
    liu.go("/months");
    liu.click("//button[contains(., '签认')]");
    liu.sees("签认时的名单就是下面的名单");
    liu.look("month-signed");
    let change = json!({ "do": "note_change", "record": short, "kind": "收入", "note": "儿子上月起在镇上做保洁，每月 2,600 元" });
    perform(at_village, "liu", &change).expect("noted");
    let change = json!({ "do": "note_change", "record": long, "kind": "健康", "person": LONG, "note": "住院" });
    perform(at_village, "liu", &change).expect("noted");
    look_at(&liu, "reviews-village", "/reviews", "由镇（街道）复核");
    look_at(&liu, "missed", "/missed", "可能遗漏");
    look_at(&liu, "export", "/households/export", "用途");
    look_at(&liu, "export-figures", "/households/export?what=statistics&when=2025&by=fund", "综合统计");
    look_at(&liu, "projects-empty", "/projects", "没有这样的项目");

    // Both sides write the same field while the village is alone: the page offers both values.
    town.village.stop().expect("stops");
    let edit = |office: &shouwang_simulations::offices::Office, name: &str, income: u64| {
        let line = json!({ "id": rows[5]["id"], "set": { "income_annual": income, "phone": format!("139{income:08}") } });
        let path = town.file(name, &[line]).expect("a file");
        office.command(&["import", "edits", &path.to_string_lossy()]).expect("edits");
    };
    edit(&town.village, "village.jsonl", 18_600);
    edit(&town.township, "township.jsonl", 24_000);
    town.village.run(&[above]).expect("is back");
    town.village
        .wait_until("the conflict", std::time::Duration::from_secs(60), |s| s["conflicts"].as_u64() >= Some(1))
        .expect("there");
    liu.expect("ERR_");
    liu.sign_in("liu", PASSWORD);
    look_at(&liu, "household-conflict", &format!("/households/{short}"), "几处同时填写");

    // Matters.
    look_at(&liu, "case-new", &format!("/cases/new?household={long}"), "已有的内容，不用再填");
    assert_eq!(liu.count("[data-only]:not([hidden])"), 0, "no kind is picked, and none asks");
    liu.tick("医疗救助");
    assert_eq!(liu.count("[data-only]:not([hidden])"), 2, "the form of this kind");
    liu.look("case-new-form");
    look_at(&liu, "clue-new", "/clues/new", "录入线索或求助");
    let summary = "确诊结肠恶性肿瘤，住院自付 86,200 元，家中另有一名智力残疾成员，父子二人靠低保维持生活";
    let grant = open(
        at_village,
        "liu",
        json!({ "origin": "application", "household": long, "assistance": "临时救助", "summary": summary, "urgency": "urgent",
            "answers": { "困难类型": "支出型" } }),
    );
    let stuck = open(
        at_village,
        "liu",
        json!({ "origin": "application", "household": short, "assistance": "临时救助", "summary": "火灾" }),
    );
    let mut others = Vec::new();
    for index in 0..12 {
        let one = household(at_village, "liu", rows[10 + index]["head_id_no"].as_str().unwrap_or_default());
        let kind = ["临时救助", "最低生活保障", "教育救助"][index % 3];
        others.push(open(
            at_village,
            "liu",
            json!({ "origin": "application", "household": one, "assistance": kind, "summary": "生活困难" }),
        ));
    }
    look_at(&liu, "case-village", &format!("/cases/{grant}"), "经过");
    let mut wang = driver.open(&town.path("wang"), at_township);
    wang.expect("the server responded with a status of");
    wang.sign_in("wang", PASSWORD);
    wang.until("the matters", |page| {
        page.go("/cases");
        page.count("tbody tr") >= 14
    });
    look_at(&wang, "today", "/today", "要我办的");
    look_at(&wang, "cases", "/cases", "在办");
    for case in [&grant, &stuck] {
        step(at_township, "wang", case, json!({ "step": "accept" }));
        step(
            at_township,
            "wang",
            case,
            json!({ "step": "pre_examine", "opinion": "for", "note": "入户核实，情况属实，符合临时救助条件。" }),
        );
    }
    look_at(&wang, "case-township", &format!("/cases/{grant}"), "受理编号");
    step(at_township, "wang", &grant, json!({ "step": "propose" }));
    wang.go(&format!("/cases/{stuck}"));
    wang.sees("须先核定");
    wang.look("case-conflict");
    look_at(&wang, "receipt", &format!("/cases/{grant}/receipt"), "受理编号");

    // The township's queue, reviews and months; a visit; a notice.
    look_at(&wang, "queue-accept", "/queue?step=accepted", "受理选中的");
    wang.tick("全选");
    for case in others.iter().enumerate().filter(|(index, _)| ![0, 1, 3, 4].contains(index)).map(|(_, case)| case) {
        wang.click(&format!("input[value='{case}']"));
    }
    wang.press("受理选中的");
    wang.sees("刚才办理的");
    wang.look("queue-done");
    look_at(&wang, "queue", "/queue", "预审选中的");
    look_at(&wang, "case-visit", &format!("/cases/{}", others[1]), "同去的调查人");
    wang.click("//form[.//input[@value='visited']]//button[contains(@class, 'main')]");
    wang.fill("details.do.next [name=findings]", "房屋漏雨");
    wang.click("//form[.//input[@value='visited']]//button[contains(@class, 'main')]");
    wang.sees("入户调查不少于两人");
    wang.look("case-visit-fault");
    let visit = json!({ "step": "visit", "investigators": ["孙立"], "present": "户主", "findings": "房屋漏雨" });
    step(at_township, "wang", &others[4], visit);
    step(at_township, "wang", &others[4], json!({ "step": "pre_examine", "opinion": "for" }));
    step(at_township, "wang", &others[4], json!({ "step": "post_notice", "place": "村(社区)公开栏", "phone": "0512-00000000" }));
    look_at(&wang, "notice-up", "/notices", "公示姓名");
    look_at(&wang, "notice-sheet", "/notices/sheet?area=320582100230", "公示");
    look_at(&wang, "reviews", "/reviews?area=320582100230", "登记结果");
    look_at(&wang, "months", "/months", "1 个未签认");
    look_at(&liu, "query", "/query", "受理编号");
    liu.fill("[name=code]", "SL20261127-001-00000");
    liu.fill("[name=tail]", "0000");
    liu.press("查询");
    liu.sees("没有查到不等于没有受理");
    liu.look("query-none");
    let standing = town::until_stage(at_village, "liu", &grant, "to-decide").expect("comes down");
    liu.fill("[name=code]", standing["number"].as_str().expect("a number"));
    liu.fill("[name=tail]", &rows[1]["head_id_no"].as_str().expect("a number")[14..]);
    liu.press("查询");
    liu.until("the answer", |page| page.count("#answer") == 1);
    liu.look("query-answer");

    // The city: decision, department, provider.
    let mut chen = driver.open(&town.path("chen"), at_city);
    chen.expect("the server responded with a status of");
    chen.sign_in("chen", PASSWORD);
    chen.until("the proposal", |page| {
        page.go(&format!("/cases/{grant}"));
        page.page().contains("拟定金额")
    });
    chen.look("case-city");
    chen.click("//form[.//input[@value='decided']]//select[@name='outcome']/option[contains(., '不予')]");
    chen.click("//form[.//input[@value='decided']]//button");
    chen.sees("理由");
    chen.until("the fault", |page| page.count("form .banner.bad") == 1);
    chen.look("case-city-fault");
    step(at_city, "chen", &grant, json!({ "step": "decide", "outcome": "approved" }));
    step(at_city, "chen", &grant, json!({ "step": "pay", "method": "一卡通", "account_last4": "0017", "batch": "20261126" }));
    step(
        at_city,
        "zhangjie",
        &grant,
        json!({ "step": "transfer", "to": { "kind": "department", "id": "教育局" }, "assistance": "教育救助", "note": "女儿大学学费" }),
    );
    let plea = open(
        at_city,
        "zhangjie",
        json!({ "origin": "plea", "area": "320582107202", "assistance": "心理服务", "applicant": "唐女士", "summary": "儿子患病拒绝治疗，家庭困难" }),
    );
    step(at_city, "zhangjie", &plea, json!({ "step": "verify", "outcome": "true", "note": "镇里电话核实，情况属实" }));
    step(
        at_city,
        "zhangjie",
        &plea,
        json!({ "step": "transfer", "to": { "kind": "provider", "id": "社工服务中心" }, "note": "请链接心理专家" }),
    );
    look_at(&chen, "case-city-paid", &format!("/cases/{grant}"), "一卡通");
    let bureau = driver.open(&town.path("jiaoyuju"), at_city);
    bureau.sign_in("jiaoyuju", PASSWORD);
    look_at(&bureau, "inbox-department", "/inbox", "女儿大学学费");
    look_at(&bureau, "case-department", &format!("/cases/{grant}"), "经过");
    let worker = driver.open(&town.path("shegong"), at_city);
    worker.sign_in("shegong", PASSWORD);
    let signed_for = || worker.click("//form[.//input[@value='signed-for']]//button");
    look_at(&worker, "inbox-provider", "/inbox", "请链接心理专家");
    worker.go(&format!("/cases/{plea}"));
    signed_for();
    for session in ["首次面谈，母子二人都到场", "心理专家个案服务"] {
        worker.until("a session's form", |page| page.count("details.do.next[open] [value=session]") == 1);
        worker.fill("details.do.next[open] [name=text]", session);
        worker.click("//form[.//input[@value='session']]//button");
        worker.sees(session);
    }
    worker.look("sessions-provider");

    // A check of means: agreed to in the village, asked by the township, answered at the city.
    let rigid = open(
        at_village,
        "liu",
        json!({ "origin": "application", "household": long, "assistance": "刚性支出困难救助", "summary": "住院费用过高" }),
    );
    wang.until("the matter", |page| {
        page.go(&format!("/cases/{rigid}"));
        page.page().contains("受理")
    });
    step(at_township, "wang", &rigid, json!({ "step": "accept" }));
    look_at(&wang, "check-asked-nobody", &format!("/cases/{rigid}/check"), "还没有授权");
    look_at(&wang, "household-move", &format!("/households/{long}/move"), "办理迁居");
    let who = json!({ "step": "authorise_check", "name": LONG, "relation": "姐姐", "id_no": "34052419800101001X",
        "until": "2027-12-01", "signed": "2026-11-01", "paper": "镇档案室 A-12" });
    step(at_township, "wang", &rigid, who);
    let sister = format!("s:姐姐:{LONG}");
    let ask = json!({ "do": "case", "case": rigid, "step": { "step": "ask_check", "people": [sister] } });
    let asked = perform(at_township, "wang", &ask).expect("asked");
    let number = asked["message"].as_str().and_then(|said| said.rsplit(' ').next()).expect("a number").to_owned();
    look_at(&wang, "check-township", &format!("/cases/{rigid}/check"), "提请");
    let zhangjie = driver.open(&town.path("zhangjie"), at_city);
    zhangjie.sign_in("zhangjie", PASSWORD);
    zhangjie.until("the check", |page| {
        page.go(&format!("/cases/{rigid}/check"));
        page.page().contains("登记答复")
    });
    zhangjie.look("check-city");
    look_at(&zhangjie, "checks", "/checks", "待开始");
    let bank = |subject: &str, amount: u64| {
        json!({ "person": sister, "source": "银行", "outcome": "found", "subject": subject, "amount": amount, "as_of": "2026-11-01",
            "text": "定期存单三笔，另有代管款项说明一份，见附件；本人签字确认" })
    };
    let answers =
        json!({ "do": "answer_check", "number": number, "answers": [bank("农商银行", 5_234_567), bank("中国银行", 120_000)] });
    perform(at_city, "zhangjie", &answers).expect("answered");
    zhangjie.go(&format!("/cases/{rigid}/check"));
    zhangjie.press("查看核对结果");
    zhangjie.sees("与申报比对");
    zhangjie.look("check-sheet");
    // A family moves; each record shows the other.
    let leaving = household(at_city, "zhangjie", rows[21]["head_id_no"].as_str().expect("a number"));
    let wanted = json!({ "do": "move_household", "record": leaving, "to": OTHER_VILLAGE, "address": "花园浜新村 8 幢 302 室",
        "reason": "农联村整体拆迁，安置到花园浜新村" });
    let moved = perform(at_city, "zhangjie", &wanted).expect("moved");
    let new = moved["records"][0].as_str().expect("a record").to_owned();
    look_at(&zhangjie, "household-arrived", &format!("/households/{new}"), "迁来");
    look_at(&zhangjie, "household-gone", &format!("/households/{leaving}"), "已迁往");
    zhangjie.close();

    // Staff, sync, errors.
    let mut tao = driver.open(&town.path("tao"), at_city);
    tao.expect("the server responded with a status of");
    tao.sign_in("tao", PASSWORD);

    // Care projects: more is asked for than there is.
    let project = |name: &str, kind: &str, places: &str, areas: &str| {
        let values = json!({
            "name": name, "kind": kind, "provider": "社工服务中心", "capacity": places, "areas": areas, "from": "2026-01-01",
            "until": "2099-12-31", "conditions": "家中有精神障碍患者，愿意接受上门", "contact": "小周 0512-00000000",
            "description": "每两周上门一次，每次一小时，由两名社工陪同。\n节假日照常。",
        });
        let done = perform(at_city, "zhangjie", &json!({ "do": "add_project", "values": values })).expect("a project");
        done["records"][0].as_str().expect("a record").to_owned()
    };
    let last = project("精神康复陪伴", "A5", "1", "320582100000");
    project("家庭照护技能班（与社区卫生服务中心合办，含入户指导四次和一次集中演练）", "B4", "30", "");
    project("老年人互助小组", "C5", "12", "320582107000");
    project("社区亲子共融活动", "C3", "8", "320582100000,320582107000");
    liu.until("the projects", |page| {
        page.go("/projects");
        page.count("tbody tr") == 4
    });
    liu.look("projects");
    let needs = json!({ "step": "assess_needs", "needs": ["精神康复", "照护知识", "家庭关系"], "text": "儿子拒绝治疗，家人长期无人分担" });
    for (at, staff, case) in [(at_village, "liu", &grant), (at_township, "wang", &stuck)] {
        step(at, staff, case, needs.clone());
        step(at, staff, case, json!({ "step": "book", "project": last, "note": "白天家里没有人，请傍晚上门" }));
    }
    look_at(&liu, "case-projects", &format!("/cases/{grant}"), "适合的项目");
    chen.until("the conflict", |page| {
        page.go("/projects/conflicts");
        page.page().contains("还差 1 个名额")
    });
    chen.look("project-conflicts");
    look_at(&chen, "today-conflict", "/today", "1 个项目名额冲突待核定");
    look_at(&chen, "project", &format!("/projects/{last}"), "名额冲突");
    look_at(&tao, "project-new", "/projects/new", "新增项目");
    look_at(&tao, "project-edit", &format!("/projects/{last}/edit"), "精神康复陪伴");
    tao.fill("[name=capacity]", "零");
    tao.press("保存");
    tao.sees("还没有保存");
    tao.look("project-edit-fault");
    let rows = ["07-01 2098-07-31 5", "08-01 2098-08-31 5"].map(|row| format!("320582100000 2098-{row}"));
    let values = json!({
        "name": "日间照料", "kind": "D1", "provider": "社工服务中心", "areas": "320582100000,320582107000", "from": "2026-01-01",
        "until": "2099-12-31", "shares": format!("{}\n320582107000 2098-07-01 2098-07-31 3", rows.join("\n")),
    });
    let done = perform(at_city, "zhangjie", &json!({ "do": "add_project", "values": values })).expect("a project");
    let divided = done["records"][0].as_str().expect("a record");
    look_at(&tao, "project-shares", &format!("/projects/{divided}"), "名额分配");
    look_at(&tao, "project-shares-edit", &format!("/projects/{divided}/edit"), "名额分配");
    look_at(&tao, "project-kinds", "/projects/kinds", "4 大类 24 小类");
    look_at(&tao, "project-kind-edit", "/policies/tables/project_kinds/row?code=A5", "满足哪些需求");
    look_at(&tao, "staff", "/staff", "社工小周");
    tao.fill("#f-id", "chen");
    tao.fill("#f-name", "陈二");
    tao.fill("#f-password", "short");
    tao.press("添加");
    tao.until("the fault", |page| page.count("form .banner.bad") == 1);
    tao.look("staff-fault");
    look_at(&tao, "policy-revise", "/policies/revise?code=民政-01", "最低生活保障");
    look_at(&tao, "policy-table", "/policies/tables/statuses", "困难身份");
    look_at(&tao, "policy-row", "/policies/tables/amounts/row?code=低保标准", "低保标准");
    look_at(&tao, "policy-kinds", "/policies/tables/kinds", "由谁审批");
    tao.go("/policies/tables/kinds/row?code=临时救助");
    tao.fill("[name=decides]", "镇级 | 2000\n市级");
    tao.fill("[name=steps]", "核实 | 1\n受理 | 1\n入户调查 | 3\n预审 | 3\n审批 | 3\n发放");
    tao.press("预览改动");
    tao.sees("将改动 2 处");
    tao.look("policy-kind-preview");
    look_at(&tao, "policy-calendar", "/policies/tables/calendar", "调休上班");
    tao.go("/policies/tables/calendar/row");
    tao.fill("[name=code]", "2027");
    tao.fill("[name=off]", "2027-01-01 至 2027-01-03\n2027-02-05 至 2027-02-11");
    tao.fill("[name=worked]", "2027-02-16");
    tao.fill("[name=source]", "2027 年放假通知");
    tao.press("预览改动");
    tao.sees("是星期二，本来就上班");
    tao.look("policy-calendar-fault");
    chen.go(&format!("/cases/{}", cut(at_city, &town)));
    chen.click("//a[contains(@href, '/letters/')]");
    chen.sees("通知书");
    chen.look("cut-notice");
    let refusal = refused(at_city, &town);
    look_at(&chen, "case-refused", &format!("/cases/{refusal}"), "出具，尚未送达");
    chen.click("//a[contains(@href, '/letters/')]");
    chen.sees("申请不予批准通知书");
    chen.look("refusal-letter");
    step(at_city, "zhangjie", &refusal, json!({ "step": "serve_notice", "to": "本人", "how": "handed" }));
    step(at_city, "zhangjie", &refusal, json!({ "step": "close", "result": "不予批准，已书面告知" }));
    look_at(&tao, "queue-archive", "/queue?step=archived", "待归档");
    let zhangjie = driver.open(&town.path("zhangjie-later"), at_city);
    zhangjie.sign_in("zhangjie", PASSWORD);
    look_at(&zhangjie, "queue-publish", "/queue?step=published", "公布选中的");
    zhangjie.click("table input[name=case]");
    zhangjie.fill("[name=phone]", "0512-56729800");
    zhangjie.press("公布选中的");
    zhangjie.sees("刚才办理的");
    look_at(&zhangjie, "notice-published", "/notices", "已批准");
    zhangjie.go(&format!("/cases/{refusal}"));
    for (kind, name) in [("followed-up", "case-follow-up"), ("disputed", "case-dispute")] {
        zhangjie.click(&format!("//details[.//input[@value='{kind}']]/summary"));
        zhangjie.look(name);
        zhangjie.click(&format!("//details[.//input[@value='{kind}']]/summary"));
    }
    // What a charity is told, by consent.
    let rows = town.households(60, 3).expect("rows");
    let family = household(at_city, "zhangjie", rows[30]["head_id_no"].as_str().expect("a number"));
    let asked = json!({ "origin": "application", "household": family, "assistance": "照料服务", "summary": "独居，行动不便" });
    let case = open(at_city, "zhangjie", asked);
    step(at_city, "zhangjie", &case, json!({ "step": "accept" }));
    zhangjie.go(&format!("/cases/{case}"));
    zhangjie.click("//details[.//input[@value='consented']]/summary");
    zhangjie.look("case-consent");
    let to = json!({ "kind": "provider", "id": "慈善总会" });
    let agreed = json!({ "step": "consent", "to": to, "scope": ["name", "matter"], "given_by": "own", "how": "signed",
        "until": "2099-12-31", "note": "纸质同意书存 3 柜" });
    step(at_city, "zhangjie", &case, agreed);
    step(at_city, "zhangjie", &case, json!({ "step": "transfer", "to": to, "note": "请送轮椅一辆" }));
    step(at_city, "zhangjie", &case, json!({ "step": "withdraw_consent", "note": "本人来电" }));
    look_at(&zhangjie, "case-consent-withdrawn", &format!("/cases/{case}"), "收回转办");
    look_at(&zhangjie, "consent-paper", &format!("/cases/{case}/consents/慈善总会"), "信息提供同意书");
    zhangjie.close();
    look_at(&tao, "doubles", "/doubles", "重复救助");
    look_at(&tao, "notices", "/notices", "公示");
    look_at(&tao, "staff-hand", "/staff/hand/zhangjie", "张婕");
    look_at(&tao, "check-looks", "/checks/looks", "核对查看记录");
    look_at(&chen, "payments", "/payments", "发放");

    // What is paid by list, what was allotted and spent first, what is late.
    let fast = &others[3];
    step(at_township, "wang", fast, json!({ "step": "pre_examine", "opinion": "for" }));
    step(at_township, "wang", fast, json!({ "step": "propose" }));
    town::until_stage(at_city, "chen", fast, "to-decide").expect("comes up");
    step(at_city, "chen", fast, json!({ "step": "decide", "outcome": "approved" }));
    look_at(&chen, "payments-due", "/payments", "做成发放名册（1 笔）");
    chen.press("做成发放名册（1 笔）");
    chen.sees("银行结果");
    chen.look("payments-batch");
    look_at(&chen, "allotments-empty", "/allotments", "还没有备用金");
    chen.choose("device", "杨舍镇");
    chen.fill("form[action='/allotments'] [name=amount]", "20000");
    chen.fill("form[action='/allotments'] [name=fund]", "市级临时救助资金");
    chen.press("核定");
    chen.sees("还剩 20,000.00 元");
    let spent = json!({ "step": "emergency", "amount": 150_000, "assistance": "临时救助", "reason": "夜间失火，无处落脚",
        "given": "cash", "what": "现金和被褥" });
    wang.until("the allotment", |page| {
        page.go("/allotments");
        page.page().contains("20,000.00")
    });
    step(at_township, "wang", &others[6], spent);
    chen.until("its use", |page| {
        page.go("/allotments");
        page.page().contains("18,500.00")
    });
    chen.look("allotments");
    look_at(&wang, "allotments-township", "/allotments", "18,500.00");
    look_at(&wang, "case-emergency", &format!("/cases/{}", others[6]), "补办手续");
    look_at(&chen, "loops", "/loops", "没有办结的");
    look_at(&liu, "loops-village", "/loops", "没有办结的");
    look_at(&tao, "need-edit", "/policies/tables/needs/row", "需求");
    look_at(&tao, "sync-city", "/sync", "对端");
    look_at(&tao, "error-no-page", "/no-such-page", "没有这一页");
    look_at(&chen, "error-not-permitted", "/staff", "不能办理");
    look_at(&liu, "error-not-found", &format!("/households/{}", "0".repeat(64)), "报修");

    // The superior is gone.
    town.township.stop().expect("stops");
    liu.go("/today");
    liu.sees("与上级断开");
    look_at(&liu, "today-offline", "/today", "与上级断开");
    look_at(&liu, "sync-offline", "/sync", "没有网络：用 U 盘传递");
    let [parcel, answer] = ["a", "b"].map(|name| town.path(&format!("{name}.parcel")).to_string_lossy().into_owned());
    liu.put("#carry-file", &file.to_string_lossy());
    liu.press("收下文件");
    liu.sees("这不是守望的传递文件");
    liu.look("sync-carry-fault");
    // The answer to a file that the township took in.
    town.village.command(&["carry", "out", "--out", &parcel]).expect("carries out");
    town.township.command(&["carry", "in", &parcel, "--answer", &answer]).expect("carries in");
    liu.go("/sync");
    liu.put("#carry-file", &answer);
    liu.press("收下文件");
    liu.sees("已收下");
    liu.look("sync-carry-taken");
    wang.expect("ERR_");
    for browser in [liu, wang, chen, bureau, worker, tao] {
        browser.close();
    }
}
