//! Serving: the network, the pages and the console, until told to stop.

use super::{Node, NodeError, io};
use crate::console;
use crate::net::{Net, NetConfig, Parent, join};
use std::net::SocketAddr;

/// How to serve.
#[derive(Debug, Default)]
pub struct ServeOptions {
    /// Where lower offices connect (UDP).
    pub quic: Option<SocketAddr>,
    /// Where the pages are asked for, from [`crate::web::bind`].
    pub web: Option<tokio::net::TcpListener>,
    /// Superiors; those kept since joining when empty.
    pub parents: Vec<String>,
}

/// A node that serves.
pub struct Served {
    node: Node,
    /// Where lower offices connect, if they may.
    pub quic: Option<SocketAddr>,
    /// Where the pages are, if there are any.
    pub web: Option<SocketAddr>,
    console: console::Guard,
    pages: Option<tokio::task::JoinHandle<()>>,
}

impl Node {
    /// Begins to serve.
    pub async fn serve(&self, options: ServeOptions) -> Result<Served, NodeError> {
        *self.0.parents.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = options.parents;
        let parents = self.parents();
        let config = NetConfig {
            listen: options.quic,
            parents: parents.into_iter().map(Parent::from).collect(),
            seed: self.vault(|vault| vault.secrets().device_seed),
        };
        let enroller = self.clone();
        let handler = join::handler(move |_, question| {
            let node = enroller.clone();
            async move {
                let grant = node.answer_request(&question, false).await.map_err(|error| error.to_string())?;
                serde_json::to_vec(&grant).map_err(|error| error.to_string())
            }
        });
        let net = Net::start(self.writer().clone(), config, Some(handler)).map_err(|error| NodeError::Told(error.to_string()))?;
        let quic = net.local_addr();
        *self.0.net.write().await = Some(net);
        let console = console::serve(self.clone()).await.map_err(io("the console"))?;
        let (web, pages) = self.serve_pages(options.web).await?;
        Ok(Served { node: self.clone(), quic, web, console, pages })
    }
}

impl Served {
    /// The node.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// Stops in good order: pages, console, farewells, disk.
    pub async fn stop(self) {
        if let Some(pages) = self.pages {
            pages.abort();
        }
        drop(self.console);
        self.node.close().await;
    }
}
