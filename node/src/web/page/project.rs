//! One care project with its bookings, and what a case has to do with projects.

use super::policies::encoded;
use crate::desk::projects::{BookingLine, OfCase, ProjectChange, ProjectLine, ProjectPage as Found, Proposal, ShareLine};
use crate::desk::{self, CaseStep, Command, DeskError};
use crate::web::App;
use crate::web::error::{self, Answer, WebError};
use crate::web::session::{Signed, SignedForm};
use crate::web::view::{Chip, Choice, Fact, Field, Frame, Input, Stub, Tone};
use crate::web::wording;
use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect};
use shouwang_protocol::projects::{Seat, Sums};
use shouwang_protocol::record::{CaseId, RecordId};
use shouwang_protocol::records::OpId;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::event::Attendance;
use shouwang_protocol::records::project::{Row, Share};
use shouwang_protocol::standing::{Booking, BookingState};

/// Width of the drawn bar.
const BAR: u32 = 100;

/// The page.
#[derive(Template, Default)]
#[template(path = "project.html")]
pub struct ProjectPage {
    /// The frame.
    pub frame: Frame,
    /// The project.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Class, kind, provider.
    pub lead: String,
    /// States.
    pub chips: Vec<Chip>,
    /// What went wrong with what was just tried.
    pub fault: String,
    /// Its places.
    pub bar: PlacesBar,
    /// How its places are divided.
    pub shares: Vec<ShareRow>,
    /// What it says.
    pub facts: Vec<Fact>,
    /// What it is, by paragraph.
    pub text: Vec<String>,
    /// Fields that several people wrote at the same time.
    pub conflicts: Vec<String>,
    /// Its bookings.
    pub bookings: Vec<BookingRow>,
    /// Whether the reader may look at bookings at all.
    pub staff: bool,
    /// Who changed what.
    pub history: Vec<HistoryRow>,
    /// Where the reader may change it.
    pub edit: Option<String>,
    /// The form to tell all offices of what does not fit.
    pub tell: Option<Stub>,
}

/// The drawn places of a project.
#[derive(Clone, Default)]
pub struct PlacesBar {
    /// Widths of what is taken, what waits and where each begins, of 100.
    pub taken: u32,
    /// Waiting.
    pub waiting: u32,
    /// In words.
    pub text: String,
    /// What is asked for and not there; empty: nothing.
    pub lacking: String,
    /// Up to when it is known; empty: all of it is.
    pub as_of: String,
}

/// A row of the division of places.
#[derive(Default)]
pub struct ShareRow {
    /// Where.
    pub place: String,
    /// From when, to when.
    pub period: String,
    /// Its places.
    pub bar: PlacesBar,
    /// Whether it is over, is for others, or is asked for by more than it has.
    pub chip: Chip,
}

/// A booking.
#[derive(Default)]
pub struct BookingRow {
    /// The case.
    pub case: String,
    /// Who, for whom.
    pub who: String,
    /// How many places, what should be known.
    pub note: String,
    /// Township and village.
    pub place: String,
    /// When.
    pub day: String,
    /// What it comes to.
    pub seat: Chip,
    /// Why.
    pub reason: String,
    /// The form to confirm or decline.
    pub settle: Option<(Stub, String, Vec<Field>)>,
}

/// A change of the project.
#[derive(Default)]
pub struct HistoryRow {
    /// When.
    pub when: String,
    /// Who.
    pub who: String,
    /// Of which office.
    pub office: String,
    /// Label, before, after.
    pub lines: Vec<(String, String, String)>,
}

/// The record an address names.
pub fn record(id: &str) -> Result<RecordId, WebError> {
    RecordId::parse(id).ok_or(WebError::NoPage)
}

impl PlacesBar {
    /// Of a project: of its places those that the reader's households may have.
    pub fn of(line: &ProjectLine) -> PlacesBar {
        let mut bar = PlacesBar::drawn(&line.sums, if line.rows.iter().all(|row| row.own) { "" } else { "本地 " });
        let all = line.places.all().lacking;
        let short = line.rows.iter().filter(|row| row.sums.lacking > 0).map(share_words).collect::<Vec<_>>().join("；");
        bar.lacking = match (all, short.is_empty()) {
            (0, _) => String::new(),
            (all, true) => format!("还差 {all} 个名额"),
            (all, false) => format!("还差 {all} 个名额（{short}）"),
        };
        bar.as_of = line.as_of.map(|on| format!("市级 {on} 公布")).unwrap_or_default();
        bar
    }

