//! The `xform` that most operators have, as a parameter, and what it does to operators that move points.

use crate::affine::Affine;
use crate::operator::{Build, BuildError};
use crate::params::{Kind, Param, Values};

/// The affine map that most operators have.
pub const XFORM_PARAM: Param = Param {
    name: "xform",
    kind: Kind::Numbers(16),
    default: Some("[1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]"),
    doc: "object → world: 16 numbers, translation at 12..14",
};

/// Reads `xform` of an operator that moves points within the world: it works in its own frame, and its points go back to the world.
pub fn conjugate(values: &Values, cx: &mut Build<'_>) -> Result<(), BuildError> {
    cx.place(values)?;
    let affine = Affine::placement(values, "xform")?;
    cx.after = Some(affine).filter(|a| *a != Affine::IDENTITY);
    Ok(())
}
