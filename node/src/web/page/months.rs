//! The monthly update: which villages have signed, one village household by household, and the form to sign.

use crate::desk::months::{MonthOpened, MonthPage as Found, VillageMonth};
use crate::desk::{Command, DeskError};
use crate::web::App;
use crate::web::error::{self, Answer, WebError};
use crate::web::session::{Signed, SignedForm};
use crate::web::view::{Chip, Choice, Field, Frame, Stub, Tone};
use crate::web::wording;
use askama::Template;
use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Redirect};
use serde::Deserialize;
use shouwang_protocol::area::AreaId;
use shouwang_protocol::monthly::Moved;
use shouwang_protocol::records::signoff::SignOff;

/// The page.
#[derive(Template, Default)]
#[template(path = "months.html")]
pub struct MonthsPage {
    /// The frame.
    pub frame: Frame,
    /// The month.
    pub month: String,
    /// How many villages have signed.
    pub lead: String,
    /// Why it was not signed; empty: nothing went wrong.
    pub fault: String,
    /// The months.
    pub fields: Vec<Field>,
    /// Sums of what was signed.
    pub tiles: Vec<(&'static str, String, Tone)>,
    /// Percent of the villages that signed.
    pub share: u64,
    /// The villages.
    pub villages: Vec<VillageRow>,
    /// One of them.
    pub opened: Option<OpenedVillage>,
}

/// A village.
#[derive(Default)]
pub struct VillageRow {
    /// Where its month is.
    pub href: String,
    /// Its name.
    pub name: String,
    /// Signed or not.
    pub state: Chip,
    /// 户, 人, 新增, 退出, 变更, 不变; empty: not signed.
    pub figures: Option<[String; 6]>,
    /// Who signed, and when.
    pub by: String,
}

/// A village's month, household by household.
#[derive(Default)]
pub struct OpenedVillage {
    /// Its name.
    pub name: String,
    /// Its area.
    pub area: String,
    /// The figures as the records say them now.
    pub figures: String,
    /// The households that moved: where, head, category, people, what.
    pub rows: Vec<(String, String, String, u32, Chip)>,
    /// How many stayed as they were.
    pub stayed: usize,
    /// What is to be known; empty: nothing.
    pub remark: String,
    /// What the form shows.
    pub digest: String,
    /// The form; none: the reader may not sign, or it is signed.
    pub form: Option<(Stub, Vec<Field>)>,
}

/// Which month, which village.
#[derive(Deserialize)]
pub struct Asked {
    month: Option<String>,
    area: Option<String>,
}

fn figures(said: &SignOff) -> [String; 6] {
    [said.households, said.people, said.came, said.left, said.changed, said.unchanged].map(|n| n.to_string())
}

fn village(village: &VillageMonth, month: &str, over: bool) -> VillageRow {
    let signed = village.signed.as_ref();
    VillageRow {
        href: format!("/months?month={month}&area={}", village.area),
        name: village.name.clone(),
        state: match (signed, over) {
            (Some(_), _) => Chip::new(Tone::Good, "已签认"),
            (None, true) => Chip::new(Tone::Bad, "未签认"),
            (None, false) => Chip::new(Tone::Plain, "本月未完"),
        },
        figures: signed.map(figures),
        by: signed.map(|said| format!("{} {}", said.name, wording::day(said.day))).unwrap_or_default(),
    }
}

fn opened(found: &Found, one: &MonthOpened, signed: &Signed) -> Result<OpenedVillage, WebError> {
    let tone = |moved| match moved {
        Moved::Came => Tone::Good,
        Moved::Left => Tone::Bad,
        Moved::Changed => Tone::Warn,
        Moved::Stayed => Tone::Plain,
    };
    let moved = one.roll.lines.iter().filter(|line| line.moved != Moved::Stayed);
    let said = one.roll.figures();
    let was_signed = found.villages.iter().any(|village| village.area == one.area && village.signed.is_some());
    let remark = match (found.over, was_signed, one.as_signed) {
        (false, ..) => "这个月还没有结束，下月 1 日起签认。",
        (true, true, true) => "签认时的名单就是下面的名单，没有迟到的记录。",
        (true, true, false) => "签认之后又收到这个月写的记录，名单与签认时不同；请看过后再签一次，原来的签认保留。",
        (true, false, _) => "",
    };
    let form = match found.may_sign {
        true => Some((signed.stub()?, vec![Field::text("note", "说明").hinted("可不填").widely()])),
        false => None,
    };
    Ok(OpenedVillage {
        name: one.name.clone(),
        area: one.area.to_string(),
        figures: format!(
            "在册 {} 户 {} 人：新增 {} 户，退出 {} 户，变更 {} 户，不变 {} 户",
            said.households, said.people, said.came, said.left, said.changed, said.unchanged
        ),
        rows: moved
            .map(|line| {
                let chip = Chip::new(tone(line.moved), line.moved.label());
                (format!("/households/{}", line.record), line.head.clone(), line.category.clone(), line.people, chip)
            })
            .collect(),
        stayed: said.unchanged as usize,
        remark: remark.to_owned(),
        digest: one.roll.digest.clone(),
        form,
    })
}

/// `GET /months`
pub async fn list(State(app): State<App>, signed: Signed, Query(asked): Query<Asked>) -> Answer {
    let code = asked.area.filter(|code| !code.is_empty());
    let area = code.map(|code| AreaId::parse(&code).ok_or(WebError::NoPage)).transpose()?;
    error::show(&page(&app, &signed, asked.month.filter(|month| !month.is_empty()), area).await?)
}

async fn page(app: &App, signed: &Signed, month: Option<String>, area: Option<AreaId>) -> Result<MonthsPage, WebError> {
    let found = app.desk().month(&signed.person, month, area).await?;
    let said: Vec<&SignOff> = found.villages.iter().filter_map(|village| village.signed.as_ref()).collect();
    let sum = |of: fn(&SignOff) -> u32| wording::count(said.iter().map(|said| u64::from(of(said))).sum());
    let all = found.villages.len();
    let missing = all - said.len();
    let share = (said.len() * 100).checked_div(all).unwrap_or(0) as u64;
    let bad = if missing > 0 && found.over { Tone::Bad } else { Tone::Plain };
    let urge = if all > 1 && missing > 0 && found.over { "；由各村(社区)自己签，没有签的请催一下" } else { "" };
    Ok(MonthsPage {
        frame: app.frame(signed, "月度更新", "/households").await?,
        lead: format!("{all} 个村(社区)，{} 个已签认，{missing} 个未签认{urge}", said.len()),
        fault: String::new(),
        fields: vec![Field::select(
            "month",
            "月份",
            Choice::list(found.months.iter().map(|month| (month.clone(), month.clone())), &found.month),
        )],
        tiles: vec![
            ("未签认", missing.to_string(), bad),
            ("在册户", sum(|said| said.households), Tone::Plain),
            ("在册人", sum(|said| said.people), Tone::Plain),
            ("新增", sum(|said| said.came), Tone::Plain),
            ("退出", sum(|said| said.left), Tone::Plain),
            ("变更", sum(|said| said.changed), Tone::Plain),
        ],
        share,
        villages: if all > 1 {
            found.villages.iter().map(|it| village(it, &found.month, found.over)).collect()
        } else {
            Vec::new()
        },
        opened: found.opened.as_ref().map(|one| opened(&found, one, signed)).transpose()?,
        month: found.month,
    })
}

/// `POST /months`
pub async fn sign(State(app): State<App>, sent: SignedForm) -> Answer {
    let form = &sent.form;
    let area = AreaId::parse(&form.text("area")).ok_or(WebError::Unreadable)?;
    let month = form.text("month");
    let command = Command::SignOff { area, month: month.clone(), digest: form.text("digest"), note: form.text("note") };
    match app.desk().perform(&sent.signed.person, sent.action()?, command).await {
        Ok(_) => {}
        // The list as it is now stands below, to be looked at and signed.
        Err(error @ (DeskError::NotNow { .. } | DeskError::Invalid { .. })) => {
            let shown = page(&app, &sent.signed, Some(month), Some(area)).await?;
            let fault = format!("{}。没有写入任何内容。", error.what());
            return error::show_as(error::status(&error), &MonthsPage { fault, ..shown });
        }
        Err(error) => return Err(error.into()),
    }
    // The month is what the Desk took for one.
    Ok(Redirect::to(&format!("/months?month={month}&area={area}")).into_response())
}
