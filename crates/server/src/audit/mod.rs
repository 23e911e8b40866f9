//! The audit log of requests: who made, changed or deleted something, signed in or failed to, when, from where, under which
//! request id. Never a secret, and of what was said only ids and access.

mod log;
mod sign_ins;

use crate::on_answer::Then;
use axum::extract::{ConnectInfo, MatchedPath, Request};
use axum::http::header::{AUTHORIZATION, FORWARDED};
use axum::http::{HeaderValue, Method, StatusCode, Uri};
use fieldstone_engine::model::Caller;
pub use log::{AuditConfig, AuditLog, Event};
use sign_ins::SignIns;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;
use tower_http::request_id::RequestId;

/// Characters kept of a request's id, which a client may choose.
const LONGEST_ID: usize = 100;
/// Route at which clients sign in.
const TOKEN_ROUTE: &str = "/oauth/token";

/// The id of a request as text, cut off where a client gave one that is too long.
pub(crate) fn id_text(id: &RequestId) -> Option<String> {
    let text = id.header_value().to_str().ok()?;
    Some(text.chars().take(LONGEST_ID).collect())
}

/// The log, and what keeps one who fails to sign in all the time from filling it.
pub(crate) struct Audit {
    log: Arc<AuditLog>,
    sign_ins: SignIns,
}

impl Audit {
    pub(crate) fn new(log: Arc<AuditLog>) -> Audit {
        Audit { log, sign_ins: SignIns::default() }
    }
}

/// What a request's handler finds out for its line in the log.
#[derive(Default)]
pub(crate) struct Record {
    who: OnceLock<Arc<Caller>>,
    facts: Mutex<Vec<(&'static str, String)>>,
}

impl Record {
    /// Who it is.
    pub(crate) fn identify(&self, caller: &Arc<Caller>) {
        // The first answer counts; there is no other.
        let _ = self.who.set(caller.clone());
    }

    /// A fact: the id of what was made, an access that was given, a client that asks for a token. Never a secret.
    pub(crate) fn tell(&self, name: &'static str, value: impl ToString) {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner).push((name, value.to_string()));
    }
}

/// What is known of a request before it is handled; text is made of it only where a line is written.
struct Asked {
    method: Method,
    uri: Uri,
    route: Option<MatchedPath>,
    address: Option<IpAddr>,
    forwarded_for: Option<HeaderValue>,
    id: Option<RequestId>,
    with_token: bool,
}

impl Asked {
    fn of(request: &Request) -> Asked {
        let (extensions, headers) = (request.extensions(), request.headers());
        Asked {
            method: request.method().clone(),
            uri: request.uri().clone(),
            route: extensions.get().cloned(),
            address: extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_canonical()),
            forwarded_for: headers.get("x-forwarded-for").or_else(|| headers.get(FORWARDED)).cloned(),
            id: extensions.get().cloned(),
            with_token: headers.contains_key(AUTHORIZATION),
        }
    }

    fn route(&self) -> &str {
        self.route.as_ref().map_or("", MatchedPath::as_str)
    }

    /// `project.delete` and the like, for what changes something.
    fn action(&self) -> Option<String> {
        let verb = match self.method {
            Method::POST if self.route().ends_with("/cancel") => "cancel",
            Method::POST => "create",
            Method::PATCH => "change",
            Method::DELETE => "delete",
            _ => return None,
        };
        let mut names = self.route().split('/').filter(|part| !part.starts_with('{') && *part != "cancel");
        let noun = names.next_back()?.strip_suffix('s')?;
        self.route().starts_with("/projects").then(|| format!("{noun}.{verb}"))
    }

    /// The ids in the path by what they name: `project`, `job`, …
    fn ids(&self) -> impl Iterator<Item = (&str, &str)> {
        let named = self.route().split('/').zip(self.uri.path().split('/'));
        named.filter_map(|(name, id)| Some((name.strip_prefix('{')?.strip_suffix("Id}")?, id)))
    }

    /// A line about this request, as far as it is the same for all events.
    fn event(&self, what: &str, status: StatusCode, record: &Record) -> Event {
        let outcome = match status {
            status if status.is_success() => "done",
            status if status.is_server_error() => "failed",
            _ => "refused",
        };
        let who = record.who.get();
        let mut event = Event::new(what, outcome)
            .with("status", Some(status.as_u16()))
            .with("user", who.map(|caller| caller.user.clone()))
            .with("with", who.map(|caller| caller.credential.clone()))
            .with("address", self.address.map(|address| address.to_string()))
            .with(
                "forwarded_for",
                self.forwarded_for.as_ref().map(|by| String::from_utf8_lossy(by.as_bytes())),
            )
            .with("request", self.id.as_ref().and_then(id_text));
        for (name, id) in self.ids() {
            event = event.with(name, Some(id));
        }
        for (name, value) in record.facts.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            event = event.with(name, Some(value));
        }
        event
    }
}

/// For [`OnAnswer`](crate::on_answer::OnAnswer): writes what is to be known of a request before its answer leaves.
pub(crate) fn record(audit: &Arc<Audit>, request: &mut Request) -> Option<Then> {
    let (audit, record) = (audit.clone(), Arc::new(Record::default()));
    request.extensions_mut().insert(record.clone());
    let asked = Asked::of(request);
    Some(Box::new(move |status, _| audit.note(&asked, status, &record)))
}

impl Audit {
    fn note(&self, asked: &Asked, status: StatusCode, record: &Record) {
        let now = Instant::now();
        let who = record.who.get();
        if asked.route() == TOKEN_ROUTE && status.is_success() {
            self.log.write(&asked.event("sign_in", status, record));
        }
        if let Some(caller) = who
            && self.sign_ins.is_news(&caller.credential, asked.address, now)
        {
            self.log.write(&asked.event(
                "sign_in",
                StatusCode::OK,
                &Record { who: record.who.clone(), ..Record::default() },
            ));
        }
        let failed = status == StatusCode::UNAUTHORIZED && who.is_none();
        if failed && (asked.with_token || asked.route() == TOKEN_ROUTE) {
            let (tell, untold) = self.sign_ins.failed(asked.address, now);
            self.note_untold(untold);
            if tell {
                self.log.write(&asked.event("sign_in", status, record));
            }
        }
        if let (Some(action), false) = (asked.action(), failed) {
            self.log.write(&asked.event(&action, status, record));
        }
    }

    /// How many failures to sign in got no line of their own, a line for each address.
    fn note_untold(&self, untold: Vec<(Option<IpAddr>, u64)>) {
        for (address, times) in untold {
            let event = Event::new("sign_in", "refused").with("address", address.map(|a| a.to_string()));
            self.log.write(&event.with("times", Some(times)));
        }
    }
}

impl Drop for Audit {
    fn drop(&mut self) {
        self.note_untold(self.sign_ins.untold());
    }
}
