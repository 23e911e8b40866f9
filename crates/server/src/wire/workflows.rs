//! Workflows on the wire.

use super::body::Document;
use super::dialect::Dialect;
use super::error::ApiError;
use super::{Resource, Text, TextList, date};
use fieldstone_engine::model::{NewWorkflow, Workflow};
use serde::ser::SerializeMap;

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
