//! The file that carries a parcel on a stick: signed by the device that made it, encrypted for the one it is for.
//!
//! A stick gets lost, so nobody but the receiving device can read it: an ephemeral X25519 key agrees with the key in
//! the receiver's certificate, and each message is sealed with ChaCha20-Poly1305 under a key derived from that and
//! from the head. The sender signs the hash of the whole file at its end, so that a file is known to be whole and
//! unaltered before anything of it is taken: it is read twice, and never held in memory.
//!
//! ```text
//! "shouwang parcel 1\n"
//! u32 length, head: the sender's certificate, the receiver's key, the ephemeral key, a number, a time
//! u32 length, sealed message; as often as need be
//! u32 0, 64 bytes: the sender's signature over the hash of all bytes before it
//! ```

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use ring::digest::{Context, SHA256};
use ring::hkdf::{HKDF_SHA256, KeyType, Salt};
use serde::{Deserialize, Serialize};
use shouwang_protocol::device::{Certificate, DeviceKey, SUITE, Signature};
use shouwang_protocol::limits;
use std::io::{ErrorKind, Read, Write};
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

/// What a file begins with.
const MAGIC: &[u8; 18] = b"shouwang parcel 1\n";
/// What is signed, before the hash.
const SIGNED: &[u8] = b"shouwang parcel file 1";
/// What a key is derived for.
const SEALED: &[u8] = b"shouwang parcel key 1";
/// Bytes of a head at most.
const HEAD_BYTES_MAX: usize = 4 * 1024;
/// Bytes that sealing adds to a message.
const TAG_BYTES: usize = 16;
/// Bytes of a sealed message at most.
const SEALED_BYTES_MAX: usize = limits::MESSAGE_BYTES_MAX + TAG_BYTES;
/// Bytes of a file at most.
pub const FILE_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// What a file says of itself to whoever finds it: which device made it for which, and when. No name, no matter.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Head {
    /// Cipher suite.
    pub suite: u8,
    /// The sender's certificate.
    pub from: Certificate,
    /// The receiver.
    pub to: DeviceKey,
    /// X25519 key made for this file.
    pub ephemeral: [u8; 32],
    /// Random: the same file is known again.
    pub number: [u8; 16],
    /// The sender's clock, milliseconds since 1970.
    pub made_ms: i64,
}

/// Why a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Something else.
    #[error("the file is no parcel")]
    NotAParcel,
    /// A newer program's.
    #[error("the parcel was made by a newer version of the program")]
    Version,
    /// It ends early.
    #[error("the parcel is not whole")]
    Cut,
    /// A byte is not what was signed.
    #[error("the parcel was altered, or damaged on its way")]
    Altered,
    /// Too large.
    #[error("the parcel is larger than any may be")]
    TooLarge,
    /// The disk or the stick.
    #[error(transparent)]
    Io(std::io::Error),
}

impl From<std::io::Error> for FileError {
    fn from(error: std::io::Error) -> FileError {
        if error.kind() == ErrorKind::UnexpectedEof { FileError::Cut } else { FileError::Io(error) }
    }
}

struct KeyBytes;

impl KeyType for KeyBytes {
    fn len(&self) -> usize {
        32
    }
}

/// The messages' key, bound to everything the head says.
fn sealing_key(shared: &[u8; 32], head_hash: &[u8]) -> Result<LessSafeKey, FileError> {
    let mut key = Zeroizing::new([0; 32]);
    let derived = Salt::new(HKDF_SHA256, SEALED).extract(shared);
    let info = [head_hash];
    derived.expand(&info, KeyBytes).and_then(|okm| okm.fill(&mut *key)).map_err(|_| FileError::Altered)?;
    Ok(LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, &*key).map_err(|_| FileError::Altered)?))
}

fn nonce(number: u64) -> Nonce {
    let mut bytes = [0; 12];
    bytes[4..].copy_from_slice(&number.to_be_bytes());
    Nonce::assume_unique_for_key(bytes)
}

