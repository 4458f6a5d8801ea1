//! Sample pages of a village's month: means, changes to look at, the sign-off.

use super::{LONG, frame, stub};
use crate::desk::reviews::ChangeChoices;
use crate::web::page::means::*;
use crate::web::page::months::*;
use crate::web::page::reviews::*;
use crate::web::view::*;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::policy;

pub fn change_form() -> (Stub, Vec<Field>) {
    let choices = ChangeChoices { kinds: policy::sample().changes, people: vec!["张三丰".into(), LONG.into()] };
    (stub(), change_fields(&choices, Day::parse("2019-05-29").unwrap_or_default()))
}

pub fn means(blocked: bool) -> MeansPage {
    let line = |label: &str, amount: &str, width: u64, off: bool, source: &str| WorkingLine {
        label: label.into(),
        amount: amount.into(),
        width,
        off,
        source: source.into(),
    };
    let good = |text: &str, used: &str| (Chip::new(Tone::Good, "符合"), text.to_owned(), used.to_owned());
    MeansPage {
        frame: frame("家庭经济状况", "家庭"),
        id: "x".into(),
        lead: format!("{LONG}　经开区（杨舍镇）农联村"),
        result: Chip::new(Tone::Warn, "可能符合最低生活保障家庭"),
        advice: "登记的是“低保边缘户”。请核实后办理申请或复核；未经申请、调查和审核确认，不改变类别。".into(),
        may_edit: true,
        blocked: if blocked { "“就业成本”尚未由市级设定".into() } else { String::new() },
        lines: vec![
            line("家庭年收入", "60,000.00", 100, false, "申报或核对"),
            line("不计入的收入", "10,000.50", 17, true, "优待抚恤金、计划生育奖励与扶助金、奖学金、见义勇为奖励"),
            line("重病医疗自付", "20,000.00", 33, true, "样例：民发〔2021〕57号允许适当扣减，比例由市级设定"),
            line("残疾康复照护自付", "未登记，未扣减", 0, false, "样例"),
        ],
        sums: vec![
            Fact::new("核算年收入", "29,999.50 元"),
            Fact::new("共同生活人数", "3 人"),
            Fact::new("人均年收入", "9,999.83 元"),
            Fact::new("人均月收入", "833.32 元"),
        ],
        other_sum: "58,000.00".into(),
        statuses: vec![
            StatusBox {
                name: "最低生活保障家庭".into(),
                fit: Chip::new(Tone::Good, "可能符合"),
                here: true,
                reasons: vec![
                    good("人均收入低于低保标准", "共同生活人数 3；核算年收入 29999.50元；低保标准 945.00元"),
                    good("没有机动车", "机动车 0"),
                ],
                source: "民发〔2021〕57号 第13、14、31条；财产限额为样例参数".into(),
            },
            StatusBox {
                name: "刚性支出困难家庭".into(),
                fit: Chip::new(Tone::Warn, "尚缺信息"),
                reasons: vec![(
                    Chip::new(Tone::Warn, "缺信息"),
                    "人均收入低于上年度人均可支配收入".into(),
                    "“上年度人均可支配收入”尚未由市级设定".into(),
                )],
                source: "刚性支出困难家庭认定办法".into(),
                ..StatusBox::default()
            },
        ],
        review: "收入不稳定、有劳动能力的每半年复核（6 个月）".into(),
        basis: "按 2019-05-29 的家庭档案和政策包 样例-2019-1 计算；只供参考，不是审批结论。".into(),
    }
}

pub fn reviews(empty: bool) -> ReviewsPage {
    let row = |head: &str, why: &[(&str, &str)], due: Chip| ReviewRow {
        id: "h".into(),
        head: head.into(),
        note: "低保户，3 人".into(),
        why: why.iter().map(|(what, more)| ((*what).to_owned(), (*more).to_owned())).collect(),
        due,
        basis: "0".into(),
        form: Some((
            stub(),
            vec![
                Field::select("outcome", "结果", Choice::list([("", "请选择"), ("kept", "维持不变")], "")).needed(),
                Field::area("note", "核实情况").hinted("怎样核实的、情况如何；减发、停发之前须先听取本人意见").needed(),
            ],
        )),
    };
    let death = ("成员死亡（张大明）", "农联村 王某 2019-05-29登记，2019-05-20 发生");
    let income = ("收入变化：6 月起在镇上做保洁", "杨舍镇 张某 2019-05-28登记，2019-05-28 发生");
    let term = ("情况稳定的每年复核，应于 2019-06-30 前", "上次 2018-06-30");
    ReviewsPage {
        frame: frame("动态复核", "家庭"),
        lead: "经开区（杨舍镇）农联村　共 3 户：有变化的、到期的、数据与类别不一致的".into(),
        fields: vec![Field::select(
            "area",
            "村(社区)",
            Choice::list([("a", "杨舍镇农联村　2 户有变化"), ("b", "杨舍镇善港村")], "a"),
        )],
        area: "a".into(),
        rows: if empty {
            Vec::new()
        } else {
            vec![
                row("张三丰", &[income, death], Chip::new(Tone::Bad, "今天到期")),
                row(LONG, &[term], Chip::new(Tone::Plain, "6月30日前")),
            ]
        },
        shown: "列出第 1 到 2 户".into(),
        more: Some(("#".into(), "再往下")),
        may_open: true,
    }
}

pub fn month(of_one: bool) -> MonthsPage {
    let village = |name: &str, signed: bool| VillageRow {
        href: "#".into(),
        name: name.into(),
        state: if signed { Chip::new(Tone::Good, "已签认") } else { Chip::new(Tone::Bad, "未签认") },
        figures: if signed { Some(["47", "112", "1", "0", "6", "40"].map(str::to_owned)) } else { None },
        by: if signed { "王强 2019-06-01".into() } else { String::new() },
    };
    let moved = |head: &str, tone, label: &str| {
        ("/households/x".to_owned(), head.to_owned(), "最低生活保障家庭".to_owned(), 3, Chip::new(tone, label))
    };
    let opened = OpenedVillage {
        name: "经开区（杨舍镇）农联村".into(),
        area: "a".into(),
        figures: "在册 47 户 112 人：新增 1 户，退出 1 户，变更 2 户，不变 44 户".into(),
        rows: vec![moved("赵国强", Tone::Good, "新增"), moved(LONG, Tone::Bad, "退出"), moved("李某", Tone::Warn, "变更")],
        stayed: 44,
        remark: "签认之后又收到这个月写的记录，名单与签认时不同；请看过后再签一次，原来的签认保留。".into(),
        digest: "3f9c01aa77d2e4b8".into(),
        form: Some((stub(), vec![Field::text("note", "说明").hinted("可不填").widely()])),
    };
    MonthsPage {
        frame: frame("月度更新", "家庭"),
        month: "2019-05".into(),
        lead: "3 个村(社区)，2 个已签认，1 个未签认".into(),
        fault: "不能办理：您打开页面之后，这个月的记录又有变化，请看过新的名单再签。没有写入任何内容。".into(),
        fields: vec![Field::select("month", "月份", Choice::list([("2019-05", "2019-05"), ("2019-04", "2019-04")], "2019-05"))],
        tiles: vec![
            ("未签认", "1".into(), Tone::Bad),
            ("在册户", "94".into(), Tone::Plain),
            ("在册人", "224".into(), Tone::Plain),
        ],
        share: 66,
        villages: if of_one {
            Vec::new()
        } else {
            vec![village("杨舍镇善港村", false), village("杨舍镇农联村", true), village(LONG, true)]
        },
        opened: of_one.then_some(opened),
    }
}
