//! What the city says about areas and the offices that cover them: other codes and names, another township, a new area,
//! two areas under one office.
//!
//! Whoever loses an area by it keeps what the city holds of its logs there and nothing later: the lengths are stated first.

use super::devices::LENGTHS;
use super::enrol::area_of;
use super::{Node, NodeError};
use crate::desk::day_of;
use serde_json::{Value, json};
use shouwang_protocol::area::{Area, Tier};
use shouwang_protocol::control::{Control, Office, device, divisions};
use shouwang_protocol::record::RecordRef;
use shouwang_protocol::replica::Draft;
use shouwang_provisioning::areas::{self, Change, NewArea, Written};
use shouwang_provisioning::city;
use std::collections::BTreeSet;

/// Areas and offices as they are to be.
#[derive(Default)]
struct Tree {
    areas: Vec<Area>,
    offices: Vec<Office>,
}

impl Node {
    /// Gives an area another code, name or township.
    pub(super) async fn change_area(&self, area: &str, change: Change, from: &str) -> Result<Value, NodeError> {
        let (code, from, today) = (area.to_owned(), from.to_owned(), day_of(self.clock().now().wall_ms));
        let (old, new) = self
            .at_the_city(move |control| {
                let written = areas::change(control, &code, &change, &from, today).map_err(told)?;
                let old = control.divisions.get(written.area.id).cloned().ok_or(NodeError::NotJoined)?;
                Ok((old, written))
            })
            .await?;
        let mut report = self.described(&new).await?;
        if new.already {
            return Ok(report);
        }
        let moved = old.parent != new.area.parent;
        let closed = self.write_tree(Tree { areas: vec![new.area], offices: new.office.into_iter().collect() }).await?;
        report["before"] = json!({ "code": old.code, "name": old.name });
        if moved {
            report["logs_closed"] = closed.logs.into();
            report["offices_that_lost_it_called_last_ms"] = closed.called;
            report["next"] = "tell the office whom to dial now (`run --parent`); what the former township wrote there and had \
                              not brought to the city falls"
                .into();
        }
        Ok(report)
    }

    /// Lists a new area, with an office of its own.
    pub(super) async fn add_area(&self, new: NewArea, from: Option<&str>) -> Result<Value, NodeError> {
        let today = day_of(self.clock().now().wall_ms);
        let from = from.map_or_else(|| today.to_string(), str::to_owned);
        let written = self.at_the_city(move |control| areas::add(control, &new, &from, today).map_err(told)).await?;
        let mut report = self.described(&written).await?;
        if !written.already {
            let code = written.area.code.clone();
            self.write_tree(Tree { areas: vec![written.area], offices: written.office.into_iter().collect() }).await?;
            report["next"] = format!("invite a device of its office: `invite --area {code}`").into();
        }
        Ok(report)
    }

    /// Joins two areas in one office (区镇合一).
    pub(super) async fn merge(&self, codes: &[String]) -> Result<Value, NodeError> {
        let codes = codes.to_vec();
        let [keeps, leaves] = self
            .at_the_city(move |control| {
                let [a, b] = codes.as_slice() else { return Err(NodeError::Told("name two areas".into())) };
                city::merge(control, area_of(control, a)?, area_of(control, b)?).map_err(told)
            })
            .await?;
        let name = keeps.name.clone();
        let closed = self.write_tree(Tree { areas: Vec::new(), offices: vec![keeps, leaves] }).await?;
        let mut report = json!({ "office": name, "logs_closed": closed.logs });
        if closed.logs > 0 {
            report["offices_that_lost_it_called_last_ms"] = closed.called;
            report["next"] = "machines of the office that was joined write there no more: invite them again".into();
        }
        Ok(report)
    }

    /// Reads control, where this is the city.
    async fn at_the_city<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Control) -> Result<T, NodeError> + Send + 'static,
    ) -> Result<T, NodeError> {
        let me = self.device();
        let read = self.writer().with(move |engine| {
            let control = engine.replica().control();
            match control.office_of(&me).ok_or(NodeError::NotJoined)?.tier {
                Tier::City => read(control),
                _ => Err(NodeError::Told("areas are the city's to change; nothing was changed; ask the city centre".into())),
            }
        });
        read.await?
    }

    async fn described(&self, written: &Written) -> Result<Value, NodeError> {
        let area = written.area.clone();
        let parent = area.parent;
        let name =
            self.writer().with(move |engine| Some(engine.replica().control().divisions.get(parent?)?.name.clone())).await?;
        Ok(json!({
            "area": area.id.to_string(), "code": area.code, "name": area.name, "tier": area.tier.word(), "parent": name,
            "already": written.already,
        }))
    }

    /// Writes how areas and offices are from now on, after the lengths of what somebody loses by it.
    async fn write_tree(&self, tree: Tree) -> Result<Closed, NodeError> {
        let Tree { areas, offices } = tree;
        let (of_areas, of_offices) = (areas.clone(), offices.clone());
        let (root, record, closings, losers) = self
            .writer()
            .with(move |engine| -> Result<_, NodeError> {
                let (replica, control) = (engine.replica(), engine.replica().control());
                let closings = replica.closings(&of_areas, &of_offices);
                let losing =
                    control.devices.iter().filter(|(_, facts)| facts.record.is_some_and(|id| closings.contains_key(&id)));
                let losers: BTreeSet<_> = losing.filter_map(|(key, _)| control.office_of(key)).map(|office| office.id).collect();
                let losers: Vec<Office> = losers.iter().filter_map(|id| control.offices.get(id).cloned()).collect();
                let root = control.root_area().ok_or(NodeError::NotJoined)?;
                Ok((root, control.divisions_record.ok_or(NodeError::NotJoined)?, closings, losers))
            })
            .await??;
        let about = |record, edit| Draft { place: city::control_place(root), record: RecordRef::Known(record), edit };
        let mut closed = Closed { logs: 0, called: json!({}) };
        for office in &losers {
            closed.called[office.name.as_str()] = self.called_last(office).await?;
        }
        for (device, lengths) in closings {
            closed.logs += lengths.len();
            for some in lengths.chunks(LENGTHS) {
                self.act(vec![about(device, device::close(some.to_vec()))]).await?;
            }
        }
        let mut drafts = Vec::new();
        if !areas.is_empty() {
            drafts.push(about(record, divisions::put_areas(areas)));
        }
        if !offices.is_empty() {
            drafts.push(about(record, divisions::put_offices(offices)));
        }
        self.act(drafts).await?;
        Ok(closed)
    }
}

/// What was taken away from somebody.
struct Closed {
    /// Logs that were closed.
    logs: usize,
    /// When the offices they belong to called last, by name.
    called: Value,
}

fn told(error: impl std::fmt::Display) -> NodeError {
    NodeError::Told(error.to_string())
}
