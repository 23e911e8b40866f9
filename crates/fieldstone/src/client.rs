//! The few calls of the REST API that the demo makes, over HTTP as any client makes them.

use anyhow::{Context, bail};
use reqwest::multipart::{Form, Part};
use reqwest::{RequestBuilder, Response};
use serde_json::Value;
use std::path::Path;
use tokio::io::AsyncWriteExt;

/// A server and a key to it.
pub struct Client {
    http: reqwest::Client,
    base: String,
    token: String,
}

impl Client {
    /// `base` is the server's URL without a slash at the end. Proxies are not asked: the server is near.
    pub fn new(base: String, token: String) -> anyhow::Result<Client> {
        fieldstone_server::choose_cryptography();
        Ok(Client { http: reqwest::Client::builder().no_proxy().build()?, base, token })
    }

    /// `GET path`.
    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.json(self.http.get(format!("{}{path}", self.base))).await
    }

    /// `POST path` with a JSON body.
    pub async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.json(self.http.post(format!("{}{path}", self.base)).json(body)).await
    }

    /// Uploads `file` as an asset called `name`.
    pub async fn upload(&self, project: &str, name: String, file: Part) -> anyhow::Result<Value> {
        let url = format!("{}/projects/{project}/assets", self.base);
        self.json(self.http.post(url).multipart(Form::new().part("file", file.file_name(name)))).await
    }

    /// Writes the bytes of an asset to `path`.
    pub async fn download(&self, project: &str, asset: &str, path: &Path) -> anyhow::Result<()> {
        let asset = self.get(&format!("/projects/{project}/assets/{asset}?download=true")).await?;
        // The link is signed: it goes without the key.
        let mut response = accepted(self.http.get(text(&asset, "link")?)).await?;
        let mut file = tokio::fs::File::create(path)
            .await
            .with_context(|| format!("cannot write {}", path.display()))?;
        while let Some(chunk) = response.chunk().await? {
            file.write_all(&chunk).await?;
        }
        file.flush().await?;
        Ok(())
    }

    async fn json(&self, request: RequestBuilder) -> anyhow::Result<Value> {
        Ok(accepted(request.bearer_auth(&self.token)).await?.json().await?)
    }
}

/// The string `field` of a reply.
pub fn text(reply: &Value, field: &str) -> anyhow::Result<String> {
    Ok(reply[field]
        .as_str()
        .with_context(|| format!("the reply has no string {field:?}: {reply}"))?
        .to_owned())
}

/// The reply, or what its error body says.
async fn accepted(request: RequestBuilder) -> anyhow::Result<Response> {
    let response = request.send().await?;
    let (status, path) = (response.status(), response.url().path().to_owned());
    if status.is_success() {
        return Ok(response);
    }
    let body: Value = response.json().await.unwrap_or_default();
    bail!("{path} answered {status}: {}", body["description"].as_str().unwrap_or("no description"))
}
