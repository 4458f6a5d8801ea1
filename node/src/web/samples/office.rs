//! Sample pages of cases and of the office.

use super::{LONG, frame, household, stub, ticks};
use crate::web::page::carry::*;
use crate::web::page::case::*;
use crate::web::page::case_new::*;
use crate::web::page::cases::*;
use crate::web::page::export::*;
use crate::web::page::import::*;
use crate::web::page::inbox::*;
use crate::web::page::receipt::*;
use crate::web::page::sign_in::*;
use crate::web::page::staff::*;
use crate::web::page::sync::*;
use crate::web::view::*;

pub fn case() -> CasePage {
    let entry = |lane: u8, what: &str, by: &str, line: &str, n: usize| StoryEntry {
        id: "1@ab".into(),
        lane,
        what: what.into(),
        by: by.into(),
        when: "2019-05-29".into(),
        lines: if line.is_empty() { vec![] } else { vec![line.into()] },
        ticks: ticks(n),
        withdraw: (lane == 2).then(stub),
        ..StoryEntry::default()
    };
    let mut entries = vec![
        entry(3, "登记", "市救助服务中心 陶静华", "预警 · 数据推送：因病致贫。结肠恶性肿瘤，住院自付 86,200 元", 3),
        entry(3, "请求核实", "市救助服务中心 陶静华", "请经开区（杨舍镇）民政办核实", 3),
        entry(1, "核实", "农联村 王强", "属实：入户走访，父子二人靠低保维持生活，儿子智力残疾", 3),
        entry(2, "代为申请", "杨舍镇民政办 张婕", "临时救助。住院中，本人不便到窗口", 3),
        entry(2, "受理", "杨舍镇民政办 张婕", "受理编号 320582100-20190529-0007", 3),
        entry(2, "预审", "杨舍镇民政办 张婕", "符合条件", 2),
        entry(2, "拟定金额", "杨舍镇民政办 张婕", "2,835.00 元（3 × 低保标准 945 元）", 2),
        entry(1, "审批", "农联村 王强", "批准 2,000.00 元", 1),
    ];
    if let Some(last) = entries.last_mut() {
        (last.void, last.reason) = (true, "没有生效：本级不是审批机构".into());
    }
    let action = |kind: &'static str, label: &str, next: bool, fields: Vec<Field>| ActionForm {
        kind,
        label: label.into(),
        next,
        open: next,
        stub: stub(),
        fields,
        note: if next { "下一步".into() } else { String::new() },
        fault: String::new(),
    };
    let money = Field::text("amount", "金额(元)").typed(Input::Number).with("2835.00").hinted("3 × 低保标准 945 元").needed();
    CasePage {
        frame: frame("事项", "事项"),
        id: "c".into(),
        heading: "临时救助 · 张三丰".into(),
        place: "经开区（杨舍镇） 农联村".into(),
        chips: vec![Chip::new(Tone::Accent, "待审批"), Chip::new(Tone::Bad, "紧急")],
        number: "320582100-20190529-0007".into(),
        household: Some("h".into()),
        blocks: vec!["这户的“年收入”有两个不同的值，确认之前不能审批。".into()],
        fault: String::new(),
        may_print: true,
        entries,
        turns: vec![
            TurnLine {
                who: "市级机构".into(), what: "审批".into(), due: Chip::new(Tone::Warn, "还有 2 个工作日"), mine: true
            },
            TurnLine {
                who: "市教育局".into(), what: "签收转办".into(), due: Chip::new(Tone::Plain, "5月31日前"), mine: false
            },
        ],
        idle: String::new(),
        actions: vec![
            action(
                "decided",
                "审批",
                true,
                vec![
                    Field::select("outcome", "结论", Choice::list([("approved", "批准"), ("refused", "不予批准")], "approved")),
                    money,
                    Field { scope: "d".into(), ..Field::area("reason", "理由") },
                ],
            ),
            action("transferred", "转办", false, vec![Field::area("note", "请求内容")]),
            action("note", "备注", false, vec![Field { scope: "n".into(), ..Field::area("text", "内容") }]),
        ],
        sum: "2,835.00".into(),
        sum_label: "拟定金额",
        facts: vec![
            Fact::new("怎样开始", "预警"),
            Fact::new("来自", "数据推送"),
            Fact::new("核实结果", "属实"),
            Fact::new("预审意见", "符合条件"),
            Fact::wide("摘要", "结肠恶性肿瘤，住院自付 86,200 元，家中另有一名智力残疾成员"),
            Fact::new("政策包", "样例-2019-1"),
        ],
        check: vec![Chip::new(Tone::Accent, "核对中")],
        transfers: vec![TransferLine {
            to: "市教育局".into(),
            what: "教育救助".into(),
            lines: vec!["5月29日 转出".into(), "女儿大学学费".into()],
            state: Chip::new(Tone::Warn, "待签收"),
        }],
        consents: vec![ConsentLine {
            to: "市慈善总会".into(),
            lines: vec!["本人张三丰，书面签字，2019-05-28，有效期至 2019-12-31".into(), "可提供：姓名、事由和办理结果".into()],
            state: Chip::new(Tone::Good, "有效"),
        }],
        papers: vec![("#".into(), "市慈善总会".into())],
        projects: super::projects::of_case(),
        hops: vec![HopLine {
            who: "经开区（杨舍镇）民政办".into(),
            what: "预审".into(),
            when: "2019-05-29 至 2019-05-29".into(),
            took: Chip::new(Tone::Plain, "0 个工作日（0 天）"),
        }],
        errands: "群众到窗口 0 次，工作人员上门 1 次".into(),
        letters: vec![
            (
                "2019-08 起由每月 945.00 元减为 390.00 元".into(),
                Chip::new(Tone::Good, "2019-07-09 送达张三丰（当面送交）"),
                Some("#".into()),
            ),
            ("2019-10 起由每月 390.00 元停发".into(), Chip::new(Tone::Bad, "未出具书面通知"), None),
        ],
        confirmed: vec![("最低生活保障".into(), "市社会救助服务中心 2019-01-10 确认，政策包未设有效期".into())],
    }
}

