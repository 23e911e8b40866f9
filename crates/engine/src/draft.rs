//! A job before it has a row: what its sender asked for, checked against its job type.

use crate::bindings::{AssetBindings, Bound};
use crate::cache::Cache;
use crate::error::{EngineError, Problems};
use crate::limits::{Limits, Needs};
use crate::model::{Asset, JobId};
use fieldstone_jobs::{
    Given, JobEntry, JobLimits, Kind, KnownInput, KnownInputs, ParamError, Prepared, Slot,
};
use indexmap::IndexMap;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};

/// What [`Drafted`] keeps at most.
const DRAFTED_BYTES: u64 = 64 << 20;

/// Bytes of all parameters of a job together that are no documents.
const PARAM_BYTES: usize = 256 << 10;
/// Bytes of a parameter in the row of its job; the row is written again with every change of the job's state. What is longer
/// becomes a document.
const ROW_BYTES: usize = 64 << 10;
/// Input assets of one job.
const INPUT_ASSETS: usize = 1000;

/// Takes about the bytes of a value from what is left; `None` when there are not so many.
fn spend(value: &Value, left: &mut usize) -> Option<()> {
    match value {
        Value::String(text) => spend_bytes(text.len() + 2, left),
        Value::Array(items) => {
            spend_bytes(2, left)?;
            items.iter().try_for_each(|item| spend(item, left))
        }
        Value::Object(fields) => {
            spend_bytes(2, left)?;
            fields.iter().try_for_each(|(name, item)| {
                spend_bytes(name.len() + 4, left)?;
                spend(item, left)
            })
        }
        _ => spend_bytes(8, left),
    }
}

fn spend_bytes(bytes: usize, left: &mut usize) -> Option<()> {
    *left = left.checked_sub(bytes)?;
    Some(())
}

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
    /// As sent. Shared with what reads it: a document may be of megabytes.
    Value(Arc<Value>),
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
    /// What [`Draft::written_params`] gave: it may be a document of megabytes.
    pub(crate) written: OnceLock<WrittenParams>,
}

/// Parameters as the ledger keeps them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct WrittenParams {
    /// Those of the job's row: large values are null.
    pub(crate) row: String,
    /// The large ones.
    pub(crate) apart: Vec<String>,
    /// Their values, by name.
    pub(crate) document: Option<String>,
}

/// Parameters as their job type read them.
#[derive(Clone)]
pub(crate) struct Checked {
    pub(crate) prepared: Arc<dyn Prepared>,
    /// Field path of the job in its request.
    prefix: String,
}

impl std::fmt::Debug for Checked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Checked({:?})", self.prefix)
    }
}

/// What was read follows from the type and the parameters, which a draft has beside it.
impl PartialEq for Checked {
    fn eq(&self, other: &Checked) -> bool {
        self.prefix == other.prefix
    }
}

pub(crate) fn find(types: JobTypes, type_name: &str) -> Option<&'static JobEntry> {
    types.iter().copied().find(|e| e.type_name == type_name)
}

