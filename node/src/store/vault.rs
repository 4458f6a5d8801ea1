//! The vault (`vault.json`): the keys of this device, sealed under a passphrase, a key file or a recovery key.
//!
//! The content is sealed once (AES-256-GCM, random nonce) under a random content key; each [`KeySource`] holds a
//! wrap of that content key. A passphrase goes through Argon2id and is then mixed with the device secret (a file of
//! its own, `device.secret`), so that a copied `vault.json` alone cannot be guessed at. Every change writes a new
//! file beside the old one, syncs it, renames it over and syncs the directory. A wrong passphrase touches nothing.
//! The vault never logs, prints or keeps what it unsealed beyond [`Secrets`].

use super::files::{read_limited, write_atomically};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Salt};
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};
use shouwang_protocol::device::{Certificate, DeviceKey, SigningKey};
use shouwang_protocol::hash::{hex, unhex};
use std::path::{Path, PathBuf};
use zeroize::{Zeroize, Zeroizing};

/// Bytes a vault file may have.
const VAULT_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Wraps a vault may have.
const WRAPS_MAX: usize = 64;
/// KiB of memory that Argon2id uses.
const MEMORY_KIB: u32 = 19 * 1024;
/// Passes of Argon2id.
const PASSES: u32 = 2;
/// KiB that a vault file may ask for, at most.
const MEMORY_KIB_MAX: u32 = 1024 * 1024;
/// Passes that a vault file may ask for, at most.
const PASSES_MAX: u32 = 64;
const VERSION: u32 = 1;
const CONTENT: &[u8] = b"shouwang vault content 1";

/// What opens a vault.
#[derive(Clone)]
pub enum KeySource {
    /// A passphrase that a person types.
    Passphrase(Zeroizing<String>),
    /// A file with 32 random bytes (or their 64 hexadecimal digits).
    KeyFile(PathBuf),
    /// 32 random bytes written on paper when the device joined.
    Recovery(Zeroizing<[u8; 32]>),
}

impl std::fmt::Debug for KeySource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.kind())
    }
}

impl KeySource {
    /// What somebody typed where a passphrase is asked for: it may be the recovery key that was written on paper.
    pub fn typed(text: Zeroizing<String>) -> KeySource {
        let plain: Zeroizing<String> = Zeroizing::new(text.chars().filter(|c| !c.is_whitespace() && *c != '-').collect());
        let key = unhex(&plain).map(Zeroizing::new).and_then(|key| key.as_slice().try_into().ok());
        key.map_or(KeySource::Passphrase(text), |key| KeySource::Recovery(Zeroizing::new(key)))
    }

    fn kind(&self) -> &'static str {
        match self {
            KeySource::Passphrase(_) => "passphrase",
            KeySource::KeyFile(_) => "key-file",
            KeySource::Recovery(_) => "recovery",
        }
    }
}

