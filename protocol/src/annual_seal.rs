//! An office's signature on an annual file (帮扶清单), for whoever has the paper or the file and not the system.
//!
//! The digest of a closed year ([`crate::annual`]) is the same on every device and says that nothing was changed since.
//! It does not say who vouches for it, and nobody can compute it without the records. So an office's device signs a
//! [`Statement`]: which office, on which day, about which household and year, with the digest, the sums that stand on
//! the paper, and a hash of the exported content. The statement is a text of one word and value a line, so that it can
//! be printed beside the signature and typed in again; the chain of certificates ends at the city's root key, which a
//! reader has from the city and never from the file. Signing writes no record: the same statement has the same
//! signature.

use crate::device::{Certificate, CertificateBody, CertificateError, DeviceKey, OfficeId, Signature};
use crate::hash::{Hash, hex, unhex};
use crate::record::RecordId;
use crate::records::amount::Fen;
use crate::records::day::Day;

/// The first line; nothing else that a device signs begins with it.
const TITLE: &str = "shouwang annual file 1";
/// What stands where a year is not closed.
const NONE: &str = "-";
/// Bytes of a statement at most.
const STATEMENT_BYTES_MAX: usize = 4 * 1024;

/// What an office vouches for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Statement {
    /// The city: its root key.
    pub city: DeviceKey,
    /// The office.
    pub office: OfficeId,
    /// What it is called.
    pub office_name: String,
    /// Its device.
    pub device: DeviceKey,
    /// The day it signed, by its own calendar.
    pub day: Day,
    /// The household's record.
    pub household: RecordId,
    /// The number it has in registers; empty: none.
    pub number: String,
    /// The year.
    pub year: i32,
    /// The digest of the closed year; none: it is not closed.
    pub digest: Option<Hash>,
    /// Lines of aid, without what came back.
    pub lines: u64,
    /// What they come to, less what came back.
    pub total: Fen,
    /// What is missing.
    pub missing: u64,
    /// Over the exported content, byte by byte.
    pub content: Hash,
}

/// The hash of an exported content.
pub fn content_hash(content: &[u8]) -> Hash {
    Hash::of("shouwang annual content 1", &[content])
}

/// A text on one line.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().trim().to_owned()
}

impl Statement {
    /// The text that is signed.
    pub fn text(&self) -> String {
        let digest = self.digest.map_or_else(|| NONE.to_owned(), |digest| digest.hex());
        let number = Some(one_line(&self.number)).filter(|number| !number.is_empty()).unwrap_or_else(|| NONE.to_owned());
        let lines = [
            ("city", self.city.to_string()),
            ("office", self.office.to_string()),
            ("name", one_line(&self.office_name)),
            ("device", self.device.to_string()),
            ("day", self.day.to_string()),
            ("household", self.household.to_string()),
            ("number", number),
            ("year", self.year.to_string()),
            ("digest", digest),
            ("lines", self.lines.to_string()),
            ("total", self.total.to_string()),
            ("missing", self.missing.to_string()),
            ("content", self.content.hex()),
        ];
        let mut text = TITLE.to_owned();
        for (word, value) in lines {
            text.push_str(&format!("\n{word} {value}"));
        }
        text
    }

    /// Reads a text; only exactly what [`Statement::text`] writes is one.
    pub fn parse(text: &str) -> Option<Statement> {
        if text.len() > STATEMENT_BYTES_MAX {
            return None;
        }
        let mut lines = text.split('\n');
        if lines.next() != Some(TITLE) {
            return None;
        }
        let mut next = |word: &str| lines.next()?.strip_prefix(word)?.strip_prefix(' ').map(str::to_owned);
        let hash = |text: &str| unhex(text)?.try_into().ok().map(Hash);
        let statement = Statement {
            city: DeviceKey::parse(&next("city")?)?,
            office: OfficeId(next("office")?.parse().ok()?),
            office_name: next("name")?,
            device: DeviceKey::parse(&next("device")?)?,
            day: Day::parse(&next("day")?)?,
            household: RecordId::parse(&next("household")?)?,
            number: Some(next("number")?).filter(|number| number != NONE).unwrap_or_default(),
            year: next("year")?.parse().ok()?,
            digest: match next("digest")?.as_str() {
                NONE => None,
                text => Some(hash(text)?),
            },
            lines: next("lines")?.parse().ok()?,
            total: Fen::parse_yuan(&next("total")?)?,
            missing: next("missing")?.parse().ok()?,
            content: hash(&next("content")?)?,
        };
        (statement.text() == text).then_some(statement)
    }
}

