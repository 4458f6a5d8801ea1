//! An office vouches for an annual file: for paper, and as a file that anybody checks with the city's key.
//!
//! What is signed and why is `protocol`'s matter ([`shouwang_protocol::annual_seal`]). Here: who may, what goes out
//! (what the paper says, without numbers of persons and accounts), the note that is kept like that of every export,
//! and what is told of a file that somebody brings.

use super::export::{EXPORTERS, PURPOSE_CHARS, unwritten};
use super::model::Person;
use super::outcome::DeskError;
use super::years::{AnnualPage, BASICS, CAUSES};
use super::{Desk, permit};
use crate::store::{ExportRow, SqliteStore};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use shouwang_protocol::annual::Closing;
use shouwang_protocol::annual_seal::{Seal, SealFault, Statement, content_hash};
use shouwang_protocol::control::Control;
use shouwang_protocol::device::{CertificateBody, DeviceKey};
use shouwang_protocol::engine::Engine;
use shouwang_protocol::record::RecordId;
use shouwang_protocol::records::field::{self, Form};
use shouwang_protocol::records::household::HOUSEHOLD;

/// The word for a signed file in the book of exports.
pub const EXPORT_WORD: &str = "signed_year";
/// Bytes of a signed file at most.
pub const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// A file that an office vouches for.
#[derive(Debug)]
pub struct Vouched {
    /// The page it was made of.
    pub page: AnnualPage,
    /// The statement and its signature.
    pub seal: Seal,
    /// The file.
    pub bytes: Vec<u8>,
}

/// The file: what is signed byte by byte, and the seal.
#[derive(Serialize, Deserialize)]
struct SignedFile {
    content: Box<RawValue>,
    statement: String,
    signature: String,
    certificate: String,
}

/// What the paper says, as JSON; amounts in fen.
fn content(page: &AnnualPage) -> Result<String, DeskError> {
    let household = &page.file.household;
    let row = household.row();
    let fields = BASICS.iter().chain(&CAUSES).filter_map(|name| field::find(HOUSEHOLD, name));
    let fields = fields.filter(|field| field.form != Form::IdNo);
    let mut basics: serde_json::Map<String, Value> =
        fields.filter_map(|field| Some((field.name.to_owned(), row.get(field.name)?.clone()))).collect();
    let member = |member: &shouwang_protocol::records::household::Member| {
        json!({
            "name": member.name, "relation": member.relation, "gender": member.gender, "birth": member.birth,
            "health": member.health, "labor": member.labor, "present": member.is_present(),
            "categories": household.categories_of(member, page.on),
        })
    };
    basics.insert("categories".into(), household.categories_on(page.on).into());
    basics.insert("members".into(), household.members.iter().map(member).collect());
    let mut file = serde_json::to_value(&page.file).map_err(unwritten)?;
    if let Some(file) = file.as_object_mut() {
        file.insert("household".into(), basics.into());
    }
    let missing: Vec<String> = page.file.missing.iter().map(|missing| missing.sentence()).collect();
    let content = json!({ "number": household.id, "place": page.place, "missing": missing, "file": file });
    serde_json::to_string(&content).map_err(unwritten)
}

impl Desk {
    /// Signs a household's annual file with this device's key, and writes down who took it and what for.
    pub async fn vouch(&self, person: &Person, record: RecordId, year: i32, purpose: &str) -> Result<Vouched, DeskError> {
        permit::role_or_console(person, EXPORTERS)?;
        let purpose = purpose.trim().to_owned();
        if !PURPOSE_CHARS.contains(&purpose.chars().count()) {
            return Err(DeskError::invalid("purpose", "请写明用途（2 到 200 字）"));
        }
        let page = self.annual(person, record, year).await?;
        let content = content(&page)?;
        let here = self.here().await?;
        let (file, hash, day) = (&page.file, content_hash(content.as_bytes()), self.today());
        let (number, digest) = (
            file.household.id.clone(),
            match &file.closing {
                Closing::Sealed { digest, .. } => Some(*digest),
                Closing::Open | Closing::Afterwards => None,
            },
        );
        let lines = file.aid.iter().filter(|line| !line.is_recovery()).count() as u64;
        let (total, missing) = (file.total, file.missing.len() as u64);
        let sign = move |engine: &mut Engine<SqliteStore>| {
            let replica = engine.replica();
            let certificate = replica.own_certificate()?.clone();
            let statement = Statement {
                city: replica.control().root,
                office: here.office,
                office_name: here.name,
                device: replica.device(),
                day,
                household: record,
                number,
                year,
                digest,
                lines,
                total,
                missing,
                content: hash,
            };
            let statement = statement.text();
            Some(Seal { signature: replica.sign_statement(statement.as_bytes()), statement, certificate })
        };
        let seal = self.writer.with(sign).await?;
        let seal = seal
            .ok_or_else(|| DeskError::NotNow { why: "本机的登记还没有从市中心传到，不能签章".to_owned() })?;
        let (signature, certificate) = seal.to_hex();
        let content = RawValue::from_string(content).map_err(unwritten)?;
        let file = SignedFile { content, statement: seal.statement.clone(), signature, certificate };
        let bytes = serde_json::to_vec_pretty(&file).map_err(unwritten)?;
        let note = ExportRow {
            at_ms: page.at_ms,
            staff: person.id.clone(),
            name: person.name.clone(),
            what: EXPORT_WORD.to_owned(),
            area: page.row.area.to_string(),
            form: "json".to_owned(),
            rows: 1,
            purpose,
        };
        self.local(move |local| local.note_export(&note)).await?;
        Ok(Vouched { page, seal, bytes })
    }
}

/// What a signed file that somebody brings is worth.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Worth {
    /// An office vouches for it.
    Good(Box<Statement>, Box<CertificateBody>),
    /// Everything fits, and the device was revoked since: lost, stolen or replaced. Its day is its own claim.
    Revoked(Box<Statement>, Box<CertificateBody>),
    /// It is worth nothing.
    Nothing(SealFault),
}

/// Checks a file under a city's root key, without any database; with the city's control, also whether the device was
/// revoked since.
pub fn check(file: &[u8], root: &DeviceKey, control: Option<&Control>) -> Worth {
    let Ok(read) = serde_json::from_slice::<SignedFile>(file) else { return Worth::Nothing(SealFault::Unreadable) };
    let Some(seal) = Seal::from_hex(&read.statement, &read.signature, &read.certificate) else {
        return Worth::Nothing(SealFault::Unreadable);
    };
    match seal.check(Some(read.content.get().as_bytes()), root) {
        Err(fault) => Worth::Nothing(fault),
        Ok((statement, body)) if control.is_some_and(|control| control.is_revoked(&body.device)) => {
            Worth::Revoked(Box::new(statement), Box::new(body))
        }
        Ok((statement, body)) => Worth::Good(Box::new(statement), Box::new(body)),
    }
}
