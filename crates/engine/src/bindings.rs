//! What goes into a job, while some of it is still to come from upstream jobs.

use crate::model::{Asset, JobData};
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

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

/// The inputs of a job in the order of its definition.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Bindings {
    pub(crate) assets: IndexMap<String, Vec<Bound<Asset>>>,
    pub(crate) params: IndexMap<String, Bound<Value>>,
}

impl Bindings {
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

    /// Fills in what the job called `job` made; an error says what it did not make.
    pub(crate) fn bind(&mut self, job: &str, outputs: &JobData) -> Result<(), String> {
        for bound in self.assets.values_mut().flatten() {
            let made = |name: &str| outputs.assets.get(name)?.first().cloned();
            bound.fill(job, "asset", made)?;
        }
        for bound in self.params.values_mut() {
            bound.fill(job, "parameter", |name| outputs.params.get(name).cloned())?;
        }
        Ok(())
    }
}

impl<T> Bound<T> {
    fn known(self) -> Option<T> {
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
