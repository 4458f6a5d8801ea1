//! Care projects as a browser sees them: the library, its editor, booking from a case, the conflict, the dictionary.

use super::*;

fn encoded(text: &str) -> String {
    text.bytes().map(|b| format!("%{b:02X}")).collect()
}

/// The part of a page from `from` on.
fn after<'a>(page: &'a str, from: &str) -> &'a str {
    page.split_once(from).unwrap_or_else(|| panic!("{from} in {page}")).1
}

#[tokio::test(flavor = "multi_thread")]
async fn item_13_a_need_is_assessed_a_place_booked_and_confirmed_on_the_pages() {
    let site = Site::open().await;
    site.browse(move |browser| {
        let (zhang, gao) = (browser.sign_in("zhang", PASSWORD), browser.sign_in("gao", PASSWORD));
        assert!(zhang.get("/projects").body.contains("没有这样的项目"));
        let fields = [
            ("name", "精神康复陪伴"),
            ("kind", "A5"),
            ("provider", "社工服务中心"),
            ("capacity", "1"),
            ("from", "2020-01-01"),
            ("until", ""),
            ("areas", "320582100000"),
            ("villages", ""),
            ("conditions", "愿意接受上门"),
            ("contact", ""),
            ("description", "每两周上门一次。"),
            ("open", "是"),
        ];
        let wrong: Vec<(&str, &str)> =
            fields.iter().map(|(name, value)| if *name == "capacity" { (*name, "零") } else { (*name, *value) }).collect();
        let refused = zhang.submit("/projects/new", "/projects/new", &wrong);
        assert!(refused.status == 422 && refused.body.contains("名额应为 1 到 10000 的整数"), "{}", refused.body);
        assert!(
            refused.body.contains("value=\"精神康复陪伴\"") && refused.body.contains("每两周上门一次。"),
            "what was typed stays"
        );
        let elsewhere: Vec<(&str, &str)> =
            fields.iter().map(|(name, value)| if *name == "villages" { (*name, "农联村") } else { (*name, *value) }).collect();
        let refused = zhang.submit("/projects/new", "/projects/new", &elsewhere);
        assert!(refused.status == 422 && refused.body.contains("服务区域应为 12 位区划代码"), "{}", refused.body);
        assert!(refused.body.contains("value=\"320582100000\" checked"), "what was ticked stays");
        let made = zhang.submit("/projects/new", "/projects/new", &fields);
        let page = made.header("location").to_owned();
        assert!(made.status == 303 && page.starts_with("/projects/"), "{}", made.body);
        let shown = zhang.get(&page).body;
        assert!(shown.contains("1 个名额，余 1") && shown.contains("杨舍镇") && shown.contains("还没有预约"), "{shown}");

        // The library filters by class, kind, area, provider and words.
        for (asked, found) in [
            ("class=A", true),
            ("class=B", false),
            ("kind=A5&provider=", true),
            (&format!("q={}", encoded("上门 康复")) as &str, true),
            (&format!("q={}", encoded("助餐")), false),
            (&format!("area={VILLAGE}"), true),
            (&format!("provider={}", encoded("慈善总会")), false),
        ] {
            assert_eq!(zhang.get(&format!("/projects?{asked}")).body.contains("精神康复陪伴</a>"), found, "{asked}");
        }
        assert_eq!(zhang.get("/projects?area=zz").status, 404);

        // Two pleas, assessed; what fits is offered with the reasons and booked in one step.
        let mut cases = Vec::new();
        for who in ["唐女士", "钱先生"] {
            let clue =
                [("origin", "plea"), ("area", VILLAGE), ("applicant", who), ("summary", "儿子患病"), ("urgency", "normal")];
            let opened = zhang.submit("/clues/new", "/clues/new", &clue);
            let case = opened.header("location").to_owned();
            assert!(case.starts_with("/cases/"), "{}", opened.body);
            let act = format!("{case}/act");
            let empty = zhang.submit(&case, &act, &[("kind", "needs-assessed"), ("text", " ")]);
            assert!(empty.status == 422 && empty.body.contains("须写明有什么需求"), "{}", empty.body);
            let needs = [("kind", "needs-assessed"), ("needs", "精神康复"), ("needs", "心理疏导"), ("text", "拒绝治疗")];
            assert_eq!(zhang.submit(&case, &act, &needs).status, 303);
            let body = zhang.get(&case).body;
            assert!(body.contains("精神康复、心理疏导，拒绝治疗") && body.contains("对应需求：精神康复"), "{body}");
            let project = after(&body, "name=\"project\" value=\"").split('"').next().expect("a project").to_owned();
            let book = [("kind", "booked"), ("project", &project), ("places", "1"), ("whom", "儿子"), ("note", "")];
            let booked = zhang.submit(&case, &act, &book);
            assert_eq!(booked.status, 303, "{}", booked.body);
            let again = zhang.submit(&case, &act, &book);
            assert!(again.status == 409 && again.body.contains("已经预约了这个项目"), "{} {}", again.status, again.body);
            cases.push(case);
        }

        // The conflict is on the day's list, on its page, on the project's and on the case's.
        assert!(zhang.get("/today").body.contains("1 个项目名额冲突待核定"));
        let conflicts = zhang.get("/projects/conflicts").body;
        assert!(
            conflicts.contains("唐女士（儿子）") && conflicts.contains("钱先生（儿子）") && conflicts.contains("还差 1 个名额")
        );
        assert!(zhang.get(&cases[1]).body.contains("名额冲突"));
        let settle = format!("{page}/settle");
        let of = |case: &str| {
            let body = zhang.get(&page).body;
            let name = case.trim_start_matches("/cases/").to_owned();
            let booking = after(after(&body, &format!("name=\"case\" value=\"{name}\"")), "name=\"booking\" value=\"");
            (name, booking.split('"').next().expect("a booking").to_owned())
        };
        let (first, second) = (of(&cases[0]), of(&cases[1]));
        let say = |(case, booking): &(String, String), outcome: &str, note: &str| {
            let fields =
                [("case", case.as_str()), ("booking", booking), ("outcome", outcome), ("note", note), ("back", "conflicts")];
            zhang.submit("/projects/conflicts", &settle, &fields)
        };
        let told = zhang.submit("/projects/conflicts", &format!("{page}/tell"), &[("back", "conflicts")]);
        assert_eq!((told.status, told.header("location")), (303, "/projects/conflicts"));
        assert!(zhang.get(&cases[1]).body.contains("1 个名额，前面已有 1 个"));
        let out_of_turn = say(&second, "confirm", "");
        assert!(out_of_turn.status == 422 && out_of_turn.body.contains("不按先后确认的须写明理由"), "{}", out_of_turn.body);
        assert_eq!(say(&second, "nothing", "").status, 400);
        assert_eq!(say(&first, "confirm", "").status, 303);
        let full = say(&second, "confirm", "更急");
        assert!(full.status == 409 && full.body.contains("名额已满"), "{}", full.body);
        assert!(say(&second, "decline", "").body.contains("不予确认须写明理由"));
        assert_eq!(say(&second, "decline", "下一期优先").status, 303);
        let body = zhang.get(&cases[1]).body;
        assert!(body.contains("未予确认") && body.contains("下一期优先"), "{body}");
        assert!(zhang.get("/projects/conflicts").body.contains("没有名额冲突"));
        let end = [("kind", "booking-ended"), ("booking", first.1.as_str()), ("attendance", "attended"), ("text", "愿意出门了")];
        assert_eq!(zhang.submit(&cases[0], &format!("{}/act", cases[0]), &end).status, 303);
        assert!(zhang.get(&cases[0]).body.contains("全程参加，愿意出门了"));

        // The project is changed, with its history; the dictionary by an administrator.
        let mut more = fields;
        more[3].1 = "2";
        let edit = format!("{page}/edit");
        assert_eq!(zhang.submit(&edit, &edit, &more).status, 303);
        let shown = zhang.get(&page).body;
        assert!(shown.contains("<span class=\"was\">1</span> <span class=\"now\">2</span>") && shown.contains("张婕"), "{shown}");
        let kinds = gao.get("/projects/kinds").body;
        assert!(
            kinds.contains("4 大类 24 小类")
                && kinds.contains("（样例）")
                && kinds.contains("/policies/tables/project_kinds/row?code=A5")
        );
        assert!(!zhang.get("/projects/kinds").body.contains("修订"), "a clerk reads it");
        assert_eq!(zhang.get("/policies/tables/project_kinds/row?code=A5").status, 403);
        let form = gao.get("/policies/tables/project_kinds/row?code=A5").body;
        let today = after(after(&form, "name=\"pack_from\""), "value=\"").split('"').next().expect("a day").to_owned();
        let kind = [
            ("code", "A5"),
            ("row", "A5"),
            ("name", "康复同行"),
            ("class", "A"),
            ("needs", "精神康复"),
            ("source", "样例"),
            ("pack_from", &today),
        ];
        let (page, to) = ("/policies/tables/project_kinds/row?code=A5", "/policies/tables/project_kinds/row");
        let seen = gao.submit(page, to, &kind).hidden("seen");
        let saved = gao.submit(page, to, &[&kind[..], &[("do", "publish"), ("seen", &seen)]].concat());
        assert_eq!((saved.status, saved.header("location")), (303, "/policies/tables/project_kinds"), "{}", saved.body);
        assert!(gao.get("/projects/kinds").body.contains("康复同行"));
        let need = [("code", "托养"), ("row", "托养"), ("name", ""), ("source", "样例"), ("pack_from", &today)];
        assert_eq!(
            gao.submit("/policies/tables/needs/row?code=%E6%89%98%E5%85%BB", "/policies/tables/needs/row", &need).status,
            422
        );
    })
    .await;
    site.close().await;
}

