//! A server that lives as long as one command, on a free port of loopback, and one's own client of it.

use crate::progress::{JobLines, Standing};
use crate::remote::Client;
use crate::settings::Settings;
use anyhow::{Context, bail, ensure};
use fieldstone_engine::model::{Caller, JobId, NewKey, ProjectId};
use fieldstone_engine::{Engine, EngineConfig};
use futures::StreamExt;
use serde_json::Value;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// The server, and the way to look at its jobs' progress.
pub struct Stage {
    engine: Engine,
    caller: Arc<Caller>,
    /// Speaks to it as any client does.
    pub client: Client,
    /// Where it is, without a slash at the end.
    pub url: String,
    /// The key that the client has.
    pub token: String,
    stop: oneshot::Sender<()>,
    serving: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl Stage {
    /// Serves from a data folder of its own.
    pub async fn open(data: &Path, settings: &Settings) -> anyhow::Result<Stage> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("cannot listen on a free port")?;
        let url = fieldstone_server::url_of(listener.local_addr()?);
        let engine = Engine::open(EngineConfig { data: data.to_owned(), ..settings.engine() }).await?;
        let token = engine.create_key(NewKey { name: "stage".into(), ..NewKey::default() }).await?;
        let caller = engine.authenticate(&token).await?.context("the server does not know its own key")?;
        engine.start();
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async { stopped.await.unwrap_or_default() };
        let config = fieldstone_server::ServerConfig { public_url: None, ..settings.server() };
        let serving = tokio::spawn(fieldstone_server::serve(listener, engine.clone(), config, shutdown));
        let client = Client::new(url.clone(), token.clone(), None)?;
        Ok(Stage { engine, caller, client, url, token, stop, serving })
    }

    /// Ends it, with what still runs.
    pub async fn close(self) -> anyhow::Result<()> {
        drop(self.client);
        drop(self.stop);
        self.engine.stop().await;
        self.serving.await?.context("the server failed")
    }

    /// Waits for a workflow with a line per job; the jobs' documents in the order of the workflow. Fails with the error of the first
    /// job that has one.
    pub async fn finished(&self, project: &str, workflow: &str) -> anyhow::Result<Vec<Value>> {
        let mut lines = JobLines::new();
        let project_id = project.parse::<ProjectId>()?;
        // Before the first look: what changes after it is heard of.
        let mut news = pin!(self.engine.watch_project(&self.caller, project_id, None).await?);
        while news.next().await.is_some() {
            let workflow = self.client.get(&format!("/projects/{project}/workflows/{workflow}")).await?;
            let ids = workflow["jobs"].as_array().context("the workflow has no list of jobs")?;
            let ids: Vec<&str> = ids.iter().filter_map(Value::as_str).collect();
            for id in &ids {
                let id: JobId = id.parse()?;
                let job = self.engine.get_job(&self.caller, project_id, id).await?;
                lines.show(&Standing::from(&*job));
            }
            if matches!(workflow["state"].as_str(), Some("pending" | "started")) {
                continue;
            }
            let mut jobs = Vec::new();
            for id in &ids {
                let job = self.client.get(&format!("/projects/{project}/jobs/{id}")).await?;
                if let Some(error) = job["error"].as_str() {
                    bail!("job {} failed: {error}", job["name"].as_str().unwrap_or(id));
                }
                jobs.push(job);
            }
            ensure!(workflow["state"] == "success", "the workflow ended as {}", workflow["state"]);
            return Ok(jobs);
        }
        bail!("the server says no more of its project")
    }
}