fn length(bytes: &[u8]) -> [u8; 4] {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes()
}

/// What the sender signs.
fn statement(hash: &[u8]) -> Vec<u8> {
    [SIGNED, hash].concat()
}

/// Writes a file, message by message. Each file has its own key, so no nonce comes twice.
pub struct Sealer<W> {
    out: W,
    hash: Context,
    key: LessSafeKey,
    head_hash: Vec<u8>,
    sealed: u64,
    written: u64,
}

impl<W: Write> Sealer<W> {
    /// Begins a file for the device whose certificate names this recipient key. `secret` is random, for this file only.
    pub fn begin(out: W, head: Head, recipient: &[u8; 32], secret: Zeroizing<[u8; 32]>) -> Result<Sealer<W>, FileError> {
        let secret = StaticSecret::from(*secret);
        let head = Head { ephemeral: PublicKey::from(&secret).to_bytes(), ..head };
        let shared = secret.diffie_hellman(&PublicKey::from(*recipient));
        // A recipient key that makes every secret the same protects nothing.
        if !shared.was_contributory() {
            return Err(FileError::Altered);
        }
        let bytes = postcard::to_allocvec(&head).map_err(|_| FileError::Altered)?;
        let head_hash = ring::digest::digest(&SHA256, &bytes).as_ref().to_vec();
        let key = sealing_key(shared.as_bytes(), &head_hash)?;
        let mut sealer = Sealer { out, hash: Context::new(&SHA256), key, head_hash, sealed: 0, written: 0 };
        sealer.put(MAGIC)?;
        sealer.put(&length(&bytes))?;
        sealer.put(&bytes)?;
        Ok(sealer)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        self.written += bytes.len() as u64;
        if self.written > FILE_BYTES_MAX {
            return Err(FileError::TooLarge);
        }
        self.hash.update(bytes);
        Ok(self.out.write_all(bytes)?)
    }

    /// Seals one message.
    pub fn seal(&mut self, message: Vec<u8>) -> Result<(), FileError> {
        let mut sealed = message;
        let aad = Aad::from(self.head_hash.as_slice());
        self.key.seal_in_place_append_tag(nonce(self.sealed), aad, &mut sealed).map_err(|_| FileError::Altered)?;
        self.sealed += 1;
        self.put(&length(&sealed))?;
        self.put(&sealed)
    }

    /// Ends the file with a signature; returns what it was written to, and its bytes.
    pub fn end(mut self, sign: impl FnOnce(&[u8]) -> Signature) -> Result<(W, u64), FileError> {
        self.put(&[0; 4])?;
        let signature = sign(&statement(self.hash.finish().as_ref()));
        self.out.write_all(&signature.0)?;
        self.out.flush()?;
        Ok((self.out, self.written + signature.0.len() as u64))
    }
}

/// Reads through everything that is hashed.
struct Hashing<R> {
    from: R,
    hash: Context,
    read: u64,
}

impl<R: Read> Hashing<R> {
    fn new(from: R) -> Hashing<R> {
        Hashing { from, hash: Context::new(&SHA256), read: 0 }
    }

    fn take(&mut self, bytes: &mut [u8]) -> Result<(), FileError> {
        self.read += bytes.len() as u64;
        if self.read > FILE_BYTES_MAX {
            return Err(FileError::TooLarge);
        }
        self.from.read_exact(bytes)?;
        self.hash.update(bytes);
        Ok(())
    }

