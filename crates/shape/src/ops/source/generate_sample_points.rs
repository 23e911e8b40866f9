//! `GenerateSamplePoints`: the samples of a grid.

use crate::affine::Affine;
use crate::extent::Extent;
use crate::operator::{Domain, OperatorEntry};
use crate::params::{Kind, Param, ParamError, Values};
use crate::xform::XFORM_PARAM;
use fieldstone_kernel::Patch;

/// The registry entry.
pub const ENTRY: OperatorEntry = OperatorEntry {
    type_name: "GenerateSamplePoints",
    doc: "The points of a regular grid, with samples on the faces of its box.",
    details: "Sample `i` of an axis sits at `offset + size · i / (resolution − 1)`; x runs fastest, then y, then z. \
        `xform` then moves each point: p ← M·p. Values \
        that are combined must be of the same points: of one grid, or of grids written twice that agree to a ten thousandth of a cell. Operators that need neighbours (Redistance, ComputeNormals) measure \
        distances between the moved samples and refuse a sheared grid.",
    params: &[
        Param {
            name: "offset",
            kind: Kind::Numbers(3),
            default: None,
            doc: "lowest corner, mm; default −size/2",
        },
        Param {
            name: "size",
            kind: Kind::Numbers(3),
            default: Some("[2, 2, 2]"),
            doc: "extent of the box, mm",
        },
        Param {
            name: "resolution",
            kind: Kind::Integers { count: 3, min: 1, max: 1 << 20 },
            default: Some("[64, 64, 64]"),
            doc: "samples per axis",
        },
        XFORM_PARAM,
    ],
    example: r#"{"offset": [-1, -1, -1], "size": [2, 2, 2], "resolution": [9, 9, 9]}"#,
    extent: |_, _| Extent { slope: 1.0, ..Extent::ANY },
    domain: Some(domain),
    ..OperatorEntry::SOURCE
};

fn domain(values: &Values) -> Result<Domain, ParamError> {
    let size = values.vector::<3>("size");
    let offset = values.numbers("offset").map_or(size.map(|s| -0.5 * s), |o| [o[0], o[1], o[2]]);
    let n = values.integers("resolution").unwrap_or(&[64, 64, 64]);
    let resolution = [n[0] as u32, n[1] as u32, n[2] as u32];
    let refuse =
        |e: fieldstone_kernel::patch::PatchError| ParamError { name: "size".into(), what: e.to_string() };
    let patch = Patch::new(size, offset, resolution).map_err(refuse)?;
    Ok(Domain::Grid { patch, affine: Affine::placement(values, "xform")? })
}
