//! Events of a project on the wire.

use super::One;
use super::dialect::Dialect;
use super::jobs::state;
use crate::openapi::schema::{Schema, Schemas, any, document, fraction, json_text, object, text, word};
use axum::response::sse::Event;
use fieldstone_engine::{News, ProjectEvent};
use serde_json::{Value, json};

/// An event, and the scope without which nobody is told of it.
pub struct ToldEvent {
    pub event: Event,
    pub scope: Option<&'static str>,
}

const JOBS: Option<&str> = Some("jobs:read");
const WORKFLOWS: Option<&str> = Some("workflows:read");
const ASSETS: Option<&str> = Some("assets:read");

/// Jobs and workflows are told in short: their documents may be megabytes. `None` for what cannot be written.
pub fn event(happened: &ProjectEvent, dialect: Dialect) -> Option<ToldEvent> {
    let gone = |id: String| json!({"id": id, "deleted": true});
    let (name, scope, data) = match &happened.news {
        News::Ready => ("ready", None, json!({})),
        News::Lost => ("lost", None, json!({})),
        News::Job(job) => {
            let workflow = job.workflow_id.map(|id| id.to_string());
            let data = json!({
                "id": job.id.to_string(), "name": job.name, "type": job.type_name, "state": job.state.as_str(),
                "progress": job.progress, "error": job.error, "workflow_id": workflow,
            });
            ("job", JOBS, data)
        }
        News::Workflow(workflow) => {
            ("workflow", WORKFLOWS, json!({"id": workflow.id.to_string(), "state": workflow.state.as_str()}))
        }
        News::Asset(asset) => {
            let shown = One { resource: asset, dialect, link: None };
            ("asset", ASSETS, serde_json::to_value(shown).ok()?)
        }
        News::JobGone(id) => ("job", JOBS, gone(id.to_string())),
        News::WorkflowGone(id) => ("workflow", WORKFLOWS, gone(id.to_string())),
        News::AssetGone(id) => ("asset", ASSETS, gone(id.to_string())),
    };
    let event = Event::default().id(&happened.id).event(name).data(data.to_string());
    Some(ToldEvent { event, scope })
}

/// How they are shown, for the API's document.
pub const SCHEMAS: Schemas = &[("ProjectEvent", shown)];

fn shown() -> Schema {
    let job = object([
        ("id", text()),
        ("name", text().or_null()),
        ("type", text()),
        ("state", state()),
        ("progress", fraction()),
        ("error", text().or_null()),
        ("workflow_id", text().or_null()),
    ]);
    let workflow = object([("id", text()), ("state", state())]);
    let gone = object([("id", text()), ("deleted", any().with("const", true))]);
    let all = [job, workflow, crate::openapi::schema::named("Asset"), gone, document()].map(Value::from);
    let data = any()
        .with("anyOf", Vec::from(all))
        .says("Of a job, a workflow, an asset, of what was deleted; {} of ready and lost");
    object([
        ("id", text().says("For Last-Event-ID")),
        ("event", word(["ready", "lost", "job", "workflow", "asset"])),
        ("data", json_text(data)),
    ])
    .says("One server-sent event")
}
