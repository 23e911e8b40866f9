//! The document language: parameters, spellings and the graph of operators that describes a shape.
//!
//! A graph goes through three types: [`Graph`] is the checked document, [`Plan`] says where and in which order its values
//! are computed and how much memory that takes, [`Program`] has the assets loaded and computes. What an operator is says
//! [`operator`]; they live in [`ops`], one file each.

#![warn(missing_docs)]

pub mod affine;
mod assets;
mod channels;
mod differences;
mod domain;
mod domains;
mod explain;
pub mod extent;
pub mod finite;
pub mod grading;
pub mod graph;
pub mod inputs;
pub mod interval;
pub mod maker;
mod mesh_sampler;
pub mod operator;
pub mod ops;
pub mod params;
pub mod pieces;
pub mod plan;
pub mod program;
mod resample;
mod segment;
pub mod spelling;
pub mod struts;
mod sweep;
mod visible;
mod words;
mod xform;

pub use graph::{Graph, GraphError, GraphLimits};
pub use maker::MakerParams;
pub use operator::{Asset, Assets, Domain, Visible};
pub use params::{Given, Kind, Param, ParamError, Values};
pub use plan::Plan;
pub use program::{EvaluateError, Program};
pub use spelling::{bounds_json, integers_json, number_json, numbers_json, patch_json};
