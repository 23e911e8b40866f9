//! `LoadSamplePoints`: points one by one.

use crate::operator::{Domain, OperatorEntry};
use crate::params::{Kind, Param, ParamError, Values};
use std::sync::Arc;

/// The registry entry.
pub const ENTRY: OperatorEntry = OperatorEntry {
    type_name: "LoadSamplePoints",
    doc: "A list of points.",
    details: "The result has one value per point, in the order of the list. Operators that need neighbours refuse it.",
    params: &[Param {
        name: "points",
        kind: Kind::Points,
        default: Some("[[0, 0, 0]]"),
        doc: "points, mm: nested or flat",
    }],
    example: r#"{"points": [[0, 0, 0], [0.25, 0.5, -0.75], [1, 1, 1]]}"#,
    domain: Some(domain),
    ..OperatorEntry::SOURCE
};

fn domain(values: &Values) -> Result<Domain, ParamError> {
    let numbers = values.numbers("points").unwrap_or(&[0.0; 3]);
    let axis = |a: usize| numbers.iter().skip(a).step_by(3).map(|v| *v as f32).collect();
    Ok(Domain::List(Arc::new([axis(0), axis(1), axis(2)])))
}
