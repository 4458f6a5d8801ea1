//! The three stories of the newspaper as folds, and the helper that plays cases in tests.

use super::*;
use crate::device::DeviceKey;
use crate::eligibility::Facts;
use crate::records::case::{append, skeleton};
use crate::records::policy::sample;
use crate::records::run;
use automerge::{ActorId, Automerge};

/// A case being played: one device for each tier, every action after the one before.
pub(super) struct Play {
    docs: BTreeMap<Tier, Automerge>,
    stamps: BTreeMap<OpId, Stamp>,
    lamport: u64,
    /// How far behind the others the next event is written.
    behind: u64,
    /// The last number of each device.
    last: BTreeMap<Tier, u64>,
    day: Day,
    pub packs: Packs,
}

pub(super) const VILLAGE: (Tier, u32) = (Tier::Village, 201);
pub(super) const TOWN: (Tier, u32) = (Tier::Township, 100);
pub(super) const CITY: (Tier, u32) = (Tier::City, 1);

fn number(tier: Tier) -> u8 {
    tier.number() + 1
}

impl Play {
    pub fn new(day: &str) -> Play {
        let doc = |tier| (tier, skeleton().with_actor(ActorId::from([number(tier); 16])));
        let pack = sample();
        Play {
            docs: Tier::ALL.map(doc).into(),
            stamps: BTreeMap::new(),
            lamport: 0,
            behind: 0,
            last: BTreeMap::new(),
            day: Day::parse(day).expect("a day"),
            packs: [(pack.version.clone(), pack)].into(),
        }
    }

    pub fn on(&mut self, day: &str) -> &mut Play {
        self.day = Day::parse(day).expect("a day");
        self
    }

    /// The next event is written by a device that has not heard of the latest ones.
    pub fn behind(&mut self, events: u64) -> &mut Play {
        self.behind = events;
        self
    }

    /// Somebody writes an event in their tier's volume; its name.
    pub fn act(&mut self, (tier, office): (Tier, u32), staff: &str, what: What) -> OpId {
        let event = Event::new(OfficeId(office), staff, staff, self.day, what);
        let doc = self.docs.get_mut(&tier).expect("a volume");
        run(doc, append(&event)).expect("appends");
        self.lamport += 1;
        let events = Volume::read(tier, doc).events;
        let id = events.last().expect("one").id.clone();
        let device = DeviceKey([number(tier); 32]);
        let own = self.last.get(&tier).copied().unwrap_or(0) + 1;
        let lamport = self.lamport.saturating_sub(std::mem::take(&mut self.behind)).max(own);
        self.last.insert(tier, lamport);
        self.stamps.insert(id.clone(), Stamp { lamport, tier, device, sequence: self.lamport, index: id.counter });
        id
    }

    pub fn records(&self) -> CaseRecords {
        let read = self.docs.iter().map(|(tier, doc)| {
            let mut volume = Volume::read(*tier, doc);
            volume.stamp(|actor, counter| self.stamps.get(&OpId { counter, actor: actor.clone() }).copied());
            volume
        });
        read.collect()
    }

    pub fn standing(&self) -> Standing {
        standing(&self.records(), &self.packs)
    }

    pub fn stage(&self) -> Stage {
        self.standing().stage
    }

    /// The effect of the last event.
    pub fn effect(&self, id: &OpId) -> Effect {
        self.standing().timeline.into_iter().find(|item| item.id == *id).expect("in the timeline").effect
    }
}

use crate::records::event::What;

/// Why an event has no effect, or what it waits for.
pub(super) fn why(play: &Play, id: &OpId) -> String {
    match play.effect(id) {
        Effect::WithoutEffect(why) | Effect::Waits(why) => why,
        other => panic!("has {other:?}"),
    }
}

pub(super) fn opened(origin: Origin, channel: Channel, assistance: &str, applicant: &str) -> What {
    What::Opened {
        origin,
        channel,
        assistance: assistance.into(),
        household: None,
        applicant: applicant.into(),
        summary: "家庭困难".into(),
        urgency: Urgency::Normal,
        rule: String::new(),
        cause: String::new(),
        pack: sample().version,
    }
}

