//! What the HTTP side may be told.

use crate::audit::AuditLog;
use crate::issuer::Issuer;
use std::sync::Arc;

/// What the HTTP side may be told.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Base of absolute links, for example `https://fields.example`; else the Host the client used.
    pub public_url: Option<String>,
    /// Bytes of one JSON request body at most.
    pub max_json_bytes: usize,
    /// Bytes of one list at most; longer ones are answered with 413 and have to be asked for in pages.
    pub max_list_bytes: u64,
    /// Bytes of one upload at most; more is answered with 413 while it streams.
    pub max_upload_bytes: u64,
    /// Requests per second of one key at most, polling of one job or workflow not counted; 0: no limit.
    pub max_request_rate: u32,
    /// Lifetime of a download link in seconds.
    pub link_lifetime_s: u64,
    /// Connections that are open at the same time. When there are as many, the one that has waited for its client longest is
    /// closed for a new one; while all are at work, new ones wait.
    pub max_connections: usize,
    /// The same for connections from one address, or from one /64 of IPv6, but while all are at work, new ones are closed;
    /// `None`: a quarter of all.
    pub max_connections_per_address: Option<usize>,
    /// Slots of workers that are connected at the same time.
    pub max_workers: usize,
    /// Seconds in which the headers of a request must have come, counted from the connection's or the last answer's
    /// beginning to wait for them: an idle connection is closed after as long.
    pub header_timeout_s: u64,
    /// Seconds in which a TLS handshake must be done.
    pub handshake_timeout_s: u64,
    /// Seconds that a request body may pause, or take for 64 KiB, before the request is answered with 408, and that a client may take nothing
    /// of an answer before its connection is closed.
    pub body_timeout_s: u64,
    /// Seconds that open requests get to finish when the server shuts down.
    pub shutdown_grace_s: u64,
    /// Whose tokens are taken beside our own.
    pub issuer: Option<Arc<Issuer>>,
    /// Where it is written down who did what; `None`: nowhere.
    pub audit: Option<Arc<AuditLog>>,
}

impl Default for ServerConfig {
    fn default() -> Self {
        ServerConfig {
            public_url: None,
            max_json_bytes: 16 << 20,
            max_list_bytes: 256 << 20,
            max_upload_bytes: 64 << 30,
            max_request_rate: 500,
            link_lifetime_s: 3600,
            max_connections: 4096,
            max_connections_per_address: None,
            max_workers: 1024,
            header_timeout_s: 60,
            handshake_timeout_s: 10,
            body_timeout_s: 60,
            shutdown_grace_s: 10,
            issuer: None,
            audit: None,
        }
    }
}
