//! What a family is told in writing when its monthly benefit is made less or stopped (书面告知, 社会救助法 art. 48).
//!
//! [`compose`] makes the text from the case and the policy pack of the day: what, from when, why, by which rules, what
//! the person had said, and how to object. It goes into the entry word for word, so that what was told can be proven.
//! Nobody types it; where the pack does not say how to object there is no text but a reason.

use crate::records::amount::Fen;
use crate::records::event::What;
use crate::records::policy::{Pack, Packs};
use crate::standing::{Effect, Standing, Term};

/// The law by which people are heard and told.
pub const LAW: &str = "社会救助法 第48条";

/// The text about the change `term` of what was `before`, line by line, label and value; or why there is none, in
/// Chinese. `now` is the pack in force today: it says how to object. The rules are those of the case's own pack.
pub fn compose(standing: &Standing, before: Fen, term: &Term, packs: &Packs, now: Option<&Pack>) -> Result<String, String> {
    let kind = packs.get(&standing.pack).and_then(|pack| pack.kind(&standing.assistance));
    let kind = kind.ok_or_else(|| "政策包中没有这一救助种类".to_owned())?;
    let remedies = now.map(|pack| pack.remedies.as_slice()).unwrap_or_default();
    if remedies.is_empty() {
        return Err("政策包没有写明怎样提出异议（救济途径），请市级先设定".to_owned());
    }
    let stopped = term.amount <= Fen(0);
    let mut lines = vec![
        ("事项", format!("{}{}", kind.name, if stopped { "停止发放" } else { "减少发放" })),
        ("受理编号", standing.number.clone().unwrap_or_default()),
        ("保障对象", standing.applicant.clone()),
        ("原来", format!("每月{before}元")),
        ("现在", if stopped { "停止发放".to_owned() } else { format!("每月{}元", term.amount) }),
        ("从何时起", format!("{}年{}月", &term.from[..4.min(term.from.len())], term.from.get(5..).unwrap_or_default())),
        ("理由", term.reason.clone()),
    ];
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
    let basis: Vec<&str> = std::iter::once(LAW).chain([kind.source.as_str()]).chain(stop).collect();
    lines.push(("依据", basis.join("；")));
    lines.extend(remedies.iter().map(|remedy| ("不服的", format!("{}（{}）", remedy.text, remedy.source))));
    let line = |(label, value): (&str, String)| format!("{label}：{}", value.replace('\n', " "));
    Ok(lines.into_iter().filter(|(_, value)| !value.is_empty()).map(line).collect::<Vec<_>>().join("\n"))
}
