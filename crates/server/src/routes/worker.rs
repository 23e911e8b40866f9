//! `/worker`: the connection of a worker's slot, a WebSocket, and the inputs of its tickets. For programs of ours alone: no part of the
//! API's document.

use super::Shared;
use crate::app::App;
use crate::audit::Event;
use crate::auth::bearer;
use crate::extract::PathTexts;
use crate::links::{sign_input, verify_input};
use crate::wire::error::ApiError;
use axum::Router;
use axum::body::Body;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{ConnectInfo, Query, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use axum::{Extension, routing};
use fieldstone_engine::model::{Caller, Timestamp};
use fieldstone_engine::talk::{Errand, Heard, Hello, LONGEST_TEXT, Order, PING_EVERY, SILENCE, Word};
use fieldstone_engine::{EngineError, Seat};
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::time::{Instant, interval, timeout};

/// Characters of a worker's name at most.
const LONGEST_NAME: usize = 200;

pub fn routes() -> Router<App> {
    let inputs = routing::get(input);
    Router::new().route("/worker", routing::get(connect)).route("/worker/inputs/{sha256}", inputs)
}

/// A connection with a worker's key.
struct Visitor {
    app: App,
    token: String,
    caller: Arc<Caller>,
    address: Option<String>,
}

async fn connect(
    State(app): Shared,
    peer: Option<Extension<ConnectInfo<SocketAddr>>>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let missing = || ApiError::unauthorized("header Authorization is missing, expected Bearer <token>", "");
    let token = bearer(&headers)?.ok_or_else(missing)?;
    let caller = app.engine.authenticate_worker(token).await?;
    let caller = caller.ok_or_else(|| {
        let text = "token is no worker's, or is revoked or has expired (fieldstone keys create --worker)";
        ApiError::unauthorized(text, "error=\"invalid_token\"")
    })?;
    let upgrade = upgrade.map_err(|e| ApiError::bad_request(format!("expected a WebSocket: {e}")))?;
    let address = peer.map(|Extension(ConnectInfo(address))| address.ip().to_canonical().to_string());
    let visitor = Visitor { app, token: token.to_owned(), caller, address };
    let upgrade = upgrade.max_message_size(LONGEST_TEXT).max_frame_size(LONGEST_TEXT);
    Ok(upgrade.on_upgrade(move |socket| visitor.serve(socket)))
}

/// Why a connection ends.
type Ended = Option<String>;

impl Visitor {
    async fn serve(self, mut socket: WebSocket) {
        let Some(hello) = introduced(&mut socket).await else { return };
        let most = self.app.config.max_workers;
        let full = || format!("{most} slots of workers are connected already (setting max_workers)");
        let is_full = self.app.engine.worker_slots() >= most;
        let refusal = self.app.engine.refuse_worker(&hello).or_else(|| is_full.then(full));
        if let Some(why) = refusal {
            tracing::warn!("worker {:?} is refused: {why}", hello.name);
            self.audit("worker.connect", "refused", &hello, Some(&why));
            // It goes in any case.
            let _ = say(&mut socket, Order::Refused(why)).await;
            return;
        }
        self.audit("worker.connect", "done", &hello, None);
        let mut seat = self.app.engine.join_worker(&hello);
        let why = match say(&mut socket, Order::Welcome).await {
            Ok(()) => self.relay(&mut socket, &mut seat).await,
            Err(why) => Some(why),
        };
        tracing::debug!("worker {:?} is gone: {why:?}", hello.name);
        self.audit("worker.disconnect", "done", &hello, why.as_deref());
    }

    /// Passes on what both sides say, until one of them is gone; why it ends, unless that is in order.
    async fn relay(&self, socket: &mut WebSocket, seat: &mut Seat) -> Ended {
        let mut tick = interval(PING_EVERY);
        let mut last_heard = Instant::now();
        loop {
            tokio::select! {
                order = seat.orders.recv() => {
                    let said = match self.with_links(order?).await {
                        Ok(order) => say(socket, order).await,
                        Err(e) => Err(format!("links cannot be signed: {e}")),
                    };
                    if let Err(why) = said {
                        return Some(why);
                    }
                }
                message = socket.recv() => {
                    last_heard = Instant::now();
                    let heard = match message {
                        Some(Ok(Message::Text(text))) => match serde_json::from_str(&text) {
                            Ok(Word::Leaving) => {
                                seat.leave();
                                continue;
                            }
                            Ok(word) => Heard::Word(word),
                            Err(e) => return Some(format!("it says what nobody knows: {e}")),
                        },
                        Some(Ok(Message::Binary(bytes))) => Heard::Bytes(bytes),
                        Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                        Some(Ok(Message::Close(_))) | None => return None,
                        Some(Err(e)) => return Some(format!("the connection broke: {e}")),
                    };
                    // Whoever listened has given the attempt up.
                    seat.heard.send(heard).await.ok()?;
                }
                _ = tick.tick() => {
                    if last_heard.elapsed() > SILENCE {
                        return Some(format!("nothing was heard for {} s", SILENCE.as_secs()));
                    }
                    // What cannot be found out now is taken for a yes.
                    if matches!(self.app.engine.authenticate_worker(&self.token).await, Ok(None)) {
                        return Some("its key was revoked or has expired".into());
                    }
                    let ping = socket.send(Message::Ping(bytes::Bytes::new()));
                    if !matches!(timeout(SILENCE, ping).await, Ok(Ok(()))) {
                        return Some("the connection takes nothing".into());
                    }
                }
            }
        }
    }

    async fn with_links(&self, order: Order) -> Result<Order, EngineError> {
        let Order::Run(mut errand) = order else { return Ok(order) };
        let key = self.app.engine.signing_key().await?;
        let lifetime = i64::try_from(self.app.config.link_lifetime_s).unwrap_or(i64::MAX);
        let expires = (Timestamp::now().0 / 1_000_000).saturating_add(lifetime);
        let Errand { ticket, links, .. } = &mut *errand;
        let inputs = ticket.inputs.values().flatten();
        *links = inputs.map(|input| sign_input(&key, hex_of(&input.checksum), expires)).collect();
        // Where things lie is the server's own business.
        ticket.inputs.values_mut().flatten().for_each(|input| input.path = PathBuf::new());
        ticket.folder = PathBuf::new();
        Ok(Order::Run(errand))
    }

    fn audit(&self, what: &str, outcome: &str, hello: &Hello, why: Option<&str>) {
        if let Some(log) = &self.app.config.audit {
            let event = Event::new(what, outcome)
                .with("with", Some(self.caller.credential.clone()))
                .with("address", self.address.clone())
                .with("worker", Some(hello.name.clone()))
                .with("version", Some(hello.version.clone()));
            log.write(&event.with("reason", why.map(str::to_owned)));
        }
    }
}

fn hex_of(checksum: &str) -> &str {
    checksum.strip_prefix("sha256:").unwrap_or(checksum)
}

/// Who it is, if it says so in time.
async fn introduced(socket: &mut WebSocket) -> Option<Hello> {
    let Ok(Some(Ok(Message::Text(text)))) = timeout(SILENCE, socket.recv()).await else { return None };
    let Ok(Word::Hello(hello)) = serde_json::from_str(&text) else { return None };
    (hello.name.len() <= LONGEST_NAME).then_some(hello)
}

async fn say(socket: &mut WebSocket, order: Order) -> Result<(), String> {
    // Parameters may be megabytes.
    let text = tokio::task::spawn_blocking(move || serde_json::to_string(&order));
    let text =
        text.await.map_err(|e| e.to_string())?.map_err(|e| format!("an order cannot be written: {e}"))?;
    match timeout(SILENCE, socket.send(Message::Text(text.into()))).await {
        Ok(sent) => sent.map_err(|e| format!("the connection broke: {e}")),
        Err(_) => Err("the connection takes nothing".into()),
    }
}

#[derive(Deserialize)]
struct Signature {
    expires: i64,
    signature: String,
}

/// The bytes of an input for whoever has its link, which only a ticket holds.
async fn input(State(app): Shared, PathTexts(path): PathTexts, uri: Uri) -> Result<Response, ApiError> {
    let forbidden = |text: &str| ApiError::new(StatusCode::FORBIDDEN, text);
    let altered = || forbidden("link of an input is incomplete or was altered");
    let (sha256, Query(Signature { expires, signature })) =
        path.first().zip(Query::try_from_uri(&uri).ok()).ok_or_else(altered)?;
    if !verify_input(&app.engine.signing_key().await?, sha256, expires, &signature) {
        return Err(altered());
    }
    if Timestamp::now().0.div_euclid(1_000_000) >= expires {
        return Err(forbidden("link of an input has expired"));
    }
    let blob = app.engine.open_input(sha256).await?;
    let head = Response::builder().header(CONTENT_TYPE, "application/octet-stream");
    let response = head.header(CONTENT_LENGTH, blob.size).body(Body::from_stream(blob.bytes));
    response.map_err(|e| EngineError::Internal(e.into()).into())
}
