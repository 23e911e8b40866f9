//! `LoadVolume`: samples from an asset.

use crate::affine::Affine;
use crate::finite::NotFinite;
use crate::maker::{Adopt, PatchParams};
use crate::operator::{AssetBytes, Build, BuildError, Domain, OperatorEntry, Promise, Stage, Type, Volume};
use crate::params::{Choices, Kind, Param, ParamError, Values};
use fieldstone_kernel::Patch;
use fieldstone_kernel::simd::Level;
use fieldstone_kernel::volume::Samples;
use std::sync::Arc;

const RESOLUTION: Param = Param {
    name: "resolution",
    kind: Kind::Integers { count: 3, min: 1, max: 1 << 20 },
    default: None,
    doc: "samples per axis; default: as the job says that made the asset, else 64, 64, 64",
};
const SIZE: Param = Param {
    name: "volume_size",
    kind: Kind::Numbers(3),
    default: None,
    doc: "extents of the volume, mm; default: as the job says that made the asset, else 2, 2, 2",
};
const OFFSET: Param = Param {
    name: "volume_offset",
    kind: Kind::Numbers(3),
    default: None,
    doc: "lowest corner of the volume, mm; default: as the job says that made the asset, else −volume_size/2",
};

/// What the job that made the asset may say.
pub const ADOPT: Adopt = Adopt {
    file: "volume_data",
    patch: PatchParams { resolution: &RESOLUTION, size: &SIZE, offset: &OFFSET },
};

/// The registry entry.
pub const ENTRY: OperatorEntry = OperatorEntry {
    type_name: "LoadVolume",
    doc: "A volume from an asset: raw little-endian samples, x fastest.",
    details: "Without `component_type` the asset's size tells it: 1 byte per sample is Byte, 4 Float, 8 Vec2f, 12 Vec3f, 16 \
        Vec4f; any other size is refused. A Byte decodes to value/127, an Integer to its value. Feed it to SampleVolume to sample it \
        anywhere. Fed to a port that takes numbers per point it stands for the samples themselves: as many per axis as those that they are \
        combined with, and at their points, also for operators in between (Redistance, ComputeNormals). How many samples there are and where \
        is told by the parameters, else by the job here that made the asset; a volume of which neither tells, and that meets no other points, \
        lies in the box from (−1, −1, −1) to (1, 1, 1), 2 mm a side. A sample that is infinite or not a number is refused.",
    output: Type::Volume,
    params: &[
        Param {
            name: "volume_data",
            kind: Kind::Asset { file_type: Some("Raw") },
            default: None,
            doc: "the asset; required",
        },
        Param {
            name: "component_type",
            kind: Kind::Choice(&COMPONENTS.words()),
            default: Some("None"),
            doc: "what a sample is; None: from the asset's size",
        },
        RESOLUTION,
        SIZE,
        OFFSET,
    ],
    example: r#"{"volume_data": {"file_type": "Raw", "path": "ball.bin"}, "resolution": [9, 9, 9]}"#,
    channels: |values, bytes, _| {
        let told = COMPONENTS.read(values, "component_type");
        let by_size = || component_of(values, bytes("volume_data")?).ok();
        told.or_else(by_size).map(|component| component.count)
    },
    promise: |_, _| Promise::Sign,
    domain: Some(domain),
    check,
    build,
    ..OperatorEntry::SOURCE
};

fn resolution(values: &Values) -> [u32; 3] {
    let n = values.integers("resolution").unwrap_or(&[64, 64, 64]);
    [n[0] as u32, n[1] as u32, n[2] as u32]
}

/// Where its samples are as long as nothing else says so: the box of GenerateSamplePoints by default.
fn domain(values: &Values) -> Result<Domain, ParamError> {
    let vector = |param: &Param| values.numbers(param.name).and_then(|v| <[f64; 3]>::try_from(v).ok());
    let size = vector(&SIZE).unwrap_or([2.0; 3]);
    let offset = vector(&OFFSET).unwrap_or(size.map(|s| -0.5 * s));
    let patch = Patch::new(size, offset, resolution(values));
    let patch = patch.map_err(|e| ParamError { name: SIZE.name.into(), what: e.to_string() })?;
    Ok(Domain::Grid { patch, affine: Affine::IDENTITY })
}

fn path(values: &Values) -> Result<&str, ParamError> {
    let what = "is required: {\"file_type\": \"Raw\", \"path\": <filename>}";
    values.asset("volume_data").ok_or_else(|| ParamError { name: "volume_data".into(), what: what.into() })
}

