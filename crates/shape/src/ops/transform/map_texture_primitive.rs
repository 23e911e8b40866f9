//! `MapTexturePrimitive`: an image pressed into the surface of a primitive.

use super::grade_cell_size::{SHAPE_XFORM, mapped};
use crate::affine::Affine;
use crate::interval::{Bounds, Interval};
use crate::operator::{
    AssetBytes, Build, BuildError, Lanes, LanesMut, OperatorEntry, Pointwise, Port, Stage, Type,
};
use crate::params::{Choices, Kind, Param, ParamError, Values};
use crate::xform::{XFORM_PARAM, conjugate};
use fieldstone_kernel::simd::Level;
use fieldstone_kernel::trig::atan2;

/// The registry entry.
pub const ENTRY: OperatorEntry = OperatorEntry {
    type_name: "MapTexturePrimitive",
    doc: "Moves points along a primitive's normal by the brightness of an image, so that what is sampled there gets its relief.",
    details: "p ← p − n·Image(u, v): n is the outward normal of the primitive at p, (u, v) its texture coordinates times `scale`. A shape sampled at the \
        moved points stands out by Image (mm).\n\n\
        | shape_type | u, v | n |\n|---|---|---|\n\
        | Box | the two other coordinates over `box_width`, + ½, of the face that p/box_width points at | of that face |\n\
        | Cylinder | azimuth/2π + ½, z/box_width.z + ½ | away from the axis |\n\
        | Ellipsoid | azimuth/2π + ½, polar angle/π, both of p/box_width | of the ellipsoid through p |\n\
        | Plane | x/box_width.x + ½, y/box_width.y + ½ | z |\n\n\
        Image is the first layer of a volume: pixel (i, j) of w × h has its middle at ((i + ½)/w, (j + ½)/h), between them it is bilinear, and it \
        repeats. Distances are lost: put a Redistance after the sampler. \
        The points given are the world's: `xform` is undone after the move, so what follows is placed as without it.",
    inputs: &[Port::POINTS, Port::number("Image", Type::Volume)],
    params: &[
        Param {
            name: "shape_type",
            kind: Kind::Choice(&SHAPES.words()),
            default: Some("Box"),
            doc: "the primitive",
        },
        Param {
            name: "box_width",
            kind: Kind::Numbers(3),
            default: Some("[1, 1, 1]"),
            doc: "its full extents, mm",
        },
        Param {
            name: "scale",
            kind: Kind::Numbers(2),
            default: Some("[1, 1]"),
            doc: "how often the image repeats along u and v",
        },
        SHAPE_XFORM,
        XFORM_PARAM,
    ],
    example: r#"{"shape_type": "Cylinder", "box_width": [1, 1, 2], "scale": [4, 2]}"#,
    check,
    build,
    ..OperatorEntry::TRANSFORM
};

fn check(values: &Values, _: AssetBytes<'_>) -> Result<(), ParamError> {
    let width = values.vector::<3>("box_width");
    if !width.iter().all(|w| (1e-6..=1e9).contains(w)) {
        let what = format!("expected three lengths from 1e-6 to 1e9, got {width:?}");
        return Err(ParamError { name: "box_width".into(), what });
    }
    let scale = values.vector::<2>("scale");
    if !scale.iter().all(|s| s.abs() <= 1e6) {
        let what = format!("expected two numbers up to 1e6, got {scale:?}");
        return Err(ParamError { name: "scale".into(), what });
    }
    Ok(())
}

fn build(values: &Values, cx: &mut Build<'_>) -> Result<Stage, BuildError> {
    let width = values.vector::<3>("box_width");
    let scale = values.vector::<2>("scale");
    let missing = || BuildError::Input("input \"Image\" is not connected".into());
    let source = cx.volumes.get(1).cloned().flatten().ok_or_else(missing)?;
    let image = Image::new(&source)?;
    let placed = Affine::placement(values, "shape_xform")?;
    conjugate(values, cx)?;
    let shape = SHAPES.read(values, "shape_type");
    let to_shape = placed.inverse().unwrap_or(Affine::IDENTITY);
    Ok(Stage::Pointwise(Box::new(MapTexture {
        shape,
        per_width: width.map(|w| (1.0 / w) as f32),
        scale: scale.map(|s| s as f32),
        to_shape,
        // Normals go by the transpose of the inverse.
        normals: to_shape.linear.map(|row| row.map(|v| v as f32)),
        image,
    })))
}

/// One channel, repeated in both directions.
struct Image {
    size: [usize; 2],
    pixels: Vec<f32>,
    range: [f32; 2],
}

