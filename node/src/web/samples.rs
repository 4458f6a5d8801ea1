//! Every page with invented data, written to a directory for looking at (`SHOUWANG_PAGES=/tmp/pages`): long names,
//! thirty rows, empty and error states. The test fails only when a template does.

use super::page::error::*;
use super::page::household::*;
use super::page::household_edit::*;
use super::page::households::*;
use super::page::today::*;
use super::view::*;
use askama::Template;
use office::*;

mod checks;
mod lists;
mod months;
mod moves;
mod office;
mod projects;

const LONG: &str = "买买提江·阿卜杜热合曼·吐尔逊尼亚孜·艾合买提江·麦麦提依明";

fn frame(title: &str, here: &str) -> Frame {
    let item = |href: &'static str, label: &'static str, count: u64| NavItem { href, label, count, here: label == here };
    Frame {
        title: title.into(),
        office: "经开区（杨舍镇）民政办".into(),
        person: "张婕".into(),
        nav: vec![
            item("/today", "今日", 7),
            item("/households", "家庭", 0),
            item("/cases", "事项", 0),
            item("/clues/new", "线索求助", 2),
            item("/inbox", "转来", 1),
            item("/import", "导入", 0),
            item("/projects", "项目", 0),
            item("/staff", "人员", 0),
            item("/sync", "同步", 0),
        ],
        csrf: "c".into(),
        banners: Vec::new(),
        link: Some((true, "已连市级".into())),
        change: 1,
    }
}

fn stub() -> Stub {
    Stub { csrf: "c".into(), action: "00112233445566778899aabbccddeeff".into(), heads: "ab".into() }
}

fn ticks(n: usize) -> Ticks {
    Ticks { steps: ["本机", "镇", "市"].into_iter().enumerate().map(|(i, label)| (label, i < n)).collect() }
}

fn today(empty: bool) -> TodayPage {
    let task = |i: usize| TaskRow {
        href: "#".into(),
        what: ["核实预警", "受理申请", "预审", "签收转办", "登记发放"][i % 5].into(),
        title: match i % 4 {
            0 => "因病致贫预警 · 张某某".into(),
            1 => format!("临时救助 · {LONG}"),
            2 => "教育救助 · 李某".into(),
            _ => "最低生活保障 · 欧阳某某".into(),
        },
        note: if i == 0 { "住院自付 86,200 元，数据截至 2019-05-28".into() } else { String::new() },
        area: ["农联村", "善港村", "城东社区居民委员会"][i % 3].into(),
        since: "2019-05-29".into(),
        due: match i {
            0 => Chip::new(Tone::Bad, "今天到期"),
            1 => Chip::new(Tone::Bad, "已超 2 天"),
            2 | 3 => Chip::new(Tone::Warn, "还有 2 个工作日"),
            _ => Chip::new(Tone::Plain, "6月14日前"),
        },
        urgent: i < 2,
    };
    let mut page = TodayPage {
        frame: frame("今日待办", "今日"),
        date: "2019年5月29日 星期三".into(),
        summary: "2 件急办，1 件超期".into(),
        mine: true,
        batch: true,
        total: 24,
        tasks: (0..18).map(task).collect(),
        tiles: vec![
            ("家庭", "1,204".into(), Tone::Plain),
            ("在办", "63".into(), Tone::Plain),
            ("待上传", "12".into(), Tone::Warn),
        ],
        troubles: vec![("/sync", "3 条记录没有生效，上级未采纳".into()), ("/households", "2 户有不一致的内容等待确认".into())],
    };
    if empty {
        page.frame.link = Some((false, "离线 · 12 条待上传".into()));
        page.frame.banners = vec![
            Banner {
                tone: Tone::Bad,
                title: "磁盘已满，暂时只能查看".into(),
                text: "已保存的内容都在。请清理磁盘，程序会自动恢复写入，不用重启。".into(),
            },
            Banner {
                tone: Tone::Warn,
                title: "这台电脑的时间不对".into(),
                text: "比上级快了 3 天。办理日期会按先后次序更正，请先校准系统时间。".into(),
            },
            Banner {
                tone: Tone::Accent,
                title: "与上级断开".into(),
                text: "最近一次联网 5月28日 17:40。照常办理，内容都存在本机，联网后自动上传。".into(),
            },
        ];
        (page.tasks, page.total, page.troubles, page.summary) = (Vec::new(), 0, Vec::new(), String::new());
    }
    page
}

