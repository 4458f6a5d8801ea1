//! The pages on which a household moves to another village, or is split.

use super::work::{id, id_no, staff};
use super::*;
use serde_json::json;
use shouwang_node::desk::OpenCase;
use shouwang_protocol::record::RecordId;
use shouwang_protocol::records::event::Origin;

/// A couple with a grown son in 农联村, who asked for 临时救助.
async fn family(site: &Site) -> RecordId {
    let (zhang, _) = staff(site).await;
    let row = json!({
        "id": "M1", "head": "王秀英", "type": "低保户", "income_annual": 9_600, "address": "三组",
        "members": [
            {"name": "王秀英", "relation": "户主", "id_no": id_no(11)}, {"name": "周建国", "relation": "配偶"},
            {"name": "周小明", "relation": "之子"},
        ],
        "aid": [{"no": "1", "date": "2026-01-10", "program": "低保金", "amount": 945}],
    });
    let row = row.as_object().expect("an object").clone();
    let register = Command::RegisterHousehold { area: AreaId::parse(VILLAGE).expect("a code"), row };
    let home = site.desk.perform(&zhang, id([7, 0, 0]), register).await.expect("registers").records[0];
    let open = OpenCase { household: Some(home), assistance: "临时救助".into(), ..OpenCase::of(Origin::Application) };
    site.desk.perform(&zhang, id([7, 1, 0]), Command::OpenCase(open)).await.expect("opens");
    home
}

#[tokio::test(flavor = "multi_thread")]
async fn item_10_a_household_is_split_and_moved_on_its_pages_and_each_record_links_to_the_other() {
    let site = Site::open().await;
    let home = family(&site).await;
    site.browse(move |browser| {
        let zhang = browser.sign_in("zhang", PASSWORD);
        let own = format!("/households/{home}");
        let (to_move, to_split) = (format!("{own}/move"), format!("{own}/split"));
        let shown = zhang.get(&own).body;
        assert!(shown.contains(&to_move) && shown.contains(&to_split), "both are reached from the household");

        // Who goes, who stays, what is left to the village: before anybody presses.
        let form = zhang.get(&to_move).body;
        for told in ["王秀英", "周小明", "仍由原村(社区)办理的事项", "临时救助", "受助记录 1 笔", "杨舍镇善港村"]
        {
            assert!(form.contains(told), "{told}: {form}");
        }
        let form = zhang.get(&to_split);
        let rows: Vec<String> = (0..3).map(|at| form.hidden(&format!("row-{at}"))).collect();
        let split = |son: &str| {
            let mut fields = vec![("go", rows[2].as_str()), ("to", VILLAGE), ("reason", "结婚成家")];
            fields.extend([("row-0", rows[0].as_str()), ("was-0", "户主"), ("relation-0", "户主")]);
            fields.extend([("row-1", rows[1].as_str()), ("was-1", "配偶"), ("relation-1", "配偶")]);
            fields.extend([("row-2", rows[2].as_str()), ("was-2", "之子"), ("relation-2", son)]);
            zhang.submit(&to_split, &to_split, &fields)
        };
        let refused = split("之子");
        assert!(refused.status == 422 && refused.body.contains("分出去的这户没有户主"), "{}", refused.body);
        assert!(refused.body.contains("结婚成家") && refused.body.contains("checked"), "what was typed stays");
        let done = split("户主");
        assert_eq!(done.status, 303, "{}", done.body);
        let sons = zhang.get(done.header("location")).body;
        assert!(sons.contains("由杨舍镇农联村的一户分出") && sons.contains(&own), "{sons}");
        assert!(zhang.get(&own).body.contains("周小明 分户到杨舍镇农联村"));

        let fields = [("to", OTHER_VILLAGE), ("address", "八组"), ("reason", "拆迁安置")];
        let nowhere = zhang.submit(&to_move, &to_move, &[("to", ""), ("address", "八组"), ("reason", "拆迁安置")]);
        assert!(nowhere.status == 422 && nowhere.body.contains("请选择村(社区)"), "{}", nowhere.body);
        let forged = zhang.post(&to_move, &fields);
        assert_eq!(forged.status, 403, "{}", forged.body);
        let done = zhang.submit(&to_move, &to_move, &fields);
        assert_eq!(done.status, 303, "{}", done.body);
        let new = zhang.get(done.header("location")).body;
        assert!(new.contains("由杨舍镇农联村迁来") && new.contains("此前受助 1 笔，合计 945.00 元"), "{new}");
        assert!(new.contains("由原村(社区)办理") && new.contains("还没有事项"), "the case stays where it was begun");
        let old = zhang.get(&own).body;
        assert!(old.contains("已迁往杨舍镇善港村") && old.contains(done.header("location")), "{old}");
        assert!(!old.contains(&to_move), "it moves once");
        assert!(zhang.get(&to_move).body.contains("请在新的档案上办理"));

        // Who registers nobody moves nobody.
        let li = browser.sign_in("li", PASSWORD);
        assert_eq!(li.get(&to_split).status, 403);
    })
    .await;
    site.close().await;
}
