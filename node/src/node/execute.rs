//! What the console may ask, carried out.

use super::enrol::area_of;
use super::{Node, NodeError, io};
use crate::console::Request;
use crate::desk::vouch::{self, Worth};
use crate::entropy;
use crate::net::{PeerStatus, Trouble};
use serde_json::{Value, json};
use shouwang_protocol::area::{AreaId, Tier};
use shouwang_protocol::entry::{Entry, Run};
use shouwang_protocol::frontier::Digest;
use shouwang_protocol::replica::Replica;
use shouwang_protocol::store::{Store, StoreError};
use shouwang_provisioning::areas::{Change, NewArea};
use shouwang_provisioning::enrolment::Invitation;
use std::collections::BTreeMap;
use std::path::Path;

/// Bytes of entries read at a time.
const STRIDE_BYTES: usize = 64 * 1024;

/// All runs of the city's control that this replica holds.
pub(crate) fn control_runs<S: Store>(replica: &Replica<S>) -> Result<Vec<Run>, StoreError> {
    let root = replica.control().root_area();
    let logs: Vec<_> =
        replica.frontier().logs().filter(|(log, _)| shouwang_protocol::frontier::is_root_control(&log.place, root)).collect();
    let mut runs = Vec::new();
    for (log, head) in logs {
        let mut next = 0;
        while next < head.length {
            let mut entries = replica.store().entries(log, next, STRIDE_BYTES)?;
            let Some(last) = entries.iter().rposition(|entry| entry.signature.is_some()) else { break };
            entries.truncate(last + 1);
            let Some(signature) = entries.last().and_then(|entry| entry.signature) else { break };
            let entries: Vec<Entry> = entries.into_iter().map(|entry| entry.entry).collect();
            let first = next;
            next += entries.len() as u64;
            runs.push(Run { log: *log, first, entries, signature });
        }
    }
    Ok(runs)
}

fn peer_value(peer: &PeerStatus) -> Value {
    json!({
        "office": peer.office,
        "device": peer.device,
        "address": peer.address,
        "dialled": peer.dialled,
        "connected": peer.connected,
        "resumed": peer.resumed,
        "agreed": peer.agreed,
        "last_sync": peer.last_sync,
        "last_error": peer.last_error.as_ref().map(ToString::to_string),
        "last_error_zh": peer.last_error.map(Trouble::chinese),
        "entries_to_send": peer.entries_to_send,
        "entries_to_receive": peer.entries_to_receive,
        "bytes_sent": peer.bytes_sent,
        "bytes_received": peer.bytes_received,
    })
}

impl Node {
    /// Carries out one request. `progress` is told how much of long work is done, of how much.
    pub async fn execute(&self, request: Request, progress: impl FnMut(u64, u64) + Send + 'static) -> Result<Value, String> {
        let result = match request {
            Request::Status => self.status().await,
            Request::Verify => self.verify(progress).await,
            Request::VerifyAnnual { file } => self.verify_annual(&file).await,
            Request::ImportHouseholds { file } => self.import_households(&file, progress).await,
            Request::PreviewHouseholds { file, limit } => self.preview_households(&file, limit, progress).await,
            Request::ImportAnswers { file } => self.import_answers(&file).await,
            Request::Export { what, out, area, purpose } => self.export(what, &out, area, purpose).await,
            Request::CarryOut { to, everything, out } => self.carry_out(to, everything, &out).await,
            Request::CarryIn { file, answer } => self.carry_in(&file, answer.as_deref()).await,
            Request::ImportEdits { file, check } => self.import_edits(&file, check, progress).await,
            Request::StaffAdd { .. } | Request::StaffReset { .. } | Request::StaffDisable { .. } => self.staff(request).await,
            Request::Invite { areas, name, expires_ms, parents } => self.invite(&areas, name, expires_ms, parents).await,
            Request::Grant { request } => self.answer_request(request.as_bytes(), true).await.map(|grant| json!(grant)),
            Request::Merge { areas } => self.merge(&areas).await,
            Request::AreaChange { area, code, name, parent, from } => {
                self.change_area(&area, Change { code, name, parent }, &from).await
            }
            Request::AreaAdd { code, name, parent, split_from, from } => {
                self.add_area(NewArea { code, name, parent, split_from }, from.as_deref()).await
            }
            Request::Decider { device } => self.name_decider(&device).await,
            Request::Renew { device } => self.renew(&device).await,
            Request::Revoke { device, reason } => self.revoke(&device, &reason).await,
            Request::Backup { out } => self.backup(&out).await,
        };
        result.map_err(|error| error.to_string())
    }