/// What the samples of an asset of so many bytes are.
fn component_of(values: &Values, bytes: u64) -> Result<Component, ParamError> {
    let (path, [x, y, z]) = (path(values)?, resolution(values));
    let count = [x, y, z].iter().map(|n| u128::from(*n)).product::<u128>();
    let word = values.word("component_type");
    let told = COMPONENTS.meaning(word);
    let found = told.or_else(|| by_size(u128::from(bytes).checked_div(count)?));
    let fits = found.filter(|c| c.bytes() as u128 * count == u128::from(bytes));
    fits.ok_or_else(|| {
        let kinds = if told.is_none() { "Byte, Float, Vec2f, Vec3f or Vec4f" } else { word };
        let mut what =
            format!("{path:?} has {bytes} bytes, which is no {kinds} volume of {x} × {y} × {z} samples");
        if values.integers(RESOLUTION.name).is_none() {
            what += " (resolution is not given, and no job here made this file)";
        }
        ParamError { name: "volume_data".into(), what }
    })
}

fn check(values: &Values, bytes: AssetBytes<'_>) -> Result<(), ParamError> {
    path(values)?;
    bytes("volume_data").map_or(Ok(()), |n| component_of(values, n).map(drop))
}

fn build(values: &Values, cx: &mut Build<'_>) -> Result<Stage, BuildError> {
    let path = path(values)?;
    let asset = cx.assets.open(path)?;
    let bytes = asset.bytes.as_ref().as_ref();
    let component = component_of(values, bytes.len() as u64)?;
    let domain = domain(values)?;
    let samples = component.decode(bytes);
    if let Some(found) = not_finite(&samples, cx.level) {
        let what = format!("{path:?}: {}", found.told(&domain, 0..domain.resolution()[2]));
        return Err(BuildError::param("volume_data", what));
    }
    let Domain::Grid { patch, .. } = domain else { return Err(BuildError::Input("no grid".into())) };
    Ok(Stage::Volume(Volume { patch, samples: Arc::new(samples) }))
}

/// The first sample with a number that is not finite.
fn not_finite(samples: &Samples, level: Level) -> Option<NotFinite> {
    let (numbers, channels): (&[f32], usize) = match samples {
        Samples::Byte(_) => return None,
        Samples::Float(v) => (v, 1),
        Samples::Vec2(v) => (v.as_flattened(), 2),
        Samples::Vec3(v) => (v.as_flattened(), 3),
        Samples::Vec4(v) => (v.as_flattened(), 4),
    };
    let found = NotFinite::among(level, numbers, 0)?;
    Some(NotFinite { index: found.index / channels, ..found })
}

/// What a sample is made of.
#[derive(Clone, Copy)]
enum Scalar {
    Byte,
    Float,
    Integer,
}

#[derive(Clone, Copy)]
struct Component {
    scalar: Scalar,
    count: usize,
}

/// What the words of `component_type` mean; `None`: what the asset's size says.
const COMPONENTS: Choices<Option<Component>, 10> = Choices([
    ("None", None),
    ("Byte", Some(Component { scalar: Scalar::Byte, count: 1 })),
    ("Float", Some(Component { scalar: Scalar::Float, count: 1 })),
    ("Integer", Some(Component { scalar: Scalar::Integer, count: 1 })),
    ("Vec2f", Some(Component { scalar: Scalar::Float, count: 2 })),
    ("Vec2i", Some(Component { scalar: Scalar::Integer, count: 2 })),
    ("Vec3f", Some(Component { scalar: Scalar::Float, count: 3 })),
    ("Vec3i", Some(Component { scalar: Scalar::Integer, count: 3 })),
    ("Vec4f", Some(Component { scalar: Scalar::Float, count: 4 })),
    ("Vec4i", Some(Component { scalar: Scalar::Integer, count: 4 })),
]);

/// Of so many bytes per sample.
fn by_size(bytes: u128) -> Option<Component> {
    match bytes {
        1 => Some(Component { scalar: Scalar::Byte, count: 1 }),
        4 | 8 | 12 | 16 => Some(Component { scalar: Scalar::Float, count: bytes as usize / 4 }),
        _ => None,
    }
}

impl Component {
    fn bytes(self) -> usize {
        self.count * if matches!(self.scalar, Scalar::Byte) { 1 } else { 4 }
    }

    fn decode(self, bytes: &[u8]) -> Samples {
        let words = |b: &[u8]| {
            let word = <[u8; 4]>::try_from(b).expect("four bytes");
            match self.scalar {
                Scalar::Integer => i32::from_le_bytes(word) as f32,
                _ => f32::from_le_bytes(word),
            }
        };
        if let Scalar::Byte = self.scalar {
            return Samples::Byte(bytes.iter().map(|b| *b as i8).collect());
        }
        fn vectors<const N: usize>(bytes: &[u8], word: impl Fn(&[u8]) -> f32) -> Vec<[f32; N]> {
            let vector = |b: &[u8]| std::array::from_fn(|c| word(&b[4 * c..4 * c + 4]));
            bytes.chunks_exact(4 * N).map(vector).collect()
        }
        match self.count {
            1 => Samples::Float(bytes.chunks_exact(4).map(words).collect()),
            2 => Samples::Vec2(vectors(bytes, words)),
            3 => Samples::Vec3(vectors(bytes, words)),
            _ => Samples::Vec4(vectors(bytes, words)),
        }
    }
}
