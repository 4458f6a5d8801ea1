//! The division table: a CSV file `code,name,level,parent` with one line for each area.
//!
//! [`read`] gives the areas in the order of the file, and only when they form one tree below one city in which every
//! parent is of a higher tier; whoever takes them need not check again. Other columns are ignored.

use shouwang_protocol::area::{Area, AreaId, Past, Tier};
use shouwang_protocol::limits::AREAS_MAX;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// The areas of Zhangjiagang: the city, 15 towns and streets, 273 villages and communities.
pub const ZHANGJIAGANG: &str = include_str!("../data/zhangjiagang-divisions.csv");

const COLUMNS: [&str; 4] = ["code", "name", "level", "parent"];

/// Why a division table cannot be used, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, field {field}: {problem}")]
pub struct DivisionError {
    /// The line of the file, from 1.
    pub line: usize,
    /// The column, by its English name.
    pub field: &'static str,
    /// What is wrong there.
    pub problem: Problem,
}

/// What is wrong with one field of a division table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The bytes are not UTF-8, as in a table saved as GB18030.
    #[error("this is not UTF-8 text; save the table as UTF-8")]
    Encoding,
    /// The column is not in the header, or the line ends before it, or it is empty.
    #[error("missing")]
    Missing,
    /// The code is not of 12 digits.
    #[error("{0:?} is not a code of 12 digits")]
    Code(String),
    /// The code stands on an earlier line too.
    #[error("{code} stands on line {first} already")]
    Duplicate {
        /// The code.
        code: String,
        /// The earlier line.
        first: usize,
    },
    /// The level is unknown.
    #[error("{0:?} is none of county, city, township, village")]
    Level(String),
    /// No line has the code named as parent.
    #[error("no area of the table has the code {0:?}")]
    NoParent(String),
    /// Following the parents leads back to the area.
    #[error("the area lies below itself")]
    Ring,
    /// The parent is not of a higher tier.
    #[error("an area of level {child} cannot lie below one of level {parent}")]
    Tier {
        /// The tier of the area, as a word.
        child: &'static str,
        /// The tier of its parent, as a word.
        parent: &'static str,
    },
    /// A second area without a parent.
    #[error("empty, but the area of line {first} is the top of the table already")]
    SecondRoot {
        /// The line of the first.
        first: usize,
    },
    /// The area without a parent is no city.
    #[error("empty, but only a city has no parent")]
    RootTier,
    /// The table lists no area.
    #[error("the table lists no area")]
    Empty,
    /// The table lists more areas than the protocol carries.
    #[error("the table lists more than {AREAS_MAX} areas")]
    TooMany,
}

/// The areas of a division table, in the order of the file. A UTF-8 byte order mark is accepted.
pub fn read(csv: &[u8]) -> Result<Vec<Area>, DivisionError> {
    let text = csv.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(csv);
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).trim(csv::Trim::All).from_reader(text);
    let mut record = csv::ByteRecord::new();
    let mut columns = None;
    let mut table = Table { text, rows: Vec::new() };
    // Reading bytes from memory into bytes cannot fail, whatever the bytes are: an error would be the end.
    while let Ok(true) = reader.read_byte_record(&mut record) {
        let at = record.position().map_or(0, |position| position.byte() as usize);
        match &columns {
            None => columns = Some(table.header(&record, at)?),
            Some(columns) => table.row(&record, columns, at)?,
        }
    }
    table.check_tree()?;
    Ok(table.rows.into_iter().map(|row| row.area).collect())
}

struct Table<'a> {
    text: &'a [u8],
    rows: Vec<Row>,
}

/// One area and the byte of the text it was read from. The line is counted only for an error.
struct Row {
    area: Area,
    at: usize,
}

