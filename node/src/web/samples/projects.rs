//! Sample pages of care projects: the library, a project, its form, conflicts, the dictionary, and a case's part.

use super::{LONG, frame, stub};
use crate::web::page::project::*;
use crate::web::page::project_edit::ProjectEditPage;
use crate::web::page::projects::*;
use crate::web::view::*;

fn bar(taken: u32, waiting: u32, lacking: bool) -> PlacesBar {
    PlacesBar {
        taken,
        waiting,
        text: format!("100 个名额，余 {}，{waiting} 个待确认", 100 - taken - waiting),
        lacking: if lacking { "还差 3 个名额".into() } else { String::new() },
        as_of: "市级 2019-05-29 公布".into(),
    }
}

pub fn projects(empty: bool) -> ProjectsPage {
    let row = |i: usize| ProjectRow {
        href: "#".into(),
        name: ["精神康复陪伴", "家庭照护技能班（与社区卫生服务中心合办，含入户指导四次）", "助餐"][i % 3].into(),
        kind: ["心理抚慰 · 精神康复陪伴", "能力提升 · 家庭照护技能", "生活照料 · 助餐"][i % 3].into(),
        provider: ["社工服务中心", "心理援助站", "慈善总会"][i % 3].into(),
        areas: ["全市", "经开区（杨舍镇）、大新镇、冶金工业园", "经开区（杨舍镇）农联村"][i % 3].into(),
        period: ["2019-06-01".into(), "至 2019-12-31".into()],
        bar: bar([40, 100, 0][i % 3], [20, 0, 0][i % 3], i == 1),
        state: [Chip::new(Tone::Good, "可以预约"), Chip::new(Tone::Bad, "名额冲突"), Chip::new(Tone::Good, "可以预约")][i % 3]
            .clone(),
    };
    let any = |name: &str, label: &str| Field::select(name, label, Choice::list([("", "不限"), ("a", "心理抚慰")], ""));
    ProjectsPage {
        frame: frame("关爱援助项目库", "项目"),
        lead: "共 36 个项目；预约断网也能登记，名额由市级确认".into(),
        term: if empty { "没有".into() } else { String::new() },
        fields: vec![any("class", "大类"), any("kind", "小类"), any("area", "服务区域"), any("provider", "服务机构")],
        filters: vec![("#".into(), "可以预约", true), ("#".into(), "全部", false)],
        rows: if empty { Vec::new() } else { (0..12).map(row).collect() },
        more: 0,
        conflicts: 2,
        may_edit: true,
        only_open: true,
    }
}

fn booking(i: usize) -> BookingRow {
    let fields = vec![
        Field::select("outcome", "核定", Choice::list([("", "请选择"), ("confirm", "确认，给名额")], "")).needed(),
        Field::text("note", "说明或理由").hinted("前面还有先提出的预约：不按先后确认的、不予确认的，须写明理由"),
    ];
    BookingRow {
        case: "c".into(),
        who: if i == 1 { LONG.into() } else { "唐女士（儿子）".into() },
        note: if i == 1 { "2 个名额，行动不便，请上门".into() } else { String::new() },
        place: "经开区（杨舍镇）农联村".into(),
        day: "2019-05-29".into(),
        seat: [Chip::new(Tone::Warn, "待市级确认"), Chip::new(Tone::Bad, "名额冲突"), Chip::new(Tone::Good, "已确认")][i % 3]
            .clone(),
        reason: if i == 2 { "家中无人照料".into() } else { String::new() },
        settle: (i < 2).then(|| (stub(), "1@ab".into(), fields)),
    }
}

fn share(place: &str, period: &str, chip: Chip) -> ShareRow {
    ShareRow { place: place.into(), period: period.into(), bar: PlacesBar { as_of: String::new(), ..bar(60, 20, false) }, chip }
}

pub fn project() -> ProjectPage {
    ProjectPage {
        frame: frame("项目", "项目"),
        id: "p".into(),
        name: "精神康复陪伴".into(),
        lead: "心理抚慰，精神康复陪伴，社工服务中心".into(),
        chips: vec![Chip::new(Tone::Bad, "名额冲突")],
        fault: "不能办理：名额已满：3 个名额已确认 3 个，这一预约要 1 个。没有写入任何内容，填写的内容还在表单里。".into(),
        bar: bar(60, 40, true),
        shares: vec![
            share("经开区（杨舍镇）", "2019-07-01 至 2019-07-31", Chip::new(Tone::Bad, "名额冲突")),
            share("经开区（杨舍镇）", "2019-08-01 至 2019-08-31", Chip::default()),
            share("大新镇", "2019-07-01 至 2019-07-31", Chip::new(Tone::Plain, "给其他地方")),
        ],
        facts: vec![
            Fact::new("大类", "心理抚慰"),
            Fact::new("时间", "2019-06-01 至 2019-12-31"),
            Fact::wide("服务区域", "经开区（杨舍镇）、大新镇"),
            Fact::wide("参加条件", "家中有精神障碍患者，愿意接受上门"),
            Fact::wide("联系人和电话", ""),
        ],
        text: vec!["每两周上门一次，每次一小时，由两名社工陪同。".into()],
        conflicts: vec!["“名额”有几人同时填写：3、5；现在以最后一个为准，请在“修改”里改定".into()],
        bookings: (0..3).map(booking).collect(),
        staff: true,
        history: vec![HistoryRow {
            when: "5月29日 14:20".into(),
            who: "陶静华".into(),
            office: "市社会救助服务中心".into(),
            lines: vec![("名额".into(), "3".into(), "5".into()), ("结束日期".into(), String::new(), "2019-12-31".into())],
        }],
        edit: Some("#".into()),
        tell: Some(stub()),
    }
}

