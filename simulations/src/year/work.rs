//! What people do at their desks: what citizens bring, and what `standing` says is their turn.
//!
//! A person does what the screen offers: an event that would not count is refused and goes nowhere. How late, how
//! wrong, and with which outcome, is the case's fate ([`super::Year::fate`]): the same whoever asks and whenever.

use super::office::STAFF;
use super::{Errand, rates};
use crate::cases::{self, Grant as Granted};

use crate::people::{Change, place};
use crate::world::World;
use serde_json::{Map, Value};
use shouwang_protocol::area::Tier;
use shouwang_protocol::doubles::{self, Grant, State, beside, doubles};
use shouwang_protocol::record::{CaseId, Lane, Place, RecordId, RecordRef};
use shouwang_protocol::records::OpId;
use shouwang_protocol::records::amount::Fen;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::event::{
    self, Agreement, Answer, Channel, Delivery, Dispute, DisputeEnd, Event, EventKind, Finding, Given, Opinion, Origin, Ruling,
    Target, TargetKind, Urgency, Verdict, What,
};
use shouwang_protocol::records::household::Household;
use shouwang_protocol::records::idno::IdNo;
use shouwang_protocol::records::import;
use shouwang_protocol::records::policy::{Decides, Step};
use shouwang_protocol::standing::payout::month;
use shouwang_protocol::standing::{Payout, PayoutState, Stage, Standing, TransferState, Turn, Who, role_allows, would_count};

const NOTE: &str = "核对无误";

impl World {
    /// The people of an office work through what lies there.
    pub(crate) fn office_works(&mut self, node: usize) {
        if !self.works_by_day() || self.nodes[node].retired || self.replica(node).is_none() {
            return;
        }
        let before = self.position(node);
        self.do_again_what_is_in_doubt(node);
        self.refresh(node);
        if self.year.offices.get(&node).is_none_or(|office| !office.is_ready) {
            return;
        }
        let office = self.office_index(node);
        let mut errands = self.year.inbox.remove(&office).unwrap_or_default().into_iter();
        while let Some(errand) = errands.next() {
            if self.replica(node).is_none() {
                // The power went; the paper still lies there.
                let rest = std::iter::once(errand).chain(errands).collect::<Vec<_>>();
                self.year.inbox.entry(office).or_default().extend(rest);
                break;
            }
            self.run_errand(node, errand);
        }
        self.tasks(node);
        if self.today().weekday() == 0 {
            self.settle_doubles(node);
        }
        if self.replica(node).is_some() && self.position(node) > before {
            let line = self.nodes[node].link.up;
            self.year.tally.deeds_without_line += u64::from(!line);
            let wait = self.year.dice.between(60_000, 20 * 60_000);
            self.dial_soon(node, wait);
        }
    }

    fn run_errand(&mut self, node: usize, errand: Errand) {
        match errand {
            Errand::Register(homes) => self.enter_register(node, &homes),
            Errand::Open { home, origin, kind, cause } => self.open_case(node, home, origin, kind, cause),
            Errand::GiveUp(case) => drop(self.act(node, case, What::GaveUp { reason: "家庭情况好转".into() })),
            Errand::Lost(machine) => self.replace(machine),
            Errand::Revoke(old, new, lost) => self.revoke_lost(old, new, lost),
            Errand::Field(home) => {
                let number = self.year.dice.number();
                let (field, value): (_, Value) = match number % 4 {
                    0 => ("phone", format!("138{:08}", number % 100_000_000).into()),
                    1 => ("income_annual", (number % 40_000).into()),
                    2 => ("risk", ["大病支出", "无", "住房安全"][(number >> 8) as usize % 3].into()),
                    _ => ("remark", "已走访".into()),
                };
                self.change_home(node, home, Change::Field(field, value));
            }
            Errand::Death(home) => {
                let household = self.household(node, home);
                let members = household.map(|household| household.members).unwrap_or_default();
                let living: Vec<_> = members.iter().filter(|member| member.is_present()).filter_map(|m| m.row.clone()).collect();
                if let Some(member) = self.year.dice.pick(&living).cloned() {
                    let day = self.today().to_string();
                    self.change_home(node, home, Change::Member(member, "died", day.into()));
                }
            }
            Errand::Join(home) => {
                let number = self.year.dice.number();
                let member = member("李小某", "之子", &idno(number, number.is_multiple_of(2)));
                self.change_home(node, home, Change::NewMember(member));
            }
            Errand::Move(home, to) => self.household_moves(node, home, to),
        }
    }

    /// The register of a village is entered, a household with its parts one after the other.
    fn enter_register(&mut self, node: usize, homes: &[usize]) {
        let mut firsts = Vec::new();
        for home in homes {
            let at = place(self.year.homes[*home].area, Lane::Registry);
            let row = self.year.homes[*home].row.clone();
            let record = RecordRef::New(shouwang_protocol::record::Kind::HOUSEHOLD);
            firsts.push(self.deed("s1", Vec::new(), vec![(at, record, Change::Row(row, 0))]));
        }
        let done = self.do_deeds(node, firsts).unwrap_or_default();
        let mut rest = Vec::new();
        for (home, done) in homes.iter().zip(done) {
            let Some(record) = done.records.first().copied() else { continue };
            self.year.homes[*home].record = Some(record);
            let at = place(self.year.homes[*home].area, Lane::Registry);
            let row = self.year.homes[*home].row.clone();
            for part in 1..import::create(&row).len() {
                rest.push(self.deed("s1", Vec::new(), vec![(at, RecordRef::Known(record), Change::Row(row.clone(), part))]));
            }
        }
        if !rest.is_empty() {
            self.do_deeds(node, rest);
        }
    }

