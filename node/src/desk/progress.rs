//! 查询: somebody asks at a window how far their matter is, with the receipt's number and the tail of an identity number.
//!
//! A wrong number and a wrong tail get the same answer, so that nobody learns who asked for what. The answer is plain
//! words, without amounts of others, reasons or illnesses, and says as of when this office knows it.

use super::model::Person;
use super::outcome::DeskError;
use super::{Desk, LOOKING, Room, permit};
use crate::store::reader::AsOf;
use serde::Serialize;
use shouwang_protocol::area::Tier;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::event::Verdict;
use shouwang_protocol::records::idno::normalise;
use shouwang_protocol::standing::{Stage, Standing, Who};

/// What is told.
#[derive(Clone, Debug, Serialize)]
pub struct Progress {
    /// The kind of assistance.
    pub assistance: String,
    /// The day it was opened.
    pub opened_on: Option<Day>,
    /// Where it is, in plain words.
    pub told: String,
    /// Who has it now; empty: nobody has to act.
    pub with: String,
    /// The last day for the next step.
    pub due: Option<Day>,
    /// As of when, and from which villages.
    pub as_of: AsOf,
}

/// Plain words for the person who asks.
fn told(standing: &Standing) -> String {
    let amount = |what: &str| match standing.decided().filter(|fen| fen.0 > 0) {
        Some(fen) => format!("{what}，{fen} 元{}", if standing.is_monthly() { "/月" } else { "" }),
        None => what.to_owned(),
    };
    match standing.stage {
        Stage::ToComplete => format!("还缺材料：{}。请补交后继续办理。", standing.materials.join("、")),
        Stage::ToPay => amount("已批准，等待发放"),
        Stage::PaymentFailed => "已批准，但钱没有到账；请到窗口核对银行账号。".to_owned(),
        Stage::Granted => amount("已批准并发放"),
        Stage::Running => amount("已批准，按月发放"),
        Stage::Refused => "没有批准。不予批准的理由见书面通知；不服可以申请复议。".to_owned(),
        Stage::NotAccepted => "没有受理。理由见书面通知。".to_owned(),
        Stage::Closed if standing.decision.as_ref().is_some_and(|it| it.outcome == Verdict::Approved) => amount("已办结，批准"),
        Stage::Closed => "已办结。结果见书面通知。".to_owned(),
        stage => format!("正在办理：{}", stage.label()),
    }
}

impl Room<'_> {
    fn progress(&self, number: &str, tail: &str) -> Result<Progress, DeskError> {
        let nothing = || DeskError::not_found("事项（编号或身份证后四位不对，或这一事项不在本机）");
        let (number, tail) = (number.trim().to_uppercase(), normalise(tail));
        let case = self.reader.case_numbered(&number)?.into_iter().next().filter(|_| tail.chars().count() == 4);
        let file = self.case(&case.ok_or_else(nothing)?).map_err(|_| nothing())?;
        let household = file.standing.household.ok_or_else(nothing)?;
        let found = self.reader.household(&household)?.ok_or_else(nothing)?;
        let own = |id: &String| normalise(id).ends_with(&tail);
        let mut numbers = found.household.members.iter().map(|member| &member.id_no);
        if !numbers.any(own) && !own(&found.household.head_id_no) {
            return Err(nothing());
        }
        let standing = &file.standing;
        let turn = standing.turns.first();
        let with = turn.map(|turn| match &turn.who {
            Who::Tier(Tier::Village) => format!("村（社区）：{}", turn.what),
            Who::Tier(Tier::Township) => format!("镇（街道）：{}", turn.what),
            Who::Tier(Tier::City) => format!("市级：{}", turn.what),
            Who::Target(to) => format!("{}：{}", to.name, turn.what),
            Who::Applicant => format!("您：{}", turn.what),
        });
        Ok(Progress {
            assistance: standing.assistance.clone(),
            opened_on: standing.opened_on,
            told: told(standing),
            with: with.unwrap_or_default(),
            due: turn.and_then(|turn| turn.due),
            as_of: self.known(&[found.place.area])?,
        })
    }
}

impl Desk {
    /// How far a matter is, for somebody who shows the receipt.
    pub async fn progress(&self, person: &Person, number: String, tail: String) -> Result<Progress, DeskError> {
        permit::office_staff(person)?;
        self.in_room(person, LOOKING, move |room| room.progress(&number, &tail)).await
    }
}
