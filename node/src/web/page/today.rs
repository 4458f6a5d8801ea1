//! Today's tasks.

use crate::store::reader::{CaseFilter, CaseRow, Page};
use crate::web::App;
use crate::web::error::{Answer, show};
use crate::web::session::Signed;
use crate::web::view::{Chip, Frame, Tone};
use crate::web::wording;
use askama::Template;
use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Redirect};
use serde::Deserialize;
use shouwang_protocol::area::Tier;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::event::Urgency;
use shouwang_protocol::records::staff::Role;

/// What the reader has to do.
#[derive(Template, Default)]
#[template(path = "today.html")]
pub struct TodayPage {
    /// The frame.
    pub frame: Frame,
    /// The day.
    pub date: String,
    /// In one line.
    pub summary: String,
    /// Whether only the reader's own are listed.
    pub mine: bool,
    /// Whether several of them can be done at once.
    pub batch: bool,
    /// How many there are.
    pub total: u64,
    /// The first of them.
    pub tasks: Vec<TaskRow>,
    /// What this machine holds.
    pub tiles: Vec<(&'static str, String, Tone)>,
    /// What needs a look: where, what.
    pub troubles: Vec<(&'static str, String)>,
}

/// One task.
#[derive(Default)]
pub struct TaskRow {
    /// Where to do it.
    pub href: String,
    /// What to do.
    pub what: String,
    /// The case or household.
    pub title: String,
    /// More.
    pub note: String,
    /// The area's name.
    pub area: String,
    /// Since when.
    pub since: String,
    /// By when.
    pub due: Chip,
    /// Whether it goes first.
    pub urgent: bool,
}

/// Rows of the list at most.
const ROWS_MAX: u32 = 60;

/// `GET /`
pub async fn home() -> Redirect {
    Redirect::to("/today")
}

/// What the list shows.
#[derive(Deserialize)]
pub struct Asked {
    all: Option<String>,
}

fn row(line: &CaseRow, today: Day) -> TaskRow {
    let turn = line.turns.first();
    TaskRow {
        href: format!("/cases/{}", line.case),
        what: turn.map_or_else(|| line.stage_name.to_owned(), |turn| turn.what.clone()),
        title: format!("{} · {}", wording::case_title(line.origin, &line.assistance, ""), line.applicant),
        note: line.number.clone().unwrap_or_default(),
        area: line.area_name.clone(),
        since: wording::day(line.since.or(line.opened_on)),
        due: wording::due(line.due, today),
        urgent: line.urgency != Urgency::Normal || line.due.is_some_and(|due| due < today),
    }
}

/// `GET /today`
pub async fn today(State(app): State<App>, signed: Signed, Query(asked): Query<Asked>) -> Answer {
    if !signed.person.is_office_staff() {
        return Ok(Redirect::to("/inbox").into_response());
    }
    let found = app.desk().today_for(&signed.person).await?;
    let mine = asked.all.is_none();
    let (cases, total) = if mine {
        (found.cases, found.waiting)
    } else {
        let filter = CaseFilter { stages: super::cases::running(), by_urgency: true, ..CaseFilter::default() };
        let total = app.desk().count_cases(&signed.person, filter.clone()).await?;
        (app.desk().cases(&signed.person, filter, Page::first(ROWS_MAX)).await?.rows, total)
    };
    let counts = &found.counts;
    let mut troubles = Vec::new();
    let idle = counts.waiting + counts.without_effect;
    if idle > 0 {
        troubles.push(("/sync", format!("{idle} 条记录在等待或没有生效")));
    }
    for trouble in app.desk().pack_troubles(&signed.person).await? {
        troubles.push(("/sync#packs", trouble.what()));
    }
    if counts.conflicts > 0 {
        troubles.push(("/households?only=conflicts", format!("{} 户有不一致的内容等待确认", counts.conflicts)));
    }
    if found.doubles > 0 {
        troubles.push(("/doubles", format!("{} 项疑似重复救助待核定或追缴", found.doubles)));
    }
    if found.unpaid > 0 {
        troubles.push(("/payments", format!("{} 户按月待遇到期未发", found.unpaid)));
    }
    if found.contested > 0 {
        troubles.push(("/projects/conflicts", format!("{} 个项目名额冲突待核定", found.contested)));
    }
    if counts.duplicates > 0 {
        troubles.push(("/doubles", format!("{} 人同时登记在几户", counts.duplicates)));
    }
    let changed = app.desk().changes_waiting(&signed.person).await?;
    if changed > 0 {
        troubles.push(("/reviews", format!("{changed} 户有变化待复核")));
    }
    let nobodys = app.desk().in_nobodys_hands(&signed.person).await?;
    if nobodys > 0 {
        let admin = signed.person.has(&[Role::Administrator]);
        troubles.push((
            if admin { "/staff" } else { "/cases" },
            format!("{nobodys} 件事项无人承办：承办人的账号已停用，请管理员移交"),
        ));
    }
    if counts.forks > 0 {
        troubles.push(("/sync", format!("{} 本日志分叉，等市级裁定", counts.forks)));
    }
    let mut parts = Vec::new();
    if found.warnings > 0 {
        parts.push(format!("{} 件预警", found.warnings));
    }
    if found.overdue > 0 {
        parts.push(format!("{} 件超期", found.overdue));
    }
    let frame = app.frame(&signed, "今日待办", "/today").await?;
    let waiting = found.own.entries.saturating_sub(found.own.township.max(found.own.city));
    let has_superior = signed.person.tier != Tier::City;
    let mut tiles = vec![
        ("家庭", wording::count(counts.households), Tone::Plain),
        ("超期", wording::count(found.overdue), if found.overdue > 0 { Tone::Bad } else { Tone::Plain }),
    ];
    if has_superior {
        tiles.push(("待上传", wording::count(waiting), if waiting > 0 { Tone::Warn } else { Tone::Plain }));
    }
    let reserve = app.desk().reserve(&signed.person).await?;
    if let Some(left) = reserve.left {
        tiles.push(("备用金余额(元)", wording::money(left), if left.0 > 0 { Tone::Plain } else { Tone::Warn }));
    }
    if reserve.without_effect > 0 {
        troubles.push(("/allotments", format!("{} 笔先行救助超出备用金额度或没有生效", reserve.without_effect)));
    }
    show(&TodayPage {
        frame,
        date: wording::long_day(found.day),
        summary: parts.join("，"),
        mine,
        batch: signed.person.tier > Tier::Village && signed.person.has(&[Role::Intake, Role::Reviewer]) && total > 1,
        total,
        tasks: cases.iter().take(ROWS_MAX as usize).map(|line| row(line, found.day)).collect(),
        tiles,
        troubles,
    })
}
