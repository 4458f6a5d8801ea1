//! The receipt for an accepted application, for paper.

use crate::desk::DeskError;
use crate::web::App;
use crate::web::error::{self, Answer};
use crate::web::session::Signed;
use crate::web::view::{Fact, Frame};
use crate::web::wording;
use askama::Template;
use axum::extract::{Path, State};
use shouwang_protocol::record::CaseId;
use shouwang_protocol::records::event::EventKind;
use shouwang_protocol::standing::Effect;

/// The page.
#[derive(Template, Default)]
#[template(path = "receipt.html")]
pub struct ReceiptPage {
    /// The frame.
    pub frame: Frame,
    /// The case.
    pub id: String,
    /// The office that accepted.
    pub office: String,
    /// What it says.
    pub facts: Vec<Fact>,
    /// The acceptance number.
    pub number: String,
    /// The short code.
    pub short: String,
    /// Who accepted.
    pub clerk: String,
    /// When.
    pub date: String,
}

/// Letters and digits that nobody takes for another.
pub const LETTERS: &[u8; 31] = b"23456789ABCDEFGHJKLMNPQRSTUVWXY";

/// A short code of a case, to tell a slip of the pen in its number: eight characters of a hash.
pub fn short_code(case: &CaseId, number: &str) -> String {
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    context.update(b"shouwang receipt code 1");
    context.update(&case.0);
    context.update(number.as_bytes());
    let hash = context.finish();
    let letters: Vec<char> =
        hash.as_ref().iter().take(8).map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()])).collect();
    let (a, b) = letters.split_at(4);
    format!("{}-{}", a.iter().collect::<String>(), b.iter().collect::<String>())
}

/// `GET /cases/{id}/receipt`
pub async fn show(State(app): State<App>, signed: Signed, Path(id): Path<String>) -> Answer {
    let case = super::case::case_id(&id)?;
    let found = app.desk().case(&signed.person, case).await?;
    let s = &found.standing;
    let Some(number) = s.number.clone() else {
        return Err(DeskError::NotNow { why: "还没有受理，没有回执".to_owned() }.into());
    };
    let of = |kind| {
        found.entries.iter().find(|entry| entry.item.event.what.kind() == Some(kind) && entry.item.effect == Effect::Counts)
    };
    let accepted = of(EventKind::Accepted);
    let office = accepted.map(|entry| entry.office.clone()).unwrap_or_default();
    let day = accepted.and_then(|entry| entry.item.day);
    let due = found.turns.iter().filter_map(|turn| turn.due.map(|due| format!("{} {}", due, turn.what))).next();
    let mut facts = vec![
        Fact::new("申请人", s.applicant.clone()),
        Fact::new("申请事项", wording::case_title(s.origin, &s.assistance, &s.rule)),
        Fact::new("所在村(社区)", found.place.clone()),
        Fact::new("受理机构", office.clone()),
        Fact::new("受理日期", wording::day(day)),
    ];
    facts.extend(due.map(|due| Fact::new("下一步期限", due)));
    error::show(&ReceiptPage {
        frame: app.frame(&signed, "受理回执", "/cases").await?,
        id,
        office,
        facts,
        short: short_code(&case, &number),
        number,
        clerk: accepted.map(|entry| entry.item.event.name.clone()).unwrap_or_default(),
        date: wording::long_day(app.today()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_code_is_the_same_everywhere_and_other_for_other_cases() {
        let code = short_code(&CaseId([1; 16]), "320582100-20190529-0007");
        assert_eq!(code, short_code(&CaseId([1; 16]), "320582100-20190529-0007"));
        assert_ne!(code, short_code(&CaseId([2; 16]), "320582100-20190529-0007"));
        assert!(code.len() == 9 && !code.contains(['0', 'O', '1', 'I']));
    }
}