/// Why a vault cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// There is none.
    #[error("there is no vault in this directory")]
    Missing,
    /// There is one already.
    #[error("there is a vault in this directory already")]
    Exists,
    /// The passphrase, key file or recovery key is not one of this vault's.
    #[error("wrong {0}; nothing was changed")]
    WrongKey(&'static str),
    /// The file beside the vault without which no passphrase opens it.
    #[error("the file device.secret is missing or cannot be read; the recovery key still opens the vault")]
    NoDeviceSecret,
    /// The key file is no key file.
    #[error("the key file must hold 32 bytes or 64 hexadecimal digits")]
    BadKeyFile,
    /// The file is damaged.
    #[error("the vault is damaged: {0}")]
    Damaged(&'static str),
    /// A newer program wrote it.
    #[error("the vault was written by a newer version of the program; please install that version")]
    NewerVersion,
    /// The disk.
    #[error("the vault could not be read or written: {0}")]
    Io(#[from] std::io::Error),
    /// The cryptography failed.
    #[error("the cryptographic library failed: {0}")]
    Crypto(&'static str),
}

/// Who this device is in its city, as far as it must know before it can open anything.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct NodeIdentity {
    /// The city's root key; none before the device joined.
    pub root: Option<DeviceKey>,
    /// Certificates given when it joined, its own among them.
    pub pinned: Vec<Certificate>,
}

/// What a vault keeps.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secrets {
    /// Key of the database file.
    pub database_key: [u8; 32],
    /// Seed of the device's Ed25519 key.
    pub device_seed: [u8; 32],
    /// X25519 secret that bundles are encrypted to.
    pub recipient_secret: [u8; 32],
    /// A secret for whatever else must be bound to this machine (sign-ins).
    pub device_secret: [u8; 32],
    /// Who it is in its city.
    pub node: NodeIdentity,
    /// Whatever the callers keep here.
    pub extra: Vec<u8>,
}

impl Drop for Secrets {
    fn drop(&mut self) {
        self.database_key.zeroize();
        self.device_seed.zeroize();
        self.recipient_secret.zeroize();
        self.device_secret.zeroize();
        self.extra.zeroize();
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secrets({})", self.signing_key().key().short())
    }
}

/// Random bytes of the system.
pub fn random<const N: usize>() -> Result<[u8; N], VaultError> {
    let mut out = [0; N];
    SystemRandom::new().fill(&mut out).map_err(|_| VaultError::Crypto("no random bytes"))?;
    Ok(out)
}

impl Secrets {
    /// New keys of a device that has not joined yet.
    pub fn generate() -> Result<Secrets, VaultError> {
        Ok(Secrets {
            database_key: random()?,
            device_seed: random()?,
            recipient_secret: random()?,
            device_secret: random()?,
            node: NodeIdentity::default(),
            extra: Vec::new(),
        })
    }

    /// The device's signing key.
    pub fn signing_key(&self) -> SigningKey {
        SigningKey::from_seed(&self.device_seed)
    }
}

#[derive(Clone, Serialize, Deserialize)]
struct Sealed {
    nonce: String,
    sealed: String,
}

#[derive(Clone, Serialize, Deserialize)]
struct Wrap {
    kind: String,
    salt: String,
    memory_kib: u32,
    passes: u32,
    #[serde(flatten)]
    key: Sealed,
}

#[derive(Clone, Serialize, Deserialize)]
struct VaultFile {
    version: u32,
    wraps: Vec<Wrap>,
    content: Sealed,
}

/// An open vault.
pub struct Vault {
    dir: PathBuf,
    file: VaultFile,
    content_key: Zeroizing<[u8; 32]>,
    secrets: Secrets,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Vault({} wraps)", self.file.wraps.len())
    }
}

fn seal(key: &[u8; 32], aad: &[u8], plain: &[u8]) -> Result<Sealed, VaultError> {
    let nonce: [u8; 12] = random()?;
    let mut bytes = Zeroizing::new(plain.to_vec());
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).map_err(|_| VaultError::Crypto("bad key"))?);
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut *bytes)
        .map_err(|_| VaultError::Crypto("sealing failed"))?;
    Ok(Sealed { nonce: hex(&nonce), sealed: hex(&bytes) })
}

fn unseal(key: &[u8; 32], aad: &[u8], sealed: &Sealed) -> Result<Option<Zeroizing<Vec<u8>>>, VaultError> {
    let damaged = || VaultError::Damaged("a sealed part cannot be read");
    let nonce: [u8; 12] = unhex(&sealed.nonce).and_then(|bytes| bytes.try_into().ok()).ok_or_else(damaged)?;
    let mut bytes = Zeroizing::new(unhex(&sealed.sealed).ok_or_else(damaged)?);
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).map_err(|_| VaultError::Crypto("bad key"))?);
    let opened = key.open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut bytes);
    Ok(opened.ok().map(|plain| Zeroizing::new(plain.to_vec())))
}

struct OutputLength;

impl ring::hkdf::KeyType for OutputLength {
    fn len(&self) -> usize {
        32
    }
}

/// HKDF-SHA256 of `input` under `salt`.
fn derive(input: &[u8], salt: &[u8], info: &[u8]) -> Result<Zeroizing<[u8; 32]>, VaultError> {
    let mut out = Zeroizing::new([0; 32]);
    let extracted = Salt::new(HKDF_SHA256, salt).extract(input);
    let info = [info];
    let expanded = extracted.expand(&info, OutputLength).and_then(|okm| okm.fill(&mut *out));
    expanded.map_err(|_| VaultError::Crypto("key derivation failed"))?;
    Ok(out)
}

