//! The reviewer's queue: cases that wait for one kind of step, several done at once, each with its own answer.

use super::case::case_id;
use super::cases::{self, CaseRow};
use crate::desk::batch::BATCH_MAX;
use crate::desk::{CaseStep, DeskError};
use crate::store::reader::{CaseFilter, Page};
use crate::web::App;
use crate::web::error::{self, Answer, WebError};
use crate::web::forms;
use crate::web::session::{Signed, SignedForm};
use crate::web::view::{Choice, Field, Frame, Stub};
use crate::web::wording;
use askama::Template;
use axum::extract::{Query, State};
use serde::Deserialize;
use shouwang_protocol::area::Tier;
use shouwang_protocol::record::CaseId;
use shouwang_protocol::records::event::{EventKind, Opinion};
use shouwang_protocol::records::staff::Role;
use shouwang_protocol::standing::{Stage, TO_PUBLISH, role_allows};

/// The page.
#[derive(Template, Default)]
#[template(path = "queue.html")]
pub struct QueuePage {
    /// The frame.
    pub frame: Frame,
    /// A word about it.
    pub lead: String,
    /// Which step: where, label, whether the reader is there.
    pub filters: Vec<(String, String, bool)>,
    /// The step's word.
    pub step: &'static str,
    /// What the button says.
    pub button: &'static str,
    /// The form's own.
    pub stub: Stub,
    /// The step's fields.
    pub fields: Vec<Field>,
    /// The cases: id, row.
    pub rows: Vec<(String, CaseRow)>,
    /// What was just done: case, what came of it, whether it was refused.
    pub done: Vec<(String, String, bool)>,
}

/// A step that many cases may wait for.
struct Batch {
    word: &'static str,
    label: &'static str,
    waits: Waits,
    kind: EventKind,
    /// The lowest tier that takes it.
    tier: Tier,
}

/// Which cases wait for it.
enum Waits {
    /// Those in this stage.
    In(Stage),
    /// Those in this stage of which nothing is left to do.
    Over(Stage),
    /// Those of which this is to do, whatever their stage.
    ToDo(&'static str),
}

const STEPS: [Batch; 4] = [
    Batch {
        word: "pre-examined",
        label: "预审",
        waits: Waits::In(Stage::ToPreExamine),
        kind: EventKind::PreExamined,
        tier: Tier::Village,
    },
    Batch {
        word: "accepted", label: "受理", waits: Waits::In(Stage::ToAccept), kind: EventKind::Accepted, tier: Tier::Village
    },
    Batch {
        word: "published", label: "公布", waits: Waits::ToDo(TO_PUBLISH), kind: EventKind::Published, tier: Tier::Township
    },
    Batch {
        word: "archived", label: "归档", waits: Waits::Over(Stage::Closed), kind: EventKind::Archived, tier: Tier::Township
    },
];

impl Batch {
    fn filter(&self) -> CaseFilter {
        let all = CaseFilter { by_urgency: true, ..CaseFilter::default() };
        match self.waits {
            Waits::In(stage) => CaseFilter { stages: vec![stage], ..all },
            Waits::Over(stage) => CaseFilter { stages: vec![stage], idle: true, ..all },
            Waits::ToDo(what) => CaseFilter { to_do: Some(what), ..all },
        }
    }
}

/// Which step.
#[derive(Deserialize)]
pub struct Asked {
    step: Option<String>,
}

fn picked(word: Option<&str>) -> Result<&'static Batch, WebError> {
    match word {
        None => Ok(&STEPS[0]),
        Some(word) => STEPS.iter().find(|step| step.word == word).ok_or(WebError::NoPage),
    }
}

async fn page(app: &App, signed: &Signed, batch: &'static Batch) -> Result<QueuePage, WebError> {
    if !signed.person.has(&[Role::Reviewer, Role::Intake]) {
        return Err(DeskError::NotPermitted { why: "需要受理或审核角色".to_owned() }.into());
    }
    let limit = u32::try_from(BATCH_MAX).unwrap_or(u32::MAX);
    let found = app.desk().cases(&signed.person, batch.filter(), Page::first(limit)).await?;
    let mut filters = Vec::new();
    for step in &STEPS {
        let count = app.desk().count_cases(&signed.person, step.filter()).await?;
        let label = format!("待{} {}", step.label, wording::count(count));
        filters.push((format!("/queue?step={}", step.word), label, step.word == batch.word));
    }
    let opinions = Choice::list(Opinion::ALL.iter().map(|one| (one.word(), one.label())), Opinion::For.word());
    let fields = match batch.word {
        "pre-examined" => {
            vec![Field::select("opinion", "预审意见", opinions).needed(), Field::text("note", "说明").hinted("写进选中的每一件")]
        }
        "published" => forms::publication(Field::text("phone", "受理异议的办公电话").hinted("不填：这一机构上次公示写的")),
        "archived" => vec![Field::text("note", "存放在哪里").hinted("档案编号用受理编号；还有公布、回访等没办完的不在这里")],
        _ => Vec::new(),
    };
    let today = app.today();
    let may = signed.person.roles.iter().any(|role| role_allows(*role, batch.kind)) && signed.person.tier >= batch.tier;
    Ok(QueuePage {
        frame: app.frame(signed, "批量办理", "/cases").await?,
        lead: "选中几件，同一步一起办；每件单独记录，一件没办成不影响其他".to_owned(),
        filters,
        step: batch.word,
        button: if may { batch.label } else { "" },
        stub: signed.stub()?,
        fields,
        rows: found.rows.iter().map(|line| (line.case.to_string(), cases::row(line, today))).collect(),
        done: Vec::new(),
    })
}

/// `GET /queue`
pub async fn show(State(app): State<App>, signed: Signed, Query(asked): Query<Asked>) -> Answer {
    error::show(&page(&app, &signed, picked(asked.step.as_deref())?).await?)
}

/// The cases a form picked.
pub fn chosen(sent: &SignedForm) -> Result<Vec<CaseId>, WebError> {
    sent.form.all("case").iter().map(|id| case_id(id)).collect()
}

/// What came of each, for people: who, what, whether it was refused.
pub async fn told(
    app: &App,
    signed: &Signed,
    cases: &[CaseId],
    step: CaseStep,
    action: shouwang_protocol::record::ActionId,
) -> Result<Vec<(String, String, bool)>, WebError> {
    let mut told = Vec::new();
    for (case, done) in app.desk().step_in_each(&signed.person, action, cases, step).await? {
        let whom = match app.desk().case(&signed.person, case).await {
            Ok(found) => found.standing.applicant,
            Err(_) => String::new(),
        };
        told.push(match done {
            Ok(done) => (whom, done.message, false),
            Err(error) => (whom, format!("没有办成：{}。{}", error.what(), error.safe()), true),
        });
    }
    Ok(told)
}

/// `POST /queue`
pub async fn act(State(app): State<App>, sent: SignedForm) -> Answer {
    let batch = picked(Some(&sent.form.text("step")))?;
    let cases = chosen(&sent)?;
    let step = match batch.word {
        "pre-examined" => CaseStep::PreExamine {
            opinion: Opinion::from_word(&sent.form.text("opinion")).ok_or(WebError::Unreadable)?,
            note: sent.form.text("note"),
        },
        "published" => forms::published(&sent.form).map_err(|why| DeskError::invalid("from", why))?,
        "archived" => CaseStep::Archive { number: String::new(), note: sent.form.text("note") },
        _ => CaseStep::Accept {},
    };
    let done = told(&app, &sent.signed, &cases, step, sent.action()?).await?;
    error::show(&QueuePage { done, ..page(&app, &sent.signed, batch).await? })
}