    fn household(&self, node: usize, home: usize) -> Option<Household> {
        let record = self.year.homes[home].record?;
        let known = self.replica(node)?.record(&record).ok()??;
        Some(Household::read(&known.doc))
    }

    fn change_home(&mut self, node: usize, home: usize, change: Change) {
        let Some(record) = self.year.homes[home].record else { return };
        let known = self.replica(node).and_then(|replica| replica.record(&record).ok().flatten());
        let Some(known) = known else { return };
        let deed = self.deed("s1", Vec::new(), vec![(known.place, RecordRef::Known(record), change)]);
        self.do_deed(node, deed);
    }

    /// A household is entered at its new village; often somebody forgets to say so at the old one.
    fn household_moves(&mut self, node: usize, home: usize, to: usize) {
        let old = self.year.homes[home].row.clone();
        let area = self.city.areas[to].id;
        if area == self.year.homes[home].area {
            return;
        }
        let at = place(area, Lane::Registry);
        let record = RecordRef::New(shouwang_protocol::record::Kind::HOUSEHOLD);
        let deed = self.deed("s1", Vec::new(), vec![(at, record, Change::Row(old.clone(), 0))]);
        let Some(made) = self.do_deed(node, deed).and_then(|done| done.records.first().copied()) else { return };
        for part in 1..import::create(&old).len() {
            let deed = self.deed("s1", Vec::new(), vec![(at, RecordRef::Known(made), Change::Row(old.clone(), part))]);
            self.do_deed(node, deed);
        }
        self.trace.sometimes("household moved");
        self.year.homes.push(super::Home { record: Some(made), area, row: old });
        if self.year.dice.chance(rates::MOVED_AND_LEFT_BEHIND) {
            if self.year.dice.chance(rates::ASKED_AT_BOTH_PLACES) {
                let today = self.now / 86_400_000;
                for home in [home, self.year.homes.len() - 1] {
                    let (kind, cause) = ("临时救助", "因病");
                    let errand = Errand::Open { home: Some(home), origin: Origin::Application, kind, cause };
                    let office = self.window(self.year.homes[home].area, Tier::Township);
                    let day = today + self.year.dice.between(1, 4);
                    self.year.later.entry(day).or_default().push((office, errand));
                }
            }
        } else {
            // The township tells the old village.
            let before = self.year.homes[home].area;
            let day = self.today();
            let Some(other) = self.node_at(self.window(before, Tier::Township)) else { return };
            let rows: Vec<_> = self
                .household(other, home)
                .map(|household| household.members.iter().filter_map(|member| member.row.clone()).collect())
                .unwrap_or_default();
            for row in rows {
                self.change_home(other, home, Change::Member(row, "left", day.to_string().into()));
            }
            self.change_home(other, home, Change::Field("status", "迁出".into()));
        }
    }

    fn open_case(&mut self, node: usize, home: Option<usize>, origin: Origin, kind: &'static str, cause: &'static str) {
        let office = self.office_index(node);
        let tier = self.office_tier(office);
        let area = match home {
            Some(home) => self.year.homes[home].area,
            None => self.city.areas[office].id,
        };
        let household = home.and_then(|home| self.year.homes[home].record);
        let held = household.is_some_and(|record| {
            self.replica(node).is_some_and(|replica| replica.record(&record).is_ok_and(|known| known.is_some()))
        });
        let case = CaseId(self.year.dice.bytes16());
        let (at, channel) = match (home, tier) {
            (None, _) => (Place { area, lane: Lane::Casework, floor: Tier::City }, Channel::Web),
            (_, Tier::Village) => (World::casework(area), Channel::Village),
            (_, Tier::Township) => (World::casework(area), Channel::TownshipWindow),
            (_, Tier::City) if origin == Origin::Warning => (World::casework(area), Channel::Feed),
            (_, Tier::City) => (World::casework(area), Channel::CityWindow),
        };
        let what = self.opened(origin, channel, kind, cause, household.filter(|_| held));
        if !self.begin(node, case, at, what) {
            return;
        }
        if origin == Origin::Warning || (origin == Origin::Plea && tier == Tier::City && home.is_some()) {
            let township = self.window(area, Tier::Township);
            let to = &self.city.offices[township];
            let to = Target::office(to.id, to.name.clone());
            self.act(node, case, What::VerifyAsked { to, note: NOTE.into() });
        }
        if home.is_none() {
            self.route(node, case, kind, cause);
        }
        if origin == Origin::Application && self.year.fate(&case, "give up").chance(rates::GIVEN_UP) {
            let wait = self.year.fate(&case, "give up when").between(1, 25);
            let day = (self.now / 86_400_000) + wait;
            let office = self.window(area, Tier::Township);
            self.year.later.entry(day).or_default().push((office, Errand::GiveUp(case)));
        }
    }

    fn opened(&self, origin: Origin, channel: Channel, kind: &str, cause: &str, household: Option<RecordId>) -> What {
        What::Opened {
            origin,
            channel,
            assistance: kind.into(),
            household,
            applicant: "某人".into(),
            summary: "生活困难".into(),
            urgency: Urgency::Normal,
            rule: if origin == Origin::Warning { "因病致贫".into() } else { String::new() },
            cause: cause.into(),
            pack: self.year.pack.version.clone(),
        }
    }

