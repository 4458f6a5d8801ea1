use super::*;
use crate::records::amount::Fen;
use crate::records::policy::sample;
use std::collections::{BTreeMap, BTreeSet};

fn day(text: &str) -> Day {
    Day::parse(text).expect("a day")
}

fn member(age: i64) -> MemberFacts {
    MemberFacts { age: Some(age), ill: Some(false), disabled: Some(false), insured: Some(true), ..MemberFacts::default() }
}

/// A family of three with an income of `yuan` a year.
fn family(yuan: i64) -> Facts {
    let household = HouseholdFacts {
        people: Some(3),
        income_year: Some(Fen(yuan * 100)),
        category: Some("一般农户".into()),
        ..HouseholdFacts::default()
    };
    Facts { household, members: vec![member(44), member(41), member(12)] }
}

fn fit(facts: &Facts, code: &str) -> Fit {
    let pack = sample();
    let found = matches(&pack, facts, day("2026-11-26"));
    found.iter().find(|it| it.article.code == code).map(|it| it.fit).expect("a policy of the list")
}

#[test]
fn item_15_forty_three_policies_of_eight_departments_each_with_its_source() {
    let pack = sample();
    let departments: BTreeSet<&str> = pack.articles.iter().map(|it| it.department.as_str()).collect();
    assert_eq!((pack.articles.len(), departments.len()), (43, 8));
    for article in &pack.articles {
        let whole = !article.text.is_empty() && !article.conditions.is_empty() && !article.materials.is_empty();
        assert!(whole && article.source.contains("样例"), "{}", article.code);
    }
}

#[test]
fn item_10_a_condition_asks_for_any_category_of_the_household_or_of_a_person() {
    let of = |words: &[&str]| Some(words.iter().map(|word| (*word).to_owned()).collect::<Vec<String>>());
    let mut facts = family(12_000);
    let standards = BTreeMap::new();
    let judge = |facts: &Facts, when: &str| {
        assert_eq!(check(when, Expected::YesOrNo, &BTreeSet::new()), Ok(()), "{when}");
        Ground::of(facts, &standards).judge(when)
    };
    let any = "\"重度残疾人\" in household.categories";
    let young = "members.exists(m, m.age < 18 && \"孤儿\" in m.categories)";
    assert_eq!(judge(&facts, any).0, Outcome::Unknown("“身份类别”未登记".into()), "not known is not a no");
    facts.household.categories = of(&["低保户", "重度残疾人"]);
    facts.members.iter_mut().for_each(|member| member.categories = of(&["低保户"]));
    assert_eq!(judge(&facts, any), (Outcome::Holds, "身份类别 低保户、重度残疾人".into()));
    assert_eq!(judge(&facts, young).0, Outcome::Fails);
    facts.members[2].categories = of(&["低保户", "孤儿"]);
    assert_eq!(judge(&facts, young).0, Outcome::Holds);
}

#[test]
fn item_16_what_fits_a_family_comes_first_with_its_reasons() {
    // 945 × 12 × 3 = 34,020 yuan.
    assert_eq!(fit(&family(34_019), "民政-01"), Fit::Fits);
    assert_eq!(fit(&family(34_020), "民政-01"), Fit::No);
    assert_eq!(fit(&family(34_020), "民政-05"), Fit::Fits);
    assert_eq!(fit(&family(51_030), "民政-05"), Fit::No);
    let pack = sample();
    let poor = family(12_000);
    let found = matches(&pack, &poor, day("2026-11-26"));
    assert!(found.is_sorted_by_key(|it| it.fit));
    let reason = &found.iter().find(|it| it.article.code == "民政-01").expect("listed").conditions[0];
    assert_eq!(
        (&reason.outcome, reason.used.as_str()),
        (&Outcome::Holds, "共同生活人数 3；核算年收入 12000.00元；低保标准 945.00元")
    );
}