/// The parameters that the job type itself reads: filenames have become assets.
pub(crate) fn own_params<V>(entry: &JobEntry, mut params: IndexMap<String, V>) -> IndexMap<String, V> {
    params.retain(|name, _| entry.inputs.iter().all(|s| s.from_param != Some(name)));
    params
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
        let entry = find(types, &self.type_name);
        self.check_size(entry, &prefix, problems);
        let Some(entry) = entry else { return };
        for slot in entry.inputs {
            self.take_filename(slot, &prefix, problems);
        }
        for (name, sources) in &self.assets {
            let field = format!("{prefix}assets.{name}");
            if !entry.takes_any_input() && !entry.inputs.iter().any(|s| s.name == name) {
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
        if let Some(prepared) = self.prepare(entry, limits, &prefix, problems) {
            self.take_references(&*prepared, &prefix);
            let known = self.params.values().all(|p| matches!(p, ParamSource::Value(_)));
            self.checked = known.then_some(Checked { prepared: prepared.into(), prefix });
        }
    }

    /// Refuses parameters and assets that would make a row of megabytes, of which lists are made. Documents have a limit of their
    /// own, that of a request's body.
    fn check_size(&self, entry: Option<&JobEntry>, prefix: &str, problems: &mut Problems) {
        let is_document = |name: &str| {
            let param = entry.and_then(|entry| entry.params.iter().find(|p| p.name == name));
            param.is_some_and(|p| matches!(p.kind, Kind::Json))
        };
        let mut left = PARAM_BYTES;
        for (name, source) in self.params.iter().filter(|(name, _)| !is_document(name)) {
            let ParamSource::Value(value) = source else { continue };
            if spend(value, &mut left).is_none() || spend_bytes(name.len(), &mut left).is_none() {
                problems.push(
                    format!("{prefix}parameters.{}", name.chars().take(100).collect::<String>()),
                    format!("the parameters beside documents have more than {PARAM_BYTES} bytes together"),
                );
                break;
            }
        }
        let assets: usize = self.assets.values().map(Vec::len).sum::<usize>().max(self.assets.len());
        if assets > INPUT_ASSETS {
            problems.push(
                format!("{prefix}assets"),
                format!("has {assets} files, at most {INPUT_ASSETS} are taken"),
            );
        }
    }

    /// Has the job type look at what it was given, now that the files are found. Returns what the job needs, where all
    /// of it is known.
    pub(crate) fn check_inputs(
        &self,
        inputs: &AssetBindings,
        limits: &Limits,
        problems: &mut Problems,
    ) -> Option<Needs> {
        let Checked { prepared, prefix } = self.checked.as_ref()?;
        let known = |(slot, list): (&String, &Vec<Bound<Asset>>)| {
            let assets: Option<Vec<&Asset>> = list.iter().map(Bound::as_known).collect();
            Some((slot.clone(), known_input(assets?)))
        };
        let known: KnownInputs = inputs.iter().filter_map(known).collect();
        if let Err(e) = prepared.check(&known) {
            problems.push(format!("{prefix}parameters.{}", e.name), e.what);
            return None;
        }
        if known.len() < inputs.len() {
            return None;
        }
        let needs = needs(&**prepared, &known, limits.piece_samples);
        if let Some(what) = limits.too_greedy(needs.memory) {
            problems.push(prefix.trim_end_matches('.'), what);
        }
        Some(needs)
    }

    /// The parameters as the ledger keeps them.
    pub(crate) fn written_params(&self) -> Result<&WrittenParams, serde_json::Error> {
        if let Some(written) = self.written.get() {
            return Ok(written);
        }
        let mut row: IndexMap<&String, Bound<Box<RawValue>>> = IndexMap::new();
        let mut large: IndexMap<&String, Box<RawValue>> = IndexMap::new();
        for (name, source) in &self.params {
            let mut bound = source.written()?;
            if let Bound::Is(text) = &mut bound
                && text.get().len() > ROW_BYTES
            {
                large.insert(name, std::mem::replace(text, RawValue::NULL.to_owned()));
            }
            row.insert(name, bound);
        }
        let written = WrittenParams {
            row: serde_json::to_string(&row)?,
            apart: large.keys().map(|name| (*name).clone()).collect(),
            document: (!large.is_empty()).then(|| serde_json::to_string(&large)).transpose()?,
        };
        Ok(self.written.get_or_init(|| written))
    }

    /// Turns the files that parameters name into assets.
    fn take_references(&mut self, prepared: &dyn Prepared, prefix: &str) {
        for reference in prepared.references() {
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
        let value = match source {
            ParamSource::Value(value) => Some(&**value),
            ParamSource::Upstream { .. } => None,
        };
        match value {
            Some(Value::Null) => {}
            Some(Value::String(_)) if self.assets.contains_key(slot.name) => {
                problems.push(field, format!("is given twice, assets.{} is the same input", slot.name));
            }
            Some(Value::String(filename)) => {
                let file = AssetSource::File { filename: filename.clone(), field };
                self.assets.insert(slot.name.to_owned(), vec![file]);
            }
            _ => problems.push(field, "expected the filename of an asset"),
        }
    }

    /// Reads the parameters, other than those that come from upstream.
    fn prepare(
        &self,
        entry: &JobEntry,
        limits: &JobLimits,
        prefix: &str,
        problems: &mut Problems,
    ) -> Option<Box<dyn Prepared>> {
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
        let refused = |e: ParamError| problems.push(format!("{prefix}parameters.{}", e.name), e.what);
        prepare(entry, literal, limits).map_err(refused).ok()
    }
}

impl WrittenParams {
    pub(crate) fn bytes(&self) -> u64 {
        (self.row.len() + self.document.as_ref().map_or(0, String::len)) as u64
    }
}

impl ParamSource {
    /// As the ledger knows it.
    pub(crate) fn into_bound(self) -> Bound<Value> {
        match self {
            ParamSource::Value(value) => Bound::Is(Arc::unwrap_or_clone(value)),
            ParamSource::Upstream { job, parameter } => Bound::From { job, output: parameter },
        }
    }

    fn written(&self) -> Result<Bound<Box<RawValue>>, serde_json::Error> {
        Ok(match self {
            ParamSource::Value(value) => Bound::Is(to_raw_value(&**value)?),
            ParamSource::Upstream { job, parameter } => {
                Bound::From { job: job.clone(), output: parameter.clone() }
            }
        })
    }
}

/// What was read of jobs whose memory is known only when their upstream jobs have ended. What does not fit, or was read
/// before a restart, is read again.
pub(crate) struct Drafted(Cache<JobId, Arc<dyn Prepared>>);

impl Default for Drafted {
    fn default() -> Self {
        Drafted(Cache::new(10_000, DRAFTED_BYTES))
    }
}

impl Drafted {
    /// Keeps what was read of these jobs, where something is still to come.
    pub(crate) fn keep<'d>(&self, jobs: impl Iterator<Item = (JobId, &'d Draft)>) {
        let waits = |s: &AssetSource| matches!(s, AssetSource::Upstream { .. });
        for (id, draft) in jobs.filter(|(_, d)| d.assets.values().flatten().any(waits)) {
            let Some(checked) = &draft.checked else { continue };
            let bytes = draft.written.get().map_or(0, WrittenParams::bytes);
            self.0.insert(self.0.generation(), id, checked.prepared.clone(), 2 * bytes + 4096);
        }
    }

    /// What was read of this job, for the last time.
    pub(crate) fn take(&self, id: JobId) -> Option<Arc<dyn Prepared>> {
        let kept = self.0.get(&id);
        self.0.forget([id]);
        kept
    }
}