    fn drawn(sums: &Sums, whose: &str) -> PlacesBar {
        let part = |places: u32| (places.saturating_mul(BAR)).checked_div(sums.places).unwrap_or_default().min(BAR);
        let mut text = format!("{whose}{} 个名额，余 {}", sums.places, sums.left());
        if sums.waiting > 0 {
            text.push_str(&format!("，{} 个待确认", sums.waiting));
        }
        PlacesBar {
            taken: part(sums.taken),
            waiting: part(sums.taken.saturating_add(sums.waiting)).saturating_sub(part(sums.taken)),
            text,
            lacking: if sums.lacking > 0 { format!("还差 {} 个名额", sums.lacking) } else { String::new() },
            as_of: String::new(),
        }
    }
}

fn days(share: &Share) -> String {
    format!("{} 至 {}", share.id.from, share.until)
}

fn share_words(row: &ShareLine) -> String {
    format!("{} {}", row.place, days(&row.share))
}

fn share(row: &ShareLine, today: Day) -> ShareRow {
    ShareRow {
        place: row.place.clone(),
        period: days(&row.share),
        bar: PlacesBar::drawn(&row.sums, ""),
        chip: match () {
            () if row.sums.lacking > 0 => Chip::new(Tone::Bad, "名额冲突"),
            () if row.share.until < today => Chip::new(Tone::Plain, "已结束"),
            () if !row.own => Chip::new(Tone::Plain, "给其他地方"),
            () if row.sums.left() == 0 => Chip::new(Tone::Warn, "名额已满"),
            () => Chip::default(),
        },
    }
}

/// Whether it takes bookings.
pub fn state(line: &ProjectLine, today: Day) -> Chip {
    let project = &line.row.project;
    match () {
        () if line.places.has_conflict() => Chip::new(Tone::Bad, "名额冲突"),
        () if !project.lasts(today) => Chip::new(Tone::Plain, "已结束"),
        () if !line.rows.is_empty() && line.rows.iter().all(|row| row.share.until < today) => Chip::new(Tone::Plain, "已结束"),
        () if !project.open => Chip::new(Tone::Plain, "不接受预约"),
        () if line.left() == 0 => Chip::new(Tone::Warn, "名额已满"),
        () => Chip::new(Tone::Good, "可以预约"),
    }
}

/// From when, to when.
pub fn period(line: &ProjectLine) -> [String; 2] {
    let project = &line.row.project;
    [wording::day(project.from), project.until.map_or_else(|| "长期".to_owned(), |until| format!("至 {until}"))]
}

/// Where.
pub fn served(line: &ProjectLine) -> String {
    if line.areas.is_empty() { "全市".to_owned() } else { line.areas.join("、") }
}

fn seat(seat: Option<Seat>, state: BookingState, contested: bool) -> Chip {
    match (seat, state) {
        (Some(Seat::Conflict { .. }), _) => Chip::new(Tone::Bad, "名额冲突"),
        (_, BookingState::Claimed) if contested => Chip::new(Tone::Bad, "名额冲突"),
        (_, BookingState::Claimed) => Chip::new(Tone::Warn, state.label()),
        (_, BookingState::Confirmed) => Chip::new(Tone::Good, state.label()),
        (_, BookingState::Declined) => Chip::new(Tone::Bad, state.label()),
        (_, BookingState::Cancelled | BookingState::Ended) => Chip::new(Tone::Plain, state.label()),
    }
}

fn many(places: u32) -> String {
    if places == 1 { String::new() } else { format!("{places} 个名额") }
}

fn joined(parts: &[&str]) -> String {
    parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join("，")
}

/// A booking as lists show it; with the form to settle it, where the reader may.
pub fn booking(line: &BookingLine, signed: &Signed, may_settle: bool) -> Result<BookingRow, WebError> {
    let row = &line.row;
    let open = may_settle && row.claim.state == BookingState::Claimed;
    let settle = || -> Result<_, WebError> {
        let outcomes = [("", "请选择"), ("confirm", "确认，给名额"), ("decline", "不予确认")];
        let hint = if matches!(line.seat, Seat::Conflict { .. }) {
            "前面还有先提出的预约：不按先后确认的、不予确认的，须写明理由"
        } else {
            "不予确认的须写明理由"
        };
        let mut fields = vec![
            Field::select("outcome", "核定", Choice::list(outcomes, "")).needed(),
            Field::text("note", "说明或理由").hinted(hint),
        ];
        fields.iter_mut().for_each(|field| field.scope = format!("-{}-{}", row.claim.case, row.claim.booking));
        Ok((signed.stub()?, row.claim.booking.to_string(), fields))
    };
    Ok(BookingRow {
        case: row.claim.case.to_string(),
        who: if row.whom.is_empty() { row.applicant.clone() } else { format!("{}（{}）", row.applicant, row.whom) },
        note: joined(&[&line.share, &many(row.claim.places), &row.note]),
        place: line.place.clone(),
        day: wording::day(row.day),
        seat: seat(Some(line.seat), row.claim.state, row.contested.is_some()),
        reason: row.reason.clone(),
        settle: if open { Some(settle()?) } else { None },
    })
}

