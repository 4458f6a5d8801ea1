//! The pages over real HTTP on loopback, on a real node directory: what a browser, a forger and a program see.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, missing_docs)]

use shouwang_node::clock::Clock;
use shouwang_node::desk::{Command, Desk, NewStaff};
use shouwang_node::node::{self, Node};
use shouwang_node::store::{KeySource, make_key_file};
use shouwang_node::web::{self, Parts};
use shouwang_protocol::area::{Area, AreaId, Past, Tier};
use shouwang_protocol::record::ActionId;
use shouwang_protocol::records::policy;
use shouwang_protocol::records::staff::Role;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

#[path = "web/begin.rs"]
mod begin;
#[path = "web/books.rs"]
mod books;
#[path = "web/categories.rs"]
mod categories;
#[path = "web/checks.rs"]
mod checks;
#[path = "web/lists.rs"]
mod lists;
#[path = "web/loops.rs"]
mod loops;
#[path = "web/moves.rs"]
mod moves;
#[path = "web/projects.rs"]
mod projects;
#[path = "web/stick.rs"]
mod stick;
#[path = "web/tables.rs"]
mod tables;
#[path = "web/work.rs"]
mod work;

/// An answer.
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
    /// The body as it came.
    bytes: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    /// The value of a hidden field of the page.
    fn hidden(&self, name: &str) -> String {
        let mark = format!("name=\"{name}\" value=\"");
        let at = self.body.find(&mark).unwrap_or_else(|| panic!("a field {name} in {}", self.body)) + mark.len();
        self.body[at..].split('"').next().unwrap_or_default().to_owned()
    }
}

/// A browser of the simplest kind.
#[derive(Clone)]
struct Browser {
    at: SocketAddr,
    cookie: String,
}

impl Browser {
    fn raw(&self, request: &str, body: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(self.at).expect("connects");
        stream.set_read_timeout(Some(std::time::Duration::from_secs(30))).expect("a timeout");
        stream.write_all(request.as_bytes()).expect("writes");
        stream.write_all(body).expect("writes");
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).expect("reads");
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap_or_default();
        let headers =
            lines.filter_map(|line| line.split_once(": ")).map(|(key, value)| (key.to_lowercase(), value.to_owned())).collect();
        let at = bytes.windows(4).position(|four| four == b"\r\n\r\n").map_or(bytes.len(), |at| at + 4);
        Answer { status, headers, body: body.to_owned(), bytes: bytes.split_off(at) }
    }

    fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut request = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
        let own = [("Host", self.at.to_string()), ("Accept", "text/html".to_owned()), ("Cookie", self.cookie.clone())];
        for (name, value) in own.iter().filter(|(name, _)| headers.iter().all(|(given, _)| given != name)) {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        self.raw(&request, body)
    }

    fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], b"")
    }

    fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let origin = format!("http://{}", self.at);
        self.post_from(&origin, path, fields)
    }

    fn post_from(&self, origin: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body: Vec<String> = fields.iter().map(|(name, value)| format!("{}={}", percent(name), percent(value))).collect();
        let headers = [("Origin", origin), ("Content-Type", "application/x-www-form-urlencoded")];
        self.ask("POST", path, &headers, body.join("&").as_bytes())
    }

    fn sign_in(&self, id: &str, password: &str) -> Browser {
        let answer = self.post("/sign-in", &[("id", id), ("password", password)]);
        assert_eq!((answer.status, answer.header("location")), (303, "/today"), "{}", answer.body);
        let cookie = answer.header("set-cookie").split(';').next().unwrap_or_default().to_owned();
        Browser { cookie, ..self.clone() }
    }

    /// Sends a page's form: its hidden fields and these.
    fn submit(&self, page: &str, target: &str, fields: &[(&str, &str)]) -> Answer {
        let page = self.get(page);
        assert_eq!(page.status, 200, "{}", page.body);
        let (csrf, action) = (page.hidden("csrf"), page.hidden("action"));
        let heads = if page.body.contains("name=\"heads\"") { page.hidden("heads") } else { String::new() };
        let own = [("csrf", csrf.as_str()), ("action", action.as_str()), ("heads", heads.as_str())];
        self.post(target, &[&own, fields].concat())
    }
}