/// What is known of the assets of one slot. The first is what a job means by it.
pub(crate) fn known_input<'a>(assets: impl IntoIterator<Item = &'a Asset>) -> KnownInput {
    let mut assets = assets.into_iter().peekable();
    let made = assets.peek().map(|first| first.made.clone()).unwrap_or_default();
    KnownInput { bytes: assets.map(|asset| asset.size).sum(), made }
}

/// What the job says it needs. A job type that panics here panics again in its attempt, which is made for that.
pub(crate) fn needs(prepared: &dyn Prepared, inputs: &KnownInputs, piece_samples: Option<u64>) -> Needs {
    let ask = |what: &dyn Fn() -> u64| catch_unwind(AssertUnwindSafe(what)).unwrap_or(0);
    let cut = || prepared.cut(inputs, piece_samples?);
    Needs {
        memory: ask(&|| cut().map_or_else(|| prepared.memory_bytes(inputs), |cut| cut.piece_memory)),
        output: ask(&|| prepared.least_output_bytes(inputs)),
    }
}

/// Reads parameters as the job will, filenames among them left out. Documents take a while: not for threads that answer
/// requests.
pub(crate) fn prepare(
    entry: &JobEntry,
    params: IndexMap<String, impl Given>,
    limits: &JobLimits,
) -> Result<Box<dyn Prepared>, ParamError> {
    entry.prepare(entry.parse(own_params(entry, params))?, limits)
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
