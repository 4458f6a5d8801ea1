//! Invented households, and offline edits of them.
//!
//! The output is part of what outsiders rely on: the same options give the same bytes for ever, and the same as the
//! script `generate_households.py` that comes with the household file format. The order of the draws below is
//! therefore as fixed as the tables. A household depends on the seed and its number only, so that a smaller set is
//! the beginning of a larger one. Area codes are of an unassigned range (5193xx): no ID can be a real person's.

use serde::{Deserialize, Serialize};
use shouwang_protocol::area::{Area, AreaId, Tier};
use std::collections::BTreeMap;

/// Sebastiano Vigna's splitmix64: every random decision of this crate that is not the virtual city's.
#[derive(Clone, Debug)]
pub struct SplitMix64(u64);

impl SplitMix64 {
    /// The stream of `seed`.
    pub fn new(seed: u64) -> SplitMix64 {
        SplitMix64(seed)
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which must not be 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next_u64() % bound
    }

    /// A number from `first` to `last`, both included.
    fn range(&mut self, first: u64, last: u64) -> u64 {
        first + self.below(last - first + 1)
    }

    fn pick<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.below(choices.len() as u64) as usize]
    }

    fn weighted<T: Copy>(&mut self, choices: &[(T, u64)]) -> T {
        let mut k = self.below(choices.iter().map(|(_, weight)| weight).sum());
        let mut i = 0;
        while k >= choices[i].1 {
            k -= choices[i].1;
            i += 1;
        }
        choices[i].0
    }

    /// One character of a string of Chinese characters of the basic plane: each is three bytes of UTF-8.
    fn character<'a>(&mut self, characters: &'a str) -> &'a str {
        let start = 3 * self.below(characters.len() as u64 / 3) as usize;
        &characters[start..start + 3]
    }
}

const SURNAMES: &str = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾萧田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤";
const GIVEN_MALE: &str =
    "伟强磊军洋勇杰涛明超刚平辉鹏华飞鑫波斌宇浩凯健俊帆帅旭宁龙林建国志文德永贵福祥成光荣顺昌兴富春生根发财宝长江树山石泉";
const GIVEN_FEMALE: &str =
    "芳娜敏静丽艳娟霞秀英桂兰玉梅红燕萍玲珍莲凤琴云菊香翠花素淑惠贞银金彩爱春夏秋冬雪月巧慧婷倩颖洁琳怡欣雨佳";