fn percent(text: &str) -> String {
    text.bytes().map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// A city's only machine with pages, an administrator `gao`, a clerk `zhang` and an approver `li`.
struct Site {
    browser: Browser,
    desk: Desk,
    node: Node,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    _dir: tempfile::TempDir,
}

const PASSWORD: &str = "correct horse battery";
const VILLAGE: &str = "320582100201";
const OTHER_VILLAGE: &str = "320582100202";

fn areas() -> Vec<Area> {
    let area = |code: &str, name: &str, tier, parent: Option<&str>| Area {
        id: AreaId::parse(code).expect("a code"),
        code: code.into(),
        name: name.into(),
        tier,
        parent: parent.and_then(AreaId::parse),
        past: Past::default(),
    };
    vec![
        area("320582000000", "张家港市", Tier::City, None),
        area("320582100000", "杨舍镇", Tier::Township, Some("320582000000")),
        area(VILLAGE, "农联村", Tier::Village, Some("320582100000")),
        area(OTHER_VILLAGE, "善港村", Tier::Village, Some("320582100000")),
    ]
}

fn action(number: u8) -> ActionId {
    ActionId([number; 16])
}

impl Site {
    /// With three people and a policy pack.
    async fn open() -> Site {
        let site = Site::bare().await;
        let console = site.desk.console().await.expect("the console");
        let people: [(&str, &str, &[Role]); 3] = [
            ("gao", "高管理", &[Role::Administrator]),
            ("zhang", "张婕", &[Role::Intake, Role::Reviewer]),
            ("li", "李审批", &[Role::Approver]),
        ];
        site.desk.perform(&console, action(1), Command::PublishPolicy { pack: policy::sample() }).await.expect("a pack");
        for (number, (id, name, roles)) in people.into_iter().enumerate() {
            let roles = roles.iter().copied().collect();
            let new =
                NewStaff { id: id.into(), name: name.into(), roles, department: None, provider: None, password: PASSWORD.into() };
            site.desk.perform(&console, action(10 + number as u8), Command::AddStaff(new)).await.expect("staff");
        }
        site
    }

    /// With nobody.
    async fn bare() -> Site {
        let dir = tempfile::tempdir().expect("a directory");
        let key = dir.path().join("key");
        make_key_file(&key).expect("a key");
        let source = KeySource::KeyFile(key);
        let node =
            node::found(&dir.path().join("node"), &source, &areas(), "市社会救助服务中心", Clock::real()).await.expect("founds");
        let desk = node.desk().await.expect("a desk").clone();
        let listener = web::bind("127.0.0.1:0".parse().expect("an address")).await.expect("binds");
        let at = listener.local_addr().expect("an address");
        let of_status = node.clone();
        let parts = Parts {
            desk: desk.clone(),
            status: Arc::new(move || {
                let node = of_status.clone();
                Box::pin(async move { node.execute(shouwang_node::console::Request::Status, |_, _| {}).await })
            }),
        };
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        tokio::spawn(async move { web::serve(listener, parts, async move { drop(stopped.await) }).await.expect("serves") });
        Site { browser: Browser { at, cookie: String::new() }, desk, node, stop: Some(stop), _dir: dir }
    }

    async fn close(mut self) {
        drop(self.stop.take());
        self.node.clone().close().await;
    }

    /// Runs blocking steps of a browser.
    async fn browse<T: Send + 'static>(&self, steps: impl FnOnce(Browser) -> T + Send + 'static) -> T {
        let browser = self.browser.clone();
        tokio::task::spawn_blocking(move || steps(browser)).await.expect("the browser's steps")
    }
}

