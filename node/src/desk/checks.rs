//! Checks of a family's means (家庭经济状况核对): who may be asked about, what was asked, what came back.
//!
//! Nobody is asked about without an authorisation that holds that day. Answers go into a record that villages do not
//! hold; a note of the case that villages read takes no figures. Reviewers and deciders of township and city look at
//! answers with a purpose, and every look stands in a list that auditors read before the first figure is shown.
//! The same answer again adds nothing, however it comes: typed, as a table, from a program.

use super::cases::short;
use super::command::{CaseStep, CheckAnswer, Command};
use super::export::{PURPOSE_CHARS, READERS_OF_EXPORTS};
use super::import::{Column, Reject, Rejects};
use super::model::Person;
use super::outcome::{DeskError, FieldFault};
use super::{Desk, LOOKING, Plan, Room, derived, permit};
use crate::store::reader::{CaseFile, CaseRow, CheckRow, Listed, LookRow, Page};
use crate::tables::{self, Cell, Format, Sheet};
use serde::Serialize;
use serde_json::{Map, Value, json};
use shouwang_protocol::area::Tier;
use shouwang_protocol::difference::{self, Report, Unit};
use shouwang_protocol::record::{CaseId, Kind, Lane, Place, RecordId, RecordRef};
use shouwang_protocol::records::OpId;
use shouwang_protocol::records::amount::Fen;
use shouwang_protocol::records::case::append;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::event::{EventKind, What};
use shouwang_protocol::records::field::AMOUNT_MAX;
use shouwang_protocol::records::household::Member;
use shouwang_protocol::records::idno::{IdNo, half_width};
use shouwang_protocol::records::policy::{Pack, Packs};
use shouwang_protocol::records::staff::Role;
use shouwang_protocol::records::verification::{self, Answer, Asked, Outcome as Says, Reply, Verification, supporter};
use shouwang_protocol::standing::{Check, Standing, would_count};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Who looks at answers.
pub const LOOKERS: &[Role] = &[Role::Reviewer, Role::Approver];
/// Who writes answers down at the city.
pub const CHECKERS: &[Role] = &[Role::Intake, Role::Reviewer];
/// The standard of the pack that says how much more may be found without its being a difference.
pub const ALLOWED: &str = "核对允许差额";
/// States of checks that wait for the city.
pub const OPEN: &[&str] = &["to-start", "to-answer"];
/// States of checks that wait for the office that asked.
pub const OBJECTED: &[&str] = &["objected", "upheld"];

/// Age from which a person signs for themselves.
const ADULT_YEARS: i32 = 18;
/// Characters of an answer's text.
const TEXT_CHARS_MAX: usize = 200;
/// Characters of the name of an account, a car, a house.
const SUBJECT_CHARS_MAX: usize = 60;
/// Bytes of the answers of one entry.
const ANSWERS_BYTES_MAX: usize = 4 * 1024;
/// Bytes of an answer besides its texts.
const ANSWER_BYTES: usize = 400;
/// Missing authorisations that a refusal names.
const NAMED_MAX: usize = 6;
/// Rows of one file or call.
const ROWS_MAX: usize = 20_000;

/// Somebody who may be asked about.
#[derive(Clone, Debug)]
pub struct CheckPerson {
    /// The key of the request.
    pub key: String,
    /// The name.
    pub name: String,
    /// With the head, or how a supporter is related.
    pub relation: String,
    /// Whether a guardian signs.
    pub minor: bool,
    /// The member's row; none: a supporter.
    pub row: Option<OpId>,
}

/// What the page of a case's check shows.
#[derive(Clone, Debug)]
pub struct CheckPage {
    /// The case, as in lists.
    pub row: CaseRow,
    /// Township and village.
    pub place: String,
    /// What it means now.
    pub standing: Standing,
    /// The members who live there, and the supporters who agreed.
    pub people: Vec<CheckPerson>,
    /// The sources that the kind needs: code, name, what each usually tells.
    pub sources: Vec<(String, String, String)>,
    /// How far each source is about each person; none: no check, or it is no matter of this office.
    pub replies: Option<Vec<(Asked, Vec<(String, Reply)>)>>,
    /// What this person may do.
    pub possible: Vec<EventKind>,
    /// Whether this person may write answers down.
    pub may_answer: bool,
    /// Whether this person may look at the answers.
    pub may_look: bool,
}

/// The answers and what they come to.
#[derive(Clone, Debug)]
pub struct CheckSheet {
    /// The case, as in lists.
    pub row: CaseRow,
    /// Township and village.
    pub place: String,
    /// The request.
    pub check: Check,
    /// The record.
    pub record: Verification,
    /// The difference.
    pub report: Report,
    /// How much the pack lets pass; none: unset, so nothing.
    pub allowed: Option<Fen>,
    /// Names of sources.
    pub sources: BTreeMap<String, String>,
}

