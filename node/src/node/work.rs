//! Office work from the command line: staff and pages, through the Desk like everybody else's.

use super::{Node, NodeError};
use crate::console::Request;
use serde_json::Value;

impl Node {
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
