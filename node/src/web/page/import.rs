//! Bringing in a file of households: a preview first, then the good rows.

use crate::web::view::{Frame, Stub, Tone};
use askama::Template;
use std::sync::{Arc, Mutex, PoisonError};

/// The page.
#[derive(Template, Default)]
#[template(path = "import.html")]
pub struct ImportPage {
    /// The frame.
    pub frame: Frame,
    /// A word about it.
    pub lead: String,
    /// What went wrong.
    pub fault: String,
    /// The greatest file.
    pub limit: String,
    /// What the file holds, or what was done.
    pub preview: Option<Preview>,
}

/// What a file holds.
#[derive(Default)]
pub struct Preview {
    /// Whether it is a preview or done.
    pub title: String,
    /// The file's name.
    pub file: String,
    /// Counts.
    pub counts: Vec<(&'static str, String, Tone)>,
    /// The first rows that can't be taken.
    pub rejects: Vec<RejectRow>,
    /// How many there are.
    pub reject_total: u64,
    /// Where all of them are.
    pub download: String,
    /// Whether it can be confirmed.
    pub can_go: bool,
    /// Where to confirm.
    pub target: String,
    /// The form's own.
    pub stub: Stub,
    /// How many can be taken.
    pub good: u64,
    /// A word.
    pub note: String,
}

/// A fault of a row.
#[derive(Default)]
pub struct RejectRow {
    /// Its line.
    pub line: u64,
    /// The field.
    pub field: String,
    /// Why.
    pub reason: String,
}

/// Bytes of a file at most.
pub const FILE_BYTES_MAX: usize = 48 * 1024 * 1024;
/// Files that wait to be confirmed at most; the oldest goes first.
const UPLOADS_MAX: usize = 4;
/// Rejected rows that a page shows.
const REJECTS_SHOWN: usize = 200;

/// A row that can't be taken.
struct Rejected {
    row: RejectRow,
    text: String,
}

/// A file that was looked at. It stays in memory: what it holds is nobody's business on an unencrypted disk.
struct Upload {
    staff: String,
    name: String,
    bytes: Arc<Vec<u8>>,
    rejects: Arc<Vec<Rejected>>,
}

/// Files that were looked at and not yet brought in, one a person.
#[derive(Default)]
pub struct Uploads(Mutex<Vec<Upload>>);

impl Uploads {
    fn with<T>(&self, look: impl FnOnce(&mut Vec<Upload>) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn put(&self, upload: Upload) {
        self.with(|uploads| {
            uploads.retain(|other| other.staff != upload.staff);
            if uploads.len() >= UPLOADS_MAX {
                uploads.remove(0);
            }
            uploads.push(upload);
        });
    }

    fn of(&self, staff: &str) -> Option<(String, Arc<Vec<u8>>, Arc<Vec<Rejected>>)> {
        self.with(|uploads| {
            let upload = uploads.iter().find(|upload| upload.staff == staff)?;
            Some((upload.name.clone(), upload.bytes.clone(), upload.rejects.clone()))
        })
    }
}

/// `GET /import`
pub async fn form() -> &'static str {
    "todo"
}
pub async fn upload() -> &'static str {
    "todo"
}
pub async fn go() -> &'static str {
    "todo"
}
pub async fn rejects() -> &'static str {
    "todo"
}