fn change(change: &ProjectChange, now_ms: i64) -> HistoryRow {
    let lines = change.changes.iter().map(|field| (field.label.clone(), field.was.clone(), field.now.clone()));
    HistoryRow {
        when: wording::moment(change.claimed_ms, now_ms),
        who: change.name.clone(),
        office: change.office.clone(),
        lines: lines.collect(),
    }
}

fn facts(line: &ProjectLine) -> Vec<Fact> {
    let project = &line.row.project;
    vec![
        Fact::new("大类", line.class.1.clone()),
        Fact::new("小类", line.kind.clone()),
        Fact::new("服务机构", line.provider.clone()),
        Fact::new("时间", period(line).join(" ")),
        Fact::wide("服务区域", served(line)),
        Fact::wide("参加条件", project.conditions.clone()),
        Fact::wide("联系人和电话", project.contact.clone()),
    ]
}

async fn page(app: &App, signed: &Signed, id: &str, fault: String) -> Result<ProjectPage, WebError> {
    let found: Found = app.desk().project(&signed.person, record(id)?).await?;
    let line = &found.line;
    let project = &line.row.project;
    let kept = project.conflicts.iter().map(|conflict| {
        let values: Vec<&str> = conflict.values.iter().map(|(value, _)| value.as_str()).collect();
        let label = shouwang_protocol::records::project::label(&conflict.field);
        format!("“{label}”有几人同时填写：{}；现在以最后一个为准，请在“修改”里改定", values.join("、"))
    });
    let bookings = found.bookings.iter().map(|line| booking(line, signed, found.may_settle)).collect::<Result<_, _>>()?;
    Ok(ProjectPage {
        frame: app.frame(signed, "项目", "/projects").await?,
        id: id.to_owned(),
        name: project.name.clone(),
        lead: joined(&[&line.class.1, &line.kind, &line.provider]),
        chips: vec![state(line, app.today())],
        fault,
        bar: PlacesBar::of(line),
        shares: line.rows.iter().map(|row| share(row, app.today())).collect(),
        facts: facts(line),
        text: project.description.lines().map(str::to_owned).collect(),
        conflicts: kept.collect(),
        bookings,
        staff: signed.person.is_office_staff(),
        history: found.history.iter().map(|one| change(one, app.wall_ms())).collect(),
        edit: found.may_edit.then(|| format!("/projects/{id}/edit")),
        tell: if found.may_settle && found.untold { Some(signed.stub()?) } else { None },
    })
}

/// `GET /projects/{id}`
pub async fn show(State(app): State<App>, signed: Signed, Path(id): Path<String>) -> Answer {
    error::show(&page(&app, &signed, &id, String::new()).await?)
}

