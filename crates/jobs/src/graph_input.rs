//! A shape graph as a job's parameter: its assets found, its memory known before it runs, its program built.

use crate::context::{Input, JobContext, JobLimits};
use crate::job_type::{InputSizes, JobError, Prepared, Reference};
use crate::mesh_input::checksum_bytes;
use fieldstone_kernel::Monitor;
use fieldstone_shape::operator::{Asset, Assets, BuildError};
use fieldstone_shape::{
    EvaluateError, Graph, GraphError, Kind, Param, ParamError, Plan, Program, Values, Visible,
};
use indexmap::IndexMap;
use memmap2::Mmap;
use std::fs::File;
use std::sync::Arc;

/// The parameter that holds the graph.
pub const GRAPH: Param = Param {
    name: "graph",
    kind: Kind::Json,
    default: None,
    doc: "the shape graph, {\"operators\": […], \"edges\": […]}; docs/operators.md. Required. A `path` in it means an input of this name, else a file of the project",
};

/// A ball with a gyroid cut out of it.
pub const GRAPH_EXAMPLE: &str = r#"{"graph": {"operators": [
    {"type": "GenerateSamplePoints", "parameters": {"size": [2.2, 2.2, 2.2], "resolution": [24, 24, 24]}},
    {"type": "SampleBox", "parameters": {"shape_type": "Ellipsoid", "size": [2, 2, 2]}},
    {"type": "SampleSurfaceLattice", "parameters": {"lattice_type": "Gyroid", "scale": [1, 1, 1]}},
    {"type": "CSG", "parameters": {"operation": "Intersect"}},
    {"type": "Redistance"}],
  "edges": [{"source": 0, "target": [1, "Points"]}, {"source": 0, "target": [2, "Points"]},
    {"source": 1, "target": [3, "A"]}, {"source": 2, "target": [3, "B"]}, {"source": 3, "target": [4, "Samples"]}]}}"#;

/// Memory for what assets become, per byte: meshes unfold most.
const BYTES_PER_ASSET_BYTE: u64 = 32;
/// What a graph job may always use.
const LEAST_BYTES: u64 = 128 << 20;

/// A graph job: its graph read, and planned as the job will see it.
pub struct GraphJob {
    values: Values,
    plan: Plan,
    /// Bytes beside those of the plan and its assets.
    beside: u64,
    run: Run,
}

/// The work of a graph job.
type Run = fn(&GraphJob, &mut JobContext) -> Result<(), JobError>;

impl GraphJob {
    /// Reads the graph, for a job that needs all of its result's values.
    pub fn of_values(values: Values, limits: &JobLimits, run: Run) -> Result<Box<dyn Prepared>, ParamError> {
        let plan = |graph: &Arc<Graph>, _: &Values| Plan::of_result(graph, Visible::ALL).map_err(refused);
        Ok(Box::new(GraphJob::new(values, limits, plan, |_| 0, run)?))
    }

    /// Reads the graph and makes `plan` of it, whose job takes `beside` bytes on top.
    pub fn new(
        mut values: Values,
        limits: &JobLimits,
        plan: impl FnOnce(&Arc<Graph>, &Values) -> Result<Plan, ParamError>,
        beside: impl FnOnce(&Plan) -> u64,
        run: Run,
    ) -> Result<GraphJob, ParamError> {
        // Taken out: as JSON it may be larger than all that comes of it.
        let document = values.take_json(GRAPH.name);
        let document =
            document.ok_or_else(|| ParamError { name: GRAPH.name.into(), what: "is required".into() })?;
        let graph = Arc::new(Graph::parse(&document, limits.graph).map_err(refused)?);
        let plan = plan(&graph, &values)?;
        let beside = beside(&plan);
        Ok(GraphJob { values, plan, beside, run })
    }

    /// The parameters beside the graph.
    pub fn values(&self) -> &Values {
        &self.values
    }

    fn graph(&self) -> &Arc<Graph> {
        self.plan.graph()
    }

