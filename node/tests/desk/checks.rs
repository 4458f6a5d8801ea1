//! Item 32: a family's means are checked with its agreement only; what came back is shown where it is needed and
//! nowhere else.

use super::support::{DAXIN, Machine, VILLAGE, YANGSHE, application, area, city, id, id_no, noon, sync};
use serde_json::json;
use shouwang_node::desk::checks::{CheckSheet, OPEN};
use shouwang_node::desk::{CaseStep, CheckAnswer, Command, DeskError, OpenCase, Outcome};
use shouwang_node::store::reader::Page;
use shouwang_protocol::area::Tier;
use shouwang_protocol::difference::Compared;
use shouwang_protocol::entry::Content;
use shouwang_protocol::record::{CaseId, Kind, Lane, Place, RecordId, RecordRef};
use shouwang_protocol::records::OpId;
use shouwang_protocol::records::amount::Fen;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::event::{Agreement, EventKind, Finding, Opinion, Verdict};
use shouwang_protocol::records::staff::Role;
use shouwang_protocol::records::verification::{Outcome as Says, Verification};
use shouwang_protocol::replica::{Action, Draft};
use shouwang_protocol::standing::Stage;
use shouwang_protocol::store::Store as _;
use std::sync::atomic::Ordering;

/// What the bank says of the head, in words that no other record holds.
const SECRET: &str = "农商行定期存单";

struct Town {
    city: Machine,
    township: Machine,
    village: Machine,
}

impl Town {
    async fn open(day: &str) -> Town {
        let town = Town { city: city().await, township: Machine::new(YANGSHE).await, village: Machine::new(VILLAGE).await };
        town.on(day);
        town.sync().await;
        town
    }

    fn on(&self, day: &str) {
        for machine in [&self.city, &self.township, &self.village] {
            machine.wall.store(noon(day), Ordering::Relaxed);
        }
    }

    async fn sync(&self) {
        sync(&self.township, &self.city).await;
        sync(&self.village, &self.township).await;
        sync(&self.township, &self.city).await;
        sync(&self.village, &self.township).await;
    }

    /// An application for 刚性支出困难救助, accepted and visited, of a family that declared 12,000 of wages.
    async fn visited(&self, key: &str) -> (CaseId, RecordId) {
        let cun = self.village.clerk();
        let household = self.village.household(key).await;
        let set = json!({ "income_wage": 12_000 }).as_object().expect("an object").clone();
        self.village.done(&cun, Command::EditHousehold { record: household, set, seen_heads: Vec::new() }).await;
        let asked = OpenCase { assistance: "刚性支出困难救助".into(), ..application(household) };
        let case = self.village.open_case(&cun, asked).await;
        self.sync().await;
        self.township.stepped(&self.township.clerk(), case, CaseStep::Accept {}).await;
        self.sync().await;
        let visit = CaseStep::Visit {
            investigators: vec!["李强".into()],
            present: format!("户主{key}"),
            remote: String::new(),
            findings: "住房一间".into(),
        };
        self.village.stepped(&cun, case, visit).await;
        (case, household)
    }

    async fn members(&self, household: RecordId) -> Vec<OpId> {
        let page = self.village.desk.household(&self.village.clerk(), household, 1).await.expect("a page");
        page.detail.household.members.iter().map(|member| member.row.clone().expect("a row")).collect()
    }

    /// Every member signs, for all sources, for half a year.
    async fn authorise(&self, case: CaseId, household: RecordId) {
        for member in self.members(household).await {
            self.village.stepped(&self.village.clerk(), case, signed(member, &[], "2026-12-01")).await;
        }
    }
}

fn signed(member: OpId, scope: &[&str], until: &str) -> CaseStep {
    CaseStep::AuthoriseCheck {
        member: Some(member),
        name: String::new(),
        relation: String::new(),
        id_no: String::new(),
        signer: String::new(),
        guardian: String::new(),
        scope: scope.iter().map(|code| (*code).to_owned()).collect(),
        purpose: String::new(),
        signed: None,
        until: Day::parse(until).expect("a day"),
        paper: "村档案柜 3-2".into(),
    }
}

fn ask() -> CaseStep {
    CaseStep::AskCheck { people: Vec::new(), sources: Vec::new(), note: String::new() }
}