const COUNTIES: [&str; 3] = ["青石县", "白水县", "龙门县"];
#[rustfmt::skip]
const TOWNS: [&str; 12] = ["石桥镇", "双河镇", "大坪乡", "永兴镇", "柳林镇", "清溪乡", "太平镇", "观音镇", "黄泥乡", "长岭镇", "罗家镇", "新店乡"];
#[rustfmt::skip]
const VILLAGES: [&str; 16] = [
    "东风村", "红旗村", "高山村", "团结村", "梨树村", "竹园村", "杨柳村", "凉水村",
    "大湾村", "柏树村", "桃源村", "金鸡村", "马鞍村", "石板村", "青杠村", "向阳村",
];
#[rustfmt::skip]
const TYPES: &[(&str, u64)] = &[("脱贫户", 40), ("监测户", 15), ("低保户", 25), ("特困供养户", 6), ("低保边缘户", 9), ("一般农户", 5)];
#[rustfmt::skip]
const CAUSES: &[(&str, u64)] = &[
    ("因病", 40), ("因残", 18), ("因学", 8), ("缺劳动力", 16), ("缺技术", 8), ("因灾", 6), ("因婚", 2), ("自身发展力不足", 2),
];
const RISKS: &[(&str, u64)] = &[("无", 70), ("收入下降", 12), ("大病支出", 10), ("住房安全", 4), ("饮水安全", 4)];
const HEALTH: &[(&str, u64)] = &[("健康", 62), ("长期慢性病", 20), ("患有大病", 6), ("残疾", 9), ("长期慢性病且残疾", 3)];
#[rustfmt::skip]
const EDUCATION: &[(&str, u64)] = &[("文盲或半文盲", 12), ("小学", 38), ("初中", 32), ("高中", 9), ("中职", 4), ("大专", 3), ("本科", 2)];
#[rustfmt::skip]
const LABOR: &[(&str, u64)] = &[("普通劳动力", 48), ("技能劳动力", 5), ("弱劳动力或半劳动力", 17), ("丧失劳动力", 8), ("无劳动力", 22)];
const ETHNIC: &[(&str, u64)] = &[("汉族", 88), ("苗族", 5), ("彝族", 4), ("土家族", 3)];
const STATUS: &[(&str, u64)] = &[("在档", 90), ("待审核", 6), ("已注销", 4)];
const HOUSE_SAFE: &[(&str, u64)] = &[("A级", 50), ("B级", 42), ("C级", 6), ("D级", 2)];
const HOUSE_STRUCTURE: &[&str] = &["砖混", "砖木", "土木", "框架"];
const WATER: &[&str] = &["集中供水", "分散供水", "自来水"];
const BANKS: &[&str] = &["农村信用社", "农业银行", "邮政储蓄银行", "农商银行"];
const MOBILE: &[&str] = &["138", "139", "151", "158", "182", "187", "136", "177", "199"];
const MEMBERS: &[(u64, u64)] = &[(1, 12), (2, 20), (3, 22), (4, 24), (5, 14), (6, 8)];
const AIDS: &[(u64, u64)] = &[(0, 6), (1, 14), (2, 22), (3, 22), (4, 16), (5, 12), (6, 8)];
#[rustfmt::skip]
const PROGRAMS: &[(&str, u64)] = &[
    ("农村低保金", 30), ("临时救助", 10), ("残疾人两项补贴", 12), ("耕地地力保护补贴", 20), ("公益性岗位补贴", 9), ("雨露计划", 5),
    ("医疗救助", 8), ("危房改造补助", 2), ("小额信贷贴息", 3), ("产业奖补", 6), ("务工交通补贴", 5),
];
#[rustfmt::skip]
const NOTES: &[&str] = &[
    "", "", "一卡通打卡发放", "已公示无异议", "本人签领", "家属代领，已核对身份证", "按季度发放", "资料齐全，乡镇审核通过", "补发上季度差额",
];
const REMARKS: &[&str] = &[
    "户主长期在外务工，联系以其配偶电话为准。",
    "患慢性病需长期服药，每月药费约{k}元，已办理慢病卡。",
    "子女在县城就读，享受教育资助，需跟踪入学情况。",
    "房屋经鉴定为安全住房，院坝需硬化。",
    "近期因自然灾害农作物受损约{k}斤，已上报。",
    "因意外受伤住院，自付医疗费用{k}元，纳入重点监测。",
    "发展养殖业，现有生猪{j}头、鸡{k}只，收入较稳定。",
    "本季度入户走访{j}次，饮水、住房、医保均有保障。",
];
/// What a household's risk may become in an edit.
const NEW_RISKS: &[&str] = &["收入下降", "大病支出", "住房安全", "饮水安全"];
const EDITORS: [&str; 4] = ["陈志强", "李秀兰", "王建国", "何桂英"];

/// A member other than the head: relation, gender (none: the opposite of the head's), years of birth, whether of the
/// head's surname.
struct Relation {
    word: &'static str,
    male: Option<bool>,
    born: (u64, u64),
    same_surname: bool,
}

#[rustfmt::skip]
const RELATIONS: [&Relation; 8] = [
    &Relation { word: "配偶", male: None, born: (1945, 1994), same_surname: false },
    &Relation { word: "之子", male: Some(true), born: (1970, 2015), same_surname: true },
    &Relation { word: "之女", male: Some(false), born: (1970, 2015), same_surname: true },
    &Relation { word: "之父", male: Some(true), born: (1930, 1960), same_surname: true },
    &Relation { word: "之母", male: Some(false), born: (1932, 1962), same_surname: false },
    &Relation { word: "之儿媳", male: Some(false), born: (1970, 2015), same_surname: false },
    &Relation { word: "之孙子", male: Some(true), born: (2005, 2023), same_surname: true },
    &Relation { word: "之孙女", male: Some(false), born: (2005, 2023), same_surname: true },
];