    async fn status(&self) -> Result<Value, NodeError> {
        let me = self.device();
        let counts = self.counts()?;
        let mut value = self
            .writer()
            .with(move |engine| -> Result<Value, StoreError> {
                let replica = engine.replica();
                let control = replica.control();
                let office = control.office_of(&me);
                let areas: Vec<String> =
                    office.iter().flat_map(|office| office.areas_now()).map(|area| area.to_string()).collect();
                let mut digests: BTreeMap<String, Digest> = BTreeMap::new();
                for (place, digest) in replica.frontier().places().filter(|(place, _)| place.floor == Tier::Village) {
                    let sum = digests.entry(place.area.to_string()).or_default();
                    *sum = sum.plus(digest);
                }
                let digests: BTreeMap<String, String> = digests.into_iter().map(|(area, digest)| (area, digest.hex())).collect();
                Ok(json!({
                    "office": office.as_ref().map(|office| office.name.clone()),
                    "tier": office.as_ref().map(|office| office.tier.word()),
                    "areas": areas,
                    "device": me.to_string(),
                    "city": control.root.to_string(),
                    "incarnation": shouwang_protocol::hash::hex(&replica.incarnation().0),
                    "version": env!("CARGO_PKG_VERSION"),
                    "entries": replica.frontier().entries(),
                    "quarantined": replica.waiting(),
                    "frontier_digest": replica.frontier().digest(|_| true).hex(),
                    "areas_digest": digests,
                    "own_entries": replica.own_entries(),
                    "own_logs": replica.frontier().logs().filter(|(log, head)| log.device == me && head.length > 0).count(),
                    "forks": replica.forked().len(),
                    "refused_by_peers": engine.refused_by_peers().len(),
                    "confirmed": { "township": replica.confirmed(Tier::Township), "city": replica.confirmed(Tier::City) },
                }))
            })
            .await??;
        let (peers, ended) = match self.0.net.read().await.as_ref() {
            Some(net) => (net.peers().await?.iter().map(peer_value).collect(), json!(net.ended())),
            None => (json!([]), json!({})),
        };
        let desk = self.desk().await?;
        let packs = desk.pack_troubles(&desk.console().await?).await?;
        let packs: Vec<Value> = packs
            .iter()
            .map(|trouble| json!({ "what": trouble, "told": trouble.english(), "told_zh": trouble.what() }))
            .collect();
        if let Some(object) = value.as_object_mut() {
            object.insert("policy_packs".into(), packs.into());
            object.extend(counts);
            object.insert("peers".into(), peers);
            object.insert("connections_ended".into(), ended);
        }
        Ok(value)
    }

    async fn verify(&self, mut progress: impl FnMut(u64, u64) + Send + 'static) -> Result<Value, NodeError> {
        let found = self.writer().with(move |engine| engine.replica().verify(&mut progress)).await??;
        let readers = self.readers().clone();
        let views = tokio::task::spawn_blocking(move || readers.read(|reader| reader.compare_views())).await;
        let views = views.map_err(|error| NodeError::Told(error.to_string()))??;
        let mut differences: Vec<String> = found.iter().map(|difference| format!("{difference:?}")).collect();
        differences.extend(views);
        Ok(json!({ "differences": differences }))
    }

    async fn verify_annual(&self, file: &Path) -> Result<Value, NodeError> {
        let length = std::fs::metadata(file).map_err(io(file.display()))?.len();
        if length > vouch::FILE_BYTES_MAX {
            return Err(NodeError::Told(format!("{}: larger than any signed annual file", file.display())));
        }
        let bytes = std::fs::read(file).map_err(io(file.display()))?;
        let worth = self.writer().with(move |engine| {
            let control = engine.replica().control();
            vouch::check(&bytes, &control.root, Some(control))
        });
        Ok(annual_value(worth.await?, true))
    }

