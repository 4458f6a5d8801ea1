//! What only this machine knows: counts, codes told once, restoring.

use super::{Node, NodeError, io};
use crate::entropy;
use crate::store::{self, KeySource, Vault};
use serde_json::{Map, Value, json};
use std::path::Path;
use zeroize::Zeroizing;

/// Shown once, after a directory became a node.
pub struct ToldOnce {
    /// Opens the vault when the passphrase is forgotten.
    pub recovery_key: String,
    /// Lets the first administrator sign in and choose a password.
    pub administrator_code: String,
}

impl Node {
    /// Makes the recovery key and the first administrator's one-time code.
    pub async fn told_once(&self) -> Result<ToldOnce, NodeError> {
        let recovery = Zeroizing::new(entropy::bytes::<32>().map_err(io("random numbers"))?);
        let recovery_key = shouwang_protocol::hash::hex(&*recovery);
        self.0.vault.lock().unwrap_or_else(std::sync::PoisonError::into_inner).add_wrap(&KeySource::Recovery(recovery))?;
        let administrator_code = self.desk().await?.one_time_code().await?.unwrap_or_default();
        Ok(ToldOnce { recovery_key, administrator_code })
    }

    /// The office's name.
    pub async fn office_name(&self) -> Result<String, NodeError> {
        let me = self.device();
        Ok(self
            .writer()
            .with(move |engine| engine.replica().control().office_of(&me).map(|office| office.name))
            .await?
            .unwrap_or_default())
    }
}

/// Puts a backup in the place of a directory's database. What was there is set aside, never deleted; the next opening
/// begins a new incarnation.
pub fn restore(dir: &Path, from: &Path, source: &KeySource) -> Result<(), NodeError> {
    let (database, vault) = (from.join("shouwang.db"), from.join("vault.json"));
    if !database.is_file() || !vault.is_file() {
        return Err(NodeError::Told(format!(
            "{} is not a backup: shouwang.db and vault.json are expected in it",
            from.display()
        )));
    }
    std::fs::create_dir_all(dir).map_err(io(dir.display()))?;
    if !Vault::exists(dir) {
        std::fs::copy(&vault, dir.join("vault.json")).map_err(io("the vault"))?;
    }
    // Before anything is moved: does the key fit?
    let key = Vault::open(dir, source)?.secrets().database_key;
    if store::database_path(dir).exists() {
        store::set_aside(dir)?;
    }
    Ok(store::restore(&database, dir, &key, store::Options::default())?)
}

impl Node {
    /// Counts for `status`.
    pub(crate) fn counts(&self) -> Result<Map<String, Value>, NodeError> {
        let counts = self.readers().read(|reader| reader.counts())?;
        Ok(match json!(counts) {
            Value::Object(map) => map,
            _ => Map::new(),
        })
    }
}
