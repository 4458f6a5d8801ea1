//! What a case's standing depends on besides its volumes: policy packs, deciders, and the offices of devices.

use super::super::db::Db;
use super::super::rows::{Sql, all, decode, first, fixed, meta, meta_number, number};
use super::execute;
use shouwang_protocol::device::{Certificate, CertificateBody, DeviceKey, OfficeId};
use shouwang_protocol::records::policy::{Pack, Packs};
use std::collections::BTreeMap;

/// Read once, and again whenever [`Context::generation`] has moved on.
#[derive(Debug, Default)]
pub(crate) struct Context {
    /// The packs that arrived whole, by version.
    pub packs: Packs,
    /// The city's root key and certificates, as the node said.
    pub root: Option<DeviceKey>,
    pub pinned: BTreeMap<DeviceKey, CertificateBody>,
    /// The decider of each office.
    pub deciders: BTreeMap<OfficeId, DeviceKey>,
    /// By name of a log: up to which length the decisions count of a device that was a decider before.
    pub decided: BTreeMap<[u8; 32], u64>,
    pub generation: u64,
}

impl Context {
    pub fn load(db: &Db) -> Sql<Context> {
        let mut context = Context { generation: Context::generation(db)?, ..Context::default() };
        if let Some(bytes) = meta(&db.conn, "trust")? {
            let (root, pinned): (DeviceKey, Vec<Certificate>) = decode(&bytes)?;
            context.root = Some(root);
            for body in pinned.iter().filter_map(|certificate| certificate.verify(&root).ok()) {
                let newer = context.pinned.get(&body.device).is_none_or(|old| old.serial < body.serial);
                if newer {
                    context.pinned.insert(body.device, body);
                }
            }
        }
        let packs = all(
            &db.conn,
            "SELECT pack FROM policy JOIN record ON record.id = policy.record WHERE whole ORDER BY name DESC",
            [],
            |row| {
                let text: String = row.get(0)?;
                Ok(serde_json::from_str::<Pack>(&text).ok())
            },
        )?;
        // Of two packs of one version (nobody should publish them), the same counts everywhere.
        context.packs = packs.into_iter().flatten().map(|pack| (pack.version.clone(), pack)).collect();
        let deciders = all(&db.conn, "SELECT id, decider FROM office WHERE decider IS NOT NULL", [], |row| {
            Ok((OfficeId(row.get(0)?), DeviceKey(fixed(row, 1)?)))
        })?;
        context.deciders = deciders.into_iter().collect();
        let decided = all(&db.conn, "SELECT log, length FROM decided", [], |row| Ok((fixed(row, 0)?, number(row.get(1)?))))?;
        context.decided = decided.into_iter().collect();
        Ok(context)
    }

    /// What [`shouwang_protocol::control::Control::may_decide`] says, from the views.
    pub fn may_decide(&self, office: &OfficeId, device: &DeviceKey, log: &[u8; 32], sequence: u64) -> bool {
        self.deciders.get(office) == Some(device) || self.decided.get(log).is_some_and(|length| sequence < *length)
    }

    /// A number that rises whenever any of this changes.
    pub fn generation(db: &Db) -> Sql<u64> {
        Ok(meta_number(&db.conn, "context")?.unwrap_or(0))
    }

    pub fn note_change(db: &Db) -> Sql<()> {
        let next = Context::generation(db)? + 1;
        execute(&db.conn, "INSERT OR REPLACE INTO meta (key, value) VALUES ('context', ?1)", [next.to_le_bytes()])?;
        Ok(())
    }

    /// The office of a device by its newest certificate.
    pub fn office_of(&self, db: &Db, device: &DeviceKey) -> Sql<Option<OfficeId>> {
        let sql = "SELECT office, serial FROM device WHERE key = ?1 ORDER BY serial DESC LIMIT 1";
        let recorded: Option<(u32, u32)> = first(&db.conn, sql, [device.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let pinned = self.pinned.get(device);
        Ok(match (recorded, pinned) {
            (Some((_, serial)), Some(body)) if body.serial > serial => Some(body.office),
            (Some((office, _)), _) => Some(OfficeId(office)),
            (None, body) => body.map(|body| body.office),
        })
    }
}