    async fn invite(
        &self,
        codes: &[String],
        name: Option<String>,
        expires_ms: i64,
        parents: Vec<String>,
    ) -> Result<Value, NodeError> {
        let keys = self.kept().city.ok_or_else(|| NodeError::Told("only the city's root node writes invitations".into()))?;
        let codes = codes.to_vec();
        let (office, areas) = self
            .writer()
            .with(move |engine| -> Result<_, NodeError> {
                let control = engine.replica().control();
                let areas: Vec<AreaId> = codes.iter().map(|code| area_of(control, code)).collect::<Result<_, _>>()?;
                let first = areas.first().copied().ok_or_else(|| NodeError::Told("name an area".into()))?;
                let office =
                    control.office_at(first).cloned().ok_or_else(|| NodeError::Told(format!("no office covers {first}")))?;
                match areas.iter().find(|area| office.areas.get(area) != Some(&true)) {
                    Some(area) => Err(NodeError::Told(format!(
                        "{} does not cover {area}; join the two with `office merge` first",
                        office.name
                    ))),
                    None => Ok((office, areas)),
                }
            })
            .await??;
        let secret = entropy::bytes().map_err(io("random numbers"))?;
        let name = name.unwrap_or_else(|| office.name.clone());
        let (invitation, remembered) =
            Invitation::new((keys.root, self.device()), secret, (office.id, name), &areas, expires_ms, parents);
        self.keep(|kept| kept.invitations.push(remembered))?;
        Ok(json!(invitation))
    }

    async fn carry_out(&self, to: Option<String>, everything: bool, out: &Path) -> Result<Value, NodeError> {
        let desk = self.desk().await?;
        let made = desk.carry_out(&desk.console().await?, to.as_deref(), everything, out).await?;
        Ok(json!({ "written": out.display().to_string(), "carried": made }))
    }

    async fn carry_in(&self, file: &Path, answer: Option<&Path>) -> Result<Value, NodeError> {
        let desk = self.desk().await?;
        let console = desk.console().await?;
        let taken = desk.carry_in(&console, file).await?;
        let mut value = json!(taken);
        if let (Some(out), Some(object)) = (answer, value.as_object_mut()) {
            let made = desk.carry_out(&console, Some(&taken.device.to_string()), false, out).await?;
            object.insert("answer".into(), json!({ "written": out.display().to_string(), "carried": made }));
        }
        Ok(value)
    }

    async fn backup(&self, out: &Path) -> Result<Value, NodeError> {
        if out.exists() {
            return Err(NodeError::Told(format!("{} exists already; name a new directory", out.display())));
        }
        std::fs::create_dir_all(out).map_err(io(out.display()))?;
        let target = out.join("shouwang.db");
        let readers = self.readers().clone();
        let written = tokio::task::spawn_blocking(move || readers.backup_to(&target)).await;
        written.map_err(|error| NodeError::Told(error.to_string()))??;
        std::fs::copy(self.dir().join("vault.json"), out.join("vault.json")).map_err(io("the vault"))?;
        Ok(json!({ "backup": out.display().to_string() }))
    }
}

/// What a signed annual file is worth, for programs and people. `knows_revoked`: whether a revocation would be known.
pub(crate) fn annual_value(worth: Worth, knows_revoked: bool) -> Value {
    let (good, statement, told) = match worth {
        Worth::Nothing(fault) => (false, None, format!("worth nothing: {fault}")),
        Worth::Revoked(statement, body) => {
            let told = format!(
                "the device {} of {} was revoked (lost, stolen or replaced): whoever had it could sign this on any day; \
                 ask the office for a new one",
                body.device.short(),
                body.name
            );
            (false, Some(statement), told)
        }
        Worth::Good(statement, body) => {
            let closed = statement.digest.map_or("the year was not closed".to_owned(), |digest| format!("digest {digest}"));
            let unknown = if knows_revoked { "" } else { "; whether the device was revoked since, only the city's offices know" };
            let told = format!(
                "{} (device {}) vouches for it on {}: household {}, {}, {} lines of aid, {} yuan, {} things missing, {closed}{unknown}",
                body.name,
                body.device.short(),
                statement.day,
                statement.number,
                statement.year,
                statement.lines,
                statement.total,
                statement.missing,
            );
            (true, Some(statement), told)
        }
    };
    let statement = statement.map(|statement| {
        json!({
            "office": statement.office_name, "device": statement.device.to_string(), "day": statement.day.to_string(),
            "household": statement.household.to_string(), "number": statement.number, "year": statement.year,
            "digest": statement.digest.map(|digest| digest.hex()), "lines": statement.lines, "total_fen": statement.total.0,
            "missing": statement.missing,
        })
    });
    json!({ "good": good, "told": told, "statement": statement })
}