/// One line of a household file. The fields stand in the order of the file.
#[derive(Serialize)]
struct Household {
    id: String,
    region: String,
    province: &'static str,
    city: &'static str,
    county: String,
    town: String,
    village: String,
    group: u64,
    address: String,
    head: String,
    head_id_no: String,
    phone: String,
    r#type: &'static str,
    cause: &'static str,
    risk: &'static str,
    members: Vec<Member>,
    income_annual: u64,
    income_wage: u64,
    income_farm: u64,
    income_transfer: u64,
    income_property: u64,
    land_mu: f64,
    forest_mu: f64,
    house_m2: u64,
    house_structure: &'static str,
    house_safe: &'static str,
    water: &'static str,
    bank: &'static str,
    bank_account: String,
    officer: String,
    officer_phone: String,
    visits: u64,
    remark: String,
    aid: Vec<Aid>,
    status: &'static str,
    created_at: String,
    updated_at: String,
}

#[derive(Serialize)]
struct Member {
    name: String,
    relation: &'static str,
    gender: &'static str,
    birth: String,
    id_no: String,
    ethnic: &'static str,
    education: &'static str,
    health: &'static str,
    labor: &'static str,
    insured: bool,
}

#[derive(Serialize)]
struct Aid {
    no: String,
    date: String,
    program: &'static str,
    amount: u64,
    officer: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    note: &'static str,
}

/// Which households [`docs`] invents.
#[derive(Clone, Debug, Default)]
pub struct Options<'a> {
    /// How many.
    pub n: u64,
    /// The seed of all of them.
    pub seed: u64,
    /// Let each live in one of these areas' villages, round robin, instead of in an invented county.
    pub divisions: Option<&'a [Area]>,
    /// Of `divisions`, only the villages of this area: 12 digits, trailing `000` meaning all below it.
    pub area: Option<String>,
}

/// Why nothing was generated. Names no household.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HouseholdsError {
    /// No village of the divisions lies in the area.
    NoVillage,
    /// This village does not lie below a township below a city.
    Rootless(AreaId),
    /// This line (from 1) of the households to edit has no `id`, `income_annual`, `visits` and `risk` of the right type.
    Doc(usize),
}

impl std::fmt::Display for HouseholdsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            HouseholdsError::NoVillage => write!(f, "no village of the divisions lies in the area asked for"),
            HouseholdsError::Rootless(id) => write!(f, "village {id} does not lie below a township below a city"),
            HouseholdsError::Doc(line) => write!(f, "line {line} of the households is not one as generated here"),
        }
    }
}

impl std::error::Error for HouseholdsError {}

/// Invented households, one line of JSON (without its line end) each.
pub fn docs<'a>(options: &Options<'a>) -> Result<impl Iterator<Item = String> + use<'a>, HouseholdsError> {
    let villages = match options.divisions {
        None => Vec::new(),
        Some(areas) => villages(areas, options.area.as_deref().unwrap_or_default())?,
    };
    let seed = options.seed;
    Ok((0..options.n).map(move |i| {
        let start = seed.wrapping_mul(1_000_003).wrapping_add(i.wrapping_mul(0x5851_F42D_4C95_7F2D));
        let mut household = household(&mut SplitMix64::new(start), i, seed);
        if !villages.is_empty() {
            settle(&mut household, i, &villages);
        }
        json(&household)
    }))
}

/// A village, its township and its city.
type Path<'a> = [&'a Area; 3];

fn villages<'a>(areas: &'a [Area], below: &str) -> Result<Vec<Path<'a>>, HouseholdsError> {
    let by_id: BTreeMap<AreaId, &Area> = areas.iter().map(|area| (area.id, area)).collect();
    let parent_of = |area: &Area| area.parent.and_then(|id| by_id.get(&id).copied());
    let mut prefix = below;
    while let Some(shorter) = prefix.strip_suffix("000") {
        prefix = shorter;
    }
    let wanted = areas.iter().filter(|area| area.tier == Tier::Village && area.code.starts_with(prefix));
    let paths: Vec<Path<'a>> = wanted
        .map(|village| {
            let town = parent_of(village).ok_or(HouseholdsError::Rootless(village.id))?;
            let city = parent_of(town).ok_or(HouseholdsError::Rootless(village.id))?;
            Ok([village, town, city])
        })
        .collect::<Result<_, _>>()?;
    if paths.is_empty() { Err(HouseholdsError::NoVillage) } else { Ok(paths) }
}

