//! The dispatch desk: what is open and where, who is late, and how fast each receiver answers.

use crate::web::App;
use crate::web::error::{self, Answer};
use crate::web::session::Signed;
use crate::web::view::Frame;
use crate::web::wording;
use askama::Template;
use axum::extract::State;

/// The page.
#[derive(Template, Default)]
#[template(path = "dispatch.html")]
pub struct DispatchPage {
    /// The frame.
    pub frame: Frame,
    /// How many are open and late.
    pub lead: String,
    /// State, cases, overdue, oldest; the percent of all that are open, and that are late, for the bar.
    pub loops: Vec<([String; 4], u64, u64)>,
    /// Cases in which nobody must act; 0: none.
    pub nobodys: u64,
    /// Who, what, how many, since when.
    pub late: Vec<[String; 4]>,
    /// Receiver, answered, median, longest, open, overdue.
    pub times: Vec<[String; 6]>,
}

fn days(days: Option<u32>) -> String {
    days.map_or_else(|| "—".to_owned(), |days| format!("{days} 天"))
}

/// `GET /dispatch`
pub async fn show(State(app): State<App>, signed: Signed) -> Answer {
    let loops = app.desk().open_loops(&signed.person).await?;
    let late = app.desk().late(&signed.person).await?;
    let times = app.desk().feedback_times(&signed.person).await?;
    let open: u64 = loops.iter().map(|row| row.cases).sum();
    let overdue: u64 = loops.iter().map(|row| row.overdue).sum();
    let share = |cases: u64| cases.saturating_mul(100).checked_div(open).unwrap_or(0);
    error::show(&DispatchPage {
        frame: app.frame(&signed, "调度", "/cases").await?,
        lead: format!("未办结 {} 件，其中超期 {} 件", wording::count(open), wording::count(overdue)),
        nobodys: loops.iter().map(|row| row.without_turn).sum(),
        loops: loops
            .iter()
            .map(|row| {
                let text = [row.stage.label(), &row.cases.to_string(), &row.overdue.to_string(), &wording::day(row.oldest)];
                (text.map(str::to_owned), share(row.cases), share(row.overdue))
            })
            .collect(),
        late: late
            .iter()
            .map(|row| [row.who.clone(), row.what.clone(), row.cases.to_string(), format!("应于 {} 前", row.since)])
            .collect(),
        times: times
            .iter()
            .map(|row| {
                [
                    row.to.clone(),
                    row.answered.to_string(),
                    days(row.median),
                    days(row.longest),
                    row.open.to_string(),
                    row.overdue.to_string(),
                ]
            })
            .collect(),
    })
}
