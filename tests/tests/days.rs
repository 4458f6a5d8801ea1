//! A day of each role at the pages, in a real browser, on real offices that sync: what is to be done in the morning,
//! what is there in the evening. What a day begins with is put there through the API, as the other offices would have.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::print_stderr, missing_docs)]

use serde_json::{Value, json};
use shouwang_protocol::records::day::Day as Date;
use shouwang_tests::browser::{Browser, Driver, Hands, key};
use shouwang_tests::town::{PASSWORD, Town, household, open_case, perform, staff, step, until_stage};
use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

mod past;

/// A name that only pinyin tells from the others: `oyxl`.
const KNOWN: &str = "欧阳秀兰";
const PATIENCE: Duration = Duration::from_secs(60);

fn driver() -> Option<Driver> {
    let driver = Driver::start();
    if driver.is_none() {
        eprintln!("skipped: no chromium and chromedriver here");
    }
    driver
}

/// The three offices at work, and a dozen households that the village registered last month.
struct Day {
    town: Town,
    city: SocketAddr,
    township: SocketAddr,
    village: SocketAddr,
    rows: Vec<Value>,
}

impl Day {
    fn begin(seed: u64) -> Day {
        let mut town = Town::found().expect("three offices");
        staff(&town.village, "zhaohai", "赵海", &["intake"], &[]).expect("added");
        staff(&town.township, "sunli", "孙立", &["reviewer"], &[]).expect("added");
        let mut rows = town.households(12, seed).expect("rows");
        rows[3]["head"] = KNOWN.into();
        rows[3]["members"][0]["name"] = KNOWN.into();
        past::import_last_month(&town.village, &town.file("rows.jsonl", &rows).expect("a file"));
        town.run().expect("run");
        town.city.wait_until("the households", PATIENCE, |status| status["households"] == 12).expect("there");
        let (city, township, village) =
            (town.city.web().expect("pages"), town.township.web().expect("pages"), town.village.web().expect("pages"));
        Day { town, city, township, village, rows }
    }

    fn head(&self, row: usize) -> &str {
        self.rows[row]["head"].as_str().expect("a head")
    }

    fn id_no(&self, row: usize) -> &str {
        self.rows[row]["head_id_no"].as_str().expect("a number")
    }

    /// The household of a row.
    fn home(&self, at: SocketAddr, who: &str, row: usize) -> String {
        household(at, who, self.id_no(row)).expect("a household")
    }

    /// An application for the household of a row.
    fn applied(&self, at: SocketAddr, who: &str, row: usize, kind: &str, summary: &str) -> String {
        let home = self.home(at, who, row);
        let open = json!({ "origin": "application", "household": home, "assistance": kind, "summary": summary });
        open_case(at, who, open).expect("opened")
    }

    /// The same, when the township has accepted it.
    fn accepted(&self, at: SocketAddr, who: &str, row: usize, kind: &str, summary: &str) -> String {
        let case = self.applied(at, who, row, kind, summary);
        until_stage(self.township, "wang", &case, "to-accept").expect("comes up");
        step(self.township, "wang", &case, json!({ "step": "accept" })).expect("accepted");
        case
    }

    fn browser(&self, driver: &Driver, who: &str, at: SocketAddr) -> Browser {
        let mut browser = driver.open(&self.town.path(who), at);
        // Of an office that goes away in the middle of a day.
        browser.expect("ERR_");
        browser.sign_in(who, PASSWORD);
        browser
    }
}

/// So many days from today, as it is where the offices are.
fn date(days: i32) -> String {
    let hours_ahead = 8 * 3_600;
    let today = (SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs() + hours_ahead) / 86_400;
    Date(i32::try_from(today).expect("a day")).plus(days).to_string()
}

/// The button of a step's form on a case's page.
fn submit(kind: &str) -> String {
    format!("//form[.//input[@name='kind' and @value='{kind}']]//button[contains(@class, 'main')]")
}

/// Waits until the form of a step is the next, and open.
fn is_next(page: &Browser, kind: &str) {
    page.until(kind, |page| page.count(&format!("details.do.next[open] [value='{kind}']")) == 1);
}

/// How far the entry with this text got.
fn ticks(page: &Browser, entry: &str) -> Vec<String> {
    let script = format!(
        "const at = [...document.querySelectorAll('#story li')].find((li) => li.textContent.includes({}));
         return [...(at?.querySelectorAll('.ticks > .on') ?? [])].map((e) => e.childNodes[1].textContent.trim());",
        json!(entry)
    );
    page.js(&script).as_array().into_iter().flatten().filter_map(|tick| tick.as_str().map(str::to_owned)).collect()
}

