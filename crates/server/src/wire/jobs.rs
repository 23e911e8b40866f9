//! Jobs on the wire.

use super::body::Document;
use super::date::{DateStyle, WireDate};
use super::dialect::Dialect;
use super::error::ApiError;
use super::{One, Resource, Text, TextList, are_large, date};
use crate::openapi::schema::{
    Schema, Schemas, any, date as moment, date_or_null, document, fraction, integer, json_text, list, map,
    name, named, object, text, text_lists, uri, with_fields, word,
};
use fieldstone_engine::model::{Job, JobData, LogLine, NewJob, State};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Value, json};

/// A line of a job's log.
pub fn log_line(line: &LogLine, dates: DateStyle) -> Value {
    let (time, level) = (WireDate(line.at, dates).to_string(), line.level.as_str());
    json!({"time": time, "attempt": line.attempt, "level": level, "text": line.text})
}

impl Resource for Job {
    fn fields<M: SerializeMap>(&self, dialect: Dialect, map: &mut M) -> Result<(), M::Error> {
        if dialect == Dialect::SdkLegacy {
            return legacy_fields(self, map);
        }
        map.serialize_entry("id", &Text(self.id))?;
        map.serialize_entry("name", &self.name)?;
        map.serialize_entry("type", &self.type_name)?;
        map.serialize_entry("state", self.state.as_str())?;
        map.serialize_entry("created", &date(Some(self.created), dialect))?;
        map.serialize_entry("started", &date(self.started, dialect))?;
        map.serialize_entry("finished", &date(self.finished, dialect))?;
        map.serialize_entry("error", &self.error)?;
        map.serialize_entry("inputs", &Data { data: &self.inputs, dialect, made: true })?;
        let made = self.state == State::Success;
        map.serialize_entry("outputs", &Data { data: &self.outputs, dialect, made })?;
        map.serialize_entry("needs", &TextList(&self.needs))?;
        map.serialize_entry("project_id", &Text(self.project_id))?;
        map.serialize_entry("workflow_id", &self.workflow_id.map(Text))?;
        if dialect == Dialect::Sdk {
            map.serialize_entry("assets", &FlatAssets { job: self, dialect })?;
            map.serialize_entry("parameters", &self.inputs.params)?;
            map.serialize_entry("meta", &Meta(self))?;
        }
        Ok(())
    }

    fn is_large(&self) -> bool {
        are_large(self.inputs.params.values().chain(self.outputs.params.values()))
    }
}

/// The eight keys that SDKs up to 0.3 accept; 0.4 to 0.7 would take `finished` too, but do not need it.
fn legacy_fields<M: SerializeMap>(job: &Job, map: &mut M) -> Result<(), M::Error> {
    let dialect = Dialect::SdkLegacy;
    map.serialize_entry("id", &Text(job.id))?;
    map.serialize_entry("name", &job.name)?;
    map.serialize_entry("type", &job.type_name)?;
    map.serialize_entry("parameters", &job.inputs.params)?;
    map.serialize_entry("created", &date(Some(job.created), dialect))?;
    map.serialize_entry("state", job.state.as_str())?;
    map.serialize_entry("assets", &FlatAssets { job, dialect })?;
    map.serialize_entry("meta", &Meta(job))
}

/// `inputs` or `outputs`. Not `made` shows as `null`: there is nothing yet, or there will never be.
struct Data<'a> {
    data: &'a JobData,
    dialect: Dialect,
    made: bool,
}

impl Serialize for Data<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry(
            "assets",
            &self.made.then_some(SlotAssets { data: self.data, dialect: self.dialect }),
        )?;
        map.serialize_entry("params", &self.made.then_some(Params(self.data)))?;
        map.end()
    }
}

/// Assets by slot. A slot with several shows the first under its own name and the others as
/// `name.1`, `name.2`, … (our choice: the SDKs take exactly one asset per key).
struct SlotAssets<'a> {
    data: &'a JobData,
    dialect: Dialect,
}

impl Serialize for SlotAssets<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (slot, assets) in &self.data.assets {
            for (i, resource) in assets.iter().enumerate() {
                let asset = One { resource, dialect: self.dialect, link: None };
                match i {
                    0 => map.serialize_entry(slot, &asset)?,
                    _ => map.serialize_entry(&Text(format_args!("{slot}.{i}")), &asset)?,
                }
            }
        }
        map.end()
    }
}

