//! The lists that wait for a person, as a browser sees them: what may be missed, doubles; and search by initials.

use super::books::household;
use super::*;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn item_10_item_21_a_household_is_found_by_initials_and_what_it_may_have_missed_becomes_a_case_in_one_click() {
    let site = Site::open().await;
    let record = household(&site, "三", json!([])).await;
    site.browse(move |browser| {
        let zhang = browser.sign_in("zhang", PASSWORD);
        let csrf = zhang.get("/households").hidden("csrf");
        let found = zhang.post("/households/search", &[("csrf", &csrf), ("term", "ws")]).body;
        assert!(found.contains("王三") && !found.contains("成员或其他栏目相符"), "{found}");
        assert!(zhang.post("/households/search", &[("csrf", &csrf), ("term", "zs")]).body.contains("没有找到"));

        let page = zhang.get("/missed").body;
        assert!(page.contains("<b>住房救助</b>") && page.contains("住房困难，由住建部门核对"), "{page}");
        let of = |kind: &str| [("household", record.clone()), ("assistance", kind.to_owned()), ("area", VILLAGE.to_owned())];
        let borrowed = |fields: &[(&'static str, String)]| -> Vec<(&'static str, String)> { fields.to_vec() };
        let send = |target: &str, kind: &str, more: &[(&'static str, &str)]| {
            let mut fields = borrowed(&of(kind));
            fields.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
            let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
            zhang.submit("/missed", target, &fields)
        };
        let open = send("/missed/apply", "住房救助", &[]);
        let case = open.header("location").to_owned();
        assert!(open.status == 303 && case.starts_with("/cases/"), "{}", open.body);
        assert!(zhang.get(&case).body.contains("遗漏排查") && zhang.get(&case).body.contains("王三"));
        let wordless = send("/missed/outcome", "临时救助", &[("outcome", "declined")]);
        assert!(wordless.status == 422 && wordless.body.contains("须写明原因"), "{}", wordless.body);
        let done = send("/missed/outcome", "临时救助", &[("outcome", "declined"), ("note", "子女已负担")]);
        assert_eq!((done.status, done.header("location")), (303, format!("/missed?area={VILLAGE}").as_str()));
        let answered = zhang.get(&format!("/missed?area={VILLAGE}&at=answered")).body;
        assert!(answered.contains("家庭不申请：子女已负担") && !answered.contains("<b>住房救助</b>"), "{answered}");
        assert_eq!(zhang.get("/missed?area=zz").status, 404);

        let doubles = zhang.get("/doubles").body;
        assert!(doubles.contains("待核定 0") && doubles.contains("没有这样的重复救助"), "{doubles}");
        assert_eq!((zhang.get("/doubles?state=recover").status, zhang.get("/doubles?state=zz").status), (200, 404));
        let cases = [("case", "zz"), ("ruling", "both"), ("reason", "否")];
        assert_eq!(zhang.submit("/missed", "/doubles/settle", &cases).status, 400);
    })
    .await;
    site.close().await;
}