    fn begin(&mut self, node: usize, case: CaseId, at: Place, what: What) -> bool {
        let tier = self.office_tier(self.office_index(node));
        let event = Event::new(self.office_label(node), "s1", "陈某", cases::day(self, node), what);
        let deed = self.deed("s1", Vec::new(), vec![(at, RecordRef::Volume(case, tier), Change::Event(event))]);
        let again = self.year.dice.chance(rates::DOUBLE_CLICK).then(|| deed.clone());
        let done = self.do_deed(node, deed).is_some();
        if let Some(again) = again
            && self.do_deed(node, again).is_some_and(|done| done.again)
        {
            self.trace.sometimes("same form sent twice");
        }
        if done {
            self.people.cases.push((case, at));
        }
        self.refresh(node);
        done
    }

    /// A plea without a village goes on as a new case in the right one.
    fn route(&mut self, node: usize, case: CaseId, kind: &'static str, cause: &'static str) {
        let Some(home) = self.some_home() else { return };
        let area = self.year.homes[home].area;
        let household = self.year.homes[home].record;
        let next = CaseId(self.year.dice.bytes16());
        let what = self.opened(Origin::Plea, Channel::Web, kind, cause, household);
        if self.begin(node, next, World::casework(area), what) {
            let name = self.office_of_area(area).map(|office| self.city.areas[office].name.clone()).unwrap_or_default();
            if self.act(node, case, What::Routed { to: next.to_string(), area: name }) {
                self.trace.sometimes("plea routed to a village");
            }
        }
    }

    /// Somebody writes an event in their tier's volume, when it would count there.
    fn act(&mut self, node: usize, case: CaseId, what: What) -> bool {
        self.act_in(node, vec![(case, what)])
    }

    /// The same for several cases in one action.
    fn act_in(&mut self, node: usize, all: Vec<(CaseId, What)>) -> bool {
        let tier = self.office_tier(self.office_index(node));
        let (office, day) = (self.office_label(node), cases::day(self, node));
        let (mut shown, mut changes, mut grant) = (Vec::new(), Vec::new(), None);
        let mut writer = "s1";
        for (case, what) in all {
            let Some(seen) = self.year.offices.get(&node).and_then(|office| office.cases.get(&case)) else { return false };
            let (at, standing) = (seen.place, seen.standing.clone());
            let Some(kind) = what.kind() else { return false };
            writer = match kind {
                EventKind::SignedFor | EventKind::Returned | EventKind::Session | EventKind::Outcome | EventKind::Feedback => {
                    "d1"
                }
                kind => STAFF.iter().find(|(_, role)| role_allows(*role, kind)).map_or("s1", |(staff, _)| staff),
            };
            let event = Event::new(office, writer, "陈某", day, what);
            if would_count(&standing, &self.year.product, tier, &event).is_err() {
                self.year.tally.refused_forms += 1;
                self.trace.sometimes("form against the rules refused");
                return false;
            }
            let of = |id: &OpId| standing.timeline.iter().find(|item| item.id == *id).and_then(|item| item.event.what.kind());
            match &event.what {
                What::Decided { .. } => grant = Some((case, Granted::Decided)),
                What::Withdrawn { event, .. } if of(event) == Some(EventKind::Decided) => grant = Some((case, Granted::Undone)),
                _ => {}
            }
            let held = |id: &RecordId| self.replica(node).is_some_and(|r| r.record(id).is_ok_and(|known| known.is_some()));
            shown.extend(Tier::ALL.map(|tier| RecordId::volume(&at, &case, tier)).into_iter().filter(held));
            changes.push((at, RecordRef::Volume(case, tier), Change::Event(event)));
        }
        let mut deed = self.deed(writer, shown, changes);
        deed.grant = grant;
        let again = self.year.dice.chance(rates::DOUBLE_CLICK).then(|| deed.clone());
        let done = self.do_deed(node, deed).is_some();
        if let Some(again) = again.map(|again| crate::people::Deed { grant: None, ..again })
            && self.do_deed(node, again).is_some_and(|done| done.again)
        {
            self.trace.sometimes("same form sent twice");
        }
        self.refresh(node);
        done
    }

    /// What the screen shows as this office's turn, done or left for another day.
    fn tasks(&mut self, node: usize) {
        let Some(office) = self.year.offices.get(&node) else { return };
        let open: Vec<CaseId> = office.open.iter().copied().collect();
        let without_village = |case: &CaseId, office: &super::office::Office| {
            office.cases.get(case).is_some_and(|seen| seen.place.floor == Tier::City)
        };
        let waiting: Vec<CaseId> = open.iter().copied().filter(|case| without_village(case, office)).collect();
        for case in waiting {
            self.route(node, case, "临时救助", "因病");
        }
        for case in open {
            // Whoever has a case in hand does the next steps too, when they are theirs.
            for _ in 0..4 {
                if self.replica(node).is_none() {
                    return;
                }
                let Some(what) = self.next_step(node, case) else { break };
                if !self.act(node, case, what) {
                    break;
                }
            }
        }
    }

    fn next_step(&mut self, node: usize, case: CaseId) -> Option<What> {
        let today = self.today();
        let index = self.office_index(node);
        let (tier, label) = (self.office_tier(index), self.office_label(node));
        let seen = self.year.offices.get(&node)?.cases.get(&case)?;
        let standing = seen.standing.clone();
        let s = &*standing;
        if s.clock.is_stopped() && tier == Tier::Township {
            let since = s.clock.pauses.last().map_or(today, |(start, _)| *start);
            let wait = self.year.fate(&case, "stopped").between(2, 20) as u32;
            let over = self.year.almanac.count(since, today) >= wait;
            return over.then(|| What::Resumed { note: NOTE.into() });
        }
        for turn in &s.turns {
            let mine = match &turn.who {
                Who::Tier(holder) => *holder == tier || self.may_help(tier, s, &case),
                Who::Target(target) if target.kind == TargetKind::Office => target.is_office(label),
                Who::Target(_) => tier == Tier::City,
                Who::Applicant => tier == Tier::Township,
            };
            if !mine || !self.is_time(&case, s, turn, today) {
                continue;
            }
            if let Some(what) = self.answer(node, case, s, turn) {
                return Some(what);
            }
        }
        None
    }