/// What became of a file or a call with answers.
#[derive(Clone, Debug, Default, Serialize)]
pub struct AnswersReport {
    /// Rows in it.
    pub rows: u64,
    /// Answers written down.
    pub added: u64,
    /// Answers that were there already.
    pub same: u64,
    /// Rows that could not be taken.
    pub rejected: Vec<Reject>,
    /// Where the rejected rows are.
    pub rejects_file: Option<PathBuf>,
}

/// A row on its way.
struct AnswerRow {
    line: u64,
    number: String,
    answer: CheckAnswer,
    text: Value,
}

/// No figures in what villages read.
fn figureless(field: &str, text: String) -> Result<String, DeskError> {
    match half_width(&text).chars().any(char::is_numeric) {
        true => Err(DeskError::invalid(field, "村(社区)也能看到这里，不能写数字；金额写在核对答复里")),
        false => Ok(text),
    }
}

fn is_minor(member: &Member, today: Day) -> bool {
    member.birth.is_some_and(|birth| {
        let ((year, month, day), (now, this_month, this_day)) = (birth.ymd(), today.ymd());
        now - year - i32::from((this_month, this_day) < (month, day)) < ADULT_YEARS
    })
}

impl Desk {
    /// The check of a case, without figures.
    pub async fn check(&self, person: &Person, case: CaseId) -> Result<CheckPage, DeskError> {
        permit::office_staff(person)?;
        self.in_room(person, LOOKING, move |room| room.check_page(&case)).await
    }