fn sees_ticks(page: &Browser, entry: &str, on: &[&str]) {
    page.until(&format!("{entry} at {on:?}"), |page| ticks(page, entry) == on);
}

/// The place of the navigation with this name.
fn at_place(page: &Browser, name: &str) {
    page.click(&format!("//nav[contains(@class, 'nav')]/a[starts-with(normalize-space(), '{name}')]"));
}

/// Clicks into a field and types, as a hand does.
fn write(page: &Browser, field: &str, text: &str) {
    page.click(field);
    page.keys(text);
}

#[test]
fn a_new_application_and_a_home_visit_take_five_clicks_and_no_key_but_their_text() {
    let Some(driver) = driver() else { return };
    let mut day = Day::begin(31);
    day.accepted(day.village, "liu", 5, "最低生活保障", "年老没有收入");
    let wang = day.browser(&driver, "wang", day.township);
    wang.count_hands();

    // A household that is known, at the township's window: from 今日 to the receipt.
    wang.go("/today");
    wang.keys("oyxl");
    wang.until("one household", |page| page.count("#rows tbody tr") == 1);
    assert!(wang.page().contains(KNOWN));
    wang.click("#rows a.button");
    wang.sees("已有的内容，不用再填");
    wang.tick("临时救助");
    write(&wang, "textarea[name=summary]", "住院花费大，家里没有积蓄");
    wang.press("登记并受理，出回执");
    wang.sees("社会救助受理回执");
    assert!(wang.page().contains(KNOWN) && wang.page().contains("SL20"), "{}", wang.page());
    let application = wang.hands();

    // A visit, with no line to anybody: from 今日 to 已存本机.
    day.town.city.stop().expect("stops");
    wang.go("/today");
    wang.sees("与上级断开");
    wang.js("sessionStorage.clear()");
    wang.press("入户调查");
    is_next(&wang, "visited");
    wang.tick("孙立");
    wang.tick(day.head(5));
    write(&wang, "details.do.next [name=findings]", "两间平房，老人独居，没有劳动能力，家中整洁");
    wang.click(&submit("visited"));
    sees_ticks(&wang, "两间平房", &["本机"]);
    let entry = wang.page();
    assert!(entry.contains("王敏、孙立") && entry.contains(day.head(5)), "{entry}");
    let visit = wang.hands();

    eprintln!("new application of a known household: {application:?}");
    eprintln!("home visit: {visit:?}");
    assert_eq!(application, Hands { clicks: 4, keys: 0, text: 4 + 12 });
    assert_eq!(visit, Hands { clicks: 5, keys: 0, text: 21 });
    wang.close();
}

#[test]
fn a_village_clerk_verifies_registers_visits_with_no_line_and_signs_the_month() {
    let Some(driver) = driver() else { return };
    let mut day = Day::begin(32);
    let visited = day.accepted(day.village, "liu", 5, "最低生活保障", "年老没有收入");
    until_stage(day.village, "liu", &visited, "to-visit").expect("comes down");
    let warning = json!({ "origin": "warning", "household": day.home(day.township, "wang", 6), "assistance": "临时救助",
        "urgency": "urgent", "rule": "医疗自付过高", "summary": "住院自付较多" });
    let warning = open_case(day.township, "wang", warning).expect("opened");
    step(day.township, "wang", &warning, json!({ "step": "ask_verification", "note": "请上门看看" })).expect("asked");
    until_stage(day.village, "liu", &warning, "to-verify").expect("comes down");

    // What is urgent stands on top, and is done.
    let liu = day.browser(&driver, "liu", day.village);
    liu.until("the task", |page| page.count("#tasks tr.urgent") == 1);
    liu.press("核实");
    is_next(&liu, "verified");
    liu.choose("outcome", "属实");
    liu.fill("details.do.next [name=note]", "上门看过，住院单据属实");
    liu.click(&submit("verified"));
    liu.sees("上门看过");
    at_place(&liu, "今日");
    liu.sees("今天没有要办的事");

    // Somebody comes in: found by pinyin, and written down.
    liu.keys("oyxl");
    liu.until("one household", |page| page.count("#rows tbody tr") == 1);
    liu.click("#rows a.button");
    liu.tick("教育救助");
    liu.fill("[name=summary]", "女儿今年上大学");
    assert_eq!(liu.count("button[name=then]"), 0, "a village does not accept");
    liu.press("登记");
    sees_ticks(&liu, "女儿今年上大学", &["本机", "镇", "市"]);

    // In the field the line is gone; everything goes on, and says where it is.
    let above = day.town.city.quic().expect("listens");
    day.town.township.stop().expect("stops");
    liu.sees("与上级断开");
    at_place(&liu, "事项");
    liu.click(&format!("//tr[contains(., '{}')]//a", day.head(5)));
    is_next(&liu, "visited");
    liu.click(&submit("visited"));
    assert_eq!(liu.count("#story li"), 2, "the browser asks for what was seen first");
    liu.tick("赵海");
    liu.fill("details.do.next [name='present-more']", "邻居老周（见证）");
    liu.fill("details.do.next [name=findings]", "房屋漏雨，老人独居");
    liu.tick(day.head(5));
    liu.click(&submit("visited"));
    sees_ticks(&liu, "房屋漏雨", &["本机"]);
    liu.sees("刘秀英、赵海");
    liu.sees(&format!("{}、邻居老周（见证）", day.head(5)));
    at_place(&liu, "家庭");
    liu.press("月度更新");
    liu.sees("在册");
    liu.click("//button[contains(., '签认')]");
    liu.sees("签认时的名单就是下面的名单");

    // In the evening the line is back, and all of it is up there.
    day.town.township.run(&[above]).expect("is back");
    liu.sees_no("与上级断开");
    liu.go(&format!("/cases/{visited}"));
    sees_ticks(&liu, "房屋漏雨", &["本机", "镇", "市"]);
    let wang = day.browser(&driver, "wang", day.township);
    wang.until("the signature", |page| {
        page.go("/months");
        page.page().contains("签认时的名单就是下面的名单")
    });
    for browser in [liu, wang] {
        browser.close();
    }
}