    /// Villages visit homes for their township; the city visits the relatives of those who handle cases.
    fn may_help(&self, tier: Tier, s: &Standing, case: &CaseId) -> bool {
        match tier {
            Tier::Village => s.stage == Stage::ToVisit && self.year.fate(case, "who visits").chance(600),
            Tier::Township => false,
            // A second office that does not know better.
            Tier::City => s.stage == Stage::ToPay && self.year.two_pay(case),
        }
    }

    /// Whether somebody gets to it today.
    fn is_time(&self, case: &CaseId, s: &Standing, turn: &Turn, today: Day) -> bool {
        let transfer = match &turn.who {
            Who::Target(target) => s.open_transfers().find(|transfer| transfer.to == *target),
            _ => None,
        };
        let since = transfer.map_or(s.since, |transfer| transfer.signed_on.or(transfer.sent_on));
        let sessions = transfer.map_or(0, |transfer| transfer.sessions);
        let what = format!("{}{}{}{sessions}", turn.what, s.stage.word(), s.failed_payments);
        let weights: Vec<u64> = rates::DELAYS.iter().map(|(_, weight)| *weight).collect();
        let drawn = rates::DELAYS[self.year.fate(case, &what).weighted(&weights)].0;
        // Two offices can only both pay what both of them know to be granted.
        let delay = if s.stage == Stage::ToPay && self.year.two_pay(case) { drawn.max(1) } else { drawn };
        let waited = since.map_or(0, |since| self.year.almanac.count(since, today));
        waited >= delay
    }

    /// What is done about a turn.
    fn answer(&mut self, node: usize, case: CaseId, s: &Standing, turn: &Turn) -> Option<What> {
        if let Some(what) = self.beside_the_stage(node, case, s, turn) {
            return Some(what);
        }
        let today = self.today();
        let office = self.office_label(node);
        let tier = self.office_tier(self.office_index(node));
        let fate = |what: &str| self.year.fate(&case, what);
        let text = || NOTE.to_owned();
        let kind = self.year.pack.kind(&s.assistance).cloned()?;
        if let Who::Target(target) = &turn.who
            && turn.what != "核实"
        {
            return self.serve(case, s, target);
        }
        if ["提请核对", "开始核对", "答复核对"].contains(&turn.what) {
            return self.check_means(node, case, s);
        }
        match s.stage {
            Stage::ToVerify => {
                let outcome = match fate(&format!("verify {}", s.timeline.len())).between(0, 999) {
                    n if n < rates::UNTRUE => Finding::False,
                    n if n < rates::UNTRUE + rates::UNCLEAR => Finding::Unclear,
                    _ => Finding::True,
                };
                Some(What::Verified { outcome, note: text() })
            }
            Stage::ToFollowUp => Some(match fate("follow up").weighted(&[65, 15, 20]) {
                0 if s.origin == Some(Origin::Consultation) => What::Applied { assistance: String::new(), note: text() },
                0 => What::AppliedOnBehalf { assistance: String::new(), reason: "主动发现".into() },
                1 if s.transfers.is_empty() => self.transfer(s, Target::provider("社工服务中心", "社工服务中心")),
                _ => What::Closed { result: "已答复".into() },
            }),
            Stage::ToAccept => {
                if tier == Tier::Township && kind.emergency.is_some() && fate("cannot wait").chance(rates::EMERGENCIES) {
                    return Some(ahead(&case));
                }
                if fate("incomplete").chance(rates::INCOMPLETE) && !s.told_once {
                    return Some(What::MaterialsAsked { materials: vec!["户口簿".into()], again: String::new() });
                }
                if fate("not accepted").chance(rates::NOT_ACCEPTED) {
                    return Some(What::NotAccepted { reason: "不属于救助范围".into() });
                }
                Some(What::Accepted { number: number(&case) })
            }
            Stage::ToComplete => Some(What::MaterialsGiven { note: text() }),
            Stage::Accepted => Some(match kind.decides {
                Decides::Department => self.transfer(s, Target::department(kind.department.clone(), kind.department)),
                _ => self.transfer(s, Target::provider("社工服务中心", "社工服务中心")),
            }),
            Stage::ToVisit | Stage::ToPreExamine if self.declares(s, &case) => {
                Some(What::Declared { of: "村会计".into(), relation: "兄弟".into() })
            }
            Stage::ToVisit => Some(visit(fate("visit").chance(rates::WRONG_FORM) && tier > Tier::Village)),
            Stage::ToPreExamine => self.pre_examine(case, s, tier),
            Stage::ToPost => {
                let short = fate("short").chance(rates::WRONG_FORM) && self.year.dice.chance(700);
                let until = today.plus(if short { 3 } else { 6 });
                Some(What::NoticePosted { place: "村务公开栏".into(), from: today, until, text: String::new() })
            }
            Stage::OnNotice => {
                let notice = s.notice.as_ref()?;
                if notice.objections == 0 && today <= notice.until && fate("objection").chance(rates::OBJECTIONS) {
                    return Some(What::Objected { text: "家里有车".into() });
                }
                (today > notice.until).then(|| What::NoticeEnded { note: text() })
            }
            Stage::Objected => {
                let outcome = if fate("objection true").chance(rates::OBJECTIONS_TRUE) { Finding::True } else { Finding::False };
                Some(What::ObjectionSettled { outcome, note: text() })
            }
            Stage::ToAppraise => Some(What::Appraised { attended: 7, in_favour: 6, note: text() }),
            Stage::ToDecide => self.decide(node, case, s, tier),
            Stage::ToPaper => self.papers(node, s, turn),
            Stage::ToPay | Stage::PaymentFailed => self.pay(case, s, tier, office.0, today, kind.has(Step::Visit)),
            Stage::Running => {
                self.adjust(node, case, s, today).or_else(|| self.pay(case, s, tier, office.0, today, kind.has(Step::Visit)))
            }
            Stage::PhasingOut => self.pay(case, s, tier, office.0, today, kind.has(Step::Visit)),
            Stage::Refused if s.disputes.is_empty() && fate("disputed").chance(rates::DISPUTED) && tier > Tier::Village => {
                let (how, body, number) = (Dispute::Review, "市人民政府".into(), String::new());
                let about = s.ruling().cloned();
                Some(What::Disputed { how, body, number, on: cases::day(self, node), about })
            }
            Stage::Stopped if s.listed().is_some() => self.pay(case, s, tier, office.0, today, true),
            Stage::ToRecover if s.is_unconfirmed() && tier == Tier::City && fate("write off").chance(300) => {
                Some(What::WrittenOff { amount: s.owed(), reason: "家庭确无偿还能力".into() })
            }
            Stage::ToRecover => Some(What::Recovered { amount: s.owed(), note: text() }).inspect(|_| {
                self.trace.sometimes("money recovered");
            }),
            _ if s.paid_again().next().is_some() => {
                Some(What::PaymentFailed { reason: "重复发放，已退回".into(), batch: String::new() })
            }
            Stage::FoundFalse
            | Stage::NotAccepted
            | Stage::Granted
            | Stage::Refused
            | Stage::FedBack
            | Stage::GivenUp
            | Stage::Stopped
            | Stage::Unconfirmed
            | Stage::Voided => Some(What::Closed { result: "已办理".into() }),
            Stage::Unknown | Stage::ToCheck | Stage::InTransfer | Stage::InService | Stage::Closed | Stage::Archived => None,
        }
    }

