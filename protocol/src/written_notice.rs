//! What a family is told in writing (书面告知): that it was refused, or that its monthly benefit is made less or stopped
//! (社会救助法 art. 48).
//!
//! [`compose`] makes the text from the case and the policy pack of the day: what, from when, why, by which rules, what
//! the person had said, and how to object. It goes into the entry word for word, so that what was told can be proven.
//! Nobody types it; where the pack does not say how to object there is no text but a reason.

use crate::records::amount::Fen;
use crate::records::event::What;
use crate::records::policy::{Assistance, Pack, Packs};
use crate::standing::{Decision, Effect, Standing, Term, Untold};

/// The law by which people are heard before a cut, and told of it.
pub const LAW: &str = "社会救助法 第48条";

type Line = (&'static str, String);

/// The text about what is to be told, line by line, label and value; or why there is none, in Chinese. `now` is the pack
/// in force today: it says how to object. The rules are those of the case's own pack.
pub fn compose(standing: &Standing, untold: Untold<'_>, packs: &Packs, now: Option<&Pack>) -> Result<String, String> {
    let kind = packs.get(&standing.pack).and_then(|pack| pack.kind(&standing.assistance));
    let kind = kind.ok_or_else(|| "政策包中没有这一救助种类".to_owned())?;
    let remedies = now.map(|pack| pack.remedies.as_slice()).unwrap_or_default();
    if remedies.is_empty() {
        return Err("政策包没有写明怎样提出异议（救济途径），请市级先设定".to_owned());
    }
    let mut lines = match untold {
        Untold::Refusal(decision) => refusal(standing, decision, kind),
        Untold::Cut(before, term) => cut(standing, before, term, kind),
    };
    lines.extend(remedies.iter().map(|remedy| ("不服的", format!("{}（{}）", remedy.text, remedy.source))));
    let line = |(label, value): Line| format!("{label}：{}", value.replace('\n', " "));
    Ok(lines.into_iter().filter(|(_, value)| !value.is_empty()).map(line).collect::<Vec<_>>().join("\n"))
}

fn head(standing: &Standing, what: String) -> Vec<Line> {
    let number = standing.number.clone().unwrap_or_default();
    vec![("事项", what), ("受理编号", number), ("申请人", standing.applicant.clone())]
}

fn refusal(standing: &Standing, decision: &Decision, kind: &Assistance) -> Vec<Line> {
    let mut lines = head(standing, format!("{}申请不予批准", kind.name));
    lines.extend([
        ("申请日期", standing.opened_on.map(|day| day.to_string()).unwrap_or_default()),
        ("决定", "不予批准".to_owned()),
        ("决定日期", decision.day.map(|day| day.to_string()).unwrap_or_default()),
        ("理由", decision.reason.clone()),
        ("依据", kind.source.clone()),
    ]);
    lines
}

fn cut(standing: &Standing, before: Fen, term: &Term, kind: &Assistance) -> Vec<Line> {
    let stopped = term.amount <= Fen(0);
    let mut lines = head(standing, format!("{}{}", kind.name, if stopped { "停止发放" } else { "减少发放" }));
    lines.extend([
        ("原来", format!("每月{before}元")),
        ("现在", if stopped { "停止发放".to_owned() } else { format!("每月{}元", term.amount) }),
        ("从何时起", format!("{}年{}月", &term.from[..4.min(term.from.len())], term.from.get(5..).unwrap_or_default())),
        ("理由", term.reason.clone()),
    ]);
    let at = standing.timeline.iter().position(|item| item.id == term.id).unwrap_or(standing.timeline.len());
    let counted = standing.timeline[..at].iter().rev().filter(|item| item.effect == Effect::Counts);
    for item in counted {
        match &item.event.what {
            What::Heard { who, text } => {
                lines.push(("听取意见", format!("{}，{who}：{text}", item.day.map(|day| day.to_string()).unwrap_or_default())));
                break;
            }
            What::Adjusted { .. } => break,
            _ => {}
        }
    }
    if let Some(What::Adjusted { formula, .. }) = standing.timeline.get(at).map(|item| &item.event.what) {
        lines.push(("怎样算的", formula.clone()));
    }
    let stop = kind.stop.as_ref().filter(|_| stopped).map(|rule| rule.source.as_str());
    let grace = kind.grace.as_ref().filter(|_| stopped && standing.is_phasing_out()).map(|rule| rule.source.as_str());
    let basis: Vec<&str> = std::iter::once(LAW).chain([kind.source.as_str()]).chain(stop).chain(grace).collect();
    lines.push(("依据", basis.join("；")));
    lines
}
