//! What is put up where everybody in the village can read it (公示), and what is made public once it is approved (公布).
//!
//! [`compose`] makes a [`Sheet`] from a case, its household and the policy pack. Its fields are all there is: a name
//! with its middle hidden (a minor's not at all), the village, the kind, how many people, the amount where the pack
//! says so, from when to when, where to object. The one free text, the place, must be harmless, and nothing in the
//! whole sheet may contain a number of the household: else there is no sheet but a reason. [`Sheet::text`] goes into
//! the entry word for word, so that what was posted can be proven; [`posted`] says what of it is still up.

use crate::records::OpId;
use crate::records::amount::Fen;
use crate::records::day::Day;
use crate::records::event::What;
use crate::records::household::Household;
use crate::records::policy::{Packs, Step};
use crate::records::privacy::{OWN_DIGITS_MIN, holds, leak, masked_name};
use crate::standing::{Effect, Standing};
use std::collections::BTreeSet;

/// Before the name of somebody whose benefit is to be stopped.
pub const STOPPED: &str = "拟停发人员";
/// Before the name of somebody whose grant is made public.
pub const GRANTED: &str = "获批人员";
/// What stands for the name of somebody under eighteen.
pub const MINOR: &str = "（未成年人，不公布姓名）";
/// From this age on a person is named.
const ADULT_YEARS: i32 = 18;
/// Characters of an office's telephone number.
const PHONE_CHARS: std::ops::RangeInclusive<usize> = 7..=20;

/// Why there is no sheet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refused {
    /// The field of the form that is wrong; empty: the case itself.
    pub field: &'static str,
    /// Why, in Chinese.
    pub why: String,
}

impl Refused {
    fn of(field: &'static str, why: impl Into<String>) -> Refused {
        Refused { field, why: why.into() }
    }
}

/// What a notice tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tells {
    /// The opinion, before the decision.
    Opinion,
    /// That a monthly benefit is to be stopped.
    Stop,
    /// What was approved.
    Decision,
}

impl Tells {
    /// What stands before the name.
    pub fn who(self) -> &'static str {
        match self {
            Tells::Opinion => "申请人",
            Tells::Stop => STOPPED,
            Tells::Decision => GRANTED,
        }
    }

    /// What stands before the place.
    pub fn place(self) -> &'static str {
        if self == Tells::Decision { "公布地点" } else { "公示地点" }
    }
}

/// Everything a notice says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sheet {
    /// The name with its middle hidden.
    pub name: String,
    /// The village.
    pub village: String,
    /// The kind of assistance.
    pub kind: String,
    /// How many people live in the household.
    pub people: usize,
    /// The amount: of an opinion, where the pack says that it is put up.
    pub amount: Option<Fen>,
    /// Whether a monthly benefit was approved: the amount is a month's.
    pub monthly: bool,
    /// What it tells.
    pub tells: Tells,
    /// The first day.
    pub from: Day,
    /// The last day.
    pub until: Day,
    /// Where it hangs.
    pub place: String,
    /// The office that hears objections.
    pub office: String,
    /// Its telephone number.
    pub phone: String,
}

/// What somebody who posts a notice says, and what only their office knows.
#[derive(Clone, Copy, Debug)]
pub struct Poster<'a> {
    /// The village's name.
    pub village: &'a str,
    /// Where it hangs.
    pub place: &'a str,
    /// The first day.
    pub from: Day,
    /// The last day.
    pub until: Day,
    /// The office that hears objections.
    pub office: &'a str,
    /// Its telephone number.
    pub phone: &'a str,
}

/// The numbers of a household that must not be seen: identity, telephone and account numbers, also those of members.
pub fn secrets(household: &Household) -> Vec<String> {
    let own = [&household.head_id_no, &household.phone, &household.bank_account, &household.officer_phone];
    let members = household.members.iter().map(|member| &member.id_no);
    let digits = |text: &&String| text.chars().filter(char::is_ascii_digit).count() >= OWN_DIGITS_MIN;
    own.into_iter().chain(members).filter(digits).cloned().collect()
}