fn ask_at(sources: &[&str]) -> CaseStep {
    CaseStep::AskCheck {
        people: Vec::new(),
        sources: sources.iter().map(|code| (*code).to_owned()).collect(),
        note: String::new(),
    }
}

fn found(person: &str, source: &str, amount: i64, text: &str) -> CheckAnswer {
    CheckAnswer {
        person: person.into(),
        source: source.into(),
        outcome: Says::Found,
        measure: String::new(),
        subject: String::new(),
        amount: Some(Fen(amount)),
        count: None,
        text: text.into(),
        as_of: Day::parse("2026-06-01").expect("a day"),
    }
}

fn nothing(person: &str, source: &str) -> CheckAnswer {
    CheckAnswer { outcome: Says::Nothing, amount: None, ..found(person, source, 0, "") }
}

async fn answer(city: &Machine, number: &str, answers: Vec<CheckAnswer>) -> Result<Outcome, DeskError> {
    city.act(&city.clerk(), Command::AnswerCheck { number: number.into(), answers }).await
}

async fn number(machine: &Machine, case: CaseId) -> String {
    machine.page(&machine.clerk(), case).await.standing.check().expect("a check").number.clone()
}

async fn look(machine: &Machine, case: CaseId) -> CheckSheet {
    let number = number(machine, case).await;
    machine.desk.look_at_check(&machine.clerk(), case, number, "审核本事项".into()).await.expect("a sheet")
}

fn fault(done: Result<Outcome, DeskError>) -> (String, String) {
    match done {
        Err(DeskError::Invalid { faults }) => (faults[0].field.clone(), faults[0].reason.clone()),
        other => panic!("{other:?}"),
    }
}

/// Whether any entry that a machine holds carries these words.
async fn holds(machine: &Machine, words: &'static str) -> bool {
    let found = machine.desk.writer().with(move |engine| {
        let store = engine.replica().store();
        let mut found = false;
        for (log, head) in store.heads().expect("heads") {
            let mut next = 0;
            while next < head.length {
                let entries = store.entries(&log, next, 1 << 20).expect("entries");
                next += entries.len() as u64;
                for pair in entries.iter().flat_map(|entry| &entry.entry.pairs) {
                    let Content::Raw(bytes) = &pair.content else { continue };
                    found |= bytes.windows(words.len()).any(|window| window == words.as_bytes());
                }
            }
        }
        found
    });
    found.await.expect("asks")
}

/// Floors of the logs that a machine holds, and how many verification records.
async fn held(machine: &Machine) -> (Vec<Tier>, usize) {
    let asked = machine.desk.writer().with(|engine| {
        let store = engine.replica().store();
        let floors = store.heads().expect("heads").into_iter().map(|(log, _)| log.place.floor).collect();
        (floors, store.records_of(Kind::VERIFICATION).expect("records").len())
    });
    asked.await.expect("asks")
}