#[test]
fn a_townships_reviewer_clears_the_queue_by_keyboard_looks_again_posts_and_sends_on() {
    let Some(driver) = driver() else { return };
    let day = Day::begin(33);
    let emergency: Vec<String> = (0..3).map(|row| day.applied(day.village, "liu", row, "临时救助", "住院费用过高")).collect();
    let living = day.applied(day.village, "liu", 5, "最低生活保障", "年老没有收入");
    let school = day.applied(day.village, "liu", 6, "教育救助", "女儿今年上大学");
    let changed =
        json!({ "do": "note_change", "record": day.home(day.village, "liu", 7), "kind": "收入", "note": "6 月起做保洁" });
    perform(day.village, "liu", &changed).expect("noted");
    for case in emergency.iter().chain([&living, &school]) {
        until_stage(day.township, "wang", case, "to-accept").expect("comes up");
    }

    let wang = day.browser(&driver, "wang", day.township);
    wang.until("the morning", |page| page.count("#tasks tbody tr") == 5 && page.page().contains("1 户有变化待复核"));

    // The queue, with nothing but a keyboard.
    let enter = key::ENTER.to_string();
    at_place(&wang, "事项");
    wang.tab_to("a.button", "批量办理");
    wang.keys(&enter);
    wang.tab_to(".filters a", "待受理 5");
    wang.keys(&enter);
    wang.sees("受理选中的");
    for _ in 0..5 {
        wang.tab_to("input[name=case]", "");
        wang.keys(" ");
    }
    wang.tab_to("button.main", "受理选中的");
    wang.keys(&enter);
    wang.until("all accepted", |page| page.count("#done li") == 5 && page.count("#done li.bad") == 0);
    wang.tab_to(".filters a", "待预审 3");
    wang.keys(&enter);
    wang.until("three", |page| page.count("input[name=case]") == 3);
    for _ in 0..3 {
        wang.tab_to("input[name=case]", "");
        wang.keys(" ");
    }
    wang.tab_to("input[name=note]", "");
    wang.keys("单据齐全，情况属实");
    wang.tab_to("button.main", "预审选中的");
    wang.keys(&enter);
    wang.until("all examined", |page| page.count("#done li") == 3 && page.count("#done li.bad") == 0);

    // One needs a visit, then an opinion, then a notice.
    at_place(&wang, "今日");
    wang.press("入户调查");
    is_next(&wang, "visited");
    wang.tick("孙立");
    wang.tick(day.head(5));
    wang.fill("details.do.next [name=findings]", "老人独居，没有劳动能力");
    wang.click(&submit("visited"));
    is_next(&wang, "pre-examined");
    wang.click(&submit("pre-examined"));
    is_next(&wang, "notice-posted");
    wang.fill("details.do.next [name=phone]", "0512-00000000");
    wang.click(&submit("notice-posted"));
    wang.sees("公示中");
    at_place(&wang, "公示");
    wang.sees("村(社区)公开栏");

    // What changed at a household is looked at again.
    at_place(&wang, "今日");
    wang.press("1 户有变化待复核");
    wang.sees("6 月起做保洁");
    wang.click("//tr[contains(., '6 月起做保洁')]//summary");
    wang.choose("outcome", "维持不变");
    wang.fill("details[open] [name=note]", "电话核实，收入仍在标准以下");
    wang.click("details[open] button.main");
    wang.sees_no("6 月起做保洁");

    // Sent on: to the city's decider, and to a department.
    wang.go(&format!("/cases/{}", emergency[0]));
    wang.click(&submit("proposed"));
    wang.sees("拟定金额");
    wang.go(&format!("/cases/{school}"));
    is_next(&wang, "transferred");
    wang.fill("details.do.next [name=note]", "女儿考上大学，请核定资助");
    wang.click(&submit("transferred"));
    wang.sees("转办中");
    let chen = day.browser(&driver, "chen", day.city);
    chen.until("what was proposed", |page| {
        page.go(&format!("/cases/{}", emergency[0]));
        page.page().contains("拟定 2,835.00 元")
    });
    let bureau = day.browser(&driver, "jiaoyuju", day.city);
    bureau.sees("女儿考上大学");
    at_place(&wang, "今日");
    wang.until("what waits for its day", |page| page.count("#tasks tbody tr") == 1);
    wang.sees("公示期满后登记结果");
    for browser in [wang, chen, bureau] {
        browser.close();
    }
}

