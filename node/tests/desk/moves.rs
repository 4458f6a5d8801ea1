//! Families move between villages and split; both villages, and those above them, see one family and one sum of money.

use super::support::*;
use serde_json::{Map, Value, json};
use shouwang_node::desk::moves::MoveEnd;
use shouwang_node::desk::statistics::{By, Question};
use shouwang_node::desk::{
    CaseStep, Command, DeskError, HouseholdChange, HouseholdMove, HouseholdPage, HouseholdSplit, RelationOf, RowChange,
};
use shouwang_node::store::reader::{Page, Period, YearFilter};
use shouwang_protocol::area::AreaId;
use shouwang_protocol::record::RecordId;
use shouwang_protocol::records::amount::Fen;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::event::{Opinion, Verdict};
use shouwang_protocol::records::household::Member;
use shouwang_protocol::records::staff::Role;
use shouwang_protocol::review::Why;

fn object(value: Value) -> Map<String, Value> {
    value.as_object().expect("an object").clone()
}

fn moving(record: RecordId, to: AreaId) -> HouseholdMove {
    let (address, reason) = ("八组12号".into(), "拆迁安置".into());
    HouseholdMove { record, to, address, on: Day::parse("2019-05-28"), reason, seen_heads: Vec::new() }
}

fn splitting(record: RecordId, members: Vec<RelationOf>) -> HouseholdSplit {
    let reason = "儿子结婚分户".into();
    let (rest, seen_heads) = (Vec::new(), Vec::new());
    HouseholdSplit { record, members, rest, to: None, address: String::new(), on: None, reason, seen_heads }
}

async fn page(machine: &Machine, record: RecordId) -> HouseholdPage {
    machine.desk.household(&machine.clerk(), record, 20).await.expect("a page")
}

fn present(page: &HouseholdPage) -> Vec<&str> {
    page.detail.household.members.iter().filter(|member| member.is_present()).map(|member| member.name.as_str()).collect()
}

fn relation(member: &Member, relation: &str) -> RelationOf {
    RelationOf { row: member.row.clone().expect("a row"), relation: relation.into() }
}

/// The heads of households in which something happened that waits to be looked at.
async fn waiting(machine: &Machine, village: AreaId) -> Vec<(String, String)> {
    let page = machine.desk.reviews(&machine.clerk(), Some(village)).await.expect("reads");
    let all = page.lines.iter().flat_map(|line| line.due.why.iter().map(|why| (line.row.head.clone(), why)));
    let told = all.map(|(head, why)| match why {
        Why::Changed { change, .. } => (head, change.kind.clone()),
        _ => (head, "-".into()),
    });
    told.collect()
}

/// What a year's list and the statistics of a machine come to: the sum of aid, the sum of the list, the files.
async fn sums(machine: &Machine) -> (Fen, Fen, usize) {
    let clerk = machine.clerk();
    let filter = YearFilter { year: 2019, ..YearFilter::default() };
    let list = machine.desk.year_list(&clerk, filter, Page::first(100)).await.expect("lists");
    let listed = list.listed.rows.iter().map(|line| line.amount.0).sum();
    let question = Question { period: Period::Year(2019), ..Question::default() };
    let found = machine.desk.statistics(&clerk, question, By::Kind, Page::first(100)).await.expect("counts");
    let total = found.total.rows.first().map(|line| line.group.amount).unwrap_or_default();
    (total, Fen(listed), list.listed.rows.len())
}

/// Households at the end of June, and who came, left, changed, stayed.
async fn june(machine: &Machine, village: AreaId) -> [u32; 6] {
    let page = machine.desk.month(&machine.clerk(), Some("2019-06".into()), Some(village)).await.expect("reads");
    let it = page.opened.expect("opened").roll.figures();
    [it.households, it.people, it.came, it.left, it.changed, it.unchanged]
}

