//! A slot's connection to its server: a WebSocket over HTTP, as proxies know it.

use crate::remote::http;
use anyhow::{Context, bail};
use fieldstone_engine::blob_cache::Incoming;
use fieldstone_engine::talk::{LONGEST_TEXT, Order, SILENCE, Word};
use futures::{SinkExt, StreamExt, TryStreamExt};
use reqwest::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use reqwest::{StatusCode, Upgraded};
use std::fmt;
use std::path::Path;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Message, Role, WebSocketConfig};

/// The server does not want this worker, now or later.
#[derive(Debug)]
pub struct Refused(pub String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

/// Where the server is.
pub struct Server {
    http: reqwest::Client,
    base: String,
    token: String,
}

impl Server {
    /// `base` is its URL without a slash at the end.
    pub fn new(base: String, token: String, ca: Option<&Path>) -> anyhow::Result<Server> {
        Ok(Server { http: http(&base, ca)?, base, token })
    }

    /// Connects.
    pub async fn connect(&self) -> anyhow::Result<Connection> {
        let key = generate_key();
        let request = self.http.get(format!("{}/worker", self.base)).bearer_auth(&self.token);
        let request = request.header(CONNECTION, "Upgrade").header(UPGRADE, "websocket");
        let request = request.header(SEC_WEBSOCKET_VERSION, "13").header(SEC_WEBSOCKET_KEY, &key);
        let answer = timeout(SILENCE, request.send()).await;
        let response = answer.with_context(|| format!("{} does not answer", self.base))??;
        let status = response.status();
        if status != StatusCode::SWITCHING_PROTOCOLS {
            let body: serde_json::Value = response.json().await.unwrap_or_default();
            let said = body["description"].as_str().unwrap_or("no description");
            let text = format!("{}/worker answered {status}: {said}", self.base);
            if status == StatusCode::UNAUTHORIZED {
                return Err(Refused(text).into());
            }
            bail!(text);
        }
        let accepted = response.headers().get(SEC_WEBSOCKET_ACCEPT).map(|value| value.as_bytes());
        anyhow::ensure!(
            accepted == Some(derive_accept_key(key.as_bytes()).as_bytes()),
            "{} does not speak WebSocket",
            self.base
        );
        let limits = WebSocketConfig::default()
            .max_message_size(Some(LONGEST_TEXT))
            .max_frame_size(Some(LONGEST_TEXT));
        let stream = response.upgrade().await?;
        let socket = WebSocketStream::from_raw_socket(stream, Role::Client, Some(limits)).await;
        Ok(Connection { socket, last_heard: Instant::now() })
    }

    /// The bytes behind a link of a ticket.
    pub async fn input(&self, link: &str) -> anyhow::Result<Incoming> {
        let response = self.http.get(format!("{}{link}", self.base)).send().await?;
        let status = response.status();
        if !status.is_success() {
            let body: serde_json::Value = response.json().await.unwrap_or_default();
            bail!("an input cannot be fetched, the server answered {status}: {}", body["description"]);
        }
        let bytes = response.content_length().context("the server does not say how large it is")?;
        let stream = response.bytes_stream().map_err(std::io::Error::other).boxed();
        Ok(Incoming { bytes, stream })
    }
}

/// A connection that stands.
pub struct Connection {
    socket: WebSocketStream<Upgraded>,
    last_heard: Instant,
}

impl Connection {
    /// The next order; an error when the server is gone, or has been silent for too long.
    pub async fn order(&mut self) -> anyhow::Result<Order> {
        loop {
            let message = timeout_at(self.last_heard + SILENCE, self.socket.next()).await;
            let message =
                message.with_context(|| format!("the server is silent for {} s", SILENCE.as_secs()))?;
            self.last_heard = Instant::now();
            match message.context("the server has closed the connection")?? {
                Message::Text(text) => return serde_json::from_str(&text).context("an order cannot be read"),
                Message::Ping(_) | Message::Pong(_) => self.socket.flush().await?,
                Message::Close(_) => bail!("the server has closed the connection"),
                Message::Binary(_) | Message::Frame(_) => bail!("the server sends bytes"),
            }
        }
    }

    /// Says something.
    pub async fn say(&mut self, word: &Word) -> anyhow::Result<()> {
        self.send(Message::text(serde_json::to_string(word)?)).await
    }

    /// Sends a piece of a file.
    pub async fn send_bytes(&mut self, bytes: Vec<u8>) -> anyhow::Result<()> {
        self.send(Message::binary(bytes)).await
    }

    async fn send(&mut self, message: Message) -> anyhow::Result<()> {
        timeout(SILENCE, self.socket.send(message)).await.context("the server takes nothing")??;
        Ok(())
    }
}
