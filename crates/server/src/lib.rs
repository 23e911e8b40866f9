//! HTTP: the REST API of the Metafold platform over the engine. Read [`mod@router`] first.

#![warn(missing_docs)]

mod app;
mod auth;
mod connections;
mod drain;
mod extract;
mod issuer;
mod links;
mod metrics;
mod range;
mod rate;
mod reply;
pub mod router;
mod routes;
#[doc(hidden)]
pub mod testing;
mod tls;
mod wire;

use connections::Slots;
use fieldstone_engine::Engine;
use futures::FutureExt;
pub use issuer::{Issuer, IssuerConfig};
pub use router::router;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
pub use tls::{Tls, choose_cryptography};
use tokio::net::TcpListener;

/// What the HTTP side may be told.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Base of absolute links, for example `https://fields.example`; else the Host the client used.
    pub public_url: Option<String>,
    /// Bytes of one JSON request body at most.
    pub max_json_bytes: usize,
    /// Bytes of one upload at most; more is answered with 413 while it streams.
    pub max_upload_bytes: u64,
    /// Requests per second of one key at most, polling not counted; 0: no limit.
    pub max_request_rate: u32,
    /// Lifetime of a download link in seconds.
    pub link_lifetime_s: u64,
    /// Connections that are open at the same time. When there are as many, the one that has waited for its client longest is
    /// closed for a new one; while all are at work, new ones wait.
    pub max_connections: usize,
    /// The same for connections from one address, or from one /64 of IPv6, but while all are at work, new ones are closed;
    /// `None`: a quarter of all.
    pub max_connections_per_address: Option<usize>,
    /// Seconds in which the headers of a request must have come, counted from the connection's or the last answer's
    /// beginning to wait for them: an idle connection is closed after as long.
    pub header_timeout_s: u64,
    /// Seconds in which a TLS handshake must be done.
    pub handshake_timeout_s: u64,
    /// Seconds that a request body may pause before the request is answered with 408, and that a client may take nothing
    /// of an answer before its connection is closed.
    pub body_timeout_s: u64,
    /// Seconds that open requests get to finish when the server shuts down.
    pub shutdown_grace_s: u64,
    /// Whose tokens are taken beside our own.
    pub issuer: Option<Arc<Issuer>>,
}

impl Default for ServerConfig {
    fn default() -> Self {
        ServerConfig {
            public_url: None,
            max_json_bytes: 16 << 20,
            max_upload_bytes: 64 << 30,
            max_request_rate: 500,
            link_lifetime_s: 3600,
            max_connections: 4096,
            max_connections_per_address: None,
            header_timeout_s: 60,
            handshake_timeout_s: 10,
            body_timeout_s: 60,
            shutdown_grace_s: 10,
            issuer: None,
        }
    }
}

/// Where requests come in.
pub struct Listeners {
    /// Plain HTTP.
    pub plain: TcpListener,
    /// HTTP over TLS.
    pub tls: Option<(TcpListener, Tls)>,
}

impl From<TcpListener> for Listeners {
    fn from(plain: TcpListener) -> Self {
        Listeners { plain, tls: None }
    }
}

/// Serves until `shutdown` resolves, then finishes open requests as far as the configured grace allows.
pub async fn serve(
    listeners: impl Into<Listeners>,
    engine: Engine,
    config: ServerConfig,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let Listeners { plain, tls } = listeners.into();
    let most_of_one = config.max_connections_per_address.unwrap_or(config.max_connections / 4);
    let slots = Arc::new(Slots::new(config.max_connections, most_of_one));
    let limits = connections::Limits {
        header_timeout: Duration::from_secs(config.header_timeout_s),
        write_timeout: Duration::from_secs(config.body_timeout_s),
        handshake_timeout: Duration::from_secs(config.handshake_timeout_s),
        grace: Duration::from_secs(config.shutdown_grace_s),
        slots: slots.clone(),
    };
    let (router, shutdown) = (router::with_slots(engine, config, slots), shutdown.shared());
    let plain = connections::serve(plain, None, router.clone(), limits.clone(), shutdown.clone());
    let secure = async {
        if let Some((listener, tls)) = tls {
            connections::serve(listener, Some(tls.acceptor), router, limits, shutdown).await;
        }
    };
    futures::join!(plain, secure);
    Ok(())
}

/// The address that `serve` listens on, for messages.
pub fn url_of(address: SocketAddr) -> String {
    format!("http://{address}")
}

/// A job as `GET /projects/{projectId}/jobs/{jobId}` shows it, in the `openapi` dialect.
pub fn job_document(job: &fieldstone_engine::model::Job) -> serde_json::Value {
    let document = wire::One { resource: job, dialect: wire::dialect::Dialect::OpenApi, link: None };
    serde_json::to_value(document).expect("a job is text, numbers, lists and maps with text keys")
}
