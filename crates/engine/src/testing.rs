//! Doors for the fuzz targets to what only the engine calls; no part of the API.

use crate::draft::JobTypes;
use crate::error::EngineError;
use crate::model::{ListQuery, NewWorkflow};
use crate::store::list_query::{self, List};
use fieldstone_jobs::JobLimits;

/// Jobs of a workflow that is accepted.
pub fn workflow(new: &NewWorkflow, types: JobTypes, max_jobs: usize) -> Result<usize, EngineError> {
    crate::workflow::plan(new, types, &JobLimits::default(), max_jobs).map(|drafts| drafts.len())
}

/// The SQL that a list of each resource becomes.
pub fn list(query: &ListQuery) -> [Result<String, EngineError>; 4] {
    let fields = [&list_query::PROJECTS, &list_query::ASSETS, &list_query::JOBS, &list_query::WORKFLOWS];
    fields.map(|fields| {
        let list = List::parse(query, fields)?;
        Ok(list.sql("SELECT id FROM t WHERE x = ", 1i64, "").sql().as_str().to_owned())
    })
}