#[test]
fn a_department_signs_for_what_came_answers_returns_one_and_sees_it_closed() {
    let Some(driver) = driver() else { return };
    let day = Day::begin(34);
    let sent: Vec<String> = ["大学学费", "住宿费", "高中学费"]
        .into_iter()
        .enumerate()
        .map(|(row, note)| {
            let case = day.applied(day.city, "zhangjie", row, "教育救助", note);
            step(day.city, "zhangjie", &case, json!({ "step": "accept" })).expect("accepted");
            step(day.city, "zhangjie", &case, json!({ "step": "transfer", "note": note })).expect("sent");
            case
        })
        .collect();

    // Three wait; all are signed for at once, by keyboard.
    let bureau = day.browser(&driver, "jiaoyuju", day.city);
    assert_eq!(bureau.path(), "/inbox", "a department begins where its work is");
    bureau.until("three", |page| page.count("#inbox input[name=case]") == 3);
    for _ in 0..3 {
        bureau.tab_to("#inbox input[name=case]", "");
        bureau.keys(" ");
    }
    // The button stands above the list.
    bureau.tab_to("button", "签收选中的");
    bureau.keys(&key::ENTER.to_string());
    bureau.until("all signed for", |page| page.count("#done li") == 3 && page.count("#done li.bad") == 0);
    bureau.sees_no("待签收");

    // One is answered, one goes back with its reason.
    bureau.click(&format!("//tr[contains(., '{}')]//a", day.head(0)));
    is_next(&bureau, "feedback");
    bureau.choose("result", "审核通过");
    bureau.fill("details.do.next [name=text]", "符合条件，每学年资助 4,000 元");
    bureau.click(&submit("feedback"));
    bureau.sees("每学年资助");
    at_place(&bureau, "转来");
    bureau.click(&format!("//tr[contains(., '{}')]//a", day.head(2)));
    is_next(&bureau, "feedback");
    bureau.press("退回");
    bureau.fill("details[open] [name=reason]", "高中阶段由镇里办理");
    bureau.click(&submit("returned"));
    bureau.sees("高中阶段由镇里办理");

    // The centre closes what was answered; what came back is the township's again, with what was said.
    let zhangjie = day.browser(&driver, "zhangjie", day.city);
    zhangjie.click(&format!("//section[@id='tasks']//tr[contains(., '{}')]//a", day.head(0)));
    is_next(&zhangjie, "closed");
    zhangjie.fill("details.do.next [name=result]", "教育局已批准，每学年 4,000 元");
    zhangjie.click(&submit("closed"));
    zhangjie.sees("已办结");
    at_place(&zhangjie, "今日");
    zhangjie.sees("今天没有要办的事");
    bureau.go(&format!("/cases/{}", sent[0]));
    bureau.sees("已办结");
    at_place(&bureau, "转来");
    bureau.sees(day.head(1));
    let wang = day.browser(&driver, "wang", day.township);
    wang.click(&format!("//section[@id='tasks']//tr[contains(., '{}')]//a", day.head(2)));
    wang.sees("高中阶段由镇里办理");
    is_next(&wang, "transferred");
    for browser in [bureau, zhangjie, wang] {
        browser.close();
    }
}