fn key_file(path: &Path) -> Result<Zeroizing<[u8; 32]>, VaultError> {
    let bytes = Zeroizing::new(read_limited(path, 4096)?);
    let plain: Result<[u8; 32], _> = bytes.as_slice().try_into();
    let read = plain.ok().or_else(|| unhex(std::str::from_utf8(&bytes).ok()?.trim())?.try_into().ok());
    read.map(Zeroizing::new).ok_or(VaultError::BadKeyFile)
}

impl Wrap {
    /// What is sealed together with the content key: nobody may weaken the parameters unnoticed.
    fn aad(&self) -> Vec<u8> {
        format!("shouwang vault wrap 1\n{}\n{}\n{}\n{}", self.kind, self.salt, self.memory_kib, self.passes).into_bytes()
    }

    fn wrapping_key(&self, source: &KeySource, dir: &Path) -> Result<Zeroizing<[u8; 32]>, VaultError> {
        let salt = unhex(&self.salt).ok_or(VaultError::Damaged("a wrap has no salt"))?;
        match source {
            KeySource::Passphrase(passphrase) => {
                let device_secret = read_device_secret(dir)?;
                if !(8..=MEMORY_KIB_MAX).contains(&self.memory_kib) || !(1..=PASSES_MAX).contains(&self.passes) {
                    return Err(VaultError::Damaged("a wrap asks for too much or too little work"));
                }
                let params =
                    argon2::Params::new(self.memory_kib, self.passes, 1, Some(32)).map_err(|_| VaultError::Crypto("argon2"))?;
                let argon = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
                let mut stretched = Zeroizing::new([0; 32]);
                argon
                    .hash_password_into(passphrase.as_bytes(), &salt, &mut *stretched)
                    .map_err(|_| VaultError::Crypto("argon2"))?;
                derive(&*stretched, &*device_secret, b"shouwang passphrase wrap 1")
            }
            KeySource::KeyFile(path) => derive(&*key_file(path)?, &salt, b"shouwang key file wrap 1"),
            KeySource::Recovery(key) => derive(&**key, &salt, b"shouwang recovery wrap 1"),
        }
    }

    fn make(source: &KeySource, dir: &Path, content_key: &[u8; 32]) -> Result<Wrap, VaultError> {
        let stretched = matches!(source, KeySource::Passphrase(_));
        let mut wrap = Wrap {
            kind: source.kind().to_owned(),
            salt: hex(&random::<16>()?),
            memory_kib: if stretched { MEMORY_KIB } else { 0 },
            passes: if stretched { PASSES } else { 0 },
            key: Sealed { nonce: String::new(), sealed: String::new() },
        };
        wrap.key = seal(&*wrap.wrapping_key(source, dir)?, &wrap.aad(), content_key)?;
        Ok(wrap)
    }
}

fn vault_path(dir: &Path) -> PathBuf {
    dir.join("vault.json")
}

fn device_secret_path(dir: &Path) -> PathBuf {
    dir.join("device.secret")
}

fn read_device_secret(dir: &Path) -> Result<Zeroizing<[u8; 32]>, VaultError> {
    key_file(&device_secret_path(dir)).map_err(|_| VaultError::NoDeviceSecret)
}

impl Vault {
    /// Whether a directory holds one.
    pub fn exists(dir: &Path) -> bool {
        vault_path(dir).exists()
    }

    /// Makes a vault that `source` opens. The directory must exist; an existing vault is never replaced.
    pub fn create(dir: &Path, source: &KeySource, secrets: Secrets) -> Result<Vault, VaultError> {
        if Vault::exists(dir) {
            return Err(VaultError::Exists);
        }
        if read_device_secret(dir).is_err() {
            write_atomically(&device_secret_path(dir), hex(&random::<32>()?).as_bytes())?;
        }
        let content_key = Zeroizing::new(random()?);
        let wrap = Wrap::make(source, dir, &content_key)?;
        let empty = Sealed { nonce: String::new(), sealed: String::new() };
        let file = VaultFile { version: VERSION, wraps: vec![wrap], content: empty };
        let mut vault = Vault { dir: dir.to_owned(), file, content_key, secrets: secrets.clone() };
        vault.save(secrets)?;
        Ok(vault)
    }

