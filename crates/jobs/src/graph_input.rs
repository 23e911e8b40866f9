//! A shape graph as a job's parameter: its assets found, its memory known before it runs, its program built.

use crate::context::{Input, JobContext, JobLimits};
use crate::error::JobError;
use crate::job_type::{KnownInput, KnownInputs, Prepared, Reference};
use crate::mesh_input::{checksum_bytes, limits_of};
use crate::share::{Cut, Share};
use crate::warning::Warning;
use crate::watch::Watch;
use fieldstone_kernel::Monitor;
use fieldstone_kernel::format::MeshLimits;
use fieldstone_shape::operator::{Asset, Assets, BuildError, Type};
use fieldstone_shape::{
    EvaluateError, Graph, GraphError, Kind, MakerParams, Param, ParamError, Plan, Program, Values, Visible,
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
/// What a graph job may always use, and what one with assets may.
const LEAST_BYTES: [u64; 2] = [128 << 20, 256 << 20];

/// A graph job: its graph read, and planned as the job will see it.
pub struct GraphJob {
    values: Values,
    graph: Arc<Graph>,
    /// `None` where it depends on what the makers of its files say.
    plan: Option<Plan>,
    planner: Planner,
    run: Run,
}

/// How a job sees its graph.
#[derive(Clone, Copy)]
pub struct Planner {
    /// Makes the plan, given the other parameters.
    pub plan: fn(&Arc<Graph>, &Values) -> Result<Plan, ParamError>,
    /// Bytes beside those of the plan and its assets: for what the job makes of it.
    pub of_plan: fn(&Plan) -> u64,
    /// And whatever comes of it.
    pub beside: u64,
    /// Values per sample that the job takes; `None`: any number.
    pub channels: Option<usize>,
    /// Whether all samples of the result are in the output as they are: int8 after Threshold, otherwise float32.
    pub writes_samples: bool,
    /// How it can be done in pieces.
    pub pieces: Option<InPieces>,
}

/// What a job that can be done in pieces needs for that.
#[derive(Clone, Copy)]
pub struct InPieces {
    /// Whether the parameters let it.
    pub can: fn(&Values) -> bool,
    /// Bytes that making a piece takes beside [`Planner::of_plan`]'s watching: for what comes of so many samples.
    pub of_piece: fn(u64) -> u64,
    /// Bytes that joining takes for each byte of the pieces.
    pub join_per_byte: fn(&Values) -> u64,
}

/// The work of a graph job.
type Run = fn(&GraphJob, &mut JobContext) -> Result<(), JobError>;

impl GraphJob {
    /// Reads the graph, for a job that needs all of its result's values.
    pub fn of_values(values: Values, limits: &JobLimits, run: Run) -> Result<Box<dyn Prepared>, ParamError> {
        let plan = |graph: &Arc<Graph>, _: &Values| Plan::of_result(graph, Visible::ALL).map_err(refused);
        // Joining copies files.
        let pieces = Some(InPieces { can: |_| true, of_piece: |_| 0, join_per_byte: |_| 0 });
        let planner =
            Planner { plan, of_plan: watching, beside: 0, channels: None, writes_samples: true, pieces };
        Ok(Box::new(GraphJob::new(values, limits, planner, run)?))
    }

    /// Reads the graph and plans it.
    pub fn new(
        mut values: Values,
        limits: &JobLimits,
        planner: Planner,
        run: Run,
    ) -> Result<GraphJob, ParamError> {
        // Taken out: as JSON it may be larger than all that comes of it.
        let document = values.take_json(GRAPH.name);
        let document =
            document.ok_or_else(|| ParamError { name: GRAPH.name.into(), what: "is required".into() })?;
        let graph = Arc::new(Graph::parse(&document, limits.graph).map_err(refused)?);
        let plan = if graph.is_open() { None } else { Some((planner.plan)(&graph, &values)?) };
        Ok(GraphJob { values, graph, plan, planner, run })
    }

    /// The parameters beside the graph.
    pub fn values(&self) -> &Values {
        &self.values
    }

    /// The graph with what the makers of its files say.
    fn adopted<'m>(
        &self,
        made: impl Fn(usize, &str) -> Option<&'m MakerParams>,
    ) -> Result<Arc<Graph>, ParamError> {
        match self.graph.adopting().next() {
            None => Ok(self.graph.clone()),
            Some(_) => self.graph.adopt(made).map(Arc::new).map_err(refused),
        }
    }

    /// Its plan.
    fn plan_of(&self, graph: &Arc<Graph>) -> Result<Plan, ParamError> {
        match &self.plan {
            Some(plan) if Arc::ptr_eq(graph, &self.graph) => Ok(plan.clone()),
            _ => (self.planner.plan)(graph, &self.values),
        }
    }

    /// What is known of the file that a parameter of an operator names.
    fn known<'k>(&self, inputs: &'k KnownInputs, operator: usize, param: &str) -> Option<&'k KnownInput> {
        // An input that is called like the path comes first, as when the job runs.
        let path = self.graph.nodes()[operator].values.asset(param)?;
        inputs.get(path).or_else(|| inputs.get(&slot(operator, param)))
    }

    /// Bytes of memory beside those of the plan.
    fn beside(&self, inputs: &KnownInputs) -> u64 {
        let assets: u64 = inputs.values().map(|input| input.bytes).sum();
        let least = LEAST_BYTES[usize::from(!inputs.is_empty())];
        let of_assets = assets.saturating_mul(BYTES_PER_ASSET_BYTE);
        least.saturating_add(self.planner.beside).saturating_add(of_assets)
    }

    /// Loads the graph's assets and prepares its result.
    pub fn program(&self, cx: &JobContext, monitor: &Monitor) -> Result<Program, JobError> {
        for warning in self.graph.warnings() {
            cx.warn(warning);
        }
        let made = |i: usize, param: &str| {
            let path = self.graph.nodes()[i].values.asset(param)?;
            Some(&cx.referred(path)?.made)
        };
        let plan = self.plan_of(&self.adopted(made)?)?;
        warnings_of(&plan).for_each(|warning| cx.warn_of(warning));
        let program = Program::build(plan, &Staged::of(&self.graph, cx), monitor)?;
        let program = match cx.share() {
            Share::Piece(piece) => program.watched_in(piece.clone()),
            Share::Whole | Share::Join { .. } => program.watched(),
        };
        self.check_channels(program.plan(), Some(program.channels()))?;
        Ok(program)
    }

    /// Refuses a result with another number of values per sample than the job takes, where it is known.
    fn check_channels(&self, plan: &Plan, got: Option<usize>) -> Result<(), ParamError> {
        match (self.planner.channels, got) {
            (Some(takes), Some(got)) if takes != got => {
                let what = format!("gives {got} values per sample, this job takes {takes}");
                Err(refused(plan.graph().error_at(plan.target(), what)))
            }
            _ => Ok(()),
        }
    }
}