#[test]
fn the_city_splits_watches_decides_and_pays_by_list() {
    let Some(driver) = driver() else { return };
    let mut day = Day::begin(35);
    // Written down in the village last month; nobody saw to it.
    let above = day.town.township.quic().expect("a line");
    day.town.village.stop().expect("stops");
    let plea = past::plea_last_month(&day.town.village, "liu", "周阿婆");
    day.town.village.run(&[above]).expect("runs");
    day.village = day.town.village.web().expect("pages");
    let wide = day.applied(day.city, "zhangjie", 0, "教育救助", "女儿上学，儿子拒绝治疗");
    step(day.city, "zhangjie", &wide, json!({ "step": "accept" })).expect("accepted");
    let mut money = Vec::new();
    for row in [1, 2] {
        let case = day.accepted(day.village, "liu", row, "临时救助", "住院费用过高");
        step(day.township, "wang", &case, json!({ "step": "pre_examine", "opinion": "for" })).expect("examined");
        step(day.township, "wang", &case, json!({ "step": "propose" })).expect("proposed");
        until_stage(day.city, "chen", &case, "to-decide").expect("comes up");
        money.push(case);
    }

    // The dispatch desk: one matter, two who answer, each with a clock of their own.
    let zhangjie = day.browser(&driver, "zhangjie", day.city);
    zhangjie.go(&format!("/cases/{wide}"));
    zhangjie.press("分办");
    zhangjie.choose("to-1", "教育局");
    zhangjie.fill("[name='note-1']", "女儿大学学费");
    zhangjie.choose("to-2", "社工服务中心");
    zhangjie.choose("assistance-2", "心理服务");
    zhangjie.fill("[name='note-2']", "请上门看看儿子");
    zhangjie.click(&submit("split"));
    zhangjie.until("both", |page| page.count("#transfers li") == 2);
    at_place(&zhangjie, "事项");
    zhangjie.press("督办");
    zhangjie.until("who has it", |page| {
        let script = "return document.querySelector('#receivers')?.innerText ?? ''";
        let board = page.js(script);
        board.as_str().is_some_and(|text| text.contains("教育局") && text.contains("社工服务中心"))
    });
    zhangjie.click("//nav[@aria-label='办理状态']/a[contains(., '转办中 1')]");
    zhangjie.sees(day.head(0));

    // A plea that lay at the township since last month is late, and the township is told to hurry.
    let late = "const row = [...document.querySelectorAll('tr')].find((tr) => tr.innerText.includes('杨舍镇'));
        return row?.querySelectorAll('td')[1]?.innerText ?? ''";
    zhangjie.until("one is late", |page| {
        page.go("/loops");
        page.js(late) == "1"
    });
    zhangjie.click("//nav[@aria-label='办理状态']/a[.='只看逾期']");
    zhangjie.sees("周阿婆");
    zhangjie.sees("没有办结的");
    assert!(!zhangjie.page().contains(day.head(0)), "what is on time is not among what is late");
    zhangjie.click("//a[contains(@class, 'rowlink') and contains(@href, '/cases/')]");
    zhangjie.press("催办");
    zhangjie.fill("//form[.//input[@value='urged']]//*[@name='note']", "请今天核实");
    zhangjie.click(&submit("urged"));
    zhangjie.sees("已催办");
    let wang = day.browser(&driver, "wang", day.township);
    wang.until("the word of the city", |page| {
        page.go(&format!("/cases/{plea}"));
        page.page().contains("请今天核实")
    });
    wang.close();

    // The decider: two tasks, two decisions, one list for the bank.
    let chen = day.browser(&driver, "chen", day.city);
    for left in [1, 0] {
        chen.press("审批");
        is_next(&chen, "decided");
        chen.sees("拟定 2,835.00 元");
        chen.click(&submit("decided"));
        is_next(&chen, "paid");
        at_place(&chen, "今日");
        chen.until("one less", |page| {
            page.js("return [...document.querySelectorAll('#tasks .rowlink')].filter((a) => a.textContent === '审批').length")
                == left
        });
    }
    at_place(&chen, "发放");
    chen.sees("5,670.00");
    chen.press("做成发放名册（2 笔）");
    chen.sees("银行结果");
    chen.choose(&format!("row.{}", money[0]), "到账");
    chen.choose(&format!("row.{}", money[1]), "未到账");
    chen.fill(&format!("[name='why.{}']", money[1]), "账号已注销");
    chen.press("登记结果");
    chen.until("both settled", |page| page.page().contains("账号已注销"));
    at_place(&chen, "发放");
    chen.sees("做成发放名册（1 笔）");

    // The village reads both.
    let liu = day.browser(&driver, "liu", day.village);
    for (case, stage) in [(&money[0], "已发放"), (&money[1], "发放失败")] {
        liu.until(stage, |page| {
            page.go(&format!("/cases/{case}"));
            page.page().contains(stage)
        });
    }
    for browser in [zhangjie, chen, liu] {
        browser.close();
    }
}

