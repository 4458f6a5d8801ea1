//! A real browser for tests: Debian's Chromium, driven through `chromedriver` by WebDriver's JSON over HTTP.
//!
//! A [`Browser`] is one person at one office: its own profile, so its own cookies. It sees what a person sees (a click
//! on something covered or invisible fails), and it remembers every error on the console, every violation of the
//! page's policy and every request to another host: [`Browser::close`] fails the test for any that was not expected.
//! [`Browser::look`] holds the page against a laptop and a phone, and keeps a picture when asked to. The forty crates
//! of a ready-made client would be more to build than these lines are to read.
#![allow(clippy::expect_used, clippy::panic, reason = "a browser that does not do as told fails the test")]

use crate::http;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a page may take to show what is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
/// The key that WebDriver names an element with.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// How often the driver is started before the test gives up.
const DRIVER_TRIES: u32 = 5;
/// Presses of Tab after which a keyboard has not found what it looks for.
const TABS_MAX: usize = 200;
/// Pixels of a page's height that a picture shows.
const PICTURE_HEIGHT: u64 = 3_000;
/// The screens that pages are made for: name, width, height.
pub const SCREENS: [(&str, u64, u64); 2] = [("1366", 1_366, 768), ("390", 390, 844)];

/// The keys of a keyboard that are no letters.
pub mod key {
    /// Tab.
    pub const TAB: char = '\u{E004}';
    /// Enter.
    pub const ENTER: char = '\u{E007}';
}

/// The program that drives Chromium.
pub struct Driver {
    child: Child,
    at: SocketAddr,
}

impl Driver {
    /// Starts it; none when this machine has no Chromium, unless `SHOUWANG_REQUIRE_BROWSER` says that it must.
    pub fn start() -> Option<Driver> {
        let known = |name: &str| ["/usr/bin", "/usr/local/bin"].iter().any(|dir| Path::new(dir).join(name).is_file());
        if !known("chromium") || !known("chromedriver") {
            let required = std::env::var_os("SHOUWANG_REQUIRE_BROWSER").is_some();
            assert!(!required, "chromium or chromedriver is not installed (Debian: chromium, chromium-driver)");
            return None;
        }
        // The port it finds free for one kind of address may be taken for the other by then: it ends, and is asked again.
        Some((0..DRIVER_TRIES).find_map(|_| Driver::try_start()).expect("chromedriver says its port"))
    }