fn household_row(i: usize) -> HouseholdRow {
    HouseholdRow {
        id: "x".into(),
        head: match i % 5 {
            1 => LONG.into(),
            3 => "<script>alert(1)</script>".into(),
            _ => ["张三丰", "李某", "王秀英", "欧阳建国", "陈𠮷"][i % 5].into(),
        },
        matched: if i == 2 { "成员：王小明（子）".into() } else { String::new() },
        id_no: "320***********0017".into(),
        village: ["农联村", "善港村", "城东社区"][i % 3].into(),
        address: if i.is_multiple_of(4) {
            "经济技术开发区（杨舍镇）农联村第十二村民小组 永安路 118 弄 6 号 302 室".into()
        } else {
            "永安路 12 号".into()
        },
        people: (i % 6 + 1).to_string(),
        category: ["最低生活保障家庭", "特困人员", "刚性支出困难家庭", ""][i % 4].into(),
        chips: if i == 0 {
            vec![Chip::new(Tone::Bad, "待确认")]
        } else if i == 3 {
            vec![Chip::new(Tone::Accent, "在办 2")]
        } else {
            Vec::new()
        },
    }
}

fn households(n: usize, term: &str) -> HouseholdsPage {
    HouseholdsPage {
        frame: frame("家庭档案", "家庭"),
        total: if n == 0 && term.is_empty() { "0".into() } else { "1,204".into() },
        term: term.into(),
        category: Field::select("category", "身份类别", Choice::list([("", "全部身份类别"), ("特困人员", "特困人员")], "")),
        along: [String::new(), String::new()],
        narrowed: if n == 0 { String::new() } else { "2018-12-31 的类别，所选区划".into() },
        rows: (0..n).map(household_row).collect(),
        shown: format!("列出 {n} 户"),
        more: (n > 20).then(|| ("#".into(), "再列 50 户")),
        may_add: true,
        may_import: true,
        may_export: true,
        may_open: true,
    }
}