impl Table<'_> {
    fn header(&self, record: &csv::ByteRecord, at: usize) -> Result<[usize; 4], DivisionError> {
        let mut columns = [0; 4];
        for (column, name) in columns.iter_mut().zip(COLUMNS) {
            let found = record.iter().position(|field| field.eq_ignore_ascii_case(name.as_bytes()));
            *column = found.ok_or_else(|| self.error(at, name, Problem::Missing))?;
        }
        Ok(columns)
    }

    fn row(&mut self, record: &csv::ByteRecord, columns: &[usize; 4], at: usize) -> Result<(), DivisionError> {
        let mut fields = [""; 4];
        for (i, field) in fields.iter_mut().enumerate() {
            let bytes = record.get(columns[i]).ok_or_else(|| self.error(at, COLUMNS[i], Problem::Missing))?;
            *field = std::str::from_utf8(bytes).map_err(|_| self.error(at, COLUMNS[i], Problem::Encoding))?;
        }
        let [code, name, level, parent] = fields;
        let id = label(code).ok_or_else(|| self.error(at, "code", Problem::Code(code.to_owned())))?;
        if name.is_empty() {
            return Err(self.error(at, "name", Problem::Missing));
        }
        let tier = Tier::from_word(level).ok_or_else(|| self.error(at, "level", Problem::Level(level.to_owned())))?;
        let parent = match parent {
            "" => None,
            code => Some(label(code).ok_or_else(|| self.error(at, "parent", Problem::Code(code.to_owned())))?),
        };
        if self.rows.len() == AREAS_MAX {
            return Err(self.error(at, "code", Problem::TooMany));
        }
        self.rows.push(Row {
            area: Area { id, code: code.to_owned(), name: name.to_owned(), tier, parent, past: Past::default() },
            at,
        });
        Ok(())
    }

    fn check_tree(&self) -> Result<(), DivisionError> {
        let mut by_id: BTreeMap<AreaId, &Row> = BTreeMap::new();
        for row in &self.rows {
            match by_id.entry(row.area.id) {
                Entry::Vacant(place) => {
                    place.insert(row);
                }
                Entry::Occupied(first) => {
                    let first = self.line(first.get().at);
                    return Err(self.error(row.at, "code", Problem::Duplicate { code: row.area.code.clone(), first }));
                }
            }
        }
        let mut root: Option<&Row> = None;
        for row in &self.rows {
            let wrong = |problem| Err(self.error(row.at, "parent", problem));
            let Some(parent) = row.area.parent else {
                match root {
                    Some(first) => return wrong(Problem::SecondRoot { first: self.line(first.at) }),
                    None => root = Some(row),
                }
                continue;
            };
            let Some(above) = by_id.get(&parent) else {
                return wrong(Problem::NoParent(parent.to_string()));
            };
            // Every ring has a step that leads to no higher tier, so it is enough to look for rings here.
            if above.area.tier <= row.area.tier {
                return wrong(match self.is_in_ring(&by_id, row) {
                    true => Problem::Ring,
                    false => Problem::Tier { child: row.area.tier.word(), parent: above.area.tier.word() },
                });
            }
        }
        match root {
            None => Err(self.error(0, "code", Problem::Empty)),
            Some(root) if root.area.tier != Tier::City => Err(self.error(root.at, "parent", Problem::RootTier)),
            Some(_) => Ok(()),
        }
    }

    fn is_in_ring(&self, by_id: &BTreeMap<AreaId, &Row>, row: &Row) -> bool {
        let parent_of = |id: &AreaId| by_id.get(id).and_then(|row| row.area.parent);
        std::iter::successors(row.area.parent, parent_of).take(self.rows.len()).any(|id| id == row.area.id)
    }

    fn error(&self, at: usize, field: &'static str, problem: Problem) -> DivisionError {
        DivisionError { line: self.line(at), field, problem }
    }

    /// The line of the record read from byte `at`. Counted here because the reader's own count does not see the end
    /// of the line before it when lines end in CR LF, nor empty lines.
    fn line(&self, at: usize) -> usize {
        let rest = self.text.get(at..).unwrap_or_default();
        let empty = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let before = self.text.get(..at + empty).unwrap_or_default();
        1 + before.iter().filter(|byte| **byte == b'\n').count()
    }
}

/// The label of an area first listed under `code`. A label with a suffix is no official code.
fn label(code: &str) -> Option<AreaId> {
    (code.len() == 12).then(|| AreaId::parse(code))?
}

#[cfg(test)]
mod tests {
    use super::*;
    use shouwang_protocol::area::Divisions;

    const HEAD: &str = "code,name,level,parent\n";
    const CITY: &str = "320582000000,张家港市,county,\n";
    const TOWN: &str = "320582100000,杨舍镇,township,320582000000\n";
    const VILLAGE: &str = "320582100201,某村,village,320582100000\n";

    fn refused(csv: impl AsRef<[u8]>) -> DivisionError {
        read(csv.as_ref()).expect_err("a bad table")
    }

    fn wrong(line: usize, field: &'static str, problem: Problem) -> DivisionError {
        DivisionError { line, field, problem }
    }

    #[test]
    fn the_real_table_is_one_tree_of_289_areas() {
        let areas = read(ZHANGJIAGANG.as_bytes()).expect("the real table");
        let count = |tier| areas.iter().filter(|area| area.tier == tier).count();
        assert_eq!((count(Tier::City), count(Tier::Township), count(Tier::Village)), (1, 15, 273));
        assert_eq!(areas[0].name, "张家港市");
        assert!(areas.iter().all(|area| area.id.to_string() == area.code && !area.name.is_empty()));

        let tree = Divisions::new(areas.clone());
        assert_eq!(tree.len(), 289);
        let root = tree.root().expect("a root").id;
        assert_eq!(root.to_string(), "320582000000");
        assert!(areas.iter().all(|area| tree.is_within(area.id, root)));
        let villages = areas.iter().filter(|area| area.tier == Tier::Village);
        assert!(villages.clone().all(|area| tree.path_up(area.id).count() == 3));
    }