#[test]
fn an_auditor_follows_a_figure_to_its_case_and_reads_who_took_and_who_looked() {
    let Some(driver) = driver() else { return };
    let day = Day::begin(36);
    staff(&day.town.city, "shen", "沈审计", &["auditor"], &[]).expect("added");
    let paid = day.accepted(day.village, "liu", 1, "临时救助", "住院费用过高");
    step(day.township, "wang", &paid, json!({ "step": "pre_examine", "opinion": "for" })).expect("examined");
    step(day.township, "wang", &paid, json!({ "step": "propose" })).expect("proposed");
    until_stage(day.city, "chen", &paid, "to-decide").expect("comes up");
    step(day.city, "chen", &paid, json!({ "step": "decide", "outcome": "approved" })).expect("decided");
    step(day.city, "chen", &paid, json!({ "step": "pay", "method": "现金" })).expect("paid");

    // Somebody takes the register out, somebody looks at a check of means.
    let zhangjie = day.browser(&driver, "zhangjie", day.city);
    zhangjie.go("/households/export");
    zhangjie.fill("[name=purpose]", "年度核对，交审计局");
    zhangjie.press("导出");
    let asked = day.accepted(day.village, "liu", 2, "刚性支出困难救助", "住院费用过高");
    let who = json!({ "step": "authorise_check", "name": "欧阳玉", "relation": "姐姐", "id_no": "34052419800101001X",
        "until": date(300), "signed": date(-20), "paper": "A-12" });
    step(day.township, "wang", &asked, who).expect("authorised");
    let ask = step(day.township, "wang", &asked, json!({ "step": "ask_check", "people": ["s:姐姐:欧阳玉"] })).expect("asked");
    let number = ask["message"].as_str().and_then(|said| said.rsplit(' ').next()).expect("a number").to_owned();
    zhangjie.until("the check", |page| {
        page.go(&format!("/cases/{asked}/check"));
        page.page().contains("登记答复")
    });
    let answer = json!({ "person": "s:姐姐:欧阳玉", "source": "银行", "outcome": "found", "subject": "农商银行", "amount": 5_234_567,
        "as_of": date(-5) });
    perform(day.city, "zhangjie", &json!({ "do": "answer_check", "number": number, "answers": [answer] })).expect("answered");
    zhangjie.go(&format!("/cases/{asked}/check"));
    zhangjie.press("查看核对结果");
    zhangjie.sees("与申报比对");

    // A figure, its lines, the case behind one.
    let shen = day.browser(&driver, "shen", day.city);
    at_place(&shen, "统计");
    shen.sees("2,835.00");
    shen.click("//section[@id='picked']//tr[contains(., '临时救助')]//a");
    shen.sees("受助明细");
    shen.sees("共 1 笔，合计 2,835.00 元");
    shen.click(&format!("//a[contains(@href, '{paid}')]"));
    shen.sees("经过");
    assert_eq!(shen.count("#actions form"), 0, "an auditor writes nothing");
    at_place(&shen, "家庭");
    shen.sees("本机共 12 户");
    assert_eq!(shen.count("#rows a.button:not(.slim), #rows td a.button"), 0, "and begins nothing");
    shen.press("导出");
    shen.sees("年度核对，交审计局");
    shen.sees("张婕");
    at_place(&shen, "核对");
    shen.press("查看记录");
    shen.sees(&number);
    assert!(!shen.page().contains("52,345"), "who looked, not what was seen");
    for browser in [zhangjie, shen] {
        browser.close();
    }
}

