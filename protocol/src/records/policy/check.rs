//! What is wrong with a pack before it is published: a pack can't be changed afterwards.

use super::{Assistance, Basis, Decides, Limit, Pack, Step, json};
use crate::eligibility::{Expected, check};
use crate::limits::STRING_BYTES_MAX;
use crate::records::Problem;
use std::collections::BTreeSet;

/// Policies of one pack.
const ARTICLES_MAX: usize = 500;
/// Months after which a status must have been looked at again.
const REVIEW_MONTHS_MAX: u32 = 60;
/// Bytes of a policy's full text.
const TEXT_BYTES_MAX: usize = 64 * 1024;

impl Pack {
    /// What keeps the pack from being published, each in Chinese; a field is named `articles[民政-01]`.
    pub fn faults(&self) -> Vec<Problem> {
        let mut faults = Vec::new();
        if self.version.trim().is_empty() {
            faults.push(Problem::new("version", "缺少版本"));
        }
        if self.kinds.is_empty() {
            faults.push(Problem::new("kinds", "没有救助种类"));
        }
        if self.articles.len() > ARTICLES_MAX {
            faults.push(Problem::new("articles", format!("政策超过 {ARTICLES_MAX} 条")));
        }
        self.check_codes(&mut faults);
        let codes: BTreeSet<String> = self.amounts.iter().map(|standard| standard.code.clone()).collect();
        for kind in &self.kinds {
            if let Some(formula) = &kind.formula
                && let Err(why) = check(&formula.amount, Expected::Amount, &codes)
            {
                faults.push(Problem::new(format!("kinds[{}].formula", kind.code), why));
            }
        }
        for deduction in &self.deductions {
            if let Err(why) = check(&deduction.amount, Expected::Amount, &codes) {
                faults.push(Problem::new(format!("deductions[{}]", deduction.code), why));
            }
        }
        for status in &self.statuses {
            let mut say = |what: String| faults.push(Problem::new(format!("statuses[{}]", status.code), what));
            let reviews = status.reviews.iter().map(|it| &it.when);
            for when in status.conditions.iter().map(|it| &it.when).chain(reviews).filter(|when| !when.is_empty()) {
                if let Err(why) = check(when, Expected::YesOrNo, &codes) {
                    say(format!("“{when}”：{why}"));
                }
            }
            if status.reviews.iter().any(|review| !(1..=REVIEW_MONTHS_MAX).contains(&review.months)) {
                say(format!("复核间隔应为 1 到 {REVIEW_MONTHS_MAX} 个月"));
            }
            if status.source.trim().is_empty() {
                say("没有写明依据".to_owned());
            }
        }
        for kind in &self.kinds {
            let unknown = kind.sources.iter().find(|code| self.sources.iter().all(|source| source.code != **code));
            if let Some(code) = unknown {
                faults.push(Problem::new(format!("kinds[{}].sources", kind.code), format!("没有“{code}”这一核对信息来源")));
            }
            if kind.has(Step::Check) && self.sources.is_empty() {
                faults.push(Problem::new(format!("kinds[{}].steps", kind.code), "要求核对，却没有核对信息来源"));
            }
        }
        for source in &self.sources {
            let say = |what: &str| Problem::new(format!("sources[{}]", source.code), what);
            if source.source.trim().is_empty() {
                faults.push(say("没有写明依据"));
            }
            if !source.measure.is_empty() && crate::difference::measure(&source.measure).is_none() {
                faults.push(say("没有这一核对项目"));
            }
        }
        for kind in &self.kinds {
            self.check_kind(kind, &mut faults);
        }
        for question in &self.questions {
            let at = format!("questions[{}]", question.code);
            faults.extend(question.faults().into_iter().map(|what| Problem::new(at.clone(), what)));
            if let Some(code) = question.kinds.iter().find(|code| self.kind(code).is_none()) {
                faults.push(Problem::new(at, format!("没有“{code}”这一救助种类")));
            }
        }
        for remedy in &self.remedies {
            let mut say = |what: &str| faults.push(Problem::new(format!("remedies[{}]", remedy.code), what));
            if remedy.text.trim().is_empty() {
                say("没有写明告知的内容");
            }
            if remedy.source.trim().is_empty() {
                say("没有写明依据");
            }
        }
        for exclusion in &self.exclusions {
            let mut say = |what: String| faults.push(Problem::new(format!("exclusions[{}]", exclusion.code()), what));
            if exclusion.kinds.len() < 2 {
                say("互斥的救助种类至少两种".to_owned());
            }
            if let Some(code) = exclusion.kinds.iter().find(|code| self.kind(code).is_none()) {
                say(format!("没有“{code}”这一救助种类，请改选，或保留它"));
            }
            if exclusion.source.trim().is_empty() {
                say("没有写明依据".to_owned());
            }
        }
        for provider in &self.providers {
            let mut say = |what: &str| faults.push(Problem::new(format!("providers[{}]", provider.code), what));
            if provider.name.trim().is_empty() {
                say("没有名称");
            }
            if provider.basis != Basis::Entrusted && (!provider.agreement.is_empty() || provider.until.is_some()) {
                say("委托协议只有受托处理的机构才写");
            }
            if provider.basis == Basis::Entrusted && provider.agreement.is_empty() && provider.until.is_some() {
                say("写了委托协议的最后一天，却没有写是哪一份协议");
            }
        }
        for kind in &self.project_kinds {
            let mut say = |what: String| faults.push(Problem::new(format!("project_kinds[{}]", kind.code), what));
            if kind.name.trim().is_empty() {
                say("没有名称".to_owned());
            }
            if !self.project_classes.iter().any(|class| class.code == kind.class) {
                say(format!("没有“{}”这一大类", kind.class));
            }
            if let Some(need) = kind.needs.iter().find(|need| !self.needs.iter().any(|known| known.code == **need)) {
                say(format!("没有“{need}”这一需求"));
            }
        }
        for (section, rows) in [("needs", &self.needs), ("project_classes", &self.project_classes)] {
            for row in rows.iter().filter(|row| row.name.trim().is_empty()) {
                faults.push(Problem::new(format!("{section}[{}]", row.code), "没有名称"));
            }
        }
        for article in &self.articles {
            let mut say = |what: String| faults.push(Problem::new(format!("articles[{}]", article.code), what));
            if article.name.trim().is_empty() {
                say("没有名称".to_owned());
            }
            if !self.departments.iter().any(|department| department.code == article.department) {
                say(format!("没有“{}”这一部门，请改选，或保留它", article.department));
            }
            if !article.kind.is_empty() && self.kind(&article.kind).is_none() {
                say(format!("没有“{}”这一救助种类，请改选，或保留它", article.kind));
            }
            if article.until.is_some_and(|until| until < article.from) {
                say("截止日期早于起始日期".to_owned());
            }
            if article.source.trim().is_empty() {
                say("没有写明依据".to_owned());
            }
            if article.text.len() > TEXT_BYTES_MAX {
                say("全文过长".to_owned());
            }
            for (number, condition) in article.conditions.iter().enumerate().filter(|(_, it)| !it.when.is_empty()) {
                if let Err(why) = check(&condition.when, Expected::YesOrNo, &codes) {
                    say(format!("第 {} 个条件：{why}", number + 1));
                }
            }
        }
        faults.extend(self.calendar.faults().into_iter().map(|what| Problem::new("calendar", what)));
        self.check_lengths(&mut faults);
        faults
    }