pub(super) fn transferred(to: Target, assistance: &str) -> What {
    What::Transferred { to, n: 1, assistance: assistance.into(), note: String::new(), consent: None }
}

pub(super) fn decided(amount: i64) -> What {
    let (outcome, reason) = if amount > 0 { (Verdict::Approved, "") } else { (Verdict::Refused, "收入超标") };
    What::Decided {
        outcome,
        amount: Fen(amount),
        reason: reason.into(),
        formula: String::new(),
        pack: String::new(),
        saw: Vec::new(),
    }
}

pub(super) fn paid(amount: i64) -> What {
    let (method, account_last4, batch) = ("一卡通".to_owned(), "1234".to_owned(), "2019053001".to_owned());
    What::Paid { decision: None, amount: Fen(amount), method, account_last4, batch, period: String::new() }
}

pub(super) fn accepted(number: &str) -> What {
    What::Accepted { number: number.into() }
}

pub(super) fn closed() -> What {
    What::Closed { result: "已办理".into() }
}

/// Story B up to the decision: the warning, the verification, the application on behalf.
pub(super) fn story_b() -> Play {
    let mut play = Play::new("2019-05-29");
    let warning = What::Opened {
        origin: Origin::Warning,
        channel: Channel::Feed,
        assistance: "临时救助".into(),
        household: Some(RecordId(crate::hash::Hash([7; 32]))),
        applicant: "张先生".into(),
        summary: "确诊结肠恶性肿瘤".into(),
        urgency: Urgency::Urgent,
        rule: "因病致贫".into(),
        cause: "因病".into(),
        pack: sample().version,
    };
    play.act(CITY, "feed", warning);
    play.act(CITY, "zhang", What::VerifyAsked { to: Target::office(OfficeId(TOWN.1), "杨舍镇民政办"), note: String::new() });
    play
}

#[test]
fn story_a_a_consultation_goes_to_the_education_bureau() {
    let mut play = Play::new("2019-06-10");
    play.act(CITY, "zhangjie", opened(Origin::Consultation, Channel::CityWindow, "", "李先生"));
    assert_eq!(play.stage(), Stage::ToFollowUp);
    play.act(CITY, "zhangjie", What::Applied { assistance: "教育救助".into(), note: "女儿上学".into() });
    assert_eq!(play.stage(), Stage::ToAccept);
    play.act(CITY, "zhangjie", accepted("SL2019060001"));
    assert_eq!(play.stage(), Stage::Accepted);
    let transfer = play.act(CITY, "zhangjie", transferred(Target::department("教育局", "市教育局"), ""));
    let standing = play.standing();
    assert_eq!((standing.stage, standing.transfers[0].state), (Stage::InTransfer, TransferState::ToSign));
    assert_eq!(standing.turns[0].who, Who::Target(Target::department("教育局", "市教育局")));
    assert_eq!(standing.turns[0].due, Day::parse("2019-06-12"), "two working days to sign for it");
    play.on("2019-06-11").act(CITY, "jyj-wang", What::SignedFor { transfer: transfer.clone() });
    assert_eq!(play.standing().transfers[0].state, TransferState::Signed);
    play.act(
        CITY,
        "jyj-wang",
        What::Feedback { transfer, result: Answer::Approved, text: "符合教育救助条件".into(), amount: None },
    );
    assert_eq!(play.stage(), Stage::FedBack);
    play.act(CITY, "zhangjie", closed());
    let standing = play.standing();
    assert_eq!((standing.stage, standing.turns.len()), (Stage::Closed, 0));
    assert!(standing.timeline.iter().all(|item| item.effect == Effect::Counts));
    assert_eq!(standing.problems, []);
}

