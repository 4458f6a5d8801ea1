//! Founding a city and joining one: the steps that make a directory a node.

use super::{Kept, Node, NodeError, io};
use crate::clock::Clock;
use crate::entropy;
use crate::net::join;
use crate::store::{KeySource, Secrets, Vault};
use shouwang_protocol::area::{Area, AreaId, Tier};
use shouwang_protocol::device::{Certificate, DeviceKey};
use shouwang_protocol::record::{ActionId, RecordId};
use shouwang_protocol::replica::{Action, Draft};
use shouwang_provisioning::city::{self, CityKeys, Grantee};
use shouwang_provisioning::enrolment::{EnrolmentError, Grant, Invitation, Request, day_after};
use std::path::Path;
use x25519_dalek::{PublicKey, StaticSecret};

/// Days that a device certificate lasts.
pub(crate) const CERTIFICATE_DAYS: i64 = 400;
/// Who acts where no person does: the machine's administrator.
pub(crate) const CONSOLE: &str = "console";

fn recipient(secrets: &Secrets) -> [u8; 32] {
    PublicKey::from(&StaticSecret::from(secrets.recipient_secret)).to_bytes()
}

/// An action of the console.
pub(crate) fn console_action(drafts: Vec<Draft>, now_ms: i64) -> Result<Action, NodeError> {
    let id = ActionId(entropy::bytes().map_err(io("random numbers"))?);
    Ok(Action { id, staff: CONSOLE.to_owned(), claimed_ms: now_ms, shown: Vec::new(), drafts })
}

impl Node {
    /// Does edits as the console.
    pub(crate) async fn act(&self, drafts: Vec<Draft>) -> Result<Vec<RecordId>, NodeError> {
        let action = console_action(drafts, self.clock().now().wall_ms)?;
        let done = self.writer().commit(vec![action]).await.map_err(|error| NodeError::Told(error.to_string()))?;
        Ok(done.into_iter().flat_map(|done| done.records).collect())
    }
}

/// Makes a city root in a new directory.
pub async fn found(dir: &Path, source: &KeySource, areas: &[Area], office: &str, clock: Clock) -> Result<Node, NodeError> {
    let root_area = areas
        .iter()
        .find(|area| area.parent.is_none())
        .map(|area| area.id)
        .ok_or_else(|| NodeError::Told("the division table has no top".into()))?;
    std::fs::create_dir_all(dir).map_err(io(dir.display()))?;
    let keys =
        CityKeys::from_seeds(entropy::bytes().map_err(io("random numbers"))?, entropy::bytes().map_err(io("random numbers"))?);
    let mut secrets = Secrets::generate()?;
    let offices = city::offices(areas, office);
    let own = offices
        .iter()
        .find(|office| office.areas.contains_key(&root_area))
        .ok_or_else(|| NodeError::Told("the city has no office".into()))?;
    let grantee = Grantee {
        device: secrets.signing_key().key(),
        recipient: recipient(&secrets),
        office: own.id,
        tier: own.tier,
        areas: vec![root_area],
        name: own.name.clone(),
        serial: 1,
        expires: day_after(clock.now().wall_ms, CERTIFICATE_DAYS),
    };
    let certificate = keys.issue(&grantee);
    secrets.node.root = Some(keys.root);
    secrets.node.pinned = vec![certificate.clone()];
    Kept { city: Some(keys), ..Kept::default() }.into(&mut secrets);
    let vault = Vault::create(dir, source, secrets)?;
    let node = Node::start(dir, vault, clock)?;
    let record = node
        .act(vec![city::begin(root_area)])
        .await?
        .pop()
        .ok_or_else(|| NodeError::Told("the division record was not made".into()))?;
    let mut offices = offices.clone();
    for office in &mut offices {
        if office.areas.contains_key(&root_area) {
            office.decider = Some(grantee.device);
        }
    }
    for draft in city::describe(root_area, record, areas, &offices) {
        node.act(vec![draft]).await?;
    }
    node.act(vec![city::enrol(root_area, &grantee, &certificate)]).await?;
    Ok(node)
}