    fn check_kind(&self, kind: &Assistance, faults: &mut Vec<Problem>) {
        let mut say = |what: String| faults.push(Problem::new(format!("kinds[{}]", kind.code), what));
        if kind.name.trim().is_empty() {
            say("没有名称".to_owned());
        }
        if !kind.department.is_empty() && self.departments.iter().all(|known| known.code != kind.department) {
            say(format!("没有“{}”这一部门，请改选，或保留它", kind.department));
        }
        if let Decides::Tiers(limits) = &kind.decides {
            match limits.last() {
                None => say("没有写明由谁审批".to_owned()),
                Some(Limit { up_to: Some(most), .. }) => {
                    say(format!("{most} 元以上没有人审批；最高一级不写限额"));
                }
                Some(_) => {}
            }
            for pair in limits.windows(2) {
                let [below, above] = pair else { continue };
                if below.tier >= above.tier {
                    say("审批层级应由低到高，每级一行".to_owned());
                }
                if below.up_to.is_none_or(|low| above.up_to.is_some_and(|high| high <= low)) {
                    say("审批限额应逐级升高，只有最高一级不写限额".to_owned());
                }
            }
        } else if kind.has(Step::Decide) {
            say("有审批环节，却没有写明由哪一级审批".to_owned());
        }
        if kind.has(Step::Notice) && !kind.has(Step::PreExamine) {
            say("公示的是预审意见，有公示就要有预审".to_owned());
        }
        let idle = |step: &&Step| match step {
            Step::CheckAnswer => !kind.has(Step::Check),
            step => step.is_optional() && !kind.has(**step),
        };
        if let Some(step) = kind.days.keys().find(idle) {
            let of = if *step == Step::CheckAnswer { Step::Check } else { *step };
            say(format!("规定了{}的工作日，却没有{}环节", step.label(), of.label()));
        }
        if let Some(rule) = &kind.pay_by {
            if !(1..=31).contains(&rule.day) {
                say("每月几日前发放应为 1 到 31".to_owned());
            }
            if rule.source.trim().is_empty() {
                say("每月发放的期限没有写明依据".to_owned());
            }
            if !kind.monthly {
                say("不按月发放，却规定了每月几日前发放".to_owned());
            }
        }
        if kind.stop.as_ref().is_some_and(|rule| rule.source.trim().is_empty()) {
            say("停发前的公示没有写明依据".to_owned());
        }
        if let Some(grace) = &kind.grace {
            if grace.source.trim().is_empty() {
                say("渐退期没有写明依据".to_owned());
            }
            if !kind.monthly {
                say("不按月发放，却规定了渐退期".to_owned());
            }
        }
        if kind.has(Step::FollowUp) && !kind.days.contains_key(&Step::FollowUp) {
            say("有回访环节，却没有规定几个工作日".to_owned());
        }
        if kind.has(Step::Tell) && !kind.has(Step::Decide) {
            say("书面告知的是不予批准，有书面告知就要有审批".to_owned());
        }
        if kind.emergency.as_ref().is_some_and(|rule| rule.source.trim().is_empty()) {
            say("先行救助没有写明依据".to_owned());
        }
    }