    /// Whether somebody still has to say that the applicant is a relative.
    fn declares(&self, s: &Standing, case: &CaseId) -> bool {
        s.relative.is_none() && self.year.fate(case, "relative").chance(rates::RELATIVES)
    }

    fn transfer(&self, s: &Standing, to: Target) -> What {
        let n = u32::try_from(s.transfers.len()).unwrap_or_default() + 1;
        What::Transferred { to, n, assistance: String::new(), note: NOTE.into(), consent: None }
    }

    fn pre_examine(&mut self, case: CaseId, s: &Standing, tier: Tier) -> Option<What> {
        if tier != Tier::Township {
            return None;
        }
        let fate = |what: &str| self.year.fate(&case, what);
        if s.clock.pauses.is_empty() && fate("suspend").chance(rates::SUSPENDED) {
            return Some(What::Suspended { reason: "申请人住院".into() });
        }
        if s.clock.extensions.is_empty() && fate("extend").chance(rates::EXTENDED) {
            return Some(What::Extended { days: 10, reason: "情况复杂".into() });
        }
        if s.proposed.is_none() {
            let large = fate("large").chance(400);
            let amount = if s.assistance == "临时救助" && large {
                283_500
            } else {
                30_000 + fate("amount").between(0, 14) as i64 * 5_000
            };
            return Some(What::Proposed { amount: Fen(amount), formula: String::new() });
        }
        let again = format!("opinion {}", s.timeline.len());
        let opinion = if fate(&again).chance(rates::AGAINST) { Opinion::Against } else { Opinion::For };
        Some(What::PreExamined { opinion, note: NOTE.into() })
    }

    /// Whether this is the device that writes its office's decisions.
    fn is_decider(&self, node: usize) -> bool {
        let Some(replica) = self.replica(node) else { return false };
        let own = replica.control().office_of(&replica.device());
        own.is_some_and(|own| own.decider == Some(replica.device())) && self.own_logs_came_back(node)
    }

    /// The family's means are asked about, or it is written down why they can't be.
    fn check_means(&mut self, node: usize, case: CaseId, s: &Standing) -> Option<What> {
        let day = cases::day(self, node);
        let kind = self.year.pack.kind(&s.assistance)?;
        match s.check().filter(|check| check.is_open()) {
            Some(check) if check.started_on.is_none() => Some(What::CheckStarted { number: check.number.clone() }),
            Some(check) => {
                let result = if self.year.fate(&case, "differs").chance(250) { Agreement::Differs } else { Agreement::Same };
                Some(What::CheckAnswered { number: check.number.clone(), result })
            }
            None if self.year.fate(&case, "no check").chance(rates::UNCHECKED) => {
                Some(What::CheckImpossible { reason: "家庭成员无民事行为能力，监护人在外".into() })
            }
            None if kind.sources.iter().any(|source| !s.may_ask("某人", source, day)) => Some(What::CheckAuthorised {
                person: "某人".into(),
                whose: "某人".into(),
                relation: String::new(),
                id_no: String::new(),
                signer: "某人".into(),
                guardian: String::new(),
                scope: kind.sources.to_vec(),
                purpose: s.assistance.clone(),
                signed: day,
                until: day.plus(180),
                paper: "档案柜".into(),
            }),
            None => Some(What::CheckAsked {
                number: format!("HD{}", number(&case)),
                people: vec!["某人".into()],
                names: vec!["某人".into()],
                sources: kind.sources.to_vec(),
                supersedes: String::new(),
                note: NOTE.into(),
            }),
        }
    }