async fn answered(app: &App, sent: &SignedForm, id: &str, command: Command) -> Answer {
    let at = record(id)?;
    match app.desk().perform(&sent.signed.person, sent.action()?, command).await {
        Ok(_) => {
            let back =
                if sent.form.text("back") == "conflicts" { "/projects/conflicts".to_owned() } else { format!("/projects/{at}") };
            Ok(Redirect::to(&back).into_response())
        }
        Err(error @ (DeskError::Invalid { .. } | DeskError::NotNow { .. } | DeskError::NotPermitted { .. })) => {
            let fault = format!("{}。{}", error.what(), error.safe());
            error::show_as(error::status(&error), &page(app, &sent.signed, id, fault).await?)
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /projects/{id}/settle`
pub async fn settle(State(app): State<App>, Path(id): Path<String>, sent: SignedForm) -> Answer {
    let case = CaseId::parse(&sent.form.text("case")).ok_or(WebError::Unreadable)?;
    let booking = OpId::parse(&sent.form.text("booking")).ok_or(WebError::Unreadable)?;
    let note = sent.form.text("note");
    let step = match sent.form.text("outcome").as_str() {
        "confirm" => CaseStep::ConfirmBooking { booking, note },
        "decline" => CaseStep::DeclineBooking { booking, reason: note },
        _ => return Err(WebError::Unreadable),
    };
    answered(&app, &sent, &id, Command::Case { case, step }).await
}

/// `POST /projects/{id}/tell`
pub async fn tell(State(app): State<App>, Path(id): Path<String>, sent: SignedForm) -> Answer {
    let project = record(&id)?;
    answered(&app, &sent, &id, Command::TellOfPlaces { project }).await
}

/// What the page of a case shows of projects.
#[derive(Default)]
pub struct CaseProjects {
    /// The case.
    pub case: String,
    /// The needs as they were assessed last; empty: not yet.
    pub needs: String,
    /// When.
    pub assessed: String,
    /// Its bookings.
    pub bookings: Vec<CaseBooking>,
    /// What answers its needs.
    pub proposals: Vec<ProposalBox>,
}

/// A booking of a case.
#[derive(Default)]
pub struct CaseBooking {
    /// The project's page.
    pub href: String,
    /// Its name as it was then.
    pub title: String,
    /// Kind, provider, for whom, how many.
    pub note: String,
    /// What it comes to.
    pub seat: Chip,
    /// What was said of it.
    pub lines: Vec<String>,
    /// What the reader may do: kind, button, form, the booking, fields.
    pub steps: Vec<BookingStep>,
}

/// A step of a booking.
#[derive(Default)]
pub struct BookingStep {
    /// The event's word.
    pub kind: &'static str,
    /// What it is called.
    pub label: &'static str,
    /// The form's own.
    pub stub: Stub,
    /// The booking.
    pub booking: String,
    /// Its fields.
    pub fields: Vec<Field>,
}

/// A project that answers a need.
#[derive(Default)]
pub struct ProposalBox {
    /// Its page.
    pub href: String,
    /// Its name.
    pub name: String,
    /// Class, kind, provider.
    pub note: String,
    /// Why it fits.
    pub reasons: String,
    /// Why it cannot be booked.
    pub against: String,
    /// Its places.
    pub bar: PlacesBar,
    /// What the button says.
    pub label: &'static str,
    /// The form to book.
    pub book: Option<(Stub, Vec<Field>)>,
}

fn case_booking(
    booking: &Booking,
    (held, share): (Option<Seat>, &str),
    of: &OfCase,
    signed: &Signed,
    steps: &[&'static str],
) -> Result<CaseBooking, WebError> {
    let contested = booking.contested.filter(|_| booking.state == BookingState::Claimed);
    let mut lines = Vec::new();
    if let Some((ahead, capacity)) = contested {
        lines.push(format!("{}；由市级核定，先提出的在前", wording::contested(ahead, capacity)));
    }
    if let (Some((taken, capacity)), BookingState::Confirmed) = (booking.seat, booking.state) {
        lines.push(format!("{capacity} 个名额中的第 {taken} 个"));
    }
    lines.push(booking.reason.clone());
    if let Some((attendance, text)) = &booking.outcome {
        lines.push(joined(&[attendance.label(), text]));
    }
    lines.retain(|line| !line.is_empty());
    let step = |kind: &'static str| -> Result<BookingStep, WebError> {
        let (label, mut fields) = match kind {
            "booking-confirmed" => ("确认预约", vec![Field::text("note", "说明").hinted("不按先后确认的须写明理由")]),
            "booking-declined" => ("不予确认", vec![Field::area("reason", "理由").needed()]),
            "booking-ended" => {
                let all = Attendance::ALL.iter().map(|it| (it.word(), it.label()));
                let text = Field::area("text", "服务结果").hinted("家属看得懂的话，不写病情细节");
                ("登记参加情况", vec![Field::select("attendance", "参加情况", Choice::list(all, "attended")), text])
            }
            _ => ("取消预约", vec![Field::area("reason", "为什么取消").hinted("取消后名额让给别人，不能撤销").needed()]),
        };
        fields.iter_mut().for_each(|field| field.scope = format!("-{kind}-{}", booking.id));
        Ok(BookingStep { kind, label, stub: signed.stub()?, booking: booking.id.to_string(), fields })
    };
    let fits = |kind: &&'static str| match (*kind, booking.state) {
        ("booking-confirmed" | "booking-declined", BookingState::Claimed) => of.may_settle,
        ("booking-ended", BookingState::Confirmed) | ("booking-cancelled", BookingState::Claimed | BookingState::Confirmed) => {
            true
        }
        _ => false,
    };
    Ok(CaseBooking {
        href: format!("/projects/{}", booking.project),
        title: booking.title.clone(),
        note: joined(&[&booking.service, &booking.provider, share, &booking.whom, &many(booking.places)]),
        seat: seat(held, booking.state, contested.is_some()),
        lines,
        steps: steps.iter().copied().filter(fits).map(step).collect::<Result<_, _>>()?,
    })
}

fn proposal(found: &Proposal, of: &OfCase, signed: &Signed) -> Result<ProposalBox, WebError> {
    let line = &found.line;
    let record = line.row.record;
    let active = |booking: &Booking| matches!(booking.state, BookingState::Claimed | BookingState::Confirmed);
    let booked = of.bookings.iter().any(|(booking, ..)| booking.project == record && active(booking));
    // One choice for each row, also for a single one: it says when.
    let period = |(row, sums): &(Row, Sums)| {
        let (from, until) = (row.id?.from, row.until?);
        let left = if sums.left() > 0 { format!("余 {}", sums.left()) } else { "都有人预约了，排在后面".to_owned() };
        (sums.free() > 0).then(|| (from.to_string(), format!("{from} 至 {until}（{left}）")))
    };
    let periods: Vec<(String, String)> = found.fit.rows.iter().filter_map(period).collect();
    let first = periods.first().map(|(from, _)| from.clone()).unwrap_or_default();
    let divided = !periods.is_empty();
    let own: Sums = found.fit.rows.iter().map(|(_, sums)| *sums).sum();
    let whose = if line.rows.is_empty() { "" } else { "本地 " };
    let bar = PlacesBar { as_of: PlacesBar::of(line).as_of, ..PlacesBar::drawn(&own, whose) };
    let mut fields = vec![
        Field::hidden("project", record.to_string()),
        match booked && !divided {
            true => Field::text("whom", "给家里哪个人").needed(),
            false => Field::text("whom", "给谁").hinted("不填：申请人本人"),
        },
        Field::text("places", "几个名额").typed(Input::Number).with("1").needed(),
        Field::area("note", "要让服务机构知道的"),
    ];
    if divided {
        fields.insert(1, Field::select("from", "时段", Choice::list(periods, &first)).needed());
    }
    fields.iter_mut().for_each(|field| field.scope = format!("-{record}"));
    Ok(ProposalBox {
        href: format!("/projects/{record}"),
        name: line.row.project.name.clone(),
        note: joined(&[&line.class.1, &line.kind, &line.provider]),
        reasons: found.fit.reasons.join("；"),
        against: found.fit.against.join("；"),
        bar,
        label: match (booked, divided) {
            (false, _) => "预约",
            (true, false) => "已预约；给家里另一个人预约",
            (true, true) => "已预约；再预约另一个人或另一个时段",
        },
        book: if of.may_book && found.fit.fits() { Some((signed.stub()?, fields)) } else { None },
    })
}

impl CaseProjects {
    /// Of a case.
    pub fn of(found: &desk::CasePage, signed: &Signed) -> Result<CaseProjects, WebError> {
        let of = &found.projects;
        let words = ["booking-confirmed", "booking-declined", "booking-ended", "booking-cancelled"];
        let may = |word: &&str| found.possible.iter().any(|kind| kind.word() == *word);
        let steps: Vec<&'static str> = words.into_iter().filter(may).collect();
        let bookings = of.bookings.iter();
        let bookings = bookings.map(|(booking, held, share)| case_booking(booking, (*held, share), of, signed, &steps));
        let needs = found.standing.needs.as_ref();
        Ok(CaseProjects {
            case: found.row.case.to_string(),
            needs: needs.map(|needs| joined(&[&needs.names.join("、"), &needs.text])).unwrap_or_default(),
            assessed: needs.map(|needs| wording::day(needs.day)).unwrap_or_default(),
            bookings: bookings.collect::<Result<_, _>>()?,
            proposals: of.proposals.iter().map(|one| proposal(one, of, signed)).collect::<Result<_, _>>()?,
        })
    }

    /// Whether there is anything to show.
    pub fn shown(&self) -> bool {
        !self.needs.is_empty() || !self.bookings.is_empty()
    }
}

/// Where a project of a class or a kind is listed.
pub fn listed(class: &str, kind: &str) -> String {
    format!("/projects?class={}&kind={}", encoded(class), encoded(kind))
}