/// Parameters as texts; native JSON shows as its JSON text.
struct Params<'a>(&'a JobData);

impl Serialize for Params<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.params.iter().map(|(name, value)| (name, AsText(value))))
    }
}

struct AsText<'a>(&'a Value);

impl Serialize for AsText<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::String(text) => serializer.serialize_str(text),
            other => serializer.collect_str(other),
        }
    }
}

/// The deprecated flat list: all outputs, in the order the job made them.
struct FlatAssets<'a> {
    job: &'a Job,
    dialect: Dialect,
}

impl Serialize for FlatAssets<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let all = self.job.outputs.assets.values().flatten();
        serializer.collect_seq(all.map(|resource| One { resource, dialect: self.dialect, link: None }))
    }
}

/// The deprecated `meta`: output parameters as the JSON they hold, or as text where they hold none.
struct Meta<'a>(&'a Job);

impl Serialize for Meta<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.outputs.params.iter().map(|(name, value)| {
            let parsed = value.as_str().and_then(|text| serde_json::from_str(text).ok());
            (name, parsed.unwrap_or_else(|| value.clone()))
        }))
    }
}

/// `POST …/jobs`. `params` is the name that jobs show, `parameters` the one that older clients send.
pub fn new_job(mut body: Document) -> Result<NewJob, ApiError> {
    let type_name = body.required_text("type");
    let name = body.text("name");
    let mut params = body.object("parameters");
    params.extend(body.object("params"));
    let assets = body.text_lists("assets");
    body.finish()?;
    Ok(NewJob { type_name, name, params, assets, request: None })
}

/// `PATCH …/jobs/{id}`: the name is all that may change.
pub fn new_name(mut body: Document) -> Result<String, ApiError> {
    let name = body.required_text("name");
    body.finish()?;
    Ok(name)
}

/// How jobs are shown and sent, for the API's document.
pub const SCHEMAS: Schemas = &[
    ("JobData", data),
    ("Job", shown),
    ("JobWithLink", with_link),
    ("NewJob", new),
    ("JobName", rename),
    ("LogLine", line),
    ("JobEvent", event),
];

/// States of jobs and workflows.
pub(crate) fn state() -> Schema {
    word(State::ALL.map(State::as_str)).says("Current state")
}

fn data() -> Schema {
    let assets = "Asset mapping. A slot with several assets shows the first under its name and the others as name.1, name.2, … \
                  (our choice). null while there is nothing.";
    let params = "Parameter mapping; structured values are JSON text. null while there is nothing.";
    object([("params", map(text()).or_null().says(params))])
        .and_maybe([("assets", map(named("Asset")).or_null().says(assets))])
        .says("Job assets and parameters")
}

fn shown() -> Schema {
    object([
        ("id", text()),
        ("name", text().or_null().says("In a workflow: its key in the definition")),
        ("type", text().says("Type name")),
        ("state", state()),
        ("created", moment()),
        ("started", date_or_null()),
        ("finished", date_or_null()),
        ("error", text().or_null().says("Error message for failed jobs")),
        ("inputs", named("JobData")),
        ("outputs", named("JobData")),
        ("needs", list(text()).says("IDs of upstream dependencies")),
        ("project_id", text().says("Project ID")),
        ("workflow_id", text().or_null().says("Workflow ID, if part of a workflow")),
    ])
}

fn with_link() -> Schema {
    with_fields("Job", object([]).and_maybe([("link", uri().says("Status URL to poll"))]))
}

fn new() -> Schema {
    let type_name = name().says("Type name; an unknown one dispatches and then fails");
    object([("type", type_name)]).and_maybe([
        ("name", name().or_null()),
        ("parameters", document().or_null().says("Strings or native JSON")),
        ("params", document().or_null().says("The same under its newer name; wins over parameters")),
        ("assets", text_lists().or_null().says("Filenames by input slot")),
    ])
}

fn rename() -> Schema {
    object([("name", name())])
}

fn line() -> Schema {
    object([
        ("time", text()),
        ("attempt", integer().with("minimum", 0).says("0 before the first")),
        ("level", any().with("enum", json!(["info", "warning", "error"]))),
        ("text", text()),
    ])
}

fn event() -> Schema {
    let data = object([("state", state()), ("progress", fraction()), ("error", text().or_null())]);
    let name = word(["state", "progress"]).says("state at its start and end, progress in between");
    object([("event", name), ("data", json_text(data))]).says("One server-sent event")
}

#[cfg(test)]
mod tests;