    /// A stop that is put up, and what follows a decision.
    fn beside_the_stage(&mut self, node: usize, case: CaseId, s: &Standing, turn: &Turn) -> Option<What> {
        let day = cases::day(self, node);
        let untold = s.untold().map(|untold| untold.id().clone());
        match turn.what {
            "核查对停发的异议" => Some(What::ObjectionSettled { outcome: Finding::False, note: NOTE.into() }),
            "停发公示期满后登记结果" => {
                let over = s.stop_notice.as_ref().is_some_and(|notice| self.today() > notice.until);
                over.then(|| What::NoticeEnded { note: NOTE.into() })
            }
            "出具减发、停发书面通知" | "出具不予批准书面通知" => {
                untold.map(|adjustment| What::NoticeWritten { adjustment, text: "通知书".into() })
            }
            "送达减发、停发书面通知" | "送达不予批准书面通知" => untold.map(|adjustment| {
                What::NoticeServed { adjustment, to: "户主本人".into(), how: Delivery::Handed, on: day, note: String::new() }
            }),
            "公布审批结果" => {
                let (place, text) = ("村务公开栏".into(), "公布".into());
                Some(What::Published { place, from: day, until: day.plus(364), text, ruling: s.ruling().cloned() })
            }
            "回访" if s.follow_up.is_some_and(|due| due > day.plus(5)) => None,
            "回访" => {
                self.trace.sometimes("a family was looked at again");
                let (whom, text) = ("本人，上门".into(), "生活稳定".into());
                Some(What::FollowedUp { on: day, whom, text, next: None })
            }
            "登记复议、诉讼结果" => {
                let aside = self.year.fate(&case, "set aside").chance(rates::SET_ASIDE);
                let outcome = if aside { DisputeEnd::SetAside } else { DisputeEnd::Stands };
                let dispute = s.open_dispute()?.id.clone();
                Some(What::DisputeEnded { dispute, outcome, text: "复议决定书".into() })
            }
            "按复议、诉讼结果重新办理" if self.is_decider(node) => {
                self.trace.sometimes("a refusal was set aside");
                let event = s.decision.as_ref()?.id.clone();
                Some(What::Withdrawn { event, reason: "复议撤销".into() })
            }
            _ => None,
        }
    }

    /// What helped first gets its papers, and somebody says whether it was right.
    fn papers(&mut self, node: usize, s: &Standing, turn: &Turn) -> Option<What> {
        match turn.what {
            "补办手续：入户调查" => Some(visit(false)),
            "补办手续：补齐材料" => Some(What::MaterialsGiven { note: NOTE.into() }),
            _ if !self.is_decider(node) => None,
            _ if s.emergency.as_ref().is_some_and(|given| given.use_id.starts_with(['0', '1', '2'])) => {
                self.trace.sometimes("help that came first was not right");
                Some(What::Acknowledged { outcome: Verdict::Refused, reason: "情况不属实".into() })
            }
            _ => Some(What::Acknowledged { outcome: Verdict::Approved, reason: NOTE.into() }),
        }
    }

    /// A benefit that runs is made less or more, or ends; nobody's is cut unheard.
    fn adjust(&mut self, node: usize, case: CaseId, s: &Standing, today: Day) -> Option<What> {
        let fate = |what: &str| self.year.fate(&case, what);
        let since = s.terms.first().and_then(|term| Day::parse(&format!("{}-01", term.from)))?;
        let days_had = today.0.checked_sub(since.0)?;
        let ends = fate("ends").chance(rates::BENEFIT_ENDS) && i64::from(days_had) > fate("ends when").between(40, 200) as i64;
        let changes = s.terms.len() == 1 && fate("changes").chance(rates::BENEFIT_CHANGES);
        let changes = changes && i64::from(days_had) > fate("changes when").between(20, 150) as i64;
        if !(ends || changes) || !self.is_decider(node) {
            return None;
        }
        let rule = self.year.pack.kind(&s.assistance).and_then(|kind| kind.stop.as_ref()).filter(|_| ends);
        if rule.is_some() {
            match &s.stop_notice {
                None => {
                    let (place, text) = ("村务公开栏".into(), String::new());
                    return Some(What::NoticePosted { place, from: today, until: today.plus(6), text });
                }
                Some(notice) if !notice.ended || notice.open > 0 => return None,
                Some(_) => {}
            }
        }
        // Somebody died, and nobody said so for a month: what went out since must come back.
        let grace = self.year.pack.kind(&s.assistance).and_then(|kind| kind.grace.as_ref()).map_or(0, |grace| grace.months);
        let back = match rule {
            Some(_) => today.months_later(1),
            None if ends && grace > 2 && fate("grace").chance(rates::PHASED_OUT) => {
                self.trace.sometimes("a benefit is phased out");
                today.months_later(3)
            }
            None if ends && fate("late").chance(400) => Day(today.0 - 31).max(since),
            None => today,
        };
        let amount = if ends { 0 } else { [20_000, 60_000][fate("less or more").index(2).unwrap_or(0)] };
        if amount < s.amount_for(&month(back)).0 && s.heard.is_none() {
            return Some(What::Heard { who: "户主本人，上门".into(), text: "知道了".into() });
        }
        self.trace.sometimes(if ends { "benefit stopped" } else { "benefit changed" });
        let from = month(back);
        Some(What::Adjusted { amount: Fen(amount), from, reason: "家庭情况变化".into(), formula: String::new() })
    }

