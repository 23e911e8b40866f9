//! `SampleSpinodoid`: a random bicontinuous structure with chosen directions.

use crate::affine::Affine;
use crate::extent::Extent;
use crate::interval::{Bounds, Interval};
use crate::operator::{Build, BuildError, Lanes, LanesMut, OperatorEntry, Pointwise, Stage};
use crate::params::{Kind, Param, ParamError, Values};
use crate::xform::XFORM_PARAM;
use fieldstone_kernel::lattice::spinodoid::{MAX_WAVES, Spinodoid, SpinodoidError};
use fieldstone_kernel::simd::Level;

/// The registry entry.
pub const ENTRY: OperatorEntry = OperatorEntry {
    type_name: "SampleSpinodoid",
    doc: "A random structure of `wave_count` waves whose directions lie within cones about the axes.",
    details: "u(p) − √2·erf⁻¹(2·density − 1) with u(p) = √(2/N)·Σ cos(2π n·p/pore_size + γ): Kumar, Tan, Zheng, Kochmann, npj Comput. Mater. 6 (2020) 73. \
        Directions n are uniform within `angles` of the x, y and z axis (0 leaves the axis out; all 0: isotropic, our choice), phases γ \
        uniform, both from SplitMix64 with a fixed seed: the same parameters give the same structure always. Only sign and zero \
        set mean something. Time grows with points × `wave_count`.",
    params: &[
        Param {
            name: "angles",
            kind: Kind::Numbers(3),
            default: Some("[0, 0, 0]"),
            doc: "half-angles of the cones about x, y and z, degrees; 0 = unused",
        },
        Param {
            name: "density",
            kind: Kind::Number { min: 0.001, max: 0.999 },
            default: Some("0.5"),
            doc: "the solid's share of the volume",
        },
        Param {
            name: "wave_count",
            kind: Kind::Integer { min: 1, max: MAX_WAVES as i64 },
            default: Some("1000"),
            doc: "number of waves",
        },
        Param {
            name: "pore_size",
            kind: Kind::Number { min: 1e-6, max: 1e9 },
            default: Some("1"),
            doc: "wavelength, mm",
        },
        XFORM_PARAM,
    ],
    example: r#"{"angles": [30, 0, 30], "density": 0.4, "wave_count": 40, "pore_size": 0.7}"#,
    extent: |values, inputs| {
        // All waves agree at most; levels of densities from 0.001 to 0.999 are within 4.
        let most = (2.0 * values.integer("wave_count").unwrap_or(1000) as f64).sqrt() * 1.001;
        let placed = Affine::placement(values, "xform").map_or(0.0, |a| a.least_scale());
        let slope = most * std::f64::consts::TAU / (values.float("pore_size") * placed);
        Extent::within(most + 4.0, inputs[0].slope * slope)
    },
    check: |values, _| spinodoid(values, 1).map(drop),
    build,
    ..OperatorEntry::SAMPLER
};

/// With so many waves.
fn spinodoid(values: &Values, waves: i64) -> Result<Spinodoid, ParamError> {
    let (density, pore_size) = (values.float("density"), values.float("pore_size"));
    Spinodoid::new(values.vector("angles"), density, waves, pore_size).map_err(|e| {
        let name = match e {
            SpinodoidError::Angles(_) => "angles",
            SpinodoidError::Density(_) => "density",
            SpinodoidError::Waves(_) => "wave_count",
            SpinodoidError::PoreSize(_) => "pore_size",
        };
        ParamError { name: name.into(), what: e.to_string() }
    })
}

fn build(values: &Values, cx: &mut Build<'_>) -> Result<Stage, BuildError> {
    let spinodoid = spinodoid(values, values.integer("wave_count").unwrap_or(1000))?;
    cx.place(values)?;
    Ok(Stage::Pointwise(Box::new(SampleSpinodoid(spinodoid))))
}

struct SampleSpinodoid(Spinodoid);

impl Pointwise for SampleSpinodoid {
    fn evaluate(&self, level: Level, inputs: &[Lanes<'_>], out: &mut LanesMut<'_>) {
        let [x, y, z] = inputs[0].points();
        self.0.at_points(level, x, y, z, out.value());
    }

    /// Only what all waves together can reach: a bound over a block would cost as much as the block.
    fn bounds(&self, _: &[Bounds]) -> Bounds {
        let (level, most) = (self.0.level() as f32, self.0.greatest() as f32);
        Bounds::scalar(Interval::new(-most, most).plus(Interval::point(-level)))
    }
}