    /// Opens a vault. After an error nothing was touched.
    pub fn open(dir: &Path, source: &KeySource) -> Result<Vault, VaultError> {
        let path = vault_path(dir);
        if !path.exists() {
            return Err(VaultError::Missing);
        }
        let bytes = read_limited(&path, VAULT_BYTES_MAX)?;
        let json: serde_json::Value = serde_json::from_slice(&bytes).map_err(|_| VaultError::Damaged("it is not JSON"))?;
        match json.get("version").and_then(serde_json::Value::as_u64) {
            Some(version) if version == u64::from(VERSION) => {}
            Some(_) => return Err(VaultError::NewerVersion),
            None => return Err(VaultError::Damaged("it has no version")),
        }
        let file: VaultFile = serde_json::from_value(json).map_err(|_| VaultError::Damaged("a part is missing"))?;
        if file.wraps.len() > WRAPS_MAX {
            return Err(VaultError::Damaged("it has too many wraps"));
        }
        let mut content_key = None;
        for wrap in file.wraps.iter().filter(|wrap| wrap.kind == source.kind()) {
            if let Some(key) = unseal(&*wrap.wrapping_key(source, dir)?, &wrap.aad(), &wrap.key)? {
                content_key = key.as_slice().try_into().ok().map(Zeroizing::new);
                break;
            }
        }
        let content_key: Zeroizing<[u8; 32]> = content_key.ok_or(VaultError::WrongKey(source.kind()))?;
        let plain =
            unseal(&content_key, CONTENT, &file.content)?.ok_or(VaultError::Damaged("its content does not fit its key"))?;
        let secrets = postcard::from_bytes(&plain).map_err(|_| VaultError::Damaged("its content cannot be read"))?;
        Ok(Vault { dir: dir.to_owned(), file, content_key, secrets })
    }

    /// What it keeps.
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// Keeps something else from now on.
    pub fn save(&mut self, secrets: Secrets) -> Result<(), VaultError> {
        let plain = Zeroizing::new(postcard::to_allocvec(&secrets).map_err(|_| VaultError::Crypto("encoding failed"))?);
        let content = seal(&self.content_key, CONTENT, &plain)?;
        self.write(VaultFile { content, ..self.file.clone() })?;
        self.secrets = secrets;
        Ok(())
    }

    /// Lets another passphrase, key file or recovery key open it too.
    pub fn add_wrap(&mut self, source: &KeySource) -> Result<(), VaultError> {
        let mut file = self.file.clone();
        if file.wraps.len() >= WRAPS_MAX {
            return Err(VaultError::Damaged("it has too many wraps"));
        }
        file.wraps.push(Wrap::make(source, &self.dir, &self.content_key)?);
        self.write(file)
    }

    /// Replaces every wrap of the same kind: a changed passphrase.
    pub fn replace_wrap(&mut self, source: &KeySource) -> Result<(), VaultError> {
        let mut file = self.file.clone();
        file.wraps.retain(|wrap| wrap.kind != source.kind());
        file.wraps.push(Wrap::make(source, &self.dir, &self.content_key)?);
        self.write(file)
    }

    /// How many wraps of each kind there are: passphrase, key file, recovery.
    pub fn wraps(&self) -> [usize; 3] {
        ["passphrase", "key-file", "recovery"].map(|kind| self.file.wraps.iter().filter(|wrap| wrap.kind == kind).count())
    }

    fn write(&mut self, file: VaultFile) -> Result<(), VaultError> {
        let bytes = serde_json::to_vec_pretty(&file).map_err(|_| VaultError::Crypto("encoding failed"))?;
        write_atomically(&vault_path(&self.dir), &bytes)?;
        self.file = file;
        Ok(())
    }
}