    /// The one device that decides looks at what was granted before.
    fn decide(&mut self, node: usize, case: CaseId, s: &Standing, tier: Tier) -> Option<What> {
        if !self.is_decider(node) {
            return None;
        }
        let visited = s.visits.iter().any(|visit| visit.tier == Tier::City);
        if s.relative.is_some() && !visited {
            return (tier == Tier::City).then(|| visit(false));
        }
        let fate = |what: &str| self.year.fate(&case, what);
        let refuse = |reason: &str| What::Decided {
            outcome: Verdict::Refused,
            amount: Fen(0),
            reason: reason.to_owned(),
            formula: String::new(),
            pack: String::new(),
            saw: s.saw(),
        };
        let (all_the_same, against) = (fate("all the same"), fate("decider").chance(rates::REFUSED));
        if s.opinion == Some(Opinion::Against) || against {
            return Some(refuse("不符合条件"));
        }
        if let Some((other, told, never)) = self.stands_in_the_way(node, case, s) {
            self.trace.sometimes("decider stopped by an earlier grant");
            self.year.tally.doubles_stopped += 1;
            let mut all_the_same = all_the_same;
            if never || !all_the_same.chance(rates::APPROVED_ALL_THE_SAME) {
                return Some(refuse("已批准过同一救助"));
            }
            let reason = "情况另有不同".to_owned();
            return Some(What::DoubleSettled { other: other.to_string(), ruling: Ruling::Both, told, reason });
        }
        if s.doubled.iter().any(|doubled| doubled.ruling.is_none()) {
            return None;
        }
        Some(What::Decided {
            outcome: Verdict::Approved,
            amount: s.proposed.unwrap_or(Fen(50_000)),
            reason: String::new(),
            formula: String::new(),
            pack: String::new(),
            saw: s.saw(),
        })
    }

    fn stands_in_the_way(&mut self, node: usize, case: CaseId, s: &Standing) -> Option<(CaseId, String, bool)> {
        let household = s.household?;
        let today = self.today();
        let persons = self.persons(node, household);
        let area = self.year.offices.get(&node)?.cases.get(&case)?.place.area;
        let asked = Grant { persons, day: Some(today), ..Grant::of(case, area, s, today) };
        let granted = self.grants(node);
        let packs = &self.year.product;
        let found = beside(&asked, &granted, packs);
        found.first().map(|(grant, why, never)| (grant.case, told(grant, why), *never))
    }

    fn pay(&mut self, case: CaseId, s: &Standing, tier: Tier, office: u32, today: Day, by_list: bool) -> Option<What> {
        let decision = s.decision.as_ref()?;
        let (due, amount) = next_payment(s, today)?;
        let fate = |what: &str| self.year.fate(&case, what);
        let last4 = || "0000".to_owned();
        let second = tier > decision.tier;
        if second {
            self.trace.sometimes("paid by two offices");
        }
        let paid = |batch: String, period: String| What::Paid {
            decision: None,
            amount,
            method: "一卡通".into(),
            account_last4: last4(),
            batch,
            period,
        };
        if let Some(listed) = s.listed().filter(|_| !second) {
            let over = listed.day.is_none_or(|day| self.year.almanac.count(day, today) >= 2);
            let fails = fate(&format!("bank {}", s.failed_payments)).chance(rates::PAYMENT_FAILS);
            return over.then(|| match fails {
                true => What::PaymentFailed { reason: "账号有误".into(), batch: listed.batch.clone() },
                false => paid(listed.batch.clone(), String::new()),
            });
        }
        if second || self.year.two_pay(&case) || (!by_list && fate("direct").chance(500)) {
            return Some(paid(String::new(), month(today)));
        }
        // Lists go to the bank on the day of the month, each with what is due by then.
        let (_, _, date) = today.ymd();
        let batch = format!("{}-{office}-{}", month(today), s.failed_payments);
        (!by_list || date >= rates::PAY_DAY).then(|| What::PayListed { batch, period: due, amount, account_last4: last4() })
    }

    /// A department or a provider answers what was handed to it.
    fn serve(&self, case: CaseId, s: &Standing, target: &Target) -> Option<What> {
        let handed = s.open_transfers().find(|transfer| transfer.to == *target)?;
        let id = handed.id.clone();
        let fate = |what: &str| self.year.fate(&case, &format!("{what} {}", handed.n));
        if handed.state == TransferState::ToSign {
            return Some(match fate("returned").chance(rates::RETURNED) {
                true => What::Returned { transfer: id, reason: "材料不清".into() },
                false => What::SignedFor { transfer: id },
            });
        }
        let impossible = fate("impossible").chance(rates::IMPOSSIBLE);
        if handed.to.kind == TargetKind::Department {
            let result = match fate("answer").weighted(&[93, 7]) {
                _ if impossible => Answer::Impossible,
                0 => Answer::Approved,
                _ => Answer::Refused,
            };
            let amount = Fen(10_000 * (1 + fate("amount").index(40).unwrap_or(0) as i64));
            let amount = Some(amount).filter(|_| result == Answer::Approved);
            return Some(What::Feedback { transfer: id, result, text: NOTE.into(), amount });
        }
        if handed.sessions < 2 {
            return Some(What::Session { transfer: id, text: "个案服务".into() });
        }
        if handed.change.is_none() {
            let change = event::Change::Better;
            let follow_up = Some(self.today().plus(30));
            return Some(What::Outcome { transfer: id, change, text: "有改善".into(), follow_up });
        }
        let result = if impossible { Answer::Impossible } else { Answer::Served };
        Some(What::Feedback { transfer: id, result, text: NOTE.into(), amount: None })
    }

