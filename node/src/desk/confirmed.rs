//! What offices and departments have confirmed about a household: shown to whoever works on a case of it, with its
//! dates, so that nobody checks it a second time (社会救助法 arts. 42, 62).
//!
//! Only the kind, who confirmed it, from when to when. No amount, no reason, no case of another department.

use super::Room;
use super::outcome::DeskError;
use shouwang_protocol::record::RecordId;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::event::{Answer, Verdict};
use shouwang_protocol::records::policy::Packs;
use shouwang_protocol::standing::Standing;

/// Cases of a household that are looked through: the latest.
const CASES_MAX: u32 = 100;

/// Something that was confirmed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConfirmedStatus {
    /// The kind of assistance.
    pub kind: String,
    /// Who confirmed it.
    pub by: String,
    /// The day.
    pub from: Day,
    /// The last day, by the policy pack; none: the pack sets no term.
    pub until: Option<Day>,
}

impl Room<'_> {
    /// What is confirmed about a household and still holds today, the latest first.
    pub(super) fn confirmed_statuses(
        &self,
        household: Option<RecordId>,
        packs: &Packs,
    ) -> Result<Vec<ConfirmedStatus>, DeskError> {
        let Some(household) = household else { return Ok(Vec::new()) };
        let mut all = Vec::new();
        for row in self.cases_with_before(household, CASES_MAX)? {
            for file in self.reader.case(&row.case)? {
                let s = &file.standing;
                if let Some(decision) = s.decision.as_ref().filter(|it| it.outcome == Verdict::Approved && !s.is_void()) {
                    let by = self.holder(row.area, decision.tier)?;
                    all.extend(decision.day.map(|day| self.status(s, packs, s.assistance.clone(), by, day)));
                }
                for transfer in s.transfers.iter().filter(|transfer| transfer.result == Some(Answer::Approved)) {
                    let day = transfer.ended_on;
                    let (kind, by) = (transfer.assistance.clone(), transfer.to.name.clone());
                    all.extend(day.map(|day| self.status(s, packs, kind, by, day)));
                }
            }
        }
        all.retain(|status| status.until.is_none_or(|until| until >= self.day));
        all.sort_by(|a, b| (b.from, &a.kind).cmp(&(a.from, &b.kind)));
        all.dedup_by(|later, kept| later.kind == kept.kind && later.by == kept.by);
        Ok(all)
    }

    fn status(&self, s: &Standing, packs: &Packs, kind: String, by: String, from: Day) -> ConfirmedStatus {
        let days = packs.get(&s.pack).and_then(|pack| pack.kind(&kind)).and_then(|kind| kind.valid_days);
        let until = days.map(|days| from.plus(i32::try_from(days).unwrap_or(i32::MAX).saturating_sub(1)));
        ConfirmedStatus { kind, by, from, until }
    }
}