fn household(n: usize, conflicts: bool) -> HouseholdPage {
    let holding = |i: usize| HoldingRow {
        person: ["全户", "张三丰", LONG][i % 3].into(),
        category: ["重度残疾人", "重点优抚对象", "事实无人抚养儿童"][i % 3].into(),
        days: ["2018-06-01".into(), if i % 3 == 1 { "2019-05-31".into() } else { String::new() }],
        basis: "残联 2018 第 3 号".into(),
        note: String::new(),
        state: Chip::new(if i % 3 == 1 { Tone::Plain } else { Tone::Good }, if i % 3 == 1 { "已止" } else { "现有" }),
        gone: i % 3 == 1,
    };
    let member = |i: usize| MemberRow {
        name: if i == 1 { LONG.into() } else { ["张三丰", "王秀英", "张小明"][i % 3].into() },
        note: if i == 4 { "2019-03-02 去世".into() } else { String::new() },
        gone: i == 4,
        relation: ["户主", "配偶", "子"][i.min(2)].into(),
        gender: ["男", "女"][i % 2].into(),
        birth: "1962-04-18".into(),
        id_no: "320***********0017".into(),
        ethnic: ["汉族", "维吾尔族"][i % 2].into(),
        health: ["健康", "重度残疾（智力二级）", "患大病"][i % 3].into(),
        labor: ["丧失劳动力", "普通劳动力"][i % 2].into(),
        education: "初中".into(),
        insured: "是".into(),
    };
    let aid = |i: usize| AidRow {
        date: format!("2018-{:02}-15", i % 12 + 1),
        program: ["临时救助", "低保金", "教育救助"][i % 3].into(),
        amount: ["2,835.00", "945.00", "12,000.00"][i % 3].into(),
        officer: "张婕".into(),
        note: if i == 0 { "因结肠恶性肿瘤住院，三倍低保标准一次性发放".into() } else { String::new() },
    };
    let history = |i: usize| HistoryRow {
        when: "2019-05-29 14:20".into(),
        who: ["张婕", "陶静华"][i % 2].into(),
        office: ["杨舍镇民政办", "农联村村民委员会"][i % 2].into(),
        lines: vec![
            ChangeLine { label: "联系电话".into(), was: "13900000001".into(), now: "13900000002".into() },
            ChangeLine { label: "年收入(元)".into(), was: String::new(), now: "18,600.00".into() },
        ],
        ticks: ticks(3 - i % 3),
    };
    let value = |value: &str, by: &str, shown| ConflictValue { value: value.into(), by: by.into(), shown };
    let conflict = ConflictBox {
        stub: stub(),
        label: "年收入(元)".into(),
        field: "income_annual".into(),
        blocks: true,
        values: vec![
            value("18600", "农联村 王强　5月28日 09:12", false),
            value("24000", "杨舍镇民政办 张婕　5月28日 10:40", true),
        ],
        ..ConflictBox::default()
    };
    HouseholdPage {
        frame: frame("家庭档案", "家庭"),
        id: "x".into(),
        head: if n > 3 { LONG.into() } else { "张三丰".into() },
        place: "经开区（杨舍镇） 农联村 十二组".into(),
        number: "ZJG-000123".into(),
        chips: vec![Chip::new(Tone::Accent, "最低生活保障家庭"), Chip::new(Tone::Warn, "因病")],
        may_edit: true,
        may_open: true,
        conflicts: if conflicts { vec![conflict] } else { Vec::new() },
        problems: if conflicts { vec!["张小明：出生日期与身份证号不一致".into()] } else { Vec::new() },
        moves: if conflicts { Vec::new() } else { vec![moves::arrived()] },
        may_move: true,
        basics: vec![
            Fact::new("户主", "张三丰"),
            Fact::new("户主身份证号", "320***********0017"),
            Fact::new("联系电话", "13900000001"),
            Fact::wide("住址", "农联村第十二村民小组 永安路 118 弄 6 号 302 室"),
            Fact::new("困难类别", "最低生活保障家庭"),
            Fact::new("主要致贫原因", "因病"),
            Fact::new("风险", ""),
            Fact::new("责任人", "张婕"),
            Fact::new("走访次数", "4"),
        ],
        members: (0..n).map(member).collect(),
        means: vec![
            Fact::new("年收入(元)", "18,600.00"),
            Fact::new("工资性收入(元)", "0.00"),
            Fact::new("转移净收入(元)", "11,340.00"),
            Fact::new("住房面积(m²)", "86.5"),
            Fact::new("住房安全等级", "B"),
            Fact::new("开户银行", "农业银行张家港分行"),
            Fact::new("银行账号", "************1234"),
        ],
        holdings: (0..n).map(holding).collect(),
        aid: (0..n).map(aid).collect(),
        aid_total: "54,120.00".into(),
        history: (0..n.min(4)).map(history).collect(),
        older: n > 4,
        again: if conflicts { months::reviews(false).rows.remove(0).why } else { Vec::new() },
        again_by: Chip::new(Tone::Bad, "今天到期"),
        change: Some(months::change_form()),
        others: vec![Fact::new("hukou_type", "农业"), Fact::new("wifi", "有")],
        cases: vec![
            CaseLine {
                href: "#".into(),
                title: "临时救助".into(),
                note: "2019-05-29 登记".into(),
                stage: Chip::new(Tone::Accent, "待审批"),
            },
            CaseLine {
                href: "#".into(),
                title: "医疗救助".into(),
                note: "2018-11-02 登记".into(),
                stage: Chip::new(Tone::Good, "已办结"),
            },
        ],
        year: 2019,
    }
}