/// A row of the form for the division of places.
fn row<'a>(names: &'a [String; 4], texts: [&'a str; 4]) -> [(&'a str, &'a str); 4] {
    std::array::from_fn(|at| (names[at].as_str(), texts[at]))
}

fn names(number: usize) -> [String; 4] {
    ["area", "from", "until", "places"].map(|column| format!("share-{number}-{column}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn item_13_places_are_divided_by_area_and_period_and_booked_by_period_on_the_pages() {
    let site = Site::open().await;
    site.browse(move |browser| {
        let zhang = browser.sign_in("zhang", PASSWORD);
        let fields = [
            ("name", "精神康复陪伴"),
            ("kind", "A5"),
            ("provider", "社工服务中心"),
            ("capacity", ""),
            ("from", "2090-01-01"),
            ("until", ""),
            ("areas", "320582100000"),
            ("description", ""),
            ("open", "是"),
        ];
        let (first, second) = (names(0), names(2));
        let (july, august) = (["杨舍镇", "2090-07-01", "2090-07-31", "1"], ["", "2090-08-01", "2090-08-31", "2"]);
        let made = |first_row: [&str; 4], more: &[(&str, &str)]| {
            zhang.submit(
                "/projects/new",
                "/projects/new",
                &[&fields[..], &row(&first, first_row), &row(&second, august), more].concat(),
            )
        };
        let more = made(july, &[("more", "1")]);
        assert!(more.status == 200 && more.body.contains("value=\"2090-07-01\"") && more.body.contains("share-5-area"));
        assert!(!more.body.contains("share-6-area") && more.body.contains("<option value=\"杨舍镇农联村\">"), "{}", more.body);
        let wrong = made(["金港镇", "2090-07-01", "2090-07-31", "1"], &[]);
        assert!(wrong.status == 422 && wrong.body.contains("第 1 行：没有“金港镇”这一区域"), "{}", wrong.body);
        assert!(wrong.body.contains("value=\"金港镇\"") && wrong.body.contains("value=\"2090-08-31\""), "what was typed stays");
        let early = made(["杨舍镇", "2089-07-01", "2089-07-31", "1"], &[]);
        assert!(early.status == 422 && early.body.contains("早于项目的开始日期"), "{}", early.body);
        let made = made(july, &[]);
        let page = made.header("location").to_owned();
        assert!(made.status == 303 && page.starts_with("/projects/"), "{}", made.body);
        let shown = zhang.get(&page).body;
        assert!(shown.contains("3 个名额，余 3") && shown.contains("名额分配") && shown.contains("全部服务区域"), "{shown}");

        // Two pleas in the township; both ask for July, of which there is one.
        let mut cases = Vec::new();
        for (who, left) in [("唐女士", "余 1"), ("钱先生", "都有人预约了，排在后面")] {
            let clue =
                [("origin", "plea"), ("area", VILLAGE), ("applicant", who), ("summary", "儿子患病"), ("urgency", "normal")];
            let case = zhang.submit("/clues/new", "/clues/new", &clue).header("location").to_owned();
            let act = format!("{case}/act");
            let needs = [("kind", "needs-assessed"), ("needs", "精神康复"), ("text", "")];
            assert_eq!(zhang.submit(&case, &act, &needs).status, 303);
            let body = zhang.get(&case).body;
            assert!(
                body.contains(&format!("2090-07-01 至 2090-07-31（{left}）")) && body.contains("2090-08-31（余 2）"),
                "{body}"
            );
            let project = after(&body, "name=\"project\" value=\"").split('"').next().expect("a project").to_owned();
            let book = [("kind", "booked"), ("project", &project), ("from", "2090-07-01"), ("places", "1"), ("whom", "")];
            let booked = zhang.submit(&case, &act, &book);
            assert_eq!(booked.status, 303, "{}", booked.body);
            cases.push((case, project));
        }
        let conflicts = zhang.get("/projects/conflicts").body;
        assert!(conflicts.contains("还差 1 个名额（杨舍镇 2090-07-01 至 2090-07-31）"), "{conflicts}");
        let body = zhang.get(&page).body;
        let booking =
            after(after(&body, "name=\"case\""), "name=\"booking\" value=\"").split('"').next().expect("one").to_owned();
        let name = cases[0].0.trim_start_matches("/cases/");
        let give = [("case", name), ("booking", booking.as_str()), ("outcome", "confirm"), ("note", "")];
        let given = zhang.submit(&page, &format!("{page}/settle"), &give);
        assert_eq!(given.status, 303, "{}", given.body);
        let (case, project) = &cases[1];
        let body = zhang.get(case).body;
        assert!(body.contains("1 个名额，前面已有 1 个") && !body.contains("<option value=\"2090-07-01\""), "{body}");
        let book = [("kind", "booked"), ("project", project.as_str()), ("from", "2090-08-01"), ("places", "1"), ("whom", "")];
        assert_eq!(zhang.submit(case, &format!("{case}/act"), &book).status, 303, "August is free");

        // The form has the rows; what was given stays.
        let edit = format!("{page}/edit");
        let form = zhang.get(&edit).body;
        assert!(form.contains("value=\"杨舍镇\"") && form.contains("value=\"全市\""), "{form}");
        let taken = zhang.submit(&edit, &edit, &[&fields[..], &row(&second, august)].concat());
        assert!(taken.status == 422 && taken.body.contains("已确认 1 个名额，不能少于它，也不能删去"), "{}", taken.body);
        let more = ["杨舍镇", "2090-07-01", "2090-07-31", "2"];
        let saved = zhang.submit(&edit, &edit, &[&fields[..], &row(&first, more), &row(&second, august)].concat());
        assert_eq!(saved.status, 303, "{}", saved.body);
        let shown = zhang.get(&page).body;
        assert!(shown.contains("杨舍镇 2090-07-01 至 2090-07-31 2 个"), "the history says so: {shown}");
        assert!(zhang.get("/projects/conflicts").body.contains("没有名额冲突"));
    })
    .await;
    site.close().await;
}
