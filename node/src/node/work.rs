//! Staff accounts and pages of a node, through the Desk like everybody else's.

use super::{Node, NodeError, io};
use crate::console::Request;
use crate::desk::{Command, NewStaff};
use crate::entropy;
use crate::web;
use serde_json::{Value, json};
use shouwang_protocol::record::ActionId;
use shouwang_protocol::records::staff::Role;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

impl Node {
    /// Staff commands of the console.
    pub(crate) async fn staff(&self, request: Request) -> Result<Value, NodeError> {
        let command = match request {
            Request::StaffAdd { id, name, roles, department, provider, password } => {
                let role = |word: &String| Role::from_word(word).ok_or_else(|| NodeError::Told(format!("{word} is no role")));
                let roles = roles.iter().map(role).collect::<Result<_, _>>()?;
                Command::AddStaff(NewStaff { id, name, roles, department, provider, password })
            }
            Request::StaffReset { id, password } => Command::ResetPassword { staff: id, password },
            Request::StaffDisable { id } => Command::DisableStaff { staff: id },
            _ => return Err(NodeError::Told("no staff command".into())),
        };
        let desk = self.desk().await?;
        let console = desk.console().await?;
        let outcome = desk.perform(&console, ActionId(entropy::bytes().map_err(io("random numbers"))?), command).await?;
        Ok(json!({ "message": outcome.message }))
    }

    /// Serves the pages, and says where.
    pub(crate) async fn serve_pages(
        &self,
        listener: Option<TcpListener>,
    ) -> Result<(Option<SocketAddr>, Option<JoinHandle<()>>), NodeError> {
        let Some(listener) = listener else { return Ok((None, None)) };
        let bound = listener.local_addr().map_err(io("the pages"))?;
        let node = self.clone();
        let status: web::StatusFn = Arc::new(move || {
            let node = node.clone();
            Box::pin(async move { node.execute(Request::Status, |_, _| {}).await })
        });
        let parts = web::Parts { desk: self.desk().await?.clone(), status };
        let pages = tokio::spawn(async move {
            if let Err(error) = web::serve(listener, parts, std::future::pending()).await {
                tracing::error!(%error, "the pages ended");
            }
        });
        Ok((Some(bound), Some(pages)))
    }
}