/// The sheet of what is put up next: the opinion, or the stop of a benefit that runs; or why there is none.
pub fn compose(standing: &Standing, household: &Household, packs: &Packs, poster: Poster<'_>) -> Result<Sheet, Refused> {
    let tells = if standing.is_running() { Tells::Stop } else { Tells::Opinion };
    compose_as(tells, standing, household, packs, poster)
}

/// The sheet that makes public what was approved, or why there is none.
pub fn publish(standing: &Standing, household: &Household, packs: &Packs, poster: Poster<'_>) -> Result<Sheet, Refused> {
    compose_as(Tells::Decision, standing, household, packs, poster)
}

fn compose_as(
    tells: Tells,
    standing: &Standing,
    household: &Household,
    packs: &Packs,
    poster: Poster<'_>,
) -> Result<Sheet, Refused> {
    let kind = packs.get(&standing.pack).and_then(|pack| pack.kind(&standing.assistance));
    let kind = kind.ok_or_else(|| Refused::of("", "政策包中没有这一救助种类"))?;
    let never = match tells {
        Tells::Opinion => (!kind.has(Step::Notice)).then_some("这一种类不公示"),
        Tells::Stop => kind.stop.is_none().then_some("这一种类停发之前不公示"),
        Tells::Decision => (!kind.has(Step::Publish)).then_some("这一种类不公布审批结果"),
    };
    if let Some(why) = never {
        return Err(Refused::of("", why));
    }
    if let Some(why) = leak(poster.place) {
        return Err(Refused::of("place", format!("{}{why}", tells.place())));
    }
    let phone = poster.phone.trim();
    let dialled = |c: char| c.is_ascii_digit() || matches!(c, '-' | ' ' | '(' | ')' | '+');
    if !PHONE_CHARS.contains(&phone.chars().count()) || !phone.chars().all(dialled) {
        return Err(Refused::of("phone", "须写明受理异议的办公电话"));
    }
    let secrets = secrets(household);
    if holds(phone, &secrets) {
        return Err(Refused::of("phone", "这是该家庭的号码，须写本机构的办公电话"));
    }
    let sheet = Sheet {
        name: shown_name(&standing.applicant, household, poster.from)?,
        village: poster.village.to_owned(),
        kind: kind.name.clone(),
        people: household.members.iter().filter(|member| member.is_present()).count(),
        amount: match tells {
            Tells::Opinion => standing.proposed.filter(|_| kind.notice_amount),
            Tells::Stop => None,
            Tells::Decision => standing.terms.last().map(|term| term.amount).or(standing.decided()),
        },
        monthly: standing.is_monthly(),
        tells,
        from: poster.from,
        until: poster.until,
        place: poster.place.trim().to_owned(),
        office: poster.office.to_owned(),
        phone: phone.to_owned(),
    };
    // The last guard asks nothing of the others: whatever came in by whichever field, no number of theirs goes out.
    if holds(&sheet.text(), &secrets) {
        return Err(Refused::of("", "公示内容含有该家庭的证件、电话或账号"));
    }
    Ok(sheet)
}

/// The name that is put up: the applicant's, who must be one of the household, so that their age is known.
fn shown_name(applicant: &str, household: &Household, on: Day) -> Result<String, Refused> {
    let applicant = applicant.trim();
    let member = household.members.iter().find(|member| member.name.trim() == applicant);
    let member = member.ok_or_else(|| Refused::of("", "申请人不在家庭成员中，无法确认是否成年，请先核对家庭档案"))?;
    let birth = member.id().map(|id| id.birth()).or(member.birth);
    let birth = birth.ok_or_else(|| Refused::of("", "申请人没有出生日期，无法确认是否成年，请先核对家庭档案"))?;
    let (year, month, day) = on.ymd();
    let (born, birth_month, birth_day) = birth.ymd();
    let age = year - born - i32::from((month, day) < (birth_month, birth_day));
    if age < ADULT_YEARS {
        return Ok(MINOR.to_owned());
    }
    match leak(applicant) {
        Some(_) => Err(Refused::of("", "申请人姓名中混有号码或健康情况，请先更正家庭档案")),
        None => Ok(masked_name(applicant)),
    }
}

