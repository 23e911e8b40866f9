//! A server's REST API over HTTP, as any client speaks it.

use super::failure::Failure;
use anyhow::{Context, anyhow};
use reqwest::header::{
    CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LINK, LOCATION, RANGE,
};
use reqwest::multipart::{Form, Part};
use reqwest::{Body, Method, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

/// A server that does not take a connection for as long is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Entries of a list that are asked for at once.
const PAGE: usize = 500;

/// A server and a key to it.
pub struct Client {
    http: reqwest::Client,
    base: String,
    token: String,
}

impl Client {
    /// `base` is the server's URL without a slash at the end; `ca` holds certificates to trust beside the system's.
    pub fn new(base: String, token: String, ca: Option<&Path>) -> anyhow::Result<Client> {
        Ok(Client { http: http(&base, ca)?, base, token })
    }

    /// `GET path`.
    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.json(self.request(Method::GET, path)).await
    }

    /// `POST path` with a JSON body.
    pub async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.json(self.request(Method::POST, path).json(body)).await
    }

    /// `PATCH path` with a JSON body.
    pub async fn patch(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.json(self.request(Method::PATCH, path).json(body)).await
    }

    /// `DELETE path`.
    pub async fn delete(&self, path: &str) -> anyhow::Result<Value> {
        self.json(self.request(Method::DELETE, path)).await
    }

    /// Any request, and its answer whatever it is.
    pub async fn any(&self, method: Method, path: &str, body: Option<Vec<u8>>) -> anyhow::Result<Response> {
        let mut request = self.request(method, path);
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body);
        }
        self.sent(request).await
    }

    /// The first `most` entries of the list at `path`, page by page, and whether there are more.
    pub async fn list(&self, path: &str, most: usize) -> anyhow::Result<(Vec<Value>, bool)> {
        let joint = if path.contains('?') { '&' } else { '?' };
        let (mut all, mut after) = (Vec::new(), String::new());
        loop {
            let limit = PAGE.min(most - all.len());
            let page = self.request(Method::GET, &format!("{path}{joint}limit={limit}{after}"));
            let response = accepted(self.sent(page).await?).await?;
            let more = response.headers().get(LINK).is_some();
            let page: Vec<Value> = response.json().await.context("the answer is no list")?;
            let last = page.last().and_then(|entry| entry["id"].as_str()).unwrap_or_default().to_owned();
            all.extend(page);
            if !more || last.is_empty() || all.len() >= most {
                return Ok((all, more));
            }
            after = format!("&after={last}");
        }
    }

    /// A stream of server-sent events, from behind the one with this id on.
    pub async fn stream(&self, path: &str, last: Option<&str>) -> anyhow::Result<Response> {
        let mut request = self.request(Method::GET, path);
        if let Some(last) = last {
            request = request.header("Last-Event-ID", last);
        }
        accepted(self.sent(request).await?).await
    }

    /// Where a job stands, and the fraction of it that is done.
    pub async fn standing(&self, path: &str) -> anyhow::Result<(Value, f32)> {
        let status = self.sent(self.request(Method::GET, &format!("{path}/status"))).await?;
        if status.status() != StatusCode::ACCEPTED {
            // The status of one that failed is an error's; its document says more.
            return Ok((self.get(path).await?, 0.0));
        }
        let progress = status.headers().get("x-progress").and_then(|v| v.to_str().ok()?.parse().ok());
        Ok((status.json().await?, progress.unwrap_or(0.0)))
    }

    /// Uploads `file` as an asset called `name`.
    pub async fn upload(&self, project: &str, name: String, file: Part) -> anyhow::Result<Value> {
        let form = Form::new().part("file", file.file_name(name));
        self.json(self.request(Method::POST, &format!("/projects/{project}/assets")).multipart(form)).await
    }

    /// Uploads of a project that were cut; `None` where the server has no such thing.
    pub async fn open_uploads(&self, project: &str) -> anyhow::Result<Option<Vec<Value>>> {
        let response = self.sent(self.request(Method::GET, &format!("/projects/{project}/uploads"))).await?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        Ok(Some(accepted(response).await?.json().await.context("the answer is no list")?))
    }

    /// Begins an upload that goes on after a cut; its id.
    pub async fn begin_upload(&self, project: &str, metadata: &str, size: u64) -> anyhow::Result<String> {
        let request = self.tus(Method::POST, &format!("/projects/{project}/uploads"));
        let request = request.header("Upload-Length", size).header("Upload-Metadata", metadata);
        let response = accepted(self.sent(request).await?).await?;
        let place = response.headers().get(LOCATION).and_then(|place| place.to_str().ok());
        let id = place.and_then(|place| place.rsplit('/').next()).filter(|id| !id.is_empty());
        Ok(id.context("the reply does not say where the upload is")?.to_owned())
    }

    /// Sends all that follows byte `offset` of an upload; the asset that it has become.
    pub async fn append(
        &self,
        project: &str,
        upload: &str,
        (offset, size): (u64, u64),
        body: Body,
    ) -> anyhow::Result<Value> {
        let request = self.tus(Method::PATCH, &format!("/projects/{project}/uploads/{upload}"));
        let request = request
            .header(CONTENT_TYPE, "application/offset+octet-stream")
            .header(CONTENT_LENGTH, size - offset)
            .header("Upload-Offset", offset)
            .body(body);
        let response = accepted(self.sent(request).await?).await?;
        let asset = response.headers().get("x-asset").and_then(|id| id.to_str().ok());
        let asset = asset.context("the upload is whole, and the reply names no asset")?;
        self.get(&format!("/projects/{project}/assets/{asset}")).await
    }

    fn tus(&self, method: Method, path: &str) -> RequestBuilder {
        self.request(method, path).header("Tus-Resumable", "1.0.0")
    }

    /// The bytes of an asset from byte `from` on.
    pub async fn download(&self, project: &str, asset: &str, from: u64) -> anyhow::Result<Response> {
        let asset = self.get(&format!("/projects/{project}/assets/{asset}?download=true")).await?;
        // The link is signed: it goes without the key, and may lead elsewhere.
        let mut request = self.http.get(text(&asset, "link")?);
        if from > 0 {
            request = request.header(RANGE, format!("bytes={from}-"));
        }
        let response = accepted(self.sent(request).await?).await?;
        let whole = from > 0 && response.status() != StatusCode::PARTIAL_CONTENT;
        if whole {
            Err(anyhow!("the server sends the whole file where its rest was asked for"))
        } else {
            Ok(response)
        }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token)
    }

    async fn json(&self, request: RequestBuilder) -> anyhow::Result<Value> {
        Ok(accepted(self.sent(request).await?).await?.json().await?)
    }

    async fn sent(&self, request: RequestBuilder) -> anyhow::Result<Response> {
        request.send().await.map_err(|e| {
            let why = std::iter::successors(std::error::Error::source(&e), |e| e.source()).last();
            let why = why.map_or_else(|| e.to_string(), ToString::to_string);
            Failure::Unreachable(format!("{} does not answer: {why}", self.base)).into()
        })
    }
}