    /// Checks of this office's area in these states; none: in any.
    pub async fn checks(
        &self,
        person: &Person,
        states: &'static [&'static str],
        page: Page,
    ) -> Result<Listed<CheckRow>, DeskError> {
        permit::office_staff(person)?;
        self.in_room(person, LOOKING, move |room| Ok(room.reader.checks(&room.here.areas, states, page)?)).await
    }

    /// The answers to a request. Who looks, and what for, is written down first.
    pub async fn look_at_check(
        &self,
        person: &Person,
        case: CaseId,
        number: String,
        purpose: String,
    ) -> Result<CheckSheet, DeskError> {
        let purpose = purpose.trim().to_owned();
        if !PURPOSE_CHARS.contains(&purpose.chars().count()) {
            return Err(DeskError::invalid("purpose", "请写明查看的用途（2 到 200 字）"));
        }
        let look = LookRow {
            at_ms: self.clock().now().wall_ms,
            staff: person.id.clone(),
            name: person.name.clone(),
            number: number.clone(),
            purpose,
        };
        let sheet = self.in_room(person, LOOKING, move |room| room.check_sheet(&case, &number)).await?;
        self.local(move |local| local.note_look(&look)).await?;
        Ok(sheet)
    }

    /// Who looked at answers on this machine, the latest first.
    pub async fn looks(&self, person: &Person, page: Page) -> Result<Listed<LookRow>, DeskError> {
        permit::role_or_console(person, READERS_OF_EXPORTS)?;
        self.in_room(person, LOOKING, move |room| Ok(room.reader.looks(page)?)).await
    }

    /// Brings in a table of answers; rows that cannot be taken are told and stop nothing.
    pub async fn read_answers(&self, person: &Person, name: String, bytes: Vec<u8>) -> Result<AnswersReport, DeskError> {
        may_answer(person)?;
        let read = tokio::task::spawn_blocking(move || rows_of_file(&name, &bytes)).await;
        let (rows, rejected) = read.unwrap_or_else(|_| Err(DeskError::Store { why: "读取中断".to_owned() }))?;
        self.answer_rows(person, rows, rejected).await
    }

    /// The same from a file of this machine; rejected rows go to a file beside it.
    pub async fn import_answers(&self, person: &Person, file: &Path) -> Result<AnswersReport, DeskError> {
        let unreadable = |error: std::io::Error| DeskError::invalid("file", format!("读不出文件：{error}"));
        let length = std::fs::metadata(file).map_err(unreadable)?.len();
        if length > tables::FILE_BYTES_MAX {
            return Err(DeskError::invalid("file", "文件超过 48 MB，请分成几个文件"));
        }
        let bytes = std::fs::read(file).map_err(unreadable)?;
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut report = self.read_answers(person, name, bytes).await?;
        let mut rejects = Rejects::beside(file);
        for reject in &report.rejected {
            rejects.put(reject).map_err(unreadable)?;
        }
        report.rejects_file = rejects.finish().map_err(unreadable)?;
        Ok(report)
    }

    /// Answers of a program, by number of request.
    pub async fn take_answers(
        &self,
        person: &Person,
        checks: Vec<(String, Vec<CheckAnswer>)>,
    ) -> Result<AnswersReport, DeskError> {
        may_answer(person)?;
        let mut rows = Vec::new();
        for (number, answers) in checks {
            for answer in answers {
                let line = rows.len() as u64 + 1;
                let text = json!({ "number": number, "source": answer.source });
                rows.push(AnswerRow { line, number: number.clone(), answer, text });
            }
        }
        if rows.len() > ROWS_MAX {
            return Err(DeskError::invalid("checks", "一次的答复太多，请分几次"));
        }
        self.answer_rows(person, rows, Vec::new()).await
    }

    /// Writes rows down, many to an entry; where one of them cannot be taken, one by one.
    async fn answer_rows(
        &self,
        person: &Person,
        rows: Vec<AnswerRow>,
        rejected: Vec<Reject>,
    ) -> Result<AnswersReport, DeskError> {
        let mut report = AnswersReport { rows: (rows.len() + rejected.len()) as u64, rejected, ..AnswersReport::default() };
        let mut by_number: BTreeMap<String, Vec<AnswerRow>> = BTreeMap::new();
        for row in rows {
            by_number.entry(row.number.clone()).or_default().push(row);
        }
        for (number, rows) in by_number {
            let mut batch: Vec<AnswerRow> = Vec::new();
            let mut bytes = 0;
            for row in rows {
                let more = weight(&row.answer);
                if bytes + more > ANSWERS_BYTES_MAX && !batch.is_empty() {
                    self.answer_batch(person, &number, std::mem::take(&mut batch), &mut report).await?;
                    bytes = 0;
                }
                bytes += more;
                batch.push(row);
            }
            self.answer_batch(person, &number, batch, &mut report).await?;
        }
        report.rejected.sort_by_key(|reject| reject.line);
        Ok(report)
    }

    async fn answer_batch(
        &self,
        person: &Person,
        number: &str,
        batch: Vec<AnswerRow>,
        report: &mut AnswersReport,
    ) -> Result<(), DeskError> {
        let answers = batch.iter().map(|row| row.answer.clone()).collect();
        match self.answer_one_check(person, number, answers, report).await {
            Err(DeskError::Invalid { .. } | DeskError::NotNow { .. } | DeskError::NotFound { .. }) => {}
            other => return other,
        }
        for row in batch {
            match self.answer_one_check(person, number, vec![row.answer], report).await {
                Ok(()) => {}
                Err(DeskError::Invalid { faults }) => report.rejected.push(Reject::new(row.line, None, faults, row.text)),
                Err(error @ (DeskError::NotNow { .. } | DeskError::NotFound { .. })) => {
                    let faults = vec![FieldFault::new("", error.what())];
                    report.rejected.push(Reject::new(row.line, None, faults, row.text));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn answer_one_check(
        &self,
        person: &Person,
        number: &str,
        answers: Vec<CheckAnswer>,
        report: &mut AnswersReport,
    ) -> Result<(), DeskError> {
        let count = answers.len() as u64;
        let fresh = {
            let (number, answers) = (number.to_owned(), answers.clone());
            self.in_room(person, LOOKING, move |room| Ok(room.fresh(&number, &answers)?.2.len() as u64)).await?
        };
        if fresh > 0 {
            // The same rows after a crash are the same action.
            let text = serde_json::to_vec(&answers).unwrap_or_default();
            let action = derived("shouwang check answers 1", &[&self.here().await?.device.0, number.as_bytes(), &text]);
            self.perform(person, action, Command::AnswerCheck { number: number.to_owned(), answers }).await?;
        }
        report.added += fresh;
        report.same += count.saturating_sub(fresh);
        Ok(())
    }
}

fn may_answer(person: &Person) -> Result<(), DeskError> {
    permit::role_or_console(person, CHECKERS)?;
    if person.tier < Tier::City {
        return Err(DeskError::not_permitted("核对由市级办理"));
    }
    Ok(())
}

/// About how many bytes an answer takes in an entry.
fn weight(answer: &CheckAnswer) -> usize {
    ANSWER_BYTES + answer.text.len() + answer.subject.len()
}

impl Room<'_> {
    /// The members who live in a case's household, and the supporters who agreed.
    fn people(&self, standing: &Standing) -> Result<Vec<CheckPerson>, DeskError> {
        let found = standing.household.map(|record| self.reader.household(&record)).transpose()?.flatten();
        let members = found.iter().flat_map(|found| &found.household.members).filter(|member| member.is_present());
        let mut people: Vec<CheckPerson> = members
            .filter_map(|member| {
                let row = member.row.clone()?;
                let (name, relation) = (member.name.clone(), member.relation.clone());
                Some(CheckPerson { key: row.to_string(), name, relation, minor: is_minor(member, self.day), row: Some(row) })
            })
            .collect();
        for known in standing.authorisations.iter().filter(|known| !known.relation.is_empty() && known.withdrawn.is_none()) {
            if people.iter().all(|person| person.key != known.person) {
                let (key, name, relation) = (known.person.clone(), known.name.clone(), known.relation.clone());
                people.push(CheckPerson { key, name, relation, minor: false, row: None });
            }
        }
        Ok(people)
    }

    fn pack_of<'p>(&self, standing: &Standing, packs: &'p Packs) -> Result<&'p Pack, DeskError> {
        let pack = packs.get(&standing.pack);
        pack.ok_or_else(|| DeskError::NotNow { why: "本事项的政策包尚未到达本机".to_owned() })
    }

    /// The record of a request, where this office holds it.
    fn verification(&self, number: &str) -> Result<Option<(RecordId, Verification)>, DeskError> {
        for record in self.reader.verifications(number)? {
            if let Some(found) = self.reader.document(&record)?.filter(|found| found.kind == Kind::VERIFICATION) {
                return Ok(Some((record, Verification::read(&found.doc))));
            }
        }
        Ok(None)
    }

    fn needed_verification(&self, number: &str) -> Result<(RecordId, Verification), DeskError> {
        self.verification(number)?
            .ok_or_else(|| DeskError::NotNow { why: "核对档案尚未到达本机，请等待同步".to_owned() })
    }

    /// What a step of a check becomes.
    pub(super) fn check_step(&self, file: &CaseFile, packs: &Packs, step: CaseStep) -> Result<What, DeskError> {
        let s = &file.standing;
        let last = || s.check().ok_or_else(|| DeskError::NotNow { why: "还没有提请核对".to_owned() });
        Ok(match step {
            CaseStep::AuthoriseCheck {
                member,
                name,
                relation,
                id_no,
                signer,
                guardian,
                scope,
                purpose,
                signed,
                until,
                paper,
            } => {
                if paper.trim().is_empty() {
                    return Err(DeskError::invalid("paper", "须写明授权书存放在哪里"));
                }
                let (person, whose, relation, id_no) = match member {
                    Some(row) => {
                        let people = self.people(s)?;
                        let known = people.into_iter().find(|known| known.row.as_ref() == Some(&row));
                        let known = known.ok_or_else(|| DeskError::invalid("member", "家庭档案中没有这一成员"))?;
                        if known.minor && guardian.trim().is_empty() {
                            return Err(DeskError::invalid("guardian", "未成年人由监护人签字，须写明签字人和监护关系"));
                        }
                        (known.key, known.name, String::new(), String::new())
                    }
                    None => {
                        let (name, relation) = (name.trim().to_owned(), relation.trim().to_owned());
                        if name.is_empty() {
                            return Err(DeskError::invalid("name", "须写明被核对人"));
                        }
                        if relation.is_empty() {
                            return Err(DeskError::invalid("relation", "家庭以外的人须写明与申请人的关系"));
                        }
                        let id = IdNo::parse(&id_no).map_err(|error| DeskError::invalid("id_no", error.to_string()))?;
                        (supporter(&name, &relation), name, relation, id.long())
                    }
                };
                let pack = self.pack_of(s, packs)?;
                let needed = pack.sources_of(&s.assistance);
                let scope = if scope.is_empty() { needed.iter().map(|source| source.code.clone()).collect() } else { scope };
                if let Some(code) = scope.iter().find(|code| pack.sources.iter().all(|source| source.code != **code)) {
                    return Err(DeskError::invalid("scope", format!("政策包中没有“{code}”这一核对信息来源")));
                }
                let signer = if signer.trim().is_empty() { whose.clone() } else { signer.trim().to_owned() };
                let purpose = if purpose.trim().is_empty() { format!("申请{}", s.assistance) } else { purpose };
                let signed = signed.unwrap_or(self.day);
                What::CheckAuthorised { person, whose, relation, id_no, signer, guardian, scope, purpose, signed, until, paper }
            }
            CaseStep::WithdrawAuthorisation { authorisation, reason } => What::CheckUnauthorised { authorisation, reason },
            CaseStep::AskCheck { people, sources, note } => self.ask_check(file, packs, &people, sources, note)?,
            CaseStep::StartCheck {} => What::CheckStarted { number: last()?.number.clone() },
            CaseStep::ConcludeCheck {} => self.conclude(s, last()?)?,
            CaseStep::CannotCheck { reason } => What::CheckImpossible { reason: figureless("reason", reason)? },
            CaseStep::ObjectToCheck { text } => What::CheckObjected { number: last()?.number.clone(), text },
            CaseStep::SettleCheckObjection { outcome, note } => {
                What::CheckObjectionSettled { number: last()?.number.clone(), outcome, note: figureless("note", note)? }
            }
            _ => return Err(DeskError::not_found("步骤")),
        })
    }

    fn ask_check(
        &self,
        file: &CaseFile,
        packs: &Packs,
        people: &[String],
        sources: Vec<String>,
        note: String,
    ) -> Result<What, DeskError> {
        let s = &file.standing;
        if s.household.is_none() || file.row.floor > Tier::Village {
            return Err(DeskError::NotNow { why: "没有家庭档案，无法核对，请先登记家庭".to_owned() });
        }
        let pack = self.pack_of(s, packs)?;
        let needed = pack.sources_of(&s.assistance);
        let sources: Vec<String> =
            if sources.is_empty() { needed.iter().map(|source| source.code.clone()).collect() } else { sources };
        if sources.is_empty() {
            return Err(DeskError::NotNow { why: "政策包没有列出核对信息来源，请市级先设定".to_owned() });
        }
        // Never beyond need: only what the pack names for this kind.
        if let Some(code) = sources.iter().find(|code| needed.iter().all(|source| source.code != **code)) {
            return Err(DeskError::invalid("sources", format!("“{code}”不是这一救助种类需要核对的信息来源，请去掉")));
        }
        let mut all = self.people(s)?;
        if !people.is_empty() {
            if let Some(unknown) = people.iter().find(|key| all.iter().all(|known| known.key != **key)) {
                let supporter = unknown.starts_with("s:");
                let why = if supporter {
                    "家庭以外的人须先登记本人的核对授权"
                } else {
                    "家庭档案中没有这一成员"
                };
                return Err(DeskError::invalid("people", why));
            }
            all.retain(|known| people.contains(&known.key));
        }
        let mut missing = Vec::new();
        for known in &all {
            let without: Vec<&str> =
                sources.iter().map(String::as_str).filter(|code| !s.may_ask(&known.key, code, self.day)).collect();
            match without.len() {
                0 => {}
                some if some == sources.len() => missing.push(format!("{}没有有效的核对授权", known.name)),
                _ => missing.push(format!("{}没有授权核对“{}”", known.name, without.join("、"))),
            }
        }
        if !missing.is_empty() {
            missing.truncate(NAMED_MAX);
            let why =
                format!("{}（没有登记、已过期或已撤回）。请先按“登记授权”，或在提请时不勾选这些人和来源", missing.join("；"));
            return Err(DeskError::invalid("people", why));
        }
        let (year, month, day) = self.day.ymd();
        let digits = u128::from_le_bytes(self.action.0) % 100_000;
        let number = format!("HD{year:04}{month:02}{day:02}-{:03}-{digits:05}", self.here.office.0);
        if !self.reader.case_of_check(&number)?.is_empty() {
            return Err(DeskError::NotNow { why: "核对编号重复，请再按一次".to_owned() });
        }
        Ok(What::CheckAsked {
            number,
            people: all.iter().map(|known| known.key.clone()).collect(),
            names: all.iter().map(|known| known.name.clone()).collect(),
            sources,
            supersedes: s.check().map(|check| check.number.clone()).unwrap_or_default(),
            note: figureless("note", note)?,
        })
    }

    /// The record that a request begins, with what the household declares today.
    pub(super) fn begin_verification(&self, plan: Plan, case: &CaseId, file: &CaseFile, what: &What) -> Result<Plan, DeskError> {
        let What::CheckAsked { number, people, names, sources, .. } = what else { return Ok(plan) };
        let household = file.standing.household.map(|record| self.reader.household(&record)).transpose()?.flatten();
        let household = household.ok_or_else(|| DeskError::NotNow { why: "家庭档案尚未到达本机".to_owned() })?;
        let asked = people.iter().zip(names).map(|(person, name)| Asked { person: person.clone(), name: name.clone() });
        let declared = difference::declared(&household.household);
        let begun = Verification::begin(case, number, asked.collect(), sources.clone(), declared);
        let place = Place { area: file.row.area, lane: Lane::Casework, floor: Tier::Township };
        Ok(plan.draft(place, RecordRef::New(Kind::VERIFICATION), begun.create()))
    }

    /// What all answers come to.
    fn conclude(&self, s: &Standing, check: &Check) -> Result<What, DeskError> {
        let (_, record) = self.needed_verification(&check.number)?;
        let asked_on = check.asked_on.unwrap_or(self.day);
        // Whose authorisation was taken back is not asked about any more.
        let waiting = record.waiting().filter(|(asked, source)| s.may_ask(&asked.person, source, asked_on));
        let mut waiting: Vec<String> = waiting.map(|(asked, source)| format!("{}：{source}", asked.name)).collect();
        if !waiting.is_empty() {
            let count = waiting.len();
            waiting.truncate(NAMED_MAX);
            let why = format!("还有 {count} 项没有答复（{}），请先填写；不能提供的填“无法提供”", waiting.join("，"));
            return Err(DeskError::NotNow { why });
        }
        let result = difference::report(&record, self.may_differ(s)?.unwrap_or_default()).agreement();
        Ok(What::CheckAnswered { number: check.number.clone(), result })
    }

    fn may_differ(&self, s: &Standing) -> Result<Option<Fen>, DeskError> {
        Ok(self.reader.packs()?.get(&s.pack).and_then(|pack| pack.standard(ALLOWED)))
    }

    /// The case and record of a request, and those of the answers that are not there yet.
    fn fresh(&self, number: &str, answers: &[CheckAnswer]) -> Result<(CaseId, RecordId, Vec<Answer>), DeskError> {
        let cases = self.reader.case_of_check(number)?;
        let case = cases.first().copied().ok_or_else(|| DeskError::invalid("number", "没有这一核对编号"))?;
        let (file, _) = self.case_to_work_on(&case)?;
        let s = &file.standing;
        let check = s.checks.iter().find(|check| check.number == number);
        let check = check.ok_or_else(|| DeskError::invalid("number", "没有这一核对编号"))?;
        let (id, record) = self.needed_verification(number)?;
        let packs = self.reader.packs()?;
        let pack = self.pack_of(s, &packs)?;
        let mut fresh: Vec<Answer> = Vec::new();
        for answer in answers {
            let answer = self.answer_of(s, &record, pack, answer)?;
            if record.answers.iter().chain(&fresh).any(|known| known.says_the_same(&answer)) {
                continue;
            }
            if !check.is_open() {
                let why = "这一核对已经完成或已由复查取代，不再登记答复；需要更正的请提请复查".to_owned();
                return Err(DeskError::NotNow { why });
            }
            if !s.may_ask(&answer.person, &answer.source, check.asked_on.unwrap_or(self.day)) {
                return Err(DeskError::invalid("person", "授权已经撤回，不得再核对此人的这一来源"));
            }
            fresh.push(answer);
        }
        Ok((case, id, fresh))
    }

    fn answer_of(&self, s: &Standing, record: &Verification, pack: &Pack, said: &CheckAnswer) -> Result<Answer, DeskError> {
        let person = self.asked_person(s, record, &said.person)?;
        let source = pack.sources.iter().find(|source| source.code == said.source || source.name == said.source);
        let source = source.filter(|source| record.sources.contains(&source.code));
        let source = source.ok_or_else(|| DeskError::invalid("source", "这一核对没有请求核对这一来源"))?;
        let code = if said.measure.trim().is_empty() { source.measure.as_str() } else { said.measure.trim() };
        let measure = difference::measure(code).ok_or_else(|| DeskError::invalid("measure", "没有这一核对项目"))?;
        let (text, subject) = (said.text.trim().to_owned(), said.subject.trim().to_owned());
        if text.chars().count() > TEXT_CHARS_MAX {
            return Err(DeskError::invalid("text", format!("说明最多 {TEXT_CHARS_MAX} 字")));
        }
        if subject.chars().count() > SUBJECT_CHARS_MAX {
            return Err(DeskError::invalid("subject", format!("标的最多 {SUBJECT_CHARS_MAX} 字")));
        }
        if said.as_of > self.day {
            return Err(DeskError::invalid("as_of", "数据截至日期在今天之后"));
        }
        let figures = said.amount.is_some() || said.count.is_some();
        match (said.outcome, measure.unit) {
            (Says::Nothing | Says::Unavailable, _) if figures => {
                return Err(DeskError::invalid("amount", "无记录、无法提供的不填金额和数量"));
            }
            (Says::Unavailable, _) if text.is_empty() => return Err(DeskError::invalid("text", "无法提供的须写明原因")),
            (Says::Found, Unit::Yuan) if said.count.is_some() => {
                return Err(DeskError::invalid("count", "这一项目填金额，不填数量"));
            }
            (Says::Found, Unit::Count | Unit::Words) if said.amount.is_some() => {
                return Err(DeskError::invalid("amount", "这一项目不填金额"));
            }
            (Says::Found, _) if !figures && text.is_empty() => {
                return Err(DeskError::invalid("amount", "查得的须填金额、数量或说明"));
            }
            _ => {}
        }
        if said.amount.is_some_and(|amount| !(Fen(0)..=AMOUNT_MAX).contains(&amount)) {
            return Err(DeskError::invalid("amount", "金额不能为负，也不能过大"));
        }
        Ok(Answer {
            id: None,
            person,
            source: source.code.clone(),
            outcome: said.outcome,
            measure: measure.code.to_owned(),
            subject,
            amount: said.amount,
            count: said.count,
            text,
            as_of: said.as_of,
            day: Some(self.day),
            by: self.here.office,
            staff: self.person.id.clone(),
            name: self.person.name.clone(),
        })
    }

    /// The key of somebody a request asks about: by key, identity number, or a name that only one of them has.
    fn asked_person(&self, s: &Standing, record: &Verification, said: &str) -> Result<String, DeskError> {
        let said = said.trim();
        let unknown = || DeskError::invalid("person", "这一核对没有请求核对此人");
        if record.people.iter().any(|asked| asked.person == said) {
            return Ok(said.to_owned());
        }
        if let Ok(id) = IdNo::parse(said) {
            let household = s.household.map(|record| self.reader.household(&record)).transpose()?.flatten();
            let members = household.iter().flat_map(|found| &found.household.members);
            let known = members.filter(|member| member.id().is_some_and(|own| own.long() == id.long()));
            let mut keys: Vec<String> = known.filter_map(|member| Some(member.row.as_ref()?.to_string())).collect();
            let supporters = s.authorisations.iter().filter(|known| known.id_no == id.long());
            keys.extend(supporters.map(|known| known.person.clone()));
            let key = keys.into_iter().find(|key| record.people.iter().any(|asked| asked.person == *key));
            return key.ok_or_else(unknown);
        }
        let mut named = record.people.iter().filter(|asked| asked.name == said);
        match (named.next(), named.next()) {
            (Some(one), None) => Ok(one.person.clone()),
            (None, _) => Err(unknown()),
            (Some(_), Some(_)) => Err(DeskError::invalid("person", "有两人同名，请写身份证号")),
        }
    }

    /// Writes answers down; the first of them begins the check.
    pub(super) fn answer_check(&self, number: &str, answers: &[CheckAnswer]) -> Result<Plan, DeskError> {
        may_answer(&self.person)?;
        if answers.is_empty() || answers.iter().map(weight).sum::<usize>() > ANSWERS_BYTES_MAX.max(ANSWER_BYTES * 2) {
            return Err(DeskError::invalid("answers", "一次的答复太多或没有答复，请分几次填写"));
        }
        let (case, record, fresh) = self.fresh(number, answers)?;
        if fresh.is_empty() {
            return Ok(Plan::saying("这些答复已经登记过").about(case));
        }
        let (file, place) = self.case_to_work_on(&case)?;
        let mut plan = Plan::saying(format!("已登记 {} 项答复", fresh.len())).about(case);
        plan.shown = self.shown(&case, &file.standing)?;
        let answers = Place { floor: Tier::Township, ..place };
        plan = plan.draft(answers, RecordRef::Known(record), verification::answer(&fresh));
        let check = file.standing.checks.iter().find(|check| check.number == number);
        if check.is_some_and(|check| check.started_on.is_none()) && !self.person.is_console() {
            let event = self.event(short(What::CheckStarted { number: number.to_owned() })?);
            let packs = self.reader.packs()?;
            if would_count(&file.standing, &packs, self.here.tier, &event).is_ok() {
                plan = plan.draft(place, self.volume(case), append(&event));
            }
        }
        Ok(plan)
    }

    fn may_look(&self) -> bool {
        self.here.tier >= Tier::Township && self.person.has(LOOKERS) && self.person.is_office_staff()
    }

    fn check_page(&self, case: &CaseId) -> Result<CheckPage, DeskError> {
        let file = self.case(case)?;
        let packs = self.reader.packs()?;
        let possible = self.possible(&file, &packs)?;
        let s = &file.standing;
        let sources = packs.get(&s.pack).map(|pack| pack.sources_of(&s.assistance)).unwrap_or_default();
        let record = s.check().map(|check| self.verification(&check.number)).transpose()?.flatten();
        let replies = record.map(|(_, record)| {
            let line = |asked: &Asked| {
                let replies = record.sources.iter().map(|code| (code.clone(), record.reply(&asked.person, code)));
                (asked.clone(), replies.collect())
            };
            record.people.iter().map(line).collect()
        });
        let open = s.check().is_some_and(Check::is_open);
        Ok(CheckPage {
            place: self.place_name(file.row.area),
            people: self.people(s)?,
            sources: sources.iter().map(|it| (it.code.clone(), it.name.clone(), it.measure.clone())).collect(),
            may_answer: open && replies.is_some() && may_answer(&self.person).is_ok(),
            may_look: replies.is_some() && self.may_look(),
            replies,
            possible,
            row: file.row,
            standing: file.standing,
        })
    }

    fn check_sheet(&self, case: &CaseId, number: &str) -> Result<CheckSheet, DeskError> {
        if !self.may_look() {
            return Err(DeskError::not_permitted("核对结果只供镇(街道)和市级的审核、审批人员查看"));
        }
        let (file, _) = self.case_to_work_on(case)?;
        let check = file.standing.checks.iter().find(|check| check.number == number).cloned();
        let check = check.ok_or_else(|| DeskError::not_found("核对"))?;
        let (_, record) = self.needed_verification(number)?;
        let allowed = self.may_differ(&file.standing)?;
        let packs = self.reader.packs()?;
        let sources = packs.get(&file.standing.pack).map(|pack| pack.sources.as_slice()).unwrap_or_default();
        Ok(CheckSheet {
            place: self.place_name(file.row.area),
            report: difference::report(&record, allowed.unwrap_or_default()),
            sources: sources.iter().map(|source| (source.code.clone(), source.name.clone())).collect(),
            row: file.row,
            check,
            record,
            allowed,
        })
    }
}

