//! The three stories of the newspaper (2019-07-19), played through real QUIC and real databases.

use super::{NodeError, Town, told};
use crate::desk::Outcome;
use serde_json::{Value, json};
use shouwang_protocol::record::CaseId;
use shouwang_protocol::standing::Stage;
use std::time::{Duration, Instant};

/// How long an office may take to hear of something.
const PATIENCE: Duration = Duration::from_secs(30);

/// One story as it goes: what was done and seen.
struct Story {
    name: &'static str,
    steps: Vec<Value>,
    case: CaseId,
}

impl Story {
    fn new(name: &'static str) -> Story {
        Story { name, steps: Vec::new(), case: CaseId([0; 16]) }
    }

    fn saw(&mut self, what: &str) {
        self.steps.push(json!(what));
    }

    /// A member of staff acts at their own office.
    async fn act(
        &mut self,
        town: &Town,
        (office, staff): (&str, &str),
        what: &str,
        command: Value,
    ) -> Result<Outcome, NodeError> {
        let outcome = town.perform(office, staff, command).await.map_err(|error| told(format!("{what}: {error}")))?;
        self.saw(what);
        Ok(outcome)
    }

    async fn step(&mut self, town: &Town, who: (&str, &str), what: &str, step: Value) -> Result<(), NodeError> {
        let command = json!({ "do": "case", "case": self.case.to_string(), "step": step });
        self.act(town, who, what, command).await.map(|_| ())
    }

