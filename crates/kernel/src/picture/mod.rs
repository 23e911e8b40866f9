//! Small pictures of solids, from above, in front and right: of a mesh triangle by triangle, of samples ray by ray.

mod mesh;
mod samples;

pub use mesh::mesh_picture;
pub use samples::{Samples, samples_picture};

use crate::vector::{dot, norm};

/// A direction or place.
pub type Vector = [f64; 3];

/// The view: `RIGHT`, `UP` and `FORWARD` are orthonormal, to about six digits.
pub const RIGHT: Vector = [0.848_048_096_156_425_9, 0.529_919_264_233_204_9, 0.0];
/// Upwards on the paper.
pub const UP: Vector = [-0.224_859_506_698_758, 0.359_849_6, 0.905_515_6];
/// Away from whoever looks.
pub const FORWARD: Vector = [-0.479_849_7, 0.767_923_3, -0.424_332_9];

/// Lights that shine from there, and how bright each is on a face towards it; every face has [`AMBIENT`].
const LIGHTS: [(Vector, f64); 2] = [([0.35, -0.55, 0.76], 0.5), ([-0.8, -0.6, 0.1], 0.15)];
const AMBIENT: f64 = 0.35;
/// Red, green and blue of what is pictured.
const PAINT: Vector = [0.36, 0.62, 0.86];

/// The colour (0..=1) of a face with this outward normal, of any length; `tint` darkens it.
pub fn shade(normal: Vector, tint: f64) -> Vector {
    let length = norm(normal).max(1e-12);
    let lit = LIGHTS.map(|(from, brightness)| brightness * (dot(normal, from) / length).max(0.0));
    let bright = AMBIENT + lit[0] + lit[1];
    PAINT.map(|c| (tint * (bright * (0.55 + 0.75 * c))).min(1.0))
}

/// Rays per pixel and axis.
const RAYS: usize = 2;
/// Share of the picture that its subject fills.
const FILL: f64 = 0.94;

/// Pixels in the making: a colour for each ray that met something.
struct Rays {
    size: usize,
    colours: Vec<Option<[f32; 3]>>,
}

impl Rays {
    fn new(pixels: u32) -> Rays {
        let size = pixels as usize * RAYS;
        Rays { size, colours: vec![None; size * size] }
    }

    /// Red, green, blue and cover of each pixel, a row after the other from the top: what no ray met is transparent.
    fn finish(&self) -> Vec<u8> {
        let pixels = self.size / RAYS;
        let mut bytes = Vec::with_capacity(pixels * pixels * 4);
        for (y, x) in (0..pixels).flat_map(|y| (0..pixels).map(move |x| (y, x))) {
            let (mut sum, mut met) = ([0.0; 3], 0.0_f32);
            for (j, i) in (0..RAYS).flat_map(|j| (0..RAYS).map(move |i| (j, i))) {
                if let Some(colour) = self.colours[(y * RAYS + j) * self.size + x * RAYS + i] {
                    (0..3).for_each(|c| sum[c] += colour[c]);
                    met += 1.0;
                }
            }
            bytes.extend(sum.map(|c| (c / met.max(1.0) * 255.0).round() as u8));
            bytes.push((met / (RAYS * RAYS) as f32 * 255.0).round() as u8);
        }
        bytes
    }
}

/// How the world lies on the paper: the middle of what is seen, and rays per mm.
struct Frame {
    middle: [f64; 2],
    scale: f64,
    half: f64,
}

impl Frame {
    /// Such that what spans `low..=high` on the paper fills it.
    fn around(low: [f64; 2], high: [f64; 2], size: usize) -> Frame {
        let extent = (high[0] - low[0]).max(high[1] - low[1]).max(f64::MIN_POSITIVE);
        Frame {
            middle: [0, 1].map(|k| 0.5 * (low[k] + high[k])),
            scale: FILL * size as f64 / extent,
            half: 0.5 * size as f64,
        }
    }

    /// Column and row, in rays.
    fn place(&self, at: [f64; 2]) -> [f64; 2] {
        [(at[0] - self.middle[0]) * self.scale + self.half, self.half - (at[1] - self.middle[1]) * self.scale]
    }

    /// On the paper, mm, of a column and row.
    fn point(&self, column: f64, row: f64) -> [f64; 2] {
        [(column - self.half) / self.scale + self.middle[0], (self.half - row) / self.scale + self.middle[1]]
    }
}

