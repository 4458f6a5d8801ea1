//! Sample pages of the lists that wait for a person: doubles, what may be missed, emergency allotments.

use super::{LONG, frame, stub};
use crate::web::page::allotments::*;
use crate::web::page::doubles::*;
use crate::web::page::missed::*;
use crate::web::view::*;

pub fn allotments() -> AllotmentsPage {
    let used = |amount: &str, state: Chip| UseRow {
        href: "/cases/c".into(),
        day: "2019-05-29".into(),
        amount: amount.into(),
        name: "王敏".into(),
        state,
    };
    let book = |name: &str, open: bool| BookPanel {
        id: "b".into(),
        name: name.into(),
        note: "市级临时救助资金　2019-01-01 至 2019-12-31".into(),
        state: if open { Chip::new(Tone::Good, "可用") } else { Chip::new(Tone::Plain, "已停用") },
        sums: ["20,000.00".into(), "17,500.00".into(), "2,500.00".into()],
        bar: (1_750_000, 2_000_000),
        uses: vec![used("500.00", Chip::new(Tone::Good, "已使用")), used("8,000.00", Chip::new(Tone::Bad, "超出备用金额度"))],
        forms: open.then(|| {
            let add = Field::text("amount", "追加金额(元)").typed(Input::Number).needed();
            (stub(), vec![add], stub(), vec![Field::text("reason", "停用理由").needed()])
        }),
    };
    AllotmentsPage {
        frame: frame("备用金", "发放"),
        books: vec![book("杨舍镇 民政办一号机", true), book(LONG, false)],
        grant: Some((stub(), vec![Field::text("amount", "金额(元)").typed(Input::Number).needed()])),
    }
}

pub fn doubles(state: &str) -> DoublesPage {
    let half = |title: &'static str, head: &str, place: &str, void: bool| HalfRow {
        title,
        case: "c".into(),
        household: "/households/h".into(),
        head: format!("{head} 户"),
        place: place.into(),
        what: "临时救助（因病）".into(),
        note: "SL20190529-003-00721　2019-05-29".into(),
        money: "批准 900.00 元，已发放 900.00 元".into(),
        state: if void { Chip::new(Tone::Bad, "已纠正") } else { Chip::default() },
    };
    let fields = vec![
        Field::select("ruling", "核定结果", Choice::list([("", "请选择"), ("this", "属于重复：保留甲，纠正乙")], "")).needed(),
        Field::area("reason", "理由").hinted("写进两个事项，两村都看得到；不要写另一户的姓名等个人信息。").needed(),
    ];
    let open = state == "settle";
    let mut rows = vec![DoubleBox {
        state: if open { Chip::new(Tone::Warn, "待核定") } else { Chip::new(Tone::Bad, "追缴中") },
        names: format!("李小妹、{LONG}"),
        why: "同一种类、同一原因，相隔不到 365 天".into(),
        halves: vec![half("甲", "赵国强", "经开区（杨舍镇）农联村", false), half("乙", LONG, "大新镇中山村", !open)],
        found: if open {
            String::new()
        } else {
            "属于重复，保留本项：实际住在农联村，中山村一户重复申报".into()
        },
        ask: open.then(stub),
        settle: open.then(|| (stub(), fields)),
        ..DoubleBox::default()
    }];
    rows.push(DoubleBox {
        state: Chip::new(Tone::Warn, "待核定"),
        halves: vec![half("甲", "欧阳某某", "经开区（杨舍镇）善港村", false)],
        told: "大新镇中山村 2019-05-20 批准的“临时救助”".into(),
        ..DoubleBox::default()
    });
    let homes = ["赵国强", "钱某"].map(|head| ("#".to_owned(), format!("{head} 户"), "农联村".to_owned()));
    DoublesPage {
        frame: frame("重复救助", "事项"),
        filters: vec![("#".into(), "待核定", 2, open), ("#".into(), "追缴中", 1, !open), ("#".into(), "已核定", 14, false)],
        rows,
        persons: vec![PersonRow { id_no: "320582********0011".into(), households: homes.to_vec() }],
    }
}

pub fn missed(empty: bool) -> MissedPage {
    let row = |head: &str, name: &str, n: usize| {
        let holds = vec![
            ("属于低保、特困、低保边缘或刚性支出困难家庭".to_owned(), "困难类别 低保边缘户".to_owned()),
            ("有人患大病或慢性病".to_owned(), "患大病或慢性病 否、是、否、？".to_owned()),
        ];
        let fields = vec![
            Field::select("outcome", "结果", Choice::list([("", "请选择"), ("declined", "家庭不申请")], "")).needed(),
            Field::text("note", "原因").hinted("不申请、不符合的必须写"),
        ];
        MissedRow {
            id: "h".into(),
            head: head.into(),
            note: "低保边缘户，4 人".into(),
            kind: name.into(),
            name: name.into(),
            reasons: vec![
                ("门诊慢性病、特殊病救助".to_owned(), holds, "还须核实：住院自付费用由医保部门核对".to_owned());
                n
            ],
            before: if n > 1 {
                "2019-04-12 农联村 家庭不申请：子女已负担（数据已变化，或到了下月，请再看）".into()
            } else {
                String::new()
            },
            apply: Some(stub()),
            screen: Some((stub(), fields)),
        }
    };
    MissedPage {
        frame: frame("可能遗漏", "家庭"),
        lead: "2019年5月　经开区（杨舍镇）农联村　按档案数据可能符合、近一年没有得到的救助；只是提示，由人核实".into(),
        fields: vec![Field::select("area", "村(社区)", Choice::list([("a", "杨舍镇农联村"), ("b", "杨舍镇善港村")], "a"))],
        at: "",
        area: "a".into(),
        shown: "列出第 1 到 3 项".into(),
        more: Some(("#".into(), "再往下")),
        filters: vec![("#".into(), "待处理 3".into(), true), ("#".into(), "已有结果 12".into(), false)],
        rows: if empty {
            Vec::new()
        } else {
            vec![row("张三丰", "医疗救助", 1), row(LONG, "住房救助", 2), row("李某", "教育救助", 1)]
        },
    }
}
