//! The means test of a household with its working: what counts, what is taken off, which status it comes to and why.

use super::household::record;
use crate::desk::means::MeansPage as Found;
use crate::web::App;
use crate::web::error::{self, Answer};
use crate::web::session::Signed;
use crate::web::view::{Chip, Fact, Frame, Tone};
use crate::web::wording;
use askama::Template;
use axum::extract::{Path, State};
use shouwang_protocol::eligibility::{Fit, Judged, Outcome};
use shouwang_protocol::means::Line;
use shouwang_protocol::records::amount::Fen;
use shouwang_protocol::records::staff::Role;

/// The page.
#[derive(Template, Default)]
#[template(path = "means.html")]
pub struct MeansPage {
    /// The frame.
    pub frame: Frame,
    /// The household.
    pub id: String,
    /// Its head and place.
    pub lead: String,
    /// The result in a sentence.
    pub result: Chip,
    /// What to do about it.
    pub advice: String,
    /// Whether the reader may add what is missing.
    pub may_edit: bool,
    /// What keeps it from being computed; empty: nothing.
    pub blocked: String,
    /// The income and what is taken off.
    pub lines: Vec<WorkingLine>,
    /// The sums.
    pub sums: Vec<Fact>,
    /// Another sum by source; empty: none.
    pub other_sum: String,
    /// The statuses.
    pub statuses: Vec<StatusBox>,
    /// When it is looked at again; empty: no rule.
    pub review: String,
    /// The pack and the day.
    pub basis: String,
}

/// One line of the working.
#[derive(Default)]
pub struct WorkingLine {
    /// What.
    pub label: String,
    /// How much; empty: not declared.
    pub amount: String,
    /// Percent of the year's income, for the bar.
    pub width: u64,
    /// Whether it is taken off.
    pub off: bool,
    /// Where it comes from.
    pub source: String,
}

/// A status and its conditions.
#[derive(Default)]
pub struct StatusBox {
    /// Its name.
    pub name: String,
    /// How it fits.
    pub fit: Chip,
    /// Whether the household is registered under it.
    pub here: bool,
    /// The conditions: state, text, what it was judged on.
    pub reasons: Vec<(Chip, String, String)>,
    /// The rule.
    pub source: String,
}

fn line(line: &Line, gross: Option<Fen>) -> WorkingLine {
    let amount = line.fen.map(|fen| wording::money(Fen(fen.0.abs())));
    let share = line.fen.zip(gross).map_or(0, |(fen, gross)| {
        fen.0.unsigned_abs().saturating_mul(100).checked_div(gross.0.unsigned_abs()).unwrap_or(0).min(100)
    });
    WorkingLine {
        label: line.label.clone(),
        amount: amount.unwrap_or_else(|| "未登记，未扣减".to_owned()),
        width: share,
        off: line.fen.is_some_and(|fen| fen < Fen(0)),
        source: line.source.clone(),
    }
}

/// A condition and how it came out.
pub fn reason(judged: &Judged) -> (Chip, String, String) {
    let (chip, used) = match &judged.outcome {
        Outcome::Holds => (Chip::new(Tone::Good, "符合"), judged.used.clone()),
        Outcome::Fails => (Chip::new(Tone::Bad, "不符合"), judged.used.clone()),
        Outcome::Unknown(why) => (Chip::new(Tone::Warn, "缺信息"), why.clone()),
        Outcome::ForAPerson => (Chip::new(Tone::Plain, "须核实"), String::new()),
    };
    (chip, judged.text.clone(), used)
}

fn result(found: &Found) -> (Chip, String) {
    let means = &found.means;
    let registered = if found.category.is_empty() { "未登记类别" } else { &found.category };
    match (&means.proposed, means.agrees) {
        (Some(status), Some(true)) => (Chip::new(Tone::Good, format!("符合{status}")), "与登记的类别一致。".to_owned()),
        (Some(status), _) => (
            Chip::new(Tone::Warn, format!("可能符合{status}")),
            format!("登记的是“{registered}”。请核实后办理申请或复核；未经申请、调查和审核确认，不改变类别。"),
        ),
        (None, Some(true)) => (Chip::new(Tone::Plain, "各类都不符合"), "与登记的类别一致。".to_owned()),
        (None, Some(false)) => {
            (Chip::new(Tone::Warn, "各类都不符合"), format!("登记的是“{registered}”。请复核；减发、停发之前须先听取本人意见。"))
        }
        (None, None) => (Chip::new(Tone::Warn, "还不能判断"), "请补登下面缺的内容，或由人核实。".to_owned()),
    }
}

/// `GET /households/{id}/means`
pub async fn show(State(app): State<App>, signed: Signed, Path(id): Path<String>) -> Answer {
    let found = app.desk().means(&signed.person, record(&id)?).await?;
    let means = &found.means;
    let gross = means.income.lines.first().and_then(|line| line.fen);
    let (result, advice) = result(&found);
    let known = |fen: Option<Fen>| fen.map_or_else(|| "—".to_owned(), |fen| format!("{} 元", wording::money(fen)));
    let status = |fits: &shouwang_protocol::means::StatusFit| StatusBox {
        name: fits.code.clone(),
        fit: match fits.fit {
            Fit::Fits => Chip::new(Tone::Good, "可能符合"),
            Fit::Perhaps => Chip::new(Tone::Warn, "尚缺信息"),
            Fit::No => Chip::new(Tone::Plain, "不符合"),
        },
        here: means.registered.as_ref() == Some(&fits.code),
        reasons: fits.conditions.iter().map(reason).collect(),
        source: fits.source.clone(),
    };
    error::show(&MeansPage {
        frame: app.frame(&signed, "家庭经济状况", "/households").await?,
        lead: format!("{}　{}", found.head, found.place),
        result,
        advice,
        may_edit: signed.person.has(&[Role::Intake, Role::Reviewer]),
        blocked: means.blocked.clone(),
        lines: means.income.lines.iter().map(|it| line(it, gross)).collect(),
        sums: vec![
            Fact::new("核算年收入", known(means.income.year)),
            Fact::new("共同生活人数", format!("{} 人", means.people)),
            Fact::new("人均年收入", known(means.per_head_year)),
            Fact::new("人均月收入", known(means.per_head_month)),
        ],
        other_sum: means.other_sum.map(wording::money).unwrap_or_default(),
        statuses: means.statuses.iter().map(status).collect(),
        review: means.review.as_ref().map(|(months, why)| format!("{why}（{months} 个月）")).unwrap_or_default(),
        basis: format!(
            "按 {} 的家庭档案和政策包 {} 计算；金额按年计算，每人每月只在最后四舍五入一次。只供参考，不是审批结论。",
            found.on, found.pack
        ),
        id,
    })
}