/// Right, up and away, mm.
fn seen(p: Vector) -> Vector {
    [dot(p, RIGHT), dot(p, UP), dot(p, FORWARD)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh::TriMesh;
    use crate::{Monitor, Patch};
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    const SIZE: u32 = 64;

    fn cover(bytes: &[u8]) -> f64 {
        bytes.chunks(4).map(|p| f64::from(p[3]) / 255.0).sum::<f64>() / f64::from(SIZE * SIZE)
    }

    /// A ball of radius 3, as a mesh of many faces.
    fn ball() -> TriMesh {
        let (n, m) = (48_u32, 24_u32);
        let mut mesh = TriMesh::default();
        for j in 0..=m {
            for i in 0..n {
                let (a, b) = (
                    f64::from(i) / f64::from(n) * std::f64::consts::TAU,
                    f64::from(j) / f64::from(m) * std::f64::consts::PI,
                );
                mesh.positions.push(
                    [3.0 * b.sin() * a.cos(), 3.0 * b.sin() * a.sin(), 3.0 * b.cos()].map(|v| v as f32),
                );
            }
        }
        for j in 0..m {
            for i in 0..n {
                let at = |i: u32, j: u32| j * n + i % n;
                mesh.triangles.push([at(i, j), at(i, j + 1), at(i + 1, j + 1)]);
                mesh.triangles.push([at(i, j), at(i + 1, j + 1), at(i + 1, j)]);
            }
        }
        mesh
    }

    #[test]
    fn a_ball_is_a_disc_and_the_same_as_mesh_and_as_samples() {
        let monitor = Monitor::none();
        let of_mesh = mesh_picture(&ball(), SIZE, &monitor).unwrap();
        // π/4 of the square that it fills.
        let expected = std::f64::consts::FRAC_PI_4 * FILL * FILL;
        assert!((cover(&of_mesh) - expected).abs() < 0.01, "{} {expected}", cover(&of_mesh));
        let n = 49;
        let patch = Patch::new([6.0; 3], [-3.0; 3], [n; 3]).unwrap();
        let value = |[x, y, z]: [u32; 3]| {
            let at = [x, y, z].map(|i| f64::from(i) * 6.0 / f64::from(n - 1) - 3.0);
            norm(at) as f32 - 3.0
        };
        let samples = Samples { patch: &patch, value: &value };
        let of_samples = samples_picture(&samples, SIZE, &monitor).unwrap();
        assert_eq!(of_mesh.len(), of_samples.len());
        // The box of the samples is framed, not the ball: as large as the box is on the paper.
        let width = 6.0 * (RIGHT[0] + RIGHT[1]);
        let height = 6.0 * (UP[0].abs() + UP[1] + UP[2]);
        let share = (6.0 / width.max(height)).powi(2) * expected;
        assert!((cover(&of_samples) - share).abs() < 0.01, "{} {share}", cover(&of_samples));
        // Bright where it faces the light from above, the same way in both.
        let middle = |bytes: &[u8]| {
            let at = ((SIZE / 2) * SIZE + SIZE / 2) as usize * 4;
            [bytes[at], bytes[at + 1], bytes[at + 2]].map(i32::from)
        };
        let (a, b) = (middle(&of_mesh), middle(&of_samples));
        assert!((0..3).all(|c| (a[c] - b[c]).abs() < 12), "{a:?} {b:?}");
    }

    #[test]
    fn samples_that_are_inside_at_the_border_show_the_faces_of_their_box() {
        let patch = Patch::new([1.0; 3], [0.0; 3], [3; 3]).unwrap();
        let samples = Samples { patch: &patch, value: &|_| -1.0 };
        let bytes = samples_picture(&samples, SIZE, &Monitor::none()).unwrap();
        let colours: std::collections::BTreeSet<_> =
            bytes.chunks(4).filter(|p| p[3] == 255).map(|p| [p[0], p[1], p[2]]).collect();
        assert!(colours.len() >= 3, "three faces of a cube are seen: {colours:?}");
        let nothing = Samples { patch: &patch, value: &|_| 1.0 };
        assert_eq!(cover(&samples_picture(&nothing, SIZE, &Monitor::none()).unwrap()), 0.0);
    }

    #[test]
    fn who_cancels_gets_no_picture() {
        let monitor = Monitor::new(Arc::new(AtomicBool::new(true)), |_| {});
        assert!(mesh_picture(&ball(), SIZE, &monitor).is_err());
    }
}