    #[test]
    fn byte_order_mark_line_ends_order_and_further_columns_do_not_matter() {
        let plain = read(format!("{HEAD}{CITY}{TOWN}{VILLAGE}").as_bytes()).expect("a table");
        assert_eq!(plain.len(), 3);
        let marked = format!("\u{feff}{HEAD}{CITY}\n{TOWN}{VILLAGE}").replace('\n', "\r\n");
        assert_eq!(read(marked.as_bytes()).expect("a table from Excel"), plain);
        let mut child_first = read(format!("{HEAD}{VILLAGE}{TOWN}{CITY}").as_bytes()).expect("a table");
        child_first.reverse();
        assert_eq!(child_first, plain);
        let wide = "parent, Level ,note,name,code\n,city,\"a,b\",张家港市,320582000000\n";
        assert_eq!(read(wide.as_bytes()).expect("a wide table"), plain[..1]);
    }

    #[test]
    fn the_line_is_right_whatever_ends_the_lines() {
        for table in [format!("{HEAD}{CITY}{TOWN}x,,,\n"), format!("\u{feff}{HEAD}\n{CITY}x,,,\n")] {
            for ends in ["\n", "\r\n"] {
                let error = refused(table.replace('\n', ends));
                assert_eq!(error, wrong(4, "code", Problem::Code("x".into())));
                assert_eq!(error.to_string(), "line 4, field code: \"x\" is not a code of 12 digits");
            }
        }
    }

    #[test]
    fn a_bad_field_is_named() {
        let line = |line: &str| refused(format!("{HEAD}{CITY}{line}\n"));
        for code in ["", "32058210000", "3205821000001", "32058210000x", "320582100000-1", "３２０５"] {
            assert_eq!(line(&format!("{code},n,township,320582000000")), wrong(3, "code", Problem::Code(code.into())));
        }
        let level = wrong(3, "level", Problem::Level("hamlet".into()));
        assert_eq!(line("320582100000,n,hamlet,320582000000"), level);
        assert_eq!(line("320582100000,,township,320582000000"), wrong(3, "name", Problem::Missing));
        assert_eq!(line("320582100000,n,township"), wrong(3, "parent", Problem::Missing));
        assert_eq!(line("320582100000,n,township,3205"), wrong(3, "parent", Problem::Code("3205".into())));
        assert_eq!(refused(format!("code,name,parent\n{CITY}")), wrong(1, "level", Problem::Missing));
    }

    #[test]
    fn a_table_in_another_encoding_is_refused() {
        // 杨舍镇 in GB18030
        let gb = [HEAD.as_bytes(), CITY.as_bytes(), b"320582100000,\xd1\xee\xc9\xe1\xd5\xf2,township,320582000000\n"].concat();
        assert_eq!(refused(gb), wrong(3, "name", Problem::Encoding));
        let utf16: Vec<u8> = format!("\u{feff}{HEAD}").encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(refused(utf16), wrong(1, "code", Problem::Missing));
    }

    #[test]
    fn what_is_not_one_tree_is_refused() {
        let table = |lines: &str| refused(format!("{HEAD}{lines}"));
        assert_eq!(table(""), wrong(1, "code", Problem::Empty));
        assert_eq!(refused(""), wrong(1, "code", Problem::Empty));
        let duplicate = Problem::Duplicate { code: "320582000000".into(), first: 2 };
        assert_eq!(table(&format!("{CITY}{TOWN}{CITY}")), wrong(4, "code", duplicate));
        let absent = Problem::NoParent("320582100000".into());
        assert_eq!(table(&format!("{CITY}{VILLAGE}")), wrong(3, "parent", absent));
        let second = table(&format!("{CITY}320583000000,昆山市,county,\n"));
        assert_eq!(second, wrong(3, "parent", Problem::SecondRoot { first: 2 }));
        assert_eq!(table("320582100201,某村,village,\n"), wrong(2, "parent", Problem::RootTier));
        let ring = "320582100000,a,township,320582101000\n320582101000,b,township,320582100000\n";
        assert_eq!(table(&format!("{CITY}{ring}")), wrong(3, "parent", Problem::Ring));
        let own = "320582100000,a,township,320582100000\n";
        assert_eq!(table(&format!("{CITY}{own}")), wrong(3, "parent", Problem::Ring));
        let below = format!("{CITY}{TOWN}{VILLAGE}320582100202,b,village,320582100201\n");
        let tier = Problem::Tier { child: "village", parent: "village" };
        assert_eq!(table(&below), wrong(5, "parent", tier));
    }
}
