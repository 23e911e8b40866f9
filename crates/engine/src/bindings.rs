//! What goes into a job, while some of it is still to come from upstream jobs.

use crate::model::{Asset, JobData};
use indexmap::IndexMap;
use serde::de::Error;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

/// A value, or where in the same workflow it will come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Bound<T> {
    /// Known.
    Is(T),
    /// The output `output` of the job called `job`.
    From {
        /// Name of the upstream job.
        job: String,
        /// Name of its output asset or parameter.
        output: String,
    },
}

/// Input assets by slot.
pub(crate) type AssetBindings = IndexMap<String, Vec<Bound<Asset>>>;

/// The inputs of a job in the order of its definition. `V` is how parameters are read: as a document or not at all, when
/// only the assets count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Bindings<V = Value> {
    pub(crate) assets: AssetBindings,
    pub(crate) params: IndexMap<String, Bound<V>>,
    /// Parameters that are null in `params`: their values are in the job's document.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) apart: Vec<String>,
}

impl Bindings {
    /// Puts the values of the job's document in their places; an error says what is missing.
    pub(crate) fn join(&mut self, document: Option<&str>) -> Result<(), serde_json::Error> {
        if self.apart.is_empty() {
            return Ok(());
        }
        let mut values: IndexMap<String, Value> = serde_json::from_str(document.unwrap_or_default())?;
        for name in self.apart.drain(..) {
            let missing = || serde_json::Error::custom(format!("the document lacks parameter {name:?}"));
            let value = values.swap_remove(&name).ok_or_else(missing)?;
            self.params.insert(name, Bound::Is(value));
        }
        Ok(())
    }

    /// What is known so far.
    pub(crate) fn into_known(self) -> JobData {
        let known_assets = |list: Vec<Bound<Asset>>| {
            let known: Vec<Asset> = list.into_iter().filter_map(Bound::known).collect();
            (!known.is_empty()).then_some(known)
        };
        let assets = self.assets.into_iter().filter_map(|(slot, list)| Some((slot, known_assets(list)?)));
        let params = self.params.into_iter().filter_map(|(name, v)| Some((name, v.known()?)));
        JobData { assets: assets.collect(), params: params.collect() }
    }
}

impl Bindings<Box<RawValue>> {
    /// Fills in what the job called `job` made; an error says what it did not make. Parameters that are known already
    /// stay as they are written.
    pub(crate) fn bind(&mut self, job: &str, outputs: &JobData) -> Result<(), String> {
        for bound in self.assets.values_mut().flatten() {
            let made = |name: &str| outputs.assets.get(name)?.first().cloned();
            bound.fill(job, "asset", made)?;
        }
        for bound in self.params.values_mut() {
            let made = |name: &str| to_raw_value(outputs.params.get(name)?).ok();
            bound.fill(job, "parameter", made)?;
        }
        Ok(())
    }
}

impl<T> Bound<T> {
    pub(crate) fn as_known(&self) -> Option<&T> {
        match self {
            Bound::Is(value) => Some(value),
            Bound::From { .. } => None,
        }
    }

    pub(crate) fn known(self) -> Option<T> {
        match self {
            Bound::Is(value) => Some(value),
            Bound::From { .. } => None,
        }
    }

    fn fill(&mut self, upstream: &str, kind: &str, made: impl Fn(&str) -> Option<T>) -> Result<(), String> {
        let Bound::From { job, output } = &*self else { return Ok(()) };
        if job != upstream {
            return Ok(());
        }
        let value =
            made(output).ok_or_else(|| format!("job {job:?} made no output {kind} called {output:?}"))?;
        *self = Bound::Is(value);
        Ok(())
    }
}