/// Headers of a table of answers: field, and the words for it.
const HEADERS: &[(&str, &[&str])] = &[
    ("number", &["核对编号", "请求编号"]),
    ("id_no", &["身份证号", "身份证号码", "证件号码"]),
    ("name", &["姓名", "被核对人"]),
    ("source", &["信息来源", "来源", "核对来源"]),
    ("outcome", &["结果", "核对结果"]),
    ("measure", &["项目", "核对项目"]),
    ("subject", &["标的", "账户", "名称"]),
    ("amount", &["金额(元)", "金额（元）", "金额"]),
    ("count", &["数量"]),
    ("text", &["说明", "备注"]),
    ("as_of", &["数据截至", "数据截至日期", "截至日期"]),
];

fn header(field: &str) -> &'static str {
    let found = HEADERS.iter().find(|(name, _)| *name == field);
    found.and_then(|(_, words)| words.first().copied()).unwrap_or_default()
}

fn rows_of_file(name: &str, bytes: &[u8]) -> Result<(Vec<AnswerRow>, Vec<Reject>), DeskError> {
    let unreadable = |error: tables::TableError| DeskError::invalid("file", error.to_string());
    let sheets: Vec<Sheet> = match Format::of(name, bytes) {
        Format::Xlsx => tables::xlsx::read(bytes).map_err(unreadable)?,
        Format::OldXls => return Err(unreadable(tables::TableError::OldXls)),
        Format::Csv | Format::JsonLines => vec![tables::csv::read(bytes).map_err(unreadable)?],
    };
    let (mut rows, mut rejected) = (Vec::new(), Vec::new());
    let mut headed = false;
    for sheet in sheets {
        let column = |cells: &[Cell], field: &str| {
            let words = HEADERS.iter().find(|(name, _)| *name == field).map(|(_, words)| *words).unwrap_or_default();
            cells.iter().position(|cell| words.contains(&cell.plain().trim()))
        };
        let is_head = |cells: &[Cell]| ["number", "source", "outcome"].iter().all(|field| column(cells, field).is_some());
        let Some(head) = sheet.rows.iter().position(|(_, cells)| is_head(cells)) else { continue };
        headed = true;
        let columns: BTreeMap<&str, usize> =
            HEADERS.iter().filter_map(|(field, _)| Some((*field, column(&sheet.rows[head].1, field)?))).collect();
        for (line, cells) in &sheet.rows[head + 1..] {
            let at = |field: &str| columns.get(field).and_then(|column| cells.get(*column));
            let plain = |field: &str| at(field).map(|cell| cell.plain().trim().to_owned()).unwrap_or_default();
            if plain("number").is_empty() && plain("source").is_empty() {
                continue;
            }
            let text: Map<String, Value> = columns.keys().map(|field| (header(field).to_owned(), plain(field).into())).collect();
            match answer_row(&plain, at("id_no")) {
                Ok((number, answer)) => rows.push(AnswerRow { line: *line, number, answer, text: text.into() }),
                Err((field, why)) => {
                    let column = Some(Column::Header(header(field).to_owned()));
                    rejected.push(Reject::new(*line, column, vec![FieldFault::new(field, why)], text.into()));
                }
            }
        }
    }
    if !headed {
        return Err(DeskError::invalid("file", "找不到表头：须有“核对编号”“信息来源”“结果”“数据截至”，以及“身份证号”或“姓名”"));
    }
    if rows.len() + rejected.len() > ROWS_MAX {
        return Err(DeskError::invalid("file", format!("一次最多 {ROWS_MAX} 行，请分成几个文件")));
    }
    Ok((rows, rejected))
}

