//! A device's record: its certificates, where its logs are closed, up to where it was a decider, and which branch counts
//! where one forked.

use super::DeviceFacts;
use crate::device::{Certificate, DeviceKey};
use crate::entry::EntryRef;
use crate::hash::{Hash, unhex};
use crate::records::Edit;
use automerge::transaction::Transactable;
use automerge::{Automerge, ObjId, ObjType, ROOT, ReadDoc, ScalarValue, Value};

/// The first change: the device and its first certificate.
pub fn create(device: DeviceKey, serial: u32, certificate: &Certificate) -> Edit {
    let bytes = certificate.to_bytes();
    Box::new(move |tx| {
        tx.put(ROOT, "schema", 1_i64)?;
        tx.put(ROOT, "device", device.to_string())?;
        let certificates = tx.put_object(ROOT, "certificates", ObjType::Map)?;
        tx.put(&certificates, serial.to_string(), ScalarValue::Bytes(bytes))?;
        tx.put_object(ROOT, "closings", ObjType::Map)?;
        tx.put_object(ROOT, "decided", ObjType::Map)?;
        tx.put_object(ROOT, "choices", ObjType::Map)?;
        Ok(())
    })
}

fn child(doc: &impl ReadDoc, key: &str) -> Option<ObjId> {
    match doc.get(ROOT, key) {
        Ok(Some((Value::Object(ObjType::Map), id))) => Some(id),
        _ => None,
    }
}

/// A renewal: a new certificate for the same keys.
pub fn renew(serial: u32, certificate: &Certificate) -> Edit {
    let bytes = certificate.to_bytes();
    Box::new(move |tx| {
        let Some(map) = child(tx, "certificates") else { return Ok(()) };
        tx.put(&map, serial.to_string(), ScalarValue::Bytes(bytes))?;
        Ok(())
    })
}

/// Closes logs at these lengths.
pub fn close(lengths: Vec<(Hash, u64)>) -> Edit {
    put_lengths("closings", lengths)
}

/// Says that the device was its office's decider, and up to which lengths of its logs.
pub fn hand_over(lengths: Vec<(Hash, u64)>) -> Edit {
    put_lengths("decided", lengths)
}

fn put_lengths(kind: &'static str, lengths: Vec<(Hash, u64)>) -> Edit {
    Box::new(move |tx| {
        let Some(map) = child(tx, kind) else { return Ok(()) };
        for (log, length) in lengths {
            tx.put(&map, log.hex(), i64::try_from(length).unwrap_or(i64::MAX))?;
        }
        Ok(())
    })
}

/// Revokes the device: its logs close at the lengths given, any other at 0.
pub fn revoke(reason: String, lengths: Vec<(Hash, u64)>) -> Edit {
    let close = close(lengths);
    Box::new(move |tx| {
        tx.put(ROOT, "revoked", reason)?;
        close(tx)
    })
}

/// Says which entry counts where a log forked.
pub fn choose(at: EntryRef, head: Hash) -> Edit {
    Box::new(move |tx| {
        let Some(map) = child(tx, "choices") else { return Ok(()) };
        tx.put(&map, format!("{}/{}", at.log, at.sequence), head.hex())?;
        Ok(())
    })
}

fn hash(text: &str) -> Option<Hash> {
    Some(Hash(unhex(text)?.try_into().ok()?))
}

/// The device and what is said of it. Of several lengths for one log the highest counts; of several choices made at
/// once, the lowest hash, so that all replicas agree.
pub fn read(doc: &Automerge, root: &DeviceKey) -> Option<(DeviceKey, DeviceFacts)> {
    let scalar = |value: Value<'_>| value.into_scalar().ok();
    let key = match doc.get(ROOT, "device") {
        Ok(Some((Value::Scalar(scalar), _))) => DeviceKey::parse(scalar.as_str()?)?,
        _ => return None,
    };
    let mut facts = DeviceFacts { revoked: matches!(doc.get(ROOT, "revoked"), Ok(Some(_))), ..DeviceFacts::default() };
    let all = |name: &str| -> Vec<(String, Vec<ScalarValue>)> {
        let Some(map) = child(doc, name) else { return Vec::new() };
        let keys: Vec<String> = doc.keys(&map).collect();
        let values = |key: &String| {
            doc.get_all(&map, key.as_str()).unwrap_or_default().into_iter().filter_map(|(v, _)| scalar(v)).collect()
        };
        keys.into_iter().map(|key| (key.clone(), values(&key))).collect()
    };
    for (_, values) in all("certificates") {
        for value in values {
            let ScalarValue::Bytes(bytes) = value else { continue };
            let Some(body) = Certificate::from_bytes(&bytes).and_then(|certificate| certificate.verify(root).ok()) else {
                continue;
            };
            let newer = facts.certificate.as_ref().is_none_or(|old| old.serial < body.serial);
            if body.device == key && newer {
                facts.certificate = Some(body);
            }
        }
    }
    for (kind, lengths) in [("closings", &mut facts.closings), ("decided", &mut facts.decided)] {
        for (log, values) in all(kind) {
            let length =
                values.iter().filter_map(|v| if let ScalarValue::Int(n) = v { u64::try_from(*n).ok() } else { None }).max();
            if let (Some(log), Some(length)) = (hash(&log), length) {
                lengths.insert(log, length);
            }
        }
    }
    for (at, values) in all("choices") {
        let head = values.iter().filter_map(|v| if let ScalarValue::Str(s) = v { hash(s) } else { None }).min();
        let at = at.split_once('/').and_then(|(log, seq)| Some(EntryRef { log: hash(log)?, sequence: seq.parse().ok()? }));
        if let (Some(at), Some(head)) = (at, head) {
            facts.choices.insert(at, head);
        }
    }
    Some((key, facts))
}

/// The newest certificate in a device's record that holds.
pub fn newest_certificate(doc: &Automerge, root: &DeviceKey) -> Option<Certificate> {
    let map = child(doc, "certificates")?;
    let bytes = doc.keys(&map).filter_map(|key| match doc.get(&map, key.as_str()) {
        Ok(Some((Value::Scalar(scalar), _))) => scalar.as_bytes().map(<[u8]>::to_vec),
        _ => None,
    });
    let holds = |certificate: Certificate| certificate.verify(root).ok().map(|body| (body.serial, certificate));
    let newest = bytes.filter_map(|bytes| Certificate::from_bytes(&bytes)).filter_map(holds).max_by_key(|(serial, _)| *serial);
    newest.map(|(_, certificate)| certificate)
}