/// What a plan does to distances that should be known of its result.
pub fn warnings_of(plan: &Plan) -> impl Iterator<Item = Warning> {
    let uneven = plan.uneven().into_iter().map(|text| Warning::new("no_distance", text));
    uneven.chain(plan.rounded().map(|text| Warning::new("rounded", text)))
}

/// Bytes for watching the planes of the result and of what is made distances of.
pub fn watching(plan: &Plan) -> u64 {
    match plan.resolution() {
        [_, _, 1] => 0,
        [nx, ny, _] => {
            Watch::memory_bytes(u64::from(nx) * u64::from(ny)).saturating_mul(1 + plan.redistanced() as u64)
        }
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
        self.graph.assets().into_iter().map(reference).collect()
    }

    fn check(&self, inputs: &KnownInputs) -> Result<(), ParamError> {
        let known = |i: usize, param: &str| self.known(inputs, i, param);
        let graph = self.adopted(|i, param| known(i, param).map(|file| &file.made))?;
        let bytes = |i: usize, param: &str| known(i, param).map(|file| file.bytes);
        graph.check_assets(&bytes).map_err(refused)?;
        // A file that is still to be made may change where samples are: the job looks again when it runs.
        let plan = match self.graph.adopting().all(|(i, adopt)| known(i, adopt.file).is_some()) {
            true => Some(self.plan_of(&graph)?),
            false => self.plan.clone(),
        };
        plan.map_or(Ok(()), |plan| self.check_channels(&plan, plan.channels(&bytes)))
    }

    fn memory_bytes(&self, inputs: &KnownInputs) -> u64 {
        let made = |i: usize, param: &str| self.known(inputs, i, param).map(|file| &file.made);
        let plan = self.adopted(made).and_then(|graph| self.plan_of(&graph));
        let of_plan = |plan: Plan| plan.memory_bytes().saturating_add((self.planner.of_plan)(&plan));
        plan.map_or(0, of_plan).saturating_add(self.beside(inputs))
    }

    fn cut(&self, inputs: &KnownInputs, samples: u64) -> Option<Cut> {
        let in_pieces = self.planner.pieces.filter(|pieces| (pieces.can)(&self.values))?;
        let made = |i: usize, param: &str| self.known(inputs, i, param).map(|file| &file.made);
        let plan = self.plan_of(&self.adopted(made).ok()?).ok()?;
        let pieces =
            Some(plan.pieces(samples)).filter(|pieces| pieces.len() > 1 && plan.sample_count() > samples)?;
        let planes = pieces.iter().map(|z| z.len() as u64).max().unwrap_or(0);
        let [nx, ny, _] = plan.resolution().map(u64::from);
        let of_piece = (in_pieces.of_piece)(planes.saturating_mul(nx * ny));
        let piece = plan.memory_bytes().saturating_add(watching(&plan)).saturating_add(of_piece);
        let beside = self.beside(inputs);
        Some(Cut {
            pieces,
            piece_memory: piece.saturating_add(beside),
            join_memory: beside,
            join_memory_per_byte: (in_pieces.join_per_byte)(&self.values),
        })
    }

    fn least_output_bytes(&self, inputs: &KnownInputs) -> u64 {
        let known = |i: usize, param: &str| self.known(inputs, i, param);
        let adopted = || self.adopted(|i, param| known(i, param).map(|file| &file.made));
        if !self.planner.writes_samples {
            return 0;
        }
        let Ok(plan) = adopted().and_then(|graph| self.plan_of(&graph)) else { return 0 };
        let channels = plan.channels(&|i, param| known(i, param).map(|file| file.bytes)).unwrap_or(1);
        let value_bytes = if plan.result_type() == Type::Byte { 1 } else { size_of::<f32>() };
        plan.sample_count().saturating_mul((channels * value_bytes) as u64)
    }

    fn explain(&self) -> Option<String> {
        self.plan_of(&self.graph).ok().map(|plan| plan.to_string())
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

    fn mesh_limits(&self, bytes: u64) -> MeshLimits {
        limits_of(&self.cx.limits().mesh, bytes)
    }

    fn note(&self, path: &str, note: &str) {
        self.cx.warn(&format!("{path}: {note}"));
    }
}
