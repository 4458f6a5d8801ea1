//! People at the pages of three offices, in a real browser: from a household file to money paid.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::print_stderr, missing_docs)]

use serde_json::Value;
use shouwang_tests::browser::{Browser, Driver, key};
use shouwang_tests::town::{PASSWORD, Town};

fn driver() -> Option<Driver> {
    let driver = Driver::start();
    if driver.is_none() {
        eprintln!("skipped: no chromium and chromedriver here");
    }
    driver
}

fn text<'a>(row: &'a Value, field: &str) -> &'a str {
    row[field].as_str().expect("a text")
}

/// How far the entry with this text got: the ticks that are on.
fn ticks(browser: &Browser, entry: &str) -> Vec<String> {
    let script = format!(
        "const at = [...document.querySelectorAll('#story li')].find((li) => li.textContent.includes({}));
         return [...(at?.querySelectorAll('.ticks > .on') ?? [])].map((e) => e.childNodes[1].textContent.trim());",
        serde_json::json!(entry)
    );
    let on = browser.js(&script);
    on.as_array().into_iter().flatten().filter_map(|tick| tick.as_str().map(str::to_owned)).collect()
}

fn sees_ticks(browser: &Browser, entry: &str, on: &[&str]) {
    browser.until(&format!("{entry} at {on:?}"), |browser| ticks(browser, entry) == on);
}

#[test]
fn a_household_file_becomes_a_payment_that_the_village_watches() {
    let Some(driver) = driver() else { return };
    let mut town = Town::found().expect("three offices");
    town.run().expect("run");
    let (at_city, at_township, at_village) =
        (town.city.web().expect("pages"), town.township.web().expect("pages"), town.village.web().expect("pages"));
    let above_township = town.city.quic().expect("listens");

    // Both superiors are gone; the village works all the same, and says so.
    town.township.stop().expect("stops");
    town.city.stop().expect("stops");
    let rows = town.households(30, 7).expect("rows");
    let file = town.file("名册.jsonl", &rows).expect("a file");
    let village = driver.open(&town.path("liu"), at_village);
    village.sign_in("liu", PASSWORD);
    village.sees("与上级断开");
    village.press("导入");
    village.put("#file", &file.to_string_lossy());
    village.press("上传并预览");
    village.sees("预览，还没有写入");
    village.press("导入 30 户");
    village.sees("导入完成");
    village.press("看家庭档案");
    village.sees("本机共 30 户");

    // Two characters of a name, a part of the number, two characters of the address: found while they are typed.
    let wanted = &rows[11];
    let (head, number, address) = (text(wanted, "head"), text(wanted, "head_id_no"), text(wanted, "address"));
    let part = |text: &str, from: usize, to: usize| text.chars().skip(from).take(to - from).collect::<String>();
    for term in [part(head, 0, 2), number[8..17].to_owned(), part(address, 3, 5)] {
        village.fill("#q", &term);
        village.until(&format!("{term} is found"), |page| {
            let rows = page.count("#rows tbody tr");
            page.page().contains(&format!("找到 {rows} 户")) && page.page().contains(head)
        });
        assert!(!village.js("return location.href").to_string().contains(&term), "what is looked for is in no address");
    }
    village.fill("#q", &number[8..17]);
    village.sees("找到 1 户");
    village.press(head);
    village.sees("共同生活成员");

    // A case begins from the household: what is known is shown, and no field asks for it again.
    village.press("为这户新办事项");
    village.sees("已有的内容，不用再填");
    village.sees(text(wanted, "phone"));
    let asked =
        village.js("return [...new Set([...document.querySelectorAll('main [name]')].filter((f) => f.type !== 'hidden' && !f.closest('[hidden]')).map((f) => f.name))]");
    assert_eq!(asked, serde_json::json!(["assistance", "summary", "origin", "applicant", "cause", "urgency", "channel"]));
    assert_eq!(village.value("[name=applicant]"), head);
    village.tick("临时救助");
    village.fill("[name=summary]", "住院花费大，一时周转不开");
    village.press("登记");
    village.sees("经过");
    let case = village.path();
    let opened = "住院花费大";
    sees_ticks(&village, opened, &["本机"]);

    // The ticks come by themselves: from here on the village's page is never loaded again.
    village.js("window.neverLoadedAgain = true");
    town.township.run(&[above_township]).expect("is back");
    sees_ticks(&village, opened, &["本机", "镇"]);
    village.sees_no("与上级断开");
    town.city.run(&[]).expect("is back");
    sees_ticks(&village, opened, &["本机", "镇", "市"]);

    // The township's reviewer, in a browser of their own.
    let mut township = driver.open(&town.path("wang"), at_township);
    township.sign_in("wang", PASSWORD);
    township.until("the task", |page| page.page().contains("临时救助"));
    township.press("受理");
    township.sees("您可以办理");
    assert_eq!(township.path(), case, "a case has one address at every office");
    township.click(&submit("accepted"));
    township.sees("受理编号");
    township.choose("opinion", "符合");
    township.click(&submit("pre-examined"));
    township.until("the next step", |page| page.count("details.do.next[open] [value=proposed]") == 1);
    township.click(&submit("proposed"));
    township.until("the proposal", |page| page.page().contains("拟定金额"));
    village.sees("预审");

    // The city's approver decides and pays.
    let city = driver.open(&town.path("chen"), at_city);
    city.sign_in("chen", PASSWORD);
    city.sees("临时救助");
    city.press("审批");
    city.sees("您可以办理");
    city.click(&submit("decided"));
    city.until("the payment is next", |page| page.count("details.do.next[open] [value=paid]") == 1);
    city.click(&submit("paid"));
    city.sees("已发放");

    village.sees("已发放");
    assert_eq!(village.js("return window.neverLoadedAgain"), Value::Bool(true));

    // The superior goes and comes again; the page says both by itself.
    township.expect("ERR_");
    town.township.kill().expect("kills");
    village.sees("与上级断开");
    town.township.run(&[above_township]).expect("is back");
    village.sees_no("与上级断开");
    assert_eq!(village.js("return window.neverLoadedAgain"), Value::Bool(true));
    for browser in [village, township] {
        browser.close();
    }
    city.close();
}