    /// Waits until somebody sees the case at this stage.
    async fn sees(&mut self, town: &Town, (office, staff): (&str, &str), stage: Stage) -> Result<(), NodeError> {
        let until = Instant::now() + PATIENCE;
        let mut last = String::from("nothing of it");
        while Instant::now() < until {
            match town.case(office, staff, self.case).await {
                Ok(page) if page.standing.stage == stage => {
                    self.saw(&format!("{office} sees {}", stage.label()));
                    return Ok(());
                }
                Ok(page) => last = page.standing.stage.label().to_owned(),
                Err(error) => last = error.to_string(),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err(told(format!("{office} should see {}, saw {last}", stage.label())))
    }
}

/// Plays all three and reports.
pub(super) async fn check(town: &mut Town) -> Value {
    let mut reports = Vec::new();
    let mut passed = true;
    for (index, mut story) in
        ["李先生: 教育救助", "张先生: 因病致贫预警", "唐女士: 心理服务"].map(Story::new).into_iter().enumerate()
    {
        let result = match index {
            0 => education(town, &mut story).await,
            1 => illness(town, &mut story).await,
            _ => plea(town, &mut story).await,
        };
        passed &= result.is_ok();
        let error = result.err().map(|error| error.to_string());
        reports.push(json!({ "name": story.name, "passed": error.is_none(), "steps": story.steps, "error": error }));
    }
    json!({ "stories": reports, "passed": passed })
}

async fn household(town: &Town, village: &str, staff: &str) -> Result<String, NodeError> {
    use crate::desk::Person;
    use crate::store::reader::{HouseholdFilter, Page};
    let person: Person = town.person(village, staff).await?;
    let listed = town.place(village)?.node.desk().await?.households(&person, HouseholdFilter::default(), Page::first(1)).await?;
    listed.rows.first().map(|row| row.record.to_string()).ok_or_else(|| told("the village has no household"))
}

/// A consultation at the city's window becomes an application, goes to the education bureau, and comes back.
async fn education(town: &mut Town, story: &mut Story) -> Result<(), NodeError> {
    let household = household(town, "nonglian", "liu").await?;
    town.offline("nonglian").await?;
    story.saw("the village is cut off");
    let clerk = ("city", "zhangjie");
    let open = json!({ "do": "open_case", "origin": "consultation", "household": household, "assistance": "教育救助",
        "summary": "女儿上学有困难，咨询教育救助", "urgency": "normal" });
    let until = Instant::now() + PATIENCE;
    let opened = loop {
        match story.act(town, clerk, "the city's clerk records the consultation", open.clone()).await {
            Ok(outcome) => break outcome,
            Err(error) if Instant::now() > until => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    };
    story.case = opened.case.ok_or_else(|| told("no case was made"))?;
    story.step(town, clerk, "one click makes it an application", json!({ "step": "apply", "note": "女儿上学" })).await?;
    story.step(town, clerk, "accepted", json!({ "step": "accept" })).await?;
    story.step(town, clerk, "transferred to the education bureau", json!({ "step": "transfer" })).await?;
    let bureau = ("city", "jiaoyuju");
    story.step(town, bureau, "the bureau signs for it", json!({ "step": "sign_for" })).await?;
    let feedback = json!({ "step": "feedback", "result": "approved", "text": "符合教育救助条件" });
    story.step(town, bureau, "the bureau decides and feeds back", feedback).await?;
    story.step(town, clerk, "closed", json!({ "step": "close", "result": "教育救助已批准" })).await?;
    town.online("nonglian", None).await?;
    story.saw("the village is back");
    story.sees(town, ("nonglian", "liu"), Stage::Closed).await
}

/// A clue reaches a township that was off line; it verifies and applies on behalf; the city approves 2,835.00 and pays.
async fn illness(town: &mut Town, story: &mut Story) -> Result<(), NodeError> {
    let household = household(town, "nonglian", "liu").await?;
    town.offline("yangshe").await?;
    story.saw("the township is cut off");
    let clerk = ("city", "zhangjie");
    let clue = json!({ "do": "open_case", "origin": "warning", "household": household, "assistance": "临时救助",
        "summary": "确诊结肠恶性肿瘤", "urgency": "urgent", "rule": "因病致贫" });
    let opened = story.act(town, clerk, "a clue is entered at the city", clue).await?;
    story.case = opened.case.ok_or_else(|| told("no case was made"))?;
    story
        .step(town, clerk, "the township is asked to verify", json!({ "step": "ask_verification", "note": "请尽快核实" }))
        .await?;
    town.online("yangshe", None).await?;
    story.saw("the township is back");
    let township = ("yangshe", "wang");
    story.sees(town, township, Stage::ToVerify).await?;
    story
        .step(
            town,
            township,
            "verified the same afternoon",
            json!({ "step": "verify", "outcome": "true", "note": "入户核实，情况无误" }),
        )
        .await?;
    let behalf = json!({ "step": "apply_on_behalf", "assistance": "临时救助", "reason": "主动发现，本人住院不便" });
    story.step(town, township, "applied on his behalf", behalf).await?;
    story.step(town, township, "accepted", json!({ "step": "accept" })).await?;
    story.step(town, township, "pre-examined", json!({ "step": "pre_examine", "opinion": "for" })).await?;
    story.step(town, township, "3 × 945.00 proposed by the formula", json!({ "step": "propose" })).await?;
    let approver = ("city", "chen");
    story.sees(town, approver, Stage::ToDecide).await?;
    story.step(town, approver, "the city approves", json!({ "step": "decide", "outcome": "approved" })).await?;
    story.sees(town, approver, Stage::ToPay).await?;
    story
        .step(town, approver, "paid", json!({ "step": "pay", "method": "一卡通", "account_last4": "0017", "batch": "20190530" }))
        .await?;
    let page = town.case("city", "chen", story.case).await?;
    let paid = page.standing.paid().map(|amount| amount.0);
    if paid != Some(283_500) {
        return Err(told(format!("2,835.00 yuan should have been paid, not {paid:?} fen")));
    }
    story.saw("2,835.00 yuan were paid, once");
    story.sees(town, ("nonglian", "liu"), Stage::Granted).await
}

/// A plea becomes a service: the township confirms, a social-work organisation is linked, the outcome comes back.
async fn plea(town: &mut Town, story: &mut Story) -> Result<(), NodeError> {
    let clerk = ("city", "zhangjie");
    let plea = json!({ "do": "open_case", "origin": "plea", "area": "320582107202", "assistance": "心理服务", "applicant": "唐女士",
        "summary": "儿子患病拒绝治疗，家庭困难", "urgency": "normal" });
    let opened = story.act(town, clerk, "the plea reaches the city", plea).await?;
    story.case = opened.case.ok_or_else(|| told("no case was made"))?;
    story.step(town, clerk, "the township is asked to verify", json!({ "step": "ask_verification" })).await?;
    let township = ("daxin", "zhao");
    story.sees(town, township, Stage::ToVerify).await?;
    town.offline("daxin").await?;
    story.saw("the township is cut off, and verifies all the same");
    story
        .step(town, township, "confirmed by the township", json!({ "step": "verify", "outcome": "true", "note": "情况属实" }))
        .await?;
    town.online("daxin", None).await?;
    story.saw("the township is back");
    story.sees(town, clerk, Stage::ToFollowUp).await?;
    let to = json!({ "step": "transfer", "to": { "kind": "provider", "id": "社工服务中心" }, "note": "请链接心理专家" });
    story.step(town, clerk, "transferred to the social-work organisation", to).await?;
    let worker = ("city", "shegong");
    story.step(town, worker, "the organisation signs for it", json!({ "step": "sign_for" })).await?;
    story.step(town, worker, "first session", json!({ "step": "session", "text": "首次面谈" })).await?;
    story
        .step(town, worker, "second session, with a psychologist", json!({ "step": "session", "text": "心理专家个案服务" }))
        .await?;
    story.step(town, worker, "outcome", json!({ "step": "outcome", "change": "better", "text": "愿意回归治疗" })).await?;
    story
        .step(town, worker, "fed back", json!({ "step": "feedback", "result": "served", "text": "愿意回归医疗系统接受治疗" }))
        .await?;
    story.step(town, clerk, "closed", json!({ "step": "close", "result": "已提供心理服务，愿意接受治疗" })).await?;
    story.sees(town, ("xinzha", "qian"), Stage::Closed).await
}