async fn views_agree(machine: &Machine) {
    let found = machine.desk.writer().with(|engine| engine.replica().store().compare_views()).await.expect("asks");
    assert_eq!(found.expect("reads"), [] as [String; 0]);
}

struct Town {
    city: Machine,
    township: Machine,
    village: Machine,
    other: Machine,
}

impl Town {
    async fn open() -> Town {
        let city = city().await;
        let town = Town {
            city,
            township: Machine::new(YANGSHE).await,
            village: Machine::new(VILLAGE).await,
            other: Machine::new(OTHER_VILLAGE).await,
        };
        town.sync().await;
        town
    }

    fn all(&self) -> [&Machine; 4] {
        [&self.village, &self.other, &self.township, &self.city]
    }

    /// Up and down again, so that everybody holds what is theirs.
    async fn sync(&self) {
        sync(&self.township, &self.city).await;
        sync(&self.village, &self.township).await;
        sync(&self.other, &self.township).await;
        sync(&self.township, &self.city).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_10_a_township_moves_a_family_and_both_villages_see_one_family_and_one_sum() {
    let town = Town::open().await;
    let home = town.village.household("zhou").await;
    town.village.household("wu").await;
    town.sync().await;
    let clerk = town.township.clerk();
    let case = town.township.open_case(&clerk, application(home)).await;
    let before = sums(&town.township).await;
    assert_eq!(before, (Fen(2 * 94_500), Fen(2 * 94_500), 2));

    let shown = town.township.desk.move_page(&clerk, home).await.expect("a page");
    let villages: Vec<&str> = shown.villages.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!((villages, shown.open.len(), shown.not_now), (vec!["杨舍镇甲村", "杨舍镇丙村"], 1, None));
    let action = id();
    let wanted =
        || Command::MoveHousehold(HouseholdMove { seen_heads: shown.heads.clone(), ..moving(home, area(OTHER_VILLAGE)) });
    let done = town.township.desk.perform(&clerk, action, wanted()).await.expect("moves");
    let twice = town.township.desk.perform(&clerk, action, wanted()).await.expect("moves once");
    assert_eq!((&done.records, &done.entries, twice.again), (&twice.records, &twice.entries, true));
    assert_eq!((done.entries.len(), done.message.as_str()), (2, "已迁往杨舍镇丙村；原档案标为迁出，两处都列入待复核"));
    let new = done.records[0];
    let refused = town.township.act(&clerk, wanted()).await.expect_err("another click on an old page");
    assert!(refused.what().contains("迁往杨舍镇丙村"), "{}", refused.what());
    assert_eq!(town.township.desk.count_households(&clerk).await.expect("counts"), 3);
    town.sync().await;

    // The old village: 迁出, where to in words, and nothing of the new record.
    let old = page(&town.village, home).await;
    assert_eq!((old.detail.household.status.as_str(), present(&old).len(), old.may_open_case), ("迁出", 0, false));
    let MoveEnd { change, moved, other, .. } = &old.moves[0];
    assert_eq!((moved.place.as_str(), moved.came, moved.whole, *other), ("杨舍镇丙村", false, true, None));
    assert!(change.note.contains("拆迁安置") && change.note.contains(&moved.household));
    assert_eq!((old.detail.household.aid.len(), old.history.len()), (1, 2), "what was, stays");
    let again = town.village.act(&town.village.clerk(), Command::OpenCase(application(home))).await;
    assert!(matches!(again, Err(DeskError::NotNow { .. })), "{again:?}");
    assert!(town.other.desk.household(&town.other.clerk(), home, 1).await.is_err(), "not the other village's to see");

    // The new one: the whole family, from where, and what it had; nothing is missed that was had.
    let arrived = page(&town.other, new).await;
    assert_eq!((present(&arrived), arrived.place.as_str()), (vec!["户主zhou", "之子zhou"], "杨舍镇丙村"));
    let household = &arrived.detail.household;
    assert_eq!((household.category.as_str(), household.address.as_str(), household.aid.len()), ("低保户", "八组12号", 0));
    let from = &arrived.moves[0];
    assert_eq!((from.moved.place.as_str(), from.moved.household.as_str(), from.other), ("杨舍镇甲村", "zhou", None));
    assert_eq!(from.moved.had.get("低保金"), Day::parse("2019-01-10").as_ref());

    // Those above hold both ends: each links to the other, and what goes on there shows here.
    for machine in [&town.township, &town.city] {
        let (old, new_page) = (page(machine, home).await, page(machine, new).await);
        assert_eq!((old.moves[0].other, new_page.moves[0].other), (Some(new), Some(home)));
        let open: Vec<_> = new_page.moves[0].open.iter().map(|row| row.case).collect();
        assert_eq!((open, new_page.moves[0].aid), (vec![case], (1, Fen(94_500))));
        assert!(new_page.duplicates.is_empty() && !new_page.detail.row.duplicate, "one family");
        let doubles = machine.desk.doubles(&machine.clerk(), shouwang_protocol::doubles::State::ToSettle).await.expect("reads");
        assert!(doubles.lines.is_empty() && doubles.persons.is_empty());
        assert_eq!(sums(machine).await, (before.0, before.1, 3), "no money twice");
    }
    // Both ends are looked at again, and the old one for nothing else.
    for (machine, village) in [(&town.village, VILLAGE), (&town.other, OTHER_VILLAGE), (&town.city, VILLAGE)] {
        let kind = if village == VILLAGE { "迁出" } else { "迁入" };
        assert_eq!(waiting(machine, area(village)).await, [("户主zhou".to_owned(), kind.to_owned())]);
    }
    for machine in town.all() {
        views_agree(machine).await;
    }

    // What is granted afterwards at the old end is granted to those who moved: a second grant at the new end is a double.
    town.city.on("2019-05-30");
    let (centre, director) = (town.city.clerk(), town.city.person("chen", &[Role::Approver]));
    let second = town.city.open_case(&centre, application(new)).await;
    for case in [case, second] {
        town.city.stepped(&centre, case, CaseStep::Accept {}).await;
        town.city.stepped(&centre, case, CaseStep::PreExamine { opinion: Opinion::For, note: String::new() }).await;
    }
    let decide = || CaseStep::Decide { outcome: Verdict::Approved, amount: None, reason: String::new() };
    town.city.stepped(&director, case, decide()).await;
    let confirmed = town.city.page(&centre, second).await.confirmed;
    assert_eq!(confirmed.len(), 1, "what was confirmed at the old end need not be checked again");
    let wordless = town.city.step(&director, second, decide()).await.expect_err("had at the old end");
    assert!(wordless.what().contains("临时救助"), "{wordless:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_12_a_move_counts_out_at_the_old_village_and_in_at_the_new_one() {
    let town = Town::open().await;
    let home = town.village.household("zhou").await;
    town.village.household("wu").await;
    town.other.household("qian").await;
    town.sync().await;
    town.township.on("2019-06-12");
    let on = Day::parse("2019-06-10");
    let wanted = HouseholdMove { on, ..moving(home, area(OTHER_VILLAGE)) };
    town.township.done(&town.township.clerk(), Command::MoveHousehold(wanted)).await;
    for machine in town.all() {
        machine.on("2019-07-02");
    }
    town.sync().await;
    for machine in [&town.village, &town.township, &town.city] {
        assert_eq!(june(machine, area(VILLAGE)).await, [1, 2, 0, 1, 0, 1]);
    }
    for machine in [&town.other, &town.township, &town.city] {
        assert_eq!(june(machine, area(OTHER_VILLAGE)).await, [2, 4, 1, 0, 0, 1]);
    }
    // A register from before the move does not bring the family back.
    let register = town.village.dir.path().join("register.jsonl");
    std::fs::write(&register, Value::from(row("zhou", VILLAGE)).to_string()).expect("writes");
    let console = town.village.desk.console().await.expect("a console");
    let report = town.village.desk.import_file(&console, &register, |_, _| ()).await.expect("imports");
    assert_eq!((report.rejected, page(&town.village, home).await.detail.household.status.as_str()), (1, "迁出"));
    // The next year's list has the family once; this year's has it at both places, its money at one.
    town.city.on("2020-02-01");
    let list = |year| YearFilter { year, ..YearFilter::default() };
    let clerk = town.city.clerk();
    assert_eq!(town.city.desk.year_list(&clerk, list(2019), Page::first(9)).await.expect("lists").files, 4);
    assert_eq!(town.city.desk.year_list(&clerk, list(2020), Page::first(9)).await.expect("lists").files, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_covers_both_ends_moves_a_family_and_nobody_else() {
    let town = Town::open().await;
    let home = town.village.household("zhou").await;
    town.sync().await;
    let (far, near) = (area(4), area(OTHER_VILLAGE));
    let refused = async |machine: &Machine, to: AreaId| {
        let error = machine.act(&machine.clerk(), Command::MoveHousehold(moving(home, to))).await.expect_err("not theirs");
        assert!(matches!(error, DeskError::NotPermitted { .. }), "{error:?}");
        assert!(error.what().contains("镇(街道)之间由市级办理") && error.what().contains("原档案照旧"), "{}", error.what());
    };
    refused(&town.other, near).await;
    refused(&town.village, near).await;
    refused(&town.township, far).await;
    let clerk = town.township.clerk();
    let reader = town.township.person("shen", &[Role::Approver]);
    let wanted = Command::MoveHousehold(moving(home, near));
    assert!(
        matches!(town.township.act(&reader, wanted).await, Err(DeskError::NotPermitted { .. })),
        "an approver registers nobody"
    );
    for (field, wrong) in [
        ("to", HouseholdMove { to: area(VILLAGE), ..moving(home, near) }),
        ("to", HouseholdMove { to: area(YANGSHE), ..moving(home, near) }),
        ("address", HouseholdMove { address: " ".into(), ..moving(home, near) }),
        ("reason", HouseholdMove { reason: String::new(), ..moving(home, near) }),
        ("on", HouseholdMove { on: Day::parse("2019-06-01"), ..moving(home, near) }),
        ("on", HouseholdMove { on: Day::parse("1950-01-01"), ..moving(home, near) }),
    ] {
        let error = town.township.act(&clerk, Command::MoveHousehold(wrong)).await.expect_err(field);
        assert!(matches!(&error, DeskError::Invalid { faults } if faults[0].field == field), "{field}: {error:?}");
    }
    // Somebody changed the record after the page was shown: it is looked at first.
    let shown = town.township.desk.move_page(&clerk, home).await.expect("a page").heads;
    let set = object(json!({"phone": "13900000000"}));
    town.township.done(&clerk, Command::ChangeHousehold(HouseholdChange { set, ..HouseholdChange::of(home) })).await;
    let stale = Command::MoveHousehold(HouseholdMove { seen_heads: shown, ..moving(home, near) });
    assert!(matches!(town.township.act(&clerk, stale).await, Err(DeskError::Conflict { .. })));
    // What two offices wrote at the same time is settled first.
    let income = |value: i64| {
        let set = object(json!({"income_annual": value}));
        Command::ChangeHousehold(HouseholdChange { set, ..HouseholdChange::of(home) })
    };
    town.sync().await;
    town.village.done(&town.village.clerk(), income(1)).await;
    town.township.done(&clerk, income(2)).await;
    town.sync().await;
    let error = town.township.act(&clerk, Command::MoveHousehold(moving(home, near))).await.expect_err("in conflict");
    assert!(error.what().contains("1 项内容存在分歧"), "{}", error.what());
    let heads = page(&town.township, home).await.heads;
    let (field, value) = ("income_annual".into(), json!(2));
    town.township.done(&clerk, Command::SettleConflict { record: home, field, row: None, value, seen_heads: heads }).await;
    town.sync().await;
    // The city moves it to the other township.
    let new = town.city.done(&town.city.clerk(), Command::MoveHousehold(moving(home, far))).await.records[0];
    assert_eq!(page(&town.city, new).await.place, "大新镇乙村");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_11_a_village_splits_a_household_when_the_son_marries_and_again_when_the_head_leaves() {
    let town = Town::open().await;
    let home = town.village.household("zhou").await;
    let clerk = town.village.clerk();
    let wife = object(json!({"name": "妻zhou", "relation": "配偶"}));
    let new_members = vec![wife];
    town.village.done(&clerk, Command::ChangeHousehold(HouseholdChange { new_members, ..HouseholdChange::of(home) })).await;
    let members = page(&town.village, home).await.detail.household.members;
    let (head, son, wife) = (&members[0], &members[1], &members[2]);

    let split = |members: Vec<RelationOf>| splitting(home, members);
    for (field, wrong) in [
        ("members", split(Vec::new())),
        ("members", split(vec![relation(son, "户主"), relation(son, "户主")])),
        ("members", split(vec![relation(son, "之子")])),
        ("members", split(vec![relation(head, ""), relation(son, ""), relation(wife, "")])),
        ("rest", split(vec![relation(head, "户主")])),
        ("rest", HouseholdSplit { rest: vec![relation(son, "之子")], ..split(vec![relation(son, "户主")]) }),
    ] {
        let error = town.village.act(&clerk, Command::SplitHousehold(wrong)).await.expect_err("refused");
        assert!(matches!(&error, DeskError::Invalid { faults } if faults[0].field == field), "{error:?}");
    }
    let far = HouseholdSplit { to: Some(area(OTHER_VILLAGE)), ..split(vec![relation(son, "户主")]) };
    assert!(matches!(town.village.act(&clerk, Command::SplitHousehold(far)).await, Err(DeskError::NotPermitted { .. })));

    let action = id();
    let wanted = || Command::SplitHousehold(split(vec![relation(son, "户主")]));
    let done = town.village.desk.perform(&clerk, action, wanted()).await.expect("splits");
    assert!(town.village.desk.perform(&clerk, action, wanted()).await.expect("once").again);
    assert_eq!(done.entries.len(), 1, "both records lie in one log");
    let sons = page(&town.village, done.records[0]).await;
    assert_eq!((present(&sons), sons.detail.household.head.as_str()), (vec!["之子zhou"], "之子zhou"));
    let it = &sons.detail.household;
    assert_eq!((it.category.as_str(), it.income_annual, it.address.as_str()), ("", None, "一组"), "to be found out");
    let rest = page(&town.village, home).await;
    assert_eq!((present(&rest), rest.detail.household.status.as_str()), (vec!["户主zhou", "妻zhou"], ""));
    assert_eq!((rest.moves[0].other, sons.moves[0].other), (Some(done.records[0]), Some(home)));
    assert_eq!(rest.moves[0].change.person, "之子zhou");
    assert!(rest.may_open_case && rest.duplicates.is_empty() && sons.duplicates.is_empty());
    let both = [("之子zhou".to_owned(), "迁入".to_owned()), ("户主zhou".to_owned(), "迁出".to_owned())];
    let mut told = waiting(&town.village, area(VILLAGE)).await;
    told.retain(|(head, kind)| head != "户主zhou" || kind == "迁出");
    told.sort();
    assert_eq!(told, both);

    // The head leaves, too: the wife is the head of the rest.
    let wanted = HouseholdSplit { rest: vec![relation(wife, "户主")], ..split(vec![relation(head, "户主")]) };
    let husbands = town.village.done(&clerk, Command::SplitHousehold(wanted)).await.records[0];
    let rest = page(&town.village, home).await;
    assert_eq!((present(&rest), rest.detail.household.head.as_str()), (vec!["妻zhou"], "妻zhou"));
    assert_eq!(page(&town.village, husbands).await.detail.household.head, "户主zhou");
    let gone = town.village.act(&clerk, Command::SplitHousehold(split(vec![relation(son, "户主")]))).await;
    assert!(matches!(gone, Err(DeskError::NotNow { .. })), "{gone:?}");
    town.sync().await;
    assert_eq!(sums(&town.city).await, (Fen(94_500), Fen(94_500), 3));
    views_agree(&town.city).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_11_what_a_village_wrote_offline_while_its_family_was_moved_is_kept_and_told() {
    let town = Town::open().await;
    let home = town.village.household("zhou").await;
    town.sync().await;
    // Offline, the village writes down a child and a wage; the township moves the family meanwhile.
    let clerk = town.village.clerk();
    let son = page(&town.village, home).await.detail.household.members[1].row.clone().expect("a row");
    let change = HouseholdChange {
        set: object(json!({"income_wage": 3_000})),
        members: vec![RowChange { row: son, set: object(json!({"health": "患有大病"})) }],
        new_members: vec![object(json!({"name": "新生儿", "relation": "之孙子"}))],
        ..HouseholdChange::of(home)
    };
    town.village.done(&clerk, Command::ChangeHousehold(change)).await;
    let new =
        town.township.done(&town.township.clerk(), Command::MoveHousehold(moving(home, area(OTHER_VILLAGE)))).await.records[0];
    assert!(page(&town.township, home).await.moves[0].since.is_empty());
    town.sync().await;

    for machine in [&town.village, &town.township, &town.city] {
        let old = page(machine, home).await;
        let household = &old.detail.household;
        assert_eq!((household.status.as_str(), household.income_wage), ("迁出", Some(Fen(300_000))), "nothing is lost");
        assert_eq!((present(&old), household.conflicts.len()), (vec!["新生儿"], 0));
        assert_eq!(old.moves[0].since, ["工资性收入(元)", "健康状况", "新增成员"]);
    }
    let told = page(&town.township, new).await;
    assert_eq!(told.moves[0].since, ["工资性收入(元)", "健康状况", "新增成员"], "also where the family lives now");
    assert_eq!(told.detail.household.members.len(), 2, "a person decides what belongs there");
    let kinds: Vec<String> = waiting(&town.township, area(VILLAGE)).await.into_iter().map(|(_, kind)| kind).collect();
    assert!(kinds.iter().any(|kind| kind == "收入") && kinds.iter().any(|kind| kind == "迁出"), "{kinds:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_family_of_thirty_moves_whole_and_asked_again_nobody_is_added() {
    let town = Town::open().await;
    let clerk = town.township.clerk();
    let mut row = row("zhou", VILLAGE);
    let members = row["members"].as_array_mut().expect("members");
    for n in 2..30 {
        members.push(json!({
            "name": format!("孙辈{n}"), "relation": "之孙子", "id_no": id_no(900 + n), "ethnic": "汉族", "education": "小学",
            "health": "长期慢性病且残疾", "labor": "弱劳动力或半劳动力", "insured": true, "disability": "肢体", "disability_grade": "二级",
        }));
    }
    row.insert("remark".into(), "长".repeat(1_000).into());
    let home = town.township.done(&clerk, Command::RegisterHousehold { area: area(VILLAGE), row }).await.records[0];
    let action = id();
    let wanted = || Command::MoveHousehold(moving(home, area(OTHER_VILLAGE)));
    let new = town.township.desk.perform(&clerk, action, wanted()).await.expect("moves").records[0];
    town.township.desk.perform(&clerk, action, wanted()).await.expect("once");
    assert_eq!(present(&page(&town.township, new).await).len(), 30);
    assert_eq!(present(&page(&town.township, home).await).len(), 0);
}