    fn check_codes(&self, faults: &mut Vec<Problem>) {
        let exclusions: Vec<String> = self.exclusions.iter().map(super::Exclusion::code).collect();
        let sections: &[(&str, Vec<&str>)] = &[
            ("exclusions", exclusions.iter().map(String::as_str).collect()),
            ("questions", self.questions.iter().map(|it| it.code.as_str()).collect()),
            ("remedies", self.remedies.iter().map(|it| it.code.as_str()).collect()),
            ("changes", self.changes.iter().map(|it| it.code.as_str()).collect()),
            ("exempt", self.exempt.iter().map(|it| it.code.as_str()).collect()),
            ("deductions", self.deductions.iter().map(|it| it.code.as_str()).collect()),
            ("statuses", self.statuses.iter().map(|it| it.code.as_str()).collect()),
            ("kinds", self.kinds.iter().map(|it| it.code.as_str()).collect()),
            ("amounts", self.amounts.iter().map(|it| it.code.as_str()).collect()),
            ("categories", self.categories.iter().map(|it| it.code.as_str()).collect()),
            ("causes", self.causes.iter().map(|it| it.code.as_str()).collect()),
            ("departments", self.departments.iter().map(|it| it.code.as_str()).collect()),
            ("providers", self.providers.iter().map(|it| it.code.as_str()).collect()),
            ("sources", self.sources.iter().map(|it| it.code.as_str()).collect()),
            ("articles", self.articles.iter().map(|it| it.code.as_str()).collect()),
            ("needs", self.needs.iter().map(|it| it.code.as_str()).collect()),
            ("project_classes", self.project_classes.iter().map(|it| it.code.as_str()).collect()),
            ("project_kinds", self.project_kinds.iter().map(|it| it.code.as_str()).collect()),
        ];
        for (section, codes) in sections {
            let mut seen = BTreeSet::new();
            for code in codes {
                if code.trim().is_empty() {
                    faults.push(Problem::new(*section, "有一行没有代码"));
                } else if !seen.insert(code) {
                    faults.push(Problem::new(*section, format!("代码“{code}”出现两次")));
                }
            }
        }
    }