impl Image {
    fn new(source: &crate::operator::Volume) -> Result<Image, BuildError> {
        let [w, h, _] = source.patch.resolution().map(|n| n as usize);
        let pixels = source.samples.decode(0..w * h).swap_remove(0);
        if let Some(v) = pixels.iter().find(|v| !v.is_finite()) {
            return Err(BuildError::Input(format!("input \"Image\" holds {v}, expected finite numbers")));
        }
        let range =
            pixels.iter().fold([f32::INFINITY, f32::NEG_INFINITY], |[a, b], v| [a.min(*v), b.max(*v)]);
        Ok(Image { size: [w, h], pixels, range })
    }

    fn at(&self, u: f32, v: f32) -> f32 {
        let along = |t: f32, n: usize| {
            let t = (t - t.floor()) * n as f32 - 0.5;
            let low = t.floor();
            let i = (low as i64).rem_euclid(n as i64) as usize;
            (i, (i + 1) % n, t - low)
        };
        let (i, i1, s) = along(u, self.size[0]);
        let (j, j1, t) = along(v, self.size[1]);
        let pixel = |i: usize, j: usize| self.pixels[j * self.size[0] + i];
        let mix = |a: f32, b: f32, t: f32| a + (b - a) * t;
        mix(mix(pixel(i, j), pixel(i1, j), s), mix(pixel(i, j1), pixel(i1, j1), s), t)
    }
}

#[derive(Clone, Copy)]
enum Shape {
    Box,
    Cylinder,
    Ellipsoid,
    Plane,
}

/// What the words of `shape_type` mean.
const SHAPES: Choices<Shape, 4> = Choices([
    ("Box", Shape::Box),
    ("Cylinder", Shape::Cylinder),
    ("Ellipsoid", Shape::Ellipsoid),
    ("Plane", Shape::Plane),
]);

struct MapTexture {
    shape: Shape,
    per_width: [f32; 3],
    scale: [f32; 2],
    to_shape: Affine,
    normals: [[f32; 3]; 3],
    image: Image,
}

impl MapTexture {
    /// Texture coordinates before `scale`, and a normal of any length, in the shape's frame.
    fn coordinates(&self, p: [f32; 3]) -> ([f32; 2], [f32; 3]) {
        let q: [f32; 3] = std::array::from_fn(|a| p[a] * self.per_width[a]);
        let azimuth = |x: f32, y: f32| atan2(y, x) * (0.5 / std::f32::consts::PI) + 0.5;
        match self.shape {
            Shape::Plane => ([q[0] + 0.5, q[1] + 0.5], [0.0, 0.0, 1.0]),
            Shape::Cylinder => ([azimuth(p[0], p[1]), q[2] + 0.5], [p[0], p[1], 0.0]),
            Shape::Ellipsoid => {
                let polar = atan2((q[0] * q[0] + q[1] * q[1]).sqrt(), q[2]) / std::f32::consts::PI;
                ([azimuth(q[0], q[1]), polar], std::array::from_fn(|a| q[a] * self.per_width[a]))
            }
            Shape::Box => {
                let (x, y, z) = (q[0].abs(), q[1].abs(), q[2].abs());
                let face = if x >= y && x >= z {
                    0
                } else if y >= z {
                    1
                } else {
                    2
                };
                let mut n = [0.0; 3];
                n[face] = if q[face] < 0.0 { -1.0 } else { 1.0 };
                let (a, b) = [(1, 2), (0, 2), (0, 1)][face];
                ([q[a] + 0.5, q[b] + 0.5], n)
            }
        }
    }
}

impl Pointwise for MapTexture {
    fn channels(&self) -> usize {
        3
    }

    fn evaluate(&self, level: Level, inputs: &[Lanes<'_>], out: &mut LanesMut<'_>) {
        let p = inputs[0].points();
        let local = mapped(level, &self.to_shape, p);
        let [u, v, w] = out.points();
        for i in 0..p[0].len() {
            let ([s, t], n) = self.coordinates([local[0][i], local[1][i], local[2][i]]);
            let m = &self.normals;
            let world: [f32; 3] = std::array::from_fn(|a| m[0][a] * n[0] + m[1][a] * n[1] + m[2][a] * n[2]);
            let length = (world[0] * world[0] + world[1] * world[1] + world[2] * world[2]).sqrt();
            let by = self.image.at(s * self.scale[0], t * self.scale[1]);
            // On the axis or at the centre there is no outward: the point stays.
            let by = if length > 1e-30 { by / length } else { 0.0 };
            u[i] = p[0][i] - world[0] * by;
            v[i] = p[1][i] - world[1] * by;
            w[i] = p[2][i] - world[2] * by;
        }
    }

    fn bounds(&self, inputs: &[Bounds]) -> Bounds {
        let [lo, hi] = self.image.range;
        let most = lo.abs().max(hi.abs());
        Bounds(inputs[0].0.map(|i| i.plus(Interval::around(0.0, most))))
    }
}
