//! What an operator is: one constant [`OperatorEntry`] and what it builds, in one file of `ops/`.
//!
//! An entry says everything about an operator as data: its ports, its parameters, what its values promise, what it needs
//! of its inputs. [`OperatorEntry::build`] turns checked parameters into a [`Stage`] that the evaluator runs.

use crate::affine::Affine;
use crate::extent::Extent;
use crate::interval::Bounds;
use crate::params::{Param, ParamError, Values};
use fieldstone_kernel::simd::Level;
use fieldstone_kernel::volume::Samples;
use fieldstone_kernel::{Cancelled, Monitor, Patch};
use std::ops::Range;
use std::sync::Arc;

pub use crate::assets::{Asset, Assets, BuildError, NoAssets};
pub use crate::domain::Domain;
pub use crate::visible::Visible;

/// The chapters of the operator reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Where points and volumes come from.
    Source,
    /// Points to points.
    Transform,
    /// Points to values.
    Sample,
    /// Values to values.
    Filter,
}

/// What flows along an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// Points, or a vector per point.
    Vec3f,
    /// A number per point.
    Float,
    /// int8 per point.
    Byte,
    /// Samples of a box with a resolution of its own.
    Volume,
    /// Known only once the assets are: a vector or number per point.
    Any,
}

/// A named input.
#[derive(Clone, Copy, Debug)]
pub struct Port {
    /// Wire name: `Points`, `Samples`, `A`.
    pub name: &'static str,
    /// `Any` takes numbers, vectors and volumes per point; `Volume` takes volumes, and numbers per point as a volume.
    pub takes: Type,
    /// Whether the graph is refused without it.
    pub required: bool,
    /// What its values should promise for the result to be what the operator's parameters say; the job warns of less.
    pub wants: Promise,
    /// Values per point or sample that it takes; `None`: any number.
    pub channels: Option<usize>,
}

impl Port {
    /// The input that every transform and sampler has.
    pub const POINTS: Port = Port::required("Points", Type::Vec3f);

    /// One that the graph is refused without.
    pub const fn required(name: &'static str, takes: Type) -> Port {
        let channels = match takes {
            Type::Vec3f => Some(3),
            Type::Float | Type::Byte => Some(1),
            Type::Volume | Type::Any => None,
        };
        Port { name, takes, required: true, wants: Promise::Sign, channels }
    }

    /// One that takes a number per point or sample, of whatever type.
    pub const fn number(name: &'static str, takes: Type) -> Port {
        Port { channels: Some(1), ..Port::required(name, takes) }
    }

    /// A required number per point.
    pub const fn float(name: &'static str) -> Port {
        Port::required(name, Type::Float)
    }

    /// A required distance per point, in mm.
    pub const fn distance(name: &'static str) -> Port {
        Port { wants: Promise::Pieces, ..Port::float(name) }
    }
}

/// How much of a distance field an output is, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Promise {
    /// Only the sign and the zero set mean something (a gyroid's equation).
    Sign,
    /// |f(p) − f(q)| ≤ |p − q|: never farther from zero than the surface is (a boolean of distances).
    Bound,
    /// The signed distance beside the surface, but where the surfaces of a boolean meet, or their mirror images.
    Pieces,
    /// The signed distance (a sphere; after Redistance).
    Distance,
}

