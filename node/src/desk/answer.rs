//! Somebody at the window asks how a case stands: receipt number and the last four of an identity number, answered in
//! plain words and with the time it was known.
//!
//! Whatever does not fit gets one and the same answer, and who asks too often in vain must wait. The answer holds no
//! name, no amount and no office's remark: only where the case stands and what comes next.

use super::model::Person;
use super::outcome::DeskError;
use super::{Desk, LOOKING, Room, permit};
use serde::Serialize;
use shouwang_protocol::area::Tier;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::standing::{Stage, Standing, Who};
use utoipa::ToSchema;

/// Questions in vain, of one machine, within [`WINDOW_MS`].
const MISSES_MAX: usize = 5;
/// How long a question in vain counts.
const WINDOW_MS: u64 = 10 * 60 * 1_000;

/// How a case stands, for the person it is about.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct CaseAnswer {
    /// The acceptance number.
    pub number: String,
    /// Where it stands, in plain words.
    pub status: String,
    /// Who has it now, and what comes next.
    pub next: String,
    /// The day it came there.
    #[schema(value_type = Option<String>)]
    pub since: Option<Day>,
    /// The last day for what comes next.
    #[schema(value_type = Option<String>)]
    pub due: Option<Day>,
    /// How the applicant was told it ended, once it has.
    pub result: String,
    /// When this machine last agreed with its superior, milliseconds since 1970; at the city, now; 0: never.
    pub as_of_ms: i64,
}

/// Where a case stands, for somebody who does not know our words.
fn plain(stage: Stage) -> &'static str {
    match stage {
        Stage::Unknown => "正在登记",
        Stage::ToVerify => "已收到您反映的情况，正在核实",
        Stage::FoundFalse => "经核实情况不符",
        Stage::ToFollowUp => "情况已核实，正在安排办理",
        Stage::ToAccept => "已登记，等待受理",
        Stage::ToComplete => "材料还不齐，请按告知单补交",
        Stage::NotAccepted => "没有受理，理由已书面告知",
        Stage::Accepted => "已受理，正在转给办理部门",
        Stage::ToVisit => "已受理，工作人员将上门了解情况",
        Stage::ToCheck => "正在核对家庭经济状况",
        Stage::ToAppraise => "正在征求村(居)民意见",
        Stage::ToPreExamine => "正在审核材料",
        Stage::ToPost | Stage::OnNotice => "已初审，正在公示",
        Stage::Objected => "公示中有人提出意见，正在核实",
        Stage::ToDecide => "等待审批",
        Stage::ToPay => "已批准，等待发放",
        Stage::PaymentFailed => "已批准，发放没有成功，正在重新办理",
        Stage::Granted => "已批准，已办理发放",
        Stage::Running => "已批准，按月发放",
        Stage::PhasingOut => "渐退期内，继续按月发放到停发的月份",
        Stage::Stopped => "已停止发放，理由已书面告知",
        Stage::ToPaper => "已先行救助，正在补办手续",
        Stage::Unconfirmed => "先行救助未予确认，理由已书面告知",
        Stage::Refused => "没有批准，理由已书面告知",
        Stage::InTransfer => "已转给办理部门，正在办理",
        Stage::InService => "服务机构正在为您服务",
        Stage::FedBack => "办理部门已有结果，正在办结",
        Stage::GivenUp => "您已撤回申请",
        Stage::Voided | Stage::ToRecover => "经核定需要更正，请到受理窗口了解",
        Stage::Closed | Stage::Archived => "已办结",
    }
}

/// The same, while the paper that tells of it is on its way.
fn untold(stage: Stage) -> &'static str {
    match stage {
        Stage::Refused => "没有批准，理由将书面告知",
        Stage::Stopped => "已停止发放，理由将书面告知",
        stage => plain(stage),
    }
}

/// The number as people write it down: any case, with or without spaces and dashes that are not ours.
fn tidy(code: &str) -> String {
    let wide = |c: char| match c {
        '０'..='９' | 'Ａ'..='Ｚ' | 'ａ'..='ｚ' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        '－' | '—' | '–' => '-',
        other => other,
    };
    code.chars().map(wide).filter(|c| !c.is_whitespace()).collect::<String>().to_uppercase()
}

impl Room<'_> {
    /// Whether somebody of the case's household has an identity number that ends so.
    fn is_of(&self, s: &Standing, tail: &str) -> Result<bool, DeskError> {
        let Some(record) = &s.household else { return Ok(false) };
        let Some(found) = self.reader.household(record)? else { return Ok(false) };
        let ends = |id: String| tail.len() == 4 && id.ends_with(tail);
        Ok(found.household.members.iter().filter_map(|member| member.id()).any(|id| ends(id.long())))
    }

    fn answered(&self, number: &str, tail: &str, now_ms: i64) -> Result<Option<CaseAnswer>, DeskError> {
        let Some(case) = self.reader.case_numbered(number)?.into_iter().next() else { return Ok(None) };
        let Ok(file) = self.case(&case) else { return Ok(None) };
        let s = &file.standing;
        if !self.is_of(s, tail)? {
            return Ok(None);
        }
        let turn = s.turns.first();
        let who = match turn.map(|turn| &turn.who) {
            None => String::new(),
            Some(Who::Applicant) => "请您办理：补交材料".to_owned(),
            Some(Who::Tier(tier)) => format!("由{}办理", self.holder(file.row.area, *tier)?),
            Some(Who::Target(to)) => format!("由{}办理", to.name),
        };
        let agreed = self.reader.peers()?.iter().map(|peer| peer.agreed_ms).max().unwrap_or_default();
        Ok(Some(CaseAnswer {
            number: number.to_owned(),
            status: if s.untold().is_some() { untold(s.stage) } else { plain(s.stage) }.to_owned(),
            next: who,
            since: s.since,
            due: turn.and_then(|turn| turn.due),
            result: s.result.clone().unwrap_or_default(),
            as_of_ms: if self.here.tier == Tier::City { now_ms } else { agreed },
        }))
    }
}

impl Desk {
    /// How a case stands, for somebody who has its receipt and knows the last four of an identity number.
    pub async fn answer(&self, person: &Person, code: &str, tail: &str) -> Result<CaseAnswer, DeskError> {
        permit::office_staff(person)?;
        let now = self.clock().now();
        let lock = || self.inner.misses.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        {
            let mut misses = lock();
            misses.retain(|at| now.mono_ms.saturating_sub(*at) < WINDOW_MS);
            if misses.len() >= MISSES_MAX {
                let oldest = misses.first().copied().unwrap_or(now.mono_ms);
                let left = WINDOW_MS.saturating_sub(now.mono_ms.saturating_sub(oldest));
                return Err(DeskError::Locked { seconds: left.div_ceil(1_000).max(1) });
            }
            // Counted before it is looked up, so that asking many times at once is no way round.
            misses.push(now.mono_ms);
        }
        let (number, tail) = (tidy(code), tidy(tail));
        let told = self.in_room(person, LOOKING, move |room| room.answered(&number, &tail, now.wall_ms)).await?;
        let told =
            told.ok_or_else(|| DeskError::NotFound { what: "与回执编号、证件后四位都相符的事项".to_owned() })?;
        let mut misses = lock();
        if let Some(at) = misses.iter().position(|at| *at == now.mono_ms) {
            misses.remove(at);
        }
        Ok(told)
    }
}
