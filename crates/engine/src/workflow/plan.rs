//! Definition and dispatch maps together: what each job will be given, checked by its type.

use super::{definition, graph};
use crate::draft::{AssetSource, Draft, JobTypes, ParamSource, find};
use crate::error::{EngineError, Problems};
use crate::model::NewWorkflow;
use fieldstone_jobs::JobLimits;
use std::collections::HashMap;

/// The jobs of a workflow, in the order of its definition, ready to be written.
pub(crate) fn plan(
    new: &NewWorkflow,
    types: JobTypes,
    limits: &JobLimits,
    max_jobs: usize,
) -> Result<Vec<Draft>, EngineError> {
    let mut drafts = definition::parse(&new.definition, max_jobs)?;
    let mut problems = Problems::default();
    dispatch(&mut drafts, new, &mut problems);
    graph::connect(&mut drafts, &mut problems);
    name_outputs(&mut drafts, types, &mut problems);
    for draft in &mut drafts {
        draft.check(types, limits, true, &mut problems);
    }
    problems.check()?;
    Ok(drafts)
}

/// Puts in the files and values that the request names as `job.input` and `job.parameter`; they
/// replace what the definition says.
fn dispatch(drafts: &mut [Draft], new: &NewWorkflow, problems: &mut Problems) {
    let names: HashMap<String, usize> =
        drafts.iter().enumerate().filter_map(|(i, d)| Some((d.name.clone()?, i))).collect();
    for (key, filenames) in &new.assets {
        let field = format!("assets.{key}");
        if let Some((job, input)) = target(&names, key, &field, problems) {
            let file =
                |filename: &String| AssetSource::File { filename: filename.clone(), field: field.clone() };
            drafts[job].assets.insert(input.to_owned(), filenames.iter().map(file).collect());
        }
    }
    for (key, value) in &new.parameters {
        let field = format!("parameters.{key}");
        if let Some((job, param)) = target(&names, key, &field, problems) {
            drafts[job].params.insert(param.to_owned(), ParamSource::Value(value.clone().into()));
        }
    }
}

/// The job and the input that `key` names. Job names may contain dots: the longest known one counts.
fn target<'k>(
    names: &HashMap<String, usize>,
    key: &'k str,
    field: &str,
    problems: &mut Problems,
) -> Option<(usize, &'k str)> {
    let dots = key.match_indices('.').map(|(at, _)| at);
    let known = dots.rev().find_map(|at| Some((*names.get(&key[..at])?, &key[at + 1..])));
    match (known, key.rsplit_once('.')) {
        (Some((_, "")), _) | (None, None) => problems.push(field, format!("expected job.input, got {key:?}")),
        (Some(found), _) => return Some(found),
        (None, Some((job, _))) => problems.push(field, format!("no job called {job:?} in this workflow")),
    }
    None
}

/// Gives every upstream reference the name of an output, by the shorthand rule where it has none:
/// the output called like the input, else `output`, else the only one.
fn name_outputs(drafts: &mut [Draft], types: JobTypes, problems: &mut Problems) {
    let job_types: HashMap<String, String> =
        drafts.iter().filter_map(|d| Some((d.name.clone()?, d.type_name.clone()))).collect();
    let entry_of = |job: &str| find(types, job_types.get(job)?);
    for draft in drafts {
        let own = draft.name.clone().unwrap_or_default();
        for (slot, sources) in &mut draft.assets {
            for source in sources {
                let AssetSource::Upstream { job, asset } = source else { continue };
                // An unknown type fails when it runs: what it would have made does not matter.
                let Some(entry) = entry_of(job) else { continue };
                let made: Vec<_> = entry.products.iter().map(|p| p.name).collect();
                let chosen = match asset.as_deref() {
                    Some(name) => made.iter().find(|m| **m == name),
                    None => shorthand(&made, slot),
                };
                match chosen {
                    Some(name) => *asset = Some((*name).to_owned()),
                    None => problems.push(
                        format!("jobs.{own}.assets.{slot}"),
                        no_such(job, entry.type_name, "asset", asset.as_deref(), &made),
                    ),
                }
            }
        }
        for (name, source) in &draft.params {
            let ParamSource::Upstream { job, parameter } = source else { continue };
            let Some(entry) = entry_of(job) else { continue };
            let made = entry.params_out();
            if !made.contains(&parameter.as_str()) {
                let msg = no_such(job, entry.type_name, "parameter", Some(parameter), &made);
                problems.push(format!("jobs.{own}.parameters.{name}"), msg);
            }
        }
    }
}

fn shorthand<'m>(made: &'m [&'static str], slot: &str) -> Option<&'m &'static str> {
    let named = |wanted: &str| made.iter().find(|m| **m == wanted);
    let only = if made.len() == 1 { made.first() } else { None };
    named(slot).or_else(|| named("output")).or(only)
}

fn no_such(job: &str, type_name: &str, kind: &str, wanted: Option<&str>, made: &[&str]) -> String {
    let made = if made.is_empty() { "none".to_owned() } else { made.join(", ") };
    match wanted {
        Some(name) => format!("job {job:?} ({type_name}) makes no {kind} called {name:?}, only {made}"),
        None => format!("say which {kind} of job {job:?} ({type_name}) is meant: {made}"),
    }
}
