//! Annual files: the one of a household, and the list of a year.

use super::model::Person;
use super::outcome::DeskError;
use super::{Desk, LOOKING, Room, permit};
use crate::store::reader::{AsOf, CaseFilter, HouseholdRow, Listed, Page, Period, YearCount, YearFilter, YearRow};
use automerge::ChangeHash;
use serde::Serialize;
use shouwang_protocol::annual::{self, AnnualFile, CaseOf, Closing, Missing, last_day};
use shouwang_protocol::area::AreaId;
use shouwang_protocol::record::{CaseId, RecordId};
use shouwang_protocol::records::amount::Fen;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::records::household::Household;
use shouwang_protocol::records::then::Then;
use shouwang_protocol::standing::Standing;
use std::collections::BTreeSet;

/// Cases of a household that its file looks at.
const CASES_MAX: u32 = 500;
/// The first year a file may be asked for.
const FIRST_YEAR: i32 = 1990;

/// The fields of 基本情况, in the order of the paper.
pub const BASICS: [&str; 13] = [
    "head",
    "head_id_no",
    "phone",
    "type",
    "status",
    "address",
    "income_annual",
    "income_wage",
    "income_farm",
    "income_transfer",
    "income_property",
    "house_m2",
    "house_safe",
];
/// The fields of 致贫原因.
pub const CAUSES: [&str; 2] = ["cause", "risk"];

/// A household's file of a year.
#[derive(Debug)]
pub struct AnnualPage {
    /// The household as in lists.
    pub row: HouseholdRow,
    /// Where it lives.
    pub place: String,
    /// The file.
    pub file: AnnualFile,
    /// The day of its categories: the last of the year, at the latest today.
    pub on: Day,
    /// What was held of its village.
    pub as_of: AsOf,
    /// When it was computed.
    pub at_ms: i64,
    /// The year that goes on.
    pub this_year: i32,
}

/// A file in the list of a year.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct YearLine {
    /// The household and what its file lacks.
    #[serde(flatten)]
    pub row: YearRow,
    /// Lines of aid in the year.
    pub lines: u64,
    /// Their sum.
    pub amount: Fen,
}

/// The list of a year.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct YearList {
    /// The files of one page.
    pub listed: Listed<YearLine>,
    /// All files of the area.
    pub files: u64,
    /// Those that are complete.
    pub complete: u64,
    /// What is missing, the most frequent first, and in how many files.
    pub missing: Vec<(Missing, u64)>,
    /// What was held.
    pub as_of: AsOf,
    /// When it was computed.
    pub at_ms: i64,
    /// The year that goes on.
    pub this_year: i32,
    /// Areas to choose from.
    #[serde(skip)]
    pub areas: Vec<(AreaId, String)>,
}

/// Where the year of a file stands, in a few words.
pub fn closing_word(closing: &Closing) -> &'static str {
    match closing {
        Closing::Open => "年度进行中",
        Closing::Sealed { .. } => "已封存",
        Closing::Afterwards => "事后补录",
    }
}