fn settle(household: &mut Household, i: u64, villages: &[Path<'_>]) {
    let round = villages.len() as u64;
    let [village, town, city] = villages[(i % round) as usize];
    household.id = format!("{}-{:05}", village.code, i / round + 1);
    household.region.clone_from(&village.code);
    (household.province, household.city) = ("江苏省", "苏州市");
    household.county.clone_from(&city.name);
    household.town.clone_from(&town.name);
    household.village.clone_from(&village.name);
    household.address = format!("{}{}{}{}组{}号", city.name, town.name, village.name, household.group, 1 + i % 180);
}

/// Household number `i`. Fields of one literal are drawn in the order in which they are written.
fn household(r: &mut SplitMix64, i: u64, seed: u64) -> Household {
    // 300 households to a village, which has its own officers
    let v = i / 300;
    let vr = &mut SplitMix64::new(seed.wrapping_mul(7919).wrapping_add(v));
    let (county_no, town_no) = (v / 60 % 3, v / 5 % 12);
    let (county, town, village) = (COUNTIES[county_no as usize], TOWNS[town_no as usize], vr.pick(&VILLAGES));
    let officers: [String; 6] = std::array::from_fn(|_| {
        let male = vr.below(2) == 0;
        name(vr, male, None)
    });
    let area = format!("5193{}", 21 + county_no);
    let code = format!("{area}1{town_no:02}2{:02}", v % 100);

    let members = members(r, &area);
    let (head, head_id_no) = members.first().map(|head| (head.name.clone(), head.id_no.clone())).unwrap_or_default();
    let income_wage = r.below(400) * 100;
    let income_farm = r.below(150) * 80;
    let income_transfer = r.below(120) * 50;
    let income_property = r.below(20) * 50;
    let created_at = time(r, 2019, 2021);
    let updated_at = time(r, 2022, 2025);
    Household {
        id: format!("{code}-{:05}", i % 300 + 1 + v / 100 * 300),
        region: code,
        province: "川南省",
        city: "平江市",
        county: county.to_owned(),
        town: town.to_owned(),
        village: village.to_owned(),
        group: r.range(1, 12),
        address: format!("{county}{town}{village}{}组{}号", r.range(1, 12), r.range(1, 180)),
        head,
        head_id_no,
        phone: phone(r),
        r#type: r.weighted(TYPES),
        cause: r.weighted(CAUSES),
        risk: r.weighted(RISKS),
        members,
        income_annual: income_wage + income_farm + income_transfer + income_property,
        income_wage,
        income_farm,
        income_transfer,
        income_property,
        land_mu: r.below(120) as f64 / 10.0,
        forest_mu: r.below(80) as f64 / 10.0,
        house_m2: r.range(30, 220),
        house_structure: r.pick(HOUSE_STRUCTURE),
        house_safe: r.weighted(HOUSE_SAFE),
        water: r.pick(WATER),
        bank: r.pick(BANKS),
        bank_account: format!("6217{:015}", r.below(1_000_000_000_000_000)),
        officer: r.pick(&officers.each_ref()).clone(),
        officer_phone: phone(vr),
        visits: r.below(24),
        remark: (0..r.below(3)).map(|_| remark(r)).collect(),
        aid: (0..r.weighted(AIDS)).map(|_| aid(r, 2021, 2025, &officers.each_ref().map(String::as_str))).collect(),
        status: r.weighted(STATUS),
        created_at,
        updated_at,
    }
}

/// The members of a household, the head first.
fn members(r: &mut SplitMix64, area: &str) -> Vec<Member> {
    let head_male = r.below(10) < 8;
    let surname = r.character(SURNAMES);
    let birth = date(r, 1940, 1992);
    let count = r.weighted(MEMBERS);
    let head = member(r, area, head_male, "户主", Some(surname), birth, None);
    let ethnic = head.ethnic;
    let mut members = vec![head];
    for _ in 1..count {
        let relation = r.pick(&RELATIONS);
        let male = relation.male.unwrap_or(!head_male);
        let birth = date(r, relation.born.0, relation.born.1);
        let surname = relation.same_surname.then_some(surname);
        members.push(member(r, area, male, relation.word, surname, birth, Some(ethnic)));
    }
    members
}

fn member(
    r: &mut SplitMix64,
    area: &str,
    male: bool,
    relation: &'static str,
    surname: Option<&str>,
    birth: String,
    ethnic: Option<&'static str>,
) -> Member {
    Member {
        name: name(r, male, surname),
        relation,
        gender: if male { "男" } else { "女" },
        id_no: id_no(r, area, &birth, male),
        birth,
        ethnic: ethnic.unwrap_or_else(|| r.weighted(ETHNIC)),
        education: r.weighted(EDUCATION),
        health: r.weighted(HEALTH),
        labor: r.weighted(LABOR),
        insured: r.below(50) > 0,
    }
}

/// An ID number with its check digit (GB 11643-1999).
fn id_no(r: &mut SplitMix64, area: &str, birth: &str, male: bool) -> String {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let mut number = format!("{area}{}{:02}{}", birth.replace('-', ""), r.below(100), r.below(5) * 2 + u64::from(male));
    let sum: u32 = number.bytes().zip(WEIGHTS).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    number.push(char::from(b"10X98765432"[sum as usize % 11]));
    number
}

fn date(r: &mut SplitMix64, first_year: u64, last_year: u64) -> String {
    format!("{:04}-{:02}-{:02}", r.range(first_year, last_year), r.range(1, 12), r.range(1, 28))
}

fn time(r: &mut SplitMix64, first_year: u64, last_year: u64) -> String {
    let date = date(r, first_year, last_year);
    format!("{date}T{:02}:{:02}:{:02}Z", r.below(24), r.below(60), r.below(60))
}

fn name(r: &mut SplitMix64, male: bool, surname: Option<&str>) -> String {
    let given = if male { GIVEN_MALE } else { GIVEN_FEMALE };
    let surname = surname.unwrap_or_else(|| r.character(SURNAMES));
    let first = r.character(given);
    let second = if r.below(10) < 7 { r.character(given) } else { "" };
    format!("{surname}{first}{second}")
}

fn phone(r: &mut SplitMix64) -> String {
    format!("{}{:08}", r.pick(MOBILE), r.below(100_000_000))
}

fn remark(r: &mut SplitMix64) -> String {
    let text = r.pick(REMARKS);
    let (k, j) = (r.range(20, 900), r.range(1, 12));
    text.replace("{k}", &k.to_string()).replace("{j}", &j.to_string())
}

fn aid(r: &mut SplitMix64, first_year: u64, last_year: u64, officers: &[&str]) -> Aid {
    let date = date(r, first_year, last_year);
    Aid {
        no: format!("A{}{:06}", &date.replace('-', "")[2..], r.below(1_000_000)),
        date,
        program: r.weighted(PROGRAMS),
        amount: r.range(2, 120) * 50,
        officer: r.pick(officers).to_owned(),
        note: r.pick(NOTES),
    }
}

/// The fields of a household that an edit looks at.
#[derive(Deserialize)]
struct Before {
    id: String,
    income_annual: i64,
    visits: i64,
    risk: String,
}

/// One edit: set one field, append one row to `aid`.
#[derive(Serialize)]
struct Edit<'a> {
    id: &'a str,
    set: Set,
    aid: Aid,
}