#[test]
fn somebody_at_the_window_asks_by_receipt_and_tail_and_reads_how_it_stands() {
    let Some(driver) = driver() else { return };
    let day = Day::begin(37);
    let case = day.accepted(day.village, "liu", 3, "临时救助", "住院费用过高");
    let standing = until_stage(day.village, "liu", &case, "to-pre-examine").expect("comes down");
    let number = standing["number"].as_str().expect("a number").to_owned();
    let tail = |wrong: bool| match wrong {
        true => "0000".to_owned(),
        false => day.id_no(3).chars().skip(14).collect(),
    };
    let ask = |page: &Browser, tail: &str| {
        page.fill("[name=code]", &number);
        page.fill("[name=tail]", tail);
        page.keys(&key::ENTER.to_string());
    };

    // At the nearest window, the village's.
    let mut liu = day.browser(&driver, "liu", day.village);
    liu.expect("the server responded with a status of 404");
    at_place(&liu, "事项");
    liu.press("查办理结果");
    ask(&liu, &tail(true));
    liu.sees("没有查到不等于没有受理");
    assert!(!liu.page().contains(KNOWN), "a receipt alone tells nothing");
    assert_eq!(liu.value("[name=code]"), number, "what was typed is still there");
    ask(&liu, &tail(false));
    liu.until("the answer", |page| page.count("#answer") == 1);
    liu.sees("截至");
    liu.sees("正在审核材料");
    assert!(!liu.page().contains(KNOWN), "no name on a screen that others see");
    assert!(!liu.js("return location.href").to_string().contains(&number), "nothing of it in an address");

    // The township goes on; asked again, the answer has moved.
    step(day.township, "wang", &case, json!({ "step": "pre_examine", "opinion": "for" })).expect("examined");
    until_stage(day.village, "liu", &case, "to-decide").expect("comes down");
    ask(&liu, &tail(false));
    liu.until("it moved", |page| page.count("#answer") == 1 && page.page().contains("等待审批"));
    liu.close();
}

/// What the browser gets when it asks for a page that is not for it.
fn turned_away(page: &Browser, path: &str) -> Value {
    page.js(&format!("const r = new XMLHttpRequest(); r.open('GET', {}, false); r.send(); return r.status", json!(path)))
}

#[test]
fn a_providers_worker_signs_visits_reports_gives_one_back_and_sees_nothing_else() {
    let Some(driver) = driver() else { return };
    let day = Day::begin(38);
    let sent = |row: usize, to: &str, note: &str| {
        let case = day.applied(day.city, "zhangjie", row, "心理服务", note);
        step(day.city, "zhangjie", &case, json!({ "step": "accept" })).expect("accepted");
        let to = json!({ "kind": to.split(':').next(), "id": to.split(':').nth(1) });
        let given = json!({ "step": "transfer", "to": to, "assistance": "心理服务", "note": note });
        step(day.city, "zhangjie", &case, given).expect("sent");
        case
    };
    let visited = sent(0, "provider:社工服务中心", "请上门看看儿子");
    let returned = sent(1, "provider:社工服务中心", "老人需要陪伴");
    let other = sent(2, "department:教育局", "学费");
    let home = day.home(day.city, "zhangjie", 0);

    // What is theirs is there in the morning, and signed for.
    let mut zhou = day.browser(&driver, "shegong", day.city);
    zhou.expect("the server responded with a status of 40");
    assert_eq!(zhou.path(), "/inbox", "a provider begins where its work is");
    zhou.until("two", |page| page.count("#inbox input[name=case]") == 2);
    zhou.click(&format!("//tr[contains(., '{}')]//a", day.head(0)));
    is_next(&zhou, "signed-for");
    zhou.click(&submit("signed-for"));

    // After each visit a line; then how it went, and the answer to who asked.
    for text in ["第一次上门，建立信任", "第二次上门，母子一起谈"] {
        is_next(&zhou, "session");
        zhou.fill("details.do.next [name=text]", text);
        zhou.click(&submit("session"));
        zhou.sees(text);
    }
    zhou.press("服务成效");
    zhou.choose("change", "有改善");
    zhou.fill("//form[.//input[@value='outcome']]//*[@name='text']", "愿意出门，愿意见人");
    zhou.pick_day("[name=follow_up]", &date(30));
    zhou.click(&submit("outcome"));
    zhou.sees("愿意出门");
    zhou.press("反馈");
    zhou.choose("result", "已提供服务");
    zhou.fill("//form[.//input[@value='feedback']]//*[@name='text']", "上门两次，情况好转");
    zhou.click(&submit("feedback"));
    zhou.sees("上门两次");

    // The other is not for them, and goes back with its reason.
    at_place(&zhou, "转来");
    zhou.click(&format!("//tr[contains(., '{}')]//a", day.head(1)));
    zhou.press("退回");
    zhou.fill("details[open] [name=reason]", "本机构不办理养老陪伴");
    zhou.click(&submit("returned"));
    zhou.sees("本机构不办理养老陪伴");

    // Nothing else is theirs: no other's case, no household, no number, no list.
    assert_eq!(turned_away(&zhou, &format!("/cases/{other}")), 404);
    for path in [format!("/households/{home}"), "/households".to_owned(), "/payments".to_owned(), "/staff".to_owned()] {
        assert_eq!(turned_away(&zhou, &path), 403, "{path}");
    }
    zhou.go(&format!("/cases/{visited}"));
    zhou.sees("愿意出门");
    let shown = zhou.page();
    assert!(!shown.contains(day.id_no(0)) && !shown.contains("审批"), "{shown}");
    assert_eq!(zhou.count("nav.nav a[href='/households']"), 0);

    // In the evening the centre reads both, the township how it went.
    let zhangjie = day.browser(&driver, "zhangjie", day.city);
    zhangjie.go(&format!("/cases/{returned}"));
    zhangjie.sees("本机构不办理养老陪伴");
    let wang = day.browser(&driver, "wang", day.township);
    wang.until("how it went", |page| {
        page.go(&format!("/cases/{visited}"));
        page.page().contains("上门两次")
    });
    for browser in [zhou, zhangjie, wang] {
        browser.close();
    }
}

