//! `SampleVolume`: a volume's samples, looked up anywhere.

use crate::interval::{Bounds, Interval};
use crate::operator::{
    AssetBytes, Build, BuildError, Lanes, LanesMut, OperatorEntry, Pointwise, Port, Stage, Type,
};
use crate::params::{Kind, Param, ParamError, Values};
use crate::xform::XFORM_PARAM;
use fieldstone_kernel::Aabb;
use fieldstone_kernel::simd::Level;
use fieldstone_kernel::volume::{Volume, VolumeError};

/// `volume_offset`.
pub const OFFSET: Param = Param {
    name: "volume_offset",
    kind: Kind::Numbers(3),
    default: None,
    doc: "lowest corner of the box, mm; default: the volume's own",
};
/// `volume_size`.
pub const SIZE: Param = Param {
    name: "volume_size",
    kind: Kind::Numbers(3),
    default: None,
    doc: "extents of the box, mm; default: the volume's own",
};

/// The registry entry.
pub const ENTRY: OperatorEntry = OperatorEntry {
    type_name: "SampleVolume",
    doc: "A volume's samples, interpolated at the points.",
    details: "Trilinear within the box from `volume_offset` to `volume_offset + volume_size`, whose faces hold the outermost samples. Outside the \
        box a number is that of the nearest point of the box plus the distance to the box, a vector that of the nearest \
        point. Values are data: a scaling `xform` moves them, it does not multiply them. Samples that a graph computed are \
        sampled where its grid is unless the box says otherwise.",
    inputs: &[Port::POINTS, Port::required("Volume", Type::Volume)],
    output: Type::Any,
    params: &[OFFSET, SIZE, XFORM_PARAM],
    example: r#"{"volume_offset": [-1, -1, -1], "volume_size": [2, 2, 2]}"#,
    channels: |_, _, inputs| inputs[1],
    check,
    build,
    ..OperatorEntry::SAMPLER
};

/// Refuses a box that is none.
pub fn check(values: &Values, _: AssetBytes<'_>) -> Result<(), ParamError> {
    match values.numbers(SIZE.name) {
        Some(size) if size.iter().any(|s| *s < 0.0) => {
            let what = format!("expected numbers of at least 0, got {size:?}");
            Err(ParamError { name: SIZE.name.into(), what })
        }
        _ => Ok(()),
    }
}

/// The volume of the second input in the box that the parameters give it.
pub fn volume(values: &Values, cx: &Build<'_>) -> Result<Volume, BuildError> {
    let missing = || BuildError::Input("input \"Volume\" is not connected".into());
    let source = cx.volumes.get(1).cloned().flatten().ok_or_else(missing)?;
    let vector = |name: &str, own: [f64; 3]| {
        values.numbers(name).and_then(|v| <[f64; 3]>::try_from(v).ok()).unwrap_or(own)
    };
    let offset = vector("volume_offset", source.patch.offset());
    let size = vector("volume_size", source.patch.size());
    let volume = Volume::new(source.samples, source.patch.resolution(), offset, size, cx.monitor);
    volume.map_err(|e| match e {
        VolumeError::Cancelled(c) => BuildError::Cancelled(c),
        refused => BuildError::Input(refused.to_string()),
    })
}

fn build(values: &Values, cx: &mut Build<'_>) -> Result<Stage, BuildError> {
    let volume = volume(values, cx)?;
    cx.place(values)?;
    Ok(Stage::Pointwise(Box::new(SampleVolume(volume))))
}

struct SampleVolume(Volume);

impl Pointwise for SampleVolume {
    fn channels(&self) -> usize {
        self.0.channels()
    }

    fn evaluate(&self, level: Level, inputs: &[Lanes<'_>], out: &mut LanesMut<'_>) {
        let [x, y, z] = inputs[0].points();
        self.0.sample(level, x, y, z, &mut out.0[..self.0.channels()]);
    }

    fn bounds(&self, inputs: &[Bounds]) -> Bounds {
        if self.0.channels() != 1 || !inputs[0].is_finite() {
            return Bounds::ANY;
        }
        let over = Aabb { min: inputs[0].0.map(|i| i.lo), max: inputs[0].0.map(|i| i.hi) };
        let [lo, hi] = self.0.range(&over);
        Bounds::scalar(Interval::new(lo, hi))
    }
}