pub fn conflicts(empty: bool) -> ConflictsPage {
    let one = ConflictBox {
        id: "p".into(),
        name: "精神康复陪伴".into(),
        bar: bar(60, 40, true),
        bookings: (0..3).map(booking).collect(),
        tell: Some(stub()),
    };
    ConflictsPage { frame: frame("名额冲突", "项目"), rows: if empty { Vec::new() } else { vec![one] } }
}

fn share_row(number: usize, area: &str, from: &str, until: &str, places: &str) -> Vec<Field> {
    let field = |name: &str, label: &str, input: Input, value: &str| {
        Field::text(format!("share-{number}-{name}"), format!("第 {} 行{label}", number + 1)).typed(input).with(value)
    };
    vec![
        field("area", "区域", Input::Text, area),
        field("from", "开始日期", Input::Date, from),
        field("until", "结束日期", Input::Date, until),
        field("places", "名额", Input::Number, places),
    ]
}

pub fn edit() -> ProjectEditPage {
    let wrong = Field {
        fault: "已确认 3 个名额，不能少于它；请先取消预约".into(), ..Field::text("capacity", "名额").with("1")
    };
    ProjectEditPage {
        frame: frame("修改项目", "项目"),
        heading: "修改“精神康复陪伴”".into(),
        lead: "改动前的内容保留在项目页的“改动记录”里".into(),
        target: "#".into(),
        stub: stub(),
        draft: "d".into(),
        fields: vec![
            Field::text("name", "项目名称").with("精神康复陪伴").needed(),
            wrong,
            Field::area("areas", "服务区域，一行一个 12 位区划代码").hinted("不填：全市"),
        ],
        shares: vec![share_row(0, "经开区（杨舍镇）", "2019-07-01", "2019-07-31", "0"), share_row(1, "", "", "", "")],
        share_fault: "名额分配第 1 行：名额应为 1 到 10000 的整数".into(),
        areas: vec!["经开区（杨舍镇）".into(), "大新镇".into()],
        faults: vec!["已确认 3 个名额，不能少于它；请先取消预约".into()],
        meanwhile: vec!["结束日期：由 2019-12-31 改为 2020-06-30".into()],
        back: "#".into(),
    }
}

pub fn kinds() -> KindsPage {
    let kind = |code: &str, name: &str| [code, name, "心理疏导、精神康复", "#", "#"].map(String::from);
    let class = |code: &str, name: &str| ClassBox {
        code: code.into(),
        name: name.into(),
        source: "样例；种子报道只写“4大类24小类”，未列出名称".into(),
        kinds: (1..7).map(|n| kind(&format!("{code}{n}"), "精神康复陪伴")).collect(),
    };
    KindsPage {
        frame: frame("项目字典", "项目"),
        lead: "4 大类 24 小类；政策包 样例-2019-1，自 2019-01-01 起施行（样例）".into(),
        classes: vec![class("A", "心理抚慰"), class("B", "能力提升"), class("C", "社会融入"), class("D", "生活照料")],
        needs: vec![("心理疏导".into(), "样例".into(), "#".into()), ("日常照料".into(), "样例".into(), "#".into())],
        versions: vec![("#".into(), "2019-06-01-01".into(), "2019-06-01".into())],
        may_edit: true,
    }
}

pub fn of_case() -> CaseProjects {
    let step = |kind: &'static str, label: &'static str| BookingStep {
        kind,
        label,
        stub: stub(),
        booking: "1@ab".into(),
        fields: vec![Field { scope: kind.into(), ..Field::area("reason", "为什么取消").needed() }],
    };
    let booking = CaseBooking {
        href: "#".into(),
        title: "精神康复陪伴".into(),
        note: "精神康复陪伴，社工服务中心，儿子".into(),
        seat: Chip::new(Tone::Bad, "名额冲突"),
        lines: vec!["3 个名额，前面已有 3 个；由市级核定，先提出的在前".into()],
        steps: vec![step("booking-cancelled", "取消预约")],
    };
    let proposal = |name: &str, fits: bool| ProposalBox {
        href: "#".into(),
        name: name.into(),
        note: "心理抚慰，个案心理咨询，心理援助站".into(),
        reasons: "对应需求：心理疏导；面向全市；到 2019-12-31 为止；还有 40 个名额".into(),
        against: if fits { String::new() } else { "不服务这一区域；名额已满".into() },
        bar: bar(60, 0, false),
        label: "预约",
        book: fits.then(|| (stub(), vec![Field { scope: name.into(), ..Field::text("places", "几个名额").with("1") }])),
    };
    CaseProjects {
        case: "c".into(),
        needs: "心理疏导、精神康复，儿子拒绝治疗，家人长期无人分担".into(),
        assessed: "2019-05-29".into(),
        bookings: vec![booking],
        proposals: vec![proposal("个案心理咨询（社区卫生服务中心驻点）", true), proposal("情绪疏导", false)],
    }
}
