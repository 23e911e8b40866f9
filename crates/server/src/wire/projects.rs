//! Projects on the wire.

use super::body::Document;
use super::dialect::Dialect;
use super::error::ApiError;
use super::{Resource, Text, are_large, date};
use crate::openapi::schema::{Schema, Schemas, any, date as moment, integer_text, name, object, text, word};
use fieldstone_engine::model::{Access, NewProject, PROJECT_KINDS, Project, ProjectChange};
use serde::ser::SerializeMap;

impl Resource for Project {
    fn fields<M: SerializeMap>(&self, dialect: Dialect, map: &mut M) -> Result<(), M::Error> {
        map.serialize_entry("id", &Text(self.id))?;
        map.serialize_entry("user", &self.user)?;
        map.serialize_entry("name", &self.name)?;
        map.serialize_entry("access", access_word(self.access, dialect))?;
        map.serialize_entry("created", &date(Some(self.created), dialect))?;
        map.serialize_entry("modified", &date(Some(self.modified), dialect))?;
        if dialect == Dialect::OpenApi {
            // SDKs 0.3 to 0.11 refuse it and later ones do not read it.
            map.serialize_entry("type", &self.kind)?;
        }
        map.serialize_entry("thumbnail", &None::<&str>)?;
        map.serialize_entry("project", &self.project)?;
        map.serialize_entry("graph", &self.graph)
    }

    fn is_large(&self) -> bool {
        are_large(self.project.iter().chain(&self.graph))
    }
}

/// SDKs up to 0.7 fail on the word `org`; `public` grants the same here: reading, by every key.
pub(crate) fn access_word(access: Access, dialect: Dialect) -> &'static str {
    match access {
        Access::Private => "private",
        Access::Org if dialect == Dialect::SdkLegacy => "public",
        Access::Org => "org",
        Access::Public => "public",
    }
}

/// Reads `access`. SDKs 0.3 to 0.5 send `Access.PRIVATE`, the name of their enum.
fn access(body: &mut Document) -> Option<Access> {
    let given = body.text("access")?;
    let word = given.strip_prefix("Access.").unwrap_or(&given).to_ascii_lowercase();
    match word.as_str() {
        "private" => Some(Access::Private),
        "org" => Some(Access::Org),
        "public" => Some(Access::Public),
        _ => {
            body.refuse("access", format!("is {given:?}, expected private, org or public"));
            None
        }
    }
}

fn kind(body: &mut Document) -> String {
    let Some(given) = body.text("type") else { return PROJECT_KINDS[0].to_owned() };
    let word = given.to_ascii_lowercase();
    if !PROJECT_KINDS.contains(&word.as_str()) {
        body.refuse("type", format!("is {given:?}, expected {}", PROJECT_KINDS.join(" or ")));
    }
    word
}

/// `POST /projects`; with `source` a copy.
pub fn new_project(mut body: Document) -> Result<NewProject, ApiError> {
    let name = body.required_text("name");
    let access = access(&mut body).unwrap_or(Access::Private);
    let kind = kind(&mut body);
    let project = body.value("project");
    let source = body.id("source");
    body.finish()?;
    Ok(NewProject { name, access, kind, project, source })
}

/// `PATCH /projects/{id}`; an absent field stays as it is.
pub fn project_change(mut body: Document) -> Result<ProjectChange, ApiError> {
    let change = ProjectChange {
        name: body.text("name"),
        access: access(&mut body),
        project: body.value("project"),
        graph: body.value("graph"),
    };
    body.finish()?;
    Ok(change)
}

/// How projects are shown and sent, for the API's document.
pub const SCHEMAS: Schemas = &[("Project", shown), ("NewProject", new), ("ProjectChange", change)];

fn access_schema() -> Schema {
    word(["private", "org", "public"])
        .says("private: its user; org and public: every key of this server may read")
}

fn kind_schema() -> Schema {
    word(PROJECT_KINDS.iter().copied()).says("Kind of project")
}

fn own_document() -> Schema {
    any().says("The client's own document")
}

fn graph() -> Schema {
    any().says("The client's shape graph")
}

fn shown() -> Schema {
    object([
        ("id", text()),
        ("user", text().says("Owner")),
        ("name", text()),
        ("access", access_schema()),
        ("created", moment()),
        ("modified", moment()),
        ("type", kind_schema()),
        ("thumbnail", text().or_null()),
        ("project", own_document()),
        ("graph", graph()),
    ])
}

fn new() -> Schema {
    let source =
        integer_text().says("ID of a project to duplicate: its data and assets, not its jobs").or_null();
    object([("name", name())]).and_maybe([
        ("access", access_schema().or_null().with("default", "private")),
        ("type", kind_schema().or_null()),
        ("project", own_document()),
        ("source", source),
    ])
}

fn change() -> Schema {
    object([]).says("Absent fields stay as they are.").and_maybe([
        ("name", name().or_null()),
        ("access", access_schema().or_null()),
        ("project", own_document()),
        ("graph", graph()),
    ])
}
