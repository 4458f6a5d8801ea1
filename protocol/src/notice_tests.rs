use super::*;
use crate::records::policy::sample;
use crate::records::run;
use crate::records::{household::Household, import};
use automerge::{ActorId, Automerge};
use proptest::prelude::*;
use serde_json::{Value, json};

fn day(text: &str) -> Day {
    Day::parse(text).expect("a day")
}

fn household(row: &Value) -> Household {
    let row = import::check_row(row.as_object().expect("an object"), |_| true).expect("fits");
    let mut doc = Automerge::new().with_actor(ActorId::from([1; 16]));
    for edit in import::create(&row) {
        run(&mut doc, edit).expect("creates");
    }
    Household::read(&doc)
}

fn family() -> Value {
    json!({
        "id": "a", "region": "320582100201", "head": "张三丰", "head_id_no": "34052419800101001X", "phone": "13800000000",
        "bank_account": "6217000011112222", "officer_phone": "051256720000",
        "members": [
            {"name": "张三丰", "relation": "户主", "id_no": "34052419800101001X"},
            {"name": "张小宝", "relation": "之子", "birth": "2010-06-02"},
            {"name": "李某", "relation": "配偶", "id_no": "440524188001010014", "died": "2018-01-01"},
        ],
    })
}

fn packs() -> Packs {
    let pack = sample();
    [(pack.version.clone(), pack)].into()
}

fn case(applicant: &str, kind: &str) -> Standing {
    Standing {
        applicant: applicant.into(),
        assistance: kind.into(),
        pack: sample().version,
        proposed: Some(Fen(89_000)),
        summary: "确诊重病，电话13800000000".into(),
        ..Standing::default()
    }
}

fn poster<'a>(place: &'a str, phone: &'a str) -> Poster<'a> {
    let (from, until) = (day("2019-05-21"), day("2019-05-27"));
    Poster { village: "甲村", place, from, until, office: "杨舍镇", phone }
}

fn refused(standing: &Standing, household: &Household, poster: Poster<'_>) -> (&'static str, String) {
    let refused = compose(standing, household, &packs(), poster).expect_err("refused");
    (refused.field, refused.why)
}

#[test]
fn a_notice_says_what_the_list_has_and_nothing_else() {
    let sheet = compose(&case("张三丰", "最低生活保障"), &household(&family()), &packs(), poster("村务公开栏", "0512-56729800"));
    let text = sheet.expect("a sheet").text();
    assert_eq!(
        text,
        "申请人：张*丰\n村(社区)：甲村\n救助种类：最低生活保障\n共同生活人数：2人\n拟救助金额：890.00元\n\
         公示期：2019-05-21 至 2019-05-27\n公示地点：村务公开栏\n受理异议：杨舍镇\n异议电话：0512-56729800"
    );
    assert_eq!((line(&text, "异议电话"), line(&text, "病情")), (Some("0512-56729800"), None));
    let other = compose(&case("张三丰", "特困人员供养"), &household(&family()), &packs(), poster("村务公开栏", "0512-56729800"));
    assert_eq!(other.expect("a sheet").amount, None, "only where the pack says so");
}

#[test]
fn a_minor_is_never_named_and_whose_age_is_unknown_is_not_put_up() {
    let home = household(&family());
    let sheet = compose(&case("张小宝", "最低生活保障"), &home, &packs(), poster("公开栏", "0512-56729800")).expect("a sheet");
    assert_eq!(sheet.name, MINOR);
    assert!(!sheet.text().contains('张'));
    // On the day before the eighteenth birthday, and on it.
    for (from, name) in [("2028-06-01", MINOR), ("2028-06-02", "张*宝")] {
        let poster = Poster { from: day(from), until: day("2028-07-01"), ..poster("公开栏", "0512-56729800") };
        assert_eq!(compose(&case("张小宝", "最低生活保障"), &home, &packs(), poster).expect("a sheet").name, name);
    }
    let (_, why) = refused(&case("王五", "最低生活保障"), &home, poster("公开栏", "0512-56729800"));
    assert!(why.starts_with("申请人不在家庭成员中"), "{why}");
}

