//! Office work from the command line: staff and imports, through the Desk like everybody else's.

use super::{Node, NodeError};
use crate::console::Request;
use serde_json::Value;
use std::path::Path;

impl Node {
    pub(crate) async fn import_households(
        &self,
        _file: &Path,
        _progress: impl FnMut(u64, u64) + Send + 'static,
    ) -> Result<Value, NodeError> {
        Err(NodeError::Told("not yet".into()))
    }

    pub(crate) async fn import_edits(
        &self,
        _file: &Path,
        _check: bool,
        _progress: impl FnMut(u64, u64) + Send + 'static,
    ) -> Result<Value, NodeError> {
        Err(NodeError::Told("not yet".into()))
    }

    pub(crate) async fn staff(&self, _request: Request) -> Result<Value, NodeError> {
        Err(NodeError::Told("not yet".into()))
    }

    pub(crate) async fn serve_pages(
        &self,
        _web: Option<std::net::SocketAddr>,
    ) -> Result<(Option<std::net::SocketAddr>, Option<tokio::task::JoinHandle<()>>), NodeError> {
        Ok((None, None))
    }
}