fn edit() -> HouseholdEditPage {
    let text = |name: &str, label: &str, value: &str| Field { was: Some(value.into()), ..Field::text(name, label).with(value) };
    let wrong =
        Field { fault: "身份证号校验位错误".into(), ..text("head_id_no", "户主身份证号", "320582196204180018") };
    let member = |i: usize| MemberFields {
        label: ["张三丰", LONG, "添加成员"][i].into(),
        note: ["户主", "配偶", ""][i].into(),
        open: i == 2,
        fields: vec![
            text(&format!("m{i}.name"), "姓名", ""),
            text(&format!("m{i}.relation"), "与户主关系", ""),
            text(&format!("m{i}.id_no"), "身份证号", ""),
            text(&format!("m{i}.birth"), "出生日期", "").typed(Input::Date),
        ],
    };
    HouseholdEditPage {
        frame: frame("修改档案", "家庭"),
        heading: "修改 张三丰 户".into(),
        lead: "农联村　编号 ZJG-000123".into(),
        back: "#".into(),
        faults: vec!["户主身份证号：校验位错误".into()],
        meanwhile: vec!["联系电话：杨舍镇民政办 张婕 改为 13900000002".into()],
        target: "#".into(),
        draft: "d".into(),
        stub: stub(),
        groups: vec![
            Group {
                label: "基本情况",
                fields: vec![
                    text("head", "户主", "张三丰").needed(),
                    wrong,
                    text("phone", "联系电话", "13900000001").typed(Input::Digits),
                    text("address", "住址", "永安路 118 弄").widely(),
                    Field::select("type", "困难类别", Choice::list([("a", "最低生活保障家庭"), ("b", "特困人员")], "a")),
                ],
            },
            Group {
                label: "收入与住房",
                fields: vec![text("income_annual", "年收入(元)", "18600").typed(Input::Number).hinted("元，最多两位小数")],
            },
        ],
        members: (0..3).map(member).collect(),
        holdings: vec![MemberFields {
            label: "添加身份类别".into(),
            fields: vec![text("k0.category", "身份类别", ""), text("k0.until", "类别止", "").typed(Input::Date)],
            ..MemberFields::default()
        }],
        aid: vec![
            text("aid.date", "日期", "").typed(Input::Date),
            text("aid.program", "项目", ""),
            text("aid.amount", "金额(元)", ""),
        ],
    }
}

#[test]
fn every_page_renders() {
    let pages: Vec<(&str, Result<String, askama::Error>)> = vec![
        ("sign-in", gate("").render()),
        ("sign-in-locked", gate("连续输错次数过多，请在 12 分钟后再试。").render()),
        ("today", today(false).render()),
        ("today-empty", today(true).render()),
        ("households", households(40, "").render()),
        ("households-none", households(0, "张三").render()),
        ("household", household(3, true).render()),
        ("household-long", household(30, false).render()),
        ("household-edit", edit().render()),
        ("household-move", moves::page(false).render()),
        ("household-split", moves::page(true).render()),
        ("case", case().render()),
        ("case-new", case_new(false).render()),
        ("clue", case_new(true).render()),
        ("cases", cases().render()),
        ("check", checks::check(false).render()),
        ("check-empty", checks::check(true).render()),
        ("check-sheet", checks::sheet().render()),
        ("checks", checks::queue(false).render()),
        ("checks-empty", checks::queue(true).render()),
        ("check-looks", checks::looks().render()),
        ("allotments", lists::allotments().render()),
        ("doubles", lists::doubles("settle").render()),
        ("doubles-recover", lists::doubles("recover").render()),
        ("missed", lists::missed(false).render()),
        ("missed-empty", lists::missed(true).render()),
        ("means", months::means(false).render()),
        ("means-blocked", months::means(true).render()),
        ("reviews", months::reviews(false).render()),
        ("reviews-empty", months::reviews(true).render()),
        ("months", months::month(false).render()),
        ("months-village", months::month(true).render()),
        ("projects", projects::projects(false).render()),
        ("projects-none", projects::projects(true).render()),
        ("project", projects::project().render()),
        ("project-edit", projects::edit().render()),
        ("project-conflicts", projects::conflicts(false).render()),
        ("project-conflicts-none", projects::conflicts(true).render()),
        ("project-kinds", projects::kinds().render()),
        ("import", import(true).render()),
        ("import-start", import(false).render()),
        ("export", export().render()),
        ("inbox", inbox().render()),
        ("staff", staff().render()),
        ("sync", sync().render()),
        ("receipt", receipt().render()),
        (
            "error",
            ErrorPage {
                frame: frame("出错了", ""),
                what: "这一步没有办成".into(),
                safe: "已经保存的内容都在，没有丢失。磁盘可能已满；请清理后再试一次，重复提交不会办两次。".into(),
                next: vec![("/today".into(), "回到今日待办"), ("#".into(), "再试一次")],
                id: "7f3a-91c2".into(),
            }
            .render(),
        ),
    ];
    let dir = std::env::var_os("SHOUWANG_PAGES").map(std::path::PathBuf::from);
    for (name, page) in pages {
        let page = page.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(!page.contains("<script>alert"), "{name}: a name is a name");
        assert!(!page.contains(" style=") && !page.contains(" onclick="), "{name}: nothing inline");
        if let Some(dir) = &dir {
            let page = page.replace("\"/static/", &format!("\"{}/src/web/static/", env!("CARGO_MANIFEST_DIR")));
            std::fs::write(dir.join(format!("{name}.html")), page).expect("writes");
        }
    }
}
