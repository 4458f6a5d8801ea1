//! Sample pages of checks of a family's means.

use super::{LONG, frame, stub};
use crate::web::page::check_queue::*;
use crate::web::page::checks::*;
use crate::web::view::*;

const SOURCES: [&str; 11] =
    ["户籍", "税务", "社会保险", "不动产", "市场主体", "住房公积金", "车船", "银行", "证券", "保险", "互联网金融"];
const PEOPLE: [&str; 3] = ["赵国强", LONG, "赵小某"];

fn choices(all: &[&str]) -> Vec<Choice> {
    all.iter().map(|one| Choice { value: (*one).into(), label: (*one).into(), picked: true }).collect()
}

fn form(kind: &'static str, label: &str, fields: Vec<Field>) -> StepForm {
    StepForm {
        kind, label: label.into(), stub: stub(), fields, open: true, hint: "先登记授权。".into(), ..StepForm::default()
    }
}

pub fn check(empty: bool) -> CheckPage {
    let given = |name: &&str| GivenLine {
        name: (*name).into(),
        note: "姑母　320582********0011".into(),
        signer: format!("{LONG}（父亲）"),
        scope: SOURCES.join("、"),
        term: "2026-06-01 至 2026-12-01　申请刚性支出困难救助　存 村档案柜 3-2".into(),
        state: Chip::new(Tone::Plain, "2026-06-03 撤回：本人要求"),
        event: "1@ab".into(),
        withdraw: Some(stub()),
    };
    let states =
        [Chip::new(Tone::Good, "已答复，截至 2026-06-01"), Chip::new(Tone::Warn, "待答复"), Chip::new(Tone::Bad, "无法提供")];
    let reply = |source: &&str| {
        let people = PEOPLE.iter().zip(&states).map(|(name, state)| ((*name).to_owned(), state.clone()));
        ((*source).to_owned(), people.collect())
    };
    let line = |number: &str, state: Chip| CheckLine {
        number: number.into(),
        state,
        lines: vec![
            "2026-06-01 提请，2026-06-02 开始".into(),
            format!("{}；{}", PEOPLE.join("、"), SOURCES.join("、")),
            "异议：存款是村民小组的".into(),
        ],
        due: Chip::new(Tone::Bad, "已超 2 天"),
    };
    let mut page = CheckPage {
        frame: frame("经济核对", "事项"),
        id: "c".into(),
        heading: format!("经济核对 · {LONG}"),
        place: "经开区（杨舍镇）农联村　刚性支出困难救助".into(),
        chips: vec![Chip::new(Tone::Plain, "尚未提请")],
        authorise: Some(StepForm {
            sources: choices(&SOURCES),
            ..form("check-authorised", "登记授权", vec![Field::text("paper", "授权书存放处").needed()])
        }),
        ask: Some(StepForm {
            people: choices(&PEOPLE),
            sources: choices(&SOURCES),
            ..form("check-asked", "提请核对", vec![Field::area("note", "说明")])
        }),
        ..CheckPage::default()
    };
    if !empty {
        page.chips = vec![Chip::new(Tone::Accent, "核对中")];
        page.fault = "填写有误：赵小某没有授权核对“银行”。没有写入任何内容，填写的内容还在表单里。".into();
        page.given = PEOPLE.iter().map(given).collect();
        page.replies = SOURCES.iter().map(reply).collect();
        page.waiting = 11;
        page.checks = vec![
            line("HD20260601-003-00721", Chip::new(Tone::Accent, "核对中")),
            line("HD20260520-003-00017", Chip::new(Tone::Plain, "已由复查取代")),
        ];
        page.looks = vec![LookForm {
            number: "HD20260601-003-00721".into(),
            label: "查看核对结果".into(),
            stub: stub(),
            purpose: Field::text("purpose", "查看用途").with("审核本事项").needed(),
        }];
        page.answers = vec![form("answer", "登记答复", vec![Field::text("amount", "金额(元)").typed(Input::Number)])];
        page.steps = vec![form("check-answered", "核对完成", Vec::new())];
    }
    page
}

pub fn sheet() -> SheetPage {
    let line = |measure: &str, told: &str| {
        [measure, "12,000.00", "52,345.67", "40,345.67", told, "2026-05-20 至 2026-06-01"].map(str::to_owned)
    };
    let answer = |source: &str, old: bool| {
        let text = "农商行定期存单三笔，另有代管款项说明一份，见附件；本人签字确认";
        ([LONG, source, "查得", "存款 农商行", "52,345.67 元", text, "2026-06-01"].map(str::to_owned), old)
    };
    SheetPage {
        frame: frame("核对结果", "事项"),
        id: "c".into(),
        number: "HD20260601-003-00721".into(),
        facts: vec![
            ("申请人", LONG.into()),
            ("救助种类", "刚性支出困难救助".into()),
            ("村(社区)", "经开区（杨舍镇）农联村".into()),
        ],
        result: Chip::new(Tone::Bad, "不一致"),
        lines: vec![line("工资性收入", "一致"), line("存款", "查得多于申报"), line("车船", "没有来源可比")],
        allowed: "政策包没有设定允许的差额，多一分也列为不一致".into(),
        answers: vec![answer("银行", true), answer("银行", false), answer("互联网金融", false)],
        seen: "2026年6月2日 星期二　张婕 查看，用途：审核本事项".into(),
    }
}

pub fn queue(empty: bool) -> ChecksPage {
    let row = |n: usize| QueueLine {
        href: "#".into(),
        who: if n == 1 { LONG.into() } else { "赵国强".into() },
        number: format!("HD20260601-003-{n:05}"),
        kind: "刚性支出困难救助".into(),
        village: "农联村".into(),
        asked: "2026-06-01".into(),
        state: Chip::new(Tone::Warn, "待开始"),
        due: Chip::new(if n < 2 { Tone::Bad } else { Tone::Plain }, if n < 2 { "已超 2 天" } else { "6月4日前" }),
    };
    let rejects = [(24, "number".to_owned(), "没有这一核对编号".to_owned())];
    ChecksPage {
        frame: frame("经济核对", "核对"),
        filters: vec![("#", "待核对", true), ("#", "异议", false), ("#", "全部", false)],
        done: if empty { String::new() } else { "25 行：新登记 21 项，已有 1 项，不能登记 3 行。".into() },
        rejects: if empty { Vec::new() } else { rejects.to_vec() },
        rows: if empty { Vec::new() } else { (0..12).map(row).collect() },
        overdue: if empty { 0 } else { 2 },
        more: (!empty).then(|| "#".into()),
        upload: (!empty).then(stub),
        may_audit: true,
        ..ChecksPage::default()
    }
}

pub fn looks() -> LooksPage {
    let row = |n: usize| {
        [format!("2026-06-0{n} 14:22"), format!("{LONG}（zhangjie）"), "HD20260601-003-00721".into(), "审核本事项".into()]
    };
    LooksPage { frame: frame("核对查看记录", "核对"), rows: (1..8).map(row).collect(), more: None }
}