pub fn case_new(clue: bool) -> CaseNewPage {
    let mut fields = vec![
        Field::select("assistance", "救助种类", Choice::list([("l", "临时救助"), ("d", "最低生活保障"), ("j", "教育救助")], "l"))
            .needed(),
        Field::select("urgency", "缓急", Choice::list([("normal", "一般"), ("urgent", "紧急"), ("critical", "特急")], "normal")),
        Field::area("summary", "诉求").hinted("写明困难和需要，不写与办理无关的病情细节").needed(),
    ];
    if clue {
        fields.insert(0, Field::text("applicant", "姓名").needed());
    }
    CaseNewPage {
        frame: frame("新事项", if clue { "线索求助" } else { "事项" }),
        heading: if clue { "录入线索或求助".into() } else { "为 张三丰 户新办事项".into() },
        lead: "断网也能登记；联网后优先上传。".into(),
        known: if clue { vec![] } else { household(2, false).basics },
        running: if clue { vec![] } else { household(2, false).cases },
        target: "#".into(),
        stub: stub(),
        fields,
        button: "登记",
        back: "#".into(),
        ..CaseNewPage::default()
    }
}

pub fn cases() -> CasesPage {
    let row = |i: usize| CaseRow {
        href: "#".into(),
        title: ["临时救助", "最低生活保障", "因病致贫预警"][i % 3].into(),
        number: if i % 3 == 2 { String::new() } else { format!("320582100-20190529-{i:04}") },
        applicant: if i == 1 { LONG.into() } else { "张三丰".into() },
        area: "农联村".into(),
        stage: [Chip::new(Tone::Accent, "待审批"), Chip::new(Tone::Good, "已发放"), Chip::new(Tone::Warn, "待补正")][i % 3]
            .clone(),
        turn: ["市级机构：审批", "", "申请人：补正材料"][i % 3].into(),
        due: Chip::new([Tone::Bad, Tone::Plain][i % 2], ["已超 1 天", "6月14日前"][i % 2]),
        opened: "2019-05-29".into(),
        urgent: i == 0,
    };
    CasesPage {
        frame: frame("事项", "事项"),
        heading: "事项".into(),
        lead: "63 件在办".into(),
        filters: vec![
            ("#".into(), "在办", true),
            ("#".into(), "待审批", false),
            ("#".into(), "转办中", false),
            ("#".into(), "已办结", false),
        ],
        rows: (0..16).map(row).collect(),
        shown: "列出 16 件".into(),
        more: None,
    }
}