#[test]
fn an_administrator_adds_a_colleague_hands_over_what_a_leaver_had_and_decides_nothing() {
    let Some(driver) = driver() else { return };
    let day = Day::begin(39);
    staff(&day.town.township, "gao", "高管理", &["administrator"], &[]).expect("added");
    let left: Vec<String> = (0..2).map(|row| day.accepted(day.village, "liu", row, "临时救助", "住院费用过高")).collect();

    // A colleague who begins today and stays for a month.
    let mut gao = day.browser(&driver, "gao", day.township);
    gao.expect("the server responded with a status of 40");
    at_place(&gao, "人员");
    write(&gao, "[name=id]", "qian");
    write(&gao, "[name=name]", "钱接手");
    write(&gao, "[name=password]", "first-password-1");
    for role in ["intake", "reviewer"] {
        gao.click(&format!("//form[@action='/staff']//input[@name='role' and @value='{role}']"));
    }
    gao.press("添加");
    gao.sees("已添加 钱接手");
    let of = |who: &str, rest: &str| format!("//tr[.//td[.='{who}']]{rest}");
    let term = |page: &Browser, from: i32, until: i32| {
        page.click(&of("qian", "//summary"));
        page.pick_day(&of("qian", "//input[@name='from']"), &date(from));
        page.pick_day(&of("qian", "//input[@name='until']"), &date(until));
        page.click(&of("qian", "//button[.='改起止']"));
        page.sees("起止日期已更改");
    };
    term(&gao, 1, 31);
    gao.sees("未到起用日");
    assert!(perform(day.township, "qian", &json!({})).is_err(), "not before the first day");
    term(&gao, -1, 30);
    gao.sees_no("未到起用日");

    // The password was told to the wrong ear: another one, that works at once.
    gao.click(&of("qian", "//button[.='重设密码']"));
    gao.sees("只显示这一次");
    let password = gao.js("return document.querySelector('.panel b.code').textContent");
    let password = password.as_str().expect("a password").to_owned();
    let mut qian = driver.open(&day.town.path("qian"), day.township);
    qian.expect("ERR_");
    qian.sign_in("qian", &password);
    qian.sees("今日");

    // Wang leaves: shut, and what she had in hand goes over in one step.
    gao.go("/staff");
    gao.click(&of("wang", "//button[.='停用']"));
    gao.agree();
    gao.sees("承办中的事项请在下面移交");
    qian.until("nobody has them", |page| {
        page.go("/today");
        page.page().contains("2 件事项无人承办")
    });
    gao.click(&of("wang", "//a[.='移交']"));
    gao.choose("to", "钱接手（qian）");
    gao.fill("[name=reason]", "调离");
    gao.click("//form[contains(@action, '/staff/hand/')]//button[contains(@class, 'main')]");
    gao.sees("已把 2 件事项");
    for case in &left {
        qian.go(&format!("/cases/{case}"));
        qian.sees("移交给钱接手，调离");
    }

    // Whoever sees to accounts decides nothing, pays nothing and looks at no figures.
    gao.go(&format!("/cases/{}", left[0]));
    assert_eq!(gao.count("#actions form"), 0, "no step in a case");
    assert_eq!(turned_away(&gao, "/payments"), 403);
    let decide = json!({ "step": "decide", "outcome": "approved" });
    for wrong in [decide, json!({ "step": "pre_examine", "opinion": "for" })] {
        assert!(step(day.township, "gao", &left[0], wrong).is_err());
    }
    for browser in [gao, qian] {
        browser.close();
    }
}
