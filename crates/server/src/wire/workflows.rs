//! Workflows on the wire.

use super::body::Document;
use super::dialect::Dialect;
use super::error::ApiError;
use super::jobs::state;
use super::{Resource, Text, TextList, date};
use crate::openapi::schema::{
    Schema, Schemas, date as moment, date_or_null, document, list, object, text, text_lists, uri, with_fields,
};
use fieldstone_engine::model::{NewWorkflow, Workflow};
use serde::ser::SerializeMap;
use serde_json::json;

impl Resource for Workflow {
    /// The same eight keys in every dialect: SDKs without workflows never see one.
    fn fields<M: SerializeMap>(&self, dialect: Dialect, map: &mut M) -> Result<(), M::Error> {
        map.serialize_entry("id", &Text(self.id))?;
        map.serialize_entry("jobs", &TextList(&self.jobs))?;
        map.serialize_entry("state", self.state.as_str())?;
        map.serialize_entry("created", &date(Some(self.created), dialect))?;
        map.serialize_entry("started", &date(self.started, dialect))?;
        map.serialize_entry("finished", &date(self.finished, dialect))?;
        map.serialize_entry("definition", &self.definition)?;
        map.serialize_entry("project_id", &Text(self.project_id))
    }
}

/// `POST …/workflows`.
pub fn new_workflow(mut body: Document) -> Result<NewWorkflow, ApiError> {
    let definition = body.required_text("definition");
    let assets = body.text_lists("assets");
    let parameters = body.object("parameters");
    body.finish()?;
    Ok(NewWorkflow { definition, assets, parameters, request: None })
}

/// How workflows are shown and sent, for the API's document.
pub const SCHEMAS: Schemas = &[("Workflow", shown), ("WorkflowWithLink", with_link), ("NewWorkflow", new)];

fn shown() -> Schema {
    object([
        ("id", text()),
        ("jobs", list(text()).says("Job IDs in the order of the definition")),
        ("state", state()),
        ("created", moment()),
        ("started", date_or_null()),
        ("finished", date_or_null()),
        ("definition", text().says("YAML as sent")),
        ("project_id", text().says("Project ID")),
    ])
}

fn with_link() -> Schema {
    with_fields("Workflow", object([]).and_maybe([("link", uri().says("Status URL to poll"))]))
}

fn new() -> Schema {
    let smallest = "jobs: {}\n";
    let examples = json!([smallest, "jobs:\n  prepare: {type: mesh/preprocess}\n"]);
    let parameters = "job.parameter to a string or a list of strings; native JSON is accepted too";
    object([("definition", text().says("YAML text").with("examples", examples))])
        .and_maybe([
            ("assets", text_lists().or_null().says("job.input to filename or filenames")),
            ("parameters", document().or_null().says(parameters)),
        ])
        .with("examples", json!([{"definition": smallest}]))
}
