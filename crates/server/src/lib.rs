//! HTTP: the REST API of the Metafold platform over the engine. Read `router` first.

#![warn(missing_docs)]

use fieldstone_engine::Engine;
use std::net::SocketAddr;

/// What the HTTP side may be told.
#[derive(Clone, Debug, Default)]
pub struct ServerConfig {
    /// Base of absolute links, for example `https://fields.example`; else the Host the client used.
    pub public_url: Option<String>,
    /// Bytes of one JSON request body at most.
    pub max_json_bytes: usize,
    /// Bytes of one upload at most; more is answered with 413 while it streams.
    pub max_upload_bytes: u64,
    /// Lifetime of a download link in seconds.
    pub link_lifetime_s: u64,
}

/// Serves until `shutdown` resolves, then finishes open requests.
pub async fn serve(
    _listener: tokio::net::TcpListener,
    _engine: Engine,
    _config: ServerConfig,
    _shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    todo!()
}

/// The address that `serve` listens on, for messages.
pub fn url_of(address: SocketAddr) -> String {
    format!("http://{address}")
}