impl Room<'_> {
    pub(super) fn year(&self, year: i32) -> Result<i32, DeskError> {
        let this_year = self.day.ymd().0;
        if (FIRST_YEAR..=this_year).contains(&year) {
            Ok(this_year)
        } else {
            Err(DeskError::not_found("这一年度的帮扶清单"))
        }
    }

    /// A household's file, and the household as in lists.
    pub(super) fn annual_file(&self, record: RecordId, year: i32) -> Result<(HouseholdRow, AnnualFile), DeskError> {
        let found = self.household(&record)?;
        let row = self.reader.household_row(&record)?.ok_or_else(|| DeskError::not_found("家庭档案"))?;
        let written = self.reader.written(&record)?.into_iter().map(|(change, day)| (ChangeHash(change), day)).collect();
        let then = Then::of(&found.doc, &written, last_day(year));
        let filter = CaseFilter { household: Some(record), ..CaseFilter::default() };
        let mut standings: Vec<(CaseId, Standing)> = Vec::new();
        let cases: BTreeSet<CaseId> =
            self.reader.cases(&filter, Page::first(CASES_MAX))?.rows.into_iter().map(|row| row.case).collect();
        for case in cases {
            // A case that was routed has volumes at two places; each is a case of its own.
            let files = self.reader.case(&case)?.into_iter().filter(|file| file.standing.household == Some(record));
            standings.extend(files.map(|file| (case, file.standing)));
        }
        let cases: Vec<CaseOf<'_>> = standings.iter().map(|(case, standing)| CaseOf { case: *case, standing }).collect();
        Ok((row, annual::file(&record, year, self.day, Household::read(&found.doc), then, &cases)))
    }

    fn annual_page(&self, record: RecordId, year: i32, at_ms: i64) -> Result<AnnualPage, DeskError> {
        permit::office_staff(&self.person)?;
        let this_year = self.year(year)?;
        let (row, file) = self.annual_file(record, year)?;
        let as_of = self.known(&[row.area])?;
        Ok(AnnualPage { place: self.place_name(row.area), row, file, on: last_day(year).min(self.day), as_of, at_ms, this_year })
    }

    fn year_list(&self, filter: YearFilter, page: Page, at_ms: i64) -> Result<YearList, DeskError> {
        permit::office_staff(&self.person)?;
        let this_year = self.year(filter.year)?;
        let within = match filter.within.as_slice() {
            [] => self.here.areas.clone(),
            areas => areas
                .iter()
                .map(|area| permit::covers(&self.here, &self.divisions, *area).map(|()| *area))
                .collect::<Result<_, _>>()?,
        };
        let filter = YearFilter { within, ..filter };
        let counts = self.reader.count_years(&YearFilter { complete: None, lacking: None, ..filter.clone() })?;
        let mut missing: Vec<(Missing, u64)> = Missing::ALL
            .into_iter()
            .map(|one| (one, counts.iter().filter(|count| count.missing.contains(&one)).map(|count| count.files).sum()))
            .filter(|(_, files)| *files > 0)
            .collect();
        missing.sort_by_key(|(_, files)| std::cmp::Reverse(*files));
        let listed = self.reader.years_of(&filter, page)?;
        let households: Vec<RecordId> = listed.rows.iter().map(|row| row.household).collect();
        let sums = self.reader.benefit_sums(Period::Year(filter.year), &households)?;
        let line = |row: YearRow| {
            let sum = sums.iter().find(|(household, ..)| *household == row.household);
            let (lines, amount) = sum.map(|(_, lines, amount)| (*lines, *amount)).unwrap_or_default();
            YearLine { row, lines, amount }
        };
        let of = |wanted: &dyn Fn(&YearCount) -> bool| counts.iter().filter(|count| wanted(count)).map(|count| count.files).sum();
        Ok(YearList {
            files: of(&|_| true),
            complete: of(&|count| count.missing.is_empty()),
            missing,
            as_of: self.known(&filter.within)?,
            at_ms,
            this_year,
            areas: self.choices_of_areas()?,
            listed: Listed { more: listed.more, rows: listed.rows.into_iter().map(line).collect() },
        })
    }
}

impl Desk {
    /// A household's annual file.
    pub async fn annual(&self, person: &Person, record: RecordId, year: i32) -> Result<AnnualPage, DeskError> {
        let at_ms = self.clock().now().wall_ms;
        self.in_room(person, LOOKING, move |room| room.annual_page(record, year, at_ms)).await
    }

    /// The annual files of a year.
    pub async fn year_list(&self, person: &Person, filter: YearFilter, page: Page) -> Result<YearList, DeskError> {
        let at_ms = self.clock().now().wall_ms;
        self.in_room(person, LOOKING, move |room| room.year_list(filter, page, at_ms)).await
    }
}