    fn length(&mut self) -> Result<usize, FileError> {
        let mut bytes = [0; 4];
        self.take(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes) as usize)
    }

    /// The head, and its hash.
    fn head(&mut self) -> Result<(Head, Vec<u8>), FileError> {
        let mut magic = [0; MAGIC.len()];
        match self.take(&mut magic) {
            Err(FileError::Cut) => return Err(FileError::NotAParcel),
            other => other?,
        }
        if magic != *MAGIC {
            let ours = magic.starts_with(b"shouwang parcel ");
            return Err(if ours { FileError::Version } else { FileError::NotAParcel });
        }
        let length = self.length()?;
        if length > HEAD_BYTES_MAX {
            return Err(FileError::Altered);
        }
        let mut bytes = vec![0; length];
        self.take(&mut bytes)?;
        let (head, _) = postcard::take_from_bytes::<Head>(&bytes).map_err(|_| FileError::Altered)?;
        if head.suite != SUITE {
            return Err(FileError::Version);
        }
        Ok((head, ring::digest::digest(&SHA256, &bytes).as_ref().to_vec()))
    }

    /// The next sealed message; nothing at the end.
    fn sealed(&mut self) -> Result<Option<Vec<u8>>, FileError> {
        let length = self.length()?;
        if length == 0 {
            return Ok(None);
        }
        if !(TAG_BYTES..=SEALED_BYTES_MAX).contains(&length) {
            return Err(FileError::Altered);
        }
        let mut bytes = vec![0; length];
        self.take(&mut bytes)?;
        Ok(Some(bytes))
    }
}

/// What a file says of itself. Nothing of it is proven yet.
pub fn head(from: impl Read) -> Result<Head, FileError> {
    Ok(Hashing::new(from).head()?.0)
}

/// Reads a file to its end: whether it is whole, and what `sender` signed. Returns its bytes.
pub fn check(from: impl Read, sender: &DeviceKey) -> Result<u64, FileError> {
    let mut reader = Hashing::new(from);
    reader.head()?;
    while reader.sealed()?.is_some() {}
    let mut signature = [0; 64];
    reader.from.read_exact(&mut signature)?;
    let hash = reader.hash.finish();
    // Nothing stands after the signature: nobody adds to a file.
    let more = reader.from.read(&mut [0; 1])? > 0;
    if more || !sender.verify(&statement(hash.as_ref()), &Signature(signature)) {
        return Err(FileError::Altered);
    }
    Ok(reader.read + 64)
}

/// Opens the messages of a file that was checked.
pub struct Opener<R> {
    reader: Hashing<R>,
    key: LessSafeKey,
    head_hash: Vec<u8>,
    opened: u64,
    ended: bool,
}

impl<R: Read> Opener<R> {
    /// Begins again at the start of a file, with the secret of the device that it is for.
    pub fn begin(from: R, secret: &[u8; 32]) -> Result<Opener<R>, FileError> {
        let mut reader = Hashing::new(from);
        let (head, head_hash) = reader.head()?;
        let shared = StaticSecret::from(*secret).diffie_hellman(&PublicKey::from(head.ephemeral));
        if !shared.was_contributory() {
            return Err(FileError::Altered);
        }
        let key = sealing_key(shared.as_bytes(), &head_hash)?;
        Ok(Opener { reader, key, head_hash, opened: 0, ended: false })
    }