const PAGES: &[&str] = &[
    "/checks",
    "/checks/looks",
    "/cases/00000000000000000000000000000000/consents/x",
    "/cases/00000000000000000000000000000000/check",
    "/months",
    "/reviews",
    "/households/0000000000000000000000000000000000000000000000000000000000000000/means",
    "/households/0000000000000000000000000000000000000000000000000000000000000000/move",
    "/households/0000000000000000000000000000000000000000000000000000000000000000/split",
    "/projects",
    "/projects/conflicts",
    "/projects/new",
    "/projects/kinds",
    "/projects/0000000000000000000000000000000000000000000000000000000000000000",
    "/allotments",
    "/loops",
    "/query",
    "/queue",
    "/notices",
    "/notices/sheet?area=320582100201",
    "/payments",
    "/payments/x",
    "/staff/hand/x",
    "/policies",
    "/policies/match",
    "/policies/revise",
    "/policies/tables",
    "/policies/tables/statuses",
    "/policies/tables/statuses/row",
    "/policies/x",
    "/households/0000000000000000000000000000000000000000000000000000000000000000/policies",
    "/statistics",
    "/statistics/items",
    "/statistics/cases",
    "/years",
    "/years/2019",
    "/households/0000000000000000000000000000000000000000000000000000000000000000/year/2019",
    "/today",
    "/households",
    "/households/new",
    "/cases",
    "/clues/new",
    "/inbox",
    "/import",
    "/staff",
    "/sync",
    "/events",
    "/import/rejects",
    "/households/0000000000000000000000000000000000000000000000000000000000000000",
    "/households/0000000000000000000000000000000000000000000000000000000000000000/edit",
    "/cases/00000000000000000000000000000000",
    "/cases/00000000000000000000000000000000/receipt",
    "/cases/00000000000000000000000000000000/letters/1@00",
    "/cases/new?household=00",
];
const FORMS: &[&str] = &[
    "/checks/answers",
    "/cases/00000000000000000000000000000000/check",
    "/cases/00000000000000000000000000000000/check/sheet",
    "/months",
    "/reviews",
    "/households/x/changes",
    "/projects/new",
    "/projects/0000000000000000000000000000000000000000000000000000000000000000/edit",
    "/projects/0000000000000000000000000000000000000000000000000000000000000000/settle",
    "/projects/0000000000000000000000000000000000000000000000000000000000000000/tell",
    "/allotments",
    "/allotments/raise",
    "/allotments/close",
    "/inbox",
    "/query",
    "/queue",
    "/payments",
    "/payments/x",
    "/payments/x/answers",
    "/payments/x/export",
    "/staff/hand/x",
    "/policies/match",
    "/policies/revise",
    "/policies/tables/statuses/row",
    "/households/0000000000000000000000000000000000000000000000000000000000000000/year/2019",
    "/sign-out",
    "/households",
    "/households/search",
    "/households/new",
    "/cases/new",
    "/clues/new",
    "/import",
    "/import/go",
    "/staff",
    "/staff/reset",
    "/staff/disable",
    "/drafts",
    "/drafts/read",
    "/cases/00000000000000000000000000000000/act",
];

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_shown_or_done_without_a_session_and_every_answer_carries_its_headers() {
    let site = Site::open().await;
    site.browse(|browser| {
        let check = |answer: &Answer, what: &str| {
            let policy = answer.header("content-security-policy");
            assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'"), "{what}: {policy}");
            assert!(!policy.contains("unsafe"), "{what}");
            assert_eq!(answer.header("x-content-type-options"), "nosniff", "{what}");
            assert_eq!(answer.header("referrer-policy"), "same-origin", "{what}");
        };
        for page in PAGES.iter().copied() {
            let answer = browser.get(page);
            check(&answer, page);
            assert_eq!((answer.status, answer.header("location")), (303, "/sign-in"), "{page}");
            let answer = browser.ask("GET", page, &[("Accept", "*/*")], b"");
            assert_eq!((answer.status, answer.header("hx-redirect")), (401, "/sign-in"), "{page}");
        }
        for form in FORMS.iter().copied() {
            let answer = browser.post(form, &[("csrf", "x"), ("action", "00112233445566778899aabbccddeeff")]);
            check(&answer, form);
            assert_eq!((answer.status, answer.header("location")), (303, "/sign-in"), "{form}");
        }
        for (method, path) in [
            ("GET", "/checks"),
            ("POST", "/checks/answers"),
            ("GET", "/tasks"),
            ("GET", "/status"),
            ("GET", "/cases"),
            ("POST", "/commands"),
            ("POST", "/households/search"),
        ] {
            let answer = browser.ask(method, &format!("/api/v1{path}"), &[("Content-Type", "application/json")], b"{}");
            check(&answer, path);
            assert_eq!((answer.status, answer.header("content-type")), (401, "application/problem+json"), "{path}");
            assert!(answer.body.contains("\"type\":\"urn:shouwang:signed_out\""), "{}", answer.body);
        }
        for open in [
            "/sign-in",
            "/first",
            "/static/app.css",
            "/static/app.js",
            "/static/htmx.min.js",
            "/healthz",
            "/readyz",
            "/api/v1/openapi.json",
        ] {
            let answer = browser.get(open);
            check(&answer, open);
            assert_eq!(answer.status, 200, "{open}");
        }
        let tag = browser.get("/static/app.css").header("etag").to_owned();
        assert_eq!(browser.ask("GET", "/static/app.css", &[("If-None-Match", &tag)], b"").status, 304);
        assert_eq!(browser.get("/static/..%2Fapp.css").status, 404);
        check(&browser.get("/nowhere"), "no page");
    })
    .await;
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_names_and_foreign_pages_are_refused() {
    let site = Site::open().await;
    site.browse(|browser| {
        let signed = browser.sign_in("zhang", PASSWORD);
        for host in ["evil.example", "127.0.0.1", "localhost", "127.1", "", "LOCALHOST:1", "[::1]:8600"] {
            assert_eq!(signed.ask("GET", "/today", &[("Host", host)], b"").status, 421, "{host}");
        }
        let csrf = signed.get("/today").hidden("csrf");
        for origin in ["null", "http://evil.example", "http://localhost", "https://127.0.0.1"] {
            let answer = signed.post_from(origin, "/drafts", &[("csrf", &csrf), ("form", "x"), ("data", "y")]);
            assert_eq!(answer.status, 403, "{origin}");
        }
        let bare = [("Content-Type", "application/x-www-form-urlencoded")];
        assert_eq!(signed.ask("POST", "/drafts", &bare, format!("csrf={csrf}&form=x&data=y").as_bytes()).status, 403);
        assert_eq!(
            signed.post("/drafts", &[("csrf", "00000000000000000000000000000000"), ("form", "x"), ("data", "y")]).status,
            403
        );
        assert_eq!(signed.post("/drafts", &[("csrf", &csrf), ("form", "x"), ("data", "姓名=张")]).status, 204);
        let kept = signed.post("/drafts/read", &[("csrf", &csrf), ("form", "x"), ("form", "z")]);
        assert!(kept.body.contains("{\"x\":\"姓名=张\"}"), "{}", kept.body);
        assert_eq!(signed.post("/sign-out", &[("csrf", &csrf)]).status, 303);
        assert_eq!(signed.get("/today").status, 303, "the session is over on the machine, not only in the browser");
    })
    .await;
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_a_password_is_stopped_and_people_are_told() {
    let site = Site::open().await;
    site.browse(|browser| {
        let mut told = None;
        for _ in 0..20 {
            let answer = browser.post("/sign-in", &[("id", "zhang"), ("password", "wrong")]);
            if answer.status == 429 {
                told = Some(answer.body);
                break;
            }
            assert_eq!(answer.status, 401);
            assert!(answer.body.contains("账号或密码不对"));
        }
        assert!(told.expect("locked after a few guesses").contains("输错次数过多"));
        assert_eq!(browser.post("/sign-in", &[("id", "zhang"), ("password", PASSWORD)]).status, 429, "the right one waits too");
        let unknown = browser.post("/sign-in", &[("id", "nobody"), ("password", "wrong")]);
        assert!(unknown.status == 401 && unknown.body.contains("账号或密码不对"), "who exists is not told");
    })
    .await;
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_household_is_registered_once_found_by_two_characters_and_its_name_stays_text() {
    let site = Site::open().await;
    let record = site
        .browse(|browser| {
            let zhang = browser.sign_in("zhang", PASSWORD);
            let page = zhang.get("/households/new");
            let (csrf, id) = (page.hidden("csrf"), page.hidden("action"));
            let name = "<script>alert(1)</script>";
            let fields = [
                ("csrf", csrf.as_str()),
                ("action", id.as_str()),
                ("area", VILLAGE),
                ("head", name),
                ("was.head", ""),
                ("head_id_no", "34052419800101001X"),
                ("was.head_id_no", ""),
                ("address", "永安路 12 号"),
                ("was.address", ""),
                ("n0.name", name),
                ("was.n0.name", ""),
                ("n0.relation", "户主"),
                ("was.n0.relation", ""),
                ("n0.id_no", "34052419800101001X"),
                ("was.n0.id_no", ""),
            ];
            let first = zhang.post("/households/new", &fields);
            assert_eq!(first.status, 303, "{}", first.body);
            let again = zhang.post("/households/new", &fields);
            assert_eq!(
                (again.status, again.header("location")),
                (303, first.header("location")),
                "a double click is one household"
            );

            let shown = zhang.get(first.header("location"));
            assert!(shown.body.contains("&#60;script&#62;") && !shown.body.contains("<script>alert"), "a name is a name");
            assert!(!shown.body.contains("34052419800101001X"), "numbers are masked");
            for term in ["永安", "340524", "01001X"] {
                let rows = zhang.post("/households/search", &[("csrf", &csrf), ("term", term)]);
                assert!(rows.status == 200 && rows.body.contains(first.header("location")), "{term}: {}", rows.body);
            }
            assert!(zhang.post("/households/search", &[("csrf", &csrf), ("term", "没有的")]).body.contains("没有找到"));
            first.header("location").to_owned()
        })
        .await;
    let edited = record.clone();
    site.browse(move |browser| {
        let zhang = browser.sign_in("zhang", PASSWORD);
        let edit = format!("{edited}/edit");
        // Only what was changed is taken: the address came back as it was shown.
        let fields = [("phone", "13900000001"), ("was.phone", ""), ("address", "永安路 12 号"), ("was.address", "永安路 12 号")];
        assert_eq!(zhang.submit(&edit, &edit, &fields).status, 303);
        let shown = zhang.get(&edited);
        assert!(shown.body.contains("13900000001") && shown.body.contains("永安路 12 号"));
        let wrong = zhang.submit(&edit, &edit, &[("head_id_no", "340524198001010011"), ("was.head_id_no", "34052419800101001X")]);
        assert_eq!(wrong.status, 422);
        assert!(wrong.body.contains("校验位错误") && wrong.body.contains("340524198001010011"), "what was typed is still there");
    })
    .await;
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_goes_from_the_household_to_its_receipt_and_a_mistake_is_withdrawn() {
    let site = Site::open().await;
    site.browse(|browser| {
        let zhang = browser.sign_in("zhang", PASSWORD);
        let household =
            zhang.submit("/households/new", "/households/new", &[("area", VILLAGE), ("head", "张三丰"), ("was.head", "")]);
        assert_eq!(household.status, 303, "{}", household.body);
        let id = household.header("location").rsplit('/').next().unwrap_or_default().to_owned();
        let new = format!("/cases/new?household={id}");
        let opened = [
            ("household", id.as_str()),
            ("origin", "application"),
            ("assistance", "临时救助"),
            ("summary", "住院"),
            ("urgency", "urgent"),
        ];
        let case = zhang.submit(&new, "/cases/new", &opened);
        assert_eq!(case.status, 303, "{}", case.body);
        let case = case.header("location").to_owned();
        let act = format!("{case}/act");
        assert_eq!(zhang.submit(&case, &act, &[("kind", "accepted")]).status, 303);
        let page = zhang.get(&case);
        assert!(page.body.contains("待预审") && page.body.contains("受理编号"), "{}", page.body);
        let receipt = zhang.get(&format!("{case}/receipt"));
        assert!(receipt.status == 200 && receipt.body.contains("社会救助受理回执") && receipt.body.contains("张三丰"));

        // A relative of somebody who handles cases: who it is must be said, and stands on the page from then on.
        let nameless = zhang.submit(&case, &act, &[("kind", "declared"), ("of", " "), ("relation", "兄弟")]);
        assert!(nameless.status == 422 && nameless.body.contains("须写明近亲属是谁"), "{}", nameless.body);
        assert!(nameless.body.contains("兄弟"), "what was typed is still there");
        let declared = [("kind", "declared"), ("of", "村会计"), ("relation", "兄弟")];
        assert_eq!(zhang.submit(&case, &act, &declared).status, 303);
        let page = zhang.get(&case).body;
        assert!(page.contains("近亲属备案") && page.contains("村会计"), "{page}");

        // Nobody decides before pre-examination, and the page says so where it was pressed.
        let early = zhang.submit(&case, &act, &[("kind", "decided"), ("outcome", "approved"), ("amount", "2835")]);
        assert!(matches!(early.status, 403 | 409), "{}", early.body);
        let mistaken = zhang.submit(&case, &act, &[("kind", "note"), ("text", "写错了的话")]);
        assert_eq!(mistaken.status, 303);
        let page = zhang.get(&case);
        let event = page
            .body
            .split("name=\"event\" value=\"")
            .last()
            .and_then(|rest| rest.split('"').next())
            .unwrap_or_default()
            .to_owned();
        assert_eq!(zhang.submit(&case, &act, &[("kind", "withdrawn"), ("event", &event), ("reason", "写错了")]).status, 303);
        assert!(zhang.get(&case).body.contains("已撤销"));
    })
    .await;
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_use_the_same_commands_with_a_bearer_token() {
    let site = Site::open().await;
    site.browse(|browser| {
        let json = [("Content-Type", "application/json")];
        let body = format!("{{\"id\":\"zhang\",\"password\":\"{PASSWORD}\"}}");
        let signed = browser.ask("POST", "/api/v1/sign-in", &json, body.as_bytes());
        assert_eq!(signed.status, 200, "{}", signed.body);
        let signed: serde_json::Value = serde_json::from_str(&signed.body).expect("JSON");
        let bearer = format!("Bearer {}", signed["token"].as_str().unwrap_or_default());
        let headers = [("Content-Type", "application/json"), ("Authorization", bearer.as_str())];
        let command = format!("{{\"action\":\"000102030405060708090a0b0c0d0e0f\",\"command\":{{\"do\":\"register_household\",\"area\":\"{VILLAGE}\",\"row\":{{\"head\":\"王秀英\"}}}}}}");
        let one: serde_json::Value = serde_json::from_str(&browser.ask("POST", "/api/v1/commands", &headers, command.as_bytes()).body).expect("JSON");
        let two: serde_json::Value = serde_json::from_str(&browser.ask("POST", "/api/v1/commands", &headers, command.as_bytes()).body).expect("JSON");
        assert_eq!((&one["records"], &one["again"], &two["again"]), (&two["records"], &false.into(), &true.into()), "{one} {two}");
        let found = browser.ask("POST", "/api/v1/households/search", &headers, "{\"term\":\"秀英\"}".as_bytes());
        assert!(found.status == 200 && found.body.contains("王秀英"), "{}", found.body);
        let record = one["records"][0].as_str().unwrap_or_default();
        assert!(browser.ask("GET", &format!("/api/v1/households/{record}"), &headers, b"").body.contains("\"heads\""));
        let wrong = browser.ask("POST", "/api/v1/commands", &headers, b"{\"action\":\"zz\",\"command\":{\"do\":\"fly\"}}");
        assert!(wrong.status == 400 && wrong.body.contains("urn:shouwang:malformed"), "{}", wrong.body);
        // A session of a page is none of the API's.
        let cookie = browser.sign_in("zhang", PASSWORD).cookie;
        assert_eq!(browser.ask("GET", "/api/v1/tasks", &[("Cookie", &cookie)], b"").status, 401);
        assert_eq!(browser.ask("GET", "/api/v1/status", &headers, b"").status, 200);
        assert!(browser.get("/metrics").body.contains("shouwang_own_entries"));
        let description: serde_json::Value = serde_json::from_str(&browser.get("/api/v1/openapi.json").body).expect("JSON");
        assert!(description["paths"]["/api/v1/commands"]["post"].is_object());
    })
    .await;
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_see_to_accounts_and_clerks_do_not() {
    let site = Site::open().await;
    site.browse(|browser| {
        let zhang = browser.sign_in("zhang", PASSWORD);
        assert_eq!(zhang.get("/staff").status, 403);
        let gao = browser.sign_in("gao", PASSWORD);
        let added =
            gao.submit("/staff", "/staff", &[("id", "wang"), ("name", "王强"), ("role", "intake"), ("password", PASSWORD)]);
        assert!(added.status == 200 && added.body.contains("王强"), "{}", added.body);
        let wang = browser.sign_in("wang", PASSWORD);
        assert_eq!(wang.get("/today").status, 200);
        let reset = gao.submit("/staff", "/staff/reset", &[("id", "wang")]);
        assert!(reset.status == 200 && reset.body.contains("只显示这一次"), "{}", reset.body);
        assert_eq!(wang.get("/today").status, 303, "a new password ends old sessions");
        assert_eq!(gao.submit("/staff", "/staff/disable", &[("id", "zhang")]).status, 200);
        assert_eq!(zhang.get("/today").status, 303, "a shut account is out at once");
        assert_eq!(gao.submit("/staff", "/staff/enable", &[("id", "zhang")]).status, 200);
        let zhang = browser.sign_in("zhang", PASSWORD);
        let roles = gao.submit("/staff", "/staff/roles", &[("id", "zhang"), ("role", "auditor")]);
        assert!(roles.status == 200 && roles.body.contains("审计员"), "{}", roles.body);
        assert_eq!(gao.submit("/staff", "/staff/roles", &[("id", "zhang")]).status, 422, "somebody without a role");
        let term = |until| gao.submit("/staff", "/staff/term", &[("id", "zhang"), ("from", ""), ("until", until)]);
        assert_eq!(term("2026-13-01").status, 422);
        assert!(term("2019-05-29").body.contains("已到期"));
        assert_eq!(zhang.get("/today").status, 303, "out with the last day");
    })
    .await;
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_one_time_code_makes_the_first_administrator() {
    let site = Site::bare().await;
    let code = site.desk.one_time_code().await.expect("a code").expect("nobody has a password");
    site.browse(move |browser| {
        let fields = |code: &str| {
            [("code", code), ("id", "chen"), ("name", "陈某"), ("password", PASSWORD), ("again", PASSWORD)]
                .map(|(k, v)| (k, v.to_owned()))
        };
        let post = |code: &str| {
            let owned = fields(code);
            browser.post("/first", &owned.each_ref().map(|(name, value)| (*name, value.as_str())))
        };
        assert_eq!(post("AAAA-AAAA-AAAA").status, 401);
        let made = post(&code);
        assert_eq!((made.status, made.header("location")), (303, "/today"), "{}", made.body);
        assert_eq!(post(&code).status, 401, "once");
        assert_eq!(browser.sign_in("chen", PASSWORD).get("/staff").status, 200);
    })
    .await;
    site.close().await;
}

#[tokio::test]
async fn pages_beyond_this_machine_are_refused() {
    let refused = web::bind("0.0.0.0:0".parse().expect("an address")).await.expect_err("refused");
    assert!(refused.to_string().contains("only 127.0.0.1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_looked_at_before_it_is_brought_in() {
    let site = Site::open().await;
    site.browse(|browser| {
        let zhang = browser.sign_in("zhang", PASSWORD);
        let csrf = zhang.get("/import").hidden("csrf");
        let rows = format!(
            "{{\"id\":\"a\",\"region\":\"{VILLAGE}\",\"head\":\"王秀英\"}}\n{{\"id\":\"b\",\"region\":\"000000000000\",\"head\":\"李某\"}}\n{{oops\n"
        );
        let upload = |csrf: &str| {
            let part = |name: &str, more: &str, text: &str| {
                format!("--xx\r\nContent-Disposition: form-data; name=\"{name}\"{more}\r\n\r\n{text}\r\n")
            };
            let body = part("csrf", "", csrf) + &part("file", "; filename=\"名册.jsonl\"", &rows) + "--xx--\r\n";
            let origin = format!("http://{}", zhang.at);
            let headers = [("Origin", origin.as_str()), ("Content-Type", "multipart/form-data; boundary=xx")];
            zhang.ask("POST", "/import", &headers, body.as_bytes())
        };
        assert_eq!(upload("00000000000000000000000000000000").status, 403);
        let preview = upload(&csrf);
        assert!(preview.status == 200 && preview.body.contains("还没有写入") && preview.body.contains("导入 1 户"), "{}", preview.body);
        assert!(zhang.post("/households/search", &[("csrf", &csrf), ("term", "秀英")]).body.contains("没有找到"), "nothing is written yet");
        let rejects = zhang.get("/import/rejects");
        assert!(rejects.header("content-disposition").starts_with("attachment") && rejects.body.lines().count() == 2, "{}", rejects.body);
        let fields = [("csrf", csrf.as_str()), ("action", "00112233445566778899aabbccddeeff")];
        assert!(zhang.post("/import/go", &fields).body.contains("导入完成"));
        assert_eq!(zhang.post("/import/go", &fields).status, 409, "what was brought in is not brought in again");
        assert!(zhang.post("/households/search", &[("csrf", &csrf), ("term", "秀英")]).body.contains("王秀英"));
        let li = browser.sign_in("li", PASSWORD);
        assert_eq!((li.get("/import").status, li.get("/import/rejects").status), (403, 404), "not an approver's matter, nor their file");
    })
    .await;
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_previewed_by_fields_and_an_export_asks_what_for() {
    let site = Site::open().await;
    site.browse(|browser| {
        let zhang = browser.sign_in("zhang", PASSWORD);
        let csrf = zhang.get("/import").hidden("csrf");
        let upload = |name: &str, text: &str| {
            let part = |name: &str, more: &str, text: &str| {
                format!("--xx\r\nContent-Disposition: form-data; name=\"{name}\"{more}\r\n\r\n{text}\r\n")
            };
            let body = part("csrf", "", &csrf) + &part("file", &format!("; filename=\"{name}\""), text) + "--xx--\r\n";
            let origin = format!("http://{}", zhang.at);
            let headers = [("Origin", origin.as_str()), ("Content-Type", "multipart/form-data; boundary=xx")];
            zhang.ask("POST", "/import", &headers, body.as_bytes())
        };
        let go = || zhang.post("/import/go", &[("csrf", csrf.as_str()), ("action", "00112233445566778899aabbccddeeff")]);
        let rows = |phone: &str| (0..60).map(|n| format!("T{n},王秀英{n},{VILLAGE},{phone}{n:02}\n")).collect::<String>();
        let header = "户编号,户主姓名,区划代码,联系电话\n";
        assert!(upload("名册.csv", &format!("{header}{}", rows("139000000"))).body.contains("导入 60 户"));
        assert!(go().body.contains("导入完成"));
        let preview = upload("名册.csv", &format!("{header}{}T99,李某,{VILLAGE},-,\nT98,,{VILLAGE},\n", rows("137000000")));
        assert!(preview.body.contains("<del>13900000000</del> → <ins>13700000000</ins>"), "{}", preview.body);
        assert!(preview.body.contains("第 1 到 50 户，共 60 户") && preview.body.contains("缺少户主姓名"), "{}", preview.body);
        let further = zhang.get("/import/preview?from=50");
        assert!(further.body.contains("<ins>13700000059</ins>") && !further.body.contains("<ins>13700000000</ins>"));
        assert!(zhang.get("/import/rejects").body.contains("\"line\":63"));
        assert!(upload("说明.csv", "没有,表头\n").body.contains("找不到表头"), "and the page is ready for another file");

        let page = zhang.get("/households/export");
        assert!(page.status == 200 && zhang.get("/households").body.contains("/households/export"));
        let fields = |purpose: &'static str| [("what", "households"), ("form", "csv"), ("area", VILLAGE), ("purpose", purpose)];
        let silent = zhang.submit("/households/export", "/households/export", &fields(""));
        assert!(silent.status == 422 && silent.body.contains("用途"), "{}", silent.body);
        let file = zhang.submit("/households/export", "/households/export", &fields("年度复核"));
        assert_eq!((file.status, file.header("content-type")), (200, "text/csv; charset=utf-8"));
        assert!(
            file.header("content-disposition").starts_with("attachment") && file.body.contains("\"王秀英59\""),
            "{}",
            file.body
        );
        assert_eq!(file.header("cache-control"), "no-store");
        assert!(!zhang.get("/households/export").body.contains("年度复核"), "who took what is not a reviewer's matter");
        let gao = browser.sign_in("gao", PASSWORD);
        assert!(gao.get("/households/export").body.contains("年度复核"));
        // Figures are taken out from the pages that show them, asked in the same way.
        for (page, link, ending, holds) in [
            ("/years/2019", "/households/export?when=2019&amp;what=years", "csv", "受助净额"),
            ("/statistics?when=2019&by=fund", "/households/export?when=2019&amp;what=statistics&amp;by=fund", "xlsx", ""),
            ("/statistics/items?when=2019", "/households/export?when=2019&amp;what=statistics_items", "csv", "\"日期\""),
            ("/statistics/cases?when=2019", "/households/export?when=2019&amp;what=statistics_cases", "csv", "\"事项编号\""),
        ] {
            let body = zhang.get(page).body;
            let there = body.contains(&link.replace("&amp;", "&#38;")) || body.contains(link);
            assert!(there, "{page}: {body}");
            let form = link.replace("&amp;", "&");
            assert!(zhang.get(&form).body.contains("2019年"), "it says what goes out");
            let (what, of) = (zhang.get(&form).hidden("what"), zhang.get(&form).hidden("of"));
            let fields = [("what", what.as_str()), ("of", of.as_str()), ("form", ending), ("purpose", "年报")];
            let file = zhang.submit(&form, "/households/export", &fields);
            assert!(file.status == 200 && file.body.contains(holds), "{page}: {} {}", file.status, file.body);
            assert!(file.header("content-disposition").contains(&format!(".{ending}")));
        }
        let spoiled = [("what", "statistics"), ("of", "when=never"), ("form", "xlsx"), ("purpose", "年报")];
        assert_eq!(zhang.submit("/households/export", "/households/export", &spoiled).status, 404);
        assert!(gao.get("/households/export").body.contains("综合统计"));
        let li = browser.sign_in("li", PASSWORD);
        assert_eq!(li.get("/households/export").status, 403);
        let own = li.get("/households").hidden("csrf");
        let forced = [[("csrf", own.as_str())].as_slice(), &fields("看看")].concat();
        assert_eq!(li.post("/households/export", &forced).status, 403, "checked at the Desk");
    })
    .await;
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_node_asks_for_the_passphrase_and_then_gives_the_listener_back() {
    let listener = web::bind("127.0.0.1:0".parse().expect("an address")).await.expect("binds");
    let browser = Browser { at: listener.local_addr().expect("an address"), cookie: String::new() };
    let locked = tokio::spawn(web::unlock::until_unlocked(listener, |passphrase| async move {
        if passphrase.as_str() == "open sesame" { Ok(42) } else { Err("wrong".to_owned()) }
    }));
    let steps = browser.clone();
    tokio::task::spawn_blocking(move || {
        assert_eq!(steps.get("/today").header("location"), "/unlock");
        assert!(steps.get("/unlock").body.contains("口令"));
        assert_eq!(steps.post_from("http://evil.example", "/unlock", &[("passphrase", "open sesame")]).status, 403);
        assert_eq!(steps.post("/unlock", &[("passphrase", "wrong")]).status, 401);
        let opened = steps.post("/unlock", &[("passphrase", "open sesame")]);
        assert_eq!((opened.status, opened.header("location")), (303, "/sign-in"));
    })
    .await
    .expect("the steps");
    let (listener, opened) = locked.await.expect("ends").expect("unlocked");
    assert_eq!((listener.local_addr().expect("an address"), opened), (browser.at, 42));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_policy_list_is_read_asked_and_revised_by_new_packs() {
    let site = Site::open().await;
    site.browse(|browser| {
        let zhang = browser.sign_in("zhang", PASSWORD);
        let list = zhang.get("/policies").body;
        assert!(list.contains("43 条") && list.contains("样例政策包") && !list.contains("新增政策"), "{list}");
        let found = zhang.get(&format!("/policies?q={}", percent("生活补贴"))).body;
        assert!(found.contains("困难残疾人生活补贴") && !found.contains("疾病应急救助"), "{found}");
        let one = zhang.get(&format!("/policies/{}", percent("民政-01"))).body;
        assert!(one.contains("最低生活保障") && one.contains("须人工核实") && !one.contains("修订"), "{one}");
        assert_eq!(zhang.get("/policies/none").status, 404);
        assert_eq!(zhang.get("/policies/revise").status, 403);

        let csrf = zhang.get("/policies/match").hidden("csrf");
        let answers = [("csrf", csrf.as_str()), ("income_year", "12000"), ("age1", "44"), ("disabled1", "1"), ("age2", "9")];
        let told = zhang.post("/policies/match", &answers).body;
        assert!(told.contains("可能符合") && told.contains("核算年收入 12000.00元") && told.contains("不是审批结论"), "{told}");
        let wrong = zhang.post("/policies/match", &[("csrf", &csrf), ("age1", "一百")]).body;
        assert!(wrong.contains("第 1 人的年龄应为"), "{wrong}");

        let gao = browser.sign_in("gao", PASSWORD);
        let page = format!("/policies/revise?code={}", percent("民政-01"));
        let fields = [
            ("code", "民政-01"),
            ("name", "最低生活保障"),
            ("department", "民政局"),
            ("kind", "最低生活保障"),
            ("source", "样例"),
            ("from", "2019-01-01"),
            ("pack_from", "2026-01-01"),
            ("text", "新的全文\r\n\r\n第二段"),
        ];
        let typed = [&fields[..], &[("conditions", "收入低 | household.incme < 1")]].concat();
        let refused = gao.submit(&page, "/policies/revise", &typed);
        assert!(refused.status == 422 && refused.body.contains("没有“incme”这一栏目"), "{}", refused.body);
        assert!(refused.body.contains("household.incme"), "what was typed is still there");
        let typed = [&fields[..], &[("conditions", "收入低 | household.income_year < 1\r\n户籍在本市")]].concat();
        assert_eq!(gao.submit(&page, "/policies/revise", &typed).status, 303);
        let one = zhang.get(&format!("/policies/{}", percent("民政-01"))).body;
        assert!(one.contains("2026-01-01-01") && one.contains("<p>第二段</p>") && one.contains("户籍在本市"), "{one}");
        // A row of a table: what would change is shown first, and only what was seen is published.
        assert_eq!(zhang.get("/policies/tables/amounts/row").status, 403);
        let amounts = zhang.get("/policies/tables/amounts").body;
        assert!(amounts.contains("低保标准") && !amounts.contains("/row?code="), "{amounts}");
        let row = "/policies/tables/amounts/row";
        let page = format!("{row}?code={}", percent("低保标准"));
        let unset = [("code", "低保标准"), ("row", "低保标准"), ("name", "低保标准"), ("fen", ""), ("pack_from", "2026-01-01")];
        let sourceless = gao.submit(&page, row, &unset);
        assert!(sourceless.status == 422 && sourceless.body.contains("没有填写“依据”"), "{}", sourceless.body);
        let unset = [&unset[..], &[("unit", "元/人·月"), ("source", "待定")]].concat();
        let unseen = gao.submit(&page, row, &[&unset[..], &[("do", "publish"), ("seen", "")]].concat());
        let told = ["将改动 2 处", "<span class=\"was\">945.00</span>", "未填"];
        assert!(unseen.status == 200 && told.iter().all(|part| unseen.body.contains(part)), "{}", unseen.body);
        let seen = unseen.hidden("seen");
        let other = [&unset[..4], &[("unit", "元"), ("source", "待定"), ("pack_from", "2026-01-01")]].concat();
        let changed = gao.submit(&page, row, &[&other[..], &[("do", "publish"), ("seen", &seen)]].concat());
        assert!(changed.status == 200 && changed.body.contains("将改动 3 处"), "something else was seen: {}", changed.body);
        let done = gao.submit(&page, row, &[&unset[..], &[("do", "publish"), ("seen", &seen)]].concat());
        assert_eq!((done.status, done.header("location")), (303, "/policies/tables/amounts"), "{}", done.body);
        let list = zhang.get("/policies").body;
        assert!(list.contains("2026-01-01-02") && list.matches("未设定</span>").count() == 4, "{list}");
        // Conditions are tried before they are shown, and what was typed is still there.
        let row = "/policies/tables/statuses/row";
        let page = format!("{row}?code={}", percent("低保边缘户"));
        assert_eq!(gao.get(&page).status, 404, "a word is no code");
        let page = format!("{row}?code={}", percent("最低生活保障家庭"));
        let of = |conditions: &'static str| {
            [
                ("code", "最低生活保障家庭"),
                ("row", "最低生活保障家庭"),
                ("words", "低保户"),
                ("conditions", conditions),
                ("reviews", "每年复核 | 12"),
                ("source", "样例"),
                ("pack_from", "2026-02-01"),
                ("do", "preview"),
            ]
        };
        let wrong = gao.submit(&page, row, &of("没有车 | household.vehicls == 0"));
        assert!(
            wrong.status == 422 && wrong.body.contains("没有“household.vehicls”这一栏目")
                || wrong.body.contains("没有“vehicls”这一栏目"),
            "{}",
            wrong.body
        );
        assert!(wrong.body.contains("household.vehicls == 0"));
        let right = gao.submit(&page, row, &of("没有车 | household.vehicles == 0"));
        assert!(right.status == 200 && right.body.contains("发布新的政策包"), "{}", right.body);
    })
    .await;
    site.close().await;
}

/// Serves for a while with households of a file: `SHOUWANG_LOOK=FILE.jsonl cargo test … -- --ignored look --nocapture`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "for looking at the pages with a browser"]
async fn look() {
    let site = Site::open().await;
    let file = std::env::var("SHOUWANG_LOOK").expect("SHOUWANG_LOOK names a household file");
    let console = site.desk.console().await.expect("the console");
    let report = site.desk.import_file(&console, file.as_ref(), |_, _| {}).await.expect("imports");
    work::seed(&site).await;
    println!("http://{} {report:?}", site.browser.at);
    tokio::time::sleep(std::time::Duration::from_secs(1_800)).await;
    site.close().await;
}
