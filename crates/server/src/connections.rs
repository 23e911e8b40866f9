//! Connections: accepted as long as there are slots, served, given so long to say what they want, drained at the end.

use crate::patience::Patient;
use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::serve::Listener;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tower::ServiceExt;

/// What a connection may take.
#[derive(Clone)]
pub(crate) struct Limits {
    /// From the first wait for a request to the end of its headers; an idle connection ends after as long.
    pub(crate) header_timeout: Duration,
    /// For which a client may take nothing of an answer.
    pub(crate) write_timeout: Duration,
    /// For open requests when the server stops.
    pub(crate) grace: Duration,
    /// One for each open connection; without one, others wait to be accepted.
    pub(crate) slots: Arc<Semaphore>,
}

/// Serves until `shutdown` resolves, then lets open requests end within the grace.
pub(crate) async fn serve<L>(
    mut listener: L,
    router: Router,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) where
    L: Listener<Addr = SocketAddr>,
{
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(limits.header_timeout);
    let open = GracefulShutdown::new();
    let next = async |listener: &mut L| {
        let accepted = listener.accept().await;
        // After it: two listeners share the slots. Nobody closes the semaphore.
        (limits.slots.clone().acquire_owned().await, accepted)
    };
    tokio::pin!(shutdown);
    loop {
        let (slot, (stream, address)) = tokio::select! {
            accepted = next(&mut listener) => accepted,
            () = &mut shutdown => break,
        };
        let router = router.clone();
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(address));
            router.clone().oneshot(request)
        });
        let stream = TokioIo::new(Patient::new(stream, limits.write_timeout));
        let served = open.watch(server.serve_connection(stream, service));
        tokio::spawn(async move {
            if let Err(e) = served.await {
                tracing::debug!("connection of {address}: {e}");
            }
            drop(slot);
        });
    }
    drop(listener);
    if tokio::time::timeout(limits.grace, open.shutdown()).await.is_err() {
        tracing::warn!("requests still open after {} s are cut off", limits.grace.as_secs());
    }
}