/// Makes keys in a new directory (or takes those of an earlier try) and answers an invitation.
pub fn request_to_join(dir: &Path, source: &KeySource, invitation: &Invitation) -> Result<Request, NodeError> {
    std::fs::create_dir_all(dir).map_err(io(dir.display()))?;
    let mut vault =
        if Vault::exists(dir) { Vault::open(dir, source)? } else { Vault::create(dir, source, Secrets::generate()?)? };
    let mut secrets = vault.secrets().clone();
    if secrets.node.root.is_some() {
        return Err(NodeError::Told("this directory has joined a city already".into()));
    }
    let kept = Kept { invited: Some(invitation.clone()), ..Kept::of(&secrets) };
    kept.into(&mut secrets);
    let request = invitation.answer(&secrets.signing_key(), recipient(&secrets));
    vault.save(secrets)?;
    Ok(request)
}

/// Takes the city's grant: from here on the directory is a node.
pub async fn finish_join(dir: &Path, source: &KeySource, grant: &Grant, clock: Clock) -> Result<Node, NodeError> {
    let mut vault = Vault::open(dir, source)?;
    let mut secrets = vault.secrets().clone();
    let mut kept = Kept::of(&secrets);
    let invitation = kept
        .invited
        .take()
        .ok_or_else(|| NodeError::Told("no invitation was answered here; begin with `join --invite`".into()))?;
    let root = DeviceKey(invitation.root);
    let device = secrets.signing_key().key();
    let (_, certificates) = grant.accept(&root, &device)?;
    secrets.node.root = Some(root);
    secrets.node.pinned = super::own_first(certificates, &root, &device);
    kept.parents = if grant.parents.is_empty() { invitation.parents } else { grant.parents.clone() };
    kept.into(&mut secrets);
    vault.save(secrets)?;
    let node = Node::start(dir, vault, clock)?;
    let runs = grant.runs()?;
    if !runs.is_empty() {
        let from = DeviceKey(invitation.city_device);
        let taken = node.writer().with(move |engine| engine.replica_mut().ingest(from, &runs).map(|_| ())).await?;
        taken?;
    }
    Ok(node)
}

/// Joins over the network, at the first address that answers.
pub async fn join_online(
    dir: &Path,
    source: &KeySource,
    invitation: &Invitation,
    parents: &[String],
    clock: Clock,
) -> Result<Node, NodeError> {
    let request = request_to_join(dir, source, invitation)?;
    let seed = Vault::open(dir, source)?.secrets().device_seed;
    let question = serde_json::to_vec(&request).unwrap_or_default();
    let addresses = if parents.is_empty() { &invitation.parents } else { parents };
    let mut last = EnrolmentError::Unreachable("no address to join at; give --parent HOST:PORT".into());
    for address in addresses {
        match join::request(address, &seed, None, &question).await {
            Ok(answer) => {
                let mut grant = Grant::read(&answer)?;
                if !parents.is_empty() || grant.parents.is_empty() {
                    grant.parents = addresses.to_vec();
                }
                return finish_join(dir, source, &grant, clock).await;
            }
            Err(join::JoinError::Refused(why)) => return Err(NodeError::Told(why)),
            Err(error) => last = EnrolmentError::Unreachable(format!("{address}: {error}")),
        }
    }
    Err(last.into())
}

