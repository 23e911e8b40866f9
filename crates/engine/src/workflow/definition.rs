//! The YAML of a workflow: `jobs: {name: {type, needs, assets, parameters}}`.
//!
//! An asset is the name of an upstream job, `{job, asset}`, or a list of these. A parameter is a
//! literal or `{job, parameter}`. Other keys are refused, with their place.

use crate::draft::{AssetSource, Draft, ParamSource};
use crate::error::{EngineError, Problems};
use serde_json::{Map, Value};
use serde_saphyr::options::DuplicateKeyPolicy;

/// Bytes of the YAML text at most.
const MAX_BYTES: usize = 4 << 20;

type Json = Map<String, Value>;

/// Reads the definition into drafts, in its order.
pub(super) fn parse(text: &str, max_jobs: usize) -> Result<Vec<Draft>, EngineError> {
    let mut problems = Problems::default();
    let root = read_yaml(text)?;
    let Value::Object(root) = root else {
        return Err(EngineError::invalid(
            "definition",
            format!("expected a mapping with the key jobs, got {}", kind(&root)),
        ));
    };
    for key in root.keys().filter(|k| *k != "jobs") {
        problems.push(key, "unknown key, expected jobs");
    }
    let jobs = match root.get("jobs") {
        Some(Value::Object(jobs)) => jobs,
        Some(other) => {
            return Err(EngineError::invalid(
                "jobs",
                format!("expected a mapping of jobs, got {}", kind(other)),
            ));
        }
        None => return Err(EngineError::invalid("jobs", "is missing")),
    };
    if jobs.len() > max_jobs {
        let count = jobs.len();
        return Err(EngineError::invalid("jobs", format!("has {count} jobs, the limit is {max_jobs}")));
    }
    let drafts = jobs.iter().map(|(name, body)| job(name, body, &mut problems)).collect();
    problems.check()?;
    Ok(drafts)
}

fn read_yaml(text: &str) -> Result<Value, EngineError> {
    if text.len() > MAX_BYTES {
        let size = text.len();
        return Err(EngineError::TooLarge(format!(
            "the definition has {size} bytes, the limit is {MAX_BYTES}"
        )));
    }
    let options = serde_saphyr::options! {
        duplicate_keys: DuplicateKeyPolicy::Error,
        with_snippet: false,
        // What a megabyte may unfold to: aliases count as often as they are used.
        budget: serde_saphyr::budget! {
            max_depth: 64,
            max_documents: 1,
            max_nodes: 1_000_000,
            max_events: 2_000_000,
            max_anchors: 1_000,
            max_aliases: 10_000,
            max_total_scalar_bytes: 2 * MAX_BYTES,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 100_000,
            max_replay_stack_depth: 16,
        },
    };
    serde_saphyr::from_str_with_options(text, options)
        .map_err(|e| EngineError::invalid("definition", format!("cannot be read as YAML: {e}")))
}

fn job(name: &str, body: &Value, problems: &mut Problems) -> Draft {
    let at = format!("jobs.{name}");
    let mut draft = Draft { name: Some(name.to_owned()), ..Draft::default() };
    if let Err(EngineError::Invalid { errors, .. }) = crate::draft::check_name(&at, name) {
        errors.into_iter().for_each(|e| problems.push(e.field, format!("the name of a job {}", e.msg)));
    }
    let Value::Object(body) = body else {
        problems.push(at, format!("expected a mapping with the key type, got {}", kind(body)));
        return draft;
    };
    unknown_keys(body, &["type", "needs", "assets", "parameters"], &at, problems);
    match body.get("type") {
        Some(Value::String(t)) if !t.is_empty() && t.len() <= 255 => draft.type_name = t.clone(),
        Some(other) => {
            problems.push(format!("{at}.type"), format!("expected a job type, got {}", kind(other)))
        }
        None => problems.push(format!("{at}.type"), "is missing"),
    }
    draft.needs = needs(body.get("needs"), &at, problems);
    for (slot, value) in mapping(body.get("assets"), &format!("{at}.assets"), problems) {
        let sources = assets(value, &format!("{at}.assets.{slot}"), problems);
        draft.assets.insert(slot.clone(), sources);
    }
    for (param, value) in mapping(body.get("parameters"), &format!("{at}.parameters"), problems) {
        if let Some(source) = parameter(value, &format!("{at}.parameters.{param}"), problems) {
            draft.params.insert(param.clone(), source);
        }
    }
    draft
}

fn needs(value: Option<&Value>, at: &str, problems: &mut Problems) -> Vec<String> {
    let mut names = Vec::new();
    let items = match value {
        None | Some(Value::Null) => return names,
        Some(Value::Array(items)) => items.as_slice(),
        Some(one) => std::slice::from_ref(one),
    };
    for item in items {
        match item {
            Value::String(name) if names.contains(name) => {}
            Value::String(name) => names.push(name.clone()),
            other => {
                problems.push(format!("{at}.needs"), format!("expected names of jobs, got {}", kind(other)))
            }
        }
    }
    names
}

/// The entries of an optional mapping.
fn mapping<'v>(
    value: Option<&'v Value>,
    at: &str,
    problems: &mut Problems,
) -> impl Iterator<Item = (&'v String, &'v Value)> + use<'v> {
    let map = match value {
        Some(Value::Object(map)) => Some(map),
        None | Some(Value::Null) => None,
        Some(other) => {
            problems.push(at, format!("expected a mapping, got {}", kind(other)));
            None
        }
    };
    map.into_iter().flatten()
}

fn assets(value: &Value, at: &str, problems: &mut Problems) -> Vec<AssetSource> {
    match value {
        Value::Array(items) => items.iter().filter_map(|v| asset(v, at, problems)).collect(),
        one => asset(one, at, problems).into_iter().collect(),
    }
}

fn asset(value: &Value, at: &str, problems: &mut Problems) -> Option<AssetSource> {
    match value {
        Value::String(job) => Some(AssetSource::Upstream { job: job.clone(), asset: None }),
        Value::Object(map) => {
            let (job, asset) = reference(map, "asset", at, problems)?;
            Some(AssetSource::Upstream { job, asset: Some(asset) })
        }
        other => {
            problems.push(at, format!("expected the name of a job or {{job, asset}}, got {}", kind(other)));
            None
        }
    }
}

fn parameter(value: &Value, at: &str, problems: &mut Problems) -> Option<ParamSource> {
    match value {
        Value::Object(map) if map.contains_key("job") => {
            let (job, parameter) = reference(map, "parameter", at, problems)?;
            Some(ParamSource::Upstream { job, parameter })
        }
        literal => Some(ParamSource::Value(literal.clone().into())),
    }
}

/// `{job: …, <what>: …}`, both names and nothing else.
fn reference(map: &Json, what: &str, at: &str, problems: &mut Problems) -> Option<(String, String)> {
    unknown_keys(map, &["job", what], at, problems);
    let mut name = |key: &str| match map.get(key) {
        Some(Value::String(name)) => Some(name.clone()),
        Some(other) => {
            problems.push(format!("{at}.{key}"), format!("expected a name, got {}", kind(other)));
            None
        }
        None => {
            problems.push(format!("{at}.{key}"), "is missing");
            None
        }
    };
    Some((name("job")?, name(what)?))
}

fn unknown_keys(map: &Json, known: &[&str], at: &str, problems: &mut Problems) {
    for key in map.keys().filter(|k| !known.contains(&k.as_str())) {
        problems.push(format!("{at}.{key}"), format!("unknown key, expected one of {}", known.join(", ")));
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}
