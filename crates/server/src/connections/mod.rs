//! Connections: accepted as long as there are slots, served, given so long to say what they want, drained at the end.

mod activity;
mod patience;
mod slots;

use crate::tls::OverTls;
use activity::{Answering, Watched};
use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use patience::Patient;
pub(crate) use slots::{Slot, Slots};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

/// Bytes of a request's head at most, and of what is read or written at once.
const BUFFER: usize = 128 << 10;
/// Pause before the next try where accepting failed and nobody could be asked to go.
const BREATH: Duration = Duration::from_secs(1);
/// Time for one that was asked to go.
const SHORT_BREATH: Duration = Duration::from_millis(5);

/// What a connection may take.
#[derive(Clone)]
pub(crate) struct Limits {
    /// From the first wait for a request to the end of its headers; an idle connection ends after as long.
    pub(crate) header_timeout: Duration,
    /// For which a client may take nothing of an answer.
    pub(crate) write_timeout: Duration,
    /// For a TLS handshake.
    pub(crate) handshake_timeout: Duration,
    /// For open requests when the server stops.
    pub(crate) grace: Duration,
    /// One for each open connection, from before its handshake on.
    pub(crate) slots: Arc<Slots>,
}

/// Serves until `shutdown` resolves, then lets open requests end within the grace.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    router: Router,
    limits: Limits,
    shutdown: impl Future<Output = ()> + Clone + Send + 'static,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.header_timeout).max_buf_size(BUFFER);
    let open = GracefulShutdown::new();
    let end = shutdown.clone();
    tokio::pin!(end);
    loop {
        let (stream, slot, address) = tokio::select! {
            accepted = next(&listener, &limits.slots) => accepted,
            () = &mut end => break,
        };
        // Small replies must not wait for the acknowledgement of the previous one.
        if let Err(e) = stream.set_nodelay(true) {
            tracing::debug!("cannot set TCP_NODELAY: {e}");
        }
        let connection =
            Connection { http: http.clone(), router: router.clone(), address, limits: limits.clone(), slot };
        let (watcher, tls, end) = (open.watcher(), tls.clone(), shutdown.clone());
        tokio::spawn(async move {
            tokio::select! {
                served = connection.serve(stream, tls, watcher, end) => if let Err(e) = served {
                    tracing::debug!("connection of {address}: {e}");
                },
                () = connection.slot.must_go() => tracing::debug!("connection of {address} gives way to another"),
            }
        });
    }
    drop(listener);
    if tokio::time::timeout(limits.grace, open.shutdown()).await.is_err() {
        tracing::warn!("requests still open after {} s are cut off", limits.grace.as_secs());
    }
}

/// The next connection that gets a slot; those that are refused one are closed.
async fn next(listener: &TcpListener, slots: &Arc<Slots>) -> (TcpStream, Slot, SocketAddr) {
    loop {
        let (stream, address) = accept(listener, slots).await;
        if let Some(slot) = slots.take(address.ip()).await {
            return (stream, slot, address);
        }
    }
}

async fn accept(listener: &TcpListener, slots: &Slots) -> (TcpStream, SocketAddr) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            // The client has gone already.
            Err(e) if matches!(e.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) => {}
            // Most often this process has no descriptor left: an idle connection gives up its own.
            Err(_) if slots.call_oldest() => tokio::time::sleep(SHORT_BREATH).await,
            Err(e) => {
                tracing::error!("cannot accept a connection: {e}");
                tokio::time::sleep(BREATH).await;
            }
        }
    }
}

/// One connection, about to be served.
struct Connection {
    http: http1::Builder,
    router: Router,
    address: SocketAddr,
    limits: Limits,
    slot: Slot,
}

impl Connection {
    /// Shakes hands where that is to be done, then answers requests until either side has enough.
    async fn serve(
        &self,
        stream: TcpStream,
        tls: Option<TlsAcceptor>,
        watcher: Watcher,
        end: impl Future<Output = ()>,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        tokio::pin!(end);
        let Some(tls) = tls else { return Ok(self.answer(stream, false, watcher, end).await?) };
        let shaken = tokio::select! {
            shaken = tokio::time::timeout(self.limits.handshake_timeout, tls.accept(stream)) => shaken,
            // There is no request yet that could be ended.
            () = &mut end => return Ok(()),
        };
        let stream = shaken.map_err(|_| "the TLS handshake took too long")?;
        Ok(self.answer(stream.map_err(|e| format!("TLS handshake: {e}"))?, true, watcher, end).await?)
    }

    /// Answers until the connection ends, or becomes a worker's: that one goes on by itself, without a slot. The server waits for whoever
    /// holds its watcher.
    async fn answer<S>(
        &self,
        stream: S,
        over_tls: bool,
        _watcher: Watcher,
        end: impl Future<Output = ()>,
    ) -> hyper::Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let activity = self.slot.activity.clone();
        let stream = Patient::new(stream, self.limits.write_timeout, activity.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            activity.works();
            let mut request = request.map(|body| Body::new(Watched::new(body, activity.clone())));
            request.extensions_mut().insert(ConnectInfo(self.address));
            if over_tls {
                request.extensions_mut().insert(OverTls);
            }
            let (answer, activity) = (self.router.clone().oneshot(request), activity.clone());
            async move { answer.await.map(|response| response.map(|body| Answering::new(body, activity))) }
        });
        let connection = self.http.serve_connection(TokioIo::new(stream), service).with_upgrades();
        tokio::pin!(connection, end);
        tokio::select! {
            served = connection.as_mut() => return served,
            () = end => connection.as_mut().graceful_shutdown(),
        }
        connection.await
    }
}
