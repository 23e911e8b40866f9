//! A shape graph as a job's parameter: its assets found, its memory known before it runs, its program built.

use crate::context::{Input, JobContext, JobLimits};
use crate::job_type::{InputSizes, JobError, Reference, Slot};
use crate::mesh_input::checksum_bytes;
use fieldstone_kernel::Monitor;
use fieldstone_shape::operator::{Asset, Assets, BuildError};
use fieldstone_shape::{
    EvaluateError, Graph, GraphError, GraphLimits, Kind, Param, ParamError, Plan, Program, Values, Visible,
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

/// Graph jobs take assets of any name, none of them declared.
pub const INPUTS: &[Slot] = &[];

/// Memory for what assets become, per byte: meshes unfold most.
const BYTES_PER_ASSET_BYTE: u64 = 32;
/// What a graph job may always use.
const LEAST_BYTES: u64 = 128 << 20;

/// Reads the graph; the error is the parameter's.
pub fn graph_of(values: &Values, limits: GraphLimits) -> Result<Arc<Graph>, ParamError> {
    let refuse = |what: String| ParamError { name: GRAPH.name.into(), what };
    let document = values.json(GRAPH.name).ok_or_else(|| refuse("is required".into()))?;
    Graph::parse(document, limits).map(Arc::new).map_err(|e: GraphError| refuse(e.to_string()))
}

/// For what has been read within limits before.
pub const UNLIMITED: GraphLimits = GraphLimits { operators: usize::MAX, samples: u64::MAX };

/// The input slot of the asset that a parameter of an operator names.
fn slot(operator: usize, param: &str) -> String {
    format!("graph.{operator}.{param}")
}

/// [`crate::job_type::Refers`] of graph jobs. Refuses graphs that no plan can be made for, too.
pub fn references(values: &Values, limits: &JobLimits) -> Result<Vec<Reference>, ParamError> {
    let graph = graph_of(values, limits.graph)?;
    let refuse = |e: GraphError| ParamError { name: GRAPH.name.into(), what: e.to_string() };
    Plan::of_result(&graph, Visible::ALL).map_err(refuse)?;
    let reference = |(i, name, path): (usize, &str, &str)| Reference {
        param: GRAPH.name,
        slot: slot(i, name),
        path: path.to_owned(),
    };
    Ok(graph.assets().into_iter().map(reference).collect())
}

/// [`JobEntry::check`](crate::job_type::JobEntry::check) of graph jobs: assets of a wrong size are refused.
pub fn check_graph(values: &Values, inputs: &InputSizes) -> Result<(), ParamError> {
    let graph = graph_of(values, UNLIMITED)?;
    let size = |i: usize, name: &str| {
        // An input that is called like the path comes first, as when the job runs.
        let path = graph.nodes()[i].values.asset(name)?;
        inputs.get(path).or_else(|| inputs.get(&slot(i, name))).copied()
    };
    graph.check_assets(&size).map_err(|e| ParamError { name: GRAPH.name.into(), what: e.to_string() })
}

/// Upper bound of the memory that computing the graph's result takes when it is seen as `visible`.
pub fn memory_bytes(values: &Values, inputs: &InputSizes, visible: Visible) -> u64 {
    let plan = graph_of(values, UNLIMITED).ok().and_then(|g| Plan::of_result(&g, visible).ok());
    let assets: u64 = inputs.values().sum();
    let of_plan = plan.map_or(0, |p| p.memory_bytes());
    LEAST_BYTES.saturating_add(of_plan).saturating_add(assets.saturating_mul(BYTES_PER_ASSET_BYTE))
}

/// Reads the graph, loads its assets and prepares its result.
pub fn program(
    values: &Values,
    cx: &JobContext,
    visible: Visible,
    monitor: &Monitor,
) -> Result<Program, JobError> {
    let plan =
        |graph: &Arc<Graph>| Plan::of_result(graph, visible).map_err(|e| JobError::Invalid(e.to_string()));
    program_of(values, cx, plan, monitor)
}

/// The same for what `plan` makes of the graph.
pub fn program_of(
    values: &Values,
    cx: &JobContext,
    plan: impl Fn(&Arc<Graph>) -> Result<Plan, JobError>,
    monitor: &Monitor,
) -> Result<Program, JobError> {
    let graph = graph_of(values, cx.limits().graph)?;
    for warning in graph.warnings() {
        cx.warn(warning);
    }
    Ok(Program::build(plan(&graph)?, &Staged::of(&graph, cx), monitor)?)
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
