//! Signing in: passwords, lock-out, sessions, the one-time code of the first administrator.
//!
//! Passwords and sessions belong to one machine and are never synchronised. A password is kept as an Argon2id PHC
//! string (19 MiB, two passes), and one is checked at a time, so that guessing costs a laptop no more than that. A
//! guess is counted on the disk before it is checked: pulling the plug brings no further guesses. Five wrong ones in
//! a row begin a delay that doubles; besides, an account takes at most ten in any hour, whatever succeeds in between.
//!
//! Times here come from [`Guards::now`], which never runs backwards, over restarts too: setting the machine's clock
//! back neither ends a lock-out nor revives a session.

use super::model::Person;
use super::outcome::DeskError;
use super::{Command, Desk, NewStaff, derived};
use crate::entropy;
use crate::store::{Lockout, SessionRow};
use data_encoding::{BASE32_NOPAD, BASE64_NOPAD};
use shouwang_protocol::hash::Hash;
use shouwang_protocol::records::staff::Role;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

/// KiB of memory for one password.
const ARGON2_KIB: u32 = 19 * 1024;
/// Passes over it.
const ARGON2_PASSES: u32 = 2;
/// Characters of a password, at least.
pub const PASSWORD_CHARS_MIN: usize = 8;
/// Bytes of a password, at most.
const PASSWORD_BYTES_MAX: usize = 256;
/// Wrong passwords in a row before a delay begins.
const FREE_FAILURES: u32 = 5;
/// Milliseconds of the first delay; each further wrong password doubles it.
const DELAY_MS: i64 = 30_000;
/// Milliseconds of the longest delay.
const DELAY_MS_MAX: i64 = 3_600_000;
/// Milliseconds that one guess uses up. With [`BURST`] of them at once, no hour sees more than ten.
const GUESS_MS: i64 = 12 * 60_000;
/// Guesses that may come at once.
const BURST: i64 = 5;
/// Milliseconds without a request after which a session ends, unless the machine is set otherwise.
pub const SESSION_IDLE_MS: i64 = 10 * 60_000;
/// Milliseconds after which a session ends in any case.
const SESSION_MS_MAX: i64 = 12 * 3_600_000;
/// Milliseconds between two notes on the disk that a session is still used.
const SEEN_EVERY_MS: i64 = 60_000;
/// Sessions whose last request is kept in memory.
const SEEN_MAX: usize = 1_000;
/// Names nobody has are counted together in so many groups, so that guessing names fills no disk.
const STRANGERS: u8 = 64;

const CLOCK: &str = "clock-seen-ms";
const IDLE: &str = "session-idle-ms";
const FIRST_CODE: &str = "first-administrator-code";

/// A session that has begun.
#[derive(Clone)]
pub struct SignIn {
    /// The secret, for a cookie or a header; only its hash is kept here.
    pub token: String,
    /// Who.
    pub person: Person,
}

impl std::fmt::Debug for SignIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SignIn")
    }
}

/// A session as it stands.
#[derive(Clone, Debug)]
pub struct Session {
    /// Who.
    pub person: Person,
    /// Milliseconds until it ends when nothing is asked any more.
    pub left_ms: i64,
}

/// What signing in keeps in memory.
#[derive(Debug)]
pub(super) struct Guards {
    one_at_a_time: Semaphore,
    // The latest time known, and the measuring clock at that moment.
    clock: Mutex<Option<(i64, u64)>>,
    idle_ms: AtomicI64,
    seen: Mutex<BTreeMap<[u8; 32], i64>>,
}

impl Guards {
    pub(super) fn new() -> Guards {
        Guards {
            one_at_a_time: Semaphore::new(1),
            clock: Mutex::new(None),
            idle_ms: AtomicI64::new(SESSION_IDLE_MS),
            seen: Mutex::new(BTreeMap::new()),
        }
    }