/// One operator: everything about it, as data.
pub struct OperatorEntry {
    /// Wire name, for example `CSG`. The file is its snake_case.
    pub type_name: &'static str,
    /// Chapter.
    pub group: Group,
    /// What it does, one line.
    pub doc: &'static str,
    /// Formula, limits and source, Markdown.
    pub details: &'static str,
    /// Inputs.
    pub inputs: &'static [Port],
    /// Output.
    pub output: Type,
    /// Parameters.
    pub params: &'static [Param],
    /// Parameters that old clients send and that mean nothing any more: accepted, with a warning.
    pub ignored: &'static [&'static str],
    /// Parameters as JSON, for the reference and for the laws.
    pub example: &'static str,
    /// Values per point or sample of the output, given those of the inputs by port, as far as they are known without the assets.
    pub channels: fn(&Values, AssetBytes<'_>, &[Option<usize>]) -> Option<usize>,
    /// What the values promise, given what the inputs promise (a points input promises `Distance`, unless a transform on
    /// the way bends space).
    pub promise: fn(&Values, &[Promise]) -> Promise,
    /// What of its inputs it can see when its output is seen as given, on a grid of this spacing (0 for lists of points), and
    /// they have these extents.
    pub sees: fn(&Values, Visible, [f64; 3], &[Extent]) -> Visible,
    /// How far and steeply its values go, given what its inputs do. Values that promise a bound have a slope of 1 anyway.
    pub extent: fn(&Values, &[Extent]) -> Extent,
    /// How it meets its neighbours on the grid.
    pub reach: Reach,
    /// The points it makes samples at, for sources.
    pub domain: Option<FindDomain>,
    /// Refuses parameters that are wrong together, and assets of a wrong size; before anything is loaded.
    pub check: fn(&Values, AssetBytes<'_>) -> Result<(), ParamError>,
    /// Refuses parameters that do not go with where the samples are: on this grid ([`Domain::metric_patch`]), or on none.
    pub check_on: fn(&Values, Option<&Patch>) -> Result<(), ParamError>,
    /// Loads, checks and prepares. Never called for sources of points.
    pub build: fn(&Values, &mut Build<'_>) -> Result<Stage, BuildError>,
}

/// What operators say where they say nothing else: an entry ends in `..OperatorEntry::FILTER`.
impl OperatorEntry {
    /// Numbers of a point from numbers there; promises nothing but the sign, sees every value, has no parameters.
    pub const FILTER: OperatorEntry = OperatorEntry {
        type_name: "",
        group: Group::Filter,
        doc: "",
        details: "",
        inputs: &[],
        output: Type::Float,
        params: &[],
        ignored: &[],
        example: "{}",
        channels: |_, _, _| Some(1),
        promise: |_, _| Promise::Sign,
        sees: |_, _, _, _| Visible::ALL,
        extent: crate::extent::unknown,
        reach: Reach::Point,
        domain: None,
        check: |_, _| Ok(()),
        check_on: |_, _| Ok(()),
        build: |_, _| Err(BuildError::Input("makes points, which are not built".into())),
    };
    /// A number at each point.
    pub const SAMPLER: OperatorEntry =
        OperatorEntry { group: Group::Sample, inputs: &[Port::POINTS], ..OperatorEntry::FILTER };
    /// A point for each point.
    pub const TRANSFORM: OperatorEntry = OperatorEntry {
        group: Group::Transform,
        output: Type::Vec3f,
        channels: |_, _, _| Some(3),
        ..OperatorEntry::SAMPLER
    };
    /// Points of its own.
    pub const SOURCE: OperatorEntry = OperatorEntry {
        group: Group::Source,
        output: Type::Vec3f,
        channels: |_, _, _| Some(3),
        promise: |_, _| Promise::Distance,
        ..OperatorEntry::FILTER
    };
}

/// The size of the asset that a parameter names, where it is known.
pub type AssetBytes<'a> = &'a dyn Fn(&str) -> Option<u64>;

/// Reads a source's points from its parameters.
pub type FindDomain = fn(&Values) -> Result<Domain, ParamError>;

/// Which samples an output sample depends on.
#[derive(Clone, Copy)]
pub enum Reach {
    /// Its own point.
    Point,
    /// Its own point, but a whole axis-aligned patch at once is cheaper ([`Pointwise::on_patch`]).
    Patch,
    /// Samples within so many cells, given what is visible of the output and the distances between samples;
    /// `None`: all of them.
    Cells(fn(&Values, Visible, [f64; 3]) -> Option<u32>),
    /// As `Cells`, for what makes distances. Where the first input is promised to be distances already and nothing else is asked, the output
    /// is that input, bit for bit ([`Build::passes`]).
    Distances {
        /// Whether distances are all that these parameters ask for.
        alone: fn(&Values) -> bool,
        /// As for `Cells`.
        cells: fn(&Values, Visible, [f64; 3]) -> Option<u32>,
    },
}

/// Samples with a place: what LoadVolume gives.
#[derive(Clone, Debug)]
pub struct Volume {
    /// Where the samples are, as far as nobody says otherwise.
    pub patch: Patch,
    /// As many as the patch has.
    pub samples: Arc<Samples>,
}

/// What an operator became.
pub enum Stage {
    /// A volume.
    Volume(Volume),
    /// Each point on its own.
    Pointwise(Box<dyn Pointwise>),
    /// Samples with their neighbours.
    Neighbours(Box<dyn Neighbours>),
}

/// What [`OperatorEntry::build`] is given besides the parameters, and where it leaves its affine maps.
pub struct Build<'a> {
    /// Where assets come from.
    pub assets: &'a dyn Assets,
    /// Cancel and progress of the loading.
    pub monitor: &'a Monitor,
    /// SIMD level of what is computed while building.
    pub level: Level,
    /// Channels of each input by port; 0 where nothing is connected, and for volumes.
    pub channels: &'a [usize],
    /// Volumes of each input by port, where the port takes one.
    pub volumes: &'a [Option<Volume>],
    /// The grid that the samples are on ([`Domain::metric_patch`]).
    pub patch: Option<Patch>,
    /// Where that grid's axes point in the world: directions of x, y and z.
    pub axes: [[f64; 3]; 3],
    /// Whether the output is the first input, as the plan found: the stage has to pass it on, point by point.
    pub passes: bool,
    /// Set to have the points input mapped before the stage sees it (world → object).
    pub before: Option<Affine>,
    /// Set to have the points that the stage makes mapped (object → world).
    pub after: Option<Affine>,
}

impl Build<'_> {
    /// Reads `xform` of an operator that places a shape: the stage gets points in the shape's own frame. Returns the
    /// factor (at most the true one) by which distances of that frame grow on the way to the world.
    pub fn place(&mut self, values: &Values) -> Result<f32, BuildError> {
        let affine = Affine::placement(values, "xform")?;
        self.before = affine.inverse().filter(|_| affine != Affine::IDENTITY);
        Ok(affine.least_scale() as f32)
    }
}