    fn try_start() -> Option<Driver> {
        let mut command = Command::new("chromedriver");
        command.args(["--port=0"]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("chromedriver starts");
        let out = BufReader::new(child.stdout.take().expect("its output"));
        let port = out.lines().map_while(Result::ok).find_map(|line| {
            let (_, port) = line.split_once("started successfully on port ")?;
            port.trim_end_matches('.').parse::<u16>().ok()
        });
        if port.is_none() {
            let _ = child.kill();
            let _ = child.wait();
        }
        port.map(|port| Driver { child, at: SocketAddr::from(([127, 0, 0, 1], port)) })
    }

    /// A person's browser before an office's pages. The same profile again is the same person come back.
    pub fn open(&self, profile: &Path, site: SocketAddr) -> Browser {
        let options = json!({
            "binary": "/usr/bin/chromium",
            "args": [
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage", "--no-first-run",
                "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-lcd-text",
                "--hide-scrollbars", "--window-size=1366,768", format!("--user-data-dir={}", profile.display()),
            ],
        });
        let wanted = json!({
            "browserName": "chrome",
            "goog:chromeOptions": options,
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
            "unhandledPromptBehavior": "accept",
        });
        let answer = call(self.at, "POST", "/session", &json!({ "capabilities": { "alwaysMatch": wanted } }));
        let session = answer.expect("a session")["sessionId"].as_str().expect("its name").to_owned();
        Browser { driver: self.at, session, site, expected: Vec::new(), complaints: Vec::new() }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // A browser whose driver is killed stays, and keeps a core busy with pages that no longer answer.
        let sessions = call(self.at, "GET", "/sessions", &Value::Null).unwrap_or_default();
        for session in sessions.as_array().into_iter().flatten().filter_map(|session| session["id"].as_str()) {
            let _ = call(self.at, "DELETE", &format!("/session/{session}"), &Value::Null);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn call(driver: SocketAddr, method: &str, path: &str, body: &Value) -> Result<Value, String> {
    let body = if method == "POST" { body.to_string() } else { String::new() };
    let json = [("Content-Type", "application/json; charset=utf-8")];
    let answer = http::request(driver, method, path, &json, body.as_bytes()).map_err(|error| format!("{path}: {error}"))?;
    let value = answer.json()["value"].take();
    if answer.status == 200 { Ok(value) } else { Err(format!("{}: {}", value["error"], value["message"])) }
}

/// What a person's hands did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hands {
    /// Presses of the mouse.
    pub clicks: u64,
    /// Keys that write no text: Tab, Enter, a space on a button or a box.
    pub keys: u64,
    /// Characters of text, as they stand in the field: what an input method takes for them is not counted.
    pub text: u64,
}

/// One person's browser.
pub struct Browser {
    driver: SocketAddr,
    session: String,
    site: SocketAddr,
    expected: Vec<String>,
    complaints: Vec<String>,
}

impl Browser {
    fn call(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        call(self.driver, method, &format!("/session/{}/{path}", self.session), body)
    }

    fn told(&self, path: &str, body: Value) -> Value {
        self.call("POST", path, &body).unwrap_or_else(|error| panic!("{path}: {error}\non the page: {}", self.page()))
    }

    /// Opens one of the office's addresses.
    pub fn go(&self, path: &str) {
        self.told("url", json!({ "url": format!("http://{}{path}", self.site) }));
    }

    /// The path it is at.
    pub fn path(&self) -> String {
        self.js("return location.pathname").as_str().unwrap_or_default().to_owned()
    }

    /// What a script returns.
    pub fn js(&self, script: &str) -> Value {
        self.told("execute/sync", json!({ "script": script, "args": [] }))
    }

    /// The text of the page as a person reads it.
    pub fn page(&self) -> String {
        let script = json!({ "script": "return document.body?.innerText ?? ''", "args": [] });
        let text = self.call("POST", "execute/sync", &script).unwrap_or_default();
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until something is so.
    pub fn until(&self, what: &str, so: impl Fn(&Browser) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !so(self) {
            assert!(Instant::now() < end, "waited in vain for {what}; the page {} says:\n{}", self.path(), self.page());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until the page says something.
    pub fn sees(&self, text: &str) {
        self.until(text, |browser| browser.page().contains(text));
    }

    /// Waits until the page no longer says something.
    pub fn sees_no(&self, text: &str) {
        self.until(&format!("no {text}"), |browser| !browser.page().contains(text));
    }

    /// The first visible element of a CSS selector, or of an XPath that begins with `//`.
    fn find(&self, which: &str) -> Option<String> {
        let using = if which.starts_with("//") { "xpath" } else { "css selector" };
        let found = self.call("POST", "elements", &json!({ "using": using, "value": which })).ok()?;
        let names = found.as_array()?.iter().filter_map(|element| element[ELEMENT].as_str());
        let shown = |name: &&str| self.call("GET", &format!("element/{name}/displayed"), &Value::Null) == Ok(Value::Bool(true));
        names.into_iter().find(shown).map(str::to_owned)
    }

    fn element(&self, which: &str) -> String {
        self.until(which, |browser| browser.find(which).is_some());
        self.find(which).expect("it was there")
    }

    /// Clicks the first visible element of a selector.
    pub fn click(&self, which: &str) {
        let scrolled = std::cell::Cell::new(false);
        // A live page may put a new element in the place of the one that was found: then it is looked for again.
        self.until(&format!("a click on {which}"), |browser| {
            let Some(element) = browser.find(which) else { return false };
            match browser.call("POST", &format!("element/{element}/click"), &json!({})) {
                Ok(_) => true,
                Err(error) if error.contains("stale") => false,
                // What stays at the window's edge covers it: whoever looks for it scrolls, once.
                Err(error) if error.contains("intercepted") && !scrolled.replace(true) => {
                    let middle =
                        json!({ "script": "arguments[0].scrollIntoView({ block: 'center' })", "args": [{ ELEMENT: element }] });
                    let _ = browser.call("POST", "execute/sync", &middle);
                    false
                }
                Err(error) => panic!("a click on {which}: {error}"),
            }
        });
    }

    /// Clicks a button, a link or a summary by what stands on it.
    pub fn press(&self, label: &str) {
        self.click(&labelled(label));
    }

    /// Says yes to what the page asks in a box of its own.
    pub fn agree(&self) {
        self.told("alert/accept", json!({}));
    }

    /// Clicks twice as fast as a hand can.
    pub fn double_click(&self, label: &str) {
        let element = self.element(&labelled(label));
        self.told(&format!("element/{element}/click"), json!({}));
        let origin = json!({ ELEMENT: element });
        let (down, up) = (json!({ "type": "pointerDown", "button": 0 }), json!({ "type": "pointerUp", "button": 0 }));
        let moves = json!({ "type": "pointerMove", "duration": 0, "origin": origin, "x": 0, "y": 0 });
        let mouse = json!({ "type": "pointer", "id": "mouse", "actions": [moves, down, up, down, up] });
        let _ = self.call("POST", "actions", &json!({ "actions": [mouse] }));
    }

    /// Types into a field, in the place of what stood there.
    pub fn fill(&self, which: &str, text: &str) {
        let element = self.element(which);
        self.told(&format!("element/{element}/clear"), json!({}));
        self.told(&format!("element/{element}/value"), json!({ "text": text }));
    }

    /// Picks a day in a field of that kind, whatever order the browser's language writes it in.
    pub fn pick_day(&self, which: &str, day: &str) {
        let field = json!({ ELEMENT: self.element(which) });
        self.told("execute/sync", json!({ "script": "arguments[0].value = arguments[1]", "args": [field, day] }));
    }

    /// Picks a file, or types without clearing.
    pub fn put(&self, which: &str, text: &str) {
        let element = self.element(which);
        self.told(&format!("element/{element}/value"), json!({ "text": text }));
    }

    /// Ticks a box, or one of several, by what stands beside it.
    pub fn tick(&self, label: &str) {
        self.click(&format!("//label[./input and contains(normalize-space(), '{label}')]"));
    }

    /// Picks one of a list by what it says.
    pub fn choose(&self, which: &str, label: &str) {
        self.click(&format!("//select[@name='{which}']/option[contains(normalize-space(), '{label}')]"));
    }

    /// Presses keys one after the other, wherever the focus is.
    pub fn keys(&self, keys: &str) {
        let one = |key: char| [json!({ "type": "keyDown", "value": key }), json!({ "type": "keyUp", "value": key })];
        let actions: Vec<Value> = keys.chars().flat_map(one).collect();
        self.told("actions", json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": actions }] }));
    }

    /// Goes on by Tab until the focus is on an element of a CSS selector that says `text`.
    pub fn tab_to(&self, which: &str, text: &str) {
        let script = format!(
            "const at = document.activeElement; return at.matches({}) && at.textContent.includes({})",
            json!(which),
            json!(text)
        );
        for _ in 0..TABS_MAX {
            self.keys(&key::TAB.to_string());
            if self.js(&script) == Value::Bool(true) {
                return;
            }
        }
        panic!("the keyboard does not reach {which} {text}; the page says:\n{}", self.page());
    }

    /// Counts, from now on and over page loads, what a person's hands do: the page itself hears each press of the
    /// mouse and of a key that the browser takes for a real one. Scrolling is not counted.
    pub fn count_hands(&self) {
        self.cdp("Page.addScriptToEvaluateOnNewDocument", json!({ "source": HANDS }));
        self.js("sessionStorage.clear()");
    }

    /// What was counted.
    pub fn hands(&self) -> Hands {
        let at = |what: &str| {
            let number = self.js(&format!("return Number(sessionStorage.getItem('hands.{what}') ?? 0)"));
            number.as_u64().unwrap_or_default()
        };
        Hands { clicks: at("clicks"), keys: at("keys"), text: at("text") }
    }

    /// How often the page has elements of a CSS selector.
    pub fn count(&self, which: &str) -> u64 {
        self.js(&format!("return document.querySelectorAll({}).length", json!(which))).as_u64().unwrap_or_default()
    }

    /// The value of a form's field.
    pub fn value(&self, which: &str) -> String {
        self.js(&format!("return document.querySelector({})?.value ?? ''", json!(which))).as_str().unwrap_or_default().to_owned()
    }

    /// Signs in by the page.
    pub fn sign_in(&self, staff: &str, password: &str) {
        self.go("/sign-in");
        self.fill("#f-id", staff);
        self.fill("#f-password", password);
        self.press("登录");
        self.until("to be signed in", |browser| browser.count("body[data-live]") == 1);
    }

    /// Something that the console may say from now on, because the test provokes it.
    pub fn expect(&mut self, complaint: &str) {
        self.expected.push(complaint.to_owned());
    }

    /// Holds the page against a laptop's and a phone's screen: nothing may stick out to the side. With
    /// `SHOUWANG_SCREENS=1` the pictures are kept in `tests/screens`.
    pub fn look(&self, name: &str) {
        let keep = std::env::var_os("SHOUWANG_SCREENS").is_some();
        for (screen, width, height) in SCREENS {
            let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
            self.cdp("Emulation.setDeviceMetricsOverride", metrics);
            let out = self.js(STICKS_OUT);
            assert_eq!(out, json!([]), "{name}: wider than a screen of {width} pixels");
            if keep {
                self.js("window.scrollTo(0, 0)");
                // As tall as the page: what stays at the window's edge is then where it is at the page's end.
                let tall = self.js("return document.documentElement.scrollHeight").as_u64().unwrap_or(height);
                let whole = json!({ "width": width, "height": tall.clamp(height, PICTURE_HEIGHT), "deviceScaleFactor": 1, "mobile": false });
                self.cdp("Emulation.setDeviceMetricsOverride", whole);
                let clip = json!({ "x": 0, "y": 0, "width": width, "height": tall.clamp(height, PICTURE_HEIGHT), "scale": 1 });
                let picture = json!({ "format": "png", "captureBeyondViewport": true, "clip": clip });
                let taken = self.cdp("Page.captureScreenshot", picture)["data"].take();
                let bytes = data_encoding::BASE64.decode(taken.as_str().unwrap_or_default().as_bytes()).expect("a picture");
                keep_picture(&screens().join(format!("{name}-{screen}.png")), &bytes);
            }
        }
        self.cdp("Emulation.clearDeviceMetricsOverride", json!({}));
    }

    fn cdp(&self, command: &str, params: Value) -> Value {
        self.told("goog/cdp/execute", json!({ "cmd": command, "params": params }))
    }

    /// Takes what the console and the network had to complain of.
    fn listen(&mut self) {
        let log = |kind: &str| {
            let lines = self.call("POST", "se/log", &json!({ "type": kind })).expect("the log");
            lines.as_array().cloned().unwrap_or_default()
        };
        // The last is the browser's own first page.
        let ours = [format!("http://{}/", self.site), "data:".to_owned(), "about:".to_owned(), "chrome://".to_owned()];
        let mut found = Vec::new();
        for line in log("browser") {
            if matches!(line["level"].as_str(), Some("SEVERE" | "WARNING")) || line["source"] == "security" {
                found.push(format!("{}: {}", line["source"].as_str().unwrap_or_default(), line["message"]));
            }
        }
        for line in log("performance") {
            let event: Value = line["message"].as_str().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
            let event = &event["message"];
            if event["method"] == "Network.requestWillBeSent" {
                let url = event["params"]["request"]["url"].as_str().unwrap_or_default();
                if ours.iter().all(|ours| !url.starts_with(ours)) {
                    found.push(format!("a request to {url}"));
                }
            }
        }
        found.retain(|line| self.expected.iter().all(|expected| !line.contains(expected)));
        self.complaints.extend(found);
    }

    /// Ends the browser, and the test when there was anything to complain of.
    pub fn close(mut self) {
        self.listen();
        assert_eq!(self.complaints, Vec::<String>::new(), "the console of {}", self.site);
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.call("DELETE", "", &Value::Null);
    }
}

/// Hears presses of the mouse and of keys, before the page does.
const HANDS: &str = "
  const add = (what) => sessionStorage.setItem(`hands.${what}`, Number(sessionStorage.getItem(`hands.${what}`) ?? 0) + 1);
  const takesText = (e) => e.matches?.('textarea, input:not([type=checkbox], [type=radio])');
  addEventListener('pointerdown', (e) => e.isTrusted && add('clicks'), true);
  addEventListener('keydown', (e) => {
    if (e.isTrusted) add([...e.key].length === 1 && takesText(e.target) ? 'text' : 'keys');
  }, true);";

/// Elements that reach beyond the window's right edge and lie in nothing that scrolls by itself.
const STICKS_OUT: &str = "
  const root = document.documentElement;
  if (root.scrollWidth <= root.clientWidth) return [];
  const scrolls = (e) => e && (['auto', 'scroll', 'hidden'].includes(getComputedStyle(e).overflowX) || scrolls(e.parentElement));
  const out = [...document.querySelectorAll('body *')].filter((e) =>
    e.getBoundingClientRect().right > root.clientWidth + 1 && !scrolls(e.parentElement));
  return ['' + root.scrollWidth, ...out.slice(0, 5).map((e) => e.outerHTML.slice(0, 120))];";

fn labelled(label: &str) -> String {
    let exact = format!("normalize-space()='{label}'");
    format!("//button[{exact}] | //a[{exact}] | //summary[starts-with(normalize-space(), '{label}')]")
}

fn screens() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("screens")
}

/// Writes a picture, with few colours where `pngquant` is installed.
fn keep_picture(path: &Path, bytes: &[u8]) {
    std::fs::create_dir_all(screens()).expect("a directory");
    std::fs::write(path, bytes).expect("writes");
    let mut small = Command::new("pngquant");
    small.args(["--force", "--strip", "--nofs", "--speed", "1", "--output"]).arg(path).args(["48", "--"]).arg(path);
    let _ = small.stderr(Stdio::null()).status();
}