    /// A row is one string of the record.
    fn check_lengths(&self, faults: &mut Vec<Problem>) {
        let mut rows = Vec::new();
        json(&mut rows, "kinds", &self.kinds);
        json(&mut rows, "project_kinds", &self.project_kinds);
        json(&mut rows, "providers", &self.providers);
        json(&mut rows, "exclusions", &self.exclusions);
        json(&mut rows, "deductions", &self.deductions);
        json(&mut rows, "statuses", &self.statuses);
        json(&mut rows, "remedies", &self.remedies);
        json(&mut rows, "questions", &self.questions);
        json(&mut rows, "articles", &self.articles.iter().map(super::Article::without_text).collect::<Vec<_>>());
        json(&mut rows, "calendar", &self.calendar.by_year());
        for (section, row) in rows.into_iter().filter(|(_, row)| row.len() > STRING_BYTES_MAX) {
            let start: String = row.chars().take(40).collect();
            faults.push(Problem::new(section, format!("一行过长，请写得简短些：{start}…")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Provider;
    use super::super::sample;
    use super::*;
    use crate::area::Tier;
    use crate::records::amount::Fen;
    use crate::records::day::Day;

    #[test]
    fn a_kind_that_nobody_could_finish_is_refused() {
        let told = |change: fn(&mut Assistance)| {
            let mut pack = sample();
            pack.kinds.iter_mut().filter(|kind| kind.code == "临时救助").for_each(change);
            pack.faults().into_iter().map(|it| it.what).collect::<Vec<_>>()
        };
        assert_eq!(told(|_| ()), [] as [&str; 0]);
        assert_eq!(told(|kind| kind.decides = Decides::Tiers(Vec::new())), ["没有写明由谁审批"]);
        assert_eq!(told(|kind| kind.decides = Decides::Department), ["有审批环节，却没有写明由哪一级审批"]);
        let falling = |kind: &mut Assistance| {
            kind.decides = Decides::Tiers(vec![
                Limit { tier: Tier::Village, up_to: Some(Fen(2)) },
                Limit { tier: Tier::Township, up_to: Some(Fen(1)) },
                Limit { tier: Tier::City, up_to: None },
            ]);
        };
        assert_eq!(told(falling), ["审批限额应逐级升高，只有最高一级不写限额"]);
        assert_eq!(told(|kind| kind.steps.retain(|step| *step != Step::Pay)), ["规定了发放的工作日，却没有发放环节"]);
        let answers = |kind: &mut Assistance| {
            kind.days.insert(Step::CheckAnswer, 10);
        };
        assert_eq!(told(answers), ["规定了答复核对的工作日，却没有经济核对环节"]);
        assert_eq!(told(|kind| kind.steps.insert(0, Step::Notice)), [] as [&str; 0]);
        assert_eq!(told(|kind| kind.name.clear()), ["没有名称"]);
    }

    #[test]
    fn a_contract_is_named_where_somebody_is_entrusted_and_nowhere_else() {
        let told = |change: fn(&mut Provider)| {
            let mut pack = sample();
            pack.providers.iter_mut().filter(|it| it.code == "慈善总会").for_each(change);
            pack.faults().into_iter().map(|it| it.what).collect::<Vec<_>>()
        };
        assert_eq!(told(|_| ()), [] as [&str; 0]);
        assert_eq!(told(|it| it.agreement = "协议".into()), ["委托协议只有受托处理的机构才写"]);
        let unnamed = |it: &mut Provider| (it.basis, it.until) = (Basis::Entrusted, Day::parse("2019-12-31"));
        assert_eq!(told(unnamed), ["写了委托协议的最后一天，却没有写是哪一份协议"]);
    }

    #[test]
    fn what_a_kind_or_a_policy_names_is_there_and_an_exclusion_is_one_row() {
        let mut pack = sample();
        pack.departments.retain(|it| it.code != "教育局");
        let faults = pack.faults();
        assert!(
            faults.iter().any(|it| it.field == "kinds[教育救助]" && it.what.starts_with("没有“教育局”这一部门")),
            "{faults:?}"
        );
        let mut pack = sample();
        let twice = pack.exclusions[0].clone();
        pack.exclusions.push(twice);
        let faults: Vec<String> = pack.faults().into_iter().map(|it| it.what).collect();
        assert_eq!(faults, ["代码“最低生活保障、特困人员供养”出现两次"]);
    }
}
