//! Amounts: k × standard from the policy pack, with the working shown; anything else needs a reason in words.

use super::outcome::DeskError;
use shouwang_protocol::records::amount::Fen;
use shouwang_protocol::records::policy::Packs;
use shouwang_protocol::standing::Standing;

/// The amount by formula and its working; the error says in Chinese why there is none.
pub(super) fn proposal(standing: &Standing, packs: &Packs) -> Result<(Fen, String), String> {
    let Some(pack) = packs.get(&standing.pack) else { return Err(format!("政策包“{}”尚未到达本机", standing.pack)) };
    let Some(kind) = pack.kind(&standing.assistance) else { return Err("政策包中没有这一救助种类".to_owned()) };
    if let Some(found) = pack.propose(&standing.assistance) {
        return Ok(found);
    }
    match &kind.formula {
        None => Err(format!("政策包没有规定“{}”的计算公式，金额须人工填写并写明理由", kind.name)),
        Some(formula) => {
            Err(format!("“{}”所用的标准“{}”尚未由市级设定，不能自动计算；金额须人工填写并写明理由", kind.name, formula.standard))
        }
    }
}

/// The amount that counts, and how it came about in words.
pub(super) fn settle(standing: &Standing, packs: &Packs, given: Option<Fen>, reason: &str) -> Result<(Fen, String), DeskError> {
    let reason = reason.trim();
    match (given, proposal(standing, packs)) {
        (None, Ok(found)) => Ok(found),
        (None, Err(why)) => Err(DeskError::invalid("amount", why)),
        (Some(amount), Ok((formula, text))) if amount == formula => Ok((amount, text)),
        (Some(amount), _) if amount < Fen(0) => Err(DeskError::invalid("amount", "金额不能为负")),
        (Some(_), _) if reason.is_empty() => Err(DeskError::invalid("reason", "金额不按公式计算，须写明理由")),
        (Some(amount), _) => Ok((amount, format!("人工拟定 {amount}元：{reason}"))),
    }
}