/// A statement with its signature, and the certificate of the device that signed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Seal {
    /// The text that was signed.
    pub statement: String,
    /// By the device.
    pub signature: Signature,
    /// Who the device is.
    pub certificate: Certificate,
}

/// Why a seal vouches for nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SealFault {
    /// No statement, or no certificate.
    #[error("it is no signed annual file")]
    Unreadable,
    /// The content is not what the office signed.
    #[error("the content was altered after the office signed it")]
    Content,
    /// The statement is not what the device signed.
    #[error("the signature does not fit: statement or signature were altered")]
    Signature,
    /// Another city's device.
    #[error("it was signed in another city, not under the key that was given")]
    Foreign,
    /// The certificate is no good, or names another device or office.
    #[error("the certificate is forged, or is another office's")]
    Certificate,
}

impl Seal {
    /// As hexadecimal texts for a file: signature and certificate.
    pub fn to_hex(&self) -> (String, String) {
        (hex(&self.signature.0), hex(&self.certificate.to_bytes()))
    }

    /// The inverse of [`Seal::to_hex`].
    pub fn from_hex(statement: &str, signature: &str, certificate: &str) -> Option<Seal> {
        let signature = Signature(unhex(signature)?.try_into().ok()?);
        let certificate = Certificate::from_bytes(&unhex(certificate)?)?;
        Some(Seal { statement: statement.to_owned(), signature, certificate })
    }

