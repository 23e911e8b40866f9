//! A job before it has a row: what its sender asked for, checked against its job type.

use crate::bindings::{Bindings, Bound};
use crate::error::{EngineError, Problems};
use crate::model::Asset;
use crate::store::Limits;
use fieldstone_jobs::{InputSizes, JobEntry, JobLimits, Slot, Values};
use indexmap::IndexMap;
use serde_json::Value;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The table of job types that an engine runs.
pub type JobTypes = &'static [&'static JobEntry];

/// Where an input asset comes from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum AssetSource {
    /// The newest asset of this name in the project; `field` is where the request says so.
    File { filename: String, field: String },
    /// What an upstream job makes; without a name, what the shorthand rule finds.
    Upstream { job: String, asset: Option<String> },
}

/// Where an input parameter comes from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ParamSource {
    /// As sent.
    Value(Value),
    /// What an upstream job computes.
    Upstream { job: String, parameter: String },
}

/// A job as asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Draft {
    pub(crate) name: Option<String>,
    pub(crate) type_name: String,
    /// Names of upstream jobs, each once.
    pub(crate) needs: Vec<String>,
    pub(crate) assets: IndexMap<String, Vec<AssetSource>>,
    pub(crate) params: IndexMap<String, ParamSource>,
    /// The request that asks for it.
    pub(crate) request: Option<String>,
    /// What [`Draft::check`] read, where nothing is still to come from upstream.
    pub(crate) checked: Option<Checked>,
}

/// Parameters as their job type read them.
#[derive(Clone)]
pub(crate) struct Checked {
    entry: &'static JobEntry,
    values: Values,
    /// Field path of the job in its request.
    prefix: String,
}

impl std::fmt::Debug for Checked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{:?}", self.entry.type_name, self.values)
    }
}

impl PartialEq for Checked {
    fn eq(&self, other: &Checked) -> bool {
        std::ptr::eq(self.entry, other.entry) && self.values == other.values && self.prefix == other.prefix
    }
}

pub(crate) fn find(types: JobTypes, type_name: &str) -> Option<&'static JobEntry> {
    types.iter().copied().find(|e| e.type_name == type_name)
}

/// The parameters that the job type itself reads: filenames have become assets.
pub(crate) fn own_params(entry: &JobEntry, params: &IndexMap<String, Value>) -> IndexMap<String, Value> {
    let is_file = |name: &str| entry.inputs.iter().any(|s| s.from_param == Some(name));
    params.iter().filter(|(n, _)| !is_file(n)).map(|(n, v)| (n.clone(), v.clone())).collect()
}

impl Draft {
    /// Field path of this job in its request: `` or `jobs.sample-mesh.`.
    fn prefix(&self) -> String {
        self.name.as_ref().map(|n| format!("jobs.{n}.")).unwrap_or_default()
    }

    /// Turns filename parameters into assets and checks slots and parameters; a type that is not
    /// in `types` is taken as it is, and fails when it runs.
    pub(crate) fn check(
        &mut self,
        types: JobTypes,
        limits: &JobLimits,
        in_workflow: bool,
        problems: &mut Problems,
    ) {
        let prefix = if in_workflow { self.prefix() } else { String::new() };
        let Some(entry) = find(types, &self.type_name) else { return };
        for slot in entry.inputs {
            self.take_filename(slot, &prefix, problems);
        }
        for (name, sources) in &self.assets {
            let field = format!("{prefix}assets.{name}");
            if entry.refers.is_none() && !entry.inputs.iter().any(|s| s.name == name) {
                problems.push(field, unknown_slot(entry));
            } else if sources.len() > 1 {
                problems.push(field, format!("takes one asset, got {}", sources.len()));
            }
        }
        for slot in entry.inputs.iter().filter(|s| s.required) {
            if self.assets.get(slot.name).is_none_or(Vec::is_empty) {
                problems.push(format!("{prefix}assets.{}", slot.name), format!("is required: {}", slot.doc));
            }
        }
        if let Some(values) = self.check_params(entry, &prefix, problems) {
            self.take_references(entry, &values, limits, &prefix, problems);
            let known = self.params.values().all(|p| matches!(p, ParamSource::Value(_)));
            self.checked = known.then_some(Checked { entry, values, prefix });
        }
    }