pub fn import(done: bool) -> ImportPage {
    let reject =
        |i: u64| RejectRow {
            line: (i * 7 + 3).to_string(), field: "身份证号".into(), reason: "身份证号校验位错误".into()
        };
    let shown = |i: u64| ShownRow {
        line: i * 11 + 2,
        head: ["张三丰", "阿卜杜热合曼·买买提明", "𠮷田"][i as usize % 3].into(),
        state: Chip::new(Tone::Accent, "有修改"),
        changes: vec![
            ("联系电话".into(), "（空）".into(), "13900000001".into()),
            ("年收入(元)".into(), "12000".into(), "9800".into()),
        ],
        elsewhere: if i == 1 { vec!["买买提也在杨舍镇农联村 李四 户".into()] } else { Vec::new() },
    };
    ImportPage {
        frame: frame("导入", "导入"),
        lead: "先看清再写入：下面是文件里有什么".into(),
        limit: "64 MB".into(),
        preview: done.then(|| Preview {
            title: "预览".into(),
            file: "名册2019.jsonl".into(),
            counts: vec![
                ("新家庭", "986".into(), Tone::Good),
                ("有修改", "120".into(), Tone::Accent),
                ("没有变化", "84".into(), Tone::Plain),
                ("不能导入", "14".into(), Tone::Bad),
            ],
            rejects: (0..14).map(reject).collect(),
            reject_total: 14,
            notes: vec!["不认得的栏目按原样存入“其他”：低保证号、包村干部".into()],
            shown: (0..6).map(shown).collect(),
            shown_part: "第 1 到 6 户，共 122 户".into(),
            after: Some("#".into()),
            can_go: true,
            stub: stub(),
            good: 1106,
            ..Preview::default()
        }),
        ..ImportPage::default()
    }
}

pub fn export() -> ExportPage {
    let row = |i: usize| ExportLine {
        at: format!("2019-05-{:02} 10:3{i}", 9 + i),
        who: ["张三", "李四"][i % 2].into(),
        what: ["家庭档案", "事项"][i % 2].into(),
        area: ["全部", "杨舍镇"][i % 2].into(),
        form: "xlsx".into(),
        rows: "611".into(),
        purpose: "年度复核，交镇民政办纸质存档".into(),
    };
    ExportPage {
        frame: frame("导出", "家庭"),
        fields: vec![Field::text("purpose", "用途").hinted("写明给谁、做什么用").needed()],
        stub: stub(),
        may_export: true,
        may_read: true,
        rows: (0..6).map(row).collect(),
        ..ExportPage::default()
    }
}

pub fn sync() -> SyncPage {
    let peer = |i: usize| PeerRow {
        office: ["市社会救助服务中心", "农联村村民委员会", "善港村村民委员会"][i % 3].into(),
        address: ["10.1.0.2:4433", "", ""][i % 3].into(),
        state: [Chip::new(Tone::Good, "已连接"), Chip::new(Tone::Good, "已连接"), Chip::new(Tone::Plain, "未连接")][i % 3]
            .clone(),
        note: if i == 2 { "没有回应，10 秒后再试".into() } else { String::new() },
        last: "5月29日 14:22".into(),
        to_send: (i * 6).to_string(),
        to_receive: "0".into(),
        sent: "1.2 MB".into(),
        received: "86 KB".into(),
    };
    let trouble = |title, none, rows: usize| TroubleList {
        title,
        none,
        loud: true,
        heads: vec!["时间", "谁写的", "是什么", "为什么"],
        rows: (0..rows)
            .map(|_| vec!["5月29日 10:02".into(), "农联村 王强".into(), "审批".into(), "本级不是审批机构".into()])
            .collect(),
    };
    SyncPage {
        frame: frame("同步", "同步"),
        packs: vec![
            [
                "政策包“样例-2019-1”没有 2027 年的工作日历，本年的期限只按周一至周五推算，可能有误",
                "登记、核实和审批都有效。",
                "请接通网络。",
            ]
            .map(str::to_owned),
        ],
        lead: "本机写下的每一条，各到了哪里".into(),
        tiles: vec![
            ("本机写下", "4,120".into(), Tone::Plain),
            ("已到镇", "4,108".into(), Tone::Warn),
            ("已到市", "4,090".into(), Tone::Warn),
            ("等待中", "0".into(), Tone::Plain),
        ],
        peers: (0..3).map(peer).collect(),
        carry: CarryPanel {
            may: true,
            may_read: true,
            stub: stub(),
            pending: vec![("本机写下的 41 条还没有上级回执".into(), Tone::Warn)],
            told: vec!["已收下杨舍镇人民政府5月28日 16:40拷出的文件。".into(), "新收 12 条（涉及 5 份档案），".into()],
            well: true,
            answer: Some(CarryAnswer { stub: stub(), device: "a3f0".into(), office: "杨舍镇人民政府".into() }),
            choices: Choice::list([("a3f0", "杨舍镇人民政府 · a3f091c277")], "a3f0"),
            peers: vec![CarryPeerRow {
                office: "杨舍镇人民政府".into(),
                device: "a3f091c277".into(),
                lacks: Chip::new(Tone::Plain, "41 条"),
                last_out: "5月29日 09:12".into(),
                last_in: "5月22日 10:05".into(),
            }],
            rows: vec![CarryLine {
                at: "5月29日 09:12".into(),
                way: "拷出",
                office: "杨舍镇人民政府".into(),
                who: "张婕（zhangjie）".into(),
                entries: "41".into(),
                refused: "0".into(),
                bytes: "18 KB".into(),
            }],
            ..CarryPanel::default()
        },
        lists: vec![
            trouble("没有生效的记录", "没有。", 2),
            trouble("拒收的记录", "没有。每一条收到的记录都通过了检查。", 0),
            trouble("分叉的日志", "没有。", 0),
        ],
        facts: vec![Fact::wide("设备", "a3f0 91c2 77de 0b14"), Fact::wide("本机全部日志的摘要", "0f3a9b1277c4e5d68812")],
    }
}

