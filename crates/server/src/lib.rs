//! HTTP: the REST API of the Metafold platform over the engine. Read [`mod@router`] first.

#![warn(missing_docs)]

mod app;
mod auth;
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

use axum::Router;
use axum::serve::{Listener, ListenerExt, TapIo};
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
    /// Seconds that a request body may pause before the request is answered with 408.
    pub body_idle_s: u64,
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
            body_idle_s: 60,
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
    let grace = Duration::from_secs(config.shutdown_grace_s);
    let (router, shutdown) = (router(engine, config), shutdown.shared());
    let plain = plain.tap_io(|connection| {
        // Small replies must not wait for the acknowledgement of the previous one.
        if let Err(e) = connection.set_nodelay(true) {
            tracing::debug!("cannot set TCP_NODELAY: {e}");
        }
    });
    let Some((listener, tls)) = tls else { return serve_on(plain, router, grace, shutdown).await };
    let secure = tls::TlsListener::new(listener, tls)?.tap_io(|_| ());
    let marked = router.clone().layer(axum::Extension(tls::OverTls));
    let plain = serve_on(plain, router, grace, shutdown.clone());
    futures::try_join!(plain, serve_on(secure, marked, grace, shutdown))?;
    Ok(())
}

async fn serve_on<L, F>(
    listener: TapIo<L, F>,
    router: Router,
    grace: Duration,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()>
where
    L: Listener<Addr = SocketAddr>,
    F: FnMut(&mut L::Io) + Send + 'static,
{
    let (stopping, stopped) = tokio::sync::oneshot::channel();
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let serving = axum::serve(listener, service).with_graceful_shutdown(async move {
        shutdown.await;
        // The receiver waits below for as long as we serve.
        stopping.send(()).ok();
    });
    tokio::select! {
        result = async { serving.await } => result,
        () = async {
            match stopped.await {
                Ok(()) => tokio::time::sleep(grace).await,
                Err(_) => std::future::pending().await,
            }
        } => {
            tracing::warn!("requests still open after {} s are cut off", grace.as_secs());
            Ok(())
        }
    }
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