/// Writes a new key file of 32 random bytes (in hexadecimal, mode 0600); an existing file is never replaced.
pub fn make_key_file(path: &Path) -> Result<(), VaultError> {
    if path.exists() {
        return Err(VaultError::Exists);
    }
    Ok(write_atomically(path, hex(&random::<32>()?).as_bytes())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> KeySource {
        KeySource::Passphrase(Zeroizing::new(text.to_owned()))
    }

    #[test]
    fn every_wrap_opens_the_same_secrets_and_nothing_else_does() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut secrets = Secrets::generate().expect("random");
        secrets.extra = b"kept".to_vec();
        let mut vault = Vault::create(dir.path(), &words("春风"), secrets.clone()).expect("creates");
        let file = dir.path().join("key");
        make_key_file(&file).expect("writes");
        let recovery = KeySource::Recovery(Zeroizing::new([9; 32]));
        vault.add_wrap(&KeySource::KeyFile(file.clone())).expect("adds");
        vault.add_wrap(&recovery).expect("adds");
        assert_eq!(vault.wraps(), [1, 1, 1]);
        for source in [words("春风"), KeySource::KeyFile(file), recovery] {
            assert_eq!(Vault::open(dir.path(), &source).expect("opens").secrets(), &secrets);
        }
        let paper = format!("{}-{}", "09".repeat(16), " 09".repeat(16));
        assert!(Vault::open(dir.path(), &KeySource::typed(Zeroizing::new(paper))).is_ok(), "the recovery key, as people type it");
        let before = std::fs::read(vault_path(dir.path())).expect("reads");
        assert!(matches!(Vault::open(dir.path(), &words("秋风")), Err(VaultError::WrongKey("passphrase"))));
        let other = KeySource::Recovery(Zeroizing::new([8; 32]));
        assert!(matches!(Vault::open(dir.path(), &other), Err(VaultError::WrongKey("recovery"))));
        assert_eq!(std::fs::read(vault_path(dir.path())).expect("reads"), before, "untouched");
        assert!(matches!(Vault::create(dir.path(), &words("x"), secrets), Err(VaultError::Exists)));

        vault.replace_wrap(&words("夏雨")).expect("replaces");
        assert!(Vault::open(dir.path(), &words("春风")).is_err());
        let mut opened = Vault::open(dir.path(), &words("夏雨")).expect("opens");
        let mut changed = opened.secrets().clone();
        changed.extra = b"other".to_vec();
        opened.save(changed).expect("saves");
        assert_eq!(Vault::open(dir.path(), &words("夏雨")).expect("opens").secrets().extra, b"other");
    }

    #[test]
    fn a_touched_vault_never_opens() {
        let dir = tempfile::tempdir().expect("a directory");
        let source = KeySource::Recovery(Zeroizing::new([9; 32]));
        Vault::create(dir.path(), &source, Secrets::generate().expect("random")).expect("creates");
        let path = vault_path(dir.path());
        let bytes = std::fs::read(&path).expect("reads");
        for at in (0..bytes.len()).filter(|at| bytes[*at].is_ascii_alphanumeric()) {
            let mut touched = bytes.clone();
            touched[at] = if touched[at] == b'0' { b'1' } else { b'0' };
            std::fs::write(&path, touched).expect("writes");
            assert!(Vault::open(dir.path(), &source).is_err(), "byte {at}");
        }
        std::fs::write(&path, br#"{"version": 9}"#).expect("writes");
        assert!(matches!(Vault::open(dir.path(), &source), Err(VaultError::NewerVersion)));
        std::fs::remove_file(&path).expect("removes");
        assert!(matches!(Vault::open(dir.path(), &source), Err(VaultError::Missing)));
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_may_read_the_files() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().expect("a directory");
        Vault::create(dir.path(), &words("春风"), Secrets::generate().expect("random")).expect("creates");
        for name in ["vault.json", "device.secret"] {
            let mode = std::fs::metadata(dir.path().join(name)).expect("is there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
        std::fs::remove_file(dir.path().join("device.secret")).expect("removes");
        assert!(matches!(Vault::open(dir.path(), &words("春风")), Err(VaultError::NoDeviceSecret)));
    }
}