/// What speaks to the server at this URL; `ca` holds certificates to trust beside the system's.
pub fn http(base: &str, ca: Option<&Path>) -> anyhow::Result<reqwest::Client> {
    fieldstone_engine::choose_cryptography();
    let authorities = match ca {
        Some(path) => {
            let unreadable = || format!("cannot read {}", path.display());
            let pem = std::fs::read(path).with_context(unreadable)?;
            reqwest::Certificate::from_pem_bundle(&pem).with_context(unreadable)?
        }
        None => Vec::new(),
    };
    let with_system =
        authorities.iter().cloned().fold(builder(base), |http, one| http.add_root_certificate(one));
    Ok(match with_system.build() {
        // A system without any authorities, such as an empty container: plain HTTP needs none.
        Err(_) if base.starts_with("http://") => builder(base).tls_certs_only(authorities).build()?,
        built => built?,
    })
}

/// How a server at this URL is spoken to.
fn builder(base: &str) -> reqwest::ClientBuilder {
    // One spelling of the answers, whatever the key was made for.
    let dialect = (HeaderName::from_static("prefer"), HeaderValue::from_static("dialect=openapi"));
    let http = reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .default_headers(HeaderMap::from_iter([dialect]))
        .user_agent(concat!("fieldstone/", env!("CARGO_PKG_VERSION")));
    if is_this_machine(base) { http.no_proxy() } else { http }
}

/// Whether the server is at hand: no proxy stands between.
fn is_this_machine(base: &str) -> bool {
    let url = reqwest::Url::parse(base).ok();
    let host = url.as_ref().and_then(|url| url.host_str()).map(|host| host.trim_matches(['[', ']']));
    host.is_some_and(|h| h == "localhost" || h.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback()))
}

/// The string `field` of a reply.
pub fn text(reply: &Value, field: &str) -> anyhow::Result<String> {
    Ok(reply[field]
        .as_str()
        .with_context(|| format!("the reply has no string {field:?}: {reply}"))?
        .to_owned())
}

/// The reply, or what its error body says.
async fn accepted(response: Response) -> anyhow::Result<Response> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let path = response.url().path().to_owned();
    let body: Value = response.json().await.unwrap_or_default();
    let said = body["description"].as_str().unwrap_or("no description");
    let mut message = format!("{path} answered {status}: {said}");
    for field in body["errors"].as_array().into_iter().flatten() {
        let (name, what) =
            (field["field"].as_str().unwrap_or_default(), field["msg"].as_str().unwrap_or_default());
        if !said.contains(what) {
            message += &format!("\n  {name}: {what}");
        }
    }
    Err(match status {
        StatusCode::NOT_FOUND => Failure::NotFound(message),
        StatusCode::UNAUTHORIZED => Failure::SignIn(message),
        _ => Failure::Refused(message),
    }
    .into())
}
