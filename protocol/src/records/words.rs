//! Words that come up again and again in household files, stored as a number each.
//!
//! A list is frozen: a word is never moved, changed or taken out, because records hold its place. New words go to the
//! end, and a version that doesn't know one shows its number. A word that is in no list is stored as text, so a list
//! limits nothing; what words a form offers is the policy pack's matter.

/// 与户主关系
pub const RELATION: &[&str] = &[
    "户主",
    "本人",
    "配偶",
    "之子",
    "之女",
    "之父",
    "之母",
    "之儿媳",
    "之女婿",
    "之孙子",
    "之孙女",
    "之外孙子",
    "之外孙女",
    "之祖父",
    "之祖母",
    "之岳父",
    "之岳母",
    "之公公",
    "之婆婆",
    "之兄弟",
    "之姐妹",
    "之兄弟姐妹",
    "其他",
    "非亲属",
    "丈夫",
    "妻子",
    "儿子",
    "女儿",
    "父亲",
    "母亲",
    "儿媳",
    "女婿",
    "孙子",
    "孙女",
];

/// 性别
pub const SEX: &[&str] = &["男", "女", "未知", "未说明"];

/// 民族, in the order of GB/T 3304
pub const ETHNIC: &[&str] = &[
    "汉族",
    "蒙古族",
    "回族",
    "藏族",
    "维吾尔族",
    "苗族",
    "彝族",
    "壮族",
    "布依族",
    "朝鲜族",
    "满族",
    "侗族",
    "瑶族",
    "白族",
    "土家族",
    "哈尼族",
    "哈萨克族",
    "傣族",
    "黎族",
    "傈僳族",
    "佤族",
    "畲族",
    "高山族",
    "拉祜族",
    "水族",
    "东乡族",
    "纳西族",
    "景颇族",
    "柯尔克孜族",
    "土族",
    "达斡尔族",
    "仫佬族",
    "羌族",
    "布朗族",
    "撒拉族",
    "毛南族",
    "仡佬族",
    "锡伯族",
    "阿昌族",
    "普米族",
    "塔吉克族",
    "怒族",
    "乌孜别克族",
    "俄罗斯族",
    "鄂温克族",
    "德昂族",
    "保安族",
    "裕固族",
    "京族",
    "塔塔尔族",
    "独龙族",
    "鄂伦春族",
    "赫哲族",
    "门巴族",
    "珞巴族",
    "基诺族",
];

/// 文化程度
pub const EDUCATION: &[&str] =
    &["文盲或半文盲", "小学", "初中", "高中", "中职", "中专", "技校", "大专", "本科", "研究生", "学龄前", "未上学", "其他"];

/// 健康状况
pub const HEALTH: &[&str] = &[
    "健康",
    "健康或良好",
    "一般或较弱",
    "长期慢性病",
    "患有大病",
    "残疾",
    "长期慢性病且残疾",
    "患有大病且残疾",
    "有慢性病",
    "智力残疾",
    "精神残疾",
    "肢体残疾",
    "视力残疾",
    "听力残疾",
    "言语残疾",
    "多重残疾",
];

/// 劳动能力
pub const LABOR: &[&str] = &["普通劳动力", "技能劳动力", "弱劳动力或半劳动力", "丧失劳动力", "无劳动力", "部分丧失劳动力"];

/// 困难类别: the eight of 社会救助法 第13条 and what registers write
pub const CATEGORY: &[&str] = &[
    "特困人员",
    "最低生活保障家庭",
    "最低生活保障边缘家庭",
    "刚性支出困难家庭",
    "受灾人员",
    "基本生活暂时出现严重困难的人员",
    "需要疾病应急救助人员",
    "生活无着的流散人员",
    "脱贫户",
    "监测户",
    "低保户",
    "低保边缘户",
    "特困供养户",
    "一般农户",
    "支出型困难家庭",
    "孤儿",
    "困境儿童",
    "事实无人抚养儿童",
    "重度残疾人",
    "重点优抚对象",
    "其他",
];

