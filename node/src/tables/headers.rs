//! Which column is which field: by the labels of our own forms, by the words that registers use, by the field's name.
//!
//! A header may be one cell, or a cell below a merged one (`户主` over `姓名` and `身份证号`), or a merged cell that
//! reaches down beside others. What no field is known for is kept under its own header, as 其他.

use super::Cell;
use super::cell::one_line;
use shouwang_protocol::records::field::{Field, find};
use shouwang_protocol::records::holding::HOLDING;
use shouwang_protocol::records::household::{AID, HOUSEHOLD, MEMBER};
use shouwang_protocol::records::idno::half_width;
use std::collections::BTreeSet;

/// Rows in which the header must stand.
const SEARCHED_ROWS: usize = 20;
/// Before a header that would otherwise be taken for a field.
pub(super) const OTHER: &str = "其他:";
/// Before the header of a household's own unknown field, in a row of a member.
pub(super) const OF_HOUSEHOLD: &str = "户:";

/// What a column holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Target {
    /// A field of the household.
    Household(&'static Field),
    /// A field of a member.
    Member(&'static Field),
    /// A field of a payment.
    Aid(&'static Field),
    /// A field of a category: a member's in a row of one, else of the person it names, else the household's.
    Holding(&'static Field),
    /// Categories of the whole household, also in a row of a member.
    Shared,
    /// Something else about what the row is, under this name.
    Other(String),
    /// Something else about the household.
    OtherOfHousehold(String),
    /// A running number, or nothing.
    Nothing,
}

/// What one row of a sheet is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// A household.
    Household,
    /// A member.
    Member,
    /// A payment.
    Aid,
    /// A category.
    Holding,
}

/// The head of a sheet: what its columns hold.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Head {
    /// The sheet's name.
    pub sheet: String,
    /// What a row is.
    pub kind: Kind,
    /// Where the rows below begin, as a place in the sheet's rows.
    pub below: usize,
    /// Each column's header and what it holds.
    pub columns: Vec<(String, Target)>,
}

/// Words of registers, by field. A word stands once.
const HOUSEHOLD_WORDS: &[(&str, &[&str])] = &[
    ("id", &["户编号", "家庭编号", "户号", "家庭编码", "户编码", "档案编号", "档案号", "所属户编号"]),
    ("region", &["行政区划代码", "区划", "区划编码", "行政区划编码", "村代码", "村(居)代码"]),
    ("province", &["省份"]),
    ("city", &["地市", "地级市"]),
    ("county", &["县", "区县", "县区", "县市区", "县(市)", "县(区)"]),
    ("town", &["镇", "乡镇", "街道", "乡镇街道", "镇街", "乡(镇)", "乡镇(街道)", "乡(镇、街道)", "所属乡镇", "所属镇"]),
    (
        "village",
        &[
            "村",
            "社区",
            "村居",
            "村社区",
            "行政村",
            "村名",
            "村(居)",
            "村委会",
            "村(居)委会",
            "所属村",
            "所属村(社区)",
            "村(居)民委员会",
        ],
    ),
    ("group", &["组别", "村组", "村民小组", "小组", "组名", "自然村"]),
    ("address", &["家庭住址", "家庭地址", "地址", "居住地址", "现住址", "现居住地址", "详细地址", "通讯地址", "居住地"]),
    ("head", &["户主姓名", "户主名字", "申请人姓名", "申请人", "户主名称"]),
    (
        "head_id_no",
        &[
            "户主身份证",
            "户主身份证号码",
            "户主证件号码",
            "户主公民身份号码",
            "申请人身份证号",
            "申请人身份证号码",
            "户主身份号码",
        ],
    ),
    ("phone", &["电话", "手机", "手机号", "手机号码", "联系方式", "电话号码", "联系人电话", "户主电话", "户主联系电话"]),
    (
        "type",
        &[
            "类别",
            "救助类别",
            "救助类型",
            "户类型",
            "家庭类别",
            "家庭类型",
            "人员类别",
            "保障类别",
            "对象类别",
            "困难类型",
            "低收入类别",
            "户类别",
        ],
    ),
    ("cause", &["致贫原因", "主要致困原因", "致困原因", "困难原因", "主要困难原因"]),
    ("risk", &["风险类型", "返贫风险", "致贫风险"]),
    ("income_annual", &["家庭年收入", "年总收入", "家庭年总收入", "年收入合计", "全年收入"]),
    ("income_wage", &["工资收入", "务工收入"]),
    ("income_farm", &["经营性收入", "生产经营性收入", "经营性净收入", "生产经营收入"]),
    ("income_transfer", &["转移性收入"]),
    ("income_property", &["财产性收入"]),
    ("income_other", &["其他收入情况"]),
    ("income_exempt", &["不计入收入", "不计入家庭收入", "不计收入"]),
    ("spend_medical", &["医疗自付", "医疗支出", "年医疗支出", "医疗刚性支出", "自付医疗费"]),
    ("spend_care", &["康复照护支出", "残疾康复支出", "照护支出"]),
    ("spend_school", &["教育支出", "年教育支出", "学费支出"]),
    ("deposits", &["存款", "银行存款", "现金和存款", "存款金额"]),
    ("securities", &["有价证券", "证券基金", "金融资产", "保险理财"]),
    ("vehicles", &["机动车", "车辆", "机动车数量", "车辆数"]),
    ("houses", &["住房", "住房套数", "房产套数", "房产数"]),
    ("land_mu", &["耕地面积", "承包地面积"]),
    ("forest_mu", &["林地面积"]),
    ("house_m2", &["房屋面积", "建筑面积"]),
    ("house_structure", &["房屋结构"]),
    ("house_safe", &["房屋安全等级", "住房安全", "危房等级"]),
    ("water", &["饮水方式", "饮水情况"]),
    ("bank", &["开户行", "开户银行名称", "银行"]),
    (
        "bank_account",
        &["银行卡号", "银行帐号", "账号", "帐号", "卡号", "一卡通账号", "一卡通号", "社保卡账号", "发放账号", "银行账户"],
    ),
    ("officer", &["帮扶责任人", "帮扶人", "联系人", "包户干部", "帮扶干部"]),
    ("officer_phone", &["帮扶责任人电话", "帮扶人电话", "责任人联系电话"]),
    ("visits", &["走访", "入户次数"]),
    ("remark", &["备注说明", "说明"]),
    ("status", &["户状态", "档案状态"]),
    ("created_at", &["建档日期"]),
];

const MEMBER_WORDS: &[(&str, &[&str])] = &[
    ("name", &["成员姓名", "家庭成员姓名", "家庭成员", "人员姓名", "姓名(成员)"]),
    ("relation", &["关系", "与户主的关系", "家庭关系", "成员关系", "与申请人关系", "与户主或申请人关系"]),
    ("gender", &["成员性别", "户主性别"]),
    ("birth", &["出生年月日", "出生年月", "生日", "成员出生日期", "户主出生日期"]),
    (
        "id_no",
        &[
            "身份证",
            "身份证号码",
            "身份证件号码",
            "证件号码",
            "证件号",
            "公民身份号码",
            "公民身份证号",
            "公民身份证号码",
            "居民身份证号",
            "居民身份证号码",
            "成员身份证号",
            "成员身份证号码",
            "家庭成员身份证号",
            "身份号码",
        ],
    ),
    ("ethnic", &["户主民族", "成员民族"]),
    ("education", &["学历", "文化水平", "受教育程度"]),
    ("health", &["健康情况", "身体状况", "身体健康状况"]),
    ("labor", &["劳动力", "劳动技能", "劳动力状况", "劳动能力状况"]),
    ("insured", &["医保", "是否参加医保", "是否参保", "是否参加医疗保险", "参保"]),
    ("disability", &["残疾类型", "残疾种类"]),
    ("disability_grade", &["残疾级别", "残疾程度"]),
    ("schooling", &["就学情况", "就读情况", "在读情况", "在校情况"]),
    ("parents", &["父母情况", "抚养情况"]),
    ("died", &["死亡时间"]),
];

const AID_WORDS: &[(&str, &[&str])] = &[
    ("no", &["救助编号", "记录编号", "受助编号"]),
    ("date", &["救助日期", "发放日期", "救助时间", "发放时间", "受助日期"]),
    ("program", &["救助项目", "补助项目", "受助项目", "项目名称", "补贴项目"]),
    ("amount", &["救助金额", "补助金额", "发放金额", "受助金额", "补贴金额"]),
    ("officer", &["救助经办人", "发放人"]),
    ("note", &["救助备注"]),
];

const HOLDING_WORDS: &[(&str, &[&str])] = &[
    ("person", &["类别人员", "享受人员", "享受对象"]),
    ("category", &["身份类型", "人员身份", "人员身份类别", "特殊身份"]),
    ("from", &["身份起始日期", "类别起始日期", "认定日期", "认定时间"]),
    ("until", &["身份终止日期", "类别终止日期", "停止享受日期"]),
    ("basis", &["认定文号", "认定依据或文号"]),
];

/// Categories of the whole household, in a row of a member.
pub(super) const SHARED: &str = "全户身份类别";
/// Categories of the member that a row is about; in a list of households, of the household.
pub(super) const OF_MEMBER: &str = "人员类别";

/// Words that say nothing.
const NOTHING: &[&str] = &["序号", "行号", "序"];

/// A header as it is compared: half width, no spaces, marks or units.
pub(super) fn plain(header: &str) -> String {
    let half = half_width(&one_line(header));
    let mut text: String = half.chars().filter(|c| !c.is_whitespace() && !matches!(c, '*' | ':' | '#' | '★')).collect();
    let units = ["元", "元/年", "亩", "m²", "㎡", "m2", "平方米", "次", "必填", "选填", "文本", "文本格式"];
    while let Some((rest, unit)) = text.strip_suffix(')').and_then(|text| text.rsplit_once('(')) {
        if rest.is_empty() || !units.contains(&unit) {
            break;
        }
        text = rest.to_owned();
    }
    text
}

fn known_in(table: &'static [Field], words: &[(&str, &[&str])], header: &str) -> Option<&'static Field> {
    let own = |field: &&Field| field.name == header || plain(field.label) == header;
    let by_word = || words.iter().find(|(_, words)| words.contains(&header)).and_then(|(name, _)| find(table, name));
    table.iter().find(own).or_else(by_word)
}

/// The field that a header alone names.
fn known(header: &str) -> Option<Target> {
    if NOTHING.contains(&header) {
        return Some(Target::Nothing);
    }
    let household = || known_in(HOUSEHOLD, HOUSEHOLD_WORDS, header).map(Target::Household);
    let member = || known_in(MEMBER, MEMBER_WORDS, header).map(Target::Member);
    let aid = || known_in(AID, AID_WORDS, header).map(Target::Aid);
    let holding = || known_in(HOLDING, HOLDING_WORDS, header).map(Target::Holding);
    let shared = || (header == SHARED).then_some(Target::Shared);
    household().or_else(member).or_else(aid).or_else(holding).or_else(shared)
}

fn is_marked(header: &str) -> bool {
    let half = half_width(header);
    half.starts_with(OTHER) || half.starts_with(OF_HOUSEHOLD)
}

/// Whether a header names a field, so that a further field of that name needs a mark.
pub(super) fn is_known(header: &str) -> bool {
    is_marked(header) || known(&plain(header)).is_some()
}

/// The words of a header row, each with the word of the merged cell above it.
fn words(rows: &[(u64, Vec<Cell>)], at: usize) -> Vec<(String, String)> {
    let row = &rows[at].1;
    let above = at.checked_sub(1).and_then(|above| rows.get(above)).filter(|(line, _)| *line + 1 == rows[at].0);
    let above = above.map(|(_, cells)| cells.as_slice()).unwrap_or_default();
    let mut group = String::new();
    (0..row.len().max(above.len()))
        .map(|column| {
            let cell = |cells: &[Cell]| cells.get(column).map(Cell::plain).unwrap_or_default();
            let (own, over) = (cell(row), cell(above));
            if !over.is_empty() {
                group = over;
            }
            // A merged cell that reaches down has its word above and nothing below.
            if own.is_empty() { (cell(above), String::new()) } else { (own, group.clone()) }
        })
        .collect()
}

fn target(own: &str, over: &str) -> Option<Target> {
    if is_marked(own) {
        return None;
    }
    let (own, over) = (plain(own), plain(over));
    let both = (!over.is_empty()).then(|| known(&format!("{over}{own}"))).flatten();
    both.or_else(|| known(&own))
}

/// Finds the header row and says what the columns hold; none when no row names a person or a household.
pub(super) fn find_head(sheet: &str, rows: &[(u64, Vec<Cell>)]) -> Option<Head> {
    let count = |at: &usize| {
        let known = words(rows, *at).into_iter().filter_map(|(own, over)| target(&own, &over));
        known.filter(|target| *target != Target::Nothing).count()
    };
    let mut best = (0, 0);
    for at in 0..rows.len().min(SEARCHED_ROWS) {
        let found = count(&at);
        if found > best.1 {
            best = (at, found);
        }
    }
    let (at, found) = best;
    if found < 2 {
        return None;
    }
    let columns: Vec<(String, Option<Target>)> = words(rows, at)
        .into_iter()
        .enumerate()
        .map(|(column, (own, over))| {
            let target = target(&own, &over);
            let header = if own.is_empty() { format!("第 {} 列", column + 1) } else { own };
            (header, target)
        })
        .collect();
    let has = |wanted: &[(&str, u8)]| {
        wanted.iter().all(|(name, table)| {
            columns.iter().any(|(_, target)| match target {
                Some(Target::Household(field)) => *table == 0 && field.name == *name,
                Some(Target::Member(field)) => *table == 1 && field.name == *name,
                Some(Target::Aid(field)) => *table == 2 && field.name == *name,
                Some(Target::Holding(field)) => *table == 3 && field.name == *name,
                _ => false,
            })
        })
    };
    let payments = has(&[("program", 2), ("amount", 2)]);
    let own = columns.iter().filter_map(|(_, target)| match target {
        Some(Target::Household(field)) => Some(field.name),
        _ => None,
    });
    let of_household: Vec<&str> = own.filter(|name| !matches!(*name, "remark" | "officer")).collect();
    let names_only = of_household.iter().all(|name| matches!(*name, "id" | "head" | "head_id_no" | "region"));
    let categories = has(&[("category", 3)]) || columns.iter().any(|(header, _)| plain(header) == OF_MEMBER);
    let kind = if has(&[("name", 1)]) {
        Kind::Member
    } else if payments && names_only && !of_household.is_empty() {
        Kind::Aid
    } else if has(&[("category", 3), ("person", 3)]) && names_only && !of_household.is_empty() {
        Kind::Holding
    } else if has(&[("head", 0)]) {
        Kind::Household
    } else {
        return None;
    };
    let mut seen = BTreeSet::new();
    let key_apart = columns.iter().any(|(header, _)| {
        let header = plain(header);
        header != "编号" && matches!(known(&header), Some(Target::Household(field)) if field.name == "id")
    });
    let columns = columns.into_iter().map(|(header, target)| {
        let target = apart(&header, target, kind, (payments, categories), key_apart);
        let mark = match &target {
            Target::Household(field) => format!("0{}", field.name),
            Target::Member(field) => format!("1{}", field.name),
            Target::Aid(field) => format!("2{}", field.name),
            Target::Holding(field) => format!("5{}", field.name),
            Target::Shared => "6".to_owned(),
            Target::Other(name) => format!("3{name}"),
            Target::OtherOfHousehold(name) => format!("4{name}"),
            Target::Nothing => return (header, target),
        };
        if seen.insert(mark) {
            return (header, target);
        }
        // The second column of the same name: kept, under a name of its own.
        let mut other = header.clone();
        for number in 2.. {
            other = format!("{header}（{number}）");
            if seen.insert(format!("3{other}")) {
                break;
            }
        }
        (header, Target::Other(other))
    });
    Some(Head { sheet: sheet.to_owned(), kind, below: at + 1, columns: columns.collect() })
}

/// What a header means beside the others of its sheet.
fn apart(header: &str, target: Option<Target>, kind: Kind, (payments, categories): (bool, bool), key_apart: bool) -> Target {
    let aid = |name: &str| find(AID, name).map_or(Target::Nothing, Target::Aid);
    match (plain(header).as_str(), target) {
        ("编号", Some(_)) if kind == Kind::Aid => aid("no"),
        ("备注", Some(_)) if kind == Kind::Aid => aid("note"),
        ("经办人", Some(_)) if kind == Kind::Aid => aid("officer"),
        ("编号", Some(_)) if key_apart => Target::Other("编号".to_owned()),
        (OF_MEMBER, Some(_)) if kind == Kind::Member => find(HOLDING, "category").map_or(Target::Nothing, Target::Holding),
        // Without a category beside them, these words say nothing about one; nor do they in a list of payments.
        (_, Some(Target::Holding(field)))
            if !categories || kind == Kind::Aid || field.name == "person" && kind != Kind::Holding =>
        {
            Target::Other(other_name(header))
        }
        // Without project and amount beside them, these words say nothing about payments.
        (_, Some(Target::Aid(_))) if !payments => Target::Other(other_name(header)),
        (_, Some(target)) => target,
        (_, None) if half_width(header).starts_with(OF_HOUSEHOLD) => {
            Target::OtherOfHousehold(header.chars().skip(OF_HOUSEHOLD.chars().count()).collect())
        }
        (_, None) => Target::Other(other_name(header)),
    }
}

/// The name that an unknown column's content is kept under.
fn other_name(header: &str) -> String {
    let marked = half_width(header).starts_with(OTHER);
    let name: String = if marked { header.chars().skip(OTHER.chars().count()).collect() } else { header.to_owned() };
    let mut name: String = name.chars().take(40).collect();
    if matches!(name.as_str(), "members" | "aid" | "holdings" | "") {
        name.insert_str(0, "列 ");
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_names_two_fields_and_every_word_names_one() {
        let mut seen = BTreeSet::new();
        for (table, words) in [(HOUSEHOLD, HOUSEHOLD_WORDS), (MEMBER, MEMBER_WORDS), (AID, AID_WORDS), (HOLDING, HOLDING_WORDS)] {
            for (name, words) in words {
                assert!(find(table, name).is_some(), "{name}");
                for word in *words {
                    assert_eq!(*word, plain(word), "as it is compared");
                    assert!(seen.insert(*word), "{word} stands twice");
                }
            }
        }
        for label in HOUSEHOLD.iter().chain(MEMBER).chain(HOLDING).map(|field| plain(field.label)) {
            assert!(!seen.contains(label.as_str()), "{label} is a label already");
        }
    }

    #[test]
    fn headers_are_compared_without_spaces_marks_and_units() {
        for (header, field) in [
            ("户 主\n姓 名", "head"),
            ("*身份证号码：", "id_no"),
            ("年收入（元）", "income_annual"),
            ("住房面积(㎡)", "house_m2"),
            ("家庭住址", "address"),
            ("head_id_no", "head_id_no"),
        ] {
            let found = match known(&plain(header)) {
                Some(Target::Household(found) | Target::Member(found) | Target::Aid(found)) => found.name,
                _ => "",
            };
            assert_eq!(found, field, "{header}");
        }
        assert!(!is_known("年收入（万元）"), "another unit is another column");
    }
}