/// Channels of a value in a block, structure of arrays: x, y, z for points, one for a number.
#[derive(Clone, Copy)]
pub struct Lanes<'a>(pub [&'a [f32]; 4]);

impl<'a> Lanes<'a> {
    /// x, y and z.
    pub fn points(&self) -> [&'a [f32]; 3] {
        [self.0[0], self.0[1], self.0[2]]
    }

    /// The number.
    pub fn value(&self) -> &'a [f32] {
        self.0[0]
    }
}

/// Where a stage writes: as many channels as it declares, each as long as the block.
pub struct LanesMut<'a>(pub [&'a mut [f32]; 4]);

impl LanesMut<'_> {
    /// x, y and z.
    pub fn points(&mut self) -> [&mut [f32]; 3] {
        let [x, y, z, _] = &mut self.0;
        [x, y, z]
    }

    /// The number.
    pub fn value(&mut self) -> &mut [f32] {
        self.0[0]
    }
}

/// Points of a block that form an axis-aligned box: point (i, j, k) is `(x[i], y[j], z[k])`, x fastest.
#[derive(Clone, Copy)]
pub struct Rows<'a>(pub [&'a [f32]; 3]);

/// A stage whose every output sample depends on the inputs at its own point alone.
///
/// The result for a point must not depend on the block that it comes in, nor on the level.
pub trait Pointwise: Send + Sync {
    /// Values of the output: 1 for a number, 3 for points.
    fn channels(&self) -> usize {
        1
    }

    /// Fills `out` from `inputs` (by port; empty slices where nothing is connected).
    fn evaluate(&self, level: Level, inputs: &[Lanes<'_>], out: &mut LanesMut<'_>);

    /// The same for points that form a box, for stages with points alone as input. `false`: not done, evaluate point by
    /// point. The bits must be those of `evaluate`.
    fn evaluate_rows(&self, _level: Level, _points: Rows<'_>, _out: &mut LanesMut<'_>) -> bool {
        false
    }

    /// Bounds of the output, given those of the inputs by port.
    fn bounds(&self, _inputs: &[Bounds]) -> Bounds {
        Bounds::ANY
    }

    /// The input (by port) that the output equals bit for bit wherever the inputs are within these bounds.
    fn passes(&self, _inputs: &[Bounds]) -> Option<usize> {
        None
    }

    /// How to fill a whole patch, for operators that reach a [`Reach::Patch`].
    fn on_patch(&self) -> Option<&dyn OnPatch> {
        None
    }
}

/// Fills an axis-aligned patch at once.
pub trait OnPatch: Send + Sync {
    /// One value per sample, exact as far as `visible` asks.
    fn sample(
        &self,
        patch: &Patch,
        visible: Visible,
        level: Level,
        monitor: &Monitor,
    ) -> Result<Vec<f32>, Cancelled>;
}

/// A stage that looks at neighbouring samples.
pub trait Neighbours: Send + Sync {
    /// Values of the output: 1 for a number, 3 for vectors.
    fn channels(&self) -> usize {
        1
    }

    /// The value whose level set is all that the operator keeps of its first input, if it is so.
    fn surface(&self) -> Option<f32> {
        None
    }

    /// Turns the samples of the planes `z` of `patch` (by port, then channel) into output channels. Where the planes are not all
    /// of the patch, those nearer to its left-out ones than the operator's reach are not used.
    fn apply(
        &self,
        inputs: Vec<Vec<Vec<f32>>>,
        patch: &Patch,
        z: Range<u32>,
        visible: Visible,
        level: Level,
        monitor: &Monitor,
    ) -> Result<Vec<Vec<f32>>, StageError>;
}

/// Why a stage did not finish.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StageError {
    /// Cancelled.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// The samples cannot be worked on.
    #[error("{0}")]
    Refused(String),
}
