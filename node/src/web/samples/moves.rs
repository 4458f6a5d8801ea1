//! Moves and splits with invented data.

use super::*;
use crate::web::page::household_move::{HouseholdMovePage, MemberChoice, MoveBox};
use shouwang_protocol::records::words;

fn open() -> Vec<CaseLine> {
    vec![CaseLine {
        href: "#".into(),
        title: "最低生活保障".into(),
        note: "2019-03-02 登记".into(),
        stage: Chip::new(Tone::Good, "按月发放中"),
    }]
}

/// Where a household came from.
pub fn arrived() -> MoveBox {
    MoveBox {
        title: "2019-05-28 由经开区（杨舍镇）农联村迁来".into(),
        note: "由经开区（杨舍镇）农联村迁来（原编号 ZJG-000123）：拆迁安置　杨舍镇民政办 张婕 2019-05-29 登记".into(),
        had: "此前受助 12 笔，合计 54,120.00 元，记在原档案，不重复统计".into(),
        href: "#".into(),
        link: "看原档案",
        open: open(),
        since: "联系电话、新增成员".into(),
    }
}

/// The page of a move, and of a split.
pub fn page(split: bool) -> HouseholdMovePage {
    let member = |at: usize| MemberChoice {
        at,
        row: format!("{at}@00"),
        name: ["张三丰", LONG, "张小明"][at].into(),
        birth: "1962-04-18".into(),
        relation: ["户主", "配偶", "之子"][at].into(),
        said: ["户主", "配偶", "户主"][at].into(),
        goes: at == 2,
    };
    let what = if split { "分户" } else { "迁居" };
    let villages = [("a", "杨舍镇农联村"), ("b", "杨舍镇善港村")];
    HouseholdMovePage {
        frame: frame(what, "家庭"),
        id: "x".into(),
        split,
        heading: format!("张三丰 户{what}"),
        place: "杨舍镇农联村".into(),
        faults: if split { vec!["留下的这户没有户主".into()] } else { Vec::new() },
        meanwhile: if split { Vec::new() } else { vec!["联系电话".into()] },
        stub: stub(),
        fields: vec![
            Field::select("to", "迁到哪个村(社区)", Choice::list(villages, "a")).needed(),
            Field::text("address", "迁入的住址").needed(),
            Field::text("on", "哪天迁走").typed(Input::Date).with("2019-05-29").needed(),
            Field::text("reason", "原因").hinted("例：拆迁安置、随子女居住").needed(),
        ],
        members: (0..3).map(member).collect(),
        relations: words::RELATION,
        open: open(),
        aid: 12,
        ..HouseholdMovePage::default()
    }
}