#[derive(Clone, Serialize)]
#[serde(rename_all = "snake_case")]
enum Set {
    IncomeAnnual(i64),
    Phone(String),
    Visits(i64),
    Risk(&'static str),
    Officer(String),
}

/// Offline edits of `docs` on the client and on the server, one line of JSON each: `edits` on either side, `both` of
/// them (at most all) of the same households; of those the first half set the same field on both sides, the others
/// different fields.
pub fn edits(docs: &[String], seed: u64, edits: usize, both: usize) -> Result<(Vec<String>, Vec<String>), HouseholdsError> {
    let docs: Vec<Before> = docs
        .iter()
        .enumerate()
        .map(|(i, line)| serde_json::from_str(line).map_err(|_| HouseholdsError::Doc(i + 1)))
        .collect::<Result<_, _>>()?;
    let mut r = SplitMix64::new(seed.wrapping_mul(31_337).wrapping_add(77));
    let mut order: Vec<&Before> = docs.iter().collect();
    for i in (1..order.len()).rev() {
        order.swap(i, r.below(i as u64 + 1) as usize);
    }
    let only = edits.saturating_sub(both);
    let client = order.iter().take(edits);
    let server = order.iter().take(both).chain(order.iter().skip(edits).take(only));

    let client = client.enumerate().map(|(k, doc)| edit(&mut r, doc, (k < both).then_some(0))).collect();
    let on_server = |k| if k < both / 2 { 0 } else { 1 };
    let server = server.enumerate().map(|(k, doc)| edit(&mut r, doc, (k < both).then_some(on_server(k)))).collect();
    Ok((client, server))
}

fn edit(r: &mut SplitMix64, doc: &Before, field: Option<usize>) -> String {
    let field = field.unwrap_or_else(|| r.below(5) as usize);
    // All five are drawn, whichever is taken.
    let choices = [
        Set::IncomeAnnual(doc.income_annual.saturating_add(r.range(1, 80) as i64 * 50)),
        Set::Phone(phone(r)),
        Set::Visits(doc.visits.saturating_add(r.range(1, 3) as i64)),
        Set::Risk(if doc.risk == "无" { r.pick(NEW_RISKS) } else { "无" }),
        Set::Officer({
            let male = r.below(2) == 0;
            name(r, male, None)
        }),
    ];
    json(&Edit { id: &doc.id, set: choices[field].clone(), aid: aid(r, 2026, 2026, &EDITORS) })
}

/// The types above have text keys and finite numbers only, so that writing them cannot fail.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use shouwang_provisioning::divisions;

