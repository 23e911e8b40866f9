//! HTTP: the REST API of the Metafold platform over the engine. Read [`mod@router`] first.

#![warn(missing_docs)]

mod app;
mod audit;
mod auth;
mod bodies;
mod config;
mod connections;
mod constant;
mod drain;
mod embedded;
mod extract;
mod guide;
mod heap;
mod issuer;
mod links;
mod lists;
mod metrics;
mod on_answer;
mod openapi;
mod packing;
mod range;
mod rate;
mod reply;
pub mod router;
mod routes;
#[doc(hidden)]
pub mod testing;
mod tls;
mod tus;
mod wire;

pub use audit::{AuditConfig, AuditLog, Event};
pub use config::ServerConfig;
use connections::Slots;
use fieldstone_engine::Engine;
use futures::FutureExt;
pub use issuer::{AppClient, Issuer, IssuerConfig};
pub use router::router;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
pub use tls::Tls;
use tokio::net::TcpListener;

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
    let shutdown = shutdown.boxed().shared();
    if let Some(issuer) = &config.issuer {
        issuer.get_ready();
    }
    let router = router::with_slots(engine, config, slots, shutdown.clone());
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