    /// Has the job type look at what it was given, now that the files are found.
    pub(crate) fn check_inputs(&self, inputs: &Bindings, limits: &Limits, problems: &mut Problems) {
        let Some(Checked { entry, values, prefix }) = &self.checked else { return };
        let size = |bound: &Bound<Asset>| match bound {
            Bound::Is(asset) => Some(asset.size),
            Bound::From { .. } => None,
        };
        let total = |list: &Vec<Bound<Asset>>| list.iter().map(size).sum::<Option<u64>>();
        let known = inputs.assets.iter().filter_map(|(slot, list)| Some((slot.clone(), total(list)?)));
        let sizes: InputSizes = known.collect();
        if let Err(e) = (entry.check)(values, &sizes) {
            return problems.push(format!("{prefix}parameters.{}", e.name), e.what);
        }
        if sizes.len() == inputs.assets.len()
            && let Some(what) = limits.too_greedy(memory_bytes(entry, values, &sizes))
        {
            problems.push(prefix.trim_end_matches('.'), what);
        }
    }

    /// Turns the files that parameters name into assets.
    fn take_references(
        &mut self,
        entry: &JobEntry,
        values: &Values,
        limits: &JobLimits,
        prefix: &str,
        problems: &mut Problems,
    ) {
        let Some(refers) = entry.refers else { return };
        let references = match refers(values, limits) {
            Ok(references) => references,
            Err(e) => return problems.push(format!("{prefix}parameters.{}", e.name), e.what),
        };
        for reference in references {
            if self.assets.contains_key(&reference.path) {
                continue;
            }
            let field = format!("{prefix}parameters.{}", reference.param);
            let file = AssetSource::File { filename: reference.path, field };
            self.assets.insert(reference.slot, vec![file]);
        }
    }

    fn take_filename(&mut self, slot: &Slot, prefix: &str, problems: &mut Problems) {
        let Some(param) = slot.from_param else { return };
        let Some(source) = self.params.get(param) else { return };
        let field = format!("{prefix}parameters.{param}");
        match source {
            ParamSource::Value(Value::Null) => {}
            ParamSource::Value(Value::String(_)) if self.assets.contains_key(slot.name) => {
                problems.push(field, format!("is given twice, assets.{} is the same input", slot.name));
            }
            ParamSource::Value(Value::String(filename)) => {
                let file = AssetSource::File { filename: filename.clone(), field };
                self.assets.insert(slot.name.to_owned(), vec![file]);
            }
            _ => problems.push(field, "expected the filename of an asset"),
        }
    }

    /// The parameters, if they are right and none comes from upstream.
    fn check_params(&self, entry: &JobEntry, prefix: &str, problems: &mut Problems) -> Option<Values> {
        let mut literal = IndexMap::new();
        for (name, source) in &self.params {
            match source {
                ParamSource::Value(value) => {
                    literal.insert(name.clone(), value.clone());
                }
                ParamSource::Upstream { .. } if entry.params.iter().all(|p| p.name != name) => {
                    problems.push(format!("{prefix}parameters.{name}"), unknown_param(entry));
                }
                ParamSource::Upstream { .. } => {}
            }
        }
        match parse_own(entry, &literal) {
            Ok(values) => Some(values),
            Err(e) => {
                problems.push(format!("{prefix}parameters.{}", e.name), e.what);
                None
            }
        }
    }
}

/// What the job says it needs at most. A job type that panics here panics again in its attempt, which is made for that.
pub(crate) fn memory_bytes(entry: &JobEntry, values: &Values, sizes: &InputSizes) -> u64 {
    catch_unwind(AssertUnwindSafe(|| (entry.memory_bytes)(values, sizes))).unwrap_or(0)
}

/// Reads the parameters as the job type will.
pub(crate) fn parse_own(
    entry: &JobEntry,
    params: &IndexMap<String, Value>,
) -> Result<Values, fieldstone_jobs::ParamError> {
    entry.parse(&own_params(entry, params))
}

fn unknown_slot(entry: &JobEntry) -> String {
    let known: Vec<_> = entry.inputs.iter().map(|s| s.name).collect();
    if known.is_empty() {
        return format!("unknown, {} takes no assets", entry.type_name);
    }
    format!("unknown, {} takes {}", entry.type_name, known.join(", "))
}

fn unknown_param(entry: &JobEntry) -> String {
    let known: Vec<_> = entry.params.iter().map(|p| p.name).collect();
    format!("unknown, expected one of {}", known.join(", "))
}

/// A name that people give: 1 to 255 characters, none of them a control character.
pub(crate) fn check_name(field: &str, name: &str) -> Result<(), EngineError> {
    let length = name.chars().count();
    if length == 0 || length > 255 {
        return Err(EngineError::invalid(field, format!("expected 1 to 255 characters, got {length}")));
    }
    if let Some(c) = name.chars().find(|c| c.is_control()) {
        return Err(EngineError::invalid(field, format!("holds the control character {c:?}")));
    }
    Ok(())
}