    /// The SHA-256 of what the script wrote to its file.
    fn hash(lines: impl IntoIterator<Item = String>) -> String {
        let mut context = ring::digest::Context::new(&ring::digest::SHA256);
        for line in lines {
            context.update(line.as_bytes());
            context.update(b"\n");
        }
        context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn plain(n: u64, seed: u64) -> Vec<String> {
        docs(&Options { n, seed, ..Options::default() }).expect("households").collect()
    }

    #[test]
    fn households_are_those_of_the_script() {
        assert_eq!(hash(plain(700, 1)), "2fa163092466131306f5da0d8c6fd52fdbec2815df56e2b775876c8224e84239");
        assert_eq!(hash(plain(301, u64::MAX)), "906db95f9e67d075742c6ad5cc86becd5da1d49e13482ba1495957622a3cce4f");
    }

    #[test]
    fn settled_households_are_those_of_the_script() {
        let areas = divisions::read(divisions::ZHANGJIAGANG.as_bytes()).expect("the real table");
        let settled = |area: Option<&str>| {
            let options = Options { n: 600, seed: 3, divisions: Some(&areas), area: area.map(str::to_owned) };
            docs(&options).map(hash)
        };
        assert_eq!(settled(None).expect("households"), "480a501b6db94dd11250638aa8e91bf1624e298b065d469c484189e6959ee571");
        assert_eq!(
            settled(Some("320582100000")).expect("households"),
            "562b6b496a2d0c86a2915da4b3aa034dbbcb685117e4aae983374b021336e3a8"
        );
        assert_eq!(settled(Some("999999000000")), Err(HouseholdsError::NoVillage));
    }

    #[test]
    fn edits_are_those_of_the_script() {
        let (client, server) = edits(&plain(700, 1), 1, 100, 20).expect("edits");
        assert_eq!((client.len(), server.len()), (100, 100));
        assert_eq!(hash(client), "5eaa675602f89b84b6efc626c63571243edd95b9c064a0b3f1c6b71e4ba812ed");
        assert_eq!(hash(server), "79a242ef9a622da9588b9d12043f952a0b04b421e1d328fd84b45e6e7127e354");
    }

    #[test]
    fn too_few_households_give_fewer_edits() {
        let (client, server) = edits(&plain(30, 1), 1, 20, 5).expect("edits");
        assert_eq!((client.len(), server.len()), (20, 15));
        let (client, server) = edits(&[], 1, 20, 5).expect("edits");
        assert!(client.is_empty() && server.is_empty());
    }

    #[test]
    fn a_smaller_set_begins_a_larger_one() {
        let large = plain(320, 9);
        assert_eq!(plain(310, 9), large[..310]);
    }

    #[test]
    fn a_line_that_is_no_household_is_named() {
        let mut lines = plain(3, 1);
        lines[1] = r#"{"id":"x"}"#.into();
        assert_eq!(edits(&lines, 1, 1, 0), Err(HouseholdsError::Doc(2)));
    }

    #[test]
    fn names_are_made_of_whole_characters() {
        for characters in [SURNAMES, GIVEN_MALE, GIVEN_FEMALE] {
            assert!(characters.chars().all(|c| c.len_utf8() == 3));
        }
    }
}