#[test]
fn what_is_not_known_is_never_a_no() {
    let mut facts = family(12_000);
    facts.household.income_year = None;
    let pack = sample();
    let found = matches(&pack, &facts, day("2026-11-26"));
    let article = found.iter().find(|it| it.article.code == "民政-01").expect("listed");
    assert_eq!(article.fit, Fit::Perhaps);
    assert_eq!(article.conditions[0].outcome, Outcome::Unknown("“家庭年收入”未登记".into()));
    let pupils = found.iter().find(|it| it.article.code == "教育-02").expect("listed");
    assert_eq!(pupils.conditions[1].used, "年龄 44、41、12");
    // A child is enough, whatever is not known of the others.
    facts.members[0].age = None;
    facts.household.category = Some("低保户".into());
    assert_eq!(fit(&facts, "教育-02"), Fit::Fits);
}

#[test]
fn an_amount_that_is_unset_blocks_and_says_so() {
    let mut pack = sample();
    pack.amounts.iter_mut().for_each(|standard| standard.fen = None);
    let poor = family(1);
    let found = matches(&pack, &poor, day("2026-11-26"));
    let article = found.iter().find(|it| it.article.code == "民政-01").expect("listed");
    assert_eq!(article.conditions[0].outcome, Outcome::Unknown("“低保标准”尚未由市级设定".into()));
}

#[test]
fn a_formula_may_ask_what_the_family_has() {
    let standards = sample().standards();
    let gap = "standard[\"低保标准\"] * household.people - household.income_year / 12";
    let (amount, used) = Ground::of(&family(12_000), &standards).amount(gap).expect("computed");
    assert_eq!(amount, Fen(183_500));
    assert_eq!(used, "共同生活人数 3；家庭年收入 12000.00元；低保标准 945.00元");
    assert_eq!(Ground::of(&family(900_000), &standards).amount(gap), Err("公式得出的金额为负或过大".into()));
    assert_eq!(Ground::of(&Facts::default(), &standards).amount(gap), Err("“共同生活人数”未登记".into()));
}

#[test]
fn mistakes_are_found_before_a_pack_is_published() {
    let codes: BTreeSet<String> = ["低保标准".to_owned()].into();
    let why = |text: &str, expected| check(text, expected, &codes).expect_err(text);
    let condition = |text: &str| why(text, Expected::YesOrNo);
    for (text, wanted) in [
        ("household.incme > 1", "没有“incme”这一栏目"),
        ("houshold.people > 1", "没有“houshold”这一名称"),
        ("household.people", "条件须得出是或否"),
        ("standard[\"低保\"] > 1", "没有“低保”这一标准"),
        ("household.people > \"三\"", "类型不合"),
        ("household.people >", "写法有误"),
        ("members.exists(a, members.exists(b, members.exists(c, members.exists(d, d.age > 1))))", "循环超过"),
        ("1 / 0 > 1", "除数为零"),
    ] {
        assert!(condition(text).contains(wanted), "{text}: {}", condition(text));
    }
    assert!(condition(&"(".repeat(400)).contains("写法有误"));
    assert!(condition(&format!("household.people > 0{}", " ".repeat(2_000))).contains("超过"));
    assert!(why("household.people > 1", Expected::Amount).contains("公式须得出金额"));
    assert_eq!(check("members.exists(m, m.age < 18 && m.pupil)", Expected::YesOrNo, &codes), Ok(()));
    assert_eq!(check("3 * standard[\"低保标准\"]", Expected::Amount, &codes), Ok(()));
}

#[test]
fn a_withdrawn_or_future_policy_fits_nobody() {
    let pack = sample();
    let poor = family(12_000);
    let codes = |day| -> Vec<String> { matches(&pack, &poor, day).into_iter().map(|it| it.article.code).collect() };
    assert!(!codes(day("2024-12-31")).contains(&"民政-06".to_owned()));
    assert!(codes(day("2025-01-01")).contains(&"民政-06".to_owned()));
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_judge_fall_over(text in "[a-z.()\\[\\]\"0-9<>=!&|+*/% -]{0,60}|\\PC{0,40}") {
        let codes = BTreeSet::new();
        let _ = check(&text, Expected::YesOrNo, &codes);
        let _ = Ground::of(&family(1), &BTreeMap::new()).judge(&text);
    }
}