    /// Loads the graph's assets and prepares its result.
    pub fn program(&self, cx: &JobContext, monitor: &Monitor) -> Result<Program, JobError> {
        for warning in self.graph().warnings() {
            cx.warn(warning);
        }
        Ok(Program::build(self.plan.clone(), &Staged::of(self.graph(), cx), monitor)?)
    }
}

/// An error of the graph is the parameter's.
pub fn refused(e: GraphError) -> ParamError {
    ParamError { name: GRAPH.name.into(), what: e.to_string() }
}

/// The input slot of the asset that a parameter of an operator names.
fn slot(operator: usize, param: &str) -> String {
    format!("graph.{operator}.{param}")
}

impl Prepared for GraphJob {
    fn references(&self) -> Vec<Reference> {
        let reference = |(i, name, path): (usize, &str, &str)| Reference {
            param: GRAPH.name,
            slot: slot(i, name),
            path: path.to_owned(),
        };
        self.graph().assets().into_iter().map(reference).collect()
    }

    fn check(&self, inputs: &InputSizes) -> Result<(), ParamError> {
        let graph = self.graph();
        let size = |i: usize, name: &str| {
            // An input that is called like the path comes first, as when the job runs.
            let path = graph.nodes()[i].values.asset(name)?;
            inputs.get(path).or_else(|| inputs.get(&slot(i, name))).copied()
        };
        graph.check_assets(&size).map_err(refused)
    }

    fn memory_bytes(&self, inputs: &InputSizes) -> u64 {
        let assets: u64 = inputs.values().sum();
        let of_plan = LEAST_BYTES.saturating_add(self.plan.memory_bytes()).saturating_add(self.beside);
        of_plan.saturating_add(assets.saturating_mul(BYTES_PER_ASSET_BYTE))
    }

    fn explain(&self) -> Option<String> {
        Some(self.plan.to_string())
    }

    fn run(&self, context: &mut JobContext) -> Result<(), JobError> {
        (self.run)(self, context)
    }
}

impl From<EvaluateError> for JobError {
    fn from(e: EvaluateError) -> JobError {
        match e {
            EvaluateError::Graph(e) => JobError::Invalid(e.to_string()),
            EvaluateError::Cancelled(c) => JobError::Cancelled(c),
            EvaluateError::Io(e) => JobError::Internal(e.into()),
        }
    }
}

/// The job's inputs as a graph sees them.
struct Staged<'a> {
    cx: &'a JobContext,
    /// By the path that the graph has for it.
    inputs: IndexMap<String, Input>,
}

impl<'a> Staged<'a> {
    fn of(graph: &Graph, cx: &'a JobContext) -> Staged<'a> {
        let input = |(_, _, path): (usize, &str, &str)| Some((path.to_owned(), cx.referred(path)?.clone()));
        Staged { cx, inputs: graph.assets().into_iter().filter_map(input).collect() }
    }
}

/// A mapped file, or the nothing that cannot be mapped.
struct Mapped(Option<Mmap>);

impl AsRef<[u8]> for Mapped {
    fn as_ref(&self) -> &[u8] {
        self.0.as_deref().unwrap_or(&[])
    }
}

impl Assets for Staged<'_> {
    fn open(&self, path: &str) -> Result<Asset, BuildError> {
        let missing = || BuildError::Input(format!("there is no input or file {path:?}"));
        let input = self.inputs.get(path).ok_or_else(missing)?;
        let file = File::open(&input.path)?;
        let mapped = match file.metadata()?.len() {
            0 => Mapped(None),
            // SAFETY: a staged input is an immutable blob that nobody writes to or cuts while the job runs ([`Input`]).
            _ => Mapped(Some(unsafe { Mmap::map(&file)? })),
        };
        let checksum = checksum_bytes(input).map_err(std::io::Error::other)?;
        Ok(Asset { filename: input.filename.clone(), bytes: Arc::new(mapped), checksum })
    }

    fn note(&self, path: &str, note: &str) {
        self.cx.warn(&format!("{path}: {note}"));
    }
}