async fn views_fit(machine: &Machine) {
    let wrong = machine.desk.readers().read(|reader| reader.compare_views()).expect("compares");
    assert_eq!(wrong, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_32_from_the_paper_in_the_village_to_the_difference_at_the_city_and_never_a_figure_in_the_village() {
    let town = Town::open("2026-06-01").await;
    let Town { city, township, village } = &town;
    let (cun, zhen, shi) = (village.clerk(), township.clerk(), city.clerk());
    let (case, household) = town.visited("a").await;
    town.sync().await;
    let page = township.page(&zhen, case).await;
    assert_eq!((page.standing.stage, page.turns[0].what.as_str()), (Stage::ToCheck, "提请核对"));
    let early = township.step(&zhen, case, CaseStep::PreExamine { opinion: Opinion::For, note: String::new() }).await;
    assert!(matches!(&early, Err(DeskError::NotNow { why }) if why == "尚未完成家庭经济状况核对"), "{early:?}");

    // Both sign at home, with no network.
    town.authorise(case, household).await;
    town.sync().await;
    township.stepped(&zhen, case, ask()).await;
    let number = number(township, case).await;
    town.sync().await;
    let queue = city.desk.checks(&shi, OPEN, Page::first(10)).await.expect("a queue").rows;
    assert_eq!(
        (queue.len(), queue[0].number.as_str(), queue[0].due, queue[0].applicant.as_str()),
        (1, number.as_str(), Day::parse("2026-06-04"), "户主a")
    );
    let turn = &city.page(&shi, case).await.turns[0];
    assert_eq!((turn.what.as_str(), turn.mine), ("开始核对", true));

    // By form: the bank of the head. Nothing of it is true for anybody who was not asked about.
    town.on("2026-06-02");
    let stranger = answer(city, &number, vec![found("路人", "银行", 1, "")]).await;
    assert_eq!(fault(stranger), ("person".into(), "这一核对没有请求核对此人".into()));
    answer(city, &number, vec![found("户主a", "银行", 5_234_567, SECRET)]).await.expect("answered");
    let again = answer(city, &number, vec![found("户主a", "银行", 5_234_567, SECRET)]).await.expect("answered");
    assert_eq!((again.entries.len(), again.message.as_str()), (0, "这些答复已经登记过"));
    let begun = city.page(&shi, case).await;
    assert_eq!(begun.turns[0].what, "答复核对", "the first answer begins the check");
    let early = city.step(&shi, case, CaseStep::ConcludeCheck {}).await.expect_err("not all answered");
    assert!(matches!(&early, DeskError::NotNow { why } if why.starts_with("还有 21 项没有答复（户主a：户籍")), "{early:?}");

    // By file: everything else, with a forged number, a number that Excel spoiled and the same row again.
    let mut csv = "核对编号,姓名,身份证号,信息来源,结果,金额(元),数量,说明,数据截至\n".to_owned();
    let sources = ["户籍", "税务", "社会保险", "不动产", "市场主体", "住房公积金", "车船", "银行", "证券", "保险", "互联网金融"];
    let first = u32::from(b'a') % 400 * 2;
    for (person, id) in [("户主a", id_no(first)), ("之子a", id_no(first + 1))] {
        for source in sources.iter().filter(|source| (person, **source) != ("户主a", "银行")) {
            let (says, figures) = match (person, *source) {
                ("户主a", "税务") => ("查得", "\"12,000\",,近12个月"),
                ("之子a", "车船") => ("查得", ",1,小型汽车"),
                _ => ("无记录", ",,"),
            };
            csv.push_str(&format!("{number},{person},{id},{source},{says},{figures},2026-06-01\n"));
        }
    }
    csv.push_str(&format!("{number},户主a,{},银行,查得,52345.67,,{SECRET},2026-06-01\n", id_no(first)));
    csv.push_str("HD20260601-001-00001,户主a,,银行,查得,1,,,2026-06-01\n");
    csv.push_str(&format!("{number},户主a,,银行,查到了,1,,,2026-06-01\n"));
    csv.push_str(&format!("{number},户主a,,银行,查得,1,,,2026-07-01\n"));
    let told = city.desk.read_answers(&shi, "dafu.csv".into(), csv.clone().into_bytes()).await.expect("reads");
    assert_eq!((told.rows, told.added, told.same), (25, 21, 1), "{:?}", told.rejected);
    let reasons: Vec<(u64, &str)> = told.rejected.iter().map(|row| (row.line, row.reason.as_str())).collect();
    let known = [(24, "没有这一核对编号"), (25, "结果须写“查得”“无记录”或“无法提供”"), (26, "数据截至日期在今天之后")];
    assert_eq!(reasons, known);
    let again = city.desk.read_answers(&shi, "dafu.csv".into(), csv.clone().into_bytes()).await.expect("reads");
    assert_eq!((again.added, again.same, again.rejected.len()), (0, 22, 3), "the file again adds nothing");
    // The command line's way: the machine's administrator, with a file of rejected rows beside the file.
    let file = city.dir.path().join("dafu.csv");
    std::fs::write(&file, &csv).expect("writes");
    let console = city.desk.console().await.expect("a console");
    let told = city.desk.import_answers(&console, &file).await.expect("imports");
    let rejects = std::fs::read_to_string(told.rejects_file.expect("a file")).expect("reads");
    assert_eq!((told.same, rejects.lines().count()), (22, 3));
    assert!(rejects.contains("\"核对编号\":\"HD20260601-001-00001\""), "{rejects}");
    let below = township.desk.read_answers(&zhen, "dafu.csv".into(), Vec::new()).await;
    assert!(matches!(below, Err(DeskError::NotPermitted { .. })));

    let said = city.stepped(&shi, case, CaseStep::ConcludeCheck {}).await.message;
    assert_eq!(said, "核对完成：不一致");
    town.sync().await;
    for machine in [city, township] {
        let sheet = look(machine, case).await;
        let line = |measure: &str| sheet.report.lines.iter().find(|line| line.measure == measure).expect("a line").clone();
        let deposits = line("存款");
        assert_eq!((deposits.found, deposits.declared, deposits.compared), (Some(5_234_567), None, Compared::More));
        let wage = line("工资性收入");
        assert_eq!((wage.declared, wage.difference, wage.compared), (Some(1_200_000), Some(0), Compared::Same));
        assert_eq!((line("车船").found, sheet.report.agreement()), (Some(1), Agreement::Differs));
        assert!(holds(machine, SECRET).await, "the words can be found where they are");
        views_fit(machine).await;
    }

    // The village knows that it was asked and answered and that it differs, and holds nothing else.
    let page = village.page(&cun, case).await;
    let check = page.standing.check().expect("a check");
    assert_eq!((check.result, check.answered_on), (Some(Agreement::Differs), Day::parse("2026-06-02")));
    let shown = village.desk.check(&cun, case).await.expect("a page");
    assert!(shown.replies.is_none() && !shown.may_look && !shown.may_answer);
    let peek = village.desk.look_at_check(&cun, case, number.clone(), "审核本事项".into()).await;
    assert!(matches!(peek, Err(DeskError::NotPermitted { .. })), "{peek:?}");
    let (floors, records) = held(village).await;
    assert!(records == 0 && floors.iter().all(|floor| *floor == Tier::Village), "{floors:?}");
    assert!(!holds(village, SECRET).await, "not one byte of it went down");
    assert!(held(township).await.1 == 1 && held(city).await.1 == 1);
    views_fit(village).await;
    // Nor does a township beside it.
    let beside = Machine::new(DAXIN).await;
    sync(&beside, city).await;
    assert!(held(&beside).await.1 == 0 && !holds(&beside, SECRET).await);

    // Nor can a village write such a record, or a township one that would go down.
    for (machine, floor) in [(village, Tier::Township), (village, Tier::Village), (township, Tier::Village)] {
        let place = Place { area: area(VILLAGE), lane: Lane::Casework, floor };
        let forged = Draft { place, record: RecordRef::New(Kind::VERIFICATION), edit: Verification::default().create() };
        let action = Action { id: id(), staff: "x".into(), claimed_ms: 0, shown: Vec::new(), drafts: vec![forged] };
        assert!(machine.desk.writer().commit(vec![action]).await.is_err(), "{floor:?}");
    }

    // Who looked, and what for, is on the auditor's list of each machine.
    let auditor = city.person("shen", &[Role::Auditor]);
    let looks = city.desk.looks(&auditor, Page::first(10)).await.expect("a list").rows;
    let seen: Vec<_> = looks.iter().map(|look| (look.staff.as_str(), look.number.as_str(), look.purpose.as_str())).collect();
    assert_eq!(seen, [("wang", number.as_str(), "审核本事项")]);
    assert!(city.desk.looks(&shi, Page::first(10)).await.is_err());
    for (who, purpose) in [(city.person("li", &[Role::Intake]), "审核本事项"), (city.clerk(), " ")] {
        assert!(city.desk.look_at_check(&who, case, number.clone(), purpose.into()).await.is_err());
    }
    assert_eq!(city.desk.looks(&auditor, Page::first(10)).await.expect("a list").rows.len(), 1);

    // Now the case goes on; whoever answered does not decide.
    township.stepped(&zhen, case, CaseStep::PreExamine { opinion: Opinion::Against, note: "财产超标".into() }).await;
    town.sync().await;
    let refuse = || CaseStep::Decide { outcome: Verdict::Refused, amount: None, reason: "财产超标".into() };
    let own = city.step(&city.person("wang", &[Role::Reviewer, Role::Approver]), case, refuse()).await;
    assert!(matches!(own, Err(DeskError::NotPermitted { .. })), "{own:?}");
    city.stepped(&city.person("chen", &[Role::Approver]), case, refuse()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_32_who_did_not_agree_is_not_asked_about() {
    let town = Town::open("2026-06-01").await;
    let Town { city, township, village } = &town;
    let (cun, zhen) = (village.clerk(), township.clerk());
    let (case, household) = town.visited("a").await;
    let members = town.members(household).await;
    town.sync().await;
    // Nobody; then the head only; then the son too, but not for the bank.
    let (field, why) = fault(township.step(&zhen, case, ask()).await);
    assert_eq!(field, "people");
    assert!(why.starts_with("户主a没有有效的核对授权；之子a没有有效的核对授权（") && why.contains("登记授权"), "{why}");
    let mut unfiled = signed(members[0].clone(), &[], "2026-07-01");
    if let CaseStep::AuthoriseCheck { paper, .. } = &mut unfiled {
        *paper = " ".into();
    }
    assert_eq!(fault(village.step(&cun, case, unfiled).await).0, "paper");
    // A child's guardian signs, and says who that is.
    let child = json!({ "name": "孙某", "relation": "之孙", "birth": "2015-05-01" }).as_object().expect("an object").clone();
    village.done(&cun, Command::AddMember { record: household, member: child }).await;
    let child = town.members(household).await.pop().expect("a child");
    let (field, why) = fault(village.step(&cun, case, signed(child.clone(), &[], "2026-07-01")).await);
    assert_eq!((field.as_str(), why.as_str()), ("guardian", "未成年人由监护人签字，须写明签字人和监护关系"));
    let mut by_guardian = signed(child, &[], "2026-07-01");
    if let CaseStep::AuthoriseCheck { signer, guardian, .. } = &mut by_guardian {
        (*signer, *guardian) = ("户主a".into(), "祖父，监护人".into());
    }
    village.stepped(&cun, case, by_guardian).await;
    village.stepped(&cun, case, signed(members[0].clone(), &[], "2026-07-01")).await;
    village.stepped(&cun, case, signed(members[1].clone(), &["税务"], "2026-06-03")).await;
    town.sync().await;
    let (_, why) = fault(township.step(&zhen, case, ask_at(&["税务", "银行"])).await);
    assert!(why.starts_with("之子a没有授权核对“银行”（"), "{why}");
    // A day after it ended, not even the tax office.
    town.on("2026-06-04");
    let (_, why) = fault(township.step(&zhen, case, ask_at(&["税务"])).await);
    assert!(why.starts_with("之子a没有有效的核对授权（"), "{why}");
    // A village never asks; an unknown source is nobody's.
    assert!(village.step(&cun, case, ask_at(&["税务"])).await.is_err());
    assert_eq!(fault(township.step(&zhen, case, ask_at(&["邻居"])).await).0, "sources");
    // An aunt outside the household: only when she agreed herself.
    let aunt = CaseStep::AuthoriseCheck {
        member: None,
        name: "孙某".into(),
        relation: "姑母".into(),
        id_no: id_no(901),
        signer: String::new(),
        guardian: String::new(),
        scope: vec!["银行".into()],
        purpose: String::new(),
        signed: None,
        until: Day::parse("2026-07-01").expect("a day"),
        paper: "镇档案室".into(),
    };
    let head = members[0].to_string();
    let with_aunt = || CaseStep::AskCheck {
        people: vec![head.clone(), "s:姑母:孙某".into()],
        sources: vec!["银行".into()],
        note: String::new(),
    };
    assert_eq!(fault(township.step(&zhen, case, with_aunt()).await).1, "家庭以外的人须先登记本人的核对授权");
    township.stepped(&zhen, case, aunt).await;
    township.stepped(&zhen, case, with_aunt()).await;
    let number = number(township, case).await;
    // The head takes it back while the city is at work: no further answer about him is taken.
    let given = township.page(&zhen, case).await.standing.authorisations;
    let of_head = given.iter().find(|known| known.person == head).expect("signed").id.clone();
    town.sync().await;
    village.stepped(&cun, case, CaseStep::WithdrawAuthorisation { authorisation: of_head, reason: "本人要求".into() }).await;
    town.sync().await;
    let late = answer(city, &number, vec![found("户主a", "银行", 1, "")]).await;
    assert_eq!(fault(late).1, "授权已经撤回，不得再核对此人的这一来源");
    answer(city, &number, vec![found("孙某", "银行", 900, "")]).await.expect("answered");
    let said = city.stepped(&city.clerk(), case, CaseStep::ConcludeCheck {}).await.message;
    assert_eq!(said, "核对完成：部分无法比对");
    let sheet = look(city, case).await;
    assert_eq!((sheet.report.lines.iter().filter(|line| line.found.is_some()).count(), sheet.report.supporters.len()), (0, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_32_the_family_objects_and_a_second_check_takes_the_place_of_the_first() {
    let town = Town::open("2026-06-01").await;
    let Town { city, township, village } = &town;
    let (cun, zhen, shi) = (village.clerk(), township.clerk(), city.clerk());
    let (case, household) = town.visited("a").await;
    town.authorise(case, household).await;
    town.sync().await;
    township.stepped(&zhen, case, ask_at(&["银行"])).await;
    let first = number(township, case).await;
    town.sync().await;
    // Three working days are over: it is on everybody's list of what is late.
    town.on("2026-06-05");
    assert!(city.page(&shi, case).await.turns[0].overdue);
    assert_eq!(city.desk.today_for(&shi).await.expect("today").overdue, 1);
    answer(city, &first, vec![found("户主a", "银行", 4_000_000, "代管"), nothing("之子a", "银行")]).await.expect("answered");
    city.stepped(&shi, case, CaseStep::ConcludeCheck {}).await;
    town.sync().await;
    village.stepped(&cun, case, CaseStep::ObjectToCheck { text: "存款是村民小组的".into() }).await;
    town.sync().await;
    let page = township.page(&zhen, case).await;
    assert_eq!((page.standing.stage, page.turns[0].what.as_str()), (Stage::ToCheck, "处理核对异议"));
    let settle = |note: &str| CaseStep::SettleCheckObjection { outcome: Finding::True, note: note.into() };
    let (field, why) = fault(township.step(&zhen, case, settle("40000元是集体的")).await);
    assert_eq!((field.as_str(), why.as_str()), ("note", "村(社区)也能看到这里，不能写数字；金额写在核对答复里"));
    township.stepped(&zhen, case, settle("经查是集体资金")).await;
    let late = answer(city, &first, vec![found("户主a", "银行", 0, "")]).await;
    assert!(matches!(&late, Err(DeskError::NotNow { why }) if why.contains("复查")), "{late:?}");
    township.stepped(&zhen, case, ask_at(&["银行"])).await;
    let second = number(township, case).await;
    assert_ne!(first, second);
    town.sync().await;
    answer(city, &second, vec![nothing("户主a", "银行"), nothing("之子a", "银行")]).await.expect("answered");
    city.stepped(&shi, case, CaseStep::ConcludeCheck {}).await;
    town.sync().await;
    let standing = village.page(&cun, case).await.standing;
    let told: Vec<_> = standing.checks.iter().map(|check| (check.superseded, check.result)).collect();
    assert_eq!(told, [(true, Some(Agreement::Differs)), (false, Some(Agreement::Same))]);
    assert_eq!(standing.stage, Stage::ToPreExamine);
    // The first one is kept and can still be read.
    let old = township.desk.look_at_check(&zhen, case, first, "复查对照".into()).await.expect("a sheet");
    assert_eq!((old.report.agreement(), old.check.superseded), (Agreement::Differs, true));
    assert_eq!(look(township, case).await.report.agreement(), Agreement::Same);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_32_where_no_check_is_possible_a_reason_in_writing_takes_its_place() {
    let town = Town::open("2026-06-01").await;
    let (case, _) = town.visited("a").await;
    town.sync().await;
    let zhen = town.township.clerk();
    let clerk = town.township.person("li", &[Role::Intake]);
    let cannot = |reason: &str| CaseStep::CannotCheck { reason: reason.into() };
    assert!(matches!(town.township.step(&clerk, case, cannot("本人失联")).await, Err(DeskError::NotPermitted { .. })));
    assert_eq!(fault(town.township.step(&zhen, case, cannot(" ")).await).0, "reason");
    town.township.stepped(&zhen, case, cannot("本人昏迷，监护人尚未确定")).await;
    let page = town.township.page(&zhen, case).await;
    assert_eq!(page.standing.stage, Stage::ToPreExamine);
    assert!(page.possible.contains(&EventKind::PreExamined));
}