    fn seen<T>(&self, look: impl FnOnce(&mut BTreeMap<[u8; 32], i64>) -> T) -> T {
        look(&mut self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

fn stretch(password: &str, salt: &[u8]) -> Result<Zeroizing<[u8; 32]>, DeskError> {
    let fault = |_| DeskError::Store { why: "密码运算失败".to_owned() };
    let params = argon2::Params::new(ARGON2_KIB, ARGON2_PASSES, 1, Some(32)).map_err(fault)?;
    let argon = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
    let mut out = Zeroizing::new([0; 32]);
    argon.hash_password_into(password.as_bytes(), salt, &mut *out).map_err(fault)?;
    Ok(out)
}

fn random<const N: usize>() -> Result<[u8; N], DeskError> {
    entropy::bytes().map_err(|_| DeskError::Store { why: "系统没有随机数".to_owned() })
}

fn phc(password: &str) -> Result<Zeroizing<String>, DeskError> {
    let salt: [u8; 16] = random()?;
    let hash = stretch(password, &salt)?;
    let (salt, hash) = (BASE64_NOPAD.encode(&salt), Zeroizing::new(BASE64_NOPAD.encode(&*hash)));
    Ok(Zeroizing::new(format!("$argon2id$v=19$m={ARGON2_KIB},t={ARGON2_PASSES},p=1${salt}${}", *hash)))
}

/// Whether a password fits. Without a PHC string the same work is done, so that the time tells nothing.
fn fits(password: &str, phc: Option<&str>) -> Result<bool, DeskError> {
    let prefix = format!("$argon2id$v=19$m={ARGON2_KIB},t={ARGON2_PASSES},p=1$");
    let decode = |text: &str| BASE64_NOPAD.decode(text.as_bytes()).ok();
    let parts = phc.and_then(|phc| phc.strip_prefix(&prefix)?.split_once('$'));
    let known = parts.and_then(|(salt, hash)| Some((decode(salt)?, decode(hash)?)));
    let (salt, hash) = known.unwrap_or_else(|| (vec![0; 16], Vec::new()));
    Ok(same(&*stretch(password, &salt)?, &hash))
}

/// Compares in constant time.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

/// How long a further guess must wait.
fn wait_ms(row: Lockout, rate: Lockout, now: i64) -> i64 {
    let delay = row.until_ms - now;
    // Room for one more guess, of those that may come at once.
    let room = rate.until_ms - now - (BURST - 1) * GUESS_MS;
    delay.max(room).max(0)
}

fn after_guess(row: Lockout, now: i64) -> Lockout {
    let failures = row.failures.saturating_add(1);
    let doublings = failures.saturating_sub(FREE_FAILURES).min(20);
    let delay = if failures < FREE_FAILURES { 0 } else { (DELAY_MS << doublings).min(DELAY_MS_MAX) };
    Lockout { failures, until_ms: now + delay }
}

/// A code for people: five groups of five letters and digits.
fn code_text(bytes: &[u8; 16]) -> String {
    let letters = BASE32_NOPAD.encode(bytes);
    let groups: Vec<&str> = letters.as_bytes().chunks(5).take(5).filter_map(|group| std::str::from_utf8(group).ok()).collect();
    groups.join("-")
}

fn code_hash(code: &str) -> Hash {
    let plain: String = code.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect();
    Hash::of("shouwang first administrator 1", &[plain.as_bytes()])
}

impl Desk {
    /// A clock that never runs backwards: the wall's, or what was last known plus what was measured since.
    async fn steady_ms(&self) -> Result<i64, DeskError> {
        let number = |bytes: Option<Vec<u8>>| bytes.and_then(|bytes| Some(i64::from_le_bytes(bytes.try_into().ok()?)));
        let guards = &self.inner.guards;
        let known = *guards.clock.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let now = self.clock().now();
        let (base, then) = match known {
            Some(known) => known,
            None => {
                let (seen, idle) =
                    self.read(move |reader| Ok((number(reader.setting(CLOCK)?), number(reader.setting(IDLE)?)))).await?;
                guards.idle_ms.store(idle.unwrap_or(SESSION_IDLE_MS), Ordering::Relaxed);
                (seen.unwrap_or(i64::MIN), now.mono_ms)
            }
        };
        let passed = i64::try_from(now.mono_ms.saturating_sub(then)).unwrap_or(0);
        let steady = base.saturating_add(passed).max(now.wall_ms);
        let mut kept = guards.clock.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let latest = kept.map_or(steady, |(latest, _)| latest.max(steady));
        *kept = Some((latest, now.mono_ms));
        Ok(latest)
    }

    /// Sets after how many milliseconds without a request a session ends.
    pub async fn set_session_idle(&self, ms: i64) -> Result<(), DeskError> {
        let ms = ms.clamp(60_000, SESSION_MS_MAX);
        self.inner.guards.idle_ms.store(ms, Ordering::Relaxed);
        self.local(move |local| local.put_setting(IDLE, &ms.to_le_bytes())).await
    }

    /// Counts a guess before it is checked; too many are not checked at all.
    async fn count_guess(&self, subject: &str, now: i64) -> Result<(), DeskError> {
        let (row, rate) = (format!("sign-in:{subject}"), format!("rate:{subject}"));
        let wait = self
            .local(move |local| {
                let mut wait = 0;
                // Read by an empty change: nothing else writes these two.
                let known = (local.lockout(&row, |known| known)?, local.lockout(&rate, |known| known)?);
                wait = wait_ms(known.0, known.1, now).max(wait);
                if wait == 0 {
                    local.lockout(&row, |known| after_guess(known, now))?;
                    local.lockout(&rate, |known| Lockout { failures: 1, until_ms: known.until_ms.max(now) + GUESS_MS })?;
                }
                local.put_setting(CLOCK, &now.to_le_bytes())?;
                Ok(wait)
            })
            .await?;
        if wait > 0 { Err(DeskError::Locked { seconds: u64::try_from(wait).unwrap_or(0).div_ceil(1_000) }) } else { Ok(()) }
    }

    /// The last guess was right: it does not count, and the delay is over.
    async fn was_right(&self, subject: &str) -> Result<(), DeskError> {
        let (row, rate) = (format!("sign-in:{subject}"), format!("rate:{subject}"));
        self.local(move |local| {
            local.lockout(&row, |_| Lockout::default())?;
            local.lockout(&rate, |known| Lockout { until_ms: known.until_ms - GUESS_MS, ..known }).map(drop)
        })
        .await
    }

    /// Forgets wrong passwords: an administrator has given a new one.
    pub(super) async fn forgive(&self, staff: &str) -> Result<(), DeskError> {
        let (row, rate) = (format!("sign-in:{staff}"), format!("rate:{staff}"));
        self.local(move |local| {
            local.lockout(&row, |_| Lockout::default())?;
            local.lockout(&rate, |_| Lockout::default()).map(drop)
        })
        .await
    }

    /// A new password as it is kept.
    pub(super) async fn new_password(&self, password: &str) -> Result<Zeroizing<String>, DeskError> {
        if password.chars().count() < PASSWORD_CHARS_MIN {
            return Err(DeskError::invalid("password", format!("密码至少 {PASSWORD_CHARS_MIN} 个字符")));
        }
        if password.len() > PASSWORD_BYTES_MAX {
            return Err(DeskError::invalid("password", "密码过长"));
        }
        let password = Zeroizing::new(password.to_owned());
        self.stretched(move || phc(&password)).await
    }

    /// Runs a password computation, one at a time.
    async fn stretched<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, DeskError> + Send + 'static,
    ) -> Result<T, DeskError> {
        let fault = || DeskError::Store { why: "密码运算中断".to_owned() };
        let _permit = self.inner.guards.one_at_a_time.acquire().await.map_err(|_| fault())?;
        tokio::task::spawn_blocking(work).await.map_err(|_| fault())?
    }

    /// Begins a session.
    pub async fn sign_in(&self, id: &str, password: &str) -> Result<SignIn, DeskError> {
        let id = id.trim().to_owned();
        let (inner, staff, day) = (self.inner.clone(), id.clone(), self.today());
        let (person, phc) = self
            .read(move |reader| {
                let here = super::here(reader, &inner)?;
                let row = reader.staff_by_id(here.office, &staff)?.filter(|row| row.works_on(day));
                let person = row.map(|row| person_of(&row, &here));
                Ok((person, reader.password(&staff)?))
            })
            .await?;
        let known = person.as_ref().filter(|_| phc.is_some());
        let subject = match known {
            Some(_) => id,
            None => format!("?{}", Hash::of("shouwang stranger 1", &[id.as_bytes()]).0[0] % STRANGERS),
        };
        self.count_guess(&subject, self.steady_ms().await?).await?;
        let (phc, password) = (phc.filter(|_| person.is_some()).map(Zeroizing::new), Zeroizing::new(password.to_owned()));
        let right = self.stretched(move || fits(&password, phc.as_ref().map(|phc| phc.as_str()))).await?;
        let person = person.filter(|_| right).ok_or(DeskError::WrongPassword)?;
        self.was_right(&subject).await?;
        self.begin_session(person).await
    }

    async fn begin_session(&self, person: Person) -> Result<SignIn, DeskError> {
        let token = Zeroizing::new(random::<32>()?);
        let text = shouwang_protocol::hash::hex(&*token);
        let now = self.steady_ms().await?;
        let ends = now + SESSION_MS_MAX;
        let idle = self.inner.guards.idle_ms.load(Ordering::Relaxed);
        let row = SessionRow {
            token: self.token_hash(&text),
            staff: person.id.clone(),
            created_ms: now,
            seen_ms: now,
            expires_ms: ends.min(now + idle),
            data: ends.to_le_bytes().to_vec(),
        };
        self.local(move |local| local.put_session(&row).and_then(|()| local.put_setting(CLOCK, &now.to_le_bytes()))).await?;
        Ok(SignIn { token: text, person })
    }

    /// What is kept of a token: a hash that means something on this device only.
    fn token_hash(&self, token: &str) -> [u8; 32] {
        Hash::of("shouwang session 1", &[token.as_bytes(), &self.inner.device.0]).0
    }

    /// Whose session it is; the request keeps it alive.
    pub async fn session(&self, token: &str) -> Result<Person, DeskError> {
        self.find_session(token, true).await.map(|session| session.person)
    }

    /// The same for a page that asks by itself: looking does not keep a session alive.
    pub async fn peek_session(&self, token: &str) -> Result<Session, DeskError> {
        self.find_session(token, false).await
    }

    async fn find_session(&self, token: &str, used: bool) -> Result<Session, DeskError> {
        let hash = self.token_hash(token);
        let (inner, day) = (self.inner.clone(), self.today());
        let (row, person) = self
            .read(move |reader| {
                let row = reader.session(&hash)?.ok_or(DeskError::SignedOut)?;
                let here = super::here(reader, &inner)?;
                let staff = reader.staff_by_id(here.office, &row.staff)?.filter(|staff| staff.works_on(day));
                let person = staff.map(|staff| person_of(&staff, &here)).ok_or(DeskError::SignedOut)?;
                Ok((row, person))
            })
            .await?;
        let guards = &self.inner.guards;
        let (now, idle) = (self.steady_ms().await?, guards.idle_ms.load(Ordering::Relaxed));
        let ends = row.data.clone().try_into().map_or(row.expires_ms, i64::from_le_bytes);
        let seen = guards.seen(|seen| seen.get(&hash).copied()).unwrap_or(row.seen_ms).max(row.seen_ms);
        let expires = ends.min(seen + idle);
        if now >= expires {
            self.end(hash).await?;
            return Err(DeskError::SignedOut);
        }
        if !used {
            return Ok(Session { person, left_ms: expires - now });
        }
        guards.seen(|seen| {
            if seen.len() >= SEEN_MAX {
                seen.retain(|_, at| *at + idle > now);
            }
            seen.insert(hash, now);
        });
        let left_ms = ends.min(now + idle) - now;
        if now - row.seen_ms >= SEEN_EVERY_MS {
            let row = SessionRow { seen_ms: now, expires_ms: now + left_ms, ..row };
            // A full disk must not throw people out: memory knows that the session is used.
            let noted = self
                .local(move |local| local.put_session(&row).and_then(|()| local.put_setting(CLOCK, &now.to_le_bytes())))
                .await;
            if noted.is_err() {
                tracing::debug!("a session could not be noted as used");
            }
        }
        Ok(Session { person, left_ms })
    }

    async fn end(&self, hash: [u8; 32]) -> Result<(), DeskError> {
        self.inner.guards.seen(|seen| seen.remove(&hash));
        self.local(move |local| local.end_session(&hash).map(drop)).await
    }

    /// Ends a session.
    pub async fn sign_out(&self, token: &str) -> Result<(), DeskError> {
        self.end(self.token_hash(token)).await
    }

    /// A one-time code with which the office's first administrator signs in; the code before it no longer counts.
    /// None when somebody has a password here already.
    pub async fn one_time_code(&self) -> Result<Option<String>, DeskError> {
        if !self.needs_first_administrator().await? {
            return Ok(None);
        }
        let code = code_text(&random()?);
        let hash = code_hash(&code);
        self.local(move |local| local.put_setting(FIRST_CODE, &hash.0)).await?;
        Ok(Some(code))
    }

    /// Whether nobody has a password on this machine yet.
    pub async fn needs_first_administrator(&self) -> Result<bool, DeskError> {
        self.read(|reader| Ok(!reader.has_passwords()?)).await
    }

    /// Makes the first administrator, who shows the one-time code, and signs them in.
    pub async fn first_administrator(&self, code: &str, id: &str, name: &str, password: &str) -> Result<SignIn, DeskError> {
        let subject = "?first";
        self.count_guess(subject, self.steady_ms().await?).await?;
        let kept = self.read(|reader| Ok(reader.setting(FIRST_CODE)?)).await?;
        let hash = code_hash(code);
        if !kept.is_some_and(|kept| same(&kept, &hash.0)) || !self.needs_first_administrator().await? {
            return Err(DeskError::WrongPassword);
        }
        self.was_right(subject).await?;
        let new = NewStaff {
            id: id.trim().to_owned(),
            name: name.to_owned(),
            roles: BTreeSet::from([Role::Administrator]),
            department: None,
            provider: None,
            password: password.to_owned(),
        };
        let action = derived("shouwang first administrator 1", &[&hash.0, new.id.as_bytes()]);
        let console = self.console().await?;
        self.perform(&console, action, Command::AddStaff(new)).await?;
        self.local(|local| local.remove_setting(FIRST_CODE).map(drop)).await?;
        self.sign_in(id, password).await
    }
}

fn person_of(row: &crate::store::reader::StaffRow, here: &super::Here) -> Person {
    let some = |code: &String| (!code.is_empty()).then(|| code.clone());
    Person {
        id: row.id.clone(),
        name: row.name.clone(),
        office: row.office,
        tier: here.tier,
        roles: row.roles.clone(),
        department: some(&row.department),
        provider: some(&row.provider),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_fits_its_own_string_only() {
        let kept = phc("correct horse").expect("stretches");
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(fits("correct horse", Some(&kept)).expect("checks"));
        assert!(!fits("correct horsf", Some(&kept)).expect("checks"));
        assert!(!fits("", None).expect("checks"));
    }

    #[test]
    fn no_hour_sees_more_than_ten_guesses_and_the_delay_grows() {
        let (mut row, mut rate) = (Lockout::default(), Lockout::default());
        let mut guesses: Vec<i64> = Vec::new();
        for second in 0..200_000_i64 {
            let now = second * 1_000;
            if wait_ms(row, rate, now) == 0 {
                // A success in between, at every third: only the delay is forgiven.
                row = if guesses.len() % 3 == 2 { Lockout::default() } else { after_guess(row, now) };
                rate = Lockout { failures: 1, until_ms: rate.until_ms.max(now) + GUESS_MS };
                guesses.push(now);
            }
        }
        for (at, first) in guesses.iter().enumerate() {
            let within = guesses[at..].iter().take_while(|guess| **guess < first + 3_600_000).count();
            assert!(within <= 10, "{within}");
        }
        let mut row = Lockout::default();
        let mut last = 0;
        for failure in 1..=20 {
            row = after_guess(row, 0);
            assert!(row.until_ms >= last && row.until_ms <= DELAY_MS_MAX);
            assert_eq!(row.until_ms > 0, failure >= 5);
            last = row.until_ms;
        }
    }

    #[test]
    fn a_code_reads_the_same_however_it_is_typed() {
        let code = code_text(&[7; 16]);
        assert_eq!(code.len(), 29);
        assert_eq!(code_hash(&code), code_hash(&code.to_lowercase().replace('-', " ")));
    }
}