/// The button of a step's form on a case's page.
fn submit(kind: &str) -> String {
    format!("//form[.//input[@name='kind' and @value='{kind}']]//button")
}

#[test]
fn a_draft_outlives_the_browser_a_double_click_writes_once_and_a_mistake_is_taken_back() {
    let Some(driver) = driver() else { return };
    let mut town = Town::found().expect("three offices");
    town.run().expect("run");
    let file = town.file("rows.jsonl", &town.households(3, 8).expect("rows")).expect("a file");
    town.village.command(&["import", "households", &file.to_string_lossy()]).expect("imports");
    let at = town.village.web().expect("pages");

    let village = driver.open(&town.path("liu"), at);
    village.sign_in("liu", PASSWORD);
    village.go("/clues/new");
    village.fill("[name=applicant]", "小卖部的老周");
    village.put("[name=summary]", "几天没有开门，邻居担心");
    village.sees("草稿已存本机");
    village.close();

    // The browser is gone with its profile; the draft is the node's.
    let mut village = driver.open(&town.path("liu again"), at);
    village.sign_in("liu", PASSWORD);
    village.go("/clues/new");
    village.sees("已恢复上次没提交的草稿");
    assert_eq!(village.value("[name=applicant]"), "小卖部的老周");
    assert_eq!(village.value("[name=summary]"), "几天没有开门，邻居担心");
    village.double_click("登记");
    village.sees("经过");
    assert_eq!(village.count("#story li"), 1);
    village.press("事项");
    village.sees("求助");
    assert_eq!(village.count("tbody tr"), 1, "one case");
    village.go("/clues/new");
    assert_eq!(village.value("[name=applicant]"), "", "a sent form leaves no draft");

    // The node dies while somebody types: the page says that it is gone, and what was typed is there afterwards.
    village.go("/cases");
    village.press("求助");
    village.press("备注");
    village.put("details[open] [name=text]", "写错了人家");
    village.sees("草稿已存本机");
    village.expect("ERR_");
    town.village.kill().expect("kills");
    village.sees("页面连不上本机程序");
    town.village.run(&[town.township.quic().expect("listens")]).expect("is back");
    village.sees_no("页面连不上本机程序");
    village.js("location.reload()");
    village.sees("已恢复上次没提交的草稿");
    assert_eq!(village.value("details[open] [name=text]"), "写错了人家");
    village.click(&submit("note"));
    village.until("the note", |page| page.count("#story li") == 2);

    // Taken back by a new entry: both stay.
    village.click("//li[contains(., '写错了人家')]//summary");
    village.fill("details[open] input[name=reason]", "记到别人家去了");
    village.click(&submit("withdrawn"));
    village.until("both", |page| page.count("#story li") == 3);
    assert_eq!(village.count("#story .entry.void"), 1);
    village.sees("记到别人家去了");
    village.close();
}

#[test]
fn a_keyboard_is_enough_from_sign_in_to_a_submitted_case() {
    let Some(driver) = driver() else { return };
    let mut town = Town::found().expect("three offices");
    town.run().expect("run");
    let rows = town.households(5, 9).expect("rows");
    let file = town.file("rows.jsonl", &rows).expect("a file");
    town.village.command(&["import", "households", &file.to_string_lossy()]).expect("imports");
    let village = driver.open(&town.path("liu"), town.village.web().expect("pages"));
    let enter = key::ENTER.to_string();
    village.go("/sign-in");
    village.tab_to("#f-id", "");
    village.keys("liu");
    village.tab_to("#f-password", "");
    village.keys(PASSWORD);
    village.keys(&enter);
    village.sees("今日待办");
    village.tab_to(".nav a", "家庭");
    village.keys(&enter);
    // The search has the focus by itself.
    village.sees("本机共 5 户");
    let head = text(&rows[2], "head");
    village.keys(&text(&rows[2], "head_id_no")[6..16]);
    village.sees("找到 1 户");
    village.tab_to("a.rowlink", head);
    village.keys(&enter);
    village.tab_to("a.button", "为这户新办事项");
    village.keys(&enter);
    village.sees("已有的内容，不用再填");
    village.tab_to("input[name=assistance]", "");
    village.keys(" ");
    village.tab_to("textarea[name=summary]", "");
    village.keys("家里没有收入");
    village.tab_to("button.main", "登记");
    village.keys(&enter);
    village.sees("经过");
    assert_eq!(village.count("#story li"), 1);
    village.close();
}