const ROLES: [(&str, &str); 5] =
    [("intake", "受理员"), ("reviewer", "审核员"), ("approver", "审批员"), ("administrator", "管理员"), ("auditor", "审计员")];

pub fn staff() -> StaffPage {
    let row = |i: usize| StaffRow {
        id: ["zhangjie", "taojinghua", "wangqiang"][i].into(),
        name: ["张婕", LONG, "王强"][i].into(),
        roles: ["受理员、审核员", "管理员", "受理员"][i].into(),
        acts_for: ["", "", "市教育局"][i].into(),
        state: [Chip::new(Tone::Good, "在用"), Chip::new(Tone::Good, "在用"), Chip::new(Tone::Plain, "已停用")][i].clone(),
        off: i == 2,
        in_hand: i * 3,
        me: i == 1,
        term: ["", "2019-01-01 至 2019-12-31", ""][i].into(),
        choices: Choice::list(ROLES, "intake"),
        days: vec![Field::text("from", "第一天").typed(Input::Date), Field::text("until", "最后一天").typed(Input::Date)],
        reset: stub(),
        disable: stub(),
        change: [stub(), stub()],
    };
    StaffPage {
        frame: frame("人员", "人员"),
        lead: "谁能在本机构的机器上登录，能做什么".into(),
        rows: (0..3).map(row).collect(),
        stub: stub(),
        fields: vec![
            Field::text("id", "账号").needed(),
            Field::text("name", "姓名").needed(),
            Field::text("password", "初始密码").needed(),
        ],
        roles: Choice::list(ROLES, "intake"),
        ..StaffPage::default()
    }
}

pub fn inbox() -> InboxPage {
    let row = |i: usize| InboxRow {
        href: "#".into(),
        title: ["教育救助", "心理服务"][i % 2].into(),
        note: "女儿大学学费，家庭为低保户".into(),
        person: ["李某", LONG][i % 2].into(),
        from: "市社会救助服务中心".into(),
        state: Chip::new([Tone::Warn, Tone::Accent][i % 2], ["待签收", "已签收"][i % 2]),
        due: Chip::new(Tone::Plain, "5月31日前"),
        sessions: "3".into(),
        urgent: false,
        to_sign: i.is_multiple_of(2).then(|| "c".into()),
    };
    InboxPage {
        frame: frame("转来的事项", "转来"),
        heading: "市教育局".into(),
        lead: "只列转给本部门的事项".into(),
        rows: (0..3).map(row).collect(),
        sign: Some(stub()),
        done: vec![("李某".into(), "“签收”已登记".into(), false)],
    }
}

pub fn receipt() -> ReceiptPage {
    ReceiptPage {
        frame: frame("受理回执", "事项"),
        id: "c".into(),
        office: "经开区（杨舍镇）民政办".into(),
        facts: vec![
            Fact::new("申请人", "张三丰"),
            Fact::new("申请事项", "临时救助"),
            Fact::new("受理时间", "2019-05-29"),
            Fact::new("受理机构", "经开区（杨舍镇）民政办"),
            Fact::new("办理时限", "2019-06-05 前预审"),
        ],
        number: "320582100-20190529-0007".into(),
        short: "K7Q4-9MTX".into(),
        clerk: "张婕".into(),
        date: "2019年5月29日".into(),
    }
}

pub fn gate(fault: &str) -> SignInPage {
    let mut frame = frame("登录", "");
    (frame.person, frame.link) = (String::new(), None);
    SignInPage {
        frame,
        title: "登录".into(),
        lead: "经开区（杨舍镇）民政办 · 镇级".into(),
        fault: fault.into(),
        target: "/sign-in".into(),
        fields: vec![Field::text("id", "账号").needed(), Field::text("password", "密码").typed(Input::Password).needed()],
        button: "登录".into(),
        more: "第一次使用这台机器？".into(),
        other: Some(("/first", "用一次性开通码设置管理员")),
    }
}