#[test]
fn story_b_from_the_warning_to_2835_yuan_on_the_next_day() {
    let mut play = story_b();
    let standing = play.standing();
    assert_eq!(standing.stage, Stage::ToVerify);
    assert_eq!(standing.turns[0].who, Who::Target(Target::office(OfficeId(TOWN.1), "杨舍镇民政办")));
    play.act(TOWN, "wang", What::Verified { outcome: Finding::True, note: "入户核实".into() });
    assert_eq!(play.stage(), Stage::ToFollowUp);
    play.act(TOWN, "wang", What::AppliedOnBehalf { assistance: String::new(), reason: "主动发现".into() });
    play.act(TOWN, "wang", accepted("YS20190529001"));
    assert_eq!(play.stage(), Stage::ToPreExamine);
    play.act(TOWN, "wang", What::PreExamined { opinion: Opinion::For, note: String::new() });
    let (amount, formula) =
        play.packs.values().next().and_then(|pack| pack.propose("临时救助", &Facts::default()).ok()).expect("set");
    play.act(TOWN, "wang", What::Proposed { amount, formula: formula.clone() });
    let standing = play.standing();
    assert_eq!(standing.stage, Stage::ToDecide);
    assert_eq!(standing.turns, [Turn { who: Who::Tier(Tier::City), what: "审批", due: Day::parse("2019-06-03") }]);
    play.on("2019-05-30").act(CITY, "chen", decided(283_500));
    assert_eq!((play.stage(), play.standing().decided()), (Stage::ToPay, Some(Fen(283_500))));
    play.act(CITY, "chen", paid(283_500));
    let standing = play.standing();
    assert_eq!((standing.stage, standing.paid()), (Stage::Granted, Some(Fen(283_500))));
    assert_eq!(standing.payment.as_ref().and_then(|payment| payment.day), Day::parse("2019-05-30"));
    play.act(TOWN, "wang", closed());
    assert_eq!(play.stage(), Stage::Closed);
    assert!(play.standing().timeline.iter().all(|item| item.effect == Effect::Counts));
}

#[test]
fn story_c_a_plea_becomes_a_service_and_no_money_moves() {
    let mut play = Play::new("2019-03-27");
    play.act(CITY, "web", opened(Origin::Plea, Channel::Web, "心理服务", "唐女士"));
    // Nobody was asked yet: the office whose turn it is can be told to hurry.
    play.act(CITY, "zhang", What::Urged { note: "请今天核实".into() });
    assert_eq!(play.standing().urged.map(|(times, _)| times), Some(1));
    let office = Target::office(OfficeId(TOWN.1), "大新镇民政办");
    play.act(CITY, "zhang", What::VerifyAsked { to: office, note: "请核实".into() });
    play.on("2019-03-28").act(TOWN, "zhao", What::Verified { outcome: Finding::True, note: "情况属实".into() });
    let transfer = play.on("2019-03-29").act(CITY, "zhang", transferred(Target::provider("社工服务中心", "社工服务中心"), ""));
    assert_eq!(play.stage(), Stage::InTransfer);
    play.act(CITY, "social", What::SignedFor { transfer: transfer.clone() });
    assert_eq!(play.stage(), Stage::InService);
    for day in ["2019-04-02", "2019-04-16"] {
        play.on(day).act(CITY, "social", What::Session { transfer: transfer.clone(), text: "个案服务".into() });
    }
    let follow_up = Day::parse("2019-07-01");
    play.on("2019-05-06").act(
        CITY,
        "social",
        What::Outcome { transfer: transfer.clone(), change: Change::Better, text: "愿意接受治疗".into(), follow_up },
    );
    play.act(CITY, "social", What::Feedback { transfer, result: Answer::Served, text: "愿意接受治疗".into(), amount: None });
    play.act(CITY, "zhang", closed());
    play.act(CITY, "zhang", What::Satisfaction { score: 5, text: "感谢社会各方的帮助".into() });
    let standing = play.standing();
    assert_eq!((standing.stage, standing.satisfaction), (Stage::Closed, Some(5)));
    let service = &standing.transfers[0];
    assert_eq!((service.sessions, service.change, service.follow_up), (2, Some(Change::Better), follow_up));
    assert_eq!((standing.decided(), standing.paid()), (None, None));
    assert!(standing.timeline.iter().all(|item| item.effect == Effect::Counts));
}