/// 主要致贫原因
pub const CAUSE: &[&str] = &[
    "因病",
    "因残",
    "因学",
    "因灾",
    "因意外",
    "失业/无业",
    "失业",
    "缺劳力",
    "缺劳动力",
    "缺技术",
    "缺资金",
    "缺土地",
    "缺水",
    "失地",
    "因老",
    "因婚",
    "交通落后",
    "自身动力不足",
    "自身发展力不足",
    "收入低",
    "其他",
];

/// 风险
pub const RISK: &[&str] = &["无", "收入下降", "大病支出", "住房安全", "饮水安全", "失学", "失业", "意外", "其他"];

/// 住房结构
pub const STRUCTURE: &[&str] = &["砖混", "砖木", "土木", "框架", "钢混", "木结构", "其他"];

/// 住房安全等级
pub const SAFETY: &[&str] = &["A级", "B级", "C级", "D级"];

/// 供水方式
pub const WATER: &[&str] = &["集中供水", "分散供水", "自来水", "井水", "其他"];

/// 开户银行
pub const BANK: &[&str] = &[
    "农村信用社",
    "农业银行",
    "邮政储蓄银行",
    "农商银行",
    "工商银行",
    "建设银行",
    "中国银行",
    "交通银行",
    "张家港农商银行",
    "苏州银行",
    "江苏银行",
    "招商银行",
];

/// 状态
pub const STATUS: &[&str] = &["在档", "待审核", "已注销", "在保", "停保", "渐退期", "迁出", "死亡"];

/// 救助、补贴项目
pub const PROGRAM: &[&str] = &[
    "农村低保金",
    "城市低保金",
    "低保金",
    "临时救助",
    "医疗救助",
    "教育救助",
    "住房救助",
    "就业救助",
    "受灾人员救助",
    "特困供养金",
    "残疾人两项补贴",
    "困难残疾人生活补贴",
    "重度残疾人护理补贴",
    "耕地地力保护补贴",
    "公益性岗位补贴",
    "雨露计划",
    "危房改造补助",
    "小额信贷贴息",
    "产业奖补",
    "务工交通补贴",
    "孤儿基本生活费",
    "高龄津贴",
    "物价补贴",
    "慈善救助",
    "节日慰问",
];

/// 在学情况
pub const SCHOOLING: &[&str] =
    &["不在学", "学前教育", "小学", "初中", "普通高中", "中等职业学校", "大专", "本科", "研究生", "特殊教育"];

/// 残疾类别, in the order of GB/T 26341
pub const DISABILITY: &[&str] = &["无", "视力", "听力", "言语", "肢体", "智力", "精神", "多重"];

/// 残疾等级, the worst first
pub const GRADE: &[&str] = &["一级", "二级", "三级", "四级"];

/// 父母情况 of a minor
pub const PARENTS: &[&str] = &["父母抚养", "一方抚养", "孤儿", "事实无人抚养"];

/// Why somebody of the register does not share the household's life (民发〔2021〕57号 第7条)
pub const APART: &[&str] = &["服刑", "强制隔离戒毒", "宣告失踪", "宗教教职人员", "已自立另住", "其他"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_list_names_a_word_twice_and_none_outgrows_a_byte() {
        for list in [
            RELATION, SEX, ETHNIC, EDUCATION, HEALTH, LABOR, CATEGORY, CAUSE, RISK, STRUCTURE, SAFETY, WATER, BANK, STATUS,
            PROGRAM, SCHOOLING, DISABILITY, GRADE, PARENTS, APART,
        ] {
            let unique: std::collections::BTreeSet<_> = list.iter().collect();
            assert_eq!(unique.len(), list.len(), "{:?}", list.first());
            assert!(list.len() < 128);
        }
    }

    #[test]
    fn the_lists_are_frozen() {
        let all = [
            RELATION, SEX, ETHNIC, EDUCATION, HEALTH, LABOR, CATEGORY, CAUSE, RISK, STRUCTURE, SAFETY, WATER, BANK, STATUS,
            PROGRAM,
        ];
        let joined = all.map(|list| list.join(",")).join(";");
        let hash = crate::hash::Hash::of("words", &[joined.as_bytes()]);
        assert_eq!(&hash.hex()[..16], "ccdd80661f40c6e1", "append only; then change this line");
    }
}