    /// The next message; nothing at the end.
    pub fn open_next(&mut self) -> Result<Option<Vec<u8>>, FileError> {
        if self.ended {
            return Ok(None);
        }
        let Some(mut sealed) = self.reader.sealed()? else {
            self.ended = true;
            return Ok(None);
        };
        let aad = Aad::from(self.head_hash.as_slice());
        let length = self.key.open_in_place(nonce(self.opened), aad, &mut sealed).map_err(|_| FileError::Altered)?.len();
        self.opened += 1;
        sealed.truncate(length);
        Ok(Some(sealed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use shouwang_protocol::area::{AreaId, Tier};
    use shouwang_protocol::device::{CertificateBody, OfficeId, SigningKey, certify_enrolment};

    const SECRET: [u8; 32] = [21; 32];

    fn sender() -> SigningKey {
        SigningKey::from_seed(&[3; 32])
    }

    fn file(messages: &[Vec<u8>]) -> Vec<u8> {
        let [root, enrolment] = [1, 2].map(|n| SigningKey::from_seed(&[n; 32]));
        let body = CertificateBody {
            suite: SUITE,
            root: root.key(),
            device: sender().key(),
            recipient: [9; 32],
            office: OfficeId(3),
            tier: Tier::Village,
            areas: AreaId::parse("320582100201").into_iter().collect(),
            serial: 1,
            expires: 30_000,
            name: "某村".into(),
        };
        let from = Certificate::issue(&body, &enrolment, certify_enrolment(&root, &enrolment.key()));
        let to = SigningKey::from_seed(&[4; 32]).key();
        let head = Head { suite: SUITE, from, to, ephemeral: [0; 32], number: [5; 16], made_ms: 1 };
        let recipient = PublicKey::from(&StaticSecret::from(SECRET)).to_bytes();
        let mut sealer = Sealer::begin(Vec::new(), head, &recipient, Zeroizing::new([8; 32])).expect("begins");
        for message in messages {
            sealer.seal(message.clone()).expect("seals");
        }
        sealer.end(|statement| sender().sign(statement)).expect("ends").0
    }

    fn open(file: &[u8], secret: &[u8; 32]) -> Result<Vec<Vec<u8>>, FileError> {
        let mut opener = Opener::begin(file, secret)?;
        let mut messages = Vec::new();
        while let Some(message) = opener.open_next()? {
            messages.push(message);
        }
        assert!(opener.open_next()?.is_none(), "it stays at its end");
        Ok(messages)
    }

    #[test]
    fn only_the_receiver_reads_it_and_nothing_of_it_stands_open() {
        let secret_word = "确诊重病".as_bytes().to_vec();
        let bytes = file(&[secret_word.clone(), b"two".to_vec()]);
        assert!(!bytes.windows(secret_word.len()).any(|window| window == secret_word));
        assert_eq!(check(bytes.as_slice(), &sender().key()).expect("whole"), bytes.len() as u64);
        assert_eq!(open(&bytes, &SECRET).expect("opens"), [secret_word, b"two".to_vec()]);
        assert!(matches!(open(&bytes, &[22; 32]), Err(FileError::Altered)), "the finder's own key");
        let other = SigningKey::from_seed(&[6; 32]).key();
        assert!(matches!(check(bytes.as_slice(), &other), Err(FileError::Altered)), "signed by somebody else");
    }

    #[test]
    fn every_cut_and_every_flipped_bit_is_seen() {
        let bytes = file(&[vec![7; 90], Vec::new()]);
        for end in 0..bytes.len() {
            assert!(check(&bytes[..end], &sender().key()).is_err(), "cut at {end}");
        }
        for at in 0..bytes.len() {
            let mut touched = bytes.clone();
            touched[at] ^= 1 << (at % 8);
            assert!(check(touched.as_slice(), &sender().key()).is_err(), "byte {at}");
        }
        assert!(check([bytes.as_slice(), b"x"].concat().as_slice(), &sender().key()).is_err(), "something added");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn noise_never_panics(noise in prop::collection::vec(any::<u8>(), 0..900), at in any::<prop::sample::Index>()) {
            let whole = file(std::slice::from_ref(&noise));
            let behind_the_magic = [MAGIC.as_slice(), &noise].concat();
            let cut = at.index(whole.len());
            let spliced = [&whole[..cut], &noise, &whole[cut..]].concat();
            for bytes in [&noise, &behind_the_magic, &spliced] {
                let _ = head(bytes.as_slice());
                let _ = check(bytes.as_slice(), &sender().key());
                let _ = open(bytes, &SECRET);
            }
        }

        #[test]
        fn messages_read_back(messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..2_000), 0..5)) {
            prop_assert_eq!(open(&file(&messages), &SECRET).expect("opens"), messages);
        }
    }
}