    /// A reviewer goes through the doubles that wait, at the lowest office that sees both halves and may undo them.
    fn settle_doubles(&mut self, node: usize) {
        let tier = self.office_tier(self.office_index(node));
        if tier == Tier::Village || self.replica(node).is_none() {
            return;
        }
        let grants = self.grants(node);
        let packs = self.year.product.clone();
        let waiting: Vec<(CaseId, CaseId, String, String)> = doubles(&grants, &packs)
            .iter()
            .filter(|double| double.state == State::ToSettle)
            .filter_map(|double| {
                let (one, two) = (double.grants.0, double.grants.1?);
                let why = double.why.as_ref();
                let told = |grant: &Grant| why.map_or_else(|| grant.kind.clone(), |why| told(grant, why));
                Some((one.case, two.case, told(one), told(two)))
            })
            .collect();
        for (one, two, of_one, of_two) in waiting {
            let mut pair = one;
            pair.0.iter_mut().zip(two.0).for_each(|(a, b)| *a ^= b);
            if tier == Tier::City
                && self.year.fate(&pair, "ask first").chance(400)
                && self.ask_first(node, one, two, &of_one, &of_two)
            {
                continue;
            }
            let (first, second) = match self.year.fate(&pair, "ruling").chance(rates::BOTH_STAND) {
                true => (Ruling::Both, Ruling::Both),
                false => (Ruling::This, Ruling::Other),
            };
            let settled = |other: CaseId, ruling: Ruling, told: &str| What::DoubleSettled {
                other: other.to_string(),
                ruling,
                told: told.to_owned(),
                reason: "两地已核实".into(),
            };
            let all = vec![(one, settled(two, first, &of_two)), (two, settled(one, second, &of_one))];
            if self.act_in(node, all) {
                self.trace.sometimes("double settled");
            }
        }
    }

    /// Both villages are asked, once.
    fn ask_first(&mut self, node: usize, one: CaseId, two: CaseId, of_one: &str, of_two: &str) -> bool {
        let known = |office: &super::office::Office| {
            office.cases.get(&one).is_some_and(|seen| seen.standing.doubled.iter().any(|doubled| doubled.other == two))
        };
        if self.year.offices.get(&node).is_some_and(known) {
            return false;
        }
        let found = |other: CaseId, told: &str| What::DoubleFound { other: other.to_string(), told: told.to_owned() };
        self.act_in(node, vec![(one, found(two, of_two)), (two, found(one, of_one))])
    }
}

/// The month that is to be paid next and how much: of a benefit the first that is due and not on its way.
fn next_payment(s: &Standing, today: Day) -> Option<(String, Fen)> {
    if let Some(listed) = s.listed() {
        return Some((listed.period.clone(), listed.amount));
    }
    if !s.is_monthly() {
        return s.decision.as_ref().map(|decision| (month(today), decision.amount));
    }
    let live = |it: &&Payout| matches!(it.state, PayoutState::Listed | PayoutState::Paid);
    let mut day = Day::parse(&format!("{}-01", s.terms.first()?.from))?;
    while day <= today {
        let due = month(day);
        if s.amount_for(&due) > Fen(0) && !s.payouts.iter().filter(live).any(|it| it.period == due) {
            let amount = s.amount_for(&due);
            return Some((due, amount));
        }
        day = day.months_later(1);
    }
    None
}

/// Help at once; the papers follow.
fn ahead(case: &CaseId) -> What {
    What::Emergency {
        amount: Fen(80_000),
        assistance: String::new(),
        reason: "突发重病，无钱缴费".into(),
        given: Given::Cash,
        what: "现金".into(),
        receiver: "某人".into(),
        use_id: case.to_string(),
        number: number(case),
    }
}

/// The acceptance number of a case.
fn number(case: &CaseId) -> String {
    let number = case.0[..4].iter().fold(0, |number, byte| number * 256 + u64::from(*byte));
    format!("SL{number:010}")
}

fn told(grant: &Grant, why: &doubles::Why) -> String {
    let day = grant.day.map(|day| day.to_string()).unwrap_or_default();
    format!("{day} 批准的“{}”，{}", grant.kind, why.text())
}

fn visit(alone: bool) -> What {
    let investigators = if alone { vec!["甲".into()] } else { vec!["甲".into(), "乙".into()] };
    What::Visited { investigators, present: "户主".into(), remote: String::new(), findings: "住房一间".into() }
}

fn member(name: &str, relation: &str, id: &str) -> Map<String, Value> {
    let mut row = Map::new();
    row.insert("name".into(), name.into());
    row.insert("relation".into(), relation.into());
    row.insert("id_no".into(), id.into());
    row
}

/// An identity number in an area code that was never assigned.
fn idno(number: u64, male: bool) -> String {
    let date = Day(i32::try_from(number % 9_000).unwrap_or_default() + 10_000).to_string().replace('-', "");
    let sequence = (number >> 16) % 499 * 2 + u64::from(male);
    let body = format!("990000{date}{sequence:03}");
    (0..11)
        .map(|check| format!("{body}{}", if check == 10 { "X".to_owned() } else { check.to_string() }))
        .find(|id| IdNo::parse(id).is_ok())
        .unwrap_or(body)
}