impl Sheet {
    /// The lines of the sheet: label and what it says.
    pub fn lines(&self) -> Vec<(&'static str, String)> {
        let mut lines = vec![
            (self.tells.who(), self.name.clone()),
            ("村(社区)", self.village.clone()),
            ("救助种类", self.kind.clone()),
            ("共同生活人数", format!("{}人", self.people)),
        ];
        let granted = self.tells == Tells::Decision;
        let unit = if granted && self.monthly { "元/月" } else { "元" };
        let of_money = if granted { "救助金额" } else { "拟救助金额" };
        lines.extend(self.amount.map(|amount| (of_money, format!("{amount}{unit}"))));
        lines.extend([
            (if granted { "公布期" } else { "公示期" }, format!("{} 至 {}", self.from, self.until)),
            (self.tells.place(), self.place.clone()),
            ("受理异议", self.office.clone()),
            ("异议电话", self.phone.clone()),
        ]);
        lines
    }

    /// The text that is kept in the entry.
    pub fn text(&self) -> String {
        let line = |(label, value): (&str, String)| format!("{label}：{}", value.replace('\n', " "));
        self.lines().into_iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

/// What a line of a kept text says.
pub fn line<'t>(text: &'t str, label: &str) -> Option<&'t str> {
    text.lines().filter_map(|line| line.split_once('：')).find(|(found, _)| *found == label).map(|(_, value)| value)
}

/// A notice that stood, or stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Posted {
    /// The event.
    pub id: OpId,
    /// The first day.
    pub from: Day,
    /// The last day.
    pub until: Day,
    /// Where.
    pub place: String,
    /// What it said.
    pub text: String,
    /// Whether it still says so until its last day is over: the case is where it was when it was put up, or the grant
    /// that it tells of stands.
    pub stands: bool,
}

impl Posted {
    /// Whether it is up on `today`; afterwards nothing of the person is shown any more.
    pub fn is_up(&self, today: Day) -> bool {
        self.stands && today <= self.until
    }
}

/// The notices of a case, the first first.
pub fn posted(standing: &Standing) -> Vec<Posted> {
    let counted = standing.timeline.iter().filter(|item| item.effect == Effect::Counts);
    let mut publications = BTreeSet::new();
    let mut all: Vec<Posted> = counted
        .filter_map(|item| match &item.event.what {
            What::NoticePosted { place, from, until, text } | What::Published { place, from, until, text, .. } => {
                publications.extend(matches!(item.event.what, What::Published { .. }).then_some(&item.id));
                let (place, text) = (place.clone(), text.clone());
                Some(Posted { id: item.id.clone(), from: *from, until: *until, place, text, stands: false })
            }
            _ => None,
        })
        .collect();
    // An objection found true, a withdrawal and an end take it down at once; another one may stand in its place.
    let over = standing.given_up.is_some() || standing.result.is_some();
    let current = standing.open_notice().filter(|notice| !notice.ended && !over);
    let published = standing.tells_of_now().filter(|_| standing.is_grant());
    if let (Some(_), Some(last)) = (current, all.iter_mut().rfind(|one| !publications.contains(&one.id))) {
        last.stands = true;
    }
    all.iter_mut().filter(|one| published.is_some_and(|published| published.id == one.id)).for_each(|one| one.stands = true);
    all
}

#[cfg(test)]
#[path = "notice_tests.rs"]
mod tests;