type RowFault = (&'static str, &'static str);

fn answer_row(plain: &impl Fn(&str) -> String, id: Option<&Cell>) -> Result<(String, CheckAnswer), RowFault> {
    // Excel keeps 15 digits of a number: what it made of an identity number is no identity number any more.
    if matches!(id, Some(Cell::Number(_))) {
        return Err(("id_no", "身份证号被存成了数字，末几位已不可靠，请改为文本后再导入"));
    }
    let (id_no, name) = (plain("id_no"), plain("name"));
    let person = if id_no.is_empty() { name } else { id_no };
    if person.is_empty() {
        return Err(("name", "没有身份证号，也没有姓名"));
    }
    let word = plain("outcome");
    let outcome = Says::ALL.iter().find(|says| says.label() == word || says.word() == word);
    let outcome = *outcome.ok_or(("outcome", "结果须写“查得”“无记录”或“无法提供”"))?;
    let amount = match plain("amount") {
        text if text.is_empty() => None,
        text => Some(Fen::parse_yuan(&text).ok_or(("amount", "金额应为数字，最多两位小数"))?),
    };
    let count = match plain("count") {
        text if text.is_empty() => None,
        text => Some(half_width(&text).parse().map_err(|_| ("count", "数量应为整数"))?),
    };
    let as_of = Day::parse(&half_width(&plain("as_of"))).ok_or(("as_of", "数据截至日期无效，应写作 2026-06-01"))?;
    let (source, measure) = (plain("source"), plain("measure"));
    let answer =
        CheckAnswer { person, source, outcome, measure, subject: plain("subject"), amount, count, text: plain("text"), as_of };
    Ok((plain("number"), answer))
}