#[test]
fn what_must_not_be_read_by_everybody_is_refused_with_the_reason() {
    let home = household(&family());
    let case_of = |kind| case("张三丰", kind);
    for (place, phone, field, told) in [
        ("公开栏 34052419800101001X", "0512-56729800", "place", "公示地点不得写身份证号"),
        ("公开栏，电话13912345678", "0512-56729800", "place", "公示地点不得写电话号码"),
        ("账号6217000011112222", "0512-56729800", "place", "公示地点不得写电话、账号一类的号码"),
        ("癌症患者家门口", "0512-56729800", "place", "公示地点不得写病情、残疾等健康情况"),
        ("公开栏", "138-0000-0000", "phone", "这是该家庭的号码，须写本机构的办公电话"),
        ("公开栏", "问李四", "phone", "须写明受理异议的办公电话"),
    ] {
        assert_eq!(refused(&case_of("最低生活保障"), &home, poster(place, phone)), (field, told.to_owned()));
    }
    let (_, why) = refused(&case_of("临时救助"), &home, poster("公开栏", "0512-56729800"));
    assert_eq!(why, "这一种类不公示");
    // A name that somebody pasted a number into.
    let mut row = family();
    row["members"][0]["name"] = "张三丰13912345678".into();
    let (_, why) = refused(&case("张三丰13912345678", "最低生活保障"), &household(&row), poster("公开栏", "0512-56729800"));
    assert!(why.starts_with("申请人姓名中混有号码"), "{why}");
}

/// Digits in one of the ways people write them.
fn written(digits: &str, way: u8) -> String {
    let one = |(at, c): (usize, char)| match way % 4 {
        0 => c.to_string(),
        1 => char::from_u32(c as u32 + 0xfee0).unwrap_or(c).to_string(),
        2 if at > 0 && at % 4 == 0 => format!(" {c}"),
        3 if at > 0 && at % 3 == 0 => format!("-{c}"),
        _ => c.to_string(),
    };
    digits.chars().enumerate().map(one).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: proptest::test_runner::RngSeed::Fixed(20_190_521), ..ProptestConfig::default() })]

    /// Whatever stands in the records and whatever is typed: no number of the household is ever on a notice.
    #[test]
    fn no_notice_holds_a_number_of_the_household(
        phone in "1[3-9][0-9]{9}", account in "[1-9][0-9]{11,18}", born in -10_000_i32..10_000, sequence in 1_u32..999,
        slip in 0_usize..6, way in 0_u8..4, place in "[公开栏村组 0-9]{1,12}", name in "[张李王][一-龥]{1,3}",
    ) {
        let mut row = family();
        row["phone"] = phone.clone().into();
        row["bank_account"] = account.clone().into();
        let child = crate::records::idno::IdNo::from_parts(320_582, Day(born), sequence).expect("a number").long();
        let own = crate::records::idno::IdNo::from_parts(320_582, Day(born / 2), sequence).expect("a number").long();
        let member = row["members"][1].as_object_mut().expect("a member");
        member.remove("birth");
        member.insert("id_no".into(), child.clone().into());
        row["members"][0]["id_no"] = own.clone().into();
        row["head_id_no"] = own.clone().into();
        let numbers = [own, phone, account, child];
        let slipped = |at: usize| if slip == at { written(&numbers[at % numbers.len()], way) } else { String::new() };
        let applicant = format!("{name}{}", slipped(0));
        row["members"][0]["name"] = applicant.clone().into();
        let place = format!("{place}{}", slipped(1) + &slipped(2) + &slipped(3));
        let contact = if slip == 5 { written(&numbers[1], way) } else { "0512-56729800".to_owned() };
        let village = format!("甲村{}", slipped(4));
        let sheet = compose(
            &case(&applicant, "最低生活保障"), &household(&row), &packs(),
            Poster { village: &village, ..poster(&place, &contact) },
        );
        if let Ok(sheet) = sheet {
            let half = crate::records::idno::half_width(&sheet.text());
            for number in &numbers {
                let bare: String = half.chars().filter(char::is_ascii_alphanumeric).collect();
                let in_a_line = half.lines().any(|line| {
                    line.chars().filter(char::is_ascii_alphanumeric).collect::<String>().contains(number.as_str())
                });
                prop_assert!(!in_a_line, "{number} in {bare}");
            }
        }
    }
}
