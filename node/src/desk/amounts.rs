//! Amounts: by the policy pack's formula, with the working shown; anything else needs a reason in words.

use super::Room;
use super::outcome::DeskError;
use shouwang_protocol::eligibility::Facts;
use shouwang_protocol::records::amount::Fen;
use shouwang_protocol::records::policy::Packs;
use shouwang_protocol::standing::Standing;

impl Room<'_> {
    /// What formulas and conditions may ask about the household of a case; nothing where none is known here.
    fn facts(&self, standing: &Standing) -> Result<Facts, DeskError> {
        let Some(record) = &standing.household else { return Ok(Facts::default()) };
        let found = self.reader.household(record)?;
        Ok(found.map(|found| Facts::of(&found.household, self.day)).unwrap_or_default())
    }

    /// The amount by formula and its working; the inner error says in Chinese why there is none.
    pub(super) fn proposal(&self, standing: &Standing, packs: &Packs) -> Result<Result<(Fen, String), String>, DeskError> {
        let Some(pack) = packs.get(&standing.pack) else {
            return Ok(Err(format!("政策包“{}”尚未到达本机", standing.pack)));
        };
        let by_hand = |why| format!("{why}，不能自动计算；金额须人工填写并写明理由");
        Ok(pack.propose(&standing.assistance, &self.facts(standing)?).map_err(by_hand))
    }

    /// The amount that counts, and how it came about in words.
    pub(super) fn settle(
        &self,
        standing: &Standing,
        packs: &Packs,
        given: Option<Fen>,
        reason: &str,
    ) -> Result<(Fen, String), DeskError> {
        let reason = reason.trim();
        match (given, self.proposal(standing, packs)?) {
            (None, Ok(found)) => Ok(found),
            (None, Err(why)) => Err(DeskError::invalid("amount", why)),
            (Some(amount), Ok((formula, text))) if amount == formula => Ok((amount, text)),
            (Some(amount), _) if amount < Fen(0) => Err(DeskError::invalid("amount", "金额不能为负")),
            (Some(_), _) if reason.is_empty() => Err(DeskError::invalid("reason", "金额不按公式计算，须写明理由")),
            (Some(amount), _) => Ok((amount, format!("人工拟定 {amount}元：{reason}"))),
        }
    }
}