    /// What the office vouches for and who it is, when everything fits under the city's root key. `content` is what
    /// was exported with it; none: only the statement is at hand, as on paper. Whether the device was revoked since
    /// does not stand in a seal: whoever holds the city's control asks that.
    pub fn check(&self, content: Option<&[u8]>, root: &DeviceKey) -> Result<(Statement, CertificateBody), SealFault> {
        let statement = Statement::parse(&self.statement).ok_or(SealFault::Unreadable)?;
        let body = self.certificate.verify(root).map_err(|error| match error {
            CertificateError::Foreign => SealFault::Foreign,
            CertificateError::Malformed | CertificateError::UnknownSuite => SealFault::Unreadable,
            CertificateError::BadSignature => SealFault::Certificate,
        })?;
        if statement.city != *root {
            return Err(SealFault::Foreign);
        }
        if (statement.device, statement.office) != (body.device, body.office) {
            return Err(SealFault::Certificate);
        }
        if !body.device.verify(self.statement.as_bytes(), &self.signature) {
            return Err(SealFault::Signature);
        }
        if content.is_some_and(|content| content_hash(content) != statement.content) {
            return Err(SealFault::Content);
        }
        Ok((statement, body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::area::{AreaId, Tier};
    use crate::device::{SUITE, SigningKey, certify_enrolment};

    fn keys() -> [SigningKey; 4] {
        [1, 2, 3, 4].map(|seed| SigningKey::from_seed(&[seed; 32]))
    }

    fn certificate(root: &SigningKey, enrolment: &SigningKey, device: &SigningKey) -> Certificate {
        let body = CertificateBody {
            suite: SUITE,
            root: root.key(),
            device: device.key(),
            recipient: [7; 32],
            office: OfficeId(3),
            tier: Tier::Township,
            areas: AreaId::parse("320582100000").into_iter().collect(),
            serial: 1,
            expires: 30_000,
            name: "某镇".into(),
        };
        Certificate::issue(&body, enrolment, certify_enrolment(root, &enrolment.key()))
    }

    fn statement(root: &SigningKey, device: &SigningKey) -> Statement {
        Statement {
            city: root.key(),
            office: OfficeId(3),
            office_name: "某镇\n民政办".into(),
            device: device.key(),
            day: Day(18_263),
            household: RecordId(Hash([5; 32])),
            number: "户 12\t=1".into(),
            year: 2019,
            digest: Some(Hash([6; 32])),
            lines: 2,
            total: Fen(378_050),
            missing: 0,
            content: content_hash(b"content"),
        }
    }

    fn seal() -> (Seal, SigningKey) {
        let [root, enrolment, device, _] = keys();
        let text = statement(&root, &device).text();
        let signature = device.sign(text.as_bytes());
        (Seal { signature, certificate: certificate(&root, &enrolment, &device), statement: text }, root)
    }

    #[test]
    fn item_17_a_statement_reads_back_and_only_as_it_was_written() {
        let [root, _, device, _] = keys();
        for wanted in [
            statement(&root, &device),
            Statement { digest: None, number: String::new(), total: Fen(-5), ..statement(&root, &device) },
        ] {
            let text = wanted.text();
            let read = Statement::parse(&text).expect("reads");
            assert_eq!(read.text(), text);
            assert_eq!((read.total, read.digest, read.content), (wanted.total, wanted.digest, wanted.content));
            assert_eq!(read.office_name, "某镇 民政办", "a name keeps to its line");
            for spoiled in [
                format!("{text}\n"),
                format!(" {text}"),
                text.replace("year 2019", "year +2019"),
                text.replace("total ", "total 0"),
            ] {
                assert_eq!(Statement::parse(&spoiled), None, "{spoiled}");
            }
        }
    }

    #[test]
    fn item_17_every_altered_byte_of_statement_signature_and_content_is_told() {
        let (seal, root) = seal();
        let (read, body) = seal.check(Some(b"content"), &root.key()).expect("fits");
        assert_eq!((read.total, body.name.as_str()), (Fen(378_050), "某镇"));
        assert!(seal.check(None, &root.key()).is_ok(), "as on paper");
        assert_eq!(seal.check(Some(b"c0ntent"), &root.key()), Err(SealFault::Content));
        let bytes = seal.statement.as_bytes();
        for at in 0..bytes.len() {
            let mut touched = bytes.to_vec();
            touched[at] ^= 1;
            let Ok(statement) = String::from_utf8(touched) else { continue };
            let touched = Seal { statement, ..seal.clone() };
            assert!(touched.check(Some(b"content"), &root.key()).is_err(), "byte {at}");
        }
        for at in 0..64 {
            let mut touched = seal.clone();
            touched.signature.0[at] ^= 1;
            assert_eq!(touched.check(Some(b"content"), &root.key()), Err(SealFault::Signature), "byte {at}");
        }
        let dearer = Seal { statement: seal.statement.replace("total 3780.50", "total 9780.50"), ..seal.clone() };
        assert_ne!(dearer.statement, seal.statement);
        assert_eq!(dearer.check(Some(b"content"), &root.key()), Err(SealFault::Signature));
        let (signature, certificate) = seal.to_hex();
        assert_eq!(Seal::from_hex(&seal.statement, &signature, &certificate), Some(seal));
    }

    #[test]
    fn item_17_nobody_vouches_in_anothers_name() {
        let (seal, root) = seal();
        let [_, enrolment, device, stranger] = keys();
        assert_eq!(seal.check(None, &stranger.key()), Err(SealFault::Foreign), "another city's key was given");
        // A stranger's own city, under the name of ours.
        let own = Statement { device: stranger.key(), ..statement(&root, &device) }.text();
        let signature = stranger.sign(own.as_bytes());
        let forged = certificate(&stranger, &stranger, &stranger);
        assert_eq!(
            Seal { statement: own.clone(), signature, certificate: forged }.check(None, &root.key()),
            Err(SealFault::Foreign)
        );
        // Another device's certificate over our key.
        let others = certificate(&root, &enrolment, &device);
        assert_eq!(Seal { statement: own, signature, certificate: others }.check(None, &root.key()), Err(SealFault::Certificate));
        // Our device in the name of another office.
        let lifted = Statement { office: OfficeId(1), ..statement(&root, &device) }.text();
        let signature = device.sign(lifted.as_bytes());
        let certificate = certificate(&root, &enrolment, &device);
        assert_eq!(Seal { statement: lifted, signature, certificate }.check(None, &root.key()), Err(SealFault::Certificate));
    }
}