impl Node {
    /// The city's answer to a request: its own, or its superior's when this is not the city.
    pub(crate) async fn answer_request(&self, bytes: &[u8], with_control: bool) -> Result<Grant, NodeError> {
        let request = Request::read(bytes)?;
        if self.kept().city.is_some() {
            return self.grant(&request, with_control).await;
        }
        let seed = self.vault(|vault| vault.secrets().device_seed);
        let mut last = NodeError::Told("this office knows no superior to ask".into());
        for address in self.parents() {
            match join::request(&address, &seed, None, bytes).await {
                Ok(answer) => {
                    let mut grant = Grant::read(&answer)?;
                    // Who joined through us syncs with us.
                    grant.parents.clear();
                    return Ok(grant);
                }
                Err(error) => last = NodeError::Told(error.to_string()),
            }
        }
        Err(last)
    }

    async fn grant(&self, request: &Request, with_control: bool) -> Result<Grant, NodeError> {
        let kept = self.kept();
        let keys = kept.city.ok_or(NodeError::NotJoined)?;
        let device = DeviceKey(request.device);
        let secret = shouwang_provisioning::enrolment::secret_hash(&request.secret);
        let remembered = kept.invitations.iter().find(|known| known.secret == secret);
        let now = self.clock().now().wall_ms;
        request.check(&keys.root, remembered, now)?;
        let office_id = remembered.map(|known| known.office).ok_or(EnrolmentError::Unknown)?;
        // Used first, granted then: a crash in between lets the same device ask again, and no other.
        self.keep(|kept| {
            for known in kept.invitations.iter_mut().filter(|known| known.secret == secret) {
                known.used_by = Some(device);
            }
        })?;
        let (known, office, root_area) = self
            .writer()
            .with(move |engine| {
                let control = engine.replica().control();
                (control.devices.get(&device).cloned(), control.offices.get(&office_id).cloned(), control.root_area())
            })
            .await?;
        let office = office.ok_or(EnrolmentError::NoOffice)?;
        let root_area = root_area.ok_or(EnrolmentError::NoOffice)?;
        let certificate = match self.certificate_of(device).await? {
            Some(certificate) if known.is_some() => certificate,
            _ => {
                let grantee = Grantee {
                    device,
                    recipient: request.recipient,
                    office: office.id,
                    tier: office.tier,
                    areas: office.areas_now().collect(),
                    name: office.name.clone(),
                    serial: 1,
                    expires: day_after(now, CERTIFICATE_DAYS),
                };
                let certificate = keys.issue(&grantee);
                self.act(vec![city::enrol(root_area, &grantee, &certificate)]).await?;
                // The first device of an office above the village writes its decisions until the city says otherwise or
                // revokes it: then the one that replaces it.
                let open = match office.decider {
                    None => true,
                    Some(decider) => self.writer().with(move |engine| engine.replica().control().is_revoked(&decider)).await?,
                };
                if open && office.tier > Tier::Village {
                    self.name_decider(&device.to_string()).await?;
                }
                certificate
            }
        };
        let own = self.vault(|vault| vault.secrets().node.pinned.clone());
        let mut certificates = vec![certificate];
        certificates.extend(own);
        let mut grant = Grant::new(&certificates, Vec::new());
        if with_control {
            let runs = self.writer().with(|engine| crate::node::execute::control_runs(engine.replica())).await??;
            grant = grant.with_runs(&runs);
        }
        Ok(grant)
    }

    async fn certificate_of(&self, device: DeviceKey) -> Result<Option<Certificate>, NodeError> {
        let found = self.writer().with(move |engine| -> Result<Option<Certificate>, shouwang_protocol::store::StoreError> {
            let replica = engine.replica();
            let Some(id) = replica.control().devices.get(&device).and_then(|facts| facts.record) else { return Ok(None) };
            let record = replica.record(&id)?;
            Ok(record
                .and_then(|record| shouwang_protocol::control::device::newest_certificate(&record.doc, &replica.control().root)))
        });
        Ok(found.await??)
    }
}

/// The area that a code names.
pub(crate) fn area_of(control: &shouwang_protocol::control::Control, code: &str) -> Result<AreaId, NodeError> {
    control.divisions.by_code(code).map(|area| area.id).ok_or_else(|| NodeError::Told(format!("no area has the code {code}")))
}
