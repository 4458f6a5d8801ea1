//! Households by category: how many hold each, and the condition that finds the same ones in a list.
//!
//! A household counts in each category that it or somebody of it holds, so the sum of the lines is more than the
//! households; both are told. One that moved away counts where it lives now.

use super::statistics::Figure;
use super::{Reader, Statement, text};
use crate::store::rows::number;
use rusqlite::types::Value;
use serde::Serialize;
use shouwang_protocol::area::AreaId;
use shouwang_protocol::records::day::Day;
use shouwang_protocol::store::StoreError;

/// A category on a day.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CategoryOn {
    /// The category; empty: none at all.
    pub category: String,
    /// The day.
    pub on: Day,
}

/// How many households hold a category.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct CategoryCount {
    /// The category; empty: none at all.
    pub category: String,
    /// The households.
    pub households: u64,
}

/// That a household did not move away.
const HERE: &str = "household.status <> '迁出'";
/// That a category is held on a day, which is given twice.
const ON: &str = "holding.first <= ? AND holding.last >= ?";

fn days(on: Day) -> [Value; 2] {
    [Value::Integer(on.0.into()), Value::Integer(on.0.into())]
}

impl Statement {
    /// Only households that did not move away.
    pub(super) fn here(&mut self) {
        self.and(HERE, []);
    }

    /// Only households of a category.
    pub(super) fn category(&mut self, wanted: &CategoryOn) {
        if wanted.category.is_empty() {
            self.and("NOT EXISTS (SELECT 1 FROM holding WHERE holding.household = household.record AND ", []);
        } else {
            self.and(
                "household.record IN (SELECT holding.household FROM holding WHERE holding.category = ? AND ",
                [text(&wanted.category)],
            );
        }
        self.push(ON, days(wanted.on));
        self.push(")", []);
    }
}

impl Reader {
    /// The households of each category, the most first; those of none under an empty word.
    pub fn households_by_category(&self, within: &[AreaId], on: Day) -> Result<Figure<CategoryCount>, StoreError> {
        let mut statement = Statement::new(
            "SELECT coalesce(holding.category, ''), count(DISTINCT household.record) FROM household \
             LEFT JOIN holding ON holding.household = household.record AND ",
        );
        statement.push(ON, days(on));
        statement.here();
        statement.within("household.area", within);
        statement.push(" GROUP BY 1 ORDER BY coalesce(holding.category, '') = '', 2 DESC, 1", []);
        statement.figure(self, None, |row| Ok(CategoryCount { category: row.get(0)?, households: number(row.get(1)?) }))
    }

    /// The households, each once.
    pub fn households_once(&self, within: &[AreaId]) -> Result<Figure<u64>, StoreError> {
        let mut statement = Statement::new("SELECT count(*) FROM household");
        statement.here();
        statement.within("household.area", within);
        statement.figure(self, None, |row| Ok(number(row.get(0)?)))
    }

    /// Every word that some household here holds, or held.
    pub fn category_words(&self) -> Result<Vec<String>, StoreError> {
        let statement = Statement::new("SELECT DISTINCT category FROM holding ORDER BY category LIMIT 200");
        Ok(statement.all(&self.db, |row| Ok(row.get(0)?))?)
    }
}
